/* The container: round trip, deterministic bytes, every cut and every flipped bit refused, forged headers refused. */
#include "data_test.h"

#include <unistd.h>
#include <zlib.h>
#include "data/safetensors.h"

static pf_error error;

static const float WEIGHTS[6] = {1, -2, 3.5f, 0, 5, 6};
static const int64_t STEPS[2] = {7, -8};

static pf_container *make_container(bool backwards) {
  pf_container *container = NULL;
  char weights[] = "net.weight", empty[] = "empty \"\\\n\u00e9";
  const pf_array shape = {.name = weights, .dtype = PF_F32, .rank = 2, .dims = {2, 3}};
  const pf_array nothing = {.name = empty, .dtype = PF_U8, .rank = 2, .dims = {0, 4}};
  assert_ok(pf_container_create(&container, &error));
  if (backwards) assert_ok(pf_container_add_vector(container, "a.step", PF_I64, 2, STEPS, &error));
  if (backwards) assert_ok(pf_container_set(container, "method", "flow", &error));
  assert_ok(pf_container_add(container, &shape, WEIGHTS, &error));
  assert_ok(pf_container_add(container, &nothing, NULL, &error));
  assert_ok(pf_container_set(container, "zeta", "{\"crc32_header\":\"12345678\",\"x\":[1]}", &error));
  if (!backwards) assert_ok(pf_container_set(container, "method", "old", &error));
  if (!backwards) assert_ok(pf_container_set(container, "method", "flow", &error));
  if (!backwards) assert_ok(pf_container_add_vector(container, "a.step", PF_I64, 2, STEPS, &error));
  return container;
}

static void serialize(bool backwards, uint8_t **bytes, size_t *length) {
  pf_container *container = make_container(backwards);
  assert_ok(pf_container_serialize(container, bytes, length, &error));
  pf_container_free(container);
}

static void assert_content(const pf_container *container) {
  assert_int_equal(pf_container_count(container), 3);
  const pf_array *weight = pf_container_find(container, "net.weight");
  assert_non_null(weight);
  assert_true(weight->dtype == PF_F32 && weight->rank == 2 && weight->dims[1] == 3 && weight->elements == 6);
  assert_memory_equal(weight->data, WEIGHTS, sizeof WEIGHTS);
  assert_memory_equal(pf_container_find(container, "a.step")->data, STEPS, sizeof STEPS);
  assert_int_equal(pf_container_find(container, "empty \"\\\n\u00e9")->elements, 0);
  assert_string_equal(pf_container_array(container, 0)->name, "a.step");
  assert_string_equal(pf_container_get(container, "method"), "flow");
  assert_string_equal(pf_container_get(container, "zeta"), "{\"crc32_header\":\"12345678\",\"x\":[1]}");
  assert_null(pf_container_get(container, "crc32"));
  assert_null(pf_container_find(container, "absent"));
}

static void test_round_trip(void **state) {
  (void)state;
  char path[] = "/tmp/pf_test_container_XXXXXX";
  close(mkstemp(path));
  pf_container *container = make_container(false), *back = NULL;
  assert_content(container);
  assert_ok(pf_container_write(container, path, &error));
  assert_ok(pf_container_read(path, &back, &error));
  assert_content(back);
  pf_container_free(back);
  back = NULL;
  assert_int_equal(truncate(path, 40), 0);
  assert_fails(pf_container_read(path, &back, &error), PF_BAD_INPUT, path);
  assert_fails(pf_container_read("/nowhere/m.pf", &back, &error), PF_IO, "/nowhere/m.pf");
  assert_fails(pf_container_read("/tmp", &back, &error), PF_IO, "/tmp");
  assert_fails(pf_container_write(container, "/dev/full", &error), PF_IO, "/dev/full");
  assert_null(back);
  pf_container_free(container);
  unlink(path);
}

