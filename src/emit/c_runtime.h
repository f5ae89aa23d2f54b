/* The functions that an emitted C file brings along: fused multiply-adds, random normals, activations, the decoder's steps.
 *
 * Their texts have $ for the file's prefix. A file gets the pieces that it uses, each after what it needs itself. */
#ifndef PF_EMIT_C_RUNTIME_H
#define PF_EMIT_C_RUNTIME_H

#include "../base/text.h"
#include "../graph/graph.h"

typedef enum pf_piece {
  PF_PIECE_WORD, /* bits of a float */
  PF_PIECE_CHOOSE,
  PF_PIECE_FMA,
  PF_PIECE_HALF,
  PF_PIECE_NORMALS,
  PF_PIECE_EXP,
  PF_PIECE_ONE_PLUS,
  PF_PIECE_TANH,
  PF_PIECE_SIGMOID,
  PF_PIECE_SILU,
  PF_PIECE_SOFTPLUS,
  PF_PIECE_MAX,
  PF_PIECE_MIN,
  PF_PIECE_LATTICE,
  PF_PIECE_QUANTILE,
  PF_PIECE_OP, /* + op: through the op's own expression in double */
  PF_PIECE_COUNT = PF_PIECE_OP + PF_OP_COUNT
} pf_piece;

typedef struct pf_pieces {
  bool wanted[PF_PIECE_COUNT];
} pf_pieces;

/* Adds a piece and what it needs. */
void pf_pieces_want(pf_pieces *pieces, pf_piece piece);
/* The piece that an element-wise op calls; PF_PIECE_COUNT for those written with C's operators. */
pf_piece pf_piece_of(pf_op op);
void pf_pieces_write(const pf_pieces *pieces, const char *prefix, pf_text *out);

/* `text` with `prefix` in place of every $. */
void pf_emit_template(pf_text *out, const char *prefix, const char *text);

#endif
