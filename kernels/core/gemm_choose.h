/* THE choice of how to compute a product, by its shape, the caches and the number of threads. It is written once and compiled
 * several times: for each isa, with its constants, where it is followed (small products need that to be as fast), and in
 * gemm_plan.c for every CPU. */
#ifndef GK_GEMM_CHOOSE_H
#define GK_GEMM_CHOOSE_H

#include <math.h>
#include <stdint.h>

#include "isa.h"

enum { PAGE = 4096 };

/* unit: a power of two. To divide by it would take a tenth of the time of a tiny product. */
static inline size_t round_up(size_t a, size_t unit) { return (a + unit - 1) & ~(unit - 1); }

/* The tiles beside one another whose packed block of b takes half of L2. */
static inline size_t widest_block(const struct gk_gemm_tile *tile, const struct gk_caches *caches) {
    const size_t fits = caches->l2 / 2 >> __builtin_ctzll(GK_KB * tile->cols * tile->real);
    return fits ? fits : 1;
}

/* A thread's scratch: blocks of b, strips of a, sums of blocks before the last. */
static inline void lay_out(struct gk_gemm_plan *plan, const struct gk_gemm_tile *tile, const struct gk_caches *caches) {
    const size_t widest = widest_block(tile, caches), rows = tile->strips_together * tile->rows;
    if (tile->lanes == 1) return;
    plan->strips = GK_GEMM_BLOCKS_TOGETHER * widest * tile->panel;
    plan->sums = plan->strips + tile->strips_together * tile->strip;
    plan->scratch = round_up((plan->sums + rows * widest * tile->cols) * tile->real, PAGE);
}

/* Bytes of a thread's scratch, the same for every product, so that a thread may start the next one while others are still at
 * this; whole pages, so that threads share none. */
static inline size_t gk_gemm_scratch(const struct gk_gemm_tile *tile, const struct gk_caches *caches) {
    struct gk_gemm_plan plan = {.scratch = 0};
    lay_out(&plan, tile, caches);
    return plan.scratch;
}

static inline struct gk_gemm_shape flip(const struct gk_gemm_shape *s) {
    struct gk_gemm_shape t = *s;
    t.rows = s->cols, t.cols = s->rows;
    t.a = s->b, t.b = s->a;
    return t;
}

/* A b that must be packed has to be used often. Where rows of c are not a whole number of vectors, tiles were faster from k = 5
 * on. */
static inline bool is_shallow(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s) {
    const size_t most = s->ldc & (tile->lanes - 1) ? GK_GEMM_SHALLOW_K / 2 : GK_GEMM_SHALLOW_K;
    return s->k <= most && (!s->b.along_k || s->rows > 4 * s->k);
}

/* Three rows of more than a vector have as many chains in a tile. Where one or two have more columns than registers hold, THIN
 * reads a b of many k in the order in which it lies. contiguous: are the columns of a row of c? One by one, many take longer to
 * store than few k to sum. */
static inline bool is_dot(const struct gk_gemm_tile *tile, size_t rows, size_t cols, size_t k, bool a_along_k, bool b_along_k,
                          bool contiguous) {
    if (rows > GK_GEMM_DOT_ROWS) return false;
    if (b_along_k) return a_along_k && rows * cols <= GK_GEMM_DOT_ROWS && cols < tile->lanes;
    if (rows > GK_GEMM_DOT_ROWS / 2) return cols <= tile->lanes;
    return cols < GK_GEMM_DOT_VECTORS * tile->lanes || (k < GK_GEMM_DOT_K && contiguous);
}

/* A c of one column without gaps is a row. */
static inline bool is_run(const struct gk_gemm_shape *s) { return s->cols == 1 && s->ldc == 1; }

/* Few rows, or of the transposed product. */
static inline bool dots_rows(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s) {
    return (s->rows <= s->cols || s->a.along_k != s->b.along_k) &&
           is_dot(tile, s->rows, s->cols, s->k, s->a.along_k, s->b.along_k, true);
}

static inline bool dots_columns(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s) {
    return is_dot(tile, s->cols, s->rows, s->k, s->b.along_k, s->a.along_k, is_run(s));
}

/* Short sums are not worth it, nor are partial sums for a few vectors of columns, which DOT has in registers. */
static inline bool is_thin(const struct gk_gemm_tile *tile, size_t few, size_t many, size_t k, struct gk_gemm_lines b,
                           bool contiguous) {
    if (!b.along_k)
        return few <= GK_GEMM_THIN_ROWS && contiguous && k >= GK_GEMM_DOT_K && many >= GK_GEMM_DOT_VECTORS * tile->lanes;
    const size_t most = gk_gemm_in_one_set(b.ld, tile->real) ? GK_GEMM_THIN_ROWS : tile->rows;
    return few <= most && k >= tile->lanes && many >= tile->lanes;
}

/* One block of k, and a b that needs no more scratch than there always is. */
static inline bool is_tiny(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s, size_t threads) {
    return threads == 1 && s->rows <= tile->cols && s->cols <= GK_GEMM_BLOCKS_TOGETHER * tile->cols && s->k <= GK_KB;
}

