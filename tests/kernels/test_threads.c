/* The same bits for every number of threads, whatever the OpenMP environment grants, from many calling threads at once, inside
 * a caller's parallel region, and call after call. GK_QUICK=1 takes some of the problems. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "core/team.h"
#include "support_lineup.h"
#include "support_shares.h"

enum { REPEATS = 50, CALLERS_MAX = 16, RACERS = 32, MOST = 64 };

static const uint64_t seed = 424242;

/* Options by turns; shapes that give threads shares of their own, more threads than rows, and more than one block. */
static struct gb_problem_spec choose(int kernel, int dtype, unsigned number) {
    static const size_t shapes[][4] = {{37, 65, 50, 21}, {3, 300, 17, 130}, {515, 9, 20, 10}, {129, 40, 257, 67}, {1, 1, 1, 1}};
    const size_t *const s = shapes[number % 5];
    struct gb_problem_spec spec = {
        .kernel = (enum gk_kernel_id)kernel,
        .dtype = (enum gk_dtype)dtype,
        .n = s[0],
        .d = s[1],
        .m = s[2],
        .c = s[3],
        .layout = number & 1 ? GK_OUT_IN : GK_IN_OUT,
        .accumulate = number >> 1 & 1,
        .soft_labels = number % 7 == 3,
        .wide_labels = number % 5 == 1,
        .ignore = number >> 2 & 1,
        .dloss = number >> 1 & 1,
        .bare = number % 6 == 5,
        .in_place = number % 3 == 2,
        .reduction = (gk_reduction)(number % 3),
        .ld_pad = number % 4,
        .data = (enum gb_data)(number % GB_DATA_COUNT),
        .seed = seed + number,
    };
    gb_set_targets(&spec, number % 4 == 1, number % 5 > 2, number % 3 == 1);
    return spec;
}

/* `rounds` problems of each kernel and type on every context. */
static void compare(const size_t *threads, size_t n_threads, unsigned rounds) {
    struct gb_lineup lineup;
    gb_open_lineup(&lineup, NULL, threads, n_threads);
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (unsigned i = 0; i < rounds; i++) {
                const struct gb_problem_spec spec = choose(id, dtype, i);
                gb_lineup_compare(&lineup, &spec, 0, GB_USE_ALL);
            }
    printf("%zu cases in %zu contexts\n", lineup.cases, lineup.count);
    const size_t idle = gb_lineup_idle(&lineup), failures = lineup.failures;
    gb_lineup_close(&lineup);
    assert_int_equal(idle, 0);
    assert_int_equal(failures, 0);
}

static void every_number_of_threads(void **state) {
    static const size_t threads[] = {MOST, 3, 8, 1, 2, 4, 5, 7, 16};
    (void)state;
    compare(threads, gb_quick() ? 3 : sizeof threads / sizeof *threads, gb_quick() ? 5 : 10);
}

/* What a child of this program does in an environment that grants fewer threads than asked for, or binds them. */
static void granted(void **state) {
    static const size_t threads[] = {1, 2, 3, 8};
    (void)state;
    compare(threads, sizeof threads / sizeof *threads, gb_quick() ? 2 : 5);
}

static void every_environment(void **state) {
    static const char *const variables[][2] = {
        {"OMP_DYNAMIC", "true"},     {"OMP_THREAD_LIMIT", "1"},    {"OMP_THREAD_LIMIT", "3"}, {"OMP_PROC_BIND", "true"},
        {"OMP_PROC_BIND", "spread"}, {"OMP_SCHEDULE", "dynamic"},  {"OMP_STACKSIZE", "64K"},  {"OMP_MAX_ACTIVE_LEVELS", "4"},
        {"OMP_NUM_THREADS", "2,3"},  {"OMP_WAIT_POLICY", "active"}};
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const int code = gb_start_again("granted", variables[i][0], variables[i][1]);
        if (code) fail_msg("%s=%s: exit code %d", variables[i][0], variables[i][1], code);
    }
}

