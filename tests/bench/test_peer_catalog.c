/* The peers that gradbench knows: their commands and the advice how to get them, of a build and of an installed program. It is
 * asked where it lies, so this program lies in folders that it makes, and is started there. */
#include "peer_catalog.h"
#include "support.h"
#include "support_said.h"

#define UNBOUND "-u OMP_PROC_BIND -u OMP_PLACES"
#define DEBIAN  "Debian's package "
#define VENV    "python3 -m venv DIR; DIR/bin/pip install "
#define PYPI    "; GRADBENCH_PEERS=DIR"

/* What a peer is run by: its program, or the fetched Python and that; the file or word that the program is told, below what was
 * fetched if it begins with '/'. */
static const struct known {
    const char *name, *setting, *program, *operand, *package, *advice;
    bool python;
} known[] = {
    {"naive", "", "naive", NULL, NULL, "", false},
    {"openblas", "", "cblas", "libopenblas.so.0", "openblas", DEBIAN "libopenblas0-openmp has it, about 30 MB", false},
    {"openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "cblas", "libopenblas.so.0", "openblas",
     DEBIAN "libopenblas0-openmp has it, about 30 MB", false},
    {"openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "cblas", "libopenblas.so.0", "openblas",
     DEBIAN "libopenblas0-openmp has it, about 30 MB", false},
    {"blis", "", "cblas", "libblis.so.4", "blis", DEBIAN "libblis4-openmp has it, about 9 MB", false},
    {"blis@skx", "BLIS_ARCH_TYPE=skx", "cblas", "libblis.so.4", "blis", DEBIAN "libblis4-openmp has it, about 9 MB", false},
    {"mkl", "", "cblas", "/lib/libmkl_rt.so.2", "mkl", VENV "mkl, about 600 MB" PYPI, false},
    {"scipy-openblas", "", "cblas", "/lib/python3.9/site-packages/scipy_openblas32/lib/libscipy_o.so", "scipy-openblas",
     VENV "scipy-openblas32, about 40 MB" PYPI, false},
    {"scipy-openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "cblas",
     "/lib/python3.9/site-packages/scipy_openblas32/lib/libscipy_o.so", "scipy-openblas",
     VENV "scipy-openblas32, about 40 MB" PYPI, false},
    {"scipy-openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "cblas",
     "/lib/python3.9/site-packages/scipy_openblas32/lib/libscipy_o.so", "scipy-openblas",
     VENV "scipy-openblas32, about 40 MB" PYPI, false},
    {"onednn2", "", "onednn", "libdnnl.so.2", "onednn2", DEBIAN "libdnnl2 has it, about 30 MB", false},
    {"onednn3", UNBOUND, "onednn", "/lib/libdnnl.so.3", "onednn3", VENV "onednn, about 900 MB" PYPI, false},
    {"onednn3-openmp", UNBOUND, "onednn", "/openmp/lib/libdnnl.so.3", "onednn3-openmp",
     VENV "--prefix DIR/openmp onednn-cpu-gomp, about 170 MB" PYPI, false},
    {"onednn3-openmp@avx2", UNBOUND " ONEDNN_MAX_CPU_ISA=AVX2", "onednn", "/openmp/lib/libdnnl.so.3", "onednn3-openmp",
     VENV "--prefix DIR/openmp onednn-cpu-gomp, about 170 MB" PYPI, false},
    {"onednn3@avx2", UNBOUND " ONEDNN_MAX_CPU_ISA=AVX2", "onednn", "/lib/libdnnl.so.3", "onednn3",
     VENV "onednn, about 900 MB" PYPI, false},
    {"torch", "", "frameworks", "torch", "torch", VENV "torch numpy, about 7000 MB" PYPI, true},
    {"torch-compile", "", "frameworks", "torch-compile", "torch", VENV "torch numpy, about 7000 MB" PYPI, true},
    {"jax", "", "frameworks", "jax", "jax", VENV "jax numpy, about 600 MB" PYPI, true},
};

enum { KNOWN = sizeof known / sizeof *known };

static char folder[] = "/tmp/gradbench-catalog-XXXXXX";

