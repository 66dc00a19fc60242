/* What a context decides and holds, by hand-made numbers: threads for the work of each kernel, scratch space, every field of
 * what an inspection tells and the words of statuses. */
#include <inttypes.h>
#include <sys/mman.h>

#include "core/context.h"
#include "core/cpu.h"
#include "core/team.h"
#include "support_lineup.h"

enum { THREADS = 5, HUGE_PAGE = 2 << 20 };

static char memory[64]; /* where operands that nobody looks at point to */

static gk_context *context_of(double serial_below) {
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, &(gk_options){.threads = THREADS, .serial_below = serial_below}), GK_OK);
    return ctx;
}

/* A call with these operands, each of which is only counted. */
static union gk_any_args call_of(const struct gk_kernel *kernel, const char *operands, const size_t sizes[GK_DIM_COUNT]) {
    union gk_any_args args;
    char padded[100], word[40];
    memset(&args, 0, sizeof args);
    snprintf(padded, sizeof padded, " %s ", operands);
    for (size_t i = 0; i < kernel->n_fields; i++) {
        const struct gk_field *const f = &kernel->fields[i];
        snprintf(word, sizeof word, " %s ", f->name);
        if (f->kind == GK_FIELD_DIM) *(size_t *)((char *)&args + f->offset) = sizes[f->dim];
        if (gk_is_operand(f) && strstr(padded, word)) *(void **)((char *)&args + f->offset) = memory;
    }
    return args;
}

/* The smallest n at which two threads have their kernel's share of work: 1e6 FLOPs of a product, 256,000 bytes of what moves
 * them, 64,000 of softmax. */
static void the_work_decides_on_threads(void **state) {
    static const struct {
        const char *kernel, *operands;
        enum gk_dtype dtype;
        size_t d, m, c, n;
    } cases[] = {
        {"affine_forward", "x w b y", GK_F32, 100, 100, 0, 100}, /* 2 n 100 100 = 2e6 */
        {"affine_forward", "x w y", GK_F64, 1000, 10, 0, 100},
        {"affine_dx", "dy w dx", GK_F32, 100, 50, 0, 200},
        {"affine_dw", "x dy dw", GK_F64, 10, 100, 0, 1000},
        {"affine_db", "dy db", GK_F32, 0, 64, 0, 1999}, /* (n + 1) 64 4 = 512,000 */
        {"affine_db", "dy db", GK_F64, 0, 64, 0, 999},
        {"affine_backward", "x w dy dx", GK_F32, 100, 100, 0, 100},
        {"affine_backward", "x w dy dx dw", GK_F32, 100, 100, 0, 50},
        {"affine_backward", "dy db", GK_F32, 7, 64, 0, 1999},
        {"affine_backward", "dy db", GK_F64, 7, 64, 0, 999},
        {"relu_forward", "x y", GK_F32, 1000, 0, 0, 64},                        /* 2 n 1000 4 */
        {"relu_forward", "x y mask", GK_F64, 63, 0, 0, 504},                    /* n (2 63 8 + 8) = 512,064 */
        {"relu_backward", "dy mask dx", GK_F32, 63, 0, 0, 1000},                /* n (2 63 4 + 8) */
        {"softmax_xent_forward", "x labels p row_loss", GK_F32, 0, 0, 99, 160}, /* n (2 99 4 + 4 + 4) = 128,000 */
        {"softmax_xent_forward", "x labels64 loss", GK_F64, 0, 0, 39, 400},     /* n (39 8 + 8) + 8 = 128,008 */
        {"softmax_xent_backward", "p labels dx", GK_F32, 0, 0, 2, 6400},        /* n (2 2 4 + 4) */
        {"softmax_xent", "x labels dx row_loss", GK_F32, 0, 0, 99, 160},
        {"softmax_xent", "x t dx", GK_F64, 0, 0, 16, 334}, /* n 3 16 8 = 128,256 */
    };
    gk_context *const ctx = context_of(0);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t less = 0; less < 2; less++) {
            const struct gk_kernel *const kernel = gk_kernel_find(cases[i].kernel);
            const size_t sizes[GK_DIM_COUNT] = {
                [GK_DIM_n] = cases[i].n - less, [GK_DIM_d] = cases[i].d, [GK_DIM_m] = cases[i].m, [GK_DIM_c] = cases[i].c};
            const union gk_any_args args = call_of(kernel, cases[i].operands, sizes);
            const size_t threads = gk_call_threads(ctx, kernel->id, cases[i].dtype, &args);
            if (threads != (less ? 1 : THREADS))
                fail_msg("%s, %s, n = %zu: %zu threads", cases[i].kernel, cases[i].operands, cases[i].n - less, threads);
        }
    gk_context_destroy(ctx);
}

