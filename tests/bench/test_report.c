/* What a person reads: words for numbers, tables that fit the width, a summary of numbers made by hand, and shares of roofs
 * that were measured too low. */
#include <fcntl.h>
#include <math.h>
#include <sys/ioctl.h>

#include "harness.h"
#include "report_table.h"
#include "report_words.h"
#include "support.h"
#include "text.h"

enum { ROUNDS = 7, TASKS = 4, TASKS_MOST = 33, PEER = 6, VARIANTS = 8 };

/* --- words */

/* Each unit and each number of digits at its edges. */
static void test_words(void **state) {
    (void)state;
    char text[96];
    static const struct {
        double value;
        const char *text;
    } flops[] = {{0, "0 FLOP"},          {50, "50 FLOP"},        {999, "999 FLOP"},      {999.4, "999 FLOP"},
                 {999.5, "1.00 kFLOP"},  {1250, "1.25 kFLOP"},   {999.55, "1.00 kFLOP"}, {9994, "9.99 kFLOP"},
                 {9995.5, "10.0 kFLOP"}, {99955, "100 kFLOP"},   {9996, "10.0 kFLOP"},   {50000, "50.0 kFLOP"},
                 {99940, "99.9 kFLOP"},  {99960, "100 kFLOP"},   {999700, "1.00 MFLOP"}, {3.02e8, "302 MFLOP"},
                 {6.4e9, "6.40 GFLOP"},  {6.4e12, "6.40 TFLOP"}, {6.4e15, "6.40 PFLOP"}, {1e18, "1.00 EFLOP"},
                 {1e21, "1000 EFLOP"}},
      ns[] = {{0.004, "0.00 ns"},  {9.994, "9.99 ns"},  {9.996, "10.0 ns"},  {46.84, "46.8 ns"}, {99.94, "99.9 ns"},
              {99.96, "100 ns"},   {999.4, "999 ns"},   {999.5, "1.00 us"},  {12340, "12.3 us"}, {999499, "999 us"},
              {999600, "1.00 ms"}, {999.4e6, "999 ms"}, {999.6e6, "1.00 s"}, {1.5e9, "1.50 s"},  {999.6e9, "1000 s"}},
      ratios[] = {{0.00994, "<.01"}, {0.009955, "0.01"}, {9.9955, "10.0"}, {99.955, "100"}, {0.00996, "0.01"},
                  {0.0123, "0.01"},  {0.972, "0.97"},    {9.994, "9.99"},  {9.996, "10.0"}, {99.94, "99.9"},
                  {99.96, "100"},    {123.4, "123"},     {9999.4, "9999"}, {9999.5, "10k"}, {12345, "12k"},
                  {999.4e3, "999k"}, {999.5e3, "1M"},    {2e6, "2M"}};
    for (size_t i = 0; i < sizeof flops / sizeof *flops; i++)
        assert_string_equal(gb_flops_text(flops[i].value, text, sizeof text), flops[i].text);
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++)
        assert_string_equal(gb_time_text(ns[i].value, text, sizeof text), ns[i].text);
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++)
        assert_string_equal(gb_ratio_text(ratios[i].value, text, sizeof text), ratios[i].text);
    static const struct {
        double value;
        const char *text;
    } amounts[] = {{0, "0"},       {0.0042, "0.0042"}, {0.01, "0.01"},   {1, "1.00"},     {12.34, "12.3"},
                   {999.4, "999"}, {999.6, "1.00k"},   {1.5e6, "1.50M"}, {2.5e9, "2.50G"}};
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
        assert_string_equal(gb_amount_text(amounts[i].value, text, sizeof text), amounts[i].text);
    assert_string_equal(gb_rate_text(110.97, "FLOP/s", text, sizeof text), "111 GFLOP/s");
    assert_string_equal(gb_rate_text(0.0052, "B/s", text, sizeof text), "5.20 MB/s");
    assert_string_equal(gb_rate_text(4e-7, "B/s", text, sizeof text), "400 B/s");
    assert_string_equal(gb_rate_text(1e12, "B/s", text, sizeof text), "1000 EB/s");
    assert_string_equal(gb_count_text(0, "thread", text, sizeof text), "0 threads");
    assert_string_equal(gb_count_text(1, "thread", text, sizeof text), "1 thread");
    assert_string_equal(gb_count_text(2, "thread", text, sizeof text), "2 threads");
}

/* What a family's name is in front of; a kernel named like its family keeps its name. */
static void test_kernel_part(void **state) {
    (void)state;
    static const char *const table[][2] = {{"affine_dx", "dx"},
                                           {"softmax_xent_backward", "backward"},
                                           {"softmax_xent", "softmax_xent"},
                                           {"relu_forward", "forward"},
                                           {"add_forward", "add_forward"},
                                           {"affinedx", "affinedx"},
                                           {"xaffine_dx", "xaffine_dx"},
                                           {"affine", "affine"},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) assert_string_equal(gb_kernel_part(table[i][0]), table[i][1]);
}

/* What is slower is so by a factor above 1; what cannot be told is left as it is. */
static void test_ratio_words(void **state) {
    (void)state;
    static const struct {
        struct gb_pair pair;
        double noise;
        const char *text;
    } table[] = {{{9, 0.565, 0.5, 0.625, false}, 0, "1.77x slower [1.60, 2.00]"},
                 {{9, 12.34, 11, 13.5, false}, 0, "12.3x faster [11.0, 13.5]"},
                 {{9, 1.004, 0.99, 1.01, false}, 0, "1.00x same [0.99, 1.01]"},
                 {{9, 0.565, 0.4, 1.1, false}, 0, "0.56x inconclusive [0.40, 1.10]"},
                 {{9, 0.9, 0.89, 0.91, false}, 0.2, "0.90x inconclusive [0.89, 0.91]"}};
    char text[96];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(gb_pair_text(&table[i].pair, gb_verdict(&table[i].pair, table[i].noise), text, sizeof text),
                            table[i].text);
}

