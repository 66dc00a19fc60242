/* A result from what measures: the plan, what was found of the machine, and the outcomes one after the other. Where memory
 * lacks, the result is exhausted. */
#ifndef GB_RESULT_FILL_H
#define GB_RESULT_FILL_H

#include "harness.h"
#include "race.h"
#include "result.h"

/* Into an empty result: the context as far as it is known, all variants and problems. */
void gb_fill_plan(struct gb_result *result, const struct gb_plan *plan, uint64_t seed);

void gb_fill_counters(struct gb_result *result, const struct gb_counters *counters);
void gb_fill_peers(struct gb_result *result, const struct gb_race *race);

/* May be called again, when there are more, or others. */
void gb_fill_roofs(struct gb_result *result, const struct gb_roofs *roofs);
void gb_fill_warnings(struct gb_result *result, const struct gb_warnings *warnings);

/* The time now. */
void gb_fill_date(struct gb_result *result);

/* The rows of the plan's next problem; and those of one that there is no memory for. */
void gb_fill_outcome(struct gb_result *result, const struct gb_plan *plan, const struct gb_outcome *outcome);
void gb_fill_no_memory(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task, const char *why);

/* What a variant's row on a problem is known by: it has not come out. */
struct gb_result_row gb_expected_row(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task,
                                     const struct gb_variant *variant);

/* The rows of the plan's next problem, of a file: one a variant, NULL where it has none; they are copied, what they point to is
 * not. null: of the problem, or NULL. */
void gb_fill_kept(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task,
                  const struct gb_result_row *const *rows, const struct gb_result_null *null);

/* The shares of a problem's rows, as they are now. */
void gb_fill_shares(struct gb_result *result, const struct gb_plan *plan, const struct gb_outcome *outcome);

#endif
