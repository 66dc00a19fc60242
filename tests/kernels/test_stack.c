/* How much stack a kernel takes: what gradkern.h says, measured on a stack that was painted before; then, in the team's other
 * threads too, on stacks as small as threads can have, where one byte too many ends the process. GK_QUICK=1 takes one problem
 * in four. */
#include <pthread.h>

#include "support_lineup.h"
#include "support_shares.h"

#ifdef __OPTIMIZE__
enum { LARGER_FRAMES = GB_SANITIZER };
#else
enum { LARGER_FRAMES = true };
#endif

/* PROMISED: what gradkern.h says. SMALLEST: of a thread, with what libc needs of it. */
enum { PROMISED = 8 << 10, SMALLEST = 16 << 10, PAINTED = 64 << 10, PAINT = 0xa5 };

static unsigned char stack[PAINTED] __attribute__((aligned(4096)));
static size_t worst;
static char worst_call[300];

struct job {
    const struct gb_problem *problem;
    gk_context *ctx;
    gk_status status;
    const unsigned char *top;
};

static void *run(void *data) {
    struct job *const job = data;
    job->top = __builtin_frame_address(0);
    job->status = gb_problem_call(job->problem, job->ctx);
    return NULL;
}

static void in_a_thread(struct job *job, const pthread_attr_t *attributes) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, attributes, run, job), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(job->status, GK_OK);
}

static void on_painted_stack(struct job *job) {
    pthread_attr_t attributes;
    size_t untouched = 0;
    memset(stack, PAINT, sizeof stack);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, sizeof stack), 0);
    in_a_thread(job, &attributes);
    pthread_attr_destroy(&attributes);
    while (untouched < sizeof stack && stack[untouched] == PAINT) untouched++;
    assert_true(job->top > stack && job->top < stack + sizeof stack);
    const size_t used = (size_t)(job->top - (stack + untouched));
    if (used <= worst) return;
    worst = used;
    gb_problem_describe(&job->problem->spec, worst_call, sizeof worst_call);
}

static void on_smallest_stack(struct job *job) {
    pthread_attr_t attributes;
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, least > SMALLEST ? (size_t)least : SMALLEST), 0);
    in_a_thread(job, &attributes);
    pthread_attr_destroy(&attributes);
}

/* Sizes at which kernels take all of their ways: tiny, few rows, short sums, tiles, wide sums, rows shared by the threads. */
static void for_each_call(gk_context *ctx, void (*body)(struct job *job)) {
    static const size_t sizes[][3] = {{1, 1, 1},     {3, 70, 7},   {8, 300, 130}, {70, 65, 66}, {2, 300, 700},
                                      {257, 600, 3}, {520, 12, 9}, {4, 700, 8},   {33, 8, 300}, {5, 4100, 5}};
    const size_t turns = gb_quick() ? 1 : 4;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t i = 0; i < turns * sizeof sizes / sizeof *sizes; i++) {
                const struct gb_problem_spec spec =
                    gb_spec_by_turns((enum gk_kernel_id)id, (enum gk_dtype)dtype, sizes[i / turns], 3, i, 17);
                struct gb_problem problem;
                struct job job = {.problem = &problem, .ctx = ctx};
                assert_true(gb_problem_create(&problem, &spec));
                body(&job);
                gb_problem_destroy(&problem);
            }
}

/* threads: also more than one, so that the caller starts a team. */
static void on_every_column(size_t threads, void (*body)(struct job *job)) {
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        if (!gb_isa_runs(i)) continue;
        gk_context *const ctx = gb_context(i, threads);
        worst = 0;
        for_each_call(ctx, body);
        if (worst) printf("%s, threads %zu: %zu bytes (%s)\n", gk_context_isa(ctx), threads, worst, worst_call);
        assert_true(worst <= PROMISED);
        gk_context_destroy(ctx);
    }
}

static void skip_other_builds(void) {
    if (!LARGER_FRAMES) return;
    printf("skipped: frames are larger without optimisation and with sanitizers\n");
    skip();
}

static void serial_calls(void **state) {
    (void)state;
    skip_other_builds();
    on_every_column(1, on_painted_stack);
}

static void callers_of_a_team(void **state) {
    (void)state;
    skip_other_builds();
    on_every_column(3, on_painted_stack);
}

static void smallest_stacks(void **state) {
    (void)state;
    skip_other_builds();
    on_every_column(1, on_smallest_stack);
    on_every_column(3, on_smallest_stack);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serial_calls),
        cmocka_unit_test(callers_of_a_team),
        cmocka_unit_test(smallest_stacks),
    };
    (void)argc;
    if (!getenv("OMP_STACKSIZE")) {
        setenv("OMP_STACKSIZE", "16k", 1); /* read when the runtime is loaded */
        unsetenv("OMP_WAIT_POLICY");
    }
    gb_wait_passively(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
