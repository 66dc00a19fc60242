#include "cells.h"

#include <stdlib.h>
#include <string.h>

#include "accuracy.h"

enum { LOGGED_MAX = 10 };

static const struct gk_caches small_caches = {.l1d = 1 << 10, .l2 = 8 << 10, .l3 = 16 << 10};

static gk_status add(struct gb_cells *cells, size_t column, size_t threads, enum gb_cells_use use) {
    if (cells->count == GB_CELLS_MAX) return GK_ERROR_OPTION;
    struct gb_cell *const cell = &cells->list[cells->count];
    const gk_options options = {.isa = gk_column_get(column, GK_F32)->name, .threads = threads, .serial_below = 1};
    *cell = (struct gb_cell){.column = column, .threads = threads, .use = use};
    const gk_status status = gk_context_create(&cell->ctx, &options);
    if (status != GK_OK) return status;
    if (use == GB_USE_SMALL) gk_context_set_caches(cell->ctx, small_caches);
    cells->count++;
    return GK_OK;
}

struct gb_problem_spec gb_spec_by_turns(enum gk_kernel_id kernel, enum gk_dtype dtype, const size_t sizes[3], uint64_t number,
                                        uint64_t seed) {
    static const size_t pads[] = {0, 1, 3, 5}, shifts[] = {0, 1, 3, 7};
    uint64_t x = (number + seed) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    struct gb_problem_spec s = {.kernel = kernel, .dtype = dtype, .n = 1, .d = 1, .m = 1, .c = 1, .seed = seed};
    const struct gk_kernel *const k = gk_kernel_get(kernel);
    size_t next = 0;
    for (size_t i = 0; i < k->n_fields && next < 3; i++) {
        if (k->fields[i].kind != GK_FIELD_DIM) continue;
        const char name = k->fields[i].name[0];
        *(name == 'n' ? &s.n : name == 'd' ? &s.d : name == 'm' ? &s.m : &s.c) = sizes[next++];
    }
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
    return s;
}

size_t gb_kernel_dimensions(enum gk_kernel_id id) {
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    size_t count = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) count += kernel->fields[i].kind == GK_FIELD_DIM;
    return count;
}

static int by_size(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

size_t gb_edge_sizes(enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]) {
    size_t count = 0, unique = 0;
    for (size_t c = 0; c < gk_column_count(); c++) {
        const struct gk_column *const column = gk_column_get(c, dtype);
        for (size_t e = 0; e < sizeof column->edges / sizeof *column->edges && column->edges[e]; e++) {
            const size_t b = column->edges[e], around[] = {b - 1, b, b + 1, 2 * b - 1, 2 * b + 1};
            for (size_t i = 0; i < sizeof around / sizeof *around && count < GB_EDGE_SIZES_MAX; i++)
                if (around[i] > 0) sizes[count++] = around[i];
        }
    }
    qsort(sizes, count, sizeof *sizes, by_size);
    for (size_t i = 0; i < count; i++)
        if (unique == 0 || sizes[i] != sizes[unique - 1]) sizes[unique++] = sizes[i];
    return unique;
}

static gk_status add_column(struct gb_cells *cells, size_t column, const size_t *threads, size_t n_threads) {
    gk_status status = GK_OK;
    size_t most = 1;
    for (size_t i = 0; i < n_threads && status == GK_OK; i++) {
        status = add(cells, column, threads[i], threads[i] == 1 ? GB_USE_SERIAL : GB_USE_PARALLEL);
        if (threads[i] > most) most = threads[i];
    }
    if (status == GK_OK) status = add(cells, column, 1, GB_USE_SMALL);
    if (status == GK_OK && most > 1) status = add(cells, column, most, GB_USE_SMALL);
    return status;
}

bool gb_cells_open(struct gb_cells *cells, const bool *columns, const size_t *threads, size_t n_threads, FILE *log,
                   gk_status *status) {
    *cells = (struct gb_cells){.log = log};
    *status = gk_context_create(&cells->ref, &(gk_options){.isa = gk_column_get(0, GK_F32)->name, .threads = 1});
    for (size_t i = 0; i < gk_column_count() && *status == GK_OK; i++) {
        cells->columns[i] = columns ? columns[i] : !gk_column_unusable(i);
        if (cells->columns[i]) *status = add_column(cells, i, threads, n_threads);
    }
    if (*status != GK_OK) gb_cells_close(cells);
    return *status == GK_OK;
}

void gb_cells_close(struct gb_cells *cells) {
    for (size_t i = 0; i < cells->count; i++) gk_context_destroy(cells->list[i].ctx);
    gk_context_destroy(cells->ref);
    cells->count = 0;
    cells->ref = NULL;
}

