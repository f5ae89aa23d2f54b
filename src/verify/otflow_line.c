/* OT-Flows on the line: see otflow_line.h. */
#include "otflow_line.h"

#include <math.h>
#include "../base/memory.h"

const pf_normal_law pf_otflow_line_data = {3, 2};

pf_flow_settings pf_otflow_line_settings(void) {
  return (pf_flow_settings){
      .field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = 1, .width = 16, .layers = 1}},
      .steps = PF_OTFLOW_LINE_STEPS,
      .learning_rate = 2e-2,
      .schedule = PF_SCHEDULE_COSINE};
}

static pf_status evaluate(const pf_otflow_course *c, const double *params, int64_t n, const double *x,
                          const pf_otflow_paths *out, pf_error *error) {
  pf_graph *graph = NULL;
  const double *inputs[] = {x};
  double *const wanted[] = {out->x, out->log_det, out->kinetic, out->hamilton_jacobi};
  pf_node outputs[4];
  double *results[4];
  int count = 0;
  PF_TRY(pf_graph_create(&graph, error));
  pf_unroll_spec spec = {.method = PF_ODE_RK4, .steps = c->steps, .end = pf_scalar(graph, c->end)};
  pf_unrolled u =
      pf_unroll(c->field, 0, pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, pf_field_columns(c->field))), &spec);
  const pf_node all[] = {u.x, u.log_det, u.kinetic, u.hamilton_jacobi};
  for (int i = 0; i < 4; i++)
    if (wanted[i]) {
      outputs[count] = all[i];
      results[count++] = wanted[i];
    }
  pf_ref_run run = {.params = &params, .inputs = inputs, .rows = n};
  pf_status status = pf_ref_evaluate(graph, outputs, count, &run, results, error);
  pf_graph_free(graph);
  return status;
}

pf_status pf_otflow_line_follow(const pf_otflow_course *course, int64_t n, const double *x,
                                const pf_otflow_paths *out, pf_error *error) {
  pf_layout layout = {0};
  double *params = NULL;
  PF_TRY(pf_field_layout(course->field, &layout, error));
  int64_t total = layout.total;
  pf_layout_free(&layout);
  PF_TRY(pf_alloc((size_t)total, sizeof *params, &params, error));
  for (int64_t i = 0; i < total; i++) params[i] = course->params[i];
  pf_status status = evaluate(course, params, n, x, out, error);
  pf_free(params);
  return status;
}

static pf_status measure_bend(const pf_otflow_course *course, const pf_line_law *start,
                              const pf_line_law *end, double *out, pf_error *error) {
  double length = sqrt(pf_line_w2_squared(start, end));
  *out = 0;
  for (int i = 1; i < 4; i++) {
    pf_otflow_course part = *course;
    pf_line_law between = {0}, chord = {0};
    part.end = i / 4.0;
    PF_TRY(pf_otflow_line_follow(&part, PF_LINE_NODES, start->z, &(pf_otflow_paths){.x = between.z}, error));
    for (int k = 0; k < PF_LINE_NODES; k++) chord.z[k] = (1 - part.end) * start->z[k] + part.end * end->z[k];
    *out = fmax(*out, sqrt(pf_line_w2_squared(&between, &chord)) / length);
  }
  return PF_OK;
}

pf_status pf_otflow_line_measure(const pf_otflow_course *course, pf_otflow_measured *out, pf_error *error) {
  pf_line_law start = pf_line_of(pf_otflow_line_data), end = {0};
  double kinetic[PF_LINE_NODES], hjb[PF_LINE_NODES];
  pf_otflow_paths paths = {end.z, end.log_slope, kinetic, hjb};
  PF_TRY(pf_otflow_line_follow(course, PF_LINE_NODES, start.z, &paths, error));
  *out = (pf_otflow_measured){0};
  for (int i = 0; i < PF_LINE_NODES; i++) {
    end.log_slope[i] += start.log_slope[i];
    out->cost += pf_line_weight(i) * kinetic[i];
    out->hjb += pf_line_weight(i) * hjb[i];
  }
  out->law = pf_line_moments(&end);
  out->kl = pf_line_kl(&end);
  return measure_bend(course, &start, &end, &out->bend, error);
}
