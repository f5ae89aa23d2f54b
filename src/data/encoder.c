/* Encoders: fitting every column, encoding, decoding, log-determinants. The maps are described in encoder.h. */
#include "data/encoder.h"

#include <math.h>
#include <stdlib.h>
#include "base/memory.h"
#include "base/rng.h"
#include "data/encoder_internal.h"
#include "data/encoder_normal.h"

pf_encoder_options pf_encoder_options_default(void) {
  return (pf_encoder_options){.kind = PF_ENCODER_QUANTILE, .max_knots = 1024, .atom_share = 0.005};
}

/* ---- life ---- */

pf_status pf_encoder_allocate(int columns, int64_t rows, pf_encoder **out, pf_error *error) {
  pf_encoder *encoder = NULL;
  PF_TRY(pf_alloc(1, sizeof *encoder, &encoder, error));
  pf_status status = pf_alloc((size_t)columns, sizeof *encoder->column, &encoder->column, error);
  if (status != PF_OK) {
    pf_free(encoder);
    return status;
  }
  encoder->columns = columns;
  encoder->rows = rows;
  *out = encoder;
  return PF_OK;
}

void pf_encoder_free(pf_encoder *encoder) {
  if (!encoder) return;
  for (int c = 0; c < encoder->columns; c++) pf_quantile_map_free(&encoder->column[c].map);
  pf_free(encoder->column);
  pf_free(encoder);
}

int pf_encoder_columns(const pf_encoder *encoder) { return encoder->columns; }

pf_encoder_kind pf_encoder_column_kind(const pf_encoder *encoder, int column) {
  return encoder->column[column].kind;
}

bool pf_encoder_column_constant(const pf_encoder *encoder, int column) {
  return encoder->column[column].minimum == encoder->column[column].maximum;
}

/* ---- fitting ---- */

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Mean and population standard deviation, deviations taken from the mean (two passes). */
static pf_status fit_standard(const double *sorted, int64_t n, const char *name, pf_encoder_column *column,
                              pf_error *error) {
  column->mean = sorted[0];
  column->scale = 1;
  if (column->minimum == column->maximum) return PF_OK;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) sum += sorted[i];
  double mean = sum / (double)n;
  for (int64_t i = 0; i < n; i++) squares += (sorted[i] - mean) * (sorted[i] - mean);
  double scale = sqrt(squares / (double)n);
  if (!isfinite(mean) || !isfinite(scale) || !(scale > 0)) {
    return pf_fail(error, PF_BAD_INPUT,
                   "column '%.80s': values from %g to %g have no usable mean and deviation", name,
                   column->minimum, column->maximum);
  }
  column->mean = mean;
  column->scale = scale;
  return PF_OK;
}

static pf_status fit_column(const pf_table *table, int c, const pf_encoder_options *options, double *scratch,
                            pf_encoder_column *column, pf_error *error) {
  bool whole = table->types[c] == PF_COLUMN_INTEGER;
  for (int64_t r = 0; r < table->rows; r++) scratch[r] = table->values[r * table->columns + c];
  qsort(scratch, (size_t)table->rows, sizeof *scratch, compare_doubles);
  column->plain = options->plain && options->plain[c];
  column->kind = column->plain ? PF_ENCODER_STANDARD : options->kinds ? options->kinds[c] : options->kind;
  column->minimum = scratch[0];
  column->maximum = scratch[table->rows - 1];
  column->decimals = whole ? 0 : -1;
  column->scale = 1;
  if (column->kind == PF_ENCODER_STANDARD) {
    return fit_standard(scratch, table->rows, table->names[c], column, error);
  }
  pf_quantile_options quantile = {options->max_knots, options->atom_share, whole ? 0 : table->decimals[c]};
  /* A column without a point in its text would be an integer one; decimals 0 then only says "unknown". */
  if (!whole && quantile.decimals == 0) quantile.decimals = -1;
  return pf_quantile_map_fit(scratch, table->rows, &quantile, &column->map, error);
}

/* Whether the choice of scale is about this column: one that is standardised and carries information. */
static bool follows_scale(const pf_encoder_column *column) {
  return column->kind == PF_ENCODER_STANDARD && !column->plain && column->minimum < column->maximum;
}

/* Columns of one kind of number, such as pixels: the identity of their ratios matters, and a nearly constant one is no signal. */
static void share_scale(pf_encoder_column *column, int d) {
  double squares = 0;
  int count = 0;
  for (int c = 0; c < d; c++) {
    if (!follows_scale(&column[c])) continue;
    squares += column[c].scale * column[c].scale;
    count++;
  }
  for (int c = 0; c < d && count > 0; c++)
    if (follows_scale(&column[c])) column[c].scale = sqrt(squares / count);
}

/* A constant column keeps its value as its mean: nothing else is ever decoded. */
static void leave_as_is(pf_encoder_column *column, int d) {
  for (int c = 0; c < d; c++) {
    if (!follows_scale(&column[c])) continue;
    column[c].mean = 0;
    column[c].scale = 1;
  }
}

static pf_status check_options(const pf_encoder_options *options, pf_error *error) {
  if (options->max_knots < 16 || options->max_knots > 65536) {
    return pf_fail(error, PF_USAGE, "max_knots is %d; 16 to 65536 are possible", options->max_knots);
  }
  if (!(options->atom_share > 0 && options->atom_share < 1)) {
    return pf_fail(error, PF_USAGE, "atom_share is %g; it must lie between 0 and 1", options->atom_share);
  }
  return PF_OK;
}

