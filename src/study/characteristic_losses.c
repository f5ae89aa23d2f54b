/* Losses of the two-time map: the semigroup penalty (arXiv 2405.05512, eq. 2.13), and the analysed loss against the one of the
 * official experiments at equal cost.
 *
 *   defect   RMS |g(0,T,z) - g(u,T, g(0,u,z))| over u = 1/4, 1/2, 3/4: how far g is from a flow
 *   paired   a seed's trainings share data, prior draws and initial weights; effects are means of log ratios over seeds
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../verify/decomposition.h"
#include "characteristic.h"
#include "lab.h"

enum { ROWS = 20000, PROBES = 2048, VELOCITY_STEPS = 8000 };
enum { DISTANCE, DEFECT, W2, FLOOR, VALUES };
static const char *const value_names[VALUES] = {"map_rms", "defect", "w2", "w2_floor"};

/* ---- what both measure ---- */

/* Sum over probes of |g(0,T,z) - g(u,T, g(0,u,z))|^2 in encoded units. */
static pf_status add_defect(const struct pf_model *model, const float *z, double u, float *once, float *twice,
                            double *sum, pf_error *error) {
  size_t items = (size_t)PROBES * (size_t)model->columns;
  pf_rows rows = {0, PROBES};
  memcpy(once, z, items * sizeof *once);
  memcpy(twice, z, items * sizeof *twice);
  PF_TRY(pf_learned_move(model->generator, 0, model->end, rows, once, NULL, error));
  PF_TRY(pf_learned_move(model->generator, 0, u * model->end, rows, twice, NULL, error));
  PF_TRY(pf_learned_move(model->generator, u * model->end, model->end, rows, twice, NULL, error));
  for (size_t i = 0; i < items; i++) {
    double e = (double)once[i] - (double)twice[i];
    *sum += e * e / PROBES;
  }
  return PF_OK;
}

static pf_status measure_defect(const struct pf_model *model, uint64_t seed, double *out, pf_error *error) {
  size_t items = (size_t)PROBES * (size_t)model->columns;
  float *z = NULL;
  double sum = 0;
  PF_TRY(pf_alloc(3 * items, sizeof *z, &z, error));
  pf_model_prior(model, seed, (pf_rows){0, PROBES}, z);
  pf_status status = PF_OK;
  for (int k = 1; k < 4 && status == PF_OK; k++)
    status = add_defect(model, z, k / 4.0, z + items, z + 2 * items, &sum, error);
  pf_free(z);
  if (status == PF_OK) *out = sqrt(sum / 3);
  return status;
}

static pf_status measure_options(const pf_cell_run *run, const char *spec, const pf_train_options *options,
                                 double *values, pf_error *error) {
  pf_law *law = NULL;
  pf_table *table = NULL;
  struct pf_model *model = NULL;
  pf_decomposition parts;
  pf_lab_distance distance;
  pf_status status = pf_law_create(spec, &law, error);
  if (status == PF_OK) status = pf_lab_table(run, law, 0, ROWS, &table, error);
  if (status == PF_OK) status = pf_method_run(table, NULL, options, &model, error);
  if (status == PF_OK) status = pf_decompose(model, law, PROBES, run->draw, NULL, &parts, error);
  if (status == PF_OK) status = measure_defect(model, run->draw, &values[DEFECT], error);
  if (status == PF_OK) status = pf_lab_w2(run, model, law, (pf_lab_size){1024, 4}, &distance, error);
  if (status == PF_OK) {
    values[DISTANCE] = parts.distance;
    values[W2] = distance.w2;
    values[FLOOR] = distance.floor;
  }
  pf_model_free(model);
  pf_table_free(table);
  pf_law_free(law);
  return status;
}

/* The run as seen by every training of one seed: the same draws. */
static pf_cell_run shared_run(const pf_cell_run *run, int seed) {
  pf_cell_run shared = *run;
  shared.draw = (uint64_t)pf_lab_seed(run, seed);
  return shared;
}

static pf_train_options usual_options(const pf_cell_run *run) {
  pf_train_options options = pf_lab_options(run);
  options.method = "characteristic";
  options.batch = 256;
  options.width = 64;
  options.depth = 3;
  options.trajectory_steps = 16;
  return options;
}

