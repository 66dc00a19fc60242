/* The verifier of the benchmark lets right results pass and sees wrong ones: in full every bit, of a sample that ref computes
 * what verify.h promises, which is counted here by other means than there. */
#include <malloc.h>

#include "fused.h"
#include "machine.h"
#include "support_lineup.h"
#include "verify.h"

static gk_context *ref, *widest;
static const size_t thread_counts[] = {1, 6};
enum { WHOLE = 64 }; /* rows and columns of a sample at most */
static const double everything = 1e18;

struct subject {
    struct gb_problem problem;
    struct gb_verifier *verifier;
    const struct gb_verify_region *regions;
    size_t count;
};

/* As the benchmark verifies it. */
static void open_subject(struct subject *s, const struct gb_problem_spec *spec) {
    assert_true(gb_problem_create(&s->problem, spec));
    s->verifier = gb_verifier_create(&s->problem, ref, thread_counts, 2);
    assert_non_null(s->verifier);
    s->regions = gb_verifier_regions(s->verifier, &s->count);
}

/* Sampled however small it is. */
static void open_sampled(struct subject *s, const struct gb_problem_spec *spec, double sample_fma) {
    assert_true(gb_problem_create(&s->problem, spec));
    s->verifier = gb_verifier_create_within(&s->problem, ref, thread_counts, 2, 0, sample_fma);
    assert_non_null(s->verifier);
    s->regions = gb_verifier_regions(s->verifier, &s->count);
}

static void close_subject(struct subject *s) {
    gb_verifier_destroy(s->verifier);
    gb_problem_destroy(&s->problem);
}

static void flip(const struct gb_operand *o, size_t row, size_t col, bool highest) {
    unsigned char *const element = (unsigned char *)o->start + (row * o->ld + col) * o->element_size;
    element[highest ? o->element_size - 1 : 0] ^= highest ? 0x80 : 1;
}

/* One bit of one element: what is said of it. Returns whom it differs from. */
static const char *flipped(struct subject *s, size_t operand, size_t row, size_t col, bool highest) {
    const struct gb_operand *const o = &s->problem.operands[operand];
    const double right = gb_operand_value(o, gb_operand_bits(o, row, col));
    struct gb_verify_report report;
    flip(o, row, col, highest);
    assert_int_equal(gb_verify(s->verifier, &s->problem, "wrong", &report), GB_VERIFY_FAILED);
    assert_int_equal(report.verified, GB_VERIFY_FAILED);
    assert_null(report.changed);
    assert_string_equal(report.difference.operand, o->field->name);
    assert_true(report.difference.row == row && report.difference.col == col);
    assert_true(report.difference.want == right || right != right);
    const double got = gb_operand_value(o, gb_operand_bits(o, row, col));
    assert_true(report.difference.got == got || got != got);
    assert_non_null(report.against);
    flip(o, row, col, highest);
    return report.against;
}

static void assert_passes(struct subject *s, const char *variant, enum gb_verified verified) {
    struct gb_verify_report report;
    assert_int_equal(gb_verify(s->verifier, &s->problem, variant, &report), verified);
    assert_int_equal(report.verified, verified);
    assert_null(report.changed);
    assert_null(report.against);
}

/* What is no output must be as it was: each byte beside the rows, and every input. */
static void assert_sees_change(struct subject *s, const struct gb_operand *o, char *byte) {
    struct gb_verify_report report;
    *byte ^= 1;
    assert_int_equal(gb_verify(s->verifier, &s->problem, "wrong", &report), GB_VERIFY_FAILED);
    assert_string_equal(report.changed, o->field->name);
    *byte ^= 1;
}

static void assert_sees_changes(struct subject *s) {
    for (size_t i = 0; i < s->problem.n_operands; i++) {
        const struct gb_operand *const o = &s->problem.operands[i];
        char *const start = o->start;
        const size_t row = o->row_elements * o->element_size, stride = o->ld * o->element_size;
        if (!o->base) continue;
        assert_sees_change(s, o, start - 1);
        assert_sees_change(s, o, start + o->rows * stride);
        for (size_t r = 0; r < o->rows && stride > row; r++) {
            assert_sees_change(s, o, start + r * stride + row);
            assert_sees_change(s, o, start + (r + 1) * stride - 1);
        }
        for (size_t r = 0; r < o->rows && !o->initial; r++) {
            assert_sees_change(s, o, start + r * stride);
            assert_sees_change(s, o, start + r * stride + row - 1);
        }
    }
}

