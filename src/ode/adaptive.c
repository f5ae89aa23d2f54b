/* Adaptive Dormand-Prince 5(4) through SUNDIALS ARKODE (contract: ode.h).
 *
 * Every tile of rows is its own system with its own step sizes, so a result depends on the tile a row stands in and on
 * nothing else: not on chunks, not on threads.
 */
#include <arkode/arkode_arkstep.h>
#include <math.h>
#include <nvector/nvector_serial.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "ode.h"

_Static_assert(sizeof(realtype) == sizeof(double), "SUNDIALS must be built in double precision");

pf_ode_adaptive_options pf_ode_adaptive_default(void) {
  return (pf_ode_adaptive_options){.rtol = 1e-6, .atol = 1e-8, .tile_rows = 256, .max_steps = 100000};
}

typedef struct tile {
  const pf_ode_system *system;
  int64_t first, rows;
  pf_ode_adaptive_result result;
  pf_status status; /* of the field */
  pf_error *error;
} tile;

/* ARKODE's right-hand side; -1 is "give up", and tile->status says why. */
static int right_hand_side(realtype t, N_Vector y, N_Vector ydot, void *user) {
  tile *a = user;
  const double *x = N_VGetArrayPointer(y);
  double *v = N_VGetArrayPointer(ydot);
  const pf_ode_system *system = a->system;
  a->result.evaluations++;
  a->status = system->field(system->context, t, x, a->rows, v, a->error);
  for (int64_t i = 0; a->status == PF_OK && i < a->rows * system->d; i++)
    if (PF_CANARY(ADAPTIVE_NAN, !isfinite(v[i]), false))
      a->status = pf_fail(a->error, PF_NON_FINITE, "ode: the field of row %lld, column %d is %g at t=%g",
                          (long long)(a->first + i / system->d), (int)(i % system->d), v[i], t);
  return a->status == PF_OK ? 0 : -1;
}

/* ARKODE prints by default; what it says is turned into a status by the caller. */
static void keep_quiet(int code, const char *module, const char *function, char *message, void *context) {
  (void)code;
  (void)module;
  (void)function;
  (void)message;
  (void)context;
}

static pf_status configure(void *solver, const pf_ode_adaptive_options *options, tile *a, double end) {
  int bad = ARKStepSetErrHandlerFn(solver, keep_quiet, NULL) | ARKStepSetUserData(solver, a) |
            ARKStepSStolerances(solver, options->rtol, options->atol) |
            ARKStepSetTableNum(solver, ARKODE_DIRK_NONE, ARKODE_DORMAND_PRINCE_7_4_5) |
            ARKStepSetMaxNumSteps(solver, (long)options->max_steps) | ARKStepSetStopTime(solver, end);
  return bad ? PF_FAILED : PF_OK;
}

static pf_status explain(int flag, double t, const pf_ode_adaptive_options *options, const tile *a) {
  if (a->status != PF_OK) return a->status; /* the field's own message stands */
  const char *why = flag == ARK_TOO_MUCH_WORK                          ? "the step limit is reached"
                    : flag == ARK_ERR_FAILURE || flag == ARK_TOO_CLOSE ? "the smallest step is reached"
                    : flag == ARK_TOO_MUCH_ACC                         ? "the tolerances are below rounding"
                    : flag == ARK_MEM_FAIL || flag == ARK_VECTOROP_ERR ? "out of memory in the solver"
                                                                       : "the solver stopped";
  return pf_fail(a->error, PF_FAILED,
                 "ode: %s at t=%g in rows %lld..%lld (ARKODE %d, max_steps %lld, rtol %g)", why, t,
                 (long long)a->first, (long long)(a->first + a->rows - 1), flag,
                 (long long)options->max_steps, options->rtol);
}

