/* Samples a model from C: embed MODEL.safetensors */
#include <pushforward.h>
#include <stdio.h>

int main(int argc, char **argv) {
  pf_error error = {0};
  pf_model *model = NULL;
  pf_table *rows = NULL;
  pf_sample_options options = pf_sample_options_default(); /* one network evaluation per row */
  if (argc != 2) return fprintf(stderr, "usage: embed MODEL\n"), 2;
  pf_status status = pf_model_load(argv[1], &model, &error);
  if (status == PF_OK) status = pf_model_sample_table(model, &options, 5, &rows, &error);
  if (status == PF_OK) status = pf_table_write(rows, "-", &error);
  if (status != PF_OK) fprintf(stderr, "embed: %s\n", error.message);
  pf_table_free(rows);
  pf_model_free(model);
  return pf_status_exit_code(status);
}
