/* Several processes that ran the same, as one run. */
#ifndef GB_RESULT_JOIN_H
#define GB_RESULT_JOIN_H

#include "result.h"

/* Into an empty result, whose rows are those that all parts have, each with the samples of all, one process after the other.
 * Its time is that of gb_parts_summary, the median over processes. A ratio likewise; its verdict is that of each process, else
 * "inconclusive". What failed in one has failed. Of a null pair the widest counts, of roofs the highest, warnings are there
 * once each. The parts, at most GB_PROCESSES_MAX, are of one process each, and empty then: their memory is the result's.
 * False: no memory. */
bool gb_result_join(struct gb_result *result, struct gb_result *parts, size_t count);

#endif