/* The option replaces the share of products and of bytes alike; a context of one thread has one. */
static void the_option_decides_on_threads(void **state) {
    static const size_t sizes[GK_DIM_COUNT] = {[GK_DIM_n] = 10, [GK_DIM_d] = 5, [GK_DIM_m] = 20};
    const struct gk_kernel *const kernel = gk_kernel_find("affine_backward");
    const union gk_any_args product = call_of(kernel, "x w dy dx", sizes), sums = call_of(kernel, "dy db", sizes);
    gk_context *one;
    (void)state;
    static const struct {
        double share;
        size_t product, sums; /* 2,000 FLOPs; 880 bytes */
    } cases[] = {{1000, THREADS, 1}, {1001, 1, 1}, {440, THREADS, THREADS}, {441, THREADS, 1}, {1e-9, THREADS, THREADS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_context *const ctx = context_of(cases[i].share);
        assert_int_equal(gk_call_threads(ctx, kernel->id, GK_F32, &product), cases[i].product);
        assert_int_equal(gk_call_threads(ctx, kernel->id, GK_F32, &sums), cases[i].sums);
        gk_context_destroy(ctx);
    }
    assert_int_equal(gk_context_create(&one, &(gk_options){.threads = 1, .serial_below = 1}), GK_OK);
    assert_int_equal(gk_call_threads(one, kernel->id, GK_F32, &product), 1);
    gk_context_destroy(one);
}

/* What each kernel asks for, but for what products need, whose plan says that: column sums a chunk a thread, 4096 reals and a
 * page, for more than eight vectors of columns, and the sums of a wave of 64 blocks at most where threads share rows; a loss
 * without the rows' one real a row, where these are wide; a mask a copy of dy, in rows of an odd number of lines, up to a page.
 */
static void scratch_by_hand_numbers(void **state) {
    static const struct {
        const char *kernel, *operands;
        enum gk_dtype dtype;
        size_t threads, n, d, m, c, want;
    } cases[] = {
        {"affine_db", "dy db", GK_F32, 1, 300, 0, 8, 0, 0},
        {"affine_db", "dy db", GK_F32, 1, 300, 0, 129, 0, 20480},
        {"affine_db", "dy db", GK_F64, 1, 300, 0, 129, 0, 36864},
        {"affine_db", "dy db", GK_F32, 2, 768, 0, 8, 0, 3 * 64 * 4},
        {"affine_db", "dy db", GK_F32, 2, 769, 0, 8, 0, 4 * 64 * 4},
        {"affine_db", "dy db", GK_F32, 3, 769, 0, 191, 0, 3 * 20480 + 4 * 192 * 4},
        {"affine_db", "dy db", GK_F32, 3, 769, 0, 192, 0, 3 * 20480},
        {"affine_db", "dy db", GK_F64, 2, 64 * 256, 0, 1, 0, 64 * 64 * 8},
        {"affine_db", "dy db", GK_F64, 2, 63 * 256, 0, 1, 0, 63 * 64 * 8},
        {"affine_db", "dy db", GK_F64, 2, 65 * 256, 0, 1, 0, 64 * 64 * 8},
        {"affine_db", "dy db", GK_F32, 5, 1000, 0, 300, 0, 5 * 20480 + 4 * 320 * 4},
        {"affine_db", "dy db", GK_F32, 5, 1000, 0, 320, 0, 5 * 20480},
        {"softmax_xent_forward", "x labels loss", GK_F32, 3, 10, 0, 0, 500, 40},
        {"softmax_xent_forward", "x labels loss p", GK_F64, 3, 10, 0, 0, 500, 80},
        {"softmax_xent_forward", "x labels loss row_loss", GK_F32, 3, 10, 0, 0, 500, 0},
        {"softmax_xent_forward", "x p", GK_F32, 3, 10, 0, 0, 500, 0},
        {"softmax_xent_forward", "x labels loss", GK_F32, 3, 10, 0, 0, 0, 0},
        {"softmax_xent", "x labels dx loss", GK_F32, 3, 10, 0, 0, 500, 40},
        {"softmax_xent", "x labels dx loss row_loss", GK_F32, 3, 10, 0, 0, 500, 0},
        {"softmax_xent", "x labels dx", GK_F32, 3, 10, 0, 0, 500, 0},
        {"affine_backward", "w dy dx", GK_F32, 1, 10, 7, 100, 0, 0},
        {"affine_backward", "w dy dx mask", GK_F32, 1, 10, 7, 100, 0, 8192}, /* 10 rows of 7 lines */
        {"affine_backward", "w dy dx mask", GK_F32, 2, 9, 7, 128, 0, 8192},
        {"affine_backward", "w dy dx mask", GK_F64, 1, 10, 7, 100, 0, 12288}, /* 13 lines */
        {"affine_backward", "w dy dx mask", GK_F32, 1, 21, 7, 48, 0, 4096},   /* 3 lines */
        {"affine_backward", "w dy dx mask", GK_F32, 1, 22, 7, 33, 0, 8192},
        {"affine_backward", "w dy dx mask", GK_F32, 1, 22, 7, 0, 0, 0},
        {"affine_backward", "dy db mask", GK_F32, 1, 1, 7, 300, 0, 4096 + 20480},
        {"affine_backward", "dy db", GK_F32, 3, 1000, 7, 150, 0, 3 * 20480 + 4 * 192 * 4},
    };
    static const struct gk_caches caches = {32 << 10, 1 << 20, 16 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases * GK_ISA_COUNT; i++) {
        const size_t at = i / GK_ISA_COUNT, isa_index = i % GK_ISA_COUNT;
        const struct gk_isa *const isa = gk_isa_get(isa_index, cases[at].dtype);
        const struct gk_kernel *const kernel = gk_kernel_find(cases[at].kernel);
        const struct gk_cell *const cell = isa->cells[kernel->id];
        const size_t sizes[GK_DIM_COUNT] = {
            [GK_DIM_n] = cases[at].n, [GK_DIM_d] = cases[at].d, [GK_DIM_m] = cases[at].m, [GK_DIM_c] = cases[at].c};
        const union gk_any_args args = call_of(kernel, cases[at].operands, sizes);
        if (gk_isa_unusable(isa_index) || (cell->products && isa->lanes > 1)) continue;
        const size_t got = cell->scratch(&args, &(struct gk_machine){cases[at].threads, caches});
        if (got != cases[at].want)
            fail_msg("%s %s, case %zu: %zu bytes, not %zu", isa->name, kernel->name, at, got, cases[at].want);
    }
}

static void column_sums_in_registers(void **state) {
    const struct gk_kernel *const kernel = gk_kernel_find("affine_db");
    (void)state;
    for (size_t i = 0; i < 2 * GK_ISA_COUNT * GK_DTYPE_COUNT; i++) {
        const enum gk_dtype dtype = i % 2 ? GK_F64 : GK_F32;
        const struct gk_isa *const isa = gk_isa_get(i / 4, dtype);
        const size_t more = i / 2 % 2, sizes[GK_DIM_COUNT] = {[GK_DIM_n] = 300, [GK_DIM_m] = 8 * isa->lanes + more};
        const union gk_any_args args = call_of(kernel, "dy db", sizes);
        const size_t want = more ? 4096 + 4096 * gk_dtype_size(dtype) : 0;
        assert_int_equal(isa->cells[kernel->id]->scratch(&args, &(struct gk_machine){.threads = 1}), want);
    }
}

/* Rows of few classes: as much for each thread, room for 128 columns at least, or for all of a row's. */
static void scratch_of_short_rows(void **state) {
    static const struct gk_caches caches = {32 << 10, 1 << 20, 16 << 20};
    static const size_t classes[] = {1, 10, 128, 200};
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT * GK_DTYPE_COUNT * 4; i++) {
        const enum gk_dtype dtype = (enum gk_dtype)(i / GK_ISA_COUNT % GK_DTYPE_COUNT);
        const struct gk_isa *const isa = gk_isa_get(i % GK_ISA_COUNT, dtype);
        const struct gk_kernel *const kernel = gk_kernel_find("softmax_xent");
        const struct gk_cell *const cell = isa->cells[kernel->id];
        const size_t c = classes[i / GK_ISA_COUNT / GK_DTYPE_COUNT], element = dtype == GK_F64 ? 8 : 4;
        const size_t sizes[GK_DIM_COUNT] = {[GK_DIM_n] = 9, [GK_DIM_c] = c};
        const union gk_any_args args = call_of(kernel, "x labels dx loss", sizes);
        if (gk_isa_unusable(i % GK_ISA_COUNT) || isa->lanes == 1) continue;
        const size_t one = cell->scratch(&args, &(struct gk_machine){1, caches}) - 9 * element;
        assert_true(one >= (c < 128 ? 128 : c) * isa->lanes * element);
        assert_true(one % (isa->lanes * element) == 0);
        assert_int_equal(cell->scratch(&args, &(struct gk_machine){5, caches}), 9 * element + 5 * one);
    }
}

