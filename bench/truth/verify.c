#include "verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "fused.h"
#include "random.h"

enum {
    ELEMENTS_MAX = 1 << 22, /* of a sample, beyond the first row and column */
    WHOLE_MAX = 64,         /* whole rows or columns of a sample */
    STORE_SLACK = 64 << 20, /* bytes: what ELEMENTS_MAX of them take, with room */
};

struct regions {
    struct gb_verify_region *list;
    size_t count, capacity;
};

struct gb_verifier {
    bool sampled;
    /* peer: when ref gave only a sample the whole outputs of the first variant, of a fused kernel of its parts */
    struct regions reference, peer;
    const char *peer_name;
    char parts_name[48];
};

/* The dimensions (offsets in args) that an operand's rows and columns are. */
struct axes {
    size_t rows, cols;
};

static struct axes axes_of(const struct gb_problem *problem, const struct gk_field *field) {
    return (struct axes){gk_field_rows_at(field, problem->args), gk_field_cols_at(field, problem->args)};
}

static struct gb_verify_region *add_region(struct regions *regions, size_t operand, struct gk_slice rows, struct gk_slice cols,
                                           size_t bytes) {
    if (regions->count == regions->capacity) {
        const size_t capacity = regions->capacity ? 2 * regions->capacity : 16;
        struct gb_verify_region *const grown = realloc(regions->list, capacity * sizeof *grown);
        if (!grown) return NULL;
        regions->list = grown;
        regions->capacity = capacity;
    }
    void *const values = malloc(bytes + 1);
    if (!values) return NULL;
    regions->list[regions->count] = (struct gb_verify_region){operand, rows, cols, values};
    return &regions->list[regions->count++];
}

static void free_regions(struct regions *regions) {
    for (size_t i = 0; i < regions->count; i++) free(regions->list[i].values);
    free(regions->list);
    *regions = (struct regions){0};
}

/* A region seen as an operand of its own. */
static struct gb_operand view(const struct gb_operand *operand, const struct gb_verify_region *region) {
    struct gb_operand small = *operand;
    small.start = region->values;
    small.rows = region->rows.end - region->rows.begin;
    small.row_elements = small.ld = region->cols.end - region->cols.begin;
    return small;
}

static char *element(const struct gb_operand *operand, size_t row, size_t col) {
    return (char *)operand->start + (row * operand->ld + col) * operand->element_size;
}

/* Copies all outputs as they are. */
static bool copy_outputs(const struct gb_problem *problem, struct regions *regions) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        if (!o->output) continue;
        const size_t row_bytes = o->row_elements * o->element_size;
        const struct gb_verify_region *const all =
            add_region(regions, i, (struct gk_slice){0, o->rows}, (struct gk_slice){0, o->row_elements}, o->rows * row_bytes);
        if (!all) return false;
        for (size_t row = 0; row < o->rows && row_bytes; row++)
            memcpy((char *)all->values + row * row_bytes, element(o, row, 0), row_bytes);
    }
    return true;
}

static bool region_equal(const struct gb_operand *got, const struct gb_verify_region *region, struct gb_difference *first) {
    const struct gb_operand want = view(got, region);
    for (size_t i = 0; i < want.rows; i++) {
        const size_t row = region->rows.begin + i;
        const size_t bytes = want.row_elements * want.element_size;
        if (bytes == 0 || memcmp(element(got, row, region->cols.begin), element(&want, i, 0), bytes) == 0) continue;
        for (size_t j = 0; j < want.row_elements; j++) {
            const size_t col = region->cols.begin + j;
            const uint64_t a = gb_operand_bits(got, row, col), b = gb_operand_bits(&want, i, j);
            if (a == b) continue;
            *first = (struct gb_difference){got->field->name, row, col, gb_operand_value(got, a), gb_operand_value(got, b)};
            return false;
        }
    }
    return true;
}

