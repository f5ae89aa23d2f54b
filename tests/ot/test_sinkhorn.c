/* Sinkhorn: closed forms, the assignment as its limit, marginals, symmetries, faults. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ot/assignment.h"
#include "ot/clouds.h"
#include "ot/exp.h"
#include "ot/sinkhorn.h"

static pf_sinkhorn_problem between(const double *x, size_t n, const double *y, size_t m, size_t d,
                                   int power) {
  return (pf_sinkhorn_problem){.x = {x, n, d}, .y = {y, m, d}, .power = power};
}

static pf_sinkhorn solve(const pf_sinkhorn_problem *problem, pf_sinkhorn_options options) {
  pf_sinkhorn found = {0};
  pf_error error = {0};
  if (pf_sinkhorn_solve(problem, options, &found, &error) != PF_OK) fail_msg("%s", error.message);
  return found;
}

static pf_sinkhorn_options at(double epsilon, double tolerance, int iterations) {
  pf_sinkhorn_options options = pf_sinkhorn_options_default();
  options.epsilon = epsilon;
  options.tolerance = tolerance;
  options.iterations = iterations;
  return options;
}

static void exp_is_exact(void **state) {
  (void)state;
  for (double x = -707.9; x < 709; x += .0137) {
    double expected = exp(x);
    assert_true(fabs(pf_exp(x) - expected) <= 4.5e-16 * expected);
  }
  assert_true(pf_exp(0) == 1 && pf_exp(-INFINITY) == 0 && pf_exp(-1e300) == 0);
  assert_true(pf_exp(INFINITY) == INFINITY && pf_exp(1e300) == INFINITY && isnan(pf_exp(NAN)));
}

/* Two points a unit apart on either side: the plan keeps 1 / (1 + exp(-1 / eps)) of the mass in place. */
static void two_points_have_a_closed_form(void **state) {
  (void)state;
  double cost[4] = {0, 1, 1, 0};
  pf_sinkhorn_problem problem = {.matrix = cost, .rows = 2, .columns = 2};
  for (double eps = .05; eps < 10; eps *= 3) {
    pf_sinkhorn s = solve(&problem, at(eps, 1e-14, 100));
    double moved = 1 / (1 + exp(1 / eps)), p = (1 - moved) / 2, q = moved / 2;
    assert_true(s.converged && s.marginal_error <= 1e-13);
    assert_true(fabs(s.cost - moved) <= 1e-14);
    assert_true(fabs(s.objective - (moved + eps * 2 * (p * log(p) + q * log(q)))) <= 1e-13 * (1 + eps));
    assert_true(fabs(s.dual - s.objective) <= 1e-13 * (1 + eps));
    pf_sinkhorn_clear(&s);
  }
}

/* Costs r_i + s_j leave nothing to choose: the plan is the product of its marginals after one iteration. */
static void separable_costs_give_the_product(void **state) {
  (void)state;
  double r[3] = {1, -2, .5}, s[5] = {0, 3, -1, 2, .25}, a[3] = {.2, .5, .3}, b[5] = {.1, .4, .05, .25, .2},
         cost[15];
  double mean = 0;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 5; j++) cost[5 * i + j] = r[i] + s[j];
  for (int i = 0; i < 3; i++) mean += a[i] * r[i];
  for (int j = 0; j < 5; j++) mean += b[j] * s[j];
  pf_sinkhorn_problem problem = {
      .matrix = cost, .rows = 3, .columns = 5, .row_weights = a, .column_weights = b};
  pf_sinkhorn found = solve(&problem, at(.3, 1e-12, 50));
  assert_int_equal(found.iterations, 1);
  assert_true(fabs(found.cost - mean) <= 1e-13);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 5; j++) {
      double p = exp((found.row_potential[i] + found.column_potential[j] - cost[5 * i + j]) / .3);
      assert_true(fabs(p - a[i] * b[j]) <= 1e-14);
    }
  pf_sinkhorn_clear(&found);
}

/* N(0, s^2) on n points of a grid, by the trapezoidal rule (exact to rounding). */
static void gaussian_grid(size_t n, double s, double *x, double *weight) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    x[i] = s * (12.0 * (double)i / (double)(n - 1) - 6);
    sum += weight[i] = exp(-.5 * x[i] * x[i] / (s * s));
  }
  for (size_t i = 0; i < n; i++) weight[i] /= sum;
}