static void assert_as_made(const struct subject *s) {
    struct gb_problem made;
    struct gb_difference d;
    assert_true(gb_problem_create(&made, &s->problem.spec));
    assert_true(gb_problem_equal(&s->problem, &made, &d));
    gb_problem_destroy(&made);
}

static void full_kernel(const struct gb_problem_spec *spec) {
    struct subject s;
    open_subject(&s, spec);
    assert_as_made(&s);
    assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
    assert_passes(&s, "widest", GB_VERIFIED_FULL);
    for (size_t i = 0; i < s.problem.n_operands; i++) {
        const struct gb_operand *const o = &s.problem.operands[i];
        for (size_t row = 0; row < o->rows && o->output; row++)
            for (size_t col = 0; col < o->row_elements; col++) {
                assert_string_equal(flipped(&s, i, row, col, false), "ref");
                assert_string_equal(flipped(&s, i, row, col, true), "ref");
            }
    }
    assert_sees_changes(&s);
    assert_passes(&s, "right", GB_VERIFIED_FULL);
    close_subject(&s);
}

static struct gb_problem_spec small_spec(int kernel, int options) {
    return (struct gb_problem_spec){.kernel = (enum gk_kernel_id)kernel,
                                    .dtype = options & 1 ? GK_F64 : GK_F32,
                                    .n = 11,
                                    .d = 9,
                                    .m = 70,
                                    .c = 10,
                                    .layout = options & 1 ? GK_OUT_IN : GK_IN_OUT,
                                    .accumulate = options & 2,
                                    .soft_labels = options & 2,
                                    .wide_labels = options & 1,
                                    .in_place = options & 1,
                                    .ld_pad = options & 2,
                                    .seed = 9};
}

static void full(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 4; options++) {
            const struct gb_problem_spec s = small_spec(id, options);
            full_kernel(&s);
        }
}

/* Sizes of 0 and 1: there is nothing to see, or one element. */
static void nothing_and_one(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (size_t bits = 0; bits < 16; bits++) {
            struct subject s;
            const struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)id,
                                                 .dims = {bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3},
                                                 .bare = true,
                                                 .seed = 9};
            assert_true(gb_problem_create(&s.problem, &spec));
            const gk_status status = gb_problem_call(&s.problem, ref);
            gb_problem_reset(&s.problem);
            s.verifier = gb_verifier_create(&s.problem, ref, thread_counts, 2);
            assert_int_equal(s.verifier != NULL, status == GK_OK);
            if (status == GK_OK) {
                assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
                assert_passes(&s, "widest", GB_VERIFIED_FULL);
                for (size_t i = 0; i < s.problem.n_operands; i++) {
                    const struct gb_operand *const o = &s.problem.operands[i];
                    if (o->output && o->rows * o->row_elements > 0) assert_string_equal(flipped(&s, i, 0, 0, false), "ref");
                }
            }
            close_subject(&s);
        }
}

/* Only where each element is a sum of its own: affine. */
static bool can_sample(const struct gb_problem *problem) { return strcmp(problem->kernel->family, "affine") == 0; }

static bool in_region(const struct subject *s, size_t operand, size_t row, size_t col) {
    for (size_t i = 0; i < s->count; i++) {
        const struct gb_verify_region *const r = &s->regions[i];
        if (r->operand == operand && row >= r->rows.begin && row < r->rows.end && col >= r->cols.begin && col < r->cols.end)
            return true;
    }
    return false;
}

static bool has_cols(const struct gb_operand *o) { return o->output && o->row_elements > 0; }

/* Before a variant was right ref sees its sample, and the parts of a fused kernel everything; afterwards every element counts:
 * the first right variant stands for the rest. */
