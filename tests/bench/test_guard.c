/* The guard pages of `gradbench check` and test_memory.c: each operand lies where it is said to, one byte beside any row is
 * seen on the side that is watched, inputs cannot be written, and a fault is named. */
#include <signal.h>

#include "guard.h"
#include "support_lineup.h"

static size_t page;
static volatile char sink;

static struct gb_problem_spec spec_of(int kernel, int options) {
    return (struct gb_problem_spec){.kernel = (enum gk_kernel_id)kernel,
                                    .dtype = options & 1 ? GK_F64 : GK_F32,
                                    .n = 3,
                                    .d = 13,
                                    .m = 5,
                                    .c = 70,
                                    .layout = options & 1 ? GK_OUT_IN : GK_IN_OUT,
                                    .accumulate = options & 1,
                                    .soft_labels = options & 1,
                                    .dloss = true,
                                    .seed = 4};
}

static bool by_rows(enum gb_guard_side side) { return side == GB_GUARD_ROWS_RIGHT || side == GB_GUARD_ROWS_LEFT; }
static bool at_end(enum gb_guard_side side) { return side == GB_GUARD_RIGHT || side == GB_GUARD_ROWS_RIGHT; }

static size_t row_bytes(const struct gb_operand *o) { return o->row_elements * o->element_size; }
static char *row_at(const struct gb_operand *o, size_t row) { return (char *)o->start + row * o->ld * o->element_size; }

/* One access, as a call. */
struct access {
    char *at;
    bool write;
    size_t calls;
    void *scratch;
};

static void touch(void *context, const void *args, void *scratch) {
    struct access *const a = context;
    (void)args;
    a->calls++;
    a->scratch = scratch;
    if (!a->at) return;
    const char old = *(volatile char *)a->at;
    if (a->write) *(volatile char *)a->at = (char)(old ^ 1);
    else sink = old;
}

/* What an access to byte `byte` of a row must come to. */
static void probe(struct gb_guard_problem *g, const struct gb_operand *o, size_t row, ptrdiff_t byte, bool write) {
    struct gb_guard_fault fault = {"an old one", 77, 77, 77};
    struct access access = {.at = row_at(o, row) + byte, .write = write};
    const bool own_rows = by_rows(g->side) && o->field->offset2 != GK_NOWHERE;
    const bool beyond = at_end(g->side) ? byte >= (ptrdiff_t)row_bytes(o) && (own_rows || row + 1 == o->rows)
                                        : byte < 0 && (own_rows || row == 0);
    const bool inside = byte >= 0 && byte < (ptrdiff_t)row_bytes(o);
    const char *what = NULL;
    const bool faults = beyond || (write && !o->output);
    assert_int_equal(gb_guard_run(g, 1, touch, &access, 0, &fault), !faults);
    assert_int_equal(access.calls, 1);
    if (faults) {
        assert_string_equal(fault.operand, o->field->name);
        assert_int_equal(fault.row_bytes, row_bytes(o));
        if (beyond || inside) assert_true(fault.row == row && fault.byte == byte);
        else
            assert_true((ptrdiff_t)(fault.row * o->ld * o->element_size) + fault.byte ==
                        (ptrdiff_t)(row * o->ld * o->element_size) + byte);
    } else {
        assert_null(fault.operand);
    }
    const bool intact = gb_guard_intact(g, &what);
    assert_int_equal(intact, faults || !write || inside);
    if (!intact) assert_string_equal(what, o->field->name);
    gb_guard_reset(g);
    assert_true(gb_guard_intact(g, &what));
}

static void assert_placed(const struct gb_guard_problem *g, const struct gb_problem *source, size_t index, size_t ld_pad) {
    const struct gb_operand *const o = &g->problem.operands[index], *const from = &source->operands[index];
    const bool has_ld = o->field->offset2 != GK_NOWHERE;
    assert_ptr_equal(gk_field_pointer(o->field, g->args), o->start);
    assert_ptr_equal(g->problem.args, g->args);
    if (has_ld) assert_int_equal(gk_size_at(g->args, o->field->offset2), o->ld);
    if (has_ld) assert_int_equal(o->ld, by_rows(g->side) ? 2 * page / o->element_size : o->row_elements + ld_pad);
    const uintptr_t begin = (uintptr_t)row_at(o, 0), end = (uintptr_t)row_at(o, o->rows - 1) + row_bytes(o);
    assert_int_equal((at_end(g->side) ? end : begin) % page, 0);
    for (size_t row = 0; row < o->rows; row++) assert_memory_equal(row_at(o, row), row_at(from, row), row_bytes(o));
}

