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

/* The ranks of every number of rounds, from exact binomials: k is the most whose tail, C(n, 0) + ... + C(n, k - 1), is at most
 * a fortieth of 2^n. Whole numbers of a thousand bits. */
enum { WORDS = 17 };
struct whole {
    uint64_t words[WORDS]; /* lowest first */
};

static void add(struct whole *to, const struct whole *other) {
    unsigned carry = 0;
    for (size_t i = 0; i < WORDS; i++) {
        const uint64_t sum = to->words[i] + other->words[i], all = sum + carry;
        carry = sum < other->words[i] || all < sum;
        to->words[i] = all;
    }
}

static bool less_or_equal(const struct whole *a, const struct whole *b) {
    for (size_t i = WORDS; i-- > 0;)
        if (a->words[i] != b->words[i]) return a->words[i] < b->words[i];
    return true;
}

/* 40 times. */
static struct whole forty(const struct whole *a) {
    struct whole sum = {{0}};
    for (int i = 0; i < 5; i++) add(&sum, a);
    for (int i = 0; i < 3; i++) add(&sum, &sum);
    return sum;
}

static void test_ranks(void **state) {
    (void)state;
    static struct whole choose[GB_ROUNDS_MAX + 1], power; /* C(n, k) and 2^n */
    choose[0].words[0] = power.words[0] = 1;
    assert_int_equal(gb_order_rank(0), 0);
    for (size_t n = 1; n <= GB_ROUNDS_MAX; n++) {
        for (size_t k = n; k > 0; k--) add(&choose[k], &choose[k - 1]);
        add(&power, &power);
        struct whole tail = choose[0];
        size_t rank = 0;
        for (struct whole forties = forty(&tail); less_or_equal(&forties, &power); forties = forty(&tail))
            add(&tail, &choose[++rank]);
        if (gb_order_rank(n) != rank) fail_msg("%zu of %zu, not %zu", gb_order_rank(n), n, rank);
        assert_int_equal(rank > 0, n >= GB_ROUNDS_MIN);
    }
}

/* Medians and intervals of hand-made numbers: 1 to n, in an order of their own. */
static void test_summary(void **state) {
    (void)state;
    static const struct {
        size_t n;
        double median, low, high;
    } cases[] = {
        {1, 1, 1, 1},   {2, 1.5, 1, 2},   {3, 2, 1, 3},     {4, 2.5, 1, 4},     {5, 3, 1, 5},
        {6, 3.5, 1, 6}, {7, 4, 1, 7},     {8, 4.5, 1, 8},   {9, 5, 2, 8},       {10, 5.5, 2, 9},
        {11, 6, 2, 10}, {12, 6.5, 3, 10}, {31, 16, 10, 22}, {32, 16.5, 10, 23}, {101, 51, 41, 61},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double values[101], before[101], work[101];
        const size_t n = cases[i].n;
        for (size_t k = 0; k < n; k++) values[k] = (double)(n % 7 ? k * 7 % n + 1 : n - k);
        memcpy(before, values, sizeof before);
        const struct gb_summary got = gb_summarize(values, n, work);
        assert_memory_equal(values, before, n * sizeof *values);
        if (got.count != n || got.median != cases[i].median || got.low != cases[i].low || got.high != cases[i].high ||
            got.min != 1)
            fail_msg("of %zu: median %g, from %g to %g, least %g", n, got.median, got.low, got.high, got.min);
    }
    const double equal[] = {3, 1, 3, 3, 3, 2}, tiny[] = {2e-9, -1e-9, 1e-9};
    double work[6];
    assert_true(gb_summarize(equal, 6, work).median == 3);
    const struct gb_summary negative = gb_summarize(tiny, 3, work);
    assert_true(negative.median == 1e-9 && negative.min == -1e-9 && negative.high == 2e-9);
}

