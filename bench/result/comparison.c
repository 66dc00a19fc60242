#include "comparison.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "result_match.h"
#include "text.h"

#define ALPHA 0.05

/* --- what is compared */

struct take {
    const struct gb_result_row *row;
    size_t side, order; /* order: as they came */
    const double *sorted;
    struct gb_summary summary;
};

struct work {
    struct gb_comparison *comparison;
    const struct gb_side *sides;
    struct take *takes;
    size_t n_takes;
    double *sorted; /* all samples */
    const struct gb_result_null **nulls;
    size_t n_nulls;
};

static bool is_comparable(const struct gb_result_row *row) {
    return row->state == GB_STATE_TIMED && row->summary.median > 0 && !gb_result_is_peer(row);
}

static int by_row(const void *a, const void *b) {
    const struct take *const x = a, *const y = b;
    const int order = gb_row_order(x->row, y->row);
    if (order) return order;
    return x->side != y->side ? (x->side > y->side) - (x->side < y->side) : (x->order > y->order) - (x->order < y->order);
}

static void *room(struct work *w, size_t count, size_t size) { return gb_result_alloc(&w->comparison->memory, count, size); }

/* One a process. gb_summarize_at leaves the sorted values in its scratch space. */
static void add_takes(struct work *w, const struct gb_result_row *row, size_t side, double **next) {
    const double *samples = row->samples;
    for (size_t p = 0; p < gb_result_processes(row); p++) {
        const size_t count = gb_result_samples(row, p);
        struct take *const take = &w->takes[w->n_takes];
        *take = (struct take){.row = row, .side = side, .order = w->n_takes++, .sorted = *next, .summary = row->summary};
        take->summary.count = count;
        if (count) take->summary = gb_summarize_at(samples, count, GB_UNPAIRED_TAIL, *next);
        samples += count;
        *next += count;
    }
}

static bool collect(struct work *w) {
    size_t rows = 0, takes = 0, samples = 0;
    for (size_t s = 0; s < GB_SIDES; s++)
        for (size_t f = 0; f < w->sides[s].count; f++)
            for (size_t i = 0; i < w->sides[s].results[f].n_rows; i++) {
                const struct gb_result_row *const row = &w->sides[s].results[f].rows[i];
                rows++;
                takes += gb_result_processes(row);
                samples += row->n_samples;
            }
    struct gb_comparison *const c = w->comparison;
    w->takes = room(w, takes, sizeof *w->takes);
    w->sorted = room(w, samples, sizeof *w->sorted);
    c->rows = room(w, rows, sizeof *c->rows);
    c->failed = room(w, rows, sizeof *c->failed);
    for (size_t s = 0; s < GB_SIDES; s++) c->only[s] = room(w, rows, sizeof *c->only[s]);
    if (c->memory.exhausted) return false;
    double *next = w->sorted;
    for (size_t s = 0; s < GB_SIDES; s++)
        for (size_t f = 0; f < w->sides[s].count; f++)
            for (size_t i = 0; i < w->sides[s].results[f].n_rows; i++) {
                const struct gb_result_row *const row = &w->sides[s].results[f].rows[i];
                if (is_comparable(row)) add_takes(w, row, s, &next);
                else if (s == GB_NEW && row->state == GB_STATE_FAILED && !gb_result_is_peer(row))
                    c->failed[c->n_failed++] = row;
            }
    qsort(w->takes, w->n_takes, sizeof *w->takes, by_row);
    return true;
}

/* --- the noise: of nulls of the problem, in any file */

static int by_problem(const void *a, const void *b) {
    return gb_null_order(*(const struct gb_result_null *const *)a, *(const struct gb_result_null *const *)b);
}

static bool collect_nulls(struct work *w) {
    size_t count = 0;
    for (size_t s = 0; s < GB_SIDES; s++)
        for (size_t f = 0; f < w->sides[s].count; f++) count += w->sides[s].results[f].context.n_nulls;
    w->nulls = room(w, count, sizeof *w->nulls);
    if (!w->nulls) return false;
    count = 0;
    for (size_t s = 0; s < GB_SIDES; s++)
        for (size_t f = 0; f < w->sides[s].count; f++) {
            const struct gb_result_context *const c = &w->sides[s].results[f].context;
            for (size_t i = 0; i < c->n_nulls; i++) w->nulls[count++] = &c->nulls[i];
        }
    qsort(w->nulls, count, sizeof *w->nulls, by_problem);
    w->n_nulls = count > 0;
    for (size_t i = 1; i < count; i++) { /* of each problem the widest */
        const struct gb_result_null **const last = &w->nulls[w->n_nulls - 1];
        if (gb_null_order(*last, w->nulls[i]) != 0) w->nulls[w->n_nulls++] = w->nulls[i];
        else if (gb_noise_of(&w->nulls[i]->pair) > gb_noise_of(&(*last)->pair)) *last = w->nulls[i];
    }
    return true;
}

