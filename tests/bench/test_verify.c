/* The verifier of the benchmark lets right results pass and sees wrong ones, in full and sampled mode; so does the bound that
 * peers are held to, which lets roundings pass; the guard pages of
 * `gradbench check` see one byte too far. */
#include <math.h>

#include "error_bound.h"
#include "guard.h"
#include "fused.h"
#include "machine.h"
#include "support_lineup.h"
#include "verify.h"

static struct gb_lineup lineup;
static const size_t thread_counts[] = {1, 3};

static const struct gb_lineup_cell *widest(void) { return &lineup.list[lineup.count - 1]; }

static void flip(const struct gb_operand *o, size_t row, size_t col) {
    ((unsigned char *)o->start)[(row * o->ld + col) * o->element_size] ^= 1;
}

static void assert_seen(struct gb_verifier *verifier, struct gb_problem *problem, const struct gb_operand *o, size_t row,
                        size_t col) {
    struct gb_verify_report report;
    flip(o, row, col);
    assert_int_equal(gb_verify(verifier, problem, "wrong", &report), GB_VERIFY_FAILED);
    assert_string_equal(report.difference.operand, o->field->name);
    assert_int_equal(report.difference.row, row);
    assert_int_equal(report.difference.col, col);
    assert_non_null(report.against);
    flip(o, row, col);
    assert_int_not_equal(gb_verify(verifier, problem, "right", &report), GB_VERIFY_FAILED);
}

static void full(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec s = {
            .kernel = (enum gk_kernel_id)id, .n = 21, .d = 18, .m = 35, .c = 10, .accumulate = true, .seed = 9};
        struct gb_problem problem;
        struct gb_verify_report report;
        assert_true(gb_problem_create(&problem, &s));
        struct gb_verifier *const verifier = gb_verifier_create(&problem, lineup.ref, thread_counts, 2);
        assert_non_null(verifier);
        assert_int_equal(gb_problem_call(&problem, widest()->ctx), GK_OK);
        assert_int_equal(gb_verify(verifier, &problem, "widest", &report), GB_VERIFIED_FULL);
        for (size_t i = 0; i < problem.n_operands; i++) {
            const struct gb_operand *const o = &problem.operands[i];
            for (size_t row = 0; row < o->rows && o->output; row++)
                for (size_t col = 0; col < o->row_elements; col++) assert_seen(verifier, &problem, o, row, col);
            if (o->output) continue;
            flip(o, 0, 0);
            assert_int_equal(gb_verify(verifier, &problem, "wrong", &report), GB_VERIFY_FAILED);
            assert_string_equal(report.changed, o->field->name);
            flip(o, 0, 0);
        }
        gb_verifier_destroy(verifier);
        gb_problem_destroy(&problem);
    }
}

static void assert_ref_sees(struct gb_verifier *verifier, struct gb_problem *problem, const struct gb_operand *o, size_t row,
                            size_t col) {
    struct gb_verify_report report;
    flip(o, row, col);
    assert_int_equal(gb_verify(verifier, problem, "wrong", &report), GB_VERIFY_FAILED);
    assert_string_equal(report.against, "ref");
    assert_string_equal(report.difference.operand, o->field->name);
    flip(o, row, col);
}

/* The sample holds the elements on both sides of the first two blocks of each product's plan. */
static size_t assert_ref_sees_cut(struct gb_verifier *verifier, struct gb_problem *problem, const struct gb_operand *o) {
    const enum gk_dtype dtype = problem->spec.dtype;
    struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
    const size_t products = gk_isa_get(0, dtype)->cells[problem->spec.kernel]->products(problem->args, shapes);
    size_t cuts = 0;
    for (size_t i = 0; i < products * GK_ISA_COUNT; i++) {
        const struct gk_gemm_shape *const s = &shapes[i / GK_ISA_COUNT];
        const struct gk_gemm_tile *const tile = gk_isa_get(i % GK_ISA_COUNT, dtype)->tile;
        const struct gk_gemm_plan p = gk_gemm_plan(tile, s, 1, &gb_machine_get()->caches);
        if (s->c != o->start || p.block_cols >= p.cols) continue;
        for (size_t side = 0; side < 2; side++)
            assert_ref_sees(verifier, problem, o, p.transposed ? p.block_cols - side : o->rows - 1,
                            p.transposed ? o->row_elements - 1 : p.block_cols - side);
        cuts += p.way == GK_GEMM_BLOCKED;
    }
    return cuts;
}

