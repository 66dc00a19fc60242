/* gradbench-peer-onednn LIBRARY: oneDNN, loaded by its soname or path. Of version 2 only sgemm, for its primitives are
 * described by structs that changed from release to release. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onednn_library.h"

struct peer {
    struct dnn dnn;
    struct dnn_job job;
};

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct peer *const peer = data;
    const char *const kernel = problem->kernel->name;
    const bool product = strncmp(kernel, "affine_", 7) == 0, softmax = strncmp(kernel, "softmax_xent", 12) == 0;
    dnn_release(&peer->dnn);
    if (!product && !peer->dnn.engine) return dnn_unfit(note, "version 2 of this peer does not do ", kernel);
    if (problem->spec.dtype == GK_F64) return dnn_unfit(note, "oneDNN has no f64 here", "");
    return (product   ? dnn_prepare_product
            : softmax ? dnn_prepare_softmax
                      : dnn_prepare_node)(&peer->dnn, problem, &peer->job, note);
}

static void call(void *data) {
    const struct peer *const peer = data;
    peer->job.call(peer->job.data);
}

/* A package from PyPI lies beside what it needs, where the loader does not look: that reads its variable at the start. One
 * built for SYCL also needs to be told of its own driver for the CPU. Errors would go to standard output. */
static void look_beside(char **argv) {
    const char *const slash = strrchr(argv[1], '/'), *const now = getenv("LD_LIBRARY_PATH");
    char folder[PATH_MAX], driver[PATH_MAX + 16];
    setenv("ONEDNN_VERBOSE", "0", 1);
    if (!slash || (size_t)snprintf(folder, sizeof folder, "%.*s", (int)(slash - argv[1]), argv[1]) >= sizeof folder) return;
    if (now && strcmp(now, folder) == 0) return;
    snprintf(driver, sizeof driver, "%s/libintelocl.so", folder);
    setenv("OCL_ICD_FILENAMES", driver, 0);
    setenv("LD_LIBRARY_PATH", folder, 1);
    execv("/proc/self/exe", argv);
}

/* NULL: it can be raced. */
static const char *load(struct dnn *dnn, const char *path) {
    dnn->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!dnn->library) return dlerror();
#define FIND(result, name, arguments)                                                                                          \
    if (!(dnn->name = (result(*) arguments)dlsym(dnn->library, "dnnl_" #name)))                                                \
        return "the library is no oneDNN: it lacks dnnl_" #name;
    DNN_OF_EVERY_VERSION(FIND)
    if (dnn->version()->major < 3) return NULL;
    DNN_OF_VERSION_3(FIND)
    return NULL;
}

static const char *start(struct dnn *dnn, char description[GB_PEER_NOTE_MAX]) {
    const struct dnn_version *const v = dnn->version();
    const char *const runtime = v->cpu_runtime == DNN_RUNTIME_OPENMP ? "OpenMP"
                                : v->cpu_runtime == DNN_RUNTIME_TBB  ? "TBB"
                                                                     : "other";
    if (v->major < 3) {
        snprintf(description, GB_PEER_NOTE_MAX, "oneDNN %d.%d.%d, %s threads, sgemm only", v->major, v->minor, v->patch,
                 runtime);
        return NULL;
    }
    const int isa = dnn->get_effective_cpu_isa();
    snprintf(description, GB_PEER_NOTE_MAX, "oneDNN %d.%d.%d, %s threads, vectors of %d bits", v->major, v->minor, v->patch,
             runtime, isa & DNN_ISA_512 ? 512 : 256);
    if (dnn->engine_create(&dnn->engine, DNN_CPU, 0) != 0) return "oneDNN makes no engine";
    return dnn->stream_create(&dnn->stream, dnn->engine, DNN_IN_ORDER) == 0 ? NULL : "oneDNN makes no stream";
}

int main(int argc, char **argv) {
    struct peer self = {.dnn = {.library = NULL}};
    struct gb_peer peer = {.data = &self, .prepare = prepare, .call = call};
    if (argc != 2) {
        fprintf(stderr, "usage: gradbench-peer-onednn LIBRARY\n");
        return GB_EXIT_USAGE;
    }
    look_beside(argv);
    const char *reason = load(&self.dnn, argv[1]);
    if (!reason) reason = start(&self.dnn, peer.description);
    if (reason) return gb_peer_absent(reason);
    const int code = gb_peer_serve(&peer);
    dnn_release(&self.dnn);
    return code;
}
