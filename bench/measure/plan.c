#include "plan.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copies.h"
#include "environment.h"
#include "machine.h"
#include "message.h"
#include "text.h"
#include "verify.h"
#include "workload_sweep.h"

enum { ITEM_MAX = 64 };

static int refuse_item(const char *option) {
    return gb_fail(GB_EXIT_USAGE, "a word of --%s is longer than %d bytes", option, ITEM_MAX - 1);
}

/* A word that is a kernel's name stands for it alone, one with *, ? or [ for the kernels whose names it matches, any other for
 * a family. False: for none. */
static bool add_kernels(const char *word, bool kernels[GK_KERNEL_COUNT]) {
    const bool glob = strpbrk(word, "*?[") != NULL, family = !glob && !gk_kernel_find(word);
    bool known = false;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        const char *const name = family ? kernel->family : kernel->name;
        if (glob ? fnmatch(word, name, 0) == 0 : strcmp(word, name) == 0) kernels[id] = known = true;
    }
    return known;
}

int gb_parse_kernels(const char *list, bool kernels[GK_KERNEL_COUNT]) {
    char item[ITEM_MAX], text[700];
    bool too_long = false;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) kernels[id] = list == NULL;
    while (gb_text_item(&list, item, sizeof item, &too_long)) {
        if (add_kernels(item, kernels)) continue;
        struct gb_names names = gb_kernel_names();
        const struct gb_names families = gb_family_names();
        for (size_t i = 0; i < families.count; i++) gb_names_add(&names, families.list[i]);
        return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "kernel", item, text, sizeof text));
    }
    return too_long ? refuse_item("kernels") : GB_EXIT_OK;
}

static int ascending(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static size_t all_threads(void) {
    const size_t all = gb_threads_default();
    return all ? all : 1;
}

static bool add_threads(size_t number, size_t threads[GB_THREAD_COUNTS_MAX], size_t *count) {
    for (size_t i = 0; i < *count; i++)
        if (threads[i] == number) return true;
    if (*count == GB_THREAD_COUNTS_MAX) return false;
    threads[(*count)++] = number;
    return true;
}

/* All numbers of a sweep go up. */
static bool parse_numbers(const char *item, struct gb_sweep *numbers) {
    const char *at;
    if (strcmp(item, "all") != 0)
        return !gb_sweep_parse(numbers, item, false, &at) && numbers->sizes[numbers->count - 1] <= gb_threads_most();
    *numbers = (struct gb_sweep){.sizes = {(uint32_t)all_threads()}, .count = 1};
    return true;
}

int gb_parse_threads(const char *list, size_t threads[GB_THREAD_COUNTS_MAX], size_t *count) {
    struct gb_sweep numbers;
    char item[ITEM_MAX];
    bool too_long = false;
    *count = 0;
    if (!list) list = "1,all";
    while (gb_text_item(&list, item, sizeof item, &too_long)) {
        if (!parse_numbers(item, &numbers))
            return gb_fail(GB_EXIT_USAGE, "--threads takes numbers from 1 to %zu, ranges (1..4, 1..64*2), or all (got '%s')",
                           gb_threads_most(), item);
        for (size_t i = 0; i < numbers.count; i++)
            if (!add_threads(numbers.sizes[i], threads, count))
                return gb_fail(GB_EXIT_USAGE, "--threads takes at most %d different numbers", GB_THREAD_COUNTS_MAX);
    }
    qsort(threads, *count, sizeof *threads, ascending);
    return too_long ? refuse_item("threads") : GB_EXIT_OK;
}

int gb_parse_isas(const char *list, bool isas[GK_ISA_COUNT]) {
    char item[ITEM_MAX], text[400];
    bool too_long = false;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) isas[i] = false;
    if (!list) list = "all";
    while (gb_text_item(&list, item, sizeof item, &too_long)) {
        const bool all = strcmp(item, "all") == 0;
        const int index = gk_isa_find(item);
        struct gb_names names = gb_isa_names();
        gb_names_add(&names, "all");
        if (index < 0 && !all)
            return gb_fail(GB_EXIT_USAGE, "%s", gb_names_refuse(&names, "instruction set", item, text, sizeof text));
        if (!all && gk_isa_unusable((size_t)index))
            return gb_fail(GB_EXIT_ISA, "%s cannot be used: %s", item, gk_isa_unusable((size_t)index));
        for (size_t i = 0; i < GK_ISA_COUNT; i++) isas[i] |= all ? !gk_isa_unusable(i) : (int)i == index;
    }
    return too_long ? refuse_item("isa") : GB_EXIT_OK;
}

