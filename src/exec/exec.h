/* Executing a graph: what both executors agree on.
 *
 *   ref/   double, naive, one node after the other: the oracle (pf_ref_run)
 *   cpu/   float, planned: fused element-wise groups, matrix products, one arena per lane
 *
 * A batch of B rows is cut into L = pf_lane_count(B) lanes, a number that depends on B alone. A lane is run start to
 * finish by one thread with its own workspace, tile after tile into one set of partial sums. Between phases come tree-ordered
 * sums over lanes (pf_lane_sum), so results are the same bits for any number of threads.
 */
#ifndef PF_EXEC_EXEC_H
#define PF_EXEC_EXEC_H

#include "../base/pool.h"
#include "../graph/graph.h"

/* Lanes of a batch of `rows`: clamp(rows / 128, 1, 16). */
int pf_lane_count(int64_t rows);
/* First row of lane i (i = lanes gives `rows`); lanes differ by at most one row. */
int64_t pf_lane_begin(int64_t rows, int lanes, int lane);

/* ---- fast CPU executor ---- */

typedef struct pf_program pf_program; /* immutable once made: any number of threads may run it */

/* Of matrix products; everything else is single precision always. */
typedef enum pf_precision {
  PF_PRECISION_F32,
  /* operands of products by at least 32 x 32 weights, and such sums over rows, rounded to bfloat16; sums in single precision */
  PF_PRECISION_BF16
} pf_precision;

/* "f32", "bf16" or "auto"; an unknown name is PF_USAGE. */
pf_status pf_precision_find(const char *name, pf_precision *out, pf_error *error);
const char *pf_precision_name(pf_precision precision); /* "f32" or "bf16" */
/* Which kernels multiply here: an instruction-set class, "amx", or "plain". */
const char *pf_precision_kernels(pf_precision precision);
/* Has this processor instructions for such products? Where it has none they are right, and slower than in single precision. */
bool pf_precision_is_fast(pf_precision precision);

typedef struct pf_program_options {
  int tile_rows; /* rows per tile (fixed shape of every kernel); 0: chosen from a memory budget, at most max_rows */
  int max_rows;           /* rows a lane will have at most; bounds the tile */
  pf_precision precision; /* sums over rows are in bf16 for tiles of a multiple of 32 rows alone */
  bool fuse;              /* false: every element-wise op on its own (for tests); default true */
} pf_program_options;

pf_program_options pf_program_options_default(void);

/* Compiles what `outputs` need. Reports the graph's own error first. */
pf_status pf_program_create(pf_graph *graph, const pf_node *outputs, int n_outputs,
                            const pf_program_options *options, pf_program **out, pf_error *error);
void pf_program_free(pf_program *program);

int pf_program_tile_rows(const pf_program *program);
size_t pf_program_workspace_bytes(const pf_program *program); /* per lane, 64-byte aligned */
size_t pf_program_shared_bytes(const pf_program *program);    /* one for all lanes of a run */

/* Time taken so far by one step of a program, on one thread. */
typedef struct pf_ticks {
  int64_t ticks, calls; /* of pf_cpu_ticks */
} pf_ticks;

/* One run: the bindings of the graph's leaves. Pointers are to the whole batch. */
typedef struct pf_run {
  const float *const *params; /* by parameter set: flat arrays */
  const float *const
      *inputs; /* by input index: SHARED the items; PER_ROW row 0 of the batch (row-major rows x items) */
  uint64_t seed, step; /* for random leaves */
  int64_t rows;        /* rows of the batch; row_weight is 0 from here on */
  int64_t first_row;   /* global index of batch row 0, for random leaves (normally 0) */
  pf_ticks *ticks;     /* pf_program_profile_thread of the thread that runs; NULL: no profile is taken */
} pf_run;

/* Nodes that are SHARED (embeddings of fixed times, packed weights) are computed here, once per run, into `shared`
 * (pf_program_shared_bytes). Must come before the lanes. SHARED outputs are written here too. */
