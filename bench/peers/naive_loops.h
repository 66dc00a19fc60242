/* No include guard: naive.c includes it once a type, with REAL, NAME, EXP and LOG defined. */

static void NAME(start_row)(const struct product *p, REAL *c) {
    const REAL *const start = p->start;
    if (p->accumulate) return;
    for (size_t j = 0; j < p->cols; j++) c[j] = start ? start[j] : 0;
}

/* b is depth x cols */
static void NAME(rows_added)(const struct product *p) {
#pragma omp parallel for num_threads(p->threads)
    for (size_t i = 0; i < p->rows; i++) {
        REAL *const restrict c = (REAL *)p->c + i * p->ld_c;
        NAME(start_row)(p, c);
        for (size_t k = 0; k < p->depth; k++) {
            const REAL a = ((const REAL *)p->a)[i * p->a_row + k * p->a_depth];
            const REAL *const restrict b = (const REAL *)p->b + k * p->ld_b;
            for (size_t j = 0; j < p->cols; j++) c[j] += a * b[j];
        }
    }
}

/* b is cols x depth */
static void NAME(dot_products)(const struct product *p) {
#pragma omp parallel for num_threads(p->threads)
    for (size_t i = 0; i < p->rows; i++) {
        REAL *const restrict c = (REAL *)p->c + i * p->ld_c;
        const REAL *const restrict a = (const REAL *)p->a + i * p->a_row;
        NAME(start_row)(p, c);
        for (size_t j = 0; j < p->cols; j++) {
            const REAL *const restrict b = (const REAL *)p->b + j * p->ld_b;
            REAL sum = 0;
            for (size_t k = 0; k < p->depth; k++) sum += a[k] * b[k];
            c[j] += sum;
        }
    }
}

static void NAME(affine_forward)(const struct job *o) {
    const struct product p = {.c = o->y.at,
                              .ld_c = o->y.ld,
                              .rows = o->n,
                              .cols = o->m,
                              .depth = o->d,
                              .a = o->x.at,
                              .a_row = o->x.ld,
                              .a_depth = 1,
                              .b = o->w.at,
                              .ld_b = o->w.ld,
                              .start = o->b.at,
                              .threads = o->threads};
    if (o->out_in) NAME(dot_products)(&p);
    else NAME(rows_added)(&p);
}

static void NAME(affine_dx)(const struct job *o) {
    const struct product p = {.c = o->dx.at,
                              .ld_c = o->dx.ld,
                              .rows = o->n,
                              .cols = o->d,
                              .depth = o->m,
                              .a = o->dy.at,
                              .a_row = o->dy.ld,
                              .a_depth = 1,
                              .b = o->w.at,
                              .ld_b = o->w.ld,
                              .accumulate = o->accumulate,
                              .threads = o->threads};
    if (o->out_in) NAME(rows_added)(&p);
    else NAME(dot_products)(&p);
}

static void NAME(affine_dw)(const struct job *o) {
    const struct matrix *const a = o->out_in ? &o->dy : &o->x, *const b = o->out_in ? &o->x : &o->dy;
    const struct product p = {.c = o->dw.at,
                              .ld_c = o->dw.ld,
                              .rows = o->out_in ? o->m : o->d,
                              .cols = o->out_in ? o->d : o->m,
                              .depth = o->n,
                              .a = a->at,
                              .a_row = 1,
                              .a_depth = a->ld,
                              .b = b->at,
                              .ld_b = b->ld,
                              .accumulate = o->accumulate,
                              .threads = o->threads};
    NAME(rows_added)(&p);
}

/* In strips of columns: each thread has its own, and reads whole cache lines. */
static void NAME(affine_db)(const struct job *o) {
    enum { STRIP = 64 };
    REAL *const restrict db = o->db.at;
#pragma omp parallel for num_threads(o->threads)
    for (size_t strip = 0; strip < o->m; strip += STRIP) {
        const size_t end = o->m - strip < STRIP ? o->m : strip + STRIP;
        for (size_t j = strip; !o->accumulate && j < end; j++) db[j] = 0;
        for (size_t i = 0; i < o->n; i++) {
            const REAL *const restrict dy = (const REAL *)o->dy.at + i * o->dy.ld;
            for (size_t j = strip; j < end; j++) db[j] += dy[j];
        }
    }
}

static void NAME(pass_mask)(const REAL *in, const uint64_t *mask, REAL *out, size_t count) {
    for (size_t j = 0; j < count; j++) out[j] = mask[j / 64] >> (j % 64) & 1 ? in[j] : 0;
}

