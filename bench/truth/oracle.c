#include "oracle.h"

#include <math.h>

void gb_oracle_affine_forward(size_t n, size_t d, size_t m, const gb_real *x, const gb_real *w, const gb_real *b, gb_real *y,
                              gb_real *size) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            gb_real sum = b ? b[j] : 0, terms = fabsl(sum);
            for (size_t k = 0; k < d; k++) {
                sum += x[i * d + k] * w[k * m + j];
                terms += fabsl(x[i * d + k] * w[k * m + j]);
            }
            y[i * m + j] = sum;
            if (size) size[i * m + j] = terms;
        }
}

void gb_oracle_affine_dx(size_t n, size_t d, size_t m, const gb_real *dy, const gb_real *w, const gb_real *start, gb_real *dx,
                         gb_real *size) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) {
            gb_real sum = start ? start[i * d + k] : 0, terms = fabsl(sum);
            for (size_t j = 0; j < m; j++) {
                sum += dy[i * m + j] * w[k * m + j];
                terms += fabsl(dy[i * m + j] * w[k * m + j]);
            }
            dx[i * d + k] = sum;
            if (size) size[i * d + k] = terms;
        }
}

void gb_oracle_affine_dw(size_t n, size_t d, size_t m, const gb_real *x, const gb_real *dy, const gb_real *start, gb_real *dw,
                         gb_real *size) {
    for (size_t k = 0; k < d; k++)
        for (size_t j = 0; j < m; j++) {
            gb_real sum = start ? start[k * m + j] : 0, terms = fabsl(sum);
            for (size_t i = 0; i < n; i++) {
                sum += x[i * d + k] * dy[i * m + j];
                terms += fabsl(x[i * d + k] * dy[i * m + j]);
            }
            dw[k * m + j] = sum;
            if (size) size[k * m + j] = terms;
        }
}

void gb_oracle_affine_db(size_t n, size_t m, const gb_real *dy, const gb_real *start, gb_real *db, gb_real *size) {
    for (size_t j = 0; j < m; j++) {
        gb_real sum = start ? start[j] : 0, terms = fabsl(sum);
        for (size_t i = 0; i < n; i++) {
            sum += dy[i * m + j];
            terms += fabsl(dy[i * m + j]);
        }
        db[j] = sum;
        if (size) size[j] = terms;
    }
}

void gb_oracle_relu_forward(size_t count, const gb_real *x, gb_real *y, unsigned char *keep) {
    for (size_t i = 0; i < count; i++) {
        const bool dropped = x[i] <= 0;
        y[i] = dropped ? 0 : x[i];
        if (keep) keep[i] = !dropped;
    }
}

void gb_oracle_relu_backward(size_t count, const gb_real *dy, const unsigned char *keep, gb_real *dx) {
    for (size_t i = 0; i < count; i++) dx[i] = keep[i] ? dy[i] : 0;
}

static bool counts(const struct gb_oracle_softmax *s, size_t row) { return !s->counted || s->counted[row]; }

static gb_real divisor(const struct gb_oracle_softmax *s) {
    size_t n = 0;
    if (!s->divide) return 1;
    for (size_t i = 0; i < s->n; i++) n += counts(s, i);
    return (gb_real)n;
}

static void gradient_row(const struct gb_oracle_softmax *s, size_t i, gb_real n) {
    const gb_real dloss = s->dloss ? s->dloss[s->per_row ? i : 0] : 1;
    gb_real labels = 0;
    for (size_t j = 0; j < s->c; j++) labels += s->t[i * s->c + j];
    for (size_t j = 0; j < s->c; j++)
        s->dx[i * s->c + j] = counts(s, i) ? (s->p[i * s->c + j] * labels - s->t[i * s->c + j]) / n * dloss : 0;
}

void gb_oracle_softmax_xent_backward(const struct gb_oracle_softmax *s) {
    const gb_real n = divisor(s);
    for (size_t i = 0; i < s->n; i++) gradient_row(s, i, n);
}

void gb_oracle_softmax_xent(const struct gb_oracle_softmax *s) {
    const gb_real n = divisor(s);
    gb_real total = 0;
    for (size_t i = 0; i < s->n; i++) {
        const gb_real *const x = s->x + i * s->c, *const t = s->t + i * s->c;
        gb_real max = -INFINITY, sum = 0, row_loss = 0;
        for (size_t j = 0; j < s->c; j++) max = fmaxl(max, x[j]);
        for (size_t j = 0; j < s->c; j++) sum += expl(x[j] - max);
        for (size_t j = 0; j < s->c; j++) {
            if (t[j] != 0) row_loss += t[j] * (logl(sum) - (x[j] - max));
            if (s->p) s->p[i * s->c + j] = expl(x[j] - max) / sum;
            if (s->z) s->z[i * s->c + j] = x[j] - max;
        }
        if (s->log_sum) s->log_sum[i] = logl(sum);
        if (s->row_loss) s->row_loss[i] = counts(s, i) ? row_loss : 0;
        if (counts(s, i)) total += row_loss;
        if (s->dx) gradient_row(s, i, n);
    }
    if (s->loss) *s->loss = n > 0 ? total / n : 0;
}

void gb_oracle_affine_forward_complex(size_t n, size_t d, size_t m, const double complex *x, const double complex *w,
                                      const double complex *b, double complex *y) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            double complex sum = b ? b[j] : 0;
            for (size_t k = 0; k < d; k++) sum += x[i * d + k] * w[k * m + j];
            y[i * m + j] = sum;
        }
}

double complex gb_oracle_softmax_xent_complex(size_t n, size_t c, const double complex *x, const double *t,
                                              const unsigned char *counted, bool divide) {
    double complex total = 0;
    double rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (counted && !counted[i]) continue;
        const double complex *const row = x + i * c;
        double max = -INFINITY;
        double complex sum = 0;
        for (size_t j = 0; j < c; j++) max = fmax(max, creal(row[j]));
        for (size_t j = 0; j < c; j++) sum += cexp(row[j] - max);
        for (size_t j = 0; j < c; j++) total += t[i * c + j] * (clog(sum) - (row[j] - max));
        rows++;
    }
    return divide && rows > 0 ? total / rows : total;
}
