/* A graph as loops over arrays: see c_body.h.
 *
 * A value that more than one reader or a product reads is held in a local array; every other element-wise value is written into
 * the expression of its reader. Products sum in the order of the library's kernels (exec/cpu/gemm_tile.h, gemm_few.c), so that
 * single-precision weights give the library's bits.
 */
#include "c_body.h"

#include <stdio.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"

enum { FEW = 4, LANES = 8 }; /* as in exec/cpu/gemm_few.c */

static const pf_node_data *node_at(const pf_c_source *s, int32_t id) {
  return pf_graph_node(s->step->graph, id);
}

static int items_of(const pf_c_source *s, int32_t id) { return (int)pf_shape_items(&node_at(s, id)->shape); }

/* The product that node `id` is, by itself or with the addition it starts at; -1: none. */
static int32_t product_at(const pf_c_source *s, int32_t id) {
  if (s->order->product[id] >= 0) return s->order->product[id];
  return node_at(s, id)->op == PF_OP_MATMUL ? id : -1;
}

static bool is_alias(const pf_c_source *s, int32_t id) { return node_at(s, id)->op == PF_OP_STOP_GRADIENT; }
static bool is_shared(const pf_c_source *s, int32_t id) { return node_at(s, id)->shape.span != PF_PER_ROW; }

/* A product that an addition does in its place. */
static bool is_joined(const pf_c_source *s, int32_t id) {
  for (int32_t user = id + 1; user < s->order->size; user++)
    if (s->order->product[user] == id) return true;
  return false;
}

static bool is_written(const pf_c_source *s, int32_t id) {
  return s->order->uses[id] && !is_shared(s, id) && id != s->step->noise.id && !is_alias(s, id) &&
         !is_joined(s, id);
}

/* Columns taken from or put behind others: copied by statements of their own. */
static bool is_copy(const pf_c_source *s, int32_t id) {
  return node_at(s, id)->op == PF_OP_SLICE || node_at(s, id)->op == PF_OP_CONCAT;
}

static int32_t origin_of(const pf_c_source *s, int32_t id) {
  while (is_alias(s, id)) id = node_at(s, id)->operand[0];
  return id;
}

/* ---- places ---- */

/* Marks what has to stand in an array: products, their operands, copies, what is read twice or at another shape, the result. */
static void mark_held(const pf_c_source *s, int *held) {
  held[origin_of(s, s->step->result.id)] = 1;
  for (int32_t id = 0; id < s->order->size; id++) {
    if (!s->order->uses[id]) continue;
    const pf_node_data *node = node_at(s, id);
    if (product_at(s, id) >= 0 || is_copy(s, id) || s->order->uses[id] > 1 || is_alias(s, id))
      held[origin_of(s, id)] = 1;
    for (int k = 0; k < node->operands; k++)
      if (node->op == PF_OP_MATMUL || is_copy(s, id) || items_of(s, node->operand[k]) != items_of(s, id))
        held[origin_of(s, node->operand[k])] = 1;
  }
}

/* The statement that computes a held value reads operands that are held themselves, maybe through expressions. */
static void extend_lives(const pf_c_source *s, const int *held, int32_t reader, int32_t id, int32_t *last) {
  const pf_node_data *node = node_at(s, id);
  for (int k = 0; k < node->operands; k++) {
    const int32_t x = origin_of(s, node->operand[k]);
    if (is_shared(s, x)) continue;
    if (held[x] && !is_joined(s, x))
      last[x] = reader;
    else
      extend_lives(s, held, reader, x, last);
  }
}

static void assign_slots(pf_c_source *s, const int *held, const int32_t *last, int32_t *owner) {
  for (int32_t id = 0; id < s->order->size; id++) {
    if (!held[id] || !is_written(s, id)) continue;
    int slot = 0;
    while (slot < s->slots && last[owner[slot]] >= id) slot++;
    if (slot == s->slots) s->slots++;
    owner[slot] = id;
    s->slot[id] = slot;
    if (items_of(s, id) > s->length[slot]) s->length[slot] = items_of(s, id);
  }
}

