/* Calls allocate once and never again, and running out of memory is an error, not a crash or a leak. This program's own malloc
 * family counts, and fails where a test asks for it; it stands before the C library's for everything linked into the program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hwloc.h>
#include <malloc.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bind.h"
#include "core/topology.h"
#include "roofs.h"
#include "support_lineup.h"

enum { THREADS = 3, TRIES_MAX = 1000, LIMIT = 20 };

static atomic_size_t allocations;   /* since the start */
static atomic_ptrdiff_t alive;      /* allocated and not freed */
static atomic_ptrdiff_t until_fail; /* the allocation at which this is 1 fails, and all after it where `persistent` */
static atomic_bool persistent;
static atomic_bool suspended; /* nothing fails */

#if !GB_SANITIZER
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

/* False: this one is to fail. */
static bool count(void) {
    atomic_fetch_add(&allocations, 1);
    const ptrdiff_t left = atomic_load(&until_fail);
    if (left == 0 || atomic_load(&suspended)) return true;
    if (left > 1) {
        atomic_fetch_sub(&until_fail, 1);
        return true;
    }
    if (!atomic_load(&persistent)) atomic_store(&until_fail, 0);
    errno = ENOMEM;
    return false;
}

static void *counted(void *p) {
    if (p) atomic_fetch_add(&alive, 1);
    return p;
}

#pragma GCC visibility push(default) /* the shared libraries' calls too */
void *malloc(size_t size) { return count() ? counted(__libc_malloc(size)) : NULL; }
void *calloc(size_t n, size_t size) { return count() ? counted(__libc_calloc(n, size)) : NULL; }
void *memalign(size_t alignment, size_t size) { return count() ? counted(__libc_memalign(alignment, size)) : NULL; }
void *aligned_alloc(size_t alignment, size_t size) { return count() ? counted(__libc_memalign(alignment, size)) : NULL; }

int posix_memalign(void **p, size_t alignment, size_t size) {
    void *const made = count() ? counted(__libc_memalign(alignment, size)) : NULL;
    if (made) *p = made;
    return made ? 0 : ENOMEM;
}

void *realloc(void *old, size_t size) {
    if (!count()) return NULL;
    return old ? __libc_realloc(old, size) : counted(__libc_malloc(size));
}

void free(void *p) {
    if (p) atomic_fetch_sub(&alive, 1);
    __libc_free(p);
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    if (!count()) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}
#pragma GCC visibility pop
#endif

/* hwloc aborts where it has no memory ("Assertion `hwloc_component_finalize_cbs' failed"), which no caller can prevent. So its
 * allocations do not fail; its calls do, where a test says so, or the files that it reads are not there. */
static atomic_bool hwloc_init_fails, hwloc_load_fails, sys_is_missing;

#define REAL(type) ((type)dlsym(RTLD_NEXT, __func__))

static int resume(int result) {
    atomic_store(&suspended, false);
    return result;
}

int hwloc_topology_init(hwloc_topology_t *t) {
    if (atomic_load(&hwloc_init_fails)) return -1;
    atomic_store(&suspended, true);
    return resume(REAL(int (*)(hwloc_topology_t *))(t));
}

int hwloc_topology_load(hwloc_topology_t t) {
    if (atomic_load(&hwloc_load_fails)) return -1;
    atomic_store(&suspended, true);
    return resume(REAL(int (*)(hwloc_topology_t))(t));
}

int access(const char *path, int mode) {
    if (atomic_load(&sys_is_missing) && strncmp(path, "/sys/", 5) == 0) return -1;
    return faccessat(AT_FDCWD, path, mode, 0);
}

void hwloc_topology_destroy(hwloc_topology_t t) {
    atomic_store(&suspended, true);
    REAL(void (*)(hwloc_topology_t))(t);
    resume(0);
}

static void fail_from(ptrdiff_t n, bool all) {
    atomic_store(&persistent, all);
    atomic_store(&until_fail, n);
}

static struct gb_problem_spec spec_of(int kernel, int dtype, int large) {
    return (struct gb_problem_spec){.kernel = (enum gk_kernel_id)kernel,
                                    .dtype = (enum gk_dtype)dtype,
                                    .n = large ? 600 : 37,
                                    .d = large ? 90 : 20,
                                    .m = large ? 50 : 33,
                                    .c = large ? 70 : 10,
                                    .bare = large,
                                    .seed = 6};
}

