#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "accuracy.h"
#include "environment.h"
#include "gradients.h"
#include "guard.h"
#include "message.h"
#include "text.h"
#include "truth.h"
#include "verify.h"

struct check {
    const struct gb_check_options *options;
    FILE *out;
    struct gb_lineup lineup;
    size_t guarded, unguarded; /* calls between forbidden pages, and those without memory for them */
    size_t gradients, gradients_wrong;
    uint64_t number; /* of the next problem */
};

/* All shapes from 1 to 5 (rows of up to 24 where there are two dimensions), serial; a part on threads and small caches. */
static void check_small(struct check *c, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    size_t sizes[GK_DIM_COUNT];
    for (size_t i = 0; gb_small_shape(kernel, i, 5, 24, sizes); i++)
        for (size_t r = 0; r < (c->options->quick ? 1 : 4); r++) {
            const struct gb_problem_spec s =
                gb_spec_by_turns(kernel, dtype, sizes, GK_DIM_COUNT, c->number++, c->options->seed);
            gb_lineup_compare(&c->lineup, &s, 0, c->number % 8 == 0 ? GB_USE_ALL : GB_USE_SERIAL);
            gb_lineup_accuracy(&c->lineup, &s);
        }
}

/* Every edge in every dimension, beside a small size and another edge, on all contexts. */
static void check_edges(struct check *c, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    size_t sizes[GB_EDGE_SIZES_MAX];
    const size_t count = gb_edge_sizes(dtype, sizes), dimensions = gb_kernel_dimensions(kernel);
    for (size_t d = 0; d < dimensions; d++)
        for (size_t i = 0; i < count; i++)
            for (size_t r = 0; r < (c->options->quick ? 1 : 3); r++) {
                size_t size[GK_DIM_COUNT];
                for (size_t k = 0; k < GK_DIM_COUNT; k++) size[k] = 5;
                size[(d + 1) % dimensions] = r == 0 ? 3 : sizes[(i * 7 + r * 5) % (count * 2 / 3)];
                size[d] = sizes[i];
                const struct gb_problem_spec s =
                    gb_spec_by_turns(kernel, dtype, size, GK_DIM_COUNT, c->number++, c->options->seed);
                gb_lineup_compare(&c->lineup, &s, 0, c->options->quick && i % 4 ? GB_USE_SERIAL | GB_USE_SMALL : GB_USE_ALL);
                if (r == 0) gb_lineup_accuracy(&c->lineup, &s);
            }
}

struct guarded_call {
    const struct gb_problem_spec *spec;
    gb_cell_call *call;
    gk_context *ctx;
    gk_status status;
};

static void call_guarded(void *context, const void *args, void *scratch) {
    struct guarded_call *const call = context;
    (void)scratch; /* the context has its own */
    call->status = call->call(call->ctx, call->spec->kernel, call->spec->dtype, args);
}

/* NULL: all is well; else what is wrong. */
static const char *compare_guarded(const struct check *c, struct gb_guard_problem *g, const struct gb_problem *want,
                                   gk_context *ctx, char what[160]) {
    struct guarded_call call = {.spec = &want->spec, .call = c->lineup.call, .ctx = ctx};
    struct gb_guard_fault fault;
    struct gb_difference d;
    const char *changed;
    char text[120];
    gb_guard_reset(g);
    if (!gb_guard_run(g, 1, call_guarded, &call, 0, &fault)) {
        gb_guard_describe(&fault, text, sizeof text);
        snprintf(what, 160, "memory: %s", text);
    } else if (call.status != GK_OK) return "memory: the call failed at the edge of a page";
    else if (!gb_problem_equal(&g->problem, want, &d))
        snprintf(what, 160, "memory: %s[%zu][%zu] is %a at the edge of a page, else %a", d.operand, d.row, d.col, d.got,
                 d.want);
    else if (!gb_guard_intact(g, &changed)) snprintf(what, 160, "memory: bytes beside the rows of %s were written", changed);
    else return NULL;
    return what;
}

