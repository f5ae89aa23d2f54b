/* Where every value lives. A slot is taken from the step that defines the value to the last one that reads it; slots are
 * placed one after the other, in order of definition, into the lowest gap that is free for that long.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "../../base/memory.h"

enum { FLOATS_PER_LINE = PF_ALIGN / sizeof(float), DEFAULT_ROWS = 128, TILE_STEP = PF_BF16_STEP };
static const int64_t arena_budget = 1 << 22; /* bytes of one lane's rows */

typedef struct slot {
  int64_t offset, size;
  int32_t first, last, value;
} slot;

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

static int compare_slots(const void *left, const void *right) {
  const slot *a = left, *b = right;
  if (a->first != b->first) return a->first < b->first ? -1 : 1;
  return a->value < b->value ? -1 : a->value > b->value;
}

/* Batch inputs keep their padded copy for the whole tile; SHARED values outlive their section. */
static int32_t list_slots(const pf_program *p, pf_base base, int64_t tile_rows, slot *slots) {
  int32_t n = 0;
  for (int32_t i = 0; i < p->values; i++) {
    const pf_value *v = &p->value[i];
    bool input = base == PF_BASE_LANE && v->base == PF_BASE_ROWS;
    if (v->base != base && !input) continue;
    bool pinned = input || base == PF_BASE_SHARED;
    const int64_t row = v->narrow ? pf_bf16_pitch(v->items) / 2 : v->items;
    slots[n++] = (slot){.size = round_up(row * (v->span == PF_PER_ROW ? tile_rows : 1), FLOATS_PER_LINE),
                        .first = pinned ? 0 : v->first,
                        .last = pinned ? INT32_MAX : v->last,
                        .value = i};
  }
  qsort(slots, (size_t)n, sizeof *slots, compare_slots);
  return n;
}

/* `live` holds the slots in use, by offset. Returns the new count. */
static int32_t place(slot *live, int32_t n, slot *s) {
  int32_t kept = 0;
  for (int32_t i = 0; i < n; i++)
    if (live[i].last >= s->first) live[kept++] = live[i];
  int32_t at = 0;
  s->offset = 0;
  while (at < kept && live[at].offset < s->offset + s->size) {
    s->offset = live[at].offset + live[at].size;
    at++;
  }
  memmove(live + at + 1, live + at, (size_t)(kept - at) * sizeof *live);
  live[at] = *s;
  return kept + 1;
}

/* Offsets of all values of one arena; *floats is its size. */
static pf_status assign_slots(pf_program *p, pf_base base, int64_t tile_rows, int64_t *floats,
                              pf_error *error) {
  slot *slots = NULL;
  PF_TRY(pf_alloc(2 * (size_t)p->values + 1, sizeof *slots, &slots, error));
  slot *live = slots + p->values;
  const int32_t n = list_slots(p, base, tile_rows, slots);
  int32_t in_use = 0;
  *floats = 0;
  for (int32_t i = 0; i < n; i++) {
    in_use = place(live, in_use, &slots[i]);
    p->value[slots[i].value].offset = slots[i].offset;
    if (slots[i].offset + slots[i].size > *floats) *floats = slots[i].offset + slots[i].size;
  }
  pf_free(slots);
  return PF_OK;
}

static size_t add_part(size_t *bytes, int64_t part) {
  size_t at = *bytes;
  *bytes = (size_t)round_up((int64_t)at + part, PF_ALIGN);
  return at;
}

/* Sizes of the products, now that the tile is known; returns the scratch that the largest one needs. */
static size_t size_products(pf_program *p, pf_section *section) {
  size_t most = 0;
  for (int32_t i = 0; i < section->steps; i++) {
    pf_step *step = &section->step[i];
    if (step->kind != PF_STEP_GEMM) continue;
    pf_gemm_shape *shape = &step->gemm;
    if (step->scaled_m) shape->m *= p->tile_rows;
    if (step->scaled_k) shape->k *= p->tile_rows;
    if (step->scaled_m || step->scaled_k)
      p->stats.flops_per_row += 2.0 * (double)shape->m * (double)shape->n * (double)shape->k / p->tile_rows;
    const size_t bytes =
        step->narrow ? pf_gemm_bf16_scratch_bytes(shape) : pf_gemm_scratch_bytes(p->kernels, shape);
    if (bytes > most) most = bytes;
  }
  return most;
}

static void layout_section(pf_program *p, pf_section *section, int64_t arena_floats) {
  int64_t regs = 0, blocks = 0;
  for (int32_t i = 0; i < section->steps; i++) {
    if (section->step[i].kind != PF_STEP_GROUP) continue;
    const pf_group *g = &p->group[section->step[i].group];
    if (g->regs > regs) regs = g->regs;
    if (g->slots * g->block > blocks) blocks = g->slots * g->block;
  }
  const size_t scratch = size_products(p, section);
  section->bytes = 0;
  add_part(&section->bytes, p->values * (int64_t)sizeof(float *));
  section->reg_pointers = add_part(&section->bytes, regs * (int64_t)sizeof(float *));
  section->arena = add_part(&section->bytes, arena_floats * (int64_t)sizeof(float));
  section->blocks = add_part(&section->bytes, blocks * (int64_t)sizeof(float));
  section->scratch = add_part(&section->bytes, (int64_t)scratch);
}

/* As few tiles as the budget allows, all of one height. */
static pf_status choose_tile(pf_program *p, int64_t max_rows, pf_error *error) {
  int64_t one, two;
  if (max_rows <= 0) max_rows = DEFAULT_ROWS;
  PF_TRY(assign_slots(p, PF_BASE_LANE, TILE_STEP, &one, error));
  PF_TRY(assign_slots(p, PF_BASE_LANE, 2 * TILE_STEP, &two, error));
  const int64_t row_bytes = (two - one) * (int64_t)sizeof(float) / TILE_STEP + 1;
  int64_t most = arena_budget / row_bytes / TILE_STEP * TILE_STEP;
  if (most < TILE_STEP) most = TILE_STEP;
  const int64_t tiles = (max_rows + most - 1) / most;
  p->tile_rows = (int)round_up((max_rows + tiles - 1) / tiles, TILE_STEP);
  return PF_OK;
}

pf_status pf_arena_layout(pf_program *p, const pf_program_options *options, pf_error *error) {
  int64_t shared, lane;
  p->tile_rows = options->tile_rows;
  if (options->tile_rows == 0) PF_TRY(choose_tile(p, options->max_rows, error));
  PF_TRY(assign_slots(p, PF_BASE_SHARED, 1, &shared, error));
  PF_TRY(assign_slots(p, PF_BASE_LANE, p->tile_rows, &lane, error));
  p->stats.arena_bytes = (size_t)lane * sizeof(float);
  layout_section(p, &p->shared, shared);
  layout_section(p, &p->lane, lane);
  return PF_OK;
}