/* Between N(0, s^2) and N(0, t^2) the plan is Gaussian with covariance c, 2 (s^2 t^2 - c^2) = eps c. */
static void gaussians_have_a_closed_form(void **state) {
  (void)state;
  enum { N = 201, M = 180 };
  double x[N], y[M], a[N], b[M], mean[N];
  double s = 1, t = .6, eps = .4, c = (-eps + sqrt(eps * eps + 16 * s * s * t * t)) / 4;
  gaussian_grid(N, s, x, a);
  gaussian_grid(M, t, y, b);
  pf_sinkhorn_problem problem = between(x, N, y, M, 1, 2);
  problem.row_weights = a;
  problem.column_weights = b;
  pf_sinkhorn found = solve(&problem, at(eps, 1e-13, 2000));
  assert_true(found.converged);
  assert_true(fabs(found.cost - (s * s + t * t - 2 * c)) <= 1e-6); /* tails past six deviations are missing */
  assert_int_equal(pf_sinkhorn_project(&problem, eps, &found, (pf_points){y, M, 1}, mean, NULL), PF_OK);
  for (size_t i = 60; i < 140; i++) assert_true(fabs(mean[i] - c / (s * s) * x[i]) <= 1e-6);
  pf_sinkhorn_clear(&found);
}

/* <P, C> + eps sum P log P at the assignment is W - eps log n: the entropic optimum lies below, its cost within
 * eps log n of W. */
static void approaches_the_assignment(void **state) {
  (void)state;
  enum { N = 60 };
  double x[2 * N], y[2 * N];
  normal_cloud(1, N, 2, 0, x);
  normal_cloud(2, N, 2, 1, y);
  for (int power = 1; power <= 2; power++) {
    pf_assignment a = {0};
    assert_int_equal(pf_assignment_points((pf_points){x, N, 2}, (pf_points){y, N, 2}, power, &a, NULL),
                     PF_OK);
    double w = a.total / N, before = INFINITY;
    pf_assignment_clear(&a);
    pf_sinkhorn_problem problem = between(x, N, y, N, 2, power);
    for (double eps = .1; eps > 1e-4; eps /= 4) {
      pf_sinkhorn_options options = at(eps, 1e-6, 20000);
      options.first_epsilon = 1;
      pf_sinkhorn s = solve(&problem, options);
      double slack = 50 * s.marginal_error; /* twice the largest cost */
      assert_true(s.marginal_error <= 1e-4);
      assert_true(s.dual <= w - eps * log(N) + 1e-12); /* whatever has converged */
      assert_true(s.cost >= w - slack && s.cost <= w + eps * log(N) + slack && s.cost <= before + slack);
      before = s.cost;
      pf_sinkhorn_clear(&s);
    }
    assert_true(fabs(before - w) <= 1e-3);
  }
}

/* The plan and its marginals from the potentials, apart from the solver; the kept kernel against none, with absorptions
 * (costs up to thousands of epsilons). */
static void marginals_are_what_is_said(void **state) {
  (void)state;
  enum { N = 90, M = 70, D = 3 };
  double x[N * D], y[M * D], column[M];
  normal_cloud(3, N, D, 0, x);
  normal_cloud(4, M, D, 2, y);
  pf_sinkhorn_problem problem = between(x, N, y, M, D, 2);
  pf_sinkhorn_options options = at(.01, 0, 300);
  pf_sinkhorn s = solve(&problem, options);
  double cost = 0, gap = 0;
  memset(column, 0, sizeof column);
  for (size_t i = 0; i < N; i++) {
    double row = 0;
    for (size_t j = 0; j < M; j++) {
      double c = 0;
      for (size_t k = 0; k < D; k++) c += pow(x[i * D + k] - y[j * D + k], 2);
      double p = exp((s.row_potential[i] + s.column_potential[j] - c) / .01);
      row += p;
      column[j] += p;
      cost += p * c;
    }
    assert_true(fabs(row - 1.0 / N) <= 1e-12);
  }
  for (size_t j = 0; j < M; j++) gap += fabs(column[j] - 1.0 / M);
  assert_true(fabs(cost - s.cost) <= 1e-11 && fabs(gap - s.marginal_error) <= 1e-11);
  options.kernel_limit = 0;
  pf_sinkhorn anew = solve(&problem, options);
  for (size_t i = 0; i < N; i++) assert_true(fabs(s.row_potential[i] - anew.row_potential[i]) <= 1e-10);
  assert_true(fabs(s.cost - anew.cost) <= 1e-10 && !s.converged && s.iterations == 300);
  pf_sinkhorn_clear(&anew);
  pf_sinkhorn_clear(&s);
}

