/* Every cell returns the bits of ref: all small shapes, the edges of every tile and block that an isa exports, paddings,
 * misalignment, every option and kind of data, every thread count, and caches so small that every blocking path runs. From the
 * table alone: a kernel that is added is tested without a line here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lineup.h"
#include "support_passive.h"

enum { SMALL = 17, LONG_ROW = 150, LARGE = 100 };

static const size_t thread_counts[] = {1, 2, 3, 5, 8};
static const uint64_t seed = 20240607;

static struct gb_lineup lineup;

static void with_shape(enum gk_kernel_id kernel, enum gk_dtype dtype, size_t a, size_t b, size_t c, uint64_t number,
                       unsigned use) {
    const struct gb_problem_spec s = gb_spec_by_turns(kernel, dtype, (const size_t[]){a, b, c}, number, seed);
    gb_lineup_compare(&lineup, &s, 0, use);
}

/* In serial every shape twice with different options; a part also with all threads and small caches. */
static void small_shapes(void **state) {
    (void)state;
    uint64_t number = 0;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const enum gk_kernel_id kernel = (enum gk_kernel_id)id;
            const bool cube = gb_kernel_dimensions(kernel) == 3;
            for (size_t a = 1; a <= SMALL; a++)
                for (size_t b = 1; b <= (cube ? SMALL : LONG_ROW); b++)
                    for (size_t c = 1; c <= (cube ? SMALL : 1); c++, number += 2) {
                        with_shape(kernel, (enum gk_dtype)dtype, a, b, c, number, GB_USE_SERIAL);
                        with_shape(kernel, (enum gk_dtype)dtype, a, b, c, number + 1,
                                   number % 22 == 0 ? GB_USE_ALL : GB_USE_SERIAL);
                    }
        }
    assert_int_equal(lineup.failures, 0);
}

/* The isas' own edges, multiples of the block of k, more isas than a product of few rows sums at a time, and the smallest. */
static size_t all_sizes(enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]) {
    static const size_t fixed[] = {1, 2, 255, 256, 257, 511, 512, 513, 769, 1025};
    size_t count = gb_edge_sizes(dtype, sizes);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        size_t at = 0;
        while (at < count && sizes[at] != fixed[i]) at++;
        assert_true(at < GB_EDGE_SIZES_MAX);
        sizes[at] = fixed[i];
        if (at == count) count++;
    }
    return count;
}

/* Every pair of edge sizes in every pair of dimensions, the third one small; of two large ones, which cost the most, one pair
 * in four. Threads and small caches by turns. */
static void edges_in_pairs(void **state) {
    (void)state;
    static const size_t thirds[] = {1, 2, 3, 5, 7, 11};
    uint64_t number = 1 << 20;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const enum gk_kernel_id kernel = (enum gk_kernel_id)id;
            size_t sizes[GB_EDGE_SIZES_MAX];
            const size_t count = all_sizes((enum gk_dtype)dtype, sizes), third = gb_kernel_dimensions(kernel) == 3 ? 3 : 1;
            for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < count; j++)
                    for (size_t t = 0; t < third; t++, number++) {
                        size_t s[3] = {sizes[i], sizes[j], thirds[number % 6]};
                        const size_t keep = s[2 - t];
                        s[2 - t] = s[2];
                        s[2] = keep;
                        if (sizes[i] >= LARGE && sizes[j] >= LARGE && (i + j + t) % 4) continue;
                        const unsigned turn = number % 8 == 0 ? GB_USE_ALL : number % 8 == 4 ? GB_USE_SMALL : 0;
                        with_shape(kernel, (enum gk_dtype)dtype, s[0], s[1], s[2], number, GB_USE_SERIAL | turn);
                    }
        }
    assert_int_equal(lineup.failures, 0);
}

