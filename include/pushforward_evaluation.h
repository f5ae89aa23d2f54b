/* pushforward: measuring a model, every metric beside its sampling floor. Part of pushforward.h. */
#include "pushforward.h" /* before the guard: whichever of the two comes first, this one is read where the other includes it */

#ifndef PUSHFORWARD_EVALUATION_H
#define PUSHFORWARD_EVALUATION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One metric beside its floor: the same metric between two independent real samples of the same sizes. */
typedef struct pf_metric {
  char name[32];
  double value;       /* mean over pairs */
  double floor;       /* mean over real-against-real pairs */
  double floor_q95;   /* 95 % quantile of the floor, NaN when not measured */
  double excess;      /* value - floor */
  double excess_hi95; /* one-sided 95 % upper bound of the mean excess */
  int pairs;
  char note[96]; /* for example that a factorised model passes this metric too; "" mostly */
} pf_metric;

enum { PF_EVALUATION_METRICS = 16, PF_EVALUATION_ROWS = 12 };

/* W2(g(0,T,.)#N, data) <= fitting + discretisation + velocity + stopping (characteristic generator, derived).
 * NaN: not measurable on this data. */
typedef struct pf_decomposition {
  double velocity, discretisation, fitting, stopping;
  double bound;    /* their sum, NaN unless all are known */
  double distance; /* RMS | g(z) - g*(z) | where the exact map is known */
  double measured; /* empirical W2 */
  double floor;    /* of that W2 */
} pf_decomposition;

typedef struct pf_evaluation {
  char name[48]; /* which generator: "one step", "teacher, 100 steps", "factorised", ... */
  int64_t steps; /* network evaluations per sample, 0 for a baseline */
  int64_t data_rows, sample_rows;
  int n_metrics;
  pf_metric metrics[PF_EVALUATION_METRICS];
} pf_evaluation;

typedef struct pf_evaluate_options {
  int64_t steps; /* of the main row; 0: the model's own, see pf_sample_options */
  bool teacher;
  int pairs;             /* fresh pairs per metric, 0: 30 for laws and 10 otherwise */
  int64_t rows;          /* rows per sample, 0: 2000 for laws, else what the data has up to 4096 */
  int rounds;            /* of laws: each sample meets this many pairs; 0: its own pair only */
  const char *metrics;   /* comma-separated names to measure, NULL: all */
  bool baselines;        /* add teacher, few-step and empirical baseline rows */
  const pf_table *train; /* training rows: sharpens floors and baselines on tables; may be NULL */
  uint64_t seed;
  int threads;
  pf_hooks hooks;
} pf_evaluate_options;

pf_evaluate_options pf_evaluate_options_default(void);
/* What can be said of them without a model, before it is trained: PF_USAGE for an unknown metric, pairs or rows out of range. */
pf_status pf_evaluate_options_check(const pf_evaluate_options *options, pf_error *error);

/* A flow with likelihood on the rows it is measured against; has_density false for every other model. Its nll is also the
 * metric "nll" of rows[0] below, with the entropy as floor ("sample_nll" is another thing: samples under the law). */
typedef struct pf_likelihood {
  bool has_density;
  int64_t rows;
  double nll;       /* mean of -log p in nats, the data's own units */
  double nll_error; /* its standard error over the rows */
  double entropy;   /* of the law: the least nll there is; NaN when not known */
  double kl,
      kl_error; /* KL(data || model): mean of log p of the law - log p of the model over the same rows, whose scatter is
                          far below that of nll - entropy; NaN when not known */
  double encoded_nll;  /* the same in the encoder's units (standardised columns) */
  double adaptive_nll; /* by adaptive steps, relative tolerance 1e-5 */
  double evaluations;  /* network evaluations per row of the fixed steps */
  double adaptive_evaluations;
  double largest_difference;        /* of log p between fixed and adaptive steps, over the rows */
  double inverse_mean, inverse_rms; /* |F^-1(F(x)) - x| in the encoder's units: mean and root mean square */
  double mmd; /* unbiased, kernel exp(-|x - y|^2), encoder's units: samples and rows (arXiv 2006.00104) */
  double mmd_floor; /* the same between two halves of the rows */
} pf_likelihood;

