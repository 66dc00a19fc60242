/* The checker's own tools: contents that depend on nothing but what they should, and comparisons that see what is wrong. */
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>

#include "sha256.h"
#include "support_lineup.h"
#include "turn.h"
#include "workload.h"

static struct gb_problem_spec some(int kernel) {
    return (struct gb_problem_spec){.kernel = (enum gk_kernel_id)kernel, .n = 9, .d = 70, .m = 67, .c = 66, .seed = 3};
}

/* Other strides and alignment, a larger batch, the other layout: the same contents where rows and columns are the same. */
static void contents_follow_from_place_alone(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        struct gb_problem_spec s = some(id);
        struct gb_problem plain, moved;
        assert_true(gb_problem_create(&plain, &s));
        s.n += 5;
        s.ld_pad = 3;
        s.misalign = 1;
        assert_true(gb_problem_create(&moved, &s));
        for (size_t i = 0; i < plain.n_operands; i++) {
            const struct gb_operand *const a = &plain.operands[i], *const b = &moved.operands[i];
            if (a->field->element == GK_ELEMENT_LABEL) continue;
            for (size_t row = 0; row < a->rows; row++)
                for (size_t j = 0; j < a->row_elements; j++)
                    assert_int_equal(gb_operand_bits(a, row, j), gb_operand_bits(b, row, j));
        }
        const char *what;
        assert_true(gb_problem_intact(&moved, &what));
        gb_problem_destroy(&plain);
        gb_problem_destroy(&moved);
    }
}

static void starts_are_where_asked(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (size_t shift = 0; shift < 5; shift++) {
            struct gb_problem_spec s = some(id);
            struct gb_problem problem;
            s.misalign = shift;
            s.ld_pad = shift;
            assert_true(gb_problem_create(&problem, &s));
            for (size_t i = 0; i < problem.n_operands; i++) {
                const struct gb_operand *const o = &problem.operands[i];
                assert_int_equal(((uintptr_t)o->start - shift * o->element_size) % 64, 0);
                assert_ptr_equal(gk_field_pointer(o->field, problem.args), o->start);
                assert_int_equal(gk_field_ld(o->field, problem.args), o->ld);
                const bool vector = o->field->offset2 == GK_NOWHERE;
                assert_int_equal(o->ld, o->row_elements + (vector ? 0 : shift));
            }
            gb_problem_destroy(&problem);
        }
}

/* By lines: the first by so many, the second by twice as many. In shared memory, too, and with what comes out the same. */
static void starts_are_shifted(void **state) {
    enum { LINES = 37 };
    gk_context *ctx;
    (void)state;
    assert_int_equal(gk_context_create(&ctx, NULL), GK_OK);
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int shared = 0; shared < 2; shared++) {
            struct gb_problem_spec s = some(id);
            struct gb_problem plain, shifted;
            struct gb_difference difference;
            const char *what;
            const size_t bytes = gb_problem_bytes(&s);
            assert_true(gb_problem_create(&plain, &s));
            s.shift = LINES;
            assert_true((shared ? gb_problem_create_shared : gb_problem_create)(&shifted, &s));
            size_t more = 0;
            for (size_t i = 0; i < shifted.n_operands; i++) {
                const struct gb_operand *const o = &shifted.operands[i];
                assert_int_equal((size_t)((char *)o->start - (char *)o->base), 64 * (1 + (i + 1) * LINES));
                assert_int_equal((uintptr_t)o->start % 64, 0);
                more += 64 * (i + 1) * LINES;
            }
            assert_int_equal(gb_problem_bytes(&s), bytes + more);
            assert_int_equal(gb_problem_call(&plain, ctx), GK_OK);
            assert_int_equal(gb_problem_call(&shifted, ctx), GK_OK);
            assert_true(gb_problem_equal(&shifted, &plain, &difference) && gb_problem_intact(&shifted, &what));
            gb_problem_destroy(&plain);
            gb_problem_destroy(&shifted);
        }
    gk_context_destroy(ctx);
}

