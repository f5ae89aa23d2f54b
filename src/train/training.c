/* One training run: see training.h. */
#include "training.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../base/cpu.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../metrics/scale.h"
#include "../metrics/two_sample.h"
#include "condition.h"
#include "source.h"

enum { QUALITY_ROWS = 1000 };

/* ---- begin ---- */

/* FNV-1a, 64 bit: tells one data set or setting from another; not a defence against an adversary. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < length; i++) hash = (hash ^ p[i]) * 1099511628211u;
  return hash;
}

static uint64_t hash_table(const pf_table *table) {
  uint64_t hash = hash_bytes(14695981039346656037u, &table->rows, sizeof table->rows);
  for (int j = 0; j < table->columns; j++)
    hash = hash_bytes(hash, table->names[j], strlen(table->names[j]) + 1);
  return hash_bytes(hash, table->values, (size_t)table->rows * (size_t)table->columns * sizeof(double));
}

static pf_status choose_rows(pf_training *t, const pf_table *data, const pf_table *held, pf_error *error) {
  double share = t->options->holdout_share;
  if (held && held->columns != data->columns)
    return pf_fail(error, PF_BAD_INPUT, "the held-out data has %d columns, the training data %d",
                   held->columns, data->columns);
  t->data = data;
  t->held = held;
  if (held || share == 0) return PF_OK;
  if (!(share > 0 && share < 1))
    return pf_fail(error, PF_USAGE, "holdout-share is %g, must be in [0, 1)", share);
  PF_TRY(pf_table_split(data, share, t->seed, &t->own_data, &t->own_held, error));
  t->data = t->own_data;
  t->held = t->own_held;
  return PF_OK;
}

/* The source's rows; where they are paired with the data's, those whose partners are trained on. */
static pf_status choose_source(pf_training *t, const pf_table *data, pf_error *error) {
  const pf_table *from = t->options->from;
  const char *coupling = t->options->coupling;
  t->source = from;
  if (!from || !coupling || strcmp(coupling, "paired") != 0) return PF_OK;
  if (from->rows != data->rows)
    return pf_fail(error, PF_BAD_INPUT, "paired rows: the source has %lld, the data %lld",
                   (long long)from->rows, (long long)data->rows);
  if (!t->own_data) return PF_OK;
  pf_table *held = NULL;
  PF_TRY(pf_table_split(from, t->options->holdout_share, t->seed, &t->own_source, &held, error));
  pf_table_free(held);
  t->source = t->own_source;
  return PF_OK;
}

static pf_status choose_condition(pf_training *t, pf_error *error) {
  if (t->options->condition && t->options->from)
    return pf_fail(error, PF_USAGE,
                   "condition is '%.100s', which cannot be together with rows to start from (--from)",
                   t->options->condition);
  return pf_condition_parse(t->options->condition, t->data, &t->given, error);
}

/* Nothing says what another value would mean. */
static void warn_of_constants(const pf_training *t) {
  for (int i = 0; i < t->given.count; i++) {
    const int column = t->given.columns[i];
    const pf_decoding of = pf_encoder_decoding(t->encoder, column);
    if (of.minimum == of.maximum)
      pf_training_warn(t, "condition '%.80s' is %g in every row: under another value samples are a guess",
                       t->data->names[column], of.minimum);
  }
}

static pf_status check_names(const pf_table *data, const pf_table *held, pf_error *error) {
  for (int j = 0; held && j < data->columns; j++)
    if (strcmp(data->names[j], held->names[j]) != 0)
      return pf_fail(error, PF_BAD_INPUT,
                     "column %d is '%s' in the training data and '%s' in the held-out data", j + 1,
                     data->names[j], held->names[j]);
  return PF_OK;
}

/* A column whose shape a network should not have to learn: ties, or tails far beyond the normal law's. */
static bool column_is_rough(const pf_table *table, int column) {
  double mean = 0, m2 = 0, m3 = 0, m4 = 0;
  int64_t n = table->rows;
  for (int64_t i = 0; i < n; i++) mean += table->values[i * table->columns + column];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) {
    double e = table->values[i * table->columns + column] - mean;
    m2 += e * e;
    m3 += e * e * e;
    m4 += e * e * e * e;
  }
  if (table->types[column] == PF_COLUMN_INTEGER || !(m2 > 0)) return true;
  double skew = m3 / pow(m2, 1.5) * sqrt((double)n), kurtosis = m4 / (m2 * m2) * (double)n;
  return fabs(skew) > 1 || kurtosis > 6;
}

