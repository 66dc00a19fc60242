/* The same bits on every machine: SHA-256 of the outputs over seeded inputs without NaN or infinities, one line a kernel, type
 * and set of options, compared with golden.txt for every usable isa. A change of these hashes is a change of the numerics
 * (GK_NUMERICS_VERSION). UPDATE_GOLDEN=1 writes the file anew, and does no more. */
#include <math.h>

#include "sha256.h"
#include "support_lineup.h"

enum { LINE_MAX_BYTES = 256, LINES_MAX = 512 };

static const uint64_t seed = 1986;
static struct gb_lineup lineup;

static const size_t shapes[][4] = {
    {1, 1, 1, 1},      {2, 3, 4, 5},     {10, 6, 5, 3},   {7, 9, 11, 64},    {16, 16, 16, 16}, {33, 31, 17, 65},
    {100, 50, 10, 10}, {5, 257, 3, 130}, {257, 4, 6, 33}, {3, 5, 300, 1000}, {64, 65, 66, 67}, {520, 12, 13, 257},
};

/* Without a reduction the scalars of the batch are not there; in the hash they are what they once were, not written: NaN. */
static void hash_missing(struct gb_sha256 *sha, const struct gb_problem_spec *spec) {
    const struct gk_kernel *const kernel = gk_kernel_get(spec->kernel);
    const double nan64 = (double)NAN;
    const float nan32 = NAN;
    for (size_t i = 0; i < kernel->n_fields && spec->reduction == GK_NONE; i++) {
        if (kernel->fields[i].kind != GK_FIELD_OUT || kernel->fields[i].cols != GK_NOWHERE) continue;
        gb_sha256_update(sha, spec->dtype == GK_F64 ? (const void *)&nan64 : &nan32, gk_dtype_size(spec->dtype));
    }
}

static void hash_outputs(struct gb_sha256 *sha, const struct gb_problem_spec *spec, gk_context *ctx) {
    struct gb_problem problem;
    assert_true(gb_problem_create(&problem, spec));
    assert_int_equal(gb_problem_call(&problem, ctx), GK_OK);
    const size_t bytes = gb_problem_output_bytes(&problem);
    unsigned char *const output = malloc(bytes + 1);
    assert_non_null(output);
    gb_problem_output(&problem, output);
    gb_sha256_update(sha, output, bytes);
    hash_missing(sha, spec);
    free(output);
    gb_problem_destroy(&problem);
}

/* Over all shapes, each with normal data and another kind by turns. The line names kernel, type and options. */
static void hash_line(struct gb_problem_spec spec, gk_context *ctx, char line[LINE_MAX_BYTES]) {
    struct gb_sha256 sha;
    char value[GB_VALUE_MAX], hex[65];
    gb_sha256_init(&sha);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int data = 0; data < GB_DATA_SPECIAL; data++) {
            if (data != GB_DATA_NORMAL && (size_t)data != 1 + i % (GB_DATA_SPECIAL - 1)) continue;
            for (size_t k = 0; k < GK_DIM_COUNT; k++) spec.dims[k] = shapes[i][k % 4];
            spec.data = (enum gb_data)data;
            spec.seed = seed + i;
            spec.wide_labels = i % 2; /* the same numbers: the same bits */
            hash_outputs(&sha, &spec, ctx);
        }
    gb_sha256_hex(&sha, hex);
    spec.wide_labels = false;
    spec.data = GB_DATA_NORMAL;
    size_t used = (size_t)sprintf(line, "%s %s", gk_kernel_get(spec.kernel)->name, gk_dtype_name(spec.dtype));
    for (enum gb_option o = GB_OPTION_DTYPE + 1; o < GB_OPTION_COUNT; o++)
        if (gb_kernel_has(spec.kernel, o) && gb_option_differs(o, &spec, spec.seed))
            used += (size_t)sprintf(line + used, " %s=%s", gb_option_name(o), gb_option_text(o, &spec, value));
    sprintf(line + used, " %s", hex);
}

_Static_assert(GB_DATA_NORMAL == 0 && GB_DATA_SPECIAL == GB_DATA_COUNT - 1, "the kinds between them are those without NaN");

static size_t make_lines(gk_context *ctx, char lines[LINES_MAX][LINE_MAX_BYTES]) {
    size_t count = 0;
    for (int kernel = 0; kernel < GK_KERNEL_COUNT; kernel++)
        for (int dtype = 0; dtype < GK_DTYPE_COUNT; dtype++)
            for (unsigned set = 0; set < GB_OPTION_SETS; set++) {
                struct gb_problem_spec spec;
                if (!gb_spec_of_set((enum gk_kernel_id)kernel, (enum gk_dtype)dtype, set, &spec)) continue;
                assert_true(count < LINES_MAX);
                hash_line(spec, ctx, lines[count++]);
            }
    return count;
}

static void golden_path(char *path, size_t size) { snprintf(path, size, "%s/golden.txt", TEST_DATA_DIR); }

static size_t read_lines(const char *path, char lines[LINES_MAX][LINE_MAX_BYTES]) {
    FILE *const file = fopen(path, "r");
    char line[LINE_MAX_BYTES];
    size_t count = 0;
    if (!file) return 0;
    while (count < LINES_MAX && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] && line[0] != '#') strcpy(lines[count++], line);
    }
    fclose(file);
    return count;
}

static void write_lines(const char *path, char lines[LINES_MAX][LINE_MAX_BYTES], size_t count) {
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "# SHA-256 of every kernel's outputs, numerics version %d: made by UPDATE_GOLDEN=1, checked by test_golden.\n",
            gk_numerics_version());
    for (size_t i = 0; i < count; i++) fprintf(file, "%s\n", lines[i]);
    assert_int_equal(fclose(file), 0);
}

static char golden[LINES_MAX][LINE_MAX_BYTES], made[LINES_MAX][LINE_MAX_BYTES];

static void every_column_has_the_golden_bits(void **state) {
    (void)state;
    char path[4096];
    golden_path(path, sizeof path);
    const char *const update = getenv("UPDATE_GOLDEN");
    if (update && strcmp(update, "1") == 0) {
        write_lines(path, made, make_lines(lineup.ref, made));
        return;
    }
    const size_t expected = read_lines(path, golden);
    size_t hashes = 0, wrong = 0;
    for (size_t i = 0; i < lineup.count; i++) {
        const struct gb_lineup_cell *const cell = &lineup.list[i];
        if (cell->use == GB_USE_SMALL) continue;
        const size_t count = make_lines(cell->ctx, made);
        if (count != expected)
            fail_msg("%s holds %zu hashes of %zu: cmake --build build/release --target update writes it", path, expected,
                     count);
        for (size_t j = 0; j < count; j++, hashes++) {
            if (strcmp(made[j], golden[j]) == 0) continue;
            if (wrong++ < 10)
                printf("isa %s, %zu threads:\n  made   %s\n  golden %s\n", gk_isa_get(cell->isa, GK_F32)->name, cell->threads,
                       made[j], golden[j]);
        }
    }
    printf("%zu hashes, %zu lines, seed %llu\n", hashes, expected, (unsigned long long)seed);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_column_has_the_golden_bits)};
    gb_open_lineup(&lineup, NULL, &(size_t){1}, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gb_lineup_close(&lineup);
    return failed;
}
