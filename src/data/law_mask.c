/* Grey images as laws on the plane: the darker a pixel, the likelier.
 *
 *   w_ij = (lightest grey - grey of the pixel in column j and row i), normalised; rows counted from the BOTTOM, so that
 *          the picture stands upright where y points up
 *   x = (-4 + 8 j/(w-1), -4 + 8 i/(h-1)) + (4/w N, 4/h N),   p(x) = sum_ij w_ij k((x1 - x1_j)/s1) k((x2 - x2_i)/s2)
 *
 * Source: the rose and tree of hamrel-cxu/JKO-iFlow (which rotates the image by 180 degrees and then flips it left to
 * right: the same as upside down). Columns and rows are the unit of length below ("cells"); a standard deviation is
 * s = (w-1)/(2 w) cells, about half of one.
 */
#include <math.h>
#include <pthread.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "image.h"
#include "law_internal.h"

static const double TWO_PI = 6.283185307179586477;
enum {
  REACH = 5,
  TAPS = 2 * REACH
}; /* pixels on either side of a point that count near the picture: >= 10 s */

typedef struct mask {
  int size[2];          /* width, height */
  double sd[2];         /* in cells */
  double *weight;       /* height x width, the bottom row first, sum 1 */
  int count;            /* dark pixels, those of positive weight, row by row: */
  int *pixel;           /* [count] where in weight */
  double *cumulative;   /* [count] weight up to and with it */
  int *guide;           /* [count] first k with b / count < cumulative[k], for bucket b of [0,1) */
  int *row_start;       /* [height + 1] the first one in a row or beyond */
  pthread_mutex_t lock; /* of the rest */
  bool known;
  double entropy;
  double *room; /* [width + 2 TAPS] */
} mask;

static void free_mask(void *state) {
  mask *m = state;
  pthread_mutex_destroy(&m->lock);
  pf_free(m->weight);
  pf_free(m->pixel);
  pf_free(m->cumulative);
  pf_free(m->guide);
  pf_free(m->row_start);
  pf_free(m->room);
}

static double cell(const mask *m, int axis) { return 8.0 / (m->size[axis] - 1); }

/* ---- draws ---- */

/* The first k with u < cumulative[k]: the guide is at most a bucket short of it, one step on average. */
static int pick_pixel(const mask *m, double u) {
  int k = m->guide[(int)(u * m->count)];
  while (k < m->count - 1 && !(u < m->cumulative[k])) k++;
  return m->pixel[k];
}

static void draw_mask(const pf_law *law, pf_rng *rng, double *x) {
  const mask *m = law->state;
  int pixel = pick_pixel(m, pf_rng_uniform(rng));
  int at[2] = {pixel % m->size[0], pixel / m->size[0]};
  for (int axis = 0; axis < 2; axis++)
    x[axis] = -4 + cell(m, axis) * (at[axis] + m->sd[axis] * pf_rng_normal(rng));
}

/* ---- density ---- */

/* out[t] = exp(-z^2/2) at pixels first + t of an axis. Returns `first`. */
static int kernel_around(double at, double sd, double out[TAPS]) {
  int first = (int)floor(at) - REACH + 1;
  for (int t = 0; t < TAPS; t++) {
    double z = (at - (first + t)) / sd;
    out[t] = exp(-0.5 * z * z);
  }
  return first;
}

/* sum w k k over the pixels within REACH; what is left out is below exp(-REACH^2/(2 s^2)) <= exp(-50). */
static double near_sum(const mask *m, double column, double row) {
  int width = m->size[0], height = m->size[1];
  if (!(column > -REACH && column < width + REACH && row > -REACH && row < height + REACH)) return 0;
  double kernel[2][TAPS], sum = 0;
  int left = kernel_around(column, m->sd[0], kernel[0]), bottom = kernel_around(row, m->sd[1], kernel[1]);
  int from = left < 0 ? -left : 0, to = width - left < TAPS ? width - left : TAPS;
  for (int t = 0; t < TAPS; t++) {
    if (bottom + t < 0 || bottom + t >= height) continue;
    const double *weight = m->weight + (int64_t)(bottom + t) * width;
    double line = 0;
    for (int u = from; u < to; u++) line += kernel[0][u] * weight[left + u];
    sum += kernel[1][t] * line;
  }
  return sum;
}

