/* Roofs of a machine of known numbers: its clock is moved by the probes, each of which is written down. */
#include "roofs.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <sys/mman.h>

#include "clock.h"
#include "core/topology.h"
#include "support_lineup.h"

enum {
    MIB = 1 << 20,
    LOG_MAX = 8000,
    BIND = GK_PROBE_COUNT,
    F32 = GK_F32,
    F64 = GK_F64,
    LAST = GK_ISA_COUNT - 1,
    MIDDLE = LAST / 2,
    MOVES = 5,
};

static const size_t kinds[] = {GK_PROBE_READ, GK_PROBE_COPY, GK_PROBE_COPY_NT, GK_PROBE_TRIAD, GK_PROBE_TRIAD_NT};

/* A probe that ran, or (BIND) a team that was bound. */
struct call {
    size_t kind, isa, dtype, threads, bytes, rounds;
    ptrdiff_t at; /* of its buffer, from that of the first call */
};

static struct {
    struct gb_machine machine;
    double bytes, now;
    size_t most;                              /* threads that can be had */
    double (*round_ns)(const struct call *c); /* how long a round takes */
    struct call log[LOG_MAX];
    size_t count;
    char *first; /* buffer */
} fake;

static double read_clock(void *self) { return *(double *)self; }
static const struct gb_machine *machine(void) { return &fake.machine; }
static struct gb_memory memory(void) { return (struct gb_memory){fake.bytes, "a test's"}; }

static void write_down(struct call call) {
    assert_true(fake.count < LOG_MAX);
    fake.log[fake.count++] = call;
}

static size_t bind(struct gb_binding *binding, size_t threads) {
    assert_null(binding);
    write_down((struct call){.kind = BIND, .threads = threads});
    return threads < fake.most ? threads : fake.most;
}

/* Writes where a probe would: outside of the buffer this ends the test. */
static size_t run(size_t isa, enum gk_dtype dtype, enum gk_probe kind, size_t threads, const struct gk_probe_args *args) {
    struct call call = {kind, isa, dtype, threads, args->bytes, args->rounds, 0};
    char *const buffer = args->buffer, *const sinks = args->sink;
    if (buffer) {
        if (!fake.first) fake.first = buffer;
        call.at = buffer - fake.first;
        buffer[0] = buffer[threads * args->bytes - 1] = 1;
    }
    for (size_t t = 0; t < threads; t++) sinks[t * 64] = 1;
    write_down(call);
    fake.now += fake.round_ns(&call) * (double)args->rounds;
    return threads;
}

static const struct gb_clock scripted = {read_clock, &fake.now};
static const struct gb_probing probing = {&scripted, machine, memory, bind, run};

/* A quarter of a sample: calibration is two calls of one round, a sample has four. */
static double quarter(const struct call *c) {
    (void)c;
    return 250000;
}

static void make_machine(double (*round_ns)(const struct call *c)) {
    fake.machine = (struct gb_machine){.cores = 4, .caches = {.l1d = 32 << 10, .l2 = MIB, .l3 = 16 * MIB}};
    fake.bytes = 1e12, fake.now = 12345, fake.most = 1024;
    fake.round_ns = round_ns;
    fake.count = 0, fake.first = NULL;
}

/* Bytes in use. A sanitizer, which has a malloc of its own, looks for itself. */
static size_t in_use(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static struct gb_warnings measure(struct gb_roofs *roofs, size_t effort) {
    struct gb_warnings warnings = {.count = 0};
    fake.count = 0, fake.first = NULL;
    const size_t before = in_use();
    assert_true(gb_roofs_measure(roofs, NULL, effort, &warnings));
    assert_int_equal(in_use(), before);
    return warnings;
}

static void look_again(struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, size_t threads, const struct gb_work *work,
                       double ns) {
    const size_t before = in_use();
    gb_roofs_look_again(roofs, NULL, isa, dtype, threads, work, ns);
    assert_int_equal(in_use(), before);
}

static void assert_call(size_t index, struct call want) {
    assert_true(index < fake.count);
    const struct call *const got = &fake.log[index];
    if (memcmp(got, &want, sizeof want) != 0)
        fail_msg("call %zu: kind %zu isa %zu dtype %zu threads %zu bytes %zu rounds %zu at %td, "
                 "expected kind %zu isa %zu dtype %zu threads %zu bytes %zu rounds %zu at %td",
                 index, got->kind, got->isa, got->dtype, got->threads, got->bytes, got->rounds, got->at, want.kind, want.isa,
                 want.dtype, want.threads, want.bytes, want.rounds, want.at);
}

/* Of a probe, in the log: all its calls without those of a touch or of two rounds of calibration. */
static size_t samples(size_t kind, size_t isa, size_t dtype, size_t threads, size_t bytes) {
    size_t count = 0;
    for (size_t i = 0; i < fake.count; i++) {
        const struct call *const c = &fake.log[i];
        count += c->kind == kind && c->isa == isa && c->dtype == dtype && c->threads == threads && c->bytes == bytes;
    }
    return count - 2;
}

static size_t usable(void) {
    size_t isa = LAST;
    while (gk_isa_unusable(isa)) isa--;
    return isa;
}

/* --- which probes run */

static void levels_by_size(void **state) {
    (void)state;
    const struct gk_caches caches = {.l1d = 1, .l2 = 1000, .l3 = 5000};
    assert_int_equal(gb_level_of(&caches, 1000, 1), GB_LEVEL_L2);
    assert_int_equal(gb_level_of(&caches, 1001, 1), GB_LEVEL_L3);
    assert_int_equal(gb_level_of(&caches, 3000, 3), GB_LEVEL_L2);
    assert_int_equal(gb_level_of(&caches, 3001, 3), GB_LEVEL_L3);
    assert_int_equal(gb_level_of(&caches, 5000, 3), GB_LEVEL_L3);
    assert_int_equal(gb_level_of(&caches, 5001, 3), GB_LEVEL_MEMORY);
    assert_int_equal(gb_level_of(&caches, 6000, 6), GB_LEVEL_L2); /* more in L2 than in L3 */
    assert_int_equal(gb_level_of(&caches, 6001, 6), GB_LEVEL_MEMORY);
}

static void bytes_of_the_levels(void **state) {
    (void)state;
    static const struct {
        size_t l2, l3, bytes[GB_LEVEL_COUNT];
    } cases[] = {
        {MIB, 16 * MIB, {MIB / 2, 4 * MIB, 128 * MIB}},         {MIB, 64 * MIB, {MIB / 2, 8 * MIB, 128 * MIB}},
        {MIB, 65 * MIB, {MIB / 2, 516 << 14, 130 * MIB}},       {MIB, 256 * MIB, {MIB / 2, 16 * MIB, 512 * MIB}},
        {4 * MIB, 257 * MIB, {2 * MIB, 2052 << 14, 512 * MIB}}, {MIB + 2, 32 * MIB, {33 << 14, 363 << 14, 128 * MIB}},
        {48 << 10, 3 * MIB, {32 << 10, 24 << 14, 128 * MIB}},
    };
    make_machine(quarter);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {1}};
        fake.machine.caches.l2 = cases[i].l2, fake.machine.caches.l3 = cases[i].l3;
        assert_int_equal(measure(&roofs, 1).count, 0);
        for (int level = 0; level < GB_LEVEL_COUNT; level++)
            if (roofs.bytes[level] != cases[i].bytes[level]) fail_msg("case %zu, level %d: %zu", i, level, roofs.bytes[level]);
    }
}

