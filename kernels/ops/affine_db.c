/* db = column sums of dy, in blocks of 256 rows like any sum of products (a = 1): so db fused into dw has the same bits. */
#include "affine.h"

enum {
    CHAINS = 8,                /* that run side by side: one would wait for each of its adds */
    PANEL = CHAINS * GK_LANES, /* columns at most whose sums stay in registers */
    VECTORS = 4,               /* of 16 bytes that run side by side where a lane is a block of rows */
    BLOCKS = VECTORS * 16 / sizeof(real),
    CHUNK = 4096,     /* columns summed at a time otherwise: sums that stay in L1 or near it, and rows read in long runs */
    PAGE = 4096,      /* bytes; the sums lie half of it off the rows: in the same sets of L1 they took an eighth longer */
    TOGETHER = 8,     /* rows added for each load and store of these sums, */
    TOGETHER_L2 = 4,  /* where all rows fit in L2: rows that are pages apart share their sets of L1 with fewer others */
    COLUMNS = 256,    /* that the reference sums at a time */
    WAVE = 64,        /* blocks of rows that the threads sum before they are added in order */
    SHARED_FROM = 64, /* columns a thread must have; with fewer the threads share the rows, by blocks */
};

static const size_t edges[] = {PANEL,         CHUNK,         CHUNK + GK_LANES, TOGETHER,    COLUMNS,
                               CHAINS *GK_KB, BLOCKS *GK_KB, WAVE *GK_KB,      SHARED_FROM, 0};

/* Some columns of some rows. */
struct sums {
    const real *x;
    size_t ld, rows, cols;
    real *db;
    size_t apart;  /* reals from the sums of a block of rows to those of the next; 0: they are added up in db, */
    bool to_start; /* to what it has */
    bool near;     /* all rows fit in L2 */
    real *chunk;   /* scratch for a chunk's sums and a page, where cols > PANEL */
};

static void add_block(real *db, const real *sums, size_t cols, bool to_start) {
    for (size_t j = 0; j < cols; j++) db[j] = to_start ? db[j] + sums[j] : sums[j];
}

#if GK_IS_REFERENCE

static void sum(const struct sums *s) {
    for (size_t row = 0; row < s->rows; row += GK_KB)
        for (size_t j0 = 0; j0 < s->cols; j0 += COLUMNS) {
            const size_t cols = gk_min(COLUMNS, s->cols - j0), end = gk_min(s->rows, row + GK_KB);
            real sums[COLUMNS] = {0};
            for (size_t i = row; i < end; i++)
                for (size_t j = 0; j < cols; j++) sums[j] += s->x[i * s->ld + j0 + j];
            add_block(s->db + row / GK_KB * s->apart + j0, sums, cols, s->to_start || (row > 0 && s->apart == 0));
        }
}

#else

/* `blocks` of rows side by side, the columns of each in `windows` of so many lanes, the last of which overlaps; all constants.
 * Each is a chain of adds of its own, in a register. */
struct form {
    int lanes, windows, blocks;
};

GK_INLINE size_t window(const struct form f, size_t cols, int w) {
    return w == f.windows - 1 ? cols - (size_t)f.lanes : (size_t)(w * f.lanes);
}

/* A row of each block but the last `ended`. Two pointers: with one for each block the compiler runs out of registers. */
GK_INLINE void add_row(const struct form f, const struct sums *s, const real *x, const real *y, vf *chains, const int ended) {
    const int half = f.blocks > 1 ? f.blocks / 2 : 1;
    UNROLLED for (int c = 0; c < (f.blocks - ended) * f.windows; c++) {
        const int block = c / f.windows;
        const real *const from = (block < half ? x : y) + (size_t)(block % half) * GK_KB * s->ld;
        chains[c] = vf_add_first(chains[c], from + window(f, s->cols, c % f.windows), f.lanes);
    }
}

