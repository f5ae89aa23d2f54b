/* Building an ONNX graph: nodes in order and the tensors they read. Field numbers are those of onnx.proto (IR version 8). */
#ifndef PF_EMIT_ONNX_GRAPH_H
#define PF_EMIT_ONNX_GRAPH_H

#include "protobuf.h"

enum { PF_ONNX_FLOAT = 1, PF_ONNX_INT64 = 7, PF_ONNX_BOOL = 9 }; /* TensorProto.DataType */

typedef struct pf_onnx {
  pf_text nodes, tensors; /* fields of a GraphProto */
  int names;
} pf_onnx;

/* What a node or a tensor is called. */
typedef struct pf_onnx_name {
  char text[16];
} pf_onnx_name;

void pf_onnx_free(pf_onnx *onnx);
pf_onnx_name pf_onnx_named(const char *text);

/* A tensor of rank 0 to 2, dims[0] x dims[1]; elements of the type's size, row-major. */
pf_onnx_name pf_onnx_tensor(pf_onnx *onnx, int type, int rank, const int64_t *dims, const void *elements);
pf_onnx_name pf_onnx_scalar(pf_onnx *onnx, float value);

/* A node of 1 to 3 inputs; the name of its output. */
pf_onnx_name pf_onnx_op1(pf_onnx *onnx, const char *op, pf_onnx_name a);
pf_onnx_name pf_onnx_op2(pf_onnx *onnx, const char *op, pf_onnx_name a, pf_onnx_name b);
pf_onnx_name pf_onnx_op3(pf_onnx *onnx, const char *op, pf_onnx_name a, pf_onnx_name b, pf_onnx_name c);
/* The same of one or two inputs (b "" for one) with an integer attribute. */
pf_onnx_name pf_onnx_op_with(pf_onnx *onnx, const char *op, pf_onnx_name a, pf_onnx_name b,
                             const char *attribute, int64_t value);
/* The node whose output is the graph's. */
void pf_onnx_result(pf_onnx *onnx, pf_onnx_name a, const char *output);

/* A GraphProto's input or output: [N, columns] floats. */
void pf_onnx_port(pf_text *graph, int field, const char *name, int64_t columns);

#endif