/* Each probe with its threads and bytes in an order of rounds; the memory is touched by all threads before. */
static void each_probe_in_each_round(void **state) {
    (void)state;
    static const size_t bytes[3][GB_LEVEL_COUNT] = {
        {MIB / 2, 4 * MIB, 128 * MIB}, {MIB / 2, 148 << 14, 43696 << 10}, {MIB / 2, 2 * MIB, 32 * MIB}};
    static const size_t sizes[] = {1, 3, 4};
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 3, .threads = {1, 3, 4}, .n_spots = 5};
    struct call probes[64];
    const size_t isa = usable(), arena = 3 * bytes[1][GB_LEVEL_MEMORY], part = arena / 4;
    size_t n_probes = 0, at = 2;
    roofs.isas[0] = roofs.isas[LAST] = roofs.dtypes[F64] = true;
    roofs.fma[MIDDLE][F32][2] = roofs.bandwidth[7][0].read = roofs.steps[MIDDLE][F32][1] = 1; /* of an older measurement */
    for (size_t t = 0; t < 3; t++) probes[n_probes++] = (struct call){GK_PROBE_FMA, 0, F64, sizes[t], 0, 1, 0};
    for (size_t t = 0; t < 3 && LAST > 0; t++) probes[n_probes++] = (struct call){GK_PROBE_FMA, LAST, F64, sizes[t], 0, 1, 0};
    for (size_t t = 0; t < 3; t++)
        for (size_t level = 0; level < GB_LEVEL_COUNT; level++)
            for (size_t kind = 0; kind < MOVES; kind++)
                probes[n_probes++] = (struct call){kinds[kind], isa, F32, sizes[t], bytes[t][level], 1, 0};
    for (size_t i = 0; i < (LAST > 0 ? 4 : 2); i++)
        probes[n_probes++] = (struct call){GK_PROBE_FMA_CHAIN + i % 2, i / 2 * LAST, F64, 1, 0, 1, 0};
    make_machine(quarter);
    assert_int_equal(measure(&roofs, 3).count, 0);
    assert_call(0, (struct call){GK_PROBE_COPY, isa, F32, 4, part, 1, 0});
    assert_call(1, (struct call){GK_PROBE_COPY, isa, F32, 4, part, 1, -(ptrdiff_t)part / 2});
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < n_probes; i++) {
            struct call sample = probes[i];
            sample.rounds = 4;
            assert_call(at++, (struct call){.kind = BIND, .threads = probes[i].threads});
            if (round == 0) assert_call(at++, probes[i]);
            if (round == 0) assert_call(at++, probes[i]);
            assert_call(at++, sample);
        }
    assert_int_equal(at, fake.count);
    assert_int_equal(roofs.n_spots, 0);
    assert_true(roofs.fma[MIDDLE][F32][2] == 0 && roofs.bandwidth[7][0].read == 0 && roofs.steps[MIDDLE][F32][1] == 0);
    assert_true(msync(fake.first, 1, MS_ASYNC) == -1 && errno == ENOMEM);
    char *const end = fake.first + arena - 4096, *const front = fake.first - arena;
    assert_true(msync(end, 1, MS_ASYNC) == -1 && msync(front, 1, MS_ASYNC) == -1);
}

/* There is room for all that there can be. */
static void as_many_roofs_as_can_be(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = GB_THREAD_COUNTS_MAX};
    for (size_t t = 0; t < GB_THREAD_COUNTS_MAX; t++) roofs.threads[t] = t + 1;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) roofs.isas[isa] = true;
    roofs.dtypes[F32] = roofs.dtypes[F64] = true;
    make_machine(quarter);
    fake.machine.cores = GB_THREAD_COUNTS_MAX;
    measure(&roofs, 1);
    for (size_t t = 0; t < GB_THREAD_COUNTS_MAX; t++) {
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) assert_true(roofs.fma[isa][F32][t] > 0 && roofs.fma[isa][F64][t] > 0);
        for (size_t level = 0; level < GB_LEVEL_COUNT; level++) assert_true(roofs.bandwidth[t][level].triad_nt > 0);
    }
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) assert_true(roofs.steps[isa][F32][0] > 0 && roofs.steps[isa][F64][1] > 0);
    fake.bytes = 2.5 * 8 * MIB + 1; /* L2 only */
    measure(&roofs, 1);
    assert_true(roofs.spots[0].footprint == 0 && roofs.spots[0].threads == 0); /* they lie behind */
}

/* A part of the memory that the threads touch is whole lines in both of its halves. */
static void whole_lines_are_touched(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 2, .threads = {7, 11}};
    make_machine(quarter);
    fake.machine.cores = 11;
    measure(&roofs, 1);
    /* 128 MiB / 7 is 1171 times 16 KiB, and 7 * 1171 * 16 KiB / 11 is 12209058.9 */
    assert_call(0, (struct call){GK_PROBE_COPY, usable(), F32, 11, 12209024, 1, 0});
    assert_call(1, (struct call){GK_PROBE_COPY, usable(), F32, 11, 12209024, 1, -12209024 / 2});
}

/* The widest instruction set that may be used is the one that moves. */
static void the_widest_usable_moves(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {1}};
    make_machine(quarter);
    measure(&roofs, 1);
    for (size_t i = 0; i < fake.count; i++)
        if (fake.log[i].kind != BIND) assert_int_equal(fake.log[i].isa, gb_widest_isa());
    setenv("GRADKERN_ISA", gk_isa_get(0, GK_F32)->name, 1);
    measure(&roofs, 1);
    unsetenv("GRADKERN_ISA");
    for (size_t i = 0; i < fake.count; i++)
        if (fake.log[i].kind != BIND) assert_int_equal(fake.log[i].isa, 0);
}

/* --- samples */

static double ns_of_a_round;

static double steady(const struct call *c) { return c->kind == GK_PROBE_FMA ? ns_of_a_round : 250000; }

