/* The table of special values, row by row: every lane and tail position, every usable isa, both types, one and three
 * threads. */
#include <float.h>
#include <math.h>

#include "support_lineup.h"

enum { LONGEST = 70 }; /* past 64 virtual lanes, one mask word and four of the widest vectors */

static struct gb_lineup lineup;
static size_t cases;

static void put(struct gb_problem *problem, const char *name, size_t row, size_t col, double value) {
    const struct gb_operand *const o = gb_operand_named(problem, name);
    const size_t at = row * o->ld + col;
    if (o->field->element == GK_ELEMENT_LABEL) ((int32_t *)o->start)[at] = (int32_t)value;
    else if (o->field->element == GK_ELEMENT_LABEL64) ((int64_t *)o->start)[at] = (int64_t)value;
    else if (o->element_size == sizeof(double)) ((double *)o->start)[at] = value;
    else ((float *)o->start)[at] = (float)value;
}

static double get(struct gb_problem *problem, const char *name, size_t row, size_t col) {
    const struct gb_operand *const o = gb_operand_named(problem, name);
    return gb_operand_value(o, gb_operand_bits(o, row, col));
}

static bool mask_bit(struct gb_problem *problem, size_t row, size_t col) {
    return gb_operand_bits(gb_operand_named(problem, "mask"), row, col / 64) >> col % 64 & 1;
}

static void set_mask_bit(struct gb_problem *problem, size_t row, size_t col, bool on) {
    const struct gb_operand *const o = gb_operand_named(problem, "mask");
    uint64_t *const word = (uint64_t *)o->start + row * o->ld + col / 64;
    *word = on ? *word | (uint64_t)1 << col % 64 : *word & ~((uint64_t)1 << col % 64);
}

/* Same value, same sign of zero, NaN for NaN. */
static void expect(struct gb_problem *problem, const char *name, size_t row, size_t col, double want) {
    const double got = get(problem, name, row, col);
    char text[256];
    cases++;
    if (isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want)) return;
    gb_problem_describe(&problem->spec, text, sizeof text);
    fail_msg("%s[%zu][%zu] is %a, expected %a: %s", name, row, col, got, want, text);
}

static void call(struct gb_problem *problem, const struct gb_lineup_cell *cell, gk_status expected) {
    const gk_status status = gb_problem_call(problem, cell->ctx);
    if (status != expected)
        fail_msg("%s, isa %s: %s", problem->kernel->name, gk_isa_get(cell->isa, GK_F32)->name, gk_status_string(status));
}

/* body(problem, cell) for a new problem on every isa and type. */
static void on_every_cell(struct gb_problem_spec spec,
                          void (*body)(struct gb_problem *problem, const struct gb_lineup_cell *cell)) {
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
        for (size_t i = 0; i < lineup.count; i++) {
            struct gb_problem problem;
            if (lineup.list[i].use == GB_USE_SMALL) continue;
            spec.dtype = (enum gk_dtype)dtype;
            assert_true(gb_problem_create(&problem, &spec));
            body(&problem, &lineup.list[i]);
            gb_problem_destroy(&problem);
        }
}

static double smallest(const struct gb_problem *problem) { return problem->spec.dtype == GK_F64 ? 0x1p-1074 : 0x1p-149; }

static double largest(const struct gb_problem *problem) { return problem->spec.dtype == GK_F64 ? DBL_MAX : FLT_MAX; }

/* 1 / n as the type has it. */
static double inverse(const struct gb_problem *problem, double n) {
    return problem->spec.dtype == GK_F64 ? 1 / n : (double)(1 / (float)n);
}

