/* What can be wrong with a call, from the table. What only a kernel can know (labels) its cell checks. */
#include "registry.h"

struct extent {
    uintptr_t begin, end;    /* bytes from the first to past the last element */
    size_t row, stride, size; /* bytes of a row, and from one row to the next; size of an element */
};

/* False: the extent overflows the address space. An operand without elements has begin == end. */
static bool extent(const struct gk_field *field, const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args,
                   struct extent *e) {
    const size_t rows = gk_field_rows(field, kernel, args), cols = gk_field_row_elements(field, kernel, args);
    size_t bytes = 0;
    e->begin = e->end = (uintptr_t)gk_field_pointer(field, args);
    e->size = gk_element_size(field->element, dtype);
    if (rows == 0 || cols == 0) return true;
    if (__builtin_mul_overflow(gk_field_ld_or(field, args, cols), e->size, &e->stride)) return false;
    if (__builtin_mul_overflow(cols, e->size, &e->row)) return false;
    if (__builtin_mul_overflow(rows - 1, e->stride, &bytes) || __builtin_add_overflow(bytes, e->row, &bytes)) return false;
    return bytes <= PTRDIFF_MAX && !__builtin_add_overflow(e->begin, bytes, &e->end);
}

static gk_status check_operand(const struct gk_field *field, const struct gk_kernel *kernel, enum gk_dtype dtype,
                               const void *args, struct extent *e) {
    const bool present = gk_field_pointer(field, args) != NULL;
    if (!present && field->flags & GK_FLAG_OPTIONAL) {
        *e = (struct extent){0};
        return GK_OK;
    }
    if (!extent(field, kernel, dtype, args, e)) return GK_ERROR_SIZE;
    if (e->begin == e->end) return GK_OK;
    if (!present) return GK_ERROR_NULL;
    return e->stride < e->row ? GK_ERROR_LEADING : GK_OK;
}

/* Two matrices may lie side by side in one buffer: with the same stride, columns that never meet do not overlap. */
static bool overlap(const struct extent *a, const struct extent *b) {
    if (a->begin == a->end || b->begin == b->end || a->begin >= b->end || b->begin >= a->end) return false;
    if (a->stride != b->stride) return true;
    if (a->begin > b->begin) return overlap(b, a);
    const size_t gap = (b->begin - a->begin) % a->stride;
    return gap < a->row || a->stride - gap < b->row;
}

static bool in_place(const struct gk_kernel *kernel, const struct gk_field *a, const struct gk_field *b,
                     const struct extent *x, const struct extent *y) {
    if (x->begin != y->begin || x->stride != y->stride) return false;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind == GK_FIELD_IN_PLACE && f->offset == a->offset && f->offset2 == b->offset) return true;
    }
    return false;
}

static gk_status check_option(const struct gk_field *field, const void *args) {
    const void *const at = (const char *)args + field->offset;
    if (field->kind == GK_FIELD_LAYOUT) return *(const unsigned *)at <= GK_OUT_IN ? GK_OK : GK_ERROR_OPTION;
    if (field->kind == GK_FIELD_REDUCTION) return *(const unsigned *)at <= GK_NONE ? GK_OK : GK_ERROR_OPTION;
    return GK_OK;
}

static gk_status check_labels(const struct gk_field *ignore, const struct gk_kernel *kernel, const void *args) {
    const struct gk_field *const labels = gk_kernel_field(kernel, GK_FIELD_IN, "labels");
    const bool index = gk_field_pointer(labels, args) != NULL;
    const bool dense = gk_field_pointer(gk_kernel_field(kernel, GK_FIELD_IN, "t"), args) != NULL;
    if (!index && !dense) return gk_field_cols(labels, kernel, args) ? GK_ERROR_NULL : GK_OK;
    return (index && dense) || (dense && *(const bool *)((const char *)args + ignore->offset)) ? GK_ERROR_OPTION : GK_OK;
}

enum { OPERANDS_MAX = 16 };

gk_status gk_validate(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args) {
    const struct gk_field *operands[OPERANDS_MAX];
    struct extent extents[OPERANDS_MAX];
    const struct gk_field *ignore = NULL;
    size_t count = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const field = &kernel->fields[i];
        if (field->kind == GK_FIELD_IGNORE) ignore = field;
        const bool operand = field->kind == GK_FIELD_IN || field->kind == GK_FIELD_OUT;
        const gk_status status = operand ? check_operand(field, kernel, dtype, args, &extents[count])
                                         : check_option(field, args);
        if (status != GK_OK) return status;
        if (operand && extents[count].begin != extents[count].end) operands[count++] = field;
    }
    for (size_t i = 0; i < count; i++) {
        if (operands[i]->kind != GK_FIELD_OUT) continue;
        for (size_t j = 0; j < count; j++) {
            if (i == j || !overlap(&extents[i], &extents[j])) continue;
            if (!in_place(kernel, operands[i], operands[j], &extents[i], &extents[j])) return GK_ERROR_OVERLAP;
        }
    }
    if (!gk_reserved_unused(args, kernel->reserved, kernel->args_size)) return GK_ERROR_OPTION;
    return ignore ? check_labels(ignore, kernel, args) : GK_OK;
}
