#include "peer_catalog.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* oneDNN 3 counts the cores that the first thread may use, which OpenMP has bound to one by then. */
#define UNBOUND "-u OMP_PROC_BIND -u OMP_PLACES"
#define SCIPY_OPENBLAS "@lib/python3*/site-packages/scipy_openblas32/lib/libscipy_openblas*.so"

/* NAME, SETTING (arguments of env), RUNNER (who runs the program, or ""), PROGRAM, OPERAND. After '@' comes a
 * path below the folder of what was fetched, which may hold *. Detection by model number or maker makes these libraries take
 * kernels for a smaller machine: so each is raced at its default and at the settings that could be its best. One that the CPU
 * cannot run is lost at its start. BLIS 0.9 takes the numbers of its architectures, and any word for the first, skx. */
static const struct known {
    const char *name, *setting, *runner, *program, *operand;
} known[] = {
    {"naive", "", "", "naive", ""},
    {"openblas", "", "", "cblas", "libopenblas.so.0"},
    {"openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "", "cblas", "libopenblas.so.0"},
    {"openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "", "cblas", "libopenblas.so.0"},
    {"blis", "", "", "cblas", "libblis.so.4"},
    {"blis@skx", "BLIS_ARCH_TYPE=skx", "", "cblas", "libblis.so.4"},
    {"mkl", "", "", "cblas", "@lib/libmkl_rt.so.*"},
    {"scipy-openblas", "", "", "cblas", SCIPY_OPENBLAS},
    {"scipy-openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "", "cblas", SCIPY_OPENBLAS},
    {"scipy-openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "", "cblas", SCIPY_OPENBLAS},
    {"onednn2", "", "", "onednn", "libdnnl.so.2"},
    {"onednn3", UNBOUND, "", "onednn", "@lib/libdnnl.so.3"},
    {"onednn3-openmp", UNBOUND, "", "onednn", "@openmp/lib/libdnnl.so.3"},
    {"onednn3-openmp@avx2", UNBOUND " ONEDNN_MAX_CPU_ISA=AVX2", "", "onednn", "@openmp/lib/libdnnl.so.3"},
    {"onednn3@avx2", UNBOUND " ONEDNN_MAX_CPU_ISA=AVX2", "", "onednn", "@lib/libdnnl.so.3"},
    {"torch", "", "@bin/python", "frameworks", "torch"},
    {"torch-compile", "", "@bin/python", "frameworks", "torch-compile"},
    {"jax", "", "@bin/python", "frameworks", "jax"},
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
    if (access(path, R_OK) == 0) return true;
    return (size_t)snprintf(path, size, "%s/../libexec/gradkern/gradbench-peer-%s", own, name) < size;
}

/* What the table says, with the path of what was fetched. False: it was not. */
static bool find_fetched(const char *word, char *path, size_t size) {
    char pattern[PATH_MAX];
    const char *const folder = getenv("GRADBENCH_PEERS");
    glob_t found;
    if (*word != '@') return (size_t)snprintf(path, size, "%s", word) < size;
    snprintf(pattern, sizeof pattern, "%s/%s", folder ? folder : GB_PEERS_FETCHED, word + 1);
    if (glob(pattern, 0, NULL, &found) != 0) return false;
    const bool fits = (size_t)snprintf(path, size, "%s", found.gl_pathv[0]) < size;
    globfree(&found);
    return fits;
}

/* Adds a word in single quotes for the shell, if it is not empty. False: it cannot be quoted, or does not fit. */
static bool add_word(char *command, size_t size, const char *word) {
    const size_t used = strlen(command);
    if (!*word) return true;
    return !strchr(word, '\'') && (size_t)snprintf(command + used, size - used, " '%s'", word) < size - used;
}

/* A command that says why, for who cannot be started. */
static void set_command(const struct known *peer, char *command, size_t size) {
    char runner[PATH_MAX], program[PATH_MAX], operand[PATH_MAX];
    if (!find_fetched(peer->runner, runner, PATH_MAX) || !find_fetched(peer->operand, operand, PATH_MAX)) {
        snprintf(command, size, "echo 'absent not fetched: bash bench/peers/install %.*s'", (int)strcspn(peer->name, "@"),
                 peer->name);
        return;
    }
    snprintf(command, size, "env %s", peer->setting);
    if (find_program(peer->program, program, PATH_MAX) && add_word(command, size, runner) && add_word(command, size, program) &&
        add_word(command, size, operand))
        return;
    snprintf(command, size, "echo 'absent the path to it is too long, or has a quote in it'");
}

size_t gb_peer_catalog(struct gb_peer_entry entries[GB_PEERS_MAX]) {
    const size_t count = sizeof known / sizeof *known;
    for (size_t i = 0; i < count; i++) {
        snprintf(entries[i].name, sizeof entries[i].name, "%s", known[i].name);
        set_command(&known[i], entries[i].command, sizeof entries[i].command);
    }
    return count;
}
