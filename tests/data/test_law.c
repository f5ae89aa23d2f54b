/* Built-in laws: every row of the table against its own formulas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "data/law.h"

enum { MAX_D = 16 };

static pf_law *make(const char *spec) {
  pf_law *law = NULL;
  pf_error error = {0};
  if (pf_law_create(spec, &law, &error) != PF_OK) fail_msg("%s: %s", spec, error.message);
  return law;
}

static double *rows(const pf_law *law, uint64_t seed, uint64_t first, int64_t n) {
  double *x = NULL;
  assert_int_equal(pf_alloc((size_t)(n * pf_law_dimension(law)), sizeof *x, &x, NULL), PF_OK);
  pf_law_sample(law, seed, first, n, x);
  return x;
}

static void expect_close(const char *what, double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance))
    fail_msg("%s: %.10g, expected %.10g +- %.2g", what, value, expected, tolerance);
}

/* ---- moments, entropy and prefix property of every law in the table ---- */

static void check_moment(const char *name, const double *values, int64_t n, double expected) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += values[i];
    square += values[i] * values[i];
  }
  double mean = sum / (double)n, variance = square / (double)n - mean * mean;
  expect_close(name, mean, expected, 4.5 * sqrt(fmax(variance, 0) / (double)n) + 1e-12);
}

static void check_moments(const pf_law *law, const double *x, int64_t n) {
  int d = pf_law_dimension(law);
  assert_true(d <= MAX_D);
  double mean[MAX_D], covariance[MAX_D * MAX_D], *values = NULL, trace = 0;
  pf_law_moments(law, mean, covariance);
  assert_int_equal(pf_alloc((size_t)n, sizeof *values, &values, NULL), PF_OK);
  for (int i = 0; i < d; i++) {
    trace += covariance[i * d + i] + mean[i] * mean[i];
    for (int64_t r = 0; r < n; r++) values[r] = x[r * d + i];
    check_moment(pf_law_spec(law), values, n, mean[i]);
    for (int j = 0; j <= i; j++) {
      /* the funnel's variances have no usable standard error: exp(x1) is log-normal with variance 9 */
      if (!strncmp(pf_law_spec(law), "funnel", 6) && i > 0 && i == j) continue;
      for (int64_t r = 0; r < n; r++) values[r] = (x[r * d + i] - mean[i]) * (x[r * d + j] - mean[j]);
      check_moment(pf_law_spec(law), values, n, covariance[i * d + j]);
      expect_close("symmetry", covariance[i * d + j], covariance[j * d + i], 1e-13 * trace);
    }
  }
  expect_close("second moment", pf_law_second_moment(law), trace, 1e-12 * trace);
  pf_free(values);
}

static void check_entropy(const pf_law *law, const double *x, int64_t n) {
  double entropy, sum = 0, square = 0, *log_p = NULL;
  assert_int_equal(pf_alloc((size_t)n, sizeof *log_p, &log_p, NULL), PF_OK);
  bool density = pf_law_log_density(law, x, n, log_p), known = pf_law_entropy(law, &entropy);
  assert_true(density == !isnan(log_p[0]));
  assert_true(known == !isnan(entropy));
  for (int64_t i = 0; density && i < n; i++) {
    if (!isfinite(log_p[i])) fail_msg("%s: a draw has log p = %g", pf_law_spec(law), log_p[i]);
    sum -= log_p[i];
    square += log_p[i] * log_p[i];
  }
  double mean = sum / (double)n, variance = square / (double)n - mean * mean;
  if (density && known)
    expect_close(pf_law_spec(law), mean, entropy, 4 * sqrt(fmax(variance, 0) / (double)n) + 1e-4);
  pf_free(log_p);
}

static void every_law_matches_its_formulas(void **state) {
  (void)state;
  enum { DRAWS = 40000, DENSITY_DRAWS = 2500 };
  for (int i = 0; i < pf_law_count(); i++) {
    pf_law *law = make(pf_law_name(i));
    assert_true(strlen(pf_law_description(i)) > 5);
    double *x = rows(law, 7, 0, DRAWS);
    check_moments(law, x, DRAWS);
    check_entropy(law, x, DENSITY_DRAWS);
    for (int r = 0; pf_law_is_board(law) && r < DRAWS; r++) assert_true(pf_law_in_support(law, x + 2 * r));
    double *part = rows(law, 7, 100, 50), *other = rows(law, 8, 100, 50);
    size_t bytes = 50 * (size_t)pf_law_dimension(law) * sizeof *x;
    assert_memory_equal(part, x + 100 * pf_law_dimension(law), bytes);
    assert_memory_not_equal(other, part, bytes);
    pf_free(x);
    pf_free(part);
    pf_free(other);
    pf_law_free(law);
  }
}

