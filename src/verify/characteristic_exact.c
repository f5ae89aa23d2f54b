/* Closed forms of the characteristic generator on Gaussian mixtures (characteristic.md sections 1, 3, 4, 11, 12.2, 12.3).
 *
 *   legend   x_t = alpha x_0 + beta x_1; v velocity, dhat denoiser, g*(t, s, x) exact flow map; the ring is eight Gaussians of
 *            variance .03 on a circle of radius 4; Z four points of the plane
 *
 * Reference values have eight digits after the point; 2000 RK4 steps reach them to about 1e-8.
 */
#include "characteristic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/rng.h"
#include "../data/law.h"

enum { POINTS = 4, VALUES = 2 * POINTS, LINE_POINTS = 5, MAX_STEPS = 2000 };

static const double Z[VALUES] = {.5, -1.2, -.3, .1, 1.7, .6, -.9, -2.1};
static const double HALF_PI = 1.57079632679489661923;

/* Half a unit of the eighth digit with room for rounding, and what integrating to a reference adds. */
static const double DIGITS = 6e-9, INTEGRATED = 2e-8, ROUNDING = 1e-12;

typedef struct bench {
  pf_verify_run *run;
  const pf_exact_subject *subject;
  pf_law *law;
} bench;

static pf_mixture_field field_of(const bench *b, pf_interpolant kind) {
  return (pf_mixture_field){pf_law_mixture(b->law), kind};
}

typedef enum move { MOVE_EULER, MOVE_HEUN, MOVE_RK4, MOVE_EXPONENTIAL } move;

typedef struct route {
  pf_interpolant kind;
  move move;
  double from, to;
  int steps;
} route;

/* out <- x (n rows) moved along the route by the fields under test; all NaN when that fails, which fails the check. */
static void follow(const bench *b, const route *r, const double *x, int n, double *out) {
  static const pf_ode_method methods[] = {PF_ODE_EULER, PF_ODE_HEUN, PF_ODE_RK4};
  double grid[MAX_STEPS + 1];
  pf_mixture_field field = field_of(b, r->kind);
  int d = field.mixture->d;
  pf_ode_system system = {b->subject->velocity, &field, n, d};
  pf_ode_uniform_grid(r->from, r->to, r->steps, grid);
  pf_ode_grid nodes = {grid, r->steps};
  memcpy(out, x, (size_t)(n * d) * sizeof *out);
  pf_status status;
  if (r->move == MOVE_EXPONENTIAL) {
    pf_ode_exponential_rule rule = {pf_interpolant_coefficients, &field.kind};
    system.field = b->subject->denoiser;
    status = pf_ode_exponential(rule, &system, nodes, out, NULL, NULL);
  } else {
    status = pf_ode_fixed(methods[r->move], &system, nodes, out, NULL, NULL);
  }
  for (int i = 0; status != PF_OK && i < n * d; i++) out[i] = NAN;
}

/* One evaluation of v or dhat at n rows. */
static void evaluate(const bench *b, pf_interpolant kind, bool denoiser, double t, int n, double *out) {
  pf_mixture_field field = field_of(b, kind);
  pf_ode_field *f = denoiser ? b->subject->denoiser : b->subject->velocity;
  if (f(&field, t, Z, n, out, NULL) != PF_OK) out[0] = NAN;
}

/* ---- reference values ---- */

