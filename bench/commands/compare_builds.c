#include "compare_builds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_command.h"
#include "doctor.h"
#include "interrupt.h"
#include "machine.h"
#include "message.h"
#include "race.h"
#include "result_fill.h"
#include "run_progress.h"
#include "text.h"

enum { ISAS_TEXT = 200, AGAIN = 2 /* races of what came out slower or faster */ };

static const char *const names[GB_SIDES] = {"old", "new"};

/* A variant of both builds on a problem. */
struct found {
    struct gb_compared pair; /* without a row: it was not timed in both */
    size_t won, rounds;      /* that the new build won, of those that one of them did */
};

struct builds {
    const struct gb_report *report;
    const char *const *paths;
    char commands[GB_SIDES][GB_BUILD_COMMAND_MAX];
    const struct gb_run_options *options;
    struct gb_plan plan;
    struct gb_race race;
    struct gb_roofs *roofs; /* none are measured */
    struct gb_result result;
    struct found *found; /* one a task and own variant */
    bool *skips;         /* tasks that are not in the race under way */
    struct gb_warnings warnings;
    size_t wrong, differing;
    struct gb_comparison *comparison;
};

static void look_nowhere(struct gb_roofs *roofs, struct gb_binding *binding, size_t isa, enum gk_dtype dtype, size_t threads,
                         const struct gb_work *work, double ns) {
    (void)roofs, (void)binding, (void)isa, (void)dtype, (void)threads, (void)work, (void)ns;
}

static double no_empty_call(gk_context *ctx, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    (void)ctx, (void)kernel, (void)dtype;
    return 0;
}

/* --- a problem */

/* What an outcome says of a variant that is not timed in one of the builds. */
static void tell_missing(struct builds *b, const struct gb_outcome *outcome, size_t i) {
    const size_t at[GB_SIDES] = {b->plan.n_own + i, i};
    char problem[256];
    gb_problem_describe(&outcome->task->spec, problem, sizeof problem);
    for (size_t s = 0; s < GB_SIDES; s++) {
        const struct gb_measure *const m = &outcome->measures[at[s]];
        if (m->state != GB_STATE_FAILED && m->state != GB_STATE_UNFIT) continue;
        b->wrong += m->state == GB_STATE_FAILED;
        gb_say(b->report, 2, "%s%s is %s:%s %s, %s: %s", gb_red(b->report), names[s],
               m->state == GB_STATE_FAILED ? "WRONG" : "not there", gb_plain(b->report), problem, b->plan.variants[i].label,
               m->failure);
    }
}

static void tell_bits(struct builds *b, const struct gb_outcome *outcome, size_t i) {
    char problem[256];
    if (!outcome->measures[i].differs && !outcome->measures[b->plan.n_own + i].differs) return;
    b->differing++;
    gb_problem_describe(&outcome->task->spec, problem, sizeof problem);
    gb_say(b->report, 2, "%sthe bits differ:%s %s, %s", gb_red(b->report), gb_plain(b->report), problem,
           b->plan.variants[i].label);
}

static void count_rounds(struct found *found, const double *now, const double *old, size_t rounds) {
    for (size_t i = 0; i < rounds; i++) {
        found->won += now[i] < old[i];
        found->rounds += now[i] != old[i];
    }
}

/* A difference has to come out each time: the interval spans that of all races. */
static void merge(struct gb_compared *pair, const struct gb_pair *second, double noise) {
    pair->pair.ratio = sqrt(pair->pair.ratio * second->ratio); /* the later ones count more: they are longer */
    pair->pair.low = fmin(pair->pair.low, second->low);
    pair->pair.high = fmax(pair->pair.high, second->high);
    pair->pair.no_verdict = second->no_verdict || second->count < GB_ROUNDS_MIN;
    pair->noise = fmax(pair->noise, noise);
}

