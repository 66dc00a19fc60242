/* What a problem is made of, by numbers that were written down: which operands there are, every element of them, the memory
 * around them, bytes, and what the kernel is told. */
#include <math.h>

#include "support_lineup.h"

enum { GUARD = 64 };

static struct gb_problem made(const struct gb_problem_spec *spec) {
    struct gb_problem problem;
    assert_true(gb_problem_create(&problem, spec));
    return problem;
}

static char *element_at(const struct gb_operand *o, size_t row, size_t element) {
    return (char *)o->start + (row * o->ld + element) * o->element_size;
}

static uint64_t digest_rows(uint64_t digest, const struct gb_operand *o) {
    for (size_t row = 0; row < o->rows; row++)
        for (size_t i = 0; i < o->row_elements * o->element_size; i++)
            digest = (digest ^ (unsigned char)element_at(o, row, 0)[i]) * 0x100000001b3u;
    return digest;
}

/* Of all that is read, row by row. */
static uint64_t digest_inputs(uint64_t digest, const struct gb_problem_spec *spec) {
    struct gb_problem problem = made(spec);
    for (size_t i = 0; i < problem.n_operands; i++)
        if (gk_reads(problem.kernel, problem.operands[i].field, problem.args))
            digest = digest_rows(digest, &problem.operands[i]);
    gb_problem_destroy(&problem);
    return digest;
}

/* Reals of each kind, masks, soft labels and outputs that are added to: FNV-1a of their bytes. Golden hashes rest on them. */
static void contents_are_those_written_down(void **state) {
    static const uint64_t written[GB_DATA_COUNT][GK_DTYPE_COUNT] = {
        [GB_DATA_NORMAL] = {0x1e1a2e013db4cbad, 0x0ff372fcb7d5d3b7},
        [GB_DATA_INTEGER] = {0x8057c9a3c4bb9625, 0xe50016f746b2a59a},
        [GB_DATA_WIDE] = {0x85700e8e2966cd7a, 0x9aff425c6a1cf923},
        [GB_DATA_POSITIVE] = {0xd77c16da550fe5b0, 0x7657e5c42a82851e},
        [GB_DATA_CANCEL] = {0x1360c229c8ba3075, 0xe3448012d9e2d212},
        [GB_DATA_TINY] = {0x67eb389e3a18bbe4, 0x0ba324b359ad2477},
        [GB_DATA_SPECIAL] = {0x3a5ccad5e14c0f52, 0x80f9694a84d4733b},
    };
    (void)state;
    for (int data = 0; data < GB_DATA_COUNT; data++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            struct gb_problem_spec s = {.n = 41, .d = 70, .m = 67, .c = 13, .seed = 3, .ld_pad = 2, .accumulate = true};
            uint64_t digest = 0xcbf29ce484222325u;
            s.data = (enum gb_data)data;
            s.dtype = (enum gk_dtype)dtype;
            s.kernel = GK_KERNEL_affine_backward;
            digest = digest_inputs(digest, &s);
            s.kernel = GK_KERNEL_softmax_xent;
            s.soft_labels = s.dloss = true;
            digest = digest_inputs(digest, &s);
            if (digest != written[data][dtype]) fail_msg("data %d, type %d: 0x%016jx", data, dtype, (uintmax_t)digest);
        }
}

static void assert_labels(const struct gb_problem_spec *spec, const int *expected, size_t count) {
    struct gb_problem problem = made(spec);
    const struct gb_operand *const o = gb_operand_named(&problem, spec->wide_labels ? "labels64" : "labels");
    for (size_t i = 0; i < count; i++) {
        int32_t narrow;
        int64_t wide;
        memcpy(&narrow, element_at(o, 0, i), sizeof narrow);
        if (spec->wide_labels) memcpy(&wide, element_at(o, 0, i), sizeof wide);
        else wide = narrow;
        if (wide != expected[i]) fail_msg("label %zu is %jd, not %d", i, (intmax_t)wide, expected[i]);
    }
    gb_problem_destroy(&problem);
}

