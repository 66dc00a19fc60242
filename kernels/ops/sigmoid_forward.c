/* t = exp(-|x|), y = x < 0 ? t / (1 + t) : 1 / (1 + t): 1 / (1 + exp(-x)) would be 0 at -90. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    const real t = vf_exp(-(real)fabs(x[0]));
    y[0] = (x[0] < 0 ? t : 1) / (1 + t);
}

#else

GK_INLINE void f(struct gk_vectors *v, int side) {
    const vf one = vf_set1(1);
    vf t[GK_SIDE];
    GK_EACH(u, side) t[u] = vf_minus_abs(v->x[0][u]);
    gk_exp(t, true, side);
    GK_EACH(u, side) v->y[0][u] = vf_div(vf_select(vf_lt(v->x[0][u], vf_set1(0)), t[u], one), vf_add(one, t[u]));
}

#endif

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(sigmoid_forward) *const p = args;
    const struct gk_elements e = {p->n, p->d, .x = {GK_ROWS(p, x)}, .y = {GK_ROWS(p, y)}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 1, .outputs = 1}, f);
}

GK_CELL(sigmoid_forward) = GK_ELEMENTWISE(64e3);
