/* A child after fork computes the same bits and never hangs: the OpenMP runtime's threads do not exist there, so calls are
 * serial, also where the parent made none before. Each scenario is this program started afresh, killed after 30 seconds. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "core/team.h"
#include "support_lineup.h"

enum { LIMIT = 30, THREADS = 4, MANY = 40, BAD_BITS = 21, BAD_REASON, BAD_CALL };

static struct gb_problem problems[GK_KERNEL_COUNT], expected[GK_KERNEL_COUNT];
static size_t scenarios;

static gk_context *context(size_t isa) {
    gk_context *ctx;
    const gk_options options = {.isa = gk_isa_get(isa, GK_F32)->name, .threads = THREADS, .serial_below = 1};
    if (gk_context_create(&ctx, &options) != GK_OK) _exit(BAD_CALL);
    return ctx;
}

/* Every kernel in every usable isa, on THREADS threads where that is possible. 0, or why not. */
static int compute(void) {
    struct gb_difference d;
    for (size_t c = 0; c < GK_ISA_COUNT; c++) {
        if (gk_isa_unusable(c)) continue;
        gk_context *const ctx = context(c);
        for (int id = 0; id < GK_KERNEL_COUNT; id++) {
            gb_problem_reset(&problems[id]);
            if (gb_problem_call(&problems[id], ctx) != GK_OK) return BAD_CALL;
            if (!gb_problem_equal(&problems[id], &expected[id], &d)) return BAD_BITS;
        }
        gk_context_destroy(ctx);
    }
    return 0;
}

static bool reason_says(const char *word) {
    const char *const reason = gk_team_serial_reason();
    return reason && strstr(reason, word);
}

/* Runs body in a child; its exit code, or 100 + the signal. */
static int in_child(int (*body)(void)) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        alarm(LIMIT);
        _exit(body());
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return BAD_CALL;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static int serial_compute(void) { return reason_says("fork") ? compute() : BAD_REASON; }

static int fork_before(void) {
    const int code = in_child(serial_compute); /* the parent has made no parallel call */
    return code ? code : compute();
}

static int fork_after(void) {
    const int first = compute(), child = in_child(serial_compute);
    if (first || child) return first ? first : child;
    return gk_team_serial_reason() ? BAD_REASON : compute(); /* the parent goes on in parallel */
}

static int fork_in_child(void) {
    const int code = serial_compute();
    return code ? code : in_child(serial_compute);
}

static int fork_twice(void) {
    const int code = compute();
    return code ? code : in_child(fork_in_child);
}

/* From a thread that made no parallel call itself, and from one that did. */
static void *forking_thread(void *pointer) {
    int *const code = pointer;
    *code = in_child(serial_compute);
    if (*code == 0) *code = compute();
    if (*code == 0) *code = in_child(serial_compute);
    return NULL;
}

static int fork_in_thread(void) {
    int code = compute();
    pthread_t thread;
    if (code) return code;
    if (pthread_create(&thread, NULL, forking_thread, &code) != 0) return BAD_CALL;
    pthread_join(thread, NULL);
    return code;
}

/* While another thread is inside parallel calls all the time. */
static atomic_bool stop, busy;

static void *calling_thread(void *pointer) {
    struct gb_problem own;
    gk_context *const ctx = context(0);
    (void)pointer;
    if (!gb_problem_create(&own, &problems[0].spec)) _exit(BAD_CALL);
    while (!atomic_load(&stop)) {
        if (gb_problem_call(&own, ctx) != GK_OK) _exit(BAD_CALL);
        atomic_store(&busy, true);
    }
    gb_problem_destroy(&own);
    gk_context_destroy(ctx);
    return NULL;
}

static int fork_beside_calls(void) {
    pthread_t thread;
    int code = 0;
    if (pthread_create(&thread, NULL, calling_thread, NULL) != 0) return BAD_CALL;
    while (!atomic_load(&busy)) usleep(1000);
    for (int i = 0; i < MANY / 4 && code == 0; i++) code = in_child(serial_compute);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    return code;
}

/* Inside a parallel region. */
static void fork_inside(const void *args, const struct gk_team *team) {
    int *const code = *(int *const *)args;
    if (team->rank == 0) *code = in_child(serial_compute);
}

