/* The true values and the bounds of results, by numbers made by hand: what the oracles know and what they allow, element by
 * element, for every option. Contents are written here, and so is what must come out. */
#include <math.h>

#include "support_lineup.h"
#include "truth.h"

static gk_context *ref;

static void put(const struct gb_operand *o, size_t row, size_t col, double value) {
    void *const at = (char *)o->start + (row * o->ld + col) * o->element_size;
    if (o->element_size == sizeof value) memcpy(at, &value, sizeof value);
    else memcpy(at, &(float){(float)value}, sizeof(float));
}

/* Contents, row by row, as they lie. An output's are what it has before the call. */
static void fill(struct gb_problem *p, const char *name, const double *values) {
    const struct gb_operand *const o = gb_operand_named(p, name);
    assert_non_null(o);
    for (size_t i = 0; i < o->rows * o->row_elements; i++) {
        const size_t row = i / o->row_elements, col = i % o->row_elements;
        if (o->field->element == GK_ELEMENT_LABEL) ((int32_t *)o->start)[i] = (int32_t)values[i];
        else if (o->field->element == GK_ELEMENT_LABEL64) ((int64_t *)o->start)[i] = (int64_t)values[i];
        else if (o->field->element == GK_ELEMENT_BITS) ((uint64_t *)o->start)[row * o->ld + col] = (uint64_t)values[i];
        else put(o, row, col, values[i]);
        if (o->output)
            memcpy((char *)o->initial + i * o->element_size, (char *)o->start + (row * o->ld + col) * o->element_size,
                   o->element_size);
    }
}

static void open_problem(struct gb_problem *p, struct gb_problem_spec spec) {
    spec.ld_pad = 1;
    assert_true(gb_problem_create(p, &spec));
}

static bool close_to(double a, double b) { return a == b || fabs(a - b) <= 1e-11 * fabs(b); }

/* After a call: the output's element must be `want`, and may be off by `bound`. */
static void expect_element(struct gb_problem *p, const struct gb_operand *o, size_t row, size_t col, double want,
                           double bound) {
    struct gb_accuracy result;
    const uint64_t kept = gb_operand_bits(o, row, col);
    const bool swapped = gk_field_swapped(o->field, p->args);
    put(o, row, col, want + 1);
    assert_false(gb_accuracy_check(p, &result));
    assert_string_equal(result.first.operand, o->field->name);
    assert_int_equal(result.first.row, swapped ? col : row);
    assert_int_equal(result.first.col, swapped ? row : col);
    assert_true(result.first.got == (o->element_size == 8 ? want + 1 : (double)(float)(want + 1)));
    if (!close_to(result.first.want, want) && fabs(result.first.want - want) > 1e-17)
        fail_msg("%s[%zu][%zu] is %.17g, by hand %.17g", o->field->name, row, col, result.first.want, want);
    if (!close_to(result.first_bound, bound))
        fail_msg("%s[%zu][%zu] may be off by %.17g, by hand %.17g", o->field->name, row, col, result.first_bound, bound);
    memcpy((char *)o->start + (row * o->ld + col) * o->element_size, &kept, o->element_size);
}

static void expect(struct gb_problem *p, const char *name, const double *want, const double *bounds) {
    const struct gb_operand *const o = gb_operand_named(p, name);
    assert_non_null(o);
    for (size_t i = 0; i < o->rows * o->row_elements; i++)
        expect_element(p, o, i / o->row_elements, i % o->row_elements, want[i], bounds[i]);
}

static void call(struct gb_problem *p) {
    struct gb_accuracy result;
    assert_int_equal(gb_problem_call(p, ref), GK_OK);
    assert_true(gb_accuracy_check(p, &result));
    assert_true(result.known && result.worst <= 1);
}

/* --- sums of products: n = 2, d = 3, m = 2 --- */

static const double f32 = 0x1p-24, least = 0x1p-149;

/* Of sums of so many terms, whose magnitudes add up to size. */
static void sum_bounds(size_t count, size_t terms, const double *sizes, double *bounds) {
    const double depth = (double)terms + 2;
    for (size_t i = 0; i < count; i++) bounds[i] = depth * f32 / (1 - depth * f32) * sizes[i] + (double)(terms + 1) * least;
}

static void expect_sums(struct gb_problem *p, const char *name, size_t count, const double *want, size_t terms,
                        const double *sizes) {
    double bounds[8];
    sum_bounds(count, terms, sizes, bounds);
    expect(p, name, want, bounds);
}

