/* Public exports: which format, and into a file that appears whole or not at all. */
#include <string.h>
#include "../base/text.h"
#include "../data/atomic_file.h"
#include "../emit/emit.h"

static const char *const FORMATS[] = {
#define PF_X(NAME, name, what) name,
    PF_EXPORT_FORMATS(PF_X)
#undef PF_X
};

typedef enum format {
#define PF_X(NAME, name, what) FORMAT_##NAME,
  PF_EXPORT_FORMATS(PF_X) FORMAT_COUNT
#undef PF_X
} format;

pf_export_options pf_export_options_default(void) { return (pf_export_options){.to = "c"}; }

static pf_status check_options(const pf_export_options *options, format *out, pf_error *error) {
  if (!options->to) return pf_fail(error, PF_USAGE, "an export needs a format: c, onnx or weights");
  for (int i = 0; i < FORMAT_COUNT; i++) {
    if (strcmp(options->to, FORMATS[i]) != 0) continue;
    if (i != FORMAT_C && (options->name || options->weights))
      return pf_fail(error, PF_USAGE, "%s '%.60s' is for C files alone, not for '%s'",
                     options->name ? "the name" : "the form of weights",
                     options->name ? options->name : options->weights, options->to);
    *out = (format)i;
    return PF_OK;
  }
  return pf_fail_unknown(error, "format", options->to, FORMATS, FORMAT_COUNT);
}

static pf_status export_weights(const struct pf_model *model, const char *path, pf_error *error) {
  pf_container *container = NULL;
  PF_TRY(pf_emit_weights(model, &container, error));
  pf_status status = pf_container_write(container, path, error);
  pf_container_free(container);
  return status;
}

static pf_status export_text(const struct pf_model *model, const pf_export_options *options, format to,
                             const char *path, pf_error *error) {
  pf_text text = {0};
  pf_export_options o = *options;
  if (!o.name) o.name = "model";
  if (!o.weights) o.weights = "f32";
  PF_TRY(to == FORMAT_C ? pf_emit_c(model, &o, &text, error) : pf_emit_onnx(model, &text, error));
  pf_status status = pf_atomic_file_save(path, text.data, text.length, error);
  pf_text_free(&text);
  return status;
}

pf_status pf_model_export(const struct pf_model *model, const pf_export_options *options, const char *path,
                          pf_error *error) {
  const pf_export_options defaults = pf_export_options_default();
  format to = FORMAT_C;
  if (!model || !path) return pf_fail(error, PF_USAGE, "an export needs a model and a path");
  PF_TRY(check_options(options ? options : &defaults, &to, error));
  if (to == FORMAT_WEIGHTS) return export_weights(model, path, error);
  return export_text(model, options ? options : &defaults, to, path, error);
}
