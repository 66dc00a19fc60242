/* dx = dy w^T. */
#include "affine.h"

static struct gk_gemm product(const void *args) {
    const GK_ARGS_OF(affine_dx) *const a = args;
    return gk_product_dx(&(gk_backward_args){.n = a->n,
                                             .d = a->d,
                                             .m = a->m,
                                             .dy = a->dy,
                                             .ld_dy = a->ld_dy,
                                             .w = a->w,
                                             .ld_w = a->ld_w,
                                             .dx = a->dx,
                                             .ld_dx = a->ld_dx,
                                             .accumulate_dx = a->accumulate_dx,
                                             .layout = a->layout});
}

GK_GEMM_CELL(affine_dx);
