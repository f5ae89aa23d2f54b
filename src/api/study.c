/* Public studies: run, hand over as JSON, as a page, as pictures. */
#include "../study/study.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "../data/atomic_file.h"
#include "../data/json_util.h"
#include "../report/study_page.h"

pf_study_options pf_study_options_default(void) { return (pf_study_options){.seed = 1}; }

bool pf_study_entry(int i, pf_entry *out) {
  const pf_study_plan *plan = pf_study_plan_at(i);
  if (!plan) return false;
  *out = (pf_entry){plan->method, plan->title};
  return true;
}

bool pf_experiment_entry(const char *method, int i, pf_entry *out) {
  const pf_study_plan *plan = NULL;
  if (pf_study_plan_find(method ? method : "", &plan, NULL) != PF_OK || i < 0 || i >= plan->count)
    return false;
  *out = (pf_entry){plan->experiments[i]->name, plan->experiments[i]->title};
  return true;
}

pf_status pf_study_run(const char *method, const pf_study_options *options, pf_study *out, pf_error *error) {
  const pf_study_plan *plan = NULL;
  pf_study_options usual = pf_study_options_default();
  PF_TRY(pf_study_plan_find(method ? method : "", &plan, error));
  return pf_study_execute(plan, options ? options : &usual, out, error);
}

/* ---- JSON ---- */

/* A finite number or null. */
static void add_number(pf_text *out, double value) {
  char number[32] = "null";
  if (isfinite(value)) pf_format_double(value, number);
  pf_text_add(out, "%s", number);
}

static void add_word(pf_text *out, const char *key, const char *value, const char *after) {
  pf_text_add(out, "\"%s\": ", key);
  pf_json_quote(out, value);
  pf_text_add(out, "%s", after);
}

static void add_check(pf_text *out, const pf_study_check *c) {
  pf_text_add(out, "        {");
  add_word(out, "name", c->name, ", \"value\": ");
  add_number(out, c->value);
  pf_text_add(out, ", \"low\": ");
  add_number(out, c->low);
  pf_text_add(out, ", \"high\": ");
  add_number(out, c->high);
  pf_text_add(out, ", \"least\": ");
  add_number(out, c->least);
  pf_text_add(out, ", \"most\": ");
  add_number(out, c->most);
  pf_text_add(out, ", \"holds\": %s}", !pf_study_claims(c) ? "null" : c->holds ? "true" : "false");
}

static void add_series(pf_text *out, const pf_study_series *s) {
  static const char *const marks[] = {"line", "points", "reference", "stack"};
  pf_text_add(out, "          {");
  add_word(out, "name", s->name, ", ");
  add_word(out, "mark", marks[s->mark], ", \"points\": [");
  for (int i = 0; i < s->count; i++) {
    const double values[] = {s->points[i].x, s->points[i].y, s->points[i].low, s->points[i].high};
    pf_text_add(out, i ? ", [" : "[");
    for (int k = 0; k < 4; k++) {
      if (k) pf_text_add(out, ", ");
      add_number(out, values[k]);
    }
    pf_text_add(out, "]");
  }
  pf_text_add(out, "]}");
}

static void add_chart(pf_text *out, const pf_study_chart *c) {
  pf_text_add(out, "        {");
  add_word(out, "name", c->name, ", ");
  add_word(out, "x", c->x_name, ", ");
  add_word(out, "y", c->y_name, ", ");
  pf_text_add(out, "\"log_x\": %s, \"log_y\": %s, \"series\": [\n", c->log_x ? "true" : "false",
              c->log_y ? "true" : "false");
  for (int i = 0; i < c->count; i++) {
    add_series(out, &c->series[i]);
    pf_text_add(out, i + 1 < c->count ? ",\n" : "\n");
  }
  pf_text_add(out, "        ]}");
}

static void add_cells(pf_text *out, const pf_experiment *e) {
  pf_text_add(out, "      \"values\": [");
  for (int v = 0; v < e->n_values; v++) {
    if (v) pf_text_add(out, ", ");
    pf_json_quote(out, e->value_names[v]);
  }
  pf_text_add(out, "],\n      \"cells\": [\n");
  for (int i = 0; i < e->n_cells; i++) {
    pf_text_add(out, "        {");
    add_word(out, "cell", e->cells[i].key, ", \"values\": [");
    for (int v = 0; v < e->n_values; v++) {
      if (v) pf_text_add(out, ", ");
      add_number(out, e->cells[i].values[v]);
    }
    pf_text_add(out, i + 1 < e->n_cells ? "]},\n" : "]}\n");
  }
  pf_text_add(out, "      ]\n");
}

