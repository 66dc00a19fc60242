/* db = column sums of dy, in blocks of 256 rows like any sum of products (a = 1): so db fused into dw has the same bits. */
#include "affine.h"

enum {
    NARROW = 256,     /* columns at most whose sums stay in registers, panel by panel */
    CHUNK = 4096,     /* columns summed at a time otherwise: sums that stay in L1 or near it, and rows read in long runs */
    PAGE = 4096,      /* bytes; the sums lie half of it off the rows: in the same sets of L1 they took an eighth longer */
    TOGETHER = 8,     /* rows added for each load and store of these sums */
    WAVE = 64,        /* blocks of rows that the threads sum before they are added in order */
    SHARED_FROM = 64, /* columns a thread must have; with fewer the threads share the rows, by blocks */
    VECTORS = 8,
    PANEL = VECTORS * GK_LANES
};

static const size_t edges[] = {NARROW, PANEL, CHUNK, TOGETHER, WAVE *GK_KB, SHARED_FROM, 0};

/* Some columns of a block of rows. Their sums go to db, or are added to what is there. */
struct block {
    const real *x;
    size_t ld, rows, cols;
    real *db;
    bool to_start;
    real *chunk; /* scratch for CHUNK sums and a page, where cols > NARROW */
};

static void add_block(real *db, const real *sums, size_t cols, bool to_start) {
    for (size_t j = 0; j < cols; j++) db[j] = to_start ? db[j] + sums[j] : sums[j];
}

#if GK_IS_REFERENCE

GK_INLINE void sum_block(const struct block *b) {
    for (size_t j0 = 0; j0 < b->cols; j0 += NARROW) {
        const size_t cols = gk_min(NARROW, b->cols - j0);
        real sums[NARROW] = {0};
        for (size_t i = 0; i < b->rows; i++)
            for (size_t j = 0; j < cols; j++) sums[j] += b->x[i * b->ld + j0 + j];
        add_block(b->db + j0, sums, cols, b->to_start);
    }
}

#else

GK_INLINE void sum_panel(const struct block *b, size_t j, size_t cols, const int vectors) {
    const size_t ld = b->ld, last = cols - (size_t)(vectors - 1) * GK_LANES;
    const vm mask = vm_first(last);
    const real *x = b->x + j;
    vf sums[VECTORS];
    UNROLLED for (int v = 0; v < vectors; v++) sums[v] = vf_zero();
    for (size_t i = b->rows; i > 0; i--, x += ld) {
        UNROLLED for (int v = 0; v < vectors; v++) {
            const real *const from = x + v * GK_LANES;
            sums[v] = vf_add(sums[v], v == vectors - 1 ? vf_load_m(mask, from) : vf_load(from));
        }
    }
    UNROLLED for (int v = 0; v < vectors; v++) {
        const size_t count = v == vectors - 1 ? last : GK_LANES;
        real *const db = b->db + j + v * GK_LANES;
        vf_store_n(db, b->to_start ? vf_add(vf_load_n(db, count), sums[v]) : sums[v], count);
    }
}

#define FOR_EACH_VECTORS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define SUM_PANEL(v)                                                                                                           \
    static void sum_panel_##v(const struct block *b, size_t j, size_t cols) { sum_panel(b, j, cols, v); }
#define SUM_ENTRY(v) sum_panel_##v,
FOR_EACH_VECTORS(SUM_PANEL)

static void sum_narrow(const struct block *b) {
    static void (*const panels[])(const struct block *b, size_t j, size_t cols) = {FOR_EACH_VECTORS(SUM_ENTRY)};
    for (size_t j = 0; j < b->cols; j += PANEL) {
        const size_t cols = gk_min(PANEL, b->cols - j);
        panels[(cols - 1) / GK_LANES](b, j, cols);
    }
}

/* first: from +0. To fetch the next rows meanwhile took half as long again. */
GK_INLINE void add_rows(const real *x, size_t ld, size_t cols, real *sums, const int rows, const bool first) {
    for (size_t j = 0; j < cols; j += GK_LANES) {
        const size_t count = gk_min(GK_LANES, cols - j);
        vf sum = first ? vf_zero() : vf_load(sums + j);
        UNROLLED for (int i = 0; i < rows; i++) {
            const real *const from = x + (size_t)i * ld + j;
            sum = vf_add(sum, count == GK_LANES ? vf_load(from) : vf_load_n(from, count));
        }
        vf_store(sums + j, sum);
    }
}

