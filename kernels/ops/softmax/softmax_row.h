/* Softmax with cross-entropy, a row at a time. With m the maximum and z = x - m: e = exp(z), exactly +0 where z is below
 * GK_EXP_NORMAL; s = sum of e; p = e (1 / s). A row sum has 64 virtual lanes: element j goes to lane j mod 64, each lane starts
 * at +0 and adds ascending, then the lanes are halved (i + 32, + 16, ..., + 1). A lane is never -0, so that adding +0 for a
 * column that does not exist changes nothing. A NaN need not win the maximum: z of that element is NaN, and so is s. */
#ifndef GK_SOFTMAX_ROW_H
#define GK_SOFTMAX_ROW_H

#include "kernel.h"

/* Phases are functions of their own: in one that holds them all compilers keep counters and sums of loops in memory, which
 * made 100 x 10 a third slower. And the ways of a call share no stack. */
#define GK_PHASE static __attribute__((noinline, unused))

enum {
    GK_EXP_GROUP = GK_EXP_CHAINS * GK_LANES, /* columns whose exponentials are computed side by side */
    GK_EXP_PIECE = 2048 / sizeof(real),      /* columns whose exponentials stay in L1 until they are added */
    GK_EXP_BUFFER = 512 / sizeof(real),      /* the same where they are not kept, on a stack that may be small */
    GK_LINE = 64 / sizeof(real),             /* of memory */
};

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