static void probe_all(const struct gb_problem_spec *spec, enum gb_guard_side side, bool in_place) {
    struct gb_problem source;
    struct gb_guard_problem g;
    assert_true(gb_problem_create(&source, spec));
    assert_true(gb_guard_place(&g, &source, side, in_place, 2));
    for (size_t i = 0; i < g.problem.n_operands; i++) {
        const struct gb_operand *const o = &g.problem.operands[i];
        if (!in_place) assert_placed(&g, &source, i, 2);
        for (size_t row = 0; row < o->rows && !in_place; row++)
            for (int write = 0; write < 2; write++) {
                probe(&g, o, row, -1, write);
                probe(&g, o, row, 0, write);
                probe(&g, o, row, (ptrdiff_t)row_bytes(o) - 1, write);
                probe(&g, o, row, (ptrdiff_t)row_bytes(o), write);
            }
    }
    gb_problem_destroy(&source);
}

static void one_byte_beside_each_row(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 2; options++)
            for (int side = 0; side < GB_GUARD_SIDES; side++) {
                const struct gb_problem_spec spec = spec_of(id, options);
                probe_all(&spec, (enum gb_guard_side)side, false);
            }
}

/* In place an output lies upon its input, which can then be written; others have places of their own. */
static void in_place(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 20, .seed = 9};
    struct gb_problem source;
    struct gb_guard_fault fault;
    const char *what;
    (void)state;
    gb_guard_close(); /* it grows while it is shared */
    assert_true(gb_problem_create(&source, &spec));
    for (int side = 0; side < GB_GUARD_SIDES; side++)
        for (int shared = 0; shared < 2; shared++) {
            struct gb_guard_problem g;
            assert_true(gb_guard_place(&g, &source, (enum gb_guard_side)side, shared, 1));
            const struct gb_operand *const x = gb_operand_named(&g.problem, "x"), *const y = gb_operand_named(&g.problem, "y"),
                                           *const mask = gb_operand_named(&g.problem, "mask");
            assert_int_equal(x->start == y->start, shared);
            assert_true(mask->start != x->start && mask->start != y->start);
            assert_memory_equal(row_at(x, 2), row_at(gb_operand_named(&source, "x"), 2), row_bytes(x));
            struct access access = {.at = row_at(x, 1), .write = true};
            assert_int_equal(gb_guard_run(&g, 1, touch, &access, 0, &fault), shared);
            assert_true(gb_guard_intact(&g, &what));
            gb_guard_reset(&g);
            assert_memory_equal(row_at(x, 1), row_at(gb_operand_named(&source, "x"), 1), row_bytes(x));
        }
    gb_problem_destroy(&source);
}

/* Around the rows lies a pattern that is a signalling NaN as a float. */
static void paddings_are_no_numbers(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 20, .seed = 9};
    static const uint32_t pattern[] = {0x7fa5a5a5, 0x7fa5a5a5};
    struct gb_problem source;
    (void)state;
    assert_true(gb_problem_create(&source, &spec));
    for (int side = 0; side < GB_GUARD_SIDES; side++) {
        struct gb_guard_problem g;
        assert_true(gb_guard_place(&g, &source, (enum gb_guard_side)side, false, 2));
        for (size_t i = 0; i < 2; i++) {
            const struct gb_operand *const o = &g.problem.operands[i];
            if (at_end((enum gb_guard_side)side)) assert_memory_equal(row_at(o, 0) - 8, pattern, 8);
            else assert_memory_equal(row_at(o, 2) + row_bytes(o), pattern, 8);
            if (!by_rows((enum gb_guard_side)side)) assert_memory_equal(row_at(o, 0) + row_bytes(o), pattern, 8);
        }
    }
    gb_problem_destroy(&source);
}

