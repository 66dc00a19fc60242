/* gradbench-peer-cblas LIBRARY: any CBLAS with 32-bit integers, loaded by its soname or path. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "peer_child.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

typedef void gemm_f32(int order, int ta, int tb, int rows, int cols, int depth, float alpha, const float *a, int ld_a,
                      const float *b, int ld_b, float beta, float *c, int ld_c);
typedef void gemm_f64(int order, int ta, int tb, int rows, int cols, int depth, double alpha, const double *a, int ld_a,
                      const double *b, int ld_b, double beta, double *c, int ld_c);
typedef void gemv_f32(int order, int ta, int rows, int cols, float alpha, const float *a, int ld_a, const float *x, int step_x,
                      float beta, float *y, int step_y);
typedef void gemv_f64(int order, int ta, int rows, int cols, double alpha, const double *a, int ld_a, const double *x,
                      int step_x, double beta, double *y, int step_y);

struct blas {
    void *library;
    gemm_f32 *sgemm;
    gemm_f64 *dgemm;
    gemv_f32 *sgemv;
    gemv_f64 *dgemv;
};

struct matrix {
    void *at; /* NULL: absent */
    size_t ld;
};

struct job {
    struct blas blas;
    size_t n, d, m;
    bool f64, out_in, accumulate, sums_by_product;
    struct matrix x, w, b, y, dy, mask, dx, dw, db;
    void *masked, *ones, *trial; /* n x m: dy behind the mask; n; m */
    void (*run)(const struct job *job);
};

#define REAL       float
#define NAME(name) name##_f32
#include "cblas_loops.h"
#undef REAL
#undef NAME

#define REAL       double
#define NAME(name) name##_f64
#include "cblas_loops.h"

/* A function of the library, which may have a prefix of its own. */
static void *function(const struct blas *blas, const char *name) {
    char prefixed[80];
    void *const found = dlsym(blas->library, name);
    snprintf(prefixed, sizeof prefixed, "scipy_%s", name);
    return found ? found : dlsym(blas->library, prefixed);
}

/* c = op(a) op(b), or c += it. */
static void multiply(const struct job *o, int ta, int tb, size_t rows, size_t cols, size_t depth, struct matrix a,
                     struct matrix b, struct matrix c, bool add) {
    const int m = (int)rows, n = (int)cols, k = (int)depth, ld_a = (int)a.ld, ld_b = (int)b.ld, ld_c = (int)c.ld;
    if (o->f64) o->blas.dgemm(ROW_MAJOR, ta, tb, m, n, k, 1, a.at, ld_a, b.at, ld_b, add, c.at, ld_c);
    else o->blas.sgemm(ROW_MAJOR, ta, tb, m, n, k, 1, a.at, ld_a, b.at, ld_b, add, c.at, ld_c);
}

static void forward(const struct job *o) {
    if (o->b.at && o->f64) copy_rows_f64(o);
    if (o->b.at && !o->f64) copy_rows_f32(o);
    multiply(o, PLAIN, o->out_in ? TRANSPOSED : PLAIN, o->n, o->m, o->d, o->x, o->w, o->y, o->b.at != NULL);
}

static void find_dx(const struct job *o) {
    multiply(o, PLAIN, o->out_in ? PLAIN : TRANSPOSED, o->n, o->d, o->m, o->dy, o->w, o->dx, o->accumulate);
}

static void find_dw(const struct job *o) {
    if (o->out_in) multiply(o, TRANSPOSED, PLAIN, o->m, o->d, o->n, o->dy, o->x, o->dw, o->accumulate);
    else multiply(o, TRANSPOSED, PLAIN, o->d, o->m, o->n, o->x, o->dy, o->dw, o->accumulate);
}

static void sums_by_product(const struct job *o) {
    const int n = (int)o->n, m = (int)o->m, ld = (int)o->dy.ld;
    if (o->f64) o->blas.dgemv(ROW_MAJOR, TRANSPOSED, n, m, 1, o->dy.at, ld, o->ones, 1, o->accumulate, o->db.at, 1);
    else o->blas.sgemv(ROW_MAJOR, TRANSPOSED, n, m, 1, o->dy.at, ld, o->ones, 1, o->accumulate, o->db.at, 1);
}

static void sums_by_loop(const struct job *o) {
    if (o->f64) column_sums_f64(o);
    else column_sums_f32(o);
}

static void find_db(const struct job *o) {
    if (o->sums_by_product) sums_by_product(o);
    else sums_by_loop(o);
}

static void backward(const struct job *job) {
    struct job o = *job;
    if (o.mask.at) {
        if (o.f64) pass_mask_f64(job);
        else pass_mask_f32(job);
        o.dy = (struct matrix){o.masked, o.m};
    }
    if (o.dx.at) find_dx(&o);
    if (o.dw.at) find_dw(&o);
    if (o.db.at) find_db(&o);
}

