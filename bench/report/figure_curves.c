/* Lines over the number of threads, and over the size of problems. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "markup.h"
#include "svg.h"
#include "text.h"

enum {
    LEFT = 44,
    RIGHT = 322,
    PLOT = 220,
    HEAD = 40,
    FOOT = 36,
    THREADS_MAX = 16,
    THIN_MAX = 300,
    SIZES_MIN = 3,
    MARKED_MAX = 12,
    ENDS_MAX = 18
};

/* A panel whose lines have their names at their right ends. */
struct curves {
    struct gb_canvas *canvas;
    const struct gb_set *set;
    struct gb_axis x, y;
    struct gb_tag ends[ENDS_MAX]; /* as many as there is room for */
    size_t n_ends;
};

static void set_frame(struct curves *c) { c->x.from = LEFT, c->x.to = RIGHT, c->y.from = HEAD + PLOT, c->y.to = HEAD; }

static void begin_curves(struct curves *c, const char *mark, const char *title, const char *x, const char *y) {
    gb_panel_begin(c->canvas, mark, title, HEAD + PLOT + FOOT);
    gb_axis_draw_x(c->canvas->out, &c->x, c->y.to, c->y.from, x);
    gb_axis_draw_y(c->canvas->out, &c->y, LEFT, RIGHT, y);
}

static void end_curves(struct curves *c) {
    gb_tags_draw(c->canvas->out, c->ends, c->n_ends, c->y.to + 4, c->y.from);
    gb_panel_end(c->canvas);
}

/* The line of a variant through points of which x ascends; mark: of its run. */
static void draw_curve(struct curves *c, size_t variant, const char *mark, const double *xs, const double *ys, size_t count) {
    FILE *const out = c->canvas->out;
    char css[40], name[80];
    gb_svg_path_begin(out, gb_variant_class(variant < c->set->n_own ? "line" : "line dashed", variant, css, sizeof css));
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', gb_axis_at(&c->x, xs[i]), gb_axis_at(&c->y, ys[i]));
    gb_svg_path_end(out);
    for (size_t i = 0; i < count; i += 1 + count / MARKED_MAX)
        gb_mark_draw(out, c->set, variant, gb_axis_at(&c->x, xs[i]), gb_axis_at(&c->y, ys[i]), NULL);
    if (count == 0 || c->n_ends == ENDS_MAX) return;
    struct gb_tag *const end = &c->ends[c->n_ends++];
    *end = (struct gb_tag){.x = gb_axis_at(&c->x, xs[count - 1]) + 9, .y = gb_axis_at(&c->y, ys[count - 1]) + 4};
    gb_variant_class("tint", variant, end->css_class, sizeof end->css_class);
    gb_cut_text(gb_short_name(c->set->variants[variant]), 15, name, sizeof name);
    snprintf(end->text, sizeof end->text, "%s%s%s", mark, *mark ? " " : "", name);
}

/* --- threads */

/* The rows of a problem and variant that follow one another from `first` on. */
static size_t end_of_group(const struct gb_set *set, size_t first) {
    size_t end = first + 1;
    while (end < set->n_rows && set->rows[end].problem == set->rows[first].problem &&
           set->rows[end].run == set->rows[first].run && set->rows[end].variant == set->rows[first].variant)
        end++;
    return end;
}

static double time_of(const struct gb_set_row *r) { return gb_is_timed_row(r->row) ? r->row->summary.median : NAN; }

static size_t index_of(const struct gb_set_run *run, size_t threads) {
    size_t t = 0;
    while (t < run->n_threads && t < THREADS_MAX && run->threads[t] != threads) t++;
    return t;
}

/* Thin lines of the problems of one variant, and their means. Returns how many lines there was no room for. */
static size_t draw_problems(const struct curves *c, size_t run, size_t variant, struct gb_mean means[THREADS_MAX], bool drawn) {
    const struct gb_set *const set = c->set;
    size_t lines = 0;
    char css[40];
    if (drawn) gb_svg_path_begin(c->canvas->out, gb_variant_class("faint", variant, css, sizeof css));
    for (size_t first = 0, end; first < set->n_rows; first = end) {
        const struct gb_set_row *const base = &set->rows[first];
        end = end_of_group(set, first);
        if (base->run != run || base->variant != variant || base->row->threads != set->runs[run].threads[0]) continue;
        for (size_t i = first; i < end; i++) {
            const double ratio = time_of(base) / time_of(&set->rows[i]);
            const size_t t = index_of(&set->runs[run], set->rows[i].row->threads);
            if (!gb_is_drawable(ratio) || t >= THREADS_MAX || (i > first && t == 0)) continue;
            if (!drawn) gb_mean_add(&means[t], ratio, NULL);
            else if (lines < THIN_MAX)
                fprintf(c->canvas->out, "%c%.1f %.1f", i > first ? 'L' : 'M',
                        gb_axis_at(&c->x, (double)set->rows[i].row->threads), gb_axis_at(&c->y, ratio));
        }
        lines++;
    }
    if (drawn) gb_svg_path_end(c->canvas->out);
    return lines > THIN_MAX ? lines - THIN_MAX : 0;
}

