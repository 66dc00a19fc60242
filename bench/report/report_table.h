/* What a person reads of a run: its head, a row or a block a problem, and what was found. */
#ifndef GB_REPORT_TABLE_H
#define GB_REPORT_TABLE_H

#include "report_layout.h"
#include "result.h"

/* source: what is run, "workload mlp"; rounds of each of so many processes. */
void gb_report_header(const struct gb_report *report, const struct gb_result *result, const char *source, size_t rounds,
                      size_t processes);
/* The peers, and those that are not there but should be. */
void gb_report_race(const struct gb_report *report, const struct gb_result *result);
/* Which are counted, and why others are not; nothing where none was asked for. */
void gb_report_counters(const struct gb_report *report, const struct gb_result *result);
void gb_report_roofs(const struct gb_report *report, const struct gb_result *result);
/* Those that were raised by more than 3 % since they were printed: shares are held against what they are now. before: as many,
 * in the same order. */
void gb_report_raised_roofs(const struct gb_report *report, const struct gb_result_roof *before,
                            const struct gb_result *result);
void gb_report_warnings(const struct gb_report *report, const struct gb_result *result, size_t first);

/* A row of the matrix, or a block: of the problem that was run last. Heads are printed before the first of a group. */
void gb_report_problem(const struct gb_report *report, const struct gb_result *result);

/* What was found, counts and the noise floor. */
void gb_report_footer(const struct gb_report *report, const struct gb_result *result);

/* Command lines that run again, alone, what came out oddly: cells that failed or are gone; else the one furthest behind a peer;
 * else the one whose null pair was the widest, if it was beyond the threshold. settings: what these command lines end with. */
void gb_report_again(const struct gb_report *report, const struct gb_result *result, const char *settings);

/* Cells: ours, then those of the peers; skipped are those of both. */
struct gb_totals {
    size_t timed, failed, not_timed, skipped, sampled;
    size_t peers_timed, peers_failed, peers_gone;
};
struct gb_totals gb_count_cells(const struct gb_result *result);

/* For the files of the report. */

bool gb_is_timed(const struct gb_result *result, const struct gb_result_problem *problem, size_t i);

/* What was counted in a call of a row, if anything was. */
void gb_report_counts(const struct gb_report *report, const struct gb_result_variant *variant, const struct gb_result_row *row);

/* Of a timed variant to another on a problem. */
struct gb_versus gb_compare_cells(const struct gb_result_problem *problem, size_t i, size_t j);

/* The ref variant with as many threads as variant i; the fastest peer with so many on a problem. The number of variants: there
 * is none. */
size_t gb_reference_of(const struct gb_result *result, size_t i);
size_t gb_best_peer(const struct gb_result *result, const struct gb_result_problem *problem, size_t threads);

void gb_report_row(const struct gb_report *report, const struct gb_result *result, const struct gb_result_problem *problem);
void gb_report_block(const struct gb_report *report, const struct gb_result *result, const struct gb_result_problem *problem);

#endif
