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

static void add_pair(struct mean *mean, const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i, size_t j) {
    if (!gb_is_timed(plan, outcome, i) || !gb_is_timed(plan, outcome, j)) return;
    const struct gb_pair pair = gb_outcome_pair(outcome, i, j);
    const char *const verdict = gb_verdict(&pair, outcome->noise);
    if (pair.no_verdict) return;
    mean->count++;
    mean->ahead += strcmp(verdict, "faster") == 0;
    mean->behind += strcmp(verdict, "slower") == 0;
    mean->logs += log(pair.ratio);
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

static struct subject subject_of(const struct gb_plan *plan) {
    const size_t none = plan->n_variants, most = plan->n_own - 1;
    struct subject s = {.most = most, .fewest = none, .ref = gb_reference_of(plan, most), .narrower = none};
    if (s.ref == most) s.ref = none;
    if (plan->n_threads > 1) s.fewest = most + 1 - plan->n_threads;
    if (most >= plan->n_threads && !gb_is_ref(&plan->variants[most - plan->n_threads])) s.narrower = most - plan->n_threads;
    return s;
}

enum { KERNEL, PROBLEMS, REF, NARROWER, SCALING, MEDIAN, LEAST, LEAST_NAME, AHEAD, BEHIND, COLUMNS };

struct table {
    const struct gb_report *report;
    const struct gb_plan *plan;
    struct subject subject;
    struct gb_column columns[COLUMNS];
    size_t hidden;
    const struct gb_outcome *outcomes;
    size_t count;
};

static const char *kernel_text(const struct gb_plan *plan, int kernel, int dtype, char *text, size_t size) {
    snprintf(text, size, "%s%s%s", gk_kernel_get((enum gk_kernel_id)kernel)->name, plan->dtypes[GK_F64] ? " " : "",
             plan->dtypes[GK_F64] ? gk_dtype_name((enum gk_dtype)dtype) : "");
    return text;
}

static bool is_of(const struct gb_outcome *outcome, int kernel, int dtype) {
    return (int)outcome->task->spec.kernel == kernel && (int)outcome->task->spec.dtype == dtype;
}

static void set_columns(struct table *t) {
    const struct gb_plan *const plan = t->plan;
    const struct subject s = t->subject;
    const size_t none = plan->n_variants;
    const bool raced = plan->n_variants > plan->n_own;
    enum { NAME_LEAST = 8 };
    int kernel = 7, name = 4;
    char text[96];
    for (size_t i = 0; i < t->count; i++) {
        const struct gb_problem_spec *const spec = &t->outcomes[i].task->spec;
        const int width = (int)strlen(kernel_text(plan, (int)spec->kernel, (int)spec->dtype, text, sizeof text));
        const int workload = (int)strlen(t->outcomes[i].task->workload);
        if (width > kernel) kernel = width;
        if (workload > name) name = workload;
    }
    const struct gb_column columns[COLUMNS] = {
        [KERNEL] = {.width = kernel + 1, .left = 1},
        [PROBLEMS] = {.width = 10, .rank = 1},
        [REF] = {.width = s.ref != none ? 8 : 0, .rank = 4},
        [NARROWER] = {.width = s.narrower != none ? (int)strlen(plan->variants[s.narrower].name) + 5 : 0, .rank = 5},
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
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s%s%s", names[0] ? "; " : "", upper,
                     *upper ? " " : "", heads[1][i]);
    }
    gb_print_hidden(t->report, t->hidden, names);
}

