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

/* Horner's rule, the highest term first. */
GK_INLINE vf gk_polynomial(vf x, const real *terms, size_t count) {
    vf sum = vf_set1(terms[0]);
    for (size_t i = 1; i < count; i++) sum = vf_fma(sum, x, vf_set1(terms[i]));
    return sum;
}

/* exp(x) = 2^n exp(r), |r| <= ln 2 / 2: returns exp(r); *n is GK_MAGIC + n. What 1 + r loses is added to the small terms:
 * 1 + (r + r^2 q) alone has 1.01 ULP. */
GK_INLINE vf gk_exp_reduced(vf x, vf *n) {
    *n = vf_fma(x, vf_set1(GK_LOG2E), vf_set1(GK_MAGIC));
    const vf k = vf_sub(*n, vf_set1(GK_MAGIC));
    const vf r = vf_fma(k, vf_set1(-GK_LN2_LO), vf_fma(k, vf_set1(-GK_LN2_HI), x));
    const vf q = gk_polynomial(r, gk_exp_terms, GK_TERMS(gk_exp_terms));
    const vf sum = vf_add(vf_set1(1), r), lost = vf_sub(r, vf_sub(sum, vf_set1(1)));
    return vf_add(sum, vf_fma(vf_mul(r, r), q, lost));
}

/* Any x: at most 1 ULP, subnormal results included; exp(NaN) = NaN. 2^n is applied as 2^a 2^b, a = floor(n / 2), so that a
 * subnormal result is rounded once. */
GK_INLINE vf vf_exp(vf x) {
    const vf low = vf_select(vf_lt(x, vf_set1(GK_EXP_MIN)), vf_set1(GK_EXP_MIN), x);
    const vf bounded = vf_select(vf_lt(vf_set1(GK_EXP_MAX), low), vf_set1(GK_EXP_MAX), low);
    vf n;
    const vf e = gk_exp_reduced(bounded, &n);
    /* 4 * GK_BIAS + 4 is even and keeps n positive for the logical shift */
    const vi raised = vi_add(vi_sub(vi_from_vf(n), vi_from_vf(vf_set1(GK_MAGIC))), vi_set1(4 * GK_BIAS + 4));
    const vi a = vi_srl(raised, 1), b = vi_sub(raised, a);
    const vi base = vi_set1(2 * GK_BIAS + 2 - GK_BIAS);
    const vf first = vf_mul(e, vf_from_vi(vi_sll(vi_sub(a, base), GK_MANTISSA)));
    return vf_mul(first, vf_from_vi(vi_sll(vi_sub(b, base), GK_MANTISSA)));
}

/* The softmax's exp, x <= 0 or NaN: the bits of vf_exp, but exactly +0 where the result would be subnormal. */
GK_INLINE vf vf_exp_flushed(vf x) {
    vf n;
    const vf e = gk_exp_reduced(x, &n);
    const vi exponent = vi_add(vi_sub(vi_from_vf(n), vi_from_vf(vf_set1(GK_MAGIC))), vi_set1(GK_BIAS));
    const vf scaled = vf_mul(e, vf_from_vi(vi_sll(exponent, GK_MANTISSA)));
    return vf_select(vf_lt(x, vf_set1(GK_EXP_NORMAL)), vf_set1(0), scaled);
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
