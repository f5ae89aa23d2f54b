/* Programs: compiling a graph for the CPU, and running its two sections.
 *
 * A lane runs tile after tile. Leaves of the batch are read where they are while a tile is full; the last, shorter tile reads
 * a copy whose missing rows repeat the last real one, so that every kernel keeps its fixed shape. The first tile writes PARTIAL
 * outputs straight into the caller's arrays, later tiles are added to them in order.
 */
#include "plan.h"

#include <string.h>

#include "../../base/memory.h"

pf_program_options pf_program_options_default(void) { return (pf_program_options){.fuse = true}; }

/* ---- compiling ---- */

static pf_status check_request(const pf_graph *graph, const pf_node *outputs, int n_outputs,
                               const pf_program_options *options, pf_error *error) {
  PF_TRY(pf_graph_status(graph, error));
  if (n_outputs < 1) return pf_fail(error, PF_USAGE, "a program needs outputs, got %d", n_outputs);
  if (options->tile_rows < 0) return pf_fail(error, PF_USAGE, "tile_rows is %d", options->tile_rows);
  for (int i = 0; i < n_outputs; i++)
    if (outputs[i].graph != graph || outputs[i].id < 0 || outputs[i].id >= pf_graph_size(graph))
      return pf_fail(error, PF_USAGE, "output %d is not a node of this graph (id %d)", i, (int)outputs[i].id);
  return PF_OK;
}

/* Values name constants by their offset in the graph's pool. */
static pf_status copy_constants(const pf_graph *graph, pf_program *program, pf_error *error) {
  const double *from = pf_graph_constants(graph);
  int64_t count = 0;
  for (int32_t id = 0; id < pf_graph_size(graph); id++) {
    const pf_node_data *node = pf_graph_node(graph, id);
    int64_t end = node->offset + pf_shape_items(&node->shape);
    if (node->op == PF_OP_CONSTANT && end > count) count = end;
  }
  PF_TRY(pf_alloc((size_t)count, sizeof *program->constants, &program->constants, error));
  for (int64_t i = 0; i < count; i++) program->constants[i] = (float)from[i];
  return PF_OK;
}

static pf_status compile(pf_graph *graph, const pf_node *outputs, int n_outputs,
                         const pf_program_options *options, pf_program *program, pf_error *error) {
  pf_plan plan = {.graph = graph, .size = pf_graph_size(graph), .fuse = options->fuse, .program = program};
  plan.narrows = options->precision == PF_PRECISION_BF16;
  plan.rows = options->tile_rows > 0 ? options->tile_rows : PF_BF16_STEP;
  PF_TRY(pf_alloc((size_t)n_outputs, sizeof *program->output, &program->output, error));
  program->outputs = n_outputs;
  program->kernels = pf_gemm_best();
  program->narrow_kernels = pf_gemm_bf16_best();
  PF_TRY(copy_constants(graph, program, error));
  pf_status status = pf_plan_run(&plan, outputs, n_outputs, error);
  pf_plan_free(&plan);
  if (status == PF_OK) status = pf_arena_layout(program, options, error);
  return status;
}

pf_status pf_program_create(pf_graph *graph, const pf_node *outputs, int n_outputs,
                            const pf_program_options *options, pf_program **out, pf_error *error) {
  pf_program_options defaults = pf_program_options_default();
  if (!options) options = &defaults;
  PF_TRY(check_request(graph, outputs, n_outputs, options, error));
  pf_program *program = NULL;
  PF_TRY(pf_alloc(1, sizeof *program, &program, error));
  pf_status status = compile(graph, outputs, n_outputs, options, program, error);
  if (status != PF_OK) {
    pf_program_free(program);
    return status;
  }
  *out = program;
  return PF_OK;
}

void pf_program_free(pf_program *program) {
  if (!program) return;
  for (int32_t i = 0; program->group && i < program->groups; i++) {
    pf_free(program->group[i].reg);
    pf_free(program->group[i].instruction);
  }
  pf_free(program->shared.step);
  pf_free(program->lane.step);
  pf_free(program->group);
  pf_free(program->value);
  pf_free(program->output);
  pf_free(program->constants);
  pf_free(program);
}

int pf_program_tile_rows(const pf_program *program) { return program->tile_rows; }
size_t pf_program_workspace_bytes(const pf_program *program) { return program->lane.bytes; }
size_t pf_program_shared_bytes(const pf_program *program) { return program->shared.bytes; }
pf_program_stats pf_program_statistics(const pf_program *program) { return program->stats; }

/* ---- running ---- */

static pf_execution open_section(const pf_program *program, const pf_section *section, const pf_run *run,
                                 void *workspace) {
  char *bytes = workspace;
  return (pf_execution){.program = program,
                        .run = run,
                        .section = section,
                        .pointer = workspace,
                        .reg = (const float **)(bytes + section->reg_pointers),
                        .blocks = (float *)(bytes + section->blocks),
                        .scratch = bytes + section->scratch};
}

