/* Fitting a column's F: which values are atoms, which order statistics become knots.
 *
 *   group    a distinct value v with its count c and the rows before it s, so F(v-) = s/n and F(v) = (s+c)/n
 *   discrete a column with few distinct values, each seen at least DISCRETE_REPEATS times on average: all groups are
 *            atoms
 *   atoms    otherwise, groups with at least max(atom_share n, FEWEST_IN_ATOM) rows
 *   knots    of the other groups: all when they fit; else half of them evenly in probability, half evenly in
 *            z = Phi^-1 (denser tails), the TAIL outermost ones, and the neighbours of atoms
 *
 * A continuous group gets the single point F = (s + c/2)/n (Hazen's plotting position) unless an atom is beside
 * it; a lattice group gets the edges of its cell, v - h/2 at s/n and v + h/2 at (s+c)/n, so that cells carry
 * exactly their share of rows.
 */
#include "data/encoder_quantile.h"

#include <math.h>
#include "base/memory.h"
#include "data/encoder_normal.h"

enum { DISCRETE_REPEATS = 4, FEWEST_IN_ATOM = 5, TAIL = 16 };

typedef struct fitting {
  const double *sorted;
  int64_t rows;
  const pf_quantile_options *options;
  int64_t *starts; /* groups + 1 */
  int64_t groups;
  uint8_t *marked; /* groups: becomes a knot */
  double half;     /* half a lattice step, 0 without a lattice */
  int64_t atom_count;
  bool discrete;
  pf_quantile_map map;
} fitting;

static int64_t group_count(const fitting *fit, int64_t g) { return fit->starts[g + 1] - fit->starts[g]; }
static bool is_atom(const fitting *fit, int64_t g) {
  return fit->discrete || group_count(fit, g) >= fit->atom_count;
}

static pf_status find_groups(fitting *fit, pf_error *error) {
  int64_t groups = 1;
  for (int64_t i = 1; i < fit->rows; i++) groups += fit->sorted[i] != fit->sorted[i - 1];
  PF_TRY(pf_alloc((size_t)groups + 1, sizeof *fit->starts, &fit->starts, error));
  PF_TRY(pf_alloc((size_t)groups, 1, &fit->marked, error));
  for (int64_t i = 1; i < fit->rows; i++) {
    if (fit->sorted[i] != fit->sorted[i - 1]) fit->starts[++fit->groups] = i;
  }
  fit->starts[++fit->groups] = fit->rows;
  return PF_OK;
}

static int64_t count_atoms(const fitting *fit) {
  int64_t atoms = 0;
  for (int64_t g = 0; g < fit->groups; g++) atoms += is_atom(fit, g);
  return atoms;
}

/* Sets `discrete` and the count that makes an atom; atoms may take at most a quarter of the knots. */
static int64_t choose_atoms(fitting *fit) {
  int64_t limit = fit->options->max_knots;
  fit->discrete = fit->groups == 1 || (fit->groups <= limit && fit->rows >= DISCRETE_REPEATS * fit->groups);
  double share = ceil(fit->options->atom_share * (double)fit->rows);
  fit->atom_count = share > FEWEST_IN_ATOM ? (int64_t)share : FEWEST_IN_ATOM;
  int64_t atoms = count_atoms(fit);
  while (!fit->discrete && atoms > limit / 4) {
    fit->atom_count *= 2;
    atoms = count_atoms(fit);
  }
  return atoms;
}

/* ---- marking ---- */

