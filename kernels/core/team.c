/* The only file that speaks OpenMP. */
#include "team.h"

#include <omp.h>
#include <pthread.h>

static atomic_bool forked;
static pthread_once_t watched = PTHREAD_ONCE_INIT;

static void in_child(void) {
    atomic_store(&forked, true);
}

static void watch_forks(void) {
    pthread_atfork(NULL, NULL, in_child);
}

const char *gk_team_serial_reason(void) {
    if (atomic_load_explicit(&forked, memory_order_relaxed)) return "this process is a child after fork";
    return omp_in_parallel() ? "the caller is inside a parallel region" : NULL;
}

void gk_team_run(size_t threads, gk_run *run, const void *args, void *scratch, const struct gk_caches *caches) {
    atomic_size_t next = 0;
    if (threads <= 1 || gk_team_serial_reason()) {
        run(args, &(struct gk_team){.rank = 0, .size = 1, .scratch = scratch, .caches = caches, .next = &next});
        return;
    }
    pthread_once(&watched, watch_forks);
#pragma omp parallel num_threads((int)threads)
    run(args, &(struct gk_team){.rank = (size_t)omp_get_thread_num(),
                                .size = (size_t)omp_get_num_threads(),
                                .scratch = scratch,
                                .caches = caches,
                                .next = &next});
}

void gk_team_barrier(const struct gk_team *team) {
    if (team->size == 1) return;
#pragma omp barrier
}

struct gk_slice gk_team_slice(const struct gk_team *team, size_t total, size_t unit) {
    if (team->size == 1) return (struct gk_slice){0, total};
    const size_t units = total / unit + (total % unit != 0);
    const size_t share = units / team->size, more = units % team->size;
    const size_t first = team->rank * share + (team->rank < more ? team->rank : more);
    const size_t begin = first * unit, end = (first + share + (team->rank < more)) * unit;
    return (struct gk_slice){begin < total ? begin : total, end < total ? end : total};
}
