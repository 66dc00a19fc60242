/* The cases of the study notes that this project grew from. Each test is named after its case and runs through every usable
 * isa, but for the two that are long. */
#include <math.h>

#include "gradients.h"
#include "support_file.h"
#include "support_lineup.h"

static gk_context *contexts[GK_ISA_COUNT];
static size_t n_contexts;

#define FOR_EACH_CONTEXT(ctx)                                                                                                  \
    for (size_t context_index = 0; context_index < n_contexts; context_index++)                                                \
        for (gk_context *const ctx = contexts[context_index], *once = ctx; once; once = NULL)

static void assert_close(const double *got, const double *want, size_t count, double error) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= error)) fail_msg("[%zu] is %.17g, expected %.17g within %g", i, got[i], want[i], error);
}

/* A gate on 1 x 1: its value, and its gradients. */
#define GATE(name)                                                                                                             \
    static double name##_of(gk_context *ctx, double a, double b) {                                                             \
        double y;                                                                                                              \
        const gk_##name##_forward_args_f64 args = {.n = 1, .d = 1, .a = &a, .b = &b, .y = &y};                                 \
        assert_int_equal(gk_##name##_forward_f64(ctx, &args), GK_OK);                                                          \
        return y;                                                                                                              \
    }
#define CURVE(name)                                                                                                            \
    static double name##_of(gk_context *ctx, double x) {                                                                       \
        double y;                                                                                                              \
        const gk_##name##_forward_args_f64 args = {.n = 1, .d = 1, .x = &x, .y = &y};                                          \
        assert_int_equal(gk_##name##_forward_f64(ctx, &args), GK_OK);                                                          \
        return y;                                                                                                              \
    }                                                                                                                          \
    static double name##_back(gk_context *ctx, double y, double dy) { /* from the output */                                    \
        double dx;                                                                                                             \
        const gk_##name##_backward_args_f64 args = {.n = 1, .d = 1, .y = &y, .dy = &dy, .dx = &dx};                            \
        assert_int_equal(gk_##name##_backward_f64(ctx, &args), GK_OK);                                                         \
        return dx;                                                                                                             \
    }
GATE(add)
GATE(mul)
GATE(max)
CURVE(reciprocal)
CURVE(exp)
CURVE(sigmoid)

struct both {
    double a, b;
};

static struct both add_back(gk_context *ctx, double dy) {
    struct both d;
    const gk_add_backward_args_f64 args = {.n = 1, .d = 1, .dy = &dy, .da = &d.a, .db = &d.b};
    assert_int_equal(gk_add_backward_f64(ctx, &args), GK_OK);
    return d;
}

static struct both mul_back(gk_context *ctx, double a, double b, double dy) {
    struct both d;
    const gk_mul_backward_args_f64 args = {.n = 1, .d = 1, .a = &a, .b = &b, .dy = &dy, .da = &d.a, .db = &d.b};
    assert_int_equal(gk_mul_backward_f64(ctx, &args), GK_OK);
    return d;
}

static struct both max_back(gk_context *ctx, double a, double b, double dy) {
    struct both d;
    const gk_max_backward_args_f64 args = {.n = 1, .d = 1, .a = &a, .b = &b, .dy = &dy, .da = &d.a, .db = &d.b};
    assert_int_equal(gk_max_backward_f64(ctx, &args), GK_OK);
    return d;
}

static void assert_is(double got, double want) { assert_close(&got, &want, 1, 4e-16 * fabs(want)); }
static void assert_both(struct both got, double a, double b) { assert_is(got.a, a), assert_is(got.b, b); }

/* add: x + y; dx = dout, dy = dout. */
static void layer_add(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        assert_is(add_of(ctx, -2, 5), 3);
        assert_both(add_back(ctx, -4), -4, -4);
    }
}

/* multiply: x * y; dx = dout * y, dy = dout * x. */
static void layer_multiply(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        assert_is(mul_of(ctx, 3, -4), -12);
        assert_both(mul_back(ctx, 3, -4, 0.5), -2, 1.5);
    }
}

