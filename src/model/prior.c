/* Where samples begin: noise, or rows of the source that the model was trained to carry to its data; and under which
 * conditions. */
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../base/text.h"
#include "model.h"

bool pf_model_needs_source(const struct pf_model *model) { return model->from_source; }

pf_status pf_model_check_source(const struct pf_model *model, pf_error *error) {
  const char *from = json_string_value(json_object_get(model->facts, "from"));
  if (!model->from_source || model->source) return PF_OK;
  return pf_fail(
      error, PF_USAGE,
      "this model starts from rows of a source, not from noise: give it some (--from SOURCE)%s%.200s%s",
      from ? "; it was trained from '" : "", from ? from : "", from ? "'" : "");
}

/* One of `rows` for sample i. */
static int64_t random_row(uint64_t seed, uint32_t stream, int64_t i, int64_t rows) {
  pf_rng rng = pf_rng_at(seed, stream, 0, (uint64_t)i);
  return pf_rng_below(&rng, (uint32_t)rows);
}

/* "a, b" */
static void list_conditions(const struct pf_model *model, pf_text *out) {
  for (int i = 0; i < model->given.count; i++)
    pf_text_add(out, "%s%.80s", i > 0 ? ", " : "", pf_model_condition_name(model, i));
}

pf_status pf_model_check_prior(const struct pf_model *model, pf_error *error) {
  pf_text names = {0};
  PF_TRY(pf_model_check_source(model, error));
  if (model->given.count == 0 || model->conditions.rows > 0) return PF_OK;
  list_conditions(model, &names);
  pf_status status =
      names.status != PF_OK
          ? pf_fail(error, PF_NO_MEMORY, "out of memory")
          : pf_fail(error, PF_USAGE, "this model does not generate %.300s: give the values (--given)",
                    names.data);
  pf_text_free(&names);
  return status;
}

pf_status pf_model_set_source(struct pf_model *model, const pf_table *rows, bool in_order, pf_error *error) {
  float *source = NULL;
  if (!model->from_source)
    return pf_fail(error, PF_USAGE, "this model starts from noise: it takes no source (--from)");
  PF_TRY(pf_table_check(rows, "the source", 1, error));
  if (rows->columns != model->columns)
    return pf_fail(error, PF_BAD_INPUT, "the source has %d columns, the model %d", rows->columns,
                   model->columns);
  if (rows->rows > UINT32_MAX)
    return pf_fail(error, PF_BAD_INPUT, "%lld rows of a source, at most %lld are supported",
                   (long long)rows->rows, (long long)UINT32_MAX);
  PF_TRY(pf_alloc((size_t)rows->rows * (size_t)rows->columns, sizeof(float), &source, error));
  pf_encoder_encode(model->encoder, rows->values, rows->rows, 0, 0, source);
  pf_free(model->source);
  model->source = source;
  model->source_rows = rows->rows;
  model->source_in_order = in_order;
  return PF_OK;
}

/* ---- conditions ---- */

static pf_status copy_conditions(const struct pf_model *model, const pf_table *rows, pf_conditions *c,
                                 pf_error *error) {
  const int count = model->given.count;
  for (int k = 0; k < count; k++) {
    const char *name = pf_model_condition_name(model, k);
    const int column = pf_table_find(rows, name, strlen(name));
    if (column < 0) return pf_fail(error, PF_BAD_INPUT, "the conditions have no column '%.100s'", name);
    for (int64_t i = 0; i < rows->rows; i++) {
      const double value = rows->values[i * rows->columns + column];
      c->values[i * count + k] = value;
      /* of the single-precision value, which is what a caller's own noise carries */
      float *encoded = &c->encoded[i * count + k];
      *encoded = pf_encoder_standardise(model->encoder, model->given.columns[k], (double)(float)value);
      if (!isfinite(*encoded))
        return pf_fail(error, PF_BAD_INPUT,
                       "row %lld of the conditions, column '%.80s': %g is too large for single precision",
                       (long long)i + 1, name, value);
    }
  }
  return PF_OK;
}

pf_status pf_model_set_given(struct pf_model *model, const pf_table *rows, bool in_order, pf_error *error) {
  pf_conditions c = {.in_order = in_order};
  if (model->given.count == 0)
    return pf_fail(error, PF_USAGE, "this model generates every column: it takes no conditions (--given)");
  PF_TRY(pf_table_check(rows, "the conditions", 1, error));
  if (rows->rows > UINT32_MAX)
    return pf_fail(error, PF_BAD_INPUT, "%lld rows of conditions, at most %lld are supported",
                   (long long)rows->rows, (long long)UINT32_MAX);
  const size_t items = (size_t)rows->rows * (size_t)model->given.count;
  c.rows = rows->rows;
  pf_status status = pf_alloc(items, sizeof *c.values, &c.values, error);
  if (status == PF_OK) status = pf_alloc(items, sizeof *c.encoded, &c.encoded, error);
  if (status == PF_OK) status = copy_conditions(model, rows, &c, error);
  pf_conditions unused = status == PF_OK ? model->conditions : c;
  if (status == PF_OK) model->conditions = c;
  pf_free(unused.values);
  pf_free(unused.encoded);
  return status;
}

static int64_t pick_condition(const struct pf_model *model, uint64_t seed, int64_t i) {
  const pf_conditions *c = &model->conditions;
  return c->in_order ? i % c->rows : random_row(seed, PF_STREAM_GIVEN, i, c->rows);
}

const double *pf_model_condition(const struct pf_model *model, uint64_t seed, int64_t i) {
  return model->conditions.values + pick_condition(model, seed, i) * model->given.count;
}

static void give_conditions(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z) {
  const int count = model->given.count, d = model->columns;
  for (int64_t i = 0; i < rows.n; i++) {
    const float *encoded = model->conditions.encoded + pick_condition(model, seed, rows.first + i) * count;
    for (int k = 0; k < count; k++) z[i * d + model->given.columns[k]] = encoded[k];
  }
}

/* ---- draws ---- */

static int64_t pick_row(const struct pf_model *model, uint64_t seed, int64_t i) {
  return model->source_in_order ? i % model->source_rows
                                : random_row(seed, PF_STREAM_PRIOR, i, model->source_rows);
}

void pf_model_prior(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z) {
  size_t d = (size_t)model->columns;
  if (PF_CANARY(SOURCE_PRIOR, !model->from_source, true)) {
    pf_fill_normal_f32(seed, PF_STREAM_PRIOR, 0, (uint64_t)rows.first, (size_t)rows.n, d, z);
    if (model->conditions.rows > 0) give_conditions(model, seed, rows, z);
    return;
  }
  for (int64_t i = 0; i < rows.n; i++)
    memcpy(z + (size_t)i * d, model->source + (size_t)pick_row(model, seed, rows.first + i) * d,
           d * sizeof(float));
}
