/* NPY and NPZ: every element type, both byte orders, both memory orders, ranks, damage. */
#include "data_test.h"

#include <math.h>
#include <unistd.h>
#include <zlib.h>
#include "data/npy.h"
#include "data/npz.h"

static pf_error error;

/* An array file with the given dict text and body. Freed with test_free. */
static uint8_t *make_npy(const char *dict, const void *body, size_t body_length, int version,
                         size_t *length) {
  size_t lead = version == 1 ? 10 : 12, header = strlen(dict) + 1;
  uint8_t *bytes = test_malloc(lead + header + body_length);
  memcpy(bytes, "\x93NUMPY", 6);
  bytes[6] = (uint8_t)version;
  bytes[7] = 0;
  for (size_t i = 8; i < lead; i++) bytes[i] = (uint8_t)(header >> (8 * (i - 8)));
  memcpy(bytes + lead, dict, header - 1);
  bytes[lead + header - 1] = '\n';
  if (body_length) memcpy(bytes + lead + header, body, body_length);
  *length = lead + header + body_length;
  return bytes;
}

static pf_status read_npy(const char *dict, const void *body, size_t body_length, pf_table **out) {
  size_t length = 0;
  uint8_t *bytes = make_npy(dict, body, body_length, 1, &length);
  pf_status status = pf_npy_read_bytes(bytes, length, NULL, out, &error);
  test_free(bytes);
  return status;
}

/* Values -3 (253 unsigned) and 1.. in every type and both orders, made from the value's own bytes. */
static void check_type(char kind, int size, bool big, double first) {
  uint8_t body[64] = {0};
  char dict[96];
  for (int i = 0; i < 4; i++) {
    double value = i == 0 ? first : i;
    float narrow = (float)value;
    int64_t whole = (int64_t)value;
    uint8_t raw[8];
    memcpy(raw, kind == 'f' ? (size == 8 ? (void *)&value : (void *)&narrow) : (void *)&whole,
           (size_t)(size));
    for (int b = 0; b < size; b++) body[i * size + (big ? size - 1 - b : b)] = raw[b];
  }
  sprintf(dict, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (2, 2), }",
          size == 1 ? '|'
          : big     ? '>'
                    : '<',
          kind, size);
  pf_table *table = NULL;
  assert_ok(read_npy(dict, body, (size_t)(4 * size), &table));
  const double expected[] = {kind == 'b' ? 1 : first, 1, kind == 'b' ? 1 : 2, kind == 'b' ? 1 : 3};
  for (int i = 0; i < 4; i++) {
    if (table->values[i] != expected[i]) fail_msg("%s: value %d is %g", dict, i, table->values[i]);
  }
  assert_int_equal(table->types[1], kind == 'f' ? PF_COLUMN_REAL : PF_COLUMN_INTEGER);
  pf_table_free(table);
}

static void test_types(void **state) {
  (void)state;
  for (int big = 0; big < 2; big++) {
    check_type('f', 4, big, -0.375);
    check_type('f', 8, big, 0.1);
    for (int size = 1; size <= 8; size *= 2) {
      check_type('i', size, big, -3);
      check_type('u', size, big, 253);
    }
    check_type('b', 1, big, 7);
  }
}

