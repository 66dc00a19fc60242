/* The tables that a person reads. */
#ifndef GB_REPORT_TABLE_H
#define GB_REPORT_TABLE_H

#include <stdio.h>

#include "harness.h"
#include "race.h"

struct gb_report {
    FILE *out;
    bool color;
};

/* "12.3 us" in text, which is also returned. */
const char *gb_time_text(double ns, char *text, size_t size);

/* "1.23" in text, which is also returned. */
const char *gb_ratio_text(double ratio, char *text, size_t size);

/* "AMD EPYC, 2 cores, L1d 48 KiB, L2 1.0 MiB, L3 32 MiB, 1 NUMA node" in text, which is also returned. */
const char *gb_machine_text(char *text, size_t size);

void gb_report_header(const struct gb_report *report, const struct gb_plan *plan, size_t rounds, uint64_t seed);
/* The peers, and those that are not there but should be. */
void gb_report_race(const struct gb_report *report, const struct gb_race *race);
void gb_report_roofs(const struct gb_report *report, const struct gb_roofs *roofs);
void gb_report_warnings(const struct gb_report *report, const struct gb_warnings *warnings, size_t first);
void gb_report_outcome(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome);

/* Counts and the noise floor; count problems of the plan were run. */
void gb_report_footer(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                      size_t count);

/* Of our own cells, but for skipped. */
struct gb_totals {
    size_t timed, failed, not_timed, skipped, sampled;
    size_t peers_timed, peers_failed, peers_lost;
};
struct gb_totals gb_count_outcomes(const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count);

#endif
