/* Memory where every byte outside the operands' rows faults: each operand lies flush against a page that cannot be touched, or
 * each of its rows does, and inputs cannot be written. One arena a process, mapped once; nothing is mapped or protected later.
 */
#ifndef GB_SUPPORT_GUARD_H
#define GB_SUPPORT_GUARD_H

#include "problem.h"

enum gb_guard_side {
    GB_GUARD_RIGHT,      /* the operand ends where a page that cannot be touched begins */
    GB_GUARD_LEFT,       /* it begins where such a page ends */
    GB_GUARD_ROWS_RIGHT, /* each row does: rows are two pages apart */
    GB_GUARD_ROWS_LEFT,
    GB_GUARD_SIDES
};

const char *gb_guard_side_name(enum gb_guard_side side);

/* A problem whose operands lie in the arena. Valid until the next is placed. */
struct gb_guard_problem {
    struct gb_problem problem; /* shares contents with its source, so that gb_problem_equal compares it; never destroyed */
    enum gb_guard_side side;
    _Alignas(max_align_t) char args[1024];
    struct gb_guard_place {
        size_t slot;
        size_t first_page, pages; /* of the slot's memory: those that are filled and compared */
        size_t stride;            /* bytes from row to row as the kernel sees them */
        size_t plain_stride;      /* and in the slot's memory */
        char *plain;              /* element (0, 0) where it can always be written */
    } places[GB_OPERANDS_MAX];
};

/* Where a call went wrong: byte `byte` of row `row` of an operand, whose rows have `row_bytes`; below 0 before the row. */
struct gb_guard_fault {
    const char *operand; /* "scratch" for the scratch space, NULL: no fault */
    size_t row, row_bytes;
    ptrdiff_t byte;
};

bool gb_guard_open(void);
void gb_guard_close(void);

/* Copies a source problem into the arena: inputs as they are, outputs as they were before any call. in_place as in the spec;
 * ld_pad elements between rows where the rows have no pages of their own. False: it does not fit. */
bool gb_guard_place(struct gb_guard_problem *g, const struct gb_problem *source, enum gb_guard_side side, bool in_place,
                    size_t ld_pad);

/* The outputs and what surrounds them as they were placed. */
void gb_guard_reset(struct gb_guard_problem *g);

/* Does what gk_call does after its checks, with scratch space of exactly `bytes` bytes, filled with NaN, between pages that
 * cannot be touched. False: *fault. With more than one thread a fault ends the process with a message on stderr. */
bool gb_guard_run(struct gb_guard_problem *g, size_t threads, gk_run *run, size_t scratch_bytes, const struct gk_caches *caches,
                  struct gb_guard_fault *fault);

/* True if no byte beside the outputs' rows changed, the end of the scratch space included; else *what names the operand. */
bool gb_guard_intact(const struct gb_guard_problem *g, const char **what);

#endif