/* Rows of a page and no more have pages of their own. */
static void rows_of_a_page(void **state) {
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_forward, .n = 2, .d = page / 4 + more, .seed = 9};
        struct gb_problem source;
        struct gb_guard_problem g;
        assert_true(gb_problem_create(&source, &spec));
        assert_true(gb_guard_place(&g, &source, GB_GUARD_RIGHT, false, 0));
        assert_int_equal(gb_guard_place(&g, &source, GB_GUARD_ROWS_RIGHT, false, 0), !more);
        assert_int_equal(gb_guard_place(&g, &source, GB_GUARD_ROWS_LEFT, false, 0), !more);
        gb_problem_destroy(&source);
    }
}

/* Larger and larger problems, more than what the arena begins with: 64 pages a place. */
static void the_arena_grows(void **state) {
    (void)state;
    for (size_t n = 1; n <= 300; n = n * 7 + 1)
        for (int side = 0; side < GB_GUARD_SIDES; side++)
            for (size_t d = 33; d <= 1000; d += 900) {
                const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_backward, .n = n, .d = d, .seed = 9};
                struct gb_problem source;
                struct gb_guard_problem g;
                assert_true(gb_problem_create(&source, &spec));
                assert_true(gb_guard_place(&g, &source, (enum gb_guard_side)side, false, 3));
                for (size_t i = 0; i < g.problem.n_operands; i++) {
                    const struct gb_operand *const o = &g.problem.operands[i];
                    assert_placed(&g, &source, i, 3);
                    const size_t row = at_end((enum gb_guard_side)side) ? o->rows - 1 : 0;
                    probe(&g, o, row, at_end((enum gb_guard_side)side) ? (ptrdiff_t)row_bytes(o) : -1, false);
                    probe(&g, o, o->rows - 1, 0, true);
                }
                gb_problem_destroy(&source);
            }
}

static void *first_scratch;

static void look_at_scratch(void *context, const void *args, void *scratch) {
    const size_t bytes = *(size_t *)context;
    (void)args;
    first_scratch = scratch;
    for (size_t i = 0; i < bytes; i++) assert_int_equal(((unsigned char *)scratch)[i], 0xff);
    if (bytes) memset(scratch, 1, bytes);
}

/* Scratch space of exactly so many bytes, filled with NaN at each call: one before it faults, one past it is seen. */
static void scratch_is_guarded(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_backward, .n = 3, .d = 13};
    const size_t sizes[] = {0, 1, 100, page, 1, page + 1, 3 * page, 100, 4096 * page};
    struct gb_problem source;
    struct gb_guard_problem g;
    struct gb_guard_fault fault;
    const char *what;
    (void)state;
    assert_true(gb_problem_create(&source, &spec));
    assert_true(gb_guard_place(&g, &source, GB_GUARD_LEFT, false, 0));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t bytes = sizes[i] <= 3 * page ? sizes[i] : 0;
        const size_t up = (sizes[i] + page - 1) / page * page;
        if (bytes == sizes[i]) {
            assert_true(gb_guard_run(&g, 1, look_at_scratch, &bytes, sizes[i], &fault));
            assert_int_equal(first_scratch != NULL, bytes > 0);
            assert_true(gb_guard_intact(&g, &what));
        }
        struct access access = {.at = NULL};
        assert_true(gb_guard_run(&g, 1, touch, &access, sizes[i], &fault));
        if (sizes[i] == 0) continue;
        access.at = (char *)access.scratch - 1;
        assert_false(gb_guard_run(&g, 1, touch, &access, sizes[i], &fault));
        assert_string_equal(fault.operand, "scratch");
        assert_true(fault.byte == -1 && fault.row == 0 && fault.row_bytes == sizes[i]);
        access.at = (char *)access.scratch + up;
        assert_false(gb_guard_run(&g, 1, touch, &access, sizes[i], &fault));
        assert_string_equal(fault.operand, "scratch");
        assert_int_equal(fault.byte, up);
        access.write = true;
        for (size_t past = sizes[i]; past < up; past += up - 1 - sizes[i] ? up - 1 - sizes[i] : 1) {
            access.at = (char *)access.scratch + past;
            assert_true(gb_guard_run(&g, 1, touch, &access, sizes[i], &fault));
            assert_false(gb_guard_intact(&g, &what));
            assert_string_equal(what, "scratch");
        }
        assert_true(gb_guard_run(&g, 1, touch, &(struct access){.at = NULL}, sizes[i], &fault));
        assert_true(gb_guard_intact(&g, &what));
    }
    struct access none = {.at = NULL};
    assert_false(gb_guard_run(&g, 1, touch, &none, 4096 * page + 1, &fault));
    assert_string_equal(fault.operand, "scratch space that cannot be had");
    assert_int_equal(none.calls, 0);
    gb_problem_destroy(&source);
}

