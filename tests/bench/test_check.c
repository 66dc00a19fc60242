/* `gradbench check`: what it runs, by hand; that it counts what it runs and says what it does not; and that a cell with one
 * mistake is found, whatever the mistake, named, and the exit code 1. Cells are scripted: they do what the library does, and
 * then the mistake. */
#include <math.h>

#include "check.h"
#include "gradients.h"
#include "message.h"
#include "support_lineup.h"
#include "text.h"

enum { CALLS_MAX = 20000, SHAPES_MAX = 4000 };

/* What a call does after the library has done its part. */
typedef void mistake(gk_context *ctx, enum gk_kernel_id id, const void *args);

static struct {
    size_t at; /* the number of the call, from 1, that has the mistake or the answer; 0: where `where` says so */
    bool (*where)(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args);
    mistake *mistake;
    gk_status answer;
    size_t calls, made;                         /* mistakes */
    size_t cells[GK_ISA_COUNT][GK_DTYPE_COUNT]; /* calls of the kernel that is checked */
    bool threads[1025];
    struct {
        size_t n, d;
    } shapes[SHAPES_MAX]; /* of the widest isa in float, one after the other */
    size_t n_shapes;
} script;

static enum gk_kernel_id checked;
static size_t widest;

static void note(const struct gk_context_info *info, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    const gk_relu_forward_args *const a = args;
    script.threads[info->threads] = true;
    if (id != checked) return;
    script.cells[info->isa][dtype]++;
    if (info->isa != widest || dtype != GK_F32) return;
    if (script.n_shapes > 0 && script.shapes[script.n_shapes - 1].n == a->n && script.shapes[script.n_shapes - 1].d == a->d)
        return;
    assert_true(script.n_shapes < SHAPES_MAX);
    script.shapes[script.n_shapes].n = a->n;
    script.shapes[script.n_shapes++].d = a->d;
}

static gk_status call_script(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    struct gk_context_info info;
    gk_status status = gk_call(ctx, id, dtype, args);
    gk_context_inspect(ctx, &info);
    script.calls++;
    note(&info, id, dtype, args);
    if (script.where ? !script.where(ctx, id, dtype, args) : script.at != script.calls) return status;
    script.made++;
    if (script.mistake) script.mistake(ctx, id, args);
    return script.answer ? script.answer : status;
}

/* Of relu_forward. */
static void another_y(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    (void)ctx, (void)id;
    ((float *)((const gk_relu_forward_args *)args)->y)[0] = 77;
}

static size_t ld_of(size_t ld, size_t d) { return ld ? ld : d; }

static void write_beside_y(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    const gk_relu_forward_args *const a = args;
    (void)ctx, (void)id;
    ((float *)a->y)[ld_of(a->ld_y, a->d) + a->d] = 77;
}

static void write_x(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    (void)ctx, (void)id;
    ((volatile float *)(uintptr_t)((const gk_relu_forward_args *)args)->x)[1] = 77;
}

static volatile float sink;

static void read_past_x(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    const gk_relu_forward_args *const a = args;
    (void)ctx, (void)id;
    sink = ((const volatile float *)a->x)[(a->n - 1) * ld_of(a->ld_x, a->d) + a->d];
}

static void read_before_x(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    (void)ctx, (void)id;
    sink = ((const volatile float *)((const gk_relu_forward_args *)args)->x)[-1];
}

struct run {
    int code;
    char *text;
    size_t size;
};

static struct run check(struct gb_check_options *options) {
    struct run run = {.code = -1};
    FILE *const out = open_memstream(&run.text, &run.size);
    options->call = call_script;
    script.calls = script.made = script.n_shapes = 0;
    memset(script.cells, 0, sizeof script.cells);
    memset(script.threads, 0, sizeof script.threads);
    run.code = gb_check_run(options, out);
    fclose(out);
    return run;
}

static void forget_script(void) { memset(&script, 0, sizeof script); }

static const size_t one_thread[] = {1};

/* ref and the widest isa, one kernel. */
static struct gb_check_options options_of(enum gk_kernel_id kernel) {
    struct gb_check_options o = {.threads = one_thread, .n_threads = 1, .seed = 1, .quick = true};
    forget_script();
    checked = kernel;
    o.isas[0] = o.isas[widest] = o.kernels[kernel] = true;
    return o;
}

static void count_gradient(void *state, const struct gb_gradient_check *c) {
    (void)c;
    ++*(size_t *)state;
}

