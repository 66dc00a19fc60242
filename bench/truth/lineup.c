#include "lineup.h"

#include <stdlib.h>
#include <string.h>

#include "accuracy.h"
#include "fused.h"

enum { LOGGED_MAX = 10 };

static const struct gk_caches small_caches = {.l1d = 1 << 10, .l2 = 8 << 10, .l3 = 16 << 10};

static gk_status add(struct gb_lineup *lineup, size_t isa, size_t threads, enum gb_lineup_use use) {
    if (lineup->count == GB_LINEUP_MAX) return GK_ERROR_OPTION;
    struct gb_lineup_cell *const cell = &lineup->list[lineup->count];
    const gk_options options = {.isa = gk_isa_get(isa, GK_F32)->name, .threads = threads, .serial_below = 1};
    *cell = (struct gb_lineup_cell){.isa = isa, .threads = threads, .use = use};
    const gk_status status = gk_context_create(&cell->ctx, &options);
    if (status != GK_OK) return status;
    if (use == GB_USE_SMALL) gk_context_set_caches(cell->ctx, small_caches);
    lineup->count++;
    return GK_OK;
}

void gb_set_targets(struct gb_problem_spec *spec, bool smoothed, bool weighted, bool with_z) {
    if (smoothed) gb_option_read(gb_option_find("label_smoothing"), "0.05", spec);
    spec->class_weights = weighted;
    if (with_z) gb_option_read(gb_option_find("z_loss"), "0.01", spec);
}

struct gb_problem_spec gb_spec_by_turns(enum gk_kernel_id kernel, enum gk_dtype dtype, const size_t *sizes, size_t count,
                                        uint64_t number, uint64_t seed) {
    static const size_t pads[] = {0, 1, 3, 5}, shifts[] = {0, 1, 3, 7};
    uint64_t x = (number + seed) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    struct gb_problem_spec s = {.kernel = kernel, .dtype = dtype, .seed = seed};
    const struct gk_kernel *const k = gk_kernel_get(kernel);
    size_t next = 0;
    for (size_t i = 0; i < k->n_fields; i++)
        if (k->fields[i].kind == GK_FIELD_DIM) s.dims[k->fields[i].dim] = sizes[next++ % count];
    s.layout = x & 1 ? GK_OUT_IN : GK_IN_OUT;
    s.accumulate = x >> 1 & 1;
    s.soft_labels = (x >> 2 & 3) == 0;
    s.ignore = x >> 4 & 1;
    s.dloss = x >> 5 & 1;
    s.bare = (x >> 6 & 3) == 0;
    s.in_place = (x >> 8 & 3) == 0;
    s.reduction = (gk_reduction)((x >> 10 & 0xff) % 3);
    s.ld_pad = pads[x >> 18 & 3];
    s.misalign = shifts[x >> 20 & 3];
    s.data = (enum gb_data)((x >> 22 & 0xfff) % GB_DATA_COUNT);
    s.wide_labels = x >> 34 & 1;
    gb_set_targets(&s, (x >> 35 & 3) == 0, (x >> 37 & 3) == 0, (x >> 39 & 3) == 0);
    return s;
}

bool gb_spec_of_set(enum gk_kernel_id kernel, enum gk_dtype dtype, unsigned set, struct gb_problem_spec *spec) {
    *spec = (struct gb_problem_spec){.kernel = kernel,
                                     .dtype = dtype,
                                     .layout = set & 1 ? GK_OUT_IN : GK_IN_OUT,
                                     .accumulate = set & 2,
                                     .soft_labels = set & 4,
                                     .ignore = set & 8,
                                     .dloss = set & 16,
                                     .reduction = (gk_reduction)((set >> 5) % 3)};
    const unsigned targets = (set >> 5) / 3;
    gb_set_targets(spec, targets & 1, targets & 2, targets & 2);
    for (enum gb_option o = 0; o < GB_OPTION_COUNT; o++)
        if (!gb_kernel_has(kernel, o) && gb_option_differs(o, spec, 0)) return false;
    return !(spec->soft_labels && spec->ignore); /* soft labels know no ignored rows */
}

size_t gb_kernel_dimensions(enum gk_kernel_id id) {
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    size_t count = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) count += kernel->fields[i].kind == GK_FIELD_DIM;
    return count;
}

bool gb_small_shape(enum gk_kernel_id kernel, size_t number, size_t most, size_t longest, size_t sizes[static GK_DIM_COUNT]) {
    const size_t dimensions = gb_kernel_dimensions(kernel);
    for (size_t i = dimensions; i > 0; i--) {
        const size_t top = dimensions <= 2 && i == dimensions ? longest : i <= 3 ? most : 2;
        sizes[i - 1] = 1 + number % top;
        number /= top;
    }
    return number == 0;
}

