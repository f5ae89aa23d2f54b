/* Inside the assignment: the auction that finds duals to start its searches from. */
#ifndef PF_OT_AUCTION_H
#define PF_OT_AUCTION_H

#include "ot/candidates.h"

/* Duals by auction rounds with falling eps (Bertsekas, Annals of OR 14 (1988)): they need not be optimal, but
 * start the searches near the optimum. `warm`: s->v already is near, and eps begins at a few times the reach of the
 * rows' lists; else at the spread of the costs. */
void pf_auction_duals(pf_assignment_solver *s, bool warm);

#endif
