/* The element-wise kernels: eltwise, binary and reorder. What they need several calls for, all are called. */
#include <string.h>

#include "onednn_library.h"

/* Operands that are absent have at = NULL. */
struct node {
    struct dnn *dnn;
    struct dnn_view x, y, dx, dy, a, b, da, db;
    struct dnn_view read; /* what the ReLU read, as far as the mask tells */
    struct dnn_step steps[3];
    size_t n_steps;
};

/* y = f(x). */
static bool eltwise(struct node *node, int algorithm, float alpha, float beta) {
    struct dnn *const dnn = node->dnn;
    struct dnn_step *const step = &node->steps[node->n_steps++];
    void *const from = dnn_describe(dnn, &node->x), *const to = dnn_describe(dnn, &node->y), *desc = NULL;
    if (!from || !to) return false;
    const int status = dnn->eltwise_forward_primitive_desc_create(&desc, dnn->engine, DNN_FORWARD_TRAINING, algorithm, from, to,
                                                                  alpha, beta, NULL);
    return dnn_add_step(dnn, step, status, desc) && dnn_add_argument(step, DNN_SRC, dnn_memory(dnn, from, node->x.at)) &&
           dnn_add_argument(step, DNN_DST, dnn_memory(dnn, to, node->y.at));
}

/* dx from dy and saved, which is what the function read (DNN_SRC) or returned (DNN_DST). */
static bool eltwise_backward(struct dnn *dnn, struct dnn_step *step, int algorithm, int saved_name,
                             const struct dnn_view *saved, const struct dnn_view *dy, const struct dnn_view *dx) {
    void *const from = dnn_describe(dnn, dy), *const data = dnn_describe(dnn, saved), *const to = dnn_describe(dnn, dx);
    void *forward = NULL, *desc = NULL;
    if (!from || !data || !to) return false;
    const int hint = dnn->eltwise_forward_primitive_desc_create(&forward, dnn->engine, DNN_FORWARD_TRAINING, algorithm, data,
                                                                data, 0, 0, NULL);
    if (!dnn_own(dnn, hint == 0, forward, dnn->primitive_desc_destroy)) return false;
    const int status =
        dnn->eltwise_backward_primitive_desc_create(&desc, dnn->engine, algorithm, to, from, data, 0, 0, forward, NULL);
    return dnn_add_step(dnn, step, status, desc) && dnn_add_argument(step, saved_name, dnn_memory(dnn, data, saved->at)) &&
           dnn_add_argument(step, DNN_DIFF_DST, dnn_memory(dnn, from, dy->at)) &&
           dnn_add_argument(step, DNN_DIFF_SRC, dnn_memory(dnn, to, dx->at));
}

bool dnn_set_relu_backward(struct dnn *dnn, struct dnn_step *step, const struct dnn_view *dy, const struct dnn_view *read,
                           const struct dnn_view *dx) {
    return eltwise_backward(dnn, step, DNN_ELTWISE_RELU, DNN_SRC, read, dy, dx);
}

/* Attributes that change the sign of the result, or NULL. */
static void *negated(struct dnn *dnn) {
    void *ops = NULL, *attributes = NULL;
    const int ops_made = dnn->post_ops_create(&ops), attributes_made = dnn->primitive_attr_create(&attributes);
    const bool has_ops = dnn_own(dnn, ops_made == 0, ops, dnn->post_ops_destroy),
               has_attributes = dnn_own(dnn, attributes_made == 0, attributes, dnn->primitive_attr_destroy);
    if (!has_ops || !has_attributes || dnn->post_ops_append_eltwise(ops, DNN_ELTWISE_LINEAR, -1, 0) != 0) return NULL;
    return dnn->primitive_attr_set_post_ops(attributes, ops) == 0 ? attributes : NULL;
}

/* y = f(a, b), or its negative. y may be a. */
static bool binary(struct node *node, int algorithm, const struct dnn_view *a, const struct dnn_view *b,
                   const struct dnn_view *y, bool negative) {
    struct dnn *const dnn = node->dnn;
    struct dnn_step *const step = &node->steps[node->n_steps++];
    void *const first = dnn_describe(dnn, a), *const second = dnn_describe(dnn, b), *const to = dnn_describe(dnn, y);
    void *const attributes = negative ? negated(dnn) : NULL, *desc = NULL;
    if (!first || !second || !to || (negative && !attributes)) return false;
    const int status = dnn->binary_primitive_desc_create(&desc, dnn->engine, algorithm, first, second, to, attributes);
    return dnn_add_step(dnn, step, status, desc) && dnn_add_argument(step, DNN_SRC, dnn_memory(dnn, first, a->at)) &&
           dnn_add_argument(step, DNN_SRC_1, dnn_memory(dnn, second, b->at)) &&
           dnn_add_argument(step, DNN_DST, dnn_memory(dnn, to, y->at));
}

static bool copy(struct node *node, const struct dnn_view *x, const struct dnn_view *y) {
    struct dnn *const dnn = node->dnn;
    if (!y->at || y->at == x->at) return true;
    struct dnn_step *const step = &node->steps[node->n_steps++];
    void *const from = dnn_describe(dnn, x), *const to = dnn_describe(dnn, y), *desc = NULL;
    if (!from || !to) return false;
    const int status = dnn->reorder_primitive_desc_create(&desc, from, dnn->engine, to, dnn->engine, NULL);
    return dnn_add_step(dnn, step, status, desc) && dnn_add_argument(step, DNN_SRC, dnn_memory(dnn, from, x->at)) &&
           dnn_add_argument(step, DNN_DST, dnn_memory(dnn, to, y->at));
}

static bool of_both(struct node *o, int algorithm) { return binary(o, algorithm, &o->a, &o->b, &o->y, false); }

