/* loss = mean over the rows of log(s) - z_label; p = softmax(x). */
#include "softmax/softmax_lanes.h"
#include "softmax/softmax_targets.h"

typedef GK_ARGS_OF(softmax_xent_forward) args_type;

static const size_t edges[] = {
    GK_LANES_CLASSES, GK_LANES_VECTORS, GK_ROWS_TOGETHER, GK_TARGETS_TERMS / GK_ROWS_TOGETHER, GK_TARGETS_TERMS, 0};

/* Where lse is wanted the bits of the others are the same, and its time is not that of a plain call. */
static bool has_targets(const args_type *a) { return GK_HAS_TARGETS(a) || a->lse; }

static void run_targets(const args_type *a, const struct gk_team *team) {
    const struct gk_targets t = GK_TARGETS_OF(a);
    const struct gk_pass pass = {.x = a->x,
                                 .ld_x = gk_ld(a->ld_x, a->c),
                                 .e = a->p,
                                 .ld_e = gk_ld(a->ld_p, a->c),
                                 .row_loss = a->row_loss,
                                 .lse = a->lse};
    gk_targets_run(&t, pass, a->loss, team);
}

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    if (has_targets(a)) {
        run_targets(a, team);
        return;
    }
    const struct gk_labels l = GK_LABELS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_p = gk_ld(a->ld_p, a->c);
    real *const row_loss = gk_losses(a->row_loss, a->loss, team);
    const size_t bytes = gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
    const struct gk_lanes lanes = {.labels = l,
                                   .x = a->x,
                                   .y = a->p,
                                   .c = a->c,
                                   .ld_x = gk_ld(a->ld_x, a->c),
                                   .ld_y = ld_p,
                                   .reduction = a->reduction,
                                   .row_loss = row_loss};
    real inverse[GK_ROWS_TOGETHER];
    double sum = 0;
    if (a->c == 0) {
        gk_empty_rows(a->n, a->row_loss, a->loss, team);
        return;
    }
    const bool in_lanes = gk_in_lanes(&l, a->c);
    if (in_lanes) gk_lanes_rows(&lanes, rows, gk_lanes_own(a->c, bytes, team), &sum);
    for (size_t i = in_lanes ? rows.end : rows.begin; i < rows.end; i += GK_ROWS_TOGETHER) {
        const size_t end = gk_min(i + GK_ROWS_TOGETHER, rows.end);
        gk_rows_forward(&l, a->x, gk_ld(a->ld_x, a->c), a->c, i, end, a->p, ld_p, inverse, row_loss);
        for (size_t r = i; r < end && a->p; r++) gk_row_scale(a->p + r * ld_p, inverse[r - i], a->c, a->p + r * ld_p);
    }
    gk_lanes_loss(&lanes, a->n, sum, team, a->loss);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const args_type *const a = args;
    const size_t losses = gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
    if (has_targets(a)) {
        const struct gk_targets t = GK_TARGETS_OF(a);
        return gk_targets_scratch(&t, losses, gk_targets_copy(&t, a->x, a->p, a->row_loss || a->loss), machine->threads);
    }
    const struct gk_labels l = GK_LABELS_OF(a);
    return gk_lanes_scratch(&l, a->c, losses, machine->threads);
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    return GK_CHECK_TARGETS(a, a->row_loss || a->loss);
}

GK_CELL(softmax_xent_forward) = {
    .run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW, .edges = edges};