/* The sums of the blocks from `block` on; before it, the first `known` are there already. */
GK_INLINE void put(const struct form f, const struct sums *s, size_t block, const vf *chains, int known) {
    real *db = s->db + block * s->apart;
    bool add = s->to_start || (block > 0 && s->apart == 0);
    vf sums[CHAINS];
    UNROLLED for (int w = 0; w < f.windows; w++) {
        sums[w] = add ? vf_load_first(db + window(f, s->cols, w), f.lanes) : vf_zero();
    }
    UNROLLED for (int c = 0; c < f.blocks; c++) {
        if (c < known) continue;
        UNROLLED for (int w = 0; w < f.windows; w++) {
            const vf sum = chains[c * f.windows + w];
            sums[w] = add ? vf_add(sums[w], sum) : sum;
        }
        add = s->apart == 0;
        if (add && c < f.blocks - 1) continue;
        UNROLLED for (int w = 0; w < f.windows; w++) { vf_store_n(db + window(f, s->cols, w), sums[w], (size_t)f.lanes); }
        db += s->apart;
    }
}

/* The last block may end before the others. */
GK_INLINE void sum_blocks(const struct form f, const struct sums *s, size_t block, size_t end) {
    const size_t ld = s->ld, first = end - (size_t)f.blocks, rows = gk_min(GK_KB, s->rows - (end - 1) * GK_KB);
    const real *x = s->x + first * GK_KB * ld, *y = x + (size_t)(f.blocks / 2) * GK_KB * ld;
    vf chains[CHAINS];
    UNROLLED for (int c = 0; c < f.blocks * f.windows; c++) chains[c] = vf_zero();
    for (size_t i = rows; i > 0; i--, x += ld, y += ld) add_row(f, s, x, y, chains, 0);
    for (size_t i = GK_KB - rows; i > 0 && f.blocks > 1; i--, x += ld, y += ld) add_row(f, s, x, y, chains, 1);
    put(f, s, block, chains, (int)(block - first));
}

/* As many blocks together as make enough chains; where fewer are left, the last ones overlap. */
GK_INLINE void sum_panel(const struct sums *s, const int lanes, const int windows) {
    const size_t blocks = gk_ceil_div(s->rows, GK_KB);
    for (size_t b = 0, end; b < blocks; b = end) {
        const size_t left = blocks - b;
        const bool eight = windows == 1 && blocks >= 8 && left > 4, four = windows <= 2 && blocks >= 4 && left > 2;
        const bool two = windows <= 4 && left > 1;
        end = b + gk_min(left, eight ? 8 : four ? 4 : two ? 2 : 1);
        if (eight) sum_blocks((struct form){lanes, windows, 8}, s, b, end);
        else if (four) sum_blocks((struct form){lanes, windows, 4}, s, b, end);
        else if (two) sum_blocks((struct form){lanes, windows, 2}, s, b, end);
        else sum_blocks((struct form){lanes, windows, 1}, s, b, end);
    }
}

#define FOR_EACH_VECTORS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define SUM_PANEL(vectors)                                                                                                     \
    static void sum_panel_##vectors(const struct sums *s) { sum_panel(s, GK_LANES, vectors); }
#define SUM_ENTRY(vectors) sum_panel_##vectors,
FOR_EACH_VECTORS(SUM_PANEL)

/* From so many columns on, and less than twice as many. */
#define SUM_FROM(lanes)                                                                                                        \
    static void sum_from_##lanes(const struct sums *s) {                                                                       \
        if (s->cols == lanes) sum_panel(s, lanes, 1);                                                                          \
        else sum_panel(s, lanes, 2);                                                                                           \
    }
SUM_FROM(2)
SUM_FROM(4)
SUM_FROM(8)

/* One column without gaps: a lane is a block. The last vector's blocks overlap. The block that is not whole is summed beside
 * them. */
GK_INLINE void sum_lanes(const struct sums *s, size_t block, size_t whole, size_t rest, const int vectors) {
    const real *x[VECTORS], *const tail = s->x + whole * GK_KB;
    vf lanes[VECTORS];
    real before[GK_COLUMNS + BLOCKS + 1], *const sums = before + GK_COLUMNS, last = 0;
    const size_t blocks = gk_min(BLOCKS, whole - block);
    UNROLLED for (int v = 0; v < vectors; v++) {
        x[v] = s->x + gk_min(block + (size_t)(v * GK_COLUMNS), whole - GK_COLUMNS) * GK_KB;
        lanes[v] = vf_zero();
    }
    for (size_t i = 0; i < GK_KB; i += GK_COLUMNS) {
        UNROLLED for (int v = 0; v < vectors; v++) lanes[v] = vf_add_columns(lanes[v], x[v] + i, GK_KB);
        if (i + GK_COLUMNS > rest) continue;
        UNROLLED for (int u = 0; u < GK_COLUMNS; u++) last += tail[i + (size_t)u];
    }
    for (size_t i = rest / GK_COLUMNS * GK_COLUMNS; i < rest; i++) last += tail[i];
    UNROLLED for (int v = 0; v < vectors; v++)
        vf_store_n(sums + (x[v] - s->x) / GK_KB - (ptrdiff_t)block, lanes[v], GK_COLUMNS);
    sums[blocks] = last;
    for (size_t b = 0; b < blocks + (rest > 0); b++)
        add_block(s->db + (block + b) * s->apart, sums + b, 1, s->to_start || (block + b > 0 && s->apart == 0));
}

