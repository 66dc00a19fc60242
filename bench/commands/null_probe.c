#include "null_probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "interrupt.h"
#include "machine.h"
#include "message.h"

#define SHAPE "affine_dx n=128 d=128 m=128"

static int probe(struct gb_pair *pair, const struct gb_harness *harness, const struct gb_task *task) {
    struct gb_outcome outcome;
    const bool good = gb_harness_run(harness, task, &outcome);
    *pair = outcome.null_pair;
    gb_outcome_free(&outcome);
    return good ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the null probe");
}

int gb_null_probe(struct gb_pair *pair, struct gb_roofs *roofs, struct gb_binding *binding, const char *isa, size_t threads) {
    char count[24];
    snprintf(count, sizeof count, "%zu", threads);
    const struct gb_plan_options options = {.shapes = {.list = {SHAPE}, .count = 1}, .isa = isa, .threads = count, .seed = 1};
    struct gb_plan *const plan = calloc(1, sizeof *plan);
    if (!plan) return gb_fail(GB_EXIT_RESOURCE, "no memory for the null probe");
    int code = gb_plan_make(plan, &options);
    const struct gb_harness harness = {.effects = &gb_real_effects,
                                       .plan = plan,
                                       .roofs = roofs,
                                       .binding = binding,
                                       .caches = gb_machine_get()->caches,
                                       .rounds = 31,
                                       .sample_ns = 1e6,
                                       .budget_ns = 1e9,
                                       .seed = options.seed,
                                       .stop = &gb_caught};
    if (code == GB_EXIT_OK) code = probe(pair, &harness, plan->tasks);
    gb_plan_free(plan);
    free(plan);
    return code;
}
