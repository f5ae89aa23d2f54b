/* MLP builder; see network.h for the formulas. Layout and application are one walk over the same
 * pieces, so the names, offsets and shapes of a layout cannot drift from what the network reads. */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"

/* The walk: hands out consecutive pieces of parameter set `set`, recording them when asked. */
typedef struct pf_walk {
  pf_graph *graph;
  int set;
  int64_t offset;
  pf_layout *layout;   /* NULL: not recording */
  const pf_node *path; /* the time path when it is known already; NULL: built from the times */
  pf_status status;
  pf_error *error;
} pf_walk;

static void walk_record(pf_walk *walk, const char *name, pf_shape shape, double deviation) {
  pf_layout *layout = walk->layout;
  if (walk->status != PF_OK) return;
  if (layout->count == layout->capacity) {
    size_t wanted = layout->capacity ? 2 * (size_t)layout->capacity : 16;
    walk->status =
        pf_grow(&layout->items, (size_t)layout->capacity, wanted, sizeof *layout->items, walk->error);
    if (walk->status != PF_OK) return;
    layout->capacity = (int)wanted;
  }
  pf_parameter *item = &layout->items[layout->count++];
  snprintf(item->name, sizeof item->name, "%s", name);
  item->offset = walk->offset;
  item->shape = shape;
  item->init = deviation > 0 ? PF_INIT_NORMAL : PF_INIT_ZERO;
  item->deviation = deviation;
}

static pf_node walk_next(pf_walk *walk, const char *name, pf_shape shape, double deviation) {
  if (walk->layout) walk_record(walk, name, shape, deviation);
  pf_node piece = pf_param(walk->graph, walk->set, walk->offset, shape);
  walk->offset += pf_shape_items(&shape);
  return piece;
}

/* W x (no bias); gain multiplies the variance 1/fan-in. */
static pf_node walk_linear(pf_walk *walk, const char *name, pf_node x, int from, int to, double gain) {
  double deviation = gain > 0 ? sqrt(gain / from) : 0;
  return pf_matmul(x, walk_next(walk, name, PF_SHAPE(PF_SHARED, from, to), deviation), false, false);
}

static pf_node walk_bias(pf_walk *walk, const char *name, pf_node x, int units) {
  return pf_add(x, walk_next(walk, name, PF_SHAPE(PF_SHARED, units), 0));
}

pf_node pf_time_features(pf_node t, int frequencies, double max_frequency) {
  double w[PF_MAX_FREQUENCIES];
  for (int i = 0; i < frequencies; i++)
    w[i] = M_PI / 2 * (frequencies > 1 ? pow(max_frequency, (double)i / (frequencies - 1)) : 1.0);
  pf_node omega = pf_constant(t.graph, PF_SHAPE(PF_SHARED, frequencies), w);
  pf_node angle = pf_mul(t, omega);
  return pf_concat(pf_cos(angle), pf_sin(angle));
}

/* T u(t) + S (u(s) - u(t)) */
static pf_node time_path(pf_walk *walk, const pf_network_config *c, pf_node t, pf_node s) {
  int features = 2 * c->frequencies;
  if (walk->path) {
    walk->offset += (int64_t)c->times * features * c->width; /* the pieces it was made from */
    return *walk->path;
  }
  pf_node u = pf_time_features(t, c->frequencies, c->max_frequency);
  pf_node out = walk_linear(walk, "time.weight", u, features, c->width, 1);
  if (c->times < 2) return out;
  pf_node change = pf_sub(pf_time_features(s, c->frequencies, c->max_frequency), u);
  return pf_add(out, walk_linear(walk, "second_time.weight", change, features, c->width, 0));
}

/* W_l h */
static pf_node hidden_product(pf_walk *walk, const pf_network_config *c, int layer, pf_node h) {
  char name[40];
  int from = layer == 0 ? c->inputs : c->width;
  snprintf(name, sizeof name, "layer%d.weight", layer);
  return walk_linear(walk, name, h, from, c->width, layer == 0 ? 1 : 2);
}

static pf_node network_walk(pf_walk *walk, const pf_network_config *c, pf_node x, pf_node t, pf_node s) {
  char name[40];
  pf_node h = x;
  for (int layer = 0; layer < c->depth; layer++) {
    pf_node a = hidden_product(walk, c, layer, h);
    if (layer == 0 && c->times > 0) a = pf_add(a, time_path(walk, c, t, s));
    snprintf(name, sizeof name, "layer%d.bias", layer);
    a = pf_silu(walk_bias(walk, name, a, c->width));
    h = c->residual && layer > 0 ? pf_add(h, a) : a;
  }
  pf_node out = walk_linear(walk, "out.weight", h, c->width, c->outputs, 0.01);
  return walk_bias(walk, "out.bias", out, c->outputs);
}

pf_node pf_network_apply(const pf_network_config *config, int set, pf_node x, pf_node t, pf_node s) {
  pf_walk walk = {.graph = x.graph, .set = set};
  return network_walk(&walk, config, x, t, s);
}

pf_node pf_network_time_path(const pf_network_config *config, int set, pf_node t, pf_node s) {
  pf_walk walk = {.graph = t.graph, .set = set, .offset = (int64_t)config->inputs * config->width};
  return time_path(&walk, config, t, s);
}

pf_node pf_network_apply_path(const pf_network_config *config, int set, pf_node x, pf_node path) {
  pf_walk walk = {.graph = x.graph, .set = set, .path = &path};
  return network_walk(&walk, config, x, path, path);
}

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
  return PF_OK;
}

pf_status pf_network_layout(const pf_network_config *config, pf_layout *out, pf_error *error) {
  PF_TRY(pf_network_config_check(config, error));
  pf_graph *graph = NULL;
  pf_layout layout = {0};
  pf_status status = pf_graph_create(&graph, error);
  if (status != PF_OK) return status;
  pf_walk walk = {.graph = graph, .layout = &layout, .status = PF_OK, .error = error};
  pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, config->inputs));
  pf_node t = pf_input(graph, 1, PF_SCALAR(PF_SHARED));
  network_walk(&walk, config, x, t, t);
  status = walk.status != PF_OK ? walk.status : pf_graph_status(graph, error);
  pf_graph_free(graph);
  if (status != PF_OK) {
    pf_layout_free(&layout);
    return status;
  }
  layout.total = walk.offset;
  *out = layout;
  return PF_OK;
}

void pf_layout_free(pf_layout *layout) {
  pf_free(layout->items);
  *layout = (pf_layout){0};
}

void pf_layout_initialise(const pf_layout *layout, uint64_t seed, float *params) {
  for (int i = 0; i < layout->count; i++) {
    const pf_parameter *item = &layout->items[i];
    int64_t n = pf_shape_items(&item->shape);
    float *values = params + item->offset;
    if (item->init == PF_INIT_ZERO) {
      memset(values, 0, (size_t)n * sizeof *values);
      continue;
    }
    /* one "row" per element of the flat array: independent of how the array is cut into pieces */
    pf_fill_normal_f32(seed, PF_STREAM_INIT, 0, (uint64_t)item->offset, (size_t)n, 1, values);
    for (int64_t k = 0; k < n; k++) values[k] *= (float)item->deviation;
  }
}

const pf_parameter *pf_layout_find(const pf_layout *layout, const char *name) {
  for (int i = 0; i < layout->count; i++)
    if (strcmp(layout->items[i].name, name) == 0) return &layout->items[i];
  return NULL;
}
