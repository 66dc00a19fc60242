/* Softmax with cross-entropy, a row at a time. With m the maximum and z = x - m: e = exp(z), exactly +0 where z is below
 * GK_EXP_NORMAL; s = sum of e; p = e (1 / s). A row sum has 64 virtual lanes: element j goes to lane j mod 64, each lane starts
 * at +0 and adds ascending, then the lanes are halved (i + 32, + 16, ..., + 1). A lane is never -0, so that adding +0 for a
 * column that does not exist changes nothing. A NaN need not win the maximum: z of that element is NaN, and so is s. */
#ifndef GK_SOFTMAX_H
#define GK_SOFTMAX_H

#include "kernel.h"

#if GK_IS_REFERENCE

static inline real gk_row_max(const real *x, size_t c) {
    real m = (real)-INFINITY;
    for (size_t j = 0; j < c; j++) m = x[j] >= m ? x[j] : m;
    return m;
}

static inline real gk_halve(real lanes[GK_SUM_LANES]) {
    for (size_t half = GK_SUM_LANES / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

/* The sum of exp(x - m); e, if not NULL, receives the terms and may be x. */
static inline real gk_row_exp(const real *x, real m, size_t c, real *e) {
    real lanes[GK_SUM_LANES] = {0};
    for (size_t j = 0; j < c; j++) {
        const real term = vf_exp_flushed(x[j] - m);
        lanes[j % GK_SUM_LANES] += term;
        if (e) e[j] = term;
    }
    return gk_halve(lanes);
}

static inline real gk_row_sum(const real *t, size_t c) {
    real lanes[GK_SUM_LANES] = {0};
    for (size_t j = 0; j < c; j++) lanes[j % GK_SUM_LANES] += t[j];
    return gk_halve(lanes);
}

/* The loss of float labels: sum of t = 0 ? 0 : t (log_s - z). */
static inline real gk_row_soft_loss(const real *x, real m, real log_s, const real *t, size_t c) {
    real lanes[GK_SUM_LANES] = {0};
    for (size_t j = 0; j < c; j++) lanes[j % GK_SUM_LANES] += t[j] == 0 ? 0 : t[j] * (log_s - (x[j] - m));
    return gk_halve(lanes);
}

/* y = e r: probabilities from exponentials. */
static inline void gk_row_scale(const real *e, real r, size_t c, real *y) {
    for (size_t j = 0; j < c; j++) y[j] = e[j] * r;
}

/* dx = p scale g, for every class but the label. */
static inline void gk_row_spread(const real *e, real r, real scale, real g, size_t c, real *dx) {
    for (size_t j = 0; j < c; j++) dx[j] = e[j] * r * scale * g;
}

/* dx = (p w - t) scale g. */
static inline void gk_row_soft_gradient(const real *e, real r, real w, const real *t, real scale, real g, size_t c, real *dx) {
    for (size_t j = 0; j < c; j++) dx[j] = (e[j] * r * w - t[j]) * scale * g;
}

static inline void gk_logs(const real *s, size_t count, real *logs) {
    for (size_t i = 0; i < count; i++) logs[i] = vf_log(s[i]);
}

#else

enum { GK_ROW_VECTORS = GK_SUM_LANES / GK_LANES };

/* For every vector of the row: j its column, count the lanes that exist, v its virtual lanes. */
#define GK_FOR_ROW(c)                                                                                                          \
    for (size_t j0 = 0; j0 < (c); j0 += GK_SUM_LANES)                                                                          \
        for (size_t v = 0, j = j0; v < GK_ROW_VECTORS && j < (c); v++, j += GK_LANES)

GK_INLINE vf gk_load_count(const real *x, size_t count) { return count >= GK_LANES ? vf_load(x) : vf_load_n(x, count); }

GK_INLINE void gk_store_count(real *y, vf a, size_t count) {
    if (count >= GK_LANES) vf_store(y, a);
    else vf_store_n(y, a, count);
}

static inline real gk_row_max(const real *x, size_t c) {
    const vf lowest = vf_set1((real)-INFINITY);
    vf m[GK_ROW_VECTORS];
    for (size_t v = 0; v < GK_ROW_VECTORS; v++) m[v] = lowest;
    GK_FOR_ROW(c) {
        const vf a = gk_load_count(x + j, c - j);
        m[v] = vf_max(c - j >= GK_LANES ? a : vf_select(vm_first(c - j), a, lowest), m[v]);
    }
    for (size_t v = 1; v < GK_ROW_VECTORS; v++) m[0] = vf_max(m[v], m[0]);
    return vf_greatest(m[0]);
}

GK_INLINE real gk_halve(vf lanes[GK_ROW_VECTORS]) {
    for (size_t half = GK_ROW_VECTORS / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) lanes[i] = vf_add(lanes[i], lanes[i + half]);
    return vf_sum(lanes[0]);
}

GK_INLINE void gk_clear(vf lanes[GK_ROW_VECTORS]) {
    for (size_t v = 0; v < GK_ROW_VECTORS; v++) lanes[v] = vf_zero();
}

static inline real gk_row_exp(const real *x, real m, size_t c, real *e) {
    const vf max = vf_set1(m);
    vf lanes[GK_ROW_VECTORS];
    gk_clear(lanes);
    GK_FOR_ROW(c) {
        const vf term = vf_exp_flushed(vf_sub(gk_load_count(x + j, c - j), max));
        lanes[v] = vf_add(lanes[v], c - j >= GK_LANES ? term : vf_keep(vm_first(c - j), term));
        if (e) gk_store_count(e + j, term, c - j);
    }
    return gk_halve(lanes);
}

static inline real gk_row_sum(const real *t, size_t c) {
    vf lanes[GK_ROW_VECTORS];
    gk_clear(lanes);
    GK_FOR_ROW(c) lanes[v] = vf_add(lanes[v], gk_load_count(t + j, c - j));
    return gk_halve(lanes);
}

static inline real gk_row_soft_loss(const real *x, real m, real log_s, const real *t, size_t c) {
    const vf max = vf_set1(m), log = vf_set1(log_s);
    vf lanes[GK_ROW_VECTORS];
    gk_clear(lanes);
    GK_FOR_ROW(c) {
        const vf label = gk_load_count(t + j, c - j);
        const vf term = vf_mul(label, vf_sub(log, vf_sub(gk_load_count(x + j, c - j), max)));
        lanes[v] = vf_add(lanes[v], vf_keep(vf_neq(label, vf_zero()), term));
    }
    return gk_halve(lanes);
}

static inline void gk_row_scale(const real *e, real r, size_t c, real *y) {
    const vf by = vf_set1(r);
    for (size_t j = 0; j < c; j += GK_LANES) gk_store_count(y + j, vf_mul(gk_load_count(e + j, c - j), by), c - j);
}

static inline void gk_row_spread(const real *e, real r, real scale, real g, size_t c, real *dx) {
    const vf vr = vf_set1(r), vs = vf_set1(scale), vg = vf_set1(g);
    for (size_t j = 0; j < c; j += GK_LANES) {
        const vf p = vf_mul(gk_load_count(e + j, c - j), vr);
        gk_store_count(dx + j, vf_mul(vf_mul(p, vs), vg), c - j);
    }
}

static inline void gk_row_soft_gradient(const real *e, real r, real w, const real *t, real scale, real g, size_t c, real *dx) {
    const vf vr = vf_set1(r), vw = vf_set1(w), vs = vf_set1(scale), vg = vf_set1(g);
    for (size_t j = 0; j < c; j += GK_LANES) {
        const vf p = vf_mul(gk_load_count(e + j, c - j), vr);
        const vf d = vf_sub(vf_mul(p, vw), gk_load_count(t + j, c - j));
        gk_store_count(dx + j, vf_mul(vf_mul(d, vs), vg), c - j);
    }
}

static inline void gk_logs(const real *s, size_t count, real *logs) {
    for (size_t i = 0; i < count; i += GK_LANES) gk_store_count(logs + i, vf_log(gk_load_count(s + i, count - i)), count - i);
}

#endif

/* What the three kernels share beyond a row: labels, the reduction, the batch loss. */
struct gk_labels {
    const int32_t *index; /* or index64, or t */
    const int64_t *index64;
    bool use_ignore;
    int64_t ignore;
    const real *t;
    size_t ld_t;
};

#define GK_LABELS_OF(a)                                                                                                        \
    (struct gk_labels) {                                                                                                       \
        .index = (a)->labels, .index64 = (a)->labels64, .use_ignore = (a)->use_ignore_index, .ignore = (a)->ignore_index,      \
        .t = (a)->t, .ld_t = gk_ld((a)->ld_t, (a)->c)                                                                          \
    }

static inline bool gk_indexed(const struct gk_labels *l) { return l->index || l->index64; }

static inline int64_t gk_label(const struct gk_labels *l, size_t row) { return l->index64 ? l->index64[row] : l->index[row]; }

static inline bool gk_ignored(const struct gk_labels *l, size_t row) {
    return l->use_ignore && gk_indexed(l) && gk_label(l, row) == l->ignore;
}

/* needed: something is wanted that depends on them. */
static inline gk_status gk_check_labels(const struct gk_labels *l, size_t n, size_t c, bool needed) {
    if (!gk_indexed(l)) return needed && !l->t && n && c ? GK_ERROR_NULL : GK_OK;
    for (size_t i = 0; i < n; i++)
        if (!gk_ignored(l, i) && (uint64_t)gk_label(l, i) >= c) return GK_ERROR_LABEL;
    return GK_OK;
}

/* N: the rows that count. */
static inline size_t gk_count_rows(const struct gk_labels *l, size_t n) {
    size_t count = 0;
    if (!l->use_ignore || !gk_indexed(l)) return n;
    for (size_t i = 0; i < n; i++) count += !gk_ignored(l, i);
    return count;
}

/* 1 / N for the mean, else 1. Where no row counts nothing uses it: 0, and no division that a host might trap. */
static inline real gk_gradient_scale(const struct gk_labels *l, size_t n, gk_reduction reduction) {
    const size_t count = gk_count_rows(l, n);
    return reduction != GK_MEAN ? 1 : count ? 1 / (real)count : 0;
}

static inline real gk_upstream(const real *dloss, gk_reduction reduction, size_t row) {
    return dloss ? dloss[reduction == GK_NONE ? row : 0] : 1;
}

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

/* The batch loss from the rows', summed in double in row order, divided once and rounded once. */
static inline real gk_batch_loss(const real *row_loss, size_t n, size_t counted, gk_reduction reduction) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += row_loss[i];
    if (reduction == GK_MEAN) sum = counted ? sum / (double)counted : 0;
    return (real)sum;
}

/* Scratch for the rows' losses, where only their sum is wanted. */
static inline size_t gk_loss_bytes(size_t n, size_t c, const real *row_loss, const real *loss) {
    return c && loss && !row_loss ? n * sizeof(real) : 0;
}

/* Where they go; NULL: no loss is wanted. */
static inline real *gk_losses(real *row_loss, const real *loss, const struct gk_team *team) {
    return row_loss || !loss ? row_loss : team->scratch;
}

/* c = 0: each loss is an empty sum, and behind an absurd n there is no memory but that of row_loss. */
static inline void gk_empty_rows(size_t n, real *row_loss, real *loss, const struct gk_team *team) {
    const struct gk_slice rows = gk_team_slice(team, row_loss ? n : 0, 1);
    for (size_t i = rows.begin; i < rows.end; i++) row_loss[i] = 0;
    if (loss && team->rank == 0) *loss = 0;
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
