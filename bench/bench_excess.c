/* A distance (w2, sliced_w2, energy, ...) of a sample file against a law or held-out rows, beside its floor: one evaluator
 * for whatever made the sample.
 *
 *   bench_excess METRIC SAMPLE law:NAME   [rows [pairs [rounds]]]     default 2000 20 2
 *   bench_excess METRIC SAMPLE HELD TRAIN [rows [pairs]]              default 2000 10
 *
 * SAMPLE, HELD and TRAIN are tables (.npy or .csv) with the same columns. A law gives fresh real rows for every pair and the
 * sample's rows are used in order, once each; a table's pairs are random subsets in units of the training columns' spread
 * (src/metrics/floor.h). The real rows are the same in every call, so two samples meet the same data and the same floor.
 * Prints one JSON object: value, floor, excess and its one-sided 95 % bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/law.h"
#include "data/table.h"
#include "metrics/floor.h"
#include "metrics/scale.h"
#include "pushforward.h"

/* Seed of the evaluator's draws: no training uses it. */
static const uint64_t SEED = 0x5eed0000e8c5u;

typedef struct law_source {
  const pf_law *law;
  const pf_table *sample;
  size_t n;
} law_source;

static void must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "bench_excess: %s\n", error->message);
  exit(1);
}

static size_t number(int argc, char **argv, int i, size_t usual) {
  return argc > i ? (size_t)strtoul(argv[i], NULL, 10) : usual;
}

static pf_status draw_real(void *context, int pair, int which, double *out, pf_error *error) {
  const law_source *s = context;
  (void)error;
  pf_law_sample(s->law, SEED, (uint64_t)(2 * pair + which) * s->n, (int64_t)s->n, out);
  return PF_OK;
}

static pf_status draw_model(void *context, int pair, double *out, pf_error *error) {
  const law_source *s = context;
  size_t d = (size_t)s->sample->columns;
  (void)error;
  memcpy(out, s->sample->values + (size_t)pair * s->n * d, s->n * d * sizeof *out);
  return PF_OK;
}

static pf_metric_result measure(const char *metric, pf_floor_spec *spec, pf_sample_source source) {
  pf_metric_id id;
  pf_error error = {0};
  pf_metric_result result;
  pf_pool *pool = NULL;
  must(pf_metric_from_name(metric, &id, &error), &error);
  must(pf_pool_create(0, &pool, &error), &error);
  spec->metrics = &id;
  spec->metric_count = 1;
  spec->options = pf_metric_options_default();
  spec->options.pool = pool;
  must(pf_measure_against_floor(spec, source, &result, &error), &error);
  pf_pool_free(pool);
  return result;
}

static pf_table *read_table(const char *path) {
  pf_error error = {0};
  pf_table *table = NULL;
  must(pf_table_read(path, NULL, &table, &error), &error);
  return table;
}

static pf_metric_result against_law(const pf_table *sample, int argc, char **argv) {
  pf_error error = {0};
  pf_law *law = NULL;
  must(pf_law_create(argv[3] + 4, &law, &error), &error);
  pf_floor_spec spec = {.n = number(argc, argv, 4, 2000),
                        .d = (size_t)sample->columns,
                        .pairs = (int)number(argc, argv, 5, 20),
                        .rounds = (int)number(argc, argv, 6, 2)};
  law_source source = {law, sample, spec.n};
  if (pf_law_dimension(law) != sample->columns || (size_t)sample->rows < spec.n * (size_t)spec.pairs) {
    fprintf(stderr, "bench_excess: %s needs %d columns and %zu rows, %s has %d and %lld\n", argv[3],
            pf_law_dimension(law), spec.n * (size_t)spec.pairs, argv[2], sample->columns,
            (long long)sample->rows);
    exit(1);
  }
  pf_metric_result result =
      measure(argv[1], &spec,
              (pf_sample_source){.context = &source, .draw_real = draw_real, .draw_model = draw_model});
  pf_law_free(law);
  return result;
}

static pf_metric_result against_table(pf_table *sample, int argc, char **argv) {
  pf_error error = {0};
  pf_table *tables[] = {sample, read_table(argv[3]), read_table(argv[4])};
  pf_column_scale scale = {0};
  pf_points points[3];
  for (int i = 0; i < 3; i++)
    points[i] = (pf_points){tables[i]->values, (size_t)tables[i]->rows, (size_t)tables[i]->columns};
  must(pf_scale_fit(points[2], &scale, &error), &error);
  for (int i = 0; i < 3; i++) must(pf_scale_apply(&scale, points[i], tables[i]->values, &error), &error);
  pf_floor_spec spec = {.n = number(argc, argv, 5, 2000),
                        .d = points[0].d,
                        .pairs = (int)number(argc, argv, 6, 10),
                        .rounds = 0};
  pf_table_source table = {
      .reference = points[1], .other = points[2], .model = points[0], .n = spec.n, .seed = SEED};
  pf_sample_source source;
  must(pf_table_source_open(&table, &source, &error), &error);
  pf_metric_result result = measure(argv[1], &spec, source);
  pf_scale_clear(&scale);
  pf_table_free(tables[1]);
  pf_table_free(tables[2]);
  return result;
}

int main(int argc, char **argv) {
  bool law = argc > 3 && strncmp(argv[3], "law:", 4) == 0;
  if (argc < (law ? 4 : 5)) {
    fprintf(stderr, "usage: bench_excess METRIC SAMPLE law:NAME [rows [pairs [rounds]]]\n"
                    "       bench_excess METRIC SAMPLE HELD TRAIN [rows [pairs]]\n");
    return 2;
  }
  pf_table *sample = read_table(argv[2]);
  pf_metric_result r = law ? against_law(sample, argc, argv) : against_table(sample, argc, argv);
  printf(
      "{\"value\": %.6g, \"floor\": %.6g, \"excess\": %.6g, \"lo95\": %.6g, \"hi95\": %.6g, \"pairs\": %d}\n",
      r.value, r.floor, r.excess, r.excess_lo95, r.excess_hi95, r.pairs);
  pf_table_free(sample);
  return 0;
}
