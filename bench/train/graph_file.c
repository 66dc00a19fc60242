#include "graph_file.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { WORD_MAX = 80, SIZE_MOST = 1 << 24 };

struct reader {
    struct gb_graph *graph;
    const char *at, *end, *line_start;
    size_t line;
    struct gb_parse_error *error;
};

/* A word of the text; length 0: the line ends there. */
struct word {
    const char *at;
    size_t length;
};

static bool fail(struct reader *r, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct reader *r, const char *at, const char *format, ...) {
    va_list list;
    r->error->line = r->line;
    r->error->column = (size_t)(at - r->line_start) + 1;
    va_start(list, format);
    vsnprintf(r->error->text, sizeof r->error->text, format, list);
    va_end(list);
    return false;
}

#define SHOWN(word) (int)((word).length < WORD_MAX ? (word).length : WORD_MAX), (word).at

static bool refuse_word(struct reader *r, const struct word *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What stands there is none of what was expected. */
static bool refuse_word(struct reader *r, const struct word *word, const char *format, ...) {
    va_list list;
    fail(r, word->at, "%s", "");
    va_start(list, format);
    vsnprintf(r->error->text, sizeof r->error->text, format, list);
    va_end(list);
    if (word->length) gb_text_append(r->error->text, sizeof r->error->text, " (got '%.*s')", SHOWN(*word));
    else gb_text_append(r->error->text, sizeof r->error->text, " (nothing follows)");
    return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool ends_line(const struct reader *r) { return r->at == r->end || *r->at == '\n'; }

/* To the next word of this line, past a comment to its end. */
static bool skip_blanks(struct reader *r) {
    while (r->at < r->end && (is_blank(*r->at) || (*r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n'))) r->at++;
    if (r->at < r->end && *r->at == '#')
        while (!ends_line(r)) r->at++;
    const unsigned char byte = ends_line(r) ? ' ' : (unsigned char)*r->at;
    return (byte >= ' ' && byte <= '~') || fail(r, r->at, "a byte that is no printable ASCII (got 0x%02x)", byte);
}

/* Ends at a blank, or at '=', which is a word by itself. */
static bool next_word(struct reader *r, struct word *word) {
    if (!skip_blanks(r)) return false;
    word->at = r->at;
    while (!ends_line(r) && *r->at > ' ' && *r->at <= '~' && *r->at != '#' && *r->at != '=') r->at++;
    if (r->at == word->at && !ends_line(r) && *r->at == '=') r->at++;
    word->length = (size_t)(r->at - word->at);
    return true;
}

static void next_line(struct reader *r) {
    r->at += r->at < r->end;
    r->line_start = r->at;
    r->line++;
}

static bool end_line(struct reader *r) {
    struct word word;
    if (!next_word(r, &word)) return false;
    return word.length == 0 || fail(r, word.at, "expected the end of the line (got '%.*s')", SHOWN(word));
}

/* Copies it. False: it is longer. */
static bool copy(const struct word *word, char *text, size_t size) {
    if (word->length >= size) return false;
    memcpy(text, word->at, word->length);
    text[word->length] = '\0';
    return true;
}

static bool is(const struct word *word, const char *text) {
    return strlen(text) == word->length && memcmp(text, word->at, word->length) == 0;
}

static bool to_number(const struct word *word, double *value) {
    char text[WORD_MAX];
    if (!copy(word, text, sizeof text)) return false;
    const bool negative = text[0] == '-';
    if (!gb_text_real(text + negative, 0, DBL_MAX, value)) return false;
    if (negative) *value = -*value;
    return true;
}

/* "[10x2x3]" */
static bool read_shape(struct reader *r, const struct word *word, struct gb_tensor *shape) {
    char text[WORD_MAX], *rest = text + 1;
    uint64_t size;
    if (!copy(word, text, sizeof text) || text[word->length - 1] != ']')
        return fail(r, word->at, "a shape is written as [3] or [10x2x3] (got '%.*s')", SHOWN(*word));
    text[word->length - 1] = '\0';
    for (bool more = true; more;) {
        char *const part = rest;
        rest += strcspn(rest, "x");
        more = *rest;
        *rest++ = '\0';
        if (shape->rank == GB_RANK_MAX || !gb_text_count(part, 1, SIZE_MOST, &size))
            return fail(r, word->at, "a shape has 1 to %d sizes from 1 to %d (got '%.*s')", GB_RANK_MAX, SIZE_MOST,
                        SHOWN(*word));
        shape->sizes[shape->rank++] = size;
    }
    return gb_tensor_count(shape) != SIZE_MAX || fail(r, word->at, "a tensor has 1 to %d elements", GB_GRAPH_ELEMENTS_MAX);
}

/* Over several lines; word is the first of them. */
static bool read_numbers(struct reader *r, struct word word, double *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while (word.length == 0 && r->at < r->end) {
            next_line(r);
            if (!next_word(r, &word)) return false;
        }
        if (!to_number(&word, &values[i])) return refuse_word(r, &word, "expected a number, %zu of %zu", i + 1, count);
        if (i + 1 < count && !next_word(r, &word)) return false;
    }
    return true;
}

static bool read_fill(struct reader *r, double *values, size_t count) {
    struct word word;
    if (!next_word(r, &word) || !read_numbers(r, word, values, 1)) return false;
    for (size_t i = 1; i < count; i++) values[i] = values[0];
    return true;
}

/* What the graph refused, at the word that was wrong. */
static bool refused(struct reader *r, const struct word *words) {
    if (*r->graph->error) return fail(r, words[r->graph->wrong].at, "%s", r->graph->error);
    r->error->line = 0;
    return false;
}

static bool read_input(struct reader *r, const char *name, const struct word *op) {
    struct gb_tensor shape = {0};
    struct word word, at[GB_OP_INPUTS_MAX + 1];
    for (size_t i = 0; i <= GB_OP_INPUTS_MAX; i++) at[i] = *op;
    if (!next_word(r, &word)) return false;
    if (word.length && *word.at == '[' && !(read_shape(r, &word, &shape) && next_word(r, &word))) return false;
    const size_t count = gb_tensor_count(&shape), line = r->line;
    const char *const line_start = r->line_start;
    double *const values = calloc(count, sizeof *values);
    if (!values) {
        r->error->line = 0;
        return false;
    }
    bool good = is(&word, "fill") ? read_fill(r, values, count) : read_numbers(r, word, values, count);
    good = good && end_line(r);
    if (good && gb_graph_input(r->graph, name, &shape, values) == SIZE_MAX) {
        r->line = line, r->line_start = line_start;
        good = refused(r, at);
    }
    free(values);
    return good;
}

/* The line below this one that begins with `name =`; 0: none does. */
static size_t defined_below(const struct reader *r, const char *name) {
    struct gb_parse_error ignored;
    struct reader rest = *r;
    struct word word, equals;
    rest.error = &ignored;
    while (rest.at < rest.end) {
        while (!ends_line(&rest)) rest.at++;
        next_line(&rest);
        if (next_word(&rest, &word) && is(&word, name) && next_word(&rest, &equals) && is(&equals, "=")) return rest.line;
    }
    return 0;
}

static bool refuse_node(struct reader *r, const char *self, const struct word *word, const char *name) {
    struct gb_names names = {.count = 0};
    if (strcmp(self, name) == 0) return fail(r, word->at, "'%s' is made of itself: a cycle", name);
    const size_t line = defined_below(r, name);
    if (line)
        return fail(r, word->at, "'%s' comes later, on line %zu: a node comes after those that it is made of, without a cycle",
                    name, line);
    for (size_t i = r->graph->count; i > 0; i--) gb_names_add(&names, r->graph->nodes[i - 1].name);
    const char *const nearest = gb_names_nearest(&names, name);
    return fail(r, word->at, "unknown node '%s'%s%s%s", name, nearest ? " (did you mean '" : "", nearest ? nearest : "",
                nearest ? "'?)" : "");
}

static bool read_operation(struct reader *r, const char *name, enum gb_op op, const struct word *op_word) {
    size_t inputs[GB_OP_INPUTS_MAX], count = 0;
    struct word words[GB_OP_INPUTS_MAX + 1];
    char node[GB_NODE_NAME_MAX];
    for (size_t i = 0; i <= GB_OP_INPUTS_MAX; i++) words[i] = *op_word;
    for (struct word word; next_word(r, &word);) {
        if (word.length == 0) return gb_graph_add(r->graph, name, op, inputs, count) != SIZE_MAX || refused(r, words);
        if (count == GB_OP_INPUTS_MAX) return fail(r, word.at, "expected the end of the line (got '%.*s')", SHOWN(word));
        if (!copy(&word, node, sizeof node)) return fail(r, word.at, "unknown node '%.*s'", SHOWN(word));
        words[count] = word;
        inputs[count] = gb_graph_find(r->graph, node);
        if (inputs[count++] == SIZE_MAX) return refuse_node(r, name, &word, node);
    }
    return false;
}

static bool read_node(struct reader *r, const struct word *first) {
    char name[GB_NODE_NAME_MAX], op_text[WORD_MAX], text[700];
    struct word equals, op_word;
    struct gb_names names = {.count = 0};
    if (is(first, "=") || !copy(first, name, sizeof name))
        return fail(r, first->at, "a name has 1 to %d characters (got '%.*s')", GB_NODE_NAME_MAX - 1, SHOWN(*first));
    if (!next_word(r, &equals)) return false;
    if (!is(&equals, "=")) return refuse_word(r, &equals, "expected = after the name '%s'", name);
    if (gb_graph_find(r->graph, name) != SIZE_MAX) return fail(r, first->at, "there is a '%s' already", name);
    if (!next_word(r, &op_word)) return false;
    if (is(&op_word, "input")) return read_input(r, name, &op_word);
    for (enum gb_op op = 0; op < GB_OP_COUNT; op++) {
        if (is(&op_word, gb_op_word(op))) return read_operation(r, name, op, &op_word);
        gb_names_add(&names, gb_op_word(op));
    }
    if (op_word.length == 0) return refuse_word(r, &op_word, "expected one of %s", gb_names_join(&names, text, sizeof text));
    snprintf(op_text, sizeof op_text, "%.*s", SHOWN(op_word));
    return fail(r, op_word.at, "%s", gb_names_refuse(&names, "operation", op_text, text, sizeof text));
}

bool gb_graph_parse(struct gb_graph *graph, const char *text, size_t size, struct gb_parse_error *error) {
    static const char mark[] = "\xef\xbb\xbf";
    const size_t skipped = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    struct reader r = {graph, text + skipped, text + size, text + skipped, 1, error};
    const size_t before = graph->count;
    while (r.at < r.end) {
        struct word word;
        if (!next_word(&r, &word) || (word.length && !read_node(&r, &word))) return false;
        next_line(&r);
    }
    r.line = 1, r.line_start = r.at;
    return graph->count > before || fail(&r, r.at, "the text holds no node");
}
