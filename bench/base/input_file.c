#include "input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

const char *gb_input_name(const char *path) { return strcmp(path, "-") == 0 ? GB_STANDARD_INPUT : path; }

/* At most one byte more than is allowed. */
static char *read_all(int fd, size_t *size) {
    char *const bytes = malloc(GB_INPUT_FILE_MAX + 1);
    *size = 0;
    while (bytes && *size < GB_INPUT_FILE_MAX + 1) {
        const ssize_t got = read(fd, bytes + *size, GB_INPUT_FILE_MAX + 1 - *size);
        if (got == 0) break;
        if (got > 0) *size += (size_t)got;
        else if (errno != EINTR) {
            free(bytes);
            return NULL;
        }
    }
    return bytes;
}

static int read_open(const char *path, int fd, char **bytes, size_t *size) {
    *bytes = read_all(fd, size);
    if (!*bytes) return gb_fail(GB_EXIT_RESOURCE, "cannot read %.400s (%s)", path, strerror(errno));
    if (*size <= GB_INPUT_FILE_MAX) return GB_EXIT_OK;
    free(*bytes);
    return gb_fail_at(GB_EXIT_INPUT, path, 1, 1, "the file is larger than 16 MiB");
}

int gb_input_read(const char *what, const char *path, char **bytes, size_t *size) {
    struct stat status;
    if (strcmp(path, "-") == 0) return read_open(GB_STANDARD_INPUT, STDIN_FILENO, bytes, size);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return gb_fail(GB_EXIT_INPUT, "cannot open %s %.400s (%s)", what, path, strerror(errno));
    int code;
    if (fstat(fd, &status) != 0) code = gb_fail(GB_EXIT_RESOURCE, "cannot read %.400s (%s)", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        code = gb_fail(GB_EXIT_INPUT, "%s %.400s is not a regular file%s", what, path,
                       S_ISDIR(status.st_mode) ? "" : " (use - for standard input)");
    else code = read_open(path, fd, bytes, size);
    close(fd);
    return code;
}

int gb_input_open(const char *path, int *fd, size_t *size) {
    struct stat status;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) return gb_fail(GB_EXIT_INPUT, "cannot open %.400s (%s)", path, strerror(errno));
    if (fstat(*fd, &status) == 0 && S_ISREG(status.st_mode)) {
        *size = (size_t)status.st_size;
        return GB_EXIT_OK;
    }
    close(*fd);
    return gb_fail(GB_EXIT_INPUT, "%.400s is not a regular file", path);
}

int gb_input_fail(const char *what, const char *path, const struct gb_parse_error *error) {
    if (error->line) return gb_fail_at(GB_EXIT_INPUT, gb_input_name(path), error->line, error->column, error->text);
    return gb_fail(GB_EXIT_RESOURCE, "no memory for the %s of %.400s", what, gb_input_name(path));
}
