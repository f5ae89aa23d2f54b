/* Running a group: the element space (rows x items) in blocks, each block through every instruction. */
#include "plan.h"

#include <string.h>

#include "../../base/cpu.h"

enum { WIDE_COLUMNS = 8 /* below this a sum over rows runs in double */ };

/* A block: `rows` whole rows from `row`, or `n` elements of one row from `column`. */
typedef struct span {
  int64_t row, rows, column, n;
} span;

/* Rows of n floats, each a line of memory or one float repeated (stride 0). */
PF_INLINE void copy_lines(int64_t rows, int64_t row_stride, int64_t n, int64_t stride, const float *from,
                          float *out) {
  for (int64_t r = 0; r < rows; r++, from += row_stride, out += n)
    for (int64_t l = 0; l < n; l++) out[l] = from[l * stride];
}

/* The same, with loops of their own for the columns of data and of features of time. */
static void expand_lines(int64_t rows, int64_t row_stride, int64_t n, int64_t stride, const float *from,
                         float *out) {
#define LINES(n)                                                                                             \
  case 2 * (n): copy_lines(rows, row_stride, n, 0, from, out); return;                                       \
  case 2 * (n) + 1: copy_lines(rows, row_stride, n, 1, from, out); return
  switch (2 * n + stride) {
    LINES(1);
    LINES(2);
    LINES(3);
    LINES(4);
    LINES(8);
    LINES(16);
  }
#undef LINES
  copy_lines(rows, row_stride, n, stride, from, out);
}

/* The part of a value a block sees, repeated as the view says, into contiguous floats. */
PF_MULTIVERSION static void expand(const pf_group *g, const pf_view *view, const float *from, const span *at,
                                   float *out) {
  from += view->offset + at->row * view->row_stride;
  if (g->block_rows == 0) { /* views of a chunk are contiguous or constant along the row */
    if (view->stride[PF_MAX_AXES - 1] == 0 && view->stride[0] == 0 && view->stride[1] == 0)
      pf_kernel_fill((size_t)at->n, from[0], out);
    else
      memcpy(out, from + at->column, (size_t)at->n * sizeof *out);
    return;
  }
  const int64_t n = view->dim[2];
  if (view->dim[0] == 1 && view->dim[1] == 1 && view->stride[2] <= 1) {
    expand_lines(at->rows, view->row_stride, n, view->stride[2], from, out);
    return;
  }
  for (int64_t r = 0; r < at->rows; r++, from += view->row_stride)
    for (int64_t i = 0; i < view->dim[0]; i++)
      for (int64_t j = 0; j < view->dim[1]; j++, out += n) {
        const float *line = from + i * view->stride[0] + j * view->stride[1];
        if (view->stride[2] == 0)
          PF_INDEPENDENT for (int64_t l = 0; l < n; l++) out[l] = line[0];
        else
          PF_INDEPENDENT for (int64_t l = 0; l < n; l++) out[l] = line[l];
      }
}

/* Registers that do not move, and the blocks that are the same throughout. */
static void begin_group(const pf_execution *at, const pf_group *g) {
  const span first = {.rows = g->block_rows, .n = g->block};
  for (int32_t i = 0; i < g->regs; i++) {
    const pf_reg *reg = &g->reg[i];
    float *block = at->blocks + reg->slot * g->block;
    if (reg->kind == PF_REG_TEMP || reg->kind == PF_REG_ONCE) at->reg[i] = block;
    if (reg->kind == PF_REG_SCALAR) at->reg[i] = at->pointer[reg->value] + reg->view.offset;
    if (reg->kind == PF_REG_ONCE) expand(g, &reg->view, at->pointer[reg->value], &first, block);
  }
  for (int32_t i = 0; i < g->instructions; i++) {
    const pf_instruction *in = &g->instruction[i];
    if (in->kind == PF_NARROW && pf_bf16_pitch(g->items) != g->items)
      memset(at->pointer[in->value], 0,
             (size_t)(pf_span_rows(at, g->span) * pf_bf16_pitch(g->items)) * sizeof(uint16_t));
    if (in->kind != PF_FOLD_ROWS) continue;
    if (in->accumulator >= 0)
      memset(at->blocks + in->accumulator * g->block, 0, WIDE_COLUMNS * sizeof(double));
    else if (!pf_sum_goes_on(at, in->value, in->goes_on))
      memset(at->pointer[in->value], 0, (size_t)g->items * sizeof(float));
  }
}

