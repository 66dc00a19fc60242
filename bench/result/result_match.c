#include "result_match.h"

#include <stdlib.h>
#include <string.h>

static int order_counts(size_t a, size_t b) { return (a > b) - (a < b); }

/* A flag, which has no value, comes first. */
static int order_values(const char *a, const char *b) { return a && b ? strcmp(a, b) : !!a - !!b; }

static int order_options(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = order_counts(a->n_options, b->n_options);
    for (size_t i = 0; i < a->n_options && order == 0; i++) {
        order = strcmp(a->options[i].word, b->options[i].word);
        if (order == 0) order = order_values(a->options[i].value, b->options[i].value);
    }
    return order;
}

static int order_shapes(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = order_counts(a->n_shape, b->n_shape);
    for (size_t i = 0; i < a->n_shape && order == 0; i++) {
        order = strcmp(a->shape[i].name, b->shape[i].name);
        if (order == 0) order = order_counts(a->shape[i].size, b->shape[i].size);
    }
    return order;
}

int gb_problem_order(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = strcmp(a->kernel, b->kernel);
    if (order == 0) order = strcmp(a->dtype, b->dtype);
    if (order == 0) order = order_options(a, b);
    if (order == 0) order = order_shapes(a, b);
    if (order == 0) order = strcmp(a->workload, b->workload);
    return order ? order : strcmp(a->cache, b->cache);
}

int gb_row_order(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = gb_problem_order(a, b);
    if (order == 0) order = strcmp(a->variant, b->variant);
    if (order == 0) order = strcmp(a->isa, b->isa);
    return order ? order : order_counts(a->threads, b->threads);
}

int gb_null_order(const struct gb_result_null *a, const struct gb_result_null *b) {
    int order = strcmp(a->kernel, b->kernel);
    if (order == 0) order = strcmp(a->dtype, b->dtype);
    return order ? order : strcmp(a->workload, b->workload);
}

const struct gb_result_null *gb_null_next(const struct gb_result_context *c, size_t *from, const struct gb_result_null *like) {
    for (size_t i = *from; i < c->n_nulls; i++) {
        if (gb_null_order(&c->nulls[i], like) != 0) continue;
        *from = i + 1;
        return &c->nulls[i];
    }
    return NULL;
}

/* All of one array: equal ones stay as they came. */
static int order_pointers(const void *a, const void *b) {
    const struct gb_result_row *const x = *(const struct gb_result_row *const *)a, *const y =
                                                                                       *(const struct gb_result_row *const *)b;
    const int order = gb_row_order(x, y);
    return order ? order : (x > y) - (x < y);
}

const struct gb_result_row **gb_rows_sorted(struct gb_result *result) {
    const struct gb_result_row **const sorted = gb_result_alloc(result, result->n_rows, sizeof *sorted);
    for (size_t i = 0; i < result->n_rows && sorted; i++) sorted[i] = &result->rows[i];
    if (sorted) qsort(sorted, result->n_rows, sizeof *sorted, order_pointers);
    return sorted;
}

const struct gb_result_row *gb_row_find(const struct gb_result_row *const *sorted, size_t count,
                                        const struct gb_result_row *row) {
    size_t below = 0, end = count;
    while (below < end) {
        const size_t middle = below + (end - below) / 2;
        if (gb_row_order(sorted[middle], row) < 0) below = middle + 1;
        else end = middle;
    }
    return below < count && gb_row_order(sorted[below], row) == 0 ? sorted[below] : NULL;
}
