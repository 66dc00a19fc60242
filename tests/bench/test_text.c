/* Strict numbers, texts that are cut off, words picked from a list: each at its edges. */
#include "text.h"

#include <errno.h>
#include <math.h>

#include "isa.h"
#include "support.h"

static void counts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t low, high;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", 0, 9, true, 0},
        {"7", 7, 7, true, 7},
        {"007", 0, 9, true, 7},
        {"1234567890", 0, UINT64_MAX, true, 1234567890},
        {"6", 7, 9, false, 0},
        {"10", 7, 9, false, 0},
        {"9", 7, 9, true, 9},
        {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", 0, UINT64_MAX, false, 0},
        {"18446744073709551620", 0, UINT64_MAX, false, 0},
        {"36893488147419103233", 0, UINT64_MAX, false, 0}, /* 2^65 + 1 */
        {"", 0, 9, false, 0},
        {"/", 0, UINT64_MAX, false, 0}, /* the neighbours of the digits */
        {":", 0, UINT64_MAX, false, 0},
        {"-1", 0, UINT64_MAX, false, 0},
        {"+1", 0, UINT64_MAX, false, 0},
        {" 1", 0, UINT64_MAX, false, 0},
        {"1 ", 0, UINT64_MAX, false, 0},
        {"1e3", 0, UINT64_MAX, false, 0},
        {"1.0", 0, UINT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 4711;
        if (gb_text_count(cases[i].text, cases[i].low, cases[i].high, &value) != cases[i].good ||
            value != (cases[i].good ? cases[i].value : 4711))
            fail_msg("'%s': %llu", cases[i].text, (unsigned long long)value);
    }
}

static void reals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double low, high;
        bool good;
        double value;
    } cases[] = {
        {"3", 0, 9, true, 3},
        {"0.5", 0.5, 0.5, true, 0.5},
        {"1e-3", 0, 9, true, 1e-3},
        {"1E+2", 0, 100, true, 100},
        {".5", 0, 1, true, 0.5},
        {"5.", 0, 9, true, 5},
        {"0", 0, 9, true, 0},
        {"0.4999", 0.5, 1, false, 0},
        {"1.0001", 0.5, 1, false, 0},
        {"000000000000000000000000000000000000000000000001", 0, 1, true, 1}, /* 48 */
        {"0000000000000000000000000000000000000000000000001", 0, 1, false, 0},
        {"", 0, 9, false, 0},
        {"-1", -9, 9, false, 0},
        {"+1", -9, 9, false, 0},
        {"-0", -9, 9, false, 0},
        {"1-", 0, 9, false, 0},
        {"1e", 0, 9, false, 0},
        {"e1", -9, 9, false, 0},
        {".", -9, 9, false, 0},
        {"1.2.3", 0, 9, false, 0},
        {"0x1", 0, 9, false, 0},
        {"inf", 0, INFINITY, false, 0},
        {"nan", 0, INFINITY, false, 0},
        {" 1", 0, 9, false, 0},
        {"1 ", 0, 9, false, 0},
        {"1,5", 0, 9, false, 0},
        {"1e999", 0, INFINITY, false, 0},
        {"1e-999", 0, INFINITY, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = 4711;
        errno = ERANGE; /* of someone else */
        if (gb_text_real(cases[i].text, cases[i].low, cases[i].high, &value) != cases[i].good ||
            value != (cases[i].good ? cases[i].value : 4711))
            fail_msg("'%s': %g", cases[i].text, value);
    }
}

static void counts_in_words(void **state) {
    (void)state;
    char text[16];
    assert_ptr_equal(gb_count_text(0, "core", text, sizeof text), text);
    assert_string_equal(text, "0 cores");
    assert_string_equal(gb_count_text(1, "core", text, sizeof text), "1 core");
    assert_string_equal(gb_count_text(2, "NUMA node", text, sizeof text), "2 NUMA nodes");
    assert_string_equal(gb_count_text(11, "core", text, 4), "11 ");
}

static void bytes_in_words(void **state) {
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {99, "99 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {0x1p10 * 99.875, "99.9 KiB"},
        {0x1p10 * 100, "100 KiB"},
        {0x1p10 * 1023, "1023 KiB"},
        {0x1p20, "1.0 MiB"},
        {0x1p30, "1.0 GiB"},
        {0x1p40 * 2.25, "2.2 TiB"},
        {0x1p50, "1.0 PiB"},
        {0x1p60, "1.0 EiB"},
        {0x1p70 * 3, "3072 EiB"},
    };
    char text[16];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(gb_bytes_text(cases[i].bytes, text, sizeof text), cases[i].text);
    assert_ptr_equal(gb_bytes_text(1, text, sizeof text), text);
    assert_string_equal(gb_bytes_text(0x1p30, text, 5), "1.0 ");
}

