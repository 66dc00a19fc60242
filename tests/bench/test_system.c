/* What gradbench makes of the system that it runs on: folders of known files, and machines of known numbers. */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <sys/resource.h>

#include "build_info.h"
#include "core/cpu.h"
#include "core/topology.h"
#include "doctor.h"
#include "message.h"
#include "support_lineup.h"
#include "support_tree.h"
#include "text.h"

extern char **environ;

static char root[SUPPORT_ROOT_MAX];

static void write_text(const char *path, const char *text) { support_tree_write(root, path, text, strlen(text)); }

static const struct gb_machine quiet_machine = {
    .cores = 4, .logical = 4, .machine_cores = 8, .packages = 1, .numa_nodes = 1, .known = true};

static struct gb_system system_of(const struct gb_machine *machine) {
    return (struct gb_system){.root = root, .machine = machine, .online = machine->logical, .address_space = INFINITY};
}

/* --- warnings */

/* How many are open. */
static size_t descriptors(void) {
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* Asks, and compares with the texts after those of the build. */
static void assert_warned(const char *name, const struct gb_system *system, size_t threads, const char *const *texts) {
    struct gb_warnings warnings = {.count = 0};
    size_t at = 0;
    const size_t open = descriptors();
    gb_system_warn(system, &warnings, threads, GB_BIND_CORE);
    assert_int_equal(descriptors(), open);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    assert_string_equal(warnings.list[at++], "built with a sanitizer: the times say nothing about the kernels");
#elif !defined(__OPTIMIZE__)
    assert_string_equal(warnings.list[at++], "built without optimization: the times say nothing about the kernels");
#endif
    for (; *texts; texts++, at++)
        if (at >= warnings.count || strcmp(warnings.list[at], *texts) != 0)
            fail_msg("%s: '%s' instead of '%s'", name, at < warnings.count ? warnings.list[at] : "", *texts);
    if (at != warnings.count) fail_msg("%s: '%s', too", name, warnings.list[at]);
}

#define GOVERNOR "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
#define VIRTUAL  "a virtual machine: clock rate and neighbours are out of sight; trust ratios of one run"

/* Each with one thread on a machine on which nothing else is to be said. */
static void files_that_warn(void **state) {
    (void)state;
    static const struct {
        const char *path, *text, *warning; /* NULL: none */
    } cases[] = {
        {"/proc/nothing", "", NULL},
        {GOVERNOR, "performance\n", NULL},
        {GOVERNOR, "", NULL},
        {GOVERNOR, "powersave\n", "the frequency governor is powersave, not performance"},
        {GOVERNOR, "performance2", "the frequency governor is performance2, not performance"},
        {GOVERNOR, "123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789\n",
         "the frequency governor is 123456789 123456789 123456789 123456789 123456789 123456789 123, not performance"},
        {"/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sse hypervisor lm\n", VIRTUAL},
        {"/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu\nprocessor\t: 1\nflags\t\t: hypervisor\n", VIRTUAL},
        {"/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu xhypervisor\nmodel name\t: a hypervisor\n", NULL},
        {"/proc/cpuinfo", "flagged\t: a hypervisor\n", NULL},
        {"/proc/loadavg", "2.00 9.00 9.00 1/100 7\n", NULL}, /* a quarter of 8 */
        {"/proc/loadavg", "2.01 0.00 0.00 1/100 7\n",
         "the load average is 2.01 on 8 cores: something else is running, or has just been"},
        {"/proc/loadavg", "0.00 0.00 0.00\n9.00 9.00 9.00\n", NULL}, /* the first line says it */
        {"/proc/loadavg", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gb_system system = system_of(&quiet_machine);
        support_tree_make(root);
        write_text(cases[i].path, cases[i].text);
        assert_warned(cases[i].text, &system, 1, (const char *const[]){cases[i].warning, NULL});
        support_tree_remove(root);
    }
}

static void machines_that_warn(void **state) {
    (void)state;
    static const struct {
        size_t cores, logical, machine_cores, online, threads;
        double quota;
        const char *warning; /* NULL: none */
    } cases[] = {
        {4, 4, 8, 4, 4, 0, NULL},
        {4, 8, 8, 8, 4, 0, "cores run 2 hardware threads: whatever runs on a sibling slows a core down"},
        {2, 6, 8, 6, 2, 0, "cores run 3 hardware threads: whatever runs on a sibling slows a core down"},
        {4, 4, 8, 4, 2, 2, NULL},
        {4, 4, 8, 4, 3, 2.5, "the cgroup may use 2.50 CPUs, fewer than 3 threads: it will be throttled"},
        {4, 4, 8, 4, 1, 0.25, "the cgroup may use 0.25 CPUs, fewer than 1 thread: it will be throttled"},
        {4, 4, 8, 4, 5, 0, "5 threads on 4 cores: they are not bound and take turns"},
        {1, 1, 8, 1, 2, 0, "2 threads on 1 core: they are not bound and take turns"},
        {4, 4, 8, 5, 4, 0, "this process may use 4 of 5 hardware threads"},
        {4, 4, 8, 3, 4, 0, NULL},
    };
    support_tree_make(root);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_machine machine = quiet_machine;
        machine.cores = cases[i].cores, machine.logical = cases[i].logical, machine.machine_cores = cases[i].machine_cores;
        machine.cpu_quota = cases[i].quota;
        struct gb_system system = system_of(&machine);
        system.online = cases[i].online;
        assert_warned("machine", &system, cases[i].threads, (const char *const[]){cases[i].warning, NULL});
    }
    struct gb_machine unknown = quiet_machine;
    unknown.known = false;
    const struct gb_system system = system_of(&unknown);
    assert_warned("unknown", &system, 1,
                  (const char *const[]){"hwloc cannot read this machine: processors count as cores, caches are guessed", NULL});
    support_tree_remove(root);
}

/* All at once, in the order in which they are read. */
static void warnings_in_order(void **state) {
    (void)state;
    const struct gb_machine machine = {.cores = 1, .logical = 2, .machine_cores = 1, .cpu_quota = 1.5, .known = false};
    struct gb_system system = system_of(&machine);
    system.online = 16;
    support_tree_make(root);
    support_tree_write(root, "/proc/1/cmdline", "gradbench\0run", 14);
    write_text(GOVERNOR, "ondemand\n");
    write_text("/proc/cpuinfo", "flags : hypervisor\n");
    write_text("/proc/loadavg", "0.26 0.00 0.00 1/100 7\n");
    setenv("HWLOC_XMLFILE", "x=y", 1);
    assert_warned(
        "all", &system, 2,
        (const char *const[]){"another gradbench is running (process 1): each slows the other down", VIRTUAL,
                              "the frequency governor is ondemand, not performance",
                              "cores run 2 hardware threads: whatever runs on a sibling slows a core down",
                              "the cgroup may use 1.50 CPUs, fewer than 2 threads: it will be throttled",
                              "2 threads on 1 core: they are not bound and take turns",
                              "HWLOC_XMLFILE is set: cores and caches are what hwloc makes of it, perhaps not this machine's",
                              "hwloc cannot read this machine: processors count as cores, caches are guessed",
                              "the load average is 0.26 on 1 core: something else is running, or has just been",
                              "this process may use 2 of 16 hardware threads", NULL});
    unsetenv("HWLOC_XMLFILE");
    struct gb_warnings warnings = {.count = 0};
    for (int i = 0; i < 2; i++) gb_system_warn_company(&system, &warnings);
    assert_int_equal(warnings.count, 1);
    support_tree_remove(root);
}

static void variables_of_hwloc(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
        bool warns;
    } cases[] = {
        {"HWLOC_XMLFILE", "x", true},
        {"HWLOC_X", "1", true},
        {"HWLOC_", "1", true},
        {"HWLOC_XMLFILE", "", false},
        {"HWLOC", "1", false},
        {"HWLOCX", "1", false},
        {"XHWLOC_XMLFILE", "x", false},
        {"HWLOC_HIDE_ERRORS", "1", false},
        {"HWLOC_DEBUG_VERBOSE", "1", false},
        {"HWLOC_XML_VERBOSE", "1", false},
        {"HWLOC_COMPONENTS_VERBOSE", "1", false},
        {"HWLOC_PLUGINS_VERBOSE", "1", false},
        {"HWLOC_SYNTHETIC_VERBOSE", "1", false},
        {"HWLOC_SYNTHETIC_VERBOSE2", "1", true},
        {"HWLOC_XML_VERBOS", "1", true},
        {"HWLOC_HIDE_ERRORZ", "1", true},
    };
    const struct gb_system system = system_of(&quiet_machine);
    support_tree_make(root);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[GB_WARNING_MAX];
        snprintf(text, sizeof text, "%s is set: cores and caches are what hwloc makes of it, perhaps not this machine's",
                 cases[i].name);
        setenv(cases[i].name, cases[i].value, 1);
        assert_warned(cases[i].name, &system, 1, (const char *const[]){cases[i].warns ? text : NULL, NULL});
        unsetenv(cases[i].name);
    }
    support_tree_remove(root);
}

