/* dx = scale dy. */
#include "kernel.h"

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(planted_scale_dx) *const a = args;
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_dy = gk_ld(a->ld_dy, a->h), ld_dx = gk_ld(a->ld_dx, a->h);
    for (size_t i = rows.begin; i < rows.end; i++)
        for (size_t j = 0; j < a->h; j++) a->dx[i * ld_dx + j] = (real)a->scale * a->dy[i * ld_dy + j];
}

GK_CELL(planted_scale_dx) = {.run = run, .serial_below = 64e3};
