/* Kantorovich potentials of W1 between clouds.
 *
 *   legend   y of mu, x of mu_d, n points each; J(mu) = W1(mu, mu_d); c(i,j) = |y_i - x_j|
 *
 *   An optimal plan's duals u_i + v_j <= c(i,j), equal on the plan, extend to phi(z) = min_j |z - x_j| - v_j: 1-Lipschitz
 *   as a minimum of such functions, phi(y_i) = u_i and phi(x_j) = -v_j, hence
 *     attainment     mean phi(y) - mean phi(x) = W1
 *     weak duality   mean psi(y) - mean psi(x) <= W1 for every 1-Lipschitz psi
 *     subgradient    J(nu) - J(mu) >= int phi d(nu - mu), with equality along the flow of mu
 *     on the line    phi' = sign(F_data - F_mu)
 */
#include <math.h>
#include <stdlib.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../ot/assignment.h"
#include "w1fe.h"

static const double ROUNDING = 1e-10;

/* The smallest of several cones: 1-Lipschitz. */
typedef struct cones {
  pf_points tips;
  const double *offset; /* tips.n, may be NULL */
} cones;

static double cones_at(const cones *f, const double *z) {
  double least = INFINITY;
  for (size_t j = 0; j < f->tips.n; j++) {
    double square = 0;
    for (size_t k = 0; k < f->tips.d; k++) {
      double gap = z[k] - f->tips.rows[j * f->tips.d + k];
      square += gap * gap;
    }
    least = fmin(least, sqrt(square) + (f->offset ? f->offset[j] : 0));
  }
  return least;
}

static double mean_over(const cones *f, pf_points z) {
  double sum = 0;
  for (size_t i = 0; i < z.n; i++) sum += cones_at(f, z.rows + i * z.d);
  return sum / (double)z.n;
}

/* ---- one pair of clouds with its potential ---- */

typedef struct pair {
  pf_flow_lab lab;
  double w1;
  double *minus_v; /* n */
  cones potential;
} pair;

static void pair_close(pair *p) {
  pf_flow_lab_close(&p->lab);
  pf_free(p->minus_v);
}

static pf_status pair_open(uint64_t seed, uint64_t draw, pf_flow_lab_size size, pair *out, pf_error *error) {
  pair p = {0};
  pf_assignment found = {0};
  pf_status status = PF_OK;
  PF_TRY(pf_flow_lab_open(seed, draw, size, &p.lab, error));
  PF_TRY_GOTO(
      pf_assignment_points(pf_flow_lab_node(&p.lab, 0), pf_flow_lab_target(&p.lab), 1, &found, error));
  PF_TRY_GOTO(pf_alloc((size_t)size.n, sizeof *p.minus_v, &p.minus_v, error));
  for (int j = 0; j < size.n; j++) p.minus_v[j] = -found.column_dual[j];
  p.w1 = found.total / size.n;
  p.potential = (cones){pf_flow_lab_target(&p.lab), p.minus_v};
  *out = p;
cleanup:
  pf_assignment_clear(&found);
  if (status != PF_OK) pair_close(&p);
  return status;
}

static pf_status check_attainment(pf_verify_run *run, const pair *p, pf_error *error) {
  double dual = mean_over(&p->potential, pf_flow_lab_node(&p->lab, 0)) -
                mean_over(&p->potential, pf_flow_lab_target(&p->lab));
  return pf_verify_add(run, (pf_claim){dual - p->w1, 0, ROUNDING}, error,
                       "n=%d, d=%d: dual value of the potential minus W1", p->lab.n, p->lab.d);
}

/* ---- weak duality ---- */

enum { FUNCTIONS = 200, TIPS = 8, MOST_COLUMNS = 5 };

/* mean psi(y) - mean psi(x), psi cones with random tips and offsets. */
static double cones_gap(pf_rng *rng, const pf_flow_lab *lab) {
  double tips[TIPS * MOST_COLUMNS], offset[TIPS];
  int count = 1 + (int)pf_rng_below(rng, TIPS);
  for (int j = 0; j < count; j++) {
    offset[j] = pf_rng_normal(rng);
    for (int k = 0; k < lab->d; k++) tips[j * lab->d + k] = 3 * pf_rng_normal(rng);
  }
  cones psi = {{tips, (size_t)count, (size_t)lab->d}, offset};
  return mean_over(&psi, pf_flow_lab_node(lab, 0)) - mean_over(&psi, pf_flow_lab_target(lab));
}

