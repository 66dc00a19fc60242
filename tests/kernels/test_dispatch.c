/* The table holds what it says, and a context takes the isa and the threads that its options and the environment ask for, or
 * says that it cannot. */
#include <ctype.h>

#include "core/team.h"
#include "support_lineup.h"

enum { LONG_VALUE = 1 << 20, CALLS = 5 };

static const char *name_of(size_t isa) { return gk_isa_get(isa, GK_F32)->name; }

static int clean_environment(void **state) {
    (void)state;
    return unsetenv("GRADKERN_ISA") || unsetenv("OMP_NUM_THREADS") || unsetenv("GRADKERN_VERBOSE");
}

static void assert_choice(const char *isa, gk_status want, const char *name) {
    gk_context *ctx;
    const gk_options options = {.isa = isa, .threads = 1};
    const gk_status status = gk_context_create(&ctx, &options);
    const char *const cap = getenv("GRADKERN_ISA");
    if (status != want)
        fail_msg("GRADKERN_ISA=%.40s, isa %.40s: \"%s\"", cap ? cap : "(none)", isa ? isa : "(none)", gk_status_string(status));
    if (want != GK_OK) {
        assert_null(ctx);
        return;
    }
    struct gk_context_info info;
    gk_context_inspect(ctx, &info);
    assert_string_equal(gk_context_isa(ctx), name);
    assert_string_equal(name_of(info.isa), name);
    assert_true(info.isa_rule && *info.isa_rule);
    if (cap && *cap && !isa) assert_non_null(strstr(info.isa_rule, "GRADKERN_ISA"));
    gk_context_destroy(ctx);
}

static void default_is_the_widest(void **state) {
    (void)state;
    assert_choice(NULL, GK_OK, name_of(gb_widest_isa()));
}

static void isa_is_chosen(void **state) {
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) assert_choice(name_of(i), gk_isa_unusable(i) ? GK_ERROR_ISA : GK_OK, name_of(i));
}

/* With GRADKERN_ISA naming isa i: it is the choice, and every one that this CPU runs can be asked for. */
static void environment_decides_what_is_left_open(void **state) {
    const size_t highest = gb_widest_isa();
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        setenv("GRADKERN_ISA", name_of(i), 1);
        if (i > highest) {
            assert_choice(NULL, GK_ERROR_ISA, NULL);
            for (size_t j = 0; j <= highest; j++) assert_choice(name_of(j), GK_OK, name_of(j));
            continue;
        }
        assert_choice(NULL, GK_OK, name_of(i));
        for (size_t j = 0; j <= highest; j++) {
            assert_choice(name_of(j), GK_OK, name_of(j));
            assert_int_equal(gk_isa_unusable(j) != NULL, j > i);
            assert_null(gk_isa_missing(j));
        }
        if (i < highest) assert_non_null(strstr(gk_isa_unusable(i + 1), "GRADKERN_ISA"));
    }
    setenv("GRADKERN_ISA", "", 1); /* as if it were not set */
    default_is_the_widest(NULL);
    isa_is_chosen(NULL);
    clean_environment(NULL);
}

/* Values that name no isa: made from the names that do. */
static void assert_refused(const char *value) {
    assert_choice(value, GK_ERROR_ISA, NULL);
    if (!*value) return;
    setenv("GRADKERN_ISA", value, 1);
    assert_choice(NULL, GK_ERROR_ENVIRONMENT, NULL);
    for (size_t i = 0; i <= gb_widest_isa(); i++) assert_choice(name_of(i), GK_OK, name_of(i));
    clean_environment(NULL);
}

