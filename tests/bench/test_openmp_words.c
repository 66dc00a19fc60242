/* What is written to standard error before main is said in gradbench's words. Here the writer is a constructor of this test. */
#include "openmp_words.h"

#include <fcntl.h>

#include "support.h"

#define WRITTEN                                                                                                                \
    "first\n\nlibgomp: Invalid value for environment variable OMP_SCHEDULE\n"                                                  \
    "\nlibgomp: Invalid value for environment variable OMP_NUM_THREADS\n"                                                      \
    "some library: libgomp: said so\nlibgomp: OMP_NUM_THREADS\nno newline"

/* Before main, where the variable says so. */
__attribute__((constructor)) static void write_words(void) {
    if (getenv("TEST_SPEAKS")) (void)!write(STDERR_FILENO, WRITTEN, strlen(WRITTEN));
}

/* In main: what is left of the descriptors and of an empty variable. */
static int listen_again(void) {
    gb_openmp_words();
    for (int fd = 3; fd < 10; fd++)
        if (fcntl(fd, F_GETFD) != -1) return 1;
    const char *const threads = getenv("OMP_NUM_THREADS");
    if (threads && !*threads) return 2;
    fputs("in main\n", stderr);
    return threads ? 10 + atoi(threads) : 0;
}

/* Runs itself with a variable, and compares what the child has said. */
static void assert_said(const char *name, const char *value, int code, const char *said) {
    char text[1000];
    size_t size;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    fflush(NULL);
    dup2(ends[1], STDERR_FILENO);
    const int got = gb_start_again("child", name, value);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    size = (size_t)read(ends[0], text, sizeof text - 1);
    text[size < sizeof text ? size : 0] = '\0';
    close(ends[0]);
    if (got != code || strcmp(text, said) != 0) fail_msg("%s=%s: code %d, said '%s'", name, value, got, text);
}

#define NOTED                                                                                                                  \
    "first\ngradbench: warning: OpenMP: Invalid value for environment variable OMP_SCHEDULE\n"                                 \
    "some library: libgomp: said so\n"                                                                                         \
    "gradbench: warning: OpenMP: OMP_NUM_THREADS\nno newline"

static void complaints_become_warnings(void **state) {
    (void)state;
    setenv("TEST_SPEAKS", "1", 1);
    assert_said("OMP_DISPLAY_ENV", "false", 0, NOTED "in main\n");
    assert_said("GOMP_DEBUG", "0", 0, NOTED "in main\n");
    assert_said("OMP_NUM_THREADS", "3", 13, NOTED "in main\n");
    assert_said("XOMP_X", "0", 0, WRITTEN "in main\n"); /* nobody listens: OpenMP reads no variable */
    assert_said("XGOMP_X", "0", 0, WRITTEN "in main\n");
    assert_said("OMP", "0", 0, WRITTEN "in main\n");
    assert_said("GOMPX", "0", 0, WRITTEN "in main\n");
    unsetenv("TEST_SPEAKS");
    assert_said("OMP_DISPLAY_ENV", "false", 0, "in main\n");
}

/* Of a program that has no standard input: the first descriptor that is free is then 0. */
static void without_standard_input(void **state) {
    (void)state;
    const int before = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    close(STDIN_FILENO);
    setenv("TEST_SPEAKS", "1", 1);
    assert_said("OMP_DISPLAY_ENV", "false", 0, NOTED "in main\n");
    unsetenv("TEST_SPEAKS");
    dup2(before, STDIN_FILENO);
    close(before);
}

static void an_empty_number_is_none(void **state) {
    (void)state;
    setenv("OMP_NUM_THREADS", "", 1);
    assert_said("XOMP_X", "0", 0, "in main\n");
    unsetenv("OMP_NUM_THREADS");
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "child") == 0) return listen_again();
    static const char *const variables[] = {"OMP_NUM_THREADS", "OMP_WAIT_POLICY",    "OMP_PROC_BIND",   "OMP_DYNAMIC",
                                            "OMP_TOOL",        "OMP_TOOL_LIBRARIES", "OMP_DISPLAY_ENV", "OMP_STACKSIZE"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    for (int fd = 3; fd < 10; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC); /* of who started this: not the child's */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complaints_become_warnings),
        cmocka_unit_test(without_standard_input),
        cmocka_unit_test(an_empty_number_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
