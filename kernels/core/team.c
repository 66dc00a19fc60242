/* The only file that speaks OpenMP. */
#include "team.h"

#include <ctype.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cpu.h"

static _Atomic(const char *) always_serial;

static void in_child(void) { atomic_store(&always_serial, "this process is a child after fork"); }

/* When the library is loaded, not at its first call: a host that used OpenMP itself may fork before that. */
__attribute__((constructor)) static void watch_forks(void) {
    if (pthread_atfork(NULL, NULL, in_child) != 0) atomic_store(&always_serial, "no memory to watch for forks");
}

const char *gk_team_serial_reason(void) {
    const char *const reason = atomic_load_explicit(&always_serial, memory_order_relaxed);
    return reason ? reason : omp_get_level() > 0 ? "the caller is inside a parallel region" : NULL;
}

size_t gk_team_stack_bytes(size_t least) {
    static const char *const variables[] = {"OMP_STACKSIZE", "GOMP_STACKSIZE", "KMP_STACKSIZE"};
    static const char units[] = "bkmgt";
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *const text = getenv(variables[i]);
        char letter = 'k';
        size_t size = 0;
        if (!text || sscanf(text, "%zu %c", &size, &letter) < 1) continue;
        const char *const unit = strchr(units, tolower((unsigned char)letter));
        const int shift = unit ? 10 * (int)(unit - units) : 10;
        const size_t bytes = size <= SIZE_MAX >> shift ? size << shift : SIZE_MAX;
        if (bytes > least) least = bytes;
    }
    return least;
}

/* Threads that all exist at the same time, held by a closed gate. One trial at a time: they are many for a small stack. */
static pthread_mutex_t trial = PTHREAD_MUTEX_INITIALIZER, gate = PTHREAD_MUTEX_INITIALIZER;
static struct {
    pthread_t thread;
    pid_t id;
} tried[GK_THREADS_MAX];

/* A thread counts against a limit until it is gone, a moment after it was joined; on a busy machine, many turns later. */
static bool gone(pid_t id) {
    for (int turn = 0; turn < 2000; turn++) {
        if (tgkill(getpid(), id, 0) != 0) return true;
        if (turn < 1000) sched_yield();
        else nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

static void *wait_at_gate(void *id) {
    *(pid_t *)id = gettid();
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return NULL;
}

/* How many of so many more threads this process can have now, with SPARE bytes of memory left for what else it does. The caller
 * holds the trial, and cannot be cancelled. */
static size_t try_threads(size_t wanted) {
    enum { SPARE = 64 << 20 };
    pthread_attr_t attributes;
    size_t count = 0, free_again = 0, stack = 0;
    if (pthread_attr_init(&attributes) != 0) return 0;
    void *const spare = mmap(NULL, SPARE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (spare == MAP_FAILED) return 0; /* the attributes hold no memory */
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_setstacksize(&attributes, gk_team_stack_bytes(stack));
    pthread_mutex_lock(&gate);
    while (count < wanted && count < GK_THREADS_MAX &&
           pthread_create(&tried[count].thread, &attributes, wait_at_gate, &tried[count].id) == 0)
        count++;
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < count; i++) {
        pthread_join(tried[i].thread, NULL);
        free_again += gone(tried[i].id);
    }
    pthread_attr_destroy(&attributes);
    munmap(spare, SPARE);
    return free_again;
}

/* Of the calling thread, for each has a pool of its own: the threads that its last team asked for, and the most it can have. */
static _Thread_local size_t pool = 1, most = GK_THREADS_MAX;

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

/* libgomp ends the process where a thread cannot be created. So the threads of a team are tried before it asks for them, and
 * again where a team is larger than the last one, for libgomp ends the threads that a team does not need. A caller that was
 * refused threads does not try again. *trying: the trial is held until the threads are there, lest another caller's takes their
 * places. */
static size_t available(size_t threads, bool *trying) {
    int state;
    threads = least_of(threads, most);
    if (threads <= pool) return threads;
    threads = least_of(threads, (size_t)omp_get_thread_limit());
    if (threads <= pool) return threads;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_mutex_lock(&trial);
    const size_t found = pool + try_threads(threads - pool);
    if (found < threads) threads = most = found;
    *trying = threads > 1;
    if (!*trying) pthread_mutex_unlock(&trial);
    pthread_setcancelstate(state, NULL);
    return threads;
}

/* One member of a team, in the floating-point state of the caller: OpenMP's threads keep that of their first region. Afterwards
 * they have their own again, for they serve other regions of the host, too. */
static void run_member(uint32_t state, gk_run *run, const void *args, const struct gk_team *team) {
    const uint32_t own = gk_cpu_float_state();
    if (own != state) gk_cpu_set_float_state(state);
    run(args, team);
    if (own != state) gk_cpu_set_float_state(own);
}

static void add_place(int place, struct gk_processors *processors) {
    const size_t count = (size_t)omp_get_place_num_procs(place);
    int *const ids = calloc(count, sizeof *ids);
    if (!ids) return;
    omp_get_place_proc_ids(place, ids);
    for (size_t i = 0; i < count; i++) CPU_SET_S((size_t)ids[i], sizeof processors->set, processors->set);
    free(ids);
}

/* A runtime that nobody told to bind is left alone: clang's starts at the first question, and dies where it has no memory. */
bool gk_team_places(struct gk_processors *processors) {
    static const char *const variables[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"};
    bool told = false;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) told = told || getenv(variables[i]);
    if (!told) return false;
    const int places = omp_get_num_places(); /* clang's runtime has one where it does not bind */
    if (places == 0 || (places == 1 && omp_get_proc_bind() == omp_proc_bind_false)) return false;
    for (int i = 0; i < places; i++) add_place(i, processors);
    return CPU_COUNT_S(sizeof processors->set, processors->set) > 0;
}

/* Apart: clang's runtime starts where a function that has a region begins, and dies where it has no memory. */
__attribute__((noinline)) static size_t run_region(size_t threads, gk_run *run, const void *args, void *scratch,
                                                   const struct gk_caches *caches, bool trying) {
    const uint32_t state = gk_cpu_float_state();
    size_t size = 1;
#pragma omp parallel num_threads((int)threads)
    {
        const struct gk_team team = {
            .rank = (size_t)omp_get_thread_num(), .size = (size_t)omp_get_num_threads(), .scratch = scratch, .caches = caches};
        if (team.rank == 0 && trying) pthread_mutex_unlock(&trial);
        run_member(state, run, args, &team);
        if (team.rank == 0) size = team.size; /* at the end: all threads have read what lies beside it */
    }
    return size;
}

size_t gk_team_run(size_t threads, gk_run *run, const void *args, void *scratch, const struct gk_caches *caches) {
    bool trying = false;
    if (threads > 1) threads = gk_team_serial_reason() ? 1 : available(threads, &trying);
    if (threads > 1) {
        pool = threads; /* also where OpenMP gives fewer: else each call would try them again */
        return run_region(threads, run, args, scratch, caches, trying);
    }
    run(args, &(struct gk_team){.rank = 0, .size = 1, .scratch = scratch, .caches = caches});
    return 1;
}

void gk_team_barrier(const struct gk_team *team) {
    if (team->size == 1) return;
#pragma omp barrier
}

/* Not in the header: there it took registers that loops of kernels want (softmax_xent_backward of 100 x 10: 12 % slower). */
struct gk_slice gk_team_slice(const struct gk_team *team, size_t total, size_t unit) {
    return gk_slice_of(total, unit, team->rank, team->size);
}
