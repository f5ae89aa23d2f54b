/* Error decomposition of models whose maps are known: networks with all parameters zero.
 *
 * With F = 0 the velocity is v(t,x) = (c'/c) x, c^2 = alpha^2 + beta^2, so its flow is x(t) = c_t x(0), and the generator is
 * g(0,T,x) = alpha_T x. One Gaussian as the law has its exact flow in closed form. Every term is then a sum over the draws.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/memory.h"
#include "flow/mixture_field.h"
#include "verify/decomposition.h"

enum { D = 2, N = 300, STEPS = 8 };
static const uint64_t SEED = 11;

static pf_learned *zero_map(pf_interpolant kind, int times) {
  pf_time_map map = {.interpolant = kind,
                     .network = {.inputs = D,
                                 .outputs = D,
                                 .width = 8,
                                 .depth = 1,
                                 .times = times,
                                 .frequencies = 2,
                                 .max_frequency = 4}};
  pf_layout layout = {0};
  float *params = NULL;
  pf_learned *learned = NULL;
  assert_int_equal(pf_network_layout(&map.network, &layout, NULL), PF_OK);
  assert_int_equal(pf_alloc((size_t)layout.total, sizeof *params, &params, NULL), PF_OK);
  assert_int_equal(pf_learned_create(&map, params, &learned, NULL), PF_OK);
  pf_layout_free(&layout);
  pf_free(params);
  return learned;
}

/* Columns with centres 1 and -2 and unlike spreads. */
static struct pf_model *zero_model(pf_interpolant kind, pf_encoder_kind encoder) {
  static const double ROWS[] = {.5, -4, 1.5, 0, .25, -1, 1.75, -3};
  pf_table *table = NULL;
  struct pf_model *model = NULL;
  assert_int_equal(pf_table_from_values(4, D, ROWS, NULL, &table, NULL), PF_OK);
  assert_int_equal(pf_model_create(table, &model, NULL), PF_OK);
  pf_encoder_options options = pf_encoder_options_default();
  options.kind = encoder;
  assert_int_equal(pf_encoder_fit(table, &options, &model->encoder, NULL), PF_OK);
  model->generator = zero_map(kind, 2);
  model->velocity = zero_map(kind, 1);
  model->end = pf_interpolant_default_end(kind);
  json_object_set_new(model->facts, "trajectory_steps", json_integer(STEPS));
  pf_table_free(table);
  return model;
}

static pf_decomposition decompose(const struct pf_model *model, const pf_law *law, pf_pool *pool) {
  pf_decomposition d;
  assert_int_equal(pf_decompose(model, law, N, SEED, pool, &d, NULL), PF_OK);
  return d;
}

/* What the decoder does: x = centre + spread z. */
typedef struct units {
  double centre[D], spread[D];
} units;

static units decoder(const struct pf_model *model) {
  static const float ZERO[D] = {0, 0}, ONE[D] = {1, 1};
  units u;
  pf_encoder_decode(model->encoder, ZERO, 1, u.centre);
  pf_encoder_decode(model->encoder, ONE, 1, u.spread);
  for (int j = 0; j < D; j++) u.spread[j] -= u.centre[j];
  return u;
}

/* RMS over the draws of |(a z + b x) spread|, x may be NULL. */
static double rms(const units *u, const float *z, double a, double b, const double *x) {
  double sum = 0;
  for (int i = 0; i < N * D; i++) {
    double e = (a * (double)z[i] + (x ? b * x[i] : 0)) * u->spread[i % D];
    sum += e * e;
  }
  return sqrt(sum / N);
}

/* The factor by which STEPS Heun steps of x' = (c'/c) x multiply. */
static double heun_factor(pf_interpolant kind, double end) {
  double factor = 1;
  for (int k = 0; k < STEPS; k++) {
    double t[2] = {end * k / STEPS, end * (k + 1) / STEPS}, rate[2];
    for (int i = 0; i < 2; i++) {
      pf_interpolant_values v = pf_interpolant_at(kind, t[i]);
      rate[i] = (v.alpha_alpha_dot + v.beta * v.beta_dot) / (v.alpha * v.alpha + v.beta * v.beta);
    }
    double h = t[1] - t[0];
    factor *= 1 + h / 2 * (rate[0] + rate[1] * (1 + h * rate[0]));
  }
  return factor;
}

/* The law N(1.5 (1,1), 2 [[1,rho],[rho,1]]) in encoded units, moved exactly from 0 to the end. */
static void exact_states(const units *u, pf_interpolant kind, double end, const float *z, double *out) {
  double mean[D], covariance[D * D], x[N * D];
  for (int i = 0; i < D; i++) {
    mean[i] = (1.5 - u->centre[i]) / u->spread[i];
    for (int j = 0; j < D; j++)
      covariance[i * D + j] = (i == j ? 2 : 2 * -.6) / (u->spread[i] * u->spread[j]);
  }
  pf_mixture_spec spec = {.components = 1,
                          .d = D,
                          .means = mean,
                          .kind = PF_COVARIANCE_FULL,
                          .covariances = 1,
                          .covariance = covariance};
  pf_mixture *mixture = NULL;
  assert_int_equal(pf_mixture_create(&spec, &mixture, NULL), PF_OK);
  for (int i = 0; i < N * D; i++) x[i] = (double)z[i];
  pf_mixture_field field = {mixture, kind};
  assert_int_equal(pf_gaussian_flow_map(&field, (pf_flow_times){0, end}, x, N, out, NULL), PF_OK);
  pf_mixture_free(mixture);
}

