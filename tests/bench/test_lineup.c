/* The lineup finds a cell that is wrong, says what and where, and counts what it ran; its shapes, edges and options are all
 * that they say. Cells are scripted: they do what the library does, and then one mistake. */
#include <math.h>

#include "support_lineup.h"

/* What the next calls do, and what calls there were. */
static struct {
    const char *isa; /* the mistake is one of its cells with so many threads; NULL: of none */
    size_t threads;
    void (*mistake)(enum gk_kernel_id id, const void *args);
    gk_status status;
    size_t count, by_isa[GK_ISA_COUNT], small, with_threads[9];
    void (*look)(const void *args);
} script;

static gk_status call_script(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    struct gk_context_info info;
    const gk_status status = gk_call(ctx, id, dtype, args);
    gk_context_inspect(ctx, &info);
    script.count++;
    script.by_isa[info.isa]++;
    script.small += info.caches.l1d == 1 << 10 && info.caches.l2 == 8 << 10 && info.caches.l3 == 16 << 10;
    script.with_threads[info.threads]++;
    if (script.look) script.look(args);
    if (!script.isa || strcmp(script.isa, gk_context_isa(ctx)) != 0 || script.threads != info.threads) return status;
    if (script.mistake) script.mistake(id, args);
    return script.status ? script.status : status;
}

static char *pointer(enum gk_kernel_id id, const void *args, const char *name) {
    const struct gk_field *const f = gk_kernel_operand(gk_kernel_get(id), name);
    return *(char *const *)((const char *)args + f->offset);
}

static void other_bit_of_y(enum gk_kernel_id id, const void *args) {
    const gk_affine_forward_args *const a = args;
    float *const y = (float *)pointer(id, args, "y") + 1 * (a->ld_y ? a->ld_y : a->m) + 2;
    y[0] = nextafterf(y[0], 10);
}

static void another_row_loss(enum gk_kernel_id id, const void *args) { ((float *)pointer(id, args, "row_loss"))[1] = 0.5f; }
static void write_behind_x(enum gk_kernel_id id, const void *args) { ((float *)pointer(id, args, "x"))[3 * 5] = 1; }
static void write_x(enum gk_kernel_id id, const void *args) { ((float *)pointer(id, args, "x"))[3] += 1; }
static void far_off(enum gk_kernel_id id, const void *args) { ((float *)pointer(id, args, "y"))[3] = 1000; }
static void no_number(enum gk_kernel_id id, const void *args) { ((float *)pointer(id, args, "y"))[3] = NAN; }

static const char *name_of(size_t isa) { return gk_isa_get(isa, GK_F32)->name; }

struct logged {
    struct gb_lineup lineup;
    FILE *log;
    char *text;
    size_t size;
};

static void open_logged(struct logged *l, const size_t *threads, size_t n_threads) {
    gk_status status;
    memset(&script, 0, sizeof script);
    l->log = open_memstream(&l->text, &l->size);
    assert_true(gb_lineup_open(&l->lineup, NULL, threads, n_threads, l->log, &status));
    assert_int_equal(status, GK_OK);
    l->lineup.call = call_script;
}

static const char *text_of(struct logged *l) {
    fflush(l->log);
    return l->text;
}

static void close_logged(struct logged *l) {
    gb_lineup_close(&l->lineup);
    fclose(l->log);
    free(l->text);
}

static size_t usable(void) {
    size_t count = 0;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) count += gk_isa_unusable(i) == NULL;
    return count;
}

