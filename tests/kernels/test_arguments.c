/* Every error of every kernel, from the table: the status that gradkern.h promises, and not a byte of any operand changed. */
#include <limits.h>
#include <math.h>

#include "core/team.h"
#include "support_lineup.h"

enum { OPERANDS_BYTES = 1 << 18 };

static gk_context *contexts[GK_ISA_COUNT]; /* of the usable columns */
static size_t n_contexts, checked;

/* The public functions, one a kernel and type. */
typedef gk_status public_function(gk_context *ctx, const void *args);
#define GK_KERNEL(id, family, doc)                                                                                             \
    static gk_status call_##id(gk_context *ctx, const void *args) { return gk_##id(ctx, args); }                               \
    static gk_status call_##id##_f64(gk_context *ctx, const void *args) { return gk_##id##_f64(ctx, args); }
#include "kernels.def"
static public_function *const functions[GK_KERNEL_COUNT][GK_DTYPE_COUNT] = {
#define GK_KERNEL(id, family, doc) {call_##id, call_##id##_f64},
#include "kernels.def"
};

/* Runs `body` on every kernel and type, with the options that decide which operands there are. d and c take two mask words. */
static void for_each_problem(void (*body)(struct gb_problem *problem)) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int options = 0; options < 32; options++) {
            const struct gb_problem_spec spec = {.kernel = (enum gk_kernel_id)id,
                                                 .dtype = options & 1 ? GK_F64 : GK_F32,
                                                 .n = 4,
                                                 .d = 70,
                                                 .m = 67,
                                                 .c = 9,
                                                 .layout = options & 2 ? GK_OUT_IN : GK_IN_OUT,
                                                 .soft_labels = options & 4,
                                                 .wide_labels = options & 16,
                                                 .accumulate = options & 8,
                                                 .reduction = options & 8 ? GK_NONE : GK_MEAN,
                                                 .dloss = options & 8,
                                                 .seed = 5 + (unsigned)options};
            struct gb_problem problem;
            if (spec.wide_labels && !gb_kernel_has(spec.kernel, GB_OPTION_LABELS)) continue;
            assert_true(gb_problem_create(&problem, &spec));
            body(&problem);
            gb_problem_destroy(&problem);
        }
}

static void set(void *args, size_t offset, const void *value, size_t size) { memcpy((char *)args + offset, value, size); }

static void set_size(void *args, size_t offset, size_t value) { set(args, offset, &value, sizeof value); }

static void set_pointer(void *args, size_t offset, const void *value) { set(args, offset, &value, sizeof value); }

static void assert_untouched(const struct gb_problem *p, const char *what) {
    const char *changed;
    if (!gb_problem_intact(p, &changed)) fail_msg("%s %s: wrote beside %s", p->kernel->name, what, changed);
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        for (size_t row = 0; row < o->rows && o->output; row++)
            if (memcmp((char *)o->start + row * o->ld * o->element_size,
                       (char *)o->initial + row * o->row_elements * o->element_size, o->row_elements * o->element_size) != 0)
                fail_msg("%s %s: wrote to row %zu of %s", p->kernel->name, what, row, o->field->name);
    }
}

/* args is a changed copy of the problem's own: every isa refuses it. */
static void assert_status(const struct gb_problem *p, const void *args, gk_status want, const char *what) {
    for (size_t i = 0; i < n_contexts; i++) {
        const gk_status got = functions[p->spec.kernel][p->spec.dtype](contexts[i], args);
        if (got != want)
            fail_msg("%s %s %s, %s: \"%s\", expected \"%s\"", p->kernel->name, gk_dtype_name(p->spec.dtype),
                     gk_context_isa(contexts[i]), what, gk_status_string(got), gk_status_string(want));
        if (want != GK_OK) assert_untouched(p, what);
        checked++;
    }
}

static void copy_args(const struct gb_problem *p, void *args) { memcpy(args, p->args, p->kernel->args_size); }

#define COPY_ARGS(p)                                                                                                           \
    _Alignas(max_align_t) char args[1024];                                                                                     \
    assert_true((p)->kernel->args_size <= sizeof args);                                                                        \
    copy_args(p, args)

static void no_context_no_args(struct gb_problem *p) {
    public_function *const function = functions[p->spec.kernel][p->spec.dtype];
    assert_int_equal(function(NULL, p->args), GK_ERROR_NULL);
    assert_int_equal(function(contexts[0], NULL), GK_ERROR_NULL);
    assert_int_equal(function(NULL, NULL), GK_ERROR_NULL);
    assert_untouched(p, "no context, no arguments");
}

