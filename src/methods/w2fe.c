/* W2-FE (Huang and Malik, arXiv 2406.13619): the gradient flow of W2^2(., data)/2 by forward Euler steps.
 *
 *   repeat  1  T <- optimal map from the law of G(z) to the data: the plan of the batch, or the potentials of W2-GAN
 *           2  zeta_i = G(z_i) + dt (T(G(z_i)) - G(z_i))
 *           3  K steps of  min_G mean |zeta_i - G(z_i)|^2,  z and zeta frozen
 *
 * K = 1 with the dual is W2-GAN (Leygonie et al. 2019).
 */
#include "wgf.h"

enum { ITERATIONS = 3000, PERSISTENCE = 10 };

pf_status pf_w2fe_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_wgf w = pf_wgf_default(training->d);
  w.field = PF_WGF_PLAN;
  w.power = 2;
  w.step = 0.5;
  w.persistence = PERSISTENCE;
  /* 200 in the plane, as published; costs |x - y|^2 / 2 grow like the columns, so the weights of their squares fall */
  w.constraint_weight = w.equality = 400.0 / training->d;
  w.critic_rule.beta1 = w.generator_rule.beta1 = 0.9;
  w.critic_rule.beta2 = w.generator_rule.beta2 = 0.999;
  PF_TRY(pf_wgf_options(training->options, &w, error));
  return pf_wgf_train(training, &w, ITERATIONS, out, error);
}
