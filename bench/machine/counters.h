/* What the CPU and the kernel count while calls run (perf_event_open). Each counter is there or has its reason: none is ever a
 * zero that was not counted. */
#ifndef GB_COUNTERS_H
#define GB_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perf_event_attr;

enum gb_counter {
    GB_COUNTER_CYCLES,
    GB_COUNTER_INSTRUCTIONS,
    GB_COUNTER_CACHE_MISSES, /* of the last level that a core's counters see: on AMD L2 */
    GB_COUNTER_L1D_MISSES,
    GB_COUNTER_BRANCH_MISSES,
    GB_COUNTER_STALLED_CYCLES,
    GB_COUNTER_PAGE_FAULTS,
    GB_COUNTER_CONTEXT_SWITCHES,
    GB_COUNTER_CPU_NS,
    GB_COUNTER_COUNT,
};

/* "cycles", as result files have it. */
const char *gb_counter_name(enum gb_counter counter);

/* The calls of the system: tests script them. */
struct gb_perf {
    int (*open)(const struct perf_event_attr *attr, int group); /* a descriptor, or an errno below 0 */
    bool (*read)(int fd, uint64_t value_enabled_running[3]);
    void (*turn)(int fd, bool on);
    void (*close)(int fd);
    const char *root; /* below which perf_event_paranoid is read: "" */
};
extern const struct gb_perf gb_real_perf;

enum { GB_COUNTER_REASON_MAX = 120 };

/* Whose: a team's threads spin for a while after a call, beside the next one that needs a single thread. */
enum gb_counted {
    GB_COUNTED_ALONE, /* the thread that opened them */
    GB_COUNTED_ALL,   /* and all threads and processes that began after that, their waiting included */
    GB_COUNTED_NONE,
};

struct gb_counters {
    const struct gb_perf *perf;
    enum gb_counted on; /* one at a time: both would want the CPU's few registers */
    int fds[GB_COUNTED_NONE][GB_COUNTER_COUNT];
    char reasons[GB_COUNTER_COUNT][GB_COUNTER_REASON_MAX];
};

/* While there is one thread. Nothing is counted yet. */
void gb_counters_open(struct gb_counters *counters, const struct gb_perf *perf);
void gb_counters_close(struct gb_counters *counters);

/* Why a counter is not there; NULL: it is. */
const char *gb_counters_missing(const struct gb_counters *counters, enum gb_counter counter);

/* Counts these from now on. */
void gb_counters_choose(struct gb_counters *counters, enum gb_counted whose);

/* What was counted since counters were opened; for how long, ns, it was to be, and the CPU had a register for it. */
struct gb_counts {
    double value[GB_COUNTER_COUNT], enabled[GB_COUNTER_COUNT], running[GB_COUNTER_COUNT];
    double calls;
};

/* Of those that are chosen. */
void gb_counters_read(const struct gb_counters *counters, struct gb_counts *now);

/* Adds what was counted since. */
void gb_counts_add(struct gb_counts *sum, const struct gb_counts *before, const struct gb_counts *after, uint64_t calls);

/* A call's part, scaled up from the share of the time in which it was counted. NaN: it was not. */
double gb_counts_per_call(const struct gb_counts *sum, enum gb_counter counter);
/* That share; NaN: all of it, or none. */
double gb_counts_share(const struct gb_counts *sum, enum gb_counter counter);

#endif
