/* A call's results against the true values: every element within the bound that the numerics contract gives for it. */
#ifndef GB_ACCURACY_H
#define GB_ACCURACY_H

#include "problem.h"

struct gb_accuracy {
    bool known;                 /* a truth file has its formula; else nothing was checked */
    size_t elements;            /* compared */
    double worst;               /* largest error / bound; at most 1 is right, NaN or Inf is wrong */
    struct gb_difference first; /* the first element beyond its bound */
    double first_bound;
};

/* The kernel's error can be bounded on such data: it holds no NaN and no infinity. */
bool gb_accuracy_applies(enum gb_data data);

bool gb_accuracy_known(const struct gk_kernel *kernel);

/* The problem after one call from its initial state. False: an element is beyond its bound, or there is no memory (elements 0).
 */
bool gb_accuracy_check(const struct gb_problem *problem, struct gb_accuracy *result);

#endif