static const double x[] = {1, -2, 3, 4, 5, -6}, w[] = {1, 2, -3, 4, 5, -6}, w_turned[] = {1, -3, 5, 2, 4, -6};

static void affine_forward(void **state) {
    (void)state;
    for (int layout = 0; layout < 2; layout++)
        for (int bare = 0; bare < 2; bare++) {
            struct gb_problem p;
            open_problem(
                &p, (struct gb_problem_spec){
                        .kernel = GK_KERNEL_affine_forward, .n = 2, .d = 3, .m = 2, .bare = bare, .layout = (gk_layout)layout});
            fill(&p, "x", x);
            fill(&p, "w", layout ? w_turned : w);
            if (!bare) fill(&p, "b", (double[]){-10, 20});
            call(&p);
            if (bare) expect_sums(&p, "y", 4, (double[]){22, -24, -41, 64}, 3, (double[]){22, 28, 49, 64});
            else expect_sums(&p, "y", 4, (double[]){12, -4, -51, 84}, 3, (double[]){32, 48, 59, 84});
            gb_problem_destroy(&p);
        }
}

static const double dy[] = {1, -2, 3, 4};

static void affine_gradients(void **state) {
    (void)state;
    for (int id = GK_KERNEL_affine_dx; id <= GK_KERNEL_affine_backward; id++)
        for (int options = 0; options < 8; options++) {
            struct gb_problem p;
            const bool turned = options & 1, added = options & 2, masked = options & 4;
            if (masked && id != GK_KERNEL_affine_backward) continue;
            open_problem(&p, (struct gb_problem_spec){.kernel = (enum gk_kernel_id)id,
                                                      .n = 2,
                                                      .d = 3,
                                                      .m = 2,
                                                      .accumulate = added,
                                                      .layout = turned ? GK_OUT_IN : GK_IN_OUT});
            const bool has_dx = gb_operand_named(&p, "dx"), has_dw = gb_operand_named(&p, "dw"),
                       has_db = gb_operand_named(&p, "db");
            fill(&p, "dy", dy);
            if (has_dw) fill(&p, "x", x);
            if (has_dx) fill(&p, "w", turned ? w_turned : w);
            if (gb_operand_named(&p, "mask")) fill(&p, "mask", masked ? (double[]){1, 3} : (double[]){3, 3});
            if (added && has_dx) fill(&p, "dx", (double[]){100, 200, -300, 400, 500, 600});
            if (added && has_dw)
                fill(&p, "dw", turned ? (double[]){10, 30, 50, -20, -40, -60} : (double[]){10, -20, 30, -40, 50, -60});
            if (added && has_db) fill(&p, "db", (double[]){1000, -2000});
            call(&p);
            double want[6] = {-3, -11, 17, 11, 7, -9}, size[6] = {5, 11, 17, 11, 25, 39};
            if (masked) want[0] = 1, want[1] = -3, want[2] = 5, size[0] = 1, size[1] = 3, size[2] = 5;
            const double dx_start[] = {100, 200, -300, 400, 500, 600};
            for (size_t i = 0; i < 6 && added; i++) want[i] += dx_start[i], size[i] += fabs(dx_start[i]);
            if (has_dx) expect_sums(&p, "dx", 6, want, 2, size);
            /* x^T dy, d x m: 1 - 8 .. */
            double dw[6] = {13, 14, 13, 24, -15, -30}, dw_size[6] = {13, 18, 17, 24, 21, 30};
            if (masked) dw[1] = 16, dw[3] = 20, dw[5] = -24, dw_size[1] = 16, dw_size[3] = 20, dw_size[5] = 24;
            const double dw_start[] = {10, -20, 30, -40, 50, -60};
            for (size_t i = 0; i < 6 && added; i++) dw[i] += dw_start[i], dw_size[i] += fabs(dw_start[i]);
            double lies[6], lies_size[6];
            for (size_t i = 0; i < 6; i++)
                lies[i] = dw[turned ? i % 3 * 2 + i / 3 : i], lies_size[i] = dw_size[turned ? i % 3 * 2 + i / 3 : i];
            if (has_dw) expect_sums(&p, "dw", 6, lies, 2, lies_size);
            double db[2] = {4, masked ? 4 : 2}, db_size[2] = {4, masked ? 4 : 6};
            if (added) db[0] += 1000, db_size[0] += 1000, db[1] -= 2000, db_size[1] += 2000;
            if (has_db) expect_sums(&p, "db", 2, db, 2, db_size);
            gb_problem_destroy(&p);
        }
}

