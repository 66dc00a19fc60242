/* Not one byte is read or written outside the operands' rows: every cell on operands flush against pages that cannot be
 * touched, whole or row by row, at both ends, inputs not writable, scratch space exactly as large as the cell asked for.
 * GK_QUICK=1 takes one problem in QUICK. */
#include <sys/mman.h>

#include "core/team.h"
#include "guard.h"
#include "support_lineup.h"

enum { SIZES_MAX = 96, LONGEST = 280, LOGGED_MAX = 10, THREADS = 3, QUICK = 12 };

static const struct gk_caches caches[] = {{1 << 10, 8 << 10, 16 << 10}, {32 << 10, 128 << 10, 1 << 20}};
static gk_context *ref;
static bool quick;
static size_t calls[16][GK_KERNEL_COUNT][GK_DTYPE_COUNT], failures;

static void report(const struct gb_guard_problem *g, size_t isa, const char *what) {
    char text[256];
    if (getenv("CMOCKA_TEST_ABORT") || ++failures <= LOGGED_MAX) {
        gb_problem_describe(&g->problem.spec, text, sizeof text);
        fprintf(stderr, "FAILED isa %s, %s: %s\n    %s\n", gk_isa_get(isa, GK_F32)->name, gb_guard_side_name(g->side), what,
                text);
    }
    if (getenv("CMOCKA_TEST_ABORT")) exit(1);
}

/* What gk_call does after its checks. */
struct cell_call {
    gk_run *run;
    size_t threads;
    const struct gk_caches *caches;
};

static void call_cell(void *context, const void *args, void *scratch) {
    const struct cell_call *const call = context;
    gk_team_run(call->threads, call->run, args, scratch, call->caches);
}

static void run_cell(struct gb_guard_problem *g, const struct gb_problem *want, size_t isa, size_t threads, size_t cache) {
    const struct gb_problem_spec *const spec = &want->spec;
    const struct gk_cell *const cell = gk_isa_get(isa, spec->dtype)->cells[spec->kernel];
    const struct gk_machine machine = {threads, caches[cache]};
    const size_t scratch = cell->scratch ? cell->scratch(g->args, &machine) : 0;
    struct cell_call call = {cell->run, threads, &caches[cache]};
    struct gb_guard_fault fault;
    struct gb_difference d;
    const char *changed;
    char what[200];
    calls[isa][spec->kernel][spec->dtype]++;
    gb_guard_reset(g);
    if (!gb_guard_run(g, threads, call_cell, &call, scratch, &fault)) gb_guard_describe(&fault, what, sizeof what);
    else if (!gb_problem_equal(&g->problem, want, &d))
        snprintf(what, sizeof what, "%s[%zu][%zu] is %a, ref has %a", d.operand, d.row, d.col, d.got, d.want);
    else if (!gb_guard_intact(g, &changed)) snprintf(what, sizeof what, "wrote beside the rows of %s", changed);
    else return;
    report(g, isa, what);
}

/* One problem in every isa and on every side. */
static void run_all(const struct gb_problem_spec *spec, size_t threads, size_t cache) {
    struct gb_problem_spec plain = *spec;
    struct gb_problem want;
    struct gb_guard_problem g;
    plain.in_place = false;
    plain.ld_pad = 0;
    assert_true(gb_problem_create(&want, &plain));
    assert_int_equal(gb_problem_call(&want, ref), GK_OK);
    for (int side = 0; side < GB_GUARD_SIDES; side++) {
        assert_true(gb_guard_place(&g, &want, (enum gb_guard_side)side, spec->in_place, spec->ld_pad));
        g.problem.spec = *spec;
        bool writes;
        assert_int_equal(gk_validate(spec->kernel, spec->dtype, g.args, &writes), GK_OK);
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
            if (!gk_isa_unusable(isa)) run_cell(&g, &want, isa, threads, cache);
    }
    gb_problem_destroy(&want);
}

static void with_shape(enum gk_kernel_id kernel, enum gk_dtype dtype, const size_t size[3], uint64_t number, size_t threads) {
    struct gb_problem_spec s = gb_spec_by_turns(kernel, dtype, size, 3, number, 0);
    s.misalign = 0; /* the page decides */
    s.seed = number;
    run_all(&s, threads, number % 2);
}

