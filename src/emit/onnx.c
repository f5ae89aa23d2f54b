#include "emit.h"
pf_status pf_emit_onnx(const struct pf_model *model, pf_text *out, pf_error *error) {
  (void)model;
  (void)out;
  return pf_fail(error, PF_FAILED, "x");
}