static void test_bytes_are_deterministic(void **state) {
  (void)state;
  uint8_t *a = NULL, *b = NULL;
  size_t na = 0, nb = 0;
  serialize(false, &a, &na);
  serialize(true, &b, &nb);
  assert_int_equal(na, nb);
  assert_memory_equal(a, b, na);
  assert_int_equal(a[0] % 8, 0); /* the data section is aligned */
  assert_memory_equal(a + 8, "{\"__metadata__\":{\"crc32\":\"", 26);
  char expected[16];
  snprintf(expected, sizeof expected, "%08lx",
           crc32(crc32(0, (const Bytef *)STEPS, 16), (const Bytef *)WEIGHTS, 24));
  assert_memory_equal(a + 34, expected, 8);
  pf_free(a);
  pf_free(b);
}

static void test_every_cut_and_every_flipped_bit_is_refused(void **state) {
  (void)state;
  uint8_t *bytes = NULL;
  size_t length = 0;
  pf_container *container = NULL;
  serialize(false, &bytes, &length);
  for (size_t cut = 0; cut < length; cut++) {
    uint8_t *exact = test_malloc(cut + 1);
    memcpy(exact, bytes, cut);
    assert_fails(pf_container_read_bytes(exact, cut, "m.pf", &container, &error), PF_BAD_INPUT, "m.pf: ");
    test_free(exact);
  }
  for (size_t bit = 0; bit < 8 * length; bit++) {
    bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_fails(pf_container_read_bytes(bytes, length, "m.pf", &container, &error), PF_BAD_INPUT, "m.pf: ");
    bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  assert_ok(pf_container_read_bytes(bytes, length, "m.pf", &container, &error));
  pf_container_free(container);
  container = NULL;
  uint8_t *longer = test_malloc(length + 1);
  memcpy(longer, bytes, length);
  longer[length] = 0;
  assert_fails(pf_container_read_bytes(longer, length + 1, "m.pf", &container, &error), PF_BAD_INPUT,
               "data section");
  test_free(longer);
  pf_free(bytes);
}

/* A file with correct checksums around a header of our choice: `format` holds the two checksums as %s. */
static pf_status read_forged(const char *format, const char *data, size_t data_length, pf_container **out) {
  char header[2048], sum[16], data_sum[16];
  snprintf(data_sum, sizeof data_sum, "%08lx", crc32(0, (const Bytef *)data, (uInt)data_length));
  uint8_t file[4096] = {0};
  size_t length = (size_t)snprintf(header, sizeof header, format, data_sum, "00000000");
  for (int i = 0; i < 8; i++) file[i] = (uint8_t)((uint64_t)length >> (8 * i));
  memcpy(file + 8, header, length);
  snprintf(sum, sizeof sum, "%08lx", crc32(0, file, (uInt)(8 + length)));
  snprintf(header, sizeof header, format, data_sum, sum);
  memcpy(file + 8, header, length);
  memcpy(file + 8 + length, data, data_length);
  return pf_container_read_bytes(file, 8 + length + data_length, "forged", out, &error);
}

#define META "{\"__metadata__\":{\"crc32\":\"%s\",\"crc32_header\":\"%s\"}"

static void test_forged_headers(void **state) {
  (void)state;
  static const struct {
    const char *header, *message;
  } CASES[] = {
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "do not match its shape"},
      {META ",\"a\":{\"dtype\":\"F99\",\"shape\":[2],\"data_offsets\":[0,8]}}", "'a': an unknown dtype"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "impossible shape"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,8]}}",
       "impossible shape"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", "not an integer"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "outside the file"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", "outside the file"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "outside the file"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "the arrays cover 4"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "gap or overlaps"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\","
            "\"shape\":[1],"
            "\"data_offsets\":[4,8]}}",
       "gap or overlaps"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", "unknown keys"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "unknown keys"},
      {META ",\"a\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", "'dtype' is not a string"},
      {META ",\"a\":[]}", "not an object"},
      {META ",\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "cannot name an array"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}",
       "more than 8 axes"},
      {META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"a\":{}}", "not valid JSON"},
      {META "} x", "not valid JSON"},
      {"{\"__metadata__\":{\"crc32\":\"%s\",\"crc32_header\":\"%s\",\"k\":1}}", "'k' is not a string"},
      {META "}", "8 bytes of data, but the arrays cover 0"},
      {"{\"a\":{\"crc32\":\"%s\",\"crc32_header\":\"%s\"}}", "'__metadata__' is missing"},
      {"{\"__metadata__\":{\"crc33\":\"%s\",\"crc32_header\":\"%s\"}}", "'crc32' is missing"},
      {"{\"__metadata__\":{\"crc32\":\"%s\",\"crc32_other\":\"%s\"}}", "no checksum in the header"},
  };
  pf_container *container = NULL;
  assert_ok(read_forged(META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "12345678",
                        8, &container));
  pf_container_free(container);
  container = NULL;
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    assert_fails(read_forged(CASES[i].header, "12345678", 8, &container), PF_BAD_INPUT, CASES[i].message);
    assert_null(container);
  }
}

