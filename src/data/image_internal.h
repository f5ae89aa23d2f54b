/* What the image readers share (image.c, image_png.c, image_pgm.c). */
#ifndef PF_DATA_IMAGE_INTERNAL_H
#define PF_DATA_IMAGE_INTERNAL_H

#include <stdint.h>
#include "data/image.h"

typedef struct pf_image_bytes {
  const uint8_t *data;
  size_t length;
  const char *name; /* for messages */
} pf_image_bytes;

/* PF_BAD_INPUT unless 1 x 1 up to the limits of image.h. */
pf_status pf_image_check_size(const char *name, int64_t width, int64_t height, pf_error *error);
/* The same, and then an image of that size. Call it only when the input is long enough to fill it. */
pf_status pf_image_create(const char *name, int64_t width, int64_t height, pf_image *out, pf_error *error);

pf_status pf_image_read_png(const pf_image_bytes *in, pf_image *out, pf_error *error);
pf_status pf_image_read_pgm(const pf_image_bytes *in, pf_image *out, pf_error *error);

#endif
