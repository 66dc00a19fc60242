/* Threads, and what the machine says of itself. */
#include <sched.h>

#include "core/team.h"
#include "core/topology.h"
#include "gradkern.h"
#include "support.h"

static void threads_follow_the_rules(void **state) {
    (void)state;
    static const char omp[] = "OMP_NUM_THREADS", quota[] = "CPU quota of the cgroup";
    static const char more[] = "OMP_NUM_THREADS asks for more than gradkern supports";
    static const struct {
        size_t asked;
        const char *omp;
        size_t cores;
        double quota;
        size_t want;
        const char *rule;
    } cases[] = {
        {0, NULL, 4, 0, 4, "cores"},
        {1, NULL, 4, 0, 1, "asked for"},
        {3, "8", 4, 2, 3, "asked for"},
        {3, "nonsense", 4, 0, 3, "asked for"},
        {1024, NULL, 4, 0, 1024, "asked for"},
        {1025, NULL, 4, 0, 0, "asked for"},
        {SIZE_MAX, NULL, 4, 0, 0, "asked for"},
        {0, "8", 4, 0, 8, omp},
        {0, "1", 4, 0, 1, omp},
        {0, "", 4, 0, 4, "cores"},
        {0, "2,4", 4, 0, 2, omp},
        {0, "2 ,", 4, 0, 2, omp},
        {0, " 3 ", 4, 0, 3, omp},
        {0, "\t\n3\t\n", 4, 0, 3, omp},
        {0, "019", 4, 0, 19, omp},
        {0, "abc", 4, 0, 0, omp},
        {0, " ", 4, 0, 0, omp},
        {0, ",2", 4, 0, 0, omp},
        {0, "0", 4, 0, 0, omp},
        {0, "-1", 4, 0, 0, omp},
        {0, "+2", 4, 0, 0, omp},
        {0, "1e3", 4, 0, 0, omp},
        {0, "3x", 4, 0, 0, omp},
        {0, "3 4", 4, 0, 0, omp},
        {0, "0x10", 4, 0, 0, omp},
        {0, "1023", 4, 0, 1023, omp},
        {0, "1024", 4, 0, 1024, omp},
        {0, "1025", 4, 0, 1024, more},
        {0, "99999999999999999999", 4, 0, 1024, more},
        {0, "4", 4, 1, 4, omp},
        {0, NULL, 4, 1.5, 2, quota},
        {0, NULL, 4, 0.2, 1, quota},
        {0, NULL, 4, 1, 1, quota},
        {0, NULL, 4, 3, 3, quota},
        {0, NULL, 4, 3.1, 4, "cores"},
        {0, NULL, 4, 4, 4, "cores"},
        {0, NULL, 4, 8, 4, "cores"},
        {0, NULL, 4, 1e-300, 1, quota},
        {0, NULL, 4, 1e300, 4, "cores"},
        {0, NULL, 1024, 0, 1024, "cores"},
        {0, NULL, 5000, 0, 1024, "gradkern supports no more"},
        {0, NULL, 5000, 7, 7, quota},
        {0, NULL, 5000, 1024, 1024, quota},
        {0, NULL, 5000, 2000, 1024, "gradkern supports no more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gk_topology topology = {.cores = cases[i].cores, .cores_rule = "cores", .cpu_quota = cases[i].quota};
        const char *rule = NULL;
        const size_t got = gk_threads_choose(&topology, cases[i].asked, cases[i].omp, &rule);
        if (got != cases[i].want) fail_msg("case %zu: got %zu, want %zu", i, got, cases[i].want);
        assert_string_equal(rule, cases[i].rule);
    }
}

static void this_machine_makes_sense(void **state) {
    (void)state;
    const struct gk_topology *const t = gk_topology_get();
    assert_ptr_equal(t, gk_topology_get());
    assert_true(t->cores >= 1 && t->logical >= t->cores && t->machine_cores >= t->cores);
    assert_true(*t->cores_rule);
    assert_true(t->packages >= 1 && t->numa_nodes >= 1 && t->cpu_quota >= 0);
    assert_true(t->caches.l1d >= 4096 && t->caches.l2 >= 4096 && t->caches.l3 >= 4096);
}

static size_t threads_of_a_context(void) {
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, NULL), GK_OK);
    const size_t threads = gk_context_threads(ctx);
    gk_context_destroy(ctx);
    return threads;
}

