/* pushforward: generative models that sample in one network evaluation.
 *
 * The one public header. Sections stand in the order of the library's layers. C99 and C++17 understand it.
 *
 * Conventions used everywhere below
 *   shapes      arrays are row-major; "n x d" is n rows of d columns.
 *   status      every fallible call returns pf_status; on failure its outputs are untouched and the
 *               optional pf_error says which input was wrong and what its value was.
 *   ownership   a function that fills "T **out" hands over a new object; free it with pf_T_free,
 *               which accepts NULL. Everything else stays with whoever made it.
 *   threads     objects passed as const may be used from any number of threads at once.
 */
#ifndef PUSHFORWARD_H
#define PUSHFORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
/* The library is compiled with its names hidden: what stands from here on is what the shared one shows. */
#pragma GCC visibility push(default)

/* ---- status ---------------------------------------------------------------------------------- */

/* name, exit code of the command, what it means */
#define PF_STATUS_TABLE(X)                                                                                   \
  X(OK, 0, "success")                                                                                        \
  X(FAILED, 1, "the operation failed")                                                                       \
  X(NO_MEMORY, 1, "out of memory")                                                                           \
  X(IO, 1, "reading or writing failed")                                                                      \
  X(NON_FINITE, 1, "a computed value is NaN or infinite")                                                    \
  X(USAGE, 2, "an option or argument is wrong")                                                              \
  X(BAD_INPUT, 3, "the data or the model file is not usable")                                                \
  X(GATE, 4, "a quality check does not hold")                                                                \
  X(STOPPED, 130, "stopped on request")

typedef enum pf_status {
#define PF_X(name, exit_code, text) PF_##name,
  PF_STATUS_TABLE(PF_X)
#undef PF_X
} pf_status;

/* What went wrong, in one line. Any function that takes a pf_error accepts NULL. */
typedef struct pf_error {
  pf_status status;
  char message[512];
} pf_error;

/* "bad-input" style name of a status; never NULL. */
const char *pf_status_name(pf_status status);
/* Exit code the command uses for a status: 0, 1, 2, 3, 4 or 130. */
int pf_status_exit_code(pf_status status);

/* ---- hooks: how a long call talks to its host -------------------------------------------------- */

typedef enum pf_log_level { PF_LOG_INFO, PF_LOG_WARNING } pf_log_level;

typedef struct pf_progress {
  const char *stage;   /* what is being done, for example "velocity" */
  int64_t done, total; /* units of work in this stage; total 0 when unknown */
  double loss;         /* latest training loss, NaN when there is none */
  double seconds;      /* wall time since the stage began */
  double eta_seconds;  /* estimated wall time to the end of the whole call, NaN when unknown */
} pf_progress;

/* Parts of a training step's wall time: name, word, what happens in it. A part that several threads share counts with
 * their work divided by their number; what is missing to its wall time is their waiting. */
#define PF_PROFILE_PARTS(X)                                                                                  \
  X(SHARED, "shared", "what all lanes use: features of fixed times, packed weights; one thread")             \
  X(LANES, "lanes", "forward and backward of the batch's rows")                                              \
  X(SUMS, "sums", "the lanes' gradients added up, and their norm")                                           \
  X(OPTIMISER, "optimiser", "update of the weights and their average")                                       \
  X(HOST, "host", "what stands between these; one thread")                                                   \
  X(BARRIER, "barrier", "threads waiting for each other or for work")

typedef enum pf_profile_part {
#define PF_X(name, word, text) PF_PROFILE_##name,
  PF_PROFILE_PARTS(PF_X)
#undef PF_X
      PF_PROFILE_PART_COUNT
} pf_profile_part;

/* One operation of a step, per step. Its floor is what its flops cost at the machine's peak or its bytes at the rate of a
 * copy within the second-level cache, whichever is longer; operands in the first-level cache may come in below. */
