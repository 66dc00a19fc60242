/* Graphs: the worked examples of the study notes with every value and gradient, gradients by differences, the order of sums,
 * shapes; and their texts: what is refused, where, and that no text does harm. */
#include <math.h>

#include "call.h"
#include "gradients.h"
#include "graph_file.h"
#include "support_lineup.h"

static gk_context *contexts[GK_ISA_COUNT], *widest;
static size_t n_contexts;

static size_t one(struct gb_graph *g, const char *name, double value) {
    const size_t index = gb_graph_input(g, name, &(struct gb_tensor){0}, &value);
    assert_true(index == g->count - 1);
    return index;
}

static void parse(struct gb_graph *g, const char *text) {
    struct gb_parse_error error;
    *g = (struct gb_graph){0};
    if (!gb_graph_parse(g, text, strlen(text), &error)) fail_msg("%zu:%zu: %s", error.line, error.column, error.text);
}

static void compute(struct gb_graph *g, gk_context *ctx) {
    assert_int_equal(gb_graph_forward(g, ctx), GK_OK);
    assert_int_equal(gb_graph_backward(g, ctx, g->count - 1, NULL), GK_OK);
}

static const struct gb_node *node_of(const struct gb_graph *g, const char *name) {
    const size_t index = gb_graph_find(g, name);
    if (index == SIZE_MAX) fail_msg("no node %s", name);
    return &g->nodes[index];
}

struct known {
    const char *name;
    double value, gradient;
};

static void assert_known(const char *example, const struct known *known, double error) {
    struct gb_graph g;
    for (size_t i = 0; i < n_contexts; i++) {
        parse(&g, gb_graph_example(example));
        compute(&g, contexts[i]);
        size_t count = 0;
        for (; known[count].name; count++) {
            const struct gb_node *const node = node_of(&g, known[count].name);
            if (!(fabs(node->value[0] - known[count].value) <= error * fabs(known[count].value) &&
                  fabs(node->gradient[0] - known[count].gradient) <= error * fabs(known[count].gradient)))
                fail_msg("%s is %.17g, %.17g", node->name, node->value[0], node->gradient[0]);
        }
        assert_int_equal(count, g.count);
        gb_graph_free(&g);
    }
}

static void worked_example_1_shop(void **state) {
    (void)state;
    assert_known("shop",
                 (const struct known[]){{"apples", 2, 110},
                                        {"apple", 100, 2.2},
                                        {"oranges", 3, 165},
                                        {"orange", 150, 3.3},
                                        {"tax", 1.1, 650},
                                        {"for_apples", 200, 1.1},
                                        {"for_oranges", 450, 1.1},
                                        {"sum", 650, 1.1},
                                        {"total", 715, 1},
                                        {NULL, 0, 0}},
                 4e-16);
}

static void worked_example_2_product(void **state) {
    (void)state;
    assert_known("product",
                 (const struct known[]){{"x", -2, -4}, {"y", 5, -4}, {"z", -4, 3}, {"q", 3, -4}, {"f", -12, 1}, {NULL, 0, 0}},
                 0);
}

static void worked_example_3_sigmoid(void **state) {
    const double slope = 0.19661193324148188, back = -0.534446645388523;
    const struct known known[] = {{"w0", 2, -slope},
                                  {"x0", -1, 0.39322386648296376},
                                  {"w1", -3, -0.39322386648296376},
                                  {"x1", -2, -0.5898357997244457},
                                  {"w2", -3, slope},
                                  {"minus", -1, -slope},
                                  {"one", 1, back},
                                  {"p", -2, slope},
                                  {"q", 6, slope},
                                  {"r", 4, slope},
                                  {"s", 1, slope},
                                  {"t", -1, -slope},
                                  {"u", 0.36787944117144233, back},
                                  {"v", 1.3678794411714423, back},
                                  {"L", 0.7310585786300049, 1},
                                  {NULL, 0, 0}};
    struct gb_graph whole;
    (void)state;
    assert_known("sigmoid", known, 3e-16);
    parse(&whole, "s = input 1\nL = sigmoid s\n");
    compute(&whole, widest);
    assert_true(whole.nodes[1].value[0] == known[14].value && fabs(whole.nodes[0].gradient[0] - slope) <= 3e-17);
    gb_graph_free(&whole);
}

