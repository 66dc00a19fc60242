/* Runs on libraries other than the one whose header it was compiled against. What follows its structs in memory is not 0, so
 * that a library shows if it reads beyond them. With PLANTED it uses a field that its own version does not have. */
#include <gradkern.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 1024 };

int main(void) {
    const float dy[2 * 1] = {1, 2}, w[3 * 1] = {10, 20, 30};
    float dx[2 * 3] = {0};
#ifdef PLANTED
    float planted[1];
#endif
    const gk_options options = {.threads = 1};
    const gk_affine_dx_args args = {
        .n = 2,
        .d = 3,
        .m = 1,
        .dy = dy,
        .w = w,
        .dx = dx,
#ifdef PLANTED
        .planted = planted,
#endif
    };
    _Alignas(64) char options_there[ROOM], args_there[ROOM];
    memset(options_there, 0xff, ROOM);
    memset(args_there, 0xff, ROOM);
    memcpy(options_there, &options, sizeof options);
    memcpy(args_there, &args, sizeof args);

    gk_context *ctx;
    gk_status status = gk_context_create(&ctx, (const gk_options *)options_there);
    if (status == GK_OK) status = gk_affine_dx(ctx, (const gk_affine_dx_args *)args_there);
    gk_context_destroy(ctx);
    printf("%s: %g %g %g %g %g %g\n", gk_status_string(status), dx[0], dx[1], dx[2], dx[3], dx[4], dx[5]);
    return 0;
}
