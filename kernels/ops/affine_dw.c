/* dw = x^T dy. */
#include "affine.h"

static struct gk_gemm product(const void *args) {
    const GK_ARGS_OF(affine_dw) *const a = args;
    return gk_product_dw(&(gk_backward_args){.n = a->n,
                                             .d = a->d,
                                             .m = a->m,
                                             .dy = a->dy,
                                             .ld_dy = a->ld_dy,
                                             .x = a->x,
                                             .ld_x = a->ld_x,
                                             .dw = a->dw,
                                             .ld_dw = a->ld_dw,
                                             .accumulate_dw = a->accumulate_dw,
                                             .layout = a->layout});
}

GK_GEMM_CELL(affine_dw);
