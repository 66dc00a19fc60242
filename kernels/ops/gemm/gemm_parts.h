/* What the files of this folder share: sizes, where an element lies, with what a sum starts, the ways. */
#ifndef GK_GEMM_PARTS_H
#define GK_GEMM_PARTS_H

#include "gemm.h"

enum {
    MR = GK_TILE_ROWS,
    NV = GK_TILE_VECTORS,
    NR = NV * GK_LANES,
    MW = (MR + GK_LANES - 1) / GK_LANES * GK_LANES,
    LINE = 64 / sizeof(real),
    PITCH = NR * GK_KB + LINE, /* reals between panels of b: a multiple of 4 KiB would put all of them in one set of L1 */
    STRIP = MW * GK_KB + LINE, /* reals between packed strips of a, likewise */
    STRIPS_TOGETHER = 96 / MR, /* some 100 rows of c */
};

/* A way computes a rectangle of the product that is not empty. scratch is the thread's own. */
typedef void gk_gemm_way_function(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                                  real *scratch);
gk_gemm_way_function GK_SYMBOL(gemm_reference), GK_SYMBOL(gemm_shallow), GK_SYMBOL(gemm_dot), GK_SYMBOL(gemm_thin),
    GK_SYMBOL(gemm_tiny), GK_SYMBOL(gemm_blocked);

/* From a row of a, or a column of b, to the next one. */
GK_INLINE size_t line_step(const struct gk_view *v) { return v->along_k ? v->ld : 1; }

GK_INLINE size_t k_step(const struct gk_view *v) { return v->along_k ? 1 : v->ld; }

GK_INLINE const real *element(const struct gk_view *v, size_t line, size_t k) {
    return v->p + line * line_step(v) + k * k_step(v);
}

GK_INLINE real *element_of_c(const struct gk_gemm *g, size_t i, size_t j) {
    return g->transposed ? g->c + j * g->ldc + i : g->c + i * g->ldc + j;
}

static inline struct gk_gemm transpose(const struct gk_gemm *g) {
    struct gk_gemm t = *g;
    t.rows = g->cols, t.cols = g->rows;
    t.a = g->b, t.b = g->a;
    t.transposed = true;
    return t;
}

/* With what the sums of the block of k at k0 start, in c's directions: what c holds, the bias, or nothing (NULL). */
struct start {
    const real *at;
    size_t row; /* from a row of c to the next */
};

GK_INLINE struct start start_of(const struct gk_gemm *g, size_t i, size_t j, size_t k0) {
    if (k0 > 0 || g->accumulate) return (struct start){element_of_c(g, i, j), g->ldc};
    return (struct start){g->bias ? g->bias + (g->transposed ? i : j) : NULL, 0};
}

#endif
