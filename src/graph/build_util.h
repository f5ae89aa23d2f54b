/* What the files of this layer share: storing nodes, failing, shape arithmetic, simplification, derivative
 * rules. Executors may use the shape helpers. */
#ifndef PF_GRAPH_BUILD_UTIL_H
#define PF_GRAPH_BUILD_UTIL_H

#include "graph.h"

/* ---- graph.c: storage ---- */

/* Records the first error of the graph and returns the invalid node. */
pf_node pf_graph_fail(pf_graph *graph, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
pf_node pf_graph_invalid(pf_graph *graph);
/* The node of these data: an equal one that is already there, or a new one. */
pf_node pf_graph_intern(pf_graph *graph, const pf_node_data *data);
/* CONSTANT of these values (shape.items of them), equal contents merged bit by bit. */
pf_node pf_graph_intern_constant(pf_graph *graph, pf_shape shape, const double *values);
/* First node with this op and i[0], -1 when there is none: how named leaves find their namesake. Leaves only.
 */
int32_t pf_graph_find_leaf(const pf_graph *graph, pf_op op, int32_t key);
/* True when the graph has no error and every node is a valid one of the same graph; else fails the graph with
 * `who`. */
bool pf_nodes_usable(const char *who, const pf_node *nodes, int n);

static inline const pf_node_data *pf_node_get(pf_node node) { return pf_graph_node(node.graph, node.id); }
static inline pf_node pf_node_at(pf_graph *graph, int32_t id) { return (pf_node){graph, id}; }
static inline bool pf_node_valid(pf_node node) { return node.graph && node.id >= 0; }

/* ---- shape.c ---- */

enum { PF_SHAPE_TEXT = 64 };

const char *pf_span_name(pf_span span);
/* "per_row[2,3]"; returns `text`. */
const char *pf_shape_format(const pf_shape *shape, char text[PF_SHAPE_TEXT]);
bool pf_shape_valid(const pf_shape *shape); /* span, axes and dimensions in range, at most 2^31 - 1 items */
bool pf_shape_equal(const pf_shape *a, const pf_shape *b);
bool pf_shape_same_items(const pf_shape *a, const pf_shape *b);
/* Item dimension counted from the last axis (0 = last); 1 beyond the axes there are. */
int pf_shape_dim_from_end(const pf_shape *shape, int from_end);
int pf_shape_last(const pf_shape *shape); /* last item dimension, 1 for a scalar */
/* Item dimensions of two broadcast operands into *out (span untouched); false when they do not match. */
bool pf_shape_join_items(const pf_shape *a, const pf_shape *b, pf_shape *out);
/* Items of `from` broadcast to those of `to`. */
bool pf_shape_broadcasts_to(const pf_shape *from, const pf_shape *to);
/* [lead] + the items of `shape`; `shape` itself for lead 0. One axis too many makes an invalid shape. */
pf_shape pf_shape_stacked(int lead, const pf_shape *shape);
/* Flat item index into `operand` of flat item index `index` of the broadcast result. */
int64_t pf_shape_operand_index(const pf_shape *result, const pf_shape *operand, int64_t index);

/* ---- fold.c: simplification ---- */

/* All elements are exactly `value` (a constant, perhaps broadcast). */
bool pf_node_is_uniform(pf_node node, double value);
/* The node described, simplified where possible, else pf_graph_intern. Operands and shape must be right
 * already. */
pf_node pf_graph_add(pf_graph *graph, const pf_node_data *data);

/* ---- standing values (standing.c) ----
 * Inside grad and jvp a cotangent or tangent may be smaller than the node it belongs to: it STANDS for its
 * own broadcast to that node's shape (items, and SHARED for PER_ROW). Sums of ones over an axis then cost a
 * factor instead of a node of that size. */

/* g in full item dimensions of `shape`; also made PER_ROW when `rows` and shape is PER_ROW. */
pf_node pf_standing_full(pf_node g, const pf_shape *shape, bool rows);
/* g stands for `shape`: its sum over item axis `axis`, standing for that axis with length 1. */
pf_node pf_standing_sum_axis(pf_node g, const pf_shape *shape, int axis);
/* g stands for a PER_ROW node: sum over rows, PARTIAL. */
pf_node pf_standing_sum_rows(pf_node g);
/* g stands for `from`, the broadcast of `to`: summed over what was broadcast, standing for `to`. */
pf_node pf_standing_reduce(pf_node g, const pf_shape *from, const pf_shape *to);

/* ---- rules ---- */

/* False for the operands no derivative passes through: those of less, sign, gather, stop_gradient; select's
 * condition. */
bool pf_op_differentiable(pf_op op, int k);
/* t * d node/d operand k for an ELEMENTWISE node: its Jacobian is diagonal before broadcasting, so this one
 * linear map serves as vjp and as jvp (rules.c). */
pf_node pf_rule_elementwise(pf_node node, int k, pf_node t);
/* A node of zeros in the shape of `shape`, span included. */
pf_node pf_zeros_like(pf_graph *graph, const pf_shape *shape);
/* Cotangent of operand k given the standing cotangent g of `node`; stands for the operand (grad_rules.c). */
pf_node pf_rule_vjp(pf_node node, int k, pf_node g);
/* Tangent of `node` given the operands' standing tangents (invalid handle: none); at least one is given
 * (jvp_rules.c). `stacked`: tangents have exactly one axis more than their nodes, in front, the directions: k of them or
 * 1, standing for equal ones. Ranks are exact so that a direction is never taken for an item axis. */
pf_node pf_rule_jvp(pf_node node, const pf_node *tangents, bool stacked);

#endif
