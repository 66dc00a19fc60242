/* Who is ahead, by how much, how sure it is, and how close to the roof: a line a variant and number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "markup.h"
#include "page_parts.h"
#include "report_words.h"
#include "text.h"

/* Rows of one run, variant and number of threads. */
struct group {
    size_t run, variant, threads, timed, not_timed;
    struct gb_mean peers, ref, first;
    double share; /* the median; 0: none is known */
};

static int compare(double a, double b) { return (a > b) - (a < b); }

static double share_of(const struct gb_set_row *r) { return gb_is_timed_row(r->row) ? r->row->share.fraction : 0; }

static int order(const struct gb_set_row *x, const struct gb_set_row *y) {
    int order = compare((double)x->run, (double)y->run);
    if (order == 0) order = compare((double)x->variant, (double)y->variant);
    return order ? order : compare((double)x->row->threads, (double)y->row->threads);
}

/* Of a group, those with the highest share come first. */
static int by_group(const void *a, const void *b) {
    const struct gb_set_row *const x = a, *const y = b;
    const int groups = order(x, y);
    return groups ? groups : compare(share_of(y), share_of(x));
}

static struct group sum_up(const struct gb_set_row *rows, size_t count) {
    struct group g = {.run = rows->run, .variant = rows->variant, .threads = rows->row->threads};
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        const struct gb_result_row *const row = rows[i].row;
        const struct gb_versus *const ref = gb_row_versus(row, "ref");
        if (!gb_is_timed_row(row)) {
            g.not_timed++;
            continue;
        }
        g.timed++;
        known += share_of(&rows[i]) > 0;
        if (row->best_peer) gb_mean_add(&g.peers, row->best_peer->pair.ratio, row->best_peer->verdict);
        if (ref) gb_mean_add(&g.ref, ref->pair.ratio, ref->verdict);
        if (rows[i].gain) gb_mean_add(&g.first, rows[i].gain->pair.ratio, rows[i].gain->verdict);
    }
    if (known) g.share = (share_of(&rows[known / 2]) + share_of(&rows[(known - 1) / 2])) / 2;
    return g;
}

static void print_mean(FILE *out, const struct gb_mean *mean) { gb_ratio_cell(out, mean->count ? gb_mean_of(mean) : 0); }

/* Of ratios to peers: empty where there were none. */
static void print_part(FILE *out, const struct gb_mean *mean, size_t part) {
    if (mean->count) gb_count_cell(out, part);
    else gb_number_cell(out, NAN, "");
}

static const char *percent_text(double share, char *text, size_t size) {
    snprintf(text, size, share < 0.01 ? "<1 %%" : "%.0f %%", 100 * share);
    return text;
}

static void print_group(FILE *out, const struct gb_set *set, const struct group *g, bool gains) {
    char text[40];
    const size_t decided = g->peers.faster + g->peers.slower;
    gb_row_begin(out, NULL);
    if (set->n_runs > 1) gb_cell(out, NULL, set->runs[g->run].mark);
    gb_name_cell(out, set->variants[g->variant]);
    gb_count_cell(out, g->threads);
    gb_count_cell(out, g->timed);
    gb_count_cell(out, g->not_timed);
    if (set->raced) {
        print_mean(out, &g->peers);
        print_part(out, &g->peers, g->peers.faster);
        print_part(out, &g->peers, g->peers.count - decided);
        print_part(out, &g->peers, g->peers.slower);
    }
    print_mean(out, &g->ref);
    gb_number_cell(out, g->share > 0 ? g->share : NAN, percent_text(g->share, text, sizeof text));
    if (gains) print_mean(out, &g->first);
    gb_markup_end(out, "tr");
}

/* "avx2 on 2 threads: 1.23 times as fast as ..." of the widest variant of a run, on the most threads. */
static void print_sentence(FILE *out, const struct gb_set *set, const struct group *g) {
    const struct gb_mean *const mean = g->peers.count ? &g->peers : &g->ref;
    const struct gb_set_run *const run = &set->runs[g->run];
    char threads[40], ratio[24], share[24], tail[80] = "";
    gb_count_text(g->threads, "thread", threads, sizeof threads);
    if (g->share > 0)
        snprintf(tail, sizeof tail, " Half of its rows reach %s of their limit or more.",
                 percent_text(g->share, share, sizeof share));
    if (mean->count == 0)
        gb_paragraph(out, "lead", "%s%s%s on %s: %zu rows timed, and nothing to compare them with.%s", run->mark,
                     *run->mark ? ": " : "", set->variants[g->variant], threads, g->timed, tail);
    else
        gb_paragraph(out, "lead",
                     "%s%s%s on %s is %s times as fast as %s in the geometric mean of %zu problems: ahead on %zu, behind on "
                     "%zu, the rest "
                     "cannot be told apart.%s",
                     run->mark, *run->mark ? ": " : "", set->variants[g->variant], threads,
                     gb_ratio_text(gb_mean_of(mean), ratio, sizeof ratio),
                     g->peers.count ? "the fastest peer of each problem" : "ref", mean->count, mean->faster, mean->slower,
                     tail);
}

