/* Products of few rows, or transposed ones, use each element of b a few times only: b is read once, in the order in which it
 * lies, and not packed. On Zen 4 twice as fast as tiles where b is far, and as packing where it runs along k. */
#include "gemm_tile.h"

enum {
    FEW = GK_GEMM_THIN_ROWS,
    TOGETHER = 8,                  /* rows of b side by side, at most */
    IN_REGISTERS = 16,             /* elements of a at a time, in AVX-512 all in registers */
    SUMS = GK_GEMM_THIN_SUMS / FEW /* partial sums of a row */
};

struct thin {
    const struct gk_gemm *g;
    struct gk_slice cols;
    size_t k0, k; /* one block */
    real *sums;   /* SUMS of them for each row */
};

/* Ends a block of k for some elements of a row of c. */
GK_INLINE void store_some(real *c, const real *start, vf sum, size_t count) {
    if (start) sum = vf_add(vf_load_n(start, count), sum);
    vf_store_n(c, sum, count);
}

/* Rows of the product for the columns j + skip to j + GK_LANES - 1. */
GK_INLINE void store_rows(const struct thin *t, size_t j, size_t skip, const vf acc[MR], const int rows) {
    struct start start = start_of(t->g, 0, j + skip, t->k0);
    real *c = element_of_c(t->g, 0, j + skip);
    UNROLLED for (int i = 0; i < rows; i++, c += t->g->ldc, start.at += start.row) {
        real sums[GK_LANES];
        if (skip) vf_store(sums, acc[i]);
        store_some(c, start.at, skip ? vf_load_n(sums + skip, GK_LANES - skip) : acc[i], GK_LANES - skip);
    }
}

/* The same where g is transposed: rows of the product are columns of c. */
GK_INLINE void store_columns(const struct thin *t, size_t j, size_t skip, const vf acc[MR], const int rows) {
    UNROLLED for (int first = 0; first < rows; first += GK_LANES) {
        const size_t some = (size_t)(rows - first < GK_LANES ? rows - first : GK_LANES);
        struct start start = start_of(t->g, (size_t)first, j, t->k0);
        real *c = element_of_c(t->g, (size_t)first, j);
        vf square[GK_LANES];
        UNROLLED for (int i = 0; i < GK_LANES; i++) square[i] = (size_t)i < some ? acc[first + i] : vf_zero();
        vf_transpose(square);
        UNROLLED for (size_t l = 0; l < GK_LANES; l++, c += t->g->ldc, start.at += start.row) {
            if (l >= skip) store_some(c, start.at, square[l], some);
        }
    }
}

/* b's lines run along k: GK_LANES of them are transposed in registers, the last ones together with some that were before. */
GK_INLINE void thin_lines(const struct thin *t, const int rows) {
    const struct gk_gemm *const g = t->g;
    const size_t step = line_step(&g->a), step3 = 3 * step, a_k = k_step(&g->a), ld = g->b.ld;
    for (size_t column = t->cols.begin; column < t->cols.end; column += GK_LANES) {
        const size_t j = gk_min(column, g->cols - GK_LANES);
        const real *a0 = element(&g->a, 0, t->k0), *a1 = a0 + 4 * step, *a2 = a0 + 8 * step, *b = element(&g->b, j, t->k0);
        vf acc[MR];
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_zero();
        for (size_t k = t->k; k > 0;) {
            const int some = k < GK_COLUMNS ? (int)k : GK_COLUMNS;
            vf r[GK_LANES];
            if (some == GK_COLUMNS) {
                vf_load_columns(b, ld, r);
            } else {
                UNROLLED for (size_t l = 0; l < GK_LANES; l++) r[l] = vf_load_n(b + l * ld, k);
                vf_transpose(r);
            }
            UNROLLED for (int u = 0; u < GK_COLUMNS; u++) {
                if (u < some) {
                    UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(vf_set1(A_ROW(i)), r[u], acc[i]);
                    a0 += a_k, a1 += a_k, a2 += a_k;
                }
            }
            k -= (size_t)some, b += some;
        }
        if (g->transposed) store_columns(t, j, column - j, acc, rows);
        else store_rows(t, j, column - j, acc, rows);
    }
}

/* The next `some` of k, for one vector of columns; the first of a block start from +0. */
GK_INLINE void thin_step(const vf a[FEW][TOGETHER], const real *b, size_t ldb, real *sums, const bool first, const size_t count,
                         const int rows, const int some) {
    vf acc[FEW];
    UNROLLED for (int i = 0; i < rows; i++) acc[i] = first ? vf_zero() : vf_load(sums + (size_t)i * SUMS);
    UNROLLED for (int u = 0; u < some; u++, b += ldb) {
        const vf bv = count == GK_LANES ? vf_load(b) : vf_load_n(b, count);
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(a[i][u], bv, acc[i]);
    }
    UNROLLED for (int i = 0; i < rows; i++) vf_store(sums + (size_t)i * SUMS, acc[i]);
}

