/* Products of few rows, or transposed ones, use each element of b a few times only: b is read once, in the order in which it lies,
 * and not packed. For gemm.c. On Zen 4 twice as fast as tiles where b is far, and as packing where it runs along k. */
#ifndef GK_FEW_ROWS_H
#define GK_FEW_ROWS_H

#include "gemm.h"

enum {
    FEW = 4,        /* rows at most */
    FEW_K = 8,      /* rows of b side by side, at most */
    FEW_A = 16,     /* elements of a at a time, in AVX-512 all in registers */
    FEW_SUMS = 4096 /* partial sums that stay in L1 meanwhile */
};

struct few {
    const struct gk_gemm *g;
    struct gk_slice cols;
    size_t k0, k; /* one block */
    real *sums;   /* FEW_SUMS of them */
};

/* Ends a block of k for some elements of a row, or of a column of c where g is transposed. */
GK_INLINE void few_store(const struct few *f, size_t i, size_t j, vf sum, size_t count) {
    const struct gk_gemm *const g = f->g;
    const bool from_c = f->k0 > 0 || g->accumulate;
    if (g->transposed) {
        real *c = g->c + j * g->ldc + i, sums[GK_LANES];
        vf_store(sums, sum);
        for (size_t l = 0; l < count; l++, c += g->ldc) *c = from_c ? *c + sums[l] : g->bias ? g->bias[i] + sums[l] : sums[l];
        return;
    }
    real *const c = g->c + i * g->ldc + j;
    const real *const start = from_c ? c : g->bias ? g->bias + j : NULL;
    if (start) sum = vf_add(vf_load_n(start, count), sum);
    vf_store_n(c, sum, count);
}

/* b's lines run along k: GK_LANES of them are transposed in registers. */
GK_INLINE void few_lines(const struct few *f, const int rows) {
    const struct gk_gemm *const g = f->g;
    const size_t a_row = g->a.along_k ? g->a.ld : 1, a_k = g->a.along_k ? 1 : g->a.ld, ld = g->b.ld;
    for (size_t j = f->cols.begin; j < f->cols.end; j += GK_LANES) {
        const size_t lines = gk_min(GK_LANES, f->cols.end - j);
        const real *a = g->a.p + f->k0 * a_k, *const b = g->b.p + j * ld + f->k0;
        vf acc[FEW];
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_zero();
        for (size_t k = 0; k < f->k; k += GK_LANES) {
            const size_t count = gk_min(GK_LANES, f->k - k);
            vf r[GK_LANES];
            UNROLLED for (size_t l = 0; l < GK_LANES; l++) {
                if (l >= lines) r[l] = vf_zero();
                else r[l] = count == GK_LANES ? vf_load(b + l * ld + k) : vf_load_n(b + l * ld + k, count);
            }
            vf_transpose(r);
            UNROLLED for (size_t l = 0; l < GK_LANES; l++, a += a_k)
                if (l < count)
                    UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(vf_set1(a[(size_t)i * a_row]), r[l], acc[i]);
        }
        UNROLLED for (int i = 0; i < rows; i++) few_store(f, (size_t)i, j, acc[i], lines);
    }
}

/* The next `some` of k, for one vector of columns; the first of a block start from +0. */
GK_INLINE void few_step(const vf a[FEW][FEW_K], const real *b, size_t ldb, real *sums, const bool first, const size_t count,
                        const int rows, const int some) {
    vf acc[FEW];
    UNROLLED for (int i = 0; i < rows; i++) acc[i] = first ? vf_zero() : vf_load(sums + (size_t)i * (FEW_SUMS / FEW));
    UNROLLED for (int u = 0; u < some; u++, b += ldb) {
        const vf bv = count == GK_LANES ? vf_load(b) : vf_load_n(b, count);
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(a[i][u], bv, acc[i]);
    }
    UNROLLED for (int i = 0; i < rows; i++) vf_store(sums + (size_t)i * (FEW_SUMS / FEW), acc[i]);
}

GK_INLINE void few_steps(const struct few *f, size_t k, const bool first, const int rows, const int some) {
    const struct gk_gemm *const g = f->g;
    const size_t a_row = g->a.along_k ? g->a.ld : 1, a_k = g->a.along_k ? 1 : g->a.ld, ldb = g->b.ld;
    const size_t cols = f->cols.end - f->cols.begin, whole = cols - cols % GK_LANES;
    const real *const b = g->b.p + (f->k0 + k) * ldb + f->cols.begin;
    vf a[FEW][FEW_K];
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int u = 0; u < some; u++) a[i][u] = vf_set1(g->a.p[(size_t)i * a_row + (f->k0 + k + (size_t)u) * a_k]);
    for (size_t j = 0; j < whole; j += GK_LANES) few_step(a, b + j, ldb, f->sums + j, first, GK_LANES, rows, some);
    if (whole < cols) few_step(a, b + whole, ldb, f->sums + whole, first, cols - whole, rows, some);
}

/* b's lines are its columns: FEW_K rows of b at a time are added to partial sums. */
GK_INLINE void few_columns(const struct few *f, const int rows) {
    const int some = rows == 1 ? FEW_K : FEW_A / rows;
    size_t k = f->k % (size_t)some;
    if (k) few_steps(f, 0, true, rows, 1);
    else few_steps(f, 0, true, rows, some), k = (size_t)some;
    for (size_t i = 1; i < k && i < f->k % (size_t)some; i++) few_steps(f, i, false, rows, 1);
    for (; k < f->k; k += (size_t)some) few_steps(f, k, false, rows, some);
    for (size_t i = 0; i < (size_t)rows; i++)
        for (size_t j = f->cols.begin; j < f->cols.end; j += GK_LANES)
            few_store(f, i, j, vf_load(f->sums + i * (FEW_SUMS / FEW) + j - f->cols.begin), gk_min(GK_LANES, f->cols.end - j));
}

typedef void few_function(const struct few *f);

#define FEW_ROWS(rows)                                                                                                     \
    static void few_lines_##rows(const struct few *f) { few_lines(f, rows); }                                              \
    static void few_columns_##rows(const struct few *f) { few_columns(f, rows); }
FEW_ROWS(1)
FEW_ROWS(2)
FEW_ROWS(3)
FEW_ROWS(4)

/* rows: 1 to FEW of them, all that g has. */
static void multiply_few(const struct gk_gemm *g, struct gk_slice cols, real *sums) {
    static few_function *const lines[FEW + 1] = {NULL, few_lines_1, few_lines_2, few_lines_3, few_lines_4};
    static few_function *const columns[FEW + 1] = {NULL, few_columns_1, few_columns_2, few_columns_3, few_columns_4};
    few_function *const function = (g->b.along_k ? lines : columns)[g->rows];
    const size_t width = g->b.along_k ? GK_LANES : FEW_SUMS / FEW;
    for (size_t j = cols.begin; j < cols.end; j += width)
        for (size_t k = 0; k < g->k; k += GK_KB) {
            const struct few f = {.g = g, .cols = {j, gk_min(cols.end, j + width)}, .k0 = k, .k = gk_min(GK_KB, g->k - k), .sums = sums};
            function(&f);
        }
}

#endif
