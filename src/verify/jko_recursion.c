/* JKO steps between Gaussians and the convergence theory's one-step inequality, without training (arXiv 2310.17582).
 *
 *   legend   G(p) = KL(p || N(0,I)), convex along generalised geodesics with lambda = 1; h step size;
 *            eps the L2(p_{k+1}) norm of the first-order residual xi (gaussian_line.h)
 *
 *   one step  (1 + h lambda/2) W2^2(p_{k+1}, q) + 2h G(p_{k+1})  <=  W2^2(p_k, q) + 2h eps^2 / lambda
 *   T1        W2^2(p_k, q)  <=  (1 + h lambda/2)^-k W2^2(p_0, q) + 4 eps^2 / lambda^2
 *   T2        G(p_{k+1})    <=  W2^2(p_k, q) / (2h) + eps^2 / lambda
 */
#include <math.h>
#include "../base/canary.h"
#include "../base/rng.h"
#include "jko.h"

static const pf_normal_law TARGET = {0, 1};

/* ---- the recursion ---- */

enum { ROWS = 4, MOST = 6 };

/* Mean, standard deviation and KL after 1, 2, 3 and 6 steps from N(3, 2^2): seven digits, brute-force minimisation. */
static const struct {
  double h;
  double row[ROWS][3];
} table[] = {
    {.25,
     {{2.4, 1.716515, 3.312916},
      {1.92, 1.506013, 2.067772},
      {1.536, 1.352667, 1.292424},
      {.786432, 1.112535, .3214636}}},
    {.5,
     {{2, 1.548584, 2.261715},
      {1.333333, 1.290656, .9666346},
      {.888889, 1.150233, .4166153},
      {.263374, 1.019390, .03505665}}},
    {1,
     {{1.5, 1.366025, 1.246107},
      {.75, 1.126762, .2966983},
      {.375, 1.042841, .07212243},
      {.046875, 1.001598, .001101184}}},
    {2,
     {{1, 1.215250, .5434666},
      {.333333, 1.043785, .05744557},
      {.111111, 1.008788, .006249836},
      {.004115, 1.000070, 8.4725e-6}}},
};
enum { TABLE = sizeof table / sizeof *table };

static pf_status check_table(pf_verify_run *run, pf_error *error) {
  static const int at[ROWS] = {1, 2, 3, 6};
  for (int t = 0; t < TABLE; t++) {
    pf_normal_law law = {3, 2};
    double worst = 0;
    for (int k = 1, row = 0; k <= MOST; k++) {
      law = pf_jko_gaussian_step(law, table[t].h);
      if (k != at[row]) continue;
      const double *expected = table[t].row[row++];
      worst = fmax(worst, fabs(law.mean - expected[0]));
      worst = fmax(worst, fabs(law.sd - expected[1]));
      worst = fmax(worst, fabs(pf_normal_kl(law) - expected[2]));
    }
    PF_TRY(pf_verify_add(run, (pf_claim){worst, 0, 6e-7}, error, "recursion from N(3,4), h=%g, largest error",
                         table[t].h));
  }
  return PF_OK;
}

/* KL + W2^2/(2h) is the sum of a convex function of the mean and one of the standard deviation: each by golden section. */
static double proximal(pf_normal_law from, double h, pf_normal_law to) {
  return pf_normal_kl(to) + pf_normal_w2_squared(from, to) / (2 * h);
}

static void set(pf_normal_law *law, bool mean, double value) { *(mean ? &law->mean : &law->sd) = value; }

static double golden_section(pf_normal_law from, double h, bool mean, double low, double high) {
  const double ratio = (sqrt(5) - 1) / 2;
  pf_normal_law a = {0, 1}, b = {0, 1};
  while (high - low > 1e-9) {
    double left = high - ratio * (high - low), right = low + ratio * (high - low);
    set(&a, mean, left);
    set(&b, mean, right);
    if (proximal(from, h, a) < proximal(from, h, b))
      high = right;
    else
      low = left;
  }
  return (low + high) / 2;
}

static pf_status check_minimiser(pf_verify_run *run, pf_error *error) {
  static const double sizes[] = {.05, .25, 1, 4, 30};
  const pf_normal_law from = {3, 2};
  double worst = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    pf_normal_law step = pf_jko_gaussian_step(from, sizes[i]);
    worst = fmax(worst, fabs(step.mean - golden_section(from, sizes[i], true, -1, 5)));
    worst = fmax(worst, fabs(step.sd - golden_section(from, sizes[i], false, .05, 5)));
  }
  /* a minimum is located to the square root of rounding */
  PF_TRY(
      pf_verify_add(run, (pf_claim){worst, 0, 2e-7}, error, "recursion against minimisation, largest error"));
  double exact = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    exact = fmax(exact, pf_normal_residual_squared(from, pf_jko_gaussian_step(from, sizes[i]), sizes[i]));
  return pf_verify_add(run, (pf_claim){sqrt(exact), 0, 1e-12}, error, "first-order residual of exact steps");
}

/* ---- the inequality over random inexact steps ---- */

