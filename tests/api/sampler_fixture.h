/* Models, ways to sample them and a sampler with its workspace. A header of static functions. */
#ifndef PF_TESTS_API_SAMPLER_FIXTURE_H
#define PF_TESTS_API_SAMPLER_FIXTURE_H

#include "tiny_train.h"

enum { N = 700, D = 2, FIRST = 70000 };

static pf_model *models[2]; /* standard and quantile encoder */
enum { MODELS = sizeof models / sizeof *models };

static const pf_sampler_options ways[] = {
    {.steps = 1}, {.steps = 3}, {.steps = 5, .teacher = true}, {.steps = 2, .precision = "bf16"}};
enum { WAYS = sizeof ways / sizeof *ways };

static inline int make_models(void **state) {
  (void)state;
  static const char *const encoders[MODELS] = {"standard", "quantile"};
  for (int m = 0; m < MODELS; m++) {
    pf_train_options o = tiny_options();
    o.width = m == 0 ? 4 : 40; /* products of a few columns, and packed ones */
    o.encoder = encoders[m];
    models[m] = train_on("law:moons", &o);
  }
  return 0;
}

static inline int free_models(void **state) {
  (void)state;
  for (int m = 0; m < MODELS; m++) pf_model_free(models[m]);
  return 0;
}

/* A sampler with its workspace. */
typedef struct fixture {
  pf_sampler *sampler;
  pf_workspace workspace;
} fixture;

static inline fixture open_sampler(const pf_model *model, const pf_sampler_options *options) {
  fixture f = {0};
  pf_error error = {0};
  must(pf_sampler_create(model, options, &f.sampler, &error), &error);
  f.workspace.bytes = pf_sampler_workspace_bytes(f.sampler);
  f.workspace.memory = malloc(f.workspace.bytes);
  memset(f.workspace.memory, 0xA5, f.workspace.bytes); /* its contents do not matter */
  return f;
}

static inline void close_sampler(fixture *f) {
  pf_sampler_free(f->sampler);
  free(f->workspace.memory);
}

static inline void draw(const pf_model *model, const pf_sampler_options *way, pf_sample_range range,
                        double *out) {
  pf_sample_options o = {.steps = way->steps,
                         .teacher = way->teacher,
                         .precision = way->precision,
                         .solver = way->solver,
                         .seed = range.seed,
                         .first = range.first,
                         .threads = 2};
  pf_error error = {0};
  must(pf_model_sample(model, &o, range.n, out, &error), &error);
}

#endif
