#include "report_markdown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exports.h"
#include "message.h"
#include "report_words.h"
#include "text.h"

enum { COLUMNS_MAX = 64 };

/* A row that is shown. */
struct entry {
    const struct gb_result_row *row;
    size_t order, line; /* line: the order of the first one of its line */
};

struct table {
    FILE *out;
    struct entry *entries;
    size_t count;
    const struct gb_result_row *columns[COLUMNS_MAX]; /* one of each */
    size_t n_columns;
};

/* Text of a file: no line and no cell ends in it. */
static void print_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '|') fputc('\\', out);
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
    }
}

/* What comes after the colon: "fc" of gpt2:fc. */
static const char *layer_of(const struct gb_result_row *row) {
    const char *const colon = strrchr(row->workload, ':');
    return colon ? colon + 1 : row->workload;
}

static int compare_counts(size_t a, size_t b) { return (a > b) - (a < b); }

static int compare_shapes(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = compare_counts(a->n_shape, b->n_shape);
    for (size_t i = 0; order == 0 && i < a->n_shape; i++) {
        order = strcmp(a->shape[i].name, b->shape[i].name);
        if (order == 0) order = compare_counts(a->shape[i].size, b->shape[i].size);
    }
    return order;
}

static int compare_values(const char *a, const char *b) { return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL); }

static int compare_options(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = compare_counts(a->n_options, b->n_options);
    for (size_t i = 0; order == 0 && i < a->n_options; i++) {
        order = strcmp(a->options[i].word, b->options[i].word);
        if (order == 0) order = compare_values(a->options[i].value, b->options[i].value);
    }
    return order;
}

/* 0: of one line of the table. */
static int compare_lines(const struct gb_result_row *a, const struct gb_result_row *b) {
    int order = strcmp(a->workload, b->workload);
    if (order == 0) order = compare_shapes(a, b);
    if (order == 0) order = strcmp(a->kernel, b->kernel);
    if (order == 0) order = strcmp(a->dtype, b->dtype);
    return order ? order : compare_options(a, b);
}

static int by_line(const void *a, const void *b) {
    const struct entry *const x = a, *const y = b;
    const int order = compare_lines(x->row, y->row);
    return order ? order : compare_counts(x->order, y->order);
}

static int by_first(const void *a, const void *b) {
    const struct entry *const x = a, *const y = b;
    const int order = compare_counts(x->line, y->line);
    return order ? order : compare_counts(x->order, y->order);
}

static int compare_columns(const struct gb_result_row *a, const struct gb_result_row *b) {
    const int order = strcmp(b->isa, a->isa);
    return order ? order : compare_counts(b->threads, a->threads);
}

/* Keeps the columns in order. False: there are too many. */
static bool add_column(struct table *t, const struct gb_result_row *row) {
    size_t at = 0;
    while (at < t->n_columns && compare_columns(t->columns[at], row) < 0) at++;
    if (at < t->n_columns && compare_columns(t->columns[at], row) == 0) return true;
    if (t->n_columns == COLUMNS_MAX) return false;
    memmove(&t->columns[at + 1], &t->columns[at], (t->n_columns - at) * sizeof *t->columns);
    t->columns[at] = row;
    t->n_columns++;
    return true;
}

static int collect(struct table *t, const struct gb_result *results, size_t count) {
    size_t rows = 0;
    for (size_t k = 0; k < count; k++) rows += results[k].n_rows;
    t->entries = calloc(rows + 1, sizeof *t->entries);
    if (!t->entries) return gb_fail(GB_EXIT_RESOURCE, "no memory for the table");
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < results[k].n_rows; i++) {
            const struct gb_result_row *const row = &results[k].rows[i];
            if (gb_result_is_peer(row)) continue;
            if (!add_column(t, row))
                return gb_fail(GB_EXIT_INPUT, "a table has at most %d instruction sets times numbers of threads", COLUMNS_MAX);
            t->entries[t->count] = (struct entry){row, t->count, t->count};
            t->count++;
        }
    qsort(t->entries, t->count, sizeof *t->entries, by_line);
    for (size_t i = 1; i < t->count; i++)
        if (compare_lines(t->entries[i - 1].row, t->entries[i].row) == 0) t->entries[i].line = t->entries[i - 1].line;
    qsort(t->entries, t->count, sizeof *t->entries, by_first);
    return GB_EXIT_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* What comes after "peer:", or NULL. */
static const char *peer_of(const char *variant) {
    static const char prefix[] = "peer:";
    return strncmp(variant, prefix, strlen(prefix)) == 0 ? variant + strlen(prefix) : NULL;
}

