/* What the table makes of the list, against numbers found by hand: n = 2, d = 3, m = 5, c = 7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "table.h"

static const size_t sizes[GK_DIM_COUNT] = {[GK_DIM_n] = 2, [GK_DIM_d] = 3, [GK_DIM_m] = 5, [GK_DIM_c] = 7};

static char memory[64]; /* where operands that nobody looks at point to, each to a place of its own */

static bool names(const char *list, const char *name) {
    char padded[100], word[40];
    snprintf(padded, sizeof padded, " %s ", list);
    snprintf(word, sizeof word, " %s ", name);
    return strstr(padded, word) != NULL;
}

/* A call with these operands. */
static union gk_any_args call_of(const struct gk_kernel *kernel, const char *operands) {
    union gk_any_args args;
    memset(&args, 0, sizeof args);
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        char *const at = (char *)&args + f->offset;
        if (f->kind == GK_FIELD_DIM) *(size_t *)at = sizes[f->dim];
        if (gk_is_operand(f) && names(operands, f->name)) *(void **)at = memory + i;
    }
    return args;
}

static const struct {
    const char *kernel, *inputs, *outputs;
    double flops;
    enum gk_roof roof;
} calls[] = {
    {"affine_forward", "x w b", "y", 60, GK_ROOF_FMA},
    {"affine_dx", "dy w", "dx", 60, GK_ROOF_FMA},
    {"affine_dw", "x dy", "dw", 60, GK_ROOF_FMA},
    {"affine_db", "dy", "db", 10, GK_ROOF_MEMORY},
    {"affine_backward", "x w dy", "dx", 60, GK_ROOF_FMA},
    {"affine_backward", "x w dy", "dw", 60, GK_ROOF_FMA},
    {"affine_backward", "x w dy", "db", 10, GK_ROOF_MEMORY},
    {"affine_backward", "x w dy", "dx dw", 120, GK_ROOF_FMA},
    {"affine_backward", "x w dy", "dx db", 70, GK_ROOF_FMA},
    {"affine_backward", "x w dy", "dw db", 70, GK_ROOF_FMA},
    {"affine_backward", "x w dy", "dx dw db", 130, GK_ROOF_FMA},
    {"affine_backward", "dy mask", "db", 20, GK_ROOF_MEMORY},
    {"affine_backward", "x w dy mask", "dx dw db", 140, GK_ROOF_FMA},
    {"relu_forward", "x", "y", 6, GK_ROOF_MEMORY},
    {"relu_forward", "x", "y mask", 6, GK_ROOF_MEMORY},
    {"relu_backward", "dy mask", "dx", 6, GK_ROOF_MEMORY},
    {"repeat_forward", "b", "y", 10, GK_ROOF_MEMORY},
    {"add_forward", "a b", "y", 6, GK_ROOF_MEMORY},
    {"add_backward", "dy", "da", 6, GK_ROOF_MEMORY},
    {"add_backward", "dy", "db", 6, GK_ROOF_MEMORY},
    {"add_backward", "dy", "da db", 12, GK_ROOF_MEMORY},
    {"mul_forward", "a b", "y", 6, GK_ROOF_MEMORY},
    {"mul_backward", "a b dy", "da", 6, GK_ROOF_MEMORY},
    {"mul_backward", "a b dy", "db", 6, GK_ROOF_MEMORY},
    {"mul_backward", "a b dy", "da db", 12, GK_ROOF_MEMORY},
    {"max_forward", "a b", "y", 6, GK_ROOF_MEMORY},
    {"max_backward", "a b dy", "da", 6, GK_ROOF_MEMORY},
    {"max_backward", "a b dy", "db", 6, GK_ROOF_MEMORY},
    {"max_backward", "a b dy", "da db", 12, GK_ROOF_MEMORY},
    {"reciprocal_forward", "x", "y", 6, GK_ROOF_MEMORY},
    {"reciprocal_backward", "y dy", "dx", 12, GK_ROOF_MEMORY},
    {"exp_forward", "x", "y", 6, GK_ROOF_MEMORY},
    {"exp_backward", "y dy", "dx", 6, GK_ROOF_MEMORY},
    {"sigmoid_forward", "x", "y", 18, GK_ROOF_MEMORY},
    {"sigmoid_backward", "y dy", "dx", 18, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "p", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "row_loss", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "loss", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "p row_loss", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "p loss", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "row_loss loss", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "p row_loss loss", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x", "lse", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x", "p lse", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "row_loss lse", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "loss lse", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "p row_loss lse", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "p loss lse", 70, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels", "row_loss loss lse", 56, GK_ROOF_MEMORY},
    {"softmax_xent_forward", "x labels class_weights", "p row_loss loss lse", 70, GK_ROOF_MEMORY},
    {"softmax_xent_backward", "p labels", "dx", 28, GK_ROOF_MEMORY},
    {"softmax_xent", "x labels", "dx", 98, GK_ROOF_MEMORY},
    {"softmax_xent", "x labels", "dx row_loss", 98, GK_ROOF_MEMORY},
    {"softmax_xent", "x labels", "dx loss", 98, GK_ROOF_MEMORY},
    {"softmax_xent", "x labels", "dx row_loss loss", 98, GK_ROOF_MEMORY},
};

static union gk_any_args args_of(size_t call) {
    char operands[100];
    snprintf(operands, sizeof operands, "%s %s", calls[call].inputs, calls[call].outputs);
    return call_of(gk_kernel_find(calls[call].kernel), operands);
}

static void flops_and_roof_follow_the_outputs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const struct gk_kernel *const kernel = gk_kernel_find(calls[i].kernel);
        const union gk_any_args args = args_of(i);
        if (gk_kernel_flops(kernel, &args) != calls[i].flops || gk_kernel_roof(kernel, &args) != calls[i].roof)
            fail_msg("%s, %s: %g FLOPs, roof %d", calls[i].kernel, calls[i].outputs, gk_kernel_flops(kernel, &args),
                     gk_kernel_roof(kernel, &args));
        enum gk_roof roof;
        const double bytes = gk_kernel_bytes(kernel, GK_F64, &args), work = gk_kernel_work(kernel->id, GK_F64, &args, &roof);
        assert_true(work == (calls[i].roof == GK_ROOF_FMA ? calls[i].flops : bytes) && roof == calls[i].roof);
    }
}

