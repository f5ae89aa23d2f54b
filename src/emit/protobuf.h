/* Protocol buffers, the writing half: what an ONNX file is made of. Four kinds of field are all it needs.
 *
 * A message is a pf_text of bytes; failures stick in its status. Source: the encoding page of the Protocol Buffers documentation,
 * wire types 0 (varint), 2 (length and bytes) and 5 (32 bits). */
#ifndef PF_EMIT_PROTOBUF_H
#define PF_EMIT_PROTOBUF_H

#include "../base/text.h"

void pf_pb_int(pf_text *message, int field, int64_t value);
void pf_pb_string(pf_text *message, int field, const char *value);
void pf_pb_bytes(pf_text *message, int field, const void *bytes, size_t length);
/* Appends `inner` as a field and empties it; its failure becomes the outer one's. */
void pf_pb_message(pf_text *message, int field, pf_text *inner);

#endif
