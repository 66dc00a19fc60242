/* Softmax with cross-entropy. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "real.h"

/* t: n x c labels as floats (one-hot for class indices); counted: n bytes, 0 for rows that are ignored, NULL for none. dloss:
 * one value, or with per_row one a row; NULL for 1. */
struct softmax {
    size_t n, c;
    const gb_real *x, *t;
    const unsigned char *counted;
    bool divide, per_row; /* divide: the mean */
    const gb_real *dloss;
    /* results */
    gb_real *p, *dx;          /* n x c */
    gb_real *z;               /* n x c: x - max */
    gb_real *log_sum;         /* n: log(sum exp(z)) */
    gb_real *row_loss, *loss; /* n; the sum of them, or their mean */
};

static bool counts(const struct softmax *s, size_t row) { return !s->counted || s->counted[row]; }

static gb_real dloss_of(const struct softmax *s, size_t row) { return s->dloss ? s->dloss[s->per_row ? row : 0] : 1; }

/* What sums over rows are divided by: 1 where no row counts, for they are 0. */
static gb_real divisor(const struct softmax *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += counts(s, i);
    return s->divide && n > 0 ? (gb_real)n : 1;
}

static void forward(const struct softmax *s) {
    gb_real total = 0;
    for (size_t i = 0; i < s->n; i++) {
        const gb_real *const x = s->x + i * s->c, *const t = s->t + i * s->c;
        gb_real *const z = s->z + i * s->c, *const p = s->p + i * s->c, max = -INFINITY, sum = 0;
        for (size_t j = 0; j < s->c; j++) max = fmaxl(max, x[j]);
        for (size_t j = 0; j < s->c; j++) z[j] = x[j] - max, p[j] = expl(z[j]), sum += p[j];
        s->log_sum[i] = logl(sum);
        s->row_loss[i] = 0;
        for (size_t j = 0; j < s->c; j++) {
            p[j] /= sum;
            if (t[j] != 0 && counts(s, i)) s->row_loss[i] += t[j] * (s->log_sum[i] - z[j]);
        }
        total += s->row_loss[i];
    }
    *s->loss = total / divisor(s);
}

/* dx from p. */
static void backward(const struct softmax *s) {
    const gb_real n = divisor(s);
    for (size_t i = 0; i < s->n; i++) {
        const gb_real *const p = s->p + i * s->c, *const t = s->t + i * s->c;
        gb_real labels = 0;
        for (size_t j = 0; j < s->c; j++) labels += t[j];
        for (size_t j = 0; j < s->c; j++) s->dx[i * s->c + j] = counts(s, i) ? (p[j] * labels - t[j]) / n * dloss_of(s, i) : 0;
    }
}

static void forward_complex(const struct softmax *s, const double complex *x, double complex *row_loss, double complex *loss) {
    const double n = (double)divisor(s);
    *loss = 0;
    for (size_t i = 0; i < s->n; i++) {
        const double complex *const row = x + i * s->c;
        double max = -INFINITY;
        double complex sum = 0;
        row_loss[i] = 0;
        for (size_t j = 0; j < s->c; j++) max = fmax(max, creal(row[j]));
        for (size_t j = 0; j < s->c; j++) sum += cexp(row[j] - max);
        for (size_t j = 0; j < s->c && counts(s, i); j++)
            row_loss[i] += (double)s->t[i * s->c + j] * (clog(sum) - (row[j] - max));
        *loss += row_loss[i] / n;
    }
}

#include "truth.h"

enum { SUM_LANES = 64 };