/* In double long double has roundings that count; integers are exact. */
static void other_bounds_of_sums(void **state) {
    struct gb_problem p;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_affine_db, .dtype = GK_F64, .n = 2, .m = 1});
    fill(&p, "dy", (double[]){3, -5});
    call(&p);
    const double u = 0x1p-53, bound = (4 * u / (1 - 4 * u) + 3 * 0x1p-64) * 8 + 3 * 0x1p-1074;
    expect(&p, "db", (double[]){-2}, &bound);
    gb_problem_destroy(&p);
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_affine_db, .n = 2, .m = 1, .data = GB_DATA_INTEGER});
    fill(&p, "dy", (double[]){3, -5});
    call(&p);
    expect(&p, "db", (double[]){-2}, (double[]){0});
    gb_problem_destroy(&p);
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_affine_db, .n = 300, .m = 1});
    double ones[300];
    for (size_t i = 0; i < 300; i++) ones[i] = i % 2 ? 1 : -1;
    fill(&p, "dy", ones);
    call(&p);
    expect(&p, "db", (double[]){0}, (double[]){259 * f32 / (1 - 259 * f32) * 300 + 301 * least});
    gb_problem_destroy(&p);
}

static void depths(void **state) {
    static const size_t terms[] = {0, 1, 2, 255, 256, 257, 512, 513, 1024}, depth[] = {1, 3, 4, 257, 258, 259, 259, 260, 261};
    (void)state;
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) assert_int_equal(gb_sum_depth(terms[i]), depth[i]);
    assert_true(gb_gamma(1, 0.25L) == 1 / 3.L && gb_gamma(3, 0.125L) == 0.6L && gb_gamma(0, 0.5L) == 0);
}

/* --- relu --- */

static void relu(void **state) {
    const double none[6] = {0};
    struct gb_problem p;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 3});
    fill(&p, "x", (double[]){1, -2, 0, -0., 0x1p-149, 5});
    call(&p);
    expect(&p, "y", (double[]){1, 0, 0, 0, 0x1p-149, 5}, none);
    const struct gb_operand *const mask = gb_operand_named(&p, "mask");
    for (size_t row = 0; row < 2; row++)
        for (size_t col = 0; col < 3; col++) {
            struct gb_accuracy result;
            uint64_t *const word = (uint64_t *)mask->start + row * mask->ld;
            assert_int_equal(*word, row ? 6 : 1);
            *word ^= (uint64_t)1 << col;
            assert_false(gb_accuracy_check(&p, &result));
            assert_string_equal(result.first.operand, "mask");
            assert_true(result.first.row == row && result.first.col == col && result.first_bound == 0);
            assert_true(result.first.got == (*word >> col & 1) && result.first.want == 1 - result.first.got);
            *word ^= (uint64_t)1 << col;
        }
    gb_problem_destroy(&p);
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_backward, .n = 2, .d = 3});
    fill(&p, "dy", (double[]){1, -2, 3, -4, 5, 6});
    fill(&p, "mask", (double[]){5, 3});
    call(&p);
    expect(&p, "dx", (double[]){1, 0, 3, -4, 5, 0}, none);
    gb_problem_destroy(&p);
}

/* A mask of more than a word: bits 63, 64 and 69. */
static void long_masks(void **state) {
    struct gb_problem p;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_backward, .n = 1, .d = 70});
    double ones[70], none[70] = {0}, want[70] = {0};
    for (size_t i = 0; i < 70; i++) ones[i] = 1 + (double)i;
    fill(&p, "dy", ones);
    const struct gb_operand *const mask = gb_operand_named(&p, "mask");
    ((uint64_t *)mask->start)[0] = (uint64_t)1 << 63;
    ((uint64_t *)mask->start)[1] = 1 | 1 << 5;
    want[63] = 64, want[64] = 65, want[69] = 70;
    call(&p);
    expect(&p, "dx", want, none);
    gb_problem_destroy(&p);
}

/* --- gates --- */

