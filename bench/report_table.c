#include "report_table.h"

#include <math.h>
#include <string.h>

#include "build_info.h"
#include "core/cpu.h"
#include "core/topology.h"
#include "text.h"

enum {
    PAIR_WIDTH = 33,
    BEST_WIDTH = 44, /* "avx512 against the best peer (), 16 threads" */
};

static const char *bold(const struct gb_report *r) { return r->color ? "\033[1m" : ""; }
static const char *red(const struct gb_report *r) { return r->color ? "\033[31m" : ""; }
static const char *plain(const struct gb_report *r) { return r->color ? "\033[0m" : ""; }

const char *gb_time_text(double ns, char *text, size_t size) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    size_t unit = 0;
    while (ns >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        ns /= 1000;
        unit++;
    }
    snprintf(text, size, "%.*f %s", ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0, ns, units[unit]);
    return text;
}

const char *gb_ratio_text(double ratio, char *text, size_t size) {
    snprintf(text, size, "%.*f", ratio < 0.9995 ? 3 : ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0, ratio);
    return text;
}

const char *gb_machine_text(char *text, size_t size) {
    const struct gk_topology *const t = gk_topology_get();
    char cpu[96], l1[24], l2[24], l3[24];
    gk_cpu_brand(cpu, sizeof cpu);
    snprintf(text, size, "%s, %zu core%s, L1d %s, L2 %s, L3 %s, %zu NUMA node%s", cpu, t->cores, t->cores == 1 ? "" : "s",
             gb_bytes_text((double)t->caches.l1d, l1, sizeof l1), gb_bytes_text((double)t->caches.l2, l2, sizeof l2),
             gb_bytes_text((double)t->caches.l3, l3, sizeof l3), t->numa_nodes, t->numa_nodes == 1 ? "" : "s");
    return text;
}

void gb_report_header(const struct gb_report *report, const struct gb_plan *plan, size_t rounds, uint64_t seed) {
    FILE *const out = report->out;
    char machine[320];
    fprintf(out, "gradbench %s (numerics %d, revision %s), %s\n%s\n", gk_version(), gk_numerics_version(), gb_build_revision(),
            gb_build_compiler(), gb_machine_text(machine, sizeof machine));
    fprintf(out, "%s: %zu problem%s; variants", plan->source, plan->n_tasks, plan->n_tasks == 1 ? "" : "s");
    for (size_t i = 0, named = 0; i < gk_column_count() && i < GB_ROOF_COLUMNS_MAX; i++)
        if (plan->columns[i]) fprintf(out, "%s %s", named++ ? "," : "", gk_column_get(i, GK_F32)->name);
    fprintf(out, "; threads");
    for (size_t i = 0; i < plan->n_threads; i++) fprintf(out, "%s %zu", i ? "," : "", plan->threads[i]);
    fprintf(out, "; up to %zu rounds; seed %llu\n", rounds, (unsigned long long)seed);
}

void gb_report_race(const struct gb_report *report, const struct gb_race *race) {
    for (size_t i = 0; i < race->count; i++) {
        const struct gb_racer *const r = &race->list[i];
        if (r->up) fprintf(report->out, "peer %s: %s\n", r->entry.name, r->description);
        if (r->reason[0] && r->named)
            fprintf(report->out, "%speer %s is not in the race:%s %s\n", red(report), r->entry.name, plain(report), r->reason);
    }
}

static void print_level(const struct gb_report *report, const struct gb_roofs *roofs, enum gb_level level) {
    FILE *const out = report->out;
    char name[32], bytes[24];
    snprintf(name, sizeof name, "%s (%s)", gb_level_name(level),
             gb_bytes_text((double)roofs->bytes[level], bytes, sizeof bytes));
    fprintf(out, "  move in %-18s", name);
    for (size_t t = 0; t < roofs->n_threads; t++) {
        const struct gb_bandwidth *const b = &roofs->bandwidth[t][level];
        fprintf(out, "  %5.0f /%5.0f /%5.0f", b->read, b->copy, b->copy_nt);
    }
    fprintf(out, "  GB/s: read / copy / non-temporal copy\n");
}

void gb_report_roofs(const struct gb_report *report, const struct gb_roofs *roofs) {
    FILE *const out = report->out;
    fprintf(out, "\n%sroofs, measured here%s       ", bold(report), plain(report));
    for (size_t t = 0; t < roofs->n_threads; t++)
        fprintf(out, "  %10zu thread%s", roofs->threads[t], roofs->threads[t] == 1 ? " " : "s");
    fprintf(out, "\n");
    for (size_t column = 0; column < gk_column_count() && column < GB_ROOF_COLUMNS_MAX; column++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            if (!roofs->columns[column] || !roofs->dtypes[dtype]) continue;
            fprintf(out, "  fma %-10s %-11s", gk_column_get(column, GK_F32)->name, gk_dtype_name((enum gk_dtype)dtype));
            for (size_t t = 0; t < roofs->n_threads; t++) fprintf(out, "  %19.1f", roofs->fma[column][dtype][t]);
            fprintf(out, "  GFLOP/s\n");
        }
    for (int level = 0; level < GB_LEVEL_COUNT; level++) print_level(report, roofs, (enum gb_level)level);
}

