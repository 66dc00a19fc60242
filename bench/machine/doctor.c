#include "doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cgroup.h"
#include "counters.h"
#include "pages.h"
#include "system_file.h"
#include "text.h"

#define CPU0 "/sys/devices/system/cpu/cpu0"

const char *const gb_health_words[GB_HEALTH_COUNT] = {
    [GB_HEALTH_GOOD] = "good", [GB_HEALTH_NOTE] = "note", [GB_HEALTH_BAD] = "bad", [GB_HEALTH_UNKNOWN] = "unknown"};

static enum gb_health say(char *text, enum gb_health health, const char *format, ...) __attribute__((format(printf, 3, 4)));
static enum gb_health say(char *text, enum gb_health health, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(text, GB_WARNING_MAX, format, list);
    va_end(list);
    return health;
}

static enum gb_health say_unread(char *text, const char *path) {
    return say(text, GB_HEALTH_UNKNOWN, "there is nothing to read in %s", path);
}

/* --- what is there before a measurement; each writes a text of GB_WARNING_MAX bytes */

static enum gb_health look_at_build(const struct gb_looking *l, char *text) {
    (void)l;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return say(text, GB_HEALTH_BAD, "built with a sanitizer: the times say nothing about the kernels");
#elif !defined(__OPTIMIZE__)
    return say(text, GB_HEALTH_BAD, "built without optimization: the times say nothing about the kernels");
#else
    return say(text, GB_HEALTH_GOOD, "optimized");
#endif
}

enum activity { ELSE, MEASURES, WAITS };

/* Is a process a gradbench that measures? A contender is told when to run. One of run --repeat waits for the process that it
 * has started. */
static enum activity activity_of(const char *root, const char *pid) {
    char path[300], *word = NULL;
    size_t size = 0;
    enum activity found = ELSE;
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    FILE *const file = gb_system_open(root, path);
    if (!file) return found;
    for (size_t i = 0; getdelim(&word, &size, '\0', file) > 0; i++) {
        const char *const slash = strrchr(word, '/');
        if (i == 0 && strcmp(slash ? slash + 1 : word, "gradbench") != 0) break;
        if (i == 1 && (strcmp(word, "run") == 0 || strcmp(word, "check") == 0 || strcmp(word, "info") == 0)) found = MEASURES;
        if (strcmp(word, "--no-roofs") == 0) found = ELSE; /* only info has it */
        if (found && strncmp(word, "--repeat", strlen("--repeat")) == 0) found = WAITS;
    }
    free(word);
    fclose(file);
    return found;
}

static DIR *open_folder(const char *root, const char *path) {
    char folder[GB_PATH_MAX];
    snprintf(folder, sizeof folder, "%s%s", root, path);
    return opendir(folder);
}

static const char company[] = "another gradbench";

static enum gb_health look_for_company(const struct gb_looking *l, char *text) {
    DIR *const processes = open_folder(l->system->root, "/proc");
    const struct dirent *entry;
    if (!processes) return say_unread(text, "/proc");
    enum gb_health health = say(text, GB_HEALTH_GOOD, "no other gradbench measures");
    while (health == GB_HEALTH_GOOD && (entry = readdir(processes))) {
        const char *const pid = entry->d_name;
        if (isdigit((unsigned char)pid[0]) && atol(pid) != (long)getpid() && activity_of(l->system->root, pid) == MEASURES)
            health = say(text, GB_HEALTH_BAD, "%s is running (process %.20s): each slows the other down", company, pid);
    }
    closedir(processes);
    return health;
}

/* Does the CPU say that a hypervisor runs it? 1, 0, or -1: it does not say. */
static int is_virtual(const char *root) {
    char *line = NULL;
    size_t size = 0;
    int found = -1;
    FILE *const file = gb_system_open(root, "/proc/cpuinfo");
    if (!file) return found;
    while (found != 1 && getline(&line, &size, file) > 0)
        if (strncmp(line, "flags", 5) == 0 && isspace((unsigned char)line[5])) found = strstr(line, " hypervisor") != NULL;
    free(line);
    fclose(file);
    return found;
}

static enum gb_health look_for_hypervisor(const struct gb_looking *l, char *text) {
    const int found = is_virtual(l->system->root);
    if (found < 0) return say_unread(text, "/proc/cpuinfo");
    if (found == 0) return say(text, GB_HEALTH_GOOD, "the CPU names no hypervisor");
    return say(text, GB_HEALTH_NOTE, "a virtual machine: clock rate and neighbours are out of sight; trust ratios of one run");
}

