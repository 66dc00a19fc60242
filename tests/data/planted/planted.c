/* A program of a user of the planted kernels, on their header alone. */
#include <gradkern.h>

#include <stdio.h>

#define CHECK(condition)                                                                                                       \
    if (!(condition)) return printf("line %d: %s\n", __LINE__, #condition), 1

int main(void) {
    const float dy[] = {2, 4, 6, 8, 10, 12};
    float g[6], w[7] = {1, 1, 1, 1, 1, 1, 1}, parts[6] = {1, 1, 1, 1, 1, 1}, b[] = {5, 6, 7};
    const double gradient[] = {8};
    double wide[] = {3};
    gk_context *ctx;
    CHECK(gk_context_create(&ctx, NULL) == GK_OK);

    /* The parts, then both in one. An option that is not named is 0. */
    CHECK(gk_planted_scale_dx(ctx, &(gk_planted_scale_dx_args){.n = 2, .h = 3, .scale = 0.5, .dy = dy, .dx = g}) == GK_OK);
    CHECK(g[0] == 1 && g[5] == 6);
    CHECK(gk_planted_step(ctx, &(gk_planted_step_args){.n = 2, .h = 3, .rate = 2, .g = g, .w = parts, .b = b}) == GK_OK);
    CHECK(parts[0] == -1 && parts[5] == -11 && b[0] == 3 && b[2] == 5);
    CHECK(gk_planted_scaled_step(
              ctx, &(gk_planted_scaled_step_args){.n = 2, .h = 3, .scale = 0.5, .rate = 2, .dy = dy, .w = w}) == GK_OK);
    for (int i = 0; i < 6; i++) CHECK(w[i] == parts[i]);
    CHECK(gk_planted_step(ctx, &(gk_planted_step_args){.n = 2, .h = 3, .g = g, .w = w}) == GK_OK && w[0] == parts[0]);
    CHECK(gk_planted_step_f64(ctx, &(gk_planted_step_args_f64){.n = 1, .h = 1, .rate = 0.25, .g = gradient, .w = wide}) ==
          GK_OK);
    CHECK(wide[0] == 1);

    /* An in/out operand is required, and overlaps nothing, as an output. */
    CHECK(gk_planted_step(ctx, &(gk_planted_step_args){.n = 2, .h = 3, .rate = 2, .g = g}) == GK_ERROR_NULL);
    CHECK(gk_planted_step(ctx, &(gk_planted_step_args){.n = 2, .h = 3, .rate = 2, .g = w, .w = w}) == GK_ERROR_OVERLAP);
    CHECK(gk_planted_step(ctx, &(gk_planted_step_args){.n = 2, .h = 3, .g = g, .w = w, .b = w + 5}) == GK_ERROR_OVERLAP);
    CHECK(gk_planted_step(ctx, &(gk_planted_step_args){.n = 2, .h = 3, .g = g, .w = w, .ld_w = 2}) == GK_ERROR_LEADING);
    CHECK(w[0] == parts[0] && w[5] == parts[5] && w[6] == 1);

    /* More operands than any other kernel: the last one is looked at. */
    CHECK(gk_planted_wide(ctx, &(gk_planted_wide_args){.h = 6, .x1 = dy, .x19 = dy, .y = w}) == GK_OK);
    CHECK(gk_planted_wide(ctx, &(gk_planted_wide_args){.h = 6, .x1 = dy, .x19 = w + 5, .y = w}) == GK_ERROR_OVERLAP);
    gk_context_destroy(ctx);
    puts("right");
    return 0;
}
