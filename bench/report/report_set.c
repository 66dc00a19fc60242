#include "report_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "result_match.h"
#include "text.h"

bool gb_is_timed_row(const struct gb_result_row *row) { return row->state == GB_STATE_TIMED; }

bool gb_is_drawable(double value) { return value >= 1e-30 && value <= 1e30; }

bool gb_is_drawn(const struct gb_pair *pair) {
    return gb_is_drawable(pair->low) && gb_is_drawable(pair->ratio) && gb_is_drawable(pair->high);
}

const struct gb_versus *gb_row_versus(const struct gb_result_row *row, const char *variant) {
    for (size_t i = 0; i < row->n_vs; i++)
        if (strcmp(row->vs[i].variant, variant) == 0) return &row->vs[i];
    return NULL;
}

const char *gb_short_name(const char *variant) {
    static const char prefix[] = "peer:";
    return strncmp(variant, prefix, strlen(prefix)) == 0 ? variant + strlen(prefix) : variant;
}

const char *gb_options_text(const struct gb_result_row *row, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < row->n_options; i++) {
        const struct gb_result_option *const o = &row->options[i];
        gb_text_append(text, size, "%s%s%s%s", i ? " " : "", o->word, o->value ? "=" : "", o->value ? o->value : "");
    }
    return text;
}

const char *gb_shape_text(const struct gb_result_row *row, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < row->n_shape; i++)
        gb_text_append(text, size, "%s%s=%zu", i ? " " : "", row->shape[i].name, row->shape[i].size);
    return text;
}

const char *gb_row_text(const struct gb_result_row *row, char *text, size_t size) {
    char options[GB_LABEL_MAX];
    const char *const colon = strrchr(row->workload, ':');
    snprintf(text, size, "%s %s", colon ? colon + 1 : row->workload, row->kernel);
    if (strcmp(row->dtype, "f32") != 0) gb_text_append(text, size, " %s", row->dtype);
    if (row->n_options) gb_text_append(text, size, " %s", gb_options_text(row, options, sizeof options));
    if (strcmp(row->cache, "hot") != 0) gb_text_append(text, size, " %s", row->cache);
    return text;
}

void gb_mean_add(struct gb_mean *mean, double ratio, const char *verdict) {
    if (!gb_is_drawable(ratio)) return;
    mean->low = mean->count ? fmin(mean->low, ratio) : ratio;
    mean->high = mean->count ? fmax(mean->high, ratio) : ratio;
    mean->count++;
    mean->logs += log(ratio);
    mean->faster += verdict && strcmp(verdict, "faster") == 0;
    mean->slower += verdict && strcmp(verdict, "slower") == 0;
}

double gb_mean_of(const struct gb_mean *mean) { return exp(mean->logs / (double)mean->count); }

/* A row under way: `first` is that of its problem. */
struct entry {
    struct gb_set_row at;
    size_t place, first;
};

static int order_counts(size_t a, size_t b) { return (a > b) - (a < b); }

static int by_problem(const void *a, const void *b) {
    const struct entry *const x = a, *const y = b;
    const int order = gb_problem_order(x->at.row, y->at.row);
    return order ? order : order_counts(x->place, y->place);
}

static int by_first(const void *a, const void *b) {
    const struct entry *const x = a, *const y = b;
    int order = order_counts(x->first, y->first);
    if (order == 0) order = order_counts(x->at.run, y->at.run);
    if (order == 0) order = order_counts(x->at.variant, y->at.variant);
    if (order == 0) order = order_counts(x->at.row->threads, y->at.row->threads);
    return order ? order : order_counts(x->place, y->place);
}

/* Brings the rows of a problem together, wherever they come from. */
static void arrange(struct gb_set *set, struct entry *entries) {
    const size_t count = set->n_rows;
    qsort(entries, count, sizeof *entries, by_problem);
    for (size_t i = 0; i < count; i++) {
        const bool new = i == 0 || gb_problem_order(entries[i - 1].at.row, entries[i].at.row) != 0;
        entries[i].first = new ? entries[i].place : entries[i - 1].first;
    }
    qsort(entries, count, sizeof *entries, by_first);
    for (size_t i = 0; i < count; i++) {
        set->n_problems += i == 0 || entries[i - 1].first != entries[i].first;
        set->rows[i] = entries[i].at;
        set->raced |= entries[i].at.row->best_peer != NULL;
        set->rows[i].problem = set->n_problems - 1;
    }
}

size_t gb_set_variant(const struct gb_set *set, const char *variant) {
    size_t at = 0;
    while (at < set->n_variants && strcmp(set->variants[at], variant) != 0) at++;
    return at < GB_SET_VARIANTS_MAX ? at : GB_SET_VARIANTS_MAX - 1;
}

/* The plainest comes first, in whatever order the runs have them. */
static void add_ref(struct gb_set *set, const struct entry *entries) {
    for (size_t i = 0; i < set->n_rows && !set->n_variants; i++)
        if (strcmp(entries[i].at.row->variant, "ref") == 0) set->variants[set->n_variants++] = "ref";
}

