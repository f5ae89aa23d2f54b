/* Parameters as peers store them. */
#ifndef PF_BENCH_WORK_PIECE_H
#define PF_BENCH_WORK_PIECE_H

#include <stdio.h>

#include "nn/layout.h"

/* Ours has rows on the left, so matrices are transposed. */
static inline void work_write_piece(FILE *file, const pf_parameter *p, const float *params) {
  int from = p->shape.axes == 2 ? p->shape.dim[0] : 1,
      to = p->shape.axes > 0 ? p->shape.dim[p->shape.axes - 1] : 1;
  for (int j = 0; j < to; j++)
    for (int i = 0; i < from; i++) fwrite(params + p->offset + i * to + j, sizeof(float), 1, file);
}

/* All of a layout. */
static inline void work_write_pieces(FILE *file, const pf_layout *layout, const float *params) {
  for (int i = 0; i < layout->count; i++) work_write_piece(file, &layout->items[i], params);
}

#endif