static bool regions_equal(const struct gb_problem *problem, const struct regions *regions, struct gb_difference *first) {
    for (size_t i = 0; i < regions->count; i++)
        if (!region_equal(&problem->operands[regions->list[i].operand], &regions->list[i], first)) return false;
    return true;
}

static struct gk_slice run_of(size_t axis, struct axes sliced, struct gk_slice rows, struct gk_slice cols) {
    if (axis != GK_NOWHERE && axis == sliced.rows) return rows;
    if (axis != GK_NOWHERE && axis == sliced.cols) return cols;
    return (struct gk_slice){0, 0};
}

/* Points one operand of the slice at its part of the problem's memory. */
static void slice_operand(const struct gb_problem *problem, const struct gb_operand *operand, struct axes sliced,
                          struct gk_slice rows, struct gk_slice cols, void *args) {
    const struct axes own = axes_of(problem, operand->field);
    const size_t row = run_of(own.rows, sliced, rows, cols).begin, col = run_of(own.cols, sliced, rows, cols).begin;
    const size_t unit = operand->field->element == GK_ELEMENT_BITS ? 64 : 1;
    const char *const at = operand->output ? NULL : element(operand, row, col / unit);
    memcpy((char *)args + operand->field->offset, &at, sizeof at);
    if (operand->field->offset2 != GK_NOWHERE) gk_set_size(args, operand->field->offset2, operand->ld);
}

/* Where a slice may begin: masks are cut at whole words. */
static size_t cut_unit(const struct gb_problem *problem, size_t axis) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gk_field *const f = problem->operands[i].field;
        if (f->element == GK_ELEMENT_BITS && f->cols == axis) return 64;
    }
    return 1;
}

/* Runs ref on the rows and columns of one output alone: the same kernel with two dimensions cut. */
static bool compute_region(struct gb_verifier *v, const struct gb_problem *problem, gk_context *ref, size_t index,
                           struct gk_slice rows, struct gk_slice cols) {
    const struct gb_operand *const o = &problem->operands[index];
    const struct axes axes = axes_of(problem, o->field);
    rows.begin -= axes.rows == GK_NOWHERE ? 0 : rows.begin % cut_unit(problem, axes.rows);
    cols.begin -= cols.begin % cut_unit(problem, axes.cols);
    const size_t n_rows = rows.end - rows.begin, n_cols = cols.end - cols.begin, row_bytes = n_cols * o->element_size;
    struct gb_verify_region *const region = add_region(&v->reference, index, rows, cols, n_rows * row_bytes);
    void *const args = malloc(problem->kernel->args_size);
    if (!region || !args) {
        free(args);
        return false;
    }
    memcpy(args, problem->args, problem->kernel->args_size);
    for (size_t i = 0; i < problem->n_operands; i++) slice_operand(problem, &problem->operands[i], axes, rows, cols, args);
    if (axes.rows != GK_NOWHERE) gk_set_size(args, axes.rows, n_rows);
    gk_set_size(args, axes.cols, n_cols);
    memcpy((char *)args + o->field->offset, &region->values, sizeof region->values);
    if (o->field->offset2 != GK_NOWHERE) gk_set_size(args, o->field->offset2, n_cols);
    const size_t initial_row = o->row_elements * o->element_size;
    for (size_t i = 0; i < n_rows; i++)
        memcpy((char *)region->values + i * row_bytes,
               (const char *)o->initial + (rows.begin + i) * initial_row + cols.begin * o->element_size, row_bytes);
    const gk_status status = gk_call(ref, problem->spec.kernel, problem->spec.dtype, args);
    free(args);
    return status == GK_OK;
}

/* Indices of a dimension: those beside its cuts. */
struct marks {
    bool *at;
    size_t size;
};

static void add_cut(const struct marks *marks, size_t cut) {
    if (cut > marks->size) return;
    if (cut > 0) marks->at[cut - 1] = true;
    if (cut < marks->size) marks->at[cut] = true;
}

