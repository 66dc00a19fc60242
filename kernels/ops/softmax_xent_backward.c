/* dx = (p - t) / N, from the probabilities. */
#include "softmax/softmax_targets.h"

typedef GK_ARGS_OF(softmax_xent_backward) args_type;

enum {
    SHORT = 64,      /* classes at most of rows that are multiplied as one */
    SHORT_EACH = 16, /* the same where each row has an upstream gradient; with 64 some took half as long again */
    EACH_TOGETHER = 128 / sizeof(real), /* rows of a block with upstream gradients */
};

static const size_t edges[] = {SHORT, SHORT_EACH, EACH_TOGETHER, GK_ROWS_TOGETHER, 0};

/* Rows [begin, end), one by one. */
static void run_rows(const args_type *a, const struct gk_labels *l, real scale, struct gk_slice rows) {
    const size_t ld_p = gk_ld(a->ld_p, a->c), ld_dx = gk_ld(a->ld_dx, a->c);
    for (size_t i = rows.begin; i < rows.end; i++)
        gk_row_gradient(l, i, a->p + i * ld_p, 1, scale, gk_upstream(a->dloss, a->reduction, i), a->c, a->dx + i * ld_dx);
}

#if !GK_IS_REFERENCE

/* Has each row an upstream gradient of its own? */
static bool has_each(const args_type *a) { return a->dloss && a->reduction == GK_NONE; }

/* Short rows without gaps, of classes: those of a block are multiplied as one, but at their labels. */
struct block {
    size_t begin, rows;
    uint32_t at[GK_ROWS_TOGETHER];                 /* where the labels are; the first class of a row that is ignored */
    real saved[GK_ROWS_TOGETHER];                  /* what belongs there */
    real g[EACH_TOGETHER * SHORT_EACH + GK_LANES]; /* the upstream gradient of each element */
    uint64_t ignored;
};

static void save_labels(const args_type *a, struct gk_labels l, real scale, struct block *b) {
    const real *const p = a->p + b->begin * a->c;
    const bool each = has_each(a);
    const real g = gk_upstream(a->dloss, a->reduction, 0);
    b->ignored = 0;
    for (size_t i = 0; i < b->rows; i++) {
        const bool ignored = gk_ignored(&l, b->begin + i);
        b->ignored |= (uint64_t)ignored << i;
        b->at[i] = (uint32_t)(i * a->c + (ignored ? 0 : (size_t)gk_label(&l, b->begin + i)));
        b->saved[i] = p[b->at[i]];
    }
    for (size_t i = 0; i < b->rows; i++) b->saved[i] = (b->saved[i] - 1) * scale * (each ? a->dloss[b->begin + i] : g);
}

/* The upstream gradients of the rows, one for each element; a row's last ones are overwritten by the next. */
static void spread_upstream(const args_type *a, struct block *b) {
    for (size_t i = 0; i < b->rows; i++)
        for (size_t j = 0; j < a->c; j += GK_LANES) vf_store(b->g + i * a->c + j, vf_set1(a->dloss[b->begin + i]));
}

static void run_block(const args_type *a, const struct gk_labels *l, real scale, struct block *b) {
    const real *const p = a->p + b->begin * a->c;
    real *const dx = a->dx + b->begin * a->c;
    const size_t count = b->rows * a->c;
    const bool each = has_each(a);
    const struct gk_factors f = {.a = scale, .b = gk_upstream(a->dloss, a->reduction, 0), .t = each ? b->g : NULL};
    save_labels(a, *l, scale, b);
    if (each) spread_upstream(a, b);
    if (each) gk_results(GK_SCALED_EACH, f, p, count, dx);
    else if (f.b == 1) gk_results(GK_SCALED, f, p, count, dx);
    else gk_results(GK_SCALED_TWICE, f, p, count, dx);
    for (size_t i = 0; i < b->rows; i++) dx[b->at[i]] = b->saved[i];
    for (uint64_t rest = b->ignored; rest; rest &= rest - 1)
        memset(dx + (size_t)__builtin_ctzll(rest) * a->c, 0, a->c * sizeof(real));
}

static void run_blocks(const args_type *a, const struct gk_labels *l, real scale, struct gk_slice rows) {
    const size_t together = has_each(a) ? EACH_TOGETHER : GK_ROWS_TOGETHER;
    struct block b;
    for (b.begin = rows.begin; b.begin < rows.end; b.begin += b.rows) {
        b.rows = gk_min(together, rows.end - b.begin);
        run_block(a, l, scale, &b);
    }
}

/* One class: its label is there. */
static void run_single(const args_type *a, struct gk_labels l, real scale, struct gk_slice rows) {
    const real *const each = has_each(a) ? a->dloss + rows.begin : NULL;
    const struct gk_factors f = {.a = scale, .b = gk_upstream(a->dloss, a->reduction, 0), .t = each};
    gk_results(GK_LESS_ONE, f, a->p + rows.begin, rows.end - rows.begin, a->dx + rows.begin);
    for (size_t i = rows.begin; l.use_ignore && i < rows.end; i++)
        if (gk_ignored(&l, i)) a->dx[i] = 0;
}

static void run_short(const args_type *a, const struct gk_labels *l, real scale, struct gk_slice rows) {
    if (a->c == 1) run_single(a, *l, scale, rows);
    else run_blocks(a, l, scale, rows);
}

static bool is_short(const args_type *a) {
    return (a->labels || a->labels64) && a->c <= (has_each(a) ? SHORT_EACH : SHORT) && gk_ld(a->ld_p, a->c) == a->c &&
           gk_ld(a->ld_dx, a->c) == a->c;
}

#else

static bool is_short(const args_type *a) { return (void)a, false; }

static void run_short(const args_type *a, const struct gk_labels *l, real scale, struct gk_slice rows) {
    (void)a, (void)l, (void)scale, (void)rows;
}

#endif

static void run_targets(const args_type *a, const struct gk_team *team) {
    const struct gk_targets t = GK_TARGETS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_p = gk_ld(a->ld_p, a->c), ld_dx = gk_ld(a->ld_dx, a->c);
    struct gk_pass pass = {.dloss = a->dloss, .tau = gk_targets_tau(&t, 0, false, team)};
    gk_targets_divide(&t, &pass);
    gk_tau_begin(&t, &pass.tau);
    for (size_t i = rows.begin; i < rows.end; i++) {
        const real *const tau = gk_tau_of_row(&t, i, &pass.tau);
        gk_targets_gradient(&t, &pass, i, a->p + i * ld_p, 1, t.zeta != 0 ? a->lse[i] : 0, tau, a->dx + i * ld_dx);
    }
}

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    if (GK_HAS_TARGETS(a)) {
        run_targets(a, team);
        return;
    }
    const struct gk_labels l = GK_LABELS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const real scale = gk_gradient_scale(gk_rows_divisor(&l, a->n, a->reduction));
    if (a->c == 0) return;
    if (is_short(a)) run_short(a, &l, scale, rows);
    else run_rows(a, &l, scale, rows);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const args_type *const a = args;
    const struct gk_targets t = GK_TARGETS_OF(a);
    return GK_HAS_TARGETS(a) ? gk_targets_scratch(&t, 0, false, machine->threads) : 0;
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    const gk_status status = GK_CHECK_TARGETS(a, true);
    return status == GK_OK && a->z_loss != 0 && !a->lse ? GK_ERROR_NULL : status;
}

GK_CELL(softmax_xent_backward) = {
    .run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW, .edges = edges};
