/* See protobuf.h. */
#include "protobuf.h"

#include <string.h>

enum { VARINT = 0, LENGTH = 2 };

static void add_varint(pf_text *message, uint64_t value) {
  uint8_t bytes[10];
  size_t length = 0;
  do {
    bytes[length] = (uint8_t)(value & 0x7f);
    value >>= 7;
    if (value) bytes[length] |= 0x80;
    length++;
  } while (value);
  pf_text_add_bytes(message, bytes, length);
}

static void add_key(pf_text *message, int field, int type) {
  add_varint(message, (uint64_t)field << 3 | (uint64_t)type);
}

void pf_pb_int(pf_text *message, int field, int64_t value) {
  add_key(message, field, VARINT);
  add_varint(message, (uint64_t)value);
}

void pf_pb_bytes(pf_text *message, int field, const void *bytes, size_t length) {
  add_key(message, field, LENGTH);
  add_varint(message, length);
  pf_text_add_bytes(message, bytes, length);
}

void pf_pb_string(pf_text *message, int field, const char *value) {
  pf_pb_bytes(message, field, value, strlen(value));
}

void pf_pb_message(pf_text *message, int field, pf_text *inner) {
  if (message->status == PF_OK && inner->status != PF_OK) message->status = inner->status;
  pf_pb_bytes(message, field, inner->data, inner->length);
  pf_text_free(inner);
}
