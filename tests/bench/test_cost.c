/* How long a run will take, on a clock by hand: the problems of the workload default, with the time that each took on two cores
 * of an EPYC of the Zen 4 kind, by ref, avx2 and avx512 on one and two threads, on a day when others were at work there, too.
 */
#include <math.h>

#include "cost.h"
#include "support.h"

static const struct {
    const char *line;
    double seconds;
} measured[] = {
    {"affine_forward n=100 d=784 m=50", 1.67},
    {"affine_dx n=100 d=784 m=50", 1.85},
    {"affine_dw n=100 d=784 m=50", 1.78},
    {"affine_db n=100 m=50", 1.00},
    {"affine_backward n=100 d=784 m=50", 1.83},
    {"relu_forward n=100 d=50", 0.65},
    {"relu_backward n=100 d=50", 0.54},
    {"affine_forward n=100 d=50 m=10", 0.71},
    {"affine_dx n=100 d=50 m=10", 0.77},
    {"affine_dw n=100 d=50 m=10", 0.76},
    {"affine_db n=100 m=10", 0.84},
    {"affine_backward n=100 d=50 m=10", 0.81},
    {"softmax_xent_forward n=100 c=10", 0.86},
    {"softmax_xent_backward n=100 c=10", 0.82},
    {"softmax_xent n=100 c=10", 0.62},
    {"affine_forward n=128 d=784 m=512", 3.12},
    {"affine_dx n=128 d=784 m=512", 3.18},
    {"affine_dw n=128 d=784 m=512", 3.12},
    {"affine_db n=128 m=512", 0.71},
    {"affine_backward n=128 d=784 m=512", 2.20},
    {"relu_forward n=128 d=512", 1.40},
    {"relu_backward n=128 d=512", 0.50},
    {"affine_forward n=128 d=512 m=512", 2.35},
    {"affine_dx n=128 d=512 m=512", 3.25},
    {"affine_dw n=128 d=512 m=512", 2.38},
    {"affine_db n=128 m=512", 0.85},
    {"affine_backward n=128 d=512 m=512", 3.79},
    {"affine_forward n=128 d=512 m=10", 0.81},
    {"affine_dx n=128 d=512 m=10", 0.50},
    {"affine_dw n=128 d=512 m=10", 0.84},
    {"affine_db n=128 m=10", 0.73},
    {"affine_backward n=128 d=512 m=10", 0.69},
    {"affine_forward n=128 d=3072 m=100", 3.86},
    {"affine_dx n=128 d=3072 m=100", 2.98},
    {"affine_dw n=128 d=3072 m=100", 4.96},
    {"affine_db n=128 m=100", 0.71},
    {"affine_backward n=128 d=3072 m=100", 2.82},
    {"affine_forward n=256 d=768 m=768", 2.69},
    {"affine_dx n=256 d=768 m=768", 2.54},
    {"affine_dw n=256 d=768 m=768", 2.56},
    {"affine_db n=256 m=768", 1.79},
    {"affine_backward n=256 d=768 m=768", 3.84},
    {"affine_dx n=256 d=768 m=3072", 6.65},
    {"affine_dw n=256 d=768 m=3072", 6.87},
    {"relu_forward n=256 d=3072", 2.88},
    {"relu_backward n=256 d=3072", 1.88},
    {"softmax_xent_forward n=256 c=50257", 3.57},
};
enum { TASKS = sizeof measured / sizeof *measured, VARIANTS = 6 };

static double now;
static double read_clock(void *self) {
    (void)self;
    return now;
}
static const struct gb_clock by_hand = {read_clock, NULL};
static const struct gb_effects effects = {.clock = &by_hand};

static struct gb_task tasks[TASKS];
static struct gb_plan plan;
static struct gb_harness harness = {.effects = &effects, .plan = &plan, .rounds = 31, .sample_ns = 1e6, .budget_ns = 1.5e9};