static size_t make_groups(const struct gb_set *set, struct gb_set_row *rows, struct group *groups) {
    size_t count = 0;
    memcpy(rows, set->rows, set->n_rows * sizeof *rows);
    qsort(rows, set->n_rows, sizeof *rows, by_group);
    for (size_t first = 0, end; first < set->n_rows; first = end) {
        end = first + 1;
        while (end < set->n_rows && order(&rows[first], &rows[end]) == 0) end++;
        if (rows[first].variant < set->n_own) groups[count++] = sum_up(rows + first, end - first);
    }
    return count;
}

/* Of the groups of each of few runs, which are ordered by variant, then threads, the last that was timed. */
static void print_sentences(FILE *out, const struct gb_set *set, const struct group *groups, size_t count) {
    const struct group *last = NULL;
    if (set->n_runs > GB_RUNS_FEW) return;
    for (size_t i = 0; i < count; i++) {
        if (groups[i].timed) last = &groups[i];
        if (i + 1 < count && groups[i + 1].run == groups[i].run) continue;
        if (last) print_sentence(out, set, last);
        last = NULL;
    }
}

/* What a run is to the first, as gradbench compare says it. */
static void print_gain(FILE *out, const struct gb_set_run *run) {
    const struct gb_comparison *const c = run->against;
    char ratio[24], why[200] = "";
    if (c->n_rows == 0) return;
    for (size_t i = 0; i < c->n_differences; i++)
        if (c->differences[i].decides) gb_text_append(why, sizeof why, "%s%s", why[0] ? ", " : "", c->differences[i].what);
    gb_paragraph(
        out, NULL,
        "%s against A: %s times as fast in the geometric mean of %zu rows; faster on %zu, slower on %zu, the same on %zu, "
        "undecided on %zu.%s%s",
        run->mark, gb_ratio_text(c->mean, ratio, sizeof ratio), c->n_rows, c->faster, c->slower, c->same, c->inconclusive,
        why[0] ? " There are no verdicts, for these differ: " : "", why);
}

enum { OF_PEERS = 5, N_OF_PEERS = 4 }; /* columns that a run without peers does not have */

bool gb_page_summary(FILE *out, const struct gb_set *set) {
    static const char *const heads[] = {"run",
                                        "variant",
                                        "#threads",
                                        "#rows timed",
                                        "#not timed",
                                        "#against best peer, ratio",
                                        "#ahead",
                                        "#no difference",
                                        "#behind",
                                        "#against ref, ratio",
                                        "#share of limit, median",
                                        "#against run A, ratio",
                                        NULL};
    const char *shown[sizeof heads / sizeof *heads];
    const bool several = set->n_runs > 1;
    struct gb_set_row *const rows = calloc(set->n_rows + 1, sizeof *rows);
    struct group *const groups = calloc(set->n_rows + 1, sizeof *groups);
    const size_t count = rows && groups ? make_groups(set, rows, groups) : 0;
    bool gains = false;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) gains |= groups[i].first.count > 0;
    for (size_t i = !several; heads[i] && (heads[i + 1] || gains); i++)
        if (set->raced || i < OF_PEERS || i >= OF_PEERS + N_OF_PEERS) shown[n++] = heads[i];
    shown[n] = NULL;
    gb_section_begin(out, "summary", "Summary");
    print_sentences(out, set, groups, count);
    gb_table_begin(out, "sorted",
                   "Geometric means of ratios: above 1 the variant is faster; ahead and behind: beyond 3 % and the noise",
                   shown);
    for (size_t i = 0; i < count; i++) print_group(out, set, &groups[i], gains);
    gb_table_end(out);
    for (size_t k = 1; k < set->n_runs; k++) print_gain(out, &set->runs[k]);
    gb_markup_end(out, "section");
    free(rows);
    free(groups);
    return rows && groups;
}
