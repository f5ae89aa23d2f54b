/* pushforward data: rows of a built-in law. */
#include <string.h>
#include "cli.h"

static int run_data(int argc, char **argv) {
  int64_t n = 1000, seed = 1;
  const char *output = "-";
  cli_option options[] = {
      {.name = "rows",
       .kind = CLI_INT,
       .target = &n,
       .placeholder = "N",
       .letter = 'n',
       .low = 1,
       .high = INT64_C(1) << 40,
       .help = "rows to draw"},
      CLI_OPTION_OUTPUT(&output),
      CLI_OPTION_SEED(&seed, "the draw"),
  };
  cli_call call = {&cli_data, options, sizeof options / sizeof *options, {NULL}, 0};
  pf_error error = {0};
  pf_table *table = NULL;
  char source[1024];
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  bool prefixed = cli_is_law(call.operands[0]);
  snprintf(source, sizeof source, "%s%.1000s", prefixed ? "" : "law:", call.operands[0]);
  pf_load_options load = {.rows = n, .seed = (uint64_t)seed};
  pf_status status = pf_table_load(source, &load, &table, &error);
  if (status == PF_OK) status = pf_table_write(table, output, &error);
  pf_table_free(table);
  return status == PF_OK ? 0 : cli_fail(&error);
}

const cli_verb cli_data = {
    .name = "data",
    .purpose = "draw rows of a built-in law",
    .usage = "NAME [-n N] [-o FILE]",
    .details = "NAME is one of `pushforward laws`, or a file: a grey image (.png, .pgm, .npy), the "
               "darker a pixel the\nlikelier, or a Gaussian mixture (.json).\n",
    .examples = "  pushforward data moons -n 1000 -o moons.csv\n"
                "  pushforward data rose.png -n 100000 -o rose.npy\n",
    .least = 1,
    .most = 1,
    .run = run_data};