static void test_orders_and_ranks(void **state) {
  (void)state;
  double body[12];
  for (int i = 0; i < 12; i++) body[i] = i;
  pf_table *table = NULL;
  assert_ok(read_npy("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4)}", body, 96, &table));
  for (int r = 0; r < 3; r++) {
    for (int c = 0; c < 4; c++) assert_true(table->values[r * 4 + c] == c * 3 + r);
  }
  pf_table_free(table);
  assert_ok(read_npy("{\"shape\": (12,), 'fortran_order': False, 'descr': '<f8'}", body, 96, &table));
  assert_int_equal(table->columns, 1);
  assert_true(table->values[11] == 11);
  pf_table_free(table);
  assert_ok(read_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2, 3)}", body, 96, &table));
  assert_int_equal(table->columns, 6);
  assert_true(table->values[6] == 6);
  pf_table_free(table);
  /* numpy: arange(12).reshape((2, 2, 3), order='F')[i, j, k] = i + 2 j + 4 k, flattened to column 3 j + k */
  assert_ok(read_npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2, 3)}", body, 96, &table));
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      for (int k = 0; k < 3; k++) assert_true(table->values[6 * i + 3 * j + k] == i + 2 * j + 4 * k);
    }
  }
  pf_table_free(table);
  size_t length = 0;
  for (int version = 2; version <= 3; version++) {
    uint8_t *bytes = make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   ", body, 96,
                              version, &length);
    assert_ok(pf_npy_read_bytes(bytes, length, NULL, &table, &error));
    pf_table_free(table);
    test_free(bytes);
  }
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *dict;
    int bytes;
    const char *message;
  } CASES[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1)}", 20,
       "3 x 1 of '<f8' (24 bytes), but the body holds 20"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1)}", 25, "more than 24 bytes"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3)}", 24, "1 row; at least 2"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3)}", 0, "0 rows; at least 2"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 0)}", 0, "no columns"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': ()}", 8, "a single number"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3)}", 24, "malformed NPY header"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}", 24, "malformed NPY header"},
      {"{'descr': '<f8', 'fortran_order': False}", 24, "malformed NPY header"},
      {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", 24, "malformed NPY header"},
      {"{'descr': '<f8', 'fortran_order': Maybe, 'shape': (3,)}", 24, "malformed NPY header"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} x", 24, "malformed NPY header"},
      {"{'descr': '<f2', 'fortran_order': False, 'shape': (3,)}", 6, "element type '<f2'"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", 24, "element type '|O'"},
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", 24, "element type '<c8'"},
      {"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3,)}", 24, "malformed NPY header"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 2)}", 24, "does not fit"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 9223372036854775807, 9)}", 24,
       "too many columns"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 2)}", 24,
       "but the body holds 24 bytes"},
  };
  double body[4] = {1, 2, 3, 4};
  pf_table *table = NULL;
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    assert_fails(read_npy(CASES[i].dict, body, (size_t)CASES[i].bytes, &table), PF_BAD_INPUT,
                 CASES[i].message);
  }
  body[2] = NAN;
  assert_fails(read_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}", body, 32, &table),
               PF_BAD_INPUT, "row 2, column 'x1': the value is nan");
  int64_t large[2] = {1, (INT64_C(1) << 53) + 2};
  assert_fails(read_npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", large, 16, &table),
               PF_BAD_INPUT, "row 2, column 'x1': 9007199254740994 is beyond 2^53");
  assert_fails(pf_npy_read_bytes("\x93NUMPZ\1\0aaaaaaa", 15, NULL, &table, &error), PF_BAD_INPUT,
               "not an NPY file");
  assert_fails(pf_npy_read_bytes("\x93NUMPY\4\0aaaaaaa", 15, NULL, &table, &error), PF_BAD_INPUT,
               "NPY version 4.0");
  assert_null(table);
}

static void test_dropped_columns_are_never_looked_at(void **state) {
  (void)state;
  double body[4] = {1, NAN, 3, INFINITY};
  size_t length = 0;
  uint8_t *bytes =
      make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}", body, 32, 1, &length);
  const char *const drop[] = {"x2"};
  pf_read_options options = {.choice = {.drop = drop, .drop_count = 1}};
  pf_table *table = NULL;
  assert_ok(pf_npy_read_bytes(bytes, length, &options, &table, &error));
  assert_true(table->columns == 1 && table->values[0] == 1 && table->values[1] == 3);
  pf_table_free(table);
  test_free(bytes);
}