static void in_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A command of sh, in the folder. */
static void in_shell(const char *format, ...) {
    char text[8000], whole[9000];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    snprintf(whole, sizeof whole, "cd %s && %s", folder, text);
    assert_int_equal(system(whole), 0);
}

/* As another process: a line of three for each entry. */
static int print_catalog(void) {
    struct gb_peer_entry entries[GB_PEERS_MAX];
    const size_t count = gb_peer_catalog(entries);
    for (size_t i = 0; i < count; i++) printf("%s\t%s\t%s\n", entries[i].name, entries[i].command, entries[i].advice);
    return 0;
}

struct place {
    const char *programs, *fetched;
};

static int start_there(void *data) {
    const struct place *const place = data;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/program", folder, place->programs);
    setenv("GRADBENCH_PEERS", place->fetched, 1);
    execl(path, path, "catalog", (char *)NULL);
    return 127;
}

struct line {
    char *name, *command, *advice;
};

/* The catalog of the program in that folder, where those files were fetched. */
static void ask(struct place place, struct line lines[KNOWN]) {
    static struct gb_said said;
    gb_hear_child(&said, start_there, &place);
    assert_int_equal(said.code, 0);
    assert_string_equal(said.err, "");
    char *rest = said.out;
    for (size_t i = 0; i < KNOWN; i++) {
        char *line = strsep(&rest, "\n");
        assert_non_null(rest);
        lines[i].name = strsep(&line, "\t");
        lines[i].command = strsep(&line, "\t");
        lines[i].advice = line;
        assert_string_equal(lines[i].name, known[i].name);
    }
    assert_string_equal(rest, ""); /* and no other */
}

static const char *command_of(const struct known *k, const char *programs, const char *fetched, char *text, size_t size) {
    int used = snprintf(text, size, "env %s", k->setting);
    if (k->python) used += snprintf(text + used, size - (size_t)used, " '%s/bin/python'", fetched);
    used += snprintf(text + used, size - (size_t)used, " '%s/gradbench-peer-%s'", programs, k->program);
    if (k->operand) snprintf(text + used, size - (size_t)used, " '%s%s'", k->operand[0] == '/' ? fetched : "", k->operand);
    return text;
}

static bool is_fetched(const struct known *k) { return k->python || (k->operand && k->operand[0] == '/'); }

static const char nobody[] = "echo 'absent not fetched'",
                  unfit[] = "echo 'absent the path to it is too long, or has a quote in it'";

/* Of a build: the programs lie beside this one, and a script fetches what is missing. */
static void a_build(void **state) {
    struct line lines[KNOWN];
    char programs[200], fetched[200], text[2000];
    (void)state;
    snprintf(programs, sizeof programs, "%s/build", folder);
    snprintf(fetched, sizeof fetched, "%s/100%%sched", folder);
    ask((struct place){"build", fetched}, lines);
    for (size_t i = 0; i < KNOWN; i++)
        assert_string_equal(lines[i].command, command_of(&known[i], programs, fetched, text, sizeof text));
    assert_string_equal(lines[0].advice, "");
    for (size_t i = 1; i < KNOWN; i++) {
        const char *const script = strstr(lines[i].advice, "bash ");
        assert_non_null(script);
        snprintf(text, sizeof text, "/bench/peers/install %s", known[i].package);
        assert_true(strlen(script) > strlen(text));
        assert_string_equal(script + strlen(script) - strlen(text), text);
    }
}

/* Where it is installed there is no script, and the programs have a folder of their own. A framework's folder without a Python
 * does not help. */
static void an_installed_program(void **state) {
    struct line lines[KNOWN];
    char programs[200], text[2000];
    (void)state;
    snprintf(programs, sizeof programs, "%s/bin/../libexec/gradkern", folder);
    snprintf(text, sizeof text, "%s/without_python", folder);
    ask((struct place){"bin", text}, lines);
    for (size_t i = 0; i < KNOWN; i++) {
        assert_string_equal(lines[i].advice, known[i].advice);
        assert_string_equal(lines[i].command,
                            is_fetched(&known[i]) ? nobody : command_of(&known[i], programs, "", text, sizeof text));
    }
}

