/* Writing a model down for a place without this library: what each format's file holds.
 *
 * All start from the one-step graph (one_step.h): a C file and an ONNX file are that graph node by node with the decoder behind
 * it; the safetensors file holds what the graph reads.
 */
#ifndef PF_EMIT_EMIT_H
#define PF_EMIT_EMIT_H

#include "../base/text.h"
#include "../model/model.h"

/* The C file as text: options->name and weights must not be NULL. The caller frees *out (pf_text_free). */
pf_status pf_emit_c(const struct pf_model *model, const pf_export_options *options, pf_text *out,
                    pf_error *error);
/* The bytes of the ONNX file; the caller frees *out. */
pf_status pf_emit_onnx(const struct pf_model *model, pf_text *out, pf_error *error);
/* The container of --to weights. */
pf_status pf_emit_weights(const struct pf_model *model, pf_container **out, pf_error *error);

#endif
