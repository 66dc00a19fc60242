/* What a loss is trained towards: label_smoothing, class_weights and z_loss, and lse. Where two calls must agree they do bit by
 * bit; a row by hand; rows that do not count; and what is refused. */
#include <float.h>
#include <math.h>

#include "support_lineup.h"

enum { SETS = 8, WITH_Z = 4 };

static const size_t classes[] = {1, 2, 7, 16, 64, 65, 131, 700, 4097};
enum { CLASSES = sizeof classes / sizeof *classes };

static gk_context *contexts[GK_ISA_COUNT];
static size_t n_contexts, compared;

/* All of the options' bits: smoothed, weighted, z_loss. */
static struct gb_problem_spec spec_of(enum gk_kernel_id kernel, unsigned set, size_t c) {
    struct gb_problem_spec spec = {.kernel = kernel, .dtype = c % 2 ? GK_F32 : GK_F64, .n = 5, .c = c, .seed = c + set};
    gb_set_targets(&spec, set & 1, set & 2, set & WITH_Z);
    return spec;
}

static void put(const struct gb_operand *o, size_t row, size_t col, double value) {
    char *const at = (char *)o->start + (row * o->ld + col) * o->element_size;
    const float single = (float)value;
    if (o->element_size == sizeof single) memcpy(at, &single, sizeof single);
    else memcpy(at, &value, sizeof value);
}

static void call(struct gb_problem *p, gk_context *ctx) { assert_int_equal(gb_problem_call(p, ctx), GK_OK); }

/* The outputs of these names, separated by blanks, of both problems. */
static void assert_same(struct gb_problem *a, struct gb_problem *b, const char *names) {
    char copy[40], *rest = copy;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        const struct gb_operand *const x = gb_operand_named(a, name), *const y = gb_operand_named(b, name);
        assert_true(x->rows == y->rows && x->row_elements == y->row_elements);
        for (size_t i = 0; i < x->rows; i++)
            for (size_t j = 0; j < x->row_elements; j++, compared++)
                if (gb_operand_bits(x, i, j) != gb_operand_bits(y, i, j))
                    fail_msg("%s[%zu][%zu] of c = %zu: %a and %a", name, i, j, a->spec.c,
                             gb_operand_value(x, gb_operand_bits(x, i, j)), gb_operand_value(y, gb_operand_bits(y, i, j)));
    }
}

static void on_each(void (*body)(unsigned set, size_t c, gk_context *ctx)) {
    for (size_t i = 0; i < n_contexts; i++)
        for (unsigned set = 0; set < SETS; set++)
            for (size_t k = 0; k < CLASSES; k++) body(set, classes[k], contexts[i]);
}

/* Float labels of one 1 a row are class indices; but for a mean, which divides by another number where classes weigh. */
static void one_hot_body(unsigned set, size_t c, gk_context *ctx) {
    struct gb_problem_spec spec = spec_of(GK_KERNEL_softmax_xent, set, c);
    struct gb_problem index, dense;
    spec.reduction = GK_SUM;
    spec.dloss = set & 1;
    assert_true(gb_problem_create(&index, &spec));
    spec.soft_labels = true;
    assert_true(gb_problem_create(&dense, &spec));
    for (size_t i = 0; i < spec.n; i++)
        for (size_t j = 0; j < c; j++)
            put(gb_operand_named(&dense, "t"), i, j, gb_operand_bits(gb_operand_named(&index, "labels"), 0, i) == j);
    call(&index, ctx), call(&dense, ctx);
    assert_same(&index, &dense, "dx row_loss loss");
    gb_problem_destroy(&index);
    gb_problem_destroy(&dense);
}

static void one_hot_labels_are_indices(void **state) {
    (void)state;
    on_each(one_hot_body);
}

/* Also where there are no other options: then they are another path. */
static void weights_of_one_body(unsigned set, size_t c, gk_context *ctx) {
    struct gb_problem_spec spec = spec_of(GK_KERNEL_softmax_xent, set, c);
    struct gb_problem with, without;
    spec.ignore = c % 3 == 0, spec.soft_labels = c % 3 == 1;
    spec.class_weights = true;
    assert_true(gb_problem_create(&with, &spec));
    spec.class_weights = false;
    assert_true(gb_problem_create(&without, &spec));
    for (size_t j = 0; j < c; j++) put(gb_operand_named(&with, "class_weights"), 0, j, 1);
    call(&with, ctx), call(&without, ctx);
    assert_same(&with, &without, "dx row_loss loss");
    gb_problem_destroy(&with);
    gb_problem_destroy(&without);
}

