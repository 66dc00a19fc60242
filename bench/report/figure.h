/* What figures of a report are made of: panels, logarithmic axes, marks, and labels that do not cover each other. */
#ifndef GB_FIGURE_H
#define GB_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report_set.h"

enum { GB_PANEL_WIDTH = 440, GB_PANEL_GAP = 24, GB_PANELS_MAX = 12, GB_TICKS_MAX = 12, GB_ROW = 16 };

/* Where panels go. On a page each is a picture of its own, which the page arranges, else all are parts of one. */
struct gb_canvas {
    FILE *out;
    bool page;
    size_t panels;
    double top, bottom; /* of the row of panels under way */
    char left_out[600]; /* what is not shown, in sentences */
};

/* title: beside what the panel is of, "2 threads". mark: the run's, or "". */
void gb_panel_begin(struct gb_canvas *canvas, const char *mark, const char *title, double height);
void gb_panel_end(const struct gb_canvas *canvas);
void gb_leave_out(struct gb_canvas *canvas, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Logarithmic, from one pixel to another; values beyond its ends are at them. */
struct gb_axis {
    double low, high, from, to;
    double base; /* of its ticks: 10, or 2 */
    const char *(*text)(double value, char *text, size_t size);
};
double gb_axis_at(const struct gb_axis *axis, double value);
size_t gb_axis_ticks(const struct gb_axis *axis, size_t most, double ticks[GB_TICKS_MAX]);
const char *gb_tick_text(double value, char *text, size_t size); /* "0.5" */

/* Grid lines over the other axis, numbers, and the title with its unit. */
void gb_axis_draw_x(FILE *out, const struct gb_axis *x, double top, double bottom, const char *title);
void gb_axis_draw_y(FILE *out, const struct gb_axis *y, double left, double right, const char *title);

/* A variant has a color and a shape of its own, the same in all figures; those of peers are hollow. title: NULL: none. */
void gb_mark_draw(FILE *out, const struct gb_set *set, size_t variant, double x, double y, const char *title);
const char *gb_variant_class(const char *before, size_t variant, char *text, size_t size); /* "line v3" */

/* The marks and names of variants in lines of a panel. Returns the height; without out only that. */
double gb_legend_draw(FILE *out, const struct gb_set *set, const bool *used, double y);

/* A text beside a point. */
struct gb_tag {
    double x, y;
    char css_class[24], text[GB_LABEL_MAX];
};
/* Moves them up and down until none covers another, between top and bottom, and draws those that have room. */
void gb_tags_draw(FILE *out, struct gb_tag *tags, size_t count, double top, double bottom);

/* At most `most` characters of UTF-8, with "…" in the middle where some were cut out. */
const char *gb_cut_text(const char *from, size_t most, char *text, size_t size);

double gb_text_width(const char *text); /* in pixels, about */

/* A line of a forest: a ratio and its interval. */
struct gb_bar {
    char label[GB_LABEL_MAX];
    struct gb_pair pair;
    size_t variant;
};
/* The highest ratio on top; of many only the ends have names. Sorts the bars. */
void gb_forest_draw(struct gb_canvas *canvas, const struct gb_set *set, const char *mark, const char *title,
                    struct gb_bar *bars, size_t count, const char *axis);

#endif
