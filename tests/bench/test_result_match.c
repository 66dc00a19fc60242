/* The order of rows: every member that a row is known by counts, no other does, and a row's partner is found. */
#include "random.h"
#include "result_match.h"
#include "support.h"

static struct gb_result_option none_given[] = {{"accumulate", NULL, false}}, summed[] = {{"reduction", "sum", false}},
                               unreduced[] = {{"reduction", "none", false}},
                               both[] = {{"accumulate", NULL, false}, {"reduction", "sum", false}};
static struct gb_result_size small[] = {{"n", 9}}, large[] = {{"n", 10}}, other[] = {{"d", 10}}, wide[] = {{"n", 9}, {"d", 1}};

#define ROW .kernel = "k", .dtype = "f32", .workload = "w", .cache = "hot", .variant = "wide", .isa = "wide", .threads = 1

/* Each differs from the first in one member. */
static const struct gb_result_row rows[] = {
    {ROW},
    {ROW, .options = none_given, .n_options = 1},
    {ROW, .options = summed, .n_options = 1},
    {ROW, .options = unreduced, .n_options = 1},
    {ROW, .options = both, .n_options = 2},
    {ROW, .shape = small, .n_shape = 1},
    {ROW, .shape = large, .n_shape = 1},
    {ROW, .shape = other, .n_shape = 1},
    {ROW, .shape = wide, .n_shape = 2},
    {.kernel = "kk", .dtype = "f32", .workload = "w", .cache = "hot", .variant = "wide", .isa = "wide", .threads = 1},
    {.kernel = "k", .dtype = "f64", .workload = "w", .cache = "hot", .variant = "wide", .isa = "wide", .threads = 1},
    {.kernel = "k", .dtype = "f32", .workload = "v", .cache = "hot", .variant = "wide", .isa = "wide", .threads = 1},
    {.kernel = "k", .dtype = "f32", .workload = "w", .cache = "cold", .variant = "wide", .isa = "wide", .threads = 1},
    {.kernel = "k", .dtype = "f32", .workload = "w", .cache = "hot", .variant = "peer:a", .isa = "wide", .threads = 1},
    {.kernel = "k", .dtype = "f32", .workload = "w", .cache = "hot", .variant = "wide", .isa = "peer", .threads = 1},
    {.kernel = "k", .dtype = "f32", .workload = "w", .cache = "hot", .variant = "wide", .isa = "wide", .threads = 2},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int sign(int order) { return (order > 0) - (order < 0); }

static void test_order(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < ROWS; j++) {
            const int order = sign(gb_row_order(&rows[i], &rows[j]));
            assert_int_equal(order == 0, i == j);
            assert_int_equal(order, -sign(gb_row_order(&rows[j], &rows[i])));
            for (size_t k = 0; k < ROWS; k++)
                if (order < 0 && gb_row_order(&rows[j], &rows[k]) < 0) assert_true(gb_row_order(&rows[i], &rows[k]) < 0);
        }
    const struct gb_result_row timed = {ROW, .state = GB_STATE_TIMED, .verified = "full", .summary.median = 3, .note = "a way"};
    assert_int_equal(gb_row_order(&timed, &rows[0]), 0);
}

/* Each of a subset has its partner, those that were left out have none; of equal ones the first is found. */
static void test_find(void **state) {
    (void)state;
    uint64_t random = 3;
    for (size_t round = 0; round < 200; round++) {
        struct gb_result result = {.complete = true};
        struct gb_result_row kept[2 * ROWS];
        size_t times[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            const size_t at = (i * 7 + round) % ROWS; /* not in order: 7 and 16 have no common divisor */
            times[at] = round == 0 ? 0 : gb_next_random(&random) % 3;
            for (size_t t = 0; t < times[at]; t++) {
                kept[result.n_rows] = rows[at];
                kept[result.n_rows++].iterations = t + 1;
            }
        }
        result.rows = kept;
        const struct gb_result_row **const sorted = gb_rows_sorted(&result);
        assert_non_null(sorted);
        for (size_t i = 0; i < ROWS; i++) {
            const struct gb_result_row *const found = gb_row_find(sorted, result.n_rows, &rows[i]);
            assert_int_equal(found == NULL, times[i] == 0);
            if (found) assert_true(gb_row_order(found, &rows[i]) == 0 && found->iterations == 1);
        }
        for (size_t i = 1; i < result.n_rows; i++) assert_true(gb_row_order(sorted[i - 1], sorted[i]) <= 0);
        gb_result_free(&result);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
