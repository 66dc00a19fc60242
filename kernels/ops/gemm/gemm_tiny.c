/* Tiles over one block of k, all rows and columns of it, without a plan. */
#include "gemm_tile.h"

void GK_SYMBOL(gemm_tiny)(const struct gk_gemm *g, const struct gk_gemm_plan *plan, const struct gk_gemm_share *share,
                          real *scratch) {
    const size_t strips = gk_ceil_div(g->rows, MR), height = gk_ceil_div(g->rows, strips);
    const bool packs_b = gk_gemm_transposes_b(g->b.along_k, g->cols) || (GK_MASKS_ARE_VECTORS && g->cols < GK_LANES);
    const real *b = packs_b ? scratch : g->b.p;
    (void)plan, (void)share;
    struct tile t; /* to set all of it to 0 first took 2 % of 10 x 6 x 5 */
    t.k = g->k, t.a_row = line_step(&g->a), t.a_k = k_step(&g->a), t.ldb = packs_b ? NR : k_step(&g->b);
    t.ldc = g->ldc, t.ahead = g->a.p, t.ahead_step = 0;
    if (packs_b) GK_SYMBOL(gemm_pack_panels)(g, (struct gk_slice){0, g->cols}, (struct gk_slice){0, g->k}, scratch);
    t.b_next = packs_b ? PITCH : NR, t.c_next = t.start_next = NR;
    for (size_t j = 0, width, tiles; j < g->cols; j += tiles * width, b += tiles * (packs_b ? PITCH : width)) {
        width = tile_width(g->cols - j), tiles = tiles_beside(g->cols - j);
        t.a = g->a.p, t.b = b, t.c = g->c + j;
        t.start = start_of(g, 0, j, 0);
        for (size_t i = 0; i < g->rows; i += height) {
            run_tiles(&t, gk_min(height, g->rows - i), tiles, width, false, false);
            t.a += height * t.a_row, t.c += height * t.ldc, t.start.at += height * t.start.row;
        }
    }
}
