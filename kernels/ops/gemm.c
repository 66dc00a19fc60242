/* Design: a thread owns a rectangle of c. It packs b, half of the L2 cache for each 256 of k, up to eight such blocks, and then
 * runs over some 100 rows for one block after the other, so that these rows of c stay in L2. A tile's rows of a are broadcast
 * from where they lie (but see packs_strips), while the next ones are fetched into L2. The same product as its transpose where
 * that costs less. A c larger than the last cache is stored past it. None of this changes a bit: a tile's sum is one chain of fma
 * over k from +0. */
#include "gemm.h"

/* k = 0: the start value alone. */
static void empty_sum(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols) {
    if (g->accumulate) return;
    for (size_t i = rows.begin; i < rows.end; i++)
        for (size_t j = cols.begin; j < cols.end; j++) g->c[i * g->ldc + j] = g->bias ? g->bias[j] : 0;
}

#if GK_LANES == 1

static real element(const struct gk_view *v, size_t i, size_t k) {
    return v->along_k ? v->p[i * v->ld + k] : v->p[k * v->ld + i];
}

/* 64 columns side by side, so that fmaf calls overlap; each is one chain. */
static void reference_block(const struct gk_gemm *g, size_t i, size_t j, size_t width, size_t k0) {
    real acc[64] = {0};
    for (size_t k = k0; k < gk_min(k0 + GK_KB, g->k); k++) {
        const real a = element(&g->a, i, k);
        for (size_t l = 0; l < width; l++) acc[l] = GK_FMA(a, element(&g->b, j + l, k), acc[l]);
    }
    real *const c = g->c + i * g->ldc + j;
    for (size_t l = 0; l < width; l++) {
        if (k0 > 0 || g->accumulate) acc[l] = c[l] + acc[l];
        else if (g->bias) acc[l] = g->bias[j + l] + acc[l];
        c[l] = acc[l];
    }
}

static void rectangle(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols) {
    for (size_t i = rows.begin; i < rows.end; i++)
        for (size_t j = cols.begin; j < cols.end; j += 64)
            for (size_t k = 0; k < g->k; k += GK_KB) reference_block(g, i, j, gk_min(64, cols.end - j), k);
}

size_t GK_SYMBOL(gemm_scratch)(const struct gk_gemm *g, const struct gk_machine *machine) {
    (void)g, (void)machine;
    return 0;
}

size_t GK_SYMBOL(gemm_block_cols)(const struct gk_caches *caches) {
    (void)caches;
    return 0;
}

void GK_SYMBOL(gemm)(const struct gk_gemm *g, const struct gk_team *team) {
    const bool down = g->rows >= g->cols;
    const struct gk_slice rows = down ? gk_team_slice(team, g->rows, 1) : (struct gk_slice){0, g->rows};
    const struct gk_slice cols = down ? (struct gk_slice){0, g->cols} : gk_team_slice(team, g->cols, 1);
    if (g->k == 0) empty_sum(g, rows, cols);
    else rectangle(g, rows, cols);
}

#else

enum {
    MR = GK_TILE_ROWS,
    NV = GK_TILE_VECTORS,
    NR = NV * GK_LANES,
    MW = (MR + GK_LANES - 1) / GK_LANES * GK_LANES,
    LINE = 64 / sizeof(real),
    PITCH = NR * GK_KB + LINE, /* reals between panels of b: a multiple of 4 KiB would put all of them in one set of L1 */
    STRIP = MW * GK_KB + LINE, /* reals between packed strips of a, likewise */
    BLOCKS_TOGETHER = 8,       /* blocks of k for which b is packed before c is touched */
    LONG_ENOUGH = 32,          /* k of a tile that c is fetched for meanwhile */
    STRIPS_TOGETHER = 96 / MR, /* some 100 rows of c that see all of these, one after the other */
};

/* One tile: rows x (NV or fewer) vectors of c, over k of one block. */
struct tile {
    size_t k;
    const real *a;
    size_t a_row, a_k; /* strides */
    const real *b;
    size_t ldb;
    real *c;
    size_t ldc;
    const real *start; /* NULL: the sum is stored as it is */
    size_t start_row;
    size_t last; /* columns in the last vector */
    const real *ahead; /* of the next block of b a line is fetched at each k: all at once they would wait for one another */
    size_t ahead_step;
};

