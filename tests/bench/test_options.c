/* Command lines by their table: what each kind of option takes and refuses, word for word, and what --help makes of it. */
#include "message.h"
#include "options.h"
#include "support.h"
#include "support_said.h"

enum { WORDS_MAX = 12 };

/* Where the options of the table go. */
static struct {
    bool on, other;
    const char *text, *word, *operand;
    struct gb_texts texts, operands;
    uint64_t count;
    double real;
} got;

static const char *const words[] = {"alpha", "beta", NULL};
static const struct gb_flag flags[] = {
    {"on", GB_FLAG_SWITCH, &got.on, .help = "a switch"},
    {"other", GB_FLAG_SWITCH, &got.other, .help = "another"},
    {"text", GB_FLAG_TEXT, &got.text, "FILE", .help = "a text", .letter = 't'},
    {"texts", GB_FLAG_TEXTS, &got.texts, "NAME", .help = "several"},
    {"count", GB_FLAG_COUNT, &got.count, "N", .help = "a number", .low = 6, .high = 1001},
    {"real", GB_FLAG_REAL, &got.real, "SECONDS", .help = "another number", .low = 0.25, .high = 1e6},
    {"word", GB_FLAG_WORD, &got.word, "WHAT", .help = "one of two", .words = words},
    {"as-wide-as-the-column", GB_FLAG_TEXT, &got.text, "X", .help = "a space fits"},
    {"as-wide-as-the-columns", GB_FLAG_TEXT, &got.text, "X", .help = "a space is added"},
};
enum { FLAGS = sizeof flags / sizeof *flags };

static const struct gb_syntax bare = {.command = "bare", .summary = "Says nothing.", .options = flags, .n_options = FLAGS};
static const struct gb_syntax none = {.command = "none", .summary = "Takes nothing.", .notes = "A note.\nAnother."};
static const struct gb_syntax one = {.command = "one",
                                     .summary = "Takes one.",
                                     .operand = "[THING]",
                                     .operand_target = &got.operand,
                                     .options = flags,
                                     .n_options = 1};
static const struct gb_syntax many = {.command = "many",
                                      .summary = "Takes many.",
                                      .operand = "THING...",
                                      .operands = &got.operands,
                                      .options = flags,
                                      .n_options = 2};

struct line {
    const struct gb_syntax *syntax;
    const char *words[WORDS_MAX];
    int code;
    const char *err;
    bool goes_on;
};

