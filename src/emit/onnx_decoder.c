/* Decoding by standard ONNX operators in single precision.
 *
 *   standard   x = mean + scale z
 *   quantile   x = F^-1(Phi(z)). F^-1 is pieces of line in the probability u = Phi(z). So that the tails keep their relative
 *              accuracy, the pieces are written in w = Phi(-|z|), which is u on the left half and 1 - u on the right:
 *              x = value + (w - tail) slope, the piece found by bisection in z itself.
 *
 *   piece      [z from, value, tail, slope]     P  pieces of a column, a power of two, the last ones out of reach
 *
 * Phi(-a) = e^(-a^2/2) t p(t), t = 1 / (1 + .3 a): p interpolates at Chebyshev nodes for a up to 13.5, to 4.3e-9 relative.
 */
#include "onnx_decoder.h"

#include <float.h>
#include <math.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../data/encoder_normal.h"
#include "../data/encoder_quantile.h"

enum { TERMS = 10 };
static const double TAIL_RATE = 0.3;
static const double TAIL[TERMS] = {0.11968756945351995,  0.11955441549900653, 0.11038123240567055,
                                   0.07770884966592413,  0.09811377097182593, -0.08302591111698822,
                                   0.19604524251156372,  -0.2313456704658912, 0.11373804778225749,
                                   -0.020857548450199978};

/* ---- pieces of one column ---- */

typedef struct line {
  double from, value, tail, slope; /* `from` as a probability */
} line;

typedef struct lines {
  line *at;
  int64_t count;
} lines;

static void put_line(lines *all, line piece) {
  if (piece.from < 1) all->at[all->count++] = piece;
}

/* From (p, a) to (q, b), p < q; in two when it crosses one half. */
static void put_slope(lines *all, double p, double a, double q, double b) {
  const double slope = (b - a) / (q - p);
  if (p < 0.5) put_line(all, (line){p, a, p, slope});
  if (q > 0.5) put_line(all, (line){p < 0.5 ? 0.5 : p, a, 1 - p, -slope});
}

/* At most 3 lines a knot and one more. */
static void cut_column(const pf_quantile_map *map, lines *all) {
  put_line(all, (line){0, pf_lattice_round(map->x[0], map->decimals), 0, 0});
  for (int64_t k = 0; k < map->knots; k++) {
    const bool last = k + 1 == map->knots, atom = k > 0 && map->upper[k] > map->lower[k];
    if (atom || last)
      put_line(all, (line){atom ? map->lower[k] : map->upper[k], pf_lattice_round(map->x[k], map->decimals),
                           0, 0});
    if (!last && map->lower[k + 1] > map->upper[k])
      put_slope(all, map->upper[k], pf_quantile_map_left(map, k), map->lower[k + 1],
                pf_quantile_map_right(map, k + 1));
  }
}

/* ---- tables of all quantile columns ---- */

typedef struct tables {
  int columns;
  int64_t pieces;                     /* P */
  float *from, *value, *tail, *slope; /* columns x P each, one allocation */
} tables;

static void fill_row(tables *t, int row, const lines *all) {
  for (int64_t i = 0; i < t->pieces; i++) {
    const int64_t at = row * t->pieces + i;
    const bool real = i < all->count;
    const line *piece = &all->at[real ? i : all->count - 1];
    t->from[at] = real ? (float)fmin(fmax(pf_normal_quantile(piece->from), -FLT_MAX), FLT_MAX) : FLT_MAX;
    t->value[at] = (float)piece->value;
    t->tail[at] = (float)piece->tail;
    t->slope[at] = (float)PF_CANARY(ONNX_SLOPE, piece->slope, fabs(piece->slope));
  }
}

/* Cuts every quantile column into `room`; the longest row decides P. */
static void cut_columns(const pf_encoder *encoder, lines *room, int64_t *longest) {
  line *next = room[0].at;
  for (int c = 0, row = 0; c < pf_encoder_columns(encoder); c++) {
    const pf_quantile_map *map = pf_encoder_decoding(encoder, c).map;
    if (!map) continue;
    room[row] = (lines){.at = next};
    cut_column(map, &room[row]);
    next += room[row].count;
    *longest = room[row].count > *longest ? room[row].count : *longest;
    row++;
  }
}

