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
    GK_FIELD_DIM,
    GK_FIELD_IN,         /* operand that is read */
    GK_FIELD_OUT,        /* operand that is written */
    GK_FIELD_ACCUMULATE, /* bool; name is the output's, offset2 its pointer's */
    GK_FIELD_LAYOUT,     /* gk_layout */
    GK_FIELD_REDUCTION,  /* gk_reduction */
    GK_FIELD_IGNORE,     /* bool use_ignore_index; offset2 is ignore_index, an int64_t */
    GK_FIELD_IN_PLACE,   /* offset is the output's, offset2 the input's pointer */
    GK_FIELD_FLOPS,
    GK_FIELD_EXACTNESS,
};

enum gk_element { GK_ELEMENT_REAL, GK_ELEMENT_LABEL, GK_ELEMENT_LABEL64, GK_ELEMENT_BITS };

enum gk_field_flag {
    GK_FLAG_REQUIRED = 0,
    GK_FLAG_OPTIONAL = 1,
    GK_FLAG_WEIGHT = 2, /* rows and cols change places where layout is GK_OUT_IN */
    GK_FLAG_OPTIONAL_WEIGHT = 3,
    GK_FLAG_DLOSS = 4,  /* one element but for reduction GK_NONE, then rows */
    GK_FLAG_LABELS = 8, /* one form of the labels; one of these operands at most is present */
};

enum gk_exactness { GK_EXACT_SUM, GK_EXACT_EXACT, GK_EXACT_SOFTMAX };

/* No such place in the argument struct: a tight vector's ld, a scalar's dimensions. */
#define GK_NOWHERE ((size_t)-1)

/* One line of an entry of kernels.def. Offsets are into the argument struct, the same for every dtype. An operand has rows x
 * cols elements; a vector or scalar has rows at GK_NOWHERE and counts as one row (a scalar also cols, and counts as one
 * column). */
struct gk_field {
    enum gk_field_kind kind;
    const char *name;
    size_t offset, offset2; /* offset2 of an operand: its leading dimension */
    size_t rows, cols, third;
    enum gk_element element;
    unsigned flags;
    enum gk_dim dim; /* GK_FIELD_DIM */
    double count;    /* GK_FIELD_FLOPS */
    enum gk_exactness exactness;
};

struct gk_kernel {
    const char *name, *family, *doc;
    const struct gk_field *fields;
    size_t n_fields;
    size_t args_size;
    size_t reserved; /* offset of the reserved bytes, with which the struct ends */
};

const struct gk_kernel *gk_kernel_get(enum gk_kernel_id id);
const struct gk_kernel *gk_kernel_find(const char *name); /* NULL: no such kernel */

const char *gk_dim_name(enum gk_dim dim);
enum gk_dim gk_dim_find(const char *name); /* GK_DIM_COUNT: no such dimension */

const char *gk_dtype_name(enum gk_dtype dtype);
static inline size_t gk_dtype_size(enum gk_dtype dtype) { return dtype == GK_F64 ? sizeof(double) : sizeof(float); }

static inline size_t gk_element_size(enum gk_element element, enum gk_dtype dtype) {
    return element == GK_ELEMENT_REAL ? gk_dtype_size(dtype) : element == GK_ELEMENT_LABEL ? sizeof(int32_t) : sizeof(uint64_t);
}

/* The fields of args are read here, in the header, because every call checks them: a tenth of the time of a tiny one. */
const struct gk_field *gk_kernel_field(const struct gk_kernel *kernel, enum gk_field_kind kind, const char *name);

static inline size_t gk_size_at(const void *args, size_t offset) {
    return offset == GK_NOWHERE ? 1 : *(const size_t *)((const char *)args + offset);
}

/* Are the bytes of a struct from offset `from` to its end, which are reserved for later fields, 0? They are a word or more. */
static inline bool gk_reserved_unused(const void *args, size_t from, size_t size) {
    const char *const bytes = args;
    size_t used, word;
    memcpy(&used, bytes + size - sizeof used, sizeof used);
    for (; from < size - sizeof word; from += sizeof word) {
        memcpy(&word, bytes + from, sizeof word);
        used |= word;
    }
    return used == 0;
}

/* The value of an option of which a kernel has one at most; 0: it has none. */
static inline int gk_option(const struct gk_kernel *kernel, enum gk_field_kind kind, const void *args) {
    for (size_t i = kernel->n_fields; i > 0; i--)
        if (kernel->fields[i - 1].kind == kind) return *(const int *)((const char *)args + kernel->fields[i - 1].offset);
    return 0;
}

static inline bool gk_field_swapped(const struct gk_field *field, const struct gk_kernel *kernel, const void *args) {
    return field->flags & GK_FLAG_WEIGHT && gk_option(kernel, GK_FIELD_LAYOUT, args) == GK_OUT_IN;
}

/* Shape of an operand in args; layout, reduction and dimensions are read from there. */
static inline size_t gk_field_rows(const struct gk_field *field, const struct gk_kernel *kernel, const void *args) {
    return gk_size_at(args, gk_field_swapped(field, kernel, args) ? field->cols : field->rows);
}

static inline size_t gk_field_cols(const struct gk_field *field, const struct gk_kernel *kernel, const void *args) {
    if (field->flags & GK_FLAG_DLOSS && gk_option(kernel, GK_FIELD_REDUCTION, args) != GK_NONE) return 1;
    return gk_size_at(args, gk_field_swapped(field, kernel, args) ? field->rows : field->cols);
}

/* Elements of storage a row of the operand takes: cols, for masks the words that hold them. */
static inline size_t gk_field_row_elements(const struct gk_field *field, const struct gk_kernel *kernel, const void *args) {
    const size_t cols = gk_field_cols(field, kernel, args);
    return field->element == GK_ELEMENT_BITS ? cols / 64 + (cols % 64 != 0) : cols;
}

/* Elements; mask: words. */
static inline size_t gk_field_ld_or(const struct gk_field *field, const void *args, size_t row_elements) {
    const size_t ld = field->offset2 == GK_NOWHERE ? 0 : gk_size_at(args, field->offset2);
    return ld ? ld : row_elements;
}

static inline size_t gk_field_ld(const struct gk_field *field, const struct gk_kernel *kernel, const void *args) {
    return gk_field_ld_or(field, args, gk_field_row_elements(field, kernel, args));
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

/* FLOPs of a call; bytes that it must at least move (each operand present once, an accumulated output twice). */
double gk_kernel_flops(const struct gk_kernel *kernel, const void *args);
double gk_kernel_bytes(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args);
/* What decides between serial and parallel: FLOPs of a sum of products, bytes of anything else. */
double gk_kernel_work(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args);

#endif
