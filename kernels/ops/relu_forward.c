/* y = x <= 0 ? +0 : x, mask = !(x <= 0): NaN stays NaN and keeps its bit. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    *kept = !(x[0] <= 0);
    y[0] = *kept ? x[0] : 0;
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) {
    GK_EACH(u, side) v->m[u] = vf_nle(v->x[0][u], vf_zero());
    GK_EACH(u, side) v->y[0][u] = vf_keep(v->m[u], v->x[0][u]);
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(relu_forward) *const p = args;
    const struct gk_elements e = {p->n,
                                  p->d,
                                  .x = {GK_ROWS(p, x)},
                                  .y = {GK_ROWS(p, y)},
                                  .writes = p->mask,
                                  .ld_mask = gk_ld(p->ld_mask, gk_words(p->d))};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 1, .outputs = 1, .writes_mask = true}, f);
}

GK_CELL(relu_forward) = GK_ELEMENTWISE(256e3);
