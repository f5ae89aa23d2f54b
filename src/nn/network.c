/* MLP builder; see network.h for the formulas. Layout and application are one walk over the same
 * pieces, so the names, offsets and shapes of a layout cannot drift from what the network reads. */
#include "network.h"

#include <math.h>
#include <stdio.h>

/* One pass over the network. */
typedef struct passage {
  pf_walk walk;
  const pf_network_config *config;
  const pf_node *path; /* the time path when it is known already; NULL: built from the times */
} passage;

/* W x (no bias); gain multiplies the variance 1/fan-in. */
static pf_node linear(pf_walk *walk, const char *name, pf_node x, pf_shape weight, double gain) {
  pf_initial initial = {.kind = PF_INIT_ZERO};
  if (gain > 0) initial = (pf_initial){PF_INIT_NORMAL, sqrt(gain / weight.dim[0])};
  return pf_matmul(x, pf_walk_param(walk, name, weight, initial), false, false);
}

static pf_node bias(pf_walk *walk, const char *name, pf_node x, int units) {
  return pf_add(x, pf_walk_param(walk, name, PF_SHAPE(PF_SHARED, units), (pf_initial){.kind = PF_INIT_ZERO}));
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
static pf_node time_path(passage *p, pf_node t, pf_node s) {
  const pf_network_config *c = p->config;
  pf_shape weight = PF_SHAPE(PF_SHARED, 2 * c->frequencies, c->width);
  if (p->path) {
    p->walk.offset += c->times * pf_shape_items(&weight); /* the pieces it was made from */
    return *p->path;
  }
  pf_node u = pf_time_features(t, c->frequencies, c->max_frequency);
  pf_node out = linear(&p->walk, "time.weight", u, weight, 1);
  if (c->times < 2) return out;
  pf_node change = pf_sub(pf_time_features(s, c->frequencies, c->max_frequency), u);
  return pf_add(out, linear(&p->walk, "second_time.weight", change, weight, 0));
}

/* W_l h */
static pf_node hidden_product(passage *p, int layer, pf_node h) {
  const pf_network_config *c = p->config;
  char name[40];
  snprintf(name, sizeof name, "layer%d.weight", layer);
  pf_shape weight = PF_SHAPE(PF_SHARED, layer == 0 ? c->inputs : c->width, c->width);
  return linear(&p->walk, name, h, weight, layer == 0 ? 1 : pf_activation_gain(c->activation));
}

static pf_node pass(passage *p, pf_node x, pf_node t, pf_node s) {
  const pf_network_config *c = p->config;
  char name[40];
  pf_node h = x;
  for (int layer = 0; layer < c->depth; layer++) {
    pf_node a = hidden_product(p, layer, h);
    if (layer == 0 && c->times > 0) a = pf_add(a, time_path(p, t, s));
    snprintf(name, sizeof name, "layer%d.bias", layer);
    a = pf_activation_apply(c->activation, bias(&p->walk, name, a, c->width));
    h = c->residual && layer > 0 ? pf_add(h, a) : a;
  }
  pf_node out = linear(&p->walk, "out.weight", h, PF_SHAPE(PF_SHARED, c->width, c->outputs), 0.01);
  return bias(&p->walk, "out.bias", out, c->outputs);
}

pf_node pf_network_apply(const pf_network_config *config, int set, pf_node x, pf_node t, pf_node s) {
  passage p = {.walk = {.graph = x.graph, .set = set}, .config = config};
  return pass(&p, x, t, s);
}

pf_node pf_network_time_path(const pf_network_config *config, int set, pf_node t, pf_node s) {
  passage p = {.walk = {.graph = t.graph, .set = set}, .config = config};
  p.walk.offset = (int64_t)config->inputs * config->width;
  return time_path(&p, t, s);
}

pf_node pf_network_apply_path(const pf_network_config *config, int set, pf_node x, pf_node path) {
  passage p = {.walk = {.graph = x.graph, .set = set}, .config = config, .path = &path};
  return pass(&p, x, path, path);
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
