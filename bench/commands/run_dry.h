/* gradbench run --dry-run. */
#ifndef GB_RUN_DRY_H
#define GB_RUN_DRY_H

#include "harness.h"
#include "report_layout.h"

/* Prints each problem of the harness's plan with the memory that it needs and about the time, and what all take, in so many
 * processes one after the other. */
void gb_run_dry(const struct gb_report *report, const struct gb_harness *harness, bool raced, size_t processes);

#endif
