/* The words for problems: each option's name, values, place in the spec, kernels and texts, as they were written down. */
#include <math.h>

#include "support.h"
#include "vocabulary.h"

/* A word of an option and what it puts into the spec. */
static const struct {
    enum gb_option option;
    const char *word;
    double value;
    struct gb_problem_spec spec;
} words[] = {
    {GB_OPTION_DTYPE, "f32", 0, {.dtype = GK_F32}},
    {GB_OPTION_DTYPE, "f64", 1, {.dtype = GK_F64}},
    {GB_OPTION_LAYOUT, "in_out", 0, {.layout = GK_IN_OUT}},
    {GB_OPTION_LAYOUT, "out_in", 1, {.layout = GK_OUT_IN}},
    {GB_OPTION_REDUCTION, "mean", 0, {.reduction = GK_MEAN}},
    {GB_OPTION_REDUCTION, "sum", 1, {.reduction = GK_SUM}},
    {GB_OPTION_REDUCTION, "none", 2, {.reduction = GK_NONE}},
    {GB_OPTION_LABELS, "index", 0, {.seed = 0}},
    {GB_OPTION_LABELS, "index64", 1, {.wide_labels = true}},
    {GB_OPTION_LABELS, "dense", 2, {.soft_labels = true}},
    {GB_OPTION_IGNORE, "0", 0, {.seed = 0}},
    {GB_OPTION_IGNORE, "1", 1, {.ignore = true}},
    {GB_OPTION_ACCUMULATE, "0", 0, {.seed = 0}},
    {GB_OPTION_ACCUMULATE, "1", 1, {.accumulate = true}},
    {GB_OPTION_DLOSS, "0", 0, {.seed = 0}},
    {GB_OPTION_DLOSS, "1", 1, {.dloss = true}},
    {GB_OPTION_CLASS_WEIGHTS, "0", 0, {.class_weights = false}},
    {GB_OPTION_CLASS_WEIGHTS, "1", 1, {.class_weights = true}},
    {GB_OPTION_BARE, "0", 0, {.seed = 0}},
    {GB_OPTION_BARE, "1", 1, {.bare = true}},
    {GB_OPTION_IN_PLACE, "0", 0, {.seed = 0}},
    {GB_OPTION_IN_PLACE, "1", 1, {.in_place = true}},
    {GB_OPTION_LD_PAD, "0", 0, {.ld_pad = 0}},
    {GB_OPTION_LD_PAD, "1048576", 1048576, {.ld_pad = 1048576}},
    {GB_OPTION_MISALIGN, "3", 3, {.misalign = 3}},
    {GB_OPTION_MISALIGN, "4096", 4096, {.misalign = 4096}},
    {GB_OPTION_DATA, "normal", 0, {.data = GB_DATA_NORMAL}},
    {GB_OPTION_DATA, "integer", 1, {.data = GB_DATA_INTEGER}},
    {GB_OPTION_DATA, "wide", 2, {.data = GB_DATA_WIDE}},
    {GB_OPTION_DATA, "positive", 3, {.data = GB_DATA_POSITIVE}},
    {GB_OPTION_DATA, "cancel", 4, {.data = GB_DATA_CANCEL}},
    {GB_OPTION_DATA, "tiny", 5, {.data = GB_DATA_TINY}},
    {GB_OPTION_DATA, "special", 6, {.data = GB_DATA_SPECIAL}},
    {GB_OPTION_SEED, "7", 7, {.seed = 7}},
    {GB_OPTION_SEED, "9007199254740992", 9007199254740992, {.seed = 9007199254740992}},
};
enum { WORDS = sizeof words / sizeof *words };

