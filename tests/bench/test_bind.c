/* The benchmark binds its threads to cores of their own, also where the OpenMP runtime has bound them before, and gives the
 * calling thread its cores back. Each case is a process of its own: what a machine has is read once. */
#include "bind.h"

#include <hwloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "core/team.h"
#include "support.h"
#include "text.h"

enum { TEAM_MAX = 16 };

static cpu_set_t masks[TEAM_MAX]; /* of the threads of the last team */

static void note_mask(const void *args, const struct gk_team *team) {
    (void)args;
    sched_getaffinity(0, sizeof *masks, &masks[team->rank]);
}

static void note_masks(size_t threads) {
    static const struct gk_caches caches;
    memset(masks, 0, sizeof masks);
    gk_team_run(threads, note_mask, NULL, NULL, &caches);
}

static cpu_set_t own_mask(void) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    sched_getaffinity(0, sizeof mask, &mask);
    return mask;
}

static bool own_mask_is(const cpu_set_t *wanted) {
    const cpu_set_t mask = own_mask();
    return CPU_EQUAL(&mask, wanted);
}

/* A failed condition ends a child: its number is the line's. */
#define MUST(condition)                                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) fprintf(stderr, "line %d: %s\n", __LINE__, #condition), exit(1);                                     \
    } while (0)

/* Each thread has one processor, and no two the same. */
static void must_be_apart(size_t threads) {
    note_masks(threads);
    for (size_t i = 0; i < threads; i++) {
        MUST(CPU_COUNT(&masks[i]) == 1);
        for (size_t k = 0; k < i; k++) MUST(!CPU_EQUAL(&masks[i], &masks[k]));
    }
}

static void must_be_free(size_t threads, const cpu_set_t *all) {
    note_masks(threads);
    for (size_t i = 0; i < threads; i++) MUST(CPU_EQUAL(&masks[i], all));
}

static int bind_a_team(void) {
    struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
    MUST(binding);
    MUST(gb_binding_apply(binding, 2) == 2);
    must_be_apart(2);
    MUST(gb_binding_works(binding));
    gb_binding_destroy(binding);
    return 0;
}

static size_t cores_here(void) {
    const size_t cores = gk_topology_get()->cores;
    return cores < TEAM_MAX - 1 ? cores : TEAM_MAX - 1;
}

/* One thread, as many as there are cores, more, and back. */
static int bind_in_turns(void) {
    const cpu_set_t all = own_mask();
    const size_t cores = gk_topology_get()->cores, many = cores_here();
    struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
    MUST(binding && gb_binding_works(binding));
    MUST(own_mask_is(&all)); /* nothing is bound yet */
    MUST(gb_binding_apply(binding, 1) == 1);
    must_be_apart(1);
    const cpu_set_t first = masks[0];
    MUST(gb_binding_apply(binding, many) == many);
    must_be_apart(many);
    MUST(CPU_EQUAL(&masks[0], &first));
    sched_setaffinity(0, sizeof all, &all); /* who is bound already is left alone */
    MUST(gb_binding_apply(binding, many) == many);
    MUST(own_mask_is(&all));
    MUST(gb_binding_apply(binding, 1) == 1);
    MUST(own_mask_is(&all));
    if (cores < TEAM_MAX) {
        sched_setaffinity(0, sizeof first, &first);
        MUST(gb_binding_apply(binding, cores + 1) == cores + 1);
        must_be_free(cores + 1, &all);
        MUST(gb_binding_apply(binding, 1) == 1);
        must_be_apart(1);
        MUST(CPU_EQUAL(&masks[0], &first));
        MUST(gb_binding_apply(binding, cores + 1) == cores + 1);
        MUST(gb_binding_apply(binding, many) == many);
        must_be_apart(many);
    }
    MUST(gb_binding_apply(binding, 1) == 1);
    MUST(gb_binding_works(binding));
    gb_binding_destroy(binding);
    MUST(own_mask_is(&all));
    return 0;
}

static int wake_only(void) {
    const cpu_set_t all = own_mask();
    MUST(gb_binding_apply(NULL, 2) == 2);
    must_be_free(2, &all);
    MUST(!gb_binding_works(NULL));
    gb_binding_destroy(NULL);
    MUST(own_mask_is(&all));
    return 0;
}