/* Any single byte of an operand that is changed is noticed, unless it belongs to an output's rows. */
static void every_foreign_byte_counts(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        struct gb_problem_spec s = {
            .kernel = (enum gk_kernel_id)id, .n = 2, .d = 3, .m = 5, .c = 4, .ld_pad = 1, .misalign = 1, .seed = 1};
        struct gb_problem problem;
        const char *what = "";
        assert_true(gb_problem_create(&problem, &s));
        for (size_t i = 0; i < problem.n_operands; i++) {
            const struct gb_operand *const o = &problem.operands[i];
            const ptrdiff_t end = (ptrdiff_t)(o->rows * o->ld * o->element_size) + 64;
            for (ptrdiff_t at = -64; at < end; at++) {
                char *const byte = (char *)o->start + at;
                const size_t in_row = at < 0 ? 0 : (size_t)at % (o->ld * o->element_size);
                const bool inside = at >= 0 && at < end - 64 && in_row < o->row_elements * o->element_size;
                *byte ^= 1;
                assert_int_equal(gb_problem_intact(&problem, &what), inside && o->output);
                if (!(inside && o->output)) assert_string_equal(what, o->field->name);
                *byte ^= 1;
            }
        }
        gb_problem_destroy(&problem);
    }
}

/* One changed bit in any element of any output is a difference, at the right place. A NaN equals any NaN, and nothing else. */
static void every_output_bit_counts(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec s = some(id);
        struct gb_problem a, b;
        struct gb_difference first;
        assert_true(gb_problem_create(&a, &s) && gb_problem_create(&b, &s));
        for (size_t i = 0; i < a.n_operands; i++) {
            const struct gb_operand *const o = &a.operands[i];
            if (!o->output) continue;
            memset(o->start, 0, o->rows * o->ld * o->element_size);
            memset(b.operands[i].start, 0, o->rows * o->ld * o->element_size);
        }
        assert_true(gb_problem_equal(&a, &b, &first));
        for (size_t i = 0; i < a.n_operands; i++) {
            const struct gb_operand *const o = &a.operands[i];
            if (!o->output) continue;
            for (size_t at = 0; at < o->rows * o->row_elements; at++) {
                unsigned char *const element = (unsigned char *)o->start + at * o->element_size;
                element[o->element_size - 1] ^= 0x80; /* of a zero this changes only the sign */
                assert_false(gb_problem_equal(&a, &b, &first));
                assert_string_equal(first.operand, o->field->name);
                assert_int_equal(first.row * o->row_elements + first.col, at);
                element[o->element_size - 1] ^= 0x80;
            }
        }
        assert_true(gb_problem_equal(&a, &b, &first));
        gb_problem_destroy(&a);
        gb_problem_destroy(&b);
    }
}

static void nans_are_one_value(void **state) {
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff},
                          others[] = {0x7f800000, 0xff800000, 0, 0x7f7fffff};
    struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)0, .n = 1, .d = 1, .m = 1, .seed = 1};
    struct gb_problem a, b;
    struct gb_difference first;
    (void)state;
    assert_true(gb_problem_create(&a, &s) && gb_problem_create(&b, &s));
    for (size_t i = 0; i < a.n_operands; i++) {
        if (!a.operands[i].output) continue;
        for (size_t x = 0; x < 4; x++)
            for (size_t y = 0; y < 4; y++) {
                memcpy(a.operands[i].start, &nans[x], 4);
                memcpy(b.operands[i].start, &nans[y], 4);
                assert_true(gb_problem_equal(&a, &b, &first));
                memcpy(b.operands[i].start, &others[y], 4);
                assert_false(gb_problem_equal(&a, &b, &first));
                assert_false(gb_problem_equal(&b, &a, &first));
            }
    }
    gb_problem_destroy(&a);
    gb_problem_destroy(&b);
}

static bool holds(const struct gb_operand *o, bool (*test)(double value)) {
    for (size_t i = 0; i < o->rows; i++)
        for (size_t j = 0; j < o->row_elements; j++)
            if (test(gb_operand_value(o, gb_operand_bits(o, i, j)))) return true;
    return false;
}

static bool is_nan(double x) { return isnan(x); }
static bool is_infinite(double x) { return isinf(x); }
static bool is_subnormal(double x) { return fpclassify((float)x) == FP_SUBNORMAL; }
static bool is_minus_zero(double x) { return x == 0 && signbit(x); }
static bool is_zero(double x) { return x == 0; }
static bool is_fraction(double x) { return x != nearbyint(x); }
static bool is_wide(double x) { return fabs(x) > 0x1p30 || fabs(x) < 0x1p-30; }
static bool is_outside_one_two(double x) { return !(x >= 1 && x < 2); }

