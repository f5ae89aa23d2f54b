/* Integrator errors on the exact velocity of a ring of eight Gaussians (characteristic.md sections 1, 3 and 12.1).
 *
 *   legend   z ~ N(0, I) common draws; K uniform steps from 0 to T = .999; Z_K(z) where they end;
 *            RMS(K) = ( E |Z_K(z) - g*(0, T, z)|^2 )^(1/2)
 *   draws    a Fibonacci lattice (i/N, i F/N) mod 1 with a random shift, through Box-Muller: its error is far below that of as
 *            many independent draws, so the bands below need not leave room for it
 *   g*       one RK4 run on the trigonometric clock, where no schedule is singular; the others follow from
 *            x_A(t) = (beta_A(t) / beta_trig(r)) x_trig(r) at equal ratios alpha : beta
 */
#include "characteristic.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../data/law.h"
#include "solver_orders.h"

enum { CHUNK = 256, CHUNKS_AT_ONCE = 16, REFERENCE_STEPS = 400, MOST_STEPS = 4000, D = 2 };

static const double END = 0.999;
static const double TWO_PI = 6.28318530717958647693;

typedef enum scheme { EULER, EXPONENTIAL, HEUN } scheme;
static const char *const scheme_names[] = {"Euler", "exponential", "Heun"};

/* One integrator run; `expected` NaN: no reference value. */
typedef struct entry {
  pf_interpolant kind;
  scheme scheme;
  int steps;
  double expected;
} entry;

/* ---- the draws ---- */

typedef struct lattice {
  int64_t n, generator; /* neighbouring Fibonacci numbers */
  double shift[D];
} lattice;

static lattice make_lattice(uint64_t seed, int64_t draws) {
  int64_t a = 1, b = 2;
  while (b < draws) {
    int64_t next = a + b;
    a = b;
    b = next;
  }
  pf_rng rng = pf_rng_at(seed, PF_STREAM_VERIFY, 0, 0);
  lattice l = {.n = b, .generator = a};
  for (int i = 0; i < D; i++) l.shift[i] = pf_rng_uniform(&rng);
  return l;
}

static void lattice_normals(const lattice *l, int64_t first, int64_t n, double *z) {
  for (int64_t i = 0; i < n; i++) {
    double u = (double)(first + i) / (double)l->n + l->shift[0];
    double v = (double)((first + i) * l->generator % l->n) / (double)l->n + l->shift[1];
    double radius = sqrt(-2 * log1p(-(u - floor(u)))), angle = TWO_PI * v;
    z[D * i] = radius * cos(angle);
    z[D * i + 1] = radius * sin(angle);
  }
}

/* ---- one chunk of draws through every entry ---- */

typedef struct measurement {
  const pf_exact_subject *subject;
  const pf_mixture *mixture;
  const entry *entries;
  int count;
  lattice lattice;
  int reference_steps; /* per unit of the trigonometric clock */
  int64_t first_chunk;
  double *sums; /* chunks x count: sums of squared distances */
  pf_status *status;
} measurement;

/* x moved along the exact flow to `end` of every interpolant: out[kind] is n x D. */
static pf_status reference_states(const measurement *m, int64_t n, double *x, double out[][CHUNK * D]) {
  /* in the order of their trigonometric times */
  static const pf_interpolant order[] = {PF_INTERPOLANT_FOLLMER, PF_INTERPOLANT_TRIG, PF_INTERPOLANT_LINEAR};
  double from = 0;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    pf_interpolant_values v = pf_interpolant_at(order[i], END);
    double to = pf_interpolant_time(PF_INTERPOLANT_TRIG, v.alpha, v.beta);
    PF_TRY(pf_trigonometric_flow(m->mixture, (pf_ode_span){from, to}, m->reference_steps, n, x, NULL));
    double scale = v.beta / pf_interpolant_at(PF_INTERPOLANT_TRIG, to).beta;
    for (int64_t e = 0; e < n * D; e++) out[order[i]][e] = scale * x[e];
    from = to;
  }
  return PF_OK;
}

static pf_status run_entry(const measurement *m, const entry *e, int64_t n, pf_ode_workspace *workspace,
                           double *x) {
  double grid[MOST_STEPS + 1];
  pf_ode_uniform_grid(0, PF_CANARY(VERIFY_END, END, .99), e->steps, grid);
  pf_mixture_field field = {m->mixture, e->kind};
  pf_ode_system system = {m->subject->velocity, &field, n, D};
  pf_ode_options options = {.workspace = workspace};
  if (e->scheme == EXPONENTIAL) {
    pf_ode_exponential_rule rule = {pf_interpolant_coefficients, &e->kind};
    system.field = m->subject->denoiser;
    return pf_ode_exponential(rule, &system, (pf_ode_grid){grid, e->steps}, x, &options, NULL);
  }
  pf_ode_method method = e->scheme == HEUN ? PF_ODE_HEUN : PF_ODE_EULER;
  return pf_ode_fixed(method, &system, (pf_ode_grid){grid, e->steps}, x, &options, NULL);
}