static void sampled_kernel(const struct gb_problem_spec *spec) {
    struct subject s;
    char parts[64];
    open_sampled(&s, spec, 8e3);
    snprintf(parts, sizeof parts, "the sequence of its parts on %s", gk_context_isa(widest));
    assert_as_made(&s);
    assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
    if (!can_sample(&s.problem)) {
        assert_passes(&s, "first", GB_VERIFIED_FULL);
        close_subject(&s);
        return;
    }
    const bool fused = gb_has_parts(s.problem.kernel);
    for (size_t k = 0; k < s.count; k++) {
        const struct gb_verify_region *const r = &s.regions[k];
        assert_string_equal(flipped(&s, r->operand, r->rows.begin, r->cols.begin, false), "ref");
        assert_string_equal(flipped(&s, r->operand, r->rows.end - 1, r->cols.end - 1, true), "ref");
    }
    if (!fused) assert_passes(&s, "first", GB_VERIFIED_SAMPLED);
    size_t others = 0;
    for (size_t i = 0; i < s.problem.n_operands; i++) {
        const struct gb_operand *const o = &s.problem.operands[i];
        for (size_t row = 0; row < o->rows && has_cols(o); row++)
            for (size_t col = 0; col < o->row_elements; col++) {
                const bool sees = in_region(&s, i, row, col);
                assert_string_equal(flipped(&s, i, row, col, false), sees ? "ref" : fused ? parts : "first");
                others += !sees;
            }
    }
    assert_passes(&s, "second", GB_VERIFIED_SAMPLED);
    assert_sees_changes(&s);
    assert_true(others > 0 || s.problem.spec.kernel == GK_KERNEL_affine_db);
    close_subject(&s);
}

static void sampled(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 4; options++) {
            struct gb_problem_spec s = small_spec(id, options);
            s.n = 17, s.d = 23, s.m = 90;
            sampled_kernel(&s);
            s.bare = true;
            sampled_kernel(&s);
        }
}

/* Where it differs, the first right variant is to blame. */
static void the_first_variant_counts(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 40, .d = 7, .m = 200, .seed = 9};
    struct subject s;
    struct gb_verify_report report;
    size_t row = 0;
    (void)state;
    open_sampled(&s, &spec, 1);
    assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
    const struct gb_operand *const y = gb_operand_named(&s.problem, "y");
    const size_t operand = (size_t)(y - s.problem.operands);
    while (in_region(&s, operand, row, 100)) row++;
    flip(y, row, 100, false);
    assert_passes(&s, "first", GB_VERIFIED_SAMPLED);
    assert_passes(&s, "second", GB_VERIFIED_SAMPLED);
    flip(y, row, 100, false);
    assert_int_equal(gb_verify(s.verifier, &s.problem, "right", &report), GB_VERIFY_FAILED);
    assert_string_equal(report.against, "first");
    close_subject(&s);
}

/* The indices that a sample must visit, of one dimension. */
static void cut(bool *near, size_t size, size_t at) {
    if (at <= size && at > 0) near[at - 1] = true;
    if (at < size) near[at] = true;
}

static void cut_by_threads(bool *near, size_t size, size_t unit) {
    for (size_t team = 1; team <= 6; team++)
        for (size_t rank = 0; rank < team && 6 % team == 0; rank++) cut(near, size, gk_slice_of(size, unit, rank, team).end);
}

/* Every place of the product where the thread changes that computes it, and the first and the last of each one's blocks. */
static size_t plans_of_blocks[GK_GEMM_WAYS];

static void cut_by_plan(bool *near, size_t size, const struct gk_gemm_plan *p, bool by_row) {
    for (size_t rank = 0; rank < p->down * p->across; rank++) {
        const struct gk_gemm_share share = gk_gemm_share(p, rank);
        const struct gk_slice along = by_row != p->transposed ? share.rows : share.cols;
        cut(near, size, along.begin);
        if (by_row != p->transposed || along.begin == along.end) continue;
        size_t last = along.begin;
        while (last + p->block_cols < along.end) last += p->block_cols;
        plans_of_blocks[p->way] += last > along.begin;
        cut(near, size, last);
        cut(near, size, along.begin + p->block_cols);
        cut(near, size, along.end - p->rest);
    }
}

static void cut_by_products(bool *near, size_t size, const struct gb_problem *problem, const struct gb_operand *o, size_t isa,
                            bool by_row) {
    const enum gk_dtype dtype = problem->spec.dtype;
    const struct gk_cell *const cell = gk_isa_get(0, dtype)->cells[problem->spec.kernel];
    struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
    const size_t products = cell->products ? cell->products(problem->args, shapes) : 0;
    for (size_t i = 0; i < products; i++)
        for (size_t t = 0; t < 2 && shapes[i].c == o->start; t++) {
            const struct gk_gemm_plan plan =
                gk_gemm_plan(gk_isa_get(isa, dtype)->tile, &shapes[i], thread_counts[t], &gb_machine_get()->caches);
            cut_by_plan(near, size, &plan, by_row);
        }
}