/* What is left of good words without some options, whose values go with them. */
static void words_of_a_part(void **state) {
    static const char *const names[] = {"text", "on", "texts", NULL};
    static const struct {
        const char *words[WORDS_MAX], *left[WORDS_MAX];
    } cases[] = {{{NULL}, {NULL}},
                 {{"--count", "7"}, {"--count", "7"}},
                 {{"--text", "--count", "--count", "7"}, {"--count", "7"}},
                 {{"--count=7", "--text=--on", "--on", "--word", "beta"}, {"--count=7", "--word", "beta"}},
                 {{"--texts", "a=b", "--other", "--texts=c", "--as-wide-as-the-column=--text"},
                  {"--other", "--as-wide-as-the-column=--text"}},
                 {{"--as-wide-as-the-column", "--text", "--on"}, {"--as-wide-as-the-column", "--text"}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *left[WORDS_MAX] = {NULL};
        const int argc = gb_count_words((char *const *)(uintptr_t)cases[i].words);
        const size_t count = gb_options_without(&bare, argc, (char **)(uintptr_t)cases[i].words, names, left);
        for (size_t k = 0; k <= count; k++)
            if (!left[k] != !cases[i].left[k] || (left[k] && strcmp(left[k], cases[i].left[k]) != 0))
                fail_msg("case %zu, word %zu: %s", i, k, left[k] ? left[k] : "none");
        assert_int_equal(count, gb_count_words((char *const *)(uintptr_t)cases[i].left));
    }
}

static int parse(void *data) {
    struct line *const line = data;
    int argc = 0, code = 99;
    while (line->words[argc]) argc++;
    memset(&got, 0, sizeof got);
    line->goes_on = gb_options_parse(line->syntax, argc, (char **)(uintptr_t)line->words, &code);
    return code;
}

static struct gb_said said;

static bool takes(const struct gb_syntax *syntax, const char *const *list) {
    struct line line = {.syntax = syntax};
    for (size_t i = 0; list[i]; i++) line.words[i] = list[i];
    gb_hear(&said, parse, &line);
    return line.goes_on && said.code == GB_EXIT_OK && !said.out[0] && !said.err[0];
}
#define TAKES(syntax, ...) assert_true(takes(syntax, (const char *const[]){__VA_ARGS__, NULL}))

static const struct line refused[] = {
    {&bare, {"--count", "5"}, 2, "--count must be a whole number from 6 to 1001 (got '5')", false},
    {&bare, {"--count", "1002"}, 2, "--count must be a whole number from 6 to 1001 (got '1002')", false},
    {&bare, {"--count="}, 2, "--count must be a whole number from 6 to 1001 (got '')", false},
    {&bare, {"--count", "7x"}, 2, "--count must be a whole number from 6 to 1001 (got '7x')", false},
    {&bare, {"--count", "-7"}, 2, "--count must be a whole number from 6 to 1001 (got '-7')", false},
    {&bare, {"--real", "0.2499"}, 2, "--real must be a number from 0.25 to 1e+06 (got '0.2499')", false},
    {&bare, {"--real", "1000001"}, 2, "--real must be a number from 0.25 to 1e+06 (got '1000001')", false},
    {&bare, {"--real=nan"}, 2, "--real must be a number from 0.25 to 1e+06 (got 'nan')", false},
    {&bare, {"--word", "gamma"}, 2, "unknown value of --word 'gamma' (allowed: alpha, beta)", false},
    {&bare, {"--word", "bet"}, 2, "unknown value of --word 'bet' (did you mean 'beta'? allowed: alpha, beta)", false},
    {&bare, {"--text="}, 2, "--text needs a value (got an empty one, expected FILE)", false},
    {&bare, {"--text", ""}, 2, "--text needs a value (got an empty one, expected FILE)", false},
    {&bare, {"--texts", "a", "--texts="}, 2, "--texts needs a value (got an empty one, expected NAME)", false},
    {&bare, {"--count"}, 2, "--count needs a value (N)", false},
    {&bare, {"--on", "--text"}, 2, "--text needs a value (FILE)", false},
    {&bare, {"--on=yes"}, 2, "--on takes no value (got 'yes')", false},
    {&bare, {"--on="}, 2, "--on takes no value (got '')", false},
    {&bare, {"--on", "--on"}, 2, "--on is given twice", false},
    {&bare, {"--count", "7", "--on", "--count=7"}, 2, "--count is given twice", false},
    {&bare, {"--cout", "7"}, 2, "bare has no option --cout (did you mean --count? see gradbench bare --help)", false},
    {&bare, {"--cout=7"}, 2, "bare has no option --cout (did you mean --count? see gradbench bare --help)", false},
    {&bare, {"--hlp"}, 2, "bare has no option --hlp (did you mean --help? see gradbench bare --help)", false},
    {&bare, {"--o"}, 2, "bare has no option --o (see gradbench bare --help)", false},
    {&bare, {"--onn"}, 2, "bare has no option --onn (did you mean --on? see gradbench bare --help)", false},
    {&bare,
     {"--"
      "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"},
     2,
     "bare has no option --zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz (see gradbench bare --help)",
     false},
    {&bare, {"--frobnicate"}, 2, "bare has no option --frobnicate (see gradbench bare --help)", false},
    {&bare, {"--=3"}, 2, "bare has no option -- (see gradbench bare --help)", false},
    {&bare, {"--csv=x"}, 2, "bare has no option --csv (did you mean 'gradbench run --json FILE'?)", false},
    {&bare, {"-x"}, 2, "options are written with two dashes (got '-x')", false},
    {&bare, {"-ta"}, 2, "options are written with two dashes (got '-ta')", false},
    {&bare, {"-t"}, 2, "--text needs a value (FILE)", false},
    {&bare, {"-t", ""}, 2, "--text needs a value (got an empty one, expected FILE)", false},
    {&bare, {"-t", "a", "--text", "b"}, 2, "--text is given twice", false},
    {&one, {"-t", "a"}, 2, "options are written with two dashes (got '-t')", false},
    {&bare, {"-"}, 2, "bare takes options only (got '-')", false},
    {&bare, {"at"}, 2, "bare takes options only (got 'at')", false}, /* no letter of an option without the dash */
    {&bare, {""}, 2, "bare takes options only (got '')", false},
    {&bare, {"--on", "more"}, 2, "bare takes options only (got 'more')", false},
    {&bare, {"--", "--on"}, 2, "bare takes options only (got '--on')", false},
    {&none, {"--on"}, 2, "none has no option --on (see gradbench none --help)", false},
    {&one, {"a", "b"}, 2, "one takes one operand (got 'b')", false},
    {&one, {"--", "a", "--help"}, 2, "one takes one operand (got '--help')", false},
};

static void what_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct line line = refused[i];
        char want[300];
        snprintf(want, sizeof want, "gradbench: error: %s\n", line.err);
        gb_hear(&said, parse, &line);
        assert_string_equal(said.err, want);
        assert_string_equal(said.out, "");
        assert_int_equal(said.code, line.code);
        assert_false(line.goes_on);
    }
}

