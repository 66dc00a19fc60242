/* w = w - rate (scale dy): the bits of its parts. */
#include "kernel.h"

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(planted_scaled_step) *const a = args;
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_dy = gk_ld(a->ld_dy, a->h), ld_w = gk_ld(a->ld_w, a->h);
    for (size_t i = rows.begin; i < rows.end && a->dy; i++)
        for (size_t j = 0; j < a->h; j++) {
            const real g = (real)a->scale * a->dy[i * ld_dy + j];
            a->w[i * ld_w + j] = GK_FMA(-(real)a->rate, g, a->w[i * ld_w + j]);
        }
}

GK_CELL(planted_scaled_step) = {.run = run, .serial_below = 64e3};
