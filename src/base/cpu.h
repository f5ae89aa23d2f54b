/* The one place that knows processors: instruction-set class and function multi-versioning. */
#ifndef PF_BASE_CPU_H
#define PF_BASE_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* PF_MULTIVERSION before a function definition: the compiler builds it for AVX-512, AVX2 and the
 * baseline, and the loader picks one. Off under sanitizers (their start-up runs too early for the
 * resolvers) and on other processors. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&     \
    !defined(__SANITIZE_THREAD__)
#define PF_MULTIVERSIONED 1
#define PF_MULTIVERSION   __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PF_MULTIVERSIONED 0
#define PF_MULTIVERSION
#endif

/* For the helpers of a PF_MULTIVERSION function: inlined into every clone, so that they get its vectors. */
#define PF_INLINE static inline __attribute__((always_inline))

/* PF_INDEPENDENT before a loop: no iteration writes what a later one reads, whatever the pointers look like. */
#if defined(__clang__)
#define PF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PF_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* PF_UNROLL before a loop of constant trip count over registers: the compiler writes it out. */
#if defined(__clang__)
#define PF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PF_UNROLL _Pragma("GCC unroll 16")
#endif

/* PF_UNROLL_BY_FOUR before a loop of a few instructions, after PF_INDEPENDENT: four vectors a round. */
#if defined(__clang__)
#define PF_UNROLL_BY_FOUR _Pragma("clang loop unroll_count(4)")
#else
#define PF_UNROLL_BY_FOUR _Pragma("GCC unroll 4")
#endif

/* PF_HUGE_PAGES: large blocks may be rounded up to whole huge pages. Not under address sanitizer, which sees the first byte past
 * the end of exact sizes alone; gcc and clang tell of it each in their own way. */
#if !defined(__linux__) || defined(__SANITIZE_ADDRESS__)
#define PF_HUGE_PAGES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PF_HUGE_PAGES 0
#endif
#endif
#if !defined(PF_HUGE_PAGES)
#define PF_HUGE_PAGES 1
#endif

/* PF_X86(text): `text` where there are x86-64 instruction-set classes to choose from, nothing elsewhere. */
#if defined(__x86_64__)
#define PF_X86(...) __VA_ARGS__
#else
#define PF_X86(...)
#endif

/* A hint inside a spin loop that the core may rest or serve its other hyper-thread. */
PF_INLINE void pf_cpu_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* "x86-64", "x86-64-v3", "x86-64-v4" or "aarch64": what PF_MULTIVERSION picks here. A model's bytes
 * repeat within one class. */
const char *pf_cpu_class(void);
/* Can this processor run code built for "x86-64-v3" or "x86-64-v4"? Any other name: true. */
bool pf_cpu_runs(const char *instruction_set);
/* Can this process use AMX tiles in bfloat16? Asks the system for them on the first call. */
bool pf_cpu_has_amx(void);
/* Cores this process may use. */
int pf_cpu_count(void);
/* Monotonic seconds. For progress, budgets' calibration and profiles; never to decide a result. */
double pf_clock_seconds(void);

/* A counter that rises at a steady rate of the processor's own, cheap enough to be read between two kernels; two readings of
 * pf_clock_seconds beside it give the rate. For profiles only. */
PF_INLINE int64_t pf_cpu_ticks(void) {
#if defined(__x86_64__)
  return (int64_t)__builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  int64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return (int64_t)(1e9 * pf_clock_seconds());
#endif
}

#endif
