/* Grey images from PNG, PGM (P2, P5) and two-dimensional NPY files. The first bytes decide the format, not the name. */
#ifndef PF_DATA_IMAGE_H
#define PF_DATA_IMAGE_H

#include <stddef.h>
#include "base/status.h"

enum { PF_IMAGE_MAX_SIDE = 16384, PF_IMAGE_MAX_PIXELS = 1 << 24 };

typedef struct pf_image {
  int width, height; /* each at least 1 */
  double *grey;      /* height x width, the top row first; finite, the larger the lighter */
} pf_image;

/* Grey values: PGM and NPY (any real or integer type) as they are written; PNG of any colour type and depth: palettes
 * are looked up, a transparent pixel is laid on white, colour becomes luma .299 R + .587 G + .114 B rounded to a whole
 * number (of 0..255, 0..65535 for 16 bits a channel). Colour profiles and gamma are not applied.
 *
 * PF_IO: cannot be read. PF_BAD_INPUT: another format, damaged or truncated, bytes after the image (PGM, NPY), more than
 * PF_IMAGE_MAX_SIDE a side or PF_IMAGE_MAX_PIXELS in all, an array that is not two-dimensional or not finite.
 * *out is the caller's, freed with pf_image_free; untouched on failure. */
pf_status pf_image_read(const char *path, pf_image *out, pf_error *error);
/* The same from memory; `name` is for messages. */
pf_status pf_image_read_bytes(const void *bytes, size_t length, const char *name, pf_image *out,
                              pf_error *error);
void pf_image_free(pf_image *image);

#endif