/* Each isa: a cell a thread count, and caches of a few KiB on one thread and on the most. */
static void cells(void **state) {
    static const size_t threads[][3] = {{1, 3, 2}, {2, 5, 3}, {1}}, n_threads[] = {3, 3, 1};
    static const struct {
        size_t threads;
        enum gb_lineup_use use;
    } want[][5] = {{{1, GB_USE_SERIAL}, {3, GB_USE_PARALLEL}, {2, GB_USE_PARALLEL}, {1, GB_USE_SMALL}, {3, GB_USE_SMALL}},
                   {{2, GB_USE_PARALLEL}, {5, GB_USE_PARALLEL}, {3, GB_USE_PARALLEL}, {1, GB_USE_SMALL}, {5, GB_USE_SMALL}},
                   {{1, GB_USE_SERIAL}, {1, GB_USE_SMALL}}};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct gb_lineup lineup;
        gk_status status;
        size_t at = 0;
        assert_true(gb_lineup_open(&lineup, NULL, threads[k], n_threads[k], NULL, &status));
        assert_true(lineup.call == gk_call);
        assert_true(strcmp(gk_context_isa(lineup.ref), name_of(0)) == 0 && gk_context_threads(lineup.ref) == 1);
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
            assert_int_equal(lineup.isas[isa], !gk_isa_unusable(isa));
            for (size_t i = 0; i < (k == 2 ? 2 : 5) && lineup.isas[isa]; i++, at++) {
                const struct gb_lineup_cell *const cell = &lineup.list[at];
                struct gk_context_info info;
                gk_context_inspect(cell->ctx, &info);
                assert_true(cell->isa == isa && info.isa == isa);
                assert_true(cell->threads == want[k][i].threads && info.threads == want[k][i].threads);
                assert_int_equal(cell->use, want[k][i].use);
                assert_int_equal(info.caches.l1d == 1 << 10 && info.caches.l2 == 8 << 10 && info.caches.l3 == 16 << 10,
                                 cell->use == GB_USE_SMALL);
            }
        }
        assert_int_equal(lineup.count, at);
        gb_lineup_close(&lineup);
        assert_true(lineup.count == 0 && !lineup.ref);
    }
}

/* However small a problem is, all threads take part: of 4 FLOPs 4 would. */
static void threads_are_used(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 40, .d = 3, .m = 40},
                                 least = {.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 1, .m = 1};
    struct gb_problem p;
    struct logged l;
    (void)state;
    open_logged(&l, (size_t[]){3}, 1);
    assert_true(gb_lineup_compare(&l.lineup, &spec, 0, GB_USE_ALL));
    for (size_t i = 0; i < l.lineup.count; i++) {
        struct gk_context_info info;
        gk_context_inspect(l.lineup.list[i].ctx, &info);
        assert_int_equal(info.ran, info.threads);
    }
    assert_true(gb_problem_create(&p, &least));
    assert_int_equal(gk_call_threads(l.lineup.list[0].ctx, p.spec.kernel, GK_F32, p.args), 3);
    gb_problem_destroy(&p);
    close_logged(&l);
}

static void isas_by_choice(void **state) {
    struct gb_lineup lineup;
    gk_status status;
    bool isas[GK_ISA_COUNT] = {false};
    (void)state;
    isas[gb_widest_isa()] = true;
    assert_true(gb_lineup_open(&lineup, isas, (size_t[]){1}, 1, NULL, &status));
    assert_int_equal(lineup.count, 2);
    assert_int_equal(lineup.list[0].isa, gb_widest_isa());
    for (size_t i = 0; i < GK_ISA_COUNT; i++) assert_int_equal(lineup.isas[i], i == gb_widest_isa());
    gb_lineup_close(&lineup);
}

/* 255 thread counts and the small caches are all that there is room for; more, and what a context refuses, opens nothing. */
static void too_many(void **state) {
    static struct gb_lineup lineup;
    size_t ones[300];
    gk_status status;
    (void)state;
    for (size_t i = 0; i < 300; i++) ones[i] = 1;
    assert_true(gb_lineup_open(&lineup, (bool[GK_ISA_COUNT]){true}, ones, 255, NULL, &status));
    assert_int_equal(lineup.count, 256);
    gb_lineup_close(&lineup);
    assert_false(gb_lineup_open(&lineup, (bool[GK_ISA_COUNT]){true}, ones, 256, NULL, &status));
    assert_int_equal(status, GK_ERROR_OPTION);
    assert_true(lineup.count == 0 && !lineup.ref);
    assert_false(gb_lineup_open(&lineup, NULL, (size_t[]){1, 5000}, 2, NULL, &status));
    assert_int_equal(status, GK_ERROR_OPTION);
    assert_true(lineup.count == 0 && !lineup.ref);
}

