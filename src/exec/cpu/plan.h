/* What a compiled program is made of, shared by the files of this folder.
 *
 *   value    storage of one node: a leaf's binding, or a slot of an arena. Reshapes and the like have none of their own.
 *   group    element-wise nodes over the same element space (span, items), evaluated block by block
 *   step     a group, a contraction, a sum, a copy or a random fill; steps run in order
 *   section  the steps of one span of execution: SHARED once per run, or a lane once per tile
 *
 * A section's workspace is plain bytes: [pointers of values][pointers of registers][arena][block scratch][scratch of
 * matrix products], every part 64-byte aligned. `rows` of a value is the tile height for PER_ROW and 1 otherwise.
 */
#ifndef PF_EXEC_CPU_PLAN_H
#define PF_EXEC_CPU_PLAN_H

#include "../exec.h"
#include "gemm_bf16.h"
#include "kernels.h"

enum {
  PF_BLOCK = 512 /* floats of a block: a handful of them stay in the first-level cache */,
  PF_ALIGN = 64
};

typedef enum pf_base {
  PF_BASE_PARAM,    /* run->params[index] + offset */
  PF_BASE_INPUT,    /* SHARED input `index` */
  PF_BASE_ROWS,     /* PER_ROW input `index`: the batch itself, or a padded copy in the arena */
  PF_BASE_CONSTANT, /* program->constants + offset */
  PF_BASE_SHARED,   /* shared arena + offset */
  PF_BASE_LANE,     /* lane arena + offset */
  PF_BASE_OUTPUT    /* the caller's array, which the step that makes the value adds to */
} pf_base;

typedef struct pf_value {
  pf_base base;
  pf_span span;
  int32_t index;
  int64_t offset, items; /* floats */
  bool narrow;           /* rows of `items` elements of bfloat16, pf_bf16_pitch(items) apart */
  bool sums;             /* made by sums over rows, which can go on in what is there already */
  int32_t first, last;   /* steps of its section between which an arena slot is taken */
  int32_t made;          /* the last step that makes it: several sums may, one after the other */
} pf_value;

/* ---- groups ---- */

typedef enum pf_reg_kind {
  PF_REG_DIRECT, /* memory of a value, seen through row_stride: read or written in place */
  PF_REG_SCALAR, /* one float of a value */
  PF_REG_ONCE,   /* scratch block holding the same numbers for every block: expanded when the group begins */
  PF_REG_TEMP    /* scratch block */
} pf_reg_kind;

/* How a node sees an operand: its own item axes (padded with 1 in front) and the operand's strides along them and along
 * the rows; stride 0 repeats. */
typedef struct pf_view {
  int64_t offset, row_stride, dim[PF_MAX_AXES], stride[PF_MAX_AXES];
} pf_view;

typedef struct pf_reg {
  pf_reg_kind kind;
  int32_t value; /* DIRECT, SCALAR, and the source of ONCE and of EXPAND instructions */
  int32_t slot;  /* ONCE, TEMP: number of the scratch block */
  pf_view view;
} pf_reg;

typedef enum pf_instruction_kind {
  PF_RUN_KERNEL,
  PF_RUN_PAIR, /* `out` the first operation, `second` the other */
  PF_EXPAND,
  PF_NARROW, /* into a value in bfloat16 */
  PF_FOLD_ROWS,
  PF_FOLD_COLUMNS
} pf_instruction_kind;

typedef struct pf_instruction {
  pf_instruction_kind kind;
  pf_kernel kernel;                              /* RUN_KERNEL */
  pf_pair pair;                                  /* RUN_PAIR */
  int32_t operand[PF_MAX_OPERANDS], out, second; /* registers; -1: none */
  int32_t value;                                 /* FOLD_*, NARROW: where it goes */
  int32_t accumulator; /* FOLD_ROWS of few columns: scratch block of doubles, else -1 */
  bool goes_on;        /* FOLD_ROWS: adds to what is there */
  int64_t columns;     /* FOLD_COLUMNS: length summed over */
} pf_instruction;

