/* The affine kernels: each product in the fastest of its ways. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "onednn_library.h"

enum { WAYS_MAX = 5 };

/* How a product may be computed: some primitives, or sgemm, which has none. */
struct way {
    const char *name;
    struct dnn_step steps[2];
    size_t n_steps;
    void *output; /* memory object: trials go elsewhere */
    double ns;
};

/* c = bias + a b, or c += a b. */
struct product {
    struct dnn_view a, b, c;
    const float *bias;
    bool add;
    struct way ways[WAYS_MAX];
    size_t n_ways, best;
    float *trial; /* c, as long as ways are tried */
};

struct products {
    struct dnn *dnn;
    size_t n, d, m, n_products;
    bool out_in, accumulate;
    struct dnn_view x, w, y, dy, dx, dw, db, behind_mask;
    const float *b;
    const uint64_t *mask;
    size_t ld_mask;
    float *ones, *masked, *factors; /* n; n x m: dy behind the mask; the mask as 1 and 0 */
    struct dnn_step masking;
    struct product products[3];
};

/* Attributes that add to what is there, or NULL. */
static void *adding(struct products *o, bool add) {
    void *ops = NULL, *attributes = NULL;
    if (!add) return NULL;
    const int ops_made = o->dnn->post_ops_create(&ops), attributes_made = o->dnn->primitive_attr_create(&attributes);
    const bool has_ops = dnn_own(o->dnn, ops_made == 0, ops, o->dnn->post_ops_destroy),
               has_attributes = dnn_own(o->dnn, attributes_made == 0, attributes, o->dnn->primitive_attr_destroy);
    if (!has_ops || !has_attributes || o->dnn->post_ops_append_sum(ops, 1, 0, DNN_F32) != 0) return NULL;
    return o->dnn->primitive_attr_set_post_ops(attributes, ops) == 0 ? attributes : NULL;
}

/* With b as it lies, or in the form that oneDNN likes best: weights change with every step, so each call reorders them. */
static bool by_matmul(struct products *o, struct product *p, bool any, struct way *way) {
    const struct dnn_view bias = {.rows = 1, .cols = p->c.cols, .row_step = p->c.cols, .col_step = 1};
    void *const a = dnn_describe(o->dnn, &p->a), *const b = dnn_describe(o->dnn, &p->b), *const c = dnn_describe(o->dnn, &p->c);
    void *const bias_desc = p->bias ? dnn_describe(o->dnn, &bias) : NULL, *const attributes = adding(o, p->add);
    void *const likes = any ? dnn_describe_any(o->dnn, &p->b) : b;
    void *desc = NULL, *reorder = NULL;
    if (!a || !b || !c || !likes || (p->bias && !bias_desc) || (p->add && !attributes)) return false;
    struct dnn_step *step = &way->steps[way->n_steps++];
    void *from = dnn_memory(o->dnn, b, p->b.at);
    int status = o->dnn->matmul_primitive_desc_create(&desc, o->dnn->engine, a, likes, bias_desc, c, attributes);
    if (!dnn_own(o->dnn, status == 0, desc, o->dnn->primitive_desc_destroy)) return false;
    if (any) {
        const void *const liked = o->dnn->primitive_desc_query_md(desc, DNN_QUERY_WEIGHTS, 0);
        if (o->dnn->memory_desc_equal(liked, b)) status = -1; /* the other way */
        void *const to = dnn_memory(o->dnn, liked, DNN_ALLOCATE);
        const int made = o->dnn->reorder_primitive_desc_create(&reorder, b, o->dnn->engine, liked, o->dnn->engine, NULL);
        if (!dnn_add_step(o->dnn, step, made, reorder) || !dnn_add_argument(step, DNN_SRC, from) ||
            !dnn_add_argument(step, DNN_DST, to))
            status = -1;
        from = to;
        step = &way->steps[way->n_steps++];
    }
    way->output = dnn_memory(o->dnn, c, p->trial);
    return status == 0 && dnn_set_primitive(o->dnn, step, desc) &&
           dnn_add_argument(step, DNN_SRC, dnn_memory(o->dnn, a, p->a.at)) && dnn_add_argument(step, DNN_WEIGHTS, from) &&
           dnn_add_argument(step, DNN_DST, way->output) &&
           (!p->bias || dnn_add_argument(step, DNN_BIAS, dnn_memory(o->dnn, bias_desc, p->bias)));
}

/* The inner product's weights are always m x d. */
static struct dnn_view out_in(const struct dnn_view *w, bool is) {
    return is ? *w : (struct dnn_view){w->at, w->cols, w->rows, w->col_step, w->row_step};
}

