/* A call leaves the floating-point environment and the vector registers as the ABI wants them, does not crash under any
 * rounding mode or with flushing to zero, and needs little stack. */
#include <fenv.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/team.h"
#include "support_cpustate.h"
#include "support_lineup.h"

enum { STACK = 128 << 10, PAINT = 0xa5, COLUMNS_MAX = 16, THREADS = 3 };

static size_t calls[COLUMNS_MAX];

/* Shapes with whole and partial tiles and vectors; data with subnormal, special and usual numbers. */
static struct gb_problem_spec spec_of(int kernel, int dtype, int variant) {
    static const size_t shapes[][4] = {{1, 1, 1, 1}, {13, 37, 50, 21}, {300, 65, 33, 131}};
    static const enum gb_data data[] = {GB_DATA_NORMAL, GB_DATA_TINY, GB_DATA_SPECIAL};
    const size_t *const s = shapes[variant % 3];
    return (struct gb_problem_spec){.kernel = (enum gk_kernel_id)kernel,
                                    .dtype = (enum gk_dtype)dtype,
                                    .n = s[0],
                                    .d = s[1],
                                    .m = s[2],
                                    .c = s[3],
                                    .data = data[variant / 3 % 3],
                                    .soft_labels = variant & 1,
                                    .layout = variant & 1 ? GK_OUT_IN : GK_IN_OUT,
                                    .accumulate = variant / 2 % 2,
                                    .seed = 8};
}

/* body runs on every problem, usable isa and number of threads. */
static void for_each_call(size_t threads, int variants, void (*body)(struct gb_problem *p, gk_context *ctx)) {
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (gk_isa_unusable(isa)) continue;
        gk_context *const ctx = gb_context(isa, threads);
        for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT * variants; i++) {
            const struct gb_problem_spec spec =
                spec_of(i / variants / GK_DTYPE_COUNT, i / variants % GK_DTYPE_COUNT, i % variants);
            struct gb_problem p;
            assert_true(gb_problem_create(&p, &spec));
            body(&p, ctx);
            calls[isa]++;
            gb_problem_destroy(&p);
        }
        gk_context_destroy(ctx);
    }
}

static void assert_control(const struct gb_problem *p, const gk_context *ctx, struct gb_fp_control before) {
    const struct gb_fp_control after = gb_fp_control();
    if (before.vector != after.vector || before.scalar != after.scalar)
        fail_msg("%s %s: control words %x %x became %x %x", p->kernel->name, gk_context_isa(ctx), before.vector, before.scalar,
                 after.vector, after.scalar);
}

static void keeps_control(struct gb_problem *p, gk_context *ctx) {
    const struct gb_fp_control before = gb_fp_control();
    assert_int_equal(gb_problem_call(p, ctx), GK_OK);
    assert_control(p, ctx, before);
    assert_false(gb_direction_flag());
}

static void control_words_are_kept(void **state) {
    (void)state;
    for_each_call(1, 9, keeps_control);
    for_each_call(THREADS, 9, keeps_control);
}

/* Results are promised for round to nearest only; the rest must hold. */
static void keeps_any_control(struct gb_problem *p, gk_context *ctx) {
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    for (size_t mode = 0; mode < 4; mode++)
        for (int flush = 0; flush < 2; flush++) {
            if (flush && !gb_fp_flush(true)) continue;
            assert_int_equal(fesetround(modes[mode]), 0);
            const struct gb_fp_control before = gb_fp_control();
            const gk_status status = gb_problem_call(p, ctx);
            const struct gb_fp_control after = gb_fp_control();
            const int rounding = fegetround();
            fesetround(FE_TONEAREST);
            gb_fp_flush(false);
            assert_int_equal(status, GK_OK);
            assert_int_equal(rounding, modes[mode]);
            assert_memory_equal(&before, &after, sizeof before);
            gb_problem_reset(p);
        }
}

static void any_rounding_mode(void **state) {
    (void)state;
    for_each_call(1, 6, keeps_any_control);
    for_each_call(THREADS, 6, keeps_any_control);
}

/* What the caller saw before is still there, and new flags are added, never cleared. */
static void keeps_flags(struct gb_problem *p, gk_context *ctx) {
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_UNDERFLOW | FE_DIVBYZERO);
    assert_int_equal(gb_problem_call(p, ctx), GK_OK);
    assert_int_equal(fetestexcept(FE_UNDERFLOW | FE_DIVBYZERO), FE_UNDERFLOW | FE_DIVBYZERO);
    feclearexcept(FE_ALL_EXCEPT);
}

static void exception_flags_are_not_cleared(void **state) {
    (void)state;
    for_each_call(1, 3, keeps_flags);
}

static void leaves_clean_registers(struct gb_problem *p, gk_context *ctx) {
    assert_int_equal(gb_problem_call(p, ctx), GK_OK);
    if (gb_upper_halves_used()) fail_msg("%s %s leaves upper halves in use", p->kernel->name, gk_context_isa(ctx));
}

/* Why the state of the registers proves nothing here, or NULL. */
static const char *blind(void) {
#if !defined(__OPTIMIZE__)
    return "the compiler cleans upper halves only where it optimises";
#else
    return gb_upper_halves_visible() ? NULL : "this machine does not tell which registers are in use";
#endif
}

static void upper_halves_are_clean(void **state) {
    (void)state;
    if (blind()) {
        printf("skipped: upper halves of registers: %s\n", blind());
        skip();
    }
    for_each_call(1, 9, leaves_clean_registers);
    for_each_call(THREADS, 9, leaves_clean_registers);
}

