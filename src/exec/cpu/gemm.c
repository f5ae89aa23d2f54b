/* Matrix products: how the operands are cut into tiles.
 *
 *   A of k so much at a time that a panel of B stays in the first-level cache, or next to it, while the tiles of C below
 *   each other pass over it; a narrow B stays there whole, and then the rows of A do the passing.
 *
 * Rows of A are read where they are. A transposed A (sums over rows) is read by columns: where its rows are long it is
 * first copied into slivers, since lines a power of two apart share few places of the cache.
 */
#include "gemm.h"

#include <string.h>

#include "../../base/canary.h"
#include "../../base/cpu.h"
#include "gemm_classes.h"
#include "gemm_few.h"
#include "lines.h"

enum {
  PANEL = 8192,     /* floats of a panel: what one pass takes of k */
  NARROW = 6144,    /* floats of a B that stays in the first-level cache beside the rest */
  LONG_ROW = 96,    /* floats of a transposed A's row from which slivers pay, */
  FEW_COLUMNS = 32, /* unless B has no more columns than these */
  MAX_COLUMNS = 64, /* of any tile */
  FEW_ROWS = 2,     /* of a last tile that shares */
  FAR = 49152       /* floats of an operand from which tiles ask ahead */
};

int pf_gemm_available(const pf_gemm_kernels *out[PF_GEMM_CLASSES]) {
  static const pf_gemm_kernels *const known[] = {PF_X86(&pf_gemm_kernels_v4, &pf_gemm_kernels_v3, ) &
                                                 pf_gemm_kernels_plain};
  int n = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (pf_cpu_runs(known[i]->name)) out[n++] = known[i];
  return n;
}

const pf_gemm_kernels *pf_gemm_best(void) {
  const pf_gemm_kernels *available[PF_GEMM_CLASSES];
  pf_gemm_available(available);
  return available[0];
}

/* How m rows are cut into tiles: so many whole ones, then up to two low ones. One or two rows alone would wait for their own
 * sums: they share theirs with those of the tile above. */
typedef struct cut {
  int64_t whole, low[2];
} cut;

static cut cut_rows(int64_t m, int64_t high) {
  const int64_t whole = m / high, rest = m % high;
  if (whole == 0 || rest == 0 || rest > FEW_ROWS) return (cut){.whole = whole, .low = {rest}};
  return (cut){.whole = whole - 1, .low = {(high + rest + 1) / 2, (high + rest) / 2}};
}

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- packing ---- */

/* A panel's columns of op(B), `first` and those after it, rows begin .. begin + k - 1, as k lines; zeros past column n. */
static void pack_panel(const pf_gemm_kernels *kernels, const pf_gemm_shape *s, const float *b, int64_t begin,
                       int64_t k, int64_t first, float *panel) {
  const int64_t width = kernels->columns, real = least(width, s->n - first);
  if (real < width) memset(panel, 0, (size_t)(k * width) * sizeof *panel);
  if (s->transpose_b)
    kernels->turn(b + first * s->k + begin, s->k, real, k, width, panel);
  else
    pf_lines_copy(k, real, b + begin * s->n + first, s->n, panel, width);
}

bool pf_gemm_packs(const pf_gemm_shape *s) { return !pf_gemm_few_fits(s); }

int64_t pf_gemm_packed_floats(const pf_gemm_kernels *kernels, const pf_gemm_shape *s) {
  return round_up(s->n, kernels->columns) * s->k;
}

void pf_gemm_pack(const pf_gemm_kernels *kernels, const pf_gemm_shape *s, const float *b, float *packed) {
  for (int64_t j = 0; j < s->n; j += kernels->columns)
    pack_panel(kernels, s, b, 0, s->k, j, packed + j * s->k);
}

/* Rows of a transposed A as slivers: sliver i holds its `rows` columns as k lines. A few rows at a time: lines a power of two
 * apart would drive each other out of the cache before the next sliver reads on in them. */
static void pack_slivers(const float *a, int64_t k, int64_t m, int64_t rows, float *slivers) {
  const cut tiles = cut_rows(m, rows);
  for (int64_t begin = 0; begin < k; begin += PF_CACHE_LINE) {
    const int64_t lines = least(PF_CACHE_LINE, k - begin),
                  share = lines * rows; /* a sliver's, of the rows to come */
    for (int64_t i = 0, t = 0, take; i < m; i += take, t++) {
      if (begin + 2 * PF_CACHE_LINE <= k) pf_lines_ask(a + (begin + PF_CACHE_LINE) * m + t * share, share);
      take = t < tiles.whole ? rows : tiles.low[t - tiles.whole];
      pf_lines_copy(lines, take, a + begin * m + i, m, slivers + i * k + begin * take, take);
    }
  }
}

/* ---- running ---- */