static void relu_forward_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const double tiny = smallest(p), values[] = {-1, -0.0, 0.0, -INFINITY, -tiny, NAN, INFINITY, tiny, 2};
    const double wants[] = {0, 0, 0, 0, 0, NAN, INFINITY, tiny, 2};
    enum { VALUES = sizeof values / sizeof *values };
    const char *const x = p->spec.in_place ? "y" : "x";
    for (size_t shift = 0; shift < VALUES; shift++) {
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.d; j++) put(p, x, i, j, values[(i + j + shift) % VALUES]);
        call(p, cell, GK_OK);
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.d; j++) {
                expect(p, "y", i, j, wants[(i + j + shift) % VALUES]);
                assert_int_equal(mask_bit(p, i, j), (i + j + shift) % VALUES >= 5);
            }
        for (size_t i = 0; i < p->spec.n && p->spec.d % 64; i++)
            assert_int_equal(gb_operand_bits(gb_operand_named(p, "mask"), i, p->spec.d / 64) >> p->spec.d % 64, 0);
    }
}

static void relu_forward(void **state) {
    (void)state;
    for (size_t d = 1; d <= LONGEST; d++)
        for (int in_place = 0; in_place < 2; in_place++)
            on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_relu_forward, .n = 3, .d = d, .in_place = in_place},
                          relu_forward_body);
}

static void relu_backward_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const double values[] = {INFINITY, NAN, -INFINITY, -1, -0.0, 3, smallest(p)};
    enum { VALUES = sizeof values / sizeof *values };
    const char *const dy = p->spec.in_place ? "dx" : "dy";
    for (size_t shift = 0; shift < VALUES; shift++) {
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.d; j++) {
                put(p, dy, i, j, values[(i + j + shift) % VALUES]);
                set_mask_bit(p, i, j, (i + j) % 2);
            }
        call(p, cell, GK_OK);
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.d; j++) expect(p, "dx", i, j, (i + j) % 2 ? values[(i + j + shift) % VALUES] : 0);
    }
}

static void relu_backward(void **state) {
    (void)state;
    for (size_t d = 1; d <= LONGEST; d++)
        for (int in_place = 0; in_place < 2; in_place++)
            on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_relu_backward, .n = 3, .d = d, .in_place = in_place},
                          relu_backward_body);
}

/* --- gates: what they make of special values --- */

/* Of x, of y and dy, of a and b, or of a, b and dy; then y, or the gradients. */
struct gate_case {
    double in[3], out[2];
};

struct gate {
    enum gk_kernel_id kernel;
    const char *in[3], *out[2]; /* NULL: no more */
    struct gate_case cases[13];
    size_t count;
};

/* Numbers at the ends of f64's range stand for those at the ends of the type's. */
#define TINY       0x1p-1074
#define HALF       0x1p-1023 /* of the smallest normal number */
#define INVERSE    0x1p1023  /* its inverse */
#define QUARTER    0x1p-1024 /* what the inverse of HUGEST rounds to */
#define HUGEST     DBL_MAX
#define NOT        (double)NAN
#define INF        (double)INFINITY
#define COUNT(...) (sizeof((struct gate_case[]){__VA_ARGS__}) / sizeof(struct gate_case))
#define CASES(...) {__VA_ARGS__}, COUNT(__VA_ARGS__)

