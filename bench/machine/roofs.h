/* What this machine can do at best, measured by the library's own team: fused multiply-adds of each isa, moving bytes, and
 * operations that wait for one another.
 *
 * Moving is measured with data of three sizes: in L2 (each thread works on half of it), in L3 (between all L2 and the L3 in the
 * middle of the logarithmic scale), and beyond (twice the L3, 128 to 512 MiB), with the widest isa that is usable. They say at
 * which level a problem is, by what all its operands together fit in: L2 of all its threads, L3, or memory. A call that moves
 * bytes is held against what its isa moves at the problem's own size, a spot: in L1 that is twice what L2 gives, and from half
 * of a cache on less and less of it. */
#ifndef GB_ROOFS_H
#define GB_ROOFS_H

#include "bind.h"
#include "call.h"
#include "clock.h"
#include "environment.h"
#include "machine.h"
#include "speed.h"

enum { GB_THREAD_COUNTS_MAX = 16, GB_SPOTS_MAX = 512 };

/* What is measured, and with what: tests have a machine of known numbers. */
struct gb_probing {
    const struct gb_clock *clock;
    const struct gb_machine *(*machine)(void);
    struct gb_memory (*memory)(void);
    size_t (*bind)(struct gb_binding *binding, size_t threads);
    size_t (*run)(size_t isa, enum gk_dtype dtype, enum gk_probe kind, size_t threads, const struct gk_probe_args *args);
};

/* An operation of a chain. */
enum gb_step { GB_STEP_FMA, GB_STEP_ADD, GB_STEP_COUNT };

/* Moving data of the size of one problem. */
struct gb_spot {
    double footprint; /* bytes of all operands */
    size_t isa;       /* whose cells are held against it. It moves them itself; for ref, the plainest, the widest usable does */
    size_t threads;
    struct gb_bandwidth bandwidth;
};

struct gb_roofs {
    const struct gb_probing *probing; /* NULL: this machine */
    size_t n_threads;
    size_t threads[GB_THREAD_COUNTS_MAX];
    bool isas[GK_ISA_COUNT]; /* measured */
    bool dtypes[GK_DTYPE_COUNT];
    double fma[GK_ISA_COUNT][GK_DTYPE_COUNT][GB_THREAD_COUNTS_MAX]; /* GFLOP/s */
    double steps[GK_ISA_COUNT][GK_DTYPE_COUNT][GB_STEP_COUNT];      /* of a chain a ns, on one thread */
    struct gb_bandwidth bandwidth[GB_THREAD_COUNTS_MAX][GB_LEVEL_COUNT];
    size_t bytes[GB_LEVEL_COUNT];       /* that one thread worked on, when it was alone */
    struct gb_spot spots[GB_SPOTS_MAX]; /* of problems that were timed: they count, not the level */
    size_t n_spots;
};

/* threads, isas and dtypes are set; the rest is measured. effort: about how many samples of each roof are taken, the best of
 * which counts; more of an FMA roof that is lower than those of other thread counts or narrower isas allow. Levels that do
 * not fit in memory become copies of the level before, with a warning. False: no memory at all. */
bool gb_roofs_measure(struct gb_roofs *roofs, struct gb_binding *binding, size_t effort, struct gb_warnings *warnings);

/* Warns of roofs that moved by more than 5 % between two measurements. */
void gb_roofs_warn_moved(const struct gb_roofs *before, const struct gb_roofs *after, struct gb_warnings *warnings);

enum gb_level gb_level_of(const struct gk_caches *caches, double bytes, size_t threads);

/* The index of a thread count, or roofs->n_threads. */
size_t gb_roofs_threads_index(const struct gb_roofs *roofs, size_t threads);

/* What a call does. */
struct gb_work {
    double flops, read, written; /* FLOPs, bytes */
    double footprint;            /* bytes of all operands */
    bool plain_copy;             /* held against the plain copy, not the best one */
    bool products;               /* matrix products: only they are held against the FMA roof */
    size_t terms[GB_STEP_COUNT]; /* of the longest sum in the canonical order: by fma, by additions */
    double call_ns;              /* of the isa's call that has nothing to do */
};

#define GB_SHARE_MOST 1.05 /* what is more is no share */

/* ns: time of a call. The roof that binds is the one that takes longest: fma; memory, where what is both read and written
 * counts as a copy; chain, the longest sum; call, what one costs in any case. The last two are not added up: a CPU begins the
 * sum before it is through with what comes before it (of small calls up to 20 ns were seen). */
struct gb_share gb_roofs_share(const struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, size_t threads,
                               const struct gb_work *work, double ns);

/* Measures what the call is held against: an FMA roof or a chain again that it beats by more than 3 %, a spot once, the best of
 * a few samples each, more while the call still beats it. Shares computed before may then be wrong. */
void gb_roofs_look_again(struct gb_roofs *roofs, struct gb_binding *binding, size_t isa, enum gk_dtype dtype, size_t threads,
                         const struct gb_work *work, double ns);

#endif
