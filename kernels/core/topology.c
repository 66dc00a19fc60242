#include "topology.h"

#include <ctype.h>
#include <hwloc.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgroup.h"
#include "team.h"

static struct gk_topology topology;
static uint16_t core_of[GK_PROCESSORS_MAX]; /* of each processor, the lowest processor of its core */
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

static size_t at_least_one(long n) { return n > 0 ? (size_t)n : 1; }

static size_t count_of(hwloc_topology_t t, hwloc_obj_type_t type) { return at_least_one(hwloc_get_nbobjs_by_type(t, type)); }

/* A size that is absurd (hwloc can be told any) would make blocks, and scratch space, of that size. */
static size_t cache_bytes(hwloc_topology_t t, hwloc_obj_type_t type, size_t otherwise) {
    const hwloc_obj_t cache = hwloc_get_obj_by_type(t, type, 0);
    const hwloc_uint64_t bytes = cache ? cache->attr->cache.size : 0;
    return bytes >= otherwise / 64 && bytes <= (hwloc_uint64_t)otherwise * 1024 ? (size_t)bytes : otherwise;
}

static void read_cores(hwloc_topology_t t) {
    for (hwloc_obj_t core = NULL; (core = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_CORE, core));) {
        const int first = hwloc_bitmap_first(core->cpuset);
        for (int i = first; i >= 0 && i < GK_PROCESSORS_MAX; i = hwloc_bitmap_next(core->cpuset, i))
            core_of[i] = (uint16_t)first;
    }
}

/* hwloc's x86 backend would move the calling thread from processor to processor, although /sys already says everything. */
static bool load(hwloc_topology_t t) {
#if HWLOC_API_VERSION >= 0x00020500
    hwloc_topology_set_flags(t, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
#endif
    return hwloc_topology_load(t) == 0;
}

/* NULL, or why hwloc cannot be asked: it prints to stderr where /sys is missing, and dies where it has no memory. */
static const char *obstacle(void) {
    enum { ENOUGH = 64 << 20 }; /* of address space: its plugins map 43 MiB, and 1024 processors need 2 */
    if (access("/sys/devices/system/cpu/cpu0/topology/thread_siblings", R_OK) != 0)
        return "/sys does not describe the processors";
    void *const room = mmap(NULL, ENOUGH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return "no memory for it";
    munmap(room, ENOUGH);
    return NULL;
}

/* NULL, or why nothing was read. */
static const char *read_hwloc(struct gk_topology *result) {
    hwloc_topology_t t;
    const char *reason = obstacle();
    if (reason) return reason;
    if (hwloc_topology_init(&t) != 0) return "hwloc does not start";
    if (load(t) && hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_CORE) > 0) {
        read_cores(t);
        result->machine_cores = count_of(t, HWLOC_OBJ_CORE);
        result->packages = count_of(t, HWLOC_OBJ_PACKAGE);
        result->numa_nodes = count_of(t, HWLOC_OBJ_NUMANODE);
        result->caches.l1d = cache_bytes(t, HWLOC_OBJ_L1CACHE, result->caches.l1d);
        result->caches.l2 = cache_bytes(t, HWLOC_OBJ_L2CACHE, result->caches.l2);
        result->caches.l3 = cache_bytes(t, HWLOC_OBJ_L3CACHE, result->caches.l3);
    } else reason = "hwloc finds no cores";
    hwloc_topology_destroy(t);
    return reason;
}

bool gk_processors_usable(struct gk_processors *usable) {
    *usable = (struct gk_processors){0};
    if (gk_team_places(usable)) return true;
    if (sched_getaffinity(0, sizeof usable->set, usable->set) != 0) CPU_SET_S(0, sizeof usable->set, usable->set);
    return false;
}

static void count_cores(struct gk_topology *t) {
    struct gk_processors usable, cores = {0};
    const bool places = gk_processors_usable(&usable);
    for (size_t i = 0; i < GK_PROCESSORS_MAX; i++)
        if (CPU_ISSET_S(i, sizeof usable.set, usable.set)) CPU_SET_S(core_of[i], sizeof cores.set, cores.set);
    t->cores = (size_t)CPU_COUNT_S(sizeof cores.set, cores.set);
    t->logical = (size_t)CPU_COUNT_S(sizeof usable.set, usable.set);
    t->cores_rule = places     ? "physical cores in OpenMP's places"
                    : t->known ? "physical cores this thread may use"
                               : "processors this thread may use";
}

static void read_topology(void) {
    for (size_t i = 0; i < GK_PROCESSORS_MAX; i++) core_of[i] = (uint16_t)i;
    topology = (struct gk_topology){
        .machine_cores = at_least_one(sysconf(_SC_NPROCESSORS_ONLN)),
        .packages = 1,
        .numa_nodes = 1,
        .caches = {.l1d = 32 << 10, .l2 = 1 << 20, .l3 = 16 << 20},
    };
    const char *const reason = read_hwloc(&topology);
    topology.known = !reason;
    if (reason)
        fprintf(stderr,
                "gradkern: warning: the machine is not known (%s): "
                "each processor counts as a core, caches are guessed\n",
                reason);
    topology.cpu_quota = gk_cgroup_cpu_quota("");
    count_cores(&topology);
}

const struct gk_topology *gk_topology_get(void) {
    pthread_once(&read_once, read_topology);
    return &topology;
}

struct gk_topology gk_topology_now(void) {
    struct gk_topology now = *gk_topology_get();
    count_cores(&now);
    return now;
}

/* OMP_NUM_THREADS may be a list, one number for each level of nesting: the first counts, the rest is the runtime's. 0: no such
 * number. */
static size_t first_number(const char *text) {
    char *end;
    while (isspace((unsigned char)*text)) text++;
    if (!isdigit((unsigned char)*text)) return 0;
    const unsigned long n = strtoul(text, &end, 10); /* the largest there is where it overflows */
    while (isspace((unsigned char)*end)) end++;
    return *end != '\0' && *end != ',' ? 0 : n;
}

static size_t capped(size_t threads, const char **rule, const char *reason) {
    if (threads <= GK_THREADS_MAX) return threads;
    *rule = reason;
    return GK_THREADS_MAX;
}

size_t gk_threads_choose(const struct gk_topology *t, size_t asked, const char *omp, const char **rule) {
    *rule = "asked for";
    if (asked) return asked <= GK_THREADS_MAX ? asked : 0;
    *rule = "OMP_NUM_THREADS";
    if (omp && *omp) return capped(first_number(omp), rule, "OMP_NUM_THREADS asks for more than gradkern supports");
    const double quota = ceil(t->cpu_quota);
    if (quota >= 1 && quota < (double)t->cores && quota <= GK_THREADS_MAX) {
        *rule = "CPU quota of the cgroup";
        return (size_t)quota;
    }
    *rule = t->cores_rule;
    return capped(t->cores, rule, "gradkern supports no more");
}
