/* Fuzz target of the strict JSON reader and, behind it, mixture laws: any text gives a mixture whose density and draws
 * are usable, or an error. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/memory.h"
#include "data/mixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const pf_mixture *mixture) {
  double *x = NULL;
  pf_rng rng = pf_rng_at(1, PF_STREAM_TEST, 0, 0);
  if (pf_alloc((size_t)mixture->d, sizeof *x, &x, NULL) != PF_OK) return;
  pf_mixture_draw(mixture, &rng, x);
  if (isnan(pf_mixture_log_density(mixture, x))) abort(); /* what it draws has a density */
  pf_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pf_mixture *mixture = NULL;
  char path[64];
  int file = memfd_create("mixture", 0);
  if (file < 0) return 0;
  if (write(file, data, size) == (ssize_t)size) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (pf_mixture_read_json(path, &mixture, NULL) == PF_OK) use(mixture);
    pf_mixture_free(mixture);
  }
  close(file);
  return 0;
}
