/* The default view: a row a problem and kernel. Its columns are the variants' times, then what the fastest of ours came to
 * against ref, its limit and the best peer with as many threads. */
#include <string.h>

#include "report_table.h"
#include "report_words.h"
#include "text.h"

/* What is left out where the width does not do, first to last. */
enum rank {
    KEPT,
    REF_ON_MORE_THREADS,
    BETWEEN_THREADS, /* neither the fewest nor the most */
    PEER_TIME_RANK,
    REF_INTERVAL_RANK,
    REF_TIME,
    NARROWER_ISA,
    REF_RATIO_RANK,
    FEWER_THREADS,
    PEER_INTERVAL_RANK,
    PEER_NAME_RANK,
};

/* Columns behind those of our variants. */
enum extra { REF_RATIO, REF_INTERVAL, SHARE, PEER_NAME, PEER_TIME, PEER_RATIO, PEER_INTERVAL, EXTRAS };

static const struct {
    const char *upper, *lower; /* the head */
    const char *name;          /* where it is left out */
} heads[EXTRAS] = {
    [REF_RATIO] = {"vs", "ref", "the ratio to ref"},
    [REF_INTERVAL] = {"", "95 % CI", "the interval against ref"},
    [SHARE] = {"share of", "its limit", ""},
    [PEER_NAME] = {"best", "peer", "the peer's name"},
    [PEER_TIME] = {"", "time", "the peer's time"},
    [PEER_RATIO] = {"vs", "peer", ""},
    [PEER_INTERVAL] = {"", "95 % CI", "the interval against the peer"},
};

enum { PEER_NAME_MOST = 20 };

#define SAMPLED "  sampled"

struct layout {
    struct gb_column columns[1 + GB_RESULT_OWN_MAX + EXTRAS]; /* the kernel, ours, the others */
    size_t hidden;
    const char *sampled; /* ends a row that was verified so, where REF_INTERVAL does not say it and there is room */
};

static bool shown(const struct gb_column *column) { return column->width && !column->hidden; }

static const struct gb_column *own_column(const struct layout *layout, size_t i) { return &layout->columns[1 + i]; }

static const struct gb_column *extra_column(const struct gb_result *result, const struct layout *layout, enum extra extra) {
    return &layout->columns[1 + result->n_own + extra];
}

/* Of the first column; also "threads" stands there. */
static int name_width(const struct gb_result *result) {
    size_t width = 8;
    for (size_t k = 0; k < result->n_problems; k++) {
        const struct gb_result_problem *const problem = &result->problems[k];
        const size_t length = strlen(gb_kernel_part(problem->kernel)) + (result->names_types ? 1 + strlen(problem->dtype) : 0);
        if (length > width) width = length;
    }
    return (int)width + 1;
}

static struct gb_column own_layout(const struct gb_result *result, const struct gb_result_variant *v) {
    const struct gb_result_variant *const last = &result->variants[result->n_own - 1];
    const bool few = v->threads == result->variants[0].threads, most = v->threads == last->threads;
    const bool widest = strcmp(v->name, last->name) == 0;
    const int name = (int)strlen(v->name) + 1;
    struct gb_column column = {.width = name > 7 ? name : 7, .rank = KEPT};
    if (v->threads > 1) column.width++; /* for the mark of fewer threads */
    if (widest) column.rank = most ? KEPT : few ? FEWER_THREADS : BETWEEN_THREADS;
    else if (v->ref) column.rank = few ? REF_TIME : REF_ON_MORE_THREADS;
    else column.rank = few || most ? NARROWER_ISA : BETWEEN_THREADS;
    return column;
}

