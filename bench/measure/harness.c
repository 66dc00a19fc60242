#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error_bound.h"
#include "random.h"

enum { ENTRIES_MAX = GB_VARIANTS_MAX + 1 };

#define ITERATIONS_MAX 0x1p30

/* Room for samples: those of the rounds that count are at its start, the others at its end, the first one last. */
static size_t room_of(const struct gb_harness *h) { return 2 * h->rounds; }

/* For the statistics of a variant, behind the samples of all. */
static double *work_space(const struct gb_harness *h, const struct gb_outcome *outcome) {
    return outcome->storage + (h->plan->n_variants + 1) * room_of(h);
}

/* A variant in the rounds; the last one may be a second run of another, in a race by a process of its own. */
struct entry {
    size_t variant;
    const struct gb_variant *who;
    uint64_t iterations;
    double *samples;
};

static bool stopped(const struct gb_harness *h) { return *h->stop != 0; }

static void report(const struct gb_harness *h, const struct gb_task *task, const char *what, size_t done, size_t of) {
    if (h->progress) h->progress(h->progress_data, task, what, done, of);
}

static double bytes_of(const struct gb_operand *o) {
    return (double)o->rows * (double)o->row_elements * (double)o->element_size;
}

void gb_sums_of(const struct gb_problem *problem, size_t terms[GB_STEP_COUNT]) {
    for (enum gb_step step = 0; step < GB_STEP_COUNT; step++) terms[step] = 0;
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        const struct gk_exactness e = gk_exactness_of(problem->kernel, o->field);
        if (!o->output || e.rule != GK_EXACT_SUM || o->rows == 0 || o->row_elements == 0) continue;
        const size_t count = gk_dim_of(problem->kernel, problem->args, e.dim);
        size_t *const longest = &terms[o->field->rows == GK_NOWHERE ? GB_STEP_ADD : GB_STEP_FMA];
        if (count > *longest) *longest = count;
    }
}

static struct gb_work work_of(const struct gb_problem *problem) {
    struct gb_work work = {.products = gk_kernel_roof(problem->kernel, problem->args) == GK_ROOF_FMA,
                           .flops = gk_kernel_flops(problem->kernel, problem->args)};
    gb_sums_of(problem, work.terms);
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        work.footprint += bytes_of(o);
        if (o->output) work.written += bytes_of(o);
        if (gk_reads(problem->kernel, o->field, problem->args)) work.read += bytes_of(o);
        if (o->output) work.plain_copy |= gk_exactness_of(problem->kernel, o->field).rule == GK_EXACT_SOFTMAX;
    }
    return work;
}

/* A peer sums in an order of its own, and its calls cost what they do. */
static struct gb_work work_for(const struct gb_outcome *outcome, const struct gb_variant *v, const struct gb_measure *m) {
    struct gb_work work = outcome->work;
    if (outcome->copies) work.footprint *= (double)outcome->copies;
    if (v->peer) memset(work.terms, 0, sizeof work.terms);
    else work.call_ns = m->empty_ns;
    return work;
}

/* A problem under way. */
struct job {
    const struct gb_harness *h;
    struct gb_problem *problem;
    struct gb_outcome *outcome;
    struct gb_turns turns;
    struct gb_verifier *verifier;
    struct gb_error_bound *bound; /* made for the first peer */
    void *output;                 /* of the first build */
};

static void note_failure(struct gb_measure *m, const struct gb_variant *v, const struct gb_verify_report *r) {
    const struct gb_difference *const d = &r->difference;
    if (r->changed) snprintf(m->failure, sizeof m->failure, "an input or the padding of %s was written", r->changed);
    else
        snprintf(m->failure, sizeof m->failure,
                 v->peer ? "%s[%zu][%zu] is %.9g, but %.9g in %s" : "%s[%zu][%zu] is %a, but %a in %s", d->operand, d->row,
                 d->col, d->got, d->want, r->against);
}