pf_status pf_encoder_fit(const pf_table *table, const pf_encoder_options *options, pf_encoder **out,
                         pf_error *error) {
  pf_encoder_options use = options ? *options : pf_encoder_options_default();
  pf_encoder *encoder = NULL;
  double *scratch = NULL;
  pf_status status = PF_OK;
  PF_TRY(check_options(&use, error));
  PF_TRY(pf_table_check(table, "training data", 1, error));
  PF_TRY_GOTO(pf_alloc((size_t)table->rows, sizeof *scratch, &scratch, error));
  PF_TRY_GOTO(pf_encoder_allocate(table->columns, table->rows, &encoder, error));
  for (int c = 0; c < table->columns; c++) {
    PF_TRY_GOTO(fit_column(table, c, &use, scratch, &encoder->column[c], error));
  }
  if (use.scale == PF_SCALE_COMMON) share_scale(encoder->column, table->columns);
  if (use.scale == PF_SCALE_NONE) leave_as_is(encoder->column, table->columns);
  *out = encoder;
  encoder = NULL;
cleanup:
  pf_encoder_free(encoder);
  pf_free(scratch);
  return status;
}

/* ---- encoding ---- */

/* A uniform that depends on (seed, column, row) alone. */
static double spread(uint64_t seed, int column, uint64_t row) {
  pf_rng rng = pf_rng_at(seed, PF_STREAM_ENCODER, (uint64_t)column, row);
  return pf_rng_uniform(&rng);
}

/* z in float whose Phi lies inside the cell: rounding to float must not carry an atom into its neighbour. */
static float place_in_cell(pf_quantile_cell cell, double u) {
  const double highest = 1 - 0x1p-53;
  float z = (float)pf_normal_quantile(u < highest ? u : highest);
  for (int step = 0; step < 8 && cell.upper > cell.lower; step++) {
    double back = pf_normal_cdf(z);
    if (back > cell.lower && back < cell.upper) break;
    z = nextafterf(z, back <= cell.lower ? INFINITY : -INFINITY);
  }
  return z;
}

float pf_encoder_standardise(const pf_encoder *encoder, int column, double x) {
  const pf_encoder_column *c = &encoder->column[column];
  return (float)((x - c->mean) / c->scale);
}

static float encode_value(const pf_encoder_column *column, double x, uint64_t seed, int index, uint64_t row) {
  if (column->kind == PF_ENCODER_STANDARD) return (float)((x - column->mean) / column->scale);
  pf_quantile_cell cell = pf_quantile_map_cell(&column->map, x);
  double u = cell.lower;
  if (cell.upper > cell.lower) u += spread(seed, index, row) * (cell.upper - cell.lower);
  /* A point with F = 0 or 1 (outside all mass) is put where the outermost half row would be. */
  double edge = 0.5 / (double)column->map.rows;
  if (!(cell.upper > cell.lower)) u = u < edge ? edge : u > 1 - edge ? 1 - edge : u;
  return place_in_cell(cell, u);
}

void pf_encoder_encode(const pf_encoder *encoder, const double *rows, int64_t n, uint64_t seed,
                       uint64_t first_row, float *out) {
  int d = encoder->columns;
  for (int64_t r = 0; r < n; r++) {
    for (int c = 0; c < d; c++) {
      out[r * d + c] = encode_value(&encoder->column[c], rows[r * d + c], seed, c, first_row + (uint64_t)r);
    }
  }
}

/* ---- decoding ---- */

static double decode_value(const pf_encoder_column *column, double z) {
  if (column->kind == PF_ENCODER_QUANTILE) return pf_quantile_map_value(&column->map, pf_normal_cdf(z));
  if (column->minimum == column->maximum) return isnan(z) ? z : column->mean;
  return pf_lattice_round(column->mean + column->scale * z, column->decimals);
}

void pf_encoder_decode(const pf_encoder *encoder, const float *z, int64_t n, double *out) {
  int d = encoder->columns;
  for (int64_t r = 0; r < n; r++) {
    for (int c = 0; c < d; c++) out[r * d + c] = decode_value(&encoder->column[c], z[r * d + c]);
  }
}

pf_decoding pf_encoder_decoding(const pf_encoder *encoder, int index) {
  const pf_encoder_column *column = &encoder->column[index];
  const bool quantile = column->kind == PF_ENCODER_QUANTILE;
  const bool constant = column->minimum == column->maximum && !quantile;
  return (pf_decoding){.kind = column->kind,
                       .mean = column->mean,
                       .scale = constant ? 0 : column->scale,
                       .decimals = quantile   ? column->map.decimals
                                   : constant ? -1
                                              : column->decimals,
                       .minimum = column->minimum,
                       .maximum = column->maximum,
                       .map = quantile ? &column->map : NULL};
}

/* ---- log-determinant ---- */

/* log dz/dx = log F'(x) - log phi(z), or -log scale. */
static double log_slope(const pf_encoder_column *column, double x, double z) {
  if (column->kind == PF_ENCODER_STANDARD) return -log(column->scale);
  return log(pf_quantile_map_cell(&column->map, x).slope) - pf_normal_log_density(z);
}

void pf_encoder_log_det(const pf_encoder *encoder, const double *rows, const float *z, int64_t n,
                        double *out) {
  int d = encoder->columns;
  for (int64_t r = 0; r < n; r++) {
    double sum = 0;
    for (int c = 0; c < d; c++) sum += log_slope(&encoder->column[c], rows[r * d + c], z[r * d + c]);
    out[r] = sum;
  }
}
