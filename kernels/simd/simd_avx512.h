/* AVX-512 (F, DQ, BW, VL): 16 floats or 8 doubles, 32 registers, a mask a lane. */
#ifndef GK_SIMD_AVX512_H
#define GK_SIMD_AVX512_H

#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__FMA__)
#error "this isa is compiled without its flags"
#endif

#include <immintrin.h>

#include "core/cpu.h"

#define GK_SIMD_NEEDS (GK_CPU_AVX2 | GK_CPU_FMA | GK_CPU_AVX512F | GK_CPU_AVX512DQ | GK_CPU_AVX512BW | GK_CPU_AVX512VL)

/* 24 accumulators; with the loads 27 of 32 registers live. 14 x 32 is as fast with gcc but spills with clang 14. */
#define GK_TILE_ROWS         12
#define GK_MASKS_ARE_VECTORS 0
#define GK_TILE_VECTORS      2

#if GK_IS_F64
#define GK_LANES       8
#define GK_LOW_LANES   4 /* cost half where a vector is two halves in the CPU, as in Zen 4 */
#define GK_LOW(a)      _mm512_castpd512_pd256(a)
#define GK_WIDE(a)     _mm512_castpd256_pd512(a)
#define GK_PS_LOW(op)  _mm256_##op##_pd
#define GK_PS(op)      _mm512_##op##_pd
#define GK_PS_MASK(op) _mm512_##op##_pd_mask
#define GK_EPI(op)     _mm512_##op##_epi64
typedef __m512d vf;
typedef __mmask8 vm;
typedef uint64_t vi_element;
static inline __m512i vi_from_vf(vf a) { return _mm512_castpd_si512(a); }
static inline vf vf_from_vi(__m512i a) { return _mm512_castsi512_pd(a); }
static inline __m512i vi_set1(vi_element x) { return _mm512_set1_epi64((long long)x); }
#else
#define GK_LANES       16
#define GK_LOW_LANES   8
#define GK_LOW(a)      _mm512_castps512_ps256(a)
#define GK_WIDE(a)     _mm512_castps256_ps512(a)
#define GK_PS_LOW(op)  _mm256_##op##_ps
#define GK_PS(op)      _mm512_##op##_ps
#define GK_PS_MASK(op) _mm512_##op##_ps_mask
#define GK_EPI(op)     _mm512_##op##_epi32
typedef __m512 vf;
typedef __mmask16 vm;
typedef uint32_t vi_element;
static inline __m512i vi_from_vf(vf a) { return _mm512_castps_si512(a); }
static inline vf vf_from_vi(__m512i a) { return _mm512_castsi512_ps(a); }
static inline __m512i vi_set1(vi_element x) { return _mm512_set1_epi32((int)x); }
#endif
#define GK_COLUMNS (16 / (int)sizeof(real))
#define GK_HALF    (GK_LANES / 2) /* lanes of the next wider vector than 16 bytes */
typedef __m512i vi;

static inline vf vf_zero(void) { return GK_PS(setzero)(); }
static inline vf vf_set1(real x) { return GK_PS(set1)(x); }
static inline vf vf_load(const real *p) { return GK_PS(loadu)(p); }
static inline void vf_store(real *p, vf a) { GK_PS(storeu)(p, a); }
static inline void vf_stream(real *p, vf a) { GK_PS(stream)(p, a); }
/* By parts, so that p need be aligned to 16 bytes alone. As fast: they fill the same lines. */
static inline void vf_stream_parts(real *p, vf a) {
    const __m512i bits = vi_from_vf(a);
    _mm_stream_si128((__m128i *)p, _mm512_castsi512_si128(bits));
    _mm_stream_si128((__m128i *)p + 1, _mm512_extracti32x4_epi32(bits, 1));
    _mm_stream_si128((__m128i *)p + 2, _mm512_extracti32x4_epi32(bits, 2));
    _mm_stream_si128((__m128i *)p + 3, _mm512_extracti32x4_epi32(bits, 3));
}
static inline void vf_fence(void) { _mm_sfence(); }

/* The first n lanes. */
static inline vm vm_first(size_t n) { return n >= GK_LANES ? (vm)-1 : (vm)((1u << n) - 1); }
/* Bit `first` is lane 0's. */
static inline vm vm_from_bits_at(uint64_t bits, size_t first) { return (vm)(bits >> first); }
static inline vm vm_from_bits(uint64_t bits) { return (vm)bits; }
static inline uint64_t vm_to_bits(vm m) { return m; }

