/* Two sides of results: ratios and their intervals, p and Holm's, verdicts, noise, several files, what differs, and the whole
 * table word for word. */
#include <math.h>

#include "random.h"
#include "report_comparison.h"
#include "support.h"
#include "support_file.h"

/* --- statistics */

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

/* The ranks from exact binomials: the most whose tail is at most an eightieth. */
static void test_unpaired(void **state) {
    (void)state;
    static const struct {
        size_t n, rank;
    } ranks[] = {{6, 1}, {7, 1}, {9, 1}, {10, 2}, {12, 2}, {31, 9}, {32, 10}, {101, 39}, {2000, 944}};
    double values[2000], work[2000];
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        const size_t n = ranks[i].n;
        for (size_t k = 0; k < n; k++) values[k] = (double)(n - k);
        const struct gb_summary s = gb_summarize_at(values, n, GB_UNPAIRED_TAIL, work);
        if (s.low != (double)ranks[i].rank || s.high != (double)(n + 1 - ranks[i].rank))
            fail_msg("of %zu: from %g to %g", n, s.low, s.high);
    }
    const struct gb_summary a = {.count = 31, .median = 2, .low = 1, .high = 4},
                            b = {.count = 7, .median = 6, .low = 5, .high = 8};
    const struct gb_pair pair = gb_compare_unpaired(&a, &b);
    assert_true(pair.ratio == 3 && pair.low == 5. / 4 && pair.high == 8 && pair.count == 7 && !pair.no_verdict);
    assert_true(gb_compare_unpaired(&a, &(struct gb_summary){.count = 6, .median = 1}).no_verdict);
    assert_true(gb_compare_unpaired(&(struct gb_summary){.count = 6, .median = 1}, &a).no_verdict);
}

static double normal_p(double off, double variance) { return erfc(off / sqrt(2 * variance)); }

static void test_rank_sum(void **state) {
    (void)state;
    const double low[] = {1, 2, 3}, high[] = {4, 5, 6, 7}, tied[] = {1, 2, 2}, two[] = {2, 3}, equal[] = {5, 5, 5};
    assert_true(near(gb_rank_sum_p(low, 3, high, 4), normal_p(5.5, 8)));
    assert_true(near(gb_rank_sum_p(high, 4, low, 3), normal_p(5.5, 8)));
    /* 1 is below both, each 2 is equal to one and below the other: 5 of 6; three are equal */
    assert_true(near(gb_rank_sum_p(tied, 3, two, 2), normal_p(1.5, 0.5 * (6 - 24. / 20))));
    assert_true(gb_rank_sum_p(equal, 3, equal, 2) == 1);
    assert_true(gb_rank_sum_p(low, 3, low, 3) == 1);
    assert_true(gb_rank_sum_p(NULL, 0, NULL, 0) == 1 && gb_rank_sum_p(low, 3, NULL, 0) == 1);
}

static void test_sign(void **state) {
    (void)state;
    assert_true(near(gb_sign_p(10, 10), 2. / 1024) && near(gb_sign_p(0, 10), 2. / 1024));
    assert_true(near(gb_sign_p(8, 10), 2 * 56. / 1024) && near(gb_sign_p(2, 10), 2 * 56. / 1024));
    assert_true(gb_sign_p(5, 10) == 1 && gb_sign_p(4, 9) == 1 && gb_sign_p(0, 0) == 1);
    assert_true(gb_sign_p(1500, 2000) < 1e-9);
}

static void test_holm(void **state) {
    (void)state;
    double p[] = {0.01, 0.02, 0.02, 0.03, 0.9};
    const double adjusted[] = {0.05, 0.08, 0.08, 0.08, 0.9};
    gb_holm(p, 5);
    for (size_t i = 0; i < 5; i++) assert_true(near(p[i], adjusted[i]));
    gb_holm(p, 0);
}

static double uniform(uint64_t *random) { return (double)(gb_next_random(random) >> 11) * 0x1p-53; }

/* Skewed, as timings are. */
static double skewed(uint64_t *random) {
    const double u = uniform(random);
    return 1 + 0.02 * u + (u > 0.9 ? uniform(random) : 0);
}