typedef struct pf_group {
  pf_span span;
  int64_t items;
  int64_t block_rows; /* whole rows per block; 0: blocks are chunks of PF_BLOCK elements of one row */
  int64_t block;      /* floats of a scratch block */
  int32_t regs, instructions, slots;
  pf_reg *reg;
  pf_instruction *instruction;
} pf_group;

/* ---- steps ---- */

typedef enum pf_step_kind {
  PF_STEP_GROUP,
  PF_STEP_GEMM,
  PF_STEP_PACK,   /* weights for the lanes' products */
  PF_STEP_NARROW, /* a copy in bfloat16 of what no group makes */
  PF_STEP_REPEAT, /* a SHARED value once for every row */
  PF_STEP_SUM_ROWS,
  PF_STEP_SUM_AXIS,
  PF_STEP_CONCAT,
  PF_STEP_PAD,
  PF_STEP_GATHER,
  PF_STEP_NORMAL,
  PF_STEP_UNIFORM,
  PF_STEP_INDEX,
  PF_STEP_ROW_WEIGHT
} pf_step_kind;

typedef struct pf_step {
  pf_step_kind kind;
  int32_t stage, node;              /* order: by stage, then by node */
  int32_t out, in[PF_MAX_OPERANDS]; /* values; GEMM: a, b and what the sums start from; SUM_ROWS: likewise */
  int32_t group;                    /* GROUP */
  pf_gemm_shape
      gemm; /* GEMM, PACK: m or k are per row of the tile where scaled_* says so, until the tile is chosen */
  bool scaled_m, scaled_k;
  bool packed;     /* GEMM: b is packed */
  bool narrow;     /* GEMM, PACK: in bfloat16 */
  int64_t size[3]; /* sizes by kind: see steps.c */
} pf_step;

typedef struct pf_section {
  pf_step *step;
  int32_t steps;
  size_t reg_pointers; /* offsets in bytes from the workspace's start; value pointers stand at 0 */
  size_t arena, blocks, scratch, bytes;
} pf_section;

typedef struct pf_output {
  int32_t value;
  pf_span span;
  int64_t items;
  bool first; /* first output that names this value; a PARTIAL one is accumulated in place */
} pf_output;

struct pf_program {
  int tile_rows;
  pf_section shared, lane;
  pf_value *value;
  int32_t values;
  pf_group *group;
  int32_t groups;
  pf_output *output;
  int outputs;
  float *constants;
  const pf_gemm_kernels *kernels;
  const pf_bf16_kernels *narrow_kernels;
  pf_program_stats stats;
};

/* ---- compiling ---- */

/* The graph seen by the planner. Arrays are indexed by node. */
typedef struct pf_plan {
  pf_graph *graph;
  int32_t size;
  bool fuse, narrows;    /* narrows: large products run in bfloat16 */
  int64_t rows;          /* of a tile, or, while that is open, what they will be a multiple of */
  int32_t *root;         /* the node whose storage this one shows (itself, unless a reshape) */
  int32_t *stage;        /* depth in steps; -1 for what is there before the section begins */
  int32_t *group;        /* group, -1 for none */
  int32_t *value;        /* of roots, -1 for none */
  int32_t *product;      /* of sums that start a matrix product: the product's node, else -1 */
  int32_t *sum;          /* of sums over rows that add up in one value: the last of them, else -1 */
  int32_t *narrow_value; /* of roots that have a copy in bfloat16, else -1 */
  uint8_t *needed, *stored, *narrow; /* stored: as floats; narrow: its group writes a copy in bfloat16 */
  pf_program *program;
} pf_plan;

