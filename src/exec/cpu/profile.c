/* Profiles: the accumulators of every step and thread, and their sums. A thread's accumulators fill whole cache lines. */
#include "profile.h"

#include "../../base/memory.h"

struct pf_program_profile {
  const pf_program *program;
  int threads;
  size_t stride; /* accumulators per thread */
  pf_ticks *ticks;
  double begun; /* clock, and the ticks right after */
  int64_t begun_ticks;
};

int pf_program_profile_entries(const pf_program_profile *profile) {
  return profile->program->shared.steps + profile->program->lane.steps;
}

pf_status pf_program_profile_create(const pf_program *program, int threads, pf_program_profile **out,
                                    pf_error *error) {
  enum { PER_LINE = PF_ALIGN / sizeof(pf_ticks) };
  if (threads < 1) return pf_fail(error, PF_USAGE, "a profile of %d threads", threads);
  pf_program_profile *profile = NULL;
  PF_TRY(pf_alloc(1, sizeof *profile, &profile, error));
  profile->program = program;
  profile->threads = threads;
  profile->stride = ((size_t)pf_program_profile_entries(profile) + PER_LINE - 1) / PER_LINE * PER_LINE;
  pf_status status =
      pf_alloc((size_t)threads * profile->stride, sizeof *profile->ticks, &profile->ticks, error);
  if (status != PF_OK) {
    pf_free(profile);
    return status;
  }
  profile->begun = pf_clock_seconds();
  profile->begun_ticks = pf_cpu_ticks();
  *out = profile;
  return PF_OK;
}

void pf_program_profile_free(pf_program_profile *profile) {
  if (!profile) return;
  pf_free(profile->ticks);
  pf_free(profile);
}

pf_ticks *pf_program_profile_thread(const pf_program_profile *profile, int thread) {
  return profile->ticks + (size_t)thread * profile->stride;
}

double pf_program_profile_tick(const pf_program_profile *profile) {
  const int64_t ticks = pf_cpu_ticks() - profile->begun_ticks;
  const double seconds = pf_clock_seconds() - profile->begun;
  return ticks > 0 ? seconds / (double)ticks : 0;
}

pf_profile_entry pf_program_profile_entry(const pf_program_profile *profile, int index) {
  const pf_program *p = profile->program;
  pf_profile_entry entry = {.shared = index < p->shared.steps};
  pf_step_describe(p, entry.shared ? &p->shared.step[index] : &p->lane.step[index - p->shared.steps], &entry);
  for (int t = 0; t < profile->threads; t++) {
    const pf_ticks *of = pf_program_profile_thread(profile, t) + index;
    entry.taken.ticks += of->ticks;
    entry.taken.calls += of->calls;
  }
  return entry;
}

double pf_precision_peak_bf16(void) {
  enum { STEPS = 8, K = STEPS * PF_BF16_STEP, RUNS = 200, BLOCKS = 16 };
  _Alignas(PF_ALIGN) uint16_t a[PF_BF16_BLOCK * K] = {0}, b[PF_BF16_BLOCK * K] = {0};
  _Alignas(PF_ALIGN) float c[PF_BF16_BLOCK * PF_BF16_BLOCK];
  const pf_bf16_kernels *kernels = pf_gemm_bf16_best();
  const pf_bf16_block block = {.steps = STEPS,
                               .a = a,
                               .a_row = K,
                               .a_step = PF_BF16_STEP,
                               .a_half = PF_BF16_TILE * K,
                               .b = b,
                               .c = c,
                               .c_row = PF_BF16_BLOCK};
  double shortest = 1;
  if (!pf_gemm_bf16_is_fast()) return 0;
  kernels->begin();
  for (int run = 0; run < RUNS; run++) {
    const double begin = pf_clock_seconds();
    for (int i = 0; i < BLOCKS; i++) kernels->block(&block);
    const double seconds = pf_clock_seconds() - begin;
    if (seconds > 0 && seconds < shortest) shortest = seconds;
  }
  kernels->end();
  return 2.0 * BLOCKS * PF_BF16_BLOCK * PF_BF16_BLOCK * K / shortest;
}
