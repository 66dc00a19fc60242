/* gradbench-peer-onednn LIBRARY: oneDNN, loaded by its soname or path. Of version 2 only sgemm, for its primitives are
 * described by structs that changed from release to release. */
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onednn_api.h"
#include "peer_child.h"

enum { WAYS_MAX = 5, OWNED_MAX = 256 };

/* A matrix in memory, or the transpose of one. */
struct view {
    float *at;
    size_t rows, cols, row_step, col_step;
};

struct step {
    void *primitive;
    struct dnn_argument arguments[4];
    int n_arguments;
};

/* How a product may be computed: some primitives, or sgemm, which has none. */
struct way {
    const char *name;
    struct step steps[2];
    size_t n_steps;
    void *output; /* memory object: trials go elsewhere */
    double ns;
};

/* c = bias + a b, or c += a b. */
struct product {
    struct view a, b, c;
    const float *bias;
    bool add;
    struct way ways[WAYS_MAX];
    size_t n_ways, best;
    float *trial; /* c, as long as ways are tried */
};

struct owned {
    void *object;
    int (*destroy)(void *object);
};

struct job {
    struct dnn dnn;
    void *engine, *stream; /* NULL: version 2 */
    size_t n, d, m, n_products;
    bool out_in, accumulate;
    struct view x, w, y, dy, dx, dw, db, behind_mask;
    const float *b;
    const uint64_t *mask;
    size_t ld_mask;
    float *ones, *masked, *factors; /* n; n x m: dy behind the mask; the mask as 1 and 0 */
    struct step masking;
    struct product products[3];
    struct owned owned[OWNED_MAX];
    size_t n_owned;
};

static int free_it(void *object) {
    free(object);
    return 0;
}

/* To be destroyed with the problem. False: it was not made. */
static bool own(struct job *o, bool made, void *object, int (*destroy)(void *)) {
    if (!made || !object) return false;
    if (o->n_owned == OWNED_MAX) {
        destroy(object);
        return false;
    }
    o->owned[o->n_owned++] = (struct owned){object, destroy};
    return true;
}

static void release(struct job *o) {
    while (o->n_owned > 0) {
        o->n_owned--;
        o->owned[o->n_owned].destroy(o->owned[o->n_owned].object);
    }
}

static float *floats(struct job *o, size_t count) {
    float *const made = calloc(count ? count : 1, sizeof *made);
    return own(o, made, made, free_it) ? made : NULL;
}

static void *describe_view(struct job *o, const struct view *v) {
    const dnn_dims dims = {(int64_t)v->rows, (int64_t)v->cols}, steps = {(int64_t)v->row_step, (int64_t)v->col_step};
    void *desc = NULL;
    const int status = o->dnn.memory_desc_create_with_strides(&desc, 2, dims, DNN_F32, steps);
    return own(o, status == 0, desc, o->dnn.memory_desc_destroy) ? desc : NULL;
}

static void *describe_any(struct job *o, const struct view *v) {
    const dnn_dims dims = {(int64_t)v->rows, (int64_t)v->cols};
    void *desc = NULL;
    const int status = o->dnn.memory_desc_create_with_tag(&desc, 2, dims, DNN_F32, DNN_TAG_ANY);
    return own(o, status == 0, desc, o->dnn.memory_desc_destroy) ? desc : NULL;
}

static void *describe_vector(struct job *o, size_t count) {
    const dnn_dims dims = {(int64_t)count}, steps = {1};
    void *desc = NULL;
    const int status = o->dnn.memory_desc_create_with_strides(&desc, 1, dims, DNN_F32, steps);
    return own(o, status == 0, desc, o->dnn.memory_desc_destroy) ? desc : NULL;
}

static void *memory_of(struct job *o, const void *desc, const void *at) {
    void *memory = NULL;
    const int status = desc ? o->dnn.memory_create(&memory, desc, o->engine, (void *)at) : -1;
    return own(o, status == 0, memory, o->dnn.memory_destroy) ? memory : NULL;
}

static bool set_primitive(struct job *o, struct step *step, const void *desc) {
    const int status = o->dnn.primitive_create(&step->primitive, desc);
    return own(o, status == 0, step->primitive, o->dnn.primitive_destroy);
}

