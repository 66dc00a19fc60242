/* Loss and gradient in one: a row's exponentials become its gradient while they are in cache. */
#include "softmax/softmax_plain.h"
#include "softmax/softmax_targets.h"

typedef GK_ARGS_OF(softmax_xent) args_type;

static struct gk_softmax softmax_of(const args_type *a) {
    return (struct gk_softmax){.labels = GK_LABELS_OF(a),
                               .x = a->x,
                               .y = a->dx,
                               .c = a->c,
                               .ld_x = gk_ld(a->ld_x, a->c),
                               .ld_y = gk_ld(a->ld_dx, a->c),
                               .gradient = true,
                               .dloss = a->dloss,
                               .reduction = a->reduction,
                               .row_loss = a->row_loss};
}

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    struct gk_softmax o = softmax_of(a);
    if (GK_HAS_TARGETS(a)) gk_targets_run(&GK_TARGETS_OF(a), &o, NULL, a->loss, team);
    else gk_plain_run(&o, a->n, a->loss, team);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const args_type *const a = args;
    const size_t losses = gk_loss_bytes(a->n, a->c, a->row_loss, a->loss);
    const struct gk_softmax o = softmax_of(a);
    return GK_HAS_TARGETS(a) ? gk_targets_scratch(&GK_TARGETS_OF(a), losses, a->x == a->dx, machine->threads)
                             : gk_plain_scratch(&o, losses, machine->threads);
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    return GK_CHECK_TARGETS(a, true);
}

GK_CELL(softmax_xent) = {.run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW};