static pf_status fit_encoder(pf_training *t, const pf_table *rows, pf_error *error) {
  static const char *const names[] = {"standard", "common", "none", "quantile", "auto"};
  const char *name = t->options->encoder ? t->options->encoder : "auto";
  size_t kind = 0, count = sizeof names / sizeof *names;
  while (kind < count && strcmp(name, names[kind]) != 0) kind++;
  if (kind == count) return pf_fail_unknown(error, "encoder", name, names, count);
  bool is_auto = kind == 4;
  pf_encoder_options options = pf_encoder_options_default();
  options.kind = kind == 3 ? PF_ENCODER_QUANTILE : PF_ENCODER_STANDARD;
  options.scale = kind == 1 ? PF_SCALE_COMMON : kind == 2 ? PF_SCALE_NONE : PF_SCALE_OWN;
  /* one rough column decides for all: mixed kinds would put columns of one table on unlike scales */
  for (int j = 0; is_auto && j < t->d; j++)
    if (!pf_given_has(&t->given, j) && column_is_rough(rows, j)) options.kind = PF_ENCODER_QUANTILE;
  pf_text_add(&t->settings, "encoder %s ", name);
  bool *plain = NULL; /* a condition means the same whoever asks: its value is not spread at random */
  PF_TRY(pf_alloc((size_t)t->d, sizeof *plain, &plain, error));
  for (int i = 0; i < t->given.count; i++) {
    plain[t->given.columns[i]] = true;
    pf_text_add(&t->settings, "given %d ", t->given.columns[i]);
  }
  options.plain = plain;
  pf_status status = pf_encoder_fit(rows, &options, &t->encoder, error);
  pf_free(plain);
  return status;
}

/* One encoder for data and source: the identity of encoded rows is then the identity of rows. */
static pf_status fit_pooled(pf_training *t, pf_error *error) {
  pf_table *pooled = NULL;
  if (!t->source) return fit_encoder(t, t->data, error);
  PF_TRY(pf_source_pool(t->data, t->source, &pooled, error));
  pf_status status = fit_encoder(t, pooled, error);
  pf_table_free(pooled);
  return status;
}

static pf_status encode_rows(pf_training *t, pf_error *error) {
  const pf_table *from = t->source;
  PF_TRY(fit_pooled(t, error));
  PF_TRY(pf_alloc((size_t)t->n * (size_t)t->d, sizeof(float), &t->encoded, error));
  pf_encoder_encode(t->encoder, t->data->values, t->n, t->seed, 0, t->encoded);
  if (!from) return PF_OK;
  t->source_n = from->rows;
  PF_TRY(pf_alloc((size_t)from->rows * (size_t)t->d, sizeof(float), &t->source_encoded, error));
  pf_encoder_encode(t->encoder, from->values, from->rows, t->seed, PF_SOURCE_FIRST_ROW, t->source_encoded);
  return PF_OK;
}

/* Held-out rows in units of the training columns' spread: the scale of the quality curve. */
static pf_status scale_held(pf_training *t, pf_error *error) {
  if (!t->held) return PF_OK;
  t->held_rows = t->held->rows < QUALITY_ROWS ? t->held->rows : QUALITY_ROWS;
  PF_TRY(pf_alloc((size_t)t->held_rows * (size_t)t->d, sizeof(double), &t->held_scaled, error));
  return pf_scale_apply(&t->scale, (pf_points){t->held->values, (size_t)t->held_rows, (size_t)t->d},
                        t->held_scaled, error);
}