/* Callers: each has a context and outputs of its own; the inputs are shared. */
struct caller {
    pthread_t thread;
    size_t index;
    unsigned mismatches, calls;
};

static struct gb_problem wanted[GK_KERNEL_COUNT][GK_DTYPE_COUNT];

/* A problem like `want` whose inputs are those of want. */
static bool share_inputs(struct gb_problem *p, const struct gb_problem *want) {
    if (!gb_problem_create(p, &want->spec)) return false;
    for (size_t i = 0; i < p->n_operands; i++)
        if (!p->operands[i].output)
            memcpy((char *)p->args + p->operands[i].field->offset, &want->operands[i].start, sizeof(void *));
    return true;
}

static void call_all(struct caller *c, gk_context *ctx) {
    struct gb_difference d;
    for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT; i++) {
        const int id = (i / GK_DTYPE_COUNT + (int)c->index) % GK_KERNEL_COUNT;
        const struct gb_problem *const want = &wanted[id][i % GK_DTYPE_COUNT];
        struct gb_problem p;
        if (!share_inputs(&p, want)) {
            c->mismatches++;
            return;
        }
        if (gb_problem_call(&p, ctx) != GK_OK || !gb_problem_equal(&p, want, &d)) c->mismatches++;
        c->calls++;
        gb_problem_destroy(&p);
    }
}

static gk_context *nth_context(size_t index) {
    size_t isa = index % GK_ISA_COUNT;
    gk_context *ctx;
    while (gk_isa_unusable(isa)) isa--;
    const gk_options options = {.isa = gk_isa_get(isa, GK_F32)->name, .threads = 1 + index % 4, .serial_below = 1};
    return gk_context_create(&ctx, &options) == GK_OK ? ctx : NULL;
}

static void *call_repeatedly(void *pointer) {
    struct caller *const c = pointer;
    gk_context *const ctx = nth_context(c->index);
    if (!ctx) c->mismatches++;
    for (int round = 0; ctx && round < (gb_quick() ? 1 : 5); round++) call_all(c, ctx);
    gk_context_destroy(ctx);
    return NULL;
}

static void run_callers(size_t count, void *(*body)(void *)) {
    struct caller callers[RACERS] = {0};
    for (size_t i = 0; i < count; i++) {
        callers[i].index = i;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, body, &callers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) pthread_join(callers[i].thread, NULL);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(callers[i].mismatches, 0);
        assert_true(callers[i].calls >= GK_KERNEL_COUNT);
    }
}

static void many_callers(void **state) {
    (void)state;
    for (size_t count = 2; count <= CALLERS_MAX; count *= 2) run_callers(count, call_repeatedly);
}

/* The first calls of a process, all at the same moment. */
static atomic_size_t arrived;

static void *race(void *pointer) {
    struct caller *const c = pointer;
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < RACERS) sched_yield();
    gk_context *const ctx = nth_context(c->index);
    if (!ctx) {
        c->mismatches++;
        return NULL;
    }
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec spec = choose(id, GK_F32, 1);
        struct gb_problem p;
        if (!gb_problem_create(&p, &spec) || gb_problem_call(&p, ctx) != GK_OK) c->mismatches++;
        gb_problem_destroy(&p);
        c->calls++;
    }
    gk_context_destroy(ctx);
    return NULL;
}

static void racers(void **state) {
    (void)state;
    run_callers(RACERS, race);
}

static void first_calls_race(void **state) {
    (void)state;
    assert_int_equal(gb_start_again("race", "OMP_WAIT_POLICY", "passive"), 0);
}

/* A call inside a caller's parallel region. */
struct nested {
    struct caller callers[4];
    bool reasons[4];
};

