#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "diagram.h"
#include "environment.h"
#include "graph_file.h"
#include "message.h"
#include "options.h"
#include "text.h"

enum {
    SHOWN = 10, /* elements of a tensor, in the table */
    DRAWN = 3,  /* and in a drawing */
    LABEL = 120,
    FORMULA = 4 * GB_NODE_NAME_MAX + 120,
};

struct graph_options {
    const char *graph;
    bool dot, svg, source, all;
    uint64_t digits;
};

/* --- the table */

/* "mul sum tax", "input [2x3]" */
static const char *formula(const struct gb_graph *g, const struct gb_node *node, char *text, size_t size) {
    char shape[96];
    snprintf(text, size, "%s", gb_op_word(node->op));
    for (size_t i = 0; i < node->n_inputs; i++) gb_text_append(text, size, " %s", g->nodes[node->inputs[i]].name);
    if (node->shape.rank) gb_text_append(text, size, " %s", gb_tensor_text(&node->shape, shape));
    return text;
}

/* "[1,2]" of an element, "" of a scalar's. */
static const char *element(const struct gb_tensor *shape, size_t index, char text[96]) {
    size_t at[GB_RANK_MAX];
    for (size_t i = shape->rank; i > 0; i--) at[i - 1] = index % shape->sizes[i - 1], index /= shape->sizes[i - 1];
    text[0] = '\0';
    for (size_t i = 0; i < shape->rank; i++) gb_text_append(text, 96, "%c%zu", i ? ',' : '[', at[i]);
    if (shape->rank) gb_text_append(text, 96, "]");
    return text;
}

static const char *number(double value, uint64_t digits, char text[40]) {
    snprintf(text, 40, "%.*g", (int)digits, value);
    return text;
}

struct table {
    const struct graph_options *options;
    int names, formulas, numbers; /* columns */
};

static void print_row(const struct table *t, const char *name, const char *is, double value, const double *gradient) {
    char text[2][40];
    printf("%-*s  %-*s  %*s  %*s\n", t->names, name, t->formulas, is, t->numbers, number(value, t->options->digits, text[0]),
           t->numbers, gradient ? number(*gradient, t->options->digits, text[1]) : "-");
}

/* A line each, below the name. gradient: NULL: they have none. */
static void print_elements(const struct table *t, const char *prefix, const struct gb_node *shaped, const double *values,
                           const double *gradient) {
    const size_t shown = t->options->all || shaped->count <= SHOWN ? shaped->count : SHOWN;
    char index[96], is[100];
    for (size_t i = 0; i < shown; i++) {
        snprintf(is, sizeof is, "%s%s", prefix, element(&shaped->shape, i, index));
        print_row(t, "", is, values[i], gradient ? &gradient[i] : NULL);
    }
    if (shown < shaped->count) printf("%-*s  (%zu more: --all)\n", t->names, "", shaped->count - shown);
}

/* Of a scalar one line, of a tensor one an element; of a loss the probabilities, too. */
static void print_node(const struct table *t, const struct gb_graph *g, const struct gb_node *node) {
    char text[FORMULA];
    const double *const gradient = node->reached ? node->gradient : NULL;
    formula(g, node, text, sizeof text);
    if (node->shape.rank == 0) {
        print_row(t, node->name, text, *node->value, gradient);
    } else {
        printf("%-*s  %s\n", t->names, node->name, text);
        print_elements(t, "", node, node->value, gradient);
    }
    if (node->p) print_elements(t, "p", &g->nodes[node->inputs[0]], node->p, NULL);
}

/* The widest text of the node in the column, or a little more: the last element's, of which those that come first are shown. */
static int formula_width(const struct gb_graph *g, const struct gb_node *node) {
    char text[FORMULA];
    const struct gb_node *const in = &g->nodes[node->inputs[0]];
    if (node->shape.rank) return (int)strlen(element(&node->shape, node->count - 1, text));
    const int own = (int)strlen(formula(g, node, text, sizeof text));
    const int p = node->p ? (int)strlen(element(&in->shape, in->count - 1, text)) + 1 : 0;
    return own > p ? own : p;
}