static double null_noise(const struct work *w, const struct gb_result_row *row) {
    const struct gb_result_null like = {.kernel = row->kernel, .dtype = row->dtype, .workload = row->workload}, *const key =
                                                                                                                    &like;
    const struct gb_result_null *const *const found = bsearch(&key, w->nulls, w->n_nulls, sizeof *w->nulls, by_problem);
    return found ? gb_noise_of(&(*found)->pair) : 0;
}

/* --- a row */

/* The greatest p of two takes; of many takes that of their medians, which are sorted. */
static double p_of(const struct take *takes, const struct gb_parts *bases, const struct gb_parts *news) {
    double p = 0;
    if (bases->count >= GB_UNPAIRED_MIN && news->count >= GB_UNPAIRED_MIN)
        return gb_rank_sum_p(bases->medians, bases->count, news->medians, news->count);
    for (const struct take *a = takes; a < takes + bases->count; a++)
        for (const struct take *b = takes + bases->count; b < takes + bases->count + news->count; b++)
            p = fmax(p, gb_rank_sum_p(a->sorted, a->summary.count, b->sorted, b->summary.count));
    return p;
}

static void compare_takes(struct work *w, const struct take *takes, size_t bases, size_t news) {
    struct gb_comparison *const c = w->comparison;
    struct gb_parts parts[GB_SIDES] = {{.count = 0}};
    for (size_t i = 0; i < bases + news; i++) gb_parts_add(&parts[i < bases ? GB_BASE : GB_NEW], &takes[i].summary);
    const struct gb_summary base = gb_parts_summary(&parts[GB_BASE], GB_UNPAIRED_TAIL),
                            now = gb_parts_summary(&parts[GB_NEW], GB_UNPAIRED_TAIL);
    struct gb_compared *const row = &c->rows[c->n_rows++];
    *row = (struct gb_compared){.row = takes[bases].row,
                                .takes = {bases, news},
                                .ns = {base.median, now.median},
                                .pair = gb_compare_unpaired(&now, &base),
                                .p = p_of(takes, &parts[GB_BASE], &parts[GB_NEW]),
                                .noise = null_noise(w, takes[bases].row)};
    if (bases == 1 || news == 1) row->noise = fmax(row->noise, c->process_noise);
    row->pair.no_verdict = row->pair.no_verdict || (c->incomparable && !c->force);
}

/* Equal rows are neighbours, those of the base first. */
static bool compare_rows(struct work *w) {
    struct gb_comparison *const c = w->comparison;
    for (size_t first = 0, end = 0; first < w->n_takes; first = end) {
        size_t takes[GB_SIDES] = {0, 0};
        for (; end < w->n_takes && gb_row_order(w->takes[first].row, w->takes[end].row) == 0; end++)
            takes[w->takes[end].side]++;
        if (takes[GB_BASE] > GB_TAKES_MAX || takes[GB_NEW] > GB_TAKES_MAX) return false;
        if (takes[GB_BASE] && takes[GB_NEW]) compare_takes(w, &w->takes[first], takes[GB_BASE], takes[GB_NEW]);
        else {
            const size_t side = w->takes[first].side;
            c->only[side][c->n_only[side]++] = w->takes[first].row;
        }
    }
    return true;
}

static int by_pair(const void *a, const void *b) {
    return gb_row_order(((const struct gb_compared *)a)->row, ((const struct gb_compared *)b)->row);
}

/* The row of ref that was timed in the same rounds, on the same operands, or NULL. The rows are in their order. */
static struct gb_compared *control_of(struct gb_comparison *c, const struct gb_result_row *row) {
    struct gb_result_row like = *row;
    like.variant = like.isa = gk_isa_get(0, GK_F32)->name;
    return bsearch(&(struct gb_compared){.row = &like}, c->rows, c->n_rows, sizeof *c->rows, by_pair);
}

