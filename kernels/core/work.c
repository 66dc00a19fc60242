/* What a call has to do, compiled for each kernel, because calls on several threads ask. */
#include "parts.h"
#include "rows.h"

/* clang-format off */
#define GK_KERNEL(id, family, doc) enum { OWN_ROOF_OF_##id = 0
#define GK_ROOF(limit) | GK_ROOF_##limit
#define GK_END(id) };
#include "../kernels.def"
#define GK_KERNEL(id, family, doc) enum { ROOF_OF_##id = OWN_ROOF_OF_##id
#define GK_PART(kernel) | OWN_ROOF_OF_##kernel
#define GK_END(id) };
#include "../kernels.def"
/* clang-format on */

GK_ROW_INLINE double bytes_of(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args) {
    double bytes = 0;
    GK_EACH_FIELD
    for (size_t i = 0; i < kernel->n_args; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (!gk_is_operand(f) || !gk_field_pointer(f, args)) continue;
        const double once = (double)gk_field_rows(f, args) * (double)gk_field_row_elements(f, args) *
                            (double)gk_element_size(f->element, dtype);
        bytes += f->kind == GK_FIELD_OUT && gk_reads(kernel, f, args) ? 2 * once : once;
    }
    return bytes;
}

/* By the kernel's own lines. */
GK_ROW_INLINE double flops_of(const struct gk_kernel *kernel, const void *args) {
    double flops = 0;
    GK_EACH_FIELD
    for (size_t i = kernel->n_args; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind != GK_FIELD_FLOPS || (f->offset != GK_NOWHERE && !gk_field_pointer(f, args))) continue;
        flops += f->count * (double)gk_size_at(args, f->rows) * (double)gk_size_at(args, f->cols) *
                 (double)gk_size_at(args, f->third);
    }
    return flops;
}

#define GK_KERNEL(id, family, doc)                                                                                             \
    static double bytes_##id(enum gk_dtype dtype, const void *args) { return bytes_of(describe_##id(), dtype, args); }         \
    static double flops_##id(const void *args) { return flops_of(describe_##id(), args); }
#include "../kernels.def"

static const struct {
    double (*bytes)(enum gk_dtype dtype, const void *args);
    double (*flops)(const void *args);
    bool parts;
    enum gk_roof roof; /* the highest that a call can have */
} counts[] = {
#define GK_KERNEL(id, family, doc) {bytes_##id, flops_##id, PARTS_OF_##id > 0, (enum gk_roof)ROOF_OF_##id},
#include "../kernels.def"
};

static double count(enum gk_kernel_id id, const void *args, enum gk_roof *roof) {
    *roof = counts[id].roof;
    return counts[id].parts ? gk_parts_flops(gk_kernel_get(id), args, roof) : counts[id].flops(args);
}

double gk_kernel_flops(const struct gk_kernel *kernel, const void *args) {
    enum gk_roof roof;
    return count(kernel->id, args, &roof);
}

enum gk_roof gk_kernel_roof(const struct gk_kernel *kernel, const void *args) {
    enum gk_roof roof;
    count(kernel->id, args, &roof);
    return roof;
}

double gk_kernel_bytes(const struct gk_kernel *kernel, enum gk_dtype dtype, const void *args) {
    return counts[kernel->id].bytes(dtype, args);
}

double gk_kernel_work(enum gk_kernel_id id, enum gk_dtype dtype, const void *args, enum gk_roof *roof) {
    *roof = counts[id].roof;
    const double flops = *roof == GK_ROOF_FMA ? count(id, args, roof) : 0;
    return *roof == GK_ROOF_FMA ? flops : counts[id].bytes(dtype, args);
}
