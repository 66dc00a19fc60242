/* The result file against its schema, "gradbench/1", field by field, and what its numbers must have to do with each other. */
#include <jansson.h>
#include <math.h>
#include <sys/wait.h>

#include "call.h"
#include "commands.h"
#include "support.h"
#include "support_file.h"

static const char *const dtypes[] = {"f32", "f64", NULL};
static const char *const verdicts[] = {"faster", "slower", "same", "inconclusive", NULL};
static const char *const bounds[] = {"fma", "memory", "chain", "call", "cache", NULL};
static const char *const verified[] = {"full", "sampled", "no", NULL};
static const char *const layouts[] = {"out_in", NULL};
static const char *const label_kinds[] = {"dense", "index64", NULL};
static const char *const reductions[] = {"sum", "none", NULL};

/* Runs gradbench in a child, whose exit code is known, and reads what it wrote. The child starts afresh: after fork alone its
 * calls would be serial. */
static json_t *run(int argc, char **argv, int code) {
    char path[] = "/tmp/gradbench-json-XXXXXX";
    char *all[26] = {"json", "run", "--json", path, "--threads", "1,2", "--rounds", "7", "--max-time", "5", "--quick"};
    const int fd = mkstemp(path), fixed = 11;
    assert_true(fd >= 0 && argc + fixed < 26);
    close(fd);
    for (int i = 0; i < argc; i++) all[fixed + i] = argv[i];
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(99);
        execv("/proc/self/exe", all);
        _exit(98);
    }
    assert_int_equal(gb_exit_code(child), code);
    json_error_t error;
    json_t *const json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    assert_true(is_written_again(path));
    unlink(path);
    if (!json) fail_msg("%d:%d: %s", error.line, error.column, error.text);
    return json;
}

/* An object has these keys, separated by spaces, in any order, and no other. */
static void assert_keys(const json_t *object, const char *keys) {
    char copy[400];
    size_t count = 0;
    assert_true(json_is_object(object));
    snprintf(copy, sizeof copy, "%s", keys);
    for (char *key = strtok(copy, " "); key; key = strtok(NULL, " "), count++)
        if (!json_object_get(object, key)) fail_msg("the key %s is missing", key);
    if (json_object_size(object) != count) fail_msg("there are more keys than: %s", keys);
}

static const char *text(const json_t *object, const char *key) {
    const json_t *const value = json_object_get(object, key);
    if (!json_is_string(value) || json_string_length(value) == 0) fail_msg("%s is no text", key);
    return json_string_value(value);
}

static void assert_word(const json_t *object, const char *key, const char *const *words) {
    const char *const value = text(object, key);
    while (*words && strcmp(*words, value) != 0) words++;
    if (!*words) fail_msg("%s is '%s'", key, value);
}

static double number(const json_t *object, const char *key) {
    const json_t *const value = json_object_get(object, key);
    if (!json_is_number(value) || !isfinite(json_number_value(value)) || json_number_value(value) < 0)
        fail_msg("%s is no number", key);
    return json_number_value(value);
}

static json_int_t count(const json_t *object, const char *key) {
    const json_t *const value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) fail_msg("%s is no count", key);
    return json_integer_value(value);
}

/* [lo, hi] around value. */
static void assert_interval(const json_t *object, const char *key, double value) {
    const json_t *const pair = json_object_get(object, key);
    assert_true(json_is_array(pair) && json_array_size(pair) == 2);
    const double low = json_number_value(json_array_get(pair, 0)), high = json_number_value(json_array_get(pair, 1));
    assert_true(low > 0 && low <= value && value <= high);
}

static bool near(double a, double b) { return fabs(a - b) <= 1e-6 * (fabs(a) + fabs(b)); }

static void check_bandwidth(const json_t *object) {
    assert_true(number(object, "read_gbps") > 0 && number(object, "copy_gbps") > 0 && number(object, "copy_nt_gbps") > 0 &&
                number(object, "triad_gbps") > 0 && number(object, "triad_nt_gbps") > 0);
}

/* Where a problem was faster than the roof of its level. */
static void check_spots(const json_t *spots) {
    size_t index;
    json_t *spot;
    assert_true(json_is_array(spots));
    json_array_foreach(spots, index, spot) {
        assert_keys(spot, "footprint read_gbps copy_gbps copy_nt_gbps triad_gbps triad_nt_gbps");
        assert_true(number(spot, "footprint") > 0);
        check_bandwidth(spot);
    }
}

