/* exp and log of every usable isa: every float against libm in double, at most 1 ULP; doubles against long double; specials;
 * monotone from one float to the next; the same bits in every isa.
 *
 * The first isa calls fma as a function and would take most of the time: it takes one float in STRIDE, with an offset from
 * the seed, all of them where GK_LONG=1; the other isas always take every float. GK_SEED sets the seed. */
#include <math.h>
#include <pthread.h>

#include "support_lineup.h"

enum { COLUMNS_MAX = 16, CHUNK = 4096, STRIDE = 13, THREADS = 2, LOGGED_MAX = 5 };

enum function { EXP, LOG, FUNCTIONS };

static const char *const names[FUNCTIONS] = {"exp", "log"};

/* Of all results of a sweep, the same on every machine; a change raises GK_NUMERICS_VERSION. */
static const uint64_t checksums[FUNCTIONS] = {0x76023c6315df516f, 0x6fe19c19ec9fc5bc};

static size_t isas[COLUMNS_MAX], n_columns; /* usable, plainest first */
static uint64_t seed = 20240607;
static bool thorough;

struct tally {
    enum function function;
    uint64_t begin, end;
    double worst;
    uint32_t worst_at;
    uint64_t checksum; /* the sum of (2 x + 1) y, both as bits, every NaN the same */
    size_t failures, inputs[COLUMNS_MAX];
};

static void apply(enum function f, enum gk_dtype dtype, size_t isa, size_t n, const void *x, void *y) {
    const struct gk_math *const math = gk_isa_get(isas[isa], dtype)->math;
    (f == EXP ? math->exp : math->log)(n, x, y);
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return isnan(x) ? 0x7fc00000u : bits;
}

