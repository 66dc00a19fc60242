#include "effects.h"

static gk_status repeat(const struct gb_problem *problem, gk_context *ctx, uint64_t calls) {
    gk_status status = GK_OK;
    for (uint64_t i = 0; i < calls; i++) status = gb_problem_call(problem, ctx);
    return status;
}

const struct gb_effects gb_real_effects = {
    .clock = &gb_real_clock,
    .bind = gb_binding_apply,
    .repeat = repeat,
    .start = gb_contender_start,
    .begin_turn = gb_contender_begin_turn,
    .end_turn = gb_contender_end_turn,
    .prepare = gb_contender_prepare,
    .run = gb_contender_run,
    .result = gb_contender_result,
    .end = gb_contender_end,
    .look_again = gb_roofs_look_again,
};
