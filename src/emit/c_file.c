/* The emitted C file: its head, its tables, its functions. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../base/memory.h"
#include "../base/rng.h"
#include "../data/encoder_quantile.h"
#include "c_body.h"
#include "emit.h"

/* ---- comments ---- */

/* Text of the user's inside a comment: one line, and no end of it. */
static void add_words(pf_text *out, const char *words) {
  for (const char *at = words; *at; at++) {
    const char c = *at;
    if (iscntrl((unsigned char)c))
      pf_text_add(out, " ");
    else if (c == '/' && at > words && at[-1] == '*')
      pf_text_add(out, " /");
    else if (c == '*' && at > words && at[-1] == '/')
      pf_text_add(out, " *");
    else
      pf_text_add_bytes(out, at, 1);
  }
}

static void add_fact(const struct pf_model *model, const char *key, const char *says, pf_text *out) {
  const char *words = json_string_value(json_object_get(model->facts, key));
  if (!words) return;
  pf_text_add(out, " * %s: ", says);
  add_words(out, words);
  pf_text_add(out, "\n");
}

static void add_column(const struct pf_model *model, int c, pf_text *out) {
  const pf_decoding column = pf_encoder_decoding(model->encoder, c);
  pf_text_add(out, " *   %d ", c);
  add_words(out, model->columns_like->names[c]);
  if (column.kind == PF_ENCODER_QUANTILE)
    pf_text_add(out, ", a quantile transform of %lld knots", (long long)column.map->knots);
  else if (column.scale == 0)
    pf_text_add(out, ", always %g", column.mean);
  else
    pf_text_add(out, ", mean %g, standard deviation %g", column.mean, column.scale);
  if (column.decimals == 0) pf_text_add(out, ", integer");
  if (column.decimals > 0) pf_text_add(out, ", %d decimals", column.decimals);
  if (pf_given_has(&model->given, c)) pf_text_add(out, ": given, not generated");
  pf_text_add(out, "\n");
}

static void add_loss(const pf_c_source *s, const pf_stored_loss *loss, pf_text *out) {
  pf_text_add(out, " * weights: %s", pf_stored_name(s->stored));
  if (s->stored == PF_STORED_F32) {
    pf_text_add(out, ", as trained; no loss\n");
    return;
  }
  const char *how = s->stored == PF_STORED_F16 ? "half precision" : "integers times a scale per output";
  pf_text_add(
      out,
      " (%s). Against f32, measured over %lld samples from the same noise and in units of the\n"
      " *   columns' standard deviations, a value moves by %.3g (root mean square), at most by %.3g; so the\n"
      " *   laws of the samples are at most %.3g apart in W2\n",
      how, (long long)loss->samples, loss->rms, loss->largest,
      loss->rms * sqrt((double)(s->model->columns - s->model->given.count)));
}

/* What the functions do. */
static void add_usage(const pf_c_source *s, pf_text *out) {
  const bool given = s->model->given.count > 0;
  pf_emit_template(out, s->prefix, " *\n");
  pf_emit_template(
      out, s->prefix,
      given ? " * $_sample(seed, index, given, out) is row `index` of `pushforward sample --seed SEED "
              "--given ...` where the "
              "given\n * columns are `given`, $_GIVEN values in their order.\n"
              " * $_from_noise(z, out) is the row at $_NOISE numbers of your own: standard normal ones, and "
              "in the given "
              "columns\n * the values that are given. They stand in the row as they are.\n"
            : " * $_sample(seed, index, out) is row `index` of `pushforward sample --seed SEED`, in single "
              "precision.\n"
              " * $_from_noise(z, out) is the row at $_NOISE standard normal numbers of your own.\n");
  pf_emit_template(out, s->prefix,
                   " * Any thread may call either at any time. C99 or C++17, linked with -lm. With f32 "
                   "weights gcc and clang make\n"
                   " * the library's bits of it, as on a processor that fuses multiply-adds; -march=native "
                   "lets them use such. */\n"
                   "#include <math.h>\n"
                   "#include <stdint.h>\n"
                   "\n"
                   "#if defined(__clang__)\n"
                   "#pragma STDC FP_CONTRACT OFF\n"
                   "#elif defined(__GNUC__)\n"
                   "#pragma GCC optimize(\"fp-contract=off\")\n"
                   "#endif\n"
                   "\n");
}

