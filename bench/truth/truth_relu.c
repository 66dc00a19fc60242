/* ReLU and its mask. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <stdbool.h>

#include "real.h"

static bool relu_keeps(gb_real x) { return !(x <= 0); }

static gb_real relu(gb_real x) { return relu_keeps(x) ? x : 0; }

static double complex relu_complex(double complex x) { return relu_keeps(creal(x)) ? x : 0; }

#include "truth.h"

static void relu_forward(struct gb_task *t) {
    const size_t count = t->spec->n * t->spec->d;
    const gb_real *const x = gb_input(t, "x");
    gb_real *const y = gb_reals(t, count);
    unsigned char *const keep = gb_array(t, count, 1);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) {
        keep[i] = relu_keeps(x[i]);
        y[i] = relu(x[i]);
    }
    gb_judge(t, "y", y, NULL);
    gb_judge_mask(t, "mask", keep, t->spec->d);
}

static void relu_step(struct gb_task *t) {
    const size_t count = t->spec->n * t->spec->d;
    const double complex *const x = gb_complex_input(t, "x");
    double complex *const y = gb_array(t, count, sizeof *y);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = relu_complex(x[i]);
    gb_complex_output(t, "y", y, count);
}

static void relu_backward(struct gb_task *t) {
    const gb_real *const dy = gb_input(t, "dy");
    const unsigned char *const keep = gb_mask(t, "mask", t->spec->d);
    gb_real *const dx = gb_reals(t, t->spec->n * t->spec->d);
    if (t->failed) return;
    for (size_t i = 0; i < t->spec->n * t->spec->d; i++) dx[i] = keep[i] ? dy[i] : 0;
    gb_judge(t, "dx", dx, NULL);
}

const struct gb_truth gb_truth_relu[] = {
    {"relu_forward", relu_forward, relu_step},
    {"relu_backward", relu_backward, NULL},
    {NULL, NULL, NULL},
};
