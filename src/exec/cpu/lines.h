/* Lines of floats: short ones moved from one place to another, and cache lines asked for before they are used. */
#ifndef PF_EXEC_CPU_LINES_H
#define PF_EXEC_CPU_LINES_H

#include <string.h>

#include "../../base/cpu.h"

enum { PF_CACHE_LINE = 16 /* floats */ };

PF_INLINE void pf_lines_ask(const float *from, int64_t floats) {
  for (int64_t i = 0; i < floats; i += PF_CACHE_LINE) __builtin_prefetch(from + i);
}

PF_INLINE void pf_lines_of(int64_t lines, int64_t n, const float *from, int64_t stride, float *to,
                           int64_t to_stride) {
  for (int64_t i = 0; i < lines; i++, from += stride, to += to_stride)
    memcpy(to, from, (size_t)n * sizeof *to);
}

/* `lines` lines of n floats, `stride` apart, to places `to_stride` apart. Lengths of data columns, features and tiles are known
 * to the compiler: such a line is a few loads and stores, not a call. */
static inline void pf_lines_copy(int64_t lines, int64_t n, const float *from, int64_t stride, float *to,
                                 int64_t to_stride) {
#define PF_LENGTH(n)                                                                                         \
  case n: pf_lines_of(lines, n, from, stride, to, to_stride); return
  switch (n) {
    PF_LENGTH(1);
    PF_LENGTH(2);
    PF_LENGTH(3);
    PF_LENGTH(4);
    PF_LENGTH(6);
    PF_LENGTH(8);
    PF_LENGTH(12);
    PF_LENGTH(16);
    PF_LENGTH(32);
  }
#undef PF_LENGTH
  pf_lines_of(lines, n, from, stride, to, to_stride);
}

#endif