/* The words of a command, each with a zero byte behind, for a string that has one. */
#define WORDS(text) text, sizeof text

static void other_gradbenches(void **state) {
    (void)state;
    static char long_words[6000] = "gradbench\0info", *const last = long_words + sizeof long_words - sizeof "--no-roofs";
    memset(long_words + 15, 'x', (size_t)(last - long_words) - 16);
    strcpy(last, "--no-roofs");
    const struct {
        const char *words;
        size_t size;
        bool measures;
    } cases[] = {
        {WORDS("gradbench\0run"), true},
        {WORDS("/usr/bin/gradbench\0run\0--json\0x"), true},
        {WORDS("./gradbench\0check"), true},
        {WORDS("gradbench\0info"), true},
        {WORDS("gradbench\0info\0--no-roof"), true},
        {"gradbench\0run", 13, true}, /* nothing behind */
        {WORDS("gradbench\0info\0--no-roofs"), false},
        {WORDS("gradbench\0info\0--other\0--no-roofs"), false},
        {WORDS("gradbench\0info\0\0--no-roofs"), false},
        {WORDS("gradbench\0run\0--repeat\0003"), false}, /* it waits */
        {WORDS("gradbench\0run\0--quick\0--repeat=3"), false},
        {WORDS("gradbench\0list"), false},
        {WORDS("gradbench\0runs"), false},
        {WORDS("gradbench"), false},
        {WORDS("gradbench-peer-naive\0run"), false},
        {WORDS("/opt/gradbench/other\0run"), false},
        {WORDS("bash\0gradbench\0run"), false},
        {"", 0, false},
        {NULL, 0, false}, /* it cannot be read */
        {long_words, sizeof long_words, false},
        {long_words, sizeof long_words - sizeof "--no-roofs", true},
    };
    const struct gb_system system = system_of(&quiet_machine);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[GB_WARNING_MAX], path[64];
        const long other = (long)getpid() + 1;
        support_tree_make(root);
        snprintf(path, sizeof path, "/proc/%ld/cmdline", other);
        snprintf(text, sizeof text, "another gradbench is running (process %ld): each slows the other down", other);
        if (cases[i].words) support_tree_write(root, path, cases[i].words, cases[i].size);
        else support_tree_write(root, "/proc/999999999/status", "", 0);
        support_tree_write(root, "/proc/self/cmdline", WORDS("gradbench\0run")); /* a number is no process's name */
        snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)getpid());
        support_tree_write(root, path, WORDS("gradbench\0run")); /* itself */
        assert_warned(cases[i].words ? cases[i].words : "no words", &system, 1,
                      (const char *const[]){cases[i].measures ? text : NULL, NULL});
        support_tree_remove(root);
    }
}

