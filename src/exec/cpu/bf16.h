/* bfloat16: the upper half of a float, rounded to nearest even; NaN stays NaN. */
#ifndef PF_EXEC_CPU_BF16_H
#define PF_EXEC_CPU_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../base/cpu.h"

enum { PF_BF16_STEP = 32 /* elements of k that one tile instruction takes */ };

PF_INLINE uint16_t pf_bf16_from(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return (uint16_t)((x == x ? rounded : bits | 0x400000u) >> 16);
}

PF_INLINE float pf_bf16_to(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Elements between rows of a stored array of `items` a row: whole steps, the rest zeros. */
PF_INLINE int64_t pf_bf16_pitch(int64_t items) {
  return (items + PF_BF16_STEP - 1) / PF_BF16_STEP * PF_BF16_STEP;
}

#endif
