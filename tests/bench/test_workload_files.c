/* Workloads as files: where they are found, what they are called, what is said of each that cannot be had; and those that are
 * drawn. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "message.h"
#include "support.h"
#include "workload.h"

enum { TEXT = 2000 };

static char folder[64];

/* In the scratch folder. */
static void write_file(const char *path, const char *text, size_t size) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

static int read_it(const void *path) {
    struct gb_workload workload = {0};
    const int code = gb_workload_read(&workload, path);
    gb_workload_free(&workload);
    return code;
}

/* In a child: it has this exit code, and says this. */
static void assert_says(int (*body)(const void *argument), const void *argument, int code, const char *format, ...) {
    char said[TEXT], text[TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_int_equal(gb_child_run(body, argument, said, sizeof said), code);
    assert_string_equal(said, text);
}

static void files_that_cannot_be_read(void **state) {
    static const struct {
        const char *path;
        int code;
        const char *said;
    } table[] = {
        {"./nothing", 3, "error: cannot open workload ./nothing (No such file or directory)"},
        {"folder", 3, "error: workload folder is not a regular file"},
        {"fifo", 3, "error: workload fifo is not a regular file (use - for standard input)"},
        {"/proc/self/mem", 4, "error: cannot read /proc/self/mem (Input/output error)"},
        {"empty", 3, "empty:1:1: error: the file holds no problem"},
        {"comment.txt", 3, "comment.txt:1:1: error: the file holds no problem"},
        {"bad.txt", 3, "bad.txt:2:9: error: d is missing (expected d=1 to 16777216)"},
        {"byte", 3, "byte:1:1: error: a byte that is no printable ASCII (got 0x01)"},
        {"large", 3, "large:1:1: error: the file is larger than 16 MiB"},
        {"just", 0, NULL},
    };
    char *const large = malloc(GB_INPUT_FILE_MAX + 1);
    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i <= GB_INPUT_FILE_MAX; i++) large[i] = i % 4000 == 3999 ? '\n' : '#';
    memcpy(large, "relu n=1 d=1\n", 13);
    write_file("large", large, GB_INPUT_FILE_MAX + 1);
    write_file("just", large, GB_INPUT_FILE_MAX);
    free(large);
    write_file("empty", "", 0);
    write_file("byte", "\x01", 1);
    write_file("comment.txt", "# a\n\n", 5);
    write_file("bad.txt", "\nrelu n=3 # no d\n", 17);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].said) assert_says(read_it, table[i].path, table[i].code, "gradbench: %s\n", table[i].said);
        else assert_says(read_it, table[i].path, table[i].code, "");
}

/* Its problems are named like it: without folders, from the first dot on, and without what a name cannot have. */
static void files_name_their_problems(void **state) {
    static const char *const table[][2] = {
        {"mine.txt", "mine:2"},
        {"sub/mine", "mine:2"},
        {"./sub/a.b.txt", "a:2"},
        {".txt", "workload:2"},
        {"two words\t\x7f\xc3\xa9.txt", "two_words____:2"},
        {"edges~!.txt", "edges~!:2"},
        {"a-name-of-more-than-forty-characters-is-shortened.txt", "a-name-of-more-than-forty-characters-is-:2"},
    };
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gb_workload workload = {0};
        write_file(table[i][0], "\nrelu n=3 d=5", 13);
        assert_int_equal(gb_workload_read(&workload, table[i][0]), 0);
        assert_int_equal(gb_workload_read(&workload, table[i][0]), 0);
        assert_int_equal(workload.count, 2);
        assert_string_equal(workload.shapes[1].name, table[i][1]);
        gb_workload_free(&workload);
        assert_true(!workload.shapes && workload.count == 0 && workload.capacity == 0);
    }
}

static int read_input(const void *path) {
    struct gb_workload workload = {0};
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || dup2(fd, STDIN_FILENO) < 0) return 99;
    const int code = gb_workload_read(&workload, "-");
    if (code == 0) fprintf(stderr, "%zu %s", workload.count, workload.shapes->name);
    gb_workload_free(&workload);
    return code;
}

static int read_as_input(const void *path) {
    close(STDIN_FILENO); /* the file gets its number */
    return read_it(path);
}