static size_t gradients_of_one_cell(void) {
    size_t count = 0;
    gk_context *const ctx = gb_context(widest, 1);
    assert_true(gb_gradient_checks(ctx, gk_call, count_gradient, &count));
    gk_context_destroy(ctx);
    return count;
}

static size_t edge_count(enum gk_dtype dtype) {
    size_t sizes[GB_EDGE_SIZES_MAX];
    return gb_edge_sizes(dtype, sizes);
}

/* Of the problems with these numbers, those that have true values. */
static size_t known_truths(enum gk_kernel_id kernel, uint64_t from, uint64_t count, size_t step) {
    size_t known = 0;
    for (uint64_t number = from; number < from + count; number += step)
        known += gb_spec_by_turns(kernel, GK_F32, (size_t[]){1}, 1, number, 1).data != GB_DATA_SPECIAL;
    return known;
}

static const char *name_of(size_t isa) { return gk_isa_get(isa, GK_F32)->name; }

/* The line of what was not asked for, and those of isas that cannot be. */
static void append_left_out(char *text, size_t size, const struct gb_check_options *o) {
    size_t isas = 0, kernels = 0;
    for (size_t i = 0; i < GK_ISA_COUNT; i++)
        if (gk_isa_unusable(i)) gb_text_append(text, size, "skipped: isa %s: %s\n", name_of(i), gk_isa_unusable(i));
    for (size_t i = 0; i < GK_ISA_COUNT; i++) isas += !gk_isa_unusable(i) && !o->isas[i];
    for (int i = 0; i < GK_KERNEL_COUNT; i++) kernels += !o->kernels[i];
    if (isas + kernels == 0) return;
    gb_text_append(text, size, "not asked for:");
    for (size_t i = 0, n = 0; i < GK_ISA_COUNT; i++)
        if (!gk_isa_unusable(i) && !o->isas[i]) gb_text_append(text, size, "%s%s", n++ ? ", " : " isas ", name_of(i));
    if (isas && kernels) gb_text_append(text, size, ";");
    for (int i = 0, n = 0; i < GK_KERNEL_COUNT; i++)
        if (!o->kernels[i])
            gb_text_append(text, size, "%s%s", n++ ? ", " : " kernels ", gk_kernel_get((enum gk_kernel_id)i)->name);
    gb_text_append(text, size, "\n");
}

static const char header[] = "kernel                   type isa         cases  error/bound  result\n";

static void assert_text(const char *got, const char *want) { assert_string_equal(got, want); }

/* All shapes to 5 x 24, one in eight on all cells, here of one thread, of two, and both with small caches, the others on one
 * thread; every edge in both dimensions on all cells. quick: three edges in four not without small caches on two threads, and
 * all once, else 4 and 3 times; 10 problems between forbidden pages, else 60, at two sides by two cells an isa. */
static void everything_is_run_and_counted(void **state) {
    const enum gk_kernel_id kernel = GK_KERNEL_relu_forward;
    const size_t gradients = gradients_of_one_cell(), two[] = {1, 2};
    (void)state;
    for (int quick = 0; quick < 2; quick++) {
        struct gb_check_options o = options_of(kernel);
        o.quick = quick;
        o.threads = two, o.n_threads = 2;
        const struct run run = check(&o);
        char want[3000];
        const size_t small = quick ? 120 : 480, times = quick ? 1 : 3, pages = quick ? 10 : 60;
        size_t all = 0, number = 0;
        snprintf(want, sizeof want, "%s", header);
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const size_t sizes = edge_count((enum gk_dtype)dtype), edges = 2 * sizes * times;
            size_t cases = 0, truths = known_truths(kernel, number, small, 1);
            for (size_t i = 0; i < sizes; i++) cases += 2 * times * (quick && i % 4 ? 3 : 4);
            for (uint64_t i = number; i < number + small; i++) cases += (i + 1) % 8 ? 1 : 4;
            truths += known_truths(kernel, number + small, edges, times);
            for (size_t k = 0; k < 2; k++) {
                const size_t printed = k ? cases : cases + truths;
                gb_text_append(want, sizeof want, "%-24s %-4s %-8s %8zu  %-11s  ok\n", "relu_forward", dtype ? "f64" : "f32",
                               name_of(k ? widest : 0), printed, k ? "bits of ref" : "0.000");
                all += printed;
            }
            number += small + edges + pages;
            assert_true(script.cells[widest][dtype] >= cases + 4 * pages);
        }
        const size_t guarded = 2 * pages * 2 * 4;
        gb_text_append(want, sizeof want, "gradients: %zu checks, 0 failed (centred differences, complex step)\n",
                       2 * gradients);
        gb_text_append(want, sizeof want, "memory: %zu calls with every operand beside a forbidden page and inputs read-only\n",
                       guarded);
        append_left_out(want, sizeof want, &o);
        gb_text_append(want, sizeof want, "4 cells, %zu cases, 0 failures; seed 1, numerics version %d\n",
                       all + guarded + 2 * gradients, gk_numerics_version());
        assert_text(run.text, want);
        assert_int_equal(run.code, GB_EXIT_OK);
        free(run.text);
    }
}

