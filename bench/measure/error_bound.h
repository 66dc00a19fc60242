/* Is a peer's result right? Its sums may run in any order, so it is held against ours, each element within the error that both
 * may have. */
#ifndef GB_ERROR_BOUND_H
#define GB_ERROR_BOUND_H

#include "verify.h"

struct gb_error_bound;

/* Computes the result by judge, on the widest isa, and has it verified; for sums of products also the size of each sum.
 * NULL: no memory, or our own result is wrong. */
struct gb_error_bound *gb_error_bound_create(const struct gb_problem_spec *spec, gk_context *judge,
                                             struct gb_verifier *verifier);
void gb_error_bound_destroy(struct gb_error_bound *bound);

/* The problem after one call from its initial state: every element of every output. A report that failed names the first
 * element, against "ours", or what was written that is no output. */
bool gb_error_bound_holds(const struct gb_error_bound *bound, const struct gb_problem *problem,
                          struct gb_verify_report *report);

#endif
