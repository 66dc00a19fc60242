/* Every check of gradbench info on folders of known files: what it says, how good it is, and what to do. */
#include <errno.h>
#include <linux/perf_event.h>

#include "doctor.h"
#include "support.h"
#include "support_tree.h"

static char root[SUPPORT_ROOT_MAX];

static const struct gb_machine quiet_machine = {.cores = 2, .logical = 2, .machine_cores = 2, .known = true};

static double clock_time, clock_step;
static double tick(void *self) {
    (void)self;
    return clock_time += clock_step;
}
static const struct gb_clock stepping = {tick, NULL};

static int missing; /* counters of that type (PERF_TYPE_), -1: none */
static size_t opened, closed;
static int open_counter(const struct perf_event_attr *attr, int group) {
    (void)group;
    opened += (int)attr->type != missing;
    return (int)attr->type == missing ? -ENOENT : 1;
}
static void close_counter(int fd) { closed += fd == 1; }
static const struct gb_perf counting = {.open = open_counter, .close = close_counter, .root = root}, *perf;

static size_t threads = 2;
static enum gb_bind bound = GB_BIND_CORE;

/* The finding of a name. */
static struct gb_finding find(const char *name, const struct gb_machine *machine, const struct gb_pulse *before,
                              const struct gb_pulse *after) {
    const struct gb_system system = {.root = root, .machine = machine, .online = 2, .clock = &stepping, .perf = perf};
    const struct gb_looking looking = {&system, threads, bound, before, after};
    for (size_t i = 0; i < gb_checks(); i++) {
        const struct gb_finding finding = gb_check_system(&looking, i);
        if (strcmp(finding.name, name) == 0) return finding;
    }
    fail_msg("no check is called %s", name);
    return (struct gb_finding){.name = NULL};
}

/* Advice comes with what is bad or to be known, and only with that. */
static void assert_found(const char *what, const struct gb_finding *found, enum gb_health health, const char *text) {
    if (found->health != health || strcmp(found->text, text) != 0)
        fail_msg("%s: %s, '%s' instead of %s, '%s'", what, gb_health_words[found->health], found->text, gb_health_words[health],
                 text);
    assert_int_equal(found->advice != NULL, health == GB_HEALTH_NOTE || health == GB_HEALTH_BAD);
}

#define CPU     "/sys/devices/system/cpu/"
#define NOTHING "there is nothing to read in "
#define GOOD    GB_HEALTH_GOOD
#define NOTE    GB_HEALTH_NOTE
#define BAD     GB_HEALTH_BAD
#define UNKNOWN GB_HEALTH_UNKNOWN

