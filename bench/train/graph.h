/* A graph of computations over scalars and tensors of double, for those who learn or prototype: every node keeps its value and,
 * after the way back, its gradient. The table's kernels compute both.
 *
 *     struct gb_graph g = {0};
 *     const size_t x = gb_graph_input(&g, "x", &(struct gb_tensor){0}, (double[]){-2}), ...
 *     const size_t q = gb_graph_add(&g, "q", GB_OP_ADD, (size_t[]){x, y}, 2);
 *     gb_graph_forward(&g, ctx); gb_graph_backward(&g, ctx, f, NULL);  // g.nodes[x].gradient[0]
 *     gb_graph_free(&g);
 */
#ifndef GB_GRAPH_H
#define GB_GRAPH_H

#include "table.h"

enum {
    GB_RANK_MAX = 4,
    GB_OP_INPUTS_MAX = 3,
    GB_NODE_NAME_MAX = 40,
    GB_GRAPH_NODES_MAX = 4096,
    GB_GRAPH_ELEMENTS_MAX = 1 << 24, /* of all values, gradients and their parts together */
};

enum gb_op {
    GB_OP_INPUT,
    GB_OP_ADD,
    GB_OP_MUL,
    GB_OP_MAX,
    GB_OP_RECIPROCAL,
    GB_OP_EXP,
    GB_OP_SIGMOID,
    GB_OP_RELU,
    GB_OP_AFFINE,       /* x w, or x w + b: x is [n ...] and counts as n rows, w is [d m], b is [m] */
    GB_OP_SOFTMAX_XENT, /* the mean loss of the rows of x by labels of its shape, or without its last dimension: class indices
                         */
    GB_OP_COUNT
};

/* "add" */
const char *gb_op_word(enum gb_op op);
/* What is written in its circle: "+" */
const char *gb_op_symbol(enum gb_op op);

struct gb_tensor {
    size_t rank, sizes[GB_RANK_MAX]; /* rank 0: a scalar */
};

size_t gb_tensor_count(const struct gb_tensor *tensor); /* SIZE_MAX: more than a graph may have */
/* "[10x2x3]" or "" in text, which is also returned. */
const char *gb_tensor_text(const struct gb_tensor *tensor, char text[96]);

struct gb_node {
    char name[GB_NODE_NAME_MAX];
    enum gb_op op;
    struct gb_tensor shape;
    size_t count; /* elements */
    size_t inputs[GB_OP_INPUTS_MAX], n_inputs;
    double *value, *gradient;
    bool reached; /* a gradient came here on the last way back; else it is 0 */
    /* What each input was given of this node's gradient; NULL: labels, which have none. */
    double *parts[GB_OP_INPUTS_MAX];
    /* What the kernels are called with, and what the backward one needs of the forward one. */
    size_t dims[GK_DIM_COUNT];
    uint64_t *mask;
    double *p;
    int32_t *labels;
};

struct gb_graph {
    struct gb_node *nodes; /* each after those that it is made of */
    size_t count, capacity, elements;
    /* Of an input or node that was refused: why, and by which of its inputs (n_inputs: by none of them). "": no memory. */
    char error[240];
    size_t wrong;
};

/* Both add a node and return its index; SIZE_MAX: it was refused. values are copied. A name is unique, or "". */
size_t gb_graph_input(struct gb_graph *graph, const char *name, const struct gb_tensor *shape, const double *values);
size_t gb_graph_add(struct gb_graph *graph, const char *name, enum gb_op op, const size_t *inputs, size_t n_inputs);

size_t gb_graph_find(const struct gb_graph *graph, const char *name); /* SIZE_MAX: there is none */

/* All values, from those of the inputs. */
gk_status gb_graph_forward(struct gb_graph *graph, gk_context *ctx);
/* All gradients of node `from`, with dout as its own (NULL: 1 in each element). Where a node is used more than once the parts
 * are added in one order: those of later nodes first, and of one node those of its inputs in their order. */
gk_status gb_graph_backward(struct gb_graph *graph, gk_context *ctx, size_t from, const double *dout);

void gb_graph_free(struct gb_graph *graph);

#endif
