/* Softmax with cross-entropy, a row at a time. With m the maximum and z = x - m: e = exp(z), exactly +0 where z is below
 * GK_EXP_NORMAL; s = sum of e; p = e (1 / s). A row sum has 64 virtual lanes: element j goes to lane j mod 64, each lane starts
 * at +0 and adds ascending, then the lanes are halved (i + 32, + 16, ..., + 1). A lane is never -0, so that adding +0 for a
 * column that does not exist changes nothing. A NaN need not win the maximum: z of that element is NaN, and so is s. */
#ifndef GK_SOFTMAX_ROW_H
#define GK_SOFTMAX_ROW_H

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

#endif
