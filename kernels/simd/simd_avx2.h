/* AVX2 and FMA: 8 floats or 4 doubles, 16 registers, masks are vectors. */
#ifndef GK_SIMD_AVX2_H
#define GK_SIMD_AVX2_H

#if !defined(__AVX2__) || !defined(__FMA__) || defined(__AVX512F__)
#error "this isa is compiled without its flags"
#endif

#include <immintrin.h>

#include "core/cpu.h"

#define GK_SIMD_NEEDS (GK_CPU_AVX2 | GK_CPU_FMA)

/* 12 accumulators, 15 of 16 registers live. 4 x 24 was measured slower. */
#define GK_TILE_ROWS         6
#define GK_TILE_VECTORS      2
#define GK_MASKS_ARE_VECTORS 1
#define GK_LOW_LANES         0 /* half a vector costs as much as a whole one */

#if GK_IS_F64
#define GK_LANES   4
#define GK_PS(op)  _mm256_##op##_pd
#define GK_EPI(op) _mm256_##op##_epi64
typedef __m256d vf;
typedef uint64_t vi_element;
static inline __m256i vi_from_vf(vf a) { return _mm256_castpd_si256(a); }
static inline vf vf_from_vi(__m256i a) { return _mm256_castsi256_pd(a); }
static inline __m256i vi_set1(vi_element x) { return _mm256_set1_epi64x((long long)x); }
#else
#define GK_LANES   8
#define GK_PS(op)  _mm256_##op##_ps
#define GK_EPI(op) _mm256_##op##_epi32
typedef __m256 vf;
typedef uint32_t vi_element;
static inline __m256i vi_from_vf(vf a) { return _mm256_castps_si256(a); }
static inline vf vf_from_vi(__m256i a) { return _mm256_castsi256_ps(a); }
static inline __m256i vi_set1(vi_element x) { return _mm256_set1_epi32((int)x); }
#endif
#define GK_COLUMNS (16 / (int)sizeof(real))
#define GK_HALF    GK_LANES /* lanes of the next wider vector than 16 bytes */
typedef __m256i vi;
typedef vf vm; /* all bits of a lane, or none */

static inline vf vf_zero(void) { return GK_PS(setzero)(); }
static inline vf vf_set1(real x) { return GK_PS(set1)(x); }
static inline vf vf_load(const real *p) { return GK_PS(loadu)(p); }
static inline void vf_store(real *p, vf a) { GK_PS(storeu)(p, a); }
static inline void vf_stream(real *p, vf a) { GK_PS(stream)(p, a); }
/* By parts, so that p need be aligned to 16 bytes alone. As fast: they fill the same lines. */
static inline void vf_stream_parts(real *p, vf a) {
    const __m256i bits = vi_from_vf(a);
    _mm_stream_si128((__m128i *)p, _mm256_castsi256_si128(bits));
    _mm_stream_si128((__m128i *)p + 1, _mm256_extracti128_si256(bits, 1));
}
static inline void vf_fence(void) { _mm_sfence(); }

/* The lanes whose bit is set: bit `first` is lane 0's. All of them are below bit 32. */
static inline vm vm_from_bits_at(uint64_t bits, size_t first) {
#if GK_IS_F64
    const vi lane = _mm256_setr_epi64x(1ll << first, 2ll << first, 4ll << first, 8ll << first);
    return vf_from_vi(_mm256_cmpeq_epi64(_mm256_and_si256(vi_set1(bits), lane), lane));
#else
    const vi lane = _mm256_setr_epi32((int)(1u << first), (int)(2u << first), (int)(4u << first), (int)(8u << first),
                                      (int)(16u << first), (int)(32u << first), (int)(64u << first), (int)(128u << first));
    return vf_from_vi(_mm256_cmpeq_epi32(_mm256_and_si256(vi_set1((uint32_t)bits), lane), lane));
#endif
}
static inline vm vm_from_bits(uint64_t bits) { return vm_from_bits_at(bits, 0); }

