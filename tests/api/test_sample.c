/* Sampling and model files: any cut and any thread gives the same rows, a saved model is the model, no damaged file loads. */
#include <jansson.h>
#include <pthread.h>
#include "data/safetensors.h"
#include "tiny_train.h"

enum { N = 700, D = 2 };

static pf_model *shared_model;

static int make_model(void **state) {
  (void)state;
  pf_train_options o = tiny_options();
  o.source = "law:moons";
  o.command = "train law:moons";
  shared_model = train_on("law:moons", &o);
  return 0;
}

static int free_model(void **state) {
  (void)state;
  pf_model_free(shared_model);
  return 0;
}

/* ---- sampling ---- */

static pf_sample_options ways[] = {
    {.steps = 1, .seed = 1}, {.steps = 4, .seed = 2}, {.steps = 5, .teacher = true}};

static void draw(const pf_model *model, pf_sample_options o, int64_t n, double *out) {
  pf_error error = {0};
  must(pf_model_sample(model, &o, n, out, &error), &error);
}

static void chunks_and_threads_equal_one_draw(void **state) {
  (void)state;
  static const int64_t cuts[] = {0, 1, 129, 256, 513, 699, N};
  static double whole[N * D], pieces[N * D];
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
    for (int threads = 1; threads <= 5; threads += 2) {
      pf_sample_options o = ways[w];
      o.threads = 1;
      o.first = 70000; /* not a multiple of anything */
      draw(shared_model, o, N, whole);
      o.threads = threads;
      for (int i = 0; i + 1 < 7; i++) {
        o.first = 70000 + cuts[i];
        draw(shared_model, o, cuts[i + 1] - cuts[i], pieces + cuts[i] * D);
      }
      assert_memory_equal(whole, pieces, sizeof whole);
    }
}

static void ways_of_sampling_differ(void **state) {
  (void)state;
  static double a[N * D], b[N * D];
  pf_sample_options o = pf_sample_options_default();
  draw(shared_model, o, N, a);
  o.seed = 2;
  draw(shared_model, o, N, b);
  assert_memory_not_equal(a, b, sizeof a);
  o.seed = 1;
  o.steps = 2;
  draw(shared_model, o, N, b);
  assert_memory_not_equal(a, b, sizeof a);
  o.steps = 1;
  o.teacher = true;
  draw(shared_model, o, N, b);
  assert_memory_not_equal(a, b, sizeof a);
}

static void samples_resemble_the_data(void **state) {
  (void)state;
  static double a[N * D];
  double mean[D] = {0}, square[D] = {0};
  pf_table *real = draw_table("law:moons", N);
  const double *x = pf_table_values(real);
  draw(shared_model, pf_sample_options_default(), N, a);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < D; j++) {
      mean[j] += (a[i * D + j] - x[i * D + j]) / N;
      square[j] += (a[i * D + j] * a[i * D + j] - x[i * D + j] * x[i * D + j]) / N;
    }
  /* sixty steps teach the scale, not the shape */
  for (int j = 0; j < D; j++) assert_true(fabs(mean[j]) < 1.5 && fabs(square[j]) < 5);
  pf_table_free(real);
}

static void *draw_alone(void *out) {
  for (int repeat = 0; repeat < 5; repeat++)
    draw(shared_model, (pf_sample_options){.steps = 3, .threads = 2}, N, out);
  return NULL;
}

static void two_threads_may_sample_one_model(void **state) {
  (void)state;
  static double alone[N * D], first[N * D], second[N * D];
  pthread_t threads[2];
  draw(shared_model, (pf_sample_options){.steps = 3, .threads = 1}, N, alone);
  assert_int_equal(pthread_create(&threads[0], NULL, draw_alone, first), 0);
  assert_int_equal(pthread_create(&threads[1], NULL, draw_alone, second), 0);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  assert_memory_equal(alone, first, sizeof alone);
  assert_memory_equal(alone, second, sizeof alone);
}

/* 0 steps: one evaluation of a generator, 100 of the velocity. */
static void no_steps_are_the_models_own(void **state) {
  (void)state;
  enum { FEW = 20 };
  double own[FEW * 2], named[FEW * 2];
  for (int teacher = 0; teacher < 2; teacher++) {
    pf_error error = {0};
    pf_sample_options o = {.teacher = teacher}, same = {.steps = teacher ? 100 : 1, .teacher = teacher};
    must(pf_model_sample(shared_model, &o, FEW, own, &error), &error);
    must(pf_model_sample(shared_model, &same, FEW, named, &error), &error);
    assert_memory_equal(own, named, sizeof own);
  }
}

static void wrong_sampling_is_refused(void **state) {
  (void)state;
  static const struct {
    pf_sample_options o;
    int64_t n;
  } cases[] = {{{.steps = -1}, 1},
               {{.steps = 1000001}, 1},
               {{.steps = 1}, -1},
               {{.steps = 1, .first = -1}, 1},
               {{.steps = 1, .threads = -2}, 1000},
               {{.steps = 1, .first = INT64_MAX - 2}, 10}};
  double out[20] = {0}, zero[20] = {0};
  pf_table *table = NULL;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_error error = {0};
    if (pf_model_sample(shared_model, &cases[i].o, cases[i].n, out, &error) != PF_USAGE)
      fail_msg("case %d", (int)i);
    assert_int_equal(error.status, PF_USAGE);
    assert_memory_equal(out, zero, sizeof out);
  }
  assert_int_equal(pf_model_sample_table(shared_model, NULL, 0, &table, NULL), PF_USAGE);
  assert_null(table);
}

