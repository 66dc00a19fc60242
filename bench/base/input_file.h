/* Texts that come from a file or from standard input. */
#ifndef GB_INPUT_FILE_H
#define GB_INPUT_FILE_H

#include <stddef.h>

enum { GB_INPUT_FILE_MAX = 16 << 20 };

#define GB_STANDARD_INPUT "stdin" /* as messages call it */

/* What a reader found wrong in a text. */
struct gb_parse_error {
    size_t line, column; /* from 1; line 0: no memory */
    char text[800];
};

/* The contents of a regular file, or for "-" of standard input, to be freed. what: "workload", as messages call it. Prints what
 * is wrong and returns the exit code. */
int gb_input_read(const char *what, const char *path, char **bytes, size_t *size);

/* Opens a regular file, of that size, to read bytes from. Prints what is wrong and returns the exit code. */
int gb_input_open(const char *path, int *fd, size_t *size);

/* "-" as messages call it, or the path. */
const char *gb_input_name(const char *path);

/* Prints an error of the file's text and returns the exit code. */
int gb_input_fail(const char *what, const char *path, const struct gb_parse_error *error);

#endif
