/* Stands in for another build of gradkern: this one's library, which is behind it, but for what FAKE_GRADKERN says.
 * version: it has the next ABI. options, arguments: a struct has grown, reserved bytes last. bits: a bit of dx is another one.
 * slow: gk_affine_dx takes a tenth of a millisecond. late: it fails once there are elements. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gradkern.h"

static int is(const char *word) {
    const char *const said = getenv("FAKE_GRADKERN");
    return said && strcmp(said, word) == 0;
}

/* Does a library that has four reserved bytes more see them used? */
static int used(const void *args, size_t size) {
    static const unsigned char none[4];
    return memcmp((const char *)args + size, none, sizeof none) != 0;
}

const char *gk_version(void) {
    static const char *(*real)(void);
    if (!real) real = (const char *(*)(void))dlsym(RTLD_NEXT, "gk_version");
    return is("version") ? "1.2.3" : real();
}

gk_status gk_context_create(gk_context **ctx, const gk_options *options) {
    gk_status (*const real)(gk_context **, const gk_options *) =
        (gk_status(*)(gk_context **, const gk_options *))dlsym(RTLD_NEXT, "gk_context_create");
    return is("options") && used(options, sizeof *options) ? GK_ERROR_OPTION : real(ctx, options);
}

gk_status gk_affine_dx(gk_context *ctx, const gk_affine_dx_args *args) {
    static gk_status (*real)(gk_context *, const gk_affine_dx_args *);
    if (!real) real = (gk_status(*)(gk_context *, const gk_affine_dx_args *))dlsym(RTLD_NEXT, "gk_affine_dx");
    if (is("arguments") && used(args, sizeof *args)) return GK_ERROR_OPTION;
    if (is("late") && args->n > 0) return GK_ERROR_MEMORY;
    const gk_status status = real(ctx, args);
    if (is("bits") && args->n > 0) *(char *)args->dx ^= 1;
    if (is("slow")) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    return status;
}
