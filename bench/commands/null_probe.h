/* The noise floor of this machine now: one kernel timed as if it were two. */
#ifndef GB_NULL_PROBE_H
#define GB_NULL_PROBE_H

#include "harness.h"

/* The null pair of a run of as many rounds as run makes, on that many threads, with the widest usable isa and roofs that were
 * measured. Takes a tenth of a second. Prints what is wrong and returns the exit code. */
int gb_null_probe(struct gb_pair *pair, struct gb_roofs *roofs, struct gb_binding *binding, const char *isa, size_t threads);

#endif