static void add_variants(struct gb_set *set, struct entry *entries, bool peers) {
    for (size_t i = 0; i < set->n_rows; i++) {
        const struct gb_result_row *const row = entries[i].at.row;
        if (gb_result_is_peer(row) != peers) continue;
        const size_t at = gb_set_variant(set, row->variant);
        if (at == set->n_variants) set->variants[set->n_variants++] = row->variant;
        entries[i].at.variant = at;
    }
}

static int ascending(const void *a, const void *b) { return order_counts(*(const size_t *)a, *(const size_t *)b); }

/* threads: room for one a row, of which the run takes what it needs. Returns what is left. */
static size_t *fill_run(struct gb_set_run *run, size_t *threads) {
    const struct gb_result *const result = run->result;
    size_t kept = 0;
    for (size_t i = 0; i < result->n_rows; i++) {
        run->timed += gb_is_timed_row(&result->rows[i]);
        threads[i] = result->rows[i].threads;
    }
    run->not_timed = result->n_rows - run->timed;
    qsort(threads, result->n_rows, sizeof *threads, ascending);
    for (size_t i = 0; i < result->n_rows; i++)
        if (i == 0 || threads[i] != threads[kept - 1]) threads[kept++] = threads[i];
    run->threads = threads;
    run->n_threads = kept;
    return threads + kept;
}

/* Compares a run with the first. at: room for a pointer a row of the run. */
static int compare_run(struct gb_set *set, size_t k, const struct gb_compared **at) {
    struct gb_set_run *const run = &set->runs[k];
    const struct gb_side sides[GB_SIDES] = {{set->runs[0].result, 1}, {run->result, 1}};
    run->against = calloc(1, sizeof *run->against);
    if (!run->against) return gb_fail(GB_EXIT_RESOURCE, "no memory for the report");
    run->against->threshold = GB_VERDICT_THRESHOLD;
    if (!gb_compare_sides(run->against, sides))
        return run->against->memory.exhausted ? gb_fail(GB_EXIT_RESOURCE, "no memory for the report")
                                              : gb_fail(GB_EXIT_INPUT, "a run has a row more than %d times", GB_TAKES_MAX);
    memset(at, 0, run->result->n_rows * sizeof *at);
    for (size_t i = 0; i < run->against->n_rows; i++)
        at[run->against->rows[i].row - run->result->rows] = &run->against->rows[i];
    for (size_t i = 0; i < set->n_rows; i++)
        if (set->rows[i].run == k) set->rows[i].gain = at[set->rows[i].row - run->result->rows];
    return GB_EXIT_OK;
}

static int compare_runs(struct gb_set *set) {
    const struct gb_compared **const at = calloc(set->n_rows + 1, sizeof *at);
    int code = at ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the report");
    for (size_t k = 1; k < set->n_runs && code == GB_EXIT_OK; k++) code = compare_run(set, k, at);
    free(at);
    return code;
}

int gb_set_fill(struct gb_set *set, const struct gb_result *results, const char *const *files, size_t count) {
    *set = (struct gb_set){.n_runs = count};
    for (size_t k = 0; k < count; k++) set->n_rows += results[k].n_rows;
    set->runs = calloc(count, sizeof *set->runs);
    set->rows = calloc(set->n_rows + 1, sizeof *set->rows);
    set->threads = calloc(set->n_rows + 1, sizeof *set->threads);
    struct entry *const entries = calloc(set->n_rows + 1, sizeof *entries);
    const bool good = set->runs && set->rows && set->threads && entries;
    size_t *threads = set->threads, place = 0;
    for (size_t k = 0; k < count && good; k++) {
        struct gb_set_run *const run = &set->runs[k];
        *run = (struct gb_set_run){.result = &results[k], .file = files[k]};
        if (count > 1 && count <= 26) snprintf(run->mark, sizeof run->mark, "%c", (char)('A' + (int)k));
        else if (count > 1) snprintf(run->mark, sizeof run->mark, "R%d", (int)(k + 1) % 1000);
        for (size_t i = 0; i < results[k].n_rows; i++, place++)
            entries[place] = (struct entry){.at = {.row = &results[k].rows[i], .run = k}, .place = place};
        threads = fill_run(run, threads);
    }
    if (good) {
        add_ref(set, entries);
        add_variants(set, entries, false);
        set->n_own = set->n_variants;
        add_variants(set, entries, true);
        arrange(set, entries);
    }
    free(entries);
    return good ? compare_runs(set) : gb_fail(GB_EXIT_RESOURCE, "no memory for the report");
}

void gb_set_free(struct gb_set *set) {
    for (size_t k = 0; k < set->n_runs && set->runs; k++) {
        if (!set->runs[k].against) continue;
        gb_comparison_free(set->runs[k].against);
        free(set->runs[k].against);
    }
    free(set->runs);
    free(set->rows);
    free(set->threads);
    *set = (struct gb_set){.runs = NULL};
}
