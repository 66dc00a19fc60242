#include "rows.h"

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
