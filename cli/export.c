/* pushforward export: the one-step generator as a file that runs without pushforward. */
#include "cli.h"

static pf_status export_to(const pf_export_options *options, const char *path, const char *output,
                           pf_error *error) {
  pf_model *model = NULL;
  pf_status status = cli_check_writable(output, error);
  if (status == PF_OK) status = pf_model_load(path, &model, error);
  if (status == PF_OK) status = pf_model_export(model, options, output, error);
  pf_model_free(model);
  return status;
}

static int run_export(int argc, char **argv) {
  pf_export_options o = {NULL, NULL, NULL};
  const char *output = NULL;
  cli_option options[] = {
      CLI_OPTION_WORDS("to", &o.to, "FORMAT", "c, onnx or weights"),
      {.name = "output",
       .kind = CLI_TEXT,
       .target = &output,
       .placeholder = "FILE",
       .letter = 'o',
       .help = "the file to write"},
      CLI_OPTION_WORDS("name", &o.name, "PREFIX", "c: what the file's names begin with; default: model"),
      CLI_OPTION_WORDS("weights", &o.weights, "W",
                       "c: how weights are stored, f32 (default), f16 or i8; the file says what it costs"),
  };
  cli_call call = {&cli_export, options, sizeof options / sizeof *options, {NULL}, 0};
  pf_error error = {0};
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  if (!o.to) return cli_usage("export: a format is needed: --to c, --to onnx or --to weights");
  if (!output) return cli_usage("export: where to? -o FILE");
  return export_to(&o, call.operands[0], output, &error) == PF_OK ? 0 : cli_fail(&error);
}

#define FORMAT_LINE(NAME, name, what) "  " name ": " what "\n"

const cli_verb cli_export = {.name = "export",
                             .purpose = "writes the one-step generator as C, ONNX or weights for PyTorch",
                             .usage = "MODEL --to FORMAT -o FILE [--name PREFIX] [--weights W]",
                             .details = PF_EXPORT_FORMATS(FORMAT_LINE),
                             .examples =
                                 "  pushforward export moons.safetensors --to c --name moons -o moons.c\n"
                                 "  pushforward export moons.safetensors --to onnx -o moons.onnx\n",
                             .least = 1,
                             .most = 1,
                             .run = run_export};