static void sum_chunk(const struct block *b, size_t j, size_t cols) {
    const real *const x = b->x + j;
    const size_t ld = b->ld, single = b->rows % TOGETHER;
    real *const sums = b->chunk + ((uintptr_t)x + PAGE / 2 - (uintptr_t)b->chunk) % PAGE / 64 * 64 / sizeof(real);
    if (single) add_rows(x, ld, cols, sums, 1, true);
    else add_rows(x, ld, cols, sums, TOGETHER, true);
    for (size_t i = 1; i < single; i++) add_rows(x + i * ld, ld, cols, sums, 1, false);
    for (size_t i = single ? single : TOGETHER; i < b->rows; i += TOGETHER)
        add_rows(x + i * ld, ld, cols, sums, TOGETHER, false);
    add_block(b->db + j, sums, cols, b->to_start);
}

GK_INLINE void sum_block(const struct block *b) {
    if (b->cols <= NARROW) sum_narrow(b);
    for (size_t j = 0; j < b->cols && b->cols > NARROW; j += CHUNK) sum_chunk(b, j, gk_min(CHUNK, b->cols - j));
}

#endif

/* Scratch: a chunk for each thread, which its stack need not have room for, then the blocks of a wave. */
static size_t chunk_reals(const gk_backward_args *a) { return a->m > NARROW ? CHUNK + PAGE / sizeof(real) : 0; }

static struct block block_at(const gk_backward_args *a, size_t row, struct gk_slice cols, const struct gk_team *team) {
    const size_t ld = gk_ld(a->ld_dy, a->m);
    real *const chunks = team->scratch;
    return (struct block){.x = a->dy + row * ld + cols.begin,
                          .ld = ld,
                          .rows = gk_min(GK_KB, a->n - row),
                          .cols = cols.end - cols.begin,
                          .chunk = chunks ? chunks + team->rank * chunk_reals(a) : NULL};
}

static void sum_columns(const gk_backward_args *a, struct gk_slice cols, const struct gk_team *team) {
    for (size_t row = 0; row < a->n; row += GK_KB) {
        struct block b = block_at(a, row, cols, team);
        b.db = a->db + cols.begin, b.to_start = row > 0 || a->accumulate_db;
        sum_block(&b);
    }
}

static size_t padded(const gk_backward_args *a) { return gk_ceil_div(a->m, GK_SUM_LANES) * GK_SUM_LANES; }

static void sum_waves(const gk_backward_args *a, const struct gk_team *team) {
    real *const partial = (real *)team->scratch + team->size * chunk_reals(a);
    const size_t ld = padded(a), blocks = gk_ceil_div(a->n, GK_KB);
    for (size_t first = 0; first < blocks; first += WAVE) {
        const size_t count = gk_min(WAVE, blocks - first);
        const struct gk_slice mine = gk_team_slice(team, count, 1);
        for (size_t b = mine.begin; b < mine.end; b++) {
            struct block block = block_at(a, (first + b) * GK_KB, (struct gk_slice){0, a->m}, team);
            block.db = partial + b * ld;
            sum_block(&block);
        }
        gk_team_barrier(team);
        for (size_t b = 0; b < count && team->rank == 0; b++)
            add_block(a->db, partial + b * ld, a->m, first + b > 0 || a->accumulate_db);
        gk_team_barrier(team);
    }
}

static bool shares_rows(const gk_backward_args *a, size_t threads) { return threads > 1 && a->m < SHARED_FROM * threads; }

void GK_SYMBOL(column_sums)(const gk_backward_args *a, const struct gk_team *team) {
    const struct gk_slice cols = gk_team_slice(team, a->m, GK_SUM_LANES);
    if (a->n == 0 && !a->accumulate_db) {
        for (size_t j = cols.begin; j < cols.end; j++) a->db[j] = 0;
    } else if (shares_rows(a, team->size)) {
        sum_waves(a, team);
    } else {
        sum_columns(a, cols, team);
    }
}

size_t GK_SYMBOL(column_sums_scratch)(const gk_backward_args *a, const struct gk_machine *machine) {
    const size_t wave = shares_rows(a, machine->threads) ? gk_min(WAVE, gk_ceil_div(a->n, GK_KB)) * padded(a) : 0;
    return (machine->threads * chunk_reals(a) + wave) * sizeof(real);
}

static gk_backward_args backward(const void *args) {
    const GK_ARGS_OF(affine_db) *const a = args;
    return (gk_backward_args){
        .n = a->n, .m = a->m, .dy = a->dy, .ld_dy = a->ld_dy, .db = a->db, .accumulate_db = a->accumulate_db};
}

static void run(const void *args, const struct gk_team *team) {
    const gk_backward_args a = backward(args);
    GK_SYMBOL(column_sums)(&a, team);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const gk_backward_args a = backward(args);
    return GK_SYMBOL(column_sums_scratch)(&a, machine);
}

GK_CELL(affine_db) = {.run = run, .scratch = scratch, .serial_below = GK_COLUMN_SUMS_SERIAL_BELOW, .edges = edges};
