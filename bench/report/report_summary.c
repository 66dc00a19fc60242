/* The end of a run on one screen: what was found of each kernel, against the peers, and how much of it may be noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_table.h"
#include "report_words.h"
#include "text.h"

/* Of several problems. */
struct mean {
    size_t count, ahead, behind;
    double logs;
};

static void add_pair(struct mean *mean, const struct gb_result *result, const struct gb_result_problem *problem, size_t i,
                     size_t j) {
    if (!gb_is_timed(result, problem, i) || !gb_is_timed(result, problem, j)) return;
    const struct gb_versus versus = gb_compare_cells(problem, i, j);
    if (versus.pair.no_verdict) return;
    mean->count++;
    mean->ahead += strcmp(versus.verdict, "faster") == 0;
    mean->behind += strcmp(versus.verdict, "slower") == 0;
    mean->logs += log(versus.pair.ratio);
}

/* "1.23x", or "-" of nothing. */
static const char *mean_text(const struct mean *mean, char *text, size_t size) {
    char ratio[24];
    if (mean->count == 0) snprintf(text, size, "-");
    else snprintf(text, size, "%sx", gb_ratio_text(exp(mean->logs / (double)mean->count), ratio, sizeof ratio));
    return text;
}

/* Variants that the summary is about: the widest isa of the run. Each is the number of variants where there is none. */
struct subject {
    size_t most, fewest;  /* on the most and on the fewest threads */
    size_t ref, narrower; /* on the most */
};

static struct subject subject_of(const struct gb_result *result) {
    const size_t none = result->n_variants, most = result->n_own - 1;
    struct subject s = {.most = most, .fewest = none, .ref = gb_reference_of(result, most), .narrower = none};
    if (s.ref == most) s.ref = none;
    if (result->n_threads > 1) s.fewest = most + 1 - result->n_threads;
    if (most >= result->n_threads && !result->variants[most - result->n_threads].ref) s.narrower = most - result->n_threads;
    return s;
}

enum { KERNEL, PROBLEMS, REF, NARROWER, SCALING, MEDIAN, LEAST, LEAST_NAME, AHEAD, BEHIND, COLUMNS };

struct table {
    const struct gb_report *report;
    const struct gb_result *result;
    struct subject subject;
    struct gb_column columns[COLUMNS];
    size_t hidden;
};

static const char *kernel_text(const struct gb_result *result, const char *kernel, const char *dtype, char *text, size_t size) {
    snprintf(text, size, "%s%s%s", kernel, result->names_types ? " " : "", result->names_types ? dtype : "");
    return text;
}

static void set_columns(struct table *t) {
    const struct gb_result *const result = t->result;
    const struct subject s = t->subject;
    const size_t none = result->n_variants;
    const bool raced = result->n_variants > result->n_own;
    enum { NAME_LEAST = 8 };
    int kernel = 7, name = 4;
    char text[96];
    for (size_t k = 0; k < result->n_run; k++) {
        const struct gb_result_problem *const p = &result->problems[k];
        const int width = (int)strlen(kernel_text(result, p->kernel, p->dtype, text, sizeof text));
        const int workload = (int)strlen(p->workload);
        if (width > kernel) kernel = width;
        if (workload > name) name = workload;
    }
    const struct gb_column columns[COLUMNS] = {
        [KERNEL] = {.width = kernel + 1, .left = 1},
        [PROBLEMS] = {.width = 10, .rank = 1},
        [REF] = {.width = s.ref != none ? 8 : 0, .rank = 4},
        [NARROWER] = {.width = s.narrower != none ? (int)strlen(result->variants[s.narrower].name) + 5 : 0, .rank = 5},
        [SCALING] = {.width = s.fewest != none ? 10 : 0, .rank = 3},
        [MEDIAN] = {.width = 8},
        [LEAST] = {.width = 6},
        [LEAST_NAME] = {.width = name + 1, .rank = 2, .left = 1},
        [AHEAD] = {.width = raced ? 10 : 0},
        [BEHIND] = {.width = raced ? 10 : 0},
    };
    memcpy(t->columns, columns, sizeof columns);
    int room = t->report->width;
    for (int i = 0; i < COLUMNS; i++) room -= i == PROBLEMS || i == LEAST_NAME ? 0 : columns[i].width;
    if (room > NAME_LEAST && room < name + 1) t->columns[LEAST_NAME].width = room; /* cut off, it still says which */
    t->hidden = gb_columns_fit(t->columns, COLUMNS, t->report->width);
}

