/* Whole batches of a program: see batch.h. */
#include "batch.h"

#include "../base/memory.h"

struct pf_batch {
  pf_program *program;
  pf_pool *pool;
  char *workspace, *shared; /* threads x workspace_bytes; one shared arena */
  size_t workspace_bytes;
  const pf_run *run; /* of the call under way */
  float *const *outputs;
  int lanes;
};

static pf_status check_outputs(pf_graph *graph, const pf_node *outputs, int n, pf_error *error) {
  PF_TRY(pf_graph_status(graph, error));
  for (int i = 0; i < n; i++)
    if (pf_node_shape(outputs[i]).span == PF_PARTIAL)
      return pf_fail(error, PF_FAILED, "output %d of a batch is a sum over rows", i);
  return PF_OK;
}

static pf_status prepare(pf_batch *batch, pf_graph *graph, const pf_node *outputs, int n_outputs,
                         const pf_program_options *options, pf_error *error) {
  PF_TRY(check_outputs(graph, outputs, n_outputs, error));
  PF_TRY(pf_program_create(graph, outputs, n_outputs, options, &batch->program, error));
  batch->workspace_bytes = (pf_program_workspace_bytes(batch->program) + 63) / 64 * 64;
  PF_TRY(pf_alloc((size_t)pf_pool_threads(batch->pool), batch->workspace_bytes, &batch->workspace, error));
  return pf_alloc(1, pf_program_shared_bytes(batch->program), &batch->shared, error);
}

pf_status pf_batch_create(pf_graph *graph, const pf_node *outputs, int n_outputs, int rows,
                          pf_precision precision, pf_pool *pool, pf_batch **out, pf_error *error) {
  pf_batch *batch = NULL;
  if (rows < 1) return pf_fail(error, PF_USAGE, "a batch of %d rows, must be at least 1", rows);
  PF_TRY(pf_alloc(1, sizeof *batch, &batch, error));
  batch->pool = pool;
  pf_program_options options = pf_program_options_default();
  int lanes = pf_lane_count(rows);
  options.precision = precision;
  options.max_rows = (rows + lanes - 1) / lanes;
  pf_status status = prepare(batch, graph, outputs, n_outputs, &options, error);
  if (status == PF_OK)
    *out = batch;
  else
    pf_batch_free(batch);
  return status;
}

void pf_batch_free(pf_batch *batch) {
  if (!batch) return;
  pf_program_free(batch->program);
  pf_free(batch->workspace);
  pf_free(batch->shared);
  pf_free(batch);
}

static void lane_task(void *context, int lane, int thread) {
  pf_batch *batch = context;
  int64_t rows = batch->run->rows;
  pf_program_run_lane(
      batch->program, batch->run, batch->shared, batch->workspace + (size_t)thread * batch->workspace_bytes,
      pf_lane_begin(rows, batch->lanes, lane), pf_lane_begin(rows, batch->lanes, lane + 1), batch->outputs);
}

void pf_batch_run(pf_batch *batch, const pf_run *run, float *const *outputs) {
  batch->run = run;
  batch->outputs = outputs;
  batch->lanes = pf_lane_count(run->rows);
  pf_program_run_shared(batch->program, run, batch->shared, outputs);
  pf_pool_run(batch->pool, batch->lanes, lane_task, batch);
}
