/* Gradients: the checks of `gradbench check` through every usable isa. */
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

/* The same of a gradient as a whole. */
static void gradient_errors(void **state) {
    const double a[] = {1, 3, 1e-3}, b[] = {1, 5, -1e-3}, c[] = {1, NAN, 3}, small[] = {3e-9}, nothing[] = {-1e-9};
    const double far[] = {1, INFINITY};
    (void)state;
    assert_true(gb_gradient_error(a, a, 3) == 0 && gb_gradient_error(a, b, 3) == 0.25 && gb_gradient_error(b, a, 3) == 0.25);
    assert_true(gb_gradient_error(a, b, 1) == 0 && gb_gradient_error(a + 2, b + 2, 1) == 1 && gb_gradient_error(a, b, 0) == 0);
    assert_true(isnan(gb_gradient_error(a, c, 3)) && isnan(gb_gradient_error(c, a, 2)) && gb_gradient_error(a, c, 1) == 0);
    assert_true(isnan(gb_gradient_error(far, a, 2)) && isnan(gb_gradient_error(far, far, 2)));
    assert_true(fabs(gb_gradient_error(small, nothing, 1) - 0.4) < 1e-12);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient),  cmocka_unit_test(relative_errors),        cmocka_unit_test(gradient_errors),
        cmocka_unit_test(differences),     cmocka_unit_test(normal_numbers),         cmocka_unit_test(wrong_gradients_are_seen),
        cmocka_unit_test(nothing_is_kept), cmocka_unit_test(refused_calls_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