static void data_is_what_its_name_says(void **state) {
    (void)state;
    static const struct {
        enum gb_data data;
        bool (*test)(double);
        bool expected;
    } cases[] = {
        {GB_DATA_SPECIAL, is_nan, true},
        {GB_DATA_SPECIAL, is_infinite, true},
        {GB_DATA_SPECIAL, is_subnormal, true},
        {GB_DATA_SPECIAL, is_minus_zero, true},
        {GB_DATA_TINY, is_subnormal, true},
        {GB_DATA_INTEGER, is_zero, false},
        {GB_DATA_INTEGER, is_fraction, false},
        {GB_DATA_WIDE, is_wide, true},
        {GB_DATA_POSITIVE, is_outside_one_two, false},
        {GB_DATA_NORMAL, is_nan, false},
        {GB_DATA_CANCEL, is_nan, false},
        {GB_DATA_WIDE, is_infinite, false},
    };
    const struct gk_kernel *const kernel = gk_kernel_find("affine_db");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_problem_spec s = {.n = 200, .m = 50, .data = cases[i].data, .seed = 11};
        while (gk_kernel_get(s.kernel) != kernel) s.kernel++;
        struct gb_problem problem;
        assert_true(gb_problem_create(&problem, &s));
        assert_int_equal(holds(gb_operand_named(&problem, "dy"), cases[i].test), cases[i].expected);
        gb_problem_destroy(&problem);
    }
}

/* Mean 0, variance 1 within 5 standard errors, and large numbers that cancel out of the column sums. */
static void moments(void **state) {
    (void)state;
    struct gb_problem_spec s = {.n = 256, .m = 256, .seed = 5};
    while (gk_kernel_get(s.kernel) != gk_kernel_find("affine_db")) s.kernel++;
    for (int data = 0; data < 2; data++) {
        double sum = 0, squares = 0, size = 0;
        struct gb_problem problem;
        s.data = data ? GB_DATA_CANCEL : GB_DATA_NORMAL;
        assert_true(gb_problem_create(&problem, &s));
        const struct gb_operand *const dy = gb_operand_named(&problem, "dy");
        for (size_t i = 0; i < s.n; i++)
            for (size_t j = 0; j < s.m; j++) {
                const double x = gb_operand_value(dy, gb_operand_bits(dy, i, j));
                sum += x;
                squares += x * x;
                size += fabs(x);
            }
        const double count = (double)(s.n * s.m);
        assert_true(fabs(sum) < 5 * sqrt(count));
        if (data) assert_true(size > 1e5 * fabs(sum) / sqrt(count));
        else assert_true(fabs(squares / count - 1) < 5 * sqrt(2 / count));
        gb_problem_destroy(&problem);
    }
}

static int64_t label_at(const struct gb_operand *labels, size_t i) {
    const bool wide = labels->field->element == GK_ELEMENT_LABEL64;
    return wide ? ((const int64_t *)labels->start)[i] : ((const int32_t *)labels->start)[i];
}

/* And the same in both types. */
static void labels_are_in_range(void **state) {
    (void)state;
    for (int ignore = 0; ignore < 2; ignore++) {
        struct gb_problem_spec s = {.n = 1000, .c = 10, .ignore = ignore, .seed = 2};
        while (gk_kernel_get(s.kernel) != gk_kernel_find("softmax_xent")) s.kernel++;
        struct gb_problem problem, wide;
        size_t seen[10] = {0}, ignored = 0;
        assert_true(gb_problem_create(&problem, &s));
        s.wide_labels = true;
        assert_true(gb_problem_create(&wide, &s));
        for (size_t i = 0; i < s.n; i++) {
            const int64_t label = label_at(gb_operand_named(&problem, "labels"), i);
            assert_true(label >= -1 && label < 10 && label == label_at(gb_operand_named(&wide, "labels64"), i));
            if (label < 0) ignored++;
            else seen[label]++;
        }
        for (size_t i = 0; i < 10; i++) assert_true(seen[i] > 40);
        assert_true(ignore ? ignored > 180 && ignored < 320 : ignored == 0);
        gb_problem_destroy(&problem);
        gb_problem_destroy(&wide);
    }
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 62, (size_t)1 << 40};
        for (size_t i = 0; i < 4; i++) {
            struct gb_problem_spec s = {
                .kernel = (enum gk_kernel_id)id, .n = huge[i], .d = huge[i], .m = huge[i], .c = huge[i]};
            struct gb_problem problem;
            assert_int_equal(gb_problem_bytes(&s), 0);
            assert_false(gb_problem_create(&problem, &s));
        }
        struct gb_problem_spec s = some(id);
        assert_true(gb_problem_bytes(&s) > 0);
        s.ld_pad = SIZE_MAX / 8;
        assert_int_equal(gb_problem_bytes(&s), 0);
    }
}