/* Elements from the middle, before any variant was right: of two rows or more not all are in ref's sample. */
static void assert_parts_see(struct gb_verifier *verifier, struct gb_problem *problem, const struct gb_operand *o) {
    size_t by_parts = 0;
    for (size_t i = 0; i < 8; i++) {
        struct gb_verify_report report;
        const size_t row = (o->rows / 3 + i) % o->rows, col = o->row_elements / 3 + 5 * i;
        flip(o, row, col);
        assert_int_equal(gb_verify(verifier, problem, "wrong", &report), GB_VERIFY_FAILED);
        by_parts += strstr(report.against, "its parts") != NULL;
        flip(o, row, col);
    }
    assert_true(by_parts > 0 || o->rows == 1);
}

/* Larger than what ref does in full. The sample of ref holds the corners; after the first right variant every element counts,
 * of a fused kernel from the start. */
static void sampled(void **state) {
    static const struct {
        enum gk_kernel_id kernel;
        size_t n, d, m;
        gk_layout layout;
    } problems[] = {
        {GK_KERNEL_affine_forward, 1030, 1021, 1041, GK_IN_OUT}, {GK_KERNEL_affine_dx, 333, 2049, 1600, GK_OUT_IN},
        {GK_KERNEL_affine_dw, 1025, 1031, 1037, GK_OUT_IN},      {GK_KERNEL_affine_backward, 1030, 520, 1100, GK_IN_OUT},
        {GK_KERNEL_affine_dx, 200, 6000, 900, GK_IN_OUT},
    };
    size_t cuts = 0;
    (void)state;
    for (size_t k = 0; k < sizeof problems / sizeof *problems; k++) {
        const struct gb_problem_spec s = {.kernel = problems[k].kernel,
                                          .n = problems[k].n,
                                          .d = problems[k].d,
                                          .m = problems[k].m,
                                          .layout = problems[k].layout,
                                          .accumulate = k % 2,
                                          .seed = 9};
        struct gb_problem problem;
        struct gb_verify_report report;
        assert_true(gb_problem_create(&problem, &s));
        struct gb_verifier *const verifier = gb_verifier_create(&problem, lineup.ref, thread_counts, 2);
        assert_non_null(verifier);
        assert_int_equal(gb_problem_call(&problem, widest()->ctx), GK_OK);
        for (size_t i = 0; i < problem.n_operands; i++) {
            const struct gb_operand *const o = &problem.operands[i];
            if (!o->output) continue;
            assert_ref_sees(verifier, &problem, o, o->rows - 1, o->row_elements - 1);
            cuts += assert_ref_sees_cut(verifier, &problem, o);
            if (gb_has_parts(problem.kernel)) assert_parts_see(verifier, &problem, o);
        }
        assert_int_equal(gb_verify(verifier, &problem, "first", &report), GB_VERIFIED_SAMPLED);
        for (size_t i = 0; i < problem.n_operands; i++) {
            const struct gb_operand *const o = &problem.operands[i];
            if (!o->output) continue;
            assert_seen(verifier, &problem, o, 0, 0);
            assert_seen(verifier, &problem, o, o->rows / 3, o->row_elements / 3);
            assert_seen(verifier, &problem, o, o->rows - 1, o->row_elements - 1);
        }
        gb_verifier_destroy(verifier);
        gb_problem_destroy(&problem);
    }
    assert_true(cuts > 0);
}

static bool holds(const struct gb_error_bound *bound, const struct gb_problem *problem, struct gb_verify_report *report) {
    const bool right = gb_error_bound_holds(bound, problem, report);
    assert_int_equal(right, report->verified == GB_VERIFIED_FULL);
    return right;
}

static void put(const struct gb_operand *o, size_t row, size_t col, double value) {
    void *const at = (char *)o->start + (row * o->ld + col) * o->element_size;
    if (o->element_size == sizeof value) memcpy(at, &value, sizeof value);
    else memcpy(at, &(float){(float)value}, sizeof(float));
}

