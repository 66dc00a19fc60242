#include "error_bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

struct gb_error_bound {
    struct gb_problem truth;
    struct gb_problem sizes; /* the problem with the magnitudes of what its sums add up, or of soft labels */
    bool has_sizes;
};

/* How far an element of an output may be off. */
struct margin {
    double relative; /* of its size: of the element, or of the terms that make it */
    double least;
};

/* What labels add to the sizes of an output of a softmax. */
struct labels {
    const struct gb_operand *classes, *soft, *weights, *dloss; /* NULL: absent */
    size_t rows, c;
    double smoothing, divisor; /* divisor: of a mean, else 1 */
    bool gradient;             /* the output is one */
};

static void make_positive(const struct gb_operand *o) {
    for (size_t i = 0; i < o->rows; i++)
        for (size_t j = 0; j < o->row_elements; j++) {
            char *const element = (char *)o->start + (i * o->ld + j) * o->element_size;
            element[o->element_size - 1] &= 0x7f; /* the sign: little-endian machines */
        }
}

static bool sums(const struct gb_problem *problem) {
    for (size_t i = 0; i < problem->n_operands; i++)
        if (problem->operands[i].output && gk_exactness_of(problem->kernel, problem->operands[i].field).rule == GK_EXACT_SUM)
            return true;
    return false;
}

/* True also where the elements themselves are the sizes. */
static bool make_sizes(struct gb_error_bound *bound, gk_context *judge) {
    const bool all = sums(&bound->truth);
    if (!all && !bound->truth.spec.soft_labels) return true;
    bound->has_sizes = gb_problem_create(&bound->sizes, &bound->truth.spec);
    if (!bound->has_sizes) return false;
    for (size_t i = 0; i < bound->sizes.n_operands; i++) {
        const struct gb_operand *const o = &bound->sizes.operands[i];
        if (o->field->element == GK_ELEMENT_REAL && (all || o->field->flags & GK_FLAG_LABELS)) make_positive(o);
    }
    return gb_problem_call(&bound->sizes, judge) == GK_OK;
}

/* A softmax is followed by sums over any dimension of the kernel. */
static double longest(const struct gb_problem *problem) {
    double most = 1;
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        most = fmax(most, (double)gk_dim_of(problem->kernel, problem->args, dim));
    return most;
}

static double smoothing_of(const struct gb_problem *problem) {
    return gb_option_value(gb_option_find("label_smoothing"), &problem->spec);
}

/* Smoothed labels, all but one of which are the same, may be added up in one chain that rounds each in the same direction.
 * Twice the bounds of truth.c, those of softmax for arguments of a normal distribution: the exponents stay below 16. */
static struct margin margin_of(const struct gb_problem *problem, const struct gk_exactness *exactness) {
    const bool wide = problem->spec.dtype == GK_F64;
    const double u = wide ? 0x1p-53 : 0x1p-24, least = wide ? 0x1p-1022 : 0x1p-126;
    double k = longest(problem);
    switch (exactness->rule) {
    case GK_EXACT_SUM: {
        k = fmax(1, (double)gk_dim_of(problem->kernel, problem->args, exactness->dim));
        const double depth = (double)gb_sum_depth((size_t)k);
        return (struct margin){.relative = 2 * depth * u / (1 - depth * u), .least = least * k};
    }
    case GK_EXACT_SOFTMAX: {
        const double chain = smoothing_of(problem) != 0 ? (double)problem->spec.c : 0;
        return (struct margin){.relative = 2 * u * (48 + log(k) + k / 32 + chain), .least = least};
    }
    case GK_EXACT_ULP: return (struct margin){.relative = 4 * exactness->ulp * u, .least = least};
    default: return (struct margin){0};
    }
}

struct gb_error_bound *gb_error_bound_create(const struct gb_problem_spec *spec, gk_context *judge,
                                             struct gb_verifier *verifier) {
    struct gb_error_bound *const bound = calloc(1, sizeof *bound);
    struct gb_verify_report report;
    if (!bound) return NULL;
    if (!gb_problem_create(&bound->truth, spec)) {
        free(bound);
        return NULL;
    }
    if (gb_problem_call(&bound->truth, judge) == GK_OK && gb_verify(verifier, &bound->truth, "ours", &report) &&
        make_sizes(bound, judge))
        return bound;
    gb_error_bound_destroy(bound);
    return NULL;
}

void gb_error_bound_destroy(struct gb_error_bound *bound) {
    if (!bound) return;
    gb_problem_destroy(&bound->truth);
    if (bound->has_sizes) gb_problem_destroy(&bound->sizes);
    free(bound);
}

static double value_at(const struct gb_operand *o, size_t row, size_t col) {
    return gb_operand_value(o, gb_operand_bits(o, row, col));
}

static double weight_at(const struct labels *labels, size_t col) {
    return labels->weights ? fabs(value_at(labels->weights, 0, col)) : 1;
}

/* Ignored rows are not. */
static bool is_counted(const struct labels *labels, size_t row) {
    return !labels->classes || (int32_t)gb_operand_bits(labels->classes, 0, row) >= 0;
}

