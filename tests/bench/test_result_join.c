/* What several processes found, as one run: times and their intervals, ratios and verdicts that recur, rows that not all have,
 * and where it was measured. */
#include <math.h>
#include <stdlib.h>

#include "result_join.h"
#include "support.h"

enum { MOST = 12, ROWS = 4, SAMPLES = 3 };

/* A process: rows of one problem, ref, wide and two peers. */
struct part {
    struct gb_result_row rows[ROWS];
    struct gb_versus vs[ROWS][ROWS];
    double samples[ROWS][SAMPLES];
    struct gb_result_null nulls[3];
    struct gb_result_roof roofs[2];
    struct gb_result_spot spot;
    const char *warnings[3];
};
static struct part made[MOST];
static struct gb_result parts[MOST], joined;

static const char *const variants[ROWS] = {"ref", "wide", "peer:a", "peer:b"};

static void make_row(struct part *p, size_t i, double ns) {
    struct gb_result_row *const row = &p->rows[i];
    *row = (struct gb_result_row){.kernel = "k",
                                  .dtype = "f32",
                                  .workload = "w",
                                  .cache = "hot",
                                  .variant = variants[i],
                                  .isa = i < 2 ? variants[i] : "peer",
                                  .threads = 1,
                                  .flops = 600,
                                  .bytes = 1200,
                                  .state = GB_STATE_TIMED,
                                  .verified = "full",
                                  .summary = {.median = ns, .low = ns - 1, .high = ns + 2, .min = ns - 1},
                                  .samples = p->samples[i],
                                  .n_samples = SAMPLES,
                                  .iterations = 7,
                                  .threads_used = 1,
                                  .empty_ns = 5,
                                  .share = {"fma", 0.5, GB_LEVEL_L2}};
    for (size_t k = 0; k < SAMPLES; k++) p->samples[i][k] = ns + (double)k;
    row->vs = p->vs[i];
    for (size_t k = 0; k < ROWS; k++)
        if (k != i) row->vs[row->n_vs++] = (struct gb_versus){variants[k], {0, 2, 1.5, 3, false}, "faster"};
}

/* So many processes, all alike but for the times: 10, 20, ... */
static void make(size_t count) {
    for (size_t f = 0; f < count; f++) {
        struct part *const p = &made[f];
        *p = (struct part){.warnings = {"a warning"}};
        for (size_t i = 0; i < ROWS; i++) make_row(p, i, 10 * (double)(f + 1) + (double)(100 * i));
        for (size_t i = 0; i < 3; i++)
            p->nulls[i] = (struct gb_result_null){"k", "f32", "w", "wide", 1, {0, 1, 0.99, 1.01, false}};
        p->spot = (struct gb_result_spot){64, {1, 2, 3, 4, NAN}};
        for (size_t i = 0; i < 2; i++)
            p->roofs[i] = (struct gb_result_roof){
                "wide", "f32", i + 1, 100, 2, 1, {{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}}, &p->spot, i == 0};
        parts[f] = (struct gb_result){.complete = true,
                                      .context = {.cpu = "c",
                                                  .warnings = p->warnings,
                                                  .n_warnings = 1,
                                                  .roofs = p->roofs,
                                                  .n_roofs = 2,
                                                  .nulls = p->nulls,
                                                  .n_nulls = 3},
                                      .rows = p->rows,
                                      .n_rows = ROWS};
    }
}

static void join(size_t count, size_t rows) {
    gb_result_free(&joined);
    assert_true(gb_result_join(&joined, parts, count));
    assert_int_equal(joined.n_rows, rows);
    for (size_t f = 0; f < count; f++) assert_true(parts[f].n_rows == 0 && !parts[f].chunks);
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * fabs(b); }

/* --- a row */

/* Of up to 5 the interval spans all of theirs; 6 and more medians have one of their own. */
static void test_times(void **state) {
    static const struct {
        size_t count;
        double median, low, high;
    } cases[] = {{1, 10, 9, 12},  {2, 15, 9, 22},  {3, 20, 9, 32},  {5, 30, 9, 52},
                 {6, 35, 10, 60}, {8, 45, 10, 80}, {9, 50, 20, 80}, {12, 65, 30, 100}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t count = cases[i].count;
        make(count);
        join(count, ROWS);
        const struct gb_result_row *const row = &joined.rows[0];
        const struct gb_summary *const s = &row->summary;
        if (s->median != cases[i].median || s->low != cases[i].low || s->high != cases[i].high || s->min != 9)
            fail_msg("of %zu: %g [%g, %g], at least %g", count, s->median, s->low, s->high, s->min);
        assert_int_equal(row->n_samples, count * SAMPLES);
        assert_int_equal(row->n_processes, count > 1 ? count : 0);
        for (size_t k = 0; k < row->n_samples; k++)
            assert_true(row->samples[k] == 10 * (double)(k / SAMPLES + 1) + (double)(k % SAMPLES));
        for (size_t f = 0; f < row->n_processes; f++) assert_int_equal(row->processes[f], SAMPLES);
        if (count > 1) assert_true(near(row->gflops, 600 / s->median) && near(row->gbps, 1200 / s->median));
        if (count > 1) assert_int_equal(s->count, row->n_samples);
    }
}

