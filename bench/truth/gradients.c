#include "gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

enum { SEED = 47 };

static const double step = 1e-5;

bool gb_centred_differences(const struct gb_function *f, double *x, size_t count, double h, double *gradient) {
    double *const above = calloc(2 * f->n_outputs + 1, sizeof *above), *const below = above + f->n_outputs;
    if (!above) return false;
    for (size_t i = 0; i < count; i++) {
        const double old = x[i];
        double sum = 0;
        x[i] = old + h;
        f->evaluate(f->state, above);
        x[i] = old - h;
        f->evaluate(f->state, below);
        x[i] = old;
        for (size_t j = 0; j < f->n_outputs; j++) sum += (above[j] - below[j]) * (f->dout ? f->dout[j] : 1);
        gradient[i] = sum / (2 * h);
    }
    free(above);
    return true;
}

double gb_relative_error(const double *a, const double *b, size_t count) {
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double error = fabs(a[i] - b[i]) / fmax(1e-8, fabs(a[i]) + fabs(b[i]));
        if (!(error <= worst)) worst = error;
        if (isnan(error)) return error;
    }
    return worst;
}

double gb_gradient_error(const double *a, const double *b, size_t count) {
    double worst = 0, size = 1e-8;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs(a[i] - b[i]);
        if (isnan(difference)) return difference;
        worst = fmax(worst, difference);
        size = fmax(size, fabs(a[i]) + fabs(b[i]));
    }
    return worst / size;
}

double gb_next_normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*state >> 33) * 0x1p-31;
    }
    return sum;
}

struct checker {
    gk_context *ctx;
    gb_cell_call *call;
    void (*each)(void *state, const struct gb_gradient_check *check);
    void *state;
    bool failed;
};

/* Both problems of a GK_GRADIENT line: the backward one reads the forward one's operands. */
struct pair {
    const struct gk_field *line;
    const struct checker *checker;
    struct gb_problem forward, backward;
    const struct gb_operand *output, *by, *out;
    const struct gb_operand *upstream; /* NULL: 1 */
};

static struct gb_operand *find(struct gb_problem *problem, const char *name) {
    for (size_t i = 0; i < problem->n_operands; i++)
        if (strcmp(problem->operands[i].field->name, name) == 0) return &problem->operands[i];
    return NULL;
}

static size_t elements(const struct gb_operand *o) { return o->rows * o->row_elements; }

/* dy of y, dloss of loss; of the losses of rows what a reduction would have multiplied. */
static void leave_out(struct gb_problem *problem, size_t index) {
    struct gb_operand *const o = &problem->operands[index];
    memset((char *)problem->args + o->field->offset, 0, sizeof(void *));
    free(o->base);
    memmove(o, o + 1, (--problem->n_operands - index) * sizeof *o);
}

/* An input of the backward problem is the forward one's operand of that name. What has none there is left out. */
static bool share(struct pair *p) {
    struct gb_problem *const b = &p->backward;
    for (size_t i = b->n_operands; i > 0; i--) {
        struct gb_operand *const o = &b->operands[i - 1];
        const struct gb_operand *const from = find(&p->forward, o->field->name);
        if (o->output || gk_is_upstream(o->field, p->line->other)) continue;
        if (!from && !(o->field->flags & GK_FLAG_OPTIONAL)) return false;
        if (!from) {
            leave_out(b, i - 1);
            continue;
        }
        o->start = from->start;
        memcpy((char *)b->args + o->field->offset, &o->start, sizeof o->start);
    }
    return true;
}

/* The function may have a kink at 0, or a pole: every element is some way from it. */
static void keep_from_zero(const struct gb_operand *o) {
    double *const x = o->start;
    for (size_t i = 0; i < elements(o); i++) x[i] += copysign(0.1, x[i]);
}

static gk_status run(const struct checker *c, const struct gb_problem *problem) {
    return c->call(c->ctx, problem->spec.kernel, problem->spec.dtype, problem->args);
}

static void evaluate(void *state, double *y) {
    const struct pair *const p = state;
    run(p->checker, &p->forward);
    memcpy(y, p->output->start, elements(p->output) * sizeof *y);
}

static void add(struct checker *c, const struct pair *p, const char *method, double error, double error_bound) {
    struct gb_gradient_check check = {.method = method, .error = error, .error_bound = error_bound};
    char title[140];
    gb_problem_title(&p->backward.spec, SEED, title, sizeof title);
    snprintf(check.name, sizeof check.name, "%s of %s", p->line->name, title);
    c->each(c->state, &check);
}

static void centred(struct checker *c, struct pair *p, double *numerical) {
    const struct gb_function f = {evaluate, p, elements(p->output), p->upstream ? p->upstream->start : NULL};
    if (!gb_centred_differences(&f, p->by->start, elements(p->by), step, numerical)) c->failed = true;
    const enum gk_rule rule = gk_exactness_of(p->forward.kernel, p->output->field).rule;
    const double error_bound = rule == GK_EXACT_SUM || rule == GK_EXACT_EXACT ? 1e-9 : 1e-7; /* these do not bend */
    add(c, p, "centred differences", gb_relative_error(numerical, p->out->start, elements(p->out)), error_bound);
}

