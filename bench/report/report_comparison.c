#include "report_comparison.h"

#include <stdio.h>
#include <string.h>

#include "report_words.h"
#include "text.h"

enum { NAME_MAX_BYTES = 400, ONLY_SHOWN = 5, UNDECIDED_SHOWN = 10 };

/* What a file says may hold anything: nothing of it reaches the terminal as a control. */
static void append_clean(char *text, size_t size, const char *words) {
    const size_t before = strlen(text);
    gb_text_append(text, size, "%s", words);
    for (char *p = text + before; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
}

/* "affine_dx n=3 d=4 dtype=f32 accumulate=1, avx2, 2 threads (net:fc)". */
static const char *row_text(const struct gb_result_row *row, char *text, size_t size) {
    char threads[40];
    text[0] = '\0';
    append_clean(text, size, row->kernel);
    for (size_t i = 0; i < row->n_shape; i++) {
        append_clean(text, size, " ");
        append_clean(text, size, row->shape[i].name);
        gb_text_append(text, size, "=%zu", row->shape[i].size);
    }
    gb_text_append(text, size, " dtype=%s", row->dtype);
    for (size_t i = 0; i < row->n_options; i++) {
        append_clean(text, size, " ");
        append_clean(text, size, row->options[i].word);
        gb_text_append(text, size, "=");
        append_clean(text, size, row->options[i].value ? row->options[i].value : "1");
    }
    gb_text_append(text, size, ", ");
    append_clean(text, size, row->variant);
    gb_text_append(text, size, ", %s%s (", gb_count_text(row->threads, "thread", threads, sizeof threads),
                   strcmp(row->cache, "cold") == 0 ? ", cold" : "");
    append_clean(text, size, row->workload);
    gb_text_append(text, size, ")");
    return text;
}

/* --- differences */

static void print_differences(const struct gb_report *report, const struct gb_comparison *c,
                              const char *const names[GB_SIDES]) {
    for (size_t i = 0; i < c->n_differences; i++) {
        const struct gb_context_difference *const d = &c->differences[i];
        char values[GB_SIDES][NAME_MAX_BYTES] = {"", ""};
        for (size_t s = 0; s < GB_SIDES; s++) append_clean(values[s], sizeof values[s], *d->values[s] ? d->values[s] : "none");
        gb_say(report, 2, "%s%s differ%s:%s %s: %s; %s: %s", d->decides ? gb_red(report) : "", d->what,
               d->what[strlen(d->what) - 1] == 's' ? "" : "s", d->decides ? gb_plain(report) : "", names[GB_BASE],
               values[GB_BASE], names[GB_NEW], values[GB_NEW]);
    }
    if (c->incomparable)
        gb_say(report, 2, "%sthe machines or settings are not the same: %s%s", gb_red(report),
               c->force ? "verdicts are given because of --force" : "no verdict is given (--force gives one)",
               gb_plain(report));
}

/* --- rows */

enum { VERDICT, BASE, NEW, NOISE, P, COLUMNS };

static void set_columns(const struct gb_report *report, struct gb_column columns[COLUMNS]) {
    enum { ROW_LEAST = 24 };
    const struct gb_column all[COLUMNS] = {
        [VERDICT] = {.width = 33, .left = 1}, [BASE] = {.width = 9, .rank = 3}, [NEW] = {.width = 9, .rank = 4},
        [NOISE] = {.width = 8, .rank = 1},    [P] = {.width = 7, .rank = 2},
    };
    memcpy(columns, all, sizeof all);
    gb_columns_fit(columns, COLUMNS, report->width ? report->width - ROW_LEAST : 0);
}

static const char *p_text(double p, char *text, size_t size) {
    if (p < 0.0005) snprintf(text, size, "<.001");
    else snprintf(text, size, "%.3f", p);
    return text;
}

/* Cells of one line, and behind them what wraps. */
static void print_line(const struct gb_report *report, const struct gb_column columns[COLUMNS], const char *escape,
                       char cells[COLUMNS][64], const char *row) {
    char text[2000];
    FILE *const out = fmemopen(text, sizeof text, "w");
    int indent = 2;
    if (!out) return;
    struct gb_report within = *report;
    within.out = out;
    struct gb_line line = {&within, 0};
    for (int i = 0; i < COLUMNS; i++) {
        gb_print_cell(&line, &columns[i], i == VERDICT ? escape : "", cells[i]);
        indent += columns[i].hidden ? 0 : columns[i].width;
    }
    fprintf(out, "%*s  %s", line.pending, "", row);
    fclose(out);
    gb_say(report, indent, "%s", text);
}

static void print_head(const struct gb_report *report, const struct gb_column columns[COLUMNS],
                       const char *const names[GB_SIDES]) {
    char cells[COLUMNS][64] = {[NOISE] = "noise", [P] = "p"};
    snprintf(cells[VERDICT], sizeof cells[VERDICT], "%.12s against %.12s", names[GB_NEW], names[GB_BASE]);
    for (size_t s = 0; s < GB_SIDES; s++) snprintf(cells[BASE + s], sizeof cells[BASE], "%.8s", names[s]);
    fprintf(report->out, "\n");
    print_line(report, columns, gb_dim(report), cells, "row");
}

static void print_row(const struct gb_report *report, const struct gb_column columns[COLUMNS], const struct gb_compared *r) {
    char cells[COLUMNS][64], row[NAME_MAX_BYTES];
    gb_pair_text(&r->pair, r->verdict, cells[VERDICT], sizeof cells[VERDICT]);
    for (size_t s = 0; s < GB_SIDES; s++) gb_time_text(r->ns[s], cells[BASE + s], sizeof cells[BASE]);
    if (r->noise > 9.99) snprintf(cells[NOISE], sizeof cells[NOISE], ">999 %%");
    else snprintf(cells[NOISE], sizeof cells[NOISE], r->noise < 0.995 ? "%.1f %%" : "%.0f %%", 100 * r->noise);
    p_text(r->holm, cells[P], sizeof cells[P]);
    print_line(report, columns, strcmp(r->verdict, "slower") == 0 ? gb_red(report) : "", cells,
               row_text(r->row, row, sizeof row));
}

static void print_rows(const struct gb_report *report, const struct gb_comparison *c, const char *const names[GB_SIDES]) {
    struct gb_column columns[COLUMNS];
    size_t shown = 0;
    set_columns(report, columns);
    for (size_t i = 0; i < c->n_rows; i++) { /* those without a difference are behind the slower ones */
        const bool slower = i < c->slower, faster = i >= c->n_rows - c->faster;
        if (!report->details && !slower && !faster && (i >= c->slower + c->inconclusive || i >= c->slower + UNDECIDED_SHOWN))
            continue;
        if (shown++ == 0) print_head(report, columns, names);
        print_row(report, columns, &c->rows[i]);
    }
    if (shown && shown < c->n_rows)
        gb_say(report, 2, " and %zu more, inconclusive or the same (--details lists all)", c->n_rows - shown);
    if (shown) fprintf(report->out, "\n");
}

static void print_list(const struct gb_report *report, const struct gb_result_row *const *rows, size_t count,
                       const char *what) {
    const size_t shown = report->details || count < ONLY_SHOWN ? count : ONLY_SHOWN;
    char text[NAME_MAX_BYTES];
    for (size_t i = 0; i < shown; i++) gb_say(report, 4, "%s: %s", what, row_text(rows[i], text, sizeof text));
    if (shown < count) gb_say(report, 4, "%s: %zu more (--details lists all)", what, count - shown);
}

static size_t count_lone(const struct gb_comparison *c) {
    size_t count = 0;
    for (size_t i = 0; i < c->n_rows; i++) count += c->rows[i].takes[GB_BASE] == 1 || c->rows[i].takes[GB_NEW] == 1;
    return count;
}

static void print_noise(const struct gb_report *report, const struct gb_comparison *c) {
    char rows[40];
    const size_t lone = c->process_noise > 0 ? count_lone(c) : 0;
    if (c->n_controls)
        gb_say(report, 2, "%s of ref, which nobody makes faster: what moved them is noise to the others of their problems",
               gb_count_text(c->n_controls, "row", rows, sizeof rows));
    if (lone)
        gb_say(report, 2,
               "%s of one process on a side: up to %.3g %% may be what processes of one build differ by (run both "
               "with --repeat 3, or give several files a side)",
               gb_count_text(lone, "row", rows, sizeof rows), 100 * c->process_noise);
    if (c->spread > 0)
        gb_say(report, 2, "the ratios of most rows spread so far that up to %.1f %% may be what runs differ by",
               100 * c->spread);
}

void gb_report_comparison(const struct gb_report *report, const struct gb_comparison *c, enum gb_measured measured,
                          const char *const names[GB_SIDES]) {
    char what[120], rows[40], mean[24];
    print_differences(report, c, names);
    if (c->n_rows) print_rows(report, c, names);
    for (size_t s = 0; s < GB_SIDES; s++) {
        snprintf(what, sizeof what, "only in %.100s", names[s]);
        print_list(report, c->only[s], c->n_only[s], what);
    }
    snprintf(what, sizeof what, "%sWRONG%s in %.80s", gb_red(report), gb_plain(report), names[GB_NEW]);
    print_list(report, c->failed, c->n_failed, what);
    gb_say(report, 2, "%s compared: %s%zu slower%s, %zu inconclusive, %zu the same, %zu faster",
           gb_count_text(c->n_rows, "row", rows, sizeof rows), c->slower ? gb_red(report) : "", c->slower,
           c->slower ? gb_plain(report) : "", c->inconclusive, c->same, c->faster);
    if (c->n_rows)
        gb_say(report, 2, "%s is %sx as fast as %s in the geometric mean of these rows; |ratio - 1| is %.2f %% in the median",
               names[GB_NEW], gb_ratio_text(c->mean, mean, sizeof mean), names[GB_BASE], 100 * c->apart);
    print_noise(report, c);
    gb_say(
        report, 2,
        "slower and faster: the whole 95 %% interval is beyond %.3g %% and the noise, and p, adjusted by Holm for %s, is up to "
        "0.05; %s",
        100 * c->threshold, gb_count_text(c->n_rows, "row", rows, sizeof rows),
        measured == GB_MEASURED_APART ? "the sides were measured one after the other: what the machine did meanwhile is in the "
                                        "ratios (compare --build measures both at once)"
                                      : "both sides were measured in the same rounds");
}
