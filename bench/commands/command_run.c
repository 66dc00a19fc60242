#include "command_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baselines.h"
#include "call.h"
#include "command_compare.h"
#include "commands.h"
#include "interrupt.h"
#include "machine.h"
#include "message.h"
#include "process_path.h"
#include "race.h"
#include "report_table.h"
#include "result_file.h"
#include "result_fill.h"
#include "run_again.h"
#include "run_dry.h"
#include "run_progress.h"
#include "run_repeat.h"
#include "run_resume.h"
#include "run_settings.h"
#include "terminal.h"
#include "text.h"

#define QUICK_SECONDS 7.0  /* after which no problem starts, unless it was asked for by its shape */
#define SAVE_SHARE    0.05 /* of the time, that writing the result file may take before the end */

#define HUGE_ENOUGH 0.9 /* of the operands' memory in huge pages, where they are asked for */

/* What a run builds up. */
struct run {
    const struct gb_run_effects *effects;
    const struct gb_run_options *options;
    struct gb_plan plan;
    struct gb_race race;
    struct gb_counters counters; /* where they are asked for */
    struct gb_roofs roofs;
    struct gb_warnings warnings;
    struct gb_outcome *outcomes;
    size_t count;
    struct gb_result result, baseline;
    struct gb_resume resume;              /* keeps: NULL: it begins anew */
    const struct gb_result_context *past; /* of a run of which all is kept: nothing is measured here; NULL: it is */
    size_t processes;                     /* of --repeat, that came to their end */
    int found;                            /* the exit code of these */
    struct gb_result_roof *printed;       /* roofs as they were before the first problem */
    size_t told;                          /* warnings, likewise */
    struct gb_report report;
    double start;
    char json[GB_PATH_MAX]; /* the result file; "": none */
    char settings[2000];    /* as they are said */
    double next_save;       /* not before */
    int saved;              /* the exit code of the last write of the result file */
};

static double now(const struct run *run) { return gb_clock_read(run->effects->measuring->clock); }

static int measure_roofs(struct run *run, struct gb_binding *binding) {
    run->roofs.n_threads = run->plan.n_threads;
    memcpy(run->roofs.threads, run->plan.threads, sizeof run->roofs.threads);
    memcpy(run->roofs.isas, run->plan.isas, sizeof run->roofs.isas);
    memcpy(run->roofs.dtypes, run->plan.dtypes, sizeof run->roofs.dtypes);
    const size_t effort = run->options->quick ? 3 : 7;
    if (run->effects->measure_roofs(&run->roofs, binding, effort, &run->warnings)) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "no memory to measure roofs");
}

static bool is_complete(const struct run *run) { return !gb_caught && run->result.n_run == run->plan.n_tasks; }

static int write_result(struct run *run, bool last) {
    gb_fill_date(&run->result);
    run->result.complete = last && is_complete(run);
    return gb_result_write(&run->result, run->json, last);
}

/* After each problem, so that a run that is killed loses one. The file is written anew each time; where it is so large that
 * this would take more than its share of the time, there are several problems between two writes. */
static void save(struct run *run) {
    const char *const path = run->json;
    const double start = now(run);
    if (!*path || strcmp(path, "-") == 0 || start < run->next_save || !gb_result_file_again(&gb_real_files, path)) return;
    gb_fill_roofs(&run->result, &run->roofs);
    run->saved = write_result(run, false);
    const double end = now(run);
    run->next_save = end + (end - start) / SAVE_SHARE;
}

/* Nobody reads the report any more: the run ends as by a signal. */
static void stop_if_unread(const struct run *run) {
    if (!gb_caught && gb_reader_is_gone(run->report.out)) gb_caught = SIGPIPE;
}

static int take_outcome(struct run *run, const struct gb_outcome *outcome) {
    gb_fill_outcome(&run->result, &run->plan, outcome);
    if (run->result.exhausted) return gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    gb_report_problem(&run->report, &run->result);
    run->effects->warn_company(&run->warnings);
    stop_if_unread(run);
    save(run);
    return GB_EXIT_OK;
}

