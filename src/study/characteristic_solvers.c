/* Samplers on exact velocities: error against network evaluations, and their orders in the number of steps.
 *
 *   legend   K even steps from noise to T = .999; W2 exact for a Gaussian law, a coupling bound for mixtures
 *   order    slope of the error in K over the last three K, where it is straight; seeds change the draws of a mixture and the
 *            times of random-midpoint
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../data/law.h"
#include "../verify/solver_orders.h"
#include "characteristic.h"

enum {
  STEPS = 6,
  SEEDS = 4,
  LAWS = 2,
  SOLVERS = PF_SOLVER_DOPRI5,
  FIXED_CELLS = LAWS * SOLVERS * STEPS * SEEDS,
  DIGITS = 5
};
enum { CELLS = FIXED_CELLS + LAWS * DIGITS, FITTED = 3 };
enum { W2, EVALUATIONS, VALUES };
static const int steps[STEPS] = {5, 10, 20, 40, 80, 160};
static const char *const laws[LAWS] = {"gauss:d=4,mean=1,variance=0.25,rho=0.5", "ring8"};
static const char *const law_names[LAWS] = {"Gaussian", "ring8"};
static const char *const value_names[VALUES] = {"w2", "evaluations"};

/* Which run: steps are the digits of dopri5. */
typedef struct place {
  int law, step, seed;
  pf_solver solver;
} place;

static place place_of(int cell) {
  if (cell >= FIXED_CELLS) {
    int k = cell - FIXED_CELLS;
    return (place){k / DIGITS, k % DIGITS, 0, PF_SOLVER_DOPRI5};
  }
  return (place){cell / (SOLVERS * STEPS * SEEDS), cell / SEEDS % STEPS, cell % SEEDS,
                 (pf_solver)(cell / (STEPS * SEEDS) % SOLVERS)};
}

static int cell_at(int law, int solver, int step, int seed) {
  return ((law * SOLVERS + solver) * STEPS + step) * SEEDS + seed;
}

static int steps_of(place p) { return p.solver == PF_SOLVER_DOPRI5 ? p.step + 2 : steps[p.step]; }

static void describe(int cell, pf_cell_text *out) {
  place p = place_of(cell);
  snprintf(out->key, sizeof out->key, "%s %s K=%d #%d", law_names[p.law], pf_solver_facts_of(p.solver)->name,
           steps_of(p), p.seed + 1);
  out->cost = p.law == 0 ? 0.05 : 0.6;
}

/* The cell's seed depends on nothing else: all solvers share draws. */
static pf_status measure(const pf_cell_run *run, double *values, pf_error *error) {
  place p = place_of(run->cell);
  pf_law *law = NULL;
  PF_TRY(pf_law_create(laws[p.law], &law, error));
  pf_solver_cell cell = {.mixture = pf_law_mixture(law),
                         .interpolant = PF_INTERPOLANT_TRIG,
                         .end = 0.999,
                         .solver = p.solver,
                         .steps = steps_of(p),
                         .seed = run->seed * 1000 + (uint64_t)p.seed,
                         .draws = 1000};
  pf_status status = cell.mixture ? pf_solver_error(&cell, &values[W2], &values[EVALUATIONS], error)
                                  : pf_fail(error, PF_FAILED, "law %s is no mixture", laws[p.law]);
  pf_law_free(law);
  return status;
}

/* ---- conclusion ---- */

/* Order of a solver over the last steps: a slope for every seed, whose draws are common to all steps, and the mean of them. */
static pf_estimate order_of(const pf_experiment *e, int law, int solver) {
  double orders[SEEDS];
  for (int k = 0; k < SEEDS; k++) {
    double x[FITTED], y[FITTED];
    for (int i = 0; i < FITTED; i++) {
      x[i] = steps[STEPS - FITTED + i];
      y[i] = e->cells[cell_at(law, solver, STEPS - FITTED + i, k)].values[W2];
    }
    orders[k] = -pf_estimate_slope(x, y, FITTED, NULL).value;
  }
  return pf_estimate_mean(orders, SEEDS);
}

