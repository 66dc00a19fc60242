/* Stands in for oneDNN's C interface, so that gradbench-peer-onednn is tested in all its ways where no version 3 is. It
 * computes with plain loops, takes nothing that the guide does not allow, and ends the process with 77 where an object was not
 * destroyed, as what it is, once. FAKE_FAST: sgemm, matmul, reorder or inner, of which the others take much longer.
 * FAKE_DRIVER: it ends with 0 if it was told of this one. FAKE_FAIL: a function that says that it failed. FAKE_MAJOR,
 * FAKE_RUNTIME, FAKE_ISA: what it says of itself. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    F32 = 3,
    TAG_ANY = 1,
    FORWARD_TRAINING = 64,
    SRC = 1,
    SRC_1 = 2,
    DST = 17,
    WEIGHTS = 33,
    BIAS = 41,
    DIFF_SRC = 129,
    DIFF_DST = 145,
    DIFF_WEIGHTS = 161
};
enum tag { DESC = 0x64657363, MEMORY, OPS, ATTRIBUTES, PRIMITIVE_DESC, PRIMITIVE };
enum kind { MATMUL, REORDER, INNER, INNER_DATA, INNER_WEIGHTS, REDUCTION, ELTWISE, ELTWISE_BACK, BINARY, SOFTMAX };
enum algorithm {
    RELU = 0x20,
    LINEAR = 0x26,
    LOGISTIC = 0x29,
    EXP = 0x2a,
    LOG = 0x2d,
    POW = 0x30,
    LOGISTIC_FROM_DST = 0x104,
    EXP_FROM_DST = 0x105,
    ADD = 0x1fff0,
    MUL = 0x1fff1,
    MAX = 0x1fff2,
    SUB = 0x1fff5,
    LT = 0x1fff9,
    SUM = 0x2fff4,
    ACCURATE = 0x30000
};

struct object {
    enum tag tag;
    enum kind kind;
    int algorithm;
    float alpha, beta; /* of post-operations: alpha times the result */
    bool any, add, has_bias;
    int n;
    int64_t dims[2], steps[2];
    struct object *operands; /* of a primitive: a, b, bias, c */
    float *at, *own;
};

struct argument {
    int name;
    void *memory;
};

struct version {
    int major, minor, patch;
    const char *hash;
    unsigned cpu_runtime, gpu_runtime;
};

static int objects, engine, stream;

static bool is(const char *variable, const char *value) {
    const char *const now = getenv(variable);
    return now && strcmp(now, value) == 0;
}

static int number(const char *variable, int usual) { return getenv(variable) ? atoi(getenv(variable)) : usual; }

static void take_long(const char *way) {
    struct timespec start, now;
    if (is("FAKE_FAST", way)) return;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 300000);
}

/* Errors go to standard output unless it is told to be silent; it lies beside libraries that the loader has to find. */
__attribute__((constructor)) static void begin(void) {
    const char *const path = getenv("LD_LIBRARY_PATH"), *const driver = getenv("OCL_ICD_FILENAMES");
    if (!is("ONEDNN_VERBOSE", "0") || !path || !driver) _exit(66);
    if (getenv("FAKE_DRIVER")) _exit(is("OCL_ICD_FILENAMES", getenv("FAKE_DRIVER")) ? 0 : 68);
    if (strncmp(driver, path, strlen(path)) != 0 || strcmp(driver + strlen(path), "/libintelocl.so") != 0) _exit(67);
}

__attribute__((destructor)) static void end(void) {
    if (objects != 0) _exit(77);
}

static struct object *make(enum tag tag) {
    struct object *const o = calloc(1, sizeof *o);
    if (!o) _exit(78);
    o->tag = tag;
    objects++;
    return o;
}

static int destroy(struct object *o, enum tag tag) {
    if (!o || o->tag != tag) _exit(79);
    o->tag = 0;
    free(o->operands);
    free(o->own);
    free(o);
    objects--;
    return 0;
}

static bool fails(const char *name) { return is("FAKE_FAIL", name); }

const struct version *dnnl_version(void) {
    static struct version v = {0, 7, 2, "fake", 0, 0};
    v.major = number("FAKE_MAJOR", 3);
    v.cpu_runtime = (unsigned)number("FAKE_RUNTIME", 2);
    return &v;
}