static void what_is_taken(void **state) {
    (void)state;
    assert_true(takes(&bare, (const char *const[]){NULL}));
    assert_false(got.on || got.other || got.text || got.texts.count || got.count || got.word);
    TAKES(&bare, "--on", "--text", "a", "--count=6", "--real", "0.25", "--word", "alpha");
    assert_true(got.on && !got.other && got.count == 6 && got.real == 0.25);
    assert_string_equal(got.text, "a");
    assert_ptr_equal(got.word, words[0]);
    TAKES(&bare, "--count", "1001", "--real=1e6", "--text=b=c", "--word=beta", "--other");
    assert_true(!got.on && got.other && got.count == 1001 && got.real == 1e6);
    assert_string_equal(got.text, "b=c");
    assert_ptr_equal(got.word, words[1]);
    TAKES(&bare, "-t", "=c", "--on");
    assert_true(got.on);
    assert_string_equal(got.text, "=c");
    TAKES(&bare, "--text", "--on"); /* whatever follows is the value */
    assert_true(!got.on);
    assert_string_equal(got.text, "--on");
    TAKES(&bare, "--texts", "a", "--texts=b");
    assert_int_equal(got.texts.count, 2);
    assert_string_equal(got.texts.list[0], "a");
    assert_string_equal(got.texts.list[1], "b");
}

static void operands(void **state) {
    (void)state;
    TAKES(&one, "--on");
    assert_null(got.operand);
    TAKES(&one, "a", "--on"); /* options may follow */
    assert_true(got.on);
    assert_string_equal(got.operand, "a");
    TAKES(&one, "--", "--on");
    assert_false(got.on);
    assert_string_equal(got.operand, "--on");
    TAKES(&one, "--", "-h");
    TAKES(&one, "--", "--");
    assert_string_equal(got.operand, "--");
    TAKES(&one, "-");
    assert_string_equal(got.operand, "-");
    TAKES(&one, "");
    TAKES(&many, "a", "--on", "b", "--", "--other", "-");
    assert_int_equal(got.operands.count, 4);
    assert_true(got.on && !got.other);
    for (size_t i = 0; i < 4; i++) assert_string_equal(got.operands.list[i], ((const char *[]){"a", "b", "--other", "-"})[i]);
}

/* So many are taken, and not one more. */
static int parse_crowd(void *data) {
    const char **const list = data;
    int code = 99;
    memset(&got, 0, sizeof got);
    gb_options_parse(list[0][0] == '-' ? &bare : &many, GB_TEXTS_MAX + 1, (char **)(uintptr_t)list, &code);
    return code;
}

