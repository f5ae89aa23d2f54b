/* Minibatch optimal transport (Tong et al., arXiv 2302.00482): the two ends of a batch's interpolants, drawn independently
 * and then matched by the exact plan of |x0 - x1|^2. Both marginal laws stay what they were. */
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../base/rng.h"
#include "../ot/assignment.h"
#include "characteristic.h"

pf_status pf_coupled_batch_open(const pf_training *training, int batch, uint32_t stage, pf_coupled_batch *out,
                                pf_error *error) {
  size_t n = (size_t)batch, items = n * (size_t)training->d;
  *out = (pf_coupled_batch){
      .training = training, .seed = training->seed ^ ((uint64_t)stage << 48), .batch = batch};
  if (batch > PF_ASSIGNMENT_MAX)
    return pf_fail(error, PF_USAGE, "batch is %d, must be at most %d with the optimal coupling", batch,
                   PF_ASSIGNMENT_MAX);
  PF_TRY(pf_alloc(items, sizeof(float), &out->x0, error));
  PF_TRY(pf_alloc(items, sizeof(float), &out->x1, error));
  PF_TRY(pf_alloc(n, sizeof(float), &out->index, error));
  return pf_alloc(2 * items, sizeof(double), &out->points, error);
}

void pf_coupled_batch_free(pf_coupled_batch *batch) {
  pf_free(batch->x0);
  pf_free(batch->x1);
  pf_free(batch->index);
  pf_free(batch->points);
  *batch = (pf_coupled_batch){0};
}

/* What pf_index and pf_gather would: rows of the table (rows x d). */
static void gather(const pf_coupled_batch *b, int64_t step, uint32_t stream, const float *table, int64_t rows,
                   float *out) {
  size_t n = (size_t)b->batch, d = (size_t)b->training->d;
  pf_fill_index_f32(b->seed, PF_STREAM_GRAPH + stream, (uint64_t)step, 0, n, (uint32_t)rows, b->index);
  for (size_t i = 0; i < n; i++) memcpy(out + i * d, table + (size_t)b->index[i] * d, d * sizeof(float));
}

static void draw_ends(const pf_coupled_batch *b, int64_t step) {
  const pf_training *t = b->training;
  gather(b, step, PF_STREAM_X1, t->encoded, t->n, b->x1);
  if (t->source_n > 0)
    gather(b, step, PF_STREAM_X0, t->source_encoded, t->source_n, b->x0);
  else
    pf_fill_normal_f32(b->seed, PF_STREAM_GRAPH + PF_STREAM_X0, (uint64_t)step, 0, (size_t)b->batch,
                       (size_t)t->d, b->x0);
}

pf_status pf_coupled_batch_draw(void *context, int64_t step, pf_error *error) {
  pf_coupled_batch *b = context;
  size_t n = (size_t)b->batch, d = (size_t)b->training->d, items = n * d;
  double *x0 = b->points, *x1 = b->points + items;
  pf_assignment plan = {0};
  draw_ends(b, step);
  for (size_t i = 0; i < items; i++) {
    x0[i] = b->x0[i];
    x1[i] = b->x1[i];
  }
  PF_TRY(pf_assignment_points((pf_points){x0, n, d}, (pf_points){x1, n, d}, 2, &plan, error));
  for (size_t i = 0; i < n; i++) {
    const double *match = x1 + PF_CANARY(COUPLING, plan.column_of_row[i], i) * d;
    for (size_t j = 0; j < d; j++) b->x1[i * d + j] = (float)match[j];
  }
  pf_assignment_clear(&plan);
  return PF_OK;
}