/* Also from a spec in which everything else, and this, was said before. */
static void words_go_where_they_belong(void **state) {
    (void)state;
    for (size_t i = 0; i < WORDS; i++) {
        struct gb_problem_spec spec = {.seed = 0}, again = {.seed = 0};
        char text[GB_VALUE_MAX];
        assert_true(gb_option_read(words[i].option, words[i].word, &spec));
        assert_memory_equal(&spec, &words[i].spec, sizeof spec);
        assert_true(gb_option_value(words[i].option, &spec) == words[i].value);
        assert_string_equal(gb_option_text(words[i].option, &spec, text), words[i].word);
        for (size_t k = 0; k < WORDS; k++) assert_true(gb_option_read(words[k].option, words[k].word, &again));
        const struct gb_problem_spec last = again;
        for (size_t k = 0; k < WORDS; k++) {
            if (words[k].option != words[i].option) continue;
            assert_true(gb_option_read(words[k].option, words[k].word, &again));
        }
        assert_memory_equal(&again, &last, sizeof last);
        assert_true(gb_option_read(words[i].option, words[i].word, &again));
        const bool not_ignored = words[i].option == GB_OPTION_IGNORE; /* where labels are dense */
        assert_true(gb_option_value(words[i].option, &again) == (not_ignored ? 0 : words[i].value));
    }
}

static void other_words_are_refused(void **state) {
    static const struct {
        enum gb_option option;
        const char *word;
    } bad[] = {
        {GB_OPTION_DTYPE, "f16"},      {GB_OPTION_DTYPE, ""},         {GB_OPTION_DTYPE, "0"},
        {GB_OPTION_LAYOUT, "in"},      {GB_OPTION_REDUCTION, "NONE"}, {GB_OPTION_REDUCTION, "3"},
        {GB_OPTION_LABELS, "index6"},  {GB_OPTION_IGNORE, "2"},       {GB_OPTION_ACCUMULATE, "true"},
        {GB_OPTION_LD_PAD, "1048577"}, {GB_OPTION_LD_PAD, "-1"},      {GB_OPTION_MISALIGN, "4097"},
        {GB_OPTION_MISALIGN, "1x"},    {GB_OPTION_DATA, "specials"},  {GB_OPTION_SEED, "9007199254740993"},
        {GB_OPTION_SEED, "1e3"},       {GB_OPTION_SEED, ""},          {GB_OPTION_COUNT, "a"},
        {GB_OPTION_COUNT, "--1"},      {GB_OPTION_COUNT, ""},         {GB_OPTION_COUNT, "-"},
        {GB_OPTION_COUNT, "1e999"},    {GB_OPTION_COUNT, "nan"},      {GB_OPTION_COUNT, "+1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gb_problem_spec spec = {.n = 3, .seed = 5}, before = spec;
        if (gb_option_read(bad[i].option, bad[i].word, &spec)) fail_msg("%u: '%s' is accepted", bad[i].option, bad[i].word);
        assert_memory_equal(&spec, &before, sizeof spec);
    }
}

/* Also of a list without a real option: its place in the spec is there. */
static void numbers_have_the_fewest_digits(void **state) {
    static const struct {
        const char *said;
        double value;
        const char *text;
    } reals[] = {
        {"0.5", 0.5, "0.5"},
        {"-0.25", -0.25, "-0.25"},
        {"-1e-3", -1e-3, "-0.001"},
        {"0.1", 0.1, "0.1"},
        {"3.14159", 3.14159, "3.14159"},
        {"3.1415926", 3.1415926, "3.1415926"},
        {"0.30000000000000004", 0.30000000000000004, "0.30000000000000004"},
        {"-1.7976931348623157e308", -1.7976931348623157e308, "-1.7976931348623157e+308"},
        {"0", 0, "0"},
    };
    struct gb_problem_spec spec = {.seed = 0};
    char text[GB_VALUE_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        assert_true(gb_option_read(GB_OPTION_COUNT, reals[i].said, &spec));
        assert_true(spec.reals[GB_REALS_MAX - 1].set && spec.reals[GB_REALS_MAX - 1].value == reals[i].value);
        assert_true(gb_option_value(GB_OPTION_COUNT, &spec) == reals[i].value);
        assert_string_equal(gb_option_text(GB_OPTION_COUNT, &spec, text), reals[i].text);
    }
}

/* The names of the kernels, one after another. */
static void kernels_of(enum gb_option option, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int id = 0; id < GK_KERNEL_COUNT && used < size; id++)
        if (gb_kernel_has((enum gk_kernel_id)id, option))
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", gk_kernel_get((enum gk_kernel_id)id)->name);
}

