/* Softmax with cross-entropy where a call has smoothed labels, weights of the classes, or a loss on log(sum exp). What a row is
 * trained towards is written out as float labels tau, and the functions for those do the rest. Of class indices tau differs
 * from row to row in one element; where they are not smoothed all others are 0, and the one gives the loss. The reference sums
 * them all. */
#ifndef GK_SOFTMAX_TARGETS_H
#define GK_SOFTMAX_TARGETS_H

#include "softmax.h"

struct gk_targets {
    struct gk_labels labels;
    size_t n, c;
    const real *w;    /* of the classes; NULL: 1 */
    real keep, share; /* 1 - eps, eps / c */
    real zeta;
    gk_reduction reduction;
};

/* eps / c, and no division that a host might trap. */
static inline real gk_share(double smoothing, size_t c) { return smoothing == 0 || c == 0 ? 0 : (real)(smoothing / (double)c); }

#define GK_TARGETS_OF(a)                                                                                                       \
    (struct gk_targets) {                                                                                                      \
        .labels = GK_LABELS_OF(a), .n = (a)->n, .c = (a)->c, .w = (a)->class_weights,                                          \
        .keep = (real)(1 - (a)->label_smoothing), .share = gk_share((a)->label_smoothing, (a)->c), .zeta = (real)(a)->z_loss,  \
        .reduction = (a)->reduction                                                                                            \
    }

/* Does the call ask for any of it? */
#define GK_HAS_TARGETS(a) ((a)->label_smoothing != 0 || (a)->class_weights || (a)->z_loss != 0)

/* needed: something is wanted that depends on labels. Written so that NaN fails. */
#define GK_CHECK_TARGETS(a, needed) gk_check_targets((a)->label_smoothing, (a)->z_loss, &GK_TARGETS_OF(a), needed)

static inline gk_status gk_check_targets(double smoothing, double z_loss, const struct gk_targets *t, bool needed) {
    const struct gk_labels *const l = &t->labels;
    if (!(smoothing >= 0 && smoothing <= 1) || !isfinite(z_loss) || !isfinite(t->zeta)) return GK_ERROR_OPTION;
    if (t->c == 0 && !needed) return GK_OK; /* lse alone, of rows without classes: where p alone is wanted nobody asks */
    if (t->w && !gk_indexed(l) && !l->t && t->n && t->c) return needed ? GK_ERROR_NULL : GK_ERROR_OPTION;
    return gk_check_labels(l, t->n, t->c, needed);
}

/* More than one element of tau is not 0, or the reference sums as if. */
static inline bool gk_is_dense(const struct gk_targets *t) {
    return GK_IS_REFERENCE || !gk_indexed(&t->labels) || t->share != 0;
}

/* What the mean divides by, in row order; 0: no row counts. */
static inline double gk_divisor(const struct gk_targets *t) {
    double sum = 0;
    if (t->reduction != GK_MEAN || !t->w || !gk_indexed(&t->labels)) return gk_rows_divisor(&t->labels, t->n, t->reduction);
    for (size_t i = 0; i < t->n; i++)
        if (!gk_ignored(&t->labels, i)) sum += t->w[gk_label(&t->labels, i)];
    return sum;
}

/* --- tau --- */

static inline real gk_weighted(const real *w, size_t j, real t) { return !w ? t : t == 0 ? 0 : t * w[j]; }

/* What tau is but for the labels, which gk_tau adds and gk_tau_end takes away. */
static inline void gk_tau_begin(const struct gk_targets *t, real *tau) {
    for (size_t j = 0; j < t->c && gk_indexed(&t->labels); j++) tau[j] = gk_weighted(t->w, j, t->share);
}

static inline void gk_tau_end(const struct gk_targets *t, size_t row, real *tau) {
    if (!gk_indexed(&t->labels)) return;
    const size_t label = (size_t)gk_label(&t->labels, row);
    tau[label] = gk_weighted(t->w, label, t->share);
}