static void print_hidden(const struct table *t, const char *const heads[2][COLUMNS]) {
    char names[400] = "";
    for (int i = 0; i < COLUMNS; i++) {
        const char *const upper = i == LEAST_NAME ? "least share" : heads[0][i];
        if (t->columns[i].hidden)
            gb_text_append(names, sizeof names, "%s%s%s%s", names[0] ? "; " : "", upper, *upper ? " " : "", heads[1][i]);
    }
    gb_print_hidden(t->report, t->hidden, names);
}

static void print_head(const struct table *t) {
    const struct gb_result *const result = t->result;
    const struct subject s = t->subject;
    char narrower[80] = "", scaling[40] = "";
    if (s.narrower != result->n_variants) snprintf(narrower, sizeof narrower, "%s", result->variants[s.narrower].name);
    if (s.fewest != result->n_variants) gb_count_text(result->variants[s.fewest].threads, "thread", scaling, sizeof scaling);
    const char *const heads[2][COLUMNS] = {
        {"", "", "against", "against", "against", "median", "least", "", "ahead of", "behind"},
        {"kernel", "problems", "ref", narrower, scaling, "share", "share", "of", "best peer", "best peer"},
    };
    print_hidden(t, heads);
    fprintf(t->report->out, "%s", gb_dim(t->report));
    for (int i = 0; i < 2; i++) {
        struct gb_line line = {t->report, 0};
        for (int column = 0; column < COLUMNS; column++) gb_print_cell(&line, &t->columns[column], "", heads[i][column]);
        fprintf(t->report->out, "%s\n", i ? gb_plain(t->report) : "");
    }
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of at least one value, which it sorts. */
static double median(double *values, size_t n) {
    qsort(values, n, sizeof *values, ascending);
    return (values[n / 2] + values[(n - 1) / 2]) / 2;
}

static const char *percent_text(double fraction, char *text, size_t size) {
    if (fraction < 0.01) snprintf(text, size, "<1 %%");
    else snprintf(text, size, "%.0f %%", 100 * fraction);
    return text;
}

/* shares has room for all problems. */
static void print_kernel(const struct table *t, const char *kernel, const char *dtype, double *shares) {
    const struct gb_result *const result = t->result;
    const struct subject s = t->subject;
    const struct gb_result_problem *least = NULL;
    struct mean ref = {0}, narrower = {0}, scaling = {0}, peers = {0};
    size_t problems = 0, n_shares = 0;
    for (size_t k = 0; k < result->n_run; k++) {
        const struct gb_result_problem *const p = &result->problems[k];
        const struct gb_result_row *const m = &p->rows[s.most];
        if (strcmp(p->kernel, kernel) != 0 || strcmp(p->dtype, dtype) != 0) continue;
        problems++;
        add_pair(&ref, result, p, s.most, s.ref);
        add_pair(&narrower, result, p, s.most, s.narrower);
        if (s.fewest < result->n_variants && m->threads_used != p->rows[s.fewest].threads_used)
            add_pair(&scaling, result, p, s.most, s.fewest);
        add_pair(&peers, result, p, s.most, gb_best_peer(result, p, result->variants[s.most].threads));
        if (m->state != GB_STATE_TIMED || m->share.fraction <= 0) continue;
        shares[n_shares++] = m->share.fraction;
        if (!least || m->share.fraction < least->rows[s.most].share.fraction) least = p;
    }
    if (problems == 0) return;
    char texts[COLUMNS][96] = {{0}};
    const size_t size = sizeof *texts;
    kernel_text(result, kernel, dtype, texts[KERNEL], size);
    snprintf(texts[PROBLEMS], size, "%zu", problems);
    mean_text(&ref, texts[REF], size);
    mean_text(&narrower, texts[NARROWER], size);
    mean_text(&scaling, texts[SCALING], size);
    if (least) percent_text(median(shares, n_shares), texts[MEDIAN], size);
    if (least) percent_text(shares[0], texts[LEAST], size);
    snprintf(texts[LEAST_NAME], size, "%.*s", t->columns[LEAST_NAME].width - 1, least ? least->workload : "");
    snprintf(texts[AHEAD], size, "%zu", peers.ahead);
    snprintf(texts[BEHIND], size, "%zu", peers.behind);
    struct gb_line line = {t->report, 0};
    for (int column = 0; column < COLUMNS; column++)
        gb_print_cell(&line, &t->columns[column], "", *texts[column] ? texts[column] : column == LEAST_NAME ? "" : "-");
    fprintf(t->report->out, "\n");
}

/* In the order of the library's list. */
static void print_kernels(const struct gb_report *report, const struct gb_result *result) {
    static const char *const dtypes[] = {"f32", "f64"};
    const struct gb_names kernels = gb_kernel_names();
    struct table table = {.report = report, .result = result, .subject = subject_of(result)};
    double *const shares = calloc(result->n_run, sizeof *shares);
    if (!shares) {
        gb_say(report, 2, "there is no memory for a summary");
        return;
    }
    fprintf(report->out, "\n");
    gb_say(report, 2, "%ssummary%s of %s: how many times as fast, in the geometric mean, and the share of the limit",
           gb_bold(report), gb_plain(report), result->variants[table.subject.most].label);
    set_columns(&table);
    print_head(&table);
    for (size_t i = 0; i < kernels.count; i++)
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) print_kernel(&table, kernels.list[i], dtypes[d], shares);
    free(shares);
    fprintf(report->out, "\n");
}

