/* Products of few rows, or transposed ones, use each element of b a few times only: b is read once, in the order in which it
 * lies, and not packed. On Zen 4 twice as fast as tiles where b is far, and as packing where it runs along k. */
#include "gemm_tile.h"

enum {
    FEW = GK_GEMM_THIN_ROWS,
    TOGETHER = 8,            /* rows of b side by side, at most */
    IN_REGISTERS = 16,       /* elements of a at a time, in AVX-512 all in registers */
    SIDE_BY_SIDE = 4,        /* vectors of columns, at most */
    CHAINS = MR > 8 ? 2 : 8, /* rows times vectors side by side; more took 12-row tiles' vectors a tenth longer on Zen 4 */
    KEPT = MR > CHAINS ? MR : CHAINS, /* of them, at most */
    SUMS = GK_GEMM_THIN_SUMS / FEW    /* partial sums of a row */
};

struct thin {
    const struct gk_gemm *g;
    struct gk_slice cols;
    size_t k0, k; /* one block */
    real *sums;   /* SUMS of them for each row */
};

/* Ends a block of k for some elements of a row of c. */
GK_INLINE void store_some(real *c, const real *start, vf sum, size_t count) {
    if (start) sum = vf_add(count < GK_LANES ? vf_load_few(start, count) : vf_load(start), sum);
    vf_store_n(c, sum, count);
}

/* Rows of the product for the columns j + skip to j + GK_LANES - 1. */
GK_INLINE void store_rows(const struct thin *t, size_t j, size_t skip, const vf *acc, const int rows) {
    struct start start = start_of(t->g, 0, j + skip, t->k0);
    real *c = element_of_c(t->g, 0, j + skip);
    UNROLLED for (int i = 0; i < rows; i++, c += t->g->ldc, start.at += start.row) {
        real sums[2 * GK_LANES];
        if (skip) vf_store(sums, acc[i]);
        store_some(c, start.at, skip ? vf_load(sums + skip) : acc[i], GK_LANES - skip);
    }
}