static struct gb_result_causes causes[] = {{1, 2, 3}, {10, 20, 30}};

static void test_what_is_counted(void **state) {
    struct gb_result_count counts[2][2] = {{{"cycles", 10, NAN}, {"misses", 2, 0.5}}, {{"misses", 4, NAN}, {"faults", 1, NAN}}};
    (void)state;
    make(2);
    for (size_t f = 0; f < 2; f++) made[f].rows[0].counts = counts[f], made[f].rows[0].n_counts = 2;
    made[0].rows[0].dropped = made[1].rows[1].disturbed = &causes[0];
    made[1].rows[0].dropped = &causes[1];
    made[1].rows[0].iterations = 6, made[0].rows[1].iterations = 5;
    made[1].rows[0].empty_ns = 4, made[1].rows[0].not_cold = true;
    join(2, ROWS);
    const struct gb_result_row *const row = &joined.rows[0], *const other = &joined.rows[1];
    assert_true(row->dropped->steal == 11 && row->dropped->switches == 22 && row->dropped->migration == 33);
    assert_true(!row->disturbed && other->disturbed == &causes[0]);
    assert_true(row->iterations == 6 && other->iterations == 5 && row->empty_ns == 4 && other->empty_ns == 5);
    assert_true(row->not_cold && !other->not_cold);
    assert_true(row->n_counts == 1 && !other->counts);
    assert_string_equal(row->counts->name, "misses");
    assert_true(row->counts->per_call == 3 && row->counts->share == 0.75);
}

/* At the roof a call takes 5 ns of the first process's 10, and 4 of the second's 20. */
static void test_share(void **state) {
    (void)state;
    make(2);
    made[1].rows[0].share = (struct gb_share){"memory", 0.2, GB_LEVEL_L3};
    made[0].rows[1].share = (struct gb_share){"cache", 0, GB_LEVEL_MEMORY};
    for (size_t f = 0; f < 2; f++) made[f].rows[2].share = (struct gb_share){"cache", 0, GB_LEVEL_MEMORY};
    join(2, ROWS);
    assert_string_equal(joined.rows[0].share.limit, "memory");
    assert_true(joined.rows[0].share.level == GB_LEVEL_L3 && near(joined.rows[0].share.fraction, 4. / 15));
    assert_string_equal(joined.rows[1].share.limit, "fma");
    assert_true(near(joined.rows[1].share.fraction, 60. / 115));
    assert_string_equal(joined.rows[2].share.limit, "cache");
    assert_true(joined.rows[2].share.fraction == 0);
}

