#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "core/topology.h"

enum { ENTRIES_MAX = GB_VARIANTS_MAX + 1 };

#define ITERATIONS_MAX 0x1p30

/* A variant in the rounds; the last one may be a second run of another. */
struct entry {
    size_t variant;
    uint64_t iterations;
    double *samples;
};

static bool stopped(const struct gb_harness *h) { return *h->stop != 0; }

static void report(const struct gb_harness *h, const struct gb_task *task, const char *what, size_t done, size_t of) {
    if (h->progress) h->progress(h->progress_data, task, what, done, of);
}

static size_t output_elements(const struct gb_problem *problem) {
    size_t count = 0;
    for (size_t i = 0; i < problem->n_operands; i++)
        if (problem->operands[i].output) count += problem->operands[i].rows * problem->operands[i].row_elements;
    return count;
}

static size_t size_at(const struct gb_problem *problem, size_t offset) {
    size_t size;
    memcpy(&size, (const char *)problem->args + offset, sizeof size);
    return size;
}

bool gb_latency_bound(const struct gb_problem *problem) {
    const struct gk_kernel *const kernel = problem->kernel;
    const struct gk_field *const rule = gk_kernel_field(kernel, GK_FIELD_EXACTNESS, NULL);
    if (!rule || rule->exactness != GK_EXACT_SUM) return false;
    if (output_elements(problem) < 128 && size_at(problem, rule->cols) >= 32) return true;
    if (problem->spec.n > 8) return false;
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        const struct gk_field *const f = o->field;
        if (o->output || !(f->flags & GK_FLAG_WEIGHT)) continue;
        const size_t along = problem->spec.layout == GK_OUT_IN ? f->rows : f->cols;
        const double bytes = (double)o->rows * (double)o->row_elements * (double)o->element_size;
        if (along == rule->cols && bytes <= (double)gk_topology_get()->caches.l2) return true;
    }
    return false;
}

static struct gb_work work_of(const struct gb_problem *problem) {
    const struct gk_field *const rule = gk_kernel_field(problem->kernel, GK_FIELD_EXACTNESS, NULL);
    const struct gk_field *const flops = gk_kernel_field(problem->kernel, GK_FIELD_FLOPS, NULL);
    struct gb_work work = {.products = flops && flops->third != GK_NOWHERE,
                           .flops = gk_kernel_flops(problem->kernel, problem->args),
                           .latency = gb_latency_bound(problem),
                           .plain_copy = rule && rule->exactness == GK_EXACT_SOFTMAX};
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        const double bytes = (double)o->rows * (double)o->row_elements * (double)o->element_size;
        const bool added =
            o->output && problem->spec.accumulate && gk_kernel_field(problem->kernel, GK_FIELD_ACCUMULATE, o->field->name);
        work.footprint += bytes;
        if (o->output) work.written += bytes;
        if (!o->output || added) work.read += bytes;
    }
    return work;
}

static void note_failure(struct gb_measure *m, const struct gb_verify_report *r) {
    if (r->changed) snprintf(m->failure, sizeof m->failure, "an input or the padding of %s was written", r->changed);
    else
        snprintf(m->failure, sizeof m->failure, "%s[%zu][%zu] is %a, but %a in %s", r->difference.operand, r->difference.row,
                 r->difference.col, r->difference.got, r->difference.want, r->against);
}

/* ref is no news to itself: where one of its calls takes long it is neither called again nor timed. */
static bool too_slow(const struct gb_variant *v, double ref_ns) {
    return v->column == 0 && ref_ns > 2 * GB_REF_TIMED_NS * (double)v->threads;
}

static void verify_one(const struct gb_harness *h, struct gb_verifier *verifier, struct gb_problem *problem, size_t i,
                       struct gb_measure *m) {
    const struct gb_variant *const v = &h->plan->variants[i];
    struct gb_verify_report r;
    gb_problem_reset(problem);
    gb_binding_apply(h->binding, v->threads);
    const double start = gb_clock_ns();
    const gk_status status = gb_problem_call(problem, v->ctx);
    const double ns = gb_clock_ns() - start;
    m->threads_used = gk_call_threads(v->ctx, problem->spec.kernel, problem->spec.dtype, problem->args);
    m->state = GB_STATE_FAILED;
    if (status != GK_OK) {
        snprintf(m->failure, sizeof m->failure, "the call failed: %s", gk_status_string(status));
        return;
    }
    m->verified = gb_verify(verifier, problem, v->label, &r);
    if (m->verified == GB_VERIFY_FAILED) note_failure(m, &r);
    else m->state = v->column == 0 && ns > GB_REF_TIMED_NS ? GB_STATE_NOT_TIMED : GB_STATE_TIMED;
}

