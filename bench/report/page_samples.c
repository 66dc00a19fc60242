/* The samples that rows were made of. */
#include <math.h>

#include "figure.h"
#include "markup.h"
#include "page_parts.h"
#include "svg.h"

enum { PROBLEMS_SHOWN = 40, SAMPLES_SHOWN = 200, STRIP_WIDTH = 260, STRIP_HEIGHT = 30 };

/* The height of a time in a strip from the least to the most. */
static double height_of(double ns, double least, double most) {
    const double share = most > least ? (ns - least) / (most - least) : 0.5;
    return STRIP_HEIGHT - 3 - fmin(fmax(share, 0), 1) * (STRIP_HEIGHT - 6);
}

/* Where samples of the next process begin. */
static void draw_processes(FILE *out, const struct gb_result_row *row, double step) {
    for (size_t p = 0, end = 0; p + 1 < row->n_processes; p++) {
        const double x = (double)(end += row->processes[p]) * step;
        if (x < STRIP_WIDTH) gb_svg_line(out, x, 0, x, STRIP_HEIGHT, "cache");
    }
}

/* Steps, a round each, and the median as a line. */
static void draw_strip(FILE *out, const struct gb_set_row *r, double least, double most) {
    const struct gb_result_row *const row = r->row;
    const size_t count = row->n_samples < SAMPLES_SHOWN ? row->n_samples : SAMPLES_SHOWN;
    const double step = (double)STRIP_WIDTH / (double)count;
    char css[40];
    gb_markup_open(out, "svg");
    gb_markup_word(out, "class", "strip figure");
    fprintf(out, " viewBox=\"0 0 %d %d\"", STRIP_WIDTH, STRIP_HEIGHT);
    gb_markup_word(out, "role", "img");
    gb_markup_word(out, "aria-label", "samples in the order of the rounds");
    gb_markup_inside(out);
    const double median = height_of(row->summary.median, least, most);
    gb_svg_line(out, 0, median, STRIP_WIDTH, median, "cache");
    draw_processes(out, row, step);
    gb_svg_path_begin(out, gb_variant_class("line", r->variant, css, sizeof css));
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%.1f %.1fh%.1f", i ? "L" : "M", (double)i * step, height_of(row->samples[i], least, most), step);
    gb_svg_path_end(out);
    gb_markup_end(out, "svg");
}

static void print_samples(FILE *out, const struct gb_set *set, const struct gb_set_row *r) {
    const struct gb_result_row *const row = r->row;
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < row->n_samples; i++) {
        least = fmin(least, row->samples[i]);
        most = fmax(most, row->samples[i]);
    }
    gb_row_begin(out, NULL);
    if (set->n_runs > 1) gb_cell(out, NULL, set->runs[r->run].mark);
    gb_name_cell(out, row->variant);
    gb_count_cell(out, row->threads);
    fputs("<td>", out);
    draw_strip(out, r, least, most);
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
    char text[GB_LABEL_MAX];
    fputs("<details>", out);
    gb_markup_element(out, "summary", NULL, gb_row_text(set->rows[first].row, text, sizeof text));
    gb_table_begin(out, "samples", "Times of calls, of all samples of a row", heads + (set->n_runs == 1));
    for (size_t i = first; i < end; i++)
        if (has_samples(&set->rows[i])) print_samples(out, set, &set->rows[i]);
    gb_table_end(out);
    fputs("</details>\n", out);
}

void gb_page_samples(FILE *out, const struct gb_set *set) {
    size_t shown = 0, left_out = 0;
    gb_section_begin(out, "samples", "Samples");
    gb_paragraph(out, "quiet",
                 "A step is the time a call took in a round, in the order of the rounds, between the least and the most of its "
                 "row; the dotted line is the median, upright ones are where the next process began. Rounds of one problem are "
                 "shared by "
                 "all its variants.");
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