struct inner {
    void *src, *weights, *dst, *forward; /* descriptors */
    struct dnn_view w;
};

/* A forward descriptor is the hint for the backward ones. */
static bool inner_product(struct products *o, const struct dnn_view *src, const struct dnn_view *w, const struct dnn_view *dst,
                          bool bias, struct inner *i) {
    void *const bias_desc = bias ? dnn_describe_vector(o->dnn, dst->cols) : NULL;
    i->w = out_in(w, o->out_in);
    i->src = dnn_describe(o->dnn, src), i->weights = dnn_describe(o->dnn, &i->w), i->dst = dnn_describe(o->dnn, dst);
    if (!i->src || !i->weights || !i->dst || (bias && !bias_desc)) return false;
    return o->dnn->inner_product_forward_primitive_desc_create(&i->forward, o->dnn->engine, DNN_FORWARD_TRAINING, i->src,
                                                               i->weights, bias_desc, i->dst, NULL) == 0;
}

static bool forward_by_inner_product(struct products *o, struct product *p, struct way *way) {
    struct inner i = {.forward = NULL};
    struct dnn_step *const step = &way->steps[way->n_steps++];
    const bool made = inner_product(o, &o->x, &o->w, &p->c, p->bias, &i);
    return dnn_add_step(o->dnn, step, made ? 0 : -1, i.forward) && (way->output = dnn_memory(o->dnn, i.dst, p->trial)) &&
           dnn_add_argument(step, DNN_SRC, dnn_memory(o->dnn, i.src, o->x.at)) &&
           dnn_add_argument(step, DNN_WEIGHTS, dnn_memory(o->dnn, i.weights, i.w.at)) &&
           dnn_add_argument(step, DNN_DST, way->output) &&
           (!p->bias || dnn_add_argument(step, DNN_BIAS, dnn_memory(o->dnn, dnn_describe_vector(o->dnn, o->m), p->bias)));
}

static bool dx_by_inner_product(struct products *o, struct product *p, struct way *way) {
    struct inner i = {.forward = NULL};
    struct dnn_step *const step = &way->steps[way->n_steps++];
    void *desc = NULL;
    if (!inner_product(o, &p->c, &o->w, &p->a, false, &i) || !dnn_own(o->dnn, true, i.forward, o->dnn->primitive_desc_destroy))
        return false;
    const int status = o->dnn->inner_product_backward_data_primitive_desc_create(&desc, o->dnn->engine, i.src, i.weights, i.dst,
                                                                                 i.forward, NULL);
    return dnn_add_step(o->dnn, step, status, desc) && (way->output = dnn_memory(o->dnn, i.src, p->trial)) &&
           dnn_add_argument(step, DNN_DIFF_DST, dnn_memory(o->dnn, i.dst, p->a.at)) &&
           dnn_add_argument(step, DNN_WEIGHTS, dnn_memory(o->dnn, i.weights, i.w.at)) &&
           dnn_add_argument(step, DNN_DIFF_SRC, way->output);
}

static bool dw_by_inner_product(struct products *o, struct product *p, struct way *way) {
    struct inner i = {.forward = NULL};
    struct dnn_step *const step = &way->steps[way->n_steps++];
    const struct dnn_view dy = o->behind_mask;
    void *desc = NULL;
    if (!inner_product(o, &o->x, &p->c, &dy, false, &i) || !dnn_own(o->dnn, true, i.forward, o->dnn->primitive_desc_destroy))
        return false;
    const int status = o->dnn->inner_product_backward_weights_primitive_desc_create(&desc, o->dnn->engine, i.src, i.weights,
                                                                                    NULL, i.dst, i.forward, NULL);
    return dnn_add_step(o->dnn, step, status, desc) && (way->output = dnn_memory(o->dnn, i.weights, p->trial)) &&
           dnn_add_argument(step, DNN_SRC, dnn_memory(o->dnn, i.src, o->x.at)) &&
           dnn_add_argument(step, DNN_DIFF_DST, dnn_memory(o->dnn, i.dst, dy.at)) &&
           dnn_add_argument(step, DNN_DIFF_WEIGHTS, way->output);
}

static bool db_by_reduction(struct products *o, struct product *p, struct way *way) {
    struct dnn_step *const step = &way->steps[way->n_steps++];
    void *const from = dnn_describe(o->dnn, &p->b), *const to = dnn_describe(o->dnn, &p->c), *desc = NULL;
    if (!from || !to || p->add) return false;
    const int status = o->dnn->reduction_primitive_desc_create(&desc, o->dnn->engine, DNN_REDUCTION_SUM, from, to, 0, 0, NULL);
    return dnn_add_step(o->dnn, step, status, desc) && (way->output = dnn_memory(o->dnn, to, p->trial)) &&
           dnn_add_argument(step, DNN_SRC, dnn_memory(o->dnn, from, p->b.at)) && dnn_add_argument(step, DNN_DST, way->output);
}