/* The problem through each serial context, at both edges of a page. */
static void guard_problem(struct check *c, const struct gb_problem_spec *spec) {
    struct gb_problem_spec plain = *spec;
    struct gb_problem want;
    struct gb_guard_problem guarded;
    char what[160];
    plain.in_place = false;
    if (!gb_problem_create(&want, &plain)) return;
    const bool called = c->lineup.call(c->lineup.ref, want.spec.kernel, want.spec.dtype, want.args) == GK_OK;
    for (int side = GB_GUARD_RIGHT; side <= GB_GUARD_LEFT && called; side++) {
        const bool placed = gb_guard_place(&guarded, &want, (enum gb_guard_side)side, spec->in_place, spec->ld_pad);
        for (size_t i = 0; i < c->lineup.count; i++) {
            const struct gb_lineup_cell *const cell = &c->lineup.list[i];
            if (cell->threads != 1) continue;
            c->guarded += placed;
            c->unguarded += !placed;
            const char *const wrong = placed ? compare_guarded(c, &guarded, &want, cell->ctx, what) : NULL;
            if (wrong) gb_lineup_fail(&c->lineup, spec, cell->isa, 1, wrong);
        }
    }
    gb_problem_destroy(&want);
}

static void check_memory(struct check *c, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    static const size_t sizes[] = {1, 2, 7, 17, 33, 65, 130, 5, 12, 49};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    const size_t count = c->options->quick ? 10 : 60;
    for (size_t i = 0; i < count; i++) {
        size_t size[GK_DIM_COUNT];
        for (size_t k = 0; k < GK_DIM_COUNT; k++) size[k] = sizes[(i * ((2u << k) - 1) + k * (3 + i / SIZES)) % SIZES];
        struct gb_problem_spec s = gb_spec_by_turns(kernel, dtype, size, GK_DIM_COUNT, c->number++, c->options->seed);
        s.misalign = 0; /* the page decides */
        guard_problem(c, &s);
    }
}

struct gradient_tally {
    struct check *check;
    const struct gb_lineup_cell *cell;
};

static void tally_gradient(void *state, const struct gb_gradient_check *g) {
    const struct gradient_tally *const t = state;
    t->check->gradients++;
    if (g->error <= g->error_bound) return;
    t->check->gradients_wrong++;
    fprintf(t->check->out, "FAILED gradient: %s by %s, isa %s: relative error %.2g, at most %.0e allowed\n", g->name, g->method,
            gk_context_isa(t->cell->ctx), g->error, g->error_bound);
}

static void check_gradients(struct check *c) {
    for (size_t i = 0; i < c->lineup.count; i++) {
        const struct gb_lineup_cell *const cell = &c->lineup.list[i];
        struct gradient_tally tally = {c, cell};
        if (cell->use != GB_USE_SERIAL || gb_gradient_checks(cell->ctx, c->lineup.call, tally_gradient, &tally)) continue;
        c->gradients_wrong++;
        fprintf(c->out, "FAILED gradients: no memory, or a kernel refused\n");
    }
}

static void print_row(const struct check *c, size_t isa, int kernel, int dtype) {
    const struct gk_kernel *const k = gk_kernel_get((enum gk_kernel_id)kernel);
    const struct gb_tally *const tally = &c->lineup.tally[isa][kernel][dtype];
    char worst[32] = "bits of ref", cases[24];
    if (tally->cases == 0 && tally->failures == 0) return;
    if (isa == 0) snprintf(worst, sizeof worst, gb_accuracy_known(k) ? "%.3f" : "not known", tally->worst);
    snprintf(cases, sizeof cases, "%zu", tally->cases);
    fprintf(c->out, "%-24s %-4s %-8s %8s  %-11s  %s\n", k->name, gk_dtype_name((enum gk_dtype)dtype),
            gk_isa_get(isa, GK_F32)->name, cases, worst, tally->failures ? "FAILED" : "ok");
}

static void print_not_asked(const struct check *c) {
    struct gb_names isas = {.count = 0}, kernels = {.count = 0};
    char text[700];
    for (size_t i = 0; i < GK_ISA_COUNT; i++)
        if (!gk_isa_unusable(i) && !c->options->isas[i]) gb_names_add(&isas, gk_isa_get(i, GK_F32)->name);
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        if (!c->options->kernels[id]) gb_names_add(&kernels, gk_kernel_get((enum gk_kernel_id)id)->name);
    if (isas.count + kernels.count == 0) return;
    fprintf(c->out, "not asked for:%s%s", isas.count ? " isas " : "", gb_names_join(&isas, text, sizeof text));
    fprintf(c->out, "%s%s%s\n", isas.count && kernels.count ? ";" : "", kernels.count ? " kernels " : "",
            gb_names_join(&kernels, text, sizeof text));
}