static void test_share_words(void **state) {
    (void)state;
    static const struct {
        struct gb_share share;
        const char *text;
    } table[] = {{{"fma", 0.937, GB_LEVEL_L2}, "94 % fma"},   {{"memory", 0.004, GB_LEVEL_L2}, "<1 % L2"},
                 {{"memory", 0.01, GB_LEVEL_L3}, "1 % L3"},   {{"memory", 1.05, GB_LEVEL_MEMORY}, "105 % mem"},
                 {{"chain", 0.3, GB_LEVEL_L2}, "30 % chain"}, {{"cache", 0, GB_LEVEL_MEMORY}, "in cache"},
                 {{"fma", 0, GB_LEVEL_L2}, "unknown"},        {{"fma", 0.0099, GB_LEVEL_MEMORY}, "<1 % fma"},
                 {{"fma", 0.01, GB_LEVEL_MEMORY}, "1 % fma"}, {{"memory", -1, GB_LEVEL_L2}, "unknown"}};
    char text[96];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(gb_share_text(&table[i].share, text, sizeof text), table[i].text);
}

/* --- tables */

/* A run made by hand: ref, and two more isas of any name, on 1 and 2 threads, against two peers. */
struct run {
    struct gb_result result;
    struct gb_result_variant variants[VARIANTS];
    struct gb_result_problem problems[TASKS_MOST];
    struct gb_result_null nulls[TASKS_MOST];
    struct gb_result_row rows[TASKS_MOST][VARIANTS];
    double samples[TASKS_MOST][VARIANTS][ROUNDS];
    char texts[TASKS_MOST][128];
};

static void set_time(struct run *run, size_t task, size_t variant, double ns) {
    struct gb_result_row *const r = &run->rows[task][variant];
    for (size_t k = 0; k < ROUNDS; k++) run->samples[task][variant][k] = ns;
    r->state = GB_STATE_TIMED;
    r->verified = "full";
    r->threads_used = run->variants[variant].threads;
    r->samples = run->samples[task][variant];
    r->n_samples = ROUNDS;
    r->summary = (struct gb_summary){ROUNDS, ns, ns, ns, ns};
    r->share = (struct gb_share){"fma", 0.5, GB_LEVEL_L2};
}

static void set_kernel(struct run *run, size_t task, const char *kernel) {
    struct gb_result_problem *const p = &run->problems[task];
    snprintf(run->texts[task], sizeof *run->texts, "%s%s dtype=f32", kernel, p->title + strcspn(p->title, " "));
    p->kernel = kernel;
    p->text = run->texts[task];
}

/* ref takes 100 us and the others less, each by a factor of its own; on two threads half of it. */
static void add(struct run *run, const char *kernel, const char *title, const char *workload) {
    static const double factors[VARIANTS] = {1, 0.5, 0.1, 0.05, 0.05, 0.025, 0.1, 0.02};
    const size_t k = run->result.n_problems++;
    assert_true(k < TASKS_MOST);
    run->nulls[k] = (struct gb_result_null){kernel, "f32", workload, "widest", 2, {ROUNDS, 1, 0.99, 1.01, false}};
    run->problems[k] = (struct gb_result_problem){.dtype = "f32",
                                                  .workload = workload,
                                                  .title = title,
                                                  .flops = 50,
                                                  .footprint = 220,
                                                  .products = strncmp(title, "affine", 6) == 0,
                                                  .rows = run->rows[k],
                                                  .null = &run->nulls[k],
                                                  .noise = 0.01};
    set_kernel(run, k, kernel);
    for (size_t i = 0; i < VARIANTS; i++) {
        const struct gb_result_variant *const v = &run->variants[i];
        run->rows[k][i] = (struct gb_result_row){
            .variant = v->name, .isa = v->peer ? "peer" : v->name, .threads = v->threads, .longest_ns = v->ref ? 0.2e9 : 2e9};
        set_time(run, k, i, 1e5 * factors[i]);
    }
}

/* Without a problem. */
static void make_empty(struct run *run, bool raced) {
    static const char *const names[] = {"ref", "narrow", "widest", "a-peer-of-a-long-name@setting"};
    static const char *const labels[VARIANTS] = {"ref, 1 thread",
                                                 "ref, 2 threads",
                                                 "narrow, 1 thread",
                                                 "narrow, 2 threads",
                                                 "widest, 1 thread",
                                                 "widest, 2 threads",
                                                 "a-peer-of-a-long-name@setting, 1 thread",
                                                 "a-peer-of-a-long-name@setting, 2 threads"};
    *run = (struct run){.result = {.n_variants = raced ? VARIANTS : PEER, .n_own = PEER, .n_threads = 2}};
    run->result.variants = run->variants;
    run->result.problems = run->problems;
    for (size_t i = 0; i < VARIANTS; i++)
        run->variants[i] = (struct gb_result_variant){names[i / 2], labels[i], 1 + i % 2, i >= PEER, i < 2};
}

