#include "machine.h"

#include <pthread.h>
#include <stdio.h>

#include "core/cpu.h"
#include "core/topology.h"
#include "environment.h"
#include "text.h"

static struct gb_machine machine;
static pthread_once_t known = PTHREAD_ONCE_INIT;

struct gb_machine gb_machine_of(const struct gk_topology *t) {
    struct gk_cpu_dump dump;
    struct gb_machine m = {.cores = t->cores,
                           .logical = t->logical,
                           .machine_cores = t->machine_cores,
                           .packages = t->packages,
                           .numa_nodes = t->numa_nodes,
                           .cpu_quota = t->cpu_quota,
                           .known = t->known,
                           .caches = t->caches};
    gk_cpu_brand(m.cpu, sizeof m.cpu);
    gk_cpu_read(&dump);
    gk_cpu_feature_names(gk_cpu_features(&dump), m.features, sizeof m.features);
    return m;
}

static void look(void) { machine = gb_machine_of(gk_topology_get()); }

const struct gb_machine *gb_machine_get(void) {
    pthread_once(&known, look);
    return &machine;
}

const char *gb_machine_text(const struct gb_machine *m, char *text, size_t size) {
    char cores[32], l1[24], l2[24], l3[24], nodes[32];
    snprintf(text, size, "%s, %s, L1d %s, L2 %s, L3 %s, %s", m->cpu, gb_count_text(m->cores, "core", cores, sizeof cores),
             gb_bytes_text((double)m->caches.l1d, l1, sizeof l1), gb_bytes_text((double)m->caches.l2, l2, sizeof l2),
             gb_bytes_text((double)m->caches.l3, l3, sizeof l3),
             gb_count_text(m->numa_nodes, "NUMA node", nodes, sizeof nodes));
    return text;
}

size_t gb_threads_most(void) { return GK_THREADS_MAX; }

size_t gb_threads_default(void) {
    const char *rule;
    return gk_threads_choose(gk_topology_get(), 0, gb_environment_get("OMP_NUM_THREADS"), &rule);
}
