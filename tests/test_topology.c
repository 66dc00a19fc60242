/* Threads, quotas, and what the machine says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/topology.h"

static void threads_follow_the_rules(void **state) {
    (void)state;
    static const struct {
        size_t asked;
        const char *omp;
        size_t cores;
        double quota;
        size_t want;
    } cases[] = {
        {0, NULL, 4, 0, 4},      {3, "8", 4, 0, 3},        {0, "8", 4, 0, 8},       {0, "", 4, 0, 4},
        {0, "2,4", 4, 0, 2},     {0, " 3 ", 4, 0, 3},      {0, "abc", 4, 0, 0},     {0, "0", 4, 0, 0},
        {0, "-1", 4, 0, 0},      {0, "+2", 4, 0, 0},       {0, "1e3", 4, 0, 0},     {0, "3x", 4, 0, 0},
        {0, "0x10", 4, 0, 0},    {0, "1025", 4, 0, 0},     {0, "1024", 4, 0, 1024}, {0, "99999999999999999999", 4, 0, 0},
        {1024, NULL, 4, 0, 1024}, {1025, NULL, 4, 0, 0},   {SIZE_MAX, NULL, 4, 0, 0}, {0, NULL, 4, 1.5, 2},
        {0, NULL, 4, 0.2, 1},    {0, NULL, 4, 8, 4},       {0, NULL, 4, 3, 3},      {0, "4", 4, 1, 4},
        {0, NULL, 5000, 0, 1024},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gk_topology topology = {.cores = cases[i].cores, .cpu_quota = cases[i].quota};
        const char *rule = NULL;
        const size_t got = gk_threads_choose(&topology, cases[i].asked, cases[i].omp, &rule);
        if (got != cases[i].want) fail_msg("case %zu: got %zu, want %zu", i, got, cases[i].want);
        assert_non_null(rule);
    }
}

static void quotas_are_parsed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        {"max 100000\n", 0}, {"150000 100000\n", 1.5}, {"100000 100000", 1}, {"50000 100000\n", 0.5}, {"", 0},
        {"\n", 0}, {"100000", 0}, {"100000 ", 0}, {"100000 0", 0}, {"0 100000", 0}, {"-1 100000", 0}, {"100000 -1", 0},
        {"100000 x", 0}, {"x 100000", 0}, {"100000 100000 1", 0}, {"99999999999999999999999 100000", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (gk_cpu_quota_parse(cases[i].text) != cases[i].want) fail_msg("quota '%s'", cases[i].text);
}

static void this_machine_makes_sense(void **state) {
    (void)state;
    const struct gk_topology *const t = gk_topology_get();
    assert_ptr_equal(t, gk_topology_get());
    assert_true(t->cores >= 1 && t->logical >= t->cores && t->machine_cores >= t->cores);
    assert_true(t->packages >= 1 && t->numa_nodes >= 1 && t->cpu_quota >= 0);
    assert_true(t->caches.l1d >= 4096 && t->caches.l2 >= 4096 && t->caches.l3 >= 4096);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_follow_the_rules),
        cmocka_unit_test(quotas_are_parsed),
        cmocka_unit_test(this_machine_makes_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