/* POT 0.9.7 sinkhorn(method='sinkhorn_log', numItermax=50, stopThr=0) on the clouds of ot/clouds.h. */
static void agrees_with_pot(void **state) {
  (void)state;
  double x[64 * 3], y[48 * 3];
  formula_cloud(64, 3, 5, 1, 0, x);
  formula_cloud(48, 3, 77, 1.5, .1, y);
  pf_sinkhorn_problem problem = between(x, 64, y, 48, 3, 2);
  pf_sinkhorn s = solve(&problem, at(.02, 0, 50));
  assert_true(fabs(s.cost - 0.3291251812645589) <= 1e-12);
  assert_true(fabs(s.marginal_error - 0.024823418508141317) <= 1e-12);
  pf_sinkhorn_clear(&s);
}

static void order_and_side_do_not_matter(void **state) {
  (void)state;
  enum { N = 50, M = 35 };
  double x[2 * N], y[2 * M], turned[2 * N], cost[N * M];
  normal_cloud(5, N, 2, 0, x);
  normal_cloud(6, M, 2, .5, y);
  for (size_t i = 0; i < N; i++) memcpy(turned + 2 * (N - 1 - i), x + 2 * i, 2 * sizeof *x);
  pf_sinkhorn_problem forth = between(x, N, y, M, 2, 1), back = between(y, M, x, N, 2, 1),
                      reversed = between(turned, N, y, M, 2, 1);
  pf_sinkhorn_problem given = {.matrix = cost, .rows = N, .columns = M};
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < M; j++)
      cost[i * M + j] = sqrt((x[2 * i] - y[2 * j]) * (x[2 * i] - y[2 * j]) +
                             (x[2 * i + 1] - y[2 * j + 1]) * (x[2 * i + 1] - y[2 * j + 1]));
  pf_sinkhorn_options options = at(.1, 1e-13, 20000);
  pf_sinkhorn a = solve(&forth, options), b = solve(&back, options), c = solve(&reversed, options),
              d = solve(&given, options);
  assert_true(a.converged && b.converged && fabs(a.cost - b.cost) <= 1e-11);
  for (size_t i = 0; i < N; i++) {
    assert_true(fabs(a.row_potential[i] - c.row_potential[N - 1 - i]) <= 1e-11);
    assert_true(a.row_potential[i] == d.row_potential[i]);
  }
  assert_true(a.cost == d.cost);
  pf_sinkhorn_clear(&a);
  pf_sinkhorn_clear(&b);
  pf_sinkhorn_clear(&c);
  pf_sinkhorn_clear(&d);
}

static void refused(const pf_sinkhorn_problem *problem, pf_sinkhorn_options options, pf_status expected,
                    const char *says) {
  pf_sinkhorn out = {.rows = 99};
  pf_error error = {0};
  assert_int_equal(pf_sinkhorn_solve(problem, options, &out, &error), expected);
  if (strstr(error.message, says) == NULL) fail_msg("'%s' does not say '%s'", error.message, says);
  assert_true(out.rows == 99 && out.row_potential == NULL);
}