/* What has a gradient is known by its truth with complex arguments, too. */
static void print_no_complex_form(const struct check *c, const struct gk_kernel *kernel, const struct gk_field *f) {
    if (f->kind != GK_FIELD_GRADIENT) return;
    const struct gb_truth *const truth = gb_truth_of(gk_kernel_get(f->id));
    if (truth && !truth->compute_complex)
        fprintf(c->out, "skipped: complex step to %s of %s: the truth of %s has no complex form\n", f->name, kernel->name,
                truth->kernel);
}

static void print_skipped(const struct check *c) {
    for (size_t i = 0; i < GK_ISA_COUNT; i++)
        if (gk_isa_unusable(i)) fprintf(c->out, "skipped: isa %s: %s\n", gk_isa_get(i, GK_F32)->name, gk_isa_unusable(i));
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        if (c->options->kernels[id] && !gb_accuracy_known(kernel))
            fprintf(c->out, "skipped: accuracy of %s: no truth file has its formula\n", kernel->name);
        for (size_t i = 0; i < kernel->n_fields && c->options->kernels[id]; i++)
            print_no_complex_form(c, kernel, &kernel->fields[i]);
    }
    print_not_asked(c);
    if (c->unguarded) fprintf(c->out, "skipped: %zu calls between forbidden pages: no memory for them\n", c->unguarded);
}

static int report(const struct check *c) {
    size_t cells = 0;
    fprintf(c->out, "%-24s %-4s %-8s %8s  %-11s  %s\n", "kernel", "type", "isa", "cases", "error/bound", "result");
    for (int kernel = 0; kernel < GK_KERNEL_COUNT; kernel++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
                print_row(c, isa, kernel, dtype);
                cells += c->lineup.tally[isa][kernel][dtype].cases > 0;
            }
    char text[3][40];
    if (c->gradients)
        fprintf(c->out, "gradients: %s, %zu failed (centred differences, complex step)\n",
                gb_count_text(c->gradients, "check", text[0], sizeof *text), c->gradients_wrong);
    if (c->guarded)
        fprintf(c->out, "memory: %s with every operand beside a forbidden page and inputs read-only\n",
                gb_count_text(c->guarded, "call", text[0], sizeof *text));
    print_skipped(c);
    const size_t failures = c->lineup.failures + c->gradients_wrong;
    fprintf(c->out, "%s, %s, %s; seed %llu, numerics version %d\n", gb_count_text(cells, "cell", text[0], sizeof *text),
            gb_count_text(c->lineup.cases + c->guarded + c->gradients, "case", text[1], sizeof *text),
            gb_count_text(failures, "failure", text[2], sizeof *text), (unsigned long long)c->options->seed,
            gk_numerics_version());
    return failures ? GB_EXIT_CHECK : GB_EXIT_OK;
}

/* Too large for ref in full: as the benchmark verifies it. */
static int check_large(struct check *c, struct gb_problem *problem) {
    const struct gb_problem_spec *const spec = &problem->spec;
    struct gb_verify_report report_of;
    const size_t *const threads = c->options->threads;
    struct gb_verifier *const verifier = gb_verifier_create(problem, c->lineup.ref, threads, c->options->n_threads);
    for (size_t i = 0; verifier && i < c->lineup.count; i++) {
        const struct gb_lineup_cell *const cell = &c->lineup.list[i];
        const struct gb_difference *const d = &report_of.difference;
        char what[200];
        if (cell->use == GB_USE_SMALL || cell->isa == 0) continue;
        gb_problem_reset(problem);
        c->lineup.cases++;
        c->lineup.tally[cell->isa][spec->kernel][spec->dtype].cases++;
        const gk_status status = c->lineup.call(cell->ctx, spec->kernel, spec->dtype, problem->args);
        if (status == GK_OK && gb_verify(verifier, problem, gk_context_isa(cell->ctx), &report_of) != GB_VERIFY_FAILED)
            continue;
        if (status != GK_OK) snprintf(what, sizeof what, "status: %s", gk_status_string(status));
        else if (report_of.changed) snprintf(what, sizeof what, "memory: %s or its padding was written", report_of.changed);
        else
            snprintf(what, sizeof what, "bits: %s[%zu][%zu] is %a, %s has %a", d->operand, d->row, d->col, d->got,
                     report_of.against, d->want);
        gb_lineup_fail(&c->lineup, spec, cell->isa, cell->threads, what);
    }
    fprintf(c->out, "skipped: isa %s: it computed a sample, all of a problem of this size would take it too long\n",
            gk_isa_get(0, GK_F32)->name);
    if (!verifier) return gb_fail(GB_EXIT_RESOURCE, "no memory to verify the problem");
    gb_verifier_destroy(verifier);
    return report(c);
}

