/* What every network shares: its weights live in one flat array, and a layout names the pieces.
 *
 * A network is written as one walk over its pieces in order. The same walk lists them (into a layout, without a graph) and
 * hands them out as parameter nodes, so names, offsets and shapes cannot drift from what the network reads.
 */
#ifndef PF_NN_LAYOUT_H
#define PF_NN_LAYOUT_H

#include "../graph/graph.h"

typedef enum pf_init {
  PF_INIT_ZERO,
  PF_INIT_ONE,
  PF_INIT_NORMAL, /* of standard deviation `scale` */
  PF_INIT_UNIFORM /* in (-scale, scale) */
} pf_init;

/* Initial values of one piece. */
typedef struct pf_initial {
  pf_init kind;
  double scale; /* of NORMAL and UNIFORM */
} pf_initial;

/* One named piece of the flat parameter array. */
typedef struct pf_parameter {
  char name[40];
  int64_t offset;
  pf_shape shape;
  pf_initial initial;
} pf_parameter;

typedef struct pf_layout {
  pf_parameter *items;
  int count, capacity;
  int64_t total; /* elements of the flat array */
} pf_layout;

void pf_layout_free(pf_layout *layout);

/* Initial values, a function of (seed, element) alone. params: layout->total floats. */
void pf_layout_initialise(const pf_layout *layout, uint64_t seed, float *params);

/* The piece called `name`, NULL when there is none. */
const pf_parameter *pf_layout_find(const pf_layout *layout, const char *name);

/* Appends copies of the pieces of `more`, called "PREFIX.NAME", behind those of `layout`: two networks in one array, the second
 * from the old layout->total on. `layout` may be empty ({0}) and is unchanged when it fails: PF_USAGE for a name that is too
 * long or there already, PF_NO_MEMORY. */
pf_status pf_layout_append(pf_layout *layout, const char *prefix, const pf_layout *more, pf_error *error);

/* ---- for the networks of this layer ---- */

typedef struct pf_walk {
  pf_graph *graph; /* NULL: nodes are invalid, the pieces are only listed */
  int set;         /* parameter set of the nodes */
  int64_t offset;  /* of the next piece */
  pf_layout *list; /* NULL: not listing */
  pf_status status;
  pf_error *error;
} pf_walk;

/* Goes past the next piece, SHARED of this shape; returns its offset. A failure stays in walk->status. */
int64_t pf_walk_piece(pf_walk *walk, const char *name, pf_shape shape, pf_initial initial);
/* The next piece as a node. Two nodes over one element would each carry a part of its gradient: a piece is handed out once. */
pf_node pf_walk_param(pf_walk *walk, const char *name, pf_shape shape, pf_initial initial);
/* Ends a listing: *out owns the list, or it is freed and the walk's failure returned. */
pf_status pf_walk_finish(pf_walk *walk, pf_layout *out);

#endif
