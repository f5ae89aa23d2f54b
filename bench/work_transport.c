/* A worker of the transport benchmark: solves one problem again and again, in step with its peers.
 *
 *   work_transport --solver assignment|sinkhorn --n N --dim D --power 1|2 --law gaussians|moons|shifted --seed S
 *                  [--matrix] [--dump FILE] [--epsilon E] [--iterations K] [--tolerance T]
 *
 * Prints one line, `ready {"value": ...}`, with what a first solve found; then every line `go K` on standard input is
 * answered by `done SECONDS` for K solves. --matrix: the solver is given the matrix of costs, made beforehand, instead
 * of the points. --dump: the points as raw doubles, x then y, row by row, so that a peer solves the same problem.
 * Values: the mean cost of the assignment; <P, C> of Sinkhorn.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/law.h"
#include "ot/assignment.h"
#include "ot/sinkhorn.h"

typedef struct worker {
  const char *solver, *law, *dump;
  int64_t n, dim, power, seed, iterations;
  double epsilon, tolerance;
  bool given_matrix;
  double *x, *y, *matrix;
  pf_sinkhorn last;
} worker;

static void must(pf_status status, const pf_error *error) {
  if (status == PF_OK) return;
  fprintf(stderr, "work_transport: %s\n", error->message);
  exit(1);
}

static void refuse(const char *what, const char *value) {
  fprintf(stderr, "work_transport: %s '%s'\n", what, value);
  exit(2);
}

static double number(const char *option, const char *text) {
  double value = NAN;
  if (text == NULL || !pf_parse_double(text, &value)) refuse(option, text == NULL ? "" : text);
  return value;
}

static worker read_arguments(int argc, char **argv) {
  worker w = {.solver = "assignment", .law = "gaussians", .n = 1024, .dim = 2, .power = 2, .iterations = 100};
  for (int i = 1; i < argc; i++) {
    const char *option = argv[i];
    if (strcmp(option, "--matrix") == 0) {
      w.given_matrix = true;
      continue;
    }
    const char *value = argv[++i];
    if (value == NULL) refuse("no value for", option);
    if (strcmp(option, "--solver") == 0)
      w.solver = value;
    else if (strcmp(option, "--law") == 0)
      w.law = value;
    else if (strcmp(option, "--dump") == 0)
      w.dump = value;
    else if (strcmp(option, "--n") == 0)
      w.n = (int64_t)number(option, value);
    else if (strcmp(option, "--dim") == 0)
      w.dim = (int64_t)number(option, value);
    else if (strcmp(option, "--power") == 0)
      w.power = (int64_t)number(option, value);
    else if (strcmp(option, "--seed") == 0)
      w.seed = (int64_t)number(option, value);
    else if (strcmp(option, "--iterations") == 0)
      w.iterations = (int64_t)number(option, value);
    else if (strcmp(option, "--epsilon") == 0)
      w.epsilon = number(option, value);
    else if (strcmp(option, "--tolerance") == 0)
      w.tolerance = number(option, value);
    else
      refuse("unknown option", option);
  }
  if (strcmp(w.solver, "assignment") != 0 && strcmp(w.solver, "sinkhorn") != 0) refuse("solver", w.solver);
  if (w.n < 1 || w.n > PF_ASSIGNMENT_MAX || w.dim < 1 || w.dim > 128 || w.seed < 0)
    refuse("size or seed of", w.law);
  return w;
}

/* `spec` of the law of x (side 0) or y (side 1). The planar laws stand side by side in even dimensions. */
static void law_spec(const worker *w, int side, char *spec, size_t size) {
  const char *planar = strcmp(w->law, "gaussians") == 0 ? "8gaussians" : "moons";
  if (strcmp(w->law, "shifted") == 0)
    snprintf(spec, size, side == 0 ? "gauss:d=%d" : "gauss:d=%d,mean=3,variance=0.09", (int)w->dim);
  else if ((strcmp(w->law, "gaussians") != 0 && strcmp(w->law, "moons") != 0) || w->dim % 2 != 0)
    refuse("law (gaussians and moons need an even --dim)", w->law);
  else if (w->dim == 2)
    snprintf(spec, size, "%s", planar);
  else
    snprintf(spec, size, "product:law=%s,k=%d", planar, (int)w->dim / 2);
}