static void sum_one(const struct sums *s) {
    const size_t whole = s->rows / GK_KB, rest = s->rows % GK_KB;
    if (s->ld > 1 || whole < GK_COLUMNS) {
        sum_panel(s, 1, 1);
        return;
    }
    for (size_t b = 0; b < whole; b += BLOCKS) {
        const size_t vectors = gk_ceil_div(whole - b, GK_COLUMNS), tail = vectors > VECTORS ? 0 : rest;
        if (vectors >= 4) sum_lanes(s, b, whole, tail, 4);
        else if (vectors == 3) sum_lanes(s, b, whole, tail, 3);
        else if (vectors == 2) sum_lanes(s, b, whole, tail, 2);
        else sum_lanes(s, b, whole, tail, 1);
    }
}

static void sum_narrow(const struct sums *s) {
    static void (*const panels[])(const struct sums *s) = {FOR_EACH_VECTORS(SUM_ENTRY)};
    if (s->cols >= GK_LANES) panels[(s->cols - 1) / GK_LANES](s);
    else if (s->cols >= 8) sum_from_8(s);
    else if (s->cols >= 4) sum_from_4(s);
    else if (s->cols >= 2) sum_from_2(s);
    else if (s->cols == 1) sum_one(s);
}

/* first: from +0. The last vector overlaps, with sums of its own. To fetch the next rows meanwhile took half as long again. */
GK_INLINE void add_rows(const real *x, size_t ld, size_t cols, real *sums, const int rows, const bool first) {
    for (size_t j = 0; j < cols; j += GK_LANES) {
        const real *const from = x + gk_min(j, cols - GK_LANES);
        vf sum = first ? vf_zero() : vf_load(sums + j);
        UNROLLED for (int i = 0; i < rows; i++) sum = vf_add(sum, vf_load(from + (size_t)i * ld));
        vf_store(sums + j, sum);
    }
}

GK_INLINE void add_block_of_rows(const real *x, size_t ld, size_t rows, size_t cols, real *sums, const int together) {
    const size_t step = (size_t)together, single = rows % step;
    if (single) add_rows(x, ld, cols, sums, 1, true);
    else add_rows(x, ld, cols, sums, together, true);
    for (size_t i = 1; i < single; i++) add_rows(x + i * ld, ld, cols, sums, 1, false);
    for (size_t i = single ? single : step; i < rows; i += step) add_rows(x + i * ld, ld, cols, sums, together, false);
}

static void add_chunk(real *db, const real *sums, size_t cols, bool to_start) {
    const size_t last = cols - GK_LANES;
    const vf overlapping = vf_load(sums + (cols - 1) / GK_LANES * GK_LANES);
    const vf end = to_start ? vf_add(vf_load(db + last), overlapping) : overlapping;
    for (size_t j = 0; j < last; j += GK_LANES)
        vf_store(db + j, to_start ? vf_add(vf_load(db + j), vf_load(sums + j)) : vf_load(sums + j));
    vf_store(db + last, end);
}

static void sum_wide(const struct sums *s) {
    for (size_t row = 0; row < s->rows; row += GK_KB)
        for (size_t j = 0, cols; j < s->cols; j += cols) {
            const real *const x = s->x + row * s->ld + j;
            const size_t rows = gk_min(GK_KB, s->rows - row), left = s->cols - j;
            real *const sums = s->chunk + ((uintptr_t)x + PAGE / 2 - (uintptr_t)s->chunk) % PAGE / 64 * 64 / sizeof(real);
            cols = left <= CHUNK ? left : gk_min(CHUNK, left - GK_LANES); /* a vector at least is left */
            if (s->near) add_block_of_rows(x, s->ld, rows, cols, sums, TOGETHER_L2);
            else add_block_of_rows(x, s->ld, rows, cols, sums, TOGETHER);
            add_chunk(s->db + row / GK_KB * s->apart + j, sums, cols, s->to_start || (row > 0 && s->apart == 0));
        }
}