static void run_instruction(const pf_execution *at, const pf_group *g, const pf_instruction *in,
                            const span *s) {
  const float *a = in->operand[0] >= 0 ? at->reg[in->operand[0]] : NULL;
  /* registers are const for readers; an `out` register is arena or scratch memory of this lane */
  float *out = in->out >= 0 ? (float *)(uintptr_t)at->reg[in->out] : NULL;
  switch (in->kind) {
  case PF_RUN_KERNEL: {
    const float *b = in->operand[1] >= 0 ? at->reg[in->operand[1]] : NULL;
    const float *c = in->operand[2] >= 0 ? at->reg[in->operand[2]] : NULL;
    pf_kernel_run(in->kernel, (size_t)s->n, a, b, c, out);
    break;
  }
  case PF_RUN_PAIR:
    pf_kernel_run_pair(in->pair, (size_t)s->n, a, out, (float *)(uintptr_t)at->reg[in->second]);
    break;
  case PF_EXPAND: {
    const pf_reg *reg = &g->reg[in->out];
    expand(g, &reg->view, at->pointer[reg->value], s, out);
    break;
  }
  case PF_NARROW: {
    const int64_t pitch = pf_bf16_pitch(g->items), width = g->block_rows == 0 ? s->n : g->items;
    uint16_t *to = (uint16_t *)at->pointer[in->value] + s->row * pitch + s->column;
    pf_kernel_narrow((size_t)s->rows, (size_t)width, a, to, (size_t)pitch);
    break;
  }
  case PF_FOLD_ROWS:
    if (in->accumulator >= 0)
      pf_kernel_add_rows_wide((size_t)s->rows, (size_t)g->items, a,
                              (double *)(at->blocks + in->accumulator * g->block));
    else
      pf_kernel_add_rows((size_t)s->rows, (size_t)g->items, a, at->pointer[in->value]);
    break;
  case PF_FOLD_COLUMNS: {
    int64_t outer = g->items / in->columns;
    pf_kernel_sum_columns((size_t)(s->rows * outer), (size_t)in->columns, a,
                          at->pointer[in->value] + s->row * outer);
    break;
  }
  }
}

static void run_block(const pf_execution *at, const pf_group *g, const span *s) {
  for (int32_t i = 0; i < g->regs; i++) {
    const pf_reg *reg = &g->reg[i];
    if (reg->kind == PF_REG_DIRECT)
      at->reg[i] = at->pointer[reg->value] + reg->view.offset + s->row * reg->view.row_stride + s->column;
  }
  for (int32_t i = 0; i < g->instructions; i++) run_instruction(at, g, &g->instruction[i], s);
}

/* Wide sums are rounded once, at the end. */
static void end_group(const pf_execution *at, const pf_group *g) {
  for (int32_t i = 0; i < g->instructions; i++) {
    const pf_instruction *in = &g->instruction[i];
    if (in->kind != PF_FOLD_ROWS || in->accumulator < 0) continue;
    const double *sums = (const double *)(at->blocks + in->accumulator * g->block);
    pf_sum_round(sums, g->items, pf_sum_goes_on(at, in->value, in->goes_on), at->pointer[in->value]);
  }
}

void pf_group_run(const pf_execution *at, const pf_group *g) {
  const int64_t rows = pf_span_rows(at, g->span);
  begin_group(at, g);
  if (g->block_rows > 0) {
    for (int64_t r = 0; r < rows; r += g->block_rows) {
      int64_t take = rows - r < g->block_rows ? rows - r : g->block_rows;
      run_block(at, g, &(span){.row = r, .rows = take, .n = take * g->items});
    }
  } else {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < g->items; c += g->block) {
        int64_t take = g->items - c < g->block ? g->items - c : g->block;
        run_block(at, g, &(span){.row = r, .rows = 1, .column = c, .n = take});
      }
  }
  end_group(at, g);
}
