/* Products of few k, such as dw of a small batch: a tile would cost more to begin and to end than to sum. Some of a stays in
 * registers, b in L1, and c is written once, row by row. */
#include "gemm_tile.h"

enum {
    ROWS = 4,              /* at a time, at most */
    IN_REGISTERS = MR + 4, /* elements of a */
};

struct shallow {
    const struct gk_gemm *g;
    const struct gk_slice *rows;
    struct gk_slice cols;
    const real *b; /* for the first column; */
    size_t ldb;
};

/* Some rows of it, all in registers. */
struct some_rows {
    vf a[ROWS][GK_GEMM_SHALLOW_K];
    const real *b;
    size_t ldb;
    real *c;
    size_t ldc;
    struct start start;
};

/* One vector of columns of some rows, `count` of which there are. */
GK_INLINE void shallow_sums(const struct some_rows *t, size_t j, const size_t count, const int rows, const int k,
                            vf acc[ROWS]) {
    const real *b = t->b + j, *start = t->start.at ? t->start.at + j : NULL;
    UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_zero();
    UNROLLED for (int u = 0; u < k; u++, b += t->ldb) {
        const vf bv = load_b(b, count);
        UNROLLED for (int i = 0; i < rows; i++) acc[i] = vf_fma(t->a[i][u], bv, acc[i]);
    }
    if (!start) return;
    UNROLLED for (int i = 0; i < rows; i++, start += t->start.row) acc[i] = add_start(acc[i], start, count);
}

GK_INLINE void shallow_store(const struct some_rows *t, size_t j, const size_t count, const int rows, const vf acc[ROWS],
                             const bool streams) {
    real *c = t->c + j;
    UNROLLED for (int i = 0; i < rows; i++, c += t->ldc) store_sum(c, acc[i], count, streams);
}

GK_INLINE void shallow_rows(const struct shallow *s, size_t i, const int rows, const int k, const bool streams) {
    const struct gk_gemm *const g = s->g;
    const size_t j0 = s->cols.begin, cols = s->cols.end - j0;
    struct some_rows t = {.b = s->b, .ldb = s->ldb, .c = element_of_c(g, i, j0), .ldc = g->ldc, .start = start_of(g, i, j0, 0)};
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int u = 0; u < k; u++) t.a[r][u] = vf_set1(*element(&g->a, i + (size_t)r, (size_t)u));
    }
    const size_t count = GK_MASKS_ARE_VECTORS ? gk_min(GK_LANES, cols) : (cols - 1) % GK_LANES + 1, last = cols - count;
    vf acc[ROWS], ends[ROWS];
    shallow_sums(&t, last, count, rows, k, ends); /* first: what they start with, others overwrite */
    for (size_t j = 0; j < last; j += GK_LANES) {
        shallow_sums(&t, j, GK_LANES, rows, k, acc);
        shallow_store(&t, j, GK_LANES, rows, acc, streams);
    }
    shallow_store(&t, last, count, rows, ends, streams && last % GK_LANES == 0);
}

GK_INLINE void shallow(const struct shallow *s, const int k, const bool streams) {
    const int rows = IN_REGISTERS / k < ROWS ? IN_REGISTERS / k : ROWS;
    size_t i = s->rows->begin;
    for (; i + (size_t)rows <= s->rows->end; i += (size_t)rows) shallow_rows(s, i, rows, k, streams);
    for (; i < s->rows->end; i++) shallow_rows(s, i, 1, k, streams);
}

typedef void shallow_function(const struct shallow *s);

#define FOR_EACH_K(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define SHALLOW(k)                                                                                                             \
    static void shallow_##k(const struct shallow *s) { shallow(s, k, false); }                                                 \
    static void shallow_streams_##k(const struct shallow *s) { shallow(s, k, true); }
#define SHALLOW_ENTRY(k) {shallow_##k, shallow_streams_##k},
FOR_EACH_K(SHALLOW)

/* One k after the other becomes a row, of a vector or more. */
static void pack(const struct gk_gemm *g, struct gk_slice cols, real *out, size_t ld) {
    for (size_t j = cols.begin; j < cols.end; j++)
        for (size_t k = 0; k < g->k; k++) out[k * ld + j - cols.begin] = *element(&g->b, j, k);
    for (size_t j = cols.end - cols.begin; j < GK_LANES; j++)
        for (size_t k = 0; k < g->k; k++) out[k * ld + j] = 0;
}

void GK_SYMBOL(gemm_shallow)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                             real *scratch) {
    static shallow_function *const functions[GK_GEMM_SHALLOW_K][2] = {FOR_EACH_K(SHALLOW_ENTRY)};
    for (size_t j = share->cols.begin; j < share->cols.end; j += plan->block_cols) {
        struct shallow s = {.g = g, .rows = &share->rows, .cols = {j, gk_min(share->cols.end, j + plan->block_cols)}};
        s.b = element(&g->b, j, 0), s.ldb = g->b.ld;
        if (plan->packs_b) {
            pack(g, s.cols, scratch, plan->block_cols);
            s.b = scratch, s.ldb = plan->block_cols;
        }
        functions[g->k - 1][plan->streams](&s);
    }
    if (plan->streams) vf_fence();
}
