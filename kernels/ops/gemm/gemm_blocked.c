/* Design: a thread owns a rectangle of c. It packs b, half of the L2 cache for each 256 of k, up to eight such blocks, and then
 * runs over some 100 rows for one block after the other, so that these rows of c stay in L2. A tile's rows of a are broadcast
 * from where they lie (unless strips are packed), while the next ones are fetched into L2.
 *
 * No faster on Zen 4, where a tile reaches 97 % of the fma roof from L2 and a whole product 90 %: a panel of b in L1 and strips
 * inside (0.98), blocks of half as many columns (0.98), two or four times the rows (0.99), the next panel of b, or the next
 * block, fetched while a tile runs (1.01, 0.98). */
#include "gemm_tile.h"

/* As many columns of a thread's rectangle as one packed block of b has. */
struct stripe {
    const struct gk_gemm *g;
    const struct gk_gemm_plan *plan;
    struct strips strips;
    struct gk_slice cols;
    real *b;     /* where it is packed, a block of k after the other */
    real *strip; /* where some strips of a are packed */
    real *sums;  /* blocks of k before the last, where that is stored past the caches, are summed here, some strips of them */
};

/* The block of k at k0. */
static struct gk_slice k_block(const struct gk_gemm *g, size_t k0) { return (struct gk_slice){k0, gk_min(g->k, k0 + GK_KB)}; }

/* What the tiles to come will read is fetched into L2 meanwhile. a, and a b of few lines: some pieces, each of one row of
 * memory, or of as many as a line of 64 bytes has, before each tile. b else, of which there is more: in columns of such a line,
 * each in the loop of one tile, which takes GK_KB rows of memory (along its rows was no faster). Nothing else: an address that
 * is not mapped takes a hundred cycles to find out. */
struct ahead {
    struct pieces {
        const real *from;
        size_t step, count;  /* reals: from one piece to the next, and of a piece */
        size_t pieces, each; /* left; for each tile */
    } a, b;
    struct columns {
        const real *from;
        size_t step;
        size_t columns, tiles, due; /* one when `due`, to which each tile adds `columns`, reaches `tiles` */
    } many_b;
};

static struct pieces pieces_of(const struct gk_view *v, struct gk_slice lines, struct gk_slice k, size_t tiles_now) {
    const size_t some_lines = lines.end - lines.begin, some_k = k.end - k.begin;
    const size_t count = v->along_k ? some_k : some_lines, rows = v->along_k ? some_lines : some_k;
    const size_t together = v->ld < LINE ? LINE / v->ld : 1, pieces = some_lines ? gk_ceil_div(rows, together) : 0;
    return (struct pieces){.from = element(v, lines.begin, k.begin),
                           .step = together * v->ld,
                           .count = count,
                           .pieces = pieces,
                           .each = gk_ceil_div(pieces, tiles_now)};
}

static void ahead_of_b(struct ahead *ahead, const struct gk_view *v, struct gk_slice cols, struct gk_slice k,
                       size_t tiles_now) {
    const size_t some_cols = cols.end - cols.begin, some_k = k.end - k.begin;
    if ((v->along_k ? some_cols : some_k) < GK_KB) ahead->b = pieces_of(v, cols, k, tiles_now);
    else
        ahead->many_b = (struct columns){.from = element(v, cols.begin, k.begin),
                                         .step = v->ld,
                                         .columns = gk_ceil_div(v->along_k ? some_k : some_cols, LINE),
                                         .tiles = tiles_now};
}

static void fetch_pieces(struct pieces *a) {
    const size_t now = gk_min(a->each, a->pieces);
    for (size_t i = 0; i < now; i++, a->from += a->step) fetch(a->from, a->count);
    a->pieces -= now;
}

static void fetch_column(struct columns *b, struct tile *t) {
    t->ahead = t->b, t->ahead_step = 0;
    if (!b->columns || (b->due += b->columns) < b->tiles) return;
    t->ahead = b->from, t->ahead_step = b->step;
    b->due -= b->tiles, b->from += LINE;
}

/* `height` rows of c along the stripe. t holds what all its tiles have in common, and what the first one has. */
static void run_strip(const struct stripe *s, struct tile *t, size_t height, const real *b, bool streams, struct ahead *ahead) {
    const bool transposed = s->g->transposed;
    const size_t c_step = transposed ? t->ldc : 1, start_step = transposed ? t->start.row : 1;
    t->c_next = NR * c_step, t->start_next = NR * start_step;
    for (size_t j = s->cols.begin, width, tiles; j < s->cols.end; j += tiles * width) {
        const bool fetches = ahead->a.pieces || ahead->b.pieces || ahead->many_b.columns;
        width = tile_width(s->cols.end - j), tiles = fetches ? 1 : tiles_beside(s->cols.end - j);
        t->b = b;
        if (ahead->a.pieces) fetch_pieces(&ahead->a);
        if (ahead->b.pieces) fetch_pieces(&ahead->b);
        fetch_column(&ahead->many_b, t);
        run_tiles(t, height, tiles, width, transposed, streams && j % GK_LANES == 0);
        b += tiles * (s->plan->packs_b ? PITCH : width);
        t->c += tiles * width * c_step;
        if (t->start.at) t->start.at += tiles * width * start_step;
    }
}

