/* Encoders: exact marginals, atoms, lattices, tails, round trips, log-determinants, files. */
#include "data_test.h"

#include <math.h>
#include "base/rng.h"
#include "data/csv.h"
#include "data/encoder.h"
#include "data/encoder_normal.h"
#include "data/encoder_quantile.h"

enum { ROWS = 4000, DRAWS = 20000 };

static pf_error error;

/* ---- columns of every shape ---- */

static double draw(const char *shape, pf_rng *rng) {
  double u = pf_rng_uniform(rng);
  if (strcmp(shape, "normal") == 0) return 5 + 2 * pf_normal_quantile(u);
  if (strcmp(shape, "cauchy") == 0) return tan(M_PI * (u - 0.5));
  if (strcmp(shape, "zeros") == 0) return u < 0.7 ? 0 : 10 + pf_rng_uniform(rng);
  if (strcmp(shape, "dice") == 0) return 1 + floor(6 * u);
  if (strcmp(shape, "income") == 0) return u < 0.3 ? 0 : round(exp(7 + 1.5 * pf_rng_normal(rng)));
  if (strcmp(shape, "cents") == 0) return round(100 * exp(pf_rng_normal(rng))) / 100;
  if (strcmp(shape, "bounded") == 0) return 1 - u * u;
  if (strcmp(shape, "rare") == 0) return u < 0.0005 ? 7 : u < 0.5 ? 8 : 9;
  return 3.25; /* constant */
}

