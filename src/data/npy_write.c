/* NPY writing: version 1.0, little endian, C order; the contract is in npy.h. */
#include "data/npy.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include "data/atomic_file.h"

enum { LEAD = 10, HEADER = 128 }; /* magic, version and length; all of it with the padded dict */

static pf_status put(FILE *stream, const void *bytes, size_t length, pf_error *error) {
  if (fwrite(bytes, 1, length, stream) == length) return PF_OK;
  return pf_fail(error, PF_IO, "writing NPY failed: %s", strerror(errno));
}

pf_status pf_npy_write_shape(FILE *stream, const int64_t *shape, int axes, pf_npy_type type,
                             pf_error *error) {
  char header[HEADER + 1], extents[4 * 22 + 1] = "";
  for (int i = 0, length = 0; i < axes && i < 4; i++)
    length += snprintf(extents + length, sizeof extents - (size_t)length, "%s%lld%s", i ? " " : "",
                       (long long)shape[i], i + 1 < axes || axes == 1 ? "," : "");
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)(HEADER - LEAD);
  header[9] = 0;
  int length = snprintf(header + LEAD, sizeof header - LEAD,
                        "{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }",
                        type == PF_NPY_F4 ? "f4" : "f8", extents);
  if (length >= HEADER - LEAD)
    return pf_fail(error, PF_USAGE, "an NPY header for the shape (%s) is too long", extents);
  memset(header + LEAD + length, ' ', (size_t)(HEADER - LEAD - length));
  header[HEADER - 1] = '\n';
  return put(stream, header, HEADER, error);
}

pf_status pf_npy_write_header(FILE *stream, int64_t rows, int columns, pf_npy_type type, pf_error *error) {
  return pf_npy_write_shape(stream, (int64_t[]){rows, columns}, 2, type, error);
}

static void store_bits(uint64_t bits, int size, uint8_t *out) {
  for (int i = 0; i < size; i++) out[i] = (uint8_t)(bits >> (8 * i));
}

/* False when the value is not finite in the target type. */
static bool store(double value, pf_npy_type type, uint8_t *out) {
  uint64_t bits = 0;
  uint32_t half = 0;
  float narrow = (float)value;
  if (type == PF_NPY_F8) {
    memcpy(&bits, &value, sizeof bits);
    store_bits(bits, 8, out);
    return isfinite(value);
  }
  memcpy(&half, &narrow, sizeof half);
  store_bits(half, 4, out);
  return isfinite(narrow);
}

pf_status pf_npy_write_rows(FILE *stream, const double *values, int64_t rows, int columns, pf_npy_type type,
                            pf_error *error) {
  enum { BLOCK = 1024 };
  uint8_t block[BLOCK * 8];
  size_t size = type == PF_NPY_F4 ? 4 : 8;
  int64_t cells = rows * columns;
  for (int64_t done = 0; done < cells; done += BLOCK) {
    int64_t count = cells - done < BLOCK ? cells - done : BLOCK;
    for (int64_t i = 0; i < count; i++) {
      if (!store(values[done + i], type, block + (size_t)i * size)) {
        return pf_fail(error, PF_NON_FINITE,
                       "row %lld, column %lld would be written as %g, which is not a finite %s",
                       (long long)((done + i) / columns) + 1, (long long)((done + i) % columns) + 1,
                       values[done + i], type == PF_NPY_F4 ? "float" : "double");
      }
    }
    PF_TRY(put(stream, block, (size_t)count * size, error));
  }
  return PF_OK;
}

pf_status pf_npy_write(const char *path, const pf_table *table, pf_npy_type type, pf_error *error) {
  pf_atomic_file file = {0};
  PF_TRY(pf_atomic_file_begin(path, &file, error));
  pf_status status = pf_npy_write_header(file.stream, table->rows, table->columns, type, error);
  if (status == PF_OK) {
    status = pf_npy_write_rows(file.stream, table->values, table->rows, table->columns, type, error);
  }
  if (status != PF_OK) {
    pf_atomic_file_abort(&file);
    return pf_fail_within(error, status, "%.200s", path);
  }
  return pf_atomic_file_commit(&file, error);
}
