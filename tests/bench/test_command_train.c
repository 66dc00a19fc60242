/* gradbench train: what it says, what it refuses, and that it writes files only where all weights are equal. */
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "support.h"
#include "support_digits.h"
#include "support_file.h"
#include "support_said.h"
#include "support_table.h"
#include "support_tree.h"

static struct gb_said said;

/* The command with these words ends with the code; what it said is in said. */
#define TRAINS(code_wanted, ...)                                                                                               \
    do {                                                                                                                       \
        gb_hear_command(&said, gb_command_train, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                                 \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.out, said.err);            \
    } while (0)
#define SMALL "--data", "small", "--layers", "16,6,4", "--batch", "10"

/* The hash in the line that begins so, of the isa and its threads. */
static const char *hash_of(const char *variant, char hash[65]) {
    char begin[60];
    snprintf(begin, sizeof begin, "\n%s  ", variant);
    const char *const table = strstr(said.out, "SHA-256"), *const line = table ? strstr(table, begin) : NULL;
    if (!line) fail_msg("no line '%s' in\n%s", variant, said.out);
    snprintf(hash, 65, "%s", line + strlen(begin));
    assert_int_equal(strspn(hash, "0123456789abcdef"), 64);
    return hash;
}

static void every_variant_has_the_same_weights(void **state) {
    char variant[40], first[65], hash[65];
    size_t count = 0;
    (void)state;
    support_write_digits("digits", "train", true, 330, 28, 10);
    support_write_digits("digits", "t10k", true, 50, 28, 10);
    TRAINS(0, "--data", "digits", "--epochs", "1", "--threads", "1,2,3", "--momentum", "0.5", "--decay", "0.001");
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t threads = 1; threads <= 3 && !gk_isa_missing(isa); threads++) {
            snprintf(variant, sizeof variant, "%-6s%5zu", gk_isa_get(isa, GK_F32)->name, threads);
            hash_of(variant, count++ ? hash : first);
            if (count > 1) assert_string_equal(hash, first);
        }
    /* for all time, as that of the test mlp, but for sums of many blocks and threads */
    assert_string_equal(first, "c9f18436cafaf4bc9e015ab04670b082c8bafd786f2447e9cf73ad5103b43f1a");
    assert_non_null(strstr(said.out, "\nall equal\n"));
    assert_string_equal(said.err, "");
}

static void what_is_said(void **state) {
    (void)state;
    TRAINS(0, SMALL, "--epochs", "3", "--isa", "ref", "--threads", "1", "--seed", "9");
    assert_memory_equal(said.out,
                        "network      16-6-4, 130 parameters\n"
                        "data         64 images to train, 20 to test; small\n"
                        "descent      batches of 10, lr 0.1, momentum 0, decay 0, seed 9\n"
                        "first by     ref, 1 thread\n"
                        "\nepoch      loss  test loss  accuracy    time\n    1  ",
                        200);
    assert_non_null(strstr(said.out, "\n    3  "));
    assert_null(strstr(said.out, "\n    4  "));
    assert_non_null(
        strstr(said.out, "\n   threads images/s  a step  roof  affine    relu softmax backward   batch  update\nref      1"));
}

/* Of what is learned: the places where images of a class are light. */
static void it_learns(void **state) {
    (void)state;
    TRAINS(0, SMALL, "--epochs", "40", "--isa", "ref", "--threads", "1");
    assert_non_null(strstr(said.out, "  100.00 %"));
    TRAINS(0, SMALL, "--epochs", "1", "--isa", "ref", "--threads", "1", "--lr", "0");
    assert_null(strstr(said.out, "  100.00 %"));
}

