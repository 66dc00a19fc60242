/* A result as plain data: it is read and written again with the same bytes, filled from a plan, and a file that is broken is
 * told with its place, whatever is wrong with it. */
#include <glob.h>
#include <math.h>

#include "random.h"
#include "result_fill.h"
#include "support.h"
#include "support_file.h"
#include "support_said.h"

static char path[] = "/tmp/gradbench-result-XXXXXX";

static void put(const char *bytes, size_t size) {
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct gb_said heard;

static int read_file(void *unused) {
    struct gb_result result = {.complete = false};
    (void)unused;
    const int code = gb_result_read(&result, path);
    gb_result_free(&result);
    return code;
}

/* The exit code; what was said is in heard. */
static int read_heard(void) {
    gb_hear(&heard, read_file, NULL);
    return heard.code;
}

/* --- again */

/* All that a file can hold, and each that may be absent once absent. */
static const char hand_made[] = "{\n"
                                " \"schema\": \"gradbench/1\",\n"
                                " \"complete\": false,\n"
                                " \"context\": {\n"
                                "  \"cpu\": \"a | \\\"cpu\\\" \\u001B[31m\",\n"
                                "  \"isa\": \"wide\",\n"
                                "  \"cores\": 1,\n"
                                "  \"threads\": 9007199254740993,\n"
                                "  \"topology\": \"\",\n"
                                "  \"compiler\": \"cc\",\n"
                                "  \"flags\": \"-O\",\n"
                                "  \"revision\": \"unknown\",\n"
                                "  \"version\": \"0\",\n"
                                "  \"numerics\": 1,\n"
                                "  \"seed\": 0,\n"
                                "  \"date\": \"2026-01-01T00:00:00Z\",\n"
                                "  \"warnings\": [\n"
                                "   \"one\",\n"
                                "   \"two\"\n"
                                "  ],\n"
                                "  \"roofs\": [],\n"
                                "  \"null_pairs\": []\n"
                                " },\n"
                                " \"results\": [\n"
                                "  {\n"
                                "   \"kernel\": \"nobody_knows\",\n"
                                "   \"dtype\": \"f64\",\n"
                                "   \"options\": {\n"
                                "    \"layout\": \"out_in\",\n"
                                "    \"accumulate\": true\n"
                                "   },\n"
                                "   \"variant\": \"peer:x\",\n"
                                "   \"isa\": \"peer\",\n"
                                "   \"threads\": 2,\n"
                                "   \"workload\": \"a:b\",\n"
                                "   \"cache\": \"cold\",\n"
                                "   \"shape\": {\n"
                                "    \"q\": 7\n"
                                "   },\n"
                                "   \"flops\": 1.0,\n"
                                "   \"verified\": \"no\",\n"
                                "   \"state\": \"gone\",\n"
                                "   \"failure\": \"it hung\",\n"
                                "   \"note\": \"a way\"\n"
                                "  },\n"
                                "  {\n"
                                "   \"kernel\": \"nobody_knows\",\n"
                                "   \"dtype\": \"f32\",\n"
                                "   \"options\": {},\n"
                                "   \"variant\": \"wide\",\n"
                                "   \"isa\": \"wide\",\n"
                                "   \"threads\": 1,\n"
                                "   \"workload\": \"a:b\",\n"
                                "   \"cache\": \"hot\",\n"
                                "   \"shape\": {},\n"
                                "   \"bytes\": 1e300,\n"
                                "   \"verified\": \"sampled\",\n"
                                "   \"median_ns\": 1.5e-5,\n"
                                "   \"ci95_ns\": [\n"
                                "    0.0,\n"
                                "    123456789.0\n"
                                "   ],\n"
                                "   \"bound\": \"cache\",\n"
                                "   \"roof_fraction\": 0.0,\n"
                                "   \"vs\": {},\n"
                                "   \"best_peer\": {\n"
                                "    \"ratio\": 0.5,\n"
                                "    \"ci95\": [\n"
                                "     0.25,\n"
                                "     0.75\n"
                                "    ],\n"
                                "    \"verdict\": \"slower\",\n"
                                "    \"variant\": \"peer:x\"\n"
                                "   }\n"
                                "  }\n"
                                " ]\n"
                                "}\n";

static void test_again(void **state) {
    (void)state;
    glob_t records;
    assert_int_equal(glob(TEST_DATA_DIR "/../../bench/records/*.json", 0, NULL, &records), 0);
    for (size_t i = 0; i < records.gl_pathc; i++) assert_true(is_written_again(records.gl_pathv[i]));
    globfree(&records);
    put(hand_made, strlen(hand_made));
    assert_true(is_written_again(path));
    struct gb_result result = {.complete = true};
    assert_int_equal(gb_result_read(&result, path), 0);
    assert_false(result.complete);
    assert_int_equal(result.n_rows, 2);
    assert_int_equal(result.rows[0].state, GB_STATE_GONE);
    assert_int_equal(result.rows[1].state, GB_STATE_TIMED);
    assert_null(result.rows[0].options[1].value);
    assert_true(isnan(result.rows[0].bytes) && isnan(result.rows[0].summary.median) && result.rows[1].flops != 1);
    assert_true(result.rows[1].summary.high == 123456789 && result.rows[1].best_peer->pair.low == 0.25);
    assert_string_equal(result.rows[1].best_peer->verdict, "slower");
    gb_result_free(&result);
}

/* hand_made, with one part of it replaced. */
static void put_changed(const char *old, const char *new) {
    static char text[2 * sizeof hand_made];
    const char *const at = strstr(hand_made, old);
    assert_non_null(at);
    const int size = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - hand_made), hand_made, new, at + strlen(old));
    put(text, (size_t)size);
}