static void add_thread_cuts(const struct marks *marks, size_t unit, size_t threads) {
    for (size_t team = 2; team <= threads; team++) {
        if (threads % team) continue;
        for (size_t rank = 1; rank < team; rank++) add_cut(marks, gk_slice_of(marks->size, unit, rank, team).begin);
    }
}

struct sampler {
    struct gb_verifier *verifier;
    const struct gb_problem *problem;
    gk_context *ref;
    size_t output;
    size_t rows, cols;
    const size_t *threads;
    size_t n_threads;
    double budget; /* elements */
    uint64_t random;
};

/* The columns that the threads of a product, if there is one that an isa computes the output with, take at a time. */
static void add_block_cuts(const struct marks *marks, const struct gk_gemm_plan *plan) {
    for (size_t rank = 0; rank < plan->down * plan->across; rank++) {
        const struct gk_slice cols = gk_gemm_share(plan, rank).cols;
        if (cols.begin == cols.end) continue;
        add_cut(marks, cols.begin + plan->block_cols);
        add_cut(marks, cols.begin + (cols.end - 1 - cols.begin) / plan->block_cols * plan->block_cols);
        add_cut(marks, cols.end - plan->rest);
    }
}

static void add_product_cuts(const struct marks *marks, const struct sampler *s, bool by_row, const struct gk_gemm_tile *tile,
                             size_t threads) {
    const struct gk_cell *const ref = gk_isa_get(0, s->problem->spec.dtype)->cells[s->problem->spec.kernel];
    struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
    const size_t products = ref->products ? ref->products(s->problem->args, shapes) : 0;
    for (size_t i = 0; i < products; i++) {
        if (shapes[i].c != s->problem->operands[s->output].start) continue;
        const struct gk_gemm_plan plan = gk_gemm_plan(tile, &shapes[i], threads, &gb_machine_get()->caches);
        if (by_row == plan.transposed) add_block_cuts(marks, &plan);
    }
}

/* Both ends, the first and the last cut of every edge that an isa exports, and where threads meet, which cut at an edge. */
static void add_cuts(const struct marks *marks, const struct sampler *s, bool by_row) {
    add_cut(marks, 0);
    add_cut(marks, marks->size);
    for (size_t c = 0; c < GK_ISA_COUNT; c++) {
        const struct gk_isa *const isa = gk_isa_get(c, s->problem->spec.dtype);
        for (size_t e = 0; e < sizeof isa->edges / sizeof *isa->edges && isa->edges[e]; e++) {
            const size_t edge = isa->edges[e];
            add_cut(marks, edge);
            add_cut(marks, marks->size / edge * edge);
            for (size_t t = 0; t < s->n_threads; t++) add_thread_cuts(marks, edge, s->threads[t]);
        }
        for (size_t t = 0; t < s->n_threads; t++) add_product_cuts(marks, s, by_row, isa->tile, s->threads[t]);
    }
    for (size_t t = 0; t < s->n_threads; t++) add_thread_cuts(marks, 1, s->threads[t]);
}

/* Of marked indices. */
struct runs {
    struct gk_slice *list;
    size_t count;
};

static bool edge_runs(const struct sampler *s, bool by_row, struct runs *runs) {
    const size_t size = by_row ? s->rows : s->cols;
    const struct marks marks = {calloc(size, sizeof(bool)), size};
    *runs = (struct runs){.count = 0};
    if (!marks.at) return false;
    add_cuts(&marks, s, by_row);
    for (size_t i = 0; i < size; i++) runs->count += marks.at[i] && (i == 0 || !marks.at[i - 1]);
    runs->list = calloc(runs->count, sizeof *runs->list);
    size_t begun = 0;
    for (size_t i = 0; i < size && runs->list; i++) {
        if (!marks.at[i]) continue;
        if (i == 0 || !marks.at[i - 1]) runs->list[begun++].begin = i;
        runs->list[begun - 1].end = i + 1;
    }
    free(marks.at);
    return runs->list != NULL;
}