/* One of several is enough to say. */
static void one_gradbench_is_named(void **state) {
    (void)state;
    const struct gb_system system = system_of(&quiet_machine);
    struct gb_warnings warnings = {.count = 0};
    support_tree_make(root);
    support_tree_write(root, "/proc/1/cmdline", WORDS("bash"));
    support_tree_write(root, "/proc/2/status", "", 0);
    for (int i = 3; i < 6; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/cmdline", i);
        support_tree_write(root, path, WORDS("gradbench\0run"));
    }
    gb_system_warn(&system, &warnings, 1, GB_BIND_CORE);
    size_t count = 0;
    for (size_t i = 0; i < warnings.count; i++) count += strncmp(warnings.list[i], "another gradbench", 17) == 0;
    assert_int_equal(count, 1);
    support_tree_remove(root);
}

static void warnings_have_limits(void **state) {
    (void)state;
    static struct gb_warnings warnings;
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    gb_warn(&warnings, "%s", text);
    assert_int_equal(strlen(warnings.list[0]), 199);
    for (int i = 1; i < 24; i++) gb_warn(&warnings, "%d of %s", i, "them");
    assert_int_equal(warnings.count, 24);
    assert_string_equal(warnings.list[23], "23 of them");
    gb_warn(&warnings, "one more");
    assert_int_equal(warnings.count, 24);
    assert_string_equal(warnings.list[23], "23 of them");
}