/* At least as long as a line, which one line alone need not say. */
static int64_t leading(const struct dnn_view *v, bool transposed) {
    const size_t line = transposed ? v->rows : v->cols, ld = transposed ? v->col_step : v->row_step;
    return (int64_t)(ld > line ? ld : line);
}

static void by_sgemm(const struct products *o, const struct product *p, float *c) {
    const bool ta = p->a.col_step != 1, tb = p->b.col_step != 1;
    for (size_t i = 0; p->bias && i < p->c.rows; i++) memcpy(c + i * p->c.row_step, p->bias, p->c.cols * sizeof *c);
    o->dnn->sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', (int64_t)p->c.rows, (int64_t)p->c.cols, (int64_t)p->a.cols, 1, p->a.at,
                  leading(&p->a, ta), p->b.at, leading(&p->b, tb), p->add || p->bias ? 1 : 0, c, leading(&p->c, false));
}

static void multiply(const struct products *o, const struct product *p, size_t which) {
    const struct way *const way = &p->ways[which];
    for (size_t i = 0; i < way->n_steps; i++) dnn_take(o->dnn, &way->steps[i]);
    if (way->n_steps) o->dnn->stream_wait(o->dnn->stream);
    else by_sgemm(o, p, p->trial ? p->trial : p->c.at);
}

/* The best of as many as fill 2 ms, three at least but where those are long; one before them is not counted. */
static double time_of(const struct products *o, const struct product *p, size_t which) {
    double least = INFINITY, all = 0;
    multiply(o, p, which);
    for (int i = 0; (i < 3 && all < 100e6) || all < 2e6; i++) {
        const double start = gb_clock_ns();
        multiply(o, p, which);
        const double ns = gb_clock_ns() - start;
        least = fmin(least, ns), all += ns;
    }
    return least;
}

enum kind { FORWARD, DX, DW, DB };

static bool make_way(struct products *o, struct product *p, enum kind kind, size_t which) {
    struct way *const way = &p->ways[p->n_ways];
    static const char *const names[] = {"sgemm", "matmul", "matmul with reorder", "inner product"};
    *way = (struct way){.name = which == 3 && kind == DB ? "reduction" : names[which]};
    if (which == 0) return true;
    if (!o->dnn->engine) return false;
    if (which < 3) return by_matmul(o, p, which == 2, way);
    if (p->add) return false; /* it cannot */
    return kind == FORWARD ? forward_by_inner_product(o, p, way)
           : kind == DX    ? dx_by_inner_product(o, p, way)
           : kind == DW    ? dw_by_inner_product(o, p, way)
                           : db_by_reduction(o, p, way);
}

/* Tries all ways, on memory of its own, and keeps the fastest. */
static bool add_product(struct products *o, enum kind kind, struct product product) {
    struct product *const p = &o->products[o->n_products++];
    *p = product;
    p->trial = dnn_zeros(o->dnn, p->c.rows * p->c.row_step, sizeof(float));
    if (!p->trial) return false;
    for (size_t which = 0; which < 4; which++)
        if (make_way(o, p, kind, which)) p->n_ways++;
    for (size_t i = 0; i < p->n_ways; i++) {
        p->ways[i].ns = time_of(o, p, i);
        if (p->ways[i].ns < p->ways[p->best].ns) p->best = i;
    }
    p->trial = NULL;
    void *const output = p->ways[p->best].output;
    return !output || o->dnn->memory_set_data_handle(output, p->c.at) == 0;
}

static struct dnn_view flipped(const struct dnn_view *v) {
    return (struct dnn_view){v->at, v->cols, v->rows, v->col_step, v->row_step};
}

static bool plan(struct products *o, const char *kernel) {
    const struct dnn_view dy_t = flipped(&o->behind_mask), x_t = flipped(&o->x), w = o->out_in ? flipped(&o->w) : o->w;
    bool good = true;
    if (strcmp(kernel, "affine_forward") == 0)
        return add_product(o, FORWARD, (struct product){.a = o->x, .b = w, .c = o->y, .bias = o->b});
    if (o->dx.at)
        good = add_product(o, DX, (struct product){.a = o->behind_mask, .b = flipped(&w), .c = o->dx, .add = o->accumulate});
    if (good && o->dw.at)
        good = add_product(
            o, DW,
            (struct product){
                .a = o->out_in ? dy_t : x_t, .b = o->out_in ? o->x : o->behind_mask, .c = o->dw, .add = o->accumulate});
    const struct dnn_view ones = {o->ones, 1, o->n, o->n, 1};
    if (good && o->db.at)
        good = add_product(o, DB, (struct product){.a = ones, .b = o->behind_mask, .c = o->db, .add = o->accumulate});
    return good && o->n_products > 0;
}