static bool skipped(uint64_t number) { return quick && number * 2654435761u % QUICK; }

static int by_size(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* The given sizes and those around every isa's edges, up to `limit`. */
static size_t edge_sizes(enum gk_dtype dtype, const size_t *given, size_t limit, size_t sizes[SIZES_MAX]) {
    size_t count = 0, unique = 0;
    while (given[count]) sizes[count] = given[count], count++;
    for (size_t c = 0; c < GK_ISA_COUNT; c++) {
        const struct gk_isa *const isa = gk_isa_get(c, dtype);
        for (size_t e = 0; e < 6 && isa->edges[e]; e++)
            for (size_t size = isa->edges[e] - 1; size <= isa->edges[e] + 1; size++)
                if (size > 0 && size <= limit && count < SIZES_MAX) sizes[count++] = size;
    }
    qsort(sizes, count, sizeof *sizes, by_size);
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || sizes[i] != sizes[unique - 1]) sizes[unique++] = sizes[i];
    return unique;
}

/* Every triple (pair) of sizes up to 40. */
static void small_shapes(void **state) {
    static const size_t cube[] = {1, 2, 3, 4, 5, 7, 8, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 40, 0};
    uint64_t number = 0;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const size_t third = gb_kernel_dimensions((enum gk_kernel_id)id) > 2 ? 40 : 1;
            for (size_t i = 0; cube[i]; i++)
                for (size_t j = 0; cube[j]; j++)
                    for (size_t k = 0; cube[k] && cube[k] <= third; k++, number++) {
                        const size_t size[] = {cube[i], cube[j], cube[k]};
                        if (!skipped(number)) with_shape((enum gk_kernel_id)id, (enum gk_dtype)dtype, size, number, 1);
                    }
        }
    assert_int_equal(failures, 0);
}

/* The isas' own edges, one and two dimensions at a time, the others small; one problem in eight on several threads too. */
static void edges(void **state) {
    static const size_t given[] = {1, 3, 64, 65, 127, 128, 129, 191, 193, 255, 256, 257, 0}, few[] = {1, 2, 5};
    uint64_t number = 1 << 20;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            size_t sizes[SIZES_MAX];
            const size_t count = edge_sizes((enum gk_dtype)dtype, given, LONGEST, sizes);
            const size_t places = gb_kernel_dimensions((enum gk_kernel_id)id) > 2 ? 3 : 1;
            for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < count; j++)
                    for (size_t k = 0; k < places; k++, number++) {
                        if (sizes[i] + sizes[j] > LONGEST && (i + 3 * j + k) % 4) continue; /* two large ones cost the most */
                        if (skipped(number)) continue;
                        size_t size[3] = {sizes[i], sizes[j], few[number % 3]};
                        const size_t kept = size[k];
                        size[k] = size[2];
                        size[2] = kept;
                        with_shape((enum gk_kernel_id)id, (enum gk_dtype)dtype, size, number, 1);
                        if (number % 8 == 0) with_shape((enum gk_kernel_id)id, (enum gk_dtype)dtype, size, number, THREADS);
                    }
        }
    assert_int_equal(failures, 0);
}

/* All three dimensions past one tile, with and without rests, on both sets of caches: what only then is packed. */
static void in_threes(void **state) {
    static const size_t sizes[][3] = {{13, 40, 70}, {40, 70, 13}, {70, 13, 40}, {33, 129, 50}, {129, 50, 33}, {50, 33, 129},
                                      {5, 9, 150},  {9, 150, 5},  {150, 5, 9},  {48, 64, 96},  {64, 96, 48},  {96, 48, 64}};
    uint64_t number = 1 << 24;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT && gb_kernel_dimensions((enum gk_kernel_id)id) == 3; dtype++)
            for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++, number++)
                with_shape((enum gk_kernel_id)id, (enum gk_dtype)dtype, sizes[i / 2], number, 1 + i / 2 % 2);
    assert_int_equal(failures, 0);
}

/* Rows more than 2^31 elements apart: an index of 32 bits would miss them. Address space is reserved, only the rows have
 * memory. */
enum { FAR_OPERANDS = 8 };
static const size_t far = ((size_t)1 << 31) + 4096; /* elements */

