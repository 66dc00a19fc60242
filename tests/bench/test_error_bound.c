/* The bound that peers are held to: for each element of each output what it is, by a formula of its own, that less than it
 * passes on both sides and more does not, however small the element is beside the others. */
#include <math.h>

#include "error_bound.h"
#include "support_lineup.h"

static gk_context *ref, *widest;

struct subject {
    struct gb_problem problem;
    struct gb_verifier *verifier;
    struct gb_error_bound *bound;
};

/* Of a sample if full_fma is less than the problem takes. */
static void open_subject(struct subject *s, const struct gb_problem_spec *spec, double full_fma) {
    assert_true(gb_problem_create_shared(&s->problem, spec));
    s->verifier = gb_verifier_create_within(&s->problem, ref, (size_t[]){1}, 1, full_fma, 1);
    s->bound = gb_error_bound_create(spec, widest, s->verifier);
    assert_non_null(s->bound);
}

static void close_subject(struct subject *s) {
    gb_error_bound_destroy(s->bound);
    gb_verifier_destroy(s->verifier);
    gb_problem_destroy(&s->problem);
}

static bool holds(const struct subject *s, struct gb_verify_report *report) {
    const bool right = gb_error_bound_holds(s->bound, &s->problem, report);
    assert_int_equal(report->verified, right ? GB_VERIFIED_FULL : GB_VERIFY_FAILED);
    assert_string_equal(report->against, "ours");
    return right;
}

static void put(const struct gb_operand *o, size_t row, size_t col, double value) {
    void *const at = (char *)o->start + (row * o->ld + col) * o->element_size;
    if (o->element_size == sizeof value) memcpy(at, &value, sizeof value);
    else memcpy(at, &(float){(float)value}, sizeof(float));
}

static double get(const struct gb_operand *o, size_t row, size_t col) {
    return gb_operand_value(o, gb_operand_bits(o, row, col));
}

/* Element (i, j) of a matrix as the formula has it, whose weights may lie the other way; 0: there is none. */
static double value(struct gb_problem *p, const char *name, size_t i, size_t j) {
    const struct gb_operand *const o = gb_operand_named(p, name);
    if (!o) return 0;
    return gk_field_swapped(o->field, p->args) ? get(o, j, i) : get(o, i, j);
}

static bool kept(struct gb_problem *p, size_t i, size_t j) {
    const struct gb_operand *const mask = gb_operand_named(p, "mask");
    return !mask || gb_operand_bits(mask, i, j / 64) >> j % 64 & 1;
}

/* What the output had before the call. */
static double start(struct gb_problem *p, const struct gb_operand *o, size_t row, size_t col) {
    const char *const at = (const char *)o->initial + (row * o->row_elements + col) * o->element_size;
    double real;
    float single;
    if (!p->spec.accumulate) return 0;
    if (o->element_size == sizeof real) return memcpy(&real, at, sizeof real), real;
    return memcpy(&single, at, sizeof single), (double)single;
}

/* The terms' magnitudes of element (i, j), stored at (row, col), and how many terms there may be. */
static double sum_size(struct gb_problem *p, const struct gb_operand *o, size_t row, size_t col, double *terms) {
    const bool swapped = gk_field_swapped(o->field, p->args);
    const size_t i = swapped ? col : row, j = swapped ? row : col, n = p->spec.n, d = p->spec.d, m = p->spec.m;
    const char *const name = o->field->name;
    double sum = fabs(strcmp(name, "y") == 0 ? value(p, "b", 0, j) : start(p, o, row, col));
    if (strcmp(name, "y") == 0)
        for (size_t k = 0; k < d; k++) sum += fabs(value(p, "x", i, k) * value(p, "w", k, j));
    if (strcmp(name, "dx") == 0)
        for (size_t k = 0; k < m; k++) sum += kept(p, i, k) ? fabs(value(p, "dy", i, k) * value(p, "w", j, k)) : 0;
    if (strcmp(name, "dw") == 0)
        for (size_t k = 0; k < n; k++) sum += kept(p, k, j) ? fabs(value(p, "x", k, i) * value(p, "dy", k, j)) : 0;
    if (strcmp(name, "db") == 0)
        for (size_t k = 0; k < n; k++) sum += kept(p, k, j) ? fabs(value(p, "dy", k, j)) : 0;
    *terms = (double)(strcmp(name, "y") == 0 ? d : strcmp(name, "dx") == 0 ? m : n);
    return sum;
}

