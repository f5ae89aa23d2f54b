/* Grey images: every kind of PNG, both kinds of PGM, arrays; limits and damage. */
#include "data_test.h"

#include <math.h>
#include <png.h>
#include <zlib.h>
#include <unistd.h>
#include "data/image.h"

static pf_error error;

/* ---- files made here ---- */

typedef struct file {
  uint8_t bytes[4096];
  size_t length;
} file;

typedef struct png_kind {
  int color_type, depth, interlace, colors, transparents; /* the last two of a palette */
} png_kind;

static void add_bytes(png_structp png, png_bytep bytes, size_t count) {
  file *out = png_get_io_ptr(png);
  assert_true(out->length + count <= sizeof out->bytes);
  memcpy(out->bytes + out->length, bytes, count);
  out->length += count;
}

static void flush_nothing(png_structp png) { (void)png; }

/* Color c of the palette is (10 c, 20 c, 30 c), transparent with alpha 100 c when it is one of those. */
static void add_palette(png_structp png, png_infop info, const png_kind *kind) {
  png_color colors[8];
  png_byte alpha[8];
  for (int c = 0; c < kind->colors; c++) {
    colors[c] = (png_color){(png_byte)(10 * c), (png_byte)(20 * c), (png_byte)(30 * c)};
    alpha[c] = (png_byte)(100 * c);
  }
  png_set_PLTE(png, info, colors, kind->colors);
  if (kind->transparents) png_set_tRNS(png, info, alpha, kind->transparents, NULL);
}

