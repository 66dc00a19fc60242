/* y = exp(x). */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    y[0] = vf_exp(x[0]);
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) {
    GK_EACH(u, side) v->y[0][u] = v->x[0][u];
    gk_exp(v->y[0], false, side);
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(exp_forward) *const p = args;
    const struct gk_elements e = {p->n, p->d, .x = {GK_ROWS(p, x)}, .y = {GK_ROWS(p, y)}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 1, .outputs = 1}, f);
}

GK_CELL(exp_forward) = GK_ELEMENTWISE(64e3);
