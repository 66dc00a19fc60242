/* The parts that a call runs. */
#include <pthread.h>

#include "parts.h"

/* clang-format off */
#define GK_KERNEL(id, family, doc) char id[0
#define GK_PART(kernel) +1
#define GK_END(id) ];
union count_steps {
#include "../kernels.def"
};
#define GK_KERNEL(id, family, doc) char id[1
#define GK_FLOPS(out, count, a, b, c) +1
#define GK_END(id) ];
union count_flops {
#include "../kernels.def"
};
/* clang-format on */
enum { STEPS_MAX = sizeof(union count_steps), FLOPS_MAX = sizeof(union count_flops) };

/* A line of FLOPs, by the offsets of the args that are looked at. */
struct flops {
    double count;
    size_t output, a, b, c;
};

/* A part, by the kernel's own fields and offsets. */
struct step {
    const struct gk_field *part;
    size_t n_needs, n_wants, n_flops;
    enum gk_roof roof;
    bool always; /* has an output that no call leaves out */
    struct flops flops[FLOPS_MAX];
    const struct gk_field *wants[GK_OPERANDS_MAX]; /* outputs that a call may leave out */
    const struct gk_field *needs[GK_OPERANDS_MAX]; /* what it requires and a call may leave out */
};

/* Found out once, so that a call need not look for names. */
static struct steps {
    struct step list[STEPS_MAX];
    size_t count;
} steps[GK_KERNEL_COUNT];
static pthread_once_t resolved = PTHREAD_ONCE_INIT;

const char *gk_part_name(const struct gk_kernel *kernel, const struct gk_field *part, const char *name) {
    for (const struct gk_field *f = part + 1; f < kernel->fields + kernel->n_fields && f->kind == GK_FIELD_RENAME; f++)
        if (strcmp(f->name, name) == 0) return f->other;
    return name;
}

const struct gk_field *gk_part_field(const struct gk_kernel *kernel, const struct gk_field *part,
                                     const struct gk_field *field) {
    const char *const name = gk_part_name(kernel, part, field->name);
    if (field->kind == GK_FIELD_IN) return gk_kernel_operand(kernel, name);
    return gk_kernel_field(kernel, field->kind, name);
}

/* The place in the kernel's args of what is at a place in the part's. */
static size_t place(const struct gk_kernel *kernel, const struct gk_field *part, size_t offset) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    for (size_t i = 0; i < theirs->n_fields; i++) {
        const struct gk_field *const f = &theirs->fields[i];
        if ((f->kind != GK_FIELD_DIM && !gk_is_operand(f)) || f->offset != offset) continue;
        const struct gk_field *const own = gk_part_field(kernel, part, f);
        return own ? own->offset : GK_NOWHERE;
    }
    return GK_NOWHERE;
}

static bool reads_name(const struct gk_kernel *kernel, const struct gk_field *part, const char *name) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    for (size_t i = 0; i < theirs->n_fields; i++) {
        const struct gk_field *const f = &theirs->fields[i];
        const bool read = f->kind == GK_FIELD_IN || f->flags & GK_FLAG_INOUT;
        if (read && strcmp(gk_part_name(kernel, part, f->name), name) == 0) return true;
    }
    return false;
}

bool gk_part_temporary(const struct gk_kernel *kernel, const struct gk_field *part, const struct gk_field *output) {
    const char *const name = gk_part_name(kernel, part, output->name);
    bool needed = !(output->flags & GK_FLAG_OPTIONAL);
    if (gk_part_field(kernel, part, output)) return false;
    for (const struct gk_field *f = part + 1; f < kernel->fields + kernel->n_fields; f++)
        needed |= f->kind == GK_FIELD_PART && reads_name(kernel, f, name);
    return needed;
}

static void add_need(struct step *step, const struct gk_field *own) {
    for (size_t i = 0; i < step->n_needs; i++)
        if (step->needs[i] == own) return;
    step->needs[step->n_needs++] = own;
}

/* A temporary is there where the part that writes it, one of those before this one, has what it needs. */
static void add_needs_of_temporary(const struct gk_kernel *kernel, const struct steps *before, struct step *step,
                                   const char *name) {
    for (const struct step *s = before->list; s < before->list + before->count; s++) {
        const struct gk_kernel *const theirs = gk_kernel_get(s->part->id);
        for (size_t i = 0; i < theirs->n_args; i++) {
            const struct gk_field *const f = &theirs->fields[i];
            if (f->kind != GK_FIELD_OUT || strcmp(gk_part_name(kernel, s->part, f->name), name) != 0) continue;
            for (size_t j = 0; j < s->n_needs; j++) add_need(step, s->needs[j]);
        }
    }
}

static void add_operand(const struct gk_kernel *kernel, const struct steps *before, struct step *step,
                        const struct gk_field *field) {
    const struct gk_field *const own = gk_part_field(kernel, step->part, field);
    const bool optional = own && own->flags & GK_FLAG_OPTIONAL, required = !(field->flags & GK_FLAG_OPTIONAL);
    if (optional && required) add_need(step, own);
    if (!own && required && field->kind == GK_FIELD_IN)
        add_needs_of_temporary(kernel, before, step, gk_part_name(kernel, step->part, field->name));
    if (field->kind != GK_FIELD_OUT) return;
    if (optional) step->wants[step->n_wants++] = own;
    else step->always |= own || gk_part_temporary(kernel, step->part, field);
}