static void required_pointers(struct gb_problem *p) {
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gk_field *const f = p->operands[i].field;
        COPY_ARGS(p);
        set_pointer(args, f->offset, NULL);
        if (!(f->flags & GK_FLAG_OPTIONAL)) assert_status(p, args, GK_ERROR_NULL, f->name);
    }
}

/* In turn, so that the other outputs' results are those of the whole call. */
static void optional_outputs(struct gb_problem *p) {
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gk_field *const f = p->operands[i].field;
        COPY_ARGS(p);
        if (!(f->flags & GK_FLAG_OPTIONAL) || f->kind != GK_FIELD_OUT) continue;
        set_pointer(args, f->offset, NULL);
        assert_status(p, args, GK_OK, f->name);
        gb_problem_reset(p);
    }
}

/* A call must want something: of outputs that are all optional one at least. */
static void no_output(struct gb_problem *p) {
    static const void *const none = NULL;
    size_t outputs = 0;
    COPY_ARGS(p);
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gk_field *const f = p->operands[i].field;
        if (f->kind != GK_FIELD_OUT) continue;
        if (!(f->flags & GK_FLAG_OPTIONAL)) return;
        set_pointer(args, f->offset, NULL);
    }
    assert_status(p, args, GK_ERROR_OPTION, "no output");
    for (size_t i = 0; i < p->kernel->n_fields; i++) /* nor are dimensions of 0 a reason to call */
        if (p->kernel->fields[i].kind == GK_FIELD_DIM) set_size(args, p->kernel->fields[i].offset, 0);
    assert_status(p, args, GK_ERROR_OPTION, "no output and no dimension");
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        copy_args(p, args);
        for (size_t j = 0; j < p->n_operands; j++)
            if (p->operands[j].output && j != i) set(args, p->operands[j].field->offset, &none, sizeof none);
        if (o->output) assert_status(p, args, GK_OK, "one output"), outputs++;
        gb_problem_reset(p);
    }
    assert_true(outputs > 1);
}

/* A scalar of the whole batch cannot be had without a reduction. */
static void scalars_without_reduction(struct gb_problem *p) {
    const struct gk_field *const reduction = gk_kernel_field(p->kernel, GK_FIELD_REDUCTION, NULL);
    if (!reduction) return;
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        if (!o->output || o->field->cols != GK_NOWHERE) continue;
        for (int value = GK_MEAN; value <= GK_NONE; value++) {
            const double dloss[4] = {1, 1, 1, 1}; /* read as floats they are some numbers too: only what is written counts */
            COPY_ARGS(p);
            set(args, reduction->offset, &value, sizeof value);
            for (size_t j = 0; j < p->n_operands; j++)
                if (p->operands[j].field->flags & GK_FLAG_DLOSS) set_pointer(args, p->operands[j].field->offset, dloss);
            assert_status(p, args, value == GK_NONE ? GK_ERROR_OPTION : GK_OK, "every reduction");
            assert_int_equal(memcmp(o->start, o->initial, o->element_size) == 0, value == GK_NONE);
            gb_problem_reset(p);
            set_pointer(args, o->field->offset, NULL);
            assert_status(p, args, GK_OK, "every reduction, no scalar");
            gb_problem_reset(p);
        }
    }
}

static void leading_dimensions(struct gb_problem *p) {
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gb_operand *const o = &p->operands[i];
        if (o->field->offset2 == GK_NOWHERE) continue;
        COPY_ARGS(p);
        const size_t too_small[] = {1, o->row_elements / 2, o->row_elements - 1};
        for (size_t k = 0; k < 3; k++) {
            if (too_small[k] == 0 || too_small[k] >= o->row_elements) continue;
            set_size(args, o->field->offset2, too_small[k]);
            assert_status(p, args, GK_ERROR_LEADING, o->field->name);
        }
        const size_t too_large[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / o->element_size, SIZE_MAX / o->element_size + 1,
                                    PTRDIFF_MAX / o->element_size + 1};
        for (size_t k = 0; k < sizeof too_large / sizeof *too_large; k++) {
            set_size(args, o->field->offset2, too_large[k]);
            assert_status(p, args, GK_ERROR_SIZE, o->field->name);
        }
    }
}

