/* MonoFlow (arXiv 2302.01075): divergence gradient flows that a generator follows, by the density ratio.
 *
 *   repeat  1  d <- log(p_data / q) by logistic classification of data and samples, critic_steps steps
 *           2  zeta_i = y_i + eps grad h(d)(y_i),  h increasing                 which divergence falls: `rescale`
 *           3  K steps of  min_G mean |zeta_i - G(z_i)|^2
 */
#include "wgf.h"

enum { ITERATIONS = 3000 };

pf_status pf_monoflow_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_wgf w = pf_wgf_default(training->d);
  w.field = PF_WGF_RATIO;
  w.constraint_weight =
      1; /* of the Lipschitz penalty: a free classifier grows steep between modes and throws samples about */
  w.persistence = 10;
  w.generator_rule.learning_rate *= 0.3;
  PF_TRY(pf_wgf_options(training->options, &w, error));
  return pf_wgf_train(training, &w, ITERATIONS, out, error);
}