static bool verify_all(const struct gb_harness *h, struct gb_problem *problem, struct gb_outcome *outcome) {
    report(h, outcome->task, "reference", 0, h->plan->n_variants);
    gb_binding_apply(h->binding, 1);
    const double start = gb_clock_ns();
    struct gb_verifier *const verifier = gb_verifier_create(problem, h->plan->ref, h->plan->threads, h->plan->n_threads);
    const double ref_ns = outcome->work.flops / 2 > GB_VERIFY_FULL_FMA ? INFINITY : gb_clock_ns() - start;
    if (!verifier) return false;
    for (size_t i = 0; i < h->plan->n_variants && !stopped(h); i++) {
        struct gb_measure *const m = &outcome->measures[i];
        report(h, outcome->task, "verify", i, h->plan->n_variants);
        if (too_slow(&h->plan->variants[i], ref_ns)) m->state = GB_STATE_NOT_TIMED;
        else verify_one(h, verifier, problem, i, m);
    }
    gb_verifier_destroy(verifier);
    gb_problem_reset(problem);
    return true;
}

/* A call that is not timed comes first where caches could be hot: the variant before has left its own packed operands there. ref
 * packs nothing. */
static bool warms_up(const struct gb_variant *v, const struct gb_problem *problem, uint64_t calls) {
    const double bytes = gk_kernel_bytes(problem->kernel, problem->spec.dtype, problem->args);
    return calls > 1 || (v->column != 0 && bytes <= (double)gk_topology_get()->caches.l3);
}

/* Time of so many calls. */
static double calls_ns(const struct gb_harness *h, const struct gb_problem *problem, size_t variant, uint64_t calls) {
    const struct gb_variant *const v = &h->plan->variants[variant];
    gb_binding_apply(h->binding, v->threads);
    if (warms_up(v, problem, calls)) gb_problem_call(problem, v->ctx);
    const double start = gb_clock_ns();
    for (uint64_t i = 0; i < calls; i++) gb_problem_call(problem, v->ctx);
    return gb_clock_ns() - start;
}

/* Calls that take at least sample_ns. The clock's own cost and its steps of some 20 ns vanish in that. */
static uint64_t calibrate(const struct gb_harness *h, const struct gb_problem *problem, size_t variant) {
    double calls = 1;
    while (calls < ITERATIONS_MAX) {
        const double ns = calls_ns(h, problem, variant, (uint64_t)calls);
        if (ns >= h->sample_ns) break;
        const double grow = 1.2 * h->sample_ns / (ns > 1 ? ns : 1);
        calls = ceil(calls * (grow < 1.2 ? 1.2 : grow > 10 ? 10 : grow));
    }
    return (uint64_t)calls;
}

/* All variants but ref make the same number of calls a sample, that which the slowest of them needs: calibrated one by one,
 * they would carry the errors of their calibrations into the ratios. ref, ten times slower and more, has a number of its own.
 */
static void set_iterations(const struct gb_harness *h, const struct gb_problem *problem, struct entry *entries, size_t count) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count && !stopped(h); i++) {
        entries[i].iterations = calibrate(h, problem, entries[i].variant);
        if (h->plan->variants[entries[i].variant].column != 0 && entries[i].iterations < least) least = entries[i].iterations;
    }
    for (size_t i = 0; i < count; i++)
        if (h->plan->variants[entries[i].variant].column != 0 && least != UINT64_MAX) entries[i].iterations = least;
}

