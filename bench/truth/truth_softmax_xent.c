/* Softmax with cross-entropy. The formulas come before anything of the kernels is included. */
#include <complex.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "real.h"

/* t: n x c labels as floats (one-hot for class indices); counted: n bytes, 0 for rows that are ignored, NULL for none. w: c
 * weights of the classes, NULL for 1. eps: what labels are smoothed by; zeta: of the loss on lse. dloss: one value, or with
 * per_row one a row; NULL for 1. */
struct softmax {
    size_t n, c;
    const gb_real *x, *t, *w;
    const unsigned char *counted;
    bool indexed;
    gb_real eps, zeta;
    bool divide, per_row; /* divide: the mean */
    const gb_real *dloss;
    gb_real *tau; /* n x c: what the rows are trained towards */
    /* results */
    gb_real *p, *dx;          /* n x c */
    gb_real *z;               /* n x c: x - max */
    gb_real *log_sum;         /* n: log(sum exp(z)) */
    gb_real *lse;             /* n: log(sum exp(x)); of the backward pass from p an input */
    gb_real *row_loss, *loss; /* n; the sum of them, or their mean */
};

static bool counts(const struct softmax *s, size_t row) { return !s->counted || s->counted[row]; }

static gb_real dloss_of(const struct softmax *s, size_t row) { return s->dloss ? s->dloss[s->per_row ? row : 0] : 1; }

/* Smoothed labels, times the weights. */
static void make_targets(const struct softmax *s) {
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->c; j++) {
            const gb_real smooth = s->t[i * s->c + j] * (1 - s->eps) + s->eps / (gb_real)s->c;
            s->tau[i * s->c + j] = s->w && smooth != 0 ? smooth * s->w[j] : smooth;
        }
}

/* The sum of a row's labels times the weights: of class indices the weight of the one. */
static gb_real weight_of(const struct softmax *s, size_t row) {
    gb_real weight = 0;
    for (size_t j = 0; j < s->c; j++)
        if (s->t[row * s->c + j] != 0) weight += s->t[row * s->c + j] * (s->w ? s->w[j] : 1);
    return weight;
}

/* What sums over rows are divided by. 0: no row counts. */
static gb_real divisor(const struct softmax *s) {
    gb_real n = 0;
    for (size_t i = 0; i < s->n && s->divide; i++)
        if (counts(s, i)) n += s->indexed ? weight_of(s, i) : 1;
    return s->divide ? n : 1;
}

static gb_real over(gb_real sum, gb_real n) { return n == 0 ? 0 : sum / n; }

static void forward(const struct softmax *s) {
    gb_real total = 0;
    for (size_t i = 0; i < s->n; i++) {
        const gb_real *const x = s->x + i * s->c, *const tau = s->tau + i * s->c;
        gb_real *const z = s->z + i * s->c, *const p = s->p + i * s->c, max = -INFINITY, sum = 0;
        for (size_t j = 0; j < s->c; j++) max = fmaxl(max, x[j]);
        for (size_t j = 0; j < s->c; j++) z[j] = x[j] - max, p[j] = expl(z[j]), sum += p[j];
        s->log_sum[i] = logl(sum);
        s->lse[i] = max + s->log_sum[i];
        s->row_loss[i] = 0;
        for (size_t j = 0; j < s->c; j++) {
            p[j] /= sum;
            if (tau[j] != 0 && counts(s, i)) s->row_loss[i] += tau[j] * (s->log_sum[i] - z[j]);
        }
        if (s->zeta != 0 && counts(s, i)) s->row_loss[i] += s->zeta * s->lse[i] * s->lse[i];
        total += s->row_loss[i];
    }
    *s->loss = over(total, divisor(s));
}

/* The derivative of a row's loss by all its logits together, were they moved by one. */
static gb_real pull_of(const struct softmax *s, size_t row) {
    gb_real sum = s->zeta != 0 ? 2 * s->zeta * s->lse[row] : 0;
    for (size_t j = 0; j < s->c; j++) sum += s->tau[row * s->c + j];
    return sum;
}

