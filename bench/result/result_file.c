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
static int follow(const struct gb_files *files, const char *path, char end[GB_PATH_MAX]) {
    char target[GB_PATH_MAX], next[GB_PATH_MAX];
    if (strlen(path) >= GB_PATH_MAX) return ENAMETOOLONG;
    strcpy(end, path);
    for (int links = 0; links < LINKS_MAX; links++) {
        const ssize_t length = files->readlink(end, target, sizeof target - 1);
        if (length < 0) return 0;
        target[length] = '\0';
        if (snprintf(next, sizeof next, "%.*s%s", target[0] == '/' ? 0 : folder_length(end), end, target) >= (int)sizeof next)
            return ENAMETOOLONG;
        strcpy(end, next);
    }
    return ELOOP;
}

/* A new file beside the other one. The descriptor, or -1. */
static int make_temporary(const struct gb_files *files, const char *path, char temporary[GB_PATH_MAX]) {
    const int folder = folder_length(path);
    errno = ENAMETOOLONG;
    if (snprintf(temporary, GB_PATH_MAX, "%.*s%.*s.XXXXXX", folder, path, BASE_MAX, path + folder) >= GB_PATH_MAX) return -1;
    return files->mkostemp(temporary, O_CLOEXEC);
}

static bool is_mount(const char *path) {
    struct statx status;
    return statx(AT_FDCWD, path, 0, 0, &status) == 0 && status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* These say that the folder, not the file, cannot be changed; or that the file cannot be replaced. */
static bool only_in_place(int reason) { return reason == EACCES || reason == EPERM || reason == EROFS || reason == EBUSY; }

/* A pipe without a reader is an error; one whose reader is slow is waited for. */
static int open_in_place(const struct gb_files *files, const char *path) {
    const int fd = files->open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

/* Gives the new file the owner, group and mode of the one that it is to replace. False: it cannot have them, or the old one has
 * other names (hard links), which would keep the old contents. */
static bool inherit(const struct gb_files *files, int fd, const char *path) {
    struct stat old, new;
    if (files->stat(path, &old) != 0) {
        const mode_t mask = umask(0);
        umask(mask);
        files->fchmod(fd, 0666 & ~mask); /* some file systems have one mode for all */
        return true;
    }
    if (old.st_nlink > 1 || files->fstat(fd, &new) != 0) return false;
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) && files->fchown(fd, old.st_uid, old.st_gid) != 0) return false;
    return files->fchmod(fd, old.st_mode & 07777) == 0;
}

static int write_all(const struct gb_files *files, int fd, const char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t now = files->write(fd, bytes, size);
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) return errno;
        bytes += now;
        size -= (size_t)now;
    }
    return 0;
}

/* No bytes are written, which is enough for a device that is full. A pipe stays open, or its reader would see the end. */
static int try_device(const struct gb_files *files, const char *path) {
    struct stat status;
    const int fd = open_in_place(files, path);
    if (fd < 0) return errno;
    const int reason = files->write(fd, "", 0) == 0 ? 0 : errno;
    if (reason != 0 || files->fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) files->close(fd);
    return reason;
}

/* 0, or the error. */
static int try_place(const struct gb_files *files, const char *path) {
    static const char trial[TRIAL_BYTES];
    struct stat status;
    char end[GB_PATH_MAX], temporary[GB_PATH_MAX];
    const bool exists = files->stat(path, &status) == 0;
    if (!exists && errno != ENOENT) return errno;
    if (exists && S_ISDIR(status.st_mode)) return EISDIR;
    if (exists && S_ISSOCK(status.st_mode)) return ENXIO;
    if (exists && !S_ISREG(status.st_mode)) return try_device(files, path);
    int reason = follow(files, path, end);
    if (reason != 0) return reason;
    const int beside = make_temporary(files, end, temporary);
    reason = beside >= 0 ? 0 : errno;
    if (beside >= 0) {
        reason = inherit(files, beside, end) ? write_all(files, beside, trial, sizeof trial) : EPERM;
        files->close(beside);
        files->unlink(temporary);
    }
    if (exists && (only_in_place(reason) || files->is_mount(end))) {
        const int file = open_in_place(files, end);
        reason = file >= 0 ? 0 : errno;
        if (file >= 0) files->close(file);
    }
    return reason;
}

int gb_result_file_try(const struct gb_files *files, const char *path) {
    const int reason = try_place(files, path);
    return reason == 0 ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", path, strerror(reason));
}

bool gb_result_file_again(const struct gb_files *files, const char *path) {
    struct stat status;
    return files->stat(path, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

/* Takes fd. reason: of a failure before, else 0. 0, or the error. */
static int finish(const struct gb_files *files, int fd, int reason, bool durable) {
    if (reason == 0 && durable && files->fsync(fd) != 0 && errno != EINVAL && errno != EROFS) reason = errno;
    if (files->close(fd) != 0 && reason == 0) reason = errno;
    return reason;
}

static int replace(const struct gb_files *files, const char *path, const char *bytes, size_t size, bool durable) {
    char temporary[GB_PATH_MAX];
    const int fd = make_temporary(files, path, temporary);
    if (fd < 0) return errno;
    int reason = finish(files, fd, inherit(files, fd, path) ? write_all(files, fd, bytes, size) : EPERM, durable);
    if (reason == 0 && files->rename(temporary, path) != 0) reason = errno;
    if (reason != 0) files->unlink(temporary);
    return reason;
}

/* Room on the disk for the first bytes of a file, which stay as they are. 0, or the error; a file system that cannot tell is
 * believed to have it. */
static int reserve(const struct gb_files *files, int fd, size_t size) {
    while (files->fallocate(fd, 0, 0, (off_t)size) != 0)
        if (errno != EINTR) return errno == EOPNOTSUPP ? 0 : errno;
    return 0;
}

/* A file is changed only once there is room for all. */
static int overwrite(const struct gb_files *files, const char *path, const char *bytes, size_t size, bool durable) {
    struct stat old;
    const int fd = open_in_place(files, path);
    if (fd < 0) return errno;
    const bool file = files->fstat(fd, &old) == 0 && S_ISREG(old.st_mode);
    int reason = file ? reserve(files, fd, size) : 0;
    if (reason == 0) reason = write_all(files, fd, bytes, size);
    if (file && files->ftruncate(fd, reason == 0 ? (off_t)size : old.st_size) != 0 && reason == 0) reason = errno;
    return finish(files, fd, reason, durable);
}

int gb_result_file_write(const struct gb_files *files, const char *path, const char *bytes, size_t size, bool durable) {
    char end[GB_PATH_MAX];
    if (!gb_result_file_again(files, path)) return overwrite(files, path, bytes, size, durable);
    int reason = follow(files, path, end);
    if (reason == 0) reason = replace(files, end, bytes, size, durable);
    return only_in_place(reason) && files->access(end, F_OK) == 0 ? overwrite(files, end, bytes, size, durable) : reason;
}

const struct gb_files gb_real_files = {.access = access,
                                       .close = close,
                                       .fallocate = fallocate,
                                       .fchmod = fchmod,
                                       .fchown = fchown,
                                       .fstat = fstat,
                                       .fsync = fsync,
                                       .ftruncate = ftruncate,
                                       .is_mount = is_mount,
                                       .mkostemp = mkostemp,
                                       .open = open,
                                       .readlink = readlink,
                                       .rename = rename,
                                       .stat = stat,
                                       .unlink = unlink,
                                       .write = write};
