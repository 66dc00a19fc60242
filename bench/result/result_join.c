#include "result_join.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "result_match.h"

/* One row, as each process has it. */
struct takes {
    const struct gb_result_row *rows[GB_PROCESSES_MAX];
    size_t count;
};

/* --- a row */

static void join_samples(struct gb_result *to, struct gb_result_row *row, const struct takes *takes) {
    row->n_samples = 0;
    for (size_t f = 0; f < takes->count; f++) row->n_samples += takes->rows[f]->n_samples;
    row->samples = gb_result_alloc(to, row->n_samples, sizeof *row->samples);
    row->processes = gb_result_alloc(to, takes->count, sizeof *row->processes);
    row->n_processes = takes->count;
    double *next = row->samples;
    for (size_t f = 0; f < takes->count && !to->exhausted; f++) {
        const size_t count = row->processes[f] = takes->rows[f]->n_samples;
        memcpy(next, takes->rows[f]->samples, count * sizeof *next);
        next += count;
    }
}

/* The roof is the highest of all: at which a call would take the least time. */
static void join_times(struct gb_result_row *row, const struct takes *takes) {
    struct gb_parts parts = {.count = 0};
    double at_roof = INFINITY;
    for (size_t f = 0; f < takes->count; f++) {
        const struct gb_result_row *const r = takes->rows[f];
        gb_parts_add(&parts, &r->summary);
        row->not_cold |= r->not_cold;
        row->empty_ns = fmin(row->empty_ns, r->empty_ns);
        if (r->iterations < row->iterations) row->iterations = r->iterations;
        if (r->threads_used < row->threads_used) row->threads_used = r->threads_used;
        const double at_this = r->share.fraction > 0 ? r->summary.median * r->share.fraction : INFINITY;
        if (at_this >= at_roof) continue;
        at_roof = at_this;
        row->share = r->share;
    }
    row->summary = gb_parts_summary(&parts, GB_TAIL);
    row->summary.count = row->n_samples;
    row->gflops = row->flops / row->summary.median;
    row->gbps = row->bytes / row->summary.median;
    if (isfinite(at_roof)) row->share.fraction = at_roof / row->summary.median;
}

/* Where one process has such rounds: of all of them. */
static void add_causes(struct gb_result *to, const struct gb_result_causes **sum, const struct gb_result_causes *part) {
    if (!part || !*sum) {
        *sum = part ? part : *sum;
        return;
    }
    struct gb_result_causes *const both = gb_result_alloc(to, 1, sizeof *both);
    if (both)
        *both = (struct gb_result_causes){(*sum)->steal + part->steal, (*sum)->switches + part->switches,
                                          (*sum)->migration + part->migration};
    *sum = both;
}

static const struct gb_versus *versus_of(const struct gb_result_row *row, const char *variant) {
    for (size_t i = 0; i < row->n_vs; i++)
        if (strcmp(row->vs[i].variant, variant) == 0) return &row->vs[i];
    return NULL;
}

/* False: a process does not have it. */
static bool join_versus(struct gb_versus *versus, const char *variant, const struct takes *takes) {
    struct gb_pairs pairs = {.verdict = NULL};
    for (size_t f = 0; f < takes->count; f++) {
        const struct gb_versus *const v = versus_of(takes->rows[f], variant);
        if (!v) return false;
        gb_pairs_add(&pairs, &v->pair, v->verdict);
    }
    *versus = (struct gb_versus){variant, gb_pairs_pair(&pairs), pairs.verdict};
    return true;
}

static void join_all_versus(struct gb_result *to, struct gb_result_row *row, const struct takes *takes) {
    const struct gb_result_row *const first = takes->rows[0];
    row->best_peer = NULL;
    row->n_vs = 0;
    row->vs = gb_result_alloc(to, first->n_vs, sizeof *row->vs);
    for (size_t i = 0; i < first->n_vs && row->vs; i++)
        row->n_vs += join_versus(&row->vs[row->n_vs], first->vs[i].variant, takes);
}

