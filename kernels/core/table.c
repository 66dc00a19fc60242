#include "table.h"

#define RESERVED_FROM(args) (sizeof(args) - sizeof((args *)0)->reserved)

/* Both types' structs must look alike: fields are described once. */
#define GK_KERNEL(id, family, doc)                                                                                             \
    _Static_assert(sizeof(gk_##id##_args) == sizeof(gk_##id##_args_f64), "the two types of " #id " differ");                   \
    _Static_assert(offsetof(gk_##id##_args, reserved) == RESERVED_FROM(gk_##id##_args), #id " ends in no reserved bytes");     \
    _Static_assert(sizeof((gk_##id##_args *)0)->reserved >= sizeof(size_t), #id " has too few reserved bytes");                \
    static const char family_##id[] = #family, doc_##id[] = doc;
#include "../kernels.def"

#define AT(f) offsetof(self, f)
#define OPERAND(dir, f, ld, r, c, el, fl)                                                                                      \
    {.kind = GK_FIELD_##dir,                                                                                                   \
     .name = #f,                                                                                                               \
     .offset = AT(f),                                                                                                          \
     .offset2 = (ld),                                                                                                          \
     .rows = (r),                                                                                                              \
     .cols = (c),                                                                                                              \
     .element = GK_ELEMENT_##el,                                                                                               \
     .flags = (fl)},
#define GK_KERNEL(id, family, doc)                                                                                             \
    static const struct gk_kernel *describe_##id(void) {                                                                       \
        typedef gk_##id##_args self;                                                                                           \
        static const struct gk_field fields[] = {
#define GK_END(id)                                                                                                             \
    }                                                                                                                          \
    ;                                                                                                                          \
    enum { COUNT = sizeof fields / sizeof *fields };                                                                           \
    static const struct gk_kernel kernel = {#id, family_##id, doc_##id, fields, COUNT, sizeof(self), AT(reserved)};            \
    return &kernel;                                                                                                            \
    }
#define GK_DIM(f)                        {.kind = GK_FIELD_DIM, .name = #f, .offset = AT(f), .dim = GK_DIM_##f},
#define GK_MATRIX_IN(f, rows, cols, fl)  OPERAND(IN, f, AT(ld_##f), AT(rows), AT(cols), REAL, GK_FLAG_##fl)
#define GK_MATRIX_OUT(f, rows, cols, fl) OPERAND(OUT, f, AT(ld_##f), AT(rows), AT(cols), REAL, GK_FLAG_##fl)
#define GK_VECTOR_IN(f, len, fl)         OPERAND(IN, f, GK_NOWHERE, GK_NOWHERE, AT(len), REAL, GK_FLAG_##fl)
#define GK_VECTOR_OUT(f, len, fl)        OPERAND(OUT, f, GK_NOWHERE, GK_NOWHERE, AT(len), REAL, GK_FLAG_##fl)
#define GK_SCALAR_OUT(f, fl)             OPERAND(OUT, f, GK_NOWHERE, GK_NOWHERE, GK_NOWHERE, REAL, GK_FLAG_##fl)
#define GK_BITS_IN(f, rows, cols, fl)    OPERAND(IN, f, AT(ld_##f), AT(rows), AT(cols), BITS, GK_FLAG_##fl)
#define GK_BITS_OUT(f, rows, cols, fl)   OPERAND(OUT, f, AT(ld_##f), AT(rows), AT(cols), BITS, GK_FLAG_##fl)
#define GK_ACCUMULATE(f)                 {.kind = GK_FIELD_ACCUMULATE, .name = #f, .offset = AT(accumulate_##f), .offset2 = AT(f)},
#define GK_WEIGHT_LAYOUT()               {.kind = GK_FIELD_LAYOUT, .name = "layout", .offset = AT(layout)},
#define GK_REDUCTION()                   {.kind = GK_FIELD_REDUCTION, .name = "reduction", .offset = AT(reduction)},
#define GK_LABELS(n, c)                                                                                                        \
    OPERAND(IN, labels, GK_NOWHERE, GK_NOWHERE, AT(n), LABEL, GK_FLAG_OPTIONAL | GK_FLAG_LABELS)                               \
    OPERAND(IN, labels64, GK_NOWHERE, GK_NOWHERE, AT(n), LABEL64, GK_FLAG_OPTIONAL | GK_FLAG_LABELS){                          \
        .kind = GK_FIELD_IGNORE, .name = "ignore_index", .offset = AT(use_ignore_index), .offset2 = AT(ignore_index)},         \
        OPERAND(IN, t, AT(ld_t), AT(n), AT(c), REAL, GK_FLAG_OPTIONAL | GK_FLAG_LABELS)
#define GK_DLOSS(n)          OPERAND(IN, dloss, GK_NOWHERE, GK_NOWHERE, AT(n), REAL, GK_FLAG_OPTIONAL | GK_FLAG_DLOSS)
#define GK_IN_PLACE(out, in) {.kind = GK_FIELD_IN_PLACE, .name = #out, .offset = AT(out), .offset2 = AT(in)},
#define GK_FLOPS2(n, a, b)                                                                                                     \
    {.kind = GK_FIELD_FLOPS, .name = "flops", .count = (n), .rows = AT(a), .cols = AT(b), .third = GK_NOWHERE},
#define GK_FLOPS3(n, a, b, c)                                                                                                  \
    {.kind = GK_FIELD_FLOPS, .name = "flops", .count = (n), .rows = AT(a), .cols = AT(b), .third = AT(c)},
#define GK_EXACTNESS(rule, dim) {.kind = GK_FIELD_EXACTNESS, .name = #dim, .exactness = GK_EXACT_##rule, .cols = AT(dim)},
#include "../kernels.def"

const struct gk_kernel *gk_kernel_get(enum gk_kernel_id id) {
#define GK_KERNEL(id, family, doc) describe_##id,
    static const struct gk_kernel *(*const describe[])(void) = {
#include "../kernels.def"
    };
    return (unsigned)id < GK_KERNEL_COUNT ? describe[id]() : NULL;
}

const struct gk_kernel *gk_kernel_find(const char *name) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        if (strcmp(kernel->name, name) == 0) return kernel;
    }
    return NULL;
}

const char *gk_dim_name(enum gk_dim dim) {
#define GK_DIMENSION(f, doc) #f,
    static const char *const names[] = {
#include "../kernels.def"
    };
    return names[dim];
}

enum gk_dim gk_dim_find(const char *name) {
    enum gk_dim dim = 0;
    while (dim < GK_DIM_COUNT && strcmp(gk_dim_name(dim), name) != 0) dim++;
    return dim;
}

struct gk_slice gk_slice_of(size_t total, size_t unit, size_t rank, size_t size) {
    if (size == 1) return (struct gk_slice){0, total};
    const size_t units = total / unit + (total % unit != 0);
    const size_t share = units / size, more = units % size;
    const size_t first = rank * share + (rank < more ? rank : more);
    const size_t begin = first * unit, end = (first + share + (rank < more)) * unit;
    return (struct gk_slice){begin < total ? begin : total, end < total ? end : total};
}

const char *gk_dtype_name(enum gk_dtype dtype) { return dtype == GK_F64 ? "f64" : "f32"; }

const struct gk_field *gk_kernel_field(const struct gk_kernel *kernel, enum gk_field_kind kind, const char *name) {
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const field = &kernel->fields[i];
        if (field->kind == kind && (!name || strcmp(field->name, name) == 0)) return field;
    }
    return NULL;
}

/* products: is it a sum of products, with three dimensions? */
static double count_flops(const struct gk_kernel *kernel, const void *args, bool *products) {
    double flops = 0;
    *products = false;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind != GK_FIELD_FLOPS) continue;
        flops += f->count * (double)gk_size_at(args, f->rows) * (double)gk_size_at(args, f->cols) *
                 (double)gk_size_at(args, f->third);
        *products |= f->third != GK_NOWHERE;
    }
    return flops;
}

double gk_kernel_flops(const struct gk_kernel *kernel, const void *args) {
    bool products;
    return count_flops(kernel, args, &products);
}

static bool accumulates(const struct gk_kernel *kernel, const struct gk_field *field, const void *args) {
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind == GK_FIELD_ACCUMULATE && f->offset2 == field->offset)
            return *(const bool *)((const char *)args + f->offset);
    }
    return false;
}

double gk_kernel_bytes(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args) {
    double bytes = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if ((f->kind != GK_FIELD_IN && f->kind != GK_FIELD_OUT) || !gk_field_pointer(f, args)) continue;
        const double once = (double)gk_field_rows(f, kernel, args) * (double)gk_field_row_elements(f, kernel, args) *
                            (double)gk_element_size(f->element, dtype);
        bytes += f->kind == GK_FIELD_OUT && accumulates(kernel, f, args) ? 2 * once : once;
    }
    return bytes;
}

double gk_kernel_work(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args) {
    bool products;
    const double flops = count_flops(kernel, args, &products);
    return products ? flops : gk_kernel_bytes(kernel, dtype, args);
}
