/* Tiles, and what else keeps sums in vectors: how a row of a is reached, how sums are stored, how blocks are packed. */
#ifndef GK_GEMM_TILE_H
#define GK_GEMM_TILE_H

#include "gemm_parts.h"

/* Tiles side by side, one or some of NR columns each: rows x (NV or fewer) vectors of c, over k of one block. Of two vectors
 * both are whole: they may overlap. */
struct tile {
    size_t k, tiles;
    const real *a;
    size_t a_row, a_k; /* strides */
    const real *b;
    size_t ldb, b_next; /* from a tile to the next one */
    real *c;
    size_t ldc, c_next;
    struct start start;
    size_t start_next;
    size_t width;      /* columns of each */
    const real *ahead; /* of the next block of b a line is fetched at each k: all at once they would wait for one another */
    size_t ahead_step;
};

/* How a tile ends, each a set of functions of its own. */
enum ending {
    WHOLE,          /* whole vectors */
    STREAMED,       /* the same, stored past the caches */
    PARTIAL,        /* two that overlap, or less than one */
    LOW,            /* the low lanes are enough for the last ones */
    TRANSPOSED,     /* a row of the tile is a column of c */
    TRANSPOSED_LOW, /* both */
    ENDINGS
};

typedef void tile_function(const struct tile *t);
extern tile_function *const GK_SYMBOL(gemm_tiles)[MR][NV][ENDINGS];

/* `count` columns of b. Where masks are vectors, and slow, a whole vector can be read. */
GK_INLINE vf load_b(const real *b, size_t count) {
    return GK_MASKS_ARE_VECTORS || count == GK_LANES ? vf_load(b) : vf_load_n(b, count);
}

/* Of the next tile where so many columns are left: fewer than a vector only if there never were more. */
GK_INLINE size_t tile_width(size_t left) { return left > NR && left < NR + GK_LANES ? left - GK_LANES : gk_min(left, NR); }

/* How many tiles of that width lie side by side. */
GK_INLINE size_t tiles_beside(size_t left) {
    const size_t rest = left % NR, whole = left / NR;
    return left < NR + GK_LANES ? 1 : whole - (rest > 0 && rest < GK_LANES);
}

/* streams: c is aligned, too. */
GK_INLINE enum ending ending_of(size_t width, bool transposed, bool streams) {
    const size_t last = (width - 1) % GK_LANES + 1;
    if (streams && last == GK_LANES) return STREAMED;
    if (last <= GK_LOW_LANES) return transposed ? TRANSPOSED_LOW : LOW;
    return transposed ? TRANSPOSED : last < GK_LANES ? PARTIAL : WHOLE;
}

GK_INLINE void run_tiles(struct tile *t, size_t height, size_t tiles, size_t width, bool transposed, bool streams) {
    t->tiles = tiles, t->width = width;
    GK_SYMBOL(gemm_tiles)[height - 1][(width - 1) / GK_LANES][ending_of(width, transposed, streams)](t);
}

/* Three pointers, a step and three steps reach every row of an unpacked a without a pointer a row. */
#define A_ROW(i) ((i) < 4 ? a0 : (i) < 8 ? a1 : a2)[(i) % 4 == 3 ? step3 : (i) % 4 * step]

#if GK_TILE_ROWS == 12
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#elif GK_TILE_ROWS == 6
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#error "no tiles of GK_TILE_ROWS rows"
#endif

GK_INLINE vf add_start(vf sum, const real *start, const size_t count) {
    return vf_add(count == GK_LANES ? vf_load(start) : vf_load_few(start, count), sum);
}

GK_INLINE void store_sum(real *c, vf sum, const size_t count, const bool streams) {
    if (count == GK_LANES && streams) vf_stream(c, sum);
    else if (count == GK_LANES) vf_store(c, sum);
    else vf_store_n(c, sum, count);
}

/* The rows of a rectangle in strips of equal heights, for a low tile waits for its fma chains: `more` of them have a row more.
 */
struct strips {
    size_t first_row, count, share, more;
};

GK_INLINE size_t strip_row(const struct strips *s, size_t strip) {
    return s->first_row + strip * s->share + gk_min(strip, s->more);
}

/* Columns of b, for one block of k, become a panel for each tile: [k][NR] each, PITCH reals apart. Fewer columns than a vector
 * become one, with lanes of 0, or of the next row: nobody stores them. */
void GK_SYMBOL(gemm_pack_panels)(const struct gk_gemm *g, struct gk_slice cols, struct gk_slice k, real *out);

/* The row with which a packed strip begins whose first is i: MW rows can be read from there. */
GK_INLINE size_t packed_row(const struct gk_gemm *g, size_t i) { return gk_min(i, g->rows - MW); }

/* Runs of an a whose lines are k, some strips wide, become [k][MW] each, STRIP reals apart. */
void GK_SYMBOL(gemm_pack_strips)(const struct gk_gemm *g, const struct strips *s, struct gk_slice strips, struct gk_slice k,
                                 real *out);

/* Fetches `count` reals into L2. */
GK_INLINE void fetch(const real *from, size_t count) {
    for (size_t i = 0; i < count; i += LINE) __builtin_prefetch(from + i, 0, 2);
}

#endif
