/* Every cell returns the bits of ref: all small shapes, the edges of every tile and block that an isa exports, paddings,
 * misalignment, every option and kind of data, every thread count, and caches so small that every blocking path runs. From the
 * table alone: a kernel that is added is tested without a line here. GK_QUICK=1 takes some of the cases. */
#include "support_lineup.h"
#include "support_shares.h"

enum { SMALL = 17, LONG_ROW = 150, LARGE = 100, QUICK = 24, QUICK_OWN = 6 };

static const size_t thread_counts[] = {1, 2, 3, 5, 8};
static const uint64_t seed = 20240607;

static struct gb_lineup lineup;
static struct gb_share share;

static void with_shape(enum gk_kernel_id kernel, enum gk_dtype dtype, const size_t sizes[static GK_DIM_COUNT], uint64_t number,
                       uint64_t quick, unsigned use) {
    const struct gb_problem_spec s = gb_spec_by_turns(kernel, dtype, sizes, GK_DIM_COUNT, number, seed);
    if (gb_share_has(&share, number, quick)) gb_lineup_compare(&lineup, &s, 0, use);
}

/* In serial every shape twice with different options; a part also with all threads and small caches. */
static void small_shapes(void **state) {
    (void)state;
    uint64_t number = 0;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const enum gk_kernel_id kernel = (enum gk_kernel_id)id;
            size_t s[GK_DIM_COUNT];
            for (size_t i = 0; gb_small_shape(kernel, i, SMALL, LONG_ROW, s); i++, number += 2) {
                with_shape(kernel, (enum gk_dtype)dtype, s, number, QUICK, GB_USE_SERIAL);
                with_shape(kernel, (enum gk_dtype)dtype, s, number + 1, QUICK, number % 22 == 0 ? GB_USE_ALL : GB_USE_SERIAL);
            }
        }
    assert_int_equal(lineup.failures, 0);
}

/* The isas' own edges, multiples of the block of k, more columns than products of few rows sum at a time, and the smallest. */
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

/* Two sizes at dimensions p and q, the others small; of two large ones, which cost the most, one pair in four. Threads and
 * small caches by turns. */
static void edge_pairs(enum gk_kernel_id kernel, enum gk_dtype dtype, size_t p, size_t q, uint64_t *number) {
    static const size_t others[] = {1, 2, 3, 5, 7, 11};
    size_t sizes[GB_EDGE_SIZES_MAX], s[GK_DIM_COUNT];
    const size_t count = all_sizes(dtype, sizes);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++, ++*number) {
            if (sizes[i] >= LARGE && sizes[j] >= LARGE && (i + j + p + q) % 4) continue;
            for (size_t k = 0; k < GK_DIM_COUNT; k++) s[k] = others[(*number + k) % 6];
            s[p] = sizes[i], s[q] = sizes[j];
            const unsigned turn = *number % 8 == 0 ? GB_USE_ALL : *number % 8 == 4 ? GB_USE_SMALL : 0;
            with_shape(kernel, dtype, s, *number, QUICK, GB_USE_SERIAL | turn);
        }
}

static void edges_in_pairs(void **state) {
    (void)state;
    uint64_t number = 1 << 20;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const enum gk_kernel_id kernel = (enum gk_kernel_id)id;
            const size_t dimensions = gb_kernel_dimensions(kernel);
            for (size_t p = 0; p < dimensions; p++)
                for (size_t q = dimensions > 1 ? p + 1 : p; q < dimensions; q++)
                    edge_pairs(kernel, (enum gk_dtype)dtype, p, q, &number);
        }
    assert_int_equal(lineup.failures, 0);
}

/* The kernels' own edges, some of them long, in one dimension at a time; the others small, and then so large that products fill
 * tiles. */
