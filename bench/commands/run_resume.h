/* gradbench run --resume: what a run before left in its file. */
#ifndef GB_RUN_RESUME_H
#define GB_RUN_RESUME_H

#include "plan.h"
#include "result.h"

struct gb_resume {
    struct gb_result file;
    const struct gb_result_row **sorted; /* its rows */
    bool *keeps;                         /* of each task: it is not run again */
    size_t kept, nulls;                  /* tasks; null pairs of the file that were given out */
};

/* Reads the file; where there is none there is nothing to keep. Prints what is wrong and returns the exit code. */
int gb_resume_read(struct gb_resume *resume, const char *path);

/* Is the file one of this run, whose context has been filled? All problems are kept that it holds, but for the last one of a
 * run that did not come to its end, which may have been cut off, and those that memory lacked for. Prints what differs and
 * returns the exit code. */
int gb_resume_check(struct gb_resume *resume, const char *path, struct gb_result *result, const struct gb_plan *plan);

/* Puts a task that is kept into the result; where memory lacks, that is exhausted. */
void gb_resume_fill(struct gb_resume *resume, struct gb_result *result, const struct gb_plan *plan, size_t task);

void gb_resume_free(struct gb_resume *resume);

#endif