/* Of a descriptor that the caller made, if status says so. */
static bool add_step(struct job *o, struct step *step, int status, void *desc) {
    return own(o, status == 0, desc, o->dnn.primitive_desc_destroy) && set_primitive(o, step, desc);
}

static bool add_argument(struct step *step, int name, void *memory) {
    step->arguments[step->n_arguments++] = (struct dnn_argument){name, memory};
    return memory;
}

/* Attributes that add to what is there, or NULL. */
static void *adding(struct job *o, bool add) {
    void *ops = NULL, *attributes = NULL;
    if (!add) return NULL;
    const int ops_made = o->dnn.post_ops_create(&ops), attributes_made = o->dnn.primitive_attr_create(&attributes);
    const bool has_ops = own(o, ops_made == 0, ops, o->dnn.post_ops_destroy),
               has_attributes = own(o, attributes_made == 0, attributes, o->dnn.primitive_attr_destroy);
    if (!has_ops || !has_attributes || o->dnn.post_ops_append_sum(ops, 1, 0, DNN_F32) != 0) return NULL;
    return o->dnn.primitive_attr_set_post_ops(attributes, ops) == 0 ? attributes : NULL;
}

/* With b as it lies, or in the form that oneDNN likes best: weights change with every step, so each call reorders them. */
static bool by_matmul(struct job *o, struct product *p, bool any, struct way *way) {
    const struct view bias = {.rows = 1, .cols = p->c.cols, .row_step = p->c.cols, .col_step = 1};
    void *const a = describe_view(o, &p->a), *const b = describe_view(o, &p->b), *const c = describe_view(o, &p->c);
    void *const bias_desc = p->bias ? describe_view(o, &bias) : NULL, *const attributes = adding(o, p->add);
    void *const likes = any ? describe_any(o, &p->b) : b;
    void *desc = NULL, *reorder = NULL;
    if (!a || !b || !c || !likes || (p->bias && !bias_desc) || (p->add && !attributes)) return false;
    struct step *step = &way->steps[way->n_steps++];
    void *from = memory_of(o, b, p->b.at);
    int status = o->dnn.matmul_primitive_desc_create(&desc, o->engine, a, likes, bias_desc, c, attributes);
    if (!own(o, status == 0, desc, o->dnn.primitive_desc_destroy)) return false;
    if (any) {
        const void *const liked = o->dnn.primitive_desc_query_md(desc, DNN_QUERY_WEIGHTS, 0);
        if (o->dnn.memory_desc_equal(liked, b)) status = -1; /* the other way */
        void *const to = memory_of(o, liked, DNN_ALLOCATE);
        const int made = o->dnn.reorder_primitive_desc_create(&reorder, b, o->engine, liked, o->engine, NULL);
        if (!add_step(o, step, made, reorder) || !add_argument(step, DNN_SRC, from) || !add_argument(step, DNN_DST, to))
            status = -1;
        from = to;
        step = &way->steps[way->n_steps++];
    }
    way->output = memory_of(o, c, p->trial);
    return status == 0 && set_primitive(o, step, desc) && add_argument(step, DNN_SRC, memory_of(o, a, p->a.at)) &&
           add_argument(step, DNN_WEIGHTS, from) && add_argument(step, DNN_DST, way->output) &&
           (!p->bias || add_argument(step, DNN_BIAS, memory_of(o, bias_desc, p->bias)));
}

/* The inner product's weights are always m x d. */
static struct view out_in(const struct view *w, bool is) {
    return is ? *w : (struct view){w->at, w->cols, w->rows, w->col_step, w->row_step};
}

struct inner {
    void *src, *weights, *dst, *forward; /* descriptors */
    struct view w;
};

/* A forward descriptor is the hint for the backward ones. */
static bool inner_product(struct job *o, const struct view *src, const struct view *w, const struct view *dst, bool bias,
                          struct inner *i) {
    void *const bias_desc = bias ? describe_vector(o, dst->cols) : NULL;
    i->w = out_in(w, o->out_in);
    i->src = describe_view(o, src), i->weights = describe_view(o, &i->w), i->dst = describe_view(o, dst);
    if (!i->src || !i->weights || !i->dst || (bias && !bias_desc)) return false;
    return o->dnn.inner_product_forward_primitive_desc_create(&i->forward, o->engine, DNN_FORWARD_TRAINING, i->src, i->weights,
                                                              bias_desc, i->dst, NULL) == 0;
}

