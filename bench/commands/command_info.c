#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "commands.h"
#include "doctor.h"
#include "info.h"
#include "json_schema.h"
#include "machine.h"
#include "message.h"
#include "null_probe.h"
#include "plan.h"
#include "report_info.h"
#include "report_table.h"
#include "result_fill.h"
#include "result_schema.h"
#include "text.h"

static void fill_machine(struct gb_info *info) {
    const struct gb_machine *const m = gb_machine_get();
    info->version = gk_version(), info->revision = gb_build_revision();
    info->compiler = gb_build_compiler(), info->flags = gb_build_flags();
    info->numerics = (size_t)gk_numerics_version();
    info->cpu = m->cpu, info->features = m->features;
    info->cores = m->cores, info->hardware_threads = m->logical, info->machine_cores = m->machine_cores;
    info->packages = m->packages, info->numa_nodes = m->numa_nodes;
    info->l1d = m->caches.l1d, info->l2 = m->caches.l2, info->l3 = m->caches.l3;
    info->cpu_quota = m->cpu_quota > 0 ? m->cpu_quota : NAN;
}

static bool matters(const char *variable) {
    static const char *const prefixes[] = {"GRADKERN_", "GRADBENCH_", "OMP_", "GOMP_", "KMP_", "HWLOC_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0) return true;
    return false;
}

static void fill_environment(struct gb_info *info) {
    extern char **environ;
    size_t all = 0;
    while (environ[all]) all++;
    info->environment = gb_result_alloc(&info->measured, all, sizeof *info->environment);
    for (size_t i = 0; i < all && info->environment; i++)
        if (matters(environ[i])) info->environment[info->n_environment++] = environ[i];
}

static void add_isa(struct gb_info *info, size_t isa, bool chosen, const char *reason) {
    info->isas[info->n_isas++] = (struct gb_info_isa){gk_isa_get(isa, GK_F32)->name, chosen, !gk_isa_unusable(isa), reason};
}

static void fill_choice(struct gb_info *info, const struct gk_context_info *choice) {
    info->isas = gb_result_alloc(&info->measured, GK_ISA_COUNT, sizeof *info->isas);
    if (info->isas) add_isa(info, choice->isa, true, choice->isa_rule);
    for (size_t i = GK_ISA_COUNT; i-- > 0 && info->isas;) {
        const char *const reason = gk_isa_unusable(i);
        if (i != choice->isa)
            add_isa(info, i, false,
                    reason ? reason : "usable, but a wider one is too; --isa or GRADKERN_ISA lowers the choice");
    }
    info->threads = choice->threads, info->threads_rule = choice->threads_rule;
}

static void fill_blocking(struct gb_info *info, const struct gk_context_info *choice) {
    const struct gk_isa *const isa = gk_isa_get(choice->isa, GK_F32);
    const size_t many = (size_t)1 << 24;
    const struct gk_gemm_shape wide = {.rows = many, .cols = many, .k = many, .a.along_k = true};
    const struct gk_gemm_plan plan = gk_gemm_plan(isa->tile, &wide, 1, &choice->caches);
    for (size_t i = 0; i < GB_INFO_EDGES && isa->edges[i]; i++) info->edges[i] = isa->edges[i];
    if (plan.way == GK_GEMM_BLOCKED) info->packed_cols = plan.block_cols, info->packed_into = choice->caches.l2;
}

static void add_plan(struct gb_info *info, const char *kernel, const struct gk_gemm_plan *plan) {
    info->plans[info->n_plans++] = (struct gb_info_plan){.kernel = kernel,
                                                         .way = gk_gemm_way_name(plan->way),
                                                         .transposed = plan->transposed,
                                                         .packs_b = plan->packs_b,
                                                         .packs_strips = plan->packs_strips,
                                                         .streams = plan->streams,
                                                         .down = plan->down,
                                                         .across = plan->across,
                                                         .tile_rows = plan->tile_rows,
                                                         .block_cols = plan->block_cols,
                                                         .rest = plan->rest};
}

/* How the kernels that are one product compute a layer that many know. */
static int fill_products(struct gb_info *info, const gk_context *ctx, const struct gk_context_info *choice) {
    struct gb_problem_spec spec = {.n = 100, .d = 784, .m = 50};
    info->n = spec.n, info->d = spec.d, info->m = spec.m;
    info->plans = gb_result_alloc(&info->measured, GK_KERNEL_COUNT, sizeof *info->plans);
    for (int id = 0; id < GK_KERNEL_COUNT && info->plans; id++) {
        const struct gk_cell *const ref = gk_isa_get(0, GK_F32)->cells[id];
        struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
        struct gb_problem problem;
        if (!ref->products) continue;
        spec.kernel = (enum gk_kernel_id)id;
        if (!gb_problem_create(&problem, &spec)) return gb_fail(GB_EXIT_RESOURCE, "no memory for a problem");
        const size_t count = ref->products(problem.args, shapes),
                     threads = gk_call_threads(ctx, spec.kernel, GK_F32, problem.args);
        const struct gk_gemm_plan plan = gk_gemm_plan(gk_isa_get(choice->isa, GK_F32)->tile, shapes, threads, &choice->caches);
        if (count == 1) add_plan(info, problem.kernel->name, &plan);
        gb_problem_destroy(&problem);
    }
    return GB_EXIT_OK;
}

enum { PROBES_MAX = 2 };

/* What is measured: roofs, and how far one kernel timed as if it were two is from itself, with what the system counted then. */
struct measured {
    struct gb_roofs roofs;
    struct gb_pair nulls[PROBES_MAX]; /* by the thread counts of the roofs */
    struct gb_pulse before, after;
};

static int measure(struct measured *m, const struct gk_context_info *info, struct gb_warnings *warnings) {
    struct gb_roofs *const roofs = &m->roofs;
    roofs->threads[roofs->n_threads++] = 1;
    if (info->threads > 1) roofs->threads[roofs->n_threads++] = info->threads;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) roofs->isas[i] = !gk_isa_unusable(i);
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) roofs->dtypes[dtype] = true;
    struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
    int code =
        gb_roofs_measure(roofs, binding, 5, warnings) ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory to measure roofs");
    m->before = gb_pulse_read();
    for (size_t i = 0; i < roofs->n_threads && code == GB_EXIT_OK; i++)
        code = gb_null_probe(&m->nulls[i], roofs, binding, gk_isa_get(info->isa, GK_F32)->name, roofs->threads[i]);
    m->after = gb_pulse_read();
    gb_binding_destroy(binding);
    return code;
}