/* Three pointers, a step and three steps reach every row of an unpacked a without a pointer a row. */
#define A_ROW(i) ((i) < 4 ? a0 : (i) < 8 ? a1 : a2)[(i) % 4 == 3 ? step3 : (i) % 4 * step]

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

GK_INLINE bool fills(const enum ending ending) {
    return ending == WHOLE || ending == STREAMED;
}

/* starts: is there a start value to add? */
GK_INLINE void store_sum(real *c, const real *start, const bool starts, vf sum, const size_t count, const bool streams) {
    if (starts) sum = vf_add(count == GK_LANES ? vf_load(start) : vf_load_n(start, count), sum);
    if (count == GK_LANES && streams) vf_stream(c, sum);
    else if (count == GK_LANES) vf_store(c, sum);
    else vf_store_n(c, sum, count);
}

GK_INLINE void store_rows(const struct tile *t, vf acc[MR][NV], const int rows, const int vectors, const enum ending ending,
                          const bool starts) {
    const size_t ldc = t->ldc, start_row = t->start_row, last = t->last;
    const real *start = t->start;
    real *c = t->c;
    UNROLLED for (int i = 0; i < rows; i++, c += ldc, start += starts ? start_row : 0)
        UNROLLED for (int v = 0; v < vectors; v++) {
            const size_t count = fills(ending) || v < vectors - 1 ? GK_LANES : last;
            store_sum(c + v * GK_LANES, start + v * GK_LANES, starts, acc[i][v], count, ending == STREAMED);
        }
}

GK_INLINE void store_columns(const struct tile *t, vf acc[MR][NV], const int rows, const int vectors) {
    const size_t ldc = t->ldc, start_row = t->start_row;
    const real *start = t->start;
    real *c = t->c;
    UNROLLED for (int v = 0; v < vectors; v++) {
        const size_t count = v == vectors - 1 ? t->last : GK_LANES;
        UNROLLED for (int first = 0; first < rows; first += GK_LANES) {
            const int some = rows - first < GK_LANES ? rows - first : GK_LANES;
            vf square[GK_LANES];
            UNROLLED for (int i = 0; i < GK_LANES; i++) square[i] = i < some ? acc[first + i][v] : vf_zero();
            vf_transpose(square);
            UNROLLED for (size_t l = 0; l < GK_LANES; l++)
                if (l < count) store_sum(c + l * ldc + first, start + l * start_row + first, start != NULL, square[l], (size_t)some, false);
        }
        c += GK_LANES * ldc, start += start ? GK_LANES * start_row : 0;
    }
}

/* The loops are not unrolled: that was 1 % slower on 100 x 784 x 50. */
GK_INLINE void fetch_c(const struct tile *t, const size_t lines, const int vectors, const bool across) {
    const real *const c = t->c;
    for (size_t i = 0; i < lines; i++) __builtin_prefetch(c + i * t->ldc, 1);
    if (!across && vectors > 1)
        for (size_t i = 0; i < lines; i++) __builtin_prefetch(c + i * t->ldc + (vectors - 1) * GK_LANES, 1);
}

GK_INLINE vf load_b(const real *b, const bool masked, const vm mask) {
    return masked ? vf_load_m(mask, b) : vf_load(b);
}

/* rows, vectors and ending are constants: the compiler keeps acc in registers and drops what is not used. */
GK_INLINE void tile_body(const struct tile *t, const int rows, const int vectors, const enum ending ending) {
    const size_t step = t->a_row, step3 = 3 * step, ldb = t->ldb, a_k = t->a_k;
    const real *a0 = t->a, *a1 = a0 + 4 * step, *a2 = a0 + 8 * step, *b = t->b, *ahead = t->ahead;
    const size_t ahead_step = t->ahead_step;
    const vm last = vm_first(t->last); /* here: made in the loop, it was kept on the stack */
    const bool across = ending == TRANSPOSED || ending == TRANSPOSED_LOW, low = ending == LOW || ending == TRANSPOSED_LOW;
    vf acc[MR][NV];
    if (t->k >= LONG_ENOUGH && ending != STREAMED) fetch_c(t, across ? (size_t)(vectors - 1) * GK_LANES + t->last : (size_t)rows, vectors, across);
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int v = 0; v < vectors; v++) acc[i][v] = vf_zero();
    for (size_t k = t->k; k > 0; k--) {
        const vf b0 = load_b(b, vectors == 1 && !fills(ending), last);
        const vf b1 = vectors == 1 ? b0 : load_b(b + GK_LANES, !fills(ending), last);
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
    if (across) store_columns(t, acc, rows, vectors);
    else if (t->start) store_rows(t, acc, rows, vectors, ending, true);
    else store_rows(t, acc, rows, vectors, ending, false);
}