/* rows: height x row_bytes as libpng wants them. */
static file make_png(int width, int height, png_kind kind, const uint8_t *rows, size_t row_bytes) {
  file out = {.length = 0};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_bytep pointers[16];
  for (int y = 0; y < height; y++) pointers[y] = (png_bytep)(uintptr_t)(rows + (size_t)y * row_bytes);
  png_set_write_fn(png, &out, add_bytes, flush_nothing);
  png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, kind.depth, kind.color_type,
               kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (kind.colors) add_palette(png, info, &kind);
  png_write_info(png, info);
  png_write_image(png, pointers);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

static file make_text(const char *text) {
  file out = {.length = strlen(text)};
  memcpy(out.bytes, text, out.length);
  return out;
}

/* An NPY file of the given dict and body. */
static file make_npy(const char *dict, const void *body, size_t length) {
  size_t header = strlen(dict);
  file out = {.length = 10 + header + length};
  memcpy(out.bytes, "\x93NUMPY\1\0", 8);
  out.bytes[8] = (uint8_t)header;
  memcpy(out.bytes + 10, dict, header);
  memcpy(out.bytes + 10 + header, body, length);
  return out;
}

static pf_status read_file(const file *in, pf_image *out) {
  return pf_image_read_bytes(in->bytes, in->length, "test", out, &error);
}

static void expect_grey(const file *in, int width, int height, const double *expected) {
  pf_image image = {0};
  assert_ok(read_file(in, &image));
  assert_int_equal(image.width, width);
  assert_int_equal(image.height, height);
  for (int i = 0; i < width * height; i++)
    if (image.grey[i] != expected[i])
      fail_msg("pixel %d is %.17g, expected %g", i, image.grey[i], expected[i]);
  pf_image_free(&image);
  assert_null(image.grey);
}

/* ---- PNG ---- */

static void grey_of_every_depth(void **state) {
  (void)state;
  const uint8_t bits[] = {0xA0, 0x40}, pairs[] = {0x1B, 0xE4}, nibbles[] = {0x0F, 0x71, 0xA0, 0x12},
                bytes[] = {0, 127, 255, 1, 2, 3}, words[] = {0, 1, 0x80, 0, 0xFF, 0xFF, 1, 0, 0, 2, 0, 3};
  file f = make_png(3, 2, (png_kind){.color_type = PNG_COLOR_TYPE_GRAY, .depth = 1}, bits, 1);
  expect_grey(&f, 3, 2, (double[]){255, 0, 255, 0, 255, 0});
  f = make_png(4, 2, (png_kind){.color_type = PNG_COLOR_TYPE_GRAY, .depth = 2}, pairs, 1);
  expect_grey(&f, 4, 2, (double[]){0, 85, 170, 255, 255, 170, 85, 0});
  f = make_png(3, 2, (png_kind){.color_type = PNG_COLOR_TYPE_GRAY, .depth = 4}, nibbles, 2);
  expect_grey(&f, 3, 2, (double[]){0, 255, 119, 170, 0, 17});
  f = make_png(3, 2, (png_kind){.color_type = PNG_COLOR_TYPE_GRAY, .depth = 8}, bytes, 3);
  expect_grey(&f, 3, 2, (double[]){0, 127, 255, 1, 2, 3});
  f = make_png(3, 2, (png_kind){.color_type = PNG_COLOR_TYPE_GRAY, .depth = 16}, words, 6);
  expect_grey(&f, 3, 2, (double[]){1, 32768, 65535, 256, 2, 3});
}

static void colour_becomes_luma(void **state) {
  (void)state;
  const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30, 0, 0, 0};
  file f = make_png(3, 2, (png_kind){.color_type = PNG_COLOR_TYPE_RGB, .depth = 8}, rgb, 9);
  expect_grey(&f, 3, 2, (double[]){76, 150, 29, 255, 18, 0}); /* Pillow's values */
  const uint8_t wide[] = {0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  f = make_png(1, 2, (png_kind){.color_type = PNG_COLOR_TYPE_RGB, .depth = 16}, wide, 6);
  expect_grey(&f, 1, 2, (double[]){19595, 65535});
  const uint8_t indices[] = {0, 1, 2, 3};
  png_kind palette = {.color_type = PNG_COLOR_TYPE_PALETTE, .depth = 8, .colors = 4};
  f = make_png(2, 2, palette, indices, 2);
  expect_grey(&f, 2, 2, (double[]){0, 18, 36, 54});
}

static void transparent_pixels_lie_on_white(void **state) {
  (void)state;
  const uint8_t rgba[] = {0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 51, 200, 200, 200, 51};
  file f = make_png(2, 2, (png_kind){.color_type = PNG_COLOR_TYPE_RGBA, .depth = 8}, rgba, 8);
  expect_grey(&f, 2, 2, (double[]){0, 255, 204, 244});
  const uint8_t ga[] = {0x80, 0, 0xFF, 0xFF, 0x12, 0x34, 0, 0};
  f = make_png(1, 2, (png_kind){.color_type = PNG_COLOR_TYPE_GRAY_ALPHA, .depth = 16}, ga, 4);
  expect_grey(&f, 1, 2, (double[]){32768, 65535});
  const uint8_t indices[] = {0, 1, 2, 3}; /* alphas 0, 100, then opaque */
  png_kind palette = {.color_type = PNG_COLOR_TYPE_PALETTE, .depth = 8, .colors = 4, .transparents = 2};
  f = make_png(2, 2, palette, indices, 2);
  expect_grey(&f, 2, 2, (double[]){255, 162, 36, 54});
}

static void interlaced_is_the_same(void **state) {
  (void)state;
  uint8_t rows[11 * 9];
  double expected[11 * 9];
  for (int i = 0; i < 11 * 9; i++) expected[i] = rows[i] = (uint8_t)(37 * i);
  png_kind kind = {.color_type = PNG_COLOR_TYPE_GRAY, .depth = 8, .interlace = PNG_INTERLACE_ADAM7};
  file f = make_png(11, 9, kind, rows, 11);
  expect_grey(&f, 11, 9, expected);
}

/* ---- PGM and NPY ---- */

static void pgm_of_both_kinds(void **state) {
  (void)state;
  file f = make_text("P2 # plain\n#second\n 3\t2 # size\n9\n0 1 2 # half\n3 4\n9\n");
  expect_grey(&f, 3, 2, (double[]){0, 1, 2, 3, 4, 9});
  f = make_text("P2 2 1 65535 65535 7");
  expect_grey(&f, 2, 1, (double[]){65535, 7});
  f = make_text("P5\n# raw\n3 2\n255\n\nAz #~");
  expect_grey(&f, 3, 2, (double[]){'\n', 'A', 'z', ' ', '#', '~'});
  f = make_text("P5 2 1 256\n");
  memcpy(f.bytes + f.length, "\1\0\0\377", 4);
  f.length += 4;
  expect_grey(&f, 2, 1, (double[]){256, 255});
}

static void arrays_are_images(void **state) {
  (void)state;
  const uint8_t bytes[] = {0, 1, 2, 253, 254, 255};
  file f = make_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}\n", bytes, 6);
  expect_grey(&f, 3, 2, (double[]){0, 1, 2, 253, 254, 255});
  const double reals[] = {-.5, .25, 1e9, 0, 3, 4};
  f = make_npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3)}\n", reals, 48);
  expect_grey(&f, 3, 2, (double[]){-.5, 1e9, 3, .25, 0, 4});
  f = make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 6)}\n", reals, 48);
  expect_grey(&f, 6, 1, reals);
}