pf_status pf_training_begin(const pf_table *data, const pf_table *held, const pf_train_options *options,
                            pf_training *out, pf_error *error) {
  pf_training t = {.options = options, .seed = (uint64_t)options->seed, .begun = pf_clock_seconds()};
  pf_status status = pf_table_check(data, "training data", 2, error);
  if (status == PF_OK && held) status = pf_table_check(held, "held-out data", 2, error);
  if (status == PF_OK) status = choose_rows(&t, data, held, error);
  if (status == PF_OK) status = check_names(t.data, t.held, error);
  if (status == PF_OK && t.data->rows >= 1 << 24)
    status = pf_fail(error, PF_BAD_INPUT, "%lld training rows, at most %d are supported",
                     (long long)t.data->rows, (1 << 24) - 1);
  if (status == PF_OK && options->from) status = pf_source_check(options->from, t.data->columns, error);
  if (status == PF_OK) status = choose_source(&t, data, error);
  if (status == PF_OK) status = choose_condition(&t, error);
  if (status == PF_OK) {
    t.n = t.data->rows;
    t.d = t.data->columns;
    t.data_hash = hash_table(t.data);
    if (options->from) t.data_hash = t.data_hash * 31 + hash_table(t.source);
    t.last_checkpoint = t.last_progress = t.begun;
    if (options->threads < INT_MIN || options->threads > INT_MAX)
      status = pf_fail(error, PF_USAGE, "threads is %lld", (long long)options->threads);
    else
      status = pf_pool_create((int)options->threads, &t.pool, error);
  }
  if (status == PF_OK) status = encode_rows(&t, error);
  if (status == PF_OK) warn_of_constants(&t);
  pf_points rows = {t.data ? t.data->values : NULL, (size_t)t.n, (size_t)t.d};
  if (status == PF_OK) status = pf_scale_fit(rows, &t.scale, error);
  if (status == PF_OK) status = scale_held(&t, error);
  if (status == PF_OK && options->hooks.profile) status = pf_rates_measure(&t.rates, error);
  if (status == PF_OK) status = pf_registry_create(&t.registry, error);
  *out = t;
  /* the stage is registered by address: only once it has its final place */
  if (status == PF_OK) status = pf_registry_add_i64(out->registry, "stage", &out->stage, 1, error);
  if (status != PF_OK) pf_training_end(out);
  return status;
}

void pf_training_end(pf_training *t) {
  pf_table_free(t->own_data);
  pf_table_free(t->own_held);
  pf_table_free(t->own_source);
  pf_encoder_free(t->encoder);
  pf_free(t->encoded);
  pf_free(t->source_encoded);
  pf_free(t->held_scaled);
  pf_scale_clear(&t->scale);
  pf_pool_free(t->pool);
  pf_registry_free(t->registry);
  pf_text_free(&t->settings);
  for (int i = 0; i < t->n_curves; i++) {
    pf_free(t->curves[i].steps);
    pf_free(t->curves[i].values);
  }
  *t = (pf_training){0};
}

/* ---- curves ---- */

pf_status pf_training_add_curve(pf_training *t, const char *name, int *index, pf_error *error) {
  if (t->n_curves == PF_MODEL_CURVES)
    return pf_fail(error, PF_FAILED, "no room for curve '%s': a model keeps %d", name, PF_MODEL_CURVES);
  pf_training_curve *curve = &t->curves[t->n_curves];
  snprintf(curve->name, sizeof curve->name, "%s", name);
  PF_TRY(pf_alloc(PF_CURVE_CAPACITY, sizeof(double), &curve->steps, error));
  *index = t->n_curves++;
  PF_TRY(pf_alloc(PF_CURVE_CAPACITY, sizeof(double), &curve->values, error));
  char key[80];
  snprintf(key, sizeof key, "curve.%s.count", name);
  PF_TRY(pf_registry_add_i64(t->registry, key, &curve->count, 1, error));
  snprintf(key, sizeof key, "curve.%s.steps", name);
  PF_TRY(pf_registry_add_f64(t->registry, key, curve->steps, PF_CURVE_CAPACITY, error));
  snprintf(key, sizeof key, "curve.%s.values", name);
  return pf_registry_add_f64(t->registry, key, curve->values, PF_CURVE_CAPACITY, error);
}

void pf_training_record(pf_training *t, int curve, double step, double value) {
  if (curve < 0) return;
  pf_training_curve *c = &t->curves[curve];
  if (c->count >= PF_CURVE_CAPACITY) return;
  c->steps[c->count] = step;
  c->values[c->count++] = value;
}

/* Those of a random row of the data to each row of x. */
static void give_conditions(const pf_training *t, uint32_t stream, pf_rows rows, float *x) {
  const size_t d = (size_t)t->d;
  for (int64_t i = 0; i < rows.n; i++) {
    pf_rng rng =
        pf_rng_at(t->seed ^ ((uint64_t)stream << 32), PF_STREAM_GIVEN, 0, (uint64_t)(rows.first + i));
    const float *row = t->encoded + pf_rng_below(&rng, (uint32_t)t->n) * d;
    for (int k = 0; k < t->given.count; k++)
      x[(size_t)i * d + (size_t)t->given.columns[k]] = row[t->given.columns[k]];
  }
}