static void files(void **state) {
    (void)state;
    static const struct {
        const char *name, *path, *contents;
        enum gb_health health;
        const char *text;
    } cases[] = {
        {"company", "/proc/x", "", GOOD, "no other gradbench measures"},
        {"company", "/x", "", UNKNOWN, NOTHING "/proc"},
        {"hypervisor", "/x", "", UNKNOWN, NOTHING "/proc/cpuinfo"},
        {"hypervisor", "/proc/cpuinfo", "Features : fp asimd\n", UNKNOWN, NOTHING "/proc/cpuinfo"},
        {"hypervisor", "/proc/cpuinfo", "flags\t: fpu\n", GOOD, "the CPU names no hypervisor"},
        {"siblings", "/proc/cpuinfo", "flags\t: fpu\n", GOOD, "this process may use one hardware thread a core"},
        {"siblings", "/proc/cpuinfo", "flags\t: fpu hypervisor\n", UNKNOWN,
         "what a virtual machine shows as cores may be siblings of one"},
        {"governor", CPU "cpu0/cpufreq/scaling_governor", "performance\n", GOOD, "the frequency governor is performance"},
        {"governor", "/x", "", UNKNOWN, NOTHING CPU "cpu0/cpufreq/scaling_governor"},
        {"turbo", "/x", "", UNKNOWN, NOTHING CPU "cpufreq/boost"},
        {"turbo", CPU "cpufreq/boost", "0\n", GOOD, "turbo is off"},
        {"turbo", CPU "cpufreq/boost", "1\n", NOTE,
         "turbo is on: the clock depends on heat and on how many cores work (" CPU "cpufreq/boost)"},
        {"turbo", CPU "intel_pstate/no_turbo", "1\n", GOOD, "turbo is off"},
        {"turbo", CPU "intel_pstate/no_turbo", "0\n", NOTE,
         "turbo is on: the clock depends on heat and on how many cores work (" CPU "intel_pstate/no_turbo)"},
        {"load", "/x", "", UNKNOWN, NOTHING "/proc/loadavg"},
        {"load", "/proc/loadavg", "0.50 1 1 1/1 1\n", GOOD, "the load average is 0.50 on 2 cores"},
        {"huge pages", "/x", "", UNKNOWN, NOTHING "/sys/kernel/mm/transparent_hugepage/enabled"},
        {"huge pages", "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise\n", UNKNOWN,
         NOTHING "/sys/kernel/mm/transparent_hugepage/enabled"},
        {"huge pages", "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n", GOOD,
         "transparent huge pages: always"},
        {"huge pages", "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n", GOOD,
         "transparent huge pages: madvise"},
        {"huge pages", "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n", NOTE,
         "transparent huge pages: never. Large operands miss the TLB more than elsewhere"},
        {"merging", "/x", "", UNKNOWN, NOTHING "/sys/kernel/mm/ksm/run"},
        {"merging", "/sys/kernel/mm/ksm/run", "0\n", GOOD, "the kernel does not merge equal pages"},
        {"merging", "/sys/kernel/mm/ksm/run", "1\n", NOTE,
         "the kernel looks for equal pages to merge (KSM): that takes CPU time and memory bandwidth"},
        {"addresses", "/x", "", UNKNOWN, NOTHING "/proc/sys/kernel/randomize_va_space"},
        {"addresses", "/proc/sys/kernel/randomize_va_space", "2\n", GOOD, "addresses are others in each process"},
        {"addresses", "/proc/sys/kernel/randomize_va_space", "0\n", NOTE,
         "addresses are the same in every process: a difference may be of these alone"},
        {"swap", "/x", "", UNKNOWN, NOTHING "/proc/meminfo"},
        {"swap", "/proc/meminfo", "SwapTotal: 2048 kB\n", UNKNOWN, NOTHING "/proc/meminfo"},
        {"swap", "/proc/meminfo", "SwapTotal: 0 kB\nSwapFree: 0 kB\n", GOOD, "no swap is in use"},
        {"swap", "/proc/meminfo", "SwapTotal: 2048 kB\nSwapFree: 1024 kB\n", NOTE,
         "1.0 MiB of swap are in use: memory was short"},
        {"power", "/x", "", UNKNOWN, NOTHING "/sys/class/power_supply"},
        {"power", "/sys/class/power_supply/BAT0/status", "Full\n", UNKNOWN, NOTHING "/sys/class/power_supply"},
        {"power", "/sys/class/power_supply/BAT0/status", "Discharging\n", BAD, "on battery (BAT0): the clock is held down"},
        {"power", "/sys/class/power_supply/AC/online", "1\n", GOOD, "on mains power (AC)"},
        {"power", "/sys/class/power_supply/AC/online", "0\n", UNKNOWN, NOTHING "/sys/class/power_supply"},
        {"quota", "/x", "", GOOD, "the cgroup may use all CPUs"},
        {"threads", "/x", "", GOOD, "up to 2 threads on 2 cores"},
        {"variables", "/x", "", GOOD, "no variable describes another machine to hwloc"},
        {"topology", "/x", "", GOOD, "hwloc reads cores and caches"},
        {"affinity", "/x", "", GOOD, "this process may use every hardware thread"},
        {"steal", "/x", "", UNKNOWN, "not known before something is measured"},
        {"others", "/x", "", UNKNOWN, "not known before something is measured"},
        {"throttling", "/x", "", GOOD, "the cgroup has no quota"},
        {"heat", "/x", "", UNKNOWN, "not known before something is measured"},
        {"swapping", "/x", "", UNKNOWN, "not known before something is measured"},
    };
    clock_step = 25;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_tree_make(root);
        support_tree_write(root, cases[i].path, cases[i].contents, strlen(cases[i].contents));
        const struct gb_finding found = find(cases[i].name, &quiet_machine, NULL, NULL);
        assert_found(cases[i].path, &found, cases[i].health, cases[i].text);
        support_tree_remove(root);
    }
}

