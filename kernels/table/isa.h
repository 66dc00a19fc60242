/* The isas of the table: instruction sets, one for each that was compiled, and their cells. */
#ifndef GK_ISA_H
#define GK_ISA_H

#include "gemm_plan.h"
#include "gk_isas.h"
#include "table.h"

enum {
#define COUNT(isa) GK_INDEX_##isa,
    GK_FOR_EACH_ISA(COUNT)
#undef COUNT
        GK_ISA_COUNT
};

struct gk_team;
struct gk_machine;
typedef void gk_run(const void *args, const struct gk_team *team);

/* Bytes; l1d and l2 of one core, l3 of one cache, however many cores share it. Typical sizes where hwloc knows none that makes
 * sense. */
struct gk_caches {
    size_t l1d, l2, l3;
};

enum { GK_PRODUCTS_MAX = 2 };

/* A cell: what one kernel file compiles to for one dtype and isa. products: the sums of products that a call with these args
 * consists of, and how many; they are the same for each isa, and ref's can be asked on any CPU. NULL: it has none. */
struct gk_cell {
    gk_run *run;
    size_t (*scratch)(const void *args, const struct gk_machine *machine); /* bytes for the call; NULL: none */
    size_t (*products)(const void *args, struct gk_gemm_shape shapes[GK_PRODUCTS_MAX]);
    gk_status (*check)(const void *args); /* what the table cannot say; NULL: nothing */
    double serial_below;                  /* work a thread must have (gk_kernel_work) */
    double serial_below_bytes;            /* the same of calls that move bytes, where others are products; else 0 */
    const size_t *edges; /* as the isa's, this kernel's own, 0-terminated; those of its parts are its own, too; NULL: none */
};

/* Roof probes, run by the library's own team so that they see the threads that the kernels see. Each call does `rounds` passes;
 * bytes is what each thread works on, at buffer + rank * bytes; a copy goes from the first to the second half of it, a triad
 * adds the first third to the second into the last. A chain is GK_PROBE_STEPS operations a pass, each of which waits for the
 * one before. */
enum { GK_PROBE_STEPS = 1024 };

enum gk_probe {
    GK_PROBE_FMA,
    GK_PROBE_READ,
    GK_PROBE_COPY,
    GK_PROBE_COPY_NT,
    GK_PROBE_TRIAD,
    GK_PROBE_TRIAD_NT,
    GK_PROBE_FMA_CHAIN,
    GK_PROBE_ADD_CHAIN,
    GK_PROBE_COUNT
};

struct gk_probe_args {
    void *buffer;
    size_t bytes, rounds;
    void *sink; /* one real a thread, 64 bytes apart: keeps the work alive */
};

/* The isa's vector functions over arrays, for the tests of their accuracy. */
struct gk_math {
    void (*exp_flushed)(size_t n, const void *x, void *y); /* x <= 0 or NaN */
    void (*log)(size_t n, const void *x, void *y);         /* x >= 0 */
};

struct gk_isa {
    const char *name; /* "ref", "avx2", "avx512" */
    uint32_t needs;   /* CPU features */
    size_t lanes;     /* reals in a vector */
    size_t edges[6];  /* sizes where the code changes its path (lanes, tile rows and columns, KB, ...), 0-terminated */
    const struct gk_cell *const *cells; /* [GK_KERNEL_COUNT] */
    const bool *tuned;                  /* [GK_KERNEL_COUNT]: the cell has a file of its own */
    gk_run *const *probes;              /* [GK_PROBE_COUNT] */
    double fma_flops;                   /* FLOPs of one round of GK_PROBE_FMA a thread */
    const struct gk_math *math;
    const struct gk_gemm_tile *tile; /* what gk_gemm_plan must know of it */
};

/* Isas from plainest (ref) to widest. */
const struct gk_isa *gk_isa_get(size_t index, enum gk_dtype dtype);
/* The index of an isa, or -1. */
int gk_isa_find(const char *name);
/* NULL if this CPU runs the isa, else the reason, naming what is missing. Static storage. */
const char *gk_isa_missing(size_t index);
/* The same, and GRADKERN_ISA counts: an isa above the one that it names is unusable, too. */
const char *gk_isa_unusable(size_t index);
/* What CPU features lack of what an isa needs, in words; "": nothing. Pure. */
void gk_isa_lacks(uint32_t needs, uint32_t features, char *text, size_t size);
/* The value of GRADKERN_ISA, NULL if it is unset or empty. */
const char *gk_isa_cap(void);

/* Runs a probe of isa `index` on `threads` threads; returns how many there were. */
size_t gk_probe_run(size_t index, enum gk_dtype dtype, enum gk_probe probe, size_t threads, const struct gk_probe_args *args);

#endif
