/* SVG primitives. Coordinates are written as integers of a tenth of a unit: short, exact, locale-free. */
#include "report/svg.h"

#include <math.h>

#include "report/html.h"

static void coordinate(pf_text *text, double value) {
  const double limit = 1e6; /* far outside any picture; keeps the integer below in range */
  long tenths = lround(10 * fmin(fmax(value, -limit), limit));
  const char *sign = tenths < 0 ? "-" : "";
  long size = tenths < 0 ? -tenths : tenths;
  if (size % 10) {
    pf_text_add(text, "%s%ld.%ld", sign, size / 10, size % 10);
  } else {
    pf_text_add(text, "%s%ld", sign, size / 10);
  }
}

static void attribute(pf_text *text, const char *name, double value) {
  pf_text_add(text, " %s=\"", name);
  coordinate(text, value);
  pf_text_add(text, "\"");
}

static void begin_element(pf_text *text, const char *element, const char *class_name) {
  pf_text_add(text, "<%s", element);
  if (class_name) pf_text_add(text, " class=\"%s\"", class_name);
}

static bool box_is_finite(pf_box box) {
  return isfinite(box.x) && isfinite(box.y) && isfinite(box.width) && isfinite(box.height);
}

/* What follows "<svg" in a head. */
static void write_head(pf_text *text, const pf_svg_head *head) {
  pf_text_add(text, " role=\"img\" viewBox=\"0 0 ");
  coordinate(text, head->width);
  pf_text_add(text, " ");
  coordinate(text, head->height);
  pf_text_add(text, "\"><title>");
  pf_html_words(text, head->title);
  pf_text_add(text, "</title>");
  if (head->description) {
    pf_text_add(text, "<desc>");
    pf_html_words(text, head->description);
    pf_text_add(text, "</desc>");
  }
  pf_text_add(text, "\n");
}

void pf_svg_begin(pf_text *text, const pf_svg_head *head) {
  begin_element(text, "svg", head->class_name);
  write_head(text, head);
}

void pf_svg_begin_document(pf_text *text, const pf_svg_head *head) {
  begin_element(text, "svg", head->class_name);
  pf_text_add(text, " xmlns=\"http://www.w3.org/2000/svg\"");
  write_head(text, head);
}

void pf_svg_end(pf_text *text) { pf_text_add(text, "</svg>\n"); }

void pf_svg_clip_begin(pf_text *text, pf_box box) {
  pf_text_add(text, "<svg");
  attribute(text, "x", box.x);
  attribute(text, "y", box.y);
  attribute(text, "width", box.width);
  attribute(text, "height", box.height);
  pf_text_add(text, " viewBox=\"");
  const double sides[] = {box.x, box.y, box.width, box.height};
  for (int i = 0; i < 4; i++) {
    if (i) pf_text_add(text, " ");
    coordinate(text, sides[i]);
  }
  pf_text_add(text, "\">\n");
}

void pf_svg_clip_end(pf_text *text) { pf_text_add(text, "</svg>\n"); }

void pf_svg_line(pf_text *text, const char *class_name, double x1, double y1, double x2, double y2) {
  if (!isfinite(x1) || !isfinite(y1) || !isfinite(x2) || !isfinite(y2)) return;
  begin_element(text, "line", class_name);
  attribute(text, "x1", x1);
  attribute(text, "y1", y1);
  attribute(text, "x2", x2);
  attribute(text, "y2", y2);
  pf_text_add(text, "/>\n");
}

void pf_svg_rect(pf_text *text, const char *class_name, pf_box box) {
  if (!box_is_finite(box) || !(box.width > 0) || !(box.height > 0)) return;
  begin_element(text, "rect", class_name);
  attribute(text, "x", box.x);
  attribute(text, "y", box.y);
  attribute(text, "width", box.width);
  attribute(text, "height", box.height);
  pf_text_add(text, "/>\n");
}

void pf_svg_circle(pf_text *text, const char *class_name, double x, double y, double radius) {
  if (!isfinite(x) || !isfinite(y)) return;
  begin_element(text, "circle", class_name);
  attribute(text, "cx", x);
  attribute(text, "cy", y);
  attribute(text, "r", radius);
  pf_text_add(text, "/>\n");
}

void pf_svg_words(pf_text *text, pf_svg_place place, const char *words) {
  if (!isfinite(place.x) || !isfinite(place.y)) return;
  begin_element(text, "text", place.class_name);
  attribute(text, "x", place.x);
  attribute(text, "y", place.y);
  if (place.anchor == 'm') pf_text_add(text, " text-anchor=\"middle\"");
  if (place.anchor == 'e') pf_text_add(text, " text-anchor=\"end\"");
  pf_text_add(text, ">");
  pf_html_words_cut(text, words, place.limit ? place.limit : 36);
  pf_text_add(text, "</text>\n");
}

pf_pen pf_pen_begin(pf_text *text, const char *class_name) {
  begin_element(text, "path", class_name);
  pf_text_add(text, " d=\"");
  return (pf_pen){.text = text, .down = false};
}

void pf_pen_to(pf_pen *pen, double x, double y) {
  if (!isfinite(x) || !isfinite(y)) {
    pen->down = false;
    return;
  }
  pf_text_add(pen->text, pen->down ? "L" : "M");
  coordinate(pen->text, x);
  pf_text_add(pen->text, " ");
  coordinate(pen->text, y);
  pen->down = true;
}

void pf_pen_lift(pf_pen *pen) { pen->down = false; }

void pf_pen_dot(pf_pen *pen, double x, double y) {
  if (!isfinite(x) || !isfinite(y)) return;
  pen->down = false;
  pf_pen_to(pen, x, y);
  pf_text_add(pen->text, "h0"); /* nothing but its two round caps */
  pen->down = false;
}

static double rounded(double value) { return round(10 * value) / 10; }

void pf_pen_box(pf_pen *pen, pf_box box) {
  if (!box_is_finite(box) || !(box.width > 0) || !(box.height > 0)) return;
  double left = rounded(box.x), top = rounded(box.y);
  double width = rounded(box.x + box.width) - left, height = rounded(box.y + box.height) - top;
  pen->down = false;
  pf_pen_to(pen, left, top);
  const double sides[] = {width, height, -width};
  for (int i = 0; i < 3; i++) {
    pf_text_add(pen->text, i == 1 ? "v" : "h");
    coordinate(pen->text, sides[i]);
  }
  pf_text_add(pen->text, "Z");
  pen->down = false;
}

void pf_pen_close(pf_pen *pen) {
  if (pen->down) pf_text_add(pen->text, "Z");
  pen->down = false;
}

void pf_pen_end(pf_pen *pen) { pf_text_add(pen->text, "\"/>\n"); }
