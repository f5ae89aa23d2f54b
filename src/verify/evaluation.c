/* Measuring a model: see evaluation.h.
 *
 * A row of the result is one generator of samples: the model with some number of steps, the integrated velocity, or a baseline
 * that is fitted to data. For a law every pair is fresh on both sides. For a table the pairs are random subsets of the
 * held-out rows, in units of the columns' spread, and the energy distance is also held against 200 random re-divisions of real
 * rows.
 */
#include "evaluation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "../metrics/student.h"
#include "../metrics/baseline.h"
#include "../metrics/floor.h"
#include "../metrics/scale.h"
#include "../metrics/splits.h"
#include "../train/two_sample_network.h"
#include "conditional.h"
#include "coverage.h"
#include "decomposition.h"
#include "likelihood.h"
#include "transport.h"

enum {
  LAW_ROWS = 2000,
  LAW_PAIRS = 30,
  TABLE_PAIRS = 10,
  SPLITS = 200,
  BASELINE_ROWS = 20000,
  TEACHER_STEPS = 100,
  DECOMPOSITION_ROWS = 4096,
  NETWORK_PAIRS = 3
};

static const double NORMAL_95 = 1.6448536269514722; /* one-sided, in standard errors */

/* Seeds of the evaluation's own draws never meet those of a training with the same number. */
static const uint64_t SEED_OFFSET = 0x5eed00000000u;

typedef struct session {
  const struct pf_model *model;
  const pf_reference *reference;
  pf_evaluate_options options;
  pf_pool *pool;
  uint64_t seed;
  int64_t steps; /* of the main row */
  bool teacher;  /* the main row integrates */
  int d, pairs;
  size_t n;              /* rows per sample */
  pf_column_scale scale; /* of tables */
  double *held, *train;  /* scaled rows of tables */
  size_t held_rows, train_rows;
  double
      *network_floor; /* of the first NETWORK_PAIRS pairs, NaN until measured: the same for every subject */
} session;

/* One row of the result: who makes the samples. */
typedef struct subject {
  const session *s;
  const char *name;
  int64_t steps;
  bool teacher;
  const pf_baseline *baseline; /* NULL: the model */
  int pairs;
} subject;

/* n samples of the subject, in the data's units. */
static pf_status draw_subject(const subject *q, int64_t first, int64_t n, double *out, pf_error *error) {
  if (q->baseline) return pf_baseline_sample(q->baseline, q->s->seed, (uint64_t)first, (size_t)n, out, error);
  pf_draw draw = {.steps = q->steps, .teacher = q->teacher, .seed = q->s->seed, .pool = q->s->pool};
  return pf_model_draw(q->s->model, &draw, (pf_rows){first, n}, out, error);
}

/* ---- laws: every pair fresh ---- */

static pf_status draw_law_real(void *context, int pair, int which, double *out, pf_error *error) {
  const subject *q = context;
  (void)error;
  pf_law_sample(q->s->reference->law, q->s->seed, (uint64_t)(2 * pair + which) * q->s->n, (int64_t)q->s->n,
                out);
  return PF_OK;
}

static pf_status draw_law_model(void *context, int pair, double *out, pf_error *error) {
  const subject *q = context;
  return draw_subject(q, (int64_t)pair * (int64_t)q->s->n, (int64_t)q->s->n, out, error);
}

/* ---- one row ---- */

static const pf_metric_id metrics[] = {PF_METRIC_W2,     PF_METRIC_W1,   PF_METRIC_SLICED_W2,
                                       PF_METRIC_ENERGY, PF_METRIC_MMD2, PF_METRIC_KS_MEAN,
                                       PF_METRIC_KNN_AUC};
enum { METRICS = sizeof metrics / sizeof *metrics };

static void add_metric(pf_evaluation *row, const char *name, const pf_metric_result *r) {
  if (row->n_metrics == PF_EVALUATION_METRICS) return;
  pf_metric *m = &row->metrics[row->n_metrics++];
  *m = (pf_metric){.value = r->value,
                   .floor = r->floor,
                   .floor_q95 = r->floor_q95,
                   .excess = r->excess,
                   .excess_hi95 = r->excess_hi95,
                   .pairs = r->pairs};
  snprintf(m->name, sizeof m->name, "%.31s", name);
}

