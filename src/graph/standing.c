/* Arithmetic of standing values: cotangents and tangents smaller than the node they belong to (see
 * build_util.h). */
#include "build_util.h"

pf_node pf_standing_full(pf_node g, const pf_shape *shape, bool rows) {
  pf_shape full = *shape;
  full.span = rows && shape->span == PF_PER_ROW ? PF_PER_ROW : pf_node_shape(g).span;
  return pf_broadcast(g, full);
}

pf_node pf_standing_sum_axis(pf_node g, const pf_shape *shape, int axis) {
  pf_shape own = pf_node_shape(g);
  int from_end = shape->axes - 1 - axis;
  if (pf_shape_dim_from_end(&own, from_end) > 1) return pf_sum_axis(g, own.axes - 1 - from_end);
  return pf_scale(g, shape->dim[axis]); /* n equal terms */
}

pf_node pf_standing_sum_rows(pf_node g) {
  if (pf_node_shape(g).span != PF_SHARED || !pf_node_valid(g)) return pf_sum_rows(g);
  pf_node one = pf_broadcast(pf_scalar(g.graph, 1), PF_SCALAR(PF_PER_ROW));
  return pf_mul(g, pf_sum_rows(one));
}

pf_node pf_standing_reduce(pf_node g, const pf_shape *from, const pf_shape *to) {
  for (int axis = 0; axis < from->axes; axis++) {
    int from_end = from->axes - 1 - axis;
    if (from->dim[axis] > 1 && pf_shape_dim_from_end(to, from_end) == 1)
      g = pf_standing_sum_axis(g, from, axis);
  }
  pf_shape own = pf_node_shape(g);
  if (own.axes > to->axes) /* the axes to drop have length 1 by now */
    g = pf_reshape(g, to->axes, own.dim + own.axes - to->axes);
  return from->span == PF_PER_ROW && to->span == PF_SHARED ? pf_standing_sum_rows(g) : g;
}