/* The shapes, in their order: small ones, edges beside 3 and then beside other edges. */
static void shapes_are_those_of_the_edges(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    size_t sizes[GB_EDGE_SIZES_MAX], at = 119;
    const size_t count = gb_edge_sizes(GK_F32, sizes);
    static const size_t guarded[] = {1, 2, 7, 17, 33, 65, 130, 5, 12, 49}; /* between forbidden pages */
    (void)state;
    o.quick = false;
    const struct run run = check(&o);
    assert_true(script.shapes[0].n == 1 && script.shapes[0].d == 1 && script.shapes[at].n == 5 && script.shapes[at].d == 24);
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < count; i++)
            for (size_t r = 0; r < 3; r++) {
                const size_t other = r == 0 ? 3 : sizes[(7 * i + 5 * r) % (2 * count / 3)];
                const size_t n = d ? other : sizes[i], columns = d ? sizes[i] : other;
                if (script.shapes[at].n != n || script.shapes[at].d != columns) at++;
                assert_true(script.shapes[at].n == n && script.shapes[at].d == columns);
            }
    for (size_t i = 0; i < 60; i++) {
        const size_t n = guarded[i % 10], d = guarded[(3 * i + 3 + i / 10) % 10];
        if (script.shapes[at].n != n || script.shapes[at].d != d) at++;
        assert_true(script.shapes[at].n == n && script.shapes[at].d == d);
    }
    free(run.text);
}

/* One cell of the last shape alone is wrong. */
static size_t last_edge;

static bool at_the_last_edge(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    const gk_relu_forward_args *const a = args;
    return id == GK_KERNEL_relu_forward && dtype == GK_F64 && a->n == 3 && a->d == last_edge &&
           strcmp(gk_context_isa(ctx), name_of(widest)) == 0;
}

static void another_last_y(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    const gk_relu_forward_args *const a = args;
    (void)ctx, (void)id;
    ((double *)a->y)[(a->n - 1) * ld_of(a->ld_y, a->d) + a->d - 1] = 77;
}

static void the_last_shape_counts(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    size_t sizes[GB_EDGE_SIZES_MAX];
    char row[200];
    (void)state;
    last_edge = sizes[gb_edge_sizes(GK_F64, sizes) - 1];
    script.where = at_the_last_edge, script.mistake = another_last_y;
    const struct run run = check(&o);
    assert_int_equal(run.code, GB_EXIT_CHECK);
    assert_int_equal(script.made, 2); /* on one thread and with small caches */
    snprintf(row, sizeof row, "FAILED bits: y[2][%zu] is 0x1.34p+6, ref has ", last_edge - 1);
    assert_non_null(strstr(run.text, row));
    assert_non_null(strstr(run.text, " cases, 2 failures; seed 1"));
    const char *const line = strstr(strstr(run.text, header), "relu_forward             f64");
    assert_non_null(line);
    assert_non_null(strstr(line, "bits of ref  FAILED\n"));
    assert_ptr_equal(strstr(strstr(run.text, header), "FAILED"), strstr(line, "FAILED"));
    free(run.text);
}

/* --- one problem. Calls: 1 ref, 2 and 3 its cells, 4 and 5 those of the widest isa, 6 for the true values, 7 ref for what
 * follows, 8 to 11 the cells before a page, 12 to 15 behind one --- */

static const struct gb_problem_spec one = {.kernel = GK_KERNEL_relu_forward, .n = 5, .d = 7, .ld_pad = 2, .seed = 9};