static void make(struct run *run, bool raced) {
    static const char *const kernels[TASKS] = {"affine_forward", "affine_dx", "affine_backward", "softmax_xent_backward"};
    make_empty(run, raced);
    for (size_t k = 0; k < TASKS; k++)
        add(run, kernels[k], k < 3 ? "affine n=256 d=768 m=50257" : "softmax_xent n=256 c=50257",
            k < 3 ? "network:layer" : "another:loss");
}

/* All that is printed but for roofs and warnings; good until the next call. */
static const char *printed(const struct run *run, struct gb_report report, size_t count) {
    static char text[1 << 16];
    struct gb_result result = run->result;
    report.out = fmemopen(text, sizeof text, "w");
    assert_non_null(report.out);
    result.context = (struct gb_result_context){
        .version = "1.2.3", .numerics = 1, .revision = "abcdef", .compiler = "gcc 1", .topology = "a machine", .seed = 1};
    gb_report_header(&report, &result, "workload hand", 31, 1);
    while (result.n_run < count) {
        result.n_run++;
        gb_report_problem(&report, &result);
    }
    gb_report_footer(&report, &result);
    assert_int_equal(fclose(report.out), 0);
    return text;
}

static void assert_says(const char *text, const char *words) {
    if (!strstr(text, words)) fail_msg("'%s' is not in:\n%s", words, text);
}

static void assert_not(const char *text, const char *words) {
    if (strstr(text, words)) fail_msg("'%s' is in:\n%s", words, text);
}

static int times(const char *text, const char *words) {
    int count = 0;
    for (const char *at = text; (at = strstr(at, words)); at++) count++;
    return count;
}

static void assert_fits(const char *text, size_t width) {
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
        const size_t length = strcspn(line, "\n");
        if (length > width) fail_msg("%zu columns, not %zu: %.*s", length, width, (int)length, line);
        if (length && line[length - 1] == ' ') fail_msg("a space at the end: %.*s", (int)length, line);
    }
}

/* 1, 2 and 4 threads of two isas; on 4 one problem is no faster, and another runs on one. */
static void test_scaling(void **state) {
    (void)state;
    static struct run run;
    static const size_t threads[] = {1, 2, 4};
    make(&run, false);
    assert_not(printed(&run, (struct gb_report){.width = 0}, TASKS), "efficiency");
    run.result.n_threads = 3;
    for (size_t i = 0; i < PEER; i++) {
        run.variants[i] = (struct gb_result_variant){i < 3 ? "ref" : "wide", "label", threads[i % 3], false, i < 3};
        for (size_t k = 0; k < TASKS; k++) set_time(&run, k, i, 4e5 / (double)threads[i % 3]);
    }
    assert_says(
        printed(&run, (struct gb_report){.width = 0}, TASKS),
        "\nthreads of wide against 1 thread, speed-up and efficiency where more ran: 2: 2.00x (100 %), 4: 4.00x (100 %)\n");
    for (size_t k = 0; k < TASKS; k++) set_time(&run, k, 5, k % 2 ? 4e5 : 1e5);
    for (size_t k = 0; k < TASKS; k++) run.rows[k][4].threads_used = 1;
    assert_says(printed(&run, (struct gb_report){.width = 0}, TASKS), " where more ran: 4: 2.00x (50 %)\n");
}

static void test_not_cold(void **state) {
    (void)state;
    static struct run run;
    make(&run, true);
    assert_not(printed(&run, (struct gb_report){.width = 120}, TASKS), "~");
    run.rows[0][3].not_cold = run.rows[1][3].not_cold = true;
    const char *const text = printed(&run, (struct gb_report){.width = 120}, TASKS);
    assert_int_equal(times(text, "us~ "), 2);
    assert_says(text, "\n~ 2 cells not cold: what moves is more than memory can, so part of the operands stayed in a cache\n");
}

/* Once for all rows of a problem, by the first that has a time. */
static void test_disturbed_rounds(void **state) {
    (void)state;
    static struct run run;
    static const struct gb_result_causes first = {1, 20, 0}, second = {2, 0, 0}, third = {0, 0, 3};
    const struct gb_report report = {.width = 120};
    make(&run, true);
    const char *text = printed(&run, report, TASKS);
    assert_not(text, "rounds were dropped");
    assert_not(text, "all rounds count");
    run.rows[0][0].state = GB_STATE_NOT_TIMED;
    for (size_t i = 1; i < VARIANTS; i++) run.rows[0][i].dropped = &first;
    for (size_t i = 0; i < VARIANTS; i++) run.rows[1][i].dropped = &second;
    for (size_t i = 0; i < VARIANTS; i++) run.rows[2][i].disturbed = &third;
    for (size_t i = 0; i < VARIANTS; i++) run.rows[3][i].state = GB_STATE_NOT_TIMED;
    char words[200];
    snprintf(words, sizeof words,
             "\n23 of %d rounds were dropped, for all variants alike: 3 by steal, 20 by involuntary switches\n",
             23 + 3 * ROUNDS);
    text = printed(&run, report, TASKS);
    assert_says(text, words);
    assert_says(text, "\nin 1 problem all rounds count, for fewer than 6 were undisturbed: 3 by migration\n");
}