/* --- ticks */

static void ticks(void **state) {
    (void)state;
    const struct gb_system system = system_of(&quiet_machine);
    support_tree_make(root);
    struct gb_ticks read = gb_system_ticks(&system);
    assert_true(read.all == 0 && read.stolen == 0);
    write_text("/proc/stat", "cpu  1 20 300 4000 50000 600000 7000000 80000000 900000000 1\ncpu0 5 5 5 5 5 5 5 5 5 5\n");
    const size_t open = descriptors();
    read = gb_system_ticks(&system);
    assert_int_equal(descriptors(), open);
    assert_true(read.all == 87654321 && read.stolen == 80000000 && read.idle == 54000);
    support_tree_remove(root);
}

static void assert_steal(const struct gb_ticks *before, const struct gb_ticks *after, const char *text) {
    struct gb_warnings warnings = {.count = 0};
    gb_pulse_warn(&warnings, &(struct gb_pulse){.ticks = *before}, &(struct gb_pulse){.ticks = *after});
    assert_int_equal(warnings.count, text ? 1 : 0);
    if (text) assert_string_equal(warnings.list[0], text);
}

static void steal(void **state) {
    (void)state;
    assert_steal(&(struct gb_ticks){500, 10, 0}, &(struct gb_ticks){1500, 12, 0}, NULL); /* 0.2 % */
    assert_steal(&(struct gb_ticks){500, 10, 0}, &(struct gb_ticks){500, 20, 0}, NULL);  /* no time at all */
    assert_steal(&(struct gb_ticks){500, 10, 0}, &(struct gb_ticks){400, 10, 0}, NULL);
    assert_steal(&(struct gb_ticks){500, 10, 0}, &(struct gb_ticks){1500, 13, 0},
                 "the hypervisor took 0.3 % of the CPU time during the run (steal)");
    assert_steal(&(struct gb_ticks){0, 0, 0}, &(struct gb_ticks){80, 10, 0},
                 "the hypervisor took 12.5 % of the CPU time during the run (steal)");
    assert_steal(&(struct gb_ticks){5, 0, 0}, &(struct gb_ticks){6, 1, 0},
                 "the hypervisor took 100.0 % of the CPU time during the run (steal)");
}

/* --- memory */

#define MOUNTS "31 23 0:28 / /groups rw - cgroup2 cgroup2 rw\n"
#define OLD    "31 23 0:28 / /groups rw - cgroup cgroup rw,memory\n"
#define HERE   "available on this machine"
#define GROUP  "left to the cgroup"
#define SPACE  "left of the address space, ulimit -v"