static const struct gate gates[] = {
    {GK_KERNEL_exp_forward,
     {"x"},
     {"y"},
     CASES({{NOT}, {NOT}}, {{INF}, {INF}}, {{-INF}, {0}}, {{0}, {1}}, {{-0.0}, {1}}, {{HUGEST}, {INF}}, {{-HUGEST}, {0}},
           {{TINY}, {1}}, {{-TINY}, {1}})},
    {GK_KERNEL_exp_backward,
     {"y", "dy"},
     {"dx"},
     CASES({{0, INF}, {NOT}}, {{INF, 1}, {INF}}, {{NOT, 1}, {NOT}}, {{2, -0.0}, {-0.0}}, {{0, -3}, {-0.0}}, {{2, 3}, {6}},
           {{INF, 0}, {NOT}})},
    {GK_KERNEL_reciprocal_forward,
     {"x"},
     {"y"},
     CASES({{0}, {INF}}, {{-0.0}, {-INF}}, {{INF}, {0}}, {{-INF}, {-0.0}}, {{NOT}, {NOT}}, {{TINY}, {INF}}, {{-TINY}, {-INF}},
           {{HUGEST}, {QUARTER}}, {{HALF}, {INVERSE}}, {{-4}, {-0.25}})},
    {GK_KERNEL_reciprocal_backward, /* the last but one: y y overflows, and the last: underflows */
     {"y", "dy"},
     {"dx"},
     CASES({{INF, 1}, {-INF}}, {{-INF, 1}, {-INF}}, {{INF, 0}, {NOT}}, {{0, INF}, {NOT}}, {{0, 1}, {-0.0}}, {{-0.0, 1}, {-0.0}},
           {{0, -1}, {0}}, {{2, 3}, {-12}}, {{NOT, 1}, {NOT}}, {{INVERSE, HALF}, {-INVERSE}}, {{HALF, INVERSE}, {-HALF}})},
    {GK_KERNEL_sigmoid_forward,
     {"x"},
     {"y"},
     CASES({{NOT}, {NOT}}, {{INF}, {1}}, {{-INF}, {0}}, {{0}, {0.5}}, {{-0.0}, {0.5}}, {{HUGEST}, {1}}, {{-HUGEST}, {0}},
           {{TINY}, {0.5}}, {{-TINY}, {0.5}})},
    {GK_KERNEL_sigmoid_backward,
     {"y", "dy"},
     {"dx"},
     CASES({{0, INF}, {NOT}}, {{1, 5}, {0}}, {{1, -5}, {-0.0}}, {{1, INF}, {NOT}}, {{0.5, 8}, {2}}, {{NOT, 1}, {NOT}},
           {{0, 3}, {0}}, {{0.5, -INF}, {-INF}}, {{TINY, -1}, {-TINY}})},
    {GK_KERNEL_add_forward,
     {"a", "b"},
     {"y"},
     CASES({{INF, -INF}, {NOT}}, {{-0.0, -0.0}, {-0.0}}, {{0, -0.0}, {0}}, {{HUGEST, HUGEST}, {INF}}, {{NOT, 1}, {NOT}},
           {{1, NOT}, {NOT}}, {{TINY, -TINY}, {0}}, {{1, -INF}, {-INF}}, {{0, TINY}, {TINY}})},
    {GK_KERNEL_add_backward,
     {"dy"},
     {"da", "db"},
     CASES({{NOT}, {NOT, NOT}}, {{-INF}, {-INF, -INF}}, {{-0.0}, {-0.0, -0.0}}, {{TINY}, {TINY, TINY}}, {{3}, {3, 3}})},
    {GK_KERNEL_mul_forward,
     {"a", "b"},
     {"y"},
     CASES({{0, INF}, {NOT}}, {{-0.0, 3}, {-0.0}}, {{TINY, 0.5}, {0}}, {{-0.5, TINY}, {-0.0}}, {{HUGEST, 2}, {INF}},
           {{NOT, 0}, {NOT}}, {{0, NOT}, {NOT}}, {{-INF, 2}, {-INF}})},
    {GK_KERNEL_mul_backward,
     {"a", "b", "dy"},
     {"da", "db"},
     CASES({{0, INF, 1}, {INF, 0}}, {{INF, 0, 0}, {0, NOT}}, {{NOT, 2, 3}, {6, NOT}}, {{-0.0, 1, 2}, {2, -0.0}},
           {{2, 3, -INF}, {-INF, -INF}}, {{2, 3, NOT}, {NOT, NOT}})},
    {GK_KERNEL_max_forward,
     {"a", "b"},
     {"y"},
     CASES({{1, 2}, {2}}, {{2, 1}, {2}}, {{0, -0.0}, {0}}, {{-0.0, 0}, {-0.0}}, {{NOT, 1}, {NOT}}, {{1, NOT}, {NOT}},
           {{NOT, NOT}, {NOT}}, {{INF, -INF}, {INF}}, {{-INF, INF}, {INF}}, {{NOT, INF}, {NOT}}, {{INF, NOT}, {NOT}},
           {{TINY, 0}, {TINY}}, {{-TINY, 0}, {0}})},
    {GK_KERNEL_max_backward,
     {"a", "b", "dy"},
     {"da", "db"},
     CASES({{1, 2, INF}, {0, INF}}, {{2, 1, NOT}, {NOT, 0}}, {{0, -0.0, 5}, {5, 0}}, {{-0.0, 0, 5}, {5, 0}},
           {{NOT, 1, 3}, {3, 0}}, {{1, NOT, 3}, {0, 3}}, {{NOT, NOT, 3}, {3, 0}}, {{NOT, INF, -INF}, {-INF, 0}},
           {{INF, NOT, NOT}, {0, NOT}}, {{1, 1, -0.0}, {-0.0, 0}}, {{-TINY, 0, 2}, {0, 2}})},
};

