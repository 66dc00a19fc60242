/* loss = mean over the rows of log(s) - z_label; p = softmax(x). */
#include "softmax/softmax_plain.h"
#include "softmax/softmax_targets.h"

typedef GK_ARGS_OF(softmax_xent_forward) args_type;

static const size_t edges[] = {GK_LANES_CLASSES,
                               GK_LANES_VECTORS,
                               GK_EXP_GROUP,
                               GK_ROWS_TOGETHER,
                               GK_EXP_PIECE,
                               GK_EXP_BUFFER,
                               GK_TARGETS_TERMS / GK_TARGETS_ROWS,
                               GK_TARGETS_TERMS,
                               GK_TARGETS_NARROW,
                               0};

/* Where lse is wanted the bits of the others are the same, and its time is not that of a plain call. */
static bool has_targets(const args_type *a) { return GK_HAS_TARGETS(a) || a->lse; }

static struct gk_softmax softmax_of(const args_type *a) {
    return (struct gk_softmax){.labels = GK_LABELS_OF(a),
                               .x = a->x,
                               .y = a->p,
                               .c = a->c,
                               .ld_x = gk_ld(a->ld_x, a->c),
                               .ld_y = gk_ld(a->ld_p, a->c),
                               .reduction = a->reduction,
                               .row_loss = a->row_loss};
}

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    struct gk_softmax o = softmax_of(a);
    if (has_targets(a)) gk_targets_run(&GK_TARGETS_OF(a), &o, a->lse, a->loss, team);
    else gk_plain_run(&o, a->n, a->loss, team);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const args_type *const a = args;
    const size_t losses = gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
    const struct gk_softmax o = softmax_of(a);
    return has_targets(a) ? gk_targets_scratch(&GK_TARGETS_OF(a), losses, a->x == a->p, machine->threads)
                          : gk_plain_scratch(&o, losses, machine->threads);
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    return GK_CHECK_TARGETS(a, a->row_loss || a->loss);
}

GK_CELL(softmax_xent_forward) = {
    .run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW, .edges = edges};