static void memory_by_rule(void **state) {
    (void)state;
    static const struct {
        const char *name, *files[6][2];
        double address_space, bytes;
        const char *rule;
    } cases[] = {
        {"nothing is known", {{NULL}}, INFINITY, 1e18, "no known limit"},
        {"none is left", {{"/proc/meminfo", "MemAvailable: 0 kB\n"}}, INFINITY, 0, HERE},
        {"the machine",
         {{"/proc/meminfo", "MemTotal: 9000 kB\nMemFree: 1 kB\nMemAvailable:   3000 kB\nX: 7 kB\n"}},
         INFINITY,
         3000 * 1024,
         HERE},
        {"a group",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "1000000\n"},
          {"/groups/a/memory.current", "600000\n"},
          {"/groups/a/memory.stat", "anon 1\nactive_file 7\ninactive_file 50000\ntotal_inactive_file 9\n"}},
         INFINITY,
         450000,
         GROUP},
        {"a group without cache",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "1000000\n"},
          {"/groups/a/memory.current", "600000\n"}},
         INFINITY,
         400000,
         GROUP},
        {"a group that is full",
         {{"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "1000000\n"},
          {"/groups/a/memory.current", "1000001\n"}},
         INFINITY,
         0,
         GROUP},
        {"a group of nothing",
         {{"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "0\n"},
          {"/groups/a/memory.current", "0\n"}},
         INFINITY,
         0,
         GROUP},
        {"a group without a limit",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "max\n"},
          {"/groups/a/memory.current", "600000\n"}},
         INFINITY,
         3000 * 1024,
         HERE},
        {"a group whose use is not known",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "1000000\n"}},
         INFINITY,
         3000 * 1024,
         HERE},
        {"the group above is tighter",
         {{"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "9000\n"},
          {"/groups/a/memory.current", "1000\n"},
          {"/groups/memory.max", "7000\n"},
          {"/groups/memory.current", "2000\n"}},
         INFINITY,
         5000,
         GROUP},
        {"the group above is wider",
         {{"/proc/self/cgroup", "0::/a\n"},
          {"/proc/self/mountinfo", MOUNTS},
          {"/groups/a/memory.max", "9000\n"},
          {"/groups/a/memory.current", "1000\n"},
          {"/groups/memory.max", "17000\n"},
          {"/groups/memory.current", "2000\n"}},
         INFINITY,
         8000,
         GROUP},
        {"version 1",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/cgroup", "3:memory:/a\n"},
          {"/proc/self/mountinfo", OLD},
          {"/groups/a/memory.limit_in_bytes", "1000000\n"},
          {"/groups/a/memory.usage_in_bytes", "600000\n"},
          {"/groups/a/memory.stat", "inactive_file 9\ntotal_inactive_file 50000\n"}},
         INFINITY,
         450000,
         GROUP},
        {"version 1 has other files",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/cgroup", "3:memory:/a\n"},
          {"/proc/self/mountinfo", OLD},
          {"/groups/a/memory.max", "1000000\n"},
          {"/groups/a/memory.usage_in_bytes", "600000\n"}},
         INFINITY,
         3000 * 1024,
         HERE},
        {"ulimit",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"},
          {"/proc/self/status", "Name:\tx\nVmPeak:\t 9000 kB\nVmSize:\t   500 kB\n"}},
         600 * 1024,
         100 * 1024,
         SPACE},
        {"ulimit, nothing is used", {{"/proc/meminfo", "MemAvailable: 3000 kB\n"}}, 600 * 1024, 600 * 1024, SPACE},
        {"ulimit, all is used", {{"/proc/self/status", "VmSize: 700 kB\n"}}, 600 * 1024, 0, SPACE},
        {"ulimit is as wide as the machine",
         {{"/proc/meminfo", "MemAvailable: 3000 kB\n"}, {"/proc/self/status", "VmSize: 500 kB\n"}},
         3500 * 1024,
         3000 * 1024,
         HERE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_system system = system_of(&quiet_machine);
        system.address_space = cases[i].address_space;
        support_tree_make(root);
        for (size_t k = 0; k < 6 && cases[i].files[k][0]; k++) write_text(cases[i].files[k][0], cases[i].files[k][1]);
        const size_t open = descriptors();
        const struct gb_memory memory = gb_system_memory(&system);
        assert_int_equal(descriptors(), open);
        support_tree_remove(root);
        if (memory.bytes != cases[i].bytes || strcmp(memory.rule, cases[i].rule) != 0)
            fail_msg("%s: %.17g, %s", cases[i].name, memory.bytes, memory.rule);
    }
}

/* --- this system */

enum { ROOM = 16 << 20 };

