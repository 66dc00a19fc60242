#include "report_table.h"
#include "machine.h"

#include <string.h>

#include "build_info.h"
#include "report_words.h"
#include "text.h"

void gb_report_header(const struct gb_report *report, const struct gb_plan *plan, size_t rounds, uint64_t seed) {
    char machine[320], problems[40], variants[400] = "", threads[200] = "";
    gb_say(report, 2, "gradbench %s (numerics %d, revision %s), %s", gk_version(), gk_numerics_version(), gb_build_revision(),
           gb_build_compiler());
    gb_say(report, 2, "%s", gb_machine_text(machine, sizeof machine));
    for (size_t i = 0; i < GK_ISA_COUNT; i++)
        if (plan->isas[i])
            snprintf(variants + strlen(variants), sizeof variants - strlen(variants), "%s %s", variants[0] ? "," : "",
                     gk_isa_get(i, GK_F32)->name);
    for (size_t i = 0; i < plan->n_threads; i++)
        snprintf(threads + strlen(threads), sizeof threads - strlen(threads), "%s %zu", i ? "," : "", plan->threads[i]);
    gb_say(report, 2, "%s: %s; variants%s; threads%s; up to %zu rounds; seed %llu", plan->source,
           gb_count_text(plan->n_tasks, "problem", problems, sizeof problems), variants, threads, rounds,
           (unsigned long long)seed);
}

void gb_report_race(const struct gb_report *report, const struct gb_race *race) {
    for (size_t i = 0; i < race->count; i++) {
        const struct gb_racer *const r = &race->list[i];
        if (r->up) gb_say(report, 2, "peer %s: %s", r->entry.name, r->description);
        if (r->reason[0] && r->news)
            gb_say(report, 2, "%speer %s is not in the race:%s %s", gb_red(report), r->entry.name, gb_plain(report), r->reason);
    }
}

enum { ROOF_NAME = 30, ROOF_WIDTH = 21 };

/* As many thread counts as fit: the lowest, and the highest. */
static bool roof_fits(const struct gb_report *report, const struct gb_roofs *roofs, size_t t) {
    const size_t room = report->width ? (size_t)(report->width - ROOF_NAME) / ROOF_WIDTH : roofs->n_threads;
    return t == 0 ? room > 1 || roofs->n_threads == 1 : t + room > roofs->n_threads || t + 1 == roofs->n_threads;
}

static void print_roofs_left_out(const struct gb_report *report, const struct gb_roofs *roofs) {
    char names[400] = "", threads[40];
    for (size_t t = 0; t < roofs->n_threads; t++)
        if (!roof_fits(report, roofs, t))
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "",
                     gb_count_text(roofs->threads[t], "thread", threads, sizeof threads));
    if (names[0]) gb_say(report, 2, "a wider terminal shows the roofs of %s too", names);
}

static const char *roof_text(double roof, int decimals, char *text, size_t size) {
    if (roof > 0) snprintf(text, size, "%.*f", decimals, roof);
    else snprintf(text, size, "-"); /* more threads than cores, or than there were */
    return text;
}

static void print_level(const struct gb_report *report, const struct gb_roofs *roofs, enum gb_level level) {
    char name[64], bytes[24], read[24], copy[24], copy_nt[24];
    snprintf(name, sizeof name, "%s (%s)", gb_level_name(level),
             gb_bytes_text((double)roofs->bytes[level], bytes, sizeof bytes));
    fprintf(report->out, "  move in %-*s", ROOF_NAME - 10, name);
    for (size_t t = 0; t < roofs->n_threads; t++) {
        const struct gb_bandwidth *const b = &roofs->bandwidth[t][level];
        if (roof_fits(report, roofs, t))
            fprintf(report->out, "  %5s /%5s /%5s", roof_text(b->read, 0, read, sizeof read),
                    roof_text(b->copy, 0, copy, sizeof copy), roof_text(b->copy_nt, 0, copy_nt, sizeof copy_nt));
    }
    fprintf(report->out, "\n");
}

