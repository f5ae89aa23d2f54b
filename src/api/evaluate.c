/* Public evaluation: the reference is opened, the work passed down. */
#include <string.h>
#include "../data/law.h"
#include "../verify/evaluation.h"

pf_evaluate_options pf_evaluate_options_default(void) {
  return (pf_evaluate_options){.baselines = true, .seed = 1};
}

pf_status pf_evaluate(const pf_model *model, const pf_table *real, const char *law,
                      const pf_evaluate_options *options, pf_evaluation_set *out, pf_error *error) {
  pf_evaluate_options o = options ? *options : pf_evaluate_options_default();
  pf_law *opened = NULL;
  if (!law && !real) return pf_fail(error, PF_USAGE, "neither rows nor a law to measure the model against");
  if (law) PF_TRY(pf_law_create(strncmp(law, "law:", 4) == 0 ? law + 4 : law, &opened, error));
  pf_reference reference = {.law = opened, .held = real, .train = o.train};
  pf_status status = pf_evaluation_run(model, &reference, &o, out, error);
  pf_law_free(opened);
  return status;
}
