/* Expression graph: a method writes its loss once; gradients and tangents are graphs again.
 *
 * A node is a small value handle, so maths composes:
 *     xt = pf_add(pf_mul(alpha, x0), pf_mul(beta, x1));
 * Nodes live in creation order in one array; an operand always stands before its user. Builders
 * check shapes at once; the first error sticks to the graph, later builders return an invalid node
 * and do nothing, and pf_graph_status (and every compile) reports it. No per-call checks needed.
 *
 * Types. Every node has a SPAN and item dimensions:
 *   PF_SHARED    one value for the whole batch (parameters, schedules)
 *   PF_PER_ROW   one item for every row of the batch; the row axis is implicit and never listed
 *   PF_PARTIAL   a sum over the rows of one lane: it becomes a true value only after the sum over
 *                lanes, so it may be used linearly but a nonlinear use inside the same program is a build
 *                error. Linear: add and sub with a PARTIAL or exact zeros, neg, times or divided by SHARED,
 *                select under a SHARED condition, sum_axis, matmul with SHARED, reshape, slice, pad, concat,
 *                broadcast of items
 * Item dimensions: 0 to 3 axes ({} is a scalar). Element-wise operands broadcast over trailing-aligned
 * axes (equal, or one of them 1 or missing) and across spans (SHARED with PER_ROW gives PER_ROW).
 *
 * Simplification at build: hash-consing, constant folding, x+0, x*1, x-0, x/1. Never x*0 -> 0: it would
 * hide a NaN. Random leaves of different streams never merge.
 */
#ifndef PF_GRAPH_GRAPH_H
#define PF_GRAPH_GRAPH_H

#include "../base/status.h"

typedef enum pf_span { PF_SHARED, PF_PER_ROW, PF_PARTIAL } pf_span;

enum { PF_MAX_AXES = 3, PF_MAX_OPERANDS = 3 };

typedef struct pf_shape {
  pf_span span;
  int axes;             /* 0..PF_MAX_AXES */
  int dim[PF_MAX_AXES]; /* item dimensions, outermost first */
} pf_shape;

/* ops.def rows: PF_OP(NAME, name, arity, kind, scalar C expression of a, b, c in double, "ONNX name"); name
 * is a bare word */
typedef enum pf_op {
#define PF_OP(NAME, name, arity, kind, expression, onnx) PF_OP_##NAME,
#include "ops.def"
#undef PF_OP
  PF_OP_COUNT
} pf_op;

typedef enum pf_op_kind {
  PF_KIND_LEAF,        /* no operands */
  PF_KIND_ELEMENTWISE, /* broadcasting, given by a scalar expression */
  PF_KIND_REDUCTION,   /* sum_rows, sum_axis */
  PF_KIND_CONTRACTION, /* matmul, outer */
  PF_KIND_SHAPE        /* reshape, broadcast, concat, slice, pad, gather, stop_gradient */
} pf_op_kind;

typedef struct pf_graph pf_graph;
typedef struct pf_node {
  pf_graph *graph;
  int32_t id; /* -1: invalid, the graph carries the error */
} pf_node;

/* What is stored for a node; read by executors and emitters. */
typedef struct pf_node_data {
  pf_op op;
  pf_shape shape;
  int operands;
  int32_t operand[PF_MAX_OPERANDS];
  /* attributes; their meaning per op:
   *   PARAM     i[0] = parameter set, offset = first element in that set's flat array
   *   INPUT     i[0] = input index
   *   CONSTANT  offset = first element in pf_graph_constants(); i[0] = 1 when all elements are equal
   *   NORMAL, UNIFORM  i[0] = stream id;   INDEX  i[0] = stream id, i[1] = bound (values 0..bound-1)
   *   SUM_AXIS  i[0] = item axis (kept with length 1)
   *   MATMUL    i[0] = transpose a (SHARED a only), i[1] = transpose b
   *   CONCAT    along the last axis;  SLICE  i[0] = start on the last axis;  PAD  i[0] = zeros before, on the
   *   last axis
   */
  int32_t i[2];
  int64_t offset;
} pf_node_data;

pf_status pf_graph_create(pf_graph **out, pf_error *error);
void pf_graph_free(pf_graph *graph);
/* First error of any builder, PF_OK when there was none. */
pf_status pf_graph_status(const pf_graph *graph, pf_error *error);