/* True: the variant goes on. A crash of gradkern's own is a failed check. */
static bool note_turn(struct gb_measure *m, const struct gb_variant *v, enum gb_turn turn) {
    if (turn == GB_TURN_GOOD) return true;
    if (turn == GB_TURN_UNFIT && (v->peer || v->build)) m->state = GB_STATE_UNFIT;
    else m->state = v->peer ? GB_STATE_GONE : GB_STATE_FAILED;
    return false;
}

/* ref is no news to itself: where one of its calls takes long it is neither called again nor timed. */
static bool too_slow(const struct gb_variant *v, double ref_ns) {
    return gb_is_ref(v) && ref_ns > 2 * GB_REF_TIMED_NS * (double)v->threads;
}

/* Where there is no memory to compare bits they count as different. */
static void compare_bits(struct job *r, struct gb_measure *m) {
    const size_t bytes = gb_problem_output_bytes(r->problem);
    void *const output = malloc(bytes ? bytes : 1);
    if (output) gb_problem_output(r->problem, output);
    m->differs = !output || (r->output && memcmp(output, r->output, bytes) != 0);
    if (!r->output) r->output = output;
    else free(output);
}

static bool is_within_bound(struct job *r, const struct gb_variant *v, struct gb_measure *m) {
    struct gb_verify_report report;
    if (!r->bound) r->bound = gb_error_bound_create(&r->problem->spec, r->h->judge, r->verifier);
    if (!r->bound) {
        snprintf(m->failure, sizeof m->failure, "there is nothing to compare it with");
        return false;
    }
    const bool right = gb_error_bound_holds(r->bound, r->problem, &report);
    m->verified = report.verified;
    if (!right) note_failure(m, v, &report);
    return right;
}

/* A build may have been made before the order of a sum was changed: then it is right as a peer is. */
static bool is_right(struct job *r, const struct gb_variant *v, struct gb_measure *m) {
    struct gb_verify_report report;
    if (v->build) compare_bits(r, m);
    if (v->peer) return is_within_bound(r, v, m);
    m->verified = gb_verify(r->verifier, r->problem, v->label, &report);
    if (m->verified != GB_VERIFY_FAILED) return true;
    if (v->build) return is_within_bound(r, v, m);
    note_failure(m, v, &report);
    return false;
}

/* Threads of its last call. A peer that does not say is believed to have had those it was started for. */
static size_t threads_ran(const struct gb_variant *v) {
    struct gk_context_info info;
    if (v->contender) return v->contender->ran ? v->contender->ran : v->threads;
    gk_context_inspect(v->ctx, &info);
    return info.ran;
}

static void verify_one(struct job *r, const struct gb_variant *v, struct gb_measure *m) {
    const double longest = v->peer ? GB_PEER_TIMED_NS : gb_is_ref(v) ? GB_REF_TIMED_NS : INFINITY;
    const struct gb_problem *const problem = r->problem;
    gb_problem_reset(r->problem);
    if (!note_turn(m, v, gb_turn_prepare(&r->turns, v, m->failure))) return;
    if (v->peer) snprintf(m->note, sizeof m->note, "%s", v->contender->note);
    if (!note_turn(m, v, gb_turn_once(&r->turns, v, &m->call_ns, m->failure))) return;
    m->threads_asked = v->peer ? 0 : gk_call_threads(v->ctx, problem->spec.kernel, problem->spec.dtype, problem->args);
    m->threads_used = threads_ran(v);
    m->state = !is_right(r, v, m) ? GB_STATE_FAILED : m->call_ns > longest ? GB_STATE_NOT_TIMED : GB_STATE_TIMED;
}

static bool is_gone(const struct gb_variant *v) { return v->contender && v->contender->state == GB_CONTENDER_GONE; }

