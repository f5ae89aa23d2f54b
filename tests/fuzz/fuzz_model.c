/* Fuzz target of the model loader: any bytes give a model or an error. A model that loads can be described and sampled,
 * whatever columns it wants given, a flow followed both ways and a critic evaluated. The input is read as it is and with both
 * checksums made right. */
#include "base/memory.h"
#include "checksum_repair.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rows of zeros through the flow and back. */
static void follow(const struct pf_model *model, int64_t n, double *rows) {
  double *z = NULL, log_density[8];
  pf_follow how = {.steps = 1, .seed = 1};
  if (!model->flow || pf_alloc((size_t)n * (size_t)model->columns, sizeof *z, &z, NULL) != PF_OK) return;
  if (pf_model_follow(model, &how, n, rows, z, log_density, NULL, NULL) == PF_OK)
    (void)pf_model_invert(model, &how, n, z, rows, NULL);
  pf_free(z);
}

static void criticise(const struct pf_model *model, int64_t n, float *x) {
  float value[8];
  pf_model_prior(model, 1, (pf_rows){0, n}, x);
  if (model->critic) (void)pf_critic_evaluate(model->critic, n, x, value, x, NULL, NULL);
}

/* Rows of zeros as conditions. */
static void give(struct pf_model *model) {
  pf_table *table = NULL;
  double *zeros = NULL;
  if (pf_model_conditions(model) == 0 ||
      pf_alloc(2 * (size_t)model->columns, sizeof *zeros, &zeros, NULL) != PF_OK)
    return;
  if (pf_table_from_values(2, model->columns, zeros, (const char *const *)model->columns_like->names, &table,
                           NULL) == PF_OK)
    (void)pf_model_set_given(model, table, false, NULL);
  pf_table_free(table);
  pf_free(zeros);
}

static void use(struct pf_model *model) {
  enum { N = 3 };
  double *out = NULL;
  char *json = NULL;
  pf_draw draw = {.steps = 2, .seed = 1}, own_steps = {.seed = 1};
  pf_draw integrated = {.steps = 2, .seed = 1, .solver = "exponential"};
  if (pf_alloc(N * (size_t)model->columns, sizeof *out, &out, NULL) == PF_OK) {
    give(model);
    follow(model, N, out);
    (void)pf_model_draw(model, &draw, (pf_rows){0, N}, out, NULL);
    if (model->generator) (void)pf_model_draw(model, &own_steps, (pf_rows){0, N}, out, NULL);
    if (model->velocity) (void)pf_model_draw(model, &integrated, (pf_rows){0, N}, out, NULL);
    criticise(model, N, (float *)(void *)out);
  }
  if (pf_model_describe(model, &json, NULL) == PF_OK) pf_free(json);
  pf_free(out);
}

static void read_once(const uint8_t *data, size_t size) {
  pf_container *container = NULL;
  struct pf_model *model = NULL;
  if (pf_container_read_bytes(data, size, "fuzz", &container, NULL) != PF_OK) return;
  if (pf_model_from_container(container, &model, NULL) == PF_OK) use(model);
  pf_model_free(model);
  pf_container_free(container);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = NULL;
  read_once(data, size);
  if (size < 8 || pf_alloc(size, 1, &copy, NULL) != PF_OK) return 0;
  memcpy(copy, data, size);
  repair(copy, size);
  read_once(copy, size);
  pf_free(copy);
  return 0;
}