struct runs {
    struct gk_slice list[200];
    size_t count;
};

static struct runs expected_runs(const struct gb_problem *problem, const struct gb_operand *o, bool by_row) {
    const size_t size = by_row ? o->rows : o->row_elements;
    bool near[3000] = {0};
    struct runs runs = {.count = 0};
    assert_true(size <= sizeof near);
    cut(near, size, 0);
    cut(near, size, size);
    cut_by_threads(near, size, 1);
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++) {
        const size_t *const edges = gk_isa_get(isa, problem->spec.dtype)->edges;
        for (size_t e = 0; e < 6 && edges[e]; e++) {
            cut(near, size, edges[e]);
            cut(near, size, size - size % edges[e]);
            cut_by_threads(near, size, edges[e]);
        }
        cut_by_products(near, size, problem, o, isa, by_row);
    }
    for (size_t i = 0; i < size; i++) {
        if (!near[i]) continue;
        if (runs.count > 0 && runs.list[runs.count - 1].end == i) runs.list[runs.count - 1].end++;
        else runs.list[runs.count++] = (struct gk_slice){i, i + 1};
        assert_true(runs.count < sizeof runs.list / sizeof *runs.list);
    }
    return runs;
}

static bool same(struct gk_slice a, struct gk_slice b) { return a.begin == b.begin && a.end == b.end; }

static size_t elements(const struct gb_verify_region *r) {
    return (r->rows.end - r->rows.begin) * (r->cols.end - r->cols.begin);
}

static size_t index_of(const struct runs *runs, struct gk_slice run) {
    size_t i = 0;
    while (i < runs->count && !same(runs->list[i], run)) i++;
    return i;
}

/* Each run of rows meets each of columns once; the first ones visit every one of both. */
static void assert_crossings(const struct gb_verify_region *r, const struct runs *rows, const struct runs *cols) {
    const size_t count = rows->count * cols->count, longer = rows->count > cols->count ? rows->count : cols->count;
    bool *const met = calloc(count, 1), *const met_row = calloc(rows->count, 1), *const met_col = calloc(cols->count, 1);
    assert_true(met && met_row && met_col);
    for (size_t i = 0; i < count; i++) {
        const size_t row = index_of(rows, r[i].rows), col = index_of(cols, r[i].cols);
        assert_true(row < rows->count && col < cols->count);
        assert_false(met[row * cols->count + col]);
        met[row * cols->count + col] = true;
        if (i < longer) met_row[row] = met_col[col] = true;
    }
    for (size_t i = 0; i < rows->count; i++) assert_true(met_row[i]);
    for (size_t i = 0; i < cols->count; i++) assert_true(met_col[i]);
    free(met), free(met_row), free(met_col);
}

/* Rows and columns by turns, of one row columns alone; not the same ones again and again. */
static void assert_whole(const struct gb_verify_region *r, size_t count, size_t rows, size_t cols) {
    bool differs = false;
    for (size_t i = 0; i < count; i++) {
        const bool by_row = rows > 1 && i % 2 == 0;
        assert_true(same(by_row ? r[i].cols : r[i].rows, (struct gk_slice){0, by_row ? cols : rows}));
        const struct gk_slice one = by_row ? r[i].rows : r[i].cols;
        assert_true(one.end == one.begin + 1 && one.end <= (by_row ? rows : cols));
        if (i >= 2) differs = differs || !same(by_row ? r[i - 2].rows : r[i - 2].cols, one);
    }
    assert_true(differs || cols == 1);
}

static const struct gb_problem_spec samples[] = {
    {.kernel = GK_KERNEL_affine_forward, .n = 300, .d = 2, .m = 700, .seed = 1},
    {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 40, .m = 1900, .layout = GK_OUT_IN, .dtype = GK_F64, .seed = 2},
    {.kernel = GK_KERNEL_affine_dx, .n = 300, .d = 300, .m = 20, .layout = GK_OUT_IN, .seed = 3},
    {.kernel = GK_KERNEL_affine_dx, .n = 2, .d = 1700, .m = 20, .seed = 4},
    {.kernel = GK_KERNEL_affine_dw, .n = 9, .d = 700, .m = 200, .layout = GK_OUT_IN, .accumulate = true, .seed = 5},
    {.kernel = GK_KERNEL_affine_dw, .n = 300, .d = 1600, .m = 3, .dtype = GK_F64, .seed = 6},
    {.kernel = GK_KERNEL_affine_db, .n = 30, .m = 1000, .seed = 7},
    {.kernel = GK_KERNEL_affine_forward, .n = 1, .d = 3, .m = 1, .seed = 8},
    {.kernel = GK_KERNEL_affine_forward, .n = 40, .d = 2, .m = 2500, .seed = 9},
    {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 20, .m = 2500, .seed = 10},
    {.kernel = GK_KERNEL_affine_dx, .n = 30, .d = 2500, .m = 300, .layout = GK_OUT_IN, .seed = 11},
};