static const struct {
  const char *name;
  route route;
  double expected[VALUES], tolerance;
} flows[] = {
    {"exact map, linear", /* RK4 of the linear clock is 2e-8 off at 2000 steps */
     {PF_INTERPOLANT_LINEAR, MOVE_RK4, 0, 1, 2000},
     {2.42794511, -3.09732805, -3.69648194, .18283999, 4.10667588, .28410506, -2.63873176, -3.24066004},
     INTEGRATED},
    {"exact map, trig",
     {PF_INTERPOLANT_TRIG, MOVE_RK4, 0, 1, 2000},
     {2.42794511, -3.09732805, -3.69648194, .18283999, 4.10667588, .28410506, -2.63873176, -3.24066004},
     INTEGRATED},
    {"exact flow, linear .25 to .75",
     {PF_INTERPOLANT_LINEAR, MOVE_RK4, .25, .75, 2000},
     {1.45128336, -2.52562744, -2.46843535, .29191704, 3.15285272, .45771115, -1.8137431, -2.79404858},
     INTEGRATED},
    {"Euler, linear, K=10",
     {PF_INTERPOLANT_LINEAR, MOVE_EULER, 0, .999, 10},
     {2.2512676, -3.08833654, -3.64628641, .20251266, 4.00706056, .26557872, -2.54442665, -3.14794903},
     DIGITS},
    {"exponential, follmer, K=10",
     {PF_INTERPOLANT_FOLLMER, MOVE_EXPONENTIAL, 0, .999, 10},
     {1.58647856, -3.369365, -3.74380884, .18144779, 4.01604937, .19764654, -2.45004508, -3.14660918},
     DIGITS},
    {"Heun, trig, K=10",
     {PF_INTERPOLANT_TRIG, MOVE_HEUN, 0, .999, 10},
     {2.3515608, -3.11041548, -3.64692862, .1981873, 4.08748437, .30392709, -2.60149702, -3.25164648},
     DIGITS},
};

static const struct {
  pf_interpolant kind;
  bool denoiser;
  double t, expected[2];
} values[] = {
    {PF_INTERPOLANT_LINEAR, false, .3, {1.09270653, -2.62220762}},
    {PF_INTERPOLANT_LINEAR, false, .8, {3.55976309, -7.85572093}},
    {PF_INTERPOLANT_FOLLMER, false, .3, {.92566292, -2.22158372}},
    {PF_INTERPOLANT_LINEAR, true, .3, {1.26489457, -3.03554534}},
    {PF_INTERPOLANT_TRIG, false, .8, {3.95282036, -9.05785899}},
    {PF_INTERPOLANT_TRIG, true, .8, {1.25315209, -2.92318716}},
};

static pf_status check_reference_values(const bench *b, pf_error *error) {
  double x[VALUES];
  for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
    follow(b, &flows[i].route, Z, POINTS, x);
    PF_TRY(pf_verify_add_largest(b->run, flows[i].name, x, flows[i].expected, VALUES, flows[i].tolerance,
                                 error));
  }
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    char name[64];
    evaluate(b, values[i].kind, values[i].denoiser, values[i].t, 1, x);
    snprintf(name, sizeof name, "%s %s at t=%g", pf_interpolant_name(values[i].kind),
             values[i].denoiser ? "denoiser" : "velocity", values[i].t);
    PF_TRY(pf_verify_add_largest(b->run, name, x, values[i].expected, 2, DIGITS, error));
  }
  return PF_OK;
}

/* Follmer at t is trig at r with t = sin(pi r / 2), scale 1: its own clock is singular at the end. */
static pf_status check_follmer_flow(const bench *b, pf_error *error) {
  static const double expected[VALUES] = {2.41237687, -3.10305369, -3.68282667, .18865635,
                                          4.10606936, .29314278,   -2.62986889, -3.25094523};
  double x[VALUES];
  pf_interpolant_values v = pf_interpolant_at(PF_INTERPOLANT_FOLLMER, .999);
  double end = pf_interpolant_time(PF_INTERPOLANT_TRIG, v.alpha, v.beta);
  follow(b, &(route){PF_INTERPOLANT_TRIG, MOVE_RK4, 0, end, 2000}, Z, POINTS, x);
  return pf_verify_add_largest(b->run, "exact flow, follmer to .999", x, expected, VALUES, INTEGRATED, error);
}

/* ---- relations ---- */

/* x_A(t) = (beta_A(t) / beta_B(r)) x_B(r) where alpha : beta agree; B is linear at r = .6. */
static pf_status check_schedule_invariance(const bench *b, pf_error *error) {
  double reference[VALUES], x[VALUES], scaled[VALUES], r = .6;
  pf_interpolant_values at = pf_interpolant_at(PF_INTERPOLANT_LINEAR, r);
  follow(b, &(route){PF_INTERPOLANT_LINEAR, MOVE_RK4, 0, r, 1000}, Z, POINTS, reference);
  for (pf_interpolant kind = PF_INTERPOLANT_FOLLMER; kind <= PF_INTERPOLANT_TRIG; kind++) {
    char name[64];
    double t = pf_interpolant_time(kind, at.alpha, at.beta);
    for (int i = 0; i < VALUES; i++) scaled[i] = pf_interpolant_at(kind, t).beta / at.beta * reference[i];
    follow(b, &(route){kind, MOVE_RK4, 0, t, 1000}, Z, POINTS, x);
    snprintf(name, sizeof name, "schedule invariance, %s", pf_interpolant_name(kind));
    PF_TRY(pf_verify_add_largest(b->run, name, x, scaled, VALUES, 1e-9, error));
  }
  return PF_OK;
}

