/* gradbench-peer-library PATH [--isa NAME] [--threads N]: gradkern itself, from any shared library of it, by its public
 * functions alone. It is started so by gradbench compare --build.
 *
 * Whether the library takes the structs of the gradkern.h that this was compiled with is found out before anything is timed.
 * Two things decide: the first number of its gk_version() is GK_VERSION_MAJOR, and no function looks at a byte beyond the
 * struct that it is handed. A struct that has grown ends in reserved bytes, as all do, and here they are not 0. */
#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer_child.h"

enum { BEYOND_BYTES = 1024 }; /* more than a struct grows by */

/* What a library has beside its kernels. */
#define FUNCTIONS(X)                                                                                                           \
    X(version)                                                                                                                 \
    X(numerics_version)                                                                                                        \
    X(status_string)                                                                                                           \
    X(context_create)                                                                                                          \
    X(context_destroy)                                                                                                         \
    X(context_isa)                                                                                                             \
    X(context_threads)

typedef gk_status kernel_call(gk_context *ctx, const void *args); /* gk_affine_dx: a pointer to its own struct, like all */

struct library {
    void *handle;
#define X(name) __typeof__(gk_##name) *name;
    FUNCTIONS(X)
#undef X
    gk_context *ctx;
    const struct gb_peer_problem *problem;
    kernel_call *run;
};

/* The arguments of a kernel with something behind them. */
struct guarded {
    union gk_any_args args;
    unsigned char beyond[BEYOND_BYTES];
};

static const char *function_name(const struct gk_kernel *kernel, enum gk_dtype dtype, char text[80]) {
    snprintf(text, 80, dtype == GK_F64 ? "gk_%s_f64" : "gk_%s", kernel->name);
    return text;
}

/* A call without elements: it says what a real one would be refused for, and leaves all operands alone. */
static gk_status call_without_elements(const struct library *l, kernel_call *run, const struct gk_kernel *kernel,
                                       const void *args) {
    struct guarded guarded;
    double scalar;
    const void *const to = &scalar;
    memset(&guarded, 0xff, sizeof guarded);
    memcpy(&guarded, args, kernel->args_size);
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind == GK_FIELD_DIM) gk_set_size(&guarded, f->offset, 0);
        if (f->kind == GK_FIELD_OUT && f->cols == GK_NOWHERE && gk_field_pointer(f, args))
            memcpy((char *)&guarded + f->offset, &to, sizeof to);
    }
    return run(l->ctx, &guarded);
}

/* As few arguments as a call may have: one output is wanted. */
static const void *least_arguments(const struct gk_kernel *kernel, union gk_any_args *args) {
    static const double nothing;
    const void *const to = &nothing;
    memset(args, 0, sizeof *args);
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind == GK_FIELD_OUT && f->cols != GK_NOWHERE) memcpy((char *)args + f->offset, &to, sizeof to);
    }
    return args;
}

/* True: no function of a kernel looks beyond its arguments. */
static bool structs_fit(const struct library *l, char why[GB_PEER_NOTE_MAX]) {
    for (size_t i = 0; i < (size_t)GK_KERNEL_COUNT * GK_DTYPE_COUNT; i++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)(i / GK_DTYPE_COUNT));
        union gk_any_args args;
        char name[80];
        kernel_call *const run = (kernel_call *)dlsym(l->handle, function_name(kernel, i % GK_DTYPE_COUNT, name));
        if (!run) continue;
        const gk_status status = call_without_elements(l, run, kernel, least_arguments(kernel, &args));
        if (status == GK_OK) continue;
        snprintf(why, GB_PEER_NOTE_MAX, "it has another ABI, %s takes other arguments: %s", name, l->status_string(status));
        return false;
    }
    return true;
}

static bool find_functions(struct library *l, const char *path, char why[GB_PEER_NOTE_MAX]) {
    l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!l->handle) {
        snprintf(why, GB_PEER_NOTE_MAX, "%s", dlerror());
        return false;
    }
#define X(name)                                                                                                                \
    l->name = (__typeof__(l->name))dlsym(l->handle, "gk_" #name);                                                              \
    if (!l->name) {                                                                                                            \
        snprintf(why, GB_PEER_NOTE_MAX, "it is no library of gradkern, for it has no gk_" #name);                              \
        return false;                                                                                                          \
    }
    FUNCTIONS(X)
#undef X
    return true;
}

static bool load(struct library *l, const char *path, const gk_options *options, char why[GB_PEER_NOTE_MAX]) {
    struct {
        gk_options options;
        unsigned char beyond[BEYOND_BYTES];
    } guarded;
    if (!find_functions(l, path, why)) return false;
    if (strtol(l->version(), NULL, 10) != GK_VERSION_MAJOR) {
        snprintf(why, GB_PEER_NOTE_MAX, "it has another ABI by its version (got %.40s, allowed %d.*)", l->version(),
                 GK_VERSION_MAJOR);
        return false;
    }
    memset(&guarded, 0xff, sizeof guarded);
    guarded.options = *options;
    const gk_status status = l->context_create(&l->ctx, &guarded.options);
    if (status == GK_OK) return structs_fit(l, why);
    snprintf(why, GB_PEER_NOTE_MAX, "it makes no context: %s", l->status_string(status));
    return false;
}

static bool unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which) {
    snprintf(note, GB_PEER_NOTE_MAX, "%s%s", what, which);
    return false;
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct library *const l = data;
    char name[80];
    l->problem = problem;
    if (problem->threads != l->context_threads(l->ctx)) return unfit(note, "started for another number of threads", "");
    l->run = (kernel_call *)dlsym(l->handle, function_name(problem->kernel, problem->spec.dtype, name));
    if (!l->run) return unfit(note, "the library has no ", name);
    const gk_status status = call_without_elements(l, l->run, problem->kernel, &problem->args);
    return status == GK_OK || unfit(note, "the call is refused: ", l->status_string(status));
}

/* What was not computed is not to be timed. */
static void call(void *data) {
    const struct library *const l = data;
    const gk_status status = l->run(l->ctx, &l->problem->args);
    if (status == GK_OK) return;
    fprintf(stderr, "the call failed: %s\n", l->status_string(status));
    exit(GB_EXIT_RESOURCE);
}

static int usage(void) {
    fprintf(stderr, "usage: gradbench-peer-library PATH [--isa NAME] [--threads N]\n");
    return GB_EXIT_USAGE;
}

int main(int argc, char **argv) {
    static const struct option known[] = {
        {"isa", required_argument, NULL, 'i'}, {"threads", required_argument, NULL, 't'}, {0}};
    struct library library = {.handle = NULL};
    struct gb_peer peer = {.data = &library, .prepare = prepare, .call = call};
    gk_options options = {.isa = NULL};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        char *end = "";
        if (c == 'i') options.isa = optarg;
        else if (c != 't' || (options.threads = strtoul(optarg, &end, 10)) == 0 || *end) return usage();
    }
    if (argc - optind != 1) return usage();
    if (!load(&library, argv[optind], &options, peer.description)) {
        if (library.ctx) library.context_destroy(library.ctx);
        return gb_peer_absent(peer.description);
    }
    const size_t threads = library.context_threads(library.ctx);
    snprintf(peer.description, sizeof peer.description, "gradkern %.40s (numerics %d), %s, %zu thread%s", library.version(),
             library.numerics_version(), library.context_isa(library.ctx), threads, threads == 1 ? "" : "s");
    const int code = gb_peer_serve(&peer);
    library.context_destroy(library.ctx);
    return code;
}
