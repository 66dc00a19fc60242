/* One call of one kernel, built from the table alone: operands are allocated, filled and compared by what kernels.def says of
 * them, so that a new kernel is checked and timed without a line of code here. Used by gradbench and by the tests. */
#ifndef GB_PROBLEM_H
#define GB_PROBLEM_H

#include "call.h"
#include "shared_memory.h"
#include "vocabulary.h"

struct gb_operand {
    const struct gk_field *field;
    void *base;  /* as allocated; NULL: absent, or shares another operand's memory */
    void *start; /* element (0, 0) */
    size_t lead; /* bytes from base to start */
    size_t rows, row_elements, ld, element_size;
    bool output;
    void *initial; /* outputs and what they share: the rows' contents before the call, tight */
};

struct gb_problem {
    struct gb_problem_spec spec;
    const struct gk_kernel *kernel;
    void *args;
    struct gb_operand operands[GK_OPERANDS_MAX];
    size_t n_operands;
    struct gb_shared shared; /* holds all operands, where it is asked for; without a size it is the caller's */
    size_t shared_used;
    size_t touching; /* threads of the team that touches operands first; 0: they are not touched before they are filled */
};

/* Is the operand there? lse is where a z_loss needs it. */
bool gb_problem_has(const struct gb_problem_spec *spec, const struct gk_field *operand);

/* Bytes that the operands of the problem take, initial copies included; 0 if that overflows. Allocates nothing. */
size_t gb_problem_bytes(const struct gb_problem_spec *spec);

/* Those of the operands alone, with what is between them. */
size_t gb_problem_storage(const struct gb_problem_spec *spec);

/* FLOPs, and bytes that are read or written, of a call. Allocates nothing. */
void gb_problem_work(const struct gb_problem_spec *spec, double *flops, double *bytes);

/* Outputs that are not read start as NaN (bits: all ones), paddings as a signalling NaN pattern. False: no memory. */
bool gb_problem_create(struct gb_problem *problem, const struct gb_problem_spec *spec);
/* The same in memory that other processes can map. */
bool gb_problem_create_shared(struct gb_problem *problem, const struct gb_problem_spec *spec);
/* The same in memory of the caller's, of gb_problem_storage(spec) bytes at a multiple of 64, or in memory of its own where that
 * is NULL. threads: a team of so many touches each operand first, as by gb_pages_touch; 0: none does. */
bool gb_problem_create_in(struct gb_problem *problem, const struct gb_problem_spec *spec, char *memory, size_t threads);
void gb_problem_destroy(struct gb_problem *problem);

/* Puts back what a call may have changed. */
void gb_problem_reset(struct gb_problem *problem);

gk_status gb_problem_call(const struct gb_problem *problem, gk_context *ctx);

/* True if every byte that no output row covers, paddings and inputs, is as it was made. On false *what names the operand. */
bool gb_problem_intact(const struct gb_problem *problem, const char **what);

/* The outputs' elements, tight, one operand after another, every NaN replaced by the canonical one. */
size_t gb_problem_output_bytes(const struct gb_problem *problem);
void gb_problem_output(const struct gb_problem *problem, void *bytes);

/* One stored element of an output, every NaN replaced by the canonical one; and what such bits stand for. */
uint64_t gb_operand_bits(const struct gb_operand *operand, size_t row, size_t element);
double gb_operand_value(const struct gb_operand *operand, uint64_t bits);

struct gb_difference {
    const char *operand;
    size_t row, col;
    double got, want;
};

/* Compares the outputs of two problems of the same spec (memory fields aside) bit by bit, NaN as one value. */
bool gb_problem_equal(const struct gb_problem *got, const struct gb_problem *want, struct gb_difference *first);

#endif
