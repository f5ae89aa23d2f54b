/* PNG by libpng (contract: image.h).
 *
 * libpng reports an error by longjmp into `decode`; whatever is to be freed therefore lives in the reader, not in
 * locals, and is freed by the caller of `decode`. */
#include <png.h>
#include <setjmp.h>
#include <string.h>
#include "base/memory.h"
#include "data/image_internal.h"

enum { LARGEST_RATIO = 1032 }; /* deflate cannot expand a byte to more (zlib technical notes) */

typedef struct reader {
  const pf_image_bytes *in;
  size_t at; /* bytes read */
  png_structp png;
  png_infop info;
  bool no_memory;
  char message[128]; /* libpng's */
  png_uint_32 width, height;
  int channels, bytes_per_sample;
  size_t row_bytes;
  uint8_t *rows; /* height x row_bytes, big endian */
} reader;

/* ---- what libpng calls ---- */

static void on_error(png_structp png, png_const_charp message) {
  reader *r = png_get_error_ptr(png);
  snprintf(r->message, sizeof r->message, "%s", message);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t count) {
  reader *r = png_get_io_ptr(png);
  if (count > r->in->length - r->at) png_error(png, "truncated");
  memcpy(out, r->in->data + r->at, count);
  r->at += count;
}

static png_voidp on_allocate(png_structp png, png_alloc_size_t size) {
  reader *r = png_get_mem_ptr(png);
  void *memory = NULL;
  if (pf_alloc(size, 1, &memory, NULL) != PF_OK) r->no_memory = true;
  return memory;
}

static void on_free(png_structp png, png_voidp memory) {
  (void)png;
  pf_free(memory);
}

/* ---- decoding ---- */

static pf_status fail_decode(const reader *r, pf_error *error) {
  if (r->no_memory) return pf_fail(error, PF_NO_MEMORY, "%.200s: out of memory", r->in->name);
  return pf_fail(error, PF_BAD_INPUT, "%.200s: not a sound PNG file: %s", r->in->name, r->message);
}

/* Checks the size before memory is taken for what the header claims, and asks for whole grey or colour samples. */
static pf_status read_header(reader *r, pf_error *error) {
  /* all but IHDR, PLTE, tRNS, IDAT, IEND is skipped */
  png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(r->png, r->info);
  r->width = png_get_image_width(r->png, r->info);
  r->height = png_get_image_height(r->png, r->info);
  PF_TRY(pf_image_check_size(r->in->name, r->width, r->height, error));
  uint64_t packed = (uint64_t)png_get_rowbytes(r->png, r->info) * r->height;
  if (packed / LARGEST_RATIO > r->in->length)
    return pf_fail(error, PF_BAD_INPUT, "%.200s: truncated: %u x %u pixels in a file of %zu bytes",
                   r->in->name, (unsigned)r->width, (unsigned)r->height, r->in->length);
  png_set_expand(r->png); /* palettes to colour, 1, 2 and 4 bits to 8, a transparent colour to a channel */
  png_set_interlace_handling(r->png);
  png_read_update_info(r->png, r->info);
  r->row_bytes = png_get_rowbytes(r->png, r->info);
  r->channels = png_get_channels(r->png, r->info);
  r->bytes_per_sample = png_get_bit_depth(r->png, r->info) / 8;
  return pf_alloc((size_t)r->height * r->row_bytes, 1, &r->rows, error);
}

static void read_rows(reader *r) {
  int passes = png_get_interlace_type(r->png, r->info) == PNG_INTERLACE_NONE ? 1 : PNG_INTERLACE_ADAM7_PASSES;
  for (int pass = 0; pass < passes; pass++)
    for (png_uint_32 y = 0; y < r->height; y++) png_read_row(r->png, r->rows + y * r->row_bytes, NULL);
  png_read_end(r->png, NULL);
}

static pf_status decode(reader *r, pf_error *error) {
  if (setjmp(png_jmpbuf(r->png))) return fail_decode(r, error);
  PF_TRY(read_header(r, error));
  read_rows(r);
  return PF_OK;
}

/* ---- grey ---- */

/* Luma as Pillow's convert("L") rounds it, on white where the pixel is transparent. */
static double grey_of(const reader *r, const uint8_t *at) {
  uint64_t sample[4] = {0}, white = r->bytes_per_sample == 2 ? 65535 : 255;
  for (int c = 0; c < r->channels; c++, at += r->bytes_per_sample)
    sample[c] = r->bytes_per_sample == 2 ? (uint64_t)at[0] << 8 | at[1] : at[0];
  uint64_t grey =
      r->channels < 3 ? sample[0] : (19595 * sample[0] + 38470 * sample[1] + 7471 * sample[2] + 32768) >> 16;
  if (r->channels % 2 == 1) return (double)grey;
  uint64_t alpha = sample[r->channels - 1];
  return (double)((grey * alpha + white * (white - alpha) + white / 2) / white);
}

static pf_status make_grey(const reader *r, pf_image *out, pf_error *error) {
  PF_TRY(pf_image_create(r->in->name, r->width, r->height, out, error));
  size_t stride = (size_t)r->channels * (size_t)r->bytes_per_sample;
  for (png_uint_32 y = 0; y < r->height; y++)
    for (png_uint_32 x = 0; x < r->width; x++)
      out->grey[(size_t)y * r->width + x] = grey_of(r, r->rows + y * r->row_bytes + x * stride);
  return PF_OK;
}

pf_status pf_image_read_png(const pf_image_bytes *in, pf_image *out, pf_error *error) {
  reader r = {.in = in};
  r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_allocate, on_free);
  if (r.png) r.info = png_create_info_struct(r.png);
  if (!r.info) {
    png_destroy_read_struct(r.png ? &r.png : NULL, NULL, NULL);
    return pf_fail(error, PF_NO_MEMORY, "%.200s: libpng cannot start", in->name);
  }
  png_set_read_fn(r.png, &r, on_read);
  pf_status status = decode(&r, error);
  png_destroy_read_struct(&r.png, &r.info, NULL);
  if (status == PF_OK) status = make_grey(&r, out, error);
  pf_free(r.rows);
  return status;
}