/* Members of others, and any layout, are read; a row of before state was told has failed. */
static void test_tolerated(void **state) {
    (void)state;
    struct gb_result result = {.complete = false};
    put_changed("\"seed\": 0,\n", "\"seed\":0 ,\"new\" : [{}, [1,\"]\\\\\"]],");
    assert_int_equal(gb_result_read(&result, path), 0);
    gb_result_free(&result);
    put_changed("   \"state\": \"gone\",\n", "");
    assert_int_equal(gb_result_read(&result, path), 0);
    assert_int_equal(result.rows[0].state, GB_STATE_FAILED);
    gb_result_free(&result);
}

/* --- broken */

static void test_places(void **state) {
    (void)state;
    static const struct {
        const char *old, *new, *said;
    } table[] = {
        {"gradbench/1", "gradbench/2", ":2:12: error: schema is none of: gradbench/1\n"},
        {"false", "0", ":3:14: error: complete is not true or false\n"},
        {"\"context\"", "\"contexts\"", ":1:1: error: context is missing\n"},
        {"\"cores\": 1", "\"cores\": -1", ":7:12: error: cores is not a count\n"},
        {"\"cores\": 1", "\"cores\": 1.0", ":7:12: error: cores is not a count\n"},
        {"   \"two\"", "   2", ":17:15: error: warnings is not a text\n"},
        {"\"roofs\": []", "\"roofs\": [{}]", ":21:13: error: isa is missing\n"},
        {"\"f64\"", "\"f16\"", ":27:13: error: dtype is none of: f32, f64\n"},
        {"\"accumulate\": true", "\"accumulate\": false", ":30:19: error: accumulate is not a text\n"},
        {"\"q\": 7", "\"q\": \"7\"", ":38:10: error: q is not a count\n"},
        {"\"gone\"", "\"timed\"", ":42:13: error: state is none of: failed, gone, no memory\n"},
        {"\"median_ns\": 1.5e-5", "\"median_ns\": -1", ":58:17: error: median_ns is not a number from 0 on\n"},
        {"   \"median_ns\": 1.5e-5,\n", "", ":46:3: error: median_ns and failure are missing\n"},
        {"   \"bound\": \"cache\",\n", "", ":46:3: error: of median_ns, ci95_ns, bound and roof_fraction some are missing\n"},
        {"   \"median_ns\": 1.5e-5,\n", "\"failure\": \"\",", ":46:3: error: there is best_peer, but no median_ns\n"},
        {"\"vs\": {}", "\"vs\": [1]", ":65:10: error: vs is not an object\n"},
        {"     0.75\n", "     0.75, 1\n", ":68:13: error: ci95 is not a list of two numbers\n"},
        {"    \"ratio\": 0.5,\n", "", ":66:17: error: ratio is missing\n"},
        {"1e300", "1e999", ":56:"},
        {"1e300", "NaN", ":56:"},
        {"1.5e-5", "1.5e-5, \"median_ns\": 2", ":58:"},
        {"\"results\": [", "\"results\": [[],", ":24:13: error: results is not a list of objects\n"},
    };
    char start[80];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        put_changed(table[i].old, table[i].new);
        assert_int_equal(read_heard(), 3);
        const int length = snprintf(start, sizeof start, "gradbench: %s", path);
        if (strncmp(heard.err, start, (size_t)length) != 0 ||
            strncmp(heard.err + length, table[i].said, strlen(table[i].said)) != 0)
            fail_msg("%s instead of %s: %s", table[i].new, table[i].old, heard.err);
        assert_ptr_equal(strchr(heard.err, '\n'), heard.err + strlen(heard.err) - 1);
    }
}

