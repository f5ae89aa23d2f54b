/* Evaluating a column's F and its inverse; fitting is in encoder_quantile_fit.c. */
#include "data/encoder_quantile.h"

#include <math.h>
#include "base/memory.h"

/* The guide cuts [0, 1] into cells: guide[i] is the number of knots with lower <= (i - 1) / cells, so that a u of cell c
 * (give or take one, for rounding) has guide[c] to guide[c + GUIDE_REACH] of them. */
enum { CELLS_PER_KNOT = 2, GUIDE_REACH = 3 };

static const double POWERS[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

void pf_quantile_map_free(pf_quantile_map *map) {
  pf_free(map->x);
  pf_free(map->lower);
  pf_free(map->upper);
  pf_free(map->guide);
  *map = (pf_quantile_map){0};
}

/* round(x 10^p) / 10^p: both operands are exact, so this is the double that the decimal text reads as. Beyond 2^53
 * every double is a lattice point already. */
double pf_lattice_round(double x, int decimals) {
  if (decimals < 0) return x;
  double scaled = x * POWERS[decimals];
  return fabs(scaled) < 0x1p53 ? round(scaled) / POWERS[decimals] : x;
}

static double half_step(const pf_quantile_map *map) {
  return map->decimals < 0 ? 0 : 0.5 / POWERS[map->decimals];
}

double pf_quantile_map_left(const pf_quantile_map *map, int64_t k) {
  return map->upper[k] > map->lower[k] ? map->x[k] + half_step(map) : map->x[k];
}

double pf_quantile_map_right(const pf_quantile_map *map, int64_t k) {
  return map->upper[k] > map->lower[k] ? map->x[k] - half_step(map) : map->x[k];
}

/* The number of keys <= value, which is known to be low to high. */
static int64_t count_not_above(const double *keys, int64_t low, int64_t high, double value) {
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (keys[middle] <= value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* The last knot whose key is <= value, -1 when there is none. */
static int64_t last_not_above(const double *keys, int64_t count, double value) {
  return count_not_above(keys, 0, count, value) - 1;
}

pf_status pf_quantile_map_index(pf_quantile_map *map, pf_error *error) {
  map->cells = CELLS_PER_KNOT * map->knots;
  PF_TRY(pf_alloc((size_t)map->cells + GUIDE_REACH + 1, sizeof *map->guide, &map->guide, error));
  for (int64_t i = 0, count = 0; i <= map->cells + GUIDE_REACH; i++) {
    double edge = (double)(i - 1) / (double)map->cells;
    while (count < map->knots && map->lower[count] <= edge) count++;
    map->guide[i] = (int32_t)count;
  }
  return PF_OK;
}

/* The last knot with lower <= u, for u in [0, 1]. */
static int64_t last_lower(const pf_quantile_map *map, double u) {
  const int32_t *guide = map->guide + (int64_t)(u * (double)map->cells);
  return count_not_above(map->lower, guide[0], guide[GUIDE_REACH], u) - 1;
}

/* F at a point that is no atom, x in the reach of piece k..k+1; halves avoid overflow of the difference. */
static double interpolate(const pf_quantile_map *map, int64_t k, double x) {
  double a = pf_quantile_map_left(map, k), b = pf_quantile_map_right(map, k + 1);
  double width = 0.5 * b - 0.5 * a, share = width > 0 ? (0.5 * x - 0.5 * a) / width : 0;
  share = share < 0 ? 0 : share > 1 ? 1 : share;
  return map->upper[k] + share * (map->lower[k + 1] - map->upper[k]);
}

/* F just below (or at) x; `at` says which side of an atom is meant. */
static double distribution(const pf_quantile_map *map, double x, bool at) {
  int64_t k = last_not_above(map->x, map->knots, x);
  if (k < 0) return map->lower[0];
  if (map->x[k] == x) return at ? map->upper[k] : map->lower[k];
  return k + 1 == map->knots ? map->upper[k] : interpolate(map, k, x);
}

static double piece_slope(const pf_quantile_map *map, double x) {
  int64_t k = last_not_above(map->x, map->knots, x);
  if (k >= 0 && k + 1 == map->knots) k--; /* the last knot itself belongs to the piece below it */
  if (k < 0 || x > map->maximum) return 0;
  double width = pf_quantile_map_right(map, k + 1) - pf_quantile_map_left(map, k);
  return width > 0 ? (map->lower[k + 1] - map->upper[k]) / width : 0;
}

pf_quantile_cell pf_quantile_map_cell(const pf_quantile_map *map, double x) {
  bool inside = x >= map->minimum && x <= map->maximum;
  double edge = 0.5 / (double)map->rows;
  if (!inside) {
    double u = x < map->minimum ? edge : 1 - edge;
    return (pf_quantile_cell){u, u, 0};
  }
  int64_t k = last_not_above(map->x, map->knots, x);
  if (k >= 0 && map->x[k] == x && map->upper[k] > map->lower[k]) {
    return (pf_quantile_cell){map->lower[k], map->upper[k], map->upper[k] - map->lower[k]};
  }
  double half = half_step(map);
  pf_quantile_cell cell = {distribution(map, x - half, true), distribution(map, x + half, false), 0};
  if (map->decimals < 0) cell.upper = cell.lower;
  if (map->decimals < 0) {
    cell.slope = piece_slope(map, x);
  } else {
    cell.slope = (cell.upper - cell.lower) * POWERS[map->decimals];
  }
  return cell;
}

static double clamp(const pf_quantile_map *map, double x) {
  return x < map->minimum ? map->minimum : x > map->maximum ? map->maximum : x;
}

double pf_quantile_map_value(const pf_quantile_map *map, double u) {
  if (isnan(u)) return u;
  int64_t k = last_lower(map, u < 0 ? 0 : u > 1 ? 1 : u);
  if (k < 0) k = 0;
  if (u <= map->upper[k] || k + 1 == map->knots)
    return clamp(map, pf_lattice_round(map->x[k], map->decimals));
  double a = pf_quantile_map_left(map, k), b = pf_quantile_map_right(map, k + 1);
  double mass = map->lower[k + 1] - map->upper[k], share = mass > 0 ? (u - map->upper[k]) / mass : 0;
  return clamp(map, pf_lattice_round(a * (1 - share) + b * share, map->decimals));
}