static void place_far(struct gb_problem *p, void *args, struct gb_operand *o, char **map, size_t *bytes) {
    const size_t stride = far * o->element_size, row = o->row_elements * o->element_size;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (row + page - 1) / page * page;
    *bytes = o->rows * stride;
    *map = mmap(NULL, *bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (*map == MAP_FAILED) fail_msg("%s: no %zu bytes of address space", p->kernel->name, *bytes);
    for (size_t i = 0; i < o->rows; i++) {
        const char *const from =
            o->output ? (const char *)o->initial + i * row : (const char *)o->start + i * o->ld * o->element_size;
        assert_int_equal(mprotect(*map + i * stride, used, PROT_READ | PROT_WRITE), 0);
        memcpy(*map + i * stride, from, row);
    }
    o->start = *map;
    o->ld = far;
    memcpy((char *)args + o->field->offset, &o->start, sizeof o->start);
    memcpy((char *)args + o->field->offset2, &o->ld, sizeof o->ld);
}

static void run_far(const struct gb_problem_spec *spec, gk_context *ctx) {
    struct gb_problem want;
    struct gb_difference d;
    char *maps[FAR_OPERANDS];
    size_t bytes[FAR_OPERANDS], mapped = 0;
    _Alignas(max_align_t) char args[1024];
    assert_true(gb_problem_create(&want, spec));
    assert_int_equal(gb_problem_call(&want, ref), GK_OK);
    struct gb_problem got = want;
    memcpy(args, want.args, want.kernel->args_size);
    got.args = args;
    for (size_t i = 0; i < got.n_operands; i++) {
        struct gb_operand *const o = &got.operands[i];
        if (o->field->offset2 == GK_NOWHERE) continue;
        assert_true(mapped < FAR_OPERANDS);
        place_far(&got, args, o, &maps[mapped], &bytes[mapped]);
        mapped++;
    }
    assert_int_equal(gb_problem_call(&got, ctx), GK_OK);
    if (!gb_problem_equal(&got, &want, &d))
        fail_msg("%s %s, rows far apart: %s[%zu][%zu]", got.kernel->name, gk_context_isa(ctx), d.operand, d.row, d.col);
    for (size_t i = 0; i < mapped; i++) munmap(maps[i], bytes[i]);
    gb_problem_destroy(&want);
}

static void far_rows(void **state) {
    (void)state;
    for (size_t c = 0; c < GK_ISA_COUNT; c++)
        for (size_t threads = 1; threads <= THREADS && !gk_isa_unusable(c); threads += 2) {
            gk_context *const ctx = gb_context(c, threads);
            for (int i = 0; i < GK_KERNEL_COUNT * GK_DTYPE_COUNT * 4; i++) {
                const struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)(i / 4 / GK_DTYPE_COUNT),
                                                     .dtype = (enum gk_dtype)(i / 4 % GK_DTYPE_COUNT),
                                                     .n = 3,
                                                     .d = 3,
                                                     .m = 3,
                                                     .c = 70,
                                                     .layout = i & 1 ? GK_OUT_IN : GK_IN_OUT,
                                                     .soft_labels = i & 1,
                                                     .wide_labels = i & 2,
                                                     .accumulate = i & 2,
                                                     .seed = 12};
                run_far(&spec, ctx);
            }
            gk_context_destroy(ctx);
        }
}

/* Planted faults: an arena that sees none of them proves nothing. */
static volatile char sink;

static char *operand_at(const void *args, const char *name, ptrdiff_t row, ptrdiff_t byte) {
    const struct gk_kernel *const kernel = gk_kernel_get(GK_KERNEL_relu_backward);
    const struct gk_field *f = gk_kernel_field(kernel, GK_FIELD_IN, name);
    if (!f) f = gk_kernel_field(kernel, GK_FIELD_OUT, name);
    const size_t stride = gk_field_ld(f, args) * gk_element_size(f->element, GK_F32);
    char *const start = *(char *const *)((const char *)args + f->offset);
    return start + row * (ptrdiff_t)stride + byte;
}

enum { N = 3, D = 13, ROW = D * 4 };

static void read_past(const void *args, const struct gk_team *team) {
    (void)team;
    sink = *operand_at(args, "dy", N - 1, ROW);
}

static void read_before(const void *args, const struct gk_team *team) {
    (void)team;
    sink = *operand_at(args, "dy", 0, -1);
}

