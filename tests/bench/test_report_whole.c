/* Whole reports of a run that is made by hand, byte by byte, at each width: what tests/data/report holds has been read, and its
 * numbers computed, by hand. */
#include "report_table.h"
#include "support.h"
#include "support_file.h"

enum { ROUNDS = 7, THREADS = 3, OWN = 9, VARIANTS = 13, RUN = 7, PLANNED = 9, ROOFS = 6 };

static const size_t threads_of[VARIANTS] = {1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 4, 1, 4};
static const char *const names[] = {"ref", "narrow", "widest", "blis", "a-longer-peer-name@setting"};

/* Problems: what they are, the noise, and whether one variant ran twice. */
static const struct {
    const char *kernel, *dtype, *workload, *title, *text;
    double flops, footprint;
    bool products, twice;
    double noise;
    struct gb_pair pair;
} problems[PLANNED] = {
    {"affine_forward",
     "f32",
     "net:fc",
     "affine n=256 d=768 m=512",
     "affine_forward n=256 d=768 m=512 dtype=f32",
     201457664,
     2885632,
     true,
     true,
     0.02,
     {ROUNDS, 1.004, 0.99, 1.02, false}},
    {"affine_dx",
     "f32",
     "net:fc",
     "affine n=256 d=768 m=512",
     "affine_dx n=256 d=768 m=512 dtype=f32",
     201326592,
     2883584,
     true,
     true,
     0.01,
     {ROUNDS, 0.998, 0.994, 1.01, false}},
    {"affine_dx",
     "f64",
     "net:fc",
     "affine n=256 d=768 m=512",
     "affine_dx n=256 d=768 m=512 dtype=f64",
     201326592,
     5767168,
     true,
     true,
     0.04,
     {ROUNDS, 0.98, 0.9615, 1.03, false}},
    {"affine_db",
     "f32",
     "net:fc",
     "affine n=256 d=768 m=512",
     "affine_db n=256 m=512 dtype=f32",
     999,
     1023,
     false,
     true,
     0.03,
     {ROUNDS, 1.001, 0.971, 1.03, false}},
    {"relu_forward",
     "f32",
     "tiny-but-of-a-rather-long-name",
     "relu n=64 d=1000",
     "relu_forward n=64 d=1000 dtype=f32",
     64000,
     520192,
     false,
     true,
     0.005,
     {ROUNDS, 1, 0.996, 1.005, false}},
    {"softmax_xent_backward",
     "f32",
     "other:loss",
     "softmax_xent n=32 c=50257",
     "softmax_xent_backward n=32 c=50257 dtype=f32",
     8041120,
     12867328,
     false,
     true,
     0.04,
     {ROUNDS, 1.012, 0.967, 1.0345, false}},
    {"softmax_xent",
     "f32",
     "other:loss",
     "softmax_xent n=32 c=50257 labels=dense",
     "softmax_xent n=32 c=50257 dtype=f32 labels=dense",
     12865792,
     19299200,
     false,
     false,
     0,
     {0}},
    {"softmax_xent_forward",
     "f64",
     "last:loss",
     "softmax_xent n=2 c=3",
     "softmax_xent_forward n=2 c=3 dtype=f64",
     1,
     1,
     false,
     false,
     0,
     {0}},
    {"softmax_xent_forward",
     "f32",
     "last:loss",
     "softmax_xent n=2 c=3",
     "softmax_xent_forward n=2 c=3 dtype=f32",
     1,
     1,
     false,
     false,
     0,
     {0}},
};

/* ns a call. */
static const double times[RUN][VARIANTS] = {
    {9, 9, 9, 4e6, 2.1e6, 1.1e6, 2e6, 1.05e6, 0.55e6, 1.8e6, 0.6e6, 2.4e6, 0.5e6},
    {99.94e6, 50.4e6, 26e6, 4.2e6, 2.2e6, 1.2e6, 2.2e6, 1.15e6, 999.6e3, 3e6, 1.1e6, 2.5e6, 1.5e6},
    {120e6, 61e6, 32e6, 8.4e6, 9, 2.4e6, 4.6e6, 2.3e6, 2.5e6, 9, 9, 9, 9},
    {434, 440, 446, 188, 204, 206, 207, 190, 206.5, 100, 110, 150, 160},
    {64e3, 33e3, 17e3, 9000, 5000, 3000, 8000, 4600, 2600, 9, 9, 9, 9},
    {5e6, 2.6e6, 1.4e6, 900e3, 9, 9, 800e3, 410e3, 230e3, 9, 9, 400e3, 100e3},
    {7e6, 3.6e6, 1.9e6, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9},
};

