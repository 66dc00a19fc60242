/* Products of few rows: all sums of some columns stay in registers. A sum is a chain of fma that each wait for the one before;
 * but a block of k is a chain of its own, so blocks run side by side: in registers of their own or, where a and b both run
 * along k, in lanes. The results are added in order. */
#include "gemm_tile.h"

enum {
    ROWS = 4,   /* of c at a time, at most */
    CHAINS = 8, /* that run side by side: as many as hide an fma's latency */
    VECTORS = 2 /* of blocks that are lanes side by side */
};

/* Some rows and columns of c. Steps lead to the next row and to the next column. */
struct dot {
    size_t k;
    const real *a, *b; /* for k = 0 */
    size_t a_row, a_k, b_k;
    size_t cols, last; /* columns lie in windows, the last of which overlaps; reals from b to it */
    real *c;
    size_t c_row, c_col;
    const real *start; /* or NULL */
    size_t start_row, start_col;
};

/* Rows, lanes, windows of columns and blocks that run side by side; constants. */
struct form {
    int rows, lanes, windows, blocks;
};

GK_INLINE size_t window(const struct form f, const struct dot *d, int w) {
    return w == f.windows - 1 ? d->cols - (size_t)f.lanes : (size_t)(w * f.lanes);
}

static vf gather(const real *from, size_t step, int lanes) {
    real x[GK_LANES] = {0};
    for (int l = 0; l < lanes; l++) x[l] = from[(size_t)l * step];
    return vf_load(x);
}

static void scatter(real *to, size_t step, vf v, int lanes) {
    real x[GK_LANES];
    vf_store(x, v);
    for (int l = 0; l < lanes; l++) to[(size_t)l * step] = x[l];
}

GK_INLINE void begin(const struct form f, const struct dot *d, vf sums[CHAINS]) {
    UNROLLED for (int c = 0; c < f.rows * f.windows; c++) {
        const real *const from = d->start + (size_t)(c % f.rows) * d->start_row + window(f, d, c / f.rows) * d->start_col;
        if (!d->start) sums[c] = vf_zero();
        else if (d->start_col == 1) sums[c] = vf_load_first(from, f.lanes);
        else sums[c] = gather(from, d->start_col, f.lanes);
    }
}

GK_INLINE void end(const struct form f, const struct dot *d, const vf sums[CHAINS]) {
    UNROLLED for (int c = 0; c < f.rows * f.windows; c++) {
        real *const to = d->c + (size_t)(c % f.rows) * d->c_row + window(f, d, c / f.rows) * d->c_col;
        if (d->c_col == 1) vf_store_n(to, sums[c], (size_t)f.lanes);
        else scatter(to, d->c_col, sums[c], f.lanes);
    }
}

/* Where the next of k lie. Two pointers for each of a and b, and steps: with more of them the compiler runs out of registers.
 */
struct next {
    const real *a0, *a1, *b0, *b1;
    size_t a, a3, a_k, b, b3, b_k;
};

#define STEPS(x, count) ((count) == 3 ? x##3 : (size_t)(count)*x)

GK_INLINE const real *next_a(const struct form f, const struct next *n, int row, int block) {
    const int near = f.rows > 2 ? row : block % 4;
    const int far = f.rows > 2 ? block : f.rows == 2 ? row : block / 4;
    return (far ? n->a1 : n->a0) + STEPS(n->a, near);
}

GK_INLINE const real *next_b(const struct form f, const struct next *n, int w, int block) {
    if (f.windows == 1) return (block / 4 ? n->b1 : n->b0) + STEPS(n->b, block % 4);
    return (w == f.windows - 1 ? n->b1 : n->b0 + w * f.lanes) + STEPS(n->b, block);
}

/* All blocks but the last `ended`. */
GK_INLINE void add_k(const struct form f, struct next *n, vf *chains, const int ended) {
    UNROLLED for (int block = 0; block < f.blocks - ended; block++) {
        vf a[ROWS];
        UNROLLED for (int r = 0; r < f.rows; r++) a[r] = vf_set1(*next_a(f, n, r, block));
        UNROLLED for (int w = 0; w < f.windows; w++) {
            const vf b = vf_load_first(next_b(f, n, w, block), f.lanes);
            UNROLLED for (int r = 0; r < f.rows; r++) {
                vf *const chain = &chains[(block * f.windows + w) * f.rows + r];
                *chain = vf_fma_first(a[r], b, *chain, f.lanes);
            }
        }
    }
    n->a0 += n->a_k, n->a1 += n->a_k, n->b0 += n->b_k, n->b1 += n->b_k;
}

