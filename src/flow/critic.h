/* A trained potential phi: R^d -> R, what a Wasserstein gradient flow descends: a perceptron of one output that is told no time,
 * with its gradient in x. Immutable once made: any number of threads may evaluate one pf_critic.
 */
#ifndef PF_FLOW_CRITIC_H
#define PF_FLOW_CRITIC_H

#include "../base/pool.h"
#include "../nn/network.h"

typedef struct pf_critic pf_critic;

/* params: the network's flat array, copied. PF_USAGE unless the network has one output and no time, PF_NON_FINITE when a
 * parameter is not finite. */
pf_status pf_critic_create(const pf_network_config *config, const float *params, pf_critic **out,
                           pf_error *error);
void pf_critic_free(pf_critic *critic);
const pf_network_config *pf_critic_config_of(const pf_critic *critic);
const float *pf_critic_params(const pf_critic *critic);

/* value (n, may be NULL) and gradient in x (n x d, may be NULL) of rows x (n x d) on the pool. A row's bits depend on no other
 * row and on no pool. PF_NON_FINITE names the first row that has no finite result; the outputs are then undefined. */
pf_status pf_critic_evaluate(const pf_critic *critic, int64_t n, const float *x, float *value,
                             float *gradient, pf_pool *pool, pf_error *error);

#endif