static enum gb_health look_at_governor(const struct gb_looking *l, char *text) {
    static const char path[] = CPU0 "/cpufreq/scaling_governor";
    char word[64];
    if (!gb_system_text(l->system->root, path, word, sizeof word)) return say_unread(text, path);
    if (strcmp(word, "performance") == 0) return say(text, GB_HEALTH_GOOD, "the frequency governor is performance");
    return say(text, GB_HEALTH_BAD, "the frequency governor is %s, not performance", word);
}

static enum gb_health look_at_turbo(const struct gb_looking *l, char *text) {
    static const struct {
        const char *path, *off;
    } files[] = {{"/sys/devices/system/cpu/intel_pstate/no_turbo", "1"}, {"/sys/devices/system/cpu/cpufreq/boost", "0"}};
    char word[8];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!gb_system_text(l->system->root, files[i].path, word, sizeof word)) continue;
        if (strcmp(word, files[i].off) == 0) return say(text, GB_HEALTH_GOOD, "turbo is off");
        return say(text, GB_HEALTH_NOTE, "turbo is on: the clock depends on heat and on how many cores work (%s)",
                   files[i].path);
    }
    return say_unread(text, files[1].path);
}

static enum gb_health look_at_siblings(const struct gb_looking *l, char *text) {
    const struct gb_machine *const m = l->system->machine;
    if (m->logical > m->cores)
        return say(text, GB_HEALTH_NOTE, "cores run %zu hardware threads: whatever runs on a sibling slows a core down",
                   m->logical / m->cores);
    if (is_virtual(l->system->root) == 1)
        return say(text, GB_HEALTH_UNKNOWN, "what a virtual machine shows as cores may be siblings of one");
    return say(text, GB_HEALTH_GOOD, "this process may use one hardware thread a core");
}

static enum gb_health look_at_quota(const struct gb_looking *l, char *text) {
    const double quota = l->system->machine->cpu_quota;
    if (quota <= 0) return say(text, GB_HEALTH_GOOD, "the cgroup may use all CPUs");
    if (quota >= (double)l->threads) return say(text, GB_HEALTH_GOOD, "the cgroup may use %.2f CPUs", quota);
    return say(text, GB_HEALTH_BAD, "the cgroup may use %.2f CPUs, fewer than %zu thread%s: it will be throttled", quota,
               l->threads, l->threads == 1 ? "" : "s");
}