static void refuses_bad_input(void **state) {
  (void)state;
  double x[4] = {0, 1, 2, 3}, broken[4] = {0, 1, NAN, 3}, far[4] = {1e9, 0, 0, 0}, light[2] = {.5, .4},
         none[2] = {1, 0};
  pf_sinkhorn_problem good = between(x, 2, x, 2, 2, 2), bad = between(x, 2, broken, 2, 2, 2);
  pf_sinkhorn_options options = at(.1, 1e-9, 10);
  refused(&good, at(0, 1e-9, 10), PF_USAGE, "epsilon 0");
  refused(&good, at(-1, 1e-9, 10), PF_USAGE, "epsilon -1");
  refused(&good, at(NAN, 1e-9, 10), PF_USAGE, "epsilon nan");
  refused(&good, at(.1, NAN, 10), PF_USAGE, "tolerance nan");
  refused(&good, at(.1, 1e-9, 0), PF_USAGE, "0 iterations");
  options.first_epsilon = INFINITY;
  refused(&good, options, PF_USAGE, "first epsilon inf");
  options.first_epsilon = 0;
  refused(&bad, options, PF_NON_FINITE, "second sample: row 1, column 0 is nan");
  bad = between(x, 2, x, 4, 2, 3);
  bad.y.n = 2;
  refused(&bad, options, PF_USAGE, "power 3");
  bad = between(x, 0, x, 2, 2, 2);
  refused(&bad, options, PF_BAD_INPUT, "0 rows");
  bad = between(x, 2, x, 2, 2, 2);
  bad.y.d = 1;
  refused(&bad, options, PF_BAD_INPUT, "2 columns, the second 1");
  bad = between(x, 2, far, 2, 2, 2);
  refused(&bad, options, PF_NON_FINITE, "too large beside epsilon 0.1");
  bad = good;
  bad.row_weights = light;
  refused(&bad, options, PF_BAD_INPUT, "weights of the rows sum to 0.9");
  bad.row_weights = none;
  refused(&bad, options, PF_BAD_INPUT, "weight of row 1 is 0");
  bad = (pf_sinkhorn_problem){.matrix = broken, .rows = 2, .columns = 2};
  refused(&bad, options, PF_NON_FINITE, "row 1, column 0 is nan");
  bad.columns = 0;
  refused(&bad, options, PF_BAD_INPUT, "2 x 0");
}

static void projection_checks_its_shapes(void **state) {
  (void)state;
  double x[4] = {0, 1, 2, 3}, out[4] = {7, 7, 7, 7};
  pf_sinkhorn_problem problem = between(x, 2, x, 2, 2, 2);
  pf_sinkhorn s = solve(&problem, at(.1, 1e-12, 100));
  pf_error error = {0};
  assert_int_equal(pf_sinkhorn_project(&problem, .1, &s, (pf_points){x, 1, 4}, out, &error), PF_BAD_INPUT);
  assert_non_null(strstr(error.message, "1 targets"));
  assert_int_equal(pf_sinkhorn_project(&problem, -2, &s, (pf_points){x, 2, 2}, out, &error), PF_USAGE);
  assert_true(out[0] == 7 && out[3] == 7);
  pf_sinkhorn_clear(&s);
}

static void every_failed_allocation_is_reported(void **state) {
  (void)state;
  double x[40], out[40];
  normal_cloud(1, 10, 4, 0, x);
  pf_sinkhorn_problem problem = between(x, 10, x, 10, 4, 2);
  int k = 1;
  for (bool solved = false;; k++) {
    pf_sinkhorn found = {.rows = 99};
    pf_memory_fail_at(k);
    pf_status status = pf_sinkhorn_solve(&problem, at(.1, 1e-9, 10), &found, NULL);
    solved = status == PF_OK;
    if (solved) status = pf_sinkhorn_project(&problem, .1, &found, problem.y, out, NULL);
    pf_memory_fail_at(0);
    if (solved) pf_sinkhorn_clear(&found);
    if (status == PF_OK) break;
    assert_int_equal(status, PF_NO_MEMORY);
    assert_true(solved || found.rows == 99);
  }
  assert_true(k > 15);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exp_is_exact),
      cmocka_unit_test(two_points_have_a_closed_form),
      cmocka_unit_test(separable_costs_give_the_product),
      cmocka_unit_test(gaussians_have_a_closed_form),
      cmocka_unit_test(approaches_the_assignment),
      cmocka_unit_test(marginals_are_what_is_said),
      cmocka_unit_test(agrees_with_pot),
      cmocka_unit_test(order_and_side_do_not_matter),
      cmocka_unit_test(refuses_bad_input),
      cmocka_unit_test(projection_checks_its_shapes),
      cmocka_unit_test(every_failed_allocation_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