/* The system refuses to bind. */
static int bind_in_vain(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
    MUST(binding);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        printf("skipped: this system filters no calls\n");
        return 0;
    }
    MUST(gb_binding_works(binding));
    MUST(gb_binding_apply(binding, 1) == 1);
    MUST(!gb_binding_works(binding));
    gb_binding_destroy(binding);
    return 0;
}

static void narrow(int first, int last) {
    cpu_set_t some;
    CPU_ZERO(&some);
    for (int i = first; i <= last; i++) CPU_SET(i, &some);
    MUST(sched_setaffinity(0, sizeof some, &some) == 0);
}

static bool first_cores_are(size_t threads, int first, int last) {
    cpu_set_t want, got;
    CPU_ZERO(&want);
    memset(&got, 0xff, sizeof got);
    for (int i = first; i <= last; i++) CPU_SET(i, &want);
    return gb_first_places(GB_BIND_CORE, threads, &got) && CPU_EQUAL(&got, &want);
}

/* One core of two processors: one of them is used. */
static int share_a_core(void) {
    cpu_set_t set;
    narrow(0, 1);
    MUST(first_cores_are(1, 0, 0));
    MUST(!gb_first_places(GB_BIND_CORE, 2, &set));
    struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
    MUST(binding && gb_binding_apply(binding, 1) == 1);
    note_masks(1);
    MUST(CPU_COUNT(&masks[0]) == 1 && CPU_ISSET(0, &masks[0]));
    gb_binding_destroy(binding);
    const cpu_set_t mask = own_mask();
    MUST(CPU_COUNT(&mask) == 2);
    return 0;
}

/* Both of them are places, and no more. */
static int share_a_core_by_threads(void) {
    cpu_set_t set;
    narrow(0, 1);
    const cpu_set_t all = own_mask();
    MUST(gb_first_places(GB_BIND_PU, 1, &set) && CPU_COUNT(&set) == 1 && CPU_ISSET(0, &set));
    MUST(gb_first_places(GB_BIND_PU, 2, &set) && CPU_EQUAL(&set, &all));
    MUST(!gb_first_places(GB_BIND_PU, 3, &set));
    struct gb_binding *const binding = gb_binding_create(GB_BIND_PU);
    MUST(binding && gb_binding_apply(binding, 2) == 2);
    must_be_apart(2);
    MUST(gb_binding_apply(binding, 3) == 3);
    must_be_free(3, &all);
    MUST(gb_binding_works(binding));
    gb_binding_destroy(binding);
    return 0;
}

/* Three cores, of which this process may use two, or one. */
static int use_some_cores(void) {
    cpu_set_t set;
    narrow(0, 1);
    MUST(first_cores_are(1, 0, 0));
    MUST(first_cores_are(2, 0, 1));
    MUST(!gb_first_places(GB_BIND_CORE, 3, &set));
    narrow(1, 1);
    MUST(first_cores_are(1, 1, 1));
    MUST(!gb_first_places(GB_BIND_CORE, 2, &set));
    return 0;
}

/* What hwloc says of another machine is no place to bind to. */
static int bind_elsewhere(void) {
    cpu_set_t set;
    memset(&set, 0xff, sizeof set);
    MUST(!gb_binding_create(GB_BIND_CORE) && !gb_binding_create(GB_BIND_NONE));
    MUST(!gb_first_places(GB_BIND_CORE, 1, &set));
    MUST(CPU_COUNT(&set) == 0);
    return 0;
}

static int first_cores(void) {
    cpu_set_t set, both;
    const cpu_set_t all = own_mask();
    const size_t cores = gk_topology_get()->cores;
    MUST(gb_first_places(GB_BIND_CORE, cores, &set));
    CPU_AND(&both, &set, &all);
    MUST((size_t)CPU_COUNT(&set) == cores && CPU_EQUAL(&both, &set));
    MUST(!gb_first_places(GB_BIND_CORE, cores + 1, &set));
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
    size_t processors; /* it takes 0 to so many less one */
    const char *variable, *value;
} children[] = {
    {"team false", bind_a_team, 2, "OMP_PROC_BIND", "false"},
    {"team true", bind_a_team, 2, "OMP_PROC_BIND", "true"},
    {"team places", bind_a_team, 2, "OMP_PLACES", "cores"},
    {"team compact", bind_a_team, 2, "KMP_AFFINITY", "compact"},
    {"turns", bind_in_turns, 1, NULL, NULL},
    {"wake", wake_only, 1, NULL, NULL},
    {"vain", bind_in_vain, 1, NULL, NULL},
    {"first", first_cores, 1, NULL, NULL},
    {"shared", share_a_core, 2, "HWLOC_SYNTHETIC", "core:1 pu:2"},
    {"shared pu", share_a_core_by_threads, 2, "HWLOC_SYNTHETIC", "core:1 pu:2"},
    {"some", use_some_cores, 2, "HWLOC_SYNTHETIC", "core:3 pu:1"},
};

