/* Public lists: laws, methods. Solvers: sample.c. */
#include "../data/law.h"
#include "../methods/method.h"

bool pf_law_entry(int i, pf_entry *out) {
  if (i < 0 || i >= pf_law_count()) return false;
  *out = (pf_entry){pf_law_name(i), pf_law_description(i)};
  return true;
}

bool pf_method_entry(int i, pf_entry *out) {
  const pf_method *method = pf_method_at(i);
  if (!method) return false;
  *out = (pf_entry){method->name, method->description};
  return true;
}