/* Words of masks count whole, an output that is added to twice, an absent operand not at all. */
static void bytes_are_those_of_the_operands(void **state) {
    static const struct {
        const char *kernel, *operands;
        bool accumulate;
        double reals, others; /* the latter in bytes */
    } want[] = {
        {"relu_forward", "x y", false, 6 + 6, 0},
        {"relu_forward", "x y mask", false, 6 + 6, 2 * 8},
        {"affine_dx", "dy w dx", false, 10 + 15 + 6, 0},
        {"affine_dx", "dy w dx", true, 10 + 15 + 2 * 6, 0},
        {"affine_db", "dy db", true, 10 + 2 * 5, 0},
        {"affine_backward", "x w dy dx dw db", true, 6 + 15 + 10 + 2 * 6 + 2 * 15 + 2 * 5, 0},
        {"softmax_xent", "x labels dx loss dloss", false, 14 + 14 + 1 + 1, 2 * 4},
        {"softmax_xent", "x labels64 dx row_loss class_weights", false, 14 + 14 + 2 + 7, 2 * 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct gk_kernel *const kernel = gk_kernel_find(want[i].kernel);
        union gk_any_args args = call_of(kernel, want[i].operands);
        for (size_t j = 0; j < kernel->n_args; j++)
            if (kernel->fields[j].kind == GK_FIELD_ACCUMULATE) *((bool *)&args + kernel->fields[j].offset) = want[i].accumulate;
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++) {
            const double reals = want[i].reals * (double)gk_dtype_size((enum gk_dtype)dtype);
            const double got = gk_kernel_bytes(kernel, (enum gk_dtype)dtype, &args);
            if (got != reals + want[i].others) fail_msg("%s, %s: %g bytes", want[i].kernel, want[i].operands, got);
        }
    }
}

/* No kernel of the list, and no choice of its outputs, is missing above. */
static void every_choice_of_outputs_is_counted(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        size_t want = 1, required = 0, got = 0;
        for (size_t i = 0; i < kernel->n_fields; i++)
            if (kernel->fields[i].kind == GK_FIELD_OUT && kernel->fields[i].flags & GK_FLAG_OPTIONAL) want *= 2;
            else if (kernel->fields[i].kind == GK_FIELD_OUT) required++;
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            bool first = strcmp(calls[i].kernel, kernel->name) == 0;
            for (size_t j = 0; j < i; j++)
                first &= strcmp(calls[j].kernel, calls[i].kernel) != 0 || strcmp(calls[j].outputs, calls[i].outputs) != 0;
            got += first;
        }
        if (got != want - (required == 0)) fail_msg("%s: %zu of %zu choices", kernel->name, got, want - (required == 0));
    }
}

