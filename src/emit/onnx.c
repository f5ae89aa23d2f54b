/* The ONNX file: the one-step graph node by node, the decoder, and what surrounds them. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../data/json_util.h"
#include "emit.h"
#include "one_step.h"
#include "onnx_decoder.h"
#include "onnx_graph.h"

enum { IR_VERSION = 8, OPSET = 17 };
enum {
  MODEL_IR = 1,
  MODEL_PRODUCER = 2,
  MODEL_PRODUCER_VERSION = 3,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_PROPS = 14
};
enum { GRAPH_NAME = 2, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, OPSET_VERSION = 2, PROP_KEY = 1, PROP_VALUE = 2 };

/* ---- the graph's nodes ---- */

typedef struct translation {
  const pf_one_step *step;
  const pf_walk_order *order;
  pf_onnx *onnx;
  pf_onnx_name *name; /* by node */
  pf_onnx_name noise; /* what the network reads of the input */
  float *scratch;     /* the values of the largest leaf */
  int64_t *numbers;   /* as many columns as any node has */
} translation;

static const pf_node_data *node_at(const translation *t, int32_t id) {
  return pf_graph_node(t->step->graph, id);
}

static pf_onnx_name add_leaf(const translation *t, int32_t id) {
  const pf_node_data *node = node_at(t, id);
  const int64_t items = pf_shape_items(&node->shape);
  const int64_t dims[2] = {node->shape.axes > 0 ? node->shape.dim[0] : 1,
                           node->shape.axes > 1 ? node->shape.dim[1] : 1};
  for (int64_t i = 0; i < items; i++) t->scratch[i] = (float)pf_one_step_value(t->step, id, i);
  return pf_onnx_tensor(t->onnx, PF_ONNX_FLOAT, node->shape.axes, dims, t->scratch);
}

static pf_onnx_name operand(const translation *t, int32_t id, int k) {
  return k < node_at(t, id)->operands ? t->name[node_at(t, id)->operand[k]] : pf_onnx_named("");
}

static pf_onnx_name add_product(const translation *t, int32_t id) {
  pf_onnx_name w = operand(t, id, 1);
  if (node_at(t, id)->i[1]) w = pf_onnx_op1(t->onnx, "Transpose", w);
  return pf_onnx_op2(t->onnx, "MatMul", operand(t, id, 0), w);
}

/* The columns by their numbers. */
static pf_onnx_name add_slice(const translation *t, int32_t id) {
  const int64_t count = pf_shape_items(&node_at(t, id)->shape);
  for (int64_t i = 0; i < count; i++) t->numbers[i] = node_at(t, id)->i[0] + i;
  pf_onnx_name index = pf_onnx_tensor(t->onnx, PF_ONNX_INT64, 1, &count, t->numbers);
  return pf_onnx_op_with(t->onnx, "Gather", operand(t, id, 0), index, "axis", 1);
}

/* s (1 + a (1 - s)) */
static pf_onnx_name add_silu_slope(pf_onnx *onnx, pf_onnx_name a) {
  pf_onnx_name s = pf_onnx_op1(onnx, "Sigmoid", a), one = pf_onnx_scalar(onnx, 1);
  pf_onnx_name bend = pf_onnx_op2(onnx, "Mul", a, pf_onnx_op2(onnx, "Sub", one, s));
  return pf_onnx_op2(onnx, "Mul", s, pf_onnx_op2(onnx, "Add", one, bend));
}

/* |a| + log(1 + e^(-2|a|)) */
static pf_onnx_name add_log_2cosh(pf_onnx *onnx, pf_onnx_name a) {
  pf_onnx_name size = pf_onnx_op1(onnx, "Abs", a);
  pf_onnx_name twice = pf_onnx_op2(onnx, "Mul", size, pf_onnx_scalar(onnx, -2));
  return pf_onnx_op2(onnx, "Add", size, pf_onnx_op1(onnx, "Softplus", twice));
}

