/* Weights in fewer bits: see stored.h. */
#include "stored.h"

#include <math.h>
#include <string.h>
#include "../base/canary.h"
#include "../base/memory.h"
#include "../base/text.h"

enum { SAMPLES = 4096, SEED = 1 };

static const char *const NAMES[] = {[PF_STORED_F32] = "f32", [PF_STORED_F16] = "f16", [PF_STORED_I8] = "i8"};
enum { FORMATS = sizeof NAMES / sizeof *NAMES };

pf_status pf_stored_find(const char *name, pf_stored *out, pf_error *error) {
  for (int i = 0; i < FORMATS; i++)
    if (strcmp(name, NAMES[i]) == 0) {
      *out = (pf_stored)i;
      return PF_OK;
    }
  return pf_fail_unknown(error, "form of weights", name, NAMES, FORMATS);
}

const char *pf_stored_name(pf_stored stored) { return NAMES[stored]; }

/* ---- half precision ---- */

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Multiplying by 2^-112 moves the exponent to where half precision has it; subnormal halves are then subnormal floats, and
 * the 13 bits that go are rounded to even. */
uint16_t pf_half_from(float value) {
  const uint32_t sign = bits_of(value) >> 16 & 0x8000;
  uint32_t bits = bits_of(fabsf(value));
  if (bits >= 0x7f800000) return (uint16_t)(sign | (bits > 0x7f800000 ? 0x7e00 : 0x7c00));
  if (bits < 0x38800000) { /* below 2^-14: multiples of 2^-24 */
    const float units = rintf(fabsf(value) * 0x1p24f);
    return (uint16_t)(sign | (uint32_t)units);
  }
  bits += 0xfff + (bits >> 13 & 1);
  bits = (bits >> 13) - (112 << 10);
  return (uint16_t)(sign | (bits > 0x7c00 ? 0x7c00 : bits));
}

float pf_half_value(uint16_t half) {
  const uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
  float value;
  memcpy(&value, &bits, sizeof value);
  value *= 0x1p112f;
  return half & 0x8000 ? -value : value;
}

/* ---- matrices ---- */

pf_matrix pf_matrix_of(const pf_one_step *step, int32_t product) {
  const pf_node_data *node = pf_graph_node(step->graph, product);
  const pf_node_data *w = pf_graph_node(step->graph, node->operand[1]);
  const bool transposed = node->i[1] != 0;
  return (pf_matrix){.values = step->params + w->offset,
                     .k = w->shape.dim[transposed ? 1 : 0],
                     .n = w->shape.dim[transposed ? 0 : 1],
                     .transposed = transposed};
}

int64_t pf_matrix_at(const pf_matrix *w, int p, int j) {
  return w->transposed ? (int64_t)j * w->k + p : (int64_t)p * w->n + j;
}

float pf_matrix_scale(const pf_matrix *w, int j) {
  float largest = 0;
  for (int p = 0; p < w->k; p++) largest = fmaxf(largest, fabsf(w->values[pf_matrix_at(w, p, j)]));
  return largest / 127;
}

int pf_matrix_i8(const pf_matrix *w, float scale, int p, int j) {
  return scale > 0 ? (int)lrintf(w->values[pf_matrix_at(w, p, j)] / scale) : 0;
}

/* ---- the loss ---- */

/* W[p][j] as it is stored, back in single precision; infinity when half precision cannot hold it. */
static float stored_value(const pf_matrix *w, pf_stored stored, float scale, int p, int j) {
  if (stored == PF_STORED_I8) return scale * (float)pf_matrix_i8(w, scale, p, j);
  const uint16_t half = pf_half_from(w->values[pf_matrix_at(w, p, j)]);
  return (half & 0x7fff) < 0x7c00 ? pf_half_value(half) : INFINITY;
}

static pf_status round_matrix(const pf_matrix *w, pf_stored stored, float *out, pf_error *error) {
  for (int j = 0; j < w->n; j++) {
    const float scale = pf_matrix_scale(w, j);
    for (int p = 0; p < w->k; p++) {
      const int64_t at = pf_matrix_at(w, p, j);
      out[at] = stored_value(w, stored, scale, p, j);
      if (!isfinite(out[at]))
        return pf_fail(error, PF_FAILED, "a weight is %g, beyond half precision (65504): use f32 or i8",
                       (double)w->values[at]);
    }
  }
  return PF_OK;
}