typedef void tile_function(const struct tile *t);

#if GK_LOW_LANES
#define FOR_EACH_ENDING(X, rows, vectors)                                                                                  \
    X(rows, vectors, WHOLE) X(rows, vectors, STREAMED) X(rows, vectors, PARTIAL) X(rows, vectors, TRANSPOSED)              \
    X(rows, vectors, LOW) X(rows, vectors, TRANSPOSED_LOW)
#else
#define FOR_EACH_ENDING(X, rows, vectors)                                                                                  \
    X(rows, vectors, WHOLE) X(rows, vectors, STREAMED) X(rows, vectors, PARTIAL) X(rows, vectors, TRANSPOSED)
#endif
#define TILE(rows, vectors, ending)                                                                                        \
    static void gk_tile_##rows##x##vectors##_##ending(const struct tile *t) { tile_body(t, rows, vectors, ending); }
#define TILES(rows) FOR_EACH_ENDING(TILE, rows, 1) FOR_EACH_ENDING(TILE, rows, 2)
#define ENTRY(rows, vectors, ending) [ending] = gk_tile_##rows##x##vectors##_##ending,
#define ENTRIES(rows) {{FOR_EACH_ENDING(ENTRY, rows, 1)}, {FOR_EACH_ENDING(ENTRY, rows, 2)}},
#if GK_TILE_ROWS == 12
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#elif GK_TILE_ROWS == 6
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#error "no tiles of GK_TILE_ROWS rows"
#endif

FOR_EACH_ROWS(TILES)
static tile_function *const tiles[MR][NV][ENDINGS] = {FOR_EACH_ROWS(ENTRIES)};

/* Lines that are a multiple of 4 KiB apart share one set of L1, which holds 8 of them or more. */
static bool in_one_set(const struct gk_view *v) {
    return v->ld * sizeof(real) % 4096 == 0;
}

/* Half of L2. */
size_t GK_SYMBOL(gemm_block_cols)(const struct gk_caches *caches) {
    const size_t fits = caches->l2 / 2 / (GK_KB * sizeof(real)) / NR;
    return (fits ? fits : 1) * NR;
}

/* A thread's scratch, the same for every product, so that a thread may start the next one while others are still at this; in whole
 * pages, so that threads share none. */
static size_t block_reals(const struct gk_caches *caches) {
    return GK_SYMBOL(gemm_block_cols)(caches) / NR * PITCH;
}

static size_t sums_reals(const struct gk_caches *caches) {
    return (size_t)STRIPS_TOGETHER * MR * GK_SYMBOL(gemm_block_cols)(caches);
}

static size_t share_bytes(const struct gk_caches *caches) {
    const size_t reals = BLOCKS_TOGETHER * block_reals(caches) + STRIPS_TOGETHER * STRIP + sums_reals(caches);
    return gk_ceil_div(reals * sizeof(real), 4096) * 4096;
}

static real *scratch_of(const struct gk_team *team) {
    return (real *)((char *)team->scratch + team->rank * share_bytes(team->caches));
}

/* A c that the last cache would not keep need not be read into it before it is written. */
static bool past_caches(const struct gk_gemm *g, const struct gk_caches *caches) {
    const bool aligned = ((uintptr_t)g->c | g->ldc * sizeof(real)) % (GK_LANES * sizeof(real)) == 0;
    return aligned && !g->accumulate && g->rows * g->cols * sizeof(real) > caches->l3 / 2;
}

#include "short_sums.h"
#include "few_rows.h"

/* Columns of b, for one block of k, in panels of NR columns: [k][NR] each, PITCH reals apart. Lanes past the last column are 0. */
struct packing {
    const struct gk_view *view;
    size_t first, count; /* columns */
    size_t k0, k;
    real *out;
};

/* Rows come from far and a run of one is short: the row PACK_AHEAD on is fetched meanwhile. */
enum { PACK_AHEAD = 16 };