static bool forward_by_inner_product(struct job *o, struct product *p, struct way *way) {
    struct inner i = {.forward = NULL};
    struct step *const step = &way->steps[way->n_steps++];
    const bool made = inner_product(o, &o->x, &o->w, &p->c, p->bias, &i);
    return add_step(o, step, made ? 0 : -1, i.forward) && (way->output = memory_of(o, i.dst, p->trial)) &&
           add_argument(step, DNN_SRC, memory_of(o, i.src, o->x.at)) &&
           add_argument(step, DNN_WEIGHTS, memory_of(o, i.weights, i.w.at)) && add_argument(step, DNN_DST, way->output) &&
           (!p->bias || add_argument(step, DNN_BIAS, memory_of(o, describe_vector(o, o->m), p->bias)));
}

static bool dx_by_inner_product(struct job *o, struct product *p, struct way *way) {
    struct inner i = {.forward = NULL};
    struct step *const step = &way->steps[way->n_steps++];
    void *desc = NULL;
    if (!inner_product(o, &p->c, &o->w, &p->a, false, &i) || !own(o, true, i.forward, o->dnn.primitive_desc_destroy))
        return false;
    const int status =
        o->dnn.inner_product_backward_data_primitive_desc_create(&desc, o->engine, i.src, i.weights, i.dst, i.forward, NULL);
    return add_step(o, step, status, desc) && (way->output = memory_of(o, i.src, p->trial)) &&
           add_argument(step, DNN_DIFF_DST, memory_of(o, i.dst, p->a.at)) &&
           add_argument(step, DNN_WEIGHTS, memory_of(o, i.weights, i.w.at)) && add_argument(step, DNN_DIFF_SRC, way->output);
}

static bool dw_by_inner_product(struct job *o, struct product *p, struct way *way) {
    struct inner i = {.forward = NULL};
    struct step *const step = &way->steps[way->n_steps++];
    const struct view dy = o->behind_mask;
    void *desc = NULL;
    if (!inner_product(o, &o->x, &p->c, &dy, false, &i) || !own(o, true, i.forward, o->dnn.primitive_desc_destroy))
        return false;
    const int status = o->dnn.inner_product_backward_weights_primitive_desc_create(&desc, o->engine, i.src, i.weights, NULL,
                                                                                   i.dst, i.forward, NULL);
    return add_step(o, step, status, desc) && (way->output = memory_of(o, i.weights, p->trial)) &&
           add_argument(step, DNN_SRC, memory_of(o, i.src, o->x.at)) &&
           add_argument(step, DNN_DIFF_DST, memory_of(o, i.dst, dy.at)) && add_argument(step, DNN_DIFF_WEIGHTS, way->output);
}

static bool db_by_reduction(struct job *o, struct product *p, struct way *way) {
    struct step *const step = &way->steps[way->n_steps++];
    void *const from = describe_view(o, &p->b), *const to = describe_view(o, &p->c), *desc = NULL;
    if (!from || !to || p->add) return false;
    const int status = o->dnn.reduction_primitive_desc_create(&desc, o->engine, DNN_REDUCTION_SUM, from, to, 0, 0, NULL);
    return add_step(o, step, status, desc) && (way->output = memory_of(o, to, p->trial)) &&
           add_argument(step, DNN_SRC, memory_of(o, from, p->b.at)) && add_argument(step, DNN_DST, way->output);
}

/* At least as long as a line, which one line alone need not say. */
static int64_t leading(const struct view *v, bool transposed) {
    const size_t line = transposed ? v->rows : v->cols, ld = transposed ? v->col_step : v->row_step;
    return (int64_t)(ld > line ? ld : line);
}