static const struct {
    const char *kernel;
    void (*run)(const struct job *job);
} kernels[] = {
    {"affine_forward", forward}, {"affine_dx", find_dx},        {"affine_dw", find_dw},
    {"affine_db", find_db},      {"affine_backward", backward},
};

static bool unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which) {
    snprintf(note, GB_PEER_NOTE_MAX, "%s%s", what, which);
    return false;
}

static bool take_operands(struct job *job, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    const struct {
        const char *name;
        struct matrix *matrix;
    } operands[] = {
        {"x", &job->x},       {"w", &job->w},   {"b", &job->b},   {"y", &job->y},   {"dy", &job->dy},
        {"mask", &job->mask}, {"dx", &job->dx}, {"dw", &job->dw}, {"db", &job->db},
    };
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++) {
        operands[i].matrix->at = gb_peer_operand(problem, operands[i].name, &operands[i].matrix->ld);
        if (operands[i].matrix->ld > INT_MAX) return unfit(note, "a leading dimension that is no int: ", operands[i].name);
    }
    if ((job->dx.at && !job->w.at) || (job->dw.at && !job->x.at)) return unfit(note, "an operand is missing", "");
    return true;
}

static bool allocate(struct job *job) {
    const size_t size = job->f64 ? sizeof(double) : sizeof(float);
    if (job->mask.at) job->masked = calloc(job->n * job->m, size);
    if (job->db.at) job->ones = calloc(job->n, size);
    if (job->db.at) job->trial = calloc(job->m, size);
    for (size_t i = 0; job->ones && i < job->n; i++)
        if (job->f64) ((double *)job->ones)[i] = 1;
        else ((float *)job->ones)[i] = 1;
    return (!job->mask.at || job->masked) && (!job->db.at || (job->ones && job->trial));
}

static void release(struct job *job) {
    free(job->masked);
    free(job->ones);
    free(job->trial);
    job->masked = job->ones = job->trial = NULL;
}

/* The best of three, after one that is not counted. */
static double time_of(const struct job *job, void (*run)(const struct job *job)) {
    double least = 0;
    run(job);
    for (int i = 0; i < 3; i++) {
        const double start = gb_clock_ns();
        run(job);
        const double ns = gb_clock_ns() - start;
        if (i == 0 || ns < least) least = ns;
    }
    return least;
}

/* Into a vector of its own: preparing leaves the outputs alone. */
static void choose_sums(struct job *job) {
    struct job trial = *job;
    trial.db.at = job->trial;
    const double by_product = time_of(&trial, sums_by_product), by_loop = time_of(&trial, sums_by_loop);
    job->sums_by_product = by_product < by_loop;
}

static void set_threads(const struct blas *blas, size_t threads) {
    void (*const with_int[])(int) = {
        (void (*)(int))function(blas, "openblas_set_num_threads"),
        (void (*)(int))function(blas, "MKL_Set_Num_Threads"),
    };
    void (*const blis)(int64_t) = (void (*)(int64_t))function(blas, "bli_thread_set_num_threads");
    for (size_t i = 0; i < sizeof with_int / sizeof *with_int; i++)
        if (with_int[i]) with_int[i]((int)threads);
    if (blis) blis((int64_t)threads);
}

static bool prepare(void *data, const struct gb_peer_problem *problem, char note[GB_PEER_NOTE_MAX]) {
    struct job *const job = data;
    const struct gb_problem_spec *const s = &problem->spec;
    const char *const unknown = gb_peer_unknown_option(problem, 1u << GB_OPTION_LAYOUT | 1u << GB_OPTION_ACCUMULATE);
    const bool has_d = strcmp(problem->kernel->name, "affine_db") != 0;
    release(job);
    *job = (struct job){.blas = job->blas, .n = s->n, .d = s->d, .m = s->m, .f64 = s->dtype == GK_F64};
    job->out_in = s->layout == GK_OUT_IN;
    job->accumulate = s->accumulate;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].kernel, problem->kernel->name) == 0) job->run = kernels[i].run;
    if (!job->run) return unfit(note, "a BLAS has no ", problem->kernel->name);
    if (!job->n || !job->m || (has_d && !job->d)) return unfit(note, "an empty problem", "");
    if (unknown) return unfit(note, "an option that it does not know: ", unknown);
    if (!take_operands(job, problem, note)) return false;
    if (!allocate(job)) return unfit(note, "no memory", "");
    set_threads(&job->blas, problem->threads);
    if (!job->db.at) return true;
    choose_sums(job);
    snprintf(note, GB_PEER_NOTE_MAX, "column sums by %s", job->sums_by_product ? "gemv" : "a loop");
    return true;
}

static void call(void *data) {
    const struct job *const job = data;
    job->run(job);
}