/* Labels as floats, and which rows count. */
static void load_labels(struct gb_task *t, struct softmax *s) {
    const bool wide = t->spec->wide_labels;
    const struct gb_operand *const labels = gb_find(t, wide ? "labels64" : "labels");
    if (!labels) {
        s->t = gb_input(t, "t");
        return;
    }
    gb_real *const one_hot = gb_reals(t, t->spec->n * t->spec->c);
    unsigned char *const counted = gb_array(t, t->spec->n, 1);
    for (size_t i = 0; !t->failed && i < t->spec->n; i++) {
        const int64_t label = wide ? ((const int64_t *)labels->start)[i] : ((const int32_t *)labels->start)[i];
        counted[i] = !(t->spec->ignore && label == -1);
        if (counted[i]) one_hot[i * t->spec->c + (size_t)label] = 1;
    }
    s->t = one_hot;
    s->counted = counted;
}

static struct softmax load(struct gb_task *t) {
    const gk_reduction reduction = t->spec->reduction;
    struct softmax s = {.n = t->spec->n, .c = t->spec->c, .divide = reduction == GK_MEAN, .per_row = reduction == GK_NONE};
    load_labels(t, &s);
    s.x = gb_input(t, "x");
    s.dloss = gb_input(t, "dloss");
    s.p = s.x ? gb_reals(t, t->spec->n * t->spec->c) : gb_input(t, "p");
    s.dx = gb_reals(t, t->spec->n * t->spec->c);
    s.z = gb_reals(t, t->spec->n * t->spec->c);
    s.log_sum = gb_reals(t, t->spec->n);
    s.row_loss = gb_reals(t, t->spec->n);
    s.loss = gb_reals(t, 1);
    return s;
}

/* What the bounds of one row need. */
struct row {
    const gb_real *t;
    gb_real labels, size; /* sum of t and of |t| */
    gb_real depth;        /* gamma of the rounding depth of a row sum */
    gb_real exp_error, log_c;
    bool soft;
};

static struct row row_of(const struct gb_task *t, const struct softmax *s, size_t i) {
    const gb_real depth = (gb_real)((t->spec->c + SUM_LANES - 1) / SUM_LANES + 6);
    struct row r = {.t = s->t + i * t->spec->c,
                    .depth = gb_gamma(depth, t->u),
                    .exp_error = 2 * t->u,
                    .log_c = logl((gb_real)t->spec->c),
                    .soft = t->spec->soft_labels};
    for (size_t j = 0; j < t->spec->c; j++) r.labels += r.t[j], r.size += fabsl(r.t[j]);
    return r;
}

/* How far a probability may be off. */
struct p_error {
    gb_real rounding;  /* exp's (its own and the sum's), that of z, of the sum, of its inverse and the product */
    gb_real underflow; /* exponentials that were dropped, products that are subnormal */
};

static struct p_error p_error_of(const struct gb_task *t, const struct row *r, gb_real p, gb_real z) {
    const gb_real relative = 2 * r->exp_error + t->u * (fabsl(z) + r->log_c + 3) + r->depth;
    return (struct p_error){p * relative, t->smallest_normal + t->least};
}

/* Of a gradient (p labels - t) / n * dloss. Class indices: labels is 1, no rounding by it. */
static gb_real dx_bound(const struct gb_task *t, const struct row *r, gb_real p, struct p_error off, gb_real label, gb_real n,
                        gb_real dloss) {
    const gb_real difference = fabsl(p * r->labels - label), labels = fabsl(r->labels);
    gb_real error = labels * off.rounding + fmaxl(1, labels) * off.underflow + t->u * difference;
    if (r->soft) error += t->u * fabsl(p * r->labels) + r->depth * fabsl(p) * r->size;
    const gb_real before = error / n + 2 * t->u * difference / n + t->least;
    return before * fabsl(dloss) + 2 * t->u * fabsl(difference / n * dloss) + t->least;
}

/* p_exact: the probabilities are an operand, not a result. */
static void judge_dx(struct gb_task *t, const struct softmax *s, bool p_exact) {
    gb_real *const bound = gb_reals(t, t->spec->n * t->spec->c);
    const gb_real n = divisor(s);
    if (t->failed) return;
    for (size_t i = 0; i < t->spec->n; i++) {
        const struct row r = row_of(t, s, i);
        for (size_t j = 0; j < t->spec->c; j++) {
            const size_t at = i * t->spec->c + j;
            const struct p_error off = p_exact ? (struct p_error){0, 0} : p_error_of(t, &r, s->p[at], s->z[at]);
            bound[at] = counts(s, i) ? dx_bound(t, &r, s->p[at], off, r.t[j], n, dloss_of(s, i)) : 0;
        }
    }
    gb_judge(t, "dx", s->dx, bound);
}

