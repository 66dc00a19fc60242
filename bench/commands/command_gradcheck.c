#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "environment.h"
#include "gradients.h"
#include "message.h"
#include "plan.h"
#include "terminal.h"

enum {
    INDENT = 49, /* of the elements that are next */
    KINKS = 6,   /* shown */
};

struct gradcheck {
    gk_context *ctx;
    bool kernels[GK_KERNEL_COUNT];
    uint64_t seed, most, worst;
    struct gb_gradient_options checking;
    enum gk_dtype dtype;
    const struct gb_problem_spec *spec; /* of the problem that is checked now */
    bool on_terminal, said;             /* said: the problem's line was printed */
    const char *function;               /* that its first gradient is one of */
    double start, last;                 /* of the progress */
    size_t checks, failed, empty, problems;
};

static void show_progress(void *data, const char *output, size_t done, size_t of) {
    struct gradcheck *const g = data;
    const double now = gb_clock_ns();
    char line[200], left[32] = "";
    if (done == 0) g->start = now;
    if (now - g->last < 1e8) return;
    g->last = now;
    if (now - g->start > 1e9) gb_time_left((now - g->start) / 1e9 * (double)(of - done) / (double)done, left);
    snprintf(line, sizeof line, "%s of %s  element %zu/%zu%s", output, gk_kernel_get(g->spec->kernel)->name, done, of, left);
    gb_progress_show(line);
}

static void print_coordinate(int indent, const struct gb_coordinate *c) {
    char place[48];
    snprintf(place, sizeof place, "[%zu][%zu]", c->row, c->col);
    printf("%*s%-10s %18.12g %18.12g", indent, "", place, c->numerical, c->computed);
}

static void print_kinks(const struct gradcheck *g, const struct gb_gradient_check *check) {
    size_t i = 0;
    printf("      left out, within %g of a kink: %zu,", g->checking.step, check->kinks);
    for (; i < check->n_kinked && i < KINKS; i++)
        printf(" %s[%zu][%zu]", check->by, check->kinked[i].row, check->kinked[i].col);
    printf("%s\n", i < check->kinks ? " .." : "");
}

/* One line a check: how far off, and where most; below it those that are next, and those that are left out. */
static void print_check(void *data, const struct gb_gradient_check *check) {
    struct gradcheck *const g = data;
    const bool good = check->error <= check->error_bound, complex = strcmp(check->method, "complex step") == 0;
    char title[140], compared[48];
    if (g->on_terminal) gb_progress_end();
    if (g->checks == 0)
        printf("      %-12s %11s %8s %7s  %-10s %18s %18s\n", "method", "elements", "error", "at most", "worst", "numerical",
               "computed");
    if (!g->said) {
        gb_problem_title(g->spec, g->seed, title, sizeof title);
        printf("%s\n", title);
        g->said = true;
        g->function = check->function;
    }
    g->checks++;
    g->failed += !good;
    g->empty += check->compared == 0;
    snprintf(compared, sizeof compared, check->compared < check->elements ? "%zu of %zu" : "%zu", check->compared,
             check->elements);
    printf("  %-2s  %-12s %11s %8.1e %7.0e", check->output, complex ? check->method : "differences", compared, check->error,
           check->error_bound);
    if (check->n_worst) print_coordinate(2, &check->worst[0]);
    printf("%s%s%s\n",
           !check->n_worst ? "  all at kinks: no verdict"
           : good          ? ""
                           : "  FAILED",
           check->function == g->function ? "" : "  of ", check->function == g->function ? "" : check->function);
    for (size_t i = 1; i < check->n_worst && i < g->worst; i++) {
        print_coordinate(INDENT, &check->worst[i]);
        printf("\n");
    }
    if (check->kinks && !complex) print_kinks(g, check);
    fflush(stdout); /* the next may take minutes */
}

