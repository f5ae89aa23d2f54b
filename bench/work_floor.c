/* What a training step of one small network costs when it is written out by hand: the floor that our compiled graphs are held
 * against. The network, loss, clipping, Adam and moving average of work_train at its defaults (3x64, two columns, 256 rows),
 * every size a constant, activations and slopes applied while a row of tiles is in the first-level cache.
 *
 *   work_floor [--threads 1|2]
 *
 * An iteration is one step. Elementary functions and random numbers are ours (exec/cpu/kernels.h, base/rng.h); compiled for the
 * machine it is built on. Two lanes of 128 rows; a lane's products go six rows by two vectors.
 */
#include <math.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/rng.h"
#include "exec/cpu/kernels.h"
#include "work.h"

#if defined(__AVX512F__)
enum { LANE = 16, HIGH = 12 };
#elif defined(__AVX2__)
enum { LANE = 8, HIGH = 6 };
#else
enum { LANE = 4, HIGH = 6 };
#endif
enum { VECTORS = 2, TILE = VECTORS * LANE };
enum {
  ROWS = 20000,
  BATCH = 256,
  LANES = 2,
  R = BATCH / LANES,
  D = 2,
  FREQUENCIES = 8,
  IN = D + 2 * FREQUENCIES,
  W = 64
};
/* parameters, flat */
enum {
  W1 = 0,
  B1 = W1 + IN * W,
  W2 = B1 + W,
  B2 = W2 + W * W,
  W3 = B2 + W,
  B3 = W3 + W * W,
  W4 = B3 + W,
  B4 = W4 + W * D,
  P = B4 + D
};
enum { STREAM = PF_STREAM_GRAPH };

typedef float vec __attribute__((vector_size(4 * LANE), aligned(4), may_alias));
typedef float rows[R][W];

/* What a thread works in: it stays in that core's cache, whichever lane it has. */
typedef struct workspace {
  _Alignas(64) float x[R][IN], target[R][D], time[R], index[R], noise[R][D];
  float angle[R * FREQUENCIES], sine[R * FREQUENCIES], cosine[R * FREQUENCIES];
  rows h1, h2, h3, s1, s2, s3, d3, d2, d1;
} workspace;

typedef struct lane {
  _Alignas(64) float g[P];
  double loss;
} lane;

typedef struct worker {
  int threads;
  int64_t step;
  float *data, frequency[FREQUENCIES];
  _Alignas(64) float p[P], m[P], v[P], average[P], turned2[W * W], turned3[W * W];
  lane lane[LANES];
  workspace workspace[2];
  pf_pool *pool;
} worker;

/* ---- products ---- */

/* sum += value * line; with AVX2 in place, four lines of B a round, as in exec/cpu/gemm_tile.h. */
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
enum { LINES = 4 };
#define ADD_PRODUCT(sum, value, line) __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(value), "x"(line))
#else
enum { LINES = 1 };
#define ADD_PRODUCT(sum, value, line) ((sum) += (value) * (line))
#endif

PF_INLINE void add_line(int high, const float *a, int down, const float *b, vec acc[][VECTORS]) {
  vec line[VECTORS];
  PF_UNROLL for (int v = 0; v < VECTORS; v++) line[v] = *(const vec *)(b + v * LANE);
  PF_UNROLL for (int i = 0; i < high; i++) {
    const vec value = a[i * down] - (vec){0};
    PF_UNROLL for (int v = 0; v < VECTORS; v++) ADD_PRODUCT(acc[i][v], value, line[v]);
  }
}