static double weight(struct gb_problem *p, size_t j) {
    return gb_operand_named(p, "class_weights") ? value(p, "class_weights", 0, j) : 1;
}

/* What a row that counts is trained towards. */
static double label(struct gb_problem *p, size_t i, size_t j) {
    const struct gb_operand *const labels = gb_operand_named(p, p->spec.wide_labels ? "labels64" : "labels");
    const double eps = gb_option_value(gb_option_find("label_smoothing"), &p->spec),
                 plain = labels ? gb_operand_bits(labels, 0, i) == j : fabs(value(p, "t", i, j));
    return (plain * (1 - eps) + eps / (double)p->spec.c) * weight(p, j);
}

static bool counts(struct gb_problem *p, size_t i) {
    const struct gb_operand *const labels = gb_operand_named(p, p->spec.wide_labels ? "labels64" : "labels");
    return !labels || (int32_t)gb_operand_bits(labels, 0, i) != -1;
}

static double divisor(struct gb_problem *p) {
    double rows = 0;
    const struct gb_operand *const labels = gb_operand_named(p, p->spec.wide_labels ? "labels64" : "labels");
    for (size_t i = 0; i < p->spec.n; i++)
        if (counts(p, i)) rows += labels ? weight(p, gb_operand_bits(labels, 0, i)) : 1;
    return p->spec.reduction == GK_MEAN ? rows : 1;
}

/* Probabilities: an operand, or of x. */
static double probability(struct gb_problem *p, size_t i, size_t j) {
    double sum = 0;
    if (!gb_operand_named(p, "x")) return value(p, "p", i, j);
    for (size_t k = 0; k < p->spec.c; k++) sum += exp(value(p, "x", i, k));
    return exp(value(p, "x", i, j)) / sum;
}

/* Of a row's loss: sum of |t| (log(sum exp(z)) - z), and of |t|. */
static double row_loss_size(struct gb_problem *p, size_t i) {
    double sum = 0;
    for (size_t j = 0; j < p->spec.c && counts(p, i); j++) sum += fabs(label(p, i, j)) * (1 - log(probability(p, i, j)));
    return sum;
}

/* Of a gradient what of the two terms is left, with the magnitudes of labels, and twice the label. */
static double softmax_size(struct gb_problem *p, const struct gb_operand *o, size_t row, size_t col) {
    const char *const name = o->field->name;
    double labels = 0, all = 0;
    if (strcmp(name, "p") == 0) return probability(p, row, col);
    if (strcmp(name, "row_loss") == 0) return row_loss_size(p, col);
    if (strcmp(name, "loss") == 0) {
        for (size_t i = 0; i < p->spec.n; i++) all += row_loss_size(p, i);
        return all / divisor(p);
    }
    if (!counts(p, row)) return 0;
    for (size_t j = 0; j < p->spec.c; j++) labels += fabs(label(p, row, j));
    const double one = fabs(label(p, row, col)), dloss = value(p, "dloss", 0, p->spec.reduction == GK_NONE ? row : 0);
    const double scale = fabs(gb_operand_named(p, "dloss") ? dloss : 1) / divisor(p);
    return (fabs(probability(p, row, col) * labels - one) + 2 * one) * scale;
}