struct whole {
    struct gb_result result;
    struct gb_result_variant variants[VARIANTS];
    struct gb_result_problem problems[PLANNED];
    struct gb_result_null nulls[PLANNED];
    struct gb_result_row rows[PLANNED][VARIANTS];
    double samples[RUN][VARIANTS][ROUNDS];
    char labels[VARIANTS][64];
    struct gb_result_roof roofs[ROOFS + 1]; /* one behind the last */
    struct gb_result_peer peers[3];
    const char *warnings[3];
};

/* Samples within 2 % of the median, in an order of their own, so that each ratio has an interval of its own. */
static void set_time(struct whole *w, size_t k, size_t i, double ns) {
    static const double wobble[ROUNDS] = {0, 0.01, -0.01, 0.02, -0.02, 0.005, -0.005};
    struct gb_result_row *const r = &w->rows[k][i];
    for (size_t round = 0; round < ROUNDS; round++) w->samples[k][i][round] = ns * (1 + wobble[round * (1 + i % 5) % ROUNDS]);
    r->state = GB_STATE_TIMED;
    r->verified = "full";
    r->samples = w->samples[k][i];
    r->n_samples = ROUNDS;
    r->summary = (struct gb_summary){ROUNDS, ns, ns * 0.98, ns * 1.02, ns * 0.98};
    r->gflops = problems[k].flops / ns;
    r->gbps = problems[k].footprint / ns;
    r->share = (struct gb_share){"fma", 0.5 + 0.01 * (double)i, GB_LEVEL_L2};
    if (!w->variants[i].peer) r->threads_asked = r->threads;
    r->threads_used = r->threads;
}

static void set_state(struct whole *w, size_t k, size_t first, size_t last, enum gb_state state, const char *failure) {
    for (size_t i = first; i <= last; i++) {
        w->rows[k][i].state = state;
        w->rows[k][i].failure = failure;
    }
}

static void set_used(struct whole *w, size_t k, size_t i, size_t asked, size_t used) {
    w->rows[k][i].threads_asked = asked;
    w->rows[k][i].threads_used = used;
}

/* What is special, a problem after the other. */
static void set_cells(struct whole *w) {
    set_state(w, 0, 0, 2, GB_STATE_NOT_TIMED, NULL);
    w->rows[0][5].verified = w->rows[0][8].verified = "sampled";
    w->rows[0][10].note = "a way of its own";
    w->rows[1][5].summary.low = 2, w->rows[1][5].summary.min = 1; /* the median says who is the fastest */
    w->rows[1][8].summary.high = 9e9;
    w->rows[3][3].summary.high = 300;
    w->rows[1][8].share = (struct gb_share){"fma", 0.937, GB_LEVEL_L2};
    set_state(w, 2, 4, 4, GB_STATE_FAILED, "dx[1][2] is 3, but 4 in ref");
    set_state(w, 2, 9, 9, GB_STATE_NOT_TIMED, NULL);
    set_state(w, 2, 10, 10, GB_STATE_GONE, "it hung");
    set_state(w, 2, 11, 11, GB_STATE_FAILED, "dx[0][0] is 1, but ours is 2");
    set_state(w, 2, 12, 12, GB_STATE_UNFIT, NULL);
    set_used(w, 2, 8, 2, 2); /* it asked for no more */
    for (size_t i = 0; i < VARIANTS; i++) w->rows[3][i].share = (struct gb_share){"chain", 0.3, GB_LEVEL_L2};
    for (size_t i = 3; i < OWN; i++) set_used(w, 3, i, i == 8 ? 2 : 1, i == 8 ? 2 : 1);
    for (size_t i = 0; i < OWN; i++) w->rows[4][i].share = (struct gb_share){"memory", 0.3 + 0.06 * (double)i, GB_LEVEL_L2};
    set_used(w, 4, 8, 4, 3); /* the system had no more */
    set_state(w, 4, 9, 12, GB_STATE_UNFIT, NULL);
    w->rows[5][8].share = (struct gb_share){"cache", 0, GB_LEVEL_MEMORY};
    set_state(w, 5, 4, 5, GB_STATE_SKIPPED, NULL);
    set_state(w, 5, 9, 9, GB_STATE_GONE, "");
    set_state(w, 5, 10, 10, GB_STATE_GONE, "it crashed: signal 11, and its last words were that it was sorry");
    set_state(w, 6, 3, 8, GB_STATE_FAILED, "dx[3][4] is NaN, but 0.5 in ref");
    w->rows[6][2].share = (struct gb_share){"memory", 0.004, GB_LEVEL_MEMORY};
    set_state(w, 6, 9, 12, GB_STATE_SKIPPED, NULL);
}

