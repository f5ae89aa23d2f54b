/* The steps that are neither groups nor contractions: sums that did not fold, copies, gathers, random fills.
 *
 * Rows of a value are the tile's rows times its leading item axes where an operation works on the last axis alone.
 */
#include "plan.h"

#include <math.h>
#include <string.h>

#include "../../base/canary.h"
#include "../../base/cpu.h"
#include "../../base/rng.h"
#include "lines.h"
#include "profile.h"

enum { WIDE_COLUMNS = 8 };

static int64_t rows_of(const pf_execution *at, int32_t value) {
  return pf_span_rows(at, at->program->value[value].span);
}

bool pf_sum_goes_on(const pf_execution *at, int32_t value, bool after_others) {
  const bool later_tile = at->program->value[value].base == PF_BASE_OUTPUT && !at->first_tile;
  return PF_CANARY(SUM_JOINS, after_others, false) || PF_CANARY(TILE_SUM, later_tile, false);
}

void pf_sum_round(const double *sums, int64_t n, bool goes_on, float *out) {
  for (int64_t c = 0; c < n; c++) out[c] = goes_on ? out[c] + (float)sums[c] : (float)sums[c];
}

/* size: items. Same order of additions as a folded sum. */
static void sum_rows(const pf_execution *at, const pf_step *s) {
  const int64_t items = s->size[0], rows = rows_of(at, s->in[0]);
  float *out = at->pointer[s->out];
  const float *x = at->pointer[s->in[0]];
  const bool goes_on = pf_sum_goes_on(at, s->out, s->in[2] == s->out);
  if (items < WIDE_COLUMNS) {
    double sums[WIDE_COLUMNS] = {0};
    pf_kernel_add_rows_wide((size_t)rows, (size_t)items, x, sums);
    pf_sum_round(sums, items, goes_on, out);
  } else {
    if (!goes_on) memset(out, 0, (size_t)items * sizeof *out);
    pf_kernel_add_rows((size_t)rows, (size_t)items, x, out);
  }
}

/* size: outer, length, inner */
static void sum_axis(const pf_execution *at, const pf_step *s) {
  const int64_t outer = s->size[0] * rows_of(at, s->out), length = s->size[1], inner = s->size[2];
  float *out = at->pointer[s->out];
  const float *x = at->pointer[s->in[0]];
  if (inner == 1) {
    pf_kernel_sum_columns((size_t)outer, (size_t)length, x, out);
    return;
  }
  memset(out, 0, (size_t)(outer * inner) * sizeof *out);
  for (int64_t o = 0; o < outer; o++)
    pf_kernel_add_rows((size_t)length, (size_t)inner, x + o * length * inner, out + o * inner);
}

/* size: leading items, width of the left, width of the right */
static void concat(const pf_execution *at, const pf_step *s) {
  const int64_t rows = rows_of(at, s->out), lead = s->size[0], width = s->size[1] + s->size[2];
  float *out = at->pointer[s->out];
  for (int k = 0; k < 2; out += s->size[1 + k], k++) {
    const int64_t w = s->size[1 + k];
    const float *from = at->pointer[s->in[k]];
    if (at->program->value[s->in[k]].span == PF_PER_ROW)
      pf_lines_copy(rows * lead, w, from, w, out, width);
    else
      for (int64_t r = 0; r < rows; r++) pf_lines_copy(lead, w, from, w, out + r * lead * width, width);
  }
}

/* size: leading items, width of the operand, zeros before */
static void pad(const pf_execution *at, const pf_step *s) {
  const int64_t rows = rows_of(at, s->out) * s->size[0], w = s->size[1];
  const int64_t width = at->program->value[s->out].items / s->size[0];
  float *out = at->pointer[s->out];
  const float *from = at->pointer[s->in[0]];
  memset(out, 0, (size_t)(rows * width) * sizeof *out);
  pf_lines_copy(rows, w, from, w, out + s->size[2], width);
}

/* The rows of a table that is larger than the caches arrive side by side, not one after the other. */
static void fetch_rows(const float *table, int64_t n, int64_t d, const float *index, int64_t stride,
                       int64_t rows) {
  for (int64_t r = 0; r < rows; r++) {
    const float i = index[r * stride];
    if (i >= 0.0f && i < (float)n) __builtin_prefetch(table + (int64_t)i * d);
  }
}

/* Rows of d floats. An index outside of the table gives NaN. */
PF_INLINE void copy_rows(int64_t n, int64_t d, const float *table, const float *index, int64_t stride,
                         int64_t rows, float *out) {
  for (int64_t r = 0; r < rows; r++, out += d) {
    const float i = index[r * stride];
    if (i >= 0.0f && i < (float)n)
      memcpy(out, table + (int64_t)i * d, (size_t)d * sizeof *out);
    else
      for (int64_t c = 0; c < d; c++) out[c] = NAN;
  }
}

/* size: rows of the table, its width */
static void gather(const pf_execution *at, const pf_step *s) {
  const int64_t n = s->size[0], d = s->size[1], rows = rows_of(at, s->out);
  const int64_t stride = at->program->value[s->in[1]].span == PF_PER_ROW ? 1 : 0;
  const float *table = at->pointer[s->in[0]], *index = at->pointer[s->in[1]];
  float *out = at->pointer[s->out];
  fetch_rows(table, n, d, index, stride, rows);
  switch (d) { /* widths the compiler knows: a row is then a load and a store, not a call */
  case 1: copy_rows(n, 1, table, index, stride, rows, out); break;
  case 2: copy_rows(n, 2, table, index, stride, rows, out); break;
  case 3: copy_rows(n, 3, table, index, stride, rows, out); break;
  case 4: copy_rows(n, 4, table, index, stride, rows, out); break;
  case 8: copy_rows(n, 8, table, index, stride, rows, out); break;
  default: copy_rows(n, d, table, index, stride, rows, out);
  }
}