/* Each operand with this dimension has at least 4-byte elements or, as a mask, stands beside one that has. */
static void huge_dimensions(struct gb_problem *p) {
    static const size_t huge[] = {SIZE_MAX,     SIZE_MAX - 1,     SIZE_MAX - 63, SIZE_MAX / 2 + 1,
                                  SIZE_MAX / 2, SIZE_MAX / 4 + 1, SIZE_MAX / 4,  SIZE_MAX / 8 + 1};
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind != GK_FIELD_DIM) continue;
        for (size_t k = 0; k < sizeof huge / sizeof *huge; k++) {
            COPY_ARGS(p);
            set_size(args, f->offset, huge[k]);
            assert_status(p, args, GK_ERROR_SIZE, f->name);
            for (size_t j = 0; j < p->kernel->n_fields; j++)
                if (p->kernel->fields[j].kind == GK_FIELD_DIM) set_size(args, p->kernel->fields[j].offset, huge[k]);
            assert_status(p, args, GK_ERROR_SIZE, "all dimensions");
        }
    }
}

/* One dimension alone makes an operand larger than any object can be, though it ends before the address space does. */
static void too_large_for_an_object(struct gb_problem *p) {
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        COPY_ARGS(p);
        for (size_t j = 0; j < p->kernel->n_fields; j++) {
            const struct gk_field *const f = &p->kernel->fields[j];
            if (f->kind == GK_FIELD_DIM) set_size(args, f->offset, i == j ? PTRDIFF_MAX / gk_dtype_size(p->spec.dtype) + 1 : 1);
        }
        if (p->kernel->fields[i].kind == GK_FIELD_DIM) assert_status(p, args, GK_ERROR_SIZE, p->kernel->fields[i].name);
    }
}

/* Each dimension fits, their product wraps around. */
static void huge_products(struct gb_problem *p) {
    static const size_t pairs[][2] = {{(size_t)1 << 31, (size_t)1 << 31},
                                      {(size_t)1 << 32, (size_t)1 << 32},
                                      {(size_t)1 << 40, (size_t)1 << 24},
                                      {((size_t)1 << 32) + 1, ((size_t)1 << 32) - 1}};
    for (size_t i = 0; i < p->n_operands; i++) {
        const struct gk_field *const f = p->operands[i].field;
        if (f->rows == GK_NOWHERE || f->cols == GK_NOWHERE || f->element != GK_ELEMENT_REAL) continue;
        for (size_t k = 0; k < 2 * sizeof pairs / sizeof *pairs; k++) {
            COPY_ARGS(p);
            set_size(args, f->rows, pairs[k / 2][k % 2]);
            set_size(args, f->cols, pairs[k / 2][1 - k % 2]);
            assert_status(p, args, GK_ERROR_SIZE, f->name);
        }
    }
}

static void unknown_options(struct gb_problem *p) {
    static const int values[] = {-1, 3, 4, 1000, INT_MAX, INT_MIN};
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind != GK_FIELD_LAYOUT && f->kind != GK_FIELD_REDUCTION) continue;
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            COPY_ARGS(p);
            set(args, f->offset, &values[k], sizeof values[k]);
            assert_status(p, args, GK_ERROR_OPTION, f->name);
        }
        if (f->kind != GK_FIELD_LAYOUT) continue;
        COPY_ARGS(p);
        set(args, f->offset, &(int){2}, sizeof(int));
        assert_status(p, args, GK_ERROR_OPTION, "layout 2");
    }
}

/* What a later version may give a meaning is refused by this one. */
static void reserved_bytes(struct gb_problem *p) {
    assert_true(p->kernel->reserved_size > 0 && p->kernel->reserved + p->kernel->reserved_size <= p->kernel->args_size);
    for (size_t i = 0; i < p->kernel->reserved_size; i++) {
        COPY_ARGS(p);
        args[p->kernel->reserved + i] = 1;
        assert_status(p, args, GK_ERROR_OPTION, "a reserved byte");
    }
}

/* The forms that labels can have. */
static size_t label_forms(const struct gb_problem *p, const struct gk_field *forms[3]) {
    size_t count = 0;
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        if (!(p->kernel->fields[i].flags & GK_FLAG_LABELS)) continue;
        assert_true(count < 3);
        forms[count++] = &p->kernel->fields[i];
    }
    return count;
}

static void labels(struct gb_problem *p) {
    const struct gk_field *const ignore = gk_kernel_field(p->kernel, GK_FIELD_IGNORE, NULL);
    const struct gk_field *forms[3], *given = NULL;
    const size_t count = label_forms(p, forms);
    const bool yes = true;
    if (!ignore) return;
    assert_int_equal(count, 3);
    COPY_ARGS(p);
    for (size_t i = 0; i < 3; i++)
        if (gk_field_pointer(forms[i], args)) given = forms[i];
    set_pointer(args, given->offset, NULL);
    assert_status(p, args, GK_ERROR_NULL, "no labels");
    for (size_t i = 0; i < 3; i++) {
        static const double other[4 * 9] = {0};
        copy_args(p, args);
        if (forms[i] == given) continue;
        set_pointer(args, forms[i]->offset, other);
        assert_status(p, args, GK_ERROR_OPTION, "labels in two forms");
    }
    copy_args(p, args);
    set(args, ignore->offset, &yes, sizeof yes);
    if (p->spec.soft_labels) assert_status(p, args, GK_ERROR_OPTION, "ignore_index and t");
}

