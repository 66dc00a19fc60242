/* Softmax with cross-entropy of many short rows: a vector is a column of GK_LANES rows. Row by row most lanes would be idle,
 * and what is done once a row (the maximum and the sum across a vector, log, division) would cost more than the classes. */
#ifndef GK_SOFTMAX_LANES_H
#define GK_SOFTMAX_LANES_H

#include "softmax.h"

enum {
    GK_LANES_CLASSES = GK_LANES * sizeof(real) > 32 ? 200 : 400, /* wider rows go one by one */
    GK_LANES_VECTORS = 128,                                      /* of a block, but for one group of wider rows */
};

/* Is the call done here? */
static inline bool gk_in_lanes(const real *t, size_t c) { return !GK_IS_REFERENCE && !t && c > 0 && c <= GK_LANES_CLASSES; }

#if GK_IS_REFERENCE

static inline size_t gk_lanes_bytes(size_t c) { return (void)c, 0; }

static inline void gk_lanes_rows(const struct gk_softmax *o, struct gk_slice rows, void *scratch, double *sum) {
    (void)o, (void)rows, (void)scratch, (void)sum;
}

#else

enum {
    GK_LANES_GROUPS = GK_ROWS_TOGETHER / GK_LANES,
    GK_EIGHTH = GK_SUM_LANES / 8,
};

/* Rows [begin, end), in groups of GK_LANES. */
struct gk_lanes_block {
    size_t begin, end;
    vf *e;       /* e[g c + j]: column j of group g */
    real *spare; /* a row that takes what belongs to missing rows of the last group: they are loaded from the last row */
    vf max[GK_LANES_GROUPS], sum[GK_LANES_GROUPS], inverse[GK_LANES_GROUPS];
    uint32_t label[GK_ROWS_TOGETHER];
    real at_label[GK_ROWS_TOGETHER], upstream[GK_ROWS_TOGETHER], loss[GK_ROWS_TOGETHER];
    uint64_t ignored; /* a bit a row */
};

/* --- columns --- */

/* So many columns at once; the last ones overlap. */
GK_INLINE vf gk_lanes_load_by(const size_t width, const real *const row[GK_LANES], size_t c, vf *e) {
    vf max = vf_set1((real)-INFINITY), w[GK_COLUMNS];
    for (size_t j = 0; j < c; j += width) {
        const size_t at = gk_min(j, c - width);
        if (width == 2) vf_load_pair(row, at, w);
        else vf_load_window(row, at, w);
        for (size_t u = 0; u < width; u++) (e + at)[u] = w[u];
        for (size_t half = width / 2; half > 0; half /= 2)
            for (size_t u = 0; u < half; u++) w[u] = vf_max(w[u], w[u + half]);
        max = vf_max(w[0], max);
    }
    return max;
}

/* Several groups: less the maximum at once. One: exp takes it away. */
GK_PHASE void gk_lanes_load(const struct gk_softmax *o, struct gk_lanes_block *b, size_t groups) {
    const size_t c = o->c, ld = o->ld_x, end = b->end;
    const real *row[GK_LANES];
    vf *e = b->e;
    row[0] = o->x + b->begin * ld;
    for (size_t g = 0, i = b->begin; g < groups; g++, i += GK_LANES, e += c) {
        for (size_t r = 1; r < GK_LANES; r++) row[r] = row[r - 1] + (i + r < end ? ld : 0);
        const vf max = c < GK_COLUMNS ? gk_lanes_load_by(2, row, c, e) : gk_lanes_load_by(GK_COLUMNS, row, c, e);
        for (size_t j = 0; groups > 1 && j < c; j++) e[j] = vf_sub(e[j], max);
        b->max[g] = max;
        row[0] = row[GK_LANES - 1] + ld;
    }
}

GK_INLINE void gk_lanes_store_by(const size_t width, const bool gradient, const vf *e, size_t c, const vf by[3],
                                 real *const row[GK_LANES]) {
    const vf inverse = by[0], scale = by[1], upstream = by[2];
    vf w[GK_COLUMNS];
    for (size_t j = 0; j < c; j += width) {
        const size_t at = gk_min(j, c - width);
        for (size_t u = 0; u < width; u++) {
            w[u] = vf_mul((e + at)[u], inverse);
            if (gradient) w[u] = vf_mul(vf_mul(w[u], scale), upstream);
        }
        if (width == 2) vf_store_pair(row, at, w);
        else vf_store_window(row, at, w);
    }
}

