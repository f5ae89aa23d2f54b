/* Characteristics: the paths X_t of the ODE from the prior (t = 0, grey) to the data (t = 1, colour), in the
 * plane of the first two columns; for d = 1 against time. Segments of all paths that share a time colour form
 * one <path>. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"
#include "report/style.h"

enum { PATHS_MAX = 200, NODES_MAX = 60 };

/* Paths of the input, or its jumps as paths of two nodes. */
typedef struct path_set {
  const double *values, *times; /* count x nodes x d; times NULL: equally spaced */
  size_t count, nodes;
} path_set;

/* The paths drawn: every path and node is addressed through here. */
typedef struct path_view {
  const pf_report_input *input;
  path_set set;
  size_t paths, nodes; /* drawn, evenly spaced among all; the last node always */
  pf_plot plot;
} path_view;

static size_t node_index(const path_view *view, size_t k) {
  size_t last = view->set.nodes - 1;
  return view->nodes > 1 ? (size_t)lround((double)k * (double)last / (double)(view->nodes - 1)) : 0;
}

static double node_time(const path_view *view, size_t k) {
  size_t i = node_index(view, k), last = view->set.nodes - 1;
  return view->set.times ? view->set.times[i] : (double)i / (double)last;
}

static void node_place(const path_view *view, size_t path, size_t k, double *x, double *y) {
  const pf_report_input *in = view->input;
  size_t row = (size_t)((double)path * (double)view->set.count / (double)view->paths);
  const double *value = view->set.values + (row * view->set.nodes + node_index(view, k)) * in->dimension;
  *x = pf_plot_scale_map(&view->plot.x, in->dimension > 1 ? value[0] : node_time(view, k));
  *y = pf_plot_scale_map(&view->plot.y, in->dimension > 1 ? value[1] : value[0]);
}

/* Time colour of the segment from node k to k + 1. */
static int time_colour(const path_view *view, size_t k) {
  double first = node_time(view, 0), last = node_time(view, view->nodes - 1);
  double middle = 0.5 * (node_time(view, k) + node_time(view, k + 1));
  double place = (middle - first) / (last - first) * PF_STYLE_TIMES;
  if (!(place > 0)) return 0;
  return place < PF_STYLE_TIMES ? (int)place : PF_STYLE_TIMES - 1;
}

static void write_segments(pf_text *text, const path_view *view, int colour) {
  char class_name[16];
  snprintf(class_name, sizeof class_name, "t%d", colour);
  pf_pen pen = pf_pen_begin(text, class_name);
  for (size_t p = 0; p < view->paths; p++) {
    size_t previous = view->nodes; /* none */
    for (size_t k = 0; k + 1 < view->nodes; k++) {
      if (time_colour(view, k) != colour) continue;
      double x, y;
      if (previous != k) {
        pf_pen_lift(&pen);
        node_place(view, p, k, &x, &y);
        pf_pen_to(&pen, x, y);
      }
      node_place(view, p, k + 1, &x, &y);
      pf_pen_to(&pen, x, y);
      previous = k + 1;
    }
    pf_pen_lift(&pen);
  }
  pf_pen_end(&pen);
}

static void write_ends(pf_text *text, const path_view *view, size_t k, const char *class_name) {
  pf_pen pen = pf_pen_begin(text, class_name);
  for (size_t p = 0; p < view->paths; p++) {
    double x, y;
    node_place(view, p, k, &x, &y);
    pf_pen_dot(&pen, x, y);
  }
  pf_pen_end(&pen);
}

/* The frame holds all but the most extreme nodes; what leaves it is clipped. */
static pf_status make_plot(path_view *view, pf_error *error) {
  const pf_report_input *in = view->input;
  const double *values = view->set.values;
  size_t rows = view->set.count * view->set.nodes;
  pf_range x = {node_time(view, 0), node_time(view, view->nodes - 1)}, y;
  PF_TRY(pf_plot_column_quantiles(pf_plot_column_of(values, rows, in->dimension, 0), 0.0005, &y, error));
  double height = 320;
  if (in->dimension > 1) {
    x = y;
    PF_TRY(pf_plot_column_quantiles(pf_plot_column_of(values, rows, in->dimension, 1), 0.0005, &y, error));
    x = pf_range_padded(x.low, x.high, 0.05);
    double ratio = (y.high - y.low) * 1.1 / (x.high - x.low);
    height = ratio > 0.45 && ratio < 1.1 ? 420 * ratio : 340;
  }
  y = pf_range_padded(y.low, y.high, 0.05);
  view->plot = pf_plot_in((pf_box){44, 24, 420, height}, x, y);
  return PF_OK;
}

