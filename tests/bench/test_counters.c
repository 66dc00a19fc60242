/* Counters by scripted calls of the system, each way in which they are missing, and by those of this system's software. */
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counters.h"
#include "support.h"
#include "support_tree.h"

/* --- a script */

enum { FDS = 2 * GB_COUNTER_COUNT };

static struct script {
    int errors[GB_COUNTER_COUNT]; /* of what is opened in that place; 0: it is there */
    int inherited_error;          /* of all that count others, too */
    size_t opened;
    struct perf_event_attr attrs[FDS];
    int groups[FDS];
    bool on[FDS], closed[FDS];
    uint64_t values[FDS][3];
    bool unreadable;
} script;

static int open_scripted(const struct perf_event_attr *attr, int group) {
    const size_t i = script.opened++;
    assert_true(i < FDS);
    script.attrs[i] = *attr;
    script.groups[i] = group;
    if (attr->inherit && script.inherited_error) return -script.inherited_error;
    return script.errors[i / 2] ? -script.errors[i / 2] : 100 + (int)i;
}

static bool read_scripted(int fd, uint64_t values[3]) {
    assert_true(fd >= 100 && script.on[fd - 100]);
    memcpy(values, script.values[fd - 100], sizeof script.values[0]);
    return !script.unreadable;
}

static void turn_scripted(int fd, bool on) {
    assert_true(fd >= 100 && !script.closed[fd - 100] && script.on[fd - 100] != on);
    script.on[fd - 100] = on;
}

static void close_scripted(int fd) {
    assert_true(fd >= 100 && !script.closed[fd - 100]);
    script.closed[fd - 100] = true;
}

static char root[SUPPORT_ROOT_MAX];
static const struct gb_perf scripted = {open_scripted, read_scripted, turn_scripted, close_scripted, root};

static int set_up(void **state) {
    (void)state;
    memset(&script, 0, sizeof script);
    support_tree_make(root);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    support_tree_remove(root);
    return 0;
}

static void what_is_asked_for(void **state) {
    (void)state;
    struct gb_counters counters;
    gb_counters_open(&counters, &scripted);
    assert_int_equal(script.opened, FDS);
    for (int i = 0; i < FDS; i++) {
        const struct perf_event_attr *const attr = &script.attrs[i];
        const bool switches = attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_CONTEXT_SWITCHES;
        assert_int_equal(attr->size, sizeof *attr);
        assert_true(attr->disabled && attr->exclude_hv && attr->exclude_kernel != switches);
        assert_int_equal(attr->inherit, i % 2); /* first of this thread alone */
        assert_int_equal(attr->read_format, PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING);
        assert_int_equal(script.groups[i], i / 2 == GB_COUNTER_INSTRUCTIONS ? 100 + i - 2 : -1); /* beside the cycles */
        for (int j = i % 2; j < i; j += 2)
            assert_true(attr->type != script.attrs[j].type || attr->config != script.attrs[j].config);
    }
    gb_counters_close(&counters);
    for (int i = 0; i < FDS; i++) assert_true(script.closed[i]);
}

