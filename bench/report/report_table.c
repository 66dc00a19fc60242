#include "report_table.h"

#include <string.h>

#include "report_words.h"
#include "text.h"

void gb_report_header(const struct gb_report *report, const struct gb_result *result, const char *source, size_t rounds,
                      size_t processes) {
    const struct gb_result_context *const c = &result->context;
    char problems[40], variants[400] = "", threads[200] = "", each[48] = "";
    gb_say(report, 2, "gradbench %s (numerics %zu, revision %s), %s", c->version, c->numerics, c->revision, c->compiler);
    gb_say(report, 2, "%s", c->topology);
    for (size_t i = 0; i < result->n_own; i += result->n_threads)
        gb_text_append(variants, sizeof variants, "%s %s", i ? "," : "", result->variants[i].name);
    for (size_t i = 0; i < result->n_threads; i++)
        gb_text_append(threads, sizeof threads, "%s %zu", i ? "," : "", result->variants[i].threads);
    if (processes > 1) snprintf(each, sizeof each, " in each of %zu processes", processes);
    gb_say(report, 2, "%s: %s; variants%s; threads%s; up to %zu rounds%s; seed %zu", source,
           gb_count_text(result->n_problems, "problem", problems, sizeof problems), variants, threads, rounds, each, c->seed);
}

void gb_report_race(const struct gb_report *report, const struct gb_result *result) {
    for (size_t i = 0; i < result->context.n_peers; i++) {
        const struct gb_result_peer *const p = &result->context.peers[i];
        if (p->description) gb_say(report, 2, "peer %s: %s", p->name, p->description);
        if (p->reason && p->told)
            gb_say(report, 2, "%speer %s is not in the race:%s %s", gb_red(report), p->name, gb_plain(report), p->reason);
    }
}

enum { ROOF_NAME = 30, ROOF_WIDTH = 21 };

static bool same_row(const struct gb_result_roof *a, const struct gb_result_roof *b) {
    return strcmp(a->isa, b->isa) == 0 && strcmp(a->dtype, b->dtype) == 0;
}

/* Those of an isa and type: one a thread count, the same for all. */
static size_t count_in_row(const struct gb_result_context *c) {
    size_t count = 0;
    while (count < c->n_roofs && same_row(&c->roofs[0], &c->roofs[count])) count++;
    return count;
}

/* As many thread counts as fit: the lowest, and the highest. */
static bool roof_fits(const struct gb_report *report, size_t count, size_t t) {
    const size_t room = report->width ? (size_t)(report->width - ROOF_NAME) / ROOF_WIDTH : count;
    return t == 0 ? room > 1 || count == 1 : t + room > count || t + 1 == count;
}

static void print_roofs_left_out(const struct gb_report *report, const struct gb_result_roof *row, size_t count) {
    char names[400] = "", threads[40];
    for (size_t t = 0; t < count; t++)
        if (!roof_fits(report, count, t))
            gb_text_append(names, sizeof names, "%s%s", names[0] ? ", " : "",
                           gb_count_text(row[t].threads, "thread", threads, sizeof threads));
    if (names[0]) gb_say(report, 2, "a wider terminal shows the roofs of %s too", names);
}

static const char *roof_text(double roof, int decimals, char *text, size_t size) {
    if (roof > 0) snprintf(text, size, "%.*f", decimals, roof);
    else snprintf(text, size, "-"); /* more threads than cores, or than there were */
    return text;
}

static void print_level(const struct gb_report *report, const struct gb_result_context *c, size_t count, enum gb_level level) {
    char name[64], bytes[24], read[24], copy[24], copy_nt[24];
    if (c->level_bytes[level] > 0)
        snprintf(name, sizeof name, "%s (%s)", gb_level_name(level), gb_bytes_text(c->level_bytes[level], bytes, sizeof bytes));
    else snprintf(name, sizeof name, "%s", gb_level_name(level)); /* of a file, which does not say */
    fprintf(report->out, "  move in %-*s", ROOF_NAME - 10, name);
    for (size_t t = 0; t < count; t++) {
        const struct gb_bandwidth *const b = &c->roofs[t].at[level];
        if (roof_fits(report, count, t))
            fprintf(report->out, "  %5s /%5s /%5s", roof_text(b->read, 0, read, sizeof read),
                    roof_text(b->copy, 0, copy, sizeof copy), roof_text(b->copy_nt, 0, copy_nt, sizeof copy_nt));
    }
    fprintf(report->out, "\n");
}

