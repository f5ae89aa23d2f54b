/* Contractions on oneDNN matmul primitives (2.6 C API).
 *
 * Scratchpads are in user mode: with the default mode two threads on one primitive corrupt each other. Memory
 * objects carry the data pointers, so every context has its own.
 */
#include "contraction.h"

#include <dnnl.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdatomic.h>

#include "../../base/cpu.h"
#include "../../base/memory.h"
#include "kernels.h"

enum { MAX_CONTEXTS = 16, SPARE_CONTEXTS = 2 };

/* Operands of a primitive in the order of its execution arguments. */
enum { SRC, WEIGHTS, DST, SCRATCH, OPERANDS };
static const int argument_of[OPERANDS] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};

typedef struct gemm {
  pf_gemm_shape shape;
  bool small;
  size_t scratch_bytes;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[MAX_CONTEXTS][OPERANDS];
} gemm;

struct pf_contractions {
  dnnl_engine_t engine;
  int contexts;
  dnnl_stream_t stream[MAX_CONTEXTS];
  atomic_flag taken[MAX_CONTEXTS];
  int count, capacity;
  gemm *gemms;
};

static pf_status check(dnnl_status_t status, const char *what, pf_error *error) {
  if (status == dnnl_success) return PF_OK;
  pf_status kind = status == dnnl_out_of_memory ? PF_NO_MEMORY : PF_FAILED;
  return pf_fail(error, kind, "oneDNN could not %s: status %d", what, (int)status);
}

static pf_status open_engine(pf_contractions *set, pf_error *error) {
  PF_TRY(check(dnnl_engine_create(&set->engine, dnnl_cpu, 0), "create a CPU engine", error));
  for (int i = 0; i < set->contexts; i++) {
    atomic_flag_clear(&set->taken[i]);
    PF_TRY(check(dnnl_stream_create(&set->stream[i], set->engine, dnnl_stream_default_flags),
                 "create a stream", error));
  }
  return PF_OK;
}

pf_status pf_contractions_create(int capacity, pf_contractions **out, pf_error *error) {
  pf_contractions *set = NULL;
  PF_TRY(pf_alloc(1, sizeof *set, &set, error));
  set->capacity = capacity;
  set->contexts = pf_cpu_count() + SPARE_CONTEXTS;
  if (set->contexts > MAX_CONTEXTS) set->contexts = MAX_CONTEXTS;
  pf_status status = pf_alloc((size_t)capacity, sizeof *set->gemms, &set->gemms, error);
  if (status == PF_OK) status = open_engine(set, error);
  if (status != PF_OK) {
    pf_contractions_free(set);
    return status;
  }
  *out = set;
  return PF_OK;
}

static void free_gemm(gemm *g) {
  for (int i = 0; i < MAX_CONTEXTS; i++)
    for (int j = 0; j < OPERANDS; j++)
      if (g->arguments[i][j].memory) dnnl_memory_destroy(g->arguments[i][j].memory);
  if (g->primitive) dnnl_primitive_destroy(g->primitive);
}

void pf_contractions_free(pf_contractions *set) {
  if (!set) return;
  for (int i = 0; i < set->count; i++) free_gemm(&set->gemms[i]);
  for (int i = 0; i < set->contexts; i++)
    if (set->stream[i]) dnnl_stream_destroy(set->stream[i]);
  if (set->engine) dnnl_engine_destroy(set->engine);
  pf_free(set->gemms);
  pf_free(set);
}

static dnnl_status_t describe(dnnl_memory_desc_t *desc, int64_t rows, int64_t columns, bool transposed) {
  dnnl_dims_t dims = {rows, columns};
  return dnnl_memory_desc_init_by_tag(desc, 2, dims, dnnl_f32, transposed ? dnnl_ba : dnnl_ab);
}

static pf_status describe_primitive(pf_contractions *set, const pf_gemm_shape *s, dnnl_primitive_desc_t *out,
                                    pf_error *error) {
  dnnl_memory_desc_t a, b, c;
  dnnl_matmul_desc_t matmul;
  dnnl_status_t status = describe(&a, s->m, s->k, s->transpose_a);
  if (status == dnnl_success) status = describe(&b, s->k, s->n, s->transpose_b);
  if (status == dnnl_success) status = describe(&c, s->m, s->n, false);
  if (status == dnnl_success) status = dnnl_matmul_desc_init(&matmul, &a, &b, NULL, &c);
  PF_TRY(check(status, "describe a matrix product", error));
  dnnl_primitive_attr_t attr;
  PF_TRY(check(dnnl_primitive_attr_create(&attr), "create attributes", error));
  status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = dnnl_primitive_desc_create(out, &matmul, attr, set->engine, NULL);
  dnnl_primitive_attr_destroy(attr);
  return check(status, "plan a matrix product", error);
}