/* Who takes part, by `use`; ref computes once what all must have. */
static void uses(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 4, .d = 3, .m = 5};
    const size_t all = usable();
    (void)state;
    for (unsigned use = 1; use <= GB_USE_ALL; use++) {
        struct logged l;
        open_logged(&l, (size_t[]){1, 2, 3}, 3);
        assert_true(gb_lineup_compare(&l.lineup, &spec, 0, use));
        const size_t serial = use & 1, parallel = use & 2 ? 2 : 0, small = use & 4 ? 2 : 0, each = serial + parallel + small;
        assert_int_equal(script.count, 1 + all * each);
        assert_int_equal(script.small, all * small);
        assert_int_equal(script.with_threads[1], 1 + all * (serial + small / 2));
        assert_int_equal(script.with_threads[2], all * parallel / 2);
        assert_int_equal(script.with_threads[3], all * (parallel / 2 + small / 2));
        assert_true(l.lineup.cases == all * each && l.lineup.problems == 1 && l.lineup.failures == 0);
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
            const struct gb_tally *const t = &l.lineup.tally[isa][spec.kernel][GK_F32];
            assert_true(t->cases == (gk_isa_unusable(isa) ? 0 : each) && t->failures == 0);
            assert_int_equal(script.by_isa[isa], t->cases + (isa == 0));
        }
        assert_string_equal(text_of(&l), "");
        close_logged(&l);
    }
}

/* One mistake, by one cell. Returns the log. */
static void assert_failure(const struct gb_problem_spec *spec, size_t isa, size_t threads,
                           void (*mistake)(enum gk_kernel_id, const void *), gk_status answer, const char *text) {
    struct logged l;
    char want[600], problem[256];
    open_logged(&l, (size_t[]){1, 3}, 2);
    script.isa = name_of(isa), script.threads = threads, script.mistake = mistake, script.status = answer;
    assert_false(gb_lineup_compare(&l.lineup, spec, 0, GB_USE_SERIAL | GB_USE_PARALLEL));
    assert_int_equal(l.lineup.failures, 1);
    gb_problem_describe(spec, problem, sizeof problem);
    const bool of_all = strncmp(text, "memory", 6) == 0; /* nobody knows by which */
    snprintf(want, sizeof want, "FAILED %s\n    again: gradbench check --isa %s --threads %zu \"%s\"\n", text,
             name_of(of_all ? 0 : isa), of_all ? 1 : threads, problem);
    assert_string_equal(text_of(&l), want);
    for (size_t i = 0; i < GK_ISA_COUNT; i++)
        assert_int_equal(l.lineup.tally[i][spec->kernel][GK_F32].failures, i == (of_all ? 0 : isa));
    /* and the next one is right */
    script.isa = NULL;
    assert_true(gb_lineup_compare(&l.lineup, spec, 0, GB_USE_ALL));
    assert_int_equal(l.lineup.failures, 1);
    close_logged(&l);
}

