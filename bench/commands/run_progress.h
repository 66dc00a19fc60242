/* What is under way, and how long it will take: a line of a terminal. */
#ifndef GB_RUN_PROGRESS_H
#define GB_RUN_PROGRESS_H

#include "cost.h"

struct gb_run_progress {
    struct gb_estimate estimate; /* without a harness: nobody watches */
    const char *more;
    double last;
};

/* The harness shows its rounds where standard error is a terminal. skips: as of gb_estimate_start. more: said of each task, "".
 * All three must live as long. times: with this one so many like it are left. */
void gb_run_progress_start(struct gb_run_progress *progress, struct gb_harness *harness, const bool *skips, const char *more,
                           size_t times);

/* Before a task, and after it: the line is gone. */
void gb_run_progress_next(struct gb_run_progress *progress, size_t task);
void gb_run_progress_end(const struct gb_run_progress *progress);

#endif
