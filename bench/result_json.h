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

/* Can a file be made there? Prints what is wrong and returns the exit code. path "-" is standard output. */
int gb_result_check_path(const char *path);

/* A file that exists is replaced only when the new one is complete. Prints what is wrong and returns the exit code. */
int gb_result_write(const struct gb_result *result, const char *path);

#endif