/* Every gradient of every input of the net by centred differences; so each operation but those of the scalars is seen. */
struct loss {
    struct gb_graph g;
};

static void loss_of(void *state, double *y) {
    struct gb_graph *const g = &((struct loss *)state)->g;
    assert_int_equal(gb_graph_forward(g, widest), GK_OK);
    *y = 0;
    for (size_t i = 0; i < g->nodes[g->count - 1].count; i++) *y += g->nodes[g->count - 1].value[i];
}

static void assert_gradients(const char *text, size_t expected) {
    struct loss loss;
    double numerical[100];
    size_t checked = 0;
    parse(&loss.g, text);
    compute(&loss.g, widest);
    for (size_t i = 0; i < loss.g.count; i++) {
        struct gb_node *const node = &loss.g.nodes[i];
        if (node->op != GB_OP_INPUT || !node->reached) continue;
        assert_true(
            gb_centred_differences(&(struct gb_function){loss_of, &loss, 1, NULL}, node->value, node->count, 1e-5, numerical));
        assert_true(gb_gradient_error(numerical, node->gradient, node->count) < 1e-7);
        checked += node->count;
    }
    assert_int_equal(checked, expected);
    gb_graph_free(&loss.g);
}

static void gradients_by_differences(void **state) {
    (void)state;
    assert_gradients(gb_graph_example("net"), 6 + 6 + 2 + 6 + 3);
    assert_gradients(gb_graph_example("sigmoid"), 7);
    assert_gradients("x = input [2x2x2] 1 2 -1 3 0.5 -2 1 4\nw = input [4x2] 1 2 3 4 5 6 7 8\ny = affine x w\n"
                     "t = input [2x2] 0.5 0.25 0.1 0.9\nl = softmax_xent y t\n",
                     8 + 8);
    assert_gradients("x = input [3] 1 -2 3\ny = input [3] 2 -5 0.1\nm = max x y\nr = reciprocal m\ne = exp r\na = add e x\n"
                     "p = mul a y\ns = sigmoid p\nq = relu s\n",
                     6);
}

/* x x + x: dx is 2 x + 1, whose parts come from the later node first, and of one node in the order of its inputs. */
static void a_node_that_is_used_twice(void **state) {
    struct gb_graph g;
    (void)state;
    parse(&g, "x = input 3\ny = mul x x\nz = add y x\nunused = exp z\nf = add z z\n");
    compute(&g, widest);
    assert_true(node_of(&g, "x")->gradient[0] == 14 && node_of(&g, "y")->gradient[0] == 2 && node_of(&g, "f")->value[0] == 24);
    assert_false(node_of(&g, "unused")->reached);
    assert_true(node_of(&g, "unused")->gradient[0] == 0);
    assert_true(node_of(&g, "f")->parts[0][0] == 1 && node_of(&g, "f")->parts[1][0] == 1);
    /* of another node, with what comes from above */
    assert_int_equal(gb_graph_backward(&g, widest, gb_graph_find(&g, "y"), (double[]){10}), GK_OK);
    assert_true(node_of(&g, "x")->gradient[0] == 60 && node_of(&g, "z")->gradient[0] == 0 && !node_of(&g, "f")->reached);
    gb_graph_free(&g);
    /* (-1e16 + 1e16) + 1, the last one first; and (1 - 1e16) + 1e16 */
    parse(&g, "x = input 1\na = input 1\nb = input 1e16\nc = input -1e16\npa = mul x a\npb = mul x b\npc = mul x c\n"
              "s = add pc pb\nf = add s pa\n");
    compute(&g, widest);
    assert_true(node_of(&g, "x")->gradient[0] == 1);
    gb_graph_free(&g);
    parse(&g, "x = input 1\na = input 1\nb = input 1e16\nc = input -1e16\npb = mul x b\npc = mul x c\npa = mul x a\n"
              "s = add pc pb\nf = add s pa\n");
    compute(&g, widest);
    assert_true(node_of(&g, "x")->gradient[0] == 0);
    gb_graph_free(&g);
}