/* ---- refusals ---- */

static void refuse(const file *in, const char *message) {
  pf_image image = {.width = -7};
  assert_fails(read_file(in, &image), PF_BAD_INPUT, message);
  assert_int_equal(image.width, -7);
}

static void bad_files_are_explained(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } CASES[] = {{"", "not a PNG"},
               {"P", "not a PNG"},
               {"P6 1 1 255 abc", "not a PNG"},
               {"GIF89a", "not a PNG"},
               {"\x89PNG", "not a sound PNG"},
               {"P2 2 2", "malformed PGM header"},
               {"P2 2 x 255 1", "malformed PGM header"},
               {"P2 2 -1 255 1 2", "malformed PGM header"},
               {"P2 99999999999999999999 1 255 1", "malformed PGM header"},
               {"P5 1 1 255#a", "no white space"},
               {"P2 2 2 0 1 1 1 1", "lightest grey 0"},
               {"P2 2 2 65536 1 1 1 1", "lightest grey 65536"},
               {"P2 0 2 255 1", "0 x 2 pixels"},
               {"P2 16385 1 255 1", "16385 x 1 pixels"},
               {"P5 16384 1025 255 1", "16384 x 1025 pixels"},
               {"P5 16384 1024 255 1", "truncated"},
               {"P2 16384 1024 255 1", "truncated"},
               {"P2 2 2 255 1 2 3   ", "row 2, column 2: no grey value"},
               {"P2 2 2 255 1 2 3x  4", "row 2, column 1: no grey value"},
               {"P2 2 2 9 1 2 10 4", "row 2, column 1: lighter"},
               {"P5 2 2 9 \1\2\3\12", "row 2, column 2: lighter"},
               {"P2 2 2 9 1 2 3 4 5", "1 bytes after"},
               {"P5 2 2 9 \1\2\3\4\5", "1 bytes after"}};
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    file f = make_text(CASES[i].text);
    refuse(&f, CASES[i].message);
  }
  const double body[] = {1, 2, 3, NAN};
  file f = make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4,)}\n", body, 32);
  refuse(&f, "an array of 1 dimensions");
  f = make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2, 1)}\n", body, 32);
  refuse(&f, "an array of 3 dimensions");
  f = make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}\n", body, 32);
  refuse(&f, "the value is nan");
  f = make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 20000)}\n", body, 32);
  refuse(&f, "20000 x 2 pixels");
}

static file sample_png(void) {
  uint8_t rows[7 * 5];
  for (int i = 0; i < 7 * 5; i++) rows[i] = (uint8_t)(i % 4);
  png_kind kind = {PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_ADAM7, .colors = 4, .transparents = 2};
  return make_png(7, 5, kind, rows, 7);
}

/* Bytes 16..23 of a PNG are its width and height; the checksum of that chunk is in bytes 29..32. */
static void large_claims_take_no_memory(void **state) {
  (void)state;
  static const struct {
    uint32_t width, height;
    const char *message;
  } CASES[] = {{16384, 1024, "truncated: 16384 x 1024"},
               {16385, 1, "16385 x 1 pixels"},
               {16384, 16384, "16384 x 16384 pixels"},
               {0, 5, "not a sound PNG"},
               {0x7FFFFFFF, 0x7FFFFFFF, "not a sound PNG"}};
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    file f = sample_png();
    png_save_uint_32(f.bytes + 16, CASES[i].width);
    png_save_uint_32(f.bytes + 20, CASES[i].height);
    png_save_uint_32(f.bytes + 29, (png_uint_32)crc32(0, f.bytes + 12, 17));
    refuse(&f, CASES[i].message);
  }
}