#define AFFINE      "affine_forward affine_dx affine_dw affine_db affine_backward"
#define RELU        "relu_forward relu_backward"
#define BINARY      "add_forward add_backward mul_forward mul_backward max_forward max_backward"
#define UNARY       "reciprocal_forward reciprocal_backward exp_forward exp_backward sigmoid_forward sigmoid_backward"
#define ELEMENTWISE RELU " " BINARY " " UNARY
#define SOFTMAX     "softmax_xent_forward softmax_xent_backward softmax_xent"
#define EVERY       AFFINE " repeat_forward " ELEMENTWISE " " SOFTMAX

static void the_table(void **state) {
    static const struct {
        const char *name;
        enum gb_option_kind kind;
        bool for_peers;
        const char *allowed, *kernels;
    } table[GB_OPTION_REAL] = {
        [GB_OPTION_DTYPE] = {"dtype", GB_OPTION_IS_WORD, false, "f32, f64", EVERY},
        [GB_OPTION_LAYOUT] = {"layout", GB_OPTION_IS_WORD, true, "in_out, out_in",
                              "affine_forward affine_dx affine_dw affine_backward"},
        [GB_OPTION_REDUCTION] = {"reduction", GB_OPTION_IS_WORD, true, "mean, sum, none", SOFTMAX},
        [GB_OPTION_LABELS] = {"labels", GB_OPTION_IS_WORD, true, "index, index64, dense", SOFTMAX},
        [GB_OPTION_IGNORE] = {"ignore", GB_OPTION_IS_FLAG, true, "0, 1", SOFTMAX},
        [GB_OPTION_ACCUMULATE] = {"accumulate", GB_OPTION_IS_FLAG, true, "0, 1",
                                  "affine_dx affine_dw affine_db affine_backward"},
        [GB_OPTION_DLOSS] = {"dloss", GB_OPTION_IS_FLAG, false, "0, 1", "softmax_xent_backward softmax_xent"},
        [GB_OPTION_CLASS_WEIGHTS] = {"class_weights", GB_OPTION_IS_FLAG, false, "0, 1", SOFTMAX},
        [GB_OPTION_BARE] = {"bare", GB_OPTION_IS_FLAG, false, "0, 1",
                            "affine_forward affine_backward relu_forward add_backward mul_backward max_backward "
                            "softmax_xent_forward softmax_xent"},
        [GB_OPTION_IN_PLACE] = {"in_place", GB_OPTION_IS_FLAG, true, "0, 1", ELEMENTWISE " " SOFTMAX},
        [GB_OPTION_LD_PAD] = {"ld_pad", GB_OPTION_IS_COUNT, false, "0..1048576", EVERY},
        [GB_OPTION_MISALIGN] = {"misalign", GB_OPTION_IS_COUNT, false, "0..4096", EVERY},
        [GB_OPTION_DATA] = {"data", GB_OPTION_IS_WORD, false, "normal, integer, wide, positive, cancel, tiny, special", EVERY},
        [GB_OPTION_SEED] = {"seed", GB_OPTION_IS_COUNT, false, "0..9007199254740992", EVERY},
    };
    char text[400];
    (void)state;
    for (enum gb_option o = 0; o < GB_OPTION_REAL; o++) {
        assert_string_equal(gb_option_name(o), table[o].name);
        assert_int_equal(gb_option_find(table[o].name), o);
        assert_int_equal(gb_option_kind(o), table[o].kind);
        assert_int_equal(gb_option_is_for_peers(o), table[o].for_peers);
        assert_string_equal(gb_option_allowed(o, text, sizeof text), table[o].allowed);
        kernels_of(o, text, sizeof text);
        assert_string_equal(text, table[o].kernels);
    }
    assert_int_equal(gb_option_find("lay"), GB_OPTION_COUNT);
    assert_int_equal(gb_option_find(""), GB_OPTION_COUNT);
    assert_int_equal(gb_option_kind(GB_OPTION_COUNT), GB_OPTION_IS_REAL);
    assert_true(gb_option_is_for_peers(GB_OPTION_COUNT));
    assert_string_equal(gb_option_allowed(GB_OPTION_COUNT, text, sizeof text), "a number such as 0.5 or -1e-3");
}

