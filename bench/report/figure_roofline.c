/* Speeds under the roofs of the machine. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "report_words.h"
#include "svg.h"
#include "text.h"

enum { MARKS_MAX = 1000, LABELS_MAX = 8, ROOFS_MAX = 8, LEFT = 44, RIGHT = 432, PLOT = 280, HEAD = 24, FOOT = 36 };

struct plot {
    struct gb_canvas *canvas;
    const struct gb_set *set;
    size_t run, threads;
    struct gb_axis x, y;
    double memory[GB_LEVEL_COUNT], fma; /* GB/s; GFLOP/s of the highest roof */
    size_t own, peers, left;            /* rows; those in the left half of the plot */
};

static bool is_in(const struct plot *p, const struct gb_set_row *r) {
    const struct gb_result_row *const row = r->row;
    return r->run == p->run && row->threads == p->threads && gb_is_timed_row(row) && gb_is_drawable(row->flops) &&
           gb_is_drawable(row->bytes) && gb_is_drawable(row->gflops);
}

static void set_roofs(struct plot *p) {
    const struct gb_result_context *const c = &p->set->runs[p->run].result->context;
    for (size_t i = 0; i < c->n_roofs; i++) {
        const struct gb_result_roof *const roof = &c->roofs[i];
        if (roof->threads != p->threads) continue;
        if (gb_is_drawable(roof->fma)) p->fma = fmax(p->fma, roof->fma);
        for (int level = 0; level < GB_LEVEL_COUNT; level++) {
            const struct gb_bandwidth *const b = &roof->at[level];
            const double most = fmax(fmax(b->read, b->copy), fmax(fmax(b->copy_nt, b->triad), b->triad_nt));
            if (gb_is_drawable(most)) p->memory[level] = fmax(p->memory[level], most);
        }
    }
}

/* False: there is nothing to draw. */
static bool set_axes(struct plot *p) {
    double least = INFINITY, most = 0, low = INFINITY, high = p->fma;
    for (size_t i = 0; i < p->set->n_rows; i++) {
        const struct gb_result_row *const row = p->set->rows[i].row;
        if (!is_in(p, &p->set->rows[i])) continue;
        least = fmin(least, row->flops / row->bytes);
        most = fmax(most, row->flops / row->bytes);
        low = fmin(low, row->gflops);
        high = fmax(high, row->gflops);
        ++*(gb_result_is_peer(row) ? &p->peers : &p->own);
    }
    if (p->own + p->peers == 0) return false;
    if (p->fma > 0 && p->memory[GB_LEVEL_MEMORY] > 0) most = fmax(most, 2 * p->fma / p->memory[GB_LEVEL_MEMORY]);
    if (p->fma > 0 && p->memory[GB_LEVEL_L2] > 0)
        least = fmin(least, p->fma / p->memory[GB_LEVEL_L2] / 3); /* names have room */
    p->x = (struct gb_axis){least / 2, most * 1.6, LEFT, RIGHT, 10, gb_tick_text};
    p->y = (struct gb_axis){low / 1.6, high * 1.8, 0, 0, 10, gb_tick_text};
    for (size_t i = 0; i < p->set->n_rows; i++) {
        const struct gb_result_row *const row = p->set->rows[i].row;
        p->left += is_in(p, &p->set->rows[i]) && gb_axis_at(&p->x, row->flops / row->bytes) < (LEFT + RIGHT) / 2.0;
    }
    return true;
}

/* The line of a level, up to the highest roof; its name along it, at the end where there are fewer marks. */
static void draw_memory(const struct plot *p, int level) {
    FILE *const out = p->canvas->out;
    const double speed = p->memory[level], start = fmax(p->x.low, p->y.low / speed);
    const double end = fmin(p->x.high, p->fma > 0 ? p->fma / speed : p->x.high);
    char text[80], rate[40];
    if (!(speed > 0) || !(end > start)) return;
    const double x1 = gb_axis_at(&p->x, start), y1 = gb_axis_at(&p->y, start * speed);
    const double x2 = gb_axis_at(&p->x, end), y2 = gb_axis_at(&p->y, end * speed);
    const double angle = atan2(y2 - y1, x2 - x1), length = hypot(x2 - x1, y2 - y1);
    gb_svg_line(out, x1, y1, x2, y2, "roof");
    snprintf(text, sizeof text, "%s %s", gb_level_name((enum gb_level)level), gb_rate_text(speed, "B/s", rate, sizeof rate));
    const double room = length - gb_text_width(text) - 8, along = 2 * p->left > p->own + p->peers ? room : 8;
    if (room < 8) return;
    fprintf(out, "<g transform=\"translate(%.1f %.1f) rotate(%.1f)\">\n", x1 + along * cos(angle), y1 + along * sin(angle),
            angle * 180 / 3.14159265358979323846);
    gb_svg_text(out, 0, level == GB_LEVEL_L2 ? -4 : 12, "roofname", text);
    fputs("</g>\n", out);
}

