/* SVG primitives: the only place that writes coordinates.
 *
 * Every coordinate is rounded to 0.1 unit and written without the host's locale; a coordinate that is not
 * finite is never written (the point, line or box is skipped). Colours come from CSS classes of the page
 * (style.c), so that one drawing serves the light, dark and printed page. */
#ifndef PF_REPORT_SVG_H
#define PF_REPORT_SVG_H

#include "base/text.h"

typedef struct pf_box {
  double x, y, width, height;
} pf_box;

/* `class_name` may be NULL; title and description are read by screen readers (escaped here). */
typedef struct pf_svg_head {
  double width, height;
  const char *class_name, *title, *description;
} pf_svg_head;

void pf_svg_begin(pf_text *text, const pf_svg_head *head);
/* The same for a file of its own rather than a part of a page. */
void pf_svg_begin_document(pf_text *text, const pf_svg_head *head);
void pf_svg_end(pf_text *text);
/* What is drawn between the two is cut at the box; coordinates stay those of the outside. */
void pf_svg_clip_begin(pf_text *text, pf_box box);
void pf_svg_clip_end(pf_text *text);

void pf_svg_line(pf_text *text, const char *class_name, double x1, double y1, double x2, double y2);
void pf_svg_rect(pf_text *text, const char *class_name, pf_box box);
void pf_svg_circle(pf_text *text, const char *class_name, double x, double y, double radius);

/* anchor: 's'tart, 'm'iddle or 'e'nd at x; the words are escaped and cut at `limit` characters (0: 36). */
typedef struct pf_svg_place {
  const char *class_name;
  double x, y;
  char anchor;
  size_t limit;
} pf_svg_place;
void pf_svg_words(pf_text *text, pf_svg_place place, const char *words);

/* One <path>. A point that is not finite lifts the pen: the line has a gap there. */
typedef struct pf_pen {
  pf_text *text;
  bool down;
} pf_pen;
pf_pen pf_pen_begin(pf_text *text, const char *class_name);
void pf_pen_to(pf_pen *pen, double x, double y);
void pf_pen_lift(pf_pen *pen);
/* A dot: the class must have a round line cap; its stroke width is the dot's diameter. */
void pf_pen_dot(pf_pen *pen, double x, double y);
/* A box of its own. Its sides are rounded, not its size: boxes that share a side leave no gap. */
void pf_pen_box(pf_pen *pen, pf_box box);
/* Joins the last point with the first of its stretch. */
void pf_pen_close(pf_pen *pen);
void pf_pen_end(pf_pen *pen);

#endif