#define FOR_PEERS_1                                                                                                            \
    "  layout=in_out|out_in              of the weights: inputs x outputs, or outputs x inputs\n"                              \
    "  reduction=mean|sum|none           of the rows' losses\n"                                                                \
    "  labels=index|index64|dense        a class a row, in 32 or 64 bits, or numbers\n"                                        \
    "  ignore=0|1                        1: rows of the label -1, one in four, do not count\n"                                 \
    "  accumulate=0|1                    1: outputs are added to\n"
#define FOR_PEERS_2 "  in_place=0|1                      1: the output lies upon its input\n"
#define REALS                                                                                                                  \
    "  label_smoothing=NUMBER            eps, 0 to 1: a label is 1 - eps, and eps / c of each class\n"                         \
    "  z_loss=NUMBER                     zeta: the rows' losses have zeta lse^2 added\n"

/* Behind it the lines of real options of kernels that were added, in a test of that, one each. */
static void assert_help(const char *help, const char *want) {
    size_t others = 0, lines = 0;
    assert_int_equal(strncmp(help, want, strlen(want)), 0);
    for (enum gb_option o = GB_OPTION_REAL; o < GB_OPTION_COUNT; o++)
        others += gb_option_find(gb_option_name(o)) == o && !strstr(want, gb_option_name(o));
    for (const char *line = help + strlen(want); *line; line = strchr(line, '\n') + 1) lines++;
    assert_int_equal(lines, others);
}

static void help_is_word_for_word(void **state) {
    (void)state;
    assert_help(gb_options_help(true), FOR_PEERS_1 FOR_PEERS_2 REALS);
    assert_help(gb_options_help(false),
                "  dtype=f32|f64                     float or double\n" FOR_PEERS_1
                "  dloss=0|1                         1: with an upstream gradient\n"
                "  class_weights=0|1                 1: a class weighs from 1 to 2, one in eight 0\n"
                "  bare=0|1                          1: without optional operands\n" FOR_PEERS_2
                "  ld_pad=0..1048576                 elements added to leading dimensions\n"
                "  misalign=0..4096                  elements from a boundary of 64 bytes to the operand\n"
                "  data=normal|integer|wide|positive|cancel|tiny|special  contents\n"
                "  seed=0..9007199254740992          of the contents\n" REALS);
}

static void differences(void **state) {
    (void)state;
    for (size_t i = 0; i < WORDS; i++) {
        const bool seed = words[i].option == GB_OPTION_SEED;
        for (enum gb_option o = 0; o < GB_OPTION_REAL; o++)
            assert_int_equal(gb_option_differs(o, &words[i].spec, 0), o == words[i].option && words[i].value != 0);
        assert_int_equal(gb_option_differs(words[i].option, &words[i].spec, 7),
                         seed ? words[i].value != 7 : words[i].value != 0);
    }
    const struct gb_problem_spec spec = {.seed = 0};
    assert_false(gb_option_differs(GB_OPTION_COUNT, &spec, 0));
}