/* Whatever there is to say, no line is wider than asked for. */
static void test_width(void **state) {
    (void)state;
    static struct run run;
    char reason[201];
    snprintf(reason, sizeof reason, "%0200d", 0);
    for (int width = 60; width <= 200; width++)
        for (int i = 0; i < 4; i++) {
            make(&run, i & 1);
            run.rows[0][4].state = GB_STATE_FAILED;
            run.rows[0][4].failure = "y[123][456] is 0x1.23456789abcdp+10, but 0x1.23456789abcep+10 in ref";
            run.rows[1][0].state = run.rows[1][1].state = GB_STATE_NOT_TIMED;
            run.rows[1][5].verified = "sampled";
            run.rows[2][5].threads_used = 1;
            run.rows[2][7].state = GB_STATE_GONE;
            run.rows[2][7].failure = reason;
            set_time(&run, 3, 5, 3e5);
            for (size_t k = 0; k < ROUNDS; k++) run.samples[0][5][k] = k % 2 ? 1e-3 : 1e9; /* the widest interval of all */
            const char *const text = printed(&run, (struct gb_report){.width = width, .details = i & 2}, TASKS);
            assert_fits(text, (size_t)width);
        }
}

/* The columns of two isas and ref, on two numbers of threads: 80 columns hold all but one; without a limit there is nothing to
 * say about more. */
static void test_columns(void **state) {
    (void)state;
    static struct run run;
    make(&run, false);
    const char *text = printed(&run, (struct gb_report){.width = 80}, TASKS);
    assert_says(text, "--wide shows 1 more column: ref, 2 threads\n");
    assert_says(text, " forward   100us 10.0us 5.00us  5.00us 2.50us  20.0x [20.0, 20.0]  50 % fma\n");
    assert_says(text, "network:layer  affine n=256 d=768 m=50257");
    text = printed(&run, (struct gb_report){.width = 0}, TASKS);
    assert_not(text, "--wide");
    assert_says(text, " forward   100us 50.0us  10.0us 5.00us  5.00us 2.50us  20.0x [20.0, 20.0]  50 % fma\n");
    make(&run, true);
    text = printed(&run, (struct gb_report){.width = 80}, TASKS);
    assert_says(text, "\n--wide shows 7 more columns\n");
    assert_says(text, "a-peer-of-a-long-nam  0.80x [0.80, 0.80]");
    text = printed(&run, (struct gb_report){.width = 0}, TASKS);
    assert_says(text, "a-peer-of-a-long-name@setting  2.00us 0.80x [0.80, 0.80]");
}

/* The head once for rows that are close together, a title for each line of a workload. */
static void test_heads(void **state) {
    (void)state;
    static struct run run;
    make(&run, false);
    const char *const text = printed(&run, (struct gb_report){.width = 80}, TASKS);
    assert_int_equal(times(text, "\n threads "), 1);
    assert_int_equal(times(text, "network:layer  affine n=256 d=768 m=50257\n"), 1);
    assert_says(text, "\n\nanother:loss  softmax_xent n=256 c=50257\n");
}

/* Lines that differ in an option have a title each, whatever their names. */
static void test_titles(void **state) {
    static struct run run;
    (void)state;
    make_empty(&run, false);
    add(&run, "affine_forward", "affine n=256 d=768 m=512", "one:a");
    add(&run, "affine_forward", "affine n=256 d=768 m=512 layout=out_in", "one:a");
    add(&run, "affine_forward", "affine n=256 d=768 m=512 layout=out_in accumulate=1", "one:a");
    add(&run, "affine_dw", "affine n=256 d=768 m=512 layout=out_in accumulate=1", "one:a");
    add(&run, "affine_dw", "affine n=256 d=768 m=512 layout=out_in accumulate=1", "one:b");
    add(&run, "softmax_xent_forward", "softmax_xent n=9 c=5", "two:a");
    add(&run, "softmax_xent_forward", "softmax_xent n=9 c=5 labels=index64", "two:a");
    /* clang-format off */
#define TIMES "  100us 50.0us  10.0us 5.00us  5.00us 2.50us  20.0x [20.0, 20.0]  50 % fma\n"
    assert_says(printed(&run, (struct gb_report){.width = 0}, run.result.n_problems),
                "\n"
                "             ref    ref  narrow narrow  widest widest     vs              share of\n"
                " threads       1      2       1      2       1      2    ref 95 % CI      its limit\n"
                "one:a  affine n=256 d=768 m=512\n"
                " forward " TIMES
                "one:a  affine n=256 d=768 m=512 layout=out_in\n"
                " forward " TIMES
                "one:a  affine n=256 d=768 m=512 layout=out_in accumulate=1\n"
                " forward " TIMES
                " dw      " TIMES
                "one:b  affine n=256 d=768 m=512 layout=out_in accumulate=1\n"
                " dw      " TIMES
                "\n"
                "two:a  softmax_xent n=9 c=5\n"
                " forward " TIMES
                "two:a  softmax_xent n=9 c=5 labels=index64\n"
                " forward " TIMES
                "\nsummary");
#undef TIMES
    /* clang-format on */
}

/* A head stands again where a network starts on another page of 16 rows than the one before, and never within one. */
static void test_heads_of_pages(void **state) {
    static const size_t rows[][4] = {{10, 8, 2, 2}, {15, 1, 1, 1}, {16, 15, 1, 1}};
    static const char *const names[] = {"one:layer", "two:layer", "three:layer", "four:layer"};
    static const bool heads[][4] = {{true, false, true, false}, {true, false, true, false}, {true, true, false, true}};
    static struct run run;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_empty(&run, false);
        for (size_t k = 0; k < 4; k++)
            for (size_t row = 0; row < rows[i][k]; row++) add(&run, "affine_dx", "affine n=1 d=2 m=3", names[k]);
        const char *const text = printed(&run, (struct gb_report){.width = 0}, run.result.n_problems);
        for (size_t k = 0; k < 4; k++) {
            char expected[80];
            snprintf(expected, sizeof expected, "%s\n%s  affine", heads[i][k] ? "its limit" : "fma\n", names[k]);
            assert_says(text, expected);
        }
    }
}