/* A verdict is that of each process, whatever the interval of all of them is. */
static void test_verdicts(void **state) {
    static const struct {
        const char *verdicts[3], *all;
    } cases[] = {{{"faster", "faster", "faster"}, "faster"},
                 {{"same", "same", "same"}, "same"},
                 {{"faster", "faster", "same"}, "inconclusive"},
                 {{"slower", "faster", "slower"}, "inconclusive"},
                 {{"inconclusive", "slower", "slower"}, "inconclusive"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(3);
        for (size_t f = 0; f < 3; f++)
            made[f].vs[1][0] = (struct gb_versus){"ref", {0, 2, 1.5, 3 + (double)f, false}, cases[i].verdicts[f]};
        made[1].vs[1][0].pair.ratio = 4, made[2].vs[1][0].pair.low = 1;
        join(3, ROWS);
        const struct gb_versus *const v = &joined.rows[1].vs[0];
        assert_string_equal(v->variant, "ref");
        assert_string_equal(v->verdict, cases[i].all);
        assert_true(near(v->pair.ratio, 2) && near(v->pair.low, 1) && near(v->pair.high, 5));
    }
    make(6); /* of so many the interval of their medians */
    made[3].vs[1][0].pair = (struct gb_pair){0, 8, 0.1, 99, false};
    join(6, ROWS);
    assert_true(near(joined.rows[1].vs[0].pair.ratio, 2) && near(joined.rows[1].vs[0].pair.low, 2));
    assert_true(near(joined.rows[1].vs[0].pair.high, 8));
}

/* Computed from samples, as ratios of different numbers of threads are: in each process, too. */
static void test_ratio_of_samples(void **state) {
    enum { EACH = 6, OF = 2 };
    double slow[OF * EACH], fast[OF * EACH];
    size_t processes[OF] = {EACH, EACH}, others[OF] = {EACH - 1, EACH + 1};
    struct gb_result_row a = {.variant = "wide", .threads = 2, .samples = fast, .n_samples = OF * EACH},
                         b = {.variant = "wide", .threads = 1, .samples = slow, .n_samples = OF * EACH};
    (void)state;
    for (size_t i = 0; i < OF * EACH; i++) fast[i] = 1, slow[i] = i < EACH ? 2 : 1.5;
    assert_string_equal(gb_result_compare(&a, &b, 0).verdict, "faster");
    a.processes = b.processes = processes;
    a.n_processes = b.n_processes = OF;
    const struct gb_versus v = gb_result_compare(&a, &b, 0);
    assert_string_equal(v.verdict, "faster");
    assert_true(near(v.pair.ratio, sqrt(3)) && near(v.pair.low, 1.5) && near(v.pair.high, 2) && v.pair.count == EACH);
    assert_string_equal(gb_result_compare(&a, &b, 0.6).verdict, "inconclusive");
    a.threads_asked = 1;
    assert_true(gb_result_compare(&a, &b, 0).pair.no_verdict);
    assert_string_equal(gb_result_compare(&a, &b, 0).verdict, "inconclusive");
    a.threads_asked = 0;
    b.processes = others;
    assert_int_equal(gb_result_compare(&a, &b, 0).pair.count, 0);
}

/* --- rows */

static void test_failures(void **state) {
    (void)state;
    make(3);
    made[1].rows[1].state = GB_STATE_FAILED, made[1].rows[1].failure = "it is wrong";
    made[2].rows[3].state = GB_STATE_GONE;
    made[1].rows[0].n_vs = 1;
    join(3, ROWS);
    assert_true(joined.rows[1].state == GB_STATE_FAILED && joined.rows[3].state == GB_STATE_GONE);
    assert_string_equal(joined.rows[1].failure, "it is wrong");
    assert_int_equal(joined.rows[0].n_vs, 1); /* that all have */
    assert_int_equal(joined.rows[2].n_vs, 3);
}

/* By the medians of all: a is the best in most processes. */
static void test_best_peer(void **state) {
    (void)state;
    make(3);
    for (size_t f = 0; f < 3; f++) made[f].rows[1].best_peer = &made[f].vs[1][f ? 1 : 2];
    join(3, ROWS);
    assert_string_equal(joined.rows[1].best_peer->variant, "peer:a");
    assert_true(joined.rows[1].best_peer == &joined.rows[1].vs[1]);
    assert_null(joined.rows[2].best_peer);
    make(3);
    made[0].rows[2].state = GB_STATE_GONE;
    join(3, ROWS);
    assert_string_equal(joined.rows[1].best_peer->variant, "peer:b");
}

static void assert_warned(size_t i, const char *text) {
    assert_true(i < joined.context.n_warnings);
    assert_string_equal(joined.context.warnings[i], text);
}

static void test_rows_that_not_all_have(void **state) {
    (void)state;
    make(3);
    join(3, ROWS);
    assert_int_equal(joined.context.n_warnings, 1);
    assert_true(joined.complete);
    make(3);
    parts[1].n_rows = 2;
    made[0].rows[1].threads = 2;   /* another row than that of the others */
    made[2].rows[0].n_samples = 0; /* of an older file */
    parts[2].complete = false;
    join(3, 0);
    assert_warned(0, "10 rows of single processes were left out: not all of them have these");
    assert_false(joined.complete);
}

/* --- where */

static void test_context(void **state) {
    (void)state;
    make(3);
    made[1].warnings[0] = "another", made[1].warnings[1] = "a warning";
    parts[1].context.n_warnings = 2;
    made[2].nulls[1].pair.low = 0.5, made[1].nulls[1].pair.high = 1.5; /* the second of one name is the second's */
    made[1].nulls[2].workload = "v";
    made[1].roofs[0].fma = 200, made[2].roofs[0].fma = 150, made[1].roofs[0].fma_latency = 1;
    made[2].roofs[1].add_latency = 3, made[2].roofs[1].at[GB_LEVEL_L3].copy = 9, made[2].roofs[1].at[GB_LEVEL_L3].read = 0.5;
    made[1].spot.bandwidth.triad = 7, made[2].spot.bandwidth.triad_nt = 8;
    join(3, ROWS);
    const struct gb_result_context *const c = &joined.context;
    assert_string_equal(c->cpu, "c");
    assert_int_equal(c->n_warnings, 2);
    assert_warned(0, "a warning");
    assert_warned(1, "another");
    assert_true(c->nulls[0].pair.low == 0.99 && c->nulls[2].pair.low == 0.99);
    assert_true(c->nulls[1].pair.low == 0.5 && c->nulls[1].pair.high == 1.01);
    assert_true(c->roofs[0].fma == 200 && c->roofs[1].fma == 100 && c->roofs[0].fma_latency == 1 &&
                c->roofs[1].add_latency == 1);
    assert_true(c->roofs[1].at[GB_LEVEL_L3].copy == 9 && c->roofs[1].at[GB_LEVEL_L3].read == 1);
    assert_true(c->roofs[0].at[GB_LEVEL_L3].copy == 2 && c->roofs[1].at[GB_LEVEL_L2].copy == 2);
    assert_true(c->roofs[0].spots->bandwidth.triad == 7 && c->roofs[0].spots->bandwidth.triad_nt == 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),     cmocka_unit_test(test_what_is_counted),        cmocka_unit_test(test_share),
        cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_ratio_of_samples),       cmocka_unit_test(test_failures),
        cmocka_unit_test(test_best_peer), cmocka_unit_test(test_rows_that_not_all_have), cmocka_unit_test(test_context),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_result_free(&joined);
    return failed;
}