static void call_nested(const void *args, const struct gk_team *team) {
    struct nested *const n = *(struct nested *const *)args;
    struct caller *const c = &n->callers[team->rank];
    const char *const reason = gk_team_serial_reason();
    gk_context *const ctx = nth_context(team->rank + 1);
    n->reasons[team->rank] = reason && strstr(reason, "parallel");
    c->index = team->rank;
    if (ctx) call_all(c, ctx);
    gk_context_destroy(ctx);
}

static void inside_a_parallel_region(void **state) {
    static const struct gk_caches caches;
    struct nested nested = {0};
    const struct nested *const pointer = &nested;
    size_t ran = 0;
    (void)state;
    assert_null(gk_team_serial_reason());
    gk_team_run(4, call_nested, &pointer, NULL, &caches);
    assert_null(gk_team_serial_reason());
    for (size_t i = 0; i < 4; i++) {
        if (nested.callers[i].calls == 0) continue; /* the runtime may grant fewer threads */
        ran++;
        assert_int_equal(nested.callers[i].mismatches, 0);
        assert_true(nested.reasons[i]);
    }
    assert_true(ran > 1);
}

/* What the teams themselves promise: a barrier that holds all, slices that cover and cut at multiples. */
struct items {
    atomic_uint taken[1000];
    atomic_size_t arrived, early, sliced;
};

static void take(const void *args, const struct gk_team *team) {
    struct items *const items = *(struct items *const *)args;
    atomic_fetch_add(&items->arrived, 1);
    gk_team_barrier(team);
    if (items->arrived < team->size) items->early++;
    const struct gk_slice s = gk_team_slice(team, 1000, 16);
    for (size_t i = s.begin; i < s.end; i++) atomic_fetch_add(&items->taken[i], 1);
    if (s.begin % 16 == 0 && (s.end % 16 == 0 || s.end == 1000)) atomic_fetch_add(&items->sliced, s.end - s.begin);
}

static void teams_share_all_the_work(void **state) {
    static const struct gk_caches caches;
    (void)state;
    for (size_t threads = 1; threads <= MOST; threads = threads * 2 + 1) {
        static struct items items;
        const struct items *const pointer = &items;
        memset(&items, 0, sizeof items);
        assert_int_equal(gk_team_run(threads, take, &pointer, NULL, &caches), threads);
        assert_int_equal(items.arrived, threads);
        for (size_t i = 0; i < 1000; i++) assert_int_equal(items.taken[i], 1);
        assert_int_equal(items.early, 0);
        assert_int_equal(items.sliced, 1000);
    }
}

/* What a child of this program does wrong: its threads write one number without order. */
static volatile size_t unordered;

static void write_together(const void *args, const struct gk_team *team) {
    (void)args;
    unordered = team->rank;
}

/* Else that the thread sanitizer finds nothing in the tests above would say nothing. */
static void a_planted_race_is_seen(void **state) {
    enum { SEEN = 66 }; /* its exit code */
    (void)state;
    if (!GB_THREAD_SANITIZER) {
        printf("skipped: races, which a build with the thread sanitizer sees\n");
        skip();
    }
    assert_int_equal(gb_start_again("plant", NULL, NULL), SEEN);
}

static void call_after_call(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        struct gb_problem p;
        struct gb_difference d;
        assert_true(share_inputs(&p, &wanted[id][GK_F32]));
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
            if (gk_isa_unusable(isa)) continue;
            gk_context *const ctx = gb_context(isa, 3);
            for (int i = 0; i < (gb_quick() ? REPEATS / 5 : REPEATS); i++) {
                gb_problem_reset(&p);
                assert_int_equal(gb_problem_call(&p, ctx), GK_OK);
                if (!gb_problem_equal(&p, &wanted[id][GK_F32], &d))
                    fail_msg("%s %s, call %d: %s[%zu][%zu]", p.kernel->name, gk_context_isa(ctx), i, d.operand, d.row, d.col);
            }
            gk_context_destroy(ctx);
        }
        gb_problem_destroy(&p);
    }
}