static void texts_are_appended(void **state) {
    (void)state;
    char text[9] = "ab";
    text[8] = '!';
    assert_true(gb_text_append(text, 8, "%s%d", "cd", 5));
    assert_string_equal(text, "abcd5");
    assert_true(gb_text_append(text, 8, "67"));
    assert_string_equal(text, "abcd567");
    assert_true(gb_text_append(text, 8, "%s", ""));
    assert_false(gb_text_append(text, 8, "8"));
    assert_string_equal(text, "abcd567");
    text[5] = '\0';
    assert_false(gb_text_append(text, 8, "%s", "xyz"));
    assert_string_equal(text, "abcd5xy");
    assert_int_equal(text[8], '!');
}

static void words_are_quoted(void **state) {
    (void)state;
    char text[12] = "a ";
    assert_true(gb_text_quote(text, sizeof text, "b'c"));
    assert_string_equal(text, "a 'b'\\''c'");
    assert_false(gb_text_quote(text, sizeof text, ""));
    text[1] = '\0';
    assert_true(gb_text_quote(text, sizeof text, ""));
    assert_string_equal(text, "a''");
}

static void items_of_lists(void **state) {
    (void)state;
    static const char *const wanted[] = {"a", "", "four", ""};
    const char *list = "a,,four,";
    char item[5];
    bool too_long = true;
    for (size_t i = 0; i < 4; i++) {
        assert_true(gb_text_item(&list, item, sizeof item, &too_long));
        assert_string_equal(item, wanted[i]);
        assert_false(too_long);
    }
    too_long = true;
    assert_null(list);
    assert_false(gb_text_item(&list, item, sizeof item, &too_long));
    assert_false(too_long);
    for (const char *const *text = (const char *const[]){"fives", "fives,b", NULL}; *text; text++) {
        list = *text;
        assert_false(gb_text_item(&list, item, sizeof item, &too_long));
        assert_true(too_long);
        assert_ptr_equal(list, *text);
    }
    list = "four"; /* the last has no comma */
    assert_true(gb_text_item(&list, item, sizeof item, &too_long));
    assert_string_equal(item, "four");
    assert_null(list);
}

/* --- words picked from a list */

static void names_are_added_once(void **state) {
    (void)state;
    static char words[140][8];
    struct gb_names names = {.count = 0};
    gb_names_add(&names, "a");
    gb_names_add(&names, "ab");
    gb_names_add(&names, "a");
    assert_int_equal(names.count, 2);
    assert_string_equal(names.list[0], "a");
    assert_string_equal(names.list[1], "ab");
    assert_true(gb_names_hold(&names, "ab") && gb_names_hold(&names, "a"));
    assert_false(gb_names_hold(&names, "b"));
    assert_false(gb_names_hold(&names, ""));
    for (size_t i = 0; i < 140; i++) {
        snprintf(words[i], sizeof words[i], "%zu", i);
        gb_names_add(&names, words[i]);
    }
    assert_int_equal(names.count, 128);
    assert_string_equal(names.list[127], "125");
}

static void names_are_joined(void **state) {
    (void)state;
    const struct gb_names none = {.count = 0}, names = {{"a", "bc", "d"}, 3};
    char text[9];
    assert_ptr_equal(gb_names_join(&none, text, sizeof text), text);
    assert_string_equal(text, "");
    assert_string_equal(gb_names_join(&names, text, sizeof text), "a, bc, d");
    assert_string_equal(gb_names_join(&names, text, 8), "a, bc, ");
    assert_string_equal(gb_names_join(&names, text, 5), "a, b");
    assert_string_equal(gb_names_join(&names, text, 2), "a");
    text[1] = '!';
    assert_string_equal(gb_names_join(&names, text, 1), "");
    assert_int_equal(text[1], '!');
}

#define EIGHT      "abcdefgh"
#define FORTY      EIGHT EIGHT EIGHT EIGHT EIGHT
#define FORTYEIGHT FORTY EIGHT

