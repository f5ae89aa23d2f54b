/* The registry of built-in laws: spec parsing and the public calls (contract: law.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "../base/memory.h"
#include "../base/text.h"
#include "law_internal.h"

typedef struct law_row {
  const char *name;
  int d;
  double entropy;
  pf_law_build *build;
  double args[PF_LAW_MAX_ARGS];
  const char *keys, *description;
} law_row;

static const law_row LAWS[] = {
#define PF_LAW(name, d, entropy, builder, args, keys, description)                                           \
  {name, d, entropy, pf_law_build_##builder, args, keys, description},
#include "laws.def"
#undef PF_LAW
};
enum { LAW_COUNT = sizeof LAWS / sizeof LAWS[0] };

static const char *const NAMES[] = {
#define PF_LAW(name, d, entropy, builder, args, keys, description) name,
#include "laws.def"
#undef PF_LAW
};

int pf_law_count(void) { return LAW_COUNT; }
const char *pf_law_name(int index) { return LAWS[index].name; }
const char *pf_law_description(int index) { return LAWS[index].description; }
const char *pf_law_options(int index) { return LAWS[index].keys; }

/* ---- what builders use ---- */

pf_status pf_law_set_dimension(pf_law *law, int d, pf_error *error) {
  law->d = d;
  PF_TRY(pf_alloc((size_t)d, sizeof(double), &law->mean, error));
  return pf_alloc((size_t)d * (size_t)d, sizeof(double), &law->covariance, error);
}

pf_status pf_law_set_state(pf_law *law, size_t bytes, void (*free_state)(void *), void *out_state,
                           pf_error *error) {
  PF_TRY(pf_alloc(1, bytes, &law->state, error));
  law->free_state = free_state;
  memcpy(out_state, &law->state, sizeof law->state);
  return PF_OK;
}

static void draw_mixture(const pf_law *law, pf_rng *rng, double *x) { pf_mixture_draw(law->mixture, rng, x); }
static double log_p_mixture(const pf_law *law, const double *x) {
  return pf_mixture_log_density(law->mixture, x);
}

/* From the mean of the variances along the axes, which is that along the coordinates. */
static double component_spread(const pf_mixture *mixture, int component) {
  int count = mixture->eigenvalue_count;
  const double *variances = mixture->eigenvalues + (mixture->covariances > 1 ? component * count : 0);
  double sum = 0;
  for (int e = 0; e < count; e++) sum += variances[e];
  return sqrt(sum / count);
}

pf_status pf_law_adopt_mixture(pf_law *law, pf_mixture *mixture, pf_error *error) {
  law->mixture = mixture;
  law->draw = draw_mixture;
  law->log_p = log_p_mixture;
  size_t modes = (size_t)mixture->components, d = (size_t)mixture->d;
  PF_TRY(pf_law_set_dimension(law, mixture->d, error));
  pf_mixture_moments(mixture, law->mean, law->covariance);
  PF_TRY(pf_alloc(modes * d, sizeof(double), &law->mode_centres, error));
  PF_TRY(pf_alloc(modes, sizeof(double), &law->mode_weights, error));
  memcpy(law->mode_centres, mixture->means, modes * d * sizeof(double));
  memcpy(law->mode_weights, mixture->weights, modes * sizeof(double));
  PF_TRY(pf_alloc(modes, sizeof(double), &law->mode_spreads, error));
  for (int k = 0; k < mixture->components; k++) law->mode_spreads[k] = component_spread(mixture, k);
  law->modes = mixture->components;
  return PF_OK;
}

pf_status pf_law_set_mixture(pf_law *law, const pf_mixture_spec *spec, pf_error *error) {
  pf_mixture *mixture = NULL;
  PF_TRY(pf_mixture_create(spec, &mixture, error));
  return pf_law_adopt_mixture(law, mixture, error);
}

const char *pf_law_key_text(const pf_law_keys *keys, const char *name, const char *fallback) {
  for (int i = 0; i < keys->count; i++)
    if (!strcmp(keys->name[i], name)) return keys->value[i];
  return fallback;
}

