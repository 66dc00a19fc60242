#include "counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system_file.h"

#define L1D_READ_MISSES (PERF_COUNT_HW_CACHE_L1D | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16)

/* Kernels compute in user mode: that alone is counted, which more systems allow. A switch of threads is the kernel's. The two
 * that make a ratio are counted at the same times. */
static const struct {
    const char *name;
    uint32_t type;
    uint64_t config;
    bool of_kernel, with_cycles;
} counters_known[GB_COUNTER_COUNT] = {
    [GB_COUNTER_CYCLES] = {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false, false},
    [GB_COUNTER_INSTRUCTIONS] = {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, false, true},
    [GB_COUNTER_CACHE_MISSES] = {"cache_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, false, false},
    [GB_COUNTER_L1D_MISSES] = {"l1d_misses", PERF_TYPE_HW_CACHE, L1D_READ_MISSES, false, false},
    [GB_COUNTER_BRANCH_MISSES] = {"branch_misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, false, false},
    [GB_COUNTER_STALLED_CYCLES] = {"stalled_cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND, false, false},
    [GB_COUNTER_PAGE_FAULTS] = {"page_faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, false, false},
    [GB_COUNTER_CONTEXT_SWITCHES] = {"context_switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, true, false},
    [GB_COUNTER_CPU_NS] = {"cpu_ns", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, false, false},
};

const char *gb_counter_name(enum gb_counter counter) { return counters_known[counter].name; }

static int open_event(const struct perf_event_attr *attr, int group) {
    const long fd = syscall(SYS_perf_event_open, attr, 0, -1, group, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

static bool read_event(int fd, uint64_t value_enabled_running[3]) {
    return read(fd, value_enabled_running, 3 * sizeof *value_enabled_running) == 3 * (ssize_t)sizeof *value_enabled_running;
}

static void turn_event(int fd, bool on) { ioctl(fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0); }

static void close_event(int fd) { close(fd); }

const struct gb_perf gb_real_perf = {open_event, read_event, turn_event, close_event, ""};

static void explain(char *reason, int error, const char *root) {
    char paranoid[16];
    switch (error) {
    case EACCES:
    case EPERM:
        if (!gb_system_text(root, "/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof paranoid))
            strcpy(paranoid, "unknown");
        snprintf(reason, GB_COUNTER_REASON_MAX, "not allowed: perf_event_paranoid is %s; a container needs --cap-add PERFMON",
                 paranoid);
        break;
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP: snprintf(reason, GB_COUNTER_REASON_MAX, "this CPU, or the virtual machine, has no such counter"); break;
    case ENOSYS: snprintf(reason, GB_COUNTER_REASON_MAX, "this kernel, or the container, has no perf_event_open"); break;
    default: snprintf(reason, GB_COUNTER_REASON_MAX, "perf_event_open: %s", strerror(error)); break;
    }
}

static int open_counter(struct gb_counters *counters, enum gb_counted whose, int i) {
    const int *const fds = counters->fds[whose];
    const struct perf_event_attr attr = {.size = sizeof attr,
                                         .type = counters_known[i].type,
                                         .config = counters_known[i].config,
                                         .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
                                         .disabled = 1,
                                         .inherit = whose == GB_COUNTED_ALL,
                                         .exclude_kernel = !counters_known[i].of_kernel,
                                         .exclude_hv = 1};
    return counters->perf->open(&attr, counters_known[i].with_cycles ? fds[GB_COUNTER_CYCLES] : -1);
}

void gb_counters_open(struct gb_counters *counters, const struct gb_perf *perf) {
    *counters = (struct gb_counters){.perf = perf, .on = GB_COUNTED_NONE};
    for (int i = 0; i < GB_COUNTER_COUNT; i++)
        for (enum gb_counted whose = 0; whose < GB_COUNTED_NONE; whose++) {
            const int fd = open_counter(counters, whose, i);
            counters->fds[whose][i] = fd < 0 ? -1 : fd;
            if (fd < 0) explain(counters->reasons[i], -fd, perf->root);
        }
}

void gb_counters_close(struct gb_counters *counters) {
    for (enum gb_counted whose = 0; whose < GB_COUNTED_NONE; whose++)
        for (int i = 0; i < GB_COUNTER_COUNT; i++)
            if (counters->fds[whose][i] >= 0) counters->perf->close(counters->fds[whose][i]);
}

const char *gb_counters_missing(const struct gb_counters *counters, enum gb_counter counter) {
    return counters->reasons[counter][0] ? counters->reasons[counter] : NULL;
}

static void turn(const struct gb_counters *counters, bool on) {
    for (int i = 0; i < GB_COUNTER_COUNT && counters->on != GB_COUNTED_NONE; i++)
        if (!gb_counters_missing(counters, (enum gb_counter)i)) counters->perf->turn(counters->fds[counters->on][i], on);
}

void gb_counters_choose(struct gb_counters *counters, enum gb_counted whose) {
    if (counters->on == whose) return;
    turn(counters, false);
    counters->on = whose;
    turn(counters, true);
}

void gb_counters_read(const struct gb_counters *counters, struct gb_counts *now) {
    *now = (struct gb_counts){.calls = 0};
    for (int i = 0; i < GB_COUNTER_COUNT; i++) {
        uint64_t values[3];
        if (gb_counters_missing(counters, (enum gb_counter)i) || !counters->perf->read(counters->fds[counters->on][i], values))
            continue;
        now->value[i] = (double)values[0];
        now->enabled[i] = (double)values[1];
        now->running[i] = (double)values[2];
    }
}

void gb_counts_add(struct gb_counts *sum, const struct gb_counts *before, const struct gb_counts *after, uint64_t calls) {
    for (int i = 0; i < GB_COUNTER_COUNT; i++) {
        sum->value[i] += after->value[i] - before->value[i];
        sum->enabled[i] += after->enabled[i] - before->enabled[i];
        sum->running[i] += after->running[i] - before->running[i];
    }
    sum->calls += (double)calls;
}

double gb_counts_per_call(const struct gb_counts *sum, enum gb_counter counter) {
    if (!(sum->running[counter] > 0) || !(sum->calls > 0)) return NAN;
    return sum->value[counter] * sum->enabled[counter] / sum->running[counter] / sum->calls;
}

double gb_counts_share(const struct gb_counts *sum, enum gb_counter counter) {
    const double enabled = sum->enabled[counter], running = sum->running[counter];
    return running > 0 && running < enabled ? running / enabled : NAN;
}