static void fetch(const real *from, size_t count) {
    for (size_t i = 0; i < count; i += LINE) __builtin_prefetch(from + i, 0, 2);
}

/* A view whose rows are k: copies runs of columns. */
static void pack_along_columns(const struct packing *p) {
    const size_t whole = p->count / NR, rest = p->count % NR;
    for (size_t k = 0; k < p->k; k++) {
        const real *row = p->view->p + (p->k0 + k) * p->view->ld + p->first;
        real *out = p->out + k * NR;
        if (k + PACK_AHEAD < p->k) fetch(row + PACK_AHEAD * p->view->ld, p->count);
        for (size_t panel = 0; panel < whole; panel++, row += NR, out += PITCH)
            UNROLLED for (size_t v = 0; v < NV; v++) vf_store(out + v * GK_LANES, vf_load(row + v * GK_LANES));
        for (size_t j = 0; j < rest; j += GK_LANES) vf_store(out + j, vf_load_n(row + j, gk_min(GK_LANES, rest - j)));
    }
}

/* GK_LANES lines that run along k become, for each k, a vector with a line a lane. */
static void pack_lines(const struct packing *p, size_t line, real *out) {
    const size_t lines = gk_min(GK_LANES, p->count - line), ld = p->view->ld;
    const real *const x = p->view->p + (p->first + line) * ld + p->k0;
    size_t k = 0;
    if (lines == GK_LANES && !in_one_set(p->view))
        for (; k + GK_COLUMNS <= p->k; k += GK_COLUMNS) {
            vf r[GK_COLUMNS];
            vf_load_columns(x + k, ld, r);
            UNROLLED for (size_t i = 0; i < GK_COLUMNS; i++) vf_store(out + (k + i) * NR, r[i]);
        }
    for (; k < p->k; k += GK_LANES) {
        const size_t count = gk_min(GK_LANES, p->k - k);
        vf r[GK_LANES];
        UNROLLED for (size_t i = 0; i < GK_LANES; i++) {
            if (i >= lines) r[i] = vf_zero();
            else r[i] = count == GK_LANES ? vf_load(x + i * ld + k) : vf_load_n(x + i * ld + k, count);
        }
        vf_transpose(r);
        UNROLLED for (size_t i = 0; i < GK_LANES; i++)
            if (i < count) vf_store(out + (k + i) * NR, r[i]);
    }
}

/* A view whose rows are columns of b. */
static void pack_along_k(const struct packing *p) {
    for (size_t j = 0; j < p->count; j += GK_LANES) pack_lines(p, j, p->out + j / NR * PITCH + j % NR);
}

/* What a block of k takes of a view whose rows are k. */
static size_t spread(const struct gk_view *v, size_t k) {
    return v->ld * gk_min(k, GK_KB) * sizeof(real);
}

/* A b that runs along k must be transposed. In place, few rows of c do not repay a copy, nor do many where a block of it lies so
 * densely that it stays in L2 (few pages, no two of its rows far apart). Narrow vectors read it four times as often: L1 must hold
 * it, and no vector may lie across two lines. */
static bool packs_b(const struct gk_gemm *g, size_t rows, const struct gk_caches *caches) {
    if (g->b.along_k) return true;
    if (MR < 8) return rows > 4 * MR && (g->b.ld % GK_LANES || spread(&g->b, g->k) > caches->l2 / 8);
    return rows > 2 * MR && spread(&g->b, g->k) > caches->l2 / 2;
}

/* Rows of a tile. */
static size_t tile_rows(const struct gk_view *a) {
    return a->along_k && MR > 8 && in_one_set(a) ? 8 : MR;
}

/* Where a runs along the rows of c, 6 rows use 24 of 64 bytes of each line, and 256 such lines leave b no room in L1: then strips
 * are copied, unless they lie densely or too few tiles read them. In place, 12 rows were 2 to 5 % faster on Zen 4. */
static bool packs_strips(const struct gk_gemm *g, size_t cols, const struct gk_caches *caches) {
    return !g->a.along_k && MR < 8 && cols >= 4 * NR && spread(&g->a, g->k) > caches->l2 / 8;
}