pf_status pf_law_key_number(const pf_law_keys *keys, const char *name, double low, double high, double *inout,
                            pf_error *error) {
  const char *text = pf_law_key_text(keys, name, NULL);
  if (!text) return PF_OK;
  double value = 0;
  if (!pf_parse_double(text, &value) || !(value >= low && value <= high))
    return pf_fail(error, PF_USAGE, "law %s: %s=%s, needs a number from %g to %g", keys->law, name, text, low,
                   high);
  *inout = value;
  return PF_OK;
}

pf_status pf_law_key_integer(const pf_law_keys *keys, const char *name, int low, int high, int *inout,
                             pf_error *error) {
  double value = *inout;
  PF_TRY(pf_law_key_number(keys, name, low, high, &value, error));
  if (value != floor(value))
    return pf_fail(error, PF_USAGE, "law %s: %s=%g, needs a whole number from %d to %d", keys->law, name,
                   value, low, high);
  *inout = (int)value;
  return PF_OK;
}

/* ---- creation ---- */

/* Cuts "a,b,c" (changed in place) into names; returns how many, at most PF_LAW_MAX_KEYS. */
static int split_list(char *text, const char **names) {
  int count = 0;
  char *rest = NULL;
  for (char *word = strtok_r(text, ",", &rest); word && count < PF_LAW_MAX_KEYS;
       word = strtok_r(NULL, ",", &rest))
    names[count++] = word;
  return count;
}

static pf_status add_key(pf_law_keys *keys, const law_row *row, char *word, pf_error *error) {
  char valid_text[64];
  snprintf(valid_text, sizeof valid_text, "%s", row->keys);
  const char *valid[PF_LAW_MAX_KEYS];
  int valid_count = split_list(valid_text, valid);
  char *equals = strchr(word, '=');
  if (!equals) return pf_fail(error, PF_USAGE, "law %s: '%s' is not key=value", row->name, word);
  if (valid_count == 0) return pf_fail(error, PF_USAGE, "law %s takes no options, got '%s'", row->name, word);
  *equals = '\0';
  if (pf_law_key_text(keys, word, NULL))
    return pf_fail(error, PF_USAGE, "law %s: %s given twice", row->name, word);
  int i = 0;
  while (i < valid_count && strcmp(valid[i], word)) i++;
  if (i == valid_count) {
    pf_status status = pf_fail_unknown(error, "option", word, valid, (size_t)valid_count);
    return pf_fail_within(error, status, "law %s", row->name);
  }
  keys->name[keys->count] = word;
  keys->value[keys->count++] = equals + 1;
  return PF_OK;
}

/* text: a private copy of the spec, cut up in place. */
static pf_status build_named(pf_law *law, char *text, pf_error *error) {
  char *options = strchr(text, ':');
  if (options) *options++ = '\0';
  const law_row *row = NULL;
  for (int i = 0; i < LAW_COUNT && !row; i++)
    if (!strcmp(LAWS[i].name, text)) row = &LAWS[i];
  if (!row) return pf_fail_unknown(error, "law", text, NAMES, LAW_COUNT);
  pf_law_keys keys = {.law = row->name};
  char *rest = NULL;
  for (char *word = options ? strtok_r(options, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest))
    PF_TRY(add_key(&keys, row, word, error));
  law->entropy = row->entropy;
  return row->build(law, row->args, &keys, error);
}

static pf_status build_mixture_file(pf_law *law, const char *path, pf_error *error) {
  pf_mixture *mixture = NULL;
  PF_TRY(pf_mixture_read_json(path, &mixture, error));
  law->entropy = mixture->d == 1 ? pf_mixture_entropy_1d(mixture) : NAN;
  return pf_law_adopt_mixture(law, mixture, error);
}

