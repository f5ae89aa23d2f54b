/* An ONNX file read back and run, independently of what wrote it: the wire format, the few fields we use, and the operators in
 * double on rows x columns. A header of static functions. */
#ifndef PF_TESTS_EMIT_ONNX_READER_H
#define PF_TESTS_EMIT_ONNX_READER_H

#include "emit_models.h"

enum { MOST_VALUES = 600, MOST_NODES = 400 };

/* ---- wire format ---- */

typedef struct bytes {
  const uint8_t *at, *end;
} bytes;

typedef struct pb_field {
  int number, type;
  uint64_t value;
  bytes inner;
} pb_field;

static inline uint64_t pb_varint(bytes *b) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    assert_true(b->at < b->end && shift < 64);
    value |= (uint64_t)(*b->at & 0x7f) << shift;
    if (!(*b->at++ & 0x80)) return value;
  }
}

/* The next field, false at the end. */
static inline bool pb_next(bytes *b, pb_field *out) {
  if (b->at == b->end) return false;
  uint64_t key = pb_varint(b);
  *out = (pb_field){.number = (int)(key >> 3), .type = (int)(key & 7)};
  out->value = pb_varint(b);
  if (out->type == 0) return true;
  assert_int_equal(out->type, 2);
  assert_true(out->value <= (uint64_t)(b->end - b->at));
  out->inner = (bytes){b->at, b->at + out->value};
  b->at += out->value;
  return true;
}

static inline void pb_string(const pb_field *f, char out[32]) {
  size_t length = (size_t)(f->inner.end - f->inner.at);
  assert_true(f->type == 2 && length < 32);
  memcpy(out, f->inner.at, length);
  out[length] = 0;
}

/* ---- what a file holds ---- */

/* A value: rows x columns, rows 1 when it is the same for all; one of rank 0 or 1 is a row. */
typedef struct value {
  char name[32];
  int64_t rows, columns;
  double *x;
} value;

typedef struct node {
  char op[32], in[3][32], out[32], attribute[32];
  int inputs;
  int64_t number; /* the attribute's */
} node;

typedef struct onnx_file {
  int64_t ir, opset;
  char graph[32], input[32], output[32];
  int64_t input_columns, output_columns;
  int values, nodes;
  value value[MOST_VALUES];
  node node[MOST_NODES];
} onnx_file;

static inline value *find_value(onnx_file *f, const char *name) {
  for (int i = 0; i < f->values; i++)
    if (strcmp(f->value[i].name, name) == 0) return &f->value[i];
  fail_msg("'%s' is read before it is made", name);
  return NULL;
}

static inline value *new_value(onnx_file *f, const char *name, int64_t rows, int64_t columns) {
  assert_true(f->values < MOST_VALUES);
  for (int i = 0; i < f->values; i++) assert_string_not_equal(f->value[i].name, name);
  value *v = &f->value[f->values++];
  snprintf(v->name, sizeof v->name, "%s", name);
  v->rows = rows;
  v->columns = columns;
  v->x = calloc((size_t)(rows * columns), sizeof *v->x);
  return v;
}

static inline void read_tensor(onnx_file *f, bytes b) {
  pb_field at;
  int64_t dims[2] = {1, 1}, rank = 0, type = 0;
  char name[32] = "";
  bytes raw = {0};
  while (pb_next(&b, &at)) {
    if (at.number == 1) {
      assert_true(rank < 2);
      dims[rank++] = (int64_t)at.value;
    } else if (at.number == 2) {
      type = (int64_t)at.value;
    } else if (at.number == 8) {
      pb_string(&at, name);
    } else {
      assert_int_equal(at.number, 9);
      raw = at.inner;
    }
  }
  assert_true(type == 1 || type == 7 || type == 9);
  const int64_t size = type == 1   ? 4
                       : type == 7 ? 8
                                   : 1,
                rows = rank == 2 ? dims[0] : 1, columns = rank == 2 ? dims[1] : dims[0];
  assert_int_equal(raw.end - raw.at, rows * columns * size);
  value *v = new_value(f, name, rows, columns);
  for (int64_t i = 0; i < rows * columns; i++) {
    float real;
    int64_t whole;
    memcpy(&real, raw.at + (type == 1 ? i * 4 : 0), sizeof real * (type == 1));
    memcpy(&whole, raw.at + (type == 7 ? i * 8 : 0), sizeof whole * (type == 7));
    v->x[i] = type == 1 ? (double)real : type == 7 ? (double)whole : raw.at[i];
  }
}

