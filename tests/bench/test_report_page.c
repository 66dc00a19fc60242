/* The page and the figures: two files byte by byte, texts that are none of the page's, numbers that are none, nothing at all.
 */
#include <math.h>

#include "report_page.h"
#include "support.h"
#include "support_file.h"
#include "support_said.h"

enum { RUNS = 3 };

/* The last is a later revision of the first, which takes four fifths of the time. */
static const char *const paths[RUNS] = {TEST_DATA_DIR "/report/ladder.json", TEST_DATA_DIR "/report/full.json",
                                        TEST_DATA_DIR "/report/ladder.json"};
static const char *const names[RUNS] = {"ladder.json", "full.json", "later.json"};

static char *text;
static size_t size;

static void draw(struct gb_result *results, size_t count, const struct gb_figure *figure, int code) {
    struct gb_set set;
    free(text);
    FILE *const out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(gb_set_fill(&set, results, names, count), 0);
    assert_int_equal(figure ? gb_report_svg(out, &set, figure) : gb_report_page(out, &set), code);
    gb_set_free(&set);
    assert_int_equal(fclose(out), 0);
}

static void read_runs(struct gb_result results[RUNS]) {
    for (size_t k = 0; k < RUNS; k++) {
        results[k] = (struct gb_result){.complete = false};
        assert_int_equal(gb_result_read(&results[k], paths[k]), 0);
    }
    struct gb_result *const later = &results[RUNS - 1];
    later->context.revision = "later";
    for (size_t i = 0; i < later->n_rows; i++) {
        struct gb_summary *const s = &later->rows[i].summary;
        *s = (struct gb_summary){s->count, 0.8 * s->median, 0.8 * s->low, 0.8 * s->high, 0.8 * s->min};
        for (size_t k = 0; k < later->rows[i].n_samples; k++) later->rows[i].samples[k] *= 0.8;
    }
}

static void free_runs(struct gb_result results[RUNS]) {
    for (size_t k = 0; k < RUNS; k++) gb_result_free(&results[k]);
}

/* The page from its head's end to its script; what stands in files of its own is not shown again. */
static void test_page(void **state) {
    struct gb_result results[RUNS];
    (void)state;
    read_runs(results);
    draw(results, RUNS, NULL, 0);
    char *const body = strstr(text, "<body>"), *const script = strstr(text, "<script>");
    assert_true(body && script && body < script);
    *script = '\0';
    assert_text_of_file(TEST_DATA_DIR "/report/page.txt", body);
    draw(results, RUNS, &gb_figures[3], 0);
    assert_text_of_file(TEST_DATA_DIR "/report/scaling.txt", text);
    for (size_t i = 0; i < GB_FIGURES; i++) {
        draw(results, RUNS, &gb_figures[i], 0);
        assert_int_equal(gb_count_in(text, "</svg>"), 1);
        assert_true(gb_count_in(text, "<g transform") >= 1);
    }
    free_runs(results);
}