/* Three elements: what goes in, what must come out, how many units in the last place it may be off. */
static const struct {
    enum gk_kernel_id kernel;
    const char *in[3], *out[2];
    double from[3][3], want[2][3], ulp;
} gates[] = {
    {GK_KERNEL_add_forward, {"a", "b"}, {"y"}, {{1, -2, 0.5}, {2, 5, 0x1p-30}}, {{3, 3, 0.5 + 0x1p-30}}, 0.5},
    {GK_KERNEL_add_backward, {"dy"}, {"da", "db"}, {{1, -2, 0}}, {{1, -2, 0}, {1, -2, 0}}, 0},
    {GK_KERNEL_mul_forward, {"a", "b"}, {"y"}, {{3, -2, 0.5}, {2, 5, 7}}, {{6, -10, 3.5}}, 0.5},
    {GK_KERNEL_mul_backward,
     {"a", "b", "dy"},
     {"da", "db"},
     {{3, -2, 0.5}, {2, 5, 7}, {10, 1, -4}},
     {{20, 5, -28}, {30, -2, -2}},
     0.5},
    {GK_KERNEL_max_forward, {"a", "b"}, {"y"}, {{3, -2, 4}, {2, 5, 4}}, {{3, 5, 4}}, 0},
    {GK_KERNEL_max_backward, {"a", "b", "dy"}, {"da", "db"}, {{3, -2, 4}, {2, 5, 4}, {7, 8, 9}}, {{7, 0, 9}, {0, 8, 0}}, 0},
    {GK_KERNEL_reciprocal_forward, {"x"}, {"y"}, {{3, -2, 0x1p-10}}, {{1 / 3., -0.5, 0x1p10}}, 0.5},
    {GK_KERNEL_reciprocal_backward, {"y", "dy"}, {"dx"}, {{3, -2, 0.5}, {1, 5, -8}}, {{-9, -20, 2}}, 1.5},
    {GK_KERNEL_exp_forward, {"x"}, {"y"}, {{0, 1, -2}}, {{1, 2.718281828459045, 0.1353352832366127}}, 1},
    {GK_KERNEL_exp_backward, {"y", "dy"}, {"dx"}, {{3, 0.25, 2}, {1, 5, -8}}, {{3, 1.25, -16}}, 0.5},
    {GK_KERNEL_sigmoid_forward, {"x"}, {"y"}, {{0, 1, -1}}, {{0.5, 0.7310585786300049, 0.2689414213699951}}, 2.5},
    {GK_KERNEL_sigmoid_backward, {"y", "dy"}, {"dx"}, {{0.5, 0.25, 0}, {8, 16, 1}}, {{2, 3, 0}}, 2.5},
};

static void gates_by_hand(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
        struct gb_problem p;
        open_problem(&p, (struct gb_problem_spec){.kernel = gates[i].kernel, .n = 1, .d = 3});
        for (size_t k = 0; k < 3 && gates[i].in[k]; k++) fill(&p, gates[i].in[k], gates[i].from[k]);
        call(&p);
        for (size_t k = 0; k < 2 && gates[i].out[k]; k++) {
            double bounds[3];
            for (size_t j = 0; j < 3; j++) {
                int exponent;
                frexp(gates[i].want[k][j], &exponent);
                bounds[j] = gates[i].ulp * fmax(ldexp(f32, exponent), least);
            }
            expect(&p, gates[i].out[k], gates[i].want[k], bounds);
        }
        gb_problem_destroy(&p);
    }
}

/* Infinity is the number after the largest one: right where the result is past that, and wrong far below. */
static void overflow(void **state) {
    struct gb_problem p;
    struct gb_accuracy result;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_exp_forward, .n = 1, .d = 3});
    fill(&p, "x", (double[]){1000, -1000, 0x1.62e42ep+6});
    call(&p);
    const struct gb_operand *const y = gb_operand_named(&p, "y");
    put(y, 0, 0, 0x1.fffff8p127);
    assert_false(gb_accuracy_check(&p, &result));
    put(y, 0, 0, (double)INFINITY);
    put(y, 0, 2, (double)INFINITY);
    assert_false(gb_accuracy_check(&p, &result));
    put(y, 0, 2, (double)NAN);
    assert_false(gb_accuracy_check(&p, &result));
    gb_problem_destroy(&p);
}

/* --- softmax: rows of (0, log 3) are probabilities of 1/4 and 3/4 --- */

/* Its unit roundoff, the smallest numbers, and 7 roundings of a row sum of up to 64 classes. */
static const double u = 0x1p-53, gone = 0x1p-1022 + 0x1p-1074, tiny = 0x1p-1074;
static double gamma_of(double n) { return n * u / (1 - n * u); }

static double p_bound(double p, double z, size_t c, double depth) {
    return p * (4 * u + u * (z + log((double)c) + 3) + gamma_of(depth)) + gone;
}

/* l: the sum of a row's labels, size: of their magnitudes (class indices: 0); off: how far p may be off. */
static double dx_bound(double p, double off, double underflow, double t, double l, double size, double n, double dloss) {
    const double difference = fabs(p * l - t);
    double error = fabs(l) * off + fmax(1, fabs(l)) * underflow + u * difference;
    if (size > 0) error += u * fabs(p * l) + gamma_of(7) * p * size;
    return (error / n + 2 * u * difference / n + tiny) * fabs(dloss) + 2 * u * fabs(difference / n * dloss) + tiny;
}