static void weights_of_one_change_nothing(void **state) {
    (void)state;
    on_each(weights_of_one_body);
}

static void leave_out(struct gb_problem *p, const char *name) {
    static const void *const none = NULL;
    memcpy((char *)p->args + gk_kernel_operand(p->kernel, name)->offset, &none, sizeof none);
}

/* lse depends on x alone, and what else is wanted does not depend on it. */
static void lse_body(unsigned set, size_t c, gk_context *ctx) {
    struct gb_problem_spec spec = spec_of(GK_KERNEL_softmax_xent_forward, set | WITH_Z, c);
    struct gb_problem all, other;
    spec.ignore = set & 1;
    assert_true(gb_problem_create(&all, &spec) && gb_problem_create(&other, &spec));
    call(&all, ctx);
    leave_out(&other, "lse");
    call(&other, ctx);
    assert_same(&all, &other, "p row_loss loss");
    gb_problem_destroy(&other);
    assert_true(gb_problem_create(&other, &spec));
    static const char *const others[] = {"labels", "row_loss", "loss", "p", "class_weights"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) leave_out(&other, others[i]);
    call(&other, ctx);
    assert_same(&all, &other, "lse");
    /* without a z_loss all but lse is that of a call which does not want it */
    const size_t z_loss = gk_kernel_field(all.kernel, GK_FIELD_REAL, "z_loss")->offset;
    memset((char *)all.args + z_loss, 0, sizeof(double));
    gb_problem_reset(&all);
    call(&all, ctx);
    assert_same(&all, &other, "lse");
    gb_problem_destroy(&other);
    assert_true(gb_problem_create(&other, &spec));
    memset((char *)other.args + z_loss, 0, sizeof(double));
    leave_out(&other, "lse");
    call(&other, ctx);
    assert_same(&all, &other, "p row_loss loss");
    gb_problem_destroy(&all);
    gb_problem_destroy(&other);
}

static void lse_stands_alone(void **state) {
    (void)state;
    on_each(lse_body);
}

static bool close_to(double a, double b) { return fabs(a - b) <= 1e-14 * fmax(1, fabs(b)); }

/* --- by hand: three classes of probabilities 1/2, 1/4, 1/4, whose logits are shifted by ln 8 --- */

static const int32_t labels[2] = {1, 2};
static const double weights[3] = {4, 2, 1}, ln2 = 0x1.62e42fefa39efp-1;

struct result {
    double dx[6], row_loss[2], loss;
};

static gk_softmax_xent_args_f64 by_hand_args(struct result *r) {
    static const double shift = 3 * 0x1.62e42fefa39efp-1;
    static double x[6];
    for (size_t j = 0; j < 6; j++) x[j] = shift - (j % 3 ? 2 : 1) * ln2;
    *r = (struct result){.loss = NAN, .dx = {NAN, NAN, NAN, NAN, NAN, NAN}, .row_loss = {NAN, NAN}};
    return (gk_softmax_xent_args_f64){
        .n = 2, .c = 3, .x = x, .labels = labels, .dx = r->dx, .row_loss = r->row_loss, .loss = &r->loss};
}

/* eps = 3/4: tau is 1/2 at the label and 1/4 else, times the weights; lse = ln 8. */
static void a_row_by_hand(void **state) {
    (void)state;
    for (size_t c = 0; c < n_contexts; c++) {
        struct result r;
        gk_softmax_xent_args_f64 a = by_hand_args(&r);
        a.label_smoothing = 0.75, a.class_weights = weights, a.z_loss = 0.5;
        const double z = 0.5 * 9 * ln2 * ln2, pull = 3 * ln2; /* 2 zeta lse */
        const double row_loss[2] = {(1 + 2 + 0.5) * ln2 + z, (1 + 1 + 1) * ln2 + z};
        const double tau[6] = {1, 1, 0.25, 1, 0.5, 0.5}, p[3] = {0.5, 0.25, 0.25}, sum[2] = {2.25 + pull, 2 + pull};
        assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
        for (size_t i = 0; i < 2; i++) assert_true(close_to(r.row_loss[i], row_loss[i]));
        for (size_t j = 0; j < 6; j++) assert_true(close_to(r.dx[j], (p[j % 3] * sum[j / 3] - tau[j]) / 3));
        assert_true(close_to(r.loss, (row_loss[0] + row_loss[1]) / (2 + 1))); /* the weights of the labels */
        static const double t[6] = {0, 1, 0, 0, 0, 1};
        a.labels = NULL, a.t = t;
        assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
        assert_true(close_to(r.loss, (row_loss[0] + row_loss[1]) / 2)); /* the rows */
        assert_true(close_to(r.dx[2], (p[2] * sum[0] - tau[2]) / 2));
        compared += 12;
    }
}

