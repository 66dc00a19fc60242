#include "graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "call.h"
#include "text.h"

#define NOTHING SIZE_MAX

struct fitting {
    struct gb_graph *graph;
    const struct gb_node *in[GB_OP_INPUTS_MAX];
    struct gb_node *node;
};

/* Sets the node's shape and dimensions. False: the inputs do not fit; the graph says why. */
typedef bool fit_rule(struct fitting *f);
static fit_rule same_shapes, fit_affine, fit_softmax;

/* What an operation is: the kernels, and what these call its output and its inputs. */
static const struct op {
    const char *word, *symbol;
    enum gk_kernel_id forward, backward;
    const char *output, *inputs[GB_OP_INPUTS_MAX];
    size_t least, most; /* inputs */
    fit_rule *fit;
} ops[GB_OP_COUNT] = {
    /* clang-format off */
    [GB_OP_INPUT] = {.word = "input", .symbol = ""},
    [GB_OP_ADD] = {"add", "+", GK_KERNEL_add_forward, GK_KERNEL_add_backward, "y", {"a", "b"}, 2, 2, same_shapes},
    [GB_OP_MUL] = {"mul", "\xc3\x97", GK_KERNEL_mul_forward, GK_KERNEL_mul_backward, "y", {"a", "b"}, 2, 2, same_shapes},
    [GB_OP_MAX] = {"max", "max", GK_KERNEL_max_forward, GK_KERNEL_max_backward, "y", {"a", "b"}, 2, 2, same_shapes},
    [GB_OP_RECIPROCAL] = {"reciprocal", "1/x", GK_KERNEL_reciprocal_forward, GK_KERNEL_reciprocal_backward, "y", {"x"}, 1, 1,
                          same_shapes},
    [GB_OP_EXP] = {"exp", "exp", GK_KERNEL_exp_forward, GK_KERNEL_exp_backward, "y", {"x"}, 1, 1, same_shapes},
    [GB_OP_SIGMOID] = {"sigmoid", "sigmoid", GK_KERNEL_sigmoid_forward, GK_KERNEL_sigmoid_backward, "y", {"x"}, 1, 1,
                       same_shapes},
    [GB_OP_RELU] = {"relu", "ReLU", GK_KERNEL_relu_forward, GK_KERNEL_relu_backward, "y", {"x"}, 1, 1, same_shapes},
    [GB_OP_AFFINE] = {"affine", "affine", GK_KERNEL_affine_forward, GK_KERNEL_affine_backward, "y", {"x", "w", "b"}, 2, 3,
                      fit_affine},
    [GB_OP_SOFTMAX_XENT] = {"softmax_xent", "softmax loss", GK_KERNEL_softmax_xent_forward, GK_KERNEL_softmax_xent_backward,
                            "loss", {"x", "t"}, 2, 2, fit_softmax},
    /* clang-format on */
};

const char *gb_op_word(enum gb_op op) { return ops[op].word; }
const char *gb_op_symbol(enum gb_op op) { return ops[op].symbol; }

size_t gb_tensor_count(const struct gb_tensor *tensor) {
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(count, tensor->sizes[i], &count) || count > GB_GRAPH_ELEMENTS_MAX) return NOTHING;
    return count;
}

const char *gb_tensor_text(const struct gb_tensor *tensor, char text[96]) {
    text[0] = '\0';
    for (size_t i = 0; i < tensor->rank; i++) gb_text_append(text, 96, "%s%zu", i ? "x" : "[", tensor->sizes[i]);
    if (tensor->rank) gb_text_append(text, 96, "]");
    return text;
}