static int limit_address_space(const void *argument) {
    size_t pages = 0;
    (void)argument;
    FILE *const file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%zu", &pages) != 1) return 1;
    fclose(file);
    const rlim_t most = pages * (size_t)sysconf(_SC_PAGESIZE) + ROOM;
    if (setrlimit(RLIMIT_AS, &(struct rlimit){most, most}) != 0) return 2;
    const struct gb_memory memory = gb_memory_available();
    return strcmp(memory.rule, SPACE) != 0 ? 3 : memory.bytes > ROOM || memory.bytes < ROOM / 2 ? 4 : 0;
}

static void this_system_is_read(void **state) {
    (void)state;
    char text[200];
    struct gb_warnings warnings = {.count = 0};
    const struct gb_pulse first = gb_pulse_read(), second = gb_pulse_read();
    assert_true(second.ticks.all >= first.ticks.all && second.ticks.stolen >= first.ticks.stolen && second.own >= first.own);
    if (access("/proc/stat", R_OK) == 0) assert_true(first.ticks.all > 0 && first.own >= 0);
    const struct gb_memory memory = gb_memory_available();
    assert_true(memory.bytes > 0 && memory.bytes <= 1e18);
    gb_environment_warn(&warnings, 100000, GB_BIND_CORE);
    bool told = false;
    snprintf(text, sizeof text, "100000 threads on %zu core%s: they are not bound and take turns", gb_machine_get()->cores,
             gb_machine_get()->cores == 1 ? "" : "s");
    for (size_t i = 0; i < warnings.count; i++) told = told || strcmp(warnings.list[i], text) == 0;
    assert_true(told);
    if (!GB_SANITIZER && memory.bytes > ROOM) /* they have no use for so little */
        assert_int_equal(gb_child_run(limit_address_space, NULL, text, sizeof text), 0);
}

/* As a process of its own: what it may use is read once. 0 or what is wrong. */
static int use_one_processor(void) {
    struct gb_warnings warnings = {.count = 0};
    cpu_set_t all, one;
    char text[GB_WARNING_MAX];
    int first = 0;
    bool told = false;
    if (sched_getaffinity(0, sizeof all, &all) != 0) return 1;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) return 2;
    gb_environment_warn(&warnings, 1, GB_BIND_CORE);
    snprintf(text, sizeof text, "this process may use 1 of %ld hardware threads", sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < warnings.count; i++) told = told || strcmp(warnings.list[i], text) == 0;
    return told == (sysconf(_SC_NPROCESSORS_ONLN) > 1) ? 0 : 3;
}

static void fewer_processors_than_there_are(void **state) {
    (void)state;
    assert_int_equal(gb_start_again("one", NULL, NULL), 0);
}

static void the_build_is_named(void **state) {
    (void)state;
    const char *const compiler = gb_build_compiler(), *const revision = gb_build_revision();
#ifdef __clang__
    assert_string_equal(compiler, "clang " __clang_version__);
#else
    assert_string_equal(compiler, "gcc " __VERSION__);
#endif
    assert_non_null(strstr(gb_build_flags(), "-ffp-contract=off"));
    assert_true(*revision && strcspn(revision, " -/") > 0 && !strchr(revision, ' '));
}

/* --- the machine */