static int parse_dtypes(const char *list, bool dtypes[GK_DTYPE_COUNT]) {
    char item[ITEM_MAX];
    bool too_long = false;
    while (gb_text_item(&list, item, sizeof item, &too_long)) {
        bool known = false;
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            if (strcmp(gk_dtype_name((enum gk_dtype)dtype), item) != 0) continue;
            dtypes[dtype] = known = true;
        }
        if (!known) return gb_fail(GB_EXIT_USAGE, "unknown type '%s' in --dtype (allowed: f32, f64)", item);
    }
    return too_long ? refuse_item("dtype") : GB_EXIT_OK;
}

/* One more part of what is run, for the report. */
static void add_source(struct gb_plan *plan, const char *format, ...) {
    const size_t used = strlen(plan->source);
    char part[sizeof plan->source];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    snprintf(plan->source + used, sizeof plan->source - used, "%s%s", used ? ", " : "", part);
}

static int read_shapes(struct gb_plan *plan, const struct gb_plan_options *options, const bool kernels[GK_KERNEL_COUNT]) {
    const bool none = options->workloads.count == 0 && options->shapes.count == 0 && options->draw == 0;
    bool input_read = false;
    char path[GB_PATH_MAX];
    for (size_t i = 0; i < options->workloads.count + none; i++) {
        const char *const word = none ? options->default_workload : options->workloads.list[i];
        const bool input = strcmp(word, "-") == 0;
        if (input && input_read) return gb_fail(GB_EXIT_USAGE, "--workload - is given twice");
        input_read = input_read || input;
        int code = gb_workload_find(word, path);
        if (code == GB_EXIT_OK) code = gb_workload_read(&plan->workload, path);
        if (code != GB_EXIT_OK) return code;
        add_source(plan, "%s%s", i ? "" : "workload ", input ? GB_STANDARD_INPUT : word);
    }
    const size_t before = plan->workload.count;
    for (size_t i = 0; i < options->shapes.count; i++) {
        char label[32]; /* of those without a name */
        snprintf(label, sizeof label, "shape%zu", i + 1);
        const int code = gb_workload_read_line(&plan->workload, "--shape", label, options->shapes.list[i]);
        if (code != GB_EXIT_OK) return code;
    }
    const size_t shapes = plan->workload.count - before;
    if (shapes) add_source(plan, "%zu shape%s", shapes, shapes == 1 ? "" : "s");
    if (!gb_workload_draw(&plan->workload, options->draw, options->seed, kernels, !options->dtype))
        return gb_fail(GB_EXIT_RESOURCE, "no memory");
    if (options->draw) add_source(plan, "%ju drawn by seed %ju", (uintmax_t)options->draw, (uintmax_t)options->seed);
    return GB_EXIT_OK;
}

/* A line that names its type keeps it; the others are run in each type asked for. */
static bool wanted(const struct gb_shape *shape, enum gk_dtype dtype, const bool asked[GK_DTYPE_COUNT]) {
    return gb_shape_says(shape, GB_OPTION_DTYPE) ? shape->spec.dtype == dtype : asked[dtype];
}

static int make_tasks(struct gb_plan *plan, const struct gb_plan_options *options, const bool kernels[GK_KERNEL_COUNT]) {
    bool asked[GK_DTYPE_COUNT] = {false};
    const int code = parse_dtypes(options->dtype ? options->dtype : "f32", asked);
    if (code != GB_EXIT_OK) return code;
    plan->tasks = calloc(plan->workload.count * GK_KERNEL_COUNT * GK_DTYPE_COUNT, sizeof *plan->tasks);
    if (!plan->tasks) return gb_fail(GB_EXIT_RESOURCE, "no memory for the plan");
    for (size_t i = 0; i < plan->workload.count; i++)
        for (int id = 0; id < GK_KERNEL_COUNT; id++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                const struct gb_shape *const shape = &plan->workload.shapes[i];
                if (!kernels[id] || !shape->kernels[id] || !wanted(shape, (enum gk_dtype)dtype, asked)) continue;
                struct gb_task *const task = &plan->tasks[plan->n_tasks++];
                task->spec = gb_shape_problem(shape, (enum gk_kernel_id)id, (enum gk_dtype)dtype, options->seed);
                task->spec.shift = options->shift;
                task->workload = shape->name;
                plan->dtypes[dtype] = true;
            }
    if (plan->n_tasks == 0)
        return gb_fail(GB_EXIT_USAGE, "nothing to run: no problem of %s has a kernel of --kernels", plan->source);
    return GB_EXIT_OK;
}

static void set_label(struct gb_variant *v) {
    snprintf(v->label, sizeof v->label, "%.44s, %zu thread%s", v->name, v->threads, v->threads == 1 ? "" : "s");
}

