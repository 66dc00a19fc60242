#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "commands.h"
#include "doctor.h"
#include "machine.h"
#include "message.h"
#include "null_probe.h"
#include "plan.h"
#include "report_table.h"
#include "result_fill.h"
#include "text.h"

static void print_machine(void) {
    const struct gb_machine *const m = gb_machine_get();
    char l1[24], l2[24], l3[24];
    printf("gradbench    %s, numerics %d, revision %s\n", gk_version(), gk_numerics_version(), gb_build_revision());
    printf("built by     %s, %s\n", gb_build_compiler(), gb_build_flags());
    printf("cpu          %s\n", m->cpu);
    printf("features     %s\n", *m->features ? m->features : "none that gradkern looks for");
    printf("cores        %zu usable, with %zu hardware thread%s; the machine has %zu, in %zu package%s and %zu NUMA node%s\n",
           m->cores, m->logical, m->logical == 1 ? "" : "s", m->machine_cores, m->packages, m->packages == 1 ? "" : "s",
           m->numa_nodes, m->numa_nodes == 1 ? "" : "s");
    printf("caches       L1d %s and L2 %s a core, L3 %s\n", gb_bytes_text((double)m->caches.l1d, l1, sizeof l1),
           gb_bytes_text((double)m->caches.l2, l2, sizeof l2), gb_bytes_text((double)m->caches.l3, l3, sizeof l3));
    if (m->cpu_quota > 0) printf("cpu quota    %.2f CPUs\n", m->cpu_quota);
    else printf("cpu quota    none\n");
}

static void print_environment(void) {
    extern char **environ;
    bool any = false;
    for (char **variable = environ; *variable; variable++) {
        if (strncmp(*variable, "GRADKERN_", 9) != 0 && strncmp(*variable, "GRADBENCH_", 10) != 0 &&
            strncmp(*variable, "OMP_", 4) != 0 && strncmp(*variable, "GOMP_", 5) != 0 && strncmp(*variable, "KMP_", 4) != 0 &&
            strncmp(*variable, "HWLOC_", 6) != 0)
            continue;
        printf("%s%.200s\n", any ? "             " : "environment  ", *variable);
        any = true;
    }
    if (!any) printf("environment  no GRADKERN_, GRADBENCH_ or OMP_ variable is set\n");
}

static void print_choice(const struct gk_context_info *info) {
    printf("\nchosen       %s: %s\n", gk_isa_get(info->isa, GK_F32)->name, info->isa_rule);
    for (size_t i = GK_ISA_COUNT; i-- > 0;) {
        const char *const reason = gk_isa_unusable(i);
        if (i == info->isa) continue;
        printf("  not        %s: %s\n", gk_isa_get(i, GK_F32)->name,
               reason ? reason : "usable, but a wider one is too; --isa or GRADKERN_ISA lowers the choice");
    }
    printf("threads      %zu: %s\n", info->threads, info->threads_rule);
}

static void print_blocking(const struct gk_context_info *info) {
    static const char *const edges[] = {"lanes", "tile rows", "tile columns", "row-sum lanes", "k block"};
    const struct gk_isa *const isa = gk_isa_get(info->isa, GK_F32);
    char bytes[24];
    printf("blocking     ");
    for (size_t i = 0; i < sizeof edges / sizeof *edges && isa->edges[i]; i++)
        printf("%s%s %zu", i ? ", " : "", edges[i], isa->edges[i]);
    printf(" (f32)\n");
    const size_t many = (size_t)1 << 24;
    const struct gk_gemm_shape wide = {.rows = many, .cols = many, .k = many, .a.along_k = true};
    const struct gk_gemm_plan plan = gk_gemm_plan(isa->tile, &wide, 1, &info->caches);
    if (plan.way != GK_GEMM_BLOCKED) return;
    printf("             of a product, %zu columns are packed together: with a k block of %zu they take half of L2 (%s)\n",
           plan.block_cols, (size_t)GK_KB, gb_bytes_text((double)info->caches.l2, bytes, sizeof bytes));
}

static void print_plan(const char *kernel, const struct gk_gemm_plan *plan) {
    printf("             %-14s  %s%s, %zu x %zu threads, ", kernel, gk_gemm_way_name(plan->way),
           plan->transposed ? ", transposed" : "", plan->down, plan->across);
    if (plan->tile_rows) printf("tiles of up to %zu rows, ", plan->tile_rows);
    printf("%zu columns at a time%s%s%s", plan->block_cols, plan->packs_b ? ", b packed" : "",
           plan->packs_strips ? ", a packed" : "", plan->streams ? ", c stored past the caches" : "");
    if (plan->rest) printf(", the last %zu as rows", plan->rest);
    printf("\n");
}

/* How the kernels that are one product compute a layer that many know. */
static int print_products(const gk_context *ctx, const struct gk_context_info *info) {
    struct gb_problem_spec spec = {.n = 100, .d = 784, .m = 50};
    printf("products     of %zu x %zu x %zu (f32)\n", spec.n, spec.d, spec.m);
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_cell *const ref = gk_isa_get(0, GK_F32)->cells[id];
        struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
        struct gb_problem problem;
        if (!ref->products) continue;
        spec.kernel = (enum gk_kernel_id)id;
        if (!gb_problem_create(&problem, &spec)) return gb_fail(GB_EXIT_RESOURCE, "no memory for a problem");
        const size_t count = ref->products(problem.args, shapes),
                     threads = gk_call_threads(ctx, spec.kernel, GK_F32, problem.args);
        const struct gk_gemm_plan plan = gk_gemm_plan(gk_isa_get(info->isa, GK_F32)->tile, shapes, threads, &info->caches);
        if (count == 1) print_plan(problem.kernel->name, &plan);
        gb_problem_destroy(&problem);
    }
    return GB_EXIT_OK;
}

