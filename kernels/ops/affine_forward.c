/* y = x w + b: c = y, rows n, columns m, k = d; the bias is the start value of every sum. */
#include "gemm/gemm.h"

static struct gk_gemm product(const void *args) {
    const GK_ARGS_OF(affine_forward) *const a = args;
    const bool in_out = a->layout == GK_IN_OUT;
    return (struct gk_gemm){
        .rows = a->n,
        .cols = a->m,
        .k = a->d,
        .a = {.p = a->x, .ld = gk_ld(a->ld_x, a->d), .along_k = true},
        .b = gk_view(a->w, gk_ld(a->ld_w, in_out ? a->m : a->d), a->m, !in_out),
        .c = a->y,
        .ldc = gk_ld(a->ld_y, a->m),
        .bias = a->b,
    };
}

GK_GEMM_CELL(affine_forward);
