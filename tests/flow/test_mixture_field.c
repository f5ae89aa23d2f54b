/* Exact mixture fields: reference values, relations between the fields, flow maps, collapse baselines. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "data/law.h"
#include "flow/mixture_field.h"
#include "ode/ode.h"

enum { POINTS = 4, MAX_STEPS = 2000 };
static const double Z[2 * POINTS] = {.5, -1.2, -.3, .1, 1.7, .6, -.9, -2.1};

static void expect_close(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance)) fail_msg("%.15g, expected %.15g", value, expected);
}

static void expect_all(const double *x, const double *expected, int count, double tolerance) {
  for (int i = 0; i < count; i++) expect_close(x[i], expected[i], tolerance);
}

static pf_law *make(const char *spec) {
  pf_law *law = NULL;
  assert_int_equal(pf_law_create(spec, &law, NULL), PF_OK);
  return law;
}

#define EACH_KIND(kind) for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++)

typedef struct route {
  double from, to;
  int steps;
} route;

/* Moves x (n rows) with the exact velocity. */
static void flow(pf_ode_method method, pf_mixture_field field, route way, double *x, int n) {
  double t[MAX_STEPS + 1];
  pf_ode_system system = {pf_mixture_velocity_field, &field, n, field.mixture->d};
  pf_ode_uniform_grid(way.from, way.to, way.steps, t);
  assert_int_equal(pf_ode_fixed(method, &system, (pf_ode_grid){t, way.steps}, x, NULL, NULL), PF_OK);
}

static void denoise(pf_mixture_field field, route way, double *x, int n) {
  double t[MAX_STEPS + 1];
  pf_ode_system system = {pf_mixture_denoiser_field, &field, n, field.mixture->d};
  pf_ode_exponential_rule rule = {pf_interpolant_coefficients, &field.kind};
  pf_ode_uniform_grid(way.from, way.to, way.steps, t);
  assert_int_equal(pf_ode_exponential(rule, &system, (pf_ode_grid){t, way.steps}, x, NULL, NULL), PF_OK);
}

static const double EXACT_MAP[] = {2.42794511, -3.09732805, -3.69648194, .18283999,
                                   4.10667588, .28410506,   -2.63873176, -3.24066004};

static void ring_flow_maps_have_their_reference_values(void **state) {
  (void)state;
  static const double FOLLMER[] = {2.41237687, -3.10305369, -3.68282667, .18865635,
                                   4.10606936, .29314278,   -2.62986889, -3.25094523};
  static const double MIDDLE[] = {1.45128336, -2.52562744, -2.46843535, .29191704,
                                  3.15285272, .45771115,   -1.8137431,  -2.79404858};
  pf_law *ring = make("ring8");
  pf_mixture_field field = {pf_law_mixture(ring), PF_INTERPOLANT_LINEAR};
  double x[2 * POINTS];
  for (int k = 0; k < 2; k++) { /* schedule invariance of the whole map */
    field.kind = k ? PF_INTERPOLANT_TRIG : PF_INTERPOLANT_LINEAR;
    memcpy(x, Z, sizeof x);
    flow(PF_ODE_RK4, field, (route){0, 1, 2000}, x, POINTS);
    expect_all(x, EXACT_MAP, 2 * POINTS, 2e-8);
  }
  memcpy(x, Z, sizeof x); /* Follmer at t is trig at r, t = sin(pi r / 2): its own clock is singular */
  double end = pf_interpolant_time(PF_INTERPOLANT_TRIG, sqrt(1 - .999 * .999), .999);
  flow(PF_ODE_RK4, field, (route){0, end, 2000}, x, POINTS);
  expect_all(x, FOLLMER, 2 * POINTS, 2e-8);
  field.kind = PF_INTERPOLANT_LINEAR;
  memcpy(x, Z, sizeof x);
  flow(PF_ODE_RK4, field, (route){.25, .75, 2000}, x, POINTS);
  expect_all(x, MIDDLE, 2 * POINTS, 2e-8);
  pf_law_free(ring);
}

