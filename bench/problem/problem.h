/* One call of one kernel, built from the table alone: operands are allocated, filled and compared by what kernels.def says of
 * them, so that a new kernel is checked and timed without a line of code here. Used by gradbench and by the tests. */
#ifndef GB_PROBLEM_H
#define GB_PROBLEM_H

#include "call.h"
#include "shared_memory.h"

enum gb_data {
    GB_DATA_NORMAL,   /* standard normal */
    GB_DATA_INTEGER,  /* small integers, never 0, such that no sum reaches 2^24 (f64: 2^53) */
    GB_DATA_WIDE,     /* sign * 2^uniform(-40, 40) */
    GB_DATA_POSITIVE, /* uniform in [1, 2) */
    GB_DATA_CANCEL,   /* large pairs of opposite sign beside small values */
    GB_DATA_TINY,     /* subnormals and the neighbours of the smallest normal number */
    GB_DATA_SPECIAL,  /* normal, with NaN, +-Inf, +-0, subnormals and the largest numbers strewn in */
    GB_DATA_COUNT
};

const char *gb_data_name(enum gb_data data); /* "normal", "integer", ... */

struct gb_problem_spec {
    enum gk_kernel_id kernel;
    enum gk_dtype dtype;
    union { /* by name, or by gk_dim; those that the kernel lacks are not looked at */
        size_t dims[GK_DIM_COUNT];
        struct {
#define GK_DIMENSION(f, doc) size_t f;
#include "../../kernels/kernels.def"
        };
    };
    /* options, the kernel's own: */
    gk_layout layout;
    gk_reduction reduction;
    bool accumulate;  /* all accumulate flags */
    bool soft_labels; /* t instead of labels */
    bool wide_labels; /* labels64, if not t, instead of labels */
    bool ignore;      /* use ignore_index (-1), on about one row in four */
    bool dloss;       /* an upstream gradient instead of NULL */
    bool bare;        /* optional operands NULL, as far as that leaves something to compute */
    bool in_place;    /* share memory where the table allows it */
    /* memory: */
    size_t ld_pad;   /* elements added to each leading dimension (masks: words) */
    size_t misalign; /* elements by which each operand starts after a 64-byte boundary */
    /* contents: a function of seed, data, operand name, row and column only, never of the memory's layout */
    enum gb_data data;
    uint64_t seed;
};

/* The options of the spec that a kernel has, or-ed; the others change nothing. */
enum gb_option {
    GB_OPTION_LAYOUT = 1,
    GB_OPTION_REDUCTION = 2,
    GB_OPTION_LABELS = 4, /* soft_labels, wide_labels, ignore */
    GB_OPTION_ACCUMULATE = 8,
    GB_OPTION_DLOSS = 16,
    GB_OPTION_BARE = 32,
    GB_OPTION_IN_PLACE = 64,
};
unsigned gb_kernel_options(enum gk_kernel_id kernel);
/* "dense", "index64", or NULL: "index", the default. */
const char *gb_labels_name(const struct gb_problem_spec *spec);
/* " layout=out_in reduction=sum labels=dense accumulate=1": of these options (GB_OPTION_*, or-ed) those not at their defaults;
 * `set` follows the name of a flag. Cut off at size. */
void gb_problem_options(const struct gb_problem_spec *spec, unsigned options, const char *set, char *text, size_t size);

struct gb_operand {
    const struct gk_field *field;
    void *base;  /* as allocated; NULL: absent, or shares another operand's memory */
    void *start; /* element (0, 0) */
    size_t rows, row_elements, ld, element_size;
    bool output;
    void *initial; /* outputs and what they share: the rows' contents before the call, tight */
};

enum { GB_OPERANDS_MAX = 16 };

struct gb_problem {
    struct gb_problem_spec spec;
    const struct gk_kernel *kernel;
    void *args;
    struct gb_operand operands[GB_OPERANDS_MAX];
    size_t n_operands;
    struct gb_shared shared; /* holds all operands, where it is asked for */
    size_t shared_used;
};

/* Bytes that the operands of the problem take, initial copies included; 0 if that overflows. Allocates nothing. */
size_t gb_problem_bytes(const struct gb_problem_spec *spec);

/* Outputs that do not accumulate start as NaN (bits: all ones), paddings as a signalling NaN pattern. False: no memory. */
bool gb_problem_create(struct gb_problem *problem, const struct gb_problem_spec *spec);
/* The same in memory that other processes can map. */
bool gb_problem_create_shared(struct gb_problem *problem, const struct gb_problem_spec *spec);
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

/* "affine_dx f32 n=3 d=4 m=5 layout=out_in accumulate ld_pad=1 data=integer seed=7": what to type after gradbench check to see
 * one case again. */
void gb_problem_describe(const struct gb_problem_spec *spec, char *text, size_t size);

/* Reads what gb_problem_describe prints. On false *error says what is wrong, naming the word (in a static buffer). */
bool gb_problem_parse(const char *text, struct gb_problem_spec *spec, const char **error);

#endif