/* Products need their plan's for each thread, and a fused kernel what the larger of its parts needs, after its copy. */
static void scratch_of_products(void **state) {
    static const struct gk_caches usual = {32 << 10, 1 << 20, 16 << 20}, tiny = {1 << 10, 1 << 10, 1 << 10};
    static const size_t sizes[GK_DIM_COUNT] = {[GK_DIM_n] = 10, [GK_DIM_d] = 7, [GK_DIM_m] = 300};
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT * GK_KERNEL_COUNT * 4; i++) {
        const struct gk_isa *const isa = gk_isa_get(i / 4 / GK_KERNEL_COUNT, GK_F32);
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)(i / 4 % GK_KERNEL_COUNT));
        const struct gk_cell *const cell = isa->cells[kernel->id];
        const struct gk_machine machine = {i % 2 ? 3 : 1, i & 2 ? usual : tiny};
        const bool fused = strcmp(kernel->name, "affine_backward") == 0;
        const union gk_any_args args = call_of(kernel, "x w b y dy dx dw db mask", sizes);
        struct gk_gemm_shape shapes[GK_PRODUCTS_MAX];
        if (gk_isa_unusable(i / 4 / GK_KERNEL_COUNT) || !cell->products) continue;
        assert_int_equal(cell->products(&args, shapes), fused ? 2 : 1);
        const struct gk_gemm_plan plan = gk_gemm_plan(isa->tile, shapes, machine.threads, &machine.caches);
        const size_t products = machine.threads * plan.scratch, sums = machine.threads * 20480;
        const size_t more = fused && sums > products ? sums : products;
        assert_int_equal(cell->scratch(&args, &machine), more + (fused ? 3 * 4096 : 0)); /* 10 rows of 19 lines */
    }
}

