/* How long a problem will take, before anything is measured. */
#ifndef GB_COST_H
#define GB_COST_H

#include "harness.h"

/* Nanoseconds by what a core does at about: right within a factor of two or three, of all problems in the same direction. What
 * they are to each other is closer. */
double gb_cost_ns(const struct gb_harness *harness, const struct gb_task *task);

/* What is left of a run's time: what the problems to come cost, at the speed of those that are done. */
struct gb_estimate {
    const struct gb_harness *harness;
    const bool *skips; /* one a task: it takes no time; NULL: all do */
    size_t task;       /* that is on */
    double done, left; /* costs of problems that are done, and of the others */
    double start, task_start;
};
void gb_estimate_start(struct gb_estimate *estimate, const struct gb_harness *harness, const bool *skips);
void gb_estimate_next(struct gb_estimate *estimate, size_t task);

/* Where done is above 0; now: by the harness's clock. */
double gb_estimate_left_ns(const struct gb_estimate *estimate, double now);

#endif