/* A third of the word's letters and one may differ, but not all. */
static void nearest_names(void **state) {
    (void)state;
    static char very_long[10000];
    const struct gb_names names = {{very_long, "run", "sitting", "check", "cheek", "ab", "xy", FORTYEIGHT, FORTYEIGHT "i"}, 9};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"run", "run"},
        {"xxrun", "run"}, /* two letters before it */
        {"rnu", "run"},   /* two letters of three */
        {"rux", "run"},
        {"rxx", "run"},
        {"xxx", "xy"},         /* two: the first x stays */
        {"r", NULL},           /* two letters more than it has */
        {"kitten", "sitting"}, /* three of six, and no more may */
        {"kittn", NULL},       /* four of five */
        {"settings", "sitting"},
        {"sitt", NULL}, /* three of four */
        {"sitti", "sitting"},
        {"sittingxxx", "sitting"},
        {"sittingxxxxx", "sitting"},
        {"sittingxxxxxx", NULL}, /* six of thirteen */
        {"chek", "check"},       /* the first of two that are as near */
        {"cheak", "check"},
        {"cheekk", "cheek"}, /* the nearer one, though it comes later */
        {"a", NULL},         /* nothing of one letter that is not it */
        {"ab", "ab"},
        {"ax", "ab"},
        {"zz", NULL},
        {"", NULL},
        {FORTY "abcdefgx", FORTYEIGHT},
        {FORTYEIGHT, FORTYEIGHT},
        {FORTYEIGHT "x", NULL}, /* too long to be compared, as is the last name */
    };
    memset(very_long, 'r', sizeof very_long - 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const got = gb_names_nearest(&names, cases[i].word);
        const char *const want = cases[i].nearest;
        if (want ? !got || strcmp(got, want) != 0 : got != NULL) fail_msg("'%s': '%s'", cases[i].word, got ? got : "");
    }
}

static void names_are_refused(void **state) {
    (void)state;
    const struct gb_names names = {{"run", "list"}, 2};
    char text[200], word[120], want[200];
    assert_ptr_equal(gb_names_refuse(&names, "command", "rnu", text, sizeof text), text);
    assert_string_equal(text, "unknown command 'rnu' (did you mean 'run'? allowed: run, list)");
    assert_string_equal(gb_names_refuse(&names, "word", "zzz", text, sizeof text), "unknown word 'zzz' (allowed: run, list)");
    assert_string_equal(gb_names_refuse(&names, "word", "zzz", text, 10), "unknown w");
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    snprintf(want, sizeof want, "unknown word '%.80s' (allowed: run, list)", word);
    assert_string_equal(gb_names_refuse(&names, "word", word, text, sizeof text), want);
    char long_name[49] = "", guess[200];
    memset(long_name, 'y', 48);
    const struct gb_names longest = {{long_name}, 1};
    snprintf(guess, sizeof guess, "unknown word '%.47s' (did you mean '%s'? allowed: %s)", long_name, long_name, long_name);
    snprintf(word, sizeof word, "%.47s", long_name);
    assert_string_equal(gb_names_refuse(&longest, "word", word, text, sizeof text), guess);
}

/* The library's own, in the order of its list, and each once. */
static void names_of_the_library(void **state) {
    (void)state;
    const struct gb_names kernels = gb_kernel_names(), families = gb_family_names(), isas = gb_isa_names();
    size_t family = 0;
    assert_int_equal(kernels.count, GK_KERNEL_COUNT);
    for (size_t id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        bool before = false;
        for (size_t other = 0; other < id; other++)
            before = before || strcmp(gk_kernel_get((enum gk_kernel_id)other)->family, kernel->family) == 0;
        assert_string_equal(kernels.list[id], kernel->name);
        if (!before) assert_string_equal(families.list[family++], kernel->family);
    }
    assert_int_equal(families.count, family);
    assert_int_equal(isas.count, GK_ISA_COUNT);
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) assert_int_equal(gk_isa_find(isas.list[isa]), isa);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(reals),
        cmocka_unit_test(counts_in_words),
        cmocka_unit_test(bytes_in_words),
        cmocka_unit_test(texts_are_appended),
        cmocka_unit_test(words_are_quoted),
        cmocka_unit_test(items_of_lists),
        cmocka_unit_test(names_are_added_once),
        cmocka_unit_test(names_are_joined),
        cmocka_unit_test(nearest_names),
        cmocka_unit_test(names_are_refused),
        cmocka_unit_test(names_of_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