/* A counter that counts nothing proves nothing. volatile: a compiler may remove an allocation that is only freed. */
static void counting_works(void **state) {
    const size_t before = atomic_load(&allocations);
    void *volatile p[6] = {malloc(10), calloc(3, 5), aligned_alloc(64, 64), realloc(NULL, 9), memalign(64, 10), NULL};
    void *made = NULL;
    (void)state;
    assert_int_equal(posix_memalign(&made, 64, 100), 0);
    assert_int_equal(atomic_load(&allocations) - before, 6);
    for (size_t i = 0; i < 5; i++) free(p[i]);
    free(made);
    fail_from(2, false);
    p[0] = malloc(1), p[1] = malloc(1), p[2] = malloc(1);
    assert_true(p[0] && !p[1] && p[2]);
    free(p[0]);
    free(p[2]);
}

/* From the second call on, of each kernel, type, isa, number of threads and size. */
static void later_calls_allocate_nothing(void **state) {
    size_t calls = 0;
    (void)state;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (!gb_isa_runs(isa)) continue;
        for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT * 4; i++) {
            gk_context *const ctx = gb_context(isa, i & 1 ? THREADS : 1);
            const struct gb_problem_spec spec = spec_of(i / 4 / GK_DTYPE_COUNT, i / 4 % GK_DTYPE_COUNT, i & 2);
            struct gb_problem p;
            assert_true(gb_problem_create(&p, &spec));
            assert_int_equal(gb_problem_call(&p, ctx), GK_OK);
            const size_t before = atomic_load(&allocations);
            for (int k = 0; k < 5; k++) gb_problem_call(&p, ctx);
            const size_t made = atomic_load(&allocations) - before;
            if (made) fail_msg("%s %s: %zu allocations in 5 calls", p.kernel->name, gk_context_isa(ctx), made);
            calls += 5;
            gb_problem_destroy(&p);
            gk_context_destroy(ctx);
        }
    }
    printf("%zu calls\n", calls);
    assert_true(calls > 0);
}

/* One context for all kernels: smaller calls after larger ones use what is there. */
static void scratch_space_is_kept(void **state) {
    struct gb_problem problems[GK_KERNEL_COUNT][2];
    (void)state;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (gk_isa_unusable(isa)) continue;
        gk_context *const ctx = gb_context(isa, 1);
        for (int i = 0; i < 2 * GK_KERNEL_COUNT; i++) {
            const struct gb_problem_spec spec = spec_of(i / 2, GK_F32, i % 2);
            assert_true(gb_problem_create(&problems[i / 2][i % 2], &spec));
            assert_int_equal(gb_problem_call(&problems[i / 2][i % 2], ctx), GK_OK);
        }
        const size_t before = atomic_load(&allocations);
        for (int i = 0; i < 2 * GK_KERNEL_COUNT; i++) gb_problem_call(&problems[i / 2][i % 2], ctx);
        assert_int_equal(atomic_load(&allocations), before);
        for (int i = 0; i < 2 * GK_KERNEL_COUNT; i++) gb_problem_destroy(&problems[i / 2][i % 2]);
        gk_context_destroy(ctx);
    }
}

static void contexts_leave_nothing(void **state) {
    const struct gb_problem_spec spec = spec_of(GK_KERNEL_affine_dx, GK_F32, 1);
    struct gb_problem p;
    (void)state;
    assert_true(gb_problem_create(&p, &spec));
    gk_context_destroy(gb_context(0, 1)); /* the topology is read once */
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (gk_isa_unusable(isa)) continue;
        const ptrdiff_t before = atomic_load(&alive);
        for (int i = 0; i < 20; i++) {
            gk_context *const ctx = gb_context(isa, 1);
            assert_int_equal(gb_problem_call(&p, ctx), GK_OK);
            gk_context_destroy(ctx);
        }
        assert_int_equal(atomic_load(&alive), before);
    }
    gb_problem_destroy(&p);
}

