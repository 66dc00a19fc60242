/* The parts of a page of results. */
#ifndef GB_PAGE_PARTS_H
#define GB_PAGE_PARTS_H

#include <stdio.h>

#include "report_set.h"

enum { GB_RUNS_FEW = 4 }; /* that are each told of in words */

void gb_section_begin(FILE *out, const char *id, const char *title);
void gb_paragraph(FILE *out, const char *css_class, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A table in a box of its own that is scrolled where the page is narrow. heads: NULL at the end; "#" before those of numbers.
 */
void gb_table_begin(FILE *out, const char *css_class, const char *caption, const char *const *heads);
void gb_table_end(FILE *out);
void gb_row_begin(FILE *out, const char *css_class);
void gb_cell(FILE *out, const char *css_class, const char *text);
/* value: what the column is sorted by; an empty cell where it is no number. */
void gb_number_cell(FILE *out, double value, const char *text);
void gb_ratio_cell(FILE *out, double value); /* as a time: of nothing above 0 empty */
void gb_time_cell(FILE *out, double ns);
void gb_count_cell(FILE *out, size_t count);
void gb_name_cell(FILE *out, const char *text); /* the row's head */

/* What was measured where; what of the roofs and peers there is to know. */
void gb_page_runs(FILE *out, const struct gb_set *set);
void gb_page_machines(FILE *out, const struct gb_set *set);

/* Of each of few runs a sentence; a table of variants and threads. False: no memory. */
bool gb_page_summary(FILE *out, const struct gb_set *set);

/* All rows; the samples of the first problems. */
void gb_page_rows(FILE *out, const struct gb_set *set);
void gb_page_samples(FILE *out, const struct gb_set *set);

#endif
