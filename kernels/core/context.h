#ifndef GK_CONTEXT_H
#define GK_CONTEXT_H

#include "call.h"
#include "team.h"

struct gk_context {
    const struct gk_isa *isas[GK_DTYPE_COUNT];
    size_t threads, ran; /* the most that a call asks for; those that the last one had */
    double serial_below;
    struct gk_caches caches;
    void *scratch; /* grows until it is trimmed: calls after the first of a shape allocate nothing */
    size_t scratch_bytes;
    size_t isa;
    const char *isa_rule, *threads_rule;
};

/* At least `bytes` of scratch space, or NULL. */
void *gk_context_scratch(gk_context *ctx, size_t bytes);

#endif
