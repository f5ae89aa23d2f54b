/* A worker of the benchmarks of adversarial training: WGAN-GP (arXiv 1704.00028), generator and critic L x W with ReLU, D columns
 * of noise as of data, Adam (.5, .9).
 *
 *   work_wgf --work step|critic|critic-first [--dim D] [--width W] [--depth L] [--rows B] [--threads P] [--critic-steps N]
 *            [--dump FILE]
 *
 * step: an iteration is one of training, N critic steps with the gradient penalty and one generator step at new noise.
 * critic: an iteration is one critic step, whose penalty is differentiated twice. critic-first: the same without a penalty, so
 * that the ratio of the two is the cost of the second differentiation.
 * --dump: what the first critic step saw, as raw floats (layout: peers/torch_wgan.py). `value` is its loss plus the norm of its
 * gradient; critic-first has neither, as no peer does the same.
 */
#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "methods/wgf.h"
#include "work.h"
#include "work_piece.h"

enum { TABLE = 20000, SEED = 1 };

/* A network in training. */
typedef struct side {
  pf_layout layout;
  pf_fit_state state;
  pf_objective objective;
  pf_fit *fit;
} side;

typedef struct worker {
  int dim, width, depth, rows, threads, critic_steps;
  const char *work, *dump;
  bool step, penalty;
  pf_wgf w;
  side critic, generator;
  pf_pool *pool;
  float *data;
} worker;

static void choose_work(worker *w) {
  w->step = strcmp(w->work, "step") == 0;
  w->penalty = w->step || strcmp(w->work, "critic") == 0;
  if (!w->penalty && strcmp(w->work, "critic-first") != 0) work_refuse("not a work:", w->work);
}

/* ---- the problem ---- */

static void choose_settings(worker *w) {
  w->w = pf_wgf_default(w->dim);
  w->w.skip = false;
  w->w.batch = w->rows;
  w->w.constraint = w->penalty ? PF_WGF_CONSTRAINT_GRADIENT : PF_WGF_CONSTRAINT_NONE;
  w->w.fit = PF_WGF_FIT_NAIVE_FRESH;
  w->w.generator_rule.learning_rate = w->w.critic_rule.learning_rate = 1e-4;
  pf_network_config *networks[] = {&w->w.generator, &w->w.critic};
  for (int i = 0; i < 2; i++) {
    networks[i]->width = w->width;
    networks[i]->depth = w->depth;
    networks[i]->activation = PF_ACTIVATION_RELU;
    networks[i]->last_gain = 1;
  }
}

static void prepare_side(side *s, uint64_t seed) {
  pf_error error = {0};
  work_must(pf_fit_state_create(s->layout.total, &s->state, &error), &error);
  pf_layout_initialise(&s->layout, seed, s->state.arrays.params);
  memcpy(s->state.arrays.average, s->state.arrays.params, (size_t)s->layout.total * sizeof(float));
}

static void prepare_problem(worker *w) {
  pf_error error = {0};
  choose_settings(w);
  size_t n = (size_t)TABLE * (size_t)w->dim;
  work_must(pf_pool_create(w->threads, &w->pool, &error), &error);
  work_must(pf_alloc(n, sizeof *w->data, &w->data, &error), &error);
  pf_fill_normal_f32(SEED, PF_STREAM_LAW, 0, 0, TABLE, (size_t)w->dim, w->data);
  work_must(pf_network_layout(&w->w.generator, &w->generator.layout, &error), &error);
  work_must(pf_wgf_critic_layout(&w->w, &w->critic.layout, &error), &error);
  prepare_side(&w->generator, SEED);
  prepare_side(&w->critic, SEED + 1);
  pf_wgf_rows rows = {.data = TABLE};
  work_must(pf_wgf_critic_objective(&w->w, rows, &w->critic.objective, &error), &error);
  work_must(pf_wgf_generator_objective(&w->w, rows, &w->generator.objective, &error), &error);
  w->critic.objective.frozen[0] = w->generator.state.arrays.params;
  w->generator.objective.frozen[0] = w->critic.state.arrays.params;
  w->critic.objective.inputs[PF_WGF_DATA] = w->data;
}

static void open_side(worker *w, side *s, uint32_t stage, const pf_adam *rule) {
  pf_error error = {0};
  pf_fit_config config = {.steps = INT64_MAX,
                          .batch = w->rows,
                          .adam = *rule,
                          .schedule = PF_SCHEDULE_CONSTANT,
                          .seed = SEED,
                          .stage = stage};
  work_must(pf_fit_create(&s->objective, &config, &s->state, w->pool, &s->fit, &error), &error);
}

/* ---- what the peers take over ---- */

/* The first node of an operation in the critic's loss, which holds one each of those asked for. */
static pf_node first_of(const worker *w, pf_op op) {
  pf_graph *graph = w->critic.objective.graph;
  for (int32_t id = 0; id < pf_graph_size(graph); id++)
    if (pf_graph_node(graph, id)->op == op) return (pf_node){graph, id};
  work_refuse("the critic's loss draws no", "row, noise or point between them");
}