static bool refuse(struct gb_graph *graph, size_t wrong, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool refuse(struct gb_graph *graph, size_t wrong, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(graph->error, sizeof graph->error, format, list);
    va_end(list);
    graph->wrong = wrong;
    return false;
}

static bool same(const struct gb_tensor *a, const struct gb_tensor *b) {
    return a->rank == b->rank && memcmp(a->sizes, b->sizes, a->rank * sizeof *a->sizes) == 0;
}

/* "a scalar", "[2x3]" */
static const char *shape_text(const struct gb_tensor *shape, char text[96]) {
    return shape->rank ? gb_tensor_text(shape, text) : "a scalar";
}

static bool refuse_shape(const struct fitting *f, size_t wrong, const char *wanted) {
    char text[96];
    const struct gb_node *const in = f->in[wrong];
    return refuse(f->graph, wrong, "%s wants %s of '%s' (it is %s)", ops[f->node->op].word, wanted, in->name,
                  shape_text(&in->shape, text));
}

static bool same_shapes(struct fitting *f) {
    char text[96], wanted[120];
    f->node->shape = f->in[0]->shape;
    f->node->dims[GK_DIM_n] = 1;
    f->node->dims[GK_DIM_d] = f->in[0]->count;
    if (f->node->n_inputs == 1 || same(&f->in[0]->shape, &f->in[1]->shape)) return true;
    snprintf(wanted, sizeof wanted, "the shape of '%s', %s,", f->in[0]->name, shape_text(&f->in[0]->shape, text));
    return refuse_shape(f, 1, wanted);
}

static bool fit_affine(struct fitting *f) {
    const struct gb_tensor *const x = &f->in[0]->shape, *const w = &f->in[1]->shape;
    char wanted[80];
    if (x->rank < 2) return refuse_shape(f, 0, "rows, [n d] or [n ...],");
    const size_t d = f->in[0]->count / x->sizes[0];
    snprintf(wanted, sizeof wanted, "a matrix of %zu rows", d);
    if (w->rank != 2 || w->sizes[0] != d) return refuse_shape(f, 1, wanted);
    snprintf(wanted, sizeof wanted, "a vector of %zu", w->sizes[1]);
    if (f->node->n_inputs == 3 && (f->in[2]->shape.rank != 1 || f->in[2]->count != w->sizes[1]))
        return refuse_shape(f, 2, wanted);
    f->node->shape = (struct gb_tensor){2, {x->sizes[0], w->sizes[1]}};
    f->node->dims[GK_DIM_n] = x->sizes[0], f->node->dims[GK_DIM_d] = d, f->node->dims[GK_DIM_m] = w->sizes[1];
    return true;
}

static bool is_class(double label, size_t c) { return label >= 0 && label < (double)c && label == (double)(int32_t)label; }

/* Class indices are an input's, so that they are seen before anything is computed. */
static bool fit_labels(struct fitting *f, size_t c) {
    const struct gb_node *const t = f->in[1];
    if (t->op != GB_OP_INPUT) return refuse(f->graph, 1, "class indices are an input ('%s' is none)", t->name);
    for (size_t i = 0; i < t->count; i++)
        if (!is_class(t->value[i], c))
            return refuse(f->graph, 1, "a label is a class from 0 to %zu ('%s' has %.17g)", c - 1, t->name, t->value[i]);
    f->node->labels = calloc(t->count, sizeof *f->node->labels);
    return f->node->labels || refuse(f->graph, 2, "%s", "");
}

static bool fit_softmax(struct fitting *f) {
    const struct gb_tensor *const x = &f->in[0]->shape, *const t = &f->in[1]->shape;
    if (x->rank == 0) return refuse_shape(f, 0, "classes, [c] or [n c],");
    const size_t c = x->sizes[x->rank - 1];
    struct gb_tensor rows = *x;
    rows.rank--;
    f->node->shape = (struct gb_tensor){0};
    f->node->dims[GK_DIM_n] = f->in[0]->count / c, f->node->dims[GK_DIM_c] = c;
    if (same(&rows, t)) return fit_labels(f, c);
    return same(x, t) || refuse_shape(f, 1, "labels: one number a row, or one a class,");
}

size_t gb_graph_find(const struct gb_graph *graph, const char *name) {
    for (size_t i = 0; i < graph->count; i++)
        if (strcmp(graph->nodes[i].name, name) == 0) return i;
    return NOTHING;
}

static void free_node(struct gb_node *node) {
    for (size_t i = 0; i < GB_OP_INPUTS_MAX; i++) free(node->parts[i]);
    free(node->value), free(node->gradient), free(node->mask), free(node->p), free(node->labels);
}

/* So many zeros, which count. NULL: no memory, or too many. */
static double *reals(struct gb_graph *graph, size_t count) {
    graph->elements += count;
    if (graph->elements > GB_GRAPH_ELEMENTS_MAX)
        refuse(graph, GB_OP_INPUTS_MAX, "the graph has more than %d values and gradients", GB_GRAPH_ELEMENTS_MAX);
    return graph->elements > GB_GRAPH_ELEMENTS_MAX ? NULL : calloc(count, sizeof(double));
}

/* The node's own memory, by what its kernels know. */
static bool allocate(struct gb_graph *graph, struct gb_node *node) {
    const struct op *const op = &ops[node->op];
    node->count = gb_tensor_count(&node->shape);
    node->value = reals(graph, node->count);
    node->gradient = node->value ? reals(graph, node->count) : NULL;
    if (!node->gradient) return false;
    if (node->op == GB_OP_INPUT) return true;
    const struct gk_kernel *const forward = gk_kernel_get(op->forward), *const backward = gk_kernel_get(op->backward);
    const size_t first = graph->nodes[node->inputs[0]].count;
    if (gk_kernel_operand(forward, "mask") && !(node->mask = calloc(first / 64 + 1, sizeof *node->mask))) return false;
    if (gk_kernel_operand(forward, "p") && !(node->p = reals(graph, first))) return false;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const char gradient[] = {'d', op->inputs[i][0], '\0'};
        const bool has_one = gk_kernel_operand(backward, gradient);
        if (has_one && !(node->parts[i] = reals(graph, graph->nodes[node->inputs[i]].count))) return false;
    }
    return true;
}

