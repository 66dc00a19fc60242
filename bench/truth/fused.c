#include "fused.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Bytes behind a temporary: a part that writes too far is found by its own check, and must not end the program here. */
enum { SLACK = 64 };

/* What a part writes and the kernel has no output for, by the kernel's name for it. */
struct temporary {
    struct temporary *before;
    const char *name;
    max_align_t memory[];
};

bool gb_has_parts(const struct gk_kernel *kernel) { return gk_kernel_field(kernel, GK_FIELD_PART, NULL) != NULL; }

static const struct temporary *find(const struct temporary *latest, const char *name) {
    while (latest && strcmp(latest->name, name) != 0) latest = latest->before;
    return latest;
}

/* Tight memory for an output of a part; NULL: none. */
static void *add(struct temporary **latest, const char *name, size_t bytes) {
    struct temporary *const made = calloc(1, sizeof *made + bytes + SLACK);
    if (!made) return NULL;
    made->name = name;
    made->before = *latest;
    *latest = made;
    return made->memory;
}

static void set_operand(const struct gk_field *field, void *args, const void *memory) {
    memcpy((char *)args + field->offset, &memory, sizeof memory);
    if (field->offset2 != GK_NOWHERE) memset((char *)args + field->offset2, 0, sizeof(size_t));
}

/* Inputs that are temporaries of the parts before, outputs that are new ones. */
static bool set_temporaries(const struct gb_problem *problem, const struct gk_field *part, void *args,
                            struct temporary **latest) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    for (size_t i = 0; i < theirs->n_fields; i++) {
        const struct gk_field *const f = &theirs->fields[i];
        if (!gk_is_operand(f)) continue;
        const char *const name = gk_part_name(problem->kernel, part, f->name);
        const bool read = f->kind == GK_FIELD_IN || f->flags & GK_FLAG_INOUT;
        const struct temporary *const known = read ? find(*latest, name) : NULL;
        if (known) set_operand(f, args, known->memory);
        if (known || f->kind == GK_FIELD_IN || gk_part_field(problem->kernel, part, f)) continue;
        const size_t bytes =
            gk_field_rows(f, args) * gk_field_row_elements(f, args) * gk_element_size(f->element, problem->spec.dtype);
        const void *const memory = add(latest, name, bytes);
        if (!memory) return false;
        set_operand(f, args, memory);
    }
    return true;
}

gk_status gb_parts_call(const struct gb_problem *problem, gk_context *ctx) {
    const struct gk_kernel *const kernel = problem->kernel;
    struct temporary *latest = NULL;
    gk_status status = GK_OK;
    if (!gb_has_parts(kernel) || problem->spec.in_place) return gb_problem_call(problem, ctx);
    for (size_t i = 0; i < kernel->n_fields && status == GK_OK; i++) {
        const struct gk_field *const part = &kernel->fields[i];
        union gk_any_args args;
        if (part->kind != GK_FIELD_PART || !gk_part_runs(kernel, part, problem->args)) continue;
        gk_part_args(kernel, part, problem->args, &args);
        if (set_temporaries(problem, part, &args, &latest)) status = gk_call(ctx, part->id, problem->spec.dtype, &args);
        else status = GK_ERROR_MEMORY;
    }
    for (struct temporary *before; latest; latest = before) before = latest->before, free(latest);
    return status;
}
