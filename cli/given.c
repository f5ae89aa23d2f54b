/* --given: the conditions of samples, from a file or as NAME=VALUE pairs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

/* Draws of a law as conditions: apart from what is trained on and measured. */
static const int64_t GIVEN_OF_LAW = INT64_C(1) << 46;
enum { LAW_ROWS = 100000 };

/* ---- NAME=VALUE ---- */

/* Which condition `pair` names; the text behind "=" in *value. */
static int find_pair(const pf_model *model, const char *pair, const char **value) {
  const size_t length = strcspn(pair, "=");
  *value = pair + length + (pair[length] == '=');
  for (int i = 0; i < pf_model_conditions(model); i++) {
    const char *name = pf_model_condition_name(model, i);
    if (strlen(name) == length && strncmp(name, pair, length) == 0) return i;
  }
  return -1;
}

static pf_status read_pair(const pf_model *model, const char *pair, double *values, bool *seen,
                           pf_error *error) {
  const char *text = NULL;
  const int i = find_pair(model, pair, &text);
  if (i < 0)
    return cli_error(error, PF_USAGE,
                     "--given '%.80s' does not begin with one of the model's conditions: %.80s%s", pair,
                     pf_model_condition_name(model, 0), pf_model_conditions(model) > 1 ? ", ..." : "");
  if (seen[i])
    return cli_error(error, PF_USAGE, "--given names '%.80s' twice", pf_model_condition_name(model, i));
  if (!cli_read_real(text, &values[i]))
    return cli_error(error, PF_USAGE, "--given '%.80s': '%.40s' is no number", pair, text);
  seen[i] = true;
  return PF_OK;
}

static pf_status read_pairs(const pf_model *model, char *const *pairs, int count, pf_table **out,
                            pf_error *error) {
  const int n = pf_model_conditions(model);
  const char *names[PF_CONDITIONS_MOST];
  double values[PF_CONDITIONS_MOST];
  bool seen[PF_CONDITIONS_MOST] = {false};
  for (int i = 0; i < count; i++) {
    pf_status status = read_pair(model, pairs[i], values, seen, error);
    if (status != PF_OK) return status;
  }
  for (int i = 0; i < n; i++) {
    names[i] = pf_model_condition_name(model, i);
    if (!seen[i]) return cli_error(error, PF_USAGE, "--given has no value of '%.80s'", names[i]);
  }
  return pf_table_from_values(1, n, values, names, out, error);
}

static pf_status parse_pairs(const pf_model *model, const char *text, pf_table **out, pf_error *error) {
  char **pairs = NULL;
  int count = 0;
  pf_status status = cli_split(text, &pairs, &count, error);
  if (status == PF_OK) status = read_pairs(model, pairs, count, out, error);
  free(pairs);
  return status;
}

/* ---- files ---- */

static pf_status load_file(const pf_model *model, const char *path, int64_t seed, pf_table **out,
                           pf_error *error) {
  const int n = pf_model_conditions(model);
  const char **names = calloc((size_t)n, sizeof *names);
  if (!names) return cli_error(error, PF_NO_MEMORY, "out of memory");
  for (int i = 0; i < n; i++) names[i] = pf_model_condition_name(model, i);
  pf_load_options load = {.columns = names,
                          .n_columns = n,
                          .rows = LAW_ROWS,
                          .seed = (uint64_t)(seed ^ GIVEN_OF_LAW),
                          .min_rows = 1};
  pf_status status = cli_load_wanted(path, &load, out, error);
  free(names);
  return status;
}

static bool is_pairs(const char *text) {
  return strchr(text, '=') && !cli_is_law(text) && access(text, F_OK) != 0;
}

pf_status cli_open_given(pf_model *model, const char *given, int64_t seed, int64_t *rows, pf_error *error) {
  pf_table *table = NULL;
  if (rows) *rows = 0;
  if (!given) return PF_OK;
  if (pf_model_conditions(model) == 0)
    return cli_error(error, PF_USAGE, "--given '%.100s': this model generates every column", given);
  const bool pairs = is_pairs(given);
  pf_status status =
      pairs ? parse_pairs(model, given, &table, error) : load_file(model, given, seed, &table, error);
  if (status == PF_OK) status = pf_model_set_given(model, table, true, error);
  if (status == PF_OK && rows && !pairs) *rows = pf_table_rows(table);
  pf_table_free(table);
  return status;
}

pf_status cli_give_conditions_of(pf_model *model, const cli_real *real, int64_t seed, pf_error *error) {
  pf_table *table = NULL;
  const pf_table *rows = real->train ? real->train : real->table;
  if (pf_model_conditions(model) == 0) return PF_OK;
  pf_status status = real->law ? load_file(model, real->law, seed, &table, error) : PF_OK;
  if (status == PF_OK) status = pf_model_set_given(model, table ? table : rows, false, error);
  pf_table_free(table);
  return status;
}
