/* The ref isa against the true values: every element of every output within the bound of the numerics contract. Integers
 * come out exactly. All other isas have ref's bits (test_equivalence), so that this holds for them too. */
#include <math.h>

#include "accuracy.h"
#include "support_lineup.h"

static const uint64_t seed = 7;
static struct gb_lineup lineup;

/* n, d, m, c: sums of 1 term, of one block and its neighbours, of several blocks; rows of one and of many rounds of lanes. */
static const size_t shapes[][4] = {
    {1, 1, 1, 1},   {1, 2, 3, 2},     {3, 1, 2, 10},    {17, 5, 1, 64},    {2, 255, 3, 63},  {3, 256, 5, 65},
    {2, 257, 2, 9}, {255, 3, 4, 2},   {256, 2, 3, 128}, {257, 5, 2, 129},  {4, 2, 256, 300}, {3, 3, 257, 1000},
    {5, 4, 511, 7}, {33, 34, 35, 36}, {513, 2, 1, 3},   {1, 769, 2, 2000}, {769, 1, 3, 4},   {2, 3, 1025, 3000},
};

static void with_options(struct gb_problem_spec s, unsigned bits) {
    gb_set_options(&s, (bits & 31) | (bits & 32) << 2);
    s.reduction = (gk_reduction)(bits % 3);
    s.ld_pad = bits % 2;
    const unsigned targets = bits * 0x9e3779b9u >> 29;
    gb_set_targets(&s, targets & 1, targets & 2, targets & 4);
    gb_lineup_accuracy(&lineup, &s);
}

static void every_element_within_its_bound(void **state) {
    (void)state;
    unsigned turn = 0;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (int data = 0; data < GB_DATA_COUNT; data++)
                for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                    const size_t *const size = shapes[i];
                    const struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id,
                                                      .dtype = (enum gk_dtype)dtype,
                                                      .n = size[0],
                                                      .d = size[1],
                                                      .m = size[2],
                                                      .c = size[3],
                                                      .data = (enum gb_data)data,
                                                      .seed = seed + i};
                    for (unsigned k = 0; k < 4; k++) with_options(s, turn += 7);
                }
    assert_int_equal(lineup.failures, 0);
}

static void every_option_combined(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (unsigned bits = 0; bits < 96; bits++)
                with_options((struct gb_problem_spec){.kernel = (enum gk_kernel_id)id,
                                                      .dtype = (enum gk_dtype)dtype,
                                                      .n = 20,
                                                      .d = 13,
                                                      .m = 30,
                                                      .c = 17,
                                                      .seed = seed + bits},
                             bits);
    assert_int_equal(lineup.failures, 0);
}

/* A result that is off by a little more than it may be is seen: the comparison can fail. */
static void wrong_results_are_seen(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec s = {.kernel = (enum gk_kernel_id)id, .n = 4, .d = 5, .m = 6, .c = 7, .seed = seed};
        if (!gb_accuracy_known(gk_kernel_get(s.kernel))) continue;
        struct gb_problem problem;
        struct gb_accuracy accuracy;
        assert_true(gb_problem_create(&problem, &s));
        assert_int_equal(gb_problem_call(&problem, lineup.ref), GK_OK);
        assert_true(gb_accuracy_check(&problem, &accuracy));
        for (size_t i = 0; i < problem.n_operands; i++) {
            const struct gb_operand *const o = &problem.operands[i];
            if (!o->output) continue;
            if (o->field->element == GK_ELEMENT_BITS) {
                *(uint64_t *)o->start ^= 1;
                assert_false(gb_accuracy_check(&problem, &accuracy));
                assert_string_equal(accuracy.first.operand, o->field->name);
                *(uint64_t *)o->start ^= 1;
                continue;
            }
            float *const last = (float *)o->start + (o->rows - 1) * o->ld + o->row_elements - 1;
            const float right = *last, wrong[] = {right + 1e-3f * (fabsf(right) + 1), NAN};
            for (size_t k = 0; k < 2; k++) {
                *last = wrong[k];
                assert_false(gb_accuracy_check(&problem, &accuracy));
                assert_string_equal(accuracy.first.operand, o->field->name);
            }
            *last = right;
        }
        gb_problem_destroy(&problem);
    }
}

/* What exp may drop below the smallest normal number comes into a gradient at most max(1, |sum of labels|) / n times. */
static void gradients_next_to_zero(void **state) {
    static const struct {
        float labels[3];
        float most; /* that the gradient of the last class, whose probability is e^-200, may be off */
    } rows[] = {{{0, 0, 0}, 0x1p-127f}, {{0.5f, -0.25f, 0}, 0x1p-127f}, {{2, 2, 0}, 0x1p-125f}, {{-8, 0, 0}, 0x1p-124f}};
    const struct gb_problem_spec s = {.kernel = GK_KERNEL_softmax_xent, .n = 2, .c = 3, .soft_labels = true, .seed = seed};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gb_problem problem;
        struct gb_accuracy accuracy;
        assert_true(gb_problem_create(&problem, &s));
        memcpy(gb_operand_named(&problem, "t")->start, rows[i].labels, sizeof rows[i].labels);
        memcpy(gb_operand_named(&problem, "x")->start, (const float[]){0, 0, -200}, 3 * sizeof(float));
        assert_int_equal(gb_problem_call(&problem, lineup.ref), GK_OK);
        assert_true(gb_accuracy_check(&problem, &accuracy));
        float *const last = (float *)gb_operand_named(&problem, "dx")->start + 2;
        for (int sign = -1; sign <= 1; sign += 2) {
            *last = (float)sign * rows[i].most;
            assert_true(gb_accuracy_check(&problem, &accuracy));
            *last = (float)sign * 1.125f * rows[i].most;
            assert_false(gb_accuracy_check(&problem, &accuracy));
            assert_string_equal(accuracy.first.operand, "dx");
        }
        gb_problem_destroy(&problem);
    }
}

static bool exact(const struct gk_kernel *kernel) {
    for (size_t i = 0; i < kernel->n_fields; i++)
        if (kernel->fields[i].kind == GK_FIELD_OUT && gk_exactness_of(kernel, &kernel->fields[i]).rule != GK_EXACT_EXACT)
            return false;
    return true;
}

/* A bound is no wider than it must be: the largest error is a third of it at least. */
static void bounds_are_close(void **state) {
    (void)state;
    printf("%-24s %-4s %8s  largest error / bound (seed %llu)\n", "kernel", "type", "cases", (unsigned long long)seed);
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
            const struct gb_tally *const tally = &lineup.tally[0][id][dtype];
            if (!gb_accuracy_known(kernel)) {
                printf("%-24s skipped: no truth file has its formula\n", kernel->name);
                continue;
            }
            printf("%-24s %-4s %8zu  %.3f\n", kernel->name, gk_dtype_name((enum gk_dtype)dtype), tally->cases, tally->worst);
            assert_true(tally->cases > 0 && tally->failures == 0);
            assert_true(exact(kernel) ? tally->worst == 0 : tally->worst > 1. / 3 && tally->worst <= 1);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_within_its_bound),
        cmocka_unit_test(every_option_combined),
        cmocka_unit_test(wrong_results_are_seen),
        cmocka_unit_test(gradients_next_to_zero),
        cmocka_unit_test(bounds_are_close),
    };
    gb_open_lineup(&lineup, (bool[GK_ISA_COUNT]){true}, &(size_t){1}, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_lineup_close(&lineup);
    return failed;
}
