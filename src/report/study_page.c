/* The page of a study: a summary, then every experiment with its words, its checks and its charts. */
#include "report/study_page.h"

#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/scale.h"

bool pf_study_claims(const pf_study_check *check) { return isfinite(check->least) || isfinite(check->most); }

static int holding(const pf_experiment *e) {
  int count = 0;
  for (int i = 0; i < e->n_checks; i++) count += pf_study_claims(&e->checks[i]) && e->checks[i].holds;
  return count;
}

static int claiming(const pf_experiment *e) {
  int count = 0;
  for (int i = 0; i < e->n_checks; i++) count += pf_study_claims(&e->checks[i]);
  return count;
}

static void write_card(pf_text *out, const char *name, int value, int of) {
  pf_text_add(out, "<div class=\"card\"><span>%s</span><b>%d of %d</b></div>\n", name, value, of);
}

static void write_summary(const pf_study *study, pf_text *out) {
  int hold = 0, checks = 0, whole = 0;
  for (int i = 0; i < study->count; i++) {
    const pf_experiment *e = &study->experiments[i];
    hold += holding(e);
    checks += claiming(e);
    whole += holding(e) == claiming(e);
  }
  pf_text_add(out, "<div class=\"cards\">\n");
  write_card(out, "checks that hold", hold, checks);
  write_card(out, "experiments in which all do", whole, study->count);
  pf_text_add(out, "</div>\n");
}

/* "0.9 .. 1.1", "at most 1". */
static void band_text(const pf_study_check *check, char out[100]) {
  char least[40], most[40];
  pf_number_text(check->least, 4, least);
  pf_number_text(check->most, 4, most);
  if (isinf(check->least) && isinf(check->most))
    snprintf(out, 100, "no claim");
  else if (isinf(check->least))
    snprintf(out, 100, "at most %s", most);
  else if (isinf(check->most))
    snprintf(out, 100, "at least %s", least);
  else
    snprintf(out, 100, "%s … %s", least, most);
}

static void interval_text(const pf_study_check *check, char out[100]) {
  char low[40], high[40];
  if (check->low == check->high) {
    snprintf(out, 100, "–");
    return;
  }
  pf_number_text(check->low, 4, low);
  pf_number_text(check->high, 4, high);
  snprintf(out, 100, "%s … %s", low, high);
}

static void write_checks(const pf_experiment *e, pf_text *out) {
  static const char *const columns[] = {"check", "measured", "95 % interval", "band", "holds"};
  pf_html_table table =
      pf_html_table_begin(out, "A check holds when its whole interval lies in the band.", columns, 5, 3);
  for (int i = 0; i < e->n_checks; i++) {
    const pf_study_check *check = &e->checks[i];
    char words[100];
    pf_html_table_row_begin(&table, NULL);
    pf_html_table_name(&table, check->name, NULL);
    pf_html_table_number(&table, check->value);
    for (int k = 0; k < 2; k++) {
      if (k == 0) interval_text(check, words);
      if (k == 1) band_text(check, words);
      pf_html_table_cell_begin(&table, true);
      pf_html_words(out, words);
      pf_html_table_cell_end(&table);
    }
    pf_html_table_cell_begin(&table, false);
    if (!pf_study_claims(check))
      pf_text_add(out, "–");
    else
      pf_text_add(out, check->holds ? "<span class=\"verdict good\">yes</span>"
                                    : "<span class=\"verdict above\">no</span>");
    pf_html_table_cell_end(&table);
    pf_html_table_row_end(&table);
  }
  pf_html_table_end(&table);
}

static void write_words(const char *name, const char *words, pf_text *out) {
  pf_text_add(out, "<p class=\"note\"><b>%s</b> ", name);
  pf_html_words(out, words);
  pf_text_add(out, "</p>\n");
}

static void write_experiment(const pf_experiment *e, pf_text *out) {
  pf_html_section_begin(out, e->title, NULL);
  pf_text_add(out, "<p class=\"lead\">");
  pf_html_words(out, e->claim);
  pf_text_add(out, "</p>\n");
  write_checks(e, out);
  if (e->n_charts > 0) pf_text_add(out, "<div class=\"grid\">\n");
  for (int i = 0; i < e->n_charts; i++) {
    pf_html_figure_begin(out, "curve", e->charts[i].name, NULL);
    pf_study_chart_add(&e->charts[i], out);
    pf_html_figure_end(out);
  }
  if (e->n_charts > 0) pf_text_add(out, "</div>\n");
  write_words("Source.", e->source, out);
  write_words("Protocol.", e->protocol, out);
  write_words("Band.", e->band, out);
  pf_html_section_end(out);
}

void pf_study_page_add(const pf_study *study, const char *command, pf_text *out) {
  char subtitle[96];
  snprintf(subtitle, sizeof subtitle, "What the theory claims, measured; seed %llu",
           (unsigned long long)study->seed);
  pf_html_page_begin(out, study->title, subtitle);
  write_summary(study, out);
  for (int i = 0; i < study->count; i++) write_experiment(&study->experiments[i], out);
  if (command) {
    pf_html_section_begin(out, "Reproduce", NULL);
    pf_text_add(out, "<pre>");
    pf_html_words(out, command);
    pf_text_add(out, "</pre>\n");
    pf_html_section_end(out);
  }
  pf_html_page_end(out);
}
