/* The standard normal distribution function and its inverse, in double. */
#ifndef PF_DATA_ENCODER_NORMAL_H
#define PF_DATA_ENCODER_NORMAL_H

/* Phi(z), full relative accuracy in the lower tail. */
double pf_normal_cdf(double z);
/* Phi^-1(p) for 0 < p < 1, relative error below 1e-14; -inf at 0, +inf at 1, NaN outside. */
double pf_normal_quantile(double p);
/* log of the density at z. */
double pf_normal_log_density(double z);

#endif