/* The same where g is transposed: rows of the product are columns of c. */
GK_INLINE void store_columns(const struct thin *t, size_t j, size_t skip, const vf *acc, const int rows) {
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

/* One row, transposed, of a c whose columns lie without gaps. */
GK_INLINE bool stores_run(const struct gk_gemm *g, const int rows) { return rows == 1 && g->transposed && g->ldc == 1; }

static void store_run(const struct thin *t, size_t j, size_t skip, vf sum) {
    const struct start start = start_of(t->g, 0, j, t->k0);
    real *const c = element_of_c(t->g, 0, j), sums[GK_LANES];
    if (!skip) {
        if (start.at) sum = vf_add(start.row ? vf_load(start.at) : vf_set1(*start.at), sum);
        vf_store(c, sum);
        return;
    }
    vf_store(sums, sum);
    for (size_t l = skip; l < GK_LANES; l++) c[l] = start.at ? start.at[l * start.row] + sums[l] : sums[l];
}

/* Where the rows of a, and the lines of b, go on: some vectors of columns side by side. */
struct lines {
    const real *a0, *a1, *a2, *b[SIDE_BY_SIDE];
    size_t step, step3, a_k, ldb;
};

/* GK_COLUMNS of k, but for the first `skip` of them. */
GK_INLINE void add_columns(const struct lines *n, vf *acc, const int rows, const int vectors, const int skip) {
    UNROLLED for (int v = 0; v < vectors; v++) {
        const size_t step = n->step, step3 = n->step3;
        const real *a0 = n->a0, *a1 = n->a1, *a2 = n->a2;
        vf r[GK_COLUMNS];
        vf_load_columns(n->b[v], n->ldb, r);
        UNROLLED for (int u = 0; u < GK_COLUMNS; u++, a0 += n->a_k, a1 += n->a_k, a2 += n->a_k) {
            if (u < skip) continue;
            UNROLLED for (int i = 0; i < rows; i++) acc[v * rows + i] = vf_fma(vf_set1(A_ROW(i)), r[u], acc[v * rows + i]);
        }
    }
}

GK_INLINE void advance(struct lines *n, ptrdiff_t k, const int vectors) {
    n->a0 += k * (ptrdiff_t)n->a_k, n->a1 += k * (ptrdiff_t)n->a_k, n->a2 += k * (ptrdiff_t)n->a_k;
    UNROLLED for (int v = 0; v < vectors; v++) n->b[v] += k;
}

/* b's lines run along k: GK_LANES of them are transposed in registers, the last ones together with some that were before, and
 * so are the last of k. */
GK_INLINE void thin_lines(const struct thin *t, const int rows, const int vectors) {
    const struct gk_gemm *const g = t->g;
    const size_t column = t->cols.begin, last = g->cols - GK_LANES;
    const int rest = (int)(t->k % GK_COLUMNS);
    struct lines n = {.step = line_step(&g->a), .a_k = k_step(&g->a), .ldb = g->b.ld, .a0 = element(&g->a, 0, t->k0)};
    n.step3 = 3 * n.step, n.a1 = n.a0 + 4 * n.step, n.a2 = n.a0 + 8 * n.step;
    vf acc[KEPT], sums[KEPT];
    UNROLLED for (int v = 0; v < vectors; v++) n.b[v] = element(&g->b, gk_min(column + (size_t)v * GK_LANES, last), t->k0);
    UNROLLED for (int i = 0; i < rows * vectors; i++) acc[i] = vf_zero();
    for (size_t k = t->k / GK_COLUMNS; k > 0; k--, advance(&n, GK_COLUMNS, vectors)) add_columns(&n, acc, rows, vectors, 0);
    if (rest) {
        advance(&n, rest - GK_COLUMNS, vectors);
        if (rest == 1) add_columns(&n, acc, rows, vectors, GK_COLUMNS - 1);
        else if (rest == 2) add_columns(&n, acc, rows, vectors, GK_COLUMNS - 2);
        else add_columns(&n, acc, rows, vectors, GK_COLUMNS - 3);
    }
    UNROLLED for (int i = 0; i < rows * vectors; i++) sums[i] = acc[i];
    for (size_t v = 0, at = column; v < (size_t)vectors && at < t->cols.end; v++, at += GK_LANES) {
        const size_t j = gk_min(at, last);
        const vf *const sum = sums + v * (size_t)rows;
        if (stores_run(g, rows)) store_run(t, j, at - j, *sum);
        else if (g->transposed) store_columns(t, j, at - j, sum, rows);
        else store_rows(t, j, at - j, sum, rows);
    }
}

/* The next `some` of k, for one vector of columns; the first of a block start from +0. */
GK_INLINE void thin_step(const vf a[FEW][TOGETHER], const real *b, size_t ldb, real *sums, const bool first, const int rows,
                         const int some) {
    vf acc[FEW];
    UNROLLED for (int i = 0; i < rows; i++) acc[i] = first ? vf_zero() : vf_load(sums + (size_t)i * SUMS);
    UNROLLED for (int u = 0; u < some; u++, b += ldb) {
        const vf bv = vf_load(b);
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(a[i][u], bv, acc[i]);
    }
    UNROLLED for (int i = 0; i < rows; i++) vf_store(sums + (size_t)i * SUMS, acc[i]);
}

GK_INLINE void thin_steps(const struct thin *t, size_t k, const bool first, const int rows, const int some) {
    const struct gk_gemm *const g = t->g;
    const size_t ldb = g->b.ld, cols = t->cols.end - t->cols.begin, whole = cols - cols % GK_LANES;
    const real *const b = element(&g->b, t->cols.begin, t->k0 + k), *const last = element(&g->b, g->cols - GK_LANES, t->k0 + k);
    vf a[FEW][TOGETHER];
    UNROLLED for (int i = 0; i < rows; i++) {
        UNROLLED for (int u = 0; u < some; u++) a[i][u] = vf_set1(*element(&g->a, (size_t)i, t->k0 + k + (size_t)u));
    }
    for (size_t j = 0; j < whole; j += GK_LANES) thin_step(a, b + j, ldb, t->sums + j, first, rows, some);
    if (whole < cols) thin_step(a, last, ldb, t->sums + whole, first, rows, some);
}

/* Of the last columns' sums some belong to those before. */
static real *sums_of(const struct thin *t, real *sums, size_t j) {
    const size_t last = t->g->cols - GK_LANES;
    return sums + (j - t->cols.begin) + (j > last ? j - last : 0);
}

static void store_row(const struct thin *t, size_t i, real *sums) {
    const struct start start = start_of(t->g, i, t->cols.begin, t->k0);
    const size_t cols = t->cols.end - t->cols.begin;
    real *const c = element_of_c(t->g, i, t->cols.begin);
    for (size_t j = 0; j < cols; j += GK_LANES)
        store_some(c + j, start.at ? start.at + j : NULL, vf_load(sums_of(t, sums, t->cols.begin + j)),
                   gk_min(GK_LANES, cols - j));
}

/* A row of sums that is a column of c. */
static void store_column(const struct thin *t, size_t i, real *sums) {
    const struct start start = start_of(t->g, i, t->cols.begin, t->k0);
    const size_t cols = t->cols.end - t->cols.begin;
    real *const c = element_of_c(t->g, i, t->cols.begin);
    for (size_t j = 0; j < cols; j += GK_LANES) {
        const real *const from = sums_of(t, sums, t->cols.begin + j);
        for (size_t l = 0; l < gk_min(GK_LANES, cols - j); l++)
            c[(j + l) * t->g->ldc] = start.at ? start.at[(j + l) * start.row] + from[l] : from[l];
    }
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
        real *const sums = t->sums + i * SUMS;
        if (t->g->transposed) store_column(t, i, sums);
        else store_row(t, i, sums);
    }
}