/* Adds the blocks that end before `last`, which may be shorter, but for the first `known` of them. */
GK_INLINE void sum_blocks(const struct form f, const struct dot *d, size_t last, int known, vf sums[CHAINS], bool started) {
    const size_t first = last - (size_t)f.blocks, k = gk_min(GK_KB, d->k - (last - 1) * GK_KB);
    const size_t a_block = GK_KB * d->a_k, b_block = GK_KB * d->b_k;
    struct next n = {.a0 = d->a + first * a_block, .b0 = d->b + first * b_block, .a_k = d->a_k, .b = b_block, .b_k = d->b_k};
    n.a = f.rows > 2 ? d->a_row : a_block;
    n.a1 = n.a0 + (f.rows > 2 ? a_block : f.rows == 2 ? d->a_row : 4 * a_block);
    n.b1 = n.b0 + (f.windows == 1 ? 4 * b_block : d->last);
    n.a3 = 3 * n.a, n.b3 = 3 * n.b;
    vf chains[CHAINS];
    UNROLLED for (int c = 0; c < f.blocks * f.windows * f.rows; c++) chains[c] = vf_zero();
    for (size_t i = k; i > 0; i--) add_k(f, &n, chains, 0);
    for (size_t i = GK_KB - k; i > 0 && f.blocks > 1; i--) add_k(f, &n, chains, 1);
    UNROLLED for (int block = 0; block < f.blocks; block++) {
        if (block < known) continue;
        UNROLLED for (int c = 0; c < f.windows * f.rows; c++) {
            const vf sum = chains[block * f.windows * f.rows + c];
            sums[c] = started || block > known ? vf_add(sums[c], sum) : sum;
        }
    }
}

/* As many blocks together as make enough chains; where fewer are left, the last ones overlap. */
GK_INLINE void sum_columns(const struct dot *d, const int rows, const int lanes, const int windows) {
    const size_t blocks = gk_ceil_div(d->k, GK_KB);
    const struct form one = {rows, lanes, windows, 1};
    const int most = CHAINS / (rows * windows);
    vf sums[CHAINS];
    begin(one, d, sums);
    for (size_t block = 0, last; block < blocks; block = last) {
        const size_t left = blocks - block;
        const bool eight = most >= 8 && blocks >= 8 && left > 4, four = most >= 4 && blocks >= 4 && left > 2;
        const bool two = most >= 2 && left > 1, started = d->start || block > 0;
        const size_t together = eight ? 8 : four ? 4 : two ? 2 : 1;
        last = block + gk_min(left, together);
        const int known = (int)(together - (last - block));
        if (eight) sum_blocks((struct form){rows, lanes, windows, 8}, d, last, known, sums, started);
        else if (four) sum_blocks((struct form){rows, lanes, windows, 4}, d, last, known, sums, started);
        else if (two) sum_blocks((struct form){rows, lanes, windows, 2}, d, last, known, sums, started);
        else sum_blocks(one, d, last, known, sums, started);
    }
    end(one, d, sums);
}

typedef void dot_function(const struct dot *d);

/* Rows and windows that the plan leaves: fewer lanes than a vector has make at most two windows, and where a and b run along k
 * there are four sums at most, as of three rows of whole vectors. */
#define FOR_EACH_FORM(X, lanes)   X(1, lanes, 1) X(1, lanes, 2) X(2, lanes, 1) X(2, lanes, 2) X(3, lanes, 1) X(4, lanes, 1)
#define FOR_EACH_NARROW(X, lanes) FOR_EACH_FORM(X, lanes) X(3, lanes, 2) X(4, lanes, 2)
#define FOR_EACH_WIDE(X, lanes)                                                                                                \
    FOR_EACH_FORM(X, lanes)                                                                                                    \
    X(1, lanes, 3) X(1, lanes, 4) X(1, lanes, 5) X(1, lanes, 6) X(1, lanes, 7) X(1, lanes, 8) X(2, lanes, 3) X(2, lanes, 4)
#define SUM(rows, lanes, windows)                                                                                              \
    static void sum_##rows##_##lanes##_##windows(const struct dot *d) { sum_columns(d, rows, lanes, windows); }