GK_INLINE void gk_lanes_store(const struct gk_softmax *o, const struct gk_lanes_block *b, size_t g) {
    const size_t begin = b->begin + g * GK_LANES, c = o->c, ld = o->ld_y;
    const vf by[3] = {b->inverse[g], vf_set1(o->scale), vf_load(b->upstream + g * GK_LANES)};
    const vf *const e = b->e + g * c;
    real *row[GK_LANES];
    row[0] = o->y + begin * ld;
    for (size_t r = 1; r < GK_LANES; r++) row[r] = begin + r < b->end ? row[r - 1] + ld : b->spare;
    if (c < GK_COLUMNS) gk_lanes_store_by(2, o->gradient, e, c, by, row);
    else if (o->gradient) gk_lanes_store_by(GK_COLUMNS, true, e, c, by, row);
    else gk_lanes_store_by(GK_COLUMNS, false, e, c, by, row);
}

GK_INLINE void gk_lanes_exp_by(const bool subtract, vf max, vf *e, size_t count) {
    vf t[GK_EXP_CHAINS];
    for (size_t i = count; i % GK_EXP_CHAINS; i++) e[i] = max;
    for (size_t i = 0; i < count; i += GK_EXP_CHAINS) {
        for (size_t u = 0; u < GK_EXP_CHAINS; u++) t[u] = subtract ? vf_sub(e[i + u], max) : e[i + u];
        vf_exp_flushed_together(t);
        for (size_t u = 0; u < GK_EXP_CHAINS; u++) e[i + u] = t[u];
    }
}

/* Exponentials in place, less the maximum where there is one group. Up to 3 vectors behind them are written, too. */
GK_PHASE void gk_lanes_exp(const struct gk_lanes_block *b, size_t groups, size_t c) {
    if (groups > 1) gk_lanes_exp_by(false, vf_zero(), b->e, groups * c);
    else gk_lanes_exp_by(true, b->max[0], b->e, c);
}

/* --- the sum of a row: virtual lanes r, r + 8, ... first, then the 8 sums --- */