static void print_raced(const struct table *t, const struct gb_result_row *column) {
    struct gb_names names = {.count = 0};
    for (size_t i = 0; i < t->count; i++)
        for (size_t j = 0; j < t->entries[i].row->n_vs && compare_columns(t->entries[i].row, column) == 0; j++)
            if (peer_of(t->entries[i].row->vs[j].variant)) gb_names_add(&names, peer_of(t->entries[i].row->vs[j].variant));
    qsort(names.list, names.count, sizeof *names.list, by_name);
    for (size_t i = 0; i < names.count; i++) {
        fputs(i ? ", " : "; raced: ", t->out);
        print_text(t->out, names.list[i]);
    }
}

static void print_options(FILE *out, const struct gb_result_row *row) {
    for (size_t i = 0; i < row->n_options; i++) {
        fputc(' ', out);
        print_text(out, row->options[i].word);
        fputc('=', out);
        print_text(out, row->options[i].value ? row->options[i].value : "1");
    }
}

static bool is_behind(const struct gb_result_row *row) {
    return row->best_peer && strcmp(row->best_peer->verdict, "slower") == 0;
}

/* The furthest behind, of a line each, which --shape takes. */
static void print_behind(const struct table *t, const struct gb_result_row *column) {
    const struct gb_result_row *worst[GB_WORST_SHOWN];
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct gb_result_row *const row = t->entries[i].row;
        if (!is_behind(row) || compare_columns(row, column) != 0) continue;
        size_t at = count;
        while (at > 0 && row->best_peer->pair.ratio < worst[at - 1]->best_peer->pair.ratio) at--;
        if (at == GB_WORST_SHOWN) continue;
        count += count < GB_WORST_SHOWN;
        memmove(&worst[at + 1], &worst[at], (count - 1 - at) * sizeof *worst);
        worst[at] = row;
    }
    for (size_t i = 0; i < count; i++) {
        const struct gb_versus *const best = worst[i]->best_peer;
        const char *const peer = peer_of(best->variant);
        fputs("  - behind ", t->out);
        print_text(t->out, peer ? peer : best->variant);
        fprintf(t->out, ", %.2f [%.2f, %.2f]: ", best->pair.ratio, best->pair.low, best->pair.high);
        print_text(t->out, worst[i]->kernel);
        for (size_t d = 0; d < worst[i]->n_shape; d++) {
            fputc(' ', t->out);
            print_text(t->out, worst[i]->shape[d].name);
            fprintf(t->out, "=%zu", worst[i]->shape[d].size);
        }
        fprintf(t->out, " dtype=%s", worst[i]->dtype);
        print_options(t->out, worst[i]);
        fputc('\n', t->out);
    }
}

/* Against the best peers. */
static void print_column_summary(const struct table *t, const struct gb_result_row *column, bool brief) {
    size_t rows = 0, below = 0, behind = 0;
    double logs = 0;
    char threads[40];
    for (size_t i = 0; i < t->count; i++) {
        const struct gb_result_row *const row = t->entries[i].row;
        if (!row->best_peer || compare_columns(row, column) != 0) continue;
        rows++;
        below += row->best_peer->pair.high < 1;
        behind += is_behind(row);
        logs += log(row->best_peer->pair.ratio);
    }
    if (rows == 0) return;
    fputs("- ", t->out);
    print_text(t->out, column->isa);
    fprintf(t->out, ", %s: geometric mean %.2f of %zu, %zu below 1 and %zu behind",
            gb_count_text(column->threads, "thread", threads, sizeof threads), exp(logs / (double)rows), rows, below, behind);
    if (!brief) print_raced(t, column);
    fputc('\n', t->out);
    if (!brief) print_behind(t, column);
}

static void print_machine(FILE *out, const struct gb_result_context *c) {
    char day[11];
    snprintf(day, sizeof day, "%s", c->date);
    const char *const parts[] = {"- ", c->isa,      ": ",          c->topology, ", ", day,
                                 ", ", c->compiler, ", revision ", c->revision, NULL};
    for (size_t i = 0; parts[i]; i++) print_text(out, parts[i]);
    fputc('\n', out);
}

static void print_time(FILE *out, double ns) {
    if (ns >= 999.5e6) fprintf(out, "%.3g s", ns / 1e9);
    else if (ns >= 999.5e3) fprintf(out, "%.3g ms", ns / 1e6);
    else if (ns >= 999.5) fprintf(out, "%.3g us", ns / 1e3);
    else fprintf(out, "%.0f ns", ns);
}

static void print_share(FILE *out, const struct gb_share *share) {
    if (strcmp(share->limit, "latency") == 0) fputs(", latency", out);
    else if (strcmp(share->limit, "cache") == 0) fputs(", in cache", out);
    else fprintf(out, ", %.0f %%", 100 * share->fraction);
}