static int fork_in_region(void) {
    static const struct gk_caches caches;
    int code = BAD_CALL;
    const int *const pointer = &code;
    gk_team_run(2, fork_inside, &pointer, NULL, &caches);
    return code;
}

/* A context of the parent, made and used before, used in the child. */
static gk_context *inherited;

static int use_inherited(void) {
    struct gb_difference d;
    if (!reason_says("fork")) return BAD_REASON;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        gb_problem_reset(&problems[id]);
        if (gb_problem_call(&problems[id], inherited) != GK_OK) return BAD_CALL;
        if (!gb_problem_equal(&problems[id], &expected[id], &d)) return BAD_BITS;
    }
    gk_context_destroy(inherited);
    return 0;
}

static int fork_with_context(void) {
    size_t last = GK_ISA_COUNT - 1;
    while (gk_isa_unusable(last)) last--;
    inherited = context(last);
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        if (gb_problem_call(&problems[id], inherited) != GK_OK) return BAD_CALL;
    const int code = in_child(use_inherited);
    gk_context_destroy(inherited);
    return code;
}

static int fork_many_times(void) {
    int code = compute();
    for (int i = 0; i < MANY && code == 0; i++) {
        code = in_child(serial_compute);
        if (code == 0 && i % 8 == 0) code = compute();
    }
    return code;
}

/* The harness itself: a child that hangs is killed, one that fails is heard. */
static int hang(void) {
    alarm(1);
    while (pause() != 0) continue;
    return 0;
}

static int fails(void) { return BAD_BITS; }

static void harness_sees_hangs(void **state) {
    (void)state;
    assert_int_equal(in_child(hang), 100 + SIGALRM);
    assert_int_equal(in_child(fails), BAD_BITS);
}

static void run_scenario(const char *name) {
    const int code = gb_start_again(name, NULL, NULL);
    if (code == BAD_BITS) fail_msg("other bits");
    if (code == BAD_REASON) fail_msg("gk_team_serial_reason is wrong");
    if (code >= 100) fail_msg("killed by signal %d%s", code - 100, code == 100 + SIGALRM ? ": it hung" : "");
    assert_int_equal(code, 0);
    scenarios++;
}

#define FOR_EACH_SCENARIO(X)                                                                                                   \
    X(fork_before)                                                                                                             \
    X(fork_after) X(fork_twice) X(fork_in_thread) X(fork_beside_calls) X(fork_in_region) X(fork_with_context) X(fork_many_times)

#define TEST_OF(name)                                                                                                          \
    static void test_##name(void **state) {                                                                                    \
        (void)state;                                                                                                           \
        run_scenario(#name);                                                                                                   \
    }
FOR_EACH_SCENARIO(TEST_OF)

static int open_all(void **state) {
    gk_context *const ref = gb_context(0, 1);
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)id, .n = 300, .d = 50, .m = 40, .c = 33, .seed = 9};
        if (!gb_problem_create(&problems[id], &spec) || !gb_problem_create(&expected[id], &spec)) return -1;
        if (gb_problem_call(&expected[id], ref) != GK_OK) return -1;
    }
    gk_context_destroy(ref);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        gb_problem_destroy(&problems[id]);
        gb_problem_destroy(&expected[id]);
    }
    printf("%zu scenarios\n", scenarios);
    return 0;
}

static int be_scenario(const char *name) {
#define BODY_OF(body) {#body, body},
    static const struct {
        const char *name;
        int (*body)(void);
    } bodies[] = {FOR_EACH_SCENARIO(BODY_OF)};
    alarm(LIMIT);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (strcmp(bodies[i].name, name) == 0) return open_all(NULL) == 0 ? bodies[i].body() : BAD_CALL;
    return BAD_CALL;
}

int main(int argc, char **argv) {
#define ENTRY_OF(name) cmocka_unit_test(test_##name),
    const struct CMUnitTest tests[] = {cmocka_unit_test(harness_sees_hangs), FOR_EACH_SCENARIO(ENTRY_OF)};
    if (argc > 1) return be_scenario(argv[1]);
    return cmocka_run_group_tests(tests, NULL, close_all);
}
