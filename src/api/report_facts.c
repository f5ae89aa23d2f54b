/* The report's words: title, what the model is, how to make it again. Facts come from a file: none is trusted to be there. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "../flow/interpolant.h"
#include "report_work.h"

const char *pf_report_fact_text(const pf_model *model, const char *key) {
  return json_string_value(json_object_get(model->facts, key));
}

int64_t pf_report_fact_integer(const pf_model *model, const char *key, int64_t otherwise) {
  const json_t *value = json_object_get(model->facts, key);
  return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void add_fact(pf_report_work *w, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_fact(pf_report_work *w, const char *key, const char *format, ...) {
  size_t i = w->input.fact_count;
  if (i == PF_REPORT_FACTS) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(w->fact_values[i], PF_REPORT_FACT_BYTES, format, arguments);
  va_end(arguments);
  w->facts[i] = (pf_report_fact){key, w->fact_values[i]};
  w->input.facts = w->facts;
  w->input.fact_count = i + 1;
}

/* ---- facts ---- */

static void add_method(pf_report_work *w) {
  const char *method = pf_report_fact_text(w->model, "method"), *face = pf_report_fact_text(w->model, "face");
  const char *start = pf_report_fact_text(w->model, "start_states");
  if (method)
    add_fact(w, "method", "%s%s%s%s", method, face ? ", " : "", face ? face : "", face ? " face" : "");
  if (start && face && strcmp(face, "practical") == 0) add_fact(w, "start states", "%s", start);
  const pf_learned *learned = w->model->velocity ? w->model->velocity : w->model->generator;
  if (!learned || w->model->flow) return;                       /* a flow has its own clock */
  if (pf_time_map_is_plain(pf_learned_map_of(learned))) return; /* a plain map has none */
  pf_interpolant kind = pf_learned_map_of(learned)->interpolant;
  add_fact(w, "interpolant", "%s: %s", pf_interpolant_name(kind), pf_interpolant_description(kind));
  if (w->model->start > 0 || w->model->end < 1)
    add_fact(w, "time", "%g to %g", w->model->start, w->model->end);
}

static pf_status add_network(pf_report_work *w, const char *key, const pf_network_config *c,
                             pf_error *error) {
  static const char *const TIMES[] = {"no time", "one time", "two times"};
  pf_layout layout = {0};
  PF_TRY(pf_network_layout(c, &layout, error));
  add_fact(w, key, "MLP %d x %d %s%s%s, %s, %lld parameters", c->depth, c->width,
           pf_activation_label(c->activation), c->residual ? ", residual" : "",
           c->spectral ? ", spectral" : "", TIMES[c->times], (long long)layout.total);
  pf_layout_free(&layout);
  return PF_OK;
}

static pf_status add_map(pf_report_work *w, const char *key, const pf_learned *learned, pf_error *error) {
  return learned ? add_network(w, key, &pf_learned_map_of(learned)->network, error) : PF_OK;
}

static pf_status add_critic(pf_report_work *w, pf_error *error) {
  return w->model->critic ? add_network(w, "critic", pf_critic_config_of(w->model->critic), error) : PF_OK;
}

static pf_status add_flow(pf_report_work *w, pf_error *error) {
  pf_layout layout = {0};
  if (!w->model->flow) return PF_OK;
  const pf_cnf_config *c = pf_cnf_config_of(w->model->flow);
  PF_TRY(pf_field_layout(&c->field, &layout, error));
  long long parameters = (long long)layout.total * c->blocks;
  pf_layout_free(&layout);
  const pf_potential_config *p = &c->field.potential;
  const pf_network_config *n = &c->field.network;
  if (c->field.kind == PF_FIELD_POTENTIAL)
    add_fact(w, "flow", "minus the slope of a potential of width %d, %d residual layer%s, %lld parameters",
             p->width, p->layers, p->layers == 1 ? "" : "s", parameters);
  else
    add_fact(w, "flow", "MLP %d x %d %s, %s, %lld parameters", n->depth, n->width,
             pf_activation_label(n->activation), n->times ? "with time" : "without time", parameters);
  add_fact(w, "integration", "%d block%s of %d Runge-Kutta 4 steps", c->blocks, c->blocks == 1 ? "" : "s",
           c->steps);
  return PF_OK;
}

static double weight(const pf_report_work *w, const char *key) {
  return json_number_value(json_object_get(w->model->facts, key));
}

static void add_loss(pf_report_work *w) {
  const char *divergence = pf_report_fact_text(w->model, "divergence");
  if (!w->model->flow || !json_object_get(w->model->facts, "likelihood_weight")) return;
  add_fact(w, "loss weights", "likelihood %g, transport cost %g, Hamilton-Jacobi-Bellman %g",
           weight(w, "likelihood_weight"), weight(w, "kinetic_weight"), weight(w, "hjb_weight"));
  if (divergence) add_fact(w, "divergence while training", "%s", divergence);
}

static void add_straightness(pf_report_work *w) {
  if (isfinite(w->bend))
    add_fact(w, "straightness", "paths leave their chords by at most %.3g %% of the chords' length",
             100 * w->bend);
}

