/* Graph builders of the two-time map: see time_map.h for the formulas. */
#include "time_map.h"

#include "../base/canary.h"

static pf_node variance_node(pf_node alpha, pf_node beta) {
  return pf_add(pf_mul(alpha, alpha), pf_mul(beta, beta));
}

bool pf_time_map_is_plain(const pf_time_map *map) { return map->network.times == 0; }

/* the linear interpolant alone does not keep alpha^2 + beta^2 = 1 */
bool pf_time_map_scales(const pf_time_map *map) {
  return map->interpolant == PF_INTERPOLANT_LINEAR && !pf_time_map_is_plain(map);
}

/* What the network reads: the generated columns divided by c, the given ones as they are. */
static pf_node over_c(const pf_time_map *map, pf_node x, pf_node c) {
  return pf_given_join_node(&map->given, pf_div(pf_given_generated_node(&map->given, x), c), x);
}

pf_node pf_time_map_network_node(const pf_time_map *map, int set, pf_node x, pf_node t, pf_node s) {
  if (pf_time_map_is_plain(map)) return pf_network_apply(&map->network, set, x, x, x);
  pf_node alpha = pf_interpolant_alpha_node(map->interpolant, t),
          beta = pf_interpolant_beta_node(map->interpolant, t);
  if (pf_time_map_scales(map)) x = over_c(map, x, pf_sqrt(variance_node(alpha, beta)));
  return pf_network_apply(&map->network, set, x, t, s);
}

pf_node pf_time_map_combine(const pf_time_map *map, pf_time_terms terms, pf_node x, pf_node f) {
  pf_node generated = pf_given_generated_node(&map->given, x);
  pf_node moved = pf_add(pf_mul(terms.of_x, generated), pf_mul(terms.of_network, f));
  if (map->given.count == 0) return moved;
  return pf_given_join_node(&map->given, moved, pf_mul(terms.of_given, x));
}

void pf_time_map_coefficients(const pf_time_map *map, pf_node t, pf_node s, pf_node *of_x,
                              pf_node *of_network) {
  pf_interpolant kind = map->interpolant;
  pf_node a = pf_interpolant_alpha_node(kind, t), b = pf_interpolant_beta_node(kind, t);
  pf_node as = pf_interpolant_alpha_node(kind, s), bs = pf_interpolant_beta_node(kind, s);
  pf_node variance = variance_node(a, b);
  /* dividing by the very expression that the numerator becomes at s = t keeps g(t,t,x) = x exact */
  *of_x = pf_div(pf_add(pf_mul(a, as), pf_mul(b, bs)), variance);
  pf_node turn = pf_sub(pf_mul(a, bs), pf_mul(b, as));
  *of_network = pf_div(PF_CANARY(TIME_MAP_SIGN, turn, pf_neg(turn)), pf_sqrt(variance));
}

pf_node pf_time_map_node(const pf_time_map *map, int set, pf_node x, pf_node t, pf_node s) {
  pf_time_terms terms = {.of_given = pf_scalar(x.graph, 1)};
  if (pf_time_map_is_plain(map)) {
    pf_node f = pf_time_map_network_node(map, set, x, t, s);
    if (map->skip) f = pf_add(pf_given_generated_node(&map->given, x), f);
    return pf_given_join_node(&map->given, f, x);
  }
  pf_time_map_coefficients(map, t, s, &terms.of_x, &terms.of_network);
  return pf_time_map_combine(map, terms, x, pf_time_map_network_node(map, set, x, t, s));
}

static void velocity_coefficients(const pf_time_map *map, pf_node t, pf_node *of_x, pf_node *of_network) {
  pf_interpolant_nodes v = pf_interpolant_nodes_at(map->interpolant, t);
  pf_node variance = variance_node(v.alpha, v.beta);
  *of_x = pf_div(pf_add(pf_mul(v.alpha, v.alpha_dot), pf_mul(v.beta, v.beta_dot)), variance);
  pf_node turn = pf_sub(pf_mul(v.alpha, v.beta_dot), pf_mul(v.beta, v.alpha_dot));
  *of_network = pf_div(turn, pf_sqrt(variance));
}

pf_node pf_time_map_velocity_node(const pf_time_map *map, int set, pf_node x, pf_node t) {
  pf_time_terms terms = {.of_given = pf_scalar(x.graph, 0)};
  velocity_coefficients(map, t, &terms.of_x, &terms.of_network);
  return pf_time_map_combine(map, terms, x, pf_time_map_network_node(map, set, x, t, t));
}

/* ---- the times and x apart ---- */

static void add_network_terms(const pf_time_map *map, int set, pf_node t, pf_node s, pf_time_terms *terms) {
  if (pf_time_map_scales(map))
    terms->c = pf_sqrt(variance_node(pf_interpolant_alpha_node(map->interpolant, t),
                                     pf_interpolant_beta_node(map->interpolant, t)));
  terms->path = pf_network_time_path(&map->network, set, t, s);
}

pf_time_terms pf_time_map_terms(const pf_time_map *map, int set, pf_node t, pf_node s) {
  pf_time_terms terms = {.of_given = pf_scalar(t.graph, 1)};
  pf_time_map_coefficients(map, t, s, &terms.of_x, &terms.of_network);
  add_network_terms(map, set, t, s, &terms);
  return terms;
}

pf_time_terms pf_time_map_velocity_terms(const pf_time_map *map, int set, pf_node t) {
  pf_time_terms terms = {.of_given = pf_scalar(t.graph, 0)};
  velocity_coefficients(map, t, &terms.of_x, &terms.of_network);
  add_network_terms(map, set, t, t, &terms);
  return terms;
}

pf_node pf_time_map_at_terms(const pf_time_map *map, int set, pf_time_terms terms, pf_node x) {
  pf_node scaled = pf_time_map_scales(map) ? over_c(map, x, terms.c) : x;
  pf_node f = pf_time_map_is_plain(map) ? pf_network_apply(&map->network, set, x, x, x)
                                        : pf_network_apply_path(&map->network, set, scaled, terms.path);
  return pf_time_map_combine(map, terms, x, f);
}

pf_node pf_time_map_target_node(const pf_time_map *map, pf_node t, pf_node x0, pf_node x1) {
  pf_node alpha = pf_interpolant_alpha_node(map->interpolant, t),
          beta = pf_interpolant_beta_node(map->interpolant, t);
  pf_node target = pf_sub(pf_mul(alpha, x1), pf_mul(beta, x0));
  return map->interpolant == PF_INTERPOLANT_LINEAR ? pf_div(target, pf_sqrt(variance_node(alpha, beta)))
                                                   : target;
}