static inline void read_attribute(node *n, bytes b) {
  pb_field at;
  while (pb_next(&b, &at)) {
    if (at.number == 1) pb_string(&at, n->attribute);
    if (at.number == 3) n->number = (int64_t)at.value;
    if (at.number == 20) assert_int_equal(at.value, 2);
  }
}

static inline void read_node(onnx_file *f, bytes b) {
  pb_field at;
  assert_true(f->nodes < MOST_NODES);
  node *n = &f->node[f->nodes++];
  while (pb_next(&b, &at)) {
    if (at.number == 1) {
      assert_true(n->inputs < 3);
      pb_string(&at, n->in[n->inputs++]);
    }
    if (at.number == 2) pb_string(&at, n->out);
    if (at.number == 4) pb_string(&at, n->op);
    if (at.number == 5) read_attribute(n, at.inner);
  }
}

/* The next field, which has to have this number. */
static inline pb_field pb_expect(bytes *b, int number) {
  pb_field f = {0};
  assert_true(pb_next(b, &f));
  assert_int_equal(f.number, number);
  return f;
}

/* name, and columns of the shape [N, columns] of floats */
static inline void read_port(bytes b, char name[32], int64_t *columns) {
  pb_field at = pb_expect(&b, 1);
  pb_string(&at, name);
  pb_field type = pb_expect(&b, 2), tensor = pb_expect(&type.inner, 1);
  assert_int_equal(pb_expect(&tensor.inner, 1).value, 1);
  pb_field shape = pb_expect(&tensor.inner, 2), rows = pb_expect(&shape.inner, 1),
           dim = pb_expect(&shape.inner, 1);
  assert_int_equal(pb_expect(&rows.inner, 2).type, 2);
  *columns = (int64_t)pb_expect(&dim.inner, 1).value;
  assert_true(shape.inner.at == shape.inner.end);
}

static inline void read_graph(onnx_file *f, bytes b) {
  pb_field at;
  while (pb_next(&b, &at)) {
    switch (at.number) {
    case 1: read_node(f, at.inner); break;
    case 2: pb_string(&at, f->graph); break;
    case 5: read_tensor(f, at.inner); break;
    case 11: read_port(at.inner, f->input, &f->input_columns); break;
    case 12: read_port(at.inner, f->output, &f->output_columns); break;
    default: fail_msg("field %d of the graph", at.number);
    }
  }
}

static inline onnx_file *read_onnx(const pf_text *text) {
  onnx_file *f = calloc(1, sizeof *f);
  bytes b = {(const uint8_t *)text->data, (const uint8_t *)text->data + text->length};
  pb_field at, opset;
  while (pb_next(&b, &at)) {
    if (at.number == 1) f->ir = (int64_t)at.value;
    if (at.number == 7) read_graph(f, at.inner);
    if (at.number == 8)
      while (pb_next(&at.inner, &opset))
        if (opset.number == 2) f->opset = (int64_t)opset.value;
  }
  return f;
}

static inline void free_onnx(onnx_file *f) {
  for (int i = 0; i < f->values; i++) free(f->value[i].x);
  free(f);
}

/* ---- running ---- */

static inline double element(const value *v, int64_t row, int64_t column) {
  return v->x[(v->rows == 1 ? 0 : row) * v->columns + (v->columns == 1 ? 0 : column)];
}

