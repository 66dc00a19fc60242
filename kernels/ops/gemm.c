/* Design: a thread owns a rectangle of c. For each 256 of k it packs b, up to half of the L2 cache wide, then walks over the rows
 * a tile at a time: it packs the tile's rows of a (12 KiB, they stay in L1) and runs along the packed b. c is touched once for
 * each 256 of k. What is packed, and how wide, changes no bit: a tile's sum is one chain of fma over k from +0. */
#include "gemm.h"

#if GK_LANES == 1

static real element(const struct gk_view *v, size_t i, size_t k) {
    return v->along_k ? gk_load_view(v, i, k) : gk_load_view(v, k, i);
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

static void rectangle(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols, const struct gk_team *team) {
    (void)team;
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

#else

enum {
    MR = GK_TILE_ROWS,
    NV = GK_TILE_VECTORS,
    NR = NV * GK_LANES,
    MW = (MR + GK_LANES - 1) / GK_LANES * GK_LANES,
    PANELS_TOGETHER = 96 / MR, /* panels of a packed at a time: enough rows that reading along them is worth a page walk */
    GAP = 64 / sizeof(real), /* between panels: a pitch of a multiple of 4 KiB would put all of them in one set of L1 */
    PITCH_A = MW * GK_KB + GAP,
    PITCH_B = NR * GK_KB + GAP,
    PACKED_A = PANELS_TOGETHER * PITCH_A * sizeof(real),
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
};

/* Three pointers, a step and three steps reach every row of an unpacked a without a pointer a row. */
#define A_ROW(i) ((i) < 4 ? a0 : (i) < 8 ? a1 : a2)[(i) % 4 == 3 ? step3 : (i) % 4 * step]

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* How a tile ends, each a set of functions of its own. */
enum ending {
    WHOLE,      /* all vectors are full */
    PARTIAL,    /* the last one is not */
    TRANSPOSED, /* a row of the tile is a column of c; b is packed and may be read as if whole */
    ENDINGS
};

GK_INLINE vf from_start(const struct tile *t, size_t at, vf sum, size_t count) {
    if (!t->start) return sum;
    return vf_add(count == GK_LANES ? vf_load(t->start + at) : vf_load_n(t->start + at, count), sum);
}

GK_INLINE void store_sum(const struct tile *t, size_t row, size_t col, vf sum, size_t count) {
    const vf total = from_start(t, row * t->start_row + col, sum, count);
    real *const c = t->c + row * t->ldc + col;
    if (count == GK_LANES) vf_store(c, total);
    else vf_store_n(c, total, count);
}

GK_INLINE void store_rows(const struct tile *t, vf acc[MR][NV], const int rows, const int vectors, const enum ending ending) {
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int v = 0; v < vectors; v++) {
            const bool last = ending == PARTIAL && v == vectors - 1;
            store_sum(t, (size_t)i, (size_t)v * GK_LANES, acc[i][v], last ? t->last : GK_LANES);
        }
}

GK_INLINE void store_columns(const struct tile *t, vf acc[MR][NV], const int rows, const int vectors) {
    UNROLLED for (int v = 0; v < vectors; v++) {
        const size_t count = v == vectors - 1 ? t->last : GK_LANES;
        UNROLLED for (int first = 0; first < rows; first += GK_LANES) {
            const int some = rows - first < GK_LANES ? rows - first : GK_LANES;
            vf square[GK_LANES];
            UNROLLED for (int i = 0; i < GK_LANES; i++) square[i] = i < some ? acc[first + i][v] : vf_zero();
            vf_transpose(square);
            UNROLLED for (size_t l = 0; l < GK_LANES; l++)
                if (l < count) store_sum(t, (size_t)v * GK_LANES + l, (size_t)first, square[l], (size_t)some);
        }
    }
}

/* rows, vectors and ending are constants: the compiler keeps acc in registers and drops what is not used. */
GK_INLINE void tile_body(const struct tile *t, const int rows, const int vectors, const enum ending ending) {
    const size_t step = t->a_row, step3 = 3 * step, ldb = t->ldb, a_k = t->a_k;
    const real *a0 = t->a, *a1 = a0 + 4 * step, *a2 = a0 + 8 * step, *b = t->b;
    const vm last = vm_first(t->last); /* here: made in the loop, it was kept on the stack */
    const size_t lines = ending == TRANSPOSED ? (size_t)(vectors - 1) * GK_LANES + t->last : (size_t)rows;
    vf acc[MR][NV];
    for (size_t i = 0; i < lines; i++) __builtin_prefetch(t->c + i * t->ldc, 1);
    if (ending != TRANSPOSED && vectors > 1)
        for (size_t i = 0; i < lines; i++) __builtin_prefetch(t->c + i * t->ldc + (vectors - 1) * GK_LANES, 1);
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int v = 0; v < vectors; v++) acc[i][v] = vf_zero();
    for (size_t k = t->k; k > 0; k--) {
        vf bv[NV];
        UNROLLED for (int v = 0; v < vectors; v++) {
            const bool masked = ending == PARTIAL && v == vectors - 1;
            bv[v] = masked ? vf_load_m(last, b + v * GK_LANES) : vf_load(b + v * GK_LANES);
        }
        UNROLLED for (int i = 0; i < rows; i++) {
            const vf av = vf_set1(A_ROW(i));
            UNROLLED for (int v = 0; v < vectors; v++) acc[i][v] = vf_fma(av, bv[v], acc[i][v]);
        }
        a0 += a_k, a1 += a_k, a2 += a_k, b += ldb;
    }
    if (ending == TRANSPOSED) store_columns(t, acc, rows, vectors);
    else store_rows(t, acc, rows, vectors, ending);
}

