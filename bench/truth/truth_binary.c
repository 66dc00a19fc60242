/* The gates with two operands. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <stdbool.h>

#include "real.h"

static gb_real sum(gb_real a, gb_real b) { return a + b; }
static gb_real product(gb_real a, gb_real b) { return a * b; }
static gb_real larger(gb_real a, gb_real b) { return a >= b ? a : b; }

/* The gradients of a and of b, of which the first operand is the one that is asked for. */
static gb_real whole(gb_real own, gb_real other, gb_real dy) { return (void)own, (void)other, dy; }
static gb_real times_other(gb_real own, gb_real other, gb_real dy) { return (void)own, dy * other; }
static gb_real where_first(gb_real a, gb_real b, gb_real dy) { return a >= b ? dy : 0; }
static gb_real where_second(gb_real b, gb_real a, gb_real dy) { return a >= b ? 0 : dy; }

static double complex sum_complex(double complex a, double complex b) { return a + b; }
static double complex product_complex(double complex a, double complex b) { return a * b; }
static double complex larger_complex(double complex a, double complex b) { return creal(a) >= creal(b) ? a : b; }

#include "truth.h"

static void forward(struct gb_task *t, gb_real (*f)(gb_real, gb_real)) {
    const size_t count = t->spec->n * t->spec->d;
    const gb_real *const a = gb_input(t, "a"), *const b = gb_input(t, "b");
    gb_real *const y = gb_reals(t, count);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = f(a[i], b[i]);
    gb_judge(t, "y", y, NULL);
}

static void step(struct gb_task *t, double complex (*f)(double complex, double complex)) {
    const size_t count = t->spec->n * t->spec->d;
    const double complex *const a = gb_complex_input(t, "a"), *const b = gb_complex_input(t, "b");
    double complex *const y = gb_array(t, count, sizeof *y);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) y[i] = f(a[i], b[i]);
    gb_complex_output(t, "y", y, count);
}

typedef gb_real gradient(gb_real own, gb_real other, gb_real dy);

/* add_backward has no a and b, and needs none. */
static void backward(struct gb_task *t, gradient *by_a, gradient *by_b) {
    const size_t count = t->spec->n * t->spec->d;
    const gb_real *const a = gb_input(t, "a"), *const b = gb_input(t, "b"), *const dy = gb_input(t, "dy");
    gb_real *const da = gb_reals(t, count), *const db = gb_reals(t, count);
    if (t->failed) return;
    for (size_t i = 0; i < count; i++) {
        const gb_real first = a ? a[i] : 0, second = b ? b[i] : 0;
        da[i] = by_a(first, second, dy[i]);
        db[i] = by_b(second, first, dy[i]);
    }
    gb_judge(t, "da", da, NULL);
    gb_judge(t, "db", db, NULL);
}

static void add_forward(struct gb_task *t) { forward(t, sum); }
static void add_step(struct gb_task *t) { step(t, sum_complex); }
static void add_backward(struct gb_task *t) { backward(t, whole, whole); }
static void mul_forward(struct gb_task *t) { forward(t, product); }
static void mul_step(struct gb_task *t) { step(t, product_complex); }
static void mul_backward(struct gb_task *t) { backward(t, times_other, times_other); }
static void max_forward(struct gb_task *t) { forward(t, larger); }
static void max_step(struct gb_task *t) { step(t, larger_complex); }
static void max_backward(struct gb_task *t) { backward(t, where_first, where_second); }

const struct gb_truth gb_truth_binary[] = {
    {"add_forward", add_forward, add_step},
    {"add_backward", add_backward, NULL},
    {"mul_forward", mul_forward, mul_step},
    {"mul_backward", mul_backward, NULL},
    {"max_forward", max_forward, max_step},
    {"max_backward", max_backward, NULL},
    {NULL, NULL, NULL},
};