static void too_many(void **state) {
    const char *list[GB_TEXTS_MAX + 1];
    (void)state;
    for (size_t i = 0; i <= GB_TEXTS_MAX; i++) list[i] = "--texts=x";
    gb_hear(&said, parse_crowd, list);
    assert_int_equal(said.code, GB_EXIT_USAGE);
    assert_int_equal(got.texts.count, 256);
    assert_string_equal(said.err, "gradbench: error: --texts is given too often (at most 256 times; use a file)\n");
    for (size_t i = 0; i <= GB_TEXTS_MAX; i++) list[i] = "x";
    gb_hear(&said, parse_crowd, list);
    assert_int_equal(said.code, GB_EXIT_USAGE);
    assert_int_equal(got.operands.count, 256);
    assert_string_equal(said.err, "gradbench: error: many takes no more operands (got 'x')\n");
}

static const char help[] = "usage: gradbench bare [options]\n\n"
                           "Says nothing.\n\n"
                           "options:\n"
                           "  --on                      a switch\n"
                           "  --other                   another\n"
                           "  -t, --text FILE           a text\n"
                           "  --texts NAME              several\n"
                           "  --count N                 a number\n"
                           "  --real SECONDS            another number\n"
                           "  --word WHAT               one of two\n"
                           "  --as-wide-as-the-column X a space fits\n"
                           "  --as-wide-as-the-columns X a space is added\n"
                           "  --help                    print this\n";

static void asks_for_help(const struct gb_syntax *syntax, const char *first, const char *second, const char *want) {
    struct line line = {.syntax = syntax, .words = {first, second}};
    gb_hear(&said, parse, &line);
    assert_string_equal(said.out, want);
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
    assert_false(line.goes_on);
}

static void help_is_printed(void **state) {
    (void)state;
    asks_for_help(&bare, "--help", NULL, help);
    asks_for_help(&bare, "-h", "--frob", help);
    asks_for_help(&bare, "--on", "--help", help);
    asks_for_help(&none, "--help", NULL,
                  "usage: gradbench none\n\nTakes nothing.\n\noptions:\n"
                  "  --help                    print this\n\nA note.\nAnother.\n");
    asks_for_help(&one, "a", "--help",
                  "usage: gradbench one [options] [THING]\n\nTakes one.\n\noptions:\n"
                  "  --on                      a switch\n  --help                    print this\n");
}

/* Words of other programs, and whose they are. */
static void what_others_call_it(void **state) {
    static const struct {
        const char *words[8], *command;
    } known[] = {
        {{"list", "list-kernels", "kernels-list"}, "gradbench list"},
        {{"plain"}, "gradbench list --plain WHAT"},
        {{"markdown", "md"}, "gradbench list --markdown"},
        {{"info", "cpu", "machine", "roofs", "no-roofs"}, "gradbench info"},
        {{"check", "verify", "test", "validate", "correctness"}, "gradbench check"},
        {{"csv", "json", "output", "out", "format", "save"}, "gradbench run --json FILE"},
        {{"filter", "kernel", "benchmark_filter"}, "gradbench run --kernels LIST"},
        {{"size", "sizes", "dims", "problem"}, "gradbench run --shape LINE"},
        {{"iterations", "iters", "repetitions", "reps", "benchmark_repetitions"}, "gradbench run --rounds N"},
        {{"repeat"}, "gradbench run --repeat P"},
        {{"time", "min-time", "benchmark_min_time"}, "gradbench run --max-time SECONDS"},
        {{"version", "v"}, "gradbench --version"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t j = 0; known[i].words[j]; j++) {
            char with[80], longer[80], shorter[80];
            snprintf(with, sizeof with, "%s=x=y", known[i].words[j]);
            snprintf(longer, sizeof longer, "%s_", known[i].words[j]);
            snprintf(shorter, sizeof shorter, "_%s", known[i].words[j]);
            assert_string_equal(gb_options_elsewhere(known[i].words[j]), known[i].command);
            assert_string_equal(gb_options_elsewhere(with), known[i].command);
            assert_null(gb_options_elsewhere(longer));
            assert_null(gb_options_elsewhere(shorter));
        }
    static const char *const unknown[] = {"", "=", "=list", "lis", "list list-kernels", " ", "ime", "rounds"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) assert_null(gb_options_elsewhere(unknown[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_a_part),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_is_taken),
        cmocka_unit_test(operands),
        cmocka_unit_test(too_many),
        cmocka_unit_test(help_is_printed),
        cmocka_unit_test(what_others_call_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
