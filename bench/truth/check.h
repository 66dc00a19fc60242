/* The engine behind `gradbench check`: every cell that this CPU runs, on a compact set of problems. */
#ifndef GB_CHECK_H
#define GB_CHECK_H

#include <stdio.h>

#include "lineup.h"

struct gb_check_options {
    bool isas[GK_ISA_COUNT], kernels[GK_KERNEL_COUNT];
    const size_t *threads;
    size_t n_threads; /* 0: one, all, and an odd number above */
    uint64_t seed;
    bool quick;                            /* about 10 s instead of a minute */
    const struct gb_problem_spec *problem; /* one problem, with a seed of its own; NULL: the whole set */
    gb_cell_call *call;                    /* NULL: gk_call */
};

/* Prints the table, what was skipped and why, and the counts to out; mistakes in the options as one line to stderr. Returns the
 * exit code (enum gb_exit of message.h). */
int gb_check_run(const struct gb_check_options *options, FILE *out);

#endif