typedef struct pf_profile_line {
  char name[128]; /* "product 128x64x64 by layer2.weight", "group 128x64, 1 in 2 out: silu,silu_slope" */
  double calls;
  double seconds; /* one thread's time, added over threads */
  double wall;    /* its part of a step's wall time: `seconds` divided by the threads that share the work */
  double flops;   /* multiplications, additions and element-wise arithmetic; random integers count nothing */
  double bytes;   /* of operands and results, read or written once */
  double floor;   /* seconds of one thread; 0 where nothing is counted */
} pf_profile_line;

/* Where the time of one stage's training steps went. Measuring never changes a result. */
typedef struct pf_profile {
  const char *stage;
  int64_t steps; /* measured here */
  int threads;
  double seconds;                     /* wall time of a step: the sum of its parts */
  double part[PF_PROFILE_PART_COUNT]; /* of it */
  double between;                /* wall time between two steps: progress, checkpoints, held-out curves */
  double peak_flops, copy_bytes; /* one thread's measured rates, per second */
  double peak_bf16;              /* of products in bfloat16, per second; 0: there are none */
  const pf_profile_line *lines;  /* in the order they run */
  int n_lines;
} pf_profile;

/* All callbacks are optional and are called from the calling thread only. `stop` is polled between
 * steps; when it returns true the call saves what it can and returns PF_STOPPED. `profile` is called at the end of
 * every stage of a training, also of one that was stopped; without it nothing is measured. */
typedef struct pf_hooks {
  void *context;
  void (*log)(void *context, pf_log_level level, const char *message);
  void (*progress)(void *context, const pf_progress *progress);
  bool (*stop)(void *context);
  void (*profile)(void *context, const pf_profile *profile);
} pf_hooks;

/* ---- tables -------------------------------------------------------------------------------------- */

/* Rows of numbers with named columns. */
typedef struct pf_table pf_table;

typedef struct pf_load_options {
  const char *const *columns; /* keep only these (n_columns of them); NULL keeps all */
  int n_columns;
  const char *const *drop; /* leave these out; reading never looks at their cells */
  int n_drop;
  int64_t rows;     /* rows to draw when the source is a law; 0: 500000 */
  uint64_t seed;    /* of the draw */
  int64_t min_rows; /* fewer are PF_BAD_INPUT; 0: 2, what a training needs */
} pf_load_options;

/* Source: a .csv, .npy or .npz file, "FILE.npz:ARRAY", "-" for CSV on standard input, or
 * "law:NAME[:key=value,..]" (law:FILE.json is a Gaussian mixture, law:FILE.png, .pgm or .npy a grey image, the darker
 * the likelier, on the square [-4,4]^2). options may be NULL. PF_BAD_INPUT names
 * row and column of what cannot be used. */
pf_status pf_table_load(const char *source, const pf_load_options *options, pf_table **out, pf_error *error);
/* A copy of caller's values, n x d row-major, finite; names may be NULL (x1..xd). */
pf_status pf_table_from_values(int64_t n, int d, const double *values, const char *const *names,
                               pf_table **out, pf_error *error);
/* Says that a column holds whole numbers, as reading a file of such numbers does: a model then generates whole numbers.
 * PF_USAGE: no such column; PF_BAD_INPUT names the row of a value that is not whole. */
pf_status pf_table_set_whole(pf_table *table, int column, pf_error *error);
void pf_table_free(pf_table *table);
int64_t pf_table_rows(const pf_table *table);
int pf_table_columns(const pf_table *table);
const char *pf_table_column_name(const pf_table *table, int column);
const double *pf_table_values(const pf_table *table); /* rows x columns */
/* Writes CSV, or NPY when the name ends in .npy; "-" is standard output. Atomic: an existing file is replaced
 * whole or not at all. */
pf_status pf_table_write(const pf_table *table, const char *path, pf_error *error);
/* The same piece by piece, for more rows than fit in memory. `like` gives the column names and types (its rows are
 * not looked at); `rows` is the number of rows that will be added in all. Nothing appears under `path` before
 * commit, which is PF_FAILED when another number of rows was added. Commit and abort both free the writer, also
 * on failure. */