/* Of 4000 trials: how often the interval misses the truth, and p is up to 5 %; six standard deviations are allowed for. */
static void test_coverage(void **state) {
    (void)state;
    enum { TRIALS = 4000, MOST = 31 };
    static const size_t sizes[][2] = {{31, 31}, {7, 31}, {11, 11}, {7, 7}};
    const double most = 0.05 + 6 * sqrt(0.05 * 0.95 / TRIALS);
    uint64_t random = 5;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t missed = 0, significant = 0;
        for (size_t trial = 0; trial < TRIALS; trial++) {
            double values[2][MOST], sorted[2][MOST];
            struct gb_summary of[2];
            for (size_t s = 0; s < 2; s++) {
                for (size_t i = 0; i < sizes[k][s]; i++) values[s][i] = skewed(&random);
                of[s] = gb_summarize_at(values[s], sizes[k][s], GB_UNPAIRED_TAIL, sorted[s]);
            }
            const struct gb_pair pair = gb_compare_unpaired(&of[0], &of[1]);
            missed += pair.low > 1 || pair.high < 1;
            significant += gb_rank_sum_p(sorted[0], sizes[k][0], sorted[1], sizes[k][1]) <= 0.05;
        }
        if (missed > TRIALS / 20 || (double)significant > most * TRIALS)
            fail_msg("of %zu and %zu: missed %zu, significant %zu", sizes[k][0], sizes[k][1], missed, significant);
        assert_true(significant > 0); /* a test that cannot err would always hold it */
    }
}

/* --- results made by hand */

enum { ROUNDS = 31, ROWS_MOST = 30, FILES_MOST = 8 };

struct file {
    struct gb_result result;
    struct gb_result_row rows[ROWS_MOST];
    struct gb_result_null nulls[3];
    double samples[ROWS_MOST][ROUNDS];
    const char *warnings[2];
};

static struct gb_result_size shape[] = {{"n", 256}, {"d", 768}};
static struct gb_result_option options[] = {{"layout", "out_in", false}, {"accumulate", NULL, false}};
static const char *const kernels[ROWS_MOST] = {"affine_dx", "affine_dw", "relu_forward", "affine_db"};

static struct gb_result_row *add_row(struct file *f, const char *kernel, double ns, size_t rounds) {
    struct gb_result_row *const row = &f->rows[f->result.n_rows++];
    double *const samples = f->samples[row - f->rows], work[ROUNDS];
    for (size_t i = 0; i < rounds; i++) samples[i] = ns * (1 + 0.0002 * (double)((i * 7 + (size_t)ns) % ROUNDS));
    *row = (struct gb_result_row){.kernel = kernel,
                                  .dtype = "f32",
                                  .workload = "net:fc",
                                  .cache = "hot",
                                  .variant = "widest",
                                  .isa = "widest",
                                  .threads = 2,
                                  .shape = shape,
                                  .n_shape = 2,
                                  .state = GB_STATE_TIMED,
                                  .samples = samples,
                                  .n_samples = rounds,
                                  .summary = {.median = ns, .low = ns, .high = ns}};
    if (rounds) row->summary = gb_summarize(samples, rounds, work);
    return row;
}

/* With the first so many kernels, each at that time. */
static void make(struct file *f, size_t rows, const double *ns) {
    *f = (struct file){.result = {.complete = true,
                                  .context = {.cpu = "a cpu",
                                              .isa = "widest",
                                              .topology = "2 cores",
                                              .compiler = "cc 1",
                                              .flags = "-O",
                                              .revision = "r",
                                              .version = "v",
                                              .date = "d",
                                              .bind = "core",
                                              .huge_pages = "auto",
                                              .float_state = "ieee",
                                              .settings = "--rounds 9",
                                              .host = "here",
                                              .cores = 2,
                                              .threads = 2,
                                              .numerics = 1,
                                              .seed = 1}}};
    f->result.rows = f->rows;
    f->result.context.warnings = f->warnings;
    f->result.context.nulls = f->nulls;
    for (size_t i = 0; i < rows; i++) add_row(f, kernels[i], ns[i], ROUNDS);
}

static struct file base, now;
static struct gb_comparison comparison = {.threshold = 0.03};

static const struct gb_comparison *compare(void) {
    const struct gb_side sides[GB_SIDES] = {{&base.result, 1}, {&now.result, 1}};
    gb_comparison_free(&comparison);
    comparison.threshold = 0.03;
    assert_true(gb_compare_sides(&comparison, sides));
    return &comparison;
}