/* As many columns of a thread's rectangle as one packed block of b has. */
struct stripe {
    const struct gk_gemm *g;
    struct gk_slice rows, cols;
    size_t strips, share, more; /* equal heights, for a low tile waits for its fma chains: `more` of them have share + 1 rows */
    bool packed;
    real *b; /* where it is packed, a block of k after the other */
    size_t block;
    real *strip; /* where a strip of a is packed, or NULL */
    bool streams; /* the last block of k is stored past the caches, */
    real *sums;   /* those before it to here, some strips of it */
};

static enum ending ending_of(size_t last, bool transposed, bool streams) {
    if (last == GK_LANES && streams) return STREAMED;
    if (last <= GK_LOW_LANES) return transposed ? TRANSPOSED_LOW : LOW;
    return transposed ? TRANSPOSED : last < GK_LANES ? PARTIAL : WHOLE;
}

/* The row at which a strip begins. */
static size_t strip_row(const struct stripe *s, size_t strip) {
    return s->rows.begin + strip * s->share + gk_min(strip, s->more);
}

/* The block of k at k0. */
static struct gk_slice k_block(const struct gk_gemm *g, size_t k0) {
    return (struct gk_slice){k0, gk_min(g->k, k0 + GK_KB)};
}

/* Runs of a, some strips wide, become strips: [k][MW] each, STRIP reals apart. */
static void pack_strips(const struct stripe *s, struct gk_slice strips, struct gk_slice k) {
    const struct gk_view *const a = &s->g->a;
    size_t whole = strips.end; /* strips behind which MW reals can be read */
    while (whole > strips.begin && strip_row(s, whole - 1) + MW > s->rows.end) whole--;
    for (size_t l = k.begin; l < k.end; l++) {
        const real *const row = a->p + l * a->ld;
        real *out = s->strip + (l - k.begin) * MW;
        size_t i = strip_row(s, strips.begin), strip = strips.begin;
        for (; strip < whole; i += s->share + (strip < s->more), strip++, out += STRIP)
            UNROLLED for (size_t v = 0; v < MW; v += GK_LANES) vf_store(out + v, vf_load(row + i + v));
        for (; strip < strips.end; i += s->share + (strip < s->more), strip++, out += STRIP)
            for (size_t v = 0; v < MW && i + v < s->rows.end; v += GK_LANES)
                vf_store(out + v, vf_load_n(row + i + v, gk_min(GK_LANES, s->rows.end - i - v)));
    }
}

static void pack_block(const struct stripe *s, struct gk_slice k, real *out) {
    const struct packing p = {.view = &s->g->b, .first = s->cols.begin, .count = s->cols.end - s->cols.begin, .k0 = k.begin,
                              .k = k.end - k.begin, .out = out};
    if (p.view->along_k) pack_along_k(&p);
    else pack_along_columns(&p);
}

/* What the tiles to come will read is fetched into L2 meanwhile. a: some pieces, each of one row of memory, before each tile.
 * b, of which there is more: in columns of a line of 64 bytes, each in the loop of one tile (along its rows was no faster). */
struct ahead {
    struct ahead_a {
        const real *from;
        size_t step, count; /* reals: from one piece to the next, and of a piece */
        size_t pieces, each; /* left; for each tile */
    } a;
    struct ahead_b {
        const real *from;
        size_t step;
        size_t columns, tiles, due; /* one when `due`, to which each tile adds `columns`, reaches `tiles` */
    } b;
};

static struct ahead_a ahead_of_a(const struct gk_view *v, struct gk_slice rows, struct gk_slice k, size_t tiles_now) {
    const size_t some_rows = rows.end - rows.begin, some_k = k.end - k.begin;
    const size_t pieces = !some_rows ? 0 : v->along_k ? some_rows : some_k;
    return (struct ahead_a){.from = v->p + (v->along_k ? rows.begin * v->ld + k.begin : k.begin * v->ld + rows.begin),
                            .step = v->ld,
                            .count = v->along_k ? some_k : some_rows,
                            .pieces = pieces,
                            .each = gk_ceil_div(pieces, tiles_now)};
}

static struct ahead_b ahead_of_b(const struct gk_view *v, struct gk_slice cols, struct gk_slice k, size_t tiles_now) {
    return (struct ahead_b){.from = v->p + (v->along_k ? cols.begin * v->ld + k.begin : k.begin * v->ld + cols.begin),
                            .step = v->ld,
                            .columns = gk_ceil_div(v->along_k ? k.end - k.begin : cols.end - cols.begin, LINE),
                            .tiles = tiles_now};
}