static void measure_chunk(void *context, int task, int thread) {
  const measurement *m = context;
  int64_t chunk = m->first_chunk + task, first = chunk * CHUNK;
  int64_t n = m->lattice.n - first < CHUNK ? m->lattice.n - first : CHUNK;
  double z[CHUNK * D], x[CHUNK * D], exact[PF_INTERPOLANT_COUNT][CHUNK * D];
  pf_ode_workspace workspace = {0};
  (void)thread;
  lattice_normals(&m->lattice, first, n, z);
  memcpy(x, z, sizeof x);
  pf_status status = reference_states(m, n, x, exact);
  for (int k = 0; k < m->count && status == PF_OK; k++) {
    memcpy(x, z, sizeof x);
    status = run_entry(m, &m->entries[k], n, &workspace, x);
    double sum = 0;
    for (int64_t e = 0; e < n * D; e++) {
      double error = x[e] - exact[m->entries[k].kind][e];
      sum += error * error;
    }
    m->sums[chunk * m->count + k] = sum;
  }
  m->status[chunk] = status;
  pf_ode_workspace_free(&workspace);
}

/* rms[count] of the entries; the same for any number of threads. */
static pf_status measure(pf_verify_run *run, measurement *m, const char *stage, double *rms,
                         pf_error *error) {
  int64_t chunks = (m->lattice.n + CHUNK - 1) / CHUNK;
  PF_TRY(pf_alloc((size_t)(chunks * m->count), sizeof(double), &m->sums, error));
  pf_status status = pf_alloc((size_t)chunks, sizeof *m->status, &m->status, error);
  for (int64_t c = 0; c < chunks && status == PF_OK; c += CHUNKS_AT_ONCE) {
    int tasks = chunks - c < CHUNKS_AT_ONCE ? (int)(chunks - c) : CHUNKS_AT_ONCE;
    m->first_chunk = c;
    pf_pool_run(run->pool, tasks, measure_chunk, m);
    status = pf_verify_progress(run, stage, c + tasks, chunks, error);
  }
  for (int k = 0; k < m->count; k++) rms[k] = 0;
  for (int64_t c = 0; c < chunks && status == PF_OK; c++) {
    /* a field that fails or runs away makes its numbers NaN, and so its checks fail */
    for (int k = 0; k < m->count; k++)
      rms[k] += m->status[c] == PF_OK ? m->sums[c * m->count + k] : (double)NAN;
    if (m->status[c] == PF_NO_MEMORY) status = pf_fail(error, PF_NO_MEMORY, "out of memory");
  }
  for (int k = 0; k < m->count; k++) rms[k] = sqrt(rms[k] / (double)m->lattice.n);
  pf_free(m->sums);
  pf_free(m->status);
  return status;
}

/* ---- the reference table ---- */

/* RMS at K = 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 from 100,000 independent draws (Monte Carlo error 0.1 to 0.6 %, up to 2 %
 * in the smallest Heun entries), four decimals. 0: not tabulated. */
enum { COLUMNS = 10 };
static const int columns[COLUMNS] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
static const struct {
  pf_interpolant kind;
  scheme scheme;
  double rms[COLUMNS];
} table[] = {
    {PF_INTERPOLANT_LINEAR, EULER, {4.003, 1.053, .1613, .0841, .0439, .0181, .0091, .0046, .0018, .0009}},
    {PF_INTERPOLANT_LINEAR,
     EXPONENTIAL,
     {4.003, 1.053, .1613, .0841, .0439, .0181, .0091, .0046, .0018, .0009}},
    {PF_INTERPOLANT_LINEAR, HEUN, {3.382, .525, .0317, .0135, .0048, .0010, .0003}},
    {PF_INTERPOLANT_FOLLMER, EULER, {2.817, 1.461, .5892, .2962, .1418, .0533, .0258, .0127, .0050, .0025}},
    {PF_INTERPOLANT_FOLLMER,
     EXPONENTIAL,
     {3.948, 1.393, .3819, .1587, .0828, .0470, .0289, .0163, .0070, .0036}},
    {PF_INTERPOLANT_FOLLMER, HEUN, {42.09, 7.80, 1.320, .3327, .0867, .0137, .0033, .0008}},
    {PF_INTERPOLANT_TRIG, EULER, {2.822, .827, .1784, .0664, .0320, .0129, .0065, .0033, .0013, .0007}},
    {PF_INTERPOLANT_TRIG,
     EXPONENTIAL,
     {4.006, 1.054, .1707, .0875, .0476, .0202, .0103, .0052, .0021, .0010}},
    {PF_INTERPOLANT_TRIG, HEUN, {2.704, .613, .1107, .0330, .0093, .0016, .0004}},
};
enum { ROWS = sizeof table / sizeof *table };

