/* What the encoder's files share. */
#ifndef PF_DATA_ENCODER_INTERNAL_H
#define PF_DATA_ENCODER_INTERNAL_H

#include "data/encoder.h"
#include "data/encoder_quantile.h"

typedef struct pf_encoder_column {
  pf_encoder_kind kind;
  bool plain;              /* while fitting: see pf_encoder_options */
  double mean, scale;      /* STANDARD */
  double minimum, maximum; /* of the training values */
  int decimals;            /* STANDARD: 0 rounds to integers, -1 does not */
  pf_quantile_map map;     /* QUANTILE */
} pf_encoder_column;

struct pf_encoder {
  int columns;
  int64_t rows; /* of the training table */
  pf_encoder_column *column;
};

pf_status pf_encoder_allocate(int columns, int64_t rows, pf_encoder **out, pf_error *error);

#endif