static pf_status solve_tile(const pf_ode_adaptive_options *options, tile *a, pf_ode_span span, double *x,
                            SUNContext context) {
  N_Vector y = N_VMake_Serial((sunindextype)(a->rows * a->system->d), x, context);
  if (!y) return pf_fail(a->error, PF_NO_MEMORY, "ode: out of memory in the solver");
  void *solver = ARKStepCreate(right_hand_side, NULL, span.t0, y, context);
  pf_status status = PF_OK;
  if (!solver)
    status = pf_fail(a->error, PF_NO_MEMORY, "ode: out of memory in the solver");
  else if (configure(solver, options, a, span.t1) != PF_OK)
    status = pf_fail(a->error, PF_FAILED, "ode: the solver refused rtol %g, atol %g", options->rtol,
                     options->atol);
  if (status == PF_OK) {
    double t = span.t0;
    int flag = ARKStepEvolve(solver, span.t1, y, &t, ARK_NORMAL);
    long steps = 0;
    ARKStepGetNumSteps(solver, &steps);
    a->result.steps += steps;
    if (flag < 0) {
      ARKStepGetCurrentTime(solver, &t);
      status = explain(flag, t, options, a);
    }
  }
  ARKStepFree(&solver);
  N_VDestroy(y);
  return status;
}

static pf_status check(const pf_ode_adaptive_options *o, const pf_ode_system *system, pf_ode_span span,
                       pf_error *error) {
  if (!(o->rtol > 0 && o->rtol < 1 && o->atol > 0 && o->atol < INFINITY))
    return pf_fail(error, PF_USAGE, "ode: rtol %g, atol %g, both must be positive and rtol below 1", o->rtol,
                   o->atol);
  if (o->tile_rows < 1 || o->max_steps < 1)
    return pf_fail(error, PF_USAGE, "ode: tile_rows %lld, max_steps %lld, both must be positive",
                   (long long)o->tile_rows, (long long)o->max_steps);
  if (!isfinite(span.t0) || !isfinite(span.t1))
    return pf_fail(error, PF_USAGE, "ode: the time span is %g to %g", span.t0, span.t1);
  if (system->n < 0 || system->d < 1)
    return pf_fail(error, PF_USAGE, "ode: %lld rows of %d columns", (long long)system->n, system->d);
  return PF_OK;
}

static pf_status check_finite(const double *x, const pf_ode_system *system, double t, pf_error *error) {
  for (int64_t i = 0; i < system->n * system->d; i++)
    if (!isfinite(x[i]))
      return pf_fail(error, PF_NON_FINITE, "ode: row %lld, column %d is %g at t=%g",
                     (long long)(i / system->d), (int)(i % system->d), x[i], t);
  return PF_OK;
}

pf_status pf_ode_adaptive(const pf_ode_adaptive_options *options, const pf_ode_system *system,
                          pf_ode_span span, double *x, pf_ode_adaptive_result *result, pf_error *error) {
  PF_TRY(check(options, system, span, error));
  PF_TRY(check_finite(x, system, span.t0, error));
  size_t size = (size_t)system->n * (size_t)system->d;
  double *state = NULL;
  SUNContext context = NULL;
  tile a = {.system = system, .error = error};
  pf_status status = PF_OK;
  PF_TRY_GOTO(pf_alloc(size, sizeof *state, &state, error));
  memcpy(state, x, size * sizeof *x);
  if (SUNContext_Create(NULL, &context) != 0)
    PF_TRY_GOTO(pf_fail(error, PF_NO_MEMORY, "ode: out of memory in the solver"));
  for (int64_t first = 0; first < system->n && span.t0 != span.t1; first += options->tile_rows) {
    a.first = first;
    a.rows = system->n - first < options->tile_rows ? system->n - first : options->tile_rows;
    PF_TRY_GOTO(solve_tile(options, &a, span, state + first * system->d, context));
  }
  PF_TRY_GOTO(check_finite(state, system, span.t1, error));
  memcpy(x, state, size * sizeof *x);
  if (result) *result = a.result;
cleanup:
  if (context) SUNContext_Free(&context);
  pf_free(state);
  return status;
}