/* The words are added to those of SMALL, or take the place of some of them. */
static const char *hash_with(const char *option, const char *value, char hash[65]) {
    char *words[] = {"--data", "small",     "--layers", "16,6,4",  "--batch", "10", "--epochs", "1", "--isa",
                     "ref",    "--threads", "1",        "--decay", "0",       NULL, NULL,       NULL};
    size_t i = 0;
    while (words[i] && strcmp(words[i], option) != 0) i += 2;
    words[i] = (char *)(uintptr_t)option;
    words[i + 1] = (char *)(uintptr_t)value;
    gb_hear_command(&said, gb_command_train, words);
    assert_int_equal(said.code, 0);
    return hash_of("ref       1", hash);
}

static void options_change_what_is_learned(void **state) {
    static const char *const words[][2] = {{"--seed", "2"},     {"--lr", "0.2"},   {"--momentum", "0.1"},
                                           {"--decay", "0.01"}, {"--batch", "11"}, {"--layers", "16,4"}};
    char hash[65], first[65];
    (void)state;
    hash_with("--seed", "1", first);
    assert_string_equal(hash_with("--lr", "0.1", hash), first);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_string_not_equal(hash_with(words[i][0], words[i][1], hash), first);
    hash_with("--batch", "64", first);
    assert_string_equal(hash_with("--batch", "9999", hash), first); /* more than there are: all of them */
}

/* After no time at all each but the first has had one epoch, and is compared with the first one's weights then. */
static void variants_that_take_too_long(void **state) {
    char one[65], three[65], hash[65];
    (void)state;
    TRAINS(0, SMALL, "--epochs", "1", "--isa", "ref", "--threads", "1");
    hash_of("ref       1", one);
    TRAINS(0, SMALL, "--epochs", "3", "--isa", "ref", "--threads", "1,2", "--max-time", "0");
    hash_of("ref       2", three);
    assert_string_equal(hash_of("ref       1", hash), one);
    assert_string_not_equal(one, three);
    assert_int_equal(gb_count_in(said.out, "after 1 epoch (--max-time), when the first had\n"), 1);
    assert_int_equal(gb_count_in(said.out, one), 2);
    assert_non_null(strstr(said.out, "\nall equal\n"));
}

static void weights_are_saved_and_loaded(void **state) {
    char two[65], hash[65];
    size_t size, again;
    (void)state;
    TRAINS(0, SMALL, "--epochs", "2", "--isa", "ref", "--threads", "1,2", "--save", "two.npz", "--max-time", "0");
    hash_of("ref       2", two);
    char *const bytes = support_file_read("two.npz", &size);
    assert_memory_equal(bytes, "PK", 2);
    TRAINS(0, SMALL, "--epochs", "1", "--lr", "0", "--isa", "ref", "--threads", "1", "--load", "two.npz", "--save",
           "again.npz");
    assert_string_equal(hash_of("ref       1", hash), two); /* of the first variant, not of the last */
    assert_non_null(strstr(said.out, "130 parameters, which begin as in two.npz\n"));
    char *const others = support_file_read("again.npz", &again);
    assert_int_equal(size, again);
    assert_memory_equal(bytes, others, size);
    free(bytes);
    free(others);
}

static void the_plot(void **state) {
    size_t size;
    (void)state;
    TRAINS(0, SMALL, "--epochs", "1", "--isa", "ref", "--threads", "1", "--plot", "plot.svg");
    char *const dot = support_file_read("plot.svg", &size);
    assert_int_equal(gb_count_in(dot, "class=\"train\""), 1);
    assert_null(strstr(dot, "nan"));
    free(dot);
    TRAINS(0, SMALL, "--epochs", "4", "--isa", "ref", "--threads", "1", "--plot", "plot.svg");
    char *const svg = support_file_read("plot.svg", &size);
    assert_memory_equal(svg, "<svg ", 5);
    assert_non_null(strstr(svg, "<title>16-6-4, batches of 10, learning rate 0.1</title>"));
    assert_int_equal(gb_count_in(svg, "class=\"train\""), 3);
    assert_int_equal(gb_count_in(svg, "class=\"test\""), 3);
    assert_int_equal(gb_count_in(svg, "class=\"accuracy\""), 3);
    free(svg);
}

/* --- what goes wrong */

