#include "environment.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/cgroup.h"
#include "message.h"
#include "system_file.h"
#include "text.h"

void gb_warn_once(struct gb_warnings *warnings, const char *text) {
    size_t i = 0;
    while (i < warnings->count && strncmp(warnings->list[i], text, GB_WARNING_MAX - 1) != 0) i++;
    if (i == warnings->count) gb_warn(warnings, "%s", text);
}

void gb_warn(struct gb_warnings *warnings, const char *format, ...) {
    if (warnings->count == GB_WARNINGS_MAX) return;
    va_list list;
    va_start(list, format);
    vsnprintf(warnings->list[warnings->count++], GB_WARNING_MAX, format, list);
    va_end(list);
}

struct gb_system gb_this_system(void) {
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &limit);
    return (struct gb_system){.root = "",
                              .machine = gb_machine_get(),
                              .online = (size_t)sysconf(_SC_NPROCESSORS_ONLN),
                              .address_space = (double)limit.rlim_cur,
                              .clock = &gb_real_clock,
                              .perf = &gb_real_perf};
}

struct gb_ticks gb_system_ticks(const struct gb_system *system) {
    enum { IDLE = 3, IOWAIT, STEAL = 7, FIELDS }; /* user nice system idle iowait irq softirq steal */
    struct gb_ticks ticks = {.all = 0};
    char text[512];
    gb_system_text(system->root, "/proc/stat", text, sizeof text);
    char *next = text + strcspn(text, " ");
    for (int i = 0; i < FIELDS; i++) {
        const double value = strtod(next, &next);
        ticks.all += value;
        if (i == IDLE || i == IOWAIT) ticks.idle += value;
        if (i == STEAL) ticks.stolen = value;
    }
    return ticks;
}

/* What a group may still take; page cache that nobody uses is given back before memory runs out. */
static void take_room(void *into, const char *folder, int version) {
    char number[64];
    double *const left = into;
    if (!gk_cgroup_read(folder, version == 2 ? "memory.max" : "memory.limit_in_bytes", number, sizeof number)) return;
    if (*number < '0' || *number > '9') return;
    const double most = strtod(number, NULL);
    if (!gk_cgroup_read(folder, version == 2 ? "memory.current" : "memory.usage_in_bytes", number, sizeof number)) return;
    const double cache = gb_system_number(folder, "/memory.stat", version == 2 ? "inactive_file " : "total_inactive_file ");
    *left = fmax(fmin(*left, most - strtod(number, NULL) + fmax(cache, 0)), 0);
}

struct gb_memory gb_system_memory(const struct gb_system *system) {
    struct gb_memory memory = {1e18, "no known limit"};
    const double available = gb_system_number(system->root, "/proc/meminfo", "MemAvailable:") * 1024;
    if (available >= 0) memory = (struct gb_memory){available, "available on this machine"};
    double group = memory.bytes;
    gk_cgroup_visit_all(system->root, "memory", take_room, &group);
    if (group < memory.bytes) memory = (struct gb_memory){group, "left to the cgroup"};
    const double used = gb_system_number(system->root, "/proc/self/status", "VmSize:") * 1024;
    const double left = fmax(system->address_space - fmax(used, 0), 0);
    if (left < memory.bytes) memory = (struct gb_memory){left, "left of the address space, ulimit -v"};
    return memory;
}

struct gb_memory gb_memory_available(void) {
    const struct gb_system here = gb_this_system();
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