/* Smoothed all the way, every class is the same; and the least that there is. */
static void ends_of_smoothing(void **state) {
    (void)state;
    for (size_t c = 0; c < n_contexts; c++) {
        struct result r;
        gk_softmax_xent_args_f64 a = by_hand_args(&r);
        a.label_smoothing = 1;
        assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
        for (size_t i = 0; i < 2; i++) assert_true(close_to(r.row_loss[i], (1 + 2 + 2) * ln2 / 3));
        assert_true(close_to(r.dx[1], (0.25 - 1.0 / 3) / 2) && r.dx[1] == r.dx[2] && r.dx[1] == r.dx[5]);
        a.label_smoothing = DBL_TRUE_MIN;
        assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
        assert_true(close_to(r.loss, 2 * ln2) && close_to(r.dx[0], 0.25) && close_to(r.dx[1], -0.375));
    }
}

static void assert_positive_zeros(const double *values, size_t count) {
    for (size_t i = 0; i < count; i++) assert_true(values[i] == 0 && !signbit(values[i]));
}

/* Nothing to divide by: 0, whatever a row holds; the rows' own losses are what they are. */
static void no_row_counts(void **state) {
    static const double zeros[3] = {3, 0, 0}, opposite[3] = {0, 1, -1}, nan[6] = {NAN, INFINITY, 0, 1, 2, 3};
    static const int32_t none[2] = {-1, -1};
    (void)state;
    for (size_t c = 0; c < n_contexts; c++)
        for (unsigned set = 0; set < SETS; set++) {
            struct result r;
            gk_softmax_xent_args_f64 a = by_hand_args(&r);
            a.class_weights = set & 1 ? zeros : opposite;
            a.label_smoothing = set & 2 ? 0.1 : 0;
            a.z_loss = set & 4 ? 0.5 : 0;
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            assert_positive_zeros(&r.loss, 1);
            assert_positive_zeros(r.dx, 6);
            assert_true((r.row_loss[0] == 0) == (set == 1)); /* a weight of 0 */
            a.x = nan;
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            assert_positive_zeros(&r.loss, 1);
            assert_positive_zeros(r.dx, 6);
            assert_true(isnan(r.row_loss[0]) && !isnan(r.row_loss[1]));
            a.labels = none, a.use_ignore_index = true, a.ignore_index = -1;
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            assert_positive_zeros(&r.loss, 1);
            assert_positive_zeros(r.dx, 6);
            assert_positive_zeros(r.row_loss, 2);
            a.reduction = GK_SUM, a.labels = labels, a.class_weights = zeros;
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            assert_true(isnan(r.loss) && isnan(r.dx[0]));
        }
}

/* A class that no label is of may weigh what it likes. */
static void weights_of_other_classes(void **state) {
    static const double odd[][3] = {{INFINITY, 2, 1}, {NAN, 2, 1}};
    (void)state;
    for (size_t c = 0; c < n_contexts; c++)
        for (size_t i = 0; i < 2; i++) {
            struct result r, want;
            gk_softmax_xent_args_f64 a = by_hand_args(&want);
            a.class_weights = weights;
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            a = by_hand_args(&r);
            a.class_weights = odd[i];
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            assert_memory_equal(&r, &want, sizeof r);
            a.label_smoothing = 0.5;
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_OK);
            assert_false(isfinite(r.loss));
        }
}