int dnnl_get_effective_cpu_isa(void) { return number("FAKE_ISA", 0x27); }

int dnnl_engine_create(void **made, int kind, size_t index) {
    *made = &engine;
    return kind != 1 || index != 0 || fails("engine");
}

int dnnl_stream_create(void **made, void *of, unsigned flags) {
    *made = &stream;
    return of != &engine || flags != 1 || fails("stream");
}

int dnnl_stream_wait(void *s) { return s != &stream; }

int dnnl_memory_desc_create_with_strides(struct object **made, int n, const int64_t *dims, int type, const int64_t *steps) {
    if (type != F32 || n < 1 || n > 2 || fails("desc")) return 1;
    struct object *const o = *made = make(DESC);
    o->n = n;
    for (int i = 0; i < n; i++) o->dims[i] = dims[i], o->steps[i] = steps[i];
    return 0;
}

int dnnl_memory_desc_create_with_tag(struct object **made, int n, const int64_t *dims, int type, int tag) {
    static const int64_t none[2];
    if (tag != TAG_ANY || dnnl_memory_desc_create_with_strides(made, n, dims, type, none) != 0) return 1;
    (*made)->any = true;
    return 0;
}

int dnnl_memory_desc_equal(const struct object *a, const struct object *b) {
    return a->n == b->n && memcmp(a->dims, b->dims, sizeof a->dims) == 0 && memcmp(a->steps, b->steps, sizeof a->steps) == 0;
}

int dnnl_memory_desc_destroy(struct object *o) { return destroy(o, DESC); }

int dnnl_memory_create(struct object **made, const struct object *desc, void *of, void *at) {
    if (of != &engine || !at || desc->any || fails("memory")) return 1;
    struct object *const o = *made = make(MEMORY);
    o->n = desc->n;
    memcpy(o->dims, desc->dims, sizeof o->dims), memcpy(o->steps, desc->steps, sizeof o->steps);
    if (at == (void *)(size_t)-1) at = o->own = calloc((size_t)(o->dims[0] * o->dims[1]), sizeof(float));
    o->at = at;
    return 0;
}

int dnnl_memory_set_data_handle(struct object *o, void *at) {
    o->at = at;
    return !at || fails("handle");
}

int dnnl_memory_destroy(struct object *o) { return destroy(o, MEMORY); }

int dnnl_post_ops_create(struct object **made) {
    *made = make(OPS);
    (*made)->alpha = 1;
    return 0;
}

int dnnl_post_ops_append_sum(struct object *o, float scale, int32_t zero, int type) {
    o->add = true;
    return scale != 1 || zero != 0 || type != F32 || fails("sum");
}

int dnnl_post_ops_append_eltwise(struct object *o, int algorithm, float alpha, float beta) {
    o->alpha = alpha;
    return algorithm != LINEAR || beta != 0 || fails("number");
}

int dnnl_post_ops_destroy(struct object *o) { return destroy(o, OPS); }

int dnnl_primitive_attr_create(struct object **made) { return *made = make(ATTRIBUTES), 0; }

int dnnl_primitive_attr_set_post_ops(struct object *o, const struct object *ops) {
    o->add = ops->add, o->alpha = ops->alpha;
    return fails("attributes");
}

int dnnl_primitive_attr_destroy(struct object *o) { return destroy(o, ATTRIBUTES); }

/* rows x cols of each, 0: not looked at. */
static bool shaped(const struct object *o, int64_t rows, int64_t cols) {
    return o && o->tag == DESC && o->dims[0] == rows && (o->n == 1 || o->dims[1] == cols);
}

static int describe(struct object **made, enum kind kind, const struct object *a, const struct object *b,
                    const struct object *bias, const struct object *c, const struct object *attributes) {
    struct object *const o = *made = make(PRIMITIVE_DESC);
    o->kind = kind;
    o->add = attributes && attributes->add;
    o->has_bias = bias;
    o->operands = calloc(4, sizeof *o);
    if (!o->operands) _exit(78);
    o->operands[0] = *a, o->operands[1] = *b, o->operands[3] = *c;
    if (bias) o->operands[2] = *bias;
    return 0;
}