static void set_context(struct whole *w) {
    struct gb_result_context *const c = &w->result.context;
    *c = (struct gb_result_context){.cpu = "a cpu", .isa = "widest", .cores = 4, .threads = 4, .numerics = 3, .seed = 17};
    c->version = "1.2.3", c->revision = "abcdef", c->compiler = "gcc 12.2.0",
    c->topology = "a cpu, 4 cores, L1d 48 KiB, L2 1.0 MiB, L3 32 MiB, 1 NUMA node";
    w->peers[0] = (struct gb_result_peer){"blis", "run blis",
                                          "BLIS 0.9 of a vendor, for a core of a kind, on 4 threads by OpenMP", NULL, false};
    w->peers[1] = (struct gb_result_peer){"absent", "run absent", NULL, "install it by hand, from where it comes from", true};
    w->peers[2] = (struct gb_result_peer){"silent", "run silent", NULL, "nobody asked", false};
    w->warnings[0] = "the governor is powersave",
    w->warnings[1] = "no huge pages: what is larger than a few MiB walks the tables of pages";
    c->peers = w->peers, c->n_peers = 3;
    c->warnings = w->warnings, c->n_warnings = 2;
    c->roofs = w->roofs, c->n_roofs = ROOFS;
    for (size_t i = 0; i < ROOFS; i++) {
        w->roofs[i] = (struct gb_result_roof){i < 3 ? "ref" : "widest", "f32", threads_of[i], .fma = 10.05 * (double)(i + 1)};
        w->roofs[i].fma_latency = i < 3 ? 12.345 : 1.094, w->roofs[i].add_latency = i < 3 ? 1.1 : 0.825;
        for (int level = 0; level < GB_LEVEL_COUNT; level++) {
            const double base = 300 / (level + 1) * (double)(i % 3 + 1);
            w->roofs[i].at[level] = (struct gb_bandwidth){base, base / 2, base / 4, base / 8, base / 16};
        }
    }
    w->roofs[5].fma = 0; /* not measured */
    w->roofs[ROOFS] = (struct gb_result_roof){"behind", "f32", 8, .fma = 1};
    c->level_bytes[GB_LEVEL_L2] = 512 << 10, c->level_bytes[GB_LEVEL_L3] = 11 << 20,
    c->level_bytes[GB_LEVEL_MEMORY] = 256 << 20;
}

static void make(struct whole *w) {
    *w = (struct whole){
        .result = {.n_variants = VARIANTS, .n_own = OWN, .n_threads = THREADS, .names_types = true, .n_problems = PLANNED}};
    w->result.variants = w->variants;
    w->result.problems = w->problems;
    for (size_t i = 0; i < VARIANTS; i++) {
        const char *const name = names[i < OWN ? i / THREADS : 3 + (i - OWN) / 2];
        snprintf(w->labels[i], sizeof *w->labels, "%s, %zu thread%s", name, threads_of[i], threads_of[i] == 1 ? "" : "s");
        w->variants[i] = (struct gb_result_variant){name, w->labels[i], threads_of[i], i >= OWN, i < THREADS};
    }
    for (size_t k = 0; k < PLANNED; k++) {
        w->nulls[k] =
            (struct gb_result_null){problems[k].kernel, problems[k].dtype, problems[k].workload, "widest", 4, problems[k].pair};
        w->problems[k] = (struct gb_result_problem){.kernel = problems[k].kernel,
                                                    .dtype = problems[k].dtype,
                                                    .workload = problems[k].workload,
                                                    .title = problems[k].title,
                                                    .text = problems[k].text,
                                                    .flops = problems[k].flops,
                                                    .footprint = problems[k].footprint,
                                                    .products = problems[k].products,
                                                    .rows = w->rows[k],
                                                    .null = problems[k].twice ? &w->nulls[k] : NULL,
                                                    .noise = problems[k].noise};
        for (size_t i = 0; i < VARIANTS; i++) {
            const struct gb_result_variant *const v = &w->variants[i];
            w->rows[k][i] = (struct gb_result_row){.variant = v->name,
                                                   .isa = v->peer ? "peer" : v->name,
                                                   .threads = v->threads,
                                                   .verified = "no",
                                                   .longest_ns = v->peer ? 2e9 : 0.2e9};
            if (k < RUN) set_time(w, k, i, times[k][i]);
        }
    }
    set_cells(w);
    set_context(w);
}