typedef struct pf_table_writer pf_table_writer;
pf_status pf_table_writer_open(const char *path, const pf_table *like, int64_t rows, pf_table_writer **out,
                               pf_error *error);
pf_status pf_table_writer_add(pf_table_writer *writer, const pf_table *table, pf_error *error);
pf_status pf_table_writer_commit(pf_table_writer *writer, pf_error *error);
void pf_table_writer_abort(pf_table_writer *writer); /* accepts NULL */
/* Cuts off `share` (0 < share < 1) of the rows, chosen by the seed: *rest and *held are new tables. */
pf_status pf_table_split(const pf_table *table, double share, uint64_t seed, pf_table **rest, pf_table **held,
                         pf_error *error);

/* ---- built-in lists -------------------------------------------------------------------------------- */

typedef struct pf_entry {
  const char *name, *description;
} pf_entry;

/* i-th law or method, false when there are no more. */
bool pf_law_entry(int i, pf_entry *out);
bool pf_method_entry(int i, pf_entry *out);
bool pf_verify_entry(int i, pf_entry *out);
bool pf_solver_entry(int i, pf_entry *out); /* with their order and evaluations of the network */
/* Does training by this method read the option of this name (pf_train_option_entry)? pf_train refuses those that are not at their
 * defaults and that its method does not read. False for unknown names. */
bool pf_method_uses(const char *method, const char *option);
/* The one of `names` that `word` is most likely a slip of, by edit distance; NULL when none is close. */
const char *pf_nearest_name(const char *word, const char *const *names, size_t count);

/* ---- training -------------------------------------------------------------------------------------- */

#include "pushforward_options.h" /* PF_TRAIN_OPTIONS: the table of all settings */

#define PF_TYPE_INT  int64_t
#define PF_TYPE_REAL double
#define PF_TYPE_TEXT const char *
#define PF_TYPE_FLAG bool

typedef struct pf_train_options {
#define PF_X(type, field, value, flag, placeholder, help) PF_TYPE_##type field;
  PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  const char *checkpoint; /* path of the checkpoint file, NULL: none */
  bool resume;            /* go on from the checkpoint when it exists */
  const char *command;    /* command line to record in the model, without --steps, which is added; or NULL */
  const char *source;     /* name of the data to record, may be NULL */
  const pf_table *from;   /* rows to transport to the data, columns by number; NULL: noise N(0, I) */
  const char *from_name;  /* their name to record, may be NULL */
  pf_hooks hooks;
} pf_train_options;

pf_train_options pf_train_options_default(void);

/* ---- models ---------------------------------------------------------------------------------------- */

typedef struct pf_model pf_model;

/* Trains on `data`; `held` (may be NULL: a share of the data is cut off) is never trained on. PF_STOPPED after a stop
 * request, with a checkpoint saved; PF_NON_FINITE names the step, the last good checkpoint stays. With options->from the map
 * starts from those rows: PF_BAD_INPUT for another number of columns than the data's, PF_USAGE for jko, otflow and cnf. */
pf_status pf_train(const pf_table *data, const pf_table *held, const pf_train_options *options,
                   pf_model **out, pf_error *error);

pf_status pf_model_load(const char *path, pf_model **out, pf_error *error);
pf_status pf_model_save(const pf_model *model, const char *path, pf_error *error);
void pf_model_free(pf_model *model);
int pf_model_columns(const pf_model *model); /* of a row, given ones too */
const char *pf_model_column_name(const pf_model *model, int column);
/* Everything recorded about the model as one JSON object; freed with pf_string_free. */
pf_status pf_model_describe(const pf_model *model, char **json, pf_error *error);
void pf_string_free(char *text);

bool pf_model_needs_source(
    const pf_model *model); /* trained with options.from: it starts from rows, not noise */