/* Of the widest isa by thread count; of two the table says it, kernel by kernel. */
static void print_scaling(const struct gb_report *report, const struct gb_result *result) {
    const size_t fewest = result->n_own - result->n_threads;
    const struct gb_result_variant *const base = &result->variants[fewest];
    char text[1200] = "", speedup[24], threads[40];
    for (size_t i = fewest + 1; i < result->n_own && result->n_threads > 2; i++) {
        struct mean mean = {0};
        for (size_t k = 0; k < result->n_run; k++) {
            const struct gb_result_problem *const p = &result->problems[k];
            if (p->rows[i].threads_used != p->rows[fewest].threads_used) add_pair(&mean, result, p, i, fewest);
        }
        if (mean.count == 0) continue;
        const double efficiency =
            exp(mean.logs / (double)mean.count) * (double)base->threads / (double)result->variants[i].threads;
        gb_text_append(text, sizeof text, "%s %zu: %s (%.0f %%)", text[0] ? "," : "", result->variants[i].threads,
                       mean_text(&mean, speedup, sizeof speedup), 100 * efficiency);
    }
    if (text[0])
        gb_say(report, 2, "threads of %s against %s, speed-up and efficiency where more ran:%s", base->name,
               gb_count_text(base->threads, "thread", threads, sizeof threads), text);
}

static void count_peer(struct gb_totals *totals, const struct gb_result_row *m) {
    totals->peers_timed += m->state == GB_STATE_TIMED;
    totals->peers_failed += m->state == GB_STATE_FAILED;
    totals->peers_gone += m->state == GB_STATE_GONE;
}

struct gb_totals gb_count_cells(const struct gb_result *result) {
    struct gb_totals totals = {.skipped = (result->n_problems - result->n_run) * result->n_variants};
    for (size_t k = 0; k < result->n_run; k++)
        for (size_t i = 0; i < result->n_variants; i++) {
            const struct gb_result_row *const m = &result->problems[k].rows[i];
            totals.skipped += m->state == GB_STATE_SKIPPED;
            if (result->variants[i].peer) {
                count_peer(&totals, m);
                continue;
            }
            totals.timed += m->state == GB_STATE_TIMED;
            totals.failed += m->state == GB_STATE_FAILED;
            totals.not_timed += m->state == GB_STATE_NOT_TIMED;
            totals.sampled += m->state == GB_STATE_TIMED && strcmp(m->verified, "sampled") == 0;
        }
    return totals;
}

static void print_counts(const struct gb_report *report, const struct gb_result *result) {
    const struct gb_totals totals = gb_count_cells(result);
    char problems[40], cells[40], rest[200] = "";
    if (totals.failed) snprintf(rest, sizeof rest, "; %s%zu FAILED%s", gb_red(report), totals.failed, gb_plain(report));
    if (totals.not_timed) gb_text_append(rest, sizeof rest, "; %zu not timed", totals.not_timed);
    if (totals.skipped) gb_text_append(rest, sizeof rest, "; %zu not run", totals.skipped);
    gb_say(report, 2, "%zu of %s run; %s timed, each verified first (%zu on a sample)%s", result->n_run,
           gb_count_text(result->n_problems, "problem", problems, sizeof problems),
           gb_count_text(totals.timed, "cell", cells, sizeof cells), totals.sampled, rest);
    if (result->n_variants == result->n_own) return;
    rest[0] = '\0';
    if (totals.peers_failed)
        snprintf(rest, sizeof rest, "; %s%zu FAILED%s", gb_red(report), totals.peers_failed, gb_plain(report));
    if (totals.peers_gone) gb_text_append(rest, sizeof rest, "; %zu gone", totals.peers_gone);
    gb_say(report, 2, "peers: %s timed, each found within its error bound first%s",
           gb_count_text(totals.peers_timed, "cell", cells, sizeof cells), rest);
}

