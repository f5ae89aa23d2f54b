/* Columns of a row that are given and not generated: the conditions of g(t, s, x | c) and of v(t, x | c).
 *
 * A row holds all its columns, in the table's order. A conditional map reads the whole row, moves the columns that it generates
 * and leaves the given ones as they are, so that trajectories, solvers and samplers carry the conditions along: a field on rows
 * whose given columns have no velocity.
 */
#ifndef PF_FLOW_GIVEN_H
#define PF_FLOW_GIVEN_H

#include "../graph/graph.h"
#include "pushforward.h"

enum { PF_GIVEN_MOST = PF_CONDITIONS_MOST };

/* {0}: none. */
typedef struct pf_given {
  int count;
  int columns[PF_GIVEN_MOST]; /* ascending */
} pf_given;

bool pf_given_has(const pf_given *given, int column);

/* row: PER_ROW [D]. The generated columns of it, [D - count]; the row itself when none is given. */
pf_node pf_given_generated_node(const pf_given *given, pf_node row);
/* A row [D] of generated columns [D - count] and of the given ones of `row` [D]. */
pf_node pf_given_join_node(const pf_given *given, pf_node generated, pf_node row);

#endif