static void one_problem(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    char want[2000];
    (void)state;
    o.problem = &one;
    const struct run run = check(&o);
    snprintf(want, sizeof want, "%s", header);
    gb_text_append(want, sizeof want, "relu_forward             f32  ref             3  0.000        ok\n");
    gb_text_append(want, sizeof want, "relu_forward             f32  %-8s        2  bits of ref  ok\n", name_of(widest));
    gb_text_append(want, sizeof want, "memory: 8 calls with every operand beside a forbidden page and inputs read-only\n");
    append_left_out(want, sizeof want, &o);
    gb_text_append(want, sizeof want, "2 cells, 13 cases, 0 failures; seed 9, numerics version %d\n", gk_numerics_version());
    assert_text(run.text, want);
    assert_true(run.code == GB_EXIT_OK && script.calls == 15);
    free(run.text);
}

static void assert_found(size_t at, mistake *what, gk_status answer, size_t isa, const char *text) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    char want[400], problem[256];
    o.problem = &one;
    script.at = at, script.mistake = what, script.answer = answer;
    const struct run run = check(&o);
    assert_int_equal(run.code, GB_EXIT_CHECK);
    assert_int_equal(script.made, 1);
    gb_problem_describe(&one, problem, sizeof problem);
    snprintf(want, sizeof want, "FAILED %s\n    again: gradbench check --isa %s --threads 1 \"%s\"\n", text, name_of(isa),
             problem);
    if (strncmp(run.text, want, strlen(want)) != 0) fail_msg("%s instead of %s", run.text, want);
    assert_non_null(strstr(run.text, " cases, 1 failure; seed 9"));
    snprintf(want, sizeof want, "f32  %s ", name_of(isa));
    const char *const row = strstr(run.text, want);
    assert_non_null(row);
    assert_non_null(strstr(row, "  FAILED\n"));
    free(run.text);
}

static void each_mistake_is_found(void **state) {
    struct gb_problem p;
    char text[200], status[200];
    (void)state;
    gk_context *const ref = gb_context(0, 1);
    assert_true(gb_problem_create(&p, &one));
    assert_int_equal(gb_problem_call(&p, ref), GK_OK);
    const double y = (double)((const float *)gb_operand_named(&p, "y")->start)[0];
    snprintf(text, sizeof text, "bits: y[0][0] is 0x1.34p+6, ref has %a", y);
    snprintf(status, sizeof status, "status: %s (ref: %s)", gk_status_string(GK_ERROR_MEMORY), gk_status_string(GK_OK));
    assert_found(3, another_y, GK_OK, 0, text);
    assert_found(4, another_y, GK_OK, widest, text);
    assert_found(5, another_y, GK_OK, widest, text);
    assert_found(5, NULL, GK_ERROR_MEMORY, widest, status);
    assert_found(4, write_beside_y, GK_OK, 0, "memory: an input or a padding of y was written, by one of the isas");
    snprintf(text, sizeof text, "accuracy: y[0][0] is 77, truth %.17g, error / bound inf", y);
    assert_found(6, another_y, GK_OK, 0, text);
    snprintf(text, sizeof text, "memory: y[0][0] is 0x1.34p+6 at the edge of a page, else %a", y);
    assert_found(8, another_y, GK_OK, 0, text);
    assert_found(15, another_y, GK_OK, widest, text);
    assert_found(9, NULL, GK_ERROR_MEMORY, 0, "memory: the call failed at the edge of a page");
    assert_found(14, write_beside_y, GK_OK, widest, "memory: bytes beside the rows of y were written");
    assert_found(10, write_x, GK_OK, widest, "memory: the input x[0] was written, byte 4");
    assert_found(11, read_past_x, GK_OK, widest, "memory: x[4] was touched 0 bytes past its last element");
    assert_found(12, read_before_x, GK_OK, 0, "memory: x[0] was touched 4 bytes before its first element");
    gb_problem_destroy(&p);
    gk_context_destroy(ref);
}

static size_t in_place_calls;

static bool count_in_place(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    const gk_relu_forward_args *const a = args;
    (void)ctx, (void)id, (void)dtype;
    in_place_calls += a->x == a->y;
    return false;
}

/* Beside forbidden pages, too: all but ref for the others, twice, and with true values. */
static void in_place_is_kept(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    struct gb_problem_spec spec = one;
    (void)state;
    spec.in_place = true;
    o.problem = &spec;
    script.where = count_in_place;
    in_place_calls = 0;
    const struct run run = check(&o);
    assert_true(run.code == GB_EXIT_OK && in_place_calls == 13);
    free(run.text);
}

