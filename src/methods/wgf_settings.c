/* Settings of Wasserstein gradient flows: names, shared defaults, options. */
#include <math.h>
#include <string.h>
#include "../base/text.h"
#include "wgf.h"

#define PF_X(id, name, text) name,
static const char *const field_names[] = {PF_WGF_FIELDS(PF_X)};
static const char *const constraint_names[] = {PF_WGF_CONSTRAINTS(PF_X)};
static const char *const fit_names[] = {PF_WGF_FITS(PF_X)};
static const char *const rescale_names[] = {PF_WGF_RESCALES(PF_X)};
#undef PF_X

const char *pf_wgf_field_name(pf_wgf_field field) { return field_names[field]; }
const char *pf_wgf_constraint_name(pf_wgf_constraint constraint) { return constraint_names[constraint]; }
const char *pf_wgf_fit_name(pf_wgf_fit fit) { return fit_names[fit]; }
const char *pf_wgf_rescale_name(pf_wgf_rescale rescale) { return rescale_names[rescale]; }

/* ---- defaults ---- */

/* Up to so many columns. The last row has the published rate and bound of clip, the first what its small networks need: there a
 * rate of 1e-4 costs several times the iterations, and weights within 0.01 leave a critic of 64 units flat. */
static const struct {
  int columns, width, depth;
  double rate, clip;
} sizes[] = {
    {3, 64, 3, 1e-3, 0.1}, {31, 128, 3, 5e-4, 0.05}, {200, 256, 3, 2e-4, 0.02}, {65536, 512, 3, 1e-4, 0.01}};

static size_t size_of(int columns) {
  size_t i = 0;
  while (columns > sizes[i].columns) i++;
  return i;
}

double pf_wgf_clip(int columns) { return sizes[size_of(columns)].clip; }

static pf_network_config network(int inputs, int outputs, int width, int depth, pf_activation activation) {
  return (pf_network_config){.inputs = inputs,
                             .outputs = outputs,
                             .width = width,
                             .depth = depth,
                             .frequencies = 2,
                             .max_frequency = 2,
                             .activation = activation};
}

pf_wgf pf_wgf_default(int d) {
  size_t i = size_of(d);
  pf_adam rule = pf_adam_default();
  rule.beta1 = 0.5;
  rule.beta2 = 0.9;
  pf_wgf w = {.generator = network(d, d, sizes[i].width, sizes[i].depth, PF_ACTIVATION_RELU),
              .skip = true,
              .critic = network(d, 1, sizes[i].width, sizes[i].depth, PF_ACTIVATION_LEAKY_RELU),
              .batch = 256,
              .field = PF_WGF_CRITIC,
              .power = 1,
              .epsilon = 0.05,
              .critic_steps = 5,
              .constraint = PF_WGF_CONSTRAINT_LIPSCHITZ,
              .constraint_weight = 10,
              .move = PF_ODE_EULER,
              .step = 0.05 * sqrt(d),
              .persistence = 1,
              .generator_rule = rule,
              .critic_rule = rule,
              .ema = 0.998};
  w.critic.last_gain = 1;
  w.generator_rule.learning_rate = w.critic_rule.learning_rate = sizes[i].rate;
  return w;
}

/* ---- options ---- */

static pf_status choose_networks(const pf_train_options *o, pf_wgf *w, pf_error *error) {
  pf_network_config *g = &w->generator, *c = &w->critic;
  PF_TRY(pf_option_choose_int("width", pf_option_unset(o->width), 1, 8192, &g->width, error));
  PF_TRY(pf_option_choose_int("depth", pf_option_unset(o->depth), 1, 64, &g->depth, error));
  PF_TRY(pf_option_choose_int("width", pf_option_unset(o->width), 1, 8192, &c->width, error));
  PF_TRY(pf_option_choose_int("depth", pf_option_unset(o->depth), 1, 64, &c->depth, error));
  PF_TRY(pf_option_choose_int("critic-width", pf_option_unset(o->critic_width), 1, 8192, &c->width, error));
  PF_TRY(pf_option_choose_int("critic-depth", pf_option_unset(o->critic_depth), 1, 64, &c->depth, error));
  if (o->residual) g->residual = c->residual = true;
  if (o->activation) {
    PF_TRY(pf_activation_find(o->activation, &g->activation, error));
    c->activation = g->activation;
  }
  w->tempered = o->tempered;
  g->times = c->times = w->tempered ? 1 : 0;
  c->spectral = pf_wgf_has_critic(w) && w->constraint == PF_WGF_CONSTRAINT_SPECTRAL;
  return pf_network_config_check(g, error);
}