static struct layout make_layout(const struct gb_report *report, const struct gb_result *result) {
    const size_t last = result->n_own - 1;
    const bool ref = gb_reference_of(result, last) < last, raced = result->n_own < result->n_variants;
    struct layout layout = {.hidden = 0};
    int peer = 4;
    for (size_t i = result->n_own; i < result->n_variants; i++)
        if ((int)strlen(result->variants[i].name) > peer) peer = (int)strlen(result->variants[i].name);
    if (report->width && peer > PEER_NAME_MOST) peer = PEER_NAME_MOST;
    layout.columns[0] = (struct gb_column){.width = name_width(result), .left = 1};
    for (size_t i = 0; i < result->n_own; i++) layout.columns[1 + i] = own_layout(result, &result->variants[i]);
    const struct gb_column extras[EXTRAS] = {
        [REF_RATIO] = {.width = ref ? 6 : 0, .rank = REF_RATIO_RANK},
        [REF_INTERVAL] = {.width = ref ? 13 : 0, .rank = REF_INTERVAL_RANK, .left = 1},
        [SHARE] = {.width = 10, .rank = KEPT, .left = 1},
        [PEER_NAME] = {.width = raced ? peer + 2 : 0, .rank = PEER_NAME_RANK, .left = 1},
        [PEER_TIME] = {.width = raced ? 7 : 0, .rank = PEER_TIME_RANK},
        [PEER_RATIO] = {.width = raced ? 6 : 0, .rank = KEPT},
        [PEER_INTERVAL] = {.width = raced ? 13 : 0, .rank = PEER_INTERVAL_RANK, .left = 1},
    };
    memcpy(layout.columns + 1 + result->n_own, extras, sizeof extras);
    layout.hidden = gb_columns_fit(layout.columns, 1 + result->n_own + EXTRAS, report->width);
    int used = (int)strlen(SAMPLED);
    for (size_t i = 0; i < 1 + result->n_own + EXTRAS; i++) used += shown(&layout.columns[i]) ? layout.columns[i].width : 0;
    layout.sampled = report->width == 0 || used <= report->width ? SAMPLED : "";
    return layout;
}

static void print_hidden(const struct gb_report *report, const struct gb_result *result, const struct layout *layout) {
    char names[400] = "";
    for (size_t i = 0; i < result->n_own + EXTRAS; i++) {
        const char *const name = i < result->n_own ? result->variants[i].label : heads[i - result->n_own].name;
        if (layout->columns[1 + i].hidden) gb_text_append(names, sizeof names, "%s%s", names[0] ? "; " : "", name);
    }
    gb_print_hidden(report, layout->hidden, names);
}

/* Two lines: names, and numbers of threads. */
static void print_head(const struct gb_report *report, const struct gb_result *result, const struct layout *layout) {
    char text[96];
    fprintf(report->out, "\n%s", gb_dim(report));
    for (int lower = 0; lower < 2; lower++) {
        struct gb_line line = {report, 0};
        gb_print_cell(&line, &layout->columns[0], "", lower ? "threads" : "");
        for (size_t i = 0; i < result->n_own; i++) {
            const struct gb_result_variant *const v = &result->variants[i];
            const char *const mark = v->threads > 1 ? " " : "";
            if (lower) snprintf(text, sizeof text, "%zu%s", v->threads, mark);
            else snprintf(text, sizeof text, "%s%s", v->name, mark);
            gb_print_cell(&line, own_column(layout, i), "", text);
        }
        for (int extra = 0; extra < EXTRAS; extra++)
            gb_print_cell(&line, extra_column(result, layout, (enum extra)extra), "",
                          lower ? heads[extra].lower : heads[extra].upper);
        fprintf(report->out, "%s\n", lower ? gb_plain(report) : "");
    }
}

/* Of one line of a workload, or of several that differ in their kernels only. */
static bool same_title(const struct gb_result_problem *a, const struct gb_result_problem *b) {
    return strcmp(a->workload, b->workload) == 0 && strcmp(a->title, b->title) == 0;
}

/* What comes before a colon: "gpt2" of gpt2:fc. */
static bool same_network(const struct gb_result_problem *a, const struct gb_result_problem *b) {
    const size_t length = strcspn(a->workload, ":");
    return length == strcspn(b->workload, ":") && strncmp(a->workload, b->workload, length) == 0;
}