/* The rows, the noise and the points between them that the critic's first step will draw. */
static void dump_draws(const worker *w, FILE *file) {
  pf_error error = {0};
  const pf_node nodes[] = {first_of(w, PF_OP_GATHER), first_of(w, PF_OP_NORMAL), first_of(w, PF_OP_UNIFORM)};
  size_t n = (size_t)w->rows, d = (size_t)w->dim, floats = n * (2 * d + 1);
  float *all = NULL;
  pf_batch *batch = NULL;
  work_must(pf_alloc(floats, sizeof *all, &all, &error), &error);
  work_must(pf_batch_create(w->critic.objective.graph, nodes, 3, w->rows, PF_PRECISION_F32, w->pool, &batch,
                            &error),
            &error);
  float *outputs[] = {all, all + n * d, all + 2 * n * d};
  const float *inputs[PF_FIT_INPUTS] = {[PF_WGF_DATA] = w->data};
  pf_run run = {.inputs = inputs, .seed = SEED, .step = 1, .rows = w->rows};
  pf_batch_run(batch, &run, outputs);
  fwrite(all, sizeof *all, floats, file);
  pf_batch_free(batch);
  pf_free(all);
}

static void dump(const worker *w) {
  FILE *file = w->dump ? fopen(w->dump, "wb") : NULL;
  if (!w->dump) return;
  if (!file) work_refuse("cannot write", w->dump);
  work_write_pieces(file, &w->generator.layout, w->generator.state.arrays.params);
  work_write_pieces(file, &w->critic.layout, w->critic.state.arrays.params);
  dump_draws(w, file);
  if (fclose(file) != 0) work_refuse("cannot write", w->dump);
}

/* Takes the first critic step. Its gradient is what Adam's first moment remembers, which started at zero. */
static double first_step(worker *w) {
  pf_error error = {0};
  work_must(pf_fit_advance(w->critic.fit, 1, &error), &error);
  const pf_adam_state *s = &w->critic.state.arrays;
  double sum = 0;
  for (int64_t i = 0; i < s->n; i++) sum += (double)s->first_moment[i] * s->first_moment[i];
  return w->critic.state.loss + sqrt(sum) / (1 - w->w.critic_rule.beta1);
}

/* ---- serving ---- */

static double go(void *context, long k, char *facts, size_t room) {
  worker *w = context;
  pf_error error = {0};
  (void)room;
  (void)facts;
  double begin = pf_clock_seconds();
  if (!w->step) work_must(pf_fit_advance(w->critic.fit, k, &error), &error);
  for (long i = 0; w->step && i < k; i++) {
    work_must(pf_fit_advance(w->critic.fit, w->critic_steps, &error), &error);
    work_must(pf_fit_advance(w->generator.fit, 1, &error), &error);
  }
  return pf_clock_seconds() - begin;
}

static void release_side(side *s) {
  pf_fit_free(s->fit);
  pf_graph_free(s->objective.graph);
  pf_fit_state_free(&s->state);
  pf_layout_free(&s->layout);
}

static void release(worker *w) {
  release_side(&w->critic);
  release_side(&w->generator);
  pf_pool_free(w->pool);
  pf_free(w->data);
}

int main(int argc, char **argv) {
  worker w = {
      .dim = 2, .width = 512, .depth = 3, .rows = 256, .threads = 1, .critic_steps = 5, .work = "step"};
  const work_option options[] = {
      {.name = "--work", .text = &w.work},     {.name = "--dim", .number = &w.dim},
      {.name = "--width", .number = &w.width}, {.name = "--depth", .number = &w.depth},
      {.name = "--rows", .number = &w.rows},   {.name = "--critic-steps", .number = &w.critic_steps},
      {.name = "--dump", .text = &w.dump},     {.name = "--threads", .number = &w.threads}};
  work_read_options(argc, argv, options, sizeof options / sizeof *options);
  choose_work(&w);
  if (w.dump && !w.penalty) work_refuse("nothing for peers to take over in", w.work);
  prepare_problem(&w);
  dump(&w);
  open_side(&w, &w.critic, 0, &w.w.critic_rule);
  open_side(&w, &w.generator, 1, &w.w.generator_rule);
  double value = first_step(&w);
  char ready[256], agree[32] = "";
  if (w.penalty) snprintf(agree, sizeof agree, ",\"value\":%.9g", value);
  snprintf(ready, sizeof ready, "{\"version\":\"%s\",\"class\":\"%s\",\"parameters\":%lld%s}", pf_version(),
           pf_cpu_class(), (long long)(w.critic.layout.total + w.generator.layout.total), agree);
  int code = work_serve(ready, go, &w);
  release(&w);
  return code;
}
