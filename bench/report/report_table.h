/* What a person reads of a run: its head, a row or a block a problem, and what was found. */
#ifndef GB_REPORT_TABLE_H
#define GB_REPORT_TABLE_H

#include "harness.h"
#include "race.h"
#include "report_layout.h"

void gb_report_header(const struct gb_report *report, const struct gb_plan *plan, size_t rounds, uint64_t seed);
/* The peers, and those that are not there but should be. */
void gb_report_race(const struct gb_report *report, const struct gb_race *race);
void gb_report_roofs(const struct gb_report *report, const struct gb_roofs *roofs);
/* Those that were raised by more than 3 % since they were printed: shares are held against what they are now. */
void gb_report_raised_roofs(const struct gb_report *report, const struct gb_roofs *before, const struct gb_roofs *after);
void gb_report_warnings(const struct gb_report *report, const struct gb_warnings *warnings, size_t first);

/* A row of the matrix, or a block. Outcomes come in the order of the plan's tasks: heads are printed before the first of a
 * group. */
void gb_report_outcome(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome);

/* What was found, counts and the noise floor; count problems of the plan were run. */
void gb_report_footer(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                      size_t count);

/* Cells: ours, then those of the peers; skipped are those of both. */
struct gb_totals {
    size_t timed, failed, not_timed, skipped, sampled;
    size_t peers_timed, peers_failed, peers_gone;
};
struct gb_totals gb_count_outcomes(const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count);

/* For the files of the report. */

/* "affine_dx n=3 d=4 m=5 dtype=f32" in text, which is also returned. */
const char *gb_problem_text(const struct gb_problem_spec *spec, char *text, size_t size);

bool gb_is_timed(const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i);

/* The ref variant with as many threads as variant i, or the number of variants. */
size_t gb_reference_of(const struct gb_plan *plan, size_t i);

void gb_report_row(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome);
void gb_report_block(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome);

#endif
