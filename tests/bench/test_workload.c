/* The parser of workload files: what it accepts, and line, column and words of what it refuses. */
#include "support.h"
#include "workload.h"
#include "workload_sweep.h"

static bool parse(struct gb_workload *workload, const char *text, struct gb_parse_error *error) {
    *workload = (struct gb_workload){0};
    return gb_workload_parse(workload, "test", text, strlen(text), error);
}

static void assert_parses(struct gb_workload *workload, const char *text, size_t count) {
    struct gb_parse_error error;
    if (!parse(workload, text, &error)) fail_msg("'%s': %zu:%zu: %s", text, error.line, error.column, error.text);
    assert_int_equal(workload->count, count);
}

static void test_fields(void **state) {
    (void)state;
    struct gb_workload w;
    assert_parses(&w, "affine n=256 d=768 m=3072 name=gpt2:fc layout=out_in accumulate=1 dtype=f64 # llm.c\n", 1);
    const struct gb_shape *const s = w.shapes;
    assert_true(s->spec.n == 256 && s->spec.d == 768 && s->spec.m == 3072);
    assert_true(s->spec.layout == GK_OUT_IN && s->spec.accumulate && gb_shape_says(s, GB_OPTION_DTYPE) &&
                s->spec.dtype == GK_F64);
    assert_string_equal(s->name, "gpt2:fc");
    gb_workload_free(&w);
    assert_parses(&w, "softmax_xent c=10 n=3 labels=dense reduction=none", 1);
    assert_true(w.shapes->spec.c == 10 && w.shapes->spec.n == 3 && w.shapes->spec.soft_labels);
    assert_true(w.shapes->spec.reduction == GK_NONE && !gb_shape_says(w.shapes, GB_OPTION_DTYPE));
    assert_string_equal(w.shapes->name, "test:1");
    gb_workload_free(&w);
    assert_parses(&w, "softmax_xent c=10 n=3 labels=index64\nsoftmax_xent c=10 n=3 labels=index", 2);
    assert_true(w.shapes[0].spec.wide_labels && !w.shapes[0].spec.soft_labels);
    assert_true(!w.shapes[1].spec.wide_labels && !w.shapes[1].spec.soft_labels);
    gb_workload_free(&w);
}

/* A problem for each combination of the sizes, the last dimension's running fastest. */
static void test_sweeps(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t count, sizes[8];
    } cases[] = {
        {"64..4096*2", 7, {64, 128, 256, 512, 1024, 2048, 4096}},
        {"64..100*3", 1, {64}},
        {"10,50,100", 3, {10, 50, 100}},
        {"10..45+10", 4, {10, 20, 30, 40}},
        {"3..5", 3, {3, 4, 5}},
        {"7..7", 1, {7}},
        {"9,1..2,8..32*2,9", 7, {9, 1, 2, 8, 16, 32, 9}},
        {"16777215..16777216", 2, {16777215, 16777216}},
        {"4194304..16777216*2", 3, {4194304, 8388608, 16777216}},
    };
    struct gb_workload w;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[80];
        snprintf(line, sizeof line, "relu d=1 n=%s", cases[i].text);
        assert_parses(&w, line, cases[i].count);
        for (size_t k = 0; k < w.count; k++) assert_true(w.shapes[k].spec.n == cases[i].sizes[k] && w.shapes[k].spec.d == 1);
        gb_workload_free(&w);
    }
    assert_parses(&w, "affine m=7,5 n=1..3 d=10 name=fc\nrelu n=1 d=1..1000", 1006);
    for (size_t k = 0; k < 6; k++)
        assert_true(w.shapes[k].spec.n == 1 + k / 2 && w.shapes[k].spec.d == 10 && w.shapes[k].spec.m == (k % 2 ? 5u : 7u));
    assert_string_equal(w.shapes[1].name, "fc/1x5");
    assert_string_equal(w.shapes[1005].name, "test:2/1000");
    gb_workload_free(&w);
}

