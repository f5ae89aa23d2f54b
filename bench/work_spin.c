/* The busy neighbour of the benchmark: spins until it is killed, or for ten minutes. */
#include "base/cpu.h"

int main(void) {
  double begin = pf_clock_seconds();
  while (pf_clock_seconds() - begin < 600) pf_cpu_pause();
  return 0;
}
