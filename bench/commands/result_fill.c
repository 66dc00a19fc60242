#include "result_fill.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "build_info.h"
#include "machine.h"
#include "process_path.h"

enum { TEXT_MAX = 320 };

_Static_assert((int)GB_OWN_VARIANTS_MAX <= (int)GB_RESULT_OWN_MAX, "the report has room for all");

static void fill_variants(struct gb_result *result, const struct gb_plan *plan) {
    result->variants = gb_result_alloc(result, plan->n_variants, sizeof *result->variants);
    for (size_t i = 0; i < plan->n_variants && result->variants; i++) {
        const struct gb_variant *const v = &plan->variants[i];
        result->variants[i] = (struct gb_result_variant){.name = gb_result_text(result, v->name),
                                                         .label = gb_result_text(result, v->label),
                                                         .threads = v->threads,
                                                         .peer = v->peer,
                                                         .ref = gb_is_ref(v)};
    }
    result->n_variants = plan->n_variants;
    result->n_own = plan->n_own;
    result->n_threads = plan->n_threads;
    result->names_types = plan->dtypes[GK_F64];
}

/* Does arithmetic of the calling thread, which its teams take over, flush results to zero, and take denormals for zero? Seen by
 * bits: where they are taken for zero they are equal to it. */
static const char *float_state(void) {
    static const double zero = 0;
    volatile double smallest = DBL_MIN, denormal = DBL_TRUE_MIN;
    const double half = smallest / 2, grown = denormal * 0x1p1000;
    const bool ftz = memcmp(&half, &zero, sizeof zero) == 0, daz = memcmp(&grown, &zero, sizeof zero) == 0;
    return ftz ? daz ? "ftz daz" : "ftz" : daz ? "daz" : "ieee";
}

void gb_fill_plan(struct gb_result *result, const struct gb_plan *plan, uint64_t seed) {
    const struct gb_machine *const m = gb_machine_get();
    const struct gb_variant *const last = &plan->variants[plan->n_own - 1];
    struct gb_result_context *const c = &result->context;
    char machine[TEXT_MAX], title[TEXT_MAX], text[TEXT_MAX];
    c->host = gb_result_text(result, gb_host_name(text, sizeof text));
    c->cpu = gb_result_text(result, m->cpu);
    c->isa = gb_result_text(result, last->name);
    c->cores = m->cores;
    c->threads = last->threads;
    c->topology = gb_result_text(result, gb_machine_text(m, machine, sizeof machine));
    c->compiler = gb_result_text(result, gb_build_compiler());
    c->flags = gb_result_text(result, gb_build_flags());
    c->revision = gb_result_text(result, gb_build_revision());
    c->version = gb_result_text(result, gk_version());
    c->numerics = (size_t)gk_numerics_version();
    c->float_state = float_state();
    c->seed = seed;
    c->nulls = gb_result_alloc(result, plan->n_tasks, sizeof *c->nulls);
    fill_variants(result, plan);
    result->problems = gb_result_alloc(result, plan->n_tasks, sizeof *result->problems);
    result->rows = gb_result_alloc(result, plan->n_tasks, plan->n_variants * sizeof *result->rows);
    for (size_t k = 0; k < plan->n_tasks && result->problems && result->rows; k++) {
        const struct gb_task *const task = &plan->tasks[k];
        gb_family_title(&task->spec, seed, title, sizeof title);
        gb_problem_title(&task->spec, seed, text, sizeof text);
        result->problems[result->n_problems++] = (struct gb_result_problem){
            .kernel = gk_kernel_get(task->spec.kernel)->name,
            .dtype = gk_dtype_name(task->spec.dtype),
            .workload = gb_result_text(result, task->workload),
            .title = gb_result_text(result, title),
            .text = gb_result_text(result, text),
            .rows = result->rows + k * plan->n_variants,
        };
    }
}

void gb_fill_peers(struct gb_result *result, const struct gb_race *race) {
    struct gb_result_context *const c = &result->context;
    c->peers = gb_result_alloc(result, race->count, sizeof *c->peers);
    for (size_t i = 0; i < race->count && c->peers; i++) {
        const struct gb_racer *const r = &race->list[i];
        c->peers[c->n_peers++] = (struct gb_result_peer){.name = gb_result_text(result, r->entry.name),
                                                         .command = gb_result_text(result, r->entry.command),
                                                         .description = r->up ? gb_result_text(result, r->description) : NULL,
                                                         .reason = r->reason[0] ? gb_result_text(result, r->reason) : NULL,
                                                         .told = r->news};
    }
}