static pf_status choose_field(const pf_train_options *o, pf_wgf *w, pf_error *error) {
  int field = (int)w->field, constraint = (int)w->constraint, rescale = (int)w->rescale;
  PF_TRY(pf_option_choose_name("field", o->field, field_names, PF_WGF_FIELD_COUNT, &field, error));
  PF_TRY(pf_option_choose_name("constraint", o->constraint, constraint_names, PF_WGF_CONSTRAINT_COUNT,
                               &constraint, error));
  PF_TRY(pf_option_choose_name("rescale", o->rescale, rescale_names, PF_WGF_RESCALE_COUNT, &rescale, error));
  if (constraint == PF_WGF_CONSTRAINT_CLIP && w->constraint != PF_WGF_CONSTRAINT_CLIP)
    w->constraint_weight = pf_wgf_clip(w->generator.inputs);
  w->field = (pf_wgf_field)field;
  w->constraint = (pf_wgf_constraint)constraint;
  w->rescale = (pf_wgf_rescale)rescale;
  PF_TRY(
      pf_option_choose("constraint-weight", o->constraint_weight, 1e-9, 1e9, &w->constraint_weight, error));
  PF_TRY(pf_option_choose("equality", o->equality, 0, 1e9, &w->equality, error));
  PF_TRY(pf_option_choose("field-penalty", o->field_penalty, 0, 1e9, &w->field_penalty, error));
  PF_TRY(pf_option_choose("cumulant", o->cumulant, 0, 0.999, &w->cumulant, error));
  PF_TRY(pf_option_choose("sinkhorn", o->sinkhorn, 1e-4, 1e3, &w->epsilon, error));
  return pf_option_choose_int("critic-steps", o->critic_steps, 1, 1000, &w->critic_steps, error);
}

static pf_status choose_move(const pf_train_options *o, pf_wgf *w, pf_error *error) {
  int fit = (int)w->fit;
  if (o->move) PF_TRY(pf_ode_method_find(o->move, &w->move, error));
  PF_TRY(pf_option_choose("move-size", o->move_size, 1e-9, w->power == 2 ? 1 : 1e6, &w->step, error));
  PF_TRY(pf_option_choose("move-decay", o->move_decay, 0, 1e6, &w->step_decay, error));
  PF_TRY(pf_option_choose_name("fit", o->fit, fit_names, PF_WGF_FIT_COUNT, &fit, error));
  w->fit = (pf_wgf_fit)fit;
  return pf_option_choose_int("persistence", o->persistence, 1, 100000, &w->persistence, error);
}

static pf_status choose_rates(const pf_train_options *o, pf_wgf *w, pf_error *error) {
  pf_adam *g = &w->generator_rule, *c = &w->critic_rule;
  if (o->learning_rate != 0) g->learning_rate = o->learning_rate;
  if (o->critic_rate != 0) c->learning_rate = o->critic_rate;
  PF_TRY(pf_option_check("learning-rate", g->learning_rate, 1e-9, 10, error));
  PF_TRY(pf_option_check("critic-rate", c->learning_rate, 1e-9, 10, error));
  if (o->optimiser) {
    PF_TRY(pf_optimiser_find(o->optimiser, &g->kind, error));
    c->kind = g->kind;
  }
  if (o->ema != 0) w->ema = o->ema;
  PF_TRY(pf_option_check("ema", w->ema, 0, 0.999999, error));
  g->weight_decay = o->weight_decay;
  PF_TRY(pf_option_check("weight-decay", g->weight_decay, 0, 10, error));
  PF_TRY(pf_option_choose("clip", o->clip == -1 ? PF_METHOD_DEFAULT : o->clip, 0, 1e9, &w->clip, error));
  c->clamp = w->constraint == PF_WGF_CONSTRAINT_CLIP ? w->constraint_weight : 0;
  return PF_OK;
}