/* Each text anew, and where it is wrong. */
static void test_sizes(void **state) {
    static const char form[] = "must be a number from 1 to 16777216, or several: 10,50,100 or 64..4096*2 or 10..100+10",
                      zeros[] = "must be a number from 0 to 16777216, or several: 10,50,100 or 64..4096*2 or 10..100+10";
    static const struct {
        const char *text, *wrong;
        size_t at;
    } table[] = {
        {"", form, 0},
        {"0", form, 0},
        {"16777217", form, 0},
        {"1,16777217", form, 2},
        {"000000000001", form, 0},
        {"5x", form, 1},
        {"5,", form, 2},
        {"5..", form, 3},
        {"5.7", form, 1},
        {"5..x", form, 3},
        {"5..7/2", form, 4},
        {"5..7*1", form, 5},
        {"5..7+0", form, 5},
        {"5..7*", form, 5},
        {"5..7+16777217", form, 5},
        {"5..7*2*2", form, 6},
        {"5..4", "must go up in a range", 3},
        {"7,5..4", "must go up in a range", 5},
        {"1..1001", "has more than 1000 sizes", 0},
        {"1..1000,1", "has more than 1000 sizes", 0},
    };
    static struct gb_sweep sweep;
    const char *at;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *const wrong = gb_sweep_parse(&sweep, table[i].text, false, &at);
        if (!wrong || strcmp(wrong, table[i].wrong) != 0) fail_msg("'%s': %s", table[i].text, wrong ? wrong : "accepted");
        if (at != table[i].text + table[i].at) fail_msg("'%s': at %td", table[i].text, at - table[i].text);
        assert_null(gb_sweep_parse(&sweep, "3,9", false, &at));
        assert_true(sweep.count == 2 && sweep.sizes[0] == 3 && sweep.sizes[1] == 9 && *at == '\0');
    }
    assert_null(gb_sweep_parse(&sweep, "1..1000", false, &at));
    assert_true(sweep.count == 1000 && sweep.sizes[999] == 1000);
    assert_string_equal(gb_sweep_parse(&sweep, "0..8*2", true, &at), "has more than 1000 sizes"); /* 0, 0, ... */
    assert_string_equal(gb_sweep_parse(&sweep, "x", true, &at), zeros);
    assert_null(gb_sweep_parse(&sweep, "0,0..3+3", true, &at));
    assert_true(sweep.count == 3 && sweep.sizes[1] == 0 && sweep.sizes[2] == 3);
}

/* A family stands for all its kernels, a kernel for itself: from the table, for any kernel that it holds. */
static void test_first_word(void **state) {
    (void)state;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        const char *const words[] = {kernel->name, kernel->family};
        for (size_t k = 0; k < 2; k++) {
            char line[200];
            size_t used = (size_t)snprintf(line, sizeof line, "%s", words[k]);
            bool dims[GK_DIM_COUNT] = {false};
            for (int other = 0; other < GK_KERNEL_COUNT; other++) {
                const struct gk_kernel *const o = gk_kernel_get((enum gk_kernel_id)other);
                if (strcmp(o->name, words[k]) != 0 && strcmp(o->family, words[k]) != 0) continue;
                for (size_t i = 0; i < o->n_fields; i++)
                    if (o->fields[i].kind == GK_FIELD_DIM) dims[o->fields[i].dim] = true;
            }
            for (enum gk_dim i = 0; i < GK_DIM_COUNT; i++)
                if (dims[i]) used += (size_t)snprintf(line + used, sizeof line - used, " %s=%d", gk_dim_name(i), i + 2);
            struct gb_workload w;
            assert_parses(&w, line, 1);
            assert_true(w.shapes->kernels[id]);
            for (int other = 0; other < GK_KERNEL_COUNT; other++)
                if (strcmp(gk_kernel_get((enum gk_kernel_id)other)->family, kernel->family) != 0)
                    assert_false(w.shapes->kernels[other]);
            gb_workload_free(&w);
        }
    }
}

