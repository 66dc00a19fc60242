/* The loops that a C programmer would write, for a compiler to vectorise and OpenMP to spread. What it does not know it says.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer_child.h"

struct matrix {
    void *at; /* NULL: absent */
    size_t ld;
};

struct job {
    size_t n, d, m, c;
    int threads;
    bool out_in, accumulate, mean;
    double smoothing;
    struct matrix x, w, a, b, y, dy, dx, dw, da, db, mask, labels, p, row_loss, loss, class_weights;
    void *masked; /* n x m: dy behind the mask */
    void (*run)(const struct job *job);
};

/* c = start + a b, or c += a b; a is rows x depth with any two strides. */
struct product {
    void *c;
    const void *a, *b, *start;
    size_t ld_c, ld_b, a_row, a_depth, rows, cols, depth;
    bool accumulate;
    int threads;
};

/* What is done with element j of row r of all operands. None is `restrict`, for outputs may be inputs. */
#define ELEMENTWISE(name, ...)                                                                                                 \
    static void NAME(name)(const struct job *o) {                                                                              \
        _Pragma("omp parallel for num_threads(o->threads)") for (size_t i = 0; i < o->n; i++) {                                \
            const struct NAME(row) r = NAME(row_at)(o, i);                                                                     \
            for (size_t j = 0; j < o->d; j++) {                                                                                \
                __VA_ARGS__;                                                                                                   \
            }                                                                                                                  \
        }                                                                                                                      \
    }

#define REAL       float
#define NAME(name) name##_f32
#define EXP        expf
#define LOG        logf
#include "naive_loops.h"
#undef REAL
#undef NAME
#undef EXP
#undef LOG

#define REAL       double
#define NAME(name) name##_f64
#define EXP        exp
#define LOG        log
#include "naive_loops.h"

static const struct {
    const char *kernel;
    void (*run[2])(const struct job *job);
} kernels[] = {
    {"affine_forward", {affine_forward_f32, affine_forward_f64}},
    {"affine_dx", {affine_dx_f32, affine_dx_f64}},
    {"affine_dw", {affine_dw_f32, affine_dw_f64}},
    {"affine_db", {affine_db_f32, affine_db_f64}},
    {"affine_backward", {affine_backward_f32, affine_backward_f64}},
    {"relu_forward", {relu_forward_f32, relu_forward_f64}},
    {"relu_backward", {relu_backward_f32, relu_backward_f64}},
    {"repeat_forward", {repeat_forward_f32, repeat_forward_f64}},
    {"add_forward", {add_forward_f32, add_forward_f64}},
    {"add_backward", {add_backward_f32, add_backward_f64}},
    {"mul_forward", {mul_forward_f32, mul_forward_f64}},
    {"mul_backward", {mul_backward_f32, mul_backward_f64}},
    {"max_forward", {max_forward_f32, max_forward_f64}},
    {"max_backward", {max_backward_f32, max_backward_f64}},
    {"reciprocal_forward", {reciprocal_forward_f32, reciprocal_forward_f64}},
    {"reciprocal_backward", {reciprocal_backward_f32, reciprocal_backward_f64}},
    {"exp_forward", {exp_forward_f32, exp_forward_f64}},
    {"exp_backward", {exp_backward_f32, exp_backward_f64}},
    {"sigmoid_forward", {sigmoid_forward_f32, sigmoid_forward_f64}},
    {"sigmoid_backward", {sigmoid_backward_f32, sigmoid_backward_f64}},
    {"softmax_xent_forward", {softmax_xent_forward_f32, softmax_xent_forward_f64}},
    {"softmax_xent_backward", {softmax_xent_backward_f32, softmax_xent_backward_f64}},
    {"softmax_xent", {softmax_xent_f32, softmax_xent_f64}},
};

static bool unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which) {
    snprintf(note, GB_PEER_NOTE_MAX, "%s%s", what, which);
    return false;
}

static bool options_known(const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    const uint64_t known = 1u << GB_OPTION_LAYOUT | 1u << GB_OPTION_ACCUMULATE | 1u << GB_OPTION_REDUCTION |
                           1u << GB_OPTION_IN_PLACE | (uint64_t)1 << gb_option_find("label_smoothing");
    const char *const unknown = gb_peer_unknown_option(problem, known);
    if (unknown) return unfit(note, "an option that it does not know: ", unknown);
    return problem->spec.reduction != GK_NONE || unfit(note, "it knows sums and means only", "");
}

static bool operands_known(struct job *job, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    const struct {
        const char *name;
        struct matrix *matrix;
    } operands[] = {
        {"x", &job->x},
        {"w", &job->w},
        {"a", &job->a},
        {"b", &job->b},
        {"y", &job->y},
        {"dy", &job->dy},
        {"dx", &job->dx},
        {"dw", &job->dw},
        {"da", &job->da},
        {"db", &job->db},
        {"p", &job->p},
        {"mask", &job->mask},
        {"loss", &job->loss},
        {"labels", &job->labels},
        {"row_loss", &job->row_loss},
        {"class_weights", &job->class_weights},
    };
    size_t found = 0;
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++) {
        operands[i].matrix->at = gb_peer_operand(problem, operands[i].name, &operands[i].matrix->ld);
        found += operands[i].matrix->at != NULL;
    }
    if (found != problem->n_operands) return unfit(note, "an operand that it does not know", "");
    if (strncmp(problem->kernel->name, "softmax_xent", 12) == 0 && !job->labels.at) return unfit(note, "it needs labels", "");
    if (strcmp(problem->kernel->name, "affine_backward") != 0) return true;
    if ((job->dx.at && !job->w.at) || (job->dw.at && !job->x.at)) return unfit(note, "an operand is missing", "");
    return true;
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct job *const job = data;
    free(job->masked);
    const struct gb_problem_spec *const s = &problem->spec;
    *job = (struct job){.n = s->n, .d = s->d, .m = s->m, .c = s->c, .threads = (int)problem->threads};
    job->out_in = s->layout == GK_OUT_IN;
    job->accumulate = s->accumulate;
    job->mean = s->reduction == GK_MEAN;
    const double smoothing = gb_option_value(gb_option_find("label_smoothing"), s);
    job->smoothing = smoothing > 0 ? smoothing : 0; /* of a kernel without it no number */
    if (!options_known(problem, note) || !operands_known(job, problem, note)) return false;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].kernel, problem->kernel->name) == 0) job->run = kernels[i].run[s->dtype];
    if (!job->run) return unfit(note, "a kernel that it does not know", "");
    if (!job->mask.at || !job->m) return true;
    job->masked = calloc(job->n * job->m + 1, sizeof(double));
    return job->masked || unfit(note, "no memory", "");
}

static void call(void *data) {
    const struct job *const job = data;
    job->run(job);
}

int main(void) {
    struct job job = {.n = 0};
    const struct gb_peer peer = {
        .description = "plain loops in C, -O3 -march=native (compiler " __VERSION__ "), OpenMP over the outer one",
        .data = &job,
        .prepare = prepare,
        .call = call,
    };
    const int code = gb_peer_serve(&peer);
    free(job.masked);
    return code;
}
