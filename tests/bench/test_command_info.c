/* gradbench info: every line, of a machine made by hand, of variables, and of what the library chooses and plans. */
#include "commands.h"

#include <jansson.h>
#include <strings.h>

#include "build_info.h"
#include "call.h"
#include "core/topology.h"
#include "doctor.h"
#include "machine.h"
#include "message.h"
#include "problem.h"
#include "support.h"
#include "support_said.h"
#include "text.h"

extern char **environ;

static struct gb_said said;
static char expected[1 << 14];

#define ADD(...) gb_text_append(expected, sizeof expected, __VA_ARGS__)

/* The command without roofs, with these variables alone. */
static void ask(char **variables) {
    char **const before = environ;
    environ = variables;
    gb_hear_command(&said, gb_command_info, (char *[]){"--no-roofs", NULL});
    environ = before;
    assert_int_equal(said.code, 0);
    assert_string_equal(said.err, "");
}

static char *no_variables[] = {NULL};

/* What is printed from the line on begins with `expected`. */
static void follows(const char *line) {
    const char *const at = strstr(said.out, line);
    if (!at || strncmp(at, expected, strlen(expected)) != 0) fail_msg("'%s' is not in\n%s", expected, said.out);
    expected[0] = '\0';
}

/* The object behind it is no constant. */
static struct gb_machine *machine(void) { return (struct gb_machine *)(uintptr_t)gb_machine_get(); }

static void pretend(const char *cpu) {
    *machine() = (struct gb_machine){.features = "this that",
                                     .cores = 3,
                                     .logical = 6,
                                     .machine_cores = 8,
                                     .packages = 2,
                                     .numa_nodes = 4,
                                     .cpu_quota = 1.25,
                                     .known = true,
                                     .caches = {48 << 10, 2 << 20, 36 << 20}};
    snprintf(machine()->cpu, sizeof machine()->cpu, "%s", cpu);
}

static void machines(void **state) {
    const struct gb_machine right = *machine();
    (void)state;
    pretend("A processor");
    ask(no_variables);
    ADD("gradbench    %s, numerics %d, revision %s\nbuilt by     %s, %s\n", gk_version(), gk_numerics_version(),
        gb_build_revision(), gb_build_compiler(), gb_build_flags());
    ADD("cpu          A processor\nfeatures     this that\n"
        "cores        3 usable, with 6 hardware threads; the machine has 8, in 2 packages and 4 NUMA nodes\n"
        "caches       L1d 48.0 KiB and L2 2.0 MiB a core, L3 36.0 MiB\ncpu quota    1.25 CPUs\n"
        "environment  no GRADKERN_, GRADBENCH_ or OMP_ variable is set\n\nchosen       ");
    assert_memory_equal(said.out, expected, strlen(expected));
    expected[0] = '\0';
    assert_non_null(strstr(said.out, "\n  note      siblings    cores run 2 hardware threads: "));
    *machine() = (struct gb_machine){.cpu = "Another",
                                     .cores = 1,
                                     .logical = 1,
                                     .machine_cores = 1,
                                     .packages = 1,
                                     .numa_nodes = 1,
                                     .known = true,
                                     .caches = {1 << 10, 1 << 10, 1 << 10}};
    ask(no_variables);
    *machine() = right;
    ADD("cpu          Another\nfeatures     none that gradkern looks for\n"
        "cores        1 usable, with 1 hardware thread; the machine has 1, in 1 package and 1 NUMA node\n"
        "caches       L1d 1.0 KiB and L2 1.0 KiB a core, L3 1.0 KiB\ncpu quota    none\n");
    follows("cpu ");
}

/* Those that the library, gradbench, OpenMP's runtimes and hwloc read, and no others. */
static void variables(void **state) {
    static char *some[] = {"OMP_PROC_BIND=true",
                           "PATH=/bin",
                           "GRADKERN_VERBOSE=0",
                           "GRADBENCH_PEERS=/x",
                           "GOMP_SPINCOUNT=0",
                           "KMP_BLOCKTIME=0",
                           "HWLOC_COMPONENTS=",
                           "MP_X=1",
                           "XOMP_NUM_THREADS=1",
                           "HWLOCX=1",
                           "OMPX=1",
                           "KMPX=1",
                           "GOMPX=1",
                           NULL};
    static char long_one[400] = "GRADBENCH_WORKLOADS=";
    (void)state;
    ask(some);
    ADD("environment  OMP_PROC_BIND=true\n"
        "             GRADKERN_VERBOSE=0\n"
        "             GRADBENCH_PEERS=/x\n"
        "             GOMP_SPINCOUNT=0\n"
        "             KMP_BLOCKTIME=0\n"
        "             HWLOC_COMPONENTS=\n\nchosen ");
    follows("environment ");
    memset(long_one + strlen(long_one), 'y', 300);
    ask((char *[]){long_one, NULL});
    ADD("environment  %.200s\n\nchosen ", long_one);
    follows("environment ");
}

