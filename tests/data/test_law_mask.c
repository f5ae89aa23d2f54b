/* Image laws: the picture upright, draws, density, moments and entropy against direct sums over the pixels. */
#include "data_test.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>
#include "data/law.h"

static pf_error error;
static char picture[64];

enum { W = 7, H = 5 };
/* An L, heavy at its foot, on white paper. */
static const int GREY[H][W] = {{9, 0, 9, 9, 9, 9, 9},
                               {9, 3, 9, 9, 9, 9, 9},
                               {9, 0, 9, 9, 9, 9, 8},
                               {9, 0, 9, 9, 9, 9, 9},
                               {9, 0, 0, 0, 6, 9, 9}};

static void write_file(const char *path, const char *text) {
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  fputs(text, stream);
  fclose(stream);
}

static int set_up(void **state) {
  (void)state;
  char text[512];
  int length = sprintf(text, "P2 %d %d 20\n", W, H); /* the lightest of the image counts, not of the format */
  for (int i = 0; i < H * W; i++) length += sprintf(text + length, "%d ", GREY[i / W][i % W]);
  strcpy(picture, "/tmp/pf_test_mask_XXXXXX.pgm");
  close(mkstemps(picture, 4));
  write_file(picture, text);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return unlink(picture);
}

static pf_law *make(const char *spec) {
  pf_law *law = NULL;
  assert_ok(pf_law_create(spec, &law, &error));
  return law;
}

static void expect_close(const char *what, double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance))
    fail_msg("%s: %.10g, expected %.10g +- %.2g", what, value, expected, tolerance);
}

/* The formulas as they are written: weight and centre of the pixel in row i FROM THE TOP. */
static double weight(int i, int j) {
  double total = 0;
  for (int k = 0; k < H * W; k++) total += 9 - GREY[k / W][k % W];
  return (9 - GREY[i][j]) / total;
}
static double centre(int axis, int i, int j) {
  return axis == 0 ? -4 + 8.0 * j / (W - 1) : 4 - 8.0 * i / (H - 1);
}

static double direct_log_density(const double *x) {
  const double sd[2] = {4.0 / W, 4.0 / H};
  double max = -INFINITY, sum = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < H; i++)
      for (int j = 0; j < W; j++) {
        double a = (x[0] - centre(0, i, j)) / sd[0], b = (x[1] - centre(1, i, j)) / sd[1];
        double term = log(weight(i, j)) - .5 * (a * a + b * b);
        if (pass == 0)
          max = fmax(max, term);
        else
          sum += exp(term - max);
      }
  return max + log(sum) - log(2 * acos(-1) * sd[0] * sd[1]);
}

static void density_is_the_sum_over_pixels(void **state) {
  (void)state;
  pf_law *law = make(picture);
  /* on a pixel, between pixels, in the white, at the edge, near outside, far outside */
  static const double X[][2] = {{-2.66667, -4}, {-2, -3.1},  {1.5, 1.7},  {4, 4},       {-4.9, 5.2},
                                {9, 9},         {-30, 12.5}, {1e4, -1e4}, {-2.7, -1e6}, {1e150, 0}};
  for (size_t k = 0; k < sizeof X / sizeof *X; k++) {
    double log_p, expected = direct_log_density(X[k]);
    assert_true(pf_law_log_density(law, X[k], 1, &log_p));
    expect_close("log p", log_p, expected, 1e-9 * fmax(1, fabs(expected)));
  }
  double odd[] = {NAN, 0, 0, NAN, INFINITY, -INFINITY, INFINITY, 0}, out[4];
  pf_law_log_density(law, odd, 4, out);
  assert_true(isnan(out[0]) && isnan(out[1]) && out[2] == -INFINITY && out[3] == -INFINITY);
  pf_law_free(law);
}

static double mass_on_grid(const pf_law *law, double half, double step, double *entropy) {
  double mass = 0;
  *entropy = 0;
  for (double a = -half; a <= half; a += step)
    for (double b = -half; b <= half; b += step) {
      double x[2] = {a, b}, log_p;
      pf_law_log_density(law, x, 1, &log_p);
      mass += step * step * exp(log_p);
      if (log_p > -700) *entropy -= step * step * exp(log_p) * log_p;
    }
  return mass;
}

static void density_integrates_to_one_and_to_the_entropy(void **state) {
  (void)state;
  pf_law *law = make(picture);
  double entropy, on_grid;
  expect_close("mass", mass_on_grid(law, 12, .1, &on_grid), 1, 1e-9);
  assert_true(pf_law_entropy(law, &entropy));
  expect_close("entropy", entropy, on_grid, 1e-6);
  pf_law_free(law);
}