static enum gb_health look_at_threads(const struct gb_looking *l, char *text) {
    const bool pu = l->bind == GB_BIND_PU;
    const size_t places = pu ? l->system->machine->logical : l->system->machine->cores;
    char threads[40], on[40];
    gb_count_text(l->threads, "thread", threads, sizeof threads);
    gb_count_text(places, pu ? "hardware thread" : "core", on, sizeof on);
    if (l->threads <= places) return say(text, GB_HEALTH_GOOD, "up to %s on %s", threads, on);
    return say(text, GB_HEALTH_BAD, "%s on %s: they are not bound and take turns", threads, on);
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

static enum gb_health look_at_variables(const struct gb_looking *l, char *text) {
    extern char **environ;
    (void)l;
    for (char **variable = environ; *variable; variable++)
        if (may_mislead(*variable))
            return say(text, GB_HEALTH_BAD,
                       "%.*s is set: cores and caches are what hwloc makes of it, perhaps not this machine's",
                       (int)strcspn(*variable, "="), *variable);
    return say(text, GB_HEALTH_GOOD, "no variable describes another machine to hwloc");
}

static enum gb_health look_at_topology(const struct gb_looking *l, char *text) {
    if (l->system->machine->known) return say(text, GB_HEALTH_GOOD, "hwloc reads cores and caches");
    return say(text, GB_HEALTH_BAD, "hwloc cannot read this machine: processors count as cores, caches are guessed");
}

static enum gb_health look_at_load(const struct gb_looking *l, char *text) {
    const double load = gb_system_number(l->system->root, "/proc/loadavg", "");
    const size_t cores = l->system->machine->machine_cores;
    char on[40], parent[24];
    snprintf(parent, sizeof parent, "%ld", (long)getppid());
    if (load < 0) return say_unread(text, "/proc/loadavg");
    if (activity_of(l->system->root, parent) == WAITS)
        return say(text, GB_HEALTH_GOOD, "the load average, %.2f, is that of run --repeat", load);
    gb_count_text(cores, "core", on, sizeof on);
    if (load <= 0.25 * (double)cores) return say(text, GB_HEALTH_GOOD, "the load average is %.2f on %s", load, on);
    return say(text, GB_HEALTH_BAD, "the load average is %.2f on %s: something else is running, or has just been", load, on);
}

static enum gb_health look_at_affinity(const struct gb_looking *l, char *text) {
    const size_t usable = l->system->machine->logical, online = l->system->online;
    if (online <= usable) return say(text, GB_HEALTH_GOOD, "this process may use every hardware thread");
    return say(text, GB_HEALTH_NOTE, "this process may use %zu of %zu hardware threads", usable, online);
}

/* The least that the clock moves between two readings, ns; 0: it stands. It is both what a reading costs and how fine it is. */
static double clock_step(const struct gb_clock *clock) {
    enum { READINGS = 1000 };
    double least = INFINITY, last = gb_clock_read(clock);
    for (int i = 0; i < READINGS; i++) {
        const double next = gb_clock_read(clock);
        if (next > last) least = fmin(least, next - last);
        last = next;
    }
    return isfinite(least) ? least : 0;
}

static enum gb_health look_at_clock(const struct gb_looking *l, char *text) {
    static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    char source[32];
    if (!l->system->clock) return say(text, GB_HEALTH_UNKNOWN, "the clock was not read");
    if (!gb_system_text(l->system->root, path, source, sizeof source)) strcpy(source, "of an unknown source");
    const double step = clock_step(l->system->clock);
    if (step == 0) return say(text, GB_HEALTH_BAD, "the clock (%s) stands still over a thousand readings", source);
    if (step > 1000) return say(text, GB_HEALTH_BAD, "the clock (%s) goes in steps of %.1f us", source, step / 1000);
    return say(text, GB_HEALTH_GOOD, "the clock (%s) goes in steps of %.0f ns", source, step);
}

static enum gb_health look_at_huge_pages(const struct gb_looking *l, char *text) {
    char word[32];
    if (!gb_system_choice(l->system->root, GB_HUGE_PAGES_FILE, word, sizeof word)) return say_unread(text, GB_HUGE_PAGES_FILE);
    if (strcmp(word, "never") != 0) return say(text, GB_HEALTH_GOOD, "transparent huge pages: %s", word);
    return say(text, GB_HEALTH_NOTE, "transparent huge pages: never. Large operands miss the TLB more than elsewhere");
}

static enum gb_health look_at_merging(const struct gb_looking *l, char *text) {
    static const char path[] = "/sys/kernel/mm/ksm/run";
    char word[8];
    if (!gb_system_text(l->system->root, path, word, sizeof word)) return say_unread(text, path);
    if (strcmp(word, "1") != 0) return say(text, GB_HEALTH_GOOD, "the kernel does not merge equal pages");
    return say(text, GB_HEALTH_NOTE,
               "the kernel looks for equal pages to merge (KSM): that takes CPU time and memory bandwidth");
}

static enum gb_health look_at_addresses(const struct gb_looking *l, char *text) {
    static const char path[] = "/proc/sys/kernel/randomize_va_space";
    char word[8];
    if (!gb_system_text(l->system->root, path, word, sizeof word)) return say_unread(text, path);
    if (strcmp(word, "0") != 0) return say(text, GB_HEALTH_GOOD, "addresses are others in each process");
    return say(text, GB_HEALTH_NOTE, "addresses are the same in every process: a difference may be of these alone");
}

static enum gb_health look_at_swap(const struct gb_looking *l, char *text) {
    const double all = gb_system_number(l->system->root, "/proc/meminfo", "SwapTotal:"),
                 left = gb_system_number(l->system->root, "/proc/meminfo", "SwapFree:");
    char used[24];
    if (all < 0 || left < 0) return say_unread(text, "/proc/meminfo");
    if (left >= all) return say(text, GB_HEALTH_GOOD, "no swap is in use");
    return say(text, GB_HEALTH_NOTE, "%s of swap are in use: memory was short",
               gb_bytes_text((all - left) * 1024, used, sizeof used));
}

static enum gb_health look_at_power(const struct gb_looking *l, char *text) {
    static const char supplies[] = "/sys/class/power_supply";
    DIR *const folder = open_folder(l->system->root, supplies);
    const struct dirent *entry;
    enum gb_health health = say_unread(text, supplies);
    while (folder && (entry = readdir(folder)) && health != GB_HEALTH_GOOD) {
        char path[400], word[32];
        snprintf(path, sizeof path, "%s/%s/online", supplies, entry->d_name);
        if (gb_system_text(l->system->root, path, word, sizeof word) && strcmp(word, "1") == 0)
            health = say(text, GB_HEALTH_GOOD, "on mains power (%.60s)", entry->d_name);
        snprintf(path, sizeof path, "%s/%s/status", supplies, entry->d_name);
        if (gb_system_text(l->system->root, path, word, sizeof word) && strcmp(word, "Discharging") == 0)
            health = say(text, GB_HEALTH_BAD, "on battery (%.60s): the clock is held down", entry->d_name);
    }
    if (folder) closedir(folder);
    return health;
}

/* All that run --counters asks for, or those that are not there, with the reason of the last. */
static enum gb_health look_at_counters(const struct gb_looking *l, char *text) {
    struct gb_counters counters;
    struct gb_names there = {.count = 0}, missing = {.count = 0};
    const char *reason = NULL;
    char list[GB_WARNING_MAX];
    if (!l->system->perf) return say(text, GB_HEALTH_UNKNOWN, "the counters were not asked");
    gb_counters_open(&counters, l->system->perf);
    for (enum gb_counter i = 0; i < GB_COUNTER_COUNT; i++) {
        const char *const why = gb_counters_missing(&counters, i);
        gb_names_add(why ? &missing : &there, gb_counter_name(i));
        if (why) reason = why;
    }
    gb_names_join(missing.count ? &missing : &there, list, sizeof list);
    const enum gb_health health =
        missing.count ? say(text, GB_HEALTH_NOTE, "not here: %s (%s)", list, reason) : say(text, GB_HEALTH_GOOD, "%s", list);
    gb_counters_close(&counters);
    return health;
}

/* --- what went on meanwhile */

static enum gb_health say_unwatched(char *text) {
    return say(text, GB_HEALTH_UNKNOWN, "not known before something is measured");
}

static double passed(const struct gb_looking *l) { return l->after->ticks.all - l->before->ticks.all; }

static enum gb_health look_at_steal(const struct gb_looking *l, char *text) {
    if (!l->before) return say_unwatched(text);
    const double all = passed(l), share = (l->after->ticks.stolen - l->before->ticks.stolen) / all;
    if (all <= 0) return say_unread(text, "/proc/stat");
    if (share > 0.002)
        return say(text, GB_HEALTH_BAD, "the hypervisor took %.1f %% of the CPU time during the run (steal)", 100 * share);
    return say(text, GB_HEALTH_GOOD, "no CPU time was taken by a hypervisor (steal)");
}

/* The measurement's own time is not in it. */
static enum gb_health look_at_others(const struct gb_looking *l, char *text) {
    if (!l->before) return say_unwatched(text);
    const struct gb_ticks *const before = &l->before->ticks, *const after = &l->after->ticks;
    const double all = passed(l), idle = after->idle - before->idle, stolen = after->stolen - before->stolen,
                 others = fmax(all - idle - stolen - (l->after->own - l->before->own), 0);
    if (all <= 0 || l->before->own < 0) return say_unread(text, "/proc/stat, /proc/self/stat");
    const double cpus = others / all * (double)l->system->online;
    if (cpus > 0.1) return say(text, GB_HEALTH_BAD, "others took %.2f of %zu CPUs meanwhile", cpus, l->system->online);
    return say(text, GB_HEALTH_GOOD, "others took %.2f of %zu CPUs meanwhile", cpus, l->system->online);
}

/* Of what is counted since the start of the system. */
static enum gb_health say_risen(char *text, const char *path, double before, double after, const char *what) {
    if (before < 0 || after < 0) return say_unread(text, path);
    const double times = after - before;
    if (times > 0) return say(text, GB_HEALTH_BAD, "%s %.0f time%s during the run", what, times, times == 1 ? "" : "s");
    return say(text, GB_HEALTH_GOOD, "not once meanwhile");
}

static enum gb_health look_at_throttling(const struct gb_looking *l, char *text) {
    if (l->system->machine->cpu_quota <= 0) return say(text, GB_HEALTH_GOOD, "the cgroup has no quota");
    if (!l->before) return say_unwatched(text);
    return say_risen(text, "cpu.stat of the cgroup", l->before->throttled, l->after->throttled,
                     "the cgroup's quota ran out, and all threads were stopped,");
}

static enum gb_health look_at_heat(const struct gb_looking *l, char *text) {
    if (!l->before) return say_unwatched(text);
    return say_risen(text, CPU0 "/thermal_throttle", l->before->overheated, l->after->overheated,
                     "cores were slowed down for their heat");
}

static enum gb_health look_at_swapping(const struct gb_looking *l, char *text) {
    if (!l->before) return say_unwatched(text);
    return say_risen(text, "/proc/vmstat", l->before->swapped, l->after->swapped, "pages were swapped");
}

/* --- the table */

enum telling {
    NOT_TOLD,
    TOLD_BEFORE,
    TOLD_AFTER
}; /* by run: what matters to it, before the first problem and after the last */

static const struct check {
    const char *name;
    enum gb_health (*look)(const struct gb_looking *l, char *text);
    enum telling telling;
    const char *advice;
} checks[] = {
    {"build", look_at_build, TOLD_BEFORE, "cmake --preset release"},
    {"company", look_for_company, TOLD_BEFORE, "let one end before the next begins"},
    {"hypervisor", look_for_hypervisor, TOLD_BEFORE,
     "compare what one run has timed side by side; for speeds use a machine of your own"},
    {"governor", look_at_governor, TOLD_BEFORE, "sudo cpupower frequency-set -g performance"},
    {"turbo", look_at_turbo, NOT_TOLD, "for speeds that recur turn it off there, as root; ratios of one run do without"},
    {"siblings", look_at_siblings, TOLD_BEFORE,
     "leave the siblings idle; or turn SMT off: echo off > /sys/devices/system/cpu/smt/control"},
    {"quota", look_at_quota, TOLD_BEFORE, "--threads of as many as the quota, or a larger one: docker run --cpus"},
    {"threads", look_at_threads, TOLD_BEFORE,
     "--threads of at most the cores, or OMP_NUM_THREADS; run --bind pu takes all hardware threads"},
    {"variables", look_at_variables, TOLD_BEFORE, "unset it"},
    {"topology", look_at_topology, TOLD_BEFORE, "mount /sys; HWLOC_DEBUG_VERBOSE=1 says more"},
    {"load", look_at_load, TOLD_BEFORE, "stop what top shows; the average needs a minute to fall"},
    {"affinity", look_at_affinity, TOLD_BEFORE, "taskset or the container's cpuset keeps the others away: meant so?"},
    {"clock", look_at_clock, TOLD_BEFORE, "boot with clocksource=tsc, or take longer samples"},
    {"huge pages", look_at_huge_pages, NOT_TOLD, "echo madvise > " GB_HUGE_PAGES_FILE},
    {"merging", look_at_merging, NOT_TOLD, "echo 0 > /sys/kernel/mm/ksm/run"},
    {"addresses", look_at_addresses, NOT_TOLD, "sysctl kernel.randomize_va_space=2"},
    {"swap", look_at_swap, NOT_TOLD, "swapoff -a while measuring"},
    {"power", look_at_power, TOLD_BEFORE, "plug it in"},
    {"counters", look_at_counters, NOT_TOLD,
     "run --counters goes without; what is not allowed, sysctl kernel.perf_event_paranoid=1 allows"},
    {"steal", look_at_steal, TOLD_AFTER, "another time, or a machine of your own; --rounds 101 narrows the intervals"},
    {"others", look_at_others, NOT_TOLD, "stop what top shows"},
    {"throttling", look_at_throttling, TOLD_AFTER, "fewer threads, or a larger quota"},
    {"heat", look_at_heat, TOLD_AFTER, "cool it, or turn turbo off"},
    {"swapping", look_at_swapping, TOLD_AFTER, "smaller problems, or more memory"},
};

size_t gb_checks(void) { return sizeof checks / sizeof *checks; }

struct gb_finding gb_check_system(const struct gb_looking *looking, size_t check) {
    struct gb_finding finding = {.name = checks[check].name};
    finding.health = checks[check].look(looking, finding.text);
    if (finding.health == GB_HEALTH_NOTE || finding.health == GB_HEALTH_BAD) finding.advice = checks[check].advice;
    return finding;
}

struct gb_finding gb_check_here(size_t threads, enum gb_bind bind, const struct gb_pulse *before, const struct gb_pulse *after,
                                size_t check) {
    const struct gb_system here = gb_this_system();
    return gb_check_system(&(struct gb_looking){&here, threads, bind, before, after}, check);
}

static void warn(const struct gb_looking *looking, struct gb_warnings *warnings, size_t check) {
    const struct gb_finding finding = gb_check_system(looking, check);
    if (finding.advice) gb_warn(warnings, "%s", finding.text);
}

static void warn_all(const struct gb_looking *looking, struct gb_warnings *warnings, enum telling telling) {
    for (size_t i = 0; i < gb_checks(); i++)
        if (checks[i].telling == telling) warn(looking, warnings, i);
}

void gb_system_warn(const struct gb_system *system, struct gb_warnings *warnings, size_t threads, enum gb_bind bind) {
    warn_all(&(struct gb_looking){.system = system, .threads = threads, .bind = bind}, warnings, TOLD_BEFORE);
}

void gb_environment_warn(struct gb_warnings *warnings, size_t threads, enum gb_bind bind) {
    const struct gb_system here = gb_this_system();
    gb_system_warn(&here, warnings, threads, bind);
}

static bool is_told(const struct gb_warnings *warnings, const char *start) {
    for (size_t i = 0; i < warnings->count; i++)
        if (strncmp(warnings->list[i], start, strlen(start)) == 0) return true;
    return false;
}

void gb_system_warn_company(const struct gb_system *system, struct gb_warnings *warnings) {
    for (size_t i = 0; i < gb_checks() && !is_told(warnings, company); i++)
        if (checks[i].look == look_for_company) warn(&(struct gb_looking){.system = system}, warnings, i);
}

void gb_company_warn(struct gb_warnings *warnings) {
    const struct gb_system here = gb_this_system();
    gb_system_warn_company(&here, warnings);
}

void gb_pulse_warn(struct gb_warnings *warnings, const struct gb_pulse *before, const struct gb_pulse *after) {
    const struct gb_system here = gb_this_system();
    warn_all(&(struct gb_looking){.system = &here, .before = before, .after = after}, warnings, TOLD_AFTER);
}

/* --- the pulse */

/* utime, stime, cutime and cstime: after the name, which may hold anything, come the state and ten numbers. */
static double own_ticks(const char *root) {
    enum { BEFORE = 10, TIMES = 4 };
    char text[1024];
    double sum = 0;
    gb_system_text(root, "/proc/self/stat", text, sizeof text);
    char *next = strrchr(text, ')');
    if (!next || strlen(next) < 4) return -1;
    next += 3;
    for (int i = 0; i < BEFORE + TIMES; i++) {
        const double value = strtod(next, &next);
        if (i >= BEFORE) sum += value;
    }
    return sum;
}

static void add_throttled(void *into, const char *folder, int version) {
    double *const sum = into;
    const double times = gb_system_number(folder, "/cpu.stat", "nr_throttled ");
    (void)version; /* the file is the same in both */
    if (times >= 0) *sum = fmax(*sum, 0) + times;
}

static double overheated(const struct gb_system *system) {
    double sum = -1;
    for (size_t cpu = 0; cpu < system->online; cpu++) {
        char path[128];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/thermal_throttle/core_throttle_count", cpu);
        const double times = gb_system_number(system->root, path, "");
        if (times >= 0) sum = fmax(sum, 0) + times;
    }
    return sum;
}

struct gb_pulse gb_system_pulse(const struct gb_system *system) {
    struct gb_pulse pulse = {.ticks = gb_system_ticks(system), .own = own_ticks(system->root), .throttled = -1};
    const double in = gb_system_number(system->root, "/proc/vmstat", "pswpin "),
                 out = gb_system_number(system->root, "/proc/vmstat", "pswpout ");
    gk_cgroup_visit_all(system->root, "cpu", add_throttled, &pulse.throttled);
    pulse.overheated = overheated(system);
    pulse.swapped = in < 0 || out < 0 ? -1 : in + out;
    return pulse;
}

struct gb_pulse gb_pulse_read(void) {
    const struct gb_system here = gb_this_system();
    return gb_system_pulse(&here);
}