static void add_choice(size_t isa, const char *rule, size_t threads, const char *threads_rule) {
    ADD("\nchosen       %s: %s\n", gk_isa_get(isa, GK_F32)->name, rule);
    for (size_t i = GK_ISA_COUNT; i > 0; i--) {
        const char *const reason = gk_isa_unusable(i - 1);
        if (i - 1 == isa) continue;
        ADD("  not        %s: %s\n", gk_isa_get(i - 1, GK_F32)->name,
            reason ? reason : "usable, but a wider one is too; --isa or GRADKERN_ISA lowers the choice");
    }
    ADD("threads      %zu: %s\nblocking     lanes ", threads, threads_rule);
}

static void choices(void **state) {
    size_t widest = GK_ISA_COUNT - 1;
    (void)state;
    while (gk_isa_unusable(widest)) widest--;
    ask((char *[]){"OMP_NUM_THREADS=3", NULL});
    add_choice(widest, "the widest that this CPU runs", 3, "OMP_NUM_THREADS");
    follows("\nchosen ");
    ask((char *[]){"OMP_NUM_THREADS=1", "GRADKERN_ISA=ref", NULL});
    setenv("GRADKERN_ISA", "ref", 1);
    add_choice(0, "GRADKERN_ISA", 1, "OMP_NUM_THREADS");
    unsetenv("GRADKERN_ISA");
    follows("\nchosen ");
}

static void add_plan(const char *kernel, const struct gk_gemm_plan *p) {
    ADD("             %-14s  %s", kernel, gk_gemm_way_name(p->way));
    if (p->transposed) ADD(", transposed");
    ADD(", %zu x %zu threads, ", p->down, p->across);
    if (p->tile_rows > 0) ADD("tiles of up to %zu rows, ", p->tile_rows);
    ADD("%zu columns at a time", p->block_cols);
    if (p->packs_b) ADD(", b packed");
    if (p->packs_strips) ADD(", a packed");
    if (p->streams) ADD(", c stored past the caches");
    if (p->rest > 0) ADD(", the last %zu as rows", p->rest);
    ADD("\n");
}

/* The plans of what is one product: of each isa that can be chosen here, on one thread and on several. */
static void plans(size_t isa, size_t threads) {
    static const char *const edges[] = {"lanes", "tile rows", "tile columns", "row-sum lanes", "k block"};
    const struct gk_isa *const f32 = gk_isa_get(isa, GK_F32);
    struct gk_context_info known;
    gk_context *ctx;
    char l2[24];
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.isa = f32->name, .threads = threads}), GK_OK);
    gk_context_inspect(ctx, &known);
    ADD("blocking     ");
    for (size_t i = 0; f32->edges[i] > 0; i++) ADD("%s%s %zu", i > 0 ? ", " : "", edges[i], f32->edges[i]);
    ADD(" (f32)\n");
    const struct gk_gemm_shape wide = {.rows = 1 << 24, .cols = 1 << 24, .k = 1 << 24, .a.along_k = true};
    const struct gk_gemm_plan all = gk_gemm_plan(f32->tile, &wide, 1, &known.caches);
    if (all.way == GK_GEMM_BLOCKED)
        ADD("             of a product, %zu columns are packed together: with a k block of %d they take half of L2 (%s)\n",
            all.block_cols, GK_KB, gb_bytes_text((double)known.caches.l2, l2, sizeof l2));
    ADD("products     of 100 x 784 x 50 (f32)\n");
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)id, .n = 100, .d = 784, .m = 50};
        const struct gk_cell *const cell = gk_isa_get(0, GK_F32)->cells[id];
        struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
        struct gb_problem problem;
        if (!cell->products) continue;
        assert_true(gb_problem_create(&problem, &spec));
        const size_t count = cell->products(problem.args, shapes);
        const struct gk_gemm_plan plan =
            gk_gemm_plan(f32->tile, &shapes[0], gk_call_threads(ctx, spec.kernel, GK_F32, problem.args), &known.caches);
        if (count == 1) add_plan(gk_kernel_get(spec.kernel)->name, &plan);
        gb_problem_destroy(&problem);
    }
    gk_context_destroy(ctx);
}