static void wrong_cells_are_found(void **state) {
    const struct gb_problem_spec affine = {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 5, .m = 7, .ld_pad = 3, .seed = 5},
                                 tight = {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 5, .m = 7, .seed = 5},
                                 fused = {.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = 5, .seed = 5};
    struct gb_problem p;
    char text[300];
    (void)state;
    gk_context *const ref = gb_context(0, 1);
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t threads = 1; threads <= 3 && !gk_isa_unusable(isa); threads += 2) {
            if (isa == 0 && threads == 1) continue; /* ref itself, which is then what all must have */
            assert_true(gb_problem_create(&p, &affine));
            assert_int_equal(gb_problem_call(&p, ref), GK_OK);
            const float y = *((const float *)gb_operand_named(&p, "y")->start + 1 * 10 + 2);
            snprintf(text, sizeof text, "bits: y[1][2] is %a, ref has %a", (double)nextafterf(y, 10), (double)y);
            assert_failure(&affine, isa, threads, other_bit_of_y, GK_OK, text);
            gb_problem_destroy(&p);
            assert_true(gb_problem_create(&p, &fused));
            assert_int_equal(gb_problem_call(&p, ref), GK_OK);
            snprintf(text, sizeof text, "bits: row_loss[0][1] is 0x1p-1, its parts on ref have %a",
                     (double)((const float *)gb_operand_named(&p, "row_loss")->start)[1]);
            assert_failure(&fused, isa, threads, another_row_loss, GK_OK, text);
            gb_problem_destroy(&p);
            snprintf(text, sizeof text, "status: %s (ref: %s)", gk_status_string(GK_ERROR_MEMORY), gk_status_string(GK_OK));
            assert_failure(&affine, isa, threads, NULL, GK_ERROR_MEMORY, text);
            assert_failure(&tight, isa, threads, write_behind_x, GK_OK,
                           "memory: an input or a padding of x was written, by one of the isas");
        }
    gk_context_destroy(ref);
}

/* An input that a cell writes is wrong for all that come after: the failure is seen whatever they make of it. */
static void written_inputs_are_found(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 5, .seed = 5};
    struct logged l;
    (void)state;
    open_logged(&l, (size_t[]){1}, 1);
    script.isa = name_of(gb_widest_isa()), script.threads = 1, script.mistake = write_x;
    assert_false(gb_lineup_compare(&l.lineup, &spec, 0, GB_USE_SERIAL));
    assert_non_null(strstr(text_of(&l), "memory: an input or a padding of x was written"));
    close_logged(&l);
}

/* Ten failures are shown, all are counted. */
static void ten_are_shown(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 5, .m = 7};
    struct logged l;
    size_t shown = 0;
    (void)state;
    open_logged(&l, (size_t[]){1}, 1);
    for (size_t i = 0; i < 12; i++) gb_lineup_fail(&l.lineup, &spec, 0, 7, "anything");
    for (const char *at = text_of(&l);
         (at = strstr(at, "FAILED anything\n    again: gradbench check --isa ref --threads 7 \"affine")); at++)
        shown++;
    assert_int_equal(shown, 10);
    assert_true(l.lineup.failures == 12 && l.lineup.tally[0][spec.kernel][GK_F32].failures == 12);
    l.lineup.log = NULL;
    l.lineup.failures = 0;
    gb_lineup_fail(&l.lineup, &spec, 0, 7, "anything");
    close_logged(&l);
}

static size_t seen_null, seen_in_place, seen_padded;

static void look_at_outputs(const void *args) {
    const gk_softmax_xent_forward_args *const a = args;
    seen_null += (a->p == NULL) + 10 * (a->row_loss == NULL) + 100 * (a->loss == NULL);
    seen_in_place += a->p == a->x;
    seen_padded += a->ld_x == a->c + 3;
}

/* Bit i leaves out the i-th optional output, for everyone; nothing is in place then, and ref works without paddings. */
static void drops(void **state) {
    const struct gb_problem_spec spec = {
        .kernel = GK_KERNEL_softmax_xent_forward, .n = 3, .c = 5, .ld_pad = 3, .in_place = true};
    (void)state;
    for (unsigned drop = 0; drop < 7; drop++) {
        struct logged l;
        open_logged(&l, (size_t[]){1}, 1);
        seen_null = seen_in_place = seen_padded = 0;
        script.look = look_at_outputs;
        assert_true(gb_lineup_compare(&l.lineup, &spec, drop, GB_USE_SERIAL));
        const size_t calls = usable() + 1;
        assert_int_equal(seen_null, calls * ((drop & 1) + 10 * (drop >> 1 & 1) + 100 * (drop >> 2)));
        assert_int_equal(seen_in_place, drop ? 0 : usable());
        assert_int_equal(seen_padded, usable());
        close_logged(&l);
    }
}