/* Those of instruction sets and types; names of those that are about as high share a line. */
static void draw_fma(const struct plot *p) {
    const struct gb_result_context *const c = &p->set->runs[p->run].result->context;
    FILE *const out = p->canvas->out;
    struct gb_tag tags[ROOFS_MAX];
    double drawn[ROOFS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < c->n_roofs; i++) {
        const struct gb_result_roof *const roof = &c->roofs[i];
        size_t same = 0;
        if (roof->threads != p->threads || !(roof->fma > p->y.low) || !gb_is_drawable(roof->fma)) continue;
        while (same < count && fabs(log(drawn[same] / roof->fma)) > 0.04) same++;
        if (same < count) {
            gb_text_append(tags[same].text, sizeof tags[same].text, ", %s", roof->isa);
            if (strcmp(roof->dtype, "f32") != 0) gb_text_append(tags[same].text, sizeof tags[same].text, " %s", roof->dtype);
        } else if (count < ROOFS_MAX) {
            char rate[40];
            const double y = gb_axis_at(&p->y, roof->fma),
                         from = p->memory[GB_LEVEL_L2] > 0 ? roof->fma / p->memory[GB_LEVEL_L2] : 0;
            gb_svg_line(out, gb_axis_at(&p->x, fmax(from, p->x.low)), y, RIGHT, y, "roof");
            drawn[count] = roof->fma;
            tags[count] = (struct gb_tag){RIGHT - 2, y - 5, "roofname end", ""};
            snprintf(tags[count].text, sizeof tags[count].text, "%s fma %s%s%s",
                     gb_rate_text(roof->fma, "FLOP/s", rate, sizeof rate), roof->isa, strcmp(roof->dtype, "f32") ? " " : "",
                     strcmp(roof->dtype, "f32") ? roof->dtype : "");
            count++;
        }
    }
    gb_tags_draw(out, tags, count, p->y.to + 8, p->y.from);
}

static double x_of(const struct plot *p, const struct gb_result_row *row) { return gb_axis_at(&p->x, row->flops / row->bytes); }

static const char *tip(const struct gb_result_row *row, char *text, size_t size) {
    char name[GB_LABEL_MAX], rate[40], share[40];
    snprintf(text, size, "%s, %s: %s, %s", gb_row_text(row, name, sizeof name), gb_short_name(row->variant),
             gb_rate_text(row->gflops, "FLOP/s", rate, sizeof rate), gb_share_text(&row->share, share, sizeof share));
    return text;
}

static void draw_marks(const struct plot *p, bool peers, size_t most) {
    char text[GB_LABEL_MAX + 160];
    for (size_t i = 0; i < p->set->n_rows && most > 0; i++) {
        const struct gb_set_row *const r = &p->set->rows[i];
        if (!is_in(p, r) || gb_result_is_peer(r->row) != peers) continue;
        gb_mark_draw(p->canvas->out, p->set, r->variant, x_of(p, r->row), gb_axis_at(&p->y, r->row->gflops),
                     peers ? NULL : tip(r->row, text, sizeof text));
        most--;
    }
}