static void NAME(affine_backward)(const struct job *job) {
    struct job o = *job;
    if (o.mask.at) {
        o.dy = (struct matrix){o.masked, o.m};
#pragma omp parallel for num_threads(o.threads)
        for (size_t i = 0; i < o.n; i++) NAME(pass_mask)
        ((const REAL *)job->dy.at + i * job->dy.ld, (const uint64_t *)o.mask.at + i * o.mask.ld, (REAL *)o.dy.at + i * o.dy.ld,
         o.m);
    }
    if (o.dx.at) NAME(affine_dx)(&o);
    if (o.dw.at) NAME(affine_dw)(&o);
    if (o.db.at) NAME(affine_db)(&o);
}

/* y may be x: the mask is made before y is written. */
static void NAME(relu_forward)(const struct job *o) {
#pragma omp parallel for num_threads(o->threads)
    for (size_t i = 0; i < o->n; i++) {
        const REAL *const x = (const REAL *)o->x.at + i * o->x.ld;
        REAL *const y = (REAL *)o->y.at + i * o->y.ld;
        uint64_t *const mask = o->mask.at ? (uint64_t *)o->mask.at + i * o->mask.ld : NULL;
        for (size_t first = 0; mask && first < o->d; first += 64) {
            const size_t count = o->d - first < 64 ? o->d - first : 64;
            uint64_t bits = 0;
            for (size_t j = 0; j < count; j++) bits |= (uint64_t) !(x[first + j] <= 0) << j;
            mask[first / 64] = bits;
        }
        for (size_t j = 0; j < o->d; j++) y[j] = x[j] <= 0 ? 0 : x[j];
    }
}

static void NAME(relu_backward)(const struct job *o) {
#pragma omp parallel for num_threads(o->threads)
    for (size_t i = 0; i < o->n; i++) NAME(pass_mask)
    ((const REAL *)o->dy.at + i * o->dy.ld, (const uint64_t *)o->mask.at + i * o->mask.ld, (REAL *)o->dx.at + i * o->dx.ld,
     o->d);
}

static void NAME(repeat_forward)(const struct job *o) {
    const REAL *const restrict b = o->b.at;
#pragma omp parallel for num_threads(o->threads)
    for (size_t i = 0; i < o->n; i++) {
        REAL *const restrict y = (REAL *)o->y.at + i * o->y.ld;
        for (size_t j = 0; j < o->m; j++) y[j] = b[j];
    }
}

/* NULL: absent */
struct NAME(row) {
    REAL *x, *a, *b, *y, *dx, *da, *db, *dy;
};

static REAL *NAME(line)(const struct matrix *m, size_t i) { return m->at ? (REAL *)m->at + i * m->ld : NULL; }

static struct NAME(row) NAME(row_at)(const struct job *o, size_t i) {
    return (struct NAME(row)){NAME(line)(&o->x, i),  NAME(line)(&o->a, i),  NAME(line)(&o->b, i),  NAME(line)(&o->y, i),
                              NAME(line)(&o->dx, i), NAME(line)(&o->da, i), NAME(line)(&o->db, i), NAME(line)(&o->dy, i)};
}

ELEMENTWISE(add_forward, r.y[j] = r.a[j] + r.b[j])
ELEMENTWISE(mul_forward, r.y[j] = r.a[j] * r.b[j])
ELEMENTWISE(max_forward, r.y[j] = r.a[j] >= r.b[j] ? r.a[j] : r.b[j])
ELEMENTWISE(reciprocal_forward, r.y[j] = 1 / r.x[j])
ELEMENTWISE(exp_forward, r.y[j] = EXP(r.x[j]))
ELEMENTWISE(sigmoid_forward, r.y[j] = 1 / (1 + EXP(-r.x[j])))
ELEMENTWISE(reciprocal_backward, r.dx[j] = -r.dy[j] * r.y[j] * r.y[j])
ELEMENTWISE(exp_backward, r.dx[j] = r.dy[j] * r.y[j])
ELEMENTWISE(sigmoid_backward, r.dx[j] = r.dy[j] * (1 - r.y[j]) * r.y[j])
ELEMENTWISE(add_backward, const REAL dy = r.dy[j]; if (r.da) r.da[j] = dy; if (r.db) r.db[j] = dy)
ELEMENTWISE(mul_backward, const REAL dy = r.dy[j]; if (r.da) r.da[j] = dy * r.b[j]; if (r.db) r.db[j] = dy * r.a[j])
ELEMENTWISE(max_backward, const REAL dy = r.dy[j]; const bool first = r.a[j] >= r.b[j]; if (r.da) r.da[j] = first ? dy : 0;
            if (r.db) r.db[j] = first ? 0 : dy)