static inline void gk_tau_of_floats(const struct gk_targets *t, const real *labels, real *tau) {
    size_t j = 0;
#if !GK_IS_REFERENCE
    const vf keep = vf_set1(t->keep), share = vf_set1(t->share);
    for (; j + GK_LANES <= t->c; j += GK_LANES) {
        const vf smooth = vf_fma(vf_load(labels + j), keep, share);
        vf_store(tau + j, t->w ? vf_keep(vf_neq(smooth, vf_zero()), vf_mul(smooth, vf_load(t->w + j))) : smooth);
    }
#endif
    for (; j < t->c; j++) tau[j] = gk_weighted(t->w, j, GK_FMA(labels[j], t->keep, t->share));
}

/* The targets of a row that counts: in tau, or the labels themselves. */
static inline const real *gk_tau(const struct gk_targets *t, size_t row, real *tau) {
    const struct gk_labels *const l = &t->labels;
    if (gk_indexed(l)) {
        const size_t label = (size_t)gk_label(l, row);
        tau[label] = gk_weighted(t->w, label, t->keep + t->share);
        return tau;
    }
    const real *const labels = l->t + row * l->ld_t;
    if (!t->w && t->keep == 1 && t->share == 0) return labels;
    gk_tau_of_floats(t, labels, tau);
    return tau;
}

/* A sum that starts at +0 is never -0. */
static inline real gk_tau_sum(const struct gk_targets *t, size_t row, const real *tau) {
    return gk_is_dense(t) ? gk_row_sum(tau, t->c) : 0 + tau[gk_label(&t->labels, row)];
}

/* --- rows --- */

/* What a call does with its rows. */
struct gk_pass {
    const real *x;
    size_t ld_x;
    real *e; /* exponentials, which become p or dx; may be x; NULL: not wanted */
    size_t ld_e;
    bool gradient; /* e becomes dx */
    const real *dloss;
    double divisor;
    real *row_loss, *lse; /* NULL: not wanted */
    real *tau, *copies;   /* of this thread; copies of rows that are overwritten before their loss is known, else NULL */
};

/* Rows whose logarithms are taken together, where copies of them stay in L1. */
enum { GK_TARGETS_TERMS = 64 * GK_ROWS_TOGETHER };

static inline size_t gk_targets_together(size_t c) {
    const size_t fit = GK_TARGETS_TERMS / c;
    return gk_min(fit ? fit : 1, GK_ROWS_TOGETHER);
}

/* dx = (p W' - tau) scale g from e r = p. Nothing divides by 0: where no row counts all are +0. */
static inline void gk_targets_gradient(const struct gk_targets *t, const struct gk_pass *p, size_t row, const real *e, real r,
                                       real lse, const real *tau, real *dx) {
    if (!tau || p->divisor == 0) {
        memset(dx, 0, t->c * sizeof *dx);
        return;
    }
    const real sum = gk_tau_sum(t, row, tau), pull = t->zeta != 0 ? sum + 2 * t->zeta * lse : sum;
    gk_row_soft_gradient(e, r, pull, tau, (real)(1 / p->divisor), gk_upstream(p->dloss, t->reduction, row), t->c, dx);
}

/* NaN where the row's sum is, also where every tau is 0. at_label: z of a class index. */
static inline real gk_targets_loss(const struct gk_targets *t, size_t row, const real *x, real m, real log_s, real at_label,
                                   const real *tau) {
    if (!tau) return 0;
    if (log_s != log_s) return log_s;
    const real lse = m + log_s;
    real loss;
    if (gk_is_dense(t)) {
        loss = gk_row_soft_loss(x, m, log_s, tau, t->c);
    } else {
        const real target = tau[gk_label(&t->labels, row)];
        loss = target == 0 ? 0 : 0 + target * (log_s - at_label);
    }
    return t->zeta != 0 ? loss + t->zeta * lse * lse : loss;
}