static double log_bound(double c, double log_sum) { return 2 * u + gamma_of(7) + u * (log(c) + 2 * log_sum + 2); }

static const double log_3 = 0x1.193ea7aad030bp+0, log_2 = 0x1.62e42fefa39efp-1, log_4_3 = 0x1.269621134db92p-2;

struct labelled {
    struct gb_problem_spec spec;
    double labels[2], t[4], dloss[2];
    double divisor;
};

static const struct labelled labelled[] = {
    {.labels = {0, 1}, .divisor = 2},
    {.spec = {.wide_labels = true, .dloss = true}, .labels = {1, 0}, .dloss = {-3}, .divisor = 2},
    {.spec = {.reduction = GK_SUM, .dloss = true}, .labels = {1, 1}, .dloss = {2}, .divisor = 1},
    {.spec = {.reduction = GK_NONE, .dloss = true}, .labels = {0, 0}, .dloss = {2, -4}, .divisor = 1},
    {.spec = {.ignore = true, .dloss = true}, .labels = {-1, 1}, .dloss = {5}, .divisor = 1},
    {.spec = {.ignore = true, .wide_labels = true}, .labels = {0, -1}, .divisor = 1},
    {.spec = {.ignore = true}, .labels = {-1, -1}, .divisor = 1},
    {.spec = {.ignore = true, .reduction = GK_NONE, .dloss = true}, .labels = {-1, 1}, .dloss = {5, 7}, .divisor = 1},
    {.spec = {.soft_labels = true}, .t = {0.25, -0.5, 2, 1}, .divisor = 2},
    {.spec = {.soft_labels = true, .dloss = true, .reduction = GK_SUM}, .t = {0, 1.5, -4, 0}, .dloss = {-2}, .divisor = 1},
    {.spec = {.soft_labels = true, .dloss = true, .reduction = GK_NONE}, .t = {1, 0, 0, 0}, .dloss = {3, 8}, .divisor = 1},
};

/* Rows of probability 1/4 and 3/4, and of 1/2 and 1/2. */
static const double probabilities[] = {0.25, 0.75, 0.5, 0.5}, zs[4] = {0x1.193ea7aad030bp+0, 0, 0, 0};
static const double log_sums[] = {0x1.269621134db92p-2, 0x1.62e42fefa39efp-1};

static bool row_counts(const struct labelled *l, size_t row) { return l->spec.soft_labels || l->labels[row] >= 0; }

static double label(const struct labelled *l, size_t row, size_t col) {
    return l->spec.soft_labels ? l->t[2 * row + col] : row_counts(l, row) && (size_t)l->labels[row] == col;
}

static double dloss_of(const struct labelled *l, size_t row) {
    return !l->spec.dloss ? 1 : l->dloss[l->spec.reduction == GK_NONE ? row : 0];
}

static void expect_dx(struct gb_problem *p, const struct labelled *l, bool p_exact) {
    double want[4] = {0}, bounds[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        const size_t row = i / 2;
        const double t0 = label(l, row, 0), t1 = label(l, row, 1), q = probabilities[i], t = label(l, row, i % 2);
        if (!row_counts(l, row)) continue;
        want[i] = (q * (t0 + t1) - t) / l->divisor * dloss_of(l, row);
        bounds[i] = dx_bound(q, p_exact ? 0 : p_bound(q, zs[i], 2, 7) - gone, p_exact ? 0 : gone, t, t0 + t1,
                             l->spec.soft_labels ? fabs(t0) + fabs(t1) : 0, l->divisor, dloss_of(l, row));
    }
    expect(p, "dx", want, bounds);
}

/* Losses: sum of t (log(sum) - z). */
static void expect_losses(struct gb_problem *p, const struct labelled *l) {
    double want[2] = {0}, bounds[2] = {0};
    for (size_t i = 0; i < 4; i++) {
        const size_t row = i / 2;
        const double t = label(l, row, i % 2), loss = log_sums[row] + zs[i], off = log_bound(2, log_sums[row]);
        want[row] += t * loss;
        if (t == 0) continue;
        if (l->spec.soft_labels) bounds[row] += fabs(t) * (off + u * (zs[i] + 2 * loss) + gamma_of(7) * loss) + tiny;
        else bounds[row] = off + u * (zs[i] + loss);
    }
    expect(p, "row_loss", want, bounds);
    if (!gb_operand_named(p, "loss")) return;
    const double loss = (want[0] + want[1]) / l->divisor, size = fabs(want[0]) + fabs(want[1]), off = bounds[0] + bounds[1];
    const double bound = off / l->divisor + gamma_of(3) * (size + off) / l->divisor + u * fabs(loss) + tiny;
    expect(p, "loss", &loss, &bound);
}

