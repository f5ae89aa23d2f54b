/* Allocation: aligned, zeroed, counted, and able to fail on request. */
#include "memory.h"

#include "canary.h"
#include "cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
  ALIGNMENT = 64, /* a cache line, and a vector of the widest instruction set */
  HUGE_PAGE = 2 << 20,
  LARGE = HUGE_PAGE / 4 /* bytes of a block from which whole huge pages are worth their rest */
};

static _Atomic int64_t allocations;
static _Atomic int64_t fail_countdown; /* allocations until one must fail; <= 0: off */

static bool must_fail(void) {
  atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
  if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0) return false;
  return atomic_fetch_sub_explicit(&fail_countdown, 1, memory_order_relaxed) == 1;
}

/* A training step passes over all of its arrays; in pages of 4 kB they are more than the processor's tables of pages hold. The
 * advice may be refused. */
static bool reserve_huge_pages(size_t bytes, void **out) {
#if PF_HUGE_PAGES
  const size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  if (bytes < LARGE || posix_memalign(out, HUGE_PAGE, whole) != 0) return false;
  madvise(*out, whole, MADV_HUGEPAGE);
  return true;
#else
  (void)bytes;
  (void)out;
  return false;
#endif
}

/* The others have their exact size: address sanitizer then sees the first byte past the end. */
static bool reserve(size_t bytes, void **out) {
  return reserve_huge_pages(bytes, out) || posix_memalign(out, ALIGNMENT, bytes ? bytes : 1) == 0;
}

pf_status pf_alloc(size_t count, size_t size, void *out_pointer, pf_error *error) {
  size_t bytes = 0;
  bool overflow = __builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX;
  void *memory = NULL;
  if (overflow || must_fail() || !reserve(bytes, &memory)) {
    return pf_fail(error, PF_NO_MEMORY, "out of memory: %zu elements of %zu bytes", count, size);
  }
  memset(memory, 0, bytes);
  memcpy(out_pointer, &memory, sizeof memory);
  return PF_OK;
}

pf_status pf_grow(void *inout_pointer, size_t old_count, size_t count, size_t size, pf_error *error) {
  void *old = NULL;
  memcpy(&old, inout_pointer, sizeof old);
  void *grown = NULL;
  PF_TRY(pf_alloc(count, size, &grown, error));
  size_t kept = old_count < count ? PF_CANARY(GROW_FORGETS, old_count, old_count / 2) : count;
  if (old && kept) memcpy(grown, old, kept * size);
  pf_free(old);
  memcpy(inout_pointer, &grown, sizeof grown);
  return PF_OK;
}

void pf_free(void *pointer) {
  if (pointer) free(pointer); /* a run that allocates nothing does not call the allocator either */
}

pf_status pf_strdup(const char *text, char **out, pf_error *error) {
  size_t bytes = strlen(text) + 1;
  char *copy = NULL;
  PF_TRY(pf_alloc(bytes, 1, &copy, error));
  memcpy(copy, text, bytes);
  *out = copy;
  return PF_OK;
}

void pf_memory_fail_at(int64_t k) { atomic_store(&fail_countdown, k); }

int64_t pf_memory_allocations(void) { return atomic_load(&allocations); }
