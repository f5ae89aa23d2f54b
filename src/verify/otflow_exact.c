/* OT-Flow where its values are known (ot_flow.md 5 and 7): in double, through the library's potential and unrolled steps. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "blocks.h"
#include "otflow.h"

static const double DIGITS = 1e-9; /* reference values have ten decimals */

/* ---- a small potential ---- */

enum { D = 2, STATE = 5, MOST_PARAMS = 32 };

static const pf_field SMALL = {.kind = PF_FIELD_POTENTIAL,
                               .potential = {.inputs = D, .width = 2, .layers = 1, .rank = 1}};

static void put(const pf_layout *layout, const char *name, const double *values, double *params) {
  const pf_parameter *p = pf_layout_find(layout, name);
  memcpy(params + p->offset, values, (size_t)pf_shape_items(&p->shape) * sizeof *values);
}

/* Rows stand on the left, so that the paper's matrices appear transposed. */
static pf_status small_params(double *params, pf_error *error) {
  static const double k0[] = {.1, -.4, .2, .5, .3, -.6}, b0[] = {.1, -.2}, k1[] = {.3, .2, -.1, .4},
                      b1[] = {.05, -.05}, w[] = {1, -.5}, a[] = {.2, -.3, .1}, b[] = {.1, .2, .3};
  pf_layout layout = {0};
  PF_TRY(pf_field_layout(&SMALL, &layout, error));
  put(&layout, "K0.weight", k0, params);
  put(&layout, "K0.bias", b0, params);
  put(&layout, "K1.weight", k1, params);
  put(&layout, "K1.bias", b1, params);
  put(&layout, "w", w, params);
  put(&layout, "A", a, params);
  put(&layout, "b", b, params);
  pf_layout_free(&layout);
  return PF_OK;
}

static const double START[D] = {.5, -1.2};

static pf_status check_potential(pf_verify_run *run, const double *params, pf_error *error) {
  static const double expected[STATE] = {.3532290610, -.0075133063, .3189702445, .0431509383, .0930031139},
                      time = .4;
  pf_graph *graph = NULL;
  double found[STATE], *results[] = {found, found + 1, found + 3, found + 4};
  const double *inputs[] = {START, &time};
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, D)), t = pf_input(graph, 1, PF_SCALAR(PF_SHARED));
  pf_potential_slopes s = pf_potential_slopes_apply(&SMALL.potential, 0, x, t);
  pf_node outputs[] = {pf_potential_apply(&SMALL.potential, 0, x, t), s.gradient, s.time, s.laplacian};
  pf_ref_run evaluation = {.params = &params, .inputs = inputs, .rows = 1};
  pf_status status = pf_ref_evaluate(graph, outputs, 4, &evaluation, results, error);
  pf_graph_free(graph);
  if (status != PF_OK) return status;
  PF_TRY(pf_verify_add_largest(run, "potential at a point", found, expected, 1, DIGITS, error));
  PF_TRY(pf_verify_add_largest(run, "its gradient in space and time", found + 1, expected + 1, 3, DIGITS,
                               error));
  return pf_verify_add_largest(run, "its Laplacian", found + 4, expected + 4, 1, DIGITS, error);
}

/* x, log det, kinetic and Hamilton-Jacobi integrals of n rows along whatever `build` builds. */
typedef struct integration {
  pf_field_builder *build;
  const void *context;
  int steps;
  const double *params;
} integration;

static pf_status integrate(const integration *along, const double *x, int64_t n, int d, double *const *out,
                           pf_error *error) {
  pf_graph *graph = NULL;
  const double *sets[] = {along->params}, *inputs[] = {x};
  PF_TRY(pf_graph_create(&graph, error));
  pf_unroll_spec spec = {.method = PF_ODE_RK4, .steps = along->steps, .end = {graph, -1}};
  pf_node start = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, d));
  pf_unrolled u = pf_unroll_along(along->build, along->context, start, &spec);
  pf_node outputs[] = {u.x, u.log_det, u.kinetic, u.hamilton_jacobi};
  pf_ref_run evaluation = {.params = sets, .inputs = inputs, .rows = n};
  pf_status status = pf_ref_evaluate(graph, outputs, 4, &evaluation, out, error);
  pf_graph_free(graph);
  return status;
}

static pf_field_nodes build_field(const void *context, pf_node x, pf_node r, const pf_divergence_rule *rule) {
  return pf_field_at(context, 0, x, r, rule);
}

