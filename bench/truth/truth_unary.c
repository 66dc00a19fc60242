/* The gates with one operand. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <math.h>

#include "real.h"

static gb_real reciprocal(gb_real x) { return 1 / x; }
static gb_real sigmoid(gb_real x) { return 1 / (1 + expl(-x)); }

/* Derivatives by x, from y = f(x). */
static gb_real reciprocal_slope(gb_real y) { return -y * y; }
static gb_real exp_slope(gb_real y) { return y; }
static gb_real sigmoid_slope(gb_real y) { return (1 - y) * y; }

static double complex reciprocal_complex(double complex x) { return 1 / x; }
static double complex sigmoid_complex(double complex x) { return 1 / (1 + cexp(-x)); }

#include "truth.h"

static void forward(struct gb_task *t, gb_real (*f)(gb_real)) {
    const size_t count = t->spec->n * t->spec->d;
    const gb_real *const x = gb_input(t, "x");
    gb_real *const y = gb_reals(t, count);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = f(x[i]);
    gb_judge(t, "y", y, NULL);
}

static void step(struct gb_task *t, double complex (*f)(double complex)) {
    const size_t count = t->spec->n * t->spec->d;
    const double complex *const x = gb_complex_input(t, "x");
    double complex *const y = gb_array(t, count, sizeof *y);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = f(x[i]);
    gb_complex_output(t, "y", y, count);
}

static void backward(struct gb_task *t, gb_real (*slope)(gb_real)) {
    const size_t count = t->spec->n * t->spec->d;
    const gb_real *const y = gb_input(t, "y"), *const dy = gb_input(t, "dy");
    gb_real *const dx = gb_reals(t, count);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) dx[i] = dy[i] * slope(y[i]);
    gb_judge(t, "dx", dx, NULL);
}

static void reciprocal_forward(struct gb_task *t) { forward(t, reciprocal); }
static void reciprocal_step(struct gb_task *t) { step(t, reciprocal_complex); }
static void reciprocal_backward(struct gb_task *t) { backward(t, reciprocal_slope); }
static void exp_forward(struct gb_task *t) { forward(t, expl); }
static void exp_step(struct gb_task *t) { step(t, cexp); }
static void exp_backward(struct gb_task *t) { backward(t, exp_slope); }
static void sigmoid_forward(struct gb_task *t) { forward(t, sigmoid); }
static void sigmoid_step(struct gb_task *t) { step(t, sigmoid_complex); }
static void sigmoid_backward(struct gb_task *t) { backward(t, sigmoid_slope); }

const struct gb_truth gb_truth_unary[] = {
    {"reciprocal_forward", reciprocal_forward, reciprocal_step},
    {"reciprocal_backward", reciprocal_backward, NULL},
    {"exp_forward", exp_forward, exp_step},
    {"exp_backward", exp_backward, NULL},
    {"sigmoid_forward", sigmoid_forward, sigmoid_step},
    {"sigmoid_backward", sigmoid_backward, NULL},
    {NULL, NULL, NULL},
};
