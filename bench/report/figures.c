#include "figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_words.h"
#include "text.h"

const struct gb_figure gb_figures[GB_FIGURES] = {
    {"ratio", "Who is faster, and how sure it is",
     "Time of the fastest peer, or of ref where no peer raced, over the time of each row of ours, with its 95 % interval. "
     "Right "
     "of 1 the row is faster. The band is 3 % wide on both sides: what lies in it is no difference. Rows of ref are in the "
     "table.",
     "No row was compared with a peer or with ref.", gb_ratio_draw},
    {"runs", "Run against run",
     "Time of each row of ours in run A over its time in another run, as gradbench compare has it, with its 95 % interval: "
     "right "
     "of 1 the other is faster. The band is 3 % wide on both sides. Runs share no rounds: noise from run to run comes on top.",
     "No row is in two runs.", gb_runs_draw},
    {"roofline", "How close to the roof",
     "Speed over arithmetic intensity, a mark a row; hollow ones are peers. Lines are what this machine was measured to reach: "
     "products and sums in registers, and moving data from each level of memory, the fastest of reads, copies and sums of two.",
     "No row says how many FLOPs and bytes a call takes.", gb_roofline_draw},
    {"scaling", "More threads",
     "How many times as fast as on the fewest threads: the geometric mean over the problems, and a thin line for each problem. "
     "The dotted line is as many times as fast as there are more threads.",
     "No problem was timed on two numbers of threads.", gb_scaling_draw},
    {"sizes", "Larger problems",
     "Speed over the bytes that a call reads and writes, on the most threads: where a line falls, its operands no longer fit "
     "into a cache. Upright lines are the sizes of the caches. Peers are drawn where there is one run.",
     "No kernel has three sizes, or the rows do not say how many bytes a call moves.", gb_sizes_draw},
    {"isas", "Wider vectors",
     "How many times as fast as the plainest instruction set that was raced, on the most threads: the geometric mean over a "
     "kernel's problems; the line reaches from the least to the most.",
     "One instruction set was raced.", gb_isas_draw},
    {"noise", "The same thing twice",
     "Variants that were timed twice, as if they were two: how far from 1 these ratios are is how far noise alone reaches.",
     "No variant was timed twice.", gb_nulls_draw},
};

bool gb_for_each_panel(struct gb_canvas *canvas, const struct gb_set *set,
                       bool (*draw)(struct gb_canvas *canvas, const struct gb_set *set, size_t run, size_t threads)) {
    bool good = true;
    size_t left_out = 0;
    for (size_t k = 0; k < set->n_runs && good; k++)
        for (size_t t = 0; t < set->runs[k].n_threads && good; t++) {
            const struct gb_set_run *const run = &set->runs[k];
            if (canvas->panels < GB_PANELS_MAX && t < GB_PANELS_MAX)
                good = draw(canvas, set, k, run->threads[run->n_threads - 1 - t]);
            else left_out++;
        }
    if (left_out && canvas->panels) gb_leave_out(canvas, "%zu more runs or numbers of threads are not drawn.", left_out);
    return good;
}

bool gb_for_each_run(struct gb_canvas *canvas, const struct gb_set *set,
                     bool (*draw)(struct gb_canvas *canvas, const struct gb_set *set, size_t run)) {
    bool good = true;
    size_t k = 0;
    for (; k < set->n_runs && good && canvas->panels < GB_PANELS_MAX; k++) good = draw(canvas, set, k);
    if (k < set->n_runs) gb_leave_out(canvas, "%zu more runs are not drawn.", set->n_runs - k);
    return good;
}

/* Draws what `pair` makes of the rows of ours of a run and number of threads; where it says false, a row has no bar. */
static bool draw_rows(struct gb_canvas *canvas, const struct gb_set *set, size_t run, size_t threads, const char *axis,
                      bool (*pair)(const struct gb_set *set, const struct gb_set_row *r, struct gb_pair *pair)) {
    struct gb_bar *const bars = calloc(set->n_rows + 1, sizeof *bars);
    char title[40];
    size_t count = 0;
    for (size_t i = 0; i < set->n_rows && bars; i++) {
        const struct gb_set_row *const r = &set->rows[i];
        struct gb_bar *const bar = &bars[count];
        if (r->run != run || r->row->threads != threads || r->variant >= set->n_own || !gb_is_timed_row(r->row)) continue;
        if (!pair(set, r, &bar->pair) || !gb_is_drawn(&bar->pair)) continue;
        bar->variant = r->variant;
        gb_row_text(r->row, bar->label, sizeof bar->label);
        count++;
    }
    gb_count_text(threads, "thread", title, sizeof title);
    if (count) gb_forest_draw(canvas, set, set->runs[run].mark, title, bars, count, axis);
    free(bars);
    return bars;
}

static bool pair_with_rival(const struct gb_set *set, const struct gb_set_row *r, struct gb_pair *pair) {
    const struct gb_versus *const rival = set->raced ? r->row->best_peer : gb_row_versus(r->row, "ref");
    if (!rival || strcmp(r->row->variant, "ref") == 0) return false;
    *pair = rival->pair;
    return true;
}