static pf_status check_states(pf_verify_run *run, const double *params, pf_error *error) {
  static const struct {
    int steps;
    double state[STATE];
  } rows[] = {{1, {.5046546415, -1.5122557981, -.1042858831, .0489118799, .0129942112}},
              {8, {.5046632253, -1.5122604455, -.1042611032, .0489009252, .0128633717}},
              {64, {.5046632275, -1.5122604469, -.1042610968, .0489009227, .0128457759}}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char name[64];
    double found[STATE], *results[] = {found, found + 2, found + 3, found + 4};
    integration along = {build_field, &SMALL, rows[i].steps, params};
    PF_TRY(integrate(&along, START, 1, D, results, error));
    snprintf(name, sizeof name, "x, log det, cost and residual, nt=%d", rows[i].steps);
    PF_TRY(pf_verify_add_largest(run, name, found, rows[i].state, STATE, DIGITS, error));
  }
  return PF_OK;
}

/* The reference is the largest coordinate, to two digits. */
static pf_status check_small_inverse(pf_verify_run *run, const double *params, pf_error *error) {
  double x[D], worst = 0;
  pf_double_field field = {0};
  memcpy(x, START, sizeof x);
  PF_TRY(pf_double_field_open(&SMALL, params, &field, error));
  pf_status status = pf_double_move(&field, (pf_double_route){0, 1, 8}, 1, x, error);
  if (status == PF_OK) status = pf_double_move(&field, (pf_double_route){1, 0, 8}, 1, x, error);
  pf_double_field_close(&field);
  if (status != PF_OK) return status;
  for (int j = 0; j < D; j++) worst = fmax(worst, fabs(x[j] - START[j]));
  return pf_verify_add(run, (pf_claim){worst, 1.9e-10, 6e-12}, error, "its inverse error, nt=8");
}

/* ---- orders ---- */

enum { LADDER = 4, POINTS = 32, FINE = 256 };

typedef struct trip {
  double end[POINTS * D], back[POINTS * D];
} trip;

static double rms(const double *a, const double *b) {
  double sum = 0;
  for (int i = 0; i < POINTS * D; i++) sum += (a[i] - b[i]) * (a[i] - b[i]) / POINTS;
  return sqrt(sum);
}

static pf_status take_trip(pf_double_field *field, int steps, const double *start, trip *out,
                           pf_error *error) {
  memcpy(out->end, start, sizeof out->end);
  PF_TRY(pf_double_move(field, (pf_double_route){0, 1, steps}, POINTS, out->end, error));
  memcpy(out->back, out->end, sizeof out->back);
  return pf_double_move(field, (pf_double_route){1, 0, steps}, POINTS, out->back, error);
}

static pf_status measure_orders(pf_verify_run *run, pf_double_field *field, const double *start,
                                pf_error *error) {
  static const int steps[LADDER] = {4, 8, 16, 32};
  double count[LADDER], back[LADDER], there[LADDER];
  trip fine, coarse;
  PF_TRY(take_trip(field, FINE, start, &fine, error));
  for (int i = 0; i < LADDER; i++) {
    PF_TRY(take_trip(field, steps[i], start, &coarse, error));
    count[i] = steps[i];
    back[i] = rms(coarse.back, start);
    there[i] = rms(coarse.end, fine.end);
  }
  /* the leading error of a step there and of its step back cancel: fifth order */
  PF_TRY(pf_verify_add(run, (pf_claim){-pf_log_slope(count, back, LADDER), 4.5, 1}, error,
                       "order of the inverse error in nt"));
  return pf_verify_add(run, (pf_claim){-pf_log_slope(count, there, LADDER), 4, 0.5}, error,
                       "order of the flow's error in nt");
}

/* A potential of the default size, every weight random. */
static pf_status check_orders(pf_verify_run *run, pf_error *error) {
  const pf_field wide = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = D, .width = 32, .layers = 1}};
  pf_layout layout = {0};
  pf_double_field field = {0};
  double *params = NULL, start[POINTS * D];
  PF_TRY(pf_field_layout(&wide, &layout, error));
  int64_t n = layout.total;
  pf_layout_free(&layout);
  PF_TRY(pf_alloc((size_t)n, sizeof *params, &params, error));
  pf_rng rng = pf_rng_at(run->seed, PF_STREAM_VERIFY, 70, 0);
  for (int64_t i = 0; i < n; i++) params[i] = 0.3 * pf_rng_normal(&rng);
  for (int i = 0; i < POINTS * D; i++) start[i] = pf_rng_normal(&rng);
  pf_status status = pf_double_field_open(&wide, params, &field, error);
  if (status == PF_OK) status = measure_orders(run, &field, start, error);
  pf_double_field_close(&field);
  pf_free(params);
  return status;
}