/* Nor do bindings, whichever allocation fails, or hwloc, or where hwloc tells of another machine. */
static void bindings_leave_nothing(void **state) {
    size_t failed = 0;
    cpu_set_t set;
    (void)state;
    if (!gk_topology_get()->known) return;
    hwloc_topology_t kept; /* with the last one hwloc's plugins go, which come back with more or less */
    assert_int_equal(hwloc_topology_init(&kept), 0);
    gb_binding_destroy(gb_binding_create(GB_BIND_CORE));
    const ptrdiff_t before = atomic_load(&alive);
    for (ptrdiff_t n = 1, left = 0; left == 0; n++) {
        fail_from(n, false);
        struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
        left = atomic_load(&until_fail);
        fail_from(0, false);
        failed += binding == NULL;
        assert_true(binding || left == 0);
        gb_binding_destroy(binding);
        assert_int_equal(atomic_load(&alive), before);
    }
    assert_true(failed >= 6); /* itself, its places, two for where it was and for what is left of that */
    assert_true(gb_first_places(GB_BIND_CORE, 1, &set));
    assert_int_equal(atomic_load(&alive), before);
    cpu_set_t all; /* of cores that are not to be used nothing is kept either */
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(sched_setaffinity(0, sizeof set, &set), 0);
    gb_binding_destroy(gb_binding_create(GB_BIND_CORE));
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(atomic_load(&alive), before);
    for (int i = 0; i < 3; i++) {
        atomic_store(&hwloc_init_fails, i == 0);
        atomic_store(&hwloc_load_fails, i == 1);
        if (i == 2) setenv("HWLOC_SYNTHETIC", "core:2 pu:1", 1);
        const ptrdiff_t now = atomic_load(&alive);
        assert_null(gb_binding_create(GB_BIND_CORE));
        assert_int_equal(atomic_load(&alive), now);
    }
    unsetenv("HWLOC_SYNTHETIC");
    hwloc_topology_destroy(kept);
}

/* Roofs of a machine on which a probe takes a millisecond. */
static double later(void *now) { return *(double *)now += 1e6; }
static struct gb_memory enough(void) { return (struct gb_memory){1e12, "enough"}; }

static size_t take_turn(struct gb_binding *binding, size_t threads) {
    (void)binding;
    return threads;
}

static size_t probe(size_t isa, enum gk_dtype dtype, enum gk_probe kind, size_t threads, const struct gk_probe_args *args) {
    (void)isa, (void)dtype, (void)kind, (void)args;
    return threads;
}

static void roofs_leave_nothing(void **state) {
    double now = 0;
    const struct gb_clock clock = {later, &now};
    const struct gb_probing probing = {&clock, gb_machine_get, enough, take_turn, probe};
    static struct gb_roofs roofs;
    struct gb_warnings warnings = {.count = 0};
    (void)state;
    gb_machine_get();
    const ptrdiff_t before = atomic_load(&alive);
    for (ptrdiff_t n = 1; n <= 3; n++) { /* two of its own, then the memory of the highest level */
        roofs = (struct gb_roofs){.probing = &probing, .n_threads = 1, .threads = {1}};
        fail_from(n, false);
        const bool measured = gb_roofs_measure(&roofs, NULL, 1, &warnings);
        fail_from(0, false);
        assert_int_equal(measured, n == 3);
        assert_int_equal(warnings.count, n == 3);
        assert_int_equal(atomic_load(&alive), before);
    }
    assert_string_equal(warnings.list[0], "too little memory to measure roofs beyond L3: theirs stand for all");
}

static long resident_pages(void) {
    long size = 0, resident = 0;
    FILE *const file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident;
}