static void labels_are_those_written_down(void **state) {
    static const int all[16] = {8, 10, 9, 1, 2, 2, 2, 9, 8, 6, 7, 10, 3, 3, 7, 9},
                     ignored[16] = {8, 10, 9, 1, 2, 2, 2, 9, 8, -1, 7, -1, -1, 3, -1, 9}, one[16] = {0};
    struct gb_problem_spec s = {.kernel = GK_KERNEL_softmax_xent, .n = 16, .c = 11, .seed = 5};
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        s.wide_labels = wide;
        s.ignore = false, s.c = 11;
        assert_labels(&s, all, 16);
        s.ignore = true;
        assert_labels(&s, ignored, 16);
        s.ignore = false, s.c = 1;
        assert_labels(&s, one, 16);
        s.c = 0;
        assert_labels(&s, one, 16);
    }
}

/* Names in the order of the list. */
static void assert_operands(const struct gb_problem_spec *spec, const char *expected) {
    struct gb_problem problem = made(spec);
    char names[200] = "";
    for (size_t i = 0; i < problem.n_operands; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? " " : "", problem.operands[i].field->name);
    }
    assert_string_equal(names, expected);
    for (size_t i = 0; i < problem.kernel->n_fields; i++) {
        const struct gk_field *const f = &problem.kernel->fields[i];
        if (gk_is_operand(f) && !gb_operand_named(&problem, f->name)) assert_null(gk_field_pointer(f, problem.args));
    }
    gb_problem_destroy(&problem);
}

static void operands_follow_from_options(void **state) {
    enum { BARE = 1, SOFT = 2, WIDE = 4, DLOSS = 8, WEIGHTS = 16, Z = 32 };
    static const struct {
        enum gk_kernel_id kernel;
        unsigned options;
        gk_reduction reduction;
        const char *names;
    } table[] = {
        {GK_KERNEL_affine_forward, 0, GK_MEAN, "x w b y"},
        {GK_KERNEL_affine_forward, BARE, GK_MEAN, "x w y"},
        {GK_KERNEL_affine_dx, BARE, GK_MEAN, "dy w dx"},
        {GK_KERNEL_affine_backward, 0, GK_MEAN, "x w dy mask dx dw db"},
        {GK_KERNEL_affine_backward, BARE, GK_MEAN, "dy db"},
        {GK_KERNEL_relu_forward, 0, GK_MEAN, "x y mask"},
        {GK_KERNEL_relu_forward, BARE, GK_MEAN, "x y"},
        {GK_KERNEL_relu_backward, BARE, GK_MEAN, "dy mask dx"},
        {GK_KERNEL_softmax_xent_forward, 0, GK_MEAN, "x labels p row_loss loss"},
        {GK_KERNEL_softmax_xent_forward, WIDE, GK_SUM, "x labels64 p row_loss loss"},
        {GK_KERNEL_softmax_xent_forward, SOFT, GK_NONE, "x t p row_loss"},
        {GK_KERNEL_softmax_xent_forward, SOFT | WIDE, GK_MEAN, "x t p row_loss loss"},
        {GK_KERNEL_softmax_xent_forward, BARE, GK_MEAN, "x labels loss"},
        {GK_KERNEL_softmax_xent_forward, BARE, GK_NONE, "x labels row_loss"},
        {GK_KERNEL_softmax_xent_backward, 0, GK_MEAN, "p labels dx"},
        {GK_KERNEL_softmax_xent_backward, DLOSS, GK_NONE, "p labels dloss dx"},
        {GK_KERNEL_softmax_xent, 0, GK_SUM, "x labels dx row_loss loss"},
        {GK_KERNEL_softmax_xent, BARE | DLOSS, GK_SUM, "x labels dloss dx"},
        {GK_KERNEL_softmax_xent_forward, WEIGHTS | Z, GK_MEAN, "x labels p row_loss loss class_weights lse"},
        {GK_KERNEL_softmax_xent_forward, BARE | WEIGHTS | Z, GK_MEAN, "x labels loss class_weights"},
        {GK_KERNEL_softmax_xent_backward, BARE | Z, GK_MEAN, "p labels dx lse"},
        {GK_KERNEL_softmax_xent, WEIGHTS | Z, GK_SUM, "x labels dx row_loss loss class_weights"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gb_problem_spec spec = {.kernel = table[i].kernel,
                                       .n = 2,
                                       .d = 3,
                                       .m = 4,
                                       .c = 5,
                                       .reduction = table[i].reduction,
                                       .bare = table[i].options & BARE,
                                       .soft_labels = table[i].options & SOFT,
                                       .wide_labels = table[i].options & WIDE,
                                       .dloss = table[i].options & DLOSS,
                                       .class_weights = table[i].options & WEIGHTS};
        if (table[i].options & Z) assert_true(gb_option_read(gb_option_find("z_loss"), "0.5", &spec));
        assert_operands(&spec, table[i].names);
    }
}

static void bytes_are_counted(void **state) {
    static const struct {
        struct gb_problem_spec spec;
        size_t bytes, output_bytes;
    } table[] = {
        /* rows and two guards, in blocks of 64; beside them what outputs begin with */
        {{.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 3, .m = 5}, 192 + 192 + 192 + 24, 24},
        {{.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 3, .m = 5, .dtype = GK_F64}, 256 + 256 + 192 + 48, 48},
        {{.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 3, .m = 5, .ld_pad = 3, .misalign = 2}, 256 + 256 + 192 + 24, 24},
        {{.kernel = GK_KERNEL_affine_dx, .n = 4, .d = 4, .m = 4}, 192 + 192 + 192 + 64, 64},
        {{.kernel = GK_KERNEL_affine_dx, .n = 4, .d = 4, .m = 4, .misalign = 1}, 256 + 256 + 256 + 64, 64},
        {{.kernel = GK_KERNEL_affine_dx, .n = 0, .d = 3, .m = 5}, 128 + 192 + 128, 0},
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 70}, 1024 + 1024 + 840 + 192 + 48, 888},
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 70, .in_place = true}, 1024 + 840 + 192 + 48, 888},
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 70, .in_place = true, .bare = true}, 1024 + 840, 840},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gb_problem problem = made(&table[i].spec);
        assert_int_equal(gb_problem_bytes(&table[i].spec), table[i].bytes);
        assert_int_equal(gb_problem_output_bytes(&problem), table[i].output_bytes);
        gb_problem_destroy(&problem);
        assert_true(gb_problem_create_shared(&problem, &table[i].spec));
        const size_t initial = gb_problem_output_bytes(&problem);
        assert_int_equal(problem.shared_used, table[i].bytes - initial);
        assert_int_equal(problem.shared.bytes, problem.shared_used);
        gb_problem_destroy(&problem);
    }
}

