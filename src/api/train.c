/* Public training: arguments checked, work passed down. Sampling: sample.c. */
#include <string.h>
#include "../base/text.h"
#include "../methods/method.h"

/* A default or a budget came to a number of steps: what repeats the run is that number. A caller's own --steps is kept. */
static pf_status record_steps(const pf_train_options *options, struct pf_model *model, pf_error *error) {
  const json_t *steps = json_object_get(model->facts, "steps");
  if (!options->command || !steps || pf_has_option(options->command, "--steps")) return PF_OK;
  json_t *command = json_sprintf("%s --steps %lld", options->command, (long long)json_integer_value(steps));
  if (command && json_object_set_new(model->facts, "command", command) == 0) return PF_OK;
  return pf_fail(error, PF_NO_MEMORY, "out of memory");
}

pf_status pf_train(const pf_table *data, const pf_table *held, const pf_train_options *options,
                   pf_model **out, pf_error *error) {
  const pf_method *method = NULL;
  struct pf_model *model = NULL;
  pf_train_options o = *options;
  if (!o.method) o.method = pf_train_options_default().method;
  PF_TRY(pf_method_find(o.method, &method, error));
  /* quantiles end at the training rows: a density through them would be zero beyond */
  if (method->likelihood && (!o.encoder || strcmp(o.encoder, "auto") == 0)) o.encoder = "standard";
  PF_TRY(pf_method_run(data, held, &o, &model, error));
  pf_status status = record_steps(options, model, error);
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  return status;
}