pf_status pf_c_source_place(pf_c_source *s, pf_error *error) {
  const size_t size = (size_t)s->order->size;
  int *held = NULL;
  PF_TRY(pf_alloc(2 * size, sizeof *s->slot, &s->slot, error));
  s->length = s->slot + size;
  PF_TRY(pf_alloc(3 * size, sizeof *held, &held, error));
  int32_t *last = held + size, *owner = last + size;
  for (size_t id = 0; id < size; id++) s->slot[id] = -1;
  mark_held(s, held);
  for (int32_t id = 0; id < s->order->size; id++)
    if (held[id] && is_written(s, id)) extend_lives(s, held, id, id, last);
  last[origin_of(s, s->step->result.id)] = s->order->size;
  assign_slots(s, held, last, owner);
  pf_free(held);
  return PF_OK;
}

void pf_c_source_free(pf_c_source *source) {
  pf_free(source->slot);
  source->slot = NULL;
}

/* ---- expressions ---- */

static void add_name(const pf_c_source *s, int32_t id, pf_text *out) {
  if (id == s->step->noise.id)
    pf_text_add(out, "z");
  else
    pf_text_add(out, "v%d", s->slot[id]);
}

/* Element j of node `id`, as the reader of `items` elements sees it. */
static void add_value(const pf_c_source *s, int32_t id, int items, pf_text *out) {
  id = origin_of(s, id);
  const pf_node_data *node = node_at(s, id);
  const bool single = items_of(s, id) == 1;
  if (is_shared(s, id)) {
    if (single || (node->op == PF_OP_CONSTANT && node->i[0]))
      pf_text_add(out, "%af", pf_one_step_value(s->step, id, 0));
    else
      pf_text_add(out, "%s_b%d[j]", s->prefix, (int)id);
    return;
  }
  if (id == s->step->noise.id || s->slot[id] >= 0) {
    add_name(s, id, out);
    pf_text_add(out, single && items > 1 ? "[0]" : "[j]");
    return;
  }
  static const char *const infix[PF_OP_COUNT] = {
      [PF_OP_ADD] = " + ", [PF_OP_SUB] = " - ", [PF_OP_MUL] = " * ", [PF_OP_DIV] = " / "};
  if (infix[node->op] || node->op == PF_OP_NEG)
    pf_text_add(out, node->op == PF_OP_NEG ? "(-" : "(");
  else
    pf_text_add(out, "%s_%s(", s->prefix, pf_op_name(node->op));
  for (int k = 0; k < node->operands; k++) {
    pf_text_add(out, "%s", k == 0 ? "" : infix[node->op] ? infix[node->op] : ", ");
    add_value(s, node->operand[k], items, out);
  }
  pf_text_add(out, ")");
}

static void write_elementwise(const pf_c_source *s, int32_t id, pf_text *out) {
  const int items = items_of(s, id), slot = s->slot[id];
  s->slot[id] = -1; /* its expression, not its place */
  pf_text_add(out, "  for (int j = 0; j < %d; j++) v%d[j] = ", items, slot);
  add_value(s, id, items, out);
  pf_text_add(out, ";\n");
  s->slot[id] = slot;
}

static void write_copy(const pf_c_source *s, int32_t id, pf_text *out) {
  const pf_node_data *node = node_at(s, id);
  int to = 0;
  for (int k = 0; k < node->operands; k++) {
    const int32_t from = origin_of(s, node->operand[k]);
    const int items = node->op == PF_OP_SLICE ? items_of(s, id) : items_of(s, from);
    const int start = node->op == PF_OP_SLICE ? node->i[0] : 0;
    pf_text_add(out, "  for (int j = 0; j < %d; j++) v%d[%d + j] = ", items, s->slot[id], to);
    add_name(s, from, out);
    pf_text_add(out, "[%d + j];\n", start);
    to += items;
  }
}

/* ---- products ---- */

/* A product on its way into text. */
typedef struct product {
  pf_matrix w;
  int32_t id, x; /* the node, and the vector it multiplies */
  int32_t start; /* what the sums begin at, -1: zero */
  bool few;      /* its table is [n][k] */
} product;

static product describe(const pf_c_source *s, int32_t id) {
  const int32_t matmul = product_at(s, id);
  product p = {.w = pf_matrix_of(s->step, matmul),
               .id = id,
               .x = origin_of(s, node_at(s, matmul)->operand[0]),
               .start = matmul == id ? -1 : pf_walk_order_start(s->step, s->order, id)};
  p.few = p.w.n <= FEW;
  return p;
}

