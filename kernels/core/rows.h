/* The rows as constants: describe_<kernel>() is its row. Where a function that walks over one is inlined, with the row as an
 * argument, the compiler knows every field, and what is left is what a person would write for that kernel alone: no table is
 * read, and none is in the object. */
#ifndef GK_ROWS_H
#define GK_ROWS_H

#include "table.h"

#define GK_ROW_INLINE static inline __attribute__((always_inline))

/* Before a loop over fields, in such a function. */
#if defined(__clang__)
#define GK_EACH_FIELD _Pragma("clang loop unroll(full)")
#else
#define GK_EACH_FIELD _Pragma("GCC unroll 64")
#endif

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

/* The option that an operand's shape depends on, by the first of its flags; more of them may follow. */
#define SHAPE_GK_FLAG_WEIGHT          ~, AT(layout), ~
#define SHAPE_GK_FLAG_OPTIONAL_WEIGHT ~, AT(layout), ~
#define SHAPE_GK_FLAG_OPTIONAL_DLOSS  ~, AT(reduction), ~
#define SHAPE_OPTION(flags)           SECOND_OF(SHAPE_##flags, 0, ~)

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
#define GK_KERNEL(id, family, doc) char id[ARGS_OF_##id];
union gk_count_fields {
#include "../kernels.def"
};
enum { GK_FIELDS_MAX = sizeof(union gk_count_fields) };
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
    static inline const struct gk_kernel *describe_##id(void) {                                                                \
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
     .option = SHAPE_OPTION(fl),                                                                                               \
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

#endif