static void optional_outputs(void **state) {
    static const size_t want[GK_KERNEL_COUNT] = {
        [GK_KERNEL_affine_backward] = 3, [GK_KERNEL_relu_forward] = 1, [GK_KERNEL_add_backward] = 2,
        [GK_KERNEL_mul_backward] = 2,    [GK_KERNEL_max_backward] = 2, [GK_KERNEL_softmax_xent_forward] = 3,
        [GK_KERNEL_softmax_xent] = 2};
    static const size_t dimensions[GK_KERNEL_COUNT] = {
        [GK_KERNEL_affine_forward] = 3, [GK_KERNEL_affine_dx] = 3, [GK_KERNEL_affine_dw] = 3, [GK_KERNEL_affine_backward] = 3};
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)id};
        assert_int_equal(gb_lineup_optional_outputs(&spec), want[id]);
        spec.bare = true;
        assert_int_equal(gb_lineup_optional_outputs(&spec), 0);
        assert_int_equal(gb_kernel_dimensions((enum gk_kernel_id)id), dimensions[id] ? dimensions[id] : 2);
    }
}

static void no_memory(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_forward, .n = SIZE_MAX / 2, .d = 2};
    struct logged l;
    (void)state;
    open_logged(&l, (size_t[]){1}, 1);
    assert_false(gb_lineup_compare(&l.lineup, &spec, 0, GB_USE_ALL));
    assert_false(gb_lineup_accuracy(&l.lineup, &spec));
    assert_true(l.lineup.failures == 2 && l.lineup.problems == 2 && script.count == 0);
    assert_non_null(strstr(text_of(&l), "FAILED no memory\n"));
    close_logged(&l);
    /* only with paddings it is too large */
    const struct gb_problem_spec padded = {.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 2, .ld_pad = SIZE_MAX / 2};
    open_logged(&l, (size_t[]){1}, 1);
    assert_false(gb_lineup_compare(&l.lineup, &padded, 0, GB_USE_ALL));
    assert_true(l.lineup.failures == 1 && l.lineup.problems == 1);
    assert_non_null(strstr(text_of(&l), "FAILED no memory\n"));
    close_logged(&l);
}

static void accuracy(void **state) {
    struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 5, .m = 7, .seed = 5};
    struct logged l;
    (void)state;
    open_logged(&l, (size_t[]){1}, 1);
    const struct gb_tally *const tally = &l.lineup.tally[0][spec.kernel][GK_F32];
    assert_true(gb_lineup_accuracy(&l.lineup, &spec));
    assert_true(script.count == 1 && l.lineup.cases == 1 && l.lineup.problems == 1 && tally->cases == 1 &&
                tally->failures == 0);
    assert_true(tally->worst > 0 && tally->worst <= 1);
    const double worst = tally->worst;
    spec.data = GB_DATA_INTEGER;
    assert_true(gb_lineup_accuracy(&l.lineup, &spec));
    assert_true(tally->worst == worst && tally->cases == 2);
    spec.data = GB_DATA_SPECIAL;
    assert_true(gb_lineup_accuracy(&l.lineup, &spec));
    assert_true(script.count == 2 && tally->cases == 2);
    spec.data = GB_DATA_NORMAL;
    script.isa = name_of(0), script.threads = 1, script.mistake = far_off;
    assert_false(gb_lineup_accuracy(&l.lineup, &spec));
    assert_int_equal(strncmp(text_of(&l), "FAILED accuracy: y[0][3] is 1000, truth ", 40), 0);
    assert_non_null(strstr(l.text, ", error / bound "));
    assert_true(tally->failures == 1 && l.lineup.failures == 1 && tally->worst > 1000 && isfinite(tally->worst));
    script.mistake = no_number;
    assert_false(gb_lineup_accuracy(&l.lineup, &spec));
    assert_true(isinf(tally->worst));
    script.mistake = NULL, script.status = GK_ERROR_MEMORY;
    assert_false(gb_lineup_accuracy(&l.lineup, &spec));
    char text[200];
    snprintf(text, sizeof text, "FAILED status: %s\n", gk_status_string(GK_ERROR_MEMORY));
    assert_non_null(strstr(text_of(&l), text));
    assert_true(tally->failures == 3 && tally->cases == 5 && l.lineup.cases == 5 && l.lineup.problems == 5);
    close_logged(&l);
}

