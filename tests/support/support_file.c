#include "support_file.h"

#include "result.h"
#include "support.h"

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

static void write_text(const char *path, const char *text) {
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void assert_text_of_file(const char *path, const char *text) {
    const char *const update = getenv("UPDATE_TEXTS");
    size_t size, same = 0, start = 0, line = 1;
    if (update && strcmp(update, "1") == 0) write_text(path, text);
    char *const want = support_file_read(path, &size);
    if (!want) fail_msg("%s cannot be read", path);
    for (; want[same] && want[same] == text[same]; same++)
        if (text[same] == '\n') start = same + 1, line++;
    const bool equal = !want[same] && !text[same];
    if (!equal)
        print_error("%s:%zu:\n  %.*s\nis\n  %.*s\n", path, line, (int)strcspn(want + start, "\n"), want + start,
                    (int)strcspn(text + start, "\n"), text + start);
    free(want);
    assert_true(equal);
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
