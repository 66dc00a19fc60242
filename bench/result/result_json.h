/* The result file, schema "gradbench/1". */
#ifndef GB_RESULT_JSON_H
#define GB_RESULT_JSON_H

#include "harness.h"
#include "race.h"

struct gb_result {
    const struct gb_plan *plan;
    const struct gb_roofs *roofs;
    const struct gb_warnings *warnings;
    const struct gb_race *race;
    const struct gb_outcome *outcomes;
    size_t count;
    uint64_t seed;
    bool complete; /* every problem of the plan was run to its end */
};

/* Writes the document to a path, "-" is standard output, as gb_result_file_write does. last: no other will follow. Prints what
 * is wrong and returns the exit code. */
int gb_result_write(const struct gb_result *result, const char *path, bool last);

#endif