static void a_table_of_samples_has_names(void **state) {
  (void)state;
  static double values[N * D];
  pf_table *table = NULL;
  pf_error error = {0};
  must(pf_model_sample_table(shared_model, NULL, N, &table, &error), &error);
  draw(shared_model, pf_sample_options_default(), N, values);
  assert_memory_equal(pf_table_values(table), values, sizeof values);
  for (int j = 0; j < D; j++)
    assert_string_equal(pf_table_column_name(table, j), pf_model_column_name(shared_model, j));
  assert_null(pf_model_column_name(shared_model, D));
  pf_table_free(table);
}

/* ---- columns of integers ---- */

static void integer_columns_stay_integers(void **state) {
  (void)state;
  static double cells[400 * 2], out[300 * 2];
  char path[256], text[32];
  temporary_name(path, "integers.csv");
  FILE *file = fopen(path, "w");
  fputs("count,level\n", file);
  for (int i = 0; i < 400; i++) {
    cells[2 * i] = 3 + i * 7 % 11;
    snprintf(text, sizeof text, "%d,%.2f\n", (int)cells[2 * i], sin(i) * 2);
    fputs(text, file);
  }
  fclose(file);
  pf_table *table = NULL, *drawn = NULL;
  pf_error error = {0};
  must(pf_table_load(path, NULL, &table, &error), &error);
  pf_train_options o = tiny_options();
  pf_model *model = NULL;
  must(pf_train(table, NULL, &o, &model, &error), &error); /* auto picks the quantile encoder */
  must(pf_model_sample_table(model, NULL, 300, &drawn, &error), &error);
  memcpy(out, pf_table_values(drawn), sizeof out);
  double lowest = 99, highest = -99;
  for (int i = 0; i < 300; i++) {
    assert_true(out[2 * i] == floor(out[2 * i]) && out[2 * i] >= 3 && out[2 * i] <= 13);
    assert_true(out[2 * i + 1] >= -2 && out[2 * i + 1] <= 2);
    lowest = fmin(lowest, out[2 * i]);
    highest = fmax(highest, out[2 * i]);
  }
  assert_true(highest > lowest);
  pf_table_free(table);
  pf_table_free(drawn);
  pf_model_free(model);
  remove(path);
}

/* ---- files ---- */

static pf_model *load(const char *path) {
  pf_model *model = NULL;
  pf_error error = {0};
  must(pf_model_load(path, &model, &error), &error);
  return model;
}

static void a_loaded_model_is_the_saved_one(void **state) {
  (void)state;
  static double here[N * D], there[N * D];
  char path[256], *first = NULL, *second = NULL;
  pf_error error = {0};
  temporary_name(path, "saved");
  must(pf_model_save(shared_model, path, &error), &error);
  pf_model *loaded = load(path);
  for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    draw(shared_model, ways[w], N, here);
    draw(loaded, ways[w], N, there);
    assert_memory_equal(here, there, sizeof here);
  }
  bytes a = model_bytes(shared_model), b = model_bytes(loaded);
  expect_same_bytes("saved again", a, b);
  must(pf_model_describe(shared_model, &first, &error), &error);
  must(pf_model_describe(loaded, &second, &error), &error);
  json_t *saved = json_loads(first, 0, NULL), *read = json_loads(second, 0, NULL);
  assert_true(saved && json_equal(saved, read));
  json_decref(saved);
  json_decref(read);
  assert_non_null(strstr(first, "\"source\": \"law:moons\""));
  assert_non_null(strstr(first, "\"face\": \"practical\""));
  pf_string_free(first);
  pf_string_free(second);
  free(a.data);
  free(b.data);
  pf_model_free(loaded);
  remove(path);
}

static void expect_refused(const char *path, const char *what, size_t at) {
  pf_model *model = NULL;
  pf_error error = {0};
  pf_status status = pf_model_load(path, &model, &error);
  if (status != PF_BAD_INPUT || model) fail_msg("%s at %zu: %s", what, at, pf_status_name(status));
  if (!strstr(error.message, path)) fail_msg("'%s' does not name the file", error.message);
}

static void damaged_files_are_refused(void **state) {
  (void)state;
  char path[256];
  temporary_name(path, "damaged");
  bytes b = model_bytes(shared_model);
  for (size_t cut = 0; cut < b.size; cut += cut < 64 || cut + 16 > b.size ? 1 : 97) {
    write_bytes(path, b.data, cut);
    expect_refused(path, "cut", cut);
  }
  for (size_t at = 0; at < b.size; at += at < 64 ? 1 : 89) {
    unsigned char bit = (unsigned char)(1 << at % 8);
    b.data[at] ^= bit;
    write_bytes(path, b.data, b.size);
    expect_refused(path, "flip", at);
    b.data[at] ^= bit;
  }
  write_bytes(path, b.data, b.size);
  pf_model_free(load(path));
  free(b.data);
  remove(path);
  pf_model *model = NULL;
  assert_int_equal(pf_model_load(path, &model, NULL), PF_IO);
}

