/* The benchmark binds its threads to cores of their own, also where the OpenMP runtime has bound them before. */
#include <sched.h>
#include <sys/wait.h>

#include "bind.h"
#include "core/team.h"
#include "support.h"

enum { TEAM = 2 };

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
        const int code = gb_start_again("child", variables[i][0], variables[i][1]);
        if (code) fail_msg("%s=%s: exit code %d", variables[i][0], variables[i][1], code);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_thread_has_a_core)};
    if (argc > 1 && strcmp(argv[1], "child") == 0) return bind_a_team();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
