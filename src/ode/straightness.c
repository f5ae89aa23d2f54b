/* How far paths are from straight lines of constant speed (contract: solver.h). */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "solver.h"

/* The second run over the same paths: the chord is known, the speed is compared with it at every node. */
typedef struct comparison {
  const pf_ode_system *velocity;
  const double *start, *end;
  double *v; /* n x d */
  double span;
  int steps;
  double sum; /* Simpson's, over the rows */
} comparison;

static pf_status compare_speed(void *context, int k, double t, const double *x, pf_error *error) {
  comparison *c = context;
  const pf_ode_system *f = c->velocity;
  double weight = (k == 0 || k == c->steps ? 1 : k % 2 ? 4 : 2) / (3.0 * c->steps), square = 0;
  PF_TRY(f->field(f->context, t, x, f->n, c->v, error));
  for (int64_t e = 0; e < f->n * f->d; e++) {
    double rest = c->end[e] - c->start[e] - c->span * c->v[e];
    square += rest * rest;
  }
  c->sum += weight * square;
  return PF_OK;
}

pf_status pf_solve_straightness(const pf_ode_system *velocity, pf_ode_grid grid, const double *x, double *out,
                                pf_error *error) {
  size_t size = (size_t)velocity->n * (size_t)velocity->d;
  double *memory = NULL, chord = 0;
  if (grid.steps < 2 || grid.steps % 2)
    return pf_fail(error, PF_USAGE, "straightness: %d steps, must be an even number", grid.steps);
  PF_TRY(pf_alloc(3 * size, sizeof *memory, &memory, error));
  double *end = memory, *again = memory + size;
  comparison c = {.velocity = velocity, .start = x, .end = end, .v = memory + 2 * size, .steps = grid.steps};
  pf_ode_options observe = {.observe = compare_speed, .observe_context = &c};
  c.span = grid.t[grid.steps] - grid.t[0];
  memcpy(end, x, size * sizeof *x);
  memcpy(again, x, size * sizeof *x);
  pf_status status = pf_ode_fixed(PF_ODE_RK4, velocity, grid, end, NULL, error);
  if (status == PF_OK) status = pf_ode_fixed(PF_ODE_RK4, velocity, grid, again, &observe, error);
  for (size_t e = 0; e < size && status == PF_OK; e++) chord += (end[e] - x[e]) * (end[e] - x[e]);
  if (status == PF_OK) *out = chord > 0 ? c.sum / chord : (double)NAN;
  pf_free(memory);
  return status;
}