/* The model file with `from` in its metadata replaced by `to`, checksums right. */
static void rewrite(const char *path, const char *from, const char *to) {
  pf_container *container = NULL;
  pf_error error = {0};
  bytes b = model_bytes(shared_model);
  must(pf_container_read_bytes(b.data, b.size, "model", &container, &error), &error);
  const char *text = pf_container_get(container, "pushforward"), *at = strstr(text, from);
  if (!at) fail_msg("the metadata has no %s", from);
  size_t room = strlen(text) + strlen(to) + 1;
  char *changed = malloc(room);
  snprintf(changed, room, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  must(pf_container_set(container, "pushforward", changed, &error), &error);
  must(pf_container_write(container, path, &error), &error);
  free(changed);
  free(b.data);
  pf_container_free(container);
}

/* Files that are whole but say what cannot be. */
static void impossible_facts_are_refused(void **state) {
  (void)state;
  static const char *const cases[][3] = {
      {"\"format\":1", "\"format\":2", "newer than this program"},
      {"\"format\":1", "\"format\":0", "format"},
      {"\"format\":1,", "", "format"},
      {"\"width\":16", "\"width\":17", "generator"},
      {"\"width\":16", "\"width\":8192", "generator"},
      {"\"depth\":2", "\"depth\":65", "depth"},
      {"\"depth\":2", "\"depth\":3", "generator"},
      {"\"times\":2", "\"times\":1", "one time"},
      {"\"times\":2", "\"times\":3", "times"},
      {"\"inputs\":2", "\"inputs\":3", "inputs"},
      {"\"frequencies\":8", "\"frequencies\":65", "frequencies"},
      {"\"max_frequency\":16.0", "\"max_frequency\":0.0", "max_frequency"},
      {"\"interpolant\":\"trig\"", "\"interpolant\":\"trog\"", "trog"},
      {"\"start\":0.0", "\"start\":1.0", "start"},
      {"\"end\":1.0", "\"end\":1.5", "end"},
      {"\"name\":\"x1\"", "\"nome\":\"x1\"", "name"},
      {"\"name\":\"x1\"", "\"name\":\"x2\"", "twice"},
      {"\"type\":\"real\"", "\"type\":\"rael\"", "rael"},
      {"\"columns\":[", "\"columns\":[7,", "column"},
      {"\"generator\":{", "\"generator\":7,\"generatol\":{", "generator"},
  };
  char path[256];
  temporary_name(path, "facts");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pf_model *model = NULL;
    pf_error error = {0};
    rewrite(path, cases[i][0], cases[i][1]);
    pf_status status = pf_model_load(path, &model, &error);
    if (status != PF_BAD_INPUT || model)
      fail_msg("%s was not refused: %s", cases[i][1], pf_status_name(status));
    if (!strstr(error.message, cases[i][2])) fail_msg("'%s' does not say '%s'", error.message, cases[i][2]);
  }
  remove(path);
}

/* A model that could not be read back is not written. */
static void names_that_are_not_text_are_refused(void **state) {
  (void)state;
  static const double cells[] = {1, 2, 3, 4, 5, 6, 7, 8};
  static const char *const names[] = {"a", "\xff\xfe"};
  char path[256], *json = NULL;
  pf_table *table = NULL;
  pf_model *model = NULL;
  pf_error error = {0};
  temporary_name(path, "names");
  if (pf_table_from_values(4, 2, cells, names, &table, &error) != PF_OK)
    return; /* refused at once: as good */
  pf_train_options o = tiny_options();
  o.holdout_share = 0;
  must(pf_train(table, NULL, &o, &model, &error), &error);
  assert_int_not_equal(pf_model_save(model, path, &error), PF_OK);
  assert_int_not_equal(access(path, F_OK), 0);
  assert_int_not_equal(pf_model_describe(model, &json, &error), PF_OK);
  assert_null(json);
  pf_model_free(model);
  pf_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chunks_and_threads_equal_one_draw),
      cmocka_unit_test(ways_of_sampling_differ),
      cmocka_unit_test(samples_resemble_the_data),
      cmocka_unit_test(two_threads_may_sample_one_model),
      cmocka_unit_test(no_steps_are_the_models_own),
      cmocka_unit_test(wrong_sampling_is_refused),
      cmocka_unit_test(a_table_of_samples_has_names),
      cmocka_unit_test(integer_columns_stay_integers),
      cmocka_unit_test(a_loaded_model_is_the_saved_one),
      cmocka_unit_test(damaged_files_are_refused),
      cmocka_unit_test(impossible_facts_are_refused),
      cmocka_unit_test(names_that_are_not_text_are_refused),
  };
  return cmocka_run_group_tests(tests, make_model, free_model);
}
