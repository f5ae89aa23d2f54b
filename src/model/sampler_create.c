/* Making a sampler: which map or integrator, how many steps, and everything about them that does not depend on the sample. */
#include <float.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "sampler_internal.h"

enum { MOST_STEPS = 1000000, VELOCITY_STEPS = 100 };
enum { DIGITS = 5, MOST_DIGITS = 6 }; /* of dopri5's tolerance: the network's values have 7 */

pf_sampler_options pf_sampler_options_default(void) { return (pf_sampler_options){.steps = 0}; }

bool pf_model_takes_steps(const struct pf_model *model) {
  return model->generator && !pf_time_map_is_plain(pf_learned_map_of(model->generator));
}

int64_t pf_model_default_steps(const struct pf_model *model, bool teacher) {
  if (model->generator && !teacher) return 1;
  return model->flow && !model->velocity ? pf_cnf_config_of(model->flow)->steps : VELOCITY_STEPS;
}

static pf_status choose_flow(const pf_cnf *flow, pf_sampler *sampler, bool solver, pf_precision precision,
                             pf_error *error) {
  if (precision != PF_PRECISION_F32)
    return pf_fail(error, PF_USAGE, "precision is '%s', but a flow's steps are f32",
                   pf_precision_name(precision));
  if (sampler->steps > PF_CNF_STEPS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d for each block of a flow",
                   (long long)sampler->steps, PF_CNF_STEPS);
  sampler->flow = flow;
  sampler->move = (pf_cnf_move){.steps = (int)sampler->steps, .solver = solver ? &sampler->how : NULL};
  return PF_OK;
}

/* ---- which solver ---- */

/* "solver 'x' needs a <what>, ..., valid: those that do not". */
static pf_status refuse_solver(const struct pf_model *model, pf_solver solver, pf_error *error) {
  const json_t *method = json_object_get(model->facts, "method");
  const char *name = pf_solver_facts_of(solver)->name;
  const char *method_name = json_is_string(method) ? json_string_value(method) : "unknown";
  if (!model->velocity && !model->flow)
    return pf_fail(
        error, PF_USAGE,
        "solver '%s' needs a velocity, but this model, of method '%s', is a map alone; no solver is "
        "valid for it",
        name, method_name);
  pf_text valid = {0};
  for (int i = 0; i < PF_SOLVER_COUNT; i++)
    if (!pf_solver_needs_denoiser((pf_solver)i))
      pf_text_add(&valid, "%s%s", valid.length ? ", " : "", pf_solver_facts_of((pf_solver)i)->name);
  pf_status status = valid.status != PF_OK ? pf_fail(error, PF_NO_MEMORY, "out of memory")
                                           : pf_fail(error, PF_USAGE,
                                                     "solver '%s' needs a denoiser, but this model, of "
                                                     "method '%s', has a velocity alone; valid: %s",
                                                     name, method_name, valid.data);
  pf_text_free(&valid);
  return status;
}

static pf_status choose_solver(const struct pf_model *model, const pf_sampler_options *options,
                               pf_sampler *sampler, pf_error *error) {
  pf_solver solver = PF_SOLVER_EULER;
  if (options->solver) PF_TRY(pf_solver_find(options->solver, &solver, error));
  sampler->how = (pf_solver_options){.solver = solver, .seed = options->solver_seed, .noise = FLT_EPSILON};
  if (!options->solver) return PF_OK;
  if (!model->velocity && (!model->flow || pf_solver_needs_denoiser(solver)))
    return refuse_solver(model, solver, error);
  if (solver != PF_SOLVER_DOPRI5) return PF_OK;
  if (options->steps > MOST_DIGITS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d: the digits of dopri5's tolerance",
                   (long long)options->steps, MOST_DIGITS);
  sampler->steps = options->steps > 0 ? options->steps : DIGITS;
  return PF_OK;
}

static pf_status choose_map(const struct pf_model *model, const pf_sampler_options *options,
                            pf_sampler *sampler, pf_error *error) {
  if (options->steps < 0 || options->steps > MOST_STEPS)
    return pf_fail(error, PF_USAGE, "steps is %lld, must be 1 to %d", (long long)options->steps, MOST_STEPS);
  bool integrates = options->teacher || options->solver || !model->generator;
  sampler->steps = options->steps > 0 ? options->steps : pf_model_default_steps(model, integrates);
  PF_TRY(choose_solver(model, options, sampler, error));
  pf_precision precision = PF_PRECISION_F32;
  if (options->precision) PF_TRY(pf_precision_find(options->precision, &precision, error));
  if (integrates && !model->velocity && model->flow)
    return choose_flow(model->flow, sampler, options->solver, precision, error);
  if (!integrates && sampler->steps > 1 && !pf_model_takes_steps(model))
    return pf_fail(error, PF_USAGE,
                   "steps is %lld, must be 1: this model's generator is a map of the noise alone",
                   (long long)sampler->steps);
  sampler->integrates = integrates;
  sampler->map = integrates ? model->velocity : model->generator;
  if (!sampler->map) return pf_fail(error, PF_USAGE, "this model keeps no velocity to integrate");
  if (precision == PF_PRECISION_F32) return PF_OK;
  sampler->how.noise = 1. / 256; /* of bfloat16 */
  PF_TRY(pf_learned_create_in(sampler->map, precision, &sampler->narrow, error));
  sampler->map = sampler->narrow;
  return PF_OK;
}

