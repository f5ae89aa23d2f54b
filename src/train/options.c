/* Defaults of the training options, from the public table. */
#include <stddef.h>
#include "pushforward.h"

pf_train_options pf_train_options_default(void) {
  return (pf_train_options){
#define PF_X(type, field, value, flag, placeholder, help) .field = value,
      PF_TRAIN_OPTIONS(PF_X)
#undef PF_X
  };
}