static void test_layout_of_text(void **state) {
    (void)state;
    struct gb_workload w;
    assert_parses(&w, "", 0);
    assert_parses(&w, "\n\n# only a comment\n   \t \n", 0);
    gb_workload_free(&w);
    assert_parses(&w, "relu n=1 d=2\r\n\r\nrelu n=3 d=4\r\n", 2);
    assert_string_equal(w.shapes[1].name, "test:3");
    gb_workload_free(&w);
    assert_parses(&w,
                  "\xef\xbb\xbf"
                  "relu n=1 d=2",
                  1);
    gb_workload_free(&w);
    assert_parses(&w, "\xef\xbb\xbf", 0);
    assert_parses(&w, "\t relu\tn=1   d=2#tight\n", 1);
    gb_workload_free(&w);
    assert_parses(&w, "relu n=16777216 d=1", 1);
    gb_workload_free(&w);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t line, column;
        const char *words;
    } table[] = {
        {"afine n=1 d=1 m=1", 1, 1, "did you mean 'affine'?"},
        {"\n\naffine n=0 d=1 m=1", 3, 10,
         "n must be a number from 1 to 16777216, or several: 10,50,100 or 64..4096*2 or 10..100+10 (got '0')"},
        {"affine n=16777217 d=1 m=1", 1, 10, "got '16777217'"},
        {"affine n=99999999999999999999999 d=1 m=1", 1, 10, "from 1 to 16777216"},
        {"affine n=-1 d=1 m=1", 1, 10, "got '-1'"},
        {"affine n=1.5 d=1 m=1", 1, 11, "got '1.5'"},
        {"affine n= d=1 m=1", 1, 10, "got ''"},
        {"affine n=0x10 d=1 m=1", 1, 10, "got '0x10'"},
        {"affine n=1 d=1", 1, 15, "m is missing"},
        {"affine", 1, 7, "n is missing"},
        {"affine n=1 d=1 m=1 c=4", 1, 20, "unknown key 'c' (allowed: "}, /* no letter of it is in another key */
        {"relu n=1 d=1 layout=in_out", 1, 14, "unknown key 'layout'"},
        {"affine n=1 d=1 m=1 labels=index", 1, 20, "unknown key 'labels'"},
        {"affine n=1 n=2 d=1 m=1", 1, 12, "n is given twice"},
        {"affine n=1 d=1 m=1 layout=up", 1, 27, "layout cannot be 'up' (allowed: in_out, out_in)"},
        {"affine n=1 d=1 m=1 accumulate=yes", 1, 31, "allowed: 0, 1"},
        {"affine n=1 d=1 m=1 dtype=f16", 1, 26, "allowed: f32, f64"},
        {"affine n=1 d=1 m=1 name=", 1, 25, "a name has 1 to 63"},
        {"affine n=1 d=1 m=1 name=a\"b", 1, 25, "a name has 1 to 63"},
        {"affine 5", 1, 8, "expected key=value"},
        {"affine =5", 1, 8, "unknown key ''"},
        {"softmax_xent n=1 c=1 reduction=max", 1, 32, "allowed: mean, sum, none"},
        {"affine n=1 d=1 m=1 \x01", 1, 20, "0x01"},
        {"affine n=1 d=1 m=\xc3\xa9", 1, 18, "0xc3"},
        {"\xff\xfe"
         "a",
         1, 1, "0xff"},
        {"affine n=1\rd=1 m=1", 1, 11, "0x0d"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gb_workload w;
        struct gb_parse_error error = {0};
        assert_false(parse(&w, table[i].text, &error));
        if (error.line != table[i].line || error.column != table[i].column || !strstr(error.text, table[i].words))
            fail_msg("'%s': got %zu:%zu: %s", table[i].text, error.line, error.column, error.text);
        gb_workload_free(&w);
    }
}

static void test_nul(void **state) {
    (void)state;
    struct gb_workload w = {0};
    struct gb_parse_error error;
    static const char text[] = "affine n=1\0 d=1 m=1\n";
    assert_false(gb_workload_parse(&w, "test", text, sizeof text - 1, &error));
    assert_true(error.line == 1 && error.column == 11);
    gb_workload_free(&w);
}

