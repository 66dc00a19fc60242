/* The rows of the table: kernels, as kernels.def describes them, and what a harness needs to allocate, fill, check and count
 * any of them without knowing its name. Pure: what the list says, and nothing of this machine. */
#ifndef GK_TABLE_H
#define GK_TABLE_H

#include <string.h>

#include "gradkern.h"

enum gk_kernel_id {
#define GK_KERNEL(id, family, doc) GK_KERNEL_##id,
#include "../kernels.def"
    GK_KERNEL_COUNT
};

enum gk_dim {
#define GK_DIMENSION(f, doc) GK_DIM_##f,
#include "../kernels.def"
    GK_DIM_COUNT
};

enum gk_dtype { GK_F32, GK_F64, GK_DTYPE_COUNT };

enum gk_field_kind {
    GK_FIELD_DIM,        /* size_t; dim */
    GK_FIELD_IN,         /* operand that is read */
    GK_FIELD_OUT,        /* operand that is written */
    GK_FIELD_ACCUMULATE, /* bool; name is the output's, offset2 its pointer's */
    GK_FIELD_LAYOUT,     /* gk_layout */
    GK_FIELD_REDUCTION,  /* gk_reduction */
    GK_FIELD_IGNORE,     /* bool use_ignore_index; offset2 is ignore_index, an int64_t */
    GK_FIELD_REAL,       /* double; count is its usual value */
    GK_FIELD_IN_PLACE,   /* from here on lines that are no fields of the struct; offset is the output's, offset2 the input's */
    GK_FIELD_FLOPS,      /* count rows cols third; offset is an output's, GK_NOWHERE: of every call */
    GK_FIELD_ROOF,
    GK_FIELD_EXACTNESS, /* name and offset are the output's; rule; dim, or count of ULP */
    GK_FIELD_PART,      /* name and id are the part's */
    GK_FIELD_RENAME,    /* name is in the part before, other in this kernel */
    GK_FIELD_GRADIENT,  /* output `name` is the gradient of output `other` of kernel `id` by its input `by` */
};

enum gk_element { GK_ELEMENT_REAL, GK_ELEMENT_LABEL, GK_ELEMENT_LABEL64, GK_ELEMENT_BITS };

enum gk_field_flag {
    GK_FLAG_REQUIRED = 0,
    GK_FLAG_OPTIONAL = 1,
    GK_FLAG_WEIGHT = 2, /* rows and cols change places where layout is GK_OUT_IN */
    GK_FLAG_OPTIONAL_WEIGHT = 3,
    GK_FLAG_DLOSS = 4,  /* one element but for reduction GK_NONE, then rows */
    GK_FLAG_LABELS = 8, /* one form of the labels; one of these operands at most is present */
    GK_FLAG_INOUT = 16, /* an output that is read before it is written */
    GK_FLAG_CLASS_WEIGHTS = 32,
    GK_FLAG_LSE = 64,
    GK_FLAG_OPTIONAL_DLOSS = GK_FLAG_OPTIONAL | GK_FLAG_DLOSS,
    GK_FLAG_OPTIONAL_CLASS_WEIGHTS = GK_FLAG_OPTIONAL | GK_FLAG_CLASS_WEIGHTS,
    GK_FLAG_OPTIONAL_LSE = GK_FLAG_OPTIONAL | GK_FLAG_LSE,
};

enum gk_rule { GK_EXACT_EXACT, GK_EXACT_SUM, GK_EXACT_SOFTMAX, GK_EXACT_ULP };

enum gk_roof { GK_ROOF_MEMORY, GK_ROOF_FMA };

/* No such place in the argument struct: a tight vector's ld, a scalar's dimensions. */
#define GK_NOWHERE ((size_t)-1)

/* One line of an entry of kernels.def. Offsets are into the argument struct, the same for every dtype. An operand has rows x
 * cols elements; a vector or scalar has rows at GK_NOWHERE and counts as one row (a scalar also cols, and counts as one
 * column). */
struct gk_field {
    enum gk_field_kind kind;
    enum gk_element element;
    const char *name;
    size_t offset, offset2; /* offset2 of an operand: its leading dimension */
    size_t rows, cols, third;
    size_t option; /* of an operand whose shape depends on one: its place */
    unsigned flags;
    enum gk_dim dim;
    double count;
    enum gk_rule rule;
    enum gk_roof roof;
    enum gk_kernel_id id;
    const char *other, *by;
};

