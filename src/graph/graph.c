/* Storage of a graph: nodes in creation order, the pool of constants, the first error, and hash-consing.
 *
 * Hash-consing: every node is looked up by (op, shape, operands, attributes) before it is stored, in an
 * open-addressing table of node ids kept at most half full. Two requests for the same value therefore give
 * one node, which removes common subexpressions as they arise (the derivative transformations rely on it).
 * Constants are compared by contents.
 */
#include "build_util.h"
#include "../base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct pf_graph {
  pf_error error; /* the first one; status PF_OK while there is none */
  pf_node_data *nodes;
  int32_t size, capacity;
  double *constants;
  int64_t constants_size, constants_capacity;
  int32_t *table; /* node id + 1, 0: empty; table_size is a power of two */
  uint32_t table_size;
  int32_t *leaves; /* ids of the leaves found by name */
  int32_t leaves_size, leaves_capacity;
};

/* ---- the op table ---- */

typedef struct op_row {
  const char *name, *onnx;
  int arity;
  pf_op_kind kind;
} op_row;

static const op_row op_rows[PF_OP_COUNT] = {
#define PF_OP(NAME, name, arity, kind, expression, onnx) {#name, onnx, arity, PF_KIND_##kind},
#include "ops.def"
#undef PF_OP
};

static bool op_known(pf_op op) { return (unsigned)op < PF_OP_COUNT; }
const char *pf_op_name(pf_op op) { return op_known(op) ? op_rows[op].name : "invalid"; }
const char *pf_op_onnx(pf_op op) { return op_known(op) ? op_rows[op].onnx : ""; }
int pf_op_arity(pf_op op) { return op_known(op) ? op_rows[op].arity : 0; }
pf_op_kind pf_op_kind_of(pf_op op) { return op_known(op) ? op_rows[op].kind : PF_KIND_LEAF; }

double pf_op_apply(pf_op op, double a, double b, double c) {
  (void)b, (void)c;
  if (pf_op_kind_of(op) != PF_KIND_ELEMENTWISE) return NAN;
  switch (op) {
#define PF_OP(NAME, name, arity, kind, expression, onnx)                                                     \
  case PF_OP_##NAME:                                                                                         \
    return expression;
#include "ops.def"
#undef PF_OP
  default: return NAN;
  }
}

/* ---- life, status, reading ---- */

pf_status pf_graph_create(pf_graph **out, pf_error *error) {
  enum { FIRST_TABLE = 256 };
  pf_graph *graph = NULL;
  PF_TRY(pf_alloc(1, sizeof *graph, &graph, error));
  pf_status status = pf_alloc(FIRST_TABLE, sizeof *graph->table, &graph->table, error);
  if (status != PF_OK) {
    pf_free(graph);
    return status;
  }
  graph->table_size = FIRST_TABLE;
  *out = graph;
  return PF_OK;
}

void pf_graph_free(pf_graph *graph) {
  if (!graph) return;
  pf_free(graph->nodes);
  pf_free(graph->constants);
  pf_free(graph->table);
  pf_free(graph->leaves);
  pf_free(graph);
}

pf_status pf_graph_status(const pf_graph *graph, pf_error *error) {
  if (graph->error.status != PF_OK && error) *error = graph->error;
  return graph->error.status;
}

int32_t pf_graph_size(const pf_graph *graph) { return graph->size; }
const pf_node_data *pf_graph_node(const pf_graph *graph, int32_t id) { return &graph->nodes[id]; }
const double *pf_graph_constants(const pf_graph *graph) { return graph->constants; }

pf_shape pf_node_shape(pf_node node) {
  return pf_node_valid(node) ? pf_node_get(node)->shape : PF_SCALAR(PF_SHARED);
}

pf_node pf_graph_invalid(pf_graph *graph) { return (pf_node){graph, -1}; }