static pf_status make_tables(const pf_encoder *encoder, tables *t, pf_error *error) {
  int64_t knots = 0, longest = 1;
  line *pieces = NULL;
  lines *rows = NULL;
  for (int c = 0; c < pf_encoder_columns(encoder); c++) {
    const pf_quantile_map *map = pf_encoder_decoding(encoder, c).map;
    t->columns += map != NULL;
    knots += map ? map->knots : 0;
  }
  PF_TRY(pf_alloc((size_t)(3 * knots + t->columns), sizeof *pieces, &pieces, error));
  pf_status status = pf_alloc((size_t)t->columns, sizeof *rows, &rows, error);
  if (status == PF_OK) {
    rows[0].at = pieces;
    cut_columns(encoder, rows, &longest);
    for (t->pieces = 1; t->pieces < longest; t->pieces *= 2) continue;
    status = pf_alloc(4 * (size_t)t->columns * (size_t)t->pieces, sizeof(float), &t->from, error);
  }
  if (status == PF_OK) {
    t->value = t->from + t->columns * t->pieces;
    t->tail = t->value + t->columns * t->pieces;
    t->slope = t->tail + t->columns * t->pieces;
    for (int row = 0; row < t->columns; row++) fill_row(t, row, &rows[row]);
  }
  pf_free(rows);
  pf_free(pieces);
  return status;
}

/* ---- nodes ---- */

static pf_onnx_name vector(pf_onnx *onnx, int64_t n, const float *values) {
  return pf_onnx_tensor(onnx, PF_ONNX_FLOAT, 1, &n, values);
}

/* Phi(-|z|) */
static pf_onnx_name tail_of(pf_onnx *onnx, pf_onnx_name z) {
  pf_onnx_name a = pf_onnx_op1(onnx, "Abs", z);
  pf_onnx_name t = pf_onnx_op2(onnx, "Mul", a, pf_onnx_scalar(onnx, (float)TAIL_RATE));
  t = pf_onnx_op1(onnx, "Reciprocal", pf_onnx_op2(onnx, "Add", t, pf_onnx_scalar(onnx, 1)));
  pf_onnx_name p = pf_onnx_scalar(onnx, (float)TAIL[TERMS - 1]);
  for (int i = TERMS - 2; i >= 0; i--)
    p = pf_onnx_op2(onnx, "Add", pf_onnx_op2(onnx, "Mul", p, t), pf_onnx_scalar(onnx, (float)TAIL[i]));
  pf_onnx_name half = pf_onnx_op2(onnx, "Mul", a, pf_onnx_scalar(onnx, -0.5f));
  pf_onnx_name e = pf_onnx_op1(onnx, "Exp", pf_onnx_op2(onnx, "Mul", half, a));
  return pf_onnx_op2(onnx, "Mul", pf_onnx_op2(onnx, "Mul", e, t), p);
}

static pf_onnx_name as_int(pf_onnx *onnx, pf_onnx_name truth, int64_t factor) {
  pf_onnx_name n = pf_onnx_op_with(onnx, "Cast", truth, pf_onnx_named(""), "to", PF_ONNX_INT64);
  return factor == 1 ? n : pf_onnx_op2(onnx, "Mul", n, pf_onnx_tensor(onnx, PF_ONNX_INT64, 0, NULL, &factor));
}

/* Where `offset` pieces behind the start of every column's row in a table lies: [columns]. `scratch`: columns integers. */
static pf_onnx_name places(pf_onnx *onnx, const tables *t, int64_t offset, int64_t *scratch) {
  const int64_t n = t->columns;
  for (int64_t c = 0; c < n; c++) scratch[c] = c * t->pieces + offset;
  return pf_onnx_tensor(onnx, PF_ONNX_INT64, 1, &n, scratch);
}