/* Much more than is allowed, in small pieces. */
static int read_endless_input(const void *nothing) {
    static const char piece[1 << 14];
    int ends[2];
    (void)nothing;
    if (pipe(ends) != 0) return 99;
    const pid_t writer = fork();
    if (writer == 0) {
        close(ends[0]);
        for (size_t i = 0; i < ((size_t)64 << 20) / sizeof piece; i++)
            if (write(ends[1], piece, sizeof piece) <= 0) break;
        _exit(0);
    }
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    return read_it("-");
}

static void standard_input(void **state) {
    (void)state;
    write_file("good.txt", "relu n=3 d=5\n", 13);
    assert_says(read_input, "good.txt", 0, "1 stdin:1");
    assert_says(read_input, "comment.txt", 3, "gradbench: stdin:1:1: error: the file holds no problem\n");
    assert_says(read_input, "bad.txt", 3, "gradbench: stdin:2:9: error: d is missing (expected d=1 to 16777216)\n");
    assert_says(read_as_input, "good.txt", 0, "");
    assert_says(read_endless_input, NULL, 3, "gradbench: stdin:1:1: error: the file is larger than 16 MiB\n");
}

static int read_text(const void *text) {
    struct gb_workload workload = {0};
    const int code = gb_workload_read_line(&workload, "--shape", "line", text);
    if (code == 0) fprintf(stderr, "%zu %s", workload.count, workload.shapes->name);
    gb_workload_free(&workload);
    return code;
}

static void lines_of_a_command(void **state) {
    char blanks[101];
    (void)state;
    assert_says(read_text, "relu n=3,4 d=5", 0, "2 line:1/3");
    assert_says(read_text, "relu n=3\n", 2, "gradbench: error: --shape takes one line\n");
    assert_says(read_text, "relu n=3 d=5\r", 2, "gradbench: error: --shape takes one line\n");
    assert_says(read_text, "relu n=3", 2, "gradbench: error: --shape, column 9: d is missing (expected d=1 to 16777216)\n");
    assert_says(read_text, " # no", 2, "gradbench: error: --shape holds no problem (got ' # no')\n");
    memset(blanks, ' ', 100);
    blanks[100] = '\0';
    assert_says(read_text, blanks, 2, "gradbench: error: --shape holds no problem (got '%.80s')\n", blanks);
}

/* Under a limit that the problems of 100,000 shapes do not fit in. */
static int with_little_memory(const void *path) {
    struct rlimit limit;
    unsigned long pages = 0;
    malloc_trim(0);
    FILE *const file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1) return 99;
    fclose(file);
    limit.rlim_cur = limit.rlim_max = (rlim_t)(pages * (unsigned long)sysconf(_SC_PAGESIZE)) + (20u << 20);
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 98;
    return path ? read_it(path) : read_text("relu n=1..1000 d=1..100");
}

static void memory_that_there_is_not(void **state) {
    (void)state;
    if (GB_SANITIZER) skip(); /* they need more than there is */
    write_file("many.txt", "relu n=1..1000 d=1..100\n", 24);
    assert_says(with_little_memory, "many.txt", 4, "gradbench: error: no memory for the problems of many.txt\n");
    assert_says(with_little_memory, NULL, 4, "gradbench: error: no memory\n");
    assert_says(with_little_memory, "good.txt", 0, "");
}

static void read_all(void) {
    static const char *const paths[] = {"good.txt", "bad.txt", "/proc/self/mem", "folder", "comment.txt"};
    const int quiet = open("/dev/null", O_WRONLY), errors = dup(STDERR_FILENO);
    dup2(quiet, STDERR_FILENO);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) read_it(paths[i]);
    free(gb_workload_list());
    dup2(errors, STDERR_FILENO);
    close(errors);
    close(quiet);
}

static void nothing_is_left(void **state) {
    (void)state;
    gb_assert_keeps_nothing(read_all);
}

/* By its name, in the folder that the variable names; a path is a path. */
static int find(const void *word) {
    char path[GB_PATH_MAX];
    const int code = gb_workload_find(word, path);
    if (code == 0) fprintf(stderr, "%.1000s", path);
    return code;
}