static void fetch_piece(struct ahead_a *a) {
    const size_t now = gk_min(a->each, a->pieces);
    for (size_t i = 0; i < now; i++, a->from += a->step) fetch(a->from, a->count);
    a->pieces -= now;
}

static void fetch_column(struct ahead_b *b, struct tile *t) {
    b->due += b->columns;
    const bool due = b->columns && b->due >= b->tiles;
    t->ahead = due ? b->from : t->b;
    t->ahead_step = due ? b->step : 0;
    if (!due) return;
    b->due -= b->tiles;
    b->from += LINE;
}

/* `height` rows of c along the stripe. t holds what all its tiles have in common, and what the first one has. */
static void run_strip(const struct stripe *s, struct tile *t, size_t height, const real *b, bool streams, struct ahead *ahead) {
    const bool transposed = s->g->transposed;
    const size_t c_step = transposed ? NR * t->ldc : NR, panel = s->packed ? PITCH : NR;
    const size_t start_step = transposed ? NR * t->start_row : NR;
    for (size_t j = s->cols.begin; j < s->cols.end; j += NR, b += panel) {
        const size_t width = gk_min(NR, s->cols.end - j), vectors = gk_ceil_div(width, GK_LANES);
        t->b = b;
        t->last = width - (vectors - 1) * GK_LANES;
        fetch_piece(&ahead->a);
        fetch_column(&ahead->b, t);
        tiles[height - 1][vectors - 1][ending_of(t->last, transposed, streams)](t);
        t->c += c_step;
        if (t->start) t->start += start_step;
    }
}

/* Where the first tile of a strip ends, and starts: in c, or in the sums of the blocks of k before the last. */
static void place(const struct stripe *s, struct tile *t, size_t i, size_t first_row, struct gk_slice k) {
    const struct gk_gemm *const g = s->g;
    const size_t j = s->cols.begin, width = s->cols.end - j;
    real *const c = g->transposed ? g->c + j * g->ldc + i : g->c + i * g->ldc + j;
    real *const sums = s->sums + (i - first_row) * width;
    const bool starts = k.begin > 0 || g->accumulate, summed = s->streams && k.begin > 0, ends = !s->streams || k.end == g->k;
    t->c = ends ? c : sums;
    t->ldc = ends ? g->ldc : width;
    t->start = summed ? sums : starts ? c : g->bias ? g->bias + (g->transposed ? i : j) : NULL;
    t->start_row = summed ? width : starts ? g->ldc : 0;
}

/* Some strips, for one block of k after the other. The first ones pack it. */
static void run_strips(const struct stripe *s, struct gk_slice strips, struct gk_slice k) {
    const struct gk_gemm *const g = s->g;
    const bool packs = s->packed && strips.begin == 0;
    const struct gk_slice rows = {strip_row(s, strips.begin), strip_row(s, strips.end)};
    const struct gk_slice next_rows = {rows.end, strip_row(s, gk_min(s->strips, strips.end + STRIPS_TOGETHER))};
    const size_t tiles_each = gk_ceil_div(s->cols.end - s->cols.begin, NR) * (strips.end - strips.begin);
    real *packed = s->b;
    for (size_t k0 = k.begin; k0 < k.end; k0 += GK_KB, packed += s->block) {
        const struct gk_slice now = k_block(g, k0), next = k_block(g, now.end < k.end ? now.end : k.begin);
        const bool more = now.end < k.end;
        struct ahead ahead = {.a = ahead_of_a(&g->a, more ? rows : next_rows, next, tiles_each)};
        if (packs && more) ahead.b = ahead_of_b(&g->b, s->cols, next, tiles_each);
        const size_t a_row = g->a.along_k ? g->a.ld : 1, a_k = g->a.along_k ? 1 : g->a.ld;
        struct tile t = {.k = now.end - k0, .a_row = a_row, .a_k = s->strip ? MW : a_k, .ldb = s->packed ? NR : g->b.ld};
        const real *const b = s->packed ? packed : g->b.p + k0 * g->b.ld + s->cols.begin;
        if (packs) pack_block(s, now, packed);
        if (s->strip) pack_strips(s, strips, now);
        for (size_t strip = strips.begin; strip < strips.end; strip++) {
            const size_t i = strip_row(s, strip), height = strip_row(s, strip + 1) - i;
            const real *const a = g->a.p + i * a_row + k0 * a_k;
            t.a = s->strip ? s->strip + (strip - strips.begin) * STRIP : a;
            place(s, &t, i, rows.begin, now);
            run_strip(s, &t, height, b, s->streams && now.end == g->k, &ahead);
        }
    }
}