/* Operations of one operator of the same meaning, and those that are put together. */
static pf_status add_op(const translation *t, int32_t id, pf_onnx_name *out, pf_error *error) {
  const pf_op op = node_at(t, id)->op;
  const pf_onnx_name a = operand(t, id, 0), b = operand(t, id, 1), c = operand(t, id, 2), none = {""};
  pf_onnx *onnx = t->onnx;
  switch (op) {
  case PF_OP_MATMUL: *out = add_product(t, id); return PF_OK;
  case PF_OP_SLICE: *out = add_slice(t, id); return PF_OK;
  case PF_OP_CONCAT: *out = pf_onnx_op_with(onnx, "Concat", a, b, "axis", 1); return PF_OK;
  case PF_OP_SILU: *out = pf_onnx_op2(onnx, "Mul", a, pf_onnx_op1(onnx, "Sigmoid", a)); return PF_OK;
  case PF_OP_SILU_SLOPE: *out = add_silu_slope(onnx, a); return PF_OK;
  case PF_OP_LOG_2COSH: *out = add_log_2cosh(onnx, a); return PF_OK;
  case PF_OP_LESS:
    *out = pf_onnx_op_with(onnx, "Cast", pf_onnx_op2(onnx, "Less", a, b), none, "to", PF_ONNX_FLOAT);
    return PF_OK;
  case PF_OP_SELECT:
    *out = pf_onnx_op3(onnx, "Where", pf_onnx_op_with(onnx, "Cast", a, none, "to", PF_ONNX_BOOL), b, c);
    return PF_OK;
  default: break;
  }
  if (!pf_op_onnx(op)[0])
    return pf_fail(error, PF_FAILED, "the operation '%s' has no ONNX form", pf_op_name(op));
  *out = pf_onnx_op3(onnx, pf_op_onnx(op), a, b, c);
  return PF_OK;
}

static pf_status add_nodes(const translation *t, pf_error *error) {
  for (int32_t id = 0; id < t->order->size; id++) {
    if (!t->order->uses[id]) continue;
    if (id == t->step->noise.id)
      t->name[id] = t->noise;
    else if (node_at(t, id)->shape.span != PF_PER_ROW)
      t->name[id] = add_leaf(t, id);
    else
      PF_TRY(add_op(t, id, &t->name[id], error));
  }
  return PF_OK;
}

/* A given column's mean and scale, as single precision has them. */
static pf_status check_scales(const struct pf_model *model, pf_error *error) {
  for (int k = 0; k < model->given.count; k++) {
    const pf_decoding column = pf_encoder_decoding(model->encoder, model->given.columns[k]);
    if (!(fabs(column.mean) <= FLT_MAX && column.scale <= FLT_MAX) ||
        (column.scale > 0 && column.scale < FLT_MIN))
      return pf_fail(
          error, PF_FAILED,
          "condition '%.80s' has mean %g and standard deviation %g, beyond the single precision of "
          "ONNX: it can be exported as C",
          pf_model_condition_name(model, k), column.mean, column.scale);
  }
  return PF_OK;
}

/* Values of all columns: in given ones the encoder's mean and scale, elsewhere 0 and 1. */
static void fill_columns(const struct pf_model *model, float *mean, float *scale, uint8_t *is_given) {
  for (int c = 0; c < model->columns; c++) {
    mean[c] = 0;
    scale[c] = 1;
    is_given[c] = 0;
  }
  for (int k = 0; k < model->given.count; k++) {
    const int c = model->given.columns[k];
    const pf_decoding column = pf_encoder_decoding(model->encoder, c);
    mean[c] = (float)column.mean;
    scale[c] = column.scale == 0 ? 1 : (float)column.scale;
    is_given[c] = 1;
  }
}

/* Given columns of the input are conditions in the data's units: standardised for the network, and samples have them as they
 * came. Other columns are left alone by mean 0 and scale 1. */
static pf_status add_conditions(const struct pf_model *model, translation *t, pf_onnx_name *is_given,
                                pf_error *error) {
  const int64_t d = model->columns;
  float *mean = NULL;
  uint8_t *marks = NULL;
  PF_TRY(check_scales(model, error));
  PF_TRY(pf_alloc(2 * (size_t)d, sizeof *mean, &mean, error));
  pf_status status = pf_alloc((size_t)d, 1, &marks, error);
  if (status == PF_OK) {
    fill_columns(model, mean, mean + d, marks);
    pf_onnx_name centred =
        pf_onnx_op2(t->onnx, "Sub", t->noise, pf_onnx_tensor(t->onnx, PF_ONNX_FLOAT, 1, &d, mean));
    t->noise = pf_onnx_op2(t->onnx, "Div", centred, pf_onnx_tensor(t->onnx, PF_ONNX_FLOAT, 1, &d, mean + d));
    *is_given = pf_onnx_tensor(t->onnx, PF_ONNX_BOOL, 1, &d, marks);
  }
  pf_free(mean);
  pf_free(marks);
  return status;
}

static pf_status translate_with(const struct pf_model *model, translation *t, pf_error *error) {
  const pf_onnx_name input = pf_onnx_named("noise");
  pf_onnx_name is_given = {""}, decoded = {""};
  t->noise = input;
  if (model->given.count > 0) PF_TRY(add_conditions(model, t, &is_given, error));
  PF_TRY(add_nodes(t, error));
  PF_TRY(pf_onnx_decode(t->onnx, model->encoder, t->name[t->step->result.id], &decoded, error));
  if (model->given.count > 0) decoded = pf_onnx_op3(t->onnx, "Where", is_given, input, decoded);
  pf_onnx_result(t->onnx, decoded, "samples");
  return PF_OK;
}

