/* Given columns as graph nodes: see given.h. Columns that stand side by side are cut in one piece. */
#include "given.h"

bool pf_given_has(const pf_given *given, int column) {
  for (int i = 0; i < given->count; i++)
    if (given->columns[i] == column) return true;
  return false;
}

static void append(pf_node *whole, pf_node piece) {
  *whole = whole->graph ? pf_concat(*whole, piece) : piece;
}

/* Columns from..to-1 of `source`, when there are any. */
static void append_run(pf_node *whole, pf_node source, int from, int to) {
  if (to > from) append(whole, pf_slice(source, from, to - from));
}

pf_node pf_given_generated_node(const pf_given *given, pf_node row) {
  pf_node whole = {0};
  int at = 0;
  if (given->count == 0) return row;
  for (int i = 0; i < given->count; i++) {
    append_run(&whole, row, at, given->columns[i]);
    at = given->columns[i] + 1;
  }
  append_run(&whole, row, at, pf_node_shape(row).dim[0]);
  return whole;
}

pf_node pf_given_join_node(const pf_given *given, pf_node generated, pf_node row) {
  pf_node whole = {0};
  int at = 0;
  if (given->count == 0) return generated;
  for (int i = 0; i < given->count; i++) {
    const int column = given->columns[i];
    append_run(&whole, generated, at - i, column - i);
    append(&whole, pf_slice(row, column, 1));
    at = column + 1;
  }
  append_run(&whole, generated, at - given->count, pf_node_shape(generated).dim[0]);
  return whole;
}
