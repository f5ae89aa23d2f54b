/* What eval and report measure a model against, and what a model says about itself. */
#include <stdlib.h>
#include <string.h>
#include "cli.h"

pf_status cli_describe(const pf_model *model, json_t **out, pf_error *error) {
  char *text = NULL;
  json_error_t fault;
  pf_status status = pf_model_describe(model, &text, error);
  if (status != PF_OK) return status;
  *out = json_loads(text, 0, &fault);
  pf_string_free(text);
  return *out ? PF_OK : cli_error(error, PF_FAILED, "the model's description is not JSON: %s", fault.text);
}

/* Where the model's training rows came from and how they were cut. */
typedef struct origin {
  char source[512];
  int64_t rows; /* trained on */
  uint64_t seed;
  double holdout_share; /* 0: nothing was cut off */
} origin;

static pf_status read_origin(const pf_model *model, origin *out, pf_error *error) {
  json_t *root = NULL;
  pf_status status = cli_describe(model, &root, error);
  if (status != PF_OK) return status;
  const json_t *facts = json_object_get(root, "facts");
  const char *source = json_string_value(json_object_get(facts, "source"));
  snprintf(out->source, sizeof out->source, "%s", source ? source : "");
  out->rows = json_integer_value(json_object_get(facts, "rows"));
  out->seed = (uint64_t)json_integer_value(json_object_get(facts, "seed"));
  out->holdout_share = json_number_value(json_object_get(facts, "holdout_share"));
  json_decref(root);
  return PF_OK;
}

/* ---- the source ---- */

/* Draws of a law as a source: apart from the data's of the same seed, and what is sampled apart from what was trained on. */
static const int64_t TRAINED_FROM = INT64_C(1) << 44, SAMPLED_FROM = INT64_C(1) << 45;
enum { SOURCE_ROWS = 100000 };

int64_t cli_source_seed(int64_t seed) { return (int64_t)((uint64_t)seed ^ (uint64_t)TRAINED_FROM); }

/* The law in the model's facts, or "". */
static pf_status recorded_law(const pf_model *model, char out[512], pf_error *error) {
  json_t *root = NULL;
  pf_status status = cli_describe(model, &root, error);
  if (status != PF_OK) return status;
  const char *from = json_string_value(json_object_get(json_object_get(root, "facts"), "from"));
  snprintf(out, 512, "%s", cli_is_law(from) ? from : "");
  json_decref(root);
  return PF_OK;
}

pf_status cli_open_source(pf_model *model, const cli_source *source, int64_t *rows, pf_error *error) {
  char law[512] = "";
  pf_table *table = NULL;
  if (rows) *rows = 0;
  if (!pf_model_needs_source(model) && !source->from) return PF_OK;
  pf_status status = source->from ? PF_OK : recorded_law(model, law, error);
  if (status != PF_OK || (!source->from && !law[0])) return status;
  pf_load_options load = {.rows = source->rows ? source->rows : SOURCE_ROWS,
                          .seed = (uint64_t)source->seed ^ (uint64_t)SAMPLED_FROM,
                          .min_rows = 1};
  status = pf_table_load(source->from ? source->from : law, &load, &table, error);
  if (status == PF_OK) status = pf_model_set_source(model, table, source->in_order, error);
  if (status == PF_OK && rows) *rows = pf_table_rows(table);
  pf_table_free(table);
  return status;
}

/* ---- the data ---- */

pf_status cli_load_wanted(const char *path, const pf_load_options *load, pf_table **out, pf_error *error) {
  pf_status status = pf_table_load(path, load, out, error);
  return status == PF_USAGE && !cli_is_law(path) ? (error->status = PF_BAD_INPUT) : status;
}

pf_status cli_load_columns(const pf_model *model, const char *path, int64_t min_rows, pf_table **out,
                           pf_error *error) {
  int n = pf_model_columns(model);
  const char **names = calloc((size_t)n, sizeof *names);
  if (!names) return cli_error(error, PF_NO_MEMORY, "out of memory");
  for (int j = 0; j < n; j++) names[j] = pf_model_column_name(model, j);
  pf_load_options load = {.columns = names, .n_columns = n, .min_rows = min_rows};
  pf_status status = cli_load_wanted(path, &load, out, error);
  free(names);
  return status;
}

/* Cuts the file a model was trained on as the training did. */
static pf_status keep_held_out(const origin *from, cli_real *real, pf_error *error) {
  pf_table *train = NULL, *held = NULL;
  if (strcmp(from->source, real->source) != 0 || strcmp(real->source, "-") == 0) return PF_OK;
  if (!(from->holdout_share > 0)) {
    cli_note("warning: the model was trained on these rows; its quality on new ones may be worse");
    return PF_OK;
  }
  pf_status status = pf_table_split(real->table, from->holdout_share, from->seed, &train, &held, error);
  if (status != PF_OK) return status;
  if (pf_table_rows(train) != from->rows) { /* the file has changed since */
    pf_table_free(train);
    pf_table_free(held);
    cli_note("warning: %s has changed since the training; some of its rows may have been trained on",
             real->source);
    return PF_OK;
  }
  pf_table_free(real->table);
  real->table = held;
  real->train = train;
  cli_note("%s was trained on: measuring on the %lld rows held out then", real->source,
           (long long)pf_table_rows(held));
  return PF_OK;
}

pf_status cli_open_real(const pf_model *model, const char *data, const char *train, cli_real *out,
                        pf_error *error) {
  cli_real real = {0};
  origin from = {0};
  pf_status status = read_origin(model, &from, error);
  if (status != PF_OK) return status;
  if (!data && !from.source[0])
    return cli_error(error, PF_USAGE, "the model does not say what it was trained on: give DATA");
  snprintf(real.source, sizeof real.source, "%s", data ? data : from.source);
  if (cli_is_law(real.source)) {
    *out = real;
    out->law = out->source;
    return PF_OK;
  }
  status = cli_load_columns(model, real.source, 0, &real.table, error);
  if (status == PF_OK && !train) status = keep_held_out(&from, &real, error);
  if (status == PF_OK && train) status = cli_load_columns(model, train, 0, &real.train, error);
  if (status == PF_OK)
    *out = real;
  else
    cli_real_free(&real);
  return status;
}

void cli_real_free(cli_real *real) {
  pf_table_free(real->table);
  pf_table_free(real->train);
  *real = (cli_real){0};
}
