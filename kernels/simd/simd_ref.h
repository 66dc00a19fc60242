/* One lane: enough for simd_math.h to be written once. The reference kernels themselves are plain C. */
#ifndef GK_SIMD_REF_H
#define GK_SIMD_REF_H

#define GK_SIMD_NEEDS        0
#define GK_LANES             1
#define GK_TILE_ROWS         1
#define GK_MASKS_ARE_VECTORS 0
#define GK_TILE_VECTORS      1

typedef real vf;
typedef bool vm;
#if GK_IS_F64
typedef uint64_t vi, vi_element;
#else
typedef uint32_t vi, vi_element;
#endif

static inline vf vf_set1(real x) { return x; }
static inline vf vf_add(vf a, vf b) { return a + b; }
static inline vf vf_sub(vf a, vf b) { return a - b; }
static inline vf vf_mul(vf a, vf b) { return a * b; }
static inline vf vf_max(vf a, vf b) { return a > b ? a : b; }
static inline vf vf_min(vf a, vf b) { return a < b ? a : b; }
static inline vf vf_div(vf a, vf b) { return a / b; }
static inline vf vf_fma(vf a, vf b, vf c) { return GK_FMA(a, b, c); }
static inline vm vf_lt(vf a, vf b) { return a < b; }
static inline vm vf_le(vf a, vf b) { return a <= b; }
static inline vm vf_nlt(vf a, vf b) { return !(a < b); }
static inline vf vf_select(vm m, vf a, vf b) { return m ? a : b; }
static inline vf vf_keep(vm m, vf a) { return m ? a : 0; }

static inline vi vi_set1(vi x) { return x; }
static inline vi vi_add(vi a, vi b) { return a + b; }
static inline vi vi_sub(vi a, vi b) { return a - b; }
static inline vi vi_and(vi a, vi b) { return a & b; }
static inline vi vi_or(vi a, vi b) { return a | b; }
#define vi_srl(a, bits) ((vi)((a) >> (bits)))
#define vi_sll(a, bits) ((vi)((a) << (bits)))

static inline vi vi_from_vf(vf a) {
    vi bits;
    memcpy(&bits, &a, sizeof bits);
    return bits;
}

static inline vf vf_from_vi(vi bits) {
    vf a;
    memcpy(&a, &bits, sizeof a);
    return a;
}

#endif
