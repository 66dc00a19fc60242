#include "truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gb_truths.h"

enum { BLOCK = 256 };

struct gb_array {
    struct gb_array *before;
    max_align_t elements[];
};

static const double step = 1e-100; /* no difference is taken, so nothing cancels */

#define DECLARE(family) extern const struct gb_truth gb_truth_##family[];
GB_FOR_EACH_TRUTH(DECLARE)
#undef DECLARE

const struct gb_truth *gb_truth_of(const struct gk_kernel *kernel) {
#define LIST(family) gb_truth_##family,
    static const struct gb_truth *const families[] = {GB_FOR_EACH_TRUTH(LIST)};
#undef LIST
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const struct gb_truth *truth = families[i]; truth->kernel; truth++)
            if (strcmp(truth->kernel, kernel->name) == 0) return truth;
    return NULL;
}

struct gb_task gb_task_begin(const struct gb_problem *problem) {
    const bool wide = problem->spec.dtype == GK_F64;
    return (struct gb_task){.problem = problem,
                            .spec = &problem->spec,
                            .u = wide ? 0x1p-53L : 0x1p-24L,
                            .least = wide ? 0x1p-1074L : 0x1p-149L,
                            .smallest_normal = wide ? 0x1p-1022L : 0x1p-126L,
                            .oracle_u = wide ? 0x1p-64L : 0};
}

void gb_task_end(struct gb_task *task) {
    for (struct gb_array *before; task->arrays; task->arrays = before) before = task->arrays->before, free(task->arrays);
}

void *gb_array(struct gb_task *task, size_t count, size_t size) {
    size_t bytes;
    const bool fits =
        !__builtin_mul_overflow(count, size, &bytes) && !__builtin_add_overflow(bytes, sizeof(struct gb_array), &bytes);
    struct gb_array *const made = fits ? calloc(1, bytes) : NULL;
    if (!made) {
        task->failed = true;
        return NULL;
    }
    made->before = task->arrays;
    task->arrays = made;
    return made->elements;
}

gb_real *gb_reals(struct gb_task *task, size_t count) { return gb_array(task, count, sizeof(gb_real)); }

const struct gb_operand *gb_find(const struct gb_task *task, const char *name) {
    for (size_t i = 0; i < task->problem->n_operands; i++)
        if (strcmp(task->problem->operands[i].field->name, name) == 0) return &task->problem->operands[i];
    return NULL;
}

static bool transposed(const struct gb_task *task, const struct gb_operand *o) {
    return gk_field_swapped(o->field, task->problem->args);
}

static gb_real real_at(const struct gb_operand *o, const void *element) {
    float single;
    double real;
    if (o->element_size == sizeof single) return memcpy(&single, element, sizeof single), single;
    return memcpy(&real, element, sizeof real), real;
}

static gb_real *load(struct gb_task *task, const char *name, bool before) {
    const struct gb_operand *const o = gb_find(task, name);
    if (!o) return NULL;
    gb_real *const out = gb_reals(task, o->rows * o->row_elements);
    const bool tight = before && o->initial;
    const char *const start = tight ? o->initial : o->start;
    const size_t ld = tight ? o->row_elements : o->ld;
    for (size_t i = 0; out && i < o->rows; i++)
        for (size_t j = 0; j < o->row_elements; j++)
            out[transposed(task, o) ? j * o->rows + i : i * o->row_elements + j] =
                real_at(o, start + (i * ld + j) * o->element_size);
    return out;
}

gb_real *gb_input(struct gb_task *task, const char *name) { return load(task, name, true); }

unsigned char *gb_mask(struct gb_task *task, const char *name, size_t cols) {
    const struct gb_operand *const o = gb_find(task, name);
    if (!o) return NULL;
    unsigned char *const out = gb_array(task, o->rows * cols, 1);
    for (size_t i = 0; out && i < o->rows; i++)
        for (size_t j = 0; j < cols; j++) out[i * cols + j] = gb_operand_bits(o, i, j / 64) >> j % 64 & 1;
    return out;
}

gb_real *gb_start_value(struct gb_task *task, const char *name) {
    const struct gb_operand *const o = gb_find(task, name);
    return o && gk_accumulates(task->problem->kernel, o->field, task->problem->args) ? gb_input(task, name) : NULL;
}

/* Written so that NaN fails. */
static void compare(struct gb_accuracy *result, const char *name, size_t row, size_t col, gb_real got, gb_real want,
                    gb_real bound) {
    const gb_real error = fabsl(got - want);
    const double ratio = (double)(error == 0 ? 0 : error / bound);
    result->elements++;
    if (ratio <= result->worst) return;
    if (!(result->worst > 1) && !(error <= bound)) {
        result->first = (struct gb_difference){name, row, col, (double)got, (double)want};
        result->first_bound = (double)bound;
    }
    result->worst = ratio == ratio ? ratio : INFINITY;
}

