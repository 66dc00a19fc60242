/* Gradients of one problem, whatever its numbers: that right ones pass at any seed and wrong ones do not, kinks, the elements
 * that are furthest off; and gradbench gradcheck. */
#include <math.h>

#include "commands.h"
#include "gradients.h"
#include "support_lineup.h"
#include "support_said.h"

static struct gb_said said;
static gk_context *ctx;
static const struct gb_gradient_options usual = {.step = 1e-5};

/* --- the checks of a problem */

static struct tally {
    struct gb_gradient_check checks[16];
    size_t count, failed, progress;
} tally;

static void take(void *state, const struct gb_gradient_check *check) {
    assert_ptr_equal(state, &tally);
    assert_true(tally.count < 16);
    tally.checks[tally.count++] = *check;
    tally.failed += !(check->error <= check->error_bound);
}

static void check_by(gb_cell_call *call, const struct gb_problem_spec *spec, const struct gb_gradient_options *options) {
    memset(&tally, 0, sizeof tally);
    assert_true(gb_gradient_check_problem(ctx, call, spec, options, take, &tally));
}

static struct gb_problem_spec spec_of(int id, enum gk_dtype dtype, size_t size, uint64_t seed) {
    return (struct gb_problem_spec){
        .kernel = (enum gk_kernel_id)id, .dtype = dtype, .n = size, .d = size + 2, .m = size + 1, .c = size + 3, .seed = seed};
}

/* Checks of each kernel: two a gradient and function that it is one of. */
static const struct {
    enum gk_kernel_id kernel;
    size_t checks;
} gradients[] = {{GK_KERNEL_affine_dx, 2},       {GK_KERNEL_affine_dw, 2},        {GK_KERNEL_affine_db, 4},
                 {GK_KERNEL_affine_backward, 6}, {GK_KERNEL_relu_backward, 2},    {GK_KERNEL_add_backward, 4},
                 {GK_KERNEL_mul_backward, 4},    {GK_KERNEL_max_backward, 4},     {GK_KERNEL_reciprocal_backward, 2},
                 {GK_KERNEL_exp_backward, 2},    {GK_KERNEL_sigmoid_backward, 2}, {GK_KERNEL_softmax_xent_backward, 2},
                 {GK_KERNEL_softmax_xent, 2}};

enum { GRADIENTS = sizeof gradients / sizeof *gradients };

static void every_gradient_at_any_seed(void **state) {
    (void)state;
    for (size_t i = 0; i < GRADIENTS; i++)
        for (uint64_t seed = 0; seed < 40; seed++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                const struct gb_problem_spec s = spec_of(gradients[i].kernel, (enum gk_dtype)dtype, 1 + seed % 7, seed);
                check_by(gk_call, &s, &usual);
                assert_int_equal(tally.count, gradients[i].checks);
                if (tally.failed) fail_msg("%s, seed %zu", tally.checks[0].name, (size_t)seed);
                for (size_t k = 0; k < tally.count; k++) {
                    const struct gb_gradient_check *const c = &tally.checks[k];
                    const bool complex = strcmp(c->method, "complex step") == 0;
                    assert_true(c->compared + c->kinks == c->elements && c->n_worst > 0);
                    if (dtype == GK_F32) assert_true(c->error_bound == 1e-5);
                    else if (complex) assert_true(c->error_bound == 1e-12);
                    else assert_true(c->error_bound == 1e-9 || c->error_bound == 1e-7);
                    assert_true(c->output[0] == 'd' && strcmp(c->output + 1, c->by) == 0);
                    assert_true(strstr(c->function, "_forward"));
                }
            }
}

static void which_kernels_have_one(void **state) {
    size_t count = 0;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        bool listed = false;
        for (size_t i = 0; i < GRADIENTS; i++) listed |= gradients[i].kernel == (enum gk_kernel_id)id;
        assert_int_equal(gb_has_gradient((enum gk_kernel_id)id), listed);
        count += listed;
    }
    assert_int_equal(count, GRADIENTS);
}

/* A cell that is wrong in one element of one output, in the type that is checked, or fails. */
static struct {
    const struct gk_field *output;
    enum gk_kernel_id kernel;
    size_t element;
    double factor, addend;
    gk_status answer;
} planted;

static gk_status call_planted(gk_context *context, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    const gk_status status = gk_call(context, id, dtype, args);
    if (id != planted.kernel) return status;
    if (planted.answer) return planted.answer;
    void *const values = *(void *const *)((const char *)args + planted.output->offset);
    if (dtype == GK_F64)
        ((double *)values)[planted.element] = ((double *)values)[planted.element] * planted.factor + planted.addend;
    else
        ((float *)values)[planted.element] = ((float *)values)[planted.element] * (float)planted.factor + (float)planted.addend;
    return status;
}