typedef void tile_function(const struct tile *t);

#define TILE(rows, vectors, ending)                                                                                        \
    static void gk_tile_##rows##x##vectors##_##ending(const struct tile *t) { tile_body(t, rows, vectors, ending); }
#define TILE_ENDINGS(rows, vectors) TILE(rows, vectors, WHOLE) TILE(rows, vectors, PARTIAL) TILE(rows, vectors, TRANSPOSED)
#define TILES(rows) TILE_ENDINGS(rows, 1) TILE_ENDINGS(rows, 2)
#define ENTRY(rows, vectors)                                                                                               \
    {gk_tile_##rows##x##vectors##_WHOLE, gk_tile_##rows##x##vectors##_PARTIAL, gk_tile_##rows##x##vectors##_TRANSPOSED}
#define ENTRIES(rows) {ENTRY(rows, 1), ENTRY(rows, 2)},
#if GK_TILE_ROWS == 12
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#elif GK_TILE_ROWS == 6
#define FOR_EACH_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#error "no tiles of GK_TILE_ROWS rows"
#endif

FOR_EACH_ROWS(TILES)
static tile_function *const tiles[MR][NV][ENDINGS] = {FOR_EACH_ROWS(ENTRIES)};

/* A packed operand is panels of at most `width` outputs, [k][width] each, `pitch` reals apart. The first `more` panels hold
 * share + 1 outputs, the others share: tiles of a are as high as can be equal, for a low tile waits for its fma chains. */
struct packing {
    const struct gk_view *view;
    size_t first, count; /* outputs */
    size_t extent;       /* outputs of the whole operand: a load may run over the panel, never over the row */
    size_t k0, k;
    size_t panels, share, more, width, pitch;
    real *out;
};

GK_INLINE struct gk_slice panel_outputs(const struct packing *p, size_t panel) {
    const size_t begin = panel * p->share + gk_min(panel, p->more);
    return (struct gk_slice){begin, gk_min(p->count, begin + p->share + (panel < p->more))};
}

/* Rows come from far and a run of one is short: the row PACK_AHEAD on is fetched meanwhile. */
enum { PACK_AHEAD = 16 };

static void fetch_row(const real *row, size_t count) {
    for (size_t i = 0; i < count; i += 64 / sizeof(real)) __builtin_prefetch(row + i, 0, 2);
}

/* One row of `count` panels, `vectors` whole vectors each. */
GK_INLINE const real *copy_panels(const real *row, size_t count, size_t step, size_t pitch, const size_t vectors, real **out) {
    for (size_t panel = 0; panel < count; panel++, row += step, *out += pitch)
        UNROLLED for (size_t v = 0; v < vectors; v++) vf_store(*out + v * GK_LANES, vf_load(row + v * GK_LANES));
    return row;
}

/* A view whose rows are k, from panel `begin` on: the general case, masked and up to the end of a row. */
static void pack_row(const struct packing *p, size_t begin, size_t k) {
    for (size_t panel = begin; panel < p->panels; panel++) {
        const struct gk_slice outputs = panel_outputs(p, panel);
        real *const out = p->out + panel * p->pitch + k * p->width;
        for (size_t i = outputs.begin; i < outputs.end; i += GK_LANES)
            vf_store(out + i - outputs.begin,
                     gk_load_view(p->view, p->k0 + k, p->first + i, gk_min(GK_LANES, p->extent - p->first - i)));
    }
}

/* A view whose rows are k: copies runs of outputs. Whole vectors run over a panel's last output, within the row; masked loads
 * instead took 80 % of the time on Zen 4. */
GK_INLINE void pack_along_outputs(const struct packing *p, const size_t width) {
    size_t whole = p->view->mask ? 0 : p->panels; /* panels that whole vectors do not carry over the end of the row */
    while (whole > 0 && p->first + panel_outputs(p, whole - 1).begin + width > p->extent) whole--;
    const size_t higher = gk_min(whole, p->more), count = panel_outputs(p, p->panels - 1).end;
    for (size_t k = 0; k < p->k; k++) {
        const real *row = p->view->p + (p->k0 + k) * p->view->ld + p->first;
        real *out = p->out + k * width;
        if (k + PACK_AHEAD < p->k) fetch_row(row + PACK_AHEAD * p->view->ld, count);
        row = copy_panels(row, higher, p->share + 1, p->pitch, width / GK_LANES, &out);
        copy_panels(row, whole - higher, p->share, p->pitch, width / GK_LANES, &out);
        if (whole < p->panels) pack_row(p, whole, k);
    }
}

/* GK_LANES lines that run along k become, for each k, a vector with a line a lane. Lines past the last repeat it. */
GK_INLINE void pack_lines(const struct packing *p, size_t line, size_t lines, real *out, const size_t width, const bool masked) {
    const real *x[GK_LANES];
    const uint64_t *masks[GK_LANES];
    for (size_t i = 0; i < GK_LANES; i++) {
        const size_t row = line + gk_min(i, lines - 1);
        x[i] = p->view->p + row * p->view->ld + p->k0;
        masks[i] = masked ? p->view->mask + row * p->view->ld_mask : NULL;
    }
    for (size_t k = 0; k < p->k; k += GK_LANES) {
        const size_t count = gk_min(GK_LANES, p->k - k);
        vf r[GK_LANES];
        UNROLLED for (size_t i = 0; i < GK_LANES; i++) {
            r[i] = count == GK_LANES ? vf_load(x[i] + k) : vf_load_n(x[i] + k, count);
            if (masked) r[i] = vf_keep(vm_from_bits(gk_bits(masks[i], p->k0 + k, count)), r[i]);
        }
        vf_transpose(r);
        UNROLLED for (size_t i = 0; i < GK_LANES; i++)
            if (i < count) vf_store(out + (k + i) * width, r[i]);
    }
}

/* A view whose rows are outputs. */
GK_INLINE void pack_along_k(const struct packing *p, const size_t width) {
    for (size_t panel = 0; panel < p->panels; panel++) {
        const struct gk_slice outputs = panel_outputs(p, panel);
        for (size_t i = outputs.begin; i < outputs.end; i += GK_LANES) {
            real *const out = p->out + panel * p->pitch + i - outputs.begin;
            if (p->view->mask) pack_lines(p, p->first + i, outputs.end - i, out, width, true);
            else pack_lines(p, p->first + i, outputs.end - i, out, width, false);
        }
    }
}

static void pack_a(const struct packing *p) {
    if (p->view->along_k) pack_along_k(p, MW);
    else pack_along_outputs(p, MW);
}

static void pack_b(const struct packing *p) {
    if (p->view->along_k) pack_along_k(p, NR);
    else pack_along_outputs(p, NR);
}

/* THE choice of shape. A rectangle's b is used in place where too few rows would repay packing it, its a where too few columns
 * would. Masks are applied while packing; a b that runs along k must be transposed. */
enum { PACK_B_FROM_ROWS = 2 * MR + 1, PACK_A_FROM_COLS = 2 * NR + 1 };

static bool packs_b(const struct gk_gemm *g, size_t rows) {
    return g->b.along_k || g->b.mask || g->transposed || rows >= PACK_B_FROM_ROWS;
}

static bool packs_a(const struct gk_gemm *g, size_t cols) {
    return g->a.mask || cols >= PACK_A_FROM_COLS;
}

/* Half of L2. */
size_t GK_SYMBOL(gemm_block_cols)(const struct gk_caches *caches) {
    const size_t fits = caches->l2 / 2 / (GK_KB * sizeof(real)) / NR;
    return (fits ? fits : 1) * NR;
}

static size_t packed_b_bytes(const struct gk_caches *caches) {
    return GK_SYMBOL(gemm_block_cols)(caches) / NR * PITCH_B * sizeof(real);
}

/* A thread's scratch: a block of b, and of a as many rows as are packed together. In whole pages, so that threads share none, and
 * the same for every product, so that a thread may start the next one while others are still at this. */
static size_t share_bytes(const struct gk_caches *caches) {
    return gk_ceil_div(packed_b_bytes(caches) + PACKED_A, 4096) * 4096;
}

/* The tiles of one panel of a: rows of c from i on, `height` of them, along all columns of the block of b. */
struct strip {
    struct tile tile;
    const real *b;
    size_t b_panel; /* reals from one panel of b to the next */
    real *c;        /* (0, 0) of the block */
    const real *bias;
    bool from_c, transposed;
};

static void run_strip(struct strip *s, size_t i, size_t height, size_t cols) {
    struct tile *const t = &s->tile;
    const size_t c_row = s->transposed ? 1 : t->ldc, c_col = s->transposed ? t->ldc : 1;
    for (size_t j = 0; j < cols; j += NR) {
        const size_t width = gk_min(NR, cols - j), vectors = gk_ceil_div(width, GK_LANES);
        t->b = s->b + j / NR * s->b_panel;
        t->c = s->c + i * c_row + j * c_col;
        t->start = s->from_c ? t->c : s->bias ? s->bias + (s->transposed ? i : j) : NULL;
        t->last = width - (vectors - 1) * GK_LANES;
        tiles[height - 1][vectors - 1][s->transposed ? TRANSPOSED : t->last < GK_LANES ? PARTIAL : WHOLE](t);
    }
}

/* c[rows][j0 to j0 + cols] for one block of k. */
static void block(const struct gk_gemm *g, struct gk_slice rows, size_t j0, size_t cols, size_t k0, real *packed_b, real *packed_a) {
    const size_t k = gk_min(GK_KB, g->k - k0), count = rows.end - rows.begin;
    const bool from_c = k0 > 0 || g->accumulate, copy_a = packs_a(g, cols), copy_b = packs_b(g, count);
    const size_t panels = gk_ceil_div(count, MR);
    const struct packing b = {.view = &g->b, .first = j0, .count = cols, .extent = g->cols, .k0 = k0, .k = k, .panels = gk_ceil_div(cols, NR),
                              .share = NR, .width = NR, .pitch = PITCH_B, .out = packed_b};
    const struct packing a = {.view = &g->a, .first = rows.begin, .count = count, .extent = g->rows, .k0 = k0, .k = k, .panels = panels,
                              .share = count / panels, .more = count % panels, .width = MW, .pitch = PITCH_A,
                              .out = packed_a};
    struct strip s = {
        .tile = {.k = k, .ldc = g->ldc, .start_row = from_c ? g->ldc : 0, .ldb = copy_b ? NR : g->b.ld,
                 .a_row = copy_a || !g->a.along_k ? 1 : g->a.ld, .a_k = copy_a ? MW : g->a.along_k ? 1 : g->a.ld},
        .b = copy_b ? packed_b : g->b.p + k0 * g->b.ld + j0, .b_panel = copy_b ? PITCH_B : NR,
        .c = g->transposed ? g->c + j0 * g->ldc + rows.begin : g->c + rows.begin * g->ldc + j0,
        .bias = g->bias ? g->bias + (g->transposed ? rows.begin : j0) : NULL, .from_c = from_c, .transposed = g->transposed,
    };
    if (copy_b) pack_b(&b);
    for (size_t panel = 0; panel < panels; panel++) {
        const struct gk_slice tile_rows = panel_outputs(&a, panel);
        if (copy_a && panel % PANELS_TOGETHER == 0) {
            struct packing some = a;
            some.panels = gk_min(PANELS_TOGETHER, panels - panel);
            some.more = a.more > panel ? a.more - panel : 0;
            some.first = a.first + tile_rows.begin;
            some.count = count - tile_rows.begin;
            pack_a(&some);
        }
        const size_t i = rows.begin + tile_rows.begin;
        s.tile.a = copy_a ? packed_a + panel % PANELS_TOGETHER * a.pitch
                          : g->a.p + (g->a.along_k ? i * g->a.ld + k0 : k0 * g->a.ld + i);
        run_strip(&s, tile_rows.begin, tile_rows.end - tile_rows.begin, cols);
    }
}

static void rectangle(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols, const struct gk_team *team) {
    if (rows.begin == rows.end || cols.begin == cols.end) return;
    char *const own = (char *)team->scratch + team->rank * share_bytes(team->caches);
    real *const packed_b = (real *)own, *const packed_a = (real *)(own + packed_b_bytes(team->caches));
    const size_t count = cols.end - cols.begin, blocks = gk_ceil_div(count, GK_SYMBOL(gemm_block_cols)(team->caches));
    const size_t width = gk_ceil_div(gk_ceil_div(count, blocks), NR) * NR; /* equal blocks */
    for (size_t j = cols.begin; j < cols.end; j += width)
        for (size_t k = 0; k < g->k; k += GK_KB) block(g, rows, j, gk_min(width, cols.end - j), k, packed_b, packed_a);
}

size_t GK_SYMBOL(gemm_scratch)(const struct gk_gemm *g, const struct gk_machine *machine) {
    (void)g;
    return machine->threads * share_bytes(&machine->caches);
}

#endif

/* k = 0: the start value alone. */
static void empty_sum(const struct gk_gemm *g, struct gk_slice rows, struct gk_slice cols) {
    if (g->accumulate) return;
    for (size_t i = rows.begin; i < rows.end; i++)
        for (size_t j = cols.begin; j < cols.end; j++) g->c[i * g->ldc + j] = g->bias ? g->bias[j] : 0;
}

/* Cuts c into as many rectangles as there are threads, down the columns and across the rows so that computing and packing cost
 * the slowest thread the least. An element packed costs about as much as 16 multiplied. */
static size_t column_parts(const struct gk_gemm *g, size_t threads) {
    size_t best = 1;
    double least = INFINITY;
    for (size_t parts = 1; parts <= threads; parts++) {
        if (threads % parts) continue;
        const double cols = (double)(gk_ceil_div(gk_ceil_div(g->cols, GK_LANES), parts) * GK_LANES);
        const double rows = (double)gk_ceil_div(g->rows, threads / parts);
        const double cost = rows * cols + 16 * (rows + cols);
        if (cost < least) least = cost, best = parts;
    }
    return best;
}

static size_t lanes_used(size_t rows, size_t cols) {
    return rows * gk_ceil_div(cols, GK_LANES) * GK_LANES;
}

/* The same product as its transpose, where its vectors fill so much better (50 columns of 64 lanes) that it pays to transpose
 * the tiles in registers on their way out: for a short k or few columns it does not. 100 columns of 128 lanes did not repay the
 * writes in short runs. */
enum { TRANSPOSE_FROM_K = 64, TRANSPOSE_FROM_COLS = 32 };
#define TRANSPOSE_BELOW 0.85

static struct gk_gemm orient(const struct gk_gemm *g) {
    struct gk_gemm t = *g;
    const double gain = (double)lanes_used(g->cols, g->rows) / (double)lanes_used(g->rows, g->cols);
    if (g->k < TRANSPOSE_FROM_K || g->cols < TRANSPOSE_FROM_COLS || !(gain < TRANSPOSE_BELOW)) return t;
    t.rows = g->cols, t.cols = g->rows;
    t.a = g->b, t.b = g->a;
    t.transposed = true;
    return t;
}

void GK_SYMBOL(gemm)(const struct gk_gemm *untouched, const struct gk_team *team) {
    const struct gk_gemm g = untouched->k ? orient(untouched) : *untouched;
    const size_t parts = column_parts(&g, team->size);
    struct gk_team across = *team, down = *team;
    across.size = parts, across.rank = team->rank % parts;
    down.size = team->size / parts, down.rank = team->rank / parts;
    const struct gk_slice cols = gk_team_slice(&across, g.cols, GK_LANES), rows = gk_team_slice(&down, g.rows, 1);
    if (g.k == 0) empty_sum(&g, rows, cols);
    else rectangle(&g, rows, cols, team);
}