static void fill_grid(pf_sampler *sampler) {
  double start = sampler->model->start, end = sampler->model->end;
  if (sampler->integrates) {
    pf_ode_uniform_grid(start, end, (int)sampler->steps, sampler->grid);
    return;
  }
  for (int64_t k = 0; k < sampler->steps; k++)
    sampler->grid[k] = start + (end - start) * (double)k / (double)sampler->steps;
  sampler->grid[sampler->steps] = end;
}

/* The times that the solver asks for, in its order: those of a run over a field of zeros. */
typedef struct times {
  double *t;
  int64_t count;
  int d;
} times;

static pf_status note_time(void *context, double t, const double *x, int64_t n, double *v, pf_error *error) {
  times *seen = context;
  int64_t d = seen->d;
  (void)x;
  (void)error;
  seen->t[seen->count++] = t;
  for (int64_t i = 0; i < n * d; i++) v[i] = 0;
  return PF_OK;
}

static pf_status list_times(const pf_sampler *sampler, double *t, pf_error *error) {
  int d = sampler->model->columns;
  double *x = NULL;
  times seen = {.t = t, .d = d};
  pf_ode_system system = {.field = note_time, .context = &seen, .n = 1, .d = d};
  pf_solver_options how = sampler->how;
  how.denoiser = note_time;
  how.denoiser_context = &seen;
  PF_TRY(pf_alloc((size_t)d, sizeof *x, &x, error));
  pf_status status =
      pf_solve(&how, &system, (pf_ode_grid){sampler->grid, (int)sampler->steps}, x, NULL, error);
  pf_free(x);
  return status;
}

static pf_status prepare_velocity(pf_sampler *sampler, pf_error *error) {
  double *t = NULL;
  if (sampler->evaluations == 0) return PF_OK; /* term by term, as it goes */
  PF_TRY(pf_alloc((size_t)sampler->evaluations, sizeof *t, &t, error));
  pf_status status = list_times(sampler, t, error);
  for (int64_t k = 0; k < sampler->evaluations && status == PF_OK; k++)
    status = pf_learned_velocity_terms(sampler->map, t[k], sampler->terms + (size_t)k * sampler->term_count,
                                       error);
  pf_free(t);
  return status;
}

static pf_status prepare_steps(pf_sampler *sampler, pf_error *error) {
  if (sampler->flow) return PF_OK; /* its times are few and known */
  sampler->term_count = pf_learned_term_count(sampler->map);
  PF_TRY(pf_alloc((size_t)sampler->steps + 1, sizeof(double), &sampler->grid, error));
  sampler->evaluations = sampler->steps;
  if (sampler->integrates) {
    sampler->how.rule =
        (pf_ode_exponential_rule){pf_interpolant_coefficients, &pf_learned_map_of(sampler->map)->interpolant};
    sampler->evaluations =
        pf_solver_evaluations(sampler->how.solver, sampler->model->columns, sampler->steps);
  }
  PF_TRY(pf_alloc((size_t)sampler->evaluations + 1, sampler->term_count * sizeof(float), &sampler->terms,
                  error));
  fill_grid(sampler);
  if (sampler->integrates) return prepare_velocity(sampler, error);
  for (int64_t k = 0; k < sampler->steps; k++) {
    float *terms = sampler->terms + (size_t)k * sampler->term_count;
    double t = sampler->grid[k], s = sampler->grid[k + 1];
    PF_TRY(pf_learned_move_terms(sampler->map, t, s, terms, error));
  }
  return PF_OK;
}

pf_status pf_sampler_create(const struct pf_model *model, const pf_sampler_options *options, pf_sampler **out,
                            pf_error *error) {
  const pf_sampler_options defaults = pf_sampler_options_default();
  pf_sampler *sampler = NULL;
  if (!model || !out) return pf_fail(error, PF_USAGE, "a sampler needs a model and a place to put it");
  PF_TRY(pf_model_check_source(model, error)); /* conditions may come with the caller's own noise */
  PF_TRY(pf_alloc(1, sizeof *sampler, &sampler, error));
  sampler->model = model;
  pf_status status = choose_map(model, options ? options : &defaults, sampler, error);
  if (status == PF_OK) status = prepare_steps(sampler, error);
  if (status != PF_OK) {
    pf_sampler_free(sampler);
    return status;
  }
  pf_sampler_lay_out(sampler);
  *out = sampler;
  return PF_OK;
}

void pf_sampler_free(pf_sampler *sampler) {
  if (!sampler) return;
  pf_learned_free(sampler->narrow);
  pf_free(sampler->terms);
  pf_free(sampler->grid);
  pf_free(sampler);
}