/* The whole problem, what a run says of it, and the line of its family. */
static void problems_in_words(void **state) {
    static const struct {
        struct gb_problem_spec spec;
        const char *whole, *title, *family;
    } table[] = {
        {{.kernel = GK_KERNEL_affine_dx,
          .n = 3,
          .d = 4,
          .m = 5,
          .c = 6,
          .accumulate = true,
          .data = GB_DATA_INTEGER,
          .seed = 7},
         "affine_dx n=3 d=4 m=5 dtype=f32 accumulate=1 data=integer seed=7",
         "affine_dx n=3 d=4 m=5 dtype=f32 accumulate=1 data=integer",
         "affine n=3 d=4 m=5 c=6 accumulate=1 data=integer"},
        {{.kernel = GK_KERNEL_affine_db, .n = 3, .d = 4, .m = 5, .layout = GK_OUT_IN, .dtype = GK_F64, .seed = 8},
         "affine_db n=3 m=5 dtype=f64 data=normal seed=8",
         "affine_db n=3 m=5 dtype=f64 seed=8",
         "affine n=3 d=4 m=5 layout=out_in seed=8"},
        {{.kernel = GK_KERNEL_softmax_xent,
          .n = 0,
          .c = 2,
          .reduction = GK_NONE,
          .soft_labels = true,
          .ignore = true,
          .dloss = true,
          .bare = true,
          .in_place = true,
          .ld_pad = 1,
          .misalign = 2,
          .seed = 7},
         "softmax_xent n=0 c=2 dtype=f32 reduction=none labels=dense dloss=1 bare=1 in_place=1 ld_pad=1 misalign=2 data=normal "
         "seed=7",
         "softmax_xent n=0 c=2 dtype=f32 reduction=none labels=dense dloss=1 bare=1 in_place=1 ld_pad=1 misalign=2",
         "softmax_xent c=2 reduction=none labels=dense dloss=1 bare=1 in_place=1 ld_pad=1 misalign=2"},
        {{.kernel = GK_KERNEL_softmax_xent_forward, .n = 1, .c = 2, .reduction = GK_SUM, .wide_labels = true, .ignore = true},
         "softmax_xent_forward n=1 c=2 dtype=f32 reduction=sum labels=index64 ignore=1 data=normal seed=0",
         "softmax_xent_forward n=1 c=2 dtype=f32 reduction=sum labels=index64 ignore=1 seed=0",
         "softmax_xent n=1 c=2 reduction=sum labels=index64 ignore=1 seed=0"},
        {{.kernel = GK_KERNEL_softmax_xent_backward, .n = 1, .c = 2, .class_weights = true, .seed = 7},
         "softmax_xent_backward n=1 c=2 dtype=f32 class_weights=1 data=normal seed=7 label_smoothing=0.1",
         "softmax_xent_backward n=1 c=2 dtype=f32 class_weights=1 label_smoothing=0.1",
         "softmax_xent n=1 c=2 class_weights=1 label_smoothing=0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[300];
        struct gb_problem_spec spec = table[i].spec;
        if (spec.class_weights) assert_true(gb_option_read(gb_option_find("label_smoothing"), "1e-1", &spec));
        if (spec.class_weights) assert_true(gb_option_read(gb_option_find("z_loss"), "0.0", &spec)); /* as it would be */
        gb_problem_describe(&spec, text, sizeof text);
        assert_string_equal(text, table[i].whole);
        gb_problem_title(&spec, 7, text, sizeof text);
        assert_string_equal(text, table[i].title);
        gb_family_title(&spec, 7, text, sizeof text);
        assert_string_equal(text, table[i].family);
    }
}

static void long_words_are_cut_off(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_dx, .n = 3};
    char text[16] = "untouched";
    (void)state;
    gb_problem_describe(&spec, text, 0);
    assert_string_equal(text, "untouched");
    gb_problem_describe(&spec, text, 1);
    assert_string_equal(text, "");
    gb_problem_describe(&spec, text, 12);
    assert_string_equal(text, "affine_dx n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_go_where_they_belong),
        cmocka_unit_test(other_words_are_refused),
        cmocka_unit_test(numbers_have_the_fewest_digits),
        cmocka_unit_test(the_table),
        cmocka_unit_test(help_is_word_for_word),
        cmocka_unit_test(differences),
        cmocka_unit_test(problems_in_words),
        cmocka_unit_test(long_words_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