/* Probabilities do not depend on labels: the same bits without; but no loss. */
static void probabilities_alone(struct gb_problem *p) {
    static const char *const losses[] = {"row_loss", "loss"};
    const struct gk_field *const probabilities = gk_kernel_field(p->kernel, GK_FIELD_OUT, "p"), *forms[3];
    struct gb_problem want;
    struct gb_difference d;
    if (!probabilities) return;
    COPY_ARGS(p);
    for (size_t i = label_forms(p, forms); i > 0; i--) set_pointer(args, forms[i - 1]->offset, NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct gk_field *const loss = gk_kernel_field(p->kernel, GK_FIELD_OUT, losses[i]);
        if (gk_field_pointer(loss, args)) assert_status(p, args, GK_ERROR_NULL, losses[i]);
        set_pointer(args, loss->offset, NULL);
    }
    assert_true(gb_problem_create(&want, &p->spec));
    assert_int_equal(gb_problem_call(&want, contexts[0]), GK_OK);
    for (size_t c = 0; c < n_contexts; c++) {
        gb_problem_reset(p);
        assert_int_equal(functions[p->spec.kernel][p->spec.dtype](contexts[c], args), GK_OK);
        for (size_t i = 0; i < p->n_operands; i++) /* what is not wanted is not written */
            if (p->operands[i].output && p->operands[i].field != probabilities)
                memcpy(p->operands[i].start, want.operands[i].start, p->operands[i].row_elements * p->operands[i].element_size);
        if (!gb_problem_equal(p, &want, &d)) fail_msg("without labels: %s[%zu][%zu]", d.operand, d.row, d.col);
        checked++;
    }
    gb_problem_destroy(&want);
    gb_problem_reset(p);
}

/* Numbers whose low half would be right, too. */
static void label_values(struct gb_problem *p) {
    enum { WRONG = 11 };
    const struct gk_field *const ignore = gk_kernel_field(p->kernel, GK_FIELD_IGNORE, NULL);
    const bool wide = p->spec.wide_labels, yes = true;
    const struct gk_field *const index = gk_kernel_field(p->kernel, GK_FIELD_IN, wide ? "labels64" : "labels");
    const int64_t classes = (int64_t)p->spec.c, high = (int64_t)1 << 32;
    const int64_t wrong[WRONG] = {classes,   classes + 1, -1,    -2,        -100,     INT32_MIN,
                                  INT32_MAX, high + 1,    -high, INT64_MIN, INT64_MAX};
    if (!ignore || p->spec.soft_labels) return;
    COPY_ARGS(p);
    for (size_t row = 0; row < p->spec.n; row++)
        for (size_t k = 0; k < (wide ? WRONG : 7); k++) {
            int64_t values[4] = {0, classes - 1, 1, 0};
            int32_t narrow[4];
            values[row] = wrong[k];
            for (size_t i = 0; i < 4; i++) narrow[i] = (int32_t)values[i];
            copy_args(p, args);
            set_pointer(args, index->offset, wide ? (const void *)values : narrow);
            assert_status(p, args, GK_ERROR_LABEL, "a label out of range");
            set(args, ignore->offset, &yes, sizeof yes);
            const int64_t others[] = {wrong[(k + 1) % WRONG], (int64_t)((uint64_t)wrong[k] + (uint64_t)high)};
            for (size_t i = 0; i < 2; i++) {
                set(args, ignore->offset2, &others[i], sizeof others[i]);
                assert_status(p, args, GK_ERROR_LABEL, "a label out of range, another value ignored");
            }
            set(args, ignore->offset2, &wrong[k], sizeof wrong[k]);
            assert_status(p, args, GK_OK, "an ignored label");
            gb_problem_reset(p);
        }
}

static bool may_share(const struct gb_problem *p, const struct gk_field *a, const struct gk_field *b) {
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind != GK_FIELD_IN_PLACE) continue;
        if ((f->offset == a->offset && f->offset2 == b->offset) || (f->offset == b->offset && f->offset2 == a->offset))
            return true;
    }
    return false;
}

static size_t extent(const struct gb_operand *o) { return ((o->rows - 1) * o->ld + o->row_elements) * o->element_size; }