/* The same for a random direction of unit length. */
static double linear_gap(pf_rng *rng, const pf_flow_lab *lab) {
  double w[MOST_COLUMNS], square = 0, sum = 0;
  for (int k = 0; k < lab->d; k++) {
    w[k] = pf_rng_normal(rng);
    square += w[k] * w[k];
  }
  for (int i = 0; i < lab->n; i++)
    for (int k = 0; k < lab->d; k++) sum += w[k] * (lab->y[i * lab->d + k] - lab->x[i * lab->d + k]);
  return sum / sqrt(square) / lab->n;
}

static pf_status check_weak_duality(pf_verify_run *run, const pair *p, pf_error *error) {
  int violations = 0;
  double tightest = 0;
  for (int f = 0; f < FUNCTIONS; f++) {
    pf_rng rng = pf_rng_at(run->seed, PF_STREAM_VERIFY, 37, (uint64_t)f);
    double gap = f % 2 ? cones_gap(&rng, &p->lab) : linear_gap(&rng, &p->lab);
    violations += !(fabs(gap) <= p->w1 * (1 + 1e-12)); /* -psi is 1-Lipschitz too */
    tightest = fmax(tightest, fabs(gap) / p->w1);
  }
  PF_TRY(pf_verify_add(run, (pf_claim){violations, 0, 0}, error, "n=%d, d=%d: weak duality, violations of %d",
                       p->lab.n, p->lab.d, FUNCTIONS));
  return pf_verify_add(run, (pf_claim){tightest, .75, .25}, error, "n=%d, d=%d: its tightest / W1", p->lab.n,
                       p->lab.d);
}

/* ---- the subgradient inequality ---- */

enum { LAWS = 100 };

/* nu: mu moved by up to `off`, in random directions. */
static pf_status compare_law(const pair *p, pf_rng *rng, double off, double *nu, double *left, double *right,
                             pf_error *error) {
  pf_points mu = pf_flow_lab_node(&p->lab, 0), law = {nu, mu.n, mu.d};
  double w1;
  for (size_t i = 0; i < mu.n * mu.d; i++) nu[i] = mu.rows[i] + off * pf_rng_normal(rng);
  PF_TRY(pf_wasserstein(law, pf_flow_lab_target(&p->lab), 1, &w1, error));
  *left = w1 - p->w1;
  *right = mean_over(&p->potential, law) - mean_over(&p->potential, mu);
  return PF_OK;
}

static pf_status check_subgradient(pf_verify_run *run, const pair *p, pf_error *error) {
  int violations = 0, rising = 0;
  double *nu = NULL, left, right;
  PF_TRY(pf_alloc((size_t)p->lab.n * (size_t)p->lab.d, sizeof *nu, &nu, error));
  pf_status status = PF_OK;
  for (int i = 0; i < LAWS && status == PF_OK; i++) {
    pf_rng rng = pf_rng_at(run->seed, PF_STREAM_VERIFY, 38, (uint64_t)i);
    status = compare_law(p, &rng, pow(10, -2 + 3. * i / LAWS), nu, &left, &right, error);
    violations += !(left >= right - 1e-12);
    rising += left > 0;
  }
  pf_free(nu);
  PF_TRY(status);
  PF_TRY(pf_verify_add(run, (pf_claim){violations, 0, 0}, error,
                       "n=%d, d=%d: subgradient inequality, violations of %d", p->lab.n, p->lab.d, LAWS));
  /* laws on both sides of J(mu), or it would be a claim about one */
  return pf_verify_add(run, (pf_claim){rising, LAWS / 2., LAWS / 2. - 1}, error,
                       "n=%d, d=%d: laws with larger J among them", p->lab.n, p->lab.d);
}

/* One Euler step of the flow is where both sides agree: each is -eps. */
static pf_status check_equality(pf_verify_run *run, const pf_flow_subject *subject, pair *p,
                                pf_error *error) {
  const pf_particle_schedule step = {.method = PF_ODE_EULER, .steps = 1, .eps = 1e-3};
  PF_TRY(pf_flow_lab_run(&p->lab, subject, (pf_plan_field){.power = 1}, &step, error));
  double right = mean_over(&p->potential, pf_flow_lab_node(&p->lab, 1)) -
                 mean_over(&p->potential, pf_flow_lab_node(&p->lab, 0));
  PF_TRY(pf_verify_add(run, (pf_claim){right / step.eps, -1, 1e-9}, error,
                       "n=%d, d=%d: potential along a step / eps", p->lab.n, p->lab.d));
  return pf_verify_add(run, (pf_claim){(p->lab.distance[1] - p->lab.distance[0]) / step.eps, -1, 1e-9}, error,
                       "n=%d, d=%d: W1 along it / eps", p->lab.n, p->lab.d);
}

