/* The likelihood of real rows under a flow, and how far its integrators can be trusted. */
#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/parts.h"

enum { ALONE = 0, WITH_ERROR = 1, WITH_FLOOR = 2 };

typedef struct line {
  const char *name, *note;
  double value, error, floor;
  int has; /* which of the other numbers there are for such a quantity at all */
} line;

static void write_number(pf_html_table *table, bool is_there, double value) {
  if (is_there) {
    pf_html_table_number(table, value);
    return;
  }
  pf_html_table_cell_begin(table, true);
  pf_html_table_cell_end(table);
}

static void write_line(pf_html_table *table, const line *l) {
  pf_html_table_row_begin(table, NULL);
  pf_html_table_name(table, l->name, l->note);
  pf_html_table_number(table, l->value);
  write_number(table, l->has & WITH_ERROR, l->error);
  write_number(table, l->has & WITH_FLOOR, l->floor);
  write_number(table, l->has & WITH_FLOOR, l->value - l->floor);
  pf_html_table_row_end(table);
}

void pf_part_likelihood(pf_page *page) {
  static const char *const columns[] = {"Quantity", "Value", "Standard error", "Floor", "Excess"};
  const pf_likelihood *l = page->input->likelihood;
  pf_text *text = &page->text;
  if (!l || !l->has_density) {
    pf_page_absent(page, "Likelihood: there were no rows to measure it on.");
    return;
  }
  const line lines[] = {
      {"test NLL, nats",
       "mean of -log p in the data's units; the floor is the law's entropy, the excess then KL(data || "
       "model)",
       l->nll, l->nll_error, l->entropy, WITH_ERROR | WITH_FLOOR},
      {"KL(data || model)", "mean over the rows of the law's log p minus the model's", l->kl, l->kl_error,
       NAN, WITH_ERROR},
      {"NLL in the encoder's units", "of the rows as the network sees them, columns of spread 1",
       l->encoded_nll, NAN, NAN, ALONE},
      {"NLL by adaptive steps", "relative tolerance 1e-5, by the difference on up to 2000 of the rows",
       l->adaptive_nll, NAN, NAN, ALONE},
      {"largest difference of log p", "between fixed and adaptive steps, over those rows",
       l->largest_difference, NAN, NAN, ALONE},
      {"network evaluations a row", "fixed steps", l->evaluations, NAN, NAN, ALONE},
      {"network evaluations a row", "adaptive steps", l->adaptive_evaluations, NAN, NAN, ALONE},
      {"inverse error, mean", "distance of a row from its way to noise and back, encoder's units",
       l->inverse_mean, NAN, NAN, ALONE},
      {"inverse error, root mean square", NULL, l->inverse_rms, NAN, NAN, ALONE},
      {"squared MMD",
       "samples against real rows, kernel exp(-|x - y|^2), unbiased: may fall below 0; the floor is between "
       "two halves "
       "of the real rows",
       l->mmd, NAN, l->mmd_floor, WITH_FLOOR},
  };
  char caption[80];
  snprintf(caption, sizeof caption, "Over %lld real rows", (long long)l->rows);
  pf_html_section_begin(
      text, "Likelihood",
      "The density of real rows under the model, by the change of variables along its flow.");
  pf_html_table table = pf_html_table_begin(text, caption, columns, 5, 4);
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) write_line(&table, &lines[i]);
  pf_html_table_end(&table);
  pf_html_section_end(text);
}
