/* The plan of a product: some shape reaches each way and each choice, on every isa that was compiled (on any CPU, for the plan
 * is pure); its parts cover the product and fit into its scratch; and products that run do what their plan says. */
#include <inttypes.h>

#include "core/team.h"
#include "problem.h"
#include "support.h"
#include "support_file.h"

/* What a plan may say, one bit each. */
#define FOR_EACH_CHOICE(X)                                                                                                     \
    X(empty, p->way == GK_GEMM_EMPTY)                                                                                          \
    X(reference, p->way == GK_GEMM_REFERENCE)                                                                                  \
    X(shallow, p->way == GK_GEMM_SHALLOW && !p->packs_b)                                                                       \
    X(shallow_packed, p->way == GK_GEMM_SHALLOW && p->packs_b)                                                                 \
    X(shallow_streams, p->way == GK_GEMM_SHALLOW && p->streams)                                                                \
    X(dot, p->way == GK_GEMM_DOT && !p->transposed)                                                                            \
    X(dot_transposed, p->way == GK_GEMM_DOT && p->transposed)                                                                  \
    X(thin_lines, p->way == GK_GEMM_THIN && !p->transposed && p->block_cols == t->lanes)                                       \
    X(thin_columns, p->way == GK_GEMM_THIN && !p->transposed && p->block_cols > t->lanes)                                      \
    X(thin_transposed, p->way == GK_GEMM_THIN && p->transposed)                                                                \
    X(tiny, p->way == GK_GEMM_TINY && !p->packs_b)                                                                             \
    X(tiny_packed, p->way == GK_GEMM_TINY && p->packs_b)                                                                       \
    X(blocked, p->way == GK_GEMM_BLOCKED && !p->transposed)                                                                    \
    X(blocked_transposed, p->way == GK_GEMM_BLOCKED && p->transposed)                                                          \
    X(packs_b, p->way == GK_GEMM_BLOCKED && p->packs_b)                                                                        \
    X(b_in_place, p->way == GK_GEMM_BLOCKED && !p->packs_b)                                                                    \
    X(packs_strips, p->packs_strips)                                                                                           \
    X(streams, p->way == GK_GEMM_BLOCKED && p->streams)                                                                        \
    X(rest, p->rest > 0)                                                                                                       \
    X(some_blocks, p->way == GK_GEMM_BLOCKED && p->cols > p->block_cols * p->across)                                           \
    X(low_tiles, p->way == GK_GEMM_BLOCKED && p->tile_rows < t->rows)                                                          \
    X(threads_down, p->down > 1 && p->across == 1)                                                                             \
    X(threads_across, p->down == 1 && p->across > 1)                                                                           \
    X(threads_both, p->down > 1 && p->across > 1)

#define BIT(name, condition) BIT_##name,
enum { FOR_EACH_CHOICE(BIT) CHOICES };
#define NAME(name, condition) #name,
static const char *const names[] = {FOR_EACH_CHOICE(NAME)};

static unsigned choices_of(const struct gk_gemm_tile *t, const struct gk_gemm_plan *p) {
#define VALUE(name, condition) | (unsigned)(condition) << BIT_##name
    return 0 FOR_EACH_CHOICE(VALUE);
}

/* Those that an isa with such tiles makes. */
static unsigned expected(const struct gk_gemm_tile *t) {
    const unsigned plain = 1u << BIT_empty | 1u << BIT_reference | 1u << BIT_threads_down | 1u << BIT_threads_across;
    const unsigned never = 1u << BIT_reference | (t->rows < 8 ? 1u << BIT_low_tiles : 1u << BIT_packs_strips);
    return t->lanes == 1 ? plain : ((1u << CHOICES) - 1) & ~never;
}

/* Each element belongs to one thread, whose columns begin where vectors do. */
static void assert_covered(const struct gk_gemm_plan *p) {
    size_t elements = 0, row = 0, col = 0;
    for (size_t rank = 0; rank < p->down * p->across; rank++) {
        const struct gk_gemm_share s = gk_gemm_share(p, rank);
        elements += (s.rows.end - s.rows.begin) * (s.cols.end - s.cols.begin);
        assert_true(s.cols.begin % p->unit == 0 || s.cols.begin == p->cols);
        assert_true(rank % p->across ? s.cols.begin == col && s.rows.begin == row : s.cols.begin == 0);
        row = s.rows.begin, col = s.cols.end;
    }
    assert_int_equal(elements, p->rows * p->cols);
}

