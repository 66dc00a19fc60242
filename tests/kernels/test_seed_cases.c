/* The cases of the study notes that this project grew from, as far as the kernels of today compute them. Each test is named
 * after its case and runs through every usable isa. */
#include <math.h>

#include "gradients.h"
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
    double x[ROWS] = {0}, dout[ROWS * SIZE], want[SIZE] = {0};
    const double w[SIZE] = {1, 1, 1}, b[SIZE] = {0.25, -3, 7};
    (void)state;
    for (size_t i = 0; i < ROWS * SIZE; i++) dout[i] = (double)(i * i % 11) - 5, want[i % SIZE] += dout[i];
    FOR_EACH_CONTEXT(ctx) {
        double y[ROWS * SIZE], db[SIZE];
        assert_int_equal(gk_affine_forward_f64(
                             ctx, &(gk_affine_forward_args_f64){.n = ROWS, .d = 1, .m = SIZE, .x = x, .w = w, .b = b, .y = y}),
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

static void close_enough(void *state, const struct gb_gradient_check *check) {
    if (!strstr(check->name, " of affine_backward ")) return;
    if (!(check->error <= 1e-9)) fail_msg("%s: %g", check->name, check->error);
    if (strcmp(check->method, "centred differences") == 0) ++*(size_t *)state;
}

/* The notes' case: x (10, 2, 3), w (6, 5), b (5), dout (10, 5), normally distributed: 1e-9 or better each, of three gradients
 * with both layouts of w. */
static void gradient_check_of_affine(void **state) {
    (void)state;
    FOR_EACH_CONTEXT(ctx) {
        size_t affine = 0;
        assert_true(gb_gradient_checks(ctx, gk_call, close_enough, &affine));
        assert_int_equal(affine, 6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_affine),
        cmocka_unit_test(layer_relu),
        cmocka_unit_test(layer_repeat),
        cmocka_unit_test(layer_softmax_with_loss),
        cmocka_unit_test(layer_affine_relu),
        cmocka_unit_test(worked_example_4_softmax),
        cmocka_unit_test(worked_example_5_jacobian_of_relu),
        cmocka_unit_test(gradient_check_of_affine),
    };
    n_contexts = gb_open_contexts(contexts, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_close_contexts(contexts, n_contexts);
    return failed;
}
