/* Results as Markdown: files made by hand, whole and short, byte by byte; their numbers have been computed by hand. */
#include "report_markdown.h"
#include "support.h"
#include "support_file.h"

static const char *const files[] = {TEST_DATA_DIR "/report/first.json", TEST_DATA_DIR "/report/second.json"};

static int print(char *text, size_t size, const struct gb_result *results, size_t count, bool brief) {
    memset(text, 0, size);
    FILE *const out = fmemopen(text, size, "w");
    assert_non_null(out);
    const int code = gb_report_markdown(out, results, count, brief);
    assert_int_equal(fclose(out), 0);
    return code;
}

/* Of both files, of one; whole and short. */
static void test_tables(void **state) {
    (void)state;
    struct gb_result results[2] = {{.complete = false}, {.complete = false}};
    static char text[1 << 14];
    for (size_t i = 0; i < 2; i++) assert_int_equal(gb_result_read(&results[i], files[i]), 0);
    assert_int_equal(print(text, sizeof text, results, 2, false), 0);
    assert_text_of_file(TEST_DATA_DIR "/report/both.txt", text);
    assert_int_equal(print(text, sizeof text, results, 1, true), 0);
    assert_text_of_file(TEST_DATA_DIR "/report/short.txt", text);
    assert_int_equal(print(text, sizeof text, results + 1, 1, false), 0);
    assert_text_of_file(TEST_DATA_DIR "/report/second.txt", text);
    for (size_t i = 0; i < 2; i++) gb_result_free(&results[i]);
}

static void read_and_print(void) {
    static char text[1 << 14];
    struct gb_result result = {.complete = false};
    assert_int_equal(gb_result_read(&result, files[0]), 0);
    assert_int_equal(print(text, sizeof text, &result, 1, false), 0);
    gb_result_free(&result);
}

static void test_keeps_nothing(void **state) {
    (void)state;
    gb_assert_keeps_nothing(read_and_print);
}

/* Nothing, or peers only, is a table of nothing. */
static void test_empty(void **state) {
    (void)state;
    char text[400];
    struct gb_result_row peer = {.kernel = "k", .dtype = "f32", .workload = "w", .variant = "peer:x", .isa = "peer"};
    const struct gb_result result = {
        .context = {.isa = "wide", .topology = "t", .compiler = "c", .revision = "r", .date = "d"}, .rows = &peer, .n_rows = 1};
    assert_int_equal(print(text, sizeof text, &result, 1, true), 0);
    assert_string_equal(text, "");
    assert_int_equal(print(text, sizeof text, &result, 1, false), 0);
    assert_string_equal(text, "- wide: t, d, c, revision r\n");
}

/* The five furthest behind, each as --shape takes it, the furthest first; what is slower within the noise is not. */
static void test_behind(void **state) {
    (void)state;
    enum { ROWS = 8 };
    static const double ratios[ROWS] = {0.5, 0.75, 0.25, 0.125, 0.625, 0.0625, 0.875, 0.5};
    struct gb_result_size sizes[ROWS][2];
    struct gb_result_option options[] = {{"layout", "out_in", false}, {"accumulate", NULL, false}};
    struct gb_versus best[ROWS];
    struct gb_result_row rows[ROWS];
    char text[4000];
    for (size_t i = 0; i < ROWS; i++) {
        sizes[i][0] = (struct gb_result_size){"n", i}, sizes[i][1] = (struct gb_result_size){"d", 9};
        best[i] = (struct gb_versus){"peer:x|y", {9, ratios[i], ratios[i], ratios[i], false}, i == 5 ? "same" : "slower"};
        rows[i] = (struct gb_result_row){.kernel = "k",
                                         .dtype = "f64",
                                         .workload = "net:w",
                                         .variant = "x",
                                         .isa = "x",
                                         .threads = i == 3 ? 2 : 1,
                                         .shape = sizes[i],
                                         .n_shape = 2,
                                         .share = {.limit = "fma"},
                                         .state = GB_STATE_TIMED,
                                         .best_peer = &best[i]};
    }
    rows[2].options = options, rows[2].n_options = 2;
    const struct gb_result result = {.context = {.isa = "wide", .topology = "t", .compiler = "c", .revision = "r", .date = "d"},
                                     .rows = rows,
                                     .n_rows = ROWS};
    assert_int_equal(print(text, sizeof text, &result, 1, false), 0);
    *strstr(text, "\n\n") = '\0';
    assert_string_equal(text, "- x, 2 threads: geometric mean 0.13 of 1, 1 below 1 and 1 behind\n"
                              "  - behind x\\|y, 0.12 [0.12, 0.12]: k n=3 d=9 dtype=f64\n"
                              "- x, 1 thread: geometric mean 0.40 of 7, 7 below 1 and 6 behind\n"
                              "  - behind x\\|y, 0.25 [0.25, 0.25]: k n=2 d=9 dtype=f64 layout=out_in accumulate=1\n"
                              "  - behind x\\|y, 0.50 [0.50, 0.50]: k n=0 d=9 dtype=f64\n"
                              "  - behind x\\|y, 0.50 [0.50, 0.50]: k n=7 d=9 dtype=f64\n"
                              "  - behind x\\|y, 0.62 [0.62, 0.62]: k n=4 d=9 dtype=f64\n"
                              "  - behind x\\|y, 0.75 [0.75, 0.75]: k n=1 d=9 dtype=f64\n"
                              "- wide: t, d, c, revision r");
}

/* 64 columns are the most. */
static void test_columns(void **state) {
    (void)state;
    enum { MOST = 64 };
    static struct gb_result_row rows[MOST + 1];
    static char text[1 << 14];
    for (size_t i = 0; i <= MOST; i++)
        rows[i] = (struct gb_result_row){.kernel = "k",
                                         .dtype = "f32",
                                         .workload = "w",
                                         .variant = "x",
                                         .isa = i % 2 ? "a" : "b",
                                         .threads = 1 + i * 37 % (MOST + 1),
                                         .state = GB_STATE_FAILED};
    struct gb_result result = {.rows = rows, .n_rows = MOST};
    assert_int_equal(print(text, sizeof text, &result, 1, true), 0);
    size_t columns = 0;
    const char *before = NULL;
    for (const char *at = text; (at = strstr(at, " thr |")); at++, columns++) {
        size_t threads = 0;
        const char *start = at;
        while (start[-1] != ' ') start--;
        threads = strtoul(start, NULL, 10);
        if (before && strtoul(before, NULL, 10) <= threads) assert_true(start[-3] == 'a' && before[-3] == 'b');
        before = start;
    }
    assert_int_equal(columns, MOST);
    result.n_rows++;
    assert_int_equal(print(text, sizeof text, &result, 1, true), 3);
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables), cmocka_unit_test(test_keeps_nothing), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_behind), cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