static void each_output_has_its_rule(void **state) {
    static const struct {
        const char *kernel, *output;
        enum gk_rule rule;
        enum gk_dim dim;
    } want[] = {
        {"affine_forward", "y", GK_EXACT_SUM, GK_DIM_d},
        {"affine_dx", "dx", GK_EXACT_SUM, GK_DIM_m},
        {"affine_dw", "dw", GK_EXACT_SUM, GK_DIM_n},
        {"affine_db", "db", GK_EXACT_SUM, GK_DIM_n},
        {"affine_backward", "dx", GK_EXACT_SUM, GK_DIM_m},
        {"affine_backward", "dw", GK_EXACT_SUM, GK_DIM_n},
        {"affine_backward", "db", GK_EXACT_SUM, GK_DIM_n},
        {"relu_forward", "y", GK_EXACT_EXACT, 0},
        {"relu_forward", "mask", GK_EXACT_EXACT, 0},
        {"relu_backward", "dx", GK_EXACT_EXACT, 0},
        {"repeat_forward", "y", GK_EXACT_EXACT, 0},
        {"add_forward", "y", GK_EXACT_ULP, 0},
        {"add_backward", "da", GK_EXACT_EXACT, 0},
        {"add_backward", "db", GK_EXACT_EXACT, 0},
        {"mul_forward", "y", GK_EXACT_ULP, 0},
        {"mul_backward", "da", GK_EXACT_ULP, 0},
        {"mul_backward", "db", GK_EXACT_ULP, 0},
        {"max_forward", "y", GK_EXACT_EXACT, 0},
        {"max_backward", "da", GK_EXACT_EXACT, 0},
        {"max_backward", "db", GK_EXACT_EXACT, 0},
        {"reciprocal_forward", "y", GK_EXACT_ULP, 0},
        {"reciprocal_backward", "dx", GK_EXACT_ULP, 0},
        {"exp_forward", "y", GK_EXACT_ULP, 0},
        {"exp_backward", "dx", GK_EXACT_ULP, 0},
        {"sigmoid_forward", "y", GK_EXACT_ULP, 0},
        {"sigmoid_backward", "dx", GK_EXACT_ULP, 0},
        {"softmax_xent_forward", "p", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent_forward", "row_loss", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent_forward", "loss", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent_forward", "lse", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent_backward", "dx", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent", "dx", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent", "row_loss", GK_EXACT_SOFTMAX, GK_DIM_c},
        {"softmax_xent", "loss", GK_EXACT_SOFTMAX, GK_DIM_c},
    };
    size_t outputs = 0;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        for (size_t i = 0; i < gk_kernel_get((enum gk_kernel_id)id)->n_fields; i++)
            outputs += gk_kernel_get((enum gk_kernel_id)id)->fields[i].kind == GK_FIELD_OUT;
    assert_int_equal(outputs, sizeof want / sizeof *want);
    for (size_t i = 0; i < outputs; i++) {
        const struct gk_kernel *const kernel = gk_kernel_find(want[i].kernel);
        const struct gk_exactness got = gk_exactness_of(kernel, gk_kernel_operand(kernel, want[i].output));
        if (got.rule != want[i].rule || (got.rule != GK_EXACT_EXACT && got.dim != want[i].dim))
            fail_msg("%s, %s: rule %d over %s", want[i].kernel, want[i].output, got.rule, gk_dim_name(got.dim));
    }
}

