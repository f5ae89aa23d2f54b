/* Fuzz target of the container reader and, behind it, the encoder loader: any bytes give a container or an error,
 * never a crash. Random bytes would never pass the checksums, so the input is read twice: as it is, and with
 * both checksums made right. */
#include "base/memory.h"
#include "checksum_repair.h"
#include "data/encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_once(const uint8_t *data, size_t size) {
  pf_container *container = NULL;
  pf_encoder *encoder = NULL;
  if (pf_container_read_bytes(data, size, "fuzz", &container, NULL) != PF_OK) return;
  if (pf_encoder_load(container, 1, &encoder, NULL) == PF_OK) pf_encoder_free(encoder);
  pf_container_free(container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = NULL;
  read_once(data, size);
  if (size < 8 || pf_alloc(size, 1, &copy, NULL) != PF_OK) return 0;
  memcpy(copy, data, size);
  repair(copy, size);
  read_once(copy, size);
  pf_free(copy);
  return 0;
}
