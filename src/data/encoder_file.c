/* Encoders in a container: arrays encoder.*, all checked on the way in. docs/format.md lists them. */
#include "data/encoder.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "data/encoder_internal.h"

enum { FIELDS = 4, MOST_KNOTS = 1 << 20 };

/* Per column, as stored in encoder.columns (F64, columns x FIELDS) and encoder.kinds (I64, columns x 3). */
typedef struct stored {
  double *fields; /* mean, scale, minimum, maximum */
  int64_t *kinds; /* kind, decimals, knots */
  int64_t total;  /* knots of all columns */
  double *x, *lower, *upper;
} stored;

static void stored_free(stored *all) {
  pf_free(all->fields);
  pf_free(all->kinds);
  pf_free(all->x);
  pf_free(all->lower);
  pf_free(all->upper);
}

/* ---- saving ---- */

static void gather_column(const pf_encoder_column *column, double *fields, int64_t *kinds) {
  bool quantile = column->kind == PF_ENCODER_QUANTILE;
  fields[0] = column->mean;
  fields[1] = column->scale;
  fields[2] = column->minimum;
  fields[3] = column->maximum;
  kinds[0] = column->kind;
  kinds[1] = quantile ? column->map.decimals : column->decimals;
  kinds[2] = quantile ? column->map.knots : 0;
}

static pf_status gather(const pf_encoder *encoder, stored *all, pf_error *error) {
  size_t columns = (size_t)encoder->columns;
  for (size_t c = 0; c < columns; c++) all->total += encoder->column[c].map.knots;
  PF_TRY(pf_alloc(columns * FIELDS, sizeof *all->fields, &all->fields, error));
  PF_TRY(pf_alloc(columns * 3, sizeof *all->kinds, &all->kinds, error));
  PF_TRY(pf_alloc((size_t)all->total, sizeof(double), &all->x, error));
  PF_TRY(pf_alloc((size_t)all->total, sizeof(double), &all->lower, error));
  PF_TRY(pf_alloc((size_t)all->total, sizeof(double), &all->upper, error));
  int64_t at = 0;
  for (size_t c = 0; c < columns; c++) {
    const pf_quantile_map *map = &encoder->column[c].map;
    gather_column(&encoder->column[c], all->fields + c * FIELDS, all->kinds + c * 3);
    if (map->knots == 0) continue;
    size_t bytes = (size_t)map->knots * sizeof(double);
    memcpy(all->x + at, map->x, bytes);
    memcpy(all->lower + at, map->lower, bytes);
    memcpy(all->upper + at, map->upper, bytes);
    at += map->knots;
  }
  return PF_OK;
}

static pf_array shape_of(const char *name, pf_dtype dtype, int64_t rows, int64_t columns) {
  pf_array shape = {.dtype = dtype, .rank = columns > 0 ? 2 : 1, .dims = {rows, columns}};
  memcpy(&shape.name, &name, sizeof name); /* the container copies it */
  return shape;
}

static pf_status add_all(const pf_encoder *encoder, const stored *all, pf_container *container,
                         pf_error *error) {
  int64_t columns = encoder->columns;
  const pf_array fields = shape_of("encoder.columns", PF_F64, columns, FIELDS);
  const pf_array kinds = shape_of("encoder.kinds", PF_I64, columns, 3);
  PF_TRY(pf_container_add(container, &fields, all->fields, error));
  PF_TRY(pf_container_add(container, &kinds, all->kinds, error));
  PF_TRY(pf_container_add_vector(container, "encoder.rows", PF_I64, 1, &encoder->rows, error));
  PF_TRY(pf_container_add_vector(container, "encoder.x", PF_F64, all->total, all->x, error));
  PF_TRY(pf_container_add_vector(container, "encoder.lower", PF_F64, all->total, all->lower, error));
  return pf_container_add_vector(container, "encoder.upper", PF_F64, all->total, all->upper, error);
}

pf_status pf_encoder_save(const pf_encoder *encoder, pf_container *container, pf_error *error) {
  stored all = {0};
  pf_status status = gather(encoder, &all, error);
  if (status == PF_OK) status = add_all(encoder, &all, container, error);
  stored_free(&all);
  return status;
}

/* ---- loading ---- */

static pf_status fail_column(int column, const char *what, pf_error *error) {
  return pf_fail(error, PF_BAD_INPUT, "encoder of column %d: %s", column + 1, what);
}

static pf_status load_fields(const double *fields, const int64_t *kinds, int index, pf_encoder_column *column,
                             pf_error *error) {
  for (int f = 0; f < FIELDS; f++) {
    if (!isfinite(fields[f])) return fail_column(index, "a value in encoder.columns is not finite", error);
  }
  column->mean = fields[0];
  column->scale = fields[1];
  column->minimum = fields[2];
  column->maximum = fields[3];
  if (!(column->scale > 0)) return fail_column(index, "the scale is not positive", error);
  if (!(column->minimum <= column->maximum))
    return fail_column(index, "the minimum is above the maximum", error);
  if (kinds[0] != PF_ENCODER_STANDARD && kinds[0] != PF_ENCODER_QUANTILE) {
    return fail_column(index, "an unknown kind in encoder.kinds", error);
  }
  column->kind = (pf_encoder_kind)kinds[0];
  int64_t most = column->kind == PF_ENCODER_QUANTILE ? PF_LATTICE_MAX_DECIMALS : 0;
  if (kinds[1] < -1 || kinds[1] > most) return fail_column(index, "wrong decimals in encoder.kinds", error);
  column->decimals = (int)kinds[1];
  bool knots = column->kind == PF_ENCODER_QUANTILE ? kinds[2] >= 1 && kinds[2] <= MOST_KNOTS : kinds[2] == 0;
  return knots ? PF_OK : fail_column(index, "a wrong number of knots in encoder.kinds", error);
}