static void test_limits(void **state) {
    (void)state;
    struct gb_workload w = {0};
    struct gb_parse_error error;
    static const char line[] = "relu n=1 d=1\n";
    const size_t length = sizeof line - 1, count = GB_WORKLOAD_SHAPES_MAX;
    char *const many = malloc((count + 1) * length), *const wide = malloc(GB_WORKLOAD_LINE_MAX + 2);
    assert_true(many && wide);
    for (size_t i = 0; i <= count; i++) memcpy(many + i * length, line, length);
    assert_true(gb_workload_parse(&w, "test", many, count * length, &error));
    assert_int_equal(w.count, count);
    gb_workload_free(&w);
    assert_false(gb_workload_parse(&w, "test", many, (count + 1) * length, &error));
    assert_int_equal(error.line, count + 1);
    gb_workload_free(&w);
    memset(wide, '#', GB_WORKLOAD_LINE_MAX + 1);
    assert_true(gb_workload_parse(&w, "test", wide, GB_WORKLOAD_LINE_MAX, &error));
    assert_false(gb_workload_parse(&w, "test", wide, GB_WORKLOAD_LINE_MAX + 1, &error));
    assert_int_equal(error.line, 1);
    gb_workload_free(&w);
    free(many);
    free(wide);
}

/* Random bytes, and good lines with bytes changed: an answer, and never a crash (the sanitizers watch). */
static void test_random(void **state) {
    (void)state;
    static const char good[] =
        "affine n=256 d=768 m=3072 layout=out_in name=a:b\nsoftmax_xent n=2 c=9 labels=dense reduction=sum\n";
    uint64_t random = 5;
    size_t refused = 0;
    for (size_t trial = 0; trial < 20000; trial++) {
        char text[sizeof good];
        struct gb_workload w = {0};
        struct gb_parse_error error;
        memcpy(text, good, sizeof good);
        for (size_t change = 0; change <= trial % 3; change++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[(random >> 33) % (sizeof good - 1)] = (char)(random >> 25);
        }
        if (!gb_workload_parse(&w, "test", text, (random >> 40) % sizeof good, &error)) {
            refused++;
            assert_true(error.line >= 1 && error.line <= 4 && error.column >= 1 && error.text[0]);
        }
        gb_workload_free(&w);
    }
    assert_true(refused > 1000 && refused < 20000);
}

/* Every workload that is shipped can be read, and each name in it is there once a kernel word. */
static void test_shipped(void **state) {
    (void)state;
    static const char *const expected[] = {"bert", "ci",  "deepbench-small", "default", "dlrm",  "goals",
                                           "gpt2", "mlp", "smoke",           "tails",   "vision"};
    char **const list = gb_workload_list();
    assert_non_null(list);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool found = false;
        for (size_t j = 0; list[j]; j++) found = found || strcmp(list[j], expected[i]) == 0;
        if (!found) fail_msg("no workload %s", expected[i]);
    }
    for (size_t j = 0; list[j]; j++) {
        char path[GB_PATH_MAX];
        struct gb_workload w = {0};
        assert_int_equal(gb_workload_find(list[j], path), 0);
        assert_int_equal(gb_workload_read(&w, path), 0);
        assert_true(w.count > 0);
        for (size_t a = 0; a < w.count; a++)
            for (size_t b = 0; b < a; b++)
                if (strcmp(w.shapes[a].name, w.shapes[b].name) == 0 && w.shapes[a].kernels[0] && w.shapes[b].kernels[0])
                    fail_msg("%s: the name %s is there twice", list[j], w.shapes[a].name);
        gb_workload_free(&w);
    }
    free(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),   cmocka_unit_test(test_first_word), cmocka_unit_test(test_layout_of_text),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_nul),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_random),   cmocka_unit_test(test_shipped),    cmocka_unit_test(test_sweeps),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
