/* A network whose time never changes is one that is told none: see network.h. */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "network.h"

/* u(t), as pf_time_features. */
static void features(const pf_network_config *c, double t, double *u) {
  for (int i = 0; i < c->frequencies; i++) {
    double w =
        M_PI / 2 * (c->frequencies > 1 ? pow(c->max_frequency, (double)i / (c->frequencies - 1)) : 1.0);
    u[i] = cos(w * t);
    u[c->frequencies + i] = sin(w * t);
  }
}

static void copy_piece(const pf_layout *from, const float *params, const pf_parameter *to, float *out) {
  const pf_parameter *same = pf_layout_find(from, to->name);
  memcpy(out + to->offset, params + same->offset, (size_t)pf_shape_items(&to->shape) * sizeof(float));
}

/* bias += T^T u(t) */
static void add_time(const pf_network_config *c, const float *weight, double t, float *bias) {
  double u[2 * PF_MAX_FREQUENCIES];
  features(c, t, u);
  for (int j = 0; j < c->width; j++) {
    double sum = bias[j];
    for (int i = 0; i < 2 * c->frequencies; i++)
      sum += u[i] * weight[(size_t)i * (size_t)c->width + (size_t)j];
    bias[j] = (float)sum;
  }
}

static void fill(const pf_network_config *c, const pf_layout *with, const pf_layout *without,
                 const float *params, double t, float *out) {
  for (int i = 0; i < without->count; i++) copy_piece(with, params, &without->items[i], out);
  add_time(c, params + pf_layout_find(with, "time.weight")->offset, t,
           out + pf_layout_find(without, "layer0.bias")->offset);
}

pf_status pf_network_fix_time(const pf_network_config *config, const float *params, double t, float **out,
                              pf_error *error) {
  pf_network_config fixed = *config;
  pf_layout with = {0}, without = {0};
  float *copy = NULL;
  fixed.times = 0;
  if (config->times != 1)
    return pf_fail(error, PF_USAGE, "the network is told %d times, must be 1 to fix it", config->times);
  pf_status status = pf_network_layout(config, &with, error);
  if (status == PF_OK) status = pf_network_layout(&fixed, &without, error);
  if (status == PF_OK) status = pf_alloc((size_t)without.total, sizeof(float), &copy, error);
  if (status == PF_OK) {
    fill(config, &with, &without, params, t, copy);
    *out = copy;
  }
  pf_layout_free(&with);
  pf_layout_free(&without);
  return status;
}