/* ---- the exact potential between two Gaussians on the line ----
 *
 *   Phi(y, r) = -Ds (y - m_r)^2 / (2 s_r) - Dm y + Dm^2 r / 2,   m_r, s_r linear in r, Dm = m_1 - m_0, Ds = s_1 - s_0
 * It solves -d_r Phi + (d_y Phi)^2 / 2 = 0, and x(1) = m_1 + (s_1/s_0)(x - m_0), log det = ln(s_1/s_0).
 */

typedef struct gaussian_pair {
  double m0, s0, m1, s1;
} gaussian_pair;

static pf_field_nodes build_exact(const void *context, pf_node x, pf_node r, const pf_divergence_rule *rule) {
  const gaussian_pair *g = context;
  double dm = g->m1 - g->m0, ds = g->s1 - g->s0;
  (void)rule;
  pf_node s = pf_offset(pf_scale(r, ds), g->s0), m = pf_offset(pf_scale(r, dm), g->m0);
  pf_node y = pf_reshape(x, 0, NULL), off = pf_div(pf_sub(y, m), s); /* (y - m_r) / s_r */
  pf_node slope = pf_offset(pf_scale(off, -ds), -dm);                /* d_y Phi */
  /* d_r Phi term by term: the middle moves, the width changes, and the last term */
  pf_node time = pf_offset(pf_add(pf_scale(off, ds * dm), pf_scale(pf_square(off), ds * ds / 2)),
                           PF_CANARY(EXACT_POTENTIAL, 1, -1) * dm * dm / 2);
  pf_node divergence = pf_broadcast(pf_div(pf_scalar(x.graph, ds), s), PF_SCALAR(PF_PER_ROW));
  return (pf_field_nodes){.velocity = pf_reshape(pf_neg(slope), 1, (int[]){1}),
                          .divergence = divergence,
                          .potential_slope = time};
}

enum { LINE_POINTS = 7 };

static pf_status check_exact_potential(pf_verify_run *run, const gaussian_pair *g, pf_error *error) {
  static const double u[LINE_POINTS] = {-3, -1.5, -.4, 0, .6, 1.7, 3};
  double start[LINE_POINTS], end[LINE_POINTS], log_det[LINE_POINTS], cost[LINE_POINTS],
      zero[LINE_POINTS] = {0};
  double found[4][LINE_POINTS], *results[] = {found[0], found[1], found[2], found[3]};
  double dm = g->m1 - g->m0, ds = g->s1 - g->s0;
  for (int i = 0; i < LINE_POINTS; i++) {
    start[i] = g->m0 + g->s0 * u[i];
    end[i] = g->m1 + g->s1 * u[i];
    log_det[i] = log(g->s1 / g->s0);
    cost[i] = 0.5 * (dm + ds * u[i]) * (dm + ds * u[i]);
  }
  integration along = {build_exact, g, 32, NULL};
  PF_TRY(integrate(&along, start, LINE_POINTS, 1, results, error));
  const struct {
    const char *what;
    const double *expected;
  } parts[] = {{"map", end}, {"log det", log_det}, {"transport cost", cost}, {"HJB residual", zero}};
  for (int i = 0; i < 4; i++) {
    char name[160]; /* of which a check keeps 63 bytes */
    snprintf(name, sizeof name, "N(%g,%g) to N(%g,%g), exact: %s", g->m0, g->s0 * g->s0, g->m1, g->s1 * g->s1,
             parts[i].what);
    PF_TRY(pf_verify_add_largest(run, name, found[i], parts[i].expected, LINE_POINTS, i == 3 ? 1e-12 : 1e-8,
                                 error));
  }
  return PF_OK;
}

pf_status pf_verify_otflow_exact(pf_verify_run *run, pf_error *error) {
  static const gaussian_pair pairs[] = {{3, 2, 0, 1}, {-1, .8, 2, 1.2}};
  double params[MOST_PARAMS] = {0};
  PF_TRY(small_params(params, error));
  PF_TRY(check_potential(run, params, error));
  PF_TRY(check_states(run, params, error));
  PF_TRY(check_small_inverse(run, params, error));
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    PF_TRY(check_exact_potential(run, &pairs[i], error));
  PF_TRY(check_orders(run, error));
  return pf_verify_progress(run, "exact potentials", 1, 1, error);
}