static dnnl_status_t create_memories(pf_contractions *set, gemm *g, const_dnnl_primitive_desc_t desc) {
  static const dnnl_query_t query[OPERANDS] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md,
                                               dnnl_query_scratchpad_md};
  for (int j = 0; j < OPERANDS; j++) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(desc, query[j], 0);
    if (j == SCRATCH) g->scratch_bytes = dnnl_memory_desc_get_size(md);
    for (int i = 0; i < set->contexts; i++) {
      dnnl_exec_arg_t *argument = &g->arguments[i][j];
      argument->arg = argument_of[j];
      dnnl_status_t status = dnnl_memory_create(&argument->memory, md, set->engine, DNNL_MEMORY_NONE);
      if (status != dnnl_success) return status;
    }
  }
  return dnnl_success;
}

static pf_status create_gemm(pf_contractions *set, gemm *g, pf_error *error) {
  dnnl_primitive_desc_t desc;
  PF_TRY(describe_primitive(set, &g->shape, &desc, error));
  dnnl_status_t status = dnnl_primitive_create(&g->primitive, desc);
  if (status == dnnl_success) status = create_memories(set, g, desc);
  dnnl_primitive_desc_destroy(desc);
  return check(status, "create a matrix product", error);
}

static bool same_shape(const pf_gemm_shape *a, const pf_gemm_shape *b) {
  return a->m == b->m && a->n == b->n && a->k == b->k && a->transpose_a == b->transpose_a &&
         a->transpose_b == b->transpose_b;
}

pf_status pf_contractions_add(pf_contractions *set, const pf_gemm_shape *shape, int *index,
                              size_t *scratch_bytes, pf_error *error) {
  int i = 0;
  while (i < set->count && !same_shape(&set->gemms[i].shape, shape)) i++;
  if (i == set->count) {
    if (i == set->capacity) return pf_fail(error, PF_FAILED, "more than %d contractions", set->capacity);
    gemm *g = &set->gemms[i];
    g->shape = *shape;
    g->small = pf_small_gemm_fits(shape);
    g->scratch_bytes = g->small ? pf_small_gemm_scratch(shape) : 0;
    set->count++; /* from here on freed with the set */
    if (!g->small) PF_TRY(create_gemm(set, g, error));
  }
  *index = i;
  *scratch_bytes = set->gemms[i].scratch_bytes;
  return PF_OK;
}

pf_contraction_lease pf_contractions_enter(pf_contractions *set) {
  pf_contraction_lease lease = {.threads = omp_get_max_threads()};
  for (int i = 0;; i = (i + 1) % set->contexts) {
    if (!atomic_flag_test_and_set_explicit(&set->taken[i], memory_order_acquire)) {
      lease.context = i;
      break;
    }
    if (i == set->contexts - 1) sched_yield();
  }
  if (lease.threads != 1) omp_set_num_threads(1);
  return lease;
}

void pf_contractions_leave(pf_contractions *set, pf_contraction_lease lease) {
  if (lease.threads != 1) omp_set_num_threads(lease.threads);
  atomic_flag_clear_explicit(&set->taken[lease.context], memory_order_release);
}

void pf_contractions_run(pf_contractions *set, int context, int index, const float *a, const float *b,
                         float *c, void *scratch) {
  const gemm *g = &set->gemms[index];
  if (g->small) {
    pf_small_gemm_run(&g->shape, a, b, c, scratch);
    return;
  }
  /* oneDNN takes mutable handles for all; only DST and SCRATCH are written */
  void *handle[OPERANDS] = {(void *)(uintptr_t)a, (void *)(uintptr_t)b, c, scratch};
  dnnl_status_t status = dnnl_success;
  for (int j = 0; j < OPERANDS; j++)
    if (status == dnnl_success)
      status = dnnl_memory_set_data_handle(g->arguments[context][j].memory, handle[j]);
  if (status == dnnl_success)
    status = dnnl_primitive_execute(g->primitive, set->stream[context], OPERANDS, g->arguments[context]);
  if (status == dnnl_success) status = dnnl_stream_wait(set->stream[context]);
  if (status != dnnl_success) pf_kernel_fill((size_t)(g->shape.m * g->shape.n), NAN, c);
}