/* What is measured: roofs, and how far one kernel timed as if it were two is from itself, with what the system counted then. */
struct measured {
    struct gb_roofs roofs;
    struct gb_pair nulls[2]; /* by the thread counts of the roofs */
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

static int print_roofs(const struct gb_report *report, const struct gb_roofs *roofs, const struct gb_warnings *warnings) {
    struct gb_result result = {.chunks = NULL};
    gb_fill_roofs(&result, roofs);
    gb_fill_warnings(&result, warnings);
    const bool good = !result.exhausted;
    if (good) gb_report_roofs(report, &result);
    if (good) gb_report_warnings(report, &result, 0);
    gb_result_free(&result);
    return good ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory to measure roofs");
}

enum { NAME_WIDTH = 12, INDENT = 12 + NAME_WIDTH };

static void print_finding(const struct gb_report *report, const struct gb_finding *f, size_t counts[GB_HEALTH_COUNT]) {
    counts[f->health]++;
    gb_say(report, INDENT, "  %-8s  %-*s%s", gb_health_words[f->health], NAME_WIDTH, f->name, f->text);
    if (f->advice) gb_say(report, INDENT + 3, "%*s-> %s", INDENT, "", f->advice);
}

/* Bad where it hides what run would otherwise say faster or slower of. */
static void print_noise(const struct gb_report *report, const struct measured *m, size_t i, size_t counts[GB_HEALTH_COUNT]) {
    const double noise = gb_noise_of(&m->nulls[i]);
    const bool bad = noise > GB_VERDICT_THRESHOLD;
    struct gb_finding finding = {.name = "noise",
                                 .health = bad ? GB_HEALTH_BAD : GB_HEALTH_GOOD,
                                 .advice = bad ? "what is bad above comes first; then --rounds 101 --max-time 10" : NULL};
    char threads[40];
    snprintf(finding.text, sizeof finding.text, "one kernel timed as if it were two, on %s: up to %.1f %% apart",
             gb_count_text(m->roofs.threads[i], "thread", threads, sizeof threads), 100 * noise);
    print_finding(report, &finding, counts);
}

/* m: NULL: nothing was measured. Returns how many are bad. */
static size_t print_checks(const struct gb_report *report, size_t threads, const struct measured *m) {
    size_t counts[GB_HEALTH_COUNT] = {0};
    printf("\nwhat spoils a measurement here\n");
    for (size_t i = 0; i < gb_checks(); i++) {
        const struct gb_finding finding = gb_check_here(threads, GB_BIND_CORE, m ? &m->before : NULL, m ? &m->after : NULL, i);
        print_finding(report, &finding, counts);
    }
    for (size_t i = 0; m && i < m->roofs.n_threads; i++)
        if (m->nulls[i].count) print_noise(report, m, i, counts);
    printf("  %zu bad, %zu to know, %zu good, %zu unknown\n", counts[GB_HEALTH_BAD], counts[GB_HEALTH_NOTE],
           counts[GB_HEALTH_GOOD], counts[GB_HEALTH_UNKNOWN]);
    return counts[GB_HEALTH_BAD];
}

static int judge(size_t bad, bool strict) {
    char things[40];
    if (!strict || bad == 0) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "%s here that spoil%s a measurement", gb_count_text(bad, "thing", things, sizeof things),
                   bad == 1 ? "s" : "");
}

static int measure_and_check(const struct gb_report *report, const struct gk_context_info *info, bool strict) {
    struct gb_warnings warnings = {.count = 0};
    struct measured *const m = calloc(1, sizeof *m);
    int code = m ? measure(m, info, &warnings) : gb_fail(GB_EXIT_RESOURCE, "no memory to measure roofs");
    if (code == GB_EXIT_OK) code = print_roofs(report, &m->roofs, &warnings);
    if (code == GB_EXIT_OK) code = judge(print_checks(report, info->threads, m), strict);
    free(m);
    return code;
}

int gb_command_info(int argc, char **argv) {
    bool no_roofs = false, strict = false;
    const struct gb_flag options[] = {
        {"no-roofs", GB_FLAG_SWITCH, &no_roofs, .help = "do not measure"},
        {"strict", GB_FLAG_SWITCH, &strict, .help = "exit with 4 if anything here is bad for a measurement"},
    };
    const struct gb_syntax syntax = {
        .command = "info",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .summary = "Explains this machine: what it has, what is chosen on it and why, what it can do at best, and what here\n"
                   "spoils a measurement."};
    gk_context *ctx;
    struct gk_context_info info;
    const struct gb_report report = {.out = stdout, .width = gb_report_width(stdout)};
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    code = gb_environment_check();
    if (code != GB_EXIT_OK) return code;
    const gk_status status = gk_context_create(&ctx, NULL);
    if (status != GK_OK) return gb_fail(GB_EXIT_RESOURCE, "cannot create a context: %s", gk_status_string(status));
    gk_context_inspect(ctx, &info);
    print_machine();
    print_environment();
    print_choice(&info);
    print_blocking(&info);
    code = print_products(ctx, &info);
    gk_context_destroy(ctx);
    if (code != GB_EXIT_OK) return code;
    return no_roofs ? judge(print_checks(&report, info.threads, NULL), strict) : measure_and_check(&report, &info, strict);
}