/* In a cell: what was not timed, ran on fewer threads, failed, or was verified on a sample. */
static void test_states(void **state) {
    (void)state;
    static struct run run;
    make(&run, true);
    run.rows[0][0].state = run.rows[0][1].state = GB_STATE_NOT_TIMED;
    run.rows[0][5].verified = "sampled";
    run.rows[1][4].state = GB_STATE_FAILED;
    run.rows[1][4].failure = "an input was written";
    run.rows[2][3].threads_used = 1;
    run.rows[3][7].state = GB_STATE_GONE;
    run.rows[3][7].failure = "it hung";
    const char *text = printed(&run, (struct gb_report){.width = 0}, TASKS);
    assert_says(text, " forward   >0.2s  >0.2s  10.0us 5.00us  5.00us 2.50us      - sampled       50 % fma");
    assert_says(text, " dx        100us 50.0us  10.0us 5.00us  FAILED 2.50us  20.0x");
    assert_says(text, "\n  widest, 1 thread: FAILED an input was written\n");
    assert_says(text, " backward  100us 50.0us  10.0us 5.00us* 5.00us 2.50us  20.0x");
    assert_says(text, "\n  a-peer-of-a-long-name@setting, 2 threads: gone it hung\n");
    assert_says(text, "21 cells timed, each verified first (1 on a sample); 1 FAILED; 2 not timed\n");
    assert_says(text, "peers: 7 cells timed, each found within its error bound first; 1 gone\n");
    assert_says(text, "\n* threads 2 (1): 2 were allowed, but the problem is so small that the call ran on 1\n");
    text = printed(&run, (struct gb_report){.width = 0, .details = true}, TASKS);
    assert_says(text, "affine_forward n=256 d=768 m=50257 dtype=f32  network:layer  50 FLOP, 220 B\n");
    assert_says(text, "  widest                               1    FAILED  an input was written\n");
    assert_says(text, "  a-peer-of-a-long-name@setting        2      gone  it hung\n");
    assert_says(text, "  narrow                           2 (1)   5.00 us");
    assert_says(text, "10.0x faster [10.0, 10.0]");
    assert_says(text, "1.25x slower [1.25, 1.25]\n");
    assert_not(text, "lost");
}

/* What is counted, what is not and why, each reason once; with --details the numbers. */
static void counters_are_told(void **state) {
    (void)state;
    static char text[2000];
    struct gb_result_counter counters[] = {
        {"cycles", NULL}, {"a", "none"}, {"b", "denied"}, {"instructions", NULL}, {"c", "none"}};
    struct gb_result_count counts[] = {{"cycles", 2e6, NAN}, {"instructions", 5e6, 0.5}, {"faults", 0, NAN}};
    const struct gb_result_variant variant = {.name = "wide", .threads = 2};
    struct gb_result_row row = {.counts = counts, .n_counts = 3};
    struct gb_result result = {.context = {.counters = counters, .n_counters = 5}};
    struct gb_report report = {.out = fmemopen(text, sizeof text, "w")};
    gb_report_counters(&report, &result);
    report.details = true;
    result.context.n_counters = 1;
    gb_report_counters(&report, &result);
    result.context.n_counters = 0;
    gb_report_counters(&report, &result);
    gb_report_counts(&report, &variant, &row);
    row.n_counts = 1;
    gb_report_counts(&report, &variant, &row);
    row.n_counts = 0;
    gb_report_counts(&report, &variant, &row);
    fclose(report.out);
    assert_string_equal(text,
                        "counted: cycles, instructions; --details shows them, --json keeps them\n"
                        "not counted: a, c (none)\nnot counted: b (denied)\ncounted: cycles\n"
                        "  a call of wide, 2 threads: 2.50 instructions a cycle; cycles 2.00M, instructions 5.00M (scaled up "
                        "from 50 % of the time), faults 0\n"
                        "  a call of wide, 2 threads: cycles 2.00M\n");
}

/* Geometric means, shares, and who is ahead of whom, of numbers that can be checked by hand. */
static void test_summary(void **state) {
    (void)state;
    static struct run run;
    make(&run, true);
    for (size_t k = 0; k < 3; k++) set_kernel(&run, k, "affine_dx");
    run.problems[1].workload = "network:least";
    /* against ref 20, 80 and 20: 32 in the geometric mean (31.7); against one thread 2, 8 and 2: 3.17 */
    set_time(&run, 1, 5, 625);
    run.rows[0][5].share.fraction = 0.9;
    run.rows[1][5].share.fraction = 0.004;
    run.rows[2][5].share.fraction = 0.7;
    const char *text = printed(&run, (struct gb_report){.width = 0}, 3);
    assert_says(text, "summary of widest, 2 threads:");
    /* on one thread it is ahead (5 against 10 us) in all three, on two only in the second */
    assert_says(text, " ahead of    behind\n");
    assert_says(text, " best peer best peer\n");
    assert_says(text, " affine_dx         3   31.7x      3.17x     3.17x    70 %  <1 % network:least         1         2\n");
    assert_says(text,
                "widest, 2 threads against the best peer: 1.27x in the geometric mean of 3 problems, 1 ahead, 2 behind\n");
    assert_says(text, "  behind a-peer-of-a-long-name@setting: affine_dx n=256 d=768 m=50257 dtype=f32 (network:layer): 1.25x "
                      "slower [1.25, 1.25]\n");
    assert_says(text, "3 of 4 problems run;");
    assert_says(text, "noise floor: in 3 problems one variant ran twice");
    run.rows[1][5].share.fraction = 0.01;
    assert_says(printed(&run, (struct gb_report){.width = 0}, 3), "   70 %   1 % network:least ");
    run.result.n_problems = 1;
    text = printed(&run, (struct gb_report){.width = 0}, 1);
    assert_says(text, "1 of 1 problem run; 6 cells timed");
    assert_says(text, "noise floor: in 1 problem one");
    /* less than the noise is not behind */
    for (size_t k = 0; k < 3; k++) run.problems[k].noise = 0.3;
    run.result.n_problems = TASKS;
    text = printed(&run, (struct gb_report){.width = 0}, 3);
    assert_not(text, "  behind ");
    assert_says(text, "3 are wider than 3 %");
}