static void scratch_grows_by_huge_pages(void **state) {
    gk_context *const ctx = context_of(0);
    (void)state;
    assert_true(ctx->scratch == NULL && ctx->scratch_bytes == 0);
    char *const first = gk_context_scratch(ctx, 1);
    assert_true(first == ctx->scratch && (uintptr_t)first % HUGE_PAGE == 0);
    assert_int_equal(ctx->scratch_bytes, HUGE_PAGE);
    memset(first, 1, HUGE_PAGE);
    assert_ptr_equal(gk_context_scratch(ctx, HUGE_PAGE), first);
    assert_ptr_equal(gk_context_scratch(ctx, 7), first);
    assert_int_equal(ctx->scratch_bytes, HUGE_PAGE);
    char *const grown = gk_context_scratch(ctx, HUGE_PAGE + 1);
    assert_true(grown == ctx->scratch && (uintptr_t)grown % HUGE_PAGE == 0);
    assert_int_equal(ctx->scratch_bytes, 2 * HUGE_PAGE);
    memset(grown, 1, 2 * HUGE_PAGE);
    assert_non_null(gk_context_scratch(ctx, 3 * (size_t)HUGE_PAGE));
    assert_int_equal(ctx->scratch_bytes, 3 * HUGE_PAGE);
    /* what cannot be had changes nothing */
    char *const kept = ctx->scratch;
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - HUGE_PAGE, PTRDIFF_MAX, PTRDIFF_MAX - HUGE_PAGE + 1, PTRDIFF_MAX / 2};
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        assert_null(gk_context_scratch(ctx, absurd[i]));
        assert_true(ctx->scratch == kept && ctx->scratch_bytes == 3 * (size_t)HUGE_PAGE);
    }
    gk_context_trim(ctx);
    assert_true(ctx->scratch == NULL && ctx->scratch_bytes == 0);
    assert_non_null(gk_context_scratch(ctx, 1));
    assert_int_equal(ctx->scratch_bytes, HUGE_PAGE);
    gk_context_destroy(ctx);
}