static void test_truncated_at_every_byte(void **state) {
  (void)state;
  double body[4] = {1, 2, 3, 4};
  size_t length = 0;
  uint8_t *bytes =
      make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}", body, 32, 1, &length);
  for (size_t cut = 0; cut < length; cut++) {
    pf_table *table = NULL;
    uint8_t *exact = test_malloc(cut + 1);
    memcpy(exact, bytes, cut);
    assert_int_equal(pf_npy_read_bytes(exact, cut, NULL, &table, &error), PF_BAD_INPUT);
    assert_null(table);
    test_free(exact);
  }
  pf_table *table = NULL;
  assert_survives_no_memory(pf_npy_read_bytes(bytes, length, NULL, &table, &error), pf_table_free(table));
  test_free(bytes);
}

static void test_written_arrays_read_back(void **state) {
  (void)state;
  char path[] = "/tmp/pf_test_npy_XXXXXX";
  close(mkstemp(path));
  const double values[] = {1.5, -2.25, 1e10, 0.1, 7, 8};
  pf_table *table = NULL, *back = NULL;
  assert_ok(pf_table_from_values(3, 2, values, NULL, &table, &error));
  for (int type = PF_NPY_F4; type <= PF_NPY_F8; type++) {
    assert_ok(pf_npy_write(path, table, (pf_npy_type)type, &error));
    assert_ok(pf_table_read(path, NULL, &back, &error));
    assert_true(back->rows == 3 && back->columns == 2);
    for (int i = 0; i < 6; i++) {
      assert_true(back->values[i] == (type == PF_NPY_F4 ? (double)(float)values[i] : values[i]));
    }
    pf_table_free(back);
  }
  table->values[3] = 1e300;
  assert_fails(pf_npy_write(path, table, PF_NPY_F4, &error), PF_NON_FINITE, "row 2, column 2");
  assert_ok(pf_npy_read(path, NULL, &back, &error));
  pf_table_free(back);
  pf_table_free(table);
  unlink(path);
}

/* Three axes in the header; read back, the last two are one row. */
static void test_written_shapes(void **state) {
  (void)state;
  enum { A = 2, B = 3, C = 4 };
  const int64_t shape[] = {A, B, C}, endless[] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
  double values[A * B * C];
  char bytes[1024];
  pf_table *table = NULL;
  for (int i = 0; i < A * B * C; i++) values[i] = i / 8.;
  FILE *stream = fmemopen(bytes, sizeof bytes, "w");
  assert_ok(pf_npy_write_shape(stream, shape, 3, PF_NPY_F8, &error));
  assert_ok(pf_npy_write_rows(stream, values, A * B, C, PF_NPY_F8, &error));
  long length = ftell(stream);
  fclose(stream);
  assert_int_equal(length, 128 + (long)sizeof values);
  assert_ok(pf_npy_read_bytes(bytes, (size_t)length, NULL, &table, &error));
  assert_int_equal(table->rows, A);
  assert_int_equal(table->columns, B * C);
  assert_memory_equal(table->values, values, sizeof values);
  pf_table_free(table);
  stream = fmemopen(bytes, sizeof bytes, "w");
  assert_fails(pf_npy_write_shape(stream, endless, 4, PF_NPY_F8, &error), PF_USAGE, "too long");
  fclose(stream);
}

static void test_shared_files(void **state) {
  (void)state;
  char room[512];
  pf_table *table = NULL;
  const char *path = shared_data("miniboone/original/data_truncated.npy", room, sizeof room);
  if (!path) skip();
  assert_fails(pf_npy_read(path, NULL, &table, &error), PF_BAD_INPUT, "36488 x 43");
  assert_non_null(strstr(error.message, "524"));
  path = shared_data("miniboone/head1523.npy", room, sizeof room);
  if (!path) skip();
  assert_ok(pf_table_read(path, NULL, &table, &error));
  assert_true(table->rows == 1523 && table->columns == 43);
  pf_table_free(table);
}