/* Rounds are doubled until they take a quarter of a millisecond, and a sample has as many as make one. */
static void rounds_make_a_millisecond(void **state) {
    (void)state;
    static const struct {
        double ns;
        size_t last, sample;
    } cases[] = {
        {1000, 256, 1000},
        {15625, 16, 64},                        /* a quarter exactly */
        {15624, 32, 65},                        /* one short of it; 64.004 */
        {400000, 1, 3},                         /* 2.5 */
        {1000000, 1, 1},                        /* one */
        {7e9, 1, 1},                            /* no fewer */
        {0, 1 << 30, 1000000ull << 30},         /* a clock that stands still */
        {0x1.8p-50, 1 << 30, 1000000ull << 30}, /* nor that, but a sample takes 1.4 */
        {0x1.8p-30, 1 << 30, 715827882666667},  /* 1.5 ns */
        {0x1p-60, 1 << 30, 1000000ull << 30},   /* less than 1 ns, and a sample is, too */
        {1.0 / (1ull << 40), 1 << 30, 1000000ull << 30},
        {0x1p-29, 1 << 30, 1000000ull << 29}, /* 2 ns */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {1}};
        size_t at = 3;
        roofs.isas[0] = roofs.dtypes[F32] = true;
        ns_of_a_round = cases[i].ns;
        make_machine(steady);
        fake.now = 0;
        measure(&roofs, 1);
        for (size_t rounds = 1; rounds <= cases[i].last; rounds *= 2) assert_int_equal(fake.log[at++].rounds, rounds);
        assert_int_equal(fake.log[at++].rounds, cases[i].last);
        assert_int_equal(fake.log[at].kind, GK_PROBE_FMA);
        assert_int_equal(fake.log[at++].rounds, cases[i].sample);
        assert_int_equal(fake.log[at].kind, BIND);
        const double flops = gk_isa_get(0, GK_F32)->fma_flops * (double)cases[i].sample;
        const double ns = cases[i].ns * (double)cases[i].sample;
        assert_true(roofs.fma[0][F32][0] == flops / (ns > 1 ? ns : 1));
    }
}

/* The cost of each kind, and of a width and a number of threads. */
static double by_kind(const struct call *c) {
    static const double ns[] = {
        [GK_PROBE_READ] = 250000,      [GK_PROBE_COPY] = 500000,      [GK_PROBE_COPY_NT] = 1000000, [GK_PROBE_TRIAD] = 125000,
        [GK_PROBE_TRIAD_NT] = 2000000, [GK_PROBE_FMA_CHAIN] = 512000, [GK_PROBE_ADD_CHAIN] = 256000};
    if (c->kind != GK_PROBE_FMA) return ns[c->kind];
    return 250000 + (c->dtype == F64 ? 5000 : 0) + (double)c->isa * 1000 + (double)c->threads * 100;
}

static void roofs_are_amounts_a_ns(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 2, .threads = {1, 2}};
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) roofs.isas[isa] = true;
    roofs.dtypes[F32] = roofs.dtypes[F64] = true;
    make_machine(by_kind);
    measure(&roofs, 1);
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t dtype = 0; dtype < 2; dtype++)
            for (size_t t = 0; t < 2; t++) {
                const double ns = 250000 + (dtype == F64 ? 5000 : 0) + (double)isa * 1000 + (double)(t + 1) * 100;
                const double flops = gk_isa_get(isa, dtype ? GK_F64 : GK_F32)->fma_flops * (double)(t + 1);
                assert_true(roofs.fma[isa][dtype][t] == flops / ns);
                assert_true(roofs.steps[isa][dtype][GB_STEP_FMA] == 1024. / 512000);
                assert_true(roofs.steps[isa][dtype][GB_STEP_ADD] == 1024. / 256000);
            }
    const struct gb_bandwidth *const one = &roofs.bandwidth[0][GB_LEVEL_L3], *const two = &roofs.bandwidth[1][GB_LEVEL_MEMORY];
    assert_true(one->read == 4. * MIB / 250000 && one->copy == 4. * MIB / 500000 && one->copy_nt == 4. * MIB / 1000000);
    assert_true(two->read == 128. * MIB / 250000 && two->copy == 128. * MIB / 500000 && two->copy_nt == 128. * MIB / 1000000);
    assert_true(roofs.bandwidth[0][GB_LEVEL_L2].read == MIB / 2 / 250000. &&
                roofs.bandwidth[1][GB_LEVEL_L2].copy == MIB / 500000.);
}

/* Calibration takes two calls, then the samples take as long as the script says. */
static double up_and_down(const struct call *c) {
    static const double ns[] = {250000, 250000, 500000, 300000, 400000};
    static size_t seen;
    if (c->kind != GK_PROBE_FMA) return 250000;
    return ns[seen++ % 5];
}

static void the_best_sample_counts(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {1}};
    roofs.isas[0] = roofs.dtypes[F32] = true;
    make_machine(up_and_down);
    measure(&roofs, 3);
    assert_true(roofs.fma[0][F32][0] == gk_isa_get(0, GK_F32)->fma_flops / 300000);
}

/* Threads that take turns have no roof, nor have threads that did not come. */
static void no_roof_of_threads_that_are_not_there(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 3, .threads = {3, 4, 5}};
    roofs.isas[0] = roofs.dtypes[F32] = true;
    make_machine(quarter);
    measure(&roofs, 2);
    for (size_t i = 2; i < fake.count; i++) assert_true(fake.log[i].threads <= 4); /* not even bound */
    for (size_t t = 0; t < 3; t++) {
        assert_int_equal(roofs.fma[0][F32][t] > 0, t < 2);
        for (size_t level = 0; level < GB_LEVEL_COUNT; level++) assert_int_equal(roofs.bandwidth[t][level].read > 0, t < 2);
    }
    fake.most = 3;
    measure(&roofs, 2);
    for (size_t i = 2; i < fake.count; i++) assert_true(fake.log[i].threads == 3 || fake.log[i].kind >= GK_PROBE_FMA_CHAIN);
    assert_true(roofs.fma[0][F32][0] > 0 && roofs.fma[0][F32][1] == 0 && roofs.bandwidth[1][0].read == 0);
    size_t bound = 0;
    for (size_t i = 2; i < fake.count; i++) bound += fake.log[i].kind == BIND && fake.log[i].threads == 4;
    assert_int_equal(bound, 2 * (1 + 3 * MOVES)); /* in each round the FMA probe and the moves of each level, and no more */
}

/* --- FMA roofs that others show to be too low */

/* One probe takes longer in its first so many calls. */
static struct {
    size_t isa, dtype, threads, calls, seen;
    double ns, others;
} slow;

static double slowed(const struct call *c) {
    if (c->kind != GK_PROBE_FMA) return 250000;
    if (c->isa != slow.isa || c->dtype != slow.dtype || c->threads != slow.threads) return slow.others;
    return slow.seen++ < slow.calls ? slow.ns : slow.others;
}

/* How many samples were taken of the slow one. */
static size_t samples_of_slow(struct gb_roofs *roofs, size_t effort) {
    slow.seen = 0;
    measure(roofs, effort);
    return samples(GK_PROBE_FMA, slow.isa, slow.dtype, slow.threads, 0);
}