struct gk_kernel {
    enum gk_kernel_id id;
    const char *name, *family, *doc;
    const struct gk_field *fields;
    size_t n_fields;
    size_t n_args; /* the first of them, which are fields of the struct */
    size_t args_size;
    size_t reserved; /* offset of the reserved bytes */
    unsigned reserved_size;
};

/* The arguments of any kernel, aligned. */
union gk_any_args {
#define GK_KERNEL(id, family, doc) gk_##id##_args id;
#include "../kernels.def"
};

/* Counted from the list: char x[0 +1 +1 ...]; for each kernel, and their union is as large as the largest. */
#define GK_END(id) ];
#define GK_KERNEL(id, family, doc) char id[0
#define GK_OPERAND(kind, f, ld, rows, cols, element, flags) +1
union gk_count_operands {
#include "../kernels.def"
};

enum { GK_OPERANDS_MAX = sizeof(union gk_count_operands), GK_ARGS_MAX = sizeof(union gk_any_args) };

const struct gk_kernel *gk_kernel_get(enum gk_kernel_id id);
const struct gk_kernel *gk_kernel_find(const char *name); /* NULL: no such kernel */

const char *gk_dim_name(enum gk_dim dim);
enum gk_dim gk_dim_find(const char *name); /* GK_DIM_COUNT: no such dimension */

const char *gk_dtype_name(enum gk_dtype dtype);
static inline size_t gk_dtype_size(enum gk_dtype dtype) { return dtype == GK_F64 ? sizeof(double) : sizeof(float); }

static inline size_t gk_element_size(enum gk_element element, enum gk_dtype dtype) {
    return element == GK_ELEMENT_REAL ? gk_dtype_size(dtype) : element == GK_ELEMENT_LABEL ? sizeof(int32_t) : sizeof(uint64_t);
}

/* The first field of a kind, of that name unless it is NULL; NULL: there is none. */
const struct gk_field *gk_kernel_field(const struct gk_kernel *kernel, enum gk_field_kind kind, const char *name);
const struct gk_field *gk_kernel_dim(const struct gk_kernel *kernel, enum gk_dim dim);      /* NULL: it has no such one */
const struct gk_field *gk_kernel_operand(const struct gk_kernel *kernel, const char *name); /* NULL: it has no such one */

static inline bool gk_is_operand(const struct gk_field *field) {
    return field->kind == GK_FIELD_IN || field->kind == GK_FIELD_OUT;
}

/* The fields of args are read here, in the header: what each call does with them is compiled for each kernel (core/rows.h). */

static inline size_t gk_size_at(const void *args, size_t offset) {
    return offset == GK_NOWHERE ? 1 : *(const size_t *)((const char *)args + offset);
}

static inline void gk_set_size(void *args, size_t offset, size_t size) { memcpy((char *)args + offset, &size, sizeof size); }

/* Are the bytes that are reserved for later fields 0? There are 4 or more. */
static inline bool gk_reserved_unused(const uint8_t *bytes, size_t size) {
    const uint8_t *const last = bytes + size - sizeof(uint32_t);
    uint32_t used, word;
    memcpy(&used, last, sizeof used);
    for (; bytes < last; bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        used |= word;
    }
    return used == 0;
}

/* The value of the option that the shape of a weight or of dloss depends on. */
static inline unsigned gk_shape_option(const struct gk_field *field, const void *args) {
    return *(const unsigned *)((const char *)args + field->option);
}

static inline bool gk_field_swapped(const struct gk_field *field, const void *args) {
    return field->flags & GK_FLAG_WEIGHT && gk_shape_option(field, args) == GK_OUT_IN;
}

/* The places in args of the dimensions that an operand's rows and columns are; layout is read there. */
static inline size_t gk_field_rows_at(const struct gk_field *field, const void *args) {
    return gk_field_swapped(field, args) ? field->cols : field->rows;
}

static inline size_t gk_field_cols_at(const struct gk_field *field, const void *args) {
    return gk_field_swapped(field, args) ? field->rows : field->cols;
}

/* Shape of an operand in args; layout, reduction and dimensions are read from there. */
static inline size_t gk_field_rows(const struct gk_field *field, const void *args) {
    return gk_size_at(args, gk_field_rows_at(field, args));
}

static inline size_t gk_field_cols(const struct gk_field *field, const void *args) {
    if (field->flags & GK_FLAG_DLOSS && gk_shape_option(field, args) != GK_NONE) return 1;
    return gk_size_at(args, gk_field_cols_at(field, args));
}