void pf_training_prior(const pf_training *t, uint32_t stream, pf_rows rows, float *x) {
  size_t d = (size_t)t->d;
  if (t->source_n == 0) {
    pf_fill_normal_f32(t->seed, stream, 1, (uint64_t)rows.first, (size_t)rows.n, d, x);
    if (t->given.count > 0) give_conditions(t, stream, rows, x);
    return;
  }
  for (int64_t i = 0; i < rows.n; i++) {
    pf_rng rng = pf_rng_at(t->seed, stream, 1, (uint64_t)(rows.first + i));
    size_t row = pf_rng_below(&rng, (uint32_t)t->source_n);
    memcpy(x + (size_t)i * d, t->source_encoded + row * d, d * sizeof(float));
  }
}

pf_status pf_training_samples(pf_training *t, pf_training_sampler *sampler, void *context, double *rows,
                              pf_error *error) {
  size_t n = (size_t)t->held_rows, d = (size_t)t->d;
  float *x = NULL;
  PF_TRY(pf_alloc(n * d, sizeof(float), &x, error));
  pf_status status = sampler(context, (pf_rows){0, t->held_rows}, x, error);
  if (status == PF_OK) {
    pf_encoder_decode(t->encoder, x, t->held_rows, rows);
    status = pf_scale_apply(&t->scale, (pf_points){rows, n, d}, rows, error);
  }
  pf_free(x);
  return status;
}

pf_status pf_training_quality(pf_training *t, pf_training_sampler *sampler, void *context, double *out,
                              pf_error *error) {
  *out = NAN;
  if (!t->held || t->held_rows < 2) return PF_OK;
  size_t n = (size_t)t->held_rows, d = (size_t)t->d;
  double *rows = NULL;
  PF_TRY(pf_alloc(n * d, sizeof(double), &rows, error));
  pf_status status = pf_training_samples(t, sampler, context, rows, error);
  if (status == PF_OK)
    status =
        pf_energy_distance((pf_points){rows, n, d}, (pf_points){t->held_scaled, n, d}, t->pool, out, error);
  pf_free(rows);
  return status;
}

/* ---- checkpoints ---- */

static void fingerprint(const pf_training *t, char out[64]) {
  const char *text = t->settings.data ? t->settings.data : "";
  uint64_t settings = hash_bytes(14695981039346656037u, text, strlen(text));
  snprintf(out, 64, "%016llx-%016llx-%llu", (unsigned long long)t->data_hash, (unsigned long long)settings,
           (unsigned long long)t->seed);
}

pf_status pf_training_checkpoint(pf_training *t, pf_error *error) {
  if (!t->options->checkpoint) return PF_OK;
  char name[64];
  fingerprint(t, name);
  t->last_checkpoint = pf_clock_seconds();
  return pf_registry_save(t->registry, t->options->checkpoint, name, error);
}

pf_status pf_training_resume(pf_training *t, bool *resumed, pf_error *error) {
  *resumed = false;
  if (t->settings.status != PF_OK) return pf_fail(error, t->settings.status, "out of memory");
  if (!t->options->resume || !t->options->checkpoint) return PF_OK;
  if (access(t->options->checkpoint, F_OK) != 0) {
    pf_training_log(t, "no checkpoint %s: training starts from the beginning", t->options->checkpoint);
    return PF_OK;
  }
  char name[64];
  fingerprint(t, name);
  PF_TRY(pf_registry_load(t->registry, t->options->checkpoint, name, error));
  *resumed = true;
  return PF_OK;
}

/* ---- along the way ---- */

static void say(const pf_training *t, pf_log_level level, const char *format, va_list arguments) {
  char message[512];
  if (!t->options->hooks.log) return;
  vsnprintf(message, sizeof message, format, arguments);
  t->options->hooks.log(t->options->hooks.context, level, message);
}

void pf_training_log(const pf_training *t, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(t, PF_LOG_INFO, format, arguments);
  va_end(arguments);
}

void pf_training_warn(const pf_training *t, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(t, PF_LOG_WARNING, format, arguments);
  va_end(arguments);
}

static void show_progress(const pf_training_stage *stage, int64_t step, double loss, double now) {
  const pf_hooks *hooks = &stage->training->options->hooks;
  if (!hooks->progress) return;
  int64_t here = step - stage->first_step;
  double seconds = now - stage->begun;
  double left = here > 0 ? seconds / (double)here * (double)(stage->steps - step) : NAN;
  pf_progress progress = {.stage = stage->name,
                          .done = step,
                          .total = stage->steps,
                          .loss = loss,
                          .seconds = seconds,
                          .eta_seconds = left + stage->seconds_after};
  hooks->progress(hooks->context, &progress);
}

bool pf_training_is_point(int64_t k, int64_t n, int64_t points) {
  return points > 0 && n > 0 && k * points / n != (k - 1) * points / n;
}

