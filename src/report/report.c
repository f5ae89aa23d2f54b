/* The page: checks the input, then lets every part write itself in reading order. */
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html.h"
#include "report/parts.h"

pf_report_input pf_report_input_default(void) { return (pf_report_input){.selected_step = NAN}; }

void pf_page_absent(pf_page *page, const char *why) { pf_text_add(&page->absent, "<li>%s</li>\n", why); }

const char *pf_page_column_name(const pf_page *page, size_t column, char fallback[32]) {
  const char *const *names = page->input->column_names;
  if (names && names[column] && *names[column]) return names[column];
  snprintf(fallback, 32, "x%zu", column + 1);
  return fallback;
}

static pf_status check_array(const char *name, const void *array, size_t count, pf_error *error) {
  if (array || !count) return PF_OK;
  return pf_fail(error, PF_USAGE, "report: %s is NULL but its count is %zu", name, count);
}

static pf_status check_nested(const pf_report_input *in, pf_error *error) {
  for (size_t r = 0; r < in->comparison.row_count; r++) {
    const double *values = in->comparison.rows[r].values;
    PF_TRY(check_array("comparison.rows[].values", values, in->comparison.column_count, error));
  }
  for (size_t s = 0; s < in->series_count; s++) {
    PF_TRY(check_array("series[].step", in->series[s].step, in->series[s].count, error));
    PF_TRY(check_array("series[].value", in->series[s].value, in->series[s].count, error));
  }
  return PF_OK;
}

static pf_status check_frames(const char *name, const pf_report_frames *frames, pf_error *error) {
  PF_TRY(check_array(name, frames->names, frames->count, error));
  return check_array(name, frames->values, frames->count * frames->rows, error);
}

/* `array` is "density.model", say: what stands before its point has the cells. */
static pf_status check_grid(const char *array, const pf_report_grid *grid, const void *values,
                            pf_error *error) {
  if (grid->columns > PF_REPORT_CELLS || grid->rows > PF_REPORT_CELLS)
    return pf_fail(error, PF_USAGE, "report: %.*s has %zu x %zu cells, at most %d x %d are drawn",
                   (int)strcspn(array, "."), array, grid->columns, grid->rows, PF_REPORT_CELLS,
                   PF_REPORT_CELLS);
  return check_array(array, values, grid->columns * grid->rows, error);
}

static pf_status check_field(const pf_report_field *field, pf_error *error) {
  if (!field) return PF_OK;
  const pf_report_grid arrows = {.columns = field->arrow_columns, .rows = field->arrow_rows};
  PF_TRY(check_grid("field.value", &field->grid, field->value, error));
  return check_grid("field.arrows", &arrows, field->arrows, error);
}

static pf_status check_flow(const pf_report_input *in, pf_error *error) {
  const pf_report_density *density = in->density;
  PF_TRY(check_array("blocks", in->blocks, in->block_count, error));
  PF_TRY(check_frames("to_noise", &in->to_noise, error));
  PF_TRY(check_frames("to_data", &in->to_data, error));
  PF_TRY(check_field(in->field, error));
  return density ? check_grid("density.model", &density->grid, density->model, error) : PF_OK;
}

static pf_status check_input(const pf_report_input *in, pf_error *error) {
  if (!in) return pf_fail(error, PF_USAGE, "report: input is NULL");
  size_t d = in->dimension;
  PF_TRY(check_array("commands", in->commands, in->command_count, error));
  PF_TRY(check_array("facts", in->facts, in->fact_count, error));
  PF_TRY(check_array("metrics", in->metrics, in->metric_count, error));
  PF_TRY(check_array("comparison.columns", in->comparison.columns, in->comparison.column_count, error));
  PF_TRY(check_array("comparison.rows", in->comparison.rows, in->comparison.row_count, error));
  PF_TRY(check_array("series", in->series, in->series_count, error));
  PF_TRY(check_array("steps", in->steps, in->step_count, error));
  PF_TRY(check_array("data", in->data, d ? in->data_rows : 0, error));
  PF_TRY(check_array("samples", in->samples, d ? in->sample_rows : 0, error));
  PF_TRY(check_array("sources", in->sources, d ? in->source_rows : 0, error));
  PF_TRY(check_array("paths", in->paths, d && in->path_nodes ? in->path_count : 0, error));
  PF_TRY(check_array("jumps", in->jumps, d ? in->jump_count : 0, error));
  PF_TRY(check_array("checks", in->checks, in->check_count, error));
  PF_TRY(check_flow(in, error));
  return check_nested(in, error);
}

