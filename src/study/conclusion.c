/* Checks and charts of an experiment. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "study.h"

/* One more element at the end of an array of `count`; arrays are short and grow one by one. */
static pf_status extend(void *array, int count, size_t size, pf_error *error) {
  return pf_grow(array, (size_t)count, (size_t)count + 1, size, error);
}

pf_status pf_conclude_check(pf_experiment *e, pf_estimate estimate, pf_band band, pf_error *error,
                            const char *format, ...) {
  PF_TRY(extend(&e->checks, e->n_checks, sizeof *e->checks, error));
  pf_study_check *check = &e->checks[e->n_checks++];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(check->name, sizeof check->name, format, arguments);
  va_end(arguments);
  check->value = estimate.value;
  check->low = estimate.low;
  check->high = estimate.high;
  check->least = band.least;
  check->most = band.most;
  /* a NaN compares false: what cannot be decided does not hold */
  check->holds = isfinite(estimate.value) && estimate.low >= band.least &&
                 PF_CANARY(STUDY_BAND, estimate.high <= band.most, estimate.low <= band.most);
  return PF_OK;
}

pf_status pf_conclude_chart(pf_experiment *e, pf_chart_head head, pf_error *error) {
  PF_TRY(extend(&e->charts, e->n_charts, sizeof *e->charts, error));
  pf_study_chart *chart = &e->charts[e->n_charts++];
  snprintf(chart->name, sizeof chart->name, "%s", head.name);
  snprintf(chart->x_name, sizeof chart->x_name, "%s", head.x_name);
  snprintf(chart->y_name, sizeof chart->y_name, "%s", head.y_name);
  chart->log_x = head.log_x;
  chart->log_y = head.log_y;
  return PF_OK;
}

static pf_status add_series(pf_experiment *e, pf_series_head head, const char *name, pf_error *error) {
  if (e->n_charts == 0)
    return pf_fail(error, PF_FAILED, "experiment '%s': a series without a chart", e->name);
  pf_study_chart *chart = &e->charts[e->n_charts - 1];
  pf_study_point *points = NULL;
  PF_TRY(extend(&chart->series, chart->count, sizeof *chart->series, error));
  PF_TRY(pf_alloc((size_t)head.count, sizeof *points, &points, error));
  memcpy(points, head.points, (size_t)head.count * sizeof *points);
  pf_study_series *series = &chart->series[chart->count++];
  snprintf(series->name, sizeof series->name, "%s", name);
  series->mark = head.mark;
  series->count = head.count;
  series->points = points;
  return PF_OK;
}

pf_status pf_conclude_series(pf_experiment *e, pf_series_head head, pf_error *error, const char *format,
                             ...) {
  char name[PF_STUDY_WORDS];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
  return add_series(e, head, name, error);
}

pf_status pf_conclude_power(pf_experiment *e, pf_power_law law, pf_error *error, const char *format, ...) {
  char name[PF_STUDY_WORDS];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
  pf_study_point ends[] = {pf_bare_point(law.from, law.factor * pow(law.from, law.slope)),
                           pf_bare_point(law.to, law.factor * pow(law.to, law.slope))};
  return add_series(e, (pf_series_head){PF_STUDY_REFERENCE, ends, 2}, name, error);
}

pf_study_point pf_point_of(double x, const double *values, int count) {
  pf_estimate mean = pf_estimate_mean(values, count);
  return (pf_study_point){x, mean.value, mean.low, mean.high};
}

pf_study_point pf_bare_point(double x, double y) { return (pf_study_point){x, y, NAN, NAN}; }