/* max gate: the gradient goes whole to the larger operand, 0 to the other. */
static void layer_max_gate(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        assert_is(max_of(ctx, 2, -1), 2);
        assert_is(max_of(ctx, -1, 2), 2);
        assert_both(max_back(ctx, 2, -1, 7), 7, 0);
        assert_both(max_back(ctx, -1, 2, 7), 0, 7);
    }
}

/* reciprocal: 1 / x; -dout * y^2 from the output. */
static void layer_reciprocal(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        assert_is(reciprocal_of(ctx, 1.37), 0.7299270072992700);
        assert_is(reciprocal_back(ctx, reciprocal_of(ctx, 1.37), 2), -2 / (1.37 * 1.37));
    }
}

/* exp: e^x; dout * e^x from the output. */
static void layer_exp(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        assert_is(exp_of(ctx, -1), 0.36787944117144233);
        assert_is(exp_back(ctx, exp_of(ctx, -1), -0.5), -0.5 * 0.36787944117144233);
    }
}

/* sigmoid: 1 / (1 + e^-x); dout * y * (1 - y), from the saved output y. */
static void layer_sigmoid(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        assert_is(sigmoid_of(ctx, 0), 0.5);
        assert_is(sigmoid_of(ctx, 1), 0.7310585786300049);
        assert_is(sigmoid_back(ctx, 0.75, 16), 3);
    }
}

/* affine: Y = X W + b, dX = dY W^T, dW = X^T dY, db = column sums of dY; by hand. */
static void layer_affine(void **state) {
    const double x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, -1, 2, 0, 3, 1}, b[] = {10, 20}, dy[] = {1, 2, 3, 4};
    const double y_want[] = {1 + 4 + 9 + 10, -1 + 0 + 3 + 20, 4 + 10 + 18 + 10, -4 + 0 + 6 + 20};
    const double dx_want[] = {-1, 2, 5, -1, 6, 13}, dw_want[] = {13, 18, 17, 24, 21, 30}, db_want[] = {4, 6};
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        double y[4], dx[6], dw[6], db[2];
        assert_int_equal(
            gk_affine_forward_f64(ctx, &(gk_affine_forward_args_f64){.n = 2, .d = 3, .m = 2, .x = x, .w = w, .b = b, .y = y}),
            GK_OK);
        assert_int_equal(gk_affine_dx_f64(ctx, &(gk_affine_dx_args_f64){.n = 2, .d = 3, .m = 2, .dy = dy, .w = w, .dx = dx}),
                         GK_OK);
        assert_int_equal(gk_affine_dw_f64(ctx, &(gk_affine_dw_args_f64){.n = 2, .d = 3, .m = 2, .x = x, .dy = dy, .dw = dw}),
                         GK_OK);
        assert_int_equal(gk_affine_db_f64(ctx, &(gk_affine_db_args_f64){.n = 2, .m = 2, .dy = dy, .db = db}), GK_OK);
        assert_close(y, y_want, 4, 0);
        assert_close(dx, dx_want, 6, 0);
        assert_close(dw, dw_want, 6, 0);
        assert_close(db, db_want, 2, 0);
    }
}

/* ReLU: x where x > 0, else 0; the gradient at 0 is 0. */
static void layer_relu(void **state) {
    const double x[] = {1, -0.5, -2, 3, 0, -0.0}, dout[] = {5, 6, 7, 8, 9, 10};
    const double y_want[] = {1, 0, 0, 3, 0, 0}, dx_want[] = {5, 0, 0, 8, 0, 0};
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        double y[6], dx[6];
        uint64_t mask[2];
        assert_int_equal(gk_relu_forward_f64(ctx, &(gk_relu_forward_args_f64){.n = 2, .d = 3, .x = x, .y = y, .mask = mask}),
                         GK_OK);
        assert_int_equal(
            gk_relu_backward_f64(ctx, &(gk_relu_backward_args_f64){.n = 2, .d = 3, .dy = dout, .mask = mask, .dx = dx}), GK_OK);
        assert_int_equal(mask[0], 1);
        assert_int_equal(mask[1], 1);
        assert_close(y, y_want, 6, 0);
        assert_close(dx, dx_want, 6, 0);
    }
}