static void threads_are_bound(void **state) {
    (void)state;
    const cpu_set_t all = own_mask();
    setenv("HWLOC_THISSYSTEM", "1", 1); /* also where it is told what there is */
    if (!gk_topology_get()->known) {
        printf("skipped: the cores are not known\n");
        return;
    }
    for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
        const bool synthetic = children[i].variable && strcmp(children[i].variable, "HWLOC_SYNTHETIC") == 0;
        if (gk_topology_get()->cores < children[i].processors || (synthetic && !(CPU_ISSET(0, &all) && CPU_ISSET(1, &all)))) {
            printf("skipped: %s: too few cores\n", children[i].name);
            continue;
        }
        const int code = gb_start_again(children[i].name, children[i].variable, children[i].value);
        if (code) fail_msg("%s: exit code %d", children[i].name, code);
    }
    setenv("HWLOC_THISSYSTEM", "0", 1);
    assert_int_equal(gb_start_again("elsewhere", "HWLOC_SYNTHETIC", "core:2 pu:1"), 0);
}

/* Cores fill first, whatever the system calls their hardware threads. */
static void places_of_machines(void **state) {
    (void)state;
    static const struct {
        const char *machine, *usable; /* a list of hardware threads */
        enum gb_bind where;
        const char *places;
    } cases[] = {
        {"core:2 pu:2", "0-3", GB_BIND_CORE, " 0 2"},
        {"core:2 pu:2", "0-3", GB_BIND_PU, " 0 2 1 3"},
        {"core:2 pu:2(indexes=0,2,1,3)", "0-3", GB_BIND_CORE, " 0 1"},
        {"core:2 pu:2(indexes=0,2,1,3)", "0-3", GB_BIND_PU, " 0 1 2 3"},
        {"pack:2 core:2 pu:2", "1-6", GB_BIND_CORE, " 1 2 4 6"},
        {"pack:2 core:2 pu:2", "1-6", GB_BIND_PU, " 1 2 4 6 3 5"},
        {"core:1 pu:4", "1,3", GB_BIND_PU, " 1 3"},
        {"core:4 pu:1", "0-3", GB_BIND_PU, " 0 1 2 3"},
        {"core:2 pu:2", "4-7", GB_BIND_PU, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hwloc_topology_t topology;
        const hwloc_bitmap_t usable = hwloc_bitmap_alloc();
        unsigned places[8];
        char text[80] = "";
        assert_int_equal(hwloc_topology_init(&topology), 0);
        assert_int_equal(hwloc_topology_set_synthetic(topology, cases[i].machine), 0);
        assert_int_equal(hwloc_topology_load(topology), 0);
        assert_int_equal(hwloc_bitmap_list_sscanf(usable, cases[i].usable), 0);
        const size_t count = gb_places_find(topology, usable, cases[i].where, places);
        for (size_t k = 0; k < count; k++) gb_text_append(text, sizeof text, " %u", places[k]);
        assert_string_equal(text, cases[i].places);
        hwloc_bitmap_free(usable);
        hwloc_topology_destroy(topology);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_of_machines), cmocka_unit_test(threads_are_bound)};
    for (size_t i = 0; argc > 1 && i < sizeof children / sizeof *children; i++)
        if (strcmp(argv[1], children[i].name) == 0) return children[i].run();
    if (argc > 1) return bind_elsewhere();
    static const char *const variables[] = {"OMP_PROC_BIND", "OMP_PLACES",       "GOMP_CPU_AFFINITY", "KMP_AFFINITY",
                                            "OMP_DYNAMIC",   "OMP_THREAD_LIMIT", "HWLOC_SYNTHETIC",   "HWLOC_XMLFILE"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