/* *done: the budget is used up. */
static bool take(struct sampler *s, struct gk_slice rows, struct gk_slice cols, bool *done) {
    const double elements = (double)(rows.end - rows.begin) * (double)(cols.end - cols.begin);
    *done = elements > s->budget;
    if (*done) return true;
    s->budget -= elements;
    return compute_region(s->verifier, s->problem, s->ref, s->output, rows, cols);
}

/* Diagonal by diagonal, so that the first one already visits every run of both. */
static bool cross(struct sampler *s, const struct runs *rows, const struct runs *cols) {
    const bool more_rows = rows->count >= cols->count;
    const size_t longer = more_rows ? rows->count : cols->count, shorter = more_rows ? cols->count : rows->count;
    bool done = false;
    for (size_t diagonal = 0; diagonal < shorter; diagonal++)
        for (size_t i = 0; i < longer; i++) {
            const size_t other = (i + diagonal) % shorter;
            if (!take(s, rows->list[more_rows ? i : other], cols->list[more_rows ? other : i], &done)) return false;
            if (done) return true;
        }
    return true;
}

/* Where edges of rows meet edges of columns. */
static bool sample_crossings(struct sampler *s) {
    struct runs rows, cols;
    const bool found_rows = edge_runs(s, true, &rows), found_cols = edge_runs(s, false, &cols);
    const bool ok = found_rows && found_cols && cross(s, &rows, &cols);
    free(rows.list);
    free(cols.list);
    return ok;
}

/* Rows and columns by turns: one of each whatever it costs, then as many as the budget allows. */
static bool sample_whole(struct sampler *s) {
    for (size_t i = 0; i < WHOLE_MAX; i++) {
        const bool by_row = s->rows > 1 && i % 2 == 0;
        const size_t size = by_row ? s->rows : s->cols, at = gb_next_random(&s->random) % size;
        const struct gk_slice one = {at, at + 1}, rows = by_row ? one : (struct gk_slice){0, s->rows};
        const struct gk_slice cols = by_row ? (struct gk_slice){0, s->cols} : one;
        bool done = false;
        if (i < 2 && !compute_region(s->verifier, s->problem, s->ref, s->output, rows, cols)) return false;
        if (i >= 2 && (!take(s, rows, cols, &done) || done)) return done;
    }
    return true;
}

static double fma_count(const struct gb_problem *problem) { return gk_kernel_flops(problem->kernel, problem->args) / 2; }

/* A sample needs outputs whose elements stand for themselves (sums of products) and can be computed one without the other. */
static bool can_sample(const struct gb_problem *problem) {
    size_t outputs = 0, optional = 0;
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        if (!o->output) continue;
        if (!o->base || o->field->element != GK_ELEMENT_REAL || o->field->cols == GK_NOWHERE) return false;
        if (gk_exactness_of(problem->kernel, o->field).rule != GK_EXACT_SUM) return false;
        outputs++;
        optional += (o->field->flags & GK_FLAG_OPTIONAL) != 0;
    }
    return outputs > 0 && (outputs == 1 || optional == outputs);
}

static bool samples(const struct gb_problem *problem, double full_fma) {
    return fma_count(problem) > full_fma && can_sample(problem);
}

bool gb_verify_samples(const struct gb_problem *problem) { return samples(problem, GB_VERIFY_FULL_FMA); }

/* All elements of a problem have the same share of what is spent, half of it for crossings. */
static bool sample(struct gb_verifier *v, const struct gb_problem *problem, gk_context *ref, const size_t *threads,
                   size_t n_threads, double sample_fma) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        if (!o->output) continue;
        const double share = (double)o->rows * (double)o->row_elements * sample_fma / fma_count(problem) / 2;
        const double budget = fmin(share, ELEMENTS_MAX);
        struct sampler s = {.verifier = v,
                            .problem = problem,
                            .ref = ref,
                            .output = i,
                            .rows = o->rows,
                            .cols = o->row_elements,
                            .threads = threads,
                            .n_threads = n_threads,
                            .budget = budget,
                            .random = problem->spec.seed};
        if (!sample_crossings(&s)) return false;
        s.budget = budget;
        if (!sample_whole(&s)) return false;
    }
    return true;
}

