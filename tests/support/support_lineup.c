#include "support_lineup.h"

struct gb_operand *gb_operand_named(struct gb_problem *problem, const char *name) {
    for (size_t i = 0; i < problem->n_operands; i++)
        if (strcmp(problem->operands[i].field->name, name) == 0) return &problem->operands[i];
    return NULL;
}

void gb_set_options(struct gb_problem_spec *spec, unsigned bits) {
    spec->layout = bits & 1 ? GK_OUT_IN : GK_IN_OUT;
    spec->accumulate = bits & 2;
    spec->soft_labels = bits & 4;
    spec->ignore = bits & 8;
    spec->dloss = bits & 16;
    spec->bare = bits & 32;
    spec->in_place = bits & 64;
    spec->wide_labels = bits & 128;
}

gk_context *gb_context(size_t isa, size_t threads) {
    gk_context *ctx = NULL;
    const gk_options options = {.isa = gk_isa_get(isa, GK_F32)->name, .threads = threads, .serial_below = 1};
    assert_int_equal(gk_context_create(&ctx, &options), GK_OK);
    return ctx;
}

bool gb_isa_runs(size_t isa) {
    const char *const reason = gk_isa_unusable(isa);
    if (reason) printf("skipped: isa %s: %s\n", gk_isa_get(isa, GK_F32)->name, reason);
    return !reason;
}

size_t gb_widest_isa(void) {
    size_t isa = GK_ISA_COUNT - 1;
    while (gk_isa_unusable(isa)) isa--;
    return isa;
}

size_t gb_open_contexts(gk_context *contexts[GK_ISA_COUNT], size_t threads) {
    size_t count = 0;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        if (gb_isa_runs(isa)) contexts[count++] = gb_context(isa, threads);
    return count;
}

void gb_close_contexts(gk_context *const *contexts, size_t count) {
    for (size_t i = 0; i < count; i++) gk_context_destroy(contexts[i]);
}

/* Unless it is there: b - 1, b, b + 1, 2 b - 1, 2 b + 1. */
static size_t add_around(size_t edge, size_t sizes[GB_EDGE_SIZES_MAX], size_t count) {
    const size_t around[] = {edge - 1, edge, edge + 1, 2 * edge - 1, 2 * edge + 1};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        size_t at = 0;
        while (at < count && sizes[at] != around[i]) at++;
        if (at < count || around[i] == 0) continue;
        assert_true(count < GB_EDGE_SIZES_MAX);
        sizes[count++] = around[i];
    }
    return count;
}

static size_t add_edges(enum gk_kernel_id kernel, enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX], size_t count) {
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        const size_t *const edges = gk_isa_get(isa, dtype)->cells[kernel]->edges;
        for (size_t i = 0; edges && edges[i]; i++) count = add_around(edges[i], sizes, count);
    }
    return count;
}

size_t gb_own_edge_sizes(enum gk_kernel_id id, enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]) {
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    size_t count = add_edges(id, dtype, sizes, 0);
    for (size_t i = 0; i < kernel->n_fields; i++)
        if (kernel->fields[i].kind == GK_FIELD_PART) count = add_edges(kernel->fields[i].id, dtype, sizes, count);
    return count;
}

void gb_open_lineup(struct gb_lineup *lineup, const bool *isas, const size_t *threads, size_t n_threads) {
    gk_status status;
    assert_true(gb_lineup_open(lineup, isas, threads, n_threads, stderr, &status));
}
