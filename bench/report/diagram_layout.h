/* Where the nodes of a diagram go: layers from left to right, in each an order with few crossings, and heights that make the
 * edges straight. Pure. */
#ifndef GB_DIAGRAM_LAYOUT_H
#define GB_DIAGRAM_LAYOUT_H

#include "diagram.h"

/* A node in its layer, or a bend of the one wire that leaves a node towards layers further on. */
struct gb_diagram_item {
    size_t node;
    bool bend;
    size_t layer, place; /* place: in its layer, from the top */
    double y, height;
    size_t from[GB_DIAGRAM_INPUTS_MAX], n_from; /* items of the layer before */
};

struct gb_diagram_layout {
    struct gb_diagram_item *items; /* those of nodes first, in their order */
    size_t count, layers;
    double height;
};

/* layout->items is to be freed. False: no memory, and nothing is. */
bool gb_diagram_layout(const struct gb_diagram *diagram, double node_height, double bend_height,
                       struct gb_diagram_layout *layout);

#endif
