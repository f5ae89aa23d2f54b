/* Activations: see activation.h and the table. */
#include "activation.h"

#include <string.h>
#include "../base/text.h"

static const char *const NAMES[] = {
#define PF_ACTIVATION(NAME, name, label, gain, node) #name,
#include "activations.def"
#undef PF_ACTIVATION
};
static const char *const LABELS[] = {
#define PF_ACTIVATION(NAME, name, label, gain, node) label,
#include "activations.def"
#undef PF_ACTIVATION
};
static const double GAINS[] = {
#define PF_ACTIVATION(NAME, name, label, gain, node) gain,
#include "activations.def"
#undef PF_ACTIVATION
};

const char *pf_activation_name(pf_activation activation) { return NAMES[activation]; }
const char *pf_activation_label(pf_activation activation) { return LABELS[activation]; }
double pf_activation_gain(pf_activation activation) { return GAINS[activation]; }

pf_status pf_activation_find(const char *name, pf_activation *out, pf_error *error) {
  for (int i = 0; i < PF_ACTIVATION_COUNT; i++)
    if (!strcmp(name, NAMES[i])) {
      *out = (pf_activation)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "activation", name, NAMES, PF_ACTIVATION_COUNT);
}

pf_node pf_activation_apply(pf_activation activation, pf_node a) {
  switch (activation) {
#define PF_ACTIVATION(NAME, name, label, gain, node)                                                         \
  case PF_ACTIVATION_##NAME:                                                                                 \
    return node;
#include "activations.def"
#undef PF_ACTIVATION
  case PF_ACTIVATION_COUNT: break;
  }
  return a;
}