/* To the element: the largest operand that there can be, and one more; sums that do not fit. */
static void the_largest_sizes(void **state) {
    const size_t most = (size_t)1 << 61, whole = ((size_t)1 << 63) - 64;
    static const struct {
        struct gb_problem_spec spec;
        bool fits;
    } sums[] = {
        {{.kernel = GK_KERNEL_affine_db, .n = 1, .m = (size_t)1 << 60}, true},
        {{.kernel = GK_KERNEL_affine_db, .n = 1, .m = ((size_t)1 << 61) - 49}, false},         /* by what db begins with */
        {{.kernel = GK_KERNEL_affine_dx, .n = ((size_t)1 << 61) - 49, .d = 1, .m = 1}, false}, /* by dx */
        {{.kernel = GK_KERNEL_affine_db, .n = 1, .m = 1, .misalign = SIZE_MAX}, false},
        {{.kernel = GK_KERNEL_affine_db, .n = 1, .m = 1, .ld_pad = SIZE_MAX}, false},
        {{.kernel = GK_KERNEL_affine_db, .n = (size_t)1 << 33, .m = ((size_t)1 << 31) + 1}, false},
        {{.kernel = GK_KERNEL_affine_db, .n = ((size_t)1 << 62) + 1, .m = 1}, false},
    };
    struct gb_problem_spec s = {.kernel = GK_KERNEL_affine_db, .m = 1};
    struct gb_problem problem;
    (void)state;
    s.n = most - 49;
    assert_int_equal(gb_problem_bytes(&s), whole + 192 + 4);
    s.n = most - 48;
    assert_int_equal(gb_problem_bytes(&s), 0);
    s.dtype = GK_F64;
    s.n = most / 2 - 25;
    assert_int_equal(gb_problem_bytes(&s), whole + 192 + 8);
    s.n = most / 2 - 24;
    assert_int_equal(gb_problem_bytes(&s), 0);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        assert_int_equal(gb_problem_bytes(&sums[i].spec) != 0, sums[i].fits);
        if (!sums[i].fits) assert_false(gb_problem_create(&problem, &sums[i].spec));
    }
}