/* Costs of a round whose rates are in a ratio of the factor, as doubles are: the first is 1 / factor of the second. */
static void find_ratio(double flops, double factor, double *longer, double *shorter) {
    for (double i = 1; i < 1000; i++) {
        *longer = 300000 + 20 * i, *shorter = factor * *longer;
        if (*shorter == floor(*shorter) && flops / *longer == factor * (flops / *shorter)) return;
    }
    fail_msg("no numbers whose ratio is %g", factor);
}

static void low_beside_other_thread_counts(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 2, .threads = {1, 2}};
    const double flops = gk_isa_get(MIDDLE, GK_F32)->fma_flops;
    roofs.isas[MIDDLE] = roofs.dtypes[F32] = true;
    make_machine(slowed);
    for (size_t threads = 1; threads <= 2; threads++) {
        slow.isa = MIDDLE, slow.dtype = F32, slow.threads = threads, slow.calls = SIZE_MAX;
        find_ratio(flops, 0.9, &slow.ns, &slow.others);
        assert_int_equal(samples_of_slow(&roofs, 3), 3); /* nine tenths are enough */
        slow.ns = ceil(1.001 * slow.ns);
        assert_int_equal(samples_of_slow(&roofs, 3), 3 + 30); /* but no more */
        assert_true(roofs.fma[MIDDLE][F32][threads - 1] == flops * (double)threads / slow.ns);
        assert_int_equal(samples(GK_PROBE_FMA, MIDDLE, F32, 3 - threads, 0), 3);
        slow.calls = 2 + 3 + 6; /* the seventh more is as fast as it should be */
        assert_int_equal(samples_of_slow(&roofs, 3), 3 + 7);
        assert_true(roofs.fma[MIDDLE][F32][threads - 1] == flops * (double)threads / slow.others);
    }
}

static void low_beside_a_narrower_one(void **state) {
    (void)state;
    make_machine(slowed);
    for (size_t narrower = 0; narrower < LAST; narrower++) {
        struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {2}};
        const double flops = gk_isa_get(LAST, GK_F64)->fma_flops, less = gk_isa_get(narrower, GK_F64)->fma_flops;
        roofs.isas[narrower] = roofs.isas[LAST] = roofs.dtypes[F32] = roofs.dtypes[F64] = true;
        slow.isa = LAST, slow.dtype = F64, slow.threads = 2, slow.calls = SIZE_MAX, slow.others = 1e6;
        for (double i = 1; i < 1000; i++) { /* rates in a ratio of 0.95, as doubles are */
            slow.ns = 20 * flops * i, slow.others = 19 * less * i;
            if (slow.ns > 250000 && slow.others > 250000 && 2 * flops / slow.ns == 0.95 * (2 * less / slow.others)) break;
        }
        assert_int_equal(samples_of_slow(&roofs, 2), 2);
        slow.others = 1e6;
        slow.ns = floor(slow.others * flops / less / 0.9501);
        assert_int_equal(samples_of_slow(&roofs, 2), 2);
        slow.ns = ceil(slow.others * flops / less / 0.9499);
        assert_int_equal(samples_of_slow(&roofs, 2), 2 + 30);
        assert_int_equal(samples(GK_PROBE_FMA, LAST, F32, 2, 0), 2);
        assert_int_equal(samples(GK_PROBE_FMA, narrower, F64, 2, 0), 2);
        slow.isa = narrower, slow.ns = 1e8; /* a narrower one may be as low as it likes */
        assert_int_equal(samples_of_slow(&roofs, 2), 2);
    }
}

/* --- memory */

static void levels_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        double most;
        int highest;
    } cases[] = {
        {2.5 * 128 * MIB + 1, GB_LEVEL_MEMORY}, {2.5 * 128 * MIB, GB_LEVEL_L3},   {2.5 * 8 * MIB + 1, GB_LEVEL_L3},
        {2.5 * 8 * MIB, GB_LEVEL_L2},           {2.5 * 2 * MIB + 1, GB_LEVEL_L2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gb_roofs roofs = {.probing = &probing, .n_threads = 2, .threads = {1, 4}};
        static const char *const names[] = {"L2", "L3"};
        const int highest = cases[i].highest;
        char text[GB_WARNING_MAX];
        make_machine(by_kind);
        fake.bytes = cases[i].most;
        const struct gb_warnings warnings = measure(&roofs, 1);
        assert_int_equal(warnings.count, highest != GB_LEVEL_MEMORY);
        snprintf(text, sizeof text, "too little memory to measure roofs beyond %s: theirs stand for all", names[highest % 2]);
        if (warnings.count) assert_string_equal(warnings.list[0], text);
        for (size_t t = 0; t < 2; t++)
            for (int level = 0; level < GB_LEVEL_COUNT; level++) {
                const struct gb_bandwidth *const b = roofs.bandwidth[t];
                if (level > highest) assert_memory_equal(&b[level], &b[highest], sizeof *b);
                else if (level) assert_true(b[level].read > b[level - 1].read);
                else assert_true(b[level].copy == MIB / 500000. / 2 * (t ? 4 : 1));
            }
        assert_int_equal(roofs.bytes[GB_LEVEL_MEMORY], highest == GB_LEVEL_MEMORY ? 128 * MIB : 0);
        assert_int_equal(roofs.bytes[GB_LEVEL_L2], MIB / 2);
    }
}

static void no_memory_at_all(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {4}};
    struct gb_warnings warnings = {.count = 0};
    make_machine(quarter);
    fake.bytes = 2.5 * 2 * MIB;
    assert_false(gb_roofs_measure(&roofs, NULL, 1, &warnings));
    assert_int_equal(warnings.count, 0);
    assert_int_equal(fake.count, 0);
}

/* The memory is as large as its largest user: here 64 threads, each with its half of L2. */
static void the_largest_level_needs_the_memory(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 2, .threads = {64, 1}};
    make_machine(quarter);
    fake.machine.cores = 64, fake.machine.caches.l2 = 6 * MIB;
    measure(&roofs, 1);
    assert_call(0, (struct call){GK_PROBE_COPY, usable(), F32, 1, 192 * MIB, 1, 0});
}

/* What the system refuses to map does not fit either. */
static void what_cannot_be_mapped_does_not_fit(void **state) {
    (void)state;
    struct gb_roofs roofs = {.probing = &probing, .n_threads = 1, .threads = {1}};
    make_machine(quarter);
    fake.bytes = 1e30, fake.machine.caches.l2 = MIB, fake.machine.caches.l3 = (size_t)1 << 62;
    fake.machine.caches.l2 = (size_t)1 << 31; /* the middle is 2^46.5 bytes, twice of which is more than a process can have */
    const struct gb_warnings warnings = measure(&roofs, 1);
    assert_int_equal(warnings.count, 1);
    assert_string_equal(warnings.list[0], "too little memory to measure roofs beyond L2: theirs stand for all");
}