/* roofs: of one thread count. Two threads have one of their own only on two cores. */
static void check_context(const json_t *context, size_t roofs) {
    size_t index;
    json_t *value;
    assert_keys(
        context,
        "host cpu isa cores threads topology compiler flags revision version numerics seed settings date warnings roofs "
        "null_pairs peers bind huge_pages float_state");
    static const char *const texts[] = {"host", "cpu", "topology", "compiler", "flags", "revision", "version"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) text(context, texts[i]);
    assert_true(gk_isa_find(text(context, "isa")) >= 0);
    assert_true(count(context, "cores") >= 1 && count(context, "threads") == 2 && count(context, "seed") == 1);
    assert_int_equal(count(context, "numerics"), GK_NUMERICS_VERSION);
    int year, month, day, hour, minute, second, used = 0;
    assert_int_equal(
        sscanf(text(context, "date"), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &used), 6);
    assert_int_equal(used, 20);
    json_array_foreach(json_object_get(context, "warnings"), index, value) assert_true(json_is_string(value));
    assert_int_equal(json_array_size(json_object_get(context, "roofs")), count(context, "cores") > 1 ? 2 * roofs : roofs);
    json_array_foreach(json_object_get(context, "roofs"), index, value) {
        assert_keys(value, "isa dtype threads fma_gflops fma_latency_ns add_latency_ns read_gbps copy_gbps copy_nt_gbps "
                           "triad_gbps triad_nt_gbps in_l2 in_l3 spots");
        assert_true(gk_isa_find(text(value, "isa")) >= 0 && count(value, "threads") >= 1 && number(value, "fma_gflops") > 0);
        assert_word(value, "dtype", dtypes);
        assert_true(number(value, "fma_latency_ns") > 0 && number(value, "add_latency_ns") > 0);
        check_bandwidth(value);
        check_bandwidth(json_object_get(value, "in_l2"));
        check_bandwidth(json_object_get(value, "in_l3"));
        check_spots(json_object_get(value, "spots"));
    }
    json_array_foreach(json_object_get(context, "null_pairs"), index, value) {
        assert_keys(value, "kernel dtype workload variant threads ratio ci95");
        assert_interval(value, "ci95", number(value, "ratio"));
    }
}

static void check_options(const json_t *options) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)options, key, value) {
        if (strcmp(key, "layout") == 0) assert_word(options, key, layouts);
        else if (strcmp(key, "labels") == 0) assert_word(options, key, label_kinds);
        else if (strcmp(key, "reduction") == 0) assert_word(options, key, reductions);
        else if (strcmp(key, "accumulate") == 0) assert_true(json_is_true(value));
        else fail_msg("unknown option %s", key);
    }
}

static void check_samples(const json_t *row) {
    const json_t *const samples = json_object_get(row, "samples_ns");
    const double median = number(row, "median_ns"), min = number(row, "min_ns");
    size_t index, below = 0, above = 0;
    bool found = false;
    json_t *value;
    const size_t size = json_array_size(samples);
    assert_in_range(size, 6, 14); /* those of disturbed rounds are left out, or were all there is */
    json_array_foreach(samples, index, value) {
        const double sample = json_number_value(value);
        assert_true(sample >= min);
        below += sample <= median;
        above += sample >= median;
        found = found || sample == min;
    }
    assert_true(found && 2 * below >= size && 2 * above >= size);
    assert_interval(row, "ci95_ns", median);
}

static void check_versus(const json_t *row, size_t variants) {
    const char *name;
    json_t *value;
    const json_t *const versus = json_object_get(row, "vs");
    assert_int_equal(json_object_size(versus), variants - 1);
    json_object_foreach((json_t *)versus, name, value) {
        assert_true((gk_isa_find(name) >= 0 || strcmp(name, "peer:self") == 0) && strcmp(name, text(row, "variant")) != 0);
        assert_keys(value, "ratio ci95 verdict");
        assert_interval(value, "ci95", number(value, "ratio"));
        assert_word(value, "verdict", verdicts);
    }
}

static void check_shape(const json_t *row, const struct gk_kernel *kernel) {
    const json_t *const shape = json_object_get(row, "shape");
    size_t dims = 0;
    for (size_t i = 0; i < kernel->n_fields; i++) {
        if (kernel->fields[i].kind != GK_FIELD_DIM) continue;
        assert_true(count(shape, kernel->fields[i].name) >= 1);
        dims++;
    }
    assert_int_equal(json_object_size(shape), dims);
}

/* Both are absent where no round was disturbed. */
static void check_disturbances(json_t *row) {
    static const char *const names[] = {"rounds_dropped", "rounds_disturbed"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *const causes = json_object_get(row, names[i]);
        if (causes) assert_keys(causes, "steal switches migration");
        json_object_del(row, names[i]);
    }
}

