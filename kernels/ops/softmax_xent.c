/* Loss and gradient in one: a row's exponentials become its gradient while they are in cache. */
#include "softmax/softmax_lanes.h"
#include "softmax/softmax_targets.h"

typedef GK_ARGS_OF(softmax_xent) args_type;

enum { TERMS = (128 << 10) / sizeof(real) };

static const size_t edges[] = {GK_LANES_CLASSES,
                               GK_LANES_VECTORS,
                               TERMS / GK_ROWS_TOGETHER,
                               TERMS,
                               GK_TARGETS_TERMS / GK_ROWS_TOGETHER,
                               GK_TARGETS_TERMS,
                               0};

/* Rows of one pass: their exponentials, TERMS at most but for one long row, stay in L2 until they are scaled. */
static size_t rows_together(size_t c) {
    const size_t fit = TERMS / (c ? c : 1);
    return gk_min(fit ? fit : 1, GK_ROWS_TOGETHER);
}

static void run_targets(const args_type *a, const struct gk_team *team) {
    const struct gk_targets t = GK_TARGETS_OF(a);
    const struct gk_pass pass = {.x = a->x,
                                 .ld_x = gk_ld(a->ld_x, a->c),
                                 .e = a->dx,
                                 .ld_e = gk_ld(a->ld_dx, a->c),
                                 .gradient = true,
                                 .dloss = a->dloss,
                                 .row_loss = a->row_loss};
    gk_targets_run(&t, pass, a->loss, team);
}

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    if (GK_HAS_TARGETS(a)) {
        run_targets(a, team);
        return;
    }
    const struct gk_labels l = GK_LABELS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_dx = gk_ld(a->ld_dx, a->c), together = rows_together(a->c);
    const real scale = gk_gradient_scale(&l, a->n, a->reduction);
    real *const row_loss = gk_losses(a->row_loss, a->loss, team);
    const size_t bytes = gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
    const struct gk_lanes lanes = {.labels = l,
                                   .x = a->x,
                                   .y = a->dx,
                                   .c = a->c,
                                   .ld_x = gk_ld(a->ld_x, a->c),
                                   .ld_y = ld_dx,
                                   .gradient = true,
                                   .scale = scale,
                                   .dloss = a->dloss,
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
    for (size_t i = in_lanes ? rows.end : rows.begin; i < rows.end; i += together) {
        const size_t end = gk_min(i + together, rows.end);
        gk_rows_forward(&l, a->x, gk_ld(a->ld_x, a->c), a->c, i, end, a->dx, ld_dx, inverse, row_loss);
        for (size_t r = i; r < end; r++) {
            real *const dx = a->dx + r * ld_dx;
            gk_row_gradient(&l, r, dx, inverse[r - i], scale, gk_upstream(a->dloss, a->reduction, r), a->c, dx);
        }
    }
    gk_lanes_loss(&lanes, a->n, sum, team, a->loss);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const args_type *const a = args;
    const size_t losses = gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
    if (GK_HAS_TARGETS(a)) {
        const struct gk_targets t = GK_TARGETS_OF(a);
        return gk_targets_scratch(&t, losses, gk_targets_copy(&t, a->x, a->dx, a->row_loss || a->loss), machine->threads);
    }
    const struct gk_labels l = GK_LABELS_OF(a);
    return gk_lanes_scratch(&l, a->c, losses, machine->threads);
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    return GK_CHECK_TARGETS(a, true);
}

GK_CELL(softmax_xent) = {
    .run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW, .edges = edges};