/* Whether the options ask for a metric: no list asks for all. */
static bool wanted(const session *s, const char *name) {
  const char *list = s->options.metrics;
  size_t length = strlen(name);
  for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
    if (strcspn(p, ",") == length && strncmp(p, name, length) == 0) return true;
  return list == NULL;
}

static pf_status measure_metrics(const subject *q, pf_sample_source source, pf_evaluation *row,
                                 pf_error *error) {
  pf_metric_result results[METRICS];
  pf_metric_id chosen[METRICS];
  size_t count = 0;
  for (int i = 0; i < METRICS; i++)
    if (wanted(q->s, pf_metric_name(metrics[i]))) chosen[count++] = metrics[i];
  if (count == 0) return PF_OK;
  pf_floor_spec spec = {.metrics = chosen,
                        .metric_count = count,
                        .rounds = q->s->reference->law ? q->s->options.rounds : 0,
                        .n = q->s->n,
                        .d = (size_t)q->s->d,
                        .pairs = q->pairs,
                        .options = pf_metric_options_default()};
  spec.options.seed = q->s->seed;
  spec.options.pool = q->s->pool;
  PF_TRY(pf_measure_against_floor(&spec, source, results, error));
  for (size_t i = 0; i < count; i++) add_metric(row, results[i].name, &results[i]);
  return PF_OK;
}

/* The network's two-sample test on a few pairs. */
static pf_status measure_network(const subject *q, pf_sample_source source, pf_evaluation *row,
                                 pf_error *error) {
  if (!wanted(q->s, "network_auc")) return PF_OK;
  size_t n = q->s->n, d = (size_t)q->s->d, items = n * d;
  int pairs = q->pairs < NETWORK_PAIRS ? q->pairs : NETWORK_PAIRS;
  double *rows = NULL, *floor = q->s->network_floor, value[NETWORK_PAIRS], sum = 0, square = 0;
  PF_TRY(pf_alloc(3 * items, sizeof(double), &rows, error));
  pf_points x = {rows, n, d}, a = {rows + items, n, d}, b = {rows + 2 * items, n, d};
  pf_metric_result r = {.pairs = pairs};
  pf_status status = PF_OK;
  for (int p = 0; p < pairs && status == PF_OK; p++) {
    status = source.draw_real(source.context, p, 0, rows + items, error);
    if (status == PF_OK) status = source.draw_real(source.context, p, 1, rows + 2 * items, error);
    if (status == PF_OK) status = source.draw_model(source.context, p, rows, error);
    if (status == PF_OK) status = pf_network_auc(x, a, NULL, q->s->pool, &value[p], error);
    if (status == PF_OK && isnan(floor[p])) status = pf_network_auc(b, a, NULL, q->s->pool, &floor[p], error);
    if (status != PF_OK) break;
    r.value += value[p] / pairs;
    r.floor += floor[p] / pairs;
    sum += value[p] - floor[p];
    square += (value[p] - floor[p]) * (value[p] - floor[p]);
  }
  pf_free(rows);
  if (status != PF_OK) return status;
  r.excess = r.value - r.floor;
  r.floor_q95 = NAN;
  double variance = pairs > 1 ? (square - sum * sum / pairs) / (pairs - 1) : INFINITY;
  r.excess_hi95 = r.excess + pf_student_t95(pairs - 1) * sqrt(fmax(variance, 0) / pairs);
  add_metric(row, "network_auc", &r);
  return PF_OK;
}

/* -mean log p of the samples under the law, beside the entropy: how far from the law's own typical density they lie. */
static pf_status measure_sample_nll(const subject *q, pf_evaluation *row, pf_error *error) {
  const pf_law *law = q->s->reference->law;
  int64_t n = (int64_t)q->s->n;
  if (!wanted(q->s, "sample_nll") && !wanted(q->s, "off_support")) return PF_OK;
  double *x = NULL, *log_p = NULL, entropy = NAN, sum = 0, outside = 0;
  PF_TRY(pf_alloc((size_t)n * (size_t)q->s->d, sizeof(double), &x, error));
  pf_status status = pf_alloc((size_t)n, sizeof(double), &log_p, error);
  if (status == PF_OK) status = draw_subject(q, 0, n, x, error);
  if (status == PF_OK && pf_law_log_density(law, x, n, log_p)) {
    for (int64_t i = 0; i < n; i++)
      if (isfinite(log_p[i]))
        sum -= log_p[i];
      else
        outside++;
    bool board = outside > 0;
    pf_law_entropy(law, &entropy);
    double value = board ? outside / (double)n : sum / (double)n, floor = board ? 0 : entropy;
    pf_metric_result r = {.value = value,
                          .floor = floor,
                          .floor_q95 = NAN,
                          .excess = value - floor,
                          .excess_hi95 = NAN,
                          .pairs = 1};
    add_metric(row, board ? "off_support" : "sample_nll", &r);
  }
  pf_free(x);
  pf_free(log_p);
  return status;
}

