/* Compiled once an isa and type: gathers the cells. */
#include "kernel.h"

#include GK_TUNED_HEADER

#define GK_KERNEL(id, family, doc) extern const struct gk_cell GK_SYMBOL(id);
#include "../kernels.def"
extern gk_run *const GK_SYMBOL(probes)[GK_PROBE_COUNT];
extern const struct gk_math GK_SYMBOL(math);
extern const struct gk_gemm_tile GK_SYMBOL(gemm_tile);

static const struct gk_cell *const cells[] = {
#define GK_KERNEL(id, family, doc) &GK_SYMBOL(id),
#include "../kernels.def"
};

static const bool tuned[] = {
#define GK_KERNEL(id, family, doc) GK_TUNED_##id,
#include "../kernels.def"
};

extern const struct gk_isa GK_SYMBOL(isa);
const struct gk_isa GK_SYMBOL(isa) = {
    .name = GK_TEXT(GK_ISA),
    .needs = GK_SIMD_NEEDS,
    .lanes = GK_LANES,
    .edges = {GK_LANES, GK_TILE_ROWS, GK_TILE_VECTORS *GK_LANES, GK_SUM_LANES, GK_KB},
    .cells = cells,
    .tuned = tuned,
    .probes = GK_SYMBOL(probes),
    .fma_flops = 2.0 * GK_LANES * GK_PROBE_CHAINS * GK_PROBE_STEPS,
    .math = &GK_SYMBOL(math),
    .tile = &GK_SYMBOL(gemm_tile),
};