/* W[row][column] as a float. */
static void add_weight(const pf_c_source *s, const product *p, const char *row, const char *column,
                       pf_text *out) {
  static const char *const open[] = {"", "half(", "(float)"}, *const close[] = {"", ")", ""};
  if (s->stored == PF_STORED_F16) pf_text_add(out, "%s_", s->prefix);
  pf_text_add(out, "%s%s_w%d[%s][%s]%s", open[s->stored], s->prefix, (int)p->id, row, column,
              close[s->stored]);
}

static void add_start(const pf_c_source *s, const product *p, pf_text *out) {
  if (p->start < 0)
    pf_text_add(out, "0.0f");
  else
    add_value(s, p->start, p->w.n, out);
}

/* The finished sum of output j: `sum` with the start, for those that do not begin at it. */
static void add_finished(const pf_c_source *s, const product *p, const char *sum, pf_text *out) {
  if (s->stored == PF_STORED_I8) {
    pf_text_add(out, "%s_fma(%s_s%d[j], %s, ", s->prefix, s->prefix, (int)p->id, sum);
    add_start(s, p, out);
    pf_text_add(out, ")");
    return;
  }
  if (p->start >= 0) {
    add_start(s, p, out);
    pf_text_add(out, " + ");
  }
  pf_text_add(out, "%s", sum);
}

/* fma(x[p + terms - 1], W, ... fma(x[p], W, v[j])) */
static void add_chain(const pf_c_source *s, const product *p, int terms, int first, pf_text *out) {
  char row[32];
  for (int t = terms - 1; t >= 0; t--) {
    snprintf(row, sizeof row, first < 0 ? "p + %d" : "%d", first < 0 ? t : first + t);
    pf_text_add(out, "%s_fma(", s->prefix);
    add_name(s, p->x, out);
    pf_text_add(out, "[%s], ", row);
    add_weight(s, p, row, "j", out);
    pf_text_add(out, ", ");
  }
  pf_text_add(out, "v%d[j]", s->slot[p->id]);
  for (int t = 0; t < terms; t++) pf_text_add(out, ")");
}

/* Every output is one chain of multiply-adds in the order of p, from the start on; four at a time, so that the sums are loaded
 * and stored less often. */
static void write_wide(const pf_c_source *s, const product *p, pf_text *out) {
  enum { TERMS = 4 };
  const int slot = s->slot[p->id], whole = p->w.k / TERMS * TERMS;
  pf_text_add(out, "  for (int j = 0; j < %d; j++) v%d[j] = ", p->w.n, slot);
  if (s->stored == PF_STORED_I8)
    pf_text_add(out, "0.0f");
  else
    add_start(s, p, out);
  pf_text_add(out, ";\n");
  if (whole > 0) {
    pf_text_add(out, "  for (int p = 0; p < %d; p += %d)\n    for (int j = 0; j < %d; j++)\n      v%d[j] = ",
                whole, TERMS, p->w.n, slot);
    add_chain(s, p, TERMS, -1, out);
    pf_text_add(out, ";\n");
  }
  if (whole < p->w.k) {
    pf_text_add(out, "  for (int j = 0; j < %d; j++) v%d[j] = ", p->w.n, slot);
    add_chain(s, p, p->w.k - whole, whole, out);
    pf_text_add(out, ";\n");
  }
  if (s->stored != PF_STORED_I8) return;
  char sum[16];
  snprintf(sum, sizeof sum, "v%d[j]", slot);
  pf_text_add(out, "  for (int j = 0; j < %d; j++) v%d[j] = ", p->w.n, slot);
  add_finished(s, p, sum, out);
  pf_text_add(out, ";\n");
}

static void add_factor(const pf_c_source *s, const product *p, int t, const char *between, pf_text *out) {
  char column[16];
  snprintf(column, sizeof column, "%d", t);
  add_name(s, p->x, out);
  pf_text_add(out, "[%d]%s", t, between);
  add_weight(s, p, "j", column, out);
}

/* At most four outputs of one number: the start is fused too. */
static void write_single(const pf_c_source *s, const product *p, pf_text *out) {
  pf_text_add(out, "  for (int j = 0; j < %d; j++) v%d[j] = %s_fma(", p->w.n, s->slot[p->id], s->prefix);
  add_factor(s, p, 0, ", ", out);
  pf_text_add(out, ", ");
  add_start(s, p, out);
  pf_text_add(out, ");\n");
}