/* The linear schedule's exponential steps are its Euler steps; a step to s = 1 returns the denoiser. */
static pf_status check_exponential_steps(const bench *b, pf_error *error) {
  double x[VALUES], y[VALUES];
  follow(b, &(route){PF_INTERPOLANT_LINEAR, MOVE_EULER, 0, .999, 20}, Z, POINTS, x);
  follow(b, &(route){PF_INTERPOLANT_LINEAR, MOVE_EXPONENTIAL, 0, .999, 20}, Z, POINTS, y);
  PF_TRY(pf_verify_add_largest(b->run, "exponential equals Euler, linear", y, x, VALUES, ROUNDING, error));
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    char name[64];
    evaluate(b, kind, true, .7, POINTS, y);
    follow(b, &(route){kind, MOVE_EXPONENTIAL, .7, 1, 1}, Z, POINTS, x);
    snprintf(name, sizeof name, "exponential step to 1 is the denoiser, %s", pf_interpolant_name(kind));
    PF_TRY(pf_verify_add_largest(b->run, name, x, y, VALUES, ROUNDING, error));
  }
  return PF_OK;
}

/* v(0, x) = alpha'_0 x + beta'_0 E[X_1], so one step from noise collapses: exponential to E[X_1] with any schedule, Euler to
 * E[X_1] (linear), x + E[X_1] (Follmer) or x + (pi/2) E[X_1] (trig). A law with a mean that is not zero shows it. */
static pf_status check_collapse(const bench *b, pf_error *error) {
  double mean[2], x[VALUES], collapsed[VALUES], expected[VALUES];
  pf_law_moments(b->law, mean, NULL);
  for (pf_interpolant kind = 0; kind < PF_INTERPOLANT_COUNT; kind++) {
    char name[64];
    double keep = kind == PF_INTERPOLANT_LINEAR ? -1 : 0, rate = kind == PF_INTERPOLANT_TRIG ? HALF_PI : 1;
    for (int i = 0; i < VALUES; i++) {
      collapsed[i] = mean[i % 2];
      expected[i] = keep * Z[i] + rate * mean[i % 2];
    }
    evaluate(b, kind, false, 0, POINTS, x);
    snprintf(name, sizeof name, "velocity at t=0, %s", pf_interpolant_name(kind));
    PF_TRY(pf_verify_add_largest(b->run, name, x, expected, VALUES, ROUNDING, error));
    for (int i = 0; i < VALUES; i++) expected[i] += Z[i];
    follow(b, &(route){kind, MOVE_EULER, 0, 1, 1}, Z, POINTS, x);
    snprintf(name, sizeof name, "one Euler step from noise, %s", pf_interpolant_name(kind));
    PF_TRY(pf_verify_add_largest(b->run, name, x, expected, VALUES, ROUNDING, error));
    follow(b, &(route){kind, MOVE_EXPONENTIAL, 0, 1, 1}, Z, POINTS, x);
    snprintf(name, sizeof name, "one exponential step collapses, %s", pf_interpolant_name(kind));
    PF_TRY(pf_verify_add_largest(b->run, name, x, collapsed, VALUES, ROUNDING, error));
  }
  return PF_OK;
}

/* ---- exact maps ---- */

