#include "diagram_layout.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER_SWEEPS = 12, HEIGHT_SWEEPS = 24 };

#define NONE SIZE_MAX

/* Items of a layer that touch, and where their wishes draw them together. */
struct run {
    double mean, count;
};

/* What the sweeps work on. */
struct work {
    struct gb_diagram_layout *layout;
    size_t *rows, *best; /* items, layer by layer, each in its order; the one with the fewest crossings */
    size_t *starts;      /* of a layer in rows; one more than there are layers */
    double *wish;        /* of an item: where its neighbours draw it */
    struct run *runs;
};

/* A node comes after those that it is made of; an input right before the first that needs it. */
static size_t set_layers(const struct gb_diagram *d, struct gb_diagram_item *items) {
    size_t last = 0;
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->nodes[i].n_inputs; k++)
            if (items[d->nodes[i].inputs[k]].layer >= items[i].layer) items[i].layer = items[d->nodes[i].inputs[k]].layer + 1;
    for (size_t i = 0; i < d->count; i++)
        if (items[i].layer > last) last = items[i].layer;
    for (size_t i = 0; i < d->count; i++) {
        size_t first = NONE;
        for (size_t j = i + 1; j < d->count && d->nodes[i].n_inputs == 0; j++)
            for (size_t k = 0; k < d->nodes[j].n_inputs; k++)
                if (d->nodes[j].inputs[k] == i && items[j].layer < first) first = items[j].layer;
        if (first != NONE) items[i].layer = first - 1;
    }
    return last + 1;
}

/* The item of a node's wire in a layer: the node itself, or its bends so far and as many more as it takes. */
static size_t wire(struct gb_diagram_layout *l, size_t *ends, size_t node, size_t layer, double height) {
    while (l->items[ends[node]].layer < layer) {
        struct gb_diagram_item *const bend = &l->items[l->count];
        *bend = (struct gb_diagram_item){.node = node,
                                         .bend = true,
                                         .layer = l->items[ends[node]].layer + 1,
                                         .height = height,
                                         .from = {ends[node]},
                                         .n_from = 1};
        ends[node] = l->count++;
    }
    size_t at = ends[node];
    while (l->items[at].layer > layer) at = l->items[at].from[0];
    return at;
}

/* The bends that all wires need; ends: the last item of each. */
static void connect(const struct gb_diagram *d, struct gb_diagram_layout *l, size_t *ends, double bend_height) {
    for (size_t i = 0; i < d->count; i++) ends[i] = i;
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->nodes[i].n_inputs; k++) {
            const size_t from = wire(l, ends, d->nodes[i].inputs[k], l->items[i].layer - 1, bend_height);
            l->items[i].from[l->items[i].n_from++] = from;
        }
}

static void set_rows(struct work *w) {
    const struct gb_diagram_layout *const l = w->layout;
    size_t used = 0;
    for (size_t layer = 0; layer < l->layers; layer++) {
        w->starts[layer] = used;
        for (size_t i = 0; i < l->count; i++)
            if (l->items[i].layer == layer) w->rows[used++] = i;
    }
    w->starts[l->layers] = used;
}

static double position(const struct gb_diagram_item *item, bool heights) { return heights ? item->y : (double)item->place; }

/* Of the items of a layer: the mean of the neighbours on one side, or on both; of one that has none where it is. */
static void wish(const struct work *w, size_t layer, bool before, bool after, bool heights) {
    const struct gb_diagram_item *const items = w->layout->items;
    for (size_t k = w->starts[layer]; k < w->starts[layer + 1]; k++) {
        const struct gb_diagram_item *const item = &items[w->rows[k]];
        double sum = 0, count = 0;
        for (size_t i = 0; before && i < item->n_from; i++) sum += position(&items[item->from[i]], heights), count++;
        for (size_t n = w->starts[layer + 1]; after && layer + 1 < w->layout->layers && n < w->starts[layer + 2]; n++)
            for (size_t i = 0; i < items[w->rows[n]].n_from; i++)
                if (items[w->rows[n]].from[i] == w->rows[k]) sum += position(&items[w->rows[n]], heights), count++;
        w->wish[w->rows[k]] = count > 0 ? sum / count : position(item, heights);
    }
}

/* Insertion keeps the order of those that wish the same. */
static void sort_layer(const struct work *w, size_t layer) {
    const size_t first = w->starts[layer], end = w->starts[layer + 1];
    for (size_t k = first + 1; k < end; k++) {
        const size_t item = w->rows[k];
        size_t at = k;
        for (; at > first && w->wish[w->rows[at - 1]] > w->wish[item]; at--) w->rows[at] = w->rows[at - 1];
        w->rows[at] = item;
    }
    for (size_t k = first; k < end; k++) w->layout->items[w->rows[k]].place = k - first;
}