/* More than once: malloc maps the first block of a size, and keeps later ones for itself. */
static void trimming_gives_scratch_space_back(void **state) {
    /* masked rows of dy, 8 MiB, are copied to scratch space */
    const struct gb_problem_spec spec = {
        .kernel = GK_KERNEL_affine_backward, .dtype = GK_F64, .n = 1 << 14, .d = 3, .m = 64, .seed = 6};
    const long pages = (8 << 20) / sysconf(_SC_PAGESIZE);
    struct gb_problem p, want;
    struct gb_difference d;
    gk_context *const ctx = gb_context(0, 1);
    (void)state;
    gk_context_trim(NULL);
    gk_context_trim(ctx); /* nothing to free yet */
    assert_true(gb_problem_create(&p, &spec) && gb_problem_create(&want, &spec));
    assert_int_equal(gb_problem_call(&want, ctx), GK_OK);
    gk_context_trim(ctx);
    for (int i = 0; i < 5; i++) {
        const ptrdiff_t before = atomic_load(&alive);
        gb_problem_reset(&p);
        assert_int_equal(gb_problem_call(&p, ctx), GK_OK);
        assert_true(gb_problem_equal(&p, &want, &d));
        assert_int_equal(atomic_load(&alive), before + 1);
        const long used = resident_pages();
        gk_context_trim(ctx);
        const long given_back = used - resident_pages();
        assert_int_equal(atomic_load(&alive), before);
        if (given_back < pages * 3 / 4) fail_msg("round %d: %ld of %ld pages given back", i, given_back, pages);
        gk_context_trim(ctx); /* again: nothing left */
        assert_int_equal(atomic_load(&alive), before);
    }
    gk_context_destroy(ctx);
    gb_problem_destroy(&p);
    gb_problem_destroy(&want);
}

/* The n-th allocation fails, n = 1, 2, ... until none does: an error that says so, the outputs untouched, nothing lost; and
 * then the same context works. */
static void every_allocation_of_a_call_fails(void **state) {
    size_t failed = 0;
    (void)state;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT && !gk_isa_unusable(isa); i++) {
            const struct gb_problem_spec spec = spec_of(i / GK_DTYPE_COUNT, i % GK_DTYPE_COUNT, 1);
            struct gb_problem p, fresh;
            struct gb_difference d;
            assert_true(gb_problem_create(&p, &spec) && gb_problem_create(&fresh, &spec));
            for (ptrdiff_t n = 1;; n++) {
                const ptrdiff_t before = atomic_load(&alive);
                gk_context *ctx = NULL;
                const gk_options options = {.isa = gk_isa_get(isa, GK_F32)->name, .threads = 1};
                fail_from(n, false);
                gk_status status = gk_context_create(&ctx, &options);
                if (status == GK_OK) status = gb_problem_call(&p, ctx);
                const bool hit = atomic_load(&until_fail) == 0;
                fail_from(0, false);
                assert_int_equal(status, hit ? GK_ERROR_MEMORY : GK_OK);
                assert_int_equal(gb_problem_equal(&p, &fresh, &d), hit);
                if (hit && ctx) assert_int_equal(gb_problem_call(&p, ctx), GK_OK);
                gk_context_destroy(ctx);
                assert_int_equal(atomic_load(&alive), before);
                gb_problem_reset(&p);
                failed += hit;
                if (!hit) break;
            }
            gb_problem_destroy(&p);
            gb_problem_destroy(&fresh);
        }
    printf("%zu allocations failed\n", failed);
    assert_true(failed >= GK_KERNEL_COUNT * GK_DTYPE_COUNT);
}

/* The first context of a process reads the topology. In a child each, because it is read once. 0: it made a context; 1: an
 * error that says no memory; 2: a context, and no allocation failed; otherwise wrong. */
static int first_context(ptrdiff_t n, bool all) {
    gk_context *ctx;
    alarm(LIMIT);
    fail_from(n, all);
    const gk_status status = gk_context_create(&ctx, NULL);
    const bool hit = all ? atomic_load(&until_fail) == 1 : atomic_load(&until_fail) == 0;
    fail_from(0, false);
    if (status != GK_OK) return status == GK_ERROR_MEMORY && !ctx ? 1 : 3;
    float x[4] = {-1, 0, 1, 2}, y[4];
    if (gk_relu_forward(ctx, &(gk_relu_forward_args){.n = 1, .d = 4, .x = x, .y = y}) != GK_OK) return 4;
    if (gk_context_threads(ctx) < 1) return 5;
    gk_context_destroy(ctx);
    return hit ? 0 : 2;
}

static int in_child(ptrdiff_t n, bool all) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) _exit(first_context(n, all));
    return gb_exit_code(child);
}

static size_t fail_each(bool all) {
    size_t tries = 0;
    for (ptrdiff_t n = 1; n < TRIES_MAX; n++) {
        const int code = in_child(n, all);
        if (code == 2) break;
        if (code > 1)
            fail_msg("allocation %td%s: %s %d", n, all ? " and all later" : "", code >= 100 ? "signal" : "code", code % 100);
        tries++;
    }
    return tries;
}