static void parts_get_the_arguments(void **state) {
    const struct gk_kernel *const kernel = gk_kernel_find("affine_backward");
    gk_affine_backward_args args = call_of(kernel, "x w dy mask dx dw").affine_backward;
    const struct gk_field *part = gk_kernel_field(kernel, GK_FIELD_PART, NULL);
    union gk_any_args got;
    (void)state;
    args.ld_dy = 6, args.ld_mask = 9, args.ld_dw = 8, args.layout = GK_OUT_IN, args.accumulate_dw = true;

    assert_string_equal(gk_kernel_get(part->id)->name, "relu_backward");
    assert_true(gk_part_runs(kernel, part, &args));
    gk_part_args(kernel, part, &args, &got);
    assert_true(got.relu_backward.n == 2 && got.relu_backward.d == 5 && got.relu_backward.ld_dy == 6 &&
                got.relu_backward.ld_mask == 9 && got.relu_backward.dy == args.dy && got.relu_backward.mask == args.mask);
    assert_null(got.relu_backward.dx); /* a temporary, read as dy */
    assert_string_equal(gk_part_name(kernel, part, "dx"), "dy");
    assert_string_equal(gk_part_name(kernel, part, "mask"), "mask");

    part = gk_kernel_field(kernel, GK_FIELD_PART, "affine_dw");
    gk_part_args(kernel, part, &args, &got);
    assert_true(gk_part_runs(kernel, part, &args) && got.affine_dw.n == 2 && got.affine_dw.d == 3 && got.affine_dw.m == 5);
    assert_true(got.affine_dw.x == args.x && got.affine_dw.dw == args.dw && got.affine_dw.ld_dw == 8);
    assert_true(got.affine_dw.layout == GK_OUT_IN && got.affine_dw.accumulate_dw);

    assert_false(gk_part_runs(kernel, gk_kernel_field(kernel, GK_FIELD_PART, "affine_db"), &args)); /* not wanted */
    args.w = NULL;
    assert_false(gk_part_runs(kernel, gk_kernel_field(kernel, GK_FIELD_PART, "affine_dx"), &args)); /* it requires w */
    args.d = 0;
    assert_true(gk_part_runs(kernel, gk_kernel_field(kernel, GK_FIELD_PART, "affine_dx"), &args)); /* w has no elements */
    args.mask = NULL;
    assert_false(gk_part_runs(kernel, gk_kernel_field(kernel, GK_FIELD_PART, "relu_backward"), &args));
}

static void softmax_parts_share_a_temporary(void **state) {
    const struct gk_kernel *const kernel = gk_kernel_find("softmax_xent");
    gk_softmax_xent_args args = call_of(kernel, "x labels64 dx loss dloss class_weights").softmax_xent;
    const struct gk_field *const part = gk_kernel_field(kernel, GK_FIELD_PART, "softmax_xent_backward");
    union gk_any_args got;
    (void)state;
    args.reduction = GK_SUM, args.use_ignore_index = true, args.ignore_index = -100;
    args.label_smoothing = 0.5, args.z_loss = 2;
    gk_part_args(kernel, part, &args, &got);
    const gk_softmax_xent_backward_args *const b = &got.softmax_xent_backward;
    assert_true(b->n == 2 && b->c == 7 && !b->p && b->labels64 == args.labels64 && b->dloss == args.dloss && b->dx == args.dx);
    assert_true(b->reduction == GK_SUM && b->use_ignore_index && b->ignore_index == -100);
    assert_true(b->label_smoothing == 0.5 && b->class_weights == args.class_weights && b->z_loss == 2 && !b->lse);
}

/* Each weight has its rows and columns by layout, each dloss its elements by reduction. */
static void shapes_follow_their_options(void **state) {
    size_t weights = 0, upstream = 0;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        const struct gk_field *const layout = gk_kernel_field(kernel, GK_FIELD_LAYOUT, NULL);
        const struct gk_field *const reduction = gk_kernel_field(kernel, GK_FIELD_REDUCTION, NULL);
        union gk_any_args args = call_of(kernel, "");
        for (size_t i = 0; i < kernel->n_args; i++) {
            const struct gk_field *const f = &kernel->fields[i];
            for (unsigned value = 0; value <= GK_OUT_IN && f->flags & GK_FLAG_WEIGHT; value++, weights++) {
                *(unsigned *)((char *)&args + layout->offset) = value;
                assert_int_equal(gk_field_rows(f, &args), value == GK_OUT_IN ? 5 : 3);
                assert_int_equal(gk_field_cols(f, &args), value == GK_OUT_IN ? 3 : 5);
            }
            for (unsigned value = 0; value <= GK_NONE && f->flags & GK_FLAG_DLOSS; value++, upstream++) {
                *(unsigned *)((char *)&args + reduction->offset) = value;
                assert_int_equal(gk_field_cols(f, &args), value == GK_NONE ? 2 : 1);
            }
        }
    }
    assert_true(weights >= 5 * 2 && upstream >= 2 * 3);
}

static void outputs_that_are_added_to_are_read(void **state) {
    const struct gk_kernel *const kernel = gk_kernel_find("affine_dx");
    gk_affine_dx_args args = {.accumulate_dx = true};
    const struct gk_field *const dx = gk_kernel_operand(kernel, "dx");
    (void)state;
    assert_true(gk_accumulates(kernel, dx, &args) && gk_reads(kernel, dx, &args));
    args.accumulate_dx = false;
    assert_false(gk_accumulates(kernel, dx, &args) || gk_reads(kernel, dx, &args));
    assert_true(gk_reads(kernel, gk_kernel_operand(kernel, "w"), &args));

    const struct gk_kernel *const all = gk_kernel_find("affine_backward");
    const gk_affine_backward_args one = {.accumulate_dw = true};
    assert_true(gk_accumulates(all, gk_kernel_operand(all, "dw"), &one));
    assert_false(gk_accumulates(all, gk_kernel_operand(all, "dx"), &one) ||
                 gk_accumulates(all, gk_kernel_operand(all, "db"), &one));
}