static void add_check(struct gb_info *info, const struct gb_finding *f) {
    info->checks[info->n_checks++] =
        (struct gb_info_check){f->name, gb_health_words[f->health], gb_result_text(&info->measured, f->text), f->advice};
    info->bad += f->health == GB_HEALTH_BAD;
}

/* Bad where it hides what run would otherwise say faster or slower of. */
static void add_noise(struct gb_info *info, const struct gb_info_null *null) {
    const double noise = gb_noise_of(&null->pair);
    const bool bad = noise > GB_VERDICT_THRESHOLD;
    struct gb_finding finding = {.name = "noise",
                                 .health = bad ? GB_HEALTH_BAD : GB_HEALTH_GOOD,
                                 .advice = bad ? "what is bad above comes first; then --rounds 101 --max-time 10" : NULL};
    char threads[40];
    snprintf(finding.text, sizeof finding.text, "one kernel timed as if it were two, on %s: up to %.1f %% apart",
             gb_count_text(null->threads, "thread", threads, sizeof threads), 100 * noise);
    add_check(info, &finding);
}

/* m: NULL: nothing was measured. */
static void fill_checks(struct gb_info *info, const struct measured *m) {
    info->checks = gb_result_alloc(&info->measured, gb_checks() + PROBES_MAX, sizeof *info->checks);
    for (size_t i = 0; i < gb_checks() && info->checks; i++) {
        const struct gb_finding finding =
            gb_check_here(info->threads, GB_BIND_CORE, m ? &m->before : NULL, m ? &m->after : NULL, i);
        add_check(info, &finding);
    }
    for (size_t i = 0; i < info->n_nulls && info->checks; i++) add_noise(info, &info->nulls[i]);
}

