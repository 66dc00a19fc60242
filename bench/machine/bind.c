#include "bind.h"

#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/team.h"

struct gb_binding {
    hwloc_topology_t topology;
    hwloc_bitmap_t before; /* where the team was allowed to run */
    hwloc_bitmap_t *cores; /* one hardware thread of each core in it */
    size_t n_cores;
    size_t threads; /* of the team that is bound now; 0: none */
    atomic_bool failed;
};

static void destroy(struct gb_binding *binding) {
    for (size_t i = 0; i < binding->n_cores; i++) hwloc_bitmap_free(binding->cores[i]);
    free(binding->cores);
    hwloc_bitmap_free(binding->before);
    hwloc_topology_destroy(binding->topology);
    free(binding);
}

static bool find_cores(struct gb_binding *binding) {
    const int all = hwloc_get_nbobjs_by_type(binding->topology, HWLOC_OBJ_CORE);
    struct gk_processors usable;
    gk_processors_usable(&usable);
    binding->before = hwloc_bitmap_alloc();
    if (!binding->before ||
        hwloc_cpuset_from_glibc_sched_affinity(binding->topology, binding->before, usable.set, sizeof usable.set) != 0)
        return false;
    binding->cores = calloc((size_t)all, sizeof *binding->cores); /* of -1 or 0, no cores are found */
    for (int i = 0; i < all && binding->cores; i++) {
        const hwloc_obj_t core = hwloc_get_obj_by_type(binding->topology, HWLOC_OBJ_CORE, (unsigned)i);
        hwloc_bitmap_t set = hwloc_bitmap_dup(core->cpuset);
        if (!set) return false;
        hwloc_bitmap_and(set, set, binding->before);
        hwloc_bitmap_singlify(set);
        if (hwloc_bitmap_iszero(set)) hwloc_bitmap_free(set);
        else binding->cores[binding->n_cores++] = set;
    }
    return binding->n_cores > 0;
}

struct gb_binding *gb_binding_create(void) {
    if (!gk_topology_get()->known) return NULL;
    struct gb_binding *const binding = calloc(1, sizeof *binding);
    if (!binding) return NULL;
    if (hwloc_topology_init(&binding->topology) != 0) {
        free(binding);
        return NULL;
    }
    /* of another machine (HWLOC_SYNTHETIC) hwloc binds nothing, and calls it a success */
    if (hwloc_topology_load(binding->topology) == 0 && hwloc_topology_is_thissystem(binding->topology) && find_cores(binding))
        return binding;
    destroy(binding);
    return NULL;
}

bool gb_first_cores(size_t threads, cpu_set_t *set) {
    struct gb_binding *const binding = gb_binding_create();
    CPU_ZERO(set);
    if (!binding) return false;
    bool good = threads <= binding->n_cores;
    for (size_t i = 0; i < threads && good; i++) {
        cpu_set_t core;
        good = hwloc_cpuset_to_glibc_sched_affinity(binding->topology, binding->cores[i], &core, sizeof core) == 0;
        CPU_OR(set, set, &core);
    }
    destroy(binding);
    return good;
}

static void bind_one(const void *args, const struct gk_team *team) {
    struct gb_binding *const binding = *(struct gb_binding *const *)args;
    if (!binding) return;
    const hwloc_const_bitmap_t set = team->size <= binding->n_cores ? binding->cores[team->rank] : binding->before;
    if (hwloc_set_cpubind(binding->topology, set, HWLOC_CPUBIND_THREAD) != 0) atomic_store(&binding->failed, true);
}

static void nothing(const void *args, const struct gk_team *team) {
    (void)args;
    (void)team;
}

/* A team of another size may consist of new threads, which start where the first one is bound. */
size_t gb_binding_apply(struct gb_binding *binding, size_t threads) {
    static const struct gk_caches none;
    const bool bound = !binding || binding->threads == threads ||
                       (threads == 1 && binding->threads > 0 && binding->threads <= binding->n_cores);
    const size_t ran = gk_team_run(threads, bound ? nothing : bind_one, &binding, NULL, &none);
    if (!bound) binding->threads = threads;
    return ran;
}

void gb_binding_destroy(struct gb_binding *binding) {
    if (!binding) return;
    hwloc_set_cpubind(binding->topology, binding->before, HWLOC_CPUBIND_THREAD);
    destroy(binding);
}

bool gb_binding_works(const struct gb_binding *binding) { return binding && !atomic_load(&binding->failed); }