/* What moved ref, which nobody makes faster, moved the others of its problem, too. */
static void apply_controls(struct gb_comparison *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->n_rows; i++) {
        struct gb_compared *const row = &c->rows[i], *const control = control_of(c, row->row);
        if (!control || control == row) continue;
        control->is_control = true;
        row->noise = fmax(row->noise, fmax(control->pair.ratio, 1 / control->pair.ratio) - 1);
    }
    for (size_t i = 0; i < c->n_rows; i++)
        if (!c->rows[i].is_control) c->rows[kept++] = c->rows[i];
    c->n_controls = c->n_rows - kept;
    c->n_rows = kept;
}

/* What a run did to a row (neighbours, clock rates, where its memory lay) is not in its samples, but most rows have not
 * changed: a row that has stands out from them by more than SPREADS standard deviations. */
static bool add_spread(struct work *w) {
    enum { ROWS_LEAST = 10, SPREADS = 3 };
    struct gb_comparison *const c = w->comparison;
    double *const logs = room(w, c->n_rows, sizeof *logs), *const sorted = room(w, c->n_rows, sizeof *sorted);
    if (!logs || !sorted) return false;
    if (c->n_rows < ROWS_LEAST) return true;
    for (size_t i = 0; i < c->n_rows; i++) logs[i] = log(c->rows[i].pair.ratio);
    gb_summarize(logs, c->n_rows, sorted);
    c->spread = expm1(SPREADS * gb_spread(sorted, c->n_rows));
    for (size_t i = 0; i < c->n_rows; i++) c->rows[i].noise = fmax(c->rows[i].noise, c->spread);
    return true;
}

/* --- where it was measured */

/* Of a context: texts, counts, and lists of texts. */
static const struct {
    const char *what;
    size_t at;
    enum { TEXT, COUNT, TEXTS } kind;
    bool decides;
} fields[GB_DIFFERENCES_MAX] = {
    {"CPU", offsetof(struct gb_result_context, cpu), TEXT, true},
    {"machine", offsetof(struct gb_result_context, topology), TEXT, true},
    {"cores", offsetof(struct gb_result_context, cores), COUNT, true},
    {"threads", offsetof(struct gb_result_context, threads), COUNT, true},
    {"binding", offsetof(struct gb_result_context, bind), TEXT, true},
    {"huge pages", offsetof(struct gb_result_context, huge_pages), TEXT, false},
    {"floating point", offsetof(struct gb_result_context, float_state), TEXT, true},
    {"instruction set", offsetof(struct gb_result_context, isa), TEXT, true},
    {"compiler", offsetof(struct gb_result_context, compiler), TEXT, false},
    {"flags", offsetof(struct gb_result_context, flags), TEXT, false},
    {"version", offsetof(struct gb_result_context, version), TEXT, false},
    {"numerics", offsetof(struct gb_result_context, numerics), COUNT, false},
    {"revision", offsetof(struct gb_result_context, revision), TEXT, false},
    {"seed", offsetof(struct gb_result_context, seed), COUNT, false},
    {"settings", offsetof(struct gb_result_context, settings), TEXT, false},
    {"host", offsetof(struct gb_result_context, host), TEXT, false},
    {"warnings", offsetof(struct gb_result_context, warnings), TEXTS, false},
};

/* The values of a side, at most GB_NAMES_MAX different ones. */
static struct gb_names values_of(struct gb_comparison *c, const struct gb_side *side, size_t field) {
    struct gb_names names = {.count = 0};
    for (size_t f = 0; f < side->count; f++) {
        const struct gb_result_context *const context = &side->results[f].context;
        const void *const at = (const char *)context + fields[field].at;
        char count[24];
        const char *const text = fields[field].kind == TEXT ? *(const char *const *)at : NULL;
        if (text) gb_names_add(&names, text);
        if (fields[field].kind == COUNT) {
            snprintf(count, sizeof count, "%zu", *(const size_t *)at);
            if (!gb_names_hold(&names, count)) gb_names_add(&names, gb_result_text(&c->memory, count));
        }
        for (size_t i = 0; i < context->n_warnings && fields[field].kind == TEXTS; i++)
            gb_names_add(&names, context->warnings[i]);
    }
    return names;
}