static size_t shown_threads(const struct gb_set_run *run) {
    return run->n_threads < THREADS_MAX ? run->n_threads : THREADS_MAX;
}

static void draw_means(struct curves *c, size_t run, size_t variant, const struct gb_mean means[THREADS_MAX]) {
    const struct gb_set_run *const of = &c->set->runs[run];
    double xs[THREADS_MAX], ys[THREADS_MAX];
    size_t count = 0;
    for (size_t t = 0; t < shown_threads(of); t++) {
        if (means[t].count == 0) continue;
        xs[count] = (double)of->threads[t];
        ys[count++] = gb_mean_of(&means[t]);
    }
    if (count > 1) draw_curve(c, variant, "", xs, ys, count);
}

/* The means of all variants, and axes with room for ours. False: no problem has two numbers of threads. */
static bool set_means(struct curves *c, size_t run, struct gb_mean (*means)[THREADS_MAX]) {
    const struct gb_set_run *const of = &c->set->runs[run];
    const size_t shown = shown_threads(of);
    const double most = (double)of->threads[shown - 1], fewest = fmax(1, (double)of->threads[0]);
    double low = 1, high = most / fewest;
    size_t lines = 0;
    for (size_t v = 0; v < c->set->n_variants; v++) {
        draw_problems(c, run, v, means[v], false);
        for (size_t t = 1; t < shown; t++) {
            if (means[v][t].count == 0) continue;
            lines++;
            if (v >= c->set->n_own) continue;
            low = fmin(low, means[v][t].low);
            high = fmax(high, means[v][t].high);
        }
    }
    c->x = (struct gb_axis){.low = fewest, .high = most, .base = 2, .text = gb_tick_text};
    c->y = (struct gb_axis){.low = low / 1.1, .high = high * 1.1, .base = 10, .text = gb_tick_text};
    set_frame(c);
    return lines > 0;
}

static bool draw_threads(struct gb_canvas *canvas, const struct gb_set *set, size_t run) {
    const struct gb_set_run *const of = &set->runs[run];
    struct curves c = {.canvas = canvas, .set = set};
    struct gb_mean(*const means)[THREADS_MAX] = calloc(set->n_variants + 1, sizeof *means);
    if (means && of->n_threads > 1 && set_means(&c, run, means)) {
        size_t left_out = 0;
        begin_curves(&c, of->mark, "speed-up by threads", "threads", "times as fast as on the fewest threads");
        gb_svg_line(canvas->out, LEFT, gb_axis_at(&c.y, 1), RIGHT, gb_axis_at(&c.y, c.x.high / c.x.low), "ideal");
        for (size_t v = 0; v < set->n_own; v++) left_out += draw_problems(&c, run, v, means[v], true);
        for (size_t v = 0; v < set->n_variants; v++) draw_means(&c, run, v, means[v]);
        end_curves(&c);
        if (left_out) gb_leave_out(canvas, "%zu problems have no thin lines of their own.", left_out);
        if (of->n_threads > THREADS_MAX)
            gb_leave_out(canvas, "%zu more numbers of threads are not drawn.", of->n_threads - THREADS_MAX);
    }
    free(means);
    return means;
}

bool gb_scaling_draw(struct gb_canvas *canvas, const struct gb_set *set) { return gb_for_each_run(canvas, set, draw_threads); }

/* --- sizes */

/* A row; a panel is that of one label. */
struct point {
    char label[GB_LABEL_MAX];
    const struct gb_set_row *at;
};

static int compare(double a, double b) { return (a > b) - (a < b); }

static int by_curve(const void *a, const void *b) {
    const struct point *const x = a, *const y = b;
    int order = strcmp(x->label, y->label);
    if (order == 0) order = compare((double)x->at->run, (double)y->at->run);
    if (order == 0) order = compare((double)x->at->variant, (double)y->at->variant);
    return order ? order : compare(x->at->row->bytes, y->at->row->bytes);
}

static bool same_curve(const struct point *a, const struct point *b) {
    return strcmp(a->label, b->label) == 0 && a->at->run == b->at->run && a->at->variant == b->at->variant;
}

/* Those on the most threads of their run; of several runs ours only, or there would be too many lines. */
static size_t collect(const struct gb_set *set, struct point *points) {
    size_t count = 0;
    for (size_t i = 0; i < set->n_rows; i++) {
        const struct gb_result_row *const row = set->rows[i].row;
        const struct gb_set_run *const run = &set->runs[set->rows[i].run];
        struct gb_result_row kind = *row;
        if (!gb_is_timed_row(row) || row->threads != run->threads[run->n_threads - 1]) continue;
        if (!gb_is_drawable(row->bytes) || !gb_is_drawable(row->summary.median)) continue;
        if (set->n_runs > 1 && set->rows[i].variant >= set->n_own) continue;
        kind.workload = "";
        points[count].at = &set->rows[i];
        gb_row_text(&kind, points[count].label, sizeof points[count].label);
        memmove(points[count].label, points[count].label + 1, strlen(points[count].label)); /* without the space before it */
        count++;
    }
    qsort(points, count, sizeof *points, by_curve);
    return count;
}