static void the_machine_is_what_the_core_says(void **state) {
    (void)state;
    const struct gk_topology topology = {.cores = 3,
                                         .logical = 6,
                                         .machine_cores = 12,
                                         .packages = 2,
                                         .numa_nodes = 4,
                                         .cpu_quota = 1.5,
                                         .known = true,
                                         .caches = {.l1d = 48 << 10, .l2 = 5 << 18, .l3 = 96 << 20}};
    struct gb_machine m = gb_machine_of(&topology);
    struct gk_cpu_dump dump;
    char brand[sizeof m.cpu], features[sizeof m.features], text[200];
    gk_cpu_brand(brand, sizeof brand);
    gk_cpu_read(&dump);
    gk_cpu_feature_names(gk_cpu_features(&dump), features, sizeof features);
    assert_true(m.cores == 3 && m.logical == 6 && m.machine_cores == 12 && m.packages == 2 && m.numa_nodes == 4);
    assert_true(m.cpu_quota == 1.5 && m.known);
    assert_memory_equal(&m.caches, &topology.caches, sizeof m.caches);
    assert_string_equal(m.cpu, brand);
    assert_string_equal(m.features, features);
    strcpy(m.cpu, "A CPU");
    const char *const told = "A CPU, 3 cores, L1d 48.0 KiB, L2 1.2 MiB, L3 96.0 MiB, 4 NUMA nodes";
    assert_ptr_equal(gb_machine_text(&m, text, sizeof text), text);
    assert_string_equal(text, told);
    gb_machine_text(&m, text, 10);
    assert_string_equal(text, "A CPU, 3 ");
    const struct gb_machine here = gb_machine_of(gk_topology_get());
    assert_string_equal(gb_machine_get()->cpu, here.cpu);
    assert_int_equal(gb_machine_get()->cores, here.cores);
    assert_ptr_equal(gb_machine_get(), gb_machine_get());
}

static void threads_of_the_variable(void **state) {
    (void)state;
    const char *rule;
    const size_t otherwise = gk_threads_choose(gk_topology_get(), 0, NULL, &rule);
    assert_int_equal(gb_threads_most(), 1024);
    setenv("OMP_NUM_THREADS", "7", 1);
    assert_int_equal(gb_threads_default(), 7);
    setenv("OMP_NUM_THREADS", "x", 1);
    assert_int_equal(gb_threads_default(), 0);
    setenv("OMP_NUM_THREADS", "", 1);
    assert_int_equal(gb_threads_default(), otherwise);
    assert_null(gb_environment_get("OMP_NUM_THREADS"));
    unsetenv("OMP_NUM_THREADS");
    assert_int_equal(gb_threads_default(), otherwise);
    assert_null(gb_environment_get("OMP_NUM_THREADS"));
}

/* --- variables */

static int check_with(const void *argument) {
    const char *const *const variables = argument; /* name, value, ..., NULL */
    for (size_t i = 0; variables[i]; i += 2) setenv(variables[i], variables[i + 1], 1);
    return gb_environment_check();
}

