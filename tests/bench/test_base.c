/* What is small and below all else: random numbers, words for states and levels, the clock. */
#include <time.h>

#include "clock.h"
#include "random.h"
#include "speed.h"
#include "support.h"

/* The numbers of splitmix64, as published, from the state 1234567. */
static void random_numbers(void **state) {
    (void)state;
    static const uint64_t published[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
                                         16408922859458223821u};
    uint64_t random = 1234567;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) assert_true(gb_next_random(&random) == published[i]);
    assert_true(random == 1234567 + 5 * 0x9e3779b97f4a7c15u);
    assert_true(gb_mix(0) == 0);
    assert_true(gb_mix(0x9e3779b97f4a7c15u) == 0xe220a8397b1dcdafu); /* the first from the state 0 */
}

static void words(void **state) {
    (void)state;
    static const char *const said[GB_STATE_COUNT] = {
        [GB_STATE_FAILED] = "failed", [GB_STATE_GONE] = "gone", [GB_STATE_NO_MEMORY] = "no memory"};
    for (size_t i = 0; i < GB_STATE_COUNT; i++) {
        if (said[i]) assert_string_equal(gb_state_words[i], said[i]);
        else assert_null(gb_state_words[i]);
    }
    assert_string_equal(gb_level_name(GB_LEVEL_L2), "L2");
    assert_string_equal(gb_level_name(GB_LEVEL_L3), "L3");
    assert_string_equal(gb_level_name(GB_LEVEL_MEMORY), "memory");
}

/* It counts on, in nanoseconds: between two of its times lies what the system's own clock says, give or take a second look. */
static void the_clock(void **state) {
    (void)state;
    struct timespec outer[2], inner[2];
    clock_gettime(CLOCK_MONOTONIC_RAW, &outer[0]);
    const double first = gb_clock_ns();
    clock_gettime(CLOCK_MONOTONIC_RAW, &inner[0]);
    do clock_gettime(CLOCK_MONOTONIC_RAW, &inner[1]);
    while (inner[1].tv_sec == inner[0].tv_sec && inner[1].tv_nsec - inner[0].tv_nsec < 1000000);
    const double second = gb_clock_read(&gb_real_clock);
    clock_gettime(CLOCK_MONOTONIC_RAW, &outer[1]);
    const double least = (double)(inner[1].tv_sec - inner[0].tv_sec) * 1e9 + (double)(inner[1].tv_nsec - inner[0].tv_nsec);
    const double most = (double)(outer[1].tv_sec - outer[0].tv_sec) * 1e9 + (double)(outer[1].tv_nsec - outer[0].tv_nsec);
    assert_true(second - first >= least && second - first <= most);
    assert_true(first >= (double)outer[0].tv_sec * 1e9 && second < ((double)outer[1].tv_sec + 1) * 1e9);
}

static double twice(void *self) { return 2 * *(double *)self; }

static void a_clock_is_handed_in(void **state) {
    (void)state;
    double now = 21;
    assert_true(gb_clock_read(&(struct gb_clock){twice, &now}) == 42);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(words),
        cmocka_unit_test(the_clock),
        cmocka_unit_test(a_clock_is_handed_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