int dnnl_matmul_primitive_desc_create(struct object **made, void *of, const struct object *src, const struct object *weights,
                                      const struct object *bias, const struct object *dst, const struct object *attributes) {
    if (of != &engine || fails("matmul") || !shaped(weights, src->dims[1], dst->dims[1]) ||
        !shaped(dst, src->dims[0], dst->dims[1]) || (bias && !shaped(bias, 1, dst->dims[1])))
        return 1;
    describe(made, MATMUL, src, weights, bias, dst, attributes);
    struct object *const liked = &(*made)->operands[1];
    (*made)->any = liked->any;
    if (liked->any) liked->any = false, liked->steps[0] = 1, liked->steps[1] = liked->dims[0]; /* column by column */
    return 0;
}

int dnnl_reorder_primitive_desc_create(struct object **made, const struct object *from, void *of, const struct object *to,
                                       void *of_to, const struct object *attributes) {
    if (of != &engine || of_to != &engine || attributes || fails("reorder")) return 1;
    return describe(made, REORDER, from, from, NULL, to, NULL);
}

int dnnl_inner_product_forward_primitive_desc_create(struct object **made, void *of, int kind, const struct object *src,
                                                     const struct object *weights, const struct object *bias,
                                                     const struct object *dst, const struct object *attributes) {
    if (of != &engine || kind != FORWARD_TRAINING || attributes || fails("inner") ||
        !shaped(weights, dst->dims[1], src->dims[1]) || !shaped(dst, src->dims[0], dst->dims[1]) ||
        (bias && (bias->n != 1 || !shaped(bias, dst->dims[1], 0))))
        return 1;
    return describe(made, INNER, src, weights, bias, dst, NULL);
}

int dnnl_inner_product_backward_data_primitive_desc_create(struct object **made, void *of, const struct object *diff_src,
                                                           const struct object *weights, const struct object *diff_dst,
                                                           const struct object *hint, const struct object *attributes) {
    if (of != &engine || attributes || !hint || hint->tag != PRIMITIVE_DESC || fails("inner data")) return 1;
    return describe(made, INNER_DATA, diff_dst, weights, NULL, diff_src, NULL);
}

int dnnl_inner_product_backward_weights_primitive_desc_create(struct object **made, void *of, const struct object *src,
                                                              const struct object *diff_weights, const struct object *diff_bias,
                                                              const struct object *diff_dst, const struct object *hint,
                                                              const struct object *attributes) {
    if (of != &engine || attributes || diff_bias || !hint || hint->tag != PRIMITIVE_DESC || fails("inner weights")) return 1;
    return describe(made, INNER_WEIGHTS, diff_dst, src, NULL, diff_weights, NULL);
}

int dnnl_reduction_primitive_desc_create(struct object **made, void *of, int algorithm, const struct object *src,
                                         const struct object *dst, float p, float eps, const struct object *attributes) {
    if (of != &engine || algorithm != SUM || p != 0 || eps != 0 || attributes || fails("reduction")) return 1;
    if (!shaped(dst, 1, src->dims[1])) return 1;
    return describe(made, REDUCTION, src, src, NULL, dst, NULL);
}

int dnnl_eltwise_forward_primitive_desc_create(struct object **made, void *of, int kind, int algorithm,
                                               const struct object *src, const struct object *dst, float alpha, float beta,
                                               const struct object *attributes) {
    static const int known[] = {RELU, LOGISTIC, EXP, LOG, LOGISTIC_FROM_DST, EXP_FROM_DST, POW};
    bool is = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) is |= algorithm == known[i];
    if (of != &engine || kind != FORWARD_TRAINING || !is || attributes || fails("eltwise")) return 1;
    if (algorithm == POW ? alpha != 1 || beta != -1 : alpha != 0 || beta != 0) return 1;
    describe(made, ELTWISE, src, src, NULL, dst, NULL);
    (*made)->algorithm = algorithm;
    return 0;
}