/* Neither crashes nor hangs: cut off anywhere, and with bytes and whole lines changed. */
static void test_mutations(void **state) {
    (void)state;
    static char text[sizeof hand_made];
    uint64_t random = 7;
    const size_t size = sizeof hand_made - 1;
    size_t refused = 0;
    for (size_t cut = 0; cut < size - 2; cut += 7) {
        put(hand_made, cut);
        assert_int_equal(read_heard(), 3);
    }
    for (int i = 0; i < 2000; i++) {
        static const char bytes[] = "\"{}[]:,0-9.eE\\ntfu\xff\n";
        memcpy(text, hand_made, sizeof text);
        for (uint64_t n = 1 + gb_next_random(&random) % 3; n > 0; n--)
            text[gb_next_random(&random) % size] = bytes[gb_next_random(&random) % (sizeof bytes)];
        put(text, size);
        const int code = read_heard();
        assert_true(code == 0 || code == 3);
        assert_int_equal(code == 3, strncmp(heard.err, "gradbench: /tmp/", 16) == 0);
        refused += code == 3;
    }
    assert_true(refused > 1000);
}

/* What would take all memory or all of the stack is refused. */
static void test_limits(void **state) {
    (void)state;
    enum { DEEP = 100000, MANY = 24 << 20 }; /* of a memory that objects take many times */
    char *const text = malloc(MANY + 1);
    assert_non_null(text);
    memset(text, '[', DEEP);
    put(text, DEEP);
    assert_int_equal(read_heard(), 3);
    text[0] = '[';
    for (size_t i = 1; i < MANY; i++) text[i] = "{},"[(i - 1) % 3];
    put(text, MANY);
    assert_int_equal(read_heard(), 3);
    assert_non_null(strstr(heard.err, ":1:1: error: what the file holds takes more than 1 GiB\n"));
    free(text);
    put("", 0);
    assert_int_equal(truncate(path, (off_t)1 << 30), 0);
    assert_int_equal(read_heard(), 3);
    assert_non_null(strstr(heard.err, ":1:1: error: the file is larger than 256 MiB\n"));
    put("", 0);
}

/* --- filled */

static void assert_same_file(const struct gb_result *result) {
    assert_int_equal(gb_result_write(result, path, false), 0);
    assert_true(is_written_again(path));
}

