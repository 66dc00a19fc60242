/* The true values: textbook loops in long double, from the formulas alone. This file and oracle.c include nothing of the
 * kernels. Matrices are tight, row-major; weights are always d x m. Each sum of products also gives the sum of the terms'
 * absolute values (size), which the error bounds need; size pointers may be NULL. */
#ifndef GB_ORACLE_H
#define GB_ORACLE_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

typedef long double gb_real;

/* y = x w + b; b may be NULL. x: n x d, w: d x m, y: n x m. */
void gb_oracle_affine_forward(size_t n, size_t d, size_t m, const gb_real *x, const gb_real *w, const gb_real *b, gb_real *y,
                              gb_real *size);
/* dx = start + dy w^T, dw = start + x^T dy, db = start + column sums of dy; start may be NULL, and is not the output itself. */
void gb_oracle_affine_dx(size_t n, size_t d, size_t m, const gb_real *dy, const gb_real *w, const gb_real *start, gb_real *dx,
                         gb_real *size);
void gb_oracle_affine_dw(size_t n, size_t d, size_t m, const gb_real *x, const gb_real *dy, const gb_real *start, gb_real *dw,
                         gb_real *size);
void gb_oracle_affine_db(size_t n, size_t m, const gb_real *dy, const gb_real *start, gb_real *db, gb_real *size);

/* count elements; keep as bytes, 0 or 1. */
void gb_oracle_relu_forward(size_t count, const gb_real *x, gb_real *y, unsigned char *keep);
void gb_oracle_relu_backward(size_t count, const gb_real *dy, const unsigned char *keep, gb_real *dx);

/* Softmax with cross-entropy. t: n x c labels as floats (one-hot for class indices); counted: n bytes, 0 for rows that are
 * ignored, NULL for none. divide is true for the mean. dloss: one value, or with per_row one a row; NULL for 1. */
struct gb_oracle_softmax {
    size_t n, c;
    const gb_real *x;
    const gb_real *t;
    const unsigned char *counted;
    bool divide, per_row;
    const gb_real *dloss;
    /* results; each may be NULL */
    gb_real *p;        /* n x c */
    gb_real *z;        /* n x c: x - max */
    gb_real *log_sum;  /* n: log(sum exp(z)) */
    gb_real *row_loss; /* n */
    gb_real *loss;     /* the sum of row_loss, or the mean */
    gb_real *dx;       /* n x c; needs p */
};
void gb_oracle_softmax_xent(const struct gb_oracle_softmax *s);
/* dx from probabilities given in p. */
void gb_oracle_softmax_xent_backward(const struct gb_oracle_softmax *s);

/* The same formulas with complex arguments, for the complex step: Im f(x + ih) / h is the derivative, without cancellation. */
void gb_oracle_affine_forward_complex(size_t n, size_t d, size_t m, const double complex *x, const double complex *w,
                                      const double complex *b, double complex *y);
double complex gb_oracle_softmax_xent_complex(size_t n, size_t c, const double complex *x, const double *t,
                                              const unsigned char *counted, bool divide);

#endif
