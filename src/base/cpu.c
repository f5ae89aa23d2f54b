/* What this processor is and what time it is. */
#include "cpu.h"

#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *pf_cpu_class(void) {
#if PF_MULTIVERSIONED
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
#endif
#if defined(__aarch64__)
  return "aarch64";
#else
  return "x86-64";
#endif
}

/* By feature: not every compiler knows the levels by name. */
#if defined(__x86_64__)
static bool has_v3(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("fma");
}

static bool has_v4(void) {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

bool pf_cpu_runs(const char *instruction_set) {
  (void)instruction_set;
  PF_X86(if (strcmp(instruction_set, "x86-64-v4") == 0) return has_v4();
         if (strcmp(instruction_set, "x86-64-v3") == 0) return has_v3();)
  return true;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>

bool pf_cpu_has_amx(void) {
  enum { FEATURES = 7, BF16 = 1 << 22, TILES = 1 << 24 }; /* leaf and bits of its EDX */
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };   /* arch_prctl(2): 8 KiB are not saved unasked */
  unsigned a, b, c, d;
  return has_v4() && __get_cpuid_count(FEATURES, 0, &a, &b, &c, &d) && (d & BF16) && (d & TILES) &&
         syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
bool pf_cpu_has_amx(void) { return false; }
#endif

int pf_cpu_count(void) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    int count = CPU_COUNT(&allowed);
    if (count > 0) return count;
  }
  long online = sysconf(_SC_NPROCESSORS_ONLN); /* machines with more than 1024 cores land here */
  return online > 0 ? (int)online : 1;
}

double pf_clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
