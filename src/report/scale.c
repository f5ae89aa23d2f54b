/* Scales and ticks.
 * Round steps: the smallest of {1, 2, 5} * 10^k that leaves at most `target` intervals. */
#include "report/scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double pf_plot_scale_map(const pf_plot_scale *scale, double value) {
  if (!isfinite(value)) return NAN;
  double low = scale->low, high = scale->high;
  if (scale->logarithmic) {
    if (!(value > 0)) return NAN;
    value = log10(value), low = log10(low), high = log10(high);
  }
  double place = scale->from + (value - low) / (high - low) * (scale->to - scale->from);
  return isfinite(place) ? place : NAN;
}

pf_range pf_range_padded(double low, double high, double padding) {
  const double limit = 1e300; /* keeps high - low and everything computed from it finite */
  if (!(low >= -limit)) low = -limit;
  if (!(high <= limit)) high = limit;
  if (low > high) low = high;
  double width = high - low;
  double smallest = 1e-9 * fmax(fabs(low), fabs(high));
  if (!(width > smallest)) { /* a constant: one unit of its own size around it */
    width = low != 0 ? fabs(low) : 1;
    return (pf_range){low - width / 2, high + width / 2};
  }
  return (pf_range){low - padding * width, high + padding * width};
}

static double round_step(double width, int target) {
  double raw = width / target, power = pow(10, floor(log10(raw)));
  double mantissa = raw / power;
  double nice = mantissa <= 1.0000001 ? 1 : mantissa <= 2.0000001 ? 2 : mantissa <= 5.0000001 ? 5 : 10;
  return nice * power;
}

static pf_ticks multiples(double low, double high, double step) {
  pf_ticks ticks = {.step = step};
  double slack = 1e-9 * step, first = ceil((low - slack) / step);
  for (int k = 0; k < PF_TICKS_MAX; k++) {
    double value = (first + k) * step;
    if (!(value <= high + slack)) break;
    ticks.value[ticks.count++] = fabs(value) < slack ? 0 : value;
  }
  return ticks;
}

pf_ticks pf_ticks_linear(double low, double high, int target) {
  pf_ticks ticks = {.count = 0};
  if (!(low < high) || !isfinite(high - low)) return ticks;
  if (target < 1) target = 1;
  if (target > PF_TICKS_MAX - 2) target = PF_TICKS_MAX - 2;
  for (int more = 0; more < 4 && ticks.count < 2; more++) /* one mark alone gives no scale */
    ticks = multiples(low, high, round_step(high - low, target + more));
  return ticks;
}

pf_ticks pf_ticks_log(double low, double high, int target) {
  static const double fine[] = {1, 2, 5}, coarse[] = {1};
  pf_ticks ticks = {.count = 0};
  if (!(0 < low && low < high) || !isfinite(high)) return ticks;
  if (target < 1) target = 1;
  if (target > PF_TICKS_MAX - 2) target = PF_TICKS_MAX - 2;
  double decades = log10(high / low);
  bool is_fine = 3 * decades <= target;
  const double *mantissas = is_fine ? fine : coarse;
  size_t mantissa_count = is_fine ? 3 : 1;
  int stride = is_fine ? 1 : (int)ceil(decades / target);
  int first = (int)floor(log10(low) + 1e-9);
  first = (int)(floor((double)first / stride) * stride); /* multiples of the stride, so 1 is among them */
  for (int k = first; pow(10, k) <= high * (1 + 1e-9); k += stride)
    for (size_t m = 0; m < mantissa_count; m++) {
      double value = mantissas[m] * pow(10, k);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9) || ticks.count == PF_TICKS_MAX) continue;
      ticks.value[ticks.count++] = value;
    }
  return ticks.count >= 2 ? ticks : pf_ticks_linear(low, high, target);
}

pf_ticks pf_plot_scale_ticks(const pf_plot_scale *scale, int target) {
  return scale->logarithmic ? pf_ticks_log(scale->low, scale->high, target)
                            : pf_ticks_linear(scale->low, scale->high, target);
}

/* printf's decimal point belongs to the host's locale; a page must not depend on it. */
static void plain_point(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (strchr("0123456789+-e", *from)) {
      *to++ = *from;
    } else if (to == text || to[-1] != '.') { /* a point of several bytes becomes one */
      *to++ = '.';
    }
  }
  *to = 0;
}

/* "1e+05" -> "1e5", "2e-07" -> "2e-7". */
static void short_exponent(char *text) {
  char *e = strchr(text, 'e');
  if (!e) return;
  char *to = e + 1, *from = e + 1;
  if (*from == '+') from++;
  if (*from == '-') *to++ = *from++;
  while (*from == '0' && from[1]) from++;
  memmove(to, from, strlen(from) + 1);
}

void pf_number_text(double value, int digits, char out[40]) {
  if (!isfinite(value)) {
    strcpy(out, "\xE2\x80\x93");
    return;
  }
  snprintf(out, 40, "%.*g", digits < 15 ? digits : 15, value == 0 ? 0 : value);
  plain_point(out);
  short_exponent(out);
}

static void minus_sign(char text[40]) {
  if (text[0] != '-') return;
  memmove(text + 3, text + 1, strlen(text));
  memcpy(text, "\xE2\x88\x92", 3);
}

void pf_ticks_label(const pf_ticks *ticks, size_t i, char out[40]) {
  double value = ticks->value[i], largest = 0;
  for (size_t k = 0; k < ticks->count; k++) largest = fmax(largest, fabs(ticks->value[k]));
  double unit = largest >= 1e9 ? 0 : largest >= 1e6 ? 1e6 : largest >= 1e4 ? 1e3 : 1;
  double step = ticks->step;
  if (step == 0) { /* logarithmic: every tick carries its own size */
    pf_number_text(value, 3, out);
  } else if (unit == 0 || step / unit < 0.9e-4) {
    pf_number_text(value, 6, out);
  } else {
    int decimals = (int)fmax(0, -floor(log10(step / unit) + 1e-6));
    snprintf(out, 30, "%.*f", decimals, value / unit);
    plain_point(out);
    if (unit > 1 && value != 0) strcat(out, unit == 1e6 ? "M" : "k");
  }
  minus_sign(out);
}