static bool grow(struct gb_graph *graph) {
    if (graph->count == GB_GRAPH_NODES_MAX)
        return refuse(graph, GB_OP_INPUTS_MAX, "the graph has more than %d nodes", GB_GRAPH_NODES_MAX);
    if (graph->count < graph->capacity) return true;
    const size_t capacity = graph->capacity ? 2 * graph->capacity : 16;
    struct gb_node *const grown = realloc(graph->nodes, capacity * sizeof *grown);
    if (!grown) return false;
    graph->nodes = grown;
    graph->capacity = capacity;
    return true;
}

/* The node, which has its shape, becomes the last one. */
static size_t append(struct gb_graph *graph, const char *name, struct gb_node *node) {
    const size_t elements = graph->elements;
    snprintf(node->name, sizeof node->name, "%s", name);
    if (grow(graph) && allocate(graph, node)) {
        graph->nodes[graph->count] = *node;
        return graph->count++;
    }
    free_node(node);
    graph->elements = elements;
    return NOTHING;
}

static bool begin(struct gb_graph *graph, const char *name) {
    refuse(graph, GB_OP_INPUTS_MAX, "%s", "");
    if (strlen(name) >= GB_NODE_NAME_MAX)
        return refuse(graph, GB_OP_INPUTS_MAX, "a name has at most %d letters", GB_NODE_NAME_MAX - 1);
    return !*name || gb_graph_find(graph, name) == NOTHING || refuse(graph, GB_OP_INPUTS_MAX, "there is a '%s' already", name);
}

size_t gb_graph_input(struct gb_graph *graph, const char *name, const struct gb_tensor *shape, const double *values) {
    struct gb_node node = {.op = GB_OP_INPUT, .shape = *shape};
    if (!begin(graph, name)) return NOTHING;
    const size_t count = gb_tensor_count(shape);
    if (count == 0 || count == NOTHING) {
        refuse(graph, GB_OP_INPUTS_MAX, "a tensor has 1 to %d elements", GB_GRAPH_ELEMENTS_MAX);
        return NOTHING;
    }
    const size_t index = append(graph, name, &node);
    if (index != NOTHING) memcpy(graph->nodes[index].value, values, count * sizeof *values);
    return index;
}

size_t gb_graph_add(struct gb_graph *graph, const char *name, enum gb_op op, const size_t *inputs, size_t n_inputs) {
    struct gb_node node = {.op = op, .n_inputs = n_inputs};
    struct fitting f = {.graph = graph, .node = &node};
    if (!begin(graph, name)) return NOTHING;
    if (n_inputs < ops[op].least || n_inputs > ops[op].most) {
        char least[40];
        gb_count_text(ops[op].least, ops[op].most > ops[op].least ? "or 3 node" : "node", least, sizeof least);
        refuse(graph, GB_OP_INPUTS_MAX, "%s takes %s (got %zu)", ops[op].word, least, n_inputs);
        return NOTHING;
    }
    for (size_t i = 0; i < n_inputs; i++) {
        node.inputs[i] = inputs[i];
        if (inputs[i] < graph->count) f.in[i] = &graph->nodes[inputs[i]];
        else if (!refuse(graph, i, "a node comes after those that it is made of")) return NOTHING;
    }
    return ops[op].fit(&f) ? append(graph, name, &node) : NOTHING;
}

