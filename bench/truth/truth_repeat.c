/* A vector in each row. The formula comes before anything of the kernels is included. */
#include <complex.h>
#include <stddef.h>

static size_t column(size_t i, size_t m) { return i % m; }

#include "truth.h"

static void repeat(struct gb_task *t) {
    const size_t count = t->spec->n * t->spec->m;
    const gb_real *const b = gb_input(t, "b");
    gb_real *const y = gb_reals(t, count);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = b[column(i, t->spec->m)];
    gb_judge(t, "y", y, NULL);
}

static void repeat_step(struct gb_task *t) {
    const size_t count = t->spec->n * t->spec->m;
    const double complex *const b = gb_complex_input(t, "b");
    double complex *const y = gb_array(t, count, sizeof *y);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = b[column(i, t->spec->m)];
    gb_complex_output(t, "y", y, count);
}

const struct gb_truth gb_truth_repeat[] = {
    {"repeat_forward", repeat, repeat_step},
    {NULL, NULL, NULL},
};