/* The first n lanes. */
static inline vm vm_first(size_t n) { return vm_from_bits(n >= GK_LANES ? ~0u : (1u << n) - 1); }
static inline uint64_t vm_to_bits(vm m) { return (uint64_t)(unsigned)GK_PS(movemask)(m); }

/* The lanes of the mask, or the first n; no byte of another is touched, loaded they are +0. Stored by parts: a masked store
 * takes AMD CPUs ten times as long. */
static inline vf vf_load_m(vm m, const real *p) { return GK_PS(maskload)(p, vi_from_vf(m)); }
static inline vf vf_load_n(const real *p, size_t n) { return vf_load_m(vm_first(n), p); }

/* The first n < GK_LANES; the others are +0. By parts: a masked load takes Zen 1 ten cycles. */
static inline vf vf_load_few(const real *p, size_t n) {
    const size_t whole = n / 2 * 2, half = GK_LANES / 2;
#if GK_IS_F64
    const __m128d last = n & 1 ? _mm_load_sd(p + whole) : _mm_setzero_pd();
    return n >= half ? _mm256_set_m128d(last, _mm_loadu_pd(p)) : _mm256_zextpd128_pd256(last);
#else
    const __m128 zero = _mm_setzero_ps(), one = n & 1 ? _mm_load_ss(p + whole) : zero;
    const __m128 last = n & 2 ? _mm_movelh_ps(_mm_loadl_pi(zero, (const __m64 *)(p + n / 4 * 4)), one) : one;
    return n >= half ? _mm256_set_m128(last, _mm_loadu_ps(p)) : _mm256_zextps128_ps256(last);
#endif
}