static void sum(const struct sums *s) {
    if (s->cols <= PANEL) sum_narrow(s);
    else sum_wide(s);
}

#endif

/* Scratch: a chunk for each thread, which its stack need not have room for, then the blocks of a wave. */
static size_t chunk_reals(const gk_db_args *a) { return a->m > PANEL ? CHUNK + PAGE / sizeof(real) : 0; }

static struct sums sums_of(const gk_db_args *a, size_t row, size_t end, struct gk_slice cols, const struct gk_team *team) {
    const size_t ld = gk_ld(a->ld_dy, a->m), rows = gk_min(end, a->n) - gk_min(row, a->n);
    real *const chunks = team->scratch;
    return (struct sums){.x = a->dy + row * ld + cols.begin,
                         .ld = ld,
                         .rows = rows,
                         .cols = cols.end - cols.begin,
                         .near = rows * (cols.end - cols.begin) <= team->caches->l2 / sizeof(real),
                         .chunk = chunks ? chunks + team->rank * chunk_reals(a) : NULL};
}

static void sum_columns(const gk_db_args *a, struct gk_slice cols, const struct gk_team *team) {
    struct sums s = sums_of(a, 0, a->n, cols, team);
    s.db = a->db + cols.begin, s.to_start = a->accumulate_db;
    sum(&s);
}

static size_t padded(const gk_db_args *a) { return gk_ceil_div(a->m, GK_SUM_LANES) * GK_SUM_LANES; }

static void sum_waves(const gk_db_args *a, const struct gk_team *team) {
    real *const partial = (real *)team->scratch + team->size * chunk_reals(a);
    const size_t ld = padded(a), blocks = gk_ceil_div(a->n, GK_KB);
    for (size_t first = 0; first < blocks; first += WAVE) {
        const size_t count = gk_min(WAVE, blocks - first);
        const struct gk_slice mine = gk_team_slice(team, count, 1);
        struct sums s = sums_of(a, (first + mine.begin) * GK_KB, (first + mine.end) * GK_KB, (struct gk_slice){0, a->m}, team);
        s.db = partial + mine.begin * ld, s.apart = ld;
        sum(&s);
        gk_team_barrier(team);
        for (size_t b = 0; b < count && team->rank == 0; b++)
            add_block(a->db, partial + b * ld, a->m, first + b > 0 || a->accumulate_db);
        gk_team_barrier(team);
    }
}

static bool shares_rows(const gk_db_args *a, size_t threads) { return threads > 1 && a->m < SHARED_FROM * threads; }

void GK_SYMBOL(column_sums)(const gk_db_args *a, const struct gk_team *team) {
    const struct gk_slice cols = gk_team_slice(team, a->m, GK_SUM_LANES);
    if (a->n == 0 && !a->accumulate_db) {
        for (size_t j = cols.begin; j < cols.end; j++) a->db[j] = 0;
    } else if (shares_rows(a, team->size)) {
        sum_waves(a, team);
    } else {
        sum_columns(a, cols, team);
    }
}

size_t GK_SYMBOL(column_sums_scratch)(const gk_db_args *a, const struct gk_machine *machine) {
    const size_t wave = shares_rows(a, machine->threads) ? gk_min(WAVE, gk_ceil_div(a->n, GK_KB)) * padded(a) : 0;
    return (machine->threads * chunk_reals(a) + wave) * sizeof(real);
}

static void run(const void *args, const struct gk_team *team) { GK_SYMBOL(column_sums)(args, team); }

static size_t scratch(const void *args, const struct gk_machine *machine) {
    return GK_SYMBOL(column_sums_scratch)(args, machine);
}

GK_CELL(affine_db) = {.run = run, .scratch = scratch, .serial_below = GK_COLUMN_SUMS_SERIAL_BELOW, .edges = edges};