/* Where the first tile of a strip ends, and starts: in c, or in the sums of the blocks of k before the last. */
static void place(const struct stripe *s, struct tile *t, size_t i, size_t first_row, struct gk_slice k) {
    const struct gk_gemm *const g = s->g;
    const size_t j = s->cols.begin, width = s->cols.end - j;
    real *const sums = s->sums + (i - first_row) * width;
    const bool streams = s->plan->streams, ends = !streams || k.end == g->k;
    t->c = ends ? element_of_c(g, i, j) : sums;
    t->ldc = ends ? g->ldc : width;
    t->start = streams && k.begin > 0 ? (struct start){sums, width} : start_of(g, i, j, k.begin);
}

/* Of the strips that are run together, from the one at `strip` on. */
static struct gk_slice rows_of(const struct strips *s, size_t strip) {
    return (struct gk_slice){strip_row(s, strip), strip_row(s, gk_min(s->count, strip + STRIPS_TOGETHER))};
}

/* Some strips, for one block of k after the other. The first ones pack it. */
static void run_strips(const struct stripe *s, struct gk_slice strips, struct gk_slice k) {
    const struct gk_gemm *const g = s->g;
    const struct gk_gemm_plan *const plan = s->plan;
    const bool first = strips.begin == 0, packs = plan->packs_b && first;
    const bool anew = strips.end == s->strips.count && k.end < g->k; /* then the first strips go on with later blocks */
    const struct gk_slice rows = rows_of(&s->strips, strips.begin);
    const struct gk_slice rows_after = rows_of(&s->strips, anew ? 0 : strips.end);
    const struct gk_slice after = k_block(g, anew ? k.end : k.begin);
    const size_t tiles_each = gk_ceil_div(s->cols.end - s->cols.begin, NR) * (strips.end - strips.begin);
    real *packed = s->b;
    for (size_t k0 = k.begin; k0 < k.end; k0 += GK_KB, packed += plan->block_cols / NR * PITCH) {
        const struct gk_slice now = k_block(g, k0);
        const bool more = now.end < k.end;
        const struct gk_slice next = more ? k_block(g, now.end) : after;
        struct ahead ahead = {.a = pieces_of(&g->a, more ? rows : rows_after, next, tiles_each)};
        if (more ? first : anew) ahead_of_b(&ahead, &g->b, s->cols, next, tiles_each);
        struct tile t = {.k = now.end - k0,
                         .a_row = line_step(&g->a),
                         .a_k = plan->packs_strips ? MW : k_step(&g->a),
                         .ldb = plan->packs_b ? NR : g->b.ld,
                         .b_next = plan->packs_b ? PITCH : NR};
        const real *const b = plan->packs_b ? packed : element(&g->b, s->cols.begin, k0);
        if (packs) GK_SYMBOL(gemm_pack_panels)(g, s->cols, now, packed);
        if (plan->packs_strips) GK_SYMBOL(gemm_pack_strips)(g, &s->strips, strips, now, s->strip);
        for (size_t strip = strips.begin; strip < strips.end; strip++) {
            const size_t i = strip_row(&s->strips, strip), height = strip_row(&s->strips, strip + 1) - i;
            const real *const copy = s->strip + (strip - strips.begin) * STRIP;
            t.a = plan->packs_strips ? copy + (i - packed_row(g, i)) : element(&g->a, i, k0);
            place(s, &t, i, rows.begin, now);
            run_strip(s, &t, height, b, plan->streams && now.end == g->k, &ahead);
        }
    }
}

static void run_stripe(const struct stripe *s) {
    for (struct gk_slice k = {0, 0}; k.begin < s->g->k; k.begin = k.end) {
        k.end = gk_min(s->g->k, k.begin + GK_GEMM_BLOCKS_TOGETHER * GK_KB);
        for (struct gk_slice strips = {0, 0}; strips.begin < s->strips.count; strips.begin = strips.end) {
            strips.end = gk_min(s->strips.count, strips.begin + STRIPS_TOGETHER);
            run_strips(s, strips, k);
        }
    }
}

/* The last columns as rows of the transposed product. */
static void run_rest(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols, real *scratch) {
    struct gk_gemm rest = transpose(g);
    const struct gk_gemm_share share = {{0, cols.end - cols.begin}, rows};
    const struct gk_gemm_plan thin = {.way = GK_GEMM_THIN,
                                      .block_cols = gk_gemm_thin_cols(&GK_SYMBOL(gemm_tile), rest.b.along_k)};
    rest.rows = share.rows.end, rest.cols = rows.end;
    rest.a.p = element(&rest.a, cols.begin, 0);
    rest.c += cols.begin;
    if (rest.bias) rest.bias += cols.begin;
    GK_SYMBOL(gemm_thin)(&rest, &thin, &share, scratch);
}

void GK_SYMBOL(gemm_blocked)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                             real *scratch) {
    const size_t rest = share->cols.end == g->cols ? plan->rest : 0, cols_end = share->cols.end - rest;
    const size_t height = share->rows.end - share->rows.begin, strips = gk_ceil_div(height, plan->tile_rows);
    struct stripe s = {.g = g,
                       .plan = plan,
                       .strips = {share->rows.begin, strips, height / strips, height % strips},
                       .b = scratch,
                       .strip = scratch + plan->strips,
                       .sums = scratch + plan->sums};
    if (rest) run_rest(g, share->rows, (struct gk_slice){cols_end, share->cols.end}, scratch);
    for (size_t j = share->cols.begin; j < cols_end; j += plan->block_cols) {
        s.cols = (struct gk_slice){j, gk_min(cols_end, j + plan->block_cols)};
        run_stripe(&s);
    }
    if (plan->streams) vf_fence();
}
