/* da = dy, db = dy. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    y[0] = y[1] = x[0];
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) { GK_EACH(u, side) v->y[0][u] = v->y[1][u] = v->x[0][u]; }

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(add_backward) *const p = args;
    const struct gk_elements e = {p->n, p->d, .x = {GK_ROWS(p, dy)}, .y = {GK_ROWS(p, da), GK_ROWS(p, db)}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 1, .outputs = 2}, f);
}

GK_CELL(add_backward) = GK_ELEMENTWISE(256e3);