/* Each error of the system in words, and nothing of that counter is touched again. */
static void reasons(void **state) {
    (void)state;
    static const char *const none = "this CPU, or the virtual machine, has no such counter";
    const struct {
        int error;
        const char *paranoid, *reason;
    } cases[] = {
        {EACCES, "4\n", "not allowed: perf_event_paranoid is 4; a container needs --cap-add PERFMON"},
        {EPERM, "2\n", "not allowed: perf_event_paranoid is 2; a container needs --cap-add PERFMON"},
        {EPERM, "", "not allowed: perf_event_paranoid is unknown; a container needs --cap-add PERFMON"},
        {ENOENT, "2\n", none},
        {ENODEV, "2\n", none},
        {EOPNOTSUPP, "2\n", none},
        {ENOSYS, "2\n", "this kernel, or the container, has no perf_event_open"},
        {EMFILE, "2\n", "perf_event_open: Too many open files"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (enum gb_counter missing = 0; missing < GB_COUNTER_COUNT; missing++) {
            struct gb_counters counters;
            struct gb_counts counts;
            memset(&script, 0, sizeof script);
            script.errors[missing] = cases[k].error;
            support_tree_write(root, "/proc/sys/kernel/perf_event_paranoid", cases[k].paranoid, strlen(cases[k].paranoid));
            gb_counters_open(&counters, &scripted);
            gb_counters_choose(&counters, GB_COUNTED_ALL);
            gb_counters_read(&counters, &counts);
            for (enum gb_counter i = 0; i < GB_COUNTER_COUNT; i++) {
                if (i == missing) assert_string_equal(gb_counters_missing(&counters, i), cases[k].reason);
                else assert_null(gb_counters_missing(&counters, i));
            }
            if (missing == GB_COUNTER_CYCLES) assert_int_equal(script.groups[2 * GB_COUNTER_INSTRUCTIONS], -1);
            gb_counters_close(&counters);
            for (int i = 0; i < FDS; i++) assert_true(script.closed[i] == (i / 2 != (int)missing));
        }
}

/* A counter that cannot be had for a team is none, though one thread has it. */
static void half_a_counter_is_none(void **state) {
    (void)state;
    struct gb_counters counters;
    struct gb_counts counts;
    script.inherited_error = EINVAL;
    gb_counters_open(&counters, &scripted);
    for (enum gb_counter i = 0; i < GB_COUNTER_COUNT; i++)
        assert_string_equal(gb_counters_missing(&counters, i), "perf_event_open: Invalid argument");
    gb_counters_choose(&counters, GB_COUNTED_ALONE);
    gb_counters_read(&counters, &counts);
    gb_counters_close(&counters);
    for (int i = 0; i < FDS; i++) assert_true(!script.on[i] && script.closed[i] == (i % 2 == 0));
}

/* One set at a time. */
static void sets_take_turns(void **state) {
    (void)state;
    struct gb_counters counters;
    static const enum gb_counted order[] = {GB_COUNTED_ALONE, GB_COUNTED_ALONE, GB_COUNTED_ALL, GB_COUNTED_ALL,
                                            GB_COUNTED_ALONE, GB_COUNTED_NONE,  GB_COUNTED_ALL};
    gb_counters_open(&counters, &scripted);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        gb_counters_choose(&counters, order[k]); /* the script refuses to turn on what is on */
        for (int i = 0; i < FDS; i++) assert_int_equal(script.on[i], i % 2 == (int)order[k]);
    }
    gb_counters_close(&counters);
}

static void set_values(const struct gb_counters *counters, enum gb_counter counter, uint64_t value, uint64_t enabled,
                       uint64_t running) {
    uint64_t *const at = script.values[counters->fds[GB_COUNTED_ALL][counter] - 100];
    at[0] = value, at[1] = enabled, at[2] = running;
}

/* What was counted in a part of the time is scaled up, by that of the samples; what never was has no number. */
static void counts_are_scaled(void **state) {
    (void)state;
    struct gb_counters counters;
    struct gb_counts sum = {.calls = 0}, before, after;
    gb_counters_open(&counters, &scripted);
    gb_counters_choose(&counters, GB_COUNTED_ALL);
    for (uint64_t sample = 1; sample <= 2; sample++) {
        set_values(&counters, GB_COUNTER_CYCLES, 1000 * sample, 500 * sample, 500 * sample);
        set_values(&counters, GB_COUNTER_INSTRUCTIONS, 70, 100, 10);
        set_values(&counters, GB_COUNTER_CACHE_MISSES, 9, 100, 100);
        gb_counters_read(&counters, &before);
        set_values(&counters, GB_COUNTER_CYCLES, 1000 * sample + 600, 500 * sample + 50, 500 * sample + 50);
        set_values(&counters, GB_COUNTER_INSTRUCTIONS, 70 + 40 * sample, 500, 110);
        set_values(&counters, GB_COUNTER_CACHE_MISSES, 9, 200, 100); /* no register was left */
        set_values(&counters, GB_COUNTER_PAGE_FAULTS, 0, 100, 100);
        gb_counters_read(&counters, &after);
        set_values(&counters, GB_COUNTER_PAGE_FAULTS, 0, 0, 0);
        gb_counts_add(&sum, &before, &after, 3);
    }
    assert_true(gb_counts_per_call(&sum, GB_COUNTER_CYCLES) == 200 && isnan(gb_counts_share(&sum, GB_COUNTER_CYCLES)));
    assert_true(gb_counts_per_call(&sum, GB_COUNTER_INSTRUCTIONS) == 80); /* (40 + 80) * 800 / 200 / 6 */
    assert_true(gb_counts_share(&sum, GB_COUNTER_INSTRUCTIONS) == 0.25);
    assert_true(isnan(gb_counts_per_call(&sum, GB_COUNTER_CACHE_MISSES)));
    assert_true(isnan(gb_counts_share(&sum, GB_COUNTER_CACHE_MISSES)));
    assert_true(gb_counts_per_call(&sum, GB_COUNTER_PAGE_FAULTS) == 0); /* a zero that was counted */
    assert_true(isnan(gb_counts_per_call(&sum, GB_COUNTER_STALLED_CYCLES)));
    assert_true(isnan(gb_counts_per_call(&(struct gb_counts){.calls = 0}, GB_COUNTER_CYCLES)));
    script.unreadable = true;
    gb_counters_read(&counters, &after);
    assert_true(after.value[GB_COUNTER_CYCLES] == 0 && after.running[GB_COUNTER_CYCLES] == 0);
    gb_counters_close(&counters);
}

/* --- this system */

enum { PAGES = 64 };

static void *touch_pages(void *counted) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *const memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PAGES; i++) ((volatile char *)memory)[i * page] = 1;
    munmap(memory, PAGES * page);
    return counted;
}

/* Page faults of so many pages, here and in a thread that began after the counters were opened. */
static double faults(struct gb_counters *counters, enum gb_counted whose, bool in_thread) {
    struct gb_counts sum = {.calls = 0}, before, after;
    pthread_t thread;
    gb_counters_choose(counters, whose);
    gb_counters_read(counters, &before);
    if (in_thread) assert_int_equal(pthread_create(&thread, NULL, touch_pages, NULL), 0);
    else touch_pages(NULL);
    if (in_thread) pthread_join(thread, NULL);
    gb_counters_read(counters, &after);
    gb_counts_add(&sum, &before, &after, 1);
    return gb_counts_per_call(&sum, GB_COUNTER_PAGE_FAULTS);
}

static void software_is_counted_here(void **state) {
    (void)state;
    struct gb_counters counters;
    gb_counters_open(&counters, &gb_real_perf);
    const char *const why = gb_counters_missing(&counters, GB_COUNTER_PAGE_FAULTS);
    if (why) {
        print_message("skipped: page faults: %s\n", why);
    } else {
        for (int again = 0; again < 2; again++) {
            assert_true(faults(&counters, GB_COUNTED_ALONE, false) >= PAGES);
            assert_true(faults(&counters, GB_COUNTED_ALONE, true) < PAGES);
            assert_true(faults(&counters, GB_COUNTED_ALL, false) >= PAGES);
            assert_true(faults(&counters, GB_COUNTED_ALL, true) >= PAGES);
        }
    }
    gb_counters_close(&counters);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_for), TEST(reasons),           TEST(half_a_counter_is_none),
        TEST(sets_take_turns),   TEST(counts_are_scaled), TEST(software_is_counted_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
