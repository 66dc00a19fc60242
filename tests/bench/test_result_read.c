/* The reader against its schema: each member of a file that has them all is left out and is of each wrong kind, in files of any
 * layout, and what is told is what is wrong and where. */
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>

#include "result.h"
#include "result_schema.h"
#include "support.h"
#include "support_file.h"

#define MARK "<the place>"

static char path[] = "/tmp/gradbench-read-XXXXXX";

static void put(const char *text) {
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Reads or writes a file, with standard error caught: the exit code, and what was said. */
static int call_caught(bool writes, const char *name, struct gb_result *result, char *said, size_t size) {
    static int caught = -1, before;
    if (caught < 0) {
        caught = fcntl(fileno(tmpfile()), F_DUPFD, 10);
        before = fcntl(STDERR_FILENO, F_DUPFD, 10);
        close(STDIN_FILENO); /* so that the file is 0 */
    }
    assert_true(ftruncate(caught, 0) == 0 && lseek(caught, 0, SEEK_SET) == 0 && dup2(caught, STDERR_FILENO) >= 0);
    const int code = writes ? gb_result_write(result, name, false) : gb_result_read(result, name);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    const ssize_t length = pread(caught, said, size - 1, 0);
    assert_true(length >= 0);
    said[length] = '\0';
    return code;
}

static int read_caught(const char *name, struct gb_result *result, char *said, size_t size) {
    return call_caught(false, name, result, said, size);
}

/* --- a file in any layout */

static json_t *full(void) {
    json_error_t error;
    json_t *const root = json_load_file(TEST_DATA_DIR "/report/full.json", JSON_REJECT_DUPLICATES, &error);
    if (!root) fail_msg("%d:%d: %s", error.line, error.column, error.text);
    return root;
}

/* As text with spaces of all kinds around what is not in a string. To be freed. */
static char *spaced(const json_t *root) {
    static const char *const spaces[] = {"", " ", "\n", "\t", "", "\r\n", "  "};
    char *const compact = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    assert_non_null(compact);
    char *const text = malloc(4 * strlen(compact) + 16), *end = text;
    size_t n = 0;
    bool inside = false;
    assert_non_null(text);
    for (const char *c = compact; *c; c++) {
        if (!inside && strchr("]}:,", *c)) end = stpcpy(end, spaces[n++ % 7]);
        if (*c == '\\') *end++ = *c++;
        else inside ^= *c == '"';
        *end++ = *c;
        if (!inside && strchr("{[]}:,", *c)) end = stpcpy(end, spaces[n++ % 7]);
    }
    *end = '\0';
    free(compact);
    return text;
}

/* Where the innermost object starts that has not ended before `at`. */
static const char *object_around(const char *text, const char *at) {
    const char *starts[20], *start = text;
    size_t depth = 0;
    bool inside = false;
    for (const char *c = text; c < at; c++) {
        if (*c == '\\') c++;
        else if (*c == '"') inside = !inside;
        else if (!inside && strchr("{[", *c)) starts[depth++] = c;
        else if (!inside && strchr("]}", *c)) depth--;
    }
    while (depth > 0 && *(start = starts[--depth]) != '{') {
    }
    return start;
}

/* --- each member of the schema */

struct walk {
    json_t *root;
    size_t cases;
    const struct gb_member *known[200]; /* that have been walked over, by an object that had them */
    size_t n_known;
};

/* The file with `value` as a member of one of its objects, which is left as it was but for the order: it is read, or refused
 * with what is wrong (NULL: read), at the member, or where there is none at the object. value: NULL: the member is left out. */
static void expect(struct walk *w, json_t *object, const char *key, json_t *value, bool at_object, const char *wrong) {
    char said[500], expected[500] = "";
    struct gb_result result = {.complete = false};
    json_t *const old = json_incref(json_object_get(object, key));
    size_t line = 1, column = 1;
    json_object_set_new(object, key, json_string(MARK));
    char *const marked = spaced(w->root);
    const char *at = strstr(marked, "\"" MARK);
    if (at_object) at = object_around(marked, at);
    for (const char *c = marked; c < at; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    if (value) json_object_set_new(object, key, value);
    else json_object_del(object, key);
    char *const text = spaced(w->root);
    put(text);
    if (wrong) snprintf(expected, sizeof expected, "gradbench: %s:%zu:%zu: error: %s\n", path, line, column, wrong);
    const int code = read_caught(path, &result, said, sizeof said);
    if (code != (wrong ? 3 : 0) || strcmp(said, expected) != 0)
        fail_msg("%s %s: code %d, '%s' instead of '%s' in\n%s", key, value ? "changed" : "left out", code, said, expected,
                 text);
    gb_result_free(&result);
    free(marked);
    free(text);
    json_object_set_new(object, key, old);
    w->cases++;
}

/* Refuses a value, given as JSON. */
static void refuse(struct walk *w, json_t *object, const char *key, const char *value, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void refuse(struct walk *w, json_t *object, const char *key, const char *value, const char *format, ...) {
    char wrong[200];
    json_t *const json = json_loads(value, JSON_DECODE_ANY, NULL);
    va_list list;
    assert_non_null(json);
    va_start(list, format);
    vsnprintf(wrong, sizeof wrong, format, list);
    va_end(list);
    expect(w, object, key, json, false, wrong);
}

/* The words that a member may be, as they are told. */
static const char *words_of(const char *key) {
    static const char *const words[][2] = {{"schema", "gradbench/1"},
                                           {"dtype", "f32, f64"},
                                           {"bind", "core, pu, none"},
                                           {"huge_pages", "auto, on, off"},
                                           {"float_state", "ieee, ftz, daz, ftz daz"},
                                           {"cache", "hot, cold"},
                                           {"verified", "full, sampled, no"},
                                           {"bound", "fma, memory, chain, call, cache, latency"},
                                           {"verdict", "faster, slower, same, inconclusive"},
                                           {"state", "failed, gone, no memory"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], key) == 0) return words[i][1];
    fail_msg("the test knows no words of %s", key);
    return NULL;
}

/* Of each wrong kind. */
static void refuse_kinds(struct walk *w, const struct gb_member *m, json_t *object, const char *key) {
    static const char *const kinds[] = {"null", "true",  "false", "7",   "-1",        "1.5", "-0.5",
                                        "\"\"", "\"7\"", "[]",    "[1]", "[1, 2, 3]", "{}",  "{\"a\": 1}"};
    char wrong[200];
    const char *what = NULL, *good = ""; /* kinds that are good start with one of these characters */
    switch (m->kind) {
    case GB_MEMBER_CONSTANT:
    case GB_MEMBER_WORD:
    case GB_MEMBER_STATE: break;
    case GB_MEMBER_FLAG: what = "true or false", good = "tf"; break;
    case GB_MEMBER_TEXT: what = "a text", good = "\""; break;
    case GB_MEMBER_VALUE: what = "a text", good = "\"t71-"; break;
    case GB_MEMBER_COUNT: what = "a count", good = "7"; break;
    case GB_MEMBER_NUMBER: what = "a number from 0 on", good = "71"; break;
    case GB_MEMBER_INTERVAL: what = "a list of two numbers"; break;
    case GB_MEMBER_TEXTS:
    case GB_MEMBER_NUMBERS:
    case GB_MEMBER_COUNTS:
    case GB_MEMBER_LIST: what = "a list", good = "["; break;
    default: what = "an object", good = "{";
    }
    snprintf(wrong, sizeof wrong, what ? "%s is not %s" : "%s is none of: %s", key, what ? what : words_of(key));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strchr(good, *kinds[i])) refuse(w, object, key, kinds[i], "%s", wrong);
    if (m->kind == GB_MEMBER_TEXTS) refuse(w, object, key, "[\"one\", 2]", "%s is not a text", key);
    if (m->kind == GB_MEMBER_NUMBERS) refuse(w, object, key, "[1, -2]", "%s is not a number from 0 on", key);
    if (m->kind == GB_MEMBER_COUNTS) refuse(w, object, key, "[1, -2]", "%s is not a count", key);
    if (m->kind == GB_MEMBER_INTERVAL) refuse(w, object, key, "[-1, 2]", "%s is not a number from 0 on", key);
    if (m->kind == GB_MEMBER_INTERVAL) refuse(w, object, key, "[1, \"2\"]", "%s is not a number from 0 on", key);
    if (m->kind == GB_MEMBER_LIST) refuse(w, object, key, "[[]]", "%s is not a list of objects", key);
}

static const char not_of_processes[] = "processes are not up to 64 counts that add up to samples_ns";

/* What is told where a member that may be absent is: a row is timed, or says why it is not. NULL: nothing. */
static const char *told_without(const json_t *object, const char *key) {
    static const char *const timed[] = {"ci95_ns", "bound", "roof_fraction"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(key, timed[i]) == 0) return "of median_ns, ci95_ns, bound and roof_fraction some are missing";
    if (strcmp(key, "median_ns") == 0 && json_object_get(object, "best_peer")) return "median_ns and failure are missing";
    if (strcmp(key, "samples_ns") == 0 && json_object_get(object, "processes")) return not_of_processes;
    return strcmp(key, "median_ns") == 0 ? "median_ns and failure are missing" : NULL;
}

static void walk_members(struct walk *w, const struct gb_member *list, size_t count, json_t *object);

static void walk_inner(struct walk *w, const struct gb_member *m, json_t *value) {
    const char *name;
    json_t *inner;
    size_t i;
    if (m->kind == GB_MEMBER_STRUCT || m->kind == GB_MEMBER_POINTER)
        walk_members(w, m->members->list, m->members->count, value);
    if (m->kind == GB_MEMBER_LIST)
        json_array_foreach(value, i, inner) walk_members(w, m->members->list, m->members->count, inner);
    if (m->kind != GB_MEMBER_MAP) return;
    const struct gb_member *const rest = m->members->list + 1;
    json_t *const names = json_copy(value); /* the order changes on the way */
    json_object_foreach(names, name, inner) {
        if (m->members->count == 2) refuse_kinds(w, rest, value, name);
        else walk_members(w, rest, m->members->count - 1, json_object_get(value, name));
        if (m->members->count > 2) refuse(w, value, name, "[]", "%s is not an object", name);
    }
    json_decref(names);
}

static bool is_new(struct walk *w, const struct gb_member *m) {
    for (size_t i = 0; i < w->n_known; i++)
        if (w->known[i] == m) return false;
    w->known[w->n_known++] = m;
    return true;
}

static void walk_members(struct walk *w, const struct gb_member *list, size_t count, json_t *object) {
    for (const struct gb_member *m = list; m < list + count; m++) {
        char missing[100];
        json_t *const value = json_object_get(object, m->key);
        if (!value || !is_new(w, m)) continue;
        snprintf(missing, sizeof missing, "%s is missing", m->key);
        expect(w, object, m->key, NULL, true, m->optional ? told_without(object, m->key) : missing);
        refuse_kinds(w, m, object, m->key);
        walk_inner(w, m, value);
    }
}

static void test_members(void **state) {
    (void)state;
    struct walk w = {.root = full()};
    walk_members(&w, gb_result_members.list, gb_result_members.count, w.root);
    assert_true(w.cases > 800 && w.n_known > 70);
    json_decref(w.root);
}

/* Each process has some of the samples, and all samples are of one; there are two. */
static void test_processes(void **state) {
    static const char *const good[] = {"[2]", "[1, 1]"}, *const bad[] = {"[]", "[1]", "[3]", "[1, 2]", "[0, 2]", "[2, 0]"};
    struct walk w = {.root = full()};
    json_t *const results = json_object_get(w.root, "results");
    (void)state;
    for (size_t i = 0; i < json_array_size(results); i++) {
        json_t *const row = json_array_get(results, i);
        if (!json_object_get(row, "processes")) continue;
        for (size_t k = 0; k < sizeof good / sizeof *good; k++)
            expect(&w, row, "processes", json_loads(good[k], 0, NULL), false, NULL);
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
            expect(&w, row, "processes", json_loads(bad[k], 0, NULL), true, not_of_processes);
        json_t *const ones = json_array(), *const many = json_array();
        for (size_t k = 0; k < GB_PROCESSES_MAX + 1; k++) json_array_append_new(ones, json_integer(1));
        for (size_t k = 0; k < GB_PROCESSES_MAX + 1; k++) json_array_append_new(many, json_real(1));
        json_object_set_new(row, "samples_ns", many);
        expect(&w, row, "processes", ones, true, not_of_processes);
    }
    assert_int_equal(w.cases, 9);
    json_decref(w.root);
}

/* --- what is read */

/* Whatever may be there is kept, and written again. */
static void test_full(void **state) {
    (void)state;
    json_t *const root = full();
    char *const text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    static char whole[1 << 15];
    assert_non_null(text);
    snprintf(whole, sizeof whole, "%s\n", text);
    put(whole);
    assert_true(is_written_again(path));
    char *const any = spaced(root);
    put(any);
    struct gb_result result = {.complete = false};
    assert_int_equal(gb_result_read(&result, path), 0);
    assert_true(result.complete && result.n_rows == 7 && result.context.n_roofs == 2 && result.context.n_peers == 2);
    assert_int_equal(gb_result_write(&result, path, true), 0);
    size_t size;
    char *const again = support_file_read(path, &size);
    assert_string_equal(again, whole);
    const struct gb_result_row *const rows = result.rows;
    static const enum gb_state states[] = {GB_STATE_FAILED, GB_STATE_GONE, GB_STATE_NO_MEMORY, GB_STATE_TIMED};
    for (size_t i = 0; i < 4; i++) assert_int_equal(rows[i].state, states[i]);
    assert_true(rows[1].options[2].number && !rows[1].options[0].number && !rows[1].options[1].value);
    assert_string_equal(rows[1].options[2].value, "9");
    assert_string_equal(rows[1].options[3].value, "0.125");
    assert_true(rows[3].vs[1].pair.high == 34.5 && rows[3].best_peer->pair.ratio == 35.5);
    assert_true(isnan(rows[0].flops) && isnan(rows[0].summary.median) && isnan(rows[0].summary.low));
    assert_true(isnan(rows[0].summary.high) && isnan(rows[0].share.fraction) && !rows[0].best_peer && !rows[0].share.limit);
    gb_result_free(&result);
    free(text);
    free(any);
    free(again);
    json_decref(root);
}

/* The first thing that is wrong, in the schema's order, is told; members that nobody knows are passed over. */
static void test_order(void **state) {
    (void)state;
    struct walk w = {.root = full()};
    json_t *const context = json_object_get(w.root, "context");
    json_t *const row = json_array_get(json_object_get(w.root, "results"), 3);
    expect(&w, context, "new", json_loads("[{}, [1, \"]\\\\\\\"\", null], true, -1.5e3, {\"a\": {}}]", 0, NULL), false, NULL);
    json_object_set_new(context, "new", json_loads("[{}, [1, \"]\\\\\\\"\", null], true, -1.5e3, {\"a\": {}}]", 0, NULL));
    json_object_set_new(row, "bytes", json_null());
    expect(&w, row, "kernel", json_null(), false, "kernel is not a text");
    expect(&w, context, "cpu", json_null(), false, "cpu is not a text");
    expect(&w, row, "bytes", json_false(), false, "bytes is not a number from 0 on");
    json_decref(w.root);
}

/* A row is timed or says why not, and never both. */
static void test_rows(void **state) {
    (void)state;
    struct walk w = {.root = full()};
    json_t *const rows = json_object_get(w.root, "results");
    json_t *const failed = json_array_get(rows, 0), *const timed = json_array_get(rows, 3);
    expect(&w, timed, "state", json_string("failed"), true, "there are median_ns and a failure");
    json_object_del(timed, "state");
    expect(&w, timed, "failure", json_string("why"), true, "there are median_ns and a failure");
    json_object_del(timed, "failure");
    json_object_del(failed, "state");
    expect(&w, failed, "failure", json_string("why"), true, NULL);
    expect(&w, failed, "failure", NULL, true, "median_ns and failure are missing");
    json_object_set_new(failed, "state", json_string("gone"));
    expect(&w, failed, "failure", NULL, true, NULL);
    json_object_set(failed, "best_peer", json_object_get(timed, "best_peer"));
    expect(&w, failed, "failure", json_string("why"), true, "there is best_peer, but no median_ns");
    json_decref(w.root);
}

/* --- what is no result file */

static void test_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } table[] = {{"", ":1:1: error: "},
                 {"[]", ":1:1: error: schema is missing\n"},
                 {"\n  {}", ":2:3: error: schema is missing\n"},
                 {"7", ":1:1: error: "},
                 {"{\n \"schema\": x", ":2:12: error: "},
                 {"{\"a\": 1, \"a\": 2}", ":1:12: error: duplicate object key"},
                 {"{} {}", ":1:4: error: "}};
    char said[500], expected[200];
    struct gb_result result = {.complete = false};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        put(table[i].text);
        assert_int_equal(read_caught(path, &result, said, sizeof said), 3);
        snprintf(expected, sizeof expected, "gradbench: %s%s", path, table[i].said);
        if (strncmp(said, expected, strlen(expected)) != 0) fail_msg("%s: %s", table[i].text, said);
    }
    static const char *const names[][2] = {{"nowhere/f", "cannot open nowhere/f (No such file or directory)"},
                                           {"/", "cannot read / (Is a directory)"},
                                           {"/dev/null", "cannot read /dev/null (Invalid argument)"}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_caught(names[i][0], &result, said, sizeof said), 3);
        snprintf(expected, sizeof expected, "gradbench: error: %s\n", names[i][1]);
        assert_string_equal(said, expected);
    }
    /* a pipe that nobody writes to is not waited for */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_caught(path, &result, said, sizeof said), 3);
    assert_non_null(strstr(said, "(Invalid argument)\n"));
    assert_int_equal(unlink(path), 0);
    /* the largest file is read, a larger one is not */
    for (int more = 0; more < 2; more++) {
        put("");
        assert_int_equal(truncate(path, ((off_t)256 << 20) + more), 0);
        assert_int_equal(read_caught(path, &result, said, sizeof said), 3);
        assert_int_equal(strstr(said, ":1:1: error: the file is larger than 256 MiB\n") != NULL, more);
    }
    put("");
}