static size_t threads_for_share(const void *args, enum gk_kernel_id id, double serial_below) {
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 5, .serial_below = serial_below}), GK_OK);
    const size_t threads = gk_call_threads(ctx, id, GK_F32, args);
    gk_context_destroy(ctx);
    return threads;
}

/* A context uses the threads that it was asked for, all of them, and only where two would have their share of work. */
static void threads_follow_the_work(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        gk_context *hungry, *usual;
        struct gb_problem p;
        const struct gb_problem_spec spec = choose(id, GK_F32, 0);
        assert_int_equal(gk_context_create(&hungry, &(gk_options){.threads = 5, .serial_below = 1}), GK_OK);
        assert_int_equal(gk_context_create(&usual, &(gk_options){.threads = 5, .serial_below = 1e18}), GK_OK);
        assert_true(gb_problem_create(&p, &spec));
        assert_int_equal(gk_context_threads(hungry), 5);
        assert_int_equal(gk_call_threads(hungry, (enum gk_kernel_id)id, GK_F32, p.args), 5);
        assert_int_equal(gk_call_threads(usual, (enum gk_kernel_id)id, GK_F32, p.args), 1);
        enum gk_roof roof;
        const double work = gk_kernel_work((enum gk_kernel_id)id, GK_F32, p.args, &roof);
        assert_int_equal(threads_for_share(p.args, (enum gk_kernel_id)id, work / 2), 5);
        assert_int_equal(threads_for_share(p.args, (enum gk_kernel_id)id, work / 1.9), 1);
        gb_problem_destroy(&p);
        gk_context_destroy(hungry);
        gk_context_destroy(usual);
    }
}

/* Column sums are worth threads from the same size on, whichever kernel they are asked of. */
static void column_sums_alone_are_no_product(void **state) {
    gk_context *ctx;
    (void)state;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 5}), GK_OK);
    for (size_t n = 64; n <= 64 << 10; n *= 2) {
        static float dy[64], db[1];
        const gk_affine_db_args alone = {.n = n, .m = 64, .dy = dy, .db = db};
        const gk_affine_backward_args all = {.n = n, .d = 64, .m = 64, .dy = dy, .db = db};
        assert_int_equal(gk_call_threads(ctx, GK_KERNEL_affine_backward, GK_F32, &all),
                         gk_call_threads(ctx, GK_KERNEL_affine_db, GK_F32, &alone));
    }
    gk_context_destroy(ctx);
}

static int open_all(void **state) {
    gk_context *const ref = gb_context(0, 1);
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            struct gb_problem_spec spec = choose(id, dtype, 3);
            spec.in_place = false;
            if (!gb_problem_create(&wanted[id][dtype], &spec) || gb_problem_call(&wanted[id][dtype], ref) != GK_OK) return -1;
        }
    gk_context_destroy(ref);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT; i++)
        gb_problem_destroy(&wanted[i / GK_DTYPE_COUNT][i % GK_DTYPE_COUNT]);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(teams_share_all_the_work), cmocka_unit_test(threads_follow_the_work),
        cmocka_unit_test(first_calls_race),         cmocka_unit_test(call_after_call),
        cmocka_unit_test(inside_a_parallel_region), cmocka_unit_test(many_callers),
        cmocka_unit_test(every_number_of_threads),  cmocka_unit_test(every_environment),
        cmocka_unit_test(a_planted_race_is_seen),   cmocka_unit_test(column_sums_alone_are_no_product),
    };
    const struct CMUnitTest in_environment[] = {cmocka_unit_test(granted)}, first[] = {cmocka_unit_test(racers)};
    if (argc > 1 && strcmp(argv[1], "granted") == 0) return cmocka_run_group_tests(in_environment, NULL, NULL);
    if (argc > 1 && strcmp(argv[1], "plant") == 0) return gk_team_run(4, write_together, NULL, NULL, NULL) != 4;
    if (argc > 1 && strcmp(argv[1], "race") == 0) return cmocka_run_group_tests(first, NULL, NULL);
    gb_wait_passively(argv);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