void gb_report_warnings(const struct gb_report *report, const struct gb_warnings *warnings, size_t first) {
    for (size_t i = first; i < warnings->count; i++) fprintf(report->out, "warning: %s\n", warnings->list[i]);
}

/* Of the column of names. */
static int name_width(const struct gb_plan *plan) {
    size_t width = 8;
    for (size_t i = 0; i < plan->n_variants; i++)
        if (strlen(plan->variants[i].name) > width) width = strlen(plan->variants[i].name);
    return (int)width + 1;
}

static void print_title(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    const struct gb_problem_spec *const spec = &outcome->task->spec;
    char text[256], bytes[24];
    gb_problem_describe(spec, text, sizeof text);
    char *const data = strstr(text, " data=");
    if (data) *data = '\0';
    fprintf(report->out, "\n%s%s%s  %s  %.4g MFLOP, %s\n", bold(report), text, plain(report), outcome->task->workload,
            outcome->work.flops / 1e6, gb_bytes_text(outcome->work.footprint, bytes, sizeof bytes));
    fprintf(report->out, "  %-*s%8s%11s  %-23s%16s  %-14s%-24s%s\n", name_width(plan), "variant", "threads", "median",
            "95 % CI", "rate", "of the roof", "against ref", "verified");
}

/* The ref variant with as many threads, or the number of variants. */
static size_t reference_of(const struct gb_plan *plan, size_t i) {
    for (size_t j = 0; j < plan->n_own; j++)
        if (plan->variants[j].column == 0 && plan->variants[j].threads == plan->variants[i].threads) return j;
    return plan->n_variants;
}

static bool timed(const struct gb_outcome *outcome, const struct gb_plan *plan, size_t i) {
    return i < plan->n_variants && outcome->measures[i].state == GB_STATE_TIMED;
}

static void print_against_ref(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome,
                              size_t i) {
    char text[64];
    const size_t ref = reference_of(plan, i);
    if (ref == i) {
        snprintf(text, sizeof text, "1");
    } else if (!timed(outcome, plan, ref)) {
        snprintf(text, sizeof text, "-");
    } else {
        const struct gb_pair pair = gb_outcome_pair(outcome, i, ref);
        char ratio[24];
        snprintf(text, sizeof text, "%sx %s", gb_ratio_text(pair.ratio, ratio, sizeof ratio),
                 gb_outcome_verdict(outcome, i, ref, &pair));
    }
    fprintf(report->out, "%-24s", text);
}

static void print_timed(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome,
                        size_t i) {
    const struct gb_measure *const m = &outcome->measures[i];
    const struct gb_summary *const s = &m->summary;
    char median[24], low[24], high[24], interval[56], rate[32], roof[32];
    const bool moves = strcmp(m->share.bound, "memory") == 0;
    snprintf(interval, sizeof interval, "%s .. %s", gb_time_text(s->low, low, sizeof low),
             gb_time_text(s->high, high, sizeof high));
    const bool products = outcome->work.products;
    snprintf(rate, sizeof rate, "%.1f %s", (products ? outcome->work.flops : outcome->bytes) / s->median,
             products ? "GFLOP/s" : "GB/s");
    if (m->share.fraction == 0) snprintf(roof, sizeof roof, "unknown");
    else snprintf(roof, sizeof roof, "%.0f %% %s", 100 * m->share.fraction, moves ? gb_level_name(m->share.level) : m->share.bound);
    fprintf(report->out, "%11s  %-23s%16s  %-14s", gb_time_text(s->median, median, sizeof median), interval, rate, roof);
    print_against_ref(report, plan, outcome, i);
    const char *const extent = m->verified == GB_VERIFIED_FULL ? "in full" : "sampled";
    fprintf(report->out, "%s%s%s\n", plan->variants[i].peer ? "within the bound" : extent, m->note[0] ? "; " : "", m->note);
}

