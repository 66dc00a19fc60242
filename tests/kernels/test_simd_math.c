/* exp, log and sigmoid of every usable isa, exp and sigmoid by their kernels: every float against libm in double, whose own
 * error is below a millionth of a float's ULP; doubles against long double; specials; the neighbours of every value at which a
 * path changes; exp and log monotone from one float to the next; the same bits in every isa.
 *
 * The first isa calls fma as a function and would take most of the time: it takes one float in STRIDE, with an offset from
 * the seed, all of them where GK_LONG=1; the other isas always take every float. GK_SEED sets the seed. With GK_QUICK=1 all
 * isas take one float in QUICK_STEP. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/team.h"
#include "support_lineup.h"
#include "support_shares.h"

enum { COLUMNS_MAX = 16, CHUNK = 4096, STRIDE = 13, THREADS_MAX = 64, LOGGED_MAX = 5, QUICK_STEP = 127, NEAR = 64 };

enum function { EXP, LOG, SIGMOID, FUNCTIONS };

static const char *const names[FUNCTIONS] = {"exp", "log", "sigmoid"};
static const double most_ulp[FUNCTIONS] = {1, 1, 2.5};

/* Of all results of a sweep, a quick one, and near the cuts; the same on every machine. A change raises GK_NUMERICS_VERSION. */
static const uint64_t checksums[FUNCTIONS] = {0x76023c6315df516f, 0x6fe19c19ec9fc5bc, 0xb725323fa6a6a23b};
static const uint64_t quick_checksums[FUNCTIONS] = {0xce90fa9b7a4234dc, 0xbb05b09447d8f6b4, 0xe09da0c08c68022e};
static const uint64_t cut_checksums[FUNCTIONS][GK_DTYPE_COUNT] = {{0xb9529aff4d282ad3, 0x0b5de9a0cdd5d1f9},
                                                                  {0x59a3823b81bebb01, 0xa2f0ca4237f6c025},
                                                                  {0x455a655c0a3d6ad0, 0x462307b67d0e0d91}};

static size_t isas[COLUMNS_MAX], n_columns; /* usable, plainest first */
static uint64_t seed = 20240607;
static bool thorough;

/* Runs body(all, i) for each i below count, on a thread for each processor. */
struct tasks {
    void (*body)(void *all, size_t i);
    void *all;
    size_t count;
    atomic_size_t next;
};

static void *take_tasks(void *pointer) {
    struct tasks *const t = pointer;
    for (size_t i; (i = atomic_fetch_add(&t->next, 1)) < t->count;) t->body(t->all, i);
    return NULL;
}

static void run_tasks(void (*body)(void *all, size_t i), void *all, size_t count) {
    struct tasks tasks = {.body = body, .all = all, .count = count};
    pthread_t threads[THREADS_MAX];
    const size_t n_threads = gb_processors(THREADS_MAX);
    for (size_t i = 0; i < n_threads; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_tasks, &tasks), 0);
    for (size_t i = 0; i < n_threads; i++) pthread_join(threads[i], NULL);
}

/* The floats whose bits are begin, begin + step, ... before end. */
struct tally {
    enum function function;
    uint64_t begin, end, step;
    double worst;
    uint32_t worst_at;
    uint64_t checksum; /* the sum of (2 x + 1) y, both as bits, every NaN the same */
    size_t failures, inputs[COLUMNS_MAX];
};

static void apply(enum function f, enum gk_dtype dtype, size_t isa, size_t n, const void *x, void *y) {
    static const struct gk_caches caches = {.l3 = SIZE_MAX};
    static const struct gk_team alone = {.size = 1, .caches = &caches};
    const struct gk_isa *const column = gk_isa_get(isas[isa], dtype);
    const gk_exp_forward_args exp_args = {.n = 1, .d = n, .x = x, .y = y};
    const gk_sigmoid_forward_args sigmoid_args = {.n = 1, .d = n, .x = x, .y = y};
    if (f == LOG) column->math->log(n, x, y);
    else if (f == EXP) column->cells[GK_KERNEL_exp_forward]->run(&exp_args, &alone);
    else column->cells[GK_KERNEL_sigmoid_forward]->run(&sigmoid_args, &alone);
}

static double truth_of(enum function f, double x) { return f == LOG ? log(x) : f == EXP ? exp(x) : 1 / (1 + exp(-x)); }