/* Mean over seeds of ln(column of cell a / column of cell b). */
static pf_estimate log_ratio(const pf_experiment *e, const int *a, const int *b, int seeds, int column) {
  double ratios[16];
  for (int k = 0; k < seeds; k++)
    ratios[k] = log(e->cells[a[k]].values[column] / e->cells[b[k]].values[column]);
  return pf_estimate_mean(ratios, seeds);
}

/* ---- the semigroup penalty ---- */

enum { WEIGHTS = 4, WEIGHT_SEEDS = 6 };
static const double weights[WEIGHTS] = {0, 0.1, 1, 10};

static void describe_semigroup(int cell, pf_cell_text *out) {
  snprintf(out->key, sizeof out->key, "weight=%g #%d", weights[cell / WEIGHT_SEEDS], cell % WEIGHT_SEEDS + 1);
  out->cost = cell < WEIGHT_SEEDS ? 8 : 14;
}

static pf_status measure_semigroup(const pf_cell_run *run, double *values, pf_error *error) {
  pf_cell_run shared = shared_run(run, run->cell % WEIGHT_SEEDS);
  pf_train_options options = usual_options(&shared);
  options.steps = 2 * VELOCITY_STEPS;
  options.semigroup = weights[run->cell / WEIGHT_SEEDS];
  return measure_options(&shared, "ring8", &options, values, error);
}

static pf_status add_effect(pf_experiment *e, int column, const char *y_name, pf_error *error) {
  pf_study_point points[WEIGHTS];
  for (int w = 0; w < WEIGHTS; w++) {
    double y[WEIGHT_SEEDS];
    for (int k = 0; k < WEIGHT_SEEDS; k++) y[k] = e->cells[w * WEIGHT_SEEDS + k].values[column];
    points[w] = pf_point_of(w == 0 ? 0.01 : weights[w], y, WEIGHT_SEEDS);
  }
  PF_TRY(
      pf_conclude_chart(e, (pf_chart_head){y_name, "weight (0 drawn at 0.01)", y_name, true, false}, error));
  return pf_conclude_series(e, (pf_series_head){PF_STUDY_LINE, points, WEIGHTS}, error, "%s",
                            value_names[column]);
}

static pf_status conclude_semigroup(pf_experiment *e, pf_error *error) {
  for (int w = 1; w < WEIGHTS; w++) {
    int with[WEIGHT_SEEDS], without[WEIGHT_SEEDS];
    for (int k = 0; k < WEIGHT_SEEDS; k++) {
      with[k] = w * WEIGHT_SEEDS + k;
      without[k] = k;
    }
    PF_TRY(pf_conclude_check(e, log_ratio(e, with, without, WEIGHT_SEEDS, DEFECT), (pf_band){-INFINITY, 0},
                             error, "ln(defect with weight %g / without)", weights[w]));
    PF_TRY(pf_conclude_check(e, log_ratio(e, with, without, WEIGHT_SEEDS, DISTANCE),
                             (pf_band){-INFINITY, INFINITY}, error,
                             "ln(RMS |g - g*| with weight %g / without)", weights[w]));
  }
  PF_TRY(add_effect(e, DEFECT, "semigroup defect", error));
  return add_effect(e, DISTANCE, "RMS |g - g*|", error);
}

const pf_experiment_plan pf_study_semigroup = {
    .name = "semigroup",
    .title = "The semigroup penalty",
    .claim = "The penalty |g(t,s,x) - g(u,s,g(t,u,x))|^2 makes the map more of a flow. Whether one step "
             "becomes better is not "
             "claimed and only measured.",
    .source = "arXiv 2405.05512, eq. 2.13; its weight and normalisation are not known, ours are those of "
              "--semigroup.",
    .protocol = "Ring of eight Gaussians, 20,000 rows, 3x64 network, 8000 steps for the velocity and 8000 "
                "for the map; weights 0, "
                "0.1, 1, 10; six seeds, each with the same data, draws and initial weights for every weight. "
                "Defect: RMS over "
                "2048 draws and u = 1/4, 1/2, 3/4, in standardised units.",
    .band = "The mean log ratio of defects is below 0. The effect on RMS |g - g*| has an open band: there is "
            "no claim to hold.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = WEIGHTS * WEIGHT_SEEDS,
    .describe = describe_semigroup,
    .measure = measure_semigroup,
    .conclude = conclude_semigroup};

/* ---- the two faces ---- */

enum { FACES = 2, FACE_LAWS = 2, FACE_SEEDS = 6 };
static const char *const face_names[FACES] = {"theory", "practical"}, *const face_laws[FACE_LAWS] = {
                                                                          "ring8", "two-mode:d=4"};
