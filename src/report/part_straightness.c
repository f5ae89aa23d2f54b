/* How straight the paths are: their root mean square distance from their chords along the way, as a share of the chords'
 * length. Nothing is said about speed: a straight path may still be run through unevenly. */
#include <math.h>

#include "report/html.h"
#include "report/parts.h"
#include "report/plot.h"

static double time_of(const pf_report_input *in, size_t k) {
  return in->path_times ? in->path_times[k] : (double)k / (double)(in->path_nodes - 1);
}

static double highest(const pf_report_input *in) {
  double high = 0;
  for (size_t k = 0; k < in->path_nodes; k++)
    if (isfinite(in->straightness[k])) high = fmax(high, in->straightness[k]);
  return high;
}

void pf_figure_straightness(pf_page *page) {
  const pf_report_input *in = page->input;
  pf_text *text = &page->text;
  if (!in->straightness) return;
  double high = highest(in);
  pf_plot plot =
      pf_plot_in((pf_box){50, 24, 420, 200}, (pf_range){time_of(in, 0), time_of(in, in->path_nodes - 1)},
                 (pf_range){0, high > 0 && high < 1e300 ? 1.1 * high : 1});
  pf_html_figure_begin(
      text, "half", "How straight they are:",
      "root mean square distance of the paths from their straight chords, divided by the root mean "
      "square length of the chords. 0: straight lines.");
  pf_svg_begin(
      text, &(pf_svg_head){484, 264, NULL, "Straightness", "Distance of paths from their chords over time"});
  pf_plot_axes(text, &plot, &(pf_axes){7, 5, "time t", "distance / length"});
  pf_pen pen = pf_pen_begin(text, "c0");
  for (size_t k = 0; k < in->path_nodes; k++)
    pf_pen_to(&pen, pf_plot_scale_map(&plot.x, time_of(in, k)),
              pf_plot_scale_map(&plot.y, in->straightness[k]));
  pf_pen_end(&pen);
  pf_svg_end(text);
  pf_html_figure_end(text);
}