static void test_building_refuses_nonsense(void **state) {
  (void)state;
  pf_container *container = make_container(false);
  assert_fails(pf_container_add_vector(container, "a.step", PF_I64, 2, STEPS, &error), PF_FAILED, "'a.step'");
  assert_fails(pf_container_add_vector(container, "", PF_I64, 2, STEPS, &error), PF_FAILED, "name");
  assert_fails(pf_container_add_vector(container, "__metadata__", PF_I64, 2, STEPS, &error), PF_FAILED,
               "name");
  assert_fails(pf_container_add_vector(container, "\xff", PF_I64, 2, STEPS, &error), PF_FAILED, "name");
  assert_fails(pf_container_add_vector(container, "n", PF_I64, -2, STEPS, &error), PF_FAILED,
               "impossible shape");
  assert_fails(pf_container_add_vector(container, "n", PF_I64, INT64_MAX, STEPS, &error), PF_FAILED,
               "impossible shape");
  assert_fails(pf_container_set(container, "crc32", "0", &error), PF_FAILED, "crc32");
  assert_fails(pf_container_set(container, "k", "\xc0\x80", &error), PF_FAILED, "not UTF-8");
  assert_content(container);
  char name[] = "net.weight", absent[] = "bias";
  const pf_array *found = NULL;
  pf_array want = {.name = name, .dtype = PF_F32, .rank = 2, .dims = {2, -1}};
  assert_ok(pf_container_require(container, &want, &found, &error));
  want.dims[1] = 4;
  assert_fails(pf_container_require(container, &want, &found, &error), PF_BAD_INPUT,
               "axis 1 has size 3, expected 4");
  want.rank = 1;
  assert_fails(pf_container_require(container, &want, &found, &error), PF_BAD_INPUT, "2 axes, expected 1");
  want.dtype = PF_F64;
  assert_fails(pf_container_require(container, &want, &found, &error), PF_BAD_INPUT,
               "holds F32, expected F64");
  want.name = absent;
  assert_fails(pf_container_require(container, &want, &found, &error), PF_BAD_INPUT, "'bias' is missing");
  pf_container_free(container);
}

static pf_status build_and_read(void) {
  pf_container *container = NULL, *back = NULL;
  uint8_t *bytes = NULL;
  size_t length = 0;
  pf_status status = pf_container_create(&container, &error);
  if (status == PF_OK) status = pf_container_add_vector(container, "a", PF_I64, 2, STEPS, &error);
  if (status == PF_OK) status = pf_container_set(container, "k", "v", &error);
  if (status == PF_OK) status = pf_container_set(container, "k", "w", &error);
  if (status == PF_OK) status = pf_container_serialize(container, &bytes, &length, &error);
  if (status == PF_OK) status = pf_container_read_bytes(bytes, length, "m", &back, &error);
  pf_free(bytes);
  pf_container_free(container);
  pf_container_free(back);
  return status;
}

static void test_every_allocation_can_fail(void **state) {
  (void)state;
  assert_survives_no_memory(build_and_read(), (void)0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_bytes_are_deterministic),
      cmocka_unit_test(test_every_cut_and_every_flipped_bit_is_refused),
      cmocka_unit_test(test_forged_headers),
      cmocka_unit_test(test_building_refuses_nonsense),
      cmocka_unit_test(test_every_allocation_can_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
