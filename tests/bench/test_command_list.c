/* gradbench list: every line, of hand-made workloads and peers, of the table, and of what this CPU runs. */
#include <errno.h>
#include <sys/wait.h>

#include "commands.h"
#include "message.h"
#include "peer_catalog.h"
#include "support.h"
#include "support_said.h"
#include "support_table.h"

static char folder[] = "/tmp/gradbench-list-XXXXXX";
static struct gb_said said;

/* The command with these words ends with the code; what it said is in said. */
#define LISTS(code_wanted, ...)                                                                                                \
    do {                                                                                                                       \
        gb_hear_command(&said, gb_command_list, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                                  \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s", said.code, (code_wanted), said.err);                        \
    } while (0)

static void put_file(const char *name, const char *text) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void has_line(const char *line) {
    char text[600];
    snprintf(text, sizeof text, "\n%s\n", line);
    if (gb_count_in(said.out, text) != 1) fail_msg("'%s' is %zu times in\n%s", line, gb_count_in(said.out, text), said.out);
}

/* A line for each kernel, in the order of the table. */
static void kernels(void **state) {
    (void)state;
    LISTS(0, "--plain", "kernels");
    assert_string_equal(said.err, "");
    const char *line = said.out;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const k = gk_kernel_get((enum gk_kernel_id)id);
        char begin[100], end[200];
        snprintf(begin, sizeof begin, "%s\t%s\t", k->name, k->family);
        snprintf(end, sizeof end, "\t%s\n", k->doc);
        assert_memory_equal(line, begin, strlen(begin));
        const char *const next = strchr(line, '\n') + 1;
        assert_memory_equal(next - strlen(end), end, strlen(end));
        line = next;
    }
    assert_string_equal(line, "");
    has_line("affine_dx\taffine\tn d m\tsum over m\tdx = dy w^T");
    has_line("affine_db\taffine\tn m\tsum over n\tdb = column sums of dy");
    has_line(
        "affine_backward\taffine\tn d m\tsum over m, n\tdx = dy w^T, dw = x^T dy, db = column sums of dy; dy masked first");
    has_line("relu_forward\trelu\tn d\texact\ty = max(x, 0), mask = !(x <= 0)");
    has_line("softmax_xent\tsoftmax_xent\tn c\tsoftmax over c\tloss and dx = (softmax(x) - t) / n");
}

/* Of a kernel whose outputs follow several rules. */
static void exactness(void **state) {
    const struct gk_kernel *const k = gk_kernel_find("affine_backward");
    struct gk_field fields[80];
    struct gk_kernel mixed = *k;
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < k->n_fields; i++)
        if (k->fields[i].kind == GK_FIELD_OUT || k->fields[i].kind == GK_FIELD_DIM) fields[n++] = k->fields[i];
    mixed.fields = fields;
    fields[n++] = (struct gk_field){.kind = GK_FIELD_EXACTNESS, .name = "dx", .rule = GK_EXACT_ULP, .count = 1.5};
    fields[n++] = (struct gk_field){.kind = GK_FIELD_EXACTNESS, .name = "dw", .rule = GK_EXACT_ULP, .count = 2};
    fields[n++] = (struct gk_field){.kind = GK_FIELD_EXACTNESS, .name = "db", .rule = GK_EXACT_SUM, .dim = GK_DIM_d};
    mixed.n_fields = n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k->n_fields && fields[i].kind == GK_FIELD_EXACTNESS; j++)
            if (k->fields[j].kind == GK_FIELD_OUT && strcmp(k->fields[j].name, fields[i].name) == 0)
                fields[i].offset = k->fields[j].offset;
    const struct gk_kernel right = *k;
    gb_overwrite(k, &mixed, sizeof mixed);
    LISTS(0, "--plain", "kernels");
    gb_overwrite(k, &right, sizeof right);
    has_line("affine_backward\taffine\tn d m\tULP 1.5, 2, sum over d\t"
             "dx = dy w^T, dw = x^T dy, db = column sums of dy; dy masked first");
}

