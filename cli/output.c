/* Results: aligned text tables and JSON objects. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

/* ---- grids ---- */

static char *next_cell(cli_grid *grid) {
  if (grid->count == grid->capacity) {
    int capacity = grid->capacity ? 2 * grid->capacity : 64;
    void *cells = realloc(grid->cells, (size_t)capacity * sizeof *grid->cells);
    if (!cells) {
      grid->failed = true;
      return NULL;
    }
    grid->cells = cells;
    grid->capacity = capacity;
  }
  return grid->cells[grid->count++];
}

void cli_grid_add(cli_grid *grid, const char *format, ...) {
  char *cell = next_cell(grid);
  va_list arguments;
  if (!cell) return;
  va_start(arguments, format);
  vsnprintf(cell, sizeof *grid->cells, format, arguments);
  va_end(arguments);
}

void cli_grid_number(cli_grid *grid, double value) {
  if (isnan(value))
    cli_grid_add(grid, "-");
  else
    cli_grid_add(grid, "%.4g", value);
}

static bool is_number(const char *cell) {
  char *end = NULL;
  strtod(cell, &end);
  return strcmp(cell, "-") == 0 || (end != cell && *end == '\0');
}

/* A column is numeric when every cell below its head is. */
static bool column_facts(const cli_grid *grid, int column, int *width) {
  bool numeric = grid->count > grid->columns;
  *width = 0;
  for (int i = column; i < grid->count; i += grid->columns) {
    int length = (int)strlen(grid->cells[i]);
    if (length > *width) *width = length;
    if (i >= grid->columns && !is_number(grid->cells[i])) numeric = false;
  }
  return numeric;
}

/* Without blanks at the end of a line. */
static void print_row(const cli_grid *grid, int row) {
  int blanks = 0;
  for (int column = 0; column < grid->columns; column++) {
    int width = 0;
    bool numeric = column_facts(grid, column, &width);
    const char *text = grid->cells[row * grid->columns + column];
    int length = (int)strlen(text), before = numeric ? width - length : 0;
    if (length > 0) printf("%*s%s", blanks + before, "", text);
    blanks = (length > 0 ? 0 : blanks) + (numeric ? 0 : width - length) + 2;
  }
  putchar('\n');
}

int cli_grid_print(cli_grid *grid) {
  int code = 0;
  for (int row = 0; !grid->failed && row < grid->count / grid->columns; row++) print_row(grid, row);
  if (grid->failed) {
    cli_note("out of memory");
    code = 1;
  }
  free(grid->cells);
  *grid = (cli_grid){.columns = grid->columns};
  return code;
}

/* ---- evaluations as text ---- */

void cli_print_evaluation(const pf_evaluation *e) {
  static const char *const head[] = {"metric", "value", "floor", "excess", "95% bound", "pairs", "note"};
  cli_grid grid = {.columns = 7};
  printf("%s: %lld sampled rows against %lld real rows\n", e->name, (long long)e->sample_rows,
         (long long)e->data_rows);
  for (int i = 0; i < 7; i++) cli_grid_add(&grid, "%s", head[i]);
  for (int i = 0; i < e->n_metrics; i++) {
    const pf_metric *m = &e->metrics[i];
    cli_grid_add(&grid, "%s", m->name);
    cli_grid_number(&grid, m->value);
    cli_grid_number(&grid, m->floor);
    cli_grid_number(&grid, m->excess);
    cli_grid_number(&grid, m->excess_hi95);
    cli_grid_add(&grid, "%d", m->pairs);
    cli_grid_add(&grid, "%s", m->note);
  }
  cli_grid_print(&grid);
}

static const pf_metric *find_metric(const pf_evaluation *e, const char *name) {
  for (int i = 0; i < e->n_metrics; i++)
    if (strcmp(e->metrics[i].name, name) == 0) return &e->metrics[i];
  return NULL;
}

/* Metric names of all rows, in the order they first appear. */
static int metric_names(const pf_evaluation *rows, int count, const char **names) {
  int n = 0;
  for (int r = 0; r < count; r++) {
    for (int i = 0; i < rows[r].n_metrics; i++) {
      bool known = false;
      for (int k = 0; k < n; k++) known = known || strcmp(names[k], rows[r].metrics[i].name) == 0;
      if (!known && n < PF_EVALUATION_METRICS) names[n++] = rows[r].metrics[i].name;
    }
  }
  return n;
}

