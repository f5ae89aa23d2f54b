/* Which methods read which options. One that is set and that nothing would read is refused: the user meant something by it.
 *
 * What hangs on more than the method, such as a weight of one kind of critic, is refused where the method's settings are made.
 */
#include <stdio.h>
#include <string.h>
#include "../base/text.h"
#include "method.h"

enum {
#define PF_METHOD(NAME, name, train, likelihood, description) NUMBER_OF_##NAME,
#include "methods.def"
#undef PF_METHOD
  COUNT
};

typedef enum set {
#define PF_METHOD(NAME, name, train, likelihood, description) NAME = 1 << NUMBER_OF_##NAME,
#include "methods.def"
#undef PF_METHOD
  ALL = (1 << COUNT) - 1,
  VELOCITIES = CHARACTERISTIC | FLOW_MATCHING,
  FLOWS = JKO | OTFLOW | CNF,
  DESCENTS = WGAN | WGAN_GP | W1FE | W2FE | MONOFLOW
} set;

/* Options that are not here are read by all. */
static const struct {
  const char *option;
  set methods;
} readers[] = {{"face", CHARACTERISTIC},
               {"start", CHARACTERISTIC},
               {"teacher_share", CHARACTERISTIC},
               {"trajectory_steps", CHARACTERISTIC},
               {"semigroup", CHARACTERISTIC},
               {"interpolant", VELOCITIES},
               {"coupling", VELOCITIES},
               {"condition", VELOCITIES},
               {"residual", ALL & ~OTFLOW},
               {"activation", ALL & ~OTFLOW},
               {"divergence", FLOWS},
               {"ode_steps", FLOWS},
               {"test_ode_steps", FLOWS},
               {"alpha", FLOWS},
               {"kinetic", FLOWS},
               {"steer", FLOWS},
               {"gradient", FLOWS},
               {"jitter", FLOWS},
               {"clamp", FLOWS},
               {"patience", FLOWS},
               {"student", FLOWS},
               {"hjb", OTFLOW},
               {"blocks", JKO},
               {"step_size", JKO},
               {"step_growth", JKO},
               {"step_cap", JKO},
               {"stop_movement", JKO},
               {"no_free_block", JKO},
               {"reparametrise", JKO},
               {"refine", JKO},
               {"field", DESCENTS},
               {"constraint", DESCENTS},
               {"constraint_weight", DESCENTS},
               {"equality", DESCENTS},
               {"field_penalty", DESCENTS},
               {"cumulant", DESCENTS},
               {"rescale", DESCENTS},
               {"sinkhorn", DESCENTS},
               {"tempered", DESCENTS},
               {"critic_steps", DESCENTS},
               {"critic_width", DESCENTS},
               {"critic_depth", DESCENTS},
               {"critic_rate", DESCENTS},
               {"persistence", DESCENTS},
               {"fit", DESCENTS},
               {"move", DESCENTS},
               {"move_size", DESCENTS},
               {"move_decay", DESCENTS},
               {"optimiser", DESCENTS}};

static set readers_of(const char *option) {
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (strcmp(readers[i].option, option) == 0) return readers[i].methods;
  return ALL;
}

static bool is_in(int method, set methods) { return ((unsigned)methods >> method & 1) != 0; }

static int number_of(const pf_method *method) {
  int i = 0;
  while (pf_method_at(i) != method) i++;
  return i;
}

bool pf_method_reads(const pf_method *method, const char *option) {
  return is_in(number_of(method), readers_of(option));
}

/* ---- what a user set ---- */

static bool same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

/* Whether the option at the same place of both differs, and its value as text. */
static bool differs(const pf_option_entry *e, const char *own, const char *usual, char shown[128]) {
  const void *a = own + e->offset, *b = usual + e->offset;
  switch (e->type) {
  case PF_OPTION_INT: snprintf(shown, 128, "is %lld", (long long)*(const int64_t *)a); break;
  case PF_OPTION_REAL: snprintf(shown, 128, "is %g", *(const double *)a); break;
  case PF_OPTION_FLAG: snprintf(shown, 128, "is set"); break;
  case PF_OPTION_TEXT: {
    const char *text = *(const char *const *)a;
    snprintf(shown, 128, "is '%.100s'", text ? text : "");
    return !same_text(text, *(const char *const *)b);
  }
  }
  const size_t bytes = e->type == PF_OPTION_FLAG ? sizeof(bool) : sizeof(int64_t);
  return memcmp(a, b, bytes) != 0;
}

static pf_status refuse(const pf_method *method, const pf_option_entry *e, const char *shown,
                        pf_error *error) {
  pf_text others = {0};
  for (int i = 0; i < COUNT; i++)
    if (is_in(i, readers_of(e->name)))
      pf_text_add(&others, "%s%s", others.length ? ", " : "", pf_method_at(i)->name);
  pf_status status =
      others.status != PF_OK
          ? pf_fail(error, PF_NO_MEMORY, "out of memory")
          : pf_fail(error, PF_USAGE, "%s %s, but method '%s' has no use for it; methods that have: %s",
                    e->flag, shown, method->name, others.data);
  pf_text_free(&others);
  return status;
}

pf_status pf_method_check_options(const pf_method *method, const pf_train_options *options, pf_error *error) {
  const pf_train_options usual = pf_train_options_default();
  pf_option_entry entry;
  char shown[128];
  for (int i = 0; pf_train_option_entry(i, &entry); i++)
    if (!pf_method_reads(method, entry.name) &&
        differs(&entry, (const char *)options, (const char *)&usual, shown))
      return refuse(method, &entry, shown, error);
  return PF_OK;
}