/* The sum of exp(x - m); e, if not NULL, receives the terms and may be x. next, if not NULL: a row that will be read. */
static inline real gk_row_exp(const real *x, real m, size_t c, real *e, const real *next) {
    real lanes[GK_SUM_LANES] = {0};
    (void)next;
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

static inline real gk_log(real s) { return vf_log(s); }

/* s becomes log(s). */
static inline void gk_logs(real *s, size_t count) {
    for (size_t i = 0; i < count; i++) s[i] = vf_log(s[i]);
}

#else

/* The columns of a row behind its whole vectors are computed in a vector that ends with the row and overlaps the one before it;
 * where it works in place it is loaded before anything is stored. A row shorter than a vector is filled up. */
GK_INLINE vf gk_load_last(const real *x, size_t c, real filler) {
    if (c >= GK_LANES) return vf_load(x + c - GK_LANES);
    const vf few = vf_load_few(x, c);
    return filler == 0 ? few : vf_select(vm_first(c), few, vf_set1(filler));
}

GK_INLINE void gk_store_last(real *y, size_t c, vf a) {
    if (c >= GK_LANES) vf_store(y + c - GK_LANES, a);
    else vf_store_n(y, a, c);
}

/* Of that vector the columns behind the whole vectors, the first of them in lane 0, and +0 behind them. */
GK_INLINE vf gk_behind(vf last, size_t c) { return c < GK_LANES ? last : vf_from_lane(last, GK_LANES - c % GK_LANES); }

static inline real gk_row_max(const real *x, size_t c) {
    enum { CHAINS = 8 };
    const vf last = gk_load_last(x, c, (real)-INFINITY);
    vf m[CHAINS];
    size_t j = 0;
    UNROLLED for (size_t v = 0; v < CHAINS; v++) m[v] = last;
    for (; j + CHAINS * GK_LANES <= c; j += CHAINS * GK_LANES)
        UNROLLED for (size_t v = 0; v < CHAINS; v++) m[v] = vf_max(vf_load(x + j + v * GK_LANES), m[v]);
    for (; j + GK_LANES <= c; j += GK_LANES) m[0] = vf_max(vf_load(x + j), m[0]);
    UNROLLED for (size_t half = CHAINS / 2; half > 0; half /= 2) {
        UNROLLED for (size_t v = 0; v < half; v++) m[v] = vf_max(m[v], m[v + half]);
    }
    return vf_greatest(m[0]);
}

/* --- the row sum --- */

/* What it is of: a, or a = 0 ? 0 : a (log - (x - max)). */
struct gk_terms {
    const real *a, *x;
    vf max, log;
};

GK_INLINE vf gk_term(const struct gk_terms *t, vf a, vf x) {
    return t->x ? vf_keep(vf_neq(a, vf_zero()), vf_mul(a, vf_sub(t->log, vf_sub(x, t->max)))) : a;
}

GK_INLINE vf gk_term_at(const struct gk_terms *t, size_t j) {
    const vf a = vf_load(t->a + j);
    return gk_term(t, a, t->x ? vf_load(t->x + j) : a);
}

enum {
    GK_ROW_VECTORS = GK_SUM_LANES / GK_LANES,
    GK_ROW_CHAINS = GK_ROW_VECTORS < 8 ? GK_ROW_VECTORS : 8, /* in registers */
};

/* Adds the terms of count columns, a multiple of GK_SUM_LANES. */
GK_INLINE void gk_add_lanes(vf sums[GK_ROW_VECTORS], const struct gk_terms *t, size_t count) {
    for (size_t first = 0; first < GK_ROW_VECTORS; first += GK_ROW_CHAINS) {
        vf s[GK_ROW_CHAINS];
        UNROLLED for (size_t v = 0; v < GK_ROW_CHAINS; v++) s[v] = sums[first + v];
        for (size_t j = first * GK_LANES; j < count; j += GK_SUM_LANES)
            UNROLLED for (size_t v = 0; v < GK_ROW_CHAINS; v++) s[v] = vf_add(s[v], gk_term_at(t, j + v * GK_LANES));
        UNROLLED for (size_t v = 0; v < GK_ROW_CHAINS; v++) sums[first + v] = s[v];
    }
}

/* Adds those of the count < GK_SUM_LANES columns that are left; behind: of the ones behind the whole vectors. */
GK_INLINE real gk_finish_lanes(vf sums[GK_ROW_VECTORS], const struct gk_terms *t, size_t count, vf behind) {
    UNROLLED for (size_t v = 0; v < GK_ROW_VECTORS; v++) {
        if ((v + 1) * GK_LANES <= count) sums[v] = vf_add(sums[v], gk_term_at(t, v * GK_LANES));
        else if (v * GK_LANES < count) sums[v] = vf_add(sums[v], behind);
    }
    UNROLLED for (size_t half = GK_ROW_VECTORS / 2; half > 0; half /= 2) {
        UNROLLED for (size_t i = 0; i < half; i++) sums[i] = vf_add(sums[i], sums[i + half]);
    }
    return vf_sum(sums[0]);
}

GK_INLINE void gk_clear(vf sums[GK_ROW_VECTORS]) { UNROLLED for (size_t v = 0; v < GK_ROW_VECTORS; v++) sums[v] = vf_zero(); }

GK_INLINE real gk_row_terms(struct gk_terms t, size_t c) {
    const size_t whole = c / GK_SUM_LANES * GK_SUM_LANES;
    const vf a = gk_load_last(t.a, c, 0);
    const vf last = gk_term(&t, a, t.x ? gk_load_last(t.x, c, 0) : a);
    vf sums[GK_ROW_VECTORS];
    gk_clear(sums);
    gk_add_lanes(sums, &t, whole);
    t.a += whole;
    if (t.x) t.x += whole;
    return gk_finish_lanes(sums, &t, c - whole, gk_behind(last, c));
}

GK_PHASE real gk_row_sum(const real *t, size_t c) { return gk_row_terms((struct gk_terms){.a = t}, c); }

GK_PHASE real gk_row_soft_loss(const real *x, real m, real log_s, const real *t, size_t c) {
    return gk_row_terms((struct gk_terms){.a = t, .x = x, .max = vf_set1(m), .log = vf_set1(log_s)}, c);
}

/* --- exp --- */

/* e = exp(x - m) of whole groups of columns; fetches as many of next into L2, unless it is NULL. */
GK_PHASE void gk_exp_groups(const real *x, real m, size_t count, real *e, const real *next) {
    const vf max = vf_set1(m);
    for (size_t j = 0; j < count; j += GK_EXP_GROUP) {
        vf z[GK_EXP_CHAINS];
        for (size_t i = 0; next && i < GK_EXP_GROUP; i += GK_LINE) __builtin_prefetch(next + j + i, 0, 2);
        UNROLLED for (size_t i = 0; i < GK_EXP_CHAINS; i++) z[i] = vf_sub(vf_load(x + j + i * GK_LANES), max);
        vf_exp_flushed_together(z);
        UNROLLED for (size_t i = 0; i < GK_EXP_CHAINS; i++) vf_store(e + j + i * GK_LANES, z[i]);
    }
}

/* The vectors behind the groups, fewer than GK_EXP_CHAINS, and the last one, which is returned. */
GK_INLINE vf gk_exp_left(const real *x, vf max, size_t vectors, vf last, real *e) {
    vf z[GK_EXP_CHAINS];
    UNROLLED for (size_t i = 0; i < GK_EXP_CHAINS; i++) z[i] = vf_sub(i < vectors ? vf_load(x + i * GK_LANES) : last, max);
    vf_exp_flushed_together(z);
    UNROLLED for (size_t i = 0; i < GK_EXP_CHAINS - 1; i++) if (i < vectors) vf_store(e + i * GK_LANES, z[i]);
    return z[GK_EXP_CHAINS - 1];
}

GK_PHASE real gk_row_exp(const real *x, real m, size_t c, real *e, const real *next) {
    const vf last = gk_load_last(x, c, (real)-INFINITY);
    real piece[GK_EXP_BUFFER];
    const size_t step = e ? GK_EXP_PIECE : GK_EXP_BUFFER;
    vf sums[GK_ROW_VECTORS];
    size_t j = 0;
    gk_clear(sums);
    for (; c - j >= step; j += step) {
        const struct gk_terms terms = {.a = e ? e + j : piece};
        gk_exp_groups(x + j, m, step, e ? e + j : piece, next ? next + j : NULL);
        gk_add_lanes(sums, &terms, step);
    }
    real *const to = e ? e + j : piece;
    const size_t left = c - j, grouped = left / GK_EXP_GROUP * GK_EXP_GROUP, whole = left / GK_SUM_LANES * GK_SUM_LANES;
    gk_exp_groups(x + j, m, grouped, to, next ? next + j : NULL);
    vf behind = last;
    if (left > grouped) behind = gk_exp_left(x + j + grouped, vf_set1(m), (left - grouped) / GK_LANES, last, to + grouped);
    if (e && c % GK_LANES) gk_store_last(e, c, behind);
    gk_add_lanes(sums, &(struct gk_terms){.a = to}, whole);
    return gk_finish_lanes(sums, &(struct gk_terms){.a = to + whole}, left - whole, gk_behind(behind, c));
}

/* --- results --- */

/* e a; e a b; e a b d; (e a) t; (e - 1) a b, or (e - 1) a t if there is t; (e a w - t) b d. */
enum gk_result { GK_SCALED, GK_SCALED_TWICE, GK_SCALED_THRICE, GK_SCALED_EACH, GK_LESS_ONE, GK_SOFT };

struct gk_factors {
    real a, b, d, w;
    const real *t;
};

GK_INLINE vf gk_result(const enum gk_result kind, const struct gk_factors *f, vf e, vf t) {
    const vf a = vf_set1(f->a), b = vf_set1(f->b), d = vf_set1(f->d);
    switch (kind) {
    case GK_SCALED: return vf_mul(e, a);
    case GK_SCALED_TWICE: return vf_mul(vf_mul(e, a), b);
    case GK_SCALED_THRICE: return vf_mul(vf_mul(vf_mul(e, a), b), d);
    case GK_SCALED_EACH: return vf_mul(vf_mul(e, a), t);
    case GK_LESS_ONE: return vf_mul(vf_mul(vf_sub(e, vf_set1(1)), a), f->t ? t : b);
    default: return vf_mul(vf_mul(vf_sub(vf_mul(vf_mul(e, a), vf_set1(f->w)), t), b), d);
    }
}

GK_INLINE vf gk_result_at(const enum gk_result kind, const struct gk_factors *f, const real *e, size_t j) {
    return gk_result(kind, f, vf_load(e + j), kind >= GK_SCALED_EACH && f->t ? vf_load(f->t + j) : vf_zero());
}

/* Stores past the caches were no faster for 257 x 50257, and half as fast for 8192 x 1000. */
GK_INLINE void gk_results(const enum gk_result kind, struct gk_factors f, const real *e, size_t c, real *y) {
    const vf last = gk_result(kind, &f, gk_load_last(e, c, 0), f.t ? gk_load_last(f.t, c, 0) : vf_zero());
    for (size_t j = 0; j + GK_LANES <= c; j += GK_LANES) vf_store(y + j, gk_result_at(kind, &f, e, j));
    if (c % GK_LANES) gk_store_last(y, c, last);
}

static inline void gk_row_scale(const real *e, real r, size_t c, real *y) {
    gk_results(GK_SCALED, (struct gk_factors){.a = r}, e, c, y);
}

static inline void gk_row_spread(const real *e, real r, real scale, real g, size_t c, real *dx) {
    const struct gk_factors f = {.a = r, .b = scale, .d = g};
    if (g == 1) gk_results(GK_SCALED_TWICE, f, e, c, dx);
    else gk_results(GK_SCALED_THRICE, f, e, c, dx);
}

static inline void gk_row_soft_gradient(const real *e, real r, real w, const real *t, real scale, real g, size_t c, real *dx) {
    gk_results(GK_SOFT, (struct gk_factors){.a = r, .b = scale, .d = g, .w = w, .t = t}, e, c, dx);
}

static inline real gk_log(real s) {
    real logs[GK_LANES];
    vf_store(logs, vf_log(vf_set1(s)));
    return logs[0];
}

/* s becomes log(s), and what is behind it up to a whole vector. */
static inline void gk_logs(real *s, size_t count) {
    for (size_t i = count; i % GK_LANES; i++) s[i] = 1;
    for (size_t i = 0; i < count; i += GK_LANES) vf_store(s + i, vf_log(vf_load(s + i)));
}

#endif

#endif