/* The least image: one dark corner in four pixels. Its entropy is that of one Gaussian. */
static void one_pixel_is_a_gaussian(void **state) {
  (void)state;
  char path[] = "/tmp/pf_test_pixel_XXXXXX";
  close(mkstemp(path));
  write_file(path, "P2 2 2 1 1 0 1 1");
  char spec[64];
  snprintf(spec, sizeof spec, "mask=%s", path);
  pf_law *law = make(spec);
  double mean[2], covariance[4], entropy;
  pf_law_moments(law, mean, covariance);
  pf_law_entropy(law, &entropy);
  expect_close("mean", mean[0], 4, 1e-12);
  expect_close("mean", mean[1], 4,
               1e-12); /* the top right corner of the picture is the top right of the plot */
  expect_close("variance", covariance[0], 4, 1e-12);
  expect_close("covariance", covariance[1], 0, 1e-12);
  expect_close("entropy", entropy, 1 + log(2 * acos(-1) * 4), 1e-9);
  pf_law_free(law);
  unlink(path);
}

static void draws_follow_the_picture(void **state) {
  (void)state;
  enum { N = 200000 };
  pf_law *law = make(picture);
  assert_string_equal(pf_law_spec(law), picture);
  assert_int_equal(pf_law_dimension(law), 2);
  assert_false(pf_law_is_board(law));
  assert_null(pf_law_mixture(law));
  assert_int_equal(pf_law_modes(law, NULL, NULL), 0);
  double *x = test_malloc(2 * N * sizeof *x), *log_p = test_malloc(N * sizeof *log_p);
  double mean[2], covariance[4], sum[2] = {0}, square[3] = {0}, nll = 0, entropy;
  pf_law_sample(law, 3, 0, N, x);
  pf_law_moments(law, mean, covariance);
  for (int k = 0; k < N; k++) {
    double a = x[2 * k] - mean[0], b = x[2 * k + 1] - mean[1];
    sum[0] += a / N;
    sum[1] += b / N;
    square[0] += a * a / N;
    square[1] += a * b / N;
    square[2] += b * b / N;
  }
  expect_close("mean x", sum[0], 0, 4.5 * sqrt(covariance[0] / N));
  expect_close("mean y", sum[1], 0, 4.5 * sqrt(covariance[3] / N));
  expect_close("variance x", square[0], covariance[0], .05);
  expect_close("covariance", square[1], covariance[1], .05);
  expect_close("variance y", square[2], covariance[3], .1);
  assert_true(mean[0] < -1 && mean[1] < 0 &&
              covariance[1] < -.5); /* the L stands upright, its foot to the right */
  pf_law_log_density(law, x, N, log_p);
  pf_law_entropy(law, &entropy);
  for (int k = 0; k < N; k++) nll -= log_p[k] / N;
  expect_close("entropy", nll, entropy, 4 / sqrt(N));
  double part[20];
  pf_law_sample(law, 3, 100, 10, part);
  assert_memory_equal(part, x + 200, sizeof part);
  test_free(x);
  test_free(log_p);
  pf_law_free(law);
}

/* Every pixel's share of the draws, seen through noise of half a pixel: expected counts by error functions. */
static void draws_have_the_weights_of_the_pixels(void **state) {
  (void)state;
  enum { N = 200000 };
  pf_law *law = make(picture);
  double count[H][W] = {{0}}, x[2], cell[2] = {8.0 / (W - 1), 8.0 / (H - 1)};
  for (int k = 0; k < N; k++) {
    pf_law_sample(law, 5, (uint64_t)k, 1, x);
    int j = (int)lround((x[0] + 4) / cell[0]), i = (int)lround((4 - x[1]) / cell[1]);
    if (i >= 0 && i < H && j >= 0 && j < W) count[i][j]++;
  }
  for (int i = 0; i < H; i++)
    for (int j = 0; j < W; j++) {
      double expected = 0;
      for (int k = 0; k < H * W; k++) {
        double share = weight(k / W, k % W);
        const double offset[2] = {(j - k % W) * cell[0], (i - k / W) * cell[1]}, sd[2] = {4.0 / W, 4.0 / H};
        for (int axis = 0; axis < 2; axis++) {
          double scale = sd[axis] * sqrt(2), half = cell[axis] / 2;
          share *= .5 * (erf((offset[axis] + half) / scale) - erf((offset[axis] - half) / scale));
        }
        expected += share;
      }
      expect_close("share", count[i][j] / N, expected, 4.5 * sqrt(expected / N) + 1e-5);
    }
  pf_law_free(law);
}

