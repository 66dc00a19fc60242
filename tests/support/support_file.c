#include "support_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "result.h"

char *support_file_read(const char *path, size_t *size) {
    FILE *const file = fopen(path, "rb");
    char *bytes = NULL;
    *size = 0;
    if (file && fseek(file, 0, SEEK_END) == 0) bytes = calloc(1, (size_t)ftell(file) + 1);
    if (bytes) {
        *size = (size_t)ftell(file);
        rewind(file);
        if (fread(bytes, 1, *size, file) != *size) *size = 0;
    }
    if (file) fclose(file);
    return bytes;
}

bool is_written_again(const char *path) {
    char again[] = "/tmp/gradbench-again-XXXXXX";
    struct gb_result result = {.complete = false};
    size_t size, size_again;
    const int fd = mkstemp(again);
    if (fd < 0) return false;
    close(fd);
    const bool good = gb_result_read(&result, path) == 0 && gb_result_write(&result, again, true) == 0;
    gb_result_free(&result);
    char *const bytes = support_file_read(path, &size), *const bytes_again = support_file_read(again, &size_again);
    const bool same = good && bytes && bytes_again && size == size_again && memcmp(bytes, bytes_again, size) == 0;
    free(bytes);
    free(bytes_again);
    unlink(again);
    return same;
}
