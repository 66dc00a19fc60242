/* Any cell of the table called by its row, and what a context decided. */
#ifndef GK_CALL_H
#define GK_CALL_H

#include "isa.h"

/* Everything that can be wrong with args but for what cell->check knows. *writes, set where nothing is: there is an element to
 * write. Where there is none, the other dimensions may be absurd, with no memory behind them. */
gk_status gk_validate(enum gk_kernel_id id, enum gk_dtype dtype, const void *args, bool *writes);

/* What gk_<kernel>(ctx, args) does. */
gk_status gk_call(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args);

/* For tests and benchmarks: what the context decided and why; other cache sizes, so that every blocking can be tried. */
struct gk_context_info {
    size_t isa, threads;
    const char *isa_rule, *threads_rule; /* "GRADKERN_ISA", "the widest that this CPU runs"; "OMP_NUM_THREADS", ... */
    struct gk_caches caches;
    size_t ran; /* threads that the last call had */
};
void gk_context_inspect(const gk_context *ctx, struct gk_context_info *info);
void gk_context_set_caches(gk_context *ctx, struct gk_caches caches);

/* The threads that a call with these args asks for. */
size_t gk_call_threads(const gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args);

#endif