/* Each that has a share counts, but a call on as many threads as the one beside it tells nothing of them. */
static void test_summary_leaves_out(void **state) {
    static struct run run;
    (void)state;
    make_empty(&run, false);
    for (int k = 0; k < 3; k++)
        add(&run, "affine_dx", "affine n=256 d=768 m=512", k == 0 ? "one:tiny" : k == 1 ? "two:small" : "two:large");
    run.rows[0][5].share = (struct gb_share){"call", 0.02, GB_LEVEL_L2};
    set_time(&run, 1, 5, 20e3);
    run.rows[1][5].threads_used = 1;
    run.rows[1][5].share.fraction = 0.4;
    run.rows[2][5].share.fraction = 0.6;
    /* against ref 20, 2.5 and 20: 10; narrow 2, 0.25 and 2: 1; one thread 2 and 2, for the second ran on one: 2 */
    assert_says(printed(&run, (struct gb_report){.width = 0}, 3),
                " affine_dx         3   10.0x      1.00x     2.00x    40 %   2 % one:tiny\n");
}

/* COLUMNS, else the terminal, else no limit. */
static void test_where_the_width_is_from(void **state) {
    (void)state;
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        print_message("there is no pseudo-terminal here\n");
        skip();
    }
    FILE *const terminal = fopen(ptsname(master), "w"), *const file = tmpfile();
    assert_true(terminal && file);
    const struct winsize size = {.ws_row = 24, .ws_col = 97};
    assert_int_equal(ioctl(fileno(terminal), TIOCSWINSZ, &size), 0);
    unsetenv("COLUMNS");
    assert_int_equal(gb_report_width(terminal), 97);
    assert_int_equal(gb_report_width(file), 0);
    static const char *const columns[] = {"80", "60", "59", "1", "0", "10000", "10001", "", "-3", "wide", "1e9"};
    static const int widths[] = {80, 60, 60, 60, 97, 10000, 97, 97, 97, 97, 97};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        setenv("COLUMNS", columns[i], 1);
        assert_int_equal(gb_report_width(terminal), widths[i]);
    }
    setenv("COLUMNS", "80", 1);
    assert_int_equal(gb_report_width(file), 80);
    unsetenv("COLUMNS");
    fclose(terminal);
    fclose(file);
    close(master);
}

/* --- roofs */

/* As if every roof of one thread had been measured on a core that was busy otherwise. */
static void make_low(struct gb_roofs *roofs) {
    *roofs = (struct gb_roofs){.n_threads = 1, .threads = {1}};
    roofs->isas[0] = roofs->dtypes[GK_F32] = true;
    roofs->fma[0][GK_F32][0] = 1e-4;
    for (int level = 0; level < GB_LEVEL_COUNT; level++)
        roofs->bandwidth[0][level] = (struct gb_bandwidth){1e-3, 1e-3, 1e-3, 1e-3, 1e-3};
}

/* A run whose roofs were measured too low raises them, and no cell of it has more than all. */
static void test_run_on_low_roofs(void **state) {
    (void)state;
    static struct gb_roofs roofs;
    static struct gb_plan plan;
    const volatile sig_atomic_t stop = 0;
    struct gb_plan_options options = {
        .shapes = {{"affine n=64 d=64 m=64", "relu n=64 d=1000"}, 2}, .isa = "ref", .threads = "1", .seed = 1};
    assert_int_equal(gb_plan_make(&plan, &options), 0);
    make_low(&roofs);
    const struct gb_harness harness = {.effects = &gb_real_effects,
                                       .plan = &plan,
                                       .roofs = &roofs,
                                       .rounds = GB_ROUNDS_MIN,
                                       .sample_ns = 1e4,
                                       .budget_ns = 1,
                                       .stop = &stop};
    for (size_t k = 0; k < plan.n_tasks; k++) {
        struct gb_outcome outcome;
        assert_true(gb_harness_run(&harness, &plan.tasks[k], &outcome));
        assert_int_equal(outcome.measures[0].state, GB_STATE_TIMED);
        const struct gb_share *const share = &outcome.measures[0].share;
        assert_true(share->fraction <= GB_SHARE_MOST);
        assert_true(share->fraction > 0 || strcmp(share->limit, "cache") == 0);
        gb_outcome_free(&outcome);
    }
    assert_true(roofs.fma[0][GK_F32][0] > 1e-2 && roofs.n_spots > 0);
    gb_plan_free(&plan);
}