static double *draw(const worker *w, int side) {
  pf_error error = {0};
  pf_law *law = NULL;
  double *out = NULL;
  char spec[96];
  law_spec(w, side, spec, sizeof spec);
  must(pf_law_create(spec, &law, &error), &error);
  must(pf_alloc((size_t)(w->n * w->dim), sizeof *out, &out, &error), &error);
  pf_law_sample(law, (uint64_t)w->seed, side == 0 ? 0 : (uint64_t)w->n, w->n, out);
  pf_law_free(law);
  return out;
}

static void make_matrix(worker *w) {
  pf_error error = {0};
  size_t n = (size_t)w->n, d = (size_t)w->dim;
  must(pf_alloc(n * n, sizeof *w->matrix, &w->matrix, &error), &error);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double square = 0;
      for (size_t k = 0; k < d; k++)
        square += (w->x[i * d + k] - w->y[j * d + k]) * (w->x[i * d + k] - w->y[j * d + k]);
      w->matrix[i * n + j] = w->power == 2 ? square : sqrt(square);
    }
}

static void dump(const worker *w) {
  FILE *file = fopen(w->dump, "wb");
  size_t count = (size_t)(w->n * w->dim);
  if (file == NULL || fwrite(w->x, sizeof *w->x, count, file) != count ||
      fwrite(w->y, sizeof *w->y, count, file) != count || fclose(file) != 0)
    refuse("writing failed", w->dump);
}

static double solve_assignment(const worker *w) {
  pf_error error = {0};
  size_t n = (size_t)w->n, d = (size_t)w->dim;
  pf_assignment found = {0};
  if (w->given_matrix)
    must(pf_assignment_solve(w->matrix, n, &found, &error), &error);
  else
    must(
        pf_assignment_points((pf_points){w->x, n, d}, (pf_points){w->y, n, d}, (int)w->power, &found, &error),
        &error);
  double value = found.total / (double)n;
  pf_assignment_clear(&found);
  return value;
}

static double solve_sinkhorn(worker *w) {
  pf_error error = {0};
  size_t n = (size_t)w->n, d = (size_t)w->dim;
  pf_sinkhorn_problem problem = {.matrix = w->matrix,
                                 .rows = n,
                                 .columns = n,
                                 .x = {w->x, n, d},
                                 .y = {w->y, n, d},
                                 .power = (int)w->power};
  pf_sinkhorn_options options = pf_sinkhorn_options_default();
  options.epsilon = w->epsilon;
  options.iterations = (int)w->iterations;
  options.tolerance = w->tolerance;
  pf_sinkhorn_clear(&w->last);
  must(pf_sinkhorn_solve(&problem, options, &w->last, &error), &error);
  return w->last.cost;
}

static double solve(worker *w) {
  return strcmp(w->solver, "assignment") == 0 ? solve_assignment(w) : solve_sinkhorn(w);
}

/* A twentieth of the mean cost: what minibatch couplings use. */
static double usual_epsilon(const worker *w) {
  double sum = 0;
  size_t n = (size_t)w->n, d = (size_t)w->dim;
  for (size_t i = 0; i < n; i++) {
    double square = 0;
    for (size_t k = 0; k < d; k++) square += pow(w->x[i * d + k] - w->y[(n - 1 - i) * d + k], 2);
    sum += w->power == 2 ? square : sqrt(square);
  }
  return .05 * sum / (double)n;
}

static void announce(worker *w) {
  double value = solve(w);
  printf("ready {\"value\": %.17g", value);
  if (strcmp(w->solver, "sinkhorn") == 0)
    printf(", \"epsilon\": %.17g, \"iterations\": %d, \"marginal_error\": %.3g, \"objective\": %.17g, "
           "\"dual\": %.17g",
           w->epsilon, w->last.iterations, w->last.marginal_error, w->last.objective, w->last.dual);
  printf("}\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  worker w = read_arguments(argc, argv);
  char line[64];
  w.x = draw(&w, 0);
  w.y = draw(&w, 1);
  if (w.dump != NULL) dump(&w);
  if (w.given_matrix) make_matrix(&w);
  if (w.epsilon == 0) w.epsilon = usual_epsilon(&w);
  announce(&w);
  while (fgets(line, sizeof line, stdin) != NULL) {
    int count = 0;
    if (sscanf(line, "go %d", &count) != 1 || count < 1) refuse("not understood", line);
    double start = pf_clock_seconds();
    for (int k = 0; k < count; k++) solve(&w);
    printf("done %.9f\n", pf_clock_seconds() - start);
    fflush(stdout);
  }
  pf_sinkhorn_clear(&w.last);
  pf_free(w.x);
  pf_free(w.y);
  pf_free(w.matrix);
  return 0;
}