static gk_run *right;
static void wrong(const void *args, const struct gk_team *team) {
    right(args, team);
    const gk_affine_forward_args *const a = args;
    a->y[0] += 1;
}

static void weights_that_differ(void **state) {
    const struct gk_cell *const cell = gk_isa_get(0, GK_F32)->cells[GK_KERNEL_affine_forward];
    struct gk_cell other = *cell;
    size_t size;
    (void)state;
    if (gk_isa_missing(1)) skip();
    support_write("kept", "as it was", 9);
    right = cell->run;
    other.run = wrong;
    gb_replace_cell(0, GK_F32, GK_KERNEL_affine_forward, &other);
    gb_hear_command(&said, gb_command_train,
                    (char *[]){SMALL, "--epochs", "1", "--threads", "1", "--save", "kept", "--plot", "drawn", NULL});
    gb_replace_cell(0, GK_F32, GK_KERNEL_affine_forward, cell);
    assert_int_equal(said.code, 1);
    assert_non_null(strstr(said.out, " differ from the first\n"));
    assert_null(strstr(said.out, "all equal"));
    assert_int_not_equal(access("drawn", F_OK), 0);
    char *const text = support_file_read("kept", &size);
    assert_string_equal(text, "as it was");
    free(text);
}

static void what_is_refused(void **state) {
    static const struct {
        int code;
        char *words[8];
        const char *said;
    } table[] = {
        {2, {"--layers", "16"}, "--layers must be two widths or more, such as 784,50,10 (got '16')"},
        {2, {"--layers", "16,,4"}, "--layers has widths from 1 to 65536 (got '')"},
        {2, {"--layers", "16,0,4"}, "--layers has widths from 1 to 65536 (got '0')"},
        {2, {"--layers", "16,65537,4"}, "--layers has widths from 1 to 65536 (got '65537')"},
        {2, {"--layers", "1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9"}, "--layers has more than 16 layers"},
        {2, {"--epochs", "0"}, "--epochs must be a whole number from 1 to 10000 (got '0')"},
        {2, {"--batch", "0"}, "--batch must be a whole number from 1 to 65536 (got '0')"},
        {2, {"--lr", "-1"}, "--lr must be a number from 0 to 1e+06 (got '-1')"},
        {2, {"--momentum", "2"}, "--momentum must be a number from 0 to 1 (got '2')"},
        {2, {"--isa", "abacus"}, "abacus"},
        {2, {"--threads", "0"}, "0"},
        {2, {"--save", "new", "--plot", "new"}, "--save and --plot would both write new"},
        {2, {"small"}, "train takes options only (got 'small')"},
        {3, {"--layers", "784,10"}, "images have 16 pixels, but the net has 784 inputs (see --layers)"},
        {3, {"--layers", "16,3"}, "error: training image 9 has the label 3, but the net has 3 classes"},
        {3, {"--data", "nothing"}, "cannot open nothing/train-images-idx3-ubyte.gz (No such file or directory)"},
        {3, {"--load", "nothing"}, "cannot open nothing (No such file or directory)"},
        {3, {"--load", "kept"}, "kept is no .npz file, or ends early"},
        {3, {"--load", "saved.npz", "--layers", "16,5,4"}, "saved.npz has w1 of the shape (16, 6), the net has (16, 5)"},
        {4, {"--save", "nothing/file"}, "cannot write nothing/file (No such file or directory)"},
        {4, {"--plot", "small"}, "cannot write small (Is a directory)"},
    };
    size_t size;
    (void)state;
    support_write("kept", "as it was", 9);
    TRAINS(0, SMALL, "--epochs", "1", "--isa", "ref", "--threads", "1", "--save", "saved.npz");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *words[20] = {NULL};
        size_t count = 0;
        bool data = false, layers = false, save = false;
        for (char *const *word = table[i].words; *word; word++) {
            words[count++] = *word;
            data |= strcmp(*word, "--data") == 0;
            layers |= strcmp(*word, "--layers") == 0;
            save |= strcmp(*word, "--save") == 0;
        }
        if (!data) words[count++] = "--data", words[count++] = "small";
        if (!layers) words[count++] = "--layers", words[count++] = "16,6,4";
        if (!save) words[count++] = "--save", words[count++] = "kept";
        gb_hear_command(&said, gb_command_train, words);
        if (said.code != table[i].code || !strstr(said.err, table[i].said) || gb_count_in(said.err, "\n") != 1)
            fail_msg("'%s': ended with %d and said %s", table[i].said, said.code, said.err);
        char *const text = support_file_read("kept", &size);
        assert_string_equal(text, "as it was");
        free(text);
    }
}

