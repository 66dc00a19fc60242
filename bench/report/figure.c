#include "figure.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "svg.h"
#include "text.h"

/* LETTER: the width of one in the widest font that is likely. */
enum { LEGEND_ROW = 18, LETTER = 7 };

void gb_panel_begin(struct gb_canvas *canvas, const char *mark, const char *title, double height) {
    FILE *const out = canvas->out;
    const size_t column = canvas->panels++ % 2;
    char whole[GB_LABEL_MAX];
    snprintf(whole, sizeof whole, "%s%s%s", mark, *mark ? ": " : "", title);
    if (column == 0) canvas->top = canvas->bottom;
    canvas->bottom = fmax(canvas->bottom, canvas->top + height + GB_PANEL_GAP);
    if (canvas->page) {
        gb_markup_open(out, "svg");
        fprintf(out, " viewBox=\"0 0 %d %.0f\"", GB_PANEL_WIDTH, ceil(height));
        gb_markup_word(out, "role", "img");
        gb_markup_word(out, "aria-label", whole);
    } else {
        gb_markup_open(out, "g");
        fprintf(out, " transform=\"translate(%d %.0f)\"", (int)column * (GB_PANEL_WIDTH + GB_PANEL_GAP), canvas->top);
    }
    gb_markup_inside(out);
    gb_svg_text(out, 0, 13, "head", whole);
}

void gb_panel_end(const struct gb_canvas *canvas) { gb_markup_end(canvas->out, canvas->page ? "svg" : "g"); }

void gb_leave_out(struct gb_canvas *canvas, const char *format, ...) {
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    gb_text_append(canvas->left_out, sizeof canvas->left_out, "%s%s", canvas->left_out[0] ? " " : "", text);
}

double gb_axis_at(const struct gb_axis *axis, double value) {
    const double share = log(value / axis->low) / log(axis->high / axis->low);
    return axis->from + fmin(fmax(share, 0), 1) * (axis->to - axis->from);
}

const char *gb_tick_text(double value, char *text, size_t size) {
    snprintf(text, size, "%.4g", value);
    return text;
}

/* Multiples of powers of the base, those of every stride-th power. Counts up to one more than there is room for. */
static size_t collect_ticks(const struct gb_axis *axis, const double *multiples, size_t n, int stride,
                            double ticks[GB_TICKS_MAX + 1]) {
    const double scale = log(axis->base);
    const int first = (int)floor(log(axis->low) / scale) - 1, last = (int)ceil(log(axis->high) / scale);
    size_t count = 0;
    for (int power = first - first % stride - stride; power <= last; power += stride)
        for (size_t i = 0; i < n; i++) {
            const double value = multiples[i] * pow(axis->base, power);
            if (value < axis->low * (1 - 1e-9) || value > axis->high * (1 + 1e-9)) continue;
            if (count == GB_TICKS_MAX + 1) return count;
            ticks[count++] = value;
        }
    return count;
}

size_t gb_axis_ticks(const struct gb_axis *axis, size_t most, double ticks[GB_TICKS_MAX]) {
    static const struct {
        size_t n;
        double multiples[16];
    } sets[] = {
        {15, {1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 8}},
        {9, {1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8}},
        {5, {1, 1.5, 2, 3, 5}},
        {3, {1, 2, 5}},
        {2, {1, 3}},
    };
    double found[GB_TICKS_MAX + 1];
    size_t count = GB_TICKS_MAX + 1;
    if (most > GB_TICKS_MAX) most = GB_TICKS_MAX;
    for (size_t i = 0; i < sizeof sets / sizeof *sets && count > most && axis->base > 2; i++)
        count = collect_ticks(axis, sets[i].multiples, sets[i].n, 1, found);
    for (int stride = 1; count > most; stride++) count = collect_ticks(axis, &(double){1}, 1, stride, found);
    memcpy(ticks, found, count * sizeof *ticks);
    return count;
}

void gb_axis_draw_x(FILE *out, const struct gb_axis *x, double top, double bottom, const char *title) {
    double ticks[GB_TICKS_MAX];
    const size_t count = gb_axis_ticks(x, (size_t)((x->to - x->from) / (x->base > 2 ? 34 : 50)), ticks);
    char text[40];
    for (size_t i = 0; i < count; i++) {
        const double at = gb_axis_at(x, ticks[i]);
        gb_svg_line(out, at, top, at, bottom, "grid");
        gb_svg_text(out, at, bottom + 14, "tick middle", x->text(ticks[i], text, sizeof text));
    }
    gb_svg_text(out, (x->from + x->to) / 2, bottom + 29, "axis middle", title);
}