static double of_type(const struct gb_problem *p, double x) {
    static const double ends[][2] = {
        {TINY, 0x1p-149}, {HALF, 0x1p-127}, {INVERSE, 0x1p127}, {QUARTER, 0x1p-128}, {HUGEST, FLT_MAX}};
    for (size_t i = 0; i < 5 && p->spec.dtype == GK_F32; i++)
        if (fabs(x) == ends[i][0]) return copysign(ends[i][1], x);
    return x;
}

static void gate_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const struct gate *gate = gates;
    while (gate->kernel != p->spec.kernel) gate++;
    for (size_t shift = 0; shift < gate->count; shift++) {
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.d; j++)
                for (size_t k = 0; k < 3 && gate->in[k]; k++)
                    put(p, gate->in[k], i, j, of_type(p, gate->cases[(i + j + shift) % gate->count].in[k]));
        call(p, cell, GK_OK);
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.d; j++)
                for (size_t k = 0; k < 2 && gate->out[k]; k++)
                    if (gb_operand_named(p, gate->out[k])) /* a bare problem has the last one alone */
                        expect(p, gate->out[k], i, j, of_type(p, gate->cases[(i + j + shift) % gate->count].out[k]));
    }
}

/* Every lane and tail position; in place and with one output at some of them. */
static void gates_of_special_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++)
        for (int place = 0; place < 4; place++)
            for (size_t d = 1; d <= LONGEST; d += place ? 5 : d < 36 ? 1 : 7)
                on_every_cell(
                    (struct gb_problem_spec){
                        .kernel = gates[i].kernel, .n = 3, .d = d, .in_place = place & 1, .bare = place & 2, .ld_pad = d % 2},
                    gate_body);
}

static void repeat_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const double values[] = {NAN, INFINITY, -INFINITY, -0.0, 0, smallest(p), 3};
    enum { VALUES = sizeof values / sizeof *values };
    for (size_t j = 0; j < p->spec.m; j++) put(p, "b", 0, j, values[j % VALUES]);
    call(p, cell, GK_OK);
    for (size_t i = 0; i < p->spec.n; i++)
        for (size_t j = 0; j < p->spec.m; j++) expect(p, "y", i, j, values[j % VALUES]);
}

static void repeat_of_special_values(void **state) {
    (void)state;
    for (size_t m = 1; m <= LONGEST; m++)
        on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_repeat_forward, .n = 3, .m = m, .ld_pad = m % 2},
                      repeat_body);
}

/* One row has NaN or +Inf at j, or only -Inf; the rows beside it keep their bits. The batch loss is NaN. Float labels that are
 * all 0 hide nothing. row_loss is one row of n elements. */
