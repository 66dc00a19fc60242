/* No include guard: cblas.c includes it once a type, with REAL and NAME defined. What a BLAS has no call for. */

static void NAME(copy_rows)(const struct job *o) {
    for (size_t i = 0; i < o->n; i++) memcpy((REAL *)o->y.at + i * o->y.ld, o->b.at, o->m * sizeof(REAL));
}

static void NAME(pass_mask)(const struct job *o) {
    for (size_t i = 0; i < o->n; i++) {
        const REAL *const restrict in = (const REAL *)o->dy.at + i * o->dy.ld;
        const uint64_t *const restrict mask = (const uint64_t *)o->mask.at + i * o->mask.ld;
        REAL *const restrict out = (REAL *)o->masked + i * o->m;
        for (size_t j = 0; j < o->m; j++) out[j] = mask[j / 64] >> (j % 64) & 1 ? in[j] : 0;
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
