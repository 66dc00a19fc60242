/* What else the canonical order promises: a row does not depend on the rest of the batch, micro-batches of 256 rows add up to
 * the bits of the whole batch, and a fused kernel returns the bits of its parts. For every usable isa, on one and three
 * threads. */
#include "fused.h"
#include "support_lineup.h"

static const size_t thread_counts[] = {1, 3};
static struct gb_lineup lineup;
static size_t cases;

static void call(struct gb_problem *problem, const struct gb_lineup_cell *cell) {
    const gk_status status = gb_problem_call(problem, cell->ctx);
    if (status != GK_OK) fail_msg("%s: %s", problem->kernel->name, gk_status_string(status));
}

/* count rows of a, from row a0 on, are those of b from b0 on, bit by bit. */
static void assert_rows_equal(const struct gb_problem *p, const struct gb_lineup_cell *cell, const struct gb_operand *a,
                              size_t a0, const struct gb_operand *b, size_t b0, size_t count) {
    char text[256];
    cases++;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < a->row_elements; j++) {
            const uint64_t x = gb_operand_bits(a, a0 + i, j), y = gb_operand_bits(b, b0 + i, j);
            if (x == y) continue;
            gb_problem_describe(&p->spec, text, sizeof text);
            fail_msg("isa %s, %zu threads: %s[%zu][%zu] is %a, expected %a; gradbench check \"%s\"",
                     gk_isa_get(cell->isa, GK_F32)->name, cell->threads, a->field->name, a0 + i, j, gb_operand_value(a, x),
                     gb_operand_value(b, y), text);
        }
}

static void assert_equal(const struct gb_problem *p, const struct gb_lineup_cell *cell, const struct gb_operand *a,
                         const struct gb_operand *b) {
    assert_rows_equal(p, cell, a, 0, b, 0, a->rows);
}

static void set_pointer(struct gb_problem *problem, const char *name, const void *pointer) {
    memcpy((char *)problem->args + gb_operand_named(problem, name)->field->offset, &pointer, sizeof pointer);
}

static void set_dimension(struct gb_problem *problem, const char *name, size_t size) {
    memcpy((char *)problem->args + gk_kernel_field(problem->kernel, GK_FIELD_DIM, name)->offset, &size, sizeof size);
}

static const char *row_of(const struct gb_operand *o, size_t row) {
    return (const char *)o->start + row * o->ld * o->element_size;
}

/* An output is batch-wise where its rows are the batch and nothing is summed over it or divided by its size. */
static bool batchwise(const struct gk_kernel *kernel, const struct gk_field *out) {
    const struct gk_field *const n = gk_kernel_field(kernel, GK_FIELD_DIM, "n");
    return n && out->kind == GK_FIELD_OUT && out->rows == n->offset && !(out->flags & GK_FLAG_WEIGHT);
}

/* Rows of a batch of 70 are those of any smaller batch that starts in it. Without a reduction: the mean knows the batch. */
static void rows_do_not_know_their_batch(void **state) {
    static const size_t first[] = {0, 0, 1, 13, 64}, rows[] = {1, 33, 17, 40, 6};
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 32; options++)
            for (size_t c = 0; c < lineup.count; c++) {
                const struct gb_lineup_cell *const cell = &lineup.list[c];
                const int targets = options / 8;
                struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                            .dtype = options & 1 ? GK_F64 : GK_F32,
                                            .n = 70,
                                            .d = 45,
                                            .m = 300,
                                            .c = 131,
                                            .layout = options & 2 ? GK_OUT_IN : GK_IN_OUT,
                                            .soft_labels = options & 4,
                                            .wide_labels = options & 1,
                                            .reduction = GK_NONE,
                                            .dloss = options & 2,
                                            .ld_pad = 1,
                                            .seed = 40};
                struct gb_problem whole, part;
                gb_set_targets(&s, targets & 1, targets & 2, targets & 2);
                assert_true(gb_problem_create(&whole, &s) && gb_problem_create(&part, &s));
                call(&whole, cell);
                for (size_t cut = 0; cut < 5; cut++) {
                    gb_problem_reset(&part);
                    set_dimension(&part, "n", rows[cut]);
                    for (size_t i = 0; i < part.n_operands; i++) {
                        const struct gb_operand *const o = &part.operands[i];
                        const struct gk_field *const n = gk_kernel_field(part.kernel, GK_FIELD_DIM, "n");
                        const bool vector = o->field->rows == GK_NOWHERE && o->field->cols == n->offset;
                        if (!o->output && o->field->rows == n->offset)
                            set_pointer(&part, o->field->name, row_of(o, first[cut]));
                        if (!o->output && vector)
                            set_pointer(&part, o->field->name, (const char *)o->start + first[cut] * o->element_size);
                    }
                    call(&part, cell);
                    for (size_t i = 0; i < part.n_operands; i++)
                        if (batchwise(part.kernel, part.operands[i].field))
                            assert_rows_equal(&part, cell, &part.operands[i], 0, &whole.operands[i], first[cut], rows[cut]);
                }
                gb_problem_destroy(&whole);
                gb_problem_destroy(&part);
            }
}

