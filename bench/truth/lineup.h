/* Every cell that this CPU runs, side by side: contexts for each usable isa and thread count, and one problem run through
 * all of them and compared bit by bit with the ref isa on one thread; a fused kernel with its parts there. */
#ifndef GB_LINEUP_H
#define GB_LINEUP_H

#include <stdio.h>

#include "problem.h"

enum { GB_LINEUP_MAX = 256 };

/* Which contexts take part. */
enum gb_lineup_use {
    GB_USE_SERIAL = 1,   /* one thread */
    GB_USE_PARALLEL = 2, /* more than one */
    GB_USE_SMALL = 4,    /* caches of a few KiB, so that every blocking path runs on small problems */
    GB_USE_ALL = 7,
};

struct gb_lineup_cell {
    gk_context *ctx;
    size_t isa, threads;
    enum gb_lineup_use use;
};

struct gb_tally {
    size_t cases, failures;
    double worst; /* ref isa: largest error / bound */
};

/* How a cell is called: gk_call, or in a test of those who check a cell that is wrong. */
typedef gk_status gb_cell_call(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args);

struct gb_lineup {
    gb_cell_call *call;
    gk_context *ref;
    bool isas[GK_ISA_COUNT]; /* that take part */
    struct gb_lineup_cell list[GB_LINEUP_MAX];
    size_t count;
    struct gb_tally tally[GK_ISA_COUNT][GK_KERNEL_COUNT][GK_DTYPE_COUNT];
    size_t problems, cases, failures;
    FILE *log; /* one line with a way to repeat it for each of the first failures */
};

/* Contexts that use their threads however small the problem is. isas: by index, NULL: all usable ones. False: *status says
 * why. */
bool gb_lineup_open(struct gb_lineup *lineup, const bool *isas, const size_t *threads, size_t n_threads, FILE *log,
                    gk_status *status);
void gb_lineup_close(struct gb_lineup *lineup);

/* Runs the problem through the contexts of `use` (enum gb_lineup_use, or-ed). drop: bit i set leaves out the i-th optional
 * output. False: bits differ, or something else was written, or a call failed; that is tallied and logged. */
bool gb_lineup_compare(struct gb_lineup *lineup, const struct gb_problem_spec *spec, unsigned drop, unsigned use);

/* Optional outputs of the problem; drops are numbers below 1 << that. */
size_t gb_lineup_optional_outputs(const struct gb_problem_spec *spec);

/* Compares ref with the true values, element by element, within the bounds; nothing happens where neither applies. */
bool gb_lineup_accuracy(struct gb_lineup *lineup, const struct gb_problem_spec *spec);

/* A failure found by others. */
void gb_lineup_fail(struct gb_lineup *lineup, const struct gb_problem_spec *spec, size_t isa, size_t threads, const char *what);

/* Shapes and options that reach every path, from the table: a problem of the kernel with sizes for its dimensions in their
 * order (where it has more than `count`, from the first again) and options by turns, a different choice for each number. */
struct gb_problem_spec gb_spec_by_turns(enum gk_kernel_id kernel, enum gk_dtype dtype, const size_t *sizes, size_t count,
                                        uint64_t number, uint64_t seed);

/* The options of what a loss is trained towards: smoothed labels, weights of the classes, a loss on log(sum exp). */
void gb_set_targets(struct gb_problem_spec *spec, bool smoothed, bool weighted, bool with_z);

enum { GB_OPTION_SETS = 384 };
/* Each set of the kernel's own options, by number, without sizes and contents. False: it has not all options of that set. */
bool gb_spec_of_set(enum gk_kernel_id kernel, enum gk_dtype dtype, unsigned set, struct gb_problem_spec *spec);

size_t gb_kernel_dimensions(enum gk_kernel_id kernel);

/* The small shapes of a kernel, by number: all sizes up to `most` of its first three dimensions and up to 2 of the others;
 * where there are no more than two, of the last one up to `longest`. False: there are no more. */
bool gb_small_shape(enum gk_kernel_id kernel, size_t number, size_t most, size_t longest, size_t sizes[static GK_DIM_COUNT]);

enum { GB_EDGE_SIZES_MAX = 256 };
/* b - 1, b, b + 1, 2 b - 1 and 2 b + 1 for every edge b that an isa exports, ascending. Returns their number. */
size_t gb_edge_sizes(enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]);

/* Taking part, isas with a kernel and type that ran no case, named to lineup->log. */
size_t gb_lineup_idle(const struct gb_lineup *lineup);

#endif