/* Passes of the network a row and step, a backward pass counting two: 3 for the analysed loss; for the practical one
 * 3 (near) + 3 (through the average) + 1 + 1 (target) + 3 (diagonal) = 11. So the velocity's 8000 steps are joined by 11,000 of
 * the one or 3000 of the other. */
static const int64_t face_steps[FACES] = {11000, 3000};

static int face_cell(int law, int face, int seed) { return (law * FACES + face) * FACE_SEEDS + seed; }

static void describe_faces(int cell, pf_cell_text *out) {
  snprintf(out->key, sizeof out->key, "%s %s #%d", face_laws[cell / (FACES * FACE_SEEDS)],
           face_names[cell / FACE_SEEDS % FACES], cell % FACE_SEEDS + 1);
  out->cost = 9;
}

static pf_status measure_faces(const pf_cell_run *run, double *values, pf_error *error) {
  int face = run->cell / FACE_SEEDS % FACES;
  pf_cell_run shared = shared_run(run, run->cell % FACE_SEEDS);
  pf_train_options options = usual_options(&shared);
  options.face = face_names[face];
  options.start = "trajectory";
  options.steps = VELOCITY_STEPS + face_steps[face];
  options.teacher_share = (double)VELOCITY_STEPS / (double)options.steps;
  return measure_options(&shared, face_laws[run->cell / (FACES * FACE_SEEDS)], &options, values, error);
}

static pf_status add_faces(pf_experiment *e, pf_error *error) {
  PF_TRY(pf_conclude_chart(e,
                           (pf_chart_head){"One-step error at equal cost",
                                           "law (1: ring, 2: two modes in 4-D)", "RMS |g - g*|", false, true},
                           error));
  for (int face = 0; face < FACES; face++) {
    pf_study_point points[FACE_LAWS];
    for (int law = 0; law < FACE_LAWS; law++) {
      double y[FACE_SEEDS];
      for (int k = 0; k < FACE_SEEDS; k++) y[k] = e->cells[face_cell(law, face, k)].values[DISTANCE];
      points[law] = pf_point_of(law + 1 + 0.05 * face, y, FACE_SEEDS);
    }
    PF_TRY(pf_conclude_series(e, (pf_series_head){PF_STUDY_POINTS, points, FACE_LAWS}, error, "%s",
                              face_names[face]));
  }
  return PF_OK;
}

static pf_status conclude_faces(pf_experiment *e, pf_error *error) {
  for (int law = 0; law < FACE_LAWS; law++) {
    int theory[FACE_SEEDS], practical[FACE_SEEDS];
    for (int k = 0; k < FACE_SEEDS; k++) {
      theory[k] = face_cell(law, 0, k);
      practical[k] = face_cell(law, 1, k);
    }
    PF_TRY(pf_conclude_check(e, log_ratio(e, theory, practical, FACE_SEEDS, DISTANCE),
                             (pf_band){-INFINITY, 0}, error, "ln(RMS |g - g*|, theory / practical), %s",
                             face_laws[law]));
    PF_TRY(pf_conclude_check(e, log_ratio(e, theory, practical, FACE_SEEDS, DEFECT),
                             (pf_band){-INFINITY, INFINITY}, error, "ln(defect, theory / practical), %s",
                             face_laws[law]));
  }
  return add_faces(e, error);
}

const pf_experiment_plan pf_study_faces = {
    .name = "faces",
    .title = "The analysed loss against the practical one",
    .claim = "At equal cost the loss that the theory analyses (all pairs of nodes of trajectories) gives a "
             "one-step map at least "
             "as close to the exact one as the loss of the official experiments (short teacher steps carried "
             "to the data by the "
             "averaged map).",
    .source = "An open question (the paper analyses one loss and runs the other); this is our reason for the "
              "default.",
    .protocol = "Ring of eight Gaussians and the two-mode law in four dimensions; 20,000 rows, 3x64; 8000 "
                "steps of velocity, then "
                "11,000 steps of the analysed loss or 3000 of the practical one, which costs 11 network "
                "passes a step against 3; "
                "six seeds with common data, draws and initial weights; both start on trajectories.",
    .band = "The mean log ratio of errors is below 0.",
    .value_names = value_names,
    .n_values = VALUES,
    .n_cells = FACE_LAWS * FACES * FACE_SEEDS,
    .describe = describe_faces,
    .measure = measure_faces,
    .conclude = conclude_faces};