static void reset_puts_everything_back(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 4; options++) {
            struct gb_problem_spec s = some(id);
            struct gb_problem used, fresh;
            struct gb_difference first;
            s.accumulate = options & 1;
            s.in_place = options & 2;
            assert_true(gb_problem_create(&used, &s) && gb_problem_create(&fresh, &s));
            for (size_t i = 0; i < used.n_operands; i++) {
                const struct gb_operand *const o = &used.operands[i];
                if (o->output) memset(o->start, 0x11, o->rows * o->ld * o->element_size);
            }
            assert_false(gb_problem_equal(&used, &fresh, &first));
            gb_problem_reset(&used);
            assert_true(gb_problem_equal(&used, &fresh, &first));
            for (size_t i = 0; i < used.n_operands; i++)
                assert_memory_equal(used.operands[i].start, fresh.operands[i].start,
                                    used.operands[i].rows * used.operands[i].ld * used.operands[i].element_size);
            gb_problem_destroy(&used);
            gb_problem_destroy(&fresh);
        }
}

/* Every option of the spec, by the bits of a number. */
static struct gb_problem_spec with_options(int kernel, unsigned bits) {
    struct gb_problem_spec s = some(kernel);
    s.dtype = bits & 1 ? GK_F64 : GK_F32;
    gb_set_options(&s, bits >> 1);
    s.reduction = (gk_reduction)(bits % 3);
    s.ld_pad = bits % 5;
    s.misalign = bits % 4;
    s.data = (enum gb_data)(bits % GB_DATA_COUNT);
    s.seed = bits * 0x123456789abu;
    s.n = bits % 7;
    return s;
}

/* The problem of a line that is the only one of its kernel. */
static struct gb_problem_spec read_back(const char *text, const struct gb_problem_spec *usual) {
    struct gb_workload workload = {.zeros = true};
    struct gb_parse_error error;
    if (!gb_workload_parse(&workload, "test", text, strlen(text), &error)) fail_msg("'%s': %s", text, error.text);
    assert_int_equal(workload.count, 1);
    assert_true(workload.shapes->kernels[usual->kernel]);
    const struct gb_problem_spec back = gb_shape_problem(workload.shapes, usual->kernel, usual->dtype, usual->seed);
    gb_workload_free(&workload);
    return back;
}

static void assert_same_spec(const char *text, const struct gb_problem_spec *a, const struct gb_problem_spec *b) {
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (gk_kernel_field(gk_kernel_get(a->kernel), GK_FIELD_DIM, gk_dim_name(dim)) && a->dims[dim] != b->dims[dim])
            fail_msg("'%s': %s is %zu, not %zu", text, gk_dim_name(dim), b->dims[dim], a->dims[dim]);
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++)
        if (gb_kernel_has(a->kernel, o) && gb_option_value(o, a) != gb_option_value(o, b))
            fail_msg("'%s': another %s", text, gb_option_name(o));
}

/* What the program prints of a problem, check in full, run without what it has for all, is read back as the same one. */
static void what_is_printed_can_be_pasted(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (unsigned bits = 0; bits < 1 << 9; bits++) {
            const struct gb_problem_spec s = with_options(id, bits), other = {.kernel = s.kernel, .seed = s.seed + 1};
            struct gb_problem_spec back;
            char text[300];
            gb_problem_describe(&s, text, sizeof text);
            back = read_back(text, &other);
            assert_same_spec(text, &s, &back);
            gb_problem_title(&s, other.seed, text, sizeof text);
            back = read_back(text, &other);
            assert_same_spec(text, &s, &back);
            gb_problem_title(&s, s.seed, text, sizeof text);
            assert_null(strstr(text, "seed="));
        }
}