/* repeat: the bias is copied to every row of the batch; backward, its gradient is the sum over the batch. */
static void layer_repeat(void **state) {
    enum { ROWS = 8, SIZE = 3 };
    double dout[ROWS * SIZE], want[SIZE] = {0};
    const double b[SIZE] = {0.25, -3, 7};
    (void)state;
    for (size_t i = 0; i < ROWS * SIZE; i++) dout[i] = (double)(i * i % 11) - 5, want[i % SIZE] += dout[i];
    FOR_EACH_CONTEXT(ctx) {
        double y[ROWS * SIZE], db[SIZE];
        assert_int_equal(gk_repeat_forward_f64(ctx, &(gk_repeat_forward_args_f64){.n = ROWS, .m = SIZE, .b = b, .y = y}),
                         GK_OK);
        assert_int_equal(gk_affine_db_f64(ctx, &(gk_affine_db_args_f64){.n = ROWS, .m = SIZE, .dy = dout, .db = db}), GK_OK);
        for (size_t i = 0; i < ROWS; i++) assert_close(y + i * SIZE, b, SIZE, 0);
        assert_close(db, want, SIZE, 0);
    }
}

/* softmax with loss: y = softmax(x), loss = mean cross-entropy, dx = (y - t) / N, from class indices and from one-hot labels.
 */
static void layer_softmax_with_loss(void **state) {
    enum { ROWS = 2, CLASSES = 3 };
    const double x[] = {0.3, 2.9, 4.0, 1.0, 1.0, 1.0}, t[] = {0, 0, 1, 1, 0, 0};
    const int32_t labels[] = {2, 0};
    double p_want[ROWS * CLASSES], dx_want[ROWS * CLASSES], loss_want = 0;
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        double sum = 0;
        for (size_t j = 0; j < CLASSES; j++) sum += exp(x[i * CLASSES + j]);
        for (size_t j = 0; j < CLASSES; j++) {
            p_want[i * CLASSES + j] = exp(x[i * CLASSES + j]) / sum;
            dx_want[i * CLASSES + j] = (p_want[i * CLASSES + j] - t[i * CLASSES + j]) / ROWS;
        }
        loss_want -= log(p_want[i * CLASSES + (size_t)labels[i]]) / ROWS;
    }
    FOR_EACH_CONTEXT(ctx) {
        double p[ROWS * CLASSES], dx[ROWS * CLASSES], loss;
        assert_int_equal(
            gk_softmax_xent_forward_f64(
                ctx,
                &(gk_softmax_xent_forward_args_f64){.n = ROWS, .c = CLASSES, .x = x, .labels = labels, .p = p, .loss = &loss}),
            GK_OK);
        assert_close(p, p_want, ROWS * CLASSES, 4e-16);
        assert_close(&loss, &loss_want, 1, 1e-15);
        for (int dense = 0; dense < 2; dense++) {
            const gk_softmax_xent_args_f64 args = {.n = ROWS,
                                                   .c = CLASSES,
                                                   .x = x,
                                                   .labels = dense ? NULL : labels,
                                                   .t = dense ? t : NULL,
                                                   .dx = dx,
                                                   .loss = &loss};
            assert_int_equal(gk_softmax_xent_f64(ctx, &args), GK_OK);
            assert_close(dx, dx_want, ROWS * CLASSES, 3e-16);
            assert_close(&loss, &loss_want, 1, 1e-15);
        }
    }
}

