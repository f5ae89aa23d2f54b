/* Graph builders of the two-time map: see time_map.h for the formulas. */
#include "time_map.h"

#include "../base/canary.h"

static pf_node variance_node(pf_node alpha, pf_node beta) {
  return pf_add(pf_mul(alpha, alpha), pf_mul(beta, beta));
}

pf_node pf_time_map_network_node(const pf_time_map *map, int set, pf_node x, pf_node t, pf_node s) {
  pf_node alpha = pf_interpolant_alpha_node(map->interpolant, t),
          beta = pf_interpolant_beta_node(map->interpolant, t);
  /* the linear interpolant alone does not keep alpha^2 + beta^2 = 1 */
  if (map->interpolant == PF_INTERPOLANT_LINEAR) x = pf_div(x, pf_sqrt(variance_node(alpha, beta)));
  return pf_network_apply(&map->network, set, x, t, s);
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
  pf_node of_x, of_network;
  pf_time_map_coefficients(map, t, s, &of_x, &of_network);
  pf_node f = pf_time_map_network_node(map, set, x, t, s);
  return pf_add(pf_mul(of_x, x), pf_mul(of_network, f));
}

pf_node pf_time_map_velocity_node(const pf_time_map *map, int set, pf_node x, pf_node t) {
  pf_interpolant_nodes v = pf_interpolant_nodes_at(map->interpolant, t);
  pf_node variance = variance_node(v.alpha, v.beta);
  pf_node of_x = pf_div(pf_add(pf_mul(v.alpha, v.alpha_dot), pf_mul(v.beta, v.beta_dot)), variance);
  pf_node turn = pf_sub(pf_mul(v.alpha, v.beta_dot), pf_mul(v.beta, v.alpha_dot));
  pf_node f = pf_time_map_network_node(map, set, x, t, t);
  return pf_add(pf_mul(of_x, x), pf_mul(pf_div(turn, pf_sqrt(variance)), f));
}

pf_node pf_time_map_target_node(const pf_time_map *map, pf_node t, pf_node x0, pf_node x1) {
  pf_node alpha = pf_interpolant_alpha_node(map->interpolant, t),
          beta = pf_interpolant_beta_node(map->interpolant, t);
  pf_node target = pf_sub(pf_mul(alpha, x1), pf_mul(beta, x0));
  return map->interpolant == PF_INTERPOLANT_LINEAR ? pf_div(target, pf_sqrt(variance_node(alpha, beta)))
                                                   : target;
}
