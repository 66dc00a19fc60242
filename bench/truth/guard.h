/* Memory where every byte outside the operands' rows faults: each operand lies flush against a page that cannot be touched, or
 * each of its rows does, and inputs cannot be written. One arena a process, not for several threads at a time; it grows with
 * what is placed there. */
#ifndef GB_GUARD_H
#define GB_GUARD_H

#include "problem.h"

enum gb_guard_side {
    GB_GUARD_RIGHT,      /* the operand ends where a page that cannot be touched begins */
    GB_GUARD_LEFT,       /* it begins where such a page ends */
    GB_GUARD_ROWS_RIGHT, /* each row does: rows are two pages apart, and a page long at most */
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
    } places[GK_OPERANDS_MAX];
};

/* Where a call went wrong: byte `byte` of row `row` of an operand, whose rows have `row_bytes`; below 0 before the row. */
struct gb_guard_fault {
    const char *operand; /* "scratch" for the scratch space, NULL: no fault */
    size_t row, row_bytes;
    ptrdiff_t byte;
};

/* Copies a source problem, which shares no memory between operands, into the arena: inputs as they are, outputs as they were
 * before any call. in_place as in the spec; ld_pad elements between rows where the rows have no pages of their own. False: no
 * memory, or the rows are too long. */
bool gb_guard_place(struct gb_guard_problem *g, const struct gb_problem *source, enum gb_guard_side side, bool in_place,
                    size_t ld_pad);

/* The outputs and what surrounds them as they were placed. */
void gb_guard_reset(struct gb_guard_problem *g);

/* What is watched: a call with these arguments and this scratch space. */
typedef void gb_guard_call(void *context, const void *args, void *scratch);

/* Makes the call, with scratch space of exactly `bytes` bytes (0: NULL), filled with NaN, between pages that cannot be touched.
 * False: *fault. A fault of a call on more than one thread ends the process with a message on stderr. */
bool gb_guard_run(struct gb_guard_problem *g, size_t threads, gb_guard_call *call, void *context, size_t bytes,
                  struct gb_guard_fault *fault);

/* "dx[2] was touched 4 bytes past its last element", cut off at size. */
void gb_guard_describe(const struct gb_guard_fault *fault, char *text, size_t size);

/* True if no byte beside the outputs' rows changed, the end of the scratch space included; else *what names the operand. */
bool gb_guard_intact(const struct gb_guard_problem *g, const char **what);

/* Gives the arena's memory back. */
void gb_guard_close(void);

#endif
