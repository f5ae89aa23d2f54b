/* Signs and estimators of the flows' likelihood where the answer is known.
 *
 *   identity flow on N(0, I):     loss = (d/2)(1 + log 2 pi)
 *   linear flow x' = -S x on N(0, e^{2S}):   z ~ N(0, I), log det = -tr S, loss = entropy = (d/2)(1 + log 2 pi) + tr S
 * The first cannot see the sign of the divergence, the second does. A potential without its network is a quadratic, so its flow
 * is exactly linear and everything passes through the library's own loss.
 */
#include <math.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "blocks.h"
#include "jko.h"

enum { D = 2, ROWS = 512, PROBES = 10000 };

/* ---- loss values ---- */

static pf_status loss_of(const pf_flow_settings *s, const double *params, const double *rows, double *out,
                         pf_error *error) {
  pf_objective o = {0};
  PF_TRY(pf_flow_objective(s, 0, &o, error));
  const double *inputs[] = {rows};
  pf_ref_run run = {.params = &params, .inputs = inputs, .rows = s->batch};
  pf_status status = pf_ref_evaluate(o.graph, o.terms, 1, &run, &out, error);
  pf_graph_free(o.graph);
  return status;
}

static pf_status with_params(const pf_field *field, double **params, pf_layout *layout, pf_error *error) {
  PF_TRY(pf_field_layout(field, layout, error));
  pf_status status = pf_alloc((size_t)layout->total, sizeof **params, params, error);
  if (status != PF_OK) pf_layout_free(layout);
  return status;
}

static pf_status check_identity(pf_verify_run *run, const double *rows, pf_error *error) {
  pf_flow_settings s = {.field = {.network = {.inputs = D,
                                              .outputs = D,
                                              .width = 8,
                                              .depth = 2,
                                              .frequencies = 1,
                                              .max_frequency = 1}},
                        .steps = 3,
                        .batch = ROWS,
                        .likelihood = 1};
  pf_layout layout = {0};
  double *params = NULL, loss = NAN;
  PF_TRY(with_params(&s.field, &params, &layout, error)); /* zeros */
  pf_status status = loss_of(&s, params, rows, &loss, error);
  pf_layout_free(&layout);
  pf_free(params);
  if (status != PF_OK) return status;
  return pf_verify_add(run, (pf_claim){loss, 0.5 * D * (1 + log(2 * M_PI)), 1e-12}, error,
                       "NLL of N(0,I) under the identity");
}

static pf_status check_linear(pf_verify_run *run, const double *rows, pf_error *error) {
  static const double rate[D] = {.7, .3};
  pf_flow_settings s = {
      .field = {.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = D, .width = 2, .layers = 1, .rank = D}},
      .steps = 32,
      .batch = ROWS,
      .likelihood = 1};
  pf_layout layout = {0};
  double *params = NULL, x[ROWS * D], loss = NAN;
  PF_TRY(with_params(&s.field, &params, &layout, error));
  const pf_parameter *a = pf_layout_find(&layout, "A"); /* [d + 1, d] */
  for (int j = 0; j < D; j++) params[a->offset + j * D + j] = sqrt(rate[j]);
  for (int i = 0; i < ROWS * D; i++) x[i] = rows[i] * exp(rate[i % D]);
  pf_status status = loss_of(&s, params, x, &loss, error);
  pf_layout_free(&layout);
  pf_free(params);
  if (status != PF_OK) return status;
  return pf_verify_add(run, (pf_claim){loss, 0.5 * D * (1 + log(2 * M_PI)) + rate[0] + rate[1], 1e-8}, error,
                       "NLL under an exact linear flow is the entropy");
}

/* div of x -> A x is tr A, whatever x. */
static pf_status check_trace(pf_verify_run *run, pf_error *error) {
  static const double a[9] = {.7, -1.2, .4, 2.5, -.3, .9, -.8, 1.1, .45}, x[6] = {1, 2, 3, -.5, .25, 4};
  pf_graph *graph = NULL;
  double found[2] = {NAN, NAN}, *results[] = {found};
  const double *inputs[] = {x}, expected[2] = {.85, .85};
  PF_TRY(pf_graph_create(&graph, error));
  pf_node nx = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, 3));
  pf_node v = pf_matmul(nx, pf_constant(graph, PF_SHAPE(PF_SHARED, 3, 3), a), false, false);
  pf_node output = pf_divergence_exact(v, nx);
  pf_ref_run evaluation = {.inputs = inputs, .rows = 2};
  pf_status status = pf_ref_evaluate(graph, &output, 1, &evaluation, results, error);
  pf_graph_free(graph);
  if (status != PF_OK) return status;
  return pf_verify_add_largest(run, "exact divergence of x -> A x is tr A", found, expected, 2, 1e-12, error);
}

