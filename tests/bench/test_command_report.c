/* gradbench report: what it writes where, what it refuses, and that an old file stays as it was then. */
#include "commands.h"
#include "support.h"
#include "support_file.h"
#include "support_said.h"
#include "support_tree.h"

#define LADDER TEST_DATA_DIR "/report/ladder.json"

static struct gb_said said;

#define REPORT(code_wanted, ...)                                                                                               \
    do {                                                                                                                       \
        gb_hear_command(&said, gb_command_report, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                                \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s", said.code, (code_wanted), said.err);                        \
    } while (0)

static char *read_text(const char *path) {
    size_t size;
    char *const text = support_file_read(path, &size);
    assert_non_null(text);
    return text;
}

static void expect_text(const char *path, const char *want) {
    char *const text = read_text(path);
    assert_string_equal(text, want);
    free(text);
}

static void write_text(const char *path, const char *text) {
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

static void writes(void **state) {
    (void)state;
    REPORT(0, LADDER, "-o", "page.html");
    assert_string_equal(said.out, "");
    assert_string_equal(said.err, "");
    REPORT(0, "--output=-", LADDER);
    expect_text("page.html", said.out);
    assert_int_equal(gb_count_in(said.out, "<!DOCTYPE html>"), 1);
    REPORT(0, "--svg", "ratio", LADDER, "-o", "-");
    assert_memory_equal(said.out, "<svg ", 5);
    REPORT(0, "--svg", "ratio", LADDER, LADDER, "-o", "page.html");
    REPORT(0, "--svg", "ratio", LADDER, LADDER, "-o", "-");
    expect_text("page.html", said.out);
}

static void refuses(void **state) {
    static const char *const lines[] = {
        "report takes files (see gradbench report --help)",
        "report needs -o FILE (- is standard output)",
        "unknown value of --svg 'pie' (allowed: ratio, runs, roofline, scaling, sizes, isas, noise)",
    };
    char want[200];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(want, sizeof want, "gradbench: error: %s\n", lines[i]);
        if (i == 0) REPORT(2, "-o", "page.html");
        else if (i == 1) REPORT(2, LADDER);
        else REPORT(2, LADDER, "--svg", "pie", "-o", "page.html");
        assert_string_equal(said.err, want);
    }
    REPORT(4, LADDER, "-o", "nowhere/page.html");
    assert_string_equal(said.err, "gradbench: error: cannot write nowhere/page.html (No such file or directory)\n");
}

static void an_old_file_stays(void **state) {
    (void)state;
    write_text("page.html", "old");
    write_text("broken.json", "{\"schema\": \"gradbench/1\",\n}");
    REPORT(3, LADDER, "broken.json", "-o", "page.html");
    assert_int_equal(gb_count_in(said.err, "broken.json:2:"), 1);
    REPORT(3, "nowhere.json", "-o", "page.html");
    REPORT(3, TEST_DATA_DIR "/report/first.json", "--svg", "noise", "-o", "page.html");
    assert_string_equal(said.err, "gradbench: error: nothing to draw for noise. No variant was timed twice.\n");
    expect_text("page.html", "old");
    char *const text = read_text(LADDER);
    write_text("run.json", text);
    assert_int_equal(symlink("run.json", "link.json"), 0);
    REPORT(2, LADDER, "run.json", "-o", "run.json");
    REPORT(2, "run.json", "-o", "link.json");
    assert_string_equal(said.err, "gradbench: error: -o link.json is one of the files that are read\n");
    expect_text("run.json", text);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes), cmocka_unit_test(refuses),
                                       cmocka_unit_test(an_old_file_stays)};
    return cmocka_run_group_tests(tests, support_tree_enter, support_tree_leave);
}