static pf_status record_curves(pf_training_stage *stage, int64_t step, double loss, pf_error *error) {
  pf_training *t = stage->training;
  if (pf_training_is_point(step, stage->steps, stage->loss_points))
    pf_training_record(t, stage->loss_curve, (double)step, loss);
  if (stage->quality_curve < 0 || !pf_training_is_point(step, stage->steps, stage->quality_points))
    return PF_OK;
  double value = NAN;
  PF_TRY(pf_training_quality(t, stage->sampler, stage->sampler_context, &value, error));
  pf_training_record(t, stage->quality_curve, (double)step, value);
  return PF_OK;
}

pf_status pf_training_step_done(pf_training_stage *stage, int64_t step, double loss, pf_error *error) {
  pf_training *t = stage->training;
  PF_TRY(record_curves(stage, step, loss, error));
  double now = pf_clock_seconds();
  if (stage->begun == 0) {
    stage->begun = now;
    stage->first_step = step;
  }
  if (now - t->last_progress > 0.2 || step == stage->steps) {
    t->last_progress = now;
    show_progress(stage, step, loss, now);
  }
  const pf_hooks *hooks = &t->options->hooks;
  if (hooks->stop && hooks->stop(hooks->context)) {
    PF_TRY(pf_training_checkpoint(t, error));
    return pf_fail(error, PF_STOPPED, "stopped at step %lld of stage '%s'%s%s", (long long)step, stage->name,
                   t->options->checkpoint ? "; checkpoint saved in " : "",
                   t->options->checkpoint ? t->options->checkpoint : "");
  }
  if (now - t->last_checkpoint > t->options->checkpoint_seconds) return pf_training_checkpoint(t, error);
  return PF_OK;
}

pf_status pf_training_after_step(void *context, pf_fit_state *state, pf_error *error) {
  return pf_training_step_done(context, state->step, state->loss, error);
}

pf_status pf_training_profile(const pf_training_stage *stage, const pf_fit *fit, const pf_layout *layout,
                              pf_error *error) {
  const pf_hooks *hooks = &stage->training->options->hooks;
  pf_profile profile;
  if (!hooks->profile || stage->begun == 0) return PF_OK; /* not a step was run here */
  PF_TRY(pf_fit_profile(fit, layout, &stage->training->rates, &profile, error));
  profile.stage = stage->name;
  hooks->profile(hooks->context, &profile);
  pf_free((void *)profile.lines);
  return PF_OK;
}

/* ---- the end ---- */

static pf_status common_facts(const pf_training *t, struct pf_model *model, pf_error *error) {
  json_t *facts = model->facts;
  pf_precision precision;
  PF_TRY(pf_precision_find(t->options->precision ? t->options->precision : "auto", &precision, error));
  json_object_set_new(facts, "version", json_string(pf_version()));
  json_object_set_new(facts, "method", json_string(t->options->method));
  json_object_set_new(facts, "seed", json_integer((json_int_t)t->seed));
  json_object_set_new(facts, "rows", json_integer(t->n));
  json_object_set_new(facts, "instruction_set", json_string(pf_cpu_class()));
  json_object_set_new(facts, "precision", json_string(pf_precision_name(precision)));
  json_object_set_new(facts, "products", json_string(pf_precision_kernels(precision)));
  json_object_set_new(facts, "holdout_share", json_real(t->own_held ? t->options->holdout_share : 0));
  if (t->options->source) json_object_set_new(facts, "source", json_string(t->options->source));
  if (t->source_n > 0) json_object_set_new(facts, "from_rows", json_integer(t->source_n));
  if (t->source_n > 0 && t->options->from_name)
    json_object_set_new(facts, "from", json_string(t->options->from_name));
  if (t->options->command) json_object_set_new(facts, "command", json_string(t->options->command));
  return json_object_size(facts) >= 7 ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
}

pf_status pf_training_model(pf_training *t, struct pf_model **out, pf_error *error) {
  struct pf_model *model = NULL;
  PF_TRY(pf_model_create(t->data, &model, error));
  model->encoder = t->encoder;
  t->encoder = NULL;
  model->from_source = t->source_n > 0;
  model->given = t->given;
  pf_status status = common_facts(t, model, error);
  for (int i = 0; i < t->n_curves && status == PF_OK; i++) {
    const pf_training_curve *c = &t->curves[i];
    status = pf_model_add_curve(model, c->name, c->count, c->steps, c->values, error);
  }
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  return status;
}
