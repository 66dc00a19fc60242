/* What can be wrong with a call, from the table, compiled for each kernel. What only a kernel can know (labels) its cell
 * checks. */
#include "call.h"
#include "rows.h"

/* What an operand takes of memory. One that is absent or has no elements takes none, and begins nowhere. */
struct extent {
    uintptr_t begin, end; /* bytes from the first to past the last element */
    size_t row, stride;   /* bytes of a row, and from one row to the next */
};

/* False: the extent overflows the address space. There are elements. */
GK_ROW_INLINE bool extend(struct extent *e, const void *pointer, size_t rows, size_t cols, size_t ld, size_t size) {
    size_t bytes = 0;
    e->begin = (uintptr_t)pointer;
    if (__builtin_mul_overflow(ld, size, &e->stride)) return false;
    if (__builtin_mul_overflow(cols, size, &e->row)) return false;
    if (__builtin_mul_overflow(rows - 1, e->stride, &bytes) || __builtin_add_overflow(bytes, e->row, &bytes)) return false;
    return bytes <= PTRDIFF_MAX && !__builtin_add_overflow(e->begin, bytes, &e->end);
}

GK_ROW_INLINE gk_status check_operand(const struct gk_field *field, enum gk_dtype dtype, const void *args, struct extent *e) {
    const void *const pointer = gk_field_pointer(field, args);
    e->begin = e->end = 0;
    if (!pointer && field->flags & GK_FLAG_OPTIONAL) return GK_OK;
    const size_t rows = gk_field_rows(field, args), cols = gk_field_row_elements(field, args);
    if (rows == 0 || cols == 0) return GK_OK;
    const size_t ld = gk_field_ld_or(field, args, cols);
    if (!extend(e, pointer, rows, cols, ld, gk_element_size(field->element, dtype))) return GK_ERROR_SIZE;
    if (!pointer) return GK_ERROR_NULL;
    return e->stride < e->row ? GK_ERROR_LEADING : GK_OK;
}

/* The rule of gradkern.h, where the extents meet. With the same stride, columns that never meet do not overlap: matrices may
 * lie side by side in one buffer. With two strides they may not, even where no row meets another: to find that out would take
 * time. */
__attribute__((noinline)) static bool overlap(const struct extent *a, const struct extent *b, bool may_be_same) {
    if (a->stride != b->stride) return true;
    if (a->begin == b->begin) return !may_be_same;
    if (a->begin > b->begin) return overlap(b, a, false);
    const size_t gap = (b->begin - a->begin) % a->stride;
    return gap < a->row || a->stride - gap < b->row;
}

GK_ROW_INLINE bool meet(const struct extent *a, const struct extent *b) { return a->begin < b->end && b->begin < a->end; }

/* May an output be the same matrix as an input? */
GK_ROW_INLINE bool in_place(const struct gk_kernel *kernel, const struct gk_field *out, const struct gk_field *in) {
    bool may = false;
    GK_EACH_FIELD
    for (size_t i = kernel->n_args; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        may |= f->kind == GK_FIELD_IN_PLACE && f->offset == out->offset && f->offset2 == in->offset;
    }
    return may;
}

/* What a look at all fields told. */
struct seen {
    size_t labels; /* forms of the labels */
    bool ignores, dense, wants, writes, scalar, unreduced;
};

GK_ROW_INLINE void note_operand(struct seen *seen, const struct gk_field *field, bool given, bool elements) {
    if (field->kind == GK_FIELD_OUT) {
        seen->wants |= given || !(field->flags & GK_FLAG_OPTIONAL);
        seen->writes |= elements;
        seen->scalar |= given && field->cols == GK_NOWHERE;
    } else if (field->flags & GK_FLAG_LABELS && given) {
        seen->labels++;
        seen->dense |= field->element == GK_ELEMENT_REAL;
    }
}

GK_ROW_INLINE gk_status note_option(struct seen *seen, const struct gk_field *field, const void *args) {
    const void *const at = (const char *)args + field->offset;
    if (field->kind == GK_FIELD_LAYOUT) return *(const unsigned *)at <= GK_OUT_IN ? GK_OK : GK_ERROR_OPTION;
    if (field->kind == GK_FIELD_IGNORE) seen->ignores = *(const bool *)at;
    if (field->kind != GK_FIELD_REDUCTION) return GK_OK;
    seen->unreduced = *(const unsigned *)at == GK_NONE;
    return *(const unsigned *)at <= GK_NONE ? GK_OK : GK_ERROR_OPTION;
}

/* Options that exclude each other, a loss of the batch without a reduction, and a call that wants nothing. */
GK_ROW_INLINE gk_status check_together(const struct seen *seen) {
    const bool excluded = seen->labels > 1 || (seen->dense && seen->ignores) || (seen->scalar && seen->unreduced);
    return excluded || !seen->wants ? GK_ERROR_OPTION : GK_OK;
}

/* Each output against every other operand. */
GK_ROW_INLINE gk_status check_overlaps(const struct gk_kernel *kernel, const struct extent *extents) {
    GK_EACH_FIELD
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const out = &kernel->fields[i];
        if (out->kind != GK_FIELD_OUT) continue;
        GK_EACH_FIELD
        for (size_t j = 0; j < kernel->n_args; j++) {
            const struct gk_field *const other = &kernel->fields[j];
            if (!gk_is_operand(other) || (other->kind == GK_FIELD_OUT && j <= i) || !meet(&extents[i], &extents[j])) continue;
            if (overlap(&extents[i], &extents[j], in_place(kernel, out, other))) return GK_ERROR_OVERLAP;
        }
    }
    return GK_OK;
}

GK_ROW_INLINE gk_status check(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args, bool *writes) {
    struct extent extents[GK_FIELDS_MAX];
    struct seen seen = {0};
    GK_EACH_FIELD
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const field = &kernel->fields[i];
        const bool operand = gk_is_operand(field);
        const gk_status status = operand ? check_operand(field, dtype, args, &extents[i]) : note_option(&seen, field, args);
        if (status != GK_OK) return status;
        if (operand) note_operand(&seen, field, gk_field_pointer(field, args), extents[i].end != 0);
    }
    if (!gk_reserved_unused((const uint8_t *)args + kernel->reserved, kernel->reserved_size)) return GK_ERROR_OPTION;
    const gk_status status = check_together(&seen);
    *writes = seen.writes;
    return status == GK_OK && seen.writes ? check_overlaps(kernel, extents) : status;
}

typedef gk_status check_function(enum gk_dtype dtype, const void *args, bool *writes);
#define GK_KERNEL(id, family, doc)                                                                                             \
    static gk_status check_##id(enum gk_dtype dtype, const void *args, bool *writes) {                                         \
        return check(describe_##id(), dtype, args, writes);                                                                    \
    }
#include "../kernels.def"

gk_status gk_validate(enum gk_kernel_id id, enum gk_dtype dtype, const void *args, bool *writes) {
#define GK_KERNEL(id, family, doc) check_##id,
    static check_function *const checks[] = {
#include "../kernels.def"
    };
    return checks[id](dtype, args, writes);
}
