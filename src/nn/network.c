/* MLP builder; see network.h for the formulas. Layout and application are one walk over the same
 * pieces, so the names, offsets and shapes of a layout cannot drift from what the network reads. */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include "../base/memory.h"

/* One pass over the network. */
typedef struct passage {
  pf_walk walk;
  const pf_network_config *config;
  const pf_node *path; /* the time path when it is known already; NULL: built from times */
  float *params;       /* of a pass of power iterations, which builds no nodes */
} passage;

/* ---- one weight ---- */

static void normalise(int count, double square, float *y) {
  const double scale = 1 / sqrt(square);
  for (int i = 0; i < count; i++) y[i] = (float)(y[i] * scale);
}

/* W [in, out] with its vectors behind it. */
static void power_iteration(int in, int out, float *weight) {
  enum { BLOCK = 64 }; /* columns whose sums run in step, so that W is read along its rows */
  float *left = weight + (int64_t)in * out, *right = left + in;
  double square = 0;
  for (int first = 0; first < out; first += BLOCK) {
    const int columns = out - first < BLOCK ? out - first : BLOCK;
    double sum[BLOCK] = {0};
    for (int i = 0; i < in; i++)
      for (int j = 0; j < columns; j++) sum[j] += (double)weight[(int64_t)i * out + first + j] * left[i];
    for (int j = 0; j < columns; j++) {
      right[first + j] = (float)sum[j];
      square += sum[j] * sum[j];
    }
  }
  normalise(out, square, right);
  square = 0;
  for (int i = 0; i < in; i++) {
    double sum = 0;
    for (int j = 0; j < out; j++) sum += (double)weight[(int64_t)i * out + j] * right[j];
    left[i] = (float)sum;
    square += sum * sum;
  }
  normalise(in, square, left);
}

/* A vector of W: of about unit length to begin with. */
static pf_node direction(passage *p, const char *name, const char *side, int items) {
  char piece[40];
  snprintf(piece, sizeof piece, "%s.%s", name, side);
  pf_initial initial = {PF_INIT_NORMAL, sqrt(1.0 / items)};
  return pf_stop_gradient(pf_walk_param(&p->walk, piece, PF_SHAPE(PF_SHARED, items), initial));
}

/* W / (left^T W right) */
static pf_node over_norm(passage *p, const char *name, pf_node weight, pf_shape shape) {
  const int in = shape.dim[0], out = shape.dim[1];
  const int64_t at = p->walk.offset - pf_shape_items(&shape);
  pf_node left = direction(p, name, "left", in), right = direction(p, name, "right", out);
  if (p->params) power_iteration(in, out, p->params + at);
  pf_node column = pf_reshape(left, 2, (int[]){in, 1});
  return pf_div(weight, pf_sum_items(pf_mul(weight, pf_mul(column, right))));
}

/* W x (no bias); gain multiplies the variance 1/fan-in. */
static pf_node linear(passage *p, const char *name, pf_node x, pf_shape shape, double gain) {
  pf_initial initial = {.kind = PF_INIT_ZERO};
  if (gain > 0) initial = (pf_initial){PF_INIT_NORMAL, sqrt(gain / shape.dim[0])};
  pf_node weight = pf_walk_param(&p->walk, name, shape, initial);
  if (p->config->spectral) weight = over_norm(p, name, weight, shape);
  return pf_matmul(x, weight, false, false);
}

/* Elements of what `linear` reads. */
static int64_t linear_items(const pf_network_config *c, int in, int out) {
  return (int64_t)in * out + (c->spectral ? in + out : 0);
}

/* ---- the walk ---- */

pf_node pf_time_features(pf_node t, int frequencies, double max_frequency) {
  double w[PF_MAX_FREQUENCIES];
  for (int i = 0; i < frequencies; i++)
    w[i] = M_PI / 2 * (frequencies > 1 ? pow(max_frequency, (double)i / (frequencies - 1)) : 1.0);
  pf_node omega = pf_constant(t.graph, PF_SHAPE(PF_SHARED, frequencies), w);
  pf_node angle = pf_mul(t, omega);
  return pf_concat(pf_cos(angle), pf_sin(angle));
}

/* Products of the times, T u(t) and S (u(s) - u(t)); returns how many. */
static int time_products(passage *p, pf_node t, pf_node s, pf_node out[2]) {
  const pf_network_config *c = p->config;
  pf_shape weight = PF_SHAPE(PF_SHARED, 2 * c->frequencies, c->width);
  if (c->times == 0) return 0;
  pf_node u = pf_time_features(t, c->frequencies, c->max_frequency);
  out[0] = linear(p, "time.weight", u, weight, 1);
  if (c->times < 2) return 1;
  pf_node change = pf_sub(pf_time_features(s, c->frequencies, c->max_frequency), u);
  out[1] = linear(p, "second_time.weight", change, weight, 0);
  return 2;
}

/* W_l h */
static pf_node hidden_product(passage *p, int layer, pf_node h) {
  const pf_network_config *c = p->config;
  char name[40];
  snprintf(name, sizeof name, "layer%d.weight", layer);
  pf_shape weight = PF_SHAPE(PF_SHARED, layer == 0 ? c->inputs : c->width, c->width);
  return linear(p, name, h, weight, layer == 0 ? 1 : pf_activation_gain(c->activation));
}

static pf_node bias_of(pf_walk *walk, const char *name, int units) {
  return pf_walk_param(walk, name, PF_SHAPE(PF_SHARED, units), (pf_initial){.kind = PF_INIT_ZERO});
}