/* What a library's names of CPUs stand for. Those that are not here raise no warning. */
static const struct core {
    const char *name;
    int bits; /* of a vector */
    bool fma;
} cores[] = {
    {"generic", 64, false},     {"prescott", 128, false},   {"core2", 128, false},         {"penryn", 128, false},
    {"dunnington", 128, false}, {"nehalem", 128, false},    {"atom", 128, false},          {"opteron", 128, false},
    {"barcelona", 128, false},  {"bobcat", 128, false},     {"sandybridge", 256, false},   {"bulldozer", 128, true},
    {"piledriver", 128, true},  {"steamroller", 128, true}, {"excavator", 128, true},      {"haswell", 256, true},
    {"zen", 256, true},         {"zen2", 256, true},        {"zen3", 256, true},           {"skylakex", 512, true},
    {"skx", 512, true},         {"cooperlake", 512, true},  {"sapphirerapids", 512, true}, {"zen4", 512, true},
};

/* A library that does not know a CPU's model falls back to kernels for one that is long gone. */
static void warn_of_core(const char *name, char *text, size_t size) {
#ifdef __x86_64__
    const bool fma = __builtin_cpu_supports("fma"),
               all_512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    const int bits = all_512 ? 512 : __builtin_cpu_supports("avx2") ? 256 : 128;
#else
    const bool fma = false;
    const int bits = 0;
#endif
    text[0] = '\0';
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        if (strcasecmp(cores[i].name, name) != 0 || (cores[i].bits >= bits && cores[i].fma >= fma)) continue;
        snprintf(text, size, "; WARNING: vectors of %d bits%s, this CPU has %d%s", cores[i].bits,
                 cores[i].fma ? "" : " without fma", bits, fma ? " with fma" : "");
    }
}

static void describe_core(const char *library, const char *core, char description[GB_PEER_NOTE_MAX]) {
    char warning[80];
    warn_of_core(core, warning, sizeof warning);
    snprintf(description, GB_PEER_NOTE_MAX, "%.80s, kernels for %.24s%s", library, core, warning);
}

static void describe(const struct blas *blas, const char *path, char description[GB_PEER_NOTE_MAX]) {
    const char *(*const config)(void) = (const char *(*)(void))function(blas, "openblas_get_config");
    const char *(*const core)(void) = (const char *(*)(void))function(blas, "openblas_get_corename");
    const char *(*const blis)(void) = (const char *(*)(void))function(blas, "bli_info_get_version_str");
    int (*const arch)(void) = (int (*)(void))function(blas, "bli_arch_query_id");
    const char *(*const arch_name)(int) = (const char *(*)(int))function(blas, "bli_arch_string");
    void (*const blis_init)(void) = (void (*)(void))function(blas, "bli_init");
    void (*const mkl)(char *, int) = (void (*)(char *, int))function(blas, "MKL_Get_Version_String");
    char text[GB_PEER_NOTE_MAX] = "";
    if (config && core) {
        const char *const all = config(); /* name, version, then how it was built */
        const size_t name = strcspn(all, " "), version = all[name] ? strcspn(all + name + 1, " ") + 1 : 0;
        snprintf(text, sizeof text, "%.*s", (int)(name + version), all);
        describe_core(text, core(), description);
    } else if (blis && arch && arch_name) {
        if (blis_init) blis_init(); /* else a query with BLIS_ARCH_TYPE set aborts */
        snprintf(text, sizeof text, "BLIS %s", blis());
        describe_core(text, arch_name(arch()), description);
    } else if (mkl) {
        mkl(text, sizeof text - 1);
        text[strcspn(text, "\n")] = '\0';
        snprintf(description, GB_PEER_NOTE_MAX, "%s", text);
    } else {
        snprintf(description, GB_PEER_NOTE_MAX, "CBLAS of %s", path);
    }
}

/* NULL: it is a CBLAS. Else why there is none. */
static const char *load(struct blas *blas, const char *path) {
    blas->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!blas->library) return dlerror();
    blas->sgemm = (gemm_f32 *)function(blas, "cblas_sgemm");
    blas->dgemm = (gemm_f64 *)function(blas, "cblas_dgemm");
    blas->sgemv = (gemv_f32 *)function(blas, "cblas_sgemv");
    blas->dgemv = (gemv_f64 *)function(blas, "cblas_dgemv");
    return blas->sgemm && blas->dgemm && blas->sgemv && blas->dgemv ? NULL : "the library is no CBLAS (cblas_sgemm, ...)";
}

int main(int argc, char **argv) {
    struct job job = {.n = 0};
    struct gb_peer peer = {.data = &job, .prepare = prepare, .call = call};
    if (argc != 2) {
        fprintf(stderr, "usage: gradbench-peer-cblas LIBRARY\n");
        return GB_EXIT_USAGE;
    }
    const char *const reason = load(&job.blas, argv[1]);
    if (reason) return gb_peer_absent(reason);
    describe(&job.blas, argv[1], peer.description);
    const int code = gb_peer_serve(&peer);
    release(&job);
    return code;
}
