/* Wasserstein GAN (arXiv 1701.07875): the W1 critic with clipped weights, and one step of the generator up its slope.
 *
 *   repeat  critic_steps times  min_phi  mean phi(x) - mean phi(G(z)),  weights clipped to -c..c     RMSProp
 *           once                min_G    mean phi(G(z))
 *
 * phi is large on samples: the paper's critic is -phi. W1-FE with K = 1 takes the same steps (w1fe.c).
 */
#include "wgf.h"

enum { ITERATIONS = 10000 };

pf_status pf_wgan_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_wgf w = pf_wgf_default(training->d);
  w.constraint = PF_WGF_CONSTRAINT_CLIP;
  w.constraint_weight = pf_wgf_clip(training->d);
  w.fit = PF_WGF_FIT_NAIVE_FRESH;
  w.generator_rule.kind = w.critic_rule.kind = PF_OPTIMISER_RMSPROP;
  w.generator_rule.beta2 = w.critic_rule.beta2 = 0.99;
  PF_TRY(pf_wgf_options(training->options, &w, error));
  return pf_wgf_train(training, &w, ITERATIONS, out, error);
}
