/* One call with every operand at the edge of its memory: next to it lies a page that may not be touched, and inputs may only be
 * read. */
#ifndef GB_GUARD_H
#define GB_GUARD_H

#include "problem.h"

enum gb_side {
    GB_GUARD_AFTER, /* the last element ends where the forbidden page begins */
    GB_GUARD_BEFORE,
};

enum gb_guarded {
    GB_GUARD_OK,
    GB_GUARD_NO_MEMORY,
    GB_GUARD_FAULT, /* *what names the operand and the place */
    GB_GUARD_STATUS /* the call failed */
};

/* Makes the call on copies of the problem's operands and puts the outputs back into the problem. ctx must have one thread: a
 * fault is survived in the calling thread only. Not for several threads at a time. what: at least 160 bytes. */
enum gb_guarded gb_guard_call(struct gb_problem *problem, gk_context *ctx, enum gb_side side, char what[160]);

#endif
