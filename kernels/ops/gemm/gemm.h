/* The one sum of products behind the affine kernels: c[i][j] = start + sum over k of a[i][k] b[k][j], in the canonical order.
 */
#ifndef GK_GEMM_H
#define GK_GEMM_H

#include "kernel.h"

/* One operand as it lies in memory. */
struct gk_view {
    const real *p;
    size_t ld;
    bool along_k; /* the contiguous direction: k, or the outputs i or j */
};

/* Lines of one element beside one another are also one line the other way: that along k is read in whole vectors. */
static inline struct gk_view gk_view(const real *p, size_t ld, size_t length, bool along_k) {
    return (struct gk_view){p, ld, along_k || (length == 1 && ld == 1)};
}

struct gk_gemm {
    size_t rows, cols, k;
    struct gk_view a, b;
    real *c;
    size_t ldc;
    const real *bias; /* start value of each column, or NULL */
    bool accumulate;  /* start from c itself */
    bool transposed;  /* chosen by the plan: element (i, j) lies at c[j][i], and bias belongs to the rows */
};

/* This thread's share of the product. scratch is the team's, gemm_scratch bytes. No barrier. */
void GK_SYMBOL(gemm)(const struct gk_gemm *g, const struct gk_team *team);
size_t GK_SYMBOL(gemm_scratch)(const struct gk_machine *machine);

extern const struct gk_gemm_tile GK_SYMBOL(gemm_tile);
extern const size_t GK_SYMBOL(gemm_edges)[];

/* What the choice of a way depends on. */
static inline struct gk_gemm_shape gk_gemm_shape(const struct gk_gemm *g) {
    return (struct gk_gemm_shape){.rows = g->rows,
                                  .cols = g->cols,
                                  .k = g->k,
                                  .a = {g->a.ld, g->a.along_k},
                                  .b = {g->b.ld, g->b.along_k},
                                  .c = g->c,
                                  .ldc = g->ldc,
                                  .accumulate = g->accumulate};
}

/* FLOPs a thread must have for a second one to pay: a hot fork and join costs about 1 us, 150,000 FLOPs of one core. */
#define GK_GEMM_SERIAL_BELOW 1e6

/* A kernel file that is one product defines product(args) and then this. */
#define GK_GEMM_CELL(id)                                                                                                       \
    static void run(const void *args, const struct gk_team *team) {                                                            \
        const struct gk_gemm g = product(args);                                                                                \
        GK_SYMBOL(gemm)(&g, team);                                                                                             \
    }                                                                                                                          \
    static size_t scratch(const void *args, const struct gk_machine *machine) {                                                \
        (void)args;                                                                                                            \
        return GK_SYMBOL(gemm_scratch)(machine);                                                                               \
    }                                                                                                                          \
    static size_t products(const void *args, struct gk_gemm_shape shapes[GK_PRODUCTS_MAX]) {                                   \
        const struct gk_gemm g = product(args);                                                                                \
        shapes[0] = gk_gemm_shape(&g);                                                                                         \
        return 1;                                                                                                              \
    }                                                                                                                          \
    GK_CELL(id) = {.run = run,                                                                                                 \
                   .scratch = scratch,                                                                                         \
                   .products = products,                                                                                       \
                   .serial_below = GK_GEMM_SERIAL_BELOW,                                                                       \
                   .edges = GK_SYMBOL(gemm_edges)}

#endif