/* The number of starts, after the first piece's, at or below z: the piece, as a place in the tables. */
static pf_onnx_name find_piece(pf_onnx *onnx, const tables *t, pf_onnx_name z, int64_t *scratch) {
  pf_onnx_name from = vector(onnx, t->columns * t->pieces, t->from), count = {""};
  for (int64_t step = t->pieces / 2; step >= 1; step /= 2) {
    pf_onnx_name at = places(onnx, t, step, scratch);
    if (count.text[0]) at = pf_onnx_op2(onnx, "Add", count, at);
    pf_onnx_name above = pf_onnx_op2(onnx, "GreaterOrEqual", z, pf_onnx_op2(onnx, "Gather", from, at));
    pf_onnx_name more = as_int(onnx, above, step);
    count = count.text[0] ? pf_onnx_op2(onnx, "Add", count, more) : more;
  }
  return pf_onnx_op2(onnx, "Add", count, places(onnx, t, 0, scratch));
}

static pf_onnx_name look_up(pf_onnx *onnx, const tables *t, const float *values, const pf_onnx_name *piece) {
  pf_onnx_name table = vector(onnx, t->columns * t->pieces, values);
  return t->pieces == 1 ? table : pf_onnx_op2(onnx, "Gather", table, *piece);
}

static pf_status decode_quantiles(pf_onnx *onnx, const pf_encoder *encoder, pf_onnx_name z, pf_onnx_name *out,
                                  pf_error *error) {
  tables t = {0};
  int64_t *scratch = NULL;
  pf_status status = make_tables(encoder, &t, error);
  if (status == PF_OK) status = pf_alloc((size_t)t.columns, sizeof *scratch, &scratch, error);
  if (status == PF_OK) {
    pf_onnx_name piece = {""};
    if (t.pieces > 1) piece = find_piece(onnx, &t, z, scratch);
    pf_onnx_name way = pf_onnx_op2(onnx, "Sub", tail_of(onnx, z), look_up(onnx, &t, t.tail, &piece));
    way = pf_onnx_op2(onnx, "Mul", way, look_up(onnx, &t, t.slope, &piece));
    *out = pf_onnx_op2(onnx, "Add", look_up(onnx, &t, t.value, &piece), way);
  }
  pf_free(scratch);
  pf_free(t.from);
  return status;
}

/* ---- groups of columns ---- */

/* What the nodes read of each column, in the order of a group: [standard | quantile]. */
typedef struct group_tables {
  int standard, quantile;
  int64_t *from, *back;  /* column of a place, place of a column */
  float *first, *second; /* mean and scale of the standard ones; then, by place, power, minimum and maximum */
  float *third;
  uint8_t *flags;
} group_tables;

static void free_groups(group_tables *g) {
  pf_free(g->from);
  pf_free(g->first);
  pf_free(g->flags);
}

static pf_status make_groups(const pf_encoder *encoder, group_tables *g, pf_error *error) {
  const size_t d = (size_t)pf_encoder_columns(encoder);
  PF_TRY(pf_alloc(2 * d, sizeof *g->from, &g->from, error));
  PF_TRY(pf_alloc(3 * d, sizeof *g->first, &g->first, error));
  PF_TRY(pf_alloc(d, 1, &g->flags, error));
  g->back = g->from + d;
  g->second = g->first + d;
  g->third = g->second + d;
  int64_t place = 0;
  for (int quantile = 0; quantile < 2; quantile++)
    for (int c = 0; c < (int)d; c++) {
      if ((pf_encoder_column_kind(encoder, c) == PF_ENCODER_QUANTILE) != quantile) continue;
      g->from[place] = c;
      g->back[c] = place++;
      *(quantile ? &g->quantile : &g->standard) += 1;
    }
  return PF_OK;
}

/* The columns of one group alone. */
static pf_onnx_name pick(pf_onnx *onnx, pf_onnx_name all, int64_t count, const int64_t *from) {
  pf_onnx_name index = pf_onnx_tensor(onnx, PF_ONNX_INT64, 1, &count, from);
  return pf_onnx_op_with(onnx, "Gather", all, index, "axis", 1);
}

