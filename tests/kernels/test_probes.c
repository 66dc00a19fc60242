/* The roofs' probes, on each isa: they read, copy and calculate all that a roof is computed from, each thread its own part. */
#include <math.h>

#include "support_lineup.h"

enum { CACHE_LINE = 64, BYTES = 41 * CACHE_LINE, THREADS_MAX = 3 }; /* odd: a probe takes whole groups of vectors */

static _Alignas(4096) char buffer[THREADS_MAX * BYTES], before[THREADS_MAX * BYTES], sink[(THREADS_MAX + 1) * CACHE_LINE];

struct probing {
    size_t isa, threads, rounds;
    enum gk_dtype dtype;
};

/* The bytes of some, of which a probe takes whole groups of four vectors. */
static size_t whole(const struct probing *p, size_t bytes) {
    const size_t group = 4 * gk_isa_get(p->isa, p->dtype)->lanes * gk_dtype_size(p->dtype);
    return bytes / group * group;
}

static void run(const struct probing *p, enum gk_probe probe) {
    memset(sink, 0x55, sizeof sink);
    const struct gk_probe_args args = {.buffer = buffer, .bytes = BYTES, .rounds = p->rounds, .sink = sink};
    assert_int_equal(gk_probe_run(p->isa, p->dtype, probe, p->threads, &args), p->threads);
}

/* Fails where the probe wrote beside the thread's sink. */
static double sink_of(const struct probing *p, size_t rank) {
    const char *const at = sink + rank * CACHE_LINE;
    double wide;
    float narrow;
    for (size_t i = gk_dtype_size(p->dtype); i < CACHE_LINE; i++) assert_int_equal(at[i], 0x55);
    for (size_t i = p->threads * CACHE_LINE; i < sizeof sink; i++) assert_int_equal(sink[i], 0x55);
    memcpy(&wide, at, sizeof wide);
    memcpy(&narrow, at, sizeof narrow);
    return p->dtype == GK_F64 ? wide : (double)narrow;
}

static void set(const struct probing *p, size_t element, double value) {
    if (p->dtype == GK_F64) ((double *)buffer)[element] = value;
    else ((float *)buffer)[element] = (float)value;
}

static void copies(const struct probing *p) {
    const size_t half = whole(p, BYTES / 2);
    for (int probe = GK_PROBE_COPY; probe <= GK_PROBE_COPY_NT; probe++) {
        for (size_t i = 0; i < sizeof buffer; i++) before[i] = buffer[i] = (char)(i * 31 % 127);
        run(p, (enum gk_probe)probe);
        for (size_t rank = 0; rank < p->threads && p->rounds; rank++)
            memcpy(before + rank * BYTES + half, before + rank * BYTES, half);
        assert_memory_equal(buffer, before, sizeof buffer);
    }
}

static void adds(const struct probing *p) {
    const size_t third = whole(p, BYTES / 3), size = gk_dtype_size(p->dtype);
    for (int probe = GK_PROBE_TRIAD; probe <= GK_PROBE_TRIAD_NT; probe++) {
        memset(buffer, 0, sizeof buffer);
        for (size_t i = 0; i < sizeof buffer / size; i++) set(p, i, (double)i);
        memcpy(before, buffer, sizeof buffer);
        run(p, (enum gk_probe)probe);
        for (size_t rank = 0; rank < p->threads && p->rounds; rank++)
            for (size_t i = rank * BYTES / size; i < (rank * BYTES + third) / size; i++) {
                const size_t to = i + 2 * third / size;
                const double sum = (double)(2 * i + third / size);
                assert_true(p->dtype == GK_F64 ? ((double *)buffer)[to] == sum : ((float *)buffer)[to] == (float)sum);
                memcpy(before + to * size, buffer + to * size, size);
            }
        assert_memory_equal(buffer, before, sizeof buffer);
    }
}

/* Only what is in the first lane is told, so an element of it in each vector. */
static void reads(const struct probing *p) {
    const size_t lanes = gk_isa_get(p->isa, p->dtype)->lanes, size = gk_dtype_size(p->dtype);
    memset(buffer, 0, sizeof buffer);
    for (size_t i = 0; i < p->threads * BYTES / size; i += lanes) {
        const size_t owner = i * size / BYTES;
        const bool read = i * size % BYTES < whole(p, BYTES) && p->rounds;
        set(p, i, 5);
        run(p, GK_PROBE_READ);
        set(p, i, 0);
        for (size_t rank = 0; rank < p->threads; rank++) assert_true(sink_of(p, rank) == (rank == owner && read ? 5 : 0));
    }
}

static void calculates(const struct probing *p) {
    enum { CHAINS = 12, STEPS = 1024 };
    const struct gk_isa *const isa = gk_isa_get(p->isa, p->dtype);
    double sum = 0;
    for (int chain = 0; chain < CHAINS; chain++) {
        double wide = chain;
        float narrow = (float)chain;
        for (size_t step = 0; step < p->rounds * STEPS; step++)
            wide = fma(wide, 0.999, 0.001), narrow = fmaf(narrow, 0.999f, 0.001f);
        sum += p->dtype == GK_F64 ? wide : (double)narrow;
    }
    run(p, GK_PROBE_FMA);
    for (size_t rank = 0; rank < p->threads; rank++) assert_true(fabs(sink_of(p, rank) - sum) < 1e-6 * sum);
    assert_true(isa->fma_flops == 2.0 * CHAINS * STEPS * (double)isa->lanes);
}

/* Each of so many operations has the result of the one before. */
static void chains(const struct probing *p) {
    double fma_wide = 0, add_wide = 0;
    float fma_narrow = 0, add_narrow = 0;
    for (size_t step = 0; step < p->rounds * GK_PROBE_STEPS; step++) {
        fma_wide = fma(fma_wide, 0.999, 0.001), fma_narrow = fmaf(fma_narrow, 0.999f, 0.001f);
        add_wide += 0.001, add_narrow += 0.001f;
    }
    run(p, GK_PROBE_FMA_CHAIN);
    for (size_t rank = 0; rank < p->threads; rank++)
        assert_true(sink_of(p, rank) == (p->dtype == GK_F64 ? fma_wide : (double)fma_narrow));
    run(p, GK_PROBE_ADD_CHAIN);
    for (size_t rank = 0; rank < p->threads; rank++)
        assert_true(sink_of(p, rank) == (p->dtype == GK_F64 ? add_wide : (double)add_narrow));
}

static void on_each_isa(void (*body)(const struct probing *p)) {
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (!gb_isa_runs(isa)) continue;
        for (size_t i = 0; i < GK_DTYPE_COUNT * 2 * 3; i++) {
            const struct probing p = {.isa = isa,
                                      .dtype = (enum gk_dtype)(i % GK_DTYPE_COUNT),
                                      .threads = i / 2 % 2 ? THREADS_MAX : 1,
                                      .rounds = i / 4};
            body(&p);
        }
    }
}

static void copies_are_whole(void **state) {
    (void)state;
    on_each_isa(copies);
}

static void sums_are_whole(void **state) {
    (void)state;
    on_each_isa(adds);
}

static void all_is_read(void **state) {
    (void)state;
    on_each_isa(reads);
}

static void flops_are_those_told(void **state) {
    (void)state;
    on_each_isa(calculates);
}

static void chains_are_those_told(void **state) {
    (void)state;
    on_each_isa(chains);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_whole),     cmocka_unit_test(sums_are_whole),        cmocka_unit_test(all_is_read),
        cmocka_unit_test(flops_are_those_told), cmocka_unit_test(chains_are_those_told),
    };
    (void)argc;
    gb_wait_passively(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