static void expect_close(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected) + 1e-6))
    fail_msg("%.10g, expected %.10g", value, expected);
}

static void terms_have_their_closed_forms(void **state) {
  (void)state;
  pf_law *law = NULL;
  assert_int_equal(pf_law_create("gauss:d=2,mean=1.5,variance=2,rho=-.6", &law, NULL), PF_OK);
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    struct pf_model *model = zero_model(kind, PF_ENCODER_STANDARD);
    units u = decoder(model);
    float z[N * D];
    double exact[N * D];
    pf_model_prior(model, SEED, (pf_rows){0, N}, z);
    pf_interpolant_values end = pf_interpolant_at(kind, model->end);
    double coarse = heun_factor(kind, model->end), fine = hypot(end.alpha, end.beta);
    exact_states(&u, kind, model->end, z, exact);
    pf_decomposition d = decompose(model, law, NULL);
    expect_close(d.fitting, rms(&u, z, end.alpha - coarse, 0, NULL), 1e-5);
    expect_close(d.discretisation, rms(&u, z, coarse - fine, 0, NULL), 1e-4);
    expect_close(d.velocity, rms(&u, z, fine, -1, exact), 1e-5);
    expect_close(d.distance, rms(&u, z, end.alpha, -1, exact), 1e-5);
    double stop = end.alpha * end.alpha + (1 - end.beta) * (1 - end.beta);
    expect_close(d.stopping, sqrt(stop * (u.spread[0] * u.spread[0] + u.spread[1] * u.spread[1])), 1e-12);
    expect_close(d.bound, d.fitting + d.discretisation + d.velocity + d.stopping, 1e-15);
    assert_true(d.bound - d.stopping >= d.distance);
    assert_true(kind != PF_INTERPOLANT_LINEAR || d.discretisation > 1e-3); /* the others' rate is zero */
    assert_true(isnan(d.measured) && isnan(d.floor));
    pf_model_free(model);
  }
  pf_law_free(law);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  pf_law *law = NULL;
  pf_pool *pool = NULL;
  struct pf_model *model = zero_model(PF_INTERPOLANT_LINEAR, PF_ENCODER_STANDARD);
  assert_int_equal(pf_law_create("ring8", &law, NULL), PF_OK);
  assert_int_equal(pf_pool_create(2, &pool, NULL), PF_OK);
  pf_decomposition one = decompose(model, law, NULL), two = decompose(model, law, pool);
  assert_memory_equal(&one, &two, offsetof(pf_decomposition, measured));
  assert_true(one.velocity > 0 && isfinite(one.bound));
  pf_pool_free(pool);
  pf_model_free(model);
  pf_law_free(law);
}

/* ---- what cannot be measured is NaN ---- */

static void without_a_mixture_the_velocity_is_unknown(void **state) {
  (void)state;
  struct pf_model *model = zero_model(PF_INTERPOLANT_FOLLMER, PF_ENCODER_STANDARD);
  pf_law *moons = NULL;
  assert_int_equal(pf_law_create("moons", &moons, NULL), PF_OK);
  const pf_law *laws[] = {NULL, moons};
  for (int i = 0; i < 2; i++) {
    pf_decomposition d = decompose(model, laws[i], NULL);
    assert_true(isnan(d.velocity) && isnan(d.bound) && isnan(d.distance));
    assert_true(d.fitting > 0 && d.discretisation >= 0 && d.stopping > 0);
  }
  pf_law_free(moons);
  pf_model_free(model);
}

static void through_quantiles_only_the_learned_terms_are_known(void **state) {
  (void)state;
  pf_law *ring = NULL;
  struct pf_model *model = zero_model(PF_INTERPOLANT_TRIG, PF_ENCODER_QUANTILE);
  assert_int_equal(pf_law_create("ring8", &ring, NULL), PF_OK);
  pf_decomposition d = decompose(model, ring, NULL);
  assert_true(isnan(d.velocity) && isnan(d.stopping) && isnan(d.bound) && isnan(d.distance));
  float z[N * D];
  pf_model_prior(model, SEED, (pf_rows){0, N}, z);
  units encoded = {.spread = {1, 1}};
  expect_close(d.fitting, rms(&encoded, z, 1, 0, NULL), 1e-5);
  assert_true(d.discretisation < 1e-5);
  pf_law_free(ring);
  pf_model_free(model);
}

static void a_velocity_alone_has_nothing_to_decompose(void **state) {
  (void)state;
  struct pf_model *model = zero_model(PF_INTERPOLANT_TRIG, PF_ENCODER_STANDARD);
  pf_learned_free(model->generator);
  model->generator = NULL;
  pf_decomposition d = decompose(model, NULL, NULL);
  assert_true(isnan(d.fitting) && isnan(d.discretisation) && isnan(d.velocity) && isnan(d.stopping));
  assert_true(isnan(d.bound) && isnan(d.distance));
  pf_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(terms_have_their_closed_forms),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(without_a_mixture_the_velocity_is_unknown),
      cmocka_unit_test(through_quantiles_only_the_learned_terms_are_known),
      cmocka_unit_test(a_velocity_alone_has_nothing_to_decompose),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
