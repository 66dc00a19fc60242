/* The benchmark binds its threads to cores of their own, also where the OpenMP runtime has bound them before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bind.h"
#include "core/team.h"

enum { TEAM = 2 };

static char *program;

static void note_mask(const void *args, const struct gk_team *team) {
    cpu_set_t *const masks = *(cpu_set_t *const *)args;
    if (team->size == TEAM) sched_getaffinity(0, sizeof *masks, &masks[team->rank]);
}

/* 0 or what is wrong: an exit code. */
static int bind_a_team(void) {
    static const struct gk_caches caches;
    cpu_set_t masks[TEAM], both;
    const cpu_set_t *const pointer = masks;
    struct gb_binding *const binding = gb_binding_create();
    if (!binding) return 1;
    memset(masks, 0, sizeof masks);
    gb_binding_apply(binding, TEAM);
    gk_team_run(TEAM, note_mask, &pointer, NULL, &caches);
    CPU_AND(&both, &masks[0], &masks[1]);
    const bool apart = CPU_COUNT(&masks[0]) == 1 && CPU_COUNT(&masks[1]) == 1 && CPU_COUNT(&both) == 0;
    const bool works = gb_binding_works(binding);
    gb_binding_destroy(binding);
    return !works ? 2 : apart ? 0 : 3;
}

static void each_thread_has_a_core(void **state) {
    static const char *const variables[][2] = {
        {"OMP_PROC_BIND", "false"}, {"OMP_PROC_BIND", "true"}, {"OMP_PLACES", "cores"}, {"KMP_AFFINITY", "compact"}};
    (void)state;
    if (!gk_topology_get()->known || gk_topology_get()->cores < TEAM) {
        printf("skipped: fewer than %d cores that are known\n", TEAM);
        return;
    }
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        int status = 0;
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            setenv(variables[i][0], variables[i][1], 1);
            execl("/proc/self/exe", program, "child", (char *)NULL);
            _exit(127);
        }
        assert_true(child > 0 && waitpid(child, &status, 0) == child);
        if (status) fail_msg("%s=%s: status %#x", variables[i][0], variables[i][1], (unsigned)status);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_thread_has_a_core)};
    program = argv[0];
    if (argc > 1 && strcmp(argv[1], "child") == 0) return bind_a_team();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