static const struct gb_compared *find(const char *kernel) {
    for (size_t i = 0; i < comparison.n_rows; i++)
        if (strcmp(comparison.rows[i].row->kernel, kernel) == 0) return &comparison.rows[i];
    return NULL;
}

static void test_verdicts(void **state) {
    (void)state;
    make(&base, 4, (const double[]){1000, 2000, 3000, 4000});
    make(&now, 4, (const double[]){1100, 2000, 2700, 4120});
    const struct gb_comparison *const c = compare();
    assert_true(c->n_rows == 4 && c->slower == 1 && c->inconclusive == 1 && c->same == 1 && c->faster == 1);
    static const char *const order[] = {"affine_dx", "affine_db", "affine_dw", "relu_forward"};
    for (size_t i = 0; i < 4; i++) assert_string_equal(c->rows[i].row->kernel, order[i]);
    assert_true(fabs(c->rows[0].pair.ratio * 1.1 - 1) < 0.001 && c->rows[0].ns[GB_BASE] < c->rows[0].ns[GB_NEW]);
    assert_true(c->rows[0].row >= now.rows && c->rows[0].row < now.rows + ROWS_MOST);
    assert_true(fabs(c->mean - pow(1000. / 1100 * 3000 / 2700 * 4000 / 4120, 0.25)) < 0.001);
    assert_true(fabs(c->apart - (1 - 1 / 1.1 + 1 - 1 / 1.03) / 2) < 0.001);
    assert_true(c->n_only[GB_BASE] == 0 && c->n_only[GB_NEW] == 0 && c->n_failed == 0 && c->n_differences == 0);
}

/* A null that came out further apart, in either file and of this problem only, rules a verdict out. */
static void test_noise(void **state) {
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct file *const noisy = which ? &now : &base;
        make(&base, 3, (const double[]){1000, 2000, 3000});
        make(&now, 3, (const double[]){1100, 2200, 3300});
        noisy->result.context.n_nulls = 3;
        noisy->nulls[0] = (struct gb_result_null){
            .kernel = "affine_dw", .dtype = "f32", .workload = "net:fc", .pair = {.low = 0.99, .high = 1.2}};
        noisy->nulls[1] = noisy->nulls[0];
        noisy->nulls[1].dtype = "f64";
        noisy->nulls[1].pair.high = 9;
        noisy->nulls[2] = noisy->nulls[0];
        noisy->nulls[0].pair.high = 1.1; /* of several the widest */
        compare();
        assert_string_equal(find("affine_dw")->verdict, "inconclusive");
        assert_true(near(find("affine_dw")->noise, 0.2) || fabs(find("affine_dw")->noise - 0.2) < 1e-12);
        assert_string_equal(find("affine_dx")->verdict, "slower");
        assert_true(find("affine_dx")->noise == 0);
    }
}

