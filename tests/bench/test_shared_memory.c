/* Memory that others map: its size stays, its pages are there, and nothing is left of it afterwards. */
#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support.h"

enum { BYTES = 3 * 4096 + 100 };

static void others_see_it(void **state) {
    (void)state;
    struct gb_shared shared;
    struct stat status;
    char path[64], byte = 0;
    assert_true(gb_shared_create(&shared, BYTES));
    assert_int_equal(shared.bytes, BYTES);
    assert_int_equal(fstat(shared.fd, &status), 0);
    assert_int_equal(status.st_size, BYTES);
    assert_true(status.st_blocks * 512 >= BYTES); /* a page that cannot be had later would be a signal */
    assert_int_equal(fcntl(shared.fd, F_GETFD), FD_CLOEXEC);
    for (size_t i = 0; i < BYTES; i++) assert_int_equal(shared.start[i], 0);
    shared.start[BYTES - 1] = 7;
    snprintf(path, sizeof path, "/proc/self/fd/%d", shared.fd);
    const int other = open(path, O_RDWR | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(pread(other, &byte, 1, BYTES - 1), 1);
    assert_int_equal(byte, 7);
    byte = 9;
    assert_int_equal(pwrite(other, &byte, 1, 5), 1);
    assert_int_equal(shared.start[5], 9);
    close(other);
    gb_shared_destroy(&shared);
}

static void its_size_is_sealed(void **state) {
    (void)state;
    struct gb_shared shared;
    assert_true(gb_shared_create(&shared, BYTES));
    assert_int_equal(fcntl(shared.fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_true(ftruncate(shared.fd, BYTES - 1) == -1 && errno == EPERM);
    assert_true(ftruncate(shared.fd, BYTES + 1) == -1 && errno == EPERM);
    gb_shared_destroy(&shared);
}

static void nothing_is_left(void **state) {
    (void)state;
    struct gb_shared shared;
    assert_true(gb_shared_create(&shared, BYTES));
    const struct gb_shared before = shared;
    gb_shared_destroy(&shared);
    assert_true(!shared.start && shared.bytes == 0 && shared.fd == -1);
    assert_true(fcntl(before.fd, F_GETFD) == -1 && errno == EBADF);
    assert_true(msync(before.start, 1, MS_ASYNC) == -1 && errno == ENOMEM);
    assert_true(msync(before.start + 3 * 4096, 1, MS_ASYNC) == -1 && errno == ENOMEM);
    struct gb_shared none = {NULL, 0, open("/dev/null", O_RDONLY | O_CLOEXEC)}; /* nor is anything else taken with it */
    gb_shared_destroy(&none);
    assert_true(fcntl(none.fd, F_GETFD) != -1);
    close(none.fd);
}

/* What there is no room for: no file is so large here. */
static int make_too_much(const void *argument) {
    struct gb_shared shared = {.bytes = 1};
    const int next = dup(0);
    (void)argument;
    close(next);
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){BYTES, BYTES}) != 0) return 1;
    if (gb_shared_create(&shared, BYTES + 1)) return 2;
    if (shared.start || shared.bytes || shared.fd != -1) return 3;
    if (dup(0) != next) return 4; /* a descriptor is left */
    return 0;
}

/* No descriptor is to be had. */
static int make_without_descriptor(const void *argument) {
    struct gb_shared shared = {.bytes = 1};
    (void)argument;
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) != 0) return 1;
    if (gb_shared_create(&shared, BYTES)) return 2;
    return shared.start || shared.bytes || shared.fd != -1 ? 3 : 0;
}

/* The first descriptor is as good as any. */
static int make_first(const void *argument) {
    struct gb_shared shared;
    (void)argument;
    close(0);
    if (!gb_shared_create(&shared, BYTES)) return 1;
    if (shared.fd != 0) return 2;
    gb_shared_destroy(&shared);
    return fcntl(0, F_GETFD) == -1 ? 0 : 3;
}

static void any_descriptor_will_do(void **state) {
    (void)state;
    char text[200];
    assert_int_equal(gb_child_run(make_first, NULL, text, sizeof text), 0);
}

static void what_cannot_be_had(void **state) {
    (void)state;
    char text[200];
    assert_int_equal(gb_child_run(make_too_much, NULL, text, sizeof text), 0);
    assert_int_equal(gb_child_run(make_without_descriptor, NULL, text, sizeof text), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_see_it),          cmocka_unit_test(its_size_is_sealed), cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(any_descriptor_will_do), cmocka_unit_test(what_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