/* What differences of numbers cannot tell, and what this command has no use for. */
static int refuse_options(const struct gb_problem_spec *spec) {
    static const enum gb_option strange[] = {GB_OPTION_ACCUMULATE, GB_OPTION_BARE, GB_OPTION_IN_PLACE, GB_OPTION_LD_PAD,
                                             GB_OPTION_MISALIGN};
    char text[GB_VALUE_MAX];
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        if (gb_option_differs(strange[i], spec, 0))
            return gb_fail(GB_EXIT_USAGE, "gradcheck has no use for %s (gradbench check has)", gb_option_name(strange[i]));
    if (spec->data != GB_DATA_NORMAL && spec->data != GB_DATA_INTEGER && spec->data != GB_DATA_POSITIVE)
        return gb_fail(GB_EXIT_USAGE, "differences need plain numbers: data=normal, integer or positive (got '%s')",
                       gb_option_text(GB_OPTION_DATA, spec, text));
    return GB_EXIT_OK;
}

/* Three problems, and the true formula's numbers of 16 bytes. */
static int refuse_size(const struct gb_problem_spec *spec) {
    struct gb_problem_spec wide = *spec;
    wide.dtype = GK_F64;
    const double bytes = 8 * (double)gb_problem_bytes(&wide);
    const struct gb_memory memory = gb_memory_available();
    char need[24], have[24];
    if (bytes <= memory.bytes) return GB_EXIT_OK;
    return gb_fail(GB_EXIT_RESOURCE, "checking this problem needs %s, but %s are %s", gb_bytes_text(bytes, need, sizeof need),
                   gb_bytes_text(memory.bytes, have, sizeof have), memory.rule);
}

static int check_problem(struct gradcheck *g, const struct gb_problem_spec *spec) {
    int code = refuse_options(spec);
    if (code == GB_EXIT_OK) code = refuse_size(spec);
    if (code != GB_EXIT_OK) return code;
    g->spec = spec;
    g->said = false;
    g->problems++;
    const bool done = gb_gradient_check_problem(g->ctx, gk_call, spec, &g->checking, print_check, g);
    if (g->on_terminal) gb_progress_end();
    return done ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory, or a kernel refused");
}

static bool asked_for(const struct gradcheck *g, int id) { return g->kernels[id] && gb_has_gradient((enum gk_kernel_id)id); }

static int check_shapes(struct gradcheck *g, const struct gb_workload *workload) {
    int code = GB_EXIT_OK;
    for (size_t i = 0; i < workload->count; i++)
        for (int id = 0; id < GK_KERNEL_COUNT && code == GB_EXIT_OK; id++) {
            if (!workload->shapes[i].kernels[id] || !asked_for(g, id)) continue;
            const struct gb_problem_spec spec =
                gb_shape_problem(&workload->shapes[i], (enum gk_kernel_id)id, g->dtype, g->seed);
            code = check_problem(g, &spec);
        }
    return code;
}

/* The sizes of the study notes. */
static int check_usual(struct gradcheck *g) {
    int code = GB_EXIT_OK;
    for (int id = 0; id < GK_KERNEL_COUNT && code == GB_EXIT_OK; id++) {
        const struct gb_problem_spec spec = {
            .kernel = (enum gk_kernel_id)id, .dtype = g->dtype, .seed = g->seed, .n = 10, .d = 6, .m = 5, .c = 9};
        if (asked_for(g, id)) code = check_problem(g, &spec);
    }
    return code;
}

static int conclude(const struct gradcheck *g) {
    char text[2][40];
    if (g->problems == 0) return gb_fail(GB_EXIT_USAGE, "nothing to check: no kernel of what was asked for has a gradient");
    printf("%s, %s, %zu failed", gb_count_text(g->problems, "problem", text[0], sizeof *text),
           gb_count_text(g->checks, "check", text[1], sizeof *text), g->failed);
    if (g->empty) printf(", %zu without a verdict", g->empty);
    printf("; seed %llu, step %g\n", (unsigned long long)g->seed, g->checking.step);
    return g->failed ? GB_EXIT_CHECK : GB_EXIT_OK;
}