static void specs_with_options_match_their_formulas(void **state) {
  (void)state;
  static const char *const SPECS[] = {"two-mode:d=1",
                                      "two-mode:d=7",
                                      "gauss:d=3,mean=1,variance=2,rho=-0.3",
                                      "gauss:d=1,variance=.5",
                                      "product:law=checkerboard,k=3",
                                      "embed:law=aniso4,D=5,sigma=.5,seed=3",
                                      "embed:law=mix1d-2,D=1,sigma=.1",
                                      "funnel:d=2",
                                      "sphere-shell:d=9,R=2,s=.5",
                                      "sphere-shell:d=2,R=3,s=.24"};
  for (size_t i = 0; i < sizeof SPECS / sizeof SPECS[0]; i++) {
    pf_law *law = make(SPECS[i]);
    assert_string_equal(pf_law_spec(law), SPECS[i]);
    double *x = rows(law, 11, 0, 20000);
    check_moments(law, x, 20000);
    check_entropy(law, x, 20000);
    pf_free(x);
    pf_law_free(law);
  }
}

/* ---- densities ---- */

static void log_density_at_three_points(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double expected[3];
  } CASES[] = {
      {"swissroll", {-2.411883, -4.692134, -5.842188}},   {"circles", {-3.543471, -6.929141, -2.425069}},
      {"rings", {-11.838444, -2.440211, -2.022490}},      {"moons", {-2.045414, -4.112838, -5.178329}},
      {"8gaussians", {-14.614348, -5.777104, -8.899365}}, {"2spirals", {-2.598024, -2.207740, -2.134904}},
      {"pinwheel", {-4.579179, -9.941335, -2.981874}},    {"ring8", {-146.489097, -67.568048, -104.577427}},
  };
  static const double X[] = {1, .5, -2, 1, 0, -1.5};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_law *law = make(CASES[i].name);
    double out[3];
    assert_true(pf_law_log_density(law, X, 3, out));
    for (int k = 0; k < 3; k++) expect_close(CASES[i].name, out[k], CASES[i].expected[k], 1e-6);
    pf_law_free(law);
  }
}

/* The trapezoid rule on a grid of one noise sd is exact to 1e-8 for a Gaussian kernel. */
static void densities_integrate_to_one(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double half, step;
  } CASES[] = {{"swissroll", 4.6, .2}, {"circles", 5, .2},          {"rings", 4, .08},
               {"moons", 5, .2},       {"aniso4", 9, .2},           {"pinwheel", 5.6, .07},
               {"2spirals", 4.4, .1},  {"torchcfm-scurve", 5, .075}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_law *law = make(CASES[i].name);
    double mass = 0, h = CASES[i].step;
    for (double a = -CASES[i].half; a <= CASES[i].half; a += h)
      for (double b = -CASES[i].half; b <= CASES[i].half; b += h) {
        double x[2] = {a, b}, log_p;
        pf_law_log_density(law, x, 1, &log_p);
        mass += h * h * exp(log_p);
      }
    expect_close(CASES[i].name, mass, 1, 1e-6);
    pf_law_free(law);
  }
}

/* The closed form of circles against the mean of Gaussian kernels on equispaced angles. */
static void circles_equal_their_node_sum(void **state) {
  (void)state;
  enum { NODES = 4000 };
  const double pi = acos(-1), s = .24, radius[2] = {3, 1.5};
  static const double X[] = {1, .5, -2, 1, 0, -1.5, 0, 0, 4.2, .1};
  pf_law *law = make("circles");
  double out[5];
  pf_law_log_density(law, X, 5, out);
  for (int k = 0; k < 5; k++) {
    double sum = 0;
    for (int i = 0; i < 2 * NODES; i++) {
      double a = 2 * pi * i / NODES, u = X[2 * k] - radius[i / NODES] * cos(a);
      double v = X[2 * k + 1] - radius[i / NODES] * sin(a);
      sum += exp(-(u * u + v * v) / (2 * s * s)) / (2 * pi * s * s);
    }
    expect_close("circles", out[k], log(sum / (2 * NODES)), 1e-10);
  }
  pf_law_free(law);
}

