/* dx = (p - t) / N, from the probabilities. */
#include "softmax/softmax_targets.h"

typedef GK_ARGS_OF(softmax_xent_backward) args_type;

static void run_targets(const args_type *a, const struct gk_team *team) {
    const struct gk_targets t = GK_TARGETS_OF(a);
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_p = gk_ld(a->ld_p, a->c), ld_dx = gk_ld(a->ld_dx, a->c);
    const struct gk_pass pass = {.dloss = a->dloss, .divisor = gk_divisor(&t)};
    real *const tau = gk_targets_tau(&t, 0, false, team);
    gk_tau_begin(&t, tau);
    for (size_t i = rows.begin; i < rows.end; i++) {
        const bool counts = !gk_ignored(&t.labels, i);
        const real *const own = counts ? gk_tau(&t, i, tau) : NULL;
        gk_targets_gradient(&t, &pass, i, a->p + i * ld_p, 1, t.zeta != 0 ? a->lse[i] : 0, own, a->dx + i * ld_dx);
        if (counts) gk_tau_end(&t, i, tau);
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
    const size_t ld_p = gk_ld(a->ld_p, a->c), ld_dx = gk_ld(a->ld_dx, a->c);
    const real scale = gk_gradient_scale(&l, a->n, a->reduction);
    for (size_t i = rows.begin; i < rows.end; i++)
        gk_row_gradient(&l, i, a->p + i * ld_p, 1, scale, gk_upstream(a->dloss, a->reduction, i), a->c, a->dx + i * ld_dx);
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

GK_CELL(softmax_xent_backward) = {.run = run, .scratch = scratch, .check = check, .serial_below = GK_SOFTMAX_SERIAL_BELOW};
