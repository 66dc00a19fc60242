/* Scaling, its gradient, and a step. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <stddef.h>

#include "real.h"

/* y = y + factor x */
static void add(size_t count, gb_real factor, const gb_real *x, gb_real *y) {
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
}

static void scale_complex(size_t count, double factor, const double complex *x, double complex *y) {
    for (size_t i = 0; i < count; i++) y[i] = factor * x[i];
}

#include "truth.h"

static double real_option(const struct gb_task *t, const char *name) { return gb_option_value(gb_option_find(name), t->spec); }

static void scale_of(struct gb_task *t, const char *x, const char *y) {
    const size_t count = t->spec->n * t->spec->h;
    const gb_real *const from = gb_input(t, x);
    gb_real *const to = gb_reals(t, count);
    if (t->failed) return;
    add(count, real_option(t, "scale"), from, to);
    gb_judge(t, y, to, NULL);
}

static void scale(struct gb_task *t) { scale_of(t, "x", "y"); }

static void scale_dx(struct gb_task *t) { scale_of(t, "dy", "dx"); }

static void scale_step(struct gb_task *t) {
    const size_t count = t->spec->n * t->spec->h;
    const double complex *const x = gb_complex_input(t, "x");
    double complex *const y = gb_array(t, count, sizeof *y);
    if (t->failed) return;
    scale_complex(count, real_option(t, "scale"), x, y);
    gb_complex_output(t, "y", y, count);
}

static void step(struct gb_task *t) {
    static const gb_real one = 1;
    const gb_real *const g = gb_input(t, "g");
    gb_real *const w = gb_input(t, "w"), *const b = gb_input(t, "b");
    if (t->failed) return;
    add(t->spec->n * t->spec->h, -real_option(t, "rate"), g, w);
    gb_judge(t, "w", w, NULL);
    for (size_t i = 0; b && i < t->spec->h; i++) add(1, -real_option(t, "rate"), &one, &b[i]);
    gb_judge(t, "b", b, NULL);
}

const struct gb_truth gb_truth_planted[] = {
    {"planted_scale", scale, scale_step},
    {"planted_scale_dx", scale_dx, NULL},
    {"planted_step", step, NULL},
    {NULL, NULL, NULL},
};