/* Draws of the subject for a finite table: as many as a pair needs several times over, scaled. */
static pf_status scaled_samples(const subject *q, size_t rows, double **out, pf_error *error) {
  size_t d = (size_t)q->s->d;
  double *x = NULL;
  PF_TRY(pf_alloc(rows * d, sizeof(double), &x, error));
  pf_status status = draw_subject(q, 0, (int64_t)rows, x, error);
  if (status == PF_OK) status = pf_scale_apply(&q->s->scale, (pf_points){x, rows, d}, x, error);
  if (status == PF_OK)
    *out = x;
  else
    pf_free(x);
  return status;
}

static pf_status measure_splits(const subject *q, pf_points model, pf_evaluation *row, pf_error *error) {
  const session *s = q->s;
  pf_split_result r = {0};
  if (!s->train || !wanted(s, "energy_split")) return PF_OK;
  pf_split_spec spec = {.train = {s->train, s->train_rows, (size_t)s->d},
                        .test = {s->held, s->held_rows, (size_t)s->d},
                        .model = model,
                        .splits = SPLITS,
                        .seed = s->seed};
  PF_TRY(pf_energy_splits(&spec, s->pool, &r, error));
  pf_metric_result m = {.value = r.value,
                        .floor = r.null_mean,
                        .floor_q95 = r.null_q95,
                        .excess = r.value - r.null_mean,
                        .excess_hi95 = NAN,
                        .pairs = r.splits};
  add_metric(row, "energy_split", &m);
  snprintf(row->metrics[row->n_metrics - 1].note, sizeof row->metrics[0].note,
           "%.2f x the 95 %% quantile of real re-divisions (p = %.3f)", r.ratio, r.p_value);
  return PF_OK;
}

static pf_status measure_table(const subject *q, pf_evaluation *row, pf_error *error) {
  const session *s = q->s;
  size_t d = (size_t)s->d, rows = 4 * s->n;
  double *x = NULL;
  PF_TRY(scaled_samples(q, rows, &x, error));
  pf_points held = {s->held, s->held_rows, d};
  pf_table_source table = {.reference = held,
                           .other = s->train ? (pf_points){s->train, s->train_rows, d} : held,
                           .model = {x, rows, d},
                           .n = s->n,
                           .seed = s->seed};
  pf_sample_source source;
  pf_status status = pf_table_source_open(&table, &source, error);
  if (status == PF_OK) status = measure_metrics(q, source, row, error);
  if (status == PF_OK) status = measure_network(q, source, row, error);
  if (status == PF_OK) status = measure_splits(q, table.model, row, error);
  pf_free(x);
  return status;
}

/* Network evaluations per sample. */
static int64_t evaluations_of(const subject *q) {
  const pf_cnf *flow = q->s->model->flow;
  enum { STAGES = 4 };
  return q->teacher && flow && !q->baseline ? STAGES * q->steps * pf_cnf_config_of(flow)->blocks : q->steps;
}

static pf_status measure(const subject *q, pf_evaluation_set *set, pf_error *error) {
  if (set->count == PF_EVALUATION_ROWS) return PF_OK;
  pf_evaluation *row = &set->rows[set->count];
  *row = (pf_evaluation){
      .steps = evaluations_of(q), .data_rows = (int64_t)q->s->n, .sample_rows = (int64_t)q->s->n};
  snprintf(row->name, sizeof row->name, "%s", q->name);
  if (q->s->reference->law) {
    pf_sample_source source = {
        .context = (void *)q, .draw_real = draw_law_real, .draw_model = draw_law_model};
    PF_TRY(measure_metrics(q, source, row, error));
    PF_TRY(measure_network(q, source, row, error));
    PF_TRY(measure_sample_nll(q, row, error));
  } else {
    PF_TRY(measure_table(q, row, error));
  }
  set->count++;
  return PF_OK;
}

