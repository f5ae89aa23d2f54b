/* Allocation: zeroed, aligned, overflow-safe, counted, failing on request. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "base/memory.h"

static void zeroed_and_aligned(void **state) {
  (void)state;
  for (size_t count = 0; count < 300; count += 37) {
    unsigned char *bytes = NULL;
    assert_int_equal(pf_alloc(count, 3, &bytes, NULL), PF_OK);
    assert_non_null(bytes);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    for (size_t i = 0; i < 3 * count; i++) assert_int_equal(bytes[i], 0);
    memset(bytes, 0xA5, 3 * count); /* so that a reused block would show */
    pf_free(bytes);
  }
  pf_free(NULL);
}

/* Flags of the mapping that holds `address`, as the system tells them; false when it tells none. */
static bool mapping_flags(const void *address, char flags[256]) {
  FILE *maps = fopen("/proc/self/smaps", "r");
  char line[512];
  bool inside = false, found = false;
  while (maps && !found && fgets(line, sizeof line, maps)) {
    unsigned long long begin, end;
    if (sscanf(line, "%llx-%llx ", &begin, &end) == 2)
      inside = (uintptr_t)address >= begin && (uintptr_t)address < end;
    found = inside && sscanf(line, "VmFlags: %255[^\n]", flags) == 1;
  }
  if (maps) fclose(maps);
  return found;
}

static void large_blocks_ask_for_huge_pages(void **state) {
  (void)state;
  const size_t size = (3u << 20) + 5;
  unsigned char *bytes = NULL;
  char flags[256];
  assert_int_equal(pf_alloc(size, 1, &bytes, NULL), PF_OK);
  for (size_t i = 0; i < size; i++) assert_int_equal(bytes[i], 0);
  memset(bytes, 0xA5, size);
  const bool told = mapping_flags(bytes + size - 1, flags), asked = told && strstr(flags, "hg");
  pf_free(bytes);
  if (!PF_HUGE_PAGES) skip();
  FILE *setting = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  if (!setting || !told) skip(); /* a system without them */
  fclose(setting);
  assert_true(asked);
}

static void overflow_is_no_memory(void **state) {
  (void)state;
  int untouched = 0;
  void *p = &untouched;
  pf_error error = {0};
  assert_int_equal(pf_alloc(SIZE_MAX / 2, 3, &p, &error), PF_NO_MEMORY);
  assert_int_equal(error.status, PF_NO_MEMORY);
  assert_ptr_equal(p, &untouched);
  assert_int_equal(pf_alloc(SIZE_MAX, 1, &p, &error), PF_NO_MEMORY);
  assert_ptr_equal(p, &untouched);
}

static void grow_keeps_and_zeroes(void **state) {
  (void)state;
  int *values = NULL;
  assert_int_equal(pf_grow(&values, 0, 4, sizeof *values, NULL), PF_OK);
  for (int i = 0; i < 4; i++) values[i] = i + 1;
  assert_int_equal(pf_grow(&values, 4, 1000, sizeof *values, NULL), PF_OK);
  for (int i = 0; i < 1000; i++) assert_int_equal(values[i], i < 4 ? i + 1 : 0);
  int *before = values;
  pf_memory_fail_at(1);
  assert_int_equal(pf_grow(&values, 1000, 2000, sizeof *values, NULL), PF_NO_MEMORY);
  assert_ptr_equal(values, before);
  assert_int_equal(values[3], 4);
  pf_free(values);
}

static void the_kth_allocation_fails_once(void **state) {
  (void)state;
  pf_memory_fail_at(3);
  for (int k = 1; k <= 5; k++) {
    void *p = NULL;
    pf_status status = pf_alloc(1, 1, &p, NULL);
    assert_int_equal(status, k == 3 ? PF_NO_MEMORY : PF_OK);
    pf_free(p);
  }
  pf_memory_fail_at(1);
  pf_memory_fail_at(0);
  void *p = NULL;
  assert_int_equal(pf_alloc(1, 1, &p, NULL), PF_OK);
  pf_free(p);
}

static void allocations_are_counted(void **state) {
  (void)state;
  int64_t before = pf_memory_allocations();
  char *copy = NULL;
  void *p = NULL;
  assert_int_equal(pf_strdup("text", &copy, NULL), PF_OK);
  assert_string_equal(copy, "text");
  assert_int_equal(pf_alloc(0, 8, &p, NULL), PF_OK);
  assert_int_equal(pf_memory_allocations() - before, 2);
  pf_free(copy);
  pf_free(p);
  assert_int_equal(pf_memory_allocations() - before, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(zeroed_and_aligned),
      cmocka_unit_test(large_blocks_ask_for_huge_pages),
      cmocka_unit_test(overflow_is_no_memory),
      cmocka_unit_test(grow_keeps_and_zeroes),
      cmocka_unit_test(the_kth_allocation_fails_once),
      cmocka_unit_test(allocations_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
