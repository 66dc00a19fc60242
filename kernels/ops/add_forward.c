/* y = a + b. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    y[0] = x[0] + x[1];
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) { GK_EACH(u, side) v->y[0][u] = vf_add(v->x[0][u], v->x[1][u]); }

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(add_forward) *const p = args;
    const struct gk_elements e = {p->n, p->d, .x = {GK_ROWS(p, a), GK_ROWS(p, b)}, .y = {GK_ROWS(p, y)}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 2, .outputs = 1}, f);
}

GK_CELL(add_forward) = GK_ELEMENTWISE(256e3);
