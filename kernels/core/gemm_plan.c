#include "gemm_choose.h"

struct gk_gemm_plan gk_gemm_plan(const struct gk_gemm_tile *tile, const struct gk_gemm_shape *shape, size_t threads,
                                 const struct gk_caches *caches) {
    struct gk_gemm_plan plan;
    gk_gemm_choose(&plan, gk_gemm_way_of(tile, shape, threads), tile, shape, threads, caches);
    return plan;
}

const char *gk_gemm_way_name(enum gk_gemm_way way) {
    static const char *const names[GK_GEMM_WAYS] = {"empty", "reference", "shallow", "dot", "thin", "tiny", "blocked"};
    return names[way];
}
