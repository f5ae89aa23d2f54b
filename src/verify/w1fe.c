/* `verify w1fe`: the parts in order, the quick ones first. */
#include "w1fe.h"

pf_status pf_verify_w1fe(pf_verify_run *run, pf_error *error) {
  const pf_flow_subject subject = {.factor = 1};
  PF_TRY(pf_verify_w1fe_exact(run, &subject, error));
  PF_TRY(pf_verify_w1fe_duality(run, &subject, error));
  PF_TRY(pf_verify_w1fe_limit(run, &subject, error));
  return pf_verify_w1fe_trained(run, error);
}
