/* A one-step objective of one's own: Lagrangian self-distillation (arXiv 2505.18825) in one stage, on a built-in law.
 *
 *   diagonal      E |F(t, t, x_t) - target|^2                    the velocity, by regression
 *   off it        E |d_s g(t, s, x_t) - sg v(s, g(t, s, x_t))|      g follows it; the derivative in s is a tangent of the graph
 *
 *   objective OUT.safetensors            then: pushforward eval OUT.safetensors law:moons       (docs/extending.md walks through it) */
#include <stdio.h>
#include "train/training.h"

enum { STEPS = 8000, BATCH = 512, X0 = 1, X1, TIME, SPAN };

static const pf_time_map map = {
    .interpolant = PF_INTERPOLANT_TRIG,
    .network = {2, 2, .width = 64, .depth = 3, .times = 2, .frequencies = 2, .max_frequency = 1}};

static pf_status objective(const pf_training *data, pf_objective *o, pf_error *error) {
  pf_graph *graph = NULL;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node rows = pf_input(graph, 0, PF_SHAPE(PF_SHARED, (int)data->n, 2));
  pf_node x0 = pf_normal(graph, X0, 2), x1 = pf_gather(rows, pf_index(graph, X1, (int)data->n));
  pf_node t = pf_reshape(pf_uniform(graph, TIME, 1), 0, NULL),
          u = pf_reshape(pf_uniform(graph, SPAN, 1), 0, NULL);
  pf_node s = pf_add(t, pf_mul(u, pf_sub(pf_scalar(graph, 1), t))); /* t <= s <= 1 */
  pf_node x = pf_interpolant_point_node(map.interpolant, t, x0, x1);
  pf_node g = pf_time_map_node(&map, 0, x, t, s), one = pf_scalar(graph, 1), g_s;
  pf_jvp(&g, 1, &s, &one, 1, &g_s);
  pf_node off = pf_sub(g_s, pf_stop_gradient(pf_time_map_velocity_node(&map, 0, g, s)));
  pf_node on = pf_sub(pf_time_map_network_node(&map, 0, x, t, t), pf_time_map_target_node(&map, t, x0, x1));
  /* a norm instead of its square: rows whose g is far astray do not drive the others */
  pf_node per_row =
      pf_add(pf_sum_items(pf_square(on)), pf_sqrt(pf_offset(pf_sum_items(pf_square(off)), 0.01)));
  *o = (pf_objective){.graph = graph,
                      .loss = pf_mean_rows(per_row, pf_scalar(graph, 1.0 / BATCH)),
                      .inputs = {data->encoded}};
  o->balance_weight = (pf_node){graph, -1};
  return pf_graph_status(graph, error);
}

static pf_status train(pf_training *data, pf_model **out, pf_error *error) {
  pf_fit_config config = {.steps = STEPS,
                          .batch = BATCH,
                          .adam = pf_adam_default(),
                          .clip = 1,
                          .ema = 0.999,
                          .schedule = PF_SCHEDULE_COSINE,
                          .warmup = 500,
                          .seed = data->seed};
  pf_layout layout = {0};
  pf_objective o = {0};
  pf_fit_state state = {0};
  pf_fit *fit = NULL;
  config.adam.learning_rate = 1e-3;
  pf_status status = pf_network_layout(&map.network, &layout, error);
  if (status == PF_OK) status = pf_fit_state_create(layout.total, &state, error);
  if (status == PF_OK) pf_layout_initialise(&layout, data->seed, state.arrays.params);
  if (status == PF_OK) status = objective(data, &o, error);
  if (status == PF_OK) status = pf_fit_create(&o, &config, &state, data->pool, &fit, error);
  if (status == PF_OK) status = pf_fit_run(fit, NULL, NULL, error);
  if (status == PF_OK) status = pf_training_model(data, out, error);
  if (status == PF_OK) status = pf_learned_create(&map, state.arrays.average, &(*out)->generator, error);
  if (status == PF_OK) (*out)->end = 1;
  pf_fit_free(fit);
  pf_graph_free(o.graph);
  pf_fit_state_free(&state);
  pf_layout_free(&layout);
  return status;
}

int main(int argc, char **argv) {
  pf_train_options options = pf_train_options_default();
  pf_table *rows = NULL;
  pf_training data = {0};
  pf_model *model = NULL;
  pf_error error = {0};
  options.method = "my-objective", options.source = "law:moons", options.encoder = "standard";
  pf_status status = argc == 2 ? pf_table_load(options.source, NULL, &rows, &error)
                               : pf_fail(&error, PF_USAGE, "objective OUT");
  if (status == PF_OK) status = pf_training_begin(rows, NULL, &options, &data, &error);
  if (status == PF_OK) status = train(&data, &model, &error);
  if (status == PF_OK) status = pf_model_save(model, argv[1], &error);
  if (status != PF_OK) fprintf(stderr, "objective: %s\n", error.message);
  pf_model_free(model);
  pf_training_end(&data);
  pf_table_free(rows);
  return pf_status_exit_code(status);
}