/* A call, and the part of k that runs. */
typedef struct product {
  const pf_gemm_kernels *kernels;
  const pf_gemm_shape *shape;
  const pf_gemm_operands *operands;
  int64_t begin, depth;
  const float *a; /* transposed A: where row `begin` starts, or the slivers */
  bool slivers;
  float *panel; /* scratch for one panel */
} product;

/* How much of k one pass takes. */
static int64_t depth_of(const pf_gemm_kernels *kernels, int64_t left) {
  return least(left, PANEL / kernels->columns);
}

static bool wants_slivers(const pf_gemm_shape *s) {
  return s->transpose_a && s->m >= LONG_ROW && s->n > FEW_COLUMNS;
}

size_t pf_gemm_scratch_bytes(const pf_gemm_kernels *kernels, const pf_gemm_shape *s) {
  if (pf_gemm_few_fits(s)) return pf_gemm_few_scratch_bytes(s);
  const int64_t depth = depth_of(kernels, s->k), columns = round_up(s->n, kernels->columns);
  const int64_t panels = depth * columns <= NARROW ? columns : kernels->columns;
  return (size_t)(round_up(panels * depth, PF_CACHE_LINE) + (wants_slivers(s) ? depth * s->m : 0)) *
         sizeof(float);
}

/* One tile through a buffer: fewer columns than the kernel's vectors hold. */
static void run_edge(pf_tile_kernel *kernel, pf_tile tile, int64_t rows, int64_t real, int64_t columns) {
  float c[PF_GEMM_MAX_ROWS * MAX_COLUMNS];
  float *const out = tile.c;
  const ptrdiff_t stride = tile.c_stride;
  for (int64_t i = 0; tile.start && i < rows; i++)
    memcpy(c + i * columns, tile.start + i * tile.start_stride, (size_t)real * sizeof *c);
  for (int64_t i = 0; tile.start && i < rows; i++)
    memset(c + i * columns + real, 0, (size_t)(columns - real) * sizeof *c);
  if (tile.start) tile.start = c;
  tile.start_stride = tile.c_stride = columns;
  tile.c = c;
  tile.tiles = 1;
  kernel(&tile);
  for (int64_t i = 0; i < rows; i++) memcpy(out + i * stride, c + i * columns, (size_t)real * sizeof *c);
}

/* The tile below the last one of `t`, which are `rows` high. */
static void go_below(pf_tile *t, int64_t rows) {
  t->a += t->tiles * t->a_tile;
  t->c += t->tiles * rows * t->c_stride;
  if (t->start) t->start += t->tiles * rows * t->start_stride;
}

/* Where B is read: a panel's first line, from line to line, and from panel to panel. */
typedef struct panels {
  const float *at;
  ptrdiff_t stride, next;
} panels;

/* So many tiles of so many rows, those from t on; leaves t at the tile below them. */
static void run_tiles(const product *p, pf_tile *t, int64_t tiles, int64_t rows, int64_t real) {
  const int64_t columns = p->kernels->columns;
  const bool by_columns = p->shape->transpose_a;
  pf_tile_kernel *kernel = by_columns ? p->kernels->by_columns[rows] : p->kernels->by_rows[rows];
  t->a_tile = rows * (p->slivers ? p->depth : by_columns ? 1 : t->a_stride);
  if (real >= columns) {
    t->tiles = tiles;
    kernel(t);
    go_below(t, rows);
    return;
  }
  t->tiles = 1;
  for (; tiles > 0; tiles--, go_below(t, rows)) run_edge(kernel, *t, rows, real, columns);
}

/* The columns of `count` panels from column j on. */
static void run_panels(const product *p, int64_t j, const panels *b, int64_t count, pf_tile_ahead ahead) {
  const pf_gemm_shape *s = p->shape;
  const pf_gemm_operands *o = p->operands;
  const int64_t high = p->kernels->rows, stored = s->transpose_a ? s->m : s->k;
  const cut tiles = cut_rows(s->m, high);
  pf_tile tile = {.k = p->depth,
                  .a = p->a,
                  .a_stride = p->slivers ? high : stored,
                  .b = b->at,
                  .b_stride = b->stride,
                  .panels = count,
                  .b_panel = b->next,
                  .c = o->c + j,
                  .c_stride = s->n,
                  .ahead = ahead};
  if (PF_CANARY(GEMM_DEPTH, p->begin > 0, false)) {
    tile.start = tile.c;
    tile.start_stride = s->n;
  } else if (o->start) {
    tile.start = o->start + j;
    tile.start_stride = o->start_stride;
  }
  if (tiles.whole > 0) run_tiles(p, &tile, tiles.whole, high, s->n - j);
  tile.ahead = (pf_tile_ahead){0};
  for (int i = 0; i < 2 && tiles.low[i] > 0; i++) {
    if (p->slivers) tile.a_stride = tiles.low[i];
    run_tiles(p, &tile, 1, tiles.low[i], s->n - j);
  }
}