/* With all that there is to spend: every crossing, then rows and columns. */
static void a_sample_is_what_it_promises(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
        struct subject s;
        open_sampled(&s, &samples[k], everything);
        const struct gb_operand *const o = &s.problem.operands[s.regions[0].operand];
        const struct runs rows = expected_runs(&s.problem, o, true), cols = expected_runs(&s.problem, o, false);
        const size_t crossings = rows.count * cols.count;
        assert_true(o->output);
        assert_int_equal(s.count, crossings + WHOLE);
        assert_crossings(s.regions, &rows, &cols);
        assert_whole(s.regions + crossings, WHOLE, o->rows, o->row_elements);
        close_subject(&s);
    }
    assert_true(plans_of_blocks[GK_GEMM_SHALLOW] > 0 && plans_of_blocks[GK_GEMM_THIN] > 0);
}

/* The seed chooses rows and columns. */
static void seeds_differ(void **state) {
    struct gb_problem_spec spec = samples[0];
    struct subject a, b;
    size_t differs = 0;
    (void)state;
    open_sampled(&a, &spec, everything);
    spec.seed = 99;
    open_sampled(&b, &spec, everything);
    for (size_t i = a.count - WHOLE; i < a.count; i++) differs += !same(a.regions[i].rows, b.regions[i].rows);
    assert_true(differs > WHOLE / 4);
    close_subject(&a);
    close_subject(&b);
}

/* Beyond 512 runs, where 64 threads and all their divisors meet at every edge: none is left out. */
static void many_threads(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 1, .d = 1, .m = 40000, .seed = 1};
    static const size_t most[] = {1024};
    struct gb_problem problem;
    size_t count, next = 0;
    (void)state;
    assert_true(gb_problem_create(&problem, &spec));
    struct gb_verifier *const verifier = gb_verifier_create_within(&problem, ref, most, 1, 0, everything);
    assert_non_null(verifier);
    const struct gb_verify_region *const regions = gb_verifier_regions(verifier, &count);
    for (size_t rank = 1; rank < most[0]; rank++) {
        const size_t at = gk_slice_of(spec.m, 1, rank, most[0]).begin;
        while (next < count && regions[next].cols.end <= at) next++;
        assert_true(next < count - WHOLE && regions[next].cols.begin < at && regions[next].cols.end > at);
    }
    gb_verifier_destroy(verifier);
    gb_problem_destroy(&problem);
}

/* The regions of an output are the longest beginning of all that can be had for so many elements each: `all` as it is with
 * everything to spend, n_crossings of it crossings. */
static void assert_spent(const struct gb_verify_region *got, size_t n_got, const struct gb_verify_region *all,
                         size_t n_crossings, double budget) {
    size_t taken = 0, whole = n_crossings + 2;
    double spent = 0;
    while (taken < n_crossings && spent + (double)elements(&all[taken]) <= budget) spent += (double)elements(&all[taken++]);
    spent = 0;
    while (whole < n_crossings + WHOLE && spent + (double)elements(&all[whole]) <= budget)
        spent += (double)elements(&all[whole++]);
    assert_int_equal(n_got, taken + whole - n_crossings);
    for (size_t i = 0; i < n_got; i++) {
        const struct gb_verify_region *const want = &all[i < taken ? i : i - taken + n_crossings];
        assert_true(same(got[i].rows, want->rows) && same(got[i].cols, want->cols));
    }
}

/* For affine_forward an element costs d, and half is for crossings, half for rows and columns, of which the first are free. */
static void a_sample_spends_what_it_may(void **state) {
    const size_t d = 8;
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 70, .d = d, .m = 90, .seed = 1};
    struct subject all, some;
    (void)state;
    open_sampled(&all, &spec, everything);
    const size_t n_crossings = all.count - WHOLE;
    for (size_t budget = 0; budget < 6000; budget += budget < 100 ? 1 : 97) {
        open_sampled(&some, &spec, (double)(2 * d * budget));
        assert_spent(some.regions, some.count, all.regions, n_crossings, (double)budget);
        close_subject(&some);
    }
    close_subject(&all);
}