static void add_training(pf_report_work *w) {
  int64_t steps = pf_report_fact_integer(w->model, "steps", -1);
  int64_t velocity = pf_report_fact_integer(w->model, "velocity_steps", -1);
  int64_t generator = pf_report_fact_integer(w->model, "generator_steps", -1);
  int64_t batch = pf_report_fact_integer(w->model, "batch", -1);
  int64_t paths = pf_report_fact_integer(w->model, "trajectories", -1);
  int64_t nodes = pf_report_fact_integer(w->model, "trajectory_steps", -1);
  double rate = json_number_value(json_object_get(w->model->facts, "learning_rate"));
  if (steps >= 0 && velocity >= 0 && generator >= 0)
    add_fact(w, "training steps", "%lld: velocity %lld, generator %lld", (long long)steps,
             (long long)velocity, (long long)generator);
  else if (steps >= 0)
    add_fact(w, "training steps", "%lld", (long long)steps);
  if (batch >= 0) add_fact(w, "batch", "%lld rows, peak learning rate %g", (long long)batch, rate);
  if (paths >= 0 && nodes >= 0 && generator >= 0)
    add_fact(w, "trajectories", "%lld of %lld steps", (long long)paths, (long long)nodes);
}

static void add_data(pf_report_work *w) {
  const char *source = pf_report_fact_text(w->model, "source");
  int64_t rows = pf_report_fact_integer(w->model, "rows", -1);
  int d = w->model->columns, quantile = 0;
  for (int j = 0; j < d; j++) quantile += pf_encoder_column_kind(w->model->encoder, j) == PF_ENCODER_QUANTILE;
  if (source) add_fact(w, "trained on", "%s", source);
  if (rows >= 0)
    add_fact(w, "training data", "%lld rows, %d column%s", (long long)rows, d, d == 1 ? "" : "s");
  if (quantile == 0 || quantile == d)
    add_fact(w, "column encoder", "%s",
             quantile ? "quantile (to normal scores)" : "standard (mean and spread)");
  else
    add_fact(w, "column encoder", "quantile: %d of %d columns", quantile, d);
}

static void add_origin(pf_report_work *w) {
  const char *version = pf_report_fact_text(w->model, "version");
  const char *cpu = pf_report_fact_text(w->model, "instruction_set");
  int64_t seed = pf_report_fact_integer(w->model, "seed", -1);
  if (seed >= 0) add_fact(w, "seed", "%lld", (long long)seed);
  if (version) add_fact(w, "pushforward", "%s", version);
  if (cpu) add_fact(w, "instruction set", "%s", cpu);
}

static void add_transport(pf_report_work *w) {
  const char *from = pf_report_fact_text(w->model, "from");
  const pf_transport *t = w->set ? &w->set->transport : NULL;
  if (from) add_fact(w, "transported from", "%s", from);
  if (!t || !t->has_source) return;
  add_fact(w, "transport cost",
           "%.4g in encoded units; exact W2^2 of source and data %.4g (floor %.2g), %lld rows", t->cost,
           t->w2, t->floor, (long long)t->rows);
  add_fact(w, "normalised path energy", "%.3g", t->path_energy);
}

/* ---- title ---- */

/* "law:moons" -> "moons", "data/concrete.csv" -> "concrete.csv" */
static void write_title(pf_report_work *w) {
  const char *source = pf_report_fact_text(w->model, "source");
  if (source && strncmp(source, "law:", 4) == 0) source += 4;
  const char *slash = source ? strrchr(source, '/') : NULL;
  if (slash && slash[1]) source = slash + 1;
  if (source && *source)
    snprintf(w->title, sizeof w->title, "%.90s: pushforward report", source);
  else
    snprintf(w->title, sizeof w->title, "pushforward report");
  w->input.title = w->options.title ? w->options.title : w->title;
}

static void write_subtitle(pf_report_work *w) {
  const pf_evaluation *row = w->set ? &w->set->rows[0] : NULL;
  if (row && w->law)
    snprintf(w->subtitle, sizeof w->subtitle,
             "Measured against fresh draws of the law %.80s: %lld rows a side.", pf_law_spec(w->law),
             (long long)row->data_rows);
  else if (row)
    snprintf(w->subtitle, sizeof w->subtitle,
             "Measured against %lld rows of data: %lld a side, in units of each column's spread.",
             (long long)w->real->rows, (long long)row->data_rows);
  else
    snprintf(w->subtitle, sizeof w->subtitle, "Without data to measure against.");
  w->input.subtitle = w->subtitle;
}

/* ---- commands ---- */

/* A budget was turned into a number of steps by calibration: only that number repeats the model. */
static pf_status add_commands(pf_report_work *w, pf_error *error) {
  const char *train = pf_report_fact_text(w->model, "command");
  int64_t steps = pf_report_fact_integer(w->model, "steps", 0);
  size_t count = 0;
  if (train) {
    pf_text_add(&w->train_command, "%s", train);
    if (steps > 0 && !pf_has_option(train, "--steps"))
      pf_text_add(&w->train_command, " --steps %lld", (long long)steps);
    if (w->train_command.status != PF_OK) return pf_fail(error, PF_NO_MEMORY, "out of memory");
    w->commands[count++] = (pf_report_command){"Train the model", w->train_command.data};
  }
  if (w->options.command) w->commands[count++] = (pf_report_command){"Make this page", w->options.command};
  w->input.commands = w->commands;
  w->input.command_count = count;
  return PF_OK;
}

pf_status pf_report_fill_facts(pf_report_work *w, pf_error *error) {
  write_title(w);
  write_subtitle(w);
  add_method(w);
  PF_TRY(add_map(w, "generator", w->model->generator, error));
  PF_TRY(add_map(w, "velocity", w->model->velocity, error));
  PF_TRY(add_critic(w, error));
  PF_TRY(add_flow(w, error));
  add_straightness(w);
  add_training(w);
  add_loss(w);
  add_data(w);
  add_transport(w);
  add_origin(w);
  return add_commands(w, error);
}