static void by_sgemm(const struct job *o, const struct product *p, float *c) {
    const bool ta = p->a.col_step != 1, tb = p->b.col_step != 1;
    for (size_t i = 0; p->bias && i < p->c.rows; i++) memcpy(c + i * p->c.row_step, p->bias, p->c.cols * sizeof *c);
    o->dnn.sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', (int64_t)p->c.rows, (int64_t)p->c.cols, (int64_t)p->a.cols, 1, p->a.at,
                 leading(&p->a, ta), p->b.at, leading(&p->b, tb), p->add || p->bias ? 1 : 0, c, leading(&p->c, false));
}

static void take(const struct job *o, const struct step *step) {
    o->dnn.primitive_execute(step->primitive, o->stream, step->n_arguments, step->arguments);
}

static void multiply(const struct job *o, const struct product *p, size_t which) {
    const struct way *const way = &p->ways[which];
    for (size_t i = 0; i < way->n_steps; i++) take(o, &way->steps[i]);
    if (way->n_steps) o->dnn.stream_wait(o->stream);
    else by_sgemm(o, p, p->trial ? p->trial : p->c.at);
}

/* The best of as many as fill 2 ms, three at least but where those are long; one before them is not counted. */
static double time_of(const struct job *o, const struct product *p, size_t which) {
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

static bool make_way(struct job *o, struct product *p, enum kind kind, size_t which) {
    struct way *const way = &p->ways[p->n_ways];
    static const char *const names[] = {"sgemm", "matmul", "matmul with reorder", "inner product"};
    *way = (struct way){.name = which == 3 && kind == DB ? "reduction" : names[which]};
    if (which == 0) return true;
    if (!o->engine) return false;
    if (which < 3) return by_matmul(o, p, which == 2, way);
    if (p->add) return false; /* it cannot */
    return kind == FORWARD ? forward_by_inner_product(o, p, way)
           : kind == DX    ? dx_by_inner_product(o, p, way)
           : kind == DW    ? dw_by_inner_product(o, p, way)
                           : db_by_reduction(o, p, way);
}

/* Tries all ways, on memory of its own, and keeps the fastest. */
static bool add_product(struct job *o, enum kind kind, struct product product) {
    struct product *const p = &o->products[o->n_products++];
    *p = product;
    p->trial = floats(o, p->c.rows * p->c.row_step);
    if (!p->trial) return false;
    for (size_t which = 0; which < 4; which++)
        if (make_way(o, p, kind, which)) p->n_ways++;
    for (size_t i = 0; i < p->n_ways; i++) {
        p->ways[i].ns = time_of(o, p, i);
        if (p->ways[i].ns < p->ways[p->best].ns) p->best = i;
    }
    p->trial = NULL;
    void *const output = p->ways[p->best].output;
    return !output || o->dnn.memory_set_data_handle(output, p->c.at) == 0;
}

static struct view flipped(const struct view *v) { return (struct view){v->at, v->cols, v->rows, v->col_step, v->row_step}; }

static bool plan(struct job *o, const char *kernel) {
    const struct view dy_t = flipped(&o->behind_mask), x_t = flipped(&o->x), w = o->out_in ? flipped(&o->w) : o->w;
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
    const struct view ones = {o->ones, 1, o->n, o->n, 1};
    if (good && o->db.at)
        good = add_product(o, DB, (struct product){.a = ones, .b = o->behind_mask, .c = o->db, .add = o->accumulate});
    return good && o->n_products > 0;
}

static bool unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which) {
    snprintf(note, GB_PEER_NOTE_MAX, "%s%s", what, which);
    return false;
}

static struct view matrix(const struct gb_peer_problem *problem, const char *name, size_t rows, size_t cols) {
    struct view v = {.rows = rows, .cols = cols, .col_step = 1};
    v.at = gb_peer_operand(problem, name, &v.row_step);
    if (v.row_step == 0) v.row_step = cols; /* a vector */
    return v;
}

