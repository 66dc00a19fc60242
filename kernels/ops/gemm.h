/* The one sum of products behind the affine kernels: c[i][j] = start + sum over k of a[i][k] b[k][j], in the canonical order. */
#ifndef GK_GEMM_H
#define GK_GEMM_H

#include "kernel.h"

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* One operand as it lies in memory. */
struct gk_view {
    const real *p;
    size_t ld;
    bool along_k; /* the contiguous direction: k, or the outputs i or j */
};

struct gk_gemm {
    size_t rows, cols, k;
    struct gk_view a, b;
    real *c;
    size_t ldc;
    const real *bias; /* start value of each column, or NULL */
    bool accumulate;  /* start from c itself */
    bool transposed;  /* chosen by the product itself: element (i, j) lies at c[j][i], and bias belongs to the rows */
};

/* This thread's share of the product. scratch is the team's, gk_gemm_scratch bytes. No barrier. */
void GK_SYMBOL(gemm)(const struct gk_gemm *g, const struct gk_team *team);
size_t GK_SYMBOL(gemm_scratch)(const struct gk_gemm *g, const struct gk_machine *machine);

/* The widest block of b that is packed at a time, in columns; 0: none is packed. */
size_t GK_SYMBOL(gemm_block_cols)(const struct gk_caches *caches);

/* FLOPs a thread must have for a second one to pay: a hot fork and join costs about 1 us, 150,000 FLOPs of one core. */
#define GK_GEMM_SERIAL_BELOW 1e6

/* A kernel file that is one product defines product(args) and then this. */
#define GK_GEMM_CELL(id)                                                                                                   \
    static void run(const void *args, const struct gk_team *team) {                                                        \
        const struct gk_gemm g = product(args);                                                                            \
        GK_SYMBOL(gemm)(&g, team);                                                                                         \
    }                                                                                                                      \
    static size_t scratch(const void *args, const struct gk_machine *machine) {                                            \
        const struct gk_gemm g = product(args);                                                                            \
        return GK_SYMBOL(gemm_scratch)(&g, machine);                                                                       \
    }                                                                                                                      \
    GK_CELL(id) = {.run = run, .scratch = scratch, .serial_below = GK_GEMM_SERIAL_BELOW}

#endif
