/* gradbench graph: its table, its drawings, what it refuses. */
#include <fcntl.h>
#include <sys/stat.h>

#include "commands.h"
#include "graph_file.h"
#include "support_file.h"
#include "support.h"
#include "support_said.h"

static struct gb_said said;
static char folder[] = "/tmp/gradbench-graph-XXXXXX";

#define GRAPH(code_wanted, ...)                                                                                                \
    do {                                                                                                                       \
        gb_hear_command(&said, gb_command_graph, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                                 \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.err, said.out);            \
        if (said.code == 0) assert_string_equal(said.err, "");                                                                 \
        else assert_string_equal(said.out, "");                                                                                \
    } while (0)

static void write_file(const char *name, const char *text, size_t size) {
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

static void write_text(const char *name, const char *text) { write_file(name, text, strlen(text)); }

static void tables(void **state) {
    (void)state;
    GRAPH(0, "product");
    assert_string_equal(said.out, "node  is                      value              gradient\n"
                                  "x     input                      -2                    -4\n"
                                  "y     input                       5                    -4\n"
                                  "z     input                      -4                     3\n"
                                  "q     add x y                     3                    -4\n"
                                  "f     mul q z                   -12                     1\n");
    GRAPH(0, "sigmoid", "--digits", "17");
    assert_non_null(strstr(said.out, "\nu      exp t               0.36787944117144233       -0.534446645388523"));
    GRAPH(0, "shop", "--digits=3");
    assert_non_null(strstr(said.out, "\ntotal        mul sum tax                         715            1\n"));
}

/* A line an element, ten of them unless all are asked for; what has no gradient has none. */
static void tables_of_tensors(void **state) {
    (void)state;
    write_text("tensors", "x = input [3x4] 1 2 3 4 5 6 7 8 9 10 11 12\nt = input [3] 3 2 1\nunused = relu x\n"
                          "l = softmax_xent x t\n");
    GRAPH(0, "tensors", "--digits", "4");
    assert_non_null(strstr(said.out, "node    is                       value      gradient\n"
                                     "x       input [3x4]\n"
                                     "        [0,0]                        1       0.01069\n"));
    assert_non_null(strstr(said.out, "\n        [2,1]                       10       -0.3043\n        (2 more: --all)\n"
                                     "t       input [3]\n"
                                     "        [0]                          3             -\n"));
    assert_non_null(strstr(said.out, "\nl       softmax_xent x t          1.44             1\n"));
    assert_non_null(strstr(said.out, "\n        p[0,0]                 0.03206             -\n"));
    GRAPH(0, "tensors", "--all");
    assert_null(strstr(said.out, "--all"));
    assert_int_equal(gb_count_in(said.out, "[2,3]"), 3);
    write_text("tensors", "x = input [1x2x1x1] 3 4\n");
    GRAPH(0, "tensors", "--digits", "1");
    assert_string_equal(said.out, "node  is             value   gradient\n"
                                  "x     input [1x2x1x1]\n"
                                  "      [0,0,0,0]          3          1\n"
                                  "      [0,1,0,0]          4          1\n");
}

static void sources(void **state) {
    (void)state;
    for (size_t i = 0; gb_graph_example_name(i); i++) {
        char *const name = (char *)(uintptr_t)gb_graph_example_name(i);
        GRAPH(0, name, "--source");
        assert_string_equal(said.out, gb_graph_example(name));
        GRAPH(0, name);
    }
    write_text("own", "# mine\nx = input 1\n");
    GRAPH(0, "--source", "own");
    assert_string_equal(said.out, "# mine\nx = input 1\n");
}

/* Whoever names a node cannot leave the text or attribute that it stands in. */
static void drawings(void **state) {
    (void)state;
    GRAPH(0, "shop", "--svg");
    assert_text_of_file(TEST_DATA_DIR "/shop.svg", said.out);
    GRAPH(0, "shop", "--dot");
    assert_non_null(
        strstr(said.out, "digraph {\n  rankdir=LR;\n  graph [label=\"shop\\nabove: values; below: gradients\"];\n"));
    assert_non_null(strstr(said.out, "\n  n8 [label=\"\xc3\x97\\ntotal\", shape=ellipse];\n"));
    assert_non_null(strstr(said.out, "\n  n7 -> n8 [label=\"650\\n1.1\"];\n"));
    write_text("names",
               "</text><script>alert(1)</script> = input 1\n\"];n1[x\"\\ = input [4] 1 2 3 4\n&lt;' = exp \"];n1[x\"\\\n");
    GRAPH(0, "names", "--svg", "--digits", "2");
    assert_null(strstr(said.out, "<script"));
    assert_non_null(strstr(said.out, ">&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;</text>\n"));
    assert_non_null(strstr(said.out, ">&quot;];n1[x&quot;\\</text>\n"));
    assert_non_null(strstr(said.out, ">&amp;lt;&#39;</text>\n"));
    assert_non_null(strstr(said.out, ">[4] 1 2 3 ..</text>\n"));
    assert_non_null(strstr(said.out, ">2.7 7.4 20 ..</text>\n"));
    GRAPH(0, "names", "--dot");
    assert_non_null(strstr(said.out, "\n  n1 [label=\"\\\"];n1[x\\\"\\\\\", shape=plaintext];\n"));
}

static void files(void **state) {
    (void)state;
    GRAPH(3, "nothing");
    assert_string_equal(said.err, "gradbench: error: cannot open graph nothing (No such file or directory)\n");
    GRAPH(3, "shpo");
    assert_string_equal(said.err, "gradbench: error: shpo is neither a file nor an example (did you mean 'shop'?)\n");
    write_text("own", "x = input 1\n");
    GRAPH(0, "own");
    GRAPH(3, folder);
    assert_non_null(strstr(said.err, " is not a regular file\n"));
    assert_int_equal(mkfifo("fifo", 0600), 0);
    GRAPH(3, "fifo");
    assert_string_equal(said.err, "gradbench: error: graph fifo is not a regular file (use - for standard input)\n");
    write_text("bad", "x = input 1\ny = ad x x\n");
    GRAPH(3, "bad");
    assert_memory_equal(said.err, "gradbench: bad:2:5: error: unknown operation 'ad' (did you mean 'add'? allowed: input, ",
                        80);
    write_text("empty", "");
    GRAPH(3, "empty", "--svg");
    assert_string_equal(said.err, "gradbench: empty:1:1: error: the text holds no node\n");
    write_file("binary", "x = input 1\n\0\0\0", 15);
    GRAPH(3, "binary", "--source");
    assert_string_equal(said.err, "gradbench: binary:2:1: error: a byte that is no printable ASCII (got 0x00)\n");
    char *const large = malloc((16 << 20) + 1);
    memset(large, '#', (16 << 20) + 1);
    write_file("large", large, (16 << 20) + 1);
    free(large);
    GRAPH(3, "large");
    assert_string_equal(said.err, "gradbench: large:1:1: error: the file is larger than 16 MiB\n");
}

static void standard_input(void **state) {
    const int before = dup(STDIN_FILENO);
    (void)state;
    for (int good = 0; good < 2; good++) {
        write_text("input", good ? "x = input 2\ny = mul x x" : "x = input 2\ny = mul x z");
        const int fd = open("input", O_RDONLY);
        assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
        close(fd);
        GRAPH(good ? 0 : 3, "-", "--dot");
        if (good) assert_non_null(strstr(said.out, "  graph [label=\"stdin\\n"));
        else assert_string_equal(said.err, "gradbench: stdin:2:11: error: unknown node 'z'\n");
    }
    dup2(before, STDIN_FILENO);
    close(before);
}

static void more_than_can_be_drawn(void **state) {
    FILE *const out = fopen("many", "w");
    (void)state;
    assert_non_null(out);
    for (int i = 0; i <= 256; i++) fprintf(out, "n%d = input %d\n", i, i);
    fclose(out);
    GRAPH(3, "many", "--svg");
    assert_string_equal(said.err,
                        "gradbench: error: --svg draws up to 256 nodes (many has 257; --dot leaves it to Graphviz)\n");
    GRAPH(0, "many", "--dot");
    GRAPH(0, "many");
}

static void what_is_refused(void **state) {
    (void)state;
    GRAPH(2);
    assert_string_equal(said.err, "gradbench: error: graph takes an example (shop, product, sigmoid, net), a file, or -\n");
    GRAPH(2, "shop", "product");
    assert_string_equal(said.err, "gradbench: error: graph takes one operand (got 'product')\n");
    GRAPH(2, "shop", "--svg", "--dot");
    assert_string_equal(said.err, "gradbench: error: --svg, --dot and --source exclude each other\n");
    GRAPH(2, "shop", "--digits", "18");
    assert_string_equal(said.err, "gradbench: error: --digits must be a whole number from 1 to 17 (got '18')\n");
    setenv("GRADKERN_ISA", "nothing", 1);
    gb_hear_command(&said, gb_command_graph, (char *[]){"shop", NULL});
    unsetenv("GRADKERN_ISA");
    assert_int_equal(said.code, 5);
}

static void draw(void) { GRAPH(0, "net", "--svg"); }

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(draw);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? chdir(folder) : -1;
}

static int remove_folder(void **state) {
    static const char *const names[] = {"tensors", "own", "names", "fifo", "bad", "empty", "binary", "large", "input", "many"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(names[i]);
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(tables_of_tensors),
        cmocka_unit_test(sources),
        cmocka_unit_test(drawings),
        cmocka_unit_test(files),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(more_than_can_be_drawn),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
