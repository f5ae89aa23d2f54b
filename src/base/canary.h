/* Faults built in on purpose, to see that the tests notice (./run test --canary).
 *
 *   radius = PF_CANARY(BOX_MULLER_SIGN, radius, -radius);
 *
 * is `radius`, unless the build defines PF_CANARY_BOX_MULLER_SIGN=1. tests/canaries.txt names the tests
 * that must go red for each fault. Place one where a mistake would be quiet: a sign, a dropped term, a
 * missing check. */
#ifndef PF_BASE_CANARY_H
#define PF_BASE_CANARY_H

#define PF_CANARY(name, right, wrong) (PF_IS_ONE(PF_CANARY_##name) ? (wrong) : (right))

/* 1 when the macro x is defined as 1, else 0: a defined x turns into an extra argument. */
#define PF_IS_ONE(x)                  PF_IS_ONE_VALUE(x)
#define PF_IS_ONE_VALUE(value)        PF_IS_ONE_SECOND(PF_IS_ONE_ARGUMENT_##value)
#define PF_IS_ONE_SECOND(extra)       PF_SECOND_ARGUMENT(extra 1, 0, 0)
#define PF_IS_ONE_ARGUMENT_1          0,
#define PF_SECOND_ARGUMENT(a, b, ...) b

#endif