static void truncate_everywhere(const file *in) {
  pf_image image = {0};
  for (size_t cut = 0; cut < in->length; cut++) {
    uint8_t *exact = test_malloc(cut + 1);
    memcpy(exact, in->bytes, cut);
    assert_int_equal(pf_image_read_bytes(exact, cut, "cut", &image, &error), PF_BAD_INPUT);
    test_free(exact);
  }
  assert_null(image.grey);
  assert_survives_no_memory(read_file(in, &image), pf_image_free(&image));
}

static void truncated_at_every_byte(void **state) {
  (void)state;
  const uint8_t body[] = {1, 2, 3, 4, 5, 6};
  file files[] = {sample_png(), make_text("P5 3 2 255 abcdef"), make_text("P2 3 2 9 1 2 3 4 5 6"),
                  make_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}\n", body, 6)};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) truncate_everywhere(&files[i]);
}

/* No byte is allowed to do more than make the file another image or a bad one. */
static void damaged_at_every_byte(void **state) {
  (void)state;
  for (size_t at = 0; at < sample_png().length; at++)
    for (int bit = 0; bit < 8; bit++) {
      file f = sample_png();
      f.bytes[at] ^= (uint8_t)(1 << bit);
      pf_image image = {0};
      pf_status status = read_file(&f, &image);
      assert_true(status == PF_BAD_INPUT || (status == PF_OK && image.width == 7 && image.height == 5));
      pf_image_free(&image);
    }
}

/* ---- by path ---- */

static void files_are_read(void **state) {
  (void)state;
  char path[] = "/tmp/pf_test_image_XXXXXX";
  int handle = mkstemp(path);
  assert_int_equal(write(handle, "P2 2 1 9 4 5", 12), 12);
  close(handle);
  pf_image image = {0};
  assert_ok(pf_image_read(path, &image, &error));
  assert_true(image.grey[0] == 4 && image.grey[1] == 5);
  pf_image_free(&image);
  unlink(path);
  assert_fails(pf_image_read(path, &image, &error), PF_IO, path);
  assert_fails(pf_image_read("/tmp", &image, &error), PF_IO, "/tmp");
  assert_fails(pf_image_read("/dev/zero", &image, &error), PF_BAD_INPUT, "longer than");
}

/* The arrays were made from the pictures by Pillow. */
static void pictures_equal_their_arrays(void **state) {
  (void)state;
  static const char *const NAMES[] = {"rose", "tree"};
  for (int i = 0; i < 2; i++) {
    char name[64], png[512], npy[512];
    pf_image picture = {0}, array = {0};
    snprintf(name, sizeof name, "density_images/%s.png", NAMES[i]);
    if (!shared_data(name, png, sizeof png)) skip();
    snprintf(name, sizeof name, "density_images/%s.npy", NAMES[i]);
    if (!shared_data(name, npy, sizeof npy)) skip();
    assert_ok(pf_image_read(png, &picture, &error));
    assert_ok(pf_image_read(npy, &array, &error));
    assert_true(picture.width == array.width && picture.height == array.height);
    assert_memory_equal(picture.grey, array.grey,
                        (size_t)picture.width * (size_t)picture.height * sizeof *picture.grey);
    pf_image_free(&picture);
    pf_image_free(&array);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grey_of_every_depth),
      cmocka_unit_test(colour_becomes_luma),
      cmocka_unit_test(transparent_pixels_lie_on_white),
      cmocka_unit_test(interlaced_is_the_same),
      cmocka_unit_test(pgm_of_both_kinds),
      cmocka_unit_test(arrays_are_images),
      cmocka_unit_test(bad_files_are_explained),
      cmocka_unit_test(large_claims_take_no_memory),
      cmocka_unit_test(truncated_at_every_byte),
      cmocka_unit_test(damaged_at_every_byte),
      cmocka_unit_test(files_are_read),
      cmocka_unit_test(pictures_equal_their_arrays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
