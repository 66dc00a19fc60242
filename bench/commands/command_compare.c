#include "command_compare.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "compare_builds.h"
#include "environment.h"
#include "json_schema.h"
#include "message.h"
#include "options.h"
#include "result_file.h"
#include "terminal.h"

enum { BUILD_ROUNDS = 101 };

static const char *const side_names[GB_SIDES] = {"base", "new"};

int gb_conclude_comparison(const struct gb_report *report, const struct gb_comparison *c, enum gb_measured measured,
                           const char *const names[GB_SIDES], const struct gb_compare_rules *rules) {
    gb_report_comparison(report, c, measured, names);
    if (rules->json) {
        const int code = gb_members_write(&gb_comparison_members, c, false, rules->json, true);
        if (code != GB_EXIT_OK) return code;
    }
    if (c->n_rows + c->n_failed == 0) return gb_fail(GB_EXIT_INPUT, "there is no row that both sides have with a time");
    const bool undecided = rules->require_verdict && c->inconclusive;
    return c->slower || c->n_failed || c->n_differing || undecided ? GB_EXIT_CHECK : GB_EXIT_OK;
}

int gb_compare_and_report(const struct gb_report *report, const struct gb_side sides[GB_SIDES],
                          const struct gb_compare_rules *rules) {
    struct gb_comparison *const c = calloc(1, sizeof *c);
    if (!c) return gb_fail(GB_EXIT_RESOURCE, "no memory to compare");
    c->threshold = rules->threshold;
    c->process_noise = rules->process_noise;
    c->force = rules->force;
    int code;
    if (gb_compare_sides(c, sides)) {
        code = gb_conclude_comparison(report, c, GB_MEASURED_APART, side_names, rules);
    } else if (c->memory.exhausted) code = gb_fail(GB_EXIT_RESOURCE, "no memory to compare");
    else code = gb_fail(GB_EXIT_INPUT, "a side has a row more than %d times", GB_TAKES_MAX);
    gb_comparison_free(c);
    free(c);
    return code;
}

static int read_files(struct gb_result *results, const struct gb_texts *files, size_t bases, const struct gb_report *report) {
    for (size_t i = 0; i < files->count; i++) {
        const int code = gb_result_read(&results[i], files->list[i]);
        if (code != GB_EXIT_OK) return code;
    }
    for (size_t i = 0; i < files->count; i++)
        gb_say(report, 2, "%s: %s%s", side_names[i < bases ? GB_BASE : GB_NEW], files->list[i],
               results[i].complete ? "" : " (of a run that did not end)");
    return GB_EXIT_OK;
}

static int compare_files(const struct gb_report *report, const struct gb_texts *files, size_t bases,
                         const struct gb_compare_rules *rules) {
    struct gb_result *const results = calloc(files->count, sizeof *results);
    int code = results ? read_files(results, files, bases, report) : gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    if (code == GB_EXIT_OK) {
        const struct gb_side sides[GB_SIDES] = {{results, bases}, {results + bases, files->count - bases}};
        code = gb_compare_and_report(report, sides, rules);
    }
    for (size_t i = 0; i < files->count && results; i++) gb_result_free(&results[i]);
    free(results);
    return code;
}

/* Options of run that choose what is raced and how. */
static bool is_taken(const char *option) {
    static const char *const taken[] = {"workload", "shape",    "draw",      "kernels",    "isa",  "threads", "dtype",
                                        "rounds",   "max-time", "precision", "peer-limit", "seed", "quick",   "bind"};
    size_t i = 0;
    while (i < sizeof taken / sizeof *taken && strcmp(option, taken[i]) != 0) i++;
    return i < sizeof taken / sizeof *taken;
}

static size_t add_run_flags(struct gb_run_options *o, struct gb_flag *flags) {
    struct gb_flag all[GB_RUN_FLAGS_MAX];
    const size_t of = gb_run_flags(o, all);
    size_t count = 0;
    for (size_t i = 0; i < of; i++) {
        if (!is_taken(all[i].name)) continue;
        if (all[i].target == &o->rounds) all[i].help = "at most (default: 101; with --precision 1001)";
        flags[count++] = all[i];
    }
    return count;
}

static bool is_given(const struct gb_flag *flag) {
    switch (flag->kind) {
    case GB_FLAG_SWITCH: return *(const bool *)flag->target;
    case GB_FLAG_COUNT: return *(const uint64_t *)flag->target != 0;
    case GB_FLAG_REAL: return *(const double *)flag->target > 0;
    case GB_FLAG_TEXTS: return ((const struct gb_texts *)flag->target)->count > 0;
    case GB_FLAG_WORD:
    case GB_FLAG_TEXT: break;
    }
    return *(const char *const *)flag->target;
}

/* Two builds are raced on one machine, in the same rounds. */
static bool is_for_files(const char *option) { return strcmp(option, "force") == 0 || strcmp(option, "process-noise") == 0; }

static int compare_both(const struct gb_report *report, const struct gb_texts *words, struct gb_run_options *options,
                        const struct gb_compare_rules *rules) {
    if (words->count != GB_SIDES)
        return gb_fail(GB_EXIT_USAGE, "compare --build takes two builds, OLD NEW (see gradbench compare --help)");
    if (options->rounds == 0 && options->precision <= 0 && !options->quick) options->rounds = BUILD_ROUNDS;
    gb_run_defaults(options);
    if (options->plan.seed == 0) options->plan.seed = 1;
    return gb_compare_builds(report, words->list, options, rules);
}

