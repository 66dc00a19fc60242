/* What the three kernels share beyond a row: labels, the reduction, the batch loss. */
#ifndef GK_SOFTMAX_LABELS_H
#define GK_SOFTMAX_LABELS_H

#include "kernel.h"

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
    const struct gk_labels same = *l; /* nothing aliases it: loops without branches, of which compilers make vectors */
    uint64_t outside = 0;             /* its sign bit: some label, or c - 1 - label, is negative */
    for (size_t i = 0; i < n; i++) {
        const uint64_t label = (uint64_t)gk_label(&same, i);
        outside |= gk_ignored(&same, i) ? 0 : label | (c - 1 - label);
    }
    return (int64_t)outside < 0 ? GK_ERROR_LABEL : GK_OK;
}

/* N: the rows that count. */
static inline size_t gk_count_rows(const struct gk_labels *l, size_t n) {
    size_t count = 0;
    if (!l->use_ignore || !gk_indexed(l)) return n;
    const struct gk_labels same = *l;
    for (size_t i = 0; i < n; i++) count += !gk_ignored(&same, i);
    return count;
}

static inline real gk_upstream(const real *dloss, gk_reduction reduction, size_t row) {
    return dloss ? dloss[reduction == GK_NONE ? row : 0] : 1;
}

/* What the sum of the rows' losses is divided by: N for the mean, else 1; 0: no row counts. */
static inline double gk_rows_divisor(const struct gk_labels *l, size_t n, gk_reduction reduction) {
    return reduction == GK_MEAN ? (double)gk_count_rows(l, n) : 1;
}

/* What gradients are multiplied with: 1 / N. Where no row counts nothing uses it: 0, and no division that a host might trap. */
static inline real gk_gradient_scale(double divisor) { return divisor == 0 ? 0 : 1 / (real)divisor; }

/* The batch loss from that sum: divided once and rounded once. */
static inline real gk_reduced_loss(double sum, double divisor) { return divisor == 0 ? 0 : (real)(sum / divisor); }

/* The same from the rows', summed in double in row order. */
static inline real gk_batch_loss(const real *row_loss, size_t n, double divisor) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += row_loss[i];
    return gk_reduced_loss(sum, divisor);
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

#endif