static void assert_shape(const struct gb_graph *g, const char *name, const char *shape, size_t count) {
    char text[96];
    assert_string_equal(gb_tensor_text(&node_of(g, name)->shape, text), shape);
    assert_int_equal(node_of(g, name)->count, count);
}

/* A tensor is flattened to rows, and its gradient has its shape. */
static void shapes(void **state) {
    struct gb_graph g;
    (void)state;
    parse(&g, "x = input [2x1x2x3] 1 2 3 4 5 6\n7 8 9 # more\n\n 10 11 12\nw = input [6x4] fill 0.5\nb=input [4] fill -1\n"
              "y = affine x w b\r\nr = relu y\nt = input [2] 3 0\nl = softmax_xent r t\ns = input [3] 1 2 3\nk = input 1\n"
              "one = softmax_xent s k");
    compute(&g, widest);
    assert_shape(&g, "x", "[2x1x2x3]", 12);
    assert_shape(&g, "y", "[2x4]", 8);
    assert_shape(&g, "r", "[2x4]", 8);
    assert_shape(&g, "l", "", 1);
    assert_shape(&g, "one", "", 1);
    assert_true(node_of(&g, "x")->value[11] == 12 && node_of(&g, "w")->value[23] == 0.5 && node_of(&g, "b")->value[3] == -1);
    assert_true(node_of(&g, "y")->value[0] == 21 * 0.5 - 1 && node_of(&g, "y")->value[7] == 57 * 0.5 - 1);
    assert_true(fabs(node_of(&g, "l")->value[0] - log(4)) < 1e-15);
    assert_true(fabs(node_of(&g, "one")->value[0] - log(exp(1 - 2.) + 1 + exp(1))) < 1e-15);
    /* a class that is none any more is the kernel's to refuse */
    g.nodes[gb_graph_find(&g, "t")].value[1] = 1e300;
    assert_int_equal(gb_graph_forward(&g, widest), GK_ERROR_LABEL);
    gb_graph_free(&g);
}

/* What a program may get wrong. */
static void nodes_that_are_refused(void **state) {
    struct gb_graph g = {0};
    const struct gb_tensor none = {1, {0}}, huge = {3, {1 << 20, 1 << 20, 1 << 24}},
                           large = {1, {GB_GRAPH_ELEMENTS_MAX / 2 + 1}};
    char name[GB_NODE_NAME_MAX + 1];
    (void)state;
    const size_t x = one(&g, "x", 1);
    assert_true(gb_graph_input(&g, "x", &(struct gb_tensor){0}, (double[]){1}) == SIZE_MAX);
    assert_string_equal(g.error, "there is a 'x' already");
    assert_true(gb_graph_input(&g, "n", &none, NULL) == SIZE_MAX && gb_graph_input(&g, "n", &huge, NULL) == SIZE_MAX);
    assert_string_equal(g.error, "a tensor has 1 to 16777216 elements");
    assert_true(gb_graph_input(&g, "n", &large, NULL) == SIZE_MAX);
    assert_string_equal(g.error, "the graph has more than 16777216 values and gradients");
    assert_true(gb_graph_add(&g, "n", GB_OP_ADD, (size_t[]){x, 1}, 2) == SIZE_MAX);
    assert_string_equal(g.error, "a node comes after those that it is made of");
    assert_int_equal(g.wrong, 1);
    memset(name, 'n', sizeof name);
    name[GB_NODE_NAME_MAX] = '\0';
    assert_true(gb_graph_add(&g, name, GB_OP_EXP, &x, 1) == SIZE_MAX);
    assert_string_equal(g.error, "a name has at most 39 letters");
    /* without names, up to the most nodes */
    for (size_t i = g.count; i < GB_GRAPH_NODES_MAX; i++)
        assert_true(gb_graph_add(&g, "", GB_OP_ADD, (size_t[]){x, i - 1}, 2) == i);
    assert_true(gb_graph_add(&g, "", GB_OP_EXP, &x, 1) == SIZE_MAX);
    assert_string_equal(g.error, "the graph has more than 4096 nodes");
    compute(&g, widest);
    assert_true(g.nodes[g.count - 1].value[0] == GB_GRAPH_NODES_MAX && g.nodes[x].gradient[0] == GB_GRAPH_NODES_MAX);
    gb_graph_free(&g);
}

