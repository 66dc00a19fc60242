/* exp and log, one sequence of fma, add, mul, div and integer steps for every instruction set and so the same bits from all.
 * The polynomials are minimax fits of this project (relative error 3e-9 and 6e-22 for exp, 5e-12 and 2e-18 for log). */
#ifndef GK_SIMD_MATH_H
#define GK_SIMD_MATH_H

#if GK_IS_F64
#define GK_MANTISSA        52
#define GK_BIAS            1023
#define GK_MAGIC           0x1.8p52 /* adding it rounds to an integer, which then stands in the low bits */
#define GK_LOG2E           0x1.71547652b82fep+0
#define GK_LN2_HI          0x1.62e42fefa4p-1 /* 41 bits: its product with an exponent is exact */
#define GK_LN2_LO          -0x1.8432a1b0e2634p-43
#define GK_EXP_MIN         -746.0 /* below: 0; above GK_EXP_MAX: Inf */
#define GK_EXP_MAX         710.0
#define GK_EXP_NORMAL      -0x1.6232bdd7abcd2p+9 /* the smallest x with exp(x) >= 2^-1022 */
#define GK_SMALLEST_NORMAL 0x1p-1022
#define GK_SQRT_HALF       0x3fe6a09e667f3bcdu
static const real gk_exp_terms[] = {0x1.607cfe04c9d56p-33, 0x1.1f9372be11f94p-29, 0x1.ae6521b86b68ep-26, 0x1.27e4c65cd46d5p-22,
                                    0x1.71de3a1404e32p-19, 0x1.a01a01b0bc916p-16, 0x1.a01a01a02c6b2p-13, 0x1.6c16c16c1424ep-10,
                                    0x1.11111111110ecp-7,  0x1.555555555555bp-5,  0x1.5555555555555p-3,  0x1p-1};
static const real gk_log_terms[] = {0x1.2f0d94ae194p-3,   0x1.39a0f4604aee4p-3, 0x1.746646334d674p-3, 0x1.c71c51e7d2a79p-3,
                                    0x1.2492494217d6ap-2, 0x1.999999997fb2dp-2, 0x1.5555555555593p-1};
#else
#define GK_MANTISSA        23
#define GK_BIAS            127
#define GK_MAGIC           0x1.8p23f
#define GK_LOG2E           0x1.715476p+0f
#define GK_LN2_HI          0x1.62e4p-1f /* 16 bits */
#define GK_LN2_LO          0x1.7f7d1cp-20f
#define GK_EXP_MIN         -104.0f
#define GK_EXP_MAX         89.0f
#define GK_EXP_NORMAL      -0x1.5d589ep+6f /* 2^-126 */
#define GK_SMALLEST_NORMAL 0x1p-126f
#define GK_SQRT_HALF       0x3f3504f3u
static const real gk_exp_terms[] = {0x1.6a23c8p-10f, 0x1.123a2p-7f, 0x1.5558f4p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f};
static const real gk_log_terms[] = {0x1.e2fdcep-3f, 0x1.2438a8p-2f, 0x1.999a7cp-2f, 0x1.555554p-1f};
#endif

#define GK_TERMS(a) (sizeof(a) / sizeof *(a))

/* Vectors whose exponentials are computed side by side, each operation of all of them before the next: one alone waits for its
 * own results most of the time, and compilers do not interleave. 5 are no faster. */
enum { GK_EXP_CHAINS = 4 };

#define GK_FOR_CHAINS(i) UNROLLED for (int i = 0; i < chains; i++)

/* Horner's rule, the highest term first. */
GK_INLINE void gk_polynomials(const vf *x, const real *terms, size_t count, vf *sum, const int chains) {
    GK_FOR_CHAINS(i) sum[i] = vf_set1(terms[0]);
    UNROLLED for (size_t term = 1; term < count; term++) GK_FOR_CHAINS(i) sum[i] = vf_fma(sum[i], x[i], vf_set1(terms[term]));
}

GK_INLINE vf gk_polynomial(vf x, const real *terms, size_t count) {
    vf sum;
    gk_polynomials(&x, terms, count, &sum, 1);
    return sum;
}

/* exp(x) = 2^k exp(r), |r| <= ln 2 / 2; n = magic + k. */
GK_INLINE void gk_exp_split(const vf *x, real magic, vf *n, vf *k, const int chains) {
    GK_FOR_CHAINS(i) n[i] = vf_fma(x[i], vf_set1(GK_LOG2E), vf_set1(magic));
    GK_FOR_CHAINS(i) k[i] = vf_sub(n[i], vf_set1(magic));
}

GK_INLINE void gk_exp_rest(const vf *x, const vf *k, vf *r, const int chains) {
    GK_FOR_CHAINS(i) r[i] = vf_fma(k[i], vf_set1(-GK_LN2_HI), x[i]);
    GK_FOR_CHAINS(i) r[i] = vf_fma(k[i], vf_set1(-GK_LN2_LO), r[i]);
}

/* a 2^k, rounded once, for n = GK_MAGIC + 2 GK_BIAS + k. Without an instruction for it 2^k is applied as 2^i 2^j with i half of
 * k, rounded down: so that only the second product can be subnormal. The bits of the magic number are shifted out. */
#ifndef GK_HAS_SCALE
GK_INLINE vf vf_scale(vf a, vf n, vf k) {
    (void)k;
    const vi both = vi_from_vf(n), half = vi_srl(both, 1), rest = vi_sub(both, half);
    return vf_mul(vf_mul(a, vf_from_vi(vi_sll(half, GK_MANTISSA))), vf_from_vi(vi_sll(rest, GK_MANTISSA)));
}
#endif

