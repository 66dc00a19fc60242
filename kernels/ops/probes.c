/* Roof probes and the vector functions over arrays: what the isa's registers and this machine's memory can do at best. */
#include "kernel.h"

#if GK_IS_REFERENCE
static vf vf_load(const real *p) { return *p; }
static void vf_store(real *p, vf a) { *p = a; }
static void vf_stream(real *p, vf a) { *p = a; }
static void vf_fence(void) {}
#endif

/* GK_PROBE_CHAINS independent chains of fma, enough to hide a latency of 4 to 5 cycles on two units. They start from different
 * values: a compiler makes one chain of equal ones. */
static void probe_fma(const void *p, const struct gk_team *team) {
    const struct gk_probe_args *const args = p;
    real *const sink = (real *)((char *)args->sink + 64 * team->rank);
    const vf a = vf_set1((real)0.999), b = vf_set1((real)0.001);
    vf c0 = vf_set1(0), c1 = vf_set1(1), c2 = vf_set1(2), c3 = vf_set1(3), c4 = vf_set1(4), c5 = vf_set1(5);
    vf c6 = vf_set1(6), c7 = vf_set1(7), c8 = vf_set1(8), c9 = vf_set1(9), c10 = vf_set1(10), c11 = vf_set1(11);
    for (size_t round = 0; round < args->rounds; round++)
        for (size_t step = 0; step < GK_PROBE_STEPS; step++) {
            c0 = vf_fma(c0, a, b), c1 = vf_fma(c1, a, b), c2 = vf_fma(c2, a, b), c3 = vf_fma(c3, a, b);
            c4 = vf_fma(c4, a, b), c5 = vf_fma(c5, a, b), c6 = vf_fma(c6, a, b), c7 = vf_fma(c7, a, b);
            c8 = vf_fma(c8, a, b), c9 = vf_fma(c9, a, b), c10 = vf_fma(c10, a, b), c11 = vf_fma(c11, a, b);
        }
    const vf sum = vf_add(vf_add(vf_add(c0, c1), vf_add(c2, c3)), vf_add(vf_add(c4, c5), vf_add(c6, c7)));
    real lanes[GK_LANES];
    vf_store(lanes, vf_add(sum, vf_add(vf_add(c8, c9), vf_add(c10, c11))));
    *sink = lanes[0];
}

/* One chain tells how long an operation takes. */
static void tell_first(const struct gk_probe_args *args, const struct gk_team *team, vf c) {
    real lanes[GK_LANES];
    vf_store(lanes, c);
    *(real *)((char *)args->sink + 64 * team->rank) = lanes[0];
}

static void probe_fma_chain(const void *p, const struct gk_team *team) {
    const struct gk_probe_args *const args = p;
    const vf a = vf_set1((real)0.999), b = vf_set1((real)0.001);
    vf c = vf_set1(0);
    for (size_t step = 0; step < args->rounds * GK_PROBE_STEPS; step++) c = vf_fma(c, a, b);
    tell_first(args, team, c);
}

static void probe_add_chain(const void *p, const struct gk_team *team) {
    const struct gk_probe_args *const args = p;
    const vf a = vf_set1((real)0.001);
    vf c = vf_set1(0);
    for (size_t step = 0; step < args->rounds * GK_PROBE_STEPS; step++) c = vf_add(c, a);
    tell_first(args, team, c);
}

enum { UNROLL = 4 };

static void probe_read(const void *p, const struct gk_team *team) {
    const struct gk_probe_args *const args = p;
    const size_t count = args->bytes / sizeof(real) / (UNROLL * GK_LANES) * (UNROLL * GK_LANES);
    const real *const x = (const real *)((const char *)args->buffer + team->rank * args->bytes);
    vf m0 = vf_set1(0), m1 = m0, m2 = m0, m3 = m0;
    for (size_t round = 0; round < args->rounds; round++)
        for (size_t i = 0; i < count; i += UNROLL * GK_LANES) {
            m0 = vf_max(m0, vf_load(x + i)), m1 = vf_max(m1, vf_load(x + i + GK_LANES));
            m2 = vf_max(m2, vf_load(x + i + 2 * GK_LANES)), m3 = vf_max(m3, vf_load(x + i + 3 * GK_LANES));
        }
    real lanes[GK_LANES];
    vf_store(lanes, vf_max(vf_max(m0, m1), vf_max(m2, m3)));
    *(real *)((char *)args->sink + 64 * team->rank) = lanes[0];
}

/* The part of each thread is cut into so many that are alike. y = x, or y = x + the one between. */
GK_INLINE void move(const void *p, const struct gk_team *team, const int parts, void (*store)(real *, vf)) {
    const struct gk_probe_args *const args = p;
    const size_t part = args->bytes / (size_t)parts / sizeof(real) / (UNROLL * GK_LANES) * (UNROLL * GK_LANES);
    real *const x = (real *)((char *)args->buffer + team->rank * args->bytes), *const y = x + (size_t)(parts - 1) * part;
    for (size_t round = 0; round < args->rounds; round++)
        for (size_t i = 0; i < part; i += UNROLL * GK_LANES)
            for (size_t j = i; j < i + UNROLL * GK_LANES; j += GK_LANES)
                store(y + j, parts > 2 ? vf_add(vf_load(x + j), vf_load(x + part + j)) : vf_load(x + j));
}

static void probe_copy(const void *p, const struct gk_team *team) { move(p, team, 2, vf_store); }

static void probe_copy_nt(const void *p, const struct gk_team *team) {
    move(p, team, 2, vf_stream);
    vf_fence();
}

static void probe_triad(const void *p, const struct gk_team *team) { move(p, team, 3, vf_store); }

static void probe_triad_nt(const void *p, const struct gk_team *team) {
    move(p, team, 3, vf_stream);
    vf_fence();
}

extern gk_run *const GK_SYMBOL(probes)[GK_PROBE_COUNT];
gk_run *const GK_SYMBOL(probes)[GK_PROBE_COUNT] = {probe_fma,   probe_read,     probe_copy,      probe_copy_nt,
                                                   probe_triad, probe_triad_nt, probe_fma_chain, probe_add_chain};

GK_INLINE void map(size_t n, const real *x, real *y, vf (*function)(vf)) {
    size_t i = 0;
    for (; i + GK_LANES <= n; i += GK_LANES) vf_store(y + i, function(vf_load(x + i)));
    if (i == n) return;
    real last[GK_LANES] = {0};
    memcpy(last, x + i, (n - i) * sizeof(real));
    vf_store(last, function(vf_load(last)));
    memcpy(y + i, last, (n - i) * sizeof(real));
}

static void math_exp_flushed(size_t n, const void *x, void *y) {
    enum { TOGETHER = GK_EXP_CHAINS * GK_LANES };
    const real *from = x;
    real *to = y;
    for (; n >= TOGETHER; n -= TOGETHER, from += TOGETHER, to += TOGETHER) {
        vf e[GK_EXP_CHAINS];
        UNROLLED for (int i = 0; i < GK_EXP_CHAINS; i++) e[i] = vf_load(from + i * GK_LANES);
        vf_exp_flushed_together(e);
        UNROLLED for (int i = 0; i < GK_EXP_CHAINS; i++) vf_store(to + i * GK_LANES, e[i]);
    }
    map(n, from, to, vf_exp_flushed);
}

static void math_log(size_t n, const void *x, void *y) { map(n, x, y, vf_log); }

extern const struct gk_math GK_SYMBOL(math);
const struct gk_math GK_SYMBOL(math) = {.exp_flushed = math_exp_flushed, .log = math_log};