static void few_step_integrators_have_their_reference_values(void **state) {
  (void)state;
  static const double EULER[] = {2.2512676,  -3.08833654, -3.64628641, .20251266,
                                 4.00706056, .26557872,   -2.54442665, -3.14794903};
  static const double EXPONENTIAL[] = {1.58647856, -3.369365, -3.74380884, .18144779,
                                       4.01604937, .19764654, -2.45004508, -3.14660918};
  static const double HEUN[] = {2.3515608,  -3.11041548, -3.64692862, .1981873,
                                4.08748437, .30392709,   -2.60149702, -3.25164648};
  pf_law *ring = make("ring8");
  pf_mixture_field field = {pf_law_mixture(ring), PF_INTERPOLANT_LINEAR};
  double x[2 * POINTS], y[2 * POINTS];
  memcpy(x, Z, sizeof x);
  memcpy(y, Z, sizeof y);
  flow(PF_ODE_EULER, field, (route){0, .999, 10}, x, POINTS);
  expect_all(x, EULER, 2 * POINTS, 6e-9);
  denoise(field, (route){0, .999, 10}, y, POINTS);
  expect_all(y, x, 2 * POINTS, 1e-12); /* exponential = Euler for the linear schedule */
  field.kind = PF_INTERPOLANT_FOLLMER;
  memcpy(x, Z, sizeof x);
  denoise(field, (route){0, .999, 10}, x, POINTS);
  expect_all(x, EXPONENTIAL, 2 * POINTS, 6e-9);
  field.kind = PF_INTERPOLANT_TRIG;
  memcpy(x, Z, sizeof x);
  flow(PF_ODE_HEUN, field, (route){0, .999, 10}, x, POINTS);
  expect_all(x, HEUN, 2 * POINTS, 6e-9);
  pf_law_free(ring);
}

static void point_values_have_their_reference_values(void **state) {
  (void)state;
  pf_law *ring = make("ring8");
  pf_mixture_field field = {pf_law_mixture(ring), PF_INTERPOLANT_LINEAR};
  double out[2];
  pf_mixture_velocity(&field, .3, Z, 1, out);
  expect_all(out, (double[]){1.09270653, -2.62220762}, 2, 6e-9);
  pf_mixture_velocity(&field, .8, Z, 1, out);
  expect_all(out, (double[]){3.55976309, -7.85572093}, 2, 6e-9);
  pf_mixture_denoiser(&field, .3, Z, 1, out);
  expect_all(out, (double[]){1.26489457, -3.03554534}, 2, 6e-9);
  field.kind = PF_INTERPOLANT_FOLLMER;
  pf_mixture_velocity(&field, .3, Z, 1, out);
  expect_all(out, (double[]){.92566292, -2.22158372}, 2, 6e-9);
  field.kind = PF_INTERPOLANT_TRIG;
  pf_mixture_velocity(&field, .8, Z, 1, out);
  expect_all(out, (double[]){3.95282036, -9.05785899}, 2, 6e-9);
  pf_mixture_denoiser(&field, .8, Z, 1, out);
  expect_all(out, (double[]){1.25315209, -2.92318716}, 2, 6e-9);
  pf_law_free(ring);
}

static void one_dimension_is_monotone_rearrangement(void **state) {
  (void)state;
  static const double START[] = {-1.3, -.7, 0, .4, 1.5};
  static const double END[] = {-2.1411666, -1.07384424, 1.78285128, 2.04887442, 2.67056071};
  pf_law *law = make("mix1d-2");
  pf_mixture_field field = {pf_law_mixture(law), PF_INTERPOLANT_LINEAR};
  double x[5], map[5], back[5];
  memcpy(x, START, sizeof x);
  flow(PF_ODE_RK4, field, (route){0, .999, 2000}, x, 5);
  expect_all(x, END, 5, 6e-9);
  assert_int_equal(pf_mixture_flow_map_1d(&field, (pf_flow_times){0, .999}, START, 5, map, NULL), PF_OK);
  expect_all(map, END, 5, 6e-9);
  expect_all(map, x, 5, 1e-9);
  assert_int_equal(pf_mixture_flow_map_1d(&field, (pf_flow_times){.999, 0}, map, 5, back, NULL), PF_OK);
  expect_all(back, START, 5, 1e-12);
  pf_law_free(law);
}

/* ---- relations ---- */

static void check_relations(const char *spec) {
  pf_law *law = make(spec);
  int d = pf_law_dimension(law);
  assert_true(d <= 8);
  EACH_KIND(kind)
  for (double t = .1; t < .95; t += .2) {
    pf_mixture_field field = {pf_law_mixture(law), kind};
    pf_interpolant_values c = pf_interpolant_at(kind, t);
    double x[8], v[8], dhat[8], score[8];
    for (int i = 0; i < d; i++) x[i] = .8 * sin(2 + 5 * i) + .3 * t;
    pf_mixture_velocity(&field, t, x, 1, v);
    pf_mixture_denoiser(&field, t, x, 1, dhat);
    pf_mixture_score(&field, t, x, 1, score);
    for (int i = 0; i < d; i++) {
      double scale = 1 + fabs(v[i]) + fabs(c.drift * x[i]);
      expect_close(c.drift * x[i] + c.gain * dhat[i], v[i], 1e-12 * scale);
      expect_close((c.beta * dhat[i] - x[i]) / (c.alpha * c.alpha), score[i],
                   1e-12 * (1 + fabs(score[i])) / (1 - t));
      /* the score is the gradient of log p_t */
      double h = 1e-5, keep = x[i], up, down;
      x[i] = keep + h;
      pf_mixture_log_density_at(&field, t, x, 1, &up);
      x[i] = keep - h;
      pf_mixture_log_density_at(&field, t, x, 1, &down);
      x[i] = keep;
      expect_close((up - down) / (2 * h), score[i], 1e-6 * (1 + fabs(score[i])));
    }
  }
  pf_law_free(law);
}