static void assert_padding(const char *from, const char *to, size_t size) {
    const uint64_t pattern = size == 8 ? 0x7ff4a5a5a5a5a5a5u : 0x7fa5a5a5u;
    assert_int_equal((to - from) % (ptrdiff_t)size, 0);
    for (; from < to; from += size) assert_memory_equal(from, &pattern, size);
}

/* Guards, the elements before a start that is off its boundary, and what is between the rows: signalling NaN or no label. */
static void paddings_are_filled(void **state) {
    static const size_t blocks[] = {192, 192, 192}; /* of x, labels, dx: 12, 3 and 12 elements, and one more */
    (void)state;
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
        struct gb_problem_spec s = {
            .kernel = GK_KERNEL_softmax_xent, .n = 3, .c = 3, .ld_pad = 1, .misalign = 1, .bare = true, .seed = 4};
        s.dtype = (enum gk_dtype)dtype;
        struct gb_problem problem = made(&s);
        assert_int_equal(problem.n_operands, 3);
        for (size_t i = 0; i < 3; i++) {
            const struct gb_operand *const o = &problem.operands[i];
            const size_t bytes = dtype && i != 1 ? 256 : blocks[i];
            const char *const base = (const char *)o->start - GUARD - o->element_size;
            assert_ptr_equal(o->base, base);
            assert_int_equal((uintptr_t)base % 64, 0);
            assert_int_equal(o->ld, i == 1 ? 3 : 4);
            assert_padding(base, o->start, o->element_size);
            for (size_t row = 0; row < o->rows; row++)
                assert_padding(element_at(o, row, o->row_elements), element_at(o, row + 1, 0), o->element_size);
            assert_padding(element_at(o, o->rows, 0), base + bytes, o->element_size);
        }
        gb_problem_destroy(&problem);
    }
}

/* An output starts as NaN, a mask as ones, where the old value is not read. */
static void outputs_start_unset(void **state) {
    (void)state;
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
        struct gb_problem_spec s = {.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 70, .seed = 4};
        s.dtype = (enum gk_dtype)dtype;
        struct gb_problem problem = made(&s);
        const struct gb_operand *const y = gb_operand_named(&problem, "y"), *const mask = gb_operand_named(&problem, "mask");
        const uint64_t nan = dtype ? 0x7ff8000000000000u : 0x7fc00000u, ones = UINT64_MAX;
        for (size_t row = 0; row < 3; row++) {
            for (size_t j = 0; j < 70; j++) assert_memory_equal(element_at(y, row, j), &nan, y->element_size);
            for (size_t j = 0; j < 2; j++) assert_memory_equal(element_at(mask, row, j), &ones, 8);
        }
        gb_problem_destroy(&problem);
    }
}

/* One output lies upon its input, and is whose old rows are kept; the others have memory of their own. */
static void in_place_is_the_same_memory(void **state) {
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_softmax_xent_forward, .n = 3, .c = 5, .in_place = true, .seed = 4};
    struct gb_problem problem = made(&s);
    const struct gb_operand *const x = gb_operand_named(&problem, "x"), *const p = gb_operand_named(&problem, "p");
    const char *what = "";
    (void)state;
    assert_ptr_equal(x->start, p->start);
    assert_null(p->base);
    assert_ptr_equal(x->initial, p->initial);
    for (size_t i = 0; i < problem.n_operands; i++) {
        const struct gb_operand *const o = &problem.operands[i];
        assert_true(o == p || (o->base && (o == x || o->start != x->start)));
    }
    for (size_t row = 0; row < 3; row++) assert_memory_equal((const char *)p->initial + row * 20, element_at(p, row, 0), 20);
    *(float *)p->start = 7; /* the output's rows are its own, what is around them is x's */
    assert_true(gb_problem_intact(&problem, &what));
    element_at(x, 3, 0)[0] ^= 1;
    assert_false(gb_problem_intact(&problem, &what));
    assert_string_equal(what, "x");
    gb_problem_destroy(&problem);
}