#define ENTRY(rows, lanes, windows) [rows - 1][windows - 1] = sum_##rows##_##lanes##_##windows,
#if GK_LANES > 4
#define FOR_EACH_4(X) FOR_EACH_NARROW(X, 4)
#else
#define FOR_EACH_4(X)
#endif
#if GK_LANES > 8
#define FOR_EACH_8(X) FOR_EACH_NARROW(X, 8)
#else
#define FOR_EACH_8(X)
#endif
FOR_EACH_FORM(SUM, 1)
FOR_EACH_NARROW(SUM, 2)
FOR_EACH_4(SUM)
FOR_EACH_8(SUM)
FOR_EACH_WIDE(SUM, GK_LANES)

static void sum_some(const struct dot *d, int rows, int lanes, int windows) {
    static dot_function *const functions[][ROWS][CHAINS] = {{FOR_EACH_FORM(ENTRY, 1)},
                                                            {FOR_EACH_NARROW(ENTRY, 2)},
                                                            {FOR_EACH_4(ENTRY)},
                                                            {FOR_EACH_8(ENTRY)},
                                                            {FOR_EACH_WIDE(ENTRY, GK_LANES)}};
    functions[lanes == GK_LANES ? 4 : __builtin_ctz((unsigned)lanes)][rows - 1][windows - 1](d);
}

static void go_on(struct dot *d, size_t b_col) {
    d->b += d->cols * b_col, d->c += d->cols * d->c_col;
    if (d->start) d->start += d->cols * d->start_col;
}

/* b's lines are k: as many columns at a time as registers hold; a vector of them is left, or none. */
static void sum_across(struct dot *d, int rows, size_t cols) {
    const size_t most = (size_t)(CHAINS / (rows == 3 ? 4 : rows) * GK_LANES);
    for (; cols > 0; cols -= d->cols, go_on(d, 1)) {
        d->cols = cols <= most ? cols : gk_min(most, cols - GK_LANES);
        const int lanes = d->cols >= GK_LANES ? GK_LANES : d->cols >= 8 ? 8 : d->cols >= 4 ? 4 : d->cols >= 2 ? 2 : 1;
        d->last = d->cols - (size_t)lanes;
        sum_some(d, rows, lanes, (int)gk_ceil_div(d->cols, (size_t)lanes));
    }
}

/* Vectors whose lanes are blocks, for one column. */
struct lanes {
    int rows, lanes, vectors;
};

/* GK_COLUMNS more of k. */
GK_INLINE void add_lanes(const struct lanes f, const real *a, size_t a_row, const real *b, vf *chains) {
    vf y[GK_COLUMNS];
    vf_load_columns_first(b, GK_KB, y, f.lanes);
    UNROLLED for (int r = 0; r < f.rows; r++) {
        vf x[GK_COLUMNS];
        vf_load_columns_first(a + (size_t)r * a_row, GK_KB, x, f.lanes);
        UNROLLED for (int u = 0; u < GK_COLUMNS; u++) chains[r] = vf_fma_first(x[u], y[u], chains[r], f.lanes);
    }
}

/* The last, short block, beside the others. */
GK_INLINE void add_short(const struct lanes f, const real *a, size_t a_row, const real *b, vf *chains, const int count) {
    UNROLLED for (int r = 0; r < f.rows; r++) {
        UNROLLED for (int u = 0; u < count; u++) chains[r] =
            vf_fma_first(vf_set1(a[(size_t)r * a_row + (size_t)u]), vf_load_first(b + u, 1), chains[r], 1);
    }
}

/* Blocks from `block` on, of `whole` ones; the last vector's overlap. */
GK_INLINE void sum_lanes(const struct lanes f, const struct dot *d, size_t block, size_t whole, size_t rest, vf totals[ROWS]) {
    const size_t a_row = d->a_row, count = gk_min((size_t)(f.lanes * f.vectors), whole - block), step = (size_t)f.lanes;
    const size_t first = gk_min(block, whole - step), second = gk_min(block + step, whole - step);
    const size_t apart = (second - first) * GK_KB;
    const real *a = d->a + first * GK_KB, *b = d->b + first * GK_KB;
    const real *a_last = d->a + whole * GK_KB, *b_last = d->b + whole * GK_KB;
    vf chains[VECTORS * ROWS], last[ROWS];
    UNROLLED for (int c = 0; c < f.rows * f.vectors; c++) chains[c] = vf_zero();
    UNROLLED for (int r = 0; r < f.rows; r++) last[r] = vf_zero();
    for (size_t i = 0; i < GK_KB; i += GK_COLUMNS, a += GK_COLUMNS, b += GK_COLUMNS) {
        add_lanes(f, a, a_row, b, chains);
        if (f.vectors > 1) add_lanes(f, a + apart, a_row, b + apart, chains + f.rows);
        if (i + GK_COLUMNS > rest) continue;
        add_short(f, a_last, a_row, b_last, last, GK_COLUMNS);
        a_last += GK_COLUMNS, b_last += GK_COLUMNS;
    }
    for (size_t i = rest % GK_COLUMNS; i > 0; i--, a_last++, b_last++) add_short(f, a_last, a_row, b_last, last, 1);
    UNROLLED for (int r = 0; r < f.rows; r++) {
        real before[GK_LANES + VECTORS * GK_LANES + 1], *const sums = before + GK_LANES;
        vf_store_n(sums + first - block, chains[r], step);
        if (f.vectors > 1) vf_store_n(sums + second - block, chains[f.rows + r], step);
        vf_store_n(sums + count, last[r], 1);
        for (size_t l = 0; l < count + (rest > 0); l++)
            totals[r] = d->start || block + l > 0 ? vf_add_first(totals[r], sums + l, 1) : vf_load_first(sums + l, 1);
    }
}