static void softmax_nan_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const char *const output = p->spec.kernel == GK_KERNEL_softmax_xent ? "dx" : "p";
    const double bad[] = {NAN, INFINITY, -NAN};
    struct gb_problem clean;
    assert_true(gb_problem_create(&clean, &p->spec));
    call(&clean, cell, GK_OK);
    for (size_t j = 0; j < p->spec.c; j++) {
        const double old = get(p, "x", 1, j);
        for (size_t k = 0; k < p->spec.c && p->spec.soft_labels; k++) put(p, "t", 1, k, j % 2 ? 0.25 : k % 2 ? 0.0 : -0.0);
        put(p, "x", 1, j, bad[j % 3]);
        gb_problem_reset(p);
        call(p, cell, GK_OK);
        expect(p, "loss", 0, 0, NAN);
        expect(p, "row_loss", 0, 1, NAN);
        for (size_t k = 0; k < p->spec.c; k++) expect(p, output, 1, k, NAN);
        for (size_t row = 0; row < 3; row += 2) {
            expect(p, "row_loss", 0, row, get(&clean, "row_loss", 0, row));
            for (size_t k = 0; k < p->spec.c; k++) expect(p, output, row, k, get(&clean, output, row, k));
        }
        put(p, "x", 1, j, old);
    }
    for (size_t j = 0; j < p->spec.c; j++) {
        put(p, "x", 1, j, -INFINITY);
        if (p->spec.soft_labels) put(p, "t", 1, j, 0);
    }
    call(p, cell, GK_OK);
    expect(p, "loss", 0, 0, NAN);
    expect(p, "row_loss", 0, 1, NAN);
    for (size_t k = 0; k < p->spec.c; k++) expect(p, output, 1, k, NAN);
    gb_problem_destroy(&clean);
}

static void softmax_row_with_nan(void **state) {
    (void)state;
    for (size_t c = 1; c <= LONGEST; c += c < 36 ? 1 : 7)
        for (int soft = 0; soft < 2; soft++) {
            on_every_cell(
                (struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = c, .soft_labels = soft, .seed = 5},
                softmax_nan_body);
            on_every_cell(
                (struct gb_problem_spec){
                    .kernel = GK_KERNEL_softmax_xent_forward, .n = 3, .c = c, .soft_labels = soft, .seed = 5},
                softmax_nan_body);
        }
}

/* -Inf beside a finite maximum: probability and gradient 0; as the label: loss +Inf, gradient -1/N. */
static void minus_infinity_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    for (size_t j = 0; j < p->spec.c; j++) {
        const double old = get(p, "x", 1, j);
        for (int labelled = 0; labelled < 2; labelled++) {
            put(p, "x", 1, j, -INFINITY);
            put(p, "labels", 0, 1, (double)(labelled ? j : (j + 1) % p->spec.c));
            gb_problem_reset(p);
            call(p, cell, GK_OK);
            expect(p, "dx", 1, j, labelled ? -inverse(p, 3) : 0);
            if (labelled) expect(p, "row_loss", 0, 1, INFINITY);
            else assert_true(isfinite(get(p, "row_loss", 0, 1)));
        }
        put(p, "x", 1, j, old);
    }
}

static void softmax_minus_infinity(void **state) {
    (void)state;
    for (size_t c = 2; c <= LONGEST; c += c < 36 ? 1 : 7)
        on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = c, .seed = 6},
                      minus_infinity_body);
}

/* A float label of 0 beside a logit of -Inf adds 0 to the loss; a label above 0 there makes it +Inf. */
static void soft_zero_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    for (size_t j = 0; j < p->spec.c; j++) {
        const double old = get(p, "x", 1, j);
        for (size_t k = 0; k < p->spec.c; k++) put(p, "t", 1, k, k == j ? 0 : 0.25);
        put(p, "x", 1, j, -INFINITY);
        gb_problem_reset(p);
        call(p, cell, GK_OK);
        assert_true(isfinite(get(p, "row_loss", 0, 1)));
        expect(p, "dx", 1, j, 0);
        put(p, "t", 1, j, 0.5);
        gb_problem_reset(p);
        call(p, cell, GK_OK);
        expect(p, "row_loss", 0, 1, INFINITY);
        put(p, "x", 1, j, old);
    }
}

static void softmax_soft_label_of_zero(void **state) {
    (void)state;
    for (size_t c = 2; c <= LONGEST; c += c < 36 ? 1 : 7)
        on_every_cell(
            (struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = c, .soft_labels = true, .seed = 6},
            soft_zero_body);
}

