#include "bind.h"

#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/team.h"

const char *const gb_bind_words[GB_BIND_COUNT + 1] = {"none", "core", "pu", NULL};

struct gb_binding {
    hwloc_topology_t topology;
    hwloc_bitmap_t before; /* where the team was allowed to run */
    unsigned *places;      /* each a hardware thread in it */
    size_t n_places;
    size_t threads; /* of the team that is bound now; 0: none */
    atomic_bool failed;
};

static void destroy(struct gb_binding *binding) {
    free(binding->places);
    hwloc_bitmap_free(binding->before);
    hwloc_topology_destroy(binding->topology);
    free(binding);
}

/* Each round takes the next hardware thread of each core that has one left. */
size_t gb_places_find(hwloc_topology_t topology, hwloc_const_bitmap_t usable, enum gb_bind where, unsigned *places) {
    const hwloc_bitmap_t left = hwloc_bitmap_dup(usable);
    size_t count = 0, before;
    do {
        before = count;
        for (hwloc_obj_t core = NULL; left && (core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core));) {
            int first = hwloc_bitmap_first(core->cpuset);
            while (first >= 0 && !hwloc_bitmap_isset(left, (unsigned)first)) first = hwloc_bitmap_next(core->cpuset, first);
            if (first < 0) continue;
            hwloc_bitmap_clr(left, (unsigned)first);
            places[count++] = (unsigned)first;
        }
    } while (where == GB_BIND_PU && count > before);
    hwloc_bitmap_free(left);
    return count;
}

static bool find_places(struct gb_binding *binding, enum gb_bind where) {
    const int all = hwloc_get_nbobjs_by_type(binding->topology, HWLOC_OBJ_PU);
    struct gk_processors usable;
    gk_processors_usable(&usable);
    binding->before = hwloc_bitmap_alloc();
    binding->places = calloc((size_t)all, sizeof *binding->places);
    if (!binding->before || !binding->places ||
        hwloc_cpuset_from_glibc_sched_affinity(binding->topology, binding->before, usable.set, sizeof usable.set) != 0)
        return false;
    binding->n_places = gb_places_find(binding->topology, binding->before, where, binding->places);
    return binding->n_places > 0;
}

struct gb_binding *gb_binding_create(enum gb_bind where) {
    if (where == GB_BIND_NONE || !gk_topology_get()->known) return NULL;
    struct gb_binding *const binding = calloc(1, sizeof *binding);
    if (!binding) return NULL;
    if (hwloc_topology_init(&binding->topology) != 0) {
        free(binding);
        return NULL;
    }
    /* of another machine (HWLOC_SYNTHETIC) hwloc binds nothing, and calls it a success */
    if (hwloc_topology_load(binding->topology) == 0 && hwloc_topology_is_thissystem(binding->topology) &&
        find_places(binding, where))
        return binding;
    destroy(binding);
    return NULL;
}

bool gb_first_places(enum gb_bind where, size_t threads, cpu_set_t *set) {
    struct gb_binding *const binding = gb_binding_create(where);
    CPU_ZERO(set);
    if (!binding) return false;
    bool good = threads <= binding->n_places;
    for (size_t i = 0; i < threads && good; i++) {
        good = binding->places[i] < CPU_SETSIZE;
        CPU_SET(binding->places[i], set);
    }
    destroy(binding);
    return good;
}

static bool bind_thread(const struct gb_binding *binding, const struct gk_team *team) {
    const hwloc_bitmap_t set = hwloc_bitmap_dup(binding->before);
    if (set && team->size <= binding->n_places) hwloc_bitmap_only(set, binding->places[team->rank]);
    const bool bound = set && hwloc_set_cpubind(binding->topology, set, HWLOC_CPUBIND_THREAD) == 0;
    hwloc_bitmap_free(set);
    return bound;
}

static void bind_one(const void *args, const struct gk_team *team) {
    struct gb_binding *const binding = *(struct gb_binding *const *)args;
    if (binding && !bind_thread(binding, team)) atomic_store(&binding->failed, true);
}

static void nothing(const void *args, const struct gk_team *team) {
    (void)args;
    (void)team;
}

/* A team of another size may consist of new threads, which start where the first one is bound. */
size_t gb_binding_apply(struct gb_binding *binding, size_t threads) {
    static const struct gk_caches none;
    const bool bound = !binding || binding->threads == threads ||
                       (threads == 1 && binding->threads > 0 && binding->threads <= binding->n_places);
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
