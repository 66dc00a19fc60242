#include "report_info.h"

#include <math.h>
#include <string.h>

#include "text.h"

static const char *plural(size_t count) { return count == 1 ? "" : "s"; }

static void print_hardware(FILE *out, const struct gb_info *info) {
    char l1[24], l2[24], l3[24];
    fprintf(out, "gradbench    %s, numerics %zu, revision %s\n", info->version, info->numerics, info->revision);
    fprintf(out, "built by     %s, %s\n", info->compiler, info->flags);
    fprintf(out, "cpu          %s\n", info->cpu);
    fprintf(out, "features     %s\n", *info->features ? info->features : "none that gradkern looks for");
    fprintf(out,
            "cores        %zu usable, with %zu hardware thread%s; the machine has %zu, in %zu package%s and %zu NUMA node%s\n",
            info->cores, info->hardware_threads, plural(info->hardware_threads), info->machine_cores, info->packages,
            plural(info->packages), info->numa_nodes, plural(info->numa_nodes));
    fprintf(out, "caches       L1d %s and L2 %s a core, L3 %s\n", gb_bytes_text((double)info->l1d, l1, sizeof l1),
            gb_bytes_text((double)info->l2, l2, sizeof l2), gb_bytes_text((double)info->l3, l3, sizeof l3));
    if (isnan(info->cpu_quota)) fprintf(out, "cpu quota    none\n");
    else fprintf(out, "cpu quota    %.2f CPUs\n", info->cpu_quota);
    for (size_t i = 0; i < info->n_environment; i++)
        fprintf(out, "%s%.200s\n", i ? "             " : "environment  ", info->environment[i]);
    if (info->n_environment == 0) fprintf(out, "environment  no GRADKERN_, GRADBENCH_ or OMP_ variable is set\n");
}

static void print_choice(FILE *out, const struct gb_info *info) {
    static const char *const edges[GB_INFO_EDGES] = {"lanes", "tile rows", "tile columns", "row-sum lanes", "k block"};
    char bytes[24];
    for (size_t i = 0; i < info->n_isas; i++)
        fprintf(out, "%s%s: %s\n", info->isas[i].chosen ? "\nchosen       " : "  not        ", info->isas[i].name,
                info->isas[i].reason);
    fprintf(out, "threads      %zu: %s\nblocking     ", info->threads, info->threads_rule);
    for (size_t i = 0; i < GB_INFO_EDGES && info->edges[i]; i++)
        fprintf(out, "%s%s %zu", i ? ", " : "", edges[i], info->edges[i]);
    fprintf(out, " (f32)\n");
    if (info->packed_cols)
        fprintf(out,
                "             of a product, %zu columns are packed together: with a k block of %zu they take half of L2 (%s)\n",
                info->packed_cols, info->edges[GB_INFO_EDGES - 1],
                gb_bytes_text((double)info->packed_into, bytes, sizeof bytes));
}

static void print_plan(FILE *out, const struct gb_info_plan *plan) {
    fprintf(out, "             %-14s  %s%s, %zu x %zu threads, ", plan->kernel, plan->way,
            plan->transposed ? ", transposed" : "", plan->down, plan->across);
    if (plan->tile_rows) fprintf(out, "tiles of up to %zu rows, ", plan->tile_rows);
    fprintf(out, "%zu columns at a time%s%s%s", plan->block_cols, plan->packs_b ? ", b packed" : "",
            plan->packs_strips ? ", a packed" : "", plan->streams ? ", c stored past the caches" : "");
    if (plan->rest) fprintf(out, ", the last %zu as rows", plan->rest);
    fprintf(out, "\n");
}

void gb_report_machine(const struct gb_report *report, const struct gb_info *info) {
    print_hardware(report->out, info);
    print_choice(report->out, info);
    fprintf(report->out, "products     of %zu x %zu x %zu (f32)\n", info->n, info->d, info->m);
    for (size_t i = 0; i < info->n_plans; i++) print_plan(report->out, &info->plans[i]);
}

enum { NAME_WIDTH = 12, INDENT = 12 + NAME_WIDTH };

static size_t count_of(const struct gb_info *info, const char *state) {
    size_t count = 0;
    for (size_t i = 0; i < info->n_checks; i++) count += strcmp(info->checks[i].state, state) == 0;
    return count;
}

void gb_report_checks(const struct gb_report *report, const struct gb_info *info) {
    fprintf(report->out, "\nwhat spoils a measurement here\n");
    for (size_t i = 0; i < info->n_checks; i++) {
        const struct gb_info_check *const c = &info->checks[i];
        gb_say(report, INDENT, "  %-8s  %-*s%s", strcmp(c->state, "bad") == 0 ? "BAD" : c->state, NAME_WIDTH, c->name,
               c->found);
        if (c->advice) gb_say(report, INDENT + 3, "%*s-> %s", INDENT, "", c->advice);
    }
    fprintf(report->out, "  %zu bad, %zu to know, %zu good, %zu unknown\n", info->bad, count_of(info, "note"),
            count_of(info, "good"), count_of(info, "unknown"));
}