/* Each output over each other operand: at the same place, from the first to the last byte, and from both ends. */
static void overlaps(struct gb_problem *p) {
    for (size_t i = 0; i < p->n_operands; i++)
        for (size_t j = 0; j < p->n_operands; j++) {
            const struct gb_operand *const out = &p->operands[i], *const other = &p->operands[j];
            const ptrdiff_t ends[] = {0, (ptrdiff_t)out->element_size, (ptrdiff_t)(extent(other) - 1) & -8,
                                      -((ptrdiff_t)(extent(out) - 1) & -8)};
            if (i == j || !out->output) continue;
            for (size_t k = 0; k < 4; k++) {
                COPY_ARGS(p);
                set_pointer(args, out->field->offset, (char *)other->start + ends[k]);
                if (ends[k] == 0 && may_share(p, out->field, other->field)) continue;
                if (ends[k] >= (ptrdiff_t)extent(other)) continue;
                assert_status(p, args, GK_ERROR_OVERLAP, out->field->name);
            }
        }
}

/* Where both may be one matrix, they may not be two with one start. */
static void in_place_with_two_strides(struct gb_problem *p) {
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind != GK_FIELD_IN_PLACE) continue;
        const struct gk_field *const out = gk_kernel_field(p->kernel, GK_FIELD_OUT, f->name);
        COPY_ARGS(p);
        if (!gk_field_pointer(out, args)) continue;
        set_pointer(args, f->offset, *(void **)(args + f->offset2));
        set_size(args, out->offset2, gk_field_cols(out, args) + 1);
        assert_status(p, args, GK_ERROR_OVERLAP, "in place with two leading dimensions");
    }
}

/* Operands that touch do not overlap: all of them end to end in one buffer give the same bits. */
static void neighbours(struct gb_problem *p) {
    _Alignas(64) static char buffer[GK_ISA_COUNT][OPERANDS_BYTES];
    struct gb_problem packed = *p;
    struct gb_difference d;
    COPY_ARGS(p);
    for (size_t c = 0; c < n_contexts; c++) {
        size_t used = 0;
        for (size_t size = 8; size >= 4; size -= 4) /* the wider elements first: no gaps for alignment */
            for (size_t i = 0; i < p->n_operands; i++) {
                const struct gb_operand *const o = &p->operands[i];
                if (o->element_size != size) continue;
                assert_true(used + extent(o) <= OPERANDS_BYTES);
                packed.operands[i].start = memcpy(buffer[c] + used, o->start, extent(o));
                set_pointer(args, o->field->offset, packed.operands[i].start);
                used += extent(o);
            }
        assert_int_equal(functions[p->spec.kernel][p->spec.dtype](contexts[c], args), GK_OK);
        assert_int_equal(gb_problem_call(p, contexts[0]), GK_OK);
        if (!gb_problem_equal(&packed, p, &d))
            fail_msg("%s side by side: %s[%zu][%zu]", p->kernel->name, d.operand, d.row, d.col);
        gb_problem_reset(p);
        checked++;
    }
}

/* An input and an output of as many rows may lie side by side in one wide matrix; not if their columns meet. */
static void columns_of_one_matrix(struct gb_problem *p) {
    _Alignas(64) static char buffer[OPERANDS_BYTES];
    for (size_t i = 0; i < p->n_operands; i++)
        for (size_t j = 0; j < p->n_operands; j++) {
            const struct gb_operand *const a = &p->operands[i], *const b = &p->operands[j];
            const size_t ld = a->row_elements + b->row_elements, size = a->element_size;
            if (i == j || !b->output || a->rows != b->rows || b->element_size != size) continue;
            if (a->field->offset2 == GK_NOWHERE || b->field->offset2 == GK_NOWHERE) continue;
            COPY_ARGS(p);
            assert_true(a->rows * ld * size <= sizeof buffer);
            for (size_t row = 0; row < a->rows; row++) {
                memcpy(buffer + row * ld * size, (char *)a->start + row * a->ld * size, a->row_elements * size);
                memcpy(buffer + (row * ld + a->row_elements) * size, (char *)b->start + row * b->ld * size,
                       b->row_elements * size);
            }
            set_pointer(args, a->field->offset, buffer);
            set_pointer(args, b->field->offset, buffer + a->row_elements * size);
            set_size(args, a->field->offset2, ld);
            set_size(args, b->field->offset2, ld);
            assert_status(p, args, GK_OK, "columns of one matrix");
            gb_problem_reset(p);
            set_pointer(args, b->field->offset, buffer + (a->row_elements - 1) * size);
            assert_status(p, args, GK_ERROR_OVERLAP, "columns that meet");
            set_pointer(args, b->field->offset, buffer + (a->row_elements + 1) * size);
            assert_status(p, args, GK_ERROR_OVERLAP, "columns that meet in the next row");
        }
}