static void print_head(const struct table *t) {
    const struct gb_plan *const plan = t->plan;
    const struct subject s = t->subject;
    char narrower[80] = "", scaling[40] = "";
    if (s.narrower != plan->n_variants) snprintf(narrower, sizeof narrower, "%s", plan->variants[s.narrower].name);
    if (s.fewest != plan->n_variants) gb_count_text(plan->variants[s.fewest].threads, "thread", scaling, sizeof scaling);
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

/* shares has room for all outcomes. */
static void print_kernel(const struct table *t, int kernel, int dtype, double *shares) {
    const struct gb_plan *const plan = t->plan;
    const struct subject s = t->subject;
    const struct gb_outcome *least = NULL;
    struct mean ref = {0}, narrower = {0}, scaling = {0}, peers = {0};
    size_t problems = 0, n_shares = 0;
    for (size_t k = 0; k < t->count; k++) {
        const struct gb_outcome *const o = &t->outcomes[k];
        const struct gb_measure *const m = &o->measures[s.most];
        if (!is_of(o, kernel, dtype)) continue;
        problems++;
        add_pair(&ref, plan, o, s.most, s.ref);
        add_pair(&narrower, plan, o, s.most, s.narrower);
        if (s.fewest < plan->n_variants && m->threads_used != o->measures[s.fewest].threads_used)
            add_pair(&scaling, plan, o, s.most, s.fewest);
        add_pair(&peers, plan, o, s.most, gb_best_peer(plan, o, plan->variants[s.most].threads));
        if (m->state != GB_STATE_TIMED || m->share.fraction <= 0 || o->work.latency) continue;
        shares[n_shares++] = m->share.fraction;
        if (!least || m->share.fraction < least->measures[s.most].share.fraction) least = o;
    }
    if (problems == 0) return;
    char texts[COLUMNS][96] = {{0}};
    const size_t size = sizeof *texts;
    kernel_text(plan, kernel, dtype, texts[KERNEL], size);
    snprintf(texts[PROBLEMS], size, "%zu", problems);
    mean_text(&ref, texts[REF], size);
    mean_text(&narrower, texts[NARROWER], size);
    mean_text(&scaling, texts[SCALING], size);
    if (least) percent_text(median(shares, n_shares), texts[MEDIAN], size);
    if (least) percent_text(shares[0], texts[LEAST], size);
    snprintf(texts[LEAST_NAME], size, "%.*s", t->columns[LEAST_NAME].width - 1, least ? least->task->workload : "");
    snprintf(texts[AHEAD], size, "%zu", peers.ahead);
    snprintf(texts[BEHIND], size, "%zu", peers.behind);
    struct gb_line line = {t->report, 0};
    for (int column = 0; column < COLUMNS; column++)
        gb_print_cell(&line, &t->columns[column], "", *texts[column] ? texts[column] : column == LEAST_NAME ? "" : "-");
    fprintf(t->report->out, "\n");
}

static void print_kernels(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                          size_t count) {
    struct table table = {.report = report, .plan = plan, .subject = subject_of(plan), .outcomes = outcomes, .count = count};
    double *const shares = calloc(count + 1, sizeof *shares);
    fprintf(report->out, "\n");
    gb_say(report, 2, "%ssummary%s of %s: how many times as fast, in the geometric mean, and the share of the limit",
           gb_bold(report), gb_plain(report), plan->variants[table.subject.most].label);
    set_columns(&table);
    if (shares) print_head(&table);
    else gb_say(report, 2, "there is no memory for it");
    for (int kernel = 0; kernel < GK_KERNEL_COUNT && shares; kernel++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) print_kernel(&table, kernel, dtype, shares);
    free(shares);
    fprintf(report->out, "\n");
}

static void count_peer(struct gb_totals *totals, const struct gb_measure *m) {
    totals->peers_timed += m->state == GB_STATE_TIMED;
    totals->peers_failed += m->state == GB_STATE_FAILED;
    totals->peers_gone += m->state == GB_STATE_GONE;
}

struct gb_totals gb_count_outcomes(const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count) {
    struct gb_totals totals = {.skipped = (plan->n_tasks - count) * plan->n_variants};
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < plan->n_variants; i++) {
            const struct gb_measure *const m = &outcomes[k].measures[i];
            totals.skipped += m->state == GB_STATE_SKIPPED;
            if (plan->variants[i].peer) {
                count_peer(&totals, m);
                continue;
            }
            totals.timed += m->state == GB_STATE_TIMED;
            totals.failed += m->state == GB_STATE_FAILED;
            totals.not_timed += m->state == GB_STATE_NOT_TIMED;
            totals.sampled += m->state == GB_STATE_TIMED && m->verified == GB_VERIFIED_SAMPLED;
        }
    return totals;
}

