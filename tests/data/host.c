/* A program that loads the shared library, as other programs do: it knows the header and dlopen, and links no OpenMP runtime
 * but in the build that is a host with parallel regions of its own. `host SCENARIO LIBRARY`; 0: good, 77: this system does not
 * limit so, else it says what was wrong. */
#include <dlfcn.h>
#include <gradkern.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { N = 300, D = 40, M = 50, ROUNDS = 1000, LIMIT = 60 };

static const char *library;

struct gradkern {
    void *handle;
    gk_status (*create)(gk_context **ctx, const gk_options *options);
    void (*destroy)(gk_context *ctx);
    gk_status (*affine_dw)(gk_context *ctx, const gk_affine_dw_args *args);
};

static void fail(const char *what) {
    fprintf(stderr, "host: %s\n", what);
    _exit(1);
}

static void *symbol(void *handle, const char *name) {
    void *const found = dlsym(handle, name);
    if (!found) fail(name);
    return found;
}

static struct gradkern load(void) {
    struct gradkern g = {.handle = dlopen(library, RTLD_NOW | RTLD_LOCAL)};
    if (!g.handle) fail(dlerror());
    *(void **)&g.create = symbol(g.handle, "gk_context_create");
    *(void **)&g.destroy = symbol(g.handle, "gk_context_destroy");
    *(void **)&g.affine_dw = symbol(g.handle, "gk_affine_dw");
    return g;
}

static gk_context *context(const struct gradkern *g, size_t threads) {
    gk_context *ctx;
    const gk_options options = {.threads = threads, .serial_below = 1};
    if (g->create(&ctx, &options) != GK_OK) fail("no context");
    return ctx;
}

/* dw of numbers that are neither whole nor small, tiny ones among them. */
static void call(const struct gradkern *g, gk_context *ctx, float dw[D * M]) {
    static float x[N * D], dy[N * M];
    for (size_t i = 0; i < N * D; i++) x[i] = (float)((double)(i * 7919 % 1009) / 1009 - 0.4) * (i % 3 ? 1 : 1e-30f);
    for (size_t i = 0; i < N * M; i++) dy[i] = (float)((double)(i * 104729 % 2003) / 2003 - 0.6) * (i % 3 ? 1 : 1e-12f);
    const gk_affine_dw_args args = {.n = N, .d = D, .m = M, .x = x, .dy = dy, .dw = dw};
    if (g->affine_dw(ctx, &args) != GK_OK) fail("the call failed");
}

/* Calls on so many threads and on one: the same bits. */
static void compare(const struct gradkern *g, gk_context *many) {
    static float serial[D * M], parallel[D * M];
    gk_context *const one = context(g, 1);
    call(g, one, serial);
    call(g, many, parallel);
    if (memcmp(serial, parallel, sizeof serial) != 0) fail("threads change the bits");
    g->destroy(one);
}

static void compute(size_t threads) {
    const struct gradkern g = load();
    gk_context *const ctx = context(&g, threads);
    compare(&g, ctx);
    g.destroy(ctx);
}

/* Calls body in a child that has LIMIT seconds. */
static int in_child(void (*body)(void)) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        alarm(LIMIT);
        body();
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) fail("no child");
    if (WIFSIGNALED(status)) fprintf(stderr, "host: the child ended with signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* What the host itself does with threads. */
static void own_region(void) {
#ifdef _OPENMP
    int ran = 0;
#pragma omp parallel num_threads(3) reduction(+ : ran)
    ran++;
    if (ran < 1) fail("no region");
#endif
}

static int reload(void) {
    for (int i = 0; i < ROUNDS; i++) {
        const struct gradkern g = load();
        gk_context *const ctx = context(&g, 3);
        if (i % 100 == 0) compare(&g, ctx);
        else call(&g, ctx, (float[D * M]){0});
        g.destroy(ctx);
        if (dlclose(g.handle) != 0) fail("dlclose");
    }
    return 0;
}

static struct gradkern inherited;
static gk_context *inherited_context;

static void use_inherited(void) { compare(&inherited, inherited_context); }

static void compute_on_3(void) { compute(3); }

/* The host has used threads; gradkern was loaded, a context made, but no call. */
static int fork_after_region(void) {
    own_region();
    inherited = load();
    inherited_context = context(&inherited, 3);
    return in_child(use_inherited) || in_child(compute_on_3);
}

/* The same without a context. */
static int fork_after_load(void) {
    own_region();
    inherited = load();
    return in_child(compute_on_3);
}

/* Only the child loads the library; no OpenMP was used before. */
static int load_in_child(void) { return in_child(compute_on_3); }

static long threads_alive(void) {
    char line[256];
    long threads = 0;
    FILE *const file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Threads: %ld", &threads) == 1) break;
    if (file) fclose(file);
    return threads;
}

static void *nothing(void *unused) { return unused; }

/* False: the limit does not bind here (root knows none, or other processes of this user count: root becomes one who has none).
 */
static bool limit_processes(rlim_t processes) {
    pthread_t thread;
    const long alive = threads_alive();
    const uid_t lonely = 60000 + (uid_t)getpid() % 5000;
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(lonely) != 0)) return false;
    if (setrlimit(RLIMIT_NPROC, &(struct rlimit){processes, processes}) != 0) return false;
    const int created = pthread_create(&thread, NULL, nothing, NULL);
    if (created == 0) pthread_join(thread, NULL);
    usleep(100000);
    return (created == 0) == ((rlim_t)alive < processes);
}