/* affine -> ReLU: the two in a row and the two in reverse; the fused backward takes the mask. */
static void layer_affine_relu(void **state) {
    const double x[] = {1, -2, 3, 4}, w[] = {1, -1, 2, 1, 0, -3}, b[] = {0, 1, 2}, dout[] = {1, 2, 3, 4, 5, 6};
    const double y_want[] = {0, 0, 10, 7, 0, 0}; /* before ReLU {-1, 0, 10}, {7, -2, -4} */
    const double dx_want[] = {6, -9, 4, 4}, dw_want[] = {12, 0, 3, 16, 0, -6}, db_want[] = {4, 0, 3};
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        double y[6], dx[4], dw[6], db[3];
        uint64_t mask[2];
        assert_int_equal(
            gk_affine_forward_f64(ctx, &(gk_affine_forward_args_f64){.n = 2, .d = 2, .m = 3, .x = x, .w = w, .b = b, .y = y}),
            GK_OK);
        assert_int_equal(gk_relu_forward_f64(ctx, &(gk_relu_forward_args_f64){.n = 2, .d = 3, .x = y, .y = y, .mask = mask}),
                         GK_OK);
        assert_close(y, y_want, 6, 0);
        assert_int_equal(
            gk_affine_backward_f64(
                ctx,
                &(gk_affine_backward_args_f64){
                    .n = 2, .d = 2, .m = 3, .x = x, .w = w, .dy = dout, .mask = mask, .dx = dx, .dw = dw, .db = db}),
            GK_OK);
        assert_close(dx, dx_want, 4, 0);
        assert_close(dw, dw_want, 6, 0);
        assert_close(db, db_want, 3, 0);
    }
}

/* Worked example 1: two apples at 100 and three oranges at 150, tax 1.1; and the apples alone. */
static void worked_example_1_shop(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        const double apples = mul_of(ctx, 2, 100), oranges = mul_of(ctx, 3, 150), sum = add_of(ctx, apples, oranges);
        assert_is(mul_of(ctx, sum, 1.1), 715);
        const struct both d = mul_back(ctx, sum, 1.1, 1), shares = add_back(ctx, d.a);
        assert_is(d.b, 650);
        assert_both(mul_back(ctx, 2, 100, shares.a), 110, 2.2);
        assert_both(mul_back(ctx, 3, 150, shares.b), 165, 3.3);
        assert_is(mul_of(ctx, apples, 1.1), 220);
        assert_both(mul_back(ctx, 2, 100, mul_back(ctx, apples, 1.1, 1).a), 110, 2.2);
    }
}

/* Worked example 2: f = (x + y) z at -2, 5, -4. */
static void worked_example_2_product(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        const double q = add_of(ctx, -2, 5);
        assert_is(q, 3);
        assert_is(mul_of(ctx, q, -4), -12);
        const struct both d = mul_back(ctx, q, -4, 1);
        assert_both(d, -4, 3);
        assert_both(add_back(ctx, d.a), -4, -4);
    }
}

/* Worked example 3: the sigmoid as a graph, 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))), and the kernel that is the whole of it. */
static void worked_example_3_sigmoid(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        const double p = mul_of(ctx, 2, -1), q = mul_of(ctx, -3, -2), r = add_of(ctx, p, q), s = add_of(ctx, r, -3),
                     t = mul_of(ctx, s, -1);
        const double u = exp_of(ctx, t), v = add_of(ctx, u, 1), l = reciprocal_of(ctx, v);
        const double values[] = {p, q, r, s, t, u, v, l};
        const double values_want[] = {-2, 6, 4, 1, -1, 0.36787944117144233, 1.3678794411714423, 0.7310585786300049};
        assert_close(values, values_want, 8, 0);
        const double dv = reciprocal_back(ctx, l, 1), du = add_back(ctx, dv).a, dt = exp_back(ctx, u, du);
        const double ds = mul_back(ctx, s, -1, dt).a;
        const struct both d_add = add_back(ctx, ds), d_pq = add_back(ctx, d_add.a), d0 = mul_back(ctx, 2, -1, d_pq.a),
                          d1 = mul_back(ctx, -3, -2, d_pq.b);
        const double got[] = {dv, du, dt, ds, d_add.a, d_pq.a, d_pq.b, d_add.b, d0.a, d0.b, d1.a, d1.b};
        const double slope = 0.19661193324148188;
        const double want[] = {
            -0.534446645388523,   -0.534446645388523, -slope, slope, slope, slope, slope, slope, -slope, 2 * slope,
            -0.39322386648296376, -0.5898357997244457};
        assert_close(got, want, 12, 1.2e-16);
        const double whole = sigmoid_back(ctx, sigmoid_of(ctx, s), 1);
        assert_close(&whole, &ds, 1, 3e-17);
    }
}