GK_INLINE vf gk_lanes_halve(vf *v, const size_t count) {
    for (size_t half = GK_EIGHTH / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            if (i + half < count) v[i] = vf_add(v[i], v[i + half]);
    return v[0];
}

/* Of c columns, more than 8 (count - 1) and at most 8 count, up to 64. */
GK_INLINE vf gk_lanes_sum_few(const vf *e, size_t c, const size_t count) {
    const vf zero = vf_zero();
    vf eighth[GK_EIGHTH], v[GK_EIGHTH];
    UNROLLED for (size_t r = 0; r < GK_EIGHTH; r++) {
        const size_t last = r + GK_EIGHTH * (count - 1);
        for (size_t k = 0; k + 1 < count; k++) v[k] = e[r + GK_EIGHTH * k];
        v[count - 1] = *(last < c ? e + last : &zero);
        eighth[r] = gk_lanes_halve(v, count);
    }
    return gk_lanes_halve(eighth, GK_EIGHTH);
}

/* Of more than 64: each virtual lane is a chain. */
GK_INLINE vf gk_lanes_sum_many(const vf *e, size_t c) {
    vf eighth[GK_EIGHTH], v[GK_EIGHTH];
    for (size_t r = 0; r < GK_EIGHTH; r++) {
        size_t j = r;
        for (size_t k = 0; k < GK_EIGHTH; k++) v[k] = e[j + GK_EIGHTH * k];
        for (j += GK_SUM_LANES; j + GK_SUM_LANES - GK_EIGHTH < c; j += GK_SUM_LANES)
            for (size_t k = 0; k < GK_EIGHTH; k++) v[k] = vf_add(v[k], e[j + GK_EIGHTH * k]);
        for (size_t k = 0; k < GK_EIGHTH; k++)
            if (j + GK_EIGHTH * k < c) v[k] = vf_add(v[k], e[j + GK_EIGHTH * k]);
        eighth[r] = gk_lanes_halve(v, GK_EIGHTH);
    }
    return gk_lanes_halve(eighth, GK_EIGHTH);
}

GK_INLINE vf gk_lanes_sum(const vf *e, size_t c) {
    switch ((c + GK_EIGHTH - 1) / GK_EIGHTH) {
    case 1: return gk_lanes_sum_few(e, c, 1);
    case 2: return gk_lanes_sum_few(e, c, 2);
    case 3: return gk_lanes_sum_few(e, c, 3);
    case 4: return gk_lanes_sum_few(e, c, 4);
    case 5: return gk_lanes_sum_few(e, c, 5);
    case 6: return gk_lanes_sum_few(e, c, 6);
    case 7: return gk_lanes_sum_few(e, c, 7);
    case 8: return gk_lanes_sum_few(e, c, 8);
    default: return gk_lanes_sum_many(e, c);
    }
}

GK_PHASE void gk_lanes_sums(struct gk_lanes_block *b, size_t groups, size_t c) {
    for (size_t g = 0; g < groups; g++) {
        b->sum[g] = gk_lanes_sum(b->e + g * c, c);
        b->inverse[g] = vf_div(vf_set1(1), b->sum[g]);
    }
}

/* --- labels --- */

/* Labels and the logits there, before these are overwritten in place; an ignored row counts as one of the label 0. */
GK_PHASE void gk_lanes_labels(const struct gk_softmax *o, struct gk_lanes_block *b) {
    const size_t count = b->end - b->begin, ld = o->ld_x;
    const real *x = o->x + b->begin * ld;
    b->ignored = 0;
    if (!gk_indexed(&o->labels)) return;
    for (size_t i = 0; i < count; i++) b->label[i] = (uint32_t)gk_label(&o->labels, b->begin + i);
    for (size_t i = 0; o->labels.use_ignore && i < count; i++) {
        const bool ignored = gk_ignored(&o->labels, b->begin + i);
        b->ignored |= (uint64_t)ignored << i;
        b->label[i] = ignored ? 0 : b->label[i];
    }
    for (size_t i = 0; i < count; i++, x += ld) b->at_label[i] = x[b->label[i]];
    for (size_t i = count; i % GK_LANES; i++) b->at_label[i] = 0;
}

GK_INLINE void gk_lanes_upstream(const struct gk_softmax *o, struct gk_lanes_block *b) {
    const bool each = o->dloss && o->reduction == GK_NONE;
    const vf same = vf_set1(each ? 1 : gk_upstream(o->dloss, o->reduction, 0));
    for (size_t g = 0; g < GK_LANES_GROUPS; g++) vf_store(b->upstream + g * GK_LANES, same);
    for (size_t i = b->begin; each && i < b->end; i++) b->upstream[i - b->begin] = o->dloss[i];
}

GK_PHASE void gk_lanes_losses(struct gk_lanes_block *b, size_t groups) {
    for (size_t g = 0; g < groups; g++) {
        const vf z = vf_sub(vf_load(b->at_label + g * GK_LANES), b->max[g]);
        vf_store(b->loss + g * GK_LANES, vf_sub(vf_log(b->sum[g]), z));
    }
    for (uint64_t rest = b->ignored; rest; rest &= rest - 1) b->loss[__builtin_ctzll(rest)] = 0;
}

/* The gradients at the labels. */
GK_INLINE void gk_lanes_at_labels(const struct gk_softmax *o, const struct gk_lanes_block *b, size_t g, size_t count) {
    const real *const e = (const real *)(b->e + g * o->c);
    const real scale = o->scale;
    const size_t ld = o->ld_y;
    real *y = o->y + (b->begin + g * GK_LANES) * ld;
    real inverse[GK_LANES];
    vf_store(inverse, b->inverse[g]);
    for (size_t r = 0, i = g * GK_LANES; r < count; r++, i++, y += ld) {
        const size_t label = b->label[i];
        y[label] = (e[label * GK_LANES + r] * inverse[r] - 1) * scale * b->upstream[i];
    }
}

/* --- rows --- */

GK_PHASE double gk_lanes_add(const real *loss, size_t count, double sum) {
    for (size_t i = 0; i < count; i++) sum += loss[i];
    return sum;
}

/* Adds the rows' losses to *loss, while stores are under way. */
GK_PHASE void gk_lanes_finish(const struct gk_softmax *o, const struct gk_lanes_block *b, double *loss) {
    const size_t count = b->end - b->begin;
    double sum = *loss;
    for (size_t g = 0; g * GK_LANES < count; g++) {
        const size_t rows = gk_min(count - g * GK_LANES, GK_LANES);
        if (o->y) gk_lanes_store(o, b, g);
        if (o->gradient) gk_lanes_at_labels(o, b, g, rows);
        if (o->row_loss) sum = gk_lanes_add(b->loss + g * GK_LANES, rows, sum);
    }
    for (uint64_t rest = b->ignored; o->gradient && rest; rest &= rest - 1)
        memset(o->y + (b->begin + (size_t)__builtin_ctzll(rest)) * o->ld_y, 0, o->c * sizeof(real));
    if (o->row_loss) memcpy(o->row_loss + b->begin, b->loss, count * sizeof(real));
    *loss = sum;
}

GK_INLINE void gk_lanes_block(const struct gk_softmax *o, struct gk_lanes_block *b, double *loss) {
    const size_t groups = (b->end - b->begin + GK_LANES - 1) / GK_LANES, c = o->c;
    gk_lanes_labels(o, b);
    gk_lanes_load(o, b, groups);
    gk_lanes_exp(b, groups, c);
    gk_lanes_sums(b, groups, c);
    if (o->row_loss) gk_lanes_losses(b, groups);
    if (o->gradient) gk_lanes_upstream(o, b);
    gk_lanes_finish(o, b, loss);
}

/* One class: e and p are 1, unless x - x is NaN. */
GK_INLINE void gk_lanes_single(const struct gk_softmax *o, struct gk_slice rows, double *loss) {
    double sum = *loss;
    for (size_t i = rows.begin; i < rows.end; i++) {
        const real x = o->x[i * o->ld_x], zero = x - x;
        const bool ignored = gk_ignored(&o->labels, i);
        if (o->gradient) o->y[i * o->ld_y] = ignored ? 0 : zero * o->scale * gk_upstream(o->dloss, o->reduction, i);
        else if (o->y) o->y[i * o->ld_y] = zero + 1;
        if (!o->row_loss) continue;
        o->row_loss[i] = ignored ? 0 : zero;
        sum += o->row_loss[i];
    }
    *loss = sum;
}

/* Scratch of one thread: a block, for which a stack may be too small, a row, and vectors: as many more as chains may write, and
 * one, for the begin is rounded up. */
static inline size_t gk_lanes_bytes(size_t c) {
    const size_t vectors = c < GK_LANES_VECTORS ? GK_LANES_VECTORS : c;
    return sizeof(struct gk_lanes_block) + (c / GK_LANES + 2 + vectors + GK_EXP_CHAINS) * sizeof(vf);
}

/* The first place of a vector in scratch, which stands behind the rows' losses. */
GK_INLINE void *gk_lanes_align(void *scratch) {
    char *const at = scratch;
    return at + (sizeof(vf) - (uintptr_t)at % sizeof(vf)) % sizeof(vf);
}

/* Adds the rows' losses to *loss, in order. */
GK_INLINE void gk_lanes_rows(const struct gk_softmax *o, struct gk_slice rows, void *scratch, double *loss) {
    if (o->c == 1) {
        gk_lanes_single(o, rows, loss);
        return;
    }
    const size_t fit = gk_min(GK_LANES_VECTORS / o->c, GK_LANES_GROUPS), together = (fit ? fit : 1) * GK_LANES;
    struct gk_lanes_block *const b = gk_lanes_align(scratch);
    b->spare = (real *)(b + 1);
    b->e = (vf *)(b + 1) + o->c / GK_LANES + 1;
    for (b->begin = rows.begin; b->begin < rows.end; b->begin = b->end) {
        b->end = gk_min(b->begin + together, rows.end);
        gk_lanes_block(o, b, loss);
    }
}

#endif

#endif