pf_node pf_graph_fail(pf_graph *graph, pf_status status, const char *format, ...) {
  if (graph && graph->error.status == PF_OK) {
    char message[sizeof graph->error.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pf_fail(&graph->error, status, "%s", message);
  }
  return pf_graph_invalid(graph);
}

bool pf_nodes_usable(const char *who, const pf_node *nodes, int n) {
  pf_graph *graph = nodes[0].graph;
  if (!graph || graph->error.status != PF_OK) return false;
  for (int i = 0; i < n; i++) {
    if (nodes[i].graph != graph) {
      pf_graph_fail(graph, PF_USAGE, "%s: operand %d belongs to another graph", who, i);
      return false;
    }
    if (nodes[i].id < 0 || nodes[i].id >= graph->size) {
      pf_graph_fail(graph, PF_USAGE, "%s: operand %d is not a node (id %d)", who, i, (int)nodes[i].id);
      return false;
    }
  }
  return true;
}

/* ---- hash-consing ---- */

static uint64_t hash_mix(uint64_t hash, uint64_t word) {
  hash ^= word;
  hash *= 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio: consecutive ids land far apart */
  return hash ^ (hash >> 29);
}

static uint64_t node_hash(const pf_graph *graph, const pf_node_data *node) {
  uint64_t hash = hash_mix((uint64_t)node->op, (uint64_t)node->shape.span * 8 + (uint64_t)node->shape.axes);
  for (int i = 0; i < node->shape.axes; i++) hash = hash_mix(hash, (uint64_t)node->shape.dim[i]);
  if (node->op == PF_OP_CONSTANT) {
    int64_t items = pf_shape_items(&node->shape);
    for (int64_t i = 0; i < items; i++) {
      uint64_t bits;
      memcpy(&bits, &graph->constants[node->offset + i], sizeof bits);
      hash = hash_mix(hash, bits);
    }
    return hash;
  }
  for (int i = 0; i < node->operands; i++) hash = hash_mix(hash, (uint64_t)node->operand[i]);
  hash = hash_mix(hash, (uint64_t)(uint32_t)node->i[0] << 32 | (uint32_t)node->i[1]);
  return hash_mix(hash, (uint64_t)node->offset);
}

static bool node_same(const pf_graph *graph, const pf_node_data *a, const pf_node_data *b) {
  if (a->op != b->op || !pf_shape_equal(&a->shape, &b->shape)) return false;
  if (a->op == PF_OP_CONSTANT)
    return !memcmp(&graph->constants[a->offset], &graph->constants[b->offset],
                   (size_t)pf_shape_items(&a->shape) * sizeof(double));
  for (int i = 0; i < a->operands; i++)
    if (a->operand[i] != b->operand[i]) return false;
  return a->operands == b->operands && a->i[0] == b->i[0] && a->i[1] == b->i[1] && a->offset == b->offset;
}

/* Slot of the equal node, or the empty slot where it belongs. */
static uint32_t table_slot(const pf_graph *graph, const pf_node_data *node) {
  uint32_t mask = graph->table_size - 1;
  uint32_t slot = (uint32_t)(node_hash(graph, node) >> 32) & mask;
  while (graph->table[slot] && !node_same(graph, &graph->nodes[graph->table[slot] - 1], node))
    slot = (slot + 1) & mask;
  return slot;
}

static pf_status table_double(pf_graph *graph) {
  int32_t *table = NULL;
  PF_TRY(pf_alloc((size_t)graph->table_size * 2, sizeof *table, &table, &graph->error));
  pf_free(graph->table);
  graph->table = table;
  graph->table_size *= 2;
  for (int32_t id = 0; id < graph->size; id++) graph->table[table_slot(graph, &graph->nodes[id])] = id + 1;
  return PF_OK;
}

/* Doubles `capacity` until it holds `needed`. */
static pf_status reserve(void *inout, int64_t *capacity, int64_t needed, size_t size, pf_error *error) {
  if (needed <= *capacity) return PF_OK;
  int64_t grown = *capacity ? *capacity : 128;
  while (grown < needed) grown *= 2;
  PF_TRY(pf_grow(inout, (size_t)*capacity, (size_t)grown, size, error));
  *capacity = grown;
  return PF_OK;
}

static pf_status reserve32(void *inout, int32_t *capacity, int32_t needed, size_t size, pf_error *error) {
  int64_t wide = *capacity;
  PF_TRY(reserve(inout, &wide, needed, size, error));
  *capacity = (int32_t)wide;
  return PF_OK;
}

static bool is_named_leaf(pf_op op) {
  return op == PF_OP_INPUT || op == PF_OP_NORMAL || op == PF_OP_UNIFORM || op == PF_OP_INDEX;
}

pf_node pf_graph_intern(pf_graph *graph, const pf_node_data *data) {
  enum { MAX_NODES = 1 << 28 }; /* keeps every doubling inside int32 */
  pf_error *error = &graph->error;
  if (error->status != PF_OK) return pf_graph_invalid(graph);
  uint32_t slot = table_slot(graph, data);
  if (graph->table[slot]) return pf_node_at(graph, graph->table[slot] - 1);
  if (graph->size == MAX_NODES)
    return pf_graph_fail(graph, PF_FAILED, "graph: more than %d nodes", MAX_NODES);
  if ((uint32_t)graph->size * 2 >= graph->table_size) {
    if (table_double(graph) != PF_OK) return pf_graph_invalid(graph);
    slot = table_slot(graph, data);
  }
  if (reserve32(&graph->nodes, &graph->capacity, graph->size + 1, sizeof *graph->nodes, error) != PF_OK)
    return pf_graph_invalid(graph);
  if (is_named_leaf(data->op)) {
    if (reserve32(&graph->leaves, &graph->leaves_capacity, graph->leaves_size + 1, sizeof *graph->leaves,
                  error) != PF_OK)
      return pf_graph_invalid(graph);
    graph->leaves[graph->leaves_size++] = graph->size;
  }
  graph->nodes[graph->size] = *data;
  graph->table[slot] = ++graph->size;
  return pf_node_at(graph, graph->size - 1);
}

pf_node pf_graph_intern_constant(pf_graph *graph, pf_shape shape, const double *values) {
  if (graph->error.status != PF_OK) return pf_graph_invalid(graph);
  int64_t items = pf_shape_items(&shape), begin = graph->constants_size;
  if (reserve(&graph->constants, &graph->constants_capacity, begin + items, sizeof *values, &graph->error) !=
      PF_OK)
    return pf_graph_invalid(graph);
  memcpy(graph->constants + begin, values, (size_t)items * sizeof *values);
  pf_node_data data = {.op = PF_OP_CONSTANT, .shape = shape, .offset = begin, .i = {1, 0}};
  for (int64_t i = 1; i < items; i++)
    if (memcmp(&values[i], &values[0], sizeof *values) != 0) data.i[0] = 0;
  pf_node node = pf_graph_intern(graph, &data);
  /* Only a new constant keeps its values. */
  if (node.id >= 0 && graph->nodes[node.id].offset == begin) graph->constants_size += items;
  return node;
}

int32_t pf_graph_find_leaf(const pf_graph *graph, pf_op op, int32_t key) {
  for (int32_t i = 0; i < graph->leaves_size; i++) {
    const pf_node_data *leaf = &graph->nodes[graph->leaves[i]];
    if (leaf->op == op && leaf->i[0] == key) return graph->leaves[i];
  }
  return -1;
}
