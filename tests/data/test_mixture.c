/* Gaussian mixtures: closed forms, the JSON reader and its messages. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "data/mixture.h"
#include "data/symmetric.h"

static const double PI = 3.14159265358979323846;

static void expect_close(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance)) fail_msg("%.12g, expected %.12g", value, expected);
}

static pf_mixture *make(const pf_mixture_spec *spec) {
  pf_mixture *mixture = NULL;
  pf_error error = {0};
  if (pf_mixture_create(spec, &mixture, &error) != PF_OK) fail_msg("%s", error.message);
  return mixture;
}

/* ---- one mixture written three ways ---- */

static const double WEIGHTS[] = {1, 3};
static const double MEANS[] = {0, 0, 1, -2};
static const double POINT[] = {.4, -.7};

static double normal_2d(const double *x, const double *m, double a, double b, double c) {
  double u = x[0] - m[0], v = x[1] - m[1], determinant = a * c - b * b;
  return exp(-.5 * (c * u * u - 2 * b * u * v + a * v * v) / determinant) / (2 * PI * sqrt(determinant));
}

static void log_density_is_the_formula(void **state) {
  (void)state;
  const double full[] = {2, .5, .5, 1, 1, -.3, -.3, .5}, diagonal[] = {2, .5}, isotropic[] = {.7, 1.3};
  pf_mixture_spec spec = {2, 2, WEIGHTS, MEANS, PF_COVARIANCE_FULL, 2, full};
  pf_mixture *m = make(&spec);
  expect_close(pf_mixture_log_density(m, POINT),
               log(.25 * normal_2d(POINT, MEANS, 2, .5, 1) + .75 * normal_2d(POINT, MEANS + 2, 1, -.3, .5)),
               1e-13);
  pf_mixture_free(m);
  spec = (pf_mixture_spec){2, 2, WEIGHTS, MEANS, PF_COVARIANCE_DIAGONAL, 1, diagonal};
  m = make(&spec);
  expect_close(pf_mixture_log_density(m, POINT),
               log(.25 * normal_2d(POINT, MEANS, 2, 0, .5) + .75 * normal_2d(POINT, MEANS + 2, 2, 0, .5)),
               1e-13);
  pf_mixture_free(m);
  spec = (pf_mixture_spec){2, 2, NULL, MEANS, PF_COVARIANCE_ISOTROPIC, 2, isotropic};
  m = make(&spec);
  expect_close(pf_mixture_log_density(m, POINT),
               log(.5 * normal_2d(POINT, MEANS, .7, 0, .7) + .5 * normal_2d(POINT, MEANS + 2, 1.3, 0, 1.3)),
               1e-13);
  pf_mixture_free(m);
}