static int note_no_memory(struct run *run, const struct gb_task *task) {
    char why[300];
    snprintf(why, sizeof why, "no memory for %s %.200s", gk_kernel_get(task->spec.kernel)->name, task->workload);
    gb_fill_no_memory(&run->result, &run->plan, task, why);
    return gb_fail(GB_EXIT_RESOURCE, "%s", why);
}

/* Where there is one NUMA node, or threads move, nobody need touch a page before it is filled. */
static struct gb_placing placing_of(const struct run *run, const struct gb_binding *binding) {
    const size_t threads = run->plan.threads[run->plan.n_threads - 1];
    const bool apart = binding && threads > 1 && gb_machine_get()->numa_nodes > 1;
    return (struct gb_placing){.huge_pages = gb_run_huge_pages(run->options), .threads = apart ? threads : 0};
}

static struct gb_harness harness_of(struct run *run, struct gb_binding *binding) {
    const struct gb_run_options *const o = run->options;
    return (struct gb_harness){
        .effects = run->effects->measuring,
        .plan = &run->plan,
        .roofs = &run->roofs,
        .binding = binding,
        .placing = placing_of(run, binding),
        .caches = gb_machine_get()->caches,
        .counters = o->counters ? &run->counters : NULL,
        .rounds = o->rounds,
        .sample_ns = o->quick ? 0.1e6 : 1e6,
        .budget_ns = o->max_time * 1e9,
        .precision = o->precision / 100,
        .limit_ns = o->peer_limit * 1e9,
        .judge = run->race.judge,
        .seed = o->plan.seed,
        .stop = &gb_caught,
    };
}

static int run_tasks(struct run *run, struct gb_binding *binding) {
    const struct gb_run_options *const o = run->options;
    struct gb_run_progress progress;
    struct gb_harness harness = harness_of(run, binding);
    gb_run_progress_start(&progress, &harness, run->resume.keeps, "", 1);
    int code = GB_EXIT_OK;
    for (size_t i = 0; i < run->plan.n_tasks && code == GB_EXIT_OK && run->saved == GB_EXIT_OK; i++) {
        const bool kept = run->resume.keeps && run->resume.keeps[i];
        if (gb_caught && !run->past) break;
        if (kept) {
            gb_resume_fill(&run->resume, &run->result, &run->plan, i);
            if (run->result.exhausted) code = gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
            else gb_report_problem(&run->report, &run->result);
        }
        if (kept || run->past) continue;
        if (o->quick && o->plan.shapes.count == 0 && now(run) - run->start > QUICK_SECONDS * 1e9) break;
        gb_run_progress_next(&progress, i);
        struct gb_outcome *const outcome = &run->outcomes[run->count];
        const bool good = run->effects->run(&harness, &run->plan.tasks[i], outcome);
        gb_run_progress_end(&progress);
        if (good && !(gb_caught && outcome->rounds == 0)) {
            run->count++;
            code = take_outcome(run, outcome);
            continue;
        }
        gb_outcome_free(outcome);
        if (!good) code = note_no_memory(run, &run->plan.tasks[i]); /* else it was cut off */
    }
    return code;
}

/* OpenMP's own settings, or a limit on threads or memory, can leave a call fewer threads than it asked for. */
static void warn_fewer_threads(struct run *run) {
    size_t fewer = 0;
    for (size_t k = 0; k < run->count; k++)
        for (size_t i = 0; i < run->plan.n_variants; i++) fewer += gb_had_fewer_threads(&run->outcomes[k].measures[i]);
    char cells[40];
    if (fewer)
        gb_warn(&run->warnings,
                "%s had fewer threads than asked for, and no verdict: OMP_THREAD_LIMIT, OMP_DYNAMIC, or a limit of this system",
                gb_count_text(fewer, "cell", cells, sizeof cells));
}