static bool in_full(struct gb_verifier *v, struct gb_problem *problem, gk_context *ref) {
    const bool ok = gb_parts_call(problem, ref) == GK_OK && copy_outputs(problem, &v->reference);
    gb_problem_reset(problem);
    return ok;
}

/* All of a problem from its parts, for which ref would take too long; on the widest isa, as all have the same bits. */
static bool whole_by_parts(struct gb_verifier *v, struct gb_problem *problem) {
    gk_context *widest;
    if (!gb_has_parts(problem->kernel)) return true;
    if (gk_context_create(&widest, &(gk_options){.threads = 1}) != GK_OK) return false;
    const bool ok = gb_parts_call(problem, widest) == GK_OK && copy_outputs(problem, &v->peer);
    snprintf(v->parts_name, sizeof v->parts_name, "the sequence of its parts on %s", gk_context_isa(widest));
    v->peer_name = v->parts_name;
    gk_context_destroy(widest);
    gb_problem_reset(problem);
    return ok;
}

struct gb_verifier *gb_verifier_create_within(struct gb_problem *problem, gk_context *ref, const size_t *threads,
                                              size_t n_threads, double full_fma, double sample_fma) {
    struct gb_verifier *const v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->sampled = samples(problem, full_fma);
    const bool ok = v->sampled ? sample(v, problem, ref, threads, n_threads, sample_fma) && whole_by_parts(v, problem)
                               : in_full(v, problem, ref);
    if (ok) return v;
    gb_verifier_destroy(v);
    return NULL;
}

struct gb_verifier *gb_verifier_create(struct gb_problem *problem, gk_context *ref, const size_t *threads, size_t n_threads) {
    return gb_verifier_create_within(problem, ref, threads, n_threads, GB_VERIFY_FULL_FMA, GB_VERIFY_SAMPLE_FMA);
}

void gb_verifier_destroy(struct gb_verifier *verifier) {
    if (!verifier) return;
    free_regions(&verifier->reference);
    free_regions(&verifier->peer);
    free(verifier);
}

size_t gb_verifier_bytes(const struct gb_problem_spec *spec) {
    const size_t operands = gb_problem_bytes(spec);
    size_t bytes;
    return operands == 0 || __builtin_add_overflow(operands, STORE_SLACK, &bytes) ? 0 : bytes;
}

enum gb_verified gb_verify(struct gb_verifier *verifier, const struct gb_problem *problem, const char *variant,
                           struct gb_verify_report *report) {
    *report = (struct gb_verify_report){.verified = GB_VERIFY_FAILED, .against = "ref"};
    if (!gb_problem_intact(problem, &report->changed)) return GB_VERIFY_FAILED;
    if (!regions_equal(problem, &verifier->reference, &report->difference)) return GB_VERIFY_FAILED;
    if (verifier->sampled && !verifier->peer_name) {
        /* without memory for it the next variant becomes the one to compare with */
        if (copy_outputs(problem, &verifier->peer)) verifier->peer_name = variant;
        else free_regions(&verifier->peer);
    } else if (verifier->sampled) {
        report->against = verifier->peer_name;
        if (!regions_equal(problem, &verifier->peer, &report->difference)) return GB_VERIFY_FAILED;
    }
    report->against = NULL;
    return report->verified = verifier->sampled ? GB_VERIFIED_SAMPLED : GB_VERIFIED_FULL;
}

const struct gb_verify_region *gb_verifier_regions(const struct gb_verifier *verifier, size_t *count) {
    *count = verifier->reference.count;
    return verifier->reference.list;
}