/* How the samples fall on the modes of a law whose modes are known: a mixture of two Gaussians or more, or a board of squares.
 * A sample belongs to the mode whose centre is nearest, however far: high_quality says how near they are. modes is 0 for every
 * other law and for rows. */
enum { PF_COVERAGE_MODES = 64 };
typedef struct pf_coverage {
  int modes;    /* of the law, those of weight 0 not counted */
  int covered;  /* modes with at least a quarter of the samples that their weight asks for */
  int64_t rows; /* samples that were counted, and as many draws of the law */
  double high_quality,
      law_high_quality; /* share of samples, of draws, within 3 standard deviations of a centre */
  double chi_square,
      law_chi_square; /* sum of (count - expected)^2 / expected over the modes; modes - 1 degrees of freedom */
  int listed;         /* min(modes, PF_COVERAGE_MODES): the first modes, in the law's order */
  double counts[PF_COVERAGE_MODES], law_counts[PF_COVERAGE_MODES], expected[PF_COVERAGE_MODES];
} pf_coverage;

/* A conditional model within bins of each of its conditions: W2 between the generated columns of samples and of real rows whose
 * condition falls into the bin, beside the floor: the same between real rows. Units as of the other metrics. */
enum { PF_CONDITION_BINS = 10, PF_CONDITION_COLUMNS = 4 };
typedef struct pf_condition_bin {
  double low,
      high; /* of the condition; high is not in it but in the last bin, which is of one value when they are equal */
  int64_t rows;                          /* of a sample, 400 at most; below 16 the rest is NaN */
  double w2, floor, excess, excess_hi95; /* as in pf_metric */
} pf_condition_bin;
typedef struct pf_condition_bins {
  char name[64]; /* of the column, cut where it is longer */
  int count; /* bins of about a tenth of the real rows, fewer where values repeat: a value is never shared by two, and one of
                    many rows, such as a class, is in a bin of its own or with rarer ones below it */
  pf_condition_bin bins[PF_CONDITION_BINS];
} pf_condition_bins;
typedef struct pf_conditional {
  int columns; /* the first PF_CONDITION_COLUMNS conditions; 0: a model that generates every column */
  pf_condition_bins column[PF_CONDITION_COLUMNS];
} pf_conditional;

/* A model with a source, as transport, in encoded units: columns of source and data together have spread 1. */
typedef struct pf_transport {
  bool has_source;    /* false: the rest is 0 */
  int64_t rows;       /* of source and of data, for each of the numbers below */
  double cost;        /* E |g(z) - z|^2 over rows z of the source */
  double w2;          /* exact W2^2 between the rows of source and data */
  double floor;       /* the same between two disjoint samples of the data: what w2 would be for equal laws */
  double energy;      /* E int |v|^2 dt along the velocity's paths, 100 steps; `cost` without one */
  double path_energy; /* |energy - w2| / w2, the normalised path energy of arXiv 2302.00482 */
} pf_transport;

typedef struct pf_evaluation_set {
  int count;
  pf_evaluation rows[PF_EVALUATION_ROWS]; /* rows[0] is the model as asked */
  pf_decomposition decomposition;
  pf_likelihood likelihood;
  pf_coverage coverage; /* of rows[0] */
  pf_transport transport;
  pf_conditional conditional; /* of rows[0] */
} pf_evaluation_set;

/* A conditional model is measured under the conditions it was given last (pf_model_set_given): for the metrics of whole rows
 * they should be drawn from the data's law, apart from the rows it is measured against.
 *
 * Measures the model against held-out rows, or, when `law` ("law:NAME") is not NULL, against fresh draws of
 * that law (real may then be NULL). */
pf_status pf_evaluate(const pf_model *model, const pf_table *real, const char *law,
                      const pf_evaluate_options *options, pf_evaluation_set *out, pf_error *error);

/* The transport part of that alone; of the options (may be NULL) training rows, seed and threads count. PF_USAGE without
 * pf_model_set_source; for a model of noise out->has_source is false. */
pf_status pf_transport_measure(const pf_model *model, const pf_table *real, const char *law,
                               const pf_evaluate_options *options, pf_transport *out, pf_error *error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