/* --- gradients --- */

static bool dx_of_the_widest(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    (void)args;
    return id == GK_KERNEL_affine_dx && dtype == GK_F64 && strcmp(gk_context_isa(ctx), name_of(widest)) == 0;
}

static void bend_dx(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    (void)ctx, (void)id;
    ((double *)((const gk_affine_dx_args *)args)->dx)[0] *= 1.00001;
}

static void gradients_are_found(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_affine_db);
    char text[200];
    size_t failed = 0;
    (void)state;
    script.where = dx_of_the_widest, script.mistake = bend_dx;
    struct run run = check(&o);
    for (const char *at = run.text; (at = strstr(at, "FAILED gradient: ")); at++, failed++) {
        assert_int_equal(strncmp(at, "FAILED gradient: dx of affine_dx n=10 d=6 m=5 ", 46), 0);
        snprintf(text, sizeof text, " by centred differences, isa %s: relative error 5e-06, at most 1e-09 allowed\n",
                 name_of(widest));
        assert_non_null(strstr(at, text));
    }
    assert_int_equal(failed, 2); /* both layouts */
    snprintf(text, sizeof text, "gradients: %zu checks, 2 failed (", 2 * gradients_of_one_cell());
    assert_non_null(strstr(run.text, text));
    assert_non_null(strstr(run.text, " cases, 2 failures; "));
    assert_int_equal(run.code, GB_EXIT_CHECK);
    free(run.text);
    o = options_of(GK_KERNEL_affine_db);
    script.where = dx_of_the_widest, script.answer = GK_ERROR_MEMORY;
    run = check(&o);
    assert_non_null(strstr(run.text, "FAILED gradients: no memory, or a kernel refused\n"));
    assert_non_null(strstr(run.text, " cases, 1 failure; "));
    assert_int_equal(run.code, GB_EXIT_CHECK);
    free(run.text);
}

/* --- too large for ref --- */

static bool never(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    (void)ctx, (void)id, (void)dtype, (void)args;
    return false;
}

/* Cells by their threads: 1 has a wrong corner, 2 fails, 3 writes its input. */
static bool large_mistakes(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    const gk_affine_dw_args *const a = args;
    (void)id, (void)dtype;
    const size_t threads = gk_context_threads(ctx);
    script.answer = threads == 2 ? GK_ERROR_MEMORY : GK_OK;
    if (threads == 1) ((float *)a->dw)[0] = 77;
    if (threads == 3) ((float *)(uintptr_t)a->x)[0] = 77;
    return true;
}

static void large_problems(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_dw, .n = 3000, .d = 600, .m = 600, .seed = 2};
    static const size_t threads[] = {1, 2, 3};
    const char sampled[] = "skipped: isa ref: it computed a sample, all of a problem of this size would take it too long\n";
    size_t in_use = 0;
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        if (wrong) in_use = gb_heap_in_use();
        struct gb_check_options o = options_of(GK_KERNEL_affine_dw);
        char want[3000] = "", problem[256];
        o.problem = &spec, o.threads = threads, o.n_threads = 3;
        script.where = wrong ? large_mistakes : never;
        const struct run run = check(&o);
        gb_problem_describe(&spec, problem, sizeof problem);
        const char *const isa = name_of(widest), *const again = "    again: gradbench check --isa";
        if (wrong) {
            const char *const value = strstr(run.text, "ref has ");
            assert_non_null(value);
            gb_text_append(want, sizeof want, "FAILED bits: dw[0][0] is 0x1.34p+6, ref has %a\n%s %s --threads 1 \"%s\"\n",
                           strtod(value + 8, NULL), again, isa, problem);
            gb_text_append(want, sizeof want, "FAILED status: %s\n%s %s --threads 2 \"%s\"\n",
                           gk_status_string(GK_ERROR_MEMORY), again, isa, problem);
            gb_text_append(want, sizeof want, "FAILED memory: x or its padding was written\n%s %s --threads 3 \"%s\"\n", again,
                           isa, problem);
        }
        gb_text_append(want, sizeof want, "%s%s", sampled, header);
        gb_text_append(want, sizeof want, "affine_dw                f32  %-8s        3  bits of ref  %s\n", isa,
                       wrong ? "FAILED" : "ok");
        append_left_out(want, sizeof want, &o);
        gb_text_append(want, sizeof want, "1 cell, 3 cases, %s; seed 2, numerics version %d\n",
                       wrong ? "3 failures" : "0 failures", gk_numerics_version());
        assert_text(run.text, want);
        assert_int_equal(run.code, wrong ? GB_EXIT_CHECK : GB_EXIT_OK);
        assert_int_equal(script.calls, 3);
        free(run.text);
    }
    assert_in_range(gb_heap_in_use(), 0, in_use + 500000); /* all outputs are 1.4 MB */
}

