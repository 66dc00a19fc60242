/* Gradients: the checks of `gradbench check` through every usable isa, and the two-layer net of the notes. */
#include <math.h>

#include "gradients.h"
#include "support_lineup.h"

struct tally {
    size_t isa, count, wrong;
};

static void show(void *state, const struct gb_gradient_check *check) {
    struct tally *const tally = state;
    const bool right = check->error <= check->error_bound;
    if (tally->isa == 0 || !right)
        printf("%-85s %-20s %.1e (at most %.0e)%s\n", check->name, check->method, check->error, check->error_bound,
               right ? "" : " FAILED");
    tally->count++;
    tally->wrong += !right;
}

static void every_gradient(void **state) {
    (void)state;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (!gb_isa_runs(isa)) continue;
        gk_context *const ctx = gb_context(isa, 1);
        struct tally tally = {.isa = isa};
        assert_true(gb_gradient_checks(ctx, gk_call, show, &tally));
        assert_int_equal(tally.count, 332);
        gk_context_destroy(ctx);
        assert_int_equal(tally.wrong, 0);
    }
}

/* The measure: the largest |a - b| / (|a| + |b|), of two that are next to 0 by 1e-8. */
static void relative_errors(void **state) {
    const double a[] = {1, 2, -3}, b[] = {1, 3, -3}, c[] = {1, NAN, 3}, d[] = {1, 2, 3}, small[] = {3e-9}, nothing[] = {-1e-9};
    (void)state;
    assert_true(gb_relative_error(a, a, 3) == 0);
    assert_true(gb_relative_error(a, b, 3) == 0.2 && gb_relative_error(b, a, 3) == 0.2 && gb_relative_error(a, b, 1) == 0);
    assert_true(gb_relative_error(a, d, 3) == 1 && gb_relative_error(a, b, 0) == 0);
    assert_true(isnan(gb_relative_error(a, c, 3)) && isnan(gb_relative_error(c, a, 2)) && gb_relative_error(a, c, 1) == 0);
    assert_true(fabs(gb_relative_error(small, nothing, 1) - 0.4) < 1e-12);
}

/* y0 = x0 x1, y1 = x0^2: the differences are exact. */
static void parabola(void *state, double *y) {
    const double *const x = state;
    y[0] = x[0] * x[1];
    y[1] = x[0] * x[0];
}

static void differences(void **state) {
    double x[] = {3, 5}, gradient[2];
    const double dout[] = {10, 1};
    struct gb_function f = {parabola, x, 2, NULL};
    (void)state;
    assert_true(gb_centred_differences(&f, x, 2, 0.25, gradient));
    assert_true(gradient[0] == 5 + 6 && gradient[1] == 3 && x[0] == 3 && x[1] == 5);
    f.dout = dout;
    assert_true(gb_centred_differences(&f, x, 2, 0.5, gradient));
    assert_true(gradient[0] == 50 + 6 && gradient[1] == 30 && x[0] == 3 && x[1] == 5);
    assert_true(gb_centred_differences(&f, x, 1, 0.5, gradient));
    f.n_outputs = 1;
    assert_true(gb_centred_differences(&f, x, 2, 0.5, gradient));
    assert_true(gradient[0] == 50 && gradient[1] == 30);
}

/* Mean 0, variance 1, symmetric, and within 6. */
static void normal_numbers(void **state) {
    uint64_t random = 1;
    double sum = 0, squares = 0, fourth = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        const double x = gb_next_normal(&random);
        assert_true(fabs(x) < 6);
        sum += x, squares += x * x, fourth += x * x * x * x;
    }
    assert_true(fabs(sum) < 1500 && fabs(squares - 1e5) < 2000 && fabs(fourth - 2.9e5) < 15000);
    random = 1;
    assert_true(gb_next_normal(&random) == 0x1.973ae8e000000p-3);
}

/* A cell that is wrong in one element of one output, or of which a call fails. */
static struct {
    enum gk_kernel_id kernel;
    const char *output;
    gk_status answer;
    size_t count, wrong, others_wrong, centred, complex, wide;
    double error;
} planted;

static gk_status call_planted(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    const gk_status status = gk_call(ctx, id, dtype, args);
    if (id != planted.kernel) return status;
    const struct gk_field *const out = gk_kernel_operand(gk_kernel_get(id), planted.output);
    double *const values = *(double *const *)((const char *)args + out->offset);
    if (values) values[1] += planted.error;
    return planted.answer ? planted.answer : status;
}

static void see(void *state, const struct gb_gradient_check *c) {
    char name[100];
    (void)state;
    const int length = snprintf(name, sizeof name, "%s of %s ", planted.output, gk_kernel_get(planted.kernel)->name);
    const bool complex = strcmp(c->method, "complex step") == 0, it = strncmp(c->name, name, (size_t)length) == 0;
    const bool bends = !strstr(c->name, " affine_") && !strstr(c->name, " relu_") && !strstr(c->name, " max_");
    assert_true(complex || strcmp(c->method, "centred differences") == 0);
    assert_true(c->error_bound == (complex ? 1e-13 : bends ? 1e-7 : 1e-9));
    const bool wrong = !(c->error <= c->error_bound);
    planted.count++;
    planted.wide += strstr(c->name, " n=10 ") && strstr(c->name, " labels=index64");
    assert_non_null(strstr(c->name, strstr(c->name, "softmax") ? " c=9 " : " n=10 "));
    planted.centred += !complex, planted.complex += complex;
    if (it && !complex) planted.wrong++, assert_true(wrong); /* the formula is not the kernel's */
    else planted.others_wrong += wrong;
}

/* What is the gradient of what, with each choice of layout, labels, dloss and reduction that there is; of a reduction to no
 * loss the losses of rows count. */