/* What moved ref is noise to its siblings of as many threads, and ref is compared where it is alone. */
static void test_controls(void **state) {
    (void)state;
    static const struct {
        double ref[2]; /* 0: none */
        size_t threads;
        const char *verdict;
        double noise;
    } cases[] = {{{0, 0}, 2, "slower", 0},
                 {{1000, 1000}, 2, "slower", 0},
                 {{1000, 1300}, 2, "inconclusive", 0.3},
                 {{1300, 1000}, 2, "inconclusive", 0.3},
                 {{1000, 1100}, 2, "slower", 0.1},
                 {{1000, 1300}, 1, "slower", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(&base, 1, (const double[]){1000});
        make(&now, 1, (const double[]){1200});
        for (size_t s = 0; s < 2 && cases[i].ref[0] > 0; s++) {
            struct gb_result_row *const row = add_row(s ? &now : &base, "affine_dx", cases[i].ref[s], ROUNDS);
            row->variant = row->isa = "ref";
            row->threads = cases[i].threads;
        }
        compare();
        const bool apart = cases[i].threads != 2;
        assert_int_equal(comparison.n_rows, apart ? 2 : 1);
        assert_int_equal(comparison.n_controls, !apart && cases[i].ref[0] > 0);
        for (size_t k = 0; k < comparison.n_rows; k++) {
            if (comparison.rows[k].row->threads != 2) continue;
            assert_string_equal(comparison.rows[k].verdict, cases[i].verdict);
            assert_true(fabs(comparison.rows[k].noise - cases[i].noise) < 0.01);
        }
    }
}

/* Ten rows and more: what most of them are apart is noise, around whatever they have in common; what a few do is not. */
static void test_spread(void **state) {
    (void)state;
    const double sorted[] = {-9, 1, 1.5, 2, 7}, one[] = {3};
    assert_true(near(gb_spread(sorted, 5), 1.4826 / 2) && gb_spread(one, 1) == 0);
    static const struct {
        double common, step;
        const char *verdict; /* of one row that is 20 % slower than the others */
    } cases[] = {{1, 0, "slower"}, {1, 0.005, "slower"}, {1, 0.05, "inconclusive"}, {1.5, 0, "slower"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t rows = 9; rows <= 11; rows += 2) {
            make(&base, 0, NULL);
            make(&now, 0, NULL);
            for (size_t k = 0; k < rows; k++) {
                const double factor = k ? 1 + cases[i].step * (double)(k % 5) : 1.2;
                add_row(&base, k ? "affine_dw" : "affine_dx", 1000, ROUNDS)->threads = k + 1;
                add_row(&now, k ? "affine_dw" : "affine_dx", 1000 * factor * cases[i].common, ROUNDS)->threads = k + 1;
            }
            compare();
            assert_string_equal(find("affine_dx")->verdict, rows < 10 ? "slower" : cases[i].verdict);
            assert_int_equal(comparison.spread > 0.001, rows >= 10 && cases[i].step > 0);
        }
}

/* What is not timed, or a peer's, or only there once, is not compared; a wrong result of the new side is told. */
static void test_rows_apart(void **state) {
    (void)state;
    make(&base, 3, (const double[]){1000, 2000, 3000});
    make(&now, 3, (const double[]){1000, 2000, 3000});
    base.rows[0].threads = 1;
    now.rows[1].state = GB_STATE_FAILED;
    base.rows[2].isa = now.rows[2].isa = "peer";
    add_row(&base, "add_forward", 100, 0);
    add_row(&now, "add_forward", 200, 0); /* without samples */
    add_row(&base, "mul_forward", 100, 6);
    add_row(&now, "mul_forward", 200, ROUNDS);
    add_row(&now, "exp_forward", 0, 0);
    const struct gb_comparison *const c = compare();
    assert_true(c->n_rows == 2 && c->inconclusive == 2 && find("add_forward") && find("mul_forward"));
    assert_true(c->n_only[GB_BASE] == 2 && c->n_only[GB_NEW] == 1 && c->only[GB_NEW][0] == &now.rows[0]);
    assert_true(c->n_failed == 1 && c->failed[0] == &now.rows[1]);
}

/* Many rows: what one row alone would show is chance. */
static void test_many(void **state) {
    (void)state;
    double ns[ROWS_MOST];
    struct gb_result_row *row;
    for (size_t rows = 1; rows <= ROWS_MOST; rows += ROWS_MOST - 1) {
        make(&base, 0, ns);
        make(&now, 0, ns);
        for (size_t i = 0; i < rows; i++) {
            row = add_row(&base, "affine_dx", 1000, 7);
            row->threads = i + 1;
            row = add_row(&now, "affine_dx", 1200, 7);
            row->threads = i + 1;
        }
        compare();
        assert_int_equal(comparison.slower, rows == 1 ? 1 : 0);
        assert_int_equal(comparison.inconclusive, rows == 1 ? 0 : rows);
    }
}

/* The first file's only row becomes that of as many processes as there are files. */
static void make_processes(struct file *files, size_t count) {
    static double samples[GB_SIDES * FILES_MOST][FILES_MOST * ROUNDS];
    static size_t processes[FILES_MOST], used;
    double *const own = samples[used++ % (GB_SIDES * FILES_MOST)];
    struct gb_result_row *const row = &files[0].rows[0];
    for (size_t f = 0; f < count; f++) {
        memcpy(own + f * ROUNDS, files[f].samples[0], sizeof *files[f].samples);
        processes[f] = ROUNDS;
    }
    row->samples = own;
    row->n_samples = count * ROUNDS;
    row->processes = processes;
    row->n_processes = count;
}

/* A difference has to be in each pair of files; from seven on files are samples, and one of them may be odd. Processes of one
 * file are as many files. */
static void test_files(void **state) {
    (void)state;
    static struct file files[GB_SIDES][FILES_MOST];
    static struct gb_result results[GB_SIDES][FILES_MOST];
    static const struct {
        size_t count[GB_SIDES];
        double ns[GB_SIDES][FILES_MOST];
        const char *verdict;
    } cases[] = {
        {{2, 2}, {{1000, 1001}, {1100, 1101}}, "slower"},
        {{2, 2}, {{1000, 1090}, {1100, 1101}}, "inconclusive"},
        {{1, 3}, {{1000}, {1100, 1001, 1100}}, "inconclusive"},
        {{3, 1}, {{1000, 1010, 1005}, {900}}, "faster"},
        {{7, 7}, {{1000, 1001, 1002, 1003, 1004, 1005, 1006}, {1100, 1101, 1102, 1103, 1104, 1105, 1106}}, "slower"},
        {{7, 7}, {{1000, 1001, 1002, 1003, 1004, 1005, 1006}, {1100, 1101, 1102, 1000, 1104, 1105, 1106}}, "inconclusive"},
        {{7, 7}, {{1000, 1001, 1002, 1003, 1004, 1005, 1006}, {1000, 1001, 1002, 1003, 1004, 1005, 1007}}, "same"},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const size_t k = i / 2, is_one_file = i % 2;
        const struct gb_pair before = is_one_file ? comparison.rows[0].pair : (struct gb_pair){.count = 0};
        struct gb_side sides[GB_SIDES];
        for (size_t s = 0; s < GB_SIDES; s++) {
            sides[s] = (struct gb_side){results[s], is_one_file ? 1 : cases[k].count[s]};
            for (size_t f = 0; f < cases[k].count[s]; f++) {
                make(&files[s][f], 1, &cases[k].ns[s][f]);
                results[s][f] = files[s][f].result;
            }
            if (is_one_file) make_processes(files[s], cases[k].count[s]);
        }
        gb_comparison_free(&comparison);
        comparison.threshold = 0.03;
        assert_true(gb_compare_sides(&comparison, sides));
        assert_int_equal(comparison.n_rows, 1);
        if (is_one_file) assert_memory_equal(&comparison.rows[0].pair, &before, sizeof before);
        if (strcmp(comparison.rows[0].verdict, cases[k].verdict) != 0)
            fail_msg("case %zu: %s, %g [%g, %g], p %g", k, comparison.rows[0].verdict, comparison.rows[0].pair.ratio,
                     comparison.rows[0].pair.low, comparison.rows[0].pair.high, comparison.rows[0].p);
        for (size_t s = 0; s < GB_SIDES; s++) assert_int_equal(comparison.rows[0].takes[s], cases[k].count[s]);
    }
}

/* What one process on either side shows has to be beyond what processes differ by; a null that is wider stays. */
static void test_one_process(void **state) {
    (void)state;
    static struct file files[GB_SIDES][2];
    static const struct {
        size_t count[GB_SIDES];
        double ratio, null;
        const char *verdict;
        double noise;
    } cases[] = {{{1, 1}, 1.08, 0, "inconclusive", 0.1},  {{1, 2}, 1.08, 0, "inconclusive", 0.1},
                 {{2, 1}, 1.08, 0, "inconclusive", 0.1},  {{2, 2}, 1.08, 0, "slower", 0},
                 {{1, 1}, 1.13, 0, "slower", 0.1},        {{1, 1}, 1 / 1.13, 0, "faster", 0.1},
                 {{1, 1}, 1.13, 0.2, "inconclusive", 0.2}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct gb_result results[GB_SIDES][2];
        for (size_t s = 0; s < GB_SIDES; s++)
            for (size_t f = 0; f < 2; f++) {
                make(&files[s][f], 1, &(double){s ? 1000 * cases[k].ratio : 1000});
                files[s][f].nulls[0] = (struct gb_result_null){
                    .kernel = kernels[0], .dtype = "f32", .workload = "net:fc", .pair = {.low = 1, .high = 1 + cases[k].null}};
                files[s][f].result.context.n_nulls = 1;
                results[s][f] = files[s][f].result;
            }
        const struct gb_side sides[GB_SIDES] = {{results[GB_BASE], cases[k].count[GB_BASE]},
                                                {results[GB_NEW], cases[k].count[GB_NEW]}};
        gb_comparison_free(&comparison);
        comparison = (struct gb_comparison){.threshold = 0.03, .process_noise = 0.1};
        assert_true(gb_compare_sides(&comparison, sides));
        if (strcmp(comparison.rows[0].verdict, cases[k].verdict) != 0) fail_msg("case %zu: %s", k, comparison.rows[0].verdict);
        assert_true(fabs(comparison.rows[0].noise - cases[k].noise) < 1e-9);
    }
    gb_comparison_free(&comparison);
}

/* Each thing that a file says of its machine, once. */
static void test_differences(void **state) {
    (void)state;
    for (size_t i = 0; i < GB_DIFFERENCES_MAX; i++) {
        make(&base, 1, (const double[]){1000});
        make(&now, 1, (const double[]){1100});
        struct gb_result_context *const c = &now.result.context;
        const char **const texts[] = {&c->cpu,      &c->topology, &c->isa,         &c->compiler, &c->flags, &c->version,
                                      &c->revision, &c->bind,     &c->float_state, &c->settings, &c->host,  &c->huge_pages};
        size_t *const counts[] = {&c->cores, &c->threads, &c->numerics, &c->seed};
        if (i < 12) *texts[i] = "another";
        else if (i < 16) *counts[i - 12] = 77;
        else {
            now.warnings[0] = "another";
            c->n_warnings = 1;
        }
        const bool decides = i < 3 || i == 7 || i == 8 || i == 12 || i == 13;
        compare();
        assert_int_equal(comparison.n_differences, 1);
        assert_string_equal(comparison.differences[0].values[GB_NEW], i < 12 || i == 16 ? "another" : "77");
        assert_int_equal(comparison.differences[0].decides, decides);
        assert_int_equal(comparison.incomparable, decides);
        assert_string_equal(comparison.rows[0].verdict, decides ? "inconclusive" : "slower");
        comparison.force = true;
    }
    gb_comparison_free(&comparison);
    make(&base, 1, (const double[]){1000});
    make(&now, 1, (const double[]){1100});
    now.result.context.cpu = "another";
    now.result.context.bind = NULL; /* an older file does not say, which is no difference */
    const struct gb_side sides[GB_SIDES] = {{&base.result, 1}, {&now.result, 1}};
    comparison = (struct gb_comparison){.threshold = 0.03, .force = true};
    assert_true(gb_compare_sides(&comparison, sides));
    assert_string_equal(comparison.rows[0].verdict, "slower");
    assert_int_equal(comparison.n_differences, 1);
}

/* Of several files each host is named once, whether the other side has it, too, or not; it decides nothing. Sides of the same
 * hosts do not differ, in whatever order; but those of the same two CPUs do. */
static void test_hosts(void **state) {
    static struct file bases[3];
    struct gb_result results[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        make(&bases[i], 1, (const double[]){1000});
        if (i == 1) bases[i].result.context.host = "there";
        results[i] = bases[i].result;
    }
    make(&now, 1, (const double[]){1000});
    const struct gb_side sides[GB_SIDES] = {{results, 3}, {&now.result, 1}};
    gb_comparison_free(&comparison);
    assert_true(gb_compare_sides(&comparison, sides));
    assert_int_equal(comparison.n_differences, 1);
    assert_string_equal(comparison.differences[0].what, "host");
    assert_string_equal(comparison.differences[0].values[GB_BASE], "here; there");
    assert_string_equal(comparison.differences[0].values[GB_NEW], "here");
    assert_false(comparison.incomparable);
    struct gb_result turned[2] = {results[1], results[0]};
    for (size_t cpus = 1; cpus <= 2; cpus++) {
        gb_comparison_free(&comparison);
        if (cpus == 2) results[0].context.cpu = turned[1].context.cpu = "another";
        assert_true(gb_compare_sides(&comparison, (const struct gb_side[GB_SIDES]){{results, 2}, {turned, 2}}));
        assert_int_equal(comparison.n_differences, cpus - 1);
        assert_int_equal(comparison.incomparable, cpus == 2);
    }
}

/* Whatever numbers a file may hold, and however often a row: every row has a verdict, and none a false one of no samples. */
static void test_any_numbers(void **state) {
    (void)state;
    static const double numbers[] = {0, 5e-324, 1e-300, 1, 1, 1.1, 7, 1e300, 1.7e308};
    uint64_t random = 11;
    for (size_t trial = 0; trial < 3000; trial++) {
        struct file *const files[] = {&base, &now};
        for (size_t s = 0; s < 2; s++) {
            make(files[s], 0, NULL);
            const size_t rows = gb_next_random(&random) % ROWS_MOST;
            for (size_t i = 0; i < rows; i++) {
                const size_t count = gb_next_random(&random) % (ROUNDS + 1);
                struct gb_result_row *const row = add_row(files[s], kernels[gb_next_random(&random) % 4], 1, count);
                for (size_t k = 0; k < count; k++) row->samples[k] = numbers[gb_next_random(&random) % 9];
                row->summary.median = numbers[gb_next_random(&random) % 9];
                if (gb_next_random(&random) % 8 == 0) row->state = (enum gb_state)(gb_next_random(&random) % GB_STATE_COUNT);
                if (gb_next_random(&random) % 4 == 0) row->isa = row->variant = "ref";
            }
        }
        compare();
        assert_int_equal(comparison.slower + comparison.inconclusive + comparison.same + comparison.faster, comparison.n_rows);
        for (size_t i = 0; i < comparison.n_rows; i++) {
            const struct gb_compared *const row = &comparison.rows[i];
            assert_true(row->holm >= 0 && row->holm <= 1 && row->takes[GB_BASE] > 0 && row->takes[GB_NEW] > 0);
            if (row->row->n_samples == 0 && row->takes[GB_NEW] == 1) assert_string_equal(row->verdict, "inconclusive");
        }
    }
}

/* --- the report */

static void print(char *text, size_t size, const struct gb_report *settings) {
    static const char *const names[GB_SIDES] = {"base", "new"};
    memset(text, 0, size);
    struct gb_report report = *settings;
    report.out = fmemopen(text, size, "w");
    assert_non_null(report.out);
    gb_report_comparison(&report, &comparison, GB_MEASURED_APART, names);
    assert_int_equal(fclose(report.out), 0);
}

static void test_report(void **state) {
    (void)state;
    static char text[1 << 14];
    make(&base, 4, (const double[]){1000, 2e6, 3000, 40});
    make(&now, 4, (const double[]){1100, 2e6, 2500, 41.2});
    now.rows[0].options = base.rows[0].options = options;
    now.rows[0].n_options = base.rows[0].n_options = 2;
    add_row(&base, "exp_\033[31mforward", 100, ROUNDS);
    add_row(&now, "exp_backward", 100, ROUNDS)->cache = "cold";
    add_row(&now, "max_forward", 100, ROUNDS)->state = GB_STATE_FAILED;
    now.result.context.cpu = "a \033[31mcpu";
    now.result.context.revision = "s";
    base.warnings[0] = "the load average is 3";
    base.result.context.n_warnings = 1;
    comparison.force = true;
    const struct gb_side sides[GB_SIDES] = {{&base.result, 1}, {&now.result, 1}};
    gb_comparison_free(&comparison);
    comparison = (struct gb_comparison){.threshold = 0.03, .force = true, .process_noise = 0.02};
    assert_true(gb_compare_sides(&comparison, sides));
    static const struct {
        struct gb_report report;
        const char *file;
    } cases[] = {{{.width = 100}, "comparison_100.txt"},
                 {{.width = 60}, "comparison_60.txt"},
                 {{.width = 0, .details = true, .color = true}, "comparison_0.txt"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200];
        print(text, sizeof text, &cases[i].report);
        snprintf(path, sizeof path, "%s/report/%s", TEST_DATA_DIR, cases[i].file);
        assert_text_of_file(path, text);
    }
    gb_comparison_free(&comparison);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpaired),    cmocka_unit_test(test_rank_sum),    cmocka_unit_test(test_sign),
        cmocka_unit_test(test_holm),        cmocka_unit_test(test_coverage),    cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_noise),       cmocka_unit_test(test_many),        cmocka_unit_test(test_rows_apart),
        cmocka_unit_test(test_differences), cmocka_unit_test(test_hosts),       cmocka_unit_test(test_files),
        cmocka_unit_test(test_one_process), cmocka_unit_test(test_report),      cmocka_unit_test(test_controls),
        cmocka_unit_test(test_spread),      cmocka_unit_test(test_any_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
