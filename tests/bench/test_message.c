/* Errors as one line, and what becomes of standard output that cannot be written. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "message.h"
#include "support.h"
#include "support_said.h"

static struct gb_said said;

static int say_control_characters(void *data) {
    (void)data;
    gb_note("a\nb\001c\037d e~\177f\xc3\xa9%d", 7);
    return gb_fail(GB_EXIT_INPUT, "x\ry%s", "\n");
}

static void one_line(void **state) {
    (void)state;
    gb_hear(&said, say_control_characters, NULL);
    assert_string_equal(said.err, "gradbench: a?b?c?d e~?f\xc3\xa9"
                                  "7\ngradbench: error: x?y?\n");
    assert_string_equal(said.out, "");
    assert_int_equal(said.code, 3);
}

static int say_much(void *data) {
    gb_note("%s", (const char *)data);
    return gb_fail(GB_EXIT_RESOURCE, "%s", (const char *)data);
}

static void long_messages_are_cut(void **state) {
    char much[1301];
    (void)state;
    memset(much, 'a', 1300);
    much[1300] = '\0';
    gb_hear(&said, say_much, much);
    char *const second = strchr(said.err, '\n') + 1;
    assert_int_equal(strspn(said.err + strlen("gradbench: "), "a"), 1199);
    assert_memory_equal(second, "gradbench: error: ", 18);
    assert_int_equal(strspn(second + 18, "a"), 1192);
    assert_string_equal(second + 18 + 1192, "\n");
    assert_int_equal(said.code, 4);
}

static int fail_at_a_place(void *data) { return gb_fail_at(GB_EXIT_INPUT, data, 12, 34, "wrong\nhere"); }

static void a_place(void **state) {
    char path[501];
    (void)state;
    memset(path, 'p', 500);
    path[500] = '\0';
    gb_hear(&said, fail_at_a_place, (char[]){"a\tb.txt"});
    assert_string_equal(said.err, "gradbench: a?b.txt:12:34: error: wrong?here\n");
    assert_int_equal(said.code, 3);
    gb_hear(&said, fail_at_a_place, path);
    assert_int_equal(strspn(said.err + strlen("gradbench: "), "p"), 400);
    assert_string_equal(said.err + strlen("gradbench: ") + 400, ":12:34: error: wrong?here\n");
}

/* Standard output: a descriptor, and whether something was written to it, and that noticed, before. */
struct output {
    int fd;
    bool written, noticed;
};

static int finish(void *data) {
    const struct output *const output = data;
    signal(SIGPIPE, SIG_IGN);
    dup2(output->fd, STDOUT_FILENO);
    if (output->written) printf("text");
    if (output->noticed) fflush(stdout);
    return gb_finish_output(GB_EXIT_CHECK);
}

static void finishes(struct output output, int code, const char *err) {
    gb_hear_child(&said, finish, &output);
    assert_int_equal(said.code, code);
    assert_string_equal(said.err, err);
}

static void standard_output_that_ends(void **state) {
    int ends[2];
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC), file = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(full >= 0 && file >= 0);
    finishes((struct output){file, true, false}, GB_EXIT_CHECK, "");
    finishes((struct output){full, false, false}, GB_EXIT_CHECK, "");
    finishes((struct output){full, true, false}, GB_EXIT_RESOURCE,
             "gradbench: error: cannot write standard output (No space left on device)\n");
    finishes((struct output){full, true, true}, GB_EXIT_RESOURCE,
             "gradbench: error: cannot write standard output (an earlier write failed)\n");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    finishes((struct output){ends[1], true, false}, GB_EXIT_CHECK, "");
    close(ends[0]);
    finishes((struct output){ends[1], false, false}, GB_EXIT_CHECK, "");
    finishes((struct output){ends[1], true, false}, 100 + SIGPIPE, "");
    finishes((struct output){ends[1], true, true}, 100 + SIGPIPE, "");
    close(ends[1]);
    close(full);
    close(file);
}

static bool is_gone(int fd, bool written) {
    FILE *const stream = fdopen(dup(fd), "w");
    assert_non_null(stream);
    if (written) fputs("text", stream);
    const bool gone = gb_reader_is_gone(stream);
    fclose(stream);
    return gone;
}

static void a_reader_that_is_gone(void **state) {
    int ends[2];
    char text[8] = "";
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_false(is_gone(ends[1], true));
    assert_int_equal(read(ends[0], text, sizeof text), 4); /* it was flushed */
    assert_false(is_gone(full, true));
    close(ends[0]);
    assert_true(is_gone(ends[1], true));
    assert_false(is_gone(ends[1], false)); /* nothing was lost */
    close(ends[1]);
    close(full);
}

/* Bits: which of the three exist afterwards, 1 to 4; which can be written, 8 to 32. */
static int secure(const void *data) {
    const int closed = *(const int *)data;
    int bits = 0;
    for (int fd = 0; fd <= 2; fd++)
        if (closed >> fd & 1) close(fd);
    gb_secure_descriptors();
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1) bits |= 1 << fd;
        if (write(fd, "", 0) == 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY) bits |= 8 << fd;
    }
    return bits;
}

/* No descriptor can be had: fine, if none is missing. */
static int secure_without_room(const void *data) {
    const int closed = *(const int *)data;
    const struct rlimit none = {0, 0};
    if (closed) close(1);
    setrlimit(RLIMIT_NOFILE, &none);
    errno = EBADF;
    gb_secure_descriptors();
    return 77;
}

static void standard_descriptors_exist(void **state) {
    char text[8];
    (void)state;
    for (int closed = 0; closed < 8; closed++) {
        const int bits = gb_child_run(secure, &closed, text, sizeof text);
        assert_int_equal(bits & 7, 7);
        assert_int_equal(bits >> 3 & closed, 0);       /* what was closed takes no bytes */
        assert_int_equal(bits >> 4, ~closed >> 1 & 3); /* what was open is as it was; standard input need not be writable */
    }
    assert_int_equal(gb_child_run(secure_without_room, &(int){0}, text, sizeof text), 77);
    assert_int_equal(gb_child_run(secure_without_room, &(int){1}, text, sizeof text), GB_EXIT_RESOURCE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(a_place),
        cmocka_unit_test(standard_output_that_ends),
        cmocka_unit_test(a_reader_that_is_gone),
        cmocka_unit_test(standard_descriptors_exist),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
