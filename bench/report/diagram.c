#include "diagram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diagram_layout.h"
#include "markup.h"
#include "svg.h"

/* Pixels. Texts are monospaced: a letter is 0.6 of its size wide. */
enum { MARGIN = 16, FONT = 13, SMALL_FONT = 11, BOX_HEIGHT = 30, NODE_HEIGHT = 64, BEND_HEIGHT = 28, GAP = 44, PADDING = 10 };

static const char style[] = "svg { background: #fff; }\n"
                            "text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1a1a1a; }\n"
                            ".box { fill: #eef2f7; stroke: #4a5568; }\n"
                            ".wire { fill: none; stroke: #4a5568; }\n"
                            ".symbol { text-anchor: middle; }\n"
                            ".input { text-anchor: end; }\n"
                            ".name { font-size: 11px; text-anchor: middle; fill: #5a6575; }\n"
                            ".above { text-anchor: middle; fill: #0b6b2e; }\n"
                            ".below { text-anchor: middle; fill: #b3261e; }\n"
                            ".caption { font-size: 11px; fill: #5a6575; }\n";

struct column {
    double x, box, wire; /* its left edge, the widest box, the longest label of a wire that leaves it */
};

struct picture {
    FILE *out;
    const struct gb_diagram *diagram;
    struct gb_diagram_layout layout;
    struct column *columns;
};

/* Characters of UTF-8. */
static double width_of(const char *text, double font) {
    double count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
    return count * 0.6 * font;
}

static bool has_box(const struct gb_diagram_node *node) { return *node->symbol; }

static double box_of(const struct gb_diagram_node *node) {
    return has_box(node) ? fmax(BOX_HEIGHT, width_of(node->symbol, FONT) + 2 * PADDING) : width_of(node->name, FONT);
}

static double width_of_node(const struct gb_diagram_node *node) {
    return has_box(node) ? fmax(box_of(node), width_of(node->name, SMALL_FONT)) : box_of(node);
}

static double width_of_wire(const struct gb_diagram_node *node) {
    return fmax(width_of(node->above, FONT), width_of(node->below, FONT)) + 2 * PADDING;
}

/* The picture's width. */
static double set_columns(struct picture *p) {
    const struct gb_diagram_layout *const l = &p->layout;
    double x = MARGIN;
    for (size_t i = 0; i < l->count; i++) {
        struct column *const c = &p->columns[l->items[i].layer];
        const struct gb_diagram_node *const node = &p->diagram->nodes[l->items[i].node];
        if (l->items[i].bend) continue;
        c->box = fmax(c->box, width_of_node(node));
        c->wire = fmax(c->wire, width_of_wire(node));
    }
    for (size_t i = 0; i < l->layers; i++) {
        p->columns[i].x = x;
        x += p->columns[i].box + p->columns[i].wire + GAP;
    }
    return x - GAP + MARGIN;
}

/* Where an item's wire begins, and where it branches off to the next layer. */
static double left_of(const struct picture *p, const struct gb_diagram_item *item) {
    const struct column *const c = &p->columns[item->layer];
    return item->bend ? c->x : c->x + (c->box - box_of(&p->diagram->nodes[item->node])) / 2;
}

static double right_of(const struct picture *p, const struct gb_diagram_item *item) {
    const struct column *const c = &p->columns[item->layer];
    const struct gb_diagram_node *const node = &p->diagram->nodes[item->node];
    return !has_box(node) ? c->x + c->box + PADDING / 2 : left_of(p, item) + box_of(node);
}

static double end_of(const struct picture *p, size_t layer) {
    return p->columns[layer].x + p->columns[layer].box + p->columns[layer].wire;
}

/* Straight through the item's own column. */
static void draw_wire(const struct picture *p, const struct gb_diagram_item *item) {
    char path[120];
    const double y = MARGIN + item->y;
    snprintf(path, sizeof path, "M%.1f %.1fH%.1f", item->bend ? left_of(p, item) : right_of(p, item), y,
             end_of(p, item->layer));
    gb_svg_path(p->out, "wire", path);
}

/* Edges reach a box from the top on in the order of where they come from. */
static double port(const struct picture *p, const struct gb_diagram_item *item, size_t input) {
    const struct gb_diagram_item *const items = p->layout.items;
    double rank = 0;
    for (size_t i = 0; i < item->n_from; i++)
        rank += items[item->from[i]].y < items[item->from[input]].y || (item->from[i] == item->from[input] && i < input);
    return item->y + (rank - (double)(item->n_from - 1) / 2) * BOX_HEIGHT / (double)(GB_DIAGRAM_INPUTS_MAX + 1);
}