/* --- shares, of isa, type and threads whose indices differ */

enum { AT = 3 };

static void make_roofs(struct gb_roofs *roofs) {
    *roofs = (struct gb_roofs){.probing = &probing, .n_threads = 4, .threads = {1, 6, 7, 3}};
    roofs->fma[LAST][F64][AT] = 2;
    roofs->steps[LAST][F64][GB_STEP_FMA] = 0.25, roofs->steps[LAST][F64][GB_STEP_ADD] = 0.5;
    roofs->bandwidth[AT][GB_LEVEL_L2] = (struct gb_bandwidth){10, 5, 8, 5, 10};
    roofs->bandwidth[AT][GB_LEVEL_L3] = (struct gb_bandwidth){4, 5, 2, 6, 3};
    roofs->bandwidth[AT][GB_LEVEL_MEMORY] = (struct gb_bandwidth){1, 2, 4, 3, 5};
    make_machine(quarter);
}

static void threads_are_found(void **state) {
    (void)state;
    struct gb_roofs roofs;
    make_roofs(&roofs);
    assert_int_equal(gb_roofs_threads_index(&roofs, 1), 0);
    assert_int_equal(gb_roofs_threads_index(&roofs, 3), AT);
    assert_int_equal(gb_roofs_threads_index(&roofs, 2), 4);
}

static void shares(void **state) {
    (void)state;
    const double l2 = 3 * MIB, l3 = 3 * MIB + 1, far = 16 * MIB + 1;
    static struct gb_roofs roofs;
    const struct {
        struct gb_work work;
        double ns, fraction;
        const char *limit;
        enum gb_level level;
    } cases[] = {
        /* 10 copied, and 10 and 10 added: 20 / 8 + 30 / 10 */
        {{1000, 30, 20, l2, false, false, {0}, 0}, 11, 0.5, "memory", GB_LEVEL_L2},
        {{1000, 30, 20, l2, true, false, {0}, 0}, 20, 0.5, "memory", GB_LEVEL_L2},       /* 20 / 5 + 30 / 5 */
        {{1000, 30, 20, l3, false, false, {0}, 0}, 18, 0.5, "memory", GB_LEVEL_L3},      /* 20 / 5 + 30 / 6 */
        {{1000, 30, 20, far, false, false, {0}, 0}, 22, 0.5, "memory", GB_LEVEL_MEMORY}, /* 20 / 4 + 30 / 5 */
        {{1000, 40, 20, l2, false, false, {0}, 0}, 12, 0.5, "memory", GB_LEVEL_L2},      /* 60 / 10 */
        {{1000, 50, 20, l2, false, false, {0}, 0}, 14, 0.5, "memory", GB_LEVEL_L2},      /* 60 / 10 + 10 / 10 */
        {{1000, 20, 20, l2, false, false, {0}, 0}, 10, 0.5, "memory", GB_LEVEL_L2},
        {{1000, 10, 30, l2, false, false, {0}, 0}, 10, 0.5, "memory", GB_LEVEL_L2}, /* (10 + 30) / 8 */
        {{1000, 0, 40, l2, false, false, {0}, 0}, 10, 0.5, "memory", GB_LEVEL_L2},
        {{1000, 40, 0, l2, false, false, {0}, 0}, 8, 0.5, "memory", GB_LEVEL_L2},
        {{100, 30, 20, l2, false, true, {0}, 0}, 200, 0.25, "fma", GB_LEVEL_L2}, /* 100 / 2 beside 5.5 */
        {{10, 30, 20, l2, false, true, {0}, 0}, 11, 0.5, "memory", GB_LEVEL_L2}, /* 5 beside 5.5 */
        {{11, 30, 20, l2, false, true, {0}, 0}, 11, 0.5, "memory", GB_LEVEL_L2}, /* 5.5 beside 5.5 */
        {{12, 30, 20, l2, false, true, {0}, 0}, 12, 0.5, "fma", GB_LEVEL_L2},    /* 6 beside 5.5 */
        /* 4 ns a fma, 2 an addition; after 256 terms another sum begins, which is added */
        {{0, 0, 0, l2, false, false, {100, 0}, 0}, 800, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, true, {256, 0}, 0}, 2048, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, true, {257, 0}, 0}, 2052, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, true, {512, 0}, 0}, 2052, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, true, {513, 0}, 0}, 2056, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {0, 513}, 0}, 1032, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {100, 250}, 0}, 1000, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {130, 250}, 0}, 1040, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {10, 0}, 40}, 80, 0.5, "chain", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {10, 0}, 41}, 82, 0.5, "call", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {0, 0}, 20}, 80, 0.25, "call", GB_LEVEL_L2},
        {{1000, 30, 20, l2, false, false, {1, 0}, 5}, 11, 0.5, "memory", GB_LEVEL_L2}, /* 4 and 5 beside 5.5 */
        {{1000, 30, 20, l2, false, false, {2, 0}, 5}, 16, 0.5, "chain", GB_LEVEL_L2},  /* 8 and 5 */
        {{1000, 30, 20, l2, false, false, {1, 0}, 6}, 12, 0.5, "call", GB_LEVEL_L2},   /* 4 and 6 */
        {{14, 30, 20, l2, false, true, {1, 0}, 6}, 14, 0.5, "fma", GB_LEVEL_L2},       /* 4 and 6 beside 7 */
        /* 105 of 100, and more */
        {{210, 0, 0, l2, false, true, {0}, 0}, 100, 1.05, "fma", GB_LEVEL_L2},
        {{210.1, 0, 0, l2, false, true, {0}, 0}, 100, 0, "fma", GB_LEVEL_L2},
        {{0, 1050, 0, l2, false, true, {0}, 0}, 100, 1.05, "memory", GB_LEVEL_L2},
        {{0, 1051, 0, l2, false, true, {0}, 0}, 100, 0, "cache", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {0, 0}, 105}, 100, 1.05, "call", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {0, 0}, 105.1}, 100, 0, "call", GB_LEVEL_L2},
        {{0, 0, 0, l2, false, false, {100, 0}, 0}, 100, 0, "chain", GB_LEVEL_L2},
        {{1000, 30, 20, l3, false, false, {0}, 0}, 0, 0, "memory", GB_LEVEL_L3},
        {{1000, 30, 20, l2, false, false, {0}, 0}, -1, 0, "memory", GB_LEVEL_L2},
        {{1000, 30, 20, l2, false, true, {0}, 0}, 0, 0, "memory", GB_LEVEL_L2},
        {{1000, 30, 20, far, false, false, {0}, 0}, NAN, 0, "memory", GB_LEVEL_MEMORY},
    };
    make_roofs(&roofs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gb_share got = gb_roofs_share(&roofs, LAST, GK_F64, 3, &cases[i].work, cases[i].ns);
        if (fabs(got.fraction - cases[i].fraction) > 1e-15 || strcmp(got.limit, cases[i].limit) != 0 ||
            got.level != cases[i].level)
            fail_msg("case %zu: %.17g %s %d", i, got.fraction, got.limit, (int)got.level);
    }
    /* less than a ns */
    const struct gb_work tiny = {.flops = 1000, .read = 5, .footprint = 1};
    const struct gb_share small = gb_roofs_share(&roofs, LAST, GK_F64, 3, &tiny, 1);
    assert_true(small.fraction == 0.5 && strcmp(small.limit, "memory") == 0);
    /* of nothing that moves no speed is known */
    const struct gb_work still = {.flops = 100, .footprint = 1, .products = true};
    roofs.bandwidth[AT][GB_LEVEL_L2] = (struct gb_bandwidth){.read = 0};
    const struct gb_share unknown = gb_roofs_share(&roofs, LAST, GK_F64, 3, &still, 200);
    assert_true(unknown.fraction == 0 && strcmp(unknown.limit, "memory") == 0);
    make_roofs(&roofs);
    /* no roofs of so many threads, and roofs that nobody measured */
    const struct gb_work *const fma = &cases[10].work, *const moves = &cases[0].work;
    assert_true(gb_roofs_share(&roofs, LAST, GK_F64, 2, fma, 200).fraction == 0);
    assert_true(gb_roofs_share(&roofs, LAST, GK_F64, 1, moves, 12).fraction == 0);
    const struct gb_work chain = {.read = 10, .footprint = 1, .terms = {100, 100}}; /* of no known latency */
    assert_string_equal(gb_roofs_share(&roofs, LAST, GK_F32, 3, &chain, 200).limit, "memory");
    const struct gb_share none = gb_roofs_share(&roofs, 1, GK_F32, 3, fma, 200);
    assert_true(none.fraction == 0 && strcmp(none.limit, "fma") == 0);
}