/* Does a name cover no other one, no mark of ours, and no edge? */
static bool has_room(const struct plot *p, const struct gb_tag *tag, const struct gb_tag *named, size_t count) {
    const double right = tag->x + gb_text_width(tag->text);
    if (tag->x < LEFT || right > RIGHT) return false;
    for (size_t i = 0; i < count; i++)
        if (fabs(named[i].y - tag->y) < 12 && named[i].x < right && tag->x < named[i].x + gb_text_width(named[i].text))
            return false;
    for (size_t i = 0; i < p->set->n_rows; i++) {
        const struct gb_result_row *const row = p->set->rows[i].row;
        if (!is_in(p, &p->set->rows[i]) || gb_result_is_peer(row)) continue;
        const double x = x_of(p, row), y = gb_axis_at(&p->y, row->gflops);
        if (x > tag->x - 3 && x < right + 3 && fabs(y + 4 - tag->y) < 9) return false;
    }
    return true;
}

/* Ours with the least share of their limit above `last`, without ref. NULL: there is none. */
static const struct gb_result_row *least_above(const struct plot *p, double last) {
    const struct gb_result_row *least = NULL;
    for (size_t i = 0; i < p->set->n_rows; i++) {
        const struct gb_result_row *const row = p->set->rows[i].row;
        if (!is_in(p, &p->set->rows[i]) || gb_result_is_peer(row) || strcmp(row->variant, "ref") == 0) continue;
        if (row->share.fraction > last && (!least || row->share.fraction < least->share.fraction)) least = row;
    }
    return least;
}

/* Ours that are furthest below their roof have names, where these have room: beside their mark. */
static void draw_names(const struct plot *p) {
    struct gb_tag named[LABELS_MAX];
    size_t count = 0;
    const struct gb_result_row *row = least_above(p, 0);
    for (size_t tries = 0; row && tries < 4 * LABELS_MAX && count < LABELS_MAX; tries++) {
        struct gb_tag tag = {x_of(p, row) + 8, gb_axis_at(&p->y, row->gflops) + 4, "small", ""};
        char text[GB_LABEL_MAX];
        gb_cut_text(gb_row_text(row, text, sizeof text), 28, tag.text, sizeof tag.text);
        if (!has_room(p, &tag, named, count)) tag.x -= gb_text_width(tag.text) + 16, strcpy(tag.css_class, "small end");
        if (has_room(p, &tag, named, count)) named[count++] = tag;
        row = least_above(p, row->share.fraction);
    }
    for (size_t i = 0; i < count; i++) {
        const bool end = strchr(named[i].css_class, ' ');
        gb_svg_text(p->canvas->out, named[i].x + (end ? gb_text_width(named[i].text) : 0), named[i].y, named[i].css_class,
                    named[i].text);
    }
}

static bool draw_panel(struct gb_canvas *canvas, const struct gb_set *set, size_t run, size_t threads) {
    struct plot p = {.canvas = canvas, .set = set, .run = run, .threads = threads};
    char title[40];
    bool used[GB_SET_VARIANTS_MAX] = {false};
    set_roofs(&p);
    if (!set_axes(&p)) return true;
    for (size_t i = 0; i < set->n_rows; i++) used[set->rows[i].variant] |= is_in(&p, &set->rows[i]);
    const double top = HEAD + gb_legend_draw(NULL, set, used, HEAD) + 22, bottom = top + PLOT;
    p.y.from = bottom;
    p.y.to = top;
    gb_panel_begin(canvas, set->runs[run].mark, gb_count_text(threads, "thread", title, sizeof title), bottom + FOOT);
    gb_legend_draw(canvas->out, set, used, HEAD);
    gb_axis_draw_x(canvas->out, &p.x, top, bottom, "FLOP a byte");
    gb_axis_draw_y(canvas->out, &p.y, LEFT, RIGHT, "GFLOP/s");
    for (int level = 0; level < GB_LEVEL_COUNT; level++) draw_memory(&p, level);
    draw_fma(&p);
    draw_marks(&p, true, p.own < MARKS_MAX ? MARKS_MAX - p.own : 0);
    draw_marks(&p, false, MARKS_MAX); /* above those of peers */
    draw_names(&p);
    gb_panel_end(canvas);
    if (p.own + p.peers > MARKS_MAX)
        gb_leave_out(canvas, "%s: %zu marks are not drawn, those of peers first; the table has all rows.", title,
                     p.own + p.peers - MARKS_MAX);
    return true;
}

bool gb_roofline_draw(struct gb_canvas *canvas, const struct gb_set *set) { return gb_for_each_panel(canvas, set, draw_panel); }