static void print_table(const struct graph_options *o, const struct gb_graph *g) {
    struct table t = {o, (int)strlen("node"), (int)strlen("is"), (int)o->digits + 8};
    for (size_t i = 0; i < g->count; i++) {
        const int name = (int)strlen(g->nodes[i].name), width = formula_width(g, &g->nodes[i]);
        if (name > t.names) t.names = name;
        if (width > t.formulas) t.formulas = width;
    }
    printf("%-*s  %-*s  %*s  %*s\n", t.names, "node", t.formulas, "is", t.numbers, "value", t.numbers, "gradient");
    for (size_t i = 0; i < g->count; i++) print_node(&t, g, &g->nodes[i]);
}

/* --- the drawing */

/* "715", "[2x3] 1 -2 0.5 .." */
static const char *label(const struct gb_node *node, const double *values, bool shape, uint64_t digits, char text[LABEL]) {
    char one[40], sizes[96];
    text[0] = '\0';
    if (shape && node->shape.rank) gb_text_append(text, LABEL, "%s ", gb_tensor_text(&node->shape, sizes));
    for (size_t i = 0; i < node->count && i < DRAWN; i++)
        gb_text_append(text, LABEL, "%s%s", i ? " " : "", number(values[i], digits, one));
    if (node->count > DRAWN) gb_text_append(text, LABEL, " ..");
    return text;
}

static int draw(const struct graph_options *o, const struct gb_graph *g) {
    struct gb_diagram_node *const nodes = calloc(g->count, sizeof *nodes);
    char(*const labels)[2][LABEL] = calloc(g->count, sizeof *labels);
    const struct gb_diagram diagram = {gb_input_name(o->graph), "above: values; below: gradients", nodes, g->count};
    bool good = nodes && labels;
    for (size_t i = 0; i < g->count && good; i++) {
        const struct gb_node *const node = &g->nodes[i];
        _Static_assert((int)GB_DIAGRAM_INPUTS_MAX >= (int)GB_OP_INPUTS_MAX, "there is room");
        nodes[i] = (struct gb_diagram_node){.symbol = gb_op_symbol(node->op), .name = node->name, .n_inputs = node->n_inputs};
        memcpy(nodes[i].inputs, node->inputs, node->n_inputs * sizeof *node->inputs);
        nodes[i].above = label(node, node->value, true, o->digits, labels[i][0]);
        nodes[i].below = node->reached ? label(node, node->gradient, false, o->digits, labels[i][1]) : "";
    }
    if (good && o->dot) gb_diagram_dot(stdout, &diagram);
    else if (good) good = gb_diagram_svg(stdout, &diagram);
    free(labels);
    free(nodes);
    return good ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the drawing");
}

/* --- the graph */

static int compute(struct gb_graph *g) {
    gk_context *ctx;
    gk_status status = gk_context_create(&ctx, &(gk_options){.threads = 1});
    if (status == GK_OK) status = gb_graph_forward(g, ctx);
    if (status == GK_OK) status = gb_graph_backward(g, ctx, g->count - 1, NULL);
    gk_context_destroy(ctx);
    if (status == GK_OK) return GB_EXIT_OK;
    return gb_fail(status == GK_ERROR_MEMORY ? GB_EXIT_RESOURCE : GB_EXIT_ISA, "%s", gk_status_string(status));
}

static int show(const struct graph_options *o, struct gb_graph *g) {
    if (o->svg && g->count > GB_DIAGRAM_NODES_MAX)
        return gb_fail(GB_EXIT_INPUT, "--svg draws up to %d nodes (%.400s has %zu; --dot leaves it to Graphviz)",
                       GB_DIAGRAM_NODES_MAX, gb_input_name(o->graph), g->count);
    const int code = compute(g);
    if (code != GB_EXIT_OK) return code;
    if (o->dot || o->svg) return draw(o, g);
    print_table(o, g);
    return GB_EXIT_OK;
}