/* Those rows, copied; columns by number. Sample i starts from row i mod n of them when `in_order`, else from one picked by
 * the seed. Until then whatever draws is PF_USAGE; samplers are made anew. PF_USAGE: a model of noise; PF_BAD_INPUT: rows. */
pf_status pf_model_set_source(pf_model *model, const pf_table *rows, bool in_order, pf_error *error);

enum { PF_CONDITIONS_MOST = 32 };
/* Conditional models, trained with options.condition: of a row's columns some are given and the others generated, g(t, s, x | c).
 * Number and names of the given columns, in the order of the columns; NULL past the end. */
int pf_model_conditions(const pf_model *model);
const char *pf_model_condition_name(const pf_model *model, int i);
/* The conditions of samples, copied: the given columns of `rows`, found by name; it may have others. Sample i has those of row i
 * mod n when `in_order`, else of a row picked by the seed. Until then whatever draws is PF_USAGE. PF_USAGE: the model generates
 * every column; PF_BAD_INPUT: a column is missing, a value is not finite or beyond single precision. */
pf_status pf_model_set_given(pf_model *model, const pf_table *rows, bool in_order, pf_error *error);

/* How many steps a sample takes. 0 is the model's own choice: 1 for a generator, a flow's own number, 100 for a velocity. */
typedef struct pf_sample_options {
  int64_t steps; /* network evaluations of a generator or velocity; Runge-Kutta 4 steps per block of a flow */
  bool
      teacher; /* integrate what the generator was fitted to, a velocity or a flow, with `steps` steps instead */
  uint64_t seed;
  int64_t first;         /* absolute index of the first sample: chunks equal one long run */
  int threads;           /* 0: all cores */
  const char *precision; /* "f32", "bf16" or "auto": of the network's large products; NULL: f32 */
  const char *
      solver; /* a pf_solver_entry: integrate the velocity, or every block of a flow, by `steps` steps of it; NULL: as
                            the fields above say. A step of euler, exponential and exponential-2m costs 1 evaluation of the
                            network, of random-midpoint, midpoint and heun 2, of rk4 4, of local-linear 2 + min(columns, 4).
                            dopri5 takes the steps it needs for a relative tolerance of 10^-steps (1 to 6; 0: 5), every
                            sample its own. PF_USAGE for an unknown name, a model without a velocity, and an exponential step
                            of a flow, which has no denoiser */
} pf_sample_options;

pf_sample_options pf_sample_options_default(void); /* the model's own steps, generator, seed 1 */

/* Draws n samples in the data's own units into out (n x columns). Bit-identical however the range is cut into
 * calls, and for any number of threads; a const model may be sampled from several threads at once. */
pf_status pf_model_sample(const pf_model *model, const pf_sample_options *options, int64_t n, double *out,
                          pf_error *error);
/* The same as a table that remembers names and column types. */
pf_status pf_model_sample_table(const pf_model *model, const pf_sample_options *options, int64_t n,
                                pf_table **out, pf_error *error);

/* The way of every sample from its noise. Nodes are the states between the steps, in the data's units through the decoder: node 0
 * is the noise itself (a source's rows for a model that starts from them), the last one the sample, with the bytes of
 * pf_model_sample. *out: how many they are, K + 1 for the K steps of a generator or a velocity (2 for one step), and
 * blocks x K + 1 for a flow, by whichever fixed steps the options ask for. PF_USAGE: options that pf_model_sample refuses, and
 * solver dopri5, which takes other steps for every sample. */
pf_status pf_model_path_nodes(const pf_model *model, const pf_sample_options *options, int64_t *out,
                              pf_error *error);
/* Paths of samples options->first and on, n of them: out is n x nodes x columns. Errors as above and as for pf_model_sample. */
pf_status pf_model_sample_paths(const pf_model *model, const pf_sample_options *options, int64_t n,
                                double *out, pf_error *error);