static void own_edges(void **state) {
    static const size_t others[][3] = {{3, 1, 5}, {17, 40, 21}};
    (void)state;
    uint64_t number = 3 << 20;
    for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT * 2; i++) {
        const enum gk_kernel_id kernel = (enum gk_kernel_id)(i / 2 / GK_DTYPE_COUNT);
        const enum gk_dtype dtype = (enum gk_dtype)(i / 2 % GK_DTYPE_COUNT);
        size_t sizes[GB_EDGE_SIZES_MAX], s[GK_DIM_COUNT];
        const size_t count = gb_own_edge_sizes(kernel, dtype, sizes), dimensions = gb_kernel_dimensions(kernel);
        for (size_t j = 0; j < count * dimensions; j++, number++) {
            for (size_t k = 0; k < GK_DIM_COUNT; k++) s[k] = others[i % 2][(k + number) % 3];
            s[j % dimensions] = sizes[j / dimensions];
            with_shape(kernel, dtype, s, number, QUICK_OWN, GB_USE_ALL);
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
            size_t sizes[GB_EDGE_SIZES_MAX], s[GK_DIM_COUNT];
            const size_t count = all_sizes((enum gk_dtype)dtype, sizes);
            for (size_t i = 0; i < SHAPES; i++, number++) {
                uint64_t x = (number * 0x9e3779b97f4a7c15u) >> 8;
                for (size_t k = 0; k < GK_DIM_COUNT; k++, x >>= 16) s[k] = sizes[x % (k < 2 ? count : count / 2)];
                with_shape((enum gk_kernel_id)id, (enum gk_dtype)dtype, s, number, QUICK, GB_USE_ALL);
            }
        }
    assert_int_equal(lineup.failures, 0);
}

/* Every combination of the options on one shape, and every subset of the optional outputs. */
static void every_option(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (unsigned bits = 0; bits < 1 << 11; bits++) {
            if (!gb_share_has(&share, (uint64_t)id << 11 | bits, QUICK / 2)) continue;
            struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                        .dtype = bits & 1 ? GK_F64 : GK_F32,
                                        .n = 19,
                                        .d = 21,
                                        .m = 35,
                                        .c = 67,
                                        .ld_pad = bits % 3,
                                        .seed = seed + bits};
            gb_set_options(&s, (bits >> 1 & 127) | (bits & 1 << 10) >> 3);
            s.reduction = (gk_reduction)((bits >> 8 & 3) % 3);
            s.data = (enum gb_data)(bits % GB_DATA_COUNT);
            const unsigned targets = bits * 0x9e3779b9u >> 29;
            gb_set_targets(&s, targets & 1, targets & 2, targets & 4);
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
                    static const size_t shapes[][3] = {{300, 37, 70}, {67, 131, 43}};
                    struct gb_problem_spec s =
                        gb_spec_by_turns((enum gk_kernel_id)id, (enum gk_dtype)dtype, shapes[i % 2], 3, number, seed);
                    s.data = (enum gb_data)data;
                    s.seed = number;
                    if (!gb_share_has(&share, number, QUICK / 4)) continue;
                    gb_lineup_compare(&lineup, &s, 0, GB_USE_ALL);
                }
    assert_int_equal(lineup.failures, 0);
}

static void nothing_idle(void **state) {
    (void)state;
    size_t skipped = 0;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) skipped += !gb_isa_runs(i);
    printf("%zu cells, %zu cases (%zu problems), seed %llu, %zu isas skipped\n",
           (GK_ISA_COUNT - skipped) * GK_KERNEL_COUNT * GK_DTYPE_COUNT, lineup.cases, lineup.problems, (unsigned long long)seed,
           skipped);
    assert_int_equal(gb_lineup_idle(&lineup), 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes),    cmocka_unit_test(edges_in_pairs), cmocka_unit_test(own_edges),
        cmocka_unit_test(edges_in_threes), cmocka_unit_test(every_option),   cmocka_unit_test(every_data),
        cmocka_unit_test(nothing_idle),
    };
    int code;
    gb_wait_passively(argv);
    if (!gb_share_begin(argc, argv, &share, &code)) return code;
    gb_open_lineup(&lineup, NULL, thread_counts, sizeof thread_counts / sizeof *thread_counts);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_lineup_close(&lineup);
    return failed;
}
