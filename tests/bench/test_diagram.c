/* Drawings: what SVG and DOT must escape, a layout without overlaps, wires that are straight, few crossings. */
#include <math.h>

#include "diagram.h"
#include "diagram_layout.h"
#include "markup.h"
#include "support.h"
#include "support_said.h"
#include "svg.h"
#include "training_plot.h"

static char *text;
static size_t size;

static FILE *begin(void) {
    free(text);
    FILE *const out = open_memstream(&text, &size);
    assert_non_null(out);
    return out;
}

static void escapes(void **state) {
    static const struct {
        const char *said, *escaped;
    } table[] = {
        {"plain", "plain"},
        {"<script>\"it's\" & more</script>", "&lt;script&gt;&quot;it&#39;s&quot; &amp; more&lt;/script&gt;"},
        {"a\nb\tc\x01\x7f", "a?b?c??"},
        {"\xc3\x97 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\x97 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc3", "?"},                          /* cut off */
        {"\xc3<", "?&lt;"},                     /* what follows is seen */
        {"\xe2\x82", "??"},                     /* cut off */
        {"\xc0\xbc", "??"},                     /* < in two bytes */
        {"\xe0\x80\xbc", "???"},                /* and in three */
        {"\xf0\x80\x80\xbc", "????"},           /* and in four */
        {"\xed\xa0\x80", "???"},                /* half of a pair */
        {"\xf4\x90\x80\x80\xf5\x80", "??????"}, /* above the last character */
        {"\xef\xbf\xbe\xef\xbf\xbf", "??????"}, /* no characters */
        {"\xef\xbf\xbd\x80", "\xef\xbf\xbd?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        FILE *out = begin();
        gb_markup_escape(out, table[i].said);
        fclose(out);
        assert_string_equal(text, table[i].escaped);
    }
    FILE *const out = begin();
    gb_svg_begin(out, 100, 50.5, "<title>", "");
    gb_svg_text(out, 1, 2.25, "\"", "<b>");
    gb_markup_open(out, "rect");
    gb_markup_number(out, "x", -3);
    gb_markup_close(out, "rect", NULL);
    gb_svg_end(out);
    fclose(out);
    assert_string_equal(text, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"100\" height=\"50.5\" "
                              "viewBox=\"0 0 100 50\">\n<title>&lt;title&gt;</title>\n<style>\n</style>\n"
                              "<text x=\"1\" y=\"2.2\" class=\"&quot;\">&lt;b&gt;</text>\n<rect x=\"-3\"/>\n</svg>\n");
}

enum { NODES = GB_DIAGRAM_NODES_MAX };

static struct gb_diagram_node nodes[NODES];
static char names[NODES][40];

/* Inputs, and nodes of up to three before them, by a seed. */
static struct gb_diagram random_diagram(size_t count, uint64_t random) {
    for (size_t i = 0; i < count; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const size_t inputs = i < 3 ? 0 : (random >> 33) % 4;
        snprintf(names[i], sizeof names[i], "%.*s%zu", (int)((random >> 40) % 16), "a_long_name_of_", i);
        nodes[i] = (struct gb_diagram_node){.symbol = inputs ? "+" : "", .name = names[i], .n_inputs = inputs};
        nodes[i].above = names[(i * 7) % count], nodes[i].below = names[(i * 5) % count];
        for (size_t k = 0; k < inputs; k++) nodes[i].inputs[k] = i - 1 - (random >> (8 * k)) % (k == 2 ? i : i < 6 ? i : 6);
    }
    return (struct gb_diagram){"random", "caption", nodes, count};
}

/* Each item comes right after those that it comes from, and none overlaps another; all heights are from 0 on. */
static void layouts(void **state) {
    (void)state;
    for (size_t seed = 0; seed < 60; seed++) {
        struct gb_diagram_layout l, again;
        const struct gb_diagram d = random_diagram(seed == 59 ? 120 : 1 + seed, seed);
        double top = INFINITY;
        assert_true(gb_diagram_layout(&d, 60, 20, &l) && gb_diagram_layout(&d, 60, 20, &again));
        assert_int_equal(l.count, again.count);
        for (size_t i = 0; i < l.count; i++) {
            const struct gb_diagram_item *const a = &l.items[i];
            assert_true(a->layer < l.layers && a->bend == (i >= d.count) && a->y == again.items[i].y);
            assert_int_equal(a->n_from, a->bend ? 1 : d.nodes[i].n_inputs);
            top = fmin(top, a->y - a->height / 2);
            assert_true(a->y + a->height / 2 <= l.height + 1e-6);
            for (size_t k = 0; k < a->n_from; k++) {
                assert_int_equal(l.items[a->from[k]].layer + 1, a->layer);
                assert_int_equal(l.items[a->from[k]].node, a->bend ? a->node : d.nodes[i].inputs[k]);
            }
            for (size_t j = 0; j < i; j++) {
                const struct gb_diagram_item *const b = &l.items[j];
                if (a->layer != b->layer) continue;
                assert_true(fabs(a->y - b->y) >= (a->height + b->height) / 2 - 1e-6);
                assert_true(a->place != b->place && (a->place < b->place) == (a->y < b->y));
            }
        }
        assert_true(fabs(top) < 1e-9);
        free(l.items);
        free(again.items);
    }
}

/* A tree has no crossings, in whatever order its leaves come; a chain is straight. */
static void trees_and_chains(void **state) {
    static const size_t leaves[] = {5, 2, 0, 7, 3, 1, 6, 4};
    struct gb_diagram_layout l;
    (void)state;
    struct gb_diagram d = random_diagram(15, 1);
    for (size_t i = 0; i < 15; i++) nodes[i].n_inputs = i < 8 ? 0 : 2;
    for (size_t i = 8; i < 15; i++)
        for (size_t k = 0; k < 2; k++) nodes[i].inputs[k] = i < 12 ? leaves[2 * (i - 8) + k] : 2 * (i - 12) + 8 + k;
    assert_true(gb_diagram_layout(&d, 60, 20, &l));
    assert_int_equal(l.count, 15);
    for (size_t i = 8; i < 15; i++)
        for (size_t j = 8; j < i; j++)
            for (size_t k = 0; k < 4; k++) {
                const struct gb_diagram_item *const a = &l.items[i], *const b = &l.items[j];
                const double before = l.items[a->from[k / 2]].y - l.items[b->from[k % 2]].y;
                if (a->layer == b->layer) assert_true(before * (a->y - b->y) > 0);
            }
    free(l.items);
    for (size_t i = 0; i < 15; i++) nodes[i].n_inputs = i > 0, nodes[i].inputs[0] = i - 1;
    assert_true(gb_diagram_layout(&d, 60, 20, &l));
    for (size_t i = 0; i < 15; i++) assert_true(l.items[i].y == 30 && l.items[i].layer == i);
    free(l.items);
    /* an input stands right before the node that needs it */
    for (size_t i = 0; i < 14; i++) nodes[i].n_inputs = i > 0 && i < 13, nodes[i].inputs[0] = i - 1;
    nodes[14].n_inputs = 2, nodes[14].inputs[0] = 12, nodes[14].inputs[1] = 13;
    assert_true(gb_diagram_layout(&d, 60, 20, &l));
    assert_true(l.items[13].layer == 12 && l.items[14].layer == 13 && l.count == 15);
    free(l.items);
}

struct box {
    double left, right, top, bottom;
};

/* The boxes of all texts of a drawing, in monospaced letters. */
static size_t text_boxes(struct box *boxes, size_t most) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "<text ")); at++) {
        double x, y;
        char css[20], said[80];
        if (sscanf(at, "<text x=\"%lf\" y=\"%lf\" class=\"%19[a-z]\">%79[^<]", &x, &y, css, said) != 4) continue;
        const double font = strcmp(css, "name") == 0 || strcmp(css, "caption") == 0 ? 11 : 13;
        const double width = 0.6 * font * (double)strlen(said);
        const double left = strcmp(css, "caption") == 0 ? x : strcmp(css, "input") == 0 ? x - width : x - width / 2;
        assert_true(count < most);
        boxes[count++] = (struct box){left, left + width, y - 0.8 * font, y + 0.2 * font};
    }
    return count;
}