static int check(struct gradcheck *g, const struct gb_texts *shapes) {
    struct gb_workload workload = {.zeros = false};
    int code = GB_EXIT_OK;
    for (size_t i = 0; i < shapes->count && code == GB_EXIT_OK; i++)
        code = gb_workload_read_line(&workload, "--shape", "shape", shapes->list[i]);
    if (code == GB_EXIT_OK) {
        const gk_status status = gk_context_create(&g->ctx, &(gk_options){.threads = 1}); /* the calls are small */
        if (status != GK_OK)
            code = gb_fail(status == GK_ERROR_MEMORY ? GB_EXIT_RESOURCE : GB_EXIT_ISA, "%s", gk_status_string(status));
    }
    if (code == GB_EXIT_OK) code = shapes->count ? check_shapes(g, &workload) : check_usual(g);
    if (code == GB_EXIT_OK) code = conclude(g);
    gk_context_destroy(g->ctx);
    gb_workload_free(&workload);
    return code;
}

int gb_command_gradcheck(int argc, char **argv) {
    static const char *const dtypes[] = {"f32", "f64", NULL};
    const char *kernels = NULL, *dtype = "f64";
    struct gb_texts shapes = {.count = 0};
    struct gradcheck g = {.seed = 1, .worst = 1, .checking = {.step = 1e-5}};
    const struct gb_flag options[] = {
        {"kernels", GB_FLAG_TEXT, &kernels, "LIST", .help = "kernels, families or globs (affine_d*) (default: all)"},
        {"shape", GB_FLAG_TEXTS, &shapes, "LINE",
         .help = "a line of a workload: \"affine n=10 d=6 m=5\"; may be repeated (default: n=10 d=6 m=5 c=9)"},
        {"dtype", GB_FLAG_WORD, &dtype, "TYPE", .help = "of the gradients, f32 or f64 (default: f64); differences are double",
         .words = dtypes},
        {"seed", GB_FLAG_COUNT, &g.seed, "N", .help = "of the contents (default: 1)", .low = 0, .high = 0x1p53},
        {"step", GB_FLAG_REAL, &g.checking.step, "H", .help = "of the differences (default: 1e-05)", .low = 1e-12, .high = 1},
        {"tolerance", GB_FLAG_REAL, &g.checking.error_bound, "E",
         .help = "the most that is no failure (default: 1e-09, of functions that bend 1e-07; complex 1e-12; f32 1e-05)",
         .low = 1e-16, .high = 1},
        {"elements", GB_FLAG_COUNT, &g.most, "N", .help = "of each gradient, evenly spread (default: all)", .low = 1,
         .high = 0x1p53},
        {"worst", GB_FLAG_COUNT, &g.worst, "N", .help = "so many of the elements that are furthest off (default: 1)", .low = 1,
         .high = GB_COORDINATES_MAX},
    };
    const struct gb_syntax syntax = {
        .command = "gradcheck",
        .summary = "Checks every gradient of a kernel by the numbers themselves, element by element, at a shape of yours.",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes =
            "Centred differences: grad[i] = sum((f(x + h e_i) - f(x - h e_i)) dout) / 2h, f by the forward kernel in double.\n"
            "Complex step: Im f(x + ih e_i) / h, f by the true formula; of fewer elements where that takes long.\n"
            "error: the largest |numerical - computed| over the largest |numerical| + |computed| of the gradient.\n\n"
            "ReLU and max have a kink, where they have no derivative: elements within the step of it are named, counted and\n"
            "left out. The exit code is 1 where an error is above its bound.",
    };
    int code;
    if (!gb_options_parse(&syntax, argc, argv, &code)) return code;
    code = gb_environment_check();
    if (code == GB_EXIT_OK) code = gb_parse_kernels(kernels, g.kernels);
    if (code != GB_EXIT_OK) return code;
    g.dtype = strcmp(dtype, "f32") == 0 ? GK_F32 : GK_F64;
    g.on_terminal = gb_is_terminal(STDERR_FILENO);
    g.checking.most = g.most;
    g.checking.data = &g;
    if (g.on_terminal) g.checking.progress = show_progress;
    return check(&g, &shapes);
}