#define XY "x = input 1\ny = input [2] 1 2\n"
#define M  XY "m = input [2x2] 1 2 3 4\n"

static const struct {
    const char *text;
    size_t line, column;
    const char *said;
} wrong[] = {
    {"", 1, 1, "the text holds no node"},
    {"# nothing\n\n  \t\r\n", 1, 1, "the text holds no node"},
    {"x", 1, 2, "expected = after the name 'x' (nothing follows)"},
    {"x input 1", 1, 3, "expected = after the name 'x' (got 'input')"},
    {"= input 1", 1, 1, "a name has 1 to 39 characters (got '=')"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = input 1", 1, 1,
     "a name has 1 to 39 characters (got 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')"},
    {"x =", 1, 4,
     "expected one of input, add, mul, max, reciprocal, exp, sigmoid, relu, affine, softmax_xent (nothing follows)"},
    {"x = inptu 1", 1, 5,
     "unknown operation 'inptu' (did you mean 'input'? allowed: input, add, mul, max, reciprocal, exp, sigmoid, relu, affine, "
     "softmax_xent)"},
    {"x = input", 1, 10, "expected a number, 1 of 1 (nothing follows)"},
    {"x = input one", 1, 11, "expected a number, 1 of 1 (got 'one')"},
    {"x = input +1", 1, 11, "expected a number, 1 of 1 (got '+1')"},
    {"x = input --1", 1, 11, "expected a number, 1 of 1 (got '--1')"},
    {"x = input nan", 1, 11, "expected a number, 1 of 1 (got 'nan')"},
    {"x = input 1e999", 1, 11, "expected a number, 1 of 1 (got '1e999')"},
    {"x = input 0x10", 1, 11, "expected a number, 1 of 1 (got '0x10')"},
    {"x = input 1 2", 1, 13, "expected the end of the line (got '2')"},
    {"x = input 1\nx = input 2", 2, 1, "there is a 'x' already"},
    {"x = input [2] 1 2 3", 1, 19, "expected the end of the line (got '3')"},
    {"x = input [2] 1\ny = input 3", 2, 1, "expected a number, 2 of 2 (got 'y')"},
    {"x = input [2x2] 1 2\n3", 2, 2, "expected a number, 4 of 4 (nothing follows)"},
    {"x = input [2] fill", 1, 19, "expected a number, 1 of 1 (nothing follows)"},
    {"x = input [2] fill 1 2", 1, 22, "expected the end of the line (got '2')"},
    {"x = input [2 3] 1", 1, 11, "a shape is written as [3] or [10x2x3] (got '[2')"},
    {"x = input [] 1", 1, 11, "a shape has 1 to 4 sizes from 1 to 16777216 (got '[]')"},
    {"x = input [0] 1", 1, 11, "a shape has 1 to 4 sizes from 1 to 16777216 (got '[0]')"},
    {"x = input [2x] 1", 1, 11, "a shape has 1 to 4 sizes from 1 to 16777216 (got '[2x]')"},
    {"x = input [1x1x1x1x1] 1", 1, 11, "a shape has 1 to 4 sizes from 1 to 16777216 (got '[1x1x1x1x1]')"},
    {"x = input [18446744073709551617] 1", 1, 11, "a shape has 1 to 4 sizes from 1 to 16777216 (got '[18446744073709551617]')"},
    {"x = input [16777216x16777216x16777216] fill 1", 1, 11, "a tensor has 1 to 16777216 elements"},
    {"x = input [16777216] fill 1", 1, 5, "the graph has more than 16777216 values and gradients"},
    {"x = input [2] 1\n2\ny = exp z", 3, 9, "unknown node 'z'"},
    {"apple = input 1\ny = exp aple", 2, 9, "unknown node 'aple' (did you mean 'apple'?)"},
    {"y = exp y", 1, 9, "'y' is made of itself: a cycle"},
    {"# a cycle\nx = exp y # y = not here\n\ny = exp x", 2, 9,
     "'y' comes later, on line 4: a node comes after those that it is made of, without a cycle"},
    {"x = input 1\ny = add x", 2, 5, "add takes 2 nodes (got 1)"},
    {"x = input 1\ny = exp x x", 2, 5, "exp takes 1 node (got 2)"},
    {"x = input 1\ny = add x x x x", 2, 15, "expected the end of the line (got 'x')"},
    {XY "z = add x y", 3, 11, "add wants the shape of 'x', a scalar, of 'y' (it is [2])"},
    {XY "z = mul y x", 3, 11, "mul wants the shape of 'y', [2], of 'x' (it is a scalar)"},
    {XY "z = affine y y", 3, 12, "affine wants rows, [n d] or [n ...], of 'y' (it is [2])"},
    {M "w = input [3x2] fill 1\nz = affine m w", 5, 14, "affine wants a matrix of 2 rows of 'w' (it is [3x2])"},
    {M "z = affine m y", 4, 14, "affine wants a matrix of 2 rows of 'y' (it is [2])"},
    {M "b = input [3] fill 0\nz = affine m m b", 5, 16, "affine wants a vector of 2 of 'b' (it is [3])"},
    {M "z = affine m", 4, 5, "affine takes 2 or 3 nodes (got 1)"},
    {XY "z = softmax_xent x x", 3, 18, "softmax_xent wants classes, [c] or [n c], of 'x' (it is a scalar)"},
    {M "t = input [3] fill 0\nz = softmax_xent m t", 5, 20,
     "softmax_xent wants labels: one number a row, or one a class, of 't' (it is [3])"},
    {M "t = input [2] 0 2\nz = softmax_xent m t", 5, 20, "a label is a class from 0 to 1 ('t' has 2)"},
    {M "t = input [2] 0 0.5\nz = softmax_xent m t", 5, 20, "a label is a class from 0 to 1 ('t' has 0.5)"},
    {M "t = input [2] -1 1\nz = softmax_xent m t", 5, 20, "a label is a class from 0 to 1 ('t' has -1)"},
    {M "t = exp y\nz = softmax_xent m t", 5, 20, "class indices are an input ('t' is none)"},
    {"x = input 1 \x01", 1, 13, "a byte that is no printable ASCII (got 0x01)"},
    {"x = input 1 \xc3\xa4", 1, 13, "a byte that is no printable ASCII (got 0xc3)"},
    {"x = input 1\rx", 1, 12, "a byte that is no printable ASCII (got 0x0d)"},
    {"\x7f"
     "ELF",
     1, 1, "a byte that is no printable ASCII (got 0x7f)"},
};