static void print_tally(const struct gb_report *report, const struct gb_result *result, size_t i) {
    struct mean mean = {0};
    char ratio[32], problems[40];
    for (size_t k = 0; k < result->n_run; k++)
        add_pair(&mean, result, &result->problems[k], i,
                 gb_best_peer(result, &result->problems[k], result->variants[i].threads));
    if (mean.count == 0) return;
    gb_say(report, 2, "%s against the best peer: %s in the geometric mean of %s, %zu ahead, %zu behind",
           result->variants[i].label, mean_text(&mean, ratio, sizeof ratio),
           gb_count_text(mean.count, "problem", problems, sizeof problems), mean.ahead, mean.behind);
}

/* A problem on which a variant is behind a peer. */
struct behind {
    const struct gb_result_problem *problem;
    size_t peer;
    struct gb_versus versus;
};

static int worst_first(const void *a, const void *b) {
    const double x = ((const struct behind *)a)->versus.pair.ratio, y = ((const struct behind *)b)->versus.pair.ratio;
    return (x > y) - (x < y);
}

/* There is room for all problems. */
static size_t find_behind(const struct gb_result *result, size_t variant, struct behind *list) {
    size_t found = 0;
    for (size_t k = 0; k < result->n_run; k++) {
        const struct gb_result_problem *const p = &result->problems[k];
        const size_t peer = gb_best_peer(result, p, result->variants[variant].threads);
        if (!gb_is_timed(result, p, variant) || peer == result->n_variants) continue;
        const struct gb_versus versus = gb_compare_cells(p, variant, peer);
        if (strcmp(versus.verdict, "slower") == 0) list[found++] = (struct behind){p, peer, versus};
    }
    qsort(list, found, sizeof *list, worst_first);
    return found;
}

/* The furthest behind; with details all. */
static void print_behind(const struct gb_report *report, const struct gb_result *result, size_t variant) {
    struct behind *const list = calloc(result->n_run + 1, sizeof *list);
    if (!list) {
        gb_say(report, 2, "there is no memory for a list of what is behind");
        return;
    }
    const size_t found = find_behind(result, variant, list);
    const size_t shown = report->details || found < GB_WORST_SHOWN ? found : GB_WORST_SHOWN;
    char pair[128];
    for (size_t i = 0; i < shown; i++) {
        const struct behind *const b = &list[i];
        gb_say(report, 4, "  behind %s: %s (%s): %s", result->variants[b->peer].name, b->problem->text, b->problem->workload,
               gb_pair_text(&b->versus.pair, b->versus.verdict, pair, sizeof pair));
    }
    if (shown < found) gb_say(report, 4, "  behind: %zu more (--details lists all)", found - shown);
    free(list);
}

/* The first call that ran on fewer threads than it was allowed: it asked for no more, or (taken) the system had no more. */
static void print_threads(const struct gb_report *report, const struct gb_result *result, bool taken) {
    for (size_t k = 0; k < result->n_run; k++)
        for (size_t i = 0; i < result->n_variants; i++) {
            const struct gb_result_row *const m = &result->problems[k].rows[i];
            const size_t used = m->threads_used, allowed = result->variants[i].threads;
            if (m->state != GB_STATE_TIMED || used >= allowed || gb_result_had_fewer_threads(m) != taken) continue;
            if (taken)
                gb_say(report, 2, "%sthreads %zu (%zu): %zu were asked for, but the system gave %zu: no verdict",
                       report->details ? "" : "! ", allowed, used, m->threads_asked, used);
            else
                gb_say(report, 2, "%sthreads %zu (%zu): %zu were allowed, but the problem is so small that the call ran on %zu",
                       report->details ? "" : "* ", allowed, used, allowed, used);
            return;
        }
}