static void read_past_row(const void *args, const struct gk_team *team) {
    (void)team;
    sink = *operand_at(args, "dx", 1, ROW);
}

static void read_before_row(const void *args, const struct gk_team *team) {
    (void)team;
    sink = *operand_at(args, "mask", 1, -8);
}

static void write_back(const void *args, const struct gk_team *team) {
    char *const p = operand_at(args, "dy", 1, 4);
    (void)team;
    *(volatile char *)p = *(volatile char *)p;
}

static void write_padding(const void *args, const struct gk_team *team) {
    (void)team;
    *(volatile char *)operand_at(args, "dx", 1, ROW) = 1;
}

static void scratch_past(const void *args, const struct gk_team *team) {
    (void)args;
    *((volatile char *)team->scratch + 4096) = 1;
}

static void scratch_end(const void *args, const struct gk_team *team) {
    (void)args;
    *((volatile char *)team->scratch + 100) = 1;
}

static void every_planted_fault_is_seen(void **state) {
    static const struct {
        gk_run *run;
        enum gb_guard_side side;
        size_t scratch;
        const char *operand; /* of the fault, or of what is no longer intact */
        size_t row;
        ptrdiff_t byte;
        bool faults;
    } plants[] = {
        {read_past, GB_GUARD_RIGHT, 0, "dy", N - 1, ROW, true},
        {read_past, GB_GUARD_ROWS_RIGHT, 0, "dy", N - 1, ROW, true},
        {read_before, GB_GUARD_LEFT, 0, "dy", 0, -1, true},
        {read_before, GB_GUARD_ROWS_LEFT, 0, "dy", 0, -1, true},
        {read_past_row, GB_GUARD_ROWS_RIGHT, 0, "dx", 1, ROW, true},
        {read_before_row, GB_GUARD_ROWS_LEFT, 0, "mask", 1, -8, true},
        {write_back, GB_GUARD_RIGHT, 0, "dy", 1, 4, true},
        {write_back, GB_GUARD_ROWS_LEFT, 0, "dy", 1, 4, true},
        {write_padding, GB_GUARD_RIGHT, 0, "dx", 0, 0, false},
        {write_padding, GB_GUARD_LEFT, 0, "dx", 0, 0, false},
        {scratch_past, GB_GUARD_LEFT, 4096, "scratch", 0, 4096, true},
        {scratch_end, GB_GUARD_LEFT, 100, "scratch", 0, 0, false},
    };
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_backward, .n = N, .d = D};
    struct gb_problem source;
    (void)state;
    assert_true(gb_problem_create(&source, &spec));
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        struct gb_guard_problem g;
        struct gb_guard_fault fault;
        const char *what = NULL;
        struct cell_call call = {plants[i].run, 1, &caches[0]};
        assert_true(gb_guard_place(&g, &source, plants[i].side, false, 2));
        const bool ran = gb_guard_run(&g, 1, call_cell, &call, plants[i].scratch, &fault);
        assert_int_equal(ran, !plants[i].faults);
        assert_int_equal(gb_guard_intact(&g, &what), plants[i].faults);
        assert_string_equal(plants[i].faults ? fault.operand : what, plants[i].operand);
        if (!plants[i].faults) continue;
        assert_int_equal(fault.row, plants[i].row);
        assert_int_equal(fault.byte, plants[i].byte);
    }
    gb_problem_destroy(&source);
}

static void every_cell_ran(void **state) {
    size_t total = 0;
    (void)state;
    for (size_t c = 0; c < GK_ISA_COUNT; c++) {
        if (!gb_isa_runs(c)) continue;
        for (int id = 0; id < GK_KERNEL_COUNT; id++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                assert_true(calls[c][id][dtype] > (quick ? 50u : 1000u));
                total += calls[c][id][dtype];
            }
    }
    printf("%zu guarded calls\n", total);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_planted_fault_is_seen),
        cmocka_unit_test(far_rows),
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(edges),
        cmocka_unit_test(in_threes),
        cmocka_unit_test(every_cell_ran),
    };
    const char *const length = getenv("GK_QUICK");
    (void)argc;
    quick = length && strcmp(length, "1") == 0;
    gb_wait_passively(argv);
    ref = gb_context(0, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gk_context_destroy(ref);
    gb_guard_close();
    return failed;
}
