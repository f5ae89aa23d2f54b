/* The report's plane: which columns can be drawn in it, its grid, and a trained potential over it. */
#include "../base/memory.h"
#include "report_work.h"

enum { ARROWS = 16 }; /* a side */

bool pf_report_is_plane(const pf_model *model) {
  return model->columns == 2 && model->columns_like->types[0] == PF_COLUMN_REAL &&
         model->columns_like->types[1] == PF_COLUMN_REAL;
}

bool pf_report_is_affine(const pf_model *model, int columns) {
  for (int j = 0; j < model->columns && j < columns; j++)
    if (pf_encoder_column_kind(model->encoder, j) != PF_ENCODER_STANDARD ||
        model->columns_like->types[j] != PF_COLUMN_REAL)
      return false;
  return true;
}

pf_status pf_report_cell_centres(const pf_report_grid *grid, double **out, pf_error *error) {
  double width = (grid->x_high - grid->x_low) / (double)grid->columns,
         height = (grid->y_high - grid->y_low) / (double)grid->rows;
  PF_TRY(pf_alloc(2 * grid->columns * grid->rows, sizeof(double), out, error));
  for (size_t i = 0; i < grid->rows; i++)
    for (size_t j = 0; j < grid->columns; j++) {
      double *centre = *out + 2 * (i * grid->columns + j);
      centre[0] = grid->x_low + ((double)j + 0.5) * width;
      centre[1] = grid->y_low + ((double)i + 0.5) * height;
    }
  return PF_OK;
}

/* phi (cells) or, for slopes, its gradient (cells x 2), at the cells' centres and in encoded units. */
static pf_status evaluate(pf_report_work *w, const pf_report_grid *grid, bool slopes, float *out,
                          pf_error *error) {
  size_t cells = grid->columns * grid->rows;
  double *centres = NULL;
  float *x = NULL;
  PF_TRY(pf_report_cell_centres(grid, &centres, error));
  pf_status status = pf_alloc(2 * cells, sizeof *x, &x, error);
  if (status == PF_OK) {
    pf_encoder_encode(w->model->encoder, centres, (int64_t)cells, w->options.evaluate.seed, 0, x);
    status = pf_critic_evaluate(w->model->critic, (int64_t)cells, x, slopes ? NULL : out, slopes ? out : NULL,
                                w->pool, error);
  }
  pf_free(centres);
  pf_free(x);
  return status;
}

static pf_status fill_values(pf_report_work *w, const pf_report_grid *grid, pf_error *error) {
  size_t cells = grid->columns * grid->rows;
  float *phi = NULL;
  PF_TRY(pf_alloc(cells, sizeof *phi, &phi, error));
  pf_status status = evaluate(w, grid, false, phi, error);
  if (status == PF_OK) status = pf_alloc(cells, sizeof(double), &w->potential, error);
  for (size_t i = 0; i < cells && status == PF_OK; i++) w->potential[i] = phi[i];
  pf_free(phi);
  return status;
}

/* What moves by -grad phi in encoded units moves by the columns' spread times that in the data's. */
static pf_status fill_arrows(pf_report_work *w, const pf_report_grid *grid, pf_error *error) {
  size_t cells = grid->columns * grid->rows;
  const float corners[4] = {0, 0, 1, 1};
  double decoded[4];
  float *slopes = NULL;
  PF_TRY(pf_alloc(2 * cells, sizeof *slopes, &slopes, error));
  pf_status status = evaluate(w, grid, true, slopes, error);
  if (status == PF_OK) status = pf_alloc(2 * cells, sizeof(double), &w->arrows, error);
  pf_encoder_decode(w->model->encoder, corners, 2, decoded);
  for (size_t i = 0; i < 2 * cells && status == PF_OK; i++)
    w->arrows[i] = -slopes[i] * (decoded[2 + i % 2] - decoded[i % 2]);
  pf_free(slopes);
  return status;
}

pf_status pf_report_fill_field(pf_report_work *w, pf_error *error) {
  pf_report_field *field = &w->field;
  if (!w->model->critic || !pf_report_is_plane(w->model) || !pf_report_is_affine(w->model, 2)) return PF_OK;
  PF_TRY(pf_report_plane_grid(&w->input, &field->grid, error));
  if (field->grid.columns == 0) return PF_OK;
  pf_report_grid coarse = field->grid; /* square cells as those of the fine grid, or nearly so */
  size_t longer = coarse.columns > coarse.rows ? coarse.columns : coarse.rows;
  coarse.columns = (ARROWS * coarse.columns + longer - 1) / longer;
  coarse.rows = (ARROWS * coarse.rows + longer - 1) / longer;
  pf_status status = fill_values(w, &field->grid, error);
  if (status == PF_OK) status = fill_arrows(w, &coarse, error);
  if (status == PF_NON_FINITE)
    return PF_OK; /* far from its samples a critic may be anything: the page goes without it */
  if (status != PF_OK) return status;
  field->value = w->potential;
  field->arrows = w->arrows;
  field->arrow_columns = coarse.columns, field->arrow_rows = coarse.rows;
  w->input.field = field;
  return PF_OK;
}