/* A few shapes with three edges at a time, on every context. */
static void edges_in_threes(void **state) {
    (void)state;
    enum { SHAPES = 24 };
    uint64_t number = 1 << 21;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            size_t sizes[GB_EDGE_SIZES_MAX];
            const size_t count = all_sizes((enum gk_dtype)dtype, sizes);
            for (size_t i = 0; i < SHAPES; i++, number++) {
                const uint64_t x = number * 0x9e3779b97f4a7c15u;
                with_shape((enum gk_kernel_id)id, (enum gk_dtype)dtype, sizes[(x >> 8) % count], sizes[(x >> 24) % count],
                           sizes[(x >> 40) % (count / 2)], number, GB_USE_ALL);
            }
        }
    assert_int_equal(lineup.failures, 0);
}

/* Every combination of the options on one shape, and every subset of the optional outputs. */
static void every_option(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (unsigned bits = 0; bits < 1 << 11; bits++) {
            struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                        .dtype = bits & 1 ? GK_F64 : GK_F32,
                                        .n = 19,
                                        .d = 21,
                                        .m = 35,
                                        .c = 67,
                                        .ld_pad = bits % 3,
                                        .seed = seed + bits};
            s.layout = bits & 2 ? GK_OUT_IN : GK_IN_OUT;
            s.accumulate = bits & 4;
            s.soft_labels = bits & 8;
            s.ignore = bits & 16;
            s.dloss = bits & 32;
            s.bare = bits & 64;
            s.in_place = bits & 128;
            s.reduction = (gk_reduction)((bits >> 8 & 3) % 3);
            s.wide_labels = bits >> 10;
            s.data = (enum gb_data)(bits % GB_DATA_COUNT);
            gb_lineup_compare(&lineup, &s, 0, GB_USE_SERIAL);
            const size_t optional = gb_lineup_optional_outputs(&s);
            for (unsigned drop = 1; drop < 1u << optional; drop++) gb_lineup_compare(&lineup, &s, drop, GB_USE_SERIAL);
        }
    assert_int_equal(lineup.failures, 0);
}

/* Every kind of data on shapes that fill more than one tile and block. */
static void every_data(void **state) {
    (void)state;
    uint64_t number = 1 << 22;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (int data = 0; data < GB_DATA_COUNT; data++)
                for (int i = 0; i < 4; i++, number++) {
                    const size_t *const sizes = i % 2 ? (const size_t[]){67, 131, 43} : (const size_t[]){300, 37, 70};
                    struct gb_problem_spec s =
                        gb_spec_by_turns((enum gk_kernel_id)id, (enum gk_dtype)dtype, sizes, number, seed);
                    s.data = (enum gb_data)data;
                    s.seed = number;
                    gb_lineup_compare(&lineup, &s, 0, GB_USE_ALL);
                }
    assert_int_equal(lineup.failures, 0);
}

static void nothing_idle(void **state) {
    (void)state;
    size_t skipped = 0;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const char *const reason = gk_isa_unusable(i);
        if (reason) printf("skipped: isa %s: %s\n", gk_isa_get(i, GK_F32)->name, reason), skipped++;
    }
    printf("%zu cells, %zu cases (%zu problems), seed %llu, %zu isas skipped\n",
           (GK_ISA_COUNT - skipped) * GK_KERNEL_COUNT * GK_DTYPE_COUNT, lineup.cases, lineup.problems, (unsigned long long)seed,
           skipped);
    assert_int_equal(gb_lineup_idle(&lineup), 0);
}

static int open_lineup(void **state) {
    gk_status status;
    (void)state;
    return gb_lineup_open(&lineup, NULL, thread_counts, sizeof thread_counts / sizeof *thread_counts, stderr, &status) ? 0 : -1;
}

static int close_lineup(void **state) {
    (void)state;
    gb_lineup_close(&lineup);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes), cmocka_unit_test(edges_in_pairs), cmocka_unit_test(edges_in_threes),
        cmocka_unit_test(every_option), cmocka_unit_test(every_data),     cmocka_unit_test(nothing_idle),
    };
    (void)argc;
    gb_wait_passively(argv);
    return cmocka_run_group_tests(tests, open_lineup, close_lineup);
}
