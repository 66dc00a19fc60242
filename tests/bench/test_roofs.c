/* Roofs that are measured while something else keeps a core busy: a probe that is slowed down for a while. */
#include "core/topology.h"
#include "roofs.h"
#include "support_lineup.h"

/* Which FMA probes are slowed down, and how. */
static struct {
    size_t isa, threads;
    size_t factor; /* 0: none */
    size_t calls;  /* the first so many */
    size_t seen;   /* calls of it */
} busy;

size_t __real_gk_probe_run(size_t index, enum gk_dtype dtype, enum gk_probe probe, size_t threads,
                           const struct gk_probe_args *args);
size_t __wrap_gk_probe_run(size_t index, enum gk_dtype dtype, enum gk_probe probe, size_t threads,
                           const struct gk_probe_args *args);

size_t __wrap_gk_probe_run(size_t index, enum gk_dtype dtype, enum gk_probe probe, size_t threads,
                           const struct gk_probe_args *args) {
    struct gk_probe_args slowed = *args;
    if (busy.factor && probe == GK_PROBE_FMA && index == busy.isa && threads == busy.threads) {
        busy.seen++;
        if (busy.seen <= busy.calls) slowed.rounds *= busy.factor;
    }
    return __real_gk_probe_run(index, dtype, probe, threads, &slowed);
}

enum {
    EFFORT = 3,
    MOST_TO_CALIBRATE = 25, /* calls before the first sample */
    DISTURBED = 30,         /* calls: all that there are without a second look, and fewer than with it */
};

static void measure(struct gb_roofs *roofs) {
    struct gb_warnings warnings = {.count = 0};
    roofs->dtypes[GK_F32] = true;
    busy.seen = 0;
    assert_true(gb_roofs_measure(roofs, NULL, EFFORT, &warnings));
}

/* Two idle threads do about twice what one does. */
static void test_low_beside_one_thread(void **state) {
    (void)state;
    static struct gb_roofs roofs = {.n_threads = 2, .threads = {1, 2}};
    if (gk_topology_get()->cores < 2) {
        print_message("there is one core here\n");
        skip();
    }
    roofs.isas[gb_widest_isa()] = true;
    busy.isa = gb_widest_isa(), busy.threads = 2, busy.factor = 8, busy.calls = DISTURBED;
    measure(&roofs);
    assert_true(busy.seen > DISTURBED);
    busy.calls = SIZE_MAX; /* it never ends, but the second look does */
    measure(&roofs);
    assert_in_range(busy.seen, DISTURBED, MOST_TO_CALIBRATE + EFFORT + 30);
    busy.factor = 0;
}

/* Wider vectors do no less than narrower ones. */
static void test_low_beside_a_narrower(void **state) {
    (void)state;
    static struct gb_roofs roofs = {.n_threads = 1, .threads = {1}};
    if (gb_widest_isa() == 0) {
        print_message("only the reference runs here\n");
        skip();
    }
    roofs.isas[0] = roofs.isas[gb_widest_isa()] = true;
    busy.isa = gb_widest_isa(), busy.threads = 1, busy.factor = 200, busy.calls = DISTURBED;
    measure(&roofs);
    assert_true(busy.seen > DISTURBED);
    busy.factor = 0;
}

/* One disturbance is longer than a few samples. */
static void test_beaten_while_busy(void **state) {
    (void)state;
    static struct gb_roofs roofs = {.n_threads = 1, .threads = {1}};
    const struct gb_work work = {.flops = 1e6, .read = 1, .written = 1, .footprint = 2, .products = true};
    roofs.isas[0] = true;
    measure(&roofs);
    double *const roof = &roofs.fma[0][GK_F32][0], ns = work.flops / (*roof / 4);
    *roof /= 100;
    busy.isa = 0, busy.threads = 1, busy.factor = 10, busy.calls = MOST_TO_CALIBRATE + 15, busy.seen = 0;
    gb_roofs_look_again(&roofs, NULL, 0, GK_F32, 1, &work, ns);
    busy.factor = 0;
    const struct gb_share share = gb_roofs_share(&roofs, 0, GK_F32, 1, &work, ns);
    assert_true(share.fraction > 0 && share.fraction <= 1.03);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_low_beside_one_thread),
        cmocka_unit_test(test_low_beside_a_narrower),
        cmocka_unit_test(test_beaten_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
