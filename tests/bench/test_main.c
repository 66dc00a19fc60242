/* The program's own words: help, version, what is no command; and gradbench export. The program is started for main's, the rest
 * is called. */
#include <fcntl.h>
#include <glob.h>

#include "build_info.h"
#include "commands.h"
#include "environment.h"
#include "gradkern.h"
#include "message.h"
#include "report_markdown.h"
#include "support.h"
#include "support_file.h"
#include "support_said.h"
#include "text.h"

static struct gb_said said;

static int start(void *data) {
    char *words[12] = {"gradbench"};
    for (int i = 0; ((char **)data)[i]; i++) words[i + 1] = ((char **)data)[i];
    execv(PROGRAMS_DIR "/gradbench", words);
    return 127;
}

#define MAIN(code_wanted, ...)                                                                                                 \
    do {                                                                                                                       \
        gb_hear_child(&said, start, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                                              \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.err, said.out);            \
    } while (0)

static char expected[8000];

#define ADD(...) gb_text_append(expected, sizeof expected, __VA_ARGS__)

static void help(void **state) {
    (void)state;
    expected[0] = '\0';
    ADD("usage: gradbench COMMAND [options]\n\ngradbench checks, times and compares gradkern's training kernels.\n\n"
        "  run        verify and time kernels on real layer shapes\n"
        "  check      check every kernel of every instruction set on this CPU\n"
        "  list       show kernels, variants and workloads\n"
        "  info       explain this machine and what is chosen on it\n"
        "  compare    say what is slower or faster in one result than in another\n"
        "  baseline   keep results by name\n"
        "  report     make a page or a figure of results\n"
        "  export     print results for another program or reader\n"
        "  graph      show every value and gradient of a graph of computations\n"
        "  gradcheck  check gradients by differences and complex steps, at any shape\n"
        "  train      train a network on MNIST, and show that its weights are the same everywhere\n"
        "  peer       be a contender of another gradbench's run\n"
        "\n  gradbench help COMMAND lists a command's options, gradbench --version prints the version.\n\nenvironment:\n");
    for (size_t i = 0; i < GB_VARIABLES; i++) ADD("  %-22s%s\n", gb_variables[i].name, gb_variables[i].help);
    ADD("  OMP_NUM_THREADS       as for any OpenMP program\n\n"
        "exit codes: 0 good, 1 a check, a comparison or a peer that was asked for by name failed, 2 usage, 3 bad input\n"
        "file, 4 memory, input or output, 5 instruction set not available, 70 internal error\n");
    for (const char *const *word = (const char *[]){"help", "--help", "-h", NULL}; *word; word++) {
        MAIN(0, (char *)(uintptr_t)*word);
        assert_string_equal(said.out, expected);
        assert_string_equal(said.err, "");
    }
    expected[0] = '\0';
    ADD("gradbench %s (numerics %d, revision %s, %s)\n", gk_version(), gk_numerics_version(), gb_build_revision(),
        gb_build_compiler());
    for (const char *const *word = (const char *[]){"--version", "-V", NULL}; *word; word++) {
        MAIN(0, (char *)(uintptr_t)*word);
        assert_string_equal(said.out, expected);
    }
}