/* The mean over processes, each once. */
static bool join_count(struct gb_result_count *count, const struct takes *takes) {
    const char *const name = count->name;
    double calls = 0, share = 0;
    for (size_t f = 0; f < takes->count; f++) {
        const struct gb_result_row *const r = takes->rows[f];
        size_t i = 0;
        while (i < r->n_counts && strcmp(r->counts[i].name, name) != 0) i++;
        if (i == r->n_counts) return false;
        calls += r->counts[i].per_call / (double)takes->count;
        share += (isnan(r->counts[i].share) ? 1 : r->counts[i].share) / (double)takes->count;
    }
    *count = (struct gb_result_count){name, calls, share < 1 ? share : NAN};
    return true;
}

static void join_counts(struct gb_result *to, struct gb_result_row *row, const struct takes *takes) {
    const struct gb_result_row *const first = takes->rows[0];
    if (!first->counts) return;
    row->n_counts = 0;
    row->counts = gb_result_alloc(to, first->n_counts, sizeof *row->counts);
    for (size_t i = 0; i < first->n_counts && row->counts; i++) {
        row->counts[row->n_counts] = first->counts[i];
        row->n_counts += join_count(&row->counts[row->n_counts], takes);
    }
}

static struct gb_result_row join_row(struct gb_result *to, const struct takes *takes) {
    struct gb_result_row row = *takes->rows[0];
    if (takes->count == 1) return row;
    for (size_t f = 0; f < takes->count; f++)
        if (takes->rows[f]->state != GB_STATE_TIMED) return *takes->rows[f];
    join_samples(to, &row, takes);
    join_times(&row, takes);
    for (size_t f = 1; f < takes->count; f++) {
        add_causes(to, &row.dropped, takes->rows[f]->dropped);
        add_causes(to, &row.disturbed, takes->rows[f]->disturbed);
    }
    join_all_versus(to, &row, takes);
    join_counts(to, &row, takes);
    return row;
}

/* --- all rows */

/* Which peer is the best is another question than which was so in most processes. */
static void find_best_peers(struct gb_result_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const size_t best = gb_result_best_peer(rows, count, rows[i].threads);
        if (rows[i].state != GB_STATE_TIMED || gb_result_is_peer(&rows[i]) || best == count) continue;
        for (size_t k = 0; k < rows[i].n_vs; k++)
            if (strcmp(rows[i].vs[k].variant, rows[best].variant) == 0) rows[i].best_peer = &rows[i].vs[k];
    }
}

static bool is_usable(const struct gb_result_row *row) { return row && (row->state != GB_STATE_TIMED || row->n_samples); }

/* Returns how many rows of parts are left out; memory may lack. */
static size_t join_rows(struct gb_result *to, struct gb_result *parts, size_t count) {
    const struct gb_result_row **sorted[GB_PROCESSES_MAX];
    size_t left_out = 0;
    to->rows = gb_result_alloc(to, parts[0].n_rows, sizeof *to->rows);
    for (size_t f = 0; f < count; f++) {
        sorted[f] = gb_rows_sorted(&parts[f]);
        to->exhausted |= parts[f].exhausted;
        left_out += parts[f].n_rows;
    }
    for (size_t i = 0; i < parts[0].n_rows && !to->exhausted; i++) {
        struct takes takes = {.count = 0};
        for (size_t f = 0; f < count; f++) {
            const struct gb_result_row *const row = gb_row_find(sorted[f], parts[f].n_rows, &parts[0].rows[i]);
            if (is_usable(row)) takes.rows[takes.count++] = row;
        }
        if (takes.count == count) to->rows[to->n_rows++] = join_row(to, &takes);
    }
    for (size_t first = 0, end; first < to->n_rows; first = end) {
        for (end = first; end < to->n_rows && gb_problem_order(&to->rows[first], &to->rows[end]) == 0;) end++;
        find_best_peers(&to->rows[first], end - first);
    }
    return left_out - count * to->n_rows;
}

