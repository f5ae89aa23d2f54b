/* Where samples begin: noise, or rows of the source that the model was trained to carry to its data. */
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "model.h"

bool pf_model_needs_source(const struct pf_model *model) { return model->from_source; }

pf_status pf_model_check_prior(const struct pf_model *model, pf_error *error) {
  const char *from = json_string_value(json_object_get(model->facts, "from"));
  if (!model->from_source || model->source) return PF_OK;
  return pf_fail(
      error, PF_USAGE,
      "this model starts from rows of a source, not from noise: give it some (--from SOURCE)%s%.200s%s",
      from ? "; it was trained from '" : "", from ? from : "", from ? "'" : "");
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

static int64_t pick_row(const struct pf_model *model, uint64_t seed, int64_t i) {
  if (model->source_in_order) return i % model->source_rows;
  pf_rng rng = pf_rng_at(seed, PF_STREAM_PRIOR, 0, (uint64_t)i);
  return pf_rng_below(&rng, (uint32_t)model->source_rows);
}

void pf_model_prior(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z) {
  size_t d = (size_t)model->columns;
  if (PF_CANARY(SOURCE_PRIOR, !model->from_source, true)) {
    pf_fill_normal_f32(seed, PF_STREAM_PRIOR, 0, (uint64_t)rows.first, (size_t)rows.n, d, z);
    return;
  }
  for (int64_t i = 0; i < rows.n; i++)
    memcpy(z + (size_t)i * d, model->source + (size_t)pick_row(model, seed, rows.first + i) * d,
           d * sizeof(float));
}