/* Memory in small pieces has none to give. */
static void warn_few_huge_pages(struct run *run) {
    size_t few = 0;
    for (size_t k = 0; k < run->count; k++) few += run->outcomes[k].huge < HUGE_ENOUGH;
    char problems[40];
    if (few)
        gb_warn(&run->warnings, "of %s less than %.0f %% was in huge pages, with --huge-pages on",
                gb_count_text(few, "problem", problems, sizeof problems), 100 * HUGE_ENOUGH);
}

/* Warns of what went on during the run. */
static void look_back(struct run *run, struct gb_binding *binding, const struct gb_pulse *before) {
    if (run->past) return;
    struct gb_warnings ignored = {.count = 0};
    struct gb_roofs *const after = run->options->quick || gb_caught ? NULL : malloc(sizeof *after);
    if (after) {
        *after = run->roofs;
        if (run->effects->measure_roofs(after, binding, 5, &ignored)) gb_roofs_warn_moved(&run->roofs, after, &run->warnings);
        free(after);
    }
    warn_fewer_threads(run);
    warn_few_huge_pages(run);
    run->effects->warn_company(&run->warnings);
    if (binding && !run->effects->binding_works(binding)) gb_warn(&run->warnings, "not every thread could be bound");
    const struct gb_pulse now = run->effects->pulse();
    gb_pulse_warn(&run->warnings, before, &now);
}

/* Before threads are bound: a child gets the cores that this thread has. */
static int start_race(struct run *run) {
    const struct gb_run_options *const o = run->options;
    const struct gb_effects *const effects = run->effects->measuring;
    gb_interrupt_catch(effects->clock);
    const int code = gb_race_start(&run->race, effects, &run->plan, gb_run_bind(o), o->peer_limit * 1e9, &gb_caught);
    run->start = now(run);
    return code;
}

/* All processes of --repeat, whose results are kept as if a run before had left them. The load of one is not told as that of
 * others: what is to be said of this machine is said by who comes first. */
static int repeat(struct run *run) {
    struct gb_resume *const resume = &run->resume;
    gb_interrupt_catch(run->effects->measuring->clock);
    gb_environment_warn(&run->warnings, run->plan.threads[run->plan.n_threads - 1], gb_run_bind(run->options));
    run->found = gb_repeat_run(run->options, run->effects->again, &resume->file, &run->processes);
    if (run->found > GB_EXIT_CHECK || run->processes == 0) return run->found;
    resume->file.complete = true; /* no problem of it was cut off */
    gb_repeat_recall(&run->race, &run->plan, &resume->file.context);
    return GB_EXIT_OK;
}

/* What a run of which all is kept found out about where it was. */
static void recall(struct run *run) {
    const struct gb_result_context *const past = run->past;
    struct gb_result_context *const c = &run->result.context;
    c->roofs = past->roofs, c->n_roofs = past->n_roofs;
    c->counters = past->counters, c->n_counters = past->n_counters;
    if (past->bind) c->bind = past->bind;
    for (size_t i = 0; i < past->n_warnings; i++) gb_warn_once(&run->warnings, past->warnings[i]);
}

/* What the file holds is not run again. */
static int keep(struct run *run) {
    struct gb_resume *const resume = &run->resume;
    char problems[40];
    if (run->options->repeat) resume->file.context.settings = run->result.context.settings; /* those of each process */
    const int code = gb_resume_check(resume, run->json, &run->result, &run->plan);
    if (code != GB_EXIT_OK) return code;
    if (run->options->repeat || resume->kept == run->plan.n_tasks) run->past = &resume->file.context;
    if (run->past) recall(run);
    else if (resume->kept)
        gb_warn(&run->warnings, "%zu of %s were kept from %.60s, and are held against the roofs of then", resume->kept,
                gb_count_text(run->plan.n_tasks, "problem", problems, sizeof problems), resume->file.context.date);
    return code;
}