/* Without a case every cell of those that take part is idle. */
static void idle(void **state) {
    struct logged l;
    size_t isa = gb_widest_isa();
    char text[200];
    (void)state;
    open_logged(&l, (size_t[]){1}, 1);
    const size_t all = usable() * GK_KERNEL_COUNT * GK_DTYPE_COUNT;
    assert_int_equal(gb_lineup_idle(&l.lineup), all);
    snprintf(text, sizeof text, "IDLE relu_forward f64 %s ran no case\n", name_of(isa));
    assert_non_null(strstr(text_of(&l), text));
    l.lineup.tally[isa][GK_KERNEL_relu_forward][GK_F64].cases = 1;
    assert_int_equal(gb_lineup_idle(&l.lineup), all - 1);
    l.lineup.isas[isa] = false;
    assert_int_equal(gb_lineup_idle(&l.lineup), all - GK_KERNEL_COUNT * GK_DTYPE_COUNT);
    close_logged(&l);
}

/* --- shapes and options --- */

/* The options of a problem by turns, as small numbers. */
enum { TURNS = 11, NUMBERS = 8192 };
static const size_t choices[TURNS] = {2, 2, 2, 2, 2, 2, 2, 3, 4, 4, GB_DATA_COUNT};
static const char *const choice_names[TURNS] = {"layout",   "accumulate", "soft_labels", "ignore",   "dloss", "bare",
                                                "in_place", "reduction",  "ld_pad",      "misalign", "data"};

static size_t place_of(size_t value, const size_t values[4]) {
    size_t i = 0;
    while (i < 4 && values[i] != value) i++;
    assert_true(i < 4);
    return i;
}

static void turn(uint64_t number, size_t turns[TURNS]) {
    const size_t sizes[] = {7, 8};
    const struct gb_problem_spec s = gb_spec_by_turns(GK_KERNEL_affine_backward, GK_F64, sizes, 2, number, 3);
    const size_t all[TURNS] = {s.layout,
                               s.accumulate,
                               s.soft_labels,
                               s.ignore,
                               s.dloss,
                               s.bare,
                               s.in_place,
                               s.reduction,
                               place_of(s.ld_pad, (size_t[]){0, 1, 3, 5}),
                               place_of(s.misalign, (size_t[]){0, 1, 3, 7}),
                               s.data};
    assert_true(s.kernel == GK_KERNEL_affine_backward && s.dtype == GK_F64 && s.seed == 3);
    assert_true(s.n == 7 && s.d == 8 && s.m == 7 && s.c == 0);
    memcpy(turns, all, sizeof all);
}

/* Every value of every option comes as often as it should beside every one of every other: soft labels, bare and in place one
 * time in four, all others equally often. */
