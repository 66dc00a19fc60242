/* The machine as this process sees it: cores, caches and NUMA nodes (hwloc), affinity mask, cgroup quota. */
#ifndef GK_TOPOLOGY_H
#define GK_TOPOLOGY_H

#include <stddef.h>

/* Bytes; l1d and l2 of one core, l3 of one cache, however many cores share it. Never 0: typical sizes where hwloc knows none. */
struct gk_caches {
    size_t l1d, l2, l3;
};

struct gk_topology {
    size_t cores;         /* physical cores in the affinity mask, at least 1 */
    size_t logical;       /* hardware threads in the affinity mask */
    size_t machine_cores; /* physical cores of the whole machine */
    size_t packages;
    size_t numa_nodes;
    double cpu_quota; /* CPUs that the cgroup may use, 0: no limit */
    struct gk_caches caches;
};

/* Read once, at the first call; safe from any thread. */
const struct gk_topology *gk_topology_get(void);

enum { GK_THREADS_MAX = 1024 };

/* The rule of the threads: asked (options.threads), else omp (the text of OMP_NUM_THREADS, its first number; NULL or "" if unset),
 * else the cores, capped by the quota rounded up. Returns 0 if asked is above GK_THREADS_MAX or omp is no number from 1 to
 * GK_THREADS_MAX. *rule says in words which one decided. Pure. */
size_t gk_threads_choose(const struct gk_topology *topology, size_t asked, const char *omp, const char **rule);

/* The quota that the text of a cgroup v2 cpu.max stands for ("max 100000", "150000 100000"), 0: none or malformed. Pure. */
double gk_cpu_quota_parse(const char *cpu_max);

#endif
