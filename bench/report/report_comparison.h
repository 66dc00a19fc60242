/* What a person reads of a comparison. */
#ifndef GB_REPORT_COMPARISON_H
#define GB_REPORT_COMPARISON_H

#include "comparison.h"
#include "report_layout.h"

/* How the sides are measured: apart, in files; or in one run, round by round. */
enum gb_measured { GB_MEASURED_APART, GB_MEASURED_TOGETHER };

/* Differences of the environments; the rows, the slower ones first, those that are the same only with report->details; rows
 * that one side alone has; counts. names: what the sides are called. */
void gb_report_comparison(const struct gb_report *report, const struct gb_comparison *comparison, enum gb_measured measured,
                          const char *const names[GB_SIDES]);

#endif