/* Rows longer than what is made at a time. */
static void long_rows_stay_intact(void **state) {
    static const size_t places[] = {0, 511, 512, 513, 1023, 1024, 1099};
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_affine_db, .n = 2, .m = 1100, .seed = 4};
    struct gb_problem problem = made(&s);
    const struct gb_operand *const dy = gb_operand_named(&problem, "dy");
    const char *what = "";
    (void)state;
    assert_true(gb_problem_intact(&problem, &what));
    for (size_t i = 0; i < 2 * sizeof places / sizeof *places; i++) {
        char *const byte = element_at(dy, i % 2, places[i / 2]);
        *byte ^= 1;
        assert_false(gb_problem_intact(&problem, &what));
        *byte ^= 1;
    }
    gb_problem_destroy(&problem);
}

static void bits_and_values(void **state) {
    static const struct {
        enum gk_dtype dtype;
        uint64_t stored, bits;
        double value;
    } reals[] = {
        {GK_F32, 0x3fc00000, 0x3fc00000, 1.5},
        {GK_F32, 0x80000000, 0x80000000, -0.0},
        {GK_F32, 0x7f800000, 0x7f800000, INFINITY},
        {GK_F32, 0xff800000, 0xff800000, -INFINITY},
        {GK_F32, 0x7f800001, 0x7fc00000, NAN},
        {GK_F32, 0xffffffff, 0x7fc00000, NAN},
        {GK_F64, 0x3ff8000000000000, 0x3ff8000000000000, 1.5},
        {GK_F64, 0x7ff0000000000000, 0x7ff0000000000000, INFINITY},
        {GK_F64, 0xfff0000000000000, 0xfff0000000000000, -INFINITY},
        {GK_F64, 0x7ff0000000000001, 0x7ff8000000000000, NAN},
        {GK_F64, 0xfff8000000000000, 0x7ff8000000000000, NAN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        const struct gb_problem_spec s = {.kernel = GK_KERNEL_affine_db, .n = 2, .m = 3, .dtype = reals[i].dtype, .ld_pad = 1};
        struct gb_problem problem = made(&s);
        const struct gb_operand *const dy = gb_operand_named(&problem, "dy");
        memcpy(element_at(dy, 1, 2), &reals[i].stored, dy->element_size);
        const uint64_t bits = gb_operand_bits(dy, 1, 2);
        assert_int_equal(bits, reals[i].bits);
        const double value = gb_operand_value(dy, bits);
        assert_true(isnan(reals[i].value) ? isnan(value)
                                          : value == reals[i].value && !signbit(value) == !signbit(reals[i].value));
        gb_problem_destroy(&problem);
    }
    struct gb_problem problem = made(&(struct gb_problem_spec){.kernel = GK_KERNEL_relu_backward, .n = 1, .d = 70});
    const struct gb_operand *const mask = gb_operand_named(&problem, "mask");
    const uint64_t word = 0x7ff8000000000001u, small = 5;
    memcpy(element_at(mask, 0, 1), &word, sizeof word);
    assert_int_equal(gb_operand_bits(mask, 0, 1), word); /* a NaN as a real */
    assert_true(gb_operand_value(mask, small) == 5);
    gb_problem_destroy(&problem);
}

/* Two outputs, one after the other, without paddings, every NaN the same. */
static void outputs_are_gathered(void **state) {
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 3, .ld_pad = 2, .seed = 6};
    struct gb_problem problem = made(&s);
    const uint32_t y[6] = {1, 2, 0xffc00001, 4, 5, 0x80000000}, y_out[6] = {1, 2, 0x7fc00000, 4, 5, 0x80000000};
    const uint64_t mask[2] = {7, 0x7ff8000000000001};
    unsigned char out[40];
    (void)state;
    for (size_t i = 0; i < 6; i++) memcpy(element_at(gb_operand_named(&problem, "y"), i / 3, i % 3), &y[i], 4);
    for (size_t i = 0; i < 2; i++) memcpy(element_at(gb_operand_named(&problem, "mask"), i, 0), &mask[i], 8);
    assert_int_equal(gb_problem_output_bytes(&problem), sizeof out);
    gb_problem_output(&problem, out);
    assert_memory_equal(out, y_out, 24);
    assert_memory_equal(out + 24, mask, 16);
    gb_problem_destroy(&problem);
}