/* Of 21 rows, 10 classes: the longest dimension is 21, what is bounded that way knows no sums of more than 256. */
static double allowed(struct gb_problem *p, const struct gb_operand *o, size_t row, size_t col) {
    const double u = p->spec.dtype == GK_F64 ? 0x1p-53 : 0x1p-24, least = p->spec.dtype == GK_F64 ? 0x1p-1022 : 0x1p-126;
    double terms;
    switch (gk_exactness_of(p->kernel, o->field).rule) {
    case GK_EXACT_SUM: {
        const double size = sum_size(p, o, row, col, &terms), depth = terms + 2;
        return 2 * depth * u / (1 - depth * u) * size + terms * least;
    }
    case GK_EXACT_SOFTMAX: {
        const double chain = gb_option_value(gb_option_find("label_smoothing"), &p->spec) != 0 ? 10 : 0;
        return 2 * u * (48 + log(21) + 21 / 32. + chain) * softmax_size(p, o, row, col) + least;
    }
    case GK_EXACT_ULP: return 4 * gk_exactness_of(p->kernel, o->field).ulp * u * fabs(get(o, row, col)) + least;
    default: return 0;
    }
}

static void assert_wrong(struct subject *s, const struct gb_operand *o, size_t row, size_t col, double wrong) {
    struct gb_verify_report report;
    const double right = get(o, row, col);
    put(o, row, col, wrong);
    const double got = get(o, row, col);
    assert_false(holds(s, &report));
    assert_string_equal(report.difference.operand, o->field->name);
    assert_true(report.difference.row == row && report.difference.col == col);
    assert_true(report.difference.want == right && (report.difference.got == got || got != got));
    assert_null(report.changed);
    put(o, row, col, right);
}

static void assert_right(struct subject *s, const struct gb_operand *o, size_t row, size_t col, double other) {
    struct gb_verify_report report;
    const double right = get(o, row, col);
    put(o, row, col, other);
    assert_true(holds(s, &report));
    put(o, row, col, right);
}

/* A few units in the last place: what the type makes of another value may be as far off as is allowed. */
static void judge_units(struct subject *s, const struct gb_operand *o, size_t row, size_t col, double most) {
    const double right = get(o, row, col), shares[] = {0.3, 0.6, 0.95, 1.05, 1.5, 3};
    for (size_t i = 0; i < 12; i++) {
        put(o, row, col, right + (i % 2 ? most : -most) * shares[i / 2]);
        const double other = get(o, row, col);
        put(o, row, col, right);
        if (fabs(other - right) <= most) assert_right(s, o, row, col, other);
        else assert_wrong(s, o, row, col, other);
    }
    assert_wrong(s, o, row, col, (double)INFINITY);
    assert_wrong(s, o, row, col, (double)NAN);
}

/* 0.95 of what it may be off passes, 1.05 does not, on either side: wider than a last bit is, and narrower than any mistake. */
static void judge_element(struct subject *s, const struct gb_operand *o, size_t row, size_t col) {
    struct gb_verify_report report;
    if (o->field->element != GK_ELEMENT_REAL) {
        *((unsigned char *)o->start + (row * o->ld + col) * o->element_size) ^= 1;
        assert_false(holds(s, &report));
        *((unsigned char *)o->start + (row * o->ld + col) * o->element_size) ^= 1;
        return;
    }
    const double right = get(o, row, col), most = allowed(&s->problem, o, row, col);
    if (gk_exactness_of(s->problem.kernel, o->field).rule == GK_EXACT_ULP) {
        judge_units(s, o, row, col, most);
        return;
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        if (most > 0) assert_right(s, o, row, col, right + sign * 0.95 * most);
        assert_wrong(s, o, row, col, most > 0 ? right + sign * 1.05 * most : nextafter(right, sign) + sign * 1e-6);
        if (most > 0) assert_wrong(s, o, row, col, right + sign * 2 * most);
        if (most > 0) assert_wrong(s, o, row, col, right + sign * 3 * most);
        assert_wrong(s, o, row, col, sign * (double)INFINITY);
    }
    assert_wrong(s, o, row, col, (double)NAN);
}

