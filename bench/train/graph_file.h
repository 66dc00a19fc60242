/* Graphs as texts:
 *
 *     # f = (x + y) z
 *     x = input -2
 *     y = input 5
 *     z = input -4
 *     q = add x y
 *     f = mul q z
 *
 * A node a line: its name, '=', what it is, and the nodes that it is made of, which are on lines before it; so there is no
 * cycle. A name is of 1 to 39 printable ASCII characters, but none of "=#" and no blank. An input is a number, or a tensor
 * of up to 4 dimensions: `w = input [2x3] 1 2 3 4 5 6`, whose numbers may go on over several lines, or `b = input [3] fill 0`.
 * The others are add, mul, max (of two nodes of one shape), reciprocal, exp, sigmoid, relu (of one), affine x w or affine x w
 * b, and softmax_xent x t, with labels t. '#' begins a comment. Lines end with LF or CRLF. */
#ifndef GB_GRAPH_FILE_H
#define GB_GRAPH_FILE_H

#include "graph.h"
#include "input_file.h"

/* Adds the nodes of a text to a graph. False: error says what is wrong, or (line 0) there is no memory. */
bool gb_graph_parse(struct gb_graph *graph, const char *text, size_t size, struct gb_parse_error *error);

/* The examples of the study notes, as such texts. NULL: there is none of that name, or number. */
const char *gb_graph_example(const char *name);
const char *gb_graph_example_name(size_t number);

#endif