/* The list has no kernel whose first operand is an output, but may have one. */
static void outputs_may_come_first(void **state) {
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 3, .bare = true, .seed = 6};
    struct gb_problem got = made(&s), want = made(&s), *const both[] = {&got, &want};
    struct gb_difference first;
    float out[6];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct gb_operand x = both[i]->operands[0];
        both[i]->operands[0] = both[i]->operands[1];
        both[i]->operands[1] = x;
    }
    *(float *)got.operands[0].start = 7;
    assert_int_equal(gb_problem_output_bytes(&got), sizeof out);
    gb_problem_output(&got, out);
    assert_true(out[0] == 7 && isnan(out[5]));
    assert_false(gb_problem_equal(&got, &want, &first));
    assert_string_equal(first.operand, "y");
    gb_problem_reset(&got);
    assert_true(gb_problem_equal(&got, &want, &first));
    gb_problem_destroy(&got);
    gb_problem_destroy(&want);
}

static void a_difference_says_where_and_what(void **state) {
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_affine_dx, .n = 4, .d = 5, .m = 2, .accumulate = true, .seed = 6};
    struct gb_problem got = made(&s), want = made(&s);
    struct gb_difference first;
    (void)state;
    ((float *)gb_operand_named(&got, "dx")->start)[3 * 5 + 4] = 7;
    ((float *)gb_operand_named(&got, "dx")->start)[2 * 5 + 1] = 1.5f;
    ((float *)gb_operand_named(&want, "dx")->start)[2 * 5 + 1] = -2.5f;
    ((float *)gb_operand_named(&got, "dy")->start)[0] = 9; /* no output */
    assert_false(gb_problem_equal(&got, &want, &first));
    assert_string_equal(first.operand, "dx");
    assert_true(first.row == 2 && first.col == 1 && first.got == 1.5 && first.want == -2.5);
    gb_problem_destroy(&got);
    gb_problem_destroy(&want);
}

/* What a kernel is told: its dimensions, the leading dimensions of its operands, and the options. */
static void arguments_are_those_of_the_spec(void **state) {
    struct gb_problem_spec s = {.kernel = GK_KERNEL_affine_backward, .n = 2, .d = 3, .m = 70, .ld_pad = 4};
    (void)state;
    for (int on = 0; on < 2; on++) {
        s.accumulate = on;
        s.layout = on ? GK_OUT_IN : GK_IN_OUT;
        struct gb_problem problem = made(&s);
        const gk_affine_backward_args *const a = problem.args;
        assert_true(a->n == 2 && a->d == 3 && a->m == 70);
        assert_true(a->accumulate_dx == on && a->accumulate_dw == on && a->accumulate_db == on && a->layout == s.layout);
        assert_true(a->ld_x == 7 && a->ld_dx == 7 && a->ld_dy == 74 && a->ld_mask == 6);
        assert_true(a->ld_w == (on ? 7 : 74) && a->ld_dw == a->ld_w);
        assert_ptr_equal(a->db, gb_operand_named(&problem, "db")->start);
        gb_problem_destroy(&problem);
    }
    s = (struct gb_problem_spec){.kernel = GK_KERNEL_softmax_xent, .n = 2, .c = 5};
    for (int option = 0; option < 4; option++) {
        s.ignore = option & 1;
        s.soft_labels = option & 2;
        s.reduction = option == 3 ? GK_SUM : option == 2 ? GK_NONE : GK_MEAN;
        struct gb_problem problem = made(&s);
        const gk_softmax_xent_args *const a = problem.args;
        assert_true(a->n == 2 && a->c == 5 && a->ld_x == 0 && a->ignore_index == -1 && a->reduction == s.reduction);
        assert_true(a->use_ignore_index == (option == 1)); /* soft labels know no ignored rows */
        gb_problem_destroy(&problem);
    }
}