static void first_context_of_a_process(void **state) {
    const size_t once = fail_each(false), all = fail_each(true);
    (void)state;
    printf("%zu allocations of the first context failed alone, %zu with all later ones\n", once, all);
    assert_true(once > 1 && all > 1);
}

static void first_context_without_hwloc(void **state) {
    (void)state;
    for (int which = 0; which < 3; which++) {
        atomic_store(&hwloc_init_fails, which == 0);
        atomic_store(&hwloc_load_fails, which == 1);
        atomic_store(&sys_is_missing, which == 2);
        assert_int_equal(in_child(0, false), 0);
        fail_each(false);
    }
    atomic_store(&sys_is_missing, false);
}

/* Leaves so many blocks of 64 bytes on the heap, 256 KiB of stack, and no address space. Apart: inlined, its stack would lie
 * above that of the calls to come. */
__attribute__((noinline)) static void become_poor(size_t blocks) {
    volatile char stack[256 << 10];
    for (size_t i = 0; i < sizeof stack; i += 1024) stack[i] = 1;
    struct block {
        struct block *next;
        char rest[48];
    } *all = NULL;
    long pages = 0;
    FILE *const file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1) _exit(9);
    fclose(file);
    const rlim_t size = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){size, size}) != 0) _exit(9);
    for (struct block *b; (b = malloc(sizeof *b)); all = b) b->next = all;
    for (struct block *b; blocks-- && (b = all); free(b)) all = b->next;
}

/* Makes two contexts, rich or with so many blocks of memory. No call: the OpenMP runtime may die without memory, too. */
struct means {
    bool rich;
    size_t blocks;
};

static int make_contexts(const void *argument) {
    const struct means *const means = argument;
    gk_context *first, *second;
    if (!means->rich) become_poor(means->blocks);
    const gk_status made = gk_context_create(&first, NULL);
    return made == GK_OK ? (int)gk_context_create(&second, NULL) : (int)made;
}

static void assert_one_warning(const char *text, const char *reason) {
    if (strncmp(text, "gradkern: warning: ", 19) != 0 || !strstr(text, reason) || strchr(text, '\n') != text + strlen(text) - 1)
        fail_msg("want one warning (%s), got \"%s\"", reason, text);
}

/* The real hwloc, which prints lines of its own without /sys, and dies without memory. */
static void a_machine_that_cannot_be_read(void **state) {
    const struct means rich = {.rich = true};
    char text[4096];
    (void)state;
    assert_int_equal(gb_child_run(make_contexts, &rich, text, sizeof text), 0);
    assert_string_equal(text, "");
    atomic_store(&sys_is_missing, true);
    assert_int_equal(gb_child_run(make_contexts, &rich, text, sizeof text), 0);
    atomic_store(&sys_is_missing, false);
    assert_one_warning(text, "/sys does not describe the processors");
    size_t made = 0;
    for (size_t blocks = 0; blocks < 20000; blocks += blocks / 8 + 1) {
        const int code = gb_child_run(make_contexts, &(struct means){.blocks = blocks}, text, sizeof text);
        if (code != GK_OK && code != GK_ERROR_MEMORY)
            fail_msg("%zu blocks of memory: %s %d", blocks, code >= 100 ? "signal" : "code", code % 100);
        made += code == GK_OK;
        if (code == GK_OK) assert_one_warning(text, "no memory");
    }
    assert_true(made > 0);
}

int main(void) {
    unsetenv("HWLOC_THISSYSTEM");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_works),
        cmocka_unit_test(first_context_of_a_process), /* these three before any other context */
        cmocka_unit_test(first_context_without_hwloc),
        cmocka_unit_test(a_machine_that_cannot_be_read),
        cmocka_unit_test(later_calls_allocate_nothing),
        cmocka_unit_test(scratch_space_is_kept),
        cmocka_unit_test(contexts_leave_nothing),
        cmocka_unit_test(bindings_leave_nothing),
        cmocka_unit_test(roofs_leave_nothing),
        cmocka_unit_test(trimming_gives_scratch_space_back),
        cmocka_unit_test(every_allocation_of_a_call_fails),
    };
    if (GB_SANITIZER) {
        printf("skipped: allocation: the sanitizer has a malloc of its own\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