/* Worked example 4: softmax(5.3, 0.3, 10.1). */
static void worked_example_4_softmax(void **state) {
    const double x[] = {5.3, 0.3, 10.1}, want[] = {0.008162122244828674, 5.4995947085712147e-05, 0.9917828818080856};
    const float x32[] = {5.3f, 0.3f, 10.1f};
    const int32_t label = 2;
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        double p[3];
        float p32[3];
        assert_int_equal(gk_softmax_xent_forward_f64(
                             ctx, &(gk_softmax_xent_forward_args_f64){.n = 1, .c = 3, .x = x, .labels = &label, .p = p}),
                         GK_OK);
        for (size_t i = 0; i < 3; i++) assert_true(fabs(p[i] - want[i]) <= 1e-14 * want[i]);
        assert_int_equal(
            gk_softmax_xent_forward(ctx, &(gk_softmax_xent_forward_args){.n = 1, .c = 3, .x = x32, .labels = &label, .p = p32}),
            GK_OK);
        for (size_t i = 0; i < 3; i++) assert_true(fabs((double)p32[i] - want[i]) <= 2e-6 * want[i]);
    }
}

enum { JACOBIAN = 4096 };

struct relu_state {
    gk_context *ctx;
    double x[JACOBIAN], above[JACOBIAN], below[JACOBIAN], dx[JACOBIAN], dout[JACOBIAN];
    uint64_t mask[JACOBIAN / 64];
};

static void relu_of(struct relu_state *s, double *y) {
    assert_int_equal(
        gk_relu_forward_f64(s->ctx, &(gk_relu_forward_args_f64){.n = 1, .d = JACOBIAN, .x = s->x, .y = y, .mask = s->mask}),
        GK_OK);
}

/* Worked example 5: the Jacobian of an element-wise layer on a 4096-vector, 4096 x 4096, is diagonal: column by column by
 * centred differences. Its diagonal times dout is what the backward kernel returns. */
static void worked_example_5_jacobian_of_relu(void **state) {
    static const double h = 1e-5;
    uint64_t random = 55;
    struct relu_state *const s = calloc(1, sizeof *s);
    (void)state;
    assert_non_null(s);
    s->ctx = contexts[n_contexts - 1];
    for (size_t i = 0; i < JACOBIAN; i++) {
        s->x[i] = gb_next_normal(&random);
        s->x[i] += copysign(10 * h, s->x[i]);
        s->dout[i] = gb_next_normal(&random);
    }
    relu_of(s, s->above);
    assert_int_equal(
        gk_relu_backward_f64(s->ctx,
                             &(gk_relu_backward_args_f64){.n = 1, .d = JACOBIAN, .dy = s->dout, .mask = s->mask, .dx = s->dx}),
        GK_OK);
    for (size_t j = 0; j < JACOBIAN; j++) {
        const double old = s->x[j];
        s->x[j] = old + h;
        relu_of(s, s->above);
        s->x[j] = old - h;
        relu_of(s, s->below);
        s->x[j] = old;
        for (size_t i = 0; i < JACOBIAN; i++) {
            const double slope = (s->above[i] - s->below[i]) / (2 * h);
            if (i != j && slope != 0) fail_msg("dy[%zu]/dx[%zu] is %g, expected 0", i, j, slope);
            if (i == j) assert_true(fabs(slope - (old > 0)) < 1e-9 && fabs(slope * s->dout[i] - s->dx[i]) < 1e-9);
        }
    }
    free(s);
}

