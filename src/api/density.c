/* Public densities: arguments checked, tables made, work passed down. */
#include <stdio.h>
#include "../model/model.h"

pf_density_options pf_density_options_default(void) { return (pf_density_options){.seed = 1}; }

static pf_status open_follow(const pf_density_options *options, int64_t rows, pf_follow *out,
                             pf_error *error) {
  pf_density_options o = options ? *options : pf_density_options_default();
  *out = (pf_follow){.steps = o.steps, .tolerance = o.tolerance, .seed = o.seed};
  return rows > 256 ? pf_pool_create(o.threads, &out->pool, error) : PF_OK;
}

/* A table of columns z1..zd that is filled next. */
static pf_status new_noise(const pf_model *model, int64_t n, pf_table **out, pf_error *error) {
  pf_table *table = NULL;
  PF_TRY(pf_table_create(n, model->columns, &table, error));
  pf_status status = PF_OK;
  for (int j = 0; j < model->columns && status == PF_OK; j++) {
    char name[24];
    snprintf(name, sizeof name, "z%d", j + 1);
    status = pf_table_set_name(table, j, name, error);
  }
  if (status == PF_OK)
    *out = table;
  else
    pf_table_free(table);
  return status;
}

pf_status pf_model_log_density(const pf_model *model, const pf_density_options *options, const pf_table *rows,
                               double *out, pf_error *error) {
  pf_follow follow;
  PF_TRY(pf_table_check(rows, "the data", 1, error));
  PF_TRY(pf_model_check_table(model, rows, "the data", error));
  PF_TRY(open_follow(options, rows->rows, &follow, error));
  pf_status status = pf_model_follow(model, &follow, rows->rows, rows->values, NULL, out, NULL, error);
  pf_pool_free(follow.pool);
  return status;
}

pf_status pf_model_encode(const pf_model *model, const pf_density_options *options, const pf_table *rows,
                          pf_table **out, pf_error *error) {
  pf_follow follow;
  pf_table *noise = NULL;
  PF_TRY(pf_table_check(rows, "the data", 1, error));
  PF_TRY(pf_model_check_table(model, rows, "the data", error));
  PF_TRY(open_follow(options, rows->rows, &follow, error));
  pf_status status = new_noise(model, rows->rows, &noise, error);
  if (status == PF_OK)
    status = pf_model_follow(model, &follow, rows->rows, rows->values, noise->values, NULL, NULL, error);
  pf_pool_free(follow.pool);
  if (status == PF_OK)
    *out = noise;
  else
    pf_table_free(noise);
  return status;
}

pf_status pf_model_decode(const pf_model *model, const pf_density_options *options, const pf_table *noise,
                          pf_table **out, pf_error *error) {
  pf_follow follow;
  pf_table *rows = NULL;
  PF_TRY(pf_table_check(noise, "the noise", 1, error));
  if (noise->columns != model->columns)
    return pf_fail(error, PF_BAD_INPUT, "the noise has %d columns, the model %d", noise->columns,
                   model->columns);
  PF_TRY(open_follow(options, noise->rows, &follow, error));
  pf_status status = pf_model_new_table(model, noise->rows, &rows, error);
  if (status == PF_OK)
    status = pf_model_invert(model, &follow, noise->rows, noise->values, rows->values, error);
  pf_pool_free(follow.pool);
  if (status == PF_OK)
    *out = rows;
  else
    pf_table_free(rows);
  return status;
}