static void every_plan(void) {
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t threads = 1; threads <= 4; threads += 3) {
            char isa_variable[60], threads_variable[60];
            if (gk_isa_unusable(isa)) continue;
            snprintf(isa_variable, sizeof isa_variable, "GRADKERN_ISA=%s", gk_isa_get(isa, GK_F32)->name);
            snprintf(threads_variable, sizeof threads_variable, "OMP_NUM_THREADS=%zu", threads);
            ask((char *[]){isa_variable, threads_variable, NULL});
            plans(isa, threads);
            for (const char *kernel = "affine_forward\0affine_dx\0affine_dw\0"; *kernel; kernel += strlen(kernel) + 1)
                assert_non_null(strstr(expected, kernel));
            follows("blocking ");
        }
}

/* With the caches of this machine, and with small ones, past which c is stored. */
static void blocking_and_products(void **state) {
    struct gk_caches *const caches = &((struct gk_topology *)(uintptr_t)gk_topology_get())->caches;
    const struct gk_caches right = *caches;
    (void)state;
    every_plan();
    *caches = (struct gk_caches){.l1d = 1 << 10, .l2 = 8 << 10, .l3 = 16 << 10};
    every_plan();
    *caches = right;
}

/* After all else: every check with a word of its own, advice below those that are bad or to know, and how many there are. */
static void checks(void **state) {
    const struct gb_machine right = *machine();
    size_t lines[GB_HEALTH_COUNT] = {0}, advice = 0;
    char sum[100];
    (void)state;
    machine()->cpu_quota = 2.5;
    ask((char *[]){"OMP_NUM_THREADS=1000", NULL});
    machine()->cpu_quota = right.cpu_quota;
    const char *const products = strstr(said.out, "\nproducts "), *const first =
                                                                      strstr(said.out, "\n\nwhat spoils a measurement here\n");
    assert_true(products && first > products);
    assert_non_null(strstr(first, "\n  BAD       quota       the cgroup may use 2.50 CPUs, fewer than 1000 threads: it will be"
                                  " throttled\n                        -> "));
    for (const char *line = strchr(first + 2, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        for (int i = 0; i < GB_HEALTH_COUNT; i++)
            lines[i] += strncasecmp(line + 2, gb_health_words[i], strlen(gb_health_words[i])) == 0;
        advice += strncmp(line, "                        -> ", 27) == 0;
    }
    assert_true(lines[GB_HEALTH_BAD] >= 2); /* so many threads on few cores */
    assert_int_equal(lines[GB_HEALTH_GOOD] + lines[GB_HEALTH_NOTE] + lines[GB_HEALTH_BAD] + lines[GB_HEALTH_UNKNOWN],
                     gb_checks());
    assert_int_equal(advice, lines[GB_HEALTH_NOTE] + lines[GB_HEALTH_BAD]);
    snprintf(sum, sizeof sum, "\n  %zu bad, %zu to know, %zu good, %zu unknown\n", lines[GB_HEALTH_BAD], lines[GB_HEALTH_NOTE],
             lines[GB_HEALTH_GOOD], lines[GB_HEALTH_UNKNOWN]);
    const char *const last = strstr(first, sum);
    assert_true(last && last[strlen(sum)] == '\0');
}

/* --- for a program */

static json_t *json_said(void) {
    json_error_t error;
    json_t *const json = json_loads(said.out, JSON_REJECT_DUPLICATES, &error);
    if (!json) fail_msg("line %d: %s", error.line, error.text);
    return json;
}

static const char *text_of(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); }

static void assert_count(const json_t *object, const char *key, size_t count) {
    assert_true(json_is_integer(json_object_get(object, key)));
    assert_int_equal(json_integer_value(json_object_get(object, key)), count);
}

/* Each line of the checks is there, with its advice, and where the text says BAD there is as much bad. */
static void assert_same_checks(const json_t *json, const char *text) {
    const json_t *const checks = json_object_get(json, "checks"), *check;
    size_t i, bad = 0;
    assert_true(json_array_size(checks) >= gb_checks());
    json_array_foreach(checks, i, check) {
        const char *const state = text_of(check, "state"), *const advice = text_of(check, "advice");
        char line[600];
        const bool is_bad = strcmp(state, "bad") == 0;
        snprintf(line, sizeof line, "\n  %-8s  %-12s%s\n", is_bad ? "BAD" : state, text_of(check, "name"),
                 text_of(check, "found"));
        if (!strstr(line, "load average") && !strstr(line, "goes in steps") && !strstr(text, line))
            fail_msg("'%s' is not in\n%s", line, text); /* these two move */
        assert_int_equal(advice != NULL, is_bad || strcmp(state, "note") == 0);
        bad += is_bad;
    }
    assert_count(json, "bad", bad);
}