/* The notes' case: x (10, 2, 3), w (6, 5), b (5), dout (10, 5), normally distributed. The tensor is flattened to 10 x 6 where
 * it lies, and its gradient has its shape. */
enum { ROWS = 10, HEIGHT = 2, WIDTH = 3, INPUTS = HEIGHT * WIDTH, OUTPUTS = 5 };

struct affine {
    gk_context *ctx;
    double x[ROWS][HEIGHT][WIDTH], w[INPUTS * OUTPUTS], b[OUTPUTS], dout[ROWS * OUTPUTS];
    double dx[ROWS][HEIGHT][WIDTH], dw[INPUTS * OUTPUTS], db[OUTPUTS];
};

static void fill(double *x, size_t count, uint64_t *random) {
    for (size_t i = 0; i < count; i++) x[i] = gb_next_normal(random);
}

static void affine_of(void *state, double *y) {
    const struct affine *const a = state;
    const gk_affine_forward_args_f64 args = {
        .n = ROWS, .d = INPUTS, .m = OUTPUTS, .x = &a->x[0][0][0], .w = a->w, .b = a->b, .y = y};
    assert_int_equal(gk_affine_forward_f64(a->ctx, &args), GK_OK);
}

static void make_affine(struct affine *a, gk_context *ctx, uint64_t random) {
    a->ctx = ctx;
    fill(&a->x[0][0][0], ROWS * INPUTS, &random);
    fill(a->w, INPUTS * OUTPUTS, &random);
    fill(a->b, OUTPUTS, &random);
    fill(a->dout, ROWS * OUTPUTS, &random);
    const gk_affine_backward_args_f64 args = {.n = ROWS,
                                              .d = INPUTS,
                                              .m = OUTPUTS,
                                              .x = &a->x[0][0][0],
                                              .w = a->w,
                                              .dy = a->dout,
                                              .dx = &a->dx[0][0][0],
                                              .dw = a->dw,
                                              .db = a->db};
    assert_int_equal(gk_affine_backward_f64(ctx, &args), GK_OK);
}

static double error_of(struct affine *a, double *x, const double *gradient, size_t count) {
    double numerical[ROWS * INPUTS];
    const struct gb_function f = {affine_of, a, ROWS * OUTPUTS, a->dout};
    assert_true(gb_centred_differences(&f, x, count, 1e-5, numerical));
    return gb_gradient_error(numerical, gradient, count);
}

/* 1e-9 or better each, whatever the seed. */
static void gradient_check_of_affine(void **state) {
    struct affine a;
    (void)state;
    FOR_EACH_CONTEXT(ctx)
    for (uint64_t seed = 0; seed < 300; seed++) {
        make_affine(&a, ctx, seed);
        const double dx = error_of(&a, &a.x[0][0][0], &a.dx[0][0][0], ROWS * INPUTS);
        const double dw = error_of(&a, a.w, a.dw, INPUTS * OUTPUTS), db = error_of(&a, a.b, a.db, OUTPUTS);
        if (!(dx <= 1e-9 && dw <= 1e-9 && db <= 1e-9)) fail_msg("seed %zu: dx %g, dw %g, db %g", (size_t)seed, dx, dw, db);
    }
}

/* An element of the tensor and of its gradient by the tensor's own indices. */
static void tensor_inputs_flattened_and_given_back(void **state) {
    struct affine a;
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        double y[ROWS * OUTPUTS];
        make_affine(&a, ctx, 7);
        affine_of(&a, y);
        for (size_t i = 0; i < ROWS; i++)
            for (size_t m = 0; m < OUTPUTS; m++) {
                double want = a.b[m];
                for (size_t j = 0; j < HEIGHT; j++)
                    for (size_t k = 0; k < WIDTH; k++) want += a.x[i][j][k] * a.w[(j * WIDTH + k) * OUTPUTS + m];
                assert_close(&y[i * OUTPUTS + m], &want, 1, 1e-14);
            }
        for (size_t i = 0; i < ROWS; i++)
            for (size_t j = 0; j < HEIGHT; j++)
                for (size_t k = 0; k < WIDTH; k++) {
                    double want = 0;
                    for (size_t m = 0; m < OUTPUTS; m++) want += a.dout[i * OUTPUTS + m] * a.w[(j * WIDTH + k) * OUTPUTS + m];
                    assert_close(&a.dx[i][j][k], &want, 1, 1e-14);
                }
    }
}