/* With two leading dimensions the rows of both may share no byte, and still they overlap: from its first to its last element
 * each has all bytes. Past the last one they do not. */
static void rows_between_rows(struct gb_problem *p) {
    _Alignas(64) static char buffer[2 * OPERANDS_BYTES];
    for (size_t i = 0; i < p->n_operands; i++)
        for (size_t j = 0; j < p->n_operands; j++) {
            const struct gb_operand *const a = &p->operands[i], *const b = &p->operands[j];
            const size_t room = a->row_elements + b->row_elements, size = a->element_size;
            if (i == j || !b->output || a->rows < 2 || b->rows < 2 || b->element_size != size) continue;
            if (a->field->offset2 == GK_NOWHERE || b->field->offset2 == GK_NOWHERE) continue;
            COPY_ARGS(p);
            assert_true((a->rows + b->rows) * 2 * room * size <= sizeof buffer);
            memset(buffer, 0, sizeof buffer);
            set_pointer(args, a->field->offset, buffer);
            set_pointer(args, b->field->offset, buffer + a->row_elements * size);
            set_size(args, a->field->offset2, room);
            set_size(args, b->field->offset2, 2 * room); /* each row of b lies behind one of a, or behind all */
            assert_status(p, args, GK_ERROR_OVERLAP, "rows between rows");
            set_pointer(args, b->field->offset, buffer + ((a->rows - 1) * room + a->row_elements - 1) * size);
            assert_status(p, args, GK_ERROR_OVERLAP, "a first element upon a last one");
            set_pointer(args, b->field->offset, buffer + ((a->rows - 1) * room + a->row_elements) * size);
            assert_status(p, args, GK_OK, "two leading dimensions, end to end");
            gb_problem_reset(p);
        }
}

/* Every subset of dimensions is 0; operands without elements are NULL, but where the pointer says what is given or wanted. */
static void zero_dimensions(enum gk_kernel_id id, enum gk_dtype dtype, unsigned zeros, unsigned options) {
    struct gb_problem_spec spec = {.kernel = id,
                                   .dtype = dtype,
                                   .n = 3,
                                   .d = 5,
                                   .m = 4,
                                   .c = 6,
                                   .accumulate = options & 1,
                                   .layout = options & 2 ? GK_OUT_IN : GK_IN_OUT,
                                   .soft_labels = options & 4,
                                   .seed = 77,
                                   .reduction = (gk_reduction)(options % 3),
                                   .dloss = options & 1};
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    unsigned bit = 1;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        if (kernel->fields[i].kind != GK_FIELD_DIM) continue;
        if (zeros & bit) spec.dims[kernel->fields[i].dim] = 0;
        bit <<= 1;
    }
    if (zeros >= bit) return;
    if (gk_kernel_field(kernel, GK_FIELD_IGNORE, NULL) && spec.c == 0) spec.soft_labels = true; /* no class, no valid index */
    struct gb_problem p, want;
    struct gb_difference d;
    assert_true(gb_problem_create(&p, &spec) && gb_problem_create(&want, &spec));
    COPY_ARGS(&p);
    for (size_t i = 0; i < p.n_operands; i++) {
        const struct gb_operand *const o = &p.operands[i];
        const bool tells = o->field->flags & GK_FLAG_LABELS || (o->output && o->field->flags & GK_FLAG_OPTIONAL);
        if ((o->rows == 0 || o->row_elements == 0) && !tells) set_pointer(args, o->field->offset, NULL);
    }
    assert_int_equal(gb_problem_call(&want, contexts[0]), GK_OK);
    for (size_t c = 0; c < n_contexts; c++) {
        const gk_status status = functions[id][dtype](contexts[c], args);
        if (status != GK_OK) fail_msg("%s zeros %u options %u: %s", kernel->name, zeros, options, gk_status_string(status));
        if (!gb_problem_equal(&p, &want, &d))
            fail_msg("%s zeros %u: %s[%zu][%zu]", kernel->name, zeros, d.operand, d.row, d.col);
        assert_true(gb_problem_intact(&p, &d.operand));
        gb_problem_reset(&p);
        checked++;
    }
    gb_problem_destroy(&p);
    gb_problem_destroy(&want);
}

static void all_zero_dimensions(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (unsigned zeros = 1; zeros < 8; zeros++)
                for (unsigned options = 0; options < 12; options++)
                    zero_dimensions((enum gk_kernel_id)id, (enum gk_dtype)dtype, zeros, options);
}