GK_INLINE void sum_blocks_as_lanes(const struct dot *d, const int rows, const int lanes) {
    const size_t whole = d->k / GK_KB, step = (size_t)lanes;
    const struct form one = {rows, 1, 1, 1};
    vf sums[CHAINS];
    begin(one, d, sums);
    for (size_t block = 0, count; block < whole; block += count) {
        const bool two = rows == 1 && whole - block > step;
        count = gk_min(whole - block, two ? VECTORS * step : step);
        const size_t rest = block + count == whole ? d->k % GK_KB : 0;
        if (two) sum_lanes((struct lanes){rows, lanes, VECTORS}, d, block, whole, rest, sums);
        else sum_lanes((struct lanes){rows, lanes, 1}, d, block, whole, rest, sums);
    }
    end(one, d, sums);
}

/* Lanes: 16 bytes, half a vector or a whole one. */
#define FOR_EACH_DOT_ROWS(X) X(1) X(2) X(3) X(4)
#define LANES(rows)                                                                                                            \
    static void few_##rows(const struct dot *d) { sum_blocks_as_lanes(d, rows, GK_COLUMNS); }                                  \
    static void half_##rows(const struct dot *d) { sum_blocks_as_lanes(d, rows, GK_HALF); }                                    \
    static void whole_##rows(const struct dot *d) { sum_blocks_as_lanes(d, rows, GK_LANES); }
#define LANES_ENTRY(rows) {few_##rows, half_##rows, whole_##rows},
FOR_EACH_DOT_ROWS(LANES)

/* a's and b's lines run along k: with enough blocks these are lanes, otherwise two columns are summed at a time. */
static void sum_along(struct dot *d, int rows, size_t ldb, size_t cols) {
    static dot_function *const functions[ROWS][3] = {FOR_EACH_DOT_ROWS(LANES_ENTRY)};
    const size_t whole = d->k / GK_KB;
    d->last = ldb;
    for (; cols > 0; cols -= d->cols, go_on(d, ldb)) {
        d->cols = whole >= GK_COLUMNS ? 1 : gk_min(cols, 2);
        if (whole >= GK_COLUMNS) functions[rows - 1][(whole >= GK_HALF) + (whole >= GK_LANES)](d);
        else sum_some(d, rows, 1, (int)d->cols);
    }
}

void GK_SYMBOL(gemm_dot)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                         real *scratch) {
    const bool across = g->transposed, adds = g->accumulate;
    const size_t j = share->cols.begin;
    struct dot d = {.k = g->k, .a_row = line_step(&g->a), .a_k = k_step(&g->a), .b_k = k_step(&g->b)};
    (void)plan, (void)scratch;
    d.c_row = across ? 1 : g->ldc, d.c_col = across ? g->ldc : 1;
    d.start_row = adds ? d.c_row : across, d.start_col = adds ? d.c_col : !across;
    for (size_t i = share->rows.begin, rows; i < share->rows.end; i += rows) {
        rows = gk_min(ROWS, share->rows.end - i);
        d.a = element(&g->a, i, 0), d.b = element(&g->b, j, 0);
        d.c = element_of_c(g, i, j), d.start = start_of(g, i, j, 0).at;
        if (g->b.along_k) sum_along(&d, (int)rows, g->b.ld, share->cols.end - j);
        else sum_across(&d, (int)rows, share->cols.end - j);
    }
}
