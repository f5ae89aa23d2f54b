/* A program with everything it takes to run it over a whole batch on a pool: one call, per-row results. */
#ifndef PF_EXEC_BATCH_H
#define PF_EXEC_BATCH_H

#include "exec.h"

typedef struct pf_batch pf_batch;

/* Compiles `outputs` (PER_ROW or SHARED nodes, else PF_FAILED) for batches of up to `rows` rows. pool (may be NULL: the
 * calling thread) is borrowed and must outlive the batch; the graph need not. */
pf_status pf_batch_create(pf_graph *graph, const pf_node *outputs, int n_outputs, int rows,
                          pf_precision precision, pf_pool *pool, pf_batch **out, pf_error *error);
void pf_batch_free(pf_batch *batch);

/* Runs all lanes of run->rows rows. outputs[i]: the caller's array, rows x items of a PER_ROW output. Allocates nothing; not
 * for two runs at once. The same bits for any number of threads. */
void pf_batch_run(pf_batch *batch, const pf_run *run, float *const *outputs);

#endif
