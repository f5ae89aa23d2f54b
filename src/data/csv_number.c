/* Numbers in CSV cells.
 *
 * Parsing: when the digits make an integer m <= 2^53 and the scale is 10^|e| with |e| <= 22, both are exact
 * doubles and one multiplication or division rounds correctly (Clinger 1990, "How to read floating point
 * numbers accurately", the fast case). Everything else goes to the C library.
 * Printing: integers of up to 15 digits are exact, so a value with known decimals is scaled, rounded and
 * written digit by digit. The rest is scaled to nine digits with an exact remainder (a fused multiply-add gives what the
 * rounding of the product left), from which every shorter rounding is exact too; sizes beyond exact powers of ten go
 * through %e, of which only the digits are used (no locale).
 */
#include "data/csv_number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { LARGEST_POWER = 22, EXACT_DIGITS = 15, FLOAT_DIGITS = 9 };

/* ---- parsing ---- */

typedef struct decimal {
  uint64_t digits; /* the first 19 significant ones */
  int64_t exponent;
  int decimals;
  bool negative, exact, has_exponent;
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static const char *take_digits(const char *at, const char *end, decimal *number, bool fraction) {
  for (; at < end && is_digit(*at); at++) {
    if (fraction) number->decimals++;
    if (number->digits < UINT64_C(1000000000000000000)) {
      number->digits = 10 * number->digits + (uint64_t)(*at - '0');
      number->exponent -= fraction;
    } else {
      number->exact = false;
    }
  }
  return at;
}

/* The part after 'e'; NULL when it is malformed. */
static const char *take_exponent(const char *at, const char *end, decimal *number) {
  bool negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) at++;
  if (at == end || !is_digit(*at)) return NULL;
  int64_t value = 0;
  for (; at < end && is_digit(*at); at++) {
    if (value < 1000000) value = 10 * value + (*at - '0');
  }
  number->exponent += negative ? -value : value;
  number->has_exponent = true;
  return at;
}

/* Reads the grammar; true when all of the text is one number. */
static bool scan_decimal(const char *at, const char *end, decimal *number) {
  *number = (decimal){.exact = true};
  if (at < end && (*at == '-' || *at == '+')) number->negative = *at++ == '-';
  const char *start = at;
  at = take_digits(at, end, number, false);
  int64_t digits = at - start;
  if (at < end && *at == '.') {
    start = ++at;
    at = take_digits(at, end, number, true);
    digits += at - start;
  }
  if (digits == 0) return false;
  if (at < end && (*at == 'e' || *at == 'E')) at = take_exponent(at + 1, end, number);
  return at == end;
}

static bool parse_slowly(const char *text, size_t length, double *out) {
  char copy[512];
  if (length >= sizeof copy) return false;
  memcpy(copy, text, length);
  copy[length] = '\0';
  return pf_parse_double(copy, out) && isfinite(*out);
}

bool pf_csv_number_parse(const char *text, size_t length, pf_csv_number *out) {
  const char *end = text + length;
  while (text < end && is_blank(*text)) text++;
  while (end > text && is_blank(end[-1])) end--;
  decimal number;
  if (!scan_decimal(text, end, &number)) return false;
  double value = (double)number.digits;
  bool fast = number.exact && number.digits <= (UINT64_C(1) << 53) && number.exponent >= -LARGEST_POWER &&
              number.exponent <= LARGEST_POWER;
  if (fast) {
    value = number.exponent < 0 ? value / POWERS[-number.exponent] : value * POWERS[number.exponent];
    if (number.negative) value = -value;
  } else if (!parse_slowly(text, (size_t)(end - text), &value)) {
    return false;
  }
  *out = (pf_csv_number){.value = value, .decimals = number.has_exponent ? -1 : number.decimals};
  return true;
}

/* ---- printing ---- */

/* value = m / 10^decimals, m < 2^53. */
static int print_fixed(uint64_t m, int decimals, bool negative, char out[48]) {
  while (decimals > 0 && m % 10 == 0) m /= 10, decimals--;
  char reversed[32];
  int count = 0;
  for (; m > 0 || count <= decimals; m /= 10) {
    if (count == decimals && decimals > 0) reversed[count++] = '.', decimals = -1;
    reversed[count++] = (char)('0' + m % 10);
  }
  int length = 0;
  if (negative) out[length++] = '-';
  while (count > 0) out[length++] = reversed[--count];
  out[length] = '\0';
  return length;
}

/* digits d.ddd times 10^exponent, as plain text where that is short and with an exponent elsewhere. */
static int print_digits(const char *digits, int count, int exponent, bool negative, char out[48]) {
  int length = 0;
  if (negative) out[length++] = '-';
  if (exponent < -5 || exponent > EXACT_DIGITS) {
    out[length++] = digits[0];
    if (count > 1) out[length++] = '.';
    for (int i = 1; i < count; i++) out[length++] = digits[i];
    return length + snprintf(out + length, (size_t)(48 - length), "e%d", exponent);
  }
  if (exponent < 0) out[length++] = '0', out[length++] = '.';
  for (int i = exponent + 1; i < 0; i++) out[length++] = '0';
  for (int i = 0; i < count || i <= exponent; i++) {
    if (i == exponent + 1 && i > 0) out[length++] = '.';
    out[length++] = i < count ? digits[i] : '0';
  }
  out[length] = '\0';
  return length;
}