static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void shuffle(size_t *order, size_t count, uint64_t *random) {
    for (size_t i = count; i > 1; i--) {
        const size_t j = next_random(random) % i, swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

/* Rounds that are whole: each holds one sample of every entry, in an order of its own. */
static size_t run_rounds(const struct gb_harness *h, const struct gb_task *task, const struct gb_problem *problem,
                         struct entry *entries, size_t count) {
    const double start = gb_clock_ns();
    uint64_t random = h->seed;
    size_t order[ENTRIES_MAX], round = 0;
    for (size_t i = 0; i < count; i++) order[i] = i;
    while (round < h->rounds && (round < GB_ROUNDS_MIN || gb_clock_ns() - start < h->budget_ns)) {
        report(h, task, "round", round, h->rounds);
        shuffle(order, count, &random);
        for (size_t i = 0; i < count; i++) {
            struct entry *const e = &entries[order[i]];
            if (stopped(h)) return round;
            const double ns = calls_ns(h, problem, e->variant, e->iterations) / (double)e->iterations;
            e->samples[round] = ns > 0.01 ? ns : 0.01;
        }
        round++;
    }
    return round;
}

/* The timed variants, and at the end the widest one with the most threads again. */
static size_t make_entries(const struct gb_harness *h, struct gb_outcome *outcome, struct entry *entries) {
    size_t count = 0;
    for (size_t i = 0; i < h->plan->n_variants; i++) {
        if (outcome->measures[i].state != GB_STATE_TIMED) continue;
        outcome->measures[i].samples = outcome->storage + count * h->rounds;
        entries[count++] = (struct entry){.variant = i, .samples = outcome->measures[i].samples};
        outcome->null_variant = i;
    }
    if (count == 0) return 0;
    entries[count] = (struct entry){.variant = outcome->null_variant, .samples = outcome->storage + count * h->rounds};
    return count + 1;
}

static void summarize(const struct gb_harness *h, struct gb_outcome *outcome, const struct entry *entries, size_t count) {
    double *const work = outcome->storage + (h->plan->n_variants + 1) * h->rounds;
    for (size_t i = 0; i + 1 < count; i++) {
        const struct gb_variant *const v = &h->plan->variants[entries[i].variant];
        struct gb_measure *const m = &outcome->measures[entries[i].variant];
        m->iterations = entries[i].iterations;
        m->summary = gb_summarize(m->samples, outcome->rounds, work);
        m->share =
            gb_roofs_share(h->roofs, v->column, outcome->task->spec.dtype, v->threads, &outcome->work, m->summary.median);
    }
    const double *const first = outcome->measures[outcome->null_variant].samples;
    outcome->null_pair = gb_compare_paired(first, entries[count - 1].samples, outcome->rounds, work);
    outcome->noise = gb_noise_of(&outcome->null_pair);
}

static bool time_all(const struct gb_harness *h, const struct gb_problem *problem, struct gb_outcome *outcome) {
    struct entry entries[ENTRIES_MAX];
    outcome->storage = calloc((h->plan->n_variants + 2) * h->rounds, sizeof *outcome->storage);
    if (!outcome->storage) return false;
    const size_t count = make_entries(h, outcome, entries);
    set_iterations(h, problem, entries, count);
    if (count) outcome->rounds = run_rounds(h, outcome->task, problem, entries, count);
    if (outcome->rounds) {
        summarize(h, outcome, entries, count);
        return true;
    }
    for (size_t i = 0; i < h->plan->n_variants; i++)
        if (outcome->measures[i].state == GB_STATE_TIMED) outcome->measures[i].state = GB_STATE_SKIPPED;
    return true;
}

bool gb_harness_run(const struct gb_harness *harness, const struct gb_task *task, struct gb_outcome *outcome) {
    struct gb_problem problem;
    *outcome = (struct gb_outcome){.task = task, .kernel = gk_kernel_get(task->spec.kernel)};
    outcome->measures = calloc(harness->plan->n_variants, sizeof *outcome->measures);
    report(harness, task, "prepare", 0, harness->plan->n_variants);
    if (!outcome->measures || !gb_problem_create(&problem, &task->spec)) return false;
    outcome->work = work_of(&problem);
    outcome->bytes = gk_kernel_bytes(problem.kernel, task->spec.dtype, problem.args);
    bool good = verify_all(harness, &problem, outcome);
    if (good && !stopped(harness)) good = time_all(harness, &problem, outcome);
    for (size_t i = 0; i < harness->plan->n_variants; i++)
        if (!outcome->rounds && outcome->measures[i].state == GB_STATE_TIMED) outcome->measures[i].state = GB_STATE_SKIPPED;
    gb_problem_destroy(&problem);
    return good;
}

void gb_outcome_free(struct gb_outcome *outcome) {
    free(outcome->storage);
    free(outcome->measures);
    *outcome = (struct gb_outcome){.task = NULL};
}

struct gb_pair gb_outcome_pair(const struct gb_outcome *outcome, size_t i, size_t j) {
    double work[GB_ROUNDS_MAX];
    return gb_compare_paired(outcome->measures[i].samples, outcome->measures[j].samples, outcome->rounds, work);
}
