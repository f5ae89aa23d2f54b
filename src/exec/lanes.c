/* Lanes: how a batch is cut, and the sum that joins them again. Both depend on the batch alone. */
#include "exec.h"

#include "../base/cpu.h"

enum { ROWS_PER_LANE = 128, MAX_LANES = 16 };

int pf_lane_count(int64_t rows) {
  int64_t lanes = rows / ROWS_PER_LANE;
  if (lanes < 1) return 1;
  return lanes > MAX_LANES ? MAX_LANES : (int)lanes;
}

int64_t pf_lane_begin(int64_t rows, int lanes, int lane) {
  int64_t each = rows / lanes, extra = rows % lanes;
  return each * lane + (lane < extra ? lane : extra);
}

typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));

/* Adjacent pairs first, then pairs of pairs; sums[0] is the total. */
#define PF_TREE(lanes, sums)                                                                                 \
  do {                                                                                                       \
    PF_UNROLL for (int step = 1; step < (lanes); step *= 2) {                                                \
      PF_UNROLL for (int l = 0; l + step < (lanes); l += 2 * step) { (sums)[l] += (sums)[l + step]; }        \
    }                                                                                                        \
  } while (0)

/* `lanes` is known to the compiler: all sums of an element stay in registers, and a lane is read from begin to end. */
PF_INLINE void sum_lanes(const float *const *lane_arrays, int lanes, int64_t begin, int64_t end, float *out) {
  const float *arrays[MAX_LANES];
  PF_UNROLL for (int l = 0; l < lanes; l++) arrays[l] = lane_arrays[l];
  int64_t i = begin;
  for (; i + 8 <= end; i += 8) {
    eight sums[MAX_LANES];
    PF_UNROLL for (int l = 0; l < lanes; l++) sums[l] = *(const eight *)(arrays[l] + i);
    PF_TREE(lanes, sums);
    *(eight *)(out + i) = sums[0];
  }
  for (; i < end; i++) {
    float sums[MAX_LANES];
    PF_UNROLL for (int l = 0; l < lanes; l++) sums[l] = arrays[l][i];
    PF_TREE(lanes, sums);
    out[i] = sums[0];
  }
}

PF_MULTIVERSION void pf_lane_sum(const float *const *lane_arrays, int lanes, int64_t begin, int64_t end,
                                 float *out) {
#define PF_SUM(count)                                                                                        \
  case count: sum_lanes(lane_arrays, count, begin, end, out); break
  switch (lanes) {
    PF_SUM(1);
    PF_SUM(2);
    PF_SUM(3);
    PF_SUM(4);
    PF_SUM(5);
    PF_SUM(6);
    PF_SUM(7);
    PF_SUM(8);
    PF_SUM(9);
    PF_SUM(10);
    PF_SUM(11);
    PF_SUM(12);
    PF_SUM(13);
    PF_SUM(14);
    PF_SUM(15);
    PF_SUM(16);
  }
#undef PF_SUM
}