void gb_cells_fail(struct gb_cells *cells, const struct gb_problem_spec *spec, size_t column, size_t threads,
                   const char *what) {
    char text[256];
    cells->failures++;
    cells->tally[column][spec->kernel][spec->dtype].failures++;
    if (!cells->log || cells->failures > LOGGED_MAX) return;
    gb_problem_describe(spec, text, sizeof text);
    fprintf(cells->log, "FAILED %s\n    again: gradbench check --isa %s --threads %zu \"%s\"\n", what,
            gk_column_get(column, GK_F32)->name, threads, text);
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

size_t gb_cells_optional_outputs(const struct gb_problem_spec *spec) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    size_t count = 0;
    for (size_t i = 0; i < kernel->n_fields && !spec->bare; i++)
        count += kernel->fields[i].kind == GK_FIELD_OUT && kernel->fields[i].flags & GK_FLAG_OPTIONAL;
    return count;
}

static bool compare_cell(struct gb_cells *cells, const struct gb_cell *cell, struct gb_problem *got,
                         const struct gb_problem *want, gk_status expected) {
    const struct gb_problem_spec *const spec = &got->spec;
    struct gb_difference d;
    char what[200];
    gb_problem_reset(got);
    cells->cases++;
    cells->tally[cell->column][spec->kernel][spec->dtype].cases++;
    const gk_status status = gb_problem_call(got, cell->ctx);
    if (status != expected)
        snprintf(what, sizeof what, "status: %s (ref: %s)", gk_status_string(status), gk_status_string(expected));
    else if (!gb_problem_equal(got, want, &d))
        snprintf(what, sizeof what, "bits: %s[%zu][%zu] is %a, ref has %a", d.operand, d.row, d.col, d.got, d.want);
    else return true;
    gb_cells_fail(cells, spec, cell->column, cell->threads, what);
    return false;
}

static bool compare_all(struct gb_cells *cells, struct gb_problem *got, struct gb_problem *want, unsigned drop, unsigned use) {
    bool same = true;
    const char *changed;
    drop_outputs(got, drop);
    drop_outputs(want, drop);
    const gk_status expected = gb_problem_call(want, cells->ref);
    for (size_t i = 0; i < cells->count; i++)
        if (cells->list[i].use & use && !compare_cell(cells, &cells->list[i], got, want, expected)) same = false;
    if (gb_problem_intact(got, &changed)) return same;
    char what[200];
    snprintf(what, sizeof what, "memory: an input or a padding of %s was written, by one of the columns", changed);
    gb_cells_fail(cells, &got->spec, 0, 1, what);
    return false;
}

bool gb_cells_compare(struct gb_cells *cells, const struct gb_problem_spec *spec, unsigned drop, unsigned use) {
    struct gb_problem_spec plain = *spec;
    struct gb_problem got, want;
    plain.ld_pad = plain.misalign = 0;
    plain.in_place = false;
    cells->problems++;
    if (!gb_problem_create(&want, &plain)) {
        gb_cells_fail(cells, spec, 0, 1, "no memory");
        return false;
    }
    struct gb_problem_spec actual = *spec;
    if (drop) actual.in_place = false; /* an output that is left out would show its input */
    const bool made = gb_problem_create(&got, &actual);
    const bool same = made && compare_all(cells, &got, &want, drop, use);
    if (made) gb_problem_destroy(&got);
    else gb_cells_fail(cells, spec, 0, 1, "no memory");
    gb_problem_destroy(&want);
    return same;
}

bool gb_cells_accuracy(struct gb_cells *cells, const struct gb_problem_spec *spec) {
    struct gb_tally *const tally = &cells->tally[0][spec->kernel][spec->dtype];
    struct gb_problem problem;
    struct gb_accuracy accuracy;
    char what[200];
    if (!gb_accuracy_applies(spec->data) || !gb_accuracy_has_oracle(gk_kernel_get(spec->kernel))) return true;
    cells->problems++;
    cells->cases++;
    tally->cases++;
    if (!gb_problem_create(&problem, spec)) {
        gb_cells_fail(cells, spec, 0, 1, "no memory");
        return false;
    }
    const gk_status status = gb_problem_call(&problem, cells->ref);
    const bool right = status == GK_OK && gb_accuracy_check(&problem, &accuracy);
    if (status != GK_OK) snprintf(what, sizeof what, "status: %s", gk_status_string(status));
    else if (!right)
        snprintf(what, sizeof what, "accuracy: %s[%zu][%zu] is %.17g, truth %.17g, error / bound %.3g", accuracy.first.operand,
                 accuracy.first.row, accuracy.first.col, accuracy.first.got, accuracy.first.want, accuracy.worst);
    if (!right) gb_cells_fail(cells, spec, 0, 1, what);
    if (status == GK_OK && !(accuracy.worst <= tally->worst)) tally->worst = accuracy.worst;
    gb_problem_destroy(&problem);
    return right;
}

size_t gb_cells_idle(const struct gb_cells *cells) {
    size_t idle = 0;
    for (size_t column = 0; column < gk_column_count(); column++) {
        if (!cells->columns[column]) continue;
        for (int kernel = 0; kernel < GK_KERNEL_COUNT; kernel++)
            for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
                if (cells->tally[column][kernel][dtype].cases) continue;
                idle++;
                fprintf(cells->log, "IDLE %s %s %s ran no case\n", gk_kernel_get((enum gk_kernel_id)kernel)->name,
                        gk_dtype_name((enum gk_dtype)dtype), gk_column_get(column, GK_F32)->name);
            }
    }
    return idle;
}
