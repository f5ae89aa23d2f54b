/* Samples a model inside a C program: embed MODEL.safetensors
 *
 * The sampler is made once. A draw then allocates nothing and takes no lock: it may stand in a control loop, or in any
 * number of threads that have a workspace each. */
#include <pushforward.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 5 };

/* One by one, as a loop would ask for them: any cut gives the same samples. */
static pf_status draw(const pf_sampler *sampler, double *out, pf_error *error) {
  size_t bytes = pf_sampler_workspace_bytes(sampler);
  pf_workspace workspace = {malloc(bytes), bytes};
  pf_status status = PF_OK;
  for (int i = 0; i < SAMPLES && status == PF_OK; i++) {
    pf_sample_range range = {.seed = 1, .first = i, .n = 1};
    status = pf_sampler_run(sampler, range, out + i * pf_sampler_columns(sampler), workspace, error);
  }
  free(workspace.memory);
  return status;
}

static void print(const pf_model *model, const double *values) {
  int d = pf_model_columns(model);
  for (int j = 0; j < d; j++) printf("%s%c", pf_model_column_name(model, j), j + 1 < d ? ',' : '\n');
  for (int i = 0; i < SAMPLES * d; i++) printf("%.9g%c", values[i], (i + 1) % d ? ',' : '\n');
}

int main(int argc, char **argv) {
  pf_error error = {0};
  pf_model *model = NULL;
  pf_sampler *sampler = NULL;
  double *values = NULL;
  if (argc != 2) return fprintf(stderr, "usage: embed MODEL\n"), 2;
  pf_status status = pf_model_load(argv[1], &model, &error);
  if (status == PF_OK) status = pf_sampler_create(model, NULL, &sampler, &error); /* one evaluation a sample */
  if (status == PF_OK) {
    values = calloc((size_t)SAMPLES * (size_t)pf_sampler_columns(sampler), sizeof *values);
    status = draw(sampler, values, &error);
  }
  if (status == PF_OK)
    print(model, values);
  else
    fprintf(stderr, "embed: %s\n", error.message);
  free(values);
  pf_sampler_free(sampler);
  pf_model_free(model);
  return pf_status_exit_code(status);
}