/* --- where it was measured */

static void join_warnings(struct gb_result *to, const struct gb_result *parts, size_t count, size_t left_out) {
    struct gb_result_context *const c = &to->context;
    size_t most = 1;
    char text[120];
    for (size_t f = 0; f < count; f++) most += parts[f].context.n_warnings;
    c->warnings = gb_result_alloc(to, most, sizeof *c->warnings);
    c->n_warnings = 0;
    snprintf(text, sizeof text, "%zu rows of single processes were left out: not all of them have these", left_out);
    if (c->warnings && left_out) c->warnings[c->n_warnings++] = gb_result_text(to, text);
    for (size_t f = 0; f < count && c->warnings; f++)
        for (size_t i = 0; i < parts[f].context.n_warnings; i++) {
            size_t known = 0;
            while (known < c->n_warnings && strcmp(c->warnings[known], parts[f].context.warnings[i]) != 0) known++;
            if (known == c->n_warnings) c->warnings[c->n_warnings++] = parts[f].context.warnings[i];
        }
}

static void widen_nulls(struct gb_result_context *c, const struct gb_result *parts, size_t count) {
    for (size_t f = 1; f < count; f++)
        for (size_t i = 0, from = 0; i < c->n_nulls; i++) {
            const struct gb_result_null *const null = gb_null_next(&parts[f].context, &from, &c->nulls[i]);
            if (null && gb_noise_of(&null->pair) > gb_noise_of(&c->nulls[i].pair)) c->nulls[i].pair = null->pair;
        }
}

static void raise_rates(struct gb_bandwidth *to, const struct gb_bandwidth *other) {
    *to = (struct gb_bandwidth){.read = fmax(to->read, other->read),
                                .copy = fmax(to->copy, other->copy),
                                .copy_nt = fmax(to->copy_nt, other->copy_nt),
                                .triad = fmax(to->triad, other->triad),
                                .triad_nt = fmax(to->triad_nt, other->triad_nt)};
}

static void raise_roof(struct gb_result_roof *to, const struct gb_result_roof *other) {
    to->fma = fmax(to->fma, other->fma);
    to->fma_latency = fmin(to->fma_latency, other->fma_latency);
    to->add_latency = fmin(to->add_latency, other->add_latency);
    for (int level = 0; level < GB_LEVEL_COUNT; level++) raise_rates(&to->at[level], &other->at[level]);
    for (size_t i = 0; i < to->n_spots; i++)
        for (size_t k = 0; k < other->n_spots; k++)
            if (to->spots[i].footprint == other->spots[k].footprint)
                raise_rates(&to->spots[i].bandwidth, &other->spots[k].bandwidth);
}

static bool are_of_one(const struct gb_result_roof *a, const struct gb_result_roof *b) {
    return strcmp(a->isa, b->isa) == 0 && strcmp(a->dtype, b->dtype) == 0 && a->threads == b->threads;
}

static void raise_roofs(struct gb_result_context *c, const struct gb_result *parts, size_t count) {
    for (size_t f = 1; f < count; f++)
        for (size_t i = 0; i < c->n_roofs; i++)
            for (size_t k = 0; k < parts[f].context.n_roofs; k++)
                if (are_of_one(&c->roofs[i], &parts[f].context.roofs[k])) raise_roof(&c->roofs[i], &parts[f].context.roofs[k]);
}

bool gb_result_join(struct gb_result *result, struct gb_result *parts, size_t count) {
    result->complete = true;
    for (size_t f = 0; f < count; f++) result->complete = result->complete && parts[f].complete;
    result->context = parts[0].context;
    const size_t left_out = join_rows(result, parts, count);
    join_warnings(result, parts, count, left_out);
    widen_nulls(&result->context, parts, count);
    raise_roofs(&result->context, parts, count);
    for (size_t f = 0; f < count; f++) gb_result_adopt(result, &parts[f]);
    return !result->exhausted;
}