/* A process of run --repeat comes after another one. */
static void load_of_the_process_before(void **state) {
    static const char repeats[] = "gradbench\0run\0--repeat\0002", measures[] = "gradbench\0run\0--rounds\0009";
    static const char load[] = "0.51 1 1 1/1 1\n";
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)getppid());
    support_tree_make(root);
    support_tree_write(root, "/proc/loadavg", load, sizeof load - 1);
    support_tree_write(root, path, measures, sizeof measures);
    struct gb_finding found = find("load", &quiet_machine, NULL, NULL);
    assert_found("alone", &found, BAD, "the load average is 0.51 on 2 cores: something else is running, or has just been");
    support_tree_write(root, path, repeats, sizeof repeats);
    found = find("load", &quiet_machine, NULL, NULL);
    assert_found("repeated", &found, GOOD, "the load average, 0.51, is that of run --repeat");
    support_tree_remove(root);
}

static void clocks(void **state) {
    (void)state;
    static const struct {
        double step;
        const char *source;
        enum gb_health health;
        const char *text;
    } cases[] = {
        {25, "tsc\n", GOOD, "the clock (tsc) goes in steps of 25 ns"},
        {1000, "hpet\n", GOOD, "the clock (hpet) goes in steps of 1000 ns"},
        {1500, "hpet\n", BAD, "the clock (hpet) goes in steps of 1.5 us"},
        {1500, "", BAD, "the clock (of an unknown source) goes in steps of 1.5 us"},
        {0, "tsc\n", BAD, "the clock (tsc) stands still over a thousand readings"},
        {-5, "tsc\n", BAD, "the clock (tsc) stands still over a thousand readings"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_tree_make(root);
        support_tree_write(root, "/sys/devices/system/clocksource/clocksource0/current_clocksource", cases[i].source,
                           strlen(cases[i].source));
        clock_step = cases[i].step;
        const struct gb_finding found = find("clock", &quiet_machine, NULL, NULL);
        assert_found(cases[i].text, &found, cases[i].health, cases[i].text);
        support_tree_remove(root);
    }
}

/* Those that are there, or those that are not. All are closed. */
static void counters(void **state) {
    (void)state;
    static const struct {
        int missing;
        enum gb_health health;
        const char *text;
    } cases[] = {
        {-1, GOOD,
         "cycles, instructions, cache_misses, l1d_misses, branch_misses, stalled_cycles, page_faults, context_switches, "
         "cpu_ns"},
        {PERF_TYPE_HARDWARE, NOTE,
         "not here: cycles, instructions, cache_misses, branch_misses, stalled_cycles (this CPU, or the virtual machine, has "
         "no "
         "such counter)"},
        {PERF_TYPE_HW_CACHE, NOTE, "not here: l1d_misses (this CPU, or the virtual machine, has no such counter)"},
    };
    support_tree_make(root);
    struct gb_finding found = find("counters", &quiet_machine, NULL, NULL);
    assert_found("nobody", &found, UNKNOWN, "the counters were not asked");
    perf = &counting;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        missing = cases[i].missing;
        found = find("counters", &quiet_machine, NULL, NULL);
        assert_found(cases[i].text, &found, cases[i].health, cases[i].text);
    }
    assert_true(opened > 0 && opened == closed);
    perf = NULL;
    support_tree_remove(root);
}