static void check_row(json_t *row, size_t variants) {
    check_disturbances(row);
    assert_keys(row,
                "kernel dtype options variant isa threads workload cache shape flops bytes verified median_ns ci95_ns min_ns "
                "samples_ns iterations threads_used gflops gbps call_ns bound roof_fraction vs");
    const struct gk_kernel *const kernel = gk_kernel_find(text(row, "kernel"));
    assert_non_null(kernel);
    assert_word(row, "dtype", dtypes);
    assert_string_equal(text(row, "variant"), text(row, "isa"));
    assert_true(gk_isa_find(text(row, "isa")) >= 0);
    assert_string_equal(text(row, "cache"), "hot");
    text(row, "workload");
    assert_word(row, "verified", verified);
    assert_string_not_equal(text(row, "verified"), "no");
    assert_word(row, "bound", bounds);
    assert_true(count(row, "threads") <= 2 && count(row, "iterations") >= 1 &&
                count(row, "threads_used") <= count(row, "threads"));
    check_options(json_object_get(row, "options"));
    check_shape(row, kernel);
    check_samples(row);
    check_versus(row, variants);
    assert_true(number(row, "flops") > 0 && number(row, "bytes") > 0);
    assert_true(near(number(row, "gflops"), number(row, "flops") / number(row, "median_ns")));
    assert_true(near(number(row, "gbps"), number(row, "bytes") / number(row, "median_ns")));
    assert_true(number(row, "roof_fraction") <= 1.05);
    if (strcmp(text(row, "bound"), "cache") == 0) assert_true(number(row, "roof_fraction") == 0);
}

static bool same_text(const json_t *a, const json_t *b, const char *key) { return strcmp(text(a, key), text(b, key)) == 0; }

/* A row is known by kernel, type, options, variant, threads, workload and shape; and a ratio seen from the other side is one
 * over it. */
static void check_pairs(const json_t *rows) {
    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t j = 0; j < i; j++) {
            const json_t *const a = json_array_get(rows, i), *const b = json_array_get(rows, j);
            if (!same_text(a, b, "kernel") || !same_text(a, b, "dtype") || !same_text(a, b, "workload")) continue;
            if (count(a, "threads") != count(b, "threads")) continue;
            if (!json_equal(json_object_get(a, "options"), json_object_get(b, "options"))) continue;
            if (!json_equal(json_object_get(a, "shape"), json_object_get(b, "shape"))) continue;
            assert_false(same_text(a, b, "variant"));
            const double there = number(json_object_get(json_object_get(a, "vs"), text(b, "variant")), "ratio");
            const double back = number(json_object_get(json_object_get(b, "vs"), text(a, "variant")), "ratio");
            assert_true(near(there * back, 1));
        }
}

static size_t usable_columns(void) {
    size_t usable = 0;
    for (size_t i = 0; i < GK_ISA_COUNT; i++) usable += gk_isa_unusable(i) == NULL;
    return usable;
}

static void check(json_t *json, size_t problems, size_t types, bool complete) {
    const size_t variants = usable_columns();
    size_t index;
    json_t *row;
    assert_keys(json, "schema complete context results");
    assert_string_equal(text(json, "schema"), "gradbench/1");
    assert_int_equal(json_is_true(json_object_get(json, "complete")), complete);
    check_context(json_object_get(json, "context"), variants * types);
    const json_t *const rows = json_object_get(json, "results");
    assert_int_equal(json_array_size(rows), problems * variants * 2);
    json_array_foreach(rows, index, row) check_row(row, variants);
    check_pairs(rows);
    json_decref(json);
}

/* Kernels that the word of a line stands for: it may also be a family. */
static size_t kernels_of(const char *word) {
    size_t kernels = 0;
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        kernels += strcmp(kernel->name, word) == 0 || strcmp(kernel->family, word) == 0;
    }
    return kernels;
}