static void texts_that_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct gb_graph g = {0};
        struct gb_parse_error error;
        assert_false(gb_graph_parse(&g, wrong[i].text, strlen(wrong[i].text), &error));
        if (strcmp(error.text, wrong[i].said) != 0 || error.line != wrong[i].line || error.column != wrong[i].column)
            fail_msg("%s\nis refused: %zu:%zu: %s", wrong[i].text, error.line, error.column, error.text);
        gb_graph_free(&g);
    }
}

/* Cut off anywhere, with any byte anywhere: it is read, or refused at a place that is in it. */
static void any_text(void **state) {
    const char *const text = gb_graph_example("net");
    const size_t size = strlen(text);
    char changed[1000];
    size_t refused = 0;
    (void)state;
    assert_true(size < sizeof changed);
    for (size_t i = 0; i < 2 * size + 256 * 8; i++) {
        struct gb_graph g = {0};
        struct gb_parse_error error = {.line = 0};
        memcpy(changed, text, size);
        const size_t length = i < size ? i : size;
        if (i >= size && i < 2 * size) changed[i - size] = '\0';
        if (i >= 2 * size) changed[(i - 2 * size) * 37 % size] = (char)(i - 2 * size);
        if (!gb_graph_parse(&g, changed, length, &error)) {
            refused++;
            assert_true(error.line >= 1 && error.line <= 20 && error.column >= 1 && error.column <= 100 && *error.text);
        }
        gb_graph_free(&g);
    }
    assert_true(refused > size);
}