/* Elements of storage a row of the operand takes: cols, for masks the words that hold them. */
static inline size_t gk_field_row_elements(const struct gk_field *field, const void *args) {
    const size_t cols = gk_field_cols(field, args);
    return field->element == GK_ELEMENT_BITS ? cols / 64 + (cols % 64 != 0) : cols;
}

/* Elements; mask: words. */
static inline size_t gk_field_ld_or(const struct gk_field *field, const void *args, size_t row_elements) {
    const size_t ld = field->offset2 == GK_NOWHERE ? 0 : gk_size_at(args, field->offset2);
    return ld ? ld : row_elements;
}

static inline size_t gk_field_ld(const struct gk_field *field, const void *args) {
    return gk_field_ld_or(field, args, gk_field_row_elements(field, args));
}

/* Is it the gradient by an output that GK_GRADIENT names? */
static inline bool gk_is_upstream(const struct gk_field *field, const char *output) {
    return field->flags & GK_FLAG_DLOSS || (field->name[0] == 'd' && strcmp(field->name + 1, output) == 0);
}

/* An operand's pointer in args (NULL for one that is absent). */
static inline const void *gk_field_pointer(const struct gk_field *field, const void *args) {
    return *(const void *const *)((const char *)args + field->offset);
}

struct gk_slice {
    size_t begin, end;
};

/* Share `rank` of `size` equal ones of [0, total), cut at multiples of unit: how threads split the outputs. */
struct gk_slice gk_slice_of(size_t total, size_t unit, size_t rank, size_t size);

/* The size of a dimension; 1 where the kernel has none of that name. */
size_t gk_dim_of(const struct gk_kernel *kernel, const void *args, enum gk_dim dim);

/* Is the output added to what is there? */
static inline bool gk_accumulates(const struct gk_kernel *kernel, const struct gk_field *output, const void *args) {
    bool added = false;
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind == GK_FIELD_ACCUMULATE && f->offset2 == output->offset) added = *((const bool *)args + f->offset);
    }
    return added;
}

/* Is an operand's old value read: an input, an in/out operand, an output that is added to? */
static inline bool gk_reads(const struct gk_kernel *kernel, const struct gk_field *operand, const void *args) {
    return operand->kind == GK_FIELD_IN || operand->flags & GK_FLAG_INOUT || gk_accumulates(kernel, operand, args);
}

/* How exact an output is; of a kernel with parts as the last part that writes it says. */
struct gk_exactness {
    enum gk_rule rule;
    enum gk_dim dim; /* of a sum or softmax */
    double ulp;
};
struct gk_exactness gk_exactness_of(const struct gk_kernel *kernel, const struct gk_field *output);

/* A part (GK_FIELD_PART) of a kernel: what the part's name for an operand, dimension or option is in the kernel. */
const char *gk_part_name(const struct gk_kernel *kernel, const struct gk_field *part, const char *name);
/* The kernel's field that a field of the part is; NULL: none, so that an option is 0, and an operand absent or a temporary. An
 * output of the part that has the name of an input of the kernel has none. */
const struct gk_field *gk_part_field(const struct gk_kernel *kernel, const struct gk_field *part, const struct gk_field *field);
/* Is an output of the part a temporary? */
bool gk_part_temporary(const struct gk_kernel *kernel, const struct gk_field *part, const struct gk_field *output);
/* Does args run the part? */
bool gk_part_runs(const struct gk_kernel *kernel, const struct gk_field *part, const void *args);
/* The part's arguments from the kernel's. Pointers to temporaries that it writes are NULL, and an input of which an earlier
 * part wrote a temporary is the kernel's: the caller, who has the memory of temporaries, sets both. */
void gk_part_args(const struct gk_kernel *kernel, const struct gk_field *part, const void *args, union gk_any_args *part_args);

/* FLOPs of a call; the roof it is held against; bytes that it must at least move (each operand present once, twice if it is
 * both read and written). */
double gk_kernel_flops(const struct gk_kernel *kernel, const void *args);
enum gk_roof gk_kernel_roof(const struct gk_kernel *kernel, const void *args);
double gk_kernel_bytes(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args);
/* What decides between serial and parallel: FLOPs of what is held against the FMA roof, bytes of anything else. */
double gk_kernel_work(enum gk_kernel_id id, enum gk_dtype dtype, const void *args, enum gk_roof *roof);

#endif