/* b + T u(t) + S (u(s) - u(t)), to `of_x` unless that is NULL. The products come last: each starts from the sum so far. */
static pf_node add_times(passage *p, const pf_node *of_x, pf_node t, pf_node s) {
  pf_node products[2];
  const int n = time_products(p, t, s, products);
  pf_node sum = bias_of(&p->walk, "layer0.bias", p->config->width);
  if (of_x) sum = pf_add(*of_x, sum);
  for (int i = 0; i < n; i++) sum = pf_add(sum, products[i]);
  return sum;
}

static pf_node first_sum(passage *p, pf_node x, pf_node t, pf_node s) {
  const pf_network_config *c = p->config;
  pf_node of_x = hidden_product(p, 0, x);
  if (!p->path) return add_times(p, &of_x, t, s);
  p->walk.offset +=
      c->times * linear_items(c, 2 * c->frequencies, c->width) + c->width; /* what it was made from */
  return pf_add(of_x, *p->path);
}

static pf_node later_sum(passage *p, int layer, pf_node h) {
  char name[40];
  pf_node product = hidden_product(p, layer, h);
  snprintf(name, sizeof name, "layer%d.bias", layer);
  return pf_add(product, bias_of(&p->walk, name, p->config->width));
}

static pf_node pass(passage *p, pf_node x, pf_node t, pf_node s) {
  const pf_network_config *c = p->config;
  pf_node h = x;
  for (int layer = 0; layer < c->depth; layer++) {
    pf_node a = layer == 0 ? first_sum(p, x, t, s) : later_sum(p, layer, h);
    a = pf_activation_apply(c->activation, a);
    h = c->residual && layer > 0 ? pf_add(h, a) : a;
  }
  const double gain = c->last_gain > 0 ? c->last_gain : 0.01;
  pf_node out = linear(p, "out.weight", h, PF_SHAPE(PF_SHARED, c->width, c->outputs), gain);
  return pf_add(out, bias_of(&p->walk, "out.bias", c->outputs));
}

pf_node pf_network_apply(const pf_network_config *config, int set, pf_node x, pf_node t, pf_node s) {
  return pf_network_apply_at(config, set, 0, x, t, s);
}

pf_node pf_network_apply_at(const pf_network_config *config, int set, int64_t offset, pf_node x, pf_node t,
                            pf_node s) {
  passage p = {.walk = {.graph = x.graph, .set = set, .offset = offset}, .config = config};
  return pass(&p, x, t, s);
}

pf_node pf_network_time_path(const pf_network_config *config, int set, pf_node t, pf_node s) {
  passage p = {.walk = {.graph = t.graph, .set = set}, .config = config};
  p.walk.offset = linear_items(config, config->inputs, config->width);
  return add_times(&p, NULL, t, s);
}

pf_node pf_network_apply_path(const pf_network_config *config, int set, pf_node x, pf_node path) {
  passage p = {.walk = {.graph = x.graph, .set = set}, .config = config, .path = &path};
  return pass(&p, x, path, path);
}

void pf_network_spectral_step(const pf_network_config *config, float *params) {
  passage p = {.config = config, .params = params};
  pf_node none = {NULL, -1};
  if (config->spectral) pass(&p, none, none, none);
}

/* ---- settings ---- */

static pf_status check_range(const char *name, int value, int low, int high, pf_error *error) {
  if (value >= low && value <= high) return PF_OK;
  return pf_fail(error, PF_USAGE, "network %s is %d, must be %d to %d", name, value, low, high);
}

pf_status pf_network_config_check(const pf_network_config *c, pf_error *error) {
  PF_TRY(check_range("inputs", c->inputs, 1, 65536, error));
  PF_TRY(check_range("outputs", c->outputs, 1, 65536, error));
  PF_TRY(check_range("width", c->width, 1, 8192, error));
  PF_TRY(check_range("depth", c->depth, 1, 64, error));
  PF_TRY(check_range("times", c->times, 0, 2, error));
  PF_TRY(check_range("frequencies", c->frequencies, 1, PF_MAX_FREQUENCIES, error));
  if (!(c->max_frequency >= 1 && c->max_frequency <= 1e6))
    return pf_fail(error, PF_USAGE, "network max_frequency is %g, must be 1 to 1e6", c->max_frequency);
  if (!(c->last_gain >= 0 && c->last_gain <= 1e6))
    return pf_fail(error, PF_USAGE, "network last_gain is %g, must be 0 to 1e6", c->last_gain);
  if (c->spectral && c->times > 1)
    return pf_fail(error, PF_USAGE, "network times is %d, must be at most 1 for a spectral network",
                   c->times);
  return check_range("activation", (int)c->activation, 0, PF_ACTIVATION_COUNT - 1, error);
}

pf_status pf_network_layout(const pf_network_config *config, pf_layout *out, pf_error *error) {
  PF_TRY(pf_network_config_check(config, error));
  pf_layout list = {0};
  passage p = {.walk = {.list = &list, .error = error}, .config = config};
  pf_node none = {NULL, -1};
  pass(&p, none, none, none);
  return pf_walk_finish(&p.walk, out);
}

pf_status pf_network_copy_params(const pf_network_config *config, const float *params, float **out,
                                 pf_error *error) {
  pf_layout layout = {0};
  PF_TRY(pf_network_layout(config, &layout, error));
  const int64_t count = layout.total;
  float *copy = NULL;
  pf_layout_free(&layout);
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(params[i]))
      return pf_fail(error, PF_NON_FINITE, "network parameter %lld is %g", (long long)i, (double)params[i]);
  PF_TRY(pf_alloc((size_t)count, sizeof *copy, &copy, error));
  for (int64_t i = 0; i < count; i++) copy[i] = params[i];
  *out = copy;
  return PF_OK;
}