/* No option is left out of a title or a row. */
static void test_plan(void **state) {
    (void)state;
    static struct gb_plan plan;
    struct gb_result result = {.complete = false};
    struct gb_plan_options options = {.shapes = {{"affine n=2 d=3 m=4 layout=out_in accumulate=1 name=a:b",
                                                  "softmax_xent n=5 c=6 labels=dense reduction=none"},
                                                 2},
                                      .kernels = "affine_db,affine_dw,softmax_xent_forward",
                                      .isa = "ref",
                                      .threads = "1",
                                      .seed = 1};
    assert_int_equal(gb_plan_make(&plan, &options), 0);
    gb_fill_plan(&result, &plan, 1);
    gb_fill_date(&result);
    gb_fill_roofs(&result, &(struct gb_roofs){.n_threads = 1});
    gb_fill_warnings(&result, &(struct gb_warnings){.list = {"careful"}, .count = 1});
    assert_int_equal(result.n_problems, 3);
    assert_string_equal(result.problems[0].title, "affine n=2 d=3 m=4 layout=out_in accumulate=1");
    assert_string_equal(result.problems[1].title, "affine n=2 d=3 m=4 layout=out_in accumulate=1");
    assert_string_equal(result.problems[2].title, "softmax_xent n=5 c=6 reduction=none labels=dense");
    assert_non_null(strstr(result.problems[1].text, "affine_db n=2 m=4 dtype=f32 accumulate=1"));
    gb_fill_no_memory(&result, &plan, &plan.tasks[0], "no memory for it");
    gb_fill_no_memory(&result, &plan, &plan.tasks[2], "no memory for that");
    const struct gb_task last = plan.tasks[2];
    gb_plan_free(&plan); /* nothing of it is needed any more */
    assert_int_equal(result.n_rows, 2);
    const struct gb_result_row *const row = &result.rows[0], *const other = &result.rows[1];
    assert_int_equal(row->state, GB_STATE_NO_MEMORY);
    assert_string_equal(row->failure, "no memory for it");
    assert_true(row->n_options == 2 && other->n_options == 2 && row->n_shape == 3 && other->n_shape == 2);
    assert_string_equal(other->shape[1].name, "c");
    assert_int_equal(other->shape[1].size, last.spec.c);
    assert_same_file(&result);
    gb_result_free(&result);
    assert_int_equal(gb_result_read(&result, path), 0);
    assert_int_equal(result.rows[1].state, GB_STATE_NO_MEMORY);
    assert_string_equal(result.rows[1].failure, "no memory for that");
    gb_result_free(&result);
}

/* --- memory */

/* Zero, aligned, apart from each other, and as much as was asked for, in pieces of any size. */
static void test_memory(void **state) {
    (void)state;
    enum { PIECES = 400 };
    struct gb_result result = {.complete = true};
    char *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        const size_t size = i % 50 == 49 ? 70000 : i * 7 % 1000;
        pieces[i] = gb_result_alloc(&result, size, 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++) assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 127 + 1), size);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < (i % 50 == 49 ? 70000 : i * 7 % 1000); k++) assert_int_equal(pieces[i][k], i % 127 + 1);
    memset(gb_result_alloc(&result, 3, 1000), 1, 3000);
    assert_string_equal(gb_result_text(&result, "a text"), "a text");
    assert_false(result.exhausted);
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX - 1, (size_t)1 << 62}, sizes[] = {2, 1, 1, 4};
    for (size_t i = 0; i < 4; i++) {
        result.exhausted = false;
        assert_null(gb_result_alloc(&result, counts[i], sizes[i]));
        assert_true(result.exhausted);
    }
    gb_result_free(&result);
    assert_false(result.complete || result.exhausted || result.chunks);
    gb_result_free(&result);
}

/* --- what cannot be said in JSON */