/* At most four outputs over at most four numbers: in order, x[0] w[0] joined to the rounded x[1] w[1], as compilers fuse it. */
static void write_short(const pf_c_source *s, const product *p, pf_text *out) {
  const int k = p->w.k;
  pf_text_add(out, "  for (int j = 0; j < %d; j++) {\n    const float sum = ", p->w.n);
  for (int t = k - 1; t >= 2; t--) {
    pf_text_add(out, "%s_fma(", s->prefix);
    add_factor(s, p, t, ", ", out);
    pf_text_add(out, ", ");
  }
  if (k > 1) {
    pf_text_add(out, "%s_fma(", s->prefix);
    add_factor(s, p, 0, ", ", out);
    pf_text_add(out, ", ");
  }
  add_factor(s, p, k > 1 ? 1 : 0, " * ", out);
  for (int t = 1; t < k; t++) pf_text_add(out, ")");
  pf_text_add(out, ";\n    v%d[j] = ", s->slot[p->id]);
  add_finished(s, p, "sum", out);
  pf_text_add(out, ";\n  }\n");
}

static void write_lanes(const pf_c_source *s, const product *p, int from, int lanes, pf_text *out) {
  char column[32];
  snprintf(column, sizeof column, from < 0 ? "p + l" : "%d + l", from);
  pf_text_add(out, "for (int l = 0; l < %d; l++) s[l] = %s_fma(", lanes, s->prefix);
  add_name(s, p->x, out);
  pf_text_add(out, "[%s], ", column);
  add_weight(s, p, "j", column, out);
  pf_text_add(out, ", s[l]);\n");
}

/* At most four outputs: dot products in eight running sums and a fixed tree. */
static void write_few(const pf_c_source *s, const product *p, pf_text *out) {
  const int whole = p->w.k / LANES * LANES;
  pf_text_add(out, "  for (int j = 0; j < %d; j++) {\n    float s[%d] = {0, 0, 0, 0, 0, 0, 0, 0}, sum;\n",
              p->w.n, LANES);
  if (whole > 0) {
    pf_text_add(out, "    for (int p = 0; p < %d; p += %d)\n      ", whole, LANES);
    write_lanes(s, p, -1, LANES, out);
  }
  if (whole < p->w.k) {
    pf_text_add(out, "    ");
    write_lanes(s, p, whole, p->w.k - whole, out);
  }
  pf_text_add(out,
              "    sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));\n    v%d[j] = ",
              s->slot[p->id]);
  add_finished(s, p, "sum", out);
  pf_text_add(out, ";\n  }\n");
}

static void write_product(const pf_c_source *s, int32_t id, pf_text *out) {
  const product p = describe(s, id);
  if (!p.few)
    write_wide(s, &p, out);
  else if (p.w.k == 1 && s->stored != PF_STORED_I8)
    write_single(s, &p, out);
  else if (p.w.k <= FEW)
    write_short(s, &p, out);
  else
    write_few(s, &p, out);
}

/* ---- the whole ---- */

void pf_c_body_statements(const pf_c_source *s, pf_text *out, char result[16]) {
  for (int i = 0; i < s->slots; i++)
    pf_text_add(out, "%sv%d[%d]%s", i ? ", " : "  float ", i, s->length[i], i + 1 < s->slots ? "" : ";\n");
  for (int32_t id = 0; id < s->order->size; id++) {
    if (s->slot[id] < 0) continue;
    if (product_at(s, id) >= 0)
      write_product(s, id, out);
    else if (is_copy(s, id))
      write_copy(s, id, out);
    else
      write_elementwise(s, id, out);
  }
  const int32_t last = origin_of(s, s->step->result.id);
  if (last == s->step->noise.id)
    snprintf(result, 16, "z");
  else
    snprintf(result, 16, "v%d", s->slot[last]);
}

void pf_c_body_pieces(const pf_c_source *s, pf_pieces *pieces) {
  for (int32_t id = 0; id < s->order->size; id++) {
    if (!is_written(s, id)) continue;
    if (product_at(s, id) >= 0)
      pf_pieces_want(pieces, PF_PIECE_FMA);
    else if (!is_copy(s, id))
      pf_pieces_want(pieces, pf_piece_of(node_at(s, id)->op));
    if (product_at(s, id) >= 0 && s->stored == PF_STORED_F16) pf_pieces_want(pieces, PF_PIECE_HALF);
  }
}