static void print_not_cold(const struct gb_report *report, const struct gb_result *result) {
    size_t cells = 0;
    char count[40];
    for (size_t k = 0; k < result->n_run; k++)
        for (size_t i = 0; i < result->n_variants; i++) cells += result->problems[k].rows[i].not_cold;
    if (cells)
        gb_say(report, 2, "~ %s not cold: what moves is more than memory can, so part of the operands stayed in a cache",
               gb_count_text(cells, "cell", count, sizeof count));
}

static const struct gb_result_row *timed_row(const struct gb_result *result, const struct gb_result_problem *problem) {
    for (size_t i = 0; i < result->n_variants; i++)
        if (problem->rows[i].state == GB_STATE_TIMED) return &problem->rows[i];
    return NULL;
}

static size_t add_causes(struct gb_result_causes *sum, const struct gb_result_causes *more) {
    if (!more) return 0;
    sum->steal += more->steal;
    sum->switches += more->switches;
    sum->migration += more->migration;
    return gb_causes_count(more);
}

static void print_disturbed(const struct gb_report *report, const struct gb_result *result) {
    struct gb_result_causes dropped = {.steal = 0}, kept = {.steal = 0};
    size_t rounds = 0, n_dropped = 0, problems = 0;
    char text[160], count[40];
    for (size_t k = 0; k < result->n_run; k++) {
        const struct gb_result_row *const row = timed_row(result, &result->problems[k]);
        if (!row) continue;
        n_dropped += add_causes(&dropped, row->dropped);
        rounds += row->summary.count;
        problems += add_causes(&kept, row->disturbed) > 0;
    }
    if (n_dropped)
        gb_say(report, 2, "%zu of %zu rounds were dropped, for all variants alike: %s", n_dropped, n_dropped + rounds,
               gb_causes_text(&dropped, text, sizeof text));
    if (problems)
        gb_say(report, 2, "in %s all rounds count, for fewer than %d were undisturbed: %s",
               gb_count_text(problems, "problem", count, sizeof count), GB_ROUNDS_MIN,
               gb_causes_text(&kept, text, sizeof text));
}

/* Pairs of which `beyond` are wider than the threshold; off: |ratio - 1| in the median. */
static void say_noise(const struct gb_report *report, const struct gb_result_null *worst, size_t pairs, double off,
                      size_t beyond) {
    char problems[40], threads[40], wider[120] = "";
    if (beyond)
        snprintf(wider, sizeof wider, "; %zu %s wider than %.0f %%, and there no difference within that interval is called one",
                 beyond, beyond == 1 ? "is" : "are", 100 * GB_VERDICT_THRESHOLD);
    gb_say(report, 2,
           "noise floor: in %s one variant ran twice, as if it were two: |ratio - 1| is %.2f %% in the median. The widest "
           "interval is %.3f [%.3f, %.3f], %s %s (%s, %s)%s",
           gb_count_text(pairs, "problem", problems, sizeof problems), 100 * off, worst->pair.ratio, worst->pair.low,
           worst->pair.high, worst->kernel, worst->workload, worst->variant,
           gb_count_text(worst->threads, "thread", threads, sizeof threads), wider);
}

static void print_noise(const struct gb_report *report, const struct gb_result *result) {
    const struct gb_result_problem *worst = NULL;
    double *const off = calloc(result->n_run + 1, sizeof *off);
    size_t pairs = 0, beyond = 0;
    if (!off) {
        gb_say(report, 2, "there is no memory for the noise floor");
        return;
    }
    for (size_t k = 0; k < result->n_run; k++) {
        const struct gb_result_problem *const p = &result->problems[k];
        if (!p->null) continue;
        off[pairs++] = fabs(p->null->pair.ratio - 1);
        beyond += p->noise > GB_VERDICT_THRESHOLD;
        if (!worst || p->noise > worst->noise) worst = p;
    }
    if (worst) say_noise(report, worst->null, pairs, median(off, pairs), beyond);
    free(off);
}

void gb_report_footer(const struct gb_report *report, const struct gb_result *result) {
    const bool raced = result->n_own < result->n_variants;
    if (result->n_run) print_kernels(report, result);
    print_counts(report, result);
    const size_t told = report->details ? 0 : result->n_own - result->n_threads; /* else the widest isa */
    for (size_t i = told; i < result->n_own && raced; i++) {
        if (result->variants[i].ref) continue;
        print_tally(report, result, i);
        print_behind(report, result, i);
    }
    print_threads(report, result, false);
    print_threads(report, result, true);
    print_scaling(report, result);
    print_not_cold(report, result);
    print_disturbed(report, result);
    print_noise(report, result);
}