static void fields_are_related(void **state) {
  (void)state;
  check_relations("ring8");
  check_relations("aniso4"); /* full covariances */
  check_relations("mix1d-2");
  check_relations("two-mode:d=5");
  check_relations("gauss:d=4,rho=.5,mean=1");
}

static pf_mixture *diagonal_mixture(void) {
  static const double MEANS[] = {0, 1, 2, -1}, VARIANCES[] = {.5, 2, 1, .1}, WEIGHTS[] = {.3, .7};
  pf_mixture_spec spec = {2, 2, WEIGHTS, MEANS, PF_COVARIANCE_DIAGONAL, 2, VARIANCES};
  pf_mixture *mixture = NULL;
  assert_int_equal(pf_mixture_create(&spec, &mixture, NULL), PF_OK);
  return mixture;
}

/* A diagonal mixture and the same mixture written with full matrices have the same fields. */
static void diagonal_equals_full(void **state) {
  (void)state;
  static const double FULL[] = {.5, 0, 0, 2, 1, 0, 0, .1};
  pf_mixture *diagonal = diagonal_mixture(), *full = NULL;
  pf_mixture_spec spec = {2, 2, diagonal->weights, diagonal->means, PF_COVARIANCE_FULL, 2, FULL};
  assert_int_equal(pf_mixture_create(&spec, &full, NULL), PF_OK);
  EACH_KIND(kind) {
    double a[2 * POINTS], b[2 * POINTS];
    pf_mixture_field one = {diagonal, kind}, other = {full, kind};
    pf_mixture_velocity(&one, .6, Z, POINTS, a);
    pf_mixture_velocity(&other, .6, Z, POINTS, b);
    expect_all(a, b, 2 * POINTS, 1e-13);
    pf_mixture_log_density_at(&one, .6, Z, POINTS, a);
    pf_mixture_log_density_at(&other, .6, Z, POINTS, b);
    expect_all(a, b, POINTS, 1e-13);
    pf_mixture_log_density_at(&one, 1, Z, POINTS, a);
    for (int i = 0; i < POINTS; i++) expect_close(a[i], pf_mixture_log_density(diagonal, Z + 2 * i), 1e-13);
  }
  pf_mixture_free(diagonal);
  pf_mixture_free(full);
}

/* x_A(t) = (beta_A(t) / beta_B(r)) x_B(r) where the ratios alpha : beta agree. */
static void schedules_trace_the_same_curves(void **state) {
  (void)state;
  pf_law *law = make("aniso4");
  double reference[2 * POINTS], x[2 * POINTS], r = .6;
  pf_mixture_field field = {pf_law_mixture(law), PF_INTERPOLANT_LINEAR};
  pf_interpolant_values b = pf_interpolant_at(field.kind, r);
  memcpy(reference, Z, sizeof x);
  flow(PF_ODE_RK4, field, (route){0, r, 1000}, reference, POINTS);
  EACH_KIND(kind) {
    field.kind = kind;
    double t = pf_interpolant_time(kind, b.alpha, b.beta), scale = pf_interpolant_at(kind, t).beta / b.beta;
    memcpy(x, Z, sizeof x);
    flow(PF_ODE_RK4, field, (route){0, t, 1000}, x, POINTS);
    for (int i = 0; i < 2 * POINTS; i++) expect_close(x[i], scale * reference[i], 1e-10);
  }
  pf_law_free(law);
}

/* ---- one step from noise: everything collapses onto the mean ---- */

