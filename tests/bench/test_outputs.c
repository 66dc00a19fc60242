/* What the outputs of one kernel differ in: how exact they are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "error_bound.h"

static gk_context *ref;

/* Is the largest element of an output, off by so many times the precision, still right? */
static bool passes(const struct gb_error_bound *bound, const struct gb_problem *problem, const char *output, float times) {
    struct gb_verify_report report;
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        float *const values = o->start, *largest = values;
        if (strcmp(o->field->name, output) != 0) continue;
        for (size_t j = 0; j < o->row_elements; j++) largest = fabsf(values[j]) > fabsf(*largest) ? values + j : largest;
        const float right = *largest;
        *largest += times * 0x1p-24f * right;
        const bool holds = gb_error_bound_holds(bound, problem, &report);
        *largest = right;
        return holds;
    }
    fail();
    return false;
}

/* dx sums over m, which is large here, dw and db over n. */
static void a_peer_may_be_off_as_far_as_its_output_sums(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_backward, .n = 2, .d = 3, .m = 2000, .seed = 5};
    struct gb_problem problem;
    (void)state;
    assert_true(gb_problem_create(&problem, &spec));
    struct gb_verifier *const verifier = gb_verifier_create(&problem, ref, (size_t[]){1}, 1);
    struct gb_error_bound *const bound = gb_error_bound_create(&spec, ref, verifier);
    assert_non_null(bound);
    assert_int_equal(gb_problem_call(&problem, ref), GK_OK);
    assert_true(passes(bound, &problem, "dx", 100));
    assert_true(passes(bound, &problem, "dw", 4) && passes(bound, &problem, "db", 4));
    assert_false(passes(bound, &problem, "dw", 100) || passes(bound, &problem, "db", 100));
    gb_error_bound_destroy(bound);
    gb_verifier_destroy(verifier);
    gb_problem_destroy(&problem);
}

static int make_ref(void **state) {
    (void)state;
    return gk_context_create(&ref, &(gk_options){.isa = gk_isa_get(0, GK_F32)->name, .threads = 1}) == GK_OK ? 0 : -1;
}

static int end_ref(void **state) {
    (void)state;
    gk_context_destroy(ref);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_may_be_off_as_far_as_its_output_sums),
    };
    return cmocka_run_group_tests(tests, make_ref, end_ref);
}