/* Before the first problem. */
static int look_here(struct run *run, struct gb_binding *binding) {
    gb_environment_warn(&run->warnings, run->plan.threads[run->plan.n_threads - 1], gb_run_bind(run->options));
    if (!binding && gb_run_bind(run->options) != GB_BIND_NONE)
        gb_warn(&run->warnings, "hwloc cannot bind threads: they may move between cores");
    if (gb_run_huge_pages(run->options) == GB_HUGE_ON && gb_huge_pages_never(""))
        gb_warn(&run->warnings, "--huge-pages on makes none: this system has none to give (" GB_HUGE_PAGES_FILE ")");
    const int code = measure_roofs(run, binding);
    if (code == GB_EXIT_OK) gb_fill_roofs(&run->result, &run->roofs);
    return code;
}

/* What is known before the first problem. */
static int prepare(struct run *run, struct gb_binding *binding) {
    struct gb_result *const result = &run->result;
    gb_fill_plan(result, &run->plan, run->options->plan.seed);
    gb_fill_peers(result, &run->race);
    result->context.settings =
        gb_result_text(result, gb_run_settings(run->options, &run->plan, run->settings, sizeof run->settings));
    if (run->options->counters) gb_fill_counters(result, &run->counters);
    result->context.bind = gb_bind_words[binding ? gb_run_bind(run->options) : GB_BIND_NONE];
    result->context.huge_pages = gb_huge_pages_words[gb_run_huge_pages(run->options)];
    if (result->exhausted) return gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    const int kept = run->options->resume || run->processes ? keep(run) : GB_EXIT_OK;
    if (kept != GB_EXIT_OK) return kept;
    gb_report_header(&run->report, result, run->plan.source, run->options->rounds, run->processes);
    if (run->past && !run->processes)
        gb_say(&run->report, 2, "all problems were kept from %.60s: nothing was measured", run->past->date);
    gb_report_race(&run->report, result);
    gb_report_counters(&run->report, result);
    const int code = run->past ? GB_EXIT_OK : look_here(run, binding);
    if (code != GB_EXIT_OK) return code;
    gb_fill_warnings(result, &run->warnings);
    run->printed = gb_result_alloc(result, result->context.n_roofs, sizeof *run->printed);
    if (!result->exhausted) memcpy(run->printed, result->context.roofs, result->context.n_roofs * sizeof *run->printed);
    run->told = result->context.n_warnings;
    gb_report_warnings(&run->report, result, 0);
    gb_report_roofs(&run->report, result);
    stop_if_unread(run);
    return result->exhausted ? gb_fail(GB_EXIT_RESOURCE, "no memory for the results") : GB_EXIT_OK;
}

/* What is known after the last one. */
static void conclude(struct run *run) {
    struct gb_result *const result = &run->result;
    for (size_t i = 0; i < run->count; i++) {
        gb_outcome_share(&run->outcomes[i], &run->plan, &run->roofs);
        gb_fill_shares(result, &run->plan, &run->outcomes[i]);
    }
    if (!run->past) gb_fill_roofs(result, &run->roofs);
    gb_fill_warnings(result, &run->warnings);
    gb_report_footer(&run->report, result);
    gb_report_raised_roofs(&run->report, run->printed, result);
    if (run->options->quick && run->result.n_run < run->plan.n_tasks && !gb_caught)
        gb_say(&run->report, 2, "--quick starts no problem after %.0f s, and leaves the rest out", QUICK_SECONDS);
    gb_report_warnings(&run->report, result, run->told);
    gb_report_again(&run->report, result, gb_run_settings(run->options, NULL, run->settings, sizeof run->settings));
    if (*run->json && run->saved == GB_EXIT_OK) run->saved = write_result(run, true);
}

static int compare_with_baseline(const struct run *run) {
    const struct gb_side sides[GB_SIDES] = {{&run->baseline, 1}, {&run->result, 1}};
    const struct gb_compare_rules rules = {.threshold = GB_VERDICT_THRESHOLD, .process_noise = GB_PROCESS_NOISE};
    gb_say(&run->report, 2, "\nbase: the baseline %s; new: this run", run->options->vs);
    return gb_compare_and_report(&run->report, sides, &rules);
}