/* Cells without the library around them, whose own code might clean up. */
static void cell_leaves_clean_registers(struct gb_problem *p, gk_context *ctx) {
    struct gk_context_info info;
    gk_context_inspect(ctx, &info);
    const struct gk_cell *const cell = gk_isa_get(info.isa, p->spec.dtype)->cells[p->spec.kernel];
    const struct gk_machine machine = {1, info.caches};
    const size_t bytes = cell->scratch ? cell->scratch(p->args, &machine) : 0;
    void *const scratch = bytes ? aligned_alloc(4096, (bytes + 4095) / 4096 * 4096) : NULL;
    assert_true(bytes == 0 || scratch);
    const struct gk_team team = {.size = 1, .scratch = scratch, .caches = &info.caches};
    const struct gb_fp_control before = gb_fp_control();
    cell->run(p->args, &team);
    const bool used = gb_upper_halves_used();
    assert_control(p, ctx, before);
    free(scratch);
    if (used) fail_msg("the cell of %s in %s leaves upper halves in use", p->kernel->name, gk_context_isa(ctx));
}

static void cells_are_clean(void **state) {
    (void)state;
    if (blind()) skip();
    for_each_call(1, 9, cell_leaves_clean_registers);
}

/* The library's threads compute in the caller's environment, whatever it was when they were created or called before. */
static struct gb_fp_control of_threads[THREADS];

static void note_control(const void *args, const struct gk_team *team) {
    (void)args;
    of_threads[team->rank] = gb_fp_control();
}

static void assert_threads_follow(void) {
    static const struct gk_caches caches;
    const struct gb_fp_control own = gb_fp_control();
    for (size_t i = 0; i < THREADS; i++) of_threads[i] = (struct gb_fp_control){0, 0};
    const size_t ran = gk_team_run(THREADS, note_control, NULL, NULL, &caches);
    for (size_t i = 0; i < ran; i++) assert_int_equal(of_threads[i].vector, own.vector);
    assert_true(ran > 1);
}

static void threads_follow_the_caller(void **state) {
    static const int modes[] = {FE_UPWARD, FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_TONEAREST};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        for (int flush = 0; flush < 2; flush++) {
            if (flush && !gb_fp_flush(true)) continue;
            fesetround(modes[i]);
            assert_threads_follow();
            fesetround(FE_TONEAREST);
            gb_fp_flush(false);
        }
    assert_threads_follow();
}

/* On a small painted stack between guard pages; how much of it was ever used is printed. */
struct small {
    struct gb_problem *p;
    gk_context *ctx;
    gk_status status;
};

static char *stack_base;
static size_t deepest;

static void *call_on_small_stack(void *pointer) {
    struct small *const s = pointer;
    s->status = gb_problem_call(s->p, s->ctx);
    return NULL;
}

static void fits_small_stack(struct gb_problem *p, gk_context *ctx) {
    struct small s = {p, ctx, GK_STATUS_COUNT};
    pthread_attr_t attributes;
    pthread_t thread;
    size_t unused = 0;
    memset(stack_base, PAINT, STACK);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack_base, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, call_on_small_stack, &s), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    assert_int_equal(s.status, GK_OK);
    while (unused < STACK && (unsigned char)stack_base[unused] == PAINT) unused++;
    if (STACK - unused > deepest) deepest = STACK - unused;
}

static void small_stack(void **state) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *const all = mmap(NULL, STACK + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    assert_true(all != MAP_FAILED);
    stack_base = all + page;
    assert_int_equal(mprotect(stack_base, STACK, PROT_READ | PROT_WRITE), 0);
    for_each_call(1, 9, fits_small_stack);
    printf("at most %zu of %d bytes of stack\n", deepest, STACK);
    assert_true(deepest > 0 && deepest < STACK);
    munmap(all, STACK + 2 * page);
}

/* The OpenMP runtime's threads with as small a stack: the variable is read before main, so a child of this program is asked. */
static void call_it(struct gb_problem *p, gk_context *ctx) { assert_int_equal(gb_problem_call(p, ctx), GK_OK); }

static void all_calls(void **state) {
    (void)state;
    for_each_call(THREADS, 9, call_it);
}

static void small_stacks_of_threads(void **state) {
    (void)state;
    assert_int_equal(gb_start_again("child", "OMP_STACKSIZE", "128K"), 0);
}

/* The measure: it sees a mode that was changed. */
static void measure_sees_changes(void **state) {
    const struct gb_fp_control before = gb_fp_control();
    (void)state;
    fesetround(FE_UPWARD);
    const struct gb_fp_control up = gb_fp_control();
    fesetround(FE_TONEAREST);
    assert_true(memcmp(&before, &up, sizeof up) != 0);
    if (gb_fp_flush(true)) {
        const struct gb_fp_control flushing = gb_fp_control();
        gb_fp_flush(false);
        assert_true(before.vector != flushing.vector);
    }
    const struct gb_fp_control after = gb_fp_control();
    assert_memory_equal(&before, &after, sizeof after);
}

static void every_column_ran(void **state) {
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        if (gb_isa_runs(i)) assert_true(calls[i] > 100);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measure_sees_changes),      cmocka_unit_test(control_words_are_kept),
        cmocka_unit_test(any_rounding_mode),         cmocka_unit_test(exception_flags_are_not_cleared),
        cmocka_unit_test(upper_halves_are_clean),    cmocka_unit_test(cells_are_clean),
        cmocka_unit_test(threads_follow_the_caller), cmocka_unit_test(small_stack),
        cmocka_unit_test(small_stacks_of_threads),   cmocka_unit_test(every_column_ran),
    };
    const struct CMUnitTest in_child[] = {cmocka_unit_test(all_calls)};
    if (argc > 1 && strcmp(argv[1], "child") == 0) return cmocka_run_group_tests(in_child, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