/* Each dimension is 0, 1 or absurd. Operands of many elements are NULL where they may be; a call that needs one is not made.
 * What there is to write is then one element at most, and takes no time and no memory: otherwise an alarm ends the process. */
static void absurd_dimensions(enum gk_kernel_id id, enum gk_dtype dtype, unsigned number) {
    static const size_t sizes[] = {0, 1, (size_t)1 << 40};
    const struct gk_kernel *const kernel = gk_kernel_get(id);
    _Alignas(max_align_t) char args[1024] = {0};
    double elements[16]; /* one for each operand */
    for (size_t i = 0; i < kernel->n_fields; i++) {
        if (kernel->fields[i].kind != GK_FIELD_DIM) continue;
        set_size(args, kernel->fields[i].offset, sizes[number % 3]);
        number /= 3;
    }
    if (number) return;
    size_t used = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind != GK_FIELD_IN && f->kind != GK_FIELD_OUT) continue;
        const double count = (double)gk_field_rows(f, args) * (double)gk_field_row_elements(f, args);
        if (count > 1 && !(f->flags & GK_FLAG_OPTIONAL)) return;
        if (count > 1 || (f->flags & GK_FLAG_LABELS && f->element != GK_ELEMENT_REAL)) continue;
        assert_true(used < sizeof elements / sizeof *elements);
        elements[used] = f->kind == GK_FIELD_OUT ? (double)NAN : 0;
        set_pointer(args, f->offset, &elements[used++]);
    }
    for (size_t c = 0; c < n_contexts; c++, checked++) {
        const gk_status status = functions[id][dtype](contexts[c], args);
        if (status != GK_OK && status != GK_ERROR_NULL)
            fail_msg("%s: \"%s\" for dimensions of 0, 1 or 2^40", kernel->name, gk_status_string(status));
    }
}

static void nothing_to_do_takes_no_time(void **state) {
    (void)state;
    alarm(20);
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (unsigned number = 0; number < 27; number++)
                absurd_dimensions((enum gk_kernel_id)id, (enum gk_dtype)dtype, number);
    alarm(0);
}

/* An empty sum is its start value. */
static void empty_sums(void **state) {
    (void)state;
    for (size_t c = 0; c < n_contexts; c++) {
        float y[2][3] = {{NAN, NAN, NAN}, {NAN, NAN, NAN}}, dx[2][3] = {{1, -2, 3}, {4, 5, -6}}, db[3] = {NAN, NAN, NAN};
        const float b[3] = {1, 2, -3};
        assert_int_equal(gk_affine_forward(contexts[c], &(gk_affine_forward_args){.n = 2, .m = 3, .b = b, .y = y[0]}), GK_OK);
        for (size_t i = 0; i < 6; i++) assert_true(y[i / 3][i % 3] == b[i % 3]);
        gk_affine_dx_args args = {.n = 2, .d = 3, .dx = dx[0], .accumulate_dx = true};
        assert_int_equal(gk_affine_dx(contexts[c], &args), GK_OK);
        assert_true(dx[0][1] == -2 && dx[1][2] == -6);
        args.accumulate_dx = false;
        assert_int_equal(gk_affine_dx(contexts[c], &args), GK_OK);
        for (size_t i = 0; i < 6; i++) assert_true(dx[i / 3][i % 3] == 0 && !signbit(dx[i / 3][i % 3]));
        assert_int_equal(gk_affine_db(contexts[c], &(gk_affine_db_args){.m = 3, .db = db}), GK_OK);
        for (size_t i = 0; i < 3; i++) assert_true(db[i] == 0 && !signbit(db[i]));
        float loss = NAN;
        const gk_softmax_xent_forward_args none = {.c = 4, .labels = (const int32_t[]){0}, .loss = &loss};
        assert_int_equal(gk_softmax_xent_forward(contexts[c], &none), GK_OK);
        assert_true(loss == 0);
        double row_loss[2] = {NAN, NAN}, sum = NAN;
        const gk_softmax_xent_forward_args_f64 no_class = {.n = 2, .row_loss = row_loss, .loss = &sum, .reduction = GK_SUM};
        assert_int_equal(gk_softmax_xent_forward_f64(contexts[c], &no_class), GK_OK);
        assert_true(sum == 0 && row_loss[0] == 0 && row_loss[1] == 0);
    }
}