/* A row without classes: the sum of nothing is 0, and log(0) is -Inf. */
static void no_classes(void **state) {
    (void)state;
    for (size_t c = 0; c < n_contexts; c++) {
        double lse[2] = {NAN, NAN};
        const gk_softmax_xent_forward_args_f64 a = {.n = 2, .lse = lse, .z_loss = 1, .label_smoothing = 0.5};
        assert_int_equal(gk_softmax_xent_forward_f64(contexts[c], &a), GK_OK);
        for (size_t i = 0; i < 2; i++) assert_true(isinf(lse[i]) && lse[i] < 0);
    }
}

/* --- what is refused, before anything is written --- */

static void bad_numbers(void **state) {
    static const double smoothing[] = {-0x1p-1074, -1, 0x1.0000000000001p0, 2, INFINITY, -INFINITY, NAN};
    static const double z_loss[] = {INFINITY, -INFINITY, NAN};
    (void)state;
    for (size_t c = 0; c < n_contexts; c++) {
        struct result r, before;
        gk_softmax_xent_args_f64 a = by_hand_args(&r);
        memcpy(&before, &r, sizeof r);
        for (size_t i = 0; i < sizeof smoothing / sizeof *smoothing; i++) {
            a.label_smoothing = smoothing[i];
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_ERROR_OPTION);
        }
        a.label_smoothing = 0;
        for (size_t i = 0; i < sizeof z_loss / sizeof *z_loss; i++) {
            a.z_loss = z_loss[i];
            assert_int_equal(gk_softmax_xent_f64(contexts[c], &a), GK_ERROR_OPTION);
        }
        assert_memory_equal(&r, &before, sizeof r);
        /* finite in its own type */
        const float x[3] = {0};
        float dx[3], p[3] = {0}, lse = 0;
        const gk_softmax_xent_args wide = {.n = 1, .c = 3, .x = x, .labels = labels, .dx = dx, .z_loss = 1e39};
        const gk_softmax_xent_backward_args back = {
            .n = 1, .c = 3, .p = p, .labels = labels, .dx = dx, .z_loss = 1e39, .lse = &lse};
        assert_int_equal(gk_softmax_xent(contexts[c], &wide), GK_ERROR_OPTION);
        assert_int_equal(gk_softmax_xent_backward(contexts[c], &back), GK_ERROR_OPTION);
    }
}

static void what_goes_together(void **state) {
    static const double x[6] = {0};
    (void)state;
    for (size_t c = 0; c < n_contexts; c++) {
        double p[6] = {0}, dx[6], lse[2] = {0};
        gk_softmax_xent_forward_args_f64 f = {.n = 2, .c = 3, .x = x, .p = p, .class_weights = weights};
        assert_int_equal(gk_softmax_xent_forward_f64(contexts[c], &f), GK_ERROR_OPTION); /* nothing to weigh */
        f.row_loss = dx;
        assert_int_equal(gk_softmax_xent_forward_f64(contexts[c], &f), GK_ERROR_NULL);
        f.labels = labels;
        assert_int_equal(gk_softmax_xent_forward_f64(contexts[c], &f), GK_OK);
        gk_softmax_xent_backward_args_f64 b = {.n = 2, .c = 3, .p = p, .labels = labels, .dx = dx, .z_loss = 0.5};
        assert_int_equal(gk_softmax_xent_backward_f64(contexts[c], &b), GK_ERROR_NULL); /* it needs lse */
        b.lse = lse;
        assert_int_equal(gk_softmax_xent_backward_f64(contexts[c], &b), GK_OK);
        b.z_loss = 0, b.lse = NULL;
        assert_int_equal(gk_softmax_xent_backward_f64(contexts[c], &b), GK_OK);
        b.lse = dx;
        assert_int_equal(gk_softmax_xent_backward_f64(contexts[c], &b), GK_ERROR_OVERLAP);
    }
}

static void something_was_compared(void **state) {
    (void)state;
    assert_true(compared > 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hot_labels_are_indices),
        cmocka_unit_test(weights_of_one_change_nothing),
        cmocka_unit_test(lse_stands_alone),
        cmocka_unit_test(a_row_by_hand),
        cmocka_unit_test(ends_of_smoothing),
        cmocka_unit_test(no_row_counts),
        cmocka_unit_test(weights_of_other_classes),
        cmocka_unit_test(no_classes),
        cmocka_unit_test(bad_numbers),
        cmocka_unit_test(what_goes_together),
        cmocka_unit_test(something_was_compared),
    };
    n_contexts = gb_open_contexts(contexts, 2);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_close_contexts(contexts, n_contexts);
    return failed;
}
