/* Mode coverage: every row is counted at its nearest mean. */
#include "metrics/modes.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static double squared_distance(const double *a, const double *b, size_t d) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

/* Index of the nearest mean; *high_quality when any mean is within 3 of its sd. */
static size_t nearest_mode(const double *row, size_t d, pf_modes modes, bool *high_quality) {
  size_t nearest = 0;
  double least = INFINITY;
  *high_quality = false;
  for (size_t m = 0; m < modes.count; m++) {
    double square = squared_distance(row, modes.means + m * d, d), reach = 3 * modes.sds[m];
    if (square <= reach * reach) *high_quality = true;
    if (square < least) {
      least = square;
      nearest = m;
    }
  }
  return nearest;
}

pf_status pf_mode_coverage(pf_points x, pf_modes modes, size_t *counts, pf_mode_result *out,
                           pf_error *error) {
  size_t *found, good = 0;
  pf_mode_result result = {.count = modes.count};
  PF_TRY(pf_points_check(x, "samples", error));
  if (modes.count == 0) return pf_fail(error, PF_BAD_INPUT, "mode coverage: no modes");
  for (size_t m = 0; m < modes.count; m++)
    if (!(modes.sds[m] > 0) || (modes.weights && !(modes.weights[m] > 0)))
      return pf_fail(error, PF_BAD_INPUT, "mode %zu: sd %g, weight %g, both must be positive", m,
                     modes.sds[m], modes.weights ? modes.weights[m] : 1.0);
  PF_TRY(pf_alloc(modes.count, sizeof *found, &found, error));
  for (size_t i = 0; i < x.n; i++) {
    bool high_quality;
    found[nearest_mode(x.rows + i * x.d, x.d, modes, &high_quality)]++;
    good += high_quality;
  }
  for (size_t m = 0; m < modes.count; m++) {
    double expected = (double)x.n * (modes.weights ? modes.weights[m] : 1 / (double)modes.count);
    double excess = (double)found[m] - expected;
    result.covered += (double)found[m] >= expected / 4;
    result.chi_square += excess * excess / expected;
  }
  result.high_quality = (double)good / (double)x.n;
  if (counts) memcpy(counts, found, modes.count * sizeof *counts);
  pf_free(found);
  *out = result;
  return PF_OK;
}
