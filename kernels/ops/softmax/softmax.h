/* Softmax with cross-entropy: rows from logits to exponentials, losses and gradients. */
#ifndef GK_SOFTMAX_H
#define GK_SOFTMAX_H

#include "softmax_labels.h"
#include "softmax_row.h"

/* The gradient of one row from its exponentials (r = 1 / s) or its probabilities (r = 1). dx may be e. */
static inline void gk_row_gradient(const struct gk_labels *l, size_t row, const real *e, real r, real scale, real g, size_t c,
                                   real *dx) {
    if (gk_ignored(l, row)) {
        memset(dx, 0, c * sizeof *dx);
    } else if (gk_indexed(l)) {
        const size_t label = (size_t)gk_label(l, row);
        const real at_label = (e[label] * r - 1) * scale * g;
        gk_row_spread(e, r, scale, g, c, dx);
        dx[label] = at_label;
    } else {
        const real *const t = l->t + row * l->ld_t;
        gk_row_soft_gradient(e, r, gk_row_sum(t, c), t, scale, g, c, dx);
    }
}

/* Rows whose logarithms are taken together, so that small classes do not pay one by one. */
enum { GK_ROWS_TOGETHER = 64 };

/* Bytes: a byte of softmax is worth a few of copying. */
#define GK_SOFTMAX_SERIAL_BELOW 64e3

/* The loss of one row with float labels. NaN where the row's sum is, also where every label is 0. */
static inline real gk_soft_loss(const struct gk_labels *l, size_t row, const real *x, real m, real sum, size_t c) {
    real log_s;
    gk_logs(&sum, 1, &log_s);
    return log_s == log_s ? gk_row_soft_loss(x, m, log_s, l->t + row * l->ld_t, c) : log_s;
}

/* One pass over rows [begin, end), at most GK_ROWS_TOGETHER: exponentials to e (rows ld_e apart), 1 / s to inverse, losses to
 * row_loss. e, which may be x, and row_loss may be NULL: not wanted. Only for the losses there must be labels. */
static inline void gk_rows_forward(const struct gk_labels *l, const real *x, size_t ld_x, size_t c, size_t begin, size_t end,
                                   real *e, size_t ld_e, real *inverse, real *row_loss) {
    real sums[GK_ROWS_TOGETHER]; /* of exp, then their logarithms */
    const bool soft = l->t && row_loss;
    for (size_t i = begin; i < end; i++) {
        const real *const row = x + i * ld_x;
        real *const out = e ? e + i * ld_e : NULL;
        const real m = gk_row_max(row, c);
        if (row_loss && gk_indexed(l)) row_loss[i] = gk_ignored(l, i) ? 0 : row[gk_label(l, i)] - m;
        sums[i - begin] = gk_row_exp(row, m, c, soft ? NULL : out);
        if (soft) row_loss[i] = gk_soft_loss(l, i, row, m, sums[i - begin], c);
        if (soft && out) gk_row_exp(row, m, c, out);
        inverse[i - begin] = 1 / sums[i - begin];
    }
    if (soft || !row_loss) return;
    gk_logs(sums, end - begin, sums);
    for (size_t i = begin; i < end; i++) row_loss[i] = gk_ignored(l, i) ? 0 : sums[i - begin] - row_loss[i];
}

#endif
