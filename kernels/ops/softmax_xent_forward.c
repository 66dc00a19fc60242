/* loss = mean over the rows of log(s) - z_label; p = softmax(x). */
#include "softmax/softmax.h"

typedef GK_ARGS_OF(softmax_xent_forward) args_type;

static const size_t edges[] = {GK_ROWS_TOGETHER, 0};

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    const struct gk_labels l = GK_LABELS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_p = gk_ld(a->ld_p, a->c);
    real *const row_loss = gk_losses(a->row_loss, a->loss, team);
    real inverse[GK_ROWS_TOGETHER];
    if (a->c == 0) {
        gk_empty_rows(a->n, a->row_loss, a->loss, team);
        return;
    }
    for (size_t i = rows.begin; i < rows.end; i += GK_ROWS_TOGETHER) {
        const size_t end = gk_min(i + GK_ROWS_TOGETHER, rows.end);
        gk_rows_forward(&l, a->x, gk_ld(a->ld_x, a->c), a->c, i, end, a->p, ld_p, inverse, row_loss);
        for (size_t r = i; r < end && a->p; r++) gk_row_scale(a->p + r * ld_p, inverse[r - i], a->c, a->p + r * ld_p);
    }
    if (!a->loss) return;
    gk_team_barrier(team);
    if (team->rank == 0) *a->loss = gk_batch_loss(row_loss, a->n, gk_count_rows(&l, a->n), a->reduction);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const args_type *const a = args;
    (void)machine;
    return gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    const struct gk_labels l = GK_LABELS_OF(a);
    return gk_check_labels(&l, a->n, a->c, a->row_loss || a->loss);
}

GK_CELL(softmax_xent_forward) = {
    .run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW, .edges = edges};