/* A host may bind itself after its first context: each context counts the cores that its thread has then. */
static void contexts_follow_the_mask(void **state) {
    cpu_set_t before, one;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    const struct gk_topology *const first = gk_topology_get();
    const size_t cores = first->cores, all = threads_of_a_context();
    int lowest = 0;
    while (!CPU_ISSET(lowest, &before)) lowest++;
    CPU_ZERO(&one);
    CPU_SET(lowest, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    const size_t bound = threads_of_a_context();
    const struct gk_topology now = gk_topology_now();
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(bound, 1);
    assert_int_equal(now.cores, 1);
    assert_int_equal(now.logical, 1);
    assert_int_equal(first->cores, cores);
    assert_int_equal(threads_of_a_context(), all);
    if (all == 1) printf("skipped: one core: nothing to lose\n");
}

/* Machines that hwloc makes up: of 2 packages with 3 NUMA nodes each, 24 cores of 2 processors, a processor that is not among
 * these being a core of its own. The caches are as small and as large as is believed, and one byte beyond that. */
static const struct machine {
    const char *name, *cores;
    struct gk_caches caches;
} machines[] = {
    {"at the limits",
     "pack:2 numa:3 l3:2(size=17179869184) l2:2(size=1073741824) l1d:1(size=512) core:1 pu:2",
     {512, (size_t)1 << 30, (size_t)1 << 34}},
    {"beyond them",
     "pack:2 numa:3 l3:2(size=262143) l2:2(size=1073741825) l1d:1(size=511) core:1 pu:2",
     {32 << 10, 1 << 20, 16 << 20}},
    {"small",
     "pack:2 numa:3 l3:2(size=262144) l2:2(size=16384) l1d:1(size=33554433) core:1 pu:2",
     {32 << 10, 16 << 10, 256 << 10}},
};

static void look_at(void **state) {
    const struct machine *const m = *state;
    const struct gk_topology *const t = gk_topology_get();
    struct gk_processors usable, cores = {0};
    assert_false(gk_processors_usable(&usable));
    for (size_t i = 0; i < GK_PROCESSORS_MAX; i++)
        if (CPU_ISSET_S(i, sizeof usable.set, usable.set)) CPU_SET_S(i < 48 ? i / 2 * 2 : i, sizeof cores.set, cores.set);
    assert_int_equal(t->logical, CPU_COUNT_S(sizeof usable.set, usable.set));
    assert_int_equal(t->cores, CPU_COUNT_S(sizeof cores.set, cores.set));
    if (!t->known) {
        printf("skipped: %s: the machine cannot be read\n", m->name);
        return;
    }
    assert_int_equal(t->machine_cores, 24);
    assert_int_equal(t->packages, 2);
    assert_int_equal(t->numa_nodes, 6);
    assert_memory_equal(&t->caches, &m->caches, sizeof m->caches);
    assert_string_equal(t->cores_rule, "physical cores this thread may use");
}

static void machines_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        assert_int_equal(gb_start_again(machines[i].name, "HWLOC_SYNTHETIC", machines[i].cores), 0);
}

/* The largest that a variable asks for counts, if it is more than the system's. */
static void stacks_are_as_large_as_asked(void **state) {
    static const struct {
        const char *omp, *gomp, *kmp;
        size_t least, want;
    } cases[] = {
        {NULL, NULL, NULL, 8, 8},
        {"1", NULL, NULL, 8, 1024},
        {"1", NULL, NULL, 1024, 1024},
        {"1", NULL, NULL, 1025, 1025},
        {"3b", NULL, NULL, 2, 3},
        {"3B", NULL, NULL, 3, 3},
        {" 3 k ", NULL, NULL, 8, 3 << 10},
        {"3M", NULL, NULL, 8, 3 << 20},
        {"3g", NULL, NULL, 8, (size_t)3 << 30},
        {"3T", NULL, NULL, 8, (size_t)3 << 40},
        {"3x", NULL, NULL, 8, 3 << 10},
        {"x", NULL, NULL, 8, 8},
        {"", NULL, NULL, 8, 8},
        {"16777215T", NULL, NULL, 8, (size_t)16777215 << 40},
        {"16777216T", NULL, NULL, 8, SIZE_MAX},
        {NULL, "2M", NULL, 8, 2 << 20},
        {NULL, NULL, "2M", 8, 2 << 20},
        {"1M", "2M", "3M", 8, 3 << 20},
        {"3M", "2M", "1M", 8, 3 << 20},
        {"x", "2M", NULL, 8, 2 << 20},
    };
    static const char *const names[] = {"OMP_STACKSIZE", "GOMP_STACKSIZE", "KMP_STACKSIZE"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const values[] = {cases[i].omp, cases[i].gomp, cases[i].kmp};
        for (size_t v = 0; v < 3; v++) values[v] ? setenv(names[v], values[v], 1) : unsetenv(names[v]);
        const size_t got = gk_team_stack_bytes(cases[i].least);
        if (got != cases[i].want) fail_msg("case %zu: %zu bytes", i, got);
    }
    for (size_t v = 0; v < 3; v++) unsetenv(names[v]);
}

int main(int argc, char **argv) {
    unsetenv("OMP_NUM_THREADS");
    unsetenv("OMP_PROC_BIND");
    unsetenv("OMP_PLACES");
    unsetenv("GOMP_CPU_AFFINITY");
    unsetenv("KMP_AFFINITY");
    for (size_t i = 0; argc == 2 && i < sizeof machines / sizeof *machines; i++) {
        const struct CMUnitTest one[] = {cmocka_unit_test_prestate(look_at, (void *)&machines[i])};
        if (strcmp(argv[1], machines[i].name) == 0) return cmocka_run_group_tests(one, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_follow_the_rules),     cmocka_unit_test(this_machine_makes_sense),
        cmocka_unit_test(contexts_follow_the_mask),     cmocka_unit_test(machines_are_read),
        cmocka_unit_test(stacks_are_as_large_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