/* Read-only bindings go through the same table as arena slots; nothing writes to them. */
static float *writable(const float *pointer) { return (float *)(uintptr_t)pointer; }

static void bind_values(const pf_execution *at, float *shared_arena, float *lane_arena) {
  const pf_program *p = at->program;
  for (int32_t i = 0; i < p->values; i++) {
    const pf_value *v = &p->value[i];
    switch (v->base) {
    case PF_BASE_PARAM: at->pointer[i] = writable(at->run->params[v->index] + v->offset); break;
    case PF_BASE_INPUT: at->pointer[i] = writable(at->run->inputs[v->index]); break;
    case PF_BASE_CONSTANT: at->pointer[i] = p->constants + v->offset; break;
    case PF_BASE_SHARED: at->pointer[i] = shared_arena + v->offset; break;
    case PF_BASE_ROWS:
    case PF_BASE_LANE: at->pointer[i] = lane_arena ? lane_arena + v->offset : NULL; break;
    case PF_BASE_OUTPUT: at->pointer[i] = NULL; break; /* bound with the outputs */
    }
  }
}

static float *arena_of(const pf_section *section, const void *workspace) {
  return (float *)((uintptr_t)workspace + section->arena);
}

void pf_program_run_shared(const pf_program *program, const pf_run *run, void *shared,
                           float *const *outputs) {
  pf_execution at = open_section(program, &program->shared, run, shared);
  bind_values(&at, arena_of(&program->shared, shared), NULL);
  pf_steps_run(&at);
  for (int i = 0; i < program->outputs; i++) {
    const pf_output *out = &program->output[i];
    if (out->span == PF_SHARED)
      memcpy(outputs[i], at.pointer[out->value], (size_t)out->items * sizeof(float));
  }
}

static void bind_batch_inputs(const pf_execution *at, float *arena) {
  const pf_program *p = at->program;
  for (int32_t i = 0; i < p->values; i++) {
    const pf_value *v = &p->value[i];
    if (v->base != PF_BASE_ROWS) continue;
    const float *rows = at->run->inputs[v->index] + at->row * v->items;
    at->pointer[i] = writable(rows);
    if (at->valid == p->tile_rows) continue;
    float *copy = at->pointer[i] = arena + v->offset;
    memcpy(copy, rows, (size_t)(at->valid * v->items) * sizeof(float));
    for (int64_t r = at->valid; r < p->tile_rows; r++)
      memcpy(copy + r * v->items, rows + (at->valid - 1) * v->items, (size_t)v->items * sizeof(float));
  }
}

/* Sums of the first tile are made in place, and products that go on adding stay there. */
static void bind_sums(const pf_execution *at, float *arena, float *const *outputs) {
  for (int i = 0; i < at->program->outputs; i++) {
    const pf_output *out = &at->program->output[i];
    if (out->span != PF_PARTIAL || !out->first) continue;
    const pf_value *v = &at->program->value[out->value];
    at->pointer[out->value] = at->first_tile || v->base == PF_BASE_OUTPUT ? outputs[i] : arena + v->offset;
  }
}

static void write_outputs(const pf_execution *at, float *const *outputs) {
  for (int i = 0; i < at->program->outputs; i++) {
    const pf_output *out = &at->program->output[i];
    const float *value = at->pointer[out->value];
    if (out->span == PF_PER_ROW)
      memcpy(outputs[i] + at->row * out->items, value, (size_t)(at->valid * out->items) * sizeof(float));
    else if (out->span == PF_PARTIAL && out->first && !at->first_tile && value != outputs[i])
      pf_kernel_run(PF_KERNEL_ADD, (size_t)out->items, outputs[i], value, NULL, outputs[i]);
  }
}

/* Sums nobody made yet, or made under another output's name. */
static void finish_sums(const pf_program *program, bool empty, float *const *outputs) {
  for (int i = 0; i < program->outputs; i++) {
    const pf_output *out = &program->output[i];
    if (out->span != PF_PARTIAL) continue;
    if (empty) memset(outputs[i], 0, (size_t)out->items * sizeof(float));
    for (int j = 0; !out->first && j < i; j++)
      if (program->output[j].value == out->value && program->output[j].first)
        memcpy(outputs[i], outputs[j], (size_t)out->items * sizeof(float));
  }
}

void pf_program_run_lane(const pf_program *program, const pf_run *run, const void *shared, void *workspace,
                         int64_t begin, int64_t end, float *const *outputs) {
  pf_execution at = open_section(program, &program->lane, run, workspace);
  float *arena = arena_of(&program->lane, workspace);
  if (end > run->rows) end = run->rows;
  bind_values(&at, arena_of(&program->shared, shared), arena);
  for (at.row = begin; at.row < end; at.row += program->tile_rows) {
    at.valid = end - at.row < program->tile_rows ? end - at.row : program->tile_rows;
    bind_batch_inputs(&at, arena);
    at.first_tile = at.row == begin;
    bind_sums(&at, arena, outputs);
    pf_steps_run(&at);
    write_outputs(&at, outputs);
  }
  finish_sums(program, begin >= end, outputs);
}
