/* y = scale x. */
#include "kernel.h"

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(planted_scale) *const a = args;
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    const size_t ld_x = gk_ld(a->ld_x, a->h), ld_y = gk_ld(a->ld_y, a->h);
    for (size_t i = rows.begin; i < rows.end; i++) {
        const real scale = (real)a->scale, *const x = a->x + i * ld_x;
        real *const y = a->y + i * ld_y;
        size_t j = 0;
#if GK_LANES > 1
        for (; j + GK_LANES <= a->h; j += GK_LANES) vf_store(y + j, vf_mul(vf_set1(scale), vf_load(x + j)));
#endif
        for (; j < a->h; j++) y[j] = scale * x[j];
    }
}

GK_CELL(planted_scale) = {.run = run, .serial_below = 64e3};