/* The head of a table stands for all kernels of the family, each as if the line were its own. */
static void heads_can_be_pasted(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (unsigned bits = 0; bits < 1 << 9; bits++) {
            const struct gb_problem_spec s = with_options(id, bits);
            const char *const family = gk_kernel_get(s.kernel)->family;
            struct gb_problem_spec all = {.kernel = s.kernel}, back; /* what a line of the family can say */
            char text[300];
            if (s.n == 0) continue; /* run has no empty problems */
            for (int other = 0; other < GK_KERNEL_COUNT; other++) {
                char value[GB_VALUE_MAX];
                const struct gk_kernel *const k = gk_kernel_get((enum gk_kernel_id)other);
                for (size_t i = 0; strcmp(k->family, family) == 0 && i < k->n_fields; i++)
                    if (k->fields[i].kind == GK_FIELD_DIM) all.dims[k->fields[i].dim] = s.dims[k->fields[i].dim];
                for (enum gb_option o = 0; strcmp(k->family, family) == 0 && o < GB_OPTION_COUNT; o++)
                    if (gb_kernel_has((enum gk_kernel_id)other, o))
                        assert_true(gb_option_read(o, gb_option_text(o, &s, value), &all));
            }
            gb_family_title(&all, s.seed, text, sizeof text);
            back = read_back(text, &s);
            assert_same_spec(text, &s, &back);
        }
}

/* Words that are not in the table, not of the kernel, twice, or with a value that they cannot have. */
static void bad_descriptions_are_refused(void **state) {
    static const char *const bad[] = {
        "softmax",
        "affine_dx f32 n=1 d=2",
        "affine_dx f32 n=1 d=2 m=",
        "affine_dx f32 n=1 d=2 m=-3",
        "affine_dx f32 n=1 d=2 m=0x4",
        "affine_dx f32 n=1 d=2 m=3 m=3",
        "affine_dx f32 n=1 d=2 m=99999999999999999999",
        "affine_dx f16 n=1 d=2 m=3",
        "affine_dx f32 n=1 d=2 m=3 dtype=f32",
        "affine_dx f32 n=1 d=2 m=3 accumulate accumulate=0",
        "affine_dx f32 n=1 d=2 m=3 accumulate=2",
        "affine_dx f32 n=1 d=2 m=3 layout",
        "affine_dx f32 n=1 d=2 m=3 layout=up",
        "affine_dx f32 n=1 d=2 m=3 data=odd",
        "affine_dx f32 n=1 d=2 m=3 seed=1.5",
        "affine_dx f32 n=1 d=2 m=3 seed",
        "affine_dx f32 n=1 d=2 m=3 c=4",
        "affine_dx f32 n=1 d=2 m=3 fast",
        "affine_dx f32 n=1 d=2 m=3 bare=1",
        "affine_dx f32 n=1 d=2 m=16777217",
        "softmax_xent f32 n=1 c=2 labels=many",
        "softmax_xent f32 n=1 c=2 reduction=max",
        "affine_dx f32 n=1 d=2 m=3 ld_pad=99999999",
        "affine_dx f32 n=1 d=2 m=3 misalign=4097",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gb_workload workload = {.zeros = true};
        struct gb_parse_error error = {.line = 0};
        if (gb_workload_parse(&workload, "test", bad[i], strlen(bad[i]), &error)) fail_msg("'%s' is accepted", bad[i]);
        assert_true(error.line == 1 && error.text[0] && !strchr(error.text, '\n'));
        gb_workload_free(&workload);
    }
}