static pf_status check_orders(pf_experiment *e, pf_error *error) {
  for (int solver = 0; solver < SOLVERS; solver++) {
    const pf_solver_facts *facts = pf_solver_facts_of((pf_solver)solver);
    for (int law = 0; law < LAWS; law++) {
      pf_band band = {facts->order - 0.25, law == 0 ? INFINITY : facts->order + 0.5};
      PF_TRY(pf_conclude_check(e, order_of(e, law, solver), band, error, "order of %s, %s", facts->name,
                               law_names[law]));
    }
  }
  return PF_OK;
}

static pf_status add_solver(pf_experiment *e, int law, int solver, pf_error *error) {
  pf_study_point points[STEPS];
  for (int s = 0; s < STEPS; s++) {
    double y[SEEDS];
    for (int k = 0; k < SEEDS; k++) y[k] = e->cells[cell_at(law, solver, s, k)].values[W2];
    points[s] = pf_bare_point(e->cells[cell_at(law, solver, s, 0)].values[EVALUATIONS],
                              pf_estimate_mean(y, SEEDS).value);
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, STEPS}, error, "%s",
                            pf_solver_facts_of((pf_solver)solver)->name);
}

static pf_status add_chart(pf_experiment *e, int law, pf_error *error) {
  pf_study_point points[DIGITS];
  PF_TRY(pf_conclude_chart(e, (pf_chart_head){law_names[law], "evaluations a sample", "W2 error", true, true},
                           error));
  for (int solver = 0; solver < SOLVERS; solver++) PF_TRY(add_solver(e, law, solver, error));
  for (int i = 0; i < DIGITS; i++) {
    const double *v = e->cells[FIXED_CELLS + law * DIGITS + i].values;
    points[i] = pf_bare_point(v[EVALUATIONS], v[W2]);
  }
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_POINTS, points, DIGITS}, error,
                            "dopri5, 2 to 6 digits");
}

static pf_status conclude(pf_experiment *e, pf_error *error) {
  PF_TRY(check_orders(e, error));
  for (int law = 0; law < LAWS; law++) PF_TRY(add_chart(e, law, error));
  return PF_OK;
}

const pf_experiment_plan pf_study_solvers = {
    .name = "solvers",
    .title = "Samplers on exact velocities",
    .claim = "The error of a sampler with K steps falls as K^-p: p = 1 for Euler and exponential steps, 3/2 "
             "for the random midpoint (in "
             "root mean square), 2 for the two-step exponential, the midpoint, Heun and local linearisation, "
             "4 for Runge-Kutta.",
    .source = "Textbook orders on smooth fields; random midpoint arXiv 1909.05503, two-step exponential "
              "arXiv 2211.01095, first order "
              "of the probability-flow ODE in total variation arXiv 2408.02320 (abstract).",
    .protocol = "Exact velocity of a correlated Gaussian in four dimensions and of the ring of eight "
                "Gaussians; trigonometric "
                "interpolant to T = .999; K = 5 to 160 even steps. Gaussian: exact W2 of the sampler's law "
                "to that of X_T. Ring: root "
                "mean square distance to the fine flow on 1000 common draws, a bound of W2; four seeds, a "
                "slope each. `dopri5` with "
                "tolerances 10^-2 to 10^-6 as points. (With two modes in four dimensions a handful of draws "
                "on the border between them "
                "carry the whole mean square: no number of draws that fits here decides an order.)",
    .band = "Order over K = 40, 80, 160 within -0.25 and +0.5 of p: K is finite and modes are narrow. On a "
            "Gaussian, whose errors may "
            "cancel, any order from p - 0.25.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = CELLS,
    .describe = describe,
    .measure = measure,
    .conclude = conclude};