/* 784 - 50 - 10: affine, ReLU, affine, softmax with loss. */
enum { IMAGES = 3, SIDE = 28, PIXELS = SIDE * SIDE, HIDDEN = 50, CLASSES = 10 };

struct net {
    gk_context *ctx;
    double x[IMAGES * PIXELS], w1[PIXELS * HIDDEN], b1[HIDDEN], w2[HIDDEN * CLASSES], b2[CLASSES];
    int32_t labels[IMAGES];
    double hidden[IMAGES * HIDDEN], scores[IMAGES * CLASSES];
    uint64_t mask[IMAGES];
    double dw1[PIXELS * HIDDEN], db1[HIDDEN], dw2[HIDDEN * CLASSES], db2[CLASSES];
};

static void net_forward(struct net *net) {
    gk_affine_forward_f64(
        net->ctx, &(gk_affine_forward_args_f64){
                      .n = IMAGES, .d = PIXELS, .m = HIDDEN, .x = net->x, .w = net->w1, .b = net->b1, .y = net->hidden});
    gk_relu_forward_f64(
        net->ctx, &(gk_relu_forward_args_f64){.n = IMAGES, .d = HIDDEN, .x = net->hidden, .y = net->hidden, .mask = net->mask});
    gk_affine_forward_f64(
        net->ctx, &(gk_affine_forward_args_f64){
                      .n = IMAGES, .d = HIDDEN, .m = CLASSES, .x = net->hidden, .w = net->w2, .b = net->b2, .y = net->scores});
}

static void net_loss(void *state, double *loss) {
    struct net *const net = state;
    net_forward(net);
    gk_softmax_xent_forward_f64(
        net->ctx,
        &(gk_softmax_xent_forward_args_f64){.n = IMAGES, .c = CLASSES, .x = net->scores, .labels = net->labels, .loss = loss});
}

static void net_backward(struct net *net) {
    double dscores[IMAGES * CLASSES], dhidden[IMAGES * HIDDEN];
    net_forward(net);
    assert_int_equal(
        gk_softmax_xent_f64(
            net->ctx,
            &(gk_softmax_xent_args_f64){.n = IMAGES, .c = CLASSES, .x = net->scores, .labels = net->labels, .dx = dscores}),
        GK_OK);
    assert_int_equal(gk_affine_backward_f64(net->ctx, &(gk_affine_backward_args_f64){.n = IMAGES,
                                                                                     .d = HIDDEN,
                                                                                     .m = CLASSES,
                                                                                     .x = net->hidden,
                                                                                     .w = net->w2,
                                                                                     .dy = dscores,
                                                                                     .dx = dhidden,
                                                                                     .dw = net->dw2,
                                                                                     .db = net->db2}),
                     GK_OK);
    assert_int_equal(gk_affine_backward_f64(net->ctx, &(gk_affine_backward_args_f64){.n = IMAGES,
                                                                                     .d = PIXELS,
                                                                                     .m = HIDDEN,
                                                                                     .x = net->x,
                                                                                     .dy = dhidden,
                                                                                     .mask = net->mask,
                                                                                     .dw = net->dw1,
                                                                                     .db = net->db1}),
                     GK_OK);
}

