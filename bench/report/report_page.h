/* Results as a page for a browser, or as one figure. */
#ifndef GB_REPORT_PAGE_H
#define GB_REPORT_PAGE_H

#include <stdio.h>

#include "figures.h"

/* HTML that needs nothing else, and is XML, too. Prints what is wrong and returns the exit code. */
int gb_report_page(FILE *out, const struct gb_set *set);

/* The figure as SVG. Where the results hold nothing for it, that is an error of the input. */
int gb_report_svg(FILE *out, const struct gb_set *set, const struct gb_figure *figure);

#endif
