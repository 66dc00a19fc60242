#include "table.h"

/* Each entry's struct has reserved bytes, and what a line names of another kernel is there. */
#define RESERVED_OF(args) sizeof((args *)0)->reserved
#define GK_KERNEL(id, family, doc)                                                                                             \
    _Static_assert(sizeof(gk_##id##_args) == sizeof(gk_##id##_args_f64), "the two types of " #id " differ");                   \
    _Static_assert((offsetof(gk_##id##_args, reserved) + RESERVED_OF(gk_##id##_args)) % _Alignof(gk_##id##_args) == 0,         \
                   #id " has padding behind its reserved bytes");                                                              \
    _Static_assert(RESERVED_OF(gk_##id##_args) >= sizeof(uint32_t), #id " has too few reserved bytes");                        \
    static const char family_##id[] = #family, doc_##id[] = doc;
#define GK_GRADIENT(out, kernel, y, x)                                                                                         \
    _Static_assert(offsetof(gk_##kernel##_args, y) != offsetof(gk_##kernel##_args, x), #y " is " #x);
#include "../kernels.def"

/* The offset of a field, the same in both types' structs, for fields are described once. `one` and `call` are no fields. */
#define NO_FIELD_one  ~, GK_NOWHERE
#define NO_FIELD_call ~, GK_NOWHERE
#define SAME_IN_BOTH(f)                                                                                                        \
    (offsetof(self, f) + 0 * sizeof(struct {                                                                                   \
                             _Static_assert(offsetof(self, f) == offsetof(wide, f), "the two types differ in " #f);            \
                             char any;                                                                                         \
                         }))
#define SECOND(a, b, ...) b
#define SECOND_OF(...)    SECOND(__VA_ARGS__)
#define AT(f)             SECOND_OF(NO_FIELD_##f, SAME_IN_BOTH(f), ~)

/* clang-format off */
#define GK_KERNEL(id, family, doc) enum { ARGS_OF_##id = 0
#define GK_DIM(f) +1
#define GK_OPERAND(kind, f, ld, rows, cols, element, flags) +1
#define GK_ACCUMULATE(f) +1
#define GK_WEIGHT_LAYOUT() +1
#define GK_IGNORE_INDEX() +1
#define GK_REDUCTION() +1
#define GK_REAL_OPTION(f, usual, doc) +1
#define GK_END(id) };
#include "../kernels.def"
#define GK_KERNEL(id, family, doc) enum { PARTS_OF_##id = 0
#define GK_PART(kernel) +1
#define GK_END(id) };
#include "../kernels.def"
#define GK_KERNEL(id, family, doc) enum { OWN_WORK_OF_##id = 0
#define GK_ROOF(limit) +1
#define GK_FLOPS(out, count, a, b, c) +2
#define GK_END(id) };
#include "../kernels.def"
/* clang-format on */
#define GK_KERNEL(id, family, doc)                                                                                             \
    _Static_assert(PARTS_OF_##id > 0 || OWN_WORK_OF_##id % 2 == 1, #id " has not one roof");                                   \
    _Static_assert(PARTS_OF_##id == 0 || OWN_WORK_OF_##id == 0, #id " has FLOPs or a roof beside parts");
#define GK_PART(kernel) _Static_assert(PARTS_OF_##kernel == 0, #kernel " is a part and has parts");
#include "../kernels.def"

#define GK_KERNEL(id, family, doc)                                                                                             \
    static const struct gk_kernel *describe_##id(void) {                                                                       \
        typedef gk_##id##_args self;                                                                                           \
        typedef gk_##id##_args_f64 wide;                                                                                       \
        static const struct gk_field fields[] = {
#define GK_END(id)                                                                                                             \
    }                                                                                                                          \
    ;                                                                                                                          \
    enum { COUNT = sizeof fields / sizeof *fields };                                                                           \
    static const struct gk_kernel kernel = {GK_KERNEL_##id, #id,          family_##id,  doc_##id,     fields,                  \
                                            COUNT,          ARGS_OF_##id, sizeof(self), AT(reserved), RESERVED_OF(self)};      \
    return &kernel;                                                                                                            \
    }
#define GK_DIM(f) {.kind = GK_FIELD_DIM, .name = #f, .offset = AT(f), .dim = GK_DIM_##f},
#define GK_OPERAND(what, f, ld, r, c, el, fl)                                                                                  \
    {.kind = GK_FIELD_##what,                                                                                                  \
     .name = #f,                                                                                                               \
     .offset = AT(f),                                                                                                          \
     .offset2 = AT(ld),                                                                                                        \
     .rows = AT(r),                                                                                                            \
     .cols = AT(c),                                                                                                            \
     .element = GK_ELEMENT_##el,                                                                                               \
     .flags = (fl)},
#define GK_ACCUMULATE(f)   {.kind = GK_FIELD_ACCUMULATE, .name = #f, .offset = AT(accumulate_##f), .offset2 = AT(f)},
#define GK_WEIGHT_LAYOUT() {.kind = GK_FIELD_LAYOUT, .name = "layout", .offset = AT(layout)},
#define GK_REDUCTION()     {.kind = GK_FIELD_REDUCTION, .name = "reduction", .offset = AT(reduction)},
#define GK_IGNORE_INDEX()                                                                                                      \
    {.kind = GK_FIELD_IGNORE, .name = "ignore_index", .offset = AT(use_ignore_index), .offset2 = AT(ignore_index)},
#define GK_REAL_OPTION(f, usual, doc) {.kind = GK_FIELD_REAL, .name = #f, .offset = AT(f), .count = (usual)},
#define GK_IN_PLACE(out, in)          {.kind = GK_FIELD_IN_PLACE, .name = #out, .offset = AT(out), .offset2 = AT(in)},
#define GK_FLOPS(out, n, a, b, c)                                                                                              \
    {.kind = GK_FIELD_FLOPS, .name = #out, .offset = AT(out), .count = (n), .rows = AT(a), .cols = AT(b), .third = AT(c)},
#define GK_ROOF(limit) {.kind = GK_FIELD_ROOF, .name = #limit, .roof = GK_ROOF_##limit},
#define GK_EXACTNESS(out, limit, d)                                                                                            \
    {.kind = GK_FIELD_EXACTNESS, .name = #out, .offset = AT(out), .rule = GK_EXACT_##limit, .dim = GK_DIM_##d, .rows = AT(d)},
#define GK_ULP(out, most) {.kind = GK_FIELD_EXACTNESS, .name = #out, .offset = AT(out), .rule = GK_EXACT_ULP, .count = (most)},
#define GK_GRADIENT(out, kernel, y, x)                                                                                         \
    {.kind = GK_FIELD_GRADIENT, .name = #out, .offset = AT(out), .id = GK_KERNEL_##kernel, .other = #y, .by = #x},
#define GK_PART(kernel)   {.kind = GK_FIELD_PART, .name = #kernel, .id = GK_KERNEL_##kernel},
#define GK_RENAME(f, own) {.kind = GK_FIELD_RENAME, .name = #f, .other = #own},
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

const struct gk_field *gk_kernel_operand(const struct gk_kernel *kernel, const char *name) {
    const struct gk_field *const input = gk_kernel_field(kernel, GK_FIELD_IN, name);
    return input ? input : gk_kernel_field(kernel, GK_FIELD_OUT, name);
}

const struct gk_field *gk_kernel_dim(const struct gk_kernel *kernel, enum gk_dim dim) {
    return gk_kernel_field(kernel, GK_FIELD_DIM, gk_dim_name(dim));
}

size_t gk_dim_of(const struct gk_kernel *kernel, const void *args, enum gk_dim dim) {
    const struct gk_field *const field = gk_kernel_dim(kernel, dim);
    return field ? gk_size_at(args, field->offset) : 1;
}

bool gk_accumulates(const struct gk_kernel *kernel, const struct gk_field *output, const void *args) {
    const struct gk_field *const flag = gk_kernel_field(kernel, GK_FIELD_ACCUMULATE, output->name);
    return flag && *(const bool *)((const char *)args + flag->offset);
}

bool gk_reads(const struct gk_kernel *kernel, const struct gk_field *operand, const void *args) {
    return operand->kind == GK_FIELD_IN || operand->flags & GK_FLAG_INOUT || gk_accumulates(kernel, operand, args);
}

double gk_kernel_bytes(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args) {
    double bytes = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (!gk_is_operand(f) || !gk_field_pointer(f, args)) continue;
        const double once = (double)gk_field_rows(f, kernel, args) * (double)gk_field_row_elements(f, kernel, args) *
                            (double)gk_element_size(f->element, dtype);
        bytes += f->kind == GK_FIELD_OUT && gk_reads(kernel, f, args) ? 2 * once : once;
    }
    return bytes;
}