int dnnl_eltwise_backward_primitive_desc_create(struct object **made, void *of, int algorithm, const struct object *diff_src,
                                                const struct object *diff_dst, const struct object *data, float alpha,
                                                float beta, const struct object *hint, const struct object *attributes) {
    if (of != &engine || alpha != 0 || beta != 0 || attributes || !hint || hint->kind != ELTWISE ||
        hint->algorithm != algorithm || fails("eltwise back"))
        return 1;
    describe(made, ELTWISE_BACK, diff_dst, data, NULL, diff_src, NULL);
    (*made)->algorithm = algorithm;
    return 0;
}

int dnnl_binary_primitive_desc_create(struct object **made, void *of, int algorithm, const struct object *a,
                                      const struct object *b, const struct object *dst, const struct object *attributes) {
    if (of != &engine || !shaped(b, a->dims[0], a->dims[1]) || !shaped(dst, a->dims[0], a->dims[1]) || fails("binary"))
        return 1;
    describe(made, BINARY, a, b, NULL, dst, NULL);
    (*made)->algorithm = algorithm;
    (*made)->alpha = attributes ? attributes->alpha : 1;
    return 0;
}

int dnnl_softmax_forward_primitive_desc_create(struct object **made, void *of, int kind, int algorithm,
                                               const struct object *src, const struct object *dst, int axis,
                                               const struct object *attributes) {
    if (of != &engine || kind != FORWARD_TRAINING || algorithm != ACCURATE || axis != 1 || attributes || fails("softmax") ||
        !shaped(dst, src->dims[0], src->dims[1]))
        return 1;
    return describe(made, SOFTMAX, src, src, NULL, dst, NULL);
}

const struct object *dnnl_primitive_desc_query_md(const struct object *o, int what, int index) {
    return what == 131 && index == 0 && o->kind == MATMUL ? &o->operands[1] : NULL;
}

int dnnl_primitive_desc_destroy(struct object *o) { return destroy(o, PRIMITIVE_DESC); }

int dnnl_primitive_create(struct object **made, const struct object *desc) {
    if (fails("primitive")) return 1;
    describe(made, desc->kind, &desc->operands[0], &desc->operands[1], desc->has_bias ? &desc->operands[2] : NULL,
             &desc->operands[3], NULL);
    (*made)->tag = PRIMITIVE;
    (*made)->add = desc->add;
    (*made)->any = desc->any;
    (*made)->algorithm = desc->algorithm, (*made)->alpha = desc->alpha;
    return 0;
}

int dnnl_primitive_destroy(struct object *o) { return destroy(o, PRIMITIVE); }

/* The memory of that name, which must be laid out as the primitive was told. */
static struct object *named(const struct object *o, int operand, int n, const struct argument *arguments, int name) {
    for (int i = 0; i < n; i++)
        if (arguments[i].name == name) {
            struct object *const memory = arguments[i].memory;
            if (memory->tag != MEMORY || !dnnl_memory_desc_equal(memory, &o->operands[operand])) _exit(80);
            return memory;
        }
    _exit(81);
}

static float *element(const struct object *o, int64_t row, int64_t col) {
    return o->at + row * o->steps[0] + (o->n == 1 ? 0 : col * o->steps[1]);
}

/* c = bias + op(a) op(b), or c += it: depth products each. */
static void product(const struct object *a, bool ta, const struct object *b, bool tb, const struct object *bias,
                    const struct object *c, bool add) {
    const int64_t depth = a->dims[ta ? 0 : 1];
    for (int64_t i = 0; i < c->dims[0]; i++)
        for (int64_t j = 0; j < c->dims[1]; j++) {
            double sum = bias ? *(bias->n == 1 ? element(bias, j, 0) : element(bias, 0, j)) : 0;
            for (int64_t k = 0; k < depth; k++)
                sum += (double)*(ta ? element(a, k, i) : element(a, i, k)) * *(tb ? element(b, j, k) : element(b, k, j));
            *element(c, i, j) = (float)(add ? *element(c, i, j) + sum : sum);
        }
}

static void softmax(const struct object *a, const struct object *c) {
    for (int64_t i = 0; i < a->dims[0]; i++) {
        double most = -INFINITY, sum = 0;
        for (int64_t j = 0; j < a->dims[1]; j++) most = fmax(most, *element(a, i, j));
        for (int64_t j = 0; j < a->dims[1]; j++) sum += exp(*element(a, i, j) - most);
        for (int64_t j = 0; j < a->dims[1]; j++) *element(c, i, j) = (float)(exp(*element(a, i, j) - most) / sum);
    }
}