static void nonsense_is_refused(void **state) {
    static const char *const formats[] = {"%s ", " %s", "%s,", "%s\n", "x%s", "%sx", "-%s", "%s/../"};
    static const char *const values[] = {"", " ", "none", "best", "0", "-1", "sse9000", "\xff\xfe", "%s%n"};
    char text[128];
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        const char *const name = name_of(i);
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof text, formats[k], name);
#pragma GCC diagnostic pop
            assert_refused(text);
        }
        snprintf(text, sizeof text, "%s", name);
        text[0] = (char)toupper((unsigned char)text[0]);
        assert_refused(text);
        text[0] = name[0];
        text[strlen(name) - 1] = '\0';
        assert_refused(text);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) assert_refused(values[i]);
    char *const large = malloc(LONG_VALUE);
    assert_non_null(large);
    memset(large, name_of(0)[0], LONG_VALUE - 1);
    large[LONG_VALUE - 1] = '\0';
    assert_refused(large);
    free(large);
}

/* threads 0: an error. */
static void assert_threads(const char *value, size_t threads) {
    gk_context *ctx;
    setenv("OMP_NUM_THREADS", value, 1);
    const gk_status status = gk_context_create(&ctx, NULL), want = threads ? GK_OK : GK_ERROR_ENVIRONMENT;
    if (status != want) fail_msg("OMP_NUM_THREADS=%.40s: \"%s\"", value, gk_status_string(status));
    if (threads) {
        struct gk_context_info info;
        gk_context_inspect(ctx, &info);
        assert_int_equal(gk_context_threads(ctx), threads);
        assert_non_null(strstr(info.threads_rule, "OMP_NUM_THREADS"));
    }
    gk_context_destroy(ctx);
    /* what the options ask for comes first */
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = 3}), GK_OK);
    assert_int_equal(gk_context_threads(ctx), 3);
    gk_context_destroy(ctx);
    clean_environment(NULL);
}

static void threads_from_environment(void **state) {
    static const char *const wrong[] = {"abc",         "0", "-1", "+-3", "1e6", "0x10", "3abc",
                                        "-4294967295", ",", ",2", "0,4", "2.5", "nan"};
    static const char *const high[] = {"1025",  "1000000", "4294967297", "18446744073709551617", "99999999999999999999999999",
                                       "2000,2"};
    (void)state;
    assert_threads("1", 1);
    assert_threads("2", 2);
    assert_threads("7", 7);
    assert_threads("1024", GK_THREADS_MAX);
    assert_threads("2,4", 2);
    assert_threads(" 3", 3);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_threads(wrong[i], 0);
    for (size_t i = 0; i < sizeof high / sizeof *high; i++) assert_threads(high[i], GK_THREADS_MAX);
    char *const large = malloc(LONG_VALUE);
    assert_non_null(large);
    memset(large, '1', LONG_VALUE - 1);
    large[LONG_VALUE - 1] = '\0';
    assert_threads(large, GK_THREADS_MAX);
    free(large);
}

static void threads_without_environment(void **state) {
    gk_context *ctx;
    const struct gk_topology *const topology = gk_topology_get();
    (void)state;
    assert_int_equal(gk_context_create(&ctx, NULL), GK_OK);
    assert_true(gk_context_threads(ctx) >= 1 && gk_context_threads(ctx) <= topology->cores);
    gk_context_destroy(ctx);
    setenv("OMP_NUM_THREADS", "", 1);
    assert_int_equal(gk_context_create(&ctx, NULL), GK_OK);
    assert_true(gk_context_threads(ctx) <= topology->cores);
    gk_context_destroy(ctx);
    clean_environment(NULL);
}

struct surroundings {
    const char *verbose, *isa; /* verbose may be NULL */
};

static int start_child(const void *argument) {
    const struct surroundings *const s = argument;
    if (s->verbose) setenv("GRADKERN_VERBOSE", s->verbose, 1);
    setenv("GRADKERN_ISA", s->isa, 1);
    execl("/proc/self/exe", "dispatch", "child", (char *)NULL);
    return 127;
}

/* A child that makes one context and some calls; what it wrote on stderr, its exit code in *code. */
static void run_child(const char *verbose, const char *isa, char *text, size_t size, int *code) {
    *code = gb_child_run(start_child, &(struct surroundings){verbose, isa}, text, size);
}