/* --- what is refused, and what is chosen --- */

static int check_to_stderr(const void *argument) {
    struct gb_check_options o = *(const struct gb_check_options *)argument;
    return gb_check_run(&o, stderr);
}

static void refusals(void **state) {
    struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_forward, .n = SIZE_MAX / 2, .d = 4};
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    const size_t too_many[] = {5000};
    char text[4096], want[300];
    (void)state;
    o.problem = &spec;
    assert_int_equal(gb_child_run(check_to_stderr, &o, text, sizeof text), GB_EXIT_RESOURCE);
    assert_string_equal(text, "gradbench: error: the sizes of this problem overflow\n");
    spec.n = (size_t)1 << 40;
    assert_int_equal(gb_child_run(check_to_stderr, &o, text, sizeof text), GB_EXIT_RESOURCE);
    assert_int_equal(strncmp(text, "gradbench: error: checking this problem needs ", 46), 0);
    assert_non_null(strstr(text, ", but "));
    o.threads = too_many;
    assert_int_equal(gb_child_run(check_to_stderr, &o, text, sizeof text), GB_EXIT_USAGE);
    snprintf(want, sizeof want, "gradbench: error: %s\n", gk_status_string(GK_ERROR_OPTION));
    assert_string_equal(text, want);
}

static const struct gb_problem_spec large = {.kernel = GK_KERNEL_relu_forward, .n = 1 << 15, .d = 32};

static int with_less_memory(const void *argument) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    o.problem = &large;
    gb_limit_memory((size_t)(*(const double *)argument * (double)gb_problem_bytes(&large)));
    return gb_check_run(&o, stderr);
}

/* Twelve times the operands, of 12 MB here, must be there. */
static void memory_is_asked_for_first(void **state) {
    const double bytes = 12 * (double)gb_problem_bytes(&large);
    char text[4096], want[100], need[24];
    (void)state;
    if (GB_SANITIZER) skip(); /* it has all of the address space */
    assert_int_equal(gb_child_run(with_less_memory, &(double){11.5}, text, sizeof text), GB_EXIT_RESOURCE);
    snprintf(want, sizeof want, "checking this problem needs %s, but ", gb_bytes_text(bytes, need, sizeof need));
    assert_non_null(strstr(text, want));
    assert_non_null(strstr(text, " are left of the address space, ulimit -v\n"));
    gb_child_run(with_less_memory, &(double){12.5}, text, sizeof text);
    assert_null(strstr(text, "checking this problem needs"));
}

/* At the call by which ref begins what lies beside pages, no more memory is to be had. */
static void take_all_memory(gk_context *ctx, enum gk_kernel_id id, const void *args) {
    (void)ctx, (void)id, (void)args;
    gb_limit_memory(0);
}

static int without_pages(const void *argument) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    (void)argument;
    o.problem = &one;
    script.at = 7, script.mistake = take_all_memory;
    const struct run run = check(&o);
    fputs(run.text, stderr);
    return run.code;
}

static void what_has_no_pages_is_said(void **state) {
    char text[4096];
    (void)state;
    if (GB_SANITIZER) skip();
    assert_int_equal(gb_child_run(without_pages, NULL, text, sizeof text), GB_EXIT_OK);
    assert_non_null(strstr(text, "skipped: 8 calls between forbidden pages: no memory for them\n"));
    assert_non_null(strstr(text, "2 cells, 5 cases, 0 failures; seed 9"));
    assert_null(strstr(text, "memory: "));
}

static int by_default(const void *argument) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    (void)argument;
    o.n_threads = 0, o.threads = NULL;
    return gb_check_run(&o, stderr);
}

/* Under GRADKERN_ISA=nothing. */
static void no_isa(void **state) {
    char text[4096], want[300];
    (void)state;
    assert_int_equal(gb_child_run(by_default, NULL, text, sizeof text), GB_EXIT_ISA);
    snprintf(want, sizeof want, "gradbench: error: %s\n", gk_status_string(GK_ERROR_ENVIRONMENT));
    assert_string_equal(text, want);
}

