/* Every cell that this CPU runs, side by side: contexts for each usable column and thread count, and one problem run through
 * all of them and compared bit by bit with the ref column on one thread. */
#ifndef GB_CELLS_H
#define GB_CELLS_H

#include <stdio.h>

#include "problem.h"

enum { GB_CELLS_MAX = 256, GB_COLUMNS_MAX = 16 };

/* Which contexts take part. */
enum gb_cells_use {
    GB_USE_SERIAL = 1,   /* one thread */
    GB_USE_PARALLEL = 2, /* more than one */
    GB_USE_SMALL = 4,    /* caches of a few KiB, so that every blocking path runs on small problems */
    GB_USE_ALL = 7,
};

struct gb_cell {
    gk_context *ctx;
    size_t column, threads;
    enum gb_cells_use use;
};

struct gb_tally {
    size_t cases, failures;
    double worst; /* ref column: largest error / bound */
};

struct gb_cells {
    gk_context *ref;
    bool columns[GB_COLUMNS_MAX]; /* that take part */
    struct gb_cell list[GB_CELLS_MAX];
    size_t count;
    struct gb_tally tally[GB_COLUMNS_MAX][GK_KERNEL_COUNT][GK_DTYPE_COUNT];
    size_t problems, cases, failures;
    FILE *log; /* one line with a way to repeat it for each of the first failures */
};

/* Contexts that use their threads however small the problem is. columns: by index, NULL: all usable ones. False: *status says
 * why. */
bool gb_cells_open(struct gb_cells *cells, const bool *columns, const size_t *threads, size_t n_threads, FILE *log,
                   gk_status *status);
void gb_cells_close(struct gb_cells *cells);

/* Runs the problem through the contexts of `use` (enum gb_cells_use, or-ed). drop: bit i set leaves out the i-th optional
 * output. False: bits differ, or something else was written, or a call failed; that is tallied and logged. */
bool gb_cells_compare(struct gb_cells *cells, const struct gb_problem_spec *spec, unsigned drop, unsigned use);

/* Optional outputs of the problem; drops are numbers below 1 << that. */
size_t gb_cells_optional_outputs(const struct gb_problem_spec *spec);

/* Compares ref with the true values, element by element, within the bounds; nothing happens where neither applies. */
bool gb_cells_accuracy(struct gb_cells *cells, const struct gb_problem_spec *spec);

/* A failure found by others. */
void gb_cells_fail(struct gb_cells *cells, const struct gb_problem_spec *spec, size_t column, size_t threads, const char *what);

/* Shapes and options that reach every path, from the table: a problem of the kernel with sizes for its dimensions in their
 * order (the first two or all three) and options by turns, a different choice for each number. */
struct gb_problem_spec gb_spec_by_turns(enum gk_kernel_id kernel, enum gk_dtype dtype, const size_t sizes[3], uint64_t number,
                                        uint64_t seed);
size_t gb_kernel_dimensions(enum gk_kernel_id kernel);

enum { GB_EDGE_SIZES_MAX = 256 };
/* b - 1, b, b + 1, 2 b - 1 and 2 b + 1 for every edge b that a column exports, ascending. Returns their number. */
size_t gb_edge_sizes(enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]);

/* Taking part, columns with a kernel and type that ran no case, named to cells->log. */
size_t gb_cells_idle(const struct gb_cells *cells);

#endif