/* A spot counts, not the level: that of the isa, the threads and the size. */
static void spots_count(void **state) {
    (void)state;
    static struct gb_roofs roofs;
    const struct gb_work read = {.read = 120, .footprint = 1000}, copy = {.read = 60, .written = 60, .footprint = 1000};
    const struct gb_bandwidth wrong = {1000, 1000, 1000, 1000, 1000};
    struct gb_work plain = copy;
    plain.plain_copy = true;
    make_roofs(&roofs);
    roofs.n_spots = 4;
    roofs.spots[0] = (struct gb_spot){999, LAST, 3, wrong};
    roofs.spots[1] = (struct gb_spot){1000, LAST, 1, wrong};
    roofs.spots[2] = (struct gb_spot){1000, LAST + 1, 3, wrong};
    roofs.spots[3] = (struct gb_spot){1000, LAST, 3, {20, 3, 16, 2, 6}}; /* the level has 10, 5, 8, 5, 10 */
    roofs.spots[4] = (struct gb_spot){2000, LAST, 3, wrong};
    assert_true(gb_roofs_share(&roofs, LAST, GK_F64, 3, &read, 12).fraction == 0.5);
    assert_true(gb_roofs_share(&roofs, LAST, GK_F64, 3, &copy, 15).fraction == 0.5);
    assert_true(gb_roofs_share(&roofs, LAST, GK_F64, 3, &plain, 80).fraction == 0.5);
    const struct gb_work other = {.read = 120, .footprint = 2000}; /* of a spot that does not count yet */
    assert_true(gb_roofs_share(&roofs, LAST, GK_F64, 3, &other, 24).fraction == 0.5);
}

/* --- roofs that were beaten */

static double beaten_ns; /* of a round, of all probes */
static size_t beaten_calls;

static double falls(const struct call *c) {
    (void)c;
    return beaten_calls++ < fake.most ? beaten_ns : 1;
}

static double constant(const struct call *c) {
    (void)c;
    return beaten_ns;
}

static void fma_is_measured_again(void **state) {
    (void)state;
    struct gb_roofs roofs;
    const struct gb_work work = {.flops = 206, .footprint = 1, .products = true};
    const double flops = 3 * gk_isa_get(LAST, GK_F64)->fma_flops;
    make_roofs(&roofs);
    fake.round_ns = constant;
    beaten_ns = 250000;
    look_again(&roofs, LAST, GK_F64, 3, &work, 100); /* 3 % more are no beating */
    assert_int_equal(fake.count, 0);
    look_again(&roofs, LAST, GK_F64, 2, &work, 1); /* nor is there a roof to beat */
    assert_int_equal(fake.count, 0);
    const double ns = 99.9;
    beaten_ns = 1e5 * flops; /* the roof is no lower than it was, and stays beaten */
    look_again(&roofs, LAST, GK_F64, 3, &work, ns);
    assert_call(0, (struct call){.kind = BIND, .threads = 3});
    assert_int_equal(samples(GK_PROBE_FMA, LAST, F64, 3, 0), 50);
    assert_int_equal(fake.count, 50 + 2 + 50);
    assert_true(roofs.fma[LAST][F64][AT] == 2 && roofs.fma[LAST][F64][0] == 0 && roofs.fma[LAST][F32][AT] == 0);
    make_roofs(&roofs);
    fake.round_ns = constant, beaten_ns = flops; /* 1 a ns: the roof of 0.5 is raised to 1, and holds */
    roofs.fma[LAST][F64][AT] = 0.5;
    look_again(&roofs, LAST, GK_F64, 3, &work, 206);
    assert_true(roofs.fma[LAST][F64][AT] == 1);
    size_t seen = 0;
    for (size_t i = 0; i < fake.count; i++) seen += fake.log[i].kind == BIND;
    assert_int_equal(seen, 5);
    make_roofs(&roofs);
    /* calibration and six samples are disturbed, the seventh is not */
    fake.round_ns = falls, fake.most = 2 + 6, beaten_ns = 1e5 * flops, beaten_calls = 0;
    look_again(&roofs, LAST, GK_F64, 3, &work, ns);
    assert_int_equal(samples(GK_PROBE_FMA, LAST, F64, 3, 0), 7);
    assert_int_equal(roofs.n_spots, 0);
    make_roofs(&roofs);
    fake.round_ns = constant, beaten_ns = 1e6;
    roofs.fma[LAST][F32][AT] = 1e-9;
    look_again(&roofs, LAST, GK_F32, 3, &work, 1e9);
    assert_int_equal(samples(GK_PROBE_FMA, LAST, F32, 3, 0), 5);
    assert_true(roofs.fma[LAST][F32][AT] == 3 * gk_isa_get(LAST, GK_F32)->fma_flops / 1e6);
    roofs.threads[0] = fake.machine.cores = GK_THREADS_MAX; /* each has a place for its sum */
    roofs.bandwidth[0][GB_LEVEL_L2] = roofs.bandwidth[AT][GB_LEVEL_L2];
    roofs.fma[LAST][F32][0] = 1e-9;
    look_again(&roofs, LAST, GK_F32, GK_THREADS_MAX, &work, 1e9);
    assert_true(roofs.fma[LAST][F32][0] == GK_THREADS_MAX * gk_isa_get(LAST, GK_F32)->fma_flops / 1e6);
}