/* Under GRADKERN_ISA=ref: what is unusable, and why, is said, and is not what was not asked for. */
static void others_are_capped(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    char want[2000] = "";
    (void)state;
    o.problem = &one;
    o.isas[widest] = false;
    const struct run run = check(&o);
    assert_int_equal(run.code, GB_EXIT_OK);
    append_left_out(want, sizeof want, &o);
    assert_int_equal(strncmp(want, "skipped: isa ", 13), 0);
    assert_non_null(strstr(run.text, want));
    assert_null(strstr(run.text, "not asked for: isas"));
    assert_non_null(strstr(run.text, "1 cell, 7 cases, 0 failures"));
    free(run.text);
}

static void isas_that_cannot_be(void **state) {
    char text[4096], want[300];
    (void)state;
    assert_int_equal(gb_start_again("others_are_capped", "GRADKERN_ISA", "ref"), 0);
    assert_int_equal(gb_start_again("no_isa", "GRADKERN_ISA", "nothing"), 0);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
        if (!gk_isa_missing(i)) continue;
        o.isas[i] = true;
        assert_int_equal(gb_child_run(check_to_stderr, &o, text, sizeof text), GB_EXIT_ISA);
        snprintf(want, sizeof want, "gradbench: error: %s\n", gk_status_string(GK_ERROR_ISA));
        assert_string_equal(text, want);
    }
}

/* Without a list: 1, all, and the next odd number above. */
static void threads_by_default(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    gk_context *ctx;
    (void)state;
    o.problem = &one;
    o.n_threads = 0, o.threads = NULL;
    const struct run run = check(&o);
    assert_int_equal(gk_context_create(&ctx, NULL), GK_OK);
    const size_t all = gk_context_threads(ctx), above = all % 2 ? all + 2 : all + 1;
    gk_context_destroy(ctx);
    for (size_t i = 0; i < 1025; i++) assert_int_equal(script.threads[i], i == 1 || i == all || i == above);
    assert_int_equal(run.code, GB_EXIT_OK);
    free(run.text);
}

static void check_and_forget(void) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    o.problem = &one;
    free(check(&o).text);
}

static void nothing_is_kept(void **state) {
    char maps[1 << 16];
    (void)state;
    gb_assert_keeps_nothing(check_and_forget);
    FILE *const file = fopen("/proc/self/maps", "r");
    assert_non_null(file);
    maps[fread(maps, 1, sizeof maps - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(maps, "test_check"));
    assert_null(strstr(maps, "operands")); /* the guard's */
}

/* Everything is asked for: nothing is left out. */
static void nothing_left_out(void **state) {
    struct gb_check_options o = options_of(GK_KERNEL_relu_forward);
    char want[1000] = "";
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) o.isas[i] = !gk_isa_unusable(i);
    for (int i = 0; i < GK_KERNEL_COUNT; i++) o.kernels[i] = true;
    o.problem = &one;
    const struct run run = check(&o);
    append_left_out(want, sizeof want, &o);
    assert_null(strstr(run.text, "not asked for"));
    assert_non_null(strstr(run.text, want));
    free(run.text);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_run_and_counted),
        cmocka_unit_test(shapes_are_those_of_the_edges),
        cmocka_unit_test(the_last_shape_counts),
        cmocka_unit_test(one_problem),
        cmocka_unit_test(each_mistake_is_found),
        cmocka_unit_test(in_place_is_kept),
        cmocka_unit_test(gradients_are_found),
        cmocka_unit_test(large_problems),
        cmocka_unit_test(refusals),
        cmocka_unit_test(memory_is_asked_for_first),
        cmocka_unit_test(what_has_no_pages_is_said),
        cmocka_unit_test(isas_that_cannot_be),
        cmocka_unit_test(threads_by_default),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(nothing_left_out),
    };
    const struct CMUnitTest capped[] = {cmocka_unit_test(others_are_capped)}, without[] = {cmocka_unit_test(no_isa)};
    gb_wait_passively(argv);
    for (widest = GK_ISA_COUNT - 1; gk_isa_missing(widest); widest--) continue;
    if (argc > 1 && strcmp(argv[1], "others_are_capped") == 0) return cmocka_run_group_tests(capped, NULL, NULL);
    if (argc > 1 && strcmp(argv[1], "no_isa") == 0) return cmocka_run_group_tests(without, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
