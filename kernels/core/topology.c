#include "topology.h"

#include <ctype.h>
#include <errno.h>
#include <hwloc.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gk_topology topology;
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

static size_t at_least_one(long n) {
    return n > 0 ? (size_t)n : 1;
}

static size_t count_of(hwloc_topology_t t, hwloc_obj_type_t type) {
    return at_least_one(hwloc_get_nbobjs_by_type(t, type));
}

/* Cores of which the process may use a hardware thread. */
static size_t cores_in(hwloc_topology_t t, hwloc_const_cpuset_t set) {
    long cores = 0;
    for (hwloc_obj_t core = NULL; (core = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_CORE, core));)
        cores += hwloc_bitmap_intersects(core->cpuset, set);
    return at_least_one(cores);
}

static size_t cache_bytes(hwloc_topology_t t, hwloc_obj_type_t type, size_t otherwise) {
    const hwloc_obj_t cache = hwloc_get_obj_by_type(t, type, 0);
    return cache && cache->attr->cache.size ? (size_t)cache->attr->cache.size : otherwise;
}

static bool read_hwloc(struct gk_topology *result) {
    hwloc_topology_t t;
    if (hwloc_topology_init(&t) != 0) return false;
    const hwloc_bitmap_t set = hwloc_bitmap_alloc();
    const bool loaded = set && hwloc_topology_load(t) == 0;
    if (loaded) {
        if (hwloc_get_cpubind(t, set, HWLOC_CPUBIND_PROCESS) != 0 || hwloc_bitmap_iszero(set))
            hwloc_bitmap_copy(set, hwloc_topology_get_allowed_cpuset(t));
        result->cores = cores_in(t, set);
        result->logical = at_least_one(hwloc_bitmap_weight(set));
        result->machine_cores = count_of(t, HWLOC_OBJ_CORE);
        result->packages = count_of(t, HWLOC_OBJ_PACKAGE);
        result->numa_nodes = count_of(t, HWLOC_OBJ_NUMANODE);
        result->caches.l1d = cache_bytes(t, HWLOC_OBJ_L1CACHE, result->caches.l1d);
        result->caches.l2 = cache_bytes(t, HWLOC_OBJ_L2CACHE, result->caches.l2);
        result->caches.l3 = cache_bytes(t, HWLOC_OBJ_L3CACHE, result->caches.l3);
    }
    hwloc_bitmap_free(set);
    hwloc_topology_destroy(t);
    return loaded;
}

double gk_cpu_quota_parse(const char *cpu_max) {
    char *end;
    if (!isdigit((unsigned char)cpu_max[0])) return 0;
    errno = 0;
    const unsigned long long quota = strtoull(cpu_max, &end, 10);
    if (errno || *end != ' ' || !isdigit((unsigned char)end[1])) return 0;
    const unsigned long long period = strtoull(end + 1, &end, 10);
    if (errno || (*end != '\0' && *end != '\n') || quota == 0 || period == 0) return 0;
    return (double)quota / (double)period;
}

static bool read_line(const char *path, char *line, size_t size) {
    FILE *const file = fopen(path, "re");
    if (!file) return false;
    const bool read = fgets(line, (int)size, file) != NULL;
    fclose(file);
    return read;
}

/* Quota of version 1: two files of one number each; -1 is none. */
static double quota_of_version_1(void) {
    char quota[64], both[160], period[64];
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota)) return 0;
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period)) return 0;
    quota[strcspn(quota, "\n")] = '\0';
    snprintf(both, sizeof both, "%s %s", quota, period);
    return gk_cpu_quota_parse(both);
}

static double smaller_quota(double a, double b) {
    return a == 0 ? b : b == 0 || a < b ? a : b;
}

/* The tightest quota of this process's cgroup and those above it. */
static double read_quota(void) {
    char line[512], path[600], text[64];
    double quota = quota_of_version_1();
    if (!read_line("/proc/self/cgroup", line, sizeof line) || strncmp(line, "0::", 3) != 0) return quota;
    char *const group = line + 3;
    group[strcspn(group, "\n")] = '\0';
    for (;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", strcmp(group, "/") == 0 ? "" : group);
        if (read_line(path, text, sizeof text)) quota = smaller_quota(quota, gk_cpu_quota_parse(text));
        char *const last = strrchr(group, '/');
        if (!last || !*group) return quota;
        *last = '\0';
    }
}

static void read_topology(void) {
    const size_t processors = at_least_one(sysconf(_SC_NPROCESSORS_ONLN));
    topology = (struct gk_topology){
        .cores = processors, .logical = processors, .machine_cores = processors, .packages = 1, .numa_nodes = 1,
        .caches = {.l1d = 32 << 10, .l2 = 1 << 20, .l3 = 16 << 20},
    };
    read_hwloc(&topology);
    topology.cpu_quota = read_quota();
}

const struct gk_topology *gk_topology_get(void) {
    pthread_once(&read_once, read_topology);
    return &topology;
}

/* OMP_NUM_THREADS may be a list, one number for each level of nesting: the first counts. 0: not such a list. */
static size_t first_number(const char *text) {
    char *end;
    while (isspace((unsigned char)*text)) text++;
    if (!isdigit((unsigned char)*text)) return 0;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    while (isspace((unsigned char)*end)) end++;
    return errno || (*end != '\0' && *end != ',') || n > GK_THREADS_MAX ? 0 : (size_t)n;
}

size_t gk_threads_choose(const struct gk_topology *t, size_t asked, const char *omp, const char **rule) {
    *rule = "asked for";
    if (asked) return asked <= GK_THREADS_MAX ? asked : 0;
    *rule = "OMP_NUM_THREADS";
    if (omp && *omp) return first_number(omp);
    const double quota = ceil(t->cpu_quota);
    *rule = "physical cores this process may use";
    size_t threads = t->cores;
    if (quota >= 1 && quota < (double)threads) {
        *rule = "CPU quota of the cgroup";
        threads = (size_t)quota;
    }
    return threads < GK_THREADS_MAX ? threads : GK_THREADS_MAX;
}
