#include "environment.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/cgroup.h"
#include "message.h"
#include "text.h"

void gb_warn(struct gb_warnings *warnings, const char *format, ...) {
    if (warnings->count == GB_WARNINGS_MAX) return;
    va_list list;
    va_start(list, format);
    vsnprintf(warnings->list[warnings->count++], GB_WARNING_MAX, format, list);
    va_end(list);
}

static struct gb_system this_system(void) {
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &limit);
    return (struct gb_system){"", gb_machine_get(), (size_t)sysconf(_SC_NPROCESSORS_ONLN), (double)limit.rlim_cur};
}

static FILE *open_below(const char *root, const char *path) {
    char whole[GB_PATH_MAX];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    return fopen(whole, "re");
}

/* The first bytes of a small file, without the newline at its end; "" if there is none. */
static const char *read_text(const char *root, const char *path, char *text, size_t size) {
    FILE *const file = open_below(root, path);
    text[0] = '\0';
    if (!file) return text;
    const size_t got = fread(text, 1, size - 1, file);
    fclose(file);
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* The number after a key at the start of a line, such as "MemAvailable:"; -1: not found. */
static double read_number(const char *root, const char *path, const char *key) {
    char line[256];
    double number = -1;
    FILE *const file = open_below(root, path);
    if (!file) return number;
    while (number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) number = strtod(line + strlen(key), NULL);
    fclose(file);
    return number;
}

static bool virtual_machine(const char *root) {
    char line[8192];
    bool found = false;
    FILE *const file = open_below(root, "/proc/cpuinfo");
    if (!file) return false;
    while (!found && fgets(line, sizeof line, file)) found = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
    fclose(file);
    return found;
}

static void warn_build(struct gb_warnings *warnings) {
#ifndef __OPTIMIZE__
    gb_warn(warnings, "built without optimization: the times say nothing about the kernels");
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    gb_warn(warnings, "built with a sanitizer: the times say nothing about the kernels");
#endif
    (void)warnings;
}

/* "NAME=value": may hwloc describe another machine for it than this one? Not for one that is empty or only prints. */
static bool may_mislead(const char *variable) {
    static const char *const only_print[] = {"HIDE_ERRORS",     "DEBUG_VERBOSE", "COMPONENTS_VERBOSE",
                                             "PLUGINS_VERBOSE", "XML_VERBOSE",   "SYNTHETIC_VERBOSE"};
    static const char prefix[] = "HWLOC_";
    if (strncmp(variable, prefix, sizeof prefix - 1) != 0) return false;
    const char *const name = variable + sizeof prefix - 1;
    const size_t length = strcspn(name, "=");
    if (name[length] == '\0' || name[length + 1] == '\0') return false;
    for (size_t i = 0; i < sizeof only_print / sizeof *only_print; i++)
        if (strlen(only_print[i]) == length && strncmp(name, only_print[i], length) == 0) return false;
    return true;
}

static void warn_hwloc(struct gb_warnings *warnings, bool known) {
    extern char **environ;
    for (char **variable = environ; *variable; variable++)
        if (may_mislead(*variable))
            gb_warn(warnings, "%.*s is set: cores and caches are what hwloc makes of it, perhaps not this machine's",
                    (int)strcspn(*variable, "="), *variable);
    if (!known) gb_warn(warnings, "hwloc cannot read this machine: processors count as cores, caches are guessed");
}

/* Is this process a gradbench that measures? Not a contender: that is told when to run. */
static bool measures(const char *root, const char *pid) {
    char path[300], *word = NULL;
    size_t size = 0;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    FILE *const file = open_below(root, path);
    if (!file) return false;
    for (size_t i = 0; getdelim(&word, &size, '\0', file) > 0; i++) {
        const char *const slash = strrchr(word, '/');
        if (i == 0 && strcmp(slash ? slash + 1 : word, "gradbench") != 0) break;
        if (i == 1) found = strcmp(word, "run") == 0 || strcmp(word, "check") == 0 || strcmp(word, "info") == 0;
        if (strcmp(word, "--no-roofs") == 0) found = false; /* only info has it */
    }
    free(word);
    fclose(file);
    return found;
}

static const char company[] = "another gradbench";

static bool is_told(const struct gb_warnings *warnings, const char *start) {
    for (size_t i = 0; i < warnings->count; i++)
        if (strncmp(warnings->list[i], start, strlen(start)) == 0) return true;
    return false;
}

void gb_system_warn_company(const struct gb_system *system, struct gb_warnings *warnings) {
    char folder[GB_PATH_MAX];
    if (is_told(warnings, company)) return;
    snprintf(folder, sizeof folder, "%s/proc", system->root);
    DIR *const processes = opendir(folder);
    const struct dirent *entry;
    bool found = false;
    while (processes && !found && (entry = readdir(processes))) {
        const char *const pid = entry->d_name;
        found = isdigit((unsigned char)pid[0]) && atol(pid) != (long)getpid() && measures(system->root, pid);
        if (found) gb_warn(warnings, "%s is running (process %.20s): each slows the other down", company, pid);
    }
    if (processes) closedir(processes);
}

void gb_system_warn(const struct gb_system *system, struct gb_warnings *warnings, size_t threads) {
    const struct gb_machine *const machine = system->machine;
    char text[64];
    warn_build(warnings);
    gb_system_warn_company(system, warnings);
    if (virtual_machine(system->root))
        gb_warn(warnings, "a virtual machine: clock rate and neighbours are out of sight; trust ratios of one run");
    read_text(system->root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text, sizeof text);
    if (*text && strcmp(text, "performance") != 0) gb_warn(warnings, "the frequency governor is %s, not performance", text);
    if (machine->logical > machine->cores)
        gb_warn(warnings, "cores run %zu hardware threads: whatever runs on a sibling slows a core down",
                machine->logical / machine->cores);
    if (machine->cpu_quota > 0 && machine->cpu_quota < (double)threads)
        gb_warn(warnings, "the cgroup may use %.2f CPUs, fewer than %zu thread%s: it will be throttled", machine->cpu_quota,
                threads, threads == 1 ? "" : "s");
    if (threads > machine->cores)
        gb_warn(warnings, "%zu threads on %s: they are not bound and take turns", threads,
                gb_count_text(machine->cores, "core", text, sizeof text));
    warn_hwloc(warnings, machine->known);
    const double load = read_number(system->root, "/proc/loadavg", "");
    if (load > 0.25 * (double)machine->machine_cores)
        gb_warn(warnings, "the load average is %.2f on %s: something else is running, or has just been", load,
                gb_count_text(machine->machine_cores, "core", text, sizeof text));
    if (system->online > machine->logical)
        gb_warn(warnings, "this process may use %zu of %zu hardware threads", machine->logical, system->online);
}

void gb_environment_warn(struct gb_warnings *warnings, size_t threads) {
    const struct gb_system here = this_system();
    gb_system_warn(&here, warnings, threads);
}

void gb_company_warn(struct gb_warnings *warnings) {
    const struct gb_system here = this_system();
    gb_system_warn_company(&here, warnings);
}

struct gb_ticks gb_system_ticks(const struct gb_system *system) {
    enum { FIELDS = 8, STEAL = 7 }; /* user nice system idle iowait irq softirq steal */
    struct gb_ticks ticks = {0, 0};
    char text[512];
    read_text(system->root, "/proc/stat", text, sizeof text);
    char *next = text + strcspn(text, " ");
    for (int i = 0; i < FIELDS; i++) {
        const double value = strtod(next, &next);
        ticks.all += value;
        if (i == STEAL) ticks.stolen = value;
    }
    return ticks;
}

struct gb_ticks gb_ticks_read(void) {
    const struct gb_system here = this_system();
    return gb_system_ticks(&here);
}

void gb_steal_warn(struct gb_warnings *warnings, struct gb_ticks before, struct gb_ticks after) {
    const double all = after.all - before.all, share = all > 0 ? (after.stolen - before.stolen) / all : 0;
    if (share > 0.002) gb_warn(warnings, "the hypervisor took %.1f %% of the CPU time during the run (steal)", 100 * share);
}

/* What a group may still take; page cache that nobody uses is given back before memory runs out. */
static void take_room(void *into, const char *folder, int version) {
    char number[64];
    double *const left = into;
    if (!gk_cgroup_read(folder, version == 2 ? "memory.max" : "memory.limit_in_bytes", number, sizeof number)) return;
    if (*number < '0' || *number > '9') return;
    const double most = strtod(number, NULL);
    if (!gk_cgroup_read(folder, version == 2 ? "memory.current" : "memory.usage_in_bytes", number, sizeof number)) return;
    const double cache = read_number(folder, "/memory.stat", version == 2 ? "inactive_file " : "total_inactive_file ");
    *left = fmax(fmin(*left, most - strtod(number, NULL) + fmax(cache, 0)), 0);
}

struct gb_memory gb_system_memory(const struct gb_system *system) {
    struct gb_memory memory = {1e18, "no known limit"};
    const double available = read_number(system->root, "/proc/meminfo", "MemAvailable:") * 1024;
    if (available >= 0) memory = (struct gb_memory){available, "available on this machine"};
    double group = memory.bytes;
    gk_cgroup_visit_all(system->root, "memory", take_room, &group);
    if (group < memory.bytes) memory = (struct gb_memory){group, "left to the cgroup"};
    const double used = read_number(system->root, "/proc/self/status", "VmSize:") * 1024;
    const double left = fmax(system->address_space - fmax(used, 0), 0);
    if (left < memory.bytes) memory = (struct gb_memory){left, "left of the address space, ulimit -v"};
    return memory;
}

struct gb_memory gb_memory_available(void) {
    const struct gb_system here = this_system();
    return gb_system_memory(&here);
}

const char *gb_environment_get(const char *name) {
    const char *const value = getenv(name);
    return value && *value ? value : NULL;
}

const struct gb_variable gb_variables[GB_VARIABLES] = {
    {"GRADKERN_ISA", "the widest instruction set to use"},
    {"GRADKERN_VERBOSE", "1: the library says on standard error what it chose"},
    {"GRADKERN_INSTALL", "0: bench/run and tests/run install nothing"},
    {"GRADKERN_BUILD", "the folder that bench/run and tests/run build in"},
    {"GRADBENCH_WORKLOADS", "the folder of the workloads"},
    {"GRADBENCH_BASELINES", "the folder of the baselines"},
    {"GRADBENCH_PEERS", "the folder of the peers that bench/peers/install fetched"},
};

/* The part of a name that tells it from the others: what comes after GRADKERN_ or GRADBENCH_. */
static const char *after_prefix(const char *name) { return strchr(name, '_') + 1; }

/* A misspelt one would be obeyed by nobody, in silence. */
static void warn_unread(void) {
    extern char **environ;
    struct gb_names known = {.count = 0};
    for (size_t i = 0; i < GB_VARIABLES; i++) gb_names_add(&known, after_prefix(gb_variables[i].name));
    for (char **variable = environ; *variable; variable++) {
        char name[64];
        const char *guess = NULL;
        bool read = false;
        if (strncmp(*variable, "GRADKERN_", 9) != 0 && strncmp(*variable, "GRADBENCH_", 10) != 0) continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*variable, "="), *variable);
        const char *const nearest = gb_names_nearest(&known, after_prefix(name));
        for (size_t i = 0; i < GB_VARIABLES; i++) {
            read = read || strcmp(gb_variables[i].name, name) == 0;
            if (nearest && strcmp(after_prefix(gb_variables[i].name), nearest) == 0) guess = gb_variables[i].name;
        }
        if (read) continue;
        if (guess) gb_note("warning: nobody reads the variable %s (did you mean %s?)", name, guess);
        else gb_note("warning: nobody reads the variable %s", name);
    }
}

int gb_environment_check(void) {
    char text[300];
    const char *const isa = gk_isa_cap(), *const omp = gb_environment_get("OMP_NUM_THREADS");
    const struct gb_names isas = gb_isa_names();
    warn_unread();
    if (isa && gk_isa_find(isa) < 0)
        return gb_fail(GB_EXIT_ISA, "GRADKERN_ISA names no instruction set (got '%.80s', allowed: %s)", isa,
                       gb_names_join(&isas, text, sizeof text));
    if (isa && gk_isa_unusable((size_t)gk_isa_find(isa)))
        return gb_fail(GB_EXIT_ISA, "GRADKERN_ISA is %s: %s", isa, gk_isa_unusable((size_t)gk_isa_find(isa)));
    if (gb_threads_default() == 0)
        return gb_fail(GB_EXIT_USAGE, "OMP_NUM_THREADS must be a whole number of at least 1 (got '%.80s')", omp ? omp : "");
    return GB_EXIT_OK;
}
