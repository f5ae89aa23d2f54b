/* Models to export, and their samples. A header of static functions. */
#ifndef PF_TESTS_EMIT_EMIT_MODELS_H
#define PF_TESTS_EMIT_EMIT_MODELS_H

#include "model/maps.h"
#include "emit/emit.h"

enum { MIXED = 5 };

/* What a model is made of; the zero of every field is the simplest. */
typedef struct recipe {
  int width, depth; /* 0: 8 and 2 */
  pf_activation activation;
  pf_interpolant interpolant;
  bool plain, skip, spectral, residual;
  int columns;                 /* 0: 2 */
  bool mixed;                  /* MIXED columns of every kind of encoding; otherwise `encoder` for all */
  pf_encoder_options *encoder; /* NULL: standard */
  pf_given given;
} recipe;

/* Rows of columns that differ: real, integer, two decimals, with an atom, constant. */
static inline pf_table *some_rows(int columns) {
  enum { ROWS = 400 };
  static double values[ROWS * 16];
  pf_error error = {0};
  pf_table *table = NULL;
  for (int i = 0; i < ROWS; i++)
    for (int c = 0; c < columns; c++) {
      const double u = (i * (7 + 2 * c) % ROWS + .5) / ROWS, x = tan(2.8 * (u - .5)) + c;
      const double kinds[MIXED] = {x, round(4 * x), round(100 * x) / 100, u < .3 ? -1.25 : x, 3.5};
      values[i * columns + c] = kinds[c % MIXED];
    }
  must(pf_table_from_values(ROWS, columns, values, NULL, &table, &error), &error);
  for (int c = 0; c < columns; c++) {
    table->types[c] = c % MIXED == 1 ? PF_COLUMN_INTEGER : PF_COLUMN_REAL;
    table->decimals[c] = c % MIXED == 1 ? 0 : c % MIXED == 2 ? 2 : -1;
  }
  return table;
}

/* Encoded columns of about unit size come out of every one of these maps. */
static inline pf_learned *recipe_map(const recipe *r, int columns) {
  pf_time_map map = {.interpolant = r->interpolant, .skip = r->skip, .given = r->given};
  map.network = (pf_network_config){.inputs = columns,
                                    .outputs = columns - r->given.count,
                                    .width = r->width ? r->width : 8,
                                    .depth = r->depth ? r->depth : 2,
                                    .times = r->plain ? 0 : 2,
                                    .frequencies = 3,
                                    .max_frequency = 4,
                                    .residual = r->residual,
                                    .activation = r->activation,
                                    .last_gain = 1,
                                    .spectral = r->spectral};
  pf_error error = {0};
  pf_learned *learned = NULL;
  pf_layout layout = {0};
  float *params = NULL;
  must(pf_network_layout(&map.network, &layout, &error), &error);
  must(pf_alloc((size_t)layout.total, sizeof *params, &params, &error), &error);
  pf_layout_initialise(&layout, 5, params);
  for (int i = 0; i < layout.count; i++) /* biases and the second time begin at zero */
    for (int64_t k = 0;
         k < pf_shape_items(&layout.items[i].shape) && layout.items[i].initial.kind == PF_INIT_ZERO; k++)
      params[layout.items[i].offset + k] = .1f * (float)sin((double)(3 * k + i));
  for (int k = 0; k < 5; k++) pf_network_spectral_step(&map.network, params);
  must(pf_learned_create(&map, params, &learned, &error), &error);
  pf_layout_free(&layout);
  pf_free(params);
  return learned;
}

static inline struct pf_model *recipe_model(const recipe *r) {
  pf_error error = {0};
  bool plain[16] = {false};
  struct pf_model *model = NULL;
  pf_encoder_kind kinds[MIXED + 1] = {PF_ENCODER_STANDARD, PF_ENCODER_QUANTILE, PF_ENCODER_QUANTILE,
                                      PF_ENCODER_QUANTILE, PF_ENCODER_STANDARD, PF_ENCODER_STANDARD};
  pf_encoder_options options = pf_encoder_options_default();
  const int columns = r->mixed ? MIXED : r->columns ? r->columns : D;
  pf_table *table = some_rows(columns);
  options.kind = PF_ENCODER_STANDARD;
  if (r->mixed) options.kinds = kinds;
  if (r->encoder) options = *r->encoder;
  for (int k = 0; k < r->given.count; k++) plain[r->given.columns[k]] = true;
  options.plain = plain;
  must(pf_model_create(table, &model, &error), &error);
  must(pf_encoder_fit(table, &options, &model->encoder, &error), &error);
  model->generator = recipe_map(r, columns);
  model->given = r->given;
  if (r->given.count > 0) must(pf_model_set_given(model, table, true, &error), &error);
  pf_table_free(table);
  return model;
}

/* n samples of seed 9 from row 3 on, in double. */
enum { SEED = 9, FIRST = 3 };
static inline double *samples_of(const struct pf_model *model, int64_t n) {
  pf_error error = {0};
  double *out = NULL;
  pf_draw how = {.seed = SEED};
  must(pf_alloc((size_t)(n * model->columns), sizeof *out, &out, &error), &error);
  must(pf_model_draw(model, &how, (pf_rows){FIRST, n}, out, &error), &error);
  return out;
}

/* The noise of the same samples from `first` on, as a caller would hand it over. */
static inline void noise_of(const struct pf_model *model, int64_t first, int64_t n, float *z) {
  pf_error error = {0};
  pf_sampler *sampler = NULL;
  must(pf_sampler_create(model, NULL, &sampler, &error), &error);
  must(pf_sampler_noise(sampler, (pf_sample_range){SEED, first, n}, z, &error), &error);
  pf_sampler_free(sampler);
}

/* Standard deviation of a column; 1 for a constant one. */
static inline double spread_of(const double *x, int64_t n, int columns, int c) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) mean += x[i * columns + c] / (double)n;
  for (int64_t i = 0; i < n; i++) squares += pow(x[i * columns + c] - mean, 2);
  return squares > 0 ? sqrt(squares / (double)n) : 1;
}

#endif
