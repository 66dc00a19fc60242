/* The element-wise kernels. */
#include <string.h>

#include "onednn_library.h"

struct node {
    struct dnn *dnn;
    struct dnn_step step;
};

/* y = f(x). */
static bool eltwise(struct dnn *dnn, struct dnn_step *step, int algorithm, const struct dnn_view *x, const struct dnn_view *y) {
    void *const from = dnn_describe(dnn, x), *const to = dnn_describe(dnn, y), *desc = NULL;
    if (!from || !to) return false;
    const int status =
        dnn->eltwise_forward_primitive_desc_create(&desc, dnn->engine, DNN_FORWARD_TRAINING, algorithm, from, to, 0, 0, NULL);
    return dnn_add_step(dnn, step, status, desc) && dnn_add_argument(step, DNN_SRC, dnn_memory(dnn, from, x->at)) &&
           dnn_add_argument(step, DNN_DST, dnn_memory(dnn, to, y->at));
}

bool dnn_set_relu_backward(struct dnn *dnn, struct dnn_step *step, const struct dnn_view *dy, const struct dnn_view *read,
                           const struct dnn_view *dx) {
    void *const from = dnn_describe(dnn, dy), *const data = dnn_describe(dnn, read), *const to = dnn_describe(dnn, dx);
    void *forward = NULL, *desc = NULL;
    if (!from || !data || !to) return false;
    const int hint = dnn->eltwise_forward_primitive_desc_create(&forward, dnn->engine, DNN_FORWARD_TRAINING, DNN_ELTWISE_RELU,
                                                                data, data, 0, 0, NULL);
    if (!dnn_own(dnn, hint == 0, forward, dnn->primitive_desc_destroy)) return false;
    const int status =
        dnn->eltwise_backward_primitive_desc_create(&desc, dnn->engine, DNN_ELTWISE_RELU, to, from, data, 0, 0, forward, NULL);
    return dnn_add_step(dnn, step, status, desc) && dnn_add_argument(step, DNN_SRC, dnn_memory(dnn, data, read->at)) &&
           dnn_add_argument(step, DNN_DIFF_DST, dnn_memory(dnn, from, dy->at)) &&
           dnn_add_argument(step, DNN_DIFF_SRC, dnn_memory(dnn, to, dx->at));
}

static void call(const void *data) {
    const struct node *const node = data;
    dnn_take(node->dnn, &node->step);
    node->dnn->stream_wait(node->dnn->stream);
}

bool dnn_prepare_node(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job,
                      char note[GB_PEER_NOTE_MAX]) {
    const size_t n = problem->spec.n, d = problem->spec.d;
    const char *const kernel = problem->kernel->name;
    const char *const unknown = gb_peer_unknown_option(problem, 1u << GB_OPTION_IN_PLACE);
    const bool forward = strcmp(kernel, "relu_forward") == 0, backward = strcmp(kernel, "relu_backward") == 0;
    struct node *const node = dnn_zeros(dnn, 1, sizeof *node);
    const struct dnn_view x = dnn_operand(problem, "x", n, d), y = dnn_operand(problem, "y", n, d),
                          dy = dnn_operand(problem, "dy", n, d), dx = dnn_operand(problem, "dx", n, d);
    size_t ld;
    const uint64_t *const mask = gb_peer_operand(problem, "mask", &ld);
    if (!forward && !backward) return dnn_unfit(note, "this peer does not do ", kernel);
    if (!n || !d) return dnn_unfit(note, "an empty problem", "");
    if (unknown) return dnn_unfit(note, "an option that it does not know: ", unknown);
    if (forward && mask) return dnn_unfit(note, "oneDNN keeps no mask as bits", "");
    const struct dnn_view read = {backward ? dnn_unpack(dnn, mask, ld, n, d) : NULL, n, d, d, 1};
    if (!node || (backward && !read.at)) return dnn_unfit(note, "no memory", "");
    node->dnn = dnn;
    if (forward ? !eltwise(dnn, &node->step, DNN_ELTWISE_RELU, &x, &y)
                : !dnn_set_relu_backward(dnn, &node->step, &dy, &read, &dx))
        return dnn_unfit(note, "it has no way to do this", "");
    *job = (struct dnn_job){node, call};
    return true;
}