/* A chain as long as a graph may be, and one node more. */
static void a_deep_text(void **state) {
    const size_t room = (GB_GRAPH_NODES_MAX + 1) * 30;
    char *const text = calloc(room, 1);
    struct gb_parse_error error;
    struct gb_graph g = {0};
    size_t used = (size_t)sprintf(text, "n0 = input 0.5\n");
    (void)state;
    for (size_t i = 1; i < GB_GRAPH_NODES_MAX; i++)
        used += (size_t)snprintf(text + used, room - used, "n%zu = sigmoid n%zu\n", i, i - 1);
    parse(&g, text);
    compute(&g, widest);
    assert_int_equal(g.count, GB_GRAPH_NODES_MAX);
    assert_true(fabs(g.nodes[g.count - 1].value[0] - 0.659046) < 1e-6);
    gb_graph_free(&g);
    snprintf(text + used, room - used, "more = exp n0\n");
    assert_false(gb_graph_parse(&g, text, strlen(text), &error));
    assert_string_equal(error.text, "the graph has more than 4096 nodes");
    assert_true(error.line == GB_GRAPH_NODES_MAX + 1 && error.column == 8);
    gb_graph_free(&g);
    free(text);
}

static void examples(void **state) {
    static const char *const names[] = {"shop", "product", "sigmoid", "net"};
    (void)state;
    for (size_t i = 0; i < 4; i++) assert_string_equal(gb_graph_example_name(i), names[i]);
    assert_null(gb_graph_example_name(4));
    assert_null(gb_graph_example("nothing"));
}

static void read_and_compute(void) {
    struct gb_graph g;
    parse(&g, gb_graph_example("net"));
    compute(&g, widest);
    gb_graph_free(&g);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct gb_parse_error error;
        gb_graph_parse(&g, wrong[i].text, strlen(wrong[i].text), &error);
        gb_graph_free(&g);
    }
}

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(read_and_compute);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example_1_shop),
        cmocka_unit_test(worked_example_2_product),
        cmocka_unit_test(worked_example_3_sigmoid),
        cmocka_unit_test(gradients_by_differences),
        cmocka_unit_test(a_node_that_is_used_twice),
        cmocka_unit_test(shapes),
        cmocka_unit_test(nodes_that_are_refused),
        cmocka_unit_test(texts_that_are_refused),
        cmocka_unit_test(any_text),
        cmocka_unit_test(a_deep_text),
        cmocka_unit_test(examples),
        cmocka_unit_test(nothing_is_kept),
    };
    n_contexts = gb_open_contexts(contexts, 1);
    widest = contexts[n_contexts - 1];
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_close_contexts(contexts, n_contexts);
    return failed;
}
