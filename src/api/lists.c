/* Public lists: laws, methods, settings, structs. Solvers: sample.c. */
#include <string.h>
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

bool pf_method_uses(const char *method, const char *option) {
  pf_error ignored = {0};
  const pf_method *known = NULL;
  pf_option_entry entry;
  if (!method || !option || pf_method_find(method, &known, &ignored) != PF_OK) return false;
  for (int i = 0; pf_train_option_entry(i, &entry); i++)
    if (strcmp(entry.name, option) == 0) return pf_method_reads(known, option);
  return false;
}

#define STRUCTS(X)                                                                                           \
  X(pf_error)                                                                                                \
  X(pf_progress)                                                                                             \
  X(pf_hooks)                                                                                                \
  X(pf_option_entry)                                                                                         \
  X(pf_load_options)                                                                                         \
  X(pf_train_options)                                                                                        \
  X(pf_sample_options)                                                                                       \
  X(pf_density_options)                                                                                      \
  X(pf_sampler_options)                                                                                      \
  X(pf_export_options)                                                                                       \
  X(pf_evaluate_options)                                                                                     \
  X(pf_particles_options)                                                                                    \
  X(pf_report_options)                                                                                       \
  X(pf_study_options)

size_t pf_struct_size(const char *name) {
  static const struct {
    const char *name;
    size_t size;
  } rows[] = {
#define PF_X(type) {#type, sizeof(type)},
      STRUCTS(PF_X)
#undef PF_X
  };
  for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(name, rows[i].name) == 0) return rows[i].size;
  }
  return 0;
}
