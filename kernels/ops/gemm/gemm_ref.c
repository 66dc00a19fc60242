/* The reference: NUMERICS in plain loops. With what a sum starts is said here once more: a fault in what the other ways share
 * would not be seen by comparing them with it. */
#include "gemm_parts.h"

/* Some columns side by side; each is one chain. */
static void reference_block(const struct gk_gemm *g, size_t i, size_t j, size_t width, size_t k0) {
    real acc[GK_GEMM_REFERENCE_COLS] = {0};
    for (size_t k = k0; k < gk_min(k0 + GK_KB, g->k); k++) {
        const real a = *element(&g->a, i, k);
        for (size_t l = 0; l < width; l++) acc[l] = GK_FMA(a, *element(&g->b, j + l, k), acc[l]);
    }
    real *const c = g->c + i * g->ldc + j;
    for (size_t l = 0; l < width; l++) {
        if (k0 > 0 || g->accumulate) acc[l] = c[l] + acc[l];
        else if (g->bias) acc[l] = g->bias[j + l] + acc[l];
        c[l] = acc[l];
    }
}

void GK_SYMBOL(gemm_reference)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                               real *scratch) {
    (void)scratch;
    for (size_t i = share->rows.begin; i < share->rows.end; i++)
        for (size_t j = share->cols.begin; j < share->cols.end; j += plan->block_cols)
            for (size_t k = 0; k < g->k; k += GK_KB) reference_block(g, i, j, gk_min(plan->block_cols, share->cols.end - j), k);
}
