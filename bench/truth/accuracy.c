#include "accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

enum { BLOCK = 256, SUM_LANES = 64, ARRAYS_MAX = 32 };

/* One comparison under way: the problem, its arrays in long double (weights always d x m), and the constants of its type. */
struct task {
    const struct gb_problem *problem;
    struct gb_accuracy *result;
    gb_real u, least, smallest_normal; /* unit roundoff, smallest subnormal and smallest normal number */
    gb_real oracle_u;                  /* the oracle's own roundoff where it counts, else 0 */
    size_t n, d, m, c;
    void *arrays[ARRAYS_MAX]; /* freed at the end */
    size_t n_arrays;
    bool failed; /* no memory */
};

static void *array(struct task *t, size_t count, size_t size) {
    void *const made = t->n_arrays < ARRAYS_MAX ? calloc(count + 1, size) : NULL;
    if (made) t->arrays[t->n_arrays++] = made;
    else t->failed = true;
    return made;
}

static gb_real *reals(struct task *t, size_t count) { return array(t, count, sizeof(gb_real)); }

static const struct gb_operand *find(const struct task *t, const char *name) {
    for (size_t i = 0; i < t->problem->n_operands; i++)
        if (strcmp(t->problem->operands[i].field->name, name) == 0) return &t->problem->operands[i];
    return NULL;
}

static bool transposed(const struct task *t, const struct gb_operand *o) {
    return o->field->flags & GK_FLAG_WEIGHT && t->problem->spec.layout == GK_OUT_IN;
}

static gb_real real_at(const struct gb_operand *o, const void *element) {
    float single;
    double real;
    if (o->element_size == sizeof single) return memcpy(&single, element, sizeof single), single;
    return memcpy(&real, element, sizeof real), real;
}

/* The operand's contents, before the call or after it; NULL if it is absent. */
static gb_real *load(struct task *t, const char *name, bool before) {
    const struct gb_operand *const o = find(t, name);
    if (!o) return NULL;
    gb_real *const out = reals(t, o->rows * o->row_elements);
    const bool tight = before && o->initial;
    const char *const start = tight ? o->initial : o->start;
    const size_t ld = tight ? o->row_elements : o->ld;
    for (size_t i = 0; out && i < o->rows; i++)
        for (size_t j = 0; j < o->row_elements; j++)
            out[transposed(t, o) ? j * o->rows + i : i * o->row_elements + j] =
                real_at(o, start + (i * ld + j) * o->element_size);
    return out;
}

static gb_real *input(struct task *t, const char *name) { return load(t, name, true); }

/* Bits as bytes; NULL if the mask is absent. */
static unsigned char *mask(struct task *t, const char *name, size_t cols) {
    const struct gb_operand *const o = find(t, name);
    if (!o) return NULL;
    unsigned char *const out = array(t, o->rows * cols, 1);
    for (size_t i = 0; out && i < o->rows; i++)
        for (size_t j = 0; j < cols; j++) out[i * cols + j] = gb_operand_bits(o, i, j / 64) >> j % 64 & 1;
    return out;
}

static bool accumulates(const struct task *t, const char *name) {
    return t->problem->spec.accumulate && gk_kernel_field(t->problem->kernel, GK_FIELD_ACCUMULATE, name);
}

static gb_real *start_value(struct task *t, const char *name) { return accumulates(t, name) ? input(t, name) : NULL; }

/* got against want, element by element; bound NULL: 0. Written so that NaN fails. */
static void judge(struct task *t, const char *name, const gb_real *want, const gb_real *bound) {
    const struct gb_operand *const o = find(t, name);
    const gb_real *const got = load(t, name, false);
    if (!got) return;
    for (size_t i = 0; i < o->rows * o->row_elements; i++) {
        const gb_real err = fabsl(got[i] - want[i]), limit = bound ? bound[i] : 0;
        const double ratio = (double)(err == 0 ? 0 : err / limit);
        t->result->elements++;
        if (ratio > t->result->worst || ratio != ratio) {
            if (!(t->result->worst > 1) && !(err <= limit)) {
                const size_t cols = transposed(t, o) ? o->rows : o->row_elements;
                t->result->first = (struct gb_difference){name, i / cols, i % cols, (double)got[i], (double)want[i]};
                t->result->first_bound = (double)limit;
            }
            t->result->worst = ratio == ratio ? ratio : INFINITY;
        }
    }
}

static gb_real gamma_of(gb_real n, gb_real u) { return n * u / (1 - n * u); }