/* Both methods see it, in that element, and nothing else is wrong. */
static void wrong_gradients_are_seen(void **state) {
    (void)state;
    for (size_t i = 0; i < GRADIENTS; i++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const struct gk_kernel *const kernel = gk_kernel_get(gradients[i].kernel);
            const struct gb_problem_spec s = spec_of(kernel->id, (enum gk_dtype)dtype, 4, 11);
            for (size_t f = 0; f < kernel->n_fields; f++) {
                planted.output = &kernel->fields[f];
                if (planted.output->kind != GK_FIELD_OUT || planted.output->name[0] != 'd') continue;
                planted.kernel = kernel->id, planted.element = 3;
                planted.factor = 1, planted.addend = dtype == GK_F32 ? 1e-2 : 1e-4;
                check_by(call_planted, &s, &usual);
                size_t wrong = 0;
                for (size_t k = 0; k < tally.count; k++) {
                    const struct gb_gradient_check *const c = &tally.checks[k];
                    const struct gb_coordinate *const worst = &c->worst[0];
                    const bool it = strcmp(c->output, planted.output->name) == 0;
                    assert_int_equal(!(c->error <= c->error_bound), it);
                    wrong += it;
                    if (!it) continue;
                    assert_true(fabs(worst->computed - worst->numerical - planted.addend) < 0.1 * planted.addend);
                    assert_true(worst->row == 0 && worst->col == 3);
                    for (size_t w = 1; w < c->n_worst; w++)
                        assert_true(fabs(c->worst[w].computed - c->worst[w].numerical) <=
                                    fabs(c->worst[w - 1].computed - c->worst[w - 1].numerical));
                }
                assert_true(wrong >= 2 && tally.failed == wrong);
                /* what is no number is further off than all others */
                planted.addend = NAN;
                check_by(call_planted, &s, &usual);
                assert_int_equal(tally.failed, wrong);
                for (size_t k = 0; k < tally.count; k++)
                    if (strcmp(tally.checks[k].output, planted.output->name) == 0)
                        assert_true(isnan(tally.checks[k].worst[0].computed) && isnan(tally.checks[k].error));
            }
        }
}

/* What the problem holds, and how many of it are within h of the kink. */
static size_t near_kinks(const struct gb_problem_spec *spec, const char *one, const char *other, double h, size_t *first) {
    struct gb_problem p;
    size_t count = 0;
    assert_true(gb_problem_create(&p, spec));
    const double *const a = gb_operand_named(&p, one)->start;
    const double *const b = other ? gb_operand_named(&p, other)->start : NULL;
    for (size_t i = spec->n * spec->d; i > 0; i--)
        if (fabs(a[i - 1] - (b ? b[i - 1] : 0)) <= h) *first = i - 1, count++;
    gb_problem_destroy(&p);
    return count;
}

static void assert_kinks(const struct gb_problem_spec *spec, double h, size_t kinks, size_t first) {
    const struct gb_gradient_options options = {.step = h};
    check_by(gk_call, spec, &options);
    assert_int_equal(tally.failed, 0);
    for (size_t k = 0; k < tally.count; k++) {
        const struct gb_gradient_check *const c = &tally.checks[k];
        assert_int_equal(c->kinks, kinks);
        assert_int_equal(c->compared, c->elements - kinks);
        assert_int_equal(c->n_kinked, kinks < GB_COORDINATES_MAX ? kinks : GB_COORDINATES_MAX);
        assert_int_equal(c->kinked[0].row * spec->d + c->kinked[0].col, first);
    }
}

/* Elements near a kink are counted and named, and decide nothing; those beside it do. */
static void kinks(void **state) {
    struct gb_problem_spec s = {.kernel = GK_KERNEL_relu_forward, .dtype = GK_F64, .n = 9, .d = 11, .seed = 5};
    size_t first = 0;
    (void)state;
    const size_t near = near_kinks(&s, "x", NULL, 0.25, &first);
    assert_in_range(near, 3, 60);
    s.kernel = GK_KERNEL_relu_backward;
    assert_kinks(&s, 0.25, near, first);
    for (int beside = 0; beside < 2; beside++) {
        planted.kernel = s.kernel, planted.output = gk_kernel_operand(gk_kernel_get(s.kernel), "dx");
        planted.element = first + (size_t)beside, planted.factor = 1, planted.addend = 1;
        check_by(call_planted, &s, &(struct gb_gradient_options){.step = 0.25});
        assert_int_equal(tally.failed, beside ? 2 : 0);
    }
    s.kernel = GK_KERNEL_max_forward, s.data = GB_DATA_INTEGER;
    const size_t equal = near_kinks(&s, "a", "b", 1e-5, &first);
    assert_in_range(equal, 2, 60);
    s.kernel = GK_KERNEL_max_backward;
    assert_kinks(&s, 1e-5, equal, first);
    /* a step as wide as the numbers: nothing is left to compare */
    s.kernel = GK_KERNEL_relu_backward, s.data = GB_DATA_NORMAL, s.n = 1, s.d = 2;
    check_by(gk_call, &s, &(struct gb_gradient_options){.step = 8});
    assert_true(tally.checks[0].compared == 0 && tally.checks[0].n_worst == 0 && tally.failed == 0);
}