/* Products are told by the work that they do on a byte. */
static bool has_products(const struct point *points, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++) most = fmax(most, points[i].at->row->flops / points[i].at->row->bytes);
    return most > 4;
}

static double rate_of(const struct point *p, bool products) {
    return (products ? p->at->row->flops : p->at->row->bytes) / p->at->row->summary.median;
}

/* "32 KiB": powers of two have no decimals. */
static const char *bytes_tick(double value, char *text, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    const int power = (int)fmin(fmax(floor(log2(value) / 10), 0), sizeof units / sizeof *units - 1);
    snprintf(text, size, "%.4g %s", value / pow(1024, power), units[power]);
    return text;
}

/* Sizes of caches, as the topology of a run says them: "L2 1.0 MiB". */
static void draw_caches(const struct curves *c, const char *topology) {
    static const char *const names[] = {"L1d", "L2", "L3"}, *const units[] = {"KiB", "MiB", "GiB"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const at = strstr(topology, names[i]);
        char unit[4] = "";
        double bytes = 0;
        if (!at || sscanf(at + strlen(names[i]), " %lf %3s", &bytes, unit) != 2) continue;
        for (size_t u = 0; u < sizeof units / sizeof *units; u++)
            if (strcmp(unit, units[u]) == 0) bytes *= pow(1024, (double)u + 1);
        if (!(bytes > c->x.low && bytes < c->x.high)) continue;
        gb_svg_line(c->canvas->out, gb_axis_at(&c->x, bytes), c->y.to, gb_axis_at(&c->x, bytes), c->y.from, "cache");
        gb_svg_text(c->canvas->out, gb_axis_at(&c->x, bytes) - 4, c->y.to + 11, "roofname end", names[i]);
    }
}

static size_t curve_end(const struct point *points, size_t count, size_t first) {
    while (first + 1 < count && same_curve(&points[first], &points[first + 1])) first++;
    return first + 1;
}

/* Has a curve of the panel enough sizes? */
static bool is_ladder(const struct point *points, size_t count) {
    for (size_t first = 0, end; first < count; first = end) {
        size_t sizes = 1;
        end = curve_end(points, count, first);
        for (size_t i = first + 1; i < end; i++) sizes += points[i].at->row->bytes > points[i - 1].at->row->bytes;
        if (sizes >= SIZES_MIN) return true;
    }
    return false;
}

/* The points of a panel. work: room for twice as many numbers. */
static void draw_sizes(struct gb_canvas *canvas, const struct gb_set *set, const struct point *points, size_t count,
                       double *work) {
    const bool products = has_products(points, count);
    struct curves c = {.canvas = canvas, .set = set};
    c.x = (struct gb_axis){.low = INFINITY, .base = 2, .text = bytes_tick};
    c.y = (struct gb_axis){.low = INFINITY, .base = 10, .text = gb_tick_text};
    for (size_t i = 0; i < count; i++) {
        c.x.low = fmin(c.x.low, points[i].at->row->bytes);
        c.x.high = fmax(c.x.high, points[i].at->row->bytes);
        if (!gb_is_drawable(rate_of(&points[i], products))) continue;
        c.y.low = fmin(c.y.low, rate_of(&points[i], products) / 1.2);
        c.y.high = fmax(c.y.high, rate_of(&points[i], products) * 1.2);
    }
    set_frame(&c);
    begin_curves(&c, "", points->label, "bytes that a call reads and writes", products ? "GFLOP/s" : "GB/s");
    draw_caches(&c, set->runs[points->at->run].result->context.topology);
    for (size_t first = 0, end; first < count; first = end) {
        size_t n = 0;
        end = curve_end(points, count, first);
        for (size_t i = first; i < end; i++) {
            if (!gb_is_drawable(rate_of(&points[i], products))) continue;
            work[n] = points[i].at->row->bytes;
            work[count + n++] = rate_of(&points[i], products);
        }
        draw_curve(&c, points[first].at->variant, set->runs[points[first].at->run].mark, work, work + count, n);
    }
    end_curves(&c);
}

bool gb_sizes_draw(struct gb_canvas *canvas, const struct gb_set *set) {
    struct point *const points = calloc(set->n_rows + 1, sizeof *points);
    double *const work = calloc(2 * set->n_rows + 1, sizeof *work);
    const size_t count = points && work ? collect(set, points) : 0;
    size_t left_out = 0;
    for (size_t first = 0, end; first < count; first = end) {
        end = first + 1;
        while (end < count && strcmp(points[first].label, points[end].label) == 0) end++;
        if (!is_ladder(points + first, end - first)) continue;
        if (canvas->panels < GB_PANELS_MAX) draw_sizes(canvas, set, points + first, end - first, work);
        else left_out++;
    }
    if (left_out) gb_leave_out(canvas, "%zu more kernels are not drawn.", left_out);
    free(points);
    free(work);
    return points && work;
}