static void take_operands(struct job *o, const struct gb_peer_problem *problem) {
    const size_t n = o->n, d = o->d, m = o->m, w_rows = o->out_in ? m : d, w_cols = o->out_in ? d : m;
    o->x = matrix(problem, "x", n, d);
    o->w = matrix(problem, "w", w_rows, w_cols);
    o->y = matrix(problem, "y", n, m);
    o->dy = matrix(problem, "dy", n, m);
    o->dx = matrix(problem, "dx", n, d);
    o->dw = matrix(problem, "dw", w_rows, w_cols);
    o->db = matrix(problem, "db", 1, m);
    o->b = gb_peer_operand(problem, "b", NULL);
    o->mask = gb_peer_operand(problem, "mask", &o->ld_mask);
    o->behind_mask = o->dy;
}

/* oneDNN's users have what the ReLU read, not bits: the mask becomes 1 and 0 here, masking is the backward pass of a ReLU. */
static bool set_masking(struct job *o) {
    const struct view factors = {o->factors, o->n, o->m, o->m, 1}, masked = {o->masked, o->n, o->m, o->m, 1};
    void *const from = describe_view(o, &o->dy), *const data = describe_view(o, &factors), *forward = NULL, *desc = NULL;
    if (!from || !data ||
        o->dnn.eltwise_forward_primitive_desc_create(&forward, o->engine, DNN_FORWARD_TRAINING, DNN_ELTWISE_RELU, data, data, 0,
                                                     0, NULL) != 0)
        return false;
    if (!own(o, true, forward, o->dnn.primitive_desc_destroy)) return false;
    const int status = o->dnn.eltwise_backward_primitive_desc_create(&desc, o->engine, DNN_ELTWISE_RELU, data, from, data, 0, 0,
                                                                     forward, NULL);
    return add_step(o, &o->masking, status, desc) && add_argument(&o->masking, DNN_SRC, memory_of(o, data, factors.at)) &&
           add_argument(&o->masking, DNN_DIFF_DST, memory_of(o, from, o->dy.at)) &&
           add_argument(&o->masking, DNN_DIFF_SRC, memory_of(o, data, masked.at));
}

static bool allocate(struct job *o) {
    if (o->db.at && !(o->ones = floats(o, o->n))) return false;
    for (size_t i = 0; o->ones && i < o->n; i++) o->ones[i] = 1;
    if (!o->mask) return true;
    o->masked = floats(o, o->n * o->m);
    o->factors = floats(o, o->n * o->m);
    if (!o->masked || !o->factors) return false;
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < o->m; j++) o->factors[i * o->m + j] = (float)(o->mask[i * o->ld_mask + j / 64] >> j % 64 & 1);
    o->behind_mask = (struct view){o->masked, o->n, o->m, o->m, 1};
    return true;
}

static void say_ways(const struct job *o, char note[GB_PEER_NOTE_MAX]) {
    size_t used = 0;
    for (size_t i = 0; i < o->n_products && used < GB_PEER_NOTE_MAX; i++) {
        const struct product *const p = &o->products[i];
        used += (size_t)snprintf(note + used, GB_PEER_NOTE_MAX - used, "%s%s", i ? ", " : "by ", p->ways[p->best].name);
    }
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct job *const o = data;
    const struct gb_problem_spec *const s = &problem->spec;
    const char *const kernel = problem->kernel->name;
    const char *const unknown = gb_peer_unknown_option(problem, 1u << GB_OPTION_LAYOUT | 1u << GB_OPTION_ACCUMULATE);
    const bool has_d = strcmp(kernel, "affine_db") != 0;
    release(o);
    *o = (struct job){.dnn = o->dnn, .engine = o->engine, .stream = o->stream, .n = s->n, .d = s->d, .m = s->m};
    o->out_in = s->layout == GK_OUT_IN;
    o->accumulate = s->accumulate;
    if (strncmp(kernel, "affine_", 7) != 0) return unfit(note, "this peer does not do ", kernel);
    if (s->dtype == GK_F64) return unfit(note, "oneDNN has no f64 here", "");
    if (!o->n || !o->m || (has_d && !o->d)) return unfit(note, "an empty problem", "");
    if (unknown) return unfit(note, "an option that it does not know: ", unknown);
    take_operands(o, problem);
    if ((o->dx.at && !o->w.at) || (o->dw.at && !o->x.at)) return unfit(note, "an operand is missing", "");
    if (!allocate(o)) return unfit(note, "no memory", "");
    if (o->mask && o->engine && !set_masking(o)) o->masking.primitive = NULL;
    if (!plan(o, kernel)) return unfit(note, "it has no way to do this", "");
    say_ways(o, note);
    return true;
}