/* Parts that do not go together are refused, not ignored; so are numbers that nothing would read. */
static pf_status check_numbers(const pf_train_options *o, const pf_wgf *w, pf_error *error) {
  bool weighed = w->field == PF_WGF_DUAL || w->constraint == PF_WGF_CONSTRAINT_CLIP ||
                 w->constraint == PF_WGF_CONSTRAINT_GRADIENT || w->constraint == PF_WGF_CONSTRAINT_LIPSCHITZ;
  const struct {
    const char *option;
    double value;
    bool means_something;
  } numbers[] = {{"sinkhorn", o->sinkhorn, w->field == PF_WGF_SINKHORN},
                 {"equality", o->equality, w->field == PF_WGF_DUAL},
                 {"constraint-weight", o->constraint_weight, pf_wgf_has_critic(w) && weighed}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (numbers[i].value != PF_METHOD_DEFAULT && !numbers[i].means_something)
      return pf_fail(error, PF_USAGE, "%s is %g, but field '%s' with constraint '%s' has no use for it",
                     numbers[i].option, numbers[i].value, field_names[w->field],
                     constraint_names[w->constraint]);
  return PF_OK;
}

static pf_status check_parts(const pf_train_options *o, const pf_wgf *w, pf_error *error) {
  PF_TRY(check_numbers(o, w, error));
  bool critic = w->field == PF_WGF_CRITIC;
  if (!pf_wgf_has_critic(w) && w->fit != PF_WGF_FIT_TARGETS)
    return pf_fail(error, PF_USAGE, "fit is '%s', but field '%s' has no potential to fit to",
                   fit_names[w->fit], field_names[w->field]);
  if (!pf_wgf_has_critic(w) && w->move != PF_ODE_EULER)
    return pf_fail(error, PF_USAGE,
                   "move is '%s', but field '%s' is known at the samples alone: only euler works",
                   pf_tableau_of(w->move)->name, field_names[w->field]);
  if (!pf_wgf_has_critic(w) && (w->tempered || w->field_penalty > 0))
    return pf_fail(error, PF_USAGE,
                   "field '%s' has no network: tempered and field-penalty mean nothing there",
                   field_names[w->field]);
  if (w->cumulant > 0 && !critic)
    return pf_fail(error, PF_USAGE, "cumulant is %g, but field '%s' has a loss of its own", w->cumulant,
                   field_names[w->field]);
  if (o->rescale && w->field != PF_WGF_RATIO)
    return pf_fail(error, PF_USAGE, "rescale is '%s', but field '%s' has no density ratio", o->rescale,
                   field_names[w->field]);
  if (o->constraint && !critic && w->field != PF_WGF_RATIO)
    return pf_fail(error, PF_USAGE, "constraint is '%s', but field '%s' takes none", o->constraint,
                   field_names[w->field]);
  return PF_OK;
}

static pf_status choose_precision(const pf_train_options *o, pf_wgf *w, pf_error *error) {
  /* second derivatives and a potential's slope are differences of close numbers: bfloat16 only on request */
  bool automatic = !o->precision || strcmp(o->precision, "auto") == 0;
  w->precision = PF_PRECISION_F32;
  return automatic ? PF_OK : pf_precision_find(o->precision, &w->precision, error);
}

pf_status pf_wgf_options(const pf_train_options *o, pf_wgf *w, pf_error *error) {
  PF_TRY(pf_option_check("seed", (double)o->seed, 0, 9e15, error));
  PF_TRY(pf_option_check("budget", o->budget, 0, 1e9, error));
  PF_TRY(pf_option_check("steps", (double)o->steps, 0, 1e12, error));
  PF_TRY(pf_option_check("curve-points", (double)o->curve_points, 0, 500, error));
  PF_TRY(pf_option_choose_int("batch", pf_option_unset(o->batch), 2, 8192, &w->batch, error));
  PF_TRY(choose_field(o, w, error));
  PF_TRY(choose_networks(o, w, error));
  PF_TRY(choose_move(o, w, error));
  PF_TRY(choose_rates(o, w, error));
  PF_TRY(choose_precision(o, w, error));
  return check_parts(o, w, error);
}
