/* Which rows of results are the same thing measured: by what a row is known by. */
#ifndef GB_RESULT_MATCH_H
#define GB_RESULT_MATCH_H

#include "result.h"

/* Below 0, 0, above 0: a total order by kernel, type, options, shape, workload, cache, variant, isa and threads. Options and
 * shapes are compared as they stand, in the order that every run writes them in. */
int gb_row_order(const struct gb_result_row *a, const struct gb_result_row *b);

/* The same without variant, isa and threads: 0 of rows of one problem. */
int gb_problem_order(const struct gb_result_row *a, const struct gb_result_row *b);

/* Of what a null pair says of its problem. */
int gb_null_order(const struct gb_result_null *a, const struct gb_result_null *b);

/* The first null pair from *from on that is equal, which *from is behind then; NULL: there is none. Those of a file are in the
 * order of its problems, of which some have none. */
const struct gb_result_null *gb_null_next(const struct gb_result_context *context, size_t *from,
                                          const struct gb_result_null *like);

/* Pointers to all rows in that order, equal ones as they came, in memory of the result. NULL: there is none. */
const struct gb_result_row **gb_rows_sorted(struct gb_result *result);

/* The first of `count` sorted rows that is equal to the row, or NULL. */
const struct gb_result_row *gb_row_find(const struct gb_result_row *const *sorted, size_t count,
                                        const struct gb_result_row *row);

#endif