static void take_pair(struct builds *b, const struct gb_outcome *outcome, size_t k, size_t i, bool first) {
    const struct gb_measure *const now = &outcome->measures[i], *const old = &outcome->measures[b->plan.n_own + i];
    struct found *const found = &b->found[k * b->plan.n_own + i];
    double work[GB_ROUNDS_MAX];
    if (first) tell_missing(b, outcome, i);
    if (first) tell_bits(b, outcome, i);
    if (now->state != GB_STATE_TIMED || old->state != GB_STATE_TIMED || outcome->rounds == 0) return;
    struct gb_pair pair = gb_compare_paired(now->samples, old->samples, outcome->rounds, work);
    pair.no_verdict = gb_had_fewer_threads(now) || gb_had_fewer_threads(old);
    if (first)
        found->pair = (struct gb_compared){.row = &b->result.problems[k].rows[i],
                                           .takes = {1, 1},
                                           .ns = {old->summary.median, now->summary.median},
                                           .pair = pair,
                                           .noise = outcome->noise};
    else merge(&found->pair, &pair, outcome->noise);
    count_rounds(found, now->samples, old->samples, outcome->rounds);
    found->pair.p = gb_sign_p(found->won, found->rounds);
}

static int race_tasks(struct builds *b, struct gb_harness *harness, bool first) {
    struct gb_run_progress progress;
    gb_run_progress_start(&progress, harness, b->skips, first ? "" : ", once more");
    for (size_t k = 0; k < b->plan.n_tasks && !gb_caught; k++) {
        struct gb_outcome outcome;
        if (b->skips[k]) continue;
        gb_run_progress_next(&progress, k);
        const bool good = gb_harness_run(harness, &b->plan.tasks[k], &outcome);
        gb_run_progress_end(&progress);
        if (good && first) gb_fill_outcome(&b->result, &b->plan, &outcome);
        for (size_t i = 0; i < b->plan.n_own && good && !gb_caught && !b->result.exhausted; i++)
            take_pair(b, &outcome, k, i, first);
        gb_outcome_free(&outcome);
        if (!good || b->result.exhausted) return gb_fail(GB_EXIT_RESOURCE, "no memory for %s", b->plan.tasks[k].workload);
    }
    return GB_EXIT_OK;
}

/* All tasks but those that are left out, by new processes. */
static int race(struct builds *b, bool first) {
    const struct gb_run_options *const o = b->options;
    struct gb_effects effects = gb_real_effects;
    effects.look_again = look_nowhere;
    effects.empty_call = no_empty_call;
    int code = gb_race_start_builds(&b->race, &effects, &b->plan, b->commands[GB_BASE], b->commands[GB_NEW], gb_run_bind(o),
                                    o->peer_limit * 1e9, &gb_caught);
    if (code == GB_EXIT_OK && first) {
        gb_fill_plan(&b->result, &b->plan, o->plan.seed);
        b->result.context.bind = gb_bind_words[gb_run_bind(o)];
    }
    struct gb_harness harness = {
        .effects = &effects,
        .plan = &b->plan,
        .roofs = b->roofs,
        .caches = gb_machine_get()->caches,
        .rounds = first || o->rounds > GB_ROUNDS_MAX / 2 ? o->rounds : 2 * o->rounds,
        .sample_ns = o->quick ? 0.1e6 : 1e6,
        .budget_ns = (first ? 1 : 2) * o->max_time * 1e9,
        .precision = o->precision / 100,
        .limit_ns = o->peer_limit * 1e9,
        .judge = b->race.judge,
        .seed = o->plan.seed + !first,
        .stop = &gb_caught,
    };
    if (code == GB_EXIT_OK) code = race_tasks(b, &harness, first);
    gb_race_free(&b->race);
    return code;
}

/* --- all problems */

/* Tasks in which a row would have a verdict, which then has to come out once more. */
static size_t choose_again(struct builds *b) {
    size_t count = 0;
    memset(b->skips, true, b->plan.n_tasks * sizeof *b->skips);
    for (size_t i = 0; i < b->plan.n_tasks * b->plan.n_own; i++) {
        struct gb_compared *const pair = &b->found[i].pair;
        const char *const verdict = pair->row ? gb_verdict_at(&pair->pair, b->comparison->threshold, pair->noise) : "";
        if (strcmp(verdict, "slower") != 0 && strcmp(verdict, "faster") != 0) continue;
        pair->pair.no_verdict = true; /* until then */
        b->skips[i / b->plan.n_own] = false;
        count++;
    }
    return count;
}