void gb_report_roofs(const struct gb_report *report, const struct gb_roofs *roofs) {
    FILE *const out = report->out;
    char threads[40], roof[24];
    fprintf(out, "\n");
    gb_say(report, 2, "%sroofs, measured here:%s fma in GFLOP/s; moves in GB/s, read / copy / non-temporal copy",
           gb_bold(report), gb_plain(report));
    fprintf(out, "%*s", ROOF_NAME, "");
    for (size_t t = 0; t < roofs->n_threads; t++)
        if (roof_fits(report, roofs, t))
            fprintf(out, "%*s", ROOF_WIDTH, gb_count_text(roofs->threads[t], "thread", threads, sizeof threads));
    fprintf(out, "\n");
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            if (!roofs->isas[isa] || !roofs->dtypes[dtype]) continue;
            fprintf(out, "  fma %-10s %-*s", gk_isa_get(isa, GK_F32)->name, ROOF_NAME - 17,
                    gk_dtype_name((enum gk_dtype)dtype));
            for (size_t t = 0; t < roofs->n_threads; t++)
                if (roof_fits(report, roofs, t))
                    fprintf(out, "%*s", ROOF_WIDTH, roof_text(roofs->fma[isa][dtype][t], 1, roof, sizeof roof));
            fprintf(out, "\n");
        }
    for (int level = 0; level < GB_LEVEL_COUNT; level++) print_level(report, roofs, (enum gb_level)level);
    print_roofs_left_out(report, roofs);
}

/* Roofs that were raised, so far. */
struct raised {
    const struct gb_report *report;
    size_t count;
};

enum { RAISED_SHOWN = 3 };

static void print_raised(struct raised *raised, const char *what, size_t threads, double before, double after,
                         const char *unit) {
    char on[40];
    if (!(after > 1.03 * before)) return;
    if (raised->report->details || raised->count < RAISED_SHOWN)
        gb_say(raised->report, 2, "roof of %s on %s: measured again, %.0f %s, not %.0f", what,
               gb_count_text(threads, "thread", on, sizeof on), after, unit, before);
    raised->count++;
}

static void print_raised_moves(struct raised *raised, enum gb_level level, size_t threads, const struct gb_bandwidth *before,
                               const struct gb_bandwidth *after) {
    static const char *const kinds[] = {"reads", "copies", "non-temporal copies"};
    const double from[] = {before->read, before->copy, before->copy_nt}, to[] = {after->read, after->copy, after->copy_nt};
    char what[64];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(what, sizeof what, "%s in %s", kinds[i], gb_level_name(level));
        print_raised(raised, what, threads, from[i], to[i], "GB/s");
    }
}

void gb_report_raised_roofs(const struct gb_report *report, const struct gb_roofs *before, const struct gb_roofs *after) {
    struct raised raised = {report, 0};
    char what[64], more[40];
    for (size_t t = 0; t < before->n_threads; t++) {
        for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                snprintf(what, sizeof what, "%s %s", gk_isa_get(isa, GK_F32)->name, gk_dtype_name((enum gk_dtype)dtype));
                print_raised(&raised, what, before->threads[t], before->fma[isa][dtype][t], after->fma[isa][dtype][t],
                             "GFLOP/s");
            }
        for (int level = 0; level < GB_LEVEL_COUNT; level++)
            print_raised_moves(&raised, (enum gb_level)level, before->threads[t], &before->bandwidth[t][level],
                               &after->bandwidth[t][level]);
    }
    if (report->details || raised.count <= RAISED_SHOWN) return;
    gb_say(report, 2, "%s measured again (--details lists all)",
           gb_count_text(raised.count - RAISED_SHOWN, "more roof", more, sizeof more));
}

void gb_report_warnings(const struct gb_report *report, const struct gb_warnings *warnings, size_t first) {
    for (size_t i = first; i < warnings->count; i++) gb_say(report, 2, "warning: %s", warnings->list[i]);
}

const char *gb_problem_text(const struct gb_problem_spec *spec, char *text, size_t size) {
    gb_problem_title(spec, spec->seed, text, size);
    return text;
}

bool gb_is_timed(const struct gb_plan *plan, const struct gb_outcome *outcome, size_t i) {
    return i < plan->n_variants && outcome->measures[i].state == GB_STATE_TIMED;
}

size_t gb_reference_of(const struct gb_plan *plan, size_t i) {
    for (size_t j = 0; j < plan->n_own; j++)
        if (gb_is_ref(&plan->variants[j]) && plan->variants[j].threads == plan->variants[i].threads) return j;
    return plan->n_variants;
}

void gb_report_outcome(const struct gb_report *report, const struct gb_plan *plan, const struct gb_outcome *outcome) {
    (report->details ? gb_report_block : gb_report_row)(report, plan, outcome);
    fflush(report->out);
}