static void test_pairs(void **state) {
    (void)state;
    /* b takes 2, 4, 8, ... times as long as a, which is 1, 2, 3, ... */
    double a[11], b[11], work[31], drift[31], slower[31];
    for (size_t i = 0; i < 11; i++) {
        a[i] = (double)(i + 1);
        b[i] = a[i] * ldexp(1, (int)(i * 7 % 10) + 1);
    }
    work[10] = 4711;
    const struct gb_pair up = gb_compare_paired(a, b, 10, work), down = gb_compare_paired(b, a, 10, work);
    assert_true(work[10] == 4711); /* it has no room there */
    assert_true(up.count == 10 && !up.no_verdict);
    assert_true(near(up.ratio, ldexp(sqrt(2), 5), 1e-14) && near(up.low, 4, 1e-14) && near(up.high, 512, 1e-14));
    assert_true(near(down.ratio, ldexp(sqrt(2), -6), 1e-14) && near(down.low, 1. / 512, 1e-14) && near(down.high, .25, 1e-14));
    uint64_t random = 7;
    for (size_t i = 0; i < 31; i++) {
        drift[i] = skewed(&random); /* drifts of the machine that both see cancel */
        slower[i] = 1.5 * drift[i];
    }
    const struct gb_pair steady = gb_compare_paired(drift, slower, 31, work);
    assert_true(near(steady.ratio, 1.5, 1e-12) && near(steady.low, 1.5, 1e-12) && near(steady.high, 1.5, 1e-12));
    const struct gb_pair equal = gb_compare_paired(drift, drift, 31, work);
    assert_true(equal.ratio == 1 && equal.low == 1 && equal.high == 1);
}

/* The distance of the further end, as a factor either way. */
static void test_noise(void **state) {
    (void)state;
    static const struct {
        double low, high, noise;
    } cases[] = {
        {1, 1, 0}, {0.8, 1.125, 0.25}, {0.8, 1.5, 0.5}, {1.25, 1.5, 0.5}, {0.5, 0.8, 1}, {1, 1.25, 0.25}, {0.8, 1, 0.25},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(gb_noise_of(&(struct gb_pair){31, 1, cases[i].low, cases[i].high, false}) == cases[i].noise);
}

static void test_verdicts(void **state) {
    (void)state;
    const double near_above = 1 + GB_VERDICT_THRESHOLD, near_below = 1 / near_above;
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
        /* at 3 %, and one digit beyond */
        {{31, 1.2, near_above, 1.3, false}, 0, "inconclusive"},
        {{31, 1.2, nextafter(near_above, 2), 1.3, false}, 0, "faster"},
        {{31, 0.8, 0.7, near_below, false}, 0, "inconclusive"},
        {{31, 0.8, 0.7, nextafter(near_below, 0), false}, 0, "slower"},
        {{31, 1, near_below, near_above, false}, 0, "same"},
        {{31, 1, nextafter(near_below, 0), near_above, false}, 0, "inconclusive"},
        {{31, 1, near_below, nextafter(near_above, 2), false}, 0, "inconclusive"},
        {{31, 1.01, 1.005, 1.02, false}, 0, "same"}, /* away from 1, but not far */
        {{31, 0.99, 0.98, 0.995, false}, 0, "same"},
        /* the noise, where it is more than 3 % */
        {{31, 1.5, 1.4, 1.6, false}, 0.5, "inconclusive"},
        {{31, 1.5, 1.4, 1.6, false}, 0.3, "faster"},
        {{31, 1.5, 1.25, 1.6, false}, 0.25, "inconclusive"},
        {{31, 1.5, nextafter(1.25, 2), 1.6, false}, 0.25, "faster"},
        {{31, 0.5, 0.4, 0.8, false}, 0.25, "inconclusive"},
        {{31, 0.5, 0.4, nextafter(0.8, 0), false}, 0.25, "slower"},
        {{31, 1.2, 1.031, 1.3, false}, 0.02, "faster"},
        {{31, 1.2, 1.025, 1.3, false}, 0.02, "inconclusive"}, /* less noise is no excuse */
        {{31, 0.5, 0.4, 0.6, false}, 1.0, "inconclusive"},
        {{31, 1.2, 0.9, 1.3, false}, 10, "inconclusive"}, /* noise makes nothing the same */
        {{31, 1.0, 0.99, 1.01, false}, 10, "same"},
        /* too few for an interval */
        {{5, 1.5, 1.4, 1.6, false}, 0, "inconclusive"},
        {{6, 1.5, 1.4, 1.6, false}, 0, "faster"},
        /* not what it is called */
        {{31, 1.5, 1.4, 1.6, true}, 0, "inconclusive"},
        {{31, 0.5, 0.4, 0.6, true}, 0, "inconclusive"},
        {{31, 1.0, 0.99, 1.01, true}, 0, "inconclusive"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(gb_verdict(&table[i].pair, table[i].noise), table[i].verdict) != 0)
            fail_msg("case %zu: %s", i, gb_verdict(&table[i].pair, table[i].noise));
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
        cmocka_unit_test(test_ranks), cmocka_unit_test(test_summary),  cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_noise), cmocka_unit_test(test_verdicts), cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