static size_t lines_of(const char *path) {
    FILE *const file = fopen(path, "r");
    size_t lines = 0;
    assert_non_null(file);
    for (int c = getc(file); c != EOF; c = getc(file)) lines += c == '\n';
    fclose(file);
    return lines;
}

/* All of it lies in the caller's memory, one operand after the other, and holds what it does in its own; the memory stays. */
static void in_the_callers_memory(void **state) {
    (void)state;
    for (int in_place = 0; in_place < 2; in_place++) {
        const struct gb_problem_spec s = {
            .kernel = GK_KERNEL_affine_backward, .n = 30, .d = 40, .m = 50, .in_place = in_place, .misalign = 1, .seed = 3};
        const size_t bytes = gb_problem_storage(&s);
        for (size_t threads = 0; threads < 3; threads += 2) {
            char *const memory = aligned_alloc(64, bytes);
            struct gb_problem there, here;
            const char *what;
            memset(memory, 0x55, bytes);
            assert_true(gb_problem_create_in(&there, &s, memory, threads) && gb_problem_create(&here, &s));
            char *next = memory;
            for (size_t i = 0; i < there.n_operands; i++) {
                const struct gb_operand *const o = &there.operands[i], *const own = &here.operands[i];
                assert_true((char *)o->start >= memory && (char *)o->start < memory + bytes);
                for (size_t row = 0; row < o->rows; row++)
                    assert_memory_equal((char *)o->start + row * o->ld * o->element_size,
                                        (char *)own->start + row * own->ld * own->element_size,
                                        o->row_elements * o->element_size);
                if (o->base && (char *)o->base > next) next = o->base;
            }
            assert_true(next > memory && gb_problem_intact(&there, &what));
            gb_problem_destroy(&there);
            gb_problem_destroy(&here);
            memset(memory, 0, bytes); /* not gone */
            free(memory);
        }
    }
    const struct gb_problem_spec huge = {.kernel = GK_KERNEL_affine_dx, .n = SIZE_MAX, .d = SIZE_MAX, .m = 3};
    assert_int_equal(gb_problem_storage(&huge), 0);
}

/* Nothing is left of a problem, of one that could not be made neither: blocks, mappings, descriptors. */
static void make_and_forget(void) {
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_affine_backward, .n = 3, .d = 4, .m = 5, .in_place = true},
                                 huge = {.kernel = GK_KERNEL_affine_dx, .n = 3, .d = (size_t)1 << 46, .m = 1};
    static const struct gb_problem none;
    struct gb_problem problem;
    assert_true(gb_problem_create(&problem, &s));
    gb_problem_destroy(&problem);
    assert_true(gb_problem_create_shared(&problem, &s));
    gb_problem_destroy(&problem);
    assert_memory_equal(&problem, &none, sizeof none);
    if (GB_SANITIZER) return;
    assert_false(gb_problem_create(&problem, &huge));
    assert_memory_equal(&problem, &none, sizeof none);
}

static void nothing_is_left(void **state) {
    (void)state;
    make_and_forget();
    const size_t maps = lines_of("/proc/self/maps");
    gb_assert_keeps_nothing(make_and_forget);
    if (!GB_SANITIZER) assert_int_equal(lines_of("/proc/self/maps"), maps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_are_those_written_down),
        cmocka_unit_test(labels_are_those_written_down),
        cmocka_unit_test(operands_follow_from_options),
        cmocka_unit_test(bytes_are_counted),
        cmocka_unit_test(the_largest_sizes),
        cmocka_unit_test(paddings_are_filled),
        cmocka_unit_test(outputs_start_unset),
        cmocka_unit_test(in_place_is_the_same_memory),
        cmocka_unit_test(long_rows_stay_intact),
        cmocka_unit_test(bits_and_values),
        cmocka_unit_test(outputs_are_gathered),
        cmocka_unit_test(outputs_may_come_first),
        cmocka_unit_test(a_difference_says_where_and_what),
        cmocka_unit_test(arguments_are_those_of_the_spec),
        cmocka_unit_test(in_the_callers_memory),
        cmocka_unit_test(nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