static void quotes_and_long_paths(void **state) {
    struct line lines[KNOWN];
    char text[2000], long_folder[1300];
    (void)state;
    snprintf(text, sizeof text, "%s/100%%sched", folder);
    ask((struct place){"bu'ild", text}, lines);
    for (size_t i = 0; i < KNOWN; i++) assert_string_equal(lines[i].command, unfit);
    snprintf(text, sizeof text, "%s/fet'ched", folder);
    ask((struct place){"build", text}, lines);
    for (size_t i = 0; i < KNOWN; i++) assert_true((strcmp(lines[i].command, unfit) == 0) == is_fetched(&known[i]));
    snprintf(long_folder, sizeof long_folder, "long/%0250d/%0250d/%0250d/%0250d/%0180d", 0, 0, 0, 0, 0);
    in_shell("mkdir -p %s && cp build/* %s", long_folder, long_folder);
    snprintf(text, sizeof text, "%s/100%%sched", folder);
    ask((struct place){long_folder, text}, lines);
    for (size_t i = 0; i < KNOWN; i++) assert_string_equal(lines[i].command, unfit);
}

/* 1199 letters are held, and not one more. */
static void the_longest_path(void **state) {
    enum { LONGEST = sizeof((struct gb_peer_entry *)0)->command - 1 };
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct line lines[KNOWN];
        char inner[1300], programs[1500], text[2000];
        const size_t others = strlen(command_of(&known[0], folder, "", text, sizeof text)) + strlen("/l/////");
        const int last = LONGEST - (int)others - 4 * 240 + more;
        assert_in_range(last, 1, 255);
        snprintf(inner, sizeof inner, "l/%0240d/%0240d/%0240d/%0240d/%0*d", 0, 0, 0, 0, last, 0);
        in_shell("mkdir -p %s && cp build/* %s", inner, inner);
        snprintf(programs, sizeof programs, "%s/%s", folder, inner);
        assert_int_equal(strlen(command_of(&known[0], programs, "", text, sizeof text)), LONGEST + more);
        ask((struct place){inner, ""}, lines);
        assert_string_equal(lines[0].command, more ? unfit : text);
    }
}

static void explanations(void **state) {
    const struct gb_peer_entry with = {.advice = "fetch it"}, without = {.advice = ""};
    struct gb_contender c = {.state = GB_CONTENDER_ABSENT, .reason = "not here"};
    char text[GB_PEER_REASON_MAX];
    (void)state;
    gb_peer_explain(&with, &c, text);
    assert_string_equal(text, "not here (fetch it)");
    gb_peer_explain(&without, &c, text);
    assert_string_equal(text, "not here");
    c.state = GB_CONTENDER_GONE;
    gb_peer_explain(&with, &c, text);
    assert_string_equal(text, "not here");
}

static int make_folders(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    in_shell("mkdir -p build bin \"bu'ild\" 100%%sched/bin 100%%sched/lib/python3.9/site-packages/torch 100%%sched/openmp/lib "
             "100%%sched/lib/python3.9/site-packages/jax 100%%sched/lib/python3.9/site-packages/scipy_openblas32/lib && "
             "cp /proc/%ld/exe bin/program && cp bin/program build && touch build/gradbench-peer-naive && "
             "cp build/* \"bu'ild\" && cd 100%%sched && touch bin/python lib/libmkl_rt.so.2 lib/libdnnl.so.3 "
             "openmp/lib/libdnnl.so.3 lib/python3.9/site-packages/scipy_openblas32/lib/libscipy_o.so && cd .. && "
             "cp -r 100%%sched \"fet'ched\" && mkdir -p without_python/lib/python3.9/site-packages/torch",
             (long)getpid());
    return 0;
}

static int remove_folders(void **state) {
    (void)state;
    in_shell("cd / && rm -rf %s", folder);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build),          cmocka_unit_test(an_installed_program), cmocka_unit_test(quotes_and_long_paths),
        cmocka_unit_test(the_longest_path), cmocka_unit_test(explanations),
    };
    if (argc == 2 && strcmp(argv[1], "catalog") == 0) return print_catalog();
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