void gb_axis_draw_y(FILE *out, const struct gb_axis *y, double left, double right, const char *title) {
    double ticks[GB_TICKS_MAX];
    const size_t count = gb_axis_ticks(y, (size_t)((y->from - y->to) / 28), ticks);
    char text[40];
    for (size_t i = 0; i < count; i++) {
        const double at = gb_axis_at(y, ticks[i]);
        gb_svg_line(out, left, at, right, at, "grid");
        gb_svg_text(out, left - 6, at + 4, "tick end", y->text(ticks[i], text, sizeof text));
    }
    gb_svg_text(out, 0, y->to - 9, "axis", title);
}

const char *gb_variant_class(const char *before, size_t variant, char *text, size_t size) {
    snprintf(text, size, "%s v%zu", before, variant < GB_SET_MARKS ? variant : GB_SET_MARKS - 1);
    return text;
}

void gb_mark_draw(FILE *out, const struct gb_set *set, size_t variant, double x, double y, const char *title) {
    static const char *const shapes[GB_SET_MARKS] = {
        "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        "m-3.5-3.5h7v7h-7z",
        "m0-5l4.6 8h-9.2z",
        "m0-5l5 5l-5 5l-5-5z",
        "m0 5l-4.6-8h9.2z",
        "m-4-2.3l4-2.3l4 2.3v4.6l-4 2.3l-4-2.3z",
        "m-1.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
        "m-5-1.5h10v3h-10z",
    };
    char name[40], path[120];
    snprintf(path, sizeof path, "M%.1f %.1f%s", x, y, shapes[variant < GB_SET_MARKS ? variant : GB_SET_MARKS - 1]);
    gb_markup_open(out, "path");
    gb_markup_word(out, "class", gb_variant_class(variant < set->n_own ? "mark" : "mark hollow", variant, name, sizeof name));
    gb_markup_word(out, "d", path);
    if (!title) {
        gb_markup_close(out, "path", NULL);
        return;
    }
    gb_markup_inside(out);
    gb_markup_element(out, "title", NULL, title);
    gb_markup_end(out, "path");
}

/* Characters of UTF-8. */
static size_t length_of(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

double gb_text_width(const char *text) { return LETTER * (double)length_of(text); }

/* Where the count-th character begins. */
static const char *character(const char *text, size_t count) {
    for (; *text; text++)
        if (((unsigned char)*text & 0xc0) != 0x80 && count-- == 0) break;
    return text;
}

const char *gb_cut_text(const char *from, size_t most, char *text, size_t size) {
    const size_t length = length_of(from), tail = most / 2;
    if (length <= most) snprintf(text, size, "%s", from);
    else
        snprintf(text, size, "%.*s\xe2\x80\xa6%s", (int)(character(from, most - tail - 1) - from), from,
                 character(from, length - tail));
    return text;
}

double gb_legend_draw(FILE *out, const struct gb_set *set, const bool *used, double y) {
    double x = 6, height = LEGEND_ROW;
    char name[GB_LABEL_MAX];
    for (size_t i = 0; i < set->n_variants; i++) {
        if (!used[i]) continue;
        gb_cut_text(gb_short_name(set->variants[i]), 40, name, sizeof name);
        const double width = 22 + gb_text_width(name);
        if (x + width > GB_PANEL_WIDTH && x > 6) x = 6, height += LEGEND_ROW;
        if (out) {
            gb_mark_draw(out, set, i, x, y + height - LEGEND_ROW + 8, NULL);
            gb_svg_text(out, x + 8, y + height - LEGEND_ROW + 12, "name", name);
        }
        x += width;
    }
    return height;
}

static int by_height(const void *a, const void *b) {
    const double x = ((const struct gb_tag *)a)->y, y = ((const struct gb_tag *)b)->y;
    return (x > y) - (x < y);
}

void gb_tags_draw(FILE *out, struct gb_tag *tags, size_t count, double top, double bottom) {
    const double gap = 13;
    const size_t room = (size_t)((bottom - top) / gap) + 1;
    if (count > room) count = room;
    qsort(tags, count, sizeof *tags, by_height);
    for (size_t i = 0; i < count; i++) tags[i].y = fmax(tags[i].y, i ? tags[i - 1].y + gap : top);
    for (size_t i = count; i > 0; i--) tags[i - 1].y = fmin(tags[i - 1].y, i < count ? tags[i].y - gap : bottom);
    for (size_t i = 0; i < count; i++) gb_svg_text(out, tags[i].x, tags[i].y, tags[i].css_class, tags[i].text);
}
