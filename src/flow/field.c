/* Velocities and their divergences as graphs: see field.h. */
#include "field.h"

#include <string.h>
#include "../base/canary.h"
#include "../base/text.h"

static const char *const divergence_names[] = {
#define PF_DIVERGENCE(NAME, name, description) #name,
#include "divergences.def"
#undef PF_DIVERGENCE
};

pf_status pf_divergence_find(const char *name, pf_divergence *out, pf_error *error) {
  for (int i = 0; i < PF_DIVERGENCE_COUNT; i++)
    if (strcmp(name, divergence_names[i]) == 0) {
      *out = (pf_divergence)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "divergence", name, divergence_names, PF_DIVERGENCE_COUNT);
}

const char *pf_divergence_name(pf_divergence divergence) { return divergence_names[divergence]; }

int pf_field_columns(const pf_field *field) {
  return field->kind == PF_FIELD_POTENTIAL ? field->potential.inputs : field->network.inputs;
}

pf_status pf_field_check(const pf_field *field, pf_error *error) {
  if (field->kind == PF_FIELD_POTENTIAL) return pf_potential_config_check(&field->potential, error);
  const pf_network_config *n = &field->network;
  if (n->inputs != n->outputs || n->times > 1)
    return pf_fail(error, PF_USAGE, "a field's network has %d inputs, %d outputs and %d times", n->inputs,
                   n->outputs, n->times);
  return pf_network_config_check(n, error);
}

pf_status pf_field_layout(const pf_field *field, pf_layout *out, pf_error *error) {
  PF_TRY(pf_field_check(field, error));
  if (field->kind == PF_FIELD_POTENTIAL) return pf_potential_layout(&field->potential, out, error);
  return pf_network_layout(&field->network, out, error);
}

/* ---- divergences ---- */

pf_node pf_divergence_exact(pf_node v, pf_node x) {
  pf_shape shape = pf_node_shape(x);
  int d = shape.dim[0];
  pf_node directions = pf_identity(x.graph, d), columns;
  pf_jvp_stack(&v, 1, &x, &directions, 1, d, &columns); /* [i, j]: d v_j / d x_i */
  return pf_sum_items(pf_mul(columns, directions));
}

static pf_node divergence_of(const pf_field *field, int set, pf_node x, pf_node r, pf_node v,
                             const pf_divergence_rule *rule) {
  pf_node e = rule->probe, change;
  switch (rule->kind) {
  case PF_DIVERGENCE_HUTCHINSON: pf_jvp(&v, 1, &x, &e, 1, &change); break;
  case PF_DIVERGENCE_DIFFERENCE: {
    pf_node beside = pf_field_velocity(field, set, pf_add(x, pf_scale(e, rule->width)), r);
    change = pf_scale(pf_sub(beside, v), 1 / rule->width);
    break;
  }
  default: return pf_divergence_exact(v, x);
  }
  return pf_sum_items(pf_mul(e, change));
}

/* ---- fields ---- */

pf_node pf_field_velocity(const pf_field *field, int set, pf_node x, pf_node r) {
  if (field->kind == PF_FIELD_POTENTIAL)
    return pf_neg(pf_potential_slopes_apply(&field->potential, set, x, r).gradient);
  return pf_network_apply(&field->network, set, x, r, r);
}

pf_field_nodes pf_field_at(const pf_field *field, int set, pf_node x, pf_node r,
                           const pf_divergence_rule *rule) {
  pf_field_nodes at = {.potential_slope = {x.graph, -1}};
  if (field->kind == PF_FIELD_POTENTIAL) {
    pf_potential_slopes s = pf_potential_slopes_apply(&field->potential, set, x, r);
    at.velocity = pf_neg(s.gradient);
    at.divergence = PF_CANARY(FLOW_TRACE_SIGN, pf_neg(s.laplacian), s.laplacian);
    at.potential_slope = s.time;
    if (rule->kind == PF_DIVERGENCE_EXACT) return at;
  } else {
    at.velocity = pf_field_velocity(field, set, x, r);
  }
  at.divergence = divergence_of(field, set, x, r, at.velocity, rule);
  return at;
}
