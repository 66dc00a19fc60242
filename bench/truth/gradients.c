#include "gradients.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

enum { RANDOM = 11 };

static const double step = 1e-5;

bool gb_centred_differences(const struct gb_function *f, double *x, size_t count, double h, double *gradient) {
    double *const above = calloc(2 * f->n_outputs + 1, sizeof *above), *const below = above + f->n_outputs;
    if (!above) return false;
    for (size_t i = 0; i < count; i++) {
        const double old = x[i];
        double sum = 0;
        x[i] = old + h;
        f->evaluate(f->state, above);
        x[i] = old - h;
        f->evaluate(f->state, below);
        x[i] = old;
        for (size_t j = 0; j < f->n_outputs; j++) sum += (above[j] - below[j]) * (f->dout ? f->dout[j] : 1);
        gradient[i] = sum / (2 * h);
    }
    free(above);
    return true;
}

double gb_relative_error(const double *a, const double *b, size_t count) {
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double error = fabs(a[i] - b[i]) / fmax(1e-8, fabs(a[i]) + fabs(b[i]));
        if (!(error <= worst)) worst = error;
        if (isnan(error)) return error;
    }
    return worst;
}

double gb_next_normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*state >> 33) * 0x1p-31;
    }
    return sum;
}

static void fill(double *x, size_t count, uint64_t *state) {
    for (size_t i = 0; i < count; i++) x[i] = gb_next_normal(state);
}

struct checker {
    gk_context *ctx;
    uint64_t random;
    struct gb_gradient_check *checks;
    size_t count;
    bool failed;
};

static void add(struct checker *c, const char *name, const char *method, double error, double limit) {
    c->checks[c->count++] = (struct gb_gradient_check){name, method, error, limit};
}

static void add_centred(struct checker *c, const char *name, const struct gb_function *f, double *x, size_t count,
                        const double *gradient, double limit) {
    double *const numerical = calloc(count + 1, sizeof *numerical);
    if (!numerical || !gb_centred_differences(f, x, count, step, numerical)) c->failed = true;
    else add(c, name, "centred differences", gb_relative_error(numerical, gradient, count), limit);
    free(numerical);
}

/* The affine layer of the course notes: x is (10, 2, 3) flattened, w (6, 5). */
enum { N = 10, D = 6, M = 5 };

struct affine {
    gk_context *ctx;
    gk_layout layout;
    double x[N * D], w[D * M], b[M], dout[N * M], dx[N * D], dw[D * M], db[M];
};

static void affine_forward(void *state, double *y) {
    const struct affine *const a = state;
    gk_affine_forward_f64(a->ctx, &(gk_affine_forward_args_f64){
                                      .n = N, .d = D, .m = M, .x = a->x, .w = a->w, .b = a->b, .y = y, .layout = a->layout});
}

static void check_affine(struct checker *c, gk_layout layout) {
    struct affine a = {.ctx = c->ctx, .layout = layout};
    fill(a.x, N * D, &c->random);
    fill(a.w, D * M, &c->random);
    fill(a.b, M, &c->random);
    fill(a.dout, N * M, &c->random);
    const gk_status status = gk_affine_backward_f64(
        c->ctx,
        &(gk_affine_backward_args_f64){
            .n = N, .d = D, .m = M, .x = a.x, .w = a.w, .dy = a.dout, .dx = a.dx, .dw = a.dw, .db = a.db, .layout = layout});
    if (status != GK_OK) c->failed = true;
    const struct gb_function f = {affine_forward, &a, N * M, a.dout};
    const bool swapped = layout == GK_OUT_IN;
    add_centred(c, swapped ? "affine dx, w as [out][in]" : "affine dx", &f, a.x, N * D, a.dx, 1e-9);
    add_centred(c, swapped ? "affine dw, w as [out][in]" : "affine dw", &f, a.w, D * M, a.dw, 1e-9);
    add_centred(c, swapped ? "affine db, w as [out][in]" : "affine db", &f, a.b, M, a.db, 1e-9);
}