/* Each output of several is given as much for an element as the others: 4 n d m + 2 n m FLOPs are 31680 multiply-adds. A mask
 * is cut at words: regions begin there. */
static void outputs_share_a_sample(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_backward, .n = 24, .d = 16, .m = 40, .seed = 1};
    struct subject all, some;
    size_t first = 0, got = 0, outputs = 0;
    (void)state;
    open_sampled(&all, &spec, everything);
    open_sampled(&some, &spec, 31680 / 4);
    while (first < all.count) {
        const size_t operand = all.regions[first].operand;
        const struct gb_operand *const o = &all.problem.operands[operand];
        size_t count = 0, n_got = 0;
        while (first + count < all.count && all.regions[first + count].operand == operand) count++;
        while (got + n_got < some.count && some.regions[got + n_got].operand == operand) n_got++;
        size_t cheapest = 0;
        for (size_t i = 0; i < count; i++) cheapest += all.regions[first + i].cols.begin % 64 != 0;
        if (strcmp(o->field->name, "dx") != 0) assert_int_equal(cheapest, 0);
        else assert_true(cheapest > 0);
        if (strcmp(o->field->name, "dx") == 0) /* without words, what is computed is what is paid for */
            assert_spent(some.regions + got, n_got, all.regions + first, count - WHOLE,
                         (double)(o->rows * o->row_elements) / 8);
        assert_true(n_got > 2 && n_got < count);
        first += count, got += n_got, outputs++;
    }
    assert_int_equal(outputs, 3);
    close_subject(&all);
    close_subject(&some);
}

/* Rows of 200,000 elements: 2^22 of them hold 20 and the same number of columns of 2, beside the first of both. What a
 * verifier takes is no more than it says. */
static void a_sample_is_limited(void **state) {
    const struct gb_problem_spec spec = {
        .kernel = GK_KERNEL_affine_forward, .n = 2, .d = 1, .m = 200000, .dtype = GK_F64, .seed = 1};
    struct subject s;
    size_t rows = 0, bytes = 0;
    (void)state;
    assert_true(gb_problem_create(&s.problem, &spec));
    const struct mallinfo2 before = mallinfo2();
    s.verifier = gb_verifier_create_within(&s.problem, ref, thread_counts, 1, 0, everything);
    assert_non_null(s.verifier);
    const struct mallinfo2 after = mallinfo2();
    const size_t taken = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    s.regions = gb_verifier_regions(s.verifier, &s.count);
    for (size_t i = 0; i < s.count; i++) {
        bytes += elements(&s.regions[i]) * sizeof(double);
        rows += elements(&s.regions[i]) == spec.m;
    }
    assert_int_equal(rows, 21);
    assert_true(elements(&s.regions[s.count - 1]) == 2);
    assert_true(bytes < gb_verifier_bytes(&spec) && taken < gb_verifier_bytes(&spec));
    close_subject(&s);
}

static void bytes(void **state) {
    struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 5, .m = 7};
    (void)state;
    assert_int_equal(gb_verifier_bytes(&spec), gb_problem_bytes(&spec) + ((size_t)64 << 20));
    spec.n = SIZE_MAX / 2;
    assert_int_equal(gb_verifier_bytes(&spec), 0);
}

/* 2^30 multiply-adds are computed in full, one row more is sampled: half of 2^28 buys 52 rows and columns of 512 sums of 5000
 * terms, beside the first of both. */
static void the_limits(void **state) {
    static const size_t dims[][3] = {{1024, 1024, 1024}, {1025, 1024, 1024}};
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 512, .d = 5000, .m = 512, .seed = 9};
    struct subject s;
    size_t whole = 0, crossing = 0;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct gb_problem_spec large = {.kernel = GK_KERNEL_affine_dx, .n = dims[i][0], .d = dims[i][1], .m = dims[i][2]};
        struct gb_problem problem;
        assert_true(gb_problem_create(&problem, &large));
        assert_int_equal(gb_verify_samples(&problem), i);
        gb_problem_destroy(&problem);
    }
    open_subject(&s, &spec);
    for (size_t i = 0; i < s.count; i++) {
        const bool is_whole = elements(&s.regions[i]) == 512;
        whole += is_whole;
        crossing += is_whole ? 0 : elements(&s.regions[i]);
    }
    assert_int_equal(whole, 54);
    assert_true(crossing <= 26843);
    assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
    assert_passes(&s, "widest", GB_VERIFIED_SAMPLED);
    close_subject(&s);
}