static void judge_p(struct gb_task *t, const struct softmax *s) {
    gb_real *const bound = gb_reals(t, t->spec->n * t->spec->c);
    if (t->failed) return;
    for (size_t i = 0; i < t->spec->n; i++) {
        const struct row r = row_of(t, s, i);
        for (size_t j = 0; j < t->spec->c; j++) {
            const struct p_error off = p_error_of(t, &r, s->p[i * t->spec->c + j], s->z[i * t->spec->c + j]);
            bound[i * t->spec->c + j] = off.rounding + off.underflow;
        }
    }
    gb_judge(t, "p", s->p, bound);
}

static gb_real row_loss_bound(const struct gb_task *t, const struct softmax *s, size_t i) {
    const struct row r = row_of(t, s, i);
    const gb_real log_error = r.exp_error + r.depth + t->u * (r.log_c + 2 * fabsl(s->log_sum[i]) + 2);
    gb_real bound = 0;
    for (size_t j = 0; j < t->spec->c; j++) {
        if (r.t[j] == 0) continue;
        const gb_real z = fabsl(s->z[i * t->spec->c + j]), loss = fabsl(s->log_sum[i] - s->z[i * t->spec->c + j]);
        if (!r.soft) return log_error + t->u * (z + loss);
        bound += fabsl(r.t[j]) * (log_error + t->u * (z + 2 * loss) + r.depth * loss) + t->least;
    }
    return bound;
}

static void judge_losses(struct gb_task *t, const struct softmax *s) {
    gb_real *const bound = gb_reals(t, t->spec->n);
    gb_real total = 0, size = 0;
    if (t->failed) return;
    for (size_t i = 0; i < t->spec->n; i++) {
        bound[i] = counts(s, i) ? row_loss_bound(t, s, i) : 0;
        total += bound[i];
        size += fabsl(s->row_loss[i]);
    }
    gb_judge(t, "row_loss", s->row_loss, bound);
    const gb_real n = divisor(s), in_double = gb_gamma((gb_real)t->spec->n + 1, 0x1p-53L);
    const gb_real of_loss = total / n + in_double * (size + total) / n + t->u * fabsl(*s->loss) + t->least;
    gb_judge(t, "loss", s->loss, &of_loss);
}

/* Forward, and forward with the gradient. */
static void softmax_xent(struct gb_task *t) {
    const struct softmax s = load(t);
    if (t->failed) return;
    forward(&s);
    backward(&s);
    judge_p(t, &s);
    judge_dx(t, &s, false);
    judge_losses(t, &s);
}

static void softmax_xent_step(struct gb_task *t) {
    const struct softmax s = load(t);
    const double complex *const x = gb_complex_input(t, "x");
    double complex *const row_loss = gb_array(t, t->spec->n, sizeof *row_loss), loss;
    if (t->failed) return;
    forward_complex(&s, x, row_loss, &loss);
    gb_complex_output(t, "row_loss", row_loss, t->spec->n);
    gb_complex_output(t, "loss", &loss, 1);
}

static void softmax_xent_backward(struct gb_task *t) {
    const struct softmax s = load(t);
    if (t->failed) return;
    backward(&s);
    judge_dx(t, &s, true);
}

const struct gb_truth gb_truth_softmax_xent[] = {
    {"softmax_xent_forward", softmax_xent, softmax_xent_step},
    {"softmax_xent_backward", softmax_xent_backward, NULL},
    {"softmax_xent", softmax_xent, NULL},
    {NULL, NULL, NULL},
};
