/* Unrolled Runge-Kutta steps: see unroll.h. */
#include "unroll.h"

#include "../base/canary.h"

/* The state and, as the same tuple, its slope. Members without a meaning are invalid handles and stay so. */
typedef struct state {
  pf_node x, log_det, kinetic, hamilton_jacobi;
} state;

static bool exists(pf_node node) { return node.graph && node.id >= 0; }

/* a + c b, member by member. */
static pf_node combine_one(pf_node a, pf_node c, pf_node b) {
  return exists(b) ? pf_add(a, pf_mul(b, c)) : b;
}

static state combine(const state *a, pf_node c, const state *b) {
  return (state){.x = combine_one(a->x, c, b->x),
                 .log_det = combine_one(a->log_det, c, b->log_det),
                 .kinetic = combine_one(a->kinetic, c, b->kinetic),
                 .hamilton_jacobi = combine_one(a->hamilton_jacobi, c, b->hamilton_jacobi)};
}

/* The velocity that is followed. */
typedef struct course {
  pf_field_builder *build;
  const void *context;
} course;

static state slope_at(const course *along, pf_node x, pf_node r, const pf_divergence_rule *rule) {
  pf_field_nodes at = along->build(along->context, x, r, rule);
  pf_node speed = pf_scale(pf_sum_items(pf_square(at.velocity)), 0.5);
  state out = {
      .x = at.velocity, .log_det = at.divergence, .kinetic = speed, .hamilton_jacobi = {x.graph, -1}};
  if (exists(at.potential_slope)) out.hamilton_jacobi = pf_abs(pf_sub(speed, at.potential_slope));
  return out;
}

/* Only x moves between the stages: nothing depends on the accumulated members. */
static state step(const course *along, const state *from, pf_node r, pf_node h,
                  const pf_divergence_rule *rule, pf_ode_method method) {
  const pf_tableau *tableau = pf_tableau_of(method);
  state k[PF_TABLEAU_MAX_STAGES], to = *from;
  for (int i = 0; i < tableau->stages; i++) {
    pf_node x = from->x;
    for (int j = 0; j < i; j++)
      if (tableau->a[i][j] != 0) x = pf_add(x, pf_mul(k[j].x, pf_scale(h, tableau->a[i][j])));
    k[i] = slope_at(along, x, pf_add(r, pf_scale(h, tableau->c[i])), rule);
  }
  for (int i = 0; i < tableau->stages; i++)
    if (tableau->b[i] != 0) {
      pf_node weight = pf_scale(h, PF_CANARY(UNROLL_WEIGHT, 1, 0.99) * tableau->b[i]);
      to = combine(&to, weight, &k[i]);
    }
  return to;
}

/* The share of the way that step k is: its lengths add up to 1 for every row. */
static pf_node step_share(pf_graph *graph, const pf_unroll_spec *spec, int k) {
  double even = 1.0 / spec->steps;
  if (spec->grid) return pf_scalar(graph, spec->grid[k + 1] - spec->grid[k]);
  if (spec->jitter == 0 || spec->steps == 1) return pf_scalar(graph, even);
  pf_node u = pf_uniform(graph, spec->jitter_stream, spec->steps);
  pf_node own = pf_reshape(pf_slice(u, k, 1), 0, NULL), mean = pf_scale(pf_sum_items(u), even);
  return pf_offset(pf_scale(pf_sub(own, mean), spec->jitter * even), even);
}

pf_unrolled pf_unroll_along(pf_field_builder *field, const void *context, pf_node x,
                            const pf_unroll_spec *spec) {
  pf_graph *graph = x.graph;
  course along = {field, context};
  int d = pf_node_shape(x).dim[0];
  pf_node zero = pf_scalar(graph, 0), r = zero;
  state s = {.x = x, .log_det = zero, .kinetic = zero, .hamilton_jacobi = zero};
  if (spec->path) spec->path[0] = x;
  for (int k = 0; k < spec->steps; k++) {
    pf_divergence_rule rule = {.kind = spec->divergence, .width = spec->width};
    pf_node h = step_share(graph, spec, k);
    if (exists(spec->end)) h = pf_mul(h, spec->end);
    if (spec->divergence != PF_DIVERGENCE_EXACT) rule.probe = pf_normal(graph, spec->probe_stream + k, d);
    s = step(&along, &s, r, h, &rule, spec->method);
    if (spec->path) spec->path[k + 1] = s.x;
    r = spec->grid ? pf_scalar(graph, spec->grid[k + 1]) : pf_add(r, h);
  }
  return (pf_unrolled){s.x, s.log_det, s.kinetic, s.hamilton_jacobi};
}

typedef struct own_field {
  const pf_field *field;
  int set;
} own_field;

static pf_field_nodes build_own(const void *context, pf_node x, pf_node r, const pf_divergence_rule *rule) {
  const own_field *own = context;
  return pf_field_at(own->field, own->set, x, r, rule);
}

pf_unrolled pf_unroll(const pf_field *field, int set, pf_node x, const pf_unroll_spec *spec) {
  own_field own = {field, set};
  return pf_unroll_along(build_own, &own, x, spec);
}