static void *ask_entropy(void *law) {
  double *out = test_malloc(sizeof *out);
  pf_law_entropy(law, out);
  return out;
}

static void any_thread_may_ask_first(void **state) {
  (void)state;
  enum { THREADS = 4 };
  pf_law *law = make(picture);
  pthread_t threads[THREADS];
  double entropy;
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask_entropy, law), 0);
  void *answers[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], &answers[i]);
  pf_law_entropy(law, &entropy);
  for (int i = 0; i < THREADS; i++) {
    assert_true(*(double *)answers[i] == entropy);
    test_free(answers[i]);
  }
  pf_law_free(law);
}

static void products_of_pictures(void **state) {
  (void)state;
  char spec[128];
  snprintf(spec, sizeof spec, "product:law=%s,k=2", picture);
  pf_law *law = make(picture), *pair = make(spec);
  double entropy, double_entropy, x[4], log_p[2], log_pair;
  pf_law_entropy(law, &entropy);
  pf_law_entropy(pair, &double_entropy);
  expect_close("entropy", double_entropy, 2 * entropy, 1e-12);
  pf_law_sample(pair, 1, 0, 1, x);
  pf_law_log_density(law, x, 2, log_p);
  pf_law_log_density(pair, x, 1, &log_pair);
  expect_close("log p", log_pair, log_p[0] + log_p[1], 1e-12);
  pf_law_free(law);
  pf_law_free(pair);
}

static void expect_refusal(const char *text, const char *part) {
  char path[] = "/tmp/pf_test_flat_XXXXXX.pgm";
  pf_law *law = NULL;
  close(mkstemps(path, 4));
  write_file(path, text);
  assert_fails(pf_law_create(path, &law, &error), PF_BAD_INPUT, part);
  assert_non_null(strstr(error.message, path));
  assert_null(law);
  unlink(path);
}

static void bad_pictures_are_explained(void **state) {
  (void)state;
  pf_law *law = NULL;
  expect_refusal("P2 2 2 9 4 4 4 4", "every pixel is 4");
  expect_refusal("P2 1 3 9 1 2 3", "1 x 3 pixels");
  expect_refusal("P2 3 1 9 1 2 3", "3 x 1 pixels");
  expect_refusal("nonsense", "not a PNG");
  assert_fails(pf_law_create("no-such-file.png", &law, &error), PF_IO, "no-such-file.png");
  assert_fails(pf_law_create("mask=no-such-file", &law, &error), PF_IO, "no-such-file");
  assert_fails(pf_law_create("mask=", &law, &error), PF_IO, "cannot open");
  assert_survives_no_memory(pf_law_create(picture, &law, &error), pf_law_free(law));
}

/* Entropies by an independent program: the same integral on two nodes a pixel. */
static void rose_and_tree(void **state) {
  (void)state;
  static const struct {
    const char *name;
    double entropy;
  } CASES[] = {{"density_images/rose.png", 2.4855}, {"density_images/tree.png", 1.9521}};
  for (int i = 0; i < 2; i++) {
    char room[512];
    const char *path = shared_data(CASES[i].name, room, sizeof room);
    if (!path) skip();
    pf_law *law = make(path);
    double entropy, mass = 0, x[2], log_p;
    pf_law_entropy(law, &entropy);
    expect_close(path, entropy, CASES[i].entropy, 2e-4);
    for (x[0] = -4.2; i == 0 && x[0] < 4.2; x[0] += .017) /* the rose, by steps of one standard deviation */
      for (x[1] = -4.2; x[1] < 4.2; x[1] += .017) {
        pf_law_log_density(law, x, 1, &log_p);
        mass += .017 * .017 * exp(log_p);
      }
    if (i == 0) expect_close(path, mass, 1, 1e-6);
    pf_law_free(law);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(density_is_the_sum_over_pixels),
      cmocka_unit_test(density_integrates_to_one_and_to_the_entropy),
      cmocka_unit_test(one_pixel_is_a_gaussian),
      cmocka_unit_test(draws_follow_the_picture),
      cmocka_unit_test(draws_have_the_weights_of_the_pixels),
      cmocka_unit_test(any_thread_may_ask_first),
      cmocka_unit_test(products_of_pictures),
      cmocka_unit_test(bad_pictures_are_explained),
      cmocka_unit_test(rose_and_tree),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