static void complex_step(struct checker *c, struct pair *p, double *numerical, double *formula) {
    const struct gb_truth *const forward = gb_truth_of(p->forward.kernel), *const backward = gb_truth_of(p->backward.kernel);
    if (!forward || !forward->compute_complex || !backward) return;
    struct gb_task task = gb_task_begin(&p->backward);
    task.wanted = p->line->name;
    backward->compute(&task);
    const gb_real *const dout = p->upstream ? gb_input(&task, p->upstream->field->name) : NULL;
    if (task.failed || !task.values || !gb_complex_step(&p->forward, p->line->other, dout, p->line->by, numerical))
        c->failed = true;
    for (size_t i = 0; i < elements(p->out) && task.values; i++) formula[i] = (double)task.values[i];
    gb_task_end(&task);
    add(c, p, "complex step", gb_relative_error(numerical, formula, elements(p->out)), 1e-13);
}

static void check_pair(struct checker *c, struct pair *p) {
    double *const numerical = calloc(2 * elements(p->out) + 1, sizeof *numerical);
    if (!numerical || elements(p->by) != elements(p->out) || run(c, &p->forward) != GK_OK || run(c, &p->backward) != GK_OK) {
        c->failed = true;
    } else {
        complex_step(c, p, numerical, numerical + elements(p->out)); /* first: it needs the outputs of the forward call */
        centred(c, p, numerical);
    }
    free(numerical);
}

/* False: the line says nothing of such a problem, which has no such output. */
static bool check_line(struct checker *c, const struct gk_field *line, const struct gb_problem_spec *spec) {
    struct gb_problem_spec forward = *spec;
    struct pair p = {.line = line, .checker = c};
    forward.kernel = line->id;
    bool there = false;
    if (gb_problem_create(&p.forward, &forward) && gb_problem_create(&p.backward, spec) && share(&p)) {
        p.output = find(&p.forward, line->other);
        p.by = find(&p.forward, line->by);
        p.out = find(&p.backward, line->name);
        for (size_t i = 0; i < p.backward.n_operands; i++)
            if (gk_is_upstream(p.backward.operands[i].field, line->other)) p.upstream = &p.backward.operands[i];
        there = p.output && p.by && p.out;
    } else {
        c->failed = true;
    }
    if (there) keep_from_zero(p.by), check_pair(c, &p);
    gb_problem_destroy(&p.forward);
    gb_problem_destroy(&p.backward);
    return there;
}

/* The lines of the kernel's own entry or of a part's, for those outputs that are the kernel's too. Of several for one output
 * the first that says something counts; another forward kernel's count, too, but not of a part: it lacks what others need. */
static void check_entry(struct checker *c, const struct gk_kernel *entry, const struct gk_field *part,
                        const struct gb_problem_spec *spec) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    const struct gk_field *done = NULL;
    for (size_t i = 0; i < entry->n_fields; i++) {
        const struct gk_field *const f = &entry->fields[i];
        if (f->kind != GK_FIELD_GRADIENT || (done && strcmp(done->name, f->name) == 0 && (part || done->id == f->id))) continue;
        const struct gk_field *const out = gk_kernel_field(entry, GK_FIELD_OUT, f->name);
        if (!part || gk_part_field(kernel, part, out))
            if (check_line(c, f, spec)) done = f;
    }
}

/* A part that has other names in the kernel is left out: the forward kernel knows its own only. */
static void check_kernel(struct checker *c, const struct gb_problem_spec *spec) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    check_entry(c, kernel, NULL, spec);
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const bool renamed = i + 1 < kernel->n_fields && kernel->fields[i + 1].kind == GK_FIELD_RENAME;
        if (kernel->fields[i].kind == GK_FIELD_PART && !renamed)
            check_entry(c, gk_kernel_get(kernel->fields[i].id), &kernel->fields[i], spec);
    }
}

bool gb_gradient_checks(gk_context *ctx, gb_cell_call *call, void (*each)(void *state, const struct gb_gradient_check *check),
                        void *state) {
    static const size_t sizes[] = {10, 6, 5, 9}; /* n, d and m as in the notes: x is 10 x 2 x 3 */
    struct checker c = {.ctx = ctx, .call = call, .each = each, .state = state};
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (unsigned set = 0; set < GB_OPTION_SETS; set++) {
            struct gb_problem_spec s;
            if (!gb_spec_of_set((enum gk_kernel_id)id, GK_F64, set, &s) || s.accumulate) continue;
            for (size_t k = 0; k < GK_DIM_COUNT; k++) s.dims[k] = sizes[k % 4];
            s.wide_labels = s.dloss;
            s.seed = SEED;
            check_kernel(&c, &s);
        }
    return !c.failed;
}
