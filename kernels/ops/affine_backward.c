/* dx, dw and db in one parallel region. With a mask, dy passed through it is written once and then read by all three. */
#include "affine.h"

enum { LINE = 64 / sizeof(real), PAGE = 4096 };

static bool masks(const gk_backward_args *a) { return a->mask && a->m; }

/* An odd number of lines: rows do not fall into the same set of a cache. */
static size_t copy_ld(const gk_backward_args *a) { return (gk_ceil_div(a->m, LINE) | 1) * LINE; }

static size_t copy_bytes(const gk_backward_args *a) {
    return masks(a) ? gk_ceil_div(a->n * copy_ld(a) * sizeof(real), PAGE) * PAGE : 0;
}

static void mask_row(const real *dy, const uint64_t *mask, size_t m, real *out) {
#if !GK_IS_REFERENCE
    for (size_t j = 0; j < m && m >= GK_LANES; j += GK_LANES) {
        const size_t at = gk_min(j, m - GK_LANES);
        vf_store(out + at, vf_keep(vm_from_bits(gk_bits(mask, at, GK_LANES)), vf_load(dy + at)));
    }
#endif
    for (size_t j = 0; j < m && (GK_IS_REFERENCE || m < GK_LANES); j++) {
        const real x = dy[j];
        out[j] = gk_bits(mask, j, 1) & 1 ? x : 0;
    }
}

/* The same with a dy that has passed through the mask. */
static gk_backward_args without_mask(const gk_backward_args *a, const real *dy) {
    gk_backward_args copy = *a;
    if (masks(a)) copy.dy = dy, copy.ld_dy = copy_ld(a);
    return copy;
}

/* The whole team calls it. */
static void pass_through_mask(const gk_backward_args *a, real *dy, const struct gk_team *team) {
    const size_t ld = gk_ld(a->ld_dy, a->m), ld_mask = gk_ld(a->ld_mask, gk_words(a->m));
    const struct gk_slice rows = gk_team_slice(team, a->n, 1);
    for (size_t i = rows.begin; i < rows.end; i++) mask_row(a->dy + i * ld, a->mask + i * ld_mask, a->m, dy + i * copy_ld(a));
    gk_team_barrier(team);
}

static void run(const void *args, const struct gk_team *team) {
    const gk_backward_args *const given = args;
    const gk_backward_args a = without_mask(given, team->scratch);
    const struct gk_gemm dx = gk_product_dx(&a), dw = gk_product_dw(&a);
    struct gk_team rest = *team;
    rest.scratch = (char *)team->scratch + copy_bytes(given);
    if (masks(given)) pass_through_mask(given, team->scratch, team);
    if (a.dx) GK_SYMBOL(gemm)(&dx, &rest);
    if (a.dw) GK_SYMBOL(gemm)(&dw, &rest);
    if (!a.db) return;
    gk_team_barrier(team); /* the products' scratch becomes the sums' */
    const gk_db_args db = gk_sums_db(&a);
    GK_SYMBOL(column_sums)(&db, &rest);
}

static size_t scratch(const void *args, const struct gk_machine *machine) {
    const gk_backward_args *const a = args;
    const gk_db_args db = gk_sums_db(a);
    const size_t sums = a->db ? GK_SYMBOL(column_sums_scratch)(&db, machine) : 0;
    const size_t products = GK_SYMBOL(gemm_scratch)(machine);
    return copy_bytes(a) + (sums > products ? sums : products);
}

static size_t products(const void *args, struct gk_gemm_shape shapes[GK_PRODUCTS_MAX]) {
    const gk_backward_args a = without_mask(args, NULL);
    const struct gk_gemm dx = gk_product_dx(&a), dw = gk_product_dw(&a);
    shapes[0] = gk_gemm_shape(&dx), shapes[1] = gk_gemm_shape(&dw);
    return 2;
}

static gk_status check(const void *args) {
    const gk_backward_args *const a = args;
    const bool weights = a->d && a->m, inputs = a->n && a->d;
    return (a->dx && !a->w && weights) || (a->dw && !a->x && inputs) ? GK_ERROR_NULL : GK_OK;
}

GK_CELL(affine_backward) = {.run = run,
                            .scratch = scratch,
                            .products = products,
                            .check = check,
                            .serial_below = GK_GEMM_SERIAL_BELOW,
                            .serial_below_bytes = GK_COLUMN_SUMS_SERIAL_BELOW};