typedef void thin_function(const struct thin *t);

/* Few rows have some vectors of columns side by side: 1, 2 or 4. */
#define MOST(rows)            ((rows)*4 <= CHAINS ? 4 : (rows)*2 <= CHAINS ? 2 : 1)
#define FOR_EACH_PAIR_ROWS(X) X(1) X(2) X(3) X(4)
#define FOR_EACH_FOUR_ROWS(X) X(1) X(2)
_Static_assert(MOST(5) == 1 && MOST(3) < 4, "all rows that have two or four vectors are listed");

#define THIN_LINES(rows)                                                                                                       \
    static void thin_lines_##rows(const struct thin *t) { thin_lines(t, rows, 1); }
#define THIN_PAIRS(rows)                                                                                                       \
    static void thin_pairs_##rows(const struct thin *t) { thin_lines(t, rows, MOST(rows) < 2 ? 1 : 2); }
#define THIN_FOURS(rows)                                                                                                       \
    static void thin_fours_##rows(const struct thin *t) { thin_lines(t, rows, MOST(rows)); }
#define THIN_LINES_ENTRY(rows) [rows] = thin_lines_##rows,
#define THIN_PAIRS_ENTRY(rows) [rows] = thin_pairs_##rows,
#define THIN_FOURS_ENTRY(rows) [rows] = thin_fours_##rows,
FOR_EACH_ROWS(THIN_LINES)
FOR_EACH_PAIR_ROWS(THIN_PAIRS)
FOR_EACH_FOUR_ROWS(THIN_FOURS)
static void thin_columns_1(const struct thin *t) { thin_columns(t, 1); }
static void thin_columns_2(const struct thin *t) { thin_columns(t, 2); }
static void thin_columns_3(const struct thin *t) { thin_columns(t, 3); }
static void thin_columns_4(const struct thin *t) { thin_columns(t, 4); }

/* Lines that share a set of L1 leave no room for more than one vector. */
static size_t vectors_of(const struct gk_gemm *g, size_t cols) {
    const size_t most = gk_gemm_in_one_set(g->b.ld, sizeof(real)) ? 1 : MOST(g->rows);
    return cols > 2 * GK_LANES ? most : cols > GK_LANES ? gk_min(most, 2) : 1;
}

void GK_SYMBOL(gemm_thin)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                          real *scratch) {
    static thin_function *const lines[][MR + 1] = {
        {FOR_EACH_ROWS(THIN_LINES_ENTRY)}, {FOR_EACH_PAIR_ROWS(THIN_PAIRS_ENTRY)}, {FOR_EACH_FOUR_ROWS(THIN_FOURS_ENTRY)}};
    static thin_function *const columns[FEW + 1] = {NULL, thin_columns_1, thin_columns_2, thin_columns_3, thin_columns_4};
    for (size_t j = share->cols.begin, next; j < share->cols.end; j = next) {
        const size_t vectors = vectors_of(g, share->cols.end - j);
        next = gk_min(share->cols.end, j + (g->b.along_k ? vectors * GK_LANES : plan->block_cols));
        thin_function *const function = g->b.along_k ? lines[vectors / 2][g->rows] : columns[g->rows];
        for (size_t k = 0; k < g->k; k += GK_KB) {
            const struct thin t = {.g = g, .cols = {j, next}, .k0 = k, .k = gk_min(GK_KB, g->k - k), .sums = scratch};
            function(&t);
        }
    }
}