/* For version 2, and where there is no primitive for these strides. */
static void mask_by_loop(const struct job *o) {
#pragma omp parallel for if (o->n * o->m > 10000)
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < o->m; j++)
            o->masked[i * o->m + j] = o->factors[i * o->m + j] > 0 ? o->dy.at[i * o->dy.row_step + j] : 0;
}

static void call(void *data) {
    const struct job *const o = data;
    if (o->masking.primitive) {
        take(o, &o->masking);
        o->dnn.stream_wait(o->stream);
    } else if (o->mask) mask_by_loop(o);
    for (size_t i = 0; i < o->n_products; i++) multiply(o, &o->products[i], o->products[i].best);
}

/* A package from PyPI lies beside what it needs, where the loader does not look: that reads its variable at the start. One
 * built for SYCL also needs to be told of its own driver for the CPU. Errors would go to standard output. */
static void look_beside(char **argv) {
    const char *const slash = strrchr(argv[1], '/'), *const now = getenv("LD_LIBRARY_PATH");
    char folder[PATH_MAX], driver[PATH_MAX + 16];
    setenv("ONEDNN_VERBOSE", "0", 1);
    if (!slash || (size_t)snprintf(folder, sizeof folder, "%.*s", (int)(slash - argv[1]), argv[1]) >= sizeof folder) return;
    if (now && strcmp(now, folder) == 0) return;
    snprintf(driver, sizeof driver, "%s/libintelocl.so", folder);
    setenv("OCL_ICD_FILENAMES", driver, 0);
    setenv("LD_LIBRARY_PATH", folder, 1);
    execv("/proc/self/exe", argv);
}

/* NULL: it can be raced. */
static const char *load(struct dnn *dnn, const char *path) {
    dnn->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!dnn->library) return dlerror();
#define FIND(result, name, arguments)                                                                                          \
    if (!(dnn->name = (result(*) arguments)dlsym(dnn->library, "dnnl_" #name)))                                                \
        return "the library is no oneDNN: it lacks dnnl_" #name;
    DNN_OF_EVERY_VERSION(FIND)
    if (dnn->version()->major < 3) return NULL;
    DNN_OF_VERSION_3(FIND)
    return NULL;
}

static const char *start(struct job *o, char description[GB_PEER_NOTE_MAX]) {
    const struct dnn_version *const v = o->dnn.version();
    const char *const runtime = v->cpu_runtime == DNN_RUNTIME_OPENMP ? "OpenMP"
                                : v->cpu_runtime == DNN_RUNTIME_TBB  ? "TBB"
                                                                     : "other";
    if (v->major < 3) {
        snprintf(description, GB_PEER_NOTE_MAX, "oneDNN %d.%d.%d, %s threads, sgemm only", v->major, v->minor, v->patch,
                 runtime);
        return NULL;
    }
    const int isa = o->dnn.get_effective_cpu_isa();
    snprintf(description, GB_PEER_NOTE_MAX, "oneDNN %d.%d.%d, %s threads, vectors of %d bits", v->major, v->minor, v->patch,
             runtime, isa & DNN_ISA_512 ? 512 : 256);
    if (o->dnn.engine_create(&o->engine, DNN_CPU, 0) != 0) return "oneDNN makes no engine";
    return o->dnn.stream_create(&o->stream, o->engine, DNN_IN_ORDER) == 0 ? NULL : "oneDNN makes no stream";
}

int main(int argc, char **argv) {
    struct job job = {.n = 0};
    struct gb_peer peer = {.data = &job, .prepare = prepare, .call = call};
    if (argc != 2) {
        fprintf(stderr, "usage: gradbench-peer-onednn LIBRARY\n");
        return GB_EXIT_USAGE;
    }
    look_beside(argv);
    const char *reason = load(&job.dnn, argv[1]);
    if (!reason) reason = start(&job, peer.description);
    if (reason) return gb_peer_absent(reason);
    const int code = gb_peer_serve(&peer);
    release(&job);
    return code;
}
