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
        assert_true(tally.count > 90);
        gk_context_destroy(ctx);
        assert_int_equal(tally.wrong, 0);
    }
}

/* A gradient that is wrong is seen: the measures themselves. */
static void wrong_gradients_are_seen(void **state) {
    (void)state;
    const double a[] = {1, 2, 3}, b[] = {1, 2.0001, 3}, c[] = {1, NAN, 3};
    assert_true(gb_relative_error(a, a, 3) == 0);
    assert_true(gb_relative_error(a, b, 3) > 1e-5);
    assert_false(gb_relative_error(a, c, 3) <= 1);
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
        cmocka_unit_test(wrong_gradients_are_seen),
        cmocka_unit_test(two_layer_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
