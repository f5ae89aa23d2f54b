/* PGM, plain (P2) and raw (P5), up to 65535 levels. Source: the pgm(5) page of Netpbm. */
#include <ctype.h>
#include <string.h>
#include "data/image_internal.h"

enum { MAX_LEVEL = 65535, NUMBER_LIMIT = 100000000 };

typedef struct cursor {
  const uint8_t *at, *end;
} cursor;

/* White space and comments, which run from # to the end of the line. */
static void skip_space(cursor *c) {
  bool comment = false;
  for (; c->at < c->end; c->at++) {
    if (*c->at == '#') comment = true;
    if (!comment && !isspace(*c->at)) return;
    if (*c->at == '\n' || *c->at == '\r') comment = false;
  }
}

/* The next number, which must end at white space, a comment or the end. */
static bool next_number(cursor *c, int *out) {
  skip_space(c);
  if (c->at == c->end || !isdigit(*c->at)) return false;
  int value = 0;
  for (; c->at < c->end && isdigit(*c->at); c->at++) {
    value = 10 * value + (*c->at - '0');
    if (value > NUMBER_LIMIT) return false;
  }
  *out = value;
  return c->at == c->end || isspace(*c->at) || *c->at == '#';
}

static pf_status fail_pixel(const pf_image_bytes *in, const pf_image *image, int64_t i, const char *what,
                            pf_error *error) {
  return pf_fail(error, PF_BAD_INPUT, "%.200s: row %lld, column %lld: %s", in->name,
                 (long long)(i / image->width) + 1, (long long)(i % image->width) + 1, what);
}

static pf_status read_plain(const pf_image_bytes *in, cursor *c, int levels, pf_image *image,
                            pf_error *error) {
  int64_t count = (int64_t)image->width * image->height;
  for (int64_t i = 0; i < count; i++) {
    int value = 0;
    if (!next_number(c, &value)) return fail_pixel(in, image, i, "no grey value (truncated?)", error);
    if (value > levels) return fail_pixel(in, image, i, "lighter than the header's lightest", error);
    image->grey[i] = value;
  }
  skip_space(c);
  return PF_OK;
}

static pf_status read_raw(const pf_image_bytes *in, cursor *c, int levels, pf_image *image, pf_error *error) {
  int64_t count = (int64_t)image->width * image->height;
  for (int64_t i = 0; i < count; i++) {
    int value = *c->at++;
    if (levels > 255) value = value << 8 | *c->at++;
    if (value > levels) return fail_pixel(in, image, i, "lighter than the header's lightest", error);
    image->grey[i] = value;
  }
  return PF_OK;
}

pf_status pf_image_read_pgm(const pf_image_bytes *in, pf_image *out, pf_error *error) {
  cursor c = {in->data + 2, in->data + in->length};
  bool raw = in->data[1] == '5';
  int width = 0, height = 0, levels = 0;
  if (!next_number(&c, &width) || !next_number(&c, &height) || !next_number(&c, &levels))
    return pf_fail(error, PF_BAD_INPUT, "%.200s: malformed PGM header", in->name);
  if (levels < 1 || levels > MAX_LEVEL)
    return pf_fail(error, PF_BAD_INPUT, "%.200s: lightest grey %d, must be 1 to %d", in->name, levels,
                   MAX_LEVEL);
  PF_TRY(pf_image_check_size(in->name, width, height, error));
  if (raw && c.at < c.end && !isspace(*c.at++)) /* exactly one byte of white space */
    return pf_fail(error, PF_BAD_INPUT, "%.200s: malformed PGM header: no white space before the pixels",
                   in->name);
  int64_t pixels = (int64_t)width * height, left = c.end - c.at;
  /* before memory is taken for what a header claims; a plain value has a digit and a space before it */
  int64_t least = raw ? pixels * (levels > 255 ? 2 : 1) : 2 * pixels;
  if (left < least)
    return pf_fail(error, PF_BAD_INPUT,
                   "%.200s: truncated: %d x %d pixels need at least %lld bytes, got %lld", in->name, width,
                   height, (long long)least, (long long)left);
  pf_image image;
  PF_TRY(pf_image_create(in->name, width, height, &image, error));
  pf_status status =
      raw ? read_raw(in, &c, levels, &image, error) : read_plain(in, &c, levels, &image, error);
  if (status == PF_OK && c.at < c.end)
    status = pf_fail(error, PF_BAD_INPUT, "%.200s: %lld bytes after the image", in->name,
                     (long long)(c.end - c.at));
  if (status != PF_OK)
    pf_image_free(&image);
  else
    *out = image;
  return status;
}