static void softmax(void **state) {
    static const enum gk_kernel_id kernels[] = {GK_KERNEL_softmax_xent_forward, GK_KERNEL_softmax_xent_backward,
                                                GK_KERNEL_softmax_xent};
    (void)state;
    assert_true(close_to(log_3, log(3)) && close_to(log_2, log(2)) && close_to(log_4_3, log(4 / 3.)));
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < sizeof labelled / sizeof *labelled; i++) {
            const struct labelled *const l = &labelled[i];
            struct gb_problem p;
            struct gb_problem_spec spec = l->spec;
            spec.kernel = kernels[k], spec.dtype = GK_F64, spec.n = spec.c = 2;
            open_problem(&p, spec);
            if (gb_operand_named(&p, "x")) fill(&p, "x", (double[]){0, log_3, -7, -7});
            else fill(&p, "p", probabilities);
            fill(&p, spec.soft_labels ? "t" : spec.wide_labels ? "labels64" : "labels", spec.soft_labels ? l->t : l->labels);
            if (gb_operand_named(&p, "dloss")) fill(&p, "dloss", l->dloss);
            call(&p);
            if (gb_operand_named(&p, "dx")) expect_dx(&p, l, kernels[k] == GK_KERNEL_softmax_xent_backward);
            if (gb_operand_named(&p, "row_loss")) expect_losses(&p, l);
            double bounds[4];
            for (size_t j = 0; j < 4; j++) bounds[j] = p_bound(probabilities[j], zs[j], 2, 7);
            if (kernels[k] == GK_KERNEL_softmax_xent_forward) expect(&p, "p", probabilities, bounds);
            gb_problem_destroy(&p);
        }
}

/* A row of 64 classes is summed by 7 roundings, one of 65 by 8. */
static void long_rows(void **state) {
    (void)state;
    for (size_t c = 64; c <= 65; c++) {
        struct gb_problem p;
        double want[65], bounds[65], same[65];
        open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent_forward, .dtype = GK_F64, .n = 1, .c = c});
        for (size_t j = 0; j < c; j++)
            same[j] = 2, want[j] = 1 / (double)c, bounds[j] = p_bound(1 / (double)c, 0, c, c == 64 ? 7 : 8);
        fill(&p, "x", same);
        fill(&p, "labels", (double[]){3});
        call(&p);
        expect(&p, "p", want, bounds);
        gb_problem_destroy(&p);
    }
}

/* --- what they share --- */

/* No kernel has a bound in units of the last place yet: here relu_forward is given one of 2. */
static void units_of_the_last_place(void **state) {
    struct gb_problem p;
    struct gk_field fields[40];
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_forward, .n = 1, .d = 5});
    struct gk_kernel kernel = *p.kernel;
    assert_true(kernel.n_fields < 40);
    memcpy(fields, kernel.fields, kernel.n_fields * sizeof *fields);
    fields[kernel.n_fields++] = (struct gk_field){.kind = GK_FIELD_EXACTNESS, .name = "y", .rule = GK_EXACT_ULP, .count = 2};
    kernel.fields = fields;
    fill(&p, "x", (double[]){1, 1.5, 4, 0x1p-130, 0x1p-149});
    call(&p);
    p.kernel = &kernel;
    expect(&p, "y", (double[]){1, 1.5, 4, 0x1p-130, 0x1p-149}, (double[]){0x1p-22, 0x1p-22, 0x1p-20, 0x1p-148, 0x1p-148});
    gb_problem_destroy(&p);
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_forward, .dtype = GK_F64, .n = 1, .d = 1});
    fill(&p, "x", (double[]){1.5});
    call(&p);
    p.kernel = &kernel;
    expect(&p, "y", (double[]){1.5}, (double[]){0x1p-51 + 4 * 0x1p-64 * 1.5});
    gb_problem_destroy(&p);
}