/* Turns the sizes of sums over k terms into their bounds, in place. Integers must come out exactly. */
static const gb_real *sum_bound(const struct task *t, gb_real *size, size_t count, size_t k) {
    const gb_real depth = (gb_real)((k < BLOCK ? k : BLOCK) + (k + BLOCK - 1) / BLOCK + 1), terms = (gb_real)k + 1;
    if (t->problem->spec.data == GB_DATA_INTEGER) return NULL;
    for (size_t i = 0; i < count; i++) size[i] = (gamma_of(depth, t->u) + terms * t->oracle_u) * size[i] + terms * t->least;
    return size;
}

static void check_forward(struct task *t) {
    const gb_real *const x = input(t, "x"), *const w = input(t, "w"), *const b = input(t, "b");
    gb_real *const y = reals(t, t->n * t->m), *const size = reals(t, t->n * t->m);
    if (t->failed) return;
    gb_oracle_affine_forward(t->n, t->d, t->m, x, w, b, y, size);
    judge(t, "y", y, sum_bound(t, size, t->n * t->m, t->d));
}

static void check_dx(struct task *t, const gb_real *dy) {
    const gb_real *const w = input(t, "w"), *const start = start_value(t, "dx");
    gb_real *const dx = reals(t, t->n * t->d), *const size = reals(t, t->n * t->d);
    if (t->failed) return;
    gb_oracle_affine_dx(t->n, t->d, t->m, dy, w, start, dx, size);
    judge(t, "dx", dx, sum_bound(t, size, t->n * t->d, t->m));
}

static void check_dw(struct task *t, const gb_real *dy) {
    const gb_real *const x = input(t, "x"), *const start = start_value(t, "dw");
    gb_real *const dw = reals(t, t->d * t->m), *const size = reals(t, t->d * t->m);
    if (t->failed) return;
    gb_oracle_affine_dw(t->n, t->d, t->m, x, dy, start, dw, size);
    judge(t, "dw", dw, sum_bound(t, size, t->d * t->m, t->n));
}

static void check_db(struct task *t, const gb_real *dy) {
    const gb_real *const start = start_value(t, "db");
    gb_real *const db = reals(t, t->m), *const size = reals(t, t->m);
    if (t->failed) return;
    gb_oracle_affine_db(t->n, t->m, dy, start, db, size);
    judge(t, "db", db, sum_bound(t, size, t->m, t->n));
}

/* Any affine gradient: those outputs that are there. */
static void check_gradients(struct task *t) {
    const unsigned char *const keep = mask(t, "mask", t->m);
    gb_real *const dy = input(t, "dy");
    if (t->failed) return;
    if (keep) gb_oracle_relu_backward(t->n * t->m, dy, keep, dy);
    if (find(t, "dx")) check_dx(t, dy);
    if (find(t, "dw")) check_dw(t, dy);
    if (find(t, "db")) check_db(t, dy);
}

static void check_relu_forward(struct task *t) {
    const size_t count = t->n * t->d;
    const gb_real *const x = input(t, "x");
    const unsigned char *const got = mask(t, "mask", t->d);
    gb_real *const y = reals(t, count);
    unsigned char *const keep = array(t, count, 1);
    if (t->failed) return;
    gb_oracle_relu_forward(count, x, y, keep);
    judge(t, "y", y, NULL);
    for (size_t i = 0; got && i < count; i++) {
        t->result->elements++;
        if (got[i] == keep[i]) continue;
        t->result->first = (struct gb_difference){"mask", i / t->d, i % t->d, got[i], keep[i]};
        t->result->worst = INFINITY;
    }
}

static void check_relu_backward(struct task *t) {
    const gb_real *const dy = input(t, "dy");
    const unsigned char *const keep = mask(t, "mask", t->d);
    gb_real *const dx = reals(t, t->n * t->d);
    if (t->failed) return;
    gb_oracle_relu_backward(t->n * t->d, dy, keep, dx);
    judge(t, "dx", dx, NULL);
}

/* Labels as floats, and which rows count. */
static void load_labels(struct task *t, struct gb_oracle_softmax *s) {
    const bool wide = t->problem->spec.wide_labels;
    const struct gb_operand *const labels = find(t, wide ? "labels64" : "labels");
    if (!labels) {
        s->t = input(t, "t");
        return;
    }
    gb_real *const one_hot = reals(t, t->n * t->c);
    unsigned char *const counted = array(t, t->n, 1);
    for (size_t i = 0; !t->failed && i < t->n; i++) {
        const int64_t label = wide ? ((const int64_t *)labels->start)[i] : ((const int32_t *)labels->start)[i];
        counted[i] = !(t->problem->spec.ignore && label == -1);
        if (counted[i]) one_hot[i * t->c + (size_t)label] = 1;
    }
    s->t = one_hot;
    s->counted = counted;
}