/* Text of others need not be UTF-8; a number that must be there and is none is 0, a list one without members. */
static void test_written(void **state) {
    (void)state;
    struct gb_result_row row = {.kernel = "k\xff",
                                .dtype = "f32",
                                .variant = "v",
                                .isa = "wide",
                                .workload = "w",
                                .cache = "hot",
                                .verified = "full",
                                .state = GB_STATE_TIMED,
                                .flops = INFINITY,
                                .bytes = NAN,
                                .summary = {7, 1.0 / 3, 2, 3, NAN},
                                .gflops = -INFINITY,
                                .share = {"fma", NAN, GB_LEVEL_L2}};
    struct gb_result_null null = {"k", "f32", "w", "v", 1, {7, NAN, NAN, INFINITY, false}};
    struct gb_result result = {.rows = &row, .n_rows = 1, .context = {.nulls = &null, .n_nulls = 1}};
    char *text;
    size_t size;
    assert_int_equal(gb_result_write(&result, path, true), 0);
    text = support_file_read(path, &size);
    assert_non_null(text);
    static const char *const says[] = {
        "\"kernel\": \"(not UTF-8)\"", "\"flops\": 0.0,\n", "\"median_ns\": 0.333333333,\n",
        "\"gflops\": 0.0,\n",          "\"ratio\": 0.0,\n", "\"ci95\": [\n     0.0,\n     0.0\n    ]",
        "\"threads\": 0,\n",           "\"roofs\": []",     "\"options\": {},\n"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (!strstr(text, says[i])) fail_msg("'%s' is not in %s", says[i], text);
    static const char *const silent[] = {"bytes",     "min_ns", "samples", "iterations", "threads_used", "roof_fraction", "cpu",
                                         "best_peer", "state",  "failure", "note",       "spots",        "description"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (strstr(text, silent[i])) fail_msg("'%s' is in %s", silent[i], text);
    free(text);
}

static int write_to(const void *where) {
    const struct gb_result result = {.complete = true, .exhausted = where == NULL};
    return gb_result_write(&result, where ? where : "-", false);
}

/* Standard output gets the bytes of a file; what cannot be written is told with the reason. */
static void test_where(void **state) {
    (void)state;
    char said[400], *text, *again;
    size_t size, size_again;
    assert_int_equal(write_to(path), 0);
    text = support_file_read(path, &size);
    put("", 0);
    fflush(stdout);
    const int before = dup(STDOUT_FILENO);
    assert_non_null(freopen(path, "w", stdout));
    const int code = write_to("-");
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    assert_int_equal(code, 0);
    again = support_file_read(path, &size_again);
    assert_true(size == size_again && memcmp(text, again, size) == 0 && text[size - 1] == '\n');
    free(text);
    free(again);
    assert_int_equal(gb_child_run(write_to, "/nowhere/f", said, sizeof said), 4);
    assert_string_equal(said, "gradbench: error: cannot write /nowhere/f (No such file or directory)\n");
    assert_int_equal(gb_child_run(write_to, "/dev/full", said, sizeof said), 4);
    assert_string_equal(said, "gradbench: error: cannot write /dev/full (No space left on device)\n");
    assert_int_equal(gb_child_run(write_to, NULL, said, sizeof said), 4);
    assert_string_equal(said, "gradbench: error: no memory for the result file\n");
}

/* --- what rows are to each other */

static void test_compare(void **state) {
    (void)state;
    double samples[4][7];
    struct gb_result_row rows[4];
    static const double ns[] = {100, 50, 25, 200};
    struct gb_result result = {.complete = false};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 7; k++) samples[i][k] = ns[i];
        rows[i] = (struct gb_result_row){.variant = i == 0   ? "ref"
                                                    : i == 1 ? "wide"
                                                    : i == 2 ? "peer:a"
                                                             : "peer:b",
                                         .isa = i == 0   ? "ref"
                                                : i == 1 ? "wide"
                                                         : "peer",
                                         .threads = 1,
                                         .state = GB_STATE_TIMED,
                                         .samples = samples[i],
                                         .n_samples = 7,
                                         .summary = {7, ns[i], ns[i], ns[i], ns[i]}};
    }
    assert_int_equal(gb_result_best_peer(rows, 4, 1), 2);
    assert_int_equal(gb_result_best_peer(rows, 4, 2), 4);
    gb_result_compare_all(&result, rows, 4, 0);
    assert_int_equal(rows[0].n_vs, 3);
    assert_string_equal(rows[1].best_peer->variant, "peer:a");
    assert_string_equal(rows[1].best_peer->verdict, "slower");
    assert_true(rows[1].best_peer->pair.ratio == 0.5 && rows[1].vs[0].pair.ratio == 2);
    assert_null(rows[2].best_peer);
    /* what was found counts, as in a file without samples */
    rows[1].n_samples = 0;
    assert_true(gb_result_compare(&rows[1], &rows[0], 0).pair.ratio == 2);
    assert_string_equal(gb_result_compare(&rows[1], &rows[0], 5).verdict, "faster");
    /* else they say nothing */
    rows[1].n_vs = 0;
    const struct gb_pair nothing = gb_result_compare(&rows[1], &rows[0], 0).pair;
    assert_true(nothing.count == 0 && nothing.ratio == 0 && nothing.low == 0 && nothing.high == 0);
    rows[1].n_samples = 6; /* of others there are as many as here, or none */
    assert_int_equal(gb_result_compare(&rows[1], &rows[0], 0).pair.count, 0);
    rows[1].n_samples = 7;
    assert_int_equal(gb_result_compare(&rows[1], &rows[0], 0).pair.count, 7);
    rows[1].n_samples = 0;
    assert_string_equal(gb_result_compare(&rows[1], &rows[0], 0).verdict, "inconclusive");
    /* noise, and threads that were taken */
    assert_string_equal(gb_result_compare(&rows[3], &rows[2], 9).verdict, "slower");
    rows[3].n_vs = rows[2].n_vs = 0;
    assert_string_equal(gb_result_compare(&rows[3], &rows[2], 9).verdict, "inconclusive");
    assert_string_equal(gb_result_compare(&rows[3], &rows[2], 0.1).verdict, "slower");
    rows[2].threads_asked = 2, rows[2].threads_used = 1;
    assert_string_equal(gb_result_compare(&rows[3], &rows[2], 0.1).verdict, "inconclusive");
    assert_string_equal(gb_result_compare(&rows[2], &rows[3], 0.1).verdict, "inconclusive");
    rows[2].threads_used = 2;
    assert_string_equal(gb_result_compare(&rows[2], &rows[3], 0.1).verdict, "faster");
    /* on other threads it is not the one of that name that was found */
    rows[0].threads = 2;
    rows[0].n_samples = rows[1].n_samples = 7;
    rows[0].vs[0].variant = "wide", rows[0].vs[0].pair.ratio = 9;
    assert_true(gb_result_compare(&rows[0], &rows[1], 0).pair.ratio == 0.5);
    rows[0].threads = 1;
    assert_true(gb_result_compare(&rows[0], &rows[1], 0).pair.ratio == 9);
    gb_result_free(&result);
}