void gb_fill_counters(struct gb_result *result, const struct gb_counters *counters) {
    struct gb_result_context *const c = &result->context;
    c->counters = gb_result_alloc(result, GB_COUNTER_COUNT, sizeof *c->counters);
    for (enum gb_counter i = 0; i < GB_COUNTER_COUNT && c->counters; i++) {
        const char *const why = gb_counters_missing(counters, i);
        c->counters[c->n_counters++] = (struct gb_result_counter){gb_counter_name(i), why ? gb_result_text(result, why) : NULL};
    }
}

static double latency(double steps) { return steps > 0 ? 1 / steps : NAN; }

static void fill_roof(struct gb_result *result, struct gb_result_roof *to, const struct gb_roofs *roofs, size_t isa, int dtype,
                      size_t t) {
    to->isa = gk_isa_get(isa, GK_F32)->name;
    to->dtype = gk_dtype_name((enum gk_dtype)dtype);
    to->threads = roofs->threads[t];
    to->fma = roofs->fma[isa][dtype][t];
    to->fma_latency = latency(roofs->steps[isa][dtype][GB_STEP_FMA]);
    to->add_latency = latency(roofs->steps[isa][dtype][GB_STEP_ADD]);
    memcpy(to->at, roofs->bandwidth[t], sizeof to->at);
    to->n_spots = 0;
    if (!to->spots) to->spots = gb_result_alloc(result, GB_SPOTS_MAX, sizeof *to->spots);
    for (size_t i = 0; i < roofs->n_spots && to->spots; i++)
        if (roofs->spots[i].isa == isa && roofs->spots[i].threads == roofs->threads[t])
            to->spots[to->n_spots++] = (struct gb_result_spot){roofs->spots[i].footprint, roofs->spots[i].bandwidth};
}

void gb_fill_roofs(struct gb_result *result, const struct gb_roofs *roofs) {
    struct gb_result_context *const c = &result->context;
    if (!c->roofs) c->roofs = gb_result_alloc(result, GK_ISA_COUNT * GK_DTYPE_COUNT * roofs->n_threads, sizeof *c->roofs);
    c->n_roofs = 0;
    for (size_t isa = 0; isa < GK_ISA_COUNT && c->roofs; isa++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t t = 0; t < roofs->n_threads && roofs->isas[isa] && roofs->dtypes[dtype]; t++)
                fill_roof(result, &c->roofs[c->n_roofs++], roofs, isa, dtype, t);
    for (int level = 0; level < GB_LEVEL_COUNT; level++) c->level_bytes[level] = (double)roofs->bytes[level];
}

void gb_fill_warnings(struct gb_result *result, const struct gb_warnings *warnings) {
    struct gb_result_context *const c = &result->context;
    if (!c->warnings) c->warnings = gb_result_alloc(result, GB_WARNINGS_MAX, sizeof *c->warnings);
    while (c->n_warnings < warnings->count && c->warnings) {
        c->warnings[c->n_warnings] = gb_result_text(result, warnings->list[c->n_warnings]);
        c->n_warnings++;
    }
}

void gb_fill_date(struct gb_result *result) {
    const time_t now = time(NULL);
    struct tm utc;
    char date[40];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    result->context.date = gb_result_text(result, date);
}

static struct gb_result_option option_of(struct gb_result *result, enum gb_option option, const struct gb_problem_spec *spec) {
    char text[GB_VALUE_MAX];
    const enum gb_option_kind kind = gb_option_kind(option);
    gb_option_text(option, spec, text);
    return (struct gb_result_option){.word = gb_option_name(option),
                                     .value = kind == GB_OPTION_IS_FLAG ? NULL : gb_result_text(result, text),
                                     .number = kind == GB_OPTION_IS_COUNT || kind == GB_OPTION_IS_REAL};
}

static void fill_options(struct gb_result *result, struct gb_result_row *row, const struct gb_problem_spec *spec) {
    row->options = gb_result_alloc(result, GB_OPTION_COUNT, sizeof *row->options);
    for (enum gb_option o = 0; o < GB_OPTION_COUNT && row->options; o++)
        if (o != GB_OPTION_DTYPE && gb_kernel_has(spec->kernel, o) && gb_option_differs(o, spec, spec->seed))
            row->options[row->n_options++] = option_of(result, o, spec);
}