void cli_print_excess(const pf_evaluation *rows, const char *const *methods, int count) {
  const char *names[PF_EVALUATION_METRICS];
  int n = metric_names(rows, count, names);
  cli_grid grid = {.columns = n + 1 + (methods != NULL)};
  if (methods) cli_grid_add(&grid, "method");
  cli_grid_add(&grid, "generator");
  for (int k = 0; k < n; k++) cli_grid_add(&grid, "%s", names[k]);
  for (int r = 0; r < count; r++) {
    if (methods) cli_grid_add(&grid, "%s", methods[r]);
    cli_grid_add(&grid, "%s", rows[r].name);
    for (int k = 0; k < n; k++) {
      const pf_metric *m = find_metric(&rows[r], names[k]);
      cli_grid_number(&grid, m ? m->excess : NAN);
    }
  }
  printf("excess over the sampling floor (0: as good as real rows)\n");
  cli_grid_print(&grid);
}

/* One name and one number a line, what is not known left out. */
typedef struct named_number {
  const char *name;
  double value;
} named_number;

/* After a blank line, or nothing when no number is known. */
static void print_numbers(const char *head, const char *unit, int digits, const named_number *numbers,
                          size_t count) {
  cli_grid grid = {.columns = 2};
  cli_grid_add(&grid, "%s", head);
  cli_grid_add(&grid, "%s", unit);
  for (size_t i = 0; i < count; i++) {
    if (isnan(numbers[i].value)) continue;
    cli_grid_add(&grid, "%s", numbers[i].name);
    cli_grid_add(&grid, "%.*g", digits, numbers[i].value);
  }
  if (grid.count > 2) {
    putchar('\n');
    cli_grid_print(&grid);
  } else {
    free(grid.cells);
  }
}

void cli_print_likelihood(const pf_likelihood *l) {
  char head[64];
  const named_number numbers[] = {{"NLL, nats", l->nll},
                                  {"  its standard error", l->nll_error},
                                  {"  entropy of the law, its floor", l->entropy},
                                  {"KL(data || model), row by row", l->kl},
                                  {"  its standard error", l->kl_error},
                                  {"NLL in the encoder's units", l->encoded_nll},
                                  {"NLL by adaptive steps", l->adaptive_nll},
                                  {"  largest difference of a row's log p", l->largest_difference},
                                  {"network evaluations per row", l->evaluations},
                                  {"  by adaptive steps", l->adaptive_evaluations},
                                  {"inverse error, mean", l->inverse_mean},
                                  {"  root mean square", l->inverse_rms},
                                  {"squared MMD", l->mmd},
                                  {"  its floor", l->mmd_floor}};
  if (!l->has_density) return;
  snprintf(head, sizeof head, "likelihood of %lld real rows", (long long)l->rows);
  print_numbers(head, "value", 5, numbers, sizeof numbers / sizeof *numbers);
}

void cli_print_coverage(const pf_coverage *c) {
  int missing = c->modes - c->covered;
  if (c->modes == 0) return;
  printf("\nmodes: ");
  if (missing == 0)
    printf("all %d are covered", c->modes);
  else
    printf("%d of %d modes %s missing", missing, c->modes, missing == 1 ? "is" : "are");
  printf("; %.4g of %lld samples within 3 sd of a centre (the law: %.4g); chi-square %.4g (the law: %.4g, "
         "expected %d)\n",
         c->high_quality, (long long)c->rows, c->law_high_quality, c->chi_square, c->law_chi_square,
         c->modes - 1);
}

void cli_print_conditional(const pf_conditional *c) {
  for (int k = 0; k < c->columns; k++) {
    const pf_condition_bins *column = &c->column[k];
    cli_grid grid = {.columns = 7};
    static const char *const head[] = {"from", "to", "w2", "floor", "excess", "95% bound", "rows"};
    printf("\nwithin bins of %s, w2 of the generated columns:\n", column->name);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) cli_grid_add(&grid, "%s", head[i]);
    for (int b = 0; b < column->count; b++) {
      const pf_condition_bin *bin = &column->bins[b];
      const double numbers[] = {bin->low, bin->high, bin->w2, bin->floor, bin->excess, bin->excess_hi95};
      for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) cli_grid_number(&grid, numbers[i]);
      cli_grid_add(&grid, "%lld", (long long)bin->rows);
    }
    cli_grid_print(&grid);
  }
}

json_t *cli_json_conditional(const pf_conditional *c) {
  if (c->columns == 0) return json_null();
  json_t *root = json_object();
  for (int k = 0; k < c->columns; k++) {
    json_t *bins = json_array();
    for (int b = 0; b < c->column[k].count; b++) {
      const pf_condition_bin *bin = &c->column[k].bins[b];
      json_array_append_new(bins, json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "low",
                                            cli_json_real(bin->low), "high", cli_json_real(bin->high), "rows",
                                            (json_int_t)bin->rows, "w2", cli_json_real(bin->w2), "floor",
                                            cli_json_real(bin->floor), "excess", cli_json_real(bin->excess),
                                            "excess_hi95", cli_json_real(bin->excess_hi95)));
    }
    json_object_set_new(root, c->column[k].name, bins);
  }
  return root;
}