static int check_small_enough(struct check *c, const struct gb_problem *problem) {
    static const double full_truth = 0x1p30;
    gb_lineup_compare(&c->lineup, &problem->spec, 0, GB_USE_ALL);
    if (gk_kernel_flops(problem->kernel, problem->args) <= full_truth) gb_lineup_accuracy(&c->lineup, &problem->spec);
    guard_problem(c, &problem->spec);
    return report(c);
}

/* Ref, the isa and the true values take four copies of the operands at most, the latter in numbers of 16 bytes. */
static int check_one(struct check *c, const struct gb_problem_spec *spec) {
    struct gb_problem problem;
    const struct gb_memory memory = gb_memory_available();
    const double bytes = (double)gb_problem_bytes(spec);
    char need[24], have[24];
    if (bytes == 0) return gb_fail(GB_EXIT_RESOURCE, "the sizes of this problem overflow");
    if (12 * bytes > memory.bytes)
        return gb_fail(GB_EXIT_RESOURCE, "checking this problem needs %s, but %s are %s",
                       gb_bytes_text(12 * bytes, need, sizeof need), gb_bytes_text(memory.bytes, have, sizeof have),
                       memory.rule);
    if (!gb_problem_create(&problem, spec)) return gb_fail(GB_EXIT_RESOURCE, "no memory for the problem");
    const int code = gb_verify_samples(&problem) ? check_large(c, &problem) : check_small_enough(c, &problem);
    gb_problem_destroy(&problem);
    return code;
}

static int check_all(struct check *c) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT && c->options->kernels[id]; dtype++) {
            check_small(c, (enum gk_kernel_id)id, (enum gk_dtype)dtype);
            check_edges(c, (enum gk_kernel_id)id, (enum gk_dtype)dtype);
            check_memory(c, (enum gk_kernel_id)id, (enum gk_dtype)dtype);
        }
    check_gradients(c);
    return report(c);
}

/* Where there are none: 1, all that the library would use, and an odd number above. */
static gk_status default_threads(struct gb_check_options *options, size_t threads[3]) {
    gk_context *ctx;
    const gk_status status = gk_context_create(&ctx, NULL);
    if (status != GK_OK) return status;
    const size_t all = gk_context_threads(ctx);
    gk_context_destroy(ctx);
    threads[options->n_threads++] = 1;
    if (all > 1) threads[options->n_threads++] = all;
    threads[options->n_threads++] = (all + 1) | 1;
    options->threads = threads;
    return GK_OK;
}

static int fail_status(gk_status status) {
    enum gb_exit code = GB_EXIT_USAGE;
    if (status == GK_ERROR_ISA || status == GK_ERROR_ENVIRONMENT) code = GB_EXIT_ISA;
    if (status == GK_ERROR_MEMORY) code = GB_EXIT_RESOURCE;
    return gb_fail(code, "%s", gk_status_string(status));
}

int gb_check_run(const struct gb_check_options *options, FILE *out) {
    struct gb_check_options filled = *options;
    size_t threads[3];
    gk_status status = GK_OK;
    struct check *const c = calloc(1, sizeof *c);
    if (!c) return gb_fail(GB_EXIT_RESOURCE, "no memory");
    c->out = out;
    c->options = &filled;
    if (options->problem) filled.seed = options->problem->seed;
    if (options->n_threads == 0) status = default_threads(&filled, threads);
    if (status == GK_OK) gb_lineup_open(&c->lineup, options->isas, filled.threads, filled.n_threads, out, &status);
    if (options->call) c->lineup.call = options->call;
    const int code = status != GK_OK ? fail_status(status) : options->problem ? check_one(c, options->problem) : check_all(c);
    gb_lineup_close(&c->lineup);
    gb_guard_close();
    free(c);
    return code;
}
