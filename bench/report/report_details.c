/* --details: a block a problem, a row a variant. */
#include <string.h>

#include "report_table.h"
#include "report_words.h"
#include "text.h"

enum { VARIANT, THREADS, MEDIAN, INTERVAL, RATE, SHARE, AGAINST_REF, VERIFIED, COLUMNS };

static const char *const titles[COLUMNS] = {"variant", "threads",      "median",      "95 % CI",
                                            "rate",    "of the limit", "against ref", "verified"};

struct layout {
    struct gb_column columns[COLUMNS];
    size_t hidden;
};

static struct layout make_layout(const struct gb_report *report, const struct gb_result *result) {
    struct layout layout = {.columns = {[VARIANT] = {.width = 10, .left = 2},
                                        [THREADS] = {.width = 9},
                                        [MEDIAN] = {.width = 10},
                                        [INTERVAL] = {.width = 22, .rank = 3, .left = 2},
                                        [RATE] = {.width = 14, .rank = 2},
                                        [SHARE] = {.width = 14, .rank = 5, .left = 2},
                                        [AGAINST_REF] = {.width = 35, .rank = 4, .left = 2},
                                        [VERIFIED] = {.width = 18, .rank = 1, .left = 2}}};
    for (size_t i = 0; i < result->n_variants; i++) {
        const int width = (int)strlen(result->variants[i].name) + 2;
        if (width > layout.columns[VARIANT].width) layout.columns[VARIANT].width = width;
    }
    layout.hidden = gb_columns_fit(layout.columns, COLUMNS, report->width);
    return layout;
}

static void print_hidden(const struct gb_report *report, const struct layout *layout) {
    char names[128] = "";
    for (int i = 0; i < COLUMNS; i++)
        if (layout->columns[i].hidden) gb_text_append(names, sizeof names, "%s%s", names[0] ? ", " : "", titles[i]);
    gb_print_hidden(report, layout->hidden, names);
}

static void print_title(const struct gb_report *report, const struct layout *layout, const struct gb_result_problem *problem) {
    char flops[32], bytes[24];
    struct gb_line line = {report, 0};
    fprintf(report->out, "\n");
    gb_say(report, 2, "%s%s%s  %s  %s, %s", gb_bold(report), problem->text, gb_plain(report), problem->workload,
           gb_flops_text(problem->flops, flops, sizeof flops), gb_bytes_text(problem->footprint, bytes, sizeof bytes));
    for (int i = 0; i < COLUMNS; i++) gb_print_cell(&line, &layout->columns[i], "", titles[i]);
    fprintf(report->out, "\n");
}

static const char *against_ref(const struct gb_result *result, const struct gb_result_problem *problem, size_t i, char *text,
                               size_t size) {
    const size_t ref = gb_reference_of(result, i);
    if (ref == i || !gb_is_timed(result, problem, ref)) return ref == i ? "1" : "-";
    const struct gb_versus versus = gb_compare_cells(problem, i, ref);
    return gb_pair_text(&versus.pair, versus.verdict, text, size);
}

/* What follows the variant and its threads. */
static void print_timed(struct gb_line *line, const struct gb_result *result, const struct layout *layout,
                        const struct gb_result_problem *problem, size_t i) {
    const struct gb_result_row *const m = &problem->rows[i];
    const struct gb_summary *const s = &m->summary;
    const struct gb_column *const columns = layout->columns;
    const bool products = problem->products, noted = m->note && line->report->width == 0;
    char text[128], verified[300], low[24], high[24];
    gb_print_cell(line, &columns[MEDIAN], "", gb_time_text(s->median, text, sizeof text));
    snprintf(text, sizeof text, "%s .. %s", gb_time_text(s->low, low, sizeof low), gb_time_text(s->high, high, sizeof high));
    gb_print_cell(line, &columns[INTERVAL], "", text);
    gb_rate_text(products ? m->gflops : m->gbps, products ? "FLOP/s" : "B/s", text, sizeof text);
    gb_print_cell(line, &columns[RATE], "", text);
    gb_print_cell(line, &columns[SHARE], "", gb_share_text(&m->share, text, sizeof text));
    gb_print_cell(line, &columns[AGAINST_REF], "", against_ref(result, problem, i, text, sizeof text));
    const char *const extent = strcmp(m->verified, "full") == 0 ? "in full" : "sampled";
    snprintf(verified, sizeof verified, "%s%s%s", result->variants[i].peer ? "within the bound" : extent, noted ? "; " : "",
             noted ? m->note : "");
    gb_print_cell(line, &columns[VERIFIED], "", verified);
    fprintf(line->report->out, "\n");
}

