/* The networks of a model file: their objects in the model's JSON and their weights as arrays. docs/format.md has every key. */
#ifndef PF_MODEL_FILE_MAPS_H
#define PF_MODEL_FILE_MAPS_H

#include "model.h"

/* Adds the object `prefix` to root and the arrays "prefix.PIECE" to the container; nothing for NULL. */
pf_status pf_file_add_learned(const pf_learned *learned, const char *prefix, pf_container *container,
                              json_t *root, pf_error *error);
/* The same for "flow", with arrays "flow.BLOCK.PIECE", BLOCK from 1. */
pf_status pf_file_add_flow(const pf_cnf *flow, pf_container *container, json_t *root, pf_error *error);

/* The same for "critic", with arrays "critic.PIECE". */
pf_status pf_file_add_critic(const pf_critic *critic, pf_container *container, json_t *root, pf_error *error);

/* The objects alone. */
pf_status pf_file_describe_learned(const pf_learned *learned, const char *prefix, json_t *root,
                                   pf_error *error);
pf_status pf_file_describe_flow(const pf_cnf *flow, json_t *root, pf_error *error);
pf_status pf_file_describe_critic(const pf_critic *critic, json_t *root, pf_error *error);

/* What the model's columns ask of a map. */
typedef struct pf_file_shape {
  int columns;
  const pf_given *given;
} pf_file_shape;

/* *out stays NULL when root has no such object. PF_BAD_INPUT naming what is wrong. */
pf_status pf_file_read_learned(const pf_container *container, const json_t *root, const char *prefix,
                               pf_file_shape shape, pf_learned **out, pf_error *error);
pf_status pf_file_read_flow(const pf_container *container, const json_t *root, int columns, pf_cnf **out,
                            pf_error *error);

pf_status pf_file_read_critic(const pf_container *container, const json_t *root, int columns, pf_critic **out,
                              pf_error *error);

pf_status pf_file_read_int(const json_t *object, const char *key, int low, int high, int *out,
                           pf_error *error);

#endif