static void describes(const struct gb_guard_fault *fault, const char *text) {
    char got[160];
    gb_guard_describe(fault, got, sizeof got);
    assert_string_equal(got, text);
}

static void faults_are_described(void **state) {
    char few[9];
    (void)state;
    describes(&(struct gb_guard_fault){"dx", 2, 52, 56}, "dx[2] was touched 4 bytes past its last element");
    describes(&(struct gb_guard_fault){"dx", 2, 52, 52}, "dx[2] was touched 0 bytes past its last element");
    describes(&(struct gb_guard_fault){"x", 0, 52, -8}, "x[0] was touched 8 bytes before its first element");
    describes(&(struct gb_guard_fault){"x", 1, 52, 51}, "the input x[1] was written, byte 51");
    describes(&(struct gb_guard_fault){"x", 1, 52, 0}, "the input x[1] was written, byte 0");
    describes(&(struct gb_guard_fault){"memory outside the arena", 0, 0, 0}, "a fault: memory outside the arena");
    describes(&(struct gb_guard_fault){"scratch", 0, 0, 3}, "scratch[0] was touched 3 bytes past its last element");
    gb_guard_describe(&(struct gb_guard_fault){"x", 1, 52, 0}, few, sizeof few);
    assert_string_equal(few, "the inpu");
    assert_string_equal(gb_guard_side_name(GB_GUARD_RIGHT), "operands end at a guard page");
    assert_string_equal(gb_guard_side_name(GB_GUARD_LEFT), "operands begin at a guard page");
    assert_string_equal(gb_guard_side_name(GB_GUARD_ROWS_RIGHT), "rows end at a guard page");
    assert_string_equal(gb_guard_side_name(GB_GUARD_ROWS_LEFT), "rows begin at a guard page");
}

static void bus_error(void *context, const void *args, void *scratch) {
    (void)context, (void)args, (void)scratch;
    raise(SIGBUS);
}

static void crash(void) { *(volatile char *)sysconf(_SC_PAGESIZE) = 1; }

static void crash_elsewhere(void *context, const void *args, void *scratch) {
    (void)context, (void)args, (void)scratch;
    crash();
}

static void place(struct gb_guard_problem *g, struct gb_problem *source, enum gb_guard_side side) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_backward, .n = 3, .d = 13, .seed = 5};
    assert_true(gb_problem_create(source, &spec));
    assert_true(gb_guard_place(g, source, side, false, 0));
}

static void faults_elsewhere_are_seen(void **state) {
    struct gb_problem source;
    struct gb_guard_problem g;
    struct gb_guard_fault fault;
    (void)state;
    place(&g, &source, GB_GUARD_RIGHT);
    assert_false(gb_guard_run(&g, 1, crash_elsewhere, NULL, 0, &fault));
    describes(&fault, "a fault: memory outside the arena");
    assert_false(gb_guard_run(&g, 1, bus_error, NULL, 0, &fault));
    describes(&fault, "a fault: memory outside the arena");
    gb_problem_destroy(&source);
}

static int crash_later(const void *argument) {
    struct gb_problem source;
    struct gb_guard_problem g;
    struct gb_guard_fault fault;
    struct access none = {.at = NULL};
    const int number = *(const int *)argument;
    signal(number, SIG_DFL);
    place(&g, &source, GB_GUARD_RIGHT);
    if (!gb_guard_run(&g, 1, touch, &none, 0, &fault)) return 0;
    raise(number);
    return 0;
}