/* A line of each variant in text. tuned: what is said of the last one, for people. */
static void expect_variants(bool plain, const char *tuned, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const char *const name = gk_isa_get(i, GK_F32)->name, *const why = gk_isa_unusable(i);
        char line[400];
        if (plain) snprintf(line, sizeof line, "%s\t%s\t%s\n", name, why ? "unusable" : "usable", why ? why : "");
        else
            snprintf(line, sizeof line, "  %-23s%s%s%s\n", name, why ? "unusable: " : "usable", why ? why : "",
                     i + 1 == GK_ISA_COUNT ? tuned : "");
        snprintf(text + strlen(text), size - strlen(text), "%s", line);
    }
}

/* What a variant may do: by the CPU, and by a variable. */
static void variants(void **state) {
    char expected[4000];
    (void)state;
    LISTS(0, "--plain", "variants");
    expect_variants(true, "", expected, sizeof expected);
    assert_string_equal(said.out, expected);
    setenv("GRADKERN_ISA", "ref", 1);
    LISTS(0, "--plain", "variants");
    expect_variants(true, "", expected, sizeof expected);
    assert_string_equal(said.out, expected);
    unsetenv("GRADKERN_ISA");
}

static void tuned_cells(void **state) {
    static const bool yes = true, no = false;
    const struct gk_isa *const last = gk_isa_get(GK_ISA_COUNT - 1, GK_F64), *const first = gk_isa_get(0, GK_F32);
    (void)state;
    gb_overwrite(&last->tuned[GK_KERNEL_affine_db], &yes, sizeof yes);
    gb_overwrite(&last->tuned[GK_KERNEL_softmax_xent], &yes, sizeof yes);
    LISTS(0, "--markdown");
    assert_memory_equal(said.out, "| kernel | formula | ref |", 26);
    assert_int_equal(gb_count_in(said.out, "\n"), 2 + GK_KERNEL_COUNT);
    assert_int_equal(gb_count_in(said.out, " tuned |"), 2);
    assert_int_equal(gb_count_in(said.out, " yes |"), GK_KERNEL_COUNT * GK_ISA_COUNT - 2);
    for (size_t i = 0; i < GK_KERNEL_COUNT; i++) {
        char line[400], cells[100] = "";
        const bool here = i == GK_KERNEL_affine_db || i == GK_KERNEL_softmax_xent;
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) strcat(cells, isa + 1 == GK_ISA_COUNT && here ? " tuned |" : " yes |");
        snprintf(line, sizeof line, "| `%s` | %s |%s", gk_kernel_get((enum gk_kernel_id)i)->name,
                 gk_kernel_get((enum gk_kernel_id)i)->doc, cells);
        has_line(line);
    }
    gb_overwrite(&last->tuned[GK_KERNEL_affine_db], &no, sizeof no);
    gb_overwrite(&last->tuned[GK_KERNEL_softmax_xent], &no, sizeof no);
    gb_overwrite(&first->tuned[0], &yes, sizeof yes);
    LISTS(0, "--markdown");
    assert_int_equal(gb_count_in(said.out, " tuned |"), 1);
    gb_overwrite(&first->tuned[0], &no, sizeof no);
}

/* The head of the table, and bars in a formula. */
static void markdown(void **state) {
    const struct gk_kernel *const k = gk_kernel_find("relu_forward");
    const struct gk_kernel right = *k;
    struct gk_kernel other = *k;
    char head[400] = "| kernel | formula |", rule[400] = "\n|---|---|";
    (void)state;
    other.doc = "a | b || c";
    gb_overwrite(k, &other, sizeof other);
    LISTS(0, "--markdown");
    gb_overwrite(k, &right, sizeof right);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        snprintf(head + strlen(head), sizeof head - strlen(head), " %s |", gk_isa_get(i, GK_F32)->name);
        strcat(rule, "---|");
    }
    strcat(head, rule);
    strcat(head, "\n| `");
    assert_memory_equal(said.out, head, strlen(head));
    assert_non_null(strstr(said.out, "\n| `relu_forward` | a \\| b \\|\\| c | yes |"));
}

