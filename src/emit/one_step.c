/* One sample's graph: see one_step.h. */
#include "one_step.h"

#include <string.h>
#include "../base/memory.h"

enum { INPUT_NOISE, INPUT_PATH, INPUTS };

/* ---- weights of a spectral network, divided ---- */

/* Nodes of the weights W / sigma, in the order of the layers: what the network's products multiply by. */
static int find_weights(const pf_graph *graph, pf_node *out, int most) {
  int count = 0;
  for (int32_t id = 0; id < pf_graph_size(graph) && count < most; id++)
    if (pf_graph_node(graph, id)->op == PF_OP_MATMUL)
      out[count++] = (pf_node){(pf_graph *)(uintptr_t)graph, pf_graph_node(graph, id)->operand[1]};
  return count;
}

/* The k-th product's piece: layers, then the output. */
static const pf_parameter *weight_piece(const pf_layout *layout, int k, int depth) {
  char name[40];
  snprintf(name, sizeof name, "layer%d.weight", k);
  return pf_layout_find(layout, k < depth ? name : "out.weight");
}

/* Runs the graph's SHARED part alone: weights[i] goes to where its piece stands in step->params. */
static pf_status divide_weights(const pf_graph *graph, const float *params, pf_one_step *step,
                                pf_error *error) {
  enum { MOST = 65 };
  pf_node weights[MOST];
  float *outputs[MOST];
  pf_program *program = NULL;
  void *shared = NULL;
  const int depth = step->network.depth, count = find_weights(graph, weights, MOST);
  if (count != depth + 1)
    return pf_fail(error, PF_FAILED, "the network has %d products, expected %d", count, depth + 1);
  for (int k = 0; k < count; k++) outputs[k] = step->params + weight_piece(&step->layout, k, depth)->offset;
  pf_program_options options = pf_program_options_default();
  options.tile_rows = options.max_rows = 1;
  PF_TRY(pf_program_create(weights[0].graph, weights, count, &options, &program, error));
  pf_status status = pf_alloc(1, pf_program_shared_bytes(program), &shared, error);
  if (status == PF_OK) {
    pf_run run = {.params = (const float *[]){params}, .inputs = (const float *[]){NULL, NULL}, .rows = 1};
    pf_program_run_shared(program, &run, shared, outputs);
  }
  pf_free(shared);
  pf_program_free(program);
  return status;
}

static pf_status copy_params(const pf_learned *learned, pf_one_step *step, pf_error *error) {
  const pf_network_config *network = &pf_learned_map_of(learned)->network;
  const float *params = pf_learned_params(learned);
  pf_layout full = {0};
  pf_graph *graph = NULL;
  step->network = *network;
  step->network.spectral = false;
  PF_TRY(pf_network_layout(&step->network, &step->layout, error));
  PF_TRY(pf_alloc((size_t)step->layout.total, sizeof *params, &step->params, error));
  pf_status status = pf_network_layout(network, &full, error);
  for (int i = 0; status == PF_OK && i < step->layout.count; i++) {
    const pf_parameter *to = &step->layout.items[i], *from = pf_layout_find(&full, to->name);
    memcpy(step->params + to->offset, params + from->offset,
           (size_t)pf_shape_items(&to->shape) * sizeof *params);
  }
  pf_layout_free(&full);
  if (status != PF_OK || !network->spectral) return status;
  PF_TRY(pf_graph_create(&graph, error));
  pf_node x = pf_input(graph, INPUT_NOISE, PF_SHAPE(PF_PER_ROW, network->inputs));
  pf_network_apply(network, 0, x, x, x);
  status = pf_graph_status(graph, error);
  if (status == PF_OK) status = divide_weights(graph, params, step, error);
  pf_graph_free(graph);
  return status;
}

/* ---- the graph ---- */

static pf_node scaled(pf_node x, double factor) { return factor == 1 ? x : pf_scale(x, factor); }

