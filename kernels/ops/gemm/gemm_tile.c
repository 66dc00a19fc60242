/* A tile's sum is one chain of fma over k from +0, for each element in a lane of its own; a's rows are broadcast from where
 * they lie. */
#include "gemm_tile.h"

enum { LONG_ENOUGH = 32 }; /* k of a tile that c is fetched for meanwhile */

GK_INLINE bool fills(const enum ending ending) { return ending == WHOLE || ending == STREAMED; }

/* Of the last vector: how many columns, and which is the first. */
GK_INLINE size_t last_lanes(const struct tile *t, const int vectors, const enum ending ending) {
    if (vectors == 1) return fills(ending) ? GK_LANES : t->width;
    return ending == LOW || ending == TRANSPOSED_LOW ? GK_LOW_LANES : GK_LANES;
}

GK_INLINE size_t last_column(const struct tile *t, const int vectors, const enum ending ending) {
    return vectors == 1 ? 0 : fills(ending) ? GK_LANES : t->width - last_lanes(t, vectors, ending);
}

/* What a row starts with is read before any of it is stored: vectors overlap. */
GK_INLINE void store_rows(const struct tile *t, real *c, const real *start, vf acc[MR][NV], const int rows, const int vectors,
                          const enum ending ending, const bool starts) {
    const size_t ldc = t->ldc, start_row = t->start.row, lanes = last_lanes(t, vectors, ending);
    const size_t last = last_column(t, vectors, ending);
    UNROLLED for (int i = 0; i < rows; i++, c += ldc, start += starts ? start_row : 0) {
        vf sum = acc[i][vectors - 1];
        if (starts) sum = add_start(sum, start + last, lanes);
        if (vectors == 2)
            store_sum(c, starts ? add_start(acc[i][0], start, GK_LANES) : acc[i][0], GK_LANES, ending == STREAMED);
        store_sum(c + last, sum, lanes, ending == STREAMED);
    }
}

GK_INLINE void store_columns(const struct tile *t, real *first_c, const real *first_start, vf acc[MR][NV], const int rows,
                             const int vectors, const enum ending ending) {
    const size_t ldc = t->ldc, start_row = t->start.row;
    UNROLLED for (int v = 0; v < vectors; v++) {
        const size_t lanes = v == vectors - 1 ? last_lanes(t, vectors, ending) : GK_LANES;
        const size_t j = v ? last_column(t, vectors, ending) : 0,
                     skip = v ? GK_LANES - j : 0; /* lanes that the first vector has */
        real *const c = first_c + j * ldc;
        const real *const start = first_start ? first_start + j * start_row : NULL;
        UNROLLED for (int first = 0; first < rows; first += GK_SQUARE) {
            const int some = rows - first < GK_SQUARE ? rows - first : GK_SQUARE;
            vf square[GK_SQUARE];
            UNROLLED for (int i = 0; i < GK_SQUARE; i++) square[i] = i < some ? acc[first + i][v] : vf_zero();
            vf_transpose_square(square);
            UNROLLED for (size_t l = 0; l < GK_LANES; l++) {
                if (l < skip || l >= lanes) continue;
                vf sum = vf_column(square, (int)l);
                if (start) sum = add_start(sum, start + l * start_row + first, (size_t)some);
                store_sum(c + l * ldc + first, sum, (size_t)some, false);
            }
        }
    }
}

/* The loops are not unrolled: that was 1 % slower on 100 x 784 x 50. */
GK_INLINE void fetch_c(const struct tile *t, const real *c, const size_t lines, const int vectors, const bool across) {
    for (size_t i = 0; i < lines; i++) __builtin_prefetch(c + i * t->ldc, 1);
    if (!across && vectors > 1)
        for (size_t i = 0; i < lines; i++) __builtin_prefetch(c + i * t->ldc + (vectors - 1) * GK_LANES, 1);
}

