/* Where a result goes: a file that is replaced as a whole, or what cannot be replaced and is written to. */
#ifndef GB_RESULT_FILE_H
#define GB_RESULT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The calls of the system that decide what becomes of a file, so that tests have each of them fail. */
struct gb_files {
    int (*access)(const char *path, int mode);
    int (*close)(int fd);
    int (*fallocate)(int fd, int mode, off_t start, off_t size);
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);
    int (*fstat)(int fd, struct stat *status);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t size);
    bool (*is_mount)(const char *path); /* something is mounted on it */
    int (*mkostemp)(char *pattern, int flags);
    int (*open)(const char *path, int flags, ...);
    ssize_t (*readlink)(const char *path, char *target, size_t size);
    int (*rename)(const char *from, const char *to);
    int (*stat)(const char *path, struct stat *status);
    int (*unlink)(const char *path);
    ssize_t (*write)(int fd, const void *bytes, size_t size);
};
extern const struct gb_files gb_real_files;

/* Tries the place, and leaves it as it was: what would fail later fails now. Prints what is wrong and returns the exit code. */
int gb_result_file_try(const struct gb_files *files, const char *path);

/* A regular file, or none yet: it can be written again and again, or fails at once, where it has become a folder. Devices and
 * pipes are written once. */
bool gb_result_file_again(const struct gb_files *files, const char *path);

/* Makes bytes the contents of the file: by a temporary file beside it that is renamed, so that there is at any time the old
 * contents or the new. A link stays one; owner, group and mode stay. In place where that cannot be: the folder is not writable,
 * something is mounted on the file, it has several names, or its owner cannot be kept; once there is room for all of it.
 * durable: on the disk, too, when this returns. Returns 0, or the error. */
int gb_result_file_write(const struct gb_files *files, const char *path, const char *bytes, size_t size, bool durable);

#endif
