/* What a kernel file includes. It is compiled once for each isa and type: `real` is the type, GK_LANES the reals in a vector.
 * Where GK_IS_REFERENCE the file gives the reference, plain loops that say in C what NUMERICS says in words. */
#ifndef GK_KERNEL_H
#define GK_KERNEL_H

#include <math.h>
#include <string.h>

#include "core/team.h"
#include "isa.h"

#if GK_IS_F64
typedef double real;
#define GK_ARGS_OF(id) gk_##id##_args_f64
#define GK_FMA         fma
#else
typedef float real;
#define GK_ARGS_OF(id) gk_##id##_args
#define GK_FMA         fmaf
#endif

/* GK_SYMBOL(affine_dx) is gk_affine_dx__avx2_f32: every external name of an isa ends in the isa's own. */
#define GK_PASTE_(name, isa, dtype) gk_##name##__##isa##_##dtype
#define GK_PASTE(name, isa, dtype)  GK_PASTE_(name, isa, dtype)
#define GK_SYMBOL(name)             GK_PASTE(name, GK_ISA, GK_DTYPE)
#define GK_TEXT_(name)              #name
#define GK_TEXT(name)               GK_TEXT_(name)

#define GK_CELL(id)                                                                                                            \
    extern const struct gk_cell GK_SYMBOL(id);                                                                                 \
    const struct gk_cell GK_SYMBOL(id)

#define GK_IS_REFERENCE (GK_LANES == 1)

#define GK_INLINE static inline __attribute__((always_inline))

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

enum {
    GK_SUM_LANES = 64, /* virtual lanes of a row sum */
    GK_PROBE_CHAINS = 12,
};

#include GK_SIMD_HEADER
#include "simd/simd_math.h"

static inline size_t gk_ld(size_t ld, size_t tight) { return ld ? ld : tight; }

static inline size_t gk_words(size_t bits) { return bits / 64 + (bits % 64 != 0); }

/* The `count` (1 to 64) bits of a mask row from bit `first` on. */
static inline uint64_t gk_bits(const uint64_t *row, size_t first, size_t count) {
    const size_t word = first / 64, shift = first % 64;
    uint64_t bits = row[word] >> shift;
    if (shift + count > 64) bits |= row[word + 1] << (64 - shift);
    return bits;
}

#endif
