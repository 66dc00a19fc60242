#include <gradkern.h>
#include <stdio.h>

int main(void) {
    const float dy[2 * 1] = {1, 2}, w[3 * 1] = {10, 20, 30};
    float dx[2 * 3];
    gk_context *ctx;
    if (gk_context_create(&ctx, NULL) != GK_OK) return 1;
    const gk_status status = gk_affine_dx(ctx, &(gk_affine_dx_args){.n = 2, .d = 3, .m = 1, .dy = dy, .w = w, .dx = dx});
    gk_context_destroy(ctx);
    printf("%s: %g %g %g %g %g %g\n", gk_status_string(status), dx[0], dx[1], dx[2], dx[3], dx[4], dx[5]);
    return dx[5] == 60 ? 0 : 1;
}