/* A word means one thing: a dimension, an option, or what the lines have of their own. */
static void words_are_distinct(void **state) {
    static const char *const others[] = {"name", "kernel", "threads", "memory", "bytes"};
    (void)state;
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++) assert_int_equal(gb_option_find(gk_dim_name(dim)), GB_OPTION_COUNT);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(gb_option_find(others[i]), GB_OPTION_COUNT);
        assert_int_equal(gk_dim_find(others[i]), GK_DIM_COUNT);
    }
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++) {
        const enum gb_option first = gb_option_find(gb_option_name(o)); /* several kernels may have a real option of a name */
        assert_true(first == o || (o >= GB_OPTION_REAL && first >= GB_OPTION_REAL));
    }
}

static void short_forms(void **state) {
    const struct gb_problem_spec usual = {.kernel = GK_KERNEL_affine_dx, .seed = 4};
    const struct gb_problem_spec s = read_back("affine_dx accumulate n=0 f64 d=2 m=3", &usual);
    (void)state;
    assert_true(s.accumulate && s.dtype == GK_F64 && s.n == 0 && s.seed == 4);
}

static void sha256_of_known_texts(void **state) {
    static const struct {
        const char *text, *hex;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct gb_sha256 sha;
    char hex[65];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        gb_sha256_init(&sha);
        gb_sha256_update(&sha, known[i].text, strlen(known[i].text));
        gb_sha256_hex(&sha, hex);
        assert_string_equal(hex, known[i].hex);
    }
    gb_sha256_init(&sha);
    for (int i = 0; i < 1000000; i++) gb_sha256_update(&sha, "a", 1);
    gb_sha256_hex(&sha, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Another mapping of the file holds the operands where the line for contenders says they are; nobody can shorten it. */
static void shared_memory_is_where_the_line_says(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec s = {
            .kernel = (enum gk_kernel_id)id, .n = 7, .d = 6, .m = 5, .c = 4, .ld_pad = 3, .misalign = 1, .seed = 9};
        struct gb_problem shared, own;
        char line[4096], key[80], path[80];
        size_t bytes;
        assert_true(gb_problem_create_shared(&shared, &s) && gb_problem_create(&own, &s));
        assert_true(gb_turn_line(&shared, 2, line, sizeof line));
        assert_false(gb_turn_line(&shared, 2, line + 2048, 100));
        assert_true(gb_turn_line(&shared, 2, line, sizeof line));
        const char *const memory = strstr(line, " memory=");
        assert_non_null(memory);
        assert_int_equal(sscanf(memory, " memory=%79s bytes=%zu", path, &bytes), 2);
        const int fd = open(path, O_RDWR);
        assert_true(fd >= 0 && ftruncate(fd, 64) != 0);
        char *const seen = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(seen != MAP_FAILED);
        for (size_t i = 0; i < own.n_operands; i++) {
            const struct gb_operand *const o = &own.operands[i];
            size_t offset, ld;
            snprintf(key, sizeof key, " %s.%s=", o->output ? "out" : "in", o->field->name);
            const char *const place = strstr(line, key);
            assert_non_null(place);
            assert_int_equal(sscanf(place + strlen(key), "%zu,%zu", &offset, &ld), 2);
            assert_int_equal(ld, o->field->rows == GK_NOWHERE ? 0 : o->ld);
            assert_int_equal((offset - o->element_size) % 64, 0);
            assert_memory_equal(seen + offset, o->start, ((o->rows - 1) * o->ld + o->row_elements) * o->element_size);
        }
        munmap(seen, bytes);
        close(fd);
        gb_problem_destroy(&shared);
        gb_problem_destroy(&own);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_follow_from_place_alone),
        cmocka_unit_test(starts_are_where_asked),
        cmocka_unit_test(starts_are_shifted),
        cmocka_unit_test(every_foreign_byte_counts),
        cmocka_unit_test(every_output_bit_counts),
        cmocka_unit_test(nans_are_one_value),
        cmocka_unit_test(data_is_what_its_name_says),
        cmocka_unit_test(moments),
        cmocka_unit_test(labels_are_in_range),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(reset_puts_everything_back),
        cmocka_unit_test(shared_memory_is_where_the_line_says),
        cmocka_unit_test(what_is_printed_can_be_pasted),
        cmocka_unit_test(heads_can_be_pasted),
        cmocka_unit_test(short_forms),
        cmocka_unit_test(words_are_distinct),
        cmocka_unit_test(bad_descriptions_are_refused),
        cmocka_unit_test(sha256_of_known_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
