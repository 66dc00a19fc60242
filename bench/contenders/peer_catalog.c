#include "peer_catalog.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

/* oneDNN 3 counts the cores that the first thread may use, which OpenMP has bound to one by then. */
#define UNBOUND "-u OMP_PROC_BIND -u OMP_PLACES"

static const struct package {
    const char *name, *from, *packages, *file, *size;
} packages[] = {
#define GB_PACKAGE(name, from, packages, file, size) {name, from, packages, file, size},
#include "../peers/packages.def"
#undef GB_PACKAGE
};

/* NAME, SETTING (arguments of env), PROGRAM, PACKAGE (or ""), OPERAND (NULL: the package's file; a program that has a package
 * and an operand of its own is run by the virtual environment's Python). Detection by model number or maker makes these
 * libraries take kernels for a smaller machine: so each is raced at its default and at the settings that could be its best.
 * One that the CPU cannot run is gone at its start. BLIS 0.9 takes the numbers of its architectures, and any word for the
 * first, skx. */
static const struct known {
    const char *name, *setting, *program, *package, *operand;
} known[] = {
    {"naive", "", "naive", "", ""},
    {"openblas", "", "cblas", "openblas", NULL},
    {"openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "cblas", "openblas", NULL},
    {"openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "cblas", "openblas", NULL},
    {"blis", "", "cblas", "blis", NULL},
    {"blis@skx", "BLIS_ARCH_TYPE=skx", "cblas", "blis", NULL},
    {"mkl", "", "cblas", "mkl", NULL},
    {"scipy-openblas", "", "cblas", "scipy-openblas", NULL},
    {"scipy-openblas@haswell", "OPENBLAS_CORETYPE=HASWELL", "cblas", "scipy-openblas", NULL},
    {"scipy-openblas@skylakex", "OPENBLAS_CORETYPE=SKYLAKEX", "cblas", "scipy-openblas", NULL},
    {"onednn2", "", "onednn", "onednn2", NULL},
    {"onednn3", UNBOUND, "onednn", "onednn3", NULL},
    {"onednn3-openmp", UNBOUND, "onednn", "onednn3-openmp", NULL},
    {"onednn3-openmp@avx2", UNBOUND " ONEDNN_MAX_CPU_ISA=AVX2", "onednn", "onednn3-openmp", NULL},
    {"onednn3@avx2", UNBOUND " ONEDNN_MAX_CPU_ISA=AVX2", "onednn", "onednn3", NULL},
    {"torch", "", "frameworks", "torch", "torch"},
    {"torch-compile", "", "frameworks", "torch", "torch-compile"},
    {"jax", "", "frameworks", "jax", "jax"},
};

bool gb_peer_programs(char *folder, size_t size, bool *installed) {
    char own[PATH_MAX], beside[PATH_MAX + 32];
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *const slash = strrchr(own, '/');
    if (slash) *slash = '\0';
    snprintf(beside, sizeof beside, "%s/gradbench-peer-naive", own);
    *installed = access(beside, R_OK) != 0;
    return slash && (size_t)snprintf(folder, size, *installed ? "%s/../libexec/gradkern" : "%s", own) < size;
}

/* A path below the folder of what was fetched; it may hold *. False: it was not. */
static bool find_fetched(const char *file, char *path, size_t size) {
    char pattern[PATH_MAX];
    const char *const folder = gb_environment_get("GRADBENCH_PEERS");
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/%s", folder ? folder : GB_PEERS_FETCHED, file);
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

static const struct package *package_of(const struct known *peer) {
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
        if (strcmp(packages[i].name, peer->package) == 0) return &packages[i];
    return NULL;
}

/* A command that says why, for who cannot be started. */
static void set_command(const struct known *peer, const char *programs, char *command, size_t size) {
    char runner[PATH_MAX] = "", program[PATH_MAX], file[PATH_MAX] = "";
    const struct package *const package = package_of(peer);
    const bool python = package && peer->operand, from_system = package && strcmp(package->from, "apt") == 0;
    if (from_system) snprintf(file, sizeof file, "%s", package->file);
    else if (package &&
             !(find_fetched(package->file, file, PATH_MAX) && (!python || find_fetched("bin/python", runner, PATH_MAX)))) {
        snprintf(command, size, "echo 'absent not fetched'");
        return;
    }
    snprintf(command, size, "env %s", peer->setting);
    if ((size_t)snprintf(program, sizeof program, "%s/gradbench-peer-%s", programs, peer->program) < sizeof program &&
        add_word(command, size, runner) && add_word(command, size, program) &&
        add_word(command, size, peer->operand ? peer->operand : file))
        return;
    snprintf(command, size, "echo 'absent the path to it is too long, or has a quote in it'");
}

/* An installed gradbench has no script to name. */
static void set_advice(const struct package *package, bool installed, char *advice, size_t size) {
    const char *const apart = strcmp(package->from, "prefix") == 0 ? "--prefix DIR/openmp " : "";
    if (!installed) snprintf(advice, size, "%s %s", GB_PEERS_INSTALL, package->name);
    else if (strcmp(package->from, "apt") == 0)
        snprintf(advice, size, "Debian's package %s has it, about %s", package->packages, package->size);
    else
        snprintf(advice, size, "python3 -m venv DIR; DIR/bin/pip install %s%s, about %s; GRADBENCH_PEERS=DIR", apart,
                 package->packages, package->size);
}

size_t gb_peer_catalog(struct gb_peer_entry entries[GB_PEERS_MAX]) {
    const size_t count = sizeof known / sizeof *known;
    char programs[PATH_MAX];
    bool installed;
    const bool found = gb_peer_programs(programs, sizeof programs, &installed);
    for (size_t i = 0; i < count; i++) {
        const struct package *const package = package_of(&known[i]);
        entries[i] = (struct gb_peer_entry){.command = "echo 'absent the folder of the programs of peers is not known'"};
        snprintf(entries[i].name, sizeof entries[i].name, "%s", known[i].name);
        if (found) set_command(&known[i], programs, entries[i].command, sizeof entries[i].command);
        if (package) set_advice(package, installed, entries[i].advice, sizeof entries[i].advice);
    }
    return count;
}

void gb_peer_explain(const struct gb_peer_entry *entry, const struct gb_contender *contender, char text[GB_PEER_REASON_MAX]) {
    const bool advised = contender->state == GB_CONTENDER_ABSENT && *entry->advice;
    snprintf(text, GB_PEER_REASON_MAX, advised ? "%s (%s)" : "%s", contender->reason, entry->advice);
}