/* The limit itself is computed in full. */
static void a_limit_is_not_above_itself(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_dw, .n = 4, .d = 8, .m = 16};
    (void)state;
    for (size_t less = 0; less < 2; less++) {
        struct subject s;
        assert_true(gb_problem_create(&s.problem, &spec));
        s.verifier = gb_verifier_create_within(&s.problem, ref, thread_counts, 2, 512 - (double)less, 1);
        assert_non_null(s.verifier);
        assert_int_equal(gb_problem_call(&s.problem, ref), GK_OK);
        assert_passes(&s, "ref", less ? GB_VERIFIED_SAMPLED : GB_VERIFIED_FULL);
        close_subject(&s);
    }
}

/* Which kernels can be sampled: here relu_forward and the loss are said to be sums. Not with a second output that must be
 * there, not where the output lies upon an input, not a scalar. */
static void what_can_be_sampled(void **state) {
    static const struct {
        struct gb_problem_spec spec;
        const char *output;
        enum gb_verified verified;
    } cases[] = {
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 200, .bare = true}, "y", GB_VERIFIED_SAMPLED},
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 200}, "y", GB_VERIFIED_FULL},
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 200, .bare = true, .in_place = true}, "y", GB_VERIFIED_FULL},
        {{.kernel = GK_KERNEL_relu_forward, .n = 3, .d = 200, .bare = true}, "x", GB_VERIFIED_FULL},
        {{.kernel = GK_KERNEL_softmax_xent_forward, .n = 3, .c = 7, .bare = true}, "loss", GB_VERIFIED_FULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subject s;
        struct gk_field fields[60];
        assert_true(gb_problem_create(&s.problem, &cases[i].spec));
        struct gk_kernel kernel = *s.problem.kernel;
        assert_true(kernel.n_fields < 60);
        for (size_t k = 0; k < kernel.n_fields; k++) {
            fields[k] = kernel.fields[k];
            if (fields[k].kind == GK_FIELD_EXACTNESS) fields[k].rule = GK_EXACT_SUM;
        }
        fields[kernel.n_fields++] =
            (struct gk_field){.kind = GK_FIELD_EXACTNESS, .name = cases[i].output, .rule = GK_EXACT_SUM};
        kernel.fields = fields;
        s.problem.kernel = &kernel;
        s.verifier = gb_verifier_create_within(&s.problem, ref, thread_counts, 2, 0, 1);
        assert_non_null(s.verifier);
        assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
        assert_passes(&s, "widest", cases[i].verified);
        close_subject(&s);
    }
}

/* With memory for more and more of what is allocated there is a verifier, or none. */
static int create_without_memory(const void *argument) {
    static const struct gb_problem_spec specs[] = {{.kernel = GK_KERNEL_affine_forward, .n = 3, .d = 2, .m = 60000},
                                                   {.kernel = GK_KERNEL_affine_dw, .n = 1, .d = 3, .m = 60000},
                                                   {.kernel = GK_KERNEL_softmax_xent, .n = 4, .c = 60000}};
    size_t made = 0, refused = 0;
    (void)argument;
    for (size_t i = 0; i < 3; i++) {
        struct gb_problem p;
        if (!gb_problem_create(&p, &specs[i])) return 2;
        for (size_t part = 0; part < 40; part++) {
            struct gb_verify_report report;
            gb_limit_memory(part * 250000);
            struct gb_verifier *const v = gb_verifier_create_within(&p, ref, thread_counts, 1, 0, 2e6);
            gb_limit_memory((size_t)1 << 30);
            if (v && (gb_problem_call(&p, ref) != GK_OK || gb_verify(v, &p, "ref", &report) == GB_VERIFY_FAILED)) return 3;
            gb_problem_reset(&p);
            if (v) made++;
            else refused++;
            gb_verifier_destroy(v);
        }
        gb_limit_memory(0);
        if (i == 2 && gb_parts_call(&p, ref) != GK_ERROR_MEMORY) return 5; /* the probabilities are a temporary */
        gb_limit_memory((size_t)1 << 30);
        gb_problem_destroy(&p);
    }
    return made > 10 && refused > 10 ? 0 : 4;
}