/* c (high x TILE) = start + A B; A by rows (`down` from row to row, 1 along k) or by columns (1, `along`). */
PF_INLINE void tile(int high, int k, const float *a, int down, int along, const float *b, int b_stride,
                    const float *start, int start_stride, float *c, int c_stride) {
  vec acc[HIGH][VECTORS];
  PF_UNROLL for (int i = 0; i < high; i++) PF_UNROLL for (int v = 0; v < VECTORS; v++) acc[i][v] =
      start ? *(const vec *)(start + i * start_stride + v * LANE) : (vec){0};
  int p = 0;
  for (; p + LINES <= k; p += LINES)
    PF_UNROLL for (int q = 0; q < LINES; q++, a += along, b += b_stride) add_line(high, a, down, b, acc);
  for (; p < k; p++, a += along, b += b_stride) add_line(high, a, down, b, acc);
  PF_UNROLL for (int i = 0; i < high; i++) PF_UNROLL for (int v = 0; v < VECTORS; v++) *
      (vec *)(c + i * c_stride + v * LANE) = acc[i][v];
}

/* Up to HIGH rows of a product with W columns. */
PF_INLINE void tiles(int high, int k, const float *a, int down, int along, const float *b, const float *bias,
                     float *c) {
  for (int j = 0; j < W; j += TILE) switch (high) {
#define CASE(n)                                                                                              \
  case n: tile(n, k, a, down, along, b + j, W, bias ? bias + j : NULL, 0, c + j, W); break
      CASE(HIGH);
      CASE(R % HIGH);
      CASE(W % HIGH);
      CASE(IN % HIGH == 0 ? 1 : IN % HIGH);
    }
}

PF_INLINE int least(int a, int b) { return a < b ? a : b; }

/* h = silu(a W + b) with its slope, a strip of rows at a time. */
PF_INLINE void forward(int k, const float *a, const float *weights, const float *bias, rows h, rows s) {
  for (int r = 0; r < R; r += HIGH) {
    const int high = least(HIGH, R - r);
    tiles(high, k, a + r * k, k, 1, weights, bias, h[r]);
    pf_kernel_run_pair(PF_PAIR_SILU, (size_t)high * W, h[r], h[r], s[r]);
  }
}

PF_INLINE void times_slope(int high, const float *s, float *d, float *bias) {
  for (int i = 0; i < high; i++) PF_INDEPENDENT for (int j = 0; j < W; j++) {
      d[i * W + j] *= s[i * W + j];
      bias[j] += d[i * W + j];
    }
}

/* below = (d W^T) s, its sums over rows into the bias's gradient. */
PF_INLINE void backward(rows d, const float *turned, rows s, rows below, float *bias) {
  for (int r = 0; r < R; r += HIGH) {
    const int high = least(HIGH, R - r);
    tiles(high, W, d[r], W, 1, turned, NULL, below[r]);
    times_slope(high, s[r], below[r], bias);
  }
}

/* g = a^T d, a of k columns. */
PF_INLINE void outer(int k, const float *a, rows d, float *g) {
  for (int i = 0; i < k; i += HIGH) tiles(least(HIGH, k - i), R, a + i, 1, k, d[0], NULL, g + i * W);
}

/* ---- a step ---- */

static void draw(const worker *w, workspace *s, int64_t row) {
  pf_fill_index_f32(1, STREAM, (uint64_t)w->step, (uint64_t)row, R, ROWS, s->index);
  pf_fill_uniform_f32(1, STREAM + 1, (uint64_t)w->step, (uint64_t)row, R, 1, s->time);
  pf_fill_normal_f32(1, STREAM + 2, (uint64_t)w->step, (uint64_t)row, R, D, s->noise[0]);
  for (int r = 0; r < R; r++) __builtin_prefetch(w->data + D * (int)s->index[r]);
  for (int r = 0; r < R; r++)
    for (int i = 0; i < FREQUENCIES; i++) s->angle[r * FREQUENCIES + i] = s->time[r] * w->frequency[i];
  pf_kernel_run_pair(PF_PAIR_SIN, (size_t)R * FREQUENCIES, s->angle, s->sine, s->cosine);
  for (int r = 0; r < R; r++) { /* the lowest frequency is pi/2: its cosine and sine are alpha and beta */
    const float *cosine = s->cosine + r * FREQUENCIES, *sine = s->sine + r * FREQUENCIES;
    const float alpha = cosine[0], beta = sine[0], *x1 = w->data + D * (int)s->index[r];
    for (int j = 0; j < D; j++) {
      s->x[r][j] = alpha * s->noise[r][j] + beta * x1[j];
      s->target[r][j] = alpha * x1[j] - beta * s->noise[r][j];
    }
    memcpy(s->x[r] + D, cosine, FREQUENCIES * sizeof *cosine);
    memcpy(s->x[r] + D + FREQUENCIES, sine, FREQUENCIES * sizeof *sine);
  }
}

