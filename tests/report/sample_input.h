/* A report input with every part filled, for any dimension, and with values spoiled on request. */
#ifndef PF_TESTS_REPORT_SAMPLE_INPUT_H
#define PF_TESTS_REPORT_SAMPLE_INPUT_H

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "report/report.h"

enum {
  SAMPLE_PATHS = 20,
  SAMPLE_NODES = 9,
  SAMPLE_STEPS = 1000,
  SAMPLE_CELLS = PF_REPORT_CELLS * PF_REPORT_CELLS,
  SAMPLE_FRAMES = 5,
  SAMPLE_FRAME_ROWS = 30,
  SAMPLE_JUMPS = 12,
  SAMPLE_ARROWS = 16
};

typedef struct sample_input {
  pf_report_input input;
  double *
      values; /* one block: data, samples, paths, steps, losses, straightness, two densities, two strips, potential, arrows,
                  jumps */
  size_t count;
  pf_report_density density;
  pf_report_field field;
  pf_report_series series[2];
} sample_input;

static const pf_report_fact sample_facts[] = {{"Method", "a <method>"}, {"Seed", "1"}};
static const pf_report_command sample_commands[] = {{"Train", "pushforward train a.csv -o 'b & c'"}};
static const pf_report_metric sample_metrics[] = {
    {"W2", 0.0712, 0.0603, 0.0109, 0.0151, 30, "1,000 rows", NAN},
    {"sliced W2", 0.0213, 0.0207, 0.0006, 0.0031, 30, NULL, NAN},
    {"NLL", 1.113, NAN, NAN, NAN, 0, NULL, NAN},
};
static const char *const sample_columns[] = {"W2", "energy"};
static const double sample_row[] = {0.41, NAN};
static const pf_report_row sample_rows[] = {{"this model", sample_row, true},
                                            {"Gaussian", sample_row, false}};
static const pf_report_decomposition sample_terms = {0.03, 0.02, 0.05, NAN, 0.1, 0.08, 0.06, NULL};
static const pf_report_steps sample_steps[] = {
    {"1", 0.0712, 0.0603, false}, {"2", NAN, 0.0603, false}, {"teacher", 0.0661, 0.0603, true}};
static const pf_report_check sample_checks[] = {{"semigroup", 1e-4, 0, 1e-3, true},
                                                {"rate", 1.9, 2, 0.05, false}};
static const char *const sample_names[] = {
    "<script>x</script>", "a&b", "\"quoted\"", "'", "e", "f", "g", "h", "i"};

static const pf_likelihood sample_likelihood = {.has_density = true,
                                                .rows = 2000,
                                                .nll = 2.685,
                                                .nll_error = 0.0054,
                                                .entropy = 2.67,
                                                .kl = 0.0143,
                                                .kl_error = 0.0011,
                                                .encoded_nll = 2.05,
                                                .adaptive_nll = 2.6851,
                                                .evaluations = 64,
                                                .adaptive_evaluations = 156,
                                                .largest_difference = 0.0002,
                                                .inverse_mean = 3e-8,
                                                .inverse_rms = 7e-8,
                                                .mmd = -0.0003,
                                                .mmd_floor = 0.0007};
static const pf_report_block sample_blocks[] = {{0.25, 0.266}, {0.35, 0.158}, {NAN, 0.0887}};
static const pf_coverage sample_coverage = {.modes = 3,
                                            .covered = 2,
                                            .rows = 100,
                                            .high_quality = 0.7,
                                            .law_high_quality = 0.99,
                                            .chi_square = 61,
                                            .law_chi_square = 1.5,
                                            .listed = 3,
                                            .counts = {60, 40, 0},
                                            .law_counts = {51, 24, 25},
                                            .expected = {50, 25, 25}};
static const char *const sample_frames[] = {"r = 0 <data>", "r = 1/4", "r = 1/2", NULL, "r = 1: noise"};

static inline void sample_input_parts(pf_report_input *in) {
  in->title = "moons <i>";
  in->subtitle = "sub & title";
  in->facts = sample_facts, in->fact_count = 2;
  in->commands = sample_commands, in->command_count = 1;
  in->metrics = sample_metrics, in->metric_count = 3;
  in->sampling_steps = 1;
  in->comparison = (pf_report_comparison){sample_columns, 2, sample_rows, 2};
  in->decomposition = &sample_terms;
  in->steps = sample_steps, in->step_count = 3;
  in->steps_metric = "W2";
  in->checks = sample_checks, in->check_count = 2;
}