/* The first three training images, their pixels scaled to [0, 1]. */
static void read_images(struct net *net) {
    size_t size, at = 0;
    char *const text = support_file_read(TEST_DATA_DIR "/mnist.txt", &size), *line = text;
    assert_non_null(text);
    for (size_t image = 0; *line; line += strcspn(line, "\n") + 1) {
        const size_t length = strcspn(line, "\n");
        if (length == 1) net->labels[image++] = *line - '0';
        if (*line == '#' || length == 1) continue;
        assert_true(length == 2 * SIDE && at < IMAGES * PIXELS);
        for (size_t i = 0; i < SIDE; i++)
            net->x[at++] = (double)strtoul((char[]){line[2 * i], line[2 * i + 1], 0}, NULL, 16) / 255;
    }
    free(text);
    assert_int_equal(at, IMAGES * PIXELS);
    assert_true(net->labels[0] == 5 && net->labels[1] == 0 && net->labels[2] == 4);
}

static void make_net(struct net *net, uint64_t random) {
    read_images(net);
    for (size_t i = 0; i < PIXELS * HIDDEN; i++) net->w1[i] = 0.01 * gb_next_normal(&random);
    for (size_t i = 0; i < HIDDEN * CLASSES; i++) net->w2[i] = 0.01 * gb_next_normal(&random);
}

static double mean_difference(struct net *net, double *parameters, const double *gradient, size_t count) {
    double *const numerical = calloc(count, sizeof *numerical), sum = 0;
    assert_non_null(numerical);
    assert_true(gb_centred_differences(&(struct gb_function){net_loss, net, 1, NULL}, parameters, count, 1e-4, numerical));
    for (size_t i = 0; i < count; i++) sum += fabs(numerical[i] - gradient[i]);
    free(numerical);
    return sum / (double)count;
}

/* The orders of the notes: 2.4e-13, 1.1e-12, 8.8e-13, 1.2e-10. The last is what h^2 f''' / 6 leaves at h = 1e-4, the others are
 * the rounding of a loss of 2.3. The widest isa computes, which has the bits of ref (test_equivalence), in a tenth of its
 * time. */
static void gradient_check_of_the_two_layer_net_on_mnist(void **state) {
    (void)state;
    struct net *const net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->ctx = gb_context(gb_widest_isa(), 1);
    make_net(net, 2019);
    net_backward(net);
    const double w1 = mean_difference(net, net->w1, net->dw1, PIXELS * HIDDEN),
                 b1 = mean_difference(net, net->b1, net->db1, HIDDEN);
    const double w2 = mean_difference(net, net->w2, net->dw2, HIDDEN * CLASSES),
                 b2 = mean_difference(net, net->b2, net->db2, CLASSES);
    printf("two-layer net, mean |numerical - backward|: W1 %.1e, b1 %.1e, W2 %.1e, b2 %.1e\n", w1, b1, w2, b2);
    assert_true(w1 < 1e-12 && b1 < 5e-12 && w2 < 5e-12 && b2 < 5e-10);
    gk_context_destroy(net->ctx);
    free(net);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_add),
        cmocka_unit_test(layer_multiply),
        cmocka_unit_test(layer_max_gate),
        cmocka_unit_test(layer_reciprocal),
        cmocka_unit_test(layer_exp),
        cmocka_unit_test(layer_sigmoid),
        cmocka_unit_test(layer_relu),
        cmocka_unit_test(layer_repeat),
        cmocka_unit_test(layer_affine),
        cmocka_unit_test(layer_softmax_with_loss),
        cmocka_unit_test(layer_affine_relu),
        cmocka_unit_test(worked_example_1_shop),
        cmocka_unit_test(worked_example_2_product),
        cmocka_unit_test(worked_example_3_sigmoid),
        cmocka_unit_test(worked_example_4_softmax),
        cmocka_unit_test(worked_example_5_jacobian_of_relu),
        cmocka_unit_test(gradient_check_of_affine),
        cmocka_unit_test(tensor_inputs_flattened_and_given_back),
        cmocka_unit_test(gradient_check_of_the_two_layer_net_on_mnist),
    };
    n_contexts = gb_open_contexts(contexts, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_close_contexts(contexts, n_contexts);
    return failed;
}