/* Large logits: finite, and what the exact result rounds to. Row 0: 1e4 against -1e4; row 1: all equal; row 2: the largest
 * number against its negative, where the true probabilities are 1 and 0. */
static void large_logits_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const size_t c = p->spec.c;
    for (size_t j = 0; j < c; j++) {
        for (size_t k = 0; k < c; k++) {
            put(p, "x", 0, k, k == j ? 1e4 : -1e4);
            put(p, "x", 1, k, 1e4);
            put(p, "x", 2, k, k == j ? largest(p) : -largest(p));
        }
        put(p, "labels", 0, 0, (double)((j + 1) % c));
        put(p, "labels", 0, 1, (double)j);
        put(p, "labels", 0, 2, (double)j);
        gb_problem_reset(p);
        call(p, cell, GK_OK);
        expect(p, "row_loss", 0, 0, c > 1 ? 2e4 : 0);
        expect(p, "row_loss", 0, 2, 0);
        const double of_equal = get(p, "row_loss", 0, 1), u = p->spec.dtype == GK_F64 ? 0x1p-53 : 0x1p-24;
        assert_true(fabs(of_equal - log((double)c)) <= 4 * u * (1 + log((double)c)));
        for (size_t k = 0; k < c; k++) {
            expect(p, "dx", 2, k, 0);
            expect(p, "dx", 0, k, c == 1 ? 0 : k == j ? inverse(p, 3) : k == (j + 1) % c ? -inverse(p, 3) : 0);
        }
        if (c == 1) expect(p, "dx", 1, 0, 0);
    }
}

static void softmax_large_logits(void **state) {
    (void)state;
    for (size_t c = 1; c <= LONGEST; c += c < 36 ? 1 : 7)
        on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = c}, large_logits_body);
}

static void one_class_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    call(p, cell, GK_OK);
    for (size_t i = 0; i < p->spec.n; i++) {
        expect(p, "p", i, 0, 1);
        expect(p, "row_loss", 0, i, 0);
    }
}

static void softmax_one_class(void **state) {
    (void)state;
    on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent_forward, .n = 70, .c = 1, .data = GB_DATA_WIDE},
                  one_class_body);
}

/* Rows with the label ignore_index: gradient 0, written; loss 0; not counted. All of them: loss 0, gradients 0. */
static void ignored_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const char *const labels = p->spec.wide_labels ? "labels64" : "labels";
    for (int all = 0; all < 2; all++) {
        for (size_t i = 0; i < p->spec.n; i++) put(p, labels, 0, i, all || i % 3 ? -1 : (double)(i % p->spec.c));
        gb_problem_reset(p);
        call(p, cell, GK_OK);
        for (size_t i = 0; i < p->spec.n; i++) {
            if (!all && i % 3 == 0) continue;
            expect(p, "row_loss", 0, i, 0);
            for (size_t j = 0; j < p->spec.c; j++) expect(p, "dx", i, j, 0);
        }
        if (all) expect(p, "loss", 0, 0, 0);
    }
    /* the counted rows alone give the same */
    struct gb_problem_spec alone = p->spec;
    struct gb_problem one;
    alone.n = 1;
    assert_true(gb_problem_create(&one, &alone));
    put(&one, labels, 0, 0, 0);
    for (size_t i = 0; i < p->spec.n; i++) put(p, labels, 0, i, i ? -1 : 0);
    gb_problem_reset(p);
    call(p, cell, GK_OK);
    call(&one, cell, GK_OK);
    expect(p, "loss", 0, 0, get(&one, "loss", 0, 0));
    for (size_t j = 0; j < p->spec.c; j++) expect(p, "dx", 0, j, get(&one, "dx", 0, j));
    gb_problem_destroy(&one);
}

static void softmax_ignored_rows(void **state) {
    (void)state;
    for (size_t c = 1; c <= LONGEST; c += 9)
        for (int wide = 0; wide < 2; wide++)
            on_every_cell(
                (struct gb_problem_spec){
                    .kernel = GK_KERNEL_softmax_xent, .n = 20, .c = c, .ignore = true, .wide_labels = wide},
                ignored_body);
}