static void print_row(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i) {
    const struct gb_measure *const m = &outcome->measures[i];
    char threads[48];
    const size_t asked = plan->variants[i].threads;
    if (m->state == GB_STATE_TIMED && m->threads_used < asked) snprintf(threads, sizeof threads, "%zu (%zu)", asked, m->threads_used);
    else snprintf(threads, sizeof threads, "%zu", asked);
    if (m->state == GB_STATE_UNFIT) return;
    fprintf(report->out, "  %-*s%8s", name_width(plan), plan->variants[i].name, threads);
    switch (m->state) {
    case GB_STATE_TIMED: print_timed(report, plan, outcome, i); break;
    case GB_STATE_FAILED: fprintf(report->out, "     %sFAILED%s  %s\n", red(report), plain(report), m->failure); break;
    case GB_STATE_NOT_TIMED:
        fprintf(report->out, "  not timed  (a call takes more than %.1f s)\n",
                (plan->variants[i].peer ? GB_PEER_TIMED_NS : GB_REF_TIMED_NS) / 1e9);
        break;
    case GB_STATE_LOST: fprintf(report->out, "       %slost%s  %s\n", red(report), plain(report), m->failure); break;
    case GB_STATE_UNFIT: break;
    case GB_STATE_SKIPPED: fprintf(report->out, "    stopped\n"); break;
    }
}

static void print_pair(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i,
                       size_t j, int width, const char *label) {
    if (!timed(outcome, plan, i) || !timed(outcome, plan, j)) return;
    const struct gb_pair pair = gb_outcome_pair(outcome, i, j);
    char ratio[24], low[24], high[24];
    fprintf(report->out, "  %-*s %sx [%s, %s] %s\n", width, label, gb_ratio_text(pair.ratio, ratio, sizeof ratio),
            gb_ratio_text(pair.low, low, sizeof low), gb_ratio_text(pair.high, high, sizeof high),
            gb_outcome_verdict(outcome, i, j, &pair));
}

/* Vector columns against each other, and most threads against one. */
static void print_pairs(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    char label[96];
    for (size_t i = 0; i < plan->n_own; i++)
        for (size_t j = 0; j < i; j++) {
            const struct gb_variant *const a = &plan->variants[i], *const b = &plan->variants[j];
            if (a->threads != b->threads || b->column == 0) continue;
            snprintf(label, sizeof label, "%s against %s, %zu thread%s", a->name, b->name, a->threads,
                     a->threads == 1 ? "" : "s");
            print_pair(report, plan, outcome, i, j, PAIR_WIDTH, label);
        }
    const size_t last = plan->n_own - 1, first = last + 1 - plan->n_threads;
    if (plan->n_threads < 2 || outcome->measures[last].threads_used == outcome->measures[first].threads_used) return;
    snprintf(label, sizeof label, "%s, %zu threads against %zu", plan->variants[last].name, plan->variants[last].threads,
             plan->variants[first].threads);
    print_pair(report, plan, outcome, last, first, PAIR_WIDTH, label);
}

static void print_against_peers(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    char label[160];
    for (size_t i = 0; i < plan->n_own; i++) {
        const struct gb_variant *const v = &plan->variants[i];
        const size_t best = gb_best_peer(plan, outcome, v->threads);
        if (v->column == 0 || best == plan->n_variants) continue;
        snprintf(label, sizeof label, "%s against the best peer (%s), %zu thread%s", v->name, plan->variants[best].name,
                 v->threads, v->threads == 1 ? "" : "s");
        print_pair(report, plan, outcome, i, best, BEST_WIDTH + name_width(plan), label);
    }
}

/* Names of peers that do not do the problem, each once. */
static void print_unfit(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    struct gb_names names = {.count = 0};
    char text[2800];
    for (size_t i = plan->n_own; i < plan->n_variants; i++)
        if (outcome->measures[i].state == GB_STATE_UNFIT) gb_names_add(&names, plan->variants[i].name);
    if (names.count) fprintf(report->out, "  not done by %s\n", gb_names_join(&names, text, sizeof text));
}

void gb_report_outcome(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    print_title(report, plan, outcome);
    for (size_t i = 0; i < plan->n_variants; i++) print_row(report, plan, outcome, i);
    print_unfit(report, plan, outcome);
    if (outcome->rounds) print_pairs(report, plan, outcome);
    if (outcome->rounds) print_against_peers(report, plan, outcome);
    fflush(report->out);
}

static void count_peer(struct gb_totals *totals, const struct gb_measure *m) {
    totals->peers_timed += m->state == GB_STATE_TIMED;
    totals->peers_failed += m->state == GB_STATE_FAILED;
    totals->peers_lost += m->state == GB_STATE_LOST;
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

static bool ran_on_fewer(const struct gb_plan *plan, const struct gb_outcome *outcomes, size_t count) {
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < plan->n_variants; i++) {
            const size_t used = outcomes[k].measures[i].threads_used;
            if (used && used < plan->variants[i].threads) return true;
        }
    return false;
}

