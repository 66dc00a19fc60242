#include "result_json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "build_info.h"
#include "machine.h"
#include "message.h"
#include "result_file.h"

/* JSON has no infinity and no NaN. */
static json_t *number(double value) { return json_real(isfinite(value) ? value : 0); }

/* Text of others need not be UTF-8, which JSON is. */
static json_t *words(const char *text) {
    json_t *const string = json_string(text);
    return string ? string : json_string("(not UTF-8)");
}

static json_t *interval(double low, double high) { return json_pack("[o, o]", number(low), number(high)); }

static json_t *bandwidth(const struct gb_bandwidth *b) {
    return json_pack("{s:o, s:o, s:o}", "read_gbps", number(b->read), "copy_gbps", number(b->copy), "copy_nt_gbps",
                     number(b->copy_nt));
}

/* Moving at the size of single problems. */
static json_t *spots_of(const struct gb_roofs *roofs, size_t threads) {
    json_t *const array = json_array();
    for (size_t i = 0; i < roofs->n_spots; i++) {
        if (roofs->spots[i].threads != threads) continue;
        json_t *const spot = bandwidth(&roofs->spots[i].bandwidth);
        json_object_set_new(spot, "footprint", number(roofs->spots[i].footprint));
        json_array_append_new(array, spot);
    }
    return array;
}

static json_t *roof(const struct gb_roofs *roofs, size_t isa, enum gk_dtype dtype, size_t t) {
    const struct gb_bandwidth *const b = roofs->bandwidth[t], *const memory = &b[GB_LEVEL_MEMORY];
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "isa", gk_isa_get(isa, dtype)->name, "dtype",
                     gk_dtype_name(dtype), "threads", (json_int_t)roofs->threads[t], "fma_gflops",
                     number(roofs->fma[isa][dtype][t]), "read_gbps", number(memory->read), "copy_gbps", number(memory->copy),
                     "copy_nt_gbps", number(memory->copy_nt), "in_l2", bandwidth(&b[GB_LEVEL_L2]), "in_l3",
                     bandwidth(&b[GB_LEVEL_L3]), "spots", spots_of(roofs, roofs->threads[t]));
}

/* A thread count above that of the cores has none. */
static json_t *all_roofs(const struct gb_roofs *roofs) {
    json_t *const array = json_array();
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t t = 0; t < roofs->n_threads; t++)
                if (roofs->isas[isa] && roofs->dtypes[dtype] && roofs->fma[isa][dtype][t] > 0)
                    json_array_append_new(array, roof(roofs, isa, (enum gk_dtype)dtype, t));
    return array;
}

static json_t *shape_of(const struct gb_outcome *outcome) {
    const struct gb_problem_spec *const spec = &outcome->task->spec;
    json_t *const object = json_object();
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (gk_kernel_dim(outcome->kernel, dim))
            json_object_set_new(object, gk_dim_name(dim), json_integer((json_int_t)spec->dims[dim]));
    return object;
}

static json_t *option_of(enum gb_option option, const struct gb_problem_spec *spec) {
    char text[GB_VALUE_MAX];
    const double value = gb_option_value(option, spec);
    switch (gb_option_kind(option)) {
    case GB_OPTION_IS_FLAG: return json_boolean(value != 0);
    case GB_OPTION_IS_COUNT: return json_integer((json_int_t)value);
    case GB_OPTION_IS_REAL: return json_real(value);
    default: return json_string(gb_option_text(option, spec, text));
    }
}

/* Those that differ from the default. */
static json_t *options_of(const struct gb_outcome *outcome) {
    const struct gb_problem_spec *const spec = &outcome->task->spec;
    json_t *const object = json_object();
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++)
        if (o != GB_OPTION_DTYPE && gb_kernel_has(spec->kernel, o) && gb_option_differs(o, spec, spec->seed))
            json_object_set_new(object, gb_option_name(o), option_of(o, spec));
    return object;
}

/* "peer:openblas" */
static json_t *variant_name(const struct gb_variant *v) { return json_sprintf("%s%s", v->peer ? "peer:" : "", v->name); }

static json_t *comparison(const struct gb_outcome *outcome, size_t i, size_t j) {
    const struct gb_pair pair = gb_outcome_pair(outcome, i, j);
    return json_pack("{s:o, s:o, s:s}", "ratio", number(pair.ratio), "ci95", interval(pair.low, pair.high), "verdict",
                     gb_verdict(&pair, outcome->noise));
}

static json_t *versus(const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i) {
    json_t *const object = json_object();
    for (size_t j = 0; j < plan->n_variants; j++) {
        if (i == j || plan->variants[j].threads != plan->variants[i].threads) continue;
        if (outcome->measures[j].state != GB_STATE_TIMED) continue;
        json_t *const name = variant_name(&plan->variants[j]);
        json_object_set_new(object, json_string_value(name), comparison(outcome, i, j));
        json_decref(name);
    }
    return object;
}

/* The best peer at this thread count and the ratio to it, on rows of our own. */
static void set_best_peer(json_t *row, const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i) {
    const size_t best = gb_best_peer(plan, outcome, plan->variants[i].threads);
    if (plan->variants[i].peer || best == plan->n_variants) return;
    json_t *const pair = comparison(outcome, i, best);
    json_object_set_new(pair, "variant", variant_name(&plan->variants[best]));
    json_object_set_new(row, "best_peer", pair);
}