/* Nodes so far; ids are 0..size-1. */
int32_t pf_graph_size(const pf_graph *graph);
/* Valid until the next builder. */
const pf_node_data *pf_graph_node(const pf_graph *graph, int32_t id);
const double *pf_graph_constants(const pf_graph *graph);
const char *pf_op_name(pf_op op);
const char *pf_op_onnx(pf_op op); /* "" when there is no operator of the same meaning */
int pf_op_arity(pf_op op);
pf_op_kind pf_op_kind_of(pf_op op);
/* Value of an ELEMENTWISE op (b, c ignored where the arity is smaller); NaN for any other op. */
double pf_op_apply(pf_op op, double a, double b, double c);
pf_shape pf_node_shape(pf_node node);
int64_t pf_shape_items(const pf_shape *shape); /* product of item dimensions, 1 for a scalar */
/* Human-readable listing, one node a line; freed with pf_free. */
pf_status pf_graph_print(const pf_graph *graph, char **out, pf_error *error);

/* ---- leaves ---- */
pf_shape pf_shape_of(pf_span span, int axes, const int *dim);
#define PF_SHAPE(span, ...)                                                                                  \
  pf_shape_of(span, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (int[]){__VA_ARGS__})
#define PF_SCALAR(span) pf_shape_of(span, 0, NULL)

/* SHARED parameter: elements offset.. of flat parameter set `set` (0 is the trained one). */
pf_node pf_param(pf_graph *graph, int set, int64_t offset, pf_shape shape);
/* Fed from outside; SHARED or PER_ROW. Same index: same shape every time. */
pf_node pf_input(pf_graph *graph, int index, pf_shape shape);
pf_node pf_constant(pf_graph *graph, pf_shape shape, const double *values);
pf_node pf_scalar(pf_graph *graph, double value); /* SHARED scalar */
pf_node pf_identity(pf_graph *graph, int n);      /* SHARED constant [n, n] */
/* Random PER_ROW leaves: a function of (run seed, stream, run step, global row, element). One stream serves
 * one leaf: asking again for the same leaf gives the same node, another op or width on that stream is an
 * error (the numbers would be correlated). */
pf_node pf_normal(pf_graph *graph, int stream, int columns);
pf_node pf_uniform(pf_graph *graph, int stream, int columns);
pf_node pf_index(pf_graph *graph, int stream, int bound); /* PER_ROW scalar, integer 0..bound-1 */
/* PER_ROW scalar: 1 for a real row, 0 for a padding row of the last tile. */
pf_node pf_row_weight(pf_graph *graph);

/* ---- element-wise (one builder per table row, plus composites) ---- */
pf_node pf_neg(pf_node a);
pf_node pf_exp(pf_node a);
pf_node pf_log(pf_node a);
pf_node pf_sqrt(pf_node a);
pf_node pf_tanh(pf_node a);
pf_node pf_sigmoid(pf_node a);
pf_node pf_silu(pf_node a);       /* a * sigmoid(a) */
pf_node pf_silu_slope(pf_node a); /* its derivative */
pf_node pf_softplus(pf_node a);
pf_node pf_log_2cosh(pf_node a); /* log(2 cosh a): the antiderivative of tanh that goes to |a| */
pf_node pf_sin(pf_node a);
pf_node pf_cos(pf_node a);
pf_node pf_erf(pf_node a);
pf_node pf_abs(pf_node a);
pf_node pf_sign(pf_node a); /* -1, 0, 1; NaN stays NaN */
pf_node pf_add(pf_node a, pf_node b);
pf_node pf_sub(pf_node a, pf_node b);
pf_node pf_mul(pf_node a, pf_node b);
pf_node pf_div(pf_node a, pf_node b);
pf_node pf_max(pf_node a, pf_node b); /* NaN if either is */
pf_node pf_min(pf_node a, pf_node b);
pf_node pf_less(pf_node a, pf_node b);                      /* 1 or 0; no gradient */
pf_node pf_select(pf_node condition, pf_node a, pf_node b); /* condition != 0 ? a : b */
pf_node pf_gelu(pf_node a);                                 /* a/2 (1 + erf(a/sqrt 2)) */
pf_node pf_square(pf_node a);                               /* a * a */
pf_node pf_scale(pf_node a, double factor);
pf_node pf_offset(pf_node a, double shift);