/* log sum exp of terms met one by one. */
typedef struct log_sum {
  double max, sum;
} log_sum;

/* A term this far below the largest is nothing, even times the number of pixels. */
static bool matters(const log_sum *s, double term) { return term > s->max - 60; }

static void add_term(log_sum *s, double term) {
  if (term > s->max) {
    s->sum = s->sum * exp(s->max - term) + 1;
    s->max = term;
  } else {
    s->sum += exp(term - s->max);
  }
}

static double log_kernel(double at, int pixel, double sd) {
  double z = (at - pixel) / sd;
  return -0.5 * z * z;
}

/* The first dark pixel of a row (a place in `pixel`) that is not left of `column`. */
static int find_column(const mask *m, int row, double column) {
  int low = m->row_start[row], high = m->row_start[row + 1];
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (m->pixel[middle] - row * m->size[0] < column)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Adds the k-th dark pixel; false when it is too far for it and all beyond it to matter. */
static bool add_pixel(const mask *m, int k, int row, double column, double row_term, log_sum *s) {
  double term = row_term + log_kernel(column, m->pixel[k] - row * m->size[0], m->sd[0]);
  if (!matters(s, term)) return false;
  add_term(s, term + log(m->weight[m->pixel[k]]));
  return true;
}

/* The same for the dark pixels of a row, outwards from `column`. */
static bool add_row(const mask *m, int i, double column, double row, log_sum *s) {
  double row_term = log_kernel(row, i, m->sd[1]);
  if (!matters(s, row_term)) return false;
  int middle = find_column(m, i, column);
  for (int k = middle; k < m->row_start[i + 1] && add_pixel(m, k, i, column, row_term, s); k++) continue;
  for (int k = middle - 1; k >= m->row_start[i] && add_pixel(m, k, i, column, row_term, s); k--) continue;
  return true;
}

/* log sum w k k anywhere, so that no point has density 0. */
static double far_log_sum(const mask *m, double column, double row) {
  int middle = row > 0 ? (int)fmin(row, m->size[1] - 1) : 0;
  log_sum s = {-INFINITY, 0};
  for (int i = middle; i < m->size[1] && add_row(m, i, column, row, &s); i++) continue;
  for (int i = middle - 1; i >= 0 && add_row(m, i, column, row, &s); i--) continue;
  return s.max + log(s.sum);
}

static double log_p_mask(const pf_law *law, const double *x) {
  static const double NEAR_ENOUGH = 1e-12; /* exp(-50) is less than 1e-9 of it */
  const mask *m = law->state;
  double column = (x[0] + 4) / cell(m, 0), row = (x[1] + 4) / cell(m, 1);
  if (isnan(column) || isnan(row)) return NAN;
  double near = near_sum(m, column, row);
  double log_scale = -log(TWO_PI * m->sd[0] * cell(m, 0) * m->sd[1] * cell(m, 1));
  return log_scale + (near > NEAR_ENOUGH ? log(near) : far_log_sum(m, column, row));
}

/* ---- entropy ----
 *
 * -int p log p by the trapezoid rule on `parts` nodes a cell along each axis: deterministic, and at 4 nodes exact to 1e-6 on
 * pictures, in the time of the few random draws that give three digits. On nodes that repeat in every cell the kernels
 * are short tables. Where few pixels make the law, log p bends more than p does, and nodes cost nothing. */

enum { MAX_PARTS = 16, PARTS = 4, FEW_PIXELS = 10000 };
typedef double kernel_table[MAX_PARTS][TAPS];

/* The normalised kernel at offset q / parts from a pixel to its neighbours 1 - REACH .. REACH. */
static void fill_kernel(double sd, int parts, kernel_table out) {
  for (int q = 0; q < parts; q++)
    for (int t = 0; t < TAPS; t++)
      out[q][t] = exp(log_kernel((double)q / parts, t + 1 - REACH, sd)) / (sqrt(TWO_PI) * sd);
}

/* room[TAPS + j] = sum over rows of kernel times weight; false when nothing is there. */
static bool blend_rows(const mask *m, int row, const double *kernel) {
  int width = m->size[0];
  double *out = m->room + TAPS, total = 0;
  for (int j = 0; j < width; j++) out[j] = 0;
  for (int t = 0; t < TAPS; t++) {
    int i = row + t + 1 - REACH;
    if (i < 0 || i >= m->size[1]) continue;
    const double *weight = m->weight + (int64_t)i * width;
    for (int j = 0; j < width; j++) out[j] += kernel[t] * weight[j];
  }
  for (int j = 0; j < width; j++) total += out[j];
  return total > 0;
}

/* Sum of p log p along one line of nodes. */
static double sum_line(const mask *m, int parts, const kernel_table kernel) {
  double sum = 0;
  for (int column = -REACH; column < m->size[0] + REACH - 1; column++) {
    const double *around = m->room + TAPS + column + 1 - REACH;
    for (int q = 0; q < parts; q++) {
      double p = 0;
      for (int t = 0; t < TAPS; t++) p += kernel[q][t] * around[t];
      if (p > 0) sum += p * log(p);
    }
  }
  return sum;
}

static double integrate_entropy(const mask *m) {
  int parts = (int64_t)m->size[0] * m->size[1] < FEW_PIXELS ? MAX_PARTS : PARTS;
  kernel_table across, up;
  fill_kernel(m->sd[0], parts, across);
  fill_kernel(m->sd[1], parts, up);
  double sum = 0;
  for (int row = -REACH; row < m->size[1] + REACH - 1; row++)
    for (int q = 0; q < parts; q++)
      if (blend_rows(m, row, up[q])) sum += sum_line(m, parts, across);
  return log(cell(m, 0) * cell(m, 1)) - sum / (parts * parts);
}

/* Computed once, when first asked for: a training never does. */
static double entropy_mask(const pf_law *law) {
  mask *m = law->state;
  pthread_mutex_lock(&m->lock);
  if (!m->known) m->entropy = integrate_entropy(m);
  m->known = true;
  double entropy = m->entropy;
  pthread_mutex_unlock(&m->lock);
  return entropy;
}

/* ---- creation ---- */

/* Turns the greys into weights, upside down. */
static pf_status set_weights(mask *m, const pf_image *image, const char *path, pf_error *error) {
  int width = image->width, height = image->height;
  int64_t pixels = (int64_t)width * height;
  double lightest = image->grey[0], darkest = image->grey[0], total = 0;
  for (int64_t i = 1; i < pixels; i++) {
    lightest = fmax(lightest, image->grey[i]);
    darkest = fmin(darkest, image->grey[i]);
  }
  double range = lightest - darkest;
  if (!(range > 0))
    return pf_fail(error, PF_BAD_INPUT,
                   "%.200s: every pixel is %g: a law needs darker pixels than the lightest", path, lightest);
  if (!isfinite(range))
    return pf_fail(error, PF_BAD_INPUT, "%.200s: the greys go from %g to %g: too far apart", path, darkest,
                   lightest);
  PF_TRY(pf_alloc((size_t)pixels, sizeof(double), &m->weight, error));
  for (int i = 0; i < height; i++) {
    const double *grey = image->grey + (int64_t)PF_CANARY(MASK_UPRIGHT, height - 1 - i, i) * width;
    for (int j = 0; j < width; j++) total += m->weight[(int64_t)i * width + j] = (lightest - grey[j]) / range;
  }
  for (int64_t i = 0; i < pixels; i++) {
    m->weight[i] /= total;
    m->count += m->weight[i] > 0;
  }
  return PF_OK;
}

static pf_status list_pixels(mask *m, pf_error *error) {
  size_t count = (size_t)m->count;
  PF_TRY(pf_alloc(count, sizeof *m->pixel, &m->pixel, error));
  PF_TRY(pf_alloc(count, sizeof *m->cumulative, &m->cumulative, error));
  PF_TRY(pf_alloc(count, sizeof *m->guide, &m->guide, error));
  PF_TRY(pf_alloc((size_t)m->size[1] + 1, sizeof *m->row_start, &m->row_start, error));
  double sum = 0;
  int pixels = m->size[0] * m->size[1], k = 0;
  for (int i = 0; i < pixels; i++) {
    if (!(m->weight[i] > 0)) continue;
    m->pixel[k] = i;
    m->cumulative[k++] = sum += m->weight[i];
    m->row_start[i / m->size[0] + 1] = k;
  }
  for (int i = 1; i <= m->size[1]; i++) /* rows without any */
    if (m->row_start[i] < m->row_start[i - 1]) m->row_start[i] = m->row_start[i - 1];
  k = 0;
  for (int b = 0; b < m->count; b++) {
    while (k < m->count - 1 && !(b < m->cumulative[k] * m->count)) k++;
    m->guide[b] = k;
  }
  return PF_OK;
}

static void set_moments(pf_law *law, const mask *m) {
  double mean[2] = {0}, square[3] = {0};
  for (int k = 0; k < m->count; k++) {
    double weight = m->weight[m->pixel[k]];
    mean[0] += weight * (m->pixel[k] % m->size[0]);
    mean[1] += weight * (m->pixel[k] / m->size[0]);
  }
  for (int k = 0; k < m->count; k++) {
    double weight = m->weight[m->pixel[k]];
    double a = m->pixel[k] % m->size[0] - mean[0], b = m->pixel[k] / m->size[0] - mean[1];
    square[0] += weight * a * a;
    square[1] += weight * a * b;
    square[2] += weight * b * b;
  }
  double unit[2] = {cell(m, 0), cell(m, 1)};
  for (int axis = 0; axis < 2; axis++) law->mean[axis] = -4 + unit[axis] * mean[axis];
  law->covariance[0] = unit[0] * unit[0] * (square[0] + m->sd[0] * m->sd[0]);
  law->covariance[1] = law->covariance[2] = unit[0] * unit[1] * square[1];
  law->covariance[3] = unit[1] * unit[1] * (square[2] + m->sd[1] * m->sd[1]);
}

static pf_status build_from_image(pf_law *law, const pf_image *image, const char *path, pf_error *error) {
  if (image->width < 2 || image->height < 2)
    return pf_fail(error, PF_BAD_INPUT, "%.200s: %d x %d pixels: a law needs at least 2 a side", path,
                   image->width, image->height);
  mask *m = NULL;
  PF_TRY(pf_law_set_dimension(law, 2, error));
  PF_TRY(pf_law_set_state(law, sizeof *m, free_mask, &m, error));
  m->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  m->size[0] = image->width;
  m->size[1] = image->height;
  for (int axis = 0; axis < 2; axis++) m->sd[axis] = 0.5 * (m->size[axis] - 1) / m->size[axis];
  PF_TRY(pf_alloc((size_t)image->width + 2 * TAPS, sizeof(double), &m->room, error));
  PF_TRY(set_weights(m, image, path, error));
  PF_TRY(list_pixels(m, error));
  set_moments(law, m);
  law->entropy = NAN;
  law->find_entropy = entropy_mask;
  law->draw = draw_mask;
  law->log_p = log_p_mask;
  return PF_OK;
}

pf_status pf_law_build_mask(pf_law *law, const char *path, pf_error *error) {
  pf_image image;
  PF_TRY(pf_image_read(path, &image, error));
  pf_status status = build_from_image(law, &image, path, error);
  pf_image_free(&image);
  return status;
}
