/* Every allocation of the process is counted, thread by thread, also those that do not come from pf_alloc: the C library's
 * functions are defined here and pass on to it. A header of definitions, for the one file of a test program.
 *
 * Under a sanitizer, which has allocators of its own, nothing is counted and counts_allocations() is false.
 */
#ifndef PF_TESTS_API_COUNT_ALLOCATIONS_H
#define PF_TESTS_API_COUNT_ALLOCATIONS_H

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);
static _Thread_local int64_t allocator_calls;

void *malloc(size_t size) {
  allocator_calls++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocator_calls++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  allocator_calls++;
  return __libc_realloc(old, size);
}

void free(void *memory) {
  allocator_calls++;
  __libc_free(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  allocator_calls++;
  return (*out = __libc_memalign(alignment, size)) ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocator_calls++;
  return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
  allocator_calls++;
  return __libc_memalign(alignment, size);
}

void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset) {
  allocator_calls++;
  return (void *)(intptr_t)syscall(SYS_mmap, at, length, protection, flags, file,
                                   offset); /* -1 is MAP_FAILED */
}

static inline bool counts_allocations(void) { return true; }
static inline int64_t allocations_so_far(void) { return allocator_calls; } /* of this thread */
#else
static inline bool counts_allocations(void) { return false; }
static inline int64_t allocations_so_far(void) { return 0; }
#endif

#endif