/* ---- random probes ---- */

typedef struct probing {
  pf_field field;
  double *params;
  double *rows, *found; /* PROBES x D, PROBES */
} probing;

static pf_status evaluate(const pf_verify_run *run, const probing *p, pf_divergence kind, pf_error *error) {
  pf_graph *graph = NULL;
  const double *params[] = {p->params}, *inputs[] = {p->rows};
  double *results[] = {p->found};
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, 0, PF_SHAPE(PF_PER_ROW, D)), r = pf_scalar(graph, 0);
  pf_divergence_rule rule = {.kind = kind, .width = 0.02 / sqrt(D)};
  if (kind != PF_DIVERGENCE_EXACT) rule.probe = pf_normal(graph, 1, D);
  pf_node output = pf_field_at(&p->field, 0, x, r, &rule).divergence;
  pf_ref_run evaluation = {.params = params,
                           .inputs = inputs,
                           .seed = run->seed,
                           .rows = kind == PF_DIVERGENCE_EXACT ? 1 : PROBES};
  pf_status status = pf_ref_evaluate(graph, &output, 1, &evaluation, results, error);
  pf_graph_free(graph);
  return status;
}

/* The mean over many probes at one point against the exact trace, in standard errors. The difference is biased by O(sigma^2),
 * far below one. */
static pf_status compare_probes(pf_verify_run *run, const probing *p, pf_error *error) {
  PF_TRY(evaluate(run, p, PF_DIVERGENCE_EXACT, error));
  double exact = p->found[0];
  for (pf_divergence kind = PF_DIVERGENCE_HUTCHINSON; kind <= PF_DIVERGENCE_DIFFERENCE; kind++) {
    double mean = 0, square = 0;
    PF_TRY(evaluate(run, p, kind, error));
    for (int i = 0; i < PROBES; i++) mean += p->found[i] / PROBES;
    for (int i = 0; i < PROBES; i++) square += (p->found[i] - mean) * (p->found[i] - mean);
    double standard_error = sqrt(square / (PROBES - 1.0) / PROBES);
    PF_TRY(pf_verify_add(run, (pf_claim){(mean - exact) / standard_error, 0, 3}, error,
                         "%s, mean of %d probes, standard errors", pf_divergence_name(kind), PROBES));
  }
  return PF_OK;
}

static pf_status check_probes(pf_verify_run *run, pf_error *error) {
  probing p = {
      .field = {
          .network = {
              .inputs = D, .outputs = D, .width = 16, .depth = 2, .frequencies = 1, .max_frequency = 1}}};
  pf_layout layout = {0};
  PF_TRY(with_params(&p.field, &p.params, &layout, error));
  pf_status status = pf_alloc(PROBES * D, sizeof(double), &p.rows, error);
  if (status == PF_OK) status = pf_alloc(PROBES, sizeof(double), &p.found, error);
  if (status == PF_OK) {
    pf_rng rng = pf_rng_at(run->seed, PF_STREAM_VERIFY, 12, 0);
    for (int64_t i = 0; i < layout.total; i++) p.params[i] = 0.4 * pf_rng_normal(&rng);
    for (int i = 0; i < PROBES * D; i++) p.rows[i] = i % D == 0 ? 0.7 : -0.4;
    status = compare_probes(run, &p, error);
  }
  pf_layout_free(&layout);
  pf_free(p.params);
  pf_free(p.rows);
  pf_free(p.found);
  return status;
}

pf_status pf_verify_jko_likelihood(pf_verify_run *run, pf_error *error) {
  double rows[ROWS * D];
  PF_TRY(pf_even_normals(ROWS, D, rows, error));
  PF_TRY(check_identity(run, rows, error));
  PF_TRY(check_linear(run, rows, error));
  PF_TRY(check_trace(run, error));
  PF_TRY(check_probes(run, error));
  return pf_verify_progress(run, "signs and estimators", 1, 1, error);
}