static void print_counts(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                         size_t count) {
    const struct gb_totals totals = gb_count_outcomes(plan, outcomes, count);
    char problems[40], cells[40], rest[200] = "";
    if (totals.failed) snprintf(rest, sizeof rest, "; %s%zu FAILED%s", gb_red(report), totals.failed, gb_plain(report));
    if (totals.not_timed) snprintf(rest + strlen(rest), sizeof rest - strlen(rest), "; %zu not timed", totals.not_timed);
    if (totals.skipped) snprintf(rest + strlen(rest), sizeof rest - strlen(rest), "; %zu not run", totals.skipped);
    gb_say(report, 2, "%zu of %s run; %s timed, each verified first (%zu on a sample)%s", count,
           gb_count_text(plan->n_tasks, "problem", problems, sizeof problems),
           gb_count_text(totals.timed, "cell", cells, sizeof cells), totals.sampled, rest);
    if (plan->n_variants == plan->n_own) return;
    rest[0] = '\0';
    if (totals.peers_failed)
        snprintf(rest, sizeof rest, "; %s%zu FAILED%s", gb_red(report), totals.peers_failed, gb_plain(report));
    if (totals.peers_gone) snprintf(rest + strlen(rest), sizeof rest - strlen(rest), "; %zu gone", totals.peers_gone);
    gb_say(report, 2, "peers: %s timed, each found within its error bound first%s",
           gb_count_text(totals.peers_timed, "cell", cells, sizeof cells), rest);
}

/* By throughput, then by latency: what few outputs cost is another question. */
static void print_tally(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                        size_t count, size_t i) {
    struct mean means[2] = {{0}, {0}};
    for (size_t k = 0; k < count; k++)
        add_pair(&means[outcomes[k].work.latency], plan, &outcomes[k], i,
                 gb_best_peer(plan, &outcomes[k], plan->variants[i].threads));
    for (size_t kind = 0; kind < 2; kind++) {
        char ratio[32], problems[40];
        if (means[kind].count == 0) continue;
        gb_say(report, 2, "%s against the best peer: %s in the geometric mean of %s%s, %zu ahead, %zu behind",
               plan->variants[i].label, mean_text(&means[kind], ratio, sizeof ratio),
               gb_count_text(means[kind].count, "problem", problems, sizeof problems), kind ? " bound by latency" : "",
               means[kind].ahead, means[kind].behind);
    }
}

/* A cell that is behind a peer. */
struct behind {
    const struct gb_outcome *outcome;
    size_t variant, peer;
    struct gb_pair pair;
};

static int worst_first(const void *a, const void *b) {
    const double x = ((const struct behind *)a)->pair.ratio, y = ((const struct behind *)b)->pair.ratio;
    return (x > y) - (x < y);
}

/* Of the widest isa. Room for one a problem and number of threads. */
static size_t find_behind(const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count, struct behind *list) {
    size_t found = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = plan->n_own - plan->n_threads; i < plan->n_own; i++) {
            const size_t peer = gb_best_peer(plan, &outcomes[k], plan->variants[i].threads);
            if (!gb_is_timed(plan, &outcomes[k], i) || peer == plan->n_variants) continue;
            const struct gb_pair pair = gb_outcome_pair(&outcomes[k], i, peer);
            if (strcmp(gb_verdict(&pair, outcomes[k].noise), "slower") == 0)
                list[found++] = (struct behind){&outcomes[k], i, peer, pair};
        }
    qsort(list, found, sizeof *list, worst_first);
    return found;
}