GK_INLINE void thin_steps(const struct thin *t, size_t k, const bool first, const int rows, const int some) {
    const struct gk_gemm *const g = t->g;
    const size_t ldb = g->b.ld, cols = t->cols.end - t->cols.begin, whole = cols - cols % GK_LANES;
    const real *const b = element(&g->b, t->cols.begin, t->k0 + k);
    vf a[FEW][TOGETHER];
    UNROLLED for (int i = 0; i < rows; i++) {
        UNROLLED for (int u = 0; u < some; u++) a[i][u] = vf_set1(*element(&g->a, (size_t)i, t->k0 + k + (size_t)u));
    }
    for (size_t j = 0; j < whole; j += GK_LANES) thin_step(a, b + j, ldb, t->sums + j, first, GK_LANES, rows, some);
    if (whole < cols) thin_step(a, b + whole, ldb, t->sums + whole, first, cols - whole, rows, some);
}

static void store_row(const struct thin *t, size_t i, const real *sums) {
    const struct start start = start_of(t->g, i, t->cols.begin, t->k0);
    const size_t cols = t->cols.end - t->cols.begin;
    real *const c = element_of_c(t->g, i, t->cols.begin);
    for (size_t j = 0; j < cols; j += GK_LANES)
        store_some(c + j, start.at ? start.at + j : NULL, vf_load(sums + j), gk_min(GK_LANES, cols - j));
}

/* A row of sums that is a column of c. */
static void store_column(const struct thin *t, size_t i, const real *sums) {
    const struct start start = start_of(t->g, i, t->cols.begin, t->k0);
    real *const c = element_of_c(t->g, i, t->cols.begin);
    for (size_t j = 0; j < t->cols.end - t->cols.begin; j++)
        c[j * t->g->ldc] = start.at ? start.at[j * start.row] + sums[j] : sums[j];
}

/* b's lines are its columns: TOGETHER of its rows at a time are added to partial sums. */
GK_INLINE void thin_columns(const struct thin *t, const int rows) {
    const int some = rows == 1 ? TOGETHER : IN_REGISTERS / rows;
    size_t k = t->k % (size_t)some;
    if (k) thin_steps(t, 0, true, rows, 1);
    else thin_steps(t, 0, true, rows, some), k = (size_t)some;
    for (size_t i = 1; i < k && i < t->k % (size_t)some; i++) thin_steps(t, i, false, rows, 1);
    for (; k < t->k; k += (size_t)some) thin_steps(t, k, false, rows, some);
    for (size_t i = 0; i < (size_t)rows; i++) {
        const real *const sums = t->sums + i * SUMS;
        if (t->g->transposed) store_column(t, i, sums);
        else store_row(t, i, sums);
    }
}

typedef void thin_function(const struct thin *t);

#define THIN_LINES(rows)                                                                                                       \
    static void thin_lines_##rows(const struct thin *t) { thin_lines(t, rows); }
#define THIN_LINES_ENTRY(rows) thin_lines_##rows,
FOR_EACH_ROWS(THIN_LINES)
static void thin_columns_1(const struct thin *t) { thin_columns(t, 1); }
static void thin_columns_2(const struct thin *t) { thin_columns(t, 2); }
static void thin_columns_3(const struct thin *t) { thin_columns(t, 3); }
static void thin_columns_4(const struct thin *t) { thin_columns(t, 4); }

void GK_SYMBOL(gemm_thin)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                          real *scratch) {
    static thin_function *const lines[] = {NULL, FOR_EACH_ROWS(THIN_LINES_ENTRY)};
    static thin_function *const columns[FEW + 1] = {NULL, thin_columns_1, thin_columns_2, thin_columns_3, thin_columns_4};
    thin_function *const function = g->b.along_k ? lines[g->rows] : columns[g->rows];
    for (size_t j = share->cols.begin; j < share->cols.end; j += plan->block_cols)
        for (size_t k = 0; k < g->k; k += GK_KB) {
            const struct thin t = {.g = g,
                                   .cols = {j, gk_min(share->cols.end, j + plan->block_cols)},
                                   .k0 = k,
                                   .k = gk_min(GK_KB, g->k - k),
                                   .sums = scratch};
            function(&t);
        }
}