static pf_status translate(const struct pf_model *model, translation *t, pf_error *error) {
  int64_t largest = 1;
  for (int32_t id = 0; id < t->order->size; id++)
    if (pf_shape_items(&node_at(t, id)->shape) > largest) largest = pf_shape_items(&node_at(t, id)->shape);
  PF_TRY(pf_alloc((size_t)t->order->size, sizeof *t->name, &t->name, error));
  pf_status status = pf_alloc((size_t)largest, sizeof *t->scratch, &t->scratch, error);
  if (status == PF_OK) status = pf_alloc((size_t)model->columns, sizeof *t->numbers, &t->numbers, error);
  if (status == PF_OK) status = translate_with(model, t, error);
  pf_free(t->name);
  pf_free(t->scratch);
  pf_free(t->numbers);
  return status;
}

/* ---- the file ---- */

static void add_prop(pf_text *file, const char *key, const char *value) {
  pf_text prop = {0};
  if (!value) return;
  pf_pb_string(&prop, PROP_KEY, key);
  pf_pb_string(&prop, PROP_VALUE, value);
  pf_pb_message(file, MODEL_PROPS, &prop);
}

/* All columns, or the given ones alone, as a JSON list of names. */
static void add_columns(pf_text *file, const struct pf_model *model, bool given) {
  const pf_table *like = model->columns_like;
  pf_text names = {0};
  pf_text_add(&names, "[");
  for (int c = 0; c < like->columns; c++) {
    if (given && !pf_given_has(&model->given, c)) continue;
    if (names.length > 1) pf_text_add(&names, ",");
    pf_json_quote(&names, like->names[c]);
  }
  pf_text_add(&names, "]");
  if (names.status == PF_OK)
    add_prop(file, given ? "given" : "columns", names.data);
  else
    file->status = names.status;
  pf_text_free(&names);
}

static void add_file(const struct pf_model *model, const pf_one_step *step, pf_onnx *onnx, pf_text *out) {
  pf_text graph = {0}, opset = {0};
  pf_text_add_bytes(&graph, onnx->nodes.data, onnx->nodes.length);
  pf_pb_string(&graph, GRAPH_NAME, "pushforward");
  pf_text_add_bytes(&graph, onnx->tensors.data, onnx->tensors.length);
  pf_onnx_port(&graph, GRAPH_INPUT, "noise", step->network.inputs);
  pf_onnx_port(&graph, GRAPH_OUTPUT, "samples", model->columns);
  pf_pb_int(out, MODEL_IR, IR_VERSION);
  pf_pb_string(out, MODEL_PRODUCER, "pushforward");
  pf_pb_string(out, MODEL_PRODUCER_VERSION, pf_version());
  pf_pb_message(out, MODEL_GRAPH, &graph);
  pf_pb_int(&opset, OPSET_VERSION, OPSET);
  pf_pb_message(out, MODEL_OPSET, &opset);
  add_prop(out, "method", json_string_value(json_object_get(model->facts, "method")));
  add_prop(out, "source", json_string_value(json_object_get(model->facts, "source")));
  add_columns(out, model, false);
  if (model->given.count > 0) add_columns(out, model, true);
}

static pf_status write_file(const struct pf_model *model, const pf_one_step *step, pf_onnx *onnx,
                            pf_text *out, pf_error *error) {
  if (onnx->nodes.status == PF_OK && onnx->tensors.status == PF_OK) add_file(model, step, onnx, out);
  pf_status status = onnx->nodes.status != PF_OK ? onnx->nodes.status : onnx->tensors.status;
  if (status == PF_OK) status = out->status;
  if (status != PF_OK) return pf_fail(error, status, "out of memory for the ONNX file");
  if (out->length <= INT32_MAX) return PF_OK;
  return pf_fail(error, PF_FAILED, "the ONNX file would have %zu bytes, at most %d are possible", out->length,
                 INT32_MAX);
}

pf_status pf_emit_onnx(const struct pf_model *model, pf_text *out, pf_error *error) {
  pf_one_step step = {0};
  pf_walk_order order = {0};
  pf_onnx onnx = {.names = 0};
  pf_text file = {0};
  translation t = {.step = &step, .order = &order, .onnx = &onnx};
  PF_TRY(pf_one_step_check_prior(model, error));
  PF_TRY(pf_one_step_create(model, &step, error));
  pf_status status = pf_walk_order_create(&step, &order, error);
  if (status == PF_OK) status = translate(model, &t, error);
  if (status == PF_OK) status = write_file(model, &step, &onnx, &file, error);
  pf_onnx_free(&onnx);
  pf_walk_order_free(&order);
  pf_one_step_free(&step);
  if (status == PF_OK)
    *out = file;
  else
    pf_text_free(&file);
  return status;
}