/* Rows [begin, end) of the batch, added to dw and db. */
static void call_part(struct gb_problem *p, const struct gb_lineup_cell *cell, size_t begin, size_t end, bool accumulate) {
    set_dimension(p, "n", end - begin);
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        const struct gk_field *const n = gk_kernel_field(p->kernel, GK_FIELD_DIM, "n");
        if (o->field->rows == n->offset) set_pointer(p, o->field->name, row_of(o, begin));
        const struct gk_field *const flag = gk_kernel_field(p->kernel, GK_FIELD_ACCUMULATE, o->field->name);
        if (flag) memcpy((char *)p->args + flag->offset, &accumulate, sizeof accumulate);
    }
    call(p, cell);
}

/* dw and db over 1111 rows: any cut into parts of multiples of 256 rows, each added to the ones before. */
static void micro_batches_add_up(void **state) {
    static const enum gk_kernel_id kernels[] = {GK_KERNEL_affine_dw, GK_KERNEL_affine_db, GK_KERNEL_affine_backward};
    static const size_t cuts[][6] = {{256, 512, 768, 1024, 1111}, {512, 1111}, {256, 1111}, {768, 1024, 1111}, {1024, 1111}};
    (void)state;
    for (size_t k = 0; k < 3; k++)
        for (int options = 0; options < 4; options++)
            for (size_t c = 0; c < lineup.count; c++) {
                const struct gb_lineup_cell *const cell = &lineup.list[c];
                const struct gb_problem_spec s = {.kernel = kernels[k],
                                                  .dtype = options & 1 ? GK_F64 : GK_F32,
                                                  .n = 1111,
                                                  .d = 21,
                                                  .m = 37,
                                                  .layout = options & 2 ? GK_OUT_IN : GK_IN_OUT,
                                                  .ld_pad = 2,
                                                  .data = options & 2 ? GB_DATA_CANCEL : GB_DATA_NORMAL,
                                                  .seed = 41};
                struct gb_problem whole, parts;
                assert_true(gb_problem_create(&whole, &s) && gb_problem_create(&parts, &s));
                call(&whole, cell);
                for (size_t cut = 0; cut < 5; cut++) {
                    gb_problem_reset(&parts);
                    for (size_t i = 0, begin = 0; cuts[cut][i]; begin = cuts[cut][i++])
                        call_part(&parts, cell, begin, cuts[cut][i], i > 0);
                    if (gb_operand_named(&whole, "dw"))
                        assert_equal(&parts, cell, gb_operand_named(&parts, "dw"), gb_operand_named(&whole, "dw"));
                    if (gb_operand_named(&whole, "db"))
                        assert_equal(&parts, cell, gb_operand_named(&parts, "db"), gb_operand_named(&whole, "db"));
                }
                gb_problem_destroy(&whole);
                gb_problem_destroy(&parts);
            }
}

/* As it is, and without each optional input, where a call goes without it. */
static void compare_with_parts(const struct gb_problem_spec *spec, const struct gb_lineup_cell *cell) {
    static const void *const none = NULL;
    struct gb_problem fused, parts;
    assert_true(gb_problem_create(&fused, spec) && gb_problem_create(&parts, spec));
    for (size_t without = 0; without <= fused.n_operands; without++) {
        const struct gk_field *const f = without < fused.n_operands ? fused.operands[without].field : NULL;
        if (f && (f->kind == GK_FIELD_OUT || !(f->flags & GK_FLAG_OPTIONAL))) continue;
        const void *const there = f ? gk_field_pointer(f, fused.args) : NULL;
        gb_problem_reset(&fused), gb_problem_reset(&parts);
        if (f) set_pointer(&fused, f->name, none), set_pointer(&parts, f->name, none);
        if (gb_problem_call(&fused, cell->ctx) == GK_OK) {
            assert_int_equal(gb_parts_call(&parts, cell->ctx), GK_OK);
            for (size_t i = 0; i < fused.n_operands; i++)
                if (fused.operands[i].output) assert_equal(&fused, cell, &fused.operands[i], &parts.operands[i]);
        } else {
            assert_non_null(f);
        }
        if (f) set_pointer(&fused, f->name, there), set_pointer(&parts, f->name, there);
    }
    gb_problem_destroy(&fused);
    gb_problem_destroy(&parts);
}

static void fused_kernels_return_the_bits_of_their_parts(void **state) {
    static const size_t sizes[][3] = {{290, 47, 133}, {67, 77, 20}};
    size_t fused = 0;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        fused += gb_has_parts(kernel);
        for (unsigned turn = 0; turn < 96 && gb_has_parts(kernel); turn++) {
            struct gb_problem_spec s =
                gb_spec_by_turns((enum gk_kernel_id)id, (enum gk_dtype)(turn % 2), sizes[turn / 2 % 2], 3, turn, 42);
            s.in_place = false;
            for (size_t c = 0; c < lineup.count; c++) compare_with_parts(&s, &lineup.list[c]);
        }
    }
    assert_true(fused > 0);
}

static void report(void **state) {
    (void)state;
    printf("%zu contexts, %zu comparisons\n", lineup.count, cases);
    assert_true(cases > 100 * lineup.count);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_not_know_their_batch),
        cmocka_unit_test(micro_batches_add_up),
        cmocka_unit_test(fused_kernels_return_the_bits_of_their_parts),
        cmocka_unit_test(report),
    };
    (void)argc;
    gb_wait_passively(argv);
    gb_open_lineup(&lineup, NULL, thread_counts, 2);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_lineup_close(&lineup);
    return failed;
}