static inline void vf_store_n(real *p, vf a, size_t n) {
    if (n >= GK_LANES) {
        vf_store(p, a);
        return;
    }
#if GK_IS_F64
    const __m128d low = _mm256_castpd256_pd128(a);
    if (n & 2) _mm_storeu_pd(p, low);
    if (n & 1) _mm_store_sd(p + (n & 2), n & 2 ? _mm256_extractf128_pd(a, 1) : low);
#else
    __m128 part = _mm256_castps256_ps128(a);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(a, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
#endif
}

static inline vf vf_add(vf a, vf b) { return GK_PS(add)(a, b); }
static inline vf vf_sub(vf a, vf b) { return GK_PS(sub)(a, b); }
static inline vf vf_mul(vf a, vf b) { return GK_PS(mul)(a, b); }
static inline vf vf_div(vf a, vf b) { return GK_PS(div)(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return GK_PS(fmadd)(a, b, c); }
static inline vf vf_fma_low(vf a, vf b, vf c) { return vf_fma(a, b, c); }

/* The first 1, 2, 4 or all lanes alone; the others become anything. */
GK_INLINE vf vf_load_first(const real *p, const int lanes) {
    if (lanes == GK_LANES) return vf_load(p);
#if GK_IS_F64
    return _mm256_castpd128_pd256(lanes == 2 ? _mm_loadu_pd(p) : _mm_load_sd(p));
#else
    const __m128 two = _mm_castsi128_ps(_mm_loadl_epi64((const void *)p));
    return _mm256_castps128_ps256(lanes == 4 ? _mm_loadu_ps(p) : lanes == 2 ? two : _mm_load_ss(p));
#endif
}

/* a + what vf_load_first loads. */
GK_INLINE vf vf_add_first(vf a, const real *p, const int lanes) {
    if (lanes == GK_LANES) return vf_add(a, vf_load(p));
#if GK_IS_F64
    const __m128d low = _mm256_castpd256_pd128(a);
    return _mm256_castpd128_pd256(lanes == 2 ? _mm_add_pd(low, _mm_loadu_pd(p)) : _mm_add_sd(low, _mm_load_sd(p)));
#else
    const __m128 low = _mm256_castps256_ps128(a), two = _mm_castsi128_ps(_mm_loadl_epi64((const void *)p));
    return _mm256_castps128_ps256(lanes == 4   ? _mm_add_ps(low, _mm_loadu_ps(p))
                                  : lanes == 2 ? _mm_add_ps(low, two)
                                               : _mm_add_ss(low, _mm_load_ss(p)));
#endif
}

/* a b + c in the first 1, 2, 4 or all lanes alone; the others become anything. */
GK_INLINE vf vf_fma_first(vf a, vf b, vf c, const int lanes) {
    if (lanes == GK_LANES) return vf_fma(a, b, c);
#if GK_IS_F64
    const __m128d x = _mm256_castpd256_pd128(a), y = _mm256_castpd256_pd128(b), z = _mm256_castpd256_pd128(c);
    return _mm256_castpd128_pd256(lanes == 2 ? _mm_fmadd_pd(x, y, z) : _mm_fmadd_sd(x, y, z));
#else
    const __m128 x = _mm256_castps256_ps128(a), y = _mm256_castps256_ps128(b), z = _mm256_castps256_ps128(c);
    return _mm256_castps128_ps256(lanes == 1 ? _mm_fmadd_ss(x, y, z) : _mm_fmadd_ps(x, y, z));
#endif
}

/* The larger, the smaller; b where a or b is NaN. */
static inline vf vf_max(vf a, vf b) { return GK_PS(max)(a, b); }
static inline vf vf_min(vf a, vf b) { return GK_PS(min)(a, b); }

/* False for NaN; those that negate are true for NaN. */
static inline vm vf_lt(vf a, vf b) { return GK_PS(cmp)(a, b, _CMP_LT_OQ); }
static inline vm vf_le(vf a, vf b) { return GK_PS(cmp)(a, b, _CMP_LE_OQ); }
static inline vm vf_nlt(vf a, vf b) { return GK_PS(cmp)(a, b, _CMP_NLT_UQ); }
static inline vm vf_nle(vf a, vf b) { return GK_PS(cmp)(a, b, _CMP_NLE_UQ); }
static inline vm vf_neq(vf a, vf b) { return GK_PS(cmp)(a, b, _CMP_NEQ_UQ); }
static inline vf vf_select(vm m, vf a, vf b) { return GK_PS(blendv)(b, a, m); }
static inline vf vf_keep(vm m, vf a) { return GK_PS(and)(m, a); }
static inline vf vf_drop(vm m, vf a) { return GK_PS(andnot)(m, a); }
static inline vm vm_or(vm a, vm b) { return GK_PS(or)(a, b); }
static inline vf vf_neg(vf a) { return GK_PS(xor)(a, vf_set1((real)-0.0)); }
static inline vf vf_minus_abs(vf a) { return GK_PS(or)(a, vf_set1((real)-0.0)); }

static inline vi vi_add(vi a, vi b) { return GK_EPI(add)(a, b); }
static inline vi vi_sub(vi a, vi b) { return GK_EPI(sub)(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
static inline vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
#define vi_srl(a, bits) GK_EPI(srli)(a, bits)
#define vi_sll(a, bits) GK_EPI(slli)(a, bits)

/* Lane i is lane n + i, +0 where there is none. */
static inline vf vf_from_lane(vf a, size_t n) {
    static const int32_t order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8};
    const __m256i index = _mm256_loadu_si256((const void *)(order + n * sizeof(real) / 4));
    const __m256i moved = _mm256_permutevar8x32_epi32(vi_from_vf(a), index);
    return vf_from_vi(_mm256_and_si256(moved, _mm256_cmpgt_epi32(_mm256_set1_epi32(8), index)));
}

/* Lanes halved until one is left: i + lanes / 2, ..., + 2, + 1. */
static inline real vf_sum(vf a) {
#if GK_IS_F64
    const __m128d q = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(q, _mm_unpackhi_pd(q, q)));
#else
    const __m128 q = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
#endif
}

static inline real vf_greatest(vf a) {
#if GK_IS_F64
    const __m128d q = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_max_sd(q, _mm_unpackhi_pd(q, q)));
#else
    const __m128 q = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
#endif
}

/* r becomes its transpose, GK_LANES x GK_LANES. */
GK_INLINE void vf_transpose(vf r[GK_LANES]) {
#if GK_IS_F64
    const vf a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
    const vf c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
    r[0] = _mm256_permute2f128_pd(a, c, 0x20);
    r[1] = _mm256_permute2f128_pd(b, d, 0x20);
    r[2] = _mm256_permute2f128_pd(a, c, 0x31);
    r[3] = _mm256_permute2f128_pd(b, d, 0x31);
#else
    vf s[8], t[8];
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) { /* t[i + c]: columns c and 4 + c of rows i to i + 3 */
        t[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
        t[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
        t[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        t[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    for (int c = 0; c < 4; c++) {
        r[c] = _mm256_permute2f128_ps(t[c], t[c + 4], 0x20);
        r[c + 4] = _mm256_permute2f128_ps(t[c], t[c + 4], 0x31);
    }
#endif
}

/* r[u] becomes the u-th elements of all r, in each 128 bits on its own. */
GK_INLINE void vf_transpose_parts(vf r[GK_COLUMNS]) {
#if GK_IS_F64
    const vf a = r[0];
    r[0] = _mm256_unpacklo_pd(a, r[1]);
    r[1] = _mm256_unpackhi_pd(a, r[1]);
#else
    const vf ab = _mm256_unpacklo_ps(r[0], r[1]), ab2 = _mm256_unpackhi_ps(r[0], r[1]);
    const vf cd = _mm256_unpacklo_ps(r[2], r[3]), cd2 = _mm256_unpackhi_ps(r[2], r[3]);
    r[0] = _mm256_shuffle_ps(ab, cd, 0x44);
    r[1] = _mm256_shuffle_ps(ab, cd, 0xee);
    r[2] = _mm256_shuffle_ps(ab2, cd2, 0x44);
    r[3] = _mm256_shuffle_ps(ab2, cd2, 0xee);
#endif
}

/* So many rows become columns at a time: of 128 bits, for to move halves of vectors costs Zen 1 eight operations each. */
#define GK_SQUARE GK_COLUMNS
GK_INLINE void vf_transpose_square(vf r[GK_SQUARE]) { vf_transpose_parts(r); }

/* The first GK_SQUARE lanes are column l of these rows; the others may be anything. */
GK_INLINE vf vf_column(const vf r[GK_SQUARE], const int l) {
    const vf a = r[l % GK_COLUMNS];
    return l < GK_COLUMNS ? a : vf_from_vi(_mm256_castsi128_si256(_mm256_extracti128_si256(vi_from_vf(a), 1)));
}

/* 128 bits from each of two places. */
static inline vf vf_load_halves(const real *low, const real *high) {
    const __m128 a = _mm_loadu_ps((const void *)low), b = _mm_loadu_ps((const void *)high);
    const __m256 whole = _mm256_insertf128_ps(_mm256_castps128_ps256(a), b, 1);
#if GK_IS_F64
    return _mm256_castps_pd(whole);
#else
    return whole;
#endif
}

/* r[u] becomes element u of GK_LANES rows that are ld apart, for the 16 bytes that begin at p. */
GK_INLINE void vf_load_columns(const real *p, size_t ld, vf r[GK_COLUMNS]) {
    for (int u = 0; u < GK_COLUMNS; u++, p += ld) r[u] = vf_load_halves(p, p + GK_COLUMNS * ld);
    vf_transpose_parts(r);
}

/* The same of the first GK_COLUMNS or of all rows alone: so many lanes. */
GK_INLINE void vf_load_columns_first(const real *p, size_t ld, vf r[GK_COLUMNS], const int lanes) {
    if (lanes == GK_LANES) {
        vf_load_columns(p, ld, r);
        return;
    }
#if GK_IS_F64
    const __m128d a = _mm_loadu_pd(p), b = _mm_loadu_pd(p + ld);
    r[0] = _mm256_castpd128_pd256(_mm_unpacklo_pd(a, b));
    r[1] = _mm256_castpd128_pd256(_mm_unpackhi_pd(a, b));
#else
    __m128 a = _mm_loadu_ps(p), b = _mm_loadu_ps(p + ld), c = _mm_loadu_ps(p + 2 * ld), d = _mm_loadu_ps(p + 3 * ld);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    r[0] = _mm256_castps128_ps256(a);
    r[1] = _mm256_castps128_ps256(b);
    r[2] = _mm256_castps128_ps256(c);
    r[3] = _mm256_castps128_ps256(d);
#endif
}

/* r[u] becomes element j + u of each row. */
GK_INLINE void vf_load_window(const real *const row[GK_LANES], size_t j, vf r[GK_COLUMNS]) {
    for (int u = 0; u < GK_COLUMNS; u++) r[u] = vf_load_halves(row[u] + j, row[u + GK_COLUMNS] + j);
    vf_transpose_parts(r);
}

/* The way back; r is lost. */
GK_INLINE void vf_store_window(real *const row[GK_LANES], size_t j, vf r[GK_COLUMNS]) {
    vf_transpose_parts(r);
    for (int u = 0; u < GK_COLUMNS; u++) {
        const __m256i a = vi_from_vf(r[u]);
        _mm_storeu_si128((__m128i *)(row[u] + j), _mm256_castsi256_si128(a));
        _mm_storeu_si128((__m128i *)(row[u + GK_COLUMNS] + j), _mm256_extracti128_si256(a, 1));
    }
}

/* The same of two elements of each row: 8 bytes of floats, 16 of doubles. */
GK_INLINE void vf_load_pair(const real *const row[GK_LANES], size_t j, vf r[2]) {
#if GK_IS_F64
    vf_load_window(row, j, r);
#else
    __m128 part[4];
    for (int k = 0; k < 4; k++)
        part[k] =
            _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const void *)(row[2 * k] + j))), (const void *)(row[2 * k + 1] + j));
    const vf a = _mm256_insertf128_ps(_mm256_castps128_ps256(part[0]), part[2], 1);
    const vf b = _mm256_insertf128_ps(_mm256_castps128_ps256(part[1]), part[3], 1);
    r[0] = _mm256_shuffle_ps(a, b, 0x88);
    r[1] = _mm256_shuffle_ps(a, b, 0xdd);
#endif
}

GK_INLINE void vf_store_pair(real *const row[GK_LANES], size_t j, vf r[2]) {
#if GK_IS_F64
    vf_store_window(row, j, r);
#else
    const vf a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpackhi_ps(r[0], r[1]);
    const __m128 part[4] = {_mm256_castps256_ps128(a), _mm256_castps256_ps128(b), _mm256_extractf128_ps(a, 1),
                            _mm256_extractf128_ps(b, 1)};
    for (int k = 0; k < 4; k++) {
        _mm_storel_pi((void *)(row[2 * k] + j), part[k]);
        _mm_storeh_pi((void *)(row[2 * k + 1] + j), part[k]);
    }
#endif
}

/* The first GK_COLUMNS lanes: a + r[0] + r[1] + ..., r as vf_load_columns has it. */
GK_INLINE vf vf_add_columns(vf a, const real *p, size_t ld) {
#if GK_IS_F64
    const __m128d r = _mm_loadu_pd(p), s = _mm_loadu_pd(p + ld);
    const __m128d sum = _mm_add_pd(_mm256_castpd256_pd128(a), _mm_unpacklo_pd(r, s));
    return _mm256_castpd128_pd256(_mm_add_pd(sum, _mm_unpackhi_pd(r, s)));
#else
    __m128 r = _mm_loadu_ps(p), s = _mm_loadu_ps(p + ld), t = _mm_loadu_ps(p + 2 * ld), u = _mm_loadu_ps(p + 3 * ld);
    _MM_TRANSPOSE4_PS(r, s, t, u);
    const __m128 sum = _mm_add_ps(_mm_add_ps(_mm256_castps256_ps128(a), r), s);
    return _mm256_castps128_ps256(_mm_add_ps(_mm_add_ps(sum, t), u));
#endif
}

#endif
