/* The model object: creation, curves, freeing. Files are in file.c, sampling in sampler.c. */
#include "model.h"

#include <stdio.h>
#include <string.h>
#include "../base/memory.h"

pf_status pf_model_create(const pf_table *like, struct pf_model **out, pf_error *error) {
  struct pf_model *model = NULL;
  PF_TRY(pf_alloc(1, sizeof *model, &model, error));
  model->columns = like->columns;
  model->end = 1;
  pf_status status = pf_table_take(like, NULL, 0, &model->columns_like, error);
  if (status == PF_OK) {
    model->facts = json_object();
    if (!model->facts) status = pf_fail(error, PF_NO_MEMORY, "out of memory");
  }
  if (status != PF_OK) {
    pf_model_free(model);
    return status;
  }
  *out = model;
  return PF_OK;
}

void pf_model_free(struct pf_model *model) {
  if (!model) return;
  pf_table_free(model->columns_like);
  pf_encoder_free(model->encoder);
  pf_learned_free(model->generator);
  pf_learned_free(model->velocity);
  pf_cnf_free(model->flow);
  pf_critic_free(model->critic);
  pf_free(model->source);
  pf_free(model->conditions.values);
  pf_free(model->conditions.encoded);
  json_decref(model->facts);
  for (int i = 0; i < model->n_curves; i++) {
    pf_free(model->curves[i].steps);
    pf_free(model->curves[i].values);
  }
  pf_free(model);
}

pf_status pf_model_add_curve(struct pf_model *model, const char *name, int64_t count, const double *steps,
                             const double *values, pf_error *error) {
  if (model->n_curves == PF_MODEL_CURVES)
    return pf_fail(error, PF_FAILED, "no room for curve '%s': a model keeps %d", name, PF_MODEL_CURVES);
  pf_curve curve = {.count = count};
  snprintf(curve.name, sizeof curve.name, "%s", name);
  pf_status status = pf_alloc((size_t)count, sizeof(double), &curve.steps, error);
  if (status == PF_OK) status = pf_alloc((size_t)count, sizeof(double), &curve.values, error);
  if (status != PF_OK) {
    pf_free(curve.steps);
    return status;
  }
  if (count > 0) {
    memcpy(curve.steps, steps, (size_t)count * sizeof(double));
    memcpy(curve.values, values, (size_t)count * sizeof(double));
  }
  model->curves[model->n_curves++] = curve;
  return PF_OK;
}

int pf_model_columns(const struct pf_model *model) { return model->columns; }

int pf_model_conditions(const struct pf_model *model) { return model->given.count; }

const char *pf_model_condition_name(const struct pf_model *model, int i) {
  return i >= 0 && i < model->given.count ? model->columns_like->names[model->given.columns[i]] : NULL;
}

const char *pf_model_column_name(const struct pf_model *model, int column) {
  return column >= 0 && column < model->columns ? model->columns_like->names[column] : NULL;
}

pf_status pf_model_new_table(const struct pf_model *model, int64_t n, pf_table **out, pf_error *error) {
  const pf_table *like = model->columns_like;
  pf_table *table = NULL;
  PF_TRY(pf_table_create(n, model->columns, &table, error));
  pf_status status = PF_OK;
  for (int j = 0; j < model->columns && status == PF_OK; j++) {
    table->types[j] = like->types[j];
    table->decimals[j] = like->decimals[j];
    status = pf_table_set_name(table, j, like->names[j], error);
  }
  if (status == PF_OK)
    *out = table;
  else
    pf_table_free(table);
  return status;
}

pf_status pf_model_check_table(const struct pf_model *model, const pf_table *table, const char *what,
                               pf_error *error) {
  if (table->columns != model->columns)
    return pf_fail(error, PF_BAD_INPUT, "%s has %d columns, the model %d", what, table->columns,
                   model->columns);
  for (int j = 0; j < model->columns; j++)
    if (strcmp(table->names[j], model->columns_like->names[j]) != 0)
      return pf_fail(error, PF_BAD_INPUT, "column %d of %s is '%s', the model's is '%s'", j + 1, what,
                     table->names[j], model->columns_like->names[j]);
  return PF_OK;
}
