/* The rows one by one. */
#include <math.h>
#include <string.h>

#include "markup.h"
#include "page_parts.h"
#include "report_words.h"
#include "text.h"

/* A row, and where it is printed. */
struct line {
    FILE *out;
    const struct gb_set *set;
    const struct gb_set_row *at;
    const struct gb_result_row *row;
};

static struct line line_of(FILE *out, const struct gb_set *set, size_t i) {
    return (struct line){out, set, &set->rows[i], set->rows[i].row};
}

/* A column of the table of rows; it is left out where no row has it. */
struct column {
    const char *head; /* as in gb_table_begin */
    bool (*has)(const struct line *l);
    void (*print)(const struct line *l);
};

static bool has_always(const struct line *l) { return l->row; }

static bool has_run(const struct line *l) { return l->set->n_runs > 1; }
static void print_run(const struct line *l) { gb_cell(l->out, NULL, l->set->runs[l->at->run].mark); }

static void print_workload(const struct line *l) { gb_name_cell(l->out, l->row->workload); }

static void print_kernel(const struct line *l) {
    char text[GB_LABEL_MAX];
    snprintf(text, sizeof text, "%s", l->row->kernel);
    if (strcmp(l->row->dtype, "f32") != 0) gb_text_append(text, sizeof text, " %s", l->row->dtype);
    if (strcmp(l->row->cache, "hot") != 0) gb_text_append(text, sizeof text, " %s", l->row->cache);
    gb_cell(l->out, NULL, text);
}

static void print_sizes(const struct line *l) {
    char text[GB_LABEL_MAX];
    gb_cell(l->out, NULL, gb_shape_text(l->row, text, sizeof text));
}

static bool has_options(const struct line *l) { return l->row->n_options > 0; }
static void print_options(const struct line *l) {
    char text[GB_LABEL_MAX];
    gb_cell(l->out, NULL, gb_options_text(l->row, text, sizeof text));
}

static void print_variant(const struct line *l) { gb_cell(l->out, NULL, l->row->variant); }

static void print_threads(const struct line *l) { gb_count_cell(l->out, l->row->threads); }

static void print_median(const struct line *l) {
    const char *const word = gb_state_words[l->row->state];
    if (gb_is_timed_row(l->row)) gb_time_cell(l->out, l->row->summary.median);
    else gb_cell(l->out, "n failed", word ? word : "not timed");
}

static void print_interval(const struct line *l) {
    char low[40], high[40], text[100];
    const double at = gb_is_timed_row(l->row) ? l->row->summary.low : NAN;
    snprintf(text, sizeof text, "%s\xe2\x80\x93%s", gb_time_text(l->row->summary.low, low, sizeof low),
             gb_time_text(l->row->summary.high, high, sizeof high));
    gb_number_cell(l->out, at, text);
}

static bool has_gflops(const struct line *l) { return l->row->gflops > 0; }
static void print_gflops(const struct line *l) { gb_ratio_cell(l->out, l->row->gflops); }

static bool has_gbps(const struct line *l) { return l->row->gbps > 0; }
static void print_gbps(const struct line *l) { gb_ratio_cell(l->out, l->row->gbps); }

static void print_share(const struct line *l) {
    char text[40] = "";
    if (gb_is_timed_row(l->row)) gb_share_text(&l->row->share, text, sizeof text);
    gb_number_cell(l->out, gb_is_timed_row(l->row) ? l->row->share.fraction : NAN, text);
}

static void print_pair(FILE *out, const struct gb_versus *versus) {
    char ratio[24], interval[56], text[100] = "";
    if (versus)
        snprintf(text, sizeof text, "%s %s", gb_ratio_text(versus->pair.ratio, ratio, sizeof ratio),
                 gb_interval_text(versus->pair.low, versus->pair.high, interval, sizeof interval));
    gb_number_cell(out, versus ? versus->pair.ratio : NAN, text);
}

static bool has_ref(const struct line *l) { return gb_row_versus(l->row, "ref"); }
static void print_ref(const struct line *l) { print_pair(l->out, gb_row_versus(l->row, "ref")); }

