/* A flow that grows block by block, fitted to rows without sampling error: the laboratory of JKO flows and of repeated
 * OT-Flows. */
#ifndef PF_VERIFY_JKO_CHAIN_H
#define PF_VERIFY_JKO_CHAIN_H

#include "blocks.h"

enum { PF_JKO_CHAIN_ROWS = 1024, PF_JKO_CHAIN_STEPS = 4 /* Runge-Kutta steps while training */ };

/* The caller fills the first part; {0} is a chain that pf_jko_chain_close accepts. */
typedef struct pf_jko_chain {
  pf_verify_run *run;
  pf_flow_settings settings; /* of the next block; its field never changes */
  int64_t steps;             /* of a block's fit */
  uint32_t stage;            /* of its random numbers */
  int blocks;
  bool
      keep_best; /* keep the weights with the smallest loss along a block's fit, not the last: what the method does on held-out
                     rows. Of settings without transport cost along the path */
  /* the rest belongs to the chain */
  int d;
  int64_t parameters; /* of a block */
  float *params;      /* blocks x parameters */
  float *rows;        /* PF_JKO_CHAIN_ROWS x d, as pushed so far; the caller puts the data here */
  pf_cnf *cnf;        /* all blocks; those not trained yet are zero */
} pf_jko_chain;

/* A small perceptron on the line with exact divergence, every step on all rows. */
pf_flow_settings pf_jko_line_settings(void);

pf_status pf_jko_chain_open(pf_jko_chain *chain, pf_error *error);
void pf_jko_chain_close(pf_jko_chain *chain);
/* rows <- N(mean, sd^2), by its quantiles. On the line. */
pf_status pf_jko_chain_normal_rows(pf_jko_chain *chain, double mean, double sd, pf_error *error);

/* Trains block k by chain->settings, starting from the one before, and pushes the rows through it. */
pf_status pf_jko_chain_add(pf_jko_chain *chain, int k, const char *name, pf_error *error);

/* Where blocks first .. first + blocks - 1 carry x (n x d, in and out), in double with so many Runge-Kutta steps a block; or
 * where their inverse does. */
typedef struct pf_jko_trip {
  int first, blocks, steps;
  bool back;
} pf_jko_trip;
pf_status pf_jko_chain_move(const pf_jko_chain *chain, pf_jko_trip trip, int64_t n, double *x,
                            pf_error *error);

#endif
