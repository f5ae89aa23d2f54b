/* What a step is called and what it costs at least: flops, and bytes read and written, of one call. Rows are those of
 * a whole tile, which kernels always run.
 */
#include <stdio.h>
#include <string.h>

#include "profile.h"

enum { OPS_TEXT = 44 /* characters of a group's operations */ };

/* Which operation a kernel computes; COPY shows a view. */
static const pf_op op_of[PF_KERNEL_COUNT] = {[PF_KERNEL_COPY] = PF_OP_BROADCAST,
                                             [PF_KERNEL_SELECT] = PF_OP_SELECT,
#define PF_X(NAME, expression) [PF_KERNEL_##NAME] = PF_OP_##NAME,
                                             PF_UNARY_KERNELS(PF_X)
#undef PF_X
#define PF_X(NAME, expression)                                                                               \
  [PF_KERNEL_##NAME] = PF_OP_##NAME, [PF_KERNEL_##NAME##_VS] = PF_OP_##NAME,                                 \
  [PF_KERNEL_##NAME##_SV] = PF_OP_##NAME,
                                                 PF_BINARY_KERNELS(PF_X)
#undef PF_X
};

/* Multiplications, additions and divisions per element as math.h writes them, comparisons and selections free; 1 where
 * nothing stands. */
static const uint8_t flops_of[PF_OP_COUNT] = {
    [PF_OP_EXP] = 20,      [PF_OP_LOG] = 29, [PF_OP_TANH] = 36,       [PF_OP_SIGMOID] = 22,
    [PF_OP_SILU] = 22,     [PF_OP_SIN] = 19, [PF_OP_SILU_SLOPE] = 26, [PF_OP_COS] = 21,
    [PF_OP_SOFTPLUS] = 36, [PF_OP_ERF] = 50, [PF_OP_LOG_2COSH] = 37};
static const uint8_t flops_of_pair[PF_PAIR_COUNT] = {[PF_PAIR_SILU] = 27, [PF_PAIR_SIN] = 28};

static double flops_per_element(pf_op op) { return flops_of[op] > 0 ? flops_of[op] : 1; }

static int64_t span_rows(const pf_program *p, pf_span span) { return span == PF_PER_ROW ? p->tile_rows : 1; }

/* Elements of a value as a step sees it, and their bytes; none for an absent operand. */
static double elements(const pf_program *p, int32_t value) {
  if (value < 0) return 0;
  return (double)(span_rows(p, p->value[value].span) * p->value[value].items);
}

static double bytes_of(const pf_program *p, int32_t value) {
  if (value < 0) return 0;
  return elements(p, value) * (p->value[value].narrow ? sizeof(uint16_t) : sizeof(float));
}

/* ---- groups ---- */

/* Operations of a group in order of first use, with their number. */
typedef struct op_list {
  pf_op op[PF_OP_COUNT];
  int count[PF_OP_COUNT], n;
} op_list;

static void list_op(op_list *list, pf_op op) {
  int i = 0;
  while (i < list->n && list->op[i] != op) i++;
  list->op[i] = op;
  if (i == list->n) list->n++;
  list->count[i]++;
}

/* "3 mul,silu,.." */
static void print_ops(const op_list *list, char out[OPS_TEXT]) {
  size_t length = 0;
  out[0] = '\0';
  for (int i = 0; i < list->n; i++) {
    char word[OPS_TEXT];
    const char *comma = i > 0 ? "," : "", *name = pf_op_name(list->op[i]);
    if (list->count[i] > 1)
      snprintf(word, sizeof word, "%s%d %s", comma, list->count[i], name);
    else
      snprintf(word, sizeof word, "%s%s", comma, name);
    bool last = i == list->n - 1, fits = length + strlen(word) + (last ? 0 : sizeof ",.." - 1) < OPS_TEXT;
    length += (size_t)snprintf(out + length, OPS_TEXT - length, "%s", fits ? word : ",..");
    if (!fits) return;
  }
}

/* What the instructions do, per block or per group; `n` elements in all. */
static void count_work(const pf_group *g, double n, op_list *ops, double *flops) {
  for (int32_t i = 0; i < g->instructions; i++) {
    const pf_instruction *in = &g->instruction[i];
    switch (in->kind) {
    case PF_RUN_KERNEL:
      list_op(ops, op_of[in->kernel]);
      if (in->kernel != PF_KERNEL_COPY) *flops += n * flops_per_element(op_of[in->kernel]);
      break;
    case PF_RUN_PAIR:
      list_op(ops, pf_pair_ops[in->pair][0]);
      list_op(ops, pf_pair_ops[in->pair][1]);
      *flops += n * flops_of_pair[in->pair];
      break;
    case PF_EXPAND:
    case PF_NARROW: break; /* copies */
    case PF_FOLD_ROWS:
    case PF_FOLD_COLUMNS:
      list_op(ops, in->kind == PF_FOLD_ROWS ? PF_OP_SUM_ROWS : PF_OP_SUM_AXIS);
      *flops += n;
      break;
    }
  }
}

static bool is_written(const pf_group *g, int32_t reg) {
  for (int32_t i = 0; i < g->instructions; i++) {
    const pf_instruction *in = &g->instruction[i];
    bool made = in->kind == PF_RUN_KERNEL || in->kind == PF_RUN_PAIR;
    if (made && (in->out == reg || in->second == reg)) return true;
  }
  return false;
}

/* Different floats that a register shows of its value, over all rows. */
static double seen_floats(const pf_view *view, int64_t rows) {
  double n = view->row_stride != 0 ? (double)rows : 1;
  for (int i = 0; i < PF_MAX_AXES; i++)
    if (view->stride[i] != 0) n *= (double)view->dim[i];
  return n;
}

static void describe_group(const pf_program *p, const pf_group *g, pf_profile_entry *out) {
  const int64_t rows = span_rows(p, g->span);
  const double n = (double)(rows * g->items);
  op_list ops = {.n = 0};
  int read = 0, written = 0;
  count_work(g, n, &ops, &out->flops);
  for (int32_t i = 0; i < g->regs; i++) {
    const pf_reg *reg = &g->reg[i];
    bool made = reg->kind == PF_REG_DIRECT && is_written(g, i), loaded = !made && reg->value >= 0;
    if (made || loaded) out->bytes += sizeof(float) * (made ? n : seen_floats(&reg->view, rows));
    written += made;
    read += loaded && reg->kind != PF_REG_SCALAR;
  }
  for (int32_t i = 0; i < g->instructions; i++) {
    if (g->instruction[i].value < 0) continue;
    out->bytes += bytes_of(p, g->instruction[i].value);
    written++;
  }
  char text[OPS_TEXT];
  print_ops(&ops, text);
  snprintf(out->name, sizeof out->name, "group %lldx%lld, %d in %d out: %s", (long long)rows,
           (long long)g->items, read, written, text);
}

/* ---- products ---- */

static void describe_parameter(const pf_program *p, int32_t value, bool transposed, pf_profile_entry *out) {
  for (int32_t i = 0; i < p->shared.steps; i++) { /* packed from where? */
    const pf_step *s = &p->shared.step[i];
    if (s->kind == PF_STEP_PACK && s->out == value) value = s->in[0];
  }
  if (value < 0 || p->value[value].base != PF_BASE_PARAM) return;
  out->param_set = p->value[value].index;
  out->param_offset = p->value[value].offset;
  out->transposed = transposed;
}

static void describe_product(const pf_program *p, const pf_step *s, pf_profile_entry *out) {
  const double m = (double)s->gemm.m, n = (double)s->gemm.n, k = (double)s->gemm.k;
  const double operand = s->narrow ? sizeof(uint16_t) : sizeof(float);
  out->product = true;
  out->flops = 2 * m * n * k;
  out->bytes = operand * (m * k + k * n) + sizeof(float) * m * n + bytes_of(p, s->in[2]);
  for (int i = p->outputs; i-- > 0;)
    if (p->output[i].value == s->out) out->output = i;
  if (!s->scaled_k) describe_parameter(p, s->in[1], s->gemm.transpose_b, out);
  snprintf(out->name, sizeof out->name, "%s %lldx%lldx%lld%s", s->scaled_k ? "outer" : "product",
           (long long)s->gemm.m, (long long)s->gemm.n, (long long)s->gemm.k, s->narrow ? " bf16" : "");
}

/* ---- the others ---- */

static const char *kind_name(pf_step_kind kind) {
  switch (kind) {
  case PF_STEP_PACK: return "pack";
  case PF_STEP_NARROW: return "narrow";
  case PF_STEP_REPEAT: return "repeat";
  case PF_STEP_SUM_ROWS: return "sum_rows";
  case PF_STEP_SUM_AXIS: return "sum_axis";
  case PF_STEP_CONCAT: return "concat";
  case PF_STEP_PAD: return "pad";
  case PF_STEP_GATHER: return "gather";
  case PF_STEP_NORMAL: return "normal";
  case PF_STEP_UNIFORM: return "uniform";
  case PF_STEP_INDEX: return "index";
  case PF_STEP_ROW_WEIGHT: return "row_weight";
  default: return "step";
  }
}

static bool is_random(pf_step_kind kind) {
  return kind == PF_STEP_NORMAL || kind == PF_STEP_UNIFORM || kind == PF_STEP_INDEX;
}

static void describe_other(const pf_program *p, const pf_step *s, pf_profile_entry *out) {
  const pf_value *made = &p->value[s->out];
  double read = 0;
  for (int k = 0; k < PF_MAX_OPERANDS && !is_random(s->kind); k++) read += bytes_of(p, s->in[k]);
  if (s->kind == PF_STEP_SUM_ROWS || s->kind == PF_STEP_SUM_AXIS) out->flops = elements(p, s->in[0]);
  if (s->kind == PF_STEP_GATHER) read = bytes_of(p, s->in[1]) + bytes_of(p, s->out); /* not the whole table */
  out->bytes = read + bytes_of(p, s->out);
  long long rows = span_rows(p, made->span), columns = made->items;
  if (s->kind == PF_STEP_PACK) {
    rows = s->gemm.k;
    columns = s->gemm.n;
    describe_parameter(p, s->in[0], s->gemm.transpose_b, out);
  }
  snprintf(out->name, sizeof out->name, "%s %lldx%lld%s", kind_name(s->kind), rows, columns,
           s->narrow ? " bf16" : "");
}

void pf_step_describe(const pf_program *program, const pf_step *step, pf_profile_entry *out) {
  out->param_set = out->output = -1;
  out->narrow = step->narrow;
  if (step->kind == PF_STEP_GROUP)
    describe_group(program, &program->group[step->group], out);
  else if (step->kind == PF_STEP_GEMM)
    describe_product(program, step, out);
  else
    describe_other(program, step, out);
}