static void print_noise(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                        size_t count) {
    const struct gb_outcome *worst = NULL;
    size_t pairs = 0, beyond = 0;
    double sum = 0;
    for (size_t k = 0; k < count; k++) {
        const struct gb_outcome *const o = &outcomes[k];
        if (o->null_pair.count == 0) continue;
        pairs++;
        sum += fabs(o->null_pair.ratio - 1);
        beyond += o->noise > GB_VERDICT_THRESHOLD;
        if (!worst || o->noise > worst->noise) worst = o;
    }
    if (!worst) return;
    fprintf(report->out,
            "noise floor: in %zu problem%s one variant ran twice, as if it were two: |ratio - 1| is %.2f %% in the mean.\n"
            "  The widest interval is %.3f [%.3f, %.3f], %s %s (%s); %zu are wider than %.0f %%, and there no difference\n"
            "  within that interval is called one\n",
            pairs, pairs == 1 ? "" : "s", 100 * sum / (double)pairs, worst->null_pair.ratio, worst->null_pair.low,
            worst->null_pair.high, worst->kernel->name, worst->task->workload, plan->variants[worst->null_variant].label,
            beyond, 100 * GB_VERDICT_THRESHOLD);
}

/* Our cells against the best peer of each problem. */
struct tally {
    size_t count, behind;
    double logs;
};

static void print_tally(const struct gb_report *report, const struct gb_variant *v, const struct tally *t, const char *kind) {
    char ratio[24];
    if (t->count == 0) return;
    fprintf(report->out, "%s against the best peer: %sx in the geometric mean of %zu %s, %zu of them behind\n", v->label,
            gb_ratio_text(exp(t->logs / (double)t->count), ratio, sizeof ratio), t->count, kind, t->behind);
}

static void print_behind(const struct gb_report *report, const struct gb_outcome *o, const struct gb_variant *v,
                         const struct gb_variant *peer, const struct gb_pair *pair) {
    char text[256], ratio[24], low[24], high[24];
    gb_problem_describe(&o->task->spec, text, sizeof text);
    char *const data = strstr(text, " data=");
    if (data) *data = '\0';
    fprintf(report->out, "  behind: %s (%s), %s against %s: %sx [%s, %s]%s\n", text, o->task->workload, v->label, peer->name,
            gb_ratio_text(pair->ratio, ratio, sizeof ratio), gb_ratio_text(pair->low, low, sizeof low),
            gb_ratio_text(pair->high, high, sizeof high), o->work.latency ? " (latency)" : "");
}

static void add_pair(struct tally *tally, const struct gb_pair *pair) {
    tally->count++;
    tally->behind += pair->high < 1;
    tally->logs += log(pair->ratio);
}

static void print_race(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                       size_t count, const struct gb_totals *totals) {
    fprintf(report->out, "peers: %zu cells timed, every result within its bound", totals->peers_timed);
    if (totals->peers_failed) fprintf(report->out, "; %zu FAILED", totals->peers_failed);
    if (totals->peers_lost) fprintf(report->out, "; %zu lost", totals->peers_lost);
    fprintf(report->out, "\n");
    for (size_t i = 0; i < plan->n_own; i++) {
        const struct gb_variant *const v = &plan->variants[i];
        struct tally bound[2] = {{0}, {0}}; /* by throughput, by latency */
        for (size_t k = 0; k < count && v->column != 0; k++) {
            const size_t best = gb_best_peer(plan, &outcomes[k], v->threads);
            if (!timed(&outcomes[k], plan, i) || best == plan->n_variants) continue;
            const struct gb_pair pair = gb_outcome_pair(&outcomes[k], i, best);
            add_pair(&bound[outcomes[k].work.latency], &pair);
            if (pair.high < 1) print_behind(report, &outcomes[k], v, &plan->variants[best], &pair);
        }
        print_tally(report, v, &bound[0], "problems");
        print_tally(report, v, &bound[1], "problems bound by latency");
    }
}

void gb_report_footer(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcomes,
                      size_t count) {
    const struct gb_totals totals = gb_count_outcomes(plan, outcomes, count);
    fprintf(report->out, "\n%zu of %zu problems run; %zu cells timed, every one of them verified first (%zu on a sample)",
            count, plan->n_tasks, totals.timed, totals.sampled);
    if (totals.failed) fprintf(report->out, "; %s%zu FAILED%s", red(report), totals.failed, plain(report));
    if (totals.not_timed) fprintf(report->out, "; %zu not timed", totals.not_timed);
    if (totals.skipped) fprintf(report->out, "; %zu not run", totals.skipped);
    fprintf(report->out, "\n");
    if (plan->n_own < plan->n_variants) print_race(report, plan, outcomes, count, &totals);
    if (ran_on_fewer(plan, outcomes, count))
        fprintf(report->out, "threads 4 (1): 4 were allowed, but the problem is so small that the call ran on 1\n");
    print_noise(report, plan, outcomes, count);
}
