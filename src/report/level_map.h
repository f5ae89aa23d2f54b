/* Values on a grid of equal cells as a map in the PF_STYLE_LEVELS colours d1 to d7, and the legend that goes with it.
 *
 * Cells of one level in a row are one box, all boxes of a level one <path>: at most rows x columns boxes a map. */
#ifndef PF_REPORT_LEVEL_MAP_H
#define PF_REPORT_LEVEL_MAP_H

#include "report/plot.h"
#include "report/report.h"
#include "report/style.h"

typedef struct pf_level_map {
  pf_plot plot;                   /* its box holds the whole grid */
  size_t columns, rows;           /* cell (i, j) is values[i * columns + j], row 0 at the bottom */
  double bounds[PF_STYLE_LEVELS]; /* increasing: where each level begins; blank below the first */
} pf_level_map;

/* No map (false) unless the grid has cells and finite edges; otherwise its sizes, and a box `width` wide at the place of the
 * page's clouds, as high as one scale for both axes makes it. The bounds are left alone. */
bool pf_level_map_place(const pf_report_grid *grid, double width, pf_level_map *out);
/* A value that is not a number is blank. */
void pf_level_map_write(pf_text *text, const pf_level_map *map, const double *values);
/* From the highest level down; `first` (may be NULL) stands for the number of the lowest. */
void pf_level_map_legend(pf_text *text, const pf_level_map *map, const char *first);

#endif