/* The panel of columns j ..: packed before, packed now into its place in the scratch, or B itself. */
static panels panel_of(const product *p, int64_t j, float *scratch) {
  const pf_gemm_shape *s = p->shape;
  const pf_gemm_operands *o = p->operands;
  const int64_t wide = p->kernels->columns;
  if (o->packed) return (panels){o->b + j * s->k + p->begin * wide, wide, s->k * wide};
  if (!s->transpose_b && s->n < LONG_ROW && j + wide <= s->n)
    return (panels){o->b + p->begin * s->n + j, s->n, wide};
  pack_panel(p->kernels, s, o->b, p->begin, p->depth, j, scratch);
  return (panels){scratch, wide, p->depth * wide};
}

/* Operands that a second-level cache holds beside each other gain nothing by it. */
static bool asks_ahead(const pf_gemm_shape *s) { return s->k * s->n >= FAR || s->m * s->n >= FAR; }

/* What the tiles of the panel at column j ask for: its successor's lines among it, unless that is packed when its turn comes. */
static pf_tile_ahead ahead_of(const product *p, int64_t j) {
  const pf_gemm_shape *s = p->shape;
  const pf_gemm_operands *o = p->operands;
  const int64_t wide = p->kernels->columns, tiles = cut_rows(s->m, p->kernels->rows).whole;
  if (!asks_ahead(s)) return (pf_tile_ahead){0};
  pf_tile_ahead ahead = {.asks = true, .a = j == 0 && !s->transpose_a};
  if (tiles == 0 || j + wide >= s->n || (!o->packed && s->transpose_b)) return ahead;
  ahead.lines = p->depth;
  ahead.each = (p->depth + tiles - 1) / tiles;
  ahead.step = o->packed ? wide : s->n;
  ahead.line = o->packed ? o->b + (j + wide) * s->k + p->begin * wide : o->b + p->begin * s->n + j + wide;
  return ahead;
}

static void run_panel_by_panel(const product *p) {
  for (int64_t j = 0; j < p->shape->n; j += p->kernels->columns) {
    const panels panel = panel_of(p, j, p->panel);
    run_panels(p, j, &panel, 1, ahead_of(p, j));
  }
}

/* All panels stay in the cache: down the rows once. The last columns may be less than a panel. */
static void run_row_by_row(const product *p) {
  const int64_t n = p->shape->n, wide = p->kernels->columns;
  const int64_t whole = n / wide, edge = whole * wide;
  panels first = {0}, last = {0};
  for (int64_t j = 0; j < n; j += wide) {
    last = panel_of(p, j, p->panel + j * p->depth);
    if (j == 0) first = last;
  }
  if (whole > 0) run_panels(p, 0, &first, whole, (pf_tile_ahead){0});
  if (edge < n) run_panels(p, edge, &last, 1, (pf_tile_ahead){0});
}

/* A single row: its panels go several at a time, since one alone would wait for its own sums. */
static void run_single_row(const product *p) {
  const pf_gemm_shape *s = p->shape;
  const pf_gemm_operands *o = p->operands;
  const int64_t wide = PF_GEMM_WIDE * p->kernels->columns;
  int64_t j = 0;
  for (; j + wide <= s->n; j += wide) {
    const pf_tile tile = {
        .k = s->k, .a = p->a, .b = o->b + j * s->k, .start = o->start ? o->start + j : NULL, .c = o->c + j};
    p->kernels->wide(&tile);
  }
  for (; j < s->n; j += p->kernels->columns) {
    const panels panel = {.at = o->b + j * s->k, .stride = p->kernels->columns};
    run_panels(p, j, &panel, 1, (pf_tile_ahead){0});
  }
}

void pf_gemm_run(const pf_gemm_kernels *kernels, const pf_gemm_shape *s, const pf_gemm_operands *o,
                 void *scratch) {
  if (pf_gemm_few_fits(s)) {
    pf_gemm_few_run(s, o, scratch);
    return;
  }
  product p = {.kernels = kernels, .shape = s, .operands = o, .panel = scratch};
  if (s->m == 1 && o->packed) {
    p.a = o->a;
    p.depth = s->k;
    run_single_row(&p);
    return;
  }
  for (; p.begin < s->k; p.begin += p.depth) {
    p.depth = depth_of(kernels, s->k - p.begin);
    const int64_t columns = round_up(s->n, kernels->columns);
    const bool narrow = p.depth * columns <= NARROW;
    p.a = s->transpose_a ? o->a + p.begin * s->m : o->a + p.begin;
    p.slivers = wants_slivers(s);
    if (p.slivers) {
      float *slivers = p.panel + round_up((narrow ? columns : kernels->columns) * p.depth, PF_CACHE_LINE);
      pack_slivers(p.a, p.depth, s->m, kernels->rows, slivers);
      p.a = slivers;
    }
    if (narrow)
      run_row_by_row(&p);
    else
      run_panel_by_panel(&p);
  }
}
