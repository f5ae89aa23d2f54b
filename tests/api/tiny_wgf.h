/* Wasserstein gradient flows small enough for a test. A header of static functions. */
#ifndef PF_TESTS_API_TINY_WGF_H
#define PF_TESTS_API_TINY_WGF_H

#include "tiny_train.h"

/* 5 iterations of two steps each. */
static inline pf_train_options tiny_wgf(const char *method) {
  pf_train_options o = pf_train_options_default();
  o.method = method;
  o.steps = 5;
  o.width = 8;
  o.depth = 2;
  o.batch = 40;
  o.critic_steps = 2;
  o.persistence = 2;
  o.curve_points = 2;
  o.seed = 4;
  return o;
}

#endif