static void repeat(const pf_execution *at, const pf_step *s) {
  float *out = at->pointer[s->out];
  for (int64_t r = 0; r < rows_of(at, s->out); r++)
    memcpy(out + r * s->size[0], at->pointer[s->in[0]], (size_t)s->size[0] * sizeof *out);
}

static void row_weight(const pf_execution *at, const pf_step *s) {
  float *out = at->pointer[s->out];
  for (int64_t r = 0; r < rows_of(at, s->out); r++) out[r] = r < at->valid ? 1.0f : 0.0f;
}

/* size: columns, stream, bound */
static void fill_random(const pf_execution *at, const pf_step *s) {
  const pf_run *run = at->run;
  const uint32_t stream = (uint32_t)(PF_STREAM_GRAPH + s->size[1]);
  const uint64_t row0 = (uint64_t)(run->first_row + at->row);
  const size_t rows = (size_t)rows_of(at, s->out), columns = (size_t)s->size[0];
  float *out = at->pointer[s->out];
  if (s->kind == PF_STEP_NORMAL) pf_fill_normal_f32(run->seed, stream, run->step, row0, rows, columns, out);
  if (s->kind == PF_STEP_UNIFORM) pf_fill_uniform_f32(run->seed, stream, run->step, row0, rows, columns, out);
  if (s->kind == PF_STEP_INDEX)
    pf_fill_index_f32(run->seed, stream, run->step, row0, rows, (uint32_t)s->size[2], out);
}

static void multiply_narrow(const pf_execution *at, const pf_step *s, const float *start, int64_t stride) {
  const pf_gemm_bf16_operands o = {.a = (const uint16_t *)at->pointer[s->in[0]],
                                   .b = (const uint16_t *)at->pointer[s->in[1]],
                                   .start = start,
                                   .start_stride = stride,
                                   .c = at->pointer[s->out]};
  pf_gemm_bf16_run(at->program->narrow_kernels, &s->gemm, &o, at->scratch);
}

static void multiply(const pf_execution *at, const pf_step *s) {
  pf_gemm_operands o = {
      .a = at->pointer[s->in[0]], .b = at->pointer[s->in[1]], .packed = s->packed, .c = at->pointer[s->out]};
  if (s->in[2] >= 0 && s->in[2] != s->out) {
    o.start = at->pointer[s->in[2]];
    o.start_stride = at->program->value[s->in[2]].span == PF_PER_ROW ? s->gemm.n : 0;
  } else if (pf_sum_goes_on(at, s->out, s->in[2] == s->out)) {
    o.start = o.c;
    o.start_stride = s->gemm.n;
  }
  if (s->narrow)
    multiply_narrow(at, s, o.start, o.start_stride);
  else
    pf_gemm_run(at->program->kernels, &s->gemm, &o, at->scratch);
}

static void pack(const pf_execution *at, const pf_step *s) {
  const float *weights = at->pointer[s->in[0]];
  float *packed = at->pointer[s->out];
  if (s->narrow)
    pf_gemm_bf16_pack(&s->gemm, weights, (uint16_t *)packed);
  else
    pf_gemm_pack(at->program->kernels, &s->gemm, weights, packed);
}

/* size: items */
static void narrow(const pf_execution *at, const pf_step *s) {
  const int64_t items = s->size[0], pitch = pf_bf16_pitch(items), rows = rows_of(at, s->out);
  uint16_t *out = (uint16_t *)at->pointer[s->out];
  if (pitch != items) memset(out, 0, (size_t)(rows * pitch) * sizeof *out);
  pf_kernel_narrow((size_t)rows, (size_t)items, at->pointer[s->in[0]], out, (size_t)pitch);
}

static void run_step(const pf_execution *at, const pf_step *s) {
  switch (s->kind) {
  case PF_STEP_GROUP: pf_group_run(at, &at->program->group[s->group]); break;
  case PF_STEP_GEMM: multiply(at, s); break;
  case PF_STEP_PACK: pack(at, s); break;
  case PF_STEP_NARROW: narrow(at, s); break;
  case PF_STEP_REPEAT: repeat(at, s); break;
  case PF_STEP_SUM_ROWS: sum_rows(at, s); break;
  case PF_STEP_SUM_AXIS: sum_axis(at, s); break;
  case PF_STEP_CONCAT: concat(at, s); break;
  case PF_STEP_PAD: pad(at, s); break;
  case PF_STEP_GATHER: gather(at, s); break;
  case PF_STEP_NORMAL:
  case PF_STEP_UNIFORM:
  case PF_STEP_INDEX: fill_random(at, s); break;
  case PF_STEP_ROW_WEIGHT: row_weight(at, s); break;
  }
}

void pf_steps_run(const pf_execution *at) {
  pf_ticks *ticks = pf_section_ticks(at);
  int64_t before = ticks ? pf_cpu_ticks() : 0;
  for (int32_t i = 0; i < at->section->steps; i++) {
    run_step(at, &at->section->step[i]);
    if (ticks) before = pf_ticks_add(&ticks[i], before);
  }
}
