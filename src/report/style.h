/* The page's style sheet: colours (light, dark, print), layout (desktop, phone) and the classes of the
 * charts. */
#ifndef PF_REPORT_STYLE_H
#define PF_REPORT_STYLE_H

#include "base/text.h"

/* Steps of the time colour: classes t0 (prior) to t7 (data). */
enum { PF_STYLE_TIMES = 8 };
/* Levels of a density: classes d1 (lowest) to d7. */
enum { PF_STYLE_LEVELS = 7 };
/* Series colours: classes c0 to c5. */
enum { PF_STYLE_SERIES = 6 };

/* Appends the CSS, without the <style> tags. */
void pf_style_add(pf_text *text);
/* The part that a picture of its own needs: colours and the classes of charts. */
void pf_style_add_chart(pf_text *text);

#endif
