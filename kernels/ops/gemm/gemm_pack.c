/* Copies of b and a for tiles to read one line after the other. */
#include "gemm_tile.h"

/* Rows come from far and a run of one is short: the row PACK_AHEAD on is fetched meanwhile. */
enum { PACK_AHEAD = 16 };

/* The last element of b at which a whole vector can be read, or NULL: beyond a row lies the next one, and nothing that is not
 * of the matrix is read. */
static const real *last_vector(const struct gk_gemm *g) {
    const size_t count = g->b.along_k ? g->k : g->cols, lines = g->b.along_k ? g->cols : g->k;
    return g->b.ld == count && lines * count >= GK_LANES ? g->b.p + lines * count - GK_LANES : NULL;
}

/* A view whose lines are k: copies runs of columns. */
static void pack_along_columns(const struct gk_view *b, struct gk_slice cols, struct gk_slice k, real *out) {
    const size_t count = cols.end - cols.begin;
    for (size_t l = k.begin; l < k.end; l++, out += NR) {
        const real *row = element(b, cols.begin, l);
        real *to = out;
        if (l + PACK_AHEAD < k.end) fetch(row + PACK_AHEAD * b->ld, count);
        size_t left = count;
        for (; left >= NR + GK_LANES; left -= NR, row += NR, to += PITCH)
            UNROLLED for (size_t v = 0; v < NV; v++) vf_store(to + v * GK_LANES, vf_load(row + v * GK_LANES));
        for (size_t width; left; left -= width, row += width, to += PITCH) {
            width = tile_width(left);
            vf_store(to, vf_load(row));
            if (width > GK_LANES) vf_store(to + width - GK_LANES, vf_load(row + width - GK_LANES));
        }
    }
}

/* Fewer than a vector. */
static void pack_few_columns(const struct gk_view *b, struct gk_slice cols, struct gk_slice k, const real *last, real *out) {
    const real *row = element(b, cols.begin, k.begin);
    size_t l = k.begin;
    for (; l < k.end && row <= last; l++, row += k_step(b), out += NR) vf_store(out, vf_load(row));
    for (; l < k.end; l++, row += k_step(b), out += NR) vf_store(out, vf_load_few(row, cols.end - cols.begin));
}

/* Lines that run along k become, for each k, a vector with a line a lane: GK_LANES of them, or fewer and lanes of 0. The last
 * GK_COLUMNS of k, or GK_LANES, overlap those before. */
static void pack_lines(const real *x, size_t ld, size_t lines, size_t k_count, const real *last, real *out) {
    if (lines == GK_LANES && k_count >= GK_COLUMNS && !gk_gemm_in_one_set(ld, sizeof(real)))
        for (size_t at = 0; at < k_count; at += GK_COLUMNS) {
            const size_t k = gk_min(at, k_count - GK_COLUMNS);
            vf r[GK_COLUMNS];
            vf_load_columns(x + k, ld, r);
            UNROLLED for (size_t i = 0; i < GK_COLUMNS; i++) vf_store(out + (k + i) * NR, r[i]);
        }
    else
        for (size_t at = 0; at < k_count; at += GK_LANES) {
            const size_t some = gk_min(GK_LANES, k_count), k = gk_min(at, k_count - some);
            const bool whole = some == GK_LANES || x + (lines - 1) * ld <= last;
            vf r[GK_LANES];
            UNROLLED for (size_t i = 0; i < GK_LANES; i++) {
                if (i >= lines) r[i] = vf_zero();
                else r[i] = whole ? vf_load(x + i * ld + k) : vf_load_few(x + i * ld + k, some);
            }
            vf_transpose(r);
            UNROLLED for (size_t i = 0; i < GK_LANES; i++) {
                if (i < some) vf_store(out + (k + i) * NR, r[i]);
            }
        }
}

void GK_SYMBOL(gemm_pack_panels)(const struct gk_gemm *g, struct gk_slice cols, struct gk_slice k, real *out) {
    const struct gk_view *const b = &g->b;
    const real *const last = last_vector(g);
    if (!gk_gemm_transposes_b(b->along_k, cols.end - cols.begin)) {
        if (cols.end - cols.begin < GK_LANES) pack_few_columns(b, cols, k, last, out);
        else pack_along_columns(b, cols, k, out);
        return;
    }
    for (size_t j = cols.begin, width; j < cols.end; j += width, out += PITCH) {
        width = tile_width(cols.end - j);
        const size_t lines = gk_min(GK_LANES, width), k_count = k.end - k.begin;
        pack_lines(element(b, j, k.begin), b->ld, lines, k_count, last, out);
        if (width > lines) pack_lines(element(b, j + width - lines, k.begin), b->ld, lines, k_count, last, out + width - lines);
    }
}

void GK_SYMBOL(gemm_pack_strips)(const struct gk_gemm *g, const struct strips *s, struct gk_slice strips, struct gk_slice k,
                                 real *out) {
    for (size_t l = k.begin; l < k.end; l++, out += MW) {
        const real *const row = element(&g->a, 0, l);
        real *to = out;
        size_t i = strip_row(s, strips.begin);
        for (size_t strip = strips.begin; strip < strips.end; i += s->share + (strip < s->more), strip++, to += STRIP)
            UNROLLED for (size_t v = 0; v < MW; v += GK_LANES) vf_store(to + v, vf_load(row + packed_row(g, i) + v));
    }
}