/* A line of a part's FLOPs, where its output is wanted in any call. */
static void add_flops(const struct gk_kernel *kernel, struct step *step, const struct gk_field *flops) {
    const struct gk_kernel *const theirs = gk_kernel_get(step->part->id);
    const struct gk_field *const output = gk_kernel_field(theirs, GK_FIELD_OUT, flops->name);
    if (output && !gk_part_field(kernel, step->part, output) && !gk_part_temporary(kernel, step->part, output)) return;
    step->flops[step->n_flops++] = (struct flops){
        .count = flops->count,
        .output = place(kernel, step->part, flops->offset),
        .a = place(kernel, step->part, flops->rows),
        .b = place(kernel, step->part, flops->cols),
        .c = place(kernel, step->part, flops->third),
    };
}

static void add_step(const struct gk_kernel *kernel, struct steps *s, const struct gk_field *part) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    struct step step = {.part = part};
    for (size_t i = 0; i < theirs->n_fields; i++) {
        const struct gk_field *const f = &theirs->fields[i];
        if (f->kind == GK_FIELD_ROOF) step.roof = f->roof;
        if (gk_is_operand(f)) add_operand(kernel, s, &step, f);
        if (f->kind == GK_FIELD_FLOPS) add_flops(kernel, &step, f);
    }
    s->list[s->count++] = step;
}

static void resolve(void) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        struct steps *const s = &steps[id];
        for (size_t i = 0; i < kernel->n_fields; i++)
            if (kernel->fields[i].kind == GK_FIELD_PART) add_step(kernel, s, &kernel->fields[i]);
    }
}

static const struct steps *steps_of(const struct gk_kernel *kernel) {
    pthread_once(&resolved, resolve);
    return &steps[kernel->id];
}

/* An operand without elements may be NULL, and is not absent. */
static bool absent(const struct gk_field *field, const void *args) {
    return !gk_field_pointer(field, args) && gk_field_rows(field, args) != 0 && gk_field_cols(field, args) != 0;
}

static bool runs(const struct step *step, const void *args) {
    bool wanted = step->always;
    for (size_t i = 0; i < step->n_wants; i++) wanted |= gk_field_pointer(step->wants[i], args) != NULL;
    for (size_t i = 0; i < step->n_needs && wanted; i++) wanted = !absent(step->needs[i], args);
    return wanted;
}

bool gk_part_runs(const struct gk_kernel *kernel, const struct gk_field *part, const void *args) {
    const struct step *step = steps_of(kernel)->list;
    while (step->part != part) step++;
    return runs(step, args);
}

static size_t size_of(enum gk_field_kind kind) {
    switch (kind) {
    case GK_FIELD_DIM: return sizeof(size_t);
    case GK_FIELD_IN:
    case GK_FIELD_OUT: return sizeof(void *);
    case GK_FIELD_LAYOUT: return sizeof(gk_layout);
    case GK_FIELD_REDUCTION: return sizeof(gk_reduction);
    case GK_FIELD_REAL: return sizeof(double);
    default: return sizeof(bool);
    }
}

void gk_part_args(const struct gk_kernel *kernel, const struct gk_field *part, const void *args, union gk_any_args *part_args) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    memset(part_args, 0, sizeof *part_args);
    for (size_t i = 0; i < theirs->n_args; i++) {
        const struct gk_field *const f = &theirs->fields[i], *const own = gk_part_field(kernel, part, f);
        if (!own) continue;
        memcpy((char *)part_args + f->offset, (const char *)args + own->offset, size_of(f->kind));
        if (gk_is_operand(f) && f->offset2 != GK_NOWHERE && own->offset2 != GK_NOWHERE)
            memcpy((char *)part_args + f->offset2, (const char *)args + own->offset2, sizeof(size_t));
        if (f->kind == GK_FIELD_IGNORE)
            memcpy((char *)part_args + f->offset2, (const char *)args + own->offset2, sizeof(int64_t));
    }
}

struct gk_exactness gk_exactness_of(const struct gk_kernel *kernel, const struct gk_field *output) {
    const struct gk_field *const rule = gk_kernel_field(kernel, GK_FIELD_EXACTNESS, output->name);
    struct gk_exactness exactness = {.rule = GK_EXACT_EXACT};
    if (rule) return (struct gk_exactness){rule->rule, rule->dim, rule->count};
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const part = &kernel->fields[i];
        if (part->kind != GK_FIELD_PART) continue;
        const struct gk_kernel *const theirs = gk_kernel_get(part->id);
        for (size_t j = 0; j < theirs->n_fields; j++) {
            const struct gk_field *const f = &theirs->fields[j];
            if (f->kind != GK_FIELD_OUT || gk_part_field(kernel, part, f) != output) continue;
            exactness = gk_exactness_of(theirs, f);
            exactness.dim = gk_dim_find(gk_part_name(kernel, part, gk_dim_name(exactness.dim)));
        }
    }
    return exactness;
}

static double flops_of(const struct step *step, const void *args) {
    double sum = 0;
    for (const struct flops *f = step->flops; f < step->flops + step->n_flops; f++)
        if (f->output == GK_NOWHERE || *(const void *const *)((const char *)args + f->output))
            sum += f->count * (double)gk_size_at(args, f->a) * (double)gk_size_at(args, f->b) * (double)gk_size_at(args, f->c);
    return sum;
}

double gk_parts_flops(const struct gk_kernel *kernel, const void *args, enum gk_roof *roof) {
    const struct steps *const all = steps_of(kernel);
    double flops = 0;
    *roof = GK_ROOF_MEMORY;
    for (const struct step *step = all->list; step < all->list + all->count; step++) {
        if (!runs(step, args)) continue;
        flops += flops_of(step, args);
        if (step->roof == GK_ROOF_FMA) *roof = GK_ROOF_FMA;
    }
    return flops;
}