/* Before the first row, and again where a network starts on another page of rows than the one before did. */
static bool needs_head(const struct gb_result *result, const struct gb_result_problem *problem) {
    enum { PAGE = 16 };
    const struct gb_result_problem *const first = result->problems, *before = problem - 1;
    if (problem == first) return true;
    if (same_network(before, problem)) return false;
    while (before > first && same_network(before - 1, before)) before--;
    return (before - first) / PAGE != (problem - first) / PAGE;
}

/* It ran as another cell of its isa did: on exactly as many threads as that one was allowed. */
static bool is_repeated(const struct gb_result *result, const struct gb_result_problem *problem, size_t i) {
    const size_t used = problem->rows[i].threads_used;
    for (size_t j = 0; j < result->n_own; j++)
        if (j != i && strcmp(result->variants[j].name, result->variants[i].name) == 0 && result->variants[j].threads == used &&
            gb_is_timed(result, problem, j))
            return true;
    return false;
}

/* Of ours, ref or the others. Of cells that ran alike it is not noise that chooses. The number of variants: none was timed. */
static size_t fastest_among(const struct gb_result *result, const struct gb_result_problem *problem, bool ref) {
    size_t best = result->n_variants;
    for (size_t i = 0; i < result->n_own; i++) {
        if (!gb_is_timed(result, problem, i) || result->variants[i].ref != ref || is_repeated(result, problem, i)) continue;
        if (best == result->n_variants || problem->rows[i].summary.median < problem->rows[best].summary.median) best = i;
    }
    return best;
}

/* ref only where nothing else was timed. */
static size_t fastest_of(const struct gb_result *result, const struct gb_result_problem *problem) {
    const size_t fastest = fastest_among(result, problem, false);
    return fastest < result->n_variants ? fastest : fastest_among(result, problem, true);
}

/* "46.8us": a time without its space. */
static const char *short_time(double ns, char *text, size_t size) {
    gb_time_text(ns, text, size);
    char *const space = strchr(text, ' ');
    if (space) memmove(space, space + 1, strlen(space));
    return text;
}

static void print_own(struct gb_line *line, const struct gb_result *result, const struct layout *layout,
                      const struct gb_result_problem *problem, size_t i, bool fastest) {
    const struct gb_result_row *const m = &problem->rows[i];
    const size_t threads = result->variants[i].threads;
    const bool fewer = m->state == GB_STATE_TIMED && m->threads_used < threads;
    const char *const mark = m->not_cold ? "~" : fewer ? gb_result_had_fewer_threads(m) ? "!" : "*" : threads == 1 ? "" : " ";
    char time[32] = "-", text[40];
    if (m->state == GB_STATE_TIMED) short_time(m->summary.median, time, sizeof time);
    else if (m->state == GB_STATE_FAILED) snprintf(time, sizeof time, "FAILED");
    else if (m->state == GB_STATE_NOT_TIMED) snprintf(time, sizeof time, ">%.1fs", m->longest_ns / 1e9);
    snprintf(text, sizeof text, "%s%s", time, mark);
    const char *const escape = m->state == GB_STATE_FAILED ? gb_red(line->report) : fastest ? gb_bold(line->report) : "";
    gb_print_cell(line, own_column(layout, i), escape, text);
}

/* The ratio of i to j, and its interval; without j, "-" and why. */
static void print_ratio(struct gb_line *line, const struct gb_result *result, const struct layout *layout,
                        const struct gb_result_problem *problem, size_t i, size_t j, enum extra ratio, const char *why) {
    const struct gb_column *const first = extra_column(result, layout, ratio);
    const struct gb_column *const second = extra_column(result, layout, ratio + 1);
    char value[24], text[64];
    if (i == j || !gb_is_timed(result, problem, i) || !gb_is_timed(result, problem, j)) {
        gb_print_cell(line, first, "", "-");
        gb_print_cell(line, second, "", why);
        return;
    }
    const struct gb_versus versus = gb_compare_cells(problem, i, j);
    const bool slower = strcmp(versus.verdict, "slower") == 0;
    snprintf(text, sizeof text, "%sx", gb_ratio_text(versus.pair.ratio, value, sizeof value));
    gb_print_cell(line, first, slower ? gb_red(line->report) : "", text);
    gb_print_cell(line, second, "", gb_interval_text(versus.pair.low, versus.pair.high, text, sizeof text));
}

