/* What can be wrong with a call, from the table. What only a kernel can know (labels) its cell checks. */
#include "call.h"

struct extent {
    uintptr_t begin, end;     /* bytes from the first to past the last element */
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

static bool in_place(const struct gk_kernel *kernel, const struct gk_field *a, const struct gk_field *b, const struct extent *x,
                     const struct extent *y) {
    if (x->begin != y->begin || x->stride != y->stride) return false;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind == GK_FIELD_IN_PLACE && f->offset == a->offset && f->offset2 == b->offset) return true;
    }
    return false;
}

/* The operands that have elements. */
struct present {
    const struct gk_field *field;
    struct extent extent;
};

/* What a look at all fields told. No array in it: it stays in registers. */
struct seen {
    size_t count;  /* of present operands */
    size_t labels; /* forms of the labels */
    bool ignores, dense, wants, writes, scalar, unreduced;
};

static void note_operand(struct seen *seen, const struct gk_field *field, bool given, bool elements) {
    seen->count += elements;
    if (field->kind == GK_FIELD_OUT) {
        seen->wants |= given || !(field->flags & GK_FLAG_OPTIONAL);
        seen->writes |= elements;
        seen->scalar |= given && field->cols == GK_NOWHERE;
    } else if (field->flags & GK_FLAG_LABELS && given) {
        seen->labels++;
        seen->dense |= field->element == GK_ELEMENT_REAL;
    }
}

static gk_status note_option(struct seen *seen, const struct gk_field *field, const void *args) {
    const void *const at = (const char *)args + field->offset;
    if (field->kind == GK_FIELD_LAYOUT) return *(const unsigned *)at <= GK_OUT_IN ? GK_OK : GK_ERROR_OPTION;
    if (field->kind == GK_FIELD_IGNORE) seen->ignores = *(const bool *)at;
    if (field->kind != GK_FIELD_REDUCTION) return GK_OK;
    seen->unreduced = *(const unsigned *)at == GK_NONE;
    return *(const unsigned *)at <= GK_NONE ? GK_OK : GK_ERROR_OPTION;
}

/* Options that exclude each other, a loss of the batch without a reduction, and a call that wants nothing. */
static gk_status check_together(const struct seen *seen) {
    const bool excluded = seen->labels > 1 || (seen->dense && seen->ignores) || (seen->scalar && seen->unreduced);
    return excluded || !seen->wants ? GK_ERROR_OPTION : GK_OK;
}

static gk_status check_overlaps(const struct present *operands, size_t count, const struct gk_kernel *kernel) {
    for (size_t i = 0; i < count; i++) {
        const struct present *const out = &operands[i];
        if (out->field->kind != GK_FIELD_OUT) continue;
        for (size_t j = 0; j < count; j++) {
            const struct present *const other = &operands[j];
            if (i == j || !overlap(&out->extent, &other->extent)) continue;
            if (!in_place(kernel, out->field, other->field, &out->extent, &other->extent)) return GK_ERROR_OVERLAP;
        }
    }
    return GK_OK;
}

gk_status gk_validate(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args, bool *writes) {
    struct present operands[GK_OPERANDS_MAX];
    struct seen seen = {0};
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const field = &kernel->fields[i];
        gk_status status;
        if (gk_is_operand(field)) {
            struct present *const next = &operands[seen.count];
            status = check_operand(field, kernel, dtype, args, &next->extent);
            if (status != GK_OK) return status;
            next->field = field;
            note_operand(&seen, field, gk_field_pointer(field, args), next->extent.begin != next->extent.end);
        } else {
            status = note_option(&seen, field, args);
            if (status != GK_OK) return status;
        }
    }
    if (!gk_reserved_unused((const uint8_t *)args + kernel->reserved, kernel->reserved_size)) return GK_ERROR_OPTION;
    const gk_status status = check_together(&seen);
    *writes = seen.writes;
    return status == GK_OK ? check_overlaps(operands, seen.count, kernel) : status;
}