static const struct {
    enum gk_kernel_id kernel;
    const char *output;
    size_t checks;
} pairs[] = {{GK_KERNEL_affine_dx, "dx", 2},
             {GK_KERNEL_affine_dw, "dw", 2},
             {GK_KERNEL_affine_db, "db", 2},
             {GK_KERNEL_affine_backward, "dx", 2},
             {GK_KERNEL_affine_backward, "dw", 2},
             {GK_KERNEL_affine_backward, "db", 2},
             {GK_KERNEL_relu_backward, "dx", 1},
             {GK_KERNEL_add_backward, "da", 1},
             {GK_KERNEL_add_backward, "db", 1},
             {GK_KERNEL_mul_backward, "da", 1},
             {GK_KERNEL_mul_backward, "db", 1},
             {GK_KERNEL_max_backward, "da", 1},
             {GK_KERNEL_max_backward, "db", 1},
             {GK_KERNEL_reciprocal_backward, "dx", 1},
             {GK_KERNEL_exp_backward, "dx", 1},
             {GK_KERNEL_sigmoid_backward, "dx", 1},
             {GK_KERNEL_softmax_xent_backward, "dx", 4 * 18},
             {GK_KERNEL_softmax_xent, "dx", 4 * 18}};

static void wrong_gradients_are_seen(void **state) {
    size_t all = 0;
    (void)state;
    gk_context *const ctx = gb_context(gb_widest_isa(), 1);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) all += pairs[i].checks;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        memset(&planted, 0, sizeof planted);
        planted.kernel = pairs[i].kernel, planted.output = pairs[i].output, planted.error = 1e-5;
        assert_true(gb_gradient_checks(ctx, call_planted, see, NULL));
        assert_int_equal(planted.wrong, pairs[i].checks);
        assert_int_equal(planted.others_wrong, 0);
        assert_int_equal(planted.wide,
                         4 * 24); /* with dloss: two kernels, three reductions, some ignored or none, two methods */
        assert_true(planted.centred == all && planted.complex == all && planted.count == 2 * all);
    }
    gk_context_destroy(ctx);
}

static void nothing_is_kept(void **state) {
    size_t before = 0;
    (void)state;
    gk_context *const ctx = gb_context(gb_widest_isa(), 1);
    for (int i = 0; i < 2; i++) {
        before = gb_heap_in_use();
        memset(&planted, 0, sizeof planted);
        planted.output = "none";
        assert_true(gb_gradient_checks(ctx, gk_call, see, NULL));
    }
    assert_in_range(gb_heap_in_use(), 0, before + 4000);
    gk_context_destroy(ctx);
}

static void ignore(void *state, const struct gb_gradient_check *c) { (void)state, (void)c; }

static void refused_calls_are_said(void **state) {
    (void)state;
    gk_context *const ctx = gb_context(gb_widest_isa(), 1);
    memset(&planted, 0, sizeof planted);
    planted.answer = GK_ERROR_MEMORY;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        planted.kernel = (enum gk_kernel_id)id;
        planted.output = gk_kernel_field(gk_kernel_get(planted.kernel), GK_FIELD_OUT, NULL)->name;
        assert_false(gb_gradient_checks(ctx, call_planted, ignore, NULL));
    }
    gk_context_destroy(ctx);
}

/* 784 - 50 - 10: affine, ReLU, affine, softmax with loss. */
enum { IMAGES = 3, PIXELS = 784, HIDDEN = 50, CLASSES = 10 };

struct net {
    gk_context *ctx;
    double x[IMAGES * PIXELS], w1[PIXELS * HIDDEN], b1[HIDDEN], w2[HIDDEN * CLASSES], b2[CLASSES];
    int32_t labels[IMAGES];
    double hidden[IMAGES * HIDDEN], scores[IMAGES * CLASSES];
    uint64_t mask[IMAGES];
    double dw1[PIXELS * HIDDEN], db1[HIDDEN], dw2[HIDDEN * CLASSES], db2[CLASSES];
};

static void forward(struct net *net) {
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
    forward(net);
    gk_softmax_xent_forward_f64(
        net->ctx,
        &(gk_softmax_xent_forward_args_f64){.n = IMAGES, .c = CLASSES, .x = net->scores, .labels = net->labels, .loss = loss});
}

static void backward(struct net *net) {
    double dscores[IMAGES * CLASSES], dhidden[IMAGES * HIDDEN];
    forward(net);
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

/* Three images with the look of handwritten digits: four pixels in five are 0, the others multiples of 1/255. */
static void make_net(struct net *net, uint64_t random) {
    for (size_t i = 0; i < IMAGES * PIXELS; i++) {
        const double x = gb_next_normal(&random);
        net->x[i] = x < 0.85 ? 0 : floor(fmin(x - 0.85, 1) * 255) / 255;
    }
    for (size_t i = 0; i < PIXELS * HIDDEN; i++) net->w1[i] = 0.01 * gb_next_normal(&random);
    for (size_t i = 0; i < HIDDEN * CLASSES; i++) net->w2[i] = 0.01 * gb_next_normal(&random);
    for (size_t i = 0; i < IMAGES; i++) net->labels[i] = (int32_t)(i * 4 + 1);
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
static void two_layer_net(void **state) {
    (void)state;
    size_t isa = GK_ISA_COUNT - 1;
    while (gk_isa_unusable(isa)) isa--;
    struct net *const net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->ctx = gb_context(isa, 1);
    make_net(net, 2019);
    backward(net);
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
        cmocka_unit_test(every_gradient),
        cmocka_unit_test(relative_errors),
        cmocka_unit_test(differences),
        cmocka_unit_test(normal_numbers),
        cmocka_unit_test(wrong_gradients_are_seen),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(refused_calls_are_said),
        cmocka_unit_test(two_layer_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
