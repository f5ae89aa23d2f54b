/* The checksum of model files, held against zlib's. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>
#include "data/checksum.h"

enum { SIZE = 300 };

static void fill(uint8_t bytes[SIZE]) {
  uint32_t state = 12345;
  for (int i = 0; i < SIZE; i++) bytes[i] = (uint8_t)((state = 1664525 * state + 1013904223) >> 24);
}

static void test_known_value(void **state) {
  (void)state;
  assert_int_equal(pf_crc32(0, "123456789", 9), 0xCBF43926); /* the check value of every catalogue of CRCs */
  assert_int_equal(pf_crc32(0, NULL, 0), 0);
}

static void test_every_length_and_place(void **state) {
  (void)state;
  uint8_t bytes[SIZE];
  fill(bytes);
  for (size_t at = 0; at < 9; at++)
    for (size_t size = 0; at + size <= SIZE; size++)
      assert_int_equal(pf_crc32(0, bytes + at, size), crc32_z(0, bytes + at, size));
}

static void test_piece_by_piece(void **state) {
  (void)state;
  uint8_t bytes[SIZE];
  fill(bytes);
  for (size_t cut = 0; cut <= SIZE; cut++)
    assert_int_equal(pf_crc32(pf_crc32(0, bytes, cut), bytes + cut, SIZE - cut), crc32_z(0, bytes, SIZE));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_known_value),
      cmocka_unit_test(test_every_length_and_place),
      cmocka_unit_test(test_piece_by_piece),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