static void progress(void *data, const char *output, size_t done, size_t of) {
    assert_ptr_equal(data, &tally);
    assert_true(strcmp(output, "dx") == 0 && done < of && of == 42);
    tally.progress++;
}

static void options(void **state) {
    const struct gb_problem_spec s = spec_of(GK_KERNEL_affine_dx, GK_F64, 6, 3);
    struct gb_problem_spec seven = s;
    struct gb_gradient_options o = usual;
    (void)state;
    seven.d = 7;
    o.progress = progress, o.data = &tally;
    check_by(gk_call, &seven, &o);
    assert_int_equal(tally.progress, 84);
    o.most = 5; /* every ninth */
    check_by(gk_call, &seven, &o);
    assert_int_equal(tally.progress, 10);
    for (size_t k = 0; k < 2; k++) assert_true(tally.checks[k].compared == 5 && tally.checks[k].elements == 42);
    planted.kernel = s.kernel, planted.output = gk_kernel_operand(gk_kernel_get(s.kernel), "dx");
    planted.factor = 1, planted.addend = 1e-3;
    for (planted.element = 0; planted.element < 42; planted.element++) {
        check_by(call_planted, &seven, &o);
        assert_int_equal(tally.failed, planted.element % 9 == 0 ? 2 : 0);
    }
    planted.element = 9;
    o.error_bound = 0.1;
    check_by(call_planted, &seven, &o);
    assert_true(tally.failed == 0 && tally.checks[0].error_bound == 0.1 && tally.checks[1].error_bound == 0.1);
    /* a wide step bends what is no line */
    struct gb_problem_spec bent = {.kernel = GK_KERNEL_exp_backward, .dtype = GK_F64, .n = 2, .d = 3, .seed = 1};
    check_by(gk_call, &bent, &(struct gb_gradient_options){.step = 0.1});
    assert_true(tally.failed == 1 && tally.checks[1].error > 1e-4 && tally.checks[1].error < 1e-2);
    /* an expensive problem has fewer complex steps */
    const struct gb_problem_spec large = {.kernel = GK_KERNEL_affine_db, .dtype = GK_F64, .n = 1000, .m = 700, .seed = 1};
    check_by(gk_call, &large, &(struct gb_gradient_options){.step = 1e-5, .most = 40});
    assert_true(tally.checks[0].compared < 40 && tally.checks[0].compared >= 8 && tally.checks[1].compared > 30);
}

static void refused_calls_are_said(void **state) {
    const struct gb_problem_spec s = spec_of(GK_KERNEL_exp_backward, GK_F32, 3, 1);
    (void)state;
    planted.answer = GK_ERROR_MEMORY;
    for (int forward = 0; forward < 2; forward++) {
        planted.kernel = forward ? GK_KERNEL_exp_forward : GK_KERNEL_exp_backward;
        memset(&tally, 0, sizeof tally);
        assert_false(gb_gradient_check_problem(ctx, call_planted, &s, &usual, take, &tally));
        assert_int_equal(tally.count, 0);
    }
    planted.answer = GK_OK;
}

static void check_two(void) {
    const struct gb_problem_spec wide = spec_of(GK_KERNEL_affine_backward, GK_F64, 3, 1);
    const struct gb_problem_spec single = spec_of(GK_KERNEL_softmax_xent, GK_F32, 3, 1);
    check_by(gk_call, &wide, &usual);
    check_by(gk_call, &single, &usual);
}

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(check_two);
}

/* --- the command */

#define GRADCHECK(code_wanted, ...)                                                                                            \
    do {                                                                                                                       \
        gb_hear_command(&said, gb_command_gradcheck, (char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL});                             \
        if (said.code != (code_wanted)) fail_msg("%d, not %d: %s%s", said.code, (code_wanted), said.err, said.out);            \
    } while (0)

#define HEAD "      method          elements    error at most  worst               numerical           computed\n"

static bool has(const char *text) { return strstr(said.out, text) != NULL; }

