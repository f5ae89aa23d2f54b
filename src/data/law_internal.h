/* What a law is made of: shared by law.c and the builders of the families (law_*.c). */
#ifndef PF_DATA_LAW_INTERNAL_H
#define PF_DATA_LAW_INTERNAL_H

#include "law.h"

enum { PF_LAW_MAX_ARGS = 6, PF_LAW_MAX_KEYS = 6 };

/* The "key=value" part of a spec; strings are owned by the parser in law.c. */
typedef struct pf_law_keys {
  const char *law; /* name, for messages */
  int count;
  const char *name[PF_LAW_MAX_KEYS], *value[PF_LAW_MAX_KEYS];
} pf_law_keys;

typedef void pf_law_draw(const pf_law *law, pf_rng *rng, double *x);
typedef double pf_law_log_p(const pf_law *law, const double *x);
typedef double pf_law_find_entropy(const pf_law *law);

struct pf_law {
  char *spec;
  int d;
  double entropy;                    /* NAN: not known, or left to find_entropy */
  pf_law_find_entropy *find_entropy; /* NULL, or computes it when asked; called from any thread */
  pf_law_draw *draw;                 /* one row, from the row's own stream */
  pf_law_log_p *log_p;               /* NULL: no formula */
  double *mean;                      /* [d] */
  double *covariance;                /* d x d */
  pf_mixture *mixture;               /* when the law is one */
  bool board;                        /* log_p is -inf outside a sharp support */
  int modes;
  double *mode_centres; /* modes x d */
  double *mode_weights; /* [modes] */
  double *mode_spreads; /* [modes] */
  void *state;          /* the family's own, freed by free_state */
  void (*free_state)(void *state);
};

/* A builder completes a zeroed law (entropy already set from the table): draw, log_p, moments, modes. */
typedef pf_status pf_law_build(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error);
#define PF_LAW(name, d, entropy, builder, args, keys, description) pf_law_build pf_law_build_##builder;
#include "laws.def"
#undef PF_LAW

/* Sets d and allocates mean and covariance, zeroed. */
pf_status pf_law_set_dimension(pf_law *law, int d, pf_error *error);
/* Allocates `bytes` of family state, zeroed. */
pf_status pf_law_set_state(pf_law *law, size_t bytes, void (*free_state)(void *), void *out_state,
                           pf_error *error);
/* Makes the law the mixture of `spec`: draw, log_p, moments, modes. */
pf_status pf_law_set_mixture(pf_law *law, const pf_mixture_spec *spec, pf_error *error);
/* The same for a mixture that exists; the law owns it, also on failure. */
pf_status pf_law_adopt_mixture(pf_law *law, pf_mixture *mixture, pf_error *error);

/* Makes the zeroed law that of a grey image file. (law_mask.c) */
pf_status pf_law_build_mask(pf_law *law, const char *path, pf_error *error);

/* Reads key `name` into *inout (left alone when absent): PF_USAGE unless a number in [low, high]. */
pf_status pf_law_key_number(const pf_law_keys *keys, const char *name, double low, double high, double *inout,
                            pf_error *error);
/* The same for an integer. */
pf_status pf_law_key_integer(const pf_law_keys *keys, const char *name, int low, int high, int *inout,
                             pf_error *error);
const char *pf_law_key_text(const pf_law_keys *keys, const char *name, const char *fallback);

/* log density at distance r from the centre of: a uniform point on the sphere of radius R in d dimensions
 * plus N(0, s^2 I). (law_polar.c) */
double pf_law_log_shell(double r, double R, double s, int d);

#endif