/* Time, share of the limit, ratio to the best peer with its interval; bold where that is wholly below 1. */
static void print_cell(FILE *out, const struct gb_result_row *row) {
    const struct gb_versus *const best = row->best_peer;
    if (row->state != GB_STATE_TIMED) {
        fprintf(out, "**%s**", gb_state_words[row->state]);
        return;
    }
    print_time(out, row->summary.median);
    print_share(out, &row->share);
    if (!best) return;
    const char *const mark = best->pair.high < 1 ? "**" : "", *const word =
                                                                  strcmp(best->verdict, "slower") == 0 ? " behind" : "";
    fprintf(out, ", %s%.2f [%.2f, %.2f]%s%s", mark, best->pair.ratio, best->pair.low, best->pair.high, word, mark);
}

/* Does the row have a size that the head, which is about the first one, does not name? */
static bool has_other_sizes(const struct gb_result_row *row, const struct gb_result_row *first) {
    size_t known = 0;
    for (size_t i = 0; i < row->n_shape; i++)
        for (size_t j = 0; j < first->n_shape; j++) known += strcmp(row->shape[i].name, first->shape[j].name) == 0;
    return known < row->n_shape;
}

/* The first columns: the layer, its sizes, and the kernel with what is not the default. */
static void print_what(FILE *out, const struct gb_result_row *row, bool named) {
    fputs("| ", out);
    print_text(out, layer_of(row));
    fputs(" | ", out);
    for (size_t i = 0; i < row->n_shape; i++) {
        fputs(i ? ", " : "", out);
        if (named) print_text(out, row->shape[i].name);
        fprintf(out, "%s%zu", named ? "=" : "", row->shape[i].size);
    }
    fputs(" | ", out);
    print_text(out, gb_kernel_part(row->kernel));
    if (strcmp(row->dtype, "f32") != 0) fprintf(out, " %s", row->dtype);
    print_options(out, row);
    fputs(" |", out);
}

static void print_head(const struct table *t) {
    const struct gb_result_row *const first = t->entries[0].row;
    fputs("| layer | ", t->out);
    for (size_t i = 0; i < first->n_shape; i++) {
        fputs(i ? ", " : "", t->out);
        print_text(t->out, first->shape[i].name);
    }
    fputs(" | kernel |", t->out);
    for (size_t i = 0; i < t->n_columns; i++) {
        fputc(' ', t->out);
        print_text(t->out, t->columns[i]->isa);
        fprintf(t->out, ", %zu thr |", t->columns[i]->threads);
    }
    fputc('\n', t->out);
    for (size_t i = 0; i < 3 + t->n_columns; i++) fputs("|---", t->out);
    fputs("|\n", t->out);
}

/* Returns the entry after those of the line. What a column has twice, of several files, has a line of its own. */
static size_t print_line(const struct table *t, size_t first, bool shown) {
    const struct entry *const e = t->entries;
    size_t end = first, left;
    while (end < t->count && e[end].line == e[first].line) end++;
    left = shown ? end - first : 0;
    for (size_t nth = 0; left > 0; nth++) {
        print_what(t->out, e[first].row, has_other_sizes(e[first].row, e[0].row));
        for (size_t c = 0; c < t->n_columns; c++) {
            size_t i = first, before = 0;
            while (i < end && (compare_columns(e[i].row, t->columns[c]) != 0 || before++ < nth)) i++;
            fputc(' ', t->out);
            if (i < end) print_cell(t->out, e[i].row), left--;
            fputs(" |", t->out);
        }
        fputc('\n', t->out);
    }
    return end;
}

static bool is_all_gradients(const struct gb_result_row *row) { return strcmp(gb_kernel_part(row->kernel), "backward") == 0; }

int gb_report_markdown(FILE *out, const struct gb_result *results, size_t count, bool brief) {
    struct table t = {.out = out};
    const int code = collect(&t, results, count);
    for (size_t i = 0; i < t.n_columns && code == GB_EXIT_OK; i++) print_column_summary(&t, t.columns[i], brief);
    for (size_t i = 0; i < count && code == GB_EXIT_OK && !brief; i++) print_machine(out, &results[i].context);
    if (code == GB_EXIT_OK && t.count) {
        fputc('\n', out);
        print_head(&t);
        for (size_t i = 0; i < t.count;) i = print_line(&t, i, !brief || is_all_gradients(t.entries[i].row));
    }
    free(t.entries);
    return code;
}

int gb_export_markdown(const struct gb_export *export) {
    return gb_report_markdown(export->out, export->results, export->count, export->brief);
}