static void fill_shape(struct gb_result *result, struct gb_result_row *row, const struct gb_problem_spec *spec) {
    row->shape = gb_result_alloc(result, GK_DIM_COUNT, sizeof *row->shape);
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT && row->shape; dim++)
        if (gk_kernel_dim(gk_kernel_get(spec->kernel), dim))
            row->shape[row->n_shape++] = (struct gb_result_size){gk_dim_name(dim), spec->dims[dim]};
}

/* What the rows of a problem have in common. */
static struct gb_result_row common_row(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task) {
    struct gb_result_row row = {.kernel = gk_kernel_get(task->spec.kernel)->name,
                                .dtype = gk_dtype_name(task->spec.dtype),
                                .workload = gb_result_text(result, task->workload),
                                .cache = plan->cold ? "cold" : "hot",
                                .flops = NAN,
                                .bytes = NAN,
                                .verified = "no",
                                .summary = {.median = NAN, .low = NAN, .high = NAN, .min = NAN},
                                .gflops = NAN,
                                .gbps = NAN,
                                .empty_ns = NAN,
                                .share = {.fraction = NAN}};
    fill_options(result, &row, &task->spec);
    fill_shape(result, &row, &task->spec);
    return row;
}

static void name_variant(struct gb_result *result, struct gb_result_row *row, const struct gb_variant *v) {
    char name[TEXT_MAX];
    snprintf(name, sizeof name, "%s%s", v->peer ? "peer:" : "", v->name);
    row->variant = gb_result_text(result, name);
    row->isa = v->peer ? "peer" : gb_result_text(result, v->name);
    row->threads = v->threads;
}

/* NULL: there are none. */
static const struct gb_result_causes *causes_of(struct gb_result *result, const struct gb_outcome *outcome) {
    const size_t *const by = outcome->disturbed;
    if (by[GB_CAUSE_STEAL] + by[GB_CAUSE_SWITCHES] + by[GB_CAUSE_MIGRATION] == 0) return NULL;
    struct gb_result_causes *const causes = gb_result_alloc(result, 1, sizeof *causes);
    if (causes) *causes = (struct gb_result_causes){by[GB_CAUSE_STEAL], by[GB_CAUSE_SWITCHES], by[GB_CAUSE_MIGRATION]};
    return causes;
}

static void fill_counts(struct gb_result *result, struct gb_result_row *row, const struct gb_counts *counts) {
    if (!(counts->calls > 0)) return;
    row->counts = gb_result_alloc(result, GB_COUNTER_COUNT, sizeof *row->counts);
    for (enum gb_counter i = 0; i < GB_COUNTER_COUNT && row->counts; i++) {
        const struct gb_result_count count = {gb_counter_name(i), gb_counts_per_call(counts, i), gb_counts_share(counts, i)};
        if (isfinite(count.per_call)) row->counts[row->n_counts++] = count;
    }
}

static void fill_share(struct gb_result_row *row, const struct gb_measure *m) {
    row->share = m->share;
    row->not_cold = m->not_cold;
}

static void fill_time(struct gb_result *result, struct gb_result_row *row, const struct gb_variant *v,
                      const struct gb_outcome *outcome, const struct gb_measure *m) {
    row->summary = m->summary;
    row->samples = gb_result_alloc(result, outcome->rounds, sizeof *row->samples);
    row->n_samples = row->samples ? outcome->rounds : 0;
    if (row->samples) memcpy(row->samples, m->samples, outcome->rounds * sizeof *row->samples);
    *(outcome->dropped ? &row->dropped : &row->disturbed) = causes_of(result, outcome);
    row->iterations = m->iterations;
    row->threads_asked = m->threads_asked;
    row->threads_used = m->threads_used;
    row->gflops = outcome->work.flops / m->summary.median;
    row->gbps = outcome->bytes / m->summary.median;
    row->empty_ns = v->peer ? NAN : m->empty_ns;
    fill_share(row, m);
    fill_counts(result, row, &m->counts);
}