static void assert_fits(const struct gk_gemm_tile *t, const struct gk_gemm_shape *s, const struct gk_gemm_plan *p) {
    const size_t has = p->scratch / t->real, widest = p->strips / (GK_GEMM_BLOCKS_TOGETHER * t->panel) * t->cols;
    assert_true(p->way == GK_GEMM_EMPTY || p->block_cols > 0);
    if (t->lanes == 1) return;
    assert_true(p->scratch % 4096 == 0 && p->tile_rows <= t->rows && p->rest <= GK_GEMM_THIN_ROWS);
    if (p->way == GK_GEMM_SHALLOW) assert_true(s->k * p->block_cols <= has);
    if (p->way == GK_GEMM_THIN || p->rest) assert_true(GK_GEMM_THIN_SUMS <= has);
    if (p->way == GK_GEMM_TINY) assert_true(gk_ceil_div(p->cols, t->cols) * t->panel <= has);
    if (p->way != GK_GEMM_BLOCKED) return;
    assert_true(p->block_cols % t->cols == 0 && p->block_cols <= widest);
    assert_true(p->strips + t->strips_together * t->strip <= p->sums);
    assert_true(p->sums + t->strips_together * t->rows * p->block_cols <= has);
}

/* The number of a shape spells its options. */
static unsigned plan_one(const struct gk_gemm_tile *t, size_t rows, size_t cols, size_t k, unsigned options) {
    static const size_t threads[] = {1, 2, 6, 7};
    static const struct gk_caches caches[] = {{32 << 10, 1 << 20, 32 << 20}, {4 << 10, 16 << 10, 64 << 10}};
    const bool a_along_k = options & 1, b_along_k = options & 2, far = options & 4, shifted = options & 8;
    const size_t ld_a = a_along_k ? k : rows, ld_b = b_along_k ? k : cols;
    const struct gk_gemm_shape s = {.rows = rows,
                                    .cols = cols,
                                    .k = k,
                                    .a = {far ? gk_ceil_div(ld_a, 1024) * 1024 : ld_a, a_along_k},
                                    .b = {far ? gk_ceil_div(ld_b, 1024) * 1024 : ld_b, b_along_k},
                                    .c = (const void *)(uintptr_t)(shifted ? t->real : 0),
                                    .ldc = cols,
                                    .accumulate = options & 16};
    const struct gk_gemm_plan p = gk_gemm_plan(t, &s, threads[options >> 5 & 3], &caches[options >> 7]);
    assert_true(p.down * p.across == threads[options >> 5 & 3]);
    assert_true(p.rows == (p.transposed ? cols : rows) && p.cols == (p.transposed ? rows : cols));
    assert_covered(&p);
    assert_fits(t, &s, &p);
    return choices_of(t, &p);
}

static void every_choice(void **state) {
    static const size_t sizes[] = {0, 1, 3, 4, 7, 20, 33, 64, 130, 600, 1100};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT * GK_DTYPE_COUNT; i++) {
        const struct gk_isa *const isa = gk_isa_get(i / GK_DTYPE_COUNT, (enum gk_dtype)(i % GK_DTYPE_COUNT));
        unsigned reached = 0;
        for (size_t shape = 0; shape < SIZES * SIZES * SIZES; shape++)
            for (unsigned options = 0; options < 256; options++)
                reached |= plan_one(isa->tile, sizes[shape % SIZES], sizes[shape / SIZES % SIZES], sizes[shape / SIZES / SIZES],
                                    options);
        for (unsigned bit = 0; bit < CHOICES; bit++)
            if ((reached ^ expected(isa->tile)) >> bit & 1)
                fail_msg("%s, %zu bytes: %s is %sreached", isa->name, isa->tile->real, names[bit],
                         reached >> bit & 1 ? "" : "not ");
    }
}