static void options_by_turns(void **state) {
    static size_t together[TURNS][TURNS][8][8];
    (void)state;
    for (uint64_t number = 0; number < NUMBERS; number++) {
        size_t turns[TURNS];
        turn(number, turns);
        for (size_t a = 0; a < TURNS; a++)
            for (size_t b = 0; b < TURNS; b++) together[a][b][turns[a]][turns[b]]++;
    }
    for (size_t a = 0; a < TURNS; a++)
        for (size_t b = 0; b < TURNS; b++)
            for (size_t i = 0; i < choices[a] && a != b; i++)
                for (size_t j = 0; j < choices[b]; j++) {
                    const bool a_seldom = a == 2 || a == 5 || a == 6, b_seldom = b == 2 || b == 5 || b == 6;
                    const double share = (a_seldom ? (i ? 0.25 : 0.75) : 1 / (double)choices[a]) *
                                         (b_seldom ? (j ? 0.25 : 0.75) : 1 / (double)choices[b]);
                    const double got = (double)together[a][b][i][j] / NUMBERS;
                    if (got < 0.8 * share || got > 1.2 * share)
                        fail_msg("%s %zu with %s %zu: %.4f of all, not %.4f", choice_names[a], i, choice_names[b], j, got,
                                 share);
                }
}

/* Labels of 64 bits, too; the number and the seed together choose. */
static void turns_go_on(void **state) {
    const size_t sizes[] = {1, 2, 3, 4};
    size_t wide = 0;
    (void)state;
    for (uint64_t number = 0; number < 1000; number++) {
        const struct gb_problem_spec a = gb_spec_by_turns(GK_KERNEL_softmax_xent, GK_F32, sizes, 4, number, 5);
        struct gb_problem_spec b = gb_spec_by_turns(GK_KERNEL_softmax_xent, GK_F32, sizes, 4, number + 2, 3);
        wide += a.wide_labels;
        assert_true(a.n == 1 && a.c == 2 && a.d == 0 && a.m == 0);
        b.seed = a.seed;
        assert_memory_equal(&a, &b, sizeof a);
    }
    assert_true(wide > 400 && wide < 600);
}

/* By hand: the layouts, accumulate, labels (indices, indices some of which are ignored, dense), dloss and reductions that the
 * kernel has; smoothed labels or none, class weights with a z_loss or none. */
static void sets_of_options(void **state) {
    static const struct {
        enum gk_kernel_id kernel;
        size_t sets;
    } want[] = {{GK_KERNEL_affine_forward, 2},
                {GK_KERNEL_affine_dx, 4},
                {GK_KERNEL_affine_dw, 4},
                {GK_KERNEL_affine_db, 2},
                {GK_KERNEL_affine_backward, 4},
                {GK_KERNEL_relu_forward, 1},
                {GK_KERNEL_relu_backward, 1},
                {GK_KERNEL_softmax_xent_forward, 4 * 9},
                {GK_KERNEL_softmax_xent_backward, 4 * 18},
                {GK_KERNEL_softmax_xent, 4 * 18}};
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct gb_problem_spec found[GB_OPTION_SETS];
        size_t count = 0;
        for (unsigned set = 0; set < GB_OPTION_SETS; set++) {
            struct gb_problem_spec *const s = &found[count];
            if (!gb_spec_of_set(want[i].kernel, GK_F64, set, s)) continue;
            assert_true(s->kernel == want[i].kernel && s->dtype == GK_F64 && s->reduction <= GK_NONE &&
                        !(s->soft_labels && s->ignore));
            for (size_t k = 0; k < count; k++) assert_memory_not_equal(&found[k], s, sizeof *s);
            count++;
        }
        assert_int_equal(count, want[i].sets);
    }
}

