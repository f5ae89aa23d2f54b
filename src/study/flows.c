/* Shared pieces of the flows' studies: see flows.h. */
#include "flows.h"

#include <math.h>
#include "../base/cpu.h"

pf_verify_run pf_flows_lab(const pf_cell_run *run) {
  return (pf_verify_run){.seed = run->draw, .threads = 1, .hooks = &run->hooks, .begun = pf_clock_seconds()};
}

pf_jko_chain pf_flows_chain(pf_verify_run *lab, int blocks, int64_t steps) {
  pf_jko_chain c = {
      .run = lab, .settings = pf_jko_line_settings(), .steps = steps, .blocks = blocks, .keep_best = true};
  c.settings.field.network.activation = PF_ACTIVATION_TANH;
  return c;
}

pf_estimate pf_flows_rate(const double *x, const double *y, int n) {
  enum { MOST = 1024 };
  double powers[MOST];
  if (n > MOST) return (pf_estimate){NAN, NAN, NAN};
  for (int i = 0; i < n; i++) powers[i] = exp(x[i]);
  return pf_estimate_slope(powers, y, n, NULL);
}

double pf_flows_normal_cdf(double u) { return 0.5 * erfc(-u / sqrt(2)); }

static double component_sd(const pf_mixture *m, int k) {
  return sqrt(m->eigenvalues[m->covariances == 1 ? 0 : k]);
}

static double mixture_cdf(const pf_mixture *m, double x) {
  double sum = 0;
  for (int k = 0; k < m->components; k++)
    sum += m->weights[k] * pf_flows_normal_cdf((x - m->means[k]) / component_sd(m, k));
  return sum;
}

double pf_flows_mixture_quantile(const pf_mixture *m, double p) {
  double low = INFINITY, high = -INFINITY;
  for (int k = 0; k < m->components; k++) {
    low = fmin(low, m->means[k] - 9 * component_sd(m, k));
    high = fmax(high, m->means[k] + 9 * component_sd(m, k));
  }
  for (int i = 0; i < 80; i++) {
    double middle = (low + high) / 2;
    *(mixture_cdf(m, middle) < p ? &low : &high) = middle;
  }
  return (low + high) / 2;
}

void pf_flows_mixture_points(const pf_mixture *m, pf_flows_points *out) {
  const double reach = 6, step = 2 * reach / (PF_FLOWS_GRID - 1);
  for (int i = 0; i < PF_FLOWS_NODES; i++) {
    int k = i / PF_FLOWS_GRID;
    double u = -reach + step * (i % PF_FLOWS_GRID);
    out->x[i] = m->means[k] + component_sd(m, k) * u;
    out->weight[i] = m->weights[k] * step * exp(-0.5 * u * u) / sqrt(2 * M_PI);
  }
}

pf_status pf_flows_two_modes(double mean, double sd, pf_mixture **out, pf_error *error) {
  const double means[] = {-mean, mean}, variance = sd * sd;
  pf_mixture_spec spec = {.components = 2,
                          .d = 1,
                          .means = means,
                          .kind = PF_COVARIANCE_ISOTROPIC,
                          .covariances = 1,
                          .covariance = &variance};
  return pf_mixture_create(&spec, out, error);
}