static void say_interrupted(const struct run *run) {
    const size_t repeat = (size_t)run->options->repeat;
    char problems[40];
    if (!gb_caught || gb_caught == SIGPIPE) return;
    if (repeat) gb_note("interrupted, %zu of %zu processes", run->processes, repeat);
    else
        gb_note("interrupted, %zu of %s", run->result.n_run,
                gb_count_text(run->plan.n_tasks, "problem", problems, sizeof problems));
}

static int measure(struct run *run, struct gb_binding *binding) {
    const struct gb_pulse before = run->effects->pulse();
    int code = prepare(run, binding);
    if (code != GB_EXIT_OK) return code;
    code = run_tasks(run, binding);
    gb_race_end(&run->race);
    look_back(run, binding, &before);
    conclude(run);
    say_interrupted(run);
    if (code != GB_EXIT_OK) return code;
    if (run->saved != GB_EXIT_OK || gb_caught) return run->saved;
    if (run->count) code = gb_race_judge(&run->race, &run->plan, run->outcomes, run->count);
    else code = run->found;
    const int compared = run->options->vs ? compare_with_baseline(run) : GB_EXIT_OK;
    if (gb_count_cells(&run->result).failed) return GB_EXIT_CHECK;
    return code == GB_EXIT_OK ? compared : code;
}

static int run_plan(struct run *run) {
    const bool measures = !run->options->repeat, counts = measures && run->options->counters;
    if (counts) gb_counters_open(&run->counters, run->effects->perf);
    struct gb_binding *const binding = measures ? run->effects->binding_create(gb_run_bind(run->options)) : NULL;
    run->outcomes = calloc(run->plan.n_tasks, sizeof *run->outcomes);
    int code = run->outcomes ? (measures ? start_race : repeat)(run) : gb_fail(GB_EXIT_RESOURCE, "no memory for the results");
    if (!measures && run->processes == 0) say_interrupted(run);
    else if (code == GB_EXIT_OK) code = measure(run, binding);
    gb_race_free(&run->race);
    for (size_t i = 0; i < run->count; i++) gb_outcome_free(&run->outcomes[i]);
    free(run->outcomes);
    if (binding) run->effects->binding_destroy(binding);
    if (counts) gb_counters_close(&run->counters);
    gb_result_free(&run->result);
    return code;
}

/* Peers count as if all of them were here: none is started. */
static void dry_run(struct run *run) {
    for (size_t i = 0; i < run->race.count; i++)
        for (size_t t = 0; t < run->plan.n_threads; t++)
            gb_plan_add_peer(&run->plan, run->race.list[i].entry.name, run->plan.threads[t]);
    const struct gb_harness harness = harness_of(run, NULL);
    gb_run_dry(&run->report, &harness, run->race.count > 0, run->options->repeat ? run->options->repeat : 1);
}

static size_t last_cache(void) {
    const struct gk_caches *const caches = &gb_machine_get()->caches;
    return caches->l3 ? caches->l3 : caches->l2;
}

static bool reads_input(const struct gb_run_options *options) {
    for (size_t i = 0; i < options->plan.workloads.count; i++)
        if (strcmp(options->plan.workloads.list[i], "-") == 0) return true;
    return false;
}