struct relu {
    gk_context *ctx;
    double x[N * D], dout[N * D], y[N * D], dx[N * D];
    uint64_t mask[N];
};

static void relu_forward(void *state, double *y) {
    struct relu *const r = state;
    gk_relu_forward_f64(r->ctx, &(gk_relu_forward_args_f64){.n = N, .d = D, .x = r->x, .y = y, .mask = r->mask});
}

/* Every x at least 10 steps from the kink. */
static void check_relu(struct checker *c) {
    struct relu r = {.ctx = c->ctx};
    fill(r.x, N * D, &c->random);
    fill(r.dout, N * D, &c->random);
    for (size_t i = 0; i < N * D; i++) r.x[i] += copysign(10 * step, r.x[i]);
    relu_forward(&r, r.y);
    const gk_status status =
        gk_relu_backward_f64(c->ctx, &(gk_relu_backward_args_f64){.n = N, .d = D, .dy = r.dout, .mask = r.mask, .dx = r.dx});
    if (status != GK_OK) c->failed = true;
    add_centred(c, "relu dx, away from 0", &(struct gb_function){relu_forward, &r, N * D, r.dout}, r.x, N * D, r.dx, 1e-9);
}

enum { ROWS = 7, CLASSES = 9 };

struct softmax {
    gk_softmax_xent_args_f64 args;
    gk_context *ctx;
    double x[ROWS * CLASSES], t[ROWS * CLASSES], dx[ROWS * CLASSES], row_loss[ROWS], dloss[ROWS];
    int32_t labels[ROWS];
};

/* The upstream gradient multiplies the outputs: the loss, or the rows' losses without a reduction. */
static void softmax_loss(void *state, double *y) {
    struct softmax *const s = state;
    double unused[ROWS * CLASSES];
    gk_softmax_xent_args_f64 args = s->args;
    args.dloss = NULL;
    args.dx = unused;
    if (args.reduction == GK_NONE) args.row_loss = y;
    else args.loss = y;
    gk_softmax_xent_f64(s->ctx, &args);
}

static void check_softmax(struct checker *c, const char *name, bool soft, bool ignore, bool dloss, gk_reduction reduction) {
    struct softmax s = {.ctx = c->ctx};
    fill(s.x, ROWS * CLASSES, &c->random);
    fill(s.dloss, ROWS, &c->random);
    for (size_t i = 0; i < ROWS * CLASSES; i++) s.t[i] = fabs(gb_next_normal(&c->random));
    for (size_t i = 0; i < ROWS; i++) s.labels[i] = ignore && i % 3 == 1 ? -100 : (int32_t)(i * 5 % CLASSES);
    s.args = (gk_softmax_xent_args_f64){.n = ROWS,
                                        .c = CLASSES,
                                        .x = s.x,
                                        .dx = s.dx,
                                        .labels = soft ? NULL : s.labels,
                                        .t = soft ? s.t : NULL,
                                        .use_ignore_index = ignore,
                                        .ignore_index = -100,
                                        .reduction = reduction,
                                        .dloss = dloss ? s.dloss : NULL};
    if (gk_softmax_xent_f64(c->ctx, &s.args) != GK_OK) c->failed = true;
    const size_t outputs = reduction == GK_NONE ? ROWS : 1;
    add_centred(c, name, &(struct gb_function){softmax_loss, &s, outputs, dloss ? s.dloss : NULL}, s.x, ROWS * CLASSES, s.dx,
                1e-7);
}

