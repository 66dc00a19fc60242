#include "peer_catalog.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NAME, SETTING (an environment variable, or ""), PROGRAM, LIBRARY: a soname, or after '@' a path below the folder of the peers
 * that were fetched, which may hold *. Detection by model number makes these libraries take kernels for a smaller machine: so each
 * is raced at its default and at the settings that could be its best. One that the CPU cannot run is lost at its start. */
static const struct {
    const char *name, *setting, *program, *library;
} known[] = {
    {"naive", "", "naive", ""},
    {"openblas", "", "cblas", "libopenblas.so.0"},
    {"openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "cblas", "libopenblas.so.0"},
    {"openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "cblas", "libopenblas.so.0"},
    {"blis", "", "cblas", "libblis.so.4"},
    {"blis@haswell", "BLIS_ARCH_TYPE=haswell", "cblas", "libblis.so.4"},
    {"blis@skx", "BLIS_ARCH_TYPE=skx", "cblas", "libblis.so.4"},
    {"mkl", "", "cblas", "@lib/libmkl_rt.so.*"},
    {"scipy-openblas", "", "cblas", "@lib/python3*/site-packages/scipy_openblas32/lib/libscipy_openblas*.so"},
    {"scipy-openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "cblas",
     "@lib/python3*/site-packages/scipy_openblas32/lib/libscipy_openblas*.so"},
    {"scipy-openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "cblas",
     "@lib/python3*/site-packages/scipy_openblas32/lib/libscipy_openblas*.so"},
};

/* Beside this program in a build, in libexec where it is installed. */
static bool find_program(const char *name, char *path, size_t size) {
    char own[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *const slash = strrchr(own, '/');
    if (!slash) return false;
    *slash = '\0';
    if ((size_t)snprintf(path, size, "%s/gradbench-peer-%s", own, name) >= size) return false;
    if (access(path, X_OK) == 0) return true;
    return (size_t)snprintf(path, size, "%s/../libexec/gradkern/gradbench-peer-%s", own, name) < size;
}

static void find_library(const char *library, char *path, size_t size) {
    char pattern[PATH_MAX];
    const char *const folder = getenv("GRADBENCH_PEERS");
    glob_t found;
    snprintf(path, size, "%s", library);
    if (*library != '@') return;
    snprintf(pattern, sizeof pattern, "%s/%s", folder ? folder : "build/peers", library + 1);
    if (glob(pattern, 0, NULL, &found) == 0) {
        if (realpath(found.gl_pathv[0], pattern)) snprintf(path, size, "%s", pattern);
        globfree(&found);
    }
}

/* In single quotes for the shell; a path with one in it is left out. */
static bool quote(const char *text, char *out, size_t size) {
    return !strchr(text, '\'') && (size_t)snprintf(out, size, "'%s'", text) < size;
}

size_t gb_peer_catalog(struct gb_peer_entry entries[GB_PEERS_MAX]) {
    size_t count = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char program[PATH_MAX], library[PATH_MAX], quoted[2][PATH_MAX];
        struct gb_peer_entry *const e = &entries[count];
        if (!find_program(known[i].program, program, sizeof program)) continue;
        find_library(known[i].library, library, sizeof library);
        if (!quote(program, quoted[0], PATH_MAX) || !quote(library, quoted[1], PATH_MAX)) continue;
        snprintf(e->name, sizeof e->name, "%s", known[i].name);
        const int length = snprintf(e->command, sizeof e->command, "env %s %s %s", known[i].setting, quoted[0], *library ? quoted[1] : "");
        count += length > 0 && (size_t)length < sizeof e->command;
    }
    return count;
}
