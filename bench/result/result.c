#include "result.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct gb_result_chunk {
    struct gb_result_chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

enum { CHUNK = 1 << 16 };

void *gb_result_alloc(struct gb_result *result, size_t count, size_t size) {
    const size_t align = sizeof(max_align_t);
    struct gb_result_chunk *chunk = result->chunks;
    size_t bytes;
    const bool fits = !result->exhausted && !__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX / 2;
    if (fits) bytes = bytes / align * align + align;
    if (fits && (!chunk || chunk->size - chunk->used < bytes)) {
        const size_t room = bytes > CHUNK ? bytes : CHUNK;
        chunk = calloc(1, sizeof *chunk + room);
        if (chunk) {
            *chunk = (struct gb_result_chunk){.next = result->chunks, .size = room};
            result->chunks = chunk;
        }
    }
    if (!fits || !chunk) {
        result->exhausted = true;
        return NULL;
    }
    chunk->used += bytes;
    return (char *)chunk->bytes + chunk->used - bytes;
}

const char *gb_result_text(struct gb_result *result, const char *text) {
    char *const copy = gb_result_alloc(result, strlen(text) + 1, 1);
    return copy ? strcpy(copy, text) : "";
}

void gb_result_free(struct gb_result *result) {
    struct gb_result_chunk *next;
    for (struct gb_result_chunk *chunk = result->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *result = (struct gb_result){.chunks = NULL};
}

void gb_result_adopt(struct gb_result *result, struct gb_result *other) {
    struct gb_result_chunk **end = &result->chunks;
    while (*end) end = &(*end)->next;
    *end = other->chunks;
    *other = (struct gb_result){.chunks = NULL};
}

size_t gb_result_processes(const struct gb_result_row *row) { return row->n_processes ? row->n_processes : 1; }

size_t gb_result_samples(const struct gb_result_row *row, size_t process) {
    return row->n_processes ? row->processes[process] : row->n_samples;
}

bool gb_result_is_peer(const struct gb_result_row *row) { return strcmp(row->isa, "peer") == 0; }

bool gb_result_had_fewer_threads(const struct gb_result_row *row) { return row->threads_used < row->threads_asked; }

/* Not inlined: its values are all the stack that a function may take. */
__attribute__((noinline)) static struct gb_pair compare_rounds(const double *a, const double *b, size_t count) {
    double work[GB_ROUNDS_MAX];
    return count && count <= GB_ROUNDS_MAX ? gb_compare_paired(a, b, count, work) : (struct gb_pair){.count = 0};
}

static bool share_rounds(const struct gb_result_row *a, const struct gb_result_row *b) {
    bool same = a->n_samples == b->n_samples && a->n_processes == b->n_processes;
    for (size_t i = 0; i < a->n_processes && same; i++) same = a->processes[i] == b->processes[i];
    return same;
}

struct gb_versus gb_result_compare(const struct gb_result_row *a, const struct gb_result_row *b, double noise) {
    struct gb_versus versus = {.variant = b->variant};
    for (size_t i = 0; i < a->n_vs && a->threads == b->threads; i++)
        if (strcmp(a->vs[i].variant, b->variant) == 0) return a->vs[i];
    const bool paired = share_rounds(a, b), fewer = gb_result_had_fewer_threads(a) || gb_result_had_fewer_threads(b);
    struct gb_pairs pairs = {.verdict = NULL};
    for (size_t p = 0, from = 0; p < gb_result_processes(a); from += gb_result_samples(a, p++)) {
        versus.pair = compare_rounds(a->samples + from, b->samples + from, paired ? gb_result_samples(a, p) : 0);
        versus.pair.no_verdict = fewer;
        gb_pairs_add(&pairs, &versus.pair, gb_verdict(&versus.pair, noise));
    }
    if (gb_result_processes(a) > 1) versus.pair = gb_pairs_pair(&pairs);
    versus.pair.no_verdict = fewer;
    versus.verdict = pairs.verdict;
    return versus;
}

size_t gb_result_best_peer(const struct gb_result_row *rows, size_t count, size_t threads) {
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (!gb_result_is_peer(&rows[i]) || rows[i].threads != threads || rows[i].state != GB_STATE_TIMED) continue;
        if (best == count || rows[i].summary.median < rows[best].summary.median) best = i;
    }
    return best;
}

static bool is_other(const struct gb_result_row *row, const struct gb_result_row *other) {
    return other != row && other->threads == row->threads && other->state == GB_STATE_TIMED;
}

static void compare_one(struct gb_result *result, struct gb_result_row *row, const struct gb_result_row *rows, size_t count,
                        double noise) {
    const size_t best = gb_result_is_peer(row) ? count : gb_result_best_peer(rows, count, row->threads);
    size_t others = 0, n = 0;
    for (size_t i = 0; i < count; i++) others += is_other(row, &rows[i]);
    struct gb_versus *const vs = gb_result_alloc(result, others, sizeof *vs);
    for (size_t i = 0; i < count && vs; i++) {
        if (!is_other(row, &rows[i])) continue;
        if (i == best) row->best_peer = &vs[n];
        vs[n++] = gb_result_compare(row, &rows[i], noise);
    }
    row->vs = vs;
    row->n_vs = n;
}

void gb_result_compare_all(struct gb_result *result, struct gb_result_row *rows, size_t count, double noise) {
    for (size_t i = 0; i < count; i++)
        if (rows[i].state == GB_STATE_TIMED) compare_one(result, &rows[i], rows, count, noise);
}