/* A sphere shell in d = 3 has log p in elementary functions: sinh(kappa)/kappa. */
static void shell_in_three_dimensions_is_elementary(void **state) {
  (void)state;
  const double pi = acos(-1), R = 2, s = .01, radii[] = {1.9, 2, 2.03};
  pf_law *law = make("sphere-shell:d=3,R=2,s=.01");
  for (int i = 0; i < 3; i++) {
    double r = radii[i], x[3] = {r / 3, 2 * r / 3, -2 * r / 3}, kappa = r * R / (s * s), log_p;
    double expected =
        -1.5 * log(2 * pi * s * s) - (r - R) * (r - R) / (2 * s * s) + log(-expm1(-2 * kappa) / (2 * kappa));
    pf_law_log_density(law, x, 1, &log_p);
    expect_close("shell", log_p, expected, 1e-8);
  }
  pf_law_free(law);
  law = make("sphere-shell:d=3,R=2,s=.002"); /* kappa 1e6: the asymptotic branch */
  double x[3] = {0, 2.001, 0}, log_p, kappa = 2.001 * 2 / 4e-6;
  pf_law_log_density(law, x, 1, &log_p);
  expect_close("shell", log_p, -1.5 * log(2 * pi * 4e-6) - .125 - log(2 * kappa), 1e-8);
  pf_law_free(law);
}

static void checkerboard_is_the_board(void **state) {
  (void)state;
  pf_law *law = make("checkerboard");
  static const double X[] = {1, 1, -1, 1, -1, -1, 3, -3, 3, -1, 4.5, 1};
  double out[6];
  pf_law_log_density(law, X, 6, out);
  for (int i = 0; i < 6; i++) {
    bool even = ((int)floor(X[2 * i] / 2) + (int)floor(X[2 * i + 1] / 2)) % 2 == 0;
    bool expected = even && fabs(X[2 * i]) < 4 && fabs(X[2 * i + 1]) < 4;
    assert_int_equal(pf_law_in_support(law, X + 2 * i), expected);
    assert_true(expected ? fabs(out[i] + log(32)) < 1e-12 : out[i] == -INFINITY);
  }
  assert_int_equal(pf_law_modes(law, NULL, NULL), 8);
  pf_law_free(law);
}

/* ---- entropies given in the literature of these laws ---- */

static void entropies_have_their_reference_values(void **state) {
  (void)state;
  static const struct {
    const char *spec;
    double h, tolerance;
  } CASES[] = {{"two-mode:d=1", 1.17940, 6e-6},
               {"two-mode:d=2", 1.94680, 6e-6},
               {"two-mode:d=3", 2.67717, 6e-6},
               {"two-mode:d=4", 3.40349, 6e-6},
               {"two-mode:d=5", 4.12935, 6e-6},
               {"two-mode:d=10", 7.75832, 6e-6},
               {"mix1d-2", 1.288046, 1e-6},
               {"mix1d-4", 1.288126, 1e-6},
               {"mix1d-8", 1.288126, 1e-6},
               {"gauss-jko", 4.4269, 5e-5},
               {"swissroll", 2.6696, 1e-4},
               {"moons", 2.3939, 1e-4},
               {"2spirals", 2.6454, 1e-4},
               {"pinwheel", 2.316, .0042},
               {"checkerboard", log(32), 1e-12},
               {"circle-large", 2.052286, 1e-6},
               {"product:law=4squares,k=3", 3 * log(4), 1e-12}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_law *law = make(CASES[i].spec);
    double h;
    assert_true(pf_law_entropy(law, &h));
    expect_close(CASES[i].spec, h, CASES[i].h, CASES[i].tolerance);
    pf_law_free(law);
  }
}

/* One number for each mode, whatever form its covariance has. */
static void modes_know_their_spread(void **state) {
  (void)state;
  static const struct {
    const char *spec;
    int modes;
    double spread;
  } CASES[] = {{"ring8", 8, .17320508075688773},
               {"mix1d-4", 2, .5},
               {"aniso4", 4, 1},
               {"gauss-jko", 1, 2.6457513110645907},
               {"4squares", 4, .28867513459481287},
               {"gauss:d=3,variance=4,rho=.5", 1, 2}};
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    pf_law *law = make(CASES[i].spec);
    int modes = pf_law_modes(law, NULL, NULL);
    assert_int_equal(modes, CASES[i].modes);
    for (int k = 0; k < modes; k++)
      expect_close(CASES[i].spec, pf_law_mode_spreads(law)[k], CASES[i].spread, 1e-12);
    pf_law_free(law);
  }
  pf_law *law = make("moons");
  assert_null(pf_law_mode_spreads(law));
  pf_law_free(law);
}

