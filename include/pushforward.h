/* pushforward: generative models that sample in one network evaluation.
 *
 * The one public header. Sections stand in the order of the library's layers.
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

/* ---- status ---------------------------------------------------------------------------------- */

/* name, exit code of the command, what it means */
#define PF_STATUS_TABLE(X)                                                                         \
  X(OK, 0, "success")                                                                              \
  X(FAILED, 1, "the operation failed")                                                             \
  X(NO_MEMORY, 1, "out of memory")                                                                 \
  X(IO, 1, "reading or writing failed")                                                            \
  X(NON_FINITE, 1, "a computed value is NaN or infinite")                                          \
  X(USAGE, 2, "an option or argument is wrong")                                                    \
  X(BAD_INPUT, 3, "the data or the model file is not usable")                                      \
  X(GATE, 4, "a quality check does not hold")                                                      \
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
  const char *stage;    /* what is being done, for example "velocity" */
  int64_t done, total;  /* units of work in this stage; total 0 when unknown */
  double loss;          /* latest training loss, NaN when there is none */
  double seconds;       /* wall time since the stage began */
  double eta_seconds;   /* estimated wall time to the end of the whole call, NaN when unknown */
} pf_progress;

/* All callbacks are optional and are called from the calling thread only. `stop` is polled between
 * steps; when it returns true the call saves what it can and returns PF_STOPPED. */
typedef struct pf_hooks {
  void *context;
  void (*log)(void *context, pf_log_level level, const char *message);
  void (*progress)(void *context, const pf_progress *progress);
  bool (*stop)(void *context);
} pf_hooks;

#ifdef __cplusplus
}
#endif
#endif
