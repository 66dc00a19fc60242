#include "accuracy.h"

#include "truth.h"

bool gb_accuracy_applies(enum gb_data data) { return data != GB_DATA_SPECIAL; }

bool gb_accuracy_known(const struct gk_kernel *kernel) { return gb_truth_of(kernel) != NULL; }

bool gb_accuracy_check(const struct gb_problem *problem, struct gb_accuracy *result) {
    const struct gb_truth *const truth = gb_truth_of(problem->kernel);
    *result = (struct gb_accuracy){.known = truth != NULL};
    if (!truth) return true;
    struct gb_task task = gb_task_begin(problem);
    task.result = result;
    truth->compute(&task);
    gb_task_end(&task);
    if (task.failed) result->elements = 0;
    return !task.failed && result->worst <= 1;
}
