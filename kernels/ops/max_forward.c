/* y = a >= b ? a : b, NaN where one is. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    y[0] = isnan(x[1]) || x[0] < x[1] ? x[1] : x[0];
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) {
    /* vf_max: a where b is not the larger, and where a is NaN */
    GK_EACH(u, side) v->y[0][u] = vf_max(v->x[1][u], v->x[0][u]);
    GK_EACH(u, side) v->y[0][u] = vf_select(vf_neq(v->x[1][u], v->x[1][u]), v->x[1][u], v->y[0][u]);
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(max_forward) *const p = args;
    const struct gk_elements e = {p->n, p->d, .x = {GK_ROWS(p, a), GK_ROWS(p, b)}, .y = {GK_ROWS(p, y)}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 2, .outputs = 1}, f);
}

GK_CELL(max_forward) = GK_ELEMENTWISE(256e3);