static void names_are_found(void **state) {
    (void)state;
    assert_int_equal(setenv("GRADBENCH_WORKLOADS", "shelf", 1), 0);
    assert_int_equal(mkdir("shelf", 0700), 0);
    for (size_t i = 0; i < 2; i++) {
        static const char *const names[] = {"shelf/two.txt", "shelf/one.txt"};
        write_file(names[i], "", 0);
    }
    assert_says(find, "-", 0, "-");
    assert_says(find, "nowhere/x", 0, "nowhere/x");
    assert_says(find, "x.txt", 0, "x.txt");
    assert_says(find, "one", 0, "shelf/one.txt");
    assert_says(find, "on", 2,
                "gradbench: error: unknown workload 'on' (did you mean 'one'? allowed: one, two, "
                "a path with a '/', - for standard input)\n");
    assert_says(find, ".txt", 2,
                "gradbench: error: unknown workload '.txt' (allowed: one, two, a path with a '/', - for "
                "standard input)\n");
    assert_int_equal(setenv("GRADBENCH_WORKLOADS", "nowhere", 1), 0);
    assert_says(find, "one", 4, "gradbench: error: GRADBENCH_WORKLOADS is nowhere: No such file or directory\n");
    assert_int_equal(setenv("GRADBENCH_WORKLOADS", "", 1), 0); /* not set */
    assert_says(find, "smoke", 0, "%s/smoke.txt", TEST_WORKLOADS);
}

static int list_failed(const void *nothing) {
    (void)nothing;
    errno = ENOENT;
    return gb_workload_list_failed();
}

/* What is as long as a path can be, and longer. */
static void long_paths(void **state) {
    static char path[GB_PATH_MAX + 2], chosen[GB_PATH_MAX + 2];
    (void)state;
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[GB_PATH_MAX] = '\0';
    assert_says(find, path, 2, "gradbench: error: the workload's path is longer than 4095 bytes\n");
    path[GB_PATH_MAX - 1] = '\0';
    assert_says(find, path, 0, "%.1000s", path);
    memset(chosen, 'b', sizeof chosen);
    chosen[GB_PATH_MAX] = '\0';
    setenv("GRADBENCH_WORKLOADS", chosen, 1);
    assert_says(find, "x", 4, "gradbench: error: GRADBENCH_WORKLOADS is %.400s: File name too long\n", chosen);
    assert_null(gb_workload_list());
    assert_int_equal(errno, ENAMETOOLONG);
    chosen[GB_PATH_MAX - 1] = '\0';
    setenv("GRADBENCH_WORKLOADS", chosen, 1);
    assert_true(gb_workload_directory(path));
    assert_string_equal(path, chosen);
    /* the folder is there, but not with a name behind it */
    memset(path, '/', sizeof path);
    path[GB_PATH_MAX - 6] = '\0';
    memcpy(path, "shelf", 5);
    setenv("GRADBENCH_WORKLOADS", path, 1);
    assert_says(find, "one", 2,
                "gradbench: error: unknown workload 'one' (did you mean 'one'? allowed: one, two, a path with a "
                "'/', - for standard input)\n");
    unsetenv("GRADBENCH_WORKLOADS");
    assert_says(list_failed, NULL, 4, "gradbench: error: found no folder of workloads (set GRADBENCH_WORKLOADS to one)\n");
}

static void names_are_listed(void **state) {
    static const char *const files[] = {"b.txt", "a.txt", "a.b.txt", ".txt", ".hidden.txt", "c.text", "xtxt", "B.txt"},
                             *const names[] = {"B", "a.b", "a", "b"};
    char path[40], **list;
    (void)state;
    assert_int_equal(mkdir("many", 0700), 0);
    assert_int_equal(setenv("GRADBENCH_WORKLOADS", "many", 1), 0);
    list = gb_workload_list();
    assert_true(list && !list[0]);
    free(list);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "many/%s", files[i]);
        write_file(path, "", 0);
    }
    list = gb_workload_list();
    assert_non_null(list);
    for (size_t i = 0; i < 4; i++) assert_string_equal(list[i], names[i]);
    assert_null(list[4]);
    free(list);
    /* a name that is much longer than what else is in the list */
    char long_name[256] = "long/";
    memset(long_name + 5, 'z', 240);
    strcpy(long_name + 245, ".txt");
    assert_int_equal(mkdir("long", 0700), 0);
    write_file(long_name, "", 0);
    setenv("GRADBENCH_WORKLOADS", "long", 1);
    list = gb_workload_list();
    void *const behind = malloc(1000);
    assert_true(list && strlen(list[0]) == 240 && !list[1]);
    free(behind);
    free(list);
    setenv("GRADBENCH_WORKLOADS", "many", 1);
    for (int i = 0; i < GB_NAMES_MAX; i++) { /* no more than can be named, with two other words */
        snprintf(path, sizeof path, "many/%03d.txt", i);
        write_file(path, "", 0);
    }
    size_t count = 0;
    list = gb_workload_list();
    for (assert_non_null(list); list[count]; count++) {
    }
    assert_int_equal(count, 126);
    assert_string_equal(list[125], "125");
    free(list);
    unsetenv("GRADBENCH_WORKLOADS");
}