/* Rows [begin, end), at most gk_targets_together. */
static __attribute__((noinline)) void gk_targets_rows(const struct gk_targets *t, const struct gk_pass *p, size_t begin,
                                                      size_t end) {
    real max[GK_ROWS_TOGETHER], sums[GK_ROWS_TOGETHER], logs[GK_ROWS_TOGETHER], at_label[GK_ROWS_TOGETHER];
    const bool labels = p->row_loss || p->gradient;
    for (size_t i = begin, k = 0; i < end; i++, k++) {
        const real *const x = p->x + i * p->ld_x;
        const bool index = labels && gk_indexed(&t->labels) && !gk_ignored(&t->labels, i);
        max[k] = gk_row_max(x, t->c);
        at_label[k] = index ? x[gk_label(&t->labels, i)] - max[k] : 0;
        if (p->copies) memcpy(p->copies + k * t->c, x, t->c * sizeof *x);
        logs[k] = sums[k] = gk_row_exp(x, max[k], t->c, p->e ? p->e + i * p->ld_e : NULL, NULL);
    }
    gk_logs(logs, end - begin);
    for (size_t i = begin, k = 0; i < end; i++, k++) {
        const real *const x = p->copies ? p->copies + k * t->c : p->x + i * p->ld_x, lse = max[k] + logs[k];
        real *const e = p->e ? p->e + i * p->ld_e : NULL;
        const bool counts = labels && !gk_ignored(&t->labels, i);
        const real *const tau = counts ? gk_tau(t, i, p->tau) : NULL;
        if (p->lse) p->lse[i] = lse;
        if (p->row_loss) p->row_loss[i] = gk_targets_loss(t, i, x, max[k], logs[k], at_label[k], tau);
        if (p->gradient) gk_targets_gradient(t, p, i, e, 1 / sums[k], lse, tau, e);
        else if (e) gk_row_scale(e, 1 / sums[k], t->c, e);
        if (counts) gk_tau_end(t, i, p->tau);
    }
}

/* --- calls --- */

/* Scratch: the rows' losses, then for each thread tau and copies. */
static inline size_t gk_targets_round(size_t bytes) {
    const size_t unit = GK_SUM_LANES * sizeof(real); /* no two threads write to a line of memory */
    return (bytes + unit - 1) / unit * unit;
}

static inline bool gk_targets_copy(const struct gk_targets *t, const real *x, const real *e, bool losses) {
    return gk_is_dense(t) && losses && x == e;
}

static inline size_t gk_targets_share(size_t c, bool copy) {
    return gk_targets_round((1 + (copy ? gk_targets_together(c) : 0)) * c * sizeof(real));
}

/* c may be absurd where there is no row. */
static inline size_t gk_targets_scratch(const struct gk_targets *t, size_t loss_bytes, bool copy, size_t threads) {
    return t->n && t->c ? gk_targets_round(loss_bytes) + threads * gk_targets_share(t->c, copy) : 0;
}

static inline real *gk_targets_tau(const struct gk_targets *t, size_t loss_bytes, bool copy, const struct gk_team *team) {
    char *const shares = (char *)team->scratch + gk_targets_round(loss_bytes);
    return (real *)(void *)(shares + team->rank * gk_targets_share(t->c, copy));
}

/* Forward, and forward with the gradient: all that is in `wanted`, and the batch's loss. */
static inline void gk_targets_run(const struct gk_targets *t, struct gk_pass pass, real *loss, const struct gk_team *team) {
    const size_t bytes = gk_loss_bytes(t->n, t->c, pass.row_loss, loss);
    const struct gk_slice rows = gk_team_slice(team, t->n, 1);
    if (t->n == 0 || t->c == 0) {
        const struct gk_slice own = pass.lse ? rows : (struct gk_slice){0, 0};
        for (size_t i = own.begin; i < own.end; i++) pass.lse[i] = (real)-INFINITY;
        gk_empty_rows(t->n, pass.row_loss, loss, team);
        return;
    }
    const bool copy = gk_targets_copy(t, pass.x, pass.e, pass.row_loss || loss);
    const size_t together = gk_targets_together(t->c);
    pass.row_loss = gk_losses(pass.row_loss, loss, team);
    pass.divisor = gk_divisor(t);
    pass.tau = gk_targets_tau(t, bytes, copy, team);
    pass.copies = copy ? pass.tau + t->c : NULL;
    if (rows.begin < rows.end) gk_tau_begin(t, pass.tau);
    for (size_t i = rows.begin; i < rows.end; i += together) gk_targets_rows(t, &pass, i, gk_min(i + together, rows.end));
    if (!loss) return;
    gk_team_barrier(team);
    if (team->rank == 0) *loss = gk_batch_loss(pass.row_loss, t->n, pass.divisor);
}

#endif
