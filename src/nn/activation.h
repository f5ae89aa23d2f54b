/* The activations a network may have, by the table activations.def. */
#ifndef PF_NN_ACTIVATION_H
#define PF_NN_ACTIVATION_H

#include "../graph/graph.h"

typedef enum pf_activation {
#define PF_ACTIVATION(NAME, name, label, gain, node) PF_ACTIVATION_##NAME,
#include "activations.def"
#undef PF_ACTIVATION
  PF_ACTIVATION_COUNT
} pf_activation;

const char *pf_activation_name(pf_activation activation);  /* as in files and options: "silu" */
const char *pf_activation_label(pf_activation activation); /* for people: "SiLU" */
/* PF_USAGE listing the valid names. */
pf_status pf_activation_find(const char *name, pf_activation *out, pf_error *error);
/* Initial variance, times the fan-in, of the weights that the activation feeds. */
double pf_activation_gain(pf_activation activation);
pf_node pf_activation_apply(pf_activation activation, pf_node a);

#endif