static bool draw_ratios(struct gb_canvas *canvas, const struct gb_set *set, size_t run, size_t threads) {
    const char *const axis = set->raced ? "time of the best peer / time (ratio)" : "time of ref / time (ratio)";
    return draw_rows(canvas, set, run, threads, axis, pair_with_rival);
}

bool gb_ratio_draw(struct gb_canvas *canvas, const struct gb_set *set) { return gb_for_each_panel(canvas, set, draw_ratios); }

static bool pair_with_first(const struct gb_set *set, const struct gb_set_row *r, struct gb_pair *pair) {
    if (set->n_runs == 1 || !r->gain) return false;
    *pair = r->gain->pair;
    return true;
}

static bool draw_gains(struct gb_canvas *canvas, const struct gb_set *set, size_t run, size_t threads) {
    return draw_rows(canvas, set, run, threads, "time in run A / time (ratio)", pair_with_first);
}

bool gb_runs_draw(struct gb_canvas *canvas, const struct gb_set *set) { return gb_for_each_panel(canvas, set, draw_gains); }

/* A kernel's row of means is that of its name. */
static void add_means(const struct gb_set *set, size_t run, const char *base, struct gb_names *kernels, struct gb_mean *means) {
    const struct gb_set_run *const of = &set->runs[run];
    for (size_t i = 0; i < set->n_rows; i++) {
        const struct gb_set_row *const r = &set->rows[i];
        if (r->run != run || r->variant >= set->n_own || r->row->threads != of->threads[of->n_threads - 1]) continue;
        const struct gb_versus *const versus = gb_row_versus(r->row, base);
        size_t kernel = 0;
        if (!versus || !gb_is_timed_row(r->row)) continue;
        gb_names_add(kernels, r->row->kernel);
        while (kernel < kernels->count && strcmp(kernels->list[kernel], r->row->kernel) != 0) kernel++;
        if (kernel < kernels->count)
            gb_mean_add(&means[kernel * GB_SET_VARIANTS_MAX + r->variant], versus->pair.ratio, versus->verdict);
    }
}

static bool draw_isas(struct gb_canvas *canvas, const struct gb_set *set, size_t run) {
    const char *const base = set->n_own ? set->variants[0] : ""; /* ref, where it was raced */
    struct gb_names kernels = {.count = 0};
    struct gb_mean *const means = calloc((size_t)GB_NAMES_MAX * GB_SET_VARIANTS_MAX, sizeof *means);
    struct gb_bar *const bars = calloc((size_t)GB_NAMES_MAX * GB_SET_VARIANTS_MAX, sizeof *bars);
    const bool good = means && bars;
    char axis[GB_LABEL_MAX];
    size_t count = 0;
    if (good) add_means(set, run, base, &kernels, means);
    for (size_t i = 0; i < kernels.count * GB_SET_VARIANTS_MAX; i++) {
        const struct gb_mean *const m = &means[i];
        if (m->count == 0) continue;
        struct gb_bar *const bar = &bars[count++];
        *bar = (struct gb_bar){.pair = {m->count, gb_mean_of(m), m->low, m->high, false}, .variant = i % GB_SET_VARIANTS_MAX};
        snprintf(bar->label, sizeof bar->label, "%s (%zu)", kernels.list[i / GB_SET_VARIANTS_MAX], m->count);
    }
    snprintf(axis, sizeof axis, "time of %.40s / time (ratio)", base);
    if (count) gb_forest_draw(canvas, set, set->runs[run].mark, "kernels, with the number of problems", bars, count, axis);
    free(means);
    free(bars);
    return good;
}

bool gb_isas_draw(struct gb_canvas *canvas, const struct gb_set *set) { return gb_for_each_run(canvas, set, draw_isas); }

static bool draw_nulls(struct gb_canvas *canvas, const struct gb_set *set, size_t run) {
    const struct gb_result_context *const c = &set->runs[run].result->context;
    struct gb_bar *const bars = calloc(c->n_nulls + 1, sizeof *bars);
    size_t count = 0;
    for (size_t i = 0; i < c->n_nulls && bars; i++) {
        const struct gb_result_null *const null = &c->nulls[i];
        const size_t variant = gb_set_variant(set, null->variant);
        const struct gb_result_row like = {
            .kernel = null->kernel, .dtype = null->dtype, .workload = null->workload, .cache = "hot"};
        if (variant >= set->n_variants || !gb_is_drawn(&null->pair)) continue;
        bars[count] = (struct gb_bar){.pair = null->pair, .variant = variant};
        gb_row_text(&like, bars[count].label, sizeof bars[count].label);
        count++;
    }
    if (count) gb_forest_draw(canvas, set, set->runs[run].mark, "null pairs", bars, count, "time / time of the same (ratio)");
    free(bars);
    return bars;
}

bool gb_nulls_draw(struct gb_canvas *canvas, const struct gb_set *set) { return gb_for_each_run(canvas, set, draw_nulls); }