static int limited(rlim_t processes) {
    const struct gradkern g = load();
    if (!limit_processes(processes)) return 77;
    gk_context *const ctx = context(&g, 8);
    for (int i = 0; i < 3; i++) compare(&g, ctx);
    if (threads_alive() != (long)processes) fail("not as many threads as there could be");
    g.destroy(ctx);
    return 0;
}

static int no_thread(void) { return limited(1); }

static int two_threads(void) { return limited(2); }

/* The limit is reached after the first calls; a smaller team has ended threads that the next one needs again. */
static int smaller_team(void) {
    const struct gradkern g = load();
    gk_context *const many = context(&g, 6), *const few = context(&g, 2);
    compare(&g, many);
    compare(&g, few);
    usleep(100000);
    if (!limit_processes((rlim_t)threads_alive() + 1)) return 77;
    for (int i = 0; i < 3; i++) {
        compare(&g, many);
        compare(&g, few);
    }
    return 0;
}

/* Callers that each want more threads than there are for all. */
static struct gradkern shared;
static pthread_barrier_t together;

static void *call_on_6(void *unused) {
    float dw[D * M];
    gk_context *const ctx = context(&shared, 6);
    pthread_barrier_wait(&together);
    for (int i = 0; i < 20; i++) call(&shared, ctx, dw);
    shared.destroy(ctx);
    return unused;
}

static int several_callers(void) {
    enum { CALLERS = 3 };
    pthread_t callers[CALLERS];
    shared = load();
    pthread_barrier_init(&together, NULL, CALLERS);
    if (!limit_processes(1 + CALLERS + 6)) return 77;
    for (int i = 0; i < CALLERS; i++)
        if (pthread_create(&callers[i], NULL, call_on_6, NULL) != 0) return 77;
    for (int i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
    return 0;
}

/* A caller that is cancelled leaves nothing locked. */
static void *call_until_cancelled(void *started) {
    float dw[D * M];
    for (int i = 0;; i++) {
        gk_context *const ctx = context(&shared, 2 + (size_t)i % 5);
        call(&shared, ctx, dw);
        shared.destroy(ctx);
        *(volatile int *)started = 1;
        pthread_testcancel();
    }
    return NULL;
}

static int cancelled(void) {
    shared = load();
    for (int i = 0; i < 30; i++) {
        pthread_t caller;
        volatile int started = 0;
        if (pthread_create(&caller, NULL, call_until_cancelled, (void *)&started) != 0) return 77;
        while (!started) sched_yield();
        usleep((useconds_t)(i * 37));
        pthread_cancel(caller);
        pthread_join(caller, NULL);
    }
    compute(4);
    return 0;
}

/* Stacks for some threads fit into what is left of the address space, those of 16 do not. */
static int address_space(void) {
    long pages = 0;
    FILE *const file = fopen("/proc/self/statm", "r");
    const struct gradkern g = load();
    gk_context *const ctx = context(&g, 16);
    if (!file || fscanf(file, "%ld", &pages) != 1) return 77;
    fclose(file);
    const rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (128 << 20);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}) != 0) return 77;
    for (int i = 0; i < 3; i++) compare(&g, ctx);
    if (threads_alive() >= 16) fail("the limit did not bind");
    return 0;
}

/* Flush to zero during the first threaded call, or one later, marks no thread for ever. */
static int float_state(void) {
#if defined(__x86_64__)
    const struct gradkern g = load();
    gk_context *const ctx = context(&g, 3);
    const unsigned own = _mm_getcsr();
    _mm_setcsr(own | 0x8040);
    call(&g, ctx, (float[D * M]){0});
    _mm_setcsr(own);
    compare(&g, ctx);
    _mm_setcsr(own | 0x8040);
    compare(&g, ctx);
    _mm_setcsr(own);
    compare(&g, ctx);
    return 0;
#else
    return 77;
#endif
}

#if defined(_OPENMP) && defined(__x86_64__)
/* Flush to zero during a call stays out of the host's own regions, whose threads the call borrows. */
static int own_float_state(void) {
    enum { FLUSH = 0x8040 };
    unsigned ran = 0, flushing = 0;
    own_region();
    const struct gradkern g = load();
    gk_context *const ctx = context(&g, 3);
    const unsigned own = _mm_getcsr();
    _mm_setcsr(own | FLUSH);
    call(&g, ctx, (float[D * M]){0});
    _mm_setcsr(own);
#pragma omp parallel num_threads(3) reduction(+ : ran, flushing)
    {
        ran++;
        flushing += (_mm_getcsr() & FLUSH) != 0;
    }
    if (ran != 3) fail("no region of 3 threads");
    if (flushing) fail("a thread of the host's flushes to zero");
    g.destroy(ctx);
    return 0;
}
#endif

static const struct {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"reload", reload},
    {"fork_after_region", fork_after_region},
    {"fork_after_load", fork_after_load},
    {"load_in_child", load_in_child},
    {"no_thread", no_thread},
    {"two_threads", two_threads},
    {"smaller_team", smaller_team},
    {"several_callers", several_callers},
    {"cancelled", cancelled},
    {"address_space", address_space},
    {"float_state", float_state},
#if defined(_OPENMP) && defined(__x86_64__)
    {"own_float_state", own_float_state},
#endif
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 1 && i < sizeof scenarios / sizeof *scenarios; i++) puts(scenarios[i].name);
    if (argc == 1) return 0;
    library = argc == 3 ? argv[2] : "";
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(scenarios[i].name, argv[1]) == 0) return scenarios[i].run();
    fail("no such scenario");
}
