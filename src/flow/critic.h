#ifndef PF_FLOW_CRITIC_H
#define PF_FLOW_CRITIC_H
#include "../exec/exec.h"
#include "../nn/network.h"
typedef struct pf_critic pf_critic;
pf_status pf_critic_create(const pf_network_config *config, const float *params, pf_critic **out, pf_error *error);
void pf_critic_free(pf_critic *critic);
#endif