/* The first element that is wrong, and by how much the worst is; at a bound a result is right. */
static void first_and_worst(void **state) {
    struct gb_problem p;
    struct gb_accuracy r;
    double bound;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_affine_db, .dtype = GK_F64, .n = 2, .m = 4});
    fill(&p, "dy", (double[]){0x1p40, 0x1p40, 0x1p40, 0x1p40, -0x1p40, -0x1p40, -0x1p40, -0x1p40});
    call(&p);
    assert_true(gb_accuracy_check(&p, &r));
    assert_true(r.elements == 4 && r.worst == 0);
    const struct gb_operand *const db = gb_operand_named(&p, "db");
    put(db, 0, 3, 1);
    assert_false(gb_accuracy_check(&p, &r));
    bound = r.first_bound;
    assert_true(r.first.col == 3 && close_to(r.worst, 1 / bound));
    put(db, 0, 1, 2 * bound);
    assert_false(gb_accuracy_check(&p, &r));
    assert_true(r.first.col == 1 && r.first.got == 2 * bound && close_to(r.worst, 1 / bound) && r.elements == 4);
    put(db, 0, 3, 0.75 * bound);
    assert_false(gb_accuracy_check(&p, &r));
    assert_true(r.first.col == 1 && close_to(r.worst, 2));
    put(db, 0, 1, -0.5 * bound);
    assert_true(gb_accuracy_check(&p, &r));
    assert_true(close_to(r.worst, 0.75));
    put(db, 0, 2, (double)NAN);
    assert_false(gb_accuracy_check(&p, &r));
    assert_true(r.first.col == 2 && isinf(r.worst));
    put(db, 0, 1, -(double)INFINITY);
    assert_false(gb_accuracy_check(&p, &r));
    assert_true(r.first.col == 1 && isinf(r.worst));
    put(db, 0, 1, 0), put(db, 0, 2, 0), put(db, 0, 3, nextafter(bound, 0));
    assert_true(gb_accuracy_check(&p, &r));
    put(db, 0, 3, nextafter(bound, 1));
    assert_false(gb_accuracy_check(&p, &r));
    gb_problem_destroy(&p);
}

/* A kernel of which no file has a formula is not wrong, and is not said to be known. */
static void unknown_kernels(void **state) {
    struct gb_problem p;
    struct gb_accuracy r;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_forward, .n = 1, .d = 1});
    struct gk_kernel kernel = *p.kernel;
    kernel.name = "relu";
    p.kernel = &kernel;
    assert_false(gb_accuracy_known(&kernel));
    assert_null(gb_truth_of(&kernel));
    assert_true(gb_accuracy_check(&p, &r));
    assert_true(!r.known && r.elements == 0 && r.worst == 0);
    gb_problem_destroy(&p);
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const k = gk_kernel_get((enum gk_kernel_id)id);
        assert_true(gb_accuracy_known(k));
        assert_string_equal(gb_truth_of(k)->kernel, k->name);
    }
    for (int data = 0; data < GB_DATA_COUNT; data++)
        assert_int_equal(gb_accuracy_applies((enum gb_data)data), data != GB_DATA_SPECIAL);
}

static void arrays(void **state) {
    struct gb_problem p;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_relu_forward, .n = 1, .d = 1});
    struct gb_task task = gb_task_begin(&p);
    const unsigned char *const bytes = gb_array(&task, 1000, 3);
    const gb_real *const reals = gb_reals(&task, 7);
    for (size_t i = 0; i < 3000; i++) assert_int_equal(bytes[i], 0);
    for (size_t i = 0; i < 7; i++) assert_true(reals[i] == 0);
    assert_true(!task.failed && gb_array(&task, 0, 1) && (uintptr_t)reals % _Alignof(gb_real) == 0);
    assert_null(gb_array(&task, SIZE_MAX / 2, 3));
    assert_true(task.failed);
    task.failed = false;
    assert_null(gb_array(&task, SIZE_MAX, 1));
    assert_true(task.failed);
    assert_null(gb_find(&task, "w"));
    assert_null(gb_input(&task, "w"));
    assert_null(gb_mask(&task, "w", 1));
    assert_null(gb_start_value(&task, "w"));
    assert_null(gb_complex_input(&task, "w"));
    assert_ptr_equal(gb_find(&task, "y"), gb_operand_named(&p, "y"));
    gb_task_end(&task);
    assert_null(task.arrays);
    gb_problem_destroy(&p);
}

/* The true values of one output alone, tight; nothing is judged. */
static void one_output(void **state) {
    const gb_real want[] = {13, 14, 13, 24, -15, -30};
    struct gb_problem p;
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_affine_backward, .dtype = GK_F64, .n = 2, .d = 3, .m = 2});
    fill(&p, "x", x), fill(&p, "w", w), fill(&p, "dy", dy), fill(&p, "mask", (double[]){3, 3});
    struct gb_task task = gb_task_begin(&p);
    task.wanted = "dw";
    gb_truth_of(p.kernel)->compute(&task);
    assert_non_null(task.values);
    for (size_t i = 0; i < 6; i++) assert_true(task.values[i] == want[i]);
    gb_task_end(&task);
    gb_problem_destroy(&p);
}