/* ---- archives ---- */

typedef struct zip_writer {
  uint8_t bytes[8192], directory[2048];
  size_t length, directory_length;
  int count;
} zip_writer;

static void put_number(uint8_t *bytes, size_t *at, uint64_t value, int size) {
  for (int i = 0; i < size; i++) bytes[(*at)++] = (uint8_t)(value >> (8 * i));
}

static size_t deflate_bytes(const uint8_t *data, size_t length, uint8_t *out, size_t room) {
  z_stream stream = {0};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = (Bytef *)(uintptr_t)data;
  stream.avail_in = (uInt)length;
  stream.next_out = out;
  stream.avail_out = (uInt)room;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  return room - stream.avail_out;
}

/* zip64: sizes and offset are moved to the extra field. */
static void add_member(zip_writer *zip, const char *name, const uint8_t *data, size_t length, int method,
                       bool zip64) {
  uint8_t packed[4096], *dir = zip->directory;
  size_t packed_length = length, offset = zip->length, *at = &zip->length, *end = &zip->directory_length;
  memcpy(packed, data, length);
  if (method == 8) packed_length = deflate_bytes(data, length, packed, sizeof packed);
  uint32_t crc = (uint32_t)crc32(0, data, (uInt)length);
  put_number(zip->bytes, at, 0x04034b50, 4);
  put_number(zip->bytes, at, 20, 2);
  put_number(zip->bytes, at, 0, 2);
  put_number(zip->bytes, at, (uint64_t)method, 2);
  put_number(zip->bytes, at, 0, 4);
  put_number(zip->bytes, at, crc, 4);
  put_number(zip->bytes, at, packed_length, 4);
  put_number(zip->bytes, at, length, 4);
  put_number(zip->bytes, at, strlen(name), 2);
  put_number(zip->bytes, at, 0, 2);
  memcpy(zip->bytes + *at, name, strlen(name));
  *at += strlen(name);
  memcpy(zip->bytes + *at, packed, packed_length);
  *at += packed_length;
  put_number(dir, end, 0x02014b50, 4);
  put_number(dir, end, 20 | 20 << 16, 4);
  put_number(dir, end, 0, 2);
  put_number(dir, end, (uint64_t)method, 2);
  put_number(dir, end, 0, 4);
  put_number(dir, end, crc, 4);
  put_number(dir, end, zip64 ? UINT32_MAX : packed_length, 4);
  put_number(dir, end, zip64 ? UINT32_MAX : length, 4);
  put_number(dir, end, strlen(name), 2);
  put_number(dir, end, zip64 ? 28 : 0, 2);
  put_number(dir, end, 0, 8);
  put_number(dir, end, 0, 2);
  put_number(dir, end, zip64 ? UINT32_MAX : offset, 4);
  memcpy(dir + *end, name, strlen(name));
  *end += strlen(name);
  if (zip64) {
    put_number(dir, end, 1, 2);
    put_number(dir, end, 24, 2);
    put_number(dir, end, length, 8);
    put_number(dir, end, packed_length, 8);
    put_number(dir, end, offset, 8);
  }
  zip->count++;
}

static void end_zip(zip_writer *zip) {
  size_t start = zip->length;
  memcpy(zip->bytes + start, zip->directory, zip->directory_length);
  zip->length += zip->directory_length;
  put_number(zip->bytes, &zip->length, 0x06054b50, 4);
  put_number(zip->bytes, &zip->length, 0, 4);
  put_number(zip->bytes, &zip->length, (uint64_t)zip->count | (uint64_t)zip->count << 16, 4);
  put_number(zip->bytes, &zip->length, zip->directory_length, 4);
  put_number(zip->bytes, &zip->length, start, 4);
  put_number(zip->bytes, &zip->length, 0, 2);
}