static void mark_probability(fitting *fit, double p) {
  int64_t row = (int64_t)(p * (double)fit->rows), low = 0, high = fit->groups - 1;
  while (low < high) { /* the last group that starts at or before the row */
    int64_t middle = low + (high - low + 1) / 2;
    if (fit->starts[middle] <= row) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  fit->marked[low] = 1;
}

static void mark_grid(fitting *fit, int64_t budget) {
  double deepest = -pf_normal_quantile(0.5 / (double)fit->rows);
  int64_t half = budget / 2;
  for (int64_t i = 0; i < half; i++) {
    double share = ((double)i + 0.5) / (double)half;
    mark_probability(fit, share);
    mark_probability(fit, pf_normal_cdf(deepest * (2 * share - 1)));
  }
}

static void mark_knots(fitting *fit, int64_t atoms) {
  int64_t last = fit->groups - 1, budget = fit->options->max_knots - 3 * atoms - 2 * TAIL;
  if (fit->half > 0) budget /= 2; /* a lattice group may take two knots */
  if (budget < TAIL) budget = TAIL;
  bool all = fit->groups - atoms <= budget;
  if (!all) mark_grid(fit, budget);
  for (int64_t g = 0; g <= last; g++) {
    bool beside = (g > 0 && is_atom(fit, g - 1)) || (g < last && is_atom(fit, g + 1));
    if (all || beside || g < TAIL || g > last - TAIL || is_atom(fit, g)) fit->marked[g] = 1;
  }
}

/* ---- knots ---- */

/* Adds a knot; one that rounding put on top of the last is merged with it. */
static void put_knot(pf_quantile_map *map, double x, double lower, double upper) {
  int64_t k = map->knots;
  if (k > 0 && !(x > map->x[k - 1])) {
    map->upper[k - 1] = upper;
    return;
  }
  map->x[k] = x;
  map->lower[k] = lower;
  map->upper[k] = upper;
  map->knots++;
}

/* A continuous group. Beside an atom the half of its rows that would lie in the gap between them stays on the value,
 * so that the gap remains empty (as the outermost half rows stay on the minimum and the maximum). */
static void put_point(fitting *fit, int64_t g, double value, double before, double after) {
  bool follows = g > 0 && is_atom(fit, g - 1), leads = g + 1 < fit->groups && is_atom(fit, g + 1);
  double middle = 0.5 * before + 0.5 * after;
  put_knot(&fit->map, value, follows ? before : middle, leads ? after : middle);
}

static void put_group(fitting *fit, int64_t g) {
  double n = (double)fit->rows, value = fit->sorted[fit->starts[g]];
  double before = (double)fit->starts[g] / n, after = (double)fit->starts[g + 1] / n;
  if (is_atom(fit, g)) {
    put_knot(&fit->map, value, before, after);
  } else if (fit->half > 0) {
    double last = g > 0 ? fit->sorted[fit->starts[g - 1]] : 0;
    bool gap = g == 0 || value - last > 3 * fit->half; /* a neighbour is 2 halves away */
    if (gap) put_knot(&fit->map, value - fit->half, before, before);
    put_knot(&fit->map, value + fit->half, after, after);
  } else {
    put_point(fit, g, value, before, after);
  }
}

static pf_status make_knots(fitting *fit, pf_error *error) {
  size_t room = 0;
  for (int64_t g = 0; g < fit->groups; g++) room += fit->marked[g] ? 2 : 0;
  PF_TRY(pf_alloc(room, sizeof(double), &fit->map.x, error));
  PF_TRY(pf_alloc(room, sizeof(double), &fit->map.lower, error));
  PF_TRY(pf_alloc(room, sizeof(double), &fit->map.upper, error));
  for (int64_t g = 0; g < fit->groups; g++) {
    if (fit->marked[g]) put_group(fit, g);
  }
  return PF_OK;
}

/* A lattice must be far coarser than the rounding of its largest value. */
static int usable_decimals(const fitting *fit) {
  int decimals = fit->options->decimals;
  double largest = fmax(fabs(fit->sorted[0]), fabs(fit->sorted[fit->rows - 1]));
  if (decimals <= 0) return decimals;
  return decimals <= PF_LATTICE_MAX_DECIMALS && largest * pow(10, decimals) < 0x1p50 ? decimals : -1;
}

pf_status pf_quantile_map_fit(const double *sorted, int64_t rows, const pf_quantile_options *options,
                              pf_quantile_map *out, pf_error *error) {
  fitting fit = {.sorted = sorted, .rows = rows, .options = options};
  fit.map.minimum = sorted[0];
  fit.map.maximum = sorted[rows - 1];
  fit.map.rows = rows;
  fit.map.decimals = usable_decimals(&fit);
  fit.half = fit.map.decimals < 0 ? 0 : 0.5 * pow(10, -fit.map.decimals);
  pf_status status = find_groups(&fit, error);
  if (status == PF_OK) {
    mark_knots(&fit, choose_atoms(&fit));
    status = make_knots(&fit, error);
    if (status == PF_OK) status = pf_quantile_map_index(&fit.map, error);
  }
  pf_free(fit.starts);
  pf_free(fit.marked);
  if (status != PF_OK) {
    pf_quantile_map_free(&fit.map);
    return status;
  }
  *out = fit.map;
  return PF_OK;
}