/* a: what is passed on, or the gradient; b: the second operand, or what was saved. */
static float combined(const struct object *o, float a, float b) {
    switch (o->algorithm) {
    case RELU: return b > 0 ? a : 0;
    case LOGISTIC: return 1 / (1 + expf(-a));
    case EXP: return expf(a);
    case LOG: return logf(a);
    case POW: return 1 / a;
    case LOGISTIC_FROM_DST: return a * (1 - b) * b;
    case EXP_FROM_DST:
    case MUL: return o->kind == BINARY ? o->alpha * a * b : a * b;
    case ADD: return a + b;
    case MAX: return a > b ? a : b;
    case SUB: return a - b;
    case LT: return a < b;
    default: return a;
    }
}

int dnnl_primitive_execute(const struct object *o, void *s, int n, const struct argument *arguments) {
    const struct object *bias = NULL, *a, *b, *c;
    if (s != &stream || !o || o->tag != PRIMITIVE) _exit(82);
    switch (o->kind) {
    case MATMUL:
        if (o->has_bias) bias = named(o, 2, n, arguments, BIAS);
        take_long(o->any ? "reorder" : "matmul");
        product(named(o, 0, n, arguments, SRC), false, named(o, 1, n, arguments, WEIGHTS), false, bias,
                named(o, 3, n, arguments, DST), o->add);
        return 0;
    case INNER:
        if (o->has_bias) bias = named(o, 2, n, arguments, BIAS);
        take_long("inner");
        product(named(o, 0, n, arguments, SRC), false, named(o, 1, n, arguments, WEIGHTS), true, bias,
                named(o, 3, n, arguments, DST), false);
        return 0;
    case INNER_DATA:
        take_long("inner");
        product(named(o, 0, n, arguments, DIFF_DST), false, named(o, 1, n, arguments, WEIGHTS), false, NULL,
                named(o, 3, n, arguments, DIFF_SRC), false);
        return 0;
    case INNER_WEIGHTS:
        take_long("inner");
        product(named(o, 0, n, arguments, DIFF_DST), true, named(o, 1, n, arguments, SRC), false, NULL,
                named(o, 3, n, arguments, DIFF_WEIGHTS), false);
        return 0;
    default: break;
    }
    if (o->kind == ELTWISE_BACK) {
        a = named(o, 0, n, arguments, DIFF_DST), c = named(o, 3, n, arguments, DIFF_SRC);
        b = named(o, 1, n, arguments, o->algorithm == RELU ? SRC : DST);
    } else {
        if (o->kind == REDUCTION) take_long("inner");
        a = b = named(o, 0, n, arguments, SRC), c = named(o, 3, n, arguments, DST);
    }
    if (o->kind == BINARY) b = named(o, 1, n, arguments, SRC_1);
    if (o->kind == BINARY && b->at == c->at && a->at != c->at) _exit(84); /* in place is the first */
    if (o->kind == REORDER && a->at == c->at) _exit(85);
    if (o->kind == SOFTMAX) return softmax(a, c), 0;
    for (int64_t i = 0; i < a->dims[0]; i++)
        for (int64_t j = 0; j < (a->n == 1 ? 1 : a->dims[1]); j++)
            if (o->kind == REDUCTION) *element(c, 0, j) = *element(a, i, j) + (i ? *element(c, 0, j) : 0);
            else *element(c, i, j) = combined(o, *element(a, i, j), *element(b, i, j));
    return 0;
}

int dnnl_sgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t ld_a, const float *b,
               int64_t ld_b, float beta, float *c, int64_t ld_c) {
    if (ld_a < (ta == 'T' ? m : k) || ld_b < (tb == 'T' ? k : n) || ld_c < n || alpha != 1) _exit(83);
    take_long("sgemm");
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum +=
                    (double)(ta == 'T' ? a[l * ld_a + i] : a[i * ld_a + l]) * (tb == 'T' ? b[j * ld_b + l] : b[l * ld_b + j]);
            c[i * ld_c + j] = (float)(beta == 0 ? sum : beta * c[i * ld_c + j] + sum);
        }
    return 0;
}
