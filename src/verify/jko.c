/* `verify jko`: the parts in order, the quick ones first. */
#include "jko.h"

pf_status pf_verify_jko(pf_verify_run *run, pf_error *error) {
  pf_jko_subject subject = {.movement = 1, .likelihood = 1, .steps = 600, .sizes = PF_JKO_SIZES};
  PF_TRY(pf_verify_jko_recursion(run, error));
  PF_TRY(pf_verify_jko_likelihood(run, error));
  PF_TRY(pf_verify_jko_chains(run, &subject, error));
  PF_TRY(pf_verify_jko_plane(run, &subject, error));
  return pf_verify_jko_residual(run, &subject, error);
}
