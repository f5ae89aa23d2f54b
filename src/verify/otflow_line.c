/* OT-Flows on the line: see otflow_line.h. */
#include "otflow_line.h"

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
  pf_unrolled u = pf_unroll(c->field, 0, pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, 1)), &spec);
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
