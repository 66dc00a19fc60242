/* gradkern: training kernels of neural networks on CPUs, backward passes first.
 *
 * One context a calling thread, one argument struct and one function a kernel and type:
 *
 *     gk_context *ctx;
 *     if (gk_context_create(&ctx, NULL) != GK_OK) ...
 *     gk_affine_dx(ctx, &(gk_affine_dx_args){ .n = n, .d = d, .m = m, .dy = dy, .w = w, .dx = dx });
 *     gk_context_destroy(ctx);
 *
 * gk_affine_dx takes float, gk_affine_dx_f64 double. kernels.def is the reference page: it lists every kernel with its
 * formula, its operands and their shapes, and the structs and functions below are made from it. What holds for all:
 *
 * - Matrices are row-major. Each has a leading dimension ld_<name>: elements from one row to the next, 0 for tight.
 * - Weights are [d][m] (GK_IN_OUT, the default) or [m][d] (GK_OUT_IN): the field layout says which.
 * - accumulate_<name> adds to an output instead of overwriting it. Off by default; the old output is then not read.
 * - Bit masks are rows of 64-bit words, bit j % 64 of word j / 64; ld_mask counts words, 0 for tight.
 * - Every result has the same bits for every instruction set, thread count, alignment and leading dimension.
 * - Everything is checked before anything is written: on an error the outputs are as they were.
 * - No operand that is written may overlap another, but where kernels.def says IN_PLACE: there both may be the same matrix.
 * - A dimension may be 0: nothing is read, and an empty sum is its start value (0, the bias, or the old output). */
#ifndef GK_GRADKERN_H
#define GK_GRADKERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GK_VERSION_MAJOR 0
#define GK_VERSION_MINOR 1
#define GK_VERSION_PATCH 0

/* The order of every sum is part of the interface. A change of it raises this number and changes the golden hashes. */
#define GK_NUMERICS_VERSION 1

#if defined(__GNUC__)
#define GK_API __attribute__((visibility("default")))
#else
#define GK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gk_status {
    GK_OK,
    GK_ERROR_NULL,        /* a required pointer is NULL */
    GK_ERROR_SIZE,        /* a size overflows */
    GK_ERROR_LEADING,     /* a leading dimension is smaller than its row */
    GK_ERROR_OPTION,      /* an option has a value that its type does not name, or options exclude each other */
    GK_ERROR_OVERLAP,     /* an output overlaps another operand */
    GK_ERROR_LABEL,       /* a label is neither a class nor ignore_index */
    GK_ERROR_MEMORY,      /* no memory for scratch space */
    GK_ERROR_ISA,         /* no such instruction set, or this CPU cannot run it */
    GK_ERROR_ENVIRONMENT, /* GRADKERN_ISA or OMP_NUM_THREADS has a value that makes no sense */
    GK_STATUS_COUNT
} gk_status;

typedef enum gk_layout { GK_IN_OUT, GK_OUT_IN } gk_layout;
typedef enum gk_reduction { GK_MEAN, GK_SUM, GK_NONE } gk_reduction;

typedef struct gk_context gk_context;

typedef struct gk_options {
    const char *isa;     /* "ref", "avx2", "avx512"; NULL: GRADKERN_ISA, else the best that this CPU runs */
    size_t threads;      /* 0: OMP_NUM_THREADS, else the physical cores this process may use */
    double serial_below; /* work (FLOPs of a sum of products, else bytes) a thread must have; 0: each kernel's own constant */
} gk_options;

/* A context carries the choice of instruction set and threads, and scratch space that calls reuse. It belongs to one thread
 * at a time. options may be NULL. On an error *ctx is NULL: GK_ERROR_ISA, GK_ERROR_ENVIRONMENT or GK_ERROR_MEMORY. */
GK_API gk_status gk_context_create(gk_context **ctx, const gk_options *options);
GK_API void gk_context_destroy(gk_context *ctx);
GK_API const char *gk_context_isa(const gk_context *ctx);
GK_API size_t gk_context_threads(const gk_context *ctx);

GK_API const char *gk_status_string(gk_status status);
GK_API const char *gk_version(void); /* "0.1.0" */
GK_API int gk_numerics_version(void);

/* The structs, gk_affine_dx_args for float and gk_affine_dx_args_f64 for double, and the functions. */
#define GK_DIM(f)                        size_t f;
#define GK_MATRIX_IN(f, rows, cols, fl)  const GK_REAL *f; size_t ld_##f;
#define GK_MATRIX_OUT(f, rows, cols, fl) GK_REAL *f; size_t ld_##f;
#define GK_VECTOR_IN(f, len, fl)         const GK_REAL *f;
#define GK_VECTOR_OUT(f, len, fl)        GK_REAL *f;
#define GK_SCALAR_OUT(f, fl)             GK_REAL *f;
#define GK_BITS_IN(f, rows, cols, fl)    const uint64_t *f; size_t ld_##f;
#define GK_BITS_OUT(f, rows, cols, fl)   uint64_t *f; size_t ld_##f;
#define GK_ACCUMULATE(f)                 bool accumulate_##f;
#define GK_WEIGHT_LAYOUT()               gk_layout layout;
#define GK_REDUCTION()                   gk_reduction reduction;
#define GK_DLOSS(n)                      const GK_REAL *dloss;
#define GK_LABELS(n, c)                                                                                                    \
    const int32_t *labels; bool use_ignore_index; int32_t ignore_index; const GK_REAL *t; size_t ld_t;

#define GK_KERNEL(id, family, doc)       typedef struct GK_ARGS(id) {
#define GK_END(id)                       } GK_ARGS(id); GK_API gk_status GK_FUNCTION(id)(gk_context *ctx, const GK_ARGS(id) *args);

#define GK_KEEP_HOOKS
#define GK_REAL         float
#define GK_ARGS(id)     gk_##id##_args
#define GK_FUNCTION(id) gk_##id
#include "kernels.def"
#undef GK_KEEP_HOOKS
#undef GK_REAL
#undef GK_ARGS
#undef GK_FUNCTION

#define GK_REAL         double
#define GK_ARGS(id)     gk_##id##_args_f64
#define GK_FUNCTION(id) gk_##id##_f64
#include "kernels.def"
#undef GK_REAL
#undef GK_ARGS
#undef GK_FUNCTION

#ifdef __cplusplus
}
#endif

#endif