static bool verify_all(struct job *r) {
    const struct gb_harness *const h = r->h;
    const struct gb_plan *const plan = h->plan;
    report(h, r->outcome->task, "reference", 0, plan->n_variants);
    h->effects->bind(h->binding, 1);
    const double start = gb_clock_read(h->effects->clock);
    r->verifier = gb_verifier_create(r->problem, plan->ref, plan->threads, plan->n_threads);
    const double ref_ns = gb_verify_samples(r->problem) ? INFINITY : gb_clock_read(h->effects->clock) - start;
    if (!r->verifier) return false;
    for (size_t i = 0; i < plan->n_variants && !stopped(h); i++) {
        const struct gb_variant *const v = &plan->variants[i];
        struct gb_measure *const m = &r->outcome->measures[i];
        report(h, r->outcome->task, "verify", i, plan->n_variants);
        if (is_gone(v)) note_turn(m, v, GB_TURN_FAILED);
        else if (too_slow(v, ref_ns)) m->state = GB_STATE_NOT_TIMED;
        else verify_one(r, v, m);
    }
    char why[GB_TURN_WHY_MAX];
    if (plan->twin.contender && !is_gone(&plan->twin) && !stopped(h)) gb_turn_prepare(&r->turns, &plan->twin, why);
    gb_verifier_destroy(r->verifier);
    gb_error_bound_destroy(r->bound);
    free(r->output);
    gb_problem_reset(r->problem);
    return true;
}

/* A call that is not timed comes first where caches could be hot: the variant before has left its own packed operands there.
 * ref packs nothing. */
static bool warms_up(const struct gb_variant *v, const struct gb_problem *problem, uint64_t calls, size_t l3) {
    const double bytes = gk_kernel_bytes(problem->kernel, problem->spec.dtype, problem->args);
    return calls > 1 || (!gb_is_ref(v) && bytes <= (double)l3);
}

/* Time of so many calls; 0: the variant is out of the race. */
static double calls_ns(const struct job *r, const struct entry *e, uint64_t calls) {
    const struct gb_variant *const v = e->who;
    struct gb_measure *const m = &r->outcome->measures[e->variant];
    double ns = 0;
    if (m->state != GB_STATE_TIMED) return 0;
    struct gb_turns turns = r->turns;
    turns.counts = turns.counters && e->iterations ? &m->counts : NULL; /* not while it is calibrated */
    turns.counted = v->contender || m->threads_used > 1 ? GB_COUNTED_ALL : GB_COUNTED_ALONE;
    const bool warm = warms_up(v, r->problem, calls, r->h->caches.l3);
    if (!note_turn(m, v, gb_turn_calls(&turns, v, warm, m->call_ns, calls, &ns, m->failure))) return 0;
    m->call_ns = ns / (double)calls;
    return ns > 1e-2 ? ns : 1e-2;
}

/* Calls that take at least sample_ns. The clock's own cost and its steps of some 20 ns vanish in that. */
static uint64_t calibrate(const struct job *r, const struct entry *e) {
    const double sample_ns = r->h->sample_ns;
    double calls = 1;
    while (calls < ITERATIONS_MAX && !stopped(r->h)) {
        const double ns = calls_ns(r, e, (uint64_t)calls);
        if (ns >= sample_ns || ns == 0) break;
        calls = ceil(calls * fmin(1.2 * sample_ns / ns, 10));
    }
    return (uint64_t)calls;
}

static bool shares_iterations(const struct gb_variant *v) { return !v->peer && !gb_is_ref(v); }

/* All variants but ref make the same number of calls a sample, that which the slowest of them needs: calibrated one by one,
 * they would carry the errors of their calibrations into the ratios. ref, ten times slower and more, has a number of its own,
 * and so has each peer.
 */
static void set_iterations(const struct job *r, struct entry *entries, size_t count) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count && !stopped(r->h); i++) {
        struct entry *const e = &entries[i];
        e->iterations = calibrate(r, e);
        const bool counts = shares_iterations(e->who) && r->outcome->measures[e->variant].state == GB_STATE_TIMED;
        if (counts && e->iterations < least) least = e->iterations;
    }
    for (size_t i = 0; i < count; i++)
        if (shares_iterations(entries[i].who)) entries[i].iterations = least;
}