static REAL NAME(weight)(const struct job *o, size_t j) {
    return o->class_weights.at ? ((const REAL *)o->class_weights.at)[j] : 1;
}

/* A smoothed label, times the weight. */
static REAL NAME(target)(const struct job *o, int32_t label, size_t j) {
    const REAL smoothing = (REAL)o->smoothing;
    return (((size_t)label == j ? 1 - smoothing : 0) + smoothing / (REAL)o->c) * NAME(weight)(o, j);
}

/* The targets of a row add up to 1 where classes do not weigh. */
static REAL NAME(all)(const struct job *o, int32_t label) {
    REAL sum = 0;
    if (!o->class_weights.at) return 1;
    for (size_t j = 0; j < o->c; j++) sum += NAME(target)(o, label, j);
    return sum;
}

static bool NAME(plain)(const struct job *o) { return o->smoothing == 0 && !o->class_weights.at; }

/* The row's loss; p, if there is one, becomes its probabilities. p may be x. */
static REAL NAME(softmax_row)(const struct job *o, const REAL *x, int32_t label, REAL *p) {
    const size_t c = o->c;
    REAL max = -INFINITY, sum = 0;
    for (size_t j = 0; j < c; j++) max = x[j] > max ? x[j] : max;
    REAL right = (uint32_t)label < c ? x[label] - max : 0;
    if (!NAME(plain)(o)) right = 0;
    for (size_t j = 0; !NAME(plain)(o) && j < c; j++) right += NAME(target)(o, label, j) * (x[j] - max);
    for (size_t j = 0; j < c; j++) {
        const REAL e = EXP(x[j] - max);
        if (p) p[j] = e;
        sum += e;
    }
    for (size_t j = 0; p && j < c; j++) p[j] /= sum;
    return NAME(all)(o, label) * LOG(sum) - right;
}

static void NAME(subtract_label)(const struct job *o, const REAL *p, int32_t label, REAL scale, REAL *dx) {
    const size_t c = o->c;
    const REAL all = NAME(all)(o, label);
    if (NAME(plain)(o)) {
        for (size_t j = 0; j < c; j++) dx[j] = (p[j] - ((size_t)label == j ? 1 : 0)) * scale;
        return;
    }
    for (size_t j = 0; j < c; j++) dx[j] = (p[j] * all - NAME(target)(o, label, j)) * scale;
}

static REAL NAME(scale)(const struct job *o) {
    REAL sum = 0;
    if (!o->mean) return 1;
    if (!o->class_weights.at) return 1 / (REAL)o->n;
    for (size_t i = 0; i < o->n; i++) sum += NAME(weight)(o, (size_t)((const int32_t *)o->labels.at)[i]);
    return sum == 0 ? 0 : 1 / sum;
}

/* probabilities: where a row's go, if anywhere. */
static void NAME(softmax_rows)(const struct job *o, const struct matrix *probabilities, bool gradient) {
    const int32_t *const labels = o->labels.at;
    const REAL scale = NAME(scale)(o);
    REAL total = 0;
#pragma omp parallel for num_threads(o->threads) reduction(+ : total)
    for (size_t i = 0; i < o->n; i++) {
        REAL *const p = probabilities->at ? (REAL *)probabilities->at + i * probabilities->ld : NULL;
        const REAL loss = NAME(softmax_row)(o, (const REAL *)o->x.at + i * o->x.ld, labels[i], p);
        if (gradient) NAME(subtract_label)(o, p, labels[i], scale, p);
        if (o->row_loss.at) ((REAL *)o->row_loss.at)[i] = loss;
        total += loss;
    }
    if (o->loss.at) *(REAL *)o->loss.at = total * scale;
}

static void NAME(softmax_xent_forward)(const struct job *o) { NAME(softmax_rows)(o, &o->p, false); }

static void NAME(softmax_xent_backward)(const struct job *o) {
    const int32_t *const labels = o->labels.at;
    const REAL scale = NAME(scale)(o);
#pragma omp parallel for num_threads(o->threads)
    for (size_t i = 0; i < o->n; i++) NAME(subtract_label)
    (o, (const REAL *)o->p.at + i * o->p.ld, labels[i], scale, (REAL *)o->dx.at + i * o->dx.ld);
}

static void NAME(softmax_xent)(const struct job *o) { NAME(softmax_rows)(o, &o->dx, true); }