/* The oracle's gradients by the complex step: no difference is taken, so nothing cancels. */
static void check_oracle_affine(struct checker *c) {
    static const double h = 1e-100;
    gb_real x[N * D], w[D * M], dy[N * M], dx[N * D], dw[D * M], db[M];
    double complex variables[N * D + D * M + M], y[N * M];
    double complex *const cx = variables, *const cw = cx + N * D, *const cb = cw + D * M;
    double by_step[N * D + D * M + M], by_formula[N * D + D * M + M];
    for (size_t i = 0; i < N * D + D * M + M; i++) variables[i] = gb_next_normal(&c->random);
    for (size_t i = 0; i < N * D; i++) x[i] = creal(cx[i]);
    for (size_t i = 0; i < D * M; i++) w[i] = creal(cw[i]);
    for (size_t i = 0; i < N * M; i++) dy[i] = gb_next_normal(&c->random);
    gb_oracle_affine_dx(N, D, M, dy, w, NULL, dx, NULL);
    gb_oracle_affine_dw(N, D, M, x, dy, NULL, dw, NULL);
    gb_oracle_affine_db(N, M, dy, NULL, db, NULL);
    for (size_t i = 0; i < N * D + D * M + M; i++) {
        double sum = 0;
        variables[i] += I * h;
        gb_oracle_affine_forward_complex(N, D, M, cx, cw, cb, y);
        variables[i] = creal(variables[i]);
        for (size_t j = 0; j < N * M; j++) sum += cimag(y[j]) / h * (double)dy[j];
        by_step[i] = sum;
        by_formula[i] = (double)(i < N * D ? dx[i] : i < N * D + D * M ? dw[i - N * D] : db[i - N * D - D * M]);
    }
    add(c, "affine, oracle", "complex step", gb_relative_error(by_step, by_formula, N * D + D * M + M), 1e-13);
}

static void check_oracle_softmax(struct checker *c, const char *name, bool divide, bool one_hot) {
    static const double h = 1e-100;
    gb_real x[ROWS * CLASSES], t[ROWS * CLASSES], p[ROWS * CLASSES], dx[ROWS * CLASSES];
    double complex cx[ROWS * CLASSES];
    double labels[ROWS * CLASSES], by_step[ROWS * CLASSES], by_formula[ROWS * CLASSES];
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        x[i] = gb_next_normal(&c->random);
        cx[i] = (double)x[i];
        labels[i] = one_hot ? i % CLASSES == i / CLASSES : fabs(gb_next_normal(&c->random));
        t[i] = labels[i];
    }
    gb_oracle_softmax_xent(
        &(struct gb_oracle_softmax){.n = ROWS, .c = CLASSES, .x = x, .t = t, .divide = divide, .p = p, .dx = dx});
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        cx[i] += I * h;
        by_step[i] = cimag(gb_oracle_softmax_xent_complex(ROWS, CLASSES, cx, labels, NULL, divide)) / h;
        by_formula[i] = (double)dx[i];
        cx[i] = creal(cx[i]);
    }
    add(c, name, "complex step", gb_relative_error(by_step, by_formula, ROWS * CLASSES), 1e-13);
}

size_t gb_gradient_checks(gk_context *ctx, struct gb_gradient_check checks[GB_GRADIENT_CHECKS_MAX]) {
    struct checker c = {.ctx = ctx, .random = RANDOM, .checks = checks};
    check_affine(&c, GK_IN_OUT);
    check_affine(&c, GK_OUT_IN);
    check_relu(&c);
    check_softmax(&c, "softmax_xent dx", false, false, false, GK_MEAN);
    check_softmax(&c, "softmax_xent dx, sum, dloss", false, false, true, GK_SUM);
    check_softmax(&c, "softmax_xent dx, ignored rows", false, true, false, GK_MEAN);
    check_softmax(&c, "softmax_xent dx, no reduction, dloss", false, true, true, GK_NONE);
    check_softmax(&c, "softmax_xent dx, soft labels", true, false, true, GK_MEAN);
    check_softmax(&c, "softmax_xent dx, soft labels, no reduction", true, false, true, GK_NONE);
    check_oracle_affine(&c);
    check_oracle_softmax(&c, "softmax_xent, oracle", true, true);
    check_oracle_softmax(&c, "softmax_xent, oracle, soft labels", false, false);
    return c.failed ? 0 : c.count;
}