/* A run that has every text from the same source, and every number. */
static struct gb_result filled(const char *said, double number) {
    enum { ROWS = 5, FEWER_THREADS = 3, PEER = 4 };
    static struct gb_result_row row[ROWS];
    static struct gb_result_roof roof;
    static struct gb_result_null null;
    static struct gb_result_peer peer;
    static struct gb_result_option option;
    static struct gb_result_size sizes;
    static struct gb_versus versus[2];
    static const char *warning[1];
    static double samples[3];
    const struct gb_pair pair = {3, number, number, number, false};
    const struct gb_bandwidth all = {number, number, number, number, number};
    samples[0] = samples[1] = samples[2] = number;
    option = (struct gb_result_option){said, said, false};
    sizes = (struct gb_result_size){said, 3};
    warning[0] = said;
    versus[0] = (struct gb_versus){said, pair, "slower"}, versus[1] = (struct gb_versus){"ref", pair, "faster"};
    for (size_t i = 0; i < ROWS; i++) {
        row[i] = (struct gb_result_row){.kernel = said, .dtype = "f64", .workload = said, .cache = "cold"};
        row[i].options = &option, row[i].n_options = 1, row[i].shape = &sizes, row[i].n_shape = 1;
        row[i].variant = said, row[i].isa = i == PEER ? "peer" : said, row[i].threads = i == FEWER_THREADS ? 1 : 2;
        row[i].flops = number, row[i].bytes = number * (double)(i + 1), row[i].gflops = row[i].gbps = number;
        row[i].verified = "no", row[i].state = GB_STATE_TIMED, row[i].note = said, row[i].failure = said;
        row[i].summary = (struct gb_summary){3, number, number, number, number};
        row[i].samples = samples, row[i].n_samples = 3, row[i].share = (struct gb_share){"fma", number, GB_LEVEL_L2};
        row[i].vs = versus, row[i].n_vs = 2, row[i].best_peer = versus;
    }
    roof = (struct gb_result_roof){said, "f64", 1, number, number, number, {all, all, all}, NULL, 0};
    null = (struct gb_result_null){said, "f64", said, said, 1, pair};
    peer = (struct gb_result_peer){said, said, said, said, true};
    return (struct gb_result){
        .context = {.cpu = said,
                    .isa = said,
                    .topology = said,
                    .compiler = said,
                    .flags = said,
                    .revision = said,
                    .version = said,
                    .date = said,
                    .warnings = warning,
                    .n_warnings = 1,
                    .roofs = &roof,
                    .n_roofs = 1,
                    .nulls = &null,
                    .n_nulls = 1,
                    .peers = &peer,
                    .n_peers = 1},
        .rows = row,
        .n_rows = ROWS,
    };
}

/* True UTF-8 without control characters but newlines: what is wrong became a '?'. */
static void assert_is_clean(void) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f) || (*p >= 0xc2 && *p < 0xf5));
        for (size_t more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3; more > 0; more--) {
            p++;
            assert_true((*p & 0xc0) == 0x80);
        }
    }
}

static void test_texts_of_others(void **state) {
    static const char *const texts[] = {
        "<script>alert(1)</script>",
        "\" onload=\"alert(1)\" x=\"",
        "' onload='alert(1)",
        "</style></title><script>alert(1)</script>",
        "a\nb\tc\x01\x7f\x1b[31m",
        "\xff\xfe\xc3",
        "]]><!-- & &amp;",
        "\xf0\x9f\x98\x80 %s %n",
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct gb_result result = filled(texts[i], 2);
        draw(&result, 1, NULL, 0);
        assert_int_equal(gb_count_in(text, "<script"), 1); /* its own */
        assert_int_equal(gb_count_in(text, "alert(1)</script>"), 0);
        assert_int_equal(gb_count_in(text, "\" onload="), 0);
        assert_int_equal(gb_count_in(text, "' onload="), 0);
        assert_is_clean();
        gb_result_free(&result);
        for (size_t k = 0; k < GB_FIGURES; k++) {
            result = filled(texts[i], 2);
            draw(&result, 1, &gb_figures[k], strcmp(gb_figures[k].name, "runs") == 0 ? 3 : 0);
            assert_int_equal(gb_count_in(text, "<script"), 0);
            assert_is_clean();
            gb_result_free(&result);
        }
    }
}

/* No number of a file leaves a mark that is nowhere. */
static void test_numbers_that_are_none(void **state) {
    static const double numbers[] = {0, 1e-308, 1e308, 1e-3, NAN, INFINITY, 5e-324};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct gb_result result = filled("x", numbers[i]);
        draw(&result, 1, NULL, 0);
        for (size_t k = 0; k < 5; k++) {
            static const char *const wrong[] = {"nan", "\"inf", "\"-inf", "Minf", "Linf"};
            if (gb_count_in(text, wrong[k])) fail_msg("%g: %s in the page", numbers[i], wrong[k]);
        }
        gb_result_free(&result);
    }
}