static bool relu(struct node *o) { return eltwise(o, DNN_ELTWISE_RELU, 0, 0); }
static bool relu_backward(struct node *o) {
    return dnn_set_relu_backward(o->dnn, &o->steps[o->n_steps++], &o->dy, &o->read, &o->dx);
}
static bool reciprocal(struct node *o) { return eltwise(o, DNN_ELTWISE_POW, 1, -1); }
static bool reciprocal_backward(struct node *o) {
    return binary(o, DNN_BINARY_MUL, &o->dy, &o->y, &o->dx, true) && binary(o, DNN_BINARY_MUL, &o->dx, &o->y, &o->dx, false);
}
static bool exponential(struct node *o) { return eltwise(o, DNN_ELTWISE_EXP, 0, 0); }
static bool exponential_backward(struct node *o) {
    return eltwise_backward(o->dnn, &o->steps[o->n_steps++], DNN_ELTWISE_EXP_FROM_DST, DNN_DST, &o->y, &o->dy, &o->dx);
}
static bool sigmoid(struct node *o) { return eltwise(o, DNN_ELTWISE_LOGISTIC, 0, 0); }
static bool sigmoid_backward(struct node *o) {
    return eltwise_backward(o->dnn, &o->steps[o->n_steps++], DNN_ELTWISE_LOGISTIC_FROM_DST, DNN_DST, &o->y, &o->dy, &o->dx);
}
static bool add(struct node *o) { return of_both(o, DNN_BINARY_ADD); }
static bool add_backward(struct node *o) { return copy(o, &o->dy, &o->da) && copy(o, &o->dy, &o->db); }
static bool multiply(struct node *o) { return of_both(o, DNN_BINARY_MUL); }
static bool larger(struct node *o) { return of_both(o, DNN_BINARY_MAX); }

/* db comes first, for da may be dy. */
static bool multiply_backward(struct node *o) {
    return (!o->db.at || binary(o, DNN_BINARY_MUL, &o->dy, &o->a, &o->db, false)) &&
           (!o->da.at || binary(o, DNN_BINARY_MUL, &o->dy, &o->b, &o->da, false));
}

/* db is first 1 where it gets the gradient, else 0; where nobody wants it, it is our own. */
static bool larger_backward(struct node *o) {
    const size_t n = o->dy.rows, d = o->dy.cols;
    if (!o->db.at) o->db = (struct dnn_view){dnn_zeros(o->dnn, n * d, sizeof(float)), n, d, d, 1};
    return o->db.at && binary(o, DNN_BINARY_LT, &o->a, &o->b, &o->db, false) &&
           binary(o, DNN_BINARY_MUL, &o->db, &o->dy, &o->db, false) &&
           (!o->da.at || binary(o, DNN_BINARY_SUB, &o->dy, &o->db, &o->da, false));
}

/* It has nothing that repeats a row. */
static const struct {
    const char *kernel;
    bool (*plan)(struct node *node);
} kernels[] = {
    {"relu_forward", relu},
    {"relu_backward", relu_backward},
    {"add_forward", add},
    {"add_backward", add_backward},
    {"mul_forward", multiply},
    {"mul_backward", multiply_backward},
    {"max_forward", larger},
    {"max_backward", larger_backward},
    {"reciprocal_forward", reciprocal},
    {"reciprocal_backward", reciprocal_backward},
    {"exp_forward", exponential},
    {"exp_backward", exponential_backward},
    {"sigmoid_forward", sigmoid},
    {"sigmoid_backward", sigmoid_backward},
};

static void call(const void *data) {
    const struct node *const node = data;
    for (size_t i = 0; i < node->n_steps; i++) dnn_take(node->dnn, &node->steps[i]);
    node->dnn->stream_wait(node->dnn->stream);
}

static void take_operands(struct node *o, const struct gb_peer_problem *problem) {
    const struct {
        const char *name;
        struct dnn_view *view;
    } operands[] = {{"x", &o->x}, {"y", &o->y}, {"dx", &o->dx}, {"dy", &o->dy},
                    {"a", &o->a}, {"b", &o->b}, {"da", &o->da}, {"db", &o->db}};
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++)
        *operands[i].view = dnn_operand(problem, operands[i].name, problem->spec.n, problem->spec.d);
}

bool dnn_prepare_node(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job,
                      char note[GB_PEER_NOTE_MAX]) {
    const size_t n = problem->spec.n, d = problem->spec.d;
    const char *const kernel = problem->kernel->name;
    const char *const unknown = gb_peer_unknown_option(problem, 1u << GB_OPTION_IN_PLACE);
    bool (*plan)(struct node * node) = NULL;
    size_t ld;
    const uint64_t *const mask = gb_peer_operand(problem, "mask", &ld);
    struct node *const node = dnn_zeros(dnn, 1, sizeof *node);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].kernel, kernel) == 0) plan = kernels[i].plan;
    if (!plan) return dnn_unfit(note, "this peer does not do ", kernel);
    if (!n || !d) return dnn_unfit(note, "an empty problem", "");
    if (unknown) return dnn_unfit(note, "an option that it does not know: ", unknown);
    if (mask && plan == relu) return dnn_unfit(note, "oneDNN keeps no mask as bits", "");
    if (!node) return dnn_unfit(note, "no memory", "");
    node->dnn = dnn;
    take_operands(node, problem);
    if (mask) node->read = (struct dnn_view){dnn_unpack(dnn, mask, ld, n, d), n, d, d, 1};
    if (mask && !node->read.at) return dnn_unfit(note, "no memory", "");
    if (!plan(node)) return dnn_unfit(note, "it has no way to do this", "");
    *job = (struct dnn_job){node, call};
    return true;
}