static int start(const struct gb_run_effects *effects, const struct gb_run_options *options) {
    const bool json_out = options->json && strcmp(options->json, "-") == 0;
    struct run *const run = calloc(1, sizeof *run);
    if (!run) return gb_fail(GB_EXIT_RESOURCE, "no memory");
    gb_interrupt_ignore();
    run->effects = effects;
    run->options = options;
    run->report.out = json_out ? stderr : stdout;
    run->report.details = options->details;
    run->report.width = options->wide ? 0 : gb_report_width(run->report.out);
    run->report.color = !options->no_color && !gb_environment_get("NO_COLOR") && gb_is_terminal(fileno(run->report.out));
    int code = gb_environment_check();
    if (options->resume && (!options->json || json_out)) code = gb_fail(GB_EXIT_USAGE, "--resume needs a file (--json FILE)");
    if (options->repeat && options->resume) code = gb_fail(GB_EXIT_USAGE, "--repeat begins anew: it has no --resume");
    if (code == GB_EXIT_OK && options->repeat && reads_input(options))
        code = gb_fail(GB_EXIT_USAGE, "--repeat reads its workload more than once (got --workload -, give a file)");
    if (code == GB_EXIT_OK && options->json) code = gb_process_path("json", options->json, run->json);
    if (code == GB_EXIT_OK && options->json && !json_out && !options->dry_run)
        code = gb_result_file_try(&gb_real_files, run->json);
    if (code == GB_EXIT_OK && options->resume) code = gb_resume_read(&run->resume, run->json);
    if (code == GB_EXIT_OK && options->vs) code = gb_baseline_read(&run->baseline, options->vs);
    if (code == GB_EXIT_OK) code = gb_race_choose(&run->race, options->peers, &options->peer_commands);
    const bool cold = options->cache && strcmp(options->cache, "cold") == 0;
    if (code == GB_EXIT_OK && cold && run->race.count)
        code = gb_fail(GB_EXIT_USAGE, "--cache cold races no peers: a contender has one set of operands");
    if (code == GB_EXIT_OK && run->race.count && gb_run_huge_pages(options) != GB_HUGE_AUTO)
        code = gb_fail(GB_EXIT_USAGE, "--huge-pages %s races no peers: of the memory that they share shmem_enabled decides",
                       options->huge_pages);
    if (code == GB_EXIT_OK) code = gb_plan_make(&run->plan, &options->plan);
    run->plan.cold = cold ? last_cache() : 0;
    if (code == GB_EXIT_OK) code = gb_plan_check(&run->plan, run->race.count > 0, gb_memory_available());
    if (code == GB_EXIT_OK && options->dry_run) dry_run(run);
    else if (code == GB_EXIT_OK) code = run_plan(run);
    gb_plan_free(&run->plan);
    gb_result_free(&run->baseline);
    gb_resume_free(&run->resume);
    free(run);
    return code;
}

