/* Profiles of a program, for the files of this folder: the accumulators of a section, and what a step does. */
#ifndef PF_EXEC_CPU_PROFILE_H
#define PF_EXEC_CPU_PROFILE_H

#include "../../base/cpu.h"
#include "plan.h"

/* Accumulators of the steps of at->section, NULL when no profile is taken. The shared section's come first. */
static inline pf_ticks *pf_section_ticks(const pf_execution *at) {
  if (!at->run->ticks) return NULL;
  return at->run->ticks + (at->section == &at->program->shared ? 0 : at->program->shared.steps);
}

/* A call that began at `before` ends; returns now. */
static inline int64_t pf_ticks_add(pf_ticks *to, int64_t before) {
  const int64_t now = pf_cpu_ticks();
  to->ticks += now - before;
  to->calls++;
  return now;
}

/* Everything but what it has taken. */
void pf_step_describe(const pf_program *program, const pf_step *step, pf_profile_entry *out);

#endif
