#include "graph_file.h"

static const struct {
    const char *name, *text;
} examples[] = {
    {"shop", "# Two apples at 100 and three oranges at 150, and the tax on both.\n"
             "apples = input 2\n"
             "apple = input 100\n"
             "oranges = input 3\n"
             "orange = input 150\n"
             "tax = input 1.1\n"
             "for_apples = mul apples apple\n"
             "for_oranges = mul oranges orange\n"
             "sum = add for_apples for_oranges\n"
             "total = mul sum tax\n"},
    {"product", "# f = (x + y) z\n"
                "x = input -2\n"
                "y = input 5\n"
                "z = input -4\n"
                "q = add x y\n"
                "f = mul q z\n"},
    {"sigmoid", "# 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))), gate by gate\n"
                "w0 = input 2\n"
                "x0 = input -1\n"
                "w1 = input -3\n"
                "x1 = input -2\n"
                "w2 = input -3\n"
                "minus = input -1\n"
                "one = input 1\n"
                "p = mul w0 x0\n"
                "q = mul w1 x1\n"
                "r = add p q\n"
                "s = add r w2\n"
                "t = mul s minus\n"
                "u = exp t\n"
                "v = add u one\n"
                "L = reciprocal v\n"},
    {"net", "# Two layers on a batch of two: affine, ReLU, affine, softmax with loss.\n"
            "x = input [2x3] 1 -2 0.5\n"
            "                0.5 1 -1\n"
            "w1 = input [3x2] 0.5 -1\n"
            "                 -0.25 1\n"
            "                 2 0.5\n"
            "b1 = input [2] fill 0.1\n"
            "w2 = input [2x3] 1 -1 0.5\n"
            "                 -0.5 2 1\n"
            "b2 = input [3] fill 0\n"
            "labels = input [2] 0 1\n"
            "a1 = affine x w1 b1\n"
            "h = relu a1\n"
            "a2 = affine h w2 b2\n"
            "loss = softmax_xent a2 labels\n"},
};

enum { EXAMPLES = sizeof examples / sizeof *examples };

const char *gb_graph_example(const char *name) {
    for (size_t i = 0; i < EXAMPLES; i++)
        if (strcmp(examples[i].name, name) == 0) return examples[i].text;
    return NULL;
}

const char *gb_graph_example_name(size_t number) { return number < EXAMPLES ? examples[number].name : NULL; }
