/* Public verification: find it by name, run it, hand its checks over. */
#include "../verify/verify.h"
#include "../base/memory.h"

bool pf_verify_entry(int i, pf_entry *out) {
  const pf_verification_entry *entry = pf_verification_at(i);
  if (!entry) return false;
  *out = (pf_entry){entry->name, entry->description};
  return true;
}

pf_status pf_verify(const char *method, uint64_t seed, int threads, const pf_hooks *hooks,
                    pf_verification *out, pf_error *error) {
  const pf_verification_entry *entry = NULL;
  pf_verify_run run;
  PF_TRY(pf_verification_find(method ? method : "", &entry, error));
  PF_TRY(pf_verify_open(seed, threads, hooks, &run, error));
  pf_status status = entry->run(&run, error);
  if (status == PF_OK) {
    *out = run.result;
    run.result = (pf_verification){0};
  }
  pf_verify_close(&run);
  return status;
}

void pf_verification_free(pf_verification *verification) {
  if (!verification) return;
  pf_free(verification->checks);
  *verification = (pf_verification){0};
}