static void workloads(void **state) {
    char line[300];
    (void)state;
    setenv("GRADBENCH_WORKLOADS", folder, 1);
    put_file("two.txt", "relu n=3 d=5\n# none\naffine n=1 d=2,3 m=3\n");
    put_file("one.txt", "relu n=3 d=5\n");
    LISTS(0, "--plain", "workloads");
    assert_string_equal(said.out, "one\t1\ntwo\t3\n");
    put_file("three.txt", "nothing n=1\n"); /* between the two: what follows is not said */
    LISTS(3, "--plain", "workloads");
    assert_string_equal(said.out, "one\t1\n");
    snprintf(line, sizeof line, "gradbench: %s/three.txt:1:1: error: unknown kernel or family 'nothing'", folder);
    assert_memory_equal(said.err, line, strlen(line));
    setenv("GRADBENCH_WORKLOADS", "/nonexistent", 1);
    LISTS(4, "--plain", "workloads");
    assert_string_equal(said.out, "");
    assert_string_equal(said.err, "gradbench: error: GRADBENCH_WORKLOADS is /nonexistent: No such file or directory\n");
    unsetenv("GRADBENCH_WORKLOADS");
    put_file("three.txt", "relu n=1,2,3 d=1\n");
}

/* All of it: what has files of its own is said of the widest isa here. */
static void for_people(void **state) {
    static const bool yes = true, no = false;
    const struct gk_isa *const last = gk_isa_get(GK_ISA_COUNT - 1, GK_F32);
    char expected[5000], lines[4000];
    (void)state;
    setenv("GRADBENCH_PEERS", "/nonexistent", 1);
    setenv("GRADBENCH_WORKLOADS", folder, 1);
    gb_overwrite(&last->tuned[GK_KERNEL_affine_db], &yes, sizeof yes);
    gb_overwrite(&last->tuned[GK_KERNEL_softmax_xent], &yes, sizeof yes);
    LISTS(0);
    gb_overwrite(&last->tuned[GK_KERNEL_affine_db], &no, sizeof no);
    gb_overwrite(&last->tuned[GK_KERNEL_softmax_xent], &no, sizeof no);
    assert_string_equal(said.err, "");
    assert_memory_equal(said.out, "kernels, each in f32 and f64:\n", 30);
    has_line("  name                   family       dims    exactness        formula");
    has_line("  affine_db              affine       n m     sum over n       db = column sums of dy");
    has_line("  relu_backward          relu         n d     exact            dx = mask ? dy : 0");
    expect_variants(false, "; tuned: affine_db, softmax_xent", lines, sizeof lines);
    snprintf(
        expected, sizeof expected,
        "\n\nvariants, the plainest first:\n%s\nworkloads, in %s:\n  one                    1 problem\n"
        "  three                  3 problems\n  two                    3 problems\n\npeers:\n  naive                   absent: "
        "cannot be run",
        lines, folder);
    assert_non_null(strstr(said.out, expected));
    struct gb_peer_entry entries[GB_PEERS_MAX];
    assert_int_equal(gb_count_in(strstr(said.out, "\npeers:\n") + 8, "\n"), gb_peer_catalog(entries));
}

/* Workloads that cannot be read keep nothing else from being listed. */
static void what_fails(void **state) {
    char expected[4000];
    (void)state;
    setenv("GRADBENCH_WORKLOADS", "/nonexistent", 1);
    setenv("GRADKERN_ISA", "ref", 1);
    LISTS(4);
    expect_variants(false, "", expected, sizeof expected - 40);
    unsetenv("GRADBENCH_WORKLOADS");
    unsetenv("GRADKERN_ISA");
    strcat(expected, "\npeers:\n  naive ");
    assert_non_null(strstr(said.out, expected));
}

static void list_workloads(void) {
    gb_hear_command(&said, gb_command_list, (char *[]){"--plain", "workloads", NULL});
    assert_int_equal(said.code, 0);
}

