/* The gradients of the affine layer as products and column sums, shared by the kernels of one gradient and of all. None
 * looks at the mask. */
#ifndef GK_AFFINE_H
#define GK_AFFINE_H

#include "gemm/gemm.h"

typedef GK_ARGS_OF(affine_backward) gk_backward_args;

/* dx = dy w^T: rows n, columns d, k = m. */
static inline struct gk_gemm gk_product_dx(const gk_backward_args *a) {
    const bool in_out = a->layout == GK_IN_OUT;
    return (struct gk_gemm){
        .rows = a->n,
        .cols = a->d,
        .k = a->m,
        .a = {.p = a->dy, .ld = gk_ld(a->ld_dy, a->m), .along_k = true},
        .b = gk_view(a->w, gk_ld(a->ld_w, in_out ? a->m : a->d), a->d, in_out),
        .c = a->dx,
        .ldc = gk_ld(a->ld_dx, a->d),
        .accumulate = a->accumulate_dx,
    };
}

/* dw = x^T dy, or its transpose dy^T x where weights are [m][d]; k = n. */
static inline struct gk_gemm gk_product_dw(const gk_backward_args *a) {
    const bool in_out = a->layout == GK_IN_OUT;
    const struct gk_view x = gk_view(a->x, gk_ld(a->ld_x, a->d), a->d, false);
    const struct gk_view dy = gk_view(a->dy, gk_ld(a->ld_dy, a->m), a->m, false);
    return (struct gk_gemm){
        .rows = in_out ? a->d : a->m,
        .cols = in_out ? a->m : a->d,
        .k = a->n,
        .a = in_out ? x : dy,
        .b = in_out ? dy : x,
        .c = a->dw,
        .ldc = gk_ld(a->ld_dw, in_out ? a->m : a->d),
        .accumulate = a->accumulate_dw,
    };
}

/* Bytes: below half a megabyte the sums end before a second thread has started. */
#define GK_COLUMN_SUMS_SERIAL_BELOW 256e3

typedef GK_ARGS_OF(affine_db) gk_db_args;

static inline gk_db_args gk_sums_db(const gk_backward_args *a) {
    return (gk_db_args){.n = a->n, .m = a->m, .dy = a->dy, .ld_dy = a->ld_dy, .db = a->db, .accumulate_db = a->accumulate_db};
}

/* This thread's share of db, the column sums of dy. Has barriers: the whole team calls it. */
void GK_SYMBOL(column_sums)(const gk_db_args *a, const struct gk_team *team);
size_t GK_SYMBOL(column_sums_scratch)(const gk_db_args *a, const struct gk_machine *machine);

#endif