static int by_size(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

size_t gb_edge_sizes(enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]) {
    size_t count = 0, unique = 0;
    for (size_t c = 0; c < GK_ISA_COUNT; c++) {
        const struct gk_isa *const isa = gk_isa_get(c, dtype);
        for (size_t e = 0; e < sizeof isa->edges / sizeof *isa->edges && isa->edges[e]; e++) {
            const size_t b = isa->edges[e], around[] = {b - 1, b, b + 1, 2 * b - 1, 2 * b + 1};
            _Static_assert(GK_ISA_COUNT * sizeof isa->edges * sizeof around <= GB_EDGE_SIZES_MAX * sizeof b * sizeof b, "all");
            for (size_t i = 0; i < sizeof around / sizeof *around; i++)
                if (around[i] > 0) sizes[count++] = around[i];
        }
    }
    qsort(sizes, count, sizeof *sizes, by_size);
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || sizes[i] != sizes[unique - 1]) sizes[unique++] = sizes[i];
    return unique;
}

static gk_status add_isa(struct gb_lineup *lineup, size_t isa, const size_t *threads, size_t n_threads) {
    gk_status status = GK_OK;
    size_t most = 1;
    for (size_t i = 0; i < n_threads && status == GK_OK; i++) {
        status = add(lineup, isa, threads[i], threads[i] == 1 ? GB_USE_SERIAL : GB_USE_PARALLEL);
        if (threads[i] > most) most = threads[i];
    }
    if (status == GK_OK) status = add(lineup, isa, 1, GB_USE_SMALL);
    if (status == GK_OK && most > 1) status = add(lineup, isa, most, GB_USE_SMALL);
    return status;
}

bool gb_lineup_open(struct gb_lineup *lineup, const bool *isas, const size_t *threads, size_t n_threads, FILE *log,
                    gk_status *status) {
    *lineup = (struct gb_lineup){.call = gk_call, .log = log};
    *status = gk_context_create(&lineup->ref, &(gk_options){.isa = gk_isa_get(0, GK_F32)->name, .threads = 1});
    for (size_t i = 0; i < GK_ISA_COUNT && *status == GK_OK; i++) {
        lineup->isas[i] = isas ? isas[i] : !gk_isa_unusable(i);
        if (lineup->isas[i]) *status = add_isa(lineup, i, threads, n_threads);
    }
    if (*status != GK_OK) gb_lineup_close(lineup);
    return *status == GK_OK;
}

void gb_lineup_close(struct gb_lineup *lineup) {
    for (size_t i = 0; i < lineup->count; i++) gk_context_destroy(lineup->list[i].ctx);
    gk_context_destroy(lineup->ref);
    lineup->count = 0;
    lineup->ref = NULL;
}

void gb_lineup_fail(struct gb_lineup *lineup, const struct gb_problem_spec *spec, size_t isa, size_t threads,
                    const char *what) {
    char text[256];
    lineup->failures++;
    lineup->tally[isa][spec->kernel][spec->dtype].failures++;
    if (!lineup->log || lineup->failures > LOGGED_MAX) return;
    gb_problem_describe(spec, text, sizeof text);
    fprintf(lineup->log, "FAILED %s\n    again: gradbench check --isa %s --threads %zu \"%s\"\n", what,
            gk_isa_get(isa, GK_F32)->name, threads, text);
}

static bool is_optional_output(const struct gb_operand *operand) {
    return operand->output && operand->field->flags & GK_FLAG_OPTIONAL;
}

/* The pointers of the outputs in drop become NULL. */
static void drop_outputs(const struct gb_problem *problem, unsigned drop) {
    static const void *const none = NULL;
    unsigned bit = 1;
    for (size_t i = 0; i < problem->n_operands; i++) {
        if (!is_optional_output(&problem->operands[i])) continue;
        if (drop & bit) memcpy((char *)problem->args + problem->operands[i].field->offset, &none, sizeof none);
        bit <<= 1;
    }
}

size_t gb_lineup_optional_outputs(const struct gb_problem_spec *spec) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    size_t count = 0;
    for (size_t i = 0; i < kernel->n_fields && !spec->bare; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        count += f->kind == GK_FIELD_OUT && f->flags & GK_FLAG_OPTIONAL && gb_problem_has(spec, f);
    }
    return count;
}

static gk_status call_cell(const struct gb_lineup *lineup, gk_context *ctx, const struct gb_problem *problem) {
    return lineup->call(ctx, problem->spec.kernel, problem->spec.dtype, problem->args);
}