/* All that a run of so many problems prints, in its order; good until the next call. */
static const char *printed(struct whole *w, struct gb_report report, size_t run) {
    static char text[1 << 17];
    struct gb_result *const result = &w->result;
    struct gb_result_roof before[ROOFS + 1];
    report.out = fmemopen(text, sizeof text, "w");
    assert_non_null(report.out);
    gb_report_header(&report, result, "workload hand", 31, 1);
    gb_report_race(&report, result);
    gb_report_warnings(&report, result, 0);
    gb_report_roofs(&report, result);
    memcpy(before, w->roofs, sizeof before);
    for (result->n_run = 0; result->n_run < run;) {
        result->n_run++;
        gb_report_problem(&report, result);
    }
    gb_report_footer(&report, result);
    w->roofs[1].fma *= 1.0301;
    w->roofs[2].fma *= 1.0299;
    w->roofs[3].fma *= 2;
    w->roofs[ROOFS].fma *= 2;
    w->roofs[0].at[GB_LEVEL_L2].read *= 1.2;
    w->roofs[1].at[GB_LEVEL_L3].copy *= 1.3;
    w->roofs[2].at[GB_LEVEL_MEMORY].copy_nt *= 1.4;
    gb_report_raised_roofs(&report, before, result);
    w->warnings[2] = "the hypervisor took 3 % of the time";
    result->context.n_warnings = 3;
    gb_report_warnings(&report, result, 2);
    assert_int_equal(fclose(report.out), 0);
    return text;
}

static void assert_printed(struct whole *w, const char *name, struct gb_report report, size_t run) {
    char path[200];
    snprintf(path, sizeof path, TEST_DATA_DIR "/report/%s_%d.txt", name, report.width);
    assert_text_of_file(path, printed(w, report, run));
}

/* Without a limit, on a wide terminal, on one of 80 columns, on the least. */
static void test_rows(void **state) {
    static struct whole w;
    (void)state;
    static const int widths[] = {0, 160, 130, 100, 80, 60};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        make(&w);
        assert_printed(&w, "rows", (struct gb_report){.width = widths[i], .color = i == 0}, RUN);
    }
}

static void test_blocks(void **state) {
    static struct whole w;
    (void)state;
    static const int widths[] = {0, 140, 120, 80, 60};
    static const size_t runs[] = {RUN, 1, 3, RUN, 1};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        make(&w);
        assert_printed(&w, "blocks", (struct gb_report){.width = widths[i], .color = i == 0, .details = true}, runs[i]);
    }
}

/* Only the first isas and thread counts of it, in one type and without peers. */
static void make_fewer(struct whole *w, size_t isas, size_t n_threads, size_t planned) {
    make(w);
    for (size_t i = 0; i < isas * n_threads; i++) {
        const size_t from = i / n_threads * THREADS + i % n_threads;
        w->variants[i] = w->variants[from];
        for (size_t k = 0; k < RUN; k++) w->rows[k][i] = w->rows[k][from];
    }
    w->result.n_own = w->result.n_variants = isas * n_threads;
    w->result.n_threads = n_threads;
    w->result.names_types = false;
    w->result.n_problems = planned;
}

/* One variant, two isas without threads, two isas on two: what there is nothing to say about is left out. */
static void test_fewer(void **state) {
    static struct whole w;
    (void)state;
    for (int details = 0; details < 2; details++) {
        make_fewer(&w, 1, 1, 2);
        assert_printed(&w, details ? "blocks_of_ref" : "rows_of_ref", (struct gb_report){.details = details}, 2);
        make_fewer(&w, 2, 1, 1);
        assert_printed(&w, details ? "blocks_of_two" : "rows_of_two", (struct gb_report){.details = details}, 1);
        make_fewer(&w, 2, 2, 6);
        assert_printed(&w, details ? "blocks_of_four" : "rows_of_four", (struct gb_report){.width = 80, .details = details}, 6);
    }
    make_fewer(&w, 1, 1, 1);
    assert_printed(&w, "rows_of_none", (struct gb_report){.width = 0}, 0);
}