/* Whether the mapping that holds an address asks for huge pages; -1: this system does not tell. */
static int asks_for_huge_pages(const void *address) {
    FILE *const maps = fopen("/proc/self/smaps", "r");
    char line[1024];
    bool inside = false;
    int asks = -1;
    while (maps && asks < 0 && fgets(line, sizeof line, maps)) {
        uintptr_t begin, end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) == 2)
            inside = (uintptr_t)address >= begin && (uintptr_t)address < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0) asks = strstr(line, " hg") != NULL;
    }
    if (maps) fclose(maps);
    return asks;
}

static void scratch_asks_for_huge_pages(void **state) {
    void *const other = aligned_alloc(HUGE_PAGE, HUGE_PAGE);
    gk_context *const ctx = context_of(0);
    (void)state;
    assert_true(other && gk_context_scratch(ctx, 1));
    const bool can = madvise(other, HUGE_PAGE, MADV_HUGEPAGE) == 0;
    const int usual = asks_for_huge_pages(other);
    if (!can || usual < 1) printf("skipped: this system has no huge pages, or does not tell\n");
    else assert_int_equal(asks_for_huge_pages(ctx->scratch), 1);
    gk_context_destroy(ctx);
    free(other);
}

/* One context, each kernel in shapes that need more scratch space, the most, and less again: the bits of ref. */
static void growing_shapes_in_one_context(void **state) {
    enum { SHAPES = 4, CONTEXTS = 2 * GK_ISA_COUNT };
    static const size_t shapes[SHAPES][4] = {{40, 30, 20, 10}, {300, 70, 600, 130}, {1100, 9, 2100, 500}, {50, 30, 20, 10}};
    gk_context *const ref = gb_context(0, 1), *contexts[CONTEXTS] = {NULL};
    (void)state;
    for (size_t i = 0; i < CONTEXTS; i++)
        if (!gk_isa_unusable(i / 2)) contexts[i] = gb_context(i / 2, i % 2 ? 3 : 1);
    for (int i = 0; i < SHAPES * GK_KERNEL_COUNT; i++) {
        const size_t *const s = shapes[i % SHAPES];
        const enum gk_kernel_id kernel = (enum gk_kernel_id)(i / SHAPES);
        const struct gb_problem_spec spec = {.kernel = kernel, .n = s[0], .d = s[1], .m = s[2], .c = s[3], .seed = 3};
        struct gb_problem got, want;
        struct gb_difference d;
        assert_true(gb_problem_create(&got, &spec) && gb_problem_create(&want, &spec));
        assert_int_equal(gb_problem_call(&want, ref), GK_OK);
        for (size_t c = 0; c < CONTEXTS; c++) {
            if (!contexts[c]) continue;
            gb_problem_reset(&got);
            assert_int_equal(gb_problem_call(&got, contexts[c]), GK_OK);
            if (!gb_problem_equal(&got, &want, &d))
                fail_msg("%s %s, shape %d: %s[%zu][%zu]", got.kernel->name, gk_context_isa(contexts[c]), i % SHAPES, d.operand,
                         d.row, d.col);
        }
        gb_problem_destroy(&got);
        gb_problem_destroy(&want);
    }
    gb_close_contexts(contexts, CONTEXTS);
    gk_context_destroy(ref);
}

