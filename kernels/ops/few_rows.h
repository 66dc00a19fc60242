/* Products of few rows, or transposed ones, use each element of b a few times only: b is read once, in the order in which it
 * lies, and not packed. For gemm.c. On Zen 4 twice as fast as tiles where b is far, and as packing where it runs along k. */
#ifndef GK_FEW_ROWS_H
#define GK_FEW_ROWS_H

#include "gemm.h"

enum {
    FEW = 4,        /* rows at most, MR where b runs along k */
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

GK_INLINE bool few_from_c(const struct few *f) { return f->k0 > 0 || f->g->accumulate; }

/* Ends a block of k for some elements of a row. */
GK_INLINE void few_store(const struct few *f, size_t i, size_t j, vf sum, size_t count) {
    const struct gk_gemm *const g = f->g;
    real *const c = g->c + i * g->ldc + j;
    const real *const start = few_from_c(f) ? c : g->bias ? g->bias + j : NULL;
    if (start) sum = vf_add(vf_load_n(start, count), sum);
    vf_store_n(c, sum, count);
}

/* Rows of the product for the columns j + skip to j + GK_LANES - 1. */
GK_INLINE void few_store_rows(const struct few *f, size_t j, size_t skip, const vf acc[MR], const int rows) {
    UNROLLED for (int i = 0; i < rows; i++) {
        real sums[GK_LANES];
        if (skip) vf_store(sums, acc[i]);
        few_store(f, (size_t)i, j + skip, skip ? vf_load_n(sums + skip, GK_LANES - skip) : acc[i], GK_LANES - skip);
    }
}

/* The same where g is transposed: rows of the product are columns of c. */
GK_INLINE void few_store_columns(const struct few *f, size_t j, size_t skip, const vf acc[MR], const int rows) {
    const struct gk_gemm *const g = f->g;
    UNROLLED for (int first = 0; first < rows; first += GK_LANES) {
        const size_t some = (size_t)(rows - first < GK_LANES ? rows - first : GK_LANES);
        vf square[GK_LANES];
        UNROLLED for (int i = 0; i < GK_LANES; i++) square[i] = (size_t)i < some ? acc[first + i] : vf_zero();
        vf_transpose(square);
        real *c = g->c + j * g->ldc + first;
        UNROLLED for (size_t l = 0; l < GK_LANES; l++, c += g->ldc) {
            const real *const start = few_from_c(f) ? c : g->bias ? g->bias + first : NULL;
            if (l < skip) continue;
            vf_store_n(c, start ? vf_add(vf_load_n(start, some), square[l]) : square[l], some);
        }
    }
}

/* b's lines run along k: GK_LANES of them are transposed in registers, the last ones together with some that were before. */
GK_INLINE void few_lines(const struct few *f, const int rows) {
    const struct gk_gemm *const g = f->g;
    const size_t step = g->a.along_k ? g->a.ld : 1, step3 = 3 * step, a_k = g->a.along_k ? 1 : g->a.ld, ld = g->b.ld;
    for (size_t column = f->cols.begin; column < f->cols.end; column += GK_LANES) {
        const size_t j = gk_min(column, g->cols - GK_LANES);
        const real *a0 = g->a.p + f->k0 * a_k, *a1 = a0 + 4 * step, *a2 = a0 + 8 * step, *b = g->b.p + j * ld + f->k0;
        vf acc[MR];
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_zero();
        for (size_t k = f->k; k > 0;) {
            const int some = k < GK_COLUMNS ? (int)k : GK_COLUMNS;
            vf r[GK_LANES];
            if (some == GK_COLUMNS) {
                vf_load_columns(b, ld, r);
            } else {
                UNROLLED for (size_t l = 0; l < GK_LANES; l++) r[l] = vf_load_n(b + l * ld, k);
                vf_transpose(r);
            }
            UNROLLED for (int u = 0; u < GK_COLUMNS; u++) if (u < some) {
                UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(vf_set1(A_ROW(i)), r[u], acc[i]);
                a0 += a_k, a1 += a_k, a2 += a_k;
            }
            k -= (size_t)some, b += some;
        }
        if (g->transposed) few_store_columns(f, j, column - j, acc, rows);
        else few_store_rows(f, j, column - j, acc, rows);
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

/* A row of sums, which is a column of c. There is no bias: only forward has one, and its b runs along k then. */
static void few_store_column(const struct few *f, size_t i) {
    const struct gk_gemm *const g = f->g;
    const real *const sums = f->sums + i * (FEW_SUMS / FEW) - f->cols.begin;
    real *const c = g->c + i;
    for (size_t j = f->cols.begin; j < f->cols.end; j++) c[j * g->ldc] = few_from_c(f) ? c[j * g->ldc] + sums[j] : sums[j];
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
        if (f->g->transposed) few_store_column(f, i);
        else for (size_t j = f->cols.begin; j < f->cols.end; j += GK_LANES)
            few_store(f, i, j, vf_load(f->sums + i * (FEW_SUMS / FEW) + j - f->cols.begin), gk_min(GK_LANES, f->cols.end - j));
}

typedef void few_function(const struct few *f);

#define FEW_LINES(rows) static void gk_few_lines_##rows(const struct few *f) { few_lines(f, rows); }
#define FEW_LINES_ENTRY(rows) gk_few_lines_##rows,
FOR_EACH_ROWS(FEW_LINES)
static void few_columns_1(const struct few *f) { few_columns(f, 1); }
static void few_columns_2(const struct few *f) { few_columns(f, 2); }
static void few_columns_3(const struct few *f) { few_columns(f, 3); }
static void few_columns_4(const struct few *f) { few_columns(f, 4); }

/* Short sums are not worth it, nor are partial sums for a few vectors of columns, which a tile has in registers. */
static bool few(const struct gk_gemm *g) {
    if (!g->b.along_k) return g->rows <= FEW && g->rows > 0 && !g->transposed && g->k >= 64 && g->cols >= 8 * GK_LANES;
    return g->rows <= (in_one_set(&g->b) ? FEW : MR) && g->rows > 0 && g->k >= GK_LANES && g->cols >= GK_LANES;
}

static void multiply_few(const struct gk_gemm *g, struct gk_slice cols, real *sums) {
    static few_function *const lines[] = {NULL, FOR_EACH_ROWS(FEW_LINES_ENTRY)};
    static few_function *const columns[FEW + 1] = {NULL, few_columns_1, few_columns_2, few_columns_3, few_columns_4};
    few_function *const function = g->b.along_k ? lines[g->rows] : columns[g->rows];
    const size_t width = g->b.along_k ? GK_LANES : FEW_SUMS / FEW;
    for (size_t j = cols.begin; j < cols.end; j += width)
        for (size_t k = 0; k < g->k; k += GK_KB) {
            const struct few f = {
                .g = g, .cols = {j, gk_min(cols.end, j + width)}, .k0 = k, .k = gk_min(GK_KB, g->k - k), .sums = sums};
            function(&f);
        }
}

#endif