/* What was counted before and after: {ticks, stolen, idle}, own, throttled, overheated, swapped. */
static void pulses(void **state) {
    (void)state;
    struct gb_machine limited = quiet_machine;
    limited.cpu_quota = 2;
    static const struct {
        const char *name;
        struct gb_pulse before, after;
        enum gb_health health;
        const char *text;
    } cases[] = {
        {"steal", {{100, 5, 0}, 0, 0, 0, 0}, {{1100, 7, 0}, 0, 0, 0, 0}, GOOD, "no CPU time was taken by a hypervisor (steal)"},
        {"steal", {{100, 5, 0}, 0, 0, 0, 0}, {{100, 7, 0}, 0, 0, 0, 0}, UNKNOWN, NOTHING "/proc/stat"},
        {"others", {{100, 5, 50}, 10, 0, 0, 0}, {{300, 15, 140}, 100, 0, 0, 0}, GOOD, "others took 0.10 of 2 CPUs meanwhile"},
        {"others", {{100, 5, 50}, 10, 0, 0, 0}, {{300, 15, 130}, 100, 0, 0, 0}, BAD, "others took 0.20 of 2 CPUs meanwhile"},
        {"others", {{100, 5, 50}, 10, 0, 0, 0}, {{300, 15, 140}, 150, 0, 0, 0}, GOOD, "others took 0.00 of 2 CPUs meanwhile"},
        {"others", {{100, 5, 50}, -1, 0, 0, 0}, {{300, 15, 140}, -1, 0, 0, 0}, UNKNOWN, NOTHING "/proc/stat, /proc/self/stat"},
        {"throttling", {{0, 0, 0}, 0, 7, 0, 0}, {{0, 0, 0}, 0, 7, 0, 0}, GOOD, "not once meanwhile"},
        {"throttling",
         {{0, 0, 0}, 0, 7, 0, 0},
         {{0, 0, 0}, 0, 9, 0, 0},
         BAD,
         "the cgroup's quota ran out, and all threads were stopped, 2 times during the run"},
        {"throttling", {{0, 0, 0}, 0, -1, 0, 0}, {{0, 0, 0}, 0, -1, 0, 0}, UNKNOWN, NOTHING "cpu.stat of the cgroup"},
        {"heat", {{0, 0, 0}, 0, 0, 3, 0}, {{0, 0, 0}, 0, 0, 3, 0}, GOOD, "not once meanwhile"},
        {"heat",
         {{0, 0, 0}, 0, 0, 3, 0},
         {{0, 0, 0}, 0, 0, 4, 0},
         BAD,
         "cores were slowed down for their heat 1 time during the run"},
        {"heat", {{0, 0, 0}, 0, 0, -1, 0}, {{0, 0, 0}, 0, 0, -1, 0}, UNKNOWN, NOTHING CPU "cpu0/thermal_throttle"},
        {"swapping", {{0, 0, 0}, 0, 0, 0, 10}, {{0, 0, 0}, 0, 0, 0, 10}, GOOD, "not once meanwhile"},
        {"swapping", {{0, 0, 0}, 0, 0, 0, 10}, {{0, 0, 0}, 0, 0, 0, 30}, BAD, "pages were swapped 20 times during the run"},
    };
    support_tree_make(root);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gb_finding found = find(cases[i].name, &limited, &cases[i].before, &cases[i].after);
        assert_found(cases[i].name, &found, cases[i].health, cases[i].text);
    }
    support_tree_remove(root);
}

static void write_text(const char *path, const char *text) { support_tree_write(root, path, text, strlen(text)); }