/* Help of a command, in two ways; all of them are in the help of the program. */
static void help_of_a_command(void **state) {
    static const struct {
        const char *name, *usage, *summary, *notes;
    } table[] = {
        {"run", "run [options]", "Verifies each kernel, instruction set and thread count on each problem, then times",
         "\nA LINE is a kernel or family,"},
        {"check", "check [options] [PROBLEM]", "Checks the bits of every kernel and instruction set against the reference,",
         "\nPROBLEM is a line as a failure prints it"},
        {"list", "list [options]", "Shows the kernels, the variants (usable here, or why not), the workloads and the peers",
         ""},
        {"info", "info [options]", "Explains this machine: what it has, what is chosen on it and why,", ""},
        {"compare", "compare [options] BASE NEW, or BASE... -- NEW..., or --build OLD NEW",
         "Says which rows of results (of gradbench run --json) are slower or faster than in others.",
         "\nA ratio is the base's median time over the new one's"},
        {"baseline", "baseline [options] save NAME FILE, or list, or show NAME, or rm NAME",
         "Keeps results (of gradbench run --json) by name: gradbench run --vs NAME ends with a comparison.",
         "\nThey are in the folder that GRADBENCH_BASELINES names"},
        {"report", "report [options] FILE...",
         "Makes a page to look at of results (of gradbench run --json):", "\nThe page is one file"},
        {"export", "export [options] FORMAT FILE...", "Prints results (of gradbench run --json) for another program,",
         "\nFORMAT is one of:\n  markdown          a summary, and a table"},
        {"graph", "graph [options] GRAPH", "Computes a graph forward and backward, and shows every value and gradient.",
         "\nGRAPH is an example (shop, product, sigmoid, net), a file,"},
        {"gradcheck", "gradcheck [options]", "Checks every gradient of a kernel by the numbers themselves, element by element,",
         "\nCentred differences: grad[i] = "},
        {"train", "train [options]", "Trains a network on images of digits: affine layers with ReLU between them,",
         "\np are the parameters, g their gradients; "},
        {"peer", "peer [options]", "Is raced: speaks the protocol of PEERS.md on standard input and output.\n\noptions:\n",
         "\ngradbench run starts its own contenders so."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char begin[400];
        MAIN(0, "help", (char *)(uintptr_t)table[i].name);
        snprintf(begin, sizeof begin, "usage: gradbench %s\n\n%s", table[i].usage, table[i].summary);
        assert_memory_equal(said.out, begin, strlen(begin));
        const char *const last = strstr(said.out, "\n  --help                    print this\n");
        assert_non_null(last);
        assert_memory_equal(last + 40, table[i].notes, strlen(table[i].notes) + (*table[i].notes == '\0'));
        expected[0] = '\0';
        ADD("%s", said.out);
        MAIN(0, (char *)(uintptr_t)table[i].name, "--help");
        assert_string_equal(said.out, expected);
    }
}

/* What tests/program/test_completions.sh asks of each option, of two. */
static void manual_and_completions(void **state) {
    static const struct {
        const char *words[3], *holds[2];
    } table[] = {
        {{"help", "--man"}, {".TP\n\\fB\\-\\-peer\\-limit\\fR \\fISECONDS\\fR\n", ".TP\n\\fB\\-\\-quick\\fR\n"}},
        {{"help", "--completion=bash"}, {"    'run --peer-limit') ;;\n", "--peer-limit "}},
        {{"help", "--completion=zsh"}, {" '--peer-limit=[a peer that owes", " '--quick[under 10 s"}},
        {{"help", "--completion=fish"}, {" -l peer-limit -x -d '", " -l quick -d '"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        MAIN(0, (char *)(uintptr_t)table[i].words[0], (char *)(uintptr_t)table[i].words[1]);
        for (size_t k = 0; k < 2; k++)
            if (!strstr(said.out, table[i].holds[k])) fail_msg("no %s in:\n%s", table[i].holds[k], said.out);
    }
}

static void what_is_refused(void **state) {
    static const struct {
        const char *line, *words[4];
    } table[] = {
        {"a command is missing (run, check, list, info, compare, baseline, report, export, graph, gradcheck, train, peer; see "
         "gradbench --help)",
         {NULL}},
        {"unknown command 'rnu' (did you mean 'run'? allowed: run, check, list, info, compare, baseline, report, export, "
         "graph, "
         "gradcheck, "
         "train, peer)",
         {"rnu"}},
        {"unknown command 'frob' (allowed: run, check, list, info, compare, baseline, report, export, graph, gradcheck, train, "
         "peer)",
         {"frob"}},
        {"unknown command 'frob' (allowed: run, check, list, info, compare, baseline, report, export, graph, gradcheck, train, "
         "peer)",
         {"help", "frob"}},
        {"unknown command 'Run' (did you mean 'run'? allowed: run, check, list, info, compare, baseline, report, export, "
         "graph, "
         "gradcheck, "
         "train, peer)",
         {"help", "Run"}},
        {"unknown command '' (allowed: run, check, list, info, compare, baseline, report, export, graph, gradcheck, train, "
         "peer)",
         {""}},
        {"unknown command '-' (allowed: run, check, list, info, compare, baseline, report, export, graph, gradcheck, train, "
         "peer)",
         {"-"}},
        {"unknown command 'a?b?[31m' (allowed: run, check, list, info, compare, baseline, report, export, graph, gradcheck, "
         "train, "
         "peer)",
         {"a\nb\033[31m"}},
        {"--version stands alone (got 'now')", {"--version", "now"}},
        {"--version stands alone (got 'now')", {"-V", "now", "then"}},
        {"help takes one command (got 'check')", {"help", "run", "check"}},
        {"options are written with two dashes (got '-q')", {"-q"}},
        {"options are written with two dashes (got '-q')", {"-q", "--rounds"}},
        {"options follow a command (did you mean 'gradbench run --wide'?)", {"--wide", "--json", "x.json"}},
        {"options follow a command (did you mean 'gradbench run --rounds=9'?)", {"--rounds=9"}},
        {"options follow a command (did you mean 'gradbench list'?)", {"--list"}},
        {"options follow a command (did you mean 'gradbench list'?)", {"-list"}},
        {"options follow a command (did you mean 'gradbench --version'?)", {"-v"}},
        {"options follow a command (did you mean 'gradbench run --json FILE'?)", {"--json=x"}},
        {"run has no option --frob (see gradbench run --help)", {"--frob"}},
        {"run has no option --jsn (did you mean --json? see gradbench run --help)", {"--jsn", "x"}},
        {"--rounds needs a value (N)", {"--rounds"}},
        {"list takes options only (got 'kernels')", {"list", "kernels"}},
        {"run has no option --frob (see gradbench run --help)", {"run", "--frob"}},
        {"check has no option --frob (see gradbench check --help)", {"check", "--frob"}},
        {"list has no option --frob (see gradbench list --help)", {"list", "--frob"}},
        {"info has no option --frob (see gradbench info --help)", {"info", "--frob"}},
        {"export has no option --frob (see gradbench export --help)", {"export", "--frob"}},
        {"graph has no option --frob (see gradbench graph --help)", {"graph", "--frob"}},
        {"gradcheck has no option --frob (see gradbench gradcheck --help)", {"gradcheck", "--frob"}},
        {"peer has no option --frob (see gradbench peer --help)", {"peer", "--frob"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char line[300];
        gb_hear_child(&said, start, (void *)(uintptr_t)table[i].words);
        snprintf(line, sizeof line, "gradbench: error: %s\n", table[i].line);
        assert_string_equal(said.err, line);
        assert_int_equal(said.code, 2);
        assert_string_equal(said.out, "");
    }
}

static int onto_a_full_disk(void *data) {
    const int full = open("/dev/full", O_WRONLY);
    dup2(full, STDOUT_FILENO);
    return start(data);
}

static int without_descriptors(void *data) {
    for (int fd = 0; fd < 3; fd += 2) close(fd);
    return start(data);
}

static int without_an_output(void *data) {
    close(STDOUT_FILENO);
    return start(data);
}

static void outputs_that_fail(void **state) {
    static char *const words[] = {"--version", NULL};
    (void)state;
    gb_hear_child(&said, onto_a_full_disk, (void *)(uintptr_t)words);
    assert_int_equal(said.code, 4);
    assert_string_equal(said.err, "gradbench: error: cannot write standard output (No space left on device)\n");
    gb_hear_child(&said, without_an_output, (void *)(uintptr_t)words);
    assert_int_equal(said.code, 4);
    assert_string_equal(said.err, "gradbench: error: cannot write standard output (Bad file descriptor)\n");
    gb_hear_child(&said, without_descriptors, (void *)(uintptr_t)words);
    assert_int_equal(said.code, 0);
    assert_memory_equal(said.out, "gradbench ", 10);
}

#define EXPORT(code_wanted, ...)                                                                                               \
    do {                                                                                                                       \
        gb_hear_command(&said, gb_command_export, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                                \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.err, said.out);            \
    } while (0)

/* Two of the results that are kept, the first twice if there is only one. */
static char *files[2];

static int find_files(void **state) {
    static glob_t found;
    (void)state;
    if (glob(TEST_DATA_DIR "/../../bench/records/*.json", 0, NULL, &found) != 0) return -1;
    files[0] = found.gl_pathv[0];
    files[1] = found.gl_pathv[found.gl_pathc > 1];
    return 0;
}

/* What the report says of so many of the files. */
static void expect_markdown(size_t count, bool brief) {
    struct gb_result results[2] = {{.complete = false}};
    char *text;
    size_t size;
    FILE *const out = open_memstream(&text, &size);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) assert_int_equal(gb_result_read(&results[i], files[i]), 0);
    assert_int_equal(gb_report_markdown(out, results, count, brief), 0);
    fclose(out);
    for (size_t i = 0; i < count; i++) gb_result_free(&results[i]);
    assert_true(size > 1000);
    assert_string_equal(said.out, text);
    free(text);
}

static void exports(void **state) {
    static const char few[] = "gradbench: error: export takes a format and files (see gradbench export --help)\n";
    (void)state;
    EXPORT(0, "markdown", files[0]);
    expect_markdown(1, false);
    EXPORT(0, "markdown", files[0], files[1]);
    expect_markdown(2, false);
    EXPORT(0, "--short", "markdown", files[0]);
    expect_markdown(1, true);
    EXPORT(2);
    assert_string_equal(said.err, few);
    EXPORT(2, "markdown");
    assert_string_equal(said.err, few);
    EXPORT(2, "markdwon", files[0]);
    assert_string_equal(said.err, "gradbench: error: unknown format 'markdwon' (did you mean 'markdown'? allowed: "
                                  "markdown, csv, google-benchmark, gha, junit, bencher)\n");
    assert_string_equal(said.out, "");
    EXPORT(2, "gha", files[0], files[1]);
    assert_string_equal(said.err, "gradbench: error: export gha takes one file (got 2)\n");
    EXPORT(2, "--short", "csv", files[0]);
    assert_string_equal(said.err, "gradbench: error: --short is for markdown (got csv)\n");
    EXPORT(0, "--schema");
    assert_text_of_file(TEST_DATA_DIR "/../../bench/records/schema/gradbench-1.json", said.out);
    EXPORT(2, "--schema", files[0]);
    assert_non_null(strstr(said.err, "error: --schema stands alone (got '"));
    EXPORT(3, "markdown", files[0], "/nonexistent.json", "/nonexistent2.json");
    assert_string_equal(said.out, "");
    assert_non_null(strstr(said.err, "/nonexistent.json"));
    assert_null(strstr(said.err, "/nonexistent2.json"));
}

/* libgomp's complaint comes before main, in two lines; other runtimes have no word on it. */
static void a_word_of_openmp(void **state) {
    (void)state;
    setenv("OMP_DYNAMIC", "7", 1);
    MAIN(0, "--version");
    unsetenv("OMP_DYNAMIC");
    assert_string_equal(said.err, strstr(said.out, "gcc ") ? "gradbench: warning: OpenMP: Invalid value for environment "
                                                             "variable OMP_DYNAMIC\n"
                                                           : "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help),
        cmocka_unit_test(help_of_a_command),
        cmocka_unit_test(manual_and_completions),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(outputs_that_fail),
        cmocka_unit_test(a_word_of_openmp),
        cmocka_unit_test(exports),
    };
    return cmocka_run_group_tests(tests, find_files, NULL);
}
