/* The samples that rows were made of. */
#include <math.h>
#include <string.h>

#include "figure.h"
#include "markup.h"
#include "page_parts.h"
#include "report_words.h"
#include "svg.h"
#include "text.h"

enum { PROBLEMS_SHOWN = 40, SAMPLES_SHOWN = 200, STRIP_WIDTH = 260, STRIP_HEIGHT = 30, WORDS_MAX = 300 };

/* The height of a time in a strip from the least to the most. */
static double height_of(double ns, double least, double most) {
    const double share = most > least ? (ns - least) / (most - least) : 0.5;
    return STRIP_HEIGHT - 3 - fmin(fmax(share, 0), 1) * (STRIP_HEIGHT - 6);
}

/* Where samples of the next process begin. */
static void draw_processes(FILE *out, const struct gb_result_row *row, double step, double width) {
    for (size_t p = 0, end = 0; p + 1 < row->n_processes; p++) {
        const double x = (double)(end += row->processes[p]) * step;
        if (x < width) gb_svg_line(out, x, 0, x, STRIP_HEIGHT, "cache");
    }
}

/* What became of rounds that something disturbed: "6 rounds dropped: 5 by steal, 1 by migration", or "". */
static const char *rounds_text(const struct gb_result_row *row, char text[WORDS_MAX]) {
    const size_t dropped = gb_causes_count(row->dropped), disturbed = gb_causes_count(row->disturbed);
    char causes[WORDS_MAX / 2], count[40];
    text[0] = '\0';
    if (dropped)
        gb_text_append(text, WORDS_MAX, "%s dropped: %s", gb_count_text(dropped, "round", count, sizeof count),
                       gb_causes_text(row->dropped, causes, sizeof causes));
    if (disturbed)
        gb_text_append(text, WORDS_MAX, "%s%s disturbed, but kept: %s", dropped ? "; " : "",
                       gb_count_text(disturbed, "round", count, sizeof count),
                       gb_causes_text(row->disturbed, causes, sizeof causes));
    return text;
}

/* Rounds that were dropped have no places in a file: their share is the band at the end. */
static double draw_dropped(FILE *out, const struct gb_result_row *row) {
    const double dropped = (double)gb_causes_count(row->dropped);
    const double width = STRIP_WIDTH * (1 - dropped / (dropped + (double)row->n_samples));
    if (dropped <= 0) return width;
    gb_markup_open(out, "rect");
    gb_markup_word(out, "class", "band");
    gb_markup_number(out, "x", width);
    gb_markup_number(out, "width", STRIP_WIDTH - width);
    gb_markup_number(out, "height", STRIP_HEIGHT);
    gb_markup_close(out, "rect", NULL);
    return width;
}

/* Steps, a round each, and the median as a line; dashed where rounds were disturbed. */
static void draw_strip(FILE *out, const struct gb_set_row *r, double least, double most, const char *words) {
    const struct gb_result_row *const row = r->row;
    const size_t count = row->n_samples < SAMPLES_SHOWN ? row->n_samples : SAMPLES_SHOWN;
    const bool dashed = gb_causes_count(row->disturbed) > 0;
    char css[40], path_css[50], label[WORDS_MAX + 50];
    snprintf(label, sizeof label, "samples in the order of the rounds%s%s", *words ? "; " : "", words);
    gb_markup_open(out, "svg");
    gb_markup_word(out, "class", "strip figure");
    fprintf(out, " viewBox=\"0 0 %d %d\"", STRIP_WIDTH, STRIP_HEIGHT);
    gb_markup_word(out, "role", "img");
    gb_markup_word(out, "aria-label", label);
    gb_markup_inside(out);
    const double width = draw_dropped(out, row), step = width / (double)count;
    const double median = height_of(row->summary.median, least, most);
    gb_svg_line(out, 0, median, width, median, "cache");
    draw_processes(out, row, step, width);
    gb_variant_class("line", r->variant, css, sizeof css);
    snprintf(path_css, sizeof path_css, "%s%s", css, dashed ? " dashed" : "");
    gb_svg_path_begin(out, path_css);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%.1f %.1fh%.1f", i ? "L" : "M", (double)i * step, height_of(row->samples[i], least, most), step);
    gb_svg_path_end(out);
    gb_markup_end(out, "svg");
}

/* said: of the rounds of the row above. The same is not said of this one again, but to who does not see the strip. */
static void print_samples(FILE *out, const struct gb_set *set, const struct gb_set_row *r, char said[WORDS_MAX]) {
    const struct gb_result_row *const row = r->row;
    double least = INFINITY, most = 0;
    char words[WORDS_MAX];
    for (size_t i = 0; i < row->n_samples; i++) {
        least = fmin(least, row->samples[i]);
        most = fmax(most, row->samples[i]);
    }
    gb_row_begin(out, NULL);
    if (set->n_runs > 1) gb_cell(out, NULL, set->runs[r->run].mark);
    gb_name_cell(out, row->variant);
    gb_count_cell(out, row->threads);
    fputs("<td>", out);
    draw_strip(out, r, least, most, rounds_text(row, words));
    if (*words && strcmp(words, said) != 0) gb_markup_element(out, "div", "rounds", words);
    memcpy(said, words, sizeof words);
    fputs("</td>\n", out);
    gb_time_cell(out, least);
    gb_time_cell(out, row->summary.median);
    gb_time_cell(out, most);
    gb_count_cell(out, row->n_samples);
    gb_markup_end(out, "tr");
}

static bool has_samples(const struct gb_set_row *r) { return gb_is_timed_row(r->row) && r->row->n_samples > 0; }

/* The rows of a problem, folded. */
static void print_problem(FILE *out, const struct gb_set *set, size_t first, size_t end) {
    static const char *const heads[] = {"run",   "variant",  "#threads", "samples, round by round", "#least", "#median",
                                        "#most", "#samples", NULL};
    char text[GB_LABEL_MAX], said[WORDS_MAX] = "";
    fputs("<details>", out);
    gb_markup_element(out, "summary", NULL, gb_row_text(set->rows[first].row, text, sizeof text));
    gb_table_begin(out, "samples", "Times of calls, of all samples of a row", heads + (set->n_runs == 1));
    for (size_t i = first; i < end; i++)
        if (has_samples(&set->rows[i])) print_samples(out, set, &set->rows[i], said);
    gb_table_end(out);
    fputs("</details>\n", out);
}

void gb_page_samples(FILE *out, const struct gb_set *set) {
    size_t shown = 0, left_out = 0;
    gb_section_begin(out, "samples", "Samples");
    gb_paragraph(
        out, "quiet",
        "A step is the time a call took in a round, in the order of the rounds, between the least and the most of its "
        "row; the dotted line is the median, upright ones are where the next process began. Rounds of one problem are "
        "shared by all its variants: one that the system disturbed is dropped for all, and the grey end of a strip is as "
        "wide as the share of these. Where too few were undisturbed all are kept, and the steps are dashed.");
    for (size_t first = 0, end; first < set->n_rows; first = end) {
        bool kept = false;
        for (end = first; end < set->n_rows && set->rows[end].problem == set->rows[first].problem; end++)
            kept |= has_samples(&set->rows[end]);
        if (!kept) continue;
        if (shown < PROBLEMS_SHOWN) print_problem(out, set, first, end), shown++;
        else left_out++;
    }
    if (shown == 0) gb_paragraph(out, NULL, "The files hold no samples.");
    if (left_out) gb_paragraph(out, NULL, "The samples of %zu more problems are in the files.", left_out);
    gb_markup_end(out, "section");
}