static void check_part(const struct gk_kernel *kernel, const struct gk_field *part) {
    const struct gk_kernel *const theirs = gk_kernel_get(part->id);
    assert_null(gk_kernel_field(theirs, GK_FIELD_PART, NULL));
    for (size_t i = 0; i < theirs->n_fields; i++)
        if (theirs->fields[i].kind == GK_FIELD_DIM) assert_non_null(gk_part_field(kernel, part, &theirs->fields[i]));
    for (const struct gk_field *f = part + 1; f < kernel->fields + kernel->n_fields && f->kind == GK_FIELD_RENAME; f++)
        if (!gk_kernel_operand(theirs, f->name) && !gk_kernel_field(theirs, GK_FIELD_DIM, f->name))
            fail_msg("%s: part %s has no %s", kernel->name, theirs->name, f->name);
}

/* out is an output; the other kernel writes y and reads x; the gradient by y is read, and else only what that kernel knows. */
static void check_gradient(const struct gk_kernel *kernel, const struct gk_field *gradient) {
    const struct gk_kernel *const forward = gk_kernel_get(gradient->id);
    size_t upstream = 0;
    assert_non_null(gk_kernel_field(kernel, GK_FIELD_OUT, gradient->name));
    assert_non_null(gk_kernel_field(forward, GK_FIELD_OUT, gradient->other));
    assert_non_null(gk_kernel_field(forward, GK_FIELD_IN, gradient->by));
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        if (f->kind != GK_FIELD_IN) continue;
        if (gk_is_upstream(f, gradient->other)) upstream++;
        else assert_non_null(gk_kernel_operand(forward, f->name));
    }
    assert_int_equal(upstream, 1);
}

/* A sum is over a dimension of the kernel itself. */
static void check_exactness(const struct gk_kernel *kernel, const struct gk_field *output) {
    const struct gk_exactness e = gk_exactness_of(kernel, output);
    if (e.rule == GK_EXACT_SUM || e.rule == GK_EXACT_SOFTMAX) assert_non_null(gk_kernel_dim(kernel, e.dim));
}

static void the_list_makes_sense(void **state) {
    size_t most = 0;
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        size_t operands = 0, roofs = 0, parts = 0, flops = 0;
        bool described = false;
        for (size_t i = 0; i < kernel->n_fields; i++) {
            const struct gk_field *const f = &kernel->fields[i];
            if (described && f->kind < GK_FIELD_IN_PLACE) fail_msg("%s: %s comes too late", kernel->name, f->name);
            described |= f->kind >= GK_FIELD_IN_PLACE;
            assert_true(described == (i >= kernel->n_args));
            operands += gk_is_operand(f);
            if (f->kind == GK_FIELD_OUT) check_exactness(kernel, f);
            roofs += f->kind == GK_FIELD_ROOF;
            flops += f->kind == GK_FIELD_FLOPS;
            if (f->kind == GK_FIELD_EXACTNESS || f->kind == GK_FIELD_FLOPS)
                assert_true(f->offset == GK_NOWHERE || gk_kernel_field(kernel, GK_FIELD_OUT, f->name));
            if (f->kind == GK_FIELD_PART) check_part(kernel, f), parts++;
            if (f->kind == GK_FIELD_GRADIENT) check_gradient(kernel, f);
        }
        if (parts ? roofs || flops : roofs != 1) fail_msg("%s: %zu lines of a roof", kernel->name, roofs);
        most = operands > most ? operands : most;
    }
    assert_int_equal(most, GK_OPERANDS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flops_and_roof_follow_the_outputs),
        cmocka_unit_test(bytes_are_those_of_the_operands),
        cmocka_unit_test(every_choice_of_outputs_is_counted),
        cmocka_unit_test(each_output_has_its_rule),
        cmocka_unit_test(parts_get_the_arguments),
        cmocka_unit_test(softmax_parts_share_a_temporary),
        cmocka_unit_test(shapes_follow_their_options),
        cmocka_unit_test(outputs_that_are_added_to_are_read),
        cmocka_unit_test(the_list_makes_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