size_t gb_run_flags(struct gb_run_options *o, struct gb_flag flags[GB_RUN_FLAGS_MAX]) {
    static const char *const caches[] = {"hot", "cold", NULL};
    const struct gb_flag all[] = {
        {"workload", GB_FLAG_TEXTS, &o->plan.workloads, "NAME",
         .help = "a workload of gradbench list, a file, or - for standard input; may be repeated (default: default)"},
        {"shape", GB_FLAG_TEXTS, &o->plan.shapes, "LINE",
         .help = "a line of a workload: \"affine n=256 d=768 m=3072\", or with sweeps (below); may be repeated"},
        {"draw", GB_FLAG_COUNT, &o->plan.draw, "N",
         .help = "so many problems at random, by the seed, in turn of each family that --kernels leaves", .low = 1,
         .high = GB_DRAW_MAX},
        {"kernels", GB_FLAG_TEXT, &o->plan.kernels, "LIST",
         .help = "kernels, families or globs (affine_d*), separated by commas (default: all)"},
        {"isa", GB_FLAG_TEXT, &o->plan.isa, "LIST", .help = "instruction sets (default: all that this CPU runs)"},
        {"threads", GB_FLAG_TEXT, &o->plan.threads, "LIST",
         .help = "thread counts, 1..4 and 1..64*2 are several (default: 1,all)"},
        {"dtype", GB_FLAG_TEXT, &o->plan.dtype, "LIST", .help = "f32, f64 or both, for lines that do not say (default: f32)"},
        {"peers", GB_FLAG_TEXT, &o->peers, "LIST",
         .help = "who races gradkern: none, or auto (whoever is here), all, names of gradbench list peers (default: none)"},
        {"peer", GB_FLAG_TEXTS, &o->peer_commands, "NAME=COMMAND",
         .help = "a program that speaks the protocol of PEERS.md races too; may be repeated"},
        {"peer-limit", GB_FLAG_REAL, &o->peer_limit, "SECONDS",
         .help = "a peer that owes an answer for so long is out of the race (default: 60)", .low = 0.01, .high = 1e6},
        {"rounds", GB_FLAG_COUNT, &o->rounds, "N", .help = "at most (default: 31; with --precision 1001)", .low = GB_ROUNDS_MIN,
         .high = GB_ROUNDS_MAX},
        {"precision", GB_FLAG_REAL, &o->precision, "PERCENT",
         .help = "rounds end where half of each 95 % interval is at most so much of its median; verdicts end nothing",
         .low = 0.01, .high = 100},
        {"max-time", GB_FLAG_REAL, &o->max_time, "SECONDS",
         .help = "a problem starts no round after this, but for the first 6 (default: 1.5)", .low = 0.001, .high = 1e6},
        {"cache", GB_FLAG_WORD, &o->cache, "STATE",
         .help = "hot, or cold: calls take copies of the operands in turn, more than the last cache holds (default: hot)",
         .words = caches},
        {"repeat", GB_FLAG_COUNT, &o->repeat, "P",
         .help = "P processes, one after the other, whose operands begin elsewhere: a verdict has to come out in each",
         .low = 2, .high = GB_PROCESSES_MAX},
        {"shift", GB_FLAG_COUNT, &o->plan.shift, "N",
         .help = "the first operand starts N cache lines (64 bytes) further on, the second 2 N, and so on (default: 0)",
         .low = 0, .high = 4095},
        {"seed", GB_FLAG_COUNT, &o->plan.seed, "N", .help = "of contents and orders (default: 1)", .low = 0, .high = 0x1p53},
        {"json", GB_FLAG_TEXT, &o->json, "FILE",
         .help = "writes the results there too; - is standard output, the table then goes to standard error"},
        {"resume", GB_FLAG_SWITCH, &o->resume,
         .help = "goes on where the run that wrote the file of --json was; what the file holds is not run again"},
        {"vs", GB_FLAG_TEXT, &o->vs, "NAME",
         .help = "ends with a comparison with that baseline; where something is slower the exit code is 1"},
        {"quick", GB_FLAG_SWITCH, &o->quick, .help = "under 10 s: the workload smoke, short samples, 11 rounds"},
        {"details", GB_FLAG_SWITCH, &o->details, .help = "a block a problem, with every interval and ratio, instead of a row"},
        {"counters", GB_FLAG_SWITCH, &o->counters,
         .help = "what the CPU and the kernel count in a call, into the file and --details: cycles, instructions, misses"},
        {"wide", GB_FLAG_SWITCH, &o->wide, .help = "all columns, however wide the terminal (or COLUMNS) is"},
        {"dry-run", GB_FLAG_SWITCH, &o->dry_run,
         .help = "says what would be run, with its memory and about its time, and measures nothing"},
        {"bind", GB_FLAG_WORD, &o->bind, "WHERE",
         .help = "core: each thread to a core; pu: to a hardware thread, of each core one first; none (default: core)",
         .words = gb_bind_words},
        {"huge-pages", GB_FLAG_WORD, &o->huge_pages, "WHEN",
         .help = "operands in huge pages: on, off, or auto, as the system does it; not with peers (default: auto)",
         .words = gb_huge_pages_words},
        {"no-color", GB_FLAG_SWITCH, &o->no_color, .help = "plain text on a terminal (NO_COLOR does it too)"},
    };
    _Static_assert(sizeof all / sizeof *all <= GB_RUN_FLAGS_MAX, "there is room for all");
    memcpy(flags, all, sizeof all);
    return sizeof all / sizeof *all;
}