/* Only what is watched is caught: the same fault after it ends the process as ever. */
static void faults_after_it_are_crashes(void **state) {
    char text[4096];
    (void)state;
    assert_int_equal(gb_child_run(crash_later, &(int){SIGSEGV}, text, sizeof text), 100 + SIGSEGV);
    assert_int_equal(gb_child_run(crash_later, &(int){SIGBUS}, text, sizeof text), 100 + SIGBUS);
}

static int touch_on_threads(const void *argument) {
    struct gb_problem source;
    struct gb_guard_problem g;
    struct gb_guard_fault fault;
    (void)argument;
    place(&g, &source, GB_GUARD_ROWS_RIGHT);
    const struct gb_operand *const dy = gb_operand_named(&g.problem, "dy");
    struct access access = {.at = row_at(dy, 1) + row_bytes(dy)};
    gb_guard_run(&g, 3, touch, &access, 0, &fault);
    return 0;
}

/* A thread of a team cannot be called back: what it did is said, and the end. */
static void faults_of_several_threads_end_it(void **state) {
    char text[4096];
    (void)state;
    assert_int_equal(gb_child_run(touch_on_threads, NULL, text, sizeof text), 1);
    assert_string_equal(text,
                        "FAULT with 3 threads, rows end at a guard page: dy[1] was touched 0 bytes past its last element: "
                        "relu_backward n=3 d=13 dtype=f32 data=normal seed=5\n");
}

/* After it is closed there is no memory, and it can be used again. */
static void it_can_be_closed(void **state) {
    struct gb_problem source;
    struct gb_guard_problem g;
    (void)state;
    for (int i = 0; i < 2; i++) {
        gb_guard_close();
        place(&g, &source, GB_GUARD_ROWS_LEFT);
        struct access access = {.at = NULL};
        struct gb_guard_fault fault;
        assert_true(gb_guard_run(&g, 1, touch, &access, 100, &fault));
        for (size_t k = 0; k < g.problem.n_operands; k++) probe(&g, &g.problem.operands[k], 1, -1, false);
        gb_problem_destroy(&source);
    }
    gb_guard_close();
    gb_guard_close();
}

static size_t mappings(void) {
    FILE *const maps = fopen("/proc/self/maps", "r");
    size_t count = 0;
    assert_non_null(maps);
    for (int c; (c = getc(maps)) != EOF;) count += c == '\n';
    fclose(maps);
    return count;
}

static void grow_and_close(void) {
    for (size_t n = 1; n <= 200; n += 199)
        for (int side = 0; side < GB_GUARD_SIDES; side++) {
            const struct gb_problem_spec spec = {.kernel = GK_KERNEL_relu_backward, .n = n, .d = 900};
            struct gb_problem source;
            struct gb_guard_problem g;
            struct gb_guard_fault fault;
            assert_true(gb_problem_create(&source, &spec));
            assert_true(gb_guard_place(&g, &source, (enum gb_guard_side)side, false, 0));
            assert_true(gb_guard_run(&g, 1, touch, &(struct access){.at = NULL}, 100, &fault));
            gb_problem_destroy(&source);
        }
    gb_guard_close();
}

/* No memory, file or mapping. */
static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(grow_and_close);
    const size_t before = mappings();
    for (int i = 0; i < 20; i++) grow_and_close();
    assert_in_range(mappings(), 1, before + 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_beside_each_row),
        cmocka_unit_test(in_place),
        cmocka_unit_test(paddings_are_no_numbers),
        cmocka_unit_test(rows_of_a_page),
        cmocka_unit_test(the_arena_grows),
        cmocka_unit_test(scratch_is_guarded),
        cmocka_unit_test(faults_are_described),
        cmocka_unit_test(faults_elsewhere_are_seen),
        cmocka_unit_test(faults_after_it_are_crashes),
        cmocka_unit_test(faults_of_several_threads_end_it),
        cmocka_unit_test(it_can_be_closed),
        cmocka_unit_test(nothing_is_kept),
    };
    page = (size_t)sysconf(_SC_PAGESIZE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