static size_t crossings(const struct work *w) {
    const struct gb_diagram_item *const items = w->layout->items;
    size_t count = 0;
    for (size_t layer = 0; layer < w->layout->layers; layer++)
        for (size_t k = w->starts[layer]; k < w->starts[layer + 1]; k++)
            for (size_t n = k + 1; n < w->starts[layer + 1]; n++) {
                const struct gb_diagram_item *const a = &items[w->rows[k]], *const b = &items[w->rows[n]];
                for (size_t i = 0; i < a->n_from; i++)
                    for (size_t j = 0; j < b->n_from; j++) count += items[a->from[i]].place > items[b->from[j]].place;
            }
    return count;
}

static void keep(const struct work *w, size_t *fewest) {
    const size_t count = crossings(w);
    if (count >= *fewest) return;
    *fewest = count;
    memcpy(w->best, w->rows, w->layout->count * sizeof *w->rows);
}

/* Each layer by the means of its neighbours, there and back; the order in which the nodes came is as good as any to begin. */
static void set_order(const struct work *w) {
    const size_t layers = w->layout->layers;
    size_t fewest = NONE;
    memset(w->wish, 0, w->layout->count * sizeof *w->wish);
    for (size_t layer = 0; layer < layers; layer++) sort_layer(w, layer);
    keep(w, &fewest);
    for (size_t sweep = 0; sweep < ORDER_SWEEPS; sweep++) {
        const bool forwards = sweep % 2;
        for (size_t n = 0; n < layers; n++) {
            const size_t layer = forwards ? n : layers - 1 - n;
            wish(w, layer, forwards, !forwards, false);
            sort_layer(w, layer);
        }
        keep(w, &fewest);
    }
    memset(w->wish, 0, w->layout->count * sizeof *w->wish);
    memcpy(w->rows, w->best, w->layout->count * sizeof *w->rows);
    for (size_t layer = 0; layer < layers; layer++) sort_layer(w, layer);
}

/* As near to its wish as each item of a layer can be, in the sense of least squares, where none overlaps the next. */
static void place_layer(const struct work *w, size_t layer) {
    struct gb_diagram_item *const items = w->layout->items;
    const size_t first = w->starts[layer], end = w->starts[layer + 1];
    size_t runs = 0, k = first;
    double offset = 0; /* of an item from the first of its run */
    for (; k < end; k++) {
        struct gb_diagram_item *const item = &items[w->rows[k]];
        if (k > first) offset += (items[w->rows[k - 1]].height + item->height) / 2;
        item->y = offset;
        struct run run = {w->wish[w->rows[k]] - offset, 1};
        for (; runs > 0 && w->runs[runs - 1].mean > run.mean; runs--) {
            const struct run *const last = &w->runs[runs - 1];
            run.mean = (run.mean * run.count + last->mean * last->count) / (run.count + last->count);
            run.count += last->count;
        }
        w->runs[runs++] = run;
    }
    for (k = end; runs > 0; runs--)
        for (double left = w->runs[runs - 1].count; left > 0; left--) items[w->rows[--k]].y += w->runs[runs - 1].mean;
}

/* There and back, at last by both sides; then from 0 on. */
static void set_heights(const struct work *w) {
    struct gb_diagram_layout *const l = w->layout;
    double top = INFINITY, bottom = 0;
    for (size_t sweep = 0; sweep <= HEIGHT_SWEEPS; sweep++)
        for (size_t n = 0; n < l->layers; n++) {
            const bool forwards = sweep % 2 == 0, last = sweep == HEIGHT_SWEEPS;
            const size_t layer = forwards ? n : l->layers - 1 - n;
            wish(w, layer, forwards || last, !forwards || last, true);
            place_layer(w, layer);
        }
    for (size_t i = 0; i < l->count; i++) top = fmin(top, l->items[i].y - l->items[i].height / 2);
    for (size_t i = 0; i < l->count; i++) {
        l->items[i].y -= top;
        bottom = fmax(bottom, l->items[i].y + l->items[i].height / 2);
    }
    l->height = bottom;
}

bool gb_diagram_layout(const struct gb_diagram *d, double node_height, double bend_height, struct gb_diagram_layout *layout) {
    struct work w = {.layout = layout};
    size_t *const ends = calloc(d->count, sizeof *ends);
    *layout = (struct gb_diagram_layout){.items = calloc(d->count * (d->count + 1), sizeof *layout->items), .count = d->count};
    if (ends && layout->items) {
        for (size_t i = 0; i < d->count; i++) layout->items[i] = (struct gb_diagram_item){.node = i, .height = node_height};
        layout->layers = set_layers(d, layout->items);
        connect(d, layout, ends, bend_height);
        w.rows = calloc(2 * layout->count, sizeof *w.rows);
        w.starts = calloc(layout->layers + 1, sizeof *w.starts);
        w.wish = calloc(layout->count, sizeof *w.wish);
        w.runs = calloc(layout->count, sizeof *w.runs);
    }
    const bool good = w.rows && w.starts && w.wish && w.runs;
    if (good) {
        w.best = w.rows + layout->count;
        set_rows(&w);
        set_order(&w);
        set_heights(&w);
    } else {
        free(layout->items);
    }
    free(ends), free(w.rows), free(w.starts), free(w.wish), free(w.runs);
    return good;
}
