/* What `verify --rates` needs to know of its options. */
#ifndef PUSHFORWARD_CLI_RATES_H
#define PUSHFORWARD_CLI_RATES_H

#include "cli.h"

typedef struct cli_rates {
  int64_t seed, threads;
  const char *output, *only, *charts;
  bool resume, json, quiet;
} cli_rates;

/* Runs the study of call->operands[0], saves it, prints it; the exit code. */
int cli_run_rates(const cli_rates *rates, const cli_call *call);

#endif
