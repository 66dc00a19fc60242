/* The machine as this process sees it: cores, caches and NUMA nodes (hwloc), affinity mask, cgroup quota. */
#ifndef GK_TOPOLOGY_H
#define GK_TOPOLOGY_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "isa.h"

struct gk_topology {
    size_t cores;           /* physical cores among the processors that gk_processors_usable gives, at least 1 */
    size_t logical;         /* hardware threads among them */
    const char *cores_rule; /* what they are, in words */
    size_t machine_cores;   /* physical cores of the whole machine */
    size_t packages;
    size_t numa_nodes;
    double cpu_quota; /* CPUs that the cgroup may use, 0: no limit */
    bool known;       /* false: hwloc could not read the machine, each processor counts as a core */
    struct gk_caches caches;
};

/* As it was at the first call, whatever is bound later; safe from any thread. */
const struct gk_topology *gk_topology_get(void);

/* The same machine, with the cores that the calling thread may use now. */
struct gk_topology gk_topology_now(void);

/* A set of processors for the CPU_*_S macros, as many as Linux has at most. */
enum { GK_PROCESSORS_MAX = 8192 };
struct gk_processors {
    cpu_set_t set[GK_PROCESSORS_MAX / CPU_SETSIZE];
};

/* Where a team of the calling thread runs: OpenMP's places if it binds threads (it has then bound this one to the first, so
 * that the mask of the thread says nothing), else the thread's affinity mask. True: places. */
bool gk_processors_usable(struct gk_processors *usable);

enum { GK_THREADS_MAX = 1024 };

/* The rule of the threads: asked (options.threads), else omp (the text of OMP_NUM_THREADS, its first number; NULL or "" if
 * unset), else the cores, capped by the quota rounded up. omp and the cores are capped at GK_THREADS_MAX. Returns 0 if asked is
 * above GK_THREADS_MAX or omp is no number of at least 1. *rule says in words which one decided. Pure. */
size_t gk_threads_choose(const struct gk_topology *topology, size_t asked, const char *omp, const char **rule);

#endif
