/* The public functions, and the one place where a cell is called. */
#include "context.h"

/* All threads, or one where two would not have serial_below of work each. Teams of sizes in between are not worth it: OpenMP
 * ends the threads that a smaller team does not need, and creates them again for the next one. */
static size_t threads_for(const gk_context *ctx, enum gk_kernel_id id, const struct gk_cell *cell, enum gk_dtype dtype,
                          const void *args) {
    if (ctx->threads == 1) return 1;
    enum gk_roof roof;
    const double work = gk_kernel_work(id, dtype, args, &roof);
    const bool bytes = cell->serial_below_bytes > 0 && roof == GK_ROOF_MEMORY;
    const double own = bytes ? cell->serial_below_bytes : cell->serial_below;
    const double share = ctx->serial_below > 0 ? ctx->serial_below : own;
    return work < 2 * share ? 1 : ctx->threads;
}

size_t gk_call_threads(const gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    return threads_for(ctx, id, ctx->isas[dtype]->cells[id], dtype, args);
}

/* Once, not in each public function. */
__attribute__((noinline)) gk_status gk_call(gk_context *ctx, enum gk_kernel_id id, enum gk_dtype dtype, const void *args) {
    if (!ctx || !args) return GK_ERROR_NULL;
    const struct gk_cell *const cell = ctx->isas[dtype]->cells[id];
    bool writes;
    gk_status status = gk_validate(id, dtype, args, &writes);
    if (status != GK_OK || !writes) return status;
    if (cell->check && (status = cell->check(args)) != GK_OK) return status;

    const struct gk_machine machine = {threads_for(ctx, id, cell, dtype, args), ctx->caches};
    const size_t bytes = cell->scratch ? cell->scratch(args, &machine) : 0;
    void *const scratch = bytes ? gk_context_scratch(ctx, bytes) : NULL;
    if (bytes && !scratch) return GK_ERROR_MEMORY;
    ctx->ran = gk_team_run(machine.threads, cell->run, args, scratch, &ctx->caches);
    return GK_OK;
}

#define GK_KERNEL(id, family, doc)                                                                                             \
    gk_status gk_##id(gk_context *ctx, const gk_##id##_args *args) { return gk_call(ctx, GK_KERNEL_##id, GK_F32, args); }      \
    gk_status gk_##id##_f64(gk_context *ctx, const gk_##id##_args_f64 *args) {                                                 \
        return gk_call(ctx, GK_KERNEL_##id, GK_F64, args);                                                                     \
    }
#include "../kernels.def"