/* In one dimension g* is the monotone rearrangement F_s^-1(F_t(x)). */
static pf_status check_line(const bench *b, pf_error *error) {
  static const double start[LINE_POINTS] = {-1.3, -.7, 0, .4, 1.5};
  static const double end[LINE_POINTS] = {-2.1411666, -1.07384424, 1.78285128, 2.04887442, 2.67056071};
  double x[LINE_POINTS], map[LINE_POINTS];
  pf_mixture_field field = field_of(b, PF_INTERPOLANT_LINEAR);
  follow(b, &(route){PF_INTERPOLANT_LINEAR, MOVE_RK4, 0, .999, 2000}, start, LINE_POINTS, x);
  PF_TRY(pf_verify_add_largest(b->run, "flow on the line", x, end, LINE_POINTS, INTEGRATED, error));
  PF_TRY(pf_mixture_flow_map_1d(&field, (pf_flow_times){0, .999}, start, LINE_POINTS, map, error));
  PF_TRY(pf_verify_add_largest(b->run, "quantile map on the line", map, end, LINE_POINTS, DIGITS, error));
  return pf_verify_add_largest(b->run, "flow is the quantile map", x, map, LINE_POINTS, 1e-9, error);
}

/* g*(u, s, g*(t, u, x)) = g*(t, s, x), and g* is what the velocity does. */
static pf_status check_gaussian_map(const bench *b, pf_error *error) {
  pf_rng rng = pf_rng_at(b->run->seed, PF_STREAM_VERIFY, 1, 0);
  double x[VALUES], half[VALUES], chain[VALUES], whole[VALUES], worst = 0;
  for (int trial = 0; trial < 32; trial++) {
    pf_mixture_field field = field_of(b, (pf_interpolant)(trial % PF_INTERPOLANT_COUNT));
    double t = pf_rng_uniform(&rng), u = pf_rng_uniform(&rng), s = pf_rng_uniform(&rng);
    for (int i = 0; i < VALUES; i++) x[i] = pf_rng_normal(&rng);
    PF_TRY(pf_gaussian_flow_map(&field, (pf_flow_times){t, u}, x, POINTS, half, error));
    PF_TRY(pf_gaussian_flow_map(&field, (pf_flow_times){u, s}, half, POINTS, chain, error));
    PF_TRY(pf_gaussian_flow_map(&field, (pf_flow_times){t, s}, x, POINTS, whole, error));
    for (int i = 0; i < VALUES; i++)
      if (!(fabs(chain[i] - whole[i]) <= worst)) worst = fabs(chain[i] - whole[i]);
  }
  PF_TRY(pf_verify_add(b->run, (pf_claim){worst, 0, ROUNDING}, error, "semigroup of the exact Gaussian map"));
  pf_mixture_field field = field_of(b, PF_INTERPOLANT_TRIG);
  PF_TRY(pf_gaussian_flow_map(&field, (pf_flow_times){.1, .9}, Z, POINTS, whole, error));
  follow(b, &(route){PF_INTERPOLANT_TRIG, MOVE_RK4, .1, .9, 1000}, Z, POINTS, x);
  return pf_verify_add_largest(b->run, "flow is the exact Gaussian map", x, whole, VALUES, 1e-9, error);
}

/* ---- all of them ---- */

typedef pf_status part(const bench *b, pf_error *error);

static pf_status with_law(pf_verify_run *run, const pf_exact_subject *subject, const char *spec, part *check,
                          pf_error *error) {
  bench b = {.run = run, .subject = subject};
  PF_TRY(pf_law_create(spec, &b.law, error));
  pf_status status = check(&b, error);
  pf_law_free(b.law);
  return status;
}

pf_status pf_verify_closed_forms(pf_verify_run *run, const pf_exact_subject *subject, pf_error *error) {
  static const struct {
    const char *law;
    part *check;
  } parts[] = {
      {"ring8", check_reference_values},
      {"ring8", check_follmer_flow},
      {"ring8", check_schedule_invariance},
      {"ring8", check_exponential_steps},
      {"two-mode", check_collapse},
      {"mix1d-2", check_line},
      {"gauss:d=2,mean=1.5,variance=2,rho=-.6", check_gaussian_map},
  };
  int count = sizeof parts / sizeof *parts;
  for (int i = 0; i < count; i++) {
    PF_TRY(with_law(run, subject, parts[i].law, parts[i].check, error));
    PF_TRY(pf_verify_progress(run, "closed forms", i + 1, count, error));
  }
  return PF_OK;
}