/* 2^-(floor(log2 |truth|) - 23), the reciprocal of a float's unit in the last place there. */
static double per_ulp(double truth) {
    uint64_t bits;
    double result;
    memcpy(&bits, &truth, sizeof bits);
    const uint64_t exponent = bits >> 52 & 0x7ff, bounded = exponent < 1023 - 126 ? 1023 - 126 : exponent;
    bits = (2 * 1023 + 23 - bounded) << 52;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* In units of the last place; beyond the largest float the next power of two stands for Inf. */
static double error_of(float got, double truth) {
    if (isnan(truth) || isnan(got)) return isnan(truth) && isnan(got) ? 0 : INFINITY;
    if (isinf(truth) && truth < 0) return got == -INFINITY ? 0 : INFINITY;
    const double g = isinf(got) ? copysign(0x1p128, got) : got, t = truth > 0x1p128 ? 0x1p128 : truth;
    return fabs(g - t) * (t == 0x1p128 ? 0x1p-104 : per_ulp(t));
}

static void complain(struct tally *t, size_t isa, uint32_t bits, const char *what, double got, double want) {
    if (++t->failures > LOGGED_MAX) return;
    fprintf(stderr, "FAILED %s(%a) isa %s: %s: %a, expected %a\n", names[t->function], (double)float_of(bits),
            gk_isa_get(isas[isa], GK_F32)->name, what, got, want);
}

/* One chunk of neighbouring floats: isa `first` on all of them. */
static void sweep_chunk(struct tally *t, size_t first, uint32_t base, size_t n, float *previous) {
    float x[CHUNK], y[COLUMNS_MAX][CHUNK];
    for (size_t i = 0; i < n; i++) x[i] = float_of(base + (uint32_t)i);
    for (size_t c = first; c < n_columns; c++) {
        apply(t->function, GK_F32, c, n, x, y[c]);
        t->inputs[c] += n;
    }
    for (size_t c = first + 1; c < n_columns; c++) {
        if (memcmp(y[c], y[first], n * sizeof(float)) == 0) continue;
        for (size_t i = 0; i < n; i++)
            if (bits_of(y[c][i]) != bits_of(y[first][i]))
                complain(t, c, base + (uint32_t)i, "bits differ between isas", y[c][i], y[first][i]);
    }
    for (size_t i = 0; i < n; i++) t->checksum += (2 * ((uint64_t)base + i) + 1) * bits_of(y[first][i]);
    const bool falling = base >> 31;
    for (size_t i = 0; i < n; i++) {
        const float got = y[first][i];
        const double truth = t->function == EXP ? exp(x[i]) : log(x[i]), error = error_of(got, truth);
        if (error > t->worst) t->worst = error, t->worst_at = base + (uint32_t)i;
        if (!(error <= 1)) complain(t, first, base + (uint32_t)i, "more than 1 ULP", got, truth);
        if (falling ? got > *previous : got < *previous) complain(t, first, base + (uint32_t)i, "not monotone", got, *previous);
        *previous = got;
    }
}

/* The plainest isa on one float in STRIDE of the chunk, where it did not take all. */
static void sample_chunk(struct tally *t, uint32_t base, size_t n) {
    float x[CHUNK], plain[CHUNK], widest[CHUNK];
    size_t count = 0;
    for (size_t i = (seed + STRIDE - base % STRIDE) % STRIDE; i < n; i += STRIDE) x[count++] = float_of(base + (uint32_t)i);
    apply(t->function, GK_F32, 0, count, x, plain);
    apply(t->function, GK_F32, n_columns - 1, count, x, widest);
    t->inputs[0] += count;
    for (size_t i = 0; i < count; i++)
        if (bits_of(plain[i]) != bits_of(widest[i])) {
            uint32_t bits;
            memcpy(&bits, &x[i], sizeof bits);
            complain(t, 0, bits, "bits differ between isas", plain[i], widest[i]);
        }
}

static void *sweep_range(void *pointer) {
    struct tally *const t = pointer;
    const size_t first = n_columns > 1 && !thorough ? 1 : 0;
    float previous = NAN;
    for (uint64_t base = t->begin; base < t->end; base += CHUNK) {
        const size_t n = t->end - base < CHUNK ? (size_t)(t->end - base) : CHUNK;
        if (base == 0x80000000u) previous = NAN; /* from the largest NaN to -0 */
        sweep_chunk(t, first, (uint32_t)base, n, &previous);
        if (first > 0) sample_chunk(t, (uint32_t)base, n);
    }
    return NULL;
}

/* Floats whose bits are in [begin, end), shared out among the threads piece by piece: Inf and NaN are cheaper than the others.
 */
static void sweep(enum function function, uint64_t begin, uint64_t end) {
    struct tally total = {.function = function};
    const uint64_t pieces = 8, piece = (end - begin) / (pieces * THREADS);
    assert_true(piece % CHUNK == 0 && begin + piece * pieces * THREADS == end);
    for (uint64_t p = 0; p < pieces; p++) {
        struct tally parts[THREADS];
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            const uint64_t from = begin + (p * THREADS + i) * piece;
            parts[i] = (struct tally){.function = function, .begin = from, .end = from + piece};
            assert_int_equal(pthread_create(&threads[i], NULL, sweep_range, &parts[i]), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            total.failures += parts[i].failures;
            total.checksum += parts[i].checksum;
            if (parts[i].worst > total.worst) total.worst = parts[i].worst, total.worst_at = parts[i].worst_at;
            for (size_t c = 0; c < n_columns; c++) total.inputs[c] += parts[i].inputs[c];
        }
        if (total.failures && getenv("CMOCKA_TEST_ABORT")) break;
    }
    printf("%s f32: at most %.4f ULP, at %a;", names[function], total.worst, (double)float_of(total.worst_at));
    for (size_t c = 0; c < n_columns; c++)
        printf(" %s %zu of %llu inputs", gk_isa_get(isas[c], GK_F32)->name, total.inputs[c], (unsigned long long)(end - begin));
    printf(" checksum %#llx\n", (unsigned long long)total.checksum);
    assert_int_equal(total.failures, 0);
    assert_true(total.checksum == checksums[function]);
    for (size_t c = 0; c < n_columns; c++) assert_true(total.inputs[c] >= (end - begin) / (c > 0 || thorough ? 1 : STRIDE + 1));
}

static void exp_of_every_float(void **state) {
    (void)state;
    sweep(EXP, 0, (uint64_t)1 << 32);
}

/* x >= 0 and NaN. */
static void log_of_every_float(void **state) {
    (void)state;
    sweep(LOG, 0, (uint64_t)1 << 31);
}

static uint64_t next(uint64_t *random) {
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Where both the result is finite and where it is not; near 0 (exp) and 1 (log), subnormal arguments and results. */
static double input(enum function f, uint64_t *random) {
    const uint64_t bits = next(random);
    const double unit = (double)(next(random) >> 11) * 0x1p-53, sign = bits & 16 ? -1 : 1;
    double x;
    if (f == EXP) {
        if (bits % 8 == 0) return sign * ldexp(unit, -(int)(bits >> 8 & 63));
        return bits % 8 == 1 ? -708 - 38 * unit : unit * 1460 - 748;
    }
    if (bits % 8 == 0) return 1 + sign * ldexp(unit, -1 - (int)(bits >> 8 & 63) % 52);
    const uint64_t finite = bits % 8 == 1 ? next(random) >> 12 : next(random) % 0x7ff0000000000000u;
    memcpy(&x, &finite, sizeof x);
    return x;
}

static double error_f64(double got, long double truth) {
    int exponent = -1021;
    if (truth != 0) frexpl(truth, &exponent);
    if (truth > 0x1p1024L) truth = 0x1p1024L, exponent = 1024;
    const long double ulp = ldexpl(1, (exponent < -1021 ? -1021 : exponent) - 53);
    const long double g = isinf(got) ? copysignl(0x1p1024L, got) : (long double)got;
    return isnan(got) ? INFINITY : (double)(fabsl(g - truth) / ulp);
}

struct doubles {
    enum function function;
    uint64_t random;
    size_t count, failures;
    double worst, worst_at;
};

static void *check_doubles(void *pointer) {
    struct doubles *const t = pointer;
    for (size_t done = 0; done < t->count; done += CHUNK) {
        double x[CHUNK], y[COLUMNS_MAX][CHUNK];
        for (size_t i = 0; i < CHUNK; i++) x[i] = input(t->function, &t->random);
        for (size_t c = 0; c < n_columns; c++) apply(t->function, GK_F64, c, CHUNK, x, y[c]);
        for (size_t i = 0; i < CHUNK; i++) {
            const long double truth = t->function == EXP ? expl(x[i]) : logl(x[i]);
            const double error = truth == -INFINITY && y[0][i] == -INFINITY ? 0 : error_f64(y[0][i], truth);
            if (!(error <= t->worst)) t->worst = error, t->worst_at = x[i];
            bool same = true;
            for (size_t c = 1; c < n_columns; c++) same = same && memcmp(&y[c][i], &y[0][i], sizeof(double)) == 0;
            if (same && error <= 1) continue;
            if (++t->failures <= LOGGED_MAX)
                fprintf(stderr, "FAILED %s(%a) f64: %a, %g ULP from %La, isas %s\n", names[t->function], x[i], y[0][i], error,
                        truth, same ? "agree" : "differ");
        }
    }
    return NULL;
}

static void doubles(enum function function) {
    const size_t count = (thorough ? 100000000 : 10000000) / THREADS;
    struct doubles parts[THREADS];
    pthread_t threads[THREADS];
    size_t failures = 0;
    for (size_t i = 0; i < THREADS; i++) {
        parts[i] = (struct doubles){.function = function, .random = seed + ((uint64_t)i << 60), .count = count};
        assert_int_equal(pthread_create(&threads[i], NULL, check_doubles, &parts[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failures += parts[i].failures;
        printf("%s f64: at most %.4f ULP, at %a, of %zu inputs in each of %zu isas\n", names[function], parts[i].worst,
               parts[i].worst_at, count, n_columns);
    }
    assert_int_equal(failures, 0);
}

static void exp_of_doubles(void **state) {
    (void)state;
    doubles(EXP);
}

static void log_of_doubles(void **state) {
    (void)state;
    doubles(LOG);
}

/* In each lane of whole and partial vectors. */
static void assert_everywhere(enum function f, enum gk_dtype dtype, double x, double want) {
    enum { LENGTH = 35 };
    for (size_t c = 0; c < n_columns; c++)
        for (size_t n = 1; n <= LENGTH; n++)
            for (size_t at = 0; at < n; at++) {
                float xs[LENGTH], ys[LENGTH + 1];
                double xd[LENGTH], yd[LENGTH + 1];
                for (size_t i = 0; i < n; i++) xs[i] = (float)(xd[i] = i == at ? x : 1);
                ys[n] = (float)(yd[n] = 77);
                apply(f, dtype, c, n, dtype == GK_F64 ? (void *)xd : (void *)xs, dtype == GK_F64 ? (void *)yd : (void *)ys);
                const double got = dtype == GK_F64 ? yd[at] : ys[at], after = dtype == GK_F64 ? yd[n] : ys[n];
                const bool same = isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want);
                if (!same || after != 77)
                    fail_msg("%s %s %s(%a) is %a, expected %a; element %zu of %zu", gk_isa_get(isas[c], dtype)->name,
                             gk_dtype_name(dtype), names[f], x, got, want, at, n);
            }
}

static void specials(void **state) {
    (void)state;
    for (int d = 0; d < GK_DTYPE_COUNT; d++) {
        const enum gk_dtype dtype = (enum gk_dtype)d;
        const double largest = dtype == GK_F64 ? 0x1.fffffffffffffp1023 : 0x1.fffffep127;
        assert_everywhere(EXP, dtype, NAN, NAN);
        assert_everywhere(EXP, dtype, INFINITY, INFINITY);
        assert_everywhere(EXP, dtype, -INFINITY, 0);
        assert_everywhere(EXP, dtype, 0.0, 1);
        assert_everywhere(EXP, dtype, -0.0, 1);
        assert_everywhere(EXP, dtype, largest, INFINITY);
        assert_everywhere(EXP, dtype, -largest, 0);
        assert_everywhere(EXP, dtype, dtype == GK_F64 ? 0x1p-1074 : 0x1p-149, 1);
        assert_everywhere(LOG, dtype, NAN, NAN);
        assert_everywhere(LOG, dtype, INFINITY, INFINITY);
        assert_everywhere(LOG, dtype, 0.0, -INFINITY);
        assert_everywhere(LOG, dtype, -0.0, -INFINITY);
        assert_everywhere(LOG, dtype, 1, 0);
    }
}

/* The measure itself: it sees one unit too many, Inf too early, NaN for a number. */
static void measure_sees_errors(void **state) {
    (void)state;
    assert_true(error_of(1, 1) == 0);
    assert_true(error_of(nextafterf(1, 2), 1) == 1);
    assert_true(error_of(nextafterf(nextafterf(1, 2), 2), 1) == 2);
    assert_true(error_of(0x1p-148f, 0) == 2);
    assert_true(error_of(NAN, 1) == INFINITY && error_of(1, NAN) == INFINITY && error_of(NAN, NAN) == 0);
    assert_true(error_of(INFINITY, 0x1.fffffcp127) == 2);
    assert_true(error_of(0x1.fffffep127f, 1e300) == 1 && error_of(0x1.fffffcp127f, 1e300) == 2);
    assert_true(error_of(0, -INFINITY) == INFINITY);
    assert_true(error_f64(nextafter(1, 2), 1) == 1 && error_f64(0x1p-1073, 0) == 2 && error_f64(NAN, 0) == INFINITY);
    assert_true(error_f64(INFINITY, 0x1.ffffffffffffep1023L) == 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measure_sees_errors), cmocka_unit_test(specials),           cmocka_unit_test(exp_of_doubles),
        cmocka_unit_test(log_of_doubles),      cmocka_unit_test(log_of_every_float), cmocka_unit_test(exp_of_every_float),
    };
    const char *const length = getenv("GK_LONG"), *const number = getenv("GK_SEED");
    thorough = length && strcmp(length, "1") == 0;
    if (number) seed = strtoull(number, NULL, 0);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) {
        if (gb_isa_runs(i)) isas[n_columns++] = i;
    }
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