/* A cell that ran on fewer threads is held against the roof of those that ran. */
static void test_share_of_those_that_ran(void **state) {
    (void)state;
    static struct gb_roofs roofs = {.n_threads = 2, .threads = {1, 2}};
    static struct gb_plan plan = {.n_variants = 1, .n_own = 1};
    const struct gb_task task = {.spec = {.dtype = GK_F32}};
    struct gb_measure m = {.state = GB_STATE_TIMED, .threads_used = 2, .summary = {ROUNDS, 100, 100, 100, 100}};
    struct gb_outcome outcome = {
        .task = &task, .measures = &m, .work = {.flops = 50, .footprint = 220, .products = true}, .rounds = ROUNDS};
    plan.variants[0] = (struct gb_variant){.threads = 2};
    roofs.fma[0][GK_F32][0] = 1, roofs.fma[0][GK_F32][1] = 2;
    for (size_t t = 0; t < 2; t++)
        for (int level = 0; level < GB_LEVEL_COUNT; level++)
            roofs.bandwidth[t][level] = (struct gb_bandwidth){1e9, 1e9, 1e9, 1e9, 1e9};
    gb_outcome_share(&outcome, &plan, &roofs);
    assert_true(fabs(m.share.fraction - 0.25) < 1e-9);
    m.threads_used = 1;
    gb_outcome_share(&outcome, &plan, &roofs);
    assert_true(fabs(m.share.fraction - 0.5) < 1e-9);
    roofs.threads[0] = 3; /* no roof of one */
    gb_outcome_share(&outcome, &plan, &roofs);
    assert_true(fabs(m.share.fraction - 0.25) < 1e-9);
}

/* Of two cells that ran alike, the one that was allowed as many threads is the row's, not the one that noise made faster. */
static void test_fastest_is_not_by_noise(void **state) {
    (void)state;
    static struct run run;
    make(&run, true);
    set_time(&run, 0, 3, 8000);
    set_time(&run, 0, 5, 4990); /* on one thread it took 5000 ns */
    run.rows[0][5].threads_used = 1;
    const char *const row = " forward   100us 50.0us  10.0us 8.00us  5.00us 4.99us* 20.0x [20.0, 20.0]  50 % fma"
                            " a-peer-of-a-long-name@setting  10.0us 2.00x";
    assert_says(printed(&run, (struct gb_report){.width = 0}, TASKS), row);
    run.rows[0][4].state = GB_STATE_FAILED;
    assert_says(printed(&run, (struct gb_report){.width = 0}, TASKS), "FAILED 4.99us* 10.0x [10.0, 10.0]");
}

/* Where the system took the threads the problem need not be small, and nothing is said of who is faster. */
static void test_taken_threads(void **state) {
    (void)state;
    static struct run run;
    make(&run, true);
    for (size_t k = 0; k < TASKS; k++) {
        set_kernel(&run, k, "affine_dx");
        run.rows[k][5].threads_asked = 2, run.rows[k][5].threads_used = k < 2 ? 1 : 2;
    }
    const char *text = printed(&run, (struct gb_report){.width = 0}, 3);
    assert_says(text, " 5.00us 2.50us! ");
    assert_says(text, "\n! threads 2 (1): 2 were asked for, but the system gave 1: no verdict\n");
    assert_not(text, "so small");
    assert_says(text, "in the geometric mean of 1 problem, 0 ahead, 1 behind");
    run.rows[0][3].threads_used = 1;
    text = printed(&run, (struct gb_report){.width = 0, .details = true}, 3);
    assert_says(text, "\nthreads 2 (1): 2 were allowed, but the problem is so small that the call ran on 1\n");
    assert_says(text, "\nthreads 2 (1): 2 were asked for,");
}

/* Roofs of ref in f32, of one thread and of more that were not measured. */
static void make_roofs(struct gb_result *result, struct gb_result_roof *roofs, size_t threads) {
    for (size_t t = 0; t < threads; t++) roofs[t] = (struct gb_result_roof){"ref", "f32", .threads = t ? 2 * t : 1};
    roofs[0].fma = 28;
    for (int level = 0; level < GB_LEVEL_COUNT; level++) roofs[0].at[level] = (struct gb_bandwidth){70, 60, 50, 40, 30};
    *result = (struct gb_result){.context = {.roofs = roofs, .n_roofs = threads}};
}

static const char *printed_roofs(const struct gb_result *result, int width) {
    static char text[1 << 14];
    const struct gb_report report = {.out = fmemopen(text, sizeof text, "w"), .width = width};
    assert_non_null(report.out);
    gb_report_roofs(&report, result);
    assert_int_equal(fclose(report.out), 0);
    return text;
}

/* A roof that was not measured is not one of nothing. */
static void test_roofs_of_none(void **state) {
    (void)state;
    struct gb_result result;
    struct gb_result_roof roofs[2];
    make_roofs(&result, roofs, 2);
    roofs[0].fma = 110.04;
    const char *const text = printed_roofs(&result, 0);
    assert_says(text, " f32                          110.0                    -\n");
    assert_says(text, "     70 /   60 /   50      - /    - /    -\n");
}

static const char *printed_raised(const struct gb_result_roof *before, const struct gb_result *after, bool details) {
    static char text[1 << 14];
    const struct gb_report report = {.out = fmemopen(text, sizeof text, "w"), .details = details};
    assert_non_null(report.out);
    memset(text, 0, sizeof text);
    gb_report_raised_roofs(&report, before, after);
    assert_int_equal(fclose(report.out), 0);
    return text;
}

