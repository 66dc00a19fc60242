/* y = x <= 0 ? +0 : x, mask = !(x <= 0): NaN stays NaN and keeps its bit. */
#include "relu.h"

typedef GK_ARGS_OF(relu_forward) args_type;

#if GK_IS_REFERENCE

static uint64_t word(const real *x, real *y, size_t count) {
    uint64_t bits = 0;
    for (size_t j = 0; j < count; j++) {
        const bool kept = !(x[j] <= 0);
        y[j] = kept ? x[j] : 0;
        bits |= (uint64_t)kept << j;
    }
    return bits;
}

#else

static inline uint64_t word(const real *x, real *y, size_t count) {
    uint64_t bits = 0;
    size_t j = 0;
    for (; j + GK_LANES <= count; j += GK_LANES) {
        const vf v = vf_load(x + j);
        const vm kept = vf_nle(v, vf_zero());
        vf_store(y + j, vf_keep(kept, v));
        bits |= vm_to_bits(kept) << j;
    }
    if (j < count) {
        const vf v = vf_load_n(x + j, count - j);
        const vm kept = vf_nle(v, vf_zero());
        vf_store_n(y + j, vf_keep(kept, v), count - j);
        bits |= vm_to_bits(kept) << j;
    }
    return bits;
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const args_type *const a = args;
    const struct gk_slice units = gk_team_slice(team, a->n * gk_words(a->d), 1);
    const size_t ld_x = gk_ld(a->ld_x, a->d), ld_y = gk_ld(a->ld_y, a->d), ld_mask = gk_ld(a->ld_mask, gk_words(a->d));
    for (size_t unit = units.begin; unit < units.end;) {
        const struct gk_run_of_row r = gk_next_run(&unit, units.end, a->d);
        const real *const x = a->x + r.row * ld_x;
        real *const y = a->y + r.row * ld_y;
        uint64_t *const mask = a->mask ? a->mask + r.row * ld_mask : NULL;
        for (size_t j = r.first; j < r.end; j += 64) {
            const uint64_t bits = word(x + j, y + j, gk_min(64, r.end - j));
            if (mask) mask[j / 64] = bits;
        }
    }
}

GK_CELL(relu_forward) = {.run = run, .serial_below = GK_ELEMENTWISE_SERIAL_BELOW};