/* ---- fewest digits that read back to the same float ---- */

/* The digits and the decimal exponent of |value| with `count` significant digits, trailing zeros cut. */
static int take_significant(double value, int count, char digits[24], int *exponent) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", count - 1, fabs(value));
  int kept = 0;
  const char *at = text;
  for (; *at && *at != 'e'; at++) {
    if (is_digit(*at)) digits[kept++] = *at;
  }
  *exponent = *at ? atoi(at + 1) : 0;
  while (kept > 1 && digits[kept - 1] == '0') kept--;
  return kept;
}

/* The slow way, for any finite value. */
static int search_shortest(double value, char out[48]) {
  char digits[24] = "0";
  int exponent = 0, length = 0;
  for (int count = 6; count <= FLOAT_DIGITS; count++) {
    int kept = take_significant(value, count, digits, &exponent);
    length = print_digits(digits, kept, exponent, value < 0, out);
    pf_csv_number back;
    if (pf_csv_number_parse(out, (size_t)length, &back) && (float)back.value == (float)value) break;
  }
  return length;
}

/* |value| = (whole + fraction) 10^(exponent - 8) exactly, 10^8 <= whole <= 10^9: the fraction is known by its sides. */
typedef struct nine_digits {
  int64_t whole;
  int exponent;
  bool more;  /* fraction > 0 */
  int middle; /* sign of fraction - 1/2 */
} nine_digits;

/* The quotient or product nearest to v 10^power, and what it lacks. */
static double scale_exactly(double v, int power, double *rest) {
  if (power >= 0) {
    double product = v * POWERS[power];
    *rest = fma(v, POWERS[power], -product);
    return product;
  }
  double quotient = v / POWERS[-power];
  *rest = fma(-quotient, POWERS[-power], v); /* times 10^power: only its sign is used */
  return quotient;
}

/* False when 10^(8 - exponent) or what reads it back is no exact double. */
static bool scale_to_nine(double v, nine_digits *out) {
  if (!(v >= 1e-12 && v < 1e20)) return false;
  int exponent = (int)floor(ilogb(v) * 0.30102999566398120); /* or one less than it should be */
  double rest, nearest = scale_exactly(v, FLOAT_DIGITS - 1 - exponent, &rest);
  if (nearest >= 1e9) nearest = scale_exactly(v, FLOAT_DIGITS - 1 - ++exponent, &rest);
  double whole = floor(nearest), middle = nearest - whole - 0.5;
  bool borrow = nearest == whole && rest < 0; /* a whole number is nearest, the value a little less */
  out->whole = (int64_t)whole - borrow;
  out->exponent = exponent;
  out->more = nearest != whole || rest != 0;
  out->middle = borrow ? 1 : middle != 0 ? (middle > 0) - (middle < 0) : (rest > 0) - (rest < 0);
  return true;
}

/* Rounded to FLOAT_DIGITS - cut digits, halves to even as %e does. */
static int64_t round_digits(const nine_digits *s, int cut) {
  static const int64_t tens[] = {1, 10, 100, 1000};
  int64_t unit = tens[cut], kept = s->whole / unit, rest = s->whole % unit;
  int side = s->middle;
  if (cut > 0) side = 2 * rest != unit ? (2 * rest > unit ? 1 : -1) : s->more;
  return kept + (side > 0 || (side == 0 && (kept & 1)));
}

static int print_significant(int64_t m, int exponent, bool negative, char out[48]) {
  char digits[24];
  int count = 0;
  while (m % 10 == 0) m /= 10;
  for (int64_t rest = m; rest > 0; rest /= 10) count++;
  for (int i = count - 1; i >= 0; i--, m /= 10) digits[i] = (char)('0' + m % 10);
  return print_digits(digits, count, exponent, negative, out);
}

static int print_shortest(double value, char out[48]) {
  nine_digits s;
  if (!scale_to_nine(fabs(value), &s)) return search_shortest(value, out);
  const float want = fabsf((float)value);
  int64_t m = 0;
  for (int cut = 3; cut >= 0; cut--) {
    int power = s.exponent - (FLOAT_DIGITS - 1) + cut;
    m = round_digits(&s, cut);
    double back = power < 0 ? (double)m / POWERS[-power] : (double)m * POWERS[power];
    if ((float)back != want && cut > 0) continue;
    s.exponent += m == (int64_t)POWERS[FLOAT_DIGITS - cut]; /* 9.99.. became 10.0.. */
    break;
  }
  return print_significant(m, s.exponent, value < 0, out);
}

int pf_csv_number_print(double value, int decimals, char out[48]) {
  if (value == 0) return print_fixed(0, 0, false, out);
  if (decimals >= 0 && decimals <= EXACT_DIGITS) {
    double scaled = fabs(value) * POWERS[decimals];
    double whole = nearbyint(scaled);
    if (whole == 0) return print_fixed(0, 0, false, out);
    double limit = decimals == 0 ? 0x1p53 : POWERS[EXACT_DIGITS];
    if (whole <= limit) return print_fixed((uint64_t)whole, decimals, value < 0, out);
  }
  return print_shortest(value, out);
}
