/* W1-FE (Huang and Malik, arXiv 2405.16351): the gradient flow of W1(., data) by forward Euler steps.
 *
 *   repeat  1  phi <- Kantorovich potential of W1(law of G(z), data), critic_steps steps
 *           2  zeta_i = G(z_i) - eps grad phi(G(z_i))
 *           3  K steps of  min_G mean |zeta_i - G(z_i)|^2,  z and zeta frozen
 *
 * K = 1 is WGAN. Any estimator of the potential will do: the default penalises slopes above 1.
 */
#include "wgf.h"

enum { ITERATIONS = 3000, PERSISTENCE = 10 };

pf_status pf_w1fe_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_wgf w = pf_wgf_default(training->d);
  w.persistence = PERSISTENCE;
  w.generator_rule.learning_rate *= 0.5; /* for K steps at a time */
  PF_TRY(pf_wgf_options(training->options, &w, error));
  return pf_wgf_train(training, &w, ITERATIONS, out, error);
}
