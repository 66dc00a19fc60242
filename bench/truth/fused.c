#include "fused.h"

#include <stdlib.h>
#include <string.h>

/* What a part writes and the kernel has no output for, by the kernel's name for it. */
struct temporary {
    const char *name;
    void *memory;
};

struct temporaries {
    struct temporary list[GK_OPERANDS_MAX];
    size_t count;
};

bool gb_has_parts(const struct gk_kernel *kernel) { return gk_kernel_field(kernel, GK_FIELD_PART, NULL) != NULL; }

static struct temporary *find(struct temporaries *t, const char *name) {
    for (size_t i = t->count; i > 0; i--)
        if (strcmp(t->list[i - 1].name, name) == 0) return &t->list[i - 1]; /* the latest */
    return NULL;
}

/* Tight memory for an output of a part; NULL: none. */
static void *add(struct temporaries *t, const char *name, size_t bytes) {
    if (t->count == GK_OPERANDS_MAX) return NULL;
    void *const memory = calloc(1, bytes + 1);
    if (memory) t->list[t->count++] = (struct temporary){name, memory};
    return memory;
}

static void set_operand(const struct gk_field *field, void *args, const void *memory) {
    memcpy((char *)args + field->offset, &memory, sizeof memory);
    if (field->offset2 != GK_NOWHERE) memset((char *)args + field->offset2, 0, sizeof(size_t));
}

/* Inputs that are temporaries of the parts before, outputs that are new ones. */
static bool set_temporaries(const struct gb_problem *problem, const struct gk_field *part, void *args, struct temporaries *t) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    for (size_t i = 0; i < theirs->n_fields; i++) {
        const struct gk_field *const f = &theirs->fields[i];
        if (!gk_is_operand(f)) continue;
        const char *const name = gk_part_name(problem->kernel, part, f->name);
        const struct temporary *const known = f->kind == GK_FIELD_IN ? find(t, name) : NULL;
        if (known) set_operand(f, args, known->memory);
        if (f->kind == GK_FIELD_IN || gk_part_field(problem->kernel, part, f)) continue;
        const size_t bytes = gk_field_rows(f, theirs, args) * gk_field_row_elements(f, theirs, args) *
                             gk_element_size(f->element, problem->spec.dtype);
        const void *const memory = add(t, name, bytes);
        if (!memory) return false;
        set_operand(f, args, memory);
    }
    return true;
}

gk_status gb_parts_call(const struct gb_problem *problem, gk_context *ctx) {
    const struct gk_kernel *const kernel = problem->kernel;
    struct temporaries temporaries = {.count = 0};
    gk_status status = GK_OK;
    if (!gb_has_parts(kernel) || problem->spec.in_place) return gb_problem_call(problem, ctx);
    for (size_t i = 0; i < kernel->n_fields && status == GK_OK; i++) {
        const struct gk_field *const part = &kernel->fields[i];
        union gk_any_args args;
        if (part->kind != GK_FIELD_PART || !gk_part_runs(kernel, part, problem->args)) continue;
        gk_part_args(kernel, part, problem->args, &args);
        if (set_temporaries(problem, part, &args, &temporaries)) status = gk_call(ctx, part->id, problem->spec.dtype, &args);
        else status = GK_ERROR_MEMORY;
    }
    for (size_t i = 0; i < temporaries.count; i++) free(temporaries.list[i].memory);
    return status;
}
