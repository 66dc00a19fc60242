/* dx, dw and db in one parallel region, from dy passed through the mask while it is packed: no masked copy of dy exists. */
#include "affine.h"

static void run(const void *args, const struct gk_team *team) {
    const gk_backward_args *const a = args;
    const struct gk_gemm dx = gk_product_dx(a), dw = gk_product_dw(a);
    if (a->dx) GK_SYMBOL(gemm)(&dx, team);
    if (a->dw) GK_SYMBOL(gemm)(&dw, team);
    if (!a->db) return;
    gk_team_barrier(team); /* the products' scratch becomes the sums' */
    GK_SYMBOL(column_sums)(a, team);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const gk_backward_args *const a = args;
    const struct gk_gemm dx = gk_product_dx(a), dw = gk_product_dw(a);
    return larger(GK_SYMBOL(column_sums_scratch)(a, machine),
                  larger(GK_SYMBOL(gemm_scratch)(&dx, machine), GK_SYMBOL(gemm_scratch)(&dw, machine)));
}

static gk_status check(const void *args) {
    const gk_backward_args *const a = args;
    const bool weights = a->d && a->m, inputs = a->n && a->d;
    return (a->dx && !a->w && weights) || (a->dw && !a->x && inputs) ? GK_ERROR_NULL : GK_OK;
}

GK_CELL(affine_backward) = {.run = run, .scratch = scratch, .check = check, .serial_below = GK_GEMM_SERIAL_BELOW};
