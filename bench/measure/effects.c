#include "effects.h"

#include <math.h>

static gk_status repeat(const struct gb_problem *problem, gk_context *ctx, uint64_t calls) {
    gk_status status = GK_OK;
    for (uint64_t i = 0; i < calls; i++) status = gb_problem_call(problem, ctx);
    return status;
}

double gb_empty_call_ns(const struct gb_clock *clock, gk_context *ctx, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    enum { SAMPLES = 100, CALLS = 32 };
    struct gb_problem_spec spec = {.kernel = kernel, .dtype = dtype};
    struct gb_problem problem;
    double least = INFINITY;
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++) spec.dims[dim] = 1;
    spec.dims[gk_kernel_field(gk_kernel_get(kernel), GK_FIELD_DIM, NULL)->dim] = 0;
    if (!gb_problem_create(&problem, &spec)) return 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        const double start = gb_clock_read(clock);
        repeat(&problem, ctx, CALLS);
        least = fmin(least, (gb_clock_read(clock) - start) / CALLS);
    }
    gb_problem_destroy(&problem);
    return least;
}

static double empty_call(gk_context *ctx, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    return gb_empty_call_ns(&gb_real_clock, ctx, kernel, dtype);
}

const struct gb_effects gb_real_effects = {
    .clock = &gb_real_clock,
    .signs = gb_signs_read,
    .bind = gb_binding_apply,
    .repeat = repeat,
    .empty_call = empty_call,
    .start = gb_contender_start,
    .begin_turn = gb_contender_begin_turn,
    .end_turn = gb_contender_end_turn,
    .prepare = gb_contender_prepare,
    .run = gb_contender_run,
    .result = gb_contender_result,
    .end = gb_contender_end,
    .look_again = gb_roofs_look_again,
};