static int make_plan(void **state) {
    struct gb_workload workload = {.count = 0};
    (void)state;
    plan = (struct gb_plan){.tasks = tasks, .n_tasks = TASKS, .n_variants = VARIANTS, .n_own = VARIANTS};
    for (size_t i = 0; i < VARIANTS; i++) plan.variants[i] = (struct gb_variant){.isa = i / 2, .threads = 1 + i % 2};
    for (size_t i = 0; i < TASKS; i++) {
        if (gb_workload_read_line(&workload, "line", "line", measured[i].line) != 0) return -1;
        enum gk_kernel_id id = (enum gk_kernel_id)0;
        while (!workload.shapes[i].kernels[id]) id++;
        tasks[i] = (struct gb_task){gb_shape_problem(&workload.shapes[i], id, GK_F32, 1), "w"};
    }
    gb_workload_free(&workload);
    return 0;
}

/* Within a quarter from a third of the time on, at the beginning, in the middle and at the end of each problem; and in the last
 * third, where few are left, within 2 s of that. */
static void what_is_left_is_known_from_a_third_on(void **state) {
    struct gb_estimate estimate;
    double whole = 0, passed = 0;
    size_t looks = 0;
    (void)state;
    for (size_t i = 0; i < TASKS; i++) whole += measured[i].seconds;
    now = 7e9;
    gb_estimate_start(&estimate, &harness, NULL);
    for (size_t i = 0; i < TASKS; i++) {
        gb_estimate_next(&estimate, i);
        for (int part = 0; part < 3; part++) {
            const double left = gb_estimate_left_ns(&estimate, now) / 1e9;
            if (passed > whole / 3 && i > 0) {
                if (fabs(left - (whole - passed)) > 0.25 * (whole - passed) + (passed > whole / 1.5 ? 2 : 0))
                    fail_msg("%s: %.1f s are left, not %.1f", measured[i].line, whole - passed, left);
                looks++;
            }
            if (part < 2) now += measured[i].seconds / 2 * 1e9, passed += measured[i].seconds / 2;
        }
    }
    assert_true(looks > TASKS);
    gb_estimate_next(&estimate, TASKS);
    assert_true(fabs(estimate.left) < 1 && gb_estimate_left_ns(&estimate, now) < 1e6);
}

/* Of the whole: within a factor of two and a half. More rounds, longer samples, more variants and a larger budget cost more. */
static void costs(void **state) {
    double whole = 0, cost = 0;
    (void)state;
    for (size_t i = 0; i < TASKS; i++) {
        whole += measured[i].seconds;
        cost += gb_cost_ns(&harness, &tasks[i]) / 1e9;
    }
    assert_true(cost > whole / 2.5 && cost < whole * 2.5);
    const struct gb_harness before = harness;
    const double small = gb_cost_ns(&harness, &tasks[3]), large = gb_cost_ns(&harness, &tasks[0]);
    assert_true(small < large);
    harness.rounds = 101;
    assert_true(gb_cost_ns(&harness, &tasks[3]) > 2 * small - 0.5e9);
    harness.budget_ns = 0.01e9; /* six rounds are run in any case */
    assert_true(gb_cost_ns(&harness, &tasks[3]) < small);
    harness.sample_ns = 10e6;
    assert_true(gb_cost_ns(&harness, &tasks[3]) > small);
    harness.budget_ns = 0;
    const double least = gb_cost_ns(&harness, &tasks[3]);
    harness.budget_ns = 0.3e9; /* less than six rounds take */
    assert_true(gb_cost_ns(&harness, &tasks[3]) == least);
    harness = before;
    plan.n_variants = 2;
    assert_true(gb_cost_ns(&harness, &tasks[3]) < small);
    plan.n_variants = VARIANTS;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_left_is_known_from_a_third_on), cmocka_unit_test(costs)};
    return cmocka_run_group_tests(tests, make_plan, NULL);
}
