/* Names of precisions, and which one `auto` is. */
#include "exec.h"

#include <string.h>

#include "../base/text.h"
#include "cpu/gemm_bf16.h"

bool pf_precision_is_fast(pf_precision precision) {
  return precision == PF_PRECISION_F32 || pf_gemm_bf16_is_fast();
}

/* `auto` may leave single precision only where that is faster, and only once docs/quality.md records that samples are as good:
 * the switch stays here, in one place. */
static const bool narrow_is_as_good = false;

static const char *const names[] = {"f32", "bf16", "auto"};

pf_status pf_precision_find(const char *name, pf_precision *out, pf_error *error) {
  int i = 0;
  while (i < 3 && strcmp(names[i], name) != 0) i++;
  if (i == 3) return pf_fail_unknown(error, "precision", name, names, 3);
  const bool narrow = i == 1 || (i == 2 && narrow_is_as_good && pf_gemm_bf16_is_fast());
  *out = narrow ? PF_PRECISION_BF16 : PF_PRECISION_F32;
  return PF_OK;
}

const char *pf_precision_name(pf_precision precision) { return names[precision]; }

const char *pf_precision_kernels(pf_precision precision) {
  return precision == PF_PRECISION_BF16 ? pf_gemm_bf16_best()->name : pf_gemm_best()->name;
}