static void shuffle(size_t *order, size_t count, uint64_t *random) {
    for (size_t i = count; i > 1; i--) {
        const size_t j = gb_next_random(random) % i, swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

static bool is_narrow(const struct job *r, const struct entry *entries, size_t count, size_t rounds) {
    for (size_t i = 0; i < count; i++) {
        if (r->outcome->measures[entries[i].variant].state != GB_STATE_TIMED) continue;
        const struct gb_summary s = gb_summarize(entries[i].samples, rounds, work_space(r->h, r->outcome));
        if (s.high - s.low > 2 * r->h->precision * s.median) return false;
    }
    return true;
}

/* Widths are looked at when there are a quarter more rounds than the last time: an interval that was waited for is narrow by
 * chance, too. Looked at after each round, one of 95 % held in 92 % of simulated runs, in this way in 94 %. What the variants
 * are to each other ends nothing. */
static bool is_precise(const struct job *r, const struct entry *entries, size_t count, size_t rounds, size_t *next) {
    if (r->h->precision <= 0 || rounds < *next) return false;
    *next = rounds + rounds / 4;
    return is_narrow(r, entries, count, rounds);
}

/* A round that is whole: it holds one sample of every entry. False: it was stopped before that. */
static bool run_round(const struct job *r, struct entry *entries, size_t count, size_t round, const size_t *order) {
    for (size_t i = 0; i < count; i++) {
        struct entry *const e = &entries[order[i]];
        if (stopped(r->h)) return false;
        const double ns = calls_ns(r, e, e->iterations) / (double)e->iterations;
        e->samples[round] = ns > 0.01 ? ns : 0.01;
    }
    return true;
}

/* Whole rounds are dropped, so that what is compared stays of one round. Where fewer than GB_ROUNDS_MIN would be left, all
 * count. */
static size_t rounds_of(const struct job *r, const struct entry *entries, size_t count, size_t kept, size_t dropped) {
    r->outcome->dropped = kept >= GB_ROUNDS_MIN;
    if (r->outcome->dropped) return kept;
    for (size_t i = 0; i < count; i++)
        memmove(entries[i].samples + kept, entries[i].samples + room_of(r->h) - dropped, dropped * sizeof *entries[i].samples);
    return kept + dropped;
}

/* Each in an order of its own. Returns the number of those that count. */
static size_t run_rounds(const struct job *r, struct entry *entries, size_t count) {
    const struct gb_harness *const h = r->h;
    const double start = gb_clock_read(h->effects->clock);
    const size_t room = room_of(h);
    struct gb_signs signs = h->effects->signs();
    uint64_t random = h->seed;
    size_t order[ENTRIES_MAX], kept = 0, dropped = 0, look = GB_ROUNDS_MIN;
    for (size_t i = 0; i < count; i++) order[i] = i;
    while (kept < h->rounds && kept + dropped < room &&
           (kept + dropped < GB_ROUNDS_MIN || gb_clock_read(h->effects->clock) - start < h->budget_ns) &&
           !is_precise(r, entries, count, kept, &look)) {
        report(h, r->outcome->task, "round", kept, h->rounds);
        shuffle(order, count, &random);
        if (!run_round(r, entries, count, kept, order)) break;
        const struct gb_signs before = signs;
        signs = h->effects->signs();
        const enum gb_cause cause = gb_cause_between(&before, &signs, !h->judge, !h->binding);
        r->outcome->disturbed[cause]++;
        if (cause == GB_CAUSE_NONE) kept++;
        else
            for (size_t i = 0, end = room - ++dropped; i < count; i++) entries[i].samples[end] = entries[i].samples[kept];
    }
    return rounds_of(r, entries, count, kept, dropped);
}

/* Who runs a variant again. Two processes of one program differ more than two runs of one process do. */
static const struct gb_variant *twin_of(const struct gb_plan *plan, size_t variant) {
    const struct gb_contender *const twin = plan->twin.contender;
    const bool usable = variant + 1 == plan->n_own && twin && twin->state == GB_CONTENDER_UP;
    return usable ? &plan->twin : &plan->variants[variant];
}

/* The timed variants, and at the end the widest one of ours with the most threads again. */
static size_t make_entries(const struct gb_harness *h, struct gb_outcome *outcome, struct entry *entries) {
    size_t count = 0;
    outcome->null_variant = h->plan->n_variants;
    for (size_t i = 0; i < h->plan->n_variants; i++) {
        if (outcome->measures[i].state != GB_STATE_TIMED) continue;
        outcome->measures[i].samples = outcome->storage + count * room_of(h);
        entries[count++] = (struct entry){i, &h->plan->variants[i], 0, outcome->measures[i].samples};
        if (i < h->plan->n_own) outcome->null_variant = i;
    }
    if (outcome->null_variant == h->plan->n_variants) return count;
    entries[count] = (struct entry){outcome->null_variant, twin_of(h->plan, outcome->null_variant), 0,
                                    outcome->storage + count * room_of(h)};
    return count + 1;
}

/* Of the roof that a cell is held against: those that ran, where there is a roof of as many. */
static size_t roof_threads(const struct gb_roofs *roofs, const struct gb_variant *v, const struct gb_measure *m) {
    return gb_roofs_threads_index(roofs, m->threads_used) < roofs->n_threads ? m->threads_used : v->threads;
}

/* Again, a few times, where a call that does something took less. */
static double empty_ns(const struct gb_effects *effects, const struct gb_variant *v, const struct gb_problem_spec *spec,
                       double call_ns) {
    enum { AGAIN = 5 };
    double least = effects->empty_call(v->ctx, spec->kernel, spec->dtype);
    for (size_t i = 0; i < AGAIN && least > call_ns; i++)
        least = fmin(least, effects->empty_call(v->ctx, spec->kernel, spec->dtype));
    return least;
}

static void summarize(const struct gb_harness *h, struct gb_outcome *outcome, const struct entry *entries, size_t count) {
    double *const work = work_space(h, outcome);
    for (size_t i = 0; i < count; i++) {
        const struct gb_variant *const v = &h->plan->variants[entries[i].variant];
        struct gb_measure *const m = &outcome->measures[entries[i].variant];
        if (m->state != GB_STATE_TIMED || m->samples != entries[i].samples) continue;
        m->iterations = entries[i].iterations;
        m->summary = gb_summarize(m->samples, outcome->rounds, work);
        if (stopped(h)) continue;
        const struct gb_problem_spec *const spec = &outcome->task->spec;
        if (!v->peer) m->empty_ns = empty_ns(h->effects, v, spec, m->summary.median);
        const struct gb_work done = work_for(outcome, v, m);
        h->effects->look_again(h->roofs, h->binding, v->isa, spec->dtype, roof_threads(h->roofs, v, m), &done,
                               m->summary.median);
    }
    gb_outcome_share(outcome, h->plan, h->roofs);
    if (outcome->null_variant == h->plan->n_variants || outcome->measures[outcome->null_variant].state != GB_STATE_TIMED)
        return;
    const double *const first = outcome->measures[outcome->null_variant].samples;
    outcome->null_samples = entries[count - 1].samples;
    outcome->null_pair = gb_compare_paired(first, outcome->null_samples, outcome->rounds, work);
    outcome->noise = gb_noise_of(&outcome->null_pair);
}

static bool time_all(const struct job *r) {
    struct entry entries[ENTRIES_MAX];
    struct gb_outcome *const outcome = r->outcome;
    outcome->storage = calloc((r->h->plan->n_variants + 2) * room_of(r->h), sizeof *outcome->storage);
    if (!outcome->storage) return false;
    const size_t count = make_entries(r->h, outcome, entries);
    set_iterations(r, entries, count);
    if (count) outcome->rounds = run_rounds(r, entries, count);
    if (outcome->rounds) summarize(r->h, outcome, entries, count);
    return true;
}

/* The threads that touch them first are where those of the calls are. */
static bool create_copies(struct gb_copies *copies, const struct gb_harness *h, const struct gb_task *task, size_t count) {
    if (h->placing.threads) h->effects->bind(h->binding, h->placing.threads);
    return gb_copies_create(copies, &task->spec, count, &h->placing);
}

static bool time_cold(struct job *r) {
    struct gb_copies copies;
    const size_t count = (size_t)gb_plan_copies(r->h->plan, &r->problem->spec);
    if (!create_copies(&copies, r->h, r->outcome->task, count)) return false;
    r->turns.copies = &copies;
    r->outcome->copies = count;
    const bool good = time_all(r);
    gb_copies_destroy(&copies);
    return good;
}

static bool verify_and_time(const struct gb_harness *harness, struct gb_problem *problem, struct gb_outcome *outcome) {
    outcome->work = work_of(problem);
    outcome->bytes = gk_kernel_bytes(problem->kernel, problem->spec.dtype, problem->args);
    struct job job = {.h = harness,
                      .problem = problem,
                      .outcome = outcome,
                      .turns = {harness->effects, problem, NULL, harness->binding, harness->limit_ns, harness->counters, NULL,
                                GB_COUNTED_NONE}};
    bool good = verify_all(&job);
    if (good && !stopped(harness)) good = harness->plan->cold ? time_cold(&job) : time_all(&job);
    for (size_t i = 0; i < harness->plan->n_variants; i++)
        if (!outcome->rounds && outcome->measures[i].state == GB_STATE_TIMED) outcome->measures[i].state = GB_STATE_SKIPPED;
    return good;
}

static bool run_shared(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome) {
    struct gb_problem problem;
    if (!gb_problem_create_shared(&problem, &task->spec)) return false;
    const bool good = verify_and_time(harness, &problem, outcome);
    gb_problem_destroy(&problem);
    return good;
}

static bool run_here(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome) {
    struct gb_copies one;
    if (!create_copies(&one, harness, task, 1)) return false;
    if (harness->placing.huge_pages == GB_HUGE_ON) outcome->huge = gb_pages_huge_share(&one.pages);
    const bool good = verify_and_time(harness, one.list, outcome);
    gb_copies_destroy(&one);
    return good;
}

bool gb_harness_run(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome) {
    *outcome = (struct gb_outcome){.task = task, .kernel = gk_kernel_get(task->spec.kernel), .huge = NAN};
    outcome->measures = calloc(harness->plan->n_variants, sizeof *outcome->measures);
    report(harness, task, "prepare", 0, harness->plan->n_variants);
    return outcome->measures && (harness->judge ? run_shared : run_here)(harness, task, outcome);
}

void gb_outcome_free(struct gb_outcome *outcome) {
    free(outcome->storage);
    free(outcome->measures);
    *outcome = (struct gb_outcome){.task = NULL};
}

void gb_outcome_share(struct gb_outcome *outcome, const struct gb_plan *plan, const struct gb_roofs *roofs) {
    for (size_t i = 0; i < plan->n_variants; i++) {
        const struct gb_variant *const v = &plan->variants[i];
        struct gb_measure *const m = &outcome->measures[i];
        if (m->state != GB_STATE_TIMED) continue;
        const struct gb_work work = work_for(outcome, v, m);
        m->share =
            gb_roofs_share(roofs, v->isa, outcome->task->spec.dtype, roof_threads(roofs, v, m), &work, m->summary.median);
        m->not_cold = outcome->copies && strcmp(m->share.limit, "cache") == 0;
    }
}

bool gb_had_fewer_threads(const struct gb_measure *measure) { return measure->threads_used < measure->threads_asked; }