static bool compare_cell(struct gb_lineup *lineup, const struct gb_lineup_cell *cell, struct gb_problem *got,
                         const struct gb_problem *want, gk_status expected) {
    const struct gb_problem_spec *const spec = &got->spec;
    struct gb_difference d;
    char what[200];
    gb_problem_reset(got);
    lineup->cases++;
    lineup->tally[cell->isa][spec->kernel][spec->dtype].cases++;
    const gk_status status = call_cell(lineup, cell->ctx, got);
    if (status != expected)
        snprintf(what, sizeof what, "status: %s (ref: %s)", gk_status_string(status), gk_status_string(expected));
    else if (!gb_problem_equal(got, want, &d))
        snprintf(what, sizeof what, "bits: %s[%zu][%zu] is %a, %s %a", d.operand, d.row, d.col, d.got,
                 gb_has_parts(got->kernel) ? "its parts on ref have" : "ref has", d.want);
    else return true;
    gb_lineup_fail(lineup, spec, cell->isa, cell->threads, what);
    return false;
}

/* What a call must return: ref's bits, of a fused kernel those of its parts on ref. */
static gk_status call_ref(const struct gb_lineup *lineup, struct gb_problem *want) {
    const gk_status status = call_cell(lineup, lineup->ref, want);
    if (status != GK_OK || !gb_has_parts(want->kernel)) return status;
    gb_problem_reset(want);
    return gb_parts_call(want, lineup->ref);
}

static bool compare_all(struct gb_lineup *lineup, struct gb_problem *got, struct gb_problem *want, unsigned drop,
                        unsigned use) {
    bool same = true;
    const char *changed;
    drop_outputs(got, drop);
    drop_outputs(want, drop);
    const gk_status expected = call_ref(lineup, want);
    for (size_t i = 0; i < lineup->count; i++)
        if (lineup->list[i].use & use && !compare_cell(lineup, &lineup->list[i], got, want, expected)) same = false;
    if (gb_problem_intact(got, &changed)) return same;
    char what[200];
    snprintf(what, sizeof what, "memory: an input or a padding of %s was written, by one of the isas", changed);
    gb_lineup_fail(lineup, &got->spec, 0, 1, what);
    return false;
}

bool gb_lineup_compare(struct gb_lineup *lineup, const struct gb_problem_spec *spec, unsigned drop, unsigned use) {
    struct gb_problem_spec plain = *spec;
    struct gb_problem got, want;
    plain.ld_pad = plain.misalign = 0;
    plain.in_place = false;
    lineup->problems++;
    if (!gb_problem_create(&want, &plain)) {
        gb_lineup_fail(lineup, spec, 0, 1, "no memory");
        return false;
    }
    struct gb_problem_spec actual = *spec;
    if (drop) actual.in_place = false; /* an output that is left out would show its input */
    const bool made = gb_problem_create(&got, &actual);
    const bool same = made && compare_all(lineup, &got, &want, drop, use);
    if (made) gb_problem_destroy(&got);
    else gb_lineup_fail(lineup, spec, 0, 1, "no memory");
    gb_problem_destroy(&want);
    return same;
}

bool gb_lineup_accuracy(struct gb_lineup *lineup, const struct gb_problem_spec *spec) {
    struct gb_tally *const tally = &lineup->tally[0][spec->kernel][spec->dtype];
    struct gb_problem problem;
    struct gb_accuracy accuracy;
    char what[200];
    if (!gb_accuracy_applies(spec->data) || !gb_accuracy_known(gk_kernel_get(spec->kernel))) return true;
    lineup->problems++;
    lineup->cases++;
    tally->cases++;
    if (!gb_problem_create(&problem, spec)) {
        gb_lineup_fail(lineup, spec, 0, 1, "no memory");
        return false;
    }
    const gk_status status = call_cell(lineup, lineup->ref, &problem);
    const bool right = status == GK_OK && gb_accuracy_check(&problem, &accuracy);
    if (status != GK_OK) snprintf(what, sizeof what, "status: %s", gk_status_string(status));
    else if (!right)
        snprintf(what, sizeof what, "accuracy: %s[%zu][%zu] is %.17g, truth %.17g, error / bound %.3g", accuracy.first.operand,
                 accuracy.first.row, accuracy.first.col, accuracy.first.got, accuracy.first.want, accuracy.worst);
    if (!right) gb_lineup_fail(lineup, spec, 0, 1, what);
    if (status == GK_OK && !(accuracy.worst <= tally->worst)) tally->worst = accuracy.worst;
    gb_problem_destroy(&problem);
    return right;
}

size_t gb_lineup_idle(const struct gb_lineup *lineup) {
    size_t idle = 0;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        if (!lineup->isas[isa]) continue;
        for (int kernel = 0; kernel < GK_KERNEL_COUNT; kernel++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                if (lineup->tally[isa][kernel][dtype].cases) continue;
                idle++;
                fprintf(lineup->log, "IDLE %s %s %s ran no case\n", gk_kernel_get((enum gk_kernel_id)kernel)->name,
                        gk_dtype_name((enum gk_dtype)dtype), gk_isa_get(isa, GK_F32)->name);
            }
    }
    return idle;
}