static void fill_row(struct gb_result *result, struct gb_result_row *row, const struct gb_variant *v,
                     const struct gb_outcome *outcome, const struct gb_measure *m) {
    static const char *const verified[] = {
        [GB_VERIFY_FAILED] = "no", [GB_VERIFIED_SAMPLED] = "sampled", [GB_VERIFIED_FULL] = "full"};
    name_variant(result, row, v);
    row->state = m->state;
    row->verified = verified[m->verified];
    row->note = m->note[0] ? gb_result_text(result, m->note) : NULL;
    row->longest_ns = v->peer ? GB_PEER_TIMED_NS : GB_REF_TIMED_NS;
    if (m->state == GB_STATE_TIMED) fill_time(result, row, v, outcome, m);
    else row->failure = gb_result_text(result, m->failure);
}

static void fill_null(struct gb_result *result, struct gb_result_problem *problem, const struct gb_variant *v,
                      const struct gb_outcome *outcome) {
    struct gb_result_context *const c = &result->context;
    problem->noise = outcome->noise;
    if (outcome->null_pair.count == 0 || !c->nulls) return;
    problem->null = &c->nulls[c->n_nulls];
    c->nulls[c->n_nulls++] = (struct gb_result_null){.kernel = problem->kernel,
                                                     .dtype = problem->dtype,
                                                     .workload = problem->workload,
                                                     .variant = gb_result_text(result, v->name),
                                                     .threads = v->threads,
                                                     .pair = outcome->null_pair};
}

void gb_fill_outcome(struct gb_result *result, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    if (result->exhausted) return;
    struct gb_result_problem *const problem = &result->problems[result->n_run++];
    struct gb_result_row common = common_row(result, plan, outcome->task);
    common.flops = problem->flops = outcome->work.flops;
    common.bytes = outcome->bytes;
    problem->footprint = outcome->work.footprint;
    problem->products = outcome->work.products;
    for (size_t i = 0; i < plan->n_variants; i++) {
        problem->rows[i] = common;
        fill_row(result, &problem->rows[i], &plan->variants[i], outcome, &outcome->measures[i]);
    }
    result->n_rows += plan->n_variants;
    fill_null(result, problem, &plan->variants[outcome->null_variant], outcome);
    gb_result_compare_all(result, problem->rows, plan->n_variants, problem->noise);
}

struct gb_result_row gb_expected_row(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task,
                                     const struct gb_variant *variant) {
    struct gb_result_row row = common_row(result, plan, task);
    name_variant(result, &row, variant);
    return row;
}

/* Without a row is what was not timed: of ours ref, that took too long, of peers those that do not do the problem. */
void gb_fill_kept(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task,
                  const struct gb_result_row *const *rows, const struct gb_result_null *null) {
    struct gb_result_problem *const problem = &result->problems[result->n_run++];
    struct gb_result_context *const c = &result->context;
    double bytes;
    gb_problem_work(&task->spec, &problem->flops, &bytes);
    problem->footprint = (double)gb_problem_bytes(&task->spec);
    for (size_t i = 0; i < plan->n_variants; i++) {
        const struct gb_variant *const v = &plan->variants[i];
        struct gb_result_row *const row = &problem->rows[i];
        *row = rows[i] ? *rows[i] : gb_expected_row(result, plan, task, v);
        if (!rows[i]) row->state = v->peer ? GB_STATE_UNFIT : GB_STATE_NOT_TIMED;
        row->longest_ns = v->peer ? GB_PEER_TIMED_NS : GB_REF_TIMED_NS;
        if (rows[i] && isfinite(row->share.fraction)) problem->products |= strcmp(row->share.limit, "fma") == 0;
    }
    result->n_rows += plan->n_variants;
    if (!null || !c->nulls) return;
    problem->null = &c->nulls[c->n_nulls];
    c->nulls[c->n_nulls++] = *null;
    problem->noise = gb_noise_of(&null->pair);
}

void gb_fill_no_memory(struct gb_result *result, const struct gb_plan *plan, const struct gb_task *task, const char *why) {
    if (result->exhausted) return;
    struct gb_result_row common = common_row(result, plan, task);
    common.state = GB_STATE_NO_MEMORY;
    common.failure = gb_result_text(result, why);
    for (size_t i = 0; i < plan->n_variants; i++) {
        struct gb_result_row *const row = &result->rows[result->n_rows++];
        *row = common;
        name_variant(result, row, &plan->variants[i]);
    }
}

void gb_fill_shares(struct gb_result *result, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    const size_t k = (size_t)(outcome->task - plan->tasks);
    for (size_t i = 0; i < plan->n_variants && k < result->n_run; i++)
        if (outcome->measures[i].state == GB_STATE_TIMED) fill_share(&result->problems[k].rows[i], &outcome->measures[i]);
}