/* Shares are of roofs that were measured again, so these are told; a few of many. */
static void test_raised_roofs(void **state) {
    (void)state;
    struct gb_result after;
    struct gb_result_roof before[1], roofs[1];
    make_roofs(&after, roofs, 1);
    before[0] = roofs[0];
    roofs[0].fma = 28.5;
    assert_string_equal(printed_raised(before, &after, false), "");
    before[0].fma = 100, roofs[0].fma = 103; /* not by more than 3 % */
    assert_string_equal(printed_raised(before, &after, false), "");
    before[0].fma = 28;
    roofs[0].fma = 236;
    roofs[0].at[GB_LEVEL_L2].copy = 90;
    assert_string_equal(printed_raised(before, &after, false),
                        "roof of ref f32 on 1 thread: measured again, 236 GFLOP/s, not 28\n"
                        "roof of copies in L2 on 1 thread: measured again, 90 GB/s, not 60\n");
    roofs[0].at[GB_LEVEL_MEMORY].read = 80;
    assert_int_equal(times(printed_raised(before, &after, false), "\n"), 3);
    roofs[0].at[GB_LEVEL_MEMORY] = (struct gb_bandwidth){80, 70, 60, 50, 40};
    const char *text = printed_raised(before, &after, false);
    assert_int_equal(times(text, "\n"), 4);
    assert_says(text, "\n2 more roofs measured again (--details lists all)\n");
    text = printed_raised(before, &after, true);
    assert_int_equal(times(text, "\n"), 5);
    assert_says(text, "\nroof of non-temporal copies in memory on 1 thread: measured again, 60 GB/s, not 50\n");
}

/* One outlier is not the noise floor. */
static void test_noise_in_the_median(void **state) {
    (void)state;
    static struct run run;
    static const double ratios[TASKS] = {1.01, 0.97, 250, 1.02};
    make(&run, false);
    for (size_t k = 0; k < TASKS; k++) run.nulls[k].pair.ratio = ratios[k];
    assert_says(printed(&run, (struct gb_report){.width = 0}, 3), "|ratio - 1| is 3.00 % in the median. The widest");
    assert_says(printed(&run, (struct gb_report){.width = 0}, TASKS), "|ratio - 1| is 2.50 % in the median. The widest");
}

/* Under the line of their variant the five that are furthest behind, the furthest first, however far its interval reaches;
 * with details all. */
static void test_furthest_behind(void **state) {
    (void)state;
    enum { PROBLEMS = 7 };
    static const char *const names[PROBLEMS] = {"g", "b", "e", "a", "f", "c", "d"};
    static struct run run;
    char expected[1200] =
        "widest, 2 threads against the best peer: 0.62x in the geometric mean of 7 problems, 0 ahead, 7 behind\n";
    make_empty(&run, true);
    for (size_t k = 0; k < PROBLEMS; k++) {
        add(&run, "affine_dx", "affine n=256 d=768 m=50257", names[k]);
        set_time(&run, k, 5, 4000 - 250 * (names[k][0] - 'a'));
        if (names[k][0] == 'a') run.samples[k][5][0] = 2100;
    }
    for (size_t i = 0; i < PROBLEMS; i++) {
        char ratio[24];
        gb_ratio_text((4000 - 250.0 * (double)i) / 2000, ratio, sizeof ratio);
        gb_text_append(expected, sizeof expected,
                       "  behind a-peer-of-a-long-name@setting: affine_dx n=256 d=768 m=50257 "
                       "dtype=f32 (%c): %sx slower [%s, %s]\n",
                       (int)('a' + i), ratio, i ? ratio : "1.05", ratio);
        if (i != 4) continue;
        char shown[sizeof expected + 64];
        snprintf(shown, sizeof shown, "%s  behind: 2 more (--details lists all)\n", expected);
        assert_says(printed(&run, (struct gb_report){.width = 0}, PROBLEMS), shown);
    }
    const char *const text = printed(&run, (struct gb_report){.width = 0, .details = true}, PROBLEMS);
    assert_says(text, expected);
    assert_not(text, "behind: ");
    assert_says(
        text, "widest, 1 thread against the best peer: 2.00x in the geometric mean of 7 problems, 7 ahead, 0 behind\nwidest,");
}

/* Tables that leave something out say so. */
static void test_what_is_left_out(void **state) {
    (void)state;
    static struct run run;
    struct gb_result result;
    struct gb_result_roof roofs[4];
    make(&run, true);
    const char *text = strstr(printed(&run, (struct gb_report){.width = 79}, TASKS), "\nsummary of");
    assert_non_null(text);
    assert_says(text, "\n--wide shows 3 more columns: problems; against 1 thread; least share of\n");
    make_roofs(&result, roofs, 4);
    assert_says(printed_roofs(&result, 79), "\na wider terminal shows the roofs of 2 threads, 4 threads too\n");
    assert_not(printed_roofs(&result, 0), "a wider terminal");
    make_roofs(&result, roofs, 1);
    assert_says(printed_roofs(&result, 60), "     70 /   60 /   50\n");
    assert_not(printed_roofs(&result, 60), "a wider terminal");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_kernel_part),
        cmocka_unit_test(test_ratio_words),
        cmocka_unit_test(counters_are_told),
        cmocka_unit_test(test_share_words),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_not_cold),
        cmocka_unit_test(test_disturbed_rounds),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_heads_of_pages),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_summary_leaves_out),
        cmocka_unit_test(test_where_the_width_is_from),
        cmocka_unit_test(test_run_on_low_roofs),
        cmocka_unit_test(test_share_of_those_that_ran),
        cmocka_unit_test(test_fastest_is_not_by_noise),
        cmocka_unit_test(test_taken_threads),
        cmocka_unit_test(test_roofs_of_none),
        cmocka_unit_test(test_raised_roofs),
        cmocka_unit_test(test_noise_in_the_median),
        cmocka_unit_test(test_furthest_behind),
        cmocka_unit_test(test_what_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
