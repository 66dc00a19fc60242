/* No include guard: cblas.c includes it once a type, with REAL and NAME defined. What a BLAS has no call for. */

static void NAME(copy_rows)(const struct job *o) {
    for (size_t i = 0; i < o->n; i++) memcpy((REAL *)o->y.at + i * o->y.ld, o->b.at, o->m * sizeof(REAL));
}

/* Halves of a word: shifts of 32 bits are what compilers vectorise beside floats. */
static void NAME(pass_half)(const REAL *restrict in, uint32_t half, REAL *restrict out, size_t count) {
    for (size_t j = 0; j < count; j++) {
        const REAL value = in[j];
        out[j] = half >> j & 1 ? value : 0;
    }
}

static void NAME(pass_mask)(const struct job *o) {
    for (size_t i = 0; i < o->n; i++) {
        const REAL *const in = (const REAL *)o->dy.at + i * o->dy.ld;
        const uint64_t *const mask = (const uint64_t *)o->mask.at + i * o->mask.ld;
        REAL *const out = (REAL *)o->masked + i * o->m;
        for (size_t j = 0; j < o->m; j += 32) {
            const uint32_t half = (uint32_t)(mask[j / 64] >> (j & 32));
            NAME(pass_half)(in + j, half, out + j, o->m - j < 32 ? o->m - j : 32);
        }
    }
}

static void NAME(column_sums)(const struct job *o) {
    REAL *const restrict db = o->db.at;
    if (!o->accumulate) memset(db, 0, o->m * sizeof(REAL));
    for (size_t i = 0; i < o->n; i++) {
        const REAL *const restrict dy = (const REAL *)o->dy.at + i * o->dy.ld;
        for (size_t j = 0; j < o->m; j++) db[j] += dy[j];
    }
}