/* 5 %, and no less than the table's last digit can say. */
static double table_tolerance(double expected) { return fmax(0.05 * expected, 6e-5); }

static pf_status open_ring(pf_law **law, pf_error *error) { return pf_law_create("ring8", law, error); }

pf_status pf_verify_integrator_errors(pf_verify_run *run, const pf_exact_subject *subject, pf_error *error) {
  entry entries[ROWS * COLUMNS];
  double rms[ROWS * COLUMNS];
  int count = 0;
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < COLUMNS; c++)
      if (table[r].rms[c] > 0)
        entries[count++] = (entry){table[r].kind, table[r].scheme, columns[c], table[r].rms[c]};
  pf_law *law = NULL;
  PF_TRY(open_ring(&law, error));
  measurement m = {.subject = subject,
                   .mixture = pf_law_mixture(law),
                   .entries = entries,
                   .count = count,
                   .lattice = make_lattice(run->seed, subject->draws),
                   .reference_steps = REFERENCE_STEPS};
  pf_status status = measure(run, &m, "integrator errors", rms, error);
  for (int k = 0; k < count && status == PF_OK; k++) {
    const entry *e = &entries[k];
    pf_claim claim = {rms[k], e->expected, table_tolerance(e->expected)};
    status = pf_verify_add(run, claim, error, "rms %s %s K=%d", pf_interpolant_name(e->kind),
                           scheme_names[e->scheme], e->steps);
  }
  pf_law_free(law);
  return status;
}

/* ---- orders ---- */

/* Where log RMS against log K is straight: the singular end of Follmer's velocity delays its schemes. */
enum { LADDER = 3 };
static const struct {
  pf_interpolant kind;
  scheme scheme;
  int order;
  int steps[LADDER];
} ladders[] = {
    {PF_INTERPOLANT_LINEAR, EULER, 1, {200, 400, 800}},
    {PF_INTERPOLANT_LINEAR, HEUN, 2, {200, 400, 800}},
    {PF_INTERPOLANT_FOLLMER, EULER, 1, {200, 400, 800}},
    {PF_INTERPOLANT_FOLLMER, EXPONENTIAL, 1, {400, 800, 1600}},
    {PF_INTERPOLANT_FOLLMER, HEUN, 2, {200, 400, 800}},
    {PF_INTERPOLANT_TRIG, EULER, 1, {200, 400, 800}},
    {PF_INTERPOLANT_TRIG, EXPONENTIAL, 1, {200, 400, 800}},
    {PF_INTERPOLANT_TRIG, HEUN, 2, {200, 400, 800}},
};
enum { LADDERS = sizeof ladders / sizeof *ladders, FINE_REFERENCE_STEPS = 2000 };

/* Least-squares slope of log RMS over log K. */
static double fitted_slope(const int *steps, const double *rms) {
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (int i = 0; i < LADDER; i++) {
    mean_x += log(steps[i]) / LADDER;
    mean_y += log(rms[i]) / LADDER;
  }
  for (int i = 0; i < LADDER; i++) {
    xx += (log(steps[i]) - mean_x) * (log(steps[i]) - mean_x);
    xy += (log(steps[i]) - mean_x) * (log(rms[i]) - mean_y);
  }
  return xy / xx;
}

pf_status pf_verify_integrator_orders(pf_verify_run *run, const pf_exact_subject *subject, pf_error *error) {
  entry entries[LADDERS * LADDER];
  double rms[LADDERS * LADDER];
  for (int r = 0; r < LADDERS; r++)
    for (int i = 0; i < LADDER; i++)
      entries[r * LADDER + i] = (entry){ladders[r].kind, ladders[r].scheme, ladders[r].steps[i], NAN};
  pf_law *law = NULL;
  PF_TRY(open_ring(&law, error));
  measurement m = {.subject = subject,
                   .mixture = pf_law_mixture(law),
                   .entries = entries,
                   .count = LADDERS * LADDER,
                   .lattice = make_lattice(run->seed, subject->order_draws),
                   .reference_steps = FINE_REFERENCE_STEPS};
  pf_status status = measure(run, &m, "orders", rms, error);
  for (int r = 0; r < LADDERS && status == PF_OK; r++) {
    pf_claim claim = {-fitted_slope(ladders[r].steps, rms + r * LADDER), ladders[r].order, 0.1};
    status = pf_verify_add(run, claim, error, "order of %s %s", pf_interpolant_name(ladders[r].kind),
                           scheme_names[ladders[r].scheme]);
  }
  pf_law_free(law);
  return status;
}
