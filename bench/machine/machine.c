#include "machine.h"

#include <pthread.h>
#include <stdio.h>

#include "core/cpu.h"
#include "core/topology.h"
#include "environment.h"
#include "text.h"

static struct gb_machine machine;
static pthread_once_t known = PTHREAD_ONCE_INIT;

static void look(void) {
    const struct gk_topology *const t = gk_topology_get();
    struct gk_cpu_dump dump;
    machine = (struct gb_machine){.cores = t->cores,
                                  .logical = t->logical,
                                  .machine_cores = t->machine_cores,
                                  .packages = t->packages,
                                  .numa_nodes = t->numa_nodes,
                                  .cpu_quota = t->cpu_quota,
                                  .known = t->known,
                                  .caches = t->caches};
    gk_cpu_brand(machine.cpu, sizeof machine.cpu);
    gk_cpu_read(&dump);
    gk_cpu_feature_names(gk_cpu_features(&dump), machine.features, sizeof machine.features);
}

const struct gb_machine *gb_machine_get(void) {
    pthread_once(&known, look);
    return &machine;
}

const char *gb_machine_text(char *text, size_t size) {
    const struct gb_machine *const m = gb_machine_get();
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