static void set_timing(json_t *row, const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i) {
    const struct gb_measure *const m = &outcome->measures[i];
    json_t *const samples = json_array();
    for (size_t k = 0; k < outcome->rounds; k++) json_array_append_new(samples, number(m->samples[k]));
    json_object_set_new(row, "median_ns", number(m->summary.median));
    json_object_set_new(row, "ci95_ns", interval(m->summary.low, m->summary.high));
    json_object_set_new(row, "min_ns", number(m->summary.min));
    json_object_set_new(row, "samples_ns", samples);
    json_object_set_new(row, "iterations", json_integer((json_int_t)m->iterations));
    json_object_set_new(row, "threads_used", json_integer((json_int_t)m->threads_used));
    json_object_set_new(row, "gflops", number(outcome->work.flops / m->summary.median));
    json_object_set_new(row, "gbps", number(outcome->bytes / m->summary.median));
    json_object_set_new(row, "bound", json_string(m->share.bound));
    json_object_set_new(row, "roof_fraction", number(m->share.fraction));
    json_object_set_new(row, "vs", versus(plan, outcome, i));
    set_best_peer(row, plan, outcome, i);
}

/* A cell that failed has a row without times; what was not timed has none. */
static json_t *row_of(const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i) {
    static const char *const verified[] = {
        [GB_VERIFY_FAILED] = "no", [GB_VERIFIED_SAMPLED] = "sampled", [GB_VERIFIED_FULL] = "full"};
    const struct gb_variant *const v = &plan->variants[i];
    const struct gb_measure *const m = &outcome->measures[i];
    json_t *const row =
        json_pack("{s:s, s:s, s:o, s:o, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:s}", "kernel", outcome->kernel->name, "dtype",
                  gk_dtype_name(outcome->task->spec.dtype), "options", options_of(outcome), "variant", variant_name(v), "isa",
                  v->peer ? "peer" : v->name, "threads", (json_int_t)v->threads, "workload", outcome->task->workload, "cache",
                  "hot", "shape", shape_of(outcome), "flops", number(outcome->work.flops), "bytes", number(outcome->bytes),
                  "verified", verified[m->verified]);
    if (!row) return NULL;
    if (m->state == GB_STATE_TIMED) set_timing(row, plan, outcome, i);
    else json_object_set_new(row, "failure", words(m->failure));
    if (m->note[0]) json_object_set_new(row, "note", words(m->note));
    return row;
}

static json_t *null_pair(const struct gb_plan *plan, const struct gb_outcome *outcome) {
    const struct gb_variant *const v = &plan->variants[outcome->null_variant];
    const struct gb_pair *const pair = &outcome->null_pair;
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "kernel", outcome->kernel->name, "dtype",
                     gk_dtype_name(outcome->task->spec.dtype), "workload", outcome->task->workload, "variant", v->name,
                     "threads", (json_int_t)v->threads, "ratio", number(pair->ratio), "ci95", interval(pair->low, pair->high));
}

/* All that were asked for: what they said of themselves, or why they are not in the race. */
static json_t *all_peers(const struct gb_race *race) {
    json_t *const array = json_array();
    for (size_t i = 0; i < race->count; i++) {
        const struct gb_racer *const r = &race->list[i];
        json_t *const peer = json_pack("{s:s, s:o}", "name", r->entry.name, "command", words(r->entry.command));
        if (r->up) json_object_set_new(peer, "description", words(r->description));
        if (r->reason[0]) json_object_set_new(peer, "reason", words(r->reason));
        json_array_append_new(array, peer);
    }
    return array;
}

static json_t *context_of(const struct gb_result *result) {
    const struct gb_machine *const m = gb_machine_get();
    const struct gb_plan *const plan = result->plan;
    const struct gb_variant *const last = &plan->variants[plan->n_own - 1];
    char machine[320], date[40];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_t *const warnings = json_array(), *const nulls = json_array();
    for (size_t i = 0; i < result->warnings->count; i++)
        json_array_append_new(warnings, json_string(result->warnings->list[i]));
    for (size_t i = 0; i < result->count; i++)
        if (result->outcomes[i].null_pair.count) json_array_append_new(nulls, null_pair(plan, &result->outcomes[i]));
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:o, s:o, s:o, s:o}", "cpu", m->cpu, "isa",
                     last->name, "cores", (json_int_t)m->cores, "threads", (json_int_t)last->threads, "topology",
                     gb_machine_text(machine, sizeof machine), "compiler", gb_build_compiler(), "flags", gb_build_flags(),
                     "revision", gb_build_revision(), "version", gk_version(), "numerics", gk_numerics_version(), "seed",
                     (json_int_t)result->seed, "date", date, "warnings", warnings, "roofs", all_roofs(result->roofs),
                     "null_pairs", nulls, "peers", all_peers(result->race));
}

static json_t *document(const struct gb_result *result) {
    json_t *const rows = json_array();
    for (size_t k = 0; k < result->count; k++)
        for (size_t i = 0; i < result->plan->n_variants; i++) {
            const enum gb_state state = result->outcomes[k].measures[i].state;
            if (state == GB_STATE_TIMED || state == GB_STATE_FAILED || state == GB_STATE_GONE)
                json_array_append_new(rows, row_of(result->plan, &result->outcomes[k], i));
        }
    return json_pack("{s:s, s:b, s:o, s:o}", "schema", "gradbench/1", "complete", result->complete, "context",
                     context_of(result), "results", rows);
}

int gb_result_write(const struct gb_result *result, const char *path, bool last) {
    json_t *const json = document(result);
    char *const text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    int code = GB_EXIT_OK;
    json_decref(json);
    if (!text) return gb_fail(GB_EXIT_RESOURCE, "no memory for the result file");
    const size_t length = strlen(text);
    text[length] = '\n'; /* in the place of the zero byte: files have none */
    if (strcmp(path, "-") == 0) {
        fwrite(text, 1, length + 1, stdout);
    } else {
        const int reason = gb_result_file_write(path, text, length + 1, last);
        if (reason != 0) code = gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", path, strerror(reason));
    }
    free(text);
    return code;
}