/* --- memory */

static size_t allocations_left;

static void *take_some(size_t size) { return allocations_left == 0 ? NULL : (allocations_left--, malloc(size)); }

/* Where memory ends anywhere it is said, and nothing is read or written by halves. */
static void test_no_memory(void **state) {
    (void)state;
    static const char full_path[] = TEST_DATA_DIR "/report/full.json";
    char said[500] = "", expected[300];
    size_t size, read = 0, written = 0;
    json_malloc_t taken_by;
    json_free_t given_to;
    struct gb_result whole = {.complete = false};
    snprintf(expected, sizeof expected, "gradbench: error: no memory for the results of %s\n", full_path);
    assert_int_equal(gb_result_read(&whole, full_path), 0);
    put("as it was");
    json_set_alloc_funcs(take_some, free);
    for (size_t n = 0; read == 0; n += n < 20 ? 1 : 37) {
        struct gb_result result = {.complete = false};
        allocations_left = n;
        const int code = read_caught(full_path, &result, said, sizeof said);
        if (code != 0) assert_true(code == 4 && strcmp(said, expected) == 0);
        else read = n;
        gb_result_free(&result);
    }
    for (size_t n = 0; written == 0; n += n < 20 ? 1 : 37) {
        allocations_left = n;
        char *bytes = support_file_read(path, &size);
        assert_string_equal(bytes, "as it was");
        free(bytes);
        const int code = call_caught(true, path, &whole, said, sizeof said);
        if (code != 0) assert_true(code == 4 && strcmp(said, "gradbench: error: no memory for the result file\n") == 0);
        else written = n;
    }
    json_get_alloc_funcs(&taken_by, &given_to);
    assert_true(taken_by == take_some && given_to == free);
    json_set_alloc_funcs(malloc, free);
    assert_true(read > 500 && written > 500);
    assert_true(is_written_again(path));
    gb_result_free(&whole);
}

/* Read, written, and refused. */
static void read_and_write(void) {
    char said[200];
    struct gb_result result = {.complete = false};
    assert_int_equal(read_caught(TEST_DATA_DIR "/report/full.json", &result, said, sizeof said), 0);
    assert_int_equal(gb_result_write(&result, "/dev/null", false), 0);
    gb_result_free(&result);
    assert_int_equal(read_caught(path, &result, said, sizeof said), 3);
    assert_int_equal(read_caught("/", &result, said, sizeof said), 3);
    gb_result_free(&result);
}

static void test_keeps_nothing(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        put(k ? "{\"schema\": \"gradbench/1\"}" : "{\"schema\": [}");
        gb_assert_keeps_nothing(read_and_write);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processes), cmocka_unit_test(test_members),       cmocka_unit_test(test_full),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_rows),          cmocka_unit_test(test_files),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_keeps_nothing),
    };
    const int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