/* What the text says, by name, of a machine made by hand. */
static void json(void **state) {
    const struct gb_machine right = *machine();
    (void)state;
    pretend("A \"processor\"");
    char **const before = environ;
    environ = (char *[]){"OMP_NUM_THREADS=3", "HOME=/x", "KMP_BLOCKTIME=0", NULL};
    gb_hear_command(&said, gb_command_info, (char *[]){"--no-roofs", NULL});
    char *const text = strdup(said.out);
    gb_hear_command(&said, gb_command_info, (char *[]){"--json", "--no-roofs", NULL});
    environ = before;
    *machine() = right;
    assert_int_equal(said.code, 0);
    json_t *const json = json_said();
    assert_string_equal(text_of(json, "schema"), "gradbench-info/1");
    assert_string_equal(text_of(json, "cpu"), "A \"processor\"");
    assert_string_equal(text_of(json, "features"), "this that");
    static const struct {
        const char *key;
        size_t count;
    } counts[] = {{"cores", 3},    {"hardware_threads", 6}, {"machine_cores", 8},
                  {"packages", 2}, {"numa_nodes", 4},       {"threads", 3}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) assert_count(json, counts[i].key, counts[i].count);
    assert_count(json_object_get(json, "cache_bytes"), "l2", 2 << 20);
    assert_true(json_real_value(json_object_get(json, "cpu_quota")) == 1.25);
    const json_t *const variables = json_object_get(json, "environment"), *const isas = json_object_get(json, "isas");
    assert_int_equal(json_array_size(variables), 2);
    assert_string_equal(json_string_value(json_array_get(variables, 1)), "KMP_BLOCKTIME=0");
    assert_string_equal(text_of(json, "threads_rule"), "OMP_NUM_THREADS");
    assert_int_equal(json_array_size(isas), GK_ISA_COUNT);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const json_t *const isa = json_array_get(isas, i);
        char line[300];
        snprintf(line, sizeof line, "\n%-13s%s: %s\n", i ? "  not" : "chosen", text_of(isa, "name"), text_of(isa, "reason"));
        assert_non_null(strstr(text, line));
        assert_int_equal(json_is_true(json_object_get(isa, "chosen")), i == 0);
        assert_int_equal(json_is_true(json_object_get(isa, "usable")),
                         !gk_isa_unusable((size_t)gk_isa_find(text_of(isa, "name"))));
    }
    assert_true(json_array_size(json_object_get(json_object_get(json, "products"), "plans")) >= 3);
    assert_null(json_object_get(json, "roofs"));
    assert_null(json_object_get(json, "null_pairs"));
    assert_same_checks(json, text);
    json_decref(json);
    free(text);
}

/* What is bad fails only who asks for it. */
static void strict(void **state) {
    const struct gb_machine right = *machine();
    (void)state;
    machine()->known = false;
    gb_hear_command(&said, gb_command_info, (char *[]){"--no-roofs", "--strict", NULL});
    assert_int_equal(said.code, 4);
    assert_non_null(strstr(said.err, " here that spoil"));
    gb_hear_command(&said, gb_command_info, (char *[]){"--no-roofs", "--strict", "--json", NULL});
    assert_int_equal(said.code, 4);
    json_decref(json_said()); /* all of it all the same */
    machine()->known = right.known;
}

