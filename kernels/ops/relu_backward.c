/* dx = mask ? dy : +0. Select, never multiply by the mask: 0 * Inf is NaN. */
#include "relu.h"

typedef GK_ARGS_OF(relu_backward) args_type;

#if GK_IS_REFERENCE

static void word(uint64_t bits, const real *dy, real *dx, size_t count) {
    for (size_t j = 0; j < count; j++) dx[j] = bits >> j & 1 ? dy[j] : 0;
}

#else

static inline void word(uint64_t bits, const real *dy, real *dx, size_t count) {
    size_t j = 0;
    for (; j + GK_LANES <= count; j += GK_LANES) vf_store(dx + j, vf_keep(vm_from_bits(bits >> j), vf_load(dy + j)));
    if (j == count) return;
    vf_store_n(dx + j, vf_keep(vm_from_bits(bits >> j), vf_load_n(dy + j, count - j)), count - j);
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    const struct gk_slice units = gk_team_slice(team, a->n * gk_words(a->d), 1);
    const size_t ld_dy = gk_ld(a->ld_dy, a->d), ld_dx = gk_ld(a->ld_dx, a->d), ld_mask = gk_ld(a->ld_mask, gk_words(a->d));
    for (size_t unit = units.begin; unit < units.end;) {
        const struct gk_run_of_row r = gk_next_run(&unit, units.end, a->d);
        const uint64_t *const mask = a->mask + r.row * ld_mask;
        for (size_t j = r.first; j < r.end; j += 64)
            word(mask[j / 64], a->dy + r.row * ld_dy + j, a->dx + r.row * ld_dx + j, gk_min(64, r.end - j));
    }
}

GK_CELL(relu_backward) = {.run = run, .serial_below = GK_ELEMENTWISE_SERIAL_BELOW};