/* Any other label outside of the classes: an error, and nothing is written. */
static void bad_label_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const bool wide = p->spec.wide_labels;
    const char *const name = wide ? "labels64" : "labels";
    const double bad[] = {-2, (double)p->spec.c, INT32_MIN, INT32_MAX, p->spec.ignore ? -3 : -1, 0x1p32, -0x1p32, 0x1p62};
    struct gb_problem fresh;
    struct gb_difference first;
    const char *what;
    assert_true(gb_problem_create(&fresh, &p->spec));
    for (size_t i = 0; i < p->spec.n; i++)
        for (size_t k = 0; k < (wide ? 8 : 5); k++) {
            const struct gb_operand *const labels = gb_operand_named(p, name);
            const int64_t old = wide ? ((int64_t *)labels->start)[i] : ((int32_t *)labels->start)[i];
            put(p, name, 0, i, bad[k]);
            call(p, cell, GK_ERROR_LABEL);
            assert_true(gb_problem_equal(p, &fresh, &first));
            put(p, name, 0, i, (double)old);
            assert_true(gb_problem_intact(p, &what));
            cases++;
        }
    gb_problem_destroy(&fresh);
}

static void labels_out_of_range(void **state) {
    static const enum gk_kernel_id kernels[] = {GK_KERNEL_softmax_xent, GK_KERNEL_softmax_xent_forward,
                                                GK_KERNEL_softmax_xent_backward};
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int set = 0; set < 4; set++)
            on_every_cell(
                (struct gb_problem_spec){.kernel = kernels[k], .n = 17, .c = 10, .ignore = set & 1, .wide_labels = set & 2},
                bad_label_body);
}

/* 0 * Inf and Inf - Inf inside a sum are NaN: zeros are not skipped. One Inf alone stays Inf. Every row, every k. */
static void infinities_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    const size_t d = p->spec.d;
    for (size_t k = 0; k < d; k++) {
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < d; j++) put(p, "x", i, j, j == k ? INFINITY : 1);
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < p->spec.m; j++)
                put(p, "w", i, j, j % 3 == 0 ? 1 : j % 3 == 1 ? (i == k ? 0 : 1) : i == k ? -1 : 1);
        gb_problem_reset(p);
        call(p, cell, GK_OK);
        for (size_t i = 0; i < p->spec.n; i++)
            for (size_t j = 0; j < p->spec.m; j++) expect(p, "y", i, j, j % 3 == 0 ? INFINITY : j % 3 == 1 ? NAN : -INFINITY);
    }
    if (d < 2) return;
    for (size_t j = 0; j < d; j++) put(p, "x", 0, j, j % 2 ? INFINITY : -INFINITY);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < p->spec.m; j++) put(p, "w", i, j, 1);
    call(p, cell, GK_OK);
    for (size_t j = 0; j < p->spec.m; j++) expect(p, "y", 0, j, NAN);
}

static void affine_infinities(void **state) {
    static const size_t shapes[][3] = {{1, 1, 1}, {2, 3, 5}, {13, 9, 35}, {7, 2, 70}, {30, 5, 17}};
    (void)state;
    for (size_t i = 0; i < 5; i++)
        on_every_cell(
            (struct gb_problem_spec){
                .kernel = GK_KERNEL_affine_forward, .n = shapes[i][0], .d = shapes[i][1], .m = shapes[i][2]},
            infinities_body);
}

/* Every subset of the dimensions is 0: nothing is read that does not exist, and an empty sum is its start value. The oracle's
 * loops say what that is; the sign of zero is looked at here. */