/* ---- set-up ---- */

static pf_status scale_rows(const session *s, const pf_table *table, double **out, pf_error *error) {
  size_t n = (size_t)table->rows, d = (size_t)s->d;
  PF_TRY(pf_alloc(n * d, sizeof(double), out, error));
  return pf_scale_apply(&s->scale, (pf_points){table->values, n, d}, *out, error);
}

static pf_status open_table(session *s, pf_error *error) {
  const pf_table *held = s->reference->held, *train = s->reference->train;
  PF_TRY(pf_table_check(held, "the data", 4, error));
  PF_TRY(pf_model_check_table(s->model, held, "the data", error));
  if (train) PF_TRY(pf_model_check_table(s->model, train, "the training data", error));
  const pf_table *units = train ? train : held;
  PF_TRY(pf_scale_fit((pf_points){units->values, (size_t)units->rows, (size_t)s->d}, &s->scale, error));
  s->held_rows = (size_t)held->rows;
  PF_TRY(scale_rows(s, held, &s->held, error));
  if (train) {
    s->train_rows = (size_t)train->rows;
    PF_TRY(scale_rows(s, train, &s->train, error));
  }
  size_t most = train ? (s->held_rows < s->train_rows ? s->held_rows : s->train_rows) : s->held_rows / 2;
  size_t wanted = s->options.rows > 0 ? (size_t)s->options.rows : LAW_ROWS;
  s->n = wanted < most ? wanted : most;
  return PF_OK;
}

/* Every name of the list must be one that can be measured. */
static pf_status check_metrics(const char *list, pf_error *error) {
  enum { OTHERS = 7 };
  const char *names[METRICS + OTHERS] = {"nll",         "network_auc",  "sample_nll", "conditional",
                                         "off_support", "energy_split", "modes"};
  for (int i = 0; i < METRICS; i++) names[OTHERS + i] = pf_metric_name(metrics[i]);
  for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
    char name[64];
    bool known = false;
    snprintf(name, sizeof name, "%.*s", (int)(strcspn(p, ",") < 63 ? strcspn(p, ",") : 63), p);
    for (int i = 0; i < METRICS + OTHERS; i++) known = known || strcmp(name, names[i]) == 0;
    if (!known) return pf_fail_unknown(error, "metric", name, names, METRICS + OTHERS);
  }
  return PF_OK;
}

pf_status pf_evaluation_check(const pf_evaluate_options *options, pf_error *error) {
  if (options->pairs < 0 || options->pairs > 10000 || options->rows < 0 || options->rows > 4096)
    return pf_fail(error, PF_USAGE, "pairs %d or rows %lld is out of range (rows at most 4096)",
                   options->pairs, (long long)options->rows);
  return check_metrics(options->metrics, error);
}

static pf_status open_session(session *s, pf_error *error) {
  const pf_law *law = s->reference->law;
  PF_TRY(pf_evaluation_check(&s->options, error));
  PF_TRY(pf_pool_create(s->options.threads, &s->pool, error));
  s->pairs = s->options.pairs ? s->options.pairs : law ? LAW_PAIRS : TABLE_PAIRS;
  if (!law) return open_table(s, error);
  if (pf_law_dimension(law) != s->d)
    return pf_fail(error, PF_BAD_INPUT, "the law has %d columns, the model %d", pf_law_dimension(law), s->d);
  s->n = s->options.rows > 0 ? (size_t)s->options.rows : LAW_ROWS;
  return PF_OK;
}

static void close_session(session *s) {
  pf_free(s->held);
  pf_free(s->train);
  pf_column_scale *scale = &s->scale;
  pf_scale_clear(scale);
  pf_pool_free(s->pool);
}

static void say(const session *s, const char *name) {
  char text[128];
  if (!s->options.hooks.log) return;
  snprintf(text, sizeof text, "measuring: %s", name);
  s->options.hooks.log(s->options.hooks.context, PF_LOG_INFO, text);
}

/* ---- rows ---- */

static pf_status baseline_rows(const session *s, double **rows, size_t *n, pf_error *error) {
  const pf_table *table = s->reference->train ? s->reference->train : s->reference->held;
  *n = s->reference->law ? BASELINE_ROWS : (size_t)table->rows;
  PF_TRY(pf_alloc(*n * (size_t)s->d, sizeof(double), rows, error));
  if (s->reference->law)
    pf_law_sample(s->reference->law, s->seed + 1, 0, (int64_t)*n, *rows);
  else
    memcpy(*rows, table->values, *n * (size_t)s->d * sizeof(double));
  return PF_OK;
}