static void add_experiment(pf_text *out, const pf_experiment *e) {
  pf_text_add(out, "    {\n      ");
  add_word(out, "name", e->name, ",\n      ");
  add_word(out, "title", e->title, ",\n      ");
  add_word(out, "claim", e->claim, ",\n      ");
  add_word(out, "source", e->source, ",\n      ");
  add_word(out, "protocol", e->protocol, ",\n      ");
  add_word(out, "band", e->band, ",\n      \"checks\": [\n");
  for (int i = 0; i < e->n_checks; i++) {
    add_check(out, &e->checks[i]);
    pf_text_add(out, i + 1 < e->n_checks ? ",\n" : "\n");
  }
  pf_text_add(out, "      ],\n      \"charts\": [\n");
  for (int i = 0; i < e->n_charts; i++) {
    add_chart(out, &e->charts[i]);
    pf_text_add(out, i + 1 < e->n_charts ? ",\n" : "\n");
  }
  pf_text_add(out, "      ],\n");
  add_cells(out, e);
  pf_text_add(out, "    }");
}

static pf_status finished(pf_text *text, pf_error *error) {
  if (text->status == PF_OK) return PF_OK;
  pf_status status = text->status;
  pf_text_free(text);
  return pf_fail(error, status, "study: no memory for its text");
}

static pf_status write_json(const pf_study *study, pf_text *out, pf_error *error) {
  pf_text_add(out, "{\n  ");
  add_word(out, "study", study->method, ",\n  ");
  add_word(out, "title", study->title, ",\n  ");
  pf_text_add(out, "\"seed\": %llu,\n  ", (unsigned long long)study->seed);
  add_word(out, "version", pf_version(), ",\n  \"experiments\": [\n");
  for (int i = 0; i < study->count; i++) {
    add_experiment(out, &study->experiments[i]);
    pf_text_add(out, i + 1 < study->count ? ",\n" : "\n");
  }
  pf_text_add(out, "  ]\n}\n");
  return finished(out, error);
}

pf_status pf_study_json(const pf_study *study, char **json, pf_error *error) {
  pf_text text = {0};
  PF_TRY(write_json(study, &text, error));
  *json = text.data;
  return PF_OK;
}

pf_status pf_study_save(const pf_study *study, const char *path, pf_error *error) {
  pf_text text = {0};
  PF_TRY(write_json(study, &text, error));
  pf_status status = pf_atomic_file_save(path, text.data, text.length, error);
  pf_text_free(&text);
  return status;
}

/* ---- pictures ---- */

pf_status pf_study_page(const pf_study *study, const char *command, const char *path, pf_error *error) {
  pf_text text = {0};
  pf_study_page_add(study, command, &text);
  PF_TRY(finished(&text, error));
  pf_status status = pf_atomic_file_save(path, text.data, text.length, error);
  pf_text_free(&text);
  return status;
}

static pf_status save_chart(const pf_study *study, int experiment, int chart, const char *folder,
                            pf_error *error) {
  const pf_experiment *e = &study->experiments[experiment];
  pf_text path = {0}, text = {0};
  pf_text_add(&path, "%s/%s-%s", folder, study->method, e->name);
  if (e->n_charts > 1) pf_text_add(&path, "-%d", chart + 1);
  pf_text_add(&path, ".svg");
  PF_TRY(finished(&path, error));
  pf_study_chart_document(&e->charts[chart], &text);
  pf_status status = finished(&text, error);
  if (status == PF_OK) status = pf_atomic_file_save(path.data, text.data, text.length, error);
  pf_text_free(&text);
  pf_text_free(&path);
  return status;
}

pf_status pf_study_charts(const pf_study *study, const char *folder, pf_error *error) {
  for (int i = 0; i < study->count; i++)
    for (int c = 0; c < study->experiments[i].n_charts; c++) PF_TRY(save_chart(study, i, c, folder, error));
  return PF_OK;
}