static bool judge(struct builds *b) {
    struct gb_comparison *const c = b->comparison;
    c->n_rows = 0;
    for (size_t i = 0; i < b->plan.n_tasks * b->plan.n_own; i++)
        if (b->found[i].pair.row) c->rows[c->n_rows++] = b->found[i].pair;
    return gb_comparison_judge(c);
}

static int compare(struct builds *b, const struct gb_compare_rules *rules) {
    struct gb_comparison *const c = b->comparison;
    c->threshold = rules->threshold;
    c->rows = gb_result_alloc(&c->memory, b->plan.n_tasks, b->plan.n_own * sizeof *c->rows);
    b->found = calloc(b->plan.n_tasks * b->plan.n_own, sizeof *b->found);
    b->skips = calloc(b->plan.n_tasks, sizeof *b->skips);
    if (!c->rows || !b->found || !b->skips) return gb_fail(GB_EXIT_RESOURCE, "no memory to compare");
    for (size_t s = 0; s < GB_SIDES; s++) gb_say(b->report, 2, "%s: %s", names[s], b->paths[s]);
    gb_environment_warn(&b->warnings, b->plan.threads[b->plan.n_threads - 1], gb_run_bind(b->options));
    for (size_t i = 0; i < b->warnings.count; i++) gb_say(b->report, 2, "warning: %s", b->warnings.list[i]);
    int code = race(b, true);
    for (int again = 0; again < AGAIN && code == GB_EXIT_OK && !gb_caught && choose_again(b); again++) code = race(b, false);
    if (code == GB_EXIT_OK && !judge(b)) code = gb_fail(GB_EXIT_RESOURCE, "no memory to compare");
    if (code != GB_EXIT_OK || gb_caught) return code;
    code = gb_conclude_comparison(b->report, c, GB_MEASURED_TOGETHER, names, rules);
    return code == GB_EXIT_OK && (b->wrong || b->differing) ? GB_EXIT_CHECK : code;
}

/* All instruction sets but ref, where there is another. */
static void choose_isas(char list[ISAS_TEXT], const struct gb_plan_options *asked) {
    list[0] = '\0';
    for (size_t i = 1; i < GK_ISA_COUNT && !asked->isa; i++)
        if (!gk_isa_unusable(i)) gb_text_append(list, ISAS_TEXT, "%s%s", *list ? "," : "", gk_isa_get(i, GK_F32)->name);
    if (!*list) snprintf(list, ISAS_TEXT, "%s", asked->isa ? asked->isa : "all");
}

static int plan_and_compare(struct builds *b, const struct gb_compare_rules *rules) {
    char isas[ISAS_TEXT];
    struct gb_plan_options options = b->options->plan;
    choose_isas(isas, &options);
    options.isa = isas;
    int code = gb_environment_check();
    for (size_t s = 0; s < GB_SIDES && code == GB_EXIT_OK; s++) code = gb_build_command(b->paths[s], b->commands[s]);
    if (code == GB_EXIT_OK) code = gb_plan_make(&b->plan, &options);
    if (code != GB_EXIT_OK) return code;
    code = gb_plan_check(&b->plan, true, gb_memory_available());
    if (code == GB_EXIT_OK) code = compare(b, rules);
    gb_plan_free(&b->plan);
    return code;
}

int gb_compare_builds(const struct gb_report *report, const char *const paths[GB_SIDES], const struct gb_run_options *options,
                      const struct gb_compare_rules *rules) {
    struct builds *const b = calloc(1, sizeof *b);
    struct gb_roofs *const roofs = calloc(1, sizeof *roofs);
    struct gb_comparison *const c = calloc(1, sizeof *c);
    int code = GB_EXIT_RESOURCE;
    gb_interrupt_catch(&gb_real_clock);
    gb_interrupt_ignore();
    if (b && roofs && c) {
        *b = (struct builds){.report = report, .paths = paths, .options = options, .roofs = roofs, .comparison = c};
        code = plan_and_compare(b, rules);
        gb_comparison_free(c);
        gb_result_free(&b->result);
        free(b->found);
        free(b->skips);
    } else gb_fail(code, "no memory");
    free(b);
    free(roofs);
    free(c);
    return gb_interrupt_end(code);
}