static bool parse(struct gb_run_options *o, int argc, char **argv, int *code) {
    struct gb_flag options[GB_RUN_FLAGS_MAX];
    char notes[4096];
    const struct gb_syntax syntax = {
        .command = "run",
        .options = options,
        .n_options = gb_run_flags(o, options),
        .summary =
            "Verifies each kernel, instruction set and thread count on each problem, then times them in interleaved rounds.",
        .notes = notes};
    snprintf(
        notes, sizeof notes, "%s%s%s",
        "A LINE is a kernel or family, the sizes of its dimensions, and options that it has; what run and check print\n"
        "of a problem is one. A size may be several: n=10,50,100 or n=64..4096*2 (times 2) or n=10..100+10 or n=1..8,\n"
        "up to 1000; each combination is a problem. name=WORD is what the report calls it. \"accumulate\" is short for\n"
        "accumulate=1, \"f64\" for dtype=f64. Options:\n",
        gb_options_help(false),
        "\n--json FILE is replaced after each problem, with \"complete\": false until the end (with --repeat at the end "
        "alone). In\n"
        "its name %h is the host's, %p the rank of the process, of MPI or Slurm, else its number, and %% a percent sign.\n\n"
        "A peer that is named and is absent, gone or wrong, or does none of the problems, makes the\n"
        "exit code 1; those of auto and all do not.\n\n"
        "A ratio is the median over rounds of one time over the other's, with its 95 % interval. Faster or slower is\n"
        "said only where the whole interval is further from 1 than 3 %, and than one variant timed twice came out.\n\n"
        "A round is dropped, for all variants alike, where the system shows why: the hypervisor took time (steal), a thread\n"
        "was made to wait for another program (involuntary switches, calls of this process), it moved to another core\n"
        "(migration, with --bind none). Another follows. Where fewer than 6 would be left all count, and the end says so.\n\n"
        "With --repeat a process knows nothing of the others, and its operands, peers' too, begin at other cache lines\n"
        "(--shift N runs one of them again). Faster or slower is said where each process says so. The interval of a time\n"
        "or ratio spans those of all; from 6 processes on it is that of their medians.");
    return gb_options_parse(&syntax, argc, argv, code);
}

/* Of a word among those of an option. */
static int index_of(const char *word, const char *const *words) {
    int i = 0;
    while (strcmp(word, words[i]) != 0) i++;
    return i;
}

enum gb_bind gb_run_bind(const struct gb_run_options *options) {
    return options->bind ? (enum gb_bind)index_of(options->bind, gb_bind_words) : GB_BIND_CORE;
}

enum gb_huge_pages gb_run_huge_pages(const struct gb_run_options *options) {
    return options->huge_pages ? (enum gb_huge_pages)index_of(options->huge_pages, gb_huge_pages_words) : GB_HUGE_AUTO;
}

void gb_run_defaults(struct gb_run_options *o) {
    o->plan.default_workload = o->quick ? "smoke" : "default";
    if (o->rounds == 0) o->rounds = o->precision > 0 ? GB_ROUNDS_MAX : o->quick ? 11 : 31;
    if (o->peer_limit == 0) o->peer_limit = 60;
    if (o->max_time == 0) o->max_time = o->quick ? 0.05 : 1.5;
}

bool gb_run_takes(int argc, char **argv, int *code) {
    struct gb_run_options options = {.quick = false};
    return parse(&options, argc, argv, code);
}

int gb_run_by(const struct gb_run_effects *effects, int argc, char **argv) {
    struct gb_run_options options = {.plan = {.seed = 1}};
    int code;
    if (!parse(&options, argc, argv, &code)) return code;
    gb_run_defaults(&options);
    if (options.repeat && !(options.words = gb_repeat_words(&options, argc, argv)))
        return gb_fail(GB_EXIT_RESOURCE, "no memory");
    code = start(effects, &options);
    free(options.words);
    return gb_interrupt_end(code);
}

int gb_command_run(int argc, char **argv) {
    static const struct gb_run_effects real = {
        .measuring = &gb_real_effects,
        .binding_create = gb_binding_create,
        .binding_works = gb_binding_works,
        .binding_destroy = gb_binding_destroy,
        .perf = &gb_real_perf,
        .pulse = gb_pulse_read,
        .warn_company = gb_company_warn,
        .measure_roofs = gb_roofs_measure,
        .again = gb_run_again,
        .run = gb_harness_run,
    };
    return gb_run_by(&real, argc, argv);
}