/* As many rounds as there can be. */
static void test_most_rounds(void **state) {
    (void)state;
    static double samples[GB_ROUNDS_MAX + 1];
    for (size_t k = 0; k <= GB_ROUNDS_MAX; k++) samples[k] = 5;
    struct gb_result_row a = {.variant = "a", .samples = samples, .n_samples = GB_ROUNDS_MAX}, b = a;
    assert_int_equal(gb_result_compare(&a, &b, 0).pair.count, GB_ROUNDS_MAX);
    a.n_samples = b.n_samples = GB_ROUNDS_MAX + 1;
    assert_int_equal(gb_result_compare(&a, &b, 0).pair.count, 0);
}

/* A row is not compared with itself, with others' threads, or with what has no time; of two peers that are as fast as each
 * other the first is the best, and none is where none was timed. */
static void test_compare_all(void **state) {
    (void)state;
    enum { ROWS = 6 };
    double samples[7] = {1, 1, 1, 1, 1, 1, 1};
    struct gb_result_row rows[ROWS];
    static const char *const names[] = {"a", "b", "peer:x", "peer:y", "a", "peer:x"};
    struct gb_result result = {.complete = false};
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = (struct gb_result_row){.variant = names[i],
                                         .isa = names[i][1] ? "peer" : names[i],
                                         .threads = i < 4 ? 1 : 2,
                                         .state = i == 5 ? GB_STATE_GONE : GB_STATE_TIMED,
                                         .samples = samples,
                                         .n_samples = 7,
                                         .summary = {7, 1, 1, 1, 1}};
    rows[1].state = GB_STATE_FAILED;
    gb_result_compare_all(&result, rows, ROWS, 0);
    assert_true(rows[0].n_vs == 2 && rows[1].n_vs == 0 && rows[2].n_vs == 2 && rows[3].n_vs == 2 && rows[4].n_vs == 0);
    assert_true(!rows[1].vs && !rows[5].vs);
    assert_string_equal(rows[0].vs[0].variant, "peer:x");
    assert_string_equal(rows[0].vs[1].variant, "peer:y");
    assert_ptr_equal(rows[0].best_peer, &rows[0].vs[0]);
    assert_true(!rows[1].best_peer && !rows[2].best_peer && !rows[3].best_peer && !rows[4].best_peer && !rows[5].best_peer);
    gb_result_free(&result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),     cmocka_unit_test(test_tolerated),   cmocka_unit_test(test_places),
        cmocka_unit_test(test_mutations), cmocka_unit_test(test_limits),      cmocka_unit_test(test_plan),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_written),     cmocka_unit_test(test_where),
        cmocka_unit_test(test_compare),   cmocka_unit_test(test_most_rounds), cmocka_unit_test(test_compare_all),
    };
    const int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