void gb_report_roofs(const struct gb_report *report, const struct gb_result *result) {
    const struct gb_result_context *const c = &result->context;
    const size_t count = count_in_row(c);
    FILE *const out = report->out;
    char threads[40], roof[24];
    fprintf(out, "\n");
    gb_say(report, 2,
           "%sroofs, measured here:%s fma in GFLOP/s; latency in ns, fma / addition; moves in GB/s, read / copy / "
           "non-temporal copy",
           gb_bold(report), gb_plain(report));
    fprintf(out, "%*s", ROOF_NAME, "");
    for (size_t t = 0; t < count; t++)
        if (roof_fits(report, count, t))
            fprintf(out, "%*s", ROOF_WIDTH, gb_count_text(c->roofs[t].threads, "thread", threads, sizeof threads));
    for (size_t i = 0; i < c->n_roofs; i++) {
        if (i % count == 0) fprintf(out, "\n  fma %-10s %-*s", c->roofs[i].isa, ROOF_NAME - 17, c->roofs[i].dtype);
        if (roof_fits(report, count, i % count))
            fprintf(out, "%*s", ROOF_WIDTH, roof_text(c->roofs[i].fma, 1, roof, sizeof roof));
    }
    fprintf(out, "\n");
    for (size_t i = 0; i < c->n_roofs; i += count)
        fprintf(out, "  latency %-6s %-*s%14.2f / %.2f\n", c->roofs[i].isa, ROOF_NAME - 17, c->roofs[i].dtype,
                c->roofs[i].fma_latency, c->roofs[i].add_latency);
    for (int level = 0; level < GB_LEVEL_COUNT; level++) print_level(report, c, count, (enum gb_level)level);
    print_roofs_left_out(report, c->roofs, count);
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

void gb_report_raised_roofs(const struct gb_report *report, const struct gb_result_roof *before,
                            const struct gb_result *result) {
    const struct gb_result_roof *const after = result->context.roofs;
    const size_t count = count_in_row(&result->context);
    struct raised raised = {report, 0};
    char what[64], more[40];
    for (size_t t = 0; t < count; t++) {
        for (size_t i = t; i < result->context.n_roofs; i += count) {
            snprintf(what, sizeof what, "%s %s", after[i].isa, after[i].dtype);
            print_raised(&raised, what, after[i].threads, before[i].fma, after[i].fma, "GFLOP/s");
        }
        for (int level = 0; level < GB_LEVEL_COUNT; level++)
            print_raised_moves(&raised, (enum gb_level)level, after[t].threads, &before[t].at[level], &after[t].at[level]);
    }
    if (report->details || raised.count <= RAISED_SHOWN) return;
    gb_say(report, 2, "%s measured again (--details lists all)",
           gb_count_text(raised.count - RAISED_SHOWN, "more roof", more, sizeof more));
}

void gb_report_warnings(const struct gb_report *report, const struct gb_result *result, size_t first) {
    for (size_t i = first; i < result->context.n_warnings; i++) gb_say(report, 2, "warning: %s", result->context.warnings[i]);
}

bool gb_is_timed(const struct gb_result *result, const struct gb_result_problem *problem, size_t i) {
    return i < result->n_variants && problem->rows[i].state == GB_STATE_TIMED;
}

struct gb_versus gb_compare_cells(const struct gb_result_problem *problem, size_t i, size_t j) {
    return gb_result_compare(&problem->rows[i], &problem->rows[j], problem->noise);
}

size_t gb_reference_of(const struct gb_result *result, size_t i) {
    for (size_t j = 0; j < result->n_own; j++)
        if (result->variants[j].ref && result->variants[j].threads == result->variants[i].threads) return j;
    return result->n_variants;
}

size_t gb_best_peer(const struct gb_result *result, const struct gb_result_problem *problem, size_t threads) {
    return gb_result_best_peer(problem->rows, result->n_variants, threads);
}

void gb_report_problem(const struct gb_report *report, const struct gb_result *result) {
    (report->details ? gb_report_block : gb_report_row)(report, result, &result->problems[result->n_run - 1]);
    fflush(report->out);
}
