/* The machine, as the library's core sees it, for those who plan and report. */
#ifndef GB_MACHINE_H
#define GB_MACHINE_H

#include "isa.h"

struct gb_machine {
    char cpu[96];          /* the processor's name for itself */
    char features[256];    /* those that the library looks for, separated by spaces */
    size_t cores, logical; /* that this process may use: physical ones, and hardware threads */
    size_t machine_cores;  /* of the whole machine */
    size_t packages, numa_nodes;
    double cpu_quota; /* CPUs that the cgroup may use, 0: no limit */
    bool known;       /* false: hwloc could not read the machine */
    struct gk_caches caches;
};

/* As it was at the first call, whatever is bound later. */
const struct gb_machine *gb_machine_get(void);

/* With this processor's name and features, and all else as the core says. */
struct gk_topology;
struct gb_machine gb_machine_of(const struct gk_topology *topology);

/* "AMD EPYC, 2 cores, L1d 48 KiB, L2 1.0 MiB, L3 32 MiB, 1 NUMA node" in text, which is also returned. */
const char *gb_machine_text(const struct gb_machine *machine, char *text, size_t size);

/* The most threads that a call can have, and those that a context without options has; 0: OMP_NUM_THREADS makes no sense. */
size_t gb_threads_most(void);
size_t gb_threads_default(void);

#endif