static int be_child(void) {
    gk_context *ctx;
    float x[4] = {-1, 0, 1, 2}, y[4];
    const gk_status status = gk_context_create(&ctx, NULL);
    if (status != GK_OK) return status;
    for (int i = 0; i < CALLS; i++)
        if (gk_relu_forward(ctx, &(gk_relu_forward_args){.n = 1, .d = 4, .x = x, .y = y}) != GK_OK) return GK_STATUS_COUNT;
    gk_context_destroy(ctx);
    return 0;
}

static void verbose_prints_the_choice_once(void **state) {
    char text[4096];
    int code;
    (void)state;
    for (size_t i = 0; i <= gb_widest_isa(); i++) {
        run_child("1", name_of(i), text, sizeof text, &code);
        assert_int_equal(code, 0);
        assert_non_null(strstr(text, name_of(i)));
        assert_non_null(strstr(text, "GRADKERN_ISA"));
        assert_non_null(strstr(text, gk_version()));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
        run_child("0", name_of(i), text, sizeof text, &code);
        assert_int_equal(code, 0);
        assert_string_equal(text, "");
        run_child(NULL, name_of(i), text, sizeof text, &code);
        assert_string_equal(text, "");
    }
    setenv("OMP_NUM_THREADS", "5000", 1);
    run_child("1", name_of(0), text, sizeof text, &code);
    assert_non_null(strstr(text, "threads 1024 (OMP_NUM_THREADS asks for more than gradkern supports)"));
    clean_environment(NULL);
    run_child("1", "nonsense", text, sizeof text, &code);
    assert_int_equal(code, GK_ERROR_ENVIRONMENT);
}

static void table_names_the_kernels(void **state) {
    static const char *const names[] = {
#define GK_KERNEL(id, family, doc) #id,
#include "kernels.def"
    };
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        assert_string_equal(kernel->name, names[id]);
        assert_ptr_equal(gk_kernel_find(names[id]), kernel);
        assert_true(kernel->n_fields > 0 && *kernel->family && *kernel->doc);
    }
    assert_null(gk_kernel_get(GK_KERNEL_COUNT));
    assert_null(gk_kernel_find("nonsense"));
    assert_null(gk_kernel_find(""));
}

/* No two kernels, types or isas share code: a slot that holds another's cell would. */
static void every_cell_is_its_own(void **state) {
    (void)state;
    const size_t per_isa = GK_KERNEL_COUNT * GK_DTYPE_COUNT, count = GK_ISA_COUNT * per_isa;
    const struct gk_cell **const cells = malloc(count * sizeof *cells);
    assert_non_null(cells);
    for (size_t i = 0; i < count; i++) {
        const enum gk_dtype dtype = (enum gk_dtype)(i % GK_DTYPE_COUNT);
        cells[i] = gk_isa_get(i / per_isa, dtype)->cells[i % per_isa / GK_DTYPE_COUNT];
        assert_non_null(cells[i]);
        assert_true(cells[i]->run != NULL);
        assert_true(cells[i]->serial_below > 0);
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(cells[i], cells[j]);
            assert_true(cells[i]->run != cells[j]->run);
        }
    }
    free(cells);
}

