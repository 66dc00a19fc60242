/* Tiles, and what else keeps sums in vectors: how a row of a is reached, how sums are stored, how blocks are packed. */
#ifndef GK_GEMM_TILE_H
#define GK_GEMM_TILE_H

#include "gemm_parts.h"

/* One tile: rows x (NV or fewer) vectors of c, over k of one block. */
struct tile {
    size_t k;
    const real *a;
    size_t a_row, a_k; /* strides */
    const real *b;
    size_t ldb;
    real *c;
    size_t ldc;
    struct start start;
    size_t last;       /* columns in the last vector */
    const real *ahead; /* of the next block of b a line is fetched at each k: all at once they would wait for one another */
    size_t ahead_step;
};

/* How a tile ends, each a set of functions of its own. */
enum ending {
    WHOLE,          /* all vectors are full */
    STREAMED,       /* the same, stored past the caches */
    PARTIAL,        /* the last one is not */
    LOW,            /* the last one has its low lanes at most */
    TRANSPOSED,     /* a row of the tile is a column of c */
    TRANSPOSED_LOW, /* both */
    ENDINGS
};

typedef void tile_function(const struct tile *t);
extern tile_function *const GK_SYMBOL(gemm_tiles)[MR][NV][ENDINGS];

GK_INLINE enum ending ending_of(size_t last, bool transposed, bool streams) {
    if (last == GK_LANES && streams) return STREAMED;
    if (last <= GK_LOW_LANES) return transposed ? TRANSPOSED_LOW : LOW;
    return transposed ? TRANSPOSED : last < GK_LANES ? PARTIAL : WHOLE;
}

/* width: 1 to NR columns. */
GK_INLINE void run_tile(struct tile *t, size_t height, size_t width, bool transposed, bool streams) {
    const size_t vectors = gk_ceil_div(width, GK_LANES);
    t->last = width - (vectors - 1) * GK_LANES;
    GK_SYMBOL(gemm_tiles)[height - 1][vectors - 1][ending_of(t->last, transposed, streams)](t);
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

/* starts: is there a start value to add? */
GK_INLINE void store_sum(real *c, const real *start, const bool starts, vf sum, const size_t count, const bool streams) {
    if (starts) sum = vf_add(count == GK_LANES ? vf_load(start) : vf_load_n(start, count), sum);
    if (count == GK_LANES && streams) vf_stream(c, sum);
    else if (count == GK_LANES) vf_store(c, sum);
    else vf_store_n(c, sum, count);
}

/* The rows of a rectangle in strips of equal heights, for a low tile waits for its fma chains: `more` of them have a row more.
 */
struct strips {
    size_t first_row, end_row;
    size_t count, share, more;
};

GK_INLINE size_t strip_row(const struct strips *s, size_t strip) {
    return s->first_row + strip * s->share + gk_min(strip, s->more);
}

/* Columns of b, for one block of k, become panels of NR columns: [k][NR] each, PITCH reals apart. Lanes past the last column
 * are 0. */
void GK_SYMBOL(gemm_pack_panels)(const struct gk_view *b, struct gk_slice cols, struct gk_slice k, real *out);

/* Runs of an a whose lines are k, some strips wide, become [k][MW] each, STRIP reals apart. */
void GK_SYMBOL(gemm_pack_strips)(const struct gk_view *a, const struct strips *s, struct gk_slice strips, struct gk_slice k,
                                 real *out);

/* Fetches `count` reals into L2. */
GK_INLINE void fetch(const real *from, size_t count) {
    for (size_t i = 0; i < count; i += LINE) __builtin_prefetch(from + i, 0, 2);
}

#endif