static long double wide_truth_of(enum function f, double x) {
    return f == LOG ? logl(x) : f == EXP ? expl(x) : 1 / (1 + expl(-(long double)x));
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

/* One chunk of floats that follow one another: isa `first` on all of them. */
static void sweep_chunk(struct tally *t, size_t first, uint32_t base, size_t n, float *previous) {
    float x[CHUNK], y[COLUMNS_MAX][CHUNK];
    uint32_t bits[CHUNK];
    for (size_t i = 0; i < n; i++) x[i] = float_of(bits[i] = base + (uint32_t)(i * t->step));
    for (size_t c = first; c < n_columns; c++) {
        apply(t->function, GK_F32, c, n, x, y[c]);
        t->inputs[c] += n;
    }
    for (size_t c = first + 1; c < n_columns; c++) {
        if (memcmp(y[c], y[first], n * sizeof(float)) == 0) continue;
        for (size_t i = 0; i < n; i++)
            if (bits_of(y[c][i]) != bits_of(y[first][i]))
                complain(t, c, bits[i], "bits differ between isas", y[c][i], y[first][i]);
    }
    for (size_t i = 0; i < n; i++) t->checksum += (2 * (uint64_t)bits[i] + 1) * bits_of(y[first][i]);
    const bool falling = base >> 31;
    for (size_t i = 0; i < n; i++) {
        const float got = y[first][i];
        const double truth = truth_of(t->function, x[i]), error = error_of(got, truth);
        if (error > t->worst) t->worst = error, t->worst_at = bits[i];
        if (!(error <= most_ulp[t->function])) complain(t, first, bits[i], "too many ULP", got, truth);
        const bool turns = falling ? got > *previous : got < *previous;
        if (turns && t->function != SIGMOID) complain(t, first, bits[i], "not monotone", got, *previous);
        *previous = got;
    }
}

/* The plainest isa on one float in STRIDE of the chunk, where it did not take all. */
static void sample_chunk(struct tally *t, uint32_t base, size_t n) {
    float x[CHUNK] = {0}, plain[CHUNK], widest[CHUNK];
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

static void sweep_piece(void *all, size_t piece) {
    struct tally *const t = (struct tally *)all + piece;
    const size_t first = n_columns > 1 && !thorough && t->step == 1 ? 1 : 0;
    float previous = NAN;
    if (t->begin << 33) { /* neither 0 nor -0: there is a float before it */
        const float before = float_of((uint32_t)t->begin - 1);
        apply(t->function, GK_F32, n_columns - 1, 1, &before, &previous);
    }
    for (uint64_t base = t->begin; base < t->end; base += CHUNK * t->step) {
        const uint64_t left = (t->end - base + t->step - 1) / t->step;
        const size_t n = left < CHUNK ? (size_t)left : CHUNK;
        sweep_chunk(t, first, (uint32_t)base, n, &previous);
        if (first > 0) sample_chunk(t, (uint32_t)base, n);
    }
}

/* Floats whose bits are in [0, end), piece by piece: Inf and NaN are cheaper than the others. */
static void sweep(enum function function, uint64_t end) {
    enum { PIECES = 128 };
    static struct tally parts[PIECES];
    const bool quick = gb_quick();
    const uint64_t step = quick ? QUICK_STEP : 1, piece = end / PIECES;
    struct tally total = {.function = function};
    for (size_t i = 0; i < PIECES; i++)
        parts[i] = (struct tally){.function = function, .begin = i * piece, .end = (i + 1) * piece, .step = step};
    run_tasks(sweep_piece, parts, PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        total.failures += parts[i].failures;
        total.checksum += parts[i].checksum;
        if (parts[i].worst > total.worst) total.worst = parts[i].worst, total.worst_at = parts[i].worst_at;
        for (size_t c = 0; c < n_columns; c++) total.inputs[c] += parts[i].inputs[c];
    }
    printf("%s f32: at most %.4f ULP, at %a;", names[function], total.worst, (double)float_of(total.worst_at));
    for (size_t c = 0; c < n_columns; c++)
        printf(" %s %zu of %llu inputs", gk_isa_get(isas[c], GK_F32)->name, total.inputs[c], (unsigned long long)end);
    printf(" checksum %#llx\n", (unsigned long long)total.checksum);
    assert_int_equal(total.failures, 0);
    assert_true(total.checksum == (quick ? quick_checksums : checksums)[function]);
    for (size_t c = 0; c < n_columns; c++)
        assert_true(total.inputs[c] >= end / step / (c > 0 || thorough || quick ? 1 : STRIDE + 1));
}

static void exp_of_every_float(void **state) {
    (void)state;
    sweep(EXP, (uint64_t)1 << 32);
}

static void sigmoid_of_every_float(void **state) {
    (void)state;
    sweep(SIGMOID, (uint64_t)1 << 32);
}

/* x >= 0 and NaN. */
static void log_of_every_float(void **state) {
    (void)state;
    sweep(LOG, (uint64_t)1 << 31);
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
    if (f != LOG) {
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

static void check_doubles(void *all, size_t stream) {
    struct doubles *const t = (struct doubles *)all + stream;
    for (size_t done = 0; done < t->count; done += CHUNK) {
        double x[CHUNK], y[COLUMNS_MAX][CHUNK];
        for (size_t i = 0; i < CHUNK; i++) x[i] = input(t->function, &t->random);
        for (size_t c = 0; c < n_columns; c++) apply(t->function, GK_F64, c, CHUNK, x, y[c]);
        for (size_t i = 0; i < CHUNK; i++) {
            const long double truth = wide_truth_of(t->function, x[i]);
            const double error = truth == -INFINITY && y[0][i] == -INFINITY ? 0 : error_f64(y[0][i], truth);
            if (!(error <= t->worst)) t->worst = error, t->worst_at = x[i];
            bool same = true;
            for (size_t c = 1; c < n_columns; c++) same = same && memcmp(&y[c][i], &y[0][i], sizeof(double)) == 0;
            if (same && error <= most_ulp[t->function]) continue;
            if (++t->failures <= LOGGED_MAX)
                fprintf(stderr, "FAILED %s(%a) f64: %a, %g ULP from %La, isas %s\n", names[t->function], x[i], y[0][i], error,
                        truth, same ? "agree" : "differ");
        }
    }
}

static void doubles(enum function function) {
    enum { STREAMS = 16 };
    const size_t count = (thorough ? 100000000 : gb_quick() ? 400000 : 10000000) / STREAMS;
    struct doubles streams[STREAMS];
    size_t failures = 0;
    for (size_t i = 0; i < STREAMS; i++)
        streams[i] = (struct doubles){.function = function, .random = seed + ((uint64_t)i << 60), .count = count};
    run_tasks(check_doubles, streams, STREAMS);
    const struct doubles *worst = streams;
    for (size_t i = 0; i < STREAMS; i++) {
        failures += streams[i].failures;
        if (!(streams[i].worst <= worst->worst)) worst = &streams[i];
    }
    printf("%s f64: at most %.4f ULP, at %a, of %zu inputs in each of %zu isas\n", names[function], worst->worst,
           worst->worst_at, STREAMS * count, n_columns);
    assert_int_equal(failures, 0);
}

static void exp_of_doubles(void **state) {
    (void)state;
    doubles(EXP);
}

static void sigmoid_of_doubles(void **state) {
    (void)state;
    doubles(SIGMOID);
}

static void log_of_doubles(void **state) {
    (void)state;
    doubles(LOG);
}

/* Neighbours of a cut, NEAR on each side and itself. */
struct near {
    double xd[2 * NEAR + 1], yd[COLUMNS_MAX][2 * NEAR + 1];
    float xs[2 * NEAR + 1], ys[COLUMNS_MAX][2 * NEAR + 1];
};

static void fill_near(struct near *n, enum gk_dtype dtype, double cut) {
    double d = cut;
    float s = (float)cut;
    for (size_t i = 0; i < NEAR; i++) d = nextafter(d, -INFINITY), s = nextafterf(s, -INFINITY);
    for (size_t i = 0; i <= 2 * NEAR; i++, d = nextafter(d, INFINITY), s = nextafterf(s, INFINITY))
        n->xd[i] = dtype == GK_F64 ? d : (double)s, n->xs[i] = s;
}

/* As close as everywhere, and the same bits in every isa. Adds to the checksum. */
static void check_near(enum function f, enum gk_dtype dtype, double cut, uint64_t *checksum) {
    const bool wide = dtype == GK_F64;
    struct near n;
    fill_near(&n, dtype, cut);
    for (size_t c = 0; c < n_columns; c++)
        apply(f, dtype, c, 2 * NEAR + 1, wide ? (void *)n.xd : (void *)n.xs, wide ? (void *)n.yd[c] : (void *)n.ys[c]);
    for (size_t i = 0; i <= 2 * NEAR; i++) {
        const double x = n.xd[i], y = wide ? n.yd[0][i] : (double)n.ys[0][i];
        const long double truth = wide_truth_of(f, x);
        if (f == LOG && x < 0) continue;
        uint64_t bits = bits_of(n.ys[0][i]);
        if (wide) memcpy(&bits, &y, sizeof bits);
        *checksum += (2 * (*checksum >> 32) + 1) * bits;
        for (size_t c = 1; c < n_columns; c++)
            assert_true(wide ? memcmp(&n.yd[c][i], &y, sizeof y) == 0 : bits_of(n.ys[c][i]) == bits_of(n.ys[0][i]));
        const double error = y == (double)truth ? 0 : wide ? error_f64(y, truth) : error_of((float)y, (double)truth);
        if (!(error <= most_ulp[f])) fail_msg("%s(%a) %s is %a: %g ULP", names[f], x, gk_dtype_name(dtype), y, error);
    }
}

/* Where exp leaves its range or its results are subnormal, where its exponent changes; where log's argument is subnormal, where
 * its exponent changes, 1 and the ends. */
static void neighbours_of_cuts(void **state) {
    static const double ends[FUNCTIONS][GK_DTYPE_COUNT][9] = {
        {{0, -104, 89, -0x1.5d589ep+6, 0x1.62e42ep+6, -0x1.9fe368p+6, -150, 128, -0x1p-126},
         {0, -746, 710, -0x1.6232bdd7abcd2p+9, 0x1.62e42fefa39efp+9, -0x1.74910d52d3051p+9, -1100, 1100, -0x1p-1022}},
        {{0, 0x1p-126, 0x1.6a09e6p-1, 0x1.6a09e6p+0, 1, 2, 0x1.fffffep+127, 0x1p-140, 0x1p-149},
         {0, 0x1p-1022, 0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bcdp+0, 1, 2, 0x1.fffffffffffffp+1023, 0x1p-1060, 0x1p-1074}},
        {{0, -104, 104, -0x1.5d589ep+6, 0x1.5d589ep+6, -0x1.9fe368p+6, 0x1.154246p+4, -0x1.0a2b24p+4, 128},
         {0, -746, 746, -0x1.6232bdd7abcd2p+9, 0x1.6232bdd7abcd2p+9, -0x1.74910d52d3051p+9, 37, -36, 1100}}};
    size_t wrong = 0;
    (void)state;
    for (int i = 0; i < FUNCTIONS * GK_DTYPE_COUNT; i++) {
        const enum function f = (enum function)(i / GK_DTYPE_COUNT);
        const enum gk_dtype dtype = (enum gk_dtype)(i % GK_DTYPE_COUNT);
        const int exponents = dtype == GK_F64 ? 1100 : 160;
        uint64_t checksum = 0;
        for (size_t k = 0; k < 9; k++) check_near(f, dtype, ends[f][dtype][k], &checksum);
        for (int k = -exponents; k <= exponents; k++)
            check_near(f, dtype, f == LOG ? ldexp(0x1.6a09e667f3bcdp-1, k) : (k + 0.5) * 0x1.62e42fefa39efp-1, &checksum);
        printf("%s %s near the cuts: checksum %#llx\n", names[f], gk_dtype_name(dtype), (unsigned long long)checksum);
        wrong += checksum != cut_checksums[f][dtype];
    }
    assert_int_equal(wrong, 0);
}

/* The exp of softmax for every float that has the sign of -0, NaN among them: exp, but +0 where that is subnormal. */
enum { FLUSHED_PIECES = 128 };
static size_t flushed_failures[FLUSHED_PIECES];

static void check_flushed(void *all, size_t piece) {
    const uint64_t begin = ((uint64_t)1 << 31) + (piece << 24), step = gb_quick() ? QUICK_STEP : 1;
    (void)all;
    for (uint64_t base = begin; base < begin + (1 << 24); base += CHUNK * step)
        for (size_t c = n_columns > 1 && !thorough && step == 1 ? 1 : 0; c < n_columns; c++) {
            float x[CHUNK], y[CHUNK], flushed[CHUNK];
            for (size_t i = 0; i < CHUNK; i++) x[i] = float_of((uint32_t)(base + i * step) | 1u << 31);
            apply(EXP, GK_F32, c, CHUNK, x, y);
            gk_isa_get(isas[c], GK_F32)->math->exp_flushed(CHUNK, x, flushed);
            for (size_t i = 0; i < CHUNK; i++) {
                const float want = y[i] < 0x1p-126f ? 0 : y[i];
                if (bits_of(flushed[i]) == bits_of(want) || ++flushed_failures[piece] > LOGGED_MAX) continue;
                fprintf(stderr, "FAILED exp_flushed(%a) isa %s: %a, expected %a\n", (double)x[i],
                        gk_isa_get(isas[c], GK_F32)->name, (double)flushed[i], (double)want);
            }
        }
}

static void exp_flushed_of_every_negative_float(void **state) {
    (void)state;
    run_tasks(check_flushed, NULL, FLUSHED_PIECES);
    for (size_t i = 0; i < FLUSHED_PIECES; i++) assert_int_equal(flushed_failures[i], 0);
}

/* The same near the cut, of doubles too, through the probabilities: beside a logit of 0 those of x are exp(x), whose addition
 * to 1 is lost, and +0 where that is subnormal. */
static void softmax_flushes_subnormals(void **state) {
    enum { CLASSES = 19, NEARBY = 2 * NEAR + 1 };
    static const double smallest[GK_DTYPE_COUNT] = {-0x1.5d589ep+6, -0x1.6232bdd7abcd2p+9};
    (void)state;
    for (size_t c = 0; c < n_columns * GK_DTYPE_COUNT; c++) {
        const enum gk_dtype dtype = (enum gk_dtype)(c % GK_DTYPE_COUNT);
        gk_context *const ctx = gb_context(isas[c / GK_DTYPE_COUNT], 1);
        struct near n;
        fill_near(&n, dtype, smallest[dtype]);
        for (size_t i = 0; i < NEARBY * CLASSES; i++) {
            double x[CLASSES], p[CLASSES];
            float xs[CLASSES], ps[CLASSES];
            const size_t at = i % CLASSES, k = i / CLASSES;
            for (size_t j = 0; j < CLASSES; j++) x[j] = j == at ? n.xd[k] : j == (at + 1) % CLASSES ? 0 : -INFINITY;
            for (size_t j = 0; j < CLASSES; j++) xs[j] = (float)x[j];
            const gk_softmax_xent_forward_args a = {.n = 1, .c = CLASSES, .x = xs, .p = ps};
            const gk_softmax_xent_forward_args_f64 wide = {.n = 1, .c = CLASSES, .x = x, .p = p};
            assert_int_equal(dtype == GK_F64 ? gk_softmax_xent_forward_f64(ctx, &wide) : gk_softmax_xent_forward(ctx, &a),
                             GK_OK);
            const double got = dtype == GK_F64 ? p[at] : (double)ps[at];
            double want = 0;
            if (n.xd[k] >= smallest[dtype] && dtype == GK_F64) apply(EXP, GK_F64, 0, 1, &x[at], &want);
            if (n.xd[k] >= smallest[dtype] && dtype == GK_F32) {
                float y;
                apply(EXP, GK_F32, 0, 1, &xs[at], &y);
                want = y;
            }
            if (got != want || signbit(got)) fail_msg("exp(%a) %s is %a, not %a", n.xd[k], gk_dtype_name(dtype), got, want);
        }
        gk_context_destroy(ctx);
    }
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
        cmocka_unit_test(measure_sees_errors),
        cmocka_unit_test(specials),
        cmocka_unit_test(neighbours_of_cuts),
        cmocka_unit_test(softmax_flushes_subnormals),
        cmocka_unit_test(exp_of_doubles),
        cmocka_unit_test(log_of_doubles),
        cmocka_unit_test(sigmoid_of_doubles),
        cmocka_unit_test(log_of_every_float),
        cmocka_unit_test(exp_of_every_float),
        cmocka_unit_test(sigmoid_of_every_float),
        cmocka_unit_test(exp_flushed_of_every_negative_float),
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