/* On one thread, and on all that a call would have: on more than there are cores nothing is measured, so that this is quick. */
static void roofs(void **state) {
    char text[80];
    size_t rows = 0;
    const size_t many = machine()->cores + 1;
    (void)state;
    snprintf(text, sizeof text, "OMP_NUM_THREADS=%zu", many);
    char **const before = environ;
    environ = (char *[]){text, "GRADKERN_ISA=ref", NULL};
    gb_hear_command(&said, gb_command_info, (char *[]){NULL});
    environ = before;
    assert_int_equal(said.code, 0);
    const char *const products = strstr(said.out, "\nproducts "), *const measured = strstr(
                                                                      said.out, "\n\nroofs, measured here: fma in GFLOP/s");
    assert_true(products && measured > products);
    const char *const head = strstr(measured, " 1 thread ");
    assert_non_null(head);
    snprintf(text, sizeof text, " %zu threads\n", many);
    assert_memory_equal(strchr(head, '\n') + 1 - strlen(text), text, strlen(text));
    for (const char *line = strstr(measured, "\n  fma "); line; line = strstr(line + 1, "\n  fma ")) rows++;
    assert_int_equal(rows, GK_DTYPE_COUNT); /* of each isa that may be used: the variable leaves one */
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
        snprintf(text, sizeof text, "\n  fma ref        %s ", gk_dtype_name((enum gk_dtype)dtype));
        const char *const row = strstr(measured, text);
        assert_non_null(row);
        assert_true(strtod(row + strlen(text), NULL) > 0);
    }
    assert_non_null(strstr(measured, "\n  move in memory ("));
    const char *const noise = strstr(measured, "one kernel timed as if it were two, on 1 thread: up to ");
    assert_non_null(noise);
    snprintf(text, sizeof text, "one kernel timed as if it were two, on %zu threads: up to ", many);
    assert_non_null(strstr(noise, text));
    assert_null(strstr(measured, "not known before something is measured"));
}

/* The same roofs and null pairs, by name. */
static void measured_for_a_program(void **state) {
    (void)state;
    char **const before = environ;
    environ = (char *[]){"OMP_NUM_THREADS=1", "GRADKERN_ISA=ref", NULL};
    gb_hear_command(&said, gb_command_info, (char *[]){"--json", NULL});
    environ = before;
    assert_int_equal(said.code, 0);
    json_t *const json = json_said();
    const json_t *const measured = json_object_get(json, "roofs"), *const pairs = json_object_get(json, "null_pairs"),
                        *const checks = json_object_get(json, "checks");
    assert_int_equal(json_array_size(measured), GK_DTYPE_COUNT);
    assert_true(json_number_value(json_object_get(json_array_get(measured, 0), "fma_gflops")) > 0);
    assert_int_equal(json_array_size(pairs), 1);
    assert_count(json_array_get(pairs, 0), "threads", 1);
    assert_true(json_number_value(json_object_get(json_array_get(pairs, 0), "ratio")) > 0);
    assert_string_equal(text_of(json_array_get(checks, json_array_size(checks) - 1), "name"), "noise");
    json_decref(json);
}

static void schema(void **state) {
    (void)state;
    gb_hear_command(&said, gb_command_info, (char *[]){"--schema", NULL});
    assert_int_equal(said.code, 0);
    json_t *const json = json_said();
    assert_string_equal(text_of(json, "title"), "What gradbench info --json prints");
    json_decref(json);
}

static void it_keeps_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) ask(no_variables);
    const size_t before = gb_heap_in_use();
    for (int i = 0; i < 20; i++) ask(no_variables);
    assert_true(gb_heap_in_use() < before + 20 * 24);
}

static void what_is_refused(void **state) {
    (void)state;
    gb_hear_command(&said, gb_command_info, (char *[]){"roofs", NULL});
    assert_int_equal(said.code, 2);
    assert_string_equal(said.err, "gradbench: error: info takes options only (got 'roofs')\n");
    setenv("GRADKERN_ISA", "nothing", 1);
    gb_hear_command(&said, gb_command_info, (char *[]){"--no-roofs", NULL});
    unsetenv("GRADKERN_ISA");
    assert_int_equal(said.code, 5);
    assert_string_equal(said.out, "");
    setenv("OMP_NUM_THREADS", "none", 1);
    gb_hear_command(&said, gb_command_info, (char *[]){"--no-roofs", NULL});
    unsetenv("OMP_NUM_THREADS");
    assert_int_equal(said.code, 2);
    assert_string_equal(said.out, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines),
        cmocka_unit_test(variables),
        cmocka_unit_test(choices),
        cmocka_unit_test(blocking_and_products),
        cmocka_unit_test(checks),
        cmocka_unit_test(strict),
        cmocka_unit_test(it_keeps_nothing),
        cmocka_unit_test(roofs),
        cmocka_unit_test(json),
        cmocka_unit_test(measured_for_a_program),
        cmocka_unit_test(schema),
        cmocka_unit_test(what_is_refused),
    };
    for (const char *const *name = (const char *[]){"GRADKERN_ISA", "OMP_NUM_THREADS", "GRADBENCH_WORKLOADS", NULL}; *name;
         name++)
        unsetenv(*name);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