/* Of cells that are as fast as each other the first is the fastest. */
static void test_tie(void **state) {
    static struct whole w;
    (void)state;
    make(&w);
    set_time(&w, 1, 5, times[1][8]);
    const char *const text = printed(&w, (struct gb_report){.width = 0, .color = true}, 2);
    assert_non_null(strstr(text, " 4.20ms 2.20ms  \033[1m1.00ms \033[0m 2.20ms 1.15ms  1.00ms  26.1x [25.2, 26.7]  55 % fma"));
}

static void assert_has(const char *text, const char *words) {
    if (!strstr(text, words)) fail_msg("'%s' is not in:\n%s", words, text);
}

/* Columns are as wide as the names that they hold, and as their heads. Where nothing of ours was timed, the best peer is that
 * of the fewest threads. */
static void test_names(void **state) {
    static struct whole w;
    (void)state;
    make(&w);
    w.result.names_types = false;
    w.result.n_variants = OWN + 2;
    w.variants[9].name = w.variants[10].name = "x";
    for (size_t i = 6; i < OWN; i++) w.variants[i].name = "avx1024";
    w.problems[0].workload = "a";
    set_state(&w, 0, 0, 8, GB_STATE_FAILED, "it is wrong");
    const char *const text = printed(&w, (struct gb_report){.width = 0}, 1);
    assert_has(text, "  avx1024 avx1024  avx1024     vs              share of  best            vs\n");
    assert_has(text, "        1       2        4    ref 95 % CI      its limit peer    time  peer 95 % CI\n");
    assert_has(text, "   FAILED  FAILED   FAILED      - sampled      -         x     1.80ms     -\n");
    assert_has(text, "  against    against   against  median least       ahead of    behind\n");
    assert_has(text, " kernel          problems     ref     narrow  1 thread   share share of   best peer best peer\n");
}

/* Whatever a cell's line says goes on in the next one: failures, what is gone, stopped, or not done by many. */
static void test_narrow_blocks(void **state) {
    static struct whole w;
    (void)state;
    static char text[1 << 14];
    const struct gb_report report = {.out = fmemopen(text, sizeof text, "w"), .width = 60, .details = true};
    assert_non_null(report.out);
    make(&w);
    w.variants[9].name = w.variants[10].name = "another-peer-of-a-long-name@best";
    for (size_t k = 2; k < 6; k += k == 2 ? 2 : 1) gb_report_block(&report, &w.result, &w.problems[k]);
    assert_int_equal(fclose(report.out), 0);
    assert_text_of_file(TEST_DATA_DIR "/report/narrow_blocks.txt", text);
}

/* A row is seen before the next one is measured. */
static void test_flushed(void **state) {
    static struct whole w;
    (void)state;
    make(&w);
    const struct gb_report report = {.out = tmpfile()};
    char first;
    assert_non_null(report.out);
    w.result.n_run = 1;
    gb_report_problem(&report, &w.result);
    assert_int_equal(pread(fileno(report.out), &first, 1, 0), 1);
    fclose(report.out);
}

/* A name that is cut off says something with 8 characters, not with fewer. */
static void test_least_name(void **state) {
    static struct whole w;
    (void)state;
    for (int width = 97; width <= 98; width++) {
        make(&w);
        const char *const text = strstr(printed(&w, (struct gb_report){.width = width}, RUN), "\nsummary of");
        assert_non_null(text);
        assert_int_equal(strstr(text, " 78 % tiny-but         0         0\n") != NULL, width == 98);
        assert_int_equal(strstr(text, "78 %  78 %         0         0\n") != NULL, width == 97);
        assert_int_equal(strstr(text, "--wide shows 2 more columns: problems; least share of\n") != NULL, width == 97);
    }
}

static struct whole kept;

static void print_end(void) {
    const struct gb_report report = {.out = fopen("/dev/null", "w")};
    assert_non_null(report.out);
    gb_report_footer(&report, &kept.result);
    assert_int_equal(fclose(report.out), 0);
}

static void test_keeps_nothing(void **state) {
    (void)state;
    make(&kept);
    kept.result.n_run = RUN;
    gb_assert_keeps_nothing(print_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_blocks),  cmocka_unit_test(test_fewer),
        cmocka_unit_test(test_least_name),    cmocka_unit_test(test_tie),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_narrow_blocks), cmocka_unit_test(test_flushed), cmocka_unit_test(test_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