static int make_contexts(struct gb_plan *plan) {
    gk_status status = gk_context_create(&plan->ref, &(gk_options){.isa = gk_isa_get(0, GK_F32)->name, .threads = 1});
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t t = 0; t < plan->n_threads && plan->isas[isa] && status == GK_OK; t++) {
            struct gb_variant *const v = &plan->variants[plan->n_variants];
            *v = (struct gb_variant){.isa = isa, .threads = plan->threads[t]};
            v->name = gk_isa_get(isa, GK_F32)->name;
            set_label(v);
            status = gk_context_create(&v->ctx, &(gk_options){.isa = v->name, .threads = v->threads});
            plan->n_variants += status == GK_OK;
        }
    plan->n_own = plan->n_variants;
    return status == GK_OK ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "cannot create a context: %s", gk_status_string(status));
}

bool gb_is_ref(const struct gb_variant *variant) { return !variant->peer && variant->isa == 0; }

struct gb_variant *gb_plan_add_peer(struct gb_plan *plan, const char *name, size_t threads) {
    struct gb_variant *const v = &plan->variants[plan->n_variants++];
    *v = (struct gb_variant){.isa = plan->variants[plan->n_own - 1].isa, .threads = threads, .peer = true, .name = name};
    set_label(v);
    return v;
}

int gb_plan_make(struct gb_plan *plan, const struct gb_plan_options *options) {
    bool kernels[GK_KERNEL_COUNT];
    *plan = (struct gb_plan){.n_tasks = 0};
    int code = gb_parse_isas(options->isa, plan->isas);
    if (code == GB_EXIT_OK) code = gb_parse_threads(options->threads, plan->threads, &plan->n_threads);
    if (code == GB_EXIT_OK) code = gb_parse_kernels(options->kernels, kernels);
    if (code == GB_EXIT_OK) code = read_shapes(plan, options, kernels);
    if (code == GB_EXIT_OK) code = make_tasks(plan, options, kernels);
    if (code == GB_EXIT_OK) code = make_contexts(plan);
    if (code != GB_EXIT_OK) gb_plan_free(plan);
    return code;
}

void gb_plan_free(struct gb_plan *plan) {
    for (size_t i = 0; i < plan->n_own; i++) gk_context_destroy(plan->variants[i].ctx);
    gk_context_destroy(plan->ref);
    free(plan->tasks);
    gb_workload_free(&plan->workload);
    *plan = (struct gb_plan){.n_tasks = 0};
}

/* Scratch space follows the operands, but for small problems: a quarter of them and a fixed part are more than any kernel
 * takes. A race keeps the true outputs and their bounds beside that, and contenders the problem before until the next one is
 * prepared. */
double gb_plan_bytes(const struct gb_problem_spec *spec, bool raced) {
    const size_t operands = gb_problem_bytes(spec), copies = gb_verifier_bytes(spec);
    if (copies == 0) return 1e300; /* one of the two overflows */
    return (raced ? 4.25 : 1.25) * (double)operands + (double)copies + 0x1p25;
}

double gb_plan_copies(const struct gb_plan *plan, const struct gb_problem_spec *spec) {
    return plan->cold ? gb_copies_needed(spec, plan->cold) : 0;
}

int gb_plan_check(const struct gb_plan *plan, bool raced, struct gb_memory memory) {
    for (size_t i = 0; i < plan->n_tasks; i++) {
        const struct gb_problem_spec *const spec = &plan->tasks[i].spec;
        const double copies = gb_plan_copies(plan, spec);
        const double needed = gb_plan_bytes(spec, raced) + copies * (double)gb_problem_bytes(spec);
        char problem[256], want[24], operands[24], have[24];
        gb_problem_describe(spec, problem, sizeof problem);
        if (raced && spec->data != GB_DATA_NORMAL) /* measure/error_bound.h knows no other */
            return gb_fail(GB_EXIT_USAGE, "%s: a peer's results are judged with data=normal only", problem);
        if (copies > GB_COPIES_MAX)
            return gb_fail(GB_EXIT_USAGE,
                           "%s is too small for --cache cold: %.0f copies of it (at most %d) fill twice the last cache",
                           problem, copies, GB_COPIES_MAX);
        if (needed <= memory.bytes) continue;
        return gb_fail(GB_EXIT_RESOURCE, "%s needs %s (operands %s, the rest to verify it and to work), but %s are %s", problem,
                       gb_bytes_text(needed, want, sizeof want),
                       gb_bytes_text((double)gb_problem_bytes(spec), operands, sizeof operands),
                       gb_bytes_text(memory.bytes, have, sizeof have), memory.rule);
    }
    return GB_EXIT_OK;
}