/* Every kernel of the table, by a line of its own. */
static void test_every_kernel(void **state) {
    (void)state;
    static char lines[GK_KERNEL_COUNT][128];
    char *arguments[2 * GK_KERNEL_COUNT];
    static const char dims[] = "ndmc";
    for (int id = 0; id < GK_KERNEL_COUNT; id++) {
        const struct gk_kernel *const kernel = gk_kernel_get((enum gk_kernel_id)id);
        size_t used = (size_t)snprintf(lines[id], sizeof *lines, "%s name=one:%s", kernel->name, kernel->name);
        for (size_t i = 0; i < 4; i++)
            if (gk_kernel_field(kernel, GK_FIELD_DIM, (char[]){dims[i], '\0'}))
                used += (size_t)snprintf(lines[id] + used, sizeof *lines - used, " %c=%zu", dims[i], 3 + 2 * i);
    }
    for (int first = 0; first < GK_KERNEL_COUNT; first += 5) {
        int argc = 0;
        size_t problems = 0;
        for (int id = first; id < first + 5 && id < GK_KERNEL_COUNT; id++) {
            arguments[argc++] = "--shape";
            arguments[argc++] = lines[id];
            problems += kernels_of(gk_kernel_get((enum gk_kernel_id)id)->name);
        }
        check(run(argc, arguments, 0), problems, 1, true);
    }
}

static void test_options(void **state) {
    (void)state;
    char *arguments[] = {"--shape",   "affine_backward n=20 d=8 m=6 layout=out_in accumulate=1",
                         "--shape",   "softmax_xent n=9 c=5 labels=dense reduction=none",
                         "--shape",   "softmax_xent n=9 c=5 labels=index64",
                         "--dtype",   "f32,f64",
                         "--kernels", "affine_backward,softmax_xent"};
    json_t *const json = run(10, arguments, 0);
    const json_t *const rows = json_object_get(json, "results");
    size_t accumulated = 0, dense = 0, wide = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *const options = json_object_get(json_array_get(rows, i), "options");
        accumulated += json_object_get(options, "accumulate") && json_object_get(options, "layout");
        dense += json_object_get(options, "labels") && json_object_get(options, "reduction");
        wide += json_object_get(options, "labels") && !json_object_get(options, "reduction");
    }
    assert_true(accumulated > 0 && dense > 0 && wide == dense && accumulated + 2 * dense == json_array_size(rows));
    check(json, 2 + 2 + 2, 2, true);
}

/* No option that has its default is named. */
static void test_defaults(void **state) {
    (void)state;
    char *arguments[] = {"--shape", "affine n=5 d=3 m=2 layout=in_out accumulate=0 dtype=f64 name=a:b", "--kernels",
                         "affine_dx"};
    json_t *const json = run(4, arguments, 0);
    const json_t *const row = json_array_get(json_object_get(json, "results"), 0);
    assert_int_equal(json_object_size(json_object_get(row, "options")), 0);
    assert_string_equal(text(row, "workload"), "a:b");
    assert_string_equal(text(row, "dtype"), "f64");
    check(json, 1, 1, true);
}

/* Of a race against one peer, at two thread counts: rows as ours, but for who it is, and ours know the best peer. */
static void test_peers(void **state) {
    (void)state;
    char command[80];
    snprintf(command, sizeof command, "self=/proc/%ld/exe peer --isa ref --threads $OMP_NUM_THREADS", (long)getpid());
    char *arguments[] = {"--shape",   "affine n=20 d=8 m=6",
                         "--kernels", "affine_dx",
                         "--peer",    command,
                         "--peer",    "gone=echo absent nobody is here"};
    json_t *const json = run(8, arguments, 1), *const rows = json_object_get(json, "results");
    const json_t *const peers = json_object_get(json_object_get(json, "context"), "peers");
    size_t index, raced = 0;
    json_t *row;
    assert_int_equal(json_array_size(peers), 2);
    assert_keys(json_array_get(peers, 0), "name command description");
    assert_keys(json_array_get(peers, 1), "name command reason");
    assert_int_equal(json_array_size(rows), (usable_columns() + 1) * 2);
    json_array_foreach(rows, index, row) {
        const json_t *const best = json_object_get(row, "best_peer");
        const bool peer = strcmp(text(row, "variant"), "peer:self") == 0;
        assert_true(peer == (best == NULL) && peer == (strcmp(text(row, "isa"), "peer") == 0));
        assert_string_equal(text(row, "verified"), "full");
        check_versus(row, usable_columns() + 1);
        raced += peer;
        if (peer) continue;
        assert_keys(best, "variant ratio ci95 verdict");
        assert_string_equal(text(best, "variant"), "peer:self");
        assert_true(near(number(best, "ratio"), number(json_object_get(json_object_get(row, "vs"), "peer:self"), "ratio")));
        assert_interval(best, "ci95", number(best, "ratio"));
    }
    assert_int_equal(raced, 2);
    check_pairs(rows);
    json_decref(json);
}

/* A race starts this program as itself. */
int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "run") == 0) return gb_command_run(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "peer") == 0) return gb_command_peer(argc - 2, argv + 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kernel),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