enum { STEPS = 20000, CHAINS = 2000, LENGTH = 20, DIMENSIONS = 3 };

/* A product of Gaussians on the line. */
typedef struct product {
  int d;
  pf_normal_law axis[DIMENSIONS];
} product;

/* Log-uniform. */
static double between(pf_rng *rng, double low, double high) {
  return low * pow(high / low, pf_rng_uniform(rng));
}

static product random_product(pf_rng *rng) {
  product p = {.d = 1 + (int)pf_rng_below(rng, DIMENSIONS)};
  for (int j = 0; j < p.d; j++) p.axis[j] = (pf_normal_law){4 * pf_rng_normal(rng), between(rng, .1, 6)};
  return p;
}

/* The exact step, off by up to `off`. */
static product inexact_step(pf_rng *rng, const product *from, double h, double off) {
  product p = *from;
  for (int j = 0; j < p.d; j++) {
    p.axis[j] = pf_jko_gaussian_step(from->axis[j], h);
    p.axis[j].mean += off * pf_rng_normal(rng);
    p.axis[j].sd *= exp(off * pf_rng_normal(rng));
  }
  return p;
}

static double distance_squared(const product *p) {
  double sum = 0;
  for (int j = 0; j < p->d; j++) sum += pf_normal_w2_squared(p->axis[j], TARGET);
  return sum;
}

static double divergence(const product *p) {
  double sum = 0;
  for (int j = 0; j < p->d; j++) sum += pf_normal_kl(p->axis[j]);
  return sum;
}

static double residual_squared(const product *from, const product *next, double h) {
  double sum = 0;
  for (int j = 0; j < from->d; j++) sum += pf_normal_residual_squared(from->axis[j], next->axis[j], h);
  return sum;
}

/* Both sides up to rounding. */
static bool holds(double left, double right) { return left <= right * (1 + 1e-12) + 1e-12; }

static pf_status check_random_steps(pf_verify_run *run, pf_error *error) {
  int violations = 0;
  double tightest = 0;
  for (int i = 0; i < STEPS; i++) {
    pf_rng rng = pf_rng_at(run->seed, PF_STREAM_VERIFY, 10, (uint64_t)i);
    double h = between(&rng, .02, 20), off = between(&rng, 1e-4, 1);
    product from = random_product(&rng), next = inexact_step(&rng, &from, h, off);
    double eps2 = PF_CANARY(JKO_RESIDUAL, residual_squared(&from, &next, h), 0);
    double left = (1 + h / 2) * distance_squared(&next) + 2 * h * divergence(&next);
    double right = distance_squared(&from) + 2 * h * eps2;
    violations += !holds(left, right);
    tightest = fmax(tightest, left / right);
  }
  PF_TRY(pf_verify_add(run, (pf_claim){violations, 0, 0}, error,
                       "one-step inequality, violations in %d steps", STEPS));
  /* were the two sides far apart, no mistake in either would show */
  return pf_verify_add(run, (pf_claim){tightest, 0.75, 0.25}, error, "its tightest left / right");
}

/* One chain: steps that are off by about `off`, eps the largest residual. */
static void run_chain(pf_rng *rng, int *first, int *second) {
  double h = between(rng, .05, 5), off = between(rng, 1e-4, .3), eps2 = 0, w2[LENGTH + 1], kl[LENGTH + 1];
  product p = random_product(rng);
  w2[0] = distance_squared(&p);
  for (int k = 1; k <= LENGTH; k++) {
    product next = inexact_step(rng, &p, h, off);
    eps2 = fmax(eps2, residual_squared(&p, &next, h));
    p = next;
    w2[k] = distance_squared(&p);
    kl[k] = divergence(&p);
  }
  for (int k = 1; k <= LENGTH; k++) {
    *first += !holds(w2[k], pow(1 + h / 2, -k) * w2[0] + 4 * eps2);
    *second += !holds(kl[k], w2[k - 1] / (2 * h) + eps2);
  }
}

static pf_status check_random_chains(pf_verify_run *run, pf_error *error) {
  int first = 0, second = 0;
  for (int i = 0; i < CHAINS; i++) {
    pf_rng rng = pf_rng_at(run->seed, PF_STREAM_VERIFY, 11, (uint64_t)i);
    run_chain(&rng, &first, &second);
  }
  PF_TRY(pf_verify_add(run, (pf_claim){first, 0, 0}, error, "W2 bound T1, violations in %d chains of %d",
                       CHAINS, LENGTH));
  return pf_verify_add(run, (pf_claim){second, 0, 0}, error, "KL bound T2, violations in %d chains of %d",
                       CHAINS, LENGTH);
}

pf_status pf_verify_jko_recursion(pf_verify_run *run, pf_error *error) {
  PF_TRY(check_table(run, error));
  PF_TRY(check_minimiser(run, error));
  PF_TRY(check_random_steps(run, error));
  PF_TRY(check_random_chains(run, error));
  return pf_verify_progress(run, "Gaussian recursion", 1, 1, error);
}
