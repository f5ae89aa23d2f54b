/* What jko, otflow and cnf read from the options alike: see flow.h. */
#include <string.h>
#include "../base/text.h"
#include "flow.h"

static pf_status choose_network(const pf_train_options *o, pf_field *field, pf_error *error) {
  pf_network_config *n = &field->network;
  pf_potential_config *p = &field->potential;
  bool potential = field->kind == PF_FIELD_POTENTIAL;
  PF_TRY(pf_option_choose_int("width", pf_option_unset(o->width), 1, 8192, potential ? &p->width : &n->width,
                              error));
  PF_TRY(pf_option_choose_int("depth", pf_option_unset(o->depth), 1, 64, potential ? &p->layers : &n->depth,
                              error));
  if (o->residual) n->residual = true;
  return o->activation ? pf_activation_find(o->activation, &n->activation, error) : PF_OK;
}

static pf_status choose_weights(const pf_train_options *o, pf_flow_settings *s, pf_error *error) {
  PF_TRY(pf_option_choose("alpha", o->alpha, 1e-9, 1e9, &s->likelihood, error));
  PF_TRY(pf_option_choose("hjb", o->hjb, 0, 1e9, &s->hjb, error));
  PF_TRY(pf_option_choose("kinetic", o->kinetic, 0, 1e9, &s->kinetic, error));
  PF_TRY(pf_option_choose("jitter", o->jitter, 0, 1, &s->jitter, error));
  s->steer = o->steer;
  return pf_option_check("steer", s->steer, 0, 0.99, error);
}

static pf_status choose_rates(const pf_train_options *o, pf_flow_settings *s, pf_error *error) {
  if (o->learning_rate != 0) s->learning_rate = o->learning_rate;
  PF_TRY(pf_option_check("learning-rate", s->learning_rate, 1e-9, 10, error));
  if (o->ema != 0) s->ema = o->ema;
  PF_TRY(pf_option_check("ema", s->ema, 0, 0.999999, error));
  s->weight_decay = o->weight_decay;
  PF_TRY(pf_option_check("weight-decay", s->weight_decay, 0, 10, error));
  PF_TRY(pf_option_choose("clip", o->clip == -1 ? PF_METHOD_DEFAULT : o->clip, 0, 1e9, &s->clip, error));
  PF_TRY(pf_option_choose("clamp", o->clamp, 0, 1e9, &s->clamp, error));
  return pf_option_choose_int("patience", o->patience, 0, 1000000, &s->patience, error);
}

static pf_status choose_gradient(const pf_train_options *o, pf_flow_settings *s, pf_error *error) {
  static const char *const names[] = {"steps", "adjoint"};
  if (!o->gradient || strcmp(o->gradient, names[0]) == 0) return PF_OK;
  if (strcmp(o->gradient, names[1]) != 0) return pf_fail_unknown(error, "gradient", o->gradient, names, 2);
  if (o->jitter == PF_METHOD_DEFAULT)
    s->jitter = 0; /* the points of the interpolation are the same for all rows */
  s->adjoint = true;
  if (s->jitter > 0 || s->steer > 0)
    return pf_fail(error, PF_USAGE, "gradient is 'adjoint', but jitter is %g and steer %g: both must be 0",
                   s->jitter, s->steer);
  return pf_option_check("ode-steps with gradient 'adjoint'", s->steps, 1, PF_ADJOINT_STEPS, error);
}

/* Likelihoods are sums of many small differences: no flow is trained, nor labelled, in less than single precision. */
static pf_status check_precision(const pf_train_options *o, pf_error *error) {
  pf_precision precision = PF_PRECISION_F32;
  if (o->precision) PF_TRY(pf_precision_find(o->precision, &precision, error));
  if (precision == PF_PRECISION_F32) return PF_OK;
  return pf_fail(error, PF_USAGE, "precision is '%s', but method '%s' trains in f32", o->precision,
                 o->method);
}

pf_status pf_flow_options(const pf_train_options *o, pf_flow_settings *s, pf_error *error) {
  PF_TRY(pf_option_check("seed", (double)o->seed, 0, 9e15, error));
  PF_TRY(pf_option_check("budget", o->budget, 0, 1e9, error));
  PF_TRY(pf_option_check("curve-points", (double)o->curve_points, 0, 50, error));
  PF_TRY(check_precision(o, error));
  PF_TRY(choose_network(o, &s->field, error));
  if (o->divergence) PF_TRY(pf_divergence_find(o->divergence, &s->divergence, error));
  int trained = s->steps, tested = s->valid_steps;
  PF_TRY(pf_option_choose_int("ode-steps", o->ode_steps, 1, PF_CNF_STEPS, &s->steps, error));
  if (s->steps != trained) s->valid_steps = 2 * s->steps < PF_CNF_STEPS ? 2 * s->steps : tested;
  PF_TRY(pf_option_choose_int("test-ode-steps", o->test_ode_steps, 1, PF_CNF_STEPS, &s->valid_steps, error));
  PF_TRY(pf_option_choose_int("batch", pf_option_unset(o->batch), 1, 1 << 20, &s->batch, error));
  PF_TRY(choose_weights(o, s, error));
  PF_TRY(choose_gradient(o, s, error));
  PF_TRY(choose_rates(o, s, error));
  return pf_field_check(&s->field, error);
}
