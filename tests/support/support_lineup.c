#include "support_lineup.h"

struct gb_operand *gb_operand_named(struct gb_problem *problem, const char *name) {
    for (size_t i = 0; i < problem->n_operands; i++)
        if (strcmp(problem->operands[i].field->name, name) == 0) return &problem->operands[i];
    return NULL;
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

void gb_open_lineup(struct gb_lineup *lineup, const bool *isas, const size_t *threads, size_t n_threads) {
    gk_status status;
    assert_true(gb_lineup_open(lineup, isas, threads, n_threads, stderr, &status));
}