void cli_print_transport(const pf_transport *t) {
  char head[64];
  const named_number numbers[] = {{"transport cost E|g(z) - z|^2", t->cost},
                                  {"exact W2^2 of source and data", t->w2},
                                  {"  its floor, data and data", t->floor},
                                  {"path energy", t->energy},
                                  {"normalised path energy", t->path_energy}};
  if (!t->has_source) return;
  snprintf(head, sizeof head, "transport of %lld rows, encoded units", (long long)t->rows);
  print_numbers(head, "value", 4, numbers, sizeof numbers / sizeof *numbers);
}

void cli_print_decomposition(const pf_decomposition *d) {
  const named_number parts[] = {{"fitting", d->fitting},         {"discretisation", d->discretisation},
                                {"velocity", d->velocity},       {"stopping", d->stopping},
                                {"bound (their sum)", d->bound}, {"distance to the exact map", d->distance},
                                {"measured W2", d->measured},    {"floor of that W2", d->floor}};
  print_numbers("error decomposition", "W2", 4, parts, sizeof parts / sizeof *parts);
}

/* ---- JSON ---- */

json_t *cli_json_real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *cli_json_metrics(const pf_evaluation *e) {
  json_t *metrics = json_object();
  for (int i = 0; i < e->n_metrics; i++) {
    const pf_metric *m = &e->metrics[i];
    json_t *one =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:i}", "value", cli_json_real(m->value), "floor",
                  cli_json_real(m->floor), "floor_q95", cli_json_real(m->floor_q95), "excess",
                  cli_json_real(m->excess), "excess_hi95", cli_json_real(m->excess_hi95), "pairs", m->pairs);
    if (m->note[0]) json_object_set_new(one, "note", json_string(m->note));
    json_object_set_new(metrics, m->name, one);
  }
  return metrics;
}

json_t *cli_json_decomposition(const pf_decomposition *d) {
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "velocity", cli_json_real(d->velocity),
                   "discretisation", cli_json_real(d->discretisation), "fitting", cli_json_real(d->fitting),
                   "stopping", cli_json_real(d->stopping), "bound", cli_json_real(d->bound), "distance",
                   cli_json_real(d->distance), "measured", cli_json_real(d->measured), "floor",
                   cli_json_real(d->floor));
}

json_t *cli_json_transport(const pf_transport *t) {
  if (!t->has_source) return json_null();
  return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "rows", (json_int_t)t->rows, "cost",
                   cli_json_real(t->cost), "w2_squared", cli_json_real(t->w2), "w2_squared_floor",
                   cli_json_real(t->floor), "energy", cli_json_real(t->energy), "normalised_path_energy",
                   cli_json_real(t->path_energy));
}

json_t *cli_json_likelihood(const pf_likelihood *l) {
  if (!l->has_density) return json_null();
  const named_number numbers[] = {{"nll", l->nll},
                                  {"nll_error", l->nll_error},
                                  {"entropy", l->entropy},
                                  {"kl", l->kl},
                                  {"kl_error", l->kl_error},
                                  {"encoded_nll", l->encoded_nll},
                                  {"adaptive_nll", l->adaptive_nll},
                                  {"largest_difference", l->largest_difference},
                                  {"evaluations", l->evaluations},
                                  {"adaptive_evaluations", l->adaptive_evaluations},
                                  {"inverse_mean", l->inverse_mean},
                                  {"inverse_rms", l->inverse_rms},
                                  {"mmd", l->mmd},
                                  {"mmd_floor", l->mmd_floor}};
  json_t *object = json_pack("{s:I}", "rows", (json_int_t)l->rows);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    json_object_set_new(object, numbers[i].name, cli_json_real(numbers[i].value));
  return object;
}

static json_t *number_list(const double *values, int count) {
  json_t *list = json_array();
  for (int i = 0; i < count; i++) json_array_append_new(list, cli_json_real(values[i]));
  return list;
}

json_t *cli_json_coverage(const pf_coverage *c) {
  if (c->modes == 0) return json_null();
  return json_pack("{s:i, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count", c->modes, "covered",
                   c->covered, "rows", (json_int_t)c->rows, "high_quality", cli_json_real(c->high_quality),
                   "law_high_quality", cli_json_real(c->law_high_quality), "chi_square",
                   cli_json_real(c->chi_square), "law_chi_square", cli_json_real(c->law_chi_square), "counts",
                   number_list(c->counts, c->listed), "law_counts", number_list(c->law_counts, c->listed),
                   "expected", number_list(c->expected, c->listed));
}

int cli_print_json(json_t *object) {
  char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
  json_decref(object);
  if (!text) {
    cli_note("out of memory, or text that is not UTF-8");
    return 1;
  }
  puts(text);
  free(text);
  return 0;
}