static void dimensions_of_zero(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (unsigned zero = 1; zero < 8; zero++)
                for (unsigned options = 0; options < 32; options++) {
                    struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                                .dtype = (enum gk_dtype)dtype,
                                                .n = zero & 1 ? 0 : 19,
                                                .d = zero & 2 ? 0 : 21,
                                                .m = zero & 4 ? 0 : 35,
                                                .c = zero & 2 ? 0 : 9,
                                                .layout = options & 1 ? GK_OUT_IN : GK_IN_OUT,
                                                .accumulate = options & 2,
                                                .soft_labels = options & 4 || zero & 2,
                                                .bare = options & 8,
                                                .dloss = options & 16,
                                                .reduction = (gk_reduction)(options % 3),
                                                .data = GB_DATA_INTEGER,
                                                .ld_pad = options % 2};
                    assert_true(gb_lineup_compare(&lineup, &s, 0, GB_USE_ALL));
                    if (s.c || !gb_kernel_has(s.kernel, GB_OPTION_LABELS)) assert_true(gb_lineup_accuracy(&lineup, &s));
                    cases++;
                }
}

static void zero_sum_body(struct gb_problem *p, const struct gb_lineup_cell *cell) {
    call(p, cell, GK_OK);
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        for (size_t row = 0; o->output && row < o->rows; row++)
            for (size_t j = 0; j < o->row_elements; j++) {
                assert_int_equal(gb_operand_bits(o, row, j), 0);
                cases++;
            }
    }
}

/* K = 0 without a start value: +0, not what was there (NaN), in every element. */
static void empty_sums_are_plus_zero(void **state) {
    (void)state;
    on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_affine_forward, .n = 19, .d = 0, .m = 35, .bare = true},
                  zero_sum_body);
    on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_affine_dx, .n = 19, .d = 35, .m = 0}, zero_sum_body);
    on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_affine_dw, .n = 0, .d = 19, .m = 35}, zero_sum_body);
    on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_affine_db, .n = 0, .m = 70}, zero_sum_body);
    on_every_cell((struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent_forward, .n = 0, .c = 5}, zero_sum_body);
}

/* Outputs start as NaN: none comes out of finite inputs, nor is one left. */
static void prefilled_outputs(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t size = 1; size <= 40; size++)
                for (size_t i = 0; i < lineup.count; i++) {
                    const struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                                      .dtype = (enum gk_dtype)dtype,
                                                      .n = size,
                                                      .d = size,
                                                      .m = size,
                                                      .c = size,
                                                      .ld_pad = 1,
                                                      .seed = size};
                    struct gb_problem p;
                    assert_true(gb_problem_create(&p, &s));
                    call(&p, &lineup.list[i], GK_OK);
                    for (size_t k = 0; k < p.n_operands; k++) {
                        const struct gb_operand *const o = &p.operands[k];
                        for (size_t row = 0; o->output && o->field->element == GK_ELEMENT_REAL && row < o->rows; row++)
                            for (size_t j = 0; j < o->row_elements; j++, cases++)
                                assert_false(isnan(gb_operand_value(o, gb_operand_bits(o, row, j))));
                    }
                    gb_problem_destroy(&p);
                }
}

static void report(void **state) {
    (void)state;
    printf("%zu contexts, %zu cases\n", lineup.count, cases);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) gb_isa_runs(i);
    assert_true(cases > 10000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relu_forward),
        cmocka_unit_test(relu_backward),
        cmocka_unit_test(gates_of_special_values),
        cmocka_unit_test(repeat_of_special_values),
        cmocka_unit_test(softmax_row_with_nan),
        cmocka_unit_test(softmax_minus_infinity),
        cmocka_unit_test(softmax_soft_label_of_zero),
        cmocka_unit_test(softmax_large_logits),
        cmocka_unit_test(softmax_one_class),
        cmocka_unit_test(softmax_ignored_rows),
        cmocka_unit_test(labels_out_of_range),
        cmocka_unit_test(affine_infinities),
        cmocka_unit_test(dimensions_of_zero),
        cmocka_unit_test(empty_sums_are_plus_zero),
        cmocka_unit_test(prefilled_outputs),
        cmocka_unit_test(report),
    };
    (void)argc;
    gb_wait_passively(argv);
    gb_open_lineup(&lineup, NULL, (const size_t[]){1, 3}, 2);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_lineup_close(&lineup);
    return failed;
}
