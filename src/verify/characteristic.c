/* `verify characteristic`: the parts in order, the quick ones first. */
#include "characteristic.h"

pf_status pf_verify_characteristic(pf_verify_run *run, pf_error *error) {
  pf_exact_subject exact = {.velocity = pf_mixture_velocity_field,
                            .denoiser = pf_mixture_denoiser_field,
                            .draws = 46368,
                            .order_draws = 987};
  PF_TRY(pf_verify_closed_forms(run, &exact, error));
  PF_TRY(pf_verify_map_identities(run, error));
  PF_TRY(pf_verify_integrator_orders(run, &exact, error));
  PF_TRY(pf_verify_integrator_errors(run, &exact, error));
  return pf_verify_trained_generator(run, error);
}