static inline enum gk_gemm_way gk_gemm_way_of(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s, size_t threads) {
    if (s->k == 0 || s->rows == 0 || s->cols == 0) return GK_GEMM_EMPTY;
    if (tile->lanes == 1) return GK_GEMM_REFERENCE;
    if (is_shallow(tile, s) && !(is_run(s) && dots_columns(tile, s))) return GK_GEMM_SHALLOW;
    if (dots_rows(tile, s) || dots_columns(tile, s)) return GK_GEMM_DOT;
    const bool thin = s->rows <= s->cols ? is_thin(tile, s->rows, s->cols, s->k, s->b, true)
                                         : is_thin(tile, s->cols, s->rows, s->k, s->a, is_run(s));
    if (thin) return GK_GEMM_THIN;
    return is_tiny(tile, s, threads) ? GK_GEMM_TINY : GK_GEMM_BLOCKED;
}

/* A c that the last cache would not keep need not be read into it before it is written. */
static inline bool past_caches(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s, const struct gk_caches *caches) {
    const bool aligned = (((uintptr_t)s->c | s->ldc * tile->real) & (tile->lanes * tile->real - 1)) == 0;
    return aligned && !s->accumulate && s->rows * s->cols * tile->real > caches->l3 / 2;
}

/* What a block of k takes of lines that are k. */
static inline size_t spread(const struct gk_gemm_tile *tile, struct gk_gemm_lines lines, size_t k) {
    return lines.ld * gk_min(k, GK_KB) * tile->real;
}

/* A b that runs along k must be transposed. In place, few rows of c do not repay a copy, nor do many where a block of it lies
 * so densely that it stays in L2 (few pages, no two of its rows far apart). Narrow vectors read it four times as often: L1 must
 * hold it, and no vector may lie across two lines. */
static inline bool packs_b(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s, size_t rows,
                           const struct gk_caches *caches) {
    const size_t bytes = spread(tile, s->b, s->k);
    if (s->b.along_k) return true;
    if (tile->rows < 8) return rows > 4 * tile->rows && (s->b.ld & (tile->lanes - 1) || bytes > caches->l2 / 8);
    return rows > 2 * tile->rows && bytes > caches->l2 / 2;
}

/* Where a runs along the rows of c, 6 rows use 24 of 64 bytes of each line, and 256 such lines leave b no room in L1: then
 * strips are copied, unless they lie densely or too few tiles read them. In place, 12 rows were 2 to 5 % faster on Zen 4. */
static inline bool packs_strips(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s, size_t cols,
                                const struct gk_caches *caches) {
    return !s->a.along_k && tile->rows < 8 && s->rows >= 2 * tile->rows && cols >= 4 * tile->cols &&
           spread(tile, s->a, s->k) > caches->l2 / 8;
}

static inline size_t tile_rows(const struct gk_gemm_tile *tile, struct gk_gemm_lines a) {
    return a.along_k && tile->rows > 8 && gk_gemm_in_one_set(a.ld, tile->real) ? 8 : tile->rows;
}

/* A product, or its transpose, cut into so many rectangles of rows, and of columns. */
struct cut {
    const struct gk_gemm_shape *shape;
    bool transposed;
    size_t down, across;
};

/* A few columns behind the last whole vector would fill a quarter of one. Where a has vectors of rows, they are rows of the
 * transposed product instead. */
static inline size_t rest_of(const struct gk_gemm_tile *tile, const struct cut *cut) {
    const struct gk_gemm_shape *const s = cut->shape;
    const size_t rest = s->cols & (tile->lanes - 1);
    const bool enough = s->rows >= cut->down * tile->lanes && round_up(s->cols, tile->lanes) >= 3 * cut->across * tile->lanes;
    return !cut->transposed && s->k >= tile->lanes && enough && rest <= GK_GEMM_THIN_ROWS ? rest : 0;
}

/* Prices of a k, in multiplied elements, the same for all isas: how many of them an AVX2 core multiplies while it does one of
 * these. Of Zen 4; Zen 1 multiplies half as many meanwhile. */
enum {
    PRICE_TRANSPOSED_B = 8, /* an element of b that is packed, transposed */
    PRICE_PACKED_B = 4,     /* or not */
    PRICE_READ_B = 2,       /* or read in place */
    PRICE_READ_A = 2,       /* an element of a, which all threads across read */
    PRICE_ENDING = 10       /* an element of c that is transposed on its way out */
};

/* What a k costs the slowest thread. */
static inline double cost(const struct gk_gemm_tile *tile, const struct cut *cut, const struct gk_caches *caches) {
    const struct gk_gemm_shape *const s = cut->shape;
    const size_t rows = gk_ceil_div(s->rows, cut->down), rest = rest_of(tile, cut);
    const size_t cols = round_up(gk_ceil_div(s->cols - rest, cut->across), tile->lanes);
    const double area = (double)rows * (double)(cols + rest);
    const int b = !packs_b(tile, s, rows, caches) ? PRICE_READ_B : s->b.along_k ? PRICE_TRANSPOSED_B : PRICE_PACKED_B;
    const double ending = cut->transposed ? PRICE_ENDING * area / (double)gk_min(s->k, GK_KB) : 0;
    return area + b * (double)cols + PRICE_READ_A * (double)rows + ending;
}