/* ---- reductions ---- */
/* PER_ROW -> PARTIAL, same item shape; padding rows count: weight first */
pf_node pf_sum_rows(pf_node a);
pf_node pf_sum_axis(pf_node a, int axis); /* item axis, kept with length 1; negative counts from the end */
pf_node pf_sum_items(pf_node a);          /* all item axes -> scalar of the same span */
/* Mean over the real rows of the whole batch, given the SHARED scalar 1/B: sum_rows(a * row_weight) *
 * inverse_rows. */
pf_node pf_mean_rows(pf_node a, pf_node inverse_rows);

/* ---- contractions ---- */
/* a [.., k] (any span) times b [k, n] SHARED (or PARTIAL when a is SHARED) -> [.., n]; flags transpose the
 * last two axes, transpose_a for 2-axis SHARED/PARTIAL a only. */
pf_node pf_matmul(pf_node a, pf_node b, bool transpose_a, bool transpose_b);
/* a [.., m], b [.., n], same leading axes, at least one PER_ROW: sum over rows and leading axes of a^T b ->
 * PARTIAL [m, n]. */
pf_node pf_outer(pf_node a, pf_node b);

/* ---- shape ---- */
pf_node pf_reshape(pf_node a, int axes, const int *dim);
pf_node pf_broadcast(pf_node a, pf_shape shape);    /* to a larger item shape and/or SHARED -> PER_ROW */
pf_node pf_concat(pf_node a, pf_node b);            /* last axis; spans promote SHARED -> PER_ROW */
pf_node pf_slice(pf_node a, int start, int length); /* last axis */
pf_node pf_pad(pf_node a, int before, int after);   /* zeros on the last axis */
/* Row `index` of a SHARED [n, d] table for every row: PER_ROW [d]. Not differentiable in either operand. */
pf_node pf_gather(pf_node table, pf_node index);
pf_node pf_stop_gradient(pf_node a);

/* ---- transformations ---- */
/* d(sum of y's elements * seed)/d wrt[i] as new nodes. seed broadcasts to y's shape; an invalid handle (id
 * -1, graph set) means ones; a PER_ROW y is summed over rows (padding rows too: weight first). wrt may be any
 * nodes, intermediate ones as well: the gradient of a node that feeds another wrt includes the path through
 * that one. Item dimensions of out[i] are those of wrt[i]; its span is
 *     wrt PER_ROW -> PER_ROW;  wrt PARTIAL -> SHARED;  wrt SHARED -> SHARED for a SHARED y and seed, else
 *     PARTIAL.
 * A wrt that y does not depend on gets zeros. Do not differentiate with respect to a pf_constant: equal
 * constants are one node, and folding removes them. out: n handles. Composes with itself and with jvp. */
void pf_grad(pf_node y, pf_node seed, const pf_node *wrt, int n, pf_node *out);
/* Tangents of ys[0..n_y) when xs[i] moves along tangents[i]: forward mode. tangents[i] broadcasts to the
 * shape of xs[i] (a PARTIAL x needs a PARTIAL tangent). xs may be intermediate nodes: such a node moves along
 * its given tangent alone, whatever its operands do; a node listed twice moves along the sum. out[j] has the
 * shape of ys[j]; zeros where ys[j] does not depend on xs. out: n_y handles. */
void pf_jvp(const pf_node *ys, int n_y, const pf_node *xs, const pf_node *tangents, int n_x, pf_node *out);
/* k >= 1 directions at once: tangents[i] broadcasts to [k] + the items of xs[i], and out[j] has [k] + the items of ys[j];
 * otherwise as pf_jvp, and equal to k calls of it. One graph for all directions: where a PER_ROW item [n] meets weights, [k, n]
 * meets them in one product. Directions take an axis, so no node that moves may have PF_MAX_AXES of them. A moving second
 * operand of matmul, transposed first operand of it, or operand of outer is an error unless its tangent is the same in all
 * directions. Composes with itself, pf_jvp and pf_grad. */
void pf_jvp_stack(const pf_node *ys, int n_y, const pf_node *xs, const pf_node *tangents, int n_x, int k,
                  pf_node *out);

#endif
