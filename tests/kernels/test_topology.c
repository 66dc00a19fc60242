/* Threads, and what the machine says of itself. */
#include <sched.h>

#include "core/topology.h"
#include "gradkern.h"
#include "support.h"

static void threads_follow_the_rules(void **state) {
    (void)state;
    static const struct {
        size_t asked;
        const char *omp;
        size_t cores;
        double quota;
        size_t want;
    } cases[] = {
        {0, NULL, 4, 0, 4},          {3, "8", 4, 0, 3},
        {0, "8", 4, 0, 8},           {0, "", 4, 0, 4},
        {0, "2,4", 4, 0, 2},         {0, " 3 ", 4, 0, 3},
        {0, "abc", 4, 0, 0},         {0, "0", 4, 0, 0},
        {0, "-1", 4, 0, 0},          {0, "+2", 4, 0, 0},
        {0, "1e3", 4, 0, 0},         {0, "3x", 4, 0, 0},
        {0, "0x10", 4, 0, 0},        {0, "1025", 4, 0, 1024},
        {0, "1024", 4, 0, 1024},     {0, "99999999999999999999", 4, 0, 1024},
        {1024, NULL, 4, 0, 1024},    {1025, NULL, 4, 0, 0},
        {SIZE_MAX, NULL, 4, 0, 0},   {0, NULL, 4, 1.5, 2},
        {0, NULL, 4, 0.2, 1},        {0, NULL, 4, 8, 4},
        {0, NULL, 4, 3, 3},          {0, "4", 4, 1, 4},
        {0, NULL, 5000, 0, 1024},    {0, NULL, 5000, 7, 7},
        {0, NULL, 4, 1e-300, 1},     {0, NULL, 4, 1e300, 4},
        {0, NULL, 5000, 2000, 1024},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gk_topology topology = {.cores = cases[i].cores, .cores_rule = "cores", .cpu_quota = cases[i].quota};
        const char *rule = NULL;
        const size_t got = gk_threads_choose(&topology, cases[i].asked, cases[i].omp, &rule);
        if (got != cases[i].want) fail_msg("case %zu: got %zu, want %zu", i, got, cases[i].want);
        assert_non_null(rule);
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

int main(void) {
    unsetenv("OMP_NUM_THREADS");
    unsetenv("OMP_PROC_BIND");
    unsetenv("OMP_PLACES");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_follow_the_rules),
        cmocka_unit_test(this_machine_makes_sense),
        cmocka_unit_test(contexts_follow_the_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