/* A last bit may differ, but not of what is no rounded number; anything larger is seen, wherever it is. */
static void bound_element(const struct gb_error_bound *bound, const struct gb_problem *problem, const struct gb_operand *o,
                          size_t row, size_t col, bool rounds) {
    struct gb_verify_report report;
    const double right = gb_operand_value(o, gb_operand_bits(o, row, col));
    flip(o, row, col);
    assert_int_equal(holds(bound, problem, &report), rounds && o->field->element == GK_ELEMENT_REAL);
    flip(o, row, col);
    if (o->field->element != GK_ELEMENT_REAL) return;
    const double wrong[] = {right + 1, right - 0.5, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put(o, row, col, wrong[i]);
        assert_false(holds(bound, problem, &report));
        assert_string_equal(report.difference.operand, o->field->name);
        assert_true(report.difference.row == row && report.difference.col == col);
        put(o, row, col, right);
    }
}

static void bound_kernel(const struct gb_problem_spec *spec) {
    struct gb_problem problem;
    struct gb_verify_report report;
    assert_true(gb_problem_create_shared(&problem, spec));
    struct gb_verifier *const verifier = gb_verifier_create(&problem, lineup.ref, thread_counts, 2);
    struct gb_error_bound *const bound = gb_error_bound_create(spec, widest()->ctx, verifier);
    assert_true(verifier && bound);
    assert_false(holds(bound, &problem, &report)); /* not called yet */
    assert_int_equal(gb_problem_call(&problem, lineup.ref), GK_OK);
    assert_true(holds(bound, &problem, &report));
    for (size_t i = 0; i < problem.n_operands; i++) {
        const struct gb_operand *const o = &problem.operands[i];
        for (size_t row = 0; row < o->rows && o->output; row++)
            for (size_t col = 0; col < o->row_elements; col++)
                bound_element(bound, &problem, o, row, col, gk_exactness_of(problem.kernel, o->field).rule != GK_EXACT_EXACT);
        if (o->output) continue;
        flip(o, 0, 0);
        assert_false(holds(bound, &problem, &report));
        assert_string_equal(report.changed, o->field->name);
        flip(o, 0, 0);
    }
    gb_error_bound_destroy(bound);
    gb_verifier_destroy(verifier);
    gb_problem_destroy(&problem);
}

static void bounds(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                              .dtype = (enum gk_dtype)dtype,
                                              .n = 21,
                                              .d = 18,
                                              .m = 35,
                                              .c = 10,
                                              .layout = dtype ? GK_OUT_IN : GK_IN_OUT,
                                              .accumulate = dtype,
                                              .seed = 9};
            bound_kernel(&s);
        }
}

static void call_ref(void *context, const void *args, void *scratch) {
    (void)scratch;
    *(gk_status *)context = gk_call(lineup.ref, GK_KERNEL_relu_forward, GK_F32, args);
}

/* A problem whose number of columns in args is one more than its memory holds: the kernel touches what lies beyond. */
static void guards_see_one_element_too_many(void **state) {
    (void)state;
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 20, .seed = 9};
    struct gb_problem problem;
    struct gb_guard_problem guarded;
    struct gb_guard_fault fault;
    gk_status status;
    char what[160] = "";
    assert_true(gb_problem_create(&problem, &s));
    const struct gk_field *const d = gk_kernel_field(problem.kernel, GK_FIELD_DIM, "d");
    for (int side = GB_GUARD_LEFT; side >= GB_GUARD_RIGHT; side--) {
        assert_true(gb_guard_place(&guarded, &problem, (enum gb_guard_side)side, false, 1));
        assert_true(gb_guard_run(&guarded, 1, call_ref, &status, 0, &fault));
        assert_int_equal(status, GK_OK);
    }
    *(size_t *)(guarded.args + d->offset) = s.d + 1;
    assert_false(gb_guard_run(&guarded, 1, call_ref, &status, 0, &fault));
    gb_guard_describe(&fault, what, sizeof what);
    assert_non_null(strstr(what, "past its last element"));
    gb_guard_close();
    gb_problem_destroy(&problem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full),
        cmocka_unit_test(sampled),
        cmocka_unit_test(bounds),
        cmocka_unit_test(guards_see_one_element_too_many),
    };
    gb_open_lineup(&lineup, NULL, thread_counts, 2);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_lineup_close(&lineup);
    return failed;
}