/* What a kernel's header says beyond the table. */
static void backward_needs_the_other_operand(void **state) {
    const struct gb_problem_spec spec = {.kernel = GK_KERNEL_affine_backward, .n = 3, .d = 4, .m = 5, .seed = 3};
    struct gb_problem p;
    (void)state;
    assert_true(gb_problem_create(&p, &spec));
    COPY_ARGS(&p);
    gk_affine_backward_args *const a = (void *)args;
    const float *const x = a->x, *const w = a->w;
    a->x = NULL;
    assert_status(&p, a, GK_ERROR_NULL, "dw without x");
    a->x = x, a->w = NULL;
    assert_status(&p, a, GK_ERROR_NULL, "dx without w");
    a->dx = NULL;
    assert_status(&p, a, GK_OK, "neither dx nor w");
    a->w = w, a->x = NULL, a->dw = NULL;
    assert_status(&p, a, GK_OK, "neither dw nor x");
    gb_problem_destroy(&p);
}

#define TABLE_TEST(name)                                                                                                       \
    static void test_##name(void **state) {                                                                                    \
        (void)state;                                                                                                           \
        for_each_problem(name);                                                                                                \
    }
TABLE_TEST(no_context_no_args)
TABLE_TEST(required_pointers)
TABLE_TEST(optional_outputs)
TABLE_TEST(no_output)
TABLE_TEST(scalars_without_reduction)
TABLE_TEST(leading_dimensions)
TABLE_TEST(huge_dimensions)
TABLE_TEST(huge_products)
TABLE_TEST(too_large_for_an_object)
TABLE_TEST(unknown_options)
TABLE_TEST(reserved_bytes)
TABLE_TEST(labels)
TABLE_TEST(probabilities_alone)
TABLE_TEST(label_values)
TABLE_TEST(overlaps)
TABLE_TEST(in_place_with_two_strides)
TABLE_TEST(neighbours)
TABLE_TEST(columns_of_one_matrix)
TABLE_TEST(rows_between_rows)

static void status_strings(void **state) {
    const char *const unknown = gk_status_string(GK_STATUS_COUNT);
    (void)state;
    assert_non_null(unknown);
    for (int a = 0; a < GK_STATUS_COUNT; a++) {
        const char *const text = gk_status_string((gk_status)a);
        assert_true(text && *text && strcmp(text, unknown) != 0);
        for (int b = 0; b < a; b++) assert_string_not_equal(text, gk_status_string((gk_status)b));
    }
    static const int others[] = {-1, GK_STATUS_COUNT + 1, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(gk_status_string((gk_status)others[i]), unknown);
}

static void context_arguments(void **state) {
    static const gk_options wrong[] = {
        {.threads = GK_THREADS_MAX + 1}, {.threads = SIZE_MAX}, {.serial_below = -1}, {.serial_below = NAN}};
    (void)state;
    assert_int_equal(gk_context_create(NULL, NULL), GK_ERROR_NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gk_context *ctx = contexts[0];
        assert_int_equal(gk_context_create(&ctx, &wrong[i]), GK_ERROR_OPTION);
        assert_null(ctx);
    }
    for (size_t i = 0; i < sizeof(((gk_options *)0)->reserved); i++) {
        gk_options options = {.threads = 1};
        gk_context *ctx = contexts[0];
        ((char *)options.reserved)[i] = 1;
        assert_int_equal(gk_context_create(&ctx, &options), GK_ERROR_OPTION);
        assert_null(ctx);
    }
    gk_context_destroy(NULL);
}

static void every_column_was_asked(void **state) {
    (void)state;
    printf("%zu calls in %zu columns\n", checked, n_contexts);
    assert_true(checked > 1000 * n_contexts);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_strings),
        cmocka_unit_test(context_arguments),
        cmocka_unit_test(test_no_context_no_args),
        cmocka_unit_test(test_required_pointers),
        cmocka_unit_test(test_optional_outputs),
        cmocka_unit_test(test_no_output),
        cmocka_unit_test(test_scalars_without_reduction),
        cmocka_unit_test(test_leading_dimensions),
        cmocka_unit_test(test_huge_dimensions),
        cmocka_unit_test(test_huge_products),
        cmocka_unit_test(test_too_large_for_an_object),
        cmocka_unit_test(test_unknown_options),
        cmocka_unit_test(test_reserved_bytes),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_probabilities_alone),
        cmocka_unit_test(test_label_values),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_in_place_with_two_strides),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_columns_of_one_matrix),
        cmocka_unit_test(test_rows_between_rows),
        cmocka_unit_test(all_zero_dimensions),
        cmocka_unit_test(nothing_to_do_takes_no_time),
        cmocka_unit_test(empty_sums),
        cmocka_unit_test(backward_needs_the_other_operand),
        cmocka_unit_test(every_column_was_asked),
    };
    (void)argc;
    gb_wait_passively(argv);
    n_contexts = gb_open_contexts(contexts, 2);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_close_contexts(contexts, n_contexts);
    return failed;
}