static pf_status build(const pf_time_map *map, pf_one_step *step, pf_error *error) {
  const pf_term_values *at = &step->at;
  PF_TRY(pf_graph_create(&step->graph, error));
  pf_node z = pf_input(step->graph, INPUT_NOISE, PF_SHAPE(PF_PER_ROW, map->network.inputs));
  pf_node generated = pf_given_generated_node(&map->given, z), x = z, f;
  if (at->c != 1) x = pf_given_join_node(&map->given, pf_div(generated, pf_scalar(step->graph, at->c)), z);
  if (at->path) {
    pf_node path = pf_input(step->graph, INPUT_PATH, PF_SHAPE(PF_SHARED, map->network.width));
    f = pf_network_apply_path(&step->network, 0, x, path);
  } else {
    f = pf_network_apply(&step->network, 0, x, x, x);
  }
  pf_node y = scaled(f, at->of_network);
  if (at->of_x != 0) y = pf_add(scaled(generated, at->of_x), y);
  step->noise = z;
  step->result = pf_given_join_node(&map->given, y, z);
  return pf_graph_status(step->graph, error);
}

static pf_status check_model(const struct pf_model *model, pf_error *error) {
  if (model->generator) return PF_OK;
  if (model->flow)
    return pf_fail(error, PF_USAGE,
                   "this model is a flow without a one-step generator, and only one step can be exported: "
                   "train it with --student N");
  return pf_fail(error, PF_USAGE,
                 "this model is a velocity alone, sampled by many steps: only a one-step generator can be "
                 "exported (methods characteristic, wgan, w1fe, ...)");
}

pf_status pf_one_step_check_prior(const struct pf_model *model, pf_error *error) {
  const char *from = json_string_value(json_object_get(model->facts, "from"));
  if (!model->from_source) return PF_OK;
  return pf_fail(error, PF_USAGE,
                 "this model starts from rows of a source%s%.200s%s, not from noise: it can be exported as "
                 "weights alone",
                 from ? " ('" : "", from ? from : "", from ? "')" : "");
}

static pf_status create(const struct pf_model *model, pf_one_step *step, pf_error *error) {
  const pf_learned *learned = model->generator;
  PF_TRY(copy_params(learned, step, error));
  PF_TRY(pf_alloc(pf_learned_term_count(learned), sizeof(float), &step->terms, error));
  PF_TRY(pf_learned_move_terms(learned, model->start, model->end, step->terms, error));
  step->at = pf_learned_term_values(learned, step->terms);
  return build(pf_learned_map_of(learned), step, error);
}

pf_status pf_one_step_create(const struct pf_model *model, pf_one_step *out, pf_error *error) {
  pf_one_step step = {0};
  PF_TRY(check_model(model, error));
  pf_status status = create(model, &step, error);
  if (status == PF_OK)
    *out = step;
  else
    pf_one_step_free(&step);
  return status;
}

void pf_one_step_free(pf_one_step *step) {
  pf_graph_free(step->graph);
  pf_layout_free(&step->layout);
  pf_free(step->params);
  pf_free(step->terms);
  *step = (pf_one_step){0};
}

double pf_one_step_value(const pf_one_step *step, int32_t id, int64_t item) {
  const pf_node_data *node = pf_graph_node(step->graph, id);
  if (node->op == PF_OP_PARAM) return step->params[node->offset + item];
  if (node->op == PF_OP_INPUT) return step->at.path[item];
  return (float)pf_graph_constants(step->graph)[node->offset + (node->i[0] ? 0 : item)];
}

/* ---- running it ---- */

static pf_status run_rows(const pf_program *program, const pf_run *run, float *y, pf_error *error) {
  char *shared = NULL, *workspace = NULL;
  pf_status status = pf_alloc(1, pf_program_shared_bytes(program), &shared, error);
  if (status == PF_OK) status = pf_alloc(1, pf_program_workspace_bytes(program), &workspace, error);
  if (status == PF_OK) {
    pf_program_run_shared(program, run, shared, NULL);
    pf_program_run_lane(program, run, shared, workspace, 0, run->rows, &y);
  }
  pf_free(shared);
  pf_free(workspace);
  return status;
}

pf_status pf_one_step_run(const pf_one_step *step, const float *params, int64_t rows, const float *z,
                          float *y, pf_error *error) {
  pf_program *program = NULL;
  pf_program_options options = pf_program_options_default();
  options.tile_rows = options.max_rows = PF_TILE_ROWS;
  PF_TRY(pf_program_create(step->graph, &step->result, 1, &options, &program, error));
  pf_run run = {.params = (const float *[]){params},
                .inputs = (const float *[]){[INPUT_NOISE] = z, [INPUT_PATH] = step->at.path},
                .rows = rows};
  pf_status status = run_rows(program, &run, y, error);
  pf_program_free(program);
  return status;
}
