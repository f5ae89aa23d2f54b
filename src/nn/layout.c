/* Layouts of parameter arrays and the walks that make them: see layout.h. */
#include "layout.h"

#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"

/* Room for one more piece. */
static pf_status make_room(pf_layout *list, pf_error *error) {
  if (list->count < list->capacity) return PF_OK;
  size_t wanted = list->capacity ? 2 * (size_t)list->capacity : 16;
  PF_TRY(pf_grow(&list->items, (size_t)list->capacity, wanted, sizeof *list->items, error));
  list->capacity = (int)wanted;
  return PF_OK;
}

static pf_status list_piece(pf_walk *walk, const char *name, pf_shape shape, pf_initial initial) {
  pf_layout *list = walk->list;
  PF_TRY(make_room(list, walk->error));
  pf_parameter *item = &list->items[list->count++];
  snprintf(item->name, sizeof item->name, "%s", name);
  item->offset = walk->offset;
  item->shape = shape;
  item->initial = initial;
  return PF_OK;
}

int64_t pf_walk_piece(pf_walk *walk, const char *name, pf_shape shape, pf_initial initial) {
  if (walk->list && walk->status == PF_OK) walk->status = list_piece(walk, name, shape, initial);
  int64_t offset = walk->offset;
  walk->offset += pf_shape_items(&shape);
  return offset;
}

pf_node pf_walk_param(pf_walk *walk, const char *name, pf_shape shape, pf_initial initial) {
  int64_t offset = pf_walk_piece(walk, name, shape, initial);
  return pf_param(walk->graph, walk->set, offset, shape);
}

pf_status pf_walk_finish(pf_walk *walk, pf_layout *out) {
  if (walk->status != PF_OK) {
    pf_layout_free(walk->list);
    return walk->status;
  }
  walk->list->total = walk->offset;
  *out = *walk->list;
  return PF_OK;
}

void pf_layout_free(pf_layout *layout) {
  pf_free(layout->items);
  *layout = (pf_layout){0};
}

static pf_status append_piece(pf_layout *layout, const char *prefix, const pf_parameter *piece, int64_t at,
                              pf_error *error) {
  pf_parameter copy = *piece;
  int length = snprintf(copy.name, sizeof copy.name, "%s.%s", prefix, piece->name);
  if (length >= (int)sizeof copy.name)
    return pf_fail(error, PF_USAGE, "the piece '%s.%s' has %d letters, must be at most %d", prefix,
                   piece->name, length, (int)sizeof copy.name - 1);
  if (pf_layout_find(layout, copy.name))
    return pf_fail(error, PF_USAGE, "the layout has a piece '%s' already", copy.name);
  PF_TRY(make_room(layout, error));
  copy.offset += at;
  layout->items[layout->count++] = copy;
  return PF_OK;
}

pf_status pf_layout_append(pf_layout *layout, const char *prefix, const pf_layout *more, pf_error *error) {
  const int before = layout->count;
  for (int i = 0; i < more->count; i++) {
    pf_status status = append_piece(layout, prefix, &more->items[i], layout->total, error);
    if (status == PF_OK) continue;
    layout->count = before;
    return status;
  }
  layout->total += more->total;
  return PF_OK;
}

static void initialise_piece(const pf_parameter *item, uint64_t seed, float *values) {
  size_t n = (size_t)pf_shape_items(&item->shape);
  /* one "row" per element of the flat array: independent of how the array is cut into pieces */
  const uint64_t row = (uint64_t)item->offset;
  const float scale = (float)item->initial.scale;
  switch (item->initial.kind) {
  case PF_INIT_ZERO: memset(values, 0, n * sizeof *values); break;
  case PF_INIT_ONE:
    for (size_t k = 0; k < n; k++) values[k] = 1;
    break;
  case PF_INIT_NORMAL:
    pf_fill_normal_f32(seed, PF_STREAM_INIT, 0, row, n, 1, values);
    for (size_t k = 0; k < n; k++) values[k] *= scale;
    break;
  case PF_INIT_UNIFORM:
    pf_fill_uniform_f32(seed, PF_STREAM_INIT, 0, row, n, 1, values);
    for (size_t k = 0; k < n; k++) values[k] = (2 * values[k] - 1) * scale;
    break;
  }
}

void pf_layout_initialise(const pf_layout *layout, uint64_t seed, float *params) {
  for (int i = 0; i < layout->count; i++)
    initialise_piece(&layout->items[i], seed, params + layout->items[i].offset);
}

const pf_parameter *pf_layout_find(const pf_layout *layout, const char *name) {
  for (int i = 0; i < layout->count; i++)
    if (strcmp(layout->items[i].name, name) == 0) return &layout->items[i];
  return NULL;
}