/* ---- the line ---- */

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* n times the distribution function just below z. */
static int count_below(const double *values, int n, double z) {
  int count = 0;
  for (int i = 0; i < n; i++) count += values[i] < z;
  return count;
}

static int sign_of(int value) { return (value > 0) - (value < 0); }

/* Between neighbouring points F_data - F_mu is constant and phi is straight, wherever the first is not 0. */
static pf_status check_slopes(pf_verify_run *run, const pair *p, pf_error *error) {
  int n = p->lab.n;
  double *all = NULL, worst = 0;
  PF_TRY(pf_alloc(2 * (size_t)n, sizeof *all, &all, error));
  for (int i = 0; i < n; i++) {
    all[i] = p->lab.x[i];
    all[n + i] = p->lab.y[i];
  }
  qsort(all, 2 * (size_t)n, sizeof *all, by_value);
  for (int i = 0; i + 1 < 2 * n; i++) {
    double middle = (all[i] + all[i + 1]) / 2;
    int sign = sign_of(count_below(p->lab.x, n, middle) - count_below(p->lab.y, n, middle));
    double rise = cones_at(&p->potential, all + i + 1) - cones_at(&p->potential, all + i);
    double deviation = sign ? fabs(rise - sign * (all[i + 1] - all[i])) : 0;
    if (!(deviation <= worst)) worst = deviation;
  }
  pf_free(all);
  return pf_verify_add(run, (pf_claim){worst, 0, ROUNDING}, error,
                       "line: phi' minus sign(F_data - F_mu), largest");
}

/* At y_i itself F_mu jumps by 1/n; the sum of both sides is never 0 and has the sign of every subgradient a plan can take. */
static pf_status check_directions(pf_verify_run *run, const pf_flow_subject *subject, const pair *p,
                                  pf_error *error) {
  int n = p->lab.n, wrong = 0;
  double *gradient = NULL;
  PF_TRY(pf_alloc((size_t)n, sizeof *gradient, &gradient, error));
  pf_status status = pf_plan_gradient(&(pf_plan_field){.power = 1}, pf_flow_lab_node(&p->lab, 0),
                                      pf_flow_lab_target(&p->lab), gradient, NULL, error);
  for (int i = 0; i < n && status == PF_OK; i++) {
    double z = p->lab.y[i];
    int twice = 2 * (count_below(p->lab.x, n, z) - count_below(p->lab.y, n, z)) - 1;
    wrong += !(subject->factor * gradient[i] == sign_of(twice));
  }
  pf_free(gradient);
  PF_TRY(status);
  return pf_verify_add(run, (pf_claim){wrong, 0, 0}, error, "line: points that move the wrong way, of %d", n);
}

/* ---- together ---- */

static pf_status check_pair(pf_verify_run *run, const pf_flow_subject *subject, pair *p, pf_error *error) {
  PF_TRY(check_attainment(run, p, error));
  PF_TRY(check_weak_duality(run, p, error));
  PF_TRY(check_subgradient(run, p, error));
  if (p->lab.d == 1) {
    PF_TRY(check_slopes(run, p, error));
    return check_directions(run, subject, p, error);
  }
  return check_equality(run, subject, p, error);
}

pf_status pf_verify_w1fe_duality(pf_verify_run *run, const pf_flow_subject *subject, pf_error *error) {
  static const pf_flow_lab_size sizes[] = {{200, 1, .5}, {128, 2, 4}, {64, MOST_COLUMNS, 2}};
  for (int i = 0; i < 3; i++) {
    pair p;
    PF_TRY(pair_open(run->seed, 34 + (uint64_t)i, sizes[i], &p, error));
    pf_status status = check_pair(run, subject, &p, error);
    pair_close(&p);
    PF_TRY(status);
  }
  return pf_verify_progress(run, "Kantorovich potentials", 1, 1, error);
}