/* A copy of the parameters with every product's weights as they are stored. */
static pf_status round_params(const pf_one_step *step, const pf_walk_order *order, pf_stored stored,
                              float *params, pf_error *error) {
  memcpy(params, step->params, (size_t)step->layout.total * sizeof *params);
  for (int32_t id = 0; id < order->size; id++) {
    if (!order->uses[id] || pf_graph_node(step->graph, id)->op != PF_OP_MATMUL || stored == PF_STORED_F32)
      continue;
    const pf_matrix w = pf_matrix_of(step, id);
    PF_TRY(round_matrix(&w, stored, params + (w.values - step->params), error));
  }
  return PF_OK;
}

static pf_stored_loss compare(const struct pf_model *model, const double *exact, const double *rounded) {
  const int columns = model->columns;
  pf_stored_loss loss = {.samples = SAMPLES};
  double squares = 0;
  int counted = 0;
  for (int c = 0; c < columns; c++) {
    if (pf_given_has(&model->given, c)) continue; /* nothing can move it */
    double mean = 0, spread = 0, change = 0, most = 0;
    for (int i = 0; i < SAMPLES; i++) mean += exact[(int64_t)i * columns + c] / SAMPLES;
    for (int64_t i = 0; i < SAMPLES; i++) {
      const double x = exact[i * columns + c], moved = fabs(rounded[i * columns + c] - x);
      spread += (x - mean) * (x - mean);
      change += moved * moved;
      most = moved > most ? moved : most;
    }
    if (!(spread > 0)) continue; /* a constant column stays what it is */
    squares += change / spread;
    counted++;
    loss.largest = fmax(loss.largest, most / sqrt(spread / SAMPLES));
  }
  loss.rms = counted ? sqrt(squares / counted) : 0;
  return loss;
}

/* The decoded samples of either set of parameters. */
typedef struct comparison {
  float *z, *y, *params;
  double *exact, *rounded;
} comparison;

static pf_status measure(const struct pf_model *model, const pf_one_step *step, const pf_walk_order *order,
                         pf_stored stored, comparison *c, pf_error *error) {
  const size_t values = (size_t)SAMPLES * (size_t)model->columns;
  PF_TRY(pf_alloc((size_t)step->layout.total, sizeof(float), &c->params, error));
  PF_TRY(pf_alloc(values, sizeof(float), &c->z, error));
  PF_TRY(pf_alloc(values, sizeof(float), &c->y, error));
  PF_TRY(pf_alloc(values, sizeof(double), &c->exact, error));
  PF_TRY(pf_alloc(values, sizeof(double), &c->rounded, error));
  PF_TRY(round_params(step, order, stored, c->params, error));
  pf_model_prior(model, SEED, (pf_rows){0, SAMPLES}, c->z);
  PF_TRY(pf_one_step_run(step, step->params, SAMPLES, c->z, c->y, error));
  pf_encoder_decode(model->encoder, c->y, SAMPLES, c->exact);
  PF_TRY(pf_one_step_run(step, PF_CANARY(STORED_LOSS, c->params, step->params), SAMPLES, c->z, c->y, error));
  pf_encoder_decode(model->encoder, c->y, SAMPLES, c->rounded);
  return PF_OK;
}

pf_status pf_stored_measure(const struct pf_model *model, const pf_one_step *step, const pf_walk_order *order,
                            pf_stored stored, pf_stored_loss *out, pf_error *error) {
  comparison c = {0};
  if (stored == PF_STORED_F32) {
    *out = (pf_stored_loss){0};
    return PF_OK;
  }
  pf_status status = measure(model, step, order, stored, &c, error);
  if (status == PF_OK) *out = compare(model, c.exact, c.rounded);
  if (status == PF_OK && !isfinite(out->rms))
    status = pf_fail(error, PF_NON_FINITE, "the samples' change under weights '%s' is %g", NAMES[stored],
                     out->rms);
  pf_free(c.z);
  pf_free(c.y);
  pf_free(c.params);
  pf_free(c.exact);
  pf_free(c.rounded);
  return status;
}