gb_real gb_gamma(gb_real n, gb_real u) { return n * u / (1 - n * u); }

size_t gb_sum_depth(size_t terms) { return (terms < BLOCK ? terms : BLOCK) + (terms + BLOCK - 1) / BLOCK + 1; }

/* Of a sum whose terms' absolute values add up to size. Integers must come out exactly. */
static gb_real sum_bound(const struct gb_task *task, enum gk_dim dim, gb_real size) {
    const size_t terms = task->spec->dims[dim];
    const gb_real depth = (gb_real)gb_sum_depth(terms), all = (gb_real)terms + 1;
    if (task->spec->data == GB_DATA_INTEGER) return 0;
    return (gb_gamma(depth, task->u) + all * task->oracle_u) * size + all * task->least;
}

/* Units in the last place of its type; the formula has a few roundings itself. */
static gb_real ulp_bound(const struct gb_task *task, double ulp, gb_real want) {
    int exponent;
    frexpl(want, &exponent);
    return ulp * fmaxl(ldexpl(task->u, exponent), task->least) + 4 * task->oracle_u * fabsl(want);
}

static gb_real bound_of(const struct gb_task *task, const struct gk_exactness *exactness, gb_real want, gb_real size) {
    switch (exactness->rule) {
    case GK_EXACT_SUM: return sum_bound(task, exactness->dim, size);
    case GK_EXACT_SOFTMAX: return size;
    case GK_EXACT_ULP: return ulp_bound(task, exactness->ulp, want);
    default: return 0;
    }
}

/* Infinity counts as the number that would follow the largest one. */
static gb_real in_range(const struct gb_task *task, gb_real x) {
    const gb_real past = task->spec->dtype == GK_F64 ? 0x1p1024L : 0x1p128L;
    return x > past ? past : x < -past ? -past : x;
}

void gb_judge(struct gb_task *task, const char *name, const gb_real *want, const gb_real *size) {
    const struct gb_operand *const o = gb_find(task, name);
    if (!o) return;
    if (task->wanted && strcmp(name, task->wanted) == 0) task->values = want;
    if (!task->result) return;
    const gb_real *const got = load(task, name, false);
    const struct gk_exactness exactness = gk_exactness_of(task->problem->kernel, o->field);
    const size_t cols = transposed(task, o) ? o->rows : o->row_elements;
    for (size_t i = 0; got && i < o->rows * o->row_elements; i++) {
        const gb_real right = in_range(task, want[i]);
        compare(task->result, name, i / cols, i % cols, in_range(task, got[i]), right,
                bound_of(task, &exactness, right, size ? size[i] : 0));
    }
}

void gb_judge_mask(struct gb_task *task, const char *name, const unsigned char *want, size_t cols) {
    const struct gb_operand *const o = gb_find(task, name);
    const unsigned char *const got = o && task->result ? gb_mask(task, name, cols) : NULL;
    for (size_t i = 0; got && i < o->rows * cols; i++) compare(task->result, name, i / cols, i % cols, got[i], want[i], 0);
}

double complex *gb_complex_input(struct gb_task *task, const char *name) {
    const struct gb_operand *const o = gb_find(task, name);
    const gb_real *const real = gb_input(task, name);
    double complex *const out = real ? gb_array(task, o->rows * o->row_elements, sizeof *out) : NULL;
    for (size_t i = 0; out && i < o->rows * o->row_elements; i++) out[i] = (double)real[i];
    if (out && task->stepped && strcmp(task->stepped, name) == 0) out[task->stepped_at] += I * step;
    return out;
}

void gb_complex_output(struct gb_task *task, const char *name, const double complex *values, size_t count) {
    if (strcmp(task->wanted, name) != 0) return;
    for (size_t i = 0; i < count; i++) task->derivative += cimag(values[i]) / step * (double)(task->dout ? task->dout[i] : 1);
}

bool gb_complex_step_at(const struct gb_problem *forward, const char *wanted, const gb_real *dout, const char *by, size_t at,
                        double *derivative) {
    struct gb_task task = gb_task_begin(forward);
    task.wanted = wanted;
    task.dout = dout;
    task.stepped = by;
    task.stepped_at = at;
    gb_truth_of(forward->kernel)->compute_complex(&task);
    *derivative = task.derivative;
    const bool right = !task.failed;
    gb_task_end(&task);
    return right;
}

bool gb_complex_step(const struct gb_problem *forward, const char *wanted, const gb_real *dout, const char *by,
                     double *gradient) {
    const struct gb_task task = {.problem = forward};
    const struct gb_operand *const o = gb_find(&task, by);
    for (size_t i = 0; i < o->rows * o->row_elements; i++)
        if (!gb_complex_step_at(forward, wanted, dout, by, i, &gradient[i])) return false;
    return true;
}