static void small_shapes(void **state) {
    size_t sizes[GK_DIM_COUNT];
    bool met[6][6][6] = {0}, two[6][25] = {0};
    (void)state;
    for (size_t i = 0; i < 125; i++) {
        assert_true(gb_small_shape(GK_KERNEL_affine_dx, i, 5, 24, sizes));
        for (size_t k = 0; k < 3; k++) assert_true(sizes[k] >= 1 && sizes[k] <= 5);
        assert_false(met[sizes[0]][sizes[1]][sizes[2]]);
        met[sizes[0]][sizes[1]][sizes[2]] = true;
    }
    assert_false(gb_small_shape(GK_KERNEL_affine_dx, 125, 5, 24, sizes));
    for (size_t i = 0; i < 120; i++) {
        assert_true(gb_small_shape(GK_KERNEL_softmax_xent, i, 5, 24, sizes));
        assert_true(sizes[0] >= 1 && sizes[0] <= 5 && sizes[1] >= 1 && sizes[1] <= 24 && !two[sizes[0]][sizes[1]]);
        two[sizes[0]][sizes[1]] = true;
    }
    assert_false(gb_small_shape(GK_KERNEL_softmax_xent, 120, 5, 24, sizes));
}

static void edge_sizes(void **state) {
    (void)state;
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
        size_t sizes[GB_EDGE_SIZES_MAX], count = gb_edge_sizes((enum gk_dtype)dtype, sizes);
        bool want[2000] = {0};
        size_t wanted = 0;
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
            for (size_t e = 0; e < 6 && gk_isa_get(isa, (enum gk_dtype)dtype)->edges[e]; e++) {
                const size_t b = gk_isa_get(isa, (enum gk_dtype)dtype)->edges[e];
                assert_true(2 * b + 1 < 2000);
                want[b - 1] = want[b] = want[b + 1] = want[2 * b - 1] = want[2 * b + 1] = true;
            }
        for (size_t i = 1; i < 2000; i++) wanted += want[i];
        assert_int_equal(count, wanted);
        for (size_t i = 0; i < count; i++) assert_true(want[sizes[i]] && (i == 0 || sizes[i] > sizes[i - 1]));
        assert_int_equal(sizes[0], 1);
    }
}

/* A fingerprint of what the numbers choose: the problems of a check are always the same. */
static void turns_stay(void **state) {
    uint64_t hash = 0;
    (void)state;
    for (uint64_t number = 0; number < 1000; number++) {
        size_t turns[TURNS];
        turn(number, turns);
        for (size_t i = 0; i < TURNS; i++) hash = (hash ^ turns[i]) * 0x100000001b3u;
    }
    assert_true(hash == 0xea8014b0ccca9747u);
}

static void compare_and_forget(void) {
    static const struct gb_problem_spec spec = {.kernel = GK_KERNEL_softmax_xent, .n = 3, .c = 5},
                                        none = {.kernel = GK_KERNEL_relu_forward, .n = 2, .d = 2, .ld_pad = SIZE_MAX / 2};
    struct logged l;
    size_t ones[256];
    gk_status status;
    for (size_t i = 0; i < 256; i++) ones[i] = 1;
    open_logged(&l, ones, 1);
    assert_true(gb_lineup_compare(&l.lineup, &spec, 0, GB_USE_ALL) && gb_lineup_accuracy(&l.lineup, &spec));
    assert_false(gb_lineup_compare(&l.lineup, &none, 0, GB_USE_ALL));
    close_logged(&l);
    assert_false(gb_lineup_open(&l.lineup, NULL, (size_t[]){1, 5000}, 2, NULL, &status));
}

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(compare_and_forget);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells),
        cmocka_unit_test(threads_are_used),
        cmocka_unit_test(isas_by_choice),
        cmocka_unit_test(too_many),
        cmocka_unit_test(uses),
        cmocka_unit_test(wrong_cells_are_found),
        cmocka_unit_test(written_inputs_are_found),
        cmocka_unit_test(ten_are_shown),
        cmocka_unit_test(drops),
        cmocka_unit_test(optional_outputs),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(accuracy),
        cmocka_unit_test(idle),
        cmocka_unit_test(options_by_turns),
        cmocka_unit_test(turns_go_on),
        cmocka_unit_test(turns_stay),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(sets_of_options),
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(edge_sizes),
    };
    (void)argc;
    gb_wait_passively(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