/* exp(r) = 1 + r + r^2 q. What 1 + r loses is added to the small terms: 1 + (r + r^2 q) alone has 1.01 ULP. */
GK_INLINE vf gk_exp_join(vf r, vf q) {
    const vf sum = vf_add(vf_set1(1), r), lost = vf_sub(r, vf_sub(sum, vf_set1(1)));
    return vf_add(sum, vf_fma(vf_mul(r, r), q, lost));
}

/* Of so many vectors in place, any x, or x <= 0 or NaN: at most 1 ULP, subnormal results included; exp(NaN) = NaN. */
GK_INLINE void gk_exp(vf *x, const bool negative, const int chains) {
    vf n[GK_EXP_CHAINS], k[GK_EXP_CHAINS], r[GK_EXP_CHAINS], q[GK_EXP_CHAINS];
    GK_FOR_CHAINS(i) x[i] = vf_max(vf_set1(GK_EXP_MIN), x[i]);
    if (!negative) GK_FOR_CHAINS(i) x[i] = vf_min(vf_set1(GK_EXP_MAX), x[i]);
    gk_exp_split(x, GK_MAGIC + 2 * GK_BIAS, n, k, chains);
    gk_exp_rest(x, k, r, chains);
    gk_polynomials(r, gk_exp_terms, GK_TERMS(gk_exp_terms), q, chains);
    GK_FOR_CHAINS(i) x[i] = vf_scale(gk_exp_join(r[i], q[i]), n[i], k[i]);
}

GK_INLINE vf vf_exp(vf x) {
    gk_exp(&x, false, 1);
    return x;
}

/* The softmax's exp of so many vectors in place, x <= 0 or NaN: the bits of vf_exp, but exactly +0 where the result would be
 * subnormal. The magic number brings the bias along; its other bits are shifted out. Where a mask takes a register that long
 * chains need it goes into 2^n at once, and x is bounded so that exp(r) is finite. */
GK_INLINE void gk_exp_flush(vf *x, const int chains) {
    vf n[GK_EXP_CHAINS], k[GK_EXP_CHAINS], r[GK_EXP_CHAINS], q[GK_EXP_CHAINS];
    vm normal[GK_EXP_CHAINS];
    if (GK_MASKS_ARE_VECTORS) GK_FOR_CHAINS(i) x[i] = vf_max(vf_set1(GK_EXP_MIN), x[i]);
    gk_exp_split(x, GK_MAGIC + GK_BIAS, n, k, chains);
    GK_FOR_CHAINS(i) normal[i] = vf_nlt(x[i], vf_set1(GK_EXP_NORMAL));
    GK_FOR_CHAINS(i) n[i] = vf_from_vi(vi_sll(vi_from_vf(n[i]), GK_MANTISSA));
    if (GK_MASKS_ARE_VECTORS) GK_FOR_CHAINS(i) n[i] = vf_keep(normal[i], n[i]);
    gk_exp_rest(x, k, r, chains);
    gk_polynomials(r, gk_exp_terms, GK_TERMS(gk_exp_terms), q, chains);
    GK_FOR_CHAINS(i) x[i] = vf_mul(gk_exp_join(r[i], q[i]), n[i]);
    if (!GK_MASKS_ARE_VECTORS) GK_FOR_CHAINS(i) x[i] = vf_keep(normal[i], x[i]);
}

GK_INLINE void vf_exp_flushed_together(vf x[GK_EXP_CHAINS]) { gk_exp_flush(x, GK_EXP_CHAINS); }

GK_INLINE vf vf_exp_flushed(vf x) {
    gk_exp_flush(&x, 1);
    return x;
}

/* x >= 0 or NaN: at most 1 ULP; log(0) = -Inf, log(Inf) = Inf. x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f),
 * log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + R(s^2)): the large terms are added last. */
GK_INLINE vf vf_log(vf x) {
    const vm tiny = vf_lt(x, vf_set1(GK_SMALLEST_NORMAL));
    const vf scaled = vf_select(tiny, vf_mul(x, vf_set1((real)((uint64_t)1 << GK_MANTISSA))), x);
    const vi one = vi_from_vf(vf_set1(1)), root = vi_set1(GK_SQRT_HALF);
    const vi ahead = vi_add(vi_sub(vi_from_vf(scaled), root), one); /* exponent + GK_BIAS in the high bits */
    const vf two_m = vf_set1((real)((uint64_t)1 << GK_MANTISSA));
    const vf biased = vf_sub(vf_from_vi(vi_or(vi_srl(ahead, GK_MANTISSA), vi_from_vf(two_m))), two_m);
    const vf k = vf_sub(biased, vf_select(tiny, vf_set1(GK_BIAS + GK_MANTISSA), vf_set1(GK_BIAS)));
    const vi fraction = vi_and(ahead, vi_set1(((vi_element)1 << GK_MANTISSA) - 1));
    const vf f = vf_sub(vf_from_vi(vi_add(fraction, root)), vf_set1(1));
    const vf s = vf_div(f, vf_add(vf_set1(2), f)), z = vf_mul(s, s);
    const vf half = vf_mul(vf_mul(vf_set1((real)0.5), f), f);
    const vf r = vf_mul(z, gk_polynomial(z, gk_log_terms, GK_TERMS(gk_log_terms)));
    const vf small = vf_fma(s, vf_add(half, r), vf_mul(k, vf_set1(GK_LN2_LO)));
    const vf sum = vf_sub(vf_mul(k, vf_set1(GK_LN2_HI)), vf_sub(vf_sub(half, small), f));
    const vf inf = vf_set1((real)INFINITY);
    const vf positive = vf_select(vf_lt(x, inf), sum, x); /* Inf and NaN pass */
    return vf_select(vf_le(x, vf_set1(0)), vf_sub(vf_set1(0), inf), positive);
}

#endif