/* Output, loss and the gradients on this side of the last activation. */
static void output(const float *p, workspace *s, lane *out) {
  float *g = out->g, columns[D][W], gw[D][W] = {{0}};
  for (int j = 0; j < D; j++)
    for (int i = 0; i < W; i++) columns[j][i] = p[W4 + i * D + j];
  out->loss = 0;
  for (int r = 0; r < R; r++) {
    float residual[D];
    for (int j = 0; j < D; j++) {
      vec sum = {0};
      for (int i = 0; i < W; i += LANE) sum += *(const vec *)(s->h3[r] + i) * *(const vec *)(columns[j] + i);
      float f = p[B4 + j];
      for (int i = 0; i < LANE; i++) f += sum[i];
      residual[j] = f - s->target[r][j];
      out->loss += (double)(residual[j] * residual[j]) / (BATCH * D);
      residual[j] *= 2.0f / (BATCH * D);
      g[B4 + j] += residual[j];
    }
    for (int i = 0; i < W; i += LANE) {
      const vec h = *(const vec *)(s->h3[r] + i);
      vec back = {0};
      for (int j = 0; j < D; j++) {
        back += residual[j] * *(const vec *)(columns[j] + i);
        *(vec *)(gw[j] + i) += residual[j] * h;
      }
      back *= *(const vec *)(s->s3[r] + i);
      *(vec *)(s->d3[r] + i) = back;
      *(vec *)(g + B3 + i) += back;
    }
  }
  for (int j = 0; j < D; j++)
    for (int i = 0; i < W; i++) g[W4 + i * D + j] = gw[j][i];
}

static void run_lane(void *context, int number, int thread) {
  worker *w = context;
  workspace *s = &w->workspace[thread];
  float *g = w->lane[number].g;
  memset(g, 0, sizeof w->lane[number].g);
  draw(w, s, w->step * BATCH + number * R);
  forward(IN, s->x[0], w->p + W1, w->p + B1, s->h1, s->s1);
  forward(W, s->h1[0], w->p + W2, w->p + B2, s->h2, s->s2);
  forward(W, s->h2[0], w->p + W3, w->p + B3, s->h3, s->s3);
  output(w->p, s, &w->lane[number]);
  outer(W, s->h2[0], s->d3, g + W3);
  backward(s->d3, w->turned3, s->s2, s->d2, g + B2);
  outer(W, s->h1[0], s->d2, g + W2);
  backward(s->d2, w->turned2, s->s1, s->d1, g + B1);
  outer(IN, s->x[0], s->d1, g + W1);
}

/* A thread's share of the parameters; the norm is cheaper found twice than waited for. */
static void update(void *context, int part, int thread) {
  worker *w = context;
  const float *a = w->lane[0].g, *b = w->lane[1].g;
  const int64_t t = w->step + 1;
  (void)thread;
  float squares[64] = {0};
  int i = 0;
  for (; i + 64 <= P; i += 64)
    PF_INDEPENDENT for (int q = 0; q < 64; q++) squares[q] += (a[i + q] + b[i + q]) * (a[i + q] + b[i + q]);
  double norm = 0;
  for (; i < P; i++) norm += (double)((a[i] + b[i]) * (a[i] + b[i]));
  for (int q = 0; q < 64; q++) norm += (double)squares[q];
  norm = sqrt(norm);
  const float clip = norm > 1 ? (float)(1 / norm) : 1.0f;
  const float c1 = (float)(1e-3 / (1 - pow(0.9, (double)t))), c2 = (float)(1 / (1 - pow(0.999, (double)t)));
  const int share = (P / w->threads + 15) / 16 * 16, end = least(P, (part + 1) * share);
  float *p = w->p, *m = w->m, *v = w->v, *average = w->average;
  PF_INDEPENDENT for (int k = part * share; k < end; k++) {
    const float g = (a[k] + b[k]) * clip;
    m[k] = 0.9f * m[k] + 0.1f * g;
    v[k] = 0.999f * v[k] + 0.001f * g * g;
    p[k] -= c1 * m[k] / (sqrtf(v[k] * c2) + 1e-8f);
    average[k] += 0.001f * (p[k] - average[k]);
  }
}