static void fill_measured(struct gb_info *info, const struct measured *m, const struct gb_warnings *warnings) {
    gb_fill_roofs(&info->measured, &m->roofs);
    gb_fill_warnings(&info->measured, warnings);
    info->nulls = gb_result_alloc(&info->measured, m->roofs.n_threads, sizeof *info->nulls);
    for (size_t i = 0; i < m->roofs.n_threads && info->nulls; i++)
        if (m->nulls[i].count) info->nulls[info->n_nulls++] = (struct gb_info_null){m->roofs.threads[i], m->nulls[i]};
}

static int measure_and_fill(struct gb_info *info, const struct gk_context_info *choice) {
    struct gb_warnings warnings = {.count = 0};
    struct measured *const m = calloc(1, sizeof *m);
    const int code = m ? measure(m, choice, &warnings) : gb_fail(GB_EXIT_RESOURCE, "no memory to measure roofs");
    if (code == GB_EXIT_OK) {
        fill_measured(info, m, &warnings);
        fill_checks(info, m);
    }
    free(m);
    return code;
}

static int fill_choices(struct gb_info *info, struct gk_context_info *choice) {
    gk_context *ctx;
    const gk_status status = gk_context_create(&ctx, NULL);
    if (status != GK_OK) return gb_fail(GB_EXIT_RESOURCE, "cannot create a context: %s", gk_status_string(status));
    gk_context_inspect(ctx, choice);
    fill_choice(info, choice);
    fill_blocking(info, choice);
    const int code = fill_products(info, ctx, choice);
    gk_context_destroy(ctx);
    return code;
}

static int no_memory(void) { return gb_fail(GB_EXIT_RESOURCE, "no memory for what there is to say"); }

static int print_rest(const struct gb_report *report, const struct gb_info *info, bool json) {
    if (json) return gb_members_write(&gb_info_members, info, info->measured.exhausted, "-", true);
    if (info->measured.exhausted) return no_memory();
    if (info->measured.context.n_roofs) gb_report_roofs(report, &info->measured);
    gb_report_warnings(report, &info->measured, 0);
    gb_report_checks(report, info);
    return GB_EXIT_OK;
}

static int judge(size_t bad, bool strict) {
    char things[40];
    if (!strict || bad == 0) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "%s here that spoil%s a measurement", gb_count_text(bad, "thing", things, sizeof things),
                   bad == 1 ? "s" : "");
}

/* A person sees what is known before something is measured. */
static int explain(struct gb_info *info, bool no_roofs, bool strict, bool json) {
    const struct gb_report report = {.out = stdout, .width = gb_report_width(stdout)};
    struct gk_context_info choice;
    fill_machine(info);
    fill_environment(info);
    int code = fill_choices(info, &choice);
    if (code == GB_EXIT_OK && info->measured.exhausted) code = no_memory();
    if (code != GB_EXIT_OK) return code;
    if (!json) gb_report_machine(&report, info);
    if (no_roofs) fill_checks(info, NULL);
    else code = measure_and_fill(info, &choice);
    if (code == GB_EXIT_OK) code = print_rest(&report, info, json);
    return code == GB_EXIT_OK ? judge(info->bad, strict) : code;
}

int gb_command_info(int argc, char **argv) {
    bool no_roofs = false, strict = false, json = false, schema = false;
    const struct gb_flag options[] = {
        {"no-roofs", GB_FLAG_SWITCH, &no_roofs, .help = "do not measure"},
        {"strict", GB_FLAG_SWITCH, &strict, .help = "exit with 4 if anything here is bad for a measurement"},
        {"json", GB_FLAG_SWITCH, &json, .help = "for a program, in the place of the text"},
        {"schema", GB_FLAG_SWITCH, &schema, .help = "prints the JSON Schema of --json, and no more"},
    };
    const struct gb_syntax syntax = {
        .command = "info",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .summary = "Explains this machine: what it has, what is chosen on it and why, what it can do at best, and what here\n"
                   "spoils a measurement."};
    struct gb_info info = {.n_isas = 0};
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    if (schema) return gb_json_schema(stdout, &gb_info_members);
    code = gb_environment_check();
    if (code != GB_EXIT_OK) return code;
    code = explain(&info, no_roofs, strict, json);
    gb_result_free(&info.measured);
    return code;
}
