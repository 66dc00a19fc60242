/* Medians, order-statistic intervals, paired ratios and verdicts. */
#include <math.h>

#include "stats.h"
#include "support.h"

static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-53; }

/* Skewed, as timings are: never below 1, with a long tail. */
static double skewed(uint64_t *state) {
    const double u = uniform(state);
    return 1 + 0.02 * u + (u > 0.9 ? uniform(state) : 0);
}

static bool near(double a, double b, double relative) { return fabs(a - b) <= relative * fabs(b); }

/* The published ranks of the 95 % interval of a median. */
static void test_ranks(void **state) {
    (void)state;
    static const size_t table[][2] = {{1, 0},  {5, 0},   {6, 1},   {8, 1},   {9, 2},   {12, 3},  {15, 4},  {20, 6},
                                      {25, 8}, {30, 10}, {31, 10}, {41, 14}, {51, 19}, {61, 23}, {101, 41}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) assert_int_equal(gb_order_rank(table[i][0]), table[i][1]);
    for (size_t n = 2; n <= GB_ROUNDS_MAX; n++) {
        assert_true(gb_order_rank(n) >= gb_order_rank(n - 1));
        assert_true(gb_order_rank(n) <= n / 2);
    }
}

static void test_summary(void **state) {
    (void)state;
    const double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2}, ten[] = {10, 1, 9, 2, 8, 3, 7, 4, 6, 5};
    double work[10];
    const struct gb_summary a = gb_summarize(odd, 3, work), b = gb_summarize(even, 4, work), c = gb_summarize(ten, 10, work);
    assert_true(a.median == 2 && a.min == 1 && a.low == 1 && a.high == 3 && a.count == 3);
    assert_true(b.median == 2.5 && b.low == 1 && b.high == 4);
    assert_true(c.median == 5.5 && c.low == 2 && c.high == 9 && c.min == 1);
    assert_true(odd[0] == 3 && ten[9] == 5);
}

static void test_pairs(void **state) {
    (void)state;
    double a[31], b[31], work[31];
    uint64_t random = 7;
    for (size_t i = 0; i < 31; i++) {
        a[i] = skewed(&random); /* drifts of the machine that both see cancel */
        b[i] = 1.5 * a[i];
    }
    const struct gb_pair up = gb_compare_paired(a, b, 31, work), down = gb_compare_paired(b, a, 31, work);
    assert_true(near(up.ratio, 1.5, 1e-12) && near(up.low, 1.5, 1e-12) && near(up.high, 1.5, 1e-12));
    assert_true(near(down.ratio, 1 / 1.5, 1e-12));
    const struct gb_pair equal = gb_compare_paired(a, a, 31, work);
    assert_true(equal.ratio == 1 && equal.low == 1 && equal.high == 1 && gb_noise_of(&equal) == 0);
}

static void test_verdicts(void **state) {
    (void)state;
    const struct {
        struct gb_pair pair;
        double noise;
        const char *verdict;
    } table[] = {
        {{31, 1.5, 1.4, 1.6, false}, 0, "faster"},
        {{31, 0.5, 0.4, 0.6, false}, 0, "slower"},
        {{31, 1.0, 0.99, 1.01, false}, 0, "same"},
        {{31, 1.04, 1.029, 1.05, false}, 0, "inconclusive"},
        {{31, 1.04, 1.031, 1.05, false}, 0, "faster"},
        {{31, 0.96, 0.95, 0.97, false}, 0, "slower"},
        {{31, 1.0, 0.9, 1.1, false}, 0, "inconclusive"},
        {{31, 1.5, 1.4, 1.6, false}, 0.5, "inconclusive"}, /* within the noise */
        {{31, 1.5, 1.4, 1.6, false}, 0.3, "faster"},
        {{31, 0.5, 0.4, 0.6, false}, 1.0, "inconclusive"},
        {{31, 1.2, 0.9, 1.3, false}, 10, "inconclusive"}, /* noise makes nothing the same */
        {{5, 1.5, 1.4, 1.6, false}, 0, "inconclusive"},   /* too few for an interval */
        {{31, 1.5, 1.4, 1.6, true}, 0, "inconclusive"},   /* not what it is called */
        {{31, 1.0, 0.99, 1.01, true}, 0, "inconclusive"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(gb_verdict(&table[i].pair, table[i].noise), table[i].verdict);
    const struct gb_pair wide = {31, 1.01, 0.8, 1.1, false};
    assert_true(near(gb_noise_of(&wide), 0.25, 1e-12));
}

/* The interval holds the truth in at least 95 % of trials, whatever the distribution: 4000 trials, six standard deviations. */
static void test_coverage(void **state) {
    (void)state;
    enum { TRIALS = 4000, ROUNDS = 31 };
    double a[ROUNDS], b[ROUNDS], work[ROUNDS];
    uint64_t random = 1;
    size_t inside = 0, wrong = 0;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        for (size_t i = 0; i < ROUNDS; i++) {
            a[i] = skewed(&random);
            b[i] = skewed(&random);
        }
        const struct gb_pair pair = gb_compare_paired(a, b, ROUNDS, work);
        const char verdict = *gb_verdict(&pair, 0);
        inside += pair.low <= 1 && pair.high >= 1;
        wrong += verdict == 'f' || (verdict == 's' && pair.ratio < 0.97);
    }
    assert_true((double)inside / TRIALS >= 0.95 - 6 * sqrt(0.95 * 0.05 / TRIALS));
    assert_true((double)inside / TRIALS < 1); /* a test that cannot fail would always hold it */
    assert_true(wrong <= TRIALS / 100);
}

/* A true difference of 5 % is found. */
static void test_power(void **state) {
    (void)state;
    enum { TRIALS = 500, ROUNDS = 31 };
    double a[ROUNDS], b[ROUNDS], work[ROUNDS];
    uint64_t random = 2;
    size_t found = 0;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        for (size_t i = 0; i < ROUNDS; i++) {
            a[i] = skewed(&random);
            b[i] = 1.05 * skewed(&random);
        }
        const struct gb_pair pair = gb_compare_paired(a, b, ROUNDS, work);
        found += *gb_verdict(&pair, 0) == 'f';
    }
    assert_true(found >= TRIALS * 9 / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),    cmocka_unit_test(test_summary),  cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_coverage), cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