/* At the problem's own bytes, by the cell's isa; for ref by the widest. */
static void moves_are_measured(void **state) {
    (void)state;
    static const struct {
        size_t isa, threads;
        double footprint;
        size_t part;
    } cases[] = {
        {LAST, 3, 3333, 1536}, /* 1111 */
        {LAST, 3, 3072, 1536}, /* 1024: one unit more than its own */
        {MIDDLE, 1, 511, 512},
        {0, 1, MIB, MIB + 512},
        {LAST, 3, 3 * MIB + 6, MIB + 512},
        {LAST, 1, 300. * MIB, 300 * MIB + 512},
        {LAST, 3, 600. * MIB, 178957312}, /* a third of 512 MiB is 178956970.7 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct gb_roofs roofs;
        const size_t threads = cases[i].threads, t = threads == 1 ? 0 : AT, part = cases[i].part;
        const size_t isa = cases[i].isa ? cases[i].isa : usable();
        const struct gb_work work = {.read = 1e4, .footprint = cases[i].footprint};
        const struct gb_bandwidth before = {1e3, 1e4, 1e5, 1e6, 1e7};
        size_t at = 3;
        make_roofs(&roofs);
        fake.round_ns = by_kind;
        struct gb_bandwidth *const level = &roofs.bandwidth[t][gb_level_of(&fake.machine.caches, work.footprint, threads)];
        *level = before;
        look_again(&roofs, cases[i].isa, GK_F64, threads, &work, 1e9); /* it beats nothing */
        assert_call(0, (struct call){.kind = BIND, .threads = threads});
        assert_call(1, (struct call){GK_PROBE_COPY, usable(), F32, threads, part / 128 * 128, 1, 0});
        assert_call(2, (struct call){GK_PROBE_COPY, usable(), F32, threads, part / 128 * 128, 1, -(ptrdiff_t)part / 128 * 64});
        for (size_t sample = 0; sample < 5 * MOVES; sample++) {
            const size_t kind = kinds[sample % MOVES];
            struct call want = {kind, isa, F32, threads, part, 1, 0};
            assert_call(at++, (struct call){.kind = BIND, .threads = threads});
            if (sample < MOVES) assert_call(at++, want);
            if (sample < MOVES && kind == GK_PROBE_TRIAD) want.rounds = 2, assert_call(at++, want);
            if (sample < MOVES) assert_call(at++, want);
            want.rounds = (size_t[]){4, 2, 1, 8, 1}[sample % MOVES];
            assert_call(at++, want);
        }
        assert_int_equal(at, fake.count);
        assert_int_equal(roofs.n_spots, 1);
        const struct gb_spot *const spot = &roofs.spots[0];
        const double all = (double)(part * threads);
        assert_true(spot->footprint == cases[i].footprint && spot->threads == threads && spot->isa == cases[i].isa);
        assert_true(spot->bandwidth.read == all / 250000 && spot->bandwidth.copy == all / 500000 &&
                    spot->bandwidth.copy_nt == all / 1000000 && spot->bandwidth.triad == all / 125000 &&
                    spot->bandwidth.triad_nt == all / 2000000);
        assert_memory_equal(level, &before, sizeof before);
        assert_true(msync(fake.first, 1, MS_ASYNC) == -1);
    }
}

/* Nor a spot of what is held against no roof, or moves nothing that counts. */
static void no_spot_is_needed(void **state) {
    (void)state;
    static struct gb_roofs roofs;
    const struct gb_work products = {.flops = 100, .read = 1, .footprint = 1000, .products = true};
    const struct gb_work calls = {.read = 100, .footprint = 1000, .call_ns = 11}, read = {.read = 100, .footprint = 1000};
    make_roofs(&roofs);
    look_again(&roofs, LAST, GK_F64, 3, &products, 100); /* 50 of FMA */
    look_again(&roofs, LAST, GK_F64, 3, &calls, 10);     /* nothing can be done about it */
    look_again(&roofs, LAST, GK_F64, 2, &read, 10);      /* no roofs of two threads */
    look_again(&roofs, LAST, GK_F64, 1, &read, 10);      /* of one there was none */
    assert_int_equal(fake.count, 0);
}

static void chains_are_measured_again(void **state) {
    (void)state;
    struct gb_roofs roofs;
    const struct gb_work work = {.footprint = 1, .terms = {100, 50}};
    enum { CALIBRATION = 7, SLOWER = 5 }; /* calls, but for the two of samples() */
    make_roofs(&roofs);
    look_again(&roofs, LAST, GK_F64, 3, &work, 400 / 1.03);
    assert_int_equal(fake.count, 0);
    fake.round_ns = constant, beaten_ns = 3072; /* 300 ns for 100: then it is not beaten */
    look_again(&roofs, LAST, GK_F64, 3, &work, 380);
    assert_int_equal(samples(GK_PROBE_FMA_CHAIN, LAST, F64, 1, 0), 5 + CALIBRATION);
    assert_int_equal(samples(GK_PROBE_ADD_CHAIN, LAST, F64, 1, 0), 5 + CALIBRATION);
    assert_true(roofs.steps[LAST][F64][GB_STEP_FMA] == 1024. / 3072 && roofs.steps[LAST][F64][GB_STEP_ADD] == 0.5);
    make_roofs(&roofs);
    fake.round_ns = constant, beaten_ns = 8192;
    look_again(&roofs, LAST, GK_F64, 3, &work, 380);
    assert_int_equal(samples(GK_PROBE_ADD_CHAIN, LAST, F64, 1, 0), 50 + SLOWER);
    assert_true(roofs.steps[LAST][F64][GB_STEP_FMA] == 0.25 && roofs.n_spots == 0);
}