/* The lanes of the mask, or the first n; no byte of another is touched, loaded they are +0. */
static inline vf vf_load_m(vm m, const real *p) { return GK_PS(maskz_loadu)(m, p); }
static inline vf vf_load_n(const real *p, size_t n) { return vf_load_m(vm_first(n), p); }
static inline vf vf_load_few(const real *p, size_t n) { return vf_load_n(p, n); }
static inline void vf_store_n(real *p, vf a, size_t n) { GK_PS(mask_storeu)(p, vm_first(n), a); }

static inline vf vf_add(vf a, vf b) { return GK_PS(add)(a, b); }
static inline vf vf_sub(vf a, vf b) { return GK_PS(sub)(a, b); }
static inline vf vf_mul(vf a, vf b) { return GK_PS(mul)(a, b); }
static inline vf vf_div(vf a, vf b) { return GK_PS(div)(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return GK_PS(fmadd)(a, b, c); }

#define GK_HAS_SCALE
static inline vf vf_scale(vf a, vf n, vf k) {
    (void)n;
    return GK_PS(scalef)(a, k);
}

/* The low lanes alone; the others become anything. */
static inline vf vf_fma_low(vf a, vf b, vf c) { return GK_WIDE(GK_PS_LOW(fmadd)(GK_LOW(a), GK_LOW(b), GK_LOW(c))); }

/* The first 1, 2, 4, 8 or all lanes alone; the others become anything. */
GK_INLINE vf vf_load_first(const real *p, const int lanes) {
    if (lanes == GK_LANES) return vf_load(p);
    if (lanes == GK_LOW_LANES) return GK_WIDE(GK_PS_LOW(loadu)(p));
#if GK_IS_F64
    return _mm512_castpd128_pd512(lanes == 2 ? _mm_loadu_pd(p) : _mm_load_sd(p));
#else
    const __m128 two = _mm_castsi128_ps(_mm_loadl_epi64((const void *)p));
    return _mm512_castps128_ps512(lanes == 4 ? _mm_loadu_ps(p) : lanes == 2 ? two : _mm_load_ss(p));
#endif
}

/* a + what vf_load_first loads. */
GK_INLINE vf vf_add_first(vf a, const real *p, const int lanes) {
    if (lanes == GK_LANES) return vf_add(a, vf_load(p));
    if (lanes == GK_LOW_LANES) return GK_WIDE(GK_PS_LOW(add)(GK_LOW(a), GK_PS_LOW(loadu)(p)));
#if GK_IS_F64
    const __m128d low = _mm512_castpd512_pd128(a);
    return _mm512_castpd128_pd512(lanes == 2 ? _mm_add_pd(low, _mm_loadu_pd(p)) : _mm_add_sd(low, _mm_load_sd(p)));
#else
    const __m128 low = _mm512_castps512_ps128(a), two = _mm_castsi128_ps(_mm_loadl_epi64((const void *)p));
    return _mm512_castps128_ps512(lanes == 4   ? _mm_add_ps(low, _mm_loadu_ps(p))
                                  : lanes == 2 ? _mm_add_ps(low, two)
                                               : _mm_add_ss(low, _mm_load_ss(p)));
#endif
}

/* a b + c in the first 1, 2, 4, 8 or all lanes alone; the others become anything. */
GK_INLINE vf vf_fma_first(vf a, vf b, vf c, const int lanes) {
    if (lanes == GK_LANES) return vf_fma(a, b, c);
    if (lanes == GK_LOW_LANES) return vf_fma_low(a, b, c);
#if GK_IS_F64
    const __m128d x = _mm512_castpd512_pd128(a), y = _mm512_castpd512_pd128(b), z = _mm512_castpd512_pd128(c);
    return _mm512_castpd128_pd512(lanes == 2 ? _mm_fmadd_pd(x, y, z) : _mm_fmadd_sd(x, y, z));
#else
    const __m128 x = _mm512_castps512_ps128(a), y = _mm512_castps512_ps128(b), z = _mm512_castps512_ps128(c);
    return _mm512_castps128_ps512(lanes == 1 ? _mm_fmadd_ss(x, y, z) : _mm_fmadd_ps(x, y, z));
#endif
}

/* The larger, the smaller; b where a or b is NaN. */
static inline vf vf_max(vf a, vf b) { return GK_PS(max)(a, b); }
static inline vf vf_min(vf a, vf b) { return GK_PS(min)(a, b); }

/* False for NaN; those that negate are true for NaN. */
static inline vm vf_lt(vf a, vf b) { return GK_PS_MASK(cmp)(a, b, _CMP_LT_OQ); }
static inline vm vf_le(vf a, vf b) { return GK_PS_MASK(cmp)(a, b, _CMP_LE_OQ); }
static inline vm vf_nlt(vf a, vf b) { return GK_PS_MASK(cmp)(a, b, _CMP_NLT_UQ); }
static inline vm vf_nle(vf a, vf b) { return GK_PS_MASK(cmp)(a, b, _CMP_NLE_UQ); }
static inline vm vf_neq(vf a, vf b) { return GK_PS_MASK(cmp)(a, b, _CMP_NEQ_UQ); }
static inline vf vf_select(vm m, vf a, vf b) { return GK_PS(mask_blend)(m, b, a); }
static inline vf vf_keep(vm m, vf a) { return GK_PS(maskz_mov)(m, a); }
static inline vf vf_drop(vm m, vf a) { return GK_PS(maskz_mov)((vm)~m, a); }
static inline vm vm_or(vm a, vm b) { return (vm)(a | b); }
static inline vf vf_neg(vf a) { return GK_PS(xor)(a, vf_set1((real)-0.0)); }
static inline vf vf_minus_abs(vf a) { return GK_PS(or)(a, vf_set1((real)-0.0)); }

static inline vi vi_add(vi a, vi b) { return GK_EPI(add)(a, b); }
static inline vi vi_sub(vi a, vi b) { return GK_EPI(sub)(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
static inline vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
#define vi_srl(a, bits) GK_EPI(srli)(a, bits)
#define vi_sll(a, bits) GK_EPI(slli)(a, bits)

/* Lane i is lane n + i, +0 where there is none. */
static inline vf vf_from_lane(vf a, size_t n) {
#if GK_IS_F64
    const vi lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
#else
    const vi lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
    return GK_PS(maskz_permutexvar)(vm_first(GK_LANES - n), vi_add(lanes, vi_set1((vi_element)n)), a);
}

/* Lanes halved until one is left: i + lanes / 2, ..., + 2, + 1. */
static inline real vf_sum(vf a) {
#if GK_IS_F64
    const __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
    const __m128d q = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
    return _mm_cvtsd_f64(_mm_add_sd(q, _mm_unpackhi_pd(q, q)));
#else
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
#endif
}

static inline real vf_greatest(vf a) { return GK_PS(reduce_max)(a); }

/* r becomes its transpose, GK_LANES x GK_LANES. */
GK_INLINE void vf_transpose(vf r[GK_LANES]) {
#if GK_IS_F64
    vf s[8], t[8];
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
        s[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
    }
    for (int i = 0; i < 2; i++) { /* 2 x 2 blocks of 128 bits: rows 0-3, then 4-7 */
        t[i] = _mm512_shuffle_f64x2(s[i], s[i + 2], 0x88);
        t[i + 2] = _mm512_shuffle_f64x2(s[i], s[i + 2], 0xdd);
        t[i + 4] = _mm512_shuffle_f64x2(s[i + 4], s[i + 6], 0x88);
        t[i + 6] = _mm512_shuffle_f64x2(s[i + 4], s[i + 6], 0xdd);
    }
    for (int i = 0; i < 2; i++) {
        r[i] = _mm512_shuffle_f64x2(t[i], t[i + 4], 0x88);
        r[i + 4] = _mm512_shuffle_f64x2(t[i], t[i + 4], 0xdd);
        r[i + 2] = _mm512_shuffle_f64x2(t[i + 2], t[i + 6], 0x88);
        r[i + 6] = _mm512_shuffle_f64x2(t[i + 2], t[i + 6], 0xdd);
    }
#else
    vf s[16], t[16];
    for (int i = 0; i < 16; i += 2) {
        s[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) { /* t[i + c]: columns c, 4 + c, 8 + c, 12 + c of rows i to i + 3 */
        t[i] = _mm512_shuffle_ps(s[i], s[i + 2], 0x44);
        t[i + 1] = _mm512_shuffle_ps(s[i], s[i + 2], 0xee);
        t[i + 2] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        t[i + 3] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    for (int c = 0; c < 4; c++) {
        const vf low = _mm512_shuffle_f32x4(t[c], t[c + 4], 0x88), low_odd = _mm512_shuffle_f32x4(t[c], t[c + 4], 0xdd);
        const vf high = _mm512_shuffle_f32x4(t[c + 8], t[c + 12], 0x88),
                 high_odd = _mm512_shuffle_f32x4(t[c + 8], t[c + 12], 0xdd);
        r[c] = _mm512_shuffle_f32x4(low, high, 0x88);
        r[c + 8] = _mm512_shuffle_f32x4(low, high, 0xdd);
        r[c + 4] = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
        r[c + 12] = _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd);
    }
#endif
}

/* By 128 bits it is no faster, on Zen 4. */
#define GK_SQUARE GK_LANES
GK_INLINE void vf_transpose_square(vf r[GK_SQUARE]) { vf_transpose(r); }
GK_INLINE vf vf_column(const vf r[GK_SQUARE], const int l) { return r[l]; }

/* r[u] becomes the u-th elements of all r, in each 128 bits on its own. */
GK_INLINE void vf_transpose_parts(vf r[GK_COLUMNS]) {
#if GK_IS_F64
    const vf a = r[0];
    r[0] = _mm512_unpacklo_pd(a, r[1]);
    r[1] = _mm512_unpackhi_pd(a, r[1]);
#else
    const vf ab = _mm512_unpacklo_ps(r[0], r[1]), ab2 = _mm512_unpackhi_ps(r[0], r[1]);
    const vf cd = _mm512_unpacklo_ps(r[2], r[3]), cd2 = _mm512_unpackhi_ps(r[2], r[3]);
    r[0] = _mm512_shuffle_ps(ab, cd, 0x44);
    r[1] = _mm512_shuffle_ps(ab, cd, 0xee);
    r[2] = _mm512_shuffle_ps(ab2, cd2, 0x44);
    r[3] = _mm512_shuffle_ps(ab2, cd2, 0xee);
#endif
}

/* 128 bits from each of four places. */
static inline vf vf_load_quarters(const real *p, const real *q, const real *r, const real *s) {
    const __m128 a = _mm_loadu_ps((const void *)p), b = _mm_loadu_ps((const void *)q);
    const __m128 c = _mm_loadu_ps((const void *)r), d = _mm_loadu_ps((const void *)s);
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(a), b, 1),
                 high = _mm256_insertf128_ps(_mm256_castps128_ps256(c), d, 1);
    const __m512 whole = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
#if GK_IS_F64
    return _mm512_castps_pd(whole);
#else
    return whole;
#endif
}

/* r[u] becomes element u of GK_LANES rows that are ld apart, for the 16 bytes that begin at p. */
GK_INLINE void vf_load_columns(const real *p, size_t ld, vf r[GK_COLUMNS]) {
    const size_t step = GK_COLUMNS * ld;
    for (int u = 0; u < GK_COLUMNS; u++, p += ld) r[u] = vf_load_quarters(p, p + step, p + 2 * step, p + 3 * step);
    vf_transpose_parts(r);
}

/* The same of the first GK_COLUMNS, half or all rows alone: so many lanes. */
GK_INLINE void vf_load_columns_first(const real *p, size_t ld, vf r[GK_COLUMNS], const int lanes) {
    if (lanes == GK_LANES) {
        vf_load_columns(p, ld, r);
        return;
    }
    for (int u = 0; u < GK_COLUMNS; u++, p += ld) {
        const real *const q = lanes == GK_COLUMNS ? p : p + GK_COLUMNS * ld;
        const __m128 low = _mm_loadu_ps((const void *)p), high = _mm_loadu_ps((const void *)q);
        const __m256 both = lanes == GK_COLUMNS ? _mm256_castps128_ps256(low) : _mm256_set_m128(high, low);
#if GK_IS_F64
        r[u] = GK_WIDE(_mm256_castps_pd(both));
#else
        r[u] = GK_WIDE(both);
#endif
    }
    vf_transpose_parts(r);
}

/* r[u] becomes element j + u of each row. */
GK_INLINE void vf_load_window(const real *const row[GK_LANES], size_t j, vf r[GK_COLUMNS]) {
    for (int u = 0; u < GK_COLUMNS; u++)
        r[u] = vf_load_quarters(row[u] + j, row[u + GK_COLUMNS] + j, row[u + 2 * GK_COLUMNS] + j, row[u + 3 * GK_COLUMNS] + j);
    vf_transpose_parts(r);
}

/* The way back; r is lost. */
GK_INLINE void vf_store_window(real *const row[GK_LANES], size_t j, vf r[GK_COLUMNS]) {
    vf_transpose_parts(r);
    for (int u = 0; u < GK_COLUMNS; u++) {
        const __m512i a = vi_from_vf(r[u]);
        _mm_storeu_si128((__m128i *)(row[u] + j), _mm512_castsi512_si128(a));
        _mm_storeu_si128((__m128i *)(row[u + GK_COLUMNS] + j), _mm512_extracti32x4_epi32(a, 1));
        _mm_storeu_si128((__m128i *)(row[u + 2 * GK_COLUMNS] + j), _mm512_extracti32x4_epi32(a, 2));
        _mm_storeu_si128((__m128i *)(row[u + 3 * GK_COLUMNS] + j), _mm512_extracti32x4_epi32(a, 3));
    }
}

/* The same of two elements of each row: 8 bytes of floats, 16 of doubles. */
GK_INLINE void vf_load_pair(const real *const row[GK_LANES], size_t j, vf r[2]) {
#if GK_IS_F64
    vf_load_window(row, j, r);
#else
    __m128 part[8];
    for (int k = 0; k < 8; k++)
        part[k] =
            _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64((const void *)(row[2 * k] + j))), (const void *)(row[2 * k + 1] + j));
    const __m256 even = _mm256_insertf128_ps(_mm256_castps128_ps256(part[0]), part[2], 1);
    const __m256 even2 = _mm256_insertf128_ps(_mm256_castps128_ps256(part[4]), part[6], 1);
    const __m256 odd = _mm256_insertf128_ps(_mm256_castps128_ps256(part[1]), part[3], 1);
    const __m256 odd2 = _mm256_insertf128_ps(_mm256_castps128_ps256(part[5]), part[7], 1);
    const vf a = _mm512_insertf32x8(_mm512_castps256_ps512(even), even2, 1);
    const vf b = _mm512_insertf32x8(_mm512_castps256_ps512(odd), odd2, 1);
    r[0] = _mm512_shuffle_ps(a, b, 0x88);
    r[1] = _mm512_shuffle_ps(a, b, 0xdd);
#endif
}

GK_INLINE void vf_store_pair(real *const row[GK_LANES], size_t j, vf r[2]) {
#if GK_IS_F64
    vf_store_window(row, j, r);
#else
    const vf a = _mm512_unpacklo_ps(r[0], r[1]), b = _mm512_unpackhi_ps(r[0], r[1]);
    const __m128 part[8] = {_mm512_castps512_ps128(a),    _mm512_castps512_ps128(b),    _mm512_extractf32x4_ps(a, 1),
                            _mm512_extractf32x4_ps(b, 1), _mm512_extractf32x4_ps(a, 2), _mm512_extractf32x4_ps(b, 2),
                            _mm512_extractf32x4_ps(a, 3), _mm512_extractf32x4_ps(b, 3)};
    for (int k = 0; k < 8; k++) {
        _mm_storel_pi((void *)(row[2 * k] + j), part[k]);
        _mm_storeh_pi((void *)(row[2 * k + 1] + j), part[k]);
    }
#endif
}

/* The first GK_COLUMNS lanes: a + r[0] + r[1] + ..., r as vf_load_columns has it. */
GK_INLINE vf vf_add_columns(vf a, const real *p, size_t ld) {
#if GK_IS_F64
    const __m128d r = _mm_loadu_pd(p), s = _mm_loadu_pd(p + ld);
    const __m128d sum = _mm_add_pd(_mm512_castpd512_pd128(a), _mm_unpacklo_pd(r, s));
    return _mm512_castpd128_pd512(_mm_add_pd(sum, _mm_unpackhi_pd(r, s)));
#else
    __m128 r = _mm_loadu_ps(p), s = _mm_loadu_ps(p + ld), t = _mm_loadu_ps(p + 2 * ld), u = _mm_loadu_ps(p + 3 * ld);
    _MM_TRANSPOSE4_PS(r, s, t, u);
    const __m128 sum = _mm_add_ps(_mm_add_ps(_mm512_castps512_ps128(a), r), s);
    return _mm512_castps128_ps512(_mm_add_ps(_mm_add_ps(sum, t), u));
#endif
}

#endif
