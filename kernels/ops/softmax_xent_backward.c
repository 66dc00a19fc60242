/* dx = (p - t) / N, from the probabilities. */
#include "softmax/softmax.h"

typedef GK_ARGS_OF(softmax_xent_backward) args_type;

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    const struct gk_labels l = GK_LABELS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_p = gk_ld(a->ld_p, a->c), ld_dx = gk_ld(a->ld_dx, a->c);
    const real scale = gk_gradient_scale(&l, a->n, a->reduction);
    for (size_t i = rows.begin; i < rows.end; i++)
        gk_row_gradient(&l, i, a->p + i * ld_p, 1, scale, gk_upstream(a->dloss, a->reduction, i), a->c, a->dx + i * ld_dx);
}

static gk_status check(const void *args) {
    const args_type *const a = args;
    const struct gk_labels l = GK_LABELS_OF(a);
    return gk_check_labels(&l, a->n, a->c, true);
}

GK_CELL(softmax_xent_backward) = {.run = run, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW};