static void one_step_collapses(void **state) {
  (void)state;
  pf_law *law = make("two-mode"); /* mean .6 (1, 1) */
  EACH_KIND(kind) {
    pf_mixture_field field = {pf_law_mixture(law), kind};
    double x[2 * POINTS], expected[2 * POINTS];
    memcpy(x, Z, sizeof x);
    denoise(field, (route){0, 1, 1}, x, POINTS);
    for (int i = 0; i < 2 * POINTS; i++) expect_close(x[i], .6, 1e-14);
    memcpy(x, Z, sizeof x);
    flow(PF_ODE_EULER, field, (route){0, 1, 1}, x, POINTS);
    for (int i = 0; i < 2 * POINTS; i++)
      expected[i] =
          kind == PF_INTERPOLANT_LINEAR ? .6 : Z[i] + .6 * (kind == PF_INTERPOLANT_TRIG ? acos(-1) / 2 : 1);
    expect_all(x, expected, 2 * POINTS, 1e-14);
  }
  pf_law_free(law);
}

static void last_exponential_step_returns_the_denoiser(void **state) {
  (void)state;
  pf_law *law = make("ring8");
  EACH_KIND(kind) {
    pf_mixture_field field = {pf_law_mixture(law), kind};
    double x[2 * POINTS], dhat[2 * POINTS];
    pf_mixture_denoiser(&field, .7, Z, POINTS, dhat);
    memcpy(x, Z, sizeof x);
    denoise(field, (route){.7, 1, 1}, x, POINTS);
    expect_all(x, dhat, 2 * POINTS, 1e-15);
  }
  pf_law_free(law);
}

/* ---- exact Gaussian map ---- */

static void gaussian_map_is_the_flow(void **state) {
  (void)state;
  pf_law *law = make("gauss:d=2,mean=1.5,variance=2,rho=-.6");
  EACH_KIND(kind) {
    pf_mixture_field field = {pf_law_mixture(law), kind};
    double x[2 * POINTS], map[2 * POINTS], half[2 * POINTS], chain[2 * POINTS];
    memcpy(x, Z, sizeof x);
    flow(PF_ODE_RK4, field, (route){.1, .8, 1000}, x, POINTS);
    assert_int_equal(pf_gaussian_flow_map(&field, (pf_flow_times){.1, .8}, Z, POINTS, map, NULL), PF_OK);
    expect_all(map, x, 2 * POINTS, 1e-10);
    pf_gaussian_flow_map(&field, (pf_flow_times){.1, .5}, Z, POINTS, half, NULL);
    pf_gaussian_flow_map(&field, (pf_flow_times){.5, .8}, half, POINTS, chain, NULL);
    expect_all(chain, map, 2 * POINTS, 1e-13); /* semigroup */
    pf_gaussian_flow_map(&field, (pf_flow_times){.4, .4}, Z, POINTS, map, NULL);
    expect_all(map, Z, 2 * POINTS, 1e-14);
  }
  pf_law_free(law);
}

static void maps_refuse_what_they_cannot_do(void **state) {
  (void)state;
  double out[2] = {7, 7};
  pf_error error = {0};
  pf_law *law = make("ring8");
  pf_mixture_field field = {pf_law_mixture(law), PF_INTERPOLANT_LINEAR};
  assert_int_equal(pf_gaussian_flow_map(&field, (pf_flow_times){0, 1}, Z, 1, out, &error), PF_USAGE);
  assert_non_null(strstr(error.message, "has 8"));
  assert_int_equal(pf_mixture_flow_map_1d(&field, (pf_flow_times){0, 1}, Z, 1, out, &error), PF_USAGE);
  assert_true(out[0] == 7);
  pf_law_free(law);
}

static void far_and_broken_points(void **state) {
  (void)state;
  pf_law *law = make("ring8");
  EACH_KIND(kind) {
    pf_mixture_field field = {pf_law_mixture(law), kind};
    double x[] = {300, -400, NAN, 1}, out[4];
    pf_mixture_velocity(&field, 1, x, 2, out); /* far out, at the data end */
    assert_true(isfinite(out[0]) && isfinite(out[1]));
    assert_true(isnan(out[2]));
    pf_mixture_denoiser(&field, .5, x, 2, out);
    assert_true(isfinite(out[0]) && isnan(out[2]));
  }
  pf_law_free(law);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ring_flow_maps_have_their_reference_values),
      cmocka_unit_test(few_step_integrators_have_their_reference_values),
      cmocka_unit_test(point_values_have_their_reference_values),
      cmocka_unit_test(one_dimension_is_monotone_rearrangement),
      cmocka_unit_test(fields_are_related),
      cmocka_unit_test(diagonal_equals_full),
      cmocka_unit_test(schedules_trace_the_same_curves),
      cmocka_unit_test(one_step_collapses),
      cmocka_unit_test(last_exponential_step_returns_the_denoiser),
      cmocka_unit_test(gaussian_map_is_the_flow),
      cmocka_unit_test(maps_refuse_what_they_cannot_do),
      cmocka_unit_test(far_and_broken_points),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