static void run_stripe(const struct stripe *s) {
    for (struct gk_slice k = {0, 0}; k.begin < s->g->k; k.begin = k.end) {
        k.end = gk_min(s->g->k, k.begin + BLOCKS_TOGETHER * GK_KB);
        for (struct gk_slice strips = {0, 0}; strips.begin < s->strips; strips.begin = strips.end) {
            strips.end = gk_min(s->strips, strips.begin + STRIPS_TOGETHER);
            run_strips(s, strips, k);
        }
    }
}

static struct gk_gemm transpose(const struct gk_gemm *g) {
    struct gk_gemm t = *g;
    t.rows = g->cols, t.cols = g->rows;
    t.a = g->b, t.b = g->a;
    t.transposed = true;
    return t;
}

/* A few columns behind the last whole vector would fill a quarter of one. Where a has vectors of rows, they are rows of the
 * transposed product instead. */
static size_t rest_of(const struct gk_gemm *g, size_t rows, size_t cols) {
    const size_t rest = cols % GK_LANES;
    const bool pays = !g->transposed && g->k >= GK_LANES && rows >= GK_LANES && cols >= 2 * GK_LANES + rest;
    return pays && rest <= FEW ? rest : 0;
}

static void run_rest(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols, real *sums) {
    struct gk_gemm rest = transpose(g);
    rest.rows = cols.end - cols.begin, rest.cols = rows.end;
    rest.a.p += cols.begin * (rest.a.along_k ? rest.a.ld : 1);
    rest.c += cols.begin;
    if (rest.bias) rest.bias += cols.begin;
    multiply_few(&rest, rows, sums);
}

static void rectangle(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols, const struct gk_team *team) {
    if (rows.begin == rows.end || cols.begin == cols.end) return;
    const size_t count = cols.end - cols.begin, stripes = gk_ceil_div(count, GK_SYMBOL(gemm_block_cols)(team->caches));
    const size_t width = gk_ceil_div(gk_ceil_div(count, stripes), NR) * NR; /* equal ones */
    const size_t height = rows.end - rows.begin, strips = gk_ceil_div(height, tile_rows(&g->a));
    struct stripe s = {.g = g, .rows = rows, .strips = strips, .share = height / strips, .more = height % strips,
                       .packed = packs_b(g, height, team->caches), .b = scratch_of(team), .block = width / NR * PITCH};
    s.streams = !g->transposed && g->k <= BLOCKS_TOGETHER * GK_KB && past_caches(g, team->caches);
    s.sums = s.b + BLOCKS_TOGETHER * block_reals(team->caches) + STRIPS_TOGETHER * STRIP;
    const size_t rest = rest_of(g, height, count);
    cols.end -= rest;
    if (rest) run_rest(g, rows, (struct gk_slice){cols.end, cols.end + rest}, s.b);
    for (size_t j = cols.begin; j < cols.end; j += width) {
        s.cols = (struct gk_slice){j, gk_min(cols.end, j + width)};
        s.strip = packs_strips(g, s.cols.end - j, team->caches) ? s.b + BLOCKS_TOGETHER * block_reals(team->caches) : NULL;
        run_stripe(&s);
    }
    if (s.streams) vf_fence();
}

/* So small that to choose would take longer than to do: one block of k, and a b that needs no more scratch than there always is. */
static bool tiny(const struct gk_gemm *g, const struct gk_team *team) {
    const bool fits = g->rows <= NR && g->cols <= BLOCKS_TOGETHER * NR && g->k <= GK_KB;
    return fits && team->size == 1 && g->rows > 0 && g->cols > 0 && g->k > 0;
}