/* The whole of the percents, below each other. */
static void print_share(struct gb_line *line, const struct gb_result *result, const struct layout *layout,
                        const struct gb_result_problem *problem, size_t i) {
    char share[40] = "-", text[48];
    if (i < result->n_variants) gb_share_text(&problem->rows[i].share, share, sizeof share);
    const int digits = strchr(share, '%') ? (int)strcspn(share, " ") : 3;
    snprintf(text, sizeof text, "%*s%s", digits < 3 ? 3 - digits : 0, "", share);
    gb_print_cell(line, extra_column(result, layout, SHARE), "", text);
}

static void print_peer(struct gb_line *line, const struct gb_result *result, const struct layout *layout,
                       const struct gb_result_problem *problem, size_t fastest) {
    const size_t threads = result->variants[fastest < result->n_variants ? fastest : 0].threads;
    const size_t best = gb_best_peer(result, problem, threads);
    const struct gb_column *const name = extra_column(result, layout, PEER_NAME);
    char text[64] = "-", time[32] = "-";
    if (best < result->n_variants) {
        snprintf(text, sizeof text, "%.*s", name->width - 2, result->variants[best].name);
        short_time(problem->rows[best].summary.median, time, sizeof time);
    }
    gb_print_cell(line, name, "", text);
    gb_print_cell(line, extra_column(result, layout, PEER_TIME), "", time);
    print_ratio(line, result, layout, problem, fastest, best, PEER_RATIO, "");
}

/* Lines under a row: what failed, and how. */
static void print_failures(const struct gb_report *report, const struct gb_result *result,
                           const struct gb_result_problem *problem) {
    for (size_t i = 0; i < result->n_variants; i++) {
        const struct gb_result_row *const m = &problem->rows[i];
        const bool failed = m->state == GB_STATE_FAILED;
        if (failed || (m->state == GB_STATE_GONE && m->failure && m->failure[0]))
            gb_say(report, 4, "  %s%s%s: %s %s", gb_red(report), result->variants[i].label, gb_plain(report),
                   failed ? "FAILED" : "gone", m->failure);
    }
}

void gb_report_row(const struct gb_report *report, const struct gb_result *result, const struct gb_result_problem *problem) {
    const struct layout layout = make_layout(report, result);
    const bool first = problem == result->problems;
    const size_t fastest = fastest_of(result, problem);
    struct gb_line line = {report, 0};
    bool sampled = false;
    char text[96];
    for (size_t i = 0; i < result->n_own; i++) sampled = sampled || strcmp(problem->rows[i].verified, "sampled") == 0;
    if (first) print_hidden(report, result, &layout);
    if (needs_head(result, problem)) print_head(report, result, &layout);
    else if (!same_network(problem - 1, problem)) fprintf(report->out, "\n");
    if (first || !same_title(problem - 1, problem))
        gb_say(report, 2, "%s%s%s  %s", gb_bold(report), problem->workload, gb_plain(report), problem->title);
    snprintf(text, sizeof text, "%s%s%s", gb_kernel_part(problem->kernel), result->names_types ? " " : "",
             result->names_types ? problem->dtype : "");
    gb_print_cell(&line, &layout.columns[0], "", text);
    for (size_t i = 0; i < result->n_own; i++) print_own(&line, result, &layout, problem, i, i == fastest);
    print_ratio(&line, result, &layout, problem, fastest, fastest < result->n_own ? gb_reference_of(result, fastest) : fastest,
                REF_RATIO, sampled ? &SAMPLED[2] : "");
    print_share(&line, result, &layout, problem, fastest);
    print_peer(&line, result, &layout, problem, fastest);
    fprintf(report->out, "%s\n", sampled && !shown(extra_column(result, &layout, REF_INTERVAL)) ? layout.sampled : "");
    print_failures(report, result, problem);
}