/* The parts of a thread's scratch, each with whether the plan has something written there. */
static unsigned follow(const struct gk_isa *isa, const struct gb_problem *problem, const struct gk_caches *caches) {
    const struct gk_cell *const cell = isa->cells[problem->spec.kernel];
    const struct gk_machine machine = {1, *caches};
    struct gk_gemm_shape s;
    assert_int_equal(cell->products(problem->args, &s), 1);
    const struct gk_gemm_plan p = gk_gemm_plan(isa->tile, &s, 1, caches);
    const size_t bytes = cell->scratch(problem->args, &machine), strips = p.strips * isa->tile->real,
                 sums = p.sums * isa->tile->real;
    assert_int_equal(bytes, p.scratch);
    unsigned char *const scratch = aligned_alloc(4096, bytes + 4096);
    assert_non_null(scratch);
    memset(scratch, 0xa5, bytes + 4096);
    cell->run(problem->args, &(struct gk_team){.size = 1, .scratch = scratch, .caches = caches});
    const size_t cuts[] = {0, strips, sums, bytes, bytes + 4096};
    const bool writes[] = {p.packs_b || p.rest || (p.way == GK_GEMM_THIN && p.block_cols > isa->tile->lanes), p.packs_strips,
                           p.way == GK_GEMM_BLOCKED && p.streams && s.k > GK_KB, false};
    for (size_t part = 0; part < 4; part++) {
        bool written = false;
        for (size_t i = cuts[part]; i < cuts[part + 1] && !written; i++) written = scratch[i] != 0xa5;
        if (written != writes[part] && !(part == 0 && p.rest))
            fail_msg("%s, %s %zu x %zu x %zu: part %zu of the scratch is %swritten", isa->name, gk_gemm_way_name(p.way), p.rows,
                     p.cols, s.k, part, written ? "" : "not ");
    }
    free(scratch);
    return choices_of(isa->tile, &p);
}

static void execution_follows(void **state) {
    static const size_t dims[][3] = {{3, 70, 40},    {10, 6, 5},      {1, 300, 200},  {100, 50, 10},
                                     {300, 200, 96}, {64, 600, 128},  {128, 64, 600}, {600, 1024, 130},
                                     {5, 1024, 300}, {130, 1024, 64}, {100, 3, 40},   {600, 30, 2}};
    static const struct gk_caches caches[] = {{32 << 10, 1 << 20, 32 << 20}, {4 << 10, 16 << 10, 16 << 10}};
    static const enum gk_kernel_id kernels[] = {GK_KERNEL_affine_forward, GK_KERNEL_affine_dx, GK_KERNEL_affine_dw};
    const unsigned threaded = 1u << BIT_threads_down | 1u << BIT_threads_across | 1u << BIT_threads_both;
    (void)state;
    for (size_t isa = 1; isa < GK_ISA_COUNT; isa++) {
        const char *const reason = gk_isa_unusable(isa);
        unsigned seen = 1u << BIT_empty;
        if (reason) printf("skipped: isa %s: %s\n", gk_isa_get(isa, GK_F32)->name, reason);
        for (size_t i = 0; i < sizeof dims / sizeof *dims * 3 * 8 && !reason; i++) {
            const size_t *const d = dims[i / 24];
            struct gb_problem problem;
            const struct gb_problem_spec spec = {.kernel = kernels[i / 8 % 3],
                                                 .dtype = i & 1 ? GK_F64 : GK_F32,
                                                 .n = d[0],
                                                 .d = d[1],
                                                 .m = d[2],
                                                 .layout = i & 2 ? GK_OUT_IN : GK_IN_OUT};
            assert_true(gb_problem_create(&problem, &spec));
            seen |= follow(gk_isa_get(isa, spec.dtype), &problem, &caches[i >> 2 & 1]);
            gb_problem_destroy(&problem);
        }
        for (unsigned bit = 0; bit < CHOICES && !reason; bit++)
            if ((seen ^ (expected(gk_isa_get(isa, GK_F32)->tile) & ~threaded)) >> bit & 1)
                fail_msg("%s: %s did not run", gk_isa_get(isa, GK_F32)->name, names[bit]);
    }
}

/* The next of some numbers that have no pattern, below `below`. */
static size_t draw(uint64_t *state, size_t below) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    return (size_t)((x ^ x >> 31) >> 11) % below;
}

/* The isas' and the choice's own edges, and around them. */
static size_t draw_size(uint64_t *state) {
    static const size_t sizes[] = {0,   1,   2,   3,   4,    5,    6,    7,    8,    9,    12,   13,   15,   16,
                                   17,  24,  25,  31,  32,   33,   36,   37,   48,   49,   63,   64,   65,   96,
                                   97,  127, 128, 129, 130,  192,  95,   11,   20,   22,   99,   255,  256,  257,
                                   258, 511, 512, 600, 1023, 1024, 1025, 1100, 2047, 2048, 2049, 2304, 4096, 4097};
    return sizes[draw(state, sizeof sizes / sizeof *sizes)];
}