static inline double apply(const char *op, double a, double b, double c) {
  static const char *const names[] = {"Add",   "Sub",      "Mul",  "Div",        "Max",     "Min",
                                      "Neg",   "Exp",      "Tanh", "Abs",        "Sigmoid", "Softplus",
                                      "Round", "Identity", "Cast", "Reciprocal", "Where",   "GreaterOrEqual"};
  const double results[] = {
      a + b,   a - b,  a * b,   a / b,   fmax(a, b),        fmin(a, b),
      -a,      exp(a), tanh(a), fabs(a), 1 / (1 + exp(-a)), fmax(a, 0) + log1p(exp(-fabs(a))),
      rint(a), a,      a,       1 / a,   a != 0 ? b : c,    a >= b};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(op, names[i]) == 0) return results[i];
  fail_msg("operator '%s'", op);
  return NAN;
}

static inline void run_gather(onnx_file *f, const node *n, const value *table, const value *index) {
  const bool columns = strcmp(n->attribute, "axis") == 0 && n->number == 1;
  value *out = new_value(f, n->out, columns ? table->rows : index->rows, index->columns);
  for (int64_t r = 0; r < out->rows; r++)
    for (int64_t c = 0; c < out->columns; c++) {
      const int64_t at = (int64_t)element(index, r, c);
      assert_true(at >= 0 && at < table->columns);
      out->x[r * out->columns + c] = element(table, columns ? r : 0, at);
    }
}

static inline void run_matmul(onnx_file *f, const node *n, const value *a, const value *b) {
  assert_int_equal(a->columns, b->rows);
  value *out = new_value(f, n->out, a->rows, b->columns);
  for (int64_t r = 0; r < a->rows; r++)
    for (int64_t p = 0; p < b->rows; p++)
      for (int64_t c = 0; c < b->columns; c++)
        out->x[r * b->columns + c] += a->x[r * a->columns + p] * b->x[p * b->columns + c];
}

static inline void run_concat(onnx_file *f, const node *n, const value *a, const value *b) {
  value *out = new_value(f, n->out, a->rows, a->columns + b->columns);
  for (int64_t r = 0; r < a->rows; r++)
    for (int64_t c = 0; c < out->columns; c++)
      out->x[r * out->columns + c] = c < a->columns ? element(a, r, c) : element(b, r, c - a->columns);
}

static inline void run_node(onnx_file *f, const node *n) {
  value in[3] = {{"", 1, 1, (double[]){0}}, {"", 1, 1, (double[]){0}}, {"", 1, 1, (double[]){0}}};
  int64_t rows = 1, columns = 1;
  for (int k = 0; k < n->inputs; k++) {
    in[k] = *find_value(f, n->in[k]);
    rows = in[k].rows > rows ? in[k].rows : rows;
    columns = in[k].columns > columns ? in[k].columns : columns;
  }
  if (strcmp(n->op, "MatMul") == 0) {
    run_matmul(f, n, &in[0], &in[1]);
  } else if (strcmp(n->op, "Gather") == 0) {
    run_gather(f, n, &in[0], &in[1]);
  } else if (strcmp(n->op, "Concat") == 0) {
    run_concat(f, n, &in[0], &in[1]);
  } else {
    for (int k = 0; k < n->inputs; k++)
      assert_true((in[k].rows == 1 || in[k].rows == rows) &&
                  (in[k].columns == 1 || in[k].columns == columns));
    value *out = new_value(f, n->out, rows, columns);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        out->x[r * columns + c] =
            apply(n->op, element(&in[0], r, c), element(&in[1], r, c), element(&in[2], r, c));
  }
}

/* The output's values for n rows of noise. */
static inline const value *run_onnx(onnx_file *f, int64_t n, const float *noise) {
  value *z = new_value(f, f->input, n, f->input_columns);
  for (int64_t i = 0; i < n * f->input_columns; i++) z->x[i] = noise[i];
  for (int i = 0; i < f->nodes; i++) run_node(f, &f->node[i]);
  return find_value(f, f->output);
}

#endif
