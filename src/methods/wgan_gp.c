/* Wasserstein GAN with a gradient penalty (arXiv 1704.00028).
 *
 *   repeat  critic_steps times  min_phi  mean phi(x) - mean phi(G(z)) + lambda mean (|grad phi(xh)| - 1)^2
 *           once                min_G    mean phi(G(z))
 */
#include "wgf.h"

enum { ITERATIONS = 10000 };

pf_status pf_wgan_gp_train(pf_training *training, struct pf_model **out, pf_error *error) {
  pf_wgf w = pf_wgf_default(training->d);
  w.constraint = PF_WGF_CONSTRAINT_GRADIENT;
  w.constraint_weight = 1; /* of columns of unit variance; published: 10 for images, 0.1 for toy laws */
  w.fit = PF_WGF_FIT_NAIVE_FRESH;
  PF_TRY(pf_wgf_options(training->options, &w, error));
  return pf_wgf_train(training, &w, ITERATIONS, out, error);
}
