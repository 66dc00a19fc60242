/* Copies of b and a for tiles to read one line after the other. */
#include "gemm_tile.h"

/* Rows come from far and a run of one is short: the row PACK_AHEAD on is fetched meanwhile. */
enum { PACK_AHEAD = 16 };

/* A view whose lines are k: copies runs of columns. */
static void pack_along_columns(const struct gk_view *b, struct gk_slice cols, struct gk_slice k, real *out) {
    const size_t count = cols.end - cols.begin, whole = count / NR, rest = count % NR;
    for (size_t l = k.begin; l < k.end; l++, out += NR) {
        const real *row = element(b, cols.begin, l);
        real *to = out;
        if (l + PACK_AHEAD < k.end) fetch(row + PACK_AHEAD * b->ld, count);
        for (size_t panel = 0; panel < whole; panel++, row += NR, to += PITCH)
            UNROLLED for (size_t v = 0; v < NV; v++) vf_store(to + v * GK_LANES, vf_load(row + v * GK_LANES));
        for (size_t j = 0; j < rest; j += GK_LANES) vf_store(to + j, vf_load_n(row + j, gk_min(GK_LANES, rest - j)));
    }
}

/* `lines` of GK_LANES lines that run along k become, for each k, a vector with a line a lane. */
static void pack_lines(const real *x, size_t ld, size_t lines, size_t k_count, real *out) {
    size_t k = 0;
    if (lines == GK_LANES && !gk_gemm_in_one_set(ld, sizeof(real)))
        for (; k + GK_COLUMNS <= k_count; k += GK_COLUMNS) {
            vf r[GK_COLUMNS];
            vf_load_columns(x + k, ld, r);
            UNROLLED for (size_t i = 0; i < GK_COLUMNS; i++) vf_store(out + (k + i) * NR, r[i]);
        }
    for (; k < k_count; k += GK_LANES) {
        const size_t count = gk_min(GK_LANES, k_count - k);
        vf r[GK_LANES];
        UNROLLED for (size_t i = 0; i < GK_LANES; i++) {
            if (i >= lines) r[i] = vf_zero();
            else r[i] = count == GK_LANES ? vf_load(x + i * ld + k) : vf_load_n(x + i * ld + k, count);
        }
        vf_transpose(r);
        UNROLLED for (size_t i = 0; i < GK_LANES; i++) {
            if (i < count) vf_store(out + (k + i) * NR, r[i]);
        }
    }
}

void GK_SYMBOL(gemm_pack_panels)(const struct gk_view *b, struct gk_slice cols, struct gk_slice k, real *out) {
    if (!b->along_k) {
        pack_along_columns(b, cols, k, out);
        return;
    }
    for (size_t j = cols.begin; j < cols.end; j += GK_LANES) {
        const size_t at = j - cols.begin;
        pack_lines(element(b, j, k.begin), b->ld, gk_min(GK_LANES, cols.end - j), k.end - k.begin,
                   out + at / NR * PITCH + at % NR);
    }
}

void GK_SYMBOL(gemm_pack_strips)(const struct gk_view *a, const struct strips *s, struct gk_slice strips, struct gk_slice k,
                                 real *out) {
    size_t whole = strips.end; /* strips behind which MW reals can be read */
    while (whole > strips.begin && strip_row(s, whole - 1) + MW > s->end_row) whole--;
    for (size_t l = k.begin; l < k.end; l++, out += MW) {
        const real *const row = element(a, 0, l);
        real *to = out;
        size_t i = strip_row(s, strips.begin), strip = strips.begin;
        for (; strip < whole; i += s->share + (strip < s->more), strip++, to += STRIP)
            UNROLLED for (size_t v = 0; v < MW; v += GK_LANES) vf_store(to + v, vf_load(row + i + v));
        for (; strip < strips.end; i += s->share + (strip < s->more), strip++, to += STRIP)
            for (size_t v = 0; v < MW && i + v < s->end_row; v += GK_LANES)
                vf_store(to + v, vf_load_n(row + i + v, gk_min(GK_LANES, s->end_row - i - v)));
    }
}
