/* Products of few k, such as dw of a small batch: a tile would cost more to begin and to end than to sum. Some of a stays in
 * registers, b in L1, and c is written once, row by row. For gemm.c. */
#ifndef GK_SHORT_SUMS_H
#define GK_SHORT_SUMS_H

#include "gemm.h"

enum {
    SHORT_K = 8,       /* k at most */
    SHORT_ROWS = 4,    /* rows at a time, at most */
    SHORT_A = MR + 4,  /* elements of a in registers */
    SHORT_COLS = 1024, /* columns at a time */
};

struct short_sums {
    const struct gk_gemm *g;
    struct gk_slice rows, cols;
    const real *b; /* for the first column */
    size_t ldb;
};

/* Some rows of it, all in registers. */
struct short_tile {
    vf a[SHORT_ROWS][SHORT_K];
    const real *b;
    size_t ldb;
    real *c;
    size_t ldc;
    const real *start; /* NULL: none */
    size_t start_row;
};

/* One vector of columns of some rows. */
GK_INLINE void short_step(const struct short_tile *t, size_t j, const size_t count, const int rows, const int k,
                          const bool streams) {
    const real *b = t->b + j, *start = t->start ? t->start + j : NULL;
    real *c = t->c + j;
    vf acc[SHORT_ROWS];
    UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_zero();
    UNROLLED for (int u = 0; u < k; u++, b += t->ldb) {
        const vf bv = count == GK_LANES ? vf_load(b) : vf_load_n(b, count);
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(t->a[i][u], bv, acc[i]);
    }
    UNROLLED for (int i = 0; i < rows; i++) {
        store_sum(c, start, start != NULL, acc[i], count, streams);
        c += t->ldc, start += start ? t->start_row : 0;
    }
}

GK_INLINE void short_rows(const struct short_sums *s, size_t i, const int rows, const int k, const bool streams) {
    const struct gk_gemm *const g = s->g;
    const size_t a_row = g->a.along_k ? g->a.ld : 1, a_k = g->a.along_k ? 1 : g->a.ld;
    const size_t cols = s->cols.end - s->cols.begin, whole = cols - cols % GK_LANES;
    struct short_tile t = {.b = s->b, .ldb = s->ldb, .c = g->c + i * g->ldc + s->cols.begin, .ldc = g->ldc};
    t.start = g->accumulate ? t.c : g->bias ? g->bias + s->cols.begin : NULL;
    t.start_row = g->accumulate ? g->ldc : 0;
    UNROLLED for (int r = 0; r < rows; r++)
        UNROLLED for (int u = 0; u < k; u++) t.a[r][u] = vf_set1(g->a.p[(i + (size_t)r) * a_row + (size_t)u * a_k]);
    for (size_t j = 0; j < whole; j += GK_LANES) short_step(&t, j, GK_LANES, rows, k, streams);
    if (whole < cols) short_step(&t, whole, cols - whole, rows, k, streams);
}

GK_INLINE void short_sums(const struct short_sums *s, const int k, const bool streams) {
    const int rows = SHORT_A / k < SHORT_ROWS ? SHORT_A / k : SHORT_ROWS;
    size_t i = s->rows.begin;
    for (; i + (size_t)rows <= s->rows.end; i += (size_t)rows) short_rows(s, i, rows, k, streams);
    for (; i < s->rows.end; i++) short_rows(s, i, 1, k, streams);
}

typedef void short_function(const struct short_sums *s);

#define FOR_EACH_SHORT_K(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define SHORT_SUMS(k)                                                                                                      \
    static void short_sums_##k(const struct short_sums *s) { short_sums(s, k, false); }                                    \
    static void short_streams_##k(const struct short_sums *s) { short_sums(s, k, true); }
#define SHORT_ENTRY(k) {short_sums_##k, short_streams_##k},
FOR_EACH_SHORT_K(SHORT_SUMS)

/* b's lines run along k: one k after the other becomes a row. */
static void short_pack(const struct gk_gemm *g, struct gk_slice cols, real *out) {
    for (size_t j = cols.begin; j < cols.end; j++)
        for (size_t k = 0; k < g->k; k++) out[k * SHORT_COLS + j - cols.begin] = g->b.p[j * g->b.ld + k];
}

/* A b that must be packed has to be used often. Where rows of c are not a whole number of vectors, tiles were faster from k = 5 on. */
static bool short_enough(const struct gk_gemm *g) {
    const size_t most = g->ldc % GK_LANES == 0 ? SHORT_K : SHORT_K / 2;
    return g->k <= most && g->k > 0 && (!g->b.along_k || g->rows > 4 * g->k);
}

static void multiply_short(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols, const struct gk_team *team) {
    static short_function *const functions[SHORT_K][2] = {FOR_EACH_SHORT_K(SHORT_ENTRY)};
    const bool streams = past_caches(g, team->caches); /* half the time of 8 x 4096 x 4096 */
    if (rows.begin == rows.end) return;
    for (size_t j = cols.begin; j < cols.end; j += SHORT_COLS) {
        struct short_sums s = {.g = g, .rows = rows, .cols = {j, gk_min(cols.end, j + SHORT_COLS)}};
        s.b = g->b.p + j, s.ldb = g->b.ld;
        if (g->b.along_k) {
            short_pack(g, s.cols, scratch_of(team));
            s.b = scratch_of(team), s.ldb = SHORT_COLS;
        }
        functions[g->k - 1][streams](&s);
    }
    if (streams) vf_fence();
}

#endif