/* ring8: each mode gets its share, and .9889 of the draws lie within 3 sd of a mean. */
static void ring8_covers_its_modes(void **state) {
  (void)state;
  enum { N = 40000 };
  pf_law *law = make("ring8");
  const pf_mixture *mixture = pf_law_mixture(law);
  assert_non_null(mixture);
  double *x = rows(law, 3, 0, N), close = 0, count[8] = {0};
  for (int i = 0; i < N; i++) {
    int k = pf_mixture_nearest(mixture, x + 2 * i);
    count[k]++;
    close +=
        hypot(x[2 * i] - mixture->means[2 * k], x[2 * i + 1] - mixture->means[2 * k + 1]) < 3 * sqrt(.03);
  }
  for (int k = 0; k < 8; k++) expect_close("mode share", count[k] / N, .125, 4.5 * sqrt(.125 * .875 / N));
  expect_close("within 3 sd", close / N, .98889, 4.5 * sqrt(.98889 * .01111 / N));
  pf_free(x);
  pf_law_free(law);
}

/* ---- errors ---- */

static void expect_error(const char *spec, pf_status status, const char *part) {
  pf_law *law = NULL;
  pf_error error = {0};
  assert_int_equal(pf_law_create(spec, &law, &error), status);
  assert_null(law);
  if (!strstr(error.message, part)) fail_msg("%s: '%s' does not mention '%s'", spec, error.message, part);
}

static void bad_specs_are_explained(void **state) {
  (void)state;
  expect_error("", PF_USAGE, "empty");
  expect_error("swisroll", PF_USAGE, "swissroll");
  expect_error("moons:d=2", PF_USAGE, "no options");
  expect_error("two-mode:q=2", PF_USAGE, "'q'");
  expect_error("two-mode:d", PF_USAGE, "key=value");
  expect_error("two-mode:d=1.5", PF_USAGE, "1.5");
  expect_error("two-mode:d=0", PF_USAGE, "d=0");
  expect_error("two-mode:d=nan", PF_USAGE, "d=nan");
  expect_error("two-mode:d=2,d=3", PF_USAGE, "twice");
  expect_error("gauss:d=3,rho=-0.9", PF_USAGE, "rho=-0.9");
  expect_error("product:law=nothing", PF_USAGE, "nothing");
  expect_error("embed:law=product,D=3", PF_USAGE, "D=3");
  expect_error("product:k=64,law=embed", PF_USAGE, "64 x 10");
  expect_error("no-such-file.json", PF_IO, "no-such-file.json");
  expect_error("mixture=no-such-file", PF_IO, "no-such-file");
}

static void allocation_failures_are_reported(void **state) {
  (void)state;
  static const char *const SPECS[] = {"moons", "embed:law=aniso4,D=3", "product", "two-mode", "4squares"};
  for (size_t i = 0; i < sizeof SPECS / sizeof SPECS[0]; i++) {
    pf_status status = PF_NO_MEMORY;
    for (int k = 1; status != PF_OK; k++) {
      pf_law *law = NULL;
      assert_true(k < 100);
      pf_memory_fail_at(k);
      status = pf_law_create(SPECS[i], &law, NULL);
      pf_memory_fail_at(0);
      if (status != PF_OK) assert_int_equal(status, PF_NO_MEMORY);
      assert_int_equal(law != NULL, status == PF_OK);
      pf_law_free(law);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_law_matches_its_formulas),
      cmocka_unit_test(specs_with_options_match_their_formulas),
      cmocka_unit_test(log_density_at_three_points),
      cmocka_unit_test(densities_integrate_to_one),
      cmocka_unit_test(circles_equal_their_node_sum),
      cmocka_unit_test(shell_in_three_dimensions_is_elementary),
      cmocka_unit_test(checkerboard_is_the_board),
      cmocka_unit_test(entropies_have_their_reference_values),
      cmocka_unit_test(modes_know_their_spread),
      cmocka_unit_test(ring8_covers_its_modes),
      cmocka_unit_test(bad_specs_are_explained),
      cmocka_unit_test(allocation_failures_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
