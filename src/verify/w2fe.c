/* `verify w2fe`: the parts in order, the quick ones first. */
#include "w2fe.h"

pf_status pf_verify_w2fe(pf_verify_run *run, pf_error *error) {
  const pf_flow_subject subject = {.factor = 1};
  PF_TRY(pf_verify_w2fe_exact(run, &subject, error));
  PF_TRY(pf_verify_w2fe_gaussian(run, &subject, error));
  return pf_verify_w2fe_sinkhorn(run, error);
}
