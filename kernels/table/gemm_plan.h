/* How a product will be computed: every choice, made by one pure function that any CPU runs. ops/gemm does what it says;
 * verification and `gradbench info` ask it what that will be. */
#ifndef GK_GEMM_PLAN_H
#define GK_GEMM_PLAN_H

#include "table.h"

struct gk_caches;

static inline size_t gk_min(size_t a, size_t b) { return a < b ? a : b; }

static inline size_t gk_ceil_div(size_t a, size_t b) { return a / b + (a % b != 0); }

enum {
    GK_KB = 256, /* k of a block of a sum of products: the numerics' constant, also the fastest of 256, 384 and 512 */
    GK_GEMM_BLOCKS_TOGETHER = 8, /* blocks of k for which b is packed before c is touched */
    GK_GEMM_REFERENCE_COLS = 64, /* columns side by side: fmaf calls overlap */
    GK_GEMM_SHALLOW_K = 8,       /* k at most */
    GK_GEMM_SHALLOW_COLS = 1024, /* columns of b that stay in L1 */
    GK_GEMM_DOT_ROWS = 4,        /* rows at most */
    GK_GEMM_DOT_VECTORS = 8,     /* of columns that registers hold for one row */
    GK_GEMM_DOT_K = 64,          /* below so many k it takes any number of columns */
    GK_GEMM_THIN_ROWS = 4,       /* rows at most, those of a tile where b runs along k */
    GK_GEMM_THIN_SUMS = 4096,    /* partial sums that stay in L1 meanwhile, for all these rows */
};

/* What an isa's code for a type is made of. */
struct gk_gemm_tile {
    size_t real, lanes;  /* bytes of an element; elements of a vector, a power of two; 1: the reference, which has no tiles */
    size_t rows, cols;   /* of the largest tile; cols is a power of two */
    size_t panel, strip; /* elements of `cols` packed columns of b, and of `rows` packed rows of a, for one block of k */
    size_t strips_together; /* rows of tiles that see all packed blocks, one after the other */
    bool masks_are_vectors; /* loads by one are slow */
};

struct gk_gemm_lines {
    size_t ld;
    bool along_k; /* the contiguous direction: k, or the outputs */
};

/* c[i][j] = start + sum over k of a[i][k] b[k][j]. */
struct gk_gemm_shape {
    size_t rows, cols, k;
    struct gk_gemm_lines a, b;
    const void *c; /* its alignment counts, and whoever called knows the product by it */
    size_t ldc;
    bool accumulate;
};

enum gk_gemm_way {
    GK_GEMM_EMPTY,     /* no k: the start value alone */
    GK_GEMM_REFERENCE, /* plain loops */
    GK_GEMM_SHALLOW,   /* few k: row by row */
    GK_GEMM_DOT,       /* few rows, of few columns or of few k: whole sums in registers */
    GK_GEMM_THIN,      /* few rows: b is read once, in the order in which it lies */
    GK_GEMM_TINY,      /* so few tiles that to choose more than this would take longer than to do them */
    GK_GEMM_BLOCKED,   /* tiles, over blocks that stay in the caches */
    GK_GEMM_WAYS
};

struct gk_gemm_plan {
    enum gk_gemm_way way;
    bool transposed;     /* b^T a^T is computed: what follows is said of it */
    size_t rows, cols;   /* of the product, */
    size_t down, across; /* which so many threads cut, one rectangle each, */
    size_t unit;         /* its columns at multiples of this */
    size_t block_cols;   /* columns that a thread takes at a time */
    size_t rest;         /* columns at the end that are rows of a thin transposed product */
    size_t tile_rows;    /* at most */
    bool packs_b, packs_strips;
    bool streams;        /* c is stored past the caches */
    size_t strips, sums; /* elements before them in a thread's scratch, which packed blocks of b begin */
    size_t scratch;      /* bytes of a thread */
};

struct gk_gemm_plan gk_gemm_plan(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *shape, size_t threads,
                                 const struct gk_caches *caches);

const char *gk_gemm_way_name(enum gk_gemm_way way); /* "empty", "reference", ... */

/* A thread's rectangle. */
struct gk_gemm_share {
    struct gk_slice rows, cols;
};

static inline struct gk_gemm_share gk_gemm_share(const struct gk_gemm_plan *plan, size_t rank) {
    if (plan->down * plan->across == 1) return (struct gk_gemm_share){{0, plan->rows}, {0, plan->cols}};
    return (struct gk_gemm_share){gk_slice_of(plan->rows, 1, rank / plan->across, plan->down),
                                  gk_slice_of(plan->cols, plan->unit, rank % plan->across, plan->across)};
}

/* Columns that a thin product takes at a time. */
static inline size_t gk_gemm_thin_cols(const struct gk_gemm_tile *tile, bool b_along_k) {
    return b_along_k ? tile->lanes : GK_GEMM_THIN_SUMS / GK_GEMM_THIN_ROWS;
}

/* Must a b be transposed for tiles? One column along k is also lines of one element each. */
static inline bool gk_gemm_transposes_b(bool along_k, size_t cols) { return along_k && cols > 1; }

/* Lines that are a multiple of 4 KiB apart share one set of L1, which holds 8 of them or more. */
static inline bool gk_gemm_in_one_set(size_t ld, size_t real) { return ld * real % 4096 == 0; }

#endif