/* Of each kernel, with memory for more and more of the arrays, of which the largest have 1 MB. */
static int judge_without_memory(const void *argument) {
    size_t judged = 0, refused = 0;
    (void)argument;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (unsigned bits = 0; bits < 2; bits++) {
            struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)id, .n = 2048, .d = 32, .m = 32, .c = 32};
            struct gb_problem p;
            spec.soft_labels = bits;
            if (!gb_problem_create(&p, &spec) || gb_problem_call(&p, ref) != GK_OK) return 2;
            for (size_t part = 0; part < 24; part++) {
                struct gb_accuracy r;
                gb_limit_memory(part * 600000);
                const bool right = gb_accuracy_check(&p, &r);
                if (right != (r.elements > 0) || !r.known) return 3;
                if (right) judged++;
                else refused++;
            }
            gb_limit_memory((size_t)1 << 30);
            gb_problem_destroy(&p);
        }
    return judged > 40 && refused > 40 ? 0 : 4;
}

static void memory_may_run_out(void **state) {
    char text[1000];
    (void)state;
    if (GB_SANITIZER) skip(); /* it has all of the address space */
    assert_int_equal(gb_child_run(judge_without_memory, NULL, text, sizeof text), 0);
}

static void judge_and_forget(void) {
    static const struct gb_problem_spec specs[] = {{.kernel = GK_KERNEL_affine_backward, .n = 3, .d = 5, .m = 7},
                                                   {.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = 5}};
    for (size_t i = 0; i < 2; i++) {
        struct gb_problem p;
        open_problem(&p, specs[i]);
        call(&p);
        gb_problem_destroy(&p);
    }
}

/* calloc passes by some lists of free pieces, which go on growing a little: each array has 64 bytes or more. */
static void nothing_is_kept(void **state) {
    enum { FIRST = 100, CALLS = 400 };
    (void)state;
    for (int i = 0; i < FIRST; i++) judge_and_forget();
    const size_t before = gb_heap_in_use();
    for (int i = 0; i < CALLS; i++) judge_and_forget();
    assert_in_range(gb_heap_in_use(), 0, before + CALLS * 32);
}

/* y = x w: the derivative of sum(dout y) by x and by w, without a difference. */
static void complex_steps(void **state) {
    struct gb_problem p;
    const gb_real dout[] = {1, 10, 100, 1000};
    double by_x[6], by_w[6], by_b[2], alone[6];
    (void)state;
    open_problem(&p, (struct gb_problem_spec){.kernel = GK_KERNEL_affine_forward, .dtype = GK_F64, .n = 2, .d = 3, .m = 2});
    fill(&p, "x", x);
    fill(&p, "w", w);
    fill(&p, "b", (double[]){1, 2});
    assert_true(gb_complex_step(&p, "y", dout, "x", by_x) && gb_complex_step(&p, "y", dout, "w", by_w));
    assert_true(gb_complex_step(&p, "y", dout, "b", by_b) && gb_complex_step(&p, "y", NULL, "x", alone));
    const double want_x[] = {21, 37, -55, 2100, 3700, -5500}, want_w[] = {401, 4010, 498, 4980, -597, -5970};
    for (size_t i = 0; i < 6; i++) assert_true(close_to(by_x[i], want_x[i]) && close_to(by_w[i], want_w[i]));
    assert_true(close_to(by_b[0], 101) && close_to(by_b[1], 1010));
    for (size_t i = 0; i < 6; i++) assert_true(close_to(alone[i], (double[]){3, 1, -1}[i % 3]));
    gb_problem_destroy(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affine_forward),
        cmocka_unit_test(affine_gradients),
        cmocka_unit_test(other_bounds_of_sums),
        cmocka_unit_test(depths),
        cmocka_unit_test(relu),
        cmocka_unit_test(gates_by_hand),
        cmocka_unit_test(overflow),
        cmocka_unit_test(long_masks),
        cmocka_unit_test(softmax),
        cmocka_unit_test(long_rows),
        cmocka_unit_test(units_of_the_last_place),
        cmocka_unit_test(first_and_worst),
        cmocka_unit_test(unknown_kernels),
        cmocka_unit_test(arrays),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(one_output),
        cmocka_unit_test(complex_steps),
    };
    ref = gb_context(0, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gk_context_destroy(ref);
    return failed;
}
