/* Densities and inverses of models with a flow: encoder, flow, and the change of variables of both.
 *
 *   log p(x) = log N(z; 0, I) + log |det dz/de| + log |det de/dx|,   e = encoded row, z = its noise
 */
#include <math.h>
#include "../base/memory.h"
#include "model.h"

static pf_status check(const struct pf_model *model, const pf_follow *follow, pf_error *error) {
  if (!model->flow)
    return pf_fail(error, PF_USAGE,
                   "this model has no density: its method is not a flow with likelihood "
                   "(jko, otflow or cnf)");
  if (follow->steps < 0 || follow->steps > PF_CNF_STEPS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d", (long long)follow->steps, PF_CNF_STEPS);
  if (!(follow->tolerance >= 0 && follow->tolerance < 1))
    return pf_fail(error, PF_USAGE, "tolerance is %g, must be positive and below 1", follow->tolerance);
  return PF_OK;
}

static pf_cnf_move move_of(const pf_follow *follow, pf_cnf_direction direction) {
  return (pf_cnf_move){.direction = direction, .steps = (int)follow->steps, .tolerance = follow->tolerance};
}

/* log_density holds the flow's log-determinants and becomes log p; at: z. */
static void add_densities(int64_t n, int d, const double *z, const double *encoder, double *log_density) {
  for (int64_t i = 0; i < n; i++) {
    double square = 0;
    for (int j = 0; j < d; j++) square += z[i * d + j] * z[i * d + j];
    log_density[i] += encoder[i] - 0.5 * square - 0.5 * d * log(2 * M_PI);
  }
}

pf_status pf_model_follow(const struct pf_model *model, const pf_follow *follow, int64_t n,
                          const double *rows, double *z, double *log_density, double *evaluations,
                          pf_error *error) {
  PF_TRY(check(model, follow, error));
  int d = model->columns;
  size_t items = (size_t)n * (size_t)d;
  float *encoded = NULL;
  double *state = NULL, *encoder = NULL, *log_det = NULL;
  pf_cnf_move move = move_of(follow, PF_CNF_TO_NOISE);
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(items, sizeof *encoded, &encoded, error));
  PF_TRY_GOTO(pf_alloc(items, sizeof *state, &state, error));
  if (log_density) {
    PF_TRY_GOTO(pf_alloc((size_t)n, sizeof *encoder, &encoder, error));
    PF_TRY_GOTO(pf_alloc((size_t)n, sizeof *log_det, &log_det, error));
  }
  pf_encoder_encode(model->encoder, rows, n, follow->seed, 0, encoded);
  for (size_t i = 0; i < items; i++) state[i] = encoded[i];
  PF_TRY_GOTO(
      pf_cnf_rows(model->flow, &move, (pf_rows){0, n}, state, log_det, evaluations, follow->pool, error));
  if (log_density) {
    pf_encoder_log_det(model->encoder, rows, encoded, n, encoder);
    add_densities(n, d, state, encoder, log_det);
    for (int64_t i = 0; i < n; i++) log_density[i] = log_det[i];
  }
  for (size_t i = 0; z && i < items; i++) z[i] = state[i];
cleanup:
  pf_free(encoded);
  pf_free(state);
  pf_free(encoder);
  pf_free(log_det);
  return status;
}

pf_status pf_model_invert(const struct pf_model *model, const pf_follow *follow, int64_t n, const double *z,
                          double *rows, pf_error *error) {
  PF_TRY(check(model, follow, error));
  size_t items = (size_t)n * (size_t)model->columns;
  double *state = NULL;
  float *encoded = NULL;
  pf_cnf_move move = move_of(follow, PF_CNF_TO_DATA);
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(items, sizeof *state, &state, error));
  PF_TRY_GOTO(pf_alloc(items, sizeof *encoded, &encoded, error));
  for (size_t i = 0; i < items; i++) state[i] = z[i];
  PF_TRY_GOTO(pf_cnf_rows(model->flow, &move, (pf_rows){0, n}, state, NULL, NULL, follow->pool, error));
  for (size_t i = 0; i < items; i++) encoded[i] = (float)state[i];
  pf_encoder_decode(model->encoder, encoded, n, rows);
cleanup:
  pf_free(state);
  pf_free(encoded);
  return status;
}