static void it_keeps_nothing(void **state) {
    (void)state;
    setenv("GRADBENCH_WORKLOADS", folder, 1);
    gb_assert_keeps_nothing(list_workloads);
    unsetenv("GRADBENCH_WORKLOADS");
}

static void what_is_refused(void **state) {
    (void)state;
    LISTS(2, "--plain", "kernels", "--markdown");
    assert_string_equal(said.err, "gradbench: error: --plain and --markdown exclude each other\n");
    assert_string_equal(said.out, "");
    LISTS(2, "kernels");
    assert_string_equal(said.err, "gradbench: error: list takes options only (got 'kernels')\n");
    LISTS(2, "--plain", "isas");
    assert_string_equal(said.err, "gradbench: error: unknown value of --plain 'isas' (allowed: kernels, variants, workloads, "
                                  "peers)\n");
    setenv("GRADKERN_ISA", "nothing", 1);
    LISTS(5, "--plain", "kernels");
    assert_string_equal(said.out, "");
    unsetenv("GRADKERN_ISA");
}

static int in_a_folder_of_peers(void *data) {
    char path[200];
    snprintf(path, sizeof path, "%s/program", folder);
    execl(path, path, (char *)data, (char *)NULL);
    return 127;
}

/* Peers of scripts: one is here, one says that it is absent, one is broken. */
static void peers(void **state) {
    char command[400], expected[600];
    (void)state;
    put_file("gradbench-peer-naive", "#!/bin/sh\necho \"peer 1 at $OMP_NUM_THREADS thread\"\ncat > /dev/null\n");
    put_file("gradbench-peer-cblas", "#!/bin/sh\necho \"absent no $1 today\"\n");
    put_file("gradbench-peer-onednn", "#!/bin/sh\nexit 3\n");
    snprintf(command, sizeof command, "cd %s && cp /proc/%ld/exe program && chmod +x gradbench-peer-*", folder, (long)getpid());
    assert_int_equal(system(command), 0);
    setenv("GRADBENCH_PEERS", "/nonexistent", 1);
    gb_hear_child(&said, in_a_folder_of_peers, "plain");
    assert_int_equal(said.code, 0);
    assert_memory_equal(said.out, "naive\there\tat 1 thread\nopenblas\tabsent\tno libopenblas.so.0 today (", 66);
    has_line("onednn2\tbroken\tended with code 3");
    assert_non_null(strstr(said.out, "\nmkl\tabsent\tnot fetched ("));
    struct gb_peer_entry entries[GB_PEERS_MAX];
    assert_int_equal(gb_count_in(said.out, "\n"), gb_peer_catalog(entries));
    gb_hear_child(&said, in_a_folder_of_peers, "people");
    assert_int_equal(said.code, 0);
    snprintf(expected, sizeof expected, "\n\npeers:\n  %-24shere: at 1 thread\n  %-24sabsent: no libopenblas.so.0 today (",
             "naive", "openblas");
    assert_non_null(strstr(said.out, expected));
    has_line("  onednn2                 broken: ended with code 3");
}

/* As another process: none of those that were started is left. */
static int list_peers(const char *how) {
    const int words = strcmp(how, "plain") == 0 ? 2 : 0;
    const int code = gb_finish_output(gb_command_list(words, (char *[]){"--plain", "peers", NULL}));
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? code : 90;
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[200];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels),          cmocka_unit_test(exactness),  cmocka_unit_test(variants),
        cmocka_unit_test(tuned_cells),      cmocka_unit_test(markdown),   cmocka_unit_test(workloads),
        cmocka_unit_test(for_people),       cmocka_unit_test(what_fails), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(it_keeps_nothing), cmocka_unit_test(peers),
    };
    if (argc == 2) return list_peers(argv[1]);
    for (const char *const *name = (const char *[]){"GRADKERN_ISA", "OMP_NUM_THREADS", "GRADBENCH_WORKLOADS", NULL}; *name;
         name++)
        unsetenv(*name);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
