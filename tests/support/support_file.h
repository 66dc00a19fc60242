/* Files as a whole. */
#ifndef SUPPORT_FILE_H
#define SUPPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The contents, to be freed, with a zero byte behind. NULL: they cannot be read. */
char *support_file_read(const char *path, size_t *size);

/* Fails the test where text is not what the file holds, and says the first line that differs. UPDATE_TEXTS=1 writes the file
 * instead: its change is then read as code is. */
void assert_text_of_file(const char *path, const char *text);

/* Reads the result file and writes it: the bytes are the same. */
bool is_written_again(const char *path);

#endif