static struct gb_oracle_softmax softmax_task(struct task *t, gb_real **p, gb_real **dx) {
    const gk_reduction reduction = t->problem->spec.reduction;
    struct gb_oracle_softmax s = {.n = t->n, .c = t->c, .divide = reduction == GK_MEAN, .per_row = reduction == GK_NONE};
    s.dloss = input(t, "dloss");
    load_labels(t, &s);
    s.x = input(t, "x");
    *p = s.x ? reals(t, t->n * t->c) : input(t, "p");
    *dx = reals(t, t->n * t->c);
    s.p = *p;
    s.dx = *dx;
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

static struct row row_of(const struct task *t, const struct gb_oracle_softmax *s, size_t i) {
    const gb_real depth = (gb_real)((t->c + SUM_LANES - 1) / SUM_LANES + 6);
    struct row r = {.t = s->t + i * t->c,
                    .depth = gamma_of(depth, t->u),
                    .exp_error = 2 * t->u,
                    .log_c = logl((gb_real)t->c),
                    .soft = t->problem->spec.soft_labels};
    for (size_t j = 0; j < t->c; j++) r.labels += r.t[j], r.size += fabsl(r.t[j]);
    return r;
}

/* How far a probability may be off. */
struct p_error {
    gb_real rounding;  /* exp's (its own and the sum's), that of z, of the sum, of its inverse and the product */
    gb_real underflow; /* exponentials that were dropped, products that are subnormal */
};

static struct p_error p_error_of(const struct task *t, const struct row *r, gb_real p, gb_real z) {
    const gb_real relative = 2 * r->exp_error + t->u * (fabsl(z) + r->log_c + 3) + r->depth;
    return (struct p_error){p * relative, t->smallest_normal + t->least};
}

/* Of a gradient (p labels - t) / n * dloss. Class indices: labels is 1, no rounding by it. */
static gb_real dx_bound(const struct task *t, const struct row *r, gb_real p, struct p_error off, gb_real label, gb_real n,
                        gb_real dloss) {
    const gb_real difference = fabsl(p * r->labels - label), labels = fabsl(r->labels);
    gb_real error = labels * off.rounding + fmaxl(1, labels) * off.underflow + t->u * difference;
    if (r->soft) error += t->u * fabsl(p * r->labels) + r->depth * fabsl(p) * r->size;
    const gb_real before = error / n + 2 * t->u * difference / n + t->least;
    return before * fabsl(dloss) + 2 * t->u * fabsl(difference / n * dloss) + t->least;
}

static gb_real divisor(const struct gb_oracle_softmax *s) {
    gb_real n = 0;
    for (size_t i = 0; i < s->n; i++) n += !s->counted || s->counted[i];
    return s->divide && n > 0 ? n : 1;
}

/* p_exact: the probabilities are an operand, not a result. */
static void judge_dx(struct task *t, const struct gb_oracle_softmax *s, bool p_exact) {
    gb_real *const bound = reals(t, t->n * t->c);
    const gb_real n = divisor(s);
    if (t->failed) return;
    for (size_t i = 0; i < t->n; i++) {
        const struct row r = row_of(t, s, i);
        const gb_real dloss = s->dloss ? s->dloss[s->per_row ? i : 0] : 1;
        const bool counted = !s->counted || s->counted[i];
        for (size_t j = 0; j < t->c; j++) {
            const size_t at = i * t->c + j;
            const struct p_error off = p_exact ? (struct p_error){0, 0} : p_error_of(t, &r, s->p[at], s->z[at]);
            bound[at] = counted ? dx_bound(t, &r, s->p[at], off, r.t[j], n, dloss) : 0;
        }
    }
    judge(t, "dx", s->dx, bound);
}

static void judge_p(struct task *t, const struct gb_oracle_softmax *s) {
    gb_real *const bound = reals(t, t->n * t->c);
    if (t->failed) return;
    for (size_t i = 0; i < t->n; i++) {
        const struct row r = row_of(t, s, i);
        for (size_t j = 0; j < t->c; j++) {
            const struct p_error off = p_error_of(t, &r, s->p[i * t->c + j], s->z[i * t->c + j]);
            bound[i * t->c + j] = off.rounding + off.underflow;
        }
    }
    judge(t, "p", s->p, bound);
}

static gb_real row_loss_bound(const struct task *t, const struct gb_oracle_softmax *s, size_t i) {
    const struct row r = row_of(t, s, i);
    const gb_real log_error = r.exp_error + r.depth + t->u * (r.log_c + 2 * fabsl(s->log_sum[i]) + 2);
    gb_real bound = 0;
    for (size_t j = 0; j < t->c; j++) {
        if (r.t[j] == 0) continue;
        const gb_real z = fabsl(s->z[i * t->c + j]), loss = fabsl(s->log_sum[i] - s->z[i * t->c + j]);
        if (!r.soft) return log_error + t->u * (z + loss);
        bound += fabsl(r.t[j]) * (log_error + t->u * (z + 2 * loss) + r.depth * loss) + t->least;
    }
    return bound;
}

static void judge_losses(struct task *t, const struct gb_oracle_softmax *s) {
    gb_real *const bound = reals(t, t->n);
    gb_real total = 0, size = 0;
    if (t->failed) return;
    for (size_t i = 0; i < t->n; i++) {
        const bool counted = !s->counted || s->counted[i];
        bound[i] = counted ? row_loss_bound(t, s, i) : 0;
        total += bound[i];
        size += fabsl(s->row_loss[i]);
    }
    judge(t, "row_loss", s->row_loss, bound);
    if (t->problem->spec.reduction == GK_NONE) return;
    const gb_real n = divisor(s), in_double = gamma_of((gb_real)t->n + 1, 0x1p-53L);
    const gb_real of_loss = total / n + in_double * (size + total) / n + t->u * fabsl(*s->loss) + t->least;
    judge(t, "loss", s->loss, &of_loss);
}

/* Forward, and forward with the gradient. */
static void check_softmax(struct task *t) {
    gb_real *p, *dx;
    struct gb_oracle_softmax s = softmax_task(t, &p, &dx);
    s.z = reals(t, t->n * t->c);
    s.log_sum = reals(t, t->n);
    s.row_loss = reals(t, t->n);
    s.loss = reals(t, 1);
    if (t->failed) return;
    gb_oracle_softmax_xent(&s);
    if (find(t, "p")) judge_p(t, &s);
    if (find(t, "dx")) judge_dx(t, &s, false);
    judge_losses(t, &s);
}

static void check_softmax_backward(struct task *t) {
    gb_real *p, *dx;
    const struct gb_oracle_softmax s = softmax_task(t, &p, &dx);
    if (t->failed) return;
    gb_oracle_softmax_xent_backward(&s);
    judge_dx(t, &s, true);
}

static const struct {
    const char *kernel;
    void (*check)(struct task *t);
} oracles[] = {
    {"affine_forward", check_forward},
    {"affine_dx", check_gradients},
    {"affine_dw", check_gradients},
    {"affine_db", check_gradients},
    {"affine_backward", check_gradients},
    {"relu_forward", check_relu_forward},
    {"relu_backward", check_relu_backward},
    {"softmax_xent_forward", check_softmax},
    {"softmax_xent_backward", check_softmax_backward},
    {"softmax_xent", check_softmax},
};

bool gb_accuracy_applies(enum gb_data data) { return data != GB_DATA_SPECIAL; }

static int oracle_of(const struct gk_kernel *kernel) {
    for (int i = 0; i < (int)(sizeof oracles / sizeof *oracles); i++)
        if (strcmp(oracles[i].kernel, kernel->name) == 0) return i;
    return -1;
}

bool gb_accuracy_has_oracle(const struct gk_kernel *kernel) { return oracle_of(kernel) >= 0; }

bool gb_accuracy_check(const struct gb_problem *problem, struct gb_accuracy *result) {
    const struct gb_problem_spec *const spec = &problem->spec;
    const bool wide = spec->dtype == GK_F64;
    const int index = oracle_of(problem->kernel);
    *result = (struct gb_accuracy){.known = index >= 0};
    if (index < 0) return true;
    struct task t = {.problem = problem,
                     .result = result,
                     .u = wide ? 0x1p-53L : 0x1p-24L,
                     .least = wide ? 0x1p-1074L : 0x1p-149L,
                     .smallest_normal = wide ? 0x1p-1022L : 0x1p-126L,
                     .oracle_u = wide ? 0x1p-64L : 0,
                     .n = spec->n,
                     .d = spec->d,
                     .m = spec->m,
                     .c = spec->c};
    oracles[index].check(&t);
    for (size_t i = 0; i < t.n_arrays; i++) free(t.arrays[i]);
    if (t.failed) result->elements = 0;
    return !t.failed && result->worst <= 1;
}