static void judge(const struct gb_problem_spec *spec, double full_fma) {
    struct subject s;
    struct gb_verify_report report;
    open_subject(&s, spec, full_fma);
    assert_false(holds(&s, &report)); /* not called yet */
    assert_int_equal(gb_problem_call(&s.problem, ref), GK_OK);
    assert_true(holds(&s, &report));
    for (size_t i = 0; i < s.problem.n_operands; i++) {
        const struct gb_operand *const o = &s.problem.operands[i];
        for (size_t row = 0; row < o->rows && o->output; row++)
            for (size_t col = 0; col < o->row_elements; col++) judge_element(&s, o, row, col);
        if (o->output) continue;
        *(unsigned char *)o->start ^= 1;
        assert_false(holds(&s, &report));
        assert_string_equal(report.changed, o->field->name);
        *(unsigned char *)o->start ^= 1;
    }
    assert_true(holds(&s, &report));
    close_subject(&s);
}

static struct gb_problem_spec spec_of(int kernel, int options) {
    struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)kernel,
                                   .dtype = options & 1 ? GK_F64 : GK_F32,
                                   .n = 21,
                                   .d = 8,
                                   .m = 17,
                                   .c = 10,
                                   .layout = options & 1 ? GK_OUT_IN : GK_IN_OUT,
                                   .accumulate = options & 1,
                                   .soft_labels = options & 2,
                                   .wide_labels = options & 1,
                                   .ignore = options & 1 && !(options & 2),
                                   .dloss = options & 1,
                                   .reduction = (gk_reduction)(options % 3),
                                   .class_weights = options & 12,
                                   .ld_pad = options & 1,
                                   .seed = 9};
    if (options & 12) assert_true(gb_option_read(gb_option_find("label_smoothing"), "0.3", &spec));
    return spec;
}

static void every_element_has_its_bound(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 12; options++) {
            const struct gb_problem_spec spec = spec_of(id, options);
            judge(&spec, 0x1p30);
        }
}

/* What ref has seen a sample of is as good a truth. */
static void of_a_sample_too(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec spec = spec_of(id, 0);
        judge(&spec, 0);
    }
}

/* The longest sums of 300 terms: a block of 256, two blocks, and the last addition. */
static void long_sums(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_dx, .n = 1, .d = 1, .m = 300, .seed = 1};
    struct subject s;
    double terms;
    (void)state;
    open_subject(&s, &spec, 0x1p30);
    assert_int_equal(gb_problem_call(&s.problem, ref), GK_OK);
    const struct gb_operand *const dx = gb_operand_named(&s.problem, "dx");
    const double right = get(dx, 0, 0), most = 2 * 259 * 0x1p-24 / (1 - 259 * 0x1p-24) * sum_size(&s.problem, dx, 0, 0, &terms);
    assert_right(&s, dx, 0, 0, right + 0.98 * most);
    assert_wrong(&s, dx, 0, 0, right + 1.02 * most);
    close_subject(&s);
}

/* The longest dimension is 1. */
static void one_class(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_softmax_xent_forward, .dtype = GK_F64, .n = 1, .c = 1, .seed = 1};
    struct subject s;
    (void)state;
    open_subject(&s, &spec, 0x1p30);
    assert_int_equal(gb_problem_call(&s.problem, ref), GK_OK);
    assert_right(&s, gb_operand_named(&s.problem, "p"), 0, 0, 1 - 0.995 * 2 * 0x1p-53 * (48 + 1 / 32.));
    assert_wrong(&s, gb_operand_named(&s.problem, "p"), 0, 0, 1 - 1.005 * 2 * 0x1p-53 * (48 + 1 / 32.));
    close_subject(&s);
}

/* A probability of e^-7 beside one of almost 1, and its gradient, may be off by so much of itself; nothing is left of one that
 * a peer gives as 0. */
