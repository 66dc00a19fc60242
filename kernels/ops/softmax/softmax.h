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

/* A call. */
struct gk_softmax {
    struct gk_labels labels;
    const real *x;
    real *y; /* gradients or probabilities, may be x; NULL: not wanted */
    size_t c, ld_x, ld_y;
    bool gradient;
    real scale;
    const real *dloss;
    gk_reduction reduction;
    real *row_loss; /* NULL: not wanted */
    real *spare;    /* of this thread, for a row of float labels, whose loss needs the logits, where y is x; else NULL */
    bool fetches;   /* the next row, while this one is computed */
};

/* Of a row: its exponentials, to its place in y or to the spare row, and their sum, which is returned; its loss, but for
 * log(sum) where the labels are classes. No exponentials where the gradient is 0 whatever they are. */
static inline real gk_row_forward(const struct gk_softmax *o, size_t i, real m, const real *next) {
    const real *const x = o->x + i * o->ld_x;
    const struct gk_labels *const l = &o->labels;
    const bool ignored = gk_ignored(l, i);
    if (o->row_loss && !l->t) o->row_loss[i] = ignored ? 0 : x[gk_label(l, i)] - m;
    if (o->gradient && ignored) return 1;
    const real sum = gk_row_exp(x, m, o->c, o->spare || !o->y ? o->spare : o->y + i * o->ld_y, next);
    if (!o->row_loss || !l->t) return sum;
    const real log_s = gk_log(sum); /* NaN: the loss is, also where every label is 0 */
    o->row_loss[i] = log_s == log_s ? gk_row_soft_loss(x, m, log_s, l->t + i * l->ld_t, o->c) : log_s;
    return sum;
}

/* The exponentials become what is wanted. */
static inline void gk_row_finish(const struct gk_softmax *o, size_t i, real inverse) {
    real *const y = o->y + i * o->ld_y;
    const real *const e = o->spare ? o->spare : y;
    if (o->gradient) gk_row_gradient(&o->labels, i, e, inverse, o->scale, gk_upstream(o->dloss, o->reduction, i), o->c, y);
    else gk_row_scale(e, inverse, o->c, y);
}

/* Rows one by one. A row's maximum is found before the row above is finished, whose sum and division take their
 * time. */
GK_PHASE void gk_rows(const struct gk_softmax *o, struct gk_slice rows) {
    const size_t begin = rows.begin, end = rows.end;
    real sums[GK_ROWS_TOGETHER]; /* of exp, then their logarithms */
    real m = begin < end ? gk_row_max(o->x + begin * o->ld_x, o->c) : 0;
    for (size_t first = begin, i = begin; first < end; first = i) {
        const size_t stop = gk_min(first + GK_ROWS_TOGETHER, end);
        for (; i < stop; i++) {
            const real *const next = i + 1 < end ? o->x + (i + 1) * o->ld_x : NULL;
            const real sum = gk_row_forward(o, i, m, o->fetches ? next : NULL);
            sums[i - first] = sum;
            if (next) m = gk_row_max(next, o->c);
            if (o->y) gk_row_finish(o, i, 1 / sum);
        }
        if (o->labels.t || !o->row_loss) continue;
        gk_logs(sums, stop - first);
        for (size_t r = first; r < stop; r++) o->row_loss[r] = gk_ignored(&o->labels, r) ? 0 : sums[r - first] - o->row_loss[r];
    }
}

/* Where a thread's rows do not fit into its L2, but two of them do: elsewhere it takes 6 to 9 % longer. */
static inline bool gk_fetches(size_t n, size_t c, bool in_place, const struct gk_team *team) {
    const size_t row = c * sizeof(real), operands = in_place ? 1 : 2, l2 = team->caches->l2;
    return (operands + 1) * row < l2 && n * operands * row / team->size > l2;
}

/* The spare row of each thread. */
static inline size_t gk_spare_bytes(const real *t, const real *x, const real *y, size_t c) {
    return t && x == y ? c * sizeof(real) : 0;
}

#endif