static void test_nothing(void **state) {
    struct gb_result result = filled("x", 1);
    (void)state;
    result.n_rows = result.context.n_nulls = result.context.n_roofs = result.context.n_peers = 0;
    draw(&result, 1, NULL, 0);
    assert_int_equal(gb_count_in(text, "<tr>"), 9);
    for (size_t k = 0; k < GB_FIGURES; k++) draw(&result, 1, &gb_figures[k], 3);
    gb_result_free(&result);
}

/* Of many problems the first have their samples on the page, of many bars the ends their names. */
static void test_many(void **state) {
    enum { PROBLEMS = 60 };
    static struct gb_result_row rows[PROBLEMS];
    static char workloads[PROBLEMS][8];
    struct gb_result result = filled("x", 2);
    (void)state;
    for (size_t i = 0; i < PROBLEMS; i++) {
        rows[i] = result.rows[0];
        snprintf(workloads[i], sizeof workloads[i], "w%zu", i);
        rows[i].workload = workloads[i];
    }
    result.rows = rows;
    result.n_rows = PROBLEMS;
    draw(&result, 1, NULL, 0);
    assert_int_equal(gb_count_in(text, "<details>"), 40);
    assert_int_equal(gb_count_in(text, "The samples of 20 more problems are in the files."), 1);
    assert_int_equal(gb_count_in(text, ">20 more<"), 1);
    for (size_t i = 0; i < PROBLEMS; i++) assert_true(gb_count_in(text, workloads[i]) >= 1);
    gb_result_free(&result);
}

/* Rounds that were dropped are counted beside a strip, and are its end; dashed where some were not that should have been. */
static void test_disturbed_rounds(void **state) {
    static const struct gb_result_causes six = {5, 0, 1}, one = {0, 1, 0};
    static struct gb_result_row rows[4];
    struct gb_result result = filled("x", 2);
    (void)state;
    for (size_t i = 0; i < 4; i++) rows[i] = result.rows[0];
    rows[0].dropped = rows[1].dropped = &six; /* said once */
    rows[2].disturbed = &one;
    result.rows = rows;
    result.n_rows = 4;
    draw(&result, 1, NULL, 0);
    assert_int_equal(gb_count_in(text, "<div class=\"rounds\">6 rounds dropped: 5 by steal, 1 by migration</div>"), 1);
    assert_int_equal(gb_count_in(text, "<div class=\"rounds\">1 round disturbed, but kept: 1 by involuntary switches</div>"),
                     1);
    assert_int_equal(gb_count_in(text, "=\"samples in the order of the rounds; 6 rounds dropped: 5 by steal, 1 by migration\""),
                     2);
    assert_int_equal(gb_count_in(text, "=\"samples in the order of the rounds\""), 1);
    assert_int_equal(gb_count_in(text, "<rect class=\"band\" x=\"86.7\" width=\"173.3\" height=\"30\"/>"), 2); /* 3 of 9 stay */
    assert_int_equal(gb_count_in(text, "M0.0 15.0h28.9L28.9 15.0h28.9L57.8 15.0h28.9"), 2);
    assert_int_equal(gb_count_in(text, " dashed\" d=\"M0.0 15.0h86.7"), 1);
    gb_result_free(&result);
}

static void draw_once(void) {
    struct gb_result results[RUNS];
    read_runs(results);
    draw(results, RUNS, NULL, 0);
    draw(results, RUNS, &gb_figures[1], 0);
    free_runs(results);
    free(text);
    text = NULL;
}

static void test_keeps_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 400; i++) draw_once(); /* pieces of many sizes: malloc's lists grow for longer */
    gb_assert_keeps_nothing(draw_once);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_texts_of_others),
        cmocka_unit_test(test_numbers_that_are_none),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_disturbed_rounds),
        cmocka_unit_test(test_keeps_nothing),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(text);
    return failed;
}