/* The same as a file of doubles, NPY of shape (n, nodes, columns), made in pieces: n x nodes need not fit in memory. The file
 * appears whole or not at all. hooks (progress, stop) may be NULL. PF_USAGE: n below 1 too; PF_IO, PF_STOPPED. */
pf_status pf_model_write_paths(const pf_model *model, const pf_sample_options *options, int64_t n,
                               const char *path, const pf_hooks *hooks, pf_error *error);

/* ---- densities -------------------------------------------------------------------------------------- */

/* How a flow with likelihood (methods jko, otflow, cnf) is followed between data and noise. */
typedef struct pf_density_options {
  int64_t steps;    /* Runge-Kutta 4 steps per block; 0: the model's own */
  double tolerance; /* > 0: adaptive steps (Dormand-Prince) with this relative tolerance instead */
  uint64_t seed;    /* of the draws that spread discrete columns */
  int threads;      /* 0: all cores. Never changes the result */
} pf_density_options;

pf_density_options pf_density_options_default(void); /* the model's own steps, seed 1 */

/* log p of every row, in nats, with respect to the data's own units (the encoder's Jacobian is included): out has
 * pf_table_rows values. The rows' columns must be the model's. PF_USAGE for a model whose method has no density. */
pf_status pf_model_log_density(const pf_model *model, const pf_density_options *options, const pf_table *rows,
                               double *out, pf_error *error);
/* The noise of every row: a table of columns z1..zd, N(0, I) if the model is right. */
pf_status pf_model_encode(const pf_model *model, const pf_density_options *options, const pf_table *rows,
                          pf_table **out, pf_error *error);
/* The rows of a table of noise (any column names, as many as the model has): the inverse of pf_model_encode. */
pf_status pf_model_decode(const pf_model *model, const pf_density_options *options, const pf_table *noise,
                          pf_table **out, pf_error *error);

/* ---- sampling inside a host program ------------------------------------------------------------------ */

/* A model made ready to draw from again and again: everything that does not depend on the sample is computed when it
 * is made. The run functions below work in the calling thread and in the caller's memory alone: no allocation,
 * thread, lock, global state or input and output. A const sampler serves any number of threads at once, each with
 * its own workspace. */
typedef struct pf_sampler pf_sampler;

typedef struct pf_sampler_options {
  int64_t steps;         /* as in pf_sample_options, to 1000000 (a flow: 1000) */
  bool teacher;          /* integrate what the generator was fitted to with `steps` steps instead */
  const char *precision; /* "f32", "bf16" or "auto": of the network's large products; NULL: f32 */
  const char *solver;    /* as in pf_sample_options; a run by dopri5 allocates */
  uint64_t solver_seed;  /* of the times of random-midpoint: pf_model_sample has its own seed there */
} pf_sampler_options;

pf_sampler_options pf_sampler_options_default(void); /* the model's own steps, generator */

/* options NULL: the defaults. The model must outlive the sampler. PF_USAGE: steps out of range, or a teacher
 * asked of a model that kept no velocity. */
pf_status pf_sampler_create(const pf_model *model, const pf_sampler_options *options, pf_sampler **out,
                            pf_error *error);
void pf_sampler_free(pf_sampler *sampler);
int pf_sampler_columns(const pf_sampler *sampler); /* d: values of a sample */

/* Memory a run works in: at least pf_sampler_workspace_bytes of it, wherever it lies; contents before and after
 * mean nothing. Not for two runs at once. */
typedef struct pf_workspace {
  void *memory;
  size_t bytes;
} pf_workspace;
size_t pf_sampler_workspace_bytes(const pf_sampler *sampler);

/* Samples first..first+n-1 of a seed. Sample i of a seed is the same in any range. */
typedef struct pf_sample_range {
  uint64_t seed;
  int64_t first, n; /* 0 to 2^62 - 1 */
} pf_sample_range;