static void a_pulse_is_read(void **state) {
    (void)state;
    const struct gb_system system = {.root = root, .machine = &quiet_machine, .online = 3};
    support_tree_make(root);
    struct gb_pulse pulse = gb_system_pulse(&system);
    assert_true(pulse.ticks.all == 0 && pulse.own == -1 && pulse.throttled == -1 && pulse.overheated == -1 &&
                pulse.swapped == -1);
    write_text("/proc/stat", "cpu  1 2 3 4 5 6 7 8\n");
    write_text("/proc/self/stat", "12 (a) b) R 1 2 3 -1 5 6 7 8 9 10 1000 200 30 4 99\n");
    write_text("/proc/vmstat", "pswpin 5\npswpout 7\n");
    write_text(CPU "cpu0/thermal_throttle/core_throttle_count", "2\n");
    write_text(CPU "cpu2/thermal_throttle/core_throttle_count", "3\n");
    write_text(CPU "cpu3/thermal_throttle/core_throttle_count", "100\n");
    pulse = gb_system_pulse(&system);
    assert_true(pulse.ticks.all == 36 && pulse.ticks.idle == 9 && pulse.ticks.stolen == 8);
    assert_true(pulse.own == 1234 && pulse.overheated == 5 && pulse.swapped == 12);
    write_text("/proc/self/stat", "12 (a)");
    assert_true(gb_system_pulse(&system).own == -1);
    support_tree_remove(root);
}

static void mains_power_is_enough(void **state) {
    (void)state;
    support_tree_make(root);
    write_text("/sys/class/power_supply/BAT0/status", "Discharging\n");
    write_text("/sys/class/power_supply/AC/online", "1\n");
    write_text("/sys/class/power_supply/BAT1/status", "Discharging\n"); /* in whatever order they are read */
    const struct gb_finding found = find("power", &quiet_machine, NULL, NULL);
    assert_found("both", &found, GOOD, "on mains power (AC)");
    support_tree_remove(root);
}

/* The groups of this process and those above, as the kernel shows them. */
static void throttling_of_groups(void **state) {
    (void)state;
    const struct gb_system system = {.root = root, .machine = &quiet_machine, .online = 1};
    support_tree_make(root);
    write_text("/proc/self/mountinfo", "31 23 0:28 / /groups rw - cgroup2 cgroup2 rw\n");
    write_text("/proc/self/cgroup", "0::/a/b\n");
    write_text("/groups/a/b/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\n");
    write_text("/groups/a/cpu.stat", "nr_throttled 3\n");
    assert_true(gb_system_pulse(&system).throttled == 7);
    support_tree_remove(root);
}

/* Where each has a hardware thread of its own, more than cores are good. */
static void places_of_threads(void **state) {
    (void)state;
    static const struct {
        size_t threads;
        enum gb_bind bind;
        enum gb_health health;
        const char *text;
    } cases[] = {
        {4, GB_BIND_PU, GOOD, "up to 4 threads on 4 hardware threads"},
        {5, GB_BIND_PU, BAD, "5 threads on 4 hardware threads: they are not bound and take turns"},
        {4, GB_BIND_CORE, BAD, "4 threads on 2 cores: they are not bound and take turns"},
        {4, GB_BIND_NONE, BAD, "4 threads on 2 cores: they are not bound and take turns"},
    };
    const struct gb_machine machine = {.cores = 2, .logical = 4, .machine_cores = 2, .known = true};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        threads = cases[i].threads, bound = cases[i].bind;
        const struct gb_finding found = find("threads", &machine, NULL, NULL);
        assert_found(cases[i].text, &found, cases[i].health, cases[i].text);
    }
    threads = 2, bound = GB_BIND_CORE;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_of_threads),
        cmocka_unit_test(files),
        cmocka_unit_test(load_of_the_process_before),
        cmocka_unit_test(clocks),
        cmocka_unit_test(counters),
        cmocka_unit_test(pulses),
        cmocka_unit_test(a_pulse_is_read),
        cmocka_unit_test(throttling_of_groups),
        cmocka_unit_test(mains_power_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