static pf_status measure_baselines(const session *s, int pairs, pf_evaluation_set *set, pf_error *error) {
  double *rows = NULL;
  size_t n = 0;
  PF_TRY(baseline_rows(s, &rows, &n, error));
  pf_status status = PF_OK;
  for (int kind = 0; kind < PF_BASELINE_COUNT && status == PF_OK; kind++) {
    pf_baseline *baseline = NULL;
    say(s, pf_baseline_name((pf_baseline_kind)kind));
    status = pf_baseline_fit((pf_baseline_kind)kind, (pf_points){rows, n, (size_t)s->d}, &baseline, error);
    subject q = {
        .s = s, .name = pf_baseline_name((pf_baseline_kind)kind), .baseline = baseline, .pairs = pairs};
    if (status == PF_OK) status = measure(&q, set, error);
    pf_baseline_free(baseline);
  }
  pf_free(rows);
  return status;
}

/* What a flow or its student is beside. */
static pf_status measure_flow(const session *s, int pairs, pf_evaluation_set *set, pf_error *error) {
  if (!s->model->flow || !s->model->generator || s->options.teacher)
    return PF_OK; /* it is the main row, or there is none */
  subject q = {.s = s,
               .name = "flow",
               .steps = pf_model_default_steps(s->model, true),
               .teacher = true,
               .pairs = pairs};
  say(s, q.name);
  return measure(&q, set, error);
}

static pf_status measure_relatives(const session *s, int pairs, pf_evaluation_set *set, pf_error *error) {
  static const struct {
    const char *name;
    int64_t steps;
    bool teacher;
  } relatives[] = {{"one step", 1, false},
                   {"2 steps", 2, false},
                   {"4 steps", 4, false},
                   {"8 steps", 8, false},
                   {"velocity, 100 Euler steps", TEACHER_STEPS, true},
                   {"velocity, 1 Euler step", 1, true}};
  for (size_t i = 0; i < sizeof relatives / sizeof *relatives; i++) {
    bool possible = relatives[i].teacher      ? s->model->velocity != NULL
                    : relatives[i].steps == 1 ? s->model->generator != NULL
                                              : pf_model_takes_steps(s->model);
    bool main_row = relatives[i].steps == s->steps && relatives[i].teacher == s->teacher;
    if (!possible || main_row) continue;
    say(s, relatives[i].name);
    subject q = {.s = s,
                 .name = relatives[i].name,
                 .steps = relatives[i].steps,
                 .teacher = relatives[i].teacher,
                 .pairs = pairs};
    PF_TRY(measure(&q, set, error));
  }
  return measure_flow(s, pairs, set, error);
}

static const pf_metric *find_metric(const pf_evaluation *row, const char *name) {
  for (int i = 0; i < row->n_metrics; i++)
    if (strcmp(row->metrics[i].name, name) == 0) return &row->metrics[i];
  return NULL;
}

/* A metric that cannot tell independent columns from the data says nothing about dependence. */
static void note_blind_metrics(pf_evaluation_set *set) {
  const pf_evaluation *factorised = NULL;
  for (int i = 0; i < set->count; i++)
    if (strcmp(set->rows[i].name, pf_baseline_name(PF_BASELINE_FACTORISED)) == 0) factorised = &set->rows[i];
  for (int i = 0; factorised && i < set->rows[0].n_metrics; i++) {
    pf_metric *m = &set->rows[0].metrics[i];
    const pf_metric *f = find_metric(factorised, m->name);
    if (f && f->floor_q95 == f->floor_q95 && f->value <= f->floor_q95 && m->note[0] == 0)
      snprintf(m->note, sizeof m->note, "blind to dependence: a factorised model passes it too");
  }
}

static void name_main_row(const session *s, char name[48]) {
  const char *plural = s->steps > 1 ? "s" : "";
  if (s->teacher && s->model->flow)
    snprintf(name, 48, "flow, %lld step%s a block", (long long)s->steps, plural);
  else if (s->teacher)
    snprintf(name, 48, "velocity, %lld Euler step%s", (long long)s->steps, plural);
  else if (s->steps == 1)
    snprintf(name, 48, "one step");
  else
    snprintf(name, 48, "%lld steps", (long long)s->steps);
}