static void small_ones_are_not_hidden(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_softmax_xent, .n = 2, .c = 30000, .seed = 3};
    struct subject s;
    (void)state;
    open_subject(&s, &spec, 0x1p30);
    assert_int_equal(gb_problem_call(&s.problem, ref), GK_OK);
    const struct gb_operand *const dx = gb_operand_named(&s.problem, "dx");
    size_t smallest = 0;
    for (size_t j = 0; j < spec.c; j++)
        if (fabs(get(dx, 0, j)) < fabs(get(dx, 0, smallest))) smallest = j;
    const double right = get(dx, 0, smallest), most = 2 * 0x1p-24 * (48 + log(30000) + 30000 / 32.) * right;
    assert_true(right > 0 && right < 1e-6);
    assert_right(&s, dx, 0, smallest, right + 0.98 * most);
    assert_wrong(&s, dx, 0, smallest, right + 1.02 * most);
    assert_wrong(&s, dx, 0, smallest, 0);
    close_subject(&s);
}

/* Ours may be wrong, too: here the verifier is of other contents. */
static void a_wrong_truth_is_none(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        struct gb_problem_spec spec = spec_of(id, 0);
        struct gb_problem problem;
        assert_true(gb_problem_create(&problem, &spec));
        struct gb_verifier *const verifier = gb_verifier_create(&problem, ref, (size_t[]){1}, 1);
        spec.seed++;
        assert_null(gb_error_bound_create(&spec, widest, verifier));
        spec.seed--;
        spec.n = SIZE_MAX / 2;
        assert_null(gb_error_bound_create(&spec, widest, verifier));
        gb_verifier_destroy(verifier);
        gb_problem_destroy(&problem);
    }
    gb_error_bound_destroy(NULL);
}

static int create_without_memory(const void *argument) {
    size_t made = 0, refused = 0;
    (void)argument;
    for (size_t part = 0; part < 20; part++) {
        const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 40, .d = 2, .m = 10000};
        struct gb_problem p;
        if (!gb_problem_create(&p, &spec)) return 2;
        struct gb_verifier *const verifier = gb_verifier_create(&p, ref, (size_t[]){1}, 1);
        gb_limit_memory(part * 600000);
        struct gb_error_bound *const bound = gb_error_bound_create(&spec, widest, verifier);
        gb_limit_memory((size_t)1 << 30);
        struct gb_verify_report report;
        if (bound && (gb_problem_call(&p, ref) != GK_OK || !gb_error_bound_holds(bound, &p, &report))) return 3;
        if (bound) made++;
        else refused++;
        gb_error_bound_destroy(bound);
        gb_verifier_destroy(verifier);
        gb_problem_destroy(&p);
    }
    return made > 4 && refused > 4 ? 0 : 4;
}

static void memory_may_run_out(void **state) {
    char text[1000];
    (void)state;
    if (GB_SANITIZER) skip(); /* it has all of the address space */
    assert_int_equal(gb_child_run(create_without_memory, NULL, text, sizeof text), 0);
}

static void bound_and_forget(void) {
    for (int id = 0; id < GK_KERNEL_COUNT; id += 4) { /* sums, masks, and a softmax */
        struct gb_problem_spec spec = spec_of(id, 2);
        struct subject s;
        spec.n = 3;
        open_subject(&s, &spec, 0x1p30);
        spec.seed++;
        assert_null(gb_error_bound_create(&spec, widest, s.verifier));
        close_subject(&s);
    }
}

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(bound_and_forget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_has_its_bound),
        cmocka_unit_test(of_a_sample_too),
        cmocka_unit_test(one_class),
        cmocka_unit_test(long_sums),
        cmocka_unit_test(small_ones_are_not_hidden),
        cmocka_unit_test(a_wrong_truth_is_none),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(nothing_is_kept),
    };
    ref = gb_context(0, 1);
    widest = gb_context(gb_widest_isa(), 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gk_context_destroy(ref);
    gk_context_destroy(widest);
    return failed;
}