int gb_command_compare(int argc, char **argv) {
    struct gb_run_options run = {.quick = false};
    struct gb_compare_rules rules = {.force = false};
    struct gb_texts words = {.count = 0};
    size_t bases = SIZE_MAX;
    double percent = 0, process_percent = 0;
    bool build = false, details = false, schema = false;
    struct gb_flag options[GB_RUN_FLAGS_MAX] = {
        {"threshold", GB_FLAG_REAL, &percent, "PERCENT", .help = "a difference up to this is none (default: 3)", .low = 0.01,
         .high = 1000},
        {"process-noise", GB_FLAG_REAL, &process_percent, "PERCENT",
         .help = "files: nor is one up to this, where a side has a row of one process only (default: 10)", .low = 0.01,
         .high = 1000},
        {"force", GB_FLAG_SWITCH, &rules.force, .help = "files: verdicts also where the machines or settings are not the same"},
        {"require-verdict", GB_FLAG_SWITCH, &rules.require_verdict, .help = "what is inconclusive makes the exit code 1, too"},
        {"json", GB_FLAG_TEXT, &rules.json, "FILE",
         .help = "writes the comparison there too; - is standard output, the table then goes to standard error"},
        {"schema", GB_FLAG_SWITCH, &schema, .help = "prints the JSON Schema of that file, and compares nothing"},
        {"details", GB_FLAG_SWITCH, &details, .help = "all rows, also those that are the same"},
        {"wide", GB_FLAG_SWITCH, &run.wide, .help = "all columns, however wide the terminal (or COLUMNS) is"},
        {"no-color", GB_FLAG_SWITCH, &run.no_color, .help = "plain text on a terminal (NO_COLOR does it too)"},
        {"build", GB_FLAG_SWITCH, &build,
         .help = "races two builds instead, OLD and NEW: paths of their gradbench or libgradkern.so; with:"},
    };
    enum { OWN = 10 };
    const struct gb_syntax syntax = {
        .command = "compare",
        .options = options,
        .n_options = OWN + add_run_flags(&run, options + OWN),
        .operand = "BASE NEW, or BASE... -- NEW..., or --build OLD NEW",
        .operands = &words,
        .split = &bases,
        .summary = "Says which rows of results (of gradbench run --json) are slower or faster than in others.",
        .notes =
            "A ratio is the base's median time over the new one's: above 1 the new one is faster. Its 95 % interval is\n"
            "made of order statistics of both sides' samples: exact, whatever their distribution. Faster or slower is said\n"
            "only where all of it is further from 1 than the threshold and the noise, and a rank sum test over all rows\n"
            "(Holm) agrees. Where a row is slower, or wrong, the exit code is 1.\n\n"
            "Two files were measured one after the other, and what happened to one of them is not in its samples. The\n"
            "noise of a row is the most of: how far one variant timed twice came out in either file; how far ref moved on\n"
            "the same problem (it is compared itself only where it is alone); three standard deviations of all rows' ratios\n"
            "around that of most rows, from ten rows on; --process-noise where a side has measured the row in one process\n"
            "only: memory lies elsewhere in each. Rows of peers are left out.\n\n"
            "Of several files a side, or processes (run --repeat), the interval spans those of all, and each of the base has\n"
            "to differ from each of the new ones; from 7 a side on each counts as one sample. Measure both sides in turn. No\n"
            "verdict is given where machines, cores, threads, binding, instruction sets or the floating-point state differ\n"
            "(--force gives it).\n\n"
            "--build is better where both builds are at hand, as programs or as libraries: each round times both, process\n"
            "against process, on the same operands. A ratio is then the median of those of the rounds, and a sign test over\n"
            "the rounds takes the place of the rank sum test. Three races share the rounds, each of new processes; what came\n"
            "out slower or faster is raced twice more, and has to come out so again. A row whose results differ in bits makes\n"
            "the exit code 1. Default: all instruction sets but ref. A library's argument structs must be those of this\n"
            "gradbench. bench/compare-revisions builds and does this."};
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    if (schema) return gb_json_schema(stdout, &gb_comparison_members);
    rules.threshold = percent > 0 ? percent / 100 : GB_VERDICT_THRESHOLD;
    rules.process_noise = process_percent > 0 ? process_percent / 100 : GB_PROCESS_NOISE;
    const bool json_out = rules.json && strcmp(rules.json, "-") == 0;
    FILE *const out = json_out ? stderr : stdout;
    const struct gb_report report = {.out = out,
                                     .details = details,
                                     .width = run.wide ? 0 : gb_report_width(out),
                                     .color = !run.no_color && !gb_environment_get("NO_COLOR") && gb_is_terminal(fileno(out))};
    for (size_t i = 0; i < syntax.n_options; i++)
        if (is_given(&options[i]) && (build ? is_for_files(options[i].name) : i >= OWN))
            return gb_fail(GB_EXIT_USAGE, "--%s is for %s (see gradbench compare --help)", options[i].name,
                           build ? "files" : "--build");
    if (bases == SIZE_MAX && words.count == 2) bases = 1;
    if (!build && (bases == 0 || bases >= words.count))
        return gb_fail(GB_EXIT_USAGE, "compare takes two files, or BASE... -- NEW... (see gradbench compare --help)");
    if (rules.json && !json_out && (code = gb_result_file_try(&gb_real_files, rules.json)) != GB_EXIT_OK) return code;
    return build ? compare_both(&report, &words, &run, &rules) : compare_files(&report, &words, bases, &rules);
}
