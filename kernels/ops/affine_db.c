/* db = column sums of dy, in blocks of 256 rows like any sum of products (a = 1): so db fused into dw has the same bits. */
#include "affine.h"

enum {
    CHUNK = 1024,    /* columns summed at a time: 4 KiB of sums, and rows read in runs that the prefetchers follow */
    TOGETHER = 8,    /* rows added for each load and store of the sums */
    WAVE = 64,       /* blocks of rows that the threads sum before they are added in order */
    SHARED_FROM = 64 /* columns a thread must have; with fewer the threads share the rows, by blocks */
};

#if GK_LANES == 1

static void add_rows(const struct gk_view *dy, size_t row, size_t count, size_t j0, size_t cols, real *sums) {
    for (size_t i = row; i < row + count; i++)
        for (size_t j = 0; j < cols; j++) sums[j] += dy->p[i * dy->ld + j0 + j];
}

#else

/* `count` rows from `row` on, in one pass over the sums. */
GK_INLINE void add_together(const struct gk_view *dy, size_t row, const size_t count, size_t j0, size_t cols, real *sums) {
    const real *const x = dy->p + row * dy->ld + j0;
    size_t j = 0;
    for (; j + GK_LANES <= cols; j += GK_LANES) {
        vf sum = vf_load(sums + j);
        for (size_t i = 0; i < count; i++) sum = vf_add(sum, vf_load(x + i * dy->ld + j));
        vf_store(sums + j, sum);
    }
    if (j == cols) return;
    vf sum = vf_load(sums + j);
    for (size_t i = 0; i < count; i++) sum = vf_add(sum, vf_load_n(x + i * dy->ld + j, cols - j));
    vf_store(sums + j, sum);
}

static void add_rows(const struct gk_view *dy, size_t row, size_t count, size_t j0, size_t cols, real *sums) {
    size_t i = 0;
    for (; i + TOGETHER <= count; i += TOGETHER) add_together(dy, row + i, TOGETHER, j0, cols, sums);
    for (; i < count; i++) add_together(dy, row + i, 1, j0, cols, sums);
}

#endif

/* sums has whole vectors: cols rounded up to GK_SUM_LANES. */
static void sum_block(const gk_backward_args *a, size_t row, size_t j0, size_t cols, real *sums) {
    const struct gk_view dy = {.p = a->dy, .ld = gk_ld(a->ld_dy, a->m)};
    memset(sums, 0, gk_ceil_div(cols, GK_SUM_LANES) * GK_SUM_LANES * sizeof(real));
    add_rows(&dy, row, gk_min(GK_KB, a->n - row), j0, cols, sums);
}

static void add_block(real *db, const real *sums, size_t cols, bool to_start) {
    for (size_t j = 0; j < cols; j++) db[j] = to_start ? db[j] + sums[j] : sums[j];
}

static void sum_columns(const gk_backward_args *a, struct gk_slice cols) {
    real sums[CHUNK];
    for (size_t j = cols.begin; j < cols.end; j += CHUNK) {
        const size_t count = gk_min(CHUNK, cols.end - j);
        for (size_t row = 0; row < a->n; row += GK_KB) {
            sum_block(a, row, j, count, sums);
            add_block(a->db + j, sums, count, row > 0 || a->accumulate_db);
        }
    }
}

static size_t padded(const gk_backward_args *a) {
    return gk_ceil_div(a->m, GK_SUM_LANES) * GK_SUM_LANES;
}

static void sum_waves(const gk_backward_args *a, const struct gk_team *team) {
    real *const partial = team->scratch;
    const size_t ld = padded(a), blocks = gk_ceil_div(a->n, GK_KB);
    for (size_t first = 0; first < blocks; first += WAVE) {
        const size_t count = gk_min(WAVE, blocks - first);
        const struct gk_slice mine = gk_team_slice(team, count, 1);
        for (size_t b = mine.begin; b < mine.end; b++) sum_block(a, (first + b) * GK_KB, 0, a->m, partial + b * ld);
        gk_team_barrier(team);
        for (size_t b = 0; b < count && team->rank == 0; b++)
            add_block(a->db, partial + b * ld, a->m, first + b > 0 || a->accumulate_db);
        gk_team_barrier(team);
    }
}

static bool shares_rows(const gk_backward_args *a, size_t threads) {
    return threads > 1 && a->m < SHARED_FROM * threads;
}

void GK_SYMBOL(column_sums)(const gk_backward_args *a, const struct gk_team *team) {
    const struct gk_slice cols = gk_team_slice(team, a->m, GK_SUM_LANES);
    if (a->n == 0 && !a->accumulate_db) {
        for (size_t j = cols.begin; j < cols.end; j++) a->db[j] = 0;
    } else if (shares_rows(a, team->size)) {
        sum_waves(a, team);
    } else {
        sum_columns(a, cols);
    }
}

size_t GK_SYMBOL(column_sums_scratch)(const gk_backward_args *a, const struct gk_machine *machine) {
    return shares_rows(a, machine->threads) ? gk_min(WAVE, gk_ceil_div(a->n, GK_KB)) * padded(a) * sizeof(real) : 0;
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

/* Bytes: below half a megabyte the sum ends before a second thread has started. */
GK_CELL(affine_db) = {.run = run, .scratch = scratch, .serial_below = 256e3};