static void add_declarations(const pf_c_source *s, pf_text *out) {
  const int given = s->model->given.count;
  pf_text_add(out, "/* To declare it elsewhere, copy from here ... */\nenum { %s_COLUMNS = %d, %s_NOISE = %d",
              s->prefix, s->model->columns, s->prefix, s->step->network.inputs);
  if (given > 0) pf_text_add(out, ", %s_GIVEN = %d", s->prefix, given);
  pf_emit_template(out, s->prefix,
                   " };\n"
                   "#ifdef __cplusplus\n"
                   "extern \"C\" {\n"
                   "#endif\n"
                   "void $_from_noise(const float *z, float *out); /* z: $_NOISE, out: $_COLUMNS */\n");
  pf_emit_template(out, s->prefix,
                   given > 0
                       ? "/* given: $_GIVEN, out: $_COLUMNS */\n"
                         "void $_sample(uint64_t seed, uint64_t index, const float *given, float *out);\n"
                       : "void $_sample(uint64_t seed, uint64_t index, float *out); /* out: $_COLUMNS */\n");
  pf_emit_template(out, s->prefix,
                   "#ifdef __cplusplus\n"
                   "}\n"
                   "#endif\n"
                   "/* ... to here. */\n\n");
}

static void add_head(const pf_c_source *s, const pf_stored_loss *loss, pf_text *out) {
  const struct pf_model *model = s->model;
  pf_text_add(out,
              "/* A trained generator, written by pushforward %s: one file, no library, no allocation, no "
              "state.\n *\n",
              pf_version());
  add_fact(model, "method", "method", out);
  add_fact(model, "source", "data", out);
  add_fact(model, "command", "command", out);
  add_loss(s, loss, out);
  pf_text_add(out, " * columns:\n");
  for (int c = 0; c < model->columns && out->status == PF_OK; c++) add_column(model, c, out);
  add_usage(s, out);
  add_declarations(s, out);
}

/* ---- the decoder ---- */

static double power_of(const struct pf_model *model, int c) {
  const int decimals = pf_encoder_decoding(model->encoder, c).decimals;
  return decimals < 0 ? 0 : pow(10, decimals);
}

typedef enum field { MEAN, SCALE, POWER, MINIMUM, MAXIMUM } field;

typedef struct column_field {
  const struct pf_model *model;
  field which;
} column_field;

static double field_value(const void *context, int64_t c) {
  const column_field *f = context;
  const pf_decoding column = pf_encoder_decoding(f->model->encoder, (int)c);
  switch (f->which) {
  case MEAN: return column.mean;
  case SCALE: return column.scale;
  case POWER: return power_of(f->model, (int)c);
  case MINIMUM: return column.minimum;
  case MAXIMUM: return column.maximum;
  }
  return NAN;
}

static void add_field(const pf_c_source *s, const char *name, field which, pf_text *out) {
  const column_field f = {s->model, which};
  pf_text_add(out, "static const double %s_%s[%d] = {\n  ", s->prefix, name, s->model->columns);
  pf_c_numbers(out, s->model->columns, field_value, &f, "");
  pf_text_add(out, "};\n");
}

static double knot_value(const void *context, int64_t i) { return ((const double *)context)[i]; }