static void take_operands(struct products *o, const struct gb_peer_problem *problem) {
    const size_t n = o->n, d = o->d, m = o->m, w_rows = o->out_in ? m : d, w_cols = o->out_in ? d : m;
    o->x = dnn_operand(problem, "x", n, d);
    o->w = dnn_operand(problem, "w", w_rows, w_cols);
    o->y = dnn_operand(problem, "y", n, m);
    o->dy = dnn_operand(problem, "dy", n, m);
    o->dx = dnn_operand(problem, "dx", n, d);
    o->dw = dnn_operand(problem, "dw", w_rows, w_cols);
    o->db = dnn_operand(problem, "db", 1, m);
    o->b = gb_peer_operand(problem, "b", NULL);
    o->mask = gb_peer_operand(problem, "mask", &o->ld_mask);
    o->behind_mask = o->dy;
}

static bool allocate(struct products *o) {
    if (o->db.at && !(o->ones = dnn_zeros(o->dnn, o->n, sizeof(float)))) return false;
    for (size_t i = 0; o->ones && i < o->n; i++) o->ones[i] = 1;
    if (!o->mask) return true;
    o->masked = dnn_zeros(o->dnn, o->n * o->m, sizeof(float));
    o->factors = dnn_unpack(o->dnn, o->mask, o->ld_mask, o->n, o->m);
    o->behind_mask = (struct dnn_view){o->masked, o->n, o->m, o->m, 1};
    return o->masked && o->factors;
}

static bool set_masking(struct products *o) {
    const struct dnn_view factors = {o->factors, o->n, o->m, o->m, 1};
    return dnn_set_relu_backward(o->dnn, &o->masking, &o->dy, &factors, &o->behind_mask);
}

static void say_ways(const struct products *o, char note[GB_PEER_NOTE_MAX]) {
    size_t used = 0;
    for (size_t i = 0; i < o->n_products && used < GB_PEER_NOTE_MAX; i++) {
        const struct product *const p = &o->products[i];
        used += (size_t)snprintf(note + used, GB_PEER_NOTE_MAX - used, "%s%s", i ? ", " : "by ", p->ways[p->best].name);
    }
}

/* For version 2, and where there is no primitive for these strides. */
static void mask_by_loop(const struct products *o) {
#pragma omp parallel for if (o->n * o->m > 10000)
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < o->m; j++)
            o->masked[i * o->m + j] = o->factors[i * o->m + j] > 0 ? o->dy.at[i * o->dy.row_step + j] : 0;
}

static void call(const void *data) {
    const struct products *const o = data;
    if (o->masking.primitive) {
        dnn_take(o->dnn, &o->masking);
        o->dnn->stream_wait(o->dnn->stream);
    } else if (o->mask) mask_by_loop(o);
    for (size_t i = 0; i < o->n_products; i++) multiply(o, &o->products[i], o->products[i].best);
}

bool dnn_prepare_product(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job,
                         char note[GB_PEER_NOTE_MAX]) {
    const struct gb_problem_spec *const s = &problem->spec;
    const char *const kernel = problem->kernel->name;
    const char *const unknown = gb_peer_unknown_option(problem, 1u << GB_OPTION_LAYOUT | 1u << GB_OPTION_ACCUMULATE);
    const bool has_d = strcmp(kernel, "affine_db") != 0;
    struct products *const o = dnn_zeros(dnn, 1, sizeof *o);
    if (!s->n || !s->m || (has_d && !s->d)) return dnn_unfit(note, "an empty problem", "");
    if (unknown) return dnn_unfit(note, "an option that it does not know: ", unknown);
    if (!o) return dnn_unfit(note, "no memory", "");
    *o = (struct products){.dnn = dnn, .n = s->n, .d = s->d, .m = s->m, .accumulate = s->accumulate};
    o->out_in = s->layout == GK_OUT_IN;
    take_operands(o, problem);
    if ((o->dx.at && !o->w.at) || (o->dw.at && !o->x.at)) return dnn_unfit(note, "an operand is missing", "");
    if (!allocate(o)) return dnn_unfit(note, "no memory", "");
    if (o->mask && dnn->engine && !set_masking(o)) o->masking.primitive = NULL;
    if (!plan(o, kernel)) return dnn_unfit(note, "it has no way to do this", "");
    say_ways(o, note);
    *job = (struct dnn_job){o, call};
    return true;
}