static void far_away_the_density_stays_finite(void **state) {
  (void)state;
  double variance = .01, x[] = {100, 100};
  pf_mixture_spec spec = {2, 2, WEIGHTS, MEANS, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  pf_mixture *m = make(&spec);
  double u = 99, v = 102, expected = -.5 * (100 * 100 * 2) / .01;
  double other = -.5 * (u * u + v * v) / .01;
  expect_close(pf_mixture_log_density(m, x), fmax(log(.25) + expected, log(.75) + other) - log(2 * PI * .01),
               1e-6);
  x[0] = NAN;
  assert_true(isnan(pf_mixture_log_density(m, x)));
  pf_mixture_free(m);
}

static void moments_and_draws_agree(void **state) {
  (void)state;
  enum { N = 60000 };
  const double full[] = {2, .5, .5, 1, 1, -.3, -.3, .5};
  pf_mixture_spec spec = {2, 2, WEIGHTS, MEANS, PF_COVARIANCE_FULL, 2, full};
  pf_mixture *m = make(&spec);
  double mean[2], covariance[4], sum[2] = {0}, square[4] = {0};
  pf_mixture_moments(m, mean, covariance);
  expect_close(mean[0], .75, 1e-15);
  expect_close(mean[1], -1.5, 1e-15);
  expect_close(covariance[0], .25 * 2 + .75 * 1 + .25 * .75, 1e-14);
  expect_close(covariance[1], .25 * .5 - .75 * .3 + .25 * .75 * -2, 1e-14);
  expect_close(covariance[3], .25 + .75 * .5 + .25 * .75 * 4, 1e-14);
  expect_close(pf_mixture_second_moment(m), covariance[0] + covariance[3] + .75 * .75 + 1.5 * 1.5, 1e-13);
  for (int i = 0; i < N; i++) {
    double x[2];
    pf_rng rng = pf_rng_at(5, PF_STREAM_TEST, 0, (uint64_t)i);
    pf_mixture_draw(m, &rng, x);
    for (int a = 0; a < 2; a++) {
      sum[a] += x[a] / N;
      for (int b = 0; b < 2; b++) square[2 * a + b] += (x[a] - mean[a]) * (x[b] - mean[b]) / N;
    }
  }
  for (int a = 0; a < 2; a++) expect_close(sum[a], mean[a], .025);
  for (int a = 0; a < 4; a++) expect_close(square[a], covariance[a], .04);
  pf_mixture_free(m);
}

static void eigen_and_cholesky_rebuild_the_matrix(void **state) {
  (void)state;
  const double a[] = {4, 1, -.5, .2, 1, 3, .7, 0, -.5, .7, 2, -1, .2, 0, -1, 5};
  double values[4], axes[16], factor[16];
  assert_int_equal(pf_jacobi_eigen(a, 4, values, axes, NULL), PF_OK);
  assert_int_equal(pf_symmetric_cholesky(a, 4, factor, NULL), PF_OK);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      double from_eigen = 0, from_factor = 0, dot = 0;
      for (int e = 0; e < 4; e++) {
        from_eigen += axes[4 * e + i] * values[e] * axes[4 * e + j];
        from_factor += factor[4 * i + e] * factor[4 * j + e];
        dot += axes[4 * i + e] * axes[4 * j + e];
      }
      expect_close(from_eigen, a[4 * i + j], 1e-13);
      expect_close(from_factor, a[4 * i + j], 1e-13);
      expect_close(dot, i == j, 1e-14);
      if (j > i) assert_true(factor[4 * i + j] == 0);
    }
}

/* A plane in 3 dimensions plus a little noise: a repeated small eigenvalue, entries far from diagonal. */
static void eigen_handles_repeated_eigenvalues(void **state) {
  (void)state;
  enum { D = 12 };
  double a[D * D], values[D], axes[D * D];
  for (int trial = 0; trial < 50; trial++) {
    pf_rng rng = pf_rng_at(3, PF_STREAM_TEST, 1, (uint64_t)trial);
    double u[D], square = 0, trace = 0;
    for (int i = 0; i < D; i++) {
      u[i] = pf_rng_normal(&rng);
      square += u[i] * u[i];
    }
    for (int i = 0; i < D * D; i++) a[i] = u[i / D] * u[i % D] + (i % (D + 1) == 0 ? .0025 : 0);
    pf_error error = {0};
    if (pf_jacobi_eigen(a, D, values, axes, &error) != PF_OK) fail_msg("%s", error.message);
    double largest = 0;
    for (int e = 0; e < D; e++) {
      largest = fmax(largest, values[e]);
      trace += values[e];
    }
    expect_close(largest, square + .0025, 1e-13 * square);
    expect_close(trace, square + D * .0025, 1e-13 * square);
  }
}