static pf_onnx_name decode_standard(pf_onnx *onnx, const pf_encoder *encoder, const group_tables *g,
                                    pf_onnx_name z) {
  for (int i = 0; i < g->standard; i++) {
    const pf_decoding column = pf_encoder_decoding(encoder, (int)g->from[i]);
    g->first[i] = (float)column.mean;
    g->second[i] = (float)column.scale;
  }
  pf_onnx_name scaled = pf_onnx_op2(onnx, "Mul", z, vector(onnx, g->standard, g->second));
  return pf_onnx_op2(onnx, "Add", scaled, vector(onnx, g->standard, g->first));
}

/* Rounded to the lattices of the columns that have one; x is in the table's order. */
static pf_onnx_name round_lattices(pf_onnx *onnx, const pf_encoder *encoder, const group_tables *g,
                                   pf_onnx_name x) {
  const int64_t d = pf_encoder_columns(encoder);
  bool any = false;
  for (int c = 0; c < d; c++) {
    const int decimals = pf_encoder_decoding(encoder, c).decimals;
    g->flags[c] = decimals >= 0;
    g->first[c] = decimals > 0 ? (float)pow(10, decimals) : 1;
    any |= decimals >= 0;
  }
  if (!any) return x;
  pf_onnx_name power = vector(onnx, d, g->first);
  pf_onnx_name rounded = pf_onnx_op1(onnx, "Round", pf_onnx_op2(onnx, "Mul", x, power));
  rounded = pf_onnx_op2(onnx, "Div", rounded, power);
  return pf_onnx_op3(onnx, "Where", pf_onnx_tensor(onnx, PF_ONNX_BOOL, 1, &d, g->flags), rounded, x);
}

/* Quantile columns stay inside the training values. */
static pf_onnx_name clamp(pf_onnx *onnx, const pf_encoder *encoder, const group_tables *g, pf_onnx_name x) {
  const int64_t d = pf_encoder_columns(encoder);
  if (!g->quantile) return x;
  for (int c = 0; c < d; c++) {
    const pf_decoding column = pf_encoder_decoding(encoder, c);
    g->second[c] = column.map ? (float)column.minimum : -FLT_MAX;
    g->third[c] = column.map ? (float)column.maximum : FLT_MAX;
  }
  x = pf_onnx_op2(onnx, "Max", x, vector(onnx, d, g->second));
  return pf_onnx_op2(onnx, "Min", x, vector(onnx, d, g->third));
}

static pf_status decode_groups(pf_onnx *onnx, const pf_encoder *encoder, const group_tables *g,
                               pf_onnx_name encoded, pf_onnx_name *out, pf_error *error) {
  const bool both = g->standard && g->quantile;
  pf_onnx_name standard = {""}, quantile = {""};
  if (g->standard)
    standard = decode_standard(onnx, encoder, g, both ? pick(onnx, encoded, g->standard, g->from) : encoded);
  if (g->quantile) {
    pf_onnx_name z = both ? pick(onnx, encoded, g->quantile, g->from + g->standard) : encoded;
    PF_TRY(decode_quantiles(onnx, encoder, z, &quantile, error));
  }
  pf_onnx_name x = g->standard ? standard : quantile;
  if (both) {
    x = pf_onnx_op_with(onnx, "Concat", standard, quantile, "axis", 1);
    x = pick(onnx, x, pf_encoder_columns(encoder), g->back);
  }
  *out = clamp(onnx, encoder, g, round_lattices(onnx, encoder, g, x));
  return PF_OK;
}

pf_status pf_onnx_decode(pf_onnx *onnx, const pf_encoder *encoder, pf_onnx_name encoded, pf_onnx_name *out,
                         pf_error *error) {
  group_tables g = {0};
  pf_status status = make_groups(encoder, &g, error);
  if (status == PF_OK) status = decode_groups(onnx, encoder, &g, encoded, out, error);
  free_groups(&g);
  return status;
}