/* The cheapest of the product and its transpose, cut into `across` rectangles side by side. */
static inline struct cut cheapest(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *s,
                                  const struct gk_gemm_shape *flipped, size_t threads, const struct gk_caches *caches) {
    struct cut best = {.shape = s};
    double least = INFINITY;
    for (int transposed = 0; transposed < 2; transposed++)
        for (size_t across = 1; across <= threads; across++) {
            if (threads % across) continue;
            const struct cut cut = {transposed ? flipped : s, transposed, threads / across, across};
            const double price = cost(tile, &cut, caches);
            if (price < least) least = price, best = cut;
        }
    return best;
}

static inline size_t equal_blocks(size_t cols, size_t most, size_t unit) {
    return round_up(cols <= most ? cols : gk_ceil_div(cols, gk_ceil_div(cols, most)), unit);
}

/* Does b, in place, end in fewer columns than a vector, so that it could not be read without a slow mask? */
static inline bool ends_narrow(const struct gk_gemm_plan *plan, const struct gk_gemm_tile *tile,
                               const struct gk_gemm_shape *s) {
    if (!tile->masks_are_vectors) return false;
    const size_t shares = gk_min(plan->across, gk_ceil_div(s->cols, plan->unit)); /* that have columns */
    const struct gk_slice last = gk_slice_of(s->cols, plan->unit, shares - 1, plan->across);
    const size_t cols = last.end - last.begin - plan->rest;
    return cols && (cols - 1) % plan->block_cols + 1 < tile->lanes;
}

static inline void block(struct gk_gemm_plan *plan, const struct gk_gemm_tile *tile, const struct gk_gemm_shape *shape,
                         const struct gk_caches *caches, size_t threads) {
    const struct gk_gemm_shape flipped = flip(shape);
    const struct cut cut = cheapest(tile, shape, &flipped, threads, caches);
    const struct gk_gemm_shape *const s = cut.shape;
    const size_t cols = gk_min(s->cols, round_up(gk_ceil_div(s->cols, cut.across), tile->lanes));
    plan->transposed = cut.transposed, plan->down = cut.down, plan->across = cut.across;
    plan->block_cols = equal_blocks(cols, widest_block(tile, caches) * tile->cols, tile->cols);
    plan->rest = rest_of(tile, &cut);
    plan->tile_rows = tile_rows(tile, s->a);
    plan->packs_b = packs_b(tile, s, gk_ceil_div(s->rows, cut.down), caches) || ends_narrow(plan, tile, s);
    plan->packs_strips = packs_strips(tile, s, gk_min(cols - plan->rest, plan->block_cols), caches);
    plan->streams = !cut.transposed && s->k <= GK_GEMM_BLOCKS_TOGETHER * GK_KB && past_caches(tile, s, caches);
}

/* Written where the caller wants it: to copy what was just written piece by piece makes the CPU wait. */
static inline void gk_gemm_choose(struct gk_gemm_plan *plan, enum gk_gemm_way way, const struct gk_gemm_tile *tile,
                                  const struct gk_gemm_shape *shape, size_t threads, const struct gk_caches *caches) {
    const bool tall = shape->rows >= shape->cols;
    *plan = (struct gk_gemm_plan){
        .way = way, .unit = tile->lanes, .down = tall ? threads : 1, .across = tall ? 1 : threads, .block_cols = shape->cols};
    lay_out(plan, tile, caches);
    switch (way) {
    case GK_GEMM_REFERENCE: plan->block_cols = GK_GEMM_REFERENCE_COLS; break;
    case GK_GEMM_SHALLOW:
        plan->block_cols = equal_blocks(gk_ceil_div(shape->cols, plan->across), GK_GEMM_SHALLOW_COLS, tile->lanes);
        plan->packs_b = shape->b.along_k || ends_narrow(plan, tile, shape);
        plan->streams = past_caches(tile, shape, caches); /* half the time of 8 x 4096 x 4096 */
        break;
    case GK_GEMM_DOT:
        plan->transposed = !dots_rows(tile, shape);
        plan->down = 1, plan->across = threads;
        break;
    case GK_GEMM_THIN:
        plan->transposed = shape->cols < shape->rows;
        plan->block_cols = gk_gemm_thin_cols(tile, plan->transposed ? shape->a.along_k : shape->b.along_k);
        plan->down = 1, plan->across = threads;
        break;
    case GK_GEMM_TINY:
        plan->tile_rows = tile->rows;
        plan->packs_b = gk_gemm_transposes_b(shape->b.along_k, shape->cols) || ends_narrow(plan, tile, shape);
        break;
    case GK_GEMM_BLOCKED: block(plan, tile, shape, caches, threads); break;
    default: break;
    }
    plan->rows = plan->transposed ? shape->cols : shape->rows, plan->cols = plan->transposed ? shape->rows : shape->cols;
}

#endif