static void multiply_tiny(const struct gk_gemm *g, real *packed) {
    const size_t strips = gk_ceil_div(g->rows, MR), height = gk_ceil_div(g->rows, strips), a_row = g->a.along_k ? g->a.ld : 1;
    const real *b = g->b.along_k ? packed : g->b.p;
    struct tile t = {.k = g->k, .a_row = a_row, .a_k = g->a.along_k ? 1 : g->a.ld, .ldb = g->b.along_k ? NR : g->b.ld,
                     .ldc = g->ldc, .start_row = g->accumulate ? g->ldc : 0, .ahead = g->a.p};
    if (g->b.along_k) pack_along_k(&(struct packing){.view = &g->b, .count = g->cols, .k = g->k, .out = packed});
    for (size_t j = 0; j < g->cols; j += NR, b += g->b.along_k ? PITCH : NR) {
        const size_t width = gk_min(NR, g->cols - j), vectors = gk_ceil_div(width, GK_LANES);
        t.b = b;
        t.last = width - (vectors - 1) * GK_LANES;
        for (size_t i = 0; i < g->rows; i += height) {
            t.a = g->a.p + i * a_row;
            t.c = g->c + i * g->ldc + j;
            t.start = g->accumulate ? t.c : g->bias ? g->bias + j : NULL;
            tiles[gk_min(height, g->rows - i) - 1][vectors - 1][ending_of(t.last, false, false)](&t);
        }
    }
}

size_t GK_SYMBOL(gemm_scratch)(const struct gk_gemm *g, const struct gk_machine *machine) {
    (void)g;
    return machine->threads * share_bytes(&machine->caches);
}

/* What a k costs the slowest thread, in multiplied elements: an element of b packed costs as much as 8 of these, or 4 where it
 * need not be transposed; one of a, which all across read, 2; one of c that is transposed on its way out, 10. */
static double cost(const struct gk_gemm *g, size_t down, size_t across, const struct gk_caches *caches) {
    const size_t rows = gk_ceil_div(g->rows, down), rest = rest_of(g, rows, g->cols);
    const size_t cols = gk_ceil_div(gk_ceil_div(g->cols - rest, GK_LANES), across) * GK_LANES;
    const double area = (double)rows * (double)(cols + rest), packing = packs_b(g, rows, caches) ? g->b.along_k ? 8 : 4 : 2;
    return area + packing * (double)cols + 2 * (double)rows + (g->transposed ? 10 * area / (double)gk_min(g->k, GK_KB) : 0);
}

/* THE choice, by shape, caches and number of threads: the product or its transpose, cut into `across` rectangles side by side. */
static struct gk_gemm choose(const struct gk_gemm *g, const struct gk_team *team, size_t *across) {
    const struct gk_gemm ways[] = {*g, transpose(g)};
    double least = INFINITY;
    size_t best = 0;
    *across = 1;
    for (size_t way = 0; way < 2; way++)
        for (size_t parts = 1; parts <= team->size; parts++) {
            if (team->size % parts) continue;
            const double price = cost(&ways[way], team->size / parts, parts, team->caches);
            if (price < least) least = price, best = way, *across = parts;
        }
    return ways[best];
}

void GK_SYMBOL(gemm)(const struct gk_gemm *product, const struct gk_team *team) {
    if (short_enough(product)) {
        const bool down = product->rows >= product->cols;
        const struct gk_slice all_rows = {0, product->rows}, all_cols = {0, product->cols};
        multiply_short(product, down ? gk_team_slice(team, product->rows, 1) : all_rows,
                       down ? all_cols : gk_team_slice(team, product->cols, GK_LANES), team);
        return;
    }
    const struct gk_gemm flipped = transpose(product), *const fewer = product->cols < product->rows ? &flipped : product;
    if (few(fewer)) {
        multiply_few(fewer, gk_team_slice(team, fewer->cols, GK_LANES), scratch_of(team));
        return;
    }
    if (tiny(product, team)) {
        multiply_tiny(product, team->scratch);
        return;
    }
    size_t parts;
    const struct gk_gemm g = choose(product, team, &parts);
    struct gk_team across = *team, down = *team;
    across.size = parts, across.rank = team->rank % parts;
    down.size = team->size / parts, down.rank = team->rank / parts;
    const struct gk_slice cols = gk_team_slice(&across, g.cols, GK_LANES), rows = gk_team_slice(&down, g.rows, 1);
    if (g.k == 0) empty_sum(&g, rows, cols);
    else rectangle(&g, rows, cols, team);
}

#endif
