/* A product: what the plan says, for this thread's rectangle. Nothing that it chooses changes a bit: whatever the way, a sum is
 * one chain of fma over each block of k from +0. */
#include "core/gemm_choose.h"
#include "gemm_parts.h"

const struct gk_gemm_tile GK_SYMBOL(gemm_tile) = {.real = sizeof(real),
                                                  .lanes = GK_LANES,
                                                  .rows = MR,
                                                  .cols = NR,
                                                  .panel = PITCH,
                                                  .strip = STRIP,
                                                  .strips_together = STRIPS_TOGETHER,
                                                  .masks_are_vectors = GK_MASKS_ARE_VECTORS};

const size_t GK_SYMBOL(gemm_edges)[] = {GK_GEMM_BLOCKS_TOGETHER * GK_KB,
                                        GK_GEMM_REFERENCE_COLS,
                                        GK_GEMM_SHALLOW_K,
                                        GK_GEMM_SHALLOW_COLS,
                                        GK_GEMM_DOT_K,
                                        GK_GEMM_DOT_VECTORS *GK_LANES,
                                        (2 * GK_GEMM_DOT_VECTORS - 1) * GK_KB, /* blocks that overlap */
                                        GK_LANES *GK_KB,
                                        GK_GEMM_THIN_ROWS,
                                        GK_GEMM_THIN_SUMS / GK_GEMM_THIN_ROWS,
                                        STRIPS_TOGETHER *MR,
                                        0};

size_t GK_SYMBOL(gemm_scratch)(const struct gk_machine *machine) {
    return machine->threads * gk_gemm_scratch(&GK_SYMBOL(gemm_tile), &machine->caches);
}

/* k = 0: the start value alone. Never transposed. */
static void empty_sum(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                      real *scratch) {
    const size_t cols = share->cols.end - share->cols.begin;
    const size_t rows = share->rows.end - share->rows.begin, dense = !g->bias && cols == g->ldc ? rows : 1;
    (void)plan, (void)scratch;
    for (size_t i = 0; i < rows && !g->accumulate; i += dense) {
        real *const c = element_of_c(g, share->rows.begin + i, share->cols.begin);
        if (g->bias) memcpy(c, g->bias + share->cols.begin, cols * sizeof(real));
        else memset(c, 0, dense * cols * sizeof(real));
    }
}

static gk_gemm_way_function *const ways[GK_GEMM_WAYS] = {
    [GK_GEMM_EMPTY] = empty_sum,
#if GK_IS_REFERENCE
    [GK_GEMM_REFERENCE] = GK_SYMBOL(gemm_reference),
#else
    [GK_GEMM_SHALLOW] = GK_SYMBOL(gemm_shallow),
    [GK_GEMM_DOT] = GK_SYMBOL(gemm_dot),
    [GK_GEMM_THIN] = GK_SYMBOL(gemm_thin),
    [GK_GEMM_TINY] = GK_SYMBOL(gemm_tiny),
    [GK_GEMM_BLOCKED] = GK_SYMBOL(gemm_blocked),
#endif
};

__attribute__((noinline)) static void follow_plan(enum gk_gemm_way way, const struct gk_gemm *g, const struct gk_team *team) {
    const struct gk_gemm_shape shape = gk_gemm_shape(g);
    struct gk_gemm_plan plan;
    gk_gemm_choose(&plan, way, &GK_SYMBOL(gemm_tile), &shape, team->size, team->caches);
    const struct gk_gemm_share share = gk_gemm_share(&plan, team->rank);
    real *const scratch = (real *)((char *)team->scratch + team->rank * plan.scratch);
    if (share.rows.begin == share.rows.end || share.cols.begin == share.cols.end) return;
    if (plan.transposed) {
        const struct gk_gemm flipped = transpose(g);
        ways[way](&flipped, &plan, &share, scratch);
    } else {
        ways[way](g, &plan, &share, scratch);
    }
}

/* The rest of the plan of a small product would take as long as the product. */
void GK_SYMBOL(gemm)(const struct gk_gemm *g, const struct gk_team *team) {
    const struct gk_gemm_shape shape = gk_gemm_shape(g);
    const enum gk_gemm_way way = gk_gemm_way_of(&GK_SYMBOL(gemm_tile), &shape, team->size);
    if (way == GK_GEMM_TINY) {
        ways[way](g, NULL, NULL, team->scratch);
    } else if (way == GK_GEMM_DOT && team->size == 1) {
        const struct gk_gemm flipped = transpose(g), *const product = dots_rows(&GK_SYMBOL(gemm_tile), &shape) ? g : &flipped;
        ways[way](product, NULL, &(struct gk_gemm_share){{0, product->rows}, {0, product->cols}}, NULL);
    } else {
        follow_plan(way, g, team);
    }
}
