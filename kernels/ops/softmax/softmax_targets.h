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

/* The weight is read whatever t is: a compiler would read it with a mask. */
static inline real gk_weighted(const real *w, size_t j, real t) {
    if (!w) return t;
    const real weighted = t * w[j];
    return t == 0 ? 0 : weighted;
}

/* Of one thread: tau of class indices but for the labels, with the lanes of its row sum, and the sums with each label, NaN
 * until they are known. Of float labels: room for a row. */
struct gk_tau {
    real *row, *lanes, *sums;
};

static inline void gk_tau_begin(const struct gk_targets *t, const struct gk_tau *tau) {
    if (!gk_indexed(&t->labels)) return;
    for (size_t j = 0; j < t->c; j++) tau->row[j] = gk_weighted(t->w, j, t->share);
    for (size_t j = 0; j < t->c; j++) tau->sums[j] = (real)NAN;
    for (size_t l = 0; l < GK_SUM_LANES; l++) tau->lanes[l] = 0;
    for (size_t j = 0; j < t->c; j += GK_SUM_LANES) {
        const size_t lanes = gk_min(GK_SUM_LANES, t->c - j);
        for (size_t l = 0; l < lanes; l++) tau->lanes[l] += tau->row[j + l];
    }
}

static inline real gk_tau_of_label(const struct gk_targets *t, size_t label) {
    return gk_weighted(t->w, label, t->keep + t->share);
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

/* The targets of a row: of class indices but for the label. */
static inline const real *gk_tau_of_row(const struct gk_targets *t, size_t row, const struct gk_tau *tau) {
    if (gk_indexed(&t->labels)) return tau->row;
    const real *const labels = t->labels.t + row * t->labels.ld_t;
    if (!t->w && t->keep == 1 && t->share == 0) return labels;
    gk_tau_of_floats(t, labels, tau->row);
    return tau->row;
}

/* The row sum with a label: another one in one lane only. */
static inline real gk_tau_sum_of_label(const struct gk_targets *t, size_t label, const struct gk_tau *tau) {
    const size_t lane = label % GK_SUM_LANES;
    const real others = tau->lanes[lane];
    real sum = 0;
    for (size_t j = lane; j < t->c; j += GK_SUM_LANES) sum += j == label ? gk_tau_of_label(t, label) : tau->row[j];
    tau->lanes[lane] = sum;
    sum = gk_row_sum(tau->lanes, GK_SUM_LANES);
    tau->lanes[lane] = others;
    return sum;
}

/* A sum that starts at +0 is never -0. own: of the row, with float labels. */
static inline real gk_tau_sum(const struct gk_targets *t, size_t row, const struct gk_tau *tau, const real *own) {
    if (!gk_indexed(&t->labels)) return gk_row_sum(own, t->c);
    const size_t label = (size_t)gk_label(&t->labels, row);
    if (!gk_is_dense(t)) return 0 + gk_tau_of_label(t, label);
    if (tau->sums[label] != tau->sums[label]) tau->sums[label] = gk_tau_sum_of_label(t, label, tau);
    return tau->sums[label];
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
    real scale;           /* 1 / D */
    real *row_loss, *lse; /* NULL: not wanted */
    struct gk_tau tau;    /* of this thread, as is room for what it must keep of rows */
    real *room;
};

static inline void gk_targets_divide(const struct gk_targets *t, struct gk_pass *p) {
    p->divisor = gk_divisor(t);
    p->scale = p->divisor == 0 ? 0 : (real)(1 / p->divisor);
}

/* Where nothing divides, no row does. */
static inline bool gk_targets_count(const struct gk_targets *t, const struct gk_pass *p, size_t row) {
    return p->divisor != 0 && !gk_ignored(&t->labels, row);
}

static inline real gk_targets_pull(const struct gk_targets *t, real sum, real lse) {
    return t->zeta != 0 ? sum + 2 * t->zeta * lse : sum;
}

/* dx = (p W' - tau) scale g from e r = p. */
static inline void gk_targets_gradient(const struct gk_targets *t, const struct gk_pass *p, size_t row, const real *e, real r,
                                       real lse, const real *tau, real *dx) {
    if (!gk_targets_count(t, p, row)) {
        memset(dx, 0, t->c * sizeof *dx);
        return;
    }
    const real pull = gk_targets_pull(t, gk_tau_sum(t, row, &p->tau, tau), lse);
    const real g = gk_upstream(p->dloss, t->reduction, row);
    const size_t label = gk_indexed(&t->labels) ? (size_t)gk_label(&t->labels, row) : 0;
    const real at_label = (e[label] * r * pull - gk_tau_of_label(t, label)) * p->scale * g;
    gk_row_soft_gradient(e, r, pull, tau, p->scale, g, t->c, dx);
    if (gk_indexed(&t->labels)) dx[label] = at_label;
}

/* NaN where the row's sum is, also where every tau is 0. */
static inline real gk_targets_loss(const struct gk_targets *t, const struct gk_pass *p, size_t row, const real *x, real m,
                                   real log_s, real z_label, const real *tau) {
    const size_t label = gk_indexed(&t->labels) ? (size_t)gk_label(&t->labels, row) : 0;
    const real target = gk_tau_of_label(t, label), others = p->tau.row[label], lse = m + log_s;
    real loss;
    if (log_s != log_s) return log_s;
    if (!gk_indexed(&t->labels)) {
        loss = gk_row_soft_loss(x, m, log_s, tau, t->c);
    } else if (gk_is_dense(t)) {
        p->tau.row[label] = target;
        loss = gk_row_soft_loss(x, m, log_s, tau, t->c);
        p->tau.row[label] = others;
    } else {
        loss = target == 0 ? 0 : 0 + target * (log_s - z_label);
    }
    return t->zeta != 0 ? loss + t->zeta * lse * lse : loss;
}

enum {
    GK_TARGETS_ROWS = GK_ROWS_TOGETHER / 2,   /* whose logarithms are taken together: for more the stack is small */
    GK_TARGETS_TERMS = 64 * GK_ROWS_TOGETHER, /* of so many rows at most, so that copies of them stay in L1 */
    GK_TARGETS_NARROW = GK_SUM_LANES / 2,
};

static inline size_t gk_targets_together(size_t c) {
    const size_t fit = GK_TARGETS_TERMS / c;
    return gk_min(fit ? fit : 1, GK_TARGETS_ROWS);
}

/* A row that its exponentials overwrite before its loss is known. */
static inline bool gk_targets_copy(const struct gk_targets *t, const struct gk_pass *p) {
    return gk_is_dense(t) && p->row_loss && p->x == p->e;
}

/* Rows [begin, end), at most gk_targets_together. */
GK_PHASE void gk_targets_rows(const struct gk_targets *t, const struct gk_pass *p, size_t begin, size_t end) {
    real max[GK_TARGETS_ROWS], sums[GK_TARGETS_ROWS], logs[GK_TARGETS_ROWS], z_label[GK_TARGETS_ROWS];
    const bool copy = gk_targets_copy(t, p);
    for (size_t i = begin, k = 0; i < end; i++, k++) {
        const real *const x = p->x + i * p->ld_x;
        const bool index = p->row_loss && gk_indexed(&t->labels) && !gk_ignored(&t->labels, i);
        max[k] = gk_row_max(x, t->c);
        z_label[k] = index ? x[gk_label(&t->labels, i)] - max[k] : 0;
        if (copy) memcpy(p->room + k * t->c, x, t->c * sizeof *x);
        logs[k] = sums[k] = gk_row_exp(x, max[k], t->c, p->e ? p->e + i * p->ld_e : NULL, NULL);
    }
    gk_logs(logs, end - begin);
    for (size_t i = begin, k = 0; i < end; i++, k++) {
        const real *const x = copy ? p->room + k * t->c : p->x + i * p->ld_x;
        real *const e = p->e ? p->e + i * p->ld_e : NULL;
        const real *const tau = p->row_loss || p->gradient ? gk_tau_of_row(t, i, &p->tau) : NULL;
        const bool ignored = gk_ignored(&t->labels, i);
        if (p->lse) p->lse[i] = max[k] + logs[k];
        if (p->row_loss) p->row_loss[i] = ignored ? 0 : gk_targets_loss(t, p, i, x, max[k], logs[k], z_label[k], tau);
        if (p->gradient) gk_targets_gradient(t, p, i, e, 1 / sums[k], max[k] + logs[k], tau, e);
        else if (e) gk_row_scale(e, 1 / sums[k], t->c, e);
    }
}

#if GK_IS_REFERENCE

static inline bool gk_targets_narrow(size_t c) { return (void)c, false; }

static inline size_t gk_narrow_room(size_t c) { return c; }

#else

/* --- narrow rows: each a lane of its own --- */

/* Each virtual lane of a row sum has one element at most. From 35 classes on a row at a time is faster. */
static inline bool gk_targets_narrow(size_t c) { return c <= GK_TARGETS_NARROW; }

/* Elements of a block of rows: z, exponentials, tau, and terms of a sum, c vectors each. */
static inline size_t gk_narrow_room(size_t c) { return 4 * GK_LANES * c; }

struct gk_narrow {
    size_t c, begin, rows; /* rows: of the lanes, those that are rows */
    real *z, *e, *tau, *terms;
    vf max, sum, log_s, lse;
};

/* The row sum of each lane. What is added to lanes that have nothing is +0. */
static inline vf gk_narrow_sum(const struct gk_narrow *b) {
    size_t left = b->c;
    for (size_t half = GK_SUM_LANES / 2; half > 0; half /= 2) {
        for (size_t j = half; j < left; j++) {
            real *const to = b->terms + (j - half) * GK_LANES;
            vf_store(to, vf_add(vf_load(to), vf_load(b->terms + j * GK_LANES)));
        }
        left = gk_min(left, half);
    }
    return vf_load(b->terms);
}

static inline void gk_narrow_exp(const struct gk_pass *p, struct gk_narrow *b) {
    for (size_t r = 0; r < GK_LANES; r++) {
        const real *const x = p->x + (b->begin + gk_min(r, b->rows - 1)) * p->ld_x;
        for (size_t j = 0; j < b->c; j++) b->z[j * GK_LANES + r] = x[j];
    }
    b->max = vf_set1((real)-INFINITY);
    for (size_t j = 0; j < b->c; j++) b->max = vf_max(vf_load(b->z + j * GK_LANES), b->max);
    for (size_t j = 0; j < b->c * GK_LANES; j += GK_LANES) {
        const vf z = vf_sub(vf_load(b->z + j), b->max), e = vf_exp_flushed(z);
        vf_store(b->z + j, z);
        vf_store(b->e + j, e);
        vf_store(b->terms + j, e);
    }
    b->sum = gk_narrow_sum(b);
    b->log_s = vf_log(b->sum);
    b->lse = vf_add(b->max, b->log_s);
}

static inline void gk_narrow_tau(const struct gk_targets *t, const struct gk_pass *p, const struct gk_narrow *b) {
    real label[GK_LANES], target[GK_LANES];
    for (size_t r = 0; r < GK_LANES; r++) {
        const size_t i = b->begin + gk_min(r, b->rows - 1);
        if (gk_indexed(&t->labels)) {
            label[r] = gk_ignored(&t->labels, i) ? -1 : (real)gk_label(&t->labels, i);
            target[r] = label[r] < 0 ? 0 : gk_tau_of_label(t, (size_t)gk_label(&t->labels, i));
        } else {
            const real *const tau = gk_tau_of_row(t, i, &p->tau);
            for (size_t j = 0; j < b->c; j++) b->tau[j * GK_LANES + r] = tau[j];
        }
    }
    if (!gk_indexed(&t->labels)) return;
    const vf labels = vf_load(label), targets = vf_load(target);
    for (size_t j = 0; j < b->c; j++) {
        const vf others = vf_set1(p->tau.row[j]);
        vf_store(b->tau + j * GK_LANES, vf_select(vf_neq(labels, vf_set1((real)j)), others, targets));
    }
}

static inline vf gk_narrow_loss(const struct gk_targets *t, const struct gk_narrow *b) {
    for (size_t j = 0; j < b->c * GK_LANES; j += GK_LANES) {
        const vf tau = vf_load(b->tau + j), term = vf_mul(tau, vf_sub(b->log_s, vf_load(b->z + j)));
        vf_store(b->terms + j, vf_add(vf_zero(), vf_keep(vf_neq(tau, vf_zero()), term)));
    }
    const vf loss = vf_select(vf_neq(b->log_s, b->log_s), b->log_s, gk_narrow_sum(b));
    return t->zeta != 0 ? vf_add(loss, vf_mul(vf_mul(vf_set1(t->zeta), b->lse), b->lse)) : loss;
}

/* e becomes dx. */
static inline void gk_narrow_gradient(const struct gk_targets *t, const struct gk_pass *p, const struct gk_narrow *b) {
    const vf scale = vf_set1(p->scale), r = vf_div(vf_set1(1), b->sum);
    real upstream[GK_LANES];
    for (size_t k = 0; k < GK_LANES; k++) upstream[k] = gk_upstream(p->dloss, t->reduction, b->begin + gk_min(k, b->rows - 1));
    const vf g = vf_load(upstream);
    for (size_t j = 0; j < b->c * GK_LANES; j += GK_LANES) vf_store(b->terms + j, vf_add(vf_zero(), vf_load(b->tau + j)));
    const vf sum = gk_narrow_sum(b);
    const vf pull = t->zeta != 0 ? vf_add(sum, vf_mul(vf_set1(2 * t->zeta), b->lse)) : sum;
    for (size_t j = 0; j < b->c * GK_LANES; j += GK_LANES) {
        const vf d = vf_sub(vf_mul(vf_mul(vf_load(b->e + j), r), pull), vf_load(b->tau + j));
        vf_store(b->e + j, vf_mul(vf_mul(d, scale), g));
    }
}

static inline void gk_narrow_probabilities(const struct gk_narrow *b) {
    const vf r = vf_div(vf_set1(1), b->sum);
    for (size_t j = 0; j < b->c * GK_LANES; j += GK_LANES) vf_store(b->e + j, vf_mul(vf_load(b->e + j), r));
}

/* Rows [begin, end), at most GK_LANES. */
static inline void gk_narrow_rows(const struct gk_targets *t, const struct gk_pass *p, size_t begin, size_t end) {
    const size_t size = t->c * GK_LANES;
    struct gk_narrow b = {.c = t->c, .begin = begin, .rows = end - begin, .z = p->room, .e = p->room + size};
    real losses[GK_LANES], lse[GK_LANES];
    b.tau = b.e + size, b.terms = b.tau + size;
    gk_narrow_exp(p, &b);
    if (p->row_loss || p->gradient) gk_narrow_tau(t, p, &b);
    if (p->row_loss) vf_store(losses, gk_narrow_loss(t, &b));
    if (p->gradient) gk_narrow_gradient(t, p, &b);
    else if (p->e) gk_narrow_probabilities(&b);
    vf_store(lse, b.lse);
    for (size_t i = begin, r = 0; i < end; i++, r++) {
        if (p->row_loss) p->row_loss[i] = gk_ignored(&t->labels, i) ? 0 : losses[r];
        if (p->lse) p->lse[i] = lse[r];
        if (!p->e) continue;
        const bool counts = !p->gradient || gk_targets_count(t, p, i);
        for (size_t j = 0; j < t->c; j++) p->e[i * p->ld_e + j] = counts ? b.e[j * GK_LANES + r] : 0;
    }
}

#endif

/* --- calls --- */

/* Scratch: the rows' losses, then for each thread tau and room. */
static inline size_t gk_targets_round(size_t bytes) {
    const size_t unit = GK_SUM_LANES * sizeof(real); /* no two threads write to a line of memory */
    return (bytes + unit - 1) / unit * unit;
}

static inline size_t gk_targets_bytes(size_t c, bool copy) {
    const size_t room = gk_targets_narrow(c) ? gk_narrow_room(c) : copy ? gk_targets_together(c) * c : 0;
    return gk_targets_round((2 * c + GK_SUM_LANES + room) * sizeof(real));
}

/* c may be absurd where there is no row. */
static inline size_t gk_targets_scratch(const struct gk_targets *t, size_t loss_bytes, bool copy, size_t threads) {
    return t->n && t->c ? gk_targets_round(loss_bytes) + threads * gk_targets_bytes(t->c, copy) : 0;
}

static inline struct gk_tau gk_targets_tau(const struct gk_targets *t, size_t loss_bytes, bool copy,
                                           const struct gk_team *team) {
    char *const first = (char *)team->scratch + gk_targets_round(loss_bytes);
    real *const own = (real *)(void *)(first + team->rank * gk_targets_bytes(t->c, copy));
    return (struct gk_tau){.row = own, .lanes = own + t->c, .sums = own + t->c + GK_SUM_LANES};
}

/* Without rows or classes. */
static inline void gk_targets_empty(const struct gk_targets *t, const struct gk_pass *p, real *loss,
                                    const struct gk_team *team) {
    const struct gk_slice rows = gk_team_slice(team, p->lse ? t->n : 0, 1);
    for (size_t i = rows.begin; i < rows.end; i++) p->lse[i] = (real)-INFINITY;
    gk_empty_rows(t->n, p->row_loss, loss, team);
}

/* Forward, and forward with the gradient: all that the call wants, lse and the batch's loss. */
static inline void gk_targets_run(const struct gk_targets *t, const struct gk_softmax *o, real *lse, real *loss,
                                  const struct gk_team *team) {
    struct gk_pass pass = {.x = o->x,
                           .ld_x = o->ld_x,
                           .e = o->y,
                           .ld_e = o->ld_y,
                           .gradient = o->gradient,
                           .dloss = o->dloss,
                           .row_loss = o->row_loss,
                           .lse = lse};
    const size_t bytes = gk_loss_bytes(t->n, t->c, pass.row_loss, loss);
    const struct gk_slice rows = gk_team_slice(team, t->n, 1);
    if (t->n == 0 || t->c == 0) {
        gk_targets_empty(t, &pass, loss, team);
        return;
    }
    pass.row_loss = gk_losses(pass.row_loss, loss, team);
    gk_targets_divide(t, &pass);
    pass.tau = gk_targets_tau(t, bytes, gk_targets_copy(t, &pass), team);
    pass.room = pass.tau.sums + t->c;
    if (rows.begin < rows.end) gk_tau_begin(t, &pass.tau);
#if !GK_IS_REFERENCE
    for (size_t i = rows.begin; i < rows.end && gk_targets_narrow(t->c); i += GK_LANES)
        gk_narrow_rows(t, &pass, i, gk_min(i + GK_LANES, rows.end));
#endif
    const size_t together = gk_targets_together(t->c);
    for (size_t i = rows.begin; i < rows.end && !gk_targets_narrow(t->c); i += together)
        gk_targets_rows(t, &pass, i, gk_min(i + together, rows.end));
    if (!loss) return;
    gk_team_barrier(team);
    if (team->rank == 0) *loss = gk_batch_loss(pass.row_loss, t->n, pass.divisor);
}

#endif