/* from: straightness, then the values of densities and strips, which are made positive for densities. */
static inline void sample_input_flow(sample_input *s, double *from) {
  double *model = from + SAMPLE_NODES, *law = model + SAMPLE_CELLS, *frames = law + SAMPLE_CELLS;
  for (int i = 0; i < SAMPLE_NODES; i++) from[i] = 0.01 * fabs(from[i]);
  for (int i = 0; i < 2 * SAMPLE_CELLS; i++) model[i] = exp(model[i]);
  s->density = (pf_report_density){{-3, 3, -2, 4, PF_REPORT_CELLS, PF_REPORT_CELLS}, model, law};
  s->input.straightness = from;
  s->input.likelihood = &sample_likelihood;
  s->input.density = &s->density;
  s->input.to_noise = (pf_report_frames){sample_frames, frames, SAMPLE_FRAMES, SAMPLE_FRAME_ROWS};
  s->input.to_data = s->input.to_noise;
  s->input.to_data.values = frames + SAMPLE_FRAMES * SAMPLE_FRAME_ROWS * 2;
  s->input.blocks = sample_blocks, s->input.block_count = 3;
}

/* from: a potential, arrows, jumps. */
static inline void sample_input_field(sample_input *s, double *from) {
  double *arrows = from + SAMPLE_CELLS, *jumps = arrows + SAMPLE_ARROWS * SAMPLE_ARROWS * 2;
  s->field = (pf_report_field){
      {-3, 3, -2, 4, PF_REPORT_CELLS, PF_REPORT_CELLS}, from, SAMPLE_ARROWS, SAMPLE_ARROWS, arrows};
  s->input.field = &s->field;
  s->input.coverage = &sample_coverage;
  s->input.jumps = jumps, s->input.jump_count = SAMPLE_JUMPS;
}

/* d <= 9. Free with sample_input_free. */
static inline void sample_input_fill(sample_input *s, size_t d, size_t rows) {
  size_t paths = SAMPLE_PATHS * SAMPLE_NODES * d;
  size_t flow = SAMPLE_NODES + 2 * SAMPLE_CELLS + 2 * SAMPLE_FRAMES * SAMPLE_FRAME_ROWS * 2;
  size_t field = SAMPLE_CELLS + SAMPLE_ARROWS * SAMPLE_ARROWS * 2 + SAMPLE_JUMPS * 2 * d;
  s->count = 2 * rows * d + paths + 2 * SAMPLE_STEPS + flow + field;
  s->values = malloc(s->count * sizeof *s->values);
  pf_rng rng = pf_rng_at(7, PF_STREAM_TEST, 0, 0);
  for (size_t i = 0; i < s->count; i++) s->values[i] = pf_rng_normal(&rng);
  double *steps = s->values + 2 * rows * d + paths, *losses = steps + SAMPLE_STEPS;
  for (size_t i = 0; i < SAMPLE_STEPS; i++)
    steps[i] = (double)i, losses[i] = exp(losses[i] - 0.005 * (double)i);
  s->series[0] = (pf_report_series){"loss", "velocity", steps, losses, SAMPLE_STEPS};
  s->series[1] = (pf_report_series){"held-out W2", NULL, steps, losses, 20};
  s->input = pf_report_input_default();
  sample_input_parts(&s->input);
  s->input.series = s->series, s->input.series_count = 2;
  s->input.selected_step = 600;
  s->input.dimension = d;
  s->input.column_names = sample_names;
  s->input.data = s->values, s->input.samples = s->values + rows * d;
  s->input.data_rows = s->input.sample_rows = rows;
  s->input.paths = s->values + 2 * rows * d;
  s->input.path_count = SAMPLE_PATHS, s->input.path_nodes = SAMPLE_NODES;
  sample_input_flow(s, losses + SAMPLE_STEPS);
  sample_input_field(s, losses + SAMPLE_STEPS + flow);
}

static inline void sample_input_free(sample_input *s) { free(s->values); }

#endif
