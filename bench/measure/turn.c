#include "turn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define WARM_CALLS_MAX 1e6

enum { LINE_MAX_BYTES = 4096 };

static bool append_operands(char *line, size_t size, const struct gb_problem *problem) {
    bool fits = true;
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        const size_t ld = o->field->rows == GK_NOWHERE ? 0 : o->ld;
        fits &= gb_text_append(line, size, " %s.%s=%zu,%zu", o->output ? "out" : "in", o->field->name,
                               (size_t)((const char *)o->start - problem->shared.start), ld);
    }
    return fits;
}

bool gb_turn_line(const struct gb_problem *problem, size_t threads, char *line, size_t size) {
    const struct gb_problem_spec *const spec = &problem->spec;
    char value[GB_VALUE_MAX];
    line[0] = '\0';
    bool fits = gb_text_append(line, size, "prepare kernel=%s dtype=%s threads=%zu", problem->kernel->name,
                               gk_dtype_name(spec->dtype), threads);
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (gk_kernel_dim(problem->kernel, dim))
            fits &= gb_text_append(line, size, " %s=%zu", gk_dim_name(dim), spec->dims[dim]);
    fits &= gb_text_append(line, size, " memory=/proc/%ld/fd/%d bytes=%zu", (long)getpid(), problem->shared.fd,
                           problem->shared.bytes);
    fits &= append_operands(line, size, problem);
    for (enum gb_option option = 0; option < GB_OPTION_COUNT; option++)
        if (gb_option_is_for_peers(option) && gb_kernel_has(spec->kernel, option) && gb_option_differs(option, spec, 0))
            fits &= gb_text_append(line, size, " %s=%s", gb_option_name(option), gb_option_text(option, spec, value));
    return fits;
}

/* What an ended turn says: being stopped may have failed too. */
static enum gb_turn outcome_of(const struct gb_contender *contender, char why[GB_TURN_WHY_MAX]) {
    if (contender->state == GB_CONTENDER_UP) return GB_TURN_GOOD;
    snprintf(why, GB_TURN_WHY_MAX, "%s", contender->reason);
    return contender->state == GB_CONTENDER_UNFIT ? GB_TURN_UNFIT : GB_TURN_FAILED;
}

enum gb_turn gb_turn_prepare(const struct gb_turns *turns, const struct gb_variant *variant, char why[GB_TURN_WHY_MAX]) {
    char line[LINE_MAX_BYTES];
    if (!variant->contender) return GB_TURN_GOOD;
    if (!gb_turn_line(turns->problem, variant->threads, line, sizeof line)) {
        snprintf(why, GB_TURN_WHY_MAX, "the problem does not fit in a line");
        return GB_TURN_UNFIT;
    }
    turns->effects->begin_turn(variant->contender);
    turns->effects->prepare(variant->contender, line, turns->limit_ns);
    turns->effects->end_turn(variant->contender);
    return outcome_of(variant->contender, why);
}

/* Read out of the time that is measured. */
static void count_from(const struct gb_turns *turns, struct gb_counts *before) {
    if (!turns->counts) return;
    gb_counters_choose(turns->counters, turns->counted);
    gb_counters_read(turns->counters, before);
}

static void count_to(const struct gb_turns *turns, const struct gb_counts *before, uint64_t calls) {
    struct gb_counts after;
    if (!turns->counts) return;
    gb_counters_read(turns->counters, &after);
    gb_counts_add(turns->counts, before, &after, calls);
}

static gk_status call_all(const struct gb_turns *turns, gk_context *ctx, uint64_t calls) {
    gk_status status = GK_OK;
    if (!turns->copies) return turns->effects->repeat(turns->problem, ctx, calls);
    for (uint64_t i = 0; i < calls; i++) status = turns->effects->repeat(gb_copies_next(turns->copies), ctx, 1);
    return status;
}

static enum gb_turn call_here(const struct gb_turns *turns, const struct gb_variant *variant, bool warm, uint64_t calls,
                              double *ns, char why[GB_TURN_WHY_MAX]) {
    const struct gb_effects *const e = turns->effects;
    e->bind(turns->binding, variant->threads);
    if (warm) call_all(turns, variant->ctx, 1);
    struct gb_counts before;
    count_from(turns, &before);
    const double start = gb_clock_read(e->clock);
    const gk_status status = call_all(turns, variant->ctx, calls);
    *ns = gb_clock_read(e->clock) - start;
    count_to(turns, &before, calls);
    if (status == GK_OK) return GB_TURN_GOOD;
    snprintf(why, GB_TURN_WHY_MAX, "the call failed: %s", gk_status_string(status));
    return GB_TURN_FAILED;
}

enum gb_turn gb_turn_once(const struct gb_turns *turns, const struct gb_variant *variant, double *ns,
                          char why[GB_TURN_WHY_MAX]) {
    struct gb_contender *const contender = variant->contender;
    const struct gb_effects *const e = turns->effects;
    if (!contender) return call_here(turns, variant, false, 1, ns, why);
    e->begin_turn(contender);
    if (e->run(contender, 1, ns, turns->limit_ns)) e->result(contender, turns->limit_ns);
    e->end_turn(contender);
    return outcome_of(contender, why);
}

/* Its threads slept while it was stopped, and its clock speed, caches and branch predictors are those of whoever ran. */
static uint64_t warm_calls(double call_ns) { return (uint64_t)fmin(fmax(GB_WARM_NS / call_ns, 1), WARM_CALLS_MAX); }

enum gb_turn gb_turn_calls(const struct gb_turns *turns, const struct gb_variant *variant, bool warm, double call_ns,
                           uint64_t calls, double *ns, char why[GB_TURN_WHY_MAX]) {
    struct gb_contender *const contender = variant->contender;
    const struct gb_effects *const e = turns->effects;
    if (!contender) return call_here(turns, variant, warm, calls, ns, why);
    const double limit = turns->limit_ns + 10 * call_ns * (double)calls;
    double untimed;
    e->begin_turn(contender);
    if (!warm || e->run(contender, warm_calls(call_ns), &untimed, limit)) {
        struct gb_counts before;
        count_from(turns, &before);
        e->run(contender, calls, ns, limit);
        count_to(turns, &before, calls);
    }
    e->end_turn(contender);
    return outcome_of(contender, why);
}