/* One array of all columns' knots. */
static void add_knots(const pf_c_source *s, const char *name, size_t member, int64_t total, pf_text *out) {
  pf_text_add(out, "static const double %s_%s[%lld] = {\n  ", s->prefix, name, (long long)total);
  int64_t done = 0;
  for (int c = 0; c < s->model->columns; c++) {
    const pf_quantile_map *map = pf_encoder_decoding(s->model->encoder, c).map;
    if (!map) continue;
    const double *const *knots = (const double *const *)(const void *)((const char *)map + member);
    pf_c_numbers(out, map->knots, knot_value, *knots, "");
    done += map->knots;
    if (done < total) pf_text_add(out, ",\n  ");
  }
  pf_text_add(out, "};\n");
}

static void add_decoder_tables(const pf_c_source *s, int64_t knots, bool lattice, pf_text *out) {
  add_field(s, "mean", MEAN, out);
  add_field(s, "scale", SCALE, out);
  if (lattice || knots) add_field(s, "power", POWER, out);
  if (!knots) return;
  add_field(s, "minimum", MINIMUM, out);
  add_field(s, "maximum", MAXIMUM, out);
  pf_text_add(out, "static const int32_t %s_knots[%d] = {0", s->prefix, s->model->columns + 1);
  int64_t at = 0;
  for (int c = 0; c < s->model->columns; c++) {
    const pf_quantile_map *map = pf_encoder_decoding(s->model->encoder, c).map;
    at += map ? map->knots : 0;
    pf_text_add(out, ",%s%lld", c % 12 == 11 ? "\n  " : " ", (long long)at);
  }
  pf_text_add(out, "};\n");
  add_knots(s, "x", offsetof(pf_quantile_map, x), knots, out);
  add_knots(s, "lower", offsetof(pf_quantile_map, lower), knots, out);
  add_knots(s, "upper", offsetof(pf_quantile_map, upper), knots, out);
}

static void add_decoder(const pf_c_source *s, int64_t knots, bool lattice, const char *result, pf_text *out) {
  const char *prefix = s->prefix;
  pf_text_add(out, "  for (int c = 0; c < %d; c++) {\n    const double y = (double)%s[c];\n",
              s->model->columns, result);
  if (knots)
    pf_emit_template(out, prefix,
                     "    if ($_knots[c + 1] > $_knots[c]) {\n"
                     "      out[c] = (float)$_quantile(c, 0.5 * erfc(-y * 0.70710678118654752440));\n"
                     "      continue;\n"
                     "    }\n");
  pf_emit_template(out, prefix,
                   knots || lattice
                       ? "    out[c] = (float)$_lattice($_mean[c] + $_scale[c] * y, $_power[c]);\n  }\n"
                       : "    out[c] = (float)($_mean[c] + $_scale[c] * y);\n  }\n");
}

/* ---- the whole ---- */

/* The noise as the network reads it: given columns standardised. */
static void add_conditions(const pf_c_source *s, pf_text *out) {
  const pf_given *given = &s->model->given;
  pf_emit_template(out, s->prefix,
                   "void $_from_noise(const float *noise, float *out) {\n"
                   "  float z[$_NOISE];\n"
                   "  for (int j = 0; j < $_NOISE; j++) z[j] = noise[j];\n");
  for (int k = 0; k < given->count; k++) {
    const int c = given->columns[k];
    const pf_decoding column = pf_encoder_decoding(s->model->encoder, c);
    pf_text_add(out, "  z[%d] = (float)(((double)noise[%d] - %a) / %a);\n", c, c, column.mean,
                column.scale == 0 ? 1 : column.scale);
  }
}

static void add_sample(const pf_c_source *s, pf_text *out) {
  const pf_given *given = &s->model->given;
  pf_emit_template(out, s->prefix,
                   given->count > 0
                       ? "void $_sample(uint64_t seed, uint64_t index, const float *given, float *out) {\n"
                       : "void $_sample(uint64_t seed, uint64_t index, float *out) {\n");
  pf_emit_template(out, s->prefix,
                   "  float z[$_NOISE];\n"
                   "  $_normals(seed, index, z);\n");
  for (int k = 0; k < given->count; k++) pf_text_add(out, "  z[%d] = given[%d];\n", given->columns[k], k);
  pf_emit_template(out, s->prefix,
                   "  $_from_noise(z, out);\n"
                   "}\n");
}

