/* The vocabulary: what a problem is, and the words for it. One table parses and prints its options wherever they are said: in
 * workload lines and --shape, in what check prints and takes, in the prepare line of PEERS.md, in result files and in --help.
 * Pure: what a peer links of it is not what it races against. */
#ifndef GB_VOCABULARY_H
#define GB_VOCABULARY_H

#include "table.h"

/* GB_REALS_MAX: lines of the list, and one more. */
enum {
    GB_DIMENSION_MAX = 1 << 24,
    GB_VALUE_MAX = 28,
    GB_REALS_MAX = 1
#define GK_REAL_OPTION(f, usual, doc) +1
#include "../../kernels/kernels.def"
};

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

struct gb_problem_spec {
    enum gk_kernel_id kernel;
    enum gk_dtype dtype;
    union { /* by number or by name; those that the kernel lacks are not looked at */
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
    bool ignore;      /* use ignore_index (-1), on about one row in four; soft labels know no ignored rows */
    bool dloss;       /* an upstream gradient instead of NULL */
    bool class_weights;
    bool bare;     /* optional operands NULL, as far as that leaves something to compute */
    bool in_place; /* share memory where the table allows it */
    struct {
        bool set;
        double value;
    } reals[GB_REALS_MAX]; /* of the list's lines, the first of each name; not set: as usual */
    /* memory: */
    size_t ld_pad;   /* elements added to each leading dimension (masks: words) */
    size_t misalign; /* elements by which each operand starts after a 64-byte boundary */
    size_t shift;    /* cache lines by which the first operand starts further on; the second by twice as many, and so on */
    /* contents: a function of seed, data, operand name, row and column only, never of the memory's layout */
    enum gb_data data;
    uint64_t seed;
};

/* In the order in which they are said. */
enum gb_option {
    GB_OPTION_DTYPE,
    GB_OPTION_LAYOUT,
    GB_OPTION_REDUCTION,
    GB_OPTION_LABELS,
    GB_OPTION_IGNORE,
    GB_OPTION_ACCUMULATE,
    GB_OPTION_DLOSS,
    GB_OPTION_CLASS_WEIGHTS,
    GB_OPTION_BARE,
    GB_OPTION_IN_PLACE,
    GB_OPTION_LD_PAD,
    GB_OPTION_MISALIGN,
    GB_OPTION_DATA,
    GB_OPTION_SEED,
    GB_OPTION_REAL, /* the first of the real options of the list, which go by the names that they have there */
    GB_OPTION_COUNT = GB_OPTION_REAL + GB_REALS_MAX - 1
};
_Static_assert(GB_OPTION_COUNT <= 64, "there is a bit for each");

enum gb_option_kind { GB_OPTION_IS_WORD, GB_OPTION_IS_FLAG, GB_OPTION_IS_COUNT, GB_OPTION_IS_REAL }; /* a flag is 0 or 1 */

const char *gb_option_name(enum gb_option option);
enum gb_option gb_option_find(const char *name); /* GB_OPTION_COUNT: no such option */
enum gb_option_kind gb_option_kind(enum gb_option option);

/* An option that the kernel has not changes nothing. */
bool gb_kernel_has(enum gk_kernel_id kernel, enum gb_option option);

/* Is it said to a contender? The others show in the operands, or are of the contents. */
bool gb_option_is_for_peers(enum gb_option option);

/* Puts a value into the spec. False: it is none of the option's, and spec is as it was. */
bool gb_option_read(enum gb_option option, const char *value, struct gb_problem_spec *spec);

/* "in_out, out_in" or "0..4096" in text, which is also returned. */
const char *gb_option_allowed(enum gb_option option, char *text, size_t size);

/* The option's value in spec: a number, or that of the word (0 is the first, the default). Of a real option that is not set,
 * the usual one of the kernel. */
double gb_option_value(enum gb_option option, const struct gb_problem_spec *spec);
/* The same as it is said, in text, which is also returned. */
const char *gb_option_text(enum gb_option option, const struct gb_problem_spec *spec, char text[GB_VALUE_MAX]);

/* Is it not at its default, the seed not at `seed`? */
bool gb_option_differs(enum gb_option option, const struct gb_problem_spec *spec, uint64_t seed);

/* Three texts that --shape and check read back; cut off at size. The whole problem: "affine_dx n=3 d=4 m=5 dtype=f32
 * accumulate=1 data=integer seed=7". Without contents that are those of the whole run: "affine_dx n=3 d=4 m=5 dtype=f32
 * accumulate=1". The line of a workload that stands for the kernel's family: "affine n=3 d=4 m=5 accumulate=1". */
void gb_problem_describe(const struct gb_problem_spec *spec, char *text, size_t size);
void gb_problem_title(const struct gb_problem_spec *spec, uint64_t seed, char *text, size_t size);
void gb_family_title(const struct gb_problem_spec *spec, uint64_t seed, char *text, size_t size);

/* The options with their values, a line each, for --help; peers: those that are said to contenders. */
const char *gb_options_help(bool peers);

/* The dimensions and options of spec in the kernel's argument struct; pointers and leading dimensions are left alone. */
void gb_spec_arguments(const struct gb_problem_spec *spec, void *args);

#endif