/* rows, vectors and ending are constants: the compiler keeps acc in registers and drops what is not used. */
GK_INLINE void one_tile(const struct tile *t, const real *b, real *c, const real *start, const int rows, const int vectors,
                        const enum ending ending) {
    const size_t step = t->a_row, step3 = 3 * step, ldb = t->ldb, a_k = t->a_k;
    const real *a0 = t->a, *a1 = a0 + 4 * step, *a2 = a0 + 8 * step, *ahead = t->ahead;
    const size_t ahead_step = t->ahead_step;
    const bool across = ending == TRANSPOSED || ending == TRANSPOSED_LOW, low = ending == LOW || ending == TRANSPOSED_LOW;
    const size_t lanes = last_lanes(t, vectors, ending), last = last_column(t, vectors, ending);
    vf acc[MR][NV];
    if (t->k >= LONG_ENOUGH && ending != STREAMED) fetch_c(t, c, across ? t->width : (size_t)rows, vectors, across);
    UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int v = 0; v < vectors; v++) acc[i][v] = vf_zero();
    for (size_t k = t->k; k > 0; k--) {
        const vf b0 = load_b(b, vectors == 1 ? lanes : GK_LANES), b1 = vectors == 1 ? b0 : load_b(b + last, lanes);
        UNROLLED for (int i = 0; i < rows; i++) {
            const vf av = vf_set1(A_ROW(i));
            UNROLLED for (int v = 0; v < vectors; v++) {
                const vf bv = v ? b1 : b0;
                acc[i][v] = low && v == vectors - 1 ? vf_fma_low(av, bv, acc[i][v]) : vf_fma(av, bv, acc[i][v]);
            }
        }
        __builtin_prefetch(ahead, 0, 2);
        a0 += a_k, a1 += a_k, a2 += a_k, b += ldb, ahead += ahead_step;
    }
    if (across) store_columns(t, c, start, acc, rows, vectors, ending);
    else if (start) store_rows(t, c, start, acc, rows, vectors, ending, true);
    else store_rows(t, c, start, acc, rows, vectors, ending, false);
}

GK_INLINE void tile_body(const struct tile *t, const int rows, const int vectors, const enum ending ending) {
    const real *b = t->b, *start = t->start.at;
    real *c = t->c;
    if (vectors < NV || !(fills(ending) || ending == TRANSPOSED)) {
        one_tile(t, b, c, start, rows, vectors, ending);
        return;
    }
    for (size_t tiles = t->tiles; tiles > 0; tiles--) {
        one_tile(t, b, c, start, rows, vectors, ending);
        b += t->b_next, c += t->c_next;
        if (start) start += t->start_next;
    }
}

#define FOR_EACH_WIDE_ENDING(X, rows, vectors)                                                                                 \
    X(rows, vectors, WHOLE) X(rows, vectors, STREAMED) X(rows, vectors, PARTIAL) X(rows, vectors, TRANSPOSED)
#if GK_LOW_LANES
#define FOR_EACH_ENDING(X, rows, vectors)                                                                                      \
    FOR_EACH_WIDE_ENDING(X, rows, vectors) X(rows, vectors, LOW) X(rows, vectors, TRANSPOSED_LOW)
#else
#define FOR_EACH_ENDING FOR_EACH_WIDE_ENDING
#endif
#define TILE(rows, vectors, ending)                                                                                            \
    static void gk_tile_##rows##x##vectors##_##ending(const struct tile *t) { tile_body(t, rows, vectors, ending); }
#define TILES(rows)                  FOR_EACH_ENDING(TILE, rows, 1) FOR_EACH_ENDING(TILE, rows, 2)
#define ENTRY(rows, vectors, ending) [ending] = gk_tile_##rows##x##vectors##_##ending,
#define ENTRIES(rows)                {{FOR_EACH_ENDING(ENTRY, rows, 1)}, {FOR_EACH_ENDING(ENTRY, rows, 2)}},

FOR_EACH_ROWS(TILES)
tile_function *const GK_SYMBOL(gemm_tiles)[MR][NV][ENDINGS] = {FOR_EACH_ROWS(ENTRIES)};
