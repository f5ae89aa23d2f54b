/* The machine's rates: numbers to divide by, whatever the machine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/rates.h"

static void rates_are_positive(void **unused) {
  (void)unused;
  pf_rates rates = {0};
  pf_error error;
  assert_int_equal(pf_rates_measure(&rates, &error), PF_OK);
  assert_true(rates.flops > 0 && isfinite(rates.flops));
  assert_true(rates.bytes > 0 && isfinite(rates.bytes));
}

static void no_memory_is_reported(void **unused) {
  (void)unused;
  pf_rates rates = {1, 2};
  pf_error error;
  pf_memory_fail_at(1);
  pf_status status = pf_rates_measure(&rates, &error);
  pf_memory_fail_at(0);
  assert_int_equal(status, PF_NO_MEMORY);
  assert_true(rates.flops == 1 && rates.bytes == 2);
}

static void the_peak_loop_runs(void **unused) {
  (void)unused;
  const pf_peak_loop *loop = pf_peak_loop_best();
  float x[192] = {0};
  loop->run(x);
  assert_true(x[0] > 0.99f && x[loop->lanes - 1] == x[0]); /* x = 0.99 x + 0.01 has gone to 1 */
  assert_true(pf_peak_loop_seconds(loop, 1) > 0);
}

static void ticks_rise(void **unused) {
  (void)unused;
  int64_t before = pf_cpu_ticks();
  double begin = pf_clock_seconds();
  while (!(pf_clock_seconds() - begin > 1e-4)) continue;
  assert_true(pf_cpu_ticks() > before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rates_are_positive),
      cmocka_unit_test(no_memory_is_reported),
      cmocka_unit_test(the_peak_loop_runs),
      cmocka_unit_test(ticks_rise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
