/* The version of the library: one place, read by --version, models and reports. */
#include "pushforward.h"

#ifndef PF_VERSION
#error "PF_VERSION comes from the build (project version)"
#endif

const char *pf_version(void) { return PF_VERSION; }