/* A loss of any size leaves the columns where they are. */
static void columns(void **state) {
    (void)state;
    TRAINS(0, SMALL, "--epochs", "3", "--isa", "ref", "--threads", "1", "--lr", "1e6");
    const char *line = strstr(said.out, "\nepoch ");
    for (int i = 0; i < 3; i++) {
        line = strchr(line + 1, '\n');
        assert_non_null(line);
        if (memcmp(line + 35, " %", 2) != 0) fail_msg("%.60s", line + 1);
    }
}

static int train_in_little_memory(void *data) {
    (void)data;
    gb_limit_memory(256 << 20);
    return gb_command_train(4, (char *[]){"--data", "small", "--layers", "16,16384,16384,4"});
}

static void too_large_a_net(void **state) {
    (void)state;
    if (GB_SANITIZER) skip(); /* its memory is not to be limited */
    gb_hear_child(&said, train_in_little_memory, NULL);
    assert_int_equal(said.code, 4);
    assert_string_equal(said.err, "gradbench: error: no memory for the net and its batch (3.0 GiB)\n");
}

static void a_loss_that_is_none(void **state) {
    size_t size;
    (void)state;
    support_write("kept", "as it was", 9);
    TRAINS(1, SMALL, "--epochs", "9", "--isa", "ref", "--threads", "1", "--lr", "1e6", "--decay", "1e6", "--save", "kept");
    assert_non_null(strstr(said.err, "error: the loss is not finite after epoch "));
    assert_null(strstr(said.out, "-nan"));
    char *const text = support_file_read("kept", &size);
    assert_string_equal(text, "as it was");
    free(text);
}

static void train_often(int times) {
    for (int i = 0; i < times; i++)
        TRAINS(0, SMALL, "--epochs", "1", "--isa", "ref", "--threads", "1", "--save", "out.npz", "--plot", "out.svg");
}

/* At first malloc's lists of free pieces grow, longer than where less is allocated. */
static void it_keeps_nothing(void **state) {
    enum { FIRST = 100, THEN = 100, SMALLEST = 24 };
    (void)state;
    train_often(FIRST);
    const size_t before = gb_heap_in_use();
    train_often(THEN);
    assert_true(gb_heap_in_use() < before + THEN * SMALLEST);
}

static int enter_folder(void **state) {
    if (support_tree_enter(state) != 0 || mkdir("small", 0700) != 0 || mkdir("digits", 0700) != 0) return -1;
    support_write_digits("small", "train", false, 64, 4, 4);
    support_write_digits("small", "t10k", true, 20, 4, 4);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_has_the_same_weights),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(it_learns),
        cmocka_unit_test(options_change_what_is_learned),
        cmocka_unit_test(variants_that_take_too_long),
        cmocka_unit_test(weights_are_saved_and_loaded),
        cmocka_unit_test(the_plot),
        cmocka_unit_test(weights_that_differ),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_loss_that_is_none),
        cmocka_unit_test(columns),
        cmocka_unit_test(too_large_a_net),
        cmocka_unit_test(it_keeps_nothing),
    };
    (void)argc;
    gb_wait_passively(argv);
    unsetenv("GRADKERN_ISA");
    unsetenv("OMP_NUM_THREADS");
    return cmocka_run_group_tests(tests, enter_folder, support_tree_leave);
}