static void zero_weight_components_are_never_drawn(void **state) {
  (void)state;
  double weights[] = {0, 1, 0}, means[] = {-100, 0, 100}, variance = 1;
  pf_mixture_spec spec = {3, 1, weights, means, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  pf_mixture *m = make(&spec);
  for (uint64_t i = 0; i < 2000; i++) {
    double x;
    pf_rng rng = pf_rng_at(1, PF_STREAM_TEST, 0, i);
    pf_mixture_draw(m, &rng, &x);
    assert_true(fabs(x) < 50);
  }
  double x = 0;
  expect_close(pf_mixture_log_density(m, &x), -.5 * log(2 * PI), 1e-14);
  pf_mixture_free(m);
}

static void smoothed_points_are_a_mixture(void **state) {
  (void)state;
  double x[] = {0, 0, 3, 4};
  pf_mixture *m = NULL;
  assert_int_equal(pf_mixture_from_points(x, 2, 2, .5, &m, NULL), PF_OK);
  expect_close(pf_mixture_log_density(m, POINT),
               log(.5 * normal_2d(POINT, x, .25, 0, .25) + .5 * normal_2d(POINT, x + 2, .25, 0, .25)), 1e-13);
  pf_mixture_free(m);
  assert_int_equal(pf_mixture_from_points(x, 2, 2, 0, &m, NULL), PF_USAGE);
  assert_int_equal(pf_mixture_from_points(x, 2, 2, NAN, &m, NULL), PF_USAGE);
}

static void bad_parts_are_refused(void **state) {
  (void)state;
  const double bad_weight[] = {1, -1}, bad_mean[] = {0, 0, 1, INFINITY}, one = 1;
  const double indefinite[] = {1, 2, 2, 1}, skew[] = {1, .1, .2, 1}, zero = 0, none[] = {0, 0};
  const struct {
    pf_mixture_spec spec;
    const char *part;
  } CASES[] = {
      {{2, 2, bad_weight, MEANS, PF_COVARIANCE_ISOTROPIC, 1, &one}, "weight 1 is -1"},
      {{2, 2, none, MEANS, PF_COVARIANCE_ISOTROPIC, 1, &one}, "sum to 0"},
      {{2, 2, NULL, bad_mean, PF_COVARIANCE_ISOTROPIC, 1, &one}, "mean 1, coordinate 1 is inf"},
      {{2, 2, NULL, MEANS, PF_COVARIANCE_ISOTROPIC, 1, &zero}, "variance 0"},
      {{2, 2, NULL, MEANS, PF_COVARIANCE_FULL, 1, indefinite}, "not positive definite"},
      {{2, 2, NULL, MEANS, PF_COVARIANCE_FULL, 1, skew}, "not symmetric"},
      {{2, 2, NULL, MEANS, PF_COVARIANCE_ISOTROPIC, 3, &one}, "3 covariances"},
      {{0, 2, NULL, MEANS, PF_COVARIANCE_ISOTROPIC, 1, &one}, "at least one component"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_mixture *m = NULL;
    pf_error error = {0};
    assert_int_equal(pf_mixture_create(&CASES[i].spec, &m, &error), PF_BAD_INPUT);
    assert_null(m);
    if (!strstr(error.message, CASES[i].part)) fail_msg("'%s' lacks '%s'", error.message, CASES[i].part);
  }
}

/* ---- JSON ---- */

static pf_status read_text(const char *text, pf_mixture **out, pf_error *error) {
  char path[] = "/tmp/pf_mixture_XXXXXX";
  int descriptor = mkstemp(path);
  assert_true(descriptor >= 0);
  assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
  close(descriptor);
  pf_status status = pf_mixture_read_json(path, out, error);
  unlink(path);
  return status;
}

static void json_reads_every_form(void **state) {
  (void)state;
  static const struct {
    const char *text;
    pf_covariance_kind kind;
    int components, d, covariances;
  } CASES[] = {
      {"{\"means\":[[0,1]],\"covariance\":2}", PF_COVARIANCE_ISOTROPIC, 1, 2, 1},
      {"{\"weights\":[1,3],\"means\":[[0,1],[2,3]],\"covariance\":[1,2]}", PF_COVARIANCE_DIAGONAL, 2, 2, 1},
      {"{\"means\":[[0,1],[2,3],[4,5]],\"covariance\":[1,2,3]}", PF_COVARIANCE_ISOTROPIC, 3, 2, 3},
      {"{\"means\":[[0,1],[2,3]],\"covariance\":[[2,1],[1,2]]}", PF_COVARIANCE_FULL, 2, 2, 1},
      {"{\"means\":[[0,1],[2,3],[4,5]],\"covariance\":[[1,2],[1,2],[3,4]]}", PF_COVARIANCE_DIAGONAL, 3, 2, 3},
      {"{\"means\":[[0,1],[2,3]],\"covariance\":[[[2,1],[1,2]],[[1,0],[0,1]]]}", PF_COVARIANCE_FULL, 2, 2, 2},
      {"{\"means\":[[0,1],[2,3]],\"covariance\":{\"per_component\":[1,2]}}", PF_COVARIANCE_ISOTROPIC, 2, 2,
       2},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_mixture *m = NULL;
    pf_error error = {0};
    if (read_text(CASES[i].text, &m, &error) != PF_OK) fail_msg("%s: %s", CASES[i].text, error.message);
    assert_int_equal(m->kind, CASES[i].kind);
    assert_int_equal(m->components, CASES[i].components);
    assert_int_equal(m->d, CASES[i].d);
    assert_int_equal(m->covariances, CASES[i].covariances);
    pf_mixture_free(m);
  }
}

static void json_errors_name_key_and_index(void **state) {
  (void)state;
  static const char *const CASES[][2] = {
      {"[1]", "one JSON object"},
      {"{\"means\":[[0]],\"covariance\":1", "not JSON"},
      {"{\"means\":[[0]],\"covariance\":1,\"mean\":2}", "'mean'"},
      {"{\"means\":[[0]],\"means\":[[0]],\"covariance\":1}", "duplicate"},
      {"{\"covariance\":1}", "\"means\""},
      {"{\"means\":[],\"covariance\":1}", "\"means\""},
      {"{\"means\":[0],\"covariance\":1}", "means[0]"},
      {"{\"means\":[[0,1],[2]],\"covariance\":1}", "means[1] has 1"},
      {"{\"means\":[[0,1],[2,\"x\"]],\"covariance\":1}", "means[1][1]"},
      {"{\"means\":[[0,1]]}", "\"covariance\" is missing"},
      {"{\"means\":[[0,1]],\"covariance\":\"1\"}", "covariance is not a number"},
      {"{\"means\":[[0,1]],\"covariance\":-1}", "variance -1"},
      {"{\"means\":[[0,1]],\"covariance\":[1,2,3]}", "covariance has 3"},
      {"{\"means\":[[0,1]],\"covariance\":[[1,2],[2]]}", "covariance[1] has 1"},
      {"{\"means\":[[0,1]],\"covariance\":[[1,2],[2,1]]}", "positive definite"},
      {"{\"means\":[[0,1],[1,1]],\"covariance\":{\"per_component\":[1]}}", "1 entries for 2"},
      {"{\"means\":[[0,1],[1,1]],\"covariance\":{\"per_component\":[1,[1,1]]}}", "covariance[1]"},
      {"{\"means\":[[0,1]],\"weights\":[1,2],\"covariance\":1}", "weights has 2"},
      {"{\"means\":[[0,1]],\"weights\":[-1],\"covariance\":1}", "weight 0 is -1"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_mixture *m = NULL;
    pf_error error = {0};
    assert_int_equal(read_text(CASES[i][0], &m, &error), PF_BAD_INPUT);
    assert_null(m);
    if (!strstr(error.message, CASES[i][1]))
      fail_msg("%s: '%s' lacks '%s'", CASES[i][0], error.message, CASES[i][1]);
  }
}

/* Every truncation of a valid file is an error, never a crash or a mixture. */
static void truncated_json_is_refused(void **state) {
  (void)state;
  const char *text = "{\"weights\":[1,3],\"means\":[[0,1],[2,3]],\"covariance\":[[2,1],[1,2]]}";
  for (size_t length = 0; length < strlen(text); length++) {
    char part[128];
    pf_mixture *m = NULL;
    snprintf(part, sizeof part, "%.*s", (int)length, text);
    assert_int_equal(read_text(part, &m, NULL), PF_BAD_INPUT);
    assert_null(m);
  }
}

static void entropy_of_one_gaussian(void **state) {
  (void)state;
  double mean = 3, variance = .04;
  pf_mixture_spec spec = {1, 1, NULL, &mean, PF_COVARIANCE_ISOTROPIC, 1, &variance};
  pf_mixture *m = make(&spec);
  expect_close(pf_mixture_entropy_1d(m), .5 * (1 + log(2 * PI * .04)), 1e-11);
  pf_mixture_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(log_density_is_the_formula),
      cmocka_unit_test(far_away_the_density_stays_finite),
      cmocka_unit_test(moments_and_draws_agree),
      cmocka_unit_test(eigen_and_cholesky_rebuild_the_matrix),
      cmocka_unit_test(eigen_handles_repeated_eigenvalues),
      cmocka_unit_test(zero_weight_components_are_never_drawn),
      cmocka_unit_test(smoothed_points_are_a_mixture),
      cmocka_unit_test(bad_parts_are_refused),
      cmocka_unit_test(json_reads_every_form),
      cmocka_unit_test(json_errors_name_key_and_index),
      cmocka_unit_test(truncated_json_is_refused),
      cmocka_unit_test(entropy_of_one_gaussian),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
