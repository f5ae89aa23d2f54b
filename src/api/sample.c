/* Public sampling: arguments checked, work passed down. All that libpushforward-sampler holds of this layer, so nothing here
 * may know a method, a law or a measurement. */
#include "../base/memory.h"
#include "../base/pool.h"
#include "../model/model.h"
#include "../ode/solver.h"

bool pf_solver_entry(int i, pf_entry *out) {
  if (i < 0 || i >= PF_SOLVER_COUNT) return false;
  const pf_solver_facts *facts = pf_solver_facts_of((pf_solver)i);
  *out = (pf_entry){facts->name, facts->description};
  return true;
}

pf_sample_options pf_sample_options_default(void) { return (pf_sample_options){.seed = 1}; }

static pf_status draw_samples(const pf_model *model, const pf_sample_options *options, bool paths, int64_t n,
                              double *out, pf_error *error) {
  pf_sample_options o = options ? *options : pf_sample_options_default();
  pf_pool *pool = NULL;
  if (n > 256) PF_TRY(pf_pool_create(o.threads, &pool, error)); /* a handful of rows is done sooner here */
  pf_draw draw = {.steps = o.steps,
                  .teacher = o.teacher,
                  .precision = o.precision,
                  .solver = o.solver,
                  .seed = o.seed,
                  .paths = paths,
                  .pool = pool};
  pf_status status = pf_model_draw(model, &draw, (pf_rows){o.first, n}, out, error);
  pf_pool_free(pool);
  return status;
}

pf_status pf_model_sample(const pf_model *model, const pf_sample_options *options, int64_t n, double *out,
                          pf_error *error) {
  return draw_samples(model, options, false, n, out, error);
}

pf_status pf_model_path_nodes(const pf_model *model, const pf_sample_options *options, int64_t *out,
                              pf_error *error) {
  pf_sample_options o = options ? *options : pf_sample_options_default();
  pf_sampler_options how = {
      .steps = o.steps, .teacher = o.teacher, .precision = o.precision, .solver = o.solver};
  pf_sampler *sampler = NULL;
  PF_TRY(pf_sampler_create(model, &how, &sampler, error));
  int64_t nodes = pf_sampler_nodes(sampler);
  /* its own refusal of a sampler without nodes, before anything is drawn */
  pf_status status =
      nodes ? PF_OK : pf_sampler_run_paths(sampler, (pf_sample_range){0}, NULL, (pf_workspace){0}, error);
  if (status == PF_OK) *out = nodes;
  pf_sampler_free(sampler);
  return status;
}

pf_status pf_model_sample_paths(const pf_model *model, const pf_sample_options *options, int64_t n,
                                double *out, pf_error *error) {
  return draw_samples(model, options, true, n, out, error);
}

pf_status pf_model_sample_table(const pf_model *model, const pf_sample_options *options, int64_t n,
                                pf_table **out, pf_error *error) {
  pf_table *table = NULL;
  if (n < 1)
    return pf_fail(error, PF_USAGE, "the number of samples is %lld, must be at least 1", (long long)n);
  PF_TRY(pf_model_new_table(model, n, &table, error));
  pf_status status = pf_model_sample(model, options, n, table->values, error);
  if (status == PF_OK)
    *out = table;
  else
    pf_table_free(table);
  return status;
}

void pf_string_free(char *text) { pf_free(text); }
