/* y = b in each row. */
#include "elementwise/elementwise.h"

#if GK_IS_REFERENCE

static void f(const real *x, real *y, bool *kept) {
    (void)kept;
    y[0] = x[0];
}

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(repeat_forward) *const p = args;
    const struct gk_elements e = {p->n, p->m, .x = {{p->b, 0}}, .y = {{p->y, gk_ld(p->ld_y, p->m)}}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 1, .outputs = 1}, f);
}

GK_CELL(repeat_forward) = GK_ELEMENTWISE(256e3);

#else

/* Narrow rows that follow each other are written as wide ones, of so many elements that begin with b again and again. */
enum { WIDE = 4096 / sizeof(real), NARROW = WIDE / 8, TOGETHER = GK_STREAMED / sizeof(real) };

GK_INLINE void f(struct gk_vectors *v, int side) { GK_EACH(u, side) v->y[0][u] = v->x[0][u]; }

static void repeat(const struct gk_team *team, const real *b, size_t n, size_t m, real *y, size_t ld_y) {
    const struct gk_elements e = {n, m, .x = {{b, 0}}, .y = {{y, ld_y}}};
    gk_elementwise(team, &e, (struct gk_form){.inputs = 1, .outputs = 1}, f);
}

static void repeat_narrow(const struct gk_team *team, const real *b, size_t n, size_t m, real *y) {
    real wide[WIDE];
    const size_t rows = gk_min(n, WIDE / m / TOGETHER * TOGETHER), whole = n / rows, rest = n % rows;
    memcpy(wide, b, m * sizeof(real));
    for (size_t filled = m, more; filled < rows * m; filled += more) {
        more = gk_min(filled, rows * m - filled);
        memcpy(wide + filled, wide, more * sizeof(real));
    }
    repeat(team, wide, whole, rows * m, y, rows * m);
    repeat(team, wide, 1, rest * m, y + whole * rows * m, rest * m);
}

static void run(const void *args, const struct gk_team *team) {
    const GK_ARGS_OF(repeat_forward) *const p = args;
    const size_t ld_y = gk_ld(p->ld_y, p->m);
    if (ld_y == p->m && p->n > 1 && p->m <= NARROW && p->m > 0) repeat_narrow(team, p->b, p->n, p->m, p->y);
    else repeat(team, p->b, p->n, p->m, p->y, ld_y);
}

static const size_t edges[] = {GK_BLOCK, NARROW, 0};

GK_CELL(repeat_forward) = {.run = run, .serial_below = 256e3, .edges = edges};

#endif
