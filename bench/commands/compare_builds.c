#include "compare_builds.h"

#include <math.h>
#include <signal.h>
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

/* Each race is one of new processes. What two processes of one build differ by (where their pages lie) is in all rounds of a
 * race: of 144 rows on an idle virtual machine 31, 101 and 301 rounds of one race came out 0.9, 0.9 and 1.0 % from 1 in the
 * root of the mean square. So the rounds are shared out among several. */
enum { ISAS_TEXT = 200, RACES = 3, AGAIN = 2 /* of what came out slower or faster */ };

static const char *const names[GB_SIDES] = {"old", "new"};

/* Samples of the first RACES races, whose rounds belong together. */
struct pool {
    double *samples[GB_SIDES];
    size_t count;
};

/* A variant of both builds on a problem. */
struct found {
    struct gb_compared pair; /* without a row: it was not timed in both */
    size_t won, rounds;      /* that the new build won, of those that one of them did */
    struct pool pool;
    bool told[GB_SIDES], differs; /* it was said why a side is not timed; that the bits differ */
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
    struct pool *nulls;  /* one a task: the variant that was timed twice */
    double *samples;     /* of both */
    bool *skips;         /* tasks that are not in the race under way */
    struct gb_warnings warnings;
    size_t wrong; /* rows of the old build; those of the new one are in the comparison */
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

/* What an outcome says of a variant that is not timed in one of the builds, or not the same in both; once of all races. */
static void tell(struct builds *b, const struct gb_outcome *outcome, const struct gb_result_row *row, size_t i,
                 struct found *found) {
    const size_t at[GB_SIDES] = {b->plan.n_own + i, i};
    struct gb_comparison *const c = b->comparison;
    bool differs = false;
    char problem[256];
    gb_problem_describe(&outcome->task->spec, problem, sizeof problem);
    for (size_t s = 0; s < GB_SIDES; s++) {
        const struct gb_measure *const m = &outcome->measures[at[s]];
        differs = differs || m->differs;
        if (found->told[s] || (m->state != GB_STATE_FAILED && m->state != GB_STATE_UNFIT)) continue;
        found->told[s] = true;
        if (m->state == GB_STATE_FAILED && s == GB_NEW) c->failed[c->n_failed++] = row;
        else b->wrong += m->state == GB_STATE_FAILED;
        gb_say(b->report, 2, "%s%s is %s:%s %s, %s: %s", gb_red(b->report), names[s],
               m->state == GB_STATE_FAILED ? "WRONG" : "not there", gb_plain(b->report), problem, b->plan.variants[i].label,
               m->failure);
    }
    if (!differs || found->differs) return;
    found->differs = true;
    c->differing[c->n_differing++] = row;
    gb_say(b->report, 2, "%sthe bits differ:%s %s, %s", gb_red(b->report), gb_plain(b->report), problem,
           b->plan.variants[i].label);
}

static void count_rounds(struct found *found, const double *now, const double *old, size_t rounds) {
    for (size_t i = 0; i < rounds; i++) {
        found->won += now[i] < old[i];
        found->rounds += now[i] != old[i];
    }
}

/* The pair of all rounds so far. */
static struct gb_pair add(struct pool *pool, const double *base, const double *now, size_t rounds) {
    const double *const samples[GB_SIDES] = {base, now};
    double work[GB_ROUNDS_MAX];
    for (size_t s = 0; s < GB_SIDES; s++) memcpy(pool->samples[s] + pool->count, samples[s], rounds * sizeof *work);
    pool->count += rounds;
    return gb_compare_paired(pool->samples[GB_NEW], pool->samples[GB_BASE], pool->count, work);
}

static void pool_rounds(struct found *found, const struct gb_measure *const measures[GB_SIDES], size_t rounds) {
    double work[GB_ROUNDS_MAX];
    const bool no_verdict = found->pair.pair.no_verdict;
    found->pair.pair = add(&found->pool, measures[GB_BASE]->samples, measures[GB_NEW]->samples, rounds);
    found->pair.pair.no_verdict = no_verdict;
    for (size_t s = 0; s < GB_SIDES; s++)
        found->pair.ns[s] = gb_summarize(found->pool.samples[s], found->pool.count, work).median;
}

/* One more: a difference has to come out each time, so the interval spans all. */
static void merge(struct gb_pair *pair, const struct gb_measure *const measures[GB_SIDES], size_t rounds) {
    double work[GB_ROUNDS_MAX];
    const struct gb_pair more = gb_compare_paired(measures[GB_NEW]->samples, measures[GB_BASE]->samples, rounds, work);
    pair->ratio = sqrt(pair->ratio * more.ratio); /* the later ones count more: they are longer */
    pair->low = fmin(pair->low, more.low);
    pair->high = fmax(pair->high, more.high);
    pair->no_verdict = more.count < GB_ROUNDS_MIN;
}

/* Of a task: the null pair of the first races together, or of one more. */
static double noise_of(struct builds *b, const struct gb_outcome *outcome, size_t k, size_t turn) {
    if (turn >= RACES || !outcome->null_samples) return outcome->noise;
    const double *const first = outcome->measures[outcome->null_variant].samples;
    const struct gb_pair null = add(&b->nulls[k], first, outcome->null_samples, outcome->rounds);
    return gb_noise_of(&null);
}

static void take_pair(struct builds *b, const struct gb_outcome *outcome, size_t k, size_t i, size_t turn, double noise) {
    const struct gb_measure *const measures[GB_SIDES] = {&outcome->measures[b->plan.n_own + i], &outcome->measures[i]};
    struct found *const found = &b->found[k * b->plan.n_own + i];
    const struct gb_result_row *const row = &b->result.problems[k].rows[i];
    tell(b, outcome, row, i, found);
    bool timed = outcome->rounds > 0, fewer = false;
    for (size_t s = 0; s < GB_SIDES; s++) {
        timed = timed && measures[s]->state == GB_STATE_TIMED;
        fewer = fewer || gb_had_fewer_threads(measures[s]);
    }
    if (!timed) return;
    if (turn < RACES) pool_rounds(found, measures, outcome->rounds);
    else merge(&found->pair.pair, measures, outcome->rounds);
    found->pair.row = row;
    found->pair.pair.no_verdict = found->pair.pair.no_verdict || fewer;
    found->pair.noise = turn < RACES ? noise : fmax(found->pair.noise, noise);
    count_rounds(found, measures[GB_NEW]->samples, measures[GB_BASE]->samples, outcome->rounds);
    found->pair.p = gb_sign_p(found->won, found->rounds);
}

static int race_tasks(struct builds *b, struct gb_harness *harness, size_t turn) {
    struct gb_run_progress progress;
    char more[40] = ", once more";
    if (turn < RACES) snprintf(more, sizeof more, ", %zu of %d", turn + 1, RACES);
    gb_run_progress_start(&progress, harness, b->skips, more, turn < RACES ? RACES - turn : 1);
    for (size_t k = 0; k < b->plan.n_tasks && !gb_caught; k++) {
        struct gb_outcome outcome;
        if (b->skips[k]) continue;
        gb_run_progress_next(&progress, k);
        const bool good = gb_harness_run(harness, &b->plan.tasks[k], &outcome);
        gb_run_progress_end(&progress);
        if (good && turn == 0) gb_fill_outcome(&b->result, &b->plan, &outcome);
        const double noise = good ? noise_of(b, &outcome, k, turn) : 0;
        for (size_t i = 0; i < b->plan.n_own && good && !gb_caught && !b->result.exhausted; i++)
            take_pair(b, &outcome, k, i, turn, noise);
        gb_outcome_free(&outcome);
        if (!good || b->result.exhausted) return gb_fail(GB_EXIT_RESOURCE, "no memory for %s", b->plan.tasks[k].workload);
    }
    return GB_EXIT_OK;
}

static size_t rounds_of(const struct gb_run_options *o, double share) {
    return (size_t)fmin(fmax(share * (double)o->rounds, GB_ROUNDS_MIN), share > 1 ? GB_ROUNDS_MAX : GB_ROUNDS_MAX / RACES);
}

/* All tasks but those that are left out, by new processes. */
static int race(struct builds *b, size_t turn) {
    const struct gb_run_options *const o = b->options;
    const double share = turn < RACES ? 1. / RACES : 2; /* of the rounds and the time that were asked for */
    struct gb_effects effects = gb_real_effects;
    effects.look_again = look_nowhere;
    effects.empty_call = no_empty_call;
    int code = gb_race_start_builds(&b->race, &effects, &b->plan, b->commands[GB_BASE], b->commands[GB_NEW], gb_run_bind(o),
                                    o->peer_limit * 1e9, &gb_caught);
    if (code == GB_EXIT_OK && turn == 0) {
        gb_fill_plan(&b->result, &b->plan, o->plan.seed);
        b->result.context.bind = gb_bind_words[gb_run_bind(o)];
    }
    struct gb_harness harness = {
        .effects = &effects,
        .plan = &b->plan,
        .roofs = b->roofs,
        .caches = gb_machine_get()->caches,
        .rounds = rounds_of(o, share),
        .sample_ns = o->quick ? 0.1e6 : 1e6,
        .budget_ns = share * o->max_time * 1e9,
        .precision = o->precision / 100,
        .limit_ns = o->peer_limit * 1e9,
        .judge = b->race.judge,
        .seed = o->plan.seed + turn,
        .stop = &gb_caught,
    };
    if (code == GB_EXIT_OK) code = race_tasks(b, &harness, turn);
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

static bool allocate(struct builds *b) {
    struct gb_comparison *const c = b->comparison;
    const size_t rows = b->plan.n_tasks * b->plan.n_own, samples = RACES * rounds_of(b->options, 1. / RACES);
    c->rows = gb_result_alloc(&c->memory, rows, sizeof *c->rows);
    c->failed = gb_result_alloc(&c->memory, rows, sizeof *c->failed);
    c->differing = gb_result_alloc(&c->memory, rows, sizeof *c->differing);
    b->found = calloc(rows, sizeof *b->found);
    b->nulls = calloc(b->plan.n_tasks, sizeof *b->nulls);
    b->samples = calloc((rows + b->plan.n_tasks) * GB_SIDES, samples * sizeof *b->samples);
    b->skips = calloc(b->plan.n_tasks, sizeof *b->skips);
    if (c->memory.exhausted || !b->found || !b->nulls || !b->samples || !b->skips) return false;
    double *next = b->samples;
    for (size_t i = 0; i < rows; i++, next += GB_SIDES * samples)
        b->found[i] = (struct found){.pair = {.takes = {1, 1}}, .pool = {.samples = {next, next + samples}}};
    for (size_t k = 0; k < b->plan.n_tasks; k++, next += GB_SIDES * samples)
        b->nulls[k] = (struct pool){.samples = {next, next + samples}};
    return true;
}

static int compare(struct builds *b, const struct gb_compare_rules *rules) {
    struct gb_comparison *const c = b->comparison;
    c->threshold = rules->threshold;
    if (!allocate(b)) return gb_fail(GB_EXIT_RESOURCE, "no memory to compare");
    for (size_t s = 0; s < GB_SIDES; s++) gb_say(b->report, 2, "%s: %s", names[s], b->paths[s]);
    gb_environment_warn(&b->warnings, b->plan.threads[b->plan.n_threads - 1], gb_run_bind(b->options));
    for (size_t i = 0; i < b->warnings.count; i++) gb_say(b->report, 2, "warning: %s", b->warnings.list[i]);
    int code = GB_EXIT_OK;
    for (size_t turn = 0; turn < RACES + AGAIN && code == GB_EXIT_OK && !gb_caught; turn++)
        if (turn < RACES || choose_again(b)) code = race(b, turn);
    if (code == GB_EXIT_OK && !judge(b)) code = gb_fail(GB_EXIT_RESOURCE, "no memory to compare");
    if (gb_caught && gb_caught != SIGPIPE) gb_note("interrupted: the builds are not compared");
    if (code != GB_EXIT_OK || gb_caught) return code;
    code = gb_conclude_comparison(b->report, c, GB_MEASURED_TOGETHER, names, rules);
    return code == GB_EXIT_OK && b->wrong ? GB_EXIT_CHECK : code;
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
        free(b->nulls);
        free(b->samples);
        free(b->skips);
    } else gb_fail(code, "no memory");
    free(b);
    free(roofs);
    free(c);
    return gb_interrupt_end(code);
}
