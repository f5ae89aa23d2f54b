/* Shapes: broadcasting, comparison, text. Item axes align at the last one. */
#include "build_util.h"

#include <stdio.h>

pf_shape pf_shape_of(pf_span span, int axes, const int *dim) {
  pf_shape shape = {.span = span, .axes = axes};
  for (int i = 0; i < axes && i < PF_MAX_AXES; i++) shape.dim[i] = dim[i];
  return shape;
}

int64_t pf_shape_items(const pf_shape *shape) {
  int64_t items = 1;
  for (int i = 0; i < shape->axes && i < PF_MAX_AXES; i++) items *= shape->dim[i];
  return items;
}

const char *pf_span_name(pf_span span) {
  static const char *const names[] = {"shared", "per_row", "partial"};
  return span >= PF_SHARED && span <= PF_PARTIAL ? names[span] : "invalid";
}

const char *pf_shape_format(const pf_shape *shape, char text[PF_SHAPE_TEXT]) {
  int used = snprintf(text, PF_SHAPE_TEXT, "%s[", pf_span_name(shape->span));
  for (int i = 0; i < shape->axes && i < PF_MAX_AXES; i++)
    used += snprintf(text + used, (size_t)(PF_SHAPE_TEXT - used), i ? ",%d" : "%d", shape->dim[i]);
  snprintf(text + used, (size_t)(PF_SHAPE_TEXT - used), shape->axes > PF_MAX_AXES ? ",...]" : "]");
  return text;
}

bool pf_shape_valid(const pf_shape *shape) {
  if (shape->span < PF_SHARED || shape->span > PF_PARTIAL) return false;
  if (shape->axes < 0 || shape->axes > PF_MAX_AXES) return false;
  int64_t items = 1;
  for (int i = 0; i < shape->axes; i++) {
    if (shape->dim[i] < 1) return false;
    items *= shape->dim[i]; /* both factors are below 2^31 */
    if (items > INT32_MAX) return false;
  }
  return true;
}

bool pf_shape_same_items(const pf_shape *a, const pf_shape *b) {
  if (a->axes != b->axes) return false;
  for (int i = 0; i < a->axes; i++)
    if (a->dim[i] != b->dim[i]) return false;
  return true;
}

bool pf_shape_equal(const pf_shape *a, const pf_shape *b) {
  return a->span == b->span && pf_shape_same_items(a, b);
}

int pf_shape_dim_from_end(const pf_shape *shape, int from_end) {
  int axis = shape->axes - 1 - from_end;
  return axis >= 0 ? shape->dim[axis] : 1;
}

int pf_shape_last(const pf_shape *shape) { return pf_shape_dim_from_end(shape, 0); }

bool pf_shape_join_items(const pf_shape *a, const pf_shape *b, pf_shape *out) {
  pf_shape joined = {.span = out->span, .axes = a->axes > b->axes ? a->axes : b->axes};
  for (int e = 0; e < joined.axes; e++) {
    int da = pf_shape_dim_from_end(a, e), db = pf_shape_dim_from_end(b, e);
    if (da != db && da != 1 && db != 1) return false;
    joined.dim[joined.axes - 1 - e] = da == 1 ? db : da;
  }
  *out = joined;
  return true;
}

bool pf_shape_broadcasts_to(const pf_shape *from, const pf_shape *to) {
  pf_shape joined = *to;
  return pf_shape_join_items(from, to, &joined) && pf_shape_same_items(&joined, to);
}

pf_shape pf_shape_stacked(int lead, const pf_shape *shape) {
  if (lead == 0) return *shape;
  pf_shape stacked = {.span = shape->span, .axes = shape->axes + 1, .dim = {lead}};
  for (int i = 1; i < stacked.axes && i < PF_MAX_AXES; i++) stacked.dim[i] = shape->dim[i - 1];
  return stacked;
}

int64_t pf_shape_operand_index(const pf_shape *result, const pf_shape *operand, int64_t index) {
  int64_t at = 0, stride = 1;
  for (int e = 0; e < result->axes; e++) {
    int n = pf_shape_dim_from_end(result, e), m = pf_shape_dim_from_end(operand, e);
    if (m > 1) at += (index % n) * stride;
    index /= n;
    stride *= m;
  }
  return at;
}
