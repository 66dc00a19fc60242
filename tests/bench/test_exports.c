/* Exports of a file that has all there may be, with names that other programs' formats have a meaning for, byte by byte. That
 * the programs read them is for tests/program/test_formats.sh. */
#include <jansson.h>
#include <math.h>

#include "exports.h"
#include "support.h"
#include "support_file.h"

static const char *const files[] = {TEST_DATA_DIR "/report/full.json", TEST_DATA_DIR "/report/first.json"};
static const char *const names[] = {"full.json", "-first,\"file\".json"};
static struct gb_result results[2];

static int read_files(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++)
        if (gb_result_read(&results[i], files[i]) != 0) return -1;
    results[0].rows[3].workload = "=1+1,\"<w>&\":x";
    results[0].rows[0].failure = "two\nlines";
    results[1].complete = false;
    return 0;
}

static int free_files(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) gb_result_free(&results[i]);
    return 0;
}

static char text[1 << 17];

static void print(int (*format)(const struct gb_export *export), size_t count) {
    memset(text, 0, sizeof text);
    FILE *const out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    const struct gb_export export = {.out = out, .results = results, .names = names, .count = count};
    assert_int_equal(format(&export), 0);
    assert_int_equal(fclose(out), 0);
}

static const struct {
    int (*format)(const struct gb_export *export);
    size_t count;
    const char *path;
} formats[] = {
    {gb_export_csv, 2, TEST_DATA_DIR "/exports/csv.txt"},
    {gb_export_junit, 2, TEST_DATA_DIR "/exports/junit.txt"},
    {gb_export_google_benchmark, 1, TEST_DATA_DIR "/exports/google.txt"},
    {gb_export_gha, 1, TEST_DATA_DIR "/exports/gha.txt"},
    {gb_export_bencher, 1, TEST_DATA_DIR "/exports/bencher.txt"},
};
enum { JSON = 2, FORMATS = sizeof formats / sizeof *formats }; /* those from JSON on are that */

static void what_is_printed(void **state) {
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        print(formats[i].format, formats[i].count);
        assert_text_of_file(formats[i].path, text);
    }
}

/* Of numbers that files may hold, too. */
static void nothing_is_infinite(void **state) {
    (void)state;
    struct gb_result_row *const row = &results[0].rows[3];
    const struct gb_result_row before = *row;
    double zeros[] = {0, 0};
    row->summary = (struct gb_summary){2, 0, 0, 0, 0};
    row->samples = zeros;
    for (size_t i = JSON; i < FORMATS; i++) {
        print(formats[i].format, 1);
        json_t *const json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        json_decref(json);
    }
    row->flops = row->bytes = NAN;
    print(gb_export_google_benchmark, 1);
    assert_null(strstr(text, "_per_second"));
    print(gb_export_csv, 1);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    *row = before;
}

static void print_all(void) {
    for (size_t i = 0; i < FORMATS; i++) print(formats[i].format, 1);
}

static void keeps_nothing(void **state) {
    (void)state;
    gb_assert_keeps_nothing(print_all);
}

/* Exports in a child that gets no more memory. */
static int export_without_memory(const void *format) {
    FILE *const out = fopen("/dev/null", "w");
    const struct gb_export export = {.out = out, .results = results, .names = names, .count = 1};
    void *volatile kept = NULL; /* else clang calls no malloc */
    gb_limit_memory(0);
    do kept = malloc(16);
    while (kept);
    const int code = formats[*(const size_t *)format].format(&export);
    fclose(out);
    return code;
}

static void without_memory(void **state) {
    (void)state;
    if (GB_SANITIZER) skip(); /* it ends the process itself */
    for (size_t i = JSON; i < FORMATS; i++) {
        char said[400];
        assert_int_equal(gb_child_run(export_without_memory, &i, said, sizeof said), 4);
        assert_string_equal(said, "gradbench: error: no memory for the export\n");
    }
}

/* Too many dimensions, which other programs' files might have. */
static void too_many_dimensions(void **state) {
    (void)state;
    enum { MOST = 200 };
    static struct gb_result_size sizes[MOST];
    static char words[MOST][8];
    struct gb_result_row *const row = &results[0].rows[0];
    const struct gb_result_row before = *row;
    const struct gb_export export = {.out = stdout, .results = results, .names = names, .count = 1};
    for (size_t i = 0; i < MOST; i++) {
        snprintf(words[i], sizeof words[i], "d%zu", i);
        sizes[i].name = words[i];
    }
    row->shape = sizes, row->n_shape = MOST;
    assert_int_equal(gb_export_csv(&export), 3);
    *row = before;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed), cmocka_unit_test(nothing_is_infinite), cmocka_unit_test(keeps_nothing),
        cmocka_unit_test(without_memory),  cmocka_unit_test(too_many_dimensions),
    };
    return cmocka_run_group_tests(tests, read_files, free_files);
}
