/* The interpolated adjoint: see adjoint.h. */
#include "adjoint.h"

#include <math.h>
#include "../base/canary.h"

void pf_adjoint_points(int steps, double *r) {
  for (int k = 0; k <= steps; k++) r[k] = 0.5 * (1 - cos(M_PI * k / steps));
  r[0] = 0;
  r[steps] = 1;
}

typedef struct problem {
  const pf_field *field;
  int set;
  const pf_unroll_spec *spec;
  const pf_adjoint_weights *w;
  const pf_node *path;
  double r[PF_ADJOINT_STEPS + 1];
} problem;

/* The path at r: barycentric interpolation, weights +-1 and half of that at the ends. */
static pf_node path_at(const problem *p, double r) {
  int n = p->spec->steps;
  double c[PF_ADJOINT_STEPS + 1] = {0}, sum = 0;
  for (int k = 0; k <= n; k++) {
    if (r == p->r[k]) return p->path[k];
    c[k] = (k % 2 ? -1.0 : 1.0) * (k == 0 || k == n ? 0.5 : 1.0) / (r - p->r[k]);
    sum += c[k];
  }
  pf_node x = pf_scale(p->path[0], c[0] / sum);
  for (int k = 1; k <= n; k++) x = pf_add(x, pf_scale(p->path[k], c[k] / sum));
  return x;
}

/* H at constant x and a; *slope = -dH/dx. */
static pf_node hamiltonian(const problem *p, pf_node a, double r, pf_node probe, pf_node *slope) {
  pf_graph *graph = a.graph;
  pf_divergence_rule rule = {.kind = p->spec->divergence, .probe = probe, .width = p->spec->width};
  pf_node x = pf_stop_gradient(path_at(p, r)), ones = {graph, -1}, along, of_costs;
  pf_field_nodes at = pf_field_at(p->field, p->set, x, pf_scalar(graph, r), &rule);
  pf_node speed = pf_scale(pf_sum_items(pf_square(at.velocity)), 0.5);
  pf_node costs = pf_scale(at.divergence, -p->w->likelihood);
  if (p->w->kinetic > 0) costs = pf_add(costs, pf_scale(speed, p->w->kinetic));
  if (p->w->hjb > 0) costs = pf_add(costs, pf_scale(pf_abs(pf_sub(speed, at.potential_slope)), p->w->hjb));
  /* a as a seed: it may be the very node that x is made of, as a(1) = x(1) is */
  pf_grad(at.velocity, a, &x, 1, &along);
  pf_grad(costs, ones, &x, 1, &of_costs);
  pf_node h_x = pf_add(along, of_costs);
  *slope = PF_CANARY(ADJOINT_SIGN, pf_neg(h_x), h_x);
  return pf_add(pf_sum_items(pf_mul(pf_stop_gradient(a), at.velocity)), costs);
}

/* One Runge-Kutta step of a from r[k + 1] back to r[k]; adds the step's part of the integral of H. */
static pf_node step_back(const problem *p, int k, pf_node a, pf_node *integral) {
  const pf_tableau *t = pf_tableau_of(p->spec->method);
  double h = p->r[k] - p->r[k + 1];
  pf_node slope[PF_TABLEAU_MAX_STAGES], out = a, probe = {a.graph, -1};
  if (p->spec->divergence != PF_DIVERGENCE_EXACT) /* the forward step's own */
    probe = pf_normal(a.graph, p->spec->probe_stream + k, pf_field_columns(p->field));
  for (int i = 0; i < t->stages; i++) {
    pf_node at = a;
    for (int j = 0; j < i; j++)
      if (t->a[i][j] != 0) at = pf_add(at, pf_scale(slope[j], h * t->a[i][j]));
    double r = t->c[i] == 1 ? p->r[k] : t->c[i] == 0 ? p->r[k + 1] : p->r[k + 1] + t->c[i] * h;
    pf_node value = hamiltonian(p, at, r, probe, &slope[i]);
    if (t->b[i] == 0) continue;
    *integral = pf_add(*integral, pf_scale(value, -h * t->b[i]));
    out = pf_add(out, pf_scale(slope[i], h * t->b[i]));
  }
  return out;
}

pf_node pf_adjoint_surrogate(const pf_field *field, int set, const pf_node *path, const pf_unroll_spec *spec,
                             const pf_adjoint_weights *weights) {
  problem p = {.field = field, .set = set, .spec = spec, .w = weights, .path = path};
  int n = spec->steps;
  pf_adjoint_points(n, p.r);
  pf_node end = path[n], a = pf_scale(end, weights->likelihood), integral = pf_scalar(end.graph, 0);
  if (weights->movement > 0) a = pf_add(a, pf_scale(pf_sub(end, path[0]), weights->movement));
  for (int k = n - 1; k >= 0; k--) a = step_back(&p, k, a, &integral);
  return integral;
}
