/* da = a >= b or a is NaN ? dy : +0, db = the other way round. Select, never multiply. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    const bool first = isnan(x[1]) || x[1] >= x[2];
    y[0] = first ? x[0] : 0;
    y[1] = first ? 0 : x[0];
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) {
    vm first[GK_SIDE];
    GK_EACH(u, side) first[u] = vm_or(vf_le(v->x[2][u], v->x[1][u]), vf_neq(v->x[1][u], v->x[1][u]));
    GK_EACH(u, side) v->y[0][u] = vf_keep(first[u], v->x[0][u]);
    GK_EACH(u, side) v->y[1][u] = vf_drop(first[u], v->x[0][u]);
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(max_backward) *const p = args;
    const struct gk_elements e = {p->n, p->d, .x = {GK_ROWS(p, dy), GK_ROWS(p, a), GK_ROWS(p, b)},
                                  .y = {GK_ROWS(p, da), GK_ROWS(p, db)}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 3, .outputs = 2}, f);
}

GK_CELL(max_backward) = GK_ELEMENTWISE(256e3);