/* Draws the range in the data's own units into out (n x d): the values of pf_model_sample, bit for bit; the f32 form
 * rounds them to float. PF_USAGE: a wrong range, no memory or too little; out is then untouched. PF_NON_FINITE: the
 * network overflowed; the message names the sample and the column, and out holds nothing of use. */
pf_status pf_sampler_run(const pf_sampler *sampler, pf_sample_range range, double *out,
                         pf_workspace workspace, pf_error *error);
pf_status pf_sampler_run_f32(const pf_sampler *sampler, pf_sample_range range, float *out,
                             pf_workspace workspace, pf_error *error);

/* The noise behind a range: z (n x d) is N(0, I), or encoded rows of the model's source. Of a conditional model's given columns
 * it holds the conditions, in the data's units: those of pf_model_set_given, or 0. PF_USAGE: a wrong range. */
pf_status pf_sampler_noise(const pf_sampler *sampler, pf_sample_range range, float *z, pf_error *error);
/* Maps the caller's noise z (n x d) to n samples: what is drawn when z is the range's own noise, and any other
 * point of the prior space otherwise. Given columns of z are the conditions, in the data's units (pf_model_set_given is not
 * looked at), and stand in the samples as they are. z and out must not overlap. Errors as for pf_sampler_run, and PF_BAD_INPUT
 * for a z that is not finite (row and column in the message, out untouched). */
pf_status pf_sampler_run_from_noise(const pf_sampler *sampler, const float *z, int64_t n, double *out,
                                    pf_workspace workspace, pf_error *error);
pf_status pf_sampler_run_from_noise_f32(const pf_sampler *sampler, const float *z, int64_t n, float *out,
                                        pf_workspace workspace, pf_error *error);

/* ---- models that leave the library ------------------------------------------------------------------- */

/* Formats of an export: name, suffix, what it is. */
#define PF_EXPORT_FORMATS(X)                                                                                 \
  X(C, "c", "one C99 source file: weights, random numbers and decoder, no library")                          \
  X(ONNX, "onnx", "ONNX, opset 17: input `noise` [N, d], output `samples` [N, d] in the data's units")       \
  X(WEIGHTS, "weights", "safetensors for PyTorch: layers.K.weight [out, in], layers.K.bias, the encoder")

typedef struct pf_export_options {
  const char *to;      /* "c", "onnx" or "weights" */
  const char *name;    /* c: prefix of every name in the file, letters, digits and _; NULL: "model" */
  const char *weights; /* c: how weights are stored, "f32", "f16" or "i8" (a scale per output); NULL: f32 */
} pf_export_options;

pf_export_options pf_export_options_default(void); /* c */

/* Writes the one-step generator, from noise to the data's units, as a file that needs no pushforward to run
 * (docs/embedding.md). c and onnx: PF_USAGE for a model without a one-step generator or one that starts from a source; weights
 * takes the latter. PF_USAGE: an unknown format or word, an option of another format. PF_FAILED: a weight beyond half precision
 * (f16), or a file beyond the 2 GiB of a protobuf message (onnx). The file appears whole or not at all: PF_IO, PF_NO_MEMORY. */
pf_status pf_model_export(const pf_model *model, const pf_export_options *options, const char *path,
                          pf_error *error);

#include "pushforward_evaluation.h" /* measuring a model */

/* ---- particles ------------------------------------------------------------------------------------- */

enum { PF_PARTICLES_MAX = 8192 }; /* rows that can move at once */

/* Rows that follow a Wasserstein gradient flow towards other rows, along transport plans and without a network
 * (arXiv 2405.16351, 2406.13619). */