/* The flow's test NLL as a metric of the model, beside the entropy where it is known. */
static pf_status measure_likelihood(const session *s, pf_evaluation_set *set, pf_error *error) {
  pf_likelihood *l = &set->likelihood;
  if (!s->model->flow) return PF_OK;
  say(s, "likelihood");
  PF_TRY(pf_likelihood_measure(s->model, s->reference, s->seed, s->pool, l, error));
  double excess = l->nll - l->entropy;
  pf_metric_result r = {.value = l->nll,
                        .floor = l->entropy,
                        .floor_q95 = NAN,
                        .excess = excess,
                        .excess_hi95 = excess + NORMAL_95 * l->nll_error,
                        .pairs = 1};
  if (wanted(s, "nll")) add_metric(&set->rows[0], "nll", &r);
  return PF_OK;
}

/* Over the very samples that the metrics of the main row are measured on. */
static pf_status measure_coverage(const session *s, pf_evaluation_set *set, pf_error *error) {
  const pf_law *law = s->reference->law;
  if (!law || !wanted(s, "modes")) return PF_OK;
  pf_draw draw = {.steps = s->steps, .teacher = s->teacher, .seed = s->seed, .pool = s->pool};
  return pf_coverage_measure(s->model, &draw, law, (int64_t)s->n * s->pairs, &set->coverage, error);
}

/* Every condition by itself. */
static pf_status measure_conditions(const session *s, pf_evaluation_set *set, pf_error *error) {
  if (!wanted(s, "conditional")) return PF_OK;
  if (s->model->given.count > 0) say(s, "bins of the conditions");
  pf_draw draw = {.steps = s->steps, .teacher = s->teacher, .seed = s->seed, .pool = s->pool};
  const pf_conditional_options options = {.pairs = s->pairs, .scale = s->reference->law ? NULL : &s->scale};
  return pf_conditional_measure(s->model, &draw, s->reference, &options, &set->conditional, error);
}

static pf_status measure_all(const session *s, pf_evaluation_set *set, pf_error *error) {
  char name[48];
  name_main_row(s, name);
  say(s, name);
  subject q = {.s = s, .name = name, .steps = s->steps, .teacher = s->teacher, .pairs = s->pairs};
  PF_TRY(measure(&q, set, error));
  if (s->options.baselines) {
    int pairs = s->pairs / 3 > 5 ? s->pairs / 3 : s->pairs < 5 ? s->pairs : 5;
    PF_TRY(measure_relatives(s, pairs, set, error));
    PF_TRY(measure_baselines(s, pairs, set, error));
    note_blind_metrics(set);
  }
  PF_TRY(measure_likelihood(s, set, error));
  PF_TRY(measure_coverage(s, set, error));
  PF_TRY(measure_conditions(s, set, error));
  PF_TRY(pf_transport_run(s->model, s->reference, s->seed, s->pool, &set->transport, error));
  say(s, "error decomposition");
  PF_TRY(pf_decompose(s->model, s->reference->law, DECOMPOSITION_ROWS, s->seed, s->pool, &set->decomposition,
                      error));
  const pf_metric *w2 = find_metric(&set->rows[0], "w2");
  set->decomposition.measured = w2 ? w2->value : NAN;
  set->decomposition.floor = w2 ? w2->floor : NAN;
  return PF_OK;
}

pf_status pf_evaluation_run(const struct pf_model *model, const pf_reference *reference,
                            const pf_evaluate_options *options, pf_evaluation_set *out, pf_error *error) {
  double network_floor[NETWORK_PAIRS] = {NAN, NAN, NAN};
  session s = {.model = model,
               .reference = reference,
               .options = *options,
               .seed = options->seed + SEED_OFFSET,
               .teacher = options->teacher || !model->generator,
               .steps = options->steps ? options->steps : pf_model_default_steps(model, options->teacher),
               .d = model->columns,
               .network_floor = network_floor};
  pf_evaluation_set *set = NULL;
  PF_TRY(pf_model_check_prior(model, error));
  PF_TRY(pf_alloc(1, sizeof *set, &set, error)); /* too large for a stack frame */
  pf_status status = open_session(&s, error);
  if (status == PF_OK) status = measure_all(&s, set, error);
  if (status == PF_OK) *out = *set;
  close_session(&s);
  pf_free(set);
  return status;
}