static const char *const SHAPES[] = {"normal", "cauchy", "zeros",   "dice",    "income",
                                     "cents",  "rare",   "bounded", "constant"};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static pf_table *make_table(void) {
  pf_table *table = NULL;
  assert_ok(pf_table_create(ROWS, SHAPE_COUNT, &table, &error));
  for (int c = 0; c < SHAPE_COUNT; c++) {
    bool whole =
        strcmp(SHAPES[c], "dice") == 0 || strcmp(SHAPES[c], "income") == 0 || strcmp(SHAPES[c], "rare") == 0;
    table->types[c] = whole ? PF_COLUMN_INTEGER : PF_COLUMN_REAL;
    if (strcmp(SHAPES[c], "cents") == 0) table->decimals[c] = 2;
    for (int64_t r = 0; r < ROWS; r++) {
      pf_rng rng = pf_rng_at(11, PF_STREAM_TEST, (uint64_t)c, (uint64_t)r);
      table->values[r * SHAPE_COUNT + c] = draw(SHAPES[c], &rng);
    }
  }
  return table;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double *sorted_column(const double *values, int64_t rows, int columns, int c) {
  double *out = test_malloc((size_t)rows * sizeof *out);
  for (int64_t r = 0; r < rows; r++) out[r] = values[r * columns + c];
  qsort(out, (size_t)rows, sizeof *out, compare);
  return out;
}

/* Kolmogorov-Smirnov distance of two sorted samples, ties included. */
static double ks(const double *a, int64_t n, const double *b, int64_t m) {
  double largest = 0;
  for (int64_t i = 0, j = 0; i < n && j < m;) {
    double x = a[i] < b[j] ? a[i] : b[j];
    while (i < n && a[i] == x) i++;
    while (j < m && b[j] == x) j++;
    largest = fmax(largest, fabs((double)i / (double)n - (double)j / (double)m));
  }
  return largest;
}

/* ---- the normal distribution ---- */

static void test_normal_quantile(void **state) {
  (void)state;
  /* mpmath, 40 digits: the root of ncdf(z) = p */
  assert_true(fabs(pf_normal_quantile(0.975) - 1.959963984540054) < 1e-14);
  assert_true(fabs(pf_normal_quantile(1e-10) + 6.361340902404056) < 1e-13);
  assert_true(fabs(pf_normal_quantile(1e-300) + 37.04709629936120) < 1e-10);
  assert_true(fabs(pf_normal_quantile(0.7) - 0.5244005127080407) < 1e-14);
  assert_true(pf_normal_quantile(0.5) == 0 && isnan(pf_normal_quantile(-0.1)) &&
              isinf(pf_normal_quantile(1)));
  for (double z = -8; z <= 8; z += 0.0137) {
    double tolerance = z > 0 ? 1e-12 + 2e-16 / exp(pf_normal_log_density(z)) : 1e-12;
    assert_true(fabs(pf_normal_quantile(pf_normal_cdf(z)) - z) <= tolerance);
  }
  double step = 1e-5;
  for (double z = -4; z <= 4; z += 0.25) {
    double slope = (pf_normal_cdf(z + step) - pf_normal_cdf(z - step)) / (2 * step);
    assert_true(fabs(log(slope) - pf_normal_log_density(z)) < 1e-8);
  }
}

/* ---- quantile ---- */

static void test_encoded_columns_are_normal(void **state) {
  (void)state;
  pf_table *table = make_table();
  pf_encoder *encoder = NULL;
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  float *z = test_malloc(sizeof(float) * ROWS * SHAPE_COUNT);
  pf_encoder_encode(encoder, table->values, ROWS, 3, 0, z);
  for (int c = 0; c < SHAPE_COUNT; c++) {
    double wide[ROWS], largest = 0;
    for (int r = 0; r < ROWS; r++) wide[r] = z[r * SHAPE_COUNT + c];
    qsort(wide, ROWS, sizeof *wide, compare);
    for (int r = 0; r < ROWS; r++) largest = fmax(largest, fabs(pf_normal_cdf(wide[r]) - (r + 0.5) / ROWS));
    double bound = 1.95 / sqrt(ROWS); /* the law of KS: one test in a thousand */
    if (!(largest < bound)) fail_msg("%s: KS to N(0,1) is %g", SHAPES[c], largest);
  }
  test_free(z);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_decoded_normals_have_the_training_marginals(void **state) {
  (void)state;
  pf_table *table = make_table();
  pf_encoder *encoder = NULL;
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  float *z = test_malloc(sizeof(float) * DRAWS * SHAPE_COUNT);
  double *x = test_malloc(sizeof(double) * DRAWS * SHAPE_COUNT);
  for (int i = 0; i < DRAWS;
       i++) { /* an even grid of probabilities: no sampling noise, the floor is the table's */
    for (int c = 0; c < SHAPE_COUNT; c++)
      z[i * SHAPE_COUNT + c] = (float)pf_normal_quantile((i + 0.5) / DRAWS);
  }
  pf_encoder_decode(encoder, z, DRAWS, x);
  for (int c = 0; c < SHAPE_COUNT; c++) {
    double *a = sorted_column(table->values, ROWS, SHAPE_COUNT, c),
           *b = sorted_column(x, DRAWS, SHAPE_COUNT, c);
    double distance = ks(a, ROWS, b, DRAWS);
    bool discrete = strcmp(SHAPES[c], "dice") == 0 || strcmp(SHAPES[c], "rare") == 0;
    if (!(distance < (discrete ? 1.0 / DRAWS + 1e-6 : 0.003))) fail_msg("%s: KS is %g", SHAPES[c], distance);
    assert_true(b[0] >= a[0] && b[DRAWS - 1] <= a[ROWS - 1]);
    for (int i = 1; i < DRAWS; i++) assert_true(x[i * SHAPE_COUNT + c] >= x[(i - 1) * SHAPE_COUNT + c]);
    for (int i = 0; i < DRAWS; i++) {
      if (table->types[c] == PF_COLUMN_INTEGER) assert_true(b[i] == round(b[i]));
      if (strcmp(SHAPES[c], "cents") == 0) assert_true(b[i] == round(b[i] * 100) / 100);
      if (strcmp(SHAPES[c], "zeros") == 0) assert_true(b[i] == 0 || b[i] > 9);
    }
    test_free(a);
    test_free(b);
  }
  test_free(z);
  test_free(x);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_round_trip(void **state) {
  (void)state;
  pf_table *table = make_table();
  pf_encoder *encoder = NULL;
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  float *z = test_malloc(sizeof(float) * ROWS * SHAPE_COUNT);
  double *x = test_malloc(sizeof(double) * ROWS * SHAPE_COUNT);
  for (uint64_t seed = 0; seed < 3; seed++) {
    pf_encoder_encode(encoder, table->values, ROWS, seed, 0, z);
    pf_encoder_decode(encoder, z, ROWS, x);
    for (int i = 0; i < ROWS * SHAPE_COUNT; i++) {
      const char *shape = SHAPES[i % SHAPE_COUNT];
      double want = table->values[i], scale = 1 + fabs(want);
      bool smooth = strcmp(shape, "normal") == 0 || strcmp(shape, "bounded") == 0 ||
                    strcmp(shape, "cauchy") == 0 || (strcmp(shape, "zeros") == 0 && want > 0);
      if (strcmp(shape, "cauchy") == 0) scale *= scale; /* dx = du / density, and the tail is that thin */
      if (smooth ? !(fabs(x[i] - want) < 1e-4 * scale) : x[i] != want) {
        fail_msg("%s: %.17g came back as %.17g", shape, want, x[i]);
      }
    }
  }
  test_free(z);
  test_free(x);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_chunks_and_seeds(void **state) {
  (void)state;
  pf_table *table = make_table();
  pf_encoder *encoder = NULL;
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  float whole[50 * SHAPE_COUNT], part[50 * SHAPE_COUNT], other[50 * SHAPE_COUNT];
  pf_encoder_encode(encoder, table->values, 50, 1, 100, whole);
  pf_encoder_encode(encoder, table->values, 20, 1, 100, part);
  pf_encoder_encode(encoder, table->values + 20 * SHAPE_COUNT, 30, 1, 120, part + 20 * SHAPE_COUNT);
  assert_memory_equal(whole, part, sizeof whole);
  pf_encoder_encode(encoder, table->values, 50, 2, 100, other);
  assert_true(other[3] != whole[3]); /* an atom is spread anew */
  assert_true(other[0] == whole[0]); /* a continuous value is not */
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_outside_the_range_is_finite(void **state) {
  (void)state;
  pf_table *table = make_table();
  pf_encoder *encoder = NULL;
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  for (int sign = -1; sign <= 1; sign += 2) {
    double row[SHAPE_COUNT], back[SHAPE_COUNT], log_det = 0;
    float z[SHAPE_COUNT];
    for (int c = 0; c < SHAPE_COUNT; c++) row[c] = sign * 1e300;
    pf_encoder_encode(encoder, row, 1, 1, 0, z);
    for (int c = 0; c < SHAPE_COUNT; c++) assert_true(isfinite(z[c]) && z[c] * (float)sign > 3);
    pf_encoder_log_det(encoder, row, z, 1, &log_det);
    assert_true(log_det == -INFINITY);
    for (int c = 0; c < SHAPE_COUNT; c++) z[c] = (float)sign * 40;
    pf_encoder_decode(encoder, z, 1, back);
    for (int c = 0; c < SHAPE_COUNT; c++) {
      double *a = sorted_column(table->values, ROWS, SHAPE_COUNT, c);
      assert_true(back[c] == (sign < 0 ? a[0] : a[ROWS - 1]));
      test_free(a);
    }
  }
  pf_encoder_free(encoder);
  pf_table_free(table);
}

/* ---- densities ---- */

/* exp(log p(z) + log det) is a density: it adds up to one, and it is that of the data. */
static void test_quantile_log_det(void **state) {
  (void)state;
  double total = 0, rows[2] = {0.3, 0.3}, log_det = 0;
  float z = 0;
  pf_table *table = NULL;
  pf_encoder *encoder = NULL;
  assert_ok(pf_table_create(ROWS, 1, &table, &error));
  for (int r = 0; r < ROWS; r++) table->values[r] = pow((r + 0.5) / ROWS, 2); /* density 1 / (2 sqrt x) */
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  for (int i = 0; i < 10000; i++) {
    rows[0] = (i + 0.5) / 10000;
    pf_encoder_encode(encoder, rows, 1, 1, 0, &z);
    pf_encoder_log_det(encoder, rows, &z, 1, &log_det);
    double density = exp(pf_normal_log_density(z) + log_det);
    total += density / 10000;
    if (i % 100 == 50) assert_true(fabs(density * 2 * sqrt(rows[0]) - 1) < 0.1);
  }
  assert_true(fabs(total - 1) < 0.01);
  pf_encoder_free(encoder);
  for (int r = 0; r < ROWS; r++) table->values[r] = r % 4 == 0; /* P(1) = 1/4 */
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  for (uint64_t row = 0; row < 20; row++) {
    rows[0] = 1;
    pf_encoder_encode(encoder, rows, 1, 1, row, &z);
    pf_encoder_log_det(encoder, rows, &z, 1, &log_det);
    assert_true(fabs(exp(pf_normal_log_density(z) + log_det) - 0.25) < 1e-9);
  }
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_standard(void **state) {
  (void)state;
  const double values[] = {1, 10, 7, 3, 20, 7, 5, 60, 7};
  pf_table *table = NULL;
  pf_encoder *encoder = NULL;
  assert_ok(pf_table_from_values(3, 3, values, NULL, &table, &error));
  table->types[1] = PF_COLUMN_INTEGER;
  pf_encoder_options options = pf_encoder_options_default();
  options.kind = PF_ENCODER_STANDARD;
  assert_ok(pf_encoder_fit(table, &options, &encoder, &error));
  float z[9];
  double back[9], log_det[3];
  pf_encoder_encode(encoder, table->values, 3, 1, 0, z);
  double sd0 = sqrt(8.0 / 3), sd1 = sqrt((400.0 + 100 + 900) / 3);
  assert_true(z[0] == (float)(-2 / sd0) && z[3] == 0 && z[7] == (float)(30 / sd1) && z[2] == 0);
  pf_encoder_decode(encoder, z, 3, back);
  for (int i = 0; i < 9; i++) assert_true(fabs(back[i] - values[i]) < 1e-6);
  pf_encoder_log_det(encoder, table->values, z, 3, log_det);
  assert_true(fabs(log_det[1] + log(sd0) + log(sd1)) < 1e-14);
  assert_false(pf_encoder_column_constant(encoder, 0));
  assert_true(pf_encoder_column_constant(encoder, 2));
  const float far[9] = {100, 0.123f, 5, -100, 0, -5, 0, 0, 0};
  pf_encoder_decode(encoder, far, 3, back);
  assert_true(back[0] > 100 && back[3] < -100);            /* not clamped */
  assert_true(back[1] == round(back[1]) && back[1] == 33); /* 30 + 0.123 * 21.6 */
  assert_true(back[2] == 7 && back[5] == 7);               /* the constant */
  pf_encoder_free(encoder);
  encoder = NULL;
  for (int i = 0; i < 3; i++) table->values[3 * i] = i == 0 ? -1.7e308 : 1.7e308;
  assert_fails(pf_encoder_fit(table, &options, &encoder, &error), PF_BAD_INPUT, "column 'x1'");
  options.max_knots = 2;
  assert_fails(pf_encoder_fit(table, &options, &encoder, &error), PF_USAGE, "max_knots is 2");
  options = pf_encoder_options_default();
  options.atom_share = NAN;
  assert_fails(pf_encoder_fit(table, &options, &encoder, &error), PF_USAGE, "atom_share");
  assert_null(encoder);
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error)); /* quantiles do not mind the size */
  pf_encoder_encode(encoder, table->values, 3, 1, 0, z);
  pf_encoder_decode(encoder, z, 3, back);
  for (int i = 0; i < 9; i++) assert_true(isfinite(z[i]) && isfinite(back[i]));
  pf_encoder_free(encoder);
  pf_table_free(table);
}

/* ---- files ---- */

static pf_container *save(const pf_encoder *encoder) {
  pf_container *container = NULL;
  assert_ok(pf_container_create(&container, &error));
  assert_ok(pf_encoder_save(encoder, container, &error));
  return container;
}

/* One scale for all columns: distances between rows are those of the data over it, and constants stay constants. */
static void test_common_scale(void **state) {
  (void)state;
  enum { N = 200 };
  pf_encoder_options options = pf_encoder_options_default();
  pf_encoder *encoder = NULL;
  pf_table *table = NULL;
  float z[3 * N];
  double back[3 * N];
  options.kind = PF_ENCODER_STANDARD;
  options.scale = PF_SCALE_COMMON;
  assert_ok(pf_table_create(N, 3, &table, &error));
  for (int i = 0; i < N; i++) {
    table->values[3 * i] = i % 2 ? 13 : 7;         /* deviation 3 */
    table->values[3 * i + 1] = i % 4 < 2 ? -4 : 4; /* deviation 4 */
    table->values[3 * i + 2] = 2.5;
  }
  assert_ok(pf_encoder_fit(table, &options, &encoder, &error));
  pf_encoder_encode(encoder, table->values, N, 1, 0, z);
  double scale = sqrt((9 + 16) / 2.0);
  for (int i = 0; i < N; i++) {
    assert_true(fabs(z[3 * i] - (table->values[3 * i] - 10) / scale) < 1e-6);
    assert_true(fabs(z[3 * i + 1] - table->values[3 * i + 1] / scale) < 1e-6);
    assert_true(z[3 * i + 2] == 0);
  }
  pf_encoder_decode(encoder, z, N, back);
  for (int i = 0; i < 3 * N; i++) assert_true(fabs(back[i] - table->values[i]) < 1e-5);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

/* Numbers as they are; a constant stays what it was. */
static void test_no_scale(void **state) {
  (void)state;
  enum { N = 50 };
  pf_encoder_options options = pf_encoder_options_default();
  pf_encoder *encoder = NULL;
  pf_table *table = NULL;
  float z[2 * N];
  double back[2 * N];
  options.kind = PF_ENCODER_STANDARD;
  options.scale = PF_SCALE_NONE;
  assert_ok(pf_table_create(N, 2, &table, &error));
  for (int i = 0; i < N; i++) {
    table->values[2 * i] = 100 + i;
    table->values[2 * i + 1] = 2.5;
  }
  assert_ok(pf_encoder_fit(table, &options, &encoder, &error));
  pf_encoder_encode(encoder, table->values, N, 1, 0, z);
  for (int i = 0; i < N; i++) assert_true(z[2 * i] == (float)(100 + i));
  pf_encoder_decode(encoder, z, N, back);
  for (int i = 0; i < 2 * N; i++) assert_true(back[i] == table->values[i]);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_saved_and_loaded(void **state) {
  (void)state;
  pf_table *table = make_table();
  pf_encoder_kind kinds[SHAPE_COUNT] = {0};
  for (int c = 0; c < SHAPE_COUNT; c++) kinds[c] = c % 3 ? PF_ENCODER_QUANTILE : PF_ENCODER_STANDARD;
  pf_encoder_options options = pf_encoder_options_default();
  options.kinds = kinds;
  pf_encoder *encoder = NULL, *back = NULL;
  assert_ok(pf_encoder_fit(table, &options, &encoder, &error));
  pf_container *container = save(encoder);
  assert_ok(pf_encoder_load(container, SHAPE_COUNT, &back, &error));
  static float z[2][ROWS * SHAPE_COUNT];
  static double x[2][ROWS * SHAPE_COUNT], log_det[2][ROWS];
  const pf_encoder *both[2] = {encoder, back};
  for (int i = 0; i < 2; i++) {
    pf_encoder_encode(both[i], table->values, ROWS, 1, 0, z[i]);
    pf_encoder_decode(both[i], z[i], ROWS, x[i]);
    pf_encoder_log_det(both[i], table->values, z[i], ROWS, log_det[i]);
  }
  assert_memory_equal(z[0], z[1], sizeof z[0]);
  assert_memory_equal(x[0], x[1], sizeof x[0]);
  assert_memory_equal(log_det[0], log_det[1], sizeof log_det[0]);
  assert_int_equal(pf_encoder_column_kind(back, 0), PF_ENCODER_STANDARD);
  pf_encoder_free(back);
  back = NULL;
  assert_fails(pf_encoder_load(container, SHAPE_COUNT + 1, &back, &error), PF_BAD_INPUT, "encoder.columns");
  assert_null(back);
  pf_container_free(container);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static void test_damaged_arrays_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *array;
    int index; /* element */
    double value;
    const char *message;
  } CASES[] = {
      {"encoder.x", 0, NAN, "encoder.x"},
      {"encoder.x", 1, -1e9, "encoder.x is not increasing"},
      {"encoder.lower", 0, NAN, "distribution"},
      {"encoder.lower", 1, 0.0, "distribution"},
      {"encoder.upper", 0, 2, "distribution"},
      {"encoder.upper", 0, -1, "distribution"},
      {"encoder.columns", 0, INFINITY, "finite"},
      {"encoder.columns", 1, 0, "scale is not positive"},
      {"encoder.columns", 2, 1e9, "minimum is above"},
  };
  const double values[] = {1, 2, 3, 4, 5, 6};
  pf_table *table = NULL;
  pf_encoder *encoder = NULL, *back = NULL;
  assert_ok(pf_table_from_values(6, 1, values, NULL, &table, &error));
  assert_ok(pf_encoder_fit(table, NULL, &encoder, &error));
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    pf_container *container = save(encoder);
    double *data = pf_container_find(container, CASES[i].array)->data;
    data[CASES[i].index] = CASES[i].value;
    assert_fails(pf_encoder_load(container, 1, &back, &error), PF_BAD_INPUT, CASES[i].message);
    pf_container_free(container);
  }
  static const struct {
    int index;
    int64_t value;
  } WRONG[] = {{0, 2}, {0, -1}, {1, -2}, {1, 16}, {2, 0}, {2, 7}, {2, 5}, {2, INT64_MAX}};
  for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
    pf_container *container = save(encoder);
    int64_t *data = pf_container_find(container, "encoder.kinds")->data;
    data[WRONG[i].index] = WRONG[i].value;
    assert_fails(pf_encoder_load(container, 1, &back, &error), PF_BAD_INPUT, "encoder");
    pf_container_free(container);
  }
  pf_container *container = save(encoder);
  *(int64_t *)pf_container_find(container, "encoder.rows")->data = 0;
  assert_fails(pf_encoder_load(container, 1, &back, &error), PF_BAD_INPUT, "encoder.rows is 0");
  assert_null(back);
  pf_container_free(container);
  pf_encoder_free(encoder);
  pf_table_free(table);
}

static pf_status fit_save_load(const pf_table *table) {
  pf_encoder *encoder = NULL, *back = NULL;
  pf_container *container = NULL;
  pf_status status = pf_container_create(&container, &error);
  if (status == PF_OK) status = pf_encoder_fit(table, NULL, &encoder, &error);
  if (status == PF_OK) status = pf_encoder_save(encoder, container, &error);
  if (status == PF_OK) status = pf_encoder_load(container, table->columns, &back, &error);
  pf_encoder_free(encoder);
  pf_encoder_free(back);
  pf_container_free(container);
  return status;
}

/* The value at u by looking at every knot. */
static double value_by_scan(const pf_quantile_map *map, double u) {
  int64_t k = 0;
  for (int64_t i = 1; i < map->knots; i++)
    if (map->lower[i] <= u) k = i;
  if (u <= map->upper[k] || k + 1 == map->knots) return map->x[k];
  double share = (u - map->upper[k]) / (map->lower[k + 1] - map->upper[k]);
  return map->x[k] * (1 - share) + map->x[k + 1] * share;
}

/* Columns crowded into one cell of the guide, with atoms and without: the guided search finds the same knot. */
static void test_guided_search(void **state) {
  (void)state;
  enum { SORTED = 3000 };
  static double sorted[SORTED];
  for (int kind = 0; kind < 4; kind++) {
    pf_quantile_map map = {0};
    pf_quantile_options options = {kind < 2 ? 64 : 1024, kind % 2 ? 0.01 : 0.5, -1};
    for (int i = 0; i < SORTED; i++)
      sorted[i] = kind % 2 && i > 900 && i < 1800 ? 900 * 900 : (double)i * i; /* a long atom */
    for (int i = 1; i < SORTED; i++) sorted[i] = fmax(sorted[i], sorted[i - 1]);
    assert_ok(pf_quantile_map_fit(sorted, SORTED, &options, &map, NULL));
    for (int i = 0; i <= 20000; i++) {
      double u = i / 20000.0;
      assert_true(pf_quantile_map_value(&map, u) == value_by_scan(&map, u));
      u *= 1e-3; /* the dense end */
      assert_true(pf_quantile_map_value(&map, u) == value_by_scan(&map, u));
    }
    for (int64_t k = 0; k < map.knots; k++) {
      assert_true(pf_quantile_map_value(&map, map.lower[k]) == value_by_scan(&map, map.lower[k]));
      double below = nextafter(map.lower[k], 0);
      assert_true(pf_quantile_map_value(&map, below) == value_by_scan(&map, below));
    }
    assert_true(isnan(pf_quantile_map_value(&map, NAN)));
    pf_quantile_map_free(&map);
  }
}

static void test_every_allocation_can_fail(void **state) {
  (void)state;
  const double values[] = {1, 2, 3, 4, 5, 6};
  pf_table *table = NULL;
  assert_ok(pf_table_from_values(3, 2, values, NULL, &table, &error));
  assert_survives_no_memory(fit_save_load(table), (void)0);
  pf_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_normal_quantile),
      cmocka_unit_test(test_encoded_columns_are_normal),
      cmocka_unit_test(test_decoded_normals_have_the_training_marginals),
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_chunks_and_seeds),
      cmocka_unit_test(test_outside_the_range_is_finite),
      cmocka_unit_test(test_quantile_log_det),
      cmocka_unit_test(test_standard),
      cmocka_unit_test(test_common_scale),
      cmocka_unit_test(test_no_scale),
      cmocka_unit_test(test_saved_and_loaded),
      cmocka_unit_test(test_damaged_arrays_are_refused),
      cmocka_unit_test(test_guided_search),
      cmocka_unit_test(test_every_allocation_can_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
