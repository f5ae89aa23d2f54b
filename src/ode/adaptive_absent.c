/* In the place of adaptive.c where ARKODE is not linked: libpushforward-sampler, which so depends on no integrator. */
#include "ode.h"

pf_ode_adaptive_options pf_ode_adaptive_default(void) {
  return (pf_ode_adaptive_options){.rtol = 1e-6, .atol = 1e-8, .tile_rows = 256, .max_steps = 100000};
}

pf_status pf_ode_adaptive(const pf_ode_adaptive_options *options, const pf_ode_system *system,
                          pf_ode_span span, double *x, pf_ode_adaptive_result *result, pf_error *error) {
  (void)options;
  (void)system;
  (void)x;
  (void)result;
  return pf_fail(error, PF_USAGE,
                 "adaptive steps from t=%g to %g (solver dopri5) need libpushforward; libpushforward-sampler "
                 "has fixed steps alone",
                 span.t0, span.t1);
}