static void every_column_is_complete(void **state) {
    (void)state;
    assert_true(GK_ISA_COUNT > 0);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        for (int d = 0; d < GK_DTYPE_COUNT; d++) {
            const struct gk_isa *const isa = gk_isa_get(i, (enum gk_dtype)d);
            assert_string_equal(isa->name, name_of(i));
            assert_int_equal(gk_isa_find(isa->name), (int)i);
            assert_true(i == 0 ? isa->lanes == 1 : isa->lanes > gk_isa_get(i - 1, (enum gk_dtype)d)->lanes);
            assert_int_equal(isa->edges[0], isa->lanes);
            assert_int_equal(isa->edges[5], 0);
            assert_true(isa->math->exp_flushed && isa->math->log && isa->fma_flops > 0);
            for (int p = 0; p < GK_PROBE_COUNT; p++) assert_true(isa->probes[p] != NULL);
            for (size_t j = 0; j < i; j++) {
                const struct gk_isa *const other = gk_isa_get(j, (enum gk_dtype)d);
                assert_true(isa->math->exp_flushed != other->math->exp_flushed && isa->math->log != other->math->log);
                for (int p = 0; p < GK_PROBE_COUNT; p++) assert_true(isa->probes[p] != other->probes[p]);
                assert_true((other->needs & ~isa->needs) == 0); /* plainest first */
            }
        }
        assert_int_equal(gk_isa_get(i, GK_F32)->needs, gk_isa_get(i, GK_F64)->needs);
    }
    assert_null(gk_isa_unusable(0));
    assert_non_null(gk_isa_unusable(GK_ISA_COUNT));
    assert_null(gk_isa_get(GK_ISA_COUNT, GK_F32));
    assert_null(gk_isa_get(0, GK_DTYPE_COUNT));
    assert_int_equal(gk_isa_find("nonsense"), -1);
}

/* Outputs start as NaN, so that a cell that does nothing is seen. */
static void every_usable_cell_executes(void **state) {
    size_t ran = 0, isas = 0;
    gk_context *const ref = gb_context(0, 1);
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        if (!gb_isa_runs(i)) continue;
        gk_context *const ctx = gb_context(i, 1);
        isas++;
        for (int k = 0; k < GK_KERNEL_COUNT * GK_DTYPE_COUNT; k++) {
            const struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)(k / GK_DTYPE_COUNT),
                                                 .seed = 1,
                                                 .n = 20,
                                                 .d = 35,
                                                 .dtype = (enum gk_dtype)(k % GK_DTYPE_COUNT),
                                                 .m = 18,
                                                 .c = 21};
            struct gb_problem got, want;
            struct gb_difference d;
            assert_true(gb_problem_create(&got, &spec) && gb_problem_create(&want, &spec));
            assert_int_equal(gb_problem_call(&want, ref), GK_OK);
            assert_false(gb_problem_equal(&got, &want, &d)); /* before the call */
            assert_int_equal(gb_problem_call(&got, ctx), GK_OK);
            assert_true(gb_problem_equal(&got, &want, &d));
            gb_problem_destroy(&got);
            gb_problem_destroy(&want);
            ran++;
        }
        gk_context_destroy(ctx);
    }
    gk_context_destroy(ref);
    printf("%zu cells of %zu isas\n", ran, isas);
    assert_int_equal(ran, isas * GK_KERNEL_COUNT * GK_DTYPE_COUNT);
}

static void versions(void **state) {
    char text[64];
    (void)state;
    snprintf(text, sizeof text, "%d.%d.%d", GK_VERSION_MAJOR, GK_VERSION_MINOR, GK_VERSION_PATCH);
    assert_string_equal(gk_version(), text);
    assert_int_equal(gk_numerics_version(), GK_NUMERICS_VERSION);
}

int main(int argc, char **argv) {
    /* first under the environment as it is: GRADKERN_ISA may have lowered the isas of this whole run */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_usable_cell_executes),
        cmocka_unit_test_setup(table_names_the_kernels, clean_environment),
        cmocka_unit_test(every_cell_is_its_own),
        cmocka_unit_test(every_column_is_complete),
        cmocka_unit_test(versions),
        cmocka_unit_test_setup(default_is_the_widest, clean_environment),
        cmocka_unit_test_setup(isa_is_chosen, clean_environment),
        cmocka_unit_test_setup(environment_decides_what_is_left_open, clean_environment),
        cmocka_unit_test_setup(nonsense_is_refused, clean_environment),
        cmocka_unit_test_setup(threads_from_environment, clean_environment),
        cmocka_unit_test_setup(threads_without_environment, clean_environment),
        cmocka_unit_test_setup(verbose_prints_the_choice_once, clean_environment),
    };
    if (argc > 1 && strcmp(argv[1], "child") == 0) return be_child();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
