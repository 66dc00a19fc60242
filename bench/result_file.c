#include "result_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "workload.h"

enum { LINKS_MAX = 40, BASE_MAX = 200 };

/* Bytes of a path up to its last name. */
static int folder_length(const char *path) {
    const char *const slash = strrchr(path, '/');
    return slash ? (int)(slash - path) + 1 : 0;
}

/* What a chain of links ends at, whether or not it exists. 0, or the error. */
static int follow(const char *path, char end[GB_PATH_MAX]) {
    char target[GB_PATH_MAX], next[GB_PATH_MAX];
    if (strlen(path) >= GB_PATH_MAX) return ENAMETOOLONG;
    strcpy(end, path);
    for (int links = 0; links < LINKS_MAX; links++) {
        const ssize_t length = readlink(end, target, sizeof target - 1);
        if (length < 0) return 0;
        target[length] = '\0';
        if (snprintf(next, sizeof next, "%.*s%s", target[0] == '/' ? 0 : folder_length(end), end, target) >= (int)sizeof next)
            return ENAMETOOLONG;
        strcpy(end, next);
    }
    return ELOOP;
}

/* A new file beside the other one. The descriptor, or -1. */
static int make_temporary(const char *path, char temporary[GB_PATH_MAX]) {
    const int folder = folder_length(path);
    errno = ENAMETOOLONG;
    if (snprintf(temporary, GB_PATH_MAX, "%.*s%.*s.XXXXXX", folder, path, BASE_MAX, path + folder) >= GB_PATH_MAX) return -1;
    return mkostemp(temporary, O_CLOEXEC);
}

static bool is_mount(const char *path) {
    struct statx status;
    return statx(AT_FDCWD, path, 0, 0, &status) == 0 && status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* These say that the folder, not the file, cannot be changed; or that the file cannot be replaced. */
static bool only_in_place(int reason) { return reason == EACCES || reason == EPERM || reason == EROFS || reason == EBUSY; }

/* A pipe without a reader is an error; one whose reader is slow is waited for. */
static int open_in_place(const char *path) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

/* 0, or the error. */
static int try_place(const char *path) {
    struct stat status;
    char end[GB_PATH_MAX], temporary[GB_PATH_MAX];
    const bool exists = stat(path, &status) == 0;
    if (!exists && errno != ENOENT) return errno;
    if (exists && S_ISDIR(status.st_mode)) return EISDIR;
    if (exists && S_ISSOCK(status.st_mode)) return ENXIO;
    if (exists && !S_ISREG(status.st_mode)) return access(path, W_OK) == 0 ? 0 : errno;
    int reason = follow(path, end);
    if (reason != 0) return reason;
    const int beside = make_temporary(end, temporary);
    reason = beside >= 0 ? 0 : errno;
    if (beside >= 0) {
        close(beside);
        unlink(temporary);
    }
    if (exists && (only_in_place(reason) || is_mount(end))) {
        const int file = open_in_place(end);
        reason = file >= 0 ? 0 : errno;
        if (file >= 0) close(file);
    }
    return reason;
}

int gb_result_file_try(const char *path) {
    const int reason = try_place(path);
    return reason == 0 ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", path, strerror(reason));
}

bool gb_result_file_again(const char *path) {
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static int write_all(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t now = write(fd, bytes, size);
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) return errno;
        bytes += now;
        size -= (size_t)now;
    }
    return 0;
}

/* Takes fd. 0, or the error. */
static int fill(int fd, const char *bytes, size_t size, bool durable) {
    int reason = write_all(fd, bytes, size);
    if (reason == 0 && durable && fsync(fd) != 0 && errno != EINVAL && errno != EROFS) reason = errno;
    if (close(fd) != 0 && reason == 0) reason = errno;
    return reason;
}

static int replace(const char *path, const char *bytes, size_t size, bool durable) {
    char temporary[GB_PATH_MAX];
    const int fd = make_temporary(path, temporary);
    if (fd < 0) return errno;
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    int reason = fill(fd, bytes, size, durable);
    if (reason == 0 && rename(temporary, path) != 0) reason = errno;
    if (reason != 0) unlink(temporary);
    return reason;
}

static int overwrite(const char *path, const char *bytes, size_t size, bool durable) {
    struct stat status;
    const int fd = open_in_place(path);
    if (fd < 0) return errno;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ftruncate(fd, 0) != 0) {
        const int reason = errno;
        close(fd);
        return reason;
    }
    return fill(fd, bytes, size, durable);
}

int gb_result_file_write(const char *path, const char *bytes, size_t size, bool durable) {
    char end[GB_PATH_MAX];
    if (!gb_result_file_again(path)) return overwrite(path, bytes, size, durable);
    int reason = follow(path, end);
    if (reason == 0) reason = replace(end, bytes, size, durable);
    return only_in_place(reason) && access(end, F_OK) == 0 ? overwrite(end, bytes, size, durable) : reason;
}