static bool has_best(const struct line *l) { return l->row->best_peer; }
static void print_best(const struct line *l) { print_pair(l->out, l->row->best_peer); }

/* "faster than openblas": words, not colors alone. */
static void print_verdict(const struct line *l) {
    static const struct {
        const char *verdict, *words;
    } table[] = {
        {"faster", "faster than"}, {"slower", "slower than"}, {"same", "as fast as"}, {"inconclusive", "cannot be told from"}};
    const struct gb_versus *const best = l->row->best_peer;
    char text[GB_LABEL_MAX] = "";
    for (size_t i = 0; i < sizeof table / sizeof *table && best; i++)
        if (strcmp(best->verdict, table[i].verdict) == 0)
            snprintf(text, sizeof text, "%s %s", table[i].words, gb_short_name(best->variant));
    gb_cell(l->out, best ? best->verdict : NULL, text);
}

static bool has_gain(const struct line *l) { return l->at->gain; }
static void print_gain(const struct line *l) {
    const struct gb_compared *const gain = l->at->gain;
    print_pair(l->out, gain ? &(struct gb_versus){.pair = gain->pair} : NULL);
}
static void print_gain_verdict(const struct line *l) {
    const char *const verdict = l->at->gain ? l->at->gain->verdict : NULL;
    gb_cell(l->out, verdict, verdict ? verdict : "");
}

static bool has_note(const struct line *l) {
    return (l->row->failure || l->row->note || strcmp(l->row->verified, "full") != 0);
}
static void print_note(const struct line *l) {
    const struct gb_result_row *const row = l->row;
    char text[400] = "";
    if (row->failure) snprintf(text, sizeof text, "%s", row->failure);
    else if (strcmp(row->verified, "full") != 0) snprintf(text, sizeof text, "verified: %s", row->verified);
    if (row->note) gb_text_append(text, sizeof text, "%s%s", text[0] ? "; " : "", row->note);
    gb_cell(l->out, "text", text);
}

/* On a phone the first ones are seen first. */
static const struct column columns[] = {
    {"run", has_run, print_run},
    {"workload", has_always, print_workload},
    {"kernel", has_always, print_kernel},
    {"variant", has_always, print_variant},
    {"#threads", has_always, print_threads},
    {"#time, median", has_always, print_median},
    {"#95 % interval", has_always, print_interval},
    {"#share of limit", has_always, print_share},
    {"#against best peer, ratio", has_best, print_best},
    {"verdict", has_best, print_verdict},
    {"#against ref, ratio", has_ref, print_ref},
    {"#against run A, ratio", has_gain, print_gain},
    {"than run A", has_gain, print_gain_verdict},
    {"#GFLOP/s", has_gflops, print_gflops},
    {"#GB/s", has_gbps, print_gbps},
    {"sizes", has_always, print_sizes},
    {"options", has_options, print_options},
    {"note", has_note, print_note},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

void gb_page_rows(FILE *out, const struct gb_set *set) {
    const char *heads[COLUMNS + 1] = {NULL};
    const struct column *shown[COLUMNS];
    char caption[GB_LABEL_MAX];
    size_t n = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t i = 0;
        for (bool has = false; i < set->n_rows && !has; i += !has) {
            const struct line line = line_of(out, set, i);
            has = columns[c].has(&line);
        }
        if (i == set->n_rows) continue;
        heads[n] = columns[c].head;
        shown[n++] = &columns[c];
    }
    snprintf(caption, sizeof caption, "All %zu rows; ratios with their 95 %% interval: above 1 the row is faster", set->n_rows);
    gb_section_begin(out, "rows", "All rows");
    gb_table_begin(out, "sorted", caption, heads);
    for (size_t i = 0; i < set->n_rows; i++) {
        gb_row_begin(out, i > 0 && set->rows[i].problem != set->rows[i - 1].problem ? "new" : NULL);
        const struct line line = line_of(out, set, i);
        for (size_t c = 0; c < n; c++) shown[c]->print(&line);
        gb_markup_end(out, "tr");
    }
    gb_table_end(out);
    gb_markup_end(out, "section");
}
