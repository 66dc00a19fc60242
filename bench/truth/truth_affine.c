/* The affine layer and its gradients. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <math.h>
#include <stddef.h>

#include "real.h"

struct matrix {
    const gb_real *at;
    size_t row, col; /* elements from one to the next */
};

static struct matrix plain(const gb_real *at, size_t cols) { return (struct matrix){at, cols, 1}; }

static struct matrix transposed(const gb_real *at, size_t cols) { return (struct matrix){at, 1, cols}; }

static gb_real element(struct matrix x, size_t i, size_t j) { return x.at[i * x.row + j * x.col]; }

/* c_ij = start_ij + sum over k of a_ik b_kj; size_ij is the sum of the terms' absolute values. start.at may be NULL. */
static void product(size_t rows, size_t cols, size_t depth, struct matrix a, struct matrix b, struct matrix start, gb_real *c,
                    gb_real *size) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            gb_real sum = start.at ? element(start, i, j) : 0, terms = fabsl(sum);
            for (size_t k = 0; k < depth; k++) {
                sum += element(a, i, k) * element(b, k, j);
                terms += fabsl(element(a, i, k) * element(b, k, j));
            }
            c[i * cols + j] = sum;
            size[i * cols + j] = terms;
        }
}

/* y = x w + b; b may be NULL. */
static void forward_complex(size_t n, size_t d, size_t m, const double complex *x, const double complex *w,
                            const double complex *b, double complex *y) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            double complex sum = b ? b[j] : 0;
            for (size_t k = 0; k < d; k++) sum += x[i * d + k] * w[k * m + j];
            y[i * m + j] = sum;
        }
}

#include "truth.h"

static void forward(struct gb_task *t) {
    const size_t n = t->spec->n, d = t->spec->d, m = t->spec->m;
    const gb_real *const x = gb_input(t, "x"), *const w = gb_input(t, "w"), *const b = gb_input(t, "b");
    gb_real *const y = gb_reals(t, n * m), *const size = gb_reals(t, n * m);
    if (t->failed) return;
    product(n, m, d, plain(x, d), plain(w, m), (struct matrix){b, 0, 1}, y, size);
    gb_judge(t, "y", y, size);
}

static void forward_step(struct gb_task *t) {
    const double complex *const x = gb_complex_input(t, "x"), *const w = gb_complex_input(t, "w"),
                                *const b = gb_complex_input(t, "b");
    double complex *const y = gb_array(t, t->spec->n * t->spec->m, sizeof *y);
    if (t->failed) return;
    forward_complex(t->spec->n, t->spec->d, t->spec->m, x, w, b, y);
    gb_complex_output(t, "y", y, t->spec->n * t->spec->m);
}

static void dx(struct gb_task *t, const gb_real *dy) {
    const size_t n = t->spec->n, d = t->spec->d, m = t->spec->m;
    const gb_real *const w = gb_input(t, "w"), *const start = gb_start_value(t, "dx");
    gb_real *const want = gb_reals(t, n * d), *const size = gb_reals(t, n * d);
    if (t->failed) return;
    product(n, d, m, plain(dy, m), transposed(w, m), plain(start, d), want, size);
    gb_judge(t, "dx", want, size);
}

static void dw(struct gb_task *t, const gb_real *dy) {
    const size_t n = t->spec->n, d = t->spec->d, m = t->spec->m;
    const gb_real *const x = gb_input(t, "x"), *const start = gb_start_value(t, "dw");
    gb_real *const want = gb_reals(t, d * m), *const size = gb_reals(t, d * m);
    if (t->failed) return;
    product(d, m, n, transposed(x, d), plain(dy, m), plain(start, m), want, size);
    gb_judge(t, "dw", want, size);
}

static void db(struct gb_task *t, const gb_real *dy) {
    static const gb_real one = 1;
    const gb_real *const start = gb_start_value(t, "db");
    gb_real *const want = gb_reals(t, t->spec->m), *const size = gb_reals(t, t->spec->m);
    if (t->failed) return;
    product(1, t->spec->m, t->spec->n, (struct matrix){&one, 0, 0}, plain(dy, t->spec->m), plain(start, t->spec->m), want,
            size);
    gb_judge(t, "db", want, size);
}

/* Those gradients that are there; with a mask, of the layer and the ReLU after it. */
static void gradients(struct gb_task *t) {
    const unsigned char *const keep = gb_mask(t, "mask", t->spec->m);
    gb_real *const dy = gb_input(t, "dy");
    if (t->failed) return;
    for (size_t i = 0; keep && i < t->spec->n * t->spec->m; i++)
        if (!keep[i]) dy[i] = 0;
    if (gb_find(t, "dx")) dx(t, dy);
    if (gb_find(t, "dw")) dw(t, dy);
    if (gb_find(t, "db")) db(t, dy);
}

const struct gb_truth gb_truth_affine[] = {
    {"affine_forward", forward, forward_step},
    {"affine_dx", gradients, NULL},
    {"affine_dw", gradients, NULL},
    {"affine_db", gradients, NULL},
    {"affine_backward", gradients, NULL},
    {NULL, NULL, NULL},
};
