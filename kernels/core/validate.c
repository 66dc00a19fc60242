/* What can be wrong with a call, from the table. What only a kernel can know (labels) its cell checks. */
#include "registry.h"

enum { OPERANDS_MAX = 16 };

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

/* The rule of gradkern.h. With the same stride, columns that never meet do not overlap: matrices may lie side by side in one
 * buffer. With two strides they may not, even where no row meets another: to find that out would take time. */
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

/* What a look at all fields told. */
struct seen {
    const struct gk_field *operands[OPERANDS_MAX]; /* those that have elements */
    struct extent extents[OPERANDS_MAX];
    size_t count;
    size_t labels; /* forms of the labels */
    bool ignores, dense, wants, writes, scalar, unreduced;
};

static void note_operand(struct seen *seen, const struct gk_field *field, const void *args) {
    const bool present = gk_field_pointer(field, args) != NULL;
    const bool elements = seen->extents[seen->count].begin != seen->extents[seen->count].end;
    if (elements) seen->operands[seen->count++] = field;
    if (field->kind == GK_FIELD_OUT) {
        seen->wants |= present || !(field->flags & GK_FLAG_OPTIONAL);
        seen->writes |= elements;
        seen->scalar |= present && field->cols == GK_NOWHERE;
    } else if (field->flags & GK_FLAG_LABELS && present) {
        seen->labels++;
        seen->dense |= field->element == GK_ELEMENT_REAL;
    }
}

static void note_option(struct seen *seen, const struct gk_field *field, const void *args) {
    const void *const at = (const char *)args + field->offset;
    if (field->kind == GK_FIELD_IGNORE) seen->ignores = *(const bool *)at;
    if (field->kind == GK_FIELD_REDUCTION) seen->unreduced = *(const gk_reduction *)at == GK_NONE;
}

/* Options that exclude each other, a loss of the batch without a reduction, and a call that wants nothing. */
static gk_status check_together(const struct seen *seen) {
    const bool excluded = seen->labels > 1 || (seen->dense && seen->ignores) || (seen->scalar && seen->unreduced);
    return excluded || !seen->wants ? GK_ERROR_OPTION : GK_OK;
}

static gk_status check_overlaps(const struct seen *seen, const struct gk_kernel *kernel) {
    const struct gk_field *const *const operands = seen->operands;
    for (size_t i = 0; i < seen->count; i++) {
        if (operands[i]->kind != GK_FIELD_OUT) continue;
        for (size_t j = 0; j < seen->count; j++) {
            if (i == j || !overlap(&seen->extents[i], &seen->extents[j])) continue;
            if (!in_place(kernel, operands[i], operands[j], &seen->extents[i], &seen->extents[j])) return GK_ERROR_OVERLAP;
        }
    }
    return GK_OK;
}

gk_status gk_validate(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args, bool *writes) {
    struct seen seen; /* not cleared as a whole: each call comes here */
    seen.count = seen.labels = 0;
    seen.ignores = seen.dense = seen.wants = seen.writes = seen.scalar = seen.unreduced = false;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const field = &kernel->fields[i];
        const bool operand = field->kind == GK_FIELD_IN || field->kind == GK_FIELD_OUT;
        const gk_status status = operand ? check_operand(field, kernel, dtype, args, &seen.extents[seen.count])
                                         : check_option(field, args);
        if (status != GK_OK) return status;
        if (operand) note_operand(&seen, field, args);
        else note_option(&seen, field, args);
    }
    if (!gk_reserved_unused(args, kernel->reserved, kernel->args_size)) return GK_ERROR_OPTION;
    const gk_status status = check_together(&seen);
    *writes = seen.writes;
    return status == GK_OK ? check_overlaps(&seen, kernel) : status;
}
