/* Ratios with their intervals, one below the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "markup.h"
#include "report_words.h"
#include "svg.h"
#include "text.h"

/* NAMED: at each end, where there are more than twice as many. The others share CROWD pixels. */
enum { NAMED = 20, CROWD = 420, LABEL = 188, LABEL_LETTERS = 28, LEFT = 196, RIGHT = 336, HEAD = 24, FOOT = 38 };

/* An interval that reaches further from its ratio does not widen the axis: it ends at the edge. */
#define REACH 1.6

static int highest_first(const void *a, const void *b) {
    const struct gb_bar *const x = a, *const y = b;
    if (x->pair.ratio != y->pair.ratio) return x->pair.ratio < y->pair.ratio ? 1 : -1;
    return strcmp(x->label, y->label);
}

static bool is_named(size_t i, size_t count) { return count <= 2 * NAMED || i < NAMED || i >= count - NAMED; }

static struct gb_axis axis_of(const struct gb_bar *bars, size_t count) {
    double low = 1, high = 1;
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, fmax(bars[i].pair.low, bars[i].pair.ratio / REACH));
        high = fmax(high, fmin(bars[i].pair.high, bars[i].pair.ratio * REACH));
    }
    return (struct gb_axis){low / 1.1, high * 1.1, LEFT, RIGHT, 10, gb_tick_text};
}

static void draw_band(FILE *out, const struct gb_axis *x, double top, double bottom) {
    const double left = gb_axis_at(x, 1 / (1 + GB_VERDICT_THRESHOLD)), right = gb_axis_at(x, 1 + GB_VERDICT_THRESHOLD);
    gb_markup_open(out, "rect");
    gb_markup_word(out, "class", "band");
    gb_markup_number(out, "x", left);
    gb_markup_number(out, "y", top);
    gb_markup_number(out, "width", right - left);
    gb_markup_number(out, "height", bottom - top);
    gb_markup_close(out, "rect", NULL);
    gb_svg_line(out, gb_axis_at(x, 1), top, gb_axis_at(x, 1), bottom, "one");
}

static void draw_bar(FILE *out, const struct gb_set *set, const struct gb_axis *x, const struct gb_bar *bar, double y,
                     bool named) {
    char text[GB_LABEL_MAX], ratio[24], interval[56], css[40];
    const double at = gb_axis_at(x, bar->pair.ratio);
    snprintf(text, sizeof text, "M%.1f %.1fH%.1f", gb_axis_at(x, bar->pair.low), y, gb_axis_at(x, bar->pair.high));
    if (!named) gb_text_append(text, sizeof text, "M%.1f %.1fv2", at, y - 1);
    gb_svg_path(out, gb_variant_class(named ? "line" : "thin", bar->variant, css, sizeof css), text);
    if (!named) return;
    gb_mark_draw(out, set, bar->variant, at, y, bar->label);
    gb_svg_text(out, LABEL, y + 4, "small end", gb_cut_text(bar->label, LABEL_LETTERS, text, sizeof text));
    snprintf(text, sizeof text, "%s %s", gb_ratio_text(bar->pair.ratio, ratio, sizeof ratio),
             gb_interval_text(bar->pair.low, bar->pair.high, interval, sizeof interval));
    gb_svg_text(out, RIGHT + 8, y + 4, "small", text);
}

void gb_forest_draw(struct gb_canvas *canvas, const struct gb_set *set, const char *mark, const char *title,
                    struct gb_bar *bars, size_t count, const char *axis) {
    FILE *const out = canvas->out;
    const size_t crowd = count > 2 * NAMED ? count - 2 * NAMED : 0;
    const double step = crowd ? fmax(fmin(4, (double)CROWD / (double)crowd), (double)GB_ROW / (double)crowd) : 0;
    bool used[GB_SET_VARIANTS_MAX] = {false};
    char more[40];
    qsort(bars, count, sizeof *bars, highest_first);
    for (size_t i = 0; i < count; i++) used[bars[i].variant] = true;
    const double top = HEAD + gb_legend_draw(NULL, set, used, HEAD) + 4;
    const double bottom = top + GB_ROW * (double)(count - crowd) + step * (double)crowd;
    const struct gb_axis x = axis_of(bars, count);
    gb_panel_begin(canvas, mark, title, bottom + FOOT);
    gb_legend_draw(out, set, used, HEAD);
    draw_band(out, &x, top, bottom);
    gb_axis_draw_x(out, &x, top, bottom, axis);
    double y = top;
    for (size_t i = 0; i < count; i++) {
        const bool named = is_named(i, count);
        const double height = named ? GB_ROW : step;
        draw_bar(out, set, &x, &bars[i], y + height / 2, named);
        y += height;
    }
    if (crowd) {
        snprintf(more, sizeof more, "%zu more", crowd);
        gb_svg_text(out, LABEL, top + GB_ROW * NAMED + step * (double)crowd / 2 + 4, "tick end", more);
    }
    gb_panel_end(canvas);
}