/* Those of a that b does not have; all where both are single values. */
static const char *differing(struct gb_comparison *c, const struct gb_names *a, const struct gb_names *b, bool all) {
    char text[600] = "";
    for (size_t i = 0; i < a->count; i++)
        if (all || !gb_names_hold(b, a->list[i])) gb_text_append(text, sizeof text, "%s%s", *text ? "; " : "", a->list[i]);
    return gb_result_text(&c->memory, text);
}

static bool hold_same(const struct gb_names *a, const struct gb_names *b) {
    size_t same = 0;
    for (size_t i = 0; i < a->count; i++) same += gb_names_hold(b, a->list[i]);
    return same == a->count && same == b->count;
}

/* What decides times also differs where a side is not of one kind: its own times do not compare. */
static void find_differences(struct gb_comparison *c, const struct gb_side sides[GB_SIDES]) {
    c->differences = gb_result_alloc(&c->memory, GB_DIFFERENCES_MAX, sizeof *c->differences);
    for (size_t i = 0; i < GB_DIFFERENCES_MAX && c->differences; i++) {
        const struct gb_names base = values_of(c, &sides[GB_BASE], i), now = values_of(c, &sides[GB_NEW], i);
        const bool list = fields[i].kind == TEXTS;
        if (hold_same(&base, &now) && (base.count < 2 || !fields[i].decides)) continue;
        if (!list && (base.count == 0 || now.count == 0)) continue; /* an older file does not say */
        c->differences[c->n_differences++] = (struct gb_context_difference){
            fields[i].what, {differing(c, &base, &now, !list), differing(c, &now, &base, !list)}, fields[i].decides};
        c->incomparable = c->incomparable || fields[i].decides;
    }
}

/* --- verdicts */

static int by_p(const void *a, const void *b) {
    const double x = ((const struct gb_compared *)a)->p, y = ((const struct gb_compared *)b)->p;
    return (x > y) - (x < y);
}

static int class_of(const struct gb_compared *row) {
    static const char *const classes[] = {"slower", "inconclusive", "same"};
    int class = 0;
    while (class < 3 && strcmp(row->verdict, classes[class]) != 0) class ++;
    return class;
}

static int worst_first(const void *a, const void *b) {
    const struct gb_compared *const x = a, *const y = b;
    const int order = class_of(x) - class_of(y);
    return order ? order : (x->pair.ratio > y->pair.ratio) - (x->pair.ratio < y->pair.ratio);
}

bool gb_comparison_judge(struct gb_comparison *c) {
    size_t *const counts[] = {&c->slower, &c->inconclusive, &c->same, &c->faster};
    double *const p = gb_result_alloc(&c->memory, c->n_rows, 2 * sizeof *p), logs = 0;
    if (!p) return false;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) *counts[i] = 0;
    qsort(c->rows, c->n_rows, sizeof *c->rows, by_p);
    for (size_t i = 0; i < c->n_rows; i++) p[i] = c->rows[i].p;
    gb_holm(p, c->n_rows);
    for (size_t i = 0; i < c->n_rows; i++) {
        struct gb_compared *const row = &c->rows[i];
        row->holm = p[i];
        row->verdict = gb_verdict_at(&row->pair, c->threshold, row->noise);
        if (row->holm > ALPHA && (class_of(row) == 0 || class_of(row) == 3)) row->verdict = "inconclusive";
        ++*counts[class_of(row)];
        logs += log(row->pair.ratio);
    }
    for (size_t i = 0; i < c->n_rows; i++) p[i] = fabs(c->rows[i].pair.ratio - 1);
    c->apart = c->n_rows ? gb_summarize(p, c->n_rows, p + c->n_rows).median : 0;
    qsort(c->rows, c->n_rows, sizeof *c->rows, worst_first);
    c->mean = c->n_rows ? exp(logs / (double)c->n_rows) : 1;
    return true;
}

bool gb_compare_sides(struct gb_comparison *c, const struct gb_side sides[GB_SIDES]) {
    struct work w = {.comparison = c, .sides = sides};
    find_differences(c, sides);
    if (!collect(&w) || !collect_nulls(&w) || !compare_rows(&w)) return false;
    apply_controls(c);
    return add_spread(&w) && gb_comparison_judge(c) && !c->memory.exhausted;
}

void gb_comparison_free(struct gb_comparison *c) {
    gb_result_free(&c->memory);
    *c = (struct gb_comparison){.n_rows = 0};
}