static void draw_edges(const struct picture *p, const struct gb_diagram_item *item) {
    for (size_t i = 0; i < item->n_from; i++) {
        const struct gb_diagram_item *const from = &p->layout.items[item->from[i]];
        const double x = end_of(p, from->layer), y = MARGIN + from->y, to = p->columns[item->layer].x;
        const double to_y = MARGIN + (item->bend ? item->y : port(p, item, i));
        char path[200];
        snprintf(path, sizeof path, "M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fH%.1f", x, y, (x + to) / 2, y, (x + to) / 2, to_y,
                 to, to_y, left_of(p, item));
        gb_svg_path(p->out, "wire", path);
    }
}

static void draw_node(const struct picture *p, const struct gb_diagram_item *item) {
    const struct gb_diagram_node *const node = &p->diagram->nodes[item->node];
    const double x = left_of(p, item), y = MARGIN + item->y, width = box_of(node);
    const double label = (right_of(p, item) + end_of(p, item->layer)) / 2;
    if (has_box(node)) {
        gb_markup_open(p->out, "rect");
        gb_markup_word(p->out, "class", "box");
        gb_markup_number(p->out, "x", x);
        gb_markup_number(p->out, "y", y - BOX_HEIGHT / 2.0);
        gb_markup_number(p->out, "width", width);
        gb_markup_number(p->out, "height", BOX_HEIGHT);
        gb_markup_number(p->out, "rx", BOX_HEIGHT / 2.0);
        gb_markup_close(p->out, "rect", NULL);
        gb_svg_text(p->out, x + width / 2, y + 4.5, "symbol", node->symbol);
        gb_svg_text(p->out, x + width / 2, y + BOX_HEIGHT / 2.0 + 13, "name", node->name);
    } else {
        gb_svg_text(p->out, right_of(p, item) - PADDING / 2, y + 4.5, "input", node->name);
    }
    gb_svg_text(p->out, label, y - 6, "above", node->above);
    gb_svg_text(p->out, label, y + 16, "below", node->below);
}

static void draw(struct picture *p) {
    const double width = fmax(set_columns(p), width_of(p->diagram->caption, SMALL_FONT) + 2 * MARGIN);
    const double height = p->layout.height + 2 * MARGIN + 2 * SMALL_FONT;
    gb_svg_begin(p->out, ceil(width), ceil(height), p->diagram->title, style);
    for (size_t i = 0; i < p->layout.count; i++) {
        draw_edges(p, &p->layout.items[i]);
        draw_wire(p, &p->layout.items[i]);
    }
    for (size_t i = 0; i < p->diagram->count; i++) draw_node(p, &p->layout.items[i]);
    gb_svg_text(p->out, MARGIN, height - MARGIN, "caption", p->diagram->caption);
    gb_svg_end(p->out);
}

bool gb_diagram_svg(FILE *out, const struct gb_diagram *diagram) {
    struct picture p = {.out = out, .diagram = diagram};
    if (!gb_diagram_layout(diagram, NODE_HEIGHT, BEND_HEIGHT, &p.layout)) return false;
    p.columns = calloc(p.layout.layers, sizeof *p.columns);
    if (p.columns) draw(&p);
    free(p.columns);
    free(p.layout.items);
    return p.columns;
}

/* Inside of quotes; what cannot be printed becomes '?'. */
static void put_quoted(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
    }
}

/* One line above the other. */
static void put_label(FILE *out, const char *above, const char *below) {
    fputs(" [label=\"", out);
    put_quoted(out, above);
    if (*above && *below) fputs("\\n", out);
    put_quoted(out, below);
    fputc('"', out);
}

static size_t uses_of(const struct gb_diagram *d, size_t node) {
    size_t count = 0;
    for (size_t i = node; i < d->count; i++)
        for (size_t k = 0; k < d->nodes[i].n_inputs; k++) count += d->nodes[i].inputs[k] == node;
    return count;
}

/* What flows is said once: on the edge to the only user of a node, else on one to a point from which edges go to all. */
void gb_diagram_dot(FILE *out, const struct gb_diagram *d) {
    fputs("digraph {\n  rankdir=LR;\n  graph", out);
    put_label(out, d->title, d->caption);
    fputs("];\n", out);
    for (size_t i = 0; i < d->count; i++) {
        const struct gb_diagram_node *const node = &d->nodes[i];
        fprintf(out, "  n%zu", i);
        put_label(out, node->symbol, node->name);
        fprintf(out, ", shape=%s];\n", has_box(node) ? "ellipse" : "plaintext");
        if (uses_of(d, i) == 1) continue;
        fprintf(out, "  w%zu [shape=point];\n  n%zu -> w%zu", i, i, i);
        put_label(out, node->above, node->below);
        fputs(", arrowhead=none];\n", out);
    }
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->nodes[i].n_inputs; k++) {
            const size_t from = d->nodes[i].inputs[k];
            const bool only = uses_of(d, from) == 1;
            fprintf(out, "  %c%zu -> n%zu", only ? 'n' : 'w', from, i);
            if (only) put_label(out, d->nodes[from].above, d->nodes[from].below), fputc(']', out);
            fputs(";\n", out);
        }
    fputs("}\n", out);
}