static void turn(const float *from, float *to) {
  for (int i = 0; i < W; i += 8)
    for (int j = 0; j < W; j += 8)
      for (int a = 0; a < 8; a++)
        for (int b = 0; b < 8; b++) to[(j + b) * W + i + a] = from[(i + a) * W + j + b];
}

static void step(worker *w) {
  turn(w->p + W2, w->turned2);
  turn(w->p + W3, w->turned3);
  pf_pool_run(w->pool, LANES, run_lane, w);
  pf_pool_run(w->pool, w->threads, update, w);
  w->step++;
}

/* ---- preparing and serving ---- */

static void normal(worker *w, int from, int n, double deviation, uint64_t stream) {
  pf_fill_normal_f32(2, STREAM, stream, 0, (size_t)n, 1, w->p + from);
  for (int i = 0; i < n; i++) w->p[from + i] *= (float)deviation;
}

static void prepare(worker *w) {
  pf_error error = {0};
  if (w->threads > 2) work_refuse("--threads is 1 or 2, not", "more");
  work_must(pf_pool_create(w->threads, &w->pool, &error), &error);
  work_must(pf_alloc(ROWS * D, sizeof *w->data, &w->data, &error), &error);
  pf_fill_normal_f32(1, PF_STREAM_LAW, 0, 0, ROWS, D, w->data);
  for (int i = 0; i < ROWS * D; i++) {
    float sign;
    pf_fill_index_f32(1, PF_STREAM_LAW, 1, (uint64_t)i, 1, 2, &sign);
    w->data[i] = 0.1f * w->data[i] + 2 * sign - 1;
  }
  for (int i = 0; i < FREQUENCIES; i++)
    w->frequency[i] = (float)(M_PI / 2 * pow(16, i / (FREQUENCIES - 1.0)));
  normal(w, W1, D * W, sqrt(1.0 / D), 1);
  normal(w, W1 + D * W, 2 * FREQUENCIES * W, sqrt(1.0 / (2 * FREQUENCIES)), 2);
  normal(w, W2, W * W, sqrt(2.0 / W), 3);
  normal(w, W3, W * W, sqrt(2.0 / W), 4);
  normal(w, W4, W * D, sqrt(0.01 / W), 5);
}

static double go(void *context, long k, char *facts, size_t room) {
  worker *w = context;
  double begin = pf_clock_seconds();
  double loss = 0; /* mean over the request, which that of work_train comes near */
  for (long i = 0; i < k; i++) {
    step(w);
    loss += (w->lane[0].loss + w->lane[1].loss) / (double)k;
  }
  double seconds = pf_clock_seconds() - begin;
  snprintf(facts, room, "{\"loss\":%.6g,\"steps\":%lld}", loss, (long long)w->step);
  return seconds;
}

int main(int argc, char **argv) {
  static worker w = {.threads = 1};
  const work_option options[] = {{.name = "--threads", .number = &w.threads}};
  work_read_options(argc, argv, options, sizeof options / sizeof *options);
  prepare(&w);
  int code = work_serve("{\"width\":64,\"depth\":3,\"dim\":2,\"batch\":256}", go, &w);
  pf_pool_free(w.pool);
  pf_free(w.data);
  return code;
}
