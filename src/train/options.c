/* The training options as the public table has them: their defaults, and their rows. */
#include <stddef.h>
#include "pushforward.h"

pf_train_options pf_train_options_default(void) {
  return (pf_train_options){
#define PF_X(type, field, value, flag, placeholder, help) .field = value,
      PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  };
}

bool pf_train_option_entry(int i, pf_option_entry *out) {
  static const pf_option_entry rows[] = {
#define PF_X(type, field, value, flag, placeholder, help)                                                    \
  {#field, flag, PF_OPTION_##type, offsetof(pf_train_options, field), placeholder, help},
      PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  };
  if (i < 0 || (size_t)i >= sizeof rows / sizeof *rows) return false;
  *out = rows[i];
  return true;
}