static pf_status check_knots(const pf_quantile_map *map, int index, pf_error *error) {
  for (int64_t k = 0; k < map->knots; k++) {
    double before = k > 0 ? map->upper[k - 1] : 0;
    if (!isfinite(map->x[k]) || (k > 0 && !(map->x[k] > map->x[k - 1]))) {
      return fail_column(index, "encoder.x is not increasing", error);
    }
    if (!(map->lower[k] >= before && map->upper[k] >= map->lower[k] && map->upper[k] <= 1)) {
      return fail_column(index, "encoder.lower and encoder.upper are not a distribution function", error);
    }
  }
  return PF_OK;
}

static pf_status copy_doubles(const double *from, int64_t count, double **out, pf_error *error) {
  PF_TRY(pf_alloc((size_t)count, sizeof **out, out, error));
  memcpy(*out, from, (size_t)count * sizeof **out);
  return PF_OK;
}

static pf_status load_map(const stored *all, int64_t at, int64_t rows, pf_encoder_column *column,
                          int64_t knots, pf_error *error) {
  pf_quantile_map *map = &column->map;
  map->knots = knots;
  map->rows = rows;
  map->decimals = column->decimals;
  map->minimum = column->minimum;
  map->maximum = column->maximum;
  PF_TRY(copy_doubles(all->x + at, knots, &map->x, error));
  PF_TRY(copy_doubles(all->lower + at, knots, &map->lower, error));
  return copy_doubles(all->upper + at, knots, &map->upper, error);
}

static pf_status load_columns(const stored *all, pf_encoder *encoder, pf_error *error) {
  int64_t at = 0;
  for (int c = 0; c < encoder->columns; c++) {
    pf_encoder_column *column = &encoder->column[c];
    const int64_t *kinds = all->kinds + 3 * (int64_t)c;
    PF_TRY(load_fields(all->fields + FIELDS * (int64_t)c, kinds, c, column, error));
    if (kinds[2] > all->total - at) return fail_column(c, "encoder.x is too short", error);
    if (kinds[2] > 0) PF_TRY(load_map(all, at, encoder->rows, column, kinds[2], error));
    PF_TRY(check_knots(&column->map, c, error));
    if (kinds[2] > 0) PF_TRY(pf_quantile_map_index(&column->map, error));
    at += kinds[2];
  }
  if (at == all->total) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "encoder.x holds %lld knots, expected %lld", (long long)all->total,
                 (long long)at);
}

static pf_status require(const pf_container *container, pf_array shape, void *out_data, int64_t *size,
                         pf_error *error) {
  const pf_array *found = NULL;
  PF_TRY(pf_container_require(container, &shape, &found, error));
  memcpy(out_data, &found->data, sizeof found->data);
  if (size) *size = found->dims[0];
  return PF_OK;
}

/* Points into the container's arrays; nothing to free. */
static pf_status find_stored(const pf_container *container, int columns, stored *all, int64_t *rows,
                             pf_error *error) {
  const int64_t *row_count = NULL;
  PF_TRY(require(container, shape_of("encoder.columns", PF_F64, columns, FIELDS), &all->fields, NULL, error));
  PF_TRY(require(container, shape_of("encoder.kinds", PF_I64, columns, 3), &all->kinds, NULL, error));
  PF_TRY(require(container, shape_of("encoder.rows", PF_I64, 1, 0), &row_count, NULL, error));
  PF_TRY(require(container, shape_of("encoder.x", PF_F64, -1, 0), &all->x, &all->total, error));
  PF_TRY(require(container, shape_of("encoder.lower", PF_F64, all->total, 0), &all->lower, NULL, error));
  PF_TRY(require(container, shape_of("encoder.upper", PF_F64, all->total, 0), &all->upper, NULL, error));
  *rows = *row_count;
  if (*rows >= 1) return PF_OK;
  return pf_fail(error, PF_BAD_INPUT, "encoder.rows is %lld; at least 1 is expected", (long long)*rows);
}

pf_status pf_encoder_load(const pf_container *container, int columns, pf_encoder **out, pf_error *error) {
  stored all = {0};
  int64_t rows = 0;
  pf_encoder *encoder = NULL;
  PF_TRY(find_stored(container, columns, &all, &rows, error));
  PF_TRY(pf_encoder_allocate(columns, rows, &encoder, error));
  pf_status status = load_columns(&all, encoder, error);
  if (status != PF_OK) {
    pf_encoder_free(encoder);
    return status;
  }
  *out = encoder;
  return PF_OK;
}
