/* Public evaluation: the reference is opened, the work passed down. */
#include <string.h>
#include "../data/law.h"
#include "../verify/transport.h"

pf_evaluate_options pf_evaluate_options_default(void) {
  return (pf_evaluate_options){.baselines = true, .seed = 1};
}

pf_status pf_evaluate_options_check(const pf_evaluate_options *options, pf_error *error) {
  return options ? pf_evaluation_check(options, error) : PF_OK;
}

static pf_status open_reference(const pf_table *real, const char *law, const pf_table *train, pf_law **opened,
                                pf_reference *out, pf_error *error) {
  if (!law && !real) return pf_fail(error, PF_USAGE, "neither rows nor a law to measure the model against");
  if (law) PF_TRY(pf_law_create(strncmp(law, "law:", 4) == 0 ? law + 4 : law, opened, error));
  *out = (pf_reference){.law = *opened, .held = real, .train = train};
  return PF_OK;
}

pf_status pf_evaluate(const pf_model *model, const pf_table *real, const char *law,
                      const pf_evaluate_options *options, pf_evaluation_set *out, pf_error *error) {
  pf_evaluate_options o = options ? *options : pf_evaluate_options_default();
  pf_law *opened = NULL;
  pf_reference reference;
  PF_TRY(open_reference(real, law, o.train, &opened, &reference, error));
  pf_status status = pf_evaluation_run(model, &reference, &o, out, error);
  pf_law_free(opened);
  return status;
}

static pf_status check_columns(const pf_model *model, const pf_reference *r, pf_error *error) {
  if (r->law && pf_law_dimension(r->law) != model->columns)
    return pf_fail(error, PF_BAD_INPUT, "the law has %d columns, the model %d", pf_law_dimension(r->law),
                   model->columns);
  if (!r->law) PF_TRY(pf_table_check(r->held, "the data", 4, error));
  if (!r->law) PF_TRY(pf_model_check_table(model, r->held, "the data", error));
  return r->train ? pf_model_check_table(model, r->train, "the training data", error) : PF_OK;
}

pf_status pf_transport_measure(const pf_model *model, const pf_table *real, const char *law,
                               const pf_evaluate_options *options, pf_transport *out, pf_error *error) {
  pf_evaluate_options o = options ? *options : pf_evaluate_options_default();
  pf_law *opened = NULL;
  pf_pool *pool = NULL;
  pf_reference reference;
  PF_TRY(open_reference(real, law, o.train, &opened, &reference, error));
  pf_status status = check_columns(model, &reference, error);
  if (status == PF_OK) status = pf_pool_create(o.threads, &pool, error);
  if (status == PF_OK) status = pf_transport_run(model, &reference, o.seed, pool, out, error);
  pf_pool_free(pool);
  pf_law_free(opened);
  return status;
}