static void write_legend(pf_text *text) {
  pf_html_legend_begin(text);
  pf_html_legend_entry(text, "start", 'l', "prior, t = 0");
  for (int c = 1; c + 1 < PF_STYLE_TIMES; c += 2) {
    char class_name[16], time[16];
    snprintf(class_name, sizeof class_name, "t%d", c);
    snprintf(time, sizeof time, "t = 0.%d", c == 1 ? 2 : c == 3 ? 4 : 7);
    pf_html_legend_entry(text, class_name, 'l', time);
  }
  pf_html_legend_entry(text, "end", 'l', "data, t = 1");
  pf_html_legend_end(text);
}

/* The drawing of `view`, inside its figure. */
static void write_picture(pf_page *page, const path_view *view, const char *title, const char *description) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  char fallback[2][32];
  bool is_plane = in->dimension > 1;
  pf_axes axes = {7, 6, is_plane ? pf_page_column_name(page, 0, fallback[0]) : "time t",
                  pf_page_column_name(page, is_plane ? 1 : 0, fallback[1])};
  pf_svg_begin(text, &(pf_svg_head){474, view->plot.box.height + 62, NULL, title, description});
  pf_plot_axes(text, &view->plot, &axes);
  pf_svg_clip_begin(text, view->plot.box);
  for (int c = 0; c < PF_STYLE_TIMES; c++) write_segments(text, view, c);
  write_ends(text, view, 0, "start");
  write_ends(text, view, view->nodes - 1, "end");
  pf_svg_clip_end(text);
  pf_svg_end(text);
}

static void write_paths(pf_page *page, const path_view *view) {
  const pf_report_input *in = page->input;
  char caption[400];
  snprintf(caption, sizeof caption, "%zu paths, %zu nodes each%s.%s%.200s", view->paths, view->nodes,
           in->dimension > 2 ? ", in the plane of the first two columns" : "", in->path_note ? " " : "",
           in->path_note ? in->path_note : "");
  pf_html_figure_begin(&page->text, "half", "From the prior to the data:", caption);
  write_picture(page, view, "Characteristics", "Paths from the prior to the data, coloured by time");
  write_legend(&page->text);
  pf_html_figure_end(&page->text);
}

static void write_jumps(pf_page *page, const path_view *view) {
  pf_text *text = &page->text;
  char caption[120];
  snprintf(caption, sizeof caption, "%zu points of the prior, each joined with its sample.", view->paths);
  pf_html_figure_begin(text, "half", "From noise z to the sample G(z):", caption);
  write_picture(page, view, "Noise and samples", "Straight lines from noise to the samples it becomes");
  pf_html_legend_begin(text);
  pf_html_legend_entry(text, "start", 'd', "noise z");
  pf_html_legend_entry(text, "end", 'd', "sample G(z)");
  pf_html_legend_end(text);
  pf_html_figure_end(text);
}

static path_view view_of(const pf_report_input *in, path_set set) {
  return (path_view){.input = in,
                     .set = set,
                     .paths = set.count < PATHS_MAX ? set.count : PATHS_MAX,
                     .nodes = set.nodes < NODES_MAX ? set.nodes : NODES_MAX};
}

pf_status pf_part_paths(pf_page *page, pf_error *error) {
  const pf_report_input *in = page->input;
  bool has_paths = in->path_count && in->path_nodes > 1;
  if (!in->dimension || (!has_paths && !in->jump_count)) {
    pf_page_absent(page, "Characteristics: no paths from the prior to the data were given.");
    return PF_OK;
  }
  path_view paths = view_of(in, (path_set){in->paths, in->path_times, in->path_count, in->path_nodes});
  path_view jumps = view_of(in, (path_set){in->jumps, NULL, in->jump_count, 2});
  path_view *first = has_paths ? &paths : &jumps;
  PF_TRY(make_plot(first, error));
  paths.plot = jumps.plot = first->plot; /* one frame for both: they are to be compared */
  pf_html_section_begin(
      &page->text, "How samples move",
      in->path_lead ? in->path_lead
                    : "The characteristics of the learned flow. Straight paths can be taken in one step.");
  pf_text_add(&page->text, "<div class=\"row\">\n");
  if (has_paths) write_paths(page, &paths);
  if (in->jump_count) write_jumps(page, &jumps);
  if (has_paths) pf_figure_straightness(page);
  pf_text_add(&page->text, "</div>\n");
  pf_html_section_end(&page->text);
  return PF_OK;
}
