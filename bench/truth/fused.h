/* A fused kernel returns the bits of its parts, the kernels that kernels.def says it stands for, called one after the other: an
 * independent way to its results, at any size. */
#ifndef GB_FUSED_H
#define GB_FUSED_H

#include "problem.h"

bool gb_has_parts(const struct gk_kernel *kernel);

/* The outputs of the problem from its parts, of those that its arguments ask for; GK_OK, or what a part said. GK_ERROR_MEMORY
 * also where temporaries find none. A kernel without parts is called itself, and one whose output lies upon an input, which a
 * part may write before another has read it. */
gk_status gb_parts_call(const struct gb_problem *problem, gk_context *ctx);

#endif
