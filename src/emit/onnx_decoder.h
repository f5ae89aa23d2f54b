/* The decoder as ONNX nodes: encoded [N, columns] to the data's units. */
#ifndef PF_EMIT_ONNX_DECODER_H
#define PF_EMIT_ONNX_DECODER_H

#include "../data/encoder.h"
#include "onnx_graph.h"

/* *out: the name of the decoded values. PF_NO_MEMORY, also of what the graph has taken so far. */
pf_status pf_onnx_decode(pf_onnx *onnx, const pf_encoder *encoder, pf_onnx_name encoded, pf_onnx_name *out,
                         pf_error *error);

#endif