/* Where there is none for a copy of the first variant's outputs, the next is the one that others are compared with. */
static int copy_without_memory(const void *argument) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_forward, .n = 40, .d = 2, .m = 40000, .seed = 9};
    struct subject s;
    struct gb_verify_report report;
    (void)argument;
    open_sampled(&s, &spec, 1);
    if (gb_problem_call(&s.problem, ref) != GK_OK) return 2;
    gb_limit_memory(0);
    if (gb_verify(s.verifier, &s.problem, "first", &report) != GB_VERIFIED_SAMPLED) return 3;
    gb_limit_memory((size_t)1 << 30);
    const struct gb_operand *const y = gb_operand_named(&s.problem, "y");
    size_t row = 0;
    while (in_region(&s, (size_t)(y - s.problem.operands), row, 20001)) row++;
    if (gb_verify(s.verifier, &s.problem, "second", &report) != GB_VERIFIED_SAMPLED) return 4;
    flip(y, row, 20001, false);
    if (gb_verify(s.verifier, &s.problem, "third", &report) != GB_VERIFY_FAILED) return 5;
    return strcmp(report.against, "second") == 0 ? 0 : 6;
}

static void memory_may_run_out(void **state) {
    char text[1000];
    (void)state;
    if (GB_SANITIZER) skip(); /* it has all of the address space */
    assert_int_equal(gb_child_run(create_without_memory, NULL, text, sizeof text), 0);
    assert_int_equal(gb_child_run(copy_without_memory, NULL, text, sizeof text), 0);
}

static void verify_and_forget(void) {
    static const struct gb_problem_spec specs[] = {{.kernel = GK_KERNEL_affine_backward, .n = 9, .d = 5, .m = 30},
                                                   {.kernel = GK_KERNEL_affine_dx, .n = 9, .d = 5, .m = 30},
                                                   {.kernel = GK_KERNEL_softmax_xent, .n = 9, .c = 5}};
    struct subject s;
    for (size_t i = 0; i < 3; i++) {
        open_sampled(&s, &specs[i], 1000);
        assert_int_equal(gb_problem_call(&s.problem, widest), GK_OK);
        assert_passes(&s, "first", i < 2 ? GB_VERIFIED_SAMPLED : GB_VERIFIED_FULL);
        const struct gk_field *const option =
            gk_kernel_field(s.problem.kernel, i < 2 ? GK_FIELD_LAYOUT : GK_FIELD_REDUCTION, NULL);
        *(int *)((char *)s.problem.args + option->offset) = 7;
        assert_null(gb_verifier_create_within(&s.problem, ref, thread_counts, 2, 0, 1000));
        close_subject(&s);
    }
}

static void nothing_is_kept(void **state) {
    (void)state;
    gb_assert_keeps_nothing(verify_and_forget);
}

/* A layout that is none. */
static void ref_may_refuse(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gb_problem_spec spec = small_spec(id, 0);
        struct gb_problem problem;
        assert_true(gb_problem_create(&problem, &spec));
        const struct gk_field *const layout = gk_kernel_field(problem.kernel, GK_FIELD_LAYOUT, NULL);
        if (layout) {
            *(int *)((char *)problem.args + layout->offset) = 7;
            assert_null(gb_verifier_create(&problem, ref, thread_counts, 2));
            assert_null(gb_verifier_create_within(&problem, ref, thread_counts, 2, 0, 1));
        }
        gb_problem_destroy(&problem);
    }
    gb_verifier_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full),
        cmocka_unit_test(nothing_and_one),
        cmocka_unit_test(sampled),
        cmocka_unit_test(the_first_variant_counts),
        cmocka_unit_test(a_sample_is_what_it_promises),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(a_sample_spends_what_it_may),
        cmocka_unit_test(outputs_share_a_sample),
        cmocka_unit_test(a_sample_is_limited),
        cmocka_unit_test(bytes),
        cmocka_unit_test(the_limits),
        cmocka_unit_test(a_limit_is_not_above_itself),
        cmocka_unit_test(what_can_be_sampled),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(ref_may_refuse),
    };
    ref = gb_context(0, 1);
    widest = gb_context(gb_widest_isa(), 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gk_context_destroy(ref);
    gk_context_destroy(widest);
    return failed;
}