/* Operand k as its user reads it: an element-wise user looks through broadcasts, which are views to it. */
int32_t pf_plan_operand(const pf_plan *plan, const pf_node_data *node, int k);
bool pf_plan_same_space(const pf_shape *a, const pf_shape *b);
/* uses[root]: how many needed nodes and outputs read it. */
void pf_plan_count_uses(const pf_plan *plan, const pf_node *outputs, int n_outputs, int32_t *uses);
/* The roots a node's step reads; returns how many. */
int pf_plan_inputs(const pf_plan *plan, int32_t id, int32_t in[PF_MAX_OPERANDS]);
/* x + A B with a sum that starts from x: marks the additions that take their product in (plan_products.c). */
pf_status pf_plan_products(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error);
/* Additions of sums over rows that vanish, because the sums go on in one value (plan_sums.c). Needs stages and leaves them to
 * be found again. */
pf_status pf_plan_sums(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error);
int32_t pf_plan_add_value(pf_plan *plan, pf_value value);
/* A value in bfloat16 with rows of `items`. */
pf_value pf_plan_narrow_copy(int64_t items);
/* Step number `step` of the value's section makes it, or reads it (-1: no value). */
void pf_plan_define(pf_program *program, int32_t value, int32_t step);
/* Does a step of its section make this value already? */
bool pf_plan_is_made(const pf_program *program, int32_t value);
void pf_plan_use(pf_program *program, int32_t value, int32_t step);
/* Before a product's step: copies in bfloat16, packed weights, repeated rows. in: roots of its operands. */
void pf_plan_describe_product(pf_plan *plan, pf_section *section, const int32_t *in, pf_step *step);
/* The product a node's step computes, in sizes per row: false when it is none. */
bool pf_plan_product(const pf_plan *plan, int32_t id, pf_step *step);
bool pf_plan_groupable(const pf_plan *plan, int32_t id);
/* True when this sum is done at the end of its operand's group, and when it would be with fusion. */
bool pf_plan_folds(const pf_plan *plan, int32_t id);
bool pf_plan_could_fold(const pf_plan *plan, int32_t id);
/* The ops of a pair, the first first. */
extern const pf_op pf_pair_ops[PF_PAIR_COUNT][2];
/* The other node of a pair (kernels.h) on the same operand as this one; -1: none. */
int32_t pf_plan_partner(const pf_plan *plan, int32_t id, pf_pair *pair);
/* Length summed over and what lies inside of it, for SUM_AXIS. */
void pf_plan_axis(const pf_plan *plan, int32_t id, int64_t *length, int64_t *inner);

pf_status pf_plan_run(pf_plan *plan, const pf_node *outputs, int n_outputs, pf_error *error);
void pf_plan_free(pf_plan *plan);
/* Instructions of one group from its members (nodes in creation order, folded sums included). */
pf_status pf_group_compile(const pf_plan *plan, const int32_t *members, int32_t n, pf_group *group,
                           pf_error *error);
/* Tile height, slots of both arenas, contractions and the sizes of the workspaces. */
pf_status pf_arena_layout(pf_program *program, const pf_program_options *options, pf_error *error);

/* ---- running ---- */

/* One section being run by one thread. */
typedef struct pf_execution {
  const pf_program *program;
  const pf_run *run;
  const pf_section *section;
  float **pointer;   /* by value */
  const float **reg; /* by register of the group that runs */
  float *blocks;     /* scratch blocks */
  void *scratch;     /* of matrix products */
  bool first_tile;
  int64_t row, valid; /* first batch row of the tile, rows that are real */
} pf_execution;

/* Does a sum over rows into this value go on in what is there, from an earlier step or an earlier tile? */
bool pf_sum_goes_on(const pf_execution *at, int32_t value, bool after_others);
/* A sum over rows that ran in double becomes `out`, or is added to it. */
void pf_sum_round(const double *sums, int64_t n, bool goes_on, float *out);

static inline int64_t pf_span_rows(const pf_execution *at, pf_span span) {
  return span == PF_PER_ROW ? at->program->tile_rows : 1;
}

void pf_group_run(const pf_execution *at, const pf_group *group);
/* All steps of at->section. */
void pf_steps_run(const pf_execution *at);

#endif
