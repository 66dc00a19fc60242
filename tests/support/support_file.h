/* Files as a whole. */
#ifndef SUPPORT_FILE_H
#define SUPPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The contents, to be freed, with a zero byte behind. NULL: they cannot be read. */
char *support_file_read(const char *path, size_t *size);

/* Reads the result file and writes it: the bytes are the same. */
bool is_written_again(const char *path);

#endif