static struct gk_gemm_lines draw_lines(uint64_t *state, size_t along_k, size_t along_outputs) {
    const bool k = draw(state, 2);
    const size_t row = k ? along_k : along_outputs, units[] = {1, 1, 3, 16, 1024};
    const size_t unit = units[draw(state, sizeof units / sizeof *units)];
    return (struct gk_gemm_lines){gk_ceil_div(row, unit) * unit, k};
}

/* Caches, often just large enough, or too small, for what the choice compares with them: the lines of a or b of a block of k,
 * and all of c. */
static struct gk_caches draw_caches(uint64_t *state, const struct gk_gemm_tile *t, const struct gk_gemm_shape *s) {
    static const size_t l2[] = {4 << 10, 16 << 10, 48 << 10, 256 << 10, (1 << 20) - 1, 1 << 20, 1280 << 10};
    const size_t line = draw(state, 2) ? s->a.ld : s->b.ld, lines = line * gk_min(s->k, GK_KB) * t->real;
    const size_t fits[] = {2 * lines - 1, 2 * lines, 8 * lines - 1, 8 * lines};
    const size_t c = 2 * s->rows * s->cols * t->real, l3[] = {16 << 20, 64 << 10, c - 1, c, c + 1, c + 2};
    return (struct gk_caches){32 << 10, draw(state, 2) && lines ? fits[draw(state, 4)] : l2[draw(state, 7)],
                              l3[draw(state, c ? 6 : 2)]};
}

static void add(uint64_t *hash, uint64_t value) { *hash = (*hash ^ value) * 0x100000001b3u; }

/* Where one of these lines differs, the product is computed in another way for some shape. If that is meant, UPDATE_TEXTS=1
 * writes the file, and the commit shows what it is faster for. */
static void plans_are_the_known_ones(void **state) {
    enum { DRAWN = 60000 };
    static const size_t threads[] = {1, 1, 1, 2, 3, 6, 7, 8, 64};
    char text[8192] =
        "# How products are computed, by isa, type and way: how many of 60,000 drawn ones, and a hash of their plans.\n";
    (void)state;
    for (size_t i = 0; i < GK_ISA_COUNT * GK_DTYPE_COUNT; i++) {
        const struct gk_isa *const isa = gk_isa_get(i / GK_DTYPE_COUNT, (enum gk_dtype)(i % GK_DTYPE_COUNT));
        const struct gk_gemm_tile *const t = isa->tile;
        uint64_t seed = 1, hashes[GK_GEMM_WAYS] = {0};
        unsigned counts[GK_GEMM_WAYS] = {0};
        for (unsigned drawn = 0; drawn < DRAWN; drawn++) {
            struct gk_gemm_shape s = {.rows = draw_size(&seed), .cols = draw_size(&seed), .k = draw_size(&seed)};
            s.a = draw_lines(&seed, s.k, s.rows), s.b = draw_lines(&seed, s.k, s.cols);
            s.c = (const void *)(draw(&seed, 3) * t->lanes / 2 * t->real), s.ldc = s.cols + draw(&seed, 2) * draw(&seed, 17);
            s.accumulate = draw(&seed, 3) == 0;
            const struct gk_caches caches = draw_caches(&seed, t, &s);
            const struct gk_gemm_plan p = gk_gemm_plan(t, &s, threads[draw(&seed, 9)], &caches);
            const size_t told[] = {p.transposed, p.rows,    p.cols,         p.down,    p.across, p.unit, p.block_cols, p.rest,
                                   p.tile_rows,  p.packs_b, p.packs_strips, p.streams, p.strips, p.sums, p.scratch};
            for (size_t j = 0; j < sizeof told / sizeof *told; j++) add(&hashes[p.way], told[j]);
            counts[p.way]++;
        }
        for (size_t way = 0; way < GK_GEMM_WAYS; way++)
            if (counts[way])
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s %s %s %u %016" PRIx64 "\n", isa->name,
                         gk_dtype_name((enum gk_dtype)(i % GK_DTYPE_COUNT)), gk_gemm_way_name((enum gk_gemm_way)way),
                         counts[way], hashes[way]);
    }
    assert_text_of_file(TEST_DATA_DIR "/plans.txt", text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_choice),
        cmocka_unit_test(execution_follows),
        cmocka_unit_test(plans_are_the_known_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