static void inspect(struct gk_context_info *info, const gk_options *options) {
    gk_context *ctx;
    assert_int_equal(gk_context_create(&ctx, options), GK_OK);
    gk_context_inspect(ctx, info);
    gk_context_destroy(ctx);
}

static void an_inspection_tells_all(void **state) {
    const size_t widest = gb_widest_isa();
    const struct gk_topology *const t = gk_topology_get();
    struct gk_context_info info;
    (void)state;
    inspect(&info, NULL);
    assert_int_equal(info.isa, widest);
    assert_string_equal(info.isa_rule, "the widest that this CPU runs");
    assert_true(info.threads >= 1 && info.threads <= t->cores && info.ran == 0);
    assert_memory_equal(&info.caches, &t->caches, sizeof info.caches);
    inspect(&info, &(gk_options){.isa = "ref", .threads = 3});
    assert_int_equal(info.isa, 0);
    assert_int_equal(info.threads, 3);
    assert_string_equal(info.isa_rule, "asked for");
    assert_string_equal(info.threads_rule, "asked for");
    setenv("GRADKERN_ISA", "ref", 1);
    setenv("OMP_NUM_THREADS", "7", 1);
    inspect(&info, NULL);
    assert_int_equal(info.isa, 0);
    assert_int_equal(info.threads, 7);
    assert_string_equal(info.isa_rule, "GRADKERN_ISA");
    assert_string_equal(info.threads_rule, "OMP_NUM_THREADS");
    unsetenv("GRADKERN_ISA");
    unsetenv("OMP_NUM_THREADS");

    static const struct gk_caches small = {.l1d = 1, .l2 = 2, .l3 = 3};
    gk_context *const ctx = context_of(1);
    float x[64] = {1}, y[64];
    gk_context_set_caches(ctx, small);
    assert_int_equal(gk_relu_forward(ctx, &(gk_relu_forward_args){.n = 4, .d = 16, .x = x, .y = y}), GK_OK);
    gk_context_inspect(ctx, &info);
    assert_memory_equal(&info.caches, &small, sizeof small);
    assert_true(info.ran >= 1 && info.ran <= THREADS);
    assert_int_equal(gk_context_threads(ctx), THREADS);
    gk_context_destroy(ctx);
    gk_context *const usual = context_of(0);
    assert_int_equal(gk_relu_forward(usual, &(gk_relu_forward_args){.n = 4, .d = 16, .x = x, .y = y}), GK_OK);
    gk_context_inspect(usual, &info);
    assert_int_equal(info.ran, 1);
    gk_context_destroy(usual);
    assert_int_equal(gk_context_threads(NULL), 0);
    assert_string_equal(gk_context_isa(NULL), "");
}

static void statuses_have_their_words(void **state) {
    static const char *const words[GK_STATUS_COUNT + 1] = {
        "success",
        "a required pointer is NULL",
        "a size overflows",
        "a leading dimension is smaller than its row",
        "an option has no such value, options exclude each other, no output is wanted, or reserved is not 0",
        "an output overlaps another operand",
        "a label is neither a class nor ignore_index",
        "no memory",
        "no such instruction set, or this CPU cannot run it",
        "GRADKERN_ISA or OMP_NUM_THREADS has a value that makes no sense",
        "unknown status",
    };
    (void)state;
    for (int i = 0; i <= GK_STATUS_COUNT; i++) assert_string_equal(gk_status_string((gk_status)i), words[i]);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_work_decides_on_threads),   cmocka_unit_test(the_option_decides_on_threads),
        cmocka_unit_test(scratch_by_hand_numbers),       cmocka_unit_test(column_sums_in_registers),
        cmocka_unit_test(scratch_of_short_rows),         cmocka_unit_test(scratch_of_products),
        cmocka_unit_test(scratch_grows_by_huge_pages),   cmocka_unit_test(scratch_asks_for_huge_pages),
        cmocka_unit_test(growing_shapes_in_one_context), cmocka_unit_test(an_inspection_tells_all),
        cmocka_unit_test(statuses_have_their_words),
    };
    (void)argc;
    unsetenv("GRADKERN_ISA");
    unsetenv("OMP_NUM_THREADS");
    gb_wait_passively(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