static zip_writer make_zip(int method, bool zip64, int arrays) {
  zip_writer zip = {0};
  for (int i = 0; i < arrays; i++) {
    double body[8] = {1 + i, 2, 3, 4, 5, 6, 7, 8};
    char name[32];
    size_t length = 0;
    uint8_t *npy =
        make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2)}", body, 64, 1, &length);
    sprintf(name, "array%d.npy", i);
    add_member(&zip, name, npy, length, method, zip64);
    test_free(npy);
  }
  end_zip(&zip);
  return zip;
}

static void test_archives(void **state) {
  (void)state;
  for (int form = 0; form < 4; form++) {
    zip_writer zip = make_zip(form % 2 ? 8 : 0, form / 2, 1);
    pf_table *table = NULL;
    assert_ok(pf_npz_read_bytes(zip.bytes, zip.length, NULL, NULL, &table, &error));
    assert_true(table->rows == 4 && table->values[0] == 1 && table->values[7] == 8);
    pf_table_free(table);
    zip = make_zip(form % 2 ? 8 : 0, form / 2, 3);
    assert_ok(pf_npz_read_bytes(zip.bytes, zip.length, "array2", NULL, &table, &error));
    assert_true(table->values[0] == 3);
    pf_table_free(table);
    table = NULL;
    assert_fails(pf_npz_read_bytes(zip.bytes, zip.length, NULL, NULL, &table, &error), PF_USAGE,
                 "3 arrays (array0, array1, array2)");
    assert_fails(pf_npz_read_bytes(zip.bytes, zip.length, "weights", NULL, &table, &error), PF_USAGE,
                 "no array 'weights'");
    assert_survives_no_memory(pf_npz_read_bytes(zip.bytes, zip.length, "array1", NULL, &table, &error),
                              pf_table_free(table));
  }
}

static void test_archive_by_path(void **state) {
  (void)state;
  char path[64] = "/tmp/pf_test_XXXXXX.npz", named[80];
  int descriptor = mkstemps(path, 4);
  zip_writer zip = make_zip(8, false, 2);
  assert_int_equal(write(descriptor, zip.bytes, zip.length), zip.length);
  close(descriptor);
  sprintf(named, "%s:array1", path);
  pf_table *table = NULL;
  assert_ok(pf_table_read(named, NULL, &table, &error));
  assert_true(table->values[0] == 2);
  pf_table_free(table);
  assert_fails(pf_table_read(path, NULL, &table, &error), PF_USAGE, "2 arrays");
  unlink(path);
}

/* Every cut is refused; every flipped bit is refused or harmless (names, dates, unused fields), never a crash. */
static void test_damaged_archives(void **state) {
  (void)state;
  for (int method = 0; method <= 8; method += 8) {
    zip_writer zip = make_zip(method, method == 8, 1);
    for (size_t cut = 0; cut < zip.length; cut++) {
      pf_table *table = NULL;
      uint8_t *exact = test_malloc(cut + 1);
      memcpy(exact, zip.bytes, cut);
      assert_int_equal(pf_npz_read_bytes(exact, cut, NULL, NULL, &table, &error), PF_BAD_INPUT);
      test_free(exact);
    }
    for (size_t bit = 0; bit < 8 * zip.length; bit++) {
      pf_table *table = NULL;
      zip.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
      if (pf_npz_read_bytes(zip.bytes, zip.length, NULL, NULL, &table, &error) == PF_OK) {
        for (int i = 0; i < 8; i++) assert_true(table->values[i] == i + 1);
        pf_table_free(table);
      }
      zip.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_orders_and_ranks),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_dropped_columns_are_never_looked_at),
      cmocka_unit_test(test_truncated_at_every_byte),
      cmocka_unit_test(test_written_arrays_read_back),
      cmocka_unit_test(test_written_shapes),
      cmocka_unit_test(test_shared_files),
      cmocka_unit_test(test_archives),
      cmocka_unit_test(test_archive_by_path),
      cmocka_unit_test(test_damaged_archives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