static void copy_file(const char *from, const char *to) {
    static char bytes[1 << 16];
    const int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t got; (got = read(in, bytes, sizeof bytes)) > 0;) assert_int_equal(write(out, bytes, (size_t)got), got);
    close(in);
    close(out);
}

/* A copy of this program, which says where it finds them. */
static int start_copy(const void *path) {
    execl(path, path, "directory", (char *)NULL);
    return 97;
}

/* Those beside an installed program come before those of the sources, if they are a folder; however long the path. */
static void beside_the_program(void **state) {
    char program[GB_PATH_MAX], long_name[251], place[GB_PATH_MAX];
    size_t used = (size_t)snprintf(program, sizeof program, "%s/tree", folder);
    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (int depth = 0; depth < 2; depth++) {
        for (int i = 0; i < 7 * depth; i++) {
            used += (size_t)snprintf(program + used, sizeof program - used, "/%s", long_name);
            assert_true(mkdir(program, 0700) == 0);
        }
        static const char *const made[] = {"", "/bin", "/share", "/share/gradbench", "/share/gradbench/workloads"};
        for (size_t i = depth; i < 4; i++) {
            snprintf(place, sizeof place, "%.2000s%s", program, made[i]);
            assert_int_equal(mkdir(place, 0700), 0);
        }
        snprintf(place, sizeof place, "%.2000s/bin/program", program);
        copy_file("/proc/self/exe", place);
        assert_says(start_copy, place, 0, "%s", TEST_WORKLOADS);
        char kept[GB_PATH_MAX], expected[GB_PATH_MAX];
        memcpy(kept, place, sizeof kept);
        snprintf(place, sizeof place, "%.2000s%s", program, made[4]);
        write_file(place, "", 0); /* no folder */
        assert_says(start_copy, kept, 0, "%s", TEST_WORKLOADS);
        assert_int_equal(unlink(place), 0);
        assert_int_equal(mkdir(place, 0700), 0);
        snprintf(expected, sizeof expected, "%.1900s/bin/../share/gradbench/workloads", program);
        assert_says(start_copy, kept, 0, "%s", expected);
    }
}

/* The problem of a line as check prints it; of a line without a type f32. */
static const char *drawn_text(const struct gb_shape *shape, enum gk_kernel_id kernel) {
    static char text[300];
    const struct gb_problem_spec spec = gb_shape_problem(shape, kernel, GK_F32, 0);
    gb_problem_title(&spec, 0, text, sizeof text);
    return text;
}

static void select_kernels(bool kernels[GK_KERNEL_COUNT], const char *family) {
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        kernels[id] = !family || strcmp(gk_kernel_get((enum gk_kernel_id)id)->family, family) == 0;
}

