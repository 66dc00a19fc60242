/* What the table says of the planted kernels. Linked with the table alone. */
#include <stdio.h>

#include "table.h"

#define CHECK(condition)                                                                                                       \
    if (!(condition)) return printf("line %d: %s\n", __LINE__, #condition), 1

int main(void) {
    const struct gk_kernel *const step = gk_kernel_find("planted_step"), *const both = gk_kernel_find("planted_scaled_step");
    const struct gk_field *const w = gk_kernel_operand(step, "w"), *const rate = gk_kernel_field(step, GK_FIELD_REAL, "rate");
    float x[24];
    const gk_planted_step_args args = {.n = 2, .h = 3, .g = x, .w = x + 8, .b = x + 16};
    const gk_planted_scaled_step_args one = {.n = 2, .h = 3, .scale = 4, .rate = 2, .dy = x, .w = x + 8, .ld_w = 5};
    CHECK(GK_OPERANDS_MAX == 20 && GK_ARGS_MAX == sizeof(gk_planted_wide_args) && gk_dim_find("h") == GK_DIM_h);
    CHECK(gk_dim_of(step, &args, GK_DIM_h) == 3 && !gk_kernel_dim(step, GK_DIM_c));
    CHECK(gk_reads(step, w, &args) && !gk_accumulates(step, w, &args) && rate->count == 0.125);
    CHECK(gk_kernel_flops(step, &args) == 15 && gk_kernel_bytes(step, GK_F32, &args) == 4 * (6 + 2 * 6 + 2 * 3));
    CHECK(gk_kernel_roof(step, &args) == GK_ROOF_MEMORY);
    CHECK(gk_exactness_of(step, w).rule == GK_EXACT_ULP && gk_exactness_of(step, w).ulp == 1);

    /* b of the part is neither ours nor read by another part: it is not wanted. */
    const struct gk_field *const first = gk_kernel_field(both, GK_FIELD_PART, "planted_scale_dx");
    const struct gk_field *const second = gk_kernel_field(both, GK_FIELD_PART, "planted_step");
    union gk_any_args part;
    CHECK(gk_kernel_flops(both, &one) == 18 && gk_exactness_of(both, gk_kernel_operand(both, "w")).ulp == 1);
    CHECK(gk_part_temporary(both, first, gk_kernel_operand(gk_kernel_get(first->id), "dx")));
    CHECK(!gk_part_temporary(both, second, gk_kernel_operand(step, "w")));
    CHECK(!gk_part_temporary(both, second, gk_kernel_operand(step, "b")));
    CHECK(gk_part_runs(both, first, &one) && gk_part_runs(both, second, &one));
    const gk_planted_scaled_step_args none = {.n = 2, .h = 3, .w = x + 8}; /* and so the second has nothing to read */
    CHECK(!gk_part_runs(both, first, &none) && !gk_part_runs(both, second, &none) && gk_kernel_flops(both, &none) == 0);
    gk_part_args(both, first, &one, &part);
    CHECK(part.planted_scale_dx.scale == 4 && part.planted_scale_dx.dy == x && !part.planted_scale_dx.dx);
    gk_part_args(both, second, &one, &part);
    CHECK(part.planted_step.rate == 2 && part.planted_step.w == x + 8 && part.planted_step.ld_w == 5 && !part.planted_step.g);

    const struct gk_field *const gradient = gk_kernel_field(gk_kernel_get(first->id), GK_FIELD_GRADIENT, "dx");
    CHECK(gradient->id == GK_KERNEL_planted_scale && strcmp(gradient->other, "y") == 0 && strcmp(gradient->by, "x") == 0);
    puts("right");
    return 0;
}
