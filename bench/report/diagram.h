/* A graph of nodes, drawn from left to right: what flows on above each edge, and what flows back below it. */
#ifndef GB_DIAGRAM_H
#define GB_DIAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { GB_DIAGRAM_INPUTS_MAX = 3, GB_DIAGRAM_NODES_MAX = 256 };

struct gb_diagram_node {
    const char *symbol, *name;                      /* symbol "": the name itself is drawn, without a box */
    const char *above, *below;                      /* of the edge that leaves it */
    size_t inputs[GB_DIAGRAM_INPUTS_MAX], n_inputs; /* nodes before it */
};

struct gb_diagram {
    const char *title, *caption;
    const struct gb_diagram_node *nodes;
    size_t count;
};

/* At most GB_DIAGRAM_NODES_MAX nodes. False: no memory; nothing was written. */
bool gb_diagram_svg(FILE *out, const struct gb_diagram *diagram);

/* For Graphviz. */
void gb_diagram_dot(FILE *out, const struct gb_diagram *diagram);

#endif
