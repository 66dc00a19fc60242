#include "context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static gk_status choose_column(gk_context *ctx, const char *asked) {
    const char *const cap = gk_isa_cap(), *const name = asked ? asked : cap;
    ctx->isa_rule = asked ? "asked for" : cap ? "GRADKERN_ISA" : "the widest that this CPU runs";
    if (!name) {
        ctx->isa = GK_ISA_COUNT - 1;
        while (gk_isa_missing(ctx->isa)) ctx->isa--;
        return GK_OK;
    }
    const int index = gk_isa_find(name);
    if (index < 0) return asked ? GK_ERROR_ISA : GK_ERROR_ENVIRONMENT;
    if (gk_isa_missing((size_t)index)) return GK_ERROR_ISA;
    ctx->isa = (size_t)index;
    return GK_OK;
}

static gk_status configure(gk_context *ctx, const gk_options *options) {
    if (!gk_reserved_unused(options->reserved, sizeof options->reserved)) return GK_ERROR_OPTION;
    const struct gk_topology topology = gk_topology_now();
    const gk_status status = choose_column(ctx, options->isa);
    if (status != GK_OK) return status;
    for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) ctx->isas[dtype] = gk_isa_get(ctx->isa, (enum gk_dtype)dtype);
    ctx->threads = gk_threads_choose(&topology, options->threads, getenv("OMP_NUM_THREADS"), &ctx->threads_rule);
    if (ctx->threads == 0) return options->threads ? GK_ERROR_OPTION : GK_ERROR_ENVIRONMENT;
    if (!(options->serial_below >= 0)) return GK_ERROR_OPTION;
    ctx->serial_below = options->serial_below;
    ctx->caches = topology.caches;
    return GK_OK;
}

gk_status gk_context_create(gk_context **ctx, const gk_options *options) {
    static const gk_options defaults;
    if (!ctx) return GK_ERROR_NULL;
    *ctx = NULL;
    gk_context *const made = calloc(1, sizeof *made);
    if (!made) return GK_ERROR_MEMORY;
    const gk_status status = configure(made, options ? options : &defaults);
    if (status != GK_OK) {
        free(made);
        return status;
    }
    const char *const verbose = getenv("GRADKERN_VERBOSE");
    if (verbose && strcmp(verbose, "1") == 0)
        fprintf(stderr, "gradkern %s: %s (%s), threads %zu (%s)\n", gk_version(), gk_context_isa(made), made->isa_rule,
                made->threads, made->threads_rule);
    *ctx = made;
    return GK_OK;
}

void gk_context_destroy(gk_context *ctx) {
    gk_context_trim(ctx);
    free(ctx);
}

/* malloc may keep what is freed, for itself: the pages are given back first. */
void gk_context_trim(gk_context *ctx) {
    if (!ctx || !ctx->scratch) return;
    madvise(ctx->scratch, ctx->scratch_bytes, MADV_DONTNEED);
    free(ctx->scratch);
    ctx->scratch = NULL;
    ctx->scratch_bytes = 0;
}

const char *gk_context_isa(const gk_context *ctx) { return ctx ? ctx->isas[GK_F32]->name : ""; }

size_t gk_context_threads(const gk_context *ctx) { return ctx ? ctx->threads : 0; }

void *gk_context_scratch(gk_context *ctx, size_t bytes) {
    enum { HUGE_PAGE = 1 << 21 };
    if (bytes <= ctx->scratch_bytes) return ctx->scratch;
    if (bytes > PTRDIFF_MAX - HUGE_PAGE) return NULL;
    const size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *const grown = aligned_alloc(HUGE_PAGE, rounded);
    if (!grown) return NULL;
    madvise(grown, rounded, MADV_HUGEPAGE);
    gk_context_trim(ctx);
    ctx->scratch = grown;
    ctx->scratch_bytes = rounded;
    return grown;
}

void gk_context_inspect(const gk_context *ctx, struct gk_context_info *info) {
    *info = (struct gk_context_info){ctx->isa, ctx->threads, ctx->isa_rule, ctx->threads_rule, ctx->caches, ctx->ran};
}

void gk_context_set_caches(gk_context *ctx, struct gk_caches caches) { ctx->caches = caches; }