static void texts_do_not_overlap(void **state) {
    static struct box boxes[4 * NODES];
    (void)state;
    for (size_t seed = 0; seed < 40; seed++) {
        const struct gb_diagram d = random_diagram(2 + seed, seed);
        double width, height;
        FILE *const out = begin();
        assert_true(gb_diagram_svg(out, &d));
        fclose(out);
        assert_int_equal(sscanf(strstr(text, " width="), " width=\"%lf\" height=\"%lf\"", &width, &height), 2);
        const size_t count = text_boxes(boxes, 4 * NODES);
        size_t expected = 1;
        for (size_t i = 0; i < d.count; i++) expected += d.nodes[i].n_inputs ? 4 : 3;
        assert_int_equal(count, expected);
        for (size_t i = 0; i < count; i++) {
            const struct box *const a = &boxes[i];
            assert_true(a->left >= 0 && a->top >= 0 && a->right <= width && a->bottom <= height);
            for (size_t j = 0; j < i; j++) {
                const struct box *const b = &boxes[j];
                if (a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom)
                    fail_msg("seed %zu: two texts overlap at %g, %g", seed, a->left, a->top);
            }
        }
    }
}

/* As large as it may be, with wires over all layers. */
static void the_largest(void **state) {
    (void)state;
    struct gb_diagram d = random_diagram(NODES, 1);
    for (size_t i = 0; i < NODES; i++)
        nodes[i] = (struct gb_diagram_node){"+", names[i], "1", "2", {i ? i - 1 : 0, i / 2, i / 3}, i ? 3 : 0};
    FILE *const out = begin();
    assert_true(gb_diagram_svg(out, &d));
    fclose(out);
    assert_int_equal(gb_count_in(text, "<rect "), NODES);
    assert_int_equal(gb_count_in(text, "<text "), 4 * NODES + 1);
}

