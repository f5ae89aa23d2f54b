/* The Butcher tableaux of tableaux.def as data (contract: ode.h). */
#include <string.h>
#include "../base/text.h"
#include "ode.h"

static const pf_tableau TABLEAUX[] = {
#define PF_TABLEAU(NAME, name, order, stages, a, b, c) {#name, order, stages, a, b, c},
#include "tableaux.def"
#undef PF_TABLEAU
};

static const char *const NAMES[] = {
#define PF_TABLEAU(NAME, name, order, stages, a, b, c) #name,
#include "tableaux.def"
#undef PF_TABLEAU
};

const pf_tableau *pf_tableau_of(pf_ode_method method) { return &TABLEAUX[method]; }

pf_status pf_ode_method_find(const char *name, pf_ode_method *out, pf_error *error) {
  for (int i = 0; i < PF_ODE_METHOD_COUNT; i++)
    if (!strcmp(name, NAMES[i])) {
      *out = (pf_ode_method)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "integrator", name, NAMES, PF_ODE_METHOD_COUNT);
}
