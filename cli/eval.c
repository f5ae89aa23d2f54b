/* pushforward eval: the quality of a model, each metric beside its sampling floor. */
#include "cli.h"

typedef struct settings {
  pf_evaluate_options evaluate;
  const char *train, *from;
  int64_t pairs, rounds, seed, threads;
  bool json, quiet;
} settings;

static int print_text(const pf_evaluation_set *set) {
  cli_print_evaluation(&set->rows[0]);
  if (set->count > 1) {
    putchar('\n');
    cli_print_excess(set->rows, NULL, set->count);
  }
  cli_print_coverage(&set->coverage);
  cli_print_conditional(&set->conditional);
  cli_print_likelihood(&set->likelihood);
  cli_print_transport(&set->transport);
  cli_print_decomposition(&set->decomposition);
  return 0;
}

static json_t *row_object(const pf_evaluation *e) {
  return json_pack("{s:s, s:I, s:{s:I, s:I}, s:o}", "name", e->name, "steps", (json_int_t)e->steps, "rows",
                   "data", (json_int_t)e->data_rows, "samples", (json_int_t)e->sample_rows, "metrics",
                   cli_json_metrics(e));
}

static int print_object(const pf_evaluation_set *set) {
  json_t *object = row_object(&set->rows[0]);
  json_t *others = json_array();
  for (int i = 1; i < set->count; i++) json_array_append_new(others, row_object(&set->rows[i]));
  json_object_set_new(object, "others", others);
  json_object_set_new(object, "modes", cli_json_coverage(&set->coverage));
  json_object_set_new(object, "likelihood", cli_json_likelihood(&set->likelihood));
  json_object_set_new(object, "conditional", cli_json_conditional(&set->conditional));
  json_object_set_new(object, "transport", cli_json_transport(&set->transport));
  json_object_set_new(object, "decomposition", cli_json_decomposition(&set->decomposition));
  return cli_print_json(object);
}

static pf_status evaluate(settings *s, const cli_call *call, pf_evaluation_set *set, pf_error *error) {
  pf_model *model = NULL;
  cli_real real = {0};
  cli_watch watch = {0};
  pf_status status = pf_model_load(call->operands[0], &model, error);
  const cli_source source = {.from = s->from, .seed = s->seed};
  if (status == PF_OK) status = cli_open_source(model, &source, NULL, error);
  if (status == PF_OK) status = cli_open_real(model, call->operands[1], s->train, &real, error);
  if (status == PF_OK) status = cli_give_conditions_of(model, &real, s->seed, error);
  if (status == PF_OK) status = cli_watch_begin(&watch, s->quiet, NULL, error);
  if (status == PF_OK) {
    s->evaluate.train = real.train;
    s->evaluate.hooks = cli_watch_hooks(&watch);
    status = pf_evaluate(model, real.table, real.law, &s->evaluate, set, error);
    cli_watch_end(&watch, status, error);
  }
  cli_real_free(&real);
  pf_model_free(model);
  return status;
}

static int run_eval(int argc, char **argv) {
  settings s = {.evaluate = pf_evaluate_options_default()};
  s.seed = (int64_t)s.evaluate.seed;
  s.evaluate.baselines = false;
  cli_option options[] = {
      CLI_OPTION_EVALUATIONS(&s.evaluate.steps),
      {.name = "teacher",
       .kind = CLI_FLAG,
       .target = &s.evaluate.teacher,
       .help = "measure the learned velocity, integrated with K steps"},
      CLI_OPTION_PAIRS(&s.pairs),
      CLI_OPTION_SAMPLE_ROWS(&s.evaluate.rows),
      {.name = "rounds",
       .kind = CLI_INT,
       .target = &s.rounds,
       .placeholder = "R",
       .low = 0,
       .high = 64,
       .help = "laws: let every sample meet R pairs, for a sharper bound from the same draws"},
      CLI_OPTION_METRICS(&s.evaluate.metrics),
      CLI_OPTION_FROM(&s.from, CLI_SOURCE_HELP),
      CLI_OPTION_TRAIN_ROWS(&s.train),
      {.name = "baselines",
       .kind = CLI_FLAG,
       .target = &s.evaluate.baselines,
       .help = "also measure more steps, the teacher and empirical baselines"},
      CLI_OPTION_SEED(&s.seed, "every draw"),
      CLI_OPTION_THREADS(&s.threads),
      CLI_OPTION_JSON(&s.json, "print one JSON object"),
      CLI_OPTION_QUIET(&s.quiet),
  };
  cli_call call = {&cli_eval, options, sizeof options / sizeof *options, {NULL}, 0};
  pf_error error = {0};
  static pf_evaluation_set set;
  int code = cli_parse(&call, argc, argv);
  if (code != CLI_GO_ON) return code;
  s.evaluate.pairs = (int)s.pairs;
  s.evaluate.rounds = (int)s.rounds;
  s.evaluate.seed = (uint64_t)s.seed;
  s.evaluate.threads = (int)s.threads;
  if (evaluate(&s, &call, &set, &error) != PF_OK) return cli_fail(&error);
  return s.json ? print_object(&set) : print_text(&set);
}

const cli_verb cli_eval = {
    .name = "eval",
    .purpose = "measure a model on held-out rows, with sampling floors",
    .usage = "MODEL DATA [options]",
    .details = "Every metric stands beside its floor: the same metric between two "
               "real samples of the same size. The excess\n"
               "is what the model adds; 95% bound is an upper bound of its mean. When "
               "DATA is the file the model was trained\n"
               "on, only the rows held out then are used.\n"
               "For jko, otflow and cnf, nll is the mean of -log p of the real rows under "
               "the model; its floor is the law's\n"
               "entropy. sample_nll turns this round: samples under the law.\n"
               "Against a law whose modes are known (mixtures, boards) one line says how many modes "
               "the samples cover, each row\n"
               "counted at its nearest centre. A mode is missing when it has less than a "
               "quarter of its share.\n"
               "A model trained with --condition is measured under conditions drawn from the data, its rows "
               "as a whole "
               "and, for\n"
               "each condition, the generated columns within up to ten bins of it.\n",
    .examples = "  pushforward eval people.safetensors held_out.csv\n"
                "  pushforward eval moons.safetensors law:moons --baselines\n"
                "  pushforward eval people.safetensors people.csv --json\n",
    .least = 2,
    .most = 2,
    .run = run_eval};