/* The magnitude of what a row is trained towards: the label, of class indices 1 for the class, smoothed and weighted. */
static double label_at(const struct labels *labels, size_t row, size_t col) {
    double label = 0;
    if (!is_counted(labels, row)) return 0;
    if (labels->soft) label = fabs(value_at(labels->soft, row, col));
    if (labels->classes) label = gb_operand_bits(labels->classes, 0, row) == col;
    if (labels->smoothing != 0) label = label * (1 - labels->smoothing) + labels->smoothing / (double)labels->c;
    return label * weight_at(labels, col);
}

/* Of a row; 0 where it is ignored. */
static double labels_at(const struct labels *labels, size_t row) {
    double sum = 0;
    for (size_t j = 0; labels->rows && j < labels->c; j++) sum += label_at(labels, row, j);
    return sum;
}

/* Of what a row adds to the divisor of a mean. */
static double weight_of(const struct labels *labels, size_t row) {
    if (!is_counted(labels, row)) return 0;
    return labels->classes ? weight_at(labels, gb_operand_bits(labels->classes, 0, row)) : 1;
}

static bool is_gradient(const struct gk_kernel *kernel, const char *output) {
    bool found = gk_kernel_field(kernel, GK_FIELD_GRADIENT, output) != NULL;
    for (size_t i = 0; i < kernel->n_fields && !found; i++)
        if (kernel->fields[i].kind == GK_FIELD_PART) found = is_gradient(gk_kernel_get(kernel->fields[i].id), output);
    return found;
}

static struct labels labels_of(const struct gb_problem *problem, const char *output) {
    struct labels labels = {
        .c = problem->spec.c, .smoothing = smoothing_of(problem), .gradient = is_gradient(problem->kernel, output)};
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        if (o->field->flags & GK_FLAG_DLOSS) labels.dloss = o;
        if (o->field->flags & GK_FLAG_CLASS_WEIGHTS) labels.weights = o;
        if (!(o->field->flags & GK_FLAG_LABELS)) continue;
        if (o->field->element == GK_ELEMENT_REAL) labels.soft = o, labels.rows = o->rows;
        else labels.classes = o, labels.rows = o->row_elements;
    }
    for (size_t i = 0; i < labels.rows && problem->spec.reduction == GK_MEAN; i++) labels.divisor += weight_of(&labels, i);
    if (labels.divisor == 0) labels.divisor = 1;
    return labels;
}

/* What labels add to the size of a softmax's element: its gradient may cancel one, and the logarithm of each row's loss is off
 * by parts of 1. */
static double size_by_labels(const struct labels *labels, const struct gb_operand *o, size_t row, size_t col) {
    if (labels->gradient) {
        const size_t of_row = labels->dloss && labels->dloss->row_elements > 1 ? row : 0;
        const double dloss = labels->dloss ? fabs(value_at(labels->dloss, 0, of_row)) : 1;
        return 2 * label_at(labels, row, col) * dloss / labels->divisor;
    }
    if (o->field->rows != GK_NOWHERE) return 0; /* probabilities */
    if (o->field->cols != GK_NOWHERE) return labels_at(labels, col);
    double all = 0;
    for (size_t i = 0; i < labels->rows; i++) all += labels_at(labels, i);
    return all / labels->divisor;
}

/* Bits of a mask must be the same. Written so that NaN fails. */
static bool operand_holds(const struct gb_error_bound *bound, const struct gb_operand *got, size_t index,
                          struct gb_difference *first) {
    const struct gb_operand *const want = &bound->truth.operands[index];
    const struct gk_exactness exactness = gk_exactness_of(bound->truth.kernel, got->field);
    const struct margin margin = margin_of(&bound->truth, &exactness);
    const struct gb_operand *const size =
        bound->has_sizes && exactness.rule != GK_EXACT_ULP ? &bound->sizes.operands[index] : want;
    const bool real = got->field->element == GK_ELEMENT_REAL, softmax = exactness.rule == GK_EXACT_SOFTMAX;
    const struct labels labels = labels_of(&bound->truth, got->field->name);
    for (size_t i = 0; i < got->rows; i++)
        for (size_t j = 0; j < got->row_elements; j++) {
            const uint64_t a = gb_operand_bits(got, i, j), b = gb_operand_bits(want, i, j);
            if (a == b) continue;
            const double x = gb_operand_value(got, a), y = gb_operand_value(want, b);
            const double by_labels = softmax ? size_by_labels(&labels, want, i, j) : 0;
            if (real && fabs(x - y) <= margin.relative * (fabs(value_at(size, i, j)) + by_labels) + margin.least) continue;
            *first = (struct gb_difference){got->field->name, i, j, x, y};
            return false;
        }
    return true;
}

bool gb_error_bound_holds(const struct gb_error_bound *bound, const struct gb_problem *problem,
                          struct gb_verify_report *report) {
    *report = (struct gb_verify_report){.verified = GB_VERIFY_FAILED, .against = "ours"};
    if (!gb_problem_intact(problem, &report->changed)) return false;
    for (size_t i = 0; i < problem->n_operands; i++)
        if (problem->operands[i].output && !operand_holds(bound, &problem->operands[i], i, &report->difference)) return false;
    report->verified = GB_VERIFIED_FULL;
    return true;
}