static const char *title_of(const pf_report_input *input) {
  return input->title && *input->title ? input->title : "pushforward report";
}

static void write_foot(pf_page *page) {
  if (page->absent.length) {
    pf_html_section_begin(&page->text, "Not in this report", NULL);
    pf_text_add(&page->text, "<ul>\n%s</ul>\n", page->absent.data);
    pf_html_section_end(&page->text);
  }
  pf_html_page_end(&page->text);
}

/* Whether the input says anything that only a flow with likelihood has. */
static bool has_flow_parts(const pf_report_input *in) {
  return (in->likelihood && in->likelihood->has_density) || in->density || in->to_noise.count ||
         in->to_data.count || in->block_count;
}

static void write_numbers(pf_page *page) {
  pf_part_header(page);
  pf_part_metrics(page);
  pf_part_modes(page);
  pf_part_conditions(page);
  if (has_flow_parts(page->input))
    pf_part_likelihood(page);
  else
    pf_page_absent(
        page,
        "Likelihood, density, data on their way to noise, blocks: only a flow with likelihood has them.");
}

static pf_status write_rows(pf_page *page, pf_error *error) {
  bool has_flow = has_flow_parts(page->input);
  PF_TRY(pf_part_pictures(page, error));
  PF_TRY(pf_part_samples(page, error));
  if (has_flow) PF_TRY(pf_part_density(page, error));
  PF_TRY(pf_part_field(page, error));
  PF_TRY(pf_part_marginals(page, error));
  PF_TRY(pf_part_pairs(page, error));
  if (has_flow) PF_TRY(pf_part_frames(page, error));
  if (has_flow) pf_part_blocks(page);
  return PF_OK;
}

static pf_status write_parts(pf_page *page, pf_error *error) {
  pf_html_page_begin(&page->text, title_of(page->input), page->input->subtitle);
  write_numbers(page);
  PF_TRY(write_rows(page, error));
  pf_text_add(&page->text, "<div class=\"row\">\n"); /* side by side where there is room */
  PF_TRY(pf_part_paths(page, error));
  pf_part_steps(page);
  pf_text_add(&page->text, "</div>\n");
  pf_part_decomposition(page);
  pf_part_comparison(page);
  pf_part_curves(page);
  pf_part_checks(page);
  pf_part_reproduce(page);
  write_foot(page);
  return PF_OK;
}

/* Puts the finished page behind what `out` holds; takes it over where that is nothing. */
static pf_status hand_over(pf_text *page, pf_text *out, pf_error *error) {
  if (!out->length && !out->data) {
    *out = *page;
    *page = (pf_text){0};
    return PF_OK;
  }
  size_t length = out->length;
  pf_text_add_bytes(out, page->data, page->length);
  if (out->status == PF_OK) return PF_OK;
  out->status = PF_OK; /* as it was */
  out->length = length;
  if (out->data) out->data[length] = 0;
  return pf_fail(error, PF_NO_MEMORY, "report: no memory for the page of %zu bytes", page->length);
}

pf_status pf_report_write(const pf_report_input *input, pf_text *out, pf_error *error) {
  PF_TRY(check_input(input, error));
  if (!out) return pf_fail(error, PF_USAGE, "report: out is NULL");
  if (out->status != PF_OK) return pf_fail(error, out->status, "report: out has already failed");
  pf_page page = {.input = input};
  pf_status status = write_parts(&page, error);
  if (status == PF_OK && (page.text.status != PF_OK || page.absent.status != PF_OK)) {
    status = pf_fail(error, PF_NO_MEMORY, "report: no memory for the page");
  }
  if (status == PF_OK) status = hand_over(&page.text, out, error);
  pf_text_free(&page.text);
  pf_text_free(&page.absent);
  return status;
}
