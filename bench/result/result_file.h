/* Where a result goes: a file that is replaced as a whole, or what cannot be replaced and is written to. */
#ifndef GB_RESULT_FILE_H
#define GB_RESULT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Tries the place, and leaves it as it was: what would fail later fails now. Prints what is wrong and returns the exit code. */
int gb_result_file_try(const char *path);

/* A regular file, or none yet: it can be written again and again, or fails at once, where it has become a folder. Devices and
 * pipes are written once. */
bool gb_result_file_again(const char *path);

/* Makes bytes the contents of the file: by a temporary file beside it that is renamed, so that there is at any time the old
 * contents or the new. A link stays one; owner, group and mode stay. In place where that cannot be: the folder is not writable,
 * something is mounted on the file, it has several names, or its owner cannot be kept; once there is room for all of it.
 * durable: on the disk, too, when this returns. Returns 0, or the error. */
int gb_result_file_write(const char *path, const char *bytes, size_t size, bool durable);

#endif
