/* Laws with sharp edges: the uniform law on a union of equal squares.
 *
 * Draws: which square, then two uniforms. Sources: rtqichen/ffjord (checkerboard),
 * burning489/ConditionalFollmerFlow (4squares, 5squares), jshe/wasserstein-2 (w2-checker), arXiv 2505.18825
 * (board4).
 */
#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "law_internal.h"

enum { MAX_SQUARES = 8 };

typedef struct board {
  int squares;
  double half; /* half the side */
  double centre[2 * MAX_SQUARES];
  double log_p;
} board;

static void draw(const pf_law *law, pf_rng *rng, double *x) {
  const board *b = law->state;
  uint32_t k = pf_rng_below(rng, (uint32_t)b->squares);
  for (int i = 0; i < 2; i++)
    x[i] = b->centre[2 * k + (uint32_t)i] +
           b->half * PF_CANARY(BOARD_HALF, 2 * pf_rng_uniform(rng) - 1, pf_rng_uniform(rng));
}

/* Edges belong to the squares: no draw may have density 0, whatever the rounding. */
static double log_p(const pf_law *law, const double *x) {
  const board *b = law->state;
  for (int k = 0; k < b->squares; k++)
    if (fabs(x[0] - b->centre[2 * k]) <= b->half && fabs(x[1] - b->centre[2 * k + 1]) <= b->half)
      return b->log_p;
  return isnan(x[0] + x[1]) ? NAN : -INFINITY;
}

static pf_status set_board(pf_law *law, double side, const double *centres, int squares, pf_error *error) {
  PF_TRY(pf_law_set_dimension(law, 2, error));
  board *b = NULL;
  PF_TRY(pf_law_set_state(law, sizeof *b, NULL, &b, error));
  b->squares = squares;
  b->half = side / 2;
  b->log_p = -log(squares * side * side);
  memcpy(b->centre, centres, 2 * (size_t)squares * sizeof *centres);
  PF_TRY(pf_alloc(2 * (size_t)squares, sizeof(double), &law->mode_centres, error));
  PF_TRY(pf_alloc((size_t)squares, sizeof(double), &law->mode_weights, error));
  PF_TRY(pf_alloc((size_t)squares, sizeof(double), &law->mode_spreads, error));
  memcpy(law->mode_centres, centres, 2 * (size_t)squares * sizeof *centres);
  law->modes = squares;
  law->board = true;
  law->draw = draw;
  law->log_p = log_p;
  law->entropy = -b->log_p;
  for (int k = 0; k < squares; k++) {
    law->mode_weights[k] = 1.0 / squares;
    law->mode_spreads[k] = side / sqrt(12);
    for (int i = 0; i < 2; i++) law->mean[i] += centres[2 * k + i] / squares;
  }
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      double sum = 0;
      for (int k = 0; k < squares; k++) sum += centres[2 * k + i] * centres[2 * k + j] / squares;
      law->covariance[2 * i + j] = sum - law->mean[i] * law->mean[j] + (i == j ? side * side / 12 : 0);
    }
  return PF_OK;
}

/* args: side of a square; 8 squares where floor(x1/side) + floor(x2/side) is even */
pf_status pf_law_build_checkerboard(pf_law *law, const double *args, const pf_law_keys *keys,
                                    pf_error *error) {
  (void)keys;
  double centres[2 * MAX_SQUARES];
  int count = 0;
  for (int i = -2; i < 2; i++)
    for (int j = -2; j < 2; j++)
      if ((i + j) % 2 == 0) {
        centres[2 * count] = args[0] * (i + 0.5);
        centres[2 * count++ + 1] = args[0] * (j + 0.5);
      }
  return set_board(law, args[0], centres, count, error);
}

pf_status pf_law_build_four_squares(pf_law *law, const double *args, const pf_law_keys *keys,
                                    pf_error *error) {
  (void)args;
  (void)keys;
  static const double CENTRES[] = {0, -2, 0, 2, -2, 0, 2, 0};
  return set_board(law, 1, CENTRES, 4, error);
}

pf_status pf_law_build_five_squares(pf_law *law, const double *args, const pf_law_keys *keys,
                                    pf_error *error) {
  (void)args;
  (void)keys;
  static const double CENTRES[] = {-2, -2, -2, 2, 2, -2, 2, 2, 0, 0};
  return set_board(law, 1, CENTRES, 5, error);
}

/* args: 1 target, 0 source */
pf_status pf_law_build_w2_checker(pf_law *law, const double *args, const pf_law_keys *keys, pf_error *error) {
  (void)keys;
  double a = 1.5 / sqrt(2);
  double target[] = {-a, -a, -a, a, a, -a, a, a, 0, 0}, source[] = {0, -1.5, 0, 1.5, -a, 0, a, 0};
  bool is_target = args[0] != 0;
  return set_board(law, .5, is_target ? target : source, is_target ? 5 : 4, error);
}
