/* w = w - rate g, b = b - rate. */
#include "kernel.h"

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(planted_step) *const a = args;
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_g = gk_ld(a->ld_g, a->h), ld_w = gk_ld(a->ld_w, a->h);
    for (size_t i = rows.begin; i < rows.end; i++)
        for (size_t j = 0; j < a->h; j++) a->w[i * ld_w + j] = GK_FMA(-(real)a->rate, a->g[i * ld_g + j], a->w[i * ld_w + j]);
    for (size_t j = 0; j < a->h && a->b && team->rank == 0; j++) a->b[j] -= (real)a->rate;
}

GK_CELL(planted_step) = {.run = run, .serial_below = 64e3};