typedef struct pf_particles_options {
  int64_t rows; /* N: rows that move and rows they move to, 1 to PF_PARTICLES_MAX */
  const char
      *distance; /* what falls: "w1" (every row at unit speed) or "w2" (in proportion to its way; w2^2/2) */
  const char *move; /* "euler", "midpoint", "heun" or "rk4" */
  int64_t steps;    /* K, to 1000000; a plan for every stage of each */
  double step;     /* its length; 0: for w1 .05 of the target rows' RMS distance from their mean, for w2 .1 */
  double decay;    /* step k has length step / (1 + decay k) */
  double sinkhorn; /* 0: exact plans; > 0: Sinkhorn's, regularised by so much of the mean cost */
  uint64_t seed;   /* of the choice of rows, and of the source where none is given */
  const char *trajectory; /* file for every node: NPY, (K + 1) x N x d; NULL: none */
  pf_hooks hooks;
} pf_particles_options;

pf_particles_options pf_particles_options_default(void); /* w1, euler, 50 steps, seed 1; rows must be set */

typedef struct pf_particles {
  pf_table *moved;         /* N rows, the target's column names */
  int64_t steps;           /* K */
  double step;             /* as used */
  double *time, *distance; /* K + 1: sum of the steps so far, plan's distance to the target rows */
  double floor;            /* the same of the target rows and N others of the target; NaN: fewer than 2 N */
} pf_particles;

/* Moves N rows of `source` (NULL: N(0, I)) towards N rows of `target`. Both have equally many columns, matched by name
 * where the names are the same, else by position; of more rows than N a random N are taken, in their order. *out is
 * filled on success; empty it with pf_particles_clear. PF_USAGE: an option out of range; PF_BAD_INPUT: numbers of columns
 * differ, or fewer than N rows; PF_FAILED: a Sinkhorn plan did not come near its marginals; PF_NON_FINITE: steps so
 * large that rows overflow; PF_STOPPED. A trajectory file appears whole or not at all. */
pf_status pf_particles_run(const pf_table *source, const pf_table *target,
                           const pf_particles_options *options, pf_particles *out, pf_error *error);
void pf_particles_clear(pf_particles *particles); /* accepts NULL and {0} */

/* ---- verification ---------------------------------------------------------------------------------- */

typedef struct pf_check {
  char name[64];
  double value, expected, tolerance;
  bool holds;
} pf_check;

typedef struct pf_verification {
  int count;
  pf_check *checks; /* owned: pf_verification_free */
} pf_verification;

/* Measures the theory's checkable claims for a method. PF_OK also when a check does not hold: look at the
 * checks. */
pf_status pf_verify(const char *method, uint64_t seed, int threads, const pf_hooks *hooks,
                    pf_verification *out, pf_error *error);
void pf_verification_free(pf_verification *verification);

#include "pushforward_study.h" /* the long experiments behind it */

/* ---- report ---------------------------------------------------------------------------------------- */

enum { PF_REPORT_BESIDE = 5 };

typedef struct pf_report_options {
  const char *title;   /* NULL: made from the model */
  const char *command; /* the command that made the page, shown on it; may be NULL */
  /* Other models, n_beside of them and at most PF_REPORT_BESIDE, none NULL: their training curves are drawn into the charts of
   * the model's own curves of the same names, told apart by method and settings, or by name where those are the same. */
  const pf_model *const *beside;
  const char *const *beside_names; /* n_beside file names, or NULL */
  int n_beside;
  /* Rows are grey pictures of this size, row by row from the top; 0: they are not. PF_USAGE unless the product is the number of
   * columns. */
  int picture_width, picture_height;
  pf_evaluate_options evaluate;
} pf_report_options;

/* Writes one self-contained HTML page. real/law as for pf_evaluate. PF_USAGE for models beside it that are NULL or too many. */
pf_status pf_report(const pf_model *model, const pf_table *real, const char *law,
                    const pf_report_options *options, const char *path, pf_error *error);

/* ---- library --------------------------------------------------------------------------------------- */

const char *pf_version(void); /* "0.1.0" */
/* sizeof a struct by name, "pf_train_options", for a host that lays it out itself: another number says that this library has
 * other fields. Structs a caller fills: pf_error, pf_progress, pf_hooks, pf_option_entry and every pf_*_options; 0 for others. */
size_t pf_struct_size(const char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
