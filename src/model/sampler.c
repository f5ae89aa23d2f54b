/* Drawing from a model: prior -> map or integrator -> decoder.
 *
 * Everything is a function of the absolute sample index, so ranges may be cut anywhere and computed by any
 * number of threads.
 */
#include "model.h"

#include <math.h>
#include "../base/memory.h"
#include "../base/rng.h"

void pf_model_prior(const struct pf_model *model, uint64_t seed, pf_rows rows, float *z) {
  pf_fill_normal_f32(seed, PF_STREAM_PRIOR, 0, (uint64_t)rows.first, (size_t)rows.n, (size_t)model->columns,
                     z);
}

static pf_status push_generator(const struct pf_model *model, const pf_draw *draw, pf_rows rows, float *x,
                                pf_error *error) {
  double span = model->end - model->start;
  for (int64_t k = 0; k < draw->steps; k++) {
    double t = model->start + span * (double)k / (double)draw->steps;
    double s =
        k + 1 == draw->steps ? model->end : model->start + span * (double)(k + 1) / (double)draw->steps;
    PF_TRY(pf_learned_move(model->generator, t, s, rows, x, draw->pool, error));
  }
  return PF_OK;
}

/* Euler, one evaluation a step: `steps` is the number of network evaluations whatever is sampled. */
static pf_status push_velocity(const struct pf_model *model, const pf_draw *draw, pf_rows rows, float *x,
                               pf_error *error) {
  size_t items = (size_t)rows.n * (size_t)model->columns;
  double *state = NULL, *grid = NULL;
  float *scratch = NULL;
  pf_status status = pf_alloc(items, sizeof(double), &state, error);
  if (status == PF_OK) status = pf_alloc(2 * items, sizeof(float), &scratch, error);
  if (status == PF_OK) status = pf_alloc((size_t)draw->steps + 1, sizeof(double), &grid, error);
  if (status == PF_OK) {
    for (size_t i = 0; i < items; i++) state[i] = x[i];
    pf_ode_uniform_grid(model->start, model->end, (int)draw->steps, grid);
    pf_learned_field field = {
        .learned = model->velocity, .pool = draw->pool, .first = rows.first, .scratch = scratch};
    pf_ode_system system = {
        .field = pf_learned_velocity_field, .context = &field, .n = rows.n, .d = model->columns};
    pf_ode_grid nodes = {.t = grid, .steps = (int)draw->steps};
    status = pf_ode_fixed(PF_ODE_EULER, &system, nodes, state, NULL, error);
    for (size_t i = 0; status == PF_OK && i < items; i++) x[i] = (float)state[i];
  }
  pf_free(state);
  pf_free(scratch);
  pf_free(grid);
  return status;
}

pf_status pf_model_push(const struct pf_model *model, const pf_draw *draw, pf_rows rows, float *x,
                        pf_error *error) {
  if (draw->steps < 1 || draw->steps > 1000000)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to 1000000", (long long)draw->steps);
  bool teacher = draw->teacher || !model->generator;
  if (teacher && !model->velocity)
    return pf_fail(error, PF_USAGE, "this model keeps no velocity to integrate");
  return teacher ? push_velocity(model, draw, rows, x, error) : push_generator(model, draw, rows, x, error);
}

/* Rows per piece: bounds the memory of a long draw. A multiple of every tile. */
enum { PIECE = 1 << 16 };

static pf_status draw_piece(const struct pf_model *model, const pf_draw *draw, pf_rows rows, float *x,
                            double *out, pf_error *error) {
  pf_model_prior(model, draw->seed, rows, x);
  PF_TRY(pf_model_push(model, draw, rows, x, error));
  for (int64_t i = 0; i < rows.n * model->columns; i++)
    if (!isfinite(x[i]))
      return pf_fail(error, PF_NON_FINITE, "sample %lld, column '%s' is %g",
                     (long long)(rows.first + i / model->columns),
                     model->columns_like->names[i % model->columns], (double)x[i]);
  pf_encoder_decode(model->encoder, x, rows.n, out);
  return PF_OK;
}

pf_status pf_model_draw(const struct pf_model *model, const pf_draw *draw, pf_rows rows, double *out,
                        pf_error *error) {
  if (rows.n < 0 || rows.first < 0)
    return pf_fail(error, PF_USAGE, "samples %lld from %lld: neither may be negative", (long long)rows.n,
                   (long long)rows.first);
  if (rows.first > INT64_MAX / 2 || rows.n > INT64_MAX / 2)
    return pf_fail(error, PF_USAGE, "samples %lld from %lld: there are %lld at most", (long long)rows.n,
                   (long long)rows.first, (long long)(INT64_MAX / 2));
  int64_t most = rows.n < PIECE ? rows.n : PIECE;
  float *x = NULL;
  PF_TRY(pf_alloc((size_t)most * (size_t)model->columns, sizeof(float), &x, error));
  pf_status status = PF_OK;
  for (int64_t done = 0; done < rows.n && status == PF_OK;) {
    int64_t here = PIECE - (rows.first + done) % PIECE; /* pieces end at multiples, so tiles stay whole */
    if (here > rows.n - done) here = rows.n - done;
    pf_rows piece = {rows.first + done, here};
    status = draw_piece(model, draw, piece, x, out + done * model->columns, error);
    done += here;
  }
  pf_free(x);
  return status;
}