/* A file is named by a prefix, or by an ending that no law's name has. */
static const struct {
  const char *prefix, *ending; /* prefix may be NULL */
  pf_status (*build)(pf_law *law, const char *path, pf_error *error);
} FILES[] = {
    {"mixture=", ".json", build_mixture_file},
    {"mask=", ".png", pf_law_build_mask},
    {NULL, ".pgm", pf_law_build_mask},
    {NULL, ".npy", pf_law_build_mask},
};

static bool ends_in(const char *text, const char *ending) {
  size_t length = strlen(text), tail = strlen(ending);
  return length > tail && !strcasecmp(text + length - tail, ending);
}

static pf_status build(pf_law *law, pf_error *error) {
  const char *spec = law->spec;
  for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
    size_t prefix = FILES[i].prefix ? strlen(FILES[i].prefix) : 0;
    if (prefix && !strncmp(spec, FILES[i].prefix, prefix)) return FILES[i].build(law, spec + prefix, error);
  }
  for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
    if (ends_in(spec, FILES[i].ending)) return FILES[i].build(law, spec, error);
  char *text = NULL;
  PF_TRY(pf_strdup(spec, &text, error));
  pf_status status = build_named(law, text, error);
  pf_free(text);
  return status;
}

pf_status pf_law_create(const char *spec, pf_law **out, pf_error *error) {
  if (!spec || !*spec) return pf_fail(error, PF_USAGE, "law: the name is empty");
  pf_law *law = NULL;
  PF_TRY(pf_alloc(1, sizeof *law, &law, error));
  pf_status status = pf_strdup(spec, &law->spec, error);
  if (status == PF_OK) status = build(law, error);
  if (status != PF_OK) {
    pf_law_free(law);
    return status;
  }
  *out = law;
  return PF_OK;
}

void pf_law_free(pf_law *law) {
  if (!law) return;
  if (law->free_state) law->free_state(law->state);
  pf_free(law->state);
  pf_free(law->spec);
  pf_free(law->mean);
  pf_free(law->covariance);
  pf_free(law->mode_centres);
  pf_free(law->mode_weights);
  pf_free(law->mode_spreads);
  pf_mixture_free(law->mixture);
  pf_free(law);
}

/* ---- use ---- */

const char *pf_law_spec(const pf_law *law) { return law->spec; }
int pf_law_dimension(const pf_law *law) { return law->d; }

void pf_law_sample(const pf_law *law, uint64_t seed, uint64_t first, int64_t n, double *x) {
  for (int64_t i = 0; i < n; i++) {
    pf_rng rng = pf_rng_at(seed, PF_STREAM_LAW, 0, first + (uint64_t)i);
    law->draw(law, &rng, x + i * law->d);
  }
}

bool pf_law_log_density(const pf_law *law, const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = law->log_p ? law->log_p(law, x + i * law->d) : NAN;
  return law->log_p != NULL;
}

bool pf_law_entropy(const pf_law *law, double *out) {
  *out = law->find_entropy ? law->find_entropy(law) : law->entropy;
  return !isnan(*out);
}

void pf_law_moments(const pf_law *law, double *mean, double *covariance) {
  size_t d = (size_t)law->d;
  if (mean) memcpy(mean, law->mean, d * sizeof *mean);
  if (covariance) memcpy(covariance, law->covariance, d * d * sizeof *covariance);
}

double pf_law_second_moment(const pf_law *law) {
  double sum = 0;
  for (int i = 0; i < law->d; i++)
    sum += law->covariance[(int64_t)i * law->d + i] + law->mean[i] * law->mean[i];
  return sum;
}

const pf_mixture *pf_law_mixture(const pf_law *law) { return law->mixture; }
bool pf_law_is_board(const pf_law *law) { return law->board; }
bool pf_law_in_support(const pf_law *law, const double *x) {
  return !law->board || law->log_p(law, x) > -INFINITY;
}

int pf_law_modes(const pf_law *law, const double **centres, const double **weights) {
  if (centres) *centres = law->mode_centres;
  if (weights) *weights = law->mode_weights;
  return law->modes;
}

const double *pf_law_mode_spreads(const pf_law *law) { return law->mode_spreads; }