/* In turn of each family of the list; with some of the kernels or types the same ones of the rest. */
static void drawn_of_each_family(void **state) {
    const struct gb_names families = gb_family_names();
    struct gb_workload all = {0}, some = {0}, untyped = {0};
    bool kernels[GK_KERNEL_COUNT];
    (void)state;
    select_kernels(kernels, NULL);
    const size_t count = 3 * families.count - 1;
    assert_true(families.count > 2 && gb_workload_draw(&all, count, 1, kernels, true));
    assert_int_equal(all.count, count);
    for (size_t i = 0; i < count; i++) {
        char name[GB_NAME_MAX];
        snprintf(name, sizeof name, "drawn:%s%zu", families.list[i % families.count], i / families.count + 1);
        assert_string_equal(all.shapes[i].name, name);
        select_kernels(kernels, families.list[i % families.count]);
        assert_memory_equal(all.shapes[i].kernels, kernels, sizeof kernels);
    }
    for (int id = 0; id < GK_KERNEL_COUNT; id++) kernels[id] = id == GK_KERNEL_softmax_xent || id == GK_KERNEL_affine_dx;
    assert_true(gb_workload_draw(&some, 4, 1, kernels, true) && gb_workload_draw(&untyped, 4, 1, kernels, false));
    for (size_t i = 0; i < 4; i++) {
        const struct gb_shape *same = all.shapes;
        while (strcmp(same->name, some.shapes[i].name) != 0) same++;
        assert_memory_equal(&some.shapes[i], same, sizeof *same);
        assert_true(gb_shape_says(same, GB_OPTION_DTYPE) && !gb_shape_says(&untyped.shapes[i], GB_OPTION_DTYPE));
        assert_memory_equal(untyped.shapes[i].spec.dims, same->spec.dims, sizeof same->spec.dims);
        assert_int_equal(untyped.shapes[i].spec.layout, same->spec.layout);
        assert_int_equal(untyped.shapes[i].spec.accumulate, same->spec.accumulate);
    }
    assert_string_equal(drawn_text(&some.shapes[0], GK_KERNEL_affine_dx), "affine_dx n=6 d=2163 m=5 dtype=f32");
    assert_string_equal(drawn_text(&some.shapes[1], GK_KERNEL_softmax_xent), "softmax_xent n=44 c=24 dtype=f64");
    gb_workload_free(&untyped);
    assert_true(gb_workload_draw(&untyped, 4, 2, kernels, false));
    for (size_t i = 0; i < 16; i++)
        assert_memory_not_equal(untyped.shapes[i / 4].spec.dims, some.shapes[i % 4].spec.dims, sizeof all.shapes->spec.dims);
    gb_workload_free(&all), gb_workload_free(&some), gb_workload_free(&untyped);
}

/* As many in each octave; each option both ways; and no problem is too large. */
static void drawn_sizes(void **state) {
    static const size_t most[GK_DIM_COUNT] = {[GK_DIM_n] = 4096, [GK_DIM_d] = 4096, [GK_DIM_m] = 4096, [GK_DIM_c] = 65536};
    static const char *const drawn[] = {"affine", "softmax_xent"};
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct gb_workload workload = {0};
        bool kernels[GK_KERNEL_COUNT];
        size_t small[GK_DIM_COUNT] = {0}, largest[GK_DIM_COUNT] = {0}, wide = 0, other = 0, added = 0;
        select_kernels(kernels, drawn[f]);
        assert_true(gb_workload_draw(&workload, GB_DRAW_MAX, 7, kernels, true));
        for (size_t i = 0; i < GB_DRAW_MAX; i++) {
            const struct gb_problem_spec *const spec = &workload.shapes[i].spec;
            double product = 1;
            wide += spec->dtype == GK_F64, other += spec->layout == GK_OUT_IN, added += spec->accumulate;
            for (int a = 0; a < GK_DIM_COUNT; a++) {
                if (spec->dims[a]) product *= (double)spec->dims[a];
                small[a] += spec->dims[a] * spec->dims[a] < most[a]; /* the lower half of the octaves */
                largest[a] = spec->dims[a] > largest[a] ? spec->dims[a] : largest[a];
                for (int b = 0; b < a; b++) assert_true(spec->dims[a] * spec->dims[b] <= 1 << 22);
            }
            assert_true(product <= 1 << 28);
        }
        assert_true(wide > 440 && wide < 560);
        if (f == 0) assert_true(other > 440 && other < 560 && added > 440 && added < 560);
        for (int a = 0; a < GK_DIM_COUNT; a++) {
            if (!largest[a]) continue; /* the family has it not */
            if (small[a] < 440 || small[a] > 580 || largest[a] < most[a] * 9 / 10 || largest[a] > most[a])
                fail_msg("%s %s: %zu small, largest %zu", drawn[f], gk_dim_name((enum gk_dim)a), small[a], largest[a]);
        }
        gb_workload_free(&workload);
    }
}

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_workload_files.XXXXXX");
    unsetenv("GRADBENCH_WORKLOADS");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "cd / && rm -rf '%s'", folder);
    return system(command);
}

int main(int argc, char **argv) {
    char path[GB_PATH_MAX];
    if (argc > 1 && strcmp(argv[1], "directory") == 0) {
        if (!gb_workload_directory(path)) return 1;
        fputs(path, stderr);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(files_name_their_problems),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(lines_of_a_command),
        cmocka_unit_test(memory_that_there_is_not),
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(long_paths),
        cmocka_unit_test(names_are_listed),
        cmocka_unit_test(beside_the_program),
        cmocka_unit_test(drawn_of_each_family),
        cmocka_unit_test(drawn_sizes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
