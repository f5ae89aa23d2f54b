/* The model that a Wasserstein gradient flow leaves: the averaged generator, the last critic, the facts. */
#include "../base/memory.h"
#include "wgf_run.h"

/* A network that is told a = 1 is one of no times: what the time adds goes into the first bias. */
static pf_status without_times(const pf_network_config *from, const float *params, pf_network_config *to,
                               float **out, pf_error *error) {
  *to = *from;
  to->times = 0;
  return pf_network_fix_time(from, params, 1, out, error);
}

pf_status pf_wgf_plain_map(const pf_wgf_run *r, pf_learned **out, pf_error *error) {
  pf_time_map map = {.network = r->w.generator, .skip = r->w.skip};
  float *folded = NULL;
  const float *params = r->generator.arrays.average;
  if (r->w.tempered) PF_TRY(without_times(&r->w.generator, params, &map.network, &folded, error));
  pf_status status = pf_learned_create(&map, folded ? folded : params, out, error);
  pf_free(folded);
  return status;
}

/* The dual's potential is a difference of two networks: it is not kept. */
static pf_status keep_critic(const pf_wgf_run *r, pf_critic **out, pf_error *error) {
  pf_network_config network = r->w.critic;
  float *folded = NULL;
  const float *params = r->critic.arrays.params;
  if (!r->critic_fit || r->w.field == PF_WGF_DUAL) return PF_OK;
  if (r->w.tempered) PF_TRY(without_times(&r->w.critic, params, &network, &folded, error));
  pf_status status = pf_critic_create(&network, folded ? folded : params, out, error);
  pf_free(folded);
  return status;
}

static json_t *warnings_json(const pf_wgf_run *r) {
  json_t *list = json_array();
  for (int i = 0; i < PF_WGF_WARNING_COUNT; i++)
    if (r->warned >> i & 1) json_array_append_new(list, json_string(pf_wgf_warning_name((pf_wgf_warning)i)));
  return list;
}

static pf_status add_facts(const pf_wgf_run *r, json_t *f, pf_error *error) {
  const pf_wgf *w = &r->w;
  bool critic = pf_wgf_has_critic(w);
  json_object_set_new(f, "batch", json_integer(w->batch));
  json_object_set_new(f, "steps", json_integer(r->plan));
  json_object_set_new(f, "field", json_string(pf_wgf_field_name(w->field)));
  if (pf_wgf_distance(w)) json_object_set_new(f, "distance", json_sprintf("W%d", pf_wgf_distance(w)));
  if (critic) {
    json_object_set_new(f, "constraint", json_string(pf_wgf_constraint_name(w->constraint)));
    json_object_set_new(f, "constraint_weight", json_real(w->constraint_weight));
    json_object_set_new(f, "critic_steps", json_integer(w->critic_steps));
    json_object_set_new(f, "critic_rate", json_real(w->critic_rule.learning_rate));
  }
  if (w->field == PF_WGF_RATIO)
    json_object_set_new(f, "rescale", json_string(pf_wgf_rescale_name(w->rescale)));
  json_object_set_new(f, "learning_rate", json_real(w->generator_rule.learning_rate));
  json_object_set_new(f, "optimiser", json_string(pf_optimiser_name(w->generator_rule.kind)));
  json_object_set_new(f, "fit", json_string(pf_wgf_fit_name(w->fit)));
  json_object_set_new(f, "persistence", json_integer(w->persistence));
  json_object_set_new(f, "move", json_string(pf_tableau_of(w->move)->name));
  json_object_set_new(f, "move_size", json_real(w->step));
  json_object_set_new(f, "move_decay", json_real(w->step_decay));
  json_object_set_new(f, "tempered", json_boolean(w->tempered));
  json_object_set_new(f, "warnings", warnings_json(r));
  json_object_set_new(f, "parameters", json_integer(r->generator_layout.total));
  return json_object_get(f, "parameters") ? PF_OK : pf_fail(error, PF_NO_MEMORY, "out of memory");
}

pf_status pf_wgf_model(pf_wgf_run *r, struct pf_model **out, pf_error *error) {
  struct pf_model *model = NULL;
  PF_TRY(pf_training_model(r->training, &model, error));
  pf_status status = pf_wgf_plain_map(r, &model->generator, error);
  if (status == PF_OK) status = keep_critic(r, &model->critic, error);
  if (status == PF_OK) status = add_facts(r, model->facts, error);
  if (status == PF_OK)
    *out = model;
  else
    pf_model_free(model);
  return status;
}
