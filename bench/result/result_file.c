#include "result_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "text.h"

enum { LINKS_MAX = 40, BASE_MAX = 200, TRIAL_BYTES = 16 << 10 };

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

/* Gives the new file the owner, group and mode of the one that it is to replace. False: it cannot have them, or the old one has
 * other names (hard links), which would keep the old contents. */
static bool inherit(int fd, const char *path) {
    struct stat old, new;
    if (stat(path, &old) != 0) {
        const mode_t mask = umask(0);
        umask(mask);
        fchmod(fd, 0666 & ~mask); /* some file systems have one mode for all */
        return true;
    }
    if (old.st_nlink > 1 || fstat(fd, &new) != 0) return false;
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) && fchown(fd, old.st_uid, old.st_gid) != 0) return false;
    return fchmod(fd, old.st_mode & 07777) == 0;
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

/* No bytes are written, which is enough for a device that is full. A pipe stays open, or its reader would see the end. */
static int try_device(const char *path) {
    struct stat status;
    const int fd = open_in_place(path);
    if (fd < 0) return errno;
    const int reason = write(fd, "", 0) == 0 ? 0 : errno;
    if (reason != 0 || fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) close(fd);
    return reason;
}

/* 0, or the error. */
static int try_place(const char *path) {
    static const char trial[TRIAL_BYTES];
    struct stat status;
    char end[GB_PATH_MAX], temporary[GB_PATH_MAX];
    const bool exists = stat(path, &status) == 0;
    if (!exists && errno != ENOENT) return errno;
    if (exists && S_ISDIR(status.st_mode)) return EISDIR;
    if (exists && S_ISSOCK(status.st_mode)) return ENXIO;
    if (exists && !S_ISREG(status.st_mode)) return try_device(path);
    int reason = follow(path, end);
    if (reason != 0) return reason;
    const int beside = make_temporary(end, temporary);
    reason = beside >= 0 ? 0 : errno;
    if (beside >= 0) {
        reason = inherit(beside, end) ? write_all(beside, trial, sizeof trial) : EPERM;
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
    return stat(path, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

/* Takes fd. reason: of a failure before, else 0. 0, or the error. */
static int finish(int fd, int reason, bool durable) {
    if (reason == 0 && durable && fsync(fd) != 0 && errno != EINVAL && errno != EROFS) reason = errno;
    if (close(fd) != 0 && reason == 0) reason = errno;
    return reason;
}

static int replace(const char *path, const char *bytes, size_t size, bool durable) {
    char temporary[GB_PATH_MAX];
    const int fd = make_temporary(path, temporary);
    if (fd < 0) return errno;
    int reason = finish(fd, inherit(fd, path) ? write_all(fd, bytes, size) : EPERM, durable);
    if (reason == 0 && rename(temporary, path) != 0) reason = errno;
    if (reason != 0) unlink(temporary);
    return reason;
}

/* Room on the disk for the first bytes of a file, which stay as they are. 0, or the error; a file system that cannot tell is
 * believed to have it. */
static int reserve(int fd, size_t size) {
    while (fallocate(fd, 0, 0, (off_t)size) != 0)
        if (errno != EINTR) return errno == EOPNOTSUPP ? 0 : errno;
    return 0;
}

/* A file is changed only once there is room for all. */
static int overwrite(const char *path, const char *bytes, size_t size, bool durable) {
    struct stat old;
    const int fd = open_in_place(path);
    if (fd < 0) return errno;
    const bool file = fstat(fd, &old) == 0 && S_ISREG(old.st_mode);
    int reason = file ? reserve(fd, size) : 0;
    const bool room = reason == 0;
    if (room) reason = write_all(fd, bytes, size);
    if (file && ftruncate(fd, room ? (off_t)size : old.st_size) != 0 && reason == 0) reason = errno;
    return finish(fd, reason, durable);
}

int gb_result_file_write(const char *path, const char *bytes, size_t size, bool durable) {
    char end[GB_PATH_MAX];
    if (!gb_result_file_again(path)) return overwrite(path, bytes, size, durable);
    int reason = follow(path, end);
    if (reason == 0) reason = replace(end, bytes, size, durable);
    return only_in_place(reason) && access(end, F_OK) == 0 ? overwrite(end, bytes, size, durable) : reason;
}