static void variables_are_checked(void **state) {
    (void)state;
    char isas[200], nothing[300], said[1000];
    const struct gb_names names = gb_isa_names();
    snprintf(nothing, sizeof nothing, "gradbench: error: GRADKERN_ISA names no instruction set (got 'nothing', allowed: %s)\n",
             gb_names_join(&names, isas, sizeof isas));
    const struct {
        const char *variables[7];
        int code;
        const char *said;
    } cases[] = {
        {{NULL}, GB_EXIT_OK, ""},
        {{"GRADKERN_ISA", "", "OMP_NUM_THREADS", ""}, GB_EXIT_OK, ""},
        {{"GRADKERN_ISA", "ref", "OMP_NUM_THREADS", "2"}, GB_EXIT_OK, ""},
        {{"GRADKERN_ISA", "nothing"}, GB_EXIT_ISA, nothing},
        {{"OMP_NUM_THREADS", "0"},
         GB_EXIT_USAGE,
         "gradbench: error: OMP_NUM_THREADS must be a whole number of at least 1 (got '0')\n"},
        {{"OMP_NUM_THREADS", "many", "GRADKERN_ISA", "ref"},
         GB_EXIT_USAGE,
         "gradbench: error: OMP_NUM_THREADS must be a whole number of at least 1 (got 'many')\n"},
        {{"OMP_NUM_THREADS", "many", "GRADKERN_ISA", "nothing"}, GB_EXIT_ISA, nothing},
        {{"GRADKERN_ISAS", "x"},
         GB_EXIT_OK,
         "gradbench: warning: nobody reads the variable GRADKERN_ISAS (did you mean GRADKERN_ISA?)\n"},
        {{"GRADKERN_PEERS", "x"},
         GB_EXIT_OK,
         "gradbench: warning: nobody reads the variable GRADKERN_PEERS (did you mean GRADBENCH_PEERS?)\n"},
        {{"GRADBENCH_ISA", "x"},
         GB_EXIT_OK,
         "gradbench: warning: nobody reads the variable GRADBENCH_ISA (did you mean GRADKERN_ISA?)\n"},
        {{"GRADBENCH_WORKLOAD", ""},
         GB_EXIT_OK,
         "gradbench: warning: nobody reads the variable GRADBENCH_WORKLOAD (did you mean GRADBENCH_WORKLOADS?)\n"},
        {{"GRADKERN_FROB", "1"}, GB_EXIT_OK, "gradbench: warning: nobody reads the variable GRADKERN_FROB\n"},
        {{"GRADKERN_BXXXD", "1"}, GB_EXIT_OK, "gradbench: warning: nobody reads the variable GRADKERN_BXXXD\n"},
        {{"GRADKERN_", "1"}, GB_EXIT_OK, "gradbench: warning: nobody reads the variable GRADKERN_\n"},
        {{"GRADKERN", "1", "GRADBENCH", "1", "XGRADKERN_ISAS", "1"}, GB_EXIT_OK, ""},
        {{"GRADKERN_THREADS", "3", "GRADKERN_ISA", "nothing"}, GB_EXIT_ISA, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int code = gb_child_run(check_with, cases[i].variables, said, sizeof said);
        char both[600];
        snprintf(both, sizeof both, "gradbench: warning: nobody reads the variable GRADKERN_THREADS\n%s", nothing);
        const char *const want = cases[i].said ? cases[i].said : both;
        if (code != cases[i].code || strcmp(said, want) != 0) fail_msg("case %zu: code %d, said '%s'", i, code, said);
    }
    for (size_t i = 0; i < GB_VARIABLES; i++) {
        const char *const variables[] = {gb_variables[i].name, "ref", NULL};
        assert_int_equal(gb_child_run(check_with, variables, said, sizeof said), GB_EXIT_OK);
        assert_string_equal(said, "");
    }
}

/* An instruction set that this CPU has not. */
static void the_widest_must_run(void **state) {
    (void)state;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        char want[400] = "", said[1000];
        const char *const name = gk_isa_get(isa, GK_F32)->name, *const missing = gk_isa_missing(isa);
        const char *const variables[] = {"GRADKERN_ISA", name, NULL};
        if (missing) snprintf(want, sizeof want, "gradbench: error: GRADKERN_ISA is %s: %s\n", name, missing);
        assert_int_equal(gb_child_run(check_with, variables, said, sizeof said), missing ? GB_EXIT_ISA : GB_EXIT_OK);
        assert_string_equal(said, want);
    }
}

/* Of this test, whatever the shell has set. */
static void forget_variables(void) {
    static const char *const prefixes[] = {"GRADKERN_", "GRADBENCH_", "HWLOC_", "OMP_", "GOMP_", "KMP_"};
    for (char **variable = environ; *variable;) {
        char name[256];
        bool ours = false;
        for (size_t i = 0; i < 6; i++) ours = ours || strncmp(*variable, prefixes[i], strlen(prefixes[i])) == 0;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*variable, "="), *variable);
        if (ours) unsetenv(name);
        else variable++;
    }
}

int main(int argc, char **argv) {
    forget_variables();
    if (argc > 1 && strcmp(argv[1], "one") == 0) return use_one_processor();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_warn),
        cmocka_unit_test(machines_that_warn),
        cmocka_unit_test(warnings_in_order),
        cmocka_unit_test(variables_of_hwloc),
        cmocka_unit_test(other_gradbenches),
        cmocka_unit_test(one_gradbench_is_named),
        cmocka_unit_test(warnings_have_limits),
        cmocka_unit_test(ticks),
        cmocka_unit_test(steal),
        cmocka_unit_test(memory_by_rule),
        cmocka_unit_test(this_system_is_read),
        cmocka_unit_test(fewer_processors_than_there_are),
        cmocka_unit_test(the_build_is_named),
        cmocka_unit_test(the_machine_is_what_the_core_says),
        cmocka_unit_test(threads_of_the_variable),
        cmocka_unit_test(variables_are_checked),
        cmocka_unit_test(the_widest_must_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