/* What the kernel calls `operand` is this memory; NULL: nothing here. */
static void *memory_of(const struct gb_graph *graph, const struct gb_node *node, const struct gk_field *operand) {
    const struct op *const op = &ops[node->op];
    const char *const name = operand->name;
    if (strcmp(name, op->output) == 0) return node->value;
    if (gk_is_upstream(operand, op->output)) return node->gradient;
    if (strcmp(name, "mask") == 0) return node->mask;
    if (strcmp(name, "p") == 0) return node->p;
    if (strcmp(name, "labels") == 0) return node->labels;
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (strcmp(name, op->inputs[i]) == 0) return node->labels && i == 1 ? NULL : graph->nodes[node->inputs[i]].value;
        if (name[0] == 'd' && strcmp(name + 1, op->inputs[i]) == 0) return node->parts[i];
    }
    return NULL;
}

static gk_status call(const struct gb_graph *graph, gk_context *ctx, const struct gb_node *node, enum gk_kernel_id id) {
    union gk_any_args args = {0};
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        void *const memory = gk_is_operand(f) ? memory_of(graph, node, f) : NULL;
        if (f->kind == GK_FIELD_DIM) gk_set_size(&args, f->offset, node->dims[f->dim]);
        if (memory) memcpy((char *)&args + f->offset, &memory, sizeof memory);
    }
    return gk_call(ctx, id, GK_F64, &args);
}

/* What is no class any more becomes none, so that the kernel refuses it. */
static void convert_labels(const struct gb_node *node, const struct gb_node *from) {
    for (size_t i = 0; i < from->count; i++)
        node->labels[i] = is_class(from->value[i], node->dims[GK_DIM_c]) ? (int32_t)from->value[i] : -1;
}

gk_status gb_graph_forward(struct gb_graph *graph, gk_context *ctx) {
    for (size_t i = 0; i < graph->count; i++) {
        const struct gb_node *const node = &graph->nodes[i];
        if (node->op == GB_OP_INPUT) continue;
        if (node->labels) convert_labels(node, &graph->nodes[node->inputs[1]]);
        const gk_status status = call(graph, ctx, node, ops[node->op].forward);
        if (status != GK_OK) return status;
    }
    return GK_OK;
}

/* The first part of a gradient is copied, the others are added. */
static gk_status give(gk_context *ctx, struct gb_node *to, const double *part) {
    const gk_add_forward_args_f64 add = {.n = 1, .d = to->count, .a = to->gradient, .b = part, .y = to->gradient};
    if (to->reached) return gk_add_forward_f64(ctx, &add);
    memcpy(to->gradient, part, to->count * sizeof *part);
    to->reached = true;
    return GK_OK;
}

gk_status gb_graph_backward(struct gb_graph *graph, gk_context *ctx, size_t from, const double *dout) {
    struct gb_node *const last = &graph->nodes[from];
    for (size_t i = 0; i < graph->count; i++) {
        graph->nodes[i].reached = i == from;
        memset(graph->nodes[i].gradient, 0, graph->nodes[i].count * sizeof(double));
    }
    for (size_t i = 0; i < last->count; i++) last->gradient[i] = dout ? dout[i] : 1;
    for (size_t i = from + 1; i > 0; i--) {
        const struct gb_node *const node = &graph->nodes[i - 1];
        if (!node->reached || node->op == GB_OP_INPUT) continue;
        gk_status status = call(graph, ctx, node, ops[node->op].backward);
        for (size_t k = 0; k < node->n_inputs && status == GK_OK; k++)
            if (node->parts[k]) status = give(ctx, &graph->nodes[node->inputs[k]], node->parts[k]);
        if (status != GK_OK) return status;
    }
    return GK_OK;
}

void gb_graph_free(struct gb_graph *graph) {
    for (size_t i = 0; i < graph->count; i++) free_node(&graph->nodes[i]);
    free(graph->nodes);
    *graph = (struct gb_graph){0};
}
