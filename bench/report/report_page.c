#include "report_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "message.h"
#include "page_parts.h"
#include "page_texts.h"
#include "svg.h"
#include "text.h"

enum { MARGIN = 16 };

static int fail_without_memory(void) { return gb_fail(GB_EXIT_RESOURCE, "no memory for the report"); }

/* "gradkern on AMD EPYC", "gradkern: 3 runs side by side". */
static void title_of(const struct gb_set *set, char *text, size_t size) {
    const char *const cpu = set->runs[0].result->context.cpu;
    bool same = true;
    for (size_t k = 1; k < set->n_runs; k++) same &= strcmp(cpu, set->runs[k].result->context.cpu) == 0;
    snprintf(text, size, "gradkern%s%.100s", same ? " on " : "", same ? cpu : "");
    if (set->n_runs > 1) gb_text_append(text, size, ": %zu runs side by side", set->n_runs);
}

static void print_head(FILE *out, const char *title) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
          out);
    gb_markup_element(out, "title", NULL, title);
    fprintf(out, "<style>\n%s%s</style>\n</head>\n<body>\n", gb_figure_css, gb_page_css);
}

static void print_link(FILE *out, const char *id, const char *text) {
    char target[40];
    snprintf(target, sizeof target, "#%s", id);
    gb_markup_open(out, "a");
    gb_markup_word(out, "href", target);
    gb_markup_close(out, "a", text);
}

/* The panels of a figure, in memory. */
struct drawing {
    struct gb_canvas canvas;
    char *text;
    size_t size;
};

/* d->text is to be freed in any case. False: no memory. */
static bool draw(struct drawing *d, const struct gb_set *set, const struct gb_figure *figure, bool page) {
    FILE *const memory = open_memstream(&d->text, &d->size);
    d->canvas = (struct gb_canvas){.out = memory, .page = page};
    const bool good = memory && figure->draw(&d->canvas, set);
    return memory && fclose(memory) == 0 && good;
}

static void print_header(FILE *out, const char *title, const struct drawing *drawings) {
    fputs("<header>\n", out);
    gb_markup_element(out, "h1", NULL, title);
    fputs("<nav aria-label=\"parts of the page\">\n", out);
    print_link(out, "summary", "Summary");
    print_link(out, "where", "Runs");
    for (size_t i = 0; i < GB_FIGURES; i++)
        if (drawings[i].canvas.panels) print_link(out, gb_figures[i].name, gb_figures[i].title);
    print_link(out, "rows", "All rows");
    print_link(out, "samples", "Samples");
    print_link(out, "roofs", "Roofs and peers");
    fputs("</nav>\n</header>\n<main>\n", out);
}

static void print_figure(FILE *out, const struct gb_figure *figure, const struct drawing *d) {
    gb_section_begin(out, figure->name, figure->title);
    fputs("<figure>\n", out);
    gb_markup_element(out, "figcaption", NULL, figure->caption);
    fputs("<div class=\"panels figure\">\n", out);
    fwrite(d->text, 1, d->size, out);
    fputs("</div>\n</figure>\n", out);
    if (d->canvas.left_out[0]) gb_paragraph(out, "quiet", "%s", d->canvas.left_out);
    gb_markup_end(out, "section");
}

static void print_figures(FILE *out, const struct drawing *drawings) {
    for (size_t i = 0; i < GB_FIGURES; i++)
        if (drawings[i].canvas.panels) print_figure(out, &gb_figures[i], &drawings[i]);
    for (size_t i = 0; i < GB_FIGURES; i++)
        if (!drawings[i].canvas.panels)
            gb_paragraph(out, "quiet", "Not drawn: %s. %s", gb_figures[i].title, gb_figures[i].lacking);
}

int gb_report_page(FILE *out, const struct gb_set *set) {
    struct drawing drawings[GB_FIGURES] = {{.text = NULL}};
    char title[GB_LABEL_MAX];
    bool good = true;
    for (size_t i = 0; i < GB_FIGURES && good; i++) good = draw(&drawings[i], set, &gb_figures[i], true);
    title_of(set, title, sizeof title);
    print_head(out, title);
    print_header(out, title, drawings);
    good = good && gb_page_summary(out, set);
    gb_page_runs(out, set);
    print_figures(out, drawings);
    gb_page_rows(out, set);
    gb_page_samples(out, set);
    gb_page_machines(out, set);
    fputs("</main>\n<footer>\n", out);
    gb_paragraph(
        out, "quiet",
        "Made by gradbench report of %zu rows. A time is the median over the rounds of a run; intervals hold the median in "
        "95 %% of cases. A ratio is of times paired round by round.",
        set->n_rows);
    fprintf(out, "</footer>\n<script>\n%s</script>\n</body>\n</html>\n", gb_page_js);
    for (size_t i = 0; i < GB_FIGURES; i++) free(drawings[i].text);
    return good ? GB_EXIT_OK : fail_without_memory();
}

/* Below the panels: what is left out, and what the letters of several runs stand for. */
static void print_legend(FILE *out, const struct gb_set *set, const struct gb_canvas *canvas, double y) {
    char text[1200];
    if (canvas->left_out[0]) gb_svg_text(out, 0, y += GB_ROW, "tick", canvas->left_out);
    for (size_t k = 0; k < set->n_runs && set->n_runs > 1; k++) {
        const struct gb_set_run *const run = &set->runs[k];
        const struct gb_result_context *const c = &run->result->context;
        snprintf(text, sizeof text, "%s: %s, %s, revision %s", run->mark, run->file, c->cpu, c->revision);
        gb_svg_text(out, 0, y += GB_ROW, "tick", text);
    }
}

static void print_picture(FILE *out, const struct gb_set *set, const struct gb_figure *figure, const struct drawing *d) {
    const struct gb_canvas *const canvas = &d->canvas;
    const double columns = canvas->panels > 1 ? 2 : 1, bottom = ceil(canvas->bottom) - GB_PANEL_GAP;
    const double lines = (canvas->left_out[0] != 0) + (set->n_runs > 1 ? (double)set->n_runs : 0);
    const double width = columns * GB_PANEL_WIDTH + (columns - 1) * GB_PANEL_GAP + 2 * MARGIN;
    const double height = bottom + GB_ROW * lines + (lines > 0 ? GB_ROW / 2.0 : 0) + 2 * MARGIN;
    char title[GB_LABEL_MAX], whole[GB_LABEL_MAX + 80];
    title_of(set, title, sizeof title);
    snprintf(whole, sizeof whole, "%s: %s", title, figure->title);
    gb_svg_begin(out, width, height, whole, gb_figure_css);
    gb_markup_open(out, "rect");
    gb_markup_number(out, "width", width);
    gb_markup_number(out, "height", height);
    gb_markup_word(out, "fill", "#ffffff");
    gb_markup_close(out, "rect", NULL);
    fprintf(out, "<g class=\"figure\" transform=\"translate(%d %d)\">\n", MARGIN, MARGIN);
    fwrite(d->text, 1, d->size, out);
    print_legend(out, set, canvas, bottom);
    gb_markup_end(out, "g");
    gb_svg_end(out);
}

int gb_report_svg(FILE *out, const struct gb_set *set, const struct gb_figure *figure) {
    struct drawing d = {.text = NULL};
    int code = GB_EXIT_OK;
    if (!draw(&d, set, figure, false)) code = fail_without_memory();
    else if (d.canvas.panels == 0) code = gb_fail(GB_EXIT_INPUT, "nothing to draw for %s. %s", figure->name, figure->lacking);
    else print_picture(out, set, figure, &d);
    free(d.text);
    return code;
}
