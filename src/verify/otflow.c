/* `verify otflow`: the parts in order, the quick ones first. */
#include "otflow.h"

pf_status pf_verify_otflow(pf_verify_run *run, pf_error *error) {
  pf_otflow_subject subject = {.kinetic = 1, .steps = 600, .weights = PF_OTFLOW_WEIGHTS, .gap_draws = 8};
  PF_TRY(pf_verify_otflow_exact(run, error));
  PF_TRY(pf_verify_otflow_table(run, &subject, error));
  return pf_verify_otflow_gap(run, &subject, error);
}