/* dx from p. */
static void backward(const struct softmax *s) {
    const gb_real n = divisor(s);
    for (size_t i = 0; i < s->n; i++) {
        const gb_real *const p = s->p + i * s->c, *const tau = s->tau + i * s->c, pull = pull_of(s, i);
        for (size_t j = 0; j < s->c; j++)
            s->dx[i * s->c + j] = counts(s, i) ? over(p[j] * pull - tau[j], n) * dloss_of(s, i) : 0;
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
            row_loss[i] += (double)s->tau[i * s->c + j] * (clog(sum) - (row[j] - max));
        if (counts(s, i)) row_loss[i] += (double)s->zeta * (max + clog(sum)) * (max + clog(sum));
        *loss += n == 0 ? 0 : row_loss[i] / n;
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
    s->indexed = true;
}

static gb_real option(const struct gb_task *t, const char *name) {
    return (gb_real)gb_option_value(gb_option_find(name), t->spec);
}

static struct softmax load(struct gb_task *t) {
    const gk_reduction reduction = t->spec->reduction;
    struct softmax s = {.n = t->spec->n, .c = t->spec->c, .divide = reduction == GK_MEAN, .per_row = reduction == GK_NONE};
    load_labels(t, &s);
    s.eps = option(t, "label_smoothing");
    s.zeta = option(t, "z_loss");
    s.w = gb_input(t, "class_weights");
    s.x = gb_input(t, "x");
    s.dloss = gb_input(t, "dloss");
    s.p = s.x ? gb_reals(t, t->spec->n * t->spec->c) : gb_input(t, "p");
    s.lse = s.x ? gb_reals(t, t->spec->n) : gb_input(t, "lse");
    s.dx = gb_reals(t, t->spec->n * t->spec->c);
    s.z = gb_reals(t, t->spec->n * t->spec->c);
    s.tau = gb_reals(t, t->spec->n * t->spec->c);
    s.log_sum = gb_reals(t, t->spec->n);
    s.row_loss = gb_reals(t, t->spec->n);
    s.loss = gb_reals(t, 1);
    if (!t->failed) make_targets(&s);
    return s;
}

/* What the bounds of one row need. */
struct row {
    const gb_real *tau;
    gb_real depth; /* gamma of the rounding depth of a row sum */
    gb_real exp_error, log_c;
    bool dense;                                  /* tau has more than one element that is not 0 */
    gb_real pull, size;                          /* the sum of tau and 2 zeta lse; the sum of |tau| */
    gb_real log_off, lse_off, tau_off, pull_off; /* how far log_sum, lse, the sum of tau and pull may be off */
};

/* Of tau: labels that are smoothed have three roundings (1 - eps, eps / c and their sum), those with weights one. */
static gb_real tau_error(const struct gb_task *t, const struct softmax *s, size_t at) {
    const gb_real w = s->w ? fabsl(s->w[at % s->c]) : 1, tau = fabsl(s->tau[at]);
    gb_real error = s->w ? t->u * tau + 2 * t->least : 0;
    if (s->eps != 0) error += t->u * (w * (fabsl(s->t[at]) * (1 - s->eps) + s->eps / (gb_real)s->c) + tau) + (1 + w) * t->least;
    return error;
}

static struct row row_of(const struct gb_task *t, const struct softmax *s, size_t i) {
    const gb_real depth = (gb_real)((t->spec->c + SUM_LANES - 1) / SUM_LANES + 6), log_sum = fabsl(s->log_sum[i]);
    struct row r = {.tau = s->tau + i * s->c,
                    .depth = gb_gamma(depth, t->u),
                    .exp_error = 2 * t->u,
                    .log_c = logl((gb_real)t->spec->c),
                    .dense = !s->indexed || s->eps != 0,
                    .pull = pull_of(s, i)};
    for (size_t j = 0; j < s->c; j++) r.size += fabsl(r.tau[j]), r.tau_off += tau_error(t, s, i * s->c + j);
    if (r.dense) r.tau_off += r.depth * r.size;
    r.log_off = r.exp_error + r.depth + t->u * (r.log_c + 2 * log_sum + 2);
    r.lse_off = s->lse && s->x ? r.log_off + t->u * fabsl(s->lse[i]) : 0;
    r.pull_off = r.tau_off;
    if (s->zeta == 0) return r;
    const gb_real z = 2 * fabsl(s->zeta);
    r.pull_off += z * r.lse_off + 2 * t->u * z * (fabsl(s->lse[i]) + r.lse_off) + t->least + t->u * fabsl(r.pull);
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

/* What the sum of the counted rows' weights is off by, relative to it. */
static gb_real divisor_error(const struct softmax *s, gb_real n) {
    gb_real size = 0;
    if (!s->w || !s->divide || n == 0) return 0;
    for (size_t i = 0; i < s->n && s->indexed; i++)
        if (counts(s, i)) size += fabsl(weight_of(s, i));
    return gb_gamma((gb_real)s->n, 0x1p-53L) * size / fabsl(n);
}

/* What a result is divided by; off: relative. */
struct divided {
    gb_real by, off;
};

/* Of a gradient (p pull - tau) / n * dloss. Where pull is 1 it does not round. */
static gb_real dx_bound(const struct gb_task *t, const struct row *r, gb_real p, struct p_error off, size_t j, gb_real tau_off,
                        struct divided n, gb_real dloss) {
    const gb_real difference = fabsl(p * r->pull - r->tau[j]), pull = fabsl(r->pull), d = fabsl(n.by);
    gb_real error = pull * off.rounding + fmaxl(1, pull) * off.underflow + t->u * difference + tau_off;
    if (r->dense || r->pull != 1) error += t->u * p * pull;
    error += fabsl(p) * r->pull_off;
    const gb_real before = error / d + (2 * t->u + n.off) * difference / d + t->least;
    return before * fabsl(dloss) + 2 * t->u * fabsl(difference / d * dloss) + t->least;
}

/* p_exact: the probabilities are an operand, not a result. */
static void judge_dx(struct gb_task *t, const struct softmax *s, bool p_exact) {
    gb_real *const bound = gb_reals(t, t->spec->n * t->spec->c);
    struct divided n = {.by = divisor(s)};
    if (t->failed || n.by == 0) {
        gb_judge(t, "dx", s->dx, bound);
        return;
    }
    n.off = divisor_error(s, n.by);
    for (size_t i = 0; i < t->spec->n; i++) {
        const struct row r = row_of(t, s, i);
        for (size_t j = 0; j < t->spec->c; j++) {
            const size_t at = i * t->spec->c + j;
            const struct p_error off = p_exact ? (struct p_error){0, 0} : p_error_of(t, &r, s->p[at], s->z[at]);
            bound[at] = counts(s, i) ? dx_bound(t, &r, s->p[at], off, j, tau_error(t, s, at), n, dloss_of(s, i)) : 0;
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

static gb_real z_loss_bound(const struct gb_task *t, const struct softmax *s, size_t i, const struct row *r) {
    const gb_real zeta = fabsl(s->zeta), lse = fabsl(s->lse[i]), most = lse + r->lse_off;
    if (zeta == 0) return 0;
    return zeta * r->lse_off * (lse + most) + 3 * t->u * zeta * most * most + (1 + most) * t->least +
           t->u * fabsl(s->row_loss[i]);
}

static gb_real row_loss_bound(const struct gb_task *t, const struct softmax *s, size_t i) {
    const struct row r = row_of(t, s, i);
    gb_real bound = z_loss_bound(t, s, i, &r);
    for (size_t j = 0; j < t->spec->c; j++) {
        const size_t at = i * t->spec->c + j;
        if (r.tau[j] == 0) continue;
        const gb_real z = fabsl(s->z[at]), loss = fabsl(s->log_sum[i] - s->z[at]), size = fabsl(r.tau[j]);
        if (!r.dense && !s->w) return bound + r.log_off + t->u * (z + loss);
        bound += size * (r.log_off + t->u * (z + 2 * loss)) + tau_error(t, s, at) * loss + t->least;
        if (r.dense) bound += size * r.depth * loss;
    }
    return bound;
}

static void judge_losses(struct gb_task *t, const struct softmax *s) {
    gb_real *const bound = gb_reals(t, t->spec->n), *const lse_bound = gb_reals(t, t->spec->n);
    gb_real total = 0, size = 0, of_loss = t->least;
    if (t->failed) return;
    for (size_t i = 0; i < t->spec->n; i++) {
        bound[i] = counts(s, i) ? row_loss_bound(t, s, i) : 0;
        lse_bound[i] = row_of(t, s, i).lse_off;
        total += bound[i];
        size += fabsl(s->row_loss[i]);
    }
    gb_judge(t, "row_loss", s->row_loss, bound);
    gb_judge(t, "lse", s->lse, lse_bound);
    const gb_real n = divisor(s), d = fabsl(n), in_double = gb_gamma((gb_real)t->spec->n + 1, 0x1p-53L);
    if (n != 0) of_loss += total / d + in_double * (size + total) / d + (t->u + divisor_error(s, n)) * fabsl(*s->loss);
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
