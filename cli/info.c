/* pushforward info, methods, laws, solvers: what there is. */
#include "cli.h"

/* ---- info ---- */

static void print_value(const char *key, const json_t *value) {
  printf("%-24s ", key);
  switch (json_typeof(value)) {
  case JSON_STRING: puts(json_string_value(value)); break;
  case JSON_INTEGER: printf("%lld\n", (long long)json_integer_value(value)); break;
  case JSON_REAL: printf("%.9g\n", json_real_value(value)); break;
  case JSON_TRUE: puts("yes"); break;
  case JSON_FALSE: puts("no"); break;
  default: puts("-"); break;
  }
}

static void print_object(json_t *object, const char *prefix) {
  const char *key = NULL;
  json_t *value = NULL;
  json_object_foreach(object, key, value) {
    char name[96];
    snprintf(name, sizeof name, "%s%s", prefix, key);
    if (!json_is_object(value) && !json_is_array(value)) print_value(name, value);
  }
}

static int print_text(json_t *root) {
  print_object(json_object_get(root, "facts"), "");
  print_object(json_object_get(root, "generator"), "generator ");
  print_object(json_object_get(root, "velocity"), "velocity ");
  print_object(json_object_get(root, "critic"), "critic ");
  const json_t *columns = json_object_get(root, "columns");
  printf("\n%zu columns:", json_array_size(columns));
  for (size_t i = 0; i < json_array_size(columns); i++) {
    const json_t *column = json_array_get(columns, i);
    const char *name = json_string_value(json_object_get(column, "name"));
    const bool given = json_is_true(json_object_get(column, "given"));
    printf("%s %s%s", i ? "," : "", name ? name : "?", given ? " (given)" : "");
  }
  putchar('\n');
  json_decref(root);
  return 0;
}

static int run_info(int argc, char **argv) {
  bool json = false;
  cli_option options[] = {
      {.name = "json", .kind = CLI_FLAG, .target = &json, .help = "print one JSON object"}};
  cli_call call = {&cli_info, options, 1, {NULL}, 0};
  pf_error error = {0};
  pf_model *model = NULL;
  json_t *root = NULL;
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  pf_status status = pf_model_load(call.operands[0], &model, &error);
  if (status == PF_OK) status = cli_describe(model, &root, &error);
  pf_model_free(model);
  if (status != PF_OK) return cli_fail(&error);
  return json ? cli_print_json(root) : print_text(root);
}

const cli_verb cli_info = {.name = "info",
                           .purpose = "say what a model is and how it was made",
                           .usage = "MODEL [--json]",
                           .examples = "  pushforward info people.safetensors\n",
                           .least = 1,
                           .most = 1,
                           .run = run_info};

/* ---- lists ---- */

typedef bool entry_at(int i, pf_entry *out);

/* `files`: lines after the table for what may stand in a name's place; not a part of the JSON, whose names all stand alone. */
static int print_list(const char *key, entry_at *at, const char *files, bool json) {
  pf_entry entry;
  if (json) {
    json_t *list = json_array();
    for (int i = 0; at(i, &entry); i++)
      json_array_append_new(list,
                            json_pack("{s:s, s:s}", "name", entry.name, "description", entry.description));
    return cli_print_json(json_pack("{s:o}", key, list));
  }
  for (int i = 0; at(i, &entry); i++) printf("%-18s %s\n", entry.name, entry.description);
  fputs(files, stdout);
  return 0;
}

static int run_list(const cli_verb *verb, entry_at *at, const char *files, int argc, char **argv) {
  bool json = false;
  cli_option options[] = {
      {.name = "json", .kind = CLI_FLAG, .target = &json, .help = "print one JSON object"}};
  cli_call call = {verb, options, 1, {NULL}, 0};
  int code = cli_parse(&call, argc, argv);
  return code != CLI_GO_ON ? code : print_list(verb->name, at, files, json);
}

static int run_methods(int argc, char **argv) {
  return run_list(&cli_methods, pf_method_entry, "", argc, argv);
}

static int run_laws(int argc, char **argv) {
  static const char FILES[] =
      "FILE.json          a Gaussian mixture: weights, means, covariance\n"
      "FILE.png .pgm .npy a grey image on [-4,4]^2: the darker a pixel, the likelier\n";
  return run_list(&cli_laws, pf_law_entry, FILES, argc, argv);
}

static int run_solvers(int argc, char **argv) {
  return run_list(&cli_solvers, pf_solver_entry, "", argc, argv);
}

const cli_verb cli_solvers = {
    .name = "solvers",
    .purpose = "list what `sample --solver` takes",
    .usage = "[--json]",
    .details = "Order: of the error in the step. Evaluations: of the network, per sample.\n",
    .examples = "  pushforward solvers\n",
    .run = run_solvers};

const cli_verb cli_methods = {.name = "methods",
                              .purpose = "list the training methods",
                              .usage = "[--json]",
                              .examples = "  pushforward methods\n",
                              .run = run_methods};

const cli_verb cli_laws = {.name = "laws",
                           .purpose = "list the built-in laws",
                           .usage = "[--json]",
                           .details = "A law stands for data as law:NAME, or law:FILE for a Gaussian mixture "
                                      "or a grey image of your own.\n",
                           .examples = "  pushforward laws\n",
                           .run = run_laws};