/* What flows is said once, whatever uses it; names with quotes and line ends stay in theirs. */
static void dot(void **state) {
    static const struct gb_diagram_node few[] = {
        {"", "a\"\\b", "1", "2", {0}, 0}, {"+", "c\n\x7f", "3", "", {0, 0}, 2}, {"exp", "e", "<4>", "5", {1}, 1}};
    (void)state;
    FILE *const out = begin();
    gb_diagram_dot(out, &(struct gb_diagram){"t", "c", few, 3});
    fclose(out);
    assert_string_equal(text, "digraph {\n  rankdir=LR;\n  graph [label=\"t\\nc\"];\n"
                              "  n0 [label=\"a\\\"\\\\b\", shape=plaintext];\n"
                              "  w0 [shape=point];\n  n0 -> w0 [label=\"1\\n2\", arrowhead=none];\n"
                              "  n1 [label=\"+\\nc??\", shape=ellipse];\n"
                              "  n2 [label=\"exp\\ne\", shape=ellipse];\n"
                              "  w2 [shape=point];\n  n2 -> w2 [label=\"<4>\\n5\", arrowhead=none];\n"
                              "  w0 -> n1;\n  w0 -> n1;\n  n1 -> n2 [label=\"3\"];\n}\n");
}

static void draw_once(void) {
    const struct gb_diagram d = random_diagram(30, 3);
    FILE *const out = begin();
    assert_true(gb_diagram_svg(out, &d));
    fclose(out);
}

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(draw_once);
}

/* The place of what stands at the end of a curve. */
static double height_of(const char *name) {
    char words[40];
    snprintf(words, sizeof words, ">%s</text>", name);
    const char *at = strstr(text, words);
    assert_non_null(at);
    while (memcmp(at, " y=\"", 4) != 0) at--;
    return strtod(at + 4, NULL);
}

/* However near the curves end, and in the order in which they do. */
static void names_of_curves_are_apart(void **state) {
    static const double ends[][2] = {{0.2, 0.25}, {0.25, 0.2}, {0.2, 0.2}, {0, 0}, {1, 1}, {0.001, 0}, {0.9, 0.1}};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const struct gb_training_point points[] = {{1, 1, 0.1}, {ends[i][0], ends[i][1], 0.9}};
        FILE *const out = begin();
        gb_training_svg(out, "", points, 2);
        fclose(out);
        const double train = height_of("training"), test = height_of("test");
        if (fabs(train - test) < 15.9 || (ends[i][0] > ends[i][1] && train > test) || (ends[i][0] < ends[i][1] && train < test))
            fail_msg("%g, %g: %g, %g", ends[i][0], ends[i][1], train, test);
        assert_true(train < 278 && test < 278); /* above the numbers of the epochs */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),          cmocka_unit_test(layouts),
        cmocka_unit_test(trees_and_chains), cmocka_unit_test(texts_do_not_overlap),
        cmocka_unit_test(the_largest),      cmocka_unit_test(dot),
        cmocka_unit_test(nothing_is_kept),  cmocka_unit_test(names_of_curves_are_apart),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(text);
    return failed;
}
