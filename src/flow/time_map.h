/* The two-time map g(t, s, x) and the velocity v(t, x), as graph builders around one network F.
 *
 *   legend     t, s times (0 noise, 1 data); alpha, beta of the interpolant at t; alpha_s, beta_s at s;
 *              c = sqrt(alpha^2 + beta^2), the standard deviation of X_t per coordinate for data of unit
 * variance denoiser   D(t,s,x) = (beta/c^2) x + (alpha/c) F(t, s, x/c)                 EDM preconditioning
 * with sd = 1 map        g(t,s,x) = (alpha_s/alpha) x + (beta_s - (alpha_s/alpha) beta) D(t,s,x)       arXiv
 * 2405.05512, exponential form which simplifies to g(t,s,x) = ((alpha alpha_s + beta beta_s)/c^2) x + ((alpha
 * beta_s - beta alpha_s)/c) F(t, s, x/c) velocity   v(t,x) = d/ds g(t,s,x) at s = t = ((alpha alpha' + beta
 * beta')/c^2) x + ((alpha beta' - beta alpha')/c) F(t, t, x/c) regression E[F | X_t = x] = (alpha x_1 - beta
 * x_0)/c: the target of the diagonal
 *
 * No division by alpha is left, so both ends of time are ordinary points; g(t,t,x) = x exactly, whatever F;
 * for the trigonometric interpolant g is a rotation of (x, F) by the angle between the times. Derivation:
 * docs/architecture.md.
 *
 * Where columns are given (given.h), x above stands for the generated columns of a row, and F reads the given ones c as they
 * are, F(t, s, x/c_t, c): g keeps them, v does not move them.
 */
#ifndef PF_FLOW_TIME_MAP_H
#define PF_FLOW_TIME_MAP_H

#include "../nn/network.h"
#include "given.h"
#include "interpolant.h"
#include "interpolant_graph.h"

typedef struct pf_time_map {
  pf_interpolant interpolant;
  /* inputs: the columns of a row, D; outputs: those that are generated. times 1: F(t, x), a velocity only; 2: F(t, s, x); 0:
   * plain */
  pf_network_config network;
  pf_given given;
  bool skip; /* of a plain map alone: g(x) = x + F(x) */
} pf_time_map;

/* Whether the map is plain: from noise to data at once, g(x) = F(x) or x + F(x). Its times and interpolant are not read, and it
 * has no velocity. */
bool pf_time_map_is_plain(const pf_time_map *map);

/* x: PER_ROW [D]; t, s: scalars, PER_ROW or SHARED. Results are PER_ROW [D] but for F, which has the generated columns alone. */
pf_node pf_time_map_network_node(const pf_time_map *map, int set, pf_node x, pf_node t,
                                 pf_node s);                                                /* F(t,s,x/c) */
pf_node pf_time_map_node(const pf_time_map *map, int set, pf_node x, pf_node t, pf_node s); /* g(t,s,x) */
pf_node pf_time_map_velocity_node(const pf_time_map *map, int set, pf_node x, pf_node t);   /* v(t,x) */
/* What the times alone contribute: with these fixed, g(t, s, .) and v(t, .) are both
 * x -> of_x x + of_network F(x / c; path), where given columns become of_given times themselves. c is read for the linear
 * interpolant alone and has no node elsewhere, the path has none for a plain map. */
typedef struct pf_time_terms {
  pf_node of_x, of_network; /* scalars */
  pf_node of_given;         /* scalar: 1 of g, 0 of v; read where columns are given */
  pf_node c;                /* scalar */
  pf_node path; /* [width]: the network's first layer but for what x adds: its bias and the times */
} pf_time_terms;
/* Of g(t,s,.); not for a plain map, whose coefficients are the numbers `skip` and 1. */
pf_time_terms pf_time_map_terms(const pf_time_map *map, int set, pf_node t, pf_node s);
pf_time_terms pf_time_map_velocity_terms(const pf_time_map *map, int set, pf_node t); /* of v(t,.) */
pf_node pf_time_map_at_terms(const pf_time_map *map, int set, pf_time_terms terms, pf_node x);
bool pf_time_map_scales(const pf_time_map *map); /* whether c matters */

/* The pieces of g: coefficient of x and of F, as nodes of the times' spans. */
void pf_time_map_coefficients(const pf_time_map *map, pf_node t, pf_node s, pf_node *of_x,
                              pf_node *of_network);
/* of_x x + of_network f in the generated columns of the row x [D], f [generated]; of_given times what x has in the others. */
pf_node pf_time_map_combine(const pf_time_map *map, pf_time_terms terms, pf_node x, pf_node f);
/* (alpha x1 - beta x0)/c, of generated columns */
pf_node pf_time_map_target_node(const pf_time_map *map, pf_node t, pf_node x0, pf_node x1);

#endif