/* The furthest behind; with details all. */
static void print_behind(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                         size_t count) {
    enum { SHOWN = 5 };
    struct behind *const list = calloc(count * plan->n_threads + 1, sizeof *list);
    const size_t found = list ? find_behind(plan, outcomes, count, list) : 0;
    const size_t shown = report->details || found < SHOWN ? found : SHOWN;
    char problem[256], pair[128];
    if (!list) gb_say(report, 2, "there is no memory for a list of what is behind");
    for (size_t i = 0; i < shown; i++) {
        const struct behind *const b = &list[i];
        gb_say(report, 4, "  behind: %s (%s), %s, against %s: %s%s",
               gb_problem_text(&b->outcome->task->spec, problem, sizeof problem), b->outcome->task->workload,
               plan->variants[b->variant].label, plan->variants[b->peer].name,
               gb_pair_text(&b->pair, b->outcome->noise, pair, sizeof pair), b->outcome->work.latency ? " (latency)" : "");
    }
    if (shown < found) gb_say(report, 4, "  behind: %zu more (--details lists all)", found - shown);
    free(list);
}

/* The first call that ran on fewer threads than it was allowed: it asked for no more, or (taken) the system had no more. */
static void print_threads(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                          size_t count, bool taken) {
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < plan->n_variants; i++) {
            const struct gb_measure *const m = &outcomes[k].measures[i];
            const size_t used = m->threads_used, allowed = plan->variants[i].threads;
            if (m->state != GB_STATE_TIMED || used >= allowed || gb_had_fewer_threads(m) != taken) continue;
            if (taken)
                gb_say(report, 2, "%sthreads %zu (%zu): %zu were asked for, but the system gave %zu: no verdict",
                       report->details ? "" : "! ", allowed, used, m->threads_asked, used);
            else
                gb_say(report, 2, "%sthreads %zu (%zu): %zu were allowed, but the problem is so small that the call ran on %zu",
                       report->details ? "" : "* ", allowed, used, allowed, used);
            return;
        }
}

static void print_noise(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                        size_t count) {
    const struct gb_outcome *worst = NULL;
    double *const off = calloc(count + 1, sizeof *off); /* |ratio - 1| */
    size_t pairs = 0, beyond = 0;
    if (!off) gb_say(report, 2, "there is no memory for the noise floor");
    for (size_t k = 0; k < count && off; k++) {
        const struct gb_outcome *const o = &outcomes[k];
        if (o->null_pair.count == 0) continue;
        off[pairs++] = fabs(o->null_pair.ratio - 1);
        beyond += o->noise > GB_VERDICT_THRESHOLD;
        if (!worst || o->noise > worst->noise) worst = o;
    }
    const double middle = pairs ? median(off, pairs) : 0;
    free(off);
    if (!worst) return;
    char problems[40], wider[120] = "";
    if (beyond)
        snprintf(wider, sizeof wider, "; %zu %s wider than %.0f %%, and there no difference within that interval is called one",
                 beyond, beyond == 1 ? "is" : "are", 100 * GB_VERDICT_THRESHOLD);
    gb_say(report, 2,
           "noise floor: in %s one variant ran twice, as if it were two: |ratio - 1| is %.2f %% in the median. The widest "
           "interval is %.3f [%.3f, %.3f], %s %s (%s)%s",
           gb_count_text(pairs, "problem", problems, sizeof problems), 100 * middle, worst->null_pair.ratio,
           worst->null_pair.low, worst->null_pair.high, worst->kernel->name, worst->task->workload,
           plan->variants[worst->null_variant].label, wider);
}

void gb_report_footer(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                      size_t count) {
    if (count) print_kernels(report, plan, outcomes, count);
    print_counts(report, plan, outcomes, count);
    const size_t told = report->details ? 0 : plan->n_own - plan->n_threads; /* else the widest isa */
    for (size_t i = told; i < plan->n_own && plan->n_own < plan->n_variants; i++)
        if (!gb_is_ref(&plan->variants[i])) print_tally(report, plan, outcomes, count, i);
    if (plan->n_own < plan->n_variants) print_behind(report, plan, outcomes, count);
    print_threads(report, plan, outcomes, count, false);
    print_threads(report, plan, outcomes, count, true);
    print_noise(report, plan, outcomes, count);
}