void pf_program_run_shared(const pf_program *program, const pf_run *run, void *shared, float *const *outputs);

/* Batch rows begin..end-1 as one lane. PER_ROW outputs go to outputs[i] + row * items for row in begin..end-1
 * (indexed by batch row, so all lanes may share one array, which may be an input's: rows are written when their tile is
 * done); PARTIAL outputs are overwritten with this lane's sum and must not overlap what the program reads. outputs[i] is the
 * caller's array for output i. Allocates nothing. On the same program any number of threads may run lanes at once. */
void pf_program_run_lane(const pf_program *program, const pf_run *run, const void *shared, void *workspace,
                         int64_t begin, int64_t end, float *const *outputs);

/* sum over lanes (1 to 16) of lane_arrays[lane][begin..end-1], by a fixed binary tree, into out[begin..end-1]. */
void pf_lane_sum(const float *const *lane_arrays, int lanes, int64_t begin, int64_t end, float *out);

/* What a program does, for tests and profiles. */
typedef struct pf_program_stats {
  int nodes, groups, contractions, fused_ops;
  int narrow; /* contractions that run in bfloat16 */
  size_t arena_bytes;
  double flops_per_row; /* of contractions */
} pf_program_stats;
pf_program_stats pf_program_statistics(const pf_program *program);

/* ---- profiles ---- */

enum { PF_ENTRY_NAME = 80 };

/* One step of a program and what it has taken. Flops count multiplications, additions and the element-wise arithmetic as it
 * is written in cpu/math.h; the integer work of random numbers counts nothing. Bytes are those of the operands and results of
 * a call, once each. */
typedef struct pf_profile_entry {
  char name[PF_ENTRY_NAME]; /* "product 128x64x32", "group 128x64, 1 in 2 out: silu,silu_slope" */
  bool shared;              /* once a run; otherwise once a tile of every lane */
  bool product;             /* of matrices */
  bool narrow;              /* in bfloat16: "product 128x64x32 bf16", "pack 64x32 bf16" */
  int param_set;            /* parameter that a product multiplies by or that is packed; -1: none */
  int64_t param_offset;
  bool transposed; /* it is read transposed */
  int output;      /* index of the output this product makes, -1: none */
  double flops, bytes;
  pf_ticks taken; /* over all threads; pf_program_profile_tick makes seconds of it */
} pf_profile_entry;

/* Accumulators for every step of a program and every thread: no atomics, nothing allocated while running. */
typedef struct pf_program_profile pf_program_profile;

/* The program has to outlive it. */
pf_status pf_program_profile_create(const pf_program *program, int threads, pf_program_profile **out,
                                    pf_error *error);
void pf_program_profile_free(pf_program_profile *profile);
/* What a run on this thread adds to: for pf_run.ticks. Two runs at once need two threads' accumulators. */
pf_ticks *pf_program_profile_thread(const pf_program_profile *profile, int thread);
/* Steps of the program, the shared ones first, in the order they run. */
int pf_program_profile_entries(const pf_program_profile *profile);
pf_profile_entry pf_program_profile_entry(const pf_program_profile *profile, int index);
/* Flops per second of one thread in products of bfloat16 whose operands stay in the first-level cache, by the best of many short
 * runs (about a millisecond); 0 where this processor does not multiply it. */
double pf_precision_peak_bf16(void);
/* Seconds per tick, from what has passed since the profile was made. */
double pf_program_profile_tick(const pf_program_profile *profile);

/* ---- reference executor ---- */

typedef struct pf_ref_run {
  const double *const *params;
  const double *const *inputs;
  uint64_t seed, step;
  int64_t rows, first_row;
} pf_ref_run;

/* Evaluates outputs over the whole batch in double. outputs[i]: PER_ROW rows x items, else items. Random leaves give the same
 * (float-rounded) numbers as the fast executor. */
pf_status pf_ref_evaluate(pf_graph *graph, const pf_node *outputs, int n_outputs, const pf_ref_run *run,
                          double *const *values, pf_error *error);

#endif