static void print_row(const struct gb_report *report, const struct gb_result *result, const struct layout *layout,
                      const struct gb_result_problem *problem, size_t i) {
    const struct gb_result_row *const m = &problem->rows[i];
    const struct gb_result_variant *const v = &result->variants[i];
    struct gb_line line = {report, 0};
    char head[160], threads[48];
    if (m->state == GB_STATE_UNFIT) return;
    if (m->state == GB_STATE_TIMED && m->threads_used < v->threads)
        snprintf(threads, sizeof threads, "%zu (%zu)", v->threads, m->threads_used);
    else snprintf(threads, sizeof threads, "%zu", v->threads);
    snprintf(head, sizeof head, "  %-*s%*s", layout->columns[VARIANT].width - 2, v->name, layout->columns[THREADS].width,
             threads);
    switch (m->state) {
    case GB_STATE_TIMED:
        fprintf(report->out, "%s", head);
        print_timed(&line, result, layout, problem, i);
        break;
    case GB_STATE_FAILED: gb_say(report, 4, "%s    %sFAILED%s  %s", head, gb_red(report), gb_plain(report), m->failure); break;
    case GB_STATE_GONE: gb_say(report, 4, "%s      %sgone%s  %s", head, gb_red(report), gb_plain(report), m->failure); break;
    case GB_STATE_NOT_TIMED:
        gb_say(report, 4, "%s  not timed  (a call takes more than %.1f s)", head, m->longest_ns / 1e9);
        break;
    case GB_STATE_SKIPPED: gb_say(report, 4, "%s   stopped", head); break;
    default: break;
    }
}

/* Under the rows; width: of the labels. */
static void print_pair(const struct gb_report *report, const struct gb_result *result, const struct gb_result_problem *problem,
                       size_t i, size_t j, int width, const char *label) {
    char text[128];
    if (!gb_is_timed(result, problem, i) || !gb_is_timed(result, problem, j)) return;
    const struct gb_versus versus = gb_compare_cells(problem, i, j);
    gb_say(report, 6, "  %-*s  %s", width, label, gb_pair_text(&versus.pair, versus.verdict, text, sizeof text));
}

/* Vector isas against each other, and most threads against the fewest. */
static void print_pairs(const struct gb_report *report, const struct gb_result *result,
                        const struct gb_result_problem *problem) {
    enum { WIDTH = 32 };
    char label[160], threads[40];
    for (size_t i = 0; i < result->n_own; i++)
        for (size_t j = 0; j < i; j++) {
            const struct gb_result_variant *const a = &result->variants[i], *const b = &result->variants[j];
            if (a->threads != b->threads || b->ref) continue;
            snprintf(label, sizeof label, "%s against %s, %s", a->name, b->name,
                     gb_count_text(a->threads, "thread", threads, sizeof threads));
            print_pair(report, result, problem, i, j, WIDTH, label);
        }
    const size_t last = result->n_own - 1, first = last + 1 - result->n_threads;
    if (result->n_threads < 2 || problem->rows[last].threads_used == problem->rows[first].threads_used) return;
    snprintf(label, sizeof label, "%s, %s against %zu", result->variants[last].name,
             gb_count_text(result->variants[last].threads, "thread", threads, sizeof threads), result->variants[first].threads);
    print_pair(report, result, problem, last, first, WIDTH, label);
}

static void print_against_peers(const struct gb_report *report, const struct gb_result *result, const struct layout *layout,
                                const struct gb_result_problem *problem) {
    enum { WITHOUT_NAME = 43 }; /* "avx512 against the best peer (), 16 threads" */
    char label[200], threads[40];
    for (size_t i = 0; i < result->n_own; i++) {
        const struct gb_result_variant *const v = &result->variants[i];
        const size_t best = gb_best_peer(result, problem, v->threads);
        if (v->ref || best == result->n_variants) continue;
        snprintf(label, sizeof label, "%s against the best peer (%s), %s", v->name, result->variants[best].name,
                 gb_count_text(v->threads, "thread", threads, sizeof threads));
        print_pair(report, result, problem, i, best, report->width ? 0 : WITHOUT_NAME + layout->columns[VARIANT].width - 2,
                   label);
    }
}

/* Names of peers that do not do the problem, each once. */
static void print_unfit(const struct gb_report *report, const struct gb_result *result,
                        const struct gb_result_problem *problem) {
    struct gb_names names = {.count = 0};
    char text[2800];
    for (size_t i = result->n_own; i < result->n_variants; i++)
        if (problem->rows[i].state == GB_STATE_UNFIT) gb_names_add(&names, result->variants[i].name);
    if (names.count) gb_say(report, 4, "  not done by %s", gb_names_join(&names, text, sizeof text));
}

void gb_report_block(const struct gb_report *report, const struct gb_result *result, const struct gb_result_problem *problem) {
    const struct layout layout = make_layout(report, result);
    if (problem == result->problems) print_hidden(report, &layout);
    print_title(report, &layout, problem);
    for (size_t i = 0; i < result->n_variants; i++) print_row(report, result, &layout, problem, i);
    for (size_t i = 0; i < result->n_variants; i++) gb_report_counts(report, &result->variants[i], &problem->rows[i]);
    print_unfit(report, result, problem);
    print_pairs(report, result, problem);
    print_against_peers(report, result, &layout, problem);
}
