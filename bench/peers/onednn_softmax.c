/* Softmax with loss: oneDNN's softmax and logarithm, and the loops that its users write around them. The logarithm is that of
 * a label's probability: its log-softmax takes twice as long as its softmax where rows are short, and no less where they are
 * long. A post-operation of the softmax that divides by n takes longer than the loop, which has to visit the labels anyway. */
#include <string.h>

#include "onednn_library.h"

struct softmax {
    struct dnn *dnn;
    struct dnn_step probabilities, logarithms; /* without a primitive: not wanted */
    struct dnn_view p, dx;                     /* dx: of n x c, absent where no gradient is wanted */
    const int32_t *labels;
    float *right, *row_loss, *loss; /* right: n, the labels' probabilities, then their logarithms */
    float scale;
};

/* dx may be p. */
static void pass_rows(const struct softmax *s) {
#pragma omp parallel for if (s->p.rows * s->p.cols > 10000)
    for (size_t i = 0; i < s->p.rows; i++) {
        const float *const p = s->p.at + i * s->p.row_step;
        float *const dx = s->dx.at ? s->dx.at + i * s->dx.row_step : NULL;
        const size_t label = (uint32_t)s->labels[i];
        if (s->right) s->right[i] = label < s->p.cols ? p[label] : 1;
        for (size_t j = 0; dx && j < s->p.cols; j++) dx[j] = p[j] * s->scale;
        if (dx && label < s->p.cols) dx[label] -= s->scale;
    }
}

static void add_losses(const struct softmax *s) {
    float total = 0;
    for (size_t i = 0; i < s->p.rows; i++) {
        total -= s->right[i];
        if (s->row_loss) s->row_loss[i] = -s->right[i];
    }
    if (s->loss) *s->loss = total * s->scale;
}

static void call(const void *data) {
    const struct softmax *const s = data;
    if (s->probabilities.primitive) {
        dnn_take(s->dnn, &s->probabilities);
        s->dnn->stream_wait(s->dnn->stream);
    }
    if (s->right || s->dx.at) pass_rows(s);
    if (!s->right) return;
    dnn_take(s->dnn, &s->logarithms);
    s->dnn->stream_wait(s->dnn->stream);
    add_losses(s);
}

static bool set_probabilities(struct softmax *s, const struct dnn_view *x) {
    struct dnn *const dnn = s->dnn;
    void *const from = dnn_describe(dnn, x), *const to = dnn_describe(dnn, &s->p), *desc = NULL;
    if (!from || !to) return false;
    const int status = dnn->softmax_forward_primitive_desc_create(&desc, dnn->engine, DNN_FORWARD_TRAINING,
                                                                  DNN_SOFTMAX_ACCURATE, from, to, 1, NULL);
    return dnn_add_step(dnn, &s->probabilities, status, desc) &&
           dnn_add_argument(&s->probabilities, DNN_SRC, dnn_memory(dnn, from, x->at)) &&
           dnn_add_argument(&s->probabilities, DNN_DST, dnn_memory(dnn, to, s->p.at));
}

static bool set_logarithms(struct softmax *s) {
    struct dnn *const dnn = s->dnn;
    void *const vector = dnn_describe_vector(dnn, s->p.rows), *desc = NULL;
    if (!vector) return false;
    const int status = dnn->eltwise_forward_primitive_desc_create(&desc, dnn->engine, DNN_FORWARD_TRAINING, DNN_ELTWISE_LOG,
                                                                  vector, vector, 0, 0, NULL);
    void *const right = dnn_memory(dnn, vector, s->right);
    return dnn_add_step(dnn, &s->logarithms, status, desc) && dnn_add_argument(&s->logarithms, DNN_SRC, right) &&
           dnn_add_argument(&s->logarithms, DNN_DST, right);
}

static bool operands_known(const struct gb_peer_problem *problem) {
    static const char *const names[] = {"x", "p", "dx", "labels", "row_loss", "loss"};
    size_t found = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) found += gb_peer_operand(problem, names[i], NULL) != NULL;
    return found == problem->n_operands;
}

/* Of the whole kernel dx is where the probabilities go first; where nobody wants them they go to memory of our own. */
static bool set_operands(struct softmax *s, const struct gb_peer_problem *problem) {
    const size_t n = problem->spec.n, c = problem->spec.c;
    s->p = dnn_operand(problem, "p", n, c);
    s->dx = dnn_operand(problem, "dx", n, c);
    s->labels = gb_peer_operand(problem, "labels", NULL);
    s->row_loss = gb_peer_operand(problem, "row_loss", NULL);
    s->loss = gb_peer_operand(problem, "loss", NULL);
    if (!s->p.at && s->dx.at) s->p = s->dx;
    if (!s->p.at) s->p = (struct dnn_view){dnn_zeros(s->dnn, n * c, sizeof(float)), n, c, c, 1};
    if (s->row_loss || s->loss) s->right = dnn_zeros(s->dnn, n, sizeof *s->right);
    return s->p.at && (s->right || !(s->row_loss || s->loss));
}

bool dnn_prepare_softmax(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job,
                         char note[GB_PEER_NOTE_MAX]) {
    const struct gb_problem_spec *const spec = &problem->spec;
    const char *const unknown = gb_peer_unknown_option(problem, 1u << GB_OPTION_REDUCTION | 1u << GB_OPTION_IN_PLACE);
    struct softmax *const s = dnn_zeros(dnn, 1, sizeof *s);
    if (!spec->n || !spec->c) return dnn_unfit(note, "an empty problem", "");
    if (unknown) return dnn_unfit(note, "an option that it does not know: ", unknown);
    if (spec->reduction == GK_NONE) return dnn_unfit(note, "it knows sums and means only", "");
    if (!operands_known(problem)) return dnn_unfit(note, "an operand that it does not know", "");
    if (!s) return dnn_unfit(note, "no memory", "");
    *s = (struct softmax){.dnn = dnn, .scale = spec->reduction == GK_MEAN ? 1 / (float)spec->n : 1};
    if (!set_operands(s, problem)) return dnn_unfit(note, "no memory", "");
    if (!s->labels && (s->right || s->dx.at)) return dnn_unfit(note, "it needs labels", "");
    const struct dnn_view x = dnn_operand(problem, "x", spec->n, spec->c);
    if ((x.at && !set_probabilities(s, &x)) || (s->right && !set_logarithms(s)))
        return dnn_unfit(note, "it has no way to do this", "");
    *job = (struct dnn_job){s, call};
    return true;
}
