#include "gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

enum { SEED = 47 };

static const double default_step = 1e-5;

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
    const struct gb_gradient_options *options; /* NULL: those of gradbench check */
    uint64_t seed;
    bool failed;
};

/* Both problems of a GK_GRADIENT line: the backward one reads the forward one's operands. */
struct pair {
    const struct gk_field *line;
    const struct checker *checker;
    struct gb_problem forward, backward; /* forward in double */
    struct gb_problem single;            /* the forward one in float, where the backward one is */
    const struct gb_operand *output, *by, *out;
    const struct gb_operand *upstream; /* NULL: 1 */
    size_t count, kinks;               /* elements of by */
    double *numerical, *computed, *dout;
    bool *kinked;
};

/* Where two operands meet, or one is 0 (other NULL), these functions have a kink. */
static const struct {
    enum gk_kernel_id kernel;
    const char *one, *other;
} kinks[] = {{GK_KERNEL_relu_forward, "x", NULL}, {GK_KERNEL_max_forward, "a", "b"}};

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

static struct gb_problem *source_of(struct pair *p) { return p->single.args ? &p->single : &p->forward; }

/* An input of the backward problem is the forward one's operand of that name. What has none there is left out. */
static bool share(struct pair *p) {
    struct gb_problem *const b = &p->backward;
    for (size_t i = b->n_operands; i > 0; i--) {
        struct gb_operand *const o = &b->operands[i - 1];
        const struct gb_operand *const from = find(source_of(p), o->field->name);
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

static bool has_kinks(const struct pair *p) {
    bool has = false;
    for (size_t i = 0; i < sizeof kinks / sizeof *kinks; i++) has |= kinks[i].kernel == p->forward.kernel->id;
    return has;
}

/* Those within the step of a kink: the difference is none of a derivative there. */
static void mark_kinks(struct pair *p, double h) {
    for (size_t i = 0; i < sizeof kinks / sizeof *kinks; i++) {
        if (kinks[i].kernel != p->forward.kernel->id) continue;
        const double *const one = find(&p->forward, kinks[i].one)->start;
        const double *const other = kinks[i].other ? find(&p->forward, kinks[i].other)->start : NULL;
        for (size_t k = 0; k < p->count; k++) {
            p->kinked[k] = fabs(one[k] - (other ? other[k] : 0)) <= h;
            p->kinks += p->kinked[k];
        }
    }
}

/* The function may have a pole at 0: every element is some way from it. */
static void keep_from_zero(const struct gb_operand *o) {
    double *const x = o->start;
    for (size_t i = 0; i < elements(o); i++) x[i] += copysign(0.1, x[i]);
}

/* Both forward problems have the same numbers, which are floats. */
static void round_to_single(struct pair *p) {
    for (size_t i = 0; i < p->single.n_operands; i++) {
        const struct gb_operand *const o = &p->single.operands[i];
        double *const x = p->forward.operands[i].start;
        for (size_t k = 0; !o->output && o->field->element == GK_ELEMENT_REAL && k < elements(o); k++)
            x[k] = ((float *)o->start)[k] = (float)x[k];
    }
}

static gk_status run(const struct checker *c, const struct gb_problem *problem) {
    return c->call(c->ctx, problem->spec.kernel, problem->spec.dtype, problem->args);
}

static void evaluate(void *state, double *y) {
    const struct pair *const p = state;
    run(p->checker, &p->forward);
    memcpy(y, p->output->start, elements(p->output) * sizeof *y);
}

static void read_values(const struct gb_operand *o, double *values) {
    for (size_t i = 0; i < elements(o); i++) values[i] = gb_operand_value(o, gb_operand_bits(o, 0, i));
}

static struct gb_coordinate coordinate(const struct pair *p, size_t i, const double *against) {
    return (struct gb_coordinate){i / p->by->row_elements, i % p->by->row_elements, p->numerical[i], against[i]};
}

static double distance(const struct gb_coordinate *c) { return fabs(c->numerical - c->computed); }

/* Into those that are further off first, NaN before all. */
static void keep_worst(struct gb_gradient_check *check, const struct gb_coordinate *c) {
    size_t at = check->n_worst;
    while (at > 0 && !(distance(&check->worst[at - 1]) >= distance(c)) && !isnan(distance(&check->worst[at - 1]))) at--;
    if (at == GB_COORDINATES_MAX) return;
    if (check->n_worst < GB_COORDINATES_MAX) check->n_worst++;
    memmove(&check->worst[at + 1], &check->worst[at], (check->n_worst - 1 - at) * sizeof *c);
    check->worst[at] = *c;
}

/* Of the numerical gradient every stride-th element is there. What is left out counts as right. */
static void judge(struct checker *c, struct pair *p, const char *method, const double *against, size_t stride,
                  double error_bound) {
    struct gb_gradient_check check = {.method = method,
                                      .error_bound = error_bound,
                                      .output = p->line->name,
                                      .by = p->line->by,
                                      .function = p->forward.kernel->name,
                                      .elements = p->count,
                                      .kinks = p->kinks};
    char title[140];
    for (size_t i = 0; i < p->count; i++) {
        const struct gb_coordinate here = coordinate(p, i, against);
        const bool compared = i % stride == 0 && !p->kinked[i];
        check.compared += compared;
        if (compared) keep_worst(&check, &here);
        else p->numerical[i] = against[i];
        if (p->kinked[i] && check.n_kinked < GB_COORDINATES_MAX) check.kinked[check.n_kinked++] = here;
    }
    check.error = (c->options ? gb_gradient_error : gb_relative_error)(p->numerical, against, p->count);
    gb_problem_title(&p->backward.spec, c->seed, title, sizeof title);
    snprintf(check.name, sizeof check.name, "%s of %s", p->line->name, title);
    c->each(c->state, &check);
}

static double step_of(const struct checker *c) { return c->options ? c->options->step : default_step; }

/* So that no more than `most` elements are compared. */
static size_t stride_of(const struct pair *p, double most) {
    const double wanted = p->checker->options && p->checker->options->most ? (double)p->checker->options->most : INFINITY;
    const double stride = ceil((double)p->count / fmin(wanted, most));
    return stride > 1 ? (size_t)stride : 1;
}

static double bound_of(const struct checker *c, const struct pair *p, double usual) {
    if (c->options && c->options->error_bound > 0) return c->options->error_bound;
    return p->single.args ? 1e-5 : usual;
}

static void show_progress(const struct checker *c, const struct pair *p, size_t done) {
    if (c->options && c->options->progress) c->options->progress(c->options->data, p->line->name, done, p->count);
}

static void centred(struct checker *c, struct pair *p) {
    const struct gb_function f = {evaluate, p, elements(p->output), p->upstream ? p->dout : NULL};
    const size_t stride = stride_of(p, INFINITY);
    for (size_t i = 0; i < p->count; i += stride) {
        show_progress(c, p, i);
        if (!gb_centred_differences(&f, (double *)p->by->start + i, 1, step_of(c), &p->numerical[i])) c->failed = true;
    }
    const enum gk_rule rule = gk_exactness_of(p->forward.kernel, p->output->field).rule;
    const double usual = rule == GK_EXACT_SUM || rule == GK_EXACT_EXACT ? 1e-9 : 1e-7; /* these do not bend */
    judge(c, p, "centred differences", p->computed, stride, bound_of(c, p, usual));
}

/* What the true formula of the backward kernel gives. False: no memory. */
static bool true_gradient(const struct pair *p, double *gradient) {
    struct gb_task task = gb_task_begin(&p->backward);
    task.wanted = p->line->name;
    gb_truth_of(p->backward.kernel)->compute(&task);
    const bool good = !task.failed && task.values;
    for (size_t i = 0; i < p->count && good; i++) gradient[i] = (double)task.values[i];
    gb_task_end(&task);
    return good;
}

/* gradbench check knows from elsewhere how far the kernel is from its formula, and looks at that. */
static void complex_step(struct checker *c, struct pair *p) {
    static const double work = 0x1p28; /* some seconds */
    const struct gb_truth *const forward = gb_truth_of(p->forward.kernel);
    if (!forward || !forward->compute_complex || (!c->options && !gb_truth_of(p->backward.kernel))) return;
    const double cost = gk_kernel_flops(p->forward.kernel, p->forward.args) + (double)gb_problem_bytes(&p->forward.spec);
    const size_t stride = c->options ? stride_of(p, fmax(16, work / cost)) : 1;
    gb_real *const dout = p->upstream ? calloc(elements(p->output) + 1, sizeof *dout) : NULL;
    bool good = dout || !p->upstream;
    for (size_t i = 0; dout && i < elements(p->output); i++) dout[i] = p->dout[i];
    for (size_t i = 0; i < p->count && good; i += stride) {
        show_progress(c, p, i);
        good = gb_complex_step_at(&p->forward, p->line->other, dout, p->line->by, i, &p->numerical[i]);
    }
    free(dout);
    double *const formula = calloc(p->count + 1, sizeof *formula);
    good = good && formula && (c->options || true_gradient(p, formula));
    if (good && c->options) judge(c, p, "complex step", p->computed, stride, bound_of(c, p, 1e-12));
    else if (good) judge(c, p, "complex step", formula, stride, 1e-13);
    else c->failed = true;
    free(formula);
}

static bool run_all(struct checker *c, struct pair *p) {
    if (p->single.args && run(c, &p->single) != GK_OK) return false;
    return run(c, &p->forward) == GK_OK && run(c, &p->backward) == GK_OK;
}

static void check_pair(struct checker *c, struct pair *p) {
    const size_t outputs = elements(p->output);
    p->count = elements(p->by);
    p->numerical = calloc(2 * p->count + outputs + 1, sizeof *p->numerical);
    p->kinked = calloc(p->count + 1, sizeof *p->kinked);
    if (p->numerical && p->kinked && elements(p->out) == p->count && run_all(c, p)) {
        p->computed = p->numerical + p->count, p->dout = p->computed + p->count;
        read_values(p->out, p->computed);
        if (p->upstream) read_values(p->upstream, p->dout);
        mark_kinks(p, step_of(c));
        complex_step(c, p); /* first: it needs the outputs of the forward call */
        centred(c, p);
    } else {
        c->failed = true;
    }
    free(p->numerical);
    free(p->kinked);
}

/* False: the line says nothing of such a problem, which has no such output. */
static bool create(struct pair *p, const struct gb_problem_spec *spec) {
    struct gb_problem_spec forward = *spec;
    forward.kernel = p->line->id;
    if (spec->dtype == GK_F32 && !gb_problem_create(&p->single, &forward)) return false;
    forward.dtype = GK_F64;
    return gb_problem_create(&p->forward, &forward) && gb_problem_create(&p->backward, spec) && share(p);
}

static bool check_line(struct checker *c, const struct gk_field *line, const struct gb_problem_spec *spec) {
    struct pair p = {.line = line, .checker = c};
    bool there = false;
    if (create(&p, spec)) {
        p.output = find(&p.forward, line->other);
        p.by = find(&p.forward, line->by);
        p.out = find(&p.backward, line->name);
        for (size_t i = 0; i < p.backward.n_operands; i++)
            if (gk_is_upstream(p.backward.operands[i].field, line->other)) p.upstream = &p.backward.operands[i];
        there = p.output && p.by && p.out;
    } else {
        c->failed = true;
    }
    if (there) {
        if (!has_kinks(&p)) keep_from_zero(p.by);
        round_to_single(&p);
        check_pair(c, &p);
    }
    gb_problem_destroy(&p.single);
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

static bool has_line(const struct gk_kernel *kernel) { return gk_kernel_field(kernel, GK_FIELD_GRADIENT, NULL); }

bool gb_has_gradient(enum gk_kernel_id id) {
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    bool has = has_line(kernel);
    for (size_t i = 0; i < kernel->n_fields; i++)
        has |= kernel->fields[i].kind == GK_FIELD_PART && has_line(gk_kernel_get(kernel->fields[i].id));
    return has;
}

bool gb_gradient_checks(gk_context *ctx, gb_cell_call *call, void (*each)(void *state, const struct gb_gradient_check *check),
                        void *state) {
    static const size_t sizes[] = {10, 6, 5, 9}; /* n, d and m as in the notes: x is 10 x 2 x 3 */
    struct checker c = {.ctx = ctx, .call = call, .each = each, .state = state, .seed = SEED};
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

bool gb_gradient_check_problem(gk_context *ctx, gb_cell_call *call, const struct gb_problem_spec *spec,
                               const struct gb_gradient_options *options,
                               void (*each)(void *state, const struct gb_gradient_check *check), void *state) {
    struct checker c = {.ctx = ctx, .call = call, .each = each, .state = state, .options = options, .seed = spec->seed};
    check_kernel(&c, spec);
    return !c.failed;
}
