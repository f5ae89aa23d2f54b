/* Small flows of every kind of field with rows to move. A header of static functions. */
#ifndef PF_TESTS_FLOW_CNF_FIXTURE_H
#define PF_TESTS_FLOW_CNF_FIXTURE_H

#include "base/pool.h"
#include "flow/cnf.h"
#include "plain_field.h"

enum { N = 700, FIRST = 1000, BLOCKS = 3, MOST_D = 3, STEPS = 8 };

typedef struct fixture {
  pf_cnf_config config;
  pf_layout layout;
  float *params;
  pf_cnf *cnf;
  int d;
  double *x; /* N x d */
  int n;     /* rows that move_rows moves: a few where no tile has to be full */
} fixture;

static inline pf_field network_field(int d) {
  return (pf_field){.network = {.inputs = d,
                                .outputs = d,
                                .width = 16,
                                .depth = 2,
                                .times = 1,
                                .frequencies = 2,
                                .max_frequency = 2,
                                .activation = PF_ACTIVATION_TANH}};
}

static inline pf_field potential_field(int d) {
  return (pf_field){.kind = PF_FIELD_POTENTIAL, .potential = {.inputs = d, .width = 12, .layers = 2}};
}

static inline void open_fixture(fixture *f, pf_field field) {
  pf_error error = {0};
  *f = (fixture){
      .config = {.field = field, .blocks = BLOCKS, .steps = STEPS}, .d = pf_field_columns(&field), .n = N};
  must(pf_field_layout(&field, &f->layout, &error), &error);
  size_t n = (size_t)(BLOCKS * f->layout.total);
  double *wide = test_array(n, sizeof *wide);
  f->params = test_array(n, sizeof *f->params);
  plain_normals(4, 0.25, n, wide);
  for (size_t i = 0; i < n; i++) f->params[i] = (float)wide[i];
  pf_free(wide);
  f->x = test_array((size_t)(N * f->d), sizeof *f->x);
  plain_normals(5, 1, (size_t)(N * f->d), f->x);
  must(pf_cnf_create(&f->config, f->params, &f->cnf, &error), &error);
}

static inline void close_fixture(fixture *f) {
  pf_cnf_free(f->cnf);
  pf_layout_free(&f->layout);
  pf_free(f->params);
  pf_free(f->x);
}

typedef void check_fixture(fixture *f);

static inline void for_fields(check_fixture *check) {
  for (int d = 1; d <= MOST_D; d++)
    for (int kind = 0; kind < 2; kind++) {
      fixture f;
      open_fixture(&f, kind ? potential_field(d) : network_field(d));
      check(&f);
      close_fixture(&f);
    }
}

/* A copy of the rows, moved. */
typedef struct moved {
  double *x, *l, evaluations;
} moved;

static inline moved move_rows(const fixture *f, const pf_cnf_move *move, const double *from, pf_pool *pool) {
  moved m = {test_array((size_t)(N * f->d), sizeof(double)), test_array(N, sizeof(double)), NAN};
  pf_error error = {0};
  memcpy(m.x, from, (size_t)(f->n * f->d) * sizeof(double));
  must(pf_cnf_rows(f->cnf, move, (pf_rows){FIRST, f->n}, m.x, m.l, &m.evaluations, pool, &error), &error);
  return m;
}

static inline void free_moved(moved *m) {
  pf_free(m->x);
  pf_free(m->l);
}

static inline double largest_gap(const double *a, const double *b, size_t n) {
  double gap = 0;
  for (size_t i = 0; i < n; i++) {
    double e = fabs(a[i] - b[i]);
    if (!(e <= gap)) gap = e; /* a NaN stays */
  }
  return gap;
}

static const pf_cnf_move to_noise = {.direction = PF_CNF_TO_NOISE}, to_data = {.direction = PF_CNF_TO_DATA};

static inline void expect_same(const char *what, const void *a, const void *b, size_t bytes) {
  if (memcmp(a, b, bytes) != 0) fail_msg("%s: other bits", what);
}

static inline float *noise_of(const fixture *f) {
  float *z = test_array((size_t)(N * f->d), sizeof *z);
  for (int i = 0; i < N * f->d; i++) z[i] = (float)f->x[i];
  return z;
}

#endif
