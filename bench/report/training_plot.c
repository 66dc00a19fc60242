#include "training_plot.h"

#include <math.h>
#include <stdbool.h>

#include "svg.h"

enum { WIDTH = 640, HEIGHT = 560, LEFT = 70, RIGHT = 120, TOP = 50, CHART = 190, BETWEEN = 60, TICKS = 5, LINE = 16 };

static const char style[] = "svg { background: #fff; }\n"
                            "text { font: 13px sans-serif; fill: #222; }\n"
                            ".title { font-weight: bold; }\n"
                            ".left { text-anchor: end; }\n"
                            ".middle { text-anchor: middle; }\n"
                            ".grid { stroke: #ddd; }\n"
                            ".train, .test, .accuracy { stroke-width: 2; }\n"
                            ".train { stroke: #1f6fb4; }\n"
                            ".test { stroke: #c8501e; }\n"
                            ".accuracy { stroke: #2a8c4a; }\n"
                            ".train-name { fill: #1f6fb4; }\n"
                            ".test-name { fill: #c8501e; }\n"
                            ".accuracy-name { fill: #2a8c4a; }\n";

/* A chart: where it begins, and the values at its lower and upper edge. */
struct chart {
    FILE *out;
    double top, low, high;
    size_t count;
};

static double x_of(const struct chart *c, size_t i) {
    return LEFT + (c->count == 1 ? 0.5 : (double)i / (double)(c->count - 1)) * (WIDTH - LEFT - RIGHT);
}
static double y_of(const struct chart *c, double value) { return c->top + CHART * (c->high - value) / (c->high - c->low); }

/* 1, 2 or 5 times a power of ten, so that few steps cover the range. */
static double step_for(double range) {
    const double power = pow(10, floor(log10(range / TICKS)));
    const double wanted = range / TICKS / power;
    return power * (wanted <= 1 ? 1 : wanted <= 2 ? 2 : wanted <= 5 ? 5 : 10);
}

/* Grid, scales and title of a chart; low and high grow to whole steps. */
static void frame(struct chart *c, const char *title, const char *format, double factor) {
    char text[40];
    const double step = step_for(c->high > c->low ? c->high - c->low : 1);
    const double first = floor(c->low / step), last = fmax(ceil(c->high / step), first + 1);
    c->low = first * step;
    c->high = last * step;
    gb_svg_text(c->out, LEFT, c->top - 12, "title", title);
    for (double k = first; k <= last; k++) {
        const double y = y_of(c, k * step);
        gb_svg_line(c->out, LEFT, y, WIDTH - RIGHT, y, "grid");
        snprintf(text, sizeof text, format, k * step * factor);
        gb_svg_text(c->out, LEFT - 8, y + 4, "left", text);
    }
    const size_t every = c->count > 1 ? (size_t)fmax(1, step_for((double)(c->count - 1))) : 1;
    for (size_t i = 0; i < c->count; i += every) {
        snprintf(text, sizeof text, "%zu", i + 1);
        gb_svg_text(c->out, x_of(c, i), c->top + CHART + 18, "middle", text);
    }
}

/* One member of all points: a line and, where that is a point, a dash. */
static void curve(const struct chart *c, const struct gb_training_point *points, size_t offset, const char *css_class) {
    double value = 0, before = 0;
    for (size_t i = 0; i < c->count; i++, before = value) {
        value = *(const double *)((const char *)(points + i) + offset);
        if (i > 0) gb_svg_line(c->out, x_of(c, i - 1), y_of(c, before), x_of(c, i), y_of(c, value), css_class);
    }
    if (c->count == 1) gb_svg_line(c->out, x_of(c, 0) - 4, y_of(c, value), x_of(c, 0) + 4, y_of(c, value), css_class);
}

/* Behind the end of a curve. */
static void name_at(const struct chart *c, double y, const char *css_class, const char *name) {
    gb_svg_text(c->out, x_of(c, c->count - 1) + 8, y + 4, css_class, name);
}

/* Where the curves end, or a line apart if that is nearer. */
static void name_losses(const struct chart *c, const struct gb_training_point *last) {
    double train = y_of(c, last->loss), test = y_of(c, last->test_loss);
    if (fabs(train - test) < LINE) {
        const double upper = fmin((train + test - LINE) / 2, c->top + CHART - LINE), lower = upper + LINE;
        const bool train_is_upper = train < test;
        train = train_is_upper ? upper : lower;
        test = train_is_upper ? lower : upper;
    }
    name_at(c, train, "train-name", "training");
    name_at(c, test, "test-name", "test");
}

void gb_training_svg(FILE *out, const char *title, const struct gb_training_point *points, size_t count) {
    struct chart losses = {.out = out, .top = TOP + 30, .low = 0, .high = 0, .count = count};
    struct chart shares = {.out = out, .top = TOP + 30 + CHART + BETWEEN, .low = 1, .high = 0, .count = count};
    for (size_t i = 0; i < count; i++) {
        losses.high = fmax(losses.high, fmax(points[i].loss, points[i].test_loss));
        shares.low = fmin(shares.low, points[i].accuracy);
        shares.high = fmax(shares.high, points[i].accuracy);
    }
    gb_svg_begin(out, WIDTH, HEIGHT, title, style);
    gb_svg_text(out, LEFT, TOP - 20, "title", title);
    frame(&losses, "loss: in training over each epoch, on the test images after it", "%g", 1);
    curve(&losses, points, offsetof(struct gb_training_point, loss), "train");
    curve(&losses, points, offsetof(struct gb_training_point, test_loss), "test");
    name_losses(&losses, &points[count - 1]);
    frame(&shares, "accuracy on the test images", "%g %%", 100);
    curve(&shares, points, offsetof(struct gb_training_point, accuracy), "accuracy");
    name_at(&shares, y_of(&shares, points[count - 1].accuracy), "accuracy-name", "accuracy");
    gb_svg_end(out);
}