static void add_functions(const pf_c_source *s, int64_t knots, bool lattice, pf_text *out) {
  const pf_given *given = &s->model->given;
  char result[16];
  if (given->count > 0)
    add_conditions(s, out);
  else
    pf_text_add(out, "void %s_from_noise(const float *z, float *out) {\n", s->prefix);
  pf_c_body_statements(s, out, result);
  add_decoder(s, knots, lattice, result, out);
  for (int k = 0; k < given->count; k++)
    pf_text_add(out, "  out[%d] = noise[%d];\n", given->columns[k], given->columns[k]);
  pf_text_add(out, "}\n\n");
  add_sample(s, out);
}

static pf_status write_file(const pf_c_source *s, pf_text *out, pf_error *error) {
  pf_stored_loss loss;
  pf_pieces pieces = {{false}};
  int64_t knots = 0;
  bool lattice = false;
  PF_TRY(pf_stored_measure(s->model, s->step, s->order, s->stored, &loss, error));
  for (int c = 0; c < s->model->columns; c++) {
    const pf_decoding column = pf_encoder_decoding(s->model->encoder, c);
    if (column.map) knots += column.map->knots;
    lattice |= column.decimals >= 0;
  }
  if (knots > INT32_MAX)
    return pf_fail(error, PF_FAILED, "%lld knots of quantile columns, at most %d", (long long)knots,
                   INT32_MAX);
  pf_pieces_want(&pieces, PF_PIECE_NORMALS);
  if (lattice || knots) pf_pieces_want(&pieces, knots ? PF_PIECE_QUANTILE : PF_PIECE_LATTICE);
  pf_c_body_pieces(s, &pieces);
  add_head(s, &loss, out);
  pf_text_add(out, "enum { %s_STREAM = %d };\n\n", s->prefix, PF_STREAM_PRIOR);
  add_decoder_tables(s, knots, lattice, out);
  pf_c_body_tables(s, out);
  pf_text_add(out, "\n");
  pf_pieces_write(&pieces, s->prefix, out);
  add_functions(s, knots, lattice, out);
  return out->status == PF_OK ? PF_OK : pf_fail(error, out->status, "out of memory for the C file");
}

static pf_status check_prefix(const char *prefix, pf_error *error) {
  const size_t length = strlen(prefix),
               good = strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
  if (length >= 1 && length <= 48 && good == length && isalpha((unsigned char)prefix[0])) return PF_OK;
  return pf_fail(error, PF_USAGE,
                 "the name '%.60s' cannot begin C names: 1 to 48 letters, digits and _, a letter first",
                 prefix);
}

pf_status pf_emit_c(const struct pf_model *model, const pf_export_options *options, pf_text *out,
                    pf_error *error) {
  pf_one_step step = {0};
  pf_walk_order order = {0};
  pf_text text = {0};
  pf_c_source source = {.model = model, .step = &step, .order = &order, .prefix = options->name};
  PF_TRY(check_prefix(options->name, error));
  PF_TRY(pf_stored_find(options->weights, &source.stored, error));
  PF_TRY(pf_one_step_check_prior(model, error));
  pf_status status = pf_one_step_create(model, &step, error);
  if (status == PF_OK) status = pf_walk_order_create(&step, &order, error);
  if (status == PF_OK) status = pf_c_source_place(&source, error);
  if (status == PF_OK) status = write_file(&source, &text, error);
  pf_c_source_free(&source);
  pf_walk_order_free(&order);
  pf_one_step_free(&step);
  if (status == PF_OK)
    *out = text;
  else
    pf_text_free(&text);
  return status;
}
