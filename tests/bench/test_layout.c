/* Lines that fit a width, and what is left out of a table that is wider. */
#include "report_layout.h"
#include "support.h"

static char text[1 << 13];

static FILE *open_text(void) {
    memset(text, 0, sizeof text);
    FILE *const out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    return out;
}

/* --- sentences */

/* Lines end before a space where they can; what follows a break is indented; bytes of a character stay together, and escapes
 * have no width. */
static void test_say(void **state) {
    (void)state;
    static const struct {
        int width, indent;
        const char *said, *printed;
    } table[] = {
        {0, 2, "as it is, however long", "as it is, however long\n"},
        {10, 2, "", "\n"},
        {10, 2, "0123456789", "0123456789\n"},
        {10, 2, "0123456789a", "0123456789\n  a\n"},
        {10, 2, "01234 6789", "01234 6789\n"},
        {10, 2, "01234 67890", "01234\n  67890\n"},
        {10, 2, "012345678 0", "012345678\n  0\n"},
        {10, 2, "0123456789 b", "0123456789\n  b\n"},
        {10, 2, "0123456789   b", "0123456789\n  b\n"},
        {10, 2, "ab cd efg   hi jk", "ab cd efg\n  hi jk\n"},
        {10, 3, "ab 0123456789012345", "ab\n   0123456\n   7890123\n   45\n"},
        {10, 0, "ab cd ef gh ij kl mn", "ab cd ef\ngh ij kl\nmn\n"},
        {10, 2, "  ab", "  ab\n"},
        {10, 2, "  abcdefghij", "  abcdefgh\n  ij\n"},
        {10, 2, "ab  ", "ab\n"},
        {10, 2, "            ", "\n"},
        {4, 1, "\u00e4\u00f6\u00fc\u00df\u00e4", "\u00e4\u00f6\u00fc\u00df\n \u00e4\n"},
        {4, 1, "\033[1mabcd\033[0m ef", "\033[1mabcd\033[0m\n ef\n"},
        {4, 1, "ab\033[31mcd\033[0mef", "ab\033[31mcd\033[0m\n ef\n"},
        {4, 1, "abc\033[", "abc\033[\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct gb_report report = {.out = open_text(), .width = table[i].width};
        gb_say(&report, table[i].indent, "%s", table[i].said);
        assert_int_equal(fclose(report.out), 0);
        assert_string_equal(text, table[i].printed);
    }
}

/* What is longer than a line can be is cut off, and ends. */
static void test_say_much(void **state) {
    (void)state;
    char much[4000];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    const struct gb_report report = {.out = open_text(), .width = 0};
    gb_say(&report, 2, "%s", much);
    assert_int_equal(fclose(report.out), 0);
    assert_int_equal(strspn(text, "x"), 2999);
    assert_string_equal(text + 2999, "\n");
}

static void test_escapes(void **state) {
    (void)state;
    const struct gb_report color = {.color = true}, plain = {.color = false};
    assert_string_equal(gb_bold(&color), "\033[1m");
    assert_string_equal(gb_dim(&color), "\033[2m");
    assert_string_equal(gb_red(&color), "\033[31m");
    assert_string_equal(gb_plain(&color), "\033[0m");
    assert_string_equal(gb_bold(&plain), "");
    assert_string_equal(gb_dim(&plain), "");
    assert_string_equal(gb_red(&plain), "");
    assert_string_equal(gb_plain(&plain), "");
}

/* --- columns */

enum { COLUMNS = 6 };

/* Those of the lowest rank are left out first, of equal ones the first; never more than it takes, never one of rank 0. */
static void test_fit(void **state) {
    (void)state;
    static const struct {
        int width;
        const char *hidden; /* a character a column: x is left out */
    } table[] = {{0, "......"},  {100, "......"}, {50, "......"}, {49, "..x..."}, {45, "..x..."},
                 {44, ".xx..."}, {35, ".xx..."},  {34, ".xx.x."}, {23, ".xx.x."}, {22, "xxx.x."},
                 {12, "xxx.x."}, {11, "xxx.x."},  {1, "xxx.x."}};
    static const struct gb_column all[COLUMNS] = {{.width = 11, .rank = 4}, {.width = 10, .rank = 2}, {.width = 5, .rank = 1},
                                                  {.width = 0, .rank = 1},  {.width = 12, .rank = 2}, {.width = 12}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gb_column columns[COLUMNS];
        size_t expected = 0;
        memcpy(columns, all, sizeof all);
        const size_t hidden = gb_columns_fit(columns, COLUMNS, table[i].width);
        for (size_t c = 0; c < COLUMNS; c++) {
            if (columns[c].hidden != (table[i].hidden[c] == 'x')) fail_msg("width %d, column %zu", table[i].width, c);
            expected += columns[c].hidden;
        }
        assert_int_equal(hidden, expected);
    }
}

static const char *hidden_line(size_t hidden, const char *names, int width) {
    const struct gb_report report = {.out = open_text(), .width = width};
    gb_print_hidden(&report, hidden, names);
    assert_int_equal(fclose(report.out), 0);
    return text;
}

static void test_hidden(void **state) {
    (void)state;
    assert_string_equal(hidden_line(0, "", 60), "");
    assert_string_equal(hidden_line(1, "rate", 35), "\n--wide shows 1 more column: rate\n");
    assert_string_equal(hidden_line(2, "a; b", 33), "\n--wide shows 2 more columns: a; b\n");
    assert_string_equal(hidden_line(2, "a; bc", 33), "\n--wide shows 2 more columns\n");
}

/* --- cells */

/* Cells of a line, each with its column's width, its left side, an escape and a text. */
struct cell {
    struct gb_column column;
    const char *escape, *text;
};

static const char *line_of(const struct cell *cells, size_t count, bool color) {
    const struct gb_report report = {.out = open_text(), .color = color};
    struct gb_line line = {&report, 0};
    for (size_t i = 0; i < count; i++) gb_print_cell(&line, &cells[i].column, cells[i].escape, cells[i].text);
    assert_int_equal(fclose(report.out), 0);
    return text;
}

/* A text ends where its column does, or starts after a fixed number of spaces; spaces are printed before the next one only. */
static void test_cells(void **state) {
    (void)state;
    const struct cell right[] = {{{.width = 5}, "", "ab"}, {{.width = 4}, "", "cde"}};
    assert_string_equal(line_of(right, 2, false), "   ab cde");
    const struct cell left[] = {
        {{.width = 5, .left = 1}, "", "ab"}, {{.width = 4, .left = 2}, "", "c"}, {{.width = 3}, "", "d"}};
    assert_string_equal(line_of(left, 3, false), " ab    c   d");
    const struct cell empty[] = {{{.width = 5, .left = 1}, "", ""}, {{.width = 4}, "", ""}, {{.width = 3}, "", "d"}};
    assert_string_equal(line_of(empty, 3, false), "           d");
    const struct cell end[] = {{{.width = 3}, "", "d"}, {{.width = 5, .left = 1}, "", "ab"}, {{.width = 4}, "", ""}};
    assert_string_equal(line_of(end, 3, false), "  d ab");
    const struct cell none[] = {{{.width = 3, .hidden = true}, "", "d"}, {{.width = 0}, "", "x"}, {{.width = 4}, "", "e"}};
    assert_string_equal(line_of(none, 3, false), "   e");
    const struct cell wide[] = {{{.width = 3}, "", "abcdef"}, {{.width = 3, .left = 1}, "", "ghi"}, {{.width = 3}, "", "j"}};
    assert_string_equal(line_of(wide, 3, false), "abcdef ghi  j");
    const struct cell exact[] = {{{.width = 3, .left = 1}, "", "ab"}, {{.width = 3}, "", "cde"}};
    assert_string_equal(line_of(exact, 2, false), " abcde");
    const struct cell bold[] = {{{.width = 4}, "\033[1m", "ab"}, {{.width = 3}, "", "c"}};
    assert_string_equal(line_of(bold, 2, true), "  \033[1mab\033[0m  c");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_say), cmocka_unit_test(test_say_much), cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_fit), cmocka_unit_test(test_hidden),   cmocka_unit_test(test_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