static int show_text(const struct graph_options *o, const char *text, size_t size) {
    struct gb_parse_error error;
    struct gb_graph g = {.count = 0};
    const bool good = gb_graph_parse(&g, text, size, &error);
    int code = good ? GB_EXIT_OK : gb_input_fail("graph", o->graph, &error);
    if (good && o->source) fwrite(text, 1, size, stdout);
    else if (good) code = show(o, &g);
    gb_graph_free(&g);
    return code;
}

/* The example that a name of no file most likely stands for, or NULL. */
static const char *meant(const char *name) {
    struct gb_names names = {.count = 0};
    for (size_t i = 0; gb_graph_example_name(i); i++) gb_names_add(&names, gb_graph_example_name(i));
    return access(name, F_OK) == 0 ? NULL : gb_names_nearest(&names, name);
}

static int show_file(const struct graph_options *o) {
    char *text;
    size_t size;
    const char *const example = meant(o->graph);
    if (example)
        return gb_fail(GB_EXIT_INPUT, "%.400s is neither a file nor an example (did you mean '%s'?)", o->graph, example);
    const int read = gb_input_read("graph", o->graph, &text, &size);
    if (read != GB_EXIT_OK) return read;
    const int code = show_text(o, text, size);
    free(text);
    return code;
}

int gb_command_graph(int argc, char **argv) {
    struct gb_names names = {.count = 0};
    char examples[200], notes[1200];
    struct graph_options o = {.graph = NULL};
    const struct gb_flag options[] = {
        {"svg", GB_FLAG_SWITCH, &o.svg, .help = "draws it: values above the edges, gradients below"},
        {"dot", GB_FLAG_SWITCH, &o.dot, .help = "the same for Graphviz"},
        {"source", GB_FLAG_SWITCH, &o.source, .help = "prints the text of the graph"},
        {"digits", GB_FLAG_COUNT, &o.digits, "N", .help = "of each number (default: 12, in drawings 6)", .low = 1, .high = 17},
        {"all", GB_FLAG_SWITCH, &o.all, .help = "all elements of tensors, not the first 10"},
    };
    for (size_t i = 0; gb_graph_example_name(i); i++) gb_names_add(&names, gb_graph_example_name(i));
    gb_names_join(&names, examples, sizeof examples);
    snprintf(notes, sizeof notes,
             "GRAPH is an example (%s), a file, or - for standard input. A node a line, and nodes\n"
             "only of those on lines above:\n\n"
             "    x = input -2                     # a number, or a tensor: [2x3] 1 2 3 4 5 6, or [2x3] fill 0\n"
             "    y = input 5\n"
             "    q = add x y                      # add, mul, max a b; reciprocal, exp, sigmoid, relu x\n"
             "    z = affine x w b                 # x [n d] or [n ...], w [d m], and, if there is one, b [m]\n"
             "    L = softmax_xent z t             # the mean loss; t [n] classes, or as z: no gradient for them\n\n"
             "Gradients are those of the last node; of a tensor, those of the sum of its elements.",
             examples);
    const struct gb_syntax syntax = {
        .command = "graph",
        .summary = "Computes a graph forward and backward, and shows every value and gradient.",
        .operand = "GRAPH",
        .operand_target = &o.graph,
        .operand_words = names.list,
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes = notes,
    };
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    if (!o.graph) return gb_fail(GB_EXIT_USAGE, "graph takes an example (%s), a file, or -", examples);
    if (o.svg + o.dot + o.source > 1) return gb_fail(GB_EXIT_USAGE, "--svg, --dot and --source exclude each other");
    code = gb_environment_check();
    if (code != GB_EXIT_OK) return code;
    if (!o.digits) o.digits = o.svg || o.dot ? 6 : 12;
    const char *const example = gb_graph_example(o.graph);
    return example ? show_text(&o, example, strlen(example)) : show_file(&o);
}