static void a_spot_once(void **state) {
    (void)state;
    static struct gb_roofs roofs;
    struct gb_work work = {.read = 1e9, .footprint = 1000};
    make_roofs(&roofs);
    look_again(&roofs, LAST, GK_F64, 3, &work, 1); /* beaten for good: fifty samples, not thirty */
    size_t bound = 0;
    for (size_t i = 0; i < fake.count; i++) bound += fake.log[i].kind == BIND;
    assert_int_equal(bound, 1 + 50);
    assert_int_equal(roofs.n_spots, 1);
    fake.count = 0, fake.first = NULL;
    look_again(&roofs, LAST, GK_F64, 3, &work, 1);
    assert_int_equal(fake.count, 0);
    roofs.bandwidth[0][GB_LEVEL_L2] = roofs.bandwidth[AT][GB_LEVEL_L2];
    look_again(&roofs, LAST, GK_F64, 1, &work, 1); /* other threads, */
    assert_int_equal(roofs.n_spots, 2);
    fake.count = 0;
    look_again(&roofs, LAST - 1, GK_F64, 3, &work, 1); /* another isa */
    assert_int_equal(roofs.n_spots, 3);
    fake.bytes = 2.5 * 3072, fake.count = 0, work.footprint = 2000;
    look_again(&roofs, LAST, GK_F64, 3, &work, 1); /* no memory */
    assert_int_equal(roofs.n_spots, 3);
    fake.bytes++;
    look_again(&roofs, LAST, GK_F64, 3, &work, 1);
    assert_int_equal(roofs.n_spots, 4);
    fake.bytes = 1e12;
    while (roofs.n_spots < GB_SPOTS_MAX) {
        work.footprint++, fake.count = 0;
        look_again(&roofs, LAST, GK_F64, 3, &work, 1);
    }
    work.footprint++, fake.count = 0;
    look_again(&roofs, LAST, GK_F64, 3, &work, 1); /* no room */
    assert_int_equal(fake.count, 0);
    assert_int_equal(roofs.n_spots, GB_SPOTS_MAX);
}

/* --- a second look after a run */

static void moved_roofs(void **state) {
    (void)state;
    struct gb_roofs before = {.n_threads = 2, .threads = {1, 4}}, after = before;
    struct gb_warnings warnings = {.count = 0};
    before.fma[0][F32][0] = 100, after.fma[0][F32][0] = 104.9;
    before.fma[0][F64][0] = 100, after.fma[0][F64][0] = 95.1;
    before.fma[0][F32][1] = 0, after.fma[0][F32][1] = 95;
    before.fma[0][F64][1] = 100, after.fma[0][F64][1] = 0;
    for (size_t t = 0; t < 2; t++)
        before.bandwidth[t][GB_LEVEL_MEMORY] = after.bandwidth[t][GB_LEVEL_MEMORY] = (struct gb_bandwidth){10, 20, 30, 40, 50};
    after.bandwidth[0][GB_LEVEL_L3].read = 7, after.bandwidth[1][GB_LEVEL_MEMORY].copy = 9; /* these may move */
    before.fma[0][F32][2] = before.bandwidth[2][GB_LEVEL_MEMORY].read = 1;                  /* of threads that there are not */
    after.fma[0][F32][2] = after.bandwidth[2][GB_LEVEL_MEMORY].read = 2;
    gb_roofs_warn_moved(&before, &after, &warnings);
    assert_int_equal(warnings.count, 0);
    before.fma[MIDDLE][F64][1] = 100, after.fma[MIDDLE][F64][1] = 105.1;
    before.fma[LAST][F32][0] = 1234.5, after.fma[LAST][F32][0] = 1172;
    after.bandwidth[0][GB_LEVEL_MEMORY].read = 9.49;
    before.bandwidth[1][GB_LEVEL_MEMORY].read = 0.5, after.bandwidth[1][GB_LEVEL_MEMORY].read = 0.6; /* slower than 1 */
    gb_roofs_warn_moved(&before, &after, &warnings);
    char widest[GB_WARNING_MAX], second[GB_WARNING_MAX];
    snprintf(widest, sizeof widest, "the FMA roof of %s f32 on 1 thread moved from 1.23e+03 to 1.17e+03 GFLOP/s during the run",
             gk_isa_get(LAST, GK_F32)->name);
    snprintf(second, sizeof second, "the FMA roof of %s f64 on 4 threads moved from 100 to 105 GFLOP/s during the run",
             gk_isa_get(MIDDLE, GK_F32)->name);
    assert_int_equal(warnings.count, 4);
    assert_string_equal(warnings.list[0], widest);
    assert_string_equal(warnings.list[1], "the read roof of memory on 1 thread moved from 10 to 9.49 GB/s during the run");
    assert_string_equal(warnings.list[2], second);
    assert_string_equal(warnings.list[3], "the read roof of memory on 4 threads moved from 0.5 to 0.6 GB/s during the run");
}

/* --- this machine */

static void this_machine_is_measured(void **state) {
    (void)state;
    static struct gb_roofs roofs = {.n_threads = 1, .threads = {1}};
    struct gb_warnings warnings = {.count = 0};
    const struct gb_work work = {.read = 3e5, .written = 1e5, .footprint = 4e5};
    roofs.isas[gb_widest_isa()] = roofs.dtypes[F32] = true;
    assert_true(gb_roofs_measure(&roofs, NULL, 1, &warnings));
    assert_true(roofs.fma[gb_widest_isa()][F32][0] > 1e-3);
    for (size_t level = 0; level < GB_LEVEL_COUNT; level++) {
        struct gb_bandwidth *const b = &roofs.bandwidth[0][level];
        assert_true(b->read > 1e-3 && b->copy > 1e-3 && b->copy_nt > 1e-3 && b->triad > 1e-3 && b->triad_nt > 1e-3);
        *b = (struct gb_bandwidth){1e-4, 1e-4, 1e-4, 1e-4, 1e-4};
    }
    const double ns = 4e5 / 1e-3; /* ten times the roof */
    gb_roofs_look_again(&roofs, NULL, 0, GK_F32, 1, &work, ns);
    assert_int_equal(roofs.n_spots, 1);
    const struct gb_share share = gb_roofs_share(&roofs, 0, GK_F32, 1, &work, ns);
    assert_true(share.fraction > 0 && share.fraction < 1);
}

int main(void) {
    unsetenv("GRADKERN_ISA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_by_size),
        cmocka_unit_test(bytes_of_the_levels),
        cmocka_unit_test(each_probe_in_each_round),
        cmocka_unit_test(as_many_roofs_as_can_be),
        cmocka_unit_test(whole_lines_are_touched),
        cmocka_unit_test(the_widest_usable_moves),
        cmocka_unit_test(rounds_make_a_millisecond),
        cmocka_unit_test(roofs_are_amounts_a_ns),
        cmocka_unit_test(the_best_sample_counts),
        cmocka_unit_test(no_roof_of_threads_that_are_not_there),
        cmocka_unit_test(low_beside_other_thread_counts),
        cmocka_unit_test(low_beside_a_narrower_one),
        cmocka_unit_test(levels_that_do_not_fit),
        cmocka_unit_test(no_memory_at_all),
        cmocka_unit_test(the_largest_level_needs_the_memory),
        cmocka_unit_test(what_cannot_be_mapped_does_not_fit),
        cmocka_unit_test(threads_are_found),
        cmocka_unit_test(shares),
        cmocka_unit_test(spots_count),
        cmocka_unit_test(fma_is_measured_again),
        cmocka_unit_test(moves_are_measured),
        cmocka_unit_test(no_spot_is_needed),
        cmocka_unit_test(chains_are_measured_again),
        cmocka_unit_test(a_spot_once),
        cmocka_unit_test(moved_roofs),
        cmocka_unit_test(this_machine_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