/* ---- tables ---- */

void pf_c_numbers(pf_text *out, int64_t count, double (*value)(const void *context, int64_t i),
                  const void *context, const char *suffix) {
  size_t line = out->length;
  for (int64_t i = 0; i < count && out->status == PF_OK; i++) {
    pf_text_add(out, "%a%s%s", value(context, i), suffix, i + 1 < count ? ", " : "");
    if (out->length - line < 100 || i + 1 == count) continue;
    pf_text_add(out, "\n  ");
    line = out->length;
  }
}

typedef struct leaf {
  const pf_one_step *step;
  int32_t id;
} leaf;

static double leaf_value(const void *context, int64_t i) {
  const leaf *l = context;
  return pf_one_step_value(l->step, l->id, i);
}

static void write_vector(const pf_c_source *s, int32_t id, pf_text *out) {
  const leaf l = {s->step, id};
  pf_text_add(out, "static const float %s_b%d[%d] = {\n  ", s->prefix, (int)id, items_of(s, id));
  pf_c_numbers(out, items_of(s, id), leaf_value, &l, "f");
  pf_text_add(out, "};\n");
}

static void add_stored(const pf_c_source *s, const product *p, const float *scales, int row, int column,
                       pf_text *out) {
  const int j = p->few ? row : column, at = p->few ? column : row;
  const float w = p->w.values[pf_matrix_at(&p->w, at, j)];
  switch (s->stored) {
  case PF_STORED_F32: pf_text_add(out, "%af", (double)PF_CANARY(EMIT_WEIGHT, w, -w)); break;
  case PF_STORED_F16: pf_text_add(out, "%u", (unsigned)pf_half_from(w)); break;
  case PF_STORED_I8: pf_text_add(out, "%d", pf_matrix_i8(&p->w, scales[j], at, j)); break;
  }
}

static void write_matrix(const pf_c_source *s, const product *p, const float *scales, pf_text *out) {
  static const char *const types[] = {"float", "uint16_t", "int8_t"};
  const int rows = p->few ? p->w.n : p->w.k, columns = p->few ? p->w.k : p->w.n;
  pf_text_add(out, "static const %s %s_w%d[%d][%d] = {\n", types[s->stored], s->prefix, (int)p->id, rows,
              columns);
  for (int row = 0; row < rows && out->status == PF_OK; row++) {
    size_t line = out->length;
    pf_text_add(out, "  {");
    for (int column = 0; column < columns; column++) {
      add_stored(s, p, scales, row, column, out);
      if (column + 1 < columns) pf_text_add(out, ",");
      if (out->length - line < 105 || column + 1 == columns) continue;
      pf_text_add(out, "\n   ");
      line = out->length;
    }
    pf_text_add(out, "}%s\n", row + 1 < rows ? "," : "");
  }
  pf_text_add(out, "};\n");
}

static double scale_value(const void *context, int64_t i) { return ((const float *)context)[i]; }

static void write_weights(const pf_c_source *s, int32_t id, pf_text *out) {
  const product p = describe(s, id);
  float *scales = NULL;
  if (s->stored == PF_STORED_I8 && out->status == PF_OK) {
    out->status = pf_alloc((size_t)p.w.n, sizeof *scales, &scales, NULL);
    if (out->status != PF_OK) return;
    for (int j = 0; j < p.w.n; j++) scales[j] = pf_matrix_scale(&p.w, j);
    pf_text_add(out, "static const float %s_s%d[%d] = {\n  ", s->prefix, (int)id, p.w.n);
    pf_c_numbers(out, p.w.n, scale_value, scales, "f");
    pf_text_add(out, "};\n");
  }
  write_matrix(s, &p, scales, out);
  pf_free(scales);
}

void pf_c_body_tables(const pf_c_source *s, pf_text *out) {
  for (int32_t id = 0; id < s->order->size; id++) {
    if (!s->order->uses[id]) continue;
    const pf_node_data *node = node_at(s, id);
    if (is_written(s, id) && product_at(s, id) >= 0) write_weights(s, id, out);
    const bool number = pf_shape_items(&node->shape) == 1 || (node->op == PF_OP_CONSTANT && node->i[0]);
    if (is_shared(s, id) && node->shape.axes == 1 && !number) write_vector(s, id, out);
  }
}