static void the_command(void **state) {
    (void)state;
    GRADCHECK(0);
    assert_string_equal(said.err, "");
    assert_memory_equal(said.out, HEAD "affine_dx n=10 d=6 m=5 dtype=f64\n  dx  complex step          60  ", strlen(HEAD) + 64);
    assert_true(has("\n  db  differences            5  ") && has("  of repeat_forward\n"));
    assert_true(has("\nsoftmax_xent n=10 c=9 dtype=f64\n"));
    assert_true(has("\n13 problems, 38 checks, 0 failed; seed 1, step 1e-05\n"));
    GRADCHECK(0, "--kernels", "affine", "--shape", "affine n=3 d=4 m=5", "--shape", "relu n=2 d=3", "--shape",
              "affine_dx n=1..3 d=2 m=2 layout=out_in f32", "--seed", "7");
    assert_true(has("\naffine_dx n=2 d=2 m=2 dtype=f32 layout=out_in\n") && has("\naffine_backward n=3 d=4 m=5 dtype=f64\n"));
    assert_false(has("relu"));
    assert_true(has("\n7 problems, 20 checks, 0 failed; seed 7, step 1e-05\n"));
    GRADCHECK(0, "--dtype", "f32", "--kernels", "exp_backward");
    assert_true(has("\nexp_backward n=10 d=6 dtype=f32\n") && has("   1e-05  ["));
}

static void the_worst_and_the_kinks(void **state) {
    (void)state;
    GRADCHECK(0, "--shape", "max_backward n=9 d=11 data=integer seed=5", "--worst", "4", "--elements", "99");
    assert_int_equal(gb_count_in(said.out, "\n                                                 ["), 12);
    assert_int_equal(gb_count_in(said.out, "      left out, within 1e-05 of a kink: "), 2);
    assert_true(has(", a[") && has(", b[") && has(" of 99  "));
    GRADCHECK(0, "--shape", "relu n=1 d=2 data=positive", "--step", "0.9");
    assert_false(has("kink"));
    GRADCHECK(0, "--shape", "max_backward n=1 d=2 data=positive", "--step", "1");
    assert_int_equal(gb_count_in(said.out, "0 of 2  0.0e+00   1e-09  all at kinks: no verdict\n"), 2);
    assert_true(has(", 0 failed, 4 without a verdict; "));
    GRADCHECK(0, "--shape", "relu n=20 d=20", "--step", "1");
    assert_true(has(" ..\n")); /* more than it names */
    GRADCHECK(1, "--kernels", "affine_db", "--tolerance", "1e-16");
    assert_int_equal(gb_count_in(said.out, "  FAILED"), 2);
    assert_true(has("\n1 problem, 4 checks, 2 failed; seed 1, step 1e-05\n"));
    GRADCHECK(1, "--kernels", "exp_backward", "--step", "0.1");
}

static void what_is_refused(void **state) {
    static const struct {
        const char *words[4], *said;
    } table[] = {
        {{"--kernels", "*_forward"}, "nothing to check: no kernel of what was asked for has a gradient"},
        {{"--shape", "relu_forward n=3 d=4"}, "nothing to check: no kernel of what was asked for has a gradient"},
        {{"--shape", "affine n=3"}, "--shape, column 11: d is missing (expected d=1 to 16777216)"},
        {{"--shape", "affine n=3 d=4 m=5 data=wide"},
         "differences need plain numbers: data=normal, integer or positive (got 'wide')"},
        {{"--shape", "affine n=3 d=4 m=5 ld_pad=1"}, "gradcheck has no use for ld_pad (gradbench check has)"},
        {{"--shape", "affine n=3 d=4 m=5 accumulate"}, "gradcheck has no use for accumulate (gradbench check has)"},
        {{"--shape", "relu n=3 d=4 in_place"}, "gradcheck has no use for in_place (gradbench check has)"},
        {{"--dtype", "f16"}, "unknown value of --dtype 'f16' (did you mean 'f32'? allowed: f32, f64)"},
        {{"--step", "0"}, "--step must be a number from 1e-12 to 1 (got '0')"},
        {{"--worst", "11"}, "--worst must be a whole number from 1 to 10 (got '11')"},
        {{"affine"}, "gradcheck takes options only (got 'affine')"},
    };
    char line[300];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        gb_hear_command(&said, gb_command_gradcheck, (char **)(uintptr_t)table[i].words);
        snprintf(line, sizeof line, "gradbench: error: %s\n", table[i].said);
        assert_string_equal(said.err, line);
        assert_string_equal(said.out, "");
        assert_int_equal(said.code, 2);
    }
    GRADCHECK(4, "--shape", "affine n=16777216 d=16777216 m=16777216");
    assert_non_null(strstr(said.err, "checking this problem needs "));
    assert_string_equal(said.out, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient_at_any_seed),
        cmocka_unit_test(which_kernels_have_one),
        cmocka_unit_test(wrong_gradients_are_seen),
        cmocka_unit_test(kinks),
        cmocka_unit_test(options),
        cmocka_unit_test(refused_calls_are_said),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(the_command),
        cmocka_unit_test(the_worst_and_the_kinks),
        cmocka_unit_test(what_is_refused),
    };
    ctx = gb_context(gb_widest_isa(), 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gk_context_destroy(ctx);
    return failed;
}
